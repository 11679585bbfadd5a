#pragma once
/* jobs/scheduler.h: the workers that take items from the job store and run them.
 * Threads    VP_MAX_WORKERS workers, each claims an item, runs ori_item_run, finishes the claim; one
 *            that beats: every second it renews leases, stores progress, sees what is to be stopped,
 *            takes back lapsed leases, wakes a worker that overran its time, and now and then
 *            deletes what is older than JOB_RETENTION_DAYS
 * Order      who is next is the job store's matter (stores/jobs.h, claim)
 * Waiting    idle workers wait for wake, or for the moment the store named; nothing is polled faster
 *            than once in half a second
 * Engine     while there is none (no model yet) nothing is claimed
 * Store down an item that cannot be finished because the store fails (a full disk) is finished as
 *            soon as it can be; the worker waits with it, nothing new is claimed
 * Call order create; wake, stop_job from any thread; drain; destroy
 * Stop       within 2 s: the item's token is set, its decode process killed
 * Drain      nothing new is claimed; running items may end until the deadline, then their tokens
 *            are set and they are handed back */
#include <stdbool.h>
#include <stdint.h>

#include "config/live.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "net/client.h"
#include "pipeline/engine.h"
#include "stores/jobs.h"
#include "util/cancel.h"

struct ori_scheduler;

struct ori_scheduler_options {
    struct ori_live *live;
    struct ori_job_store *store;
    struct ori_metrics *metrics; /* may be NULL */
    const struct ori_log *log;
    struct ori_cancel *cancel; /* of the process */
    /* The engine once there is one, else NULL; asked before each claim. */
    const struct ori_engine *(*engine)(void *self);
    void *engine_self;
    /* After each item that was finished, on a worker's thread; only to wake somebody. May be NULL. */
    void (*on_finished)(void *self);
    void *on_finished_self;
    /* An item ran into a store that is away; as on_finished. May be NULL. */
    void (*on_outage)(void *self);
    void *on_outage_self;
    const char *child_program; /* NULL: this program */
    struct ori_net_client
        *fetcher; /* of videos behind http and https URLs; NULL: none are fetched */
    const struct ori_network_list *allowed; /* URL_ALLOW_PRIVATE, as the fetcher has it */
};
ori_status ori_scheduler_create(const struct ori_scheduler_options *options,
                                struct ori_scheduler **ret_scheduler, struct ori_error *err);
/* Something to claim may be there, or the engine came. */
void ori_scheduler_wake(struct ori_scheduler *scheduler);
/* Cancels what runs of a job and waits until none of it does, or ORI_AGAIN at the deadline. */
ori_status ori_scheduler_stop_job(struct ori_scheduler *scheduler, int64_t job,
                                  int64_t deadline_us);
int ori_scheduler_busy(struct ori_scheduler *scheduler); /* workers that run an item */
int ori_scheduler_workers(const struct ori_scheduler *scheduler);
/* Returns when nothing runs any more: by itself until the deadline, by cancel after it. */
void ori_scheduler_drain(struct ori_scheduler *scheduler, int64_t deadline_us);
void ori_scheduler_destroy(struct ori_scheduler **scheduler); /* drains at once; null-safe, nulls */
