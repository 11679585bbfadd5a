#pragma once
/* embed/kernels.h: what a transformer computes between its matrix products, one row at a time.
 * Variants    kernels.c is compiled once plain and once for each instruction set; ori_kernels gives
 *             the widest one that the CPU has and oneDNN's cap (ONEDNN_MAX_CPU_ISA) allows
 * Threads     pure; any thread
 * Units       rows of n float; bf16 are the upper halves of f32, rounded to even
 * Sources     LayerNorm: Ba et al. 2016, arXiv:1607.06450. GELU: Hendrycks and Gimpel 2016,
 *             arXiv:1606.08415. exp and erf: kernels.c
 * Checked by  tests/unit/embed_kernels_test.c: each variant against double arithmetic */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "embed/model.h"
#include "embed/model_config.h"
#include "embed/product.h"

/* One head of one sequence. Rows of q, k, v lie `stride` numbers apart. What comes out goes to the
 * columns from `out_column` on of `queries` rows from `out_row` on of a matrix of `out_columns`: f32, one
 * row behind the other; or, where head is a multiple of 32 and the set has such a product, in blocks as it
 * takes them: bf16 when q, k and v are, else f32. */
struct ori_attention {
    const void *q; /* f32, or bf16 with is_bf16 */
    const void *k;
    const void *v;
    ptrdiff_t stride;
    int tokens;
    int queries; /* the first so many tokens look; all others are only looked at */
    int head;    /* numbers a token and head */
    float scale;
    bool is_bf16;
    bool is_causal; /* a token sees itself and those before */
    bool gives_blocks;
    void *out;
    int out_row;
    int out_column;
    int out_columns;
    float *work; /* ori_kernel_attention_work(tokens, head) floats, 64-byte aligned */
};
size_t ori_kernel_attention_work(int tokens, int head);

/* What is left to do with the sums of byte products. Unsigned bytes stand for (byte - zero) * scale. */
struct ori_finish {
    float row_scale;
    const float *scales;    /* of each column */
    const int32_t *offsets; /* taken off each column first: zero times the sum of its weights */
    const float *bias;      /* NULL: none */
    enum ori_activation activation; /* 0: none */
    bool adds;                      /* to what y was */
};

struct ori_kernels {
    const char *name; /* "c", "avx2", "avx512", "amx" */
    /* y = (x - mean) / sqrt(variance + eps) * weight + bias; y may be x. bias NULL: none */
    void (*norm)(const float *x, size_t n, const float *weight, const float *bias, double eps,
                 float *y);
    /* Every 64 bytes of y lie `piece_stride` bytes behind the 64 before: 64 is one behind the other. */
    void (*to_bf16)(const float *x, size_t n, void *y, ptrdiff_t piece_stride);
    /* Symmetric: gives the scale, the largest magnitude becomes zero - 1 steps. zero: 64 or 128. */
    float (*to_bytes)(const float *x, size_t n, int zero, void *y, ptrdiff_t piece_stride);
    void (*finish)(const int32_t *sums, size_t n, const struct ori_finish *how, float *y);
    void (*add)(const float *x, size_t n, float *y); /* y += x */
    void (*activate)(float *x, size_t n, enum ori_activation activation);
    void (*gate)(float *x, const float *up, size_t n); /* x = silu(x) * up */
    void (*bytes_to_floats)(const uint8_t *x, size_t n, float factor, float addend, float *y);
    void (*attend)(const struct ori_attention *attention);
    /* embed/product.h; NULL: this set has none */
    void (*product)(const struct ori_product *product); /* of bf16 and of bytes */
    void (*product_f32)(const struct ori_product *product);
    int panel_f32; /* outputs of a panel of its weights */
};

enum ori_kernel_set { ORI_KERNELS_C, ORI_KERNELS_AVX2, ORI_KERNELS_AVX512, ORI_KERNELS_AMX };
/* NULL: this CPU does not have it, or it was not built for this architecture. */
const struct ori_kernels *ori_kernels_of(enum ori_kernel_set set);
/* Whether a set has a product of its own for a precision. */
bool ori_kernels_have_product(const struct ori_kernels *kernels, enum ori_precision precision);
/* The widest up to `most`. */
const struct ori_kernels *ori_kernels(enum ori_kernel_set most);
