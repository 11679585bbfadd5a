#pragma once
/* pipeline/skim.h: which stretches of a video need no decoding: the planner of VP_SPEED=fast and turbo.
 * Turbo      nothing but key frames
 * Fast       from the newest picture to the next key frame is skipped where both look alike, or where
 *            the next one is a cut, and what is coded in between is small: a change that prediction
 *            cannot make costs bytes. Asked again every few pictures, so that a group is decoded no
 *            further than to where that holds
 *            After a cut a little is decoded in any case: it may be a flash, and the frame that is kept
 *            of a scene should not be its first
 * Misses     what comes and goes between two key frames that look alike without costing bytes
 * Threads    one at a time */
#include <stdbool.h>
#include <stdint.h>

#include "media/child_proto.h"
#include "media/video.h"
#include "vision/thumb.h"

struct ori_skim {
    enum ori_speed speed;
    double downscale;
    struct ori_thumb newest;
    struct ori_thumb next;
    int64_t next_us; /* which key frame next is of; -1: none */
    int64_t
        look_until_us; /* a scene began: whether it stays, and how it looks once it is settled */
    size_t before;     /* pictures of the group before, 0: there was none */
    size_t longest;    /* of all groups before */
    size_t count;      /* of the group at hand */
};

void ori_skim_init(struct ori_skim *ret_skim, enum ori_speed speed, double downscale);

/* What sizes say of the pictures that were not decoded. Only those count that are shown after all that
 * were coded before them: B frames are small whatever happens. Pure. */
struct ori_skim_sizes {
    double share;    /* of the largest in the larger of the two key frames; 0: there are none */
    double spike;    /* the largest in what is usual in the group */
    double swell;    /* the largest mean of a few in a row in what is usual */
    bool is_at_hand; /* a large one lies in the next step, or just before it */
};
struct ori_skim_sizes ori_skim_sizes_of(const struct ori_group_rest *rest);

/* plan of struct ori_group_planner; self is the skim. */
ori_status ori_skim_ask(void *self, struct ori_video *video, const struct ori_group_rest *rest,
                        enum ori_group_plan *ret_plan, struct ori_error *err);
