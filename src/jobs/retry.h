#pragma once
/* jobs/retry.h: what becomes of an item whose attempt failed.
 * Classes   never  the video's own fault, or the request's: the same would come again
 *           soon   a decode process that crashed or talked nonsense, a timeout, a backend: 1 s to
 *                  30 s
 *           later  a store, the network, a full disk, memory: what is outside must change: 5 s to
 *                  10 min
 *           outage a store that is not there at the moment: says nothing of the video, so it does not
 *                  count as an attempt; 1 s to 60 s, as often as lost
 *           lost   handed back at shutdown, a lease that ran out, a decode process killed by
 *                  SIGKILL from outside: does not count as an attempt, 0.2 s to 60 s; past
 *                  ORI_LIMIT_MAX_ITEM_LOSSES it is ORI_LOST
 * Backoff   net/backoff.h; later for as long as another server asks, if that is longer
 * Threads   pure; any thread */
#include "stores/jobs.h"
#include "util/status.h"

enum ori_retry_class {
    ORI_RETRY_NEVER,
    ORI_RETRY_SOON,
    ORI_RETRY_LATER,
    ORI_RETRY_LOST,
    ORI_RETRY_OUTAGE
};

/* From every row of status_tbl.h; err for what a decode process died of. */
enum ori_retry_class ori_retry_class_of(ori_status status, const struct ori_error *err);

struct ori_retry_question {
    ori_status status; /* not ORI_OK */
    const struct ori_error *err;
    int attempts; /* that counted, before this one */
    int losses;
    int attempts_max; /* JOB_MAX_ATTEMPTS */
    int64_t now_us;
    uint32_t random;
};
/* Fills kind, not_before_us and error; message is left alone. */
void ori_retry_decide(const struct ori_retry_question *question,
                      struct ori_job_outcome *ret_outcome);
