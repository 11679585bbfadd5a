#include "media/timeline_priv.h"

static const int64_t second_us = 1000000;
static const int64_t back_us = 500000;
static const int64_t day_us = 86400 * 1000000LL;
static const int64_t sane_us = 1000000000000000LL; /* 31 years */

void ori_timeline_init(struct ori_timeline *timeline, int64_t frame_us)
{
    *timeline = (struct ori_timeline){.back_us = ORI_TIME_UNKNOWN};
    timeline->frame_us = frame_us > 0 && frame_us <= 10 * second_us ? frame_us : 40000;
}

static int64_t one_frame_on(const struct ori_timeline *timeline, int64_t duration_us)
{
    bool is_sane = duration_us > 0 && duration_us <= 10 * second_us;
    return timeline->last_us + (is_sane ? duration_us : timeline->frame_us);
}

static int64_t place_first(struct ori_timeline *timeline, int64_t time_us)
{
    if (time_us == ORI_TIME_UNKNOWN || time_us < 0)
        return 0;
    if (time_us > day_us) {
        timeline->offset_us = -time_us;
        return 0;
    }
    return time_us;
}

/* The clock went back: believed at the second frame that goes on from there. */
static int64_t place_back(struct ori_timeline *timeline, int64_t time_us, int64_t next_us)
{
    int64_t advance_us = time_us - timeline->back_us;
    if (timeline->back_us != ORI_TIME_UNKNOWN && advance_us > 0 && advance_us <= 10 * second_us) {
        next_us = timeline->last_us + advance_us;
        timeline->offset_us = next_us - time_us;
        timeline->back_us = ORI_TIME_UNKNOWN;
    } else {
        timeline->back_us = time_us;
    }
    return next_us;
}

static int64_t place_later(struct ori_timeline *timeline, int64_t time_us, bool is_guess,
                           int64_t duration_us)
{
    int64_t next_us = one_frame_on(timeline, duration_us);
    if (time_us == ORI_TIME_UNKNOWN)
        return next_us;
    int64_t placed_us = time_us + timeline->offset_us;
    if (placed_us <= timeline->last_us - back_us)
        return place_back(timeline, time_us, next_us);
    timeline->back_us = ORI_TIME_UNKNOWN;
    if (placed_us - timeline->last_us > day_us) {
        timeline->offset_us = next_us - time_us;
        return next_us;
    }
    if (placed_us > timeline->last_us) {
        int64_t advance_us = placed_us - timeline->last_us;
        if (advance_us >= 1000 && advance_us <= 10 * second_us)
            timeline->frame_us = advance_us;
        return placed_us;
    }
    return is_guess ? next_us : timeline->last_us + 1;
}

int64_t ori_timeline_place(struct ori_timeline *timeline, int64_t time_us, bool is_guess,
                           int64_t duration_us)
{
    if (time_us < -sane_us || time_us > sane_us)
        time_us = ORI_TIME_UNKNOWN;
    timeline->last_us = timeline->has_frame ? place_later(timeline, time_us, is_guess, duration_us)
                                            : place_first(timeline, time_us);
    timeline->has_frame = true;
    return timeline->last_us;
}
