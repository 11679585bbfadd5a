/* The kernels' own matrix products, of every set that this CPU has, against double arithmetic. */
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
    enum ori_precision precision;
    bool has_bias;
    bool adds;
    bool gives_bf16;
    bool gives_blocks;
    enum ori_activation activation;
};

static bool shape_is_bytes(const struct shape *shape)
{
    return shape->precision == ORI_PRECISION_INT8;
}

static size_t width_of(enum ori_precision precision)
{
    return precision == ORI_PRECISION_INT8 ? 1 : precision == ORI_PRECISION_BF16 ? 2 : 4;
}

static bool gives_halves(const struct shape *shape)
{
    return shape->precision != ORI_PRECISION_F32 && (shape->gives_bf16 || shape->gives_blocks);
}

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

static void fill_matrix(uint8_t *matrix, size_t count, enum ori_precision precision, uint32_t seed)
{
    for (size_t i = 0; i < count; i++) {
        float value = next_float(&seed);
        uint16_t half = nearest_bf16(value);
        if (precision == ORI_PRECISION_INT8)
            matrix[i] = (uint8_t)next_random(&seed);
        else if (precision == ORI_PRECISION_BF16)
            memcpy(matrix + 2 * i, &half, sizeof half);
        else
            memcpy(matrix + 4 * i, &value, sizeof value);
    }
}

static struct numbers make_numbers(const struct ori_kernels *kernels, const struct shape *shape)
{
    struct numbers it = {.row_bytes = (size_t)shape->in * width_of(shape->precision)};
    size_t out = (size_t)shape->out;
    uint32_t seed = 3;
    it.steps = ori_product_steps(it.row_bytes);
    it.x = allocate(it.row_bytes * ROWS_MOST);
    it.weights = allocate(it.row_bytes * out);
    it.x_blocks = allocate(ori_product_x_bytes(ROWS_MOST, it.steps));
    it.packed =
        allocate(shape->precision == ORI_PRECISION_F32
                     ? ori_product_packed_bytes_f32(it.steps, shape->out, kernels->panel_f32)
                     : ori_product_packed_bytes(it.steps, shape->out));
    it.bias = allocate(out * sizeof(float));
    it.scales = allocate(out * sizeof(float));
    it.row_scales = allocate(ROWS_MOST * sizeof(float));
    it.offsets = allocate(out * sizeof(int32_t));
    it.before = allocate(ROWS_MOST * out * sizeof(float));
    it.y_bytes = ROWS_MOST * out * sizeof(float) +
                 ori_product_x_bytes(ROWS_MOST, ori_product_steps(4 * out)) + GUARD;
    it.y = allocate(it.y_bytes);
    it.work = allocate(ori_product_work_bytes(ROWS_MOST));
    fill_matrix(it.x, (size_t)shape->in * ROWS_MOST, shape->precision, 1);
    fill_matrix(it.weights, (size_t)shape->in * out, shape->precision, 2);
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
    if (shape->precision == ORI_PRECISION_F32)
        ori_product_pack_f32((const float *)(const void *)it.weights, (size_t)shape->in, shape->out,
                             kernels->panel_f32, (float *)(void *)it.packed);
    else
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
                                  .row_scales = shape_is_bytes(shape) ? it->row_scales : NULL,
                                  .scales = it->scales,
                                  .offsets = it->offsets,
                                  .activation = shape->activation,
                                  .adds = shape->adds,
                                  .gives_bf16 = gives_halves(shape),
                                  .gives_blocks = shape->gives_blocks,
                                  .y = it->y,
                                  .work = it->work};
    if (shape->precision == ORI_PRECISION_F32)
        kernels->product_f32(&product);
    else
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
        float c;
        float d;
        if (shape_is_bytes(shape)) {
            sum += (double)x[i] * (double)(int8_t)w[i];
        } else if (shape->precision == ORI_PRECISION_F32) {
            memcpy(&c, x + 4 * i, sizeof c);
            memcpy(&d, w + 4 * i, sizeof d);
            sum += (double)c * (double)d;
        } else {
            memcpy(&a, x + 2 * i, sizeof a);
            memcpy(&b, w + 2 * i, sizeof b);
            sum += (double)from_bf16(a) * (double)from_bf16(b);
        }
    }
    return shape_is_bytes(shape) ? (sum - it->offsets[column]) * (double)it->scales[column] *
                                       (double)it->row_scales[row]
                                 : sum;
}

static ptrdiff_t place_of(const struct shape *shape, int row, int column)
{
    ptrdiff_t width = gives_halves(shape) ? 2 : 4;
    if (shape->gives_blocks)
        return ori_product_place(row, ori_product_steps((size_t)(width * shape->out)),
                                 width * column);
    return ((ptrdiff_t)row * shape->out + column) * width;
}

static double value_of(const struct shape *shape, const struct numbers *it, int row, int column)
{
    const uint8_t *place = it->y + place_of(shape, row, column);
    float value;
    uint16_t half;
    memcpy(&half, place, sizeof half);
    memcpy(&value, place, sizeof value);
    return (double)(gives_halves(shape) ? from_bf16(half) : value);
}

/* The result rounded to bf16; a sigmoid good enough for that; else sums of so many products of numbers
 * below 1, in f32. */
static double tolerance_of(const struct shape *shape)
{
    if (gives_halves(shape))
        return 1.0 / 256;
    return (shape->activation && shape->precision != ORI_PRECISION_F32 ? 1e-4 : 1e-5) +
           3e-8 * shape->in;
}

static void check(const struct ori_kernels *kernels, const struct shape *shape)
{
    struct numbers it = make_numbers(kernels, shape);
    double tolerance = tolerance_of(shape);
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
    struct numbers it = make_numbers(kernels, shape);
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

/* Each product of each set. */
#define EACH_PRODUCT(kernels, p)                                                                   \
    EACH_SET(set_)                                                                                 \
    for (const struct ori_kernels *kernels = ori_kernels_of((enum ori_kernel_set)set_); kernels;   \
         kernels = NULL)                                                                           \
        for (int p = ORI_PRECISION_F32; p <= ORI_PRECISION_INT8; p++)                              \
            if (ori_kernels_have_product(kernels, (enum ori_precision)p))

static void test_shapes(void **state)
{
    (void)state;
    static const int ins[] = {1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 200, 768, 1000};
    static const int outs[] = {1, 15, 16, 17, 23, 24, 25, 31, 32, 33, 47, 48, 49, 64, 100};
    static const int rows[] = {1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 49, 64, 100};
    EACH_PRODUCT(kernels, p)
    {
        for (size_t i = 0; i < sizeof ins / sizeof ins[0]; i++) {
            for (size_t o = 0; o < sizeof outs / sizeof outs[0]; o++)
                check(kernels, &(struct shape){.in = ins[i],
                                               .out = outs[o],
                                               .rows = rows[(i + o) % 14],
                                               .precision = (enum ori_precision)p});
        }
        for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
            check(kernels,
                  &(struct shape){
                      .in = 100, .out = 40, .rows = rows[r], .precision = (enum ori_precision)p});
    }
}

static void test_what_follows(void **state)
{
    (void)state;
    EACH_PRODUCT(kernels, p)
    {
        struct shape shape = {
            .in = 96, .out = 70, .rows = 50, .precision = (enum ori_precision)p, .has_bias = true};
        check(kernels, &shape);
        for (int a = ORI_ACTIVATION_QUICK_GELU; a <= ORI_ACTIVATION_GELU_TANH; a++) {
            shape.activation = (enum ori_activation)a;
            check(kernels, &shape);
            shape.gives_bf16 = p != ORI_PRECISION_F32;
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
    EACH_PRODUCT(kernels, p)
    {
        struct shape shape = {
            .in = 800, .out = 40, .precision = (enum ori_precision)p, .has_bias = true};
        check_rows(kernels, &shape);
        shape.adds = true;
        check_rows(kernels, &shape);
        shape.adds = false;
        shape.activation = ORI_ACTIVATION_QUICK_GELU;
        shape.gives_bf16 = p != ORI_PRECISION_F32;
        check_rows(kernels, &shape);
    }
}

static void test_there_are_some(void **state)
{
    (void)state;
    int count = 0;
    EACH_PRODUCT(kernels, p)
    {
        print_message("%s, precision %d\n", kernels->name, p);
        count++;
    }
    if (count == 0) {
        print_message("skipped: no set of kernels of this CPU has a product of its own\n");
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_are_some),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_what_follows),
        cmocka_unit_test(test_rows_do_not_depend_on_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
