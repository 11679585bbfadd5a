#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vision/likeness.h"
#include "vision_pictures.h"

enum { WIDTH = 256, HEIGHT = 144, PICTURES = 10 };

static struct ori_thumb thumb_of_texture(uint64_t seed)
{
    struct picture picture;
    struct ori_thumb thumb;
    picture_init(&picture, WIDTH, HEIGHT, PICTURE_420);
    picture_texture(&picture, seed);
    picture_thumb(&picture, &thumb);
    picture_deinit(&picture);
    return thumb;
}

static struct ori_thumb thumb_of_noise(uint64_t seed, int width, int height)
{
    struct picture picture;
    struct ori_thumb thumb;
    picture_init(&picture, width, height, PICTURE_420);
    for (int p = 0; p < 3; p++) {
        for (int i = 0; i < picture.planes[p].width * picture.planes[p].height; i++)
            picture.samples[p][i] = (uint8_t)picture_random(&seed);
    }
    picture_thumb(&picture, &thumb);
    picture_deinit(&picture);
    return thumb;
}

static void sad_equals_its_plain_twin(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 2000; i++) {
        int stride_a = 8 + picture_random_below(&seed, 130);
        int stride_b = 8 + picture_random_below(&seed, 130);
        size_t size_a = (size_t)stride_a * 7 + 8; /* the last row ends with the block */
        size_t size_b = (size_t)stride_b * 7 + 8;
        uint8_t *a = malloc(size_a);
        uint8_t *b = malloc(size_b);
        assert_non_null(a);
        assert_non_null(b);
        for (size_t k = 0; k < size_a; k++)
            a[k] = (uint8_t)picture_random(&seed);
        for (size_t k = 0; k < size_b; k++)
            b[k] = (uint8_t)picture_random(&seed);
        assert_int_equal(ori_sad8x8(a, stride_a, b, stride_b),
                         ori_sad8x8_reference(a, stride_a, b, stride_b));
        free(a);
        free(b);
    }
    uint8_t black[64] = {0};
    uint8_t white[64];
    memset(white, 255, sizeof white);
    assert_int_equal(ori_sad8x8(black, 8, white, 8), 64 * 255);
    assert_int_equal(ori_sad8x8(white, 8, white, 8), 0);
}

static void the_same_picture_is_alike(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < PICTURES; seed++) {
        struct ori_thumb a = thumb_of_texture(seed);
        assert_true(ori_unlikeness(&a, &a) == 0);
        assert_true(ori_unlikeness_relit(&a, &a) == 0);
        assert_true(ori_structure_likeness(&a, &a) > 0.95);
    }
}

static void unrelated_pictures_are_not(void **state)
{
    (void)state;
    struct ori_thumb thumbs[PICTURES];
    for (int i = 0; i < PICTURES; i++)
        thumbs[i] = thumb_of_texture((uint64_t)i + 50);
    for (int i = 0; i < PICTURES; i++) {
        for (int k = 0; k < i; k++) {
            double unlike = ori_unlikeness(&thumbs[i], &thumbs[k]);
            if (unlike < 0.6 || unlike > 1 || ori_unlikeness_relit(&thumbs[i], &thumbs[k]) < 0.45 ||
                ori_structure_likeness(&thumbs[i], &thumbs[k]) > 0.4)
                fail_msg("%d and %d: %f, relit %f, structure %f", i, k, unlike,
                         ori_unlikeness_relit(&thumbs[i], &thumbs[k]),
                         ori_structure_likeness(&thumbs[i], &thumbs[k]));
        }
    }
    struct ori_thumb a = thumb_of_noise(1, 128, 72);
    struct ori_thumb b = thumb_of_noise(2, 128, 72);
    assert_true(ori_unlikeness(&a, &b) > 0.6);
    assert_true(ori_structure_likeness(&a, &b) < 0.2);
}

static void unrelated_pictures_in_the_dark_are_not(void **state)
{
    (void)state;
    struct picture picture;
    struct ori_thumb thumbs[2];
    picture_init(&picture, WIDTH, HEIGHT, PICTURE_420);
    for (int i = 0; i < 2; i++) {
        picture_texture(&picture, (uint64_t)i + 20);
        picture_light(&picture, 0.2, 12);
        picture_thumb(&picture, &thumbs[i]);
    }
    assert_true(ori_unlikeness(&thumbs[0], &thumbs[1]) > 0.5);
    picture_deinit(&picture);
}

static void small_motion_counts_for_little(void **state)
{
    (void)state;
    static const int shifts[][2] = {{2, 0}, {0, 2}, {8, 0}, {0, 8}, {8, 8}, {4, 6}, {2, 8}};
    struct picture world, picture;
    struct ori_thumb still, moved;
    picture_init(&world, WIDTH + 64, HEIGHT + 64, PICTURE_420);
    picture_init(&picture, WIDTH, HEIGHT, PICTURE_420);
    for (uint64_t seed = 0; seed < 4; seed++) {
        picture_texture(&world, seed);
        picture_window(&picture, &world, 20, 20);
        picture_thumb(&picture, &still);
        for (size_t i = 0; i < sizeof shifts / sizeof *shifts; i++) { /* up to 4 thumb samples */
            picture_window(&picture, &world, 20 + shifts[i][0], 20 + shifts[i][1]);
            picture_thumb(&picture, &moved);
            double unlike = ori_unlikeness(&still, &moved);
            if (unlike > 0.5) /* the margin that came into view counts in full */
                fail_msg("picture %d by %d, %d: %f", (int)seed, shifts[i][0], shifts[i][1], unlike);
        }
        picture_window(&picture, &world, 60, 60);
        picture_thumb(&picture, &moved);
        assert_true(ori_unlikeness(&still, &moved) > 0.3); /* 20 samples: no small motion */
    }
    picture_deinit(&world);
    picture_deinit(&picture);
}

static void light_that_changed_is_allowed_for(void **state)
{
    (void)state;
    static const double lights[][2] = {{1, 25}, {1, -15}, {0.7, 10}, {0.5, 20}, {0.3, 16}};
    struct picture picture;
    struct ori_thumb before, after;
    picture_init(&picture, WIDTH, HEIGHT, PICTURE_GREY);
    for (uint64_t seed = 0; seed < 4; seed++) {
        for (size_t i = 0; i < sizeof lights / sizeof *lights; i++) {
            picture_texture(&picture, seed);
            picture_light(&picture, 0.7, 30); /* away from the ends of the scale */
            picture_thumb(&picture, &before);
            picture_light(&picture, lights[i][0], lights[i][1]);
            picture_thumb(&picture, &after);
            assert_true(ori_unlikeness(&before, &after) > 0.1);
            assert_true(ori_unlikeness_relit(&before, &after) < 0.05);
            assert_true(ori_unlikeness_relit(&after, &before) < 0.12);
            assert_true(ori_structure_likeness(&before, &after) > 0.7);
        }
    }
    picture_deinit(&picture);
}

static void blends_are_mixtures(void **state)
{
    (void)state;
    struct picture a, b, between;
    struct ori_thumb thumb_a, thumb_b, thumb;
    double share = 0;
    picture_init(&a, WIDTH, HEIGHT, PICTURE_420);
    picture_init(&b, WIDTH, HEIGHT, PICTURE_420);
    picture_init(&between, WIDTH, HEIGHT, PICTURE_420);
    for (uint64_t seed = 0; seed < 4; seed++) {
        picture_texture(&a, seed);
        picture_texture(&b, seed + 30);
        picture_thumb(&a, &thumb_a);
        picture_thumb(&b, &thumb_b);
        for (int i = 0; i <= 10; i++) {
            picture_mix(&between, &a, &b, i / 10.0);
            picture_thumb(&between, &thumb);
            assert_true(ori_mixture_residue(&thumb_a, &thumb_b, &thumb, &share) < 0.03);
            assert_true(share > i / 10.0 - 0.01 && share < i / 10.0 + 0.01);
        }
        for (uint64_t third = 60; third < 64; third++) {
            picture_texture(&between, third);
            picture_thumb(&between, &thumb);
            double residue = ori_mixture_residue(&thumb_a, &thumb_b, &thumb, &share);
            if (residue < 0.55)
                fail_msg("third picture %d: %f", (int)third, residue);
        }
    }
    picture_deinit(&a);
    picture_deinit(&b);
    picture_deinit(&between);
}

/* Thirds, sevenths and the like are not exact in binary: what is left over may be under zero. */
static void an_exact_mixture_leaves_nothing(void **state)
{
    (void)state;
    struct ori_thumb a = {.width = 64, .height = 64};
    struct ori_thumb b = a;
    struct ori_thumb between = a;
    for (int whole = 2; whole <= 50; whole++) {
        for (int part = 0; part <= whole; part++) {
            double share = -1;
            memset(b.luma, whole, 64 * 64);
            memset(between.luma, part, 64 * 64);
            double residue = ori_mixture_residue(&a, &b, &between, &share);
            if (!(residue >= 0 && residue < 1e-6))
                fail_msg("%d of %d: %f", part, whole, residue);
            assert_true(share > (double)part / whole - 1e-9 && share < (double)part / whole + 1e-9);
        }
    }
}

static void wipes_are_mixtures(void **state)
{
    (void)state;
    struct picture a, b, between;
    struct ori_thumb thumb_a, thumb_b, thumb;
    double before = 0;
    picture_init(&a, WIDTH, HEIGHT, PICTURE_420);
    picture_init(&b, WIDTH, HEIGHT, PICTURE_420);
    picture_init(&between, WIDTH, HEIGHT, PICTURE_420);
    picture_texture(&a, 3);
    picture_texture(&b, 4);
    picture_thumb(&a, &thumb_a);
    picture_thumb(&b, &thumb_b);
    for (int x = 20; x < WIDTH; x += 22) {
        picture_copy(&between, &a);
        for (int y = 0; y < HEIGHT; y++)
            memcpy(between.samples[0] + y * WIDTH, b.samples[0] + y * WIDTH, (size_t)x);
        picture_thumb(&between, &thumb);
        double share = 0;
        double residue = ori_mixture_residue(&thumb_a, &thumb_b, &thumb, &share);
        if (residue > 0.25 || share <= before || share > x / (double)WIDTH + 0.2 ||
            share < x / (double)WIDTH - 0.2)
            fail_msg("wiped to %d: residue %f, share %f", x, residue, share);
        before = share;
    }
    picture_deinit(&a);
    picture_deinit(&b);
    picture_deinit(&between);
}

/* A camera that turns is a shift; a mixture, another picture and a still are none. */
static void a_turn_is_known_by_its_shift(void **state)
{
    (void)state;
    static const int turns[][2] = {{2, 0}, {-8, 4}, {24, 0}, {-24, -16}, {14, 10}, {0, 16}};
    struct picture world, picture, other;
    struct ori_thumb a, b;
    picture_init(&world, 512, 288, PICTURE_420);
    picture_init(&picture, 256, 144, PICTURE_420);
    picture_init(&other, 256, 144, PICTURE_420);
    for (uint64_t seed = 1; seed <= 4; seed++) {
        picture_texture(&world, seed);
        picture_window(&picture, &world, 64, 64);
        picture_thumb(&picture, &a);
        assert_true(ori_shift_residue(&a, &a) == 1);
        for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
            picture_window(&other, &world, 64 + turns[i][0], 64 + turns[i][1]);
            picture_thumb(&other, &b);
            assert_true(ori_shift_residue(&a, &b) < 0.05); /* samples of a thumb are 2 x 2 */
        }
        picture_texture(&other, seed + 50);
        picture_thumb(&other, &b);
        assert_true(ori_shift_residue(&a, &b) > 0.7);
        picture_mix(&other, &picture, &other, 0.1);
        picture_thumb(&other, &b);
        assert_true(ori_shift_residue(&a, &b) > 0.8);
    }
    b = a;
    b.width--;
    assert_true(ori_shift_residue(&a, &b) == 1);
    a.width = b.width = 23; /* less than it may be moved by, both ways */
    assert_true(ori_shift_residue(&a, &b) == 1);
    picture_deinit(&world);
    picture_deinit(&picture);
    picture_deinit(&other);
}

static void other_sizes_have_nothing_in_common(void **state)
{
    (void)state;
    struct ori_thumb a = thumb_of_noise(1, 128, 72);
    struct ori_thumb narrow = thumb_of_noise(2, 120, 72);
    struct ori_thumb low = thumb_of_noise(3, 128, 64);
    struct ori_thumb grey = a;
    grey.chroma_width = grey.chroma_height = 0;
    double share = 5;
    assert_true(ori_unlikeness(&a, &narrow) == 1 && ori_unlikeness(&a, &low) == 1);
    assert_true(ori_unlikeness(&a, &grey) == 1);
    assert_true(ori_unlikeness_relit(&a, &narrow) == 1);
    assert_true(ori_structure_likeness(&a, &narrow) == 0);
    assert_true(ori_mixture_residue(&a, &narrow, &a, &share) == 1 && share == 0);
    assert_true(ori_mixture_residue(&a, &low, &low, &share) == 1);
    assert_true(ori_mixture_residue(&a, &a, &narrow, &share) == 1);
}

static void box_in(struct picture *picture, int down, int across)
{
    static const uint8_t black[3] = {16, 128, 128};
    int w = picture->width;
    int h = picture->height;
    picture_rect(picture, (struct ori_box){0, 0, w, down}, black);
    picture_rect(picture, (struct ori_box){0, h - down, w, down}, black);
    picture_rect(picture, (struct ori_box){0, 0, across, h}, black);
    picture_rect(picture, (struct ori_box){w - across, 0, across, h}, black);
}

/* The edges of bars stay where they are when the scene changes: they are nothing in common. */
static void bars_are_no_structure(void **state)
{
    (void)state;
    static const int bars[][2] = {{20, 0}, {0, 40}, {22, 38}, {13, 25}};
    for (size_t i = 0; i < sizeof bars / sizeof *bars; i++) {
        for (int words = 0; words < 2; words++) {
            struct picture pictures[2];
            struct ori_thumb thumbs[2];
            for (int k = 0; k < 2; k++) {
                picture_init(&pictures[k], WIDTH, HEIGHT, PICTURE_420);
                picture_texture(&pictures[k], (uint64_t)k + 30);
                box_in(&pictures[k], bars[i][0], bars[i][1]);
                if (words && bars[i][0]) /* in the bar, the same in both */
                    picture_rect(&pictures[k], (struct ori_box){90, 4, 60, 8},
                                 (const uint8_t[3]){235, 128, 128});
                picture_thumb(&pictures[k], &thumbs[k]);
                picture_deinit(&pictures[k]);
            }
            double likeness = ori_structure_likeness(&thumbs[0], &thumbs[1]);
            if (likeness > 0.4)
                fail_msg("bars of %d and %d: %f", bars[i][0], bars[i][1], likeness);
            assert_true(ori_structure_likeness(&thumbs[0], &thumbs[0]) > 0.95);
        }
    }
}

static void tiny_pictures_stay_in_range(void **state)
{
    (void)state;
    for (int width = 1; width < 10; width++) {
        for (int height = 1; height < 10; height++) {
            struct ori_thumb a = thumb_of_noise(1, width, height);
            struct ori_thumb b = thumb_of_noise(2, width, height);
            double share = 0;
            assert_true(ori_unlikeness(&a, &a) == 0);
            double unlike = ori_unlikeness(&a, &b);
            assert_true(unlike > 0.02 && unlike <= 1);
            double relit = ori_unlikeness_relit(&a, &b);
            assert_true(relit >= 0 && relit <= 1);
            double likeness = ori_structure_likeness(&a, &b);
            assert_true(likeness >= -1 && likeness <= 1);
            double residue = ori_mixture_residue(&a, &b, &a, &share);
            assert_true(residue >= 0 && residue <= 1 && share >= 0 && share <= 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sad_equals_its_plain_twin),
        cmocka_unit_test(the_same_picture_is_alike),
        cmocka_unit_test(unrelated_pictures_are_not),
        cmocka_unit_test(unrelated_pictures_in_the_dark_are_not),
        cmocka_unit_test(small_motion_counts_for_little),
        cmocka_unit_test(light_that_changed_is_allowed_for),
        cmocka_unit_test(blends_are_mixtures),
        cmocka_unit_test(an_exact_mixture_leaves_nothing),
        cmocka_unit_test(wipes_are_mixtures),
        cmocka_unit_test(a_turn_is_known_by_its_shift),
        cmocka_unit_test(other_sizes_have_nothing_in_common),
        cmocka_unit_test(bars_are_no_structure),
        cmocka_unit_test(tiny_pictures_stay_in_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
