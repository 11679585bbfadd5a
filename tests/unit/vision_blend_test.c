/* The fast way against the plain one: the same bits, whatever the weights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vision/blend.h"

enum { ROWS_MAX = 64, LANES_MAX = 96, STRIDE = 107 };

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Weights of both signs, of a kernel's size or of the largest that a sum can bear. */
static void make_weights(uint32_t *seed, int count, int32_t *ret_weights)
{
    int32_t most = (1 << (ORI_BLEND_BITS + 1)) / count;
    for (int k = 0; k < count; k++)
        ret_weights[k] = (int32_t)(next_random(seed) % (uint32_t)(2 * most + 1)) - most;
}

static void both_give_the_same_bits(void **state)
{
    (void)state;
    static uint8_t rows[ROWS_MAX * STRIDE + LANES_MAX];
    uint32_t seed = 42;
    for (int round = 0; round < 4000; round++) {
        int32_t weights[ROWS_MAX];
        uint8_t plain[LANES_MAX + 1];
        uint8_t fast[LANES_MAX + 1];
        int count = 2 + 2 * (int)(next_random(&seed) % (ROWS_MAX / 2));
        int lanes = ORI_BLEND_LANES * (1 + (int)(next_random(&seed) % 6));
        uint32_t kind = next_random(&seed) % 4; /* any sample, or black and white alone */
        for (size_t i = 0; i < sizeof rows; i++)
            rows[i] = (uint8_t)(kind ? next_random(&seed) : next_random(&seed) % 2 * 255);
        make_weights(&seed, count, weights);
        memset(plain, 0xA5, sizeof plain);
        memset(fast, 0xA5, sizeof fast);
        ori_blend_plain(rows + kind, STRIDE, weights, count, lanes, plain);
        ori_blend(rows + kind, STRIDE, weights, count, lanes, fast);
        assert_memory_equal(plain, fast, sizeof plain);
        assert_int_equal(fast[lanes], 0xA5);
    }
}

/* Worked by hand: halves are rounded up, sums are clamped. */
static void numbers(void **state)
{
    (void)state;
    static const struct {
        uint8_t a, b;
        int32_t weight_a, weight_b; /* in quarters */
        uint8_t expected;
    } rows[] = {
        {10, 20, 4, 0, 10},    {10, 20, 0, 4, 20},   {10, 20, 2, 2, 15},    {10, 21, 2, 2, 16},
        {10, 11, 3, 1, 10},    {10, 13, 2, 2, 12},   {200, 100, 8, 0, 255}, {200, 100, -4, 4, 0},
        {255, 255, 2, 2, 255}, {0, 255, -1, 5, 255}, {255, 0, -1, 5, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t samples[2 * ORI_BLEND_LANES];
        uint8_t result[ORI_BLEND_LANES];
        const int32_t quarter = 1 << (ORI_BLEND_BITS - 2);
        const int32_t weights[2] = {rows[i].weight_a * quarter, rows[i].weight_b * quarter};
        memset(samples, rows[i].a, ORI_BLEND_LANES);
        memset(samples + ORI_BLEND_LANES, rows[i].b, ORI_BLEND_LANES);
        ori_blend(samples, ORI_BLEND_LANES, weights, 2, ORI_BLEND_LANES, result);
        for (int k = 0; k < ORI_BLEND_LANES; k++) {
            if (result[k] != rows[i].expected)
                fail_msg("row %d: %d", (int)i, result[k]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_give_the_same_bits),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
