#pragma once
/* media/groups_priv.h: a stream read group by group, so that what a planner does not want is never
 * decoded (video.h, struct ori_group_planner).
 * Flow       the packets of a group are collected up to the next key frame; that key frame is decoded
 *            alone, by a second decoder, the scout; the planner sees both key frames and the sizes in
 *            between. What it wants goes through the video's decoder, from the key frame on; what it
 *            skips is followed by stand-ins. No byte is read twice and nothing is sought
 * Whole      is decoded: a group without a key frame at its front, one past a limit, one with a packet
 *            that has no time, one whose key frames cannot be decoded; all of a stream whose codec is
 *            not known to have groups, whose pictures may be two fields, or that changes its
 *            parameters on its way
 * Open       groups: pictures that are coded after a key frame but shown before it are made from the
 *            group before as well: they are decoded where that was decoded to its end, else left out
 * Stand-ins  the first and last three of those left out, and one in 80 ms between: enough for whoever
 *            looks for changes
 * Memory     coded: ORI_LIMIT_MAX_GROUP_BYTES at most; decoded: what a second decoder holds for one
 *            picture, and three pictures
 * Threads    the video's */
#include "media/video_priv.h"

struct ori_groups;

/* Borrows video, which has its stream and decoder, and planner. */
ori_status ori_groups_create(struct ori_video *video, const struct ori_group_planner *planner,
                             struct ori_groups **ret_groups, struct ori_error *err);
void ori_groups_destroy(struct ori_groups **groups); /* null-safe, nulls */
/* As ori_video_next. */
ori_status ori_groups_next(struct ori_groups *groups, struct ori_frame **ret_frame,
                           struct ori_error *err);
struct ori_video_groups ori_groups_tally(const struct ori_groups *groups);
