#pragma once
/* vision/scenes.h: where one scene ends and the next begins, found while the frames stream by.
 * Call order  create; push every frame in order of time, taking boundaries after each push;
 *             finish; take the rest; destroy
 * Memory      fixed: 64 + 36 thumbs, whatever the video's length
 * Delay       a decision needs to see what follows: everything before ori_scenes_settled_us is
 *             final. It lies at most 36 samples (80 ms or the next whole frame apart) and 0.3 s
 *             behind the newest frame: 3.2 to 4 s from 24 fps up, more below, and as long as a
 *             blank stretch lasts
 * Threads     one at a time
 * Kinds       CUT      unlikeness to the frame before, less what its neighbours show (so that
 *                      motion does not count), at or over the threshold; not when the old
 *                      picture is back within 0.3 s (a flash), nor when only the light changed
 *             GRADUAL  frames in between are mixtures of two unlike pictures: dissolve or wipe
 *                      (the linear-mixture model of Hampapur, Jain & Weymouth 1994, ACM
 *                      Multimedia, with a share for each block, so that wipes fit it too)
 *             BLANK    the picture went to one colour and came back: a fade, or black between
 * Blank       frames of one colour belong to no side: the boundary lies in their middle; a video
 *             that begins or ends blank has no boundary there
 * Threshold   0..1, 0.22 as tuned; see `oriane run --help` for its meaning
 * Checked by  tests/unit/vision_scenes_test.c, tests/e2e (clips with known truth) */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/status.h"
#include "vision/thumb.h"

struct ori_scenes;

struct ori_scenes_options {
    double threshold; /* 0..1 */
    double solid_std; /* a frame whose luma and chroma deviate less is blank */
};

enum ori_boundary_kind {
    ORI_BOUNDARY_CUT = 1,
    ORI_BOUNDARY_GRADUAL,
    ORI_BOUNDARY_BLANK,
    ORI_BOUNDARY_FLASH /* no boundary: [from_us, to_us) is a flash, or a fade from or to one colour */
};

struct ori_boundary {
    enum ori_boundary_kind kind;
    int64_t pts_us;  /* first frame of the new scene */
    int64_t from_us; /* frames in [from_us, to_us) are in a transition; none for cuts */
    int64_t to_us;
    double score;
};

ori_status ori_scenes_create(const struct ori_scenes_options *options,
                             struct ori_scenes **ret_scenes, struct ori_error *err);
void ori_scenes_destroy(struct ori_scenes **scenes);

/* pts_us must increase. ret_change: unlikeness to the frame before, 0..1 (0 for the first). */
void ori_scenes_push(struct ori_scenes *scenes, const struct ori_thumb *thumb, int64_t pts_us,
                     double *ret_change);
void ori_scenes_finish(struct ori_scenes *scenes);
/* The next boundary in order of time; false when there is none yet. */
bool ori_scenes_take(struct ori_scenes *scenes, struct ori_boundary *ret_boundary);
/* Boundaries with pts_us before this time have all been found; INT64_MAX after finish. */
int64_t ori_scenes_settled_us(const struct ori_scenes *scenes);

/* What a frame was decided on: its unlikeness less what its neighbours show, on the scale of the
 * threshold. In order of time; blank frames have none. Those nobody takes are forgotten. */
bool ori_scenes_take_score(struct ori_scenes *scenes, int64_t *ret_pts_us, double *ret_score);

bool ori_thumb_is_blank(const struct ori_thumb *thumb, double solid_std);
