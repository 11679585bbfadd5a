#pragma once
/* embed/matmul_priv.h: what matmul.c and matmul_plan.c share.
 * The library picks a kernel by shape. What it packs for rows_first is the layout of all forms (compiled
 * products) of a matmul. Two forms may sum in another order, so one for other rows must prove itself
 * against the first. Where the library falls back to its classic gemm every shape has its own order:
 * there the first form is one picture's rows, and no other is used. */
#include "embed/matmul.h"
#include "embed/onednn_priv.h"

struct ori_matmul {
    struct ori_matmul_spec spec;
    const struct ori_kernels *kernels;
    bool is_own; /* the kernels' product; nothing of the library's */
    int steps;   /* of a row of x, of one's own */
    dnnl_engine_t engine;
    dnnl_data_type_t x_type;
    dnnl_data_type_t weights_type;
    dnnl_data_type_t y_type;
    struct layout packed; /* of the weights */
    char kind[64];
    int rows_first;   /* of the form that all others are held against */
    bool is_one_only; /* no other form than the first is tried */
};

/* weights: a layout, or any the library likes. */
dnnl_status_t ori_matmul_describe(const struct ori_matmul *matmul, int rows,
                                  const struct layout *weights, dnnl_primitive_desc_t *ret_form);
/* Whether the library adds the bias. */
bool ori_matmul_adds_bias(const struct ori_matmul_spec *spec);
size_t ori_matmul_width(dnnl_data_type_t type);
/* Translates the library's status, with its number as the native one. */
ori_status ori_matmul_failed(struct ori_error *err, dnnl_status_t status, const char *what);
