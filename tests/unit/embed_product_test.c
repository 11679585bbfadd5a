/* The kernels' own matrix product, where this CPU has one, against double arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "embed/aligned.h"
#include "embed_numbers.h"

enum { ROWS_MOST = 100, GUARD = 64 };

struct shape {
    int in;
    int out;
    int rows;
    bool is_bytes;
    bool has_bias;
    bool adds;
    bool gives_bf16;
    bool gives_blocks;
    enum ori_activation activation;
};

struct numbers { /* of one product */
    size_t row_bytes;
    int steps;
    uint8_t *x; /* rows one behind the other */
    uint8_t *x_blocks;
    uint8_t *weights;
    uint8_t *packed;
    float *bias;
    float *scales;
    float *row_scales;
    int32_t *offsets;
    float *before; /* what y was */
    uint8_t *y;
    size_t y_bytes;
    uint8_t *work;
};

static void *allocate(size_t bytes)
{
    void *memory = ori_aligned_zeroed(bytes > 0 ? bytes : 1, 1);
    assert_non_null(memory);
    return memory;
}

static void fill_matrix(uint8_t *matrix, size_t count, bool is_bytes, uint32_t seed)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t half = nearest_bf16(next_float(&seed));
        if (is_bytes)
            matrix[i] = (uint8_t)next_random(&seed);
        else
            memcpy(matrix + 2 * i, &half, sizeof half);
    }
}

static struct numbers make_numbers(const struct shape *shape)
{
    struct numbers it = {.row_bytes = (size_t)shape->in * (shape->is_bytes ? 1 : 2)};
    size_t out = (size_t)shape->out;
    uint32_t seed = 3;
    it.steps = ori_product_steps(it.row_bytes);
    it.x = allocate(it.row_bytes * ROWS_MOST);
    it.weights = allocate(it.row_bytes * out);
    it.x_blocks = allocate(ori_product_x_bytes(ROWS_MOST, it.steps));
    it.packed = allocate(ori_product_packed_bytes(it.steps, shape->out));
    it.bias = allocate(out * sizeof(float));
    it.scales = allocate(out * sizeof(float));
    it.row_scales = allocate(ROWS_MOST * sizeof(float));
    it.offsets = allocate(out * sizeof(int32_t));
    it.before = allocate(ROWS_MOST * out * sizeof(float));
    it.y_bytes =
        ROWS_MOST * out * sizeof(float) + ori_product_x_bytes(ROWS_MOST, shape->out) + GUARD;
    it.y = allocate(it.y_bytes);
    it.work = allocate(ori_product_work_bytes(ROWS_MOST));
    fill_matrix(it.x, (size_t)shape->in * ROWS_MOST, shape->is_bytes, 1);
    fill_matrix(it.weights, (size_t)shape->in * out, shape->is_bytes, 2);
    for (size_t i = 0; i < out; i++) {
        it.bias[i] = next_float(&seed);
        it.scales[i] = next_float(&seed) * 1e-3F;
        it.offsets[i] = (int32_t)(next_random(&seed) % 100000);
    }
    for (size_t i = 0; i < ROWS_MOST; i++)
        it.row_scales[i] = next_float(&seed) * 1e-2F;
    for (size_t i = 0; i < ROWS_MOST * out; i++)
        it.before[i] = next_float(&seed);
    for (size_t r = 0; r < ROWS_MOST; r++) {
        for (size_t b = 0; b < it.row_bytes; b++)
            it.x_blocks[ori_product_place((ptrdiff_t)r, it.steps, (ptrdiff_t)b)] =
                it.x[r * it.row_bytes + b];
    }
    ori_product_pack(it.weights, it.row_bytes, shape->out, it.packed);
    return it;
}

static void free_numbers(struct numbers *it)
{
    void *all[] = {it->x,          it->x_blocks, it->weights, it->packed, it->bias, it->scales,
                   it->row_scales, it->offsets,  it->before,  it->y,      it->work};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

static void run(const struct ori_kernels *kernels, const struct shape *shape, struct numbers *it,
                int rows)
{
    memset(it->y, 0xee, it->y_bytes);
    if (shape->adds)
        memcpy(it->y, it->before, (size_t)rows * (size_t)shape->out * sizeof(float));
    struct ori_product product = {.x = it->x_blocks,
                                  .rows = rows,
                                  .weights = it->packed,
                                  .steps = it->steps,
                                  .out = shape->out,
                                  .bias = shape->has_bias ? it->bias : NULL,
                                  .row_scales = shape->is_bytes ? it->row_scales : NULL,
                                  .scales = it->scales,
                                  .offsets = it->offsets,
                                  .activation = shape->activation,
                                  .adds = shape->adds,
                                  .gives_bf16 = shape->gives_bf16 || shape->gives_blocks,
                                  .gives_blocks = shape->gives_blocks,
                                  .y = it->y,
                                  .work = it->work};
    kernels->product(&product);
}

static double sum_of(const struct shape *shape, const struct numbers *it, int row, int column)
{
    double sum = 0;
    for (size_t i = 0; i < (size_t)shape->in; i++) {
        const uint8_t *x = it->x + (size_t)row * it->row_bytes;
        const uint8_t *w = it->weights + (size_t)column * it->row_bytes;
        uint16_t a;
        uint16_t b;
        if (shape->is_bytes) {
            sum += (double)x[i] * (double)(int8_t)w[i];
        } else {
            memcpy(&a, x + 2 * i, sizeof a);
            memcpy(&b, w + 2 * i, sizeof b);
            sum += (double)from_bf16(a) * (double)from_bf16(b);
        }
    }
    return shape->is_bytes ? (sum - it->offsets[column]) * (double)it->scales[column] *
                                 (double)it->row_scales[row]
                           : sum;
}

static ptrdiff_t place_of(const struct shape *shape, int row, int column)
{
    if (shape->gives_blocks)
        return ori_product_place(row, ori_product_steps(2 * (size_t)shape->out), 2 * column);
    return ((ptrdiff_t)row * shape->out + column) * (shape->gives_bf16 ? 2 : 4);
}

static double value_of(const struct shape *shape, const struct numbers *it, int row, int column)
{
    const uint8_t *place = it->y + place_of(shape, row, column);
    float value;
    uint16_t half;
    memcpy(&half, place, sizeof half);
    memcpy(&value, place, sizeof value);
    return (double)(shape->gives_bf16 || shape->gives_blocks ? from_bf16(half) : value);
}

static void check(const struct ori_kernels *kernels, const struct shape *shape)
{
    struct numbers it = make_numbers(shape);
    double tolerance = shape->gives_bf16 || shape->gives_blocks ? 1.0 / 256 : 1e-5;
    run(kernels, shape, &it, shape->rows);
    for (int r = 0; r < shape->rows; r++) {
        for (int c = 0; c < shape->out; c++) {
            double x = sum_of(shape, &it, r, c) + (shape->has_bias ? (double)it.bias[c] : 0);
            double expected = activated(x, shape->activation) +
                              (shape->adds ? (double)it.before[r * shape->out + c] : 0);
            double value = value_of(shape, &it, r, c);
            if (!(fabs(value - expected) <= tolerance * (1 + fabs(expected))))
                fail_msg("%d x %d x %d, row %d, column %d: %.9g, expected %.9g", shape->rows,
                         shape->in, shape->out, r, c, value, expected);
        }
    }
    if (!shape->gives_blocks) /* nothing behind the last row */
        assert_int_equal(it.y[place_of(shape, shape->rows, 0)], 0xee);
    free_numbers(&it);
}

/* Whatever rides along: the same bits. */
static void check_rows(const struct ori_kernels *kernels, const struct shape *shape)
{
    struct numbers it = make_numbers(shape);
    size_t bytes = (size_t)place_of(shape, ROWS_MOST, 0);
    uint8_t *whole = allocate(bytes);
    run(kernels, shape, &it, ROWS_MOST);
    memcpy(whole, it.y, bytes);
    for (int rows = 1; rows < ROWS_MOST; rows++) {
        run(kernels, shape, &it, rows);
        assert_memory_equal(it.y, whole, (size_t)place_of(shape, rows, 0));
    }
    free(whole);
    free_numbers(&it);
}

static const struct ori_kernels *kernels_with_product(void)
{
    const struct ori_kernels *kernels = ori_kernels(ORI_KERNELS_AMX);
    if (!kernels->product) {
        print_message("skipped: no set of kernels of this CPU has a product of its own\n");
        skip();
    }
    return kernels;
}

static void test_shapes(void **state)
{
    (void)state;
    const struct ori_kernels *kernels = kernels_with_product();
    static const int ins[] = {1, 2, 31, 32, 33, 63, 64, 65, 200, 768, 1000};
    static const int outs[] = {1, 15, 16, 17, 31, 32, 33, 64, 100};
    static const int rows[] = {1, 15, 16, 17, 31, 32, 33, 48, 49, 64, 100};
    for (size_t i = 0; i < sizeof ins / sizeof ins[0]; i++) {
        for (size_t o = 0; o < sizeof outs / sizeof outs[0]; o++) {
            struct shape shape = {.in = ins[i], .out = outs[o], .rows = rows[(i + o) % 11]};
            check(kernels, &shape);
            shape.is_bytes = true;
            check(kernels, &shape);
        }
    }
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        check(kernels, &(struct shape){.in = 100, .out = 40, .rows = rows[r]});
        check(kernels, &(struct shape){.in = 100, .out = 40, .rows = rows[r], .is_bytes = true});
    }
}

static void test_what_follows(void **state)
{
    (void)state;
    const struct ori_kernels *kernels = kernels_with_product();
    for (int is_bytes = 0; is_bytes < 2; is_bytes++) {
        struct shape shape = {
            .in = 96, .out = 70, .rows = 50, .is_bytes = is_bytes, .has_bias = true};
        check(kernels, &shape);
        for (int a = ORI_ACTIVATION_QUICK_GELU; a <= ORI_ACTIVATION_GELU_TANH; a++) {
            shape.activation = (enum ori_activation)a;
            check(kernels, &shape);
            shape.gives_bf16 = true;
            check(kernels, &shape);
            shape.gives_blocks = true;
            check(kernels, &shape);
            shape.gives_bf16 = shape.gives_blocks = false;
        }
        shape.activation = 0;
        shape.adds = true;
        check(kernels, &shape);
    }
}

static void test_rows_do_not_depend_on_others(void **state)
{
    (void)state;
    const struct ori_kernels *kernels = kernels_with_product();
    check_rows(kernels, &(struct shape){.in = 800, .out = 40, .has_bias = true});
    check_rows(kernels, &(struct shape){.in = 800, .out = 40, .adds = true});
    check_rows(kernels, &(struct shape){.in = 800, .out = 40, .is_bytes = true, .has_bias = true});
    check_rows(kernels, &(struct shape){.in = 64,
                                        .out = 64,
                                        .gives_bf16 = true,
                                        .activation = ORI_ACTIVATION_QUICK_GELU});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_what_follows),
        cmocka_unit_test(test_rows_do_not_depend_on_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
