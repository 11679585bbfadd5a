#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vision/borders.h"
#include "vision_pictures.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const struct ori_borders_options usual = {.tolerance = 5,
                                                 .edge_thresh = 10,
                                                 .black_limit = 24,
                                                 .safe_margin_px = 4,
                                                 .min_crop_ratio = 0.02};

static void paint_bars(struct picture *picture, const int bars[ORI_SIDES], const uint8_t colour[3])
{
    int w = picture->width;
    int h = picture->height;
    picture_rect(picture, (struct ori_box){0, 0, w, bars[ORI_TOP]}, colour);
    picture_rect(picture, (struct ori_box){0, h - bars[ORI_BOTTOM], w, bars[ORI_BOTTOM]}, colour);
    picture_rect(picture, (struct ori_box){0, 0, bars[ORI_LEFT], h}, colour);
    picture_rect(picture, (struct ori_box){w - bars[ORI_RIGHT], 0, bars[ORI_RIGHT], h}, colour);
}

static void check_thickness(const char *name, const struct ori_borders *borders, const int bars[4])
{
    for (int side = 0; side < ORI_SIDES; side++) {
        if (borders->thickness[side] != bars[side])
            fail_msg("%s: side %d is %d, painted %d", name, side, borders->thickness[side],
                     bars[side]);
    }
}

static void check_box(const char *name, const struct picture *picture, bool has_box,
                      struct ori_box wanted, const struct ori_borders_options *options)
{
    struct ori_borders borders;
    struct ori_box box = {0, 0, 0, 0};
    ori_borders_measure(picture->planes, options, &borders);
    bool has = ori_borders_box(&borders, picture->width, picture->height, options, &box);
    if (has != has_box || (has && memcmp(&box, &wanted, sizeof box) != 0))
        fail_msg("%s: %s %d, %d, %d x %d", name, has ? "box" : "no box", box.x, box.y, box.w,
                 box.h);
    if (has)
        assert_true(ori_borders_allow(&borders, picture->width, picture->height, &box));
}

struct bars_case {
    const char *name;
    int bars[ORI_SIDES]; /* top, bottom, left, right */
    uint8_t colour[3];
    double noise; /* all over the picture */
    bool has_box;
    struct ori_box box; /* (lines - 4), even, off each side */
};

/* On 320 x 200, every subsampling: what was painted is measured to the line. */
static void bars_of_every_kind_are_measured(void **state)
{
    (void)state;
    static const struct bars_case cases[] = {
        {"none", {0, 0, 0, 0}, {16, 128, 128}, 0, false, {0, 0, 0, 0}},
        {"letterbox", {24, 24, 0, 0}, {16, 128, 128}, 0, true, {0, 20, 320, 160}},
        {"full-range black", {24, 24, 0, 0}, {0, 128, 128}, 0, true, {0, 20, 320, 160}},
        {"pillarbox", {0, 0, 40, 40}, {16, 128, 128}, 0, true, {36, 0, 248, 200}},
        {"window", {20, 26, 30, 34}, {16, 128, 128}, 0, true, {26, 16, 264, 162}},
        {"white", {24, 24, 0, 0}, {235, 128, 128}, 0, true, {0, 20, 320, 160}},
        {"coloured", {0, 0, 44, 44}, {90, 200, 60}, 0, true, {40, 0, 240, 200}},
        {"odd", {25, 23, 41, 33}, {16, 128, 128}, 0, true, {36, 20, 256, 162}},
        {"top alone", {30, 0, 0, 0}, {16, 128, 128}, 0, true, {0, 26, 320, 174}},
        {"right alone", {0, 0, 0, 30}, {16, 128, 128}, 0, true, {0, 0, 294, 200}},
        {"some noise", {24, 24, 0, 0}, {16, 128, 128}, 1, true, {0, 20, 320, 160}},
        {"noise", {0, 0, 40, 40}, {60, 100, 128}, 2, true, {36, 0, 248, 200}},
        {"much noise", {24, 24, 0, 0}, {40, 128, 128}, 3, true, {0, 20, 320, 160}},
        {"within the margin", {5, 5, 0, 0}, {16, 128, 128}, 0, false, {0, 0, 0, 0}},
        {"less than is worth it", {4, 4, 7, 7}, {16, 128, 128}, 0, false, {0, 0, 0, 0}},
        {"just worth it", {0, 0, 8, 8}, {16, 128, 128}, 0, true, {4, 0, 312, 200}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (enum picture_chroma chroma = PICTURE_GREY; chroma <= PICTURE_444; chroma++) {
            struct picture picture;
            struct ori_borders borders;
            picture_init(&picture, 320, 200, chroma);
            picture_texture(&picture, i);
            paint_bars(&picture, cases[i].bars, cases[i].colour);
            picture_noise(&picture, cases[i].noise, i);
            ori_borders_measure(picture.planes, &usual, &borders);
            check_thickness(cases[i].name, &borders, cases[i].bars);
            check_box(cases[i].name, &picture, cases[i].has_box, cases[i].box, &usual);
            picture_deinit(&picture);
        }
    }
}

static void an_edge_may_be_soft(void **state)
{
    (void)state;
    struct picture picture;
    struct ori_borders borders;
    picture_init(&picture, 320, 200, PICTURE_420);
    picture_texture(&picture, 3);
    paint_bars(&picture, (const int[]){26, 26, 0, 0}, (const uint8_t[3]){16, 128, 128});
    for (int x = 0; x < 320; x++) { /* two lines between bar and picture */
        for (int k = 0; k < 2; k++) {
            uint8_t *upper = picture.samples[0] + (ptrdiff_t)(26 - 2 + k) * 320 + x;
            uint8_t *lower = picture.samples[0] + (ptrdiff_t)(200 - 26 + 1 - k) * 320 + x;
            *upper = (uint8_t)((upper[(2 - k) * 320] * (k + 1) + 16 * (2 - k)) / 3);
            *lower = (uint8_t)((lower[-(2 - k) * 320] * (k + 1) + 16 * (2 - k)) / 3);
        }
    }
    ori_borders_measure(picture.planes, &usual, &borders);
    check_thickness("soft", &borders, (const int[]){24, 24, 0, 0});
    check_box("soft", &picture, true, (struct ori_box){0, 20, 320, 160}, &usual);
    picture_deinit(&picture);
}

/* Lines of a poor encode's ringing: blocks of 16 that swing to both sides of the bar. */
static void paint_ringing(struct picture *picture, int first, int last, int swing,
                          bool is_one_sided)
{
    for (int y = first; y < last; y++) {
        for (int x = 0; x < picture->width; x++) {
            int block = x / 16;
            int value = block % 5                             ? 16
                        : (block / 5 + y) % 2 || is_one_sided ? 16 + swing
                                                              : 16 - swing;
            picture->samples[0][y * picture->width + x] = (uint8_t)(value < 0 ? 0 : value);
        }
    }
}

static void ringing_of_a_poor_encode_is_passed(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int swing;
        int first; /* line, of a bar of 24 */
        bool is_one_sided;
        int thickness;
    } cases[] = {
        {"slight", 8, 20, false, 24},
        {"loud", 15, 18, false, 24},
        {"too loud", 28, 18, false, 18},
        {"a dim strip of picture", 15, 18, true, 18},
        {"too far from the edge", 15, 6, false, 6},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct picture picture;
        struct ori_borders borders;
        picture_init(&picture, 320, 200, PICTURE_420);
        picture_fill(&picture, (const uint8_t[3]){150, 128, 128});
        paint_bars(&picture, (const int[]){24, 24, 0, 0}, (const uint8_t[3]){16, 128, 128});
        paint_ringing(&picture, cases[i].first, 24, cases[i].swing, cases[i].is_one_sided);
        ori_borders_measure(picture.planes, &usual, &borders);
        if (borders.thickness[ORI_TOP] != cases[i].thickness)
            fail_msg("%s: %d", cases[i].name, borders.thickness[ORI_TOP]);
        assert_int_equal(borders.thickness[ORI_BOTTOM], 24);
        picture_deinit(&picture);
    }
}

/* Words that come near the picture for a while thin the bar; its edge, seen without them, proves the
 * rest. An edge further away proves nothing. */
static void an_edge_seen_once_proves_a_thinner_bar(void **state)
{
    (void)state;
    static const int words_at[] = {14, 5};
    for (size_t i = 0; i < COUNT(words_at); i++) {
        for (int order = 0; order < 2; order++) {
            struct picture picture;
            struct ori_borders frames[2];
            struct ori_borders all;
            struct ori_box box = {0, 0, 0, 0};
            picture_init(&picture, 320, 200, PICTURE_420);
            picture_fill(&picture, (const uint8_t[3]){150, 128, 128});
            paint_bars(&picture, (const int[]){24, 0, 0, 0}, (const uint8_t[3]){16, 128, 128});
            ori_borders_measure(picture.planes, &usual, &frames[0]);
            picture_rect(&picture, (struct ori_box){100, words_at[i], 60, 6},
                         (const uint8_t[3]){235, 128, 128});
            ori_borders_measure(picture.planes, &usual, &frames[1]);
            ori_borders_init(&all);
            ori_borders_merge(&all, &frames[order]);
            ori_borders_merge(&all, &frames[!order]);
            bool has = ori_borders_box(&all, 320, 200, &usual, &box);
            assert_int_equal(has, i == 0);
            assert_true(!has || box.y == 10);
            picture_deinit(&picture);
        }
    }
}

/* Its upper and lower edges are short: they are judged by the picture's width. */
static void a_narrow_window_box_is_found(void **state)
{
    (void)state;
    struct picture picture;
    picture_init(&picture, 320, 200, PICTURE_420);
    picture_texture(&picture, 4);
    paint_bars(&picture, (const int[]){30, 30, 100, 100}, (const uint8_t[3]){235, 128, 128});
    check_box("window", &picture, true, (struct ori_box){96, 26, 128, 148}, &usual);
    picture_deinit(&picture);
}

/* A plain sky that goes over into the picture is no bar, one that ends at once is. */
static void a_sky_that_fades_is_no_bar(void **state)
{
    (void)state;
    static const int lines[] = {24, 1};
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct picture picture;
        struct ori_borders borders;
        struct ori_box box;
        picture_init(&picture, 320, 200, PICTURE_420);
        for (int y = 0; y < 200; y++) {
            int level = y < 30 ? 200 : 200 - 120 * (y - 29) / lines[i];
            memset(picture.samples[0] + (ptrdiff_t)y * 320, level < 80 ? 80 : level, 320);
        }
        memset(picture.samples[1], 128, 160 * 100);
        memset(picture.samples[2], 128, 160 * 100);
        ori_borders_measure(picture.planes, &usual, &borders);
        assert_int_equal(ori_borders_box(&borders, 320, 200, &usual, &box), i == 1);
        picture_deinit(&picture);
    }
}

/* The picture's first lines differ from the bar in colour alone, and sizes are odd. */
static void colour_alone_ends_a_bar(void **state)
{
    (void)state;
    static const int sizes[][2] = {{320, 200}, {321, 201}, {321, 200}, {320, 201}};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        for (enum ori_side side = ORI_TOP; side < ORI_SIDES; side++) {
            struct picture picture;
            struct ori_borders borders;
            int length = sizes[i][side < ORI_LEFT];
            int bars[ORI_SIDES] = {0, 0, 0, 0};
            bars[side] = 30 + (side % 2 ? length % 2 : 0); /* whole chroma lines */
            picture_init(&picture, sizes[i][0], sizes[i][1], PICTURE_420);
            picture_fill(&picture, (const uint8_t[3]){60, 90, 128});
            paint_bars(&picture, bars, (const uint8_t[3]){60, 128, 128});
            ori_borders_measure(picture.planes, &usual, &borders);
            assert_int_equal(borders.thickness[side], bars[side]);
            picture_deinit(&picture);
        }
    }
}

static void writing_and_logos_in_a_bar_are_picture(void **state)
{
    (void)state;
    struct picture picture;
    struct ori_borders_options over_text = usual;
    over_text.is_over_text = true;
    picture_init(&picture, 640, 360, PICTURE_420);
    picture_texture(&picture, 1);
    paint_bars(&picture, (const int[]){60, 60, 0, 0}, (const uint8_t[3]){16, 128, 128});
    for (int letter = 0; letter < 12; letter++) /* subtitles: strokes of 3 samples */
        picture_rect(&picture, (struct ori_box){220 + letter * 16, 320, 3, 16},
                     (const uint8_t[3]){235, 128, 128});
    /* No straight edge is left below: that bar is not proved, not even under the writing. */
    check_box("subtitles", &picture, true, (struct ori_box){0, 56, 640, 304}, &usual);
    check_box("subtitles, cut away", &picture, true, (struct ori_box){0, 56, 640, 248}, &over_text);
    picture_rect(&picture, (struct ori_box){600, 10, 24, 20}, (const uint8_t[3]){200, 90, 128});
    check_box("logo", &picture, false, (struct ori_box){0}, &usual);
    check_box("logo, cut away", &picture, true, (struct ori_box){0, 56, 640, 248}, &over_text);
    picture_deinit(&picture);
}

static void pictures_without_bars_are_left_alone(void **state)
{
    (void)state;
    struct picture picture;
    picture_init(&picture, 320, 200, PICTURE_420);
    for (uint64_t seed = 0; seed < 6; seed++) {
        picture_texture(&picture, seed);
        check_box("texture", &picture, false, (struct ori_box){0}, &usual);
        picture_light(&picture, 0.12, 14);
        check_box("dark", &picture, false, (struct ori_box){0}, &usual);
        picture_texture(&picture, seed);
        for (int x = 0; x < 320; x++) { /* a flat sky over hills */
            int hills = 60 + (x * (int)(seed + 3) / 7) % 50;
            picture_rect(&picture, (struct ori_box){x, 0, 1, hills},
                         (const uint8_t[3]){180, 140, 110});
        }
        check_box("sky", &picture, false, (struct ori_box){0}, &usual);
    }
    for (int y = 0; y < 200; y++)
        memset(picture.samples[0] + (ptrdiff_t)y * 320, 16 + y, 320);
    check_box("gradient down", &picture, false, (struct ori_box){0}, &usual);
    for (int i = 0; i < 320 * 200; i++)
        picture.samples[0][i] = (uint8_t)(16 + i % 320 / 2);
    check_box("gradient across", &picture, false, (struct ori_box){0}, &usual);
    picture_deinit(&picture);
}

static void blank_frames_change_nothing(void **state)
{
    (void)state;
    struct picture picture;
    struct ori_borders borders, blank, before;
    picture_init(&picture, 320, 200, PICTURE_420);
    ori_borders_measure(picture.planes, &usual, &blank);
    for (int side = 0; side < ORI_SIDES; side++)
        assert_int_equal(blank.thickness[side], ORI_BORDER_UNKNOWN);
    struct ori_box box;
    assert_false(ori_borders_box(&blank, 320, 200, &usual, &box));
    assert_true(ori_borders_allow(&blank, 320, 200, &(struct ori_box){50, 50, 10, 10}));
    picture_texture(&picture, 1);
    paint_bars(&picture, (const int[]){24, 24, 0, 0}, (const uint8_t[3]){16, 128, 128});
    ori_borders_measure(picture.planes, &usual, &borders);
    before = borders;
    ori_borders_merge(&borders, &blank);
    check_thickness("with a blank one", &borders, before.thickness);
    ori_borders_merge(&blank, &before);
    check_thickness("blank first", &blank, before.thickness);
    assert_true(memcmp(blank.steps, before.steps, sizeof before.steps) == 0);
    picture_deinit(&picture);
}

/* Twenty frames: half are dark scenes, one reaches ten lines into the lower bar. Merged in any
 * order they give the same box. */
static void frames_are_merged_in_any_order(void **state)
{
    (void)state;
    enum { FRAMES = 20 };
    struct ori_borders frames[FRAMES];
    struct picture picture;
    uint64_t seed = 5;
    picture_init(&picture, 320, 200, PICTURE_420);
    for (int i = 0; i < FRAMES; i++) {
        picture_texture(&picture, (uint64_t)i);
        if (i % 2)
            picture_light(&picture, 0.02, 15.5); /* hardly anything to see */
        paint_bars(&picture, (const int[]){30, i == 12 ? 20 : 30, 0, 0},
                   (const uint8_t[3]){16, 128, 128});
        ori_borders_measure(picture.planes, &usual, &frames[i]);
    }
    for (int round = 0; round < 50; round++) {
        struct ori_borders all;
        struct ori_box box = {0, 0, 0, 0};
        ori_borders_init(&all);
        for (int i = FRAMES - 1; i > 0; i--) {
            int k = picture_random_below(&seed, i + 1);
            struct ori_borders swapped = frames[i];
            frames[i] = frames[k];
            frames[k] = swapped;
        }
        for (int i = 0; i < FRAMES; i++)
            ori_borders_merge(&all, &frames[i]);
        assert_true(ori_borders_box(&all, 320, 200, &usual, &box));
        assert_true(box.x == 0 && box.w == 320 && box.y == 26 && box.h == 200 - 26 - 16);
        assert_true(ori_borders_allow(&all, 320, 200, &box));
    }
    picture_deinit(&picture);
}

static void allow_is_exact(void **state)
{
    (void)state;
    struct ori_borders borders;
    ori_borders_init(&borders);
    const int32_t bars[ORI_SIDES] = {10, 20, ORI_BORDER_UNKNOWN, 0};
    memcpy(borders.thickness, bars, sizeof bars);
    memcpy(borders.clean, bars, sizeof bars);
    static const struct {
        struct ori_box box;
        bool is_allowed;
    } cases[] = {
        {{0, 0, 100, 100}, true},  {{0, 10, 100, 70}, true},  {{0, 11, 100, 69}, false},
        {{0, 10, 100, 69}, false}, {{0, 0, 99, 100}, false},  {{40, 0, 60, 100}, true},
        {{40, 10, 60, 70}, true},  {{40, 10, 59, 70}, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(ori_borders_allow(&borders, 100, 100, &cases[i].box), cases[i].is_allowed);
}

/* A card that crosses a plain backdrop shows its straight edges everywhere, one piece at a time. */
static void what_passes_a_plain_wall_is_no_edge(void **state)
{
    (void)state;
    enum { WIDTH = 320, HEIGHT = 180, CARD = 60 };
    static uint8_t luma[WIDTH * HEIGHT];
    static const uint8_t backdrops[] = {235, 16};
    const struct ori_plane planes[3] = {{luma, WIDTH, WIDTH, HEIGHT}, {0}, {0}};
    const struct ori_borders_options options = {.tolerance = 5,
                                                .edge_thresh = 10,
                                                .black_limit = 24,
                                                .safe_margin_px = 4,
                                                .min_crop_ratio = 0.02};
    for (size_t k = 0; k < sizeof backdrops; k++) {
        struct ori_borders all;
        struct ori_box box;
        ori_borders_init(&all);
        for (int left = 0; left + CARD <= WIDTH; left += 4) {
            struct ori_borders borders;
            memset(luma, backdrops[k], sizeof luma);
            for (int y = 60; y < 120; y++) {
                for (int x = left; x < left + CARD; x++)
                    luma[y * WIDTH + x] = (uint8_t)(60 + (7 * x + 13 * y) % 90);
            }
            ori_borders_measure(planes, &options, &borders);
            ori_borders_merge(&all, &borders);
        }
        assert_int_equal(60, all.thickness[ORI_TOP]);
        assert_false(ori_borders_box(&all, WIDTH, HEIGHT, &options, &box));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_passes_a_plain_wall_is_no_edge),
        cmocka_unit_test(bars_of_every_kind_are_measured),
        cmocka_unit_test(an_edge_may_be_soft),
        cmocka_unit_test(ringing_of_a_poor_encode_is_passed),
        cmocka_unit_test(an_edge_seen_once_proves_a_thinner_bar),
        cmocka_unit_test(a_narrow_window_box_is_found),
        cmocka_unit_test(a_sky_that_fades_is_no_bar),
        cmocka_unit_test(colour_alone_ends_a_bar),
        cmocka_unit_test(writing_and_logos_in_a_bar_are_picture),
        cmocka_unit_test(pictures_without_bars_are_left_alone),
        cmocka_unit_test(blank_frames_change_nothing),
        cmocka_unit_test(frames_are_merged_in_any_order),
        cmocka_unit_test(allow_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
