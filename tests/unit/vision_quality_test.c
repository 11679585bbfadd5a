#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vision/quality.h"
#include "vision_pictures.h"

static void blur_makes_less_sharp(void **state)
{
    (void)state;
    static const int sizes[][2] = {{640, 360}, {361, 239}, {64, 64}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (uint64_t seed = 0; seed < 3; seed++) {
            struct picture sharp, blurred;
            picture_init(&sharp, sizes[s][0], sizes[s][1], PICTURE_GREY);
            picture_init(&blurred, sizes[s][0], sizes[s][1], PICTURE_GREY);
            picture_texture(&sharp, seed);
            double before = ori_sharpness(&sharp.planes[0]);
            for (int radius = 1; radius < 10; radius += 2) {
                picture_copy(&blurred, &sharp);
                picture_blur(&blurred, radius);
                double after = ori_sharpness(&blurred.planes[0]);
                if (after >= before)
                    fail_msg("radius %d: %f, less blurred %f", radius, after, before);
                before = after;
            }
            picture_deinit(&sharp);
            picture_deinit(&blurred);
        }
    }
}

/* Columns 0 0 9 9 18 18 ... have no second derivative at half size; one bright pair has. */
static void sharpness_is_the_laplacian_at_half_size(void **state)
{
    (void)state;
    struct picture picture;
    picture_init(&picture, 12, 6, PICTURE_GREY);
    for (int i = 0; i < 12 * 6; i++)
        picture.samples[0][i] = (uint8_t)(i % 12 / 2 * 9);
    assert_true(ori_sharpness(&picture.planes[0]) == 0);
    picture_rect(&picture, (struct ori_box){0, 0, 12, 6}, (const uint8_t[3]){50, 0, 0});
    assert_true(ori_sharpness(&picture.planes[0]) == 0);
    picture_rect(&picture, (struct ori_box){4, 2, 2, 2}, (const uint8_t[3]){70, 0, 0});
    /* Four inner columns: 20 on its left and right, 2 * 20 + 2 * 20 in place. */
    assert_true(ori_sharpness(&picture.planes[0]) == (20 + 80 + 20) / 4.0);
    picture_deinit(&picture);
}

static void tiny_and_huge_rows_are_no_trouble(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {5, 6},    {6, 5},    {6, 6},
                                   {7, 7}, {8192, 8}, {8194, 8}, {9001, 22}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct picture picture;
        picture_init(&picture, sizes[s][0], sizes[s][1], PICTURE_GREY);
        picture_texture(&picture, 1);
        picture_noise(&picture, 20, 1);
        bool is_large_enough = sizes[s][0] >= 6 && sizes[s][1] >= 6;
        assert_int_equal(ori_sharpness(&picture.planes[0]) > 0, is_large_enough);
        picture_deinit(&picture);
    }
    /* The sharpest there is: nothing overflows. */
    struct picture picture;
    picture_init(&picture, 9000, 6, PICTURE_GREY);
    for (int i = 0; i < 9000 * 6; i++)
        picture.samples[0][i] = (i % 9000 / 2 + i / 9000 / 2) % 2 ? 255 : 0;
    assert_true(ori_sharpness(&picture.planes[0]) == 4 * 255);
    picture_deinit(&picture);
}

static void solid_goes_by_the_deviation(void **state)
{
    (void)state;
    struct picture picture;
    picture_init(&picture, 200, 100, PICTURE_420);
    assert_true(ori_is_solid(picture.planes, NULL, 5, 10));
    picture_rect(&picture, (struct ori_box){100, 0, 100, 100}, (const uint8_t[3]){25, 128, 128});
    assert_true(ori_is_solid(picture.planes, NULL, 5, 10)); /* 16 and 25: 4.5 */
    picture_rect(&picture, (struct ori_box){100, 0, 100, 100}, (const uint8_t[3]){28, 128, 128});
    assert_false(ori_is_solid(picture.planes, NULL, 5, 10)); /* 6 */
    assert_true(ori_is_solid(picture.planes, NULL, 6.1, 10));
    const struct ori_box left = {0, 0, 100, 100};
    assert_true(ori_is_solid(picture.planes, &left, 5, 10));
    const struct ori_box both = {60, 10, 80, 80};
    assert_false(ori_is_solid(picture.planes, &both, 5, 10));
    picture_deinit(&picture);
}

static void colour_alone_is_not_solid(void **state)
{
    (void)state;
    for (enum picture_chroma chroma = PICTURE_420; chroma <= PICTURE_444; chroma++) {
        for (int c = 1; c < 3; c++) {
            struct picture picture;
            uint8_t colour[3] = {16, 128, 128};
            picture_init(&picture, 90, 70, chroma);
            colour[c] = 150;
            picture_rect(&picture, (struct ori_box){40, 20, 40, 40}, colour);
            assert_false(ori_is_solid(picture.planes, NULL, 5, 10));
            const struct ori_box corner = {0, 0, 38, 18};
            assert_true(ori_is_solid(picture.planes, &corner, 5, 10));
            picture_deinit(&picture);
        }
    }
}

static void too_small_is_solid(void **state)
{
    (void)state;
    struct picture picture;
    picture_init(&picture, 64, 64, PICTURE_420);
    picture_texture(&picture, 1);
    picture_noise(&picture, 30, 1);
    static const struct ori_box enough[] = {{0, 0, 10, 10}, {54, 54, 10, 10}, {3, 3, 10, 61}};
    static const struct ori_box little[] = {{0, 0, 9, 10}, {0, 0, 64, 9}, {55, 54, 9, 10}};
    for (int i = 0; i < 3; i++) {
        assert_false(ori_is_solid(picture.planes, &enough[i], 5, 10));
        assert_true(ori_is_solid(picture.planes, &little[i], 5, 10));
    }
    picture_deinit(&picture);
    picture_init(&picture, 1, 1, PICTURE_420);
    assert_true(ori_is_solid(picture.planes, NULL, 0, 2));
    picture_deinit(&picture);
}

/* A small thing in a large picture of one colour counts by the share it covers. */
static void large_pictures_are_sampled_evenly(void **state)
{
    (void)state;
    struct picture picture;
    picture_init(&picture, 1920, 1080, PICTURE_420);
    picture_rect(&picture, (struct ori_box){600, 400, 240, 180}, (const uint8_t[3]){200, 128, 128});
    assert_false(ori_is_solid(picture.planes, NULL, 25, 10)); /* 2 % of the area, 184 away: 26.2 */
    assert_true(ori_is_solid(picture.planes, NULL, 28, 10));
    picture_deinit(&picture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blur_makes_less_sharp),
        cmocka_unit_test(sharpness_is_the_laplacian_at_half_size),
        cmocka_unit_test(tiny_and_huge_rows_are_no_trouble),
        cmocka_unit_test(solid_goes_by_the_deviation),
        cmocka_unit_test(colour_alone_is_not_solid),
        cmocka_unit_test(too_small_is_solid),
        cmocka_unit_test(large_pictures_are_sampled_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
