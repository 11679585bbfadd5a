#pragma once
/* pipeline/runner.h: many videos over a few threads, each through ori_item_run.
 * Call order  start; poll fd, take results and look at progress until is_done; stop
 * Ownership   options, works and what they point to are borrowed until stop; a result taken is the
 *             caller's: ori_runner_result_destroy
 * Order       results come as videos finish
 * Cancel      no new video is begun and running ones end (item.h); results still come for those.
 *             stop before is_done waits for the running videos, so set the token first
 * Threads     all functions from one thread; the workers are the runner's own, named and joined
 * Limits      a few results wait at most; then the workers wait for the caller */
#include <stdbool.h>
#include <stddef.h>

#include "pipeline/item.h"

struct ori_runner;

/* One video. With a status other than ORI_OK it failed before it began: the result says so. */
struct ori_runner_work {
    const char *path;                     /* absolute; NULL: it is far away */
    const struct ori_medium_place *place; /* then where; else NULL */
    const char *platform;                 /* usually "local" */
    const char *code;                     /* NULL: made of path */
    ori_status status;
    const char *message;
};

struct ori_runner_options {
    const struct ori_item_environment *environment;
    const struct ori_cancel *cancel;
    const struct ori_runner_work *works;
    size_t works_count;
    int workers; /* 1..256; no more are started than there are videos */
    bool is_forced;
    const char *scores;        /* where score tracks go; NULL: nowhere */
    bool is_scores_folder;     /* as platform/code.jsonl in there; else the only video's file */
    const char *reports;       /* folder of report pages: platform/code.html; NULL: none */
    const struct ori_log *log; /* each video's own prefix is added; NULL: says nothing */
};

struct ori_runner_result {
    size_t work; /* which of works */
    struct ori_item_result item;
    struct ori_runner_result *next; /* private */
};
void ori_runner_result_destroy(struct ori_runner_result **result); /* null-safe, nulls */

struct ori_runner_progress {
    size_t ended; /* of works_count; with skipped and failed ones */
    size_t skipped;
    size_t failed;
    size_t running;
    double running_share; /* sum of the running videos' parts done, each 0..1 */
    uint64_t frames;      /* kept in this run so far */
    int64_t media_us;     /* time of video worked through in this run so far */
};

ori_status ori_runner_start(const struct ori_runner_options *options,
                            struct ori_runner **ret_runner, struct ori_error *err);
void ori_runner_stop(struct ori_runner **runner); /* joins; null-safe, nulls */

int ori_runner_fd(const struct ori_runner *runner);                   /* readable: take */
struct ori_runner_result *ori_runner_take(struct ori_runner *runner); /* NULL: none now */
bool ori_runner_is_done(struct ori_runner *runner); /* all ended and all results taken */
void ori_runner_progress(struct ori_runner *runner, struct ori_runner_progress *ret_progress);
