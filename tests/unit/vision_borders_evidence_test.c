/* What many frames say together: where the edge stands, and which frames do not count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vision/borders.h"
#include "vision_pictures.h"

enum { WIDTH = 320, HEIGHT = 200, BAR = 24, FRAMES = 20 };

static const struct ori_borders_options usual = {.tolerance = 5,
                                                 .edge_thresh = 10,
                                                 .black_limit = 24,
                                                 .safe_margin_px = 4,
                                                 .min_crop_ratio = 0.02};
static const uint8_t black[3] = {16, 128, 128};

/* A grey picture under a bar of BAR black lines. */
static void paint(struct picture *picture, int level)
{
    picture_fill(picture, (const uint8_t[3]){(uint8_t)level, 128, 128});
    picture_rect(picture, (struct ori_box){0, 0, WIDTH, BAR}, black);
}

/* Every fifth block of 16 samples of lines [first, last) is that much brighter than the bar. */
static void paint_strays(struct picture *picture, int first, int last, int swing)
{
    for (int x = 0; x < WIDTH; x += 80)
        picture_rect(picture, (struct ori_box){x, first, 16, last - first},
                     (const uint8_t[3]){(uint8_t)(16 + swing), 128, 128});
}

/* Lines cut off above: 0 when there is no box. */
static int cut_of(const struct ori_borders *borders, const struct ori_borders_options *options)
{
    struct ori_box box = {0, 0, WIDTH, HEIGHT};
    if (!ori_borders_box(borders, WIDTH, HEIGHT, options, &box))
        return 0;
    assert_true(ori_borders_allow(borders, WIDTH, HEIGHT, &box));
    return box.y;
}

static void add(struct ori_borders *all, const struct picture *picture,
                const struct ori_borders_options *options)
{
    struct ori_borders borders;
    ori_borders_measure(picture->planes, options, &borders);
    ori_borders_merge(all, &borders);
}

/* Loud lines beside a straight edge are left in the picture; no second margin is left before them. */
static void the_margin_is_counted_from_the_edge(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int plain; /* frames without strays */
        int first;
        int swing;
        int margin;
        int cut;
    } cases[] = {
        {"nothing strays", 1, BAR, 0, 4, 20},
        {"blur", 0, 22, 40, 4, 20},
        {"blur, no margin", 0, 22, 40, 0, 22},
        {"blur, as wide as the margin", 2, 20, 40, 4, 20},
        {"wider than the margin", 2, 16, 40, 4, 12},
        {"wider, larger margin", 2, 16, 40, 8, 16},
        {"as high as the edge", 0, 22, 134, 4, 18},
        {"half as high and more", 0, 22, 80, 4, 18},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct picture picture;
        struct ori_borders all;
        struct ori_borders_options options = usual;
        options.safe_margin_px = cases[i].margin;
        picture_init(&picture, WIDTH, HEIGHT, PICTURE_420);
        ori_borders_init(&all);
        paint(&picture, 150);
        for (int k = 0; k < cases[i].plain; k++)
            add(&all, &picture, &options);
        paint_strays(&picture, cases[i].first, BAR, cases[i].swing);
        add(&all, &picture, &options);
        if (cut_of(&all, &options) != cases[i].cut)
            fail_msg("%s: cut %d, thickness %d", cases[i].name, cut_of(&all, &options),
                     all.thickness[ORI_TOP]);
        picture_deinit(&picture);
    }
}

/* Also in a bar with noise, at every chroma; and the edge that most frames show wins. */
static void most_frames_say_where_the_edge_is(void **state)
{
    (void)state;
    for (enum picture_chroma chroma = PICTURE_GREY; chroma <= PICTURE_444; chroma++) {
        for (int strays = 0; strays <= FRAMES; strays += 5) {
            struct picture picture;
            struct ori_borders all;
            picture_init(&picture, WIDTH, HEIGHT, chroma);
            ori_borders_init(&all);
            for (int i = 0; i < FRAMES; i++) {
                paint(&picture, 150);
                if (i < strays) /* as loud as words: no echo of the edge */
                    paint_strays(&picture, 21, BAR, 150);
                picture_noise(&picture, 1.5, (uint64_t)i + 1);
                add(&all, &picture, &usual);
            }
            int cut = cut_of(&all, &usual);
            assert_true(cut <= (strays ? 21 : BAR));
            assert_int_equal(cut, strays <= 5 ? 20 : 16);
            picture_deinit(&picture);
        }
    }
}

/* A faint cast of the scene before, one frame long, says nothing; one that stays is picture. */
static void a_cast_of_few_frames_is_passed(void **state)
{
    (void)state;
    static const struct {
        int frames; /* with a cast */
        int swing;
        int level; /* of the picture */
        int cut;
    } cases[] = {{1, 8, 150, 20},     {2, 8, 150, 20}, {3, 8, 150, 0},
                 {FRAMES, 8, 150, 0}, {1, 14, 150, 0}, {1, 8, 22, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct picture picture;
        struct ori_borders all;
        picture_init(&picture, WIDTH, HEIGHT, PICTURE_420);
        ori_borders_init(&all);
        for (int k = 0; k < FRAMES; k++) {
            paint(&picture, cases[i].level);
            if (k < cases[i].frames)
                paint_strays(&picture, 0, 14, cases[i].swing);
            add(&all, &picture, &usual);
        }
        if (cut_of(&all, &usual) != cases[i].cut)
            fail_msg("case %d: cut %d", (int)i, cut_of(&all, &usual));
        picture_deinit(&picture);
    }
}

/* Words that stand in the bar for a short while are no cast. */
static void a_word_in_one_frame_is_picture(void **state)
{
    (void)state;
    struct picture picture;
    struct ori_borders all;
    picture_init(&picture, WIDTH, HEIGHT, PICTURE_420);
    ori_borders_init(&all);
    for (int i = 0; i < FRAMES; i++) {
        paint(&picture, 150);
        if (i == 7)
            picture_rect(&picture, (struct ori_box){100, 8, 3, 8},
                         (const uint8_t[3]){235, 128, 128});
        add(&all, &picture, &usual);
    }
    assert_true(cut_of(&all, &usual) <= 8);
    picture_deinit(&picture);
}

/* A dark film: its upper lines are as dark as a bar, here and there with more light. */
static void a_dark_film_has_no_bars(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct picture picture;
        struct ori_borders all;
        picture_init(&picture, WIDTH, HEIGHT, PICTURE_420);
        ori_borders_init(&all);
        for (int i = 0; i < FRAMES; i++) {
            picture_texture(&picture, 20 * seed + (uint64_t)i);
            picture_light(&picture, 0.03 + 0.004 * i, 15);
            if (seed % 2) /* a ceiling without light, with a faint lamp for a frame */
                picture_rect(&picture, (struct ori_box){0, 0, WIDTH, 20 + i}, black);
            if (seed % 2 && i % 8 == 0)
                paint_strays(&picture, 0, 14, 8);
            picture_noise(&picture, 1, (uint64_t)i + 1);
            add(&all, &picture, &usual);
        }
        assert_true(cut_of(&all, &usual) <= (seed % 2 ? 20 : 0));
        picture_deinit(&picture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_margin_is_counted_from_the_edge),
        cmocka_unit_test(most_frames_say_where_the_edge_is),
        cmocka_unit_test(a_cast_of_few_frames_is_passed),
        cmocka_unit_test(a_word_in_one_frame_is_picture),
        cmocka_unit_test(a_dark_film_has_no_bars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
