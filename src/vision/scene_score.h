#pragma once
/* vision/scene_score.h: the scene score of ffmpeg's select filter, picture after picture.
 * Meaning    mafd: mean absolute difference of a picture's samples to those of the one before, on
 *            the scale of 8 bits. score: the smaller of mafd and of its change since the last
 *            picture, in hundreds, 0..1. So steady motion has a high mafd and a low score
 * Begin      0 for the first picture, and for one of another size or depth, after which all begins
 *            anew: ffmpeg makes a new filter then
 * Source     FFmpeg 5.1, libavfilter/f_select.c (read for its formula; the code here is our own)
 * Memory     a copy of one picture's samples
 * Threads    one at a time
 * Checked by tests/unit/vision_scene_score_test.c by hand; tests/e2e/test_classic.py against ffmpeg,
 *            digit by digit */
#include "util/plane.h"
#include "util/status.h"

struct ori_scene_score; /* zero-initialised by create */

ori_status ori_scene_score_create(struct ori_scene_score **ret_score, struct ori_error *err);
void ori_scene_score_destroy(struct ori_scene_score **score); /* null-safe, nulls */

/* ORI_OK or ORI_NOMEM. */
ori_status ori_scene_score_push(struct ori_scene_score *score, const struct ori_samples *samples,
                                double *ret_score, struct ori_error *err);
