#include "vision/choose_priv.h"

#include <stdlib.h>
#include <string.h>

#include "vision/likeness.h"

#define LOOK_GAP_US 95000 /* looks are at most ten a second */
#define JUMP 0.3          /* change that may be a cut: a window never spans one */
#define MOTION_PENALTY 6.0

ori_status ori_chooser_create(const struct ori_chooser_options *options,
                              struct ori_chooser **ret_chooser, struct ori_error *err)
{
    ORI_ASSERT(options && ret_chooser && options->ops.ref && options->ops.unref);
    ORI_ASSERT(options->min_frames >= 0 && 2 * options->min_frames <= FILLERS_MAX);
    ORI_ASSERT(options->windows_max >= 4 && options->windows_max <= WINDOWS_MAX);
    ori_status status = ORI_OK;
    struct ori_chooser *chooser = calloc(1, sizeof *chooser);
    if (!chooser)
        return ori_error_set(err, ORI_NOMEM, "frame chooser");
    chooser->options = *options;
    chooser->windows = calloc(WINDOWS_MAX, sizeof *chooser->windows);
    chooser->judged = calloc(JUDGED_MAX, sizeof *chooser->judged); /* pages come as they are used */
    if (!chooser->windows || !chooser->judged) {
        status = ori_error_set(err, ORI_NOMEM, "frame chooser's windows");
        goto out;
    }
    status = ori_scenes_create(&options->scenes, &chooser->detector, err);
    if (status != ORI_OK)
        goto out;
    chooser->last_look_us = INT64_MIN / 2;
    chooser->filler_gap_us = WINDOW_US;
    *ret_chooser = chooser;
    chooser = NULL;
out:
    if (chooser)
        ori_chooser_destroy(&chooser);
    return status;
}

void chooser_drop(const struct ori_chooser *chooser, void **picture)
{
    if (*picture)
        chooser->options.ops.unref(*picture);
    *picture = NULL;
}

static struct window *window_at(struct ori_chooser *chooser, size_t i)
{
    return &chooser->windows[(chooser->window_first + i) % WINDOWS_MAX];
}

void chooser_drop_fillers(struct ori_chooser *chooser)
{
    for (size_t i = 0; i < chooser->filler_count; i++)
        chooser_drop(chooser, &chooser->fillers[i].picture);
    chooser->filler_count = 0;
}

void ori_chooser_destroy(struct ori_chooser **chooser)
{
    struct ori_chooser *c = *chooser;
    if (!c)
        return;
    for (size_t i = 0; i < c->window_count; i++)
        chooser_drop(c, &window_at(c, i)->picture);
    for (size_t i = 0; i < c->choice_count; i++)
        chooser_drop(c, &c->choices[i].picture);
    chooser_drop_fillers(c);
    chooser_drop(c, &c->best.picture);
    chooser_drop(c, &c->spare.picture);
    if (c->detector)
        ori_scenes_destroy(&c->detector);
    free(c->windows);
    free(c->judged);
    free(c->kept);
    free(c);
    *chooser = NULL;
}

/* Those that no window can touch any more. */
static void forget_marks(struct ori_chooser *chooser)
{
    int64_t oldest_us =
        chooser->window_count ? window_at(chooser, 0)->start_us : chooser->newest_us;
    size_t left = 0;
    for (size_t i = 0; i < chooser->mark_count; i++) {
        const struct ori_boundary *mark = &chooser->marks[i];
        int64_t last_us = mark->pts_us > mark->to_us ? mark->pts_us : mark->to_us;
        if (last_us + WINDOW_US >= oldest_us)
            chooser->marks[left++] = *mark;
    }
    chooser->mark_count = left;
}

static void add_mark(struct ori_chooser *chooser, const struct ori_boundary *mark)
{
    if (chooser->mark_count == MARKS_MAX)
        forget_marks(chooser);
    if (chooser->mark_count < MARKS_MAX)
        chooser->marks[chooser->mark_count++] = *mark;
}

static void take_marks(struct ori_chooser *chooser)
{
    struct ori_boundary boundary;
    while (!chooser->options.is_told && ori_scenes_take(chooser->detector, &boundary))
        add_mark(chooser, &boundary);
}

void ori_chooser_begin_scene(struct ori_chooser *chooser, int64_t pts_us, double score)
{
    const struct ori_boundary cut = {ORI_BOUNDARY_CUT, pts_us, pts_us, pts_us, score};
    ORI_ASSERT(chooser->options.is_told);
    add_mark(chooser, &cut);
    chooser->is_begin = true;
}

/* Ends the scenes that end at or before pts. */
static ori_status pass_boundaries(struct ori_chooser *chooser, int64_t pts_us,
                                  struct ori_error *err)
{
    for (size_t i = 0; i < chooser->mark_count; i++) {
        const struct ori_boundary *mark = &chooser->marks[i];
        if (mark->kind == ORI_BOUNDARY_FLASH || mark->pts_us > pts_us ||
            mark->pts_us <= chooser->scene.start_us ||
            chooser->scene.index >= chooser->options.scenes_max)
            continue;
        ori_status status = chooser_end_scene(chooser, mark->pts_us, err);
        if (status != ORI_OK)
            return status;
    }
    return ORI_OK;
}

/* A window that lies across a boundary counts for the borders of both scenes: the safe side. */
static ori_status settle_window(struct ori_chooser *chooser, struct window *window,
                                struct ori_error *err)
{
    ori_status status = pass_boundaries(chooser, window->start_us, err);
    if (status != ORI_OK)
        return status;
    ori_borders_merge(&chooser->scene.borders, &window->borders);
    uint32_t scene = chooser->scene.index;
    status = pass_boundaries(chooser, window->picture ? window->pts_us : window->start_us, err);
    if (status == ORI_OK)
        status = chooser_join_scene(chooser, window, err);
    if (status == ORI_OK)
        status = pass_boundaries(chooser, window->end_us, err);
    if (chooser->scene.index != scene)
        ori_borders_merge(&chooser->scene.borders, &window->borders);
    chooser_drop(chooser, &window->picture);
    return status;
}

static ori_status settle(struct ori_chooser *chooser, bool is_end, struct ori_error *err)
{
    take_marks(chooser);
    int64_t settled_us =
        chooser->options.is_told ? chooser->newest_us : ori_scenes_settled_us(chooser->detector);
    while (chooser->window_count > (is_end ? 0 : 1)) {
        struct window *window = window_at(chooser, 0);
        if (window->end_us >= settled_us && chooser->window_count < chooser->options.windows_max)
            break;
        ori_status status = settle_window(chooser, window, err);
        if (status != ORI_OK)
            return status;
        chooser->window_first = (chooser->window_first + 1) % WINDOWS_MAX;
        chooser->window_count--;
    }
    return ORI_OK;
}

static struct window *grow_window(struct ori_chooser *chooser, int64_t pts_us, double change)
{
    struct window *window =
        chooser->window_count ? window_at(chooser, chooser->window_count - 1) : NULL;
    bool is_jump = chooser->is_begin || (change > JUMP && change > 2 * chooser->usual_change);
    chooser->is_begin = false;
    if (window && pts_us - window->start_us < WINDOW_US && !is_jump)
        return window;
    window = window_at(chooser, chooser->window_count++);
    window->start_us = pts_us;
    window->picture = NULL;
    window->signature_count = 0;
    window->frames = 0;
    ori_borders_init(&window->borders);
    return window;
}

ori_status ori_chooser_push(struct ori_chooser *chooser, const struct ori_thumb *thumb,
                            int64_t pts_us, const struct ori_borders *borders, bool *ret_is_wanted,
                            struct ori_error *err)
{
    double change = 0;
    if (chooser->scene.index == 0) {
        chooser->begin_us = pts_us;
        chooser->scene = (struct ori_scene){.index = 1, .start_us = pts_us};
        ori_borders_init(&chooser->scene.borders);
    }
    if (!chooser->options.is_told)
        ori_scenes_push(chooser->detector, thumb, pts_us, &change);
    else if (chooser->newest.width)
        change = ori_unlikeness(&chooser->newest, thumb);
    struct window *window = grow_window(chooser, pts_us, change);
    window->end_us = pts_us;
    window->frames++;
    chooser->usual_change += 0.2 * (change - chooser->usual_change);
    chooser->newest = *thumb;
    chooser->newest_us = pts_us;
    chooser->newest_change = change;
    bool is_blank = ori_thumb_is_blank(thumb, chooser->options.scenes.solid_std);
    if (borders && !is_blank)
        ori_borders_merge(&window->borders, borders);
    if (chooser->options.has_dedup && !is_blank && window->signature_count < SIGNATURES_MAX) {
        size_t n = window->signature_count++;
        chooser_fingerprint(thumb, &window->signatures[n], &window->dhashes[n]);
    }
    *ret_is_wanted =
        !is_blank && (!window->picture || pts_us - chooser->last_look_us >= LOOK_GAP_US);
    return settle(chooser, false, err);
}

void ori_chooser_offer(struct ori_chooser *chooser, void *picture, double sharpness)
{
    ORI_ASSERT(picture && chooser->window_count);
    struct window *window = window_at(chooser, chooser->window_count - 1);
    double quality = (sharpness + 0.01) / (1 + MOTION_PENALTY * chooser->newest_change);
    chooser->last_look_us = chooser->newest_us;
    if (window->picture && quality <= window->quality) {
        chooser_drop(chooser, &picture);
        return;
    }
    chooser_drop(chooser, &window->picture);
    window->picture = picture;
    window->pts_us = chooser->newest_us;
    window->quality = quality;
    window->thumb = chooser->newest;
}

ori_status ori_chooser_finish(struct ori_chooser *chooser, int64_t end_us, struct ori_error *err)
{
    ori_scenes_finish(chooser->detector);
    ori_status status = settle(chooser, true, err);
    if (status == ORI_OK && chooser->scene.index) {
        status = pass_boundaries(chooser, chooser->newest_us, err);
        if (status == ORI_OK)
            status = chooser_end_scene(chooser, end_us, err);
        chooser_fill_up(chooser, end_us);
    }
    return status;
}

bool ori_chooser_take(struct ori_chooser *chooser, struct ori_choice *ret_choice)
{
    if (!chooser->choice_count)
        return false;
    *ret_choice = chooser->choices[0];
    memmove(chooser->choices, chooser->choices + 1,
            --chooser->choice_count * sizeof *chooser->choices);
    return true;
}

bool ori_chooser_take_scene(struct ori_chooser *chooser, struct ori_scene *ret_scene)
{
    if (!chooser->scene_count)
        return false;
    *ret_scene = chooser->scenes[0];
    memmove(chooser->scenes, chooser->scenes + 1, --chooser->scene_count * sizeof *chooser->scenes);
    return true;
}

bool ori_chooser_take_score(struct ori_chooser *chooser, int64_t *ret_pts_us, double *ret_score)
{
    return ori_scenes_take_score(chooser->detector, ret_pts_us, ret_score);
}

struct ori_borders ori_chooser_open_borders(const struct ori_chooser *chooser)
{
    return chooser->scene.borders;
}

bool ori_chooser_is_full(const struct ori_chooser *chooser)
{
    return chooser->kept_count >= chooser->options.kept_max;
}
