/* Matrix products of every precision against double arithmetic, under whatever instruction set
 * ONEDNN_MAX_CPU_ISA leaves: meson.build runs this program once for each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "embed/aligned.h"
#include "embed/matmul.h"
#include "embed_numbers.h"

enum { ROWS = 60, ROWS_ONE = 5 };

struct product { /* a matmul with weights, an x, and what y should be */
    struct ori_matmul_spec spec;
    struct ori_matmul *matmul;
    struct ori_slab slab;
    struct ori_packed packed;
    struct ori_matmul_plan *plan;
    void *x;
    float *scales;
    float *before;
    double *expected; /* [ROWS][out] */
    void *y;
    size_t y_row;
};

static void *allocate(size_t bytes)
{
    void *memory = ori_aligned_zeroed(bytes, 1);
    assert_non_null(memory);
    return memory;
}

/* Weights that INT8 holds exactly: whole numbers up to 127, which every output has, times its scale. */
static float weight_at(size_t output, size_t i, bool is_int8)
{
    uint32_t seed = (uint32_t)(output * 7919 + i);
    next_random(&seed);
    if (!is_int8)
        return from_bf16(nearest_bf16(next_float(&seed)));
    float whole = i == 0 ? 127 : (float)(int32_t)(next_random(&seed) % 255) - 127;
    return whole / 128 / (float)(1U << output % 3);
}

/* The same for x: whole numbers up to zero - 1, times a scale for each row. */
static float x_at(size_t row, size_t i, int steps, bool is_int8)
{
    uint32_t seed = (uint32_t)(row * 104729 + i + 1);
    next_random(&seed);
    if (!is_int8)
        return from_bf16(nearest_bf16(next_float(&seed)));
    float whole =
        i == 0 ? (float)steps
               : (float)(int32_t)(next_random(&seed) % (2 * (uint32_t)steps + 1)) - (float)steps;
    return whole / 64 / (float)(1U << row % 4);
}

static void place_x(struct product *it)
{
    const struct ori_kernels *kernels = ori_kernels(ori_matmul_machine().kernels);
    size_t in = (size_t)it->spec.in;
    float *row = allocate(in * sizeof *row);
    int zero = ori_matmul_zero(it->matmul);
    it->x = allocate(ori_matmul_x_bytes(it->matmul));
    it->scales = allocate(ROWS * sizeof(float));
    for (int r = 0; r < ROWS; r++) {
        struct ori_matmul_place place = ori_matmul_place(it->matmul, it->x, r);
        for (size_t i = 0; i < in; i++)
            row[i] = x_at((size_t)r, i, zero - 1, it->spec.precision == ORI_PRECISION_INT8);
        if (it->spec.precision == ORI_PRECISION_INT8)
            it->scales[r] = kernels->to_bytes(row, in, zero, place.first, place.piece_stride);
        else if (it->spec.precision == ORI_PRECISION_BF16)
            kernels->to_bf16(row, in, place.first, place.piece_stride);
        else
            ori_matmul_put_floats(place, row, in);
    }
    free(row);
}

static void expect(struct product *it, const float *weights, const float *bias)
{
    size_t in = (size_t)it->spec.in;
    size_t out = (size_t)it->spec.out;
    int steps = ori_matmul_zero(it->matmul) - 1;
    bool is_int8 = it->spec.precision == ORI_PRECISION_INT8;
    it->before = allocate(ROWS * out * sizeof(float));
    it->expected = allocate(ROWS * out * sizeof(double));
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t o = 0; o < out; o++) {
            double sum = it->spec.has_bias ? (double)bias[o] : 0;
            for (size_t i = 0; i < in; i++)
                sum += (double)x_at(r, i, steps, is_int8) * (double)weights[o * in + i];
            sum = activated(sum, it->spec.activation);
            it->before[r * out + o] = (float)r - (float)o;
            it->expected[r * out + o] = it->spec.adds ? sum + (double)it->before[r * out + o] : sum;
        }
    }
}

static struct product make_product(const struct ori_matmul_spec *spec)
{
    struct product it = {.spec = *spec};
    struct ori_error err = {0};
    size_t in = (size_t)spec->in;
    size_t out = (size_t)spec->out;
    float *weights = allocate(in * out * sizeof *weights);
    float *bias = allocate(out * sizeof *bias);
    it.spec.rows_usual = ROWS;
    it.spec.rows_one = ROWS_ONE;
    if (ori_matmul_create(&it.spec, &it.matmul, &err) != ORI_OK)
        fail_msg("%s", err.text);
    if (it.spec.gives_blocks && it.spec.precision != ORI_PRECISION_F32)
        it.spec.gives_bf16 = true;
    for (size_t o = 0; o < out; o++) {
        bias[o] = (float)o / 16;
        for (size_t i = 0; i < in; i++)
            weights[o * in + i] = weight_at(o, i, spec->precision == ORI_PRECISION_INT8);
    }
    assert_int_equal(ori_matmul_pack(it.matmul, weights, spec->has_bias ? bias : NULL, &it.slab,
                                     &it.packed, &err),
                     ORI_OK);
    assert_int_equal(ori_matmul_plan_create(it.matmul, &it.plan, &err), ORI_OK);
    place_x(&it);
    expect(&it, weights, bias);
    it.y_row = out * (it.spec.gives_bf16 ? 2 : 4);
    it.y = allocate(ROWS * it.y_row + ori_product_x_bytes(ROWS, ori_product_steps(4 * out)));
    free(weights);
    free(bias);
    return it;
}

static void free_product(struct product *it)
{
    ori_matmul_plan_destroy(&it->plan);
    ori_matmul_plan_destroy(&it->plan);
    ori_slab_deinit(&it->slab);
    ori_slab_deinit(&it->slab);
    ori_matmul_destroy(&it->matmul);
    ori_matmul_destroy(&it->matmul);
    free(it->x);
    free(it->scales);
    free(it->before);
    free(it->expected);
    free(it->y);
}

static void run(struct product *it, struct ori_matmul_plan *plan, int rows, void *y)
{
    struct ori_error err = {0};
    const float *scales = it->spec.precision == ORI_PRECISION_INT8 ? it->scales : NULL;
    if (it->spec.adds)
        memcpy(y, it->before, ROWS * it->y_row);
    if (ori_matmul_run(plan, &it->packed, it->x, scales, rows, y, &err) != ORI_OK)
        fail_msg("%s", err.text);
}

static void check_values(const struct product *it, const void *y)
{
    size_t out = (size_t)it->spec.out;
    bool is_rough = it->spec.activation && it->spec.precision != ORI_PRECISION_F32;
    double tolerance = it->spec.gives_bf16 ? 1.0 / 256 : is_rough ? 1e-4 : 1e-5;
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t o = 0; o < out; o++) {
            size_t width = it->spec.gives_bf16 ? 2 : 4;
            size_t at = r * it->y_row + o * width;
            if (it->spec.gives_blocks)
                at = (size_t)ori_product_place((ptrdiff_t)r, ori_product_steps(width * out),
                                               (ptrdiff_t)(width * o));
            float value;
            uint16_t half;
            memcpy(&half, (const char *)y + at, sizeof half);
            memcpy(&value, (const char *)y + at, sizeof value);
            double found = (double)(it->spec.gives_bf16 ? from_bf16(half) : value);
            double expected = it->expected[r * out + o];
            if (!(fabs(found - expected) <= tolerance * (1 + fabs(expected))))
                fail_msg("%s, %d x %d, row %zu, output %zu: %.9g, expected %.9g",
                         ori_matmul_kind(it->matmul), it->spec.in, it->spec.out, r, o, found,
                         expected);
        }
    }
}

/* All rows right; fewer rows give each the same bits. */
static void check(const struct ori_matmul_spec *spec)
{
    struct product it = make_product(spec);
    uint8_t *whole = allocate(ROWS * it.y_row);
    run(&it, it.plan, ROWS, it.y);
    check_values(&it, it.y);
    memcpy(whole, it.y, ROWS * it.y_row);
    for (int rows = 1; rows < ROWS && !spec->gives_blocks; rows++) {
        run(&it, it.plan, rows, it.y);
        if (memcmp(it.y, whole, (size_t)rows * it.y_row) != 0)
            fail_msg("%s: %d of %d rows have other bits", ori_matmul_kind(it.matmul), rows, ROWS);
    }
    free(whole);
    free_product(&it);
}

/* ---- what this machine has */

static bool has(enum ori_precision precision)
{
    struct ori_matmul_spec spec = {
        .in = 64, .out = 64, .precision = precision, .rows_usual = ROWS, .rows_one = ROWS_ONE};
    struct ori_matmul *matmul = NULL;
    struct ori_error err = {0};
    if (precision == ORI_PRECISION_BF16 && !ori_matmul_machine().has_bf16)
        return false;
    ori_status status = ori_matmul_create(&spec, &matmul, &err);
    ori_matmul_destroy(&matmul);
    assert_true(status == ORI_OK || status == ORI_BAD_SETTING);
    return status == ORI_OK;
}

#define EACH_PRECISION(p)                                                                          \
    for (int p = ORI_PRECISION_F32; p <= ORI_PRECISION_INT8; p++)                                  \
        if (has((enum ori_precision)p))

static void test_machine(void **state)
{
    (void)state;
    struct ori_matmul_machine machine = ori_matmul_machine();
    print_message("%s, kernels up to %d, bf16 %d, VNNI %d\n", machine.isa, machine.kernels,
                  machine.has_bf16, machine.has_vnni);
    assert_true(has(ORI_PRECISION_F32));
    EACH_PRECISION(p)
    {
        struct ori_matmul_spec spec = {.in = 768,
                                       .out = 768,
                                       .precision = (enum ori_precision)p,
                                       .rows_usual = 400,
                                       .rows_one = 50};
        struct ori_matmul *matmul = NULL;
        assert_int_equal(ori_matmul_create(&spec, &matmul, NULL), ORI_OK);
        print_message("%d: %s\n", p, ori_matmul_kind(matmul));
        assert_int_equal(ori_matmul_takes_blocks(matmul),
                         strncmp(ori_matmul_kind(matmul), "own", 3) == 0);
        assert_int_equal(
            ori_matmul_takes_blocks(matmul),
            ori_kernels_have_product(ori_kernels(machine.kernels), (enum ori_precision)p));
        ori_matmul_destroy(&matmul);
    }
}

static void test_shapes(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1},   {3, 5},    {16, 17},  {33, 31},  {64, 64},
                                   {72, 40}, {100, 33}, {200, 72}, {257, 65}, {768, 48}};
    EACH_PRECISION(p)
    {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            for (int is_library = 0; is_library < 2; is_library++)
                check(&(struct ori_matmul_spec){.in = sizes[i][0],
                                                .out = sizes[i][1],
                                                .precision = (enum ori_precision)p,
                                                .has_bias = i % 2 == 0,
                                                .is_library = is_library});
        }
    }
}

static void test_what_follows(void **state)
{
    (void)state;
    EACH_PRECISION(p)
    {
        bool is_own = ori_kernels_have_product(ori_kernels(ori_matmul_machine().kernels),
                                               (enum ori_precision)p);
        for (int is_library = 0; is_library < 2; is_library++) {
            struct ori_matmul_spec spec = {.in = 96,
                                           .out = 80,
                                           .precision = (enum ori_precision)p,
                                           .has_bias = true,
                                           .is_library = is_library};
            for (int a = ORI_ACTIVATION_QUICK_GELU; a <= ORI_ACTIVATION_GELU_TANH; a++) {
                spec.activation = (enum ori_activation)a;
                check(&spec);
            }
            spec.gives_bf16 = p == ORI_PRECISION_BF16;
            check(&spec);
            spec.gives_bf16 = false;
            spec.gives_blocks = is_own && !is_library;
            check(&spec);
            spec.gives_blocks = false;
            spec.activation = 0;
            spec.adds = true;
            check(&spec);
            spec.has_bias = false;
            check(&spec);
        }
    }
}

static void test_steps(void **state)
{
    (void)state;
    EACH_PRECISION(p)
    check(&(struct ori_matmul_spec){.in = 64,
                                    .out = 48,
                                    .precision = (enum ori_precision)p,
                                    .has_bias = true,
                                    .rows_step = 20});
}

/* ---- threads */

struct runner {
    struct product *product;
    struct ori_matmul_plan *plan;
    uint8_t *y;
    const uint8_t *expected;
    int wrong;
};

static void *run_often(void *self)
{
    struct runner *it = self;
    struct ori_error err = {0};
    const float *scales =
        it->product->spec.precision == ORI_PRECISION_INT8 ? it->product->scales : NULL;
    for (int i = 0; i < 200; i++) {
        int rows = ROWS - i % 3 * ROWS_ONE;
        if (ori_matmul_run(it->plan, &it->product->packed, it->product->x, scales, rows, it->y,
                           &err) != ORI_OK ||
            memcmp(it->y, it->expected, (size_t)rows * it->product->y_row) != 0)
            it->wrong++;
    }
    return NULL;
}

/* Two plans on the same packed weights, both at once. */
static void test_threads(void **state)
{
    (void)state;
    EACH_PRECISION(p)
    {
        struct product product = make_product(&(struct ori_matmul_spec){
            .in = 768, .out = 96, .has_bias = true, .precision = (enum ori_precision)p});
        struct runner runners[2];
        pthread_t threads[2];
        run(&product, product.plan, ROWS, product.y);
        check_values(&product, product.y);
        for (int i = 0; i < 2; i++) {
            runners[i] = (struct runner){.product = &product, .expected = product.y};
            runners[i].y = allocate(ROWS * product.y_row);
            assert_int_equal(ori_matmul_plan_create(product.matmul, &runners[i].plan, NULL),
                             ORI_OK);
        }
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, run_often, &runners[i]), 0);
        for (int i = 0; i < 2; i++) {
            pthread_join(threads[i], NULL);
            assert_int_equal(runners[i].wrong, 0);
            ori_matmul_plan_destroy(&runners[i].plan);
            free(runners[i].y);
        }
        free_product(&product);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_machine),      cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_what_follows), cmocka_unit_test(test_steps),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
