#include "embed/layer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/aligned.h"

struct ori_layer_name ori_layer_name(const char *format, ...)
{
    struct ori_layer_name name;
    va_list list;
    va_start(list, format);
    vsnprintf(name.text, sizeof name.text, format, list);
    va_end(list);
    return name;
}

ori_status ori_layer_check_finite(const char *name, const float *floats, size_t n,
                                  struct ori_error *err)
{
    const uint32_t exponent = 0x7f800000; /* all its bits set: no number, or no end */
    uint32_t found = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &floats[i], sizeof bits);
        found |= (bits & exponent) == exponent;
    }
    if (!found)
        return ORI_OK;
    return ori_error_set(err, ORI_BAD_MODEL, "tensor %.200s holds NaN or infinity", name);
}

ori_status ori_layer_read(const struct ori_weights *weights, const char *name, const int64_t *shape,
                          int dims, float *ret_floats, struct ori_error *err)
{
    const struct ori_tensor *tensor = NULL;
    ori_status status = ori_weights_find(weights, name, shape, dims, &tensor, err);
    if (status == ORI_OK)
        ori_tensor_floats(tensor, 0, tensor->elements, ret_floats);
    return status == ORI_OK ? ori_layer_check_finite(name, ret_floats, tensor->elements, err)
                            : status;
}

ori_status ori_layer_floats(const struct ori_weights *weights, const char *name,
                            const int64_t *shape, int dims, float **ret_floats,
                            struct ori_error *err)
{
    const struct ori_tensor *tensor = NULL;
    ori_status status = ori_weights_find(weights, name, shape, dims, &tensor, err);
    if (status != ORI_OK)
        return status;
    float *floats = ori_aligned_alloc(tensor->elements, sizeof *floats);
    if (!floats)
        return ori_error_set(err, ORI_NOMEM, "tensor %.100s", name);
    ori_tensor_floats(tensor, 0, tensor->elements, floats);
    status = ori_layer_check_finite(name, floats, tensor->elements, err);
    if (status != ORI_OK) {
        free(floats);
        return status;
    }
    *ret_floats = floats;
    return ORI_OK;
}

ori_status ori_norm_load(const struct ori_weights *weights, const char *name, int n,
                         struct ori_norm *ret_norm, struct ori_error *err)
{
    struct ori_norm norm = {.n = (size_t)n};
    int64_t shape[] = {n};
    ori_status status = ori_layer_floats(weights, ori_layer_name("%s.weight", name).text, shape, 1,
                                         &norm.weight, err);
    if (status == ORI_OK)
        status = ori_layer_floats(weights, ori_layer_name("%s.bias", name).text, shape, 1,
                                  &norm.bias, err);
    if (status != ORI_OK) {
        ori_norm_deinit(&norm);
        return status;
    }
    *ret_norm = norm;
    return ORI_OK;
}

void ori_norm_deinit(struct ori_norm *norm)
{
    free(norm->weight);
    free(norm->bias);
    *norm = (struct ori_norm){0};
}

ori_status ori_linear_load(const struct ori_matmul *matmul, int out, int in,
                           const struct ori_weights *weights, const char *name,
                           struct ori_slab *slab, struct ori_packed *ret_packed,
                           struct ori_error *err)
{
    float *matrix = NULL;
    float *bias = NULL;
    int64_t shape[] = {out, in};
    ori_status status =
        ori_layer_floats(weights, ori_layer_name("%s.weight", name).text, shape, 2, &matrix, err);
    if (status == ORI_OK && ori_matmul_has_bias(matmul))
        status =
            ori_layer_floats(weights, ori_layer_name("%s.bias", name).text, shape, 1, &bias, err);
    if (status == ORI_OK)
        status = ori_matmul_pack(matmul, matrix, bias, slab, ret_packed, err);
    free(matrix);
    free(bias);
    return status;
}
