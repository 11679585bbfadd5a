#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/limits.h"
#include "vision/resize.h"
#include "vision_pictures.h"

enum { PLACES = 60, SIDE_MAX = ORI_LIMIT_MAX_RESIZE_SIDE };

enum kind { RESIZE, SQUASH, SHORTER_CROP };

struct golden {
    enum kind kind;
    int width, height;
    struct ori_box box; /* empty: all */
    int out_width, out_height;
    int resize_side; /* 0: out_width */
    bool is_bilinear, is_rounded;
    long sum; /* of all samples */
    uint8_t samples[PLACES];
};

static const struct golden goldens[] = {
#include "../golden/resize_golden_tbl.h"
};

/* As in tests/golden/resize.py. */
static uint8_t sample(int x, int y, int c)
{
    int value = (x * 7 + y * 3 + c * 50 + x * y / 5) % 511;
    value = value > 255 ? 510 - value : value;
    if ((x / 9 + y / 7) % 3 == c)
        value = 255 - value / 4;
    if ((x * 31 + y * 17) % 23 == 0)
        value = 0;
    return (uint8_t)value;
}

/* padding: rubbish at the end of each row but the last. */
static struct ori_rgb make_image(int width, int height, int padding)
{
    struct ori_rgb image = {NULL, 3 * (ptrdiff_t)width + padding, width, height};
    size_t size = (size_t)image.stride * (size_t)(height - 1) + 3 * (size_t)width;
    image.data = malloc(size);
    assert_non_null(image.data);
    memset(image.data, 0xEE, size);
    for (int y = 0; y < height; y++) {
        for (int i = 0; i < 3 * width; i++)
            image.data[y * image.stride + i] = sample(i / 3, y, i % 3);
    }
    return image;
}

static void interleave(const uint8_t *planes, int side, uint8_t *ret_pixels)
{
    for (int i = 0; i < side * side; i++) {
        for (int c = 0; c < 3; c++)
            ret_pixels[3 * i + c] = planes[c * side * side + i];
    }
}

static void run_case(const struct golden *golden, uint8_t *ret_pixels)
{
    struct ori_rgb image = make_image(golden->width, golden->height, 5);
    size_t n = 3 * (size_t)golden->out_width * (size_t)golden->out_height;
    uint8_t *planes = malloc(n);
    assert_non_null(planes);
    if (golden->kind == RESIZE) {
        struct ori_rgb out = {ret_pixels, 3 * (ptrdiff_t)golden->out_width, golden->out_width,
                              golden->out_height};
        assert_int_equal(ori_resize(&image, golden->box.w ? &golden->box : NULL, &out, NULL),
                         ORI_OK);
    } else {
        const struct ori_resize_rule rule = {
            .side = golden->out_width,
            .resize_side = golden->resize_side ? golden->resize_side : golden->out_width,
            .is_squash = golden->kind == SQUASH,
            .is_crop_rounded = golden->is_rounded,
            .is_bilinear = golden->is_bilinear};
        memset(planes, 0x5A, n);
        assert_int_equal(ori_resize_square(&image, &rule, planes, NULL), ORI_OK);
        interleave(planes, golden->out_width, ret_pixels);
    }
    free(planes);
    free(image.data);
}

static void results_are_pillows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
        const struct golden *golden = &goldens[i];
        size_t n = 3 * (size_t)golden->out_width * (size_t)golden->out_height;
        uint8_t *pixels = malloc(n);
        assert_non_null(pixels);
        run_case(golden, pixels);
        long sum = 0;
        for (size_t k = 0; k < n; k++)
            sum += pixels[k];
        for (size_t k = 0; k < PLACES; k++) {
            if (pixels[k * 7919 % n] != golden->samples[k])
                fail_msg("case %d, place %d: %d, Pillow has %d", (int)i, (int)k,
                         pixels[k * 7919 % n], golden->samples[k]);
        }
        if (sum != golden->sum)
            fail_msg("case %d: sum %ld, Pillow has %ld", (int)i, sum, golden->sum);
        free(pixels);
    }
}

static void check_colour(const struct ori_rgb *image, const struct ori_resize_rule *rule,
                         uint8_t *planes, int value)
{
    int n = 3 * rule->side * rule->side;
    memset(planes, ~value, (size_t)n);
    assert_int_equal(ori_resize_square(image, rule, planes, NULL), ORI_OK);
    for (int k = 0; k < n; k++)
        assert_int_equal(planes[k], value);
}

static void one_colour_stays_that_colour(void **state)
{
    (void)state;
    static const int sides[] = {1, 2, 3, 7, 64, 101};
    for (int value = 0; value < 256; value += 51) {
        for (size_t i = 0; i < 36; i++) {
            int side = sides[i / 6];
            int out = sides[i % 6];
            uint8_t *data = malloc(3 * (size_t)side * (size_t)side);
            uint8_t *planes = malloc(3 * (size_t)out * (size_t)out);
            assert_non_null(data);
            assert_non_null(planes);
            memset(data, value, 3 * (size_t)side * (size_t)side);
            const struct ori_rgb image = {data, 3 * (ptrdiff_t)side, side, side};
            for (int k = 0; k < 4; k++) {
                const struct ori_resize_rule rule = {
                    .side = out, .resize_side = out, .is_squash = k & 1, .is_bilinear = k & 2};
                check_colour(&image, &rule, planes, value);
            }
            free(data);
            free(planes);
        }
    }
}

/* Black beside white rings at its edges: clamped, never wrapped. */
static void overshoot_is_clamped(void **state)
{
    (void)state;
    uint8_t data[3 * 8 * 8];
    uint8_t planes[3 * 40 * 40];
    for (int i = 0; i < 3 * 8 * 8; i++)
        data[i] = i % 24 < 12 ? 0 : 255;
    const struct ori_rgb image = {data, 24, 8, 8};
    const struct ori_resize_rule rule = {.side = 40, .resize_side = 40, .is_squash = true};
    assert_int_equal(ori_resize_square(&image, &rule, planes, NULL), ORI_OK);
    for (int i = 0; i < 3 * 40 * 40; i++) {
        int x = i % 40;
        assert_true(x > 17 || planes[i] < 10);
        assert_true(x < 22 || planes[i] > 245);
    }
}

static void sides_have_limits(void **state)
{
    (void)state;
    static const struct {
        int width, height, side, resize_side;
        bool is_squash;
        ori_status status;
    } cases[] = {
        {SIDE_MAX, 1, 1, 1, true, ORI_OK},
        {SIDE_MAX + 1, 1, 1, 1, true, ORI_LIMIT},
        {1, SIDE_MAX, 1, 1, true, ORI_OK},
        {1, SIDE_MAX + 1, 1, 1, true, ORI_LIMIT},
        /* half a billion columns, of which one is made */
        {SIDE_MAX, 1, 1, ORI_LIMIT_MAX_INPUT_RESIZE, false, ORI_OK},
        {1, SIDE_MAX, 1, ORI_LIMIT_MAX_INPUT_RESIZE, false, ORI_OK},
        {1, SIDE_MAX + 1, 1, 1, false, ORI_LIMIT},
        {0, 5, 1, 1, false, ORI_LIMIT},
        {5, 0, 1, 1, false, ORI_LIMIT},
        {5, 0, 1, 1, true, ORI_LIMIT},
        {2, 2, 0, 2, true, ORI_LIMIT},
        {2, 2, -1, 2, true, ORI_LIMIT},
        {2, 2, -7, 2, false, ORI_LIMIT},
        {2, 2, ORI_LIMIT_MAX_INPUT_SIDE, 2, true, ORI_OK},
        {2, 2, ORI_LIMIT_MAX_INPUT_SIDE + 1, 2, true, ORI_LIMIT},
        {2, 2, INT32_MAX, 2, false, ORI_LIMIT},
        {2, 2, 2, 0, true, ORI_LIMIT},
        {2, 2, 2, -1, false, ORI_LIMIT},
        {2, 2, 2, ORI_LIMIT_MAX_INPUT_RESIZE, true, ORI_OK},
        {2, 2, 2, ORI_LIMIT_MAX_INPUT_RESIZE + 1, true, ORI_LIMIT},
        {2, 2, 2, INT32_MAX, false, ORI_LIMIT},
    };
    uint8_t *data = calloc(1, 3 * (SIDE_MAX + 1));
    uint8_t *planes = malloc((size_t)3 * ORI_LIMIT_MAX_INPUT_SIDE * ORI_LIMIT_MAX_INPUT_SIDE);
    assert_non_null(data);
    assert_non_null(planes);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ori_rgb image = {data, 3 * (ptrdiff_t)cases[i].width, cases[i].width,
                                      cases[i].height};
        const struct ori_resize_rule rule = {.side = cases[i].side,
                                             .resize_side = cases[i].resize_side,
                                             .is_squash = cases[i].is_squash};
        struct ori_error err = {0};
        ori_status status = ori_resize_square(&image, &rule, planes, &err);
        if (status != cases[i].status || err.status != status)
            fail_msg("case %d: status %d", (int)i, (int)status);
    }
    free(planes);
    free(data);
}

static void sides_of_a_plain_resize_have_limits(void **state)
{
    (void)state;
    static const struct {
        int width, height;
        ori_status status;
    } cases[] = {
        {SIDE_MAX, 1, ORI_OK}, {1, SIDE_MAX, ORI_OK}, {SIDE_MAX + 1, 1, ORI_LIMIT},
        {0, 1, ORI_LIMIT},     {1, -1, ORI_LIMIT},
    };
    uint8_t *from = calloc(1, 3 * (SIDE_MAX + 1));
    uint8_t *to = calloc(1, 3 * (SIDE_MAX + 1));
    assert_non_null(from);
    assert_non_null(to);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ori_rgb large = {from, 3 * (ptrdiff_t)cases[i].width, cases[i].width,
                                cases[i].height};
        struct ori_rgb small = {to, 6, 2, 2};
        assert_int_equal(ori_resize(&large, NULL, &small, NULL), cases[i].status);
        assert_int_equal(ori_resize(&small, NULL, &large, NULL), cases[i].status);
    }
    free(from);
    free(to);
}

static void rows_of_the_result_keep_their_padding(void **state)
{
    (void)state;
    struct ori_rgb image = make_image(20, 20, 0);
    uint8_t data[10 * 40];
    memset(data, 0x5A, sizeof data);
    struct ori_rgb out = {data, 40, 10, 10};
    assert_int_equal(ori_resize(&image, NULL, &out, NULL), ORI_OK);
    for (int i = 0; i < 10 * 40; i++)
        assert_true(i % 40 < 30 || data[i] == 0x5A);
    free(image.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_pillows),
        cmocka_unit_test(one_colour_stays_that_colour),
        cmocka_unit_test(overshoot_is_clamped),
        cmocka_unit_test(sides_have_limits),
        cmocka_unit_test(sides_of_a_plain_resize_have_limits),
        cmocka_unit_test(rows_of_the_result_keep_their_padding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
