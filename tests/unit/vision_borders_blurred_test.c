/* Sides that are a blurred copy of the picture: found on request, and nothing else with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vision/borders.h"
#include "vision_pictures.h"

enum { WIDTH = 320, HEIGHT = 200, FRAMES = 12 };

static const struct ori_borders_options usual = {.tolerance = 5,
                                                 .edge_thresh = 10,
                                                 .black_limit = 24,
                                                 .is_blurred = true,
                                                 .safe_margin_px = 4,
                                                 .min_crop_ratio = 0.02};

/* A sharp picture between left and right columns (or rows, when is_upright) of its own blur. */
static void paint(struct picture *picture, int before, int behind, bool is_upright, uint64_t seed)
{
    struct picture sharp;
    int end = (is_upright ? HEIGHT : WIDTH) - behind;
    picture_init(&sharp, WIDTH, HEIGHT, PICTURE_420);
    picture_texture(&sharp, seed);
    picture_noise(&sharp, 4, seed); /* fine detail */
    picture_copy(picture, &sharp);
    picture_blur(picture, 12);
    picture_light(picture, 0.8, 0);
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            int at = is_upright ? y : x;
            if (at >= before && at < end)
                picture->samples[0][y * WIDTH + x] = sharp.samples[0][y * WIDTH + x];
        }
    }
    picture_deinit(&sharp);
}

static void add(struct ori_borders *all, const struct picture *picture,
                const struct ori_borders_options *options)
{
    struct ori_borders borders;
    ori_borders_measure(picture->planes, options, &borders);
    ori_borders_merge(all, &borders);
}

static void expect_box(const char *name, const struct ori_borders *all,
                       const struct ori_borders_options *options, struct ori_box wanted)
{
    struct ori_box box = {0, 0, WIDTH, HEIGHT};
    bool has = ori_borders_box(all, WIDTH, HEIGHT, options, &box);
    if (memcmp(&box, &wanted, sizeof box) != 0)
        fail_msg("%s: box %d, %d, %d x %d", name, box.x, box.y, box.w, box.h);
    assert_true(!has || ori_borders_allow(all, WIDTH, HEIGHT, &box));
}

static const struct ori_box whole = {0, 0, WIDTH, HEIGHT};

static void blurred_sides_are_cut_on_request(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int before;
        int behind;
        bool is_upright;
        struct ori_box box;
    } cases[] = {
        {"left and right", 100, 100, false, {96, 0, 128, HEIGHT}},
        {"odd", 91, 93, false, {86, 0, 146, HEIGHT}},
        {"above and below", 60, 60, true, {0, 56, WIDTH, 88}},
        {"unlike widths", 100, 60, false, {0, 0, WIDTH, HEIGHT}},
        {"one side", 100, 0, false, {0, 0, WIDTH, HEIGHT}},
        {"none", 0, 0, false, {0, 0, WIDTH, HEIGHT}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int asked = 0; asked < 2; asked++) {
            struct picture picture;
            struct ori_borders all;
            struct ori_borders_options options = usual;
            options.is_blurred = asked;
            picture_init(&picture, WIDTH, HEIGHT, PICTURE_420);
            ori_borders_init(&all);
            for (int k = 0; k < FRAMES; k++) {
                paint(&picture, cases[i].before, cases[i].behind, cases[i].is_upright,
                      (uint64_t)k + 1);
                add(&all, &picture, &options);
            }
            expect_box(cases[i].name, &all, &options, asked ? cases[i].box : whole);
            picture_deinit(&picture);
        }
    }
}

/* The line stands still in some frames, and is elsewhere or nowhere in the others. */
static void the_line_must_stand_still(void **state)
{
    (void)state;
    static const struct {
        int still; /* of FRAMES */
        int step;  /* how far it moves in each of the others */
        bool is_found;
    } cases[] = {{FRAMES, 0, true}, {9, 7, true}, {6, 7, false}, {0, 7, false}, {2, 0, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct picture picture;
        struct ori_borders all;
        picture_init(&picture, WIDTH, HEIGHT, PICTURE_420);
        ori_borders_init(&all);
        for (int k = 0; k < FRAMES; k++) {
            int moved = k < cases[i].still ? 0 : (k + 1) * cases[i].step;
            bool has_sides = k < cases[i].still || cases[i].step;
            paint(&picture, has_sides ? 100 - moved : 0, has_sides ? 100 - moved : 0, false,
                  (uint64_t)k + 1);
            add(&all, &picture, &usual);
        }
        expect_box("still", &all, &usual,
                   cases[i].is_found ? (struct ori_box){96, 0, 128, HEIGHT} : whole);
        picture_deinit(&picture);
    }
}

/* A shallow depth of field: soft at both sides, sharp in the middle, without a line between. */
static void soft_sides_without_a_line_are_picture(void **state)
{
    (void)state;
    for (int slant = 0; slant < 2; slant++) {
        struct picture picture;
        struct ori_borders all;
        picture_init(&picture, WIDTH, HEIGHT, PICTURE_420);
        ori_borders_init(&all);
        for (int k = 0; k < FRAMES; k++) {
            struct picture sharp;
            picture_init(&sharp, WIDTH, HEIGHT, PICTURE_420);
            picture_texture(&sharp, (uint64_t)k + 1);
            picture_noise(&sharp, 4, (uint64_t)k + 1);
            picture_copy(&picture, &sharp);
            picture_blur(&picture, 12);
            for (int i = 0; i < WIDTH * HEIGHT; i++) {
                int x = i % WIDTH;
                int edge = 60 + (slant ? i / WIDTH / 3 : 0); /* or a slanting edge at once */
                int depth = x < WIDTH / 2 ? x - edge : WIDTH - 1 - x - edge;
                int share = slant ? (depth > 0) * 64 : depth < 0 ? 0 : depth > 64 ? 64 : depth;
                int soft = picture.samples[0][i];
                picture.samples[0][i] =
                    (uint8_t)((share * sharp.samples[0][i] + (64 - share) * soft) / 64);
            }
            picture_deinit(&sharp);
            add(&all, &picture, &usual);
        }
        expect_box("soft", &all, &usual, whole);
        picture_deinit(&picture);
    }
}

/* Black bars are cut by the rules of bars, words in them kept, whether asked for blurred ones or not. */
static void bars_stay_bars(void **state)
{
    (void)state;
    struct picture picture;
    struct ori_borders all;
    static const uint8_t black[3] = {16, 128, 128};
    picture_init(&picture, WIDTH, HEIGHT, PICTURE_420);
    ori_borders_init(&all);
    for (int k = 0; k < FRAMES; k++) {
        picture_texture(&picture, (uint64_t)k + 1);
        picture_noise(&picture, 4, (uint64_t)k + 1);
        picture_rect(&picture, (struct ori_box){0, 0, WIDTH, 40}, black);
        picture_rect(&picture, (struct ori_box){0, HEIGHT - 40, WIDTH, 40}, black);
        for (int letter = 0; letter < 6; letter++)
            picture_rect(&picture, (struct ori_box){20 + 8 * letter, 10, 3, 16},
                         (const uint8_t[3]){235, 128, 128});
        add(&all, &picture, &usual);
    }
    struct ori_box box = whole;
    ori_borders_box(&all, WIDTH, HEIGHT, &usual, &box);
    assert_true(box.y <= 10);
    picture_deinit(&picture);
}

/* Every size from nothing on: no read beyond the planes (seen by AddressSanitizer), no box. */
static void small_pictures_are_left_alone(void **state)
{
    (void)state;
    for (int side = 1; side < 80; side += 3) {
        for (int other = 1; other < 80; other += 13) {
            struct picture picture;
            struct ori_borders all;
            struct ori_box box;
            picture_init(&picture, side, other, PICTURE_420);
            picture_texture(&picture, (uint64_t)side);
            ori_borders_init(&all);
            add(&all, &picture, &usual);
            assert_false(ori_borders_box(&all, side, other, &usual, &box));
            picture_deinit(&picture);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blurred_sides_are_cut_on_request),
        cmocka_unit_test(the_line_must_stand_still),
        cmocka_unit_test(soft_sides_without_a_line_are_picture),
        cmocka_unit_test(bars_stay_bars),
        cmocka_unit_test(small_pictures_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
