#pragma once
/* pipeline/scores.h: the score track of one video as a file, and scenes found from it again.
 * File        JSON lines, UTF-8: a header, one line a frame in order of time, an end. docs/output.md
 *             describes them. A frame's "look" is base64 of a raw deflate stream (RFC 1951) of four
 *             bytes, the sides of luma and chroma, and the samples of luma, U and V, each less the
 *             same sample of the line before where the sides are the same (modulo 256)
 * Writing     beside its place, and renamed by finish: a file that stands there is whole
 * Retrying    VP_SCENE_DETECTOR, VP_SCENE_THRESH and VP_SOLID_STD: the detector of vision/scenes.h
 *             runs over the looks, so what it finds is what a run would find. VP_DOWNSCALE and
 *             VP_SPEED made the looks: others are ORI_BAD_SETTING
 * Trust       a file that is read is hostile: every length and number has its bound
 * Failure     of a writer: remembered, told by finish (DISK_FULL, IO, NOT_WRITABLE...). Of a reader:
 *             ORI_BAD_SCORES naming the line, ORI_LIMIT, those of files
 * Threads     one at a time */
#include <stdbool.h>
#include <stdint.h>

#include "config/settings.h"
#include "media/child_proto.h"
#include "pipeline/manifest.h"
#include "util/cancel.h"
#include "util/status.h"

struct ori_scores_writer;

/* path: a file that is made or replaced, with its folder. manifest: names of the video. */
ori_status ori_scores_create(const char *path, const struct ori_settings *settings,
                             const struct ori_manifest *manifest,
                             struct ori_scores_writer **ret_writer, struct ori_error *err);
void ori_scores_add(struct ori_scores_writer *writer, const struct ori_msg_score *score);
/* Of the frame added last. */
void ori_scores_add_look(struct ori_scores_writer *writer, const struct ori_msg_look *look);
/* Places the file. end_us: the end of the video. Nulls. */
ori_status ori_scores_finish(struct ori_scores_writer **writer, int64_t end_us,
                             struct ori_error *err);
void ori_scores_discard(struct ori_scores_writer **writer); /* leaves nothing; null-safe, nulls */

struct ori_scores_scene {
    int64_t start_us;
    int64_t end_us;
};
struct ori_scores_found {
    char source[256]; /* the video's file, as the header says */
    int64_t frames;
    int64_t end_us;
    struct ori_scores_scene *scenes;
    size_t scenes_count;
};
/* The scenes that a run with these settings would find. ret_found: the caller's, deinit it. */
ori_status ori_scores_find(const char *path, const struct ori_settings *settings,
                           const struct ori_cancel *cancel, struct ori_scores_found *ret_found,
                           struct ori_error *err);
void ori_scores_found_deinit(struct ori_scores_found *found); /* idempotent */
