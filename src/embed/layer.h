#pragma once
/* embed/layer.h: the parts that every tower is built of, read from a model folder's tensors.
 * Not here    which tensors a family has, and in which order they compute (vision.c, text.c)
 * Ownership   each part belongs to the tower that loads it; deinit is idempotent
 * Failure     ORI_BAD_MODEL naming the tensor (missing, of another shape, not finite), ORI_NOMEM, ORI_BACKEND */
#include <stddef.h>

#include "embed/matmul.h"
#include "embed/weights.h"

/* The floats of a tensor of this shape; *ret_floats: the caller frees. */
ori_status ori_layer_floats(const struct ori_weights *weights, const char *name,
                            const int64_t *shape, int dims, float **ret_floats,
                            struct ori_error *err);
/* The same into the caller's memory. */
ori_status ori_layer_read(const struct ori_weights *weights, const char *name, const int64_t *shape,
                          int dims, float *ret_floats, struct ori_error *err);

/* ORI_BAD_MODEL naming the tensor: weights that are no numbers give vectors that look like any other. */
ori_status ori_layer_check_finite(const char *name, const float *floats, size_t n,
                                  struct ori_error *err);

struct ori_norm { /* LayerNorm */
    float *weight;
    float *bias;
    size_t n;
};
/* NAME.weight and NAME.bias. */
ori_status ori_norm_load(const struct ori_weights *weights, const char *name, int n,
                         struct ori_norm *ret_norm, struct ori_error *err);
void ori_norm_deinit(struct ori_norm *norm);

/* One linear layer [out][in] with NAME.weight and, when the matmul has one, NAME.bias. */
ori_status ori_linear_load(const struct ori_matmul *matmul, int out, int in,
                           const struct ori_weights *weights, const char *name,
                           struct ori_slab *slab, struct ori_packed *ret_packed,
                           struct ori_error *err);

/* A name made of parts; cut names find no tensor. */
#define ORI_LAYER_NAME_BYTES 256
struct ori_layer_name {
    char text[ORI_LAYER_NAME_BYTES];
};
struct ori_layer_name ori_layer_name(const char *format, ...) __attribute__((format(printf, 1, 2)));
