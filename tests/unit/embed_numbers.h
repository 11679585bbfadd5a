#pragma once
/* Numbers for the tests of the encoder's arithmetic: made up, the same each time; and bf16 by hand. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "embed/kernels.h"

static inline uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

static inline float next_float(uint32_t *state) /* -1..1 */
{
    return (float)next_random(state) / 8388608.0F - 1.0F;
}

static inline float from_bf16(uint16_t half)
{
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Nearest, ties to even, by comparing the two neighbours. */
static inline uint16_t nearest_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t below = (uint16_t)(bits >> 16);
    uint32_t rest = bits & 0xffffU;
    if (rest > 0x8000U || (rest == 0x8000U && (below & 1U)))
        below++;
    return below;
}

static inline double activated(double x, enum ori_activation activation)
{
    switch (activation) {
    case ORI_ACTIVATION_QUICK_GELU:
        return x / (1 + exp(-1.702 * x));
    case ORI_ACTIVATION_GELU:
        return x * 0.5 * erfc(-x / sqrt(2));
    case ORI_ACTIVATION_GELU_TANH:
        return x * 0.5 * (1 + tanh(sqrt(2 / acos(-1.0)) * (x + 0.044715 * x * x * x)));
    case ORI_ACTIVATION_SWIGLU:
    default:
        return x;
    }
}

/* Calls `test` for each set of kernels that this CPU has, with its table. */
#define EACH_SET(set)                                                                              \
    for (int set = ORI_KERNELS_C; set <= ORI_KERNELS_AMX; set++)                                   \
        if (ori_kernels_of((enum ori_kernel_set)set))
