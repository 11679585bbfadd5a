/* The second half of the child: chosen frames wait in order of time (see extract.h, Hold), then each
 * is cropped, looked at once more, and said or dropped; a scene is said after its frames. */
#include <stdlib.h>
#include <string.h>

#include "media/still.h"
#include "pipeline/extract_priv.h"
#include "util/clock.h"
#include "util/limits.h"
#include "vision/quality.h"

#define SLOT_ALIGN 64
#define SAME_EDGE_PX 8 /* boxes of scene and video this close are one box */

ori_status extract_grow(void **table, size_t count, size_t *room, size_t entry_bytes,
                        struct ori_error *err)
{
    if (count < *room)
        return ORI_OK;
    size_t more = *room ? 2 * *room : 16;
    void *grown = reallocarray(*table, more, entry_bytes);
    if (!grown)
        return ori_error_set(err, ORI_NOMEM, "table of %zu entries", more);
    *table = grown;
    *room = more;
    return ORI_OK;
}

static int64_t bytes_of(const struct ori_frame *frame)
{
    return (int64_t)frame->width * frame->height * 3 / 2;
}

ori_status extract_hold(struct extract *extract, const struct ori_choice *choice,
                        struct ori_error *err)
{
    struct ori_frame *frame = choice->picture;
    if (choice->return_of)
        return extract_hold_return(extract, choice, err);
    ori_status status = extract_grow((void **)&extract->held, extract->held_count,
                                     &extract->held_room, sizeof *extract->held, err);
    if (status != ORI_OK) {
        ori_frame_unref(&frame);
        return status;
    }
    size_t at = extract->held_count++;
    for (; at > 0 && extract->held[at - 1].pts_us > choice->pts_us; at--)
        extract->held[at] = extract->held[at - 1];
    extract->held[at] =
        (struct extract_held){.frame = frame, .pts_us = choice->pts_us, .scene = choice->scene};
    extract->held_bytes += bytes_of(frame);
    extract->chosen++;
    return ORI_OK;
}

/* The table's row of a scene that was not said yet; rows are made up to it. */
static ori_status scene_row(struct extract *extract, uint32_t index, struct extract_scene **ret_row,
                            struct ori_error *err)
{
    ORI_ASSERT(index > extract->scenes_said);
    size_t at = index - extract->scenes_said - 1;
    while (extract->scene_count <= at) {
        ori_status status = extract_grow((void **)&extract->scenes, extract->scene_count,
                                         &extract->scene_room, sizeof *extract->scenes, err);
        if (status != ORI_OK)
            return status;
        struct extract_scene *row = &extract->scenes[extract->scene_count++];
        memset(row, 0, sizeof *row);
        row->scene.index = extract->scenes_said + (uint32_t)extract->scene_count;
        ori_borders_init(&row->scene.borders);
    }
    *ret_row = &extract->scenes[at];
    return ORI_OK;
}

ori_status extract_end_scene(struct extract *extract, const struct ori_scene *scene,
                             struct ori_error *err)
{
    struct extract_scene *row = NULL;
    struct ori_box box;
    ori_status status = scene_row(extract, scene->index, &row, err);
    if (status != ORI_OK)
        return status;
    row->scene = *scene;
    row->has_ended = true;
    ori_borders_merge(&extract->video_borders, &scene->borders);
    if (extract->width && ori_borders_box(&scene->borders, extract->width, extract->height,
                                          &extract->borders_options, &box)) {
        extract->usual_box = box;
        extract->has_usual_box = true;
    }
    return ORI_OK;
}

static bool is_near(const struct ori_box *a, const struct ori_box *b)
{
    return abs(a->x - b->x) <= SAME_EDGE_PX && abs(a->y - b->y) <= SAME_EDGE_PX &&
           abs(a->x + a->w - b->x - b->w) <= SAME_EDGE_PX &&
           abs(a->y + a->h - b->y - b->h) <= SAME_EDGE_PX;
}

/* Takes each side's deeper cut of the two boxes, where the scene has a border there. */
static void deepen(struct ori_box *box, const struct ori_box *other,
                   const struct ori_borders *borders, int width, int height)
{
    struct ori_box deeper = *box;
    int right = box->x + box->w;
    int bottom = box->y + box->h;
    int other_right = other->x + other->w;
    int other_bottom = other->y + other->h;
    deeper.x = other->x > box->x ? other->x : box->x;
    deeper.y = other->y > box->y ? other->y : box->y;
    deeper.w = (other_right < right ? other_right : right) - deeper.x;
    deeper.h = (other_bottom < bottom ? other_bottom : bottom) - deeper.y;
    if (deeper.w > 0 && deeper.h > 0 && ori_borders_allow(borders, width, height, &deeper))
        *box = deeper;
}

/* The box for frames of a scene with these borders: the scene's own where it proves one, deepened by
 * what the video proves; else one that the video or another scene proved and that this scene's picture
 * lies inside. */
static bool choose_box(const struct extract *extract, const struct ori_borders *borders,
                       struct ori_box *ret_box)
{
    struct ori_borders all = extract->video_borders;
    struct ori_box video_box = {0};
    const struct ori_borders_options *options = &extract->borders_options;
    int width = extract->width;
    int height = extract->height;
    if (!extract->options->has_crop)
        return false;
    ori_borders_merge(&all, borders);
    bool has_video_box = ori_borders_box(&all, width, height, options, &video_box);
    if (ori_borders_box(borders, width, height, options, ret_box)) {
        if (has_video_box && is_near(ret_box, &video_box))
            *ret_box = video_box;
        else if (has_video_box)
            deepen(ret_box, &video_box, borders, width, height);
        return true;
    }
    if (has_video_box && ori_borders_allow(borders, width, height, &video_box)) {
        *ret_box = video_box;
        return true;
    }
    if (extract->has_usual_box && ori_borders_allow(borders, width, height, &extract->usual_box)) {
        *ret_box = extract->usual_box;
        return true;
    }
    return false;
}

/* An earlier frame that shows the same, or NULL. */
static const struct extract_said *find_same(const struct extract *extract,
                                            const struct extract_said *frame)
{
    if (!extract->options->has_dedup)
        return NULL;
    for (size_t i = 0; i < extract->said_count; i++) {
        const struct extract_said *said = &extract->said[i];
        if (ori_dhash_distance(&said->dhash, &frame->dhash) <= extract->options->dedup_distance &&
            ori_signature_is_same(&said->signature, &frame->signature))
            return said;
    }
    return NULL;
}

ori_status extract_make_rgb(struct extract *extract, const struct ori_frame *frame,
                            const struct ori_box *box, struct ori_error *err)
{
    struct ori_rgb *rgb = &extract->rgb;
    ori_frame_rgb_size(&extract->info, box, &rgb->width, &rgb->height);
    /* VP_MAX_PIXELS was about coded pixels; squaring them can make eight times as many. */
    if ((int64_t)rgb->width * rgb->height > extract->options->pixels_max)
        return ori_error_set(err, ORI_LIMIT, "%dx%d square pixels, more than %lld in all",
                             rgb->width, rgb->height, (long long)extract->options->pixels_max);
    rgb->stride = 3 * (ptrdiff_t)rgb->width;
    size_t bytes = (size_t)rgb->stride * (size_t)rgb->height;
    if (bytes > extract->rgb_bytes) {
        free(rgb->data);
        rgb->data = malloc(bytes);
        extract->rgb_bytes = rgb->data ? bytes : 0;
        if (!rgb->data)
            return ori_error_set(err, ORI_NOMEM, "picture of %d x %d", rgb->width, rgb->height);
    }
    return ori_frame_to_rgb(extract->video, frame, box, rgb, err);
}

static ori_status fill_slot(struct extract *extract, uint8_t *data, struct ori_msg_frame *message,
                            struct ori_error *err)
{
    const struct ori_extract_options *options = extract->options;
    uint64_t slot_bytes = extract->side->start.slot_bytes;
    size_t still_bytes = 0;
    message->input_bytes = 3 * (uint64_t)options->input.side * (uint64_t)options->input.side;
    if (slot_bytes < message->input_bytes + SLOT_ALIGN)
        return ori_error_set(err, ORI_LIMIT, "model input does not fit a slot");
    ori_status status = ori_still_encode(
        &extract->rgb, (enum ori_still_format)options->still_format, options->still_quality, data,
        slot_bytes - message->input_bytes - SLOT_ALIGN, &still_bytes, err);
    if (status != ORI_OK)
        return status;
    message->still_bytes = still_bytes;
    message->input_offset = (still_bytes + SLOT_ALIGN - 1) / SLOT_ALIGN * SLOT_ALIGN;
    return extract_input(&extract->rgb, &options->input, data + message->input_offset, err);
}

static ori_status say_frame(struct extract *extract, const struct extract_held *held,
                            const struct ori_box *box, const struct extract_said *said,
                            struct ori_error *err)
{
    uint32_t slot = 0;
    uint8_t *data = NULL;
    ori_status status = extract_grow((void **)&extract->said, extract->said_count,
                                     &extract->said_room, sizeof *extract->said, err);
    if (status == ORI_OK)
        status = extract_make_rgb(extract, held->frame, box, err);
    if (status == ORI_OK)
        status = ori_child_side_slot(extract->side, &slot, &data, err);
    if (status != ORI_OK)
        return status;
    struct ori_msg_frame message = {
        .type = ORI_MSG_FRAME,
        .slot = slot,
        .n = (uint32_t)extract->said_count + 1,
        .scene = held->scene,
        .pts_us = held->pts_us > 0 ? held->pts_us : 0,
        .width = extract->rgb.width,
        .height = extract->rgb.height,
        .dhash = said->dhash.bits[0],
    };
    status = fill_slot(extract, data, &message, err);
    if (status == ORI_OK)
        status = ori_child_side_send(extract->side, &message, sizeof message, err);
    else
        ori_child_side_slot_drop(extract->side, slot);
    if (status != ORI_OK)
        return status;
    extract->said[extract->said_count++] = *said;
    return extract_shot_kept(extract, held, box, err);
}

/* Says the frame, or drops it because it is of one colour or was seen before. */
static ori_status say_or_drop(struct extract *extract, const struct extract_held *held,
                              struct extract_scene *row, struct ori_error *err)
{
    const struct ori_extract_options *options = extract->options;
    struct ori_frame *frame = held->frame;
    struct ori_box box = {0, 0, frame->width, frame->height};
    struct ori_plane planes[3];
    bool is_usual_size = frame->width == extract->width && frame->height == extract->height;
    ori_status status = ori_frame_planes(extract->video, frame, planes, err);
    if (status != ORI_OK)
        return status;
    if (!row->has_ended)
        row->scene.borders = ori_chooser_open_borders(extract->chooser);
    if (is_usual_size && choose_box(extract, &row->scene.borders, &box)) {
        row->box = box;
        row->has_box = true;
    }
    if (ori_is_solid(planes, &box, options->solid_std, options->solid_min_dim))
        return ORI_OK;
    struct extract_said said = {.scene = held->scene};
    said.dhash = ori_dhash_make(&planes[0], &box, options->dhash_size);
    ori_signature_make(planes, &box, &said.signature);
    const struct extract_said *same = find_same(extract, &said);
    if (same) {
        if (same->scene != held->scene && !row->scene.duplicate_of)
            row->scene.duplicate_of = same->scene;
        return extract_shot_dropped(extract, held, &box, (uint32_t)(same - extract->said) + 1,
                                    (uint32_t)ori_dhash_distance(&same->dhash, &said.dhash), err);
    }
    /* A picture of another size than the video's is stretched to it, whole. */
    if (frame->width != extract->info.width || frame->height != extract->info.height)
        box = (struct ori_box){0, 0, extract->info.width, extract->info.height};
    status = say_frame(extract, held, &box, &said, err);
    if (status == ORI_OK)
        row->frames++;
    return status;
}

static ori_status say_oldest(struct extract *extract, struct ori_error *err)
{
    struct extract_held held = extract->held[0];
    struct extract_scene *row = NULL;
    int64_t start_us = ori_clock_us();
    int64_t waited_us = extract->side->wait_us;
    extract->held_count--;
    extract->held_bytes -= bytes_of(held.frame);
    memmove(extract->held, extract->held + 1, extract->held_count * sizeof held);
    ori_status status = scene_row(extract, held.scene, &row, err);
    if (status == ORI_OK)
        status = say_or_drop(extract, &held, row, err);
    ori_frame_unref(&held.frame);
    extract->still_us += ori_clock_us() - start_us - (extract->side->wait_us - waited_us);
    return status;
}

static ori_status say_scene(struct extract *extract, struct extract_scene *row,
                            struct ori_error *err)
{
    struct ori_box box = {0, 0, extract->width, extract->height};
    if (row->has_box)
        box = row->box;
    else
        choose_box(extract, &row->scene.borders, &box);
    struct ori_msg_scene message = {
        .type = ORI_MSG_SCENE,
        .index = row->scene.index,
        .start_us = row->scene.start_us > 0 ? row->scene.start_us : 0,
        .end_us = row->scene.end_us > 0 ? row->scene.end_us : 0,
        .duplicate_of = row->frames ? 0 : row->scene.duplicate_of,
        .crop = ori_video_upright_box(&extract->info, &box),
    };
    return ori_child_side_send(extract->side, &message, sizeof message, err);
}

/* Says the scenes at the front that ended and have no frame waiting. */
static ori_status say_scenes(struct extract *extract, struct ori_error *err)
{
    size_t n = 0;
    ori_status status = ORI_OK;
    uint32_t waiting = extract->held_count ? extract->held[0].scene : UINT32_MAX;
    while (status == ORI_OK && n < extract->scene_count && extract->scenes[n].has_ended &&
           extract->scenes[n].scene.index < waiting)
        status = say_scene(extract, &extract->scenes[n++], err);
    extract->scenes_said += (uint32_t)n;
    extract->scene_count -= n;
    memmove(extract->scenes, extract->scenes + n, extract->scene_count * sizeof *extract->scenes);
    return status;
}

ori_status extract_flush(struct extract *extract, bool is_end, struct ori_error *err)
{
    bool may_say = is_end || extract->chosen >= (size_t)extract->options->min_frames;
    ori_status status = ORI_OK;
    if (!may_say)
        return ORI_OK;
    while (status == ORI_OK && extract->held_count &&
           (is_end || extract->held_bytes > ORI_LIMIT_MAX_HELD_BYTES))
        status = say_oldest(extract, err);
    if (status == ORI_OK && is_end)
        status = extract_shot_returns(extract, err);
    /* Before the end, scenes wait with their frames: only a full hold makes room. */
    if (status == ORI_OK && (is_end || extract->said_count))
        status = say_scenes(extract, err);
    return status;
}

void extract_emit_deinit(struct extract *extract)
{
    for (size_t i = 0; i < extract->held_count; i++)
        ori_frame_unref(&extract->held[i].frame);
    for (size_t i = 0; i < extract->returns_count; i++)
        ori_frame_unref(&extract->returns[i].frame);
    free(extract->returns);
    free(extract->held);
    free(extract->scenes);
    free(extract->said);
    free(extract->rgb.data);
}
