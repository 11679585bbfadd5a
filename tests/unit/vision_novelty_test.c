#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vision/novelty.h"
#include "vision_pictures.h"

enum { WIDTH = 256, HEIGHT = 144, BLOCKS = 32 * 18 }; /* thumbs of 128 x 72 */

struct stage {
    struct picture picture;
    struct ori_thumb rest;  /* the texture alone */
    struct ori_thumb other; /* what the test made of it */
};

static int build(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    picture_init(&stage->picture, WIDTH, HEIGHT, PICTURE_420);
    picture_texture(&stage->picture, 5);
    picture_light(&stage->picture, 0.7, 40);
    picture_thumb(&stage->picture, &stage->rest);
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;
    picture_deinit(&stage->picture);
    free(stage);
    return 0;
}

static double novelty(const struct ori_thumb *thumb, const struct ori_thumb *known)
{
    return ori_novelty(thumb, &known, 1, NULL, NULL);
}

static void all_is_new_to_whoever_knows_nothing(void **state)
{
    struct stage *stage = *state;
    assert_true(ori_novelty(&stage->rest, NULL, 0, NULL, NULL) == 1);
    stage->other = stage->rest;
    stage->other.width = 64; /* another size */
    assert_true(novelty(&stage->rest, &stage->other) == 1);
}

static void the_same_is_not_new(void **state)
{
    struct stage *stage = *state;
    assert_true(novelty(&stage->rest, &stage->rest) == 0);
    picture_noise(&stage->picture, 3, 7);
    picture_thumb(&stage->picture, &stage->other);
    assert_true(novelty(&stage->other, &stage->rest) == 0);
}

static void another_picture_is_new(void **state)
{
    struct stage *stage = *state;
    picture_texture(&stage->picture, 6);
    picture_thumb(&stage->picture, &stage->other);
    assert_true(novelty(&stage->other, &stage->rest) > 0.5);
    const struct ori_thumb *known[] = {&stage->rest, &stage->other};
    assert_true(ori_novelty(&stage->other, known, 2, NULL, NULL) == 0);
    assert_true(ori_novelty(&stage->rest, known, 2, NULL, NULL) == 0);
}

/* An object over four blocks is four blocks of news, and so is its leaving. */
static void an_object_is_as_new_as_it_is_large(void **state)
{
    struct stage *stage = *state;
    picture_rect(&stage->picture, (struct ori_box){80, 64, 16, 16},
                 (const uint8_t[3]){250, 90, 90});
    picture_thumb(&stage->picture, &stage->other);
    assert_true(novelty(&stage->other, &stage->rest) * BLOCKS > 3.9);
    assert_true(novelty(&stage->other, &stage->rest) * BLOCKS < 4.1);
    assert_true(novelty(&stage->rest, &stage->other) * BLOCKS > 3.9);
    const struct ori_thumb *known[] = {&stage->other, &stage->rest};
    assert_true(ori_novelty(&stage->other, known, 2, NULL, NULL) == 0);
}

/* Who is half in view touches the side; who is whole does not. */
static void what_touches_the_sides_is_told(void **state)
{
    struct stage *stage = *state;
    const struct ori_thumb *known = &stage->rest;
    static const struct {
        int x;
        bool is_at_side;
    } places[] = {{0, true}, {WIDTH - 32, true}, {96, false}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        double at_sides = -1;
        picture_texture(&stage->picture, 5);
        picture_light(&stage->picture, 0.7, 40);
        picture_rect(&stage->picture, (struct ori_box){places[i].x, 48, 32, 48},
                     (const uint8_t[3]){240, 100, 160});
        picture_thumb(&stage->picture, &stage->other);
        assert_true(ori_novelty(&stage->other, &known, 1, NULL, &at_sides) > 0);
        assert_true(places[i].is_at_side ? at_sides > 0.15 && at_sides < 0.5 : at_sides == 0);
    }
    double at_sides = -1;
    assert_true(ori_novelty(&stage->rest, &known, 1, NULL, &at_sides) == 0);
    assert_true(at_sides == 0);
}

static void colour_alone_is_new(void **state)
{
    struct stage *stage = *state;
    struct picture *picture = &stage->picture;
    for (int y = 32; y < 40; y++)
        memset(picture->samples[2] + y * (WIDTH / 2) + 40, 210, 8);
    picture_thumb(picture, &stage->other);
    assert_true(novelty(&stage->other, &stage->rest) * BLOCKS > 3.9);
}

static void light_is_not_new(void **state)
{
    struct stage *stage = *state;
    picture_light(&stage->picture, 1, 30);
    picture_thumb(&stage->picture, &stage->other);
    assert_true(novelty(&stage->other, &stage->rest) == 0);
    picture_light(&stage->picture, 0.9, 0);
    picture_thumb(&stage->picture, &stage->other);
    assert_true(novelty(&stage->other, &stage->rest) < 0.03);
}

static void a_shaking_camera_is_not_new(void **state)
{
    struct stage *stage = *state;
    struct picture world;
    picture_deinit(&stage->picture); /* colour is compared in place: without it */
    picture_init(&stage->picture, WIDTH, HEIGHT, PICTURE_GREY);
    picture_init(&world, WIDTH + 16, HEIGHT + 16, PICTURE_GREY);
    picture_texture(&world, 5);
    picture_window(&stage->picture, &world, 8, 8);
    picture_thumb(&stage->picture, &stage->rest);
    picture_window(&stage->picture, &world, 12, 4);
    picture_thumb(&stage->picture, &stage->other);
    /* New is at most the margin that came into view: a column and a row of blocks. */
    assert_true(novelty(&stage->other, &stage->rest) * BLOCKS <= 18 + 32 - 1);
    picture_deinit(&world);
}

static void brighten(struct picture *picture, struct ori_box box, uint8_t luma)
{
    for (int y = box.y; y < box.y + box.h; y++)
        memset(picture->samples[0] + y * WIDTH + box.x, luma, (size_t)box.w);
}

static void what_always_flickers_is_granted(void **state)
{
    struct stage *stage = *state;
    struct ori_flicker flicker = {0};
    const struct ori_box screen = {80, 64, 16, 16};
    struct ori_thumb before = stage->rest;
    brighten(&stage->picture, screen, 210);
    picture_thumb(&stage->picture, &stage->other);
    const struct ori_thumb *known = &stage->rest;
    assert_true(ori_novelty(&stage->other, &known, 1, &flicker, NULL) * BLOCKS > 3.9);
    for (int i = 0; i < 300; i++) /* a minute, five looks a second */
        ori_flicker_update(&flicker, i % 2 ? &stage->other : &before,
                           i % 2 ? &before : &stage->other, 0.2);
    assert_true(ori_novelty(&stage->other, &known, 1, &flicker, NULL) == 0);
    /* Elsewhere nothing is granted. */
    brighten(&stage->picture, (struct ori_box){160, 64, 16, 16}, 240);
    picture_thumb(&stage->picture, &stage->other);
    assert_true(ori_novelty(&stage->other, &known, 1, &flicker, NULL) * BLOCKS > 3.9);
    /* Who walks by for two seconds does not become flicker. */
    memset(&flicker, 0, sizeof flicker);
    for (int i = 0; i < 10; i++)
        ori_flicker_update(&flicker, &before, &before, 0.2);
    ori_flicker_update(&flicker, &before, &stage->other, 0.2);
    assert_true(ori_novelty(&stage->other, &known, 1, &flicker, NULL) * BLOCKS > 7.9);
}

static void sizes_that_differ_teach_no_flicker(void **state)
{
    struct stage *stage = *state;
    struct ori_flicker flicker = {0};
    stage->other = stage->rest;
    stage->other.width = 64;
    ori_flicker_update(&flicker, &stage->other, &stage->rest, 1);
    for (int i = 0; i < ORI_NOVELTY_BLOCKS_MAX; i++)
        assert_true(flicker.level[i] == 0);
}

static void tiny_thumbs_are_no_trouble(void **state)
{
    (void)state;
    for (int side = 1; side < 10; side++) {
        struct picture picture;
        struct ori_thumb thumb;
        struct ori_flicker flicker = {0};
        picture_init(&picture, side, 10 - side, PICTURE_420);
        picture_texture(&picture, 2);
        picture_thumb(&picture, &thumb);
        const struct ori_thumb *known = &thumb;
        assert_true(ori_novelty(&thumb, &known, 1, &flicker, NULL) == 0);
        assert_true(ori_novelty(&thumb, NULL, 0, &flicker, NULL) == 1);
        ori_flicker_update(&flicker, &thumb, &thumb, 1);
        picture_deinit(&picture);
    }
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, build, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(all_is_new_to_whoever_knows_nothing),
        STAGED(the_same_is_not_new),
        STAGED(another_picture_is_new),
        STAGED(an_object_is_as_new_as_it_is_large),
        STAGED(what_touches_the_sides_is_told),
        STAGED(colour_alone_is_new),
        STAGED(light_is_not_new),
        STAGED(a_shaking_camera_is_not_new),
        STAGED(what_always_flickers_is_granted),
        STAGED(sizes_that_differ_teach_no_flicker),
        cmocka_unit_test(tiny_thumbs_are_no_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
