/* Attention of every set of kernels that this CPU has against double arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "embed/aligned.h"
#include "embed_numbers.h"

enum { TOKENS_MOST = 200, HEAD_MOST = 256, GAP = 5 };

static float parts[3][TOKENS_MOST * (HEAD_MOST + GAP)]; /* q, k, v */
static uint16_t halves[3][TOKENS_MOST * (HEAD_MOST + GAP)];

struct shape {
    int tokens;
    int queries;
    int head;
    bool is_causal;
    float size; /* of the numbers: large ones leave one key all the weight */
};

static void fill(const struct shape *shape, bool is_bf16)
{
    uint32_t seed = 1;
    for (size_t p = 0; p < 3; p++) {
        for (size_t i = 0; i < (size_t)shape->tokens * (size_t)(shape->head + GAP); i++) {
            float value = next_float(&seed) * (p < 2 ? shape->size : 1);
            halves[p][i] = nearest_bf16(value);
            parts[p][i] = is_bf16 ? from_bf16(halves[p][i]) : value;
        }
    }
}

/* One query's row. */
static void expect(const struct shape *shape, int query, double scale, double *ret_row)
{
    ptrdiff_t stride = shape->head + GAP;
    int seen = shape->is_causal ? query + 1 : shape->tokens;
    double weights[TOKENS_MOST];
    double top = -INFINITY;
    double sum = 0;
    for (int t = 0; t < seen; t++) {
        weights[t] = 0;
        for (int d = 0; d < shape->head; d++)
            weights[t] += (double)parts[0][query * stride + d] * (double)parts[1][t * stride + d];
        weights[t] *= scale;
        top = weights[t] > top ? weights[t] : top;
    }
    for (int t = 0; t < seen; t++)
        sum += weights[t] = exp(weights[t] - top);
    for (int d = 0; d < shape->head; d++) {
        ret_row[d] = 0;
        for (int t = 0; t < seen; t++)
            ret_row[d] += weights[t] / sum * (double)parts[2][t * stride + d];
    }
}

/* AMX rounds what softmax gives to bf16: 2^-9 of each weight, so of a mean of numbers below 1. */
static double tolerance_of(const struct ori_kernels *kernels, bool is_bf16, float size)
{
    bool is_rounded = is_bf16 && kernels->product;
    return is_rounded ? 1.0 / 256 : size > 10 ? 2e-4 : 5e-6;
}

/* The same in blocks, at other rows and columns of a larger matrix. */
static void check_blocks(const struct ori_kernels *kernels, const struct shape *shape,
                         struct ori_attention it)
{
    enum { ROW = 37, COLUMN = 32 };
    int columns = COLUMN + shape->head + 32;
    ptrdiff_t width = it.is_bf16 ? 2 : 4;
    int steps = ori_product_steps((size_t)(width * columns));
    uint8_t *out = ori_aligned_zeroed(ori_product_x_bytes(ROW + shape->queries, steps), 1);
    double row[HEAD_MOST];
    assert_non_null(out);
    it.gives_blocks = true;
    it.out = out;
    it.out_row = ROW;
    it.out_column = COLUMN;
    it.out_columns = columns;
    kernels->attend(&it);
    for (int q = 0; q < shape->queries; q++) {
        expect(shape, q, (double)it.scale, row);
        for (int c = 0; c < columns; c++) {
            uint16_t half;
            float value;
            bool is_inside = c >= COLUMN && c < COLUMN + shape->head;
            const uint8_t *place = out + ori_product_place(ROW + q, steps, width * c);
            memcpy(&half, place, sizeof half);
            memcpy(&value, place, it.is_bf16 ? sizeof half : sizeof value);
            value = it.is_bf16 ? from_bf16(half) : value;
            assert_true(fabs((double)value - (is_inside ? row[c - COLUMN] : 0)) <=
                        (it.is_bf16 ? 1.0 / 128 : tolerance_of(kernels, false, shape->size)));
        }
    }
    free(out);
}

static void check(const struct ori_kernels *kernels, const struct shape *shape, bool is_bf16)
{
    static float out[TOKENS_MOST * (HEAD_MOST + 3)];
    size_t work_floats = ori_kernel_attention_work(shape->tokens, shape->head);
    float *work = ori_aligned_alloc(work_floats, sizeof *work);
    double row[HEAD_MOST];
    double tolerance = tolerance_of(kernels, is_bf16, shape->size);
    assert_non_null(work);
    fill(shape, is_bf16);
    for (size_t i = 0; i < work_floats; i++)
        work[i] = NAN; /* nothing of it may be read before it is written */
    for (size_t i = 0; i < sizeof out / sizeof out[0]; i++)
        out[i] = 77;
    struct ori_attention it = {.q = is_bf16 ? (const void *)halves[0] : parts[0],
                               .k = is_bf16 ? (const void *)halves[1] : parts[1],
                               .v = is_bf16 ? (const void *)halves[2] : parts[2],
                               .stride = shape->head + GAP,
                               .tokens = shape->tokens,
                               .queries = shape->queries,
                               .head = shape->head,
                               .scale = 1 / sqrtf((float)shape->head),
                               .is_bf16 = is_bf16,
                               .is_causal = shape->is_causal,
                               .out = out,
                               .out_columns = shape->head + 3,
                               .work = work};
    kernels->attend(&it);
    for (int q = 0; q < shape->queries; q++) {
        expect(shape, q, (double)it.scale, row);
        for (int d = 0; d < shape->head; d++) {
            double value = (double)out[q * (shape->head + 3) + d];
            if (!(fabs(value - row[d]) <= tolerance))
                fail_msg("%s: %d tokens, head %d, query %d, number %d: %.9g, expected %.9g",
                         kernels->name, shape->tokens, shape->head, q, d, value, row[d]);
        }
        for (int d = shape->head; d < shape->head + 3; d++)
            assert_true(out[q * (shape->head + 3) + d] == 77);
    }
    if ((is_bf16 ? kernels->product != NULL : kernels->product_f32 != NULL) &&
        shape->head % 32 == 0)
        check_blocks(kernels, shape, it);
    free(work);
}

static void test_attend(void **state)
{
    (void)state;
    static const int heads[] = {1, 24, 32, 33, 64, 72, 80, 88, 128, 255, 256};
    static const int tokens[] = {1, 2, 15, 16, 17, 31, 32, 33, 50, 64, 77, 197};
    EACH_SET(set)
    {
        const struct ori_kernels *kernels = ori_kernels_of((enum ori_kernel_set)set);
        for (size_t h = 0; h < sizeof heads / sizeof heads[0]; h++) {
            for (size_t t = 0; t < sizeof tokens / sizeof tokens[0]; t++) {
                struct shape shape = {tokens[t], tokens[t], heads[h], false, 2};
                check(kernels, &shape, false);
                check(kernels, &shape, true);
                shape.is_causal = true;
                check(kernels, &shape, false);
                check(kernels, &shape, true);
                shape = (struct shape){tokens[t], 1, heads[h], false, 2};
                check(kernels, &shape, false);
                check(kernels, &shape, true);
            }
        }
    }
}

static void test_large_numbers(void **state)
{
    (void)state;
    EACH_SET(set)
    {
        const struct ori_kernels *kernels = ori_kernels_of((enum ori_kernel_set)set);
        struct shape shape = {50, 50, 64, false, 40};
        check(kernels, &shape, false);
        check(kernels, &shape, true);
        shape.is_causal = true;
        check(kernels, &shape, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attend),
        cmocka_unit_test(test_large_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
