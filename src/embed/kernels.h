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

#include "embed/model_config.h"

/* One head of one sequence. Rows of q, k, v lie `stride` floats apart. */
struct ori_attention {
    const float *q;
    const float *k;
    const float *v;
    ptrdiff_t stride;
    int tokens;
    int queries; /* the first so many tokens look; all others are only looked at */
    int head;    /* floats a token and head */
    float scale;
    bool is_causal; /* a token sees itself and those before */
    float *out;     /* queries rows of head floats, out_stride apart */
    ptrdiff_t out_stride;
    float *work; /* ori_kernel_attention_work(tokens, head) floats, 64-byte aligned */
};
size_t ori_kernel_attention_work(int tokens, int head);

/* Unsigned bytes stand for (byte - zero) * scale. */
struct ori_dequantize {
    float row_scale;
    const float *scales;    /* of each column */
    const int32_t *offsets; /* taken off each column first: zero times the sum of its weights */
    const float *bias;      /* NULL: none */
};

struct ori_kernels {
    const char *name; /* "c", "avx2", "avx512" */
    /* y = (x - mean) / sqrt(variance + eps) * weight + bias; y may be x. bias NULL: none */
    void (*norm)(const float *x, size_t n, const float *weight, const float *bias, double eps,
                 float *y);
    void (*to_bf16)(const float *x, size_t n, uint16_t *y);
    /* Symmetric: gives the scale, the largest magnitude becomes zero - 1 steps. zero: 64 or 128. */
    float (*to_bytes)(const float *x, size_t n, int zero, uint8_t *y);
    void (*from_int32)(const int32_t *x, size_t n, const struct ori_dequantize *how, float *y);
    void (*add)(const float *x, size_t n, float *y); /* y += x */
    void (*activate)(float *x, size_t n, enum ori_activation activation);
    void (*gate)(float *x, const float *up, size_t n); /* x = silu(x) * up */
    void (*bytes_to_floats)(const uint8_t *x, size_t n, float factor, float addend, float *y);
    void (*attend)(const struct ori_attention *attention);
};

enum ori_kernel_set { ORI_KERNELS_C, ORI_KERNELS_AVX2, ORI_KERNELS_AVX512 };
/* NULL: this CPU does not have it, or it was not built for this architecture. */
const struct ori_kernels *ori_kernels_of(enum ori_kernel_set set);
/* The widest up to `most`. */
const struct ori_kernels *ori_kernels(enum ori_kernel_set most);
