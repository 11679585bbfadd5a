#pragma once
/* embed/model.h: one loaded encoder: prepared pictures or a text in, unit vectors out.
 * Not here    decoding and resizing (media, vision), batching (pipeline), storing (stores)
 * Call order  open; one scratch for each thread; embed at will; destroy scratches, then close
 * Ownership   the model owns its weights; a scratch borrows the model, which outlives it
 * Threads     a model is read-only after open, any thread; a scratch stays on its own thread
 * Failure     a status, its cause in err if given; nothing is written, nothing changes hands
 * Units       side in pixels; pictures are 8-bit planes R G B, rows top to bottom, as the child
 *             prepared them; vectors f32, norm 1
 * Shapes      pictures [n][3][side][side] uint8; vectors [n][dim] f32
 * Limits      n <= info.batch_max
 * Promise     a picture's vector does not depend on the batch it rode in */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cancel.h"
#include "util/status.h"

struct ori_model;
struct ori_model_scratch; /* working memory of one thread */

/* How the child prepares a picture for this model: see media/child_proto.h for the two ways. */
enum ori_model_fit { ORI_MODEL_FIT_SQUASH = 1, ORI_MODEL_FIT_SHORTER_CROP = 2 };

enum ori_precision {
    ORI_PRECISION_AUTO,
    ORI_PRECISION_F32,
    ORI_PRECISION_BF16,
    ORI_PRECISION_INT8
};

struct ori_model_info {
    const char *name;      /* a hub name, builtin/..., or for a folder: its name, "@", its digest */
    const char *digest;    /* 16 hex digits of the weights' identity; "" for a builtin */
    const char *backend;   /* "builtin", "onednn" */
    const char *precision; /* "f32", "bf16", "int8" */
    const char *device;    /* "cpu" */
    int dim;
    int dim_min; /* the fewest that its vectors may be cut to; dim: not at all */
    int side;
    enum ori_model_fit fit;
    int resize_side;      /* the shorter side, or both for a squash, before the crop to side */
    bool is_crop_rounded; /* media/child_proto.h: struct ori_input_spec */
    bool is_bilinear;     /* else bicubic */
    size_t batch_max;
    bool has_text;
    const char *architecture; /* "CLIP", "SigLIP"...; "" for a builtin */
    const char *licence;      /* "" when not known */
    int64_t parameters;
    int64_t
        resident_bytes; /* weights and working memory of the image tower, counted, not measured */
};

struct ori_model_options {
    const char *name; /* CLIP_MODEL: builtin/..., a folder, or a hub name with or without
                              "@revision" */
    const char
        *hub_cache; /* where pulled models lie: $HF_HOME/hub; NULL: only folders are looked at */
    int dim_wanted; /* QDRANT_DIM; 0: the model's own */
    enum ori_precision precision;
};

/* ORI_BAD_SETTING: an unknown builtin/ name, a precision this machine cannot compute with, or a
 * dim_wanted that the model cannot give (the text names both numbers). ORI_MODEL_MISSING: with the
 * one command to run. ORI_BAD_MODEL, ORI_UNSUPPORTED_MODEL: embed/weights.h, model_config.h. */
ori_status ori_model_open(const struct ori_model_options *options, struct ori_model **ret_model,
                          struct ori_error *err);
void ori_model_close(struct ori_model **model); /* null-safe, nulls */
struct ori_model_info ori_model_info(const struct ori_model *model);

ori_status ori_model_scratch_create(const struct ori_model *model,
                                    struct ori_model_scratch **ret_scratch, struct ori_error *err);
void ori_model_scratch_destroy(struct ori_model_scratch **scratch);

/* Embeds n prepared pictures, borrowed for the call. ret_vectors: the caller's, n * dim floats.
 * ORI_OK, ORI_CANCELLED, ORI_LIMIT (n), ORI_NOMEM, ORI_BACKEND; after a failure the contents of
 * ret_vectors mean nothing. Blocks for one forward pass; takes no lock. */
ori_status ori_model_embed_pictures(struct ori_model_scratch *scratch,
                                    const uint8_t *const *pictures, size_t n,
                                    const struct ori_cancel *cancel, float *ret_vectors,
                                    struct ori_error *err);
/* One text of UTF-8. ORI_NO_TEXT when the model has no text encoder. */
ori_status ori_model_embed_text(struct ori_model_scratch *scratch, const char *text,
                                const struct ori_cancel *cancel, float *ret_vector,
                                struct ori_error *err);
