/* jobs/scheduler.c: workers, the baton between them, stop and drain. One item is scheduler_item.c,
 * what happens every second is scheduler_beat.c. */
#include "jobs/scheduler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/scheduler_priv.h"
#include "net/backoff.h"
#include "util/clock.h"
#include "util/cond.h"

#define US_A_SECOND INT64_C(1000000)
#define LOOK_MIN_US (US_A_SECOND / 50) /* a store that names a moment that is past */
#define LOOK_MAX_US (60 * US_A_SECOND) /* the wall clock may be set */
#define RETRY_BASE_US (US_A_SECOND / 2)
#define RETRY_MAX_US (10 * US_A_SECOND)
/* Claims of a turn while others wait: a few rounds of all workers, so that a job of a handful of
 * videos is done in one turn. */
#define QUANTUM_A_WORKER 4

/* ---- waiting ---- */

void ori_worker_cancel(struct ori_worker *worker, enum ori_worker_why why)
{
    if (!worker->is_running || worker->why != ORI_WHY_NONE)
        return;
    worker->why = why;
    if (worker->has_token)
        ori_cancel_set(&worker->token);
}

static bool may_claim(const struct ori_scheduler *scheduler)
{
    return !scheduler->is_draining && !scheduler->is_claiming && scheduler->stuck == 0 &&
           !ori_cancel_is_set(&scheduler->halt) &&
           (scheduler->is_worth || ori_clock_us() >= scheduler->look_us);
}

/* The moment at which an idle worker looks up by itself. */
static int64_t nap_until(const struct ori_scheduler *scheduler)
{
    if (scheduler->is_draining || scheduler->is_claiming || scheduler->stuck > 0 ||
        ori_cancel_is_set(&scheduler->halt))
        return ORI_CLOCK_NO_DEADLINE;
    return scheduler->look_us;
}

/* ---- claiming ---- */

/* The moment of the monotonic clock for one of the wall clock, within bounds. */
static int64_t look_at(int64_t next_wall_us)
{
    int64_t wait_us = LOOK_MAX_US;
    if (next_wall_us != INT64_MAX)
        wait_us = next_wall_us - ori_clock_wall_us();
    if (wait_us < LOOK_MIN_US)
        wait_us = LOOK_MIN_US;
    if (wait_us > LOOK_MAX_US)
        wait_us = LOOK_MAX_US;
    return ori_clock_us() + wait_us;
}

static ori_status claim_next(struct ori_worker *worker, int64_t *ret_next_us, struct ori_error *err)
{
    struct ori_scheduler *scheduler = worker->scheduler;
    const struct ori_settings *settings = ori_live_ref(scheduler->options.live);
    const bool is_store_away =
        scheduler->options.is_store_away &&
        scheduler->options.is_store_away(scheduler->options.is_store_away_self);
    struct ori_job_claim_rules rules = {.jobs_max = (int)settings->pipeline_max_parallel_jobs,
                                        .quantum = QUANTUM_A_WORKER * (int)settings->vp_max_workers,
                                        .lease_us = ORI_LEASE_US,
                                        .now_us = ori_clock_wall_us(),
                                        .batch_size = (int)settings->vp_batch_size,
                                        .sleep_between_batches = settings->vp_sleep_between_batches,
                                        .is_store_away = is_store_away};
    int64_t begin_us = ori_clock_us();
    ori_status status =
        ori_job_store_claim(scheduler->options.store, &rules, &worker->claim, ret_next_us, err);
    ori_live_unref(scheduler->options.live, &settings);
    if (status == ORI_OK)
        ori_metrics_observe(scheduler->options.metrics, ORI_METRIC_CLAIM_SECONDS, 0,
                            (double)(ori_clock_us() - begin_us) / 1e6);
    return status;
}

/* With the lock: what a claim that gave nothing means for the next one. */
static void lay_down(struct ori_scheduler *scheduler, ori_status status, int64_t next_wall_us)
{
    if (status == ORI_AGAIN) {
        scheduler->claim_failures = 0;
        scheduler->look_us = look_at(next_wall_us);
        return;
    }
    scheduler->is_worth = false; /* not even after a wake: the store is unwell */
    scheduler->look_us = ori_clock_us() + ori_backoff_us(++scheduler->claim_failures, RETRY_BASE_US,
                                                         RETRY_MAX_US, ori_backoff_random());
}

/* With the lock: the item is the worker's, and the baton goes on. */
static void take_up(struct ori_worker *worker)
{
    struct ori_scheduler *scheduler = worker->scheduler;
    scheduler->claim_failures = 0;
    scheduler->is_worth = true;
    scheduler->running++;
    worker->is_running = true;
    worker->has_token = false;
    worker->is_overrun_told = false;
    worker->why = scheduler->is_draining ? ORI_WHY_DRAIN : ORI_WHY_NONE;
    worker->deadline_us = ORI_CLOCK_NO_DEADLINE;
    worker->permille = worker->claim.permille;
    worker->stage = "";
    ori_metrics_set(scheduler->options.metrics, ORI_METRIC_WORKERS_BUSY, 0, scheduler->running);
}

static void tell_claim_failure(struct ori_scheduler *scheduler, const struct ori_error *err,
                               int failures)
{
    if (failures == 1) /* once, not every ten seconds */
        ori_log_failure(&scheduler->log, ORI_LOG_ERROR, "claim.failed", err);
    else
        ori_log_failure(&scheduler->log, ORI_LOG_DEBUG, "claim.failed", err);
}

/* With the baton, without the lock. True: worker->claim is to be run with *ret_engine. */
static bool try_claim(struct ori_worker *worker, const struct ori_engine **ret_engine)
{
    struct ori_scheduler *scheduler = worker->scheduler;
    struct ori_error err = {0};
    int64_t next_us = INT64_MAX;
    ori_status status = ORI_AGAIN;
    pthread_mutex_lock(&scheduler->lock);
    uint64_t wakes = scheduler->wakes;
    pthread_mutex_unlock(&scheduler->lock);
    *ret_engine = scheduler->options.engine(scheduler->options.engine_self);
    if (*ret_engine)
        status = claim_next(worker, &next_us, &err);
    pthread_mutex_lock(&scheduler->lock);
    scheduler->is_worth = wakes != scheduler->wakes;
    if (status == ORI_OK)
        take_up(worker);
    else
        lay_down(scheduler, status, next_us);
    int failures = scheduler->claim_failures;
    scheduler->is_claiming = false;
    scheduler->claims_done++;
    pthread_cond_signal(&scheduler->wake);
    pthread_cond_broadcast(&scheduler->ended);
    pthread_mutex_unlock(&scheduler->lock);
    if (status != ORI_OK && status != ORI_AGAIN)
        tell_claim_failure(scheduler, &err, failures);
    return status == ORI_OK;
}

/* Waits for the baton; false at the end. */
static bool take_baton(struct ori_scheduler *scheduler)
{
    pthread_mutex_lock(&scheduler->lock);
    while (!scheduler->is_ending && !may_claim(scheduler))
        ori_cond_wait(&scheduler->wake, &scheduler->lock, nap_until(scheduler));
    bool is_mine = !scheduler->is_ending;
    if (is_mine) {
        scheduler->is_claiming = true;
        scheduler->claims_begun++;
    }
    pthread_mutex_unlock(&scheduler->lock);
    return is_mine;
}

static void put_down(struct ori_worker *worker)
{
    struct ori_scheduler *scheduler = worker->scheduler;
    if (scheduler->options.on_finished) /* first: after a drain nobody is called any more */
        scheduler->options.on_finished(scheduler->options.on_finished_self);
    pthread_mutex_lock(&scheduler->lock);
    worker->is_running = false;
    scheduler->running--;
    scheduler->is_worth = true; /* a turn, a twin or a place may be free now */
    scheduler->wakes++;
    ori_metrics_set(scheduler->options.metrics, ORI_METRIC_WORKERS_BUSY, 0, scheduler->running);
    pthread_cond_signal(&scheduler->wake);
    pthread_cond_broadcast(&scheduler->ended);
    pthread_mutex_unlock(&scheduler->lock);
}

static void *worker_thread(void *self)
{
    struct ori_worker *worker = self;
    const struct ori_engine *engine = NULL;
    while (take_baton(worker->scheduler)) {
        if (!try_claim(worker, &engine))
            continue;
        ori_worker_run(worker, engine);
        put_down(worker);
    }
    return NULL;
}

/* ---- the owner's side ---- */

static void init_locks(struct ori_scheduler *scheduler)
{
    pthread_mutex_init(&scheduler->lock, NULL); /* cannot fail with default attributes */
    ori_cond_init(&scheduler->wake);
    ori_cond_init(&scheduler->ended);
    ori_cond_init(&scheduler->beat);
}

static ori_status start_worker(struct ori_scheduler *scheduler, struct ori_error *err)
{
    struct ori_worker *worker = &scheduler->workers[scheduler->workers_count];
    char name[16];
    worker->scheduler = scheduler;
    int failed = pthread_create(&worker->thread, NULL, worker_thread, worker);
    if (failed)
        return ori_error_set_errno(err, failed, false, "starting a worker thread");
    snprintf(name, sizeof name, "worker-%d", scheduler->workers_count % ORI_WORKERS_MAX);
    pthread_setname_np(worker->thread, name);
    scheduler->workers_count++;
    return ORI_OK;
}

/* Fewer workers than asked for do the same work; none is a failure. */
static ori_status start_threads(struct ori_scheduler *scheduler, int workers, struct ori_error *err)
{
    ori_status status = ORI_OK;
    for (int i = 0; i < workers && status == ORI_OK; i++) {
        struct ori_error why = {0};
        status = start_worker(scheduler, &why);
        if (status == ORI_OK)
            continue;
        if (i == 0)
            return ori_error_set(err, status, "%s", why.text);
        ori_log_failure(&scheduler->log, ORI_LOG_WARN, "workers.fewer", &why);
    }
    int failed =
        pthread_create(&scheduler->beat_thread, NULL, ori_scheduler_beat_thread, scheduler);
    if (failed)
        return ori_error_set_errno(err, failed, false, "starting the beat thread");
    pthread_setname_np(scheduler->beat_thread, "beat");
    scheduler->has_beat = true;
    ori_metrics_set(scheduler->options.metrics, ORI_METRIC_WORKERS, 0, scheduler->workers_count);
    return ORI_OK;
}

ori_status ori_scheduler_create(const struct ori_scheduler_options *options,
                                struct ori_scheduler **ret_scheduler, struct ori_error *err)
{
    ORI_ASSERT(options->live && options->store && options->engine && options->cancel);
    struct ori_scheduler *scheduler = calloc(1, sizeof *scheduler);
    if (!scheduler)
        return ori_error_set(err, ORI_NOMEM, "scheduler");
    const struct ori_settings *settings = ori_live_ref(options->live);
    int workers = (int)settings->vp_max_workers;
    ori_live_unref(options->live, &settings);
    ORI_ASSERT(workers > 0 && workers <= ORI_WORKERS_MAX);
    scheduler->options = *options;
    if (options->log)
        scheduler->log = *options->log;
    scheduler->is_worth = true;
    ori_status status = ori_cancel_init(&scheduler->halt, options->cancel, err);
    if (status != ORI_OK) {
        free(scheduler);
        return status;
    }
    init_locks(scheduler);
    status = start_threads(scheduler, workers, err);
    if (status != ORI_OK)
        ori_scheduler_destroy(&scheduler);
    else
        *ret_scheduler = scheduler;
    return status;
}

void ori_scheduler_wake(struct ori_scheduler *scheduler)
{
    pthread_mutex_lock(&scheduler->lock);
    scheduler->wakes++;
    if (scheduler->claim_failures == 0)
        scheduler->is_worth = true;
    pthread_cond_signal(&scheduler->wake);
    pthread_mutex_unlock(&scheduler->lock);
}

/* With the lock: cancels what runs of the job; how many that are. */
static int cancel_job(struct ori_scheduler *scheduler, int64_t job)
{
    int running = 0;
    for (int i = 0; i < scheduler->workers_count; i++) {
        struct ori_worker *worker = &scheduler->workers[i];
        if (!worker->is_running || worker->claim.job != job)
            continue;
        ori_worker_cancel(worker, ORI_WHY_STOP);
        running++;
    }
    return running;
}

ori_status ori_scheduler_stop_job(struct ori_scheduler *scheduler, int64_t job, int64_t deadline_us)
{
    ori_status status = ORI_OK;
    pthread_mutex_lock(&scheduler->lock);
    /* A claim that was under way may have got an item of the job before it was stopped. */
    uint64_t begun = scheduler->claims_begun;
    while (cancel_job(scheduler, job) > 0 || scheduler->claims_done < begun) {
        if (ori_clock_us() >= deadline_us) {
            status = ORI_AGAIN;
            break;
        }
        ori_cond_wait(&scheduler->ended, &scheduler->lock, deadline_us);
    }
    pthread_mutex_unlock(&scheduler->lock);
    return status;
}

int ori_scheduler_busy(struct ori_scheduler *scheduler)
{
    pthread_mutex_lock(&scheduler->lock);
    int running = scheduler->running;
    pthread_mutex_unlock(&scheduler->lock);
    return running;
}

int ori_scheduler_workers(const struct ori_scheduler *scheduler)
{
    return scheduler->workers_count;
}

void ori_scheduler_drain(struct ori_scheduler *scheduler, int64_t deadline_us)
{
    pthread_mutex_lock(&scheduler->lock);
    scheduler->is_draining = true;
    while ((scheduler->running > 0 || scheduler->is_claiming) && ori_clock_us() < deadline_us)
        ori_cond_wait(&scheduler->ended, &scheduler->lock, deadline_us);
    for (int i = 0; i < scheduler->workers_count; i++)
        ori_worker_cancel(&scheduler->workers[i], ORI_WHY_DRAIN);
    if (scheduler->running > 0 || scheduler->is_claiming)
        ori_cancel_set(&scheduler->halt);
    while (scheduler->running > 0 || scheduler->is_claiming)
        pthread_cond_wait(&scheduler->ended, &scheduler->lock);
    pthread_mutex_unlock(&scheduler->lock);
}

void ori_scheduler_destroy(struct ori_scheduler **scheduler)
{
    if (!scheduler || !*scheduler)
        return;
    struct ori_scheduler *it = *scheduler;
    ori_scheduler_drain(it, 0);
    pthread_mutex_lock(&it->lock);
    it->is_ending = true;
    pthread_cond_broadcast(&it->wake);
    pthread_cond_broadcast(&it->beat);
    pthread_mutex_unlock(&it->lock);
    for (int i = 0; i < it->workers_count; i++)
        pthread_join(it->workers[i].thread, NULL);
    if (it->has_beat)
        pthread_join(it->beat_thread, NULL);
    pthread_cond_destroy(&it->beat);
    pthread_cond_destroy(&it->ended);
    pthread_cond_destroy(&it->wake);
    pthread_mutex_destroy(&it->lock);
    ori_cancel_deinit(&it->halt);
    free(it);
    *scheduler = NULL;
}
