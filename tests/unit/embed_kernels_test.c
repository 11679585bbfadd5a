/* Every set of kernels that this CPU has against double arithmetic: odd lengths, extreme values, the
 * same memory for what goes in and what comes out. Attention and products: embed_attend_test.c,
 * embed_product_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "embed_numbers.h"

enum { MOST = 1024, GUARD = 64, PIECE_BYTES = 64 };

static const size_t lengths[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 100, 768, 1023};
#define EACH_LENGTH(n)                                                                             \
    for (size_t i_ = 0, n = 0; i_ < sizeof lengths / sizeof lengths[0] && (n = lengths[i_]); i_++)

static float numbers[3][MOST];

static void fill(float *x, size_t n, float size, uint32_t seed)
{
    for (size_t i = 0; i < n; i++)
        x[i] = next_float(&seed) * size;
}

static void assert_near(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance * (1 + fabs(expected))))
        fail_msg("%.9g, expected %.9g", value, expected);
}

static void test_sets(void **state)
{
    (void)state;
    static const char *const names[] = {"c", "avx2", "avx512", "amx"};
    assert_non_null(ori_kernels_of(ORI_KERNELS_C));
    EACH_SET(set)
    {
        const struct ori_kernels *kernels = ori_kernels_of((enum ori_kernel_set)set);
        assert_string_equal(kernels->name, names[set]);
        assert_ptr_equal(ori_kernels((enum ori_kernel_set)set), kernels);
        assert_int_equal(kernels->product != NULL, set == ORI_KERNELS_AMX);
        print_message("%s\n", kernels->name);
    }
}

static void check_norm(const struct ori_kernels *kernels, size_t n, float offset, bool has_bias,
                       bool is_in_place)
{
    const double eps = 1e-5;
    float y[MOST + GUARD] = {0};
    double mean = 0;
    double variance = 0;
    fill(numbers[0], n, 3, 1);
    fill(numbers[1], n, 1, 2);
    fill(numbers[2], n, 1, 3);
    for (size_t i = 0; i < n; i++) {
        numbers[0][i] += offset;
        y[i] = numbers[0][i];
        mean += (double)numbers[0][i] / (double)n;
    }
    for (size_t i = 0; i < n; i++)
        variance += ((double)numbers[0][i] - mean) * ((double)numbers[0][i] - mean) / (double)n;
    kernels->norm(is_in_place ? y : numbers[0], n, numbers[1], has_bias ? numbers[2] : NULL, eps,
                  y);
    for (size_t i = 0; i < n; i++) {
        double expected =
            ((double)numbers[0][i] - mean) / sqrt(variance + eps) * (double)numbers[1][i];
        assert_near((double)y[i], expected + (has_bias ? (double)numbers[2][i] : 0),
                    offset > 0 ? 1e-4 : 3e-6);
    }
    for (size_t i = n; i < n + GUARD; i++)
        assert_true(y[i] == 0);
}

static void test_norm(void **state)
{
    (void)state;
    EACH_SET(set)
    {
        const struct ori_kernels *kernels = ori_kernels_of((enum ori_kernel_set)set);
        EACH_LENGTH(n)
        {
            check_norm(kernels, n, 0, true, false);
            check_norm(kernels, n, 0, false, true);
            check_norm(kernels, n, 100, true, true); /* a mean far larger than the deviation */
        }
        float same[33];
        for (size_t i = 0; i < 33; i++)
            same[i] = 7;
        kernels->norm(same, 33, numbers[1], NULL, 1e-5, same); /* no variance at all */
        for (size_t i = 0; i < 33; i++)
            assert_near((double)same[i], 0, 1e-6);
    }
}

static void check_to_bf16(const struct ori_kernels *kernels, size_t n, ptrdiff_t stride)
{
    static uint8_t y[MOST * 2 / PIECE_BYTES * 2048 + 2048];
    const float hard[] = {1.00390625F, 1.01171875F, -1.00390625F, 0,       -0.0F,    3.3e38F,
                          -3.3e38F,    1e-38F,      1.0038F,      1.0040F, 65280.0F, 255.5F};
    fill(numbers[0], n, 100, 4);
    memcpy(numbers[0], hard, (n < 12 ? n : 12) * sizeof hard[0]);
    memset(y, 0xee, sizeof y);
    kernels->to_bf16(numbers[0], n, y, stride);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        uint16_t half;
        at = i * 2 / PIECE_BYTES * (size_t)stride + i * 2 % PIECE_BYTES;
        memcpy(&half, y + at, sizeof half);
        assert_int_equal(half, nearest_bf16(numbers[0][i]));
    }
    assert_int_equal(y[at + 2], 0xee);
}

static void test_to_bf16(void **state)
{
    (void)state;
    EACH_SET(set)
    {
        EACH_LENGTH(n)
        {
            check_to_bf16(ori_kernels_of((enum ori_kernel_set)set), n, PIECE_BYTES);
            check_to_bf16(ori_kernels_of((enum ori_kernel_set)set), n, 2048);
        }
    }
}

static void check_to_bytes(const struct ori_kernels *kernels, size_t n, int zero, ptrdiff_t stride)
{
    static uint8_t y[(MOST / PIECE_BYTES + 1) * 2048];
    float largest = 0;
    size_t at = 0;
    fill(numbers[0], n, 5, 5);
    memset(y, 0xee, sizeof y);
    float scale = kernels->to_bytes(numbers[0], n, zero, y, stride);
    for (size_t i = 0; i < n; i++)
        largest = fabsf(numbers[0][i]) > largest ? fabsf(numbers[0][i]) : largest;
    assert_near((double)scale, (double)largest / (zero - 1), 1e-6);
    for (size_t i = 0; i < n; i++) {
        at = i / PIECE_BYTES * (size_t)stride + i % PIECE_BYTES;
        double value = ((double)y[at] - zero) * (double)scale;
        assert_true(fabs(value - (double)numbers[0][i]) <= (double)scale * 0.5001);
        assert_in_range(y[at], 1, 2 * zero - 1);
    }
    assert_int_equal(y[at + 1], 0xee);
}

static void test_to_bytes(void **state)
{
    (void)state;
    EACH_SET(set)
    {
        const struct ori_kernels *kernels = ori_kernels_of((enum ori_kernel_set)set);
        EACH_LENGTH(n)
        {
            check_to_bytes(kernels, n, 128, PIECE_BYTES);
            check_to_bytes(kernels, n, 64, 2048);
        }
        uint8_t y[33];
        const float nothing[33] = {0};
        assert_true(kernels->to_bytes(nothing, 33, 128, y, PIECE_BYTES) == 0);
        for (size_t i = 0; i < 33; i++)
            assert_int_equal(y[i], 128);
    }
}

static void check_finish(const struct ori_kernels *kernels, size_t n,
                         enum ori_activation activation, bool adds, bool is_in_place)
{
    int32_t sums[MOST];
    int32_t offsets[MOST];
    float y[MOST];
    uint32_t seed = 6;
    fill(numbers[0], n, 1e-3F, 7); /* scales */
    fill(numbers[1], n, 2, 8);     /* bias */
    fill(numbers[2], n, 3, 9);     /* what y was */
    for (size_t i = 0; i < n; i++) {
        sums[i] = (int32_t)next_random(&seed) - (1 << 23);
        offsets[i] = (int32_t)(next_random(&seed) % 1000);
    }
    memcpy(y, is_in_place ? (const void *)sums : numbers[2], n * sizeof y[0]);
    struct ori_finish how = {.row_scale = 0.002F,
                             .scales = numbers[0],
                             .offsets = offsets,
                             .bias = adds ? NULL : numbers[1],
                             .activation = activation,
                             .adds = adds};
    kernels->finish(is_in_place ? (const int32_t *)y : sums, n, &how, y);
    for (size_t i = 0; i < n; i++) {
        double x = (double)(sums[i] - offsets[i]) * (double)numbers[0][i] * (double)0.002F;
        double expected = activated(x + (adds ? 0 : (double)numbers[1][i]), activation);
        assert_near((double)y[i], expected + (adds ? (double)numbers[2][i] : 0), 2e-6);
    }
}

static void test_finish(void **state)
{
    (void)state;
    EACH_SET(set)
    {
        const struct ori_kernels *kernels = ori_kernels_of((enum ori_kernel_set)set);
        EACH_LENGTH(n)
        {
            check_finish(kernels, n, 0, false, true);
            check_finish(kernels, n, 0, true, false);
            for (int a = ORI_ACTIVATION_QUICK_GELU; a <= ORI_ACTIVATION_GELU_TANH; a++)
                check_finish(kernels, n, (enum ori_activation)a, false, a % 2 == 0);
        }
    }
}

static void test_activate(void **state)
{
    (void)state;
    const float hard[] = {0,   -0.0F, 1e-30F, -1e-30F, 20,     -20, 90,
                          -90, 1000,  -1000,  1e18F,   -1e18F, 0.5F};
    EACH_SET(set)
    {
        const struct ori_kernels *kernels = ori_kernels_of((enum ori_kernel_set)set);
        for (int a = ORI_ACTIVATION_QUICK_GELU; a <= ORI_ACTIVATION_GELU_TANH; a++) {
            EACH_LENGTH(n)
            {
                fill(numbers[0], n, 6, 10);
                memcpy(numbers[0], hard, (n < 13 ? n : 13) * sizeof hard[0]);
                memcpy(numbers[1], numbers[0], n * sizeof(float));
                kernels->activate(numbers[1], n, (enum ori_activation)a);
                for (size_t i = 0; i < n; i++)
                    assert_near((double)numbers[1][i],
                                activated((double)numbers[0][i], (enum ori_activation)a), 1e-6);
            }
        }
    }
}

static void test_gate(void **state)
{
    (void)state;
    EACH_SET(set)
    {
        EACH_LENGTH(n)
        {
            fill(numbers[0], n, 8, 11);
            fill(numbers[1], n, 2, 12);
            memcpy(numbers[2], numbers[0], n * sizeof(float));
            ori_kernels_of((enum ori_kernel_set)set)->gate(numbers[2], numbers[1], n);
            for (size_t i = 0; i < n; i++) {
                double x = (double)numbers[0][i];
                assert_near((double)numbers[2][i], x / (1 + exp(-x)) * (double)numbers[1][i], 1e-6);
            }
        }
    }
}

static void test_add_and_bytes(void **state)
{
    (void)state;
    uint8_t bytes[MOST];
    EACH_SET(set)
    {
        const struct ori_kernels *kernels = ori_kernels_of((enum ori_kernel_set)set);
        EACH_LENGTH(n)
        {
            uint32_t seed = 13;
            for (size_t i = 0; i < n; i++)
                bytes[i] = (uint8_t)next_random(&seed);
            kernels->bytes_to_floats(bytes, n, 1, -128, numbers[0]);
            fill(numbers[1], n, 1, 14);
            memcpy(numbers[2], numbers[1], n * sizeof(float));
            kernels->add(numbers[0], n, numbers[2]);
            for (size_t i = 0; i < n; i++) {
                assert_true(numbers[0][i] == (float)bytes[i] - 128);
                assert_true(numbers[2][i] == numbers[1][i] + numbers[0][i]);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets),    cmocka_unit_test(test_norm),
        cmocka_unit_test(test_to_bf16), cmocka_unit_test(test_to_bytes),
        cmocka_unit_test(test_finish),  cmocka_unit_test(test_activate),
        cmocka_unit_test(test_gate),    cmocka_unit_test(test_add_and_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
