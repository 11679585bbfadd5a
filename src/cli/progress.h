#pragma once
/* cli/progress.h: the one line that says how far a run, or a download, is.
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

/* A list that is posted to a server, and then waited for. */
struct ori_progress_submit {
    const char *trouble; /* said first; NULL: none */
    size_t videos;       /* posted; or ended, when waited for */
    size_t total;        /* of the jobs that are waited for; 0: the list is posted */
    double share;        /* of the list, while it is posted; negative: nobody knows */
    size_t jobs;
    size_t jobs_ended;
    size_t failed;
    int64_t elapsed_us;
};
/* "[##--]  2000 posted   40%  2 jobs  0:03 left"; "[##--]  9/2000 videos   0%  0 of 2 jobs  1 failed",
 * likewise cut to width. */
void ori_progress_render_submit(const struct ori_progress_submit *submit, size_t width,
                                char ret_line[ORI_PROGRESS_BYTES]);

/* Files that come over the network. */
struct ori_progress_load {
    const char *file;
    int64_t bytes;
    int64_t bytes_total;
    int64_t bytes_loaded; /* of bytes: by this process, so that the speed is the network's */
    int64_t elapsed_us;
};
/* "[####----]  model.safetensors  51%  312 of 605 MB  23.4 MB/s  0:12 left", likewise cut to width. */
void ori_progress_render_load(const struct ori_progress_load *load, size_t width,
                              char ret_line[ORI_PROGRESS_BYTES]);

/* "17 bytes", "4.2 kB", "605 MB", "1.7 GB": powers of 1000. */
#define ORI_PROGRESS_SIZE_BYTES 24
void ori_progress_size(int64_t bytes, char ret_text[ORI_PROGRESS_SIZE_BYTES]);

/* "0:07", "1:02:03". */
#define ORI_DURATION_BYTES 24
void ori_progress_duration(int64_t us, char ret_text[ORI_DURATION_BYTES]);
