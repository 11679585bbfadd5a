#pragma once
/* vision/choose.h: which frames of a streaming video are kept, and for which scene.
 * Idea        the video is seen as windows of 0.4 s; of each, the sharpest settled frame stands for
 *             it. Once the scene detector is sure about a window, it joins its scene, and its
 *             novelty against what the scene has kept decides: what nothing kept explains begins an
 *             event; of an event the best frame is kept, when the event is over or has lasted for a
 *             while. So a scene gives its first frame, a still room none more, and each visitor one
 *             or a few
 * Returns     a window that an earlier scene has shown (a shot that comes back) was judged there
 *             and is known from the start, so the scene keeps none of its own: duplicate_of
 * Fillers     while fewer than min_frames are kept, evenly spread frames are remembered; at the end
 *             they fill up
 * Call order  create; for each frame: begin_scene where it is told to, push, offer when push says so, then take choices and scenes;
 *             finish; take the rest; destroy
 * Ownership   pictures are opaque: offer gives one reference to the chooser; a taken choice gives
 *             one to the caller; the rest are dropped with ops.unref
 * Memory      at most windows_max + 2 * min_frames + 3 pictures at a time, 2 KB a kept frame, and
 *             13 MB for itself at most
 * Threads     one at a time
 * Failure     ORI_NOMEM from push; ORI_LIMIT never: past kept_max nothing more is kept, and is_full
 *             says so
 * Units       pts in microseconds, increasing; scenes count from 1 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/status.h"
#include "vision/borders.h"
#include "vision/scenes.h"
#include "vision/signature.h"

struct ori_chooser;

struct ori_picture_ops {
    void *(*ref)(void *picture); /* NULL when memory ran out */
    void (*unref)(void *picture);
};

struct ori_chooser_options {
    struct ori_scenes_options scenes;
    bool is_told;       /* scenes begin where ori_chooser_begin_scene says, and nowhere else */
    bool wants_returns; /* a choice more for each scene that returns to an earlier one's picture */
    double sample_fps;  /* a long scene is looked at no more rarely than this: bounds an event */
    int min_frames;
    bool has_dedup;
    int dedup_distance; /* of dhashes of 8 x 8 */
    size_t windows_max; /* 4..: pictures waiting for the scene detector */
    size_t kept_max;
    uint32_t scenes_max; /* from then on all is one scene */
    struct ori_picture_ops ops;
};

struct ori_choice {
    void *picture;
    int64_t pts_us;
    uint32_t scene;
    bool is_filler;
    uint32_t return_of; /* not 0: not kept; the scene that shows it already. See wants_returns */
};

struct ori_scene {
    uint32_t index;
    int64_t start_us;
    int64_t end_us;        /* begin of the next one */
    uint32_t duplicate_of; /* 0: it has frames of its own, or nothing to show */
    struct ori_borders borders;
};

ori_status ori_chooser_create(const struct ori_chooser_options *options,
                              struct ori_chooser **ret_chooser, struct ori_error *err);
void ori_chooser_destroy(struct ori_chooser **chooser);

/* With is_told alone: the frame pushed next is the first of a scene. No flash, no fade is looked for. */
void ori_chooser_begin_scene(struct ori_chooser *chooser, int64_t pts_us, double score);
/* borders: this frame's, NULL when nobody looks for them. ret_is_wanted: offer the picture now. */
ori_status ori_chooser_push(struct ori_chooser *chooser, const struct ori_thumb *thumb,
                            int64_t pts_us, const struct ori_borders *borders, bool *ret_is_wanted,
                            struct ori_error *err);
/* The frame pushed last. picture: taken; sharpness: see quality.h. */
void ori_chooser_offer(struct ori_chooser *chooser, void *picture, double sharpness);
/* end_us: the end of the last frame. */
ori_status ori_chooser_finish(struct ori_chooser *chooser, int64_t end_us, struct ori_error *err);

/* Choices of a scene come before its end, in order of time; fillers come last of all, in order of
 * time among themselves. False when there is none now. */
bool ori_chooser_take(struct ori_chooser *chooser, struct ori_choice *ret_choice);
bool ori_chooser_take_scene(struct ori_chooser *chooser, struct ori_scene *ret_scene);
/* See ori_scenes_take_score; none with is_told. */
bool ori_chooser_take_score(struct ori_chooser *chooser, int64_t *ret_pts_us, double *ret_score);
/* Borders of the scene that has not ended, as far as its windows have joined. */
struct ori_borders ori_chooser_open_borders(const struct ori_chooser *chooser);
bool ori_chooser_is_full(const struct ori_chooser *chooser);
