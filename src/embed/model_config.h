#pragma once
/* embed/model_config.h: what a model folder's config.json and preprocessor_config.json say, in
 * numbers the encoders use.
 * Threads   pure; any thread
 * Failure   ORI_MODEL_MISSING (no config.json), ORI_UNSUPPORTED_MODEL (an architecture we do not
 *           have: named, with the list of those we have), ORI_BAD_MODEL (JSON or a number that
 *           cannot be: the text names file and key), ORI_LIMIT, ORI_IO, ORI_NOMEM
 * Defaults  config.json leaves out what equals the reference's default: CLIPConfig, SiglipConfig of
 *           Hugging Face transformers; they are filled in here */
#include <stdbool.h>
#include <stdint.h>

#include "util/status.h"

enum ori_family {
    ORI_FAMILY_CLIP = 1,    /* model_type clip: OpenAI, LAION */
    ORI_FAMILY_SIGLIP,      /* model_type siglip: SigLIP, and SigLIP 2 of fixed resolution */
    ORI_FAMILY_JINA_CLIP_V2 /* model_type jina_clip: EVA02 image tower */
};
enum ori_activation {
    ORI_ACTIVATION_QUICK_GELU = 1, /* x * sigmoid(1.702 x) */
    ORI_ACTIVATION_GELU,           /* by erf */
    ORI_ACTIVATION_GELU_TANH,
    ORI_ACTIVATION_SWIGLU
};
enum ori_filter { ORI_FILTER_BILINEAR = 2, ORI_FILTER_BICUBIC = 3 }; /* Pillow's numbers */

struct ori_tower_config { /* a stack of transformer blocks */
    int width;
    int layers;
    int heads; /* divides width */
    int mlp;   /* hidden numbers of the feed-forward half */
    enum ori_activation activation;
    double eps; /* of LayerNorm */
};
struct ori_vision_config {
    struct ori_tower_config tower;
    int side;      /* image_size: pixels */
    int patch;     /* pixels; side / patch patches each way, what is left over is not looked at */
    int rope_grid; /* jina: positions 0..n-1 each way are turned as if there were this many, that is
                      position * rope_grid / n (pt_hw_seq_len, intp_freq); 0: no rotary positions */
};
struct ori_text_config {
    struct ori_tower_config tower;
    int vocabulary;
    int positions;    /* tokens of a text, at most: 77, 64 */
    int bos_token_id; /* as the config says; -1: it does not */
    int eos_token_id;
    int pad_token_id;
};
/* How a picture becomes input, from preprocessor_config.json; defaults are the family's. */
struct ori_preprocess_config {
    bool is_squash; /* both sides to resize_side; else the shorter one, then the centre */
    int resize_side;
    int crop_side;        /* of the result; equals ori_vision_config.side */
    bool is_crop_rounded; /* crop offset round half to even of (n - side) / 2 (jina), else floor */
    enum ori_filter filter;
    double rescale; /* 1/255 */
    float mean[3];
    float std[3];
};
struct ori_model_config {
    enum ori_family family;
    char architecture[64]; /* "CLIPModel" */
    int dim;               /* of the vectors: projection_dim, or the image tower's width */
    bool is_matryoshka;    /* trained to be cut: dim_min..dim */
    int dim_min;
    bool has_text;
    struct ori_vision_config vision;
    struct ori_text_config text;
    struct ori_preprocess_config preprocess;
    char licence[64]; /* "CC-BY-NC-4.0" where the family is known to have one, else empty */
};

ori_status ori_model_config_load(const char *folder, struct ori_model_config *ret_config,
                                 struct ori_error *err);
/* All of it that reaches a vector, in words: two configurations that compute differently differ. Never
 * cut: ORI_MODEL_CONFIG_TEXT_BYTES is room for any. */
#define ORI_MODEL_CONFIG_TEXT_BYTES 1536
void ori_model_config_text(const struct ori_model_config *config,
                           char ret_text[ORI_MODEL_CONFIG_TEXT_BYTES]);
/* "CLIP, SigLIP...": for the message that refuses another. */
const char *ori_model_config_families(void);
