/* jobs/scheduler_item.c: one claimed item: its source, its run, what becomes of it, the end of its
 * claim. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/retry.h"
#include "jobs/scheduler_priv.h"
#include "jobs/source.h"
#include "net/backoff.h"
#include "net/http_remote.h"
#include "net/s3_remote.h"
#include "pipeline/item.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/limits.h"

#define US_A_SECOND INT64_C(1000000)
#define OVERRUN_GRACE_US (30 * US_A_SECOND) /* past VP_ITEM_TIMEOUT, which the item itself sees */
#define WARNINGS_TOLD_MAX 5
#define FINISH_BASE_US (US_A_SECOND / 5)
#define FINISH_MAX_US (5 * US_A_SECOND)
#define FINISH_LAST_TRIES 3 /* at shutdown */
#define FINISH_LAST_GAP_MS 100
#define MESSAGE_BYTES (ORI_ERROR_TEXT_MAX + 2 * ORI_JOB_CODE_BYTES + 128)

struct attempt {
    struct ori_worker *worker;
    struct ori_scheduler *scheduler;
    const struct ori_job_claim *claim;
    const struct ori_settings *settings;
    const struct ori_engine *engine;
    struct ori_log log;
    struct ori_item_result result;
    enum ori_worker_why why;
    struct ori_job_outcome outcome;
    char message[MESSAGE_BYTES];
};

/* ---- progress ---- */

/* Where a stage begins on an item's way from 0 to 1000, and how far it goes. Decoding is what takes
 * the time; the others are short, whatever the video. */
static const struct {
    const char *stage;
    int begin;
    int end;
} shares[] = {{"open", 0, 5},      {"lock", 5, 10},        {"check", 10, 20},
              {"decode", 20, 900}, {"clip", 900, 940},     {"vectors", 940, 950},
              {"clean", 950, 980}, {"manifest", 980, 1000}};

static int permille_of(const struct ori_item_progress *progress, const char **ret_stage)
{
    const char *stage = progress->stage ? progress->stage : "decode";
    double share = 0;
    if (progress->duration_us > 0)
        share = (double)progress->pts_us / (double)progress->duration_us;
    if (!(share > 0))
        share = 0;
    if (share > 1)
        share = 1;
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        if (strcmp(shares[i].stage, stage) != 0)
            continue;
        *ret_stage = shares[i].stage;
        bool is_decode = strcmp(stage, "decode") == 0 || strcmp(stage, "clip") == 0;
        return shares[i].begin + (is_decode ? (int)(share * (shares[i].end - shares[i].begin)) : 0);
    }
    *ret_stage = "";
    return 0;
}

static void note_progress(void *self, const struct ori_item_progress *progress)
{
    struct ori_worker *worker = self;
    const char *stage = "";
    int permille = permille_of(progress, &stage);
    pthread_mutex_lock(&worker->scheduler->lock);
    worker->stage = stage;
    if (permille > worker->permille)
        worker->permille = permille;
    pthread_mutex_unlock(&worker->scheduler->lock);
}

/* ---- the run ---- */

static ori_status begin_token(struct attempt *attempt, struct ori_error *err)
{
    struct ori_worker *worker = attempt->worker;
    struct ori_scheduler *scheduler = attempt->scheduler;
    ori_status status = ori_cancel_init(&worker->token, &scheduler->halt, err);
    if (status != ORI_OK)
        return status;
    pthread_mutex_lock(&scheduler->lock);
    worker->has_token = true;
    worker->deadline_us =
        ori_clock_us() + attempt->settings->vp_item_timeout * US_A_SECOND + OVERRUN_GRACE_US;
    if (worker->why != ORI_WHY_NONE)
        ori_cancel_set(&worker->token);
    pthread_mutex_unlock(&scheduler->lock);
    return ORI_OK;
}

/* From here on nobody ends it any more: its outcome stands. */
static void end_token(struct attempt *attempt)
{
    struct ori_worker *worker = attempt->worker;
    pthread_mutex_lock(&attempt->scheduler->lock);
    bool has_token = worker->has_token;
    worker->has_token = false;
    worker->deadline_us = ORI_CLOCK_NO_DEADLINE;
    attempt->why = worker->why;
    pthread_mutex_unlock(&attempt->scheduler->lock);
    if (has_token)
        ori_cancel_deinit(&worker->token);
}

/* A request may keep its frames here; it cannot send away what the server keeps. */
static struct ori_blob_store *objects_of(const struct ori_job_claim *claim,
                                         const struct ori_engine *engine)
{
    const bool is_kept_here = claim->options.is_local || claim->options.skips_upload;
    return is_kept_here && engine->objects.local ? engine->objects.local : engine->blobs;
}

/* Where an item's video is: on this machine, or far away. */
struct whereabouts {
    struct ori_source_file file;        /* fd -1: it is far away */
    struct ori_source_object object;    /* in a bucket, */
    struct ori_s3_remote in_bucket;     /* as what is read of it */
    struct ori_http_remote *behind_url; /* NULL: in the bucket */
    struct ori_error
        here; /* why it is not on this machine, when the bucket was the next to look at */
};

static void leave(struct whereabouts *where)
{
    ori_source_close(&where->file);
    ori_http_remote_destroy(&where->behind_url);
}

static ori_status find_http(struct attempt *attempt, struct whereabouts *where,
                            struct ori_error *err)
{
    const struct ori_scheduler_options *options = &attempt->scheduler->options;
    const struct ori_job_claim *claim = attempt->claim;
    const struct ori_source_rules rules = {.allowed = options->allowed,
                                           .is_local = attempt->settings->local_mode ||
                                                       claim->options.is_local};
    ori_status status = ori_source_check_url(claim->url, &rules, err);
    if (status == ORI_OK && !options->fetcher)
        status =
            ori_error_set(err, ORI_UNSUPPORTED_URL, "%s", ori_status_text(ORI_UNSUPPORTED_URL));
    if (status == ORI_OK)
        status = ori_http_remote_create(options->fetcher, claim->url, &attempt->log,
                                        &where->behind_url, err);
    return status;
}

/* On this machine first; then, where the server and the request let it, in S3_VIDEOS_BUCKET. */
static ori_status find_video(struct attempt *attempt, struct whereabouts *where,
                             struct ori_error *err)
{
    const struct ori_job_claim *claim = attempt->claim;
    const bool has_s3 = attempt->engine->objects.s3 && !claim->options.is_local;
    const bool is_s3 = ori_source_is_s3(claim);
    if (ori_source_is_http(claim))
        return find_http(attempt, where, err);
    if (is_s3 && !has_s3)
        return ori_error_set(err, ORI_UNSUPPORTED_URL, "%s: %s", claim->url,
                             claim->options.is_local ? "the job's local_mode forbids it"
                                                     : "this server is not set up for S3");
    if (!is_s3) {
        ori_status status = ori_source_find(attempt->settings, claim, &where->file, &where->here);
        if (status == ORI_OK)
            return ORI_OK;
        if (status != ORI_NOT_FOUND || claim->has_url || !has_s3)
            return ori_error_set(err, status, "%s", where->here.text);
    }
    where->in_bucket = (struct ori_s3_remote){.s3 = attempt->engine->objects.s3,
                                              .name = {where->object.bucket, where->object.key}};
    return ori_source_object(attempt->settings, claim, &where->object, err);
}

/* Neither here nor there: both places are told. */
static void tell_both_places(const struct whereabouts *where, struct ori_item_result *result)
{
    struct ori_error *err = &result->error;
    const struct ori_error there = *err;
    if (result->status != ORI_NOT_FOUND || where->here.status == ORI_OK || !there.stage ||
        strcmp(there.stage, "open") != 0)
        return;
    *err = (struct ori_error){.stage = there.stage};
    (void)ori_error_set(err, ORI_NOT_FOUND, "%s, nor at s3://%s/%s", where->here.text,
                        where->object.bucket, where->object.key);
}

static struct ori_medium_place place_of(struct whereabouts *where)
{
    if (where->behind_url)
        return (struct ori_medium_place){.ops = &ori_http_remote_ops,
                                         .object = where->behind_url,
                                         .name = ori_http_remote_name(where->behind_url)};
    return (struct ori_medium_place){
        .ops = &ori_s3_remote_ops, .object = &where->in_bucket, .name = where->object.key};
}

static ori_status run_item(struct attempt *attempt, struct ori_error *err)
{
    const struct ori_job_claim *claim = attempt->claim;
    const struct ori_engine *engine = attempt->engine;
    struct whereabouts where = {.file = {.fd = -1}};
    struct ori_vector_store *vectors = NULL;
    ori_status status = ori_engine_vectors(engine, claim->options.is_local, &vectors, err);
    if (status == ORI_OK)
        status = ori_vector_check(vectors, &attempt->worker->token, err);
    if (status == ORI_OK)
        status = find_video(attempt, &where, err);
    if (status != ORI_OK) {
        err->stage = "open";
        leave(&where);
        return status;
    }
    const bool is_here = where.file.fd >= 0;
    const struct ori_medium_place place = place_of(&where);
    struct ori_item_environment environment = {.settings = attempt->settings,
                                               .model = engine->model_info,
                                               .batcher = engine->batcher,
                                               .blobs = objects_of(claim, engine),
                                               .vectors = vectors,
                                               .child_program =
                                                   attempt->scheduler->options.child_program,
                                               .metrics = attempt->scheduler->options.metrics};
    struct ori_item_request request = {.path = is_here ? where.file.link : NULL,
                                       .path_shown = where.file.path,
                                       .place = is_here ? NULL : &place,
                                       .platform = claim->platform,
                                       .code = claim->code,
                                       .is_forced = claim->options.is_forced && !claim->is_twin,
                                       .log = &attempt->log,
                                       .on_progress = note_progress,
                                       .on_progress_self = attempt->worker};
    status = ori_item_run(&environment, &request, &attempt->worker->token, &attempt->result);
    tell_both_places(&where, &attempt->result);
    leave(&where);
    return status;
}

/* An item whose server was killed under it too often is not begun again: it may be what kills. */
static ori_status run_unless_lost(struct attempt *attempt, struct ori_error *err)
{
    if (attempt->claim->losses > ORI_LIMIT_MAX_ITEM_LOSSES)
        return ori_error_set(err, ORI_LOST, "%s", ori_status_text(ORI_LOST));
    ori_status status = begin_token(attempt, err);
    return status == ORI_OK ? run_item(attempt, err) : status;
}

/* ---- what becomes of it ---- */

/* The watchdog ended it: that is a timeout, not a wish. */
static void call_it_timeout(struct attempt *attempt)
{
    struct ori_item_result *result = &attempt->result;
    const char *stage = result->error.stage;
    result->error = (struct ori_error){0};
    result->status = ori_error_set(&result->error, ORI_TIMEOUT,
                                   "it did not end at VP_ITEM_TIMEOUT=%lld s by itself",
                                   (long long)attempt->settings->vp_item_timeout);
    result->error.stage = stage;
}

static void decide(struct attempt *attempt)
{
    const struct ori_job_claim *claim = attempt->claim;
    struct ori_item_result *result = &attempt->result;
    struct ori_job_outcome *outcome = &attempt->outcome;
    if (result->status == ORI_CANCELLED && attempt->why == ORI_WHY_OVERRUN)
        call_it_timeout(attempt);
    if (result->status == ORI_OK) {
        outcome->kind = ORI_JOB_OUTCOME_SUCCESS;
        outcome->frames = (int)result->manifest.frames_count;
        return;
    }
    struct ori_retry_question question = {.status = result->status,
                                          .err = &result->error,
                                          .attempts = claim->attempts,
                                          .losses = claim->losses,
                                          .attempts_max = (int)attempt->settings->job_max_attempts,
                                          .now_us = ori_clock_wall_us(),
                                          .random = ori_backoff_random()};
    ori_retry_decide(&question, outcome);
    if (result->status == ORI_CANCELLED && attempt->why == ORI_WHY_STOP)
        outcome->kind = ORI_JOB_OUTCOME_STOPPED;
    else if (result->status == ORI_CANCELLED && outcome->kind == ORI_JOB_OUTCOME_LOST)
        outcome->not_before_us = 0; /* handed back: whoever is next may have it at once */
}

static void write_message(struct attempt *attempt)
{
    const struct ori_item_result *result = &attempt->result;
    const struct ori_job_outcome *outcome = &attempt->outcome;
    struct ori_buf text;
    double wait_s = (double)(outcome->not_before_us - ori_clock_wall_us()) / 1e6;
    ori_buf_init(&text, sizeof attempt->message - 1);
    ori_buf_printf(&text, "%s/%s: ", attempt->claim->platform, attempt->claim->code);
    switch (outcome->kind) {
    case ORI_JOB_OUTCOME_SUCCESS:
        if (result->is_skipped)
            ori_buf_printf(&text, "already done: %d frames", outcome->frames);
        else
            ori_buf_printf(&text, "%d frames in %.1f s", outcome->frames, result->timings.total);
        break;
    case ORI_JOB_OUTCOME_FAILED:
        ori_buf_printf(&text, "%s [%s]", outcome->error.message, outcome->error.code);
        break;
    case ORI_JOB_OUTCOME_RETRY:
        ori_buf_printf(&text, "%s [%s]; attempt %d of %lld, again in %.1f s",
                       outcome->error.message, outcome->error.code, attempt->claim->attempts + 1,
                       (long long)attempt->settings->job_max_attempts, wait_s);
        break;
    case ORI_JOB_OUTCOME_LOST:
        ori_buf_printf(&text, "handed back: %s", outcome->error.message);
        break;
    case ORI_JOB_OUTCOME_STOPPED:
        ori_buf_printf(&text, "stopped");
        break;
    }
    snprintf(attempt->message, sizeof attempt->message, "%s", ori_buf_text(&text));
    ori_buf_deinit(&text);
    attempt->outcome.message = attempt->message;
}

static void log_outcome(const struct attempt *attempt)
{
    const struct ori_item_result *result = &attempt->result;
    int attempts = attempt->claim->attempts + 1;
    if (attempt->outcome.kind == ORI_JOB_OUTCOME_SUCCESS)
        ori_log_event(&attempt->log, ORI_LOG_INFO, "item.done",
                      ORI_LOG_FIELDS(ori_log_int("frames", attempt->outcome.frames),
                                     ori_log_bool("skipped", result->is_skipped),
                                     ori_log_real("seconds", result->timings.total)));
    else if (attempt->outcome.kind == ORI_JOB_OUTCOME_STOPPED)
        ori_log_event(&attempt->log, ORI_LOG_INFO, "item.stopped", NULL);
    else if (attempt->outcome.kind == ORI_JOB_OUTCOME_LOST)
        ori_log_failure(&attempt->log, ORI_LOG_INFO, "item.handed_back", &result->error);
    else if (attempt->outcome.kind == ORI_JOB_OUTCOME_RETRY)
        ori_log_event(&attempt->log, ORI_LOG_WARN, "item.retry",
                      ORI_LOG_FIELDS(ori_log_text("error", attempt->outcome.error.code),
                                     ori_log_text("why", attempt->outcome.error.message),
                                     ori_log_int("attempt", attempts)));
    else
        ori_log_event(&attempt->log, ORI_LOG_WARN, "item.failed",
                      ORI_LOG_FIELDS(ori_log_text("error", attempt->outcome.error.code),
                                     ori_log_text("why", attempt->outcome.error.message),
                                     ori_log_text("at", attempt->outcome.error.stage),
                                     ori_log_int("attempt", attempts)));
}

/* What is odd about a video belongs into its job's log. */
static void tell_warnings(const struct attempt *attempt)
{
    const struct ori_manifest *manifest = &attempt->result.manifest;
    if (attempt->result.status != ORI_OK || attempt->result.is_skipped)
        return;
    for (size_t i = 0; i < manifest->warnings_count && i < WARNINGS_TOLD_MAX; i++) {
        char line[MESSAGE_BYTES];
        struct ori_error ignored = {0}; /* a line of log less */
        snprintf(line, sizeof line, "%s/%s: %s [%s]", attempt->claim->platform,
                 attempt->claim->code, manifest->warnings[i].text, manifest->warnings[i].code);
        (void)!ori_job_store_log(attempt->scheduler->options.store, attempt->claim->job, "warn",
                                 line, ori_clock_wall_us(), &ignored);
    }
}

static void count(const struct attempt *attempt)
{
    struct ori_metrics *metrics = attempt->scheduler->options.metrics;
    ori_status status = ori_status_from_code(attempt->outcome.error.code);
    switch (attempt->outcome.kind) {
    case ORI_JOB_OUTCOME_SUCCESS:
        ori_metrics_add(metrics, ORI_METRIC_ITEMS_ENDED, ORI_ITEM_SUCCESS, 1);
        return;
    case ORI_JOB_OUTCOME_STOPPED:
        ori_metrics_add(metrics, ORI_METRIC_ITEMS_ENDED, ORI_ITEM_STOPPED, 1);
        return;
    case ORI_JOB_OUTCOME_FAILED:
        ori_metrics_add(metrics, ORI_METRIC_ITEMS_ENDED, ORI_ITEM_FAILED, 1);
        break;
    case ORI_JOB_OUTCOME_RETRY:
        break;
    case ORI_JOB_OUTCOME_LOST:
        return;
    }
    ori_metrics_add(metrics, ORI_METRIC_FAILURES, (int)status, 1);
    ori_metrics_add(metrics, ORI_METRIC_STAGE_FAILURES,
                    ori_metrics_stage(attempt->outcome.error.stage), 1);
}

/* ---- the end of the claim ---- */

static void mark_stuck(struct attempt *attempt, bool *is_stuck, const struct ori_error *err)
{
    if (!*is_stuck) {
        *is_stuck = true;
        pthread_mutex_lock(&attempt->scheduler->lock);
        attempt->scheduler->stuck++;
        pthread_mutex_unlock(&attempt->scheduler->lock);
        ori_log_failure(&attempt->log, ORI_LOG_ERROR, "item.not_finished", err);
    } else {
        ori_log_failure(&attempt->log, ORI_LOG_DEBUG, "item.not_finished", err);
    }
}

static void unmark_stuck(struct attempt *attempt)
{
    pthread_mutex_lock(&attempt->scheduler->lock);
    attempt->scheduler->stuck--;
    pthread_cond_signal(&attempt->scheduler->wake);
    pthread_mutex_unlock(&attempt->scheduler->lock);
}

/* True: once more. Backs off while the server lives; at its end a few last tries, then the next
 * start takes the item back. */
static bool wait_to_finish(struct attempt *attempt, int tries, int *last_tries)
{
    const struct ori_cancel *halt = &attempt->scheduler->halt;
    int64_t wait_us = ori_backoff_us(tries, FINISH_BASE_US, FINISH_MAX_US, ori_backoff_random());
    if (!ori_cancel_is_set(halt)) {
        (void)!ori_cancel_wait(halt, (int)(wait_us / 1000));
        return true;
    }
    if (++*last_tries > FINISH_LAST_TRIES)
        return false;
    (void)!ori_cancel_wait(NULL, FINISH_LAST_GAP_MS);
    return true;
}

static ori_status finish(struct attempt *attempt)
{
    struct ori_error err = {0};
    ori_status status = ORI_OK;
    bool is_stuck = false;
    int last_tries = 0;
    for (int tries = 1;; tries++) {
        err = (struct ori_error){0};
        status = ori_job_store_finish(attempt->scheduler->options.store, attempt->claim,
                                      &attempt->outcome, ori_clock_wall_us(), &err);
        if (status == ORI_OK || status == ORI_NOT_FOUND)
            break;
        mark_stuck(attempt, &is_stuck, &err);
        if (!wait_to_finish(attempt, tries, &last_tries))
            break;
    }
    if (is_stuck)
        unmark_stuck(attempt);
    if (status == ORI_NOT_FOUND)
        ori_log_event(&attempt->log, ORI_LOG_INFO, "item.dropped", NULL);
    else if (status != ORI_OK)
        ori_log_failure(&attempt->log, ORI_LOG_ERROR, "item.left_to_next_start", &err);
    return status;
}

void ori_worker_run(struct ori_worker *worker, const struct ori_engine *engine)
{
    struct ori_scheduler *scheduler = worker->scheduler;
    const struct ori_job_claim *claim = &worker->claim;
    struct attempt attempt = {.worker = worker,
                              .scheduler = scheduler,
                              .claim = claim,
                              .settings = ori_live_ref(scheduler->options.live),
                              .engine = engine,
                              .log = scheduler->log};
    struct ori_error err = {0};
    attempt.log.job_id = claim->job_id;
    attempt.log.platform = claim->platform;
    attempt.log.code = claim->code;
    if (claim->attempts > 0)
        ori_metrics_add(scheduler->options.metrics, ORI_METRIC_RETRIES, 0, 1);
    ori_item_result_init(&attempt.result);
    attempt.result.status = run_unless_lost(&attempt, &err);
    if (err.status != ORI_OK) /* before the item's own run, which tells in its result */
        attempt.result.error = err;
    end_token(&attempt);
    decide(&attempt);
    write_message(&attempt);
    tell_warnings(&attempt);
    if (attempt.why != ORI_WHY_GONE && finish(&attempt) == ORI_OK) {
        log_outcome(&attempt);
        count(&attempt);
    }
    if (attempt.result.status == ORI_STORE_DOWN && scheduler->options.on_outage)
        scheduler->options.on_outage(scheduler->options.on_outage_self);
    ori_item_result_deinit(&attempt.result);
    ori_live_unref(scheduler->options.live, &attempt.settings);
}
