#pragma once
/* embed/vision.h: the image tower of each family: prepared pictures in, features out.
 * Call order  load; a scratch for each thread; run; destroy scratches, deinit
 * Threads     read-only after load; a scratch stays on its own thread
 * Shapes      pictures [n] of 3 * side * side bytes, planes R G B; features [n][dim] f32, not
 *             normalised; n at most pictures_max
 * How         mean and std are folded into the weights of the patches, whose input is then whole
 *             numbers, exact in every precision
 * Source      CLIP: Radford et al. 2021; SigLIP's pooling head: Zhai et al. 2022, arXiv:2106.04560 and
 *             Zhai et al. 2023, arXiv:2303.15343; EVA02: Fang et al. 2023, arXiv:2303.11331 */
#include "embed/transformer.h"

struct ori_vision {
    struct ori_model_config config;
    enum ori_precision precision;
    const struct ori_kernels *kernels;
    int pictures_max; /* of one run */
    int patches;      /* of one picture */
    int tokens;
    struct ori_matmul *patch; /* [width][3 * patch * patch] */
    struct ori_packed patch_weights;
    float *class_token; /* NULL: none */
    float *positions;   /* [tokens][width] */
    struct ori_norm pre_norm;
    struct ori_transformer blocks;
    struct ori_norm post_norm;
    struct ori_matmul *projection; /* NULL: none */
    struct ori_packed projection_weights;
    struct ori_pooler *pooler; /* SigLIP's attention head; NULL: the class token */
    float *rotation_cos;       /* EVA02: [tokens][head]; NULL: none */
    float *rotation_sin;
};

struct ori_vision_options {
    const struct ori_model_config *config;
    enum ori_precision precision; /* not AUTO */
    const struct ori_kernels *kernels;
};
ori_status ori_vision_load(const struct ori_vision_options *options,
                           const struct ori_weights *weights, struct ori_vision *ret_vision,
                           struct ori_error *err);
void ori_vision_deinit(struct ori_vision *vision);                /* idempotent */
size_t ori_vision_bytes(const struct ori_vision *vision);         /* packed weights */
size_t ori_vision_scratch_bytes(const struct ori_vision *vision); /* of one scratch */

struct ori_vision_scratch;
ori_status ori_vision_scratch_create(const struct ori_vision *vision,
                                     struct ori_vision_scratch **ret_scratch,
                                     struct ori_error *err);
void ori_vision_scratch_destroy(struct ori_vision_scratch **scratch); /* null-safe, nulls */
ori_status ori_vision_run(struct ori_vision_scratch *scratch, const uint8_t *const *pictures, int n,
                          const struct ori_cancel *cancel, float *ret_features,
                          struct ori_error *err);
