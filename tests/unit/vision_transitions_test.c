#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vision_film.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))
static const double rates[] = {10, 24, 30, 60, 0};

/* One boundary of that kind, within shot `shot` (a transition), give or take a frame. */
static void check_one(struct film *film, const char *name, const struct film_shot *shots,
                      size_t count, double fps, size_t shot, enum ori_boundary_kind kind)
{
    film_set(film, shots, count, fps);
    struct film_run run = film_run(film, 0.22);
    int64_t from_us = film_shot_us(film, shot) - 130000;
    int64_t to_us = film_shot_us(film, shot + 1) + 130000;
    if (run.count != 1 || run.found[0].kind != kind || run.found[0].pts_us < from_us ||
        run.found[0].pts_us > to_us) {
        film_run_say(&run);
        fail_msg("%s, %g s at %g fps: %d boundaries", name, shots[shot].seconds, fps,
                 (int)run.count);
    }
}

static void transitions_are_found_once_and_inside(void **state)
{
    static const double lengths[] = {0.5, 0.8, 1.2, 2.0};
    static const enum film_change changes[] = {FILM_DISSOLVE, FILM_WIPE};
    for (size_t c = 0; c < COUNT(changes); c++) {
        for (size_t i = 0; i < COUNT(lengths); i++) {
            for (size_t r = 0; r < COUNT(rates); r++) {
                int a = (int)(i + r) % 4;
                const struct film_shot shots[] = {{.seconds = 1.5, .texture = a},
                                                  {.seconds = lengths[i],
                                                   .texture = a,
                                                   .change = changes[c],
                                                   .texture_to = a + 4},
                                                  {.seconds = 1.5, .texture = a + 4}};
                check_one(*state, changes[c] == FILM_WIPE ? "wipe" : "dissolve", shots,
                          COUNT(shots), rates[r], 1, ORI_BOUNDARY_GRADUAL);
            }
        }
    }
}

static void fades_through_black_are_one_boundary_in_the_black(void **state)
{
    static const struct film_shot fade[] = {
        {.seconds = 1.5, .texture = 0},
        {.seconds = 0.7, .texture = 0, .light_from = 1, .light_to = 0.01},
        {.seconds = 0.5, .texture = FILM_BLACK},
        {.seconds = 0.7, .texture = 1, .light_from = 0.01, .light_to = 1},
        {.seconds = 1.5, .texture = 1}};
    static const struct film_shot cut[] = {{.seconds = 1.5, .texture = 2},
                                           {.seconds = 1, .texture = FILM_BLACK},
                                           {.seconds = 1.5, .texture = 3}};
    static const struct film_shot white[] = {{.seconds = 1.5, .texture = 2},
                                             {.seconds = 1, .texture = FILM_WHITE},
                                             {.seconds = 1.5, .texture = 3}};
    static const struct film_shot back[] = {{.seconds = 1.5, .texture = 2},
                                            {.seconds = 1, .texture = FILM_BLACK},
                                            {.seconds = 1.5, .texture = 2}};
    for (size_t r = 0; r < COUNT(rates); r++) {
        check_one(*state, "fade", fade, COUNT(fade), rates[r], 2, ORI_BOUNDARY_BLANK);
        check_one(*state, "black", cut, COUNT(cut), rates[r], 1, ORI_BOUNDARY_BLANK);
        check_one(*state, "white", white, COUNT(white), rates[r], 1, ORI_BOUNDARY_BLANK);
        check_one(*state, "black and back", back, COUNT(back), rates[r], 1, ORI_BOUNDARY_BLANK);
    }
}

static void a_transition_beside_a_cut_does_not_hide_it(void **state)
{
    static const struct film_shot shots[] = {
        {.seconds = 1.5, .texture = 0},
        {.seconds = 0.8, .texture = 0, .change = FILM_DISSOLVE, .texture_to = 4},
        {.seconds = 1.5, .texture = 4},
        {.seconds = 1.5, .texture = 2}};
    struct film *film = *state;
    for (size_t r = 0; r < COUNT(rates); r++) {
        film_set(film, shots, COUNT(shots), rates[r]);
        struct film_run run = film_run(film, 0.22);
        assert_int_equal(run.count, 2);
        assert_int_equal(run.found[0].kind, ORI_BOUNDARY_GRADUAL);
        assert_int_equal(run.found[1].kind, ORI_BOUNDARY_CUT);
        assert_int_equal(run.found[1].pts_us, film_shot_us(film, 3));
    }
}

/* Every frame another picture: there is no scene to find, only a bound to hold. */
static void strobing_is_bounded(void **state)
{
    static const struct film_shot shots[] = {{.seconds = 4, .texture = FILM_NOISE}};
    static const double strobe_rates[] = {1, 10, 25, 60};
    struct film *film = *state;
    for (size_t r = 0; r < COUNT(strobe_rates); r++) {
        film_set(film, shots, COUNT(shots), strobe_rates[r]);
        struct film_run run = film_run(film, 0.05);
        assert_in_range(run.count, 0, 33); /* boundaries are 0.12 s apart or more */
    }
}

/* How far a decision may lie behind, at the rates that videos have. */
static void decisions_come_soon(void **state)
{
    static const struct film_shot shots[] = {{.seconds = 6, .texture = 0, .pan_x = 10},
                                             {.seconds = 3, .texture = 1}};
    struct film *film = *state;
    /* 36 samples, 80 ms or the next whole frame apart, and 0.3 s; gaps that vary: see vision_film. */
    static const int64_t lags_us[] = {4000000, 3500000, 4000000, 3400000, 6000000};
    for (size_t r = 0; r < COUNT(rates); r++) {
        film_set(film, shots, COUNT(shots), rates[r]);
        struct film_run run = film_run(film, 0.22);
        if (run.lag_us > lags_us[r])
            fail_msg("at %g fps: %.2f s behind", rates[r], (double)run.lag_us / 1e6);
    }
}

static void nothing_and_one_frame_are_no_trouble(void **state)
{
    (void)state;
    const struct ori_scenes_options options = {.threshold = 0.22, .solid_std = 5};
    struct ori_boundary boundary;
    struct ori_thumb thumb;
    struct picture picture;
    picture_init(&picture, 64, 64, PICTURE_420);
    picture_texture(&picture, 1);
    picture_thumb(&picture, &thumb);
    for (int frames = 0; frames < 4; frames++) {
        struct ori_scenes *scenes = NULL;
        assert_int_equal(ori_scenes_create(&options, &scenes, NULL), ORI_OK);
        for (int i = 0; i < frames; i++) {
            double change = -1;
            ori_scenes_push(scenes, &thumb, i * 40000, &change);
            assert_true(change == 0);
        }
        ori_scenes_finish(scenes);
        assert_false(ori_scenes_take(scenes, &boundary));
        ori_scenes_destroy(&scenes);
    }
    picture_deinit(&picture);
}

/* Hours of small frames that change their size, go black, cut and strobe: the detector is one
 * allocation of fixed size, which AddressSanitizer watches. */
static void long_and_wild_films_stay_within_their_memory(void **state)
{
    (void)state;
    enum { FRAMES = 100000, SIZES = 6 };
    static const int sides[SIZES][2] = {{40, 24}, {24, 40}, {40, 24}, {5, 3}, {1, 1}, {24, 24}};
    const struct ori_scenes_options options = {.threshold = 0.22, .solid_std = 5};
    struct ori_scenes *scenes = NULL;
    struct ori_thumb thumbs[SIZES];
    struct ori_boundary boundary;
    uint64_t seed = 11;
    for (int i = 0; i < SIZES; i++) {
        struct picture picture;
        picture_init(&picture, sides[i][0], sides[i][1], PICTURE_420);
        if (i != 3)
            picture_texture(&picture, (uint64_t)i);
        picture_noise(&picture, i == 3 ? 0 : 40, 1);
        picture_thumb(&picture, &thumbs[i]);
        picture_deinit(&picture);
    }
    assert_int_equal(ori_scenes_create(&options, &scenes, NULL), ORI_OK);
    int64_t pts_us = 0;
    int64_t settled_us = INT64_MIN;
    int64_t last_us = INT64_MIN;
    int now = 0;
    for (int i = 0; i < FRAMES; i++) {
        double change = 0;
        int mood = picture_random_below(&seed, 60);
        now = mood < SIZES ? mood : now;
        pts_us += mood == 59 ? 3000000 : 1000 + picture_random_below(&seed, 60000);
        ori_scenes_push(scenes, &thumbs[now], pts_us, &change);
        while (ori_scenes_take(scenes, &boundary)) {
            if (boundary.kind == ORI_BOUNDARY_FLASH)
                continue;
            assert_true(boundary.pts_us >= settled_us && boundary.pts_us > last_us);
            last_us = boundary.pts_us;
        }
        assert_true(ori_scenes_settled_us(scenes) >= settled_us);
        settled_us = ori_scenes_settled_us(scenes);
    }
    assert_true(last_us > pts_us / 2); /* it does find something */
    ori_scenes_finish(scenes);
    ori_scenes_destroy(&scenes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transitions_are_found_once_and_inside),
        cmocka_unit_test(fades_through_black_are_one_boundary_in_the_black),
        cmocka_unit_test(a_transition_beside_a_cut_does_not_hide_it),
        cmocka_unit_test(strobing_is_bounded),
        cmocka_unit_test(decisions_come_soon),
        cmocka_unit_test(nothing_and_one_frame_are_no_trouble),
        cmocka_unit_test(long_and_wild_films_stay_within_their_memory),
    };
    return cmocka_run_group_tests(tests, film_make, film_drop);
}
