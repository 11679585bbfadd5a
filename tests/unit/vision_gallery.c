#include "vision_gallery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void *fake_ref(void *picture)
{
    struct fake *fake = picture;
    assert_true(fake->refs > 0);
    if (fake->gallery->refs_left-- <= 0)
        return NULL;
    fake->refs++;
    return fake;
}

static void fake_unref(void *picture)
{
    struct fake *fake = picture;
    assert_true(fake->refs > 0);
    if (--fake->refs == 0)
        fake->gallery->alive--;
}

static struct fake *fake_make(struct gallery *gallery, int64_t pts_us, size_t shot)
{
    assert_true(gallery->made < GALLERY_FRAMES_MAX);
    struct fake *fake = &gallery->fakes[gallery->made++];
    *fake = (struct fake){gallery, 1, pts_us, shot};
    if (++gallery->alive > gallery->alive_max)
        gallery->alive_max = gallery->alive;
    return fake;
}

struct ori_chooser_options gallery_usual_options(void)
{
    return (struct ori_chooser_options){
        .scenes = {.threshold = 0.22, .solid_std = 5},
        .sample_fps = 0.1,
        .min_frames = 3,
        .has_dedup = true,
        .dedup_distance = 4,
        .windows_max = 16,
        .kept_max = 50,
        .scenes_max = 50,
        .ops = {fake_ref, fake_unref},
    };
}

static void take(struct ori_chooser *chooser, struct outcome *outcome)
{
    struct ori_choice choice;
    while (ori_chooser_take(chooser, &choice)) {
        struct fake *fake = choice.picture;
        assert_int_equal(fake->pts_us, choice.pts_us);
        assert_true(outcome->choice_count < GALLERY_CHOICES_MAX);
        outcome->filler_count += choice.is_filler;
        outcome->shots[outcome->choice_count] = fake->shot;
        outcome->choices[outcome->choice_count++] = choice;
        fake_unref(fake);
    }
    struct ori_scene scene;
    while (ori_chooser_take_scene(chooser, &scene)) {
        assert_true(outcome->scene_count < GALLERY_CHOICES_MAX);
        outcome->scenes[outcome->scene_count++] = scene;
    }
}

static void check_order(const struct outcome *outcome, int64_t end_us)
{
    for (size_t i = 1; i < outcome->choice_count; i++) {
        const struct ori_choice *before = &outcome->choices[i - 1];
        const struct ori_choice *at = &outcome->choices[i];
        assert_true(!before->is_filler || at->is_filler);
        if (before->is_filler == at->is_filler)
            assert_true(at->pts_us > before->pts_us);
        for (size_t k = 0; k < i; k++)
            assert_true(outcome->choices[k].pts_us != at->pts_us);
    }
    for (size_t i = 0; i < outcome->scene_count; i++) {
        assert_int_equal(outcome->scenes[i].index, i + 1);
        assert_true(outcome->scenes[i].start_us < outcome->scenes[i].end_us);
        if (i)
            assert_true(outcome->scenes[i].start_us == outcome->scenes[i - 1].end_us);
        assert_true(outcome->scenes[i].duplicate_of <= i);
    }
    if (outcome->scene_count)
        assert_true(outcome->scenes[outcome->scene_count - 1].end_us == end_us);
    for (size_t i = 0; i < outcome->choice_count; i++) {
        const struct ori_scene *scene = &outcome->scenes[outcome->choices[i].scene - 1];
        assert_in_range(outcome->choices[i].scene, 1, outcome->scene_count);
        assert_true(outcome->choices[i].pts_us >= scene->start_us &&
                    outcome->choices[i].pts_us < scene->end_us);
    }
}

struct outcome gallery_run(struct stage *stage, const struct ori_chooser_options *options,
                           size_t frames)
{
    struct ori_chooser *chooser = NULL;
    struct outcome outcome = {.status = ORI_OK};
    struct gallery *gallery = &stage->gallery;
    struct ori_thumb thumb;
    int64_t pts_us = 0;
    size_t shot = 0;
    size_t i = 0;
    gallery->made = 0;
    gallery->alive_max = 0;
    assert_int_equal(ori_chooser_create(options, &chooser, NULL), ORI_OK);
    for (; i < frames && film_frame(&stage->film, i, &thumb, &pts_us, &shot); i++) {
        bool is_wanted = false;
        outcome.status = ori_chooser_push(chooser, &thumb, pts_us, NULL, &is_wanted, NULL);
        if (outcome.status != ORI_OK)
            break;
        if (is_wanted) /* as sharp as it has contrast */
            ori_chooser_offer(chooser, fake_make(gallery, pts_us, shot), thumb.std);
        take(chooser, &outcome);
    }
    if (outcome.status == ORI_OK && frames == GALLERY_FRAMES_MAX) {
        int64_t end_us = i ? pts_us + 33333 : 0;
        outcome.status = ori_chooser_finish(chooser, end_us, NULL);
        take(chooser, &outcome);
        if (outcome.status == ORI_OK)
            check_order(&outcome, end_us);
    }
    outcome.is_full = ori_chooser_is_full(chooser);
    ori_chooser_destroy(&chooser);
    assert_null(chooser);
    assert_int_equal(gallery->alive, 0);
    for (size_t k = 0; k < gallery->made; k++)
        assert_int_equal(gallery->fakes[k].refs, 0);
    return outcome;
}

struct outcome gallery_run_all(struct stage *stage, const struct film_shot *shots, size_t count,
                               double fps, const struct ori_chooser_options *options)
{
    film_set(&stage->film, shots, count, fps);
    return gallery_run(stage, options, GALLERY_FRAMES_MAX);
}

size_t gallery_choices_of_shot(const struct outcome *outcome, size_t shot)
{
    size_t n = 0;
    for (size_t i = 0; i < outcome->choice_count; i++)
        n += outcome->shots[i] == shot;
    return n;
}

int gallery_make(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    film_init(&stage->film);
    stage->gallery.refs_left = INT32_MAX;
    *state = stage;
    return 0;
}

int gallery_drop(void **state)
{
    struct stage *stage = *state;
    film_deinit(&stage->film);
    free(stage);
    return 0;
}
