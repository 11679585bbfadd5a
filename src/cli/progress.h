#pragma once
/* cli/progress.h: the one line that says how far a run is.
 * Threads  pure; any thread */
#include <stddef.h>
#include <stdint.h>

#define ORI_PROGRESS_BYTES 256

struct ori_progress {
    size_t total; /* videos */
    size_t ended;
    size_t skipped;       /* of ended: took no time, and say nothing about the time that is left */
    double running_share; /* parts done of those that run */
    uint64_t frames;
    int64_t media_us;   /* time of video worked through */
    int64_t elapsed_us; /* since the run began */
};

/* 0..1. */
double ori_progress_share(const struct ori_progress *progress);
/* Time left in microseconds; -1 when nobody can know yet. */
int64_t ori_progress_left_us(const struct ori_progress *progress);

/* "[####----]  2/9 videos  31%  57 frames  12.3x  1:05 left", at most width characters: where that
 * is too narrow the bar goes first, then one fact after the other from the right. */
void ori_progress_render(const struct ori_progress *progress, size_t width,
                         char ret_line[ORI_PROGRESS_BYTES]);

/* "0:07", "1:02:03". */
#define ORI_DURATION_BYTES 24
void ori_progress_duration(int64_t us, char ret_text[ORI_DURATION_BYTES]);
