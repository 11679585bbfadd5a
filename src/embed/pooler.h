#pragma once
/* embed/pooler.h: SigLIP's pooling head: one learned query attends to all tokens of a picture, then a
 * feed-forward half with a residual. f32 throughout: it is a small part of the work.
 * Source      Zhai et al. 2022, arXiv:2106.04560; tensors as Hugging Face's
 *             SiglipMultiheadAttentionPoolingHead names them
 * Threads     read-only after load; a scratch stays on its own thread */
#include "embed/transformer.h"

struct ori_pooler;
struct ori_pooler_scratch;

struct ori_pooler_options {
    struct ori_tower_config config;
    const struct ori_kernels *kernels;
    const char *prefix; /* "vision_model.head" */
    int tokens;
    int sequences_max;
};
ori_status ori_pooler_load(const struct ori_pooler_options *options,
                           const struct ori_weights *weights, struct ori_pooler **ret_pooler,
                           struct ori_error *err);
void ori_pooler_destroy(struct ori_pooler **pooler); /* null-safe, nulls */
size_t ori_pooler_bytes(const struct ori_pooler *pooler);

ori_status ori_pooler_scratch_create(const struct ori_pooler *pooler,
                                     struct ori_pooler_scratch **ret_scratch,
                                     struct ori_error *err);
void ori_pooler_scratch_destroy(struct ori_pooler_scratch **scratch);
/* x [sequences * tokens][width], 64-byte aligned with room for sequences_max; ret_pooled
 * [sequences][width]. */
ori_status ori_pooler_run(struct ori_pooler_scratch *scratch, const float *x, int sequences,
                          float *ret_pooled, struct ori_error *err);
