#include "vision_film.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WORLD_WIDTH = 512, WORLD_HEIGHT = 288, HOME = 64 };

void film_init(struct film *film)
{
    memset(film, 0, sizeof *film);
    for (int i = 0; i < FILM_TEXTURES; i++) {
        picture_init(&film->worlds[i], WORLD_WIDTH, WORLD_HEIGHT, PICTURE_420);
        picture_texture(&film->worlds[i], (uint64_t)i + 100);
    }
    picture_init(&film->frame, FILM_WIDTH, FILM_HEIGHT, PICTURE_420);
    picture_init(&film->other, FILM_WIDTH, FILM_HEIGHT, PICTURE_420);
}

void film_deinit(struct film *film)
{
    for (int i = 0; i < FILM_TEXTURES; i++)
        picture_deinit(&film->worlds[i]);
    picture_deinit(&film->frame);
    picture_deinit(&film->other);
}

void film_set(struct film *film, const struct film_shot *shots, size_t shot_count, double fps)
{
    film->shots = shots;
    film->shot_count = shot_count;
    film->fps = fps;
}

static int64_t frame_us(const struct film *film, size_t i)
{
    static const int64_t gaps[] = {16667, 33333, 125000, 41667, 20000, 83333, 33333, 100000};
    if (film->fps > 0)
        return (int64_t)((double)i * 1e6 / film->fps + 0.5);
    int64_t at = 0;
    for (size_t k = 0; k < 8; k++)
        at += gaps[k];
    at *= (int64_t)(i / 8);
    for (size_t k = 0; k < i % 8; k++)
        at += gaps[k];
    return at;
}

static double shot_start(const struct film *film, size_t shot)
{
    double start = 0;
    for (size_t i = 0; i < shot; i++)
        start += film->shots[i].seconds;
    return start;
}

int64_t film_shot_us(const struct film *film, size_t shot)
{
    double start = shot_start(film, shot);
    size_t i = 0;
    while ((double)frame_us(film, i) / 1e6 < start - 1e-5)
        i++;
    return frame_us(film, i);
}

static int even_within(double value, int limit)
{
    int whole = (int)value & ~1;
    return whole < 0 ? 0 : whole > limit ? limit : whole;
}

static void show(struct film *film, struct picture *picture, const struct film_shot *shot,
                 int texture, double at, size_t frame)
{
    static const uint8_t black[3] = {16, 128, 128};
    static const uint8_t white[3] = {235, 128, 128};
    if (texture == FILM_BLACK || texture == FILM_WHITE) {
        picture_fill(picture, texture == FILM_BLACK ? black : white);
        return;
    }
    if (texture == FILM_NOISE) {
        picture_fill(picture, (const uint8_t[3]){126, 128, 128});
        picture_noise(picture, 60, frame);
        picture_blur(picture, 2);
        return;
    }
    picture_window(picture, &film->worlds[texture],
                   even_within(HOME + shot->pan_x * at, WORLD_WIDTH - FILM_WIDTH),
                   even_within(HOME + shot->pan_y * at, WORLD_HEIGHT - FILM_HEIGHT));
}

static void wipe(struct picture *picture, const struct picture *other, double share)
{
    for (int p = 0; p < 3; p++) {
        const struct ori_plane *plane = &picture->planes[p];
        size_t columns = (size_t)(share * plane->width);
        for (int y = 0; y < plane->height; y++)
            memcpy(picture->samples[p] + y * plane->stride, other->samples[p] + y * plane->stride,
                   columns);
    }
}

static void make_frame(struct film *film, const struct film_shot *shot, double at, size_t frame)
{
    double share = at / shot->seconds;
    show(film, &film->frame, shot, shot->texture, at, frame);
    if (shot->change != FILM_STILL) {
        show(film, &film->other, shot, shot->texture_to, at, frame);
        if (shot->change == FILM_WIPE)
            wipe(&film->frame, &film->other, share);
        else
            picture_mix(&film->frame, &film->frame, &film->other, share);
    }
    if (shot->object) {
        int x = (int)(share * (FILM_WIDTH - shot->object));
        picture_rect(
            &film->frame,
            (struct ori_box){x, (FILM_HEIGHT - shot->object) / 2, shot->object, shot->object},
            (const uint8_t[3]){240, 100, 160});
    }
    if (shot->light_from > 0 || shot->light_to > 0) {
        double gain = shot->light_from + share * (shot->light_to - shot->light_from);
        picture_light(&film->frame, gain, 16 - 16 * gain); /* black stays black */
    }
    if (shot->white > 0)
        picture_light(&film->frame, 1 - shot->white, 235 * shot->white);
    if (shot->noise > 0)
        picture_noise(&film->frame, shot->noise, frame);
}

bool film_frame(struct film *film, size_t i, struct ori_thumb *ret_thumb, int64_t *ret_pts_us,
                size_t *ret_shot)
{
    double seconds = (double)frame_us(film, i) / 1e6;
    double start = 0;
    for (size_t s = 0; s < film->shot_count; s++) {
        const struct film_shot *shot = &film->shots[s];
        double at = seconds - start;
        if (at < shot->seconds - 1e-5) {
            make_frame(film, shot, at < 0 ? 0 : at, i);
            picture_thumb(&film->frame, ret_thumb);
            *ret_pts_us = frame_us(film, i);
            *ret_shot = s;
            return true;
        }
        start += shot->seconds;
    }
    return false;
}

static void take(struct ori_scenes *scenes, int64_t settled_before_us, struct film_run *run)
{
    struct ori_boundary boundary;
    while (ori_scenes_take(scenes, &boundary)) {
        assert_true(boundary.from_us <= boundary.to_us);
        if (boundary.kind == ORI_BOUNDARY_FLASH) {
            run->flashes++;
            continue;
        }
        assert_true(boundary.pts_us >= settled_before_us); /* what was settled stays settled */
        assert_true(boundary.from_us <= boundary.pts_us && boundary.pts_us <= boundary.to_us);
        assert_true(run->count < FILM_FOUND_MAX);
        if (run->count)
            assert_true(boundary.pts_us > run->found[run->count - 1].pts_us);
        run->found[run->count++] = boundary;
    }
}

struct film_run film_run(struct film *film, double threshold)
{
    const struct ori_scenes_options options = {.threshold = threshold, .solid_std = 5};
    struct ori_scenes *scenes = NULL;
    struct film_run run = {0};
    struct ori_thumb thumb;
    int64_t pts_us = 0;
    int64_t settled_us = INT64_MIN;
    size_t shot = 0;
    assert_int_equal(ori_scenes_create(&options, &scenes, NULL), ORI_OK);
    for (size_t i = 0; film_frame(film, i, &thumb, &pts_us, &shot); i++) {
        double change = -1;
        ori_scenes_push(scenes, &thumb, pts_us, &change);
        assert_true(change >= 0 && change <= 1 && (i || change == 0));
        take(scenes, settled_us, &run);
        assert_true(ori_scenes_settled_us(scenes) >= settled_us);
        settled_us = ori_scenes_settled_us(scenes);
        assert_true(settled_us <= pts_us);
        if (i && !ori_thumb_is_blank(&thumb, 5) && pts_us - settled_us > run.lag_us)
            run.lag_us = pts_us - settled_us;
    }
    ori_scenes_finish(scenes);
    take(scenes, settled_us, &run);
    assert_true(ori_scenes_settled_us(scenes) == INT64_MAX);
    ori_scenes_destroy(&scenes);
    assert_null(scenes);
    return run;
}

int film_make(void **state)
{
    struct film *film = malloc(sizeof *film);
    assert_non_null(film);
    film_init(film);
    *state = film;
    return 0;
}

int film_drop(void **state)
{
    film_deinit(*state);
    free(*state);
    return 0;
}

void film_run_say(const struct film_run *run)
{
    for (size_t i = 0; i < run->count; i++)
        print_message("  kind %d at %.3f (%.3f..%.3f) score %.3f\n", (int)run->found[i].kind,
                      (double)run->found[i].pts_us / 1e6, (double)run->found[i].from_us / 1e6,
                      (double)run->found[i].to_us / 1e6, run->found[i].score);
}
