#pragma once
/* embed/model_priv.h: what an encoder is made of; for src/embed alone.
 * An encoder is one const struct of functions. It puts struct ori_model and struct
 * ori_model_scratch first into its own structs; model.c fills the base fields and checks every
 * argument that comes from outside, so that an implementation sees valid ones only. */
#include "embed/model.h"

struct ori_model_ops {
    ori_status (*open)(const struct ori_model_options *options, struct ori_model **ret_model,
                       struct ori_error *err);
    void (*close)(struct ori_model *model);
    ori_status (*scratch_create)(const struct ori_model *model,
                                 struct ori_model_scratch **ret_scratch, struct ori_error *err);
    void (*scratch_destroy)(struct ori_model_scratch *scratch);
    ori_status (*embed_pictures)(struct ori_model_scratch *scratch, const uint8_t *const *pictures,
                                 size_t n, const struct ori_cancel *cancel, float *ret_vectors,
                                 struct ori_error *err);
    ori_status (*embed_text)(struct ori_model_scratch *scratch, const char *text,
                             const struct ori_cancel *cancel, float *ret_vector,
                             struct ori_error *err);
};

struct ori_model {
    const struct ori_model_ops *ops;
    struct ori_model_info info; /* set by open; immutable afterwards */
};
struct ori_model_scratch {
    const struct ori_model *model;
};

#define ORI_BUILTIN_VISUAL_NAME "builtin/visual-512"
#define ORI_BUILTIN_VISUAL_DIM 512
#define ORI_BUILTIN_VISUAL_SIDE 64
extern const struct ori_model_ops ori_builtin_visual_ops;

extern const struct ori_model_ops ori_clip_ops; /* a folder, or a name on a hub */
