#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vision_film.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))
static const double rates[] = {10, 24, 30, 60, 0};

/* --- hard cuts: the film's shots end where the scenes do --------------------------------- */

static void check_cuts(struct film *film, const char *name, const struct film_shot *shots,
                       size_t count, double fps)
{
    film_set(film, shots, count, fps);
    struct film_run run = film_run(film, 0.22);
    bool is_right = run.count == count - 1;
    for (size_t i = 0; i < run.count && is_right; i++)
        is_right = run.found[i].kind == ORI_BOUNDARY_CUT &&
                   run.found[i].pts_us == film_shot_us(film, i + 1) && run.found[i].score >= 0.22;
    if (!is_right) {
        film_run_say(&run);
        fail_msg("%s at %g fps: %d boundaries, %d wanted, in their places", name, fps,
                 (int)run.count, (int)count - 1);
    }
}

static void hard_cuts_are_found_at_their_frame(void **state)
{
    static const struct film_shot still[] = {
        {.seconds = 1.5, .texture = 0}, {.seconds = 1.2, .texture = 1},
        {.seconds = 2, .texture = 2},   {.seconds = 1, .texture = 0},
        {.seconds = 0.9, .texture = 5}, {.seconds = 1, .texture = 4},
    };
    static const struct film_shot moving[] = {
        {.seconds = 1.5, .texture = 0, .pan_x = 40},
        {.seconds = 1.5, .texture = 1, .pan_x = -30, .pan_y = 20},
        {.seconds = 1.2, .texture = 2, .object = 40},
        {.seconds = 1.5, .texture = 3, .pan_y = 40, .noise = 2},
    };
    static const struct film_shot dark[] = {
        {.seconds = 1.2, .texture = 0, .light_from = 0.25, .light_to = 0.25},
        {.seconds = 1.2, .texture = 1, .light_from = 0.3, .light_to = 0.3},
        {.seconds = 1.2, .texture = 2, .light_from = 0.25, .light_to = 0.25},
    };
    for (size_t r = 0; r < COUNT(rates); r++) {
        check_cuts(*state, "still", still, COUNT(still), rates[r]);
        check_cuts(*state, "moving", moving, COUNT(moving), rates[r]);
        check_cuts(*state, "dark", dark, COUNT(dark), rates[r]);
    }
}

static void cuts_in_a_row_are_found(void **state)
{
    static const struct film_shot shots[] = {
        {.seconds = 0.5, .texture = 0}, {.seconds = 0.5, .texture = 1},
        {.seconds = 0.5, .texture = 2}, {.seconds = 0.5, .texture = 3},
        {.seconds = 0.5, .texture = 4}, {.seconds = 0.5, .texture = 5},
    };
    for (size_t r = 0; r < COUNT(rates); r++)
        check_cuts(*state, "in a row", shots, COUNT(shots), rates[r]);
}

/* Two cuts 80 ms apart: nobody sees what lies between as a scene. */
static void shots_too_short_to_see_are_no_scenes(void **state)
{
    static const struct film_shot shots[] = {{.seconds = 1, .texture = 0},
                                             {.seconds = 0.0834, .texture = 1},
                                             {.seconds = 1, .texture = 2}};
    struct film *film = *state;
    film_set(film, shots, COUNT(shots), 60);
    struct film_run run = film_run(film, 0.22);
    assert_int_equal(run.count, 1);
    assert_int_equal(run.found[0].pts_us, film_shot_us(film, 1));
}

static void cuts_near_the_ends_are_found(void **state)
{
    static const struct film_shot shots[] = {
        {.seconds = 0.2, .texture = 0},
        {.seconds = 1.5, .texture = 1},
        {.seconds = 0.2, .texture = 2},
    };
    for (size_t r = 0; r < COUNT(rates); r++)
        check_cuts(*state, "near the ends", shots, COUNT(shots), rates[r]);
}

static void slow_and_fast_films_have_cuts_too(void **state)
{
    static const struct film_shot slow[] = {
        {.seconds = 9, .texture = 0}, {.seconds = 8, .texture = 1}, {.seconds = 8, .texture = 2}};
    static const struct film_shot fast[] = {{.seconds = 0.6, .texture = 0},
                                            {.seconds = 0.5, .texture = 1, .pan_x = 40}};
    check_cuts(*state, "1 fps", slow, COUNT(slow), 1);
    check_cuts(*state, "5 fps", slow, COUNT(slow), 5);
    check_cuts(*state, "120 fps", fast, COUNT(fast), 120);
    check_cuts(*state, "240 fps", fast, COUNT(fast), 240);
}

/* A slide show is stored as a frame or two for each slide: every one of them is a scene. */
static void slides_of_few_frames_are_scenes(void **state)
{
    static const struct film_shot shots[] = {
        {.seconds = 4, .texture = 0}, {.seconds = 4, .texture = 1}, {.seconds = 4, .texture = 2},
        {.seconds = 4, .texture = 3}, {.seconds = 4, .texture = 4}, {.seconds = 4, .texture = 5},
    };
    static const struct film_shot brief[] = {
        {.seconds = 1, .texture = 0}, {.seconds = 1, .texture = 1}, {.seconds = 1, .texture = 2},
        {.seconds = 1, .texture = 3}, {.seconds = 1, .texture = 4}, {.seconds = 1, .texture = 5},
    };
    check_cuts(*state, "a frame a slide", shots, COUNT(shots), 0.25);
    check_cuts(*state, "two frames a slide", shots, COUNT(shots), 0.5);
    check_cuts(*state, "a frame a brief slide", brief, COUNT(brief), 1);
    check_cuts(*state, "two frames a brief slide", brief, COUNT(brief), 2);
    check_cuts(*state, "three frames a brief slide", brief, COUNT(brief), 3);
}

/* --- what is no boundary ------------------------------------------------------------------ */

struct calm_film {
    const char *name;
    struct film_shot shots[4];
    size_t count;
};

static void what_is_one_scene_stays_whole(void **state)
{
    static const struct calm_film films[] = {
        {"still", {{.seconds = 4, .texture = 0}}, 1},
        {"noise", {{.seconds = 2, .texture = 1, .noise = 3}}, 1},
        {"slow pan", {{.seconds = 5, .texture = 2, .pan_x = 20}}, 1},
        {"pan and tilt", {{.seconds = 3, .texture = 3, .pan_x = 40, .pan_y = 30}}, 1},
        {"object", {{.seconds = 3, .texture = 4, .object = 48}}, 1},
        {"large object", {{.seconds = 4, .texture = 0, .object = 80}}, 1},
        {"ramp", {{.seconds = 3, .texture = 5, .light_from = 1, .light_to = 0.4}}, 1},
        {"ramp up", {{.seconds = 2, .texture = 1, .light_from = 0.4, .light_to = 1}}, 1},
        {"fade in",
         {{.seconds = 0.5, .texture = FILM_BLACK},
          {.seconds = 1, .texture = 2, .light_from = 0.01, .light_to = 1},
          {.seconds = 2, .texture = 2}},
         3},
        {"fade in from the first frame",
         {{.seconds = 1.5, .texture = 3, .light_from = 0.01, .light_to = 1},
          {.seconds = 2, .texture = 3}},
         2},
        {"black first", {{.seconds = 1, .texture = FILM_BLACK}, {.seconds = 2, .texture = 0}}, 2},
        {"black last", {{.seconds = 2, .texture = 0}, {.seconds = 1, .texture = FILM_BLACK}}, 2},
        {"fade out",
         {{.seconds = 2, .texture = 4},
          {.seconds = 1, .texture = 4, .light_from = 1, .light_to = 0.01},
          {.seconds = 1, .texture = FILM_BLACK}},
         3},
        {"black only", {{.seconds = 3, .texture = FILM_BLACK}}, 1},
        {"black and white",
         {{.seconds = 1, .texture = FILM_BLACK}, {.seconds = 1, .texture = FILM_WHITE}},
         2},
    };
    struct film *film = *state;
    for (size_t i = 0; i < COUNT(films); i++) {
        for (size_t r = 0; r < COUNT(rates); r++) {
            film_set(film, films[i].shots, films[i].count, rates[r]);
            struct film_run run = film_run(film, 0.22);
            film_run_say(&run);
            if (run.count)
                fail_msg("%s at %g fps: %d boundaries", films[i].name, rates[r], (int)run.count);
        }
    }
}

static void lights_on_is_no_cut(void **state)
{
    static const struct film_shot shots[] = {
        {.seconds = 1.5, .texture = 0, .light_from = 0.35, .light_to = 0.35},
        {.seconds = 1.5, .texture = 0},
        {.seconds = 1.5, .texture = 0, .light_from = 0.5, .light_to = 0.5}};
    struct film *film = *state;
    for (size_t r = 0; r < COUNT(rates); r++) {
        film_set(film, shots, COUNT(shots), rates[r]);
        struct film_run run = film_run(film, 0.22);
        film_run_say(&run);
        assert_int_equal(run.count, 0);
    }
}

static void flashes_are_no_cuts(void **state)
{
    struct film *film = *state;
    static const int textures[] = {FILM_WHITE, FILM_BLACK, 3};
    static const double flash_rates[] = {24, 30, 60};
    for (size_t r = 0; r < COUNT(flash_rates); r++) {
        for (size_t t = 0; t < COUNT(textures); t++) {
            for (int frames = 1; frames <= 6; frames++) {
                const struct film_shot shots[] = {
                    {.seconds = 1.5, .texture = 1},
                    {.seconds = frames / flash_rates[r], .texture = textures[t]},
                    {.seconds = 1.5, .texture = 1}};
                film_set(film, shots, COUNT(shots), flash_rates[r]);
                struct film_run run = film_run(film, 0.22);
                film_run_say(&run);
                if (run.count || run.flashes > 1 || (textures[t] == 3 && !run.flashes))
                    fail_msg("%d frames of %d at %g fps: %d boundaries, %d flashes", frames,
                             textures[t], flash_rates[r], (int)run.count, (int)run.flashes);
            }
        }
    }
}

/* A camera that turns from view to view, slowly and at once. */
static void turns_are_no_transitions(void **state)
{
    static const int speeds[] = {70, 110, 200, 800};
    static const double turn_rates[] = {12, 25, 30, 60};
    struct film *film = *state;
    for (size_t s = 0; s < COUNT(speeds); s++) {
        for (int texture = 0; texture < 4; texture++) {
            for (size_t r = 0; r < COUNT(turn_rates); r++) {
                const struct film_shot shots[] = {
                    {.seconds = 1.5, .texture = texture},
                    {.seconds = 5, .texture = texture, .pan_x = speeds[s]}};
                film_set(film, shots, COUNT(shots), turn_rates[r]);
                struct film_run run = film_run(film, 0.22);
                film_run_say(&run);
                if (run.count)
                    fail_msg("%d samples a second over %d at %g fps: %d boundaries", speeds[s],
                             texture, turn_rates[r], (int)run.count);
            }
        }
    }
}

/* Frames of one flash on both sides of what is blank, while the picture moves on a little. */
static void flashes_that_are_nearly_white_are_no_cuts(void **state)
{
    struct film *film = *state;
    static const double whites[][2] = {
        {0.9, 0.85}, {0.85, 0.9}, {0.88, 0.7}, {0.6, 0.92}, {0.8, 0.8}};
    for (size_t w = 0; w < COUNT(whites); w++) {
        for (int pan = 0; pan <= 4; pan += 2) { /* each shot begins at the same place */
            const struct film_shot shots[] = {
                {.seconds = 1.5, .texture = 1, .pan_x = pan},
                {.seconds = 0.05, .texture = 1, .pan_x = pan, .white = whites[w][0]},
                {.seconds = 0.05, .texture = 1, .pan_x = pan, .white = whites[w][1]},
                {.seconds = 1.5, .texture = 1, .pan_x = pan}};
            film_set(film, shots, COUNT(shots), 40);
            struct film_run run = film_run(film, 0.22);
            film_run_say(&run);
            if (run.count || run.flashes != 1)
                fail_msg("%g, then %g, pan %d: %d boundaries, %d flashes", whites[w][0],
                         whites[w][1], pan, (int)run.count, (int)run.flashes);
        }
    }
}

/* Washed out, with its structure kept, so that it would be no cut: a flash all the same, if the
 * picture is back soon. */
static void what_is_washed_out_is_a_flash(void **state)
{
    struct film *film = *state;
    static const struct film_shot shots[] = {{.seconds = 1.5, .texture = 1},
                                             {.seconds = 0.08, .texture = 1, .white = 0.7},
                                             {.seconds = 1.5, .texture = 1}};
    static const struct film_shot stays[] = {{.seconds = 1.5, .texture = 1},
                                             {.seconds = 1.5, .texture = 1, .white = 0.7}};
    static const struct film_shot mild[] = {{.seconds = 1.5, .texture = 1},
                                            {.seconds = 0.08, .texture = 1, .white = 0.3},
                                            {.seconds = 1.5, .texture = 1}};
    static const struct {
        const struct film_shot *shots;
        size_t count;
        size_t flashes;
    } films[] = {{shots, COUNT(shots), 1}, {stays, COUNT(stays), 0}, {mild, COUNT(mild), 0}};
    for (size_t i = 0; i < COUNT(films); i++) {
        film_set(film, films[i].shots, films[i].count, 25);
        struct film_run run = film_run(film, 0.22);
        film_run_say(&run);
        assert_int_equal(run.count, 0);
        assert_int_equal(run.flashes, films[i].flashes);
    }
}

/* What comes after the flash is another shot. */
static void a_flash_hides_no_cut(void **state)
{
    struct film *film = *state;
    static const double whites[] = {0.7, 0.85, 0.95};
    for (size_t w = 0; w < COUNT(whites); w++) {
        for (int frames = 1; frames <= 4; frames++) {
            const struct film_shot shots[] = {
                {.seconds = 1.5, .texture = 1},
                {.seconds = frames / 25.0, .texture = 1, .white = whites[w]},
                {.seconds = 1.5, .texture = 5}};
            film_set(film, shots, COUNT(shots), 25);
            struct film_run run = film_run(film, 0.22);
            film_run_say(&run);
            if (run.count != 1)
                fail_msg("%d frames of %g: %d boundaries", frames, whites[w], (int)run.count);
        }
    }
}

/* --- the threshold ------------------------------------------------------------------------ */

static void a_higher_threshold_finds_no_more(void **state)
{
    static const struct film_shot shots[] = {
        {.seconds = 1, .texture = 0},
        {.seconds = 1, .texture = 1, .pan_x = 60, .noise = 3},
        {.seconds = 1, .texture = 1, .light_from = 0.2, .light_to = 0.2},
        {.seconds = 1, .texture = 2, .object = 100},
        {.seconds = 1, .texture = 6, .light_from = 0.1, .light_to = 0.1}};
    static const double thresholds[] = {0.05, 0.1, 0.22, 0.4, 0.6, 0.9};
    struct film *film = *state;
    size_t before = FILM_FOUND_MAX;
    for (size_t i = 0; i < COUNT(thresholds); i++) {
        film_set(film, shots, COUNT(shots), 25);
        struct film_run run = film_run(film, thresholds[i]);
        assert_true(run.count <= before);
        before = run.count;
        if (thresholds[i] <= 0.22)
            assert_true(run.count >= 3);
    }
    /* 0.63 of the largest change is less than 0.9: no cut can be that certain. */
    film_set(film, shots, COUNT(shots), 25);
    struct film_run run = film_run(film, 0.9);
    for (size_t i = 0; i < run.count; i++)
        assert_int_not_equal(run.found[i].kind, ORI_BOUNDARY_CUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hard_cuts_are_found_at_their_frame),
        cmocka_unit_test(cuts_in_a_row_are_found),
        cmocka_unit_test(shots_too_short_to_see_are_no_scenes),
        cmocka_unit_test(cuts_near_the_ends_are_found),
        cmocka_unit_test(slow_and_fast_films_have_cuts_too),
        cmocka_unit_test(slides_of_few_frames_are_scenes),
        cmocka_unit_test(what_is_one_scene_stays_whole),
        cmocka_unit_test(lights_on_is_no_cut),
        cmocka_unit_test(turns_are_no_transitions),
        cmocka_unit_test(flashes_are_no_cuts),
        cmocka_unit_test(flashes_that_are_nearly_white_are_no_cuts),
        cmocka_unit_test(what_is_washed_out_is_a_flash),
        cmocka_unit_test(a_flash_hides_no_cut),
        cmocka_unit_test(a_higher_threshold_finds_no_more),
    };
    return cmocka_run_group_tests(tests, film_make, film_drop);
}
