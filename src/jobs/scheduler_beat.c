/* jobs/scheduler_beat.c: what happens every second: leases, progress, stops, the watchdog, lapsed
 * claims, old jobs. */
#include <string.h>

#include "jobs/scheduler_priv.h"
#include "util/clock.h"
#include "util/cond.h"

#define US_A_SECOND INT64_C(1000000)
#define BEAT_US US_A_SECOND
#define RECLAIM_BEATS 5
#define EXPIRE_BEATS 60
#define EXPIRE_JOBS 50 /* a beat: so that a great many never hold up the leases */
#define DAY_US (INT64_C(86400) * US_A_SECOND)

struct beats {
    struct ori_scheduler *scheduler;
    uint64_t number;
    bool is_expiring; /* the last time there were more */
    bool is_failing;  /* told once */
    size_t count;
    struct ori_worker *workers[ORI_WORKERS_MAX];
    struct ori_job_beat rows[ORI_WORKERS_MAX];
};

static void collect(struct beats *beats)
{
    struct ori_scheduler *scheduler = beats->scheduler;
    beats->count = 0;
    pthread_mutex_lock(&scheduler->lock);
    for (int i = 0; i < scheduler->workers_count; i++) {
        struct ori_worker *worker = &scheduler->workers[i];
        if (!worker->is_running)
            continue;
        beats->workers[beats->count] = worker;
        beats->rows[beats->count++] = (struct ori_job_beat){.item = worker->claim.item,
                                                            .fence = worker->claim.fence,
                                                            .permille = worker->permille,
                                                            .stage = worker->stage};
    }
    pthread_mutex_unlock(&scheduler->lock);
}

/* What the store said of each; a worker may be at another item by now. */
static void obey(struct beats *beats)
{
    pthread_mutex_lock(&beats->scheduler->lock);
    for (size_t i = 0; i < beats->count; i++) {
        struct ori_worker *worker = beats->workers[i];
        const struct ori_job_beat *row = &beats->rows[i];
        if (!worker->is_running || worker->claim.item != row->item ||
            worker->claim.fence != row->fence)
            continue;
        if (row->is_lost)
            ori_worker_cancel(worker, ORI_WHY_GONE);
        else if (row->is_stopped)
            ori_worker_cancel(worker, ORI_WHY_STOP);
    }
    pthread_mutex_unlock(&beats->scheduler->lock);
}

/* The store's failures of this second: the first is told, the rest until it is well again not. */
static void tell(struct beats *beats, ori_status status, const struct ori_error *err)
{
    const struct ori_log *log = &beats->scheduler->log;
    if (status != ORI_OK && !beats->is_failing)
        ori_log_failure(log, ORI_LOG_ERROR, "job_store.failed", err);
    if (status == ORI_OK && beats->is_failing)
        ori_log_event(log, ORI_LOG_INFO, "job_store.well", NULL);
    beats->is_failing = status != ORI_OK;
}

static ori_status renew(struct beats *beats, int64_t now_us, struct ori_error *err)
{
    collect(beats);
    if (beats->count == 0)
        return ORI_OK;
    ori_status status = ori_job_store_beat(beats->scheduler->options.store, beats->rows,
                                           beats->count, ORI_LEASE_US, now_us, err);
    if (status == ORI_OK)
        obey(beats);
    return status;
}

/* After renew and with its moment: however the clock was set, what runs here is not lapsed. */
static ori_status reclaim(struct beats *beats, int64_t now_us, struct ori_error *err)
{
    int64_t count = 0;
    if (beats->number % RECLAIM_BEATS != 0)
        return ORI_OK;
    ori_status status = ori_job_store_reclaim(beats->scheduler->options.store, now_us, &count, err);
    if (status == ORI_OK && count > 0) {
        ori_log_event(&beats->scheduler->log, ORI_LOG_WARN, "claims.lapsed",
                      ORI_LOG_FIELDS(ori_log_int("items", count)));
        ori_scheduler_wake(beats->scheduler);
    }
    return status;
}

static ori_status expire(struct beats *beats, int64_t now_us, struct ori_error *err)
{
    struct ori_scheduler *scheduler = beats->scheduler;
    int64_t count = 0;
    if (!beats->is_expiring && beats->number % EXPIRE_BEATS != 1)
        return ORI_OK;
    const struct ori_settings *settings = ori_live_ref(scheduler->options.live);
    int64_t days = settings->job_retention_days;
    ori_live_unref(scheduler->options.live, &settings);
    if (days == 0)
        return ORI_OK;
    ori_status status = ori_job_store_expire(scheduler->options.store, now_us - days * DAY_US,
                                             EXPIRE_JOBS, &count, err);
    beats->is_expiring = status == ORI_OK && count == EXPIRE_JOBS;
    if (status == ORI_OK && count > 0)
        ori_log_event(&scheduler->log, ORI_LOG_INFO, "jobs.expired",
                      ORI_LOG_FIELDS(ori_log_int("jobs", count)));
    return status;
}

/* Items that are past the time at which they should have ended themselves. */
static void watch(struct beats *beats)
{
    struct ori_scheduler *scheduler = beats->scheduler;
    int overrun = 0;
    int64_t now_us = ori_clock_us();
    pthread_mutex_lock(&scheduler->lock);
    for (int i = 0; i < scheduler->workers_count; i++) {
        struct ori_worker *worker = &scheduler->workers[i];
        if (!worker->is_running || worker->is_overrun_told || now_us < worker->deadline_us)
            continue;
        worker->is_overrun_told = true;
        ori_worker_cancel(worker, ORI_WHY_OVERRUN);
        overrun++;
    }
    pthread_mutex_unlock(&scheduler->lock);
    if (overrun > 0)
        ori_log_event(&scheduler->log, ORI_LOG_ERROR, "items.overrun",
                      ORI_LOG_FIELDS(ori_log_int("items", overrun)));
}

static void beat(struct beats *beats)
{
    struct ori_error err = {0};
    int64_t now_us = ori_clock_wall_us();
    watch(beats);
    ori_status status = renew(beats, now_us, &err);
    if (status == ORI_OK)
        status = reclaim(beats, now_us, &err);
    if (status == ORI_OK)
        status = expire(beats, now_us, &err);
    tell(beats, status, &err);
    beats->number++;
}

/* Until the next beat is due; false at the end. */
static bool wait_for_beat(struct ori_scheduler *scheduler, int64_t due_us)
{
    pthread_mutex_lock(&scheduler->lock);
    while (!scheduler->is_ending && ori_clock_us() < due_us)
        ori_cond_wait(&scheduler->beat, &scheduler->lock, due_us);
    bool is_due = !scheduler->is_ending;
    pthread_mutex_unlock(&scheduler->lock);
    return is_due;
}

void *ori_scheduler_beat_thread(void *self)
{
    struct beats beats = {.scheduler = self};
    int64_t due_us = ori_clock_us() + BEAT_US;
    while (wait_for_beat(beats.scheduler, due_us)) {
        due_us = ori_clock_us() + BEAT_US;
        beat(&beats);
    }
    return NULL;
}
