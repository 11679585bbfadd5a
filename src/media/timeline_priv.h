#pragma once
/* media/timeline_priv.h: the times of one stream's frames, made strictly increasing. Pure.
 * Rules, in order
 *   1 no time, or one past what a clock could say: one frame after the last
 *   2 the first frame is never before 0, nor a day after it
 *   3 back by half a second or more, twice running and advancing there: the clock was set back
 *     (joined streams, a wrap): goes on from the last frame; once only: one frame after the last
 *   4 forward by more than a day: one frame after the last, and the clock was set
 *   5 otherwise a time that does not advance is the last + 1 us, or one frame after the last when
 *     the time was only guessed from the order of decoding
 * Units  microseconds */
#include <stdbool.h>
#include <stdint.h>

#define ORI_TIME_UNKNOWN INT64_MIN

struct ori_timeline {
    int64_t last_us;
    int64_t offset_us; /* added to the stream's times since the clock was last set */
    int64_t frame_us;  /* distance of the last two frames that had times */
    int64_t back_us;   /* the time that went back, ORI_TIME_UNKNOWN when none did */
    bool has_frame;
};

/* frame_us <= 0: 40 ms. */
void ori_timeline_init(struct ori_timeline *timeline, int64_t frame_us);
/* time_us of the next frame or ORI_TIME_UNKNOWN; duration_us <= 0 when unknown. */
int64_t ori_timeline_place(struct ori_timeline *timeline, int64_t time_us, bool is_guess,
                           int64_t duration_us);
