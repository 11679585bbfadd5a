/* Small pictures for the report of a video: of what was kept, of what was dropped because something
 * kept shows it, and of whole frames around a crop. They change nothing of the result; past their
 * number, and where one does not fit a message, there is none. */
#include <stdlib.h>
#include <string.h>

#include "media/still.h"
#include "pipeline/extract_priv.h"
#include "util/limits.h"

static bool is_wanted(const struct extract *extract, enum ori_child_shot kind)
{
    static const uint32_t most[] = {[ORI_SHOT_KEPT] = ORI_LIMIT_MAX_CHILD_SHOTS_KEPT,
                                    [ORI_SHOT_DROPPED] = ORI_LIMIT_MAX_CHILD_SHOTS_DROPPED,
                                    [ORI_SHOT_WHOLE] = ORI_LIMIT_MAX_CHILD_SHOTS_WHOLE};
    return extract->side->start.tells & ORI_TELL_SHOTS && extract->shots[kind] < most[kind];
}

/* The best quality of a few that fits. False: none does. */
static bool encode(const struct ori_rgb *small, struct ori_msg_shot *shot)
{
    static const int qualities[] = {82, 60, 35, 10};
    for (size_t i = 0; i < sizeof qualities / sizeof *qualities; i++) {
        size_t bytes = 0;
        struct ori_error ignored = {0};
        if (ori_still_encode(small, ORI_STILL_JPEG, qualities[i], shot->jpeg, sizeof shot->jpeg,
                             &bytes, &ignored) == ORI_OK) {
            shot->bytes = (uint32_t)bytes;
            return true;
        }
    }
    return false;
}

/* extract->rgb, with what shot says of it. */
static ori_status say_shot(struct extract *extract, const struct ori_msg_shot *about,
                           struct ori_error *err)
{
    struct ori_rgb small = {0};
    struct ori_msg_shot *shot = calloc(1, sizeof *shot);
    if (!shot)
        return ori_error_set(err, ORI_NOMEM, "small picture");
    *shot = *about;
    shot->type = ORI_MSG_SHOT;
    shot->pts_us = about->pts_us > 0 ? about->pts_us : 0;
    ori_status status = extract_shrink(&extract->rgb, ORI_LIMIT_MAX_CHILD_SHOT_SIDE, &small, err);
    if (status == ORI_OK && encode(&small, shot)) {
        shot->width = small.width;
        shot->height = small.height;
        status = ori_child_side_send(extract->side, shot, sizeof *shot, err);
        extract->shots[about->kind]++;
    }
    if (small.data != extract->rgb.data)
        free(small.data);
    free(shot);
    return status;
}

/* The box of the frame, with what shot says of it; too many pixels are no failure here. */
static ori_status say_box(struct extract *extract, const struct ori_frame *frame,
                          const struct ori_box *box, const struct ori_msg_shot *about,
                          struct ori_error *err)
{
    struct ori_error why = {0};
    ori_status status = extract_make_rgb(extract, frame, box, &why);
    if (status == ORI_LIMIT)
        return ORI_OK;
    if (status != ORI_OK) {
        *err = why;
        return status;
    }
    return say_shot(extract, about, err);
}

static bool is_same_box(const struct ori_box *a, const struct ori_box *b)
{
    return a->x == b->x && a->y == b->y && a->w == b->w && a->h == b->h;
}

ori_status extract_shot_kept(struct extract *extract, const struct extract_held *held,
                             const struct ori_box *box, struct ori_error *err)
{
    const struct ori_box all = {0, 0, extract->info.width, extract->info.height};
    struct ori_msg_shot about = {.kind = ORI_SHOT_KEPT,
                                 .n = (uint32_t)extract->said_count,
                                 .scene = held->scene,
                                 .pts_us = held->pts_us};
    ori_status status = ORI_OK;
    if (is_wanted(extract, ORI_SHOT_KEPT))
        status = say_shot(extract, &about, err);
    if (status != ORI_OK || is_same_box(box, &all) || is_same_box(box, &extract->whole_box) ||
        !is_wanted(extract, ORI_SHOT_WHOLE))
        return status;
    extract->whole_box = *box;
    about.kind = ORI_SHOT_WHOLE;
    about.n = 0;
    return say_box(extract, held->frame, &all, &about, err);
}

ori_status extract_shot_dropped(struct extract *extract, const struct extract_held *held,
                                const struct ori_box *box, uint32_t n, uint32_t distance,
                                struct ori_error *err)
{
    const struct ori_msg_shot about = {.kind = ORI_SHOT_DROPPED,
                                       .n = n,
                                       .scene = held->scene,
                                       .pts_us = held->pts_us,
                                       .distance = distance};
    const struct ori_frame *frame = held->frame;
    const struct ori_box all = {0, 0, extract->info.width, extract->info.height};
    const bool is_usual = frame->width == all.w && frame->height == all.h;
    if (!is_wanted(extract, ORI_SHOT_DROPPED))
        return ORI_OK;
    return say_box(extract, frame, is_usual ? box : &all, &about, err);
}

ori_status extract_hold_return(struct extract *extract, const struct ori_choice *choice,
                               struct ori_error *err)
{
    struct ori_frame *frame = choice->picture;
    const int64_t bytes = (int64_t)frame->width * frame->height * 3 / 2;
    ori_status status = ORI_OK;
    if (extract->returns_bytes + bytes <= ORI_LIMIT_MAX_RETURNS_BYTES)
        status = extract_grow((void **)&extract->returns, extract->returns_count,
                              &extract->returns_room, sizeof *extract->returns, err);
    if (status != ORI_OK || extract->returns_bytes + bytes > ORI_LIMIT_MAX_RETURNS_BYTES) {
        ori_frame_unref(&frame);
        return status;
    }
    extract->returns_bytes += bytes;
    extract->returns[extract->returns_count++] =
        (struct extract_held){.frame = frame,
                              .pts_us = choice->pts_us,
                              .scene = choice->scene,
                              .return_of = choice->return_of};
    return ORI_OK;
}

/* The frame of that scene that is nearest; of any, where it has none. 0: there is none at all. */
static uint32_t find_nearest(const struct extract *extract, uint32_t scene,
                             const struct ori_dhash *dhash, uint32_t *ret_distance)
{
    uint32_t nearest = 0;
    bool is_of_scene = false;
    for (size_t i = 0; i < extract->said_count; i++) {
        const struct extract_said *said = &extract->said[i];
        const uint32_t distance = (uint32_t)ori_dhash_distance(&said->dhash, dhash);
        const bool is_better = !nearest || (said->scene == scene && !is_of_scene) ||
                               (distance < *ret_distance && (said->scene == scene) == is_of_scene);
        if (!is_better)
            continue;
        nearest = (uint32_t)i + 1;
        *ret_distance = distance;
        is_of_scene = said->scene == scene;
    }
    return nearest;
}

static ori_status say_return(struct extract *extract, const struct extract_held *held,
                             struct ori_error *err)
{
    const struct ori_frame *frame = held->frame;
    struct ori_box box = {0, 0, frame->width, frame->height};
    struct ori_box crop;
    struct ori_plane planes[3];
    uint32_t distance = 0;
    if (extract->options->has_crop && frame->width == extract->width &&
        frame->height == extract->height &&
        ori_borders_box(&extract->video_borders, extract->width, extract->height,
                        &extract->borders_options, &crop))
        box = crop;
    ori_status status = ori_frame_planes(extract->video, frame, planes, err);
    if (status != ORI_OK)
        return status;
    const struct ori_dhash dhash = ori_dhash_make(&planes[0], &box, extract->options->dhash_size);
    const uint32_t n = find_nearest(extract, held->return_of, &dhash, &distance);
    return n ? extract_shot_dropped(extract, held, &box, n, distance, err) : ORI_OK;
}

ori_status extract_shot_returns(struct extract *extract, struct ori_error *err)
{
    ori_status status = ORI_OK;
    for (size_t i = 0; i < extract->returns_count && status == ORI_OK; i++)
        status = say_return(extract, &extract->returns[i], err);
    return status;
}
