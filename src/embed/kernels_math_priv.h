#pragma once
/* embed/kernels_math_priv.h: vectors of ORI_KERNEL_LANES floats and what is computed on them; for the
 * kernels*.c alone, each compiled for one instruction set.
 *
 * exp   x = n ln2 + r, |r| <= ln2 / 2, two-part ln2 (Cody and Waite), degree 6 polynomial from the Taylor
 *       series; relative error below 2e-7 over the range that is not clamped
 * tanh  by exp: 1 - 2 / (exp(2x) + 1)
 * erf   Abramowitz and Stegun 7.1.26: absolute error below 1.5e-7 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "embed/model_config.h"

#ifndef ORI_KERNEL_LANES
#define ORI_KERNEL_LANES 4
#endif
#define LANES ORI_KERNEL_LANES

#if ORI_KERNEL_LANES > 4
#include <immintrin.h>
#endif

typedef float vf __attribute__((vector_size(LANES * 4)));
typedef int32_t vi __attribute__((vector_size(LANES * 4)));
typedef int32_t vi_memory __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef float vf_memory __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

static inline vf load(const float *x)
{
    return *(const vf_memory *)x;
}

static inline vi load_whole(const int32_t *x)
{
    return *(const vi_memory *)x;
}

static inline void store(float *y, vf v)
{
    *(vf_memory *)y = v;
}

static inline vf all(float x)
{
    return (vf){0} + x;
}

static inline vf pick(vi mask, vf yes, vf no) /* mask lanes are 0 or -1 */
{
    return (vf)((mask & (vi)yes) | (~mask & (vi)no));
}

#if ORI_KERNEL_LANES == 16 /* one instruction, which the compilers do not find in a comparison */
static inline vf least(vf a, vf b)
{
    return (vf)_mm512_min_ps((__m512)a, (__m512)b);
}

static inline vf most(vf a, vf b)
{
    return (vf)_mm512_max_ps((__m512)a, (__m512)b);
}
#elif ORI_KERNEL_LANES == 8
static inline vf least(vf a, vf b)
{
    return (vf)_mm256_min_ps((__m256)a, (__m256)b);
}

static inline vf most(vf a, vf b)
{
    return (vf)_mm256_max_ps((__m256)a, (__m256)b);
}
#else
static inline vf least(vf a, vf b)
{
    return pick((vi)(a < b), a, b);
}

static inline vf most(vf a, vf b)
{
    return pick((vi)(a > b), a, b);
}
#endif

static inline vf magnitude(vf x)
{
    return (vf)((vi)x & 0x7fffffff);
}

static inline float sum_of(vf v)
{
    float lanes[LANES];
    memcpy(lanes, &v, sizeof lanes);
    for (int width = LANES / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; i++)
            lanes[i] += lanes[i + width];
    }
    return lanes[0];
}

static inline float most_of(vf v)
{
    float lanes[LANES];
    memcpy(lanes, &v, sizeof lanes);
    for (int width = LANES / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; i++)
            lanes[i] = lanes[i] > lanes[i + width] ? lanes[i] : lanes[i + width];
    }
    return lanes[0];
}

/* The last n % LANES floats, padded. */
static inline vf load_some(const float *x, size_t n, float padding)
{
    vf v = all(padding);
    memcpy(&v, x, n * sizeof *x);
    return v;
}

static inline vf exp_of(vf x)
{
    const float shifter = 12582912.0F; /* 1.5 * 2^23: adding it rounds to a whole number */
    x = least(most(x, all(-87.0F)), all(88.0F));
    vf n = x * 1.44269504F + shifter;
    vi exponent = (vi)n - 0x4b400000;
    n -= shifter;
    vf r = x - n * 0.693359375F + n * 2.12194440e-4F;
    vf p = all(1.0F / 720);
    p = p * r + 1.0F / 120;
    p = p * r + 1.0F / 24;
    p = p * r + 1.0F / 6;
    p = p * r + 0.5F;
    p = p * r + 1.0F;
    p = p * r + 1.0F;
    return (vf)((vi)p + (exponent << 23));
}

#if ORI_KERNEL_LANES == 16 /* a third of a division, with one step of Newton's as good as one */
static inline vf reciprocal_of(vf x)
{
    vf guess = (vf)_mm512_rcp14_ps((__m512)x);
    return guess * (2.0F - x * guess);
}
#else
static inline vf reciprocal_of(vf x)
{
    return 1.0F / x;
}
#endif

static inline vf sigmoid_of(vf x)
{
    return reciprocal_of(1.0F + exp_of(-x));
}

static inline vf quick_gelu_of(vf x)
{
    return x * sigmoid_of(x * 1.702F);
}

static inline vf gelu_tanh_of(vf x)
{
    vf inner = 0.7978845608F * (x + 0.044715F * x * x * x);
    return x * sigmoid_of(2.0F * inner); /* (1 + tanh(a)) / 2 is sigmoid(2 a) */
}

static inline vf gelu_of(vf x)
{
    vf a = magnitude(x) * 0.7071067812F;
    vf t = reciprocal_of(1.0F + 0.3275911F * a);
    vf p = all(1.061405429F);
    p = p * t - 1.453152027F;
    p = p * t + 1.421413741F;
    p = p * t - 0.284496736F;
    p = p * t + 0.254829592F;
    vf tail = 0.5F * p * t * exp_of(-a * a); /* (1 - erf(a)) / 2 */
    return pick((vi)(x < 0.0F), x * tail, x * (1.0F - tail));
}
