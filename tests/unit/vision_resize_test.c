#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vision/resize.h"
#include "vision_pictures.h"

enum { PLACES = 60, SIDE_MAX = 32768 };

enum kind { RESIZE, SQUASH, SHORTER_CROP };

struct golden {
    enum kind kind;
    int width, height;
    struct ori_box box; /* empty: all */
    int out_width, out_height;
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
    } else if (golden->kind == SQUASH) {
        assert_int_equal(ori_resize_squash(&image, golden->out_width, planes, NULL), ORI_OK);
        interleave(planes, golden->out_width, ret_pixels);
    } else {
        assert_int_equal(ori_resize_shorter_crop(&image, golden->out_width, planes, NULL), ORI_OK);
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
        int unequal = 0;
        long sum = 0;
        for (size_t k = 0; k < n; k++)
            sum += pixels[k];
        for (size_t k = 0; k < PLACES; k++) {
            int difference = abs(pixels[k * 7919 % n] - golden->samples[k]);
            if (difference > 1)
                fail_msg("case %d, place %d: %d, Pillow has %d", (int)i, (int)k,
                         pixels[k * 7919 % n], golden->samples[k]);
            unequal += difference > 0;
        }
        if (unequal > PLACES / 20 || labs(sum - golden->sum) > (long)n / 20)
            fail_msg("case %d: %d places differ, sum %ld, Pillow has %ld", (int)i, unequal, sum,
                     golden->sum);
        free(pixels);
    }
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
            assert_int_equal(ori_resize_squash(&image, out, planes, NULL), ORI_OK);
            for (int k = 0; k < 3 * out * out; k++)
                assert_int_equal(planes[k], value);
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
    assert_int_equal(ori_resize_squash(&image, 40, planes, NULL), ORI_OK);
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
        int width, height, out;
        bool is_crop;
        ori_status status;
    } cases[] = {
        {SIDE_MAX, 1, 1, false, ORI_OK},
        {SIDE_MAX + 1, 1, 1, false, ORI_LIMIT},
        {1, SIDE_MAX, 1, false, ORI_OK},
        {1, SIDE_MAX + 1, 1, false, ORI_LIMIT},
        {2, 2, 0, false, ORI_LIMIT},
        {2, 2, -1, false, ORI_LIMIT},
        {2, 2, SIDE_MAX + 1, false, ORI_LIMIT},
        {2, 2, INT32_MAX, false, ORI_LIMIT},
        {SIDE_MAX, 1, 1, true, ORI_OK},
        {SIDE_MAX, 1, 2, true, ORI_LIMIT},
        {1, SIDE_MAX, 1, true, ORI_OK},
        {1, SIDE_MAX + 1, 1, true, ORI_LIMIT},
        {0, 5, 1, true, ORI_LIMIT},
        {5, 0, 1, true, ORI_LIMIT},
        {5, 0, 1, false, ORI_LIMIT},
        {2, 2, -7, true, ORI_LIMIT},
    };
    uint8_t *data = calloc(1, 3 * (SIDE_MAX + 1));
    assert_non_null(data);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ori_rgb image = {data, 3 * (ptrdiff_t)cases[i].width, cases[i].width,
                                      cases[i].height};
        uint8_t planes[12] = {0};
        struct ori_error err = {0};
        ori_status status = cases[i].is_crop
                                ? ori_resize_shorter_crop(&image, cases[i].out, planes, &err)
                                : ori_resize_squash(&image, cases[i].out, planes, &err);
        if (status != cases[i].status || err.status != status)
            fail_msg("case %d: status %d", (int)i, (int)status);
    }
    free(data);
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
        cmocka_unit_test(rows_of_the_result_keep_their_padding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
