#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vision_gallery.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))
static void each_scene_has_a_choice(void **state)
{
    static const struct film_shot shots[] = {
        {.seconds = 2, .texture = 0},   {.seconds = 0.7, .texture = 1},
        {.seconds = 1.5, .texture = 2}, {.seconds = 3, .texture = 3, .pan_x = 20},
        {.seconds = 0.5, .texture = 4}, {.seconds = 1, .texture = 5, .noise = 2}};
    static const double rates[] = {10, 25, 50, 0};
    const struct ori_chooser_options options = gallery_usual_options();
    for (size_t r = 0; r < COUNT(rates); r++) {
        struct outcome outcome = gallery_run_all(*state, shots, COUNT(shots), rates[r], &options);
        assert_int_equal(outcome.scene_count, COUNT(shots));
        for (size_t i = 0; i < COUNT(shots); i++) {
            assert_true(gallery_choices_of_shot(&outcome, i) >= 1);
            assert_int_equal(outcome.scenes[i].duplicate_of, 0);
        }
        assert_int_equal(outcome.filler_count, 0);
    }
}

static void a_still_room_gives_one_and_fillers(void **state)
{
    static const struct film_shot shots[] = {{.seconds = 12, .texture = 0, .noise = 1}};
    struct ori_chooser_options options = gallery_usual_options();
    for (int min_frames = 0; min_frames < 8; min_frames++) {
        options.min_frames = min_frames;
        struct outcome outcome = gallery_run_all(*state, shots, 1, 12, &options);
        assert_int_equal(outcome.scene_count, 1);
        assert_int_equal(outcome.choice_count - outcome.filler_count, 1);
        assert_int_equal(outcome.choice_count, min_frames > 1 ? min_frames : 1);
    }
}

static void fillers_are_spread_evenly(void **state)
{
    static const struct film_shot shots[] = {{.seconds = 40, .texture = 0}};
    const struct ori_chooser_options options = gallery_usual_options();
    struct outcome outcome = gallery_run_all(*state, shots, 1, 10, &options);
    assert_int_equal(outcome.filler_count, 2);
    assert_in_range(outcome.choices[1].pts_us, 5000000, 15000000);
    assert_in_range(outcome.choices[2].pts_us, 25000000, 35000000);
}

/* Who walks through a fixed camera's view is in a frame, each time. */
static void visitors_are_each_in_a_choice(void **state)
{
    static const struct film_shot shots[] = {{.seconds = 3, .texture = 0, .noise = 1},
                                             {.seconds = 2, .texture = 0, .object = 40, .noise = 1},
                                             {.seconds = 3, .texture = 0, .noise = 1},
                                             {.seconds = 2, .texture = 0, .object = 56, .noise = 1},
                                             {.seconds = 4, .texture = 0, .noise = 1},
                                             {.seconds = 1, .texture = 0, .object = 28, .noise = 1},
                                             {.seconds = 2, .texture = 0, .noise = 1}};
    static const double rates[] = {10, 25};
    const struct ori_chooser_options options = gallery_usual_options();
    for (size_t r = 0; r < COUNT(rates); r++) {
        struct outcome outcome = gallery_run_all(*state, shots, COUNT(shots), rates[r], &options);
        assert_int_equal(outcome.scene_count, 1);
        for (size_t i = 0; i < COUNT(shots); i++) {
            size_t n = gallery_choices_of_shot(&outcome, i);
            if (i % 2 ? n < 1 || n > 4 : n > 2)
                fail_msg("%g fps: %d choices of part %d", rates[r], (int)n, (int)i);
        }
    }
}

/* A camera that goes from view to view: each that it rests on is in a choice, in one scene. */
static void views_are_each_in_a_choice(void **state)
{
    static const struct film_shot shots[] = {
        {.seconds = 2, .texture = 2, .noise = 1},
        {.seconds = 5, .texture = 2, .pan_x = 110, .noise = 1}};
    static const double rates[] = {12, 25};
    const struct ori_chooser_options options = gallery_usual_options();
    for (size_t r = 0; r < COUNT(rates); r++) {
        struct outcome outcome = gallery_run_all(*state, shots, COUNT(shots), rates[r], &options);
        size_t first = 0;
        size_t second = 0;
        assert_int_equal(outcome.scene_count, 1);
        for (size_t i = 0; i < outcome.choice_count - outcome.filler_count; i++) {
            first += outcome.choices[i].pts_us < 2000000;
            second +=
                outcome.choices[i].pts_us > 3745000; /* 2 s, and 192 samples at 110 a second */
        }
        assert_int_equal(first, 1);
        assert_int_equal(second, 1);
        assert_in_range(outcome.choice_count - outcome.filler_count, 2, 3);
    }
}

static void a_shot_that_comes_back_is_a_duplicate(void **state)
{
    static const struct film_shot shots[] = {{.seconds = 2, .texture = 0, .noise = 1},
                                             {.seconds = 2, .texture = 1, .noise = 1},
                                             {.seconds = 2, .texture = 0, .noise = 1},
                                             {.seconds = 2, .texture = 2, .noise = 1}};
    struct ori_chooser_options options = gallery_usual_options();
    struct outcome outcome = gallery_run_all(*state, shots, COUNT(shots), 25, &options);
    assert_int_equal(outcome.scene_count, 4);
    assert_int_equal(outcome.choice_count, 3);
    assert_int_equal(gallery_choices_of_shot(&outcome, 2), 0);
    assert_int_equal(outcome.scenes[2].duplicate_of, 1);
    assert_int_equal(outcome.scenes[3].duplicate_of, 0);
    options.has_dedup = false;
    outcome = gallery_run_all(*state, shots, COUNT(shots), 25, &options);
    assert_int_equal(outcome.choice_count, 4);
    assert_int_equal(outcome.scenes[2].duplicate_of, 0);
}

static void flashes_and_blanks_are_never_chosen(void **state)
{
    static const struct film_shot shots[] = {
        {.seconds = 1, .texture = FILM_BLACK},    {.seconds = 2, .texture = 0},
        {.seconds = 0.12, .texture = 5},          {.seconds = 2, .texture = 0},
        {.seconds = 0.12, .texture = FILM_WHITE}, {.seconds = 2, .texture = 0},
        {.seconds = 1, .texture = FILM_BLACK},    {.seconds = 2, .texture = 1},
        {.seconds = 0.2, .texture = 6},           {.seconds = 2, .texture = 1},
        {.seconds = 1, .texture = FILM_WHITE}};
    static const size_t never[] = {0, 2, 4, 6, 8, 10};
    const struct ori_chooser_options options = gallery_usual_options();
    struct outcome outcome = gallery_run_all(*state, shots, COUNT(shots), 25, &options);
    assert_int_equal(outcome.scene_count, 2);
    assert_true(outcome.choice_count >= 2);
    for (size_t i = 0; i < COUNT(never); i++)
        assert_int_equal(gallery_choices_of_shot(&outcome, never[i]), 0);
}

static void limits_hold(void **state)
{
    static const struct film_shot shots[] = {
        {.seconds = 1, .texture = 0}, {.seconds = 1, .texture = 1}, {.seconds = 1, .texture = 2},
        {.seconds = 1, .texture = 3}, {.seconds = 1, .texture = 4}, {.seconds = 1, .texture = 5}};
    struct ori_chooser_options options = gallery_usual_options();
    for (size_t kept_max = 3; kept_max <= COUNT(shots) + 1; kept_max++) {
        options.kept_max = kept_max;
        struct outcome outcome = gallery_run_all(*state, shots, COUNT(shots), 25, &options);
        assert_int_equal(outcome.choice_count, kept_max < COUNT(shots) ? kept_max : COUNT(shots));
        assert_int_equal(outcome.is_full, kept_max <= COUNT(shots));
        assert_int_equal(outcome.scene_count, COUNT(shots));
    }
    options = gallery_usual_options();
    for (uint32_t scenes_max = 1; scenes_max <= COUNT(shots) + 1; scenes_max++) {
        options.scenes_max = scenes_max;
        struct outcome outcome = gallery_run_all(*state, shots, COUNT(shots), 25, &options);
        assert_int_equal(outcome.scene_count,
                         scenes_max < COUNT(shots) ? scenes_max : COUNT(shots));
    }
}

static void pictures_alive_are_bounded(void **state)
{
    static const struct film_shot shots[] = {
        {.seconds = 8, .texture = 0, .object = 60, .pan_x = 20},
        {.seconds = 3, .texture = FILM_NOISE},
        {.seconds = 6, .texture = 2, .change = FILM_DISSOLVE, .texture_to = 3},
        {.seconds = 3, .texture = FILM_BLACK},
        {.seconds = 4, .texture = 1}};
    static const size_t windows[] = {4, 10, 64};
    struct stage *stage = *state;
    struct ori_chooser_options options = gallery_usual_options();
    for (size_t w = 0; w < COUNT(windows); w++) {
        for (int min_frames = 0; min_frames <= 6; min_frames += 3) {
            options.windows_max = windows[w];
            options.min_frames = min_frames;
            gallery_run_all(stage, shots, COUNT(shots), 12, &options);
            assert_true(stage->gallery.alive_max <= (int)windows[w] + 2 * min_frames + 3);
        }
    }
}

static void nothing_one_and_two_frames(void **state)
{
    const struct ori_chooser_options options = gallery_usual_options();
    struct outcome outcome = gallery_run_all(*state, NULL, 0, 25, &options);
    assert_true(outcome.status == ORI_OK && !outcome.choice_count && !outcome.scene_count);
    for (int frames = 1; frames < 4; frames++) {
        const struct film_shot shots[] = {{.seconds = frames / 25.0, .texture = 0}};
        outcome = gallery_run_all(*state, shots, 1, 25, &options);
        assert_int_equal(outcome.scene_count, 1);
        assert_in_range(outcome.choice_count, 1, frames);
        const struct film_shot blank[] = {{.seconds = frames / 25.0, .texture = FILM_BLACK}};
        outcome = gallery_run_all(*state, blank, 1, 25, &options);
        assert_int_equal(outcome.scene_count, 1);
        assert_int_equal(outcome.choice_count, 0);
    }
}

/* gallery_run itself looks at every reference. */
static void it_may_be_destroyed_at_any_point(void **state)
{
    static const struct film_shot shots[] = {{.seconds = 1, .texture = 0, .object = 40},
                                             {.seconds = 0.4, .texture = FILM_BLACK},
                                             {.seconds = 1, .texture = 1},
                                             {.seconds = 0.1, .texture = 4},
                                             {.seconds = 1, .texture = 1},
                                             {.seconds = 1, .texture = 0}};
    struct stage *stage = *state;
    const struct ori_chooser_options options = gallery_usual_options();
    film_set(&stage->film, shots, COUNT(shots), 15);
    for (size_t frames = 0; frames <= 68; frames++)
        assert_int_equal(gallery_run(stage, &options, frames).status, ORI_OK);
}

static void a_reference_that_fails_is_no_memory(void **state)
{
    static const struct film_shot shots[] = {{.seconds = 12, .texture = 0}};
    struct stage *stage = *state;
    const struct ori_chooser_options options = gallery_usual_options();
    int refs = 0;
    for (; refs < 30; refs++) {
        stage->gallery.refs_left = refs;
        struct outcome outcome = gallery_run_all(stage, shots, 1, 10, &options);
        if (outcome.status == ORI_OK)
            break;
        assert_int_equal(outcome.status, ORI_NOMEM);
    }
    stage->gallery.refs_left = INT32_MAX;
    assert_in_range(refs, 2, 29);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_scene_has_a_choice),
        cmocka_unit_test(a_still_room_gives_one_and_fillers),
        cmocka_unit_test(fillers_are_spread_evenly),
        cmocka_unit_test(visitors_are_each_in_a_choice),
        cmocka_unit_test(views_are_each_in_a_choice),
        cmocka_unit_test(a_shot_that_comes_back_is_a_duplicate),
        cmocka_unit_test(flashes_and_blanks_are_never_chosen),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(pictures_alive_are_bounded),
        cmocka_unit_test(nothing_one_and_two_frames),
        cmocka_unit_test(it_may_be_destroyed_at_any_point),
        cmocka_unit_test(a_reference_that_fails_is_no_memory),
    };
    return cmocka_run_group_tests(tests, gallery_make, gallery_drop);
}
