#include "jobs/webhooks.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/backoff.h"
#include "net/webhook.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/cond.h"
#include "util/json_out.h"
#include "util/limits.h"

#define US_A_SECOND INT64_C(1000000)
#define TIMEOUT_US (10 * US_A_SECOND)
/* 12 attempts, doubling from a minute to 8 hours: 18 hours in the mean, 25 at most. */
#define BACKOFF_BASE_US (60 * US_A_SECOND)
#define BACKOFF_MAX_US (8 * 3600 * US_A_SECOND)
#define RETRY_AFTER_MAX_US (24 * 3600 * US_A_SECOND)
#define LOOK_GAP_US (US_A_SECOND / 5) /* between two looks, however often it is woken */
#define LOOK_MAX_US (60 * US_A_SECOND)
#define STORE_RETRY_US (5 * US_A_SECOND)
#define BODY_BYTES 2048
#define ID_BYTES (sizeof "msg__" + ORI_JOB_ID_BYTES + 20)
#define SECONDS_BYTES 32
#define WHY_BYTES 200

struct ori_webhooks {
    struct ori_webhooks_options options; /* immutable */
    struct ori_log log;                  /* immutable */
    struct ori_cancel cancel;            /* below the process: set by destroy */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool is_woken; /* lock, as all below */
    bool is_ending;
    bool is_failing; /* thread's own: told once */
};

/* ---- one attempt ---- */

static void write_body(const struct ori_job_delivery *delivery, struct ori_buf *body)
{
    char type[32];
    char when[ORI_CLOCK_TEXT_BYTES];
    snprintf(type, sizeof type, "job.%s", ori_job_state_word(delivery->state));
    ori_clock_rfc3339(delivery->ts_us, when);
    ori_json_begin_object(body, NULL);
    ori_json_put_text(body, "type", type);
    ori_json_put_text(body, "timestamp", when);
    ori_json_begin_object(body, "data");
    ori_json_put_text(body, "job_id", delivery->job_id);
    ori_json_put_text(body, "status", ori_job_state_word(delivery->state));
    ori_job_put_counts(body, &delivery->counts);
    ori_json_end_object(body);
    ori_json_end_object(body);
}

/* "" without a secret: then nothing is signed. */
static ori_status sign(struct ori_webhooks *webhooks, const char *id, int64_t now_s,
                       const struct ori_buf *body, char ret_signature[ORI_WEBHOOK_SIGNATURE_BYTES],
                       struct ori_error *err)
{
    ori_status status = ORI_OK;
    const struct ori_settings *settings = ori_live_ref(webhooks->options.live);
    ret_signature[0] = '\0';
    if (ori_secret_is_set(settings->webhook_secret))
        status = ori_webhook_sign(ori_secret_reveal(settings->webhook_secret), id, now_s,
                                  body->data, body->used, ret_signature, err);
    ori_live_unref(webhooks->options.live, &settings);
    return status;
}

static ori_status post(struct ori_webhooks *webhooks, const struct ori_job_delivery *delivery,
                       struct ori_net_answer *answer, struct ori_error *err)
{
    char id[ID_BYTES];
    char seconds[SECONDS_BYTES];
    char signature[ORI_WEBHOOK_SIGNATURE_BYTES];
    struct ori_buf body;
    int64_t now_s = ori_clock_wall_us() / US_A_SECOND;
    /* The number alone would come again from another server, or from this one with a new store, and a
     * receiver drops what it saw before; the job alone ends again after a start. */
    snprintf(id, sizeof id, "msg_%s_%lld", delivery->job_id, (long long)delivery->id);
    snprintf(seconds, sizeof seconds, "%lld", (long long)now_s);
    ori_buf_init(&body, BODY_BYTES);
    write_body(delivery, &body);
    ori_status status = ori_buf_finish(&body, "webhook", err);
    if (status == ORI_OK)
        status = sign(webhooks, id, now_s, &body, signature, err);
    if (status == ORI_OK) {
        struct ori_net_header headers[] = {{"Content-Type", "application/json"},
                                           {"webhook-id", id},
                                           {"webhook-timestamp", seconds},
                                           {"webhook-signature", signature}};
        struct ori_net_request request = {.method = "POST",
                                          .url = delivery->url,
                                          .headers = headers,
                                          .headers_count = signature[0] ? 4 : 3,
                                          .body = body.data,
                                          .body_bytes = body.used,
                                          .is_guarded = true,
                                          .deadline_us = ori_clock_us() + TIMEOUT_US,
                                          .answer_bytes_max = ORI_LIMIT_MAX_WEBHOOK_ANSWER_BYTES,
                                          .log = &webhooks->log};
        status = ori_net_fetch(webhooks->options.client, &request, &webhooks->cancel, answer, err);
    }
    ori_buf_deinit(&body);
    return status;
}

/* ---- what becomes of it ---- */

enum verdict { VERDICT_DELIVERED, VERDICT_AGAIN, VERDICT_DEAD };

static enum verdict judge(ori_status status, int http, int attempts)
{
    if (status == ORI_OK && http >= 200 && http <= 299)
        return VERDICT_DELIVERED;
    if (status == ORI_OK && http == 410) /* the receiver is gone for good, and says so */
        return VERDICT_DEAD;
    return attempts >= ORI_LIMIT_MAX_WEBHOOK_TRIES ? VERDICT_DEAD : VERDICT_AGAIN;
}

static int64_t next_time(int attempts, int64_t retry_after_ms)
{
    int64_t wait_us =
        ori_backoff_us(attempts, BACKOFF_BASE_US, BACKOFF_MAX_US, ori_backoff_random());
    int64_t asked_us = 0;
    if (retry_after_ms > 0 && retry_after_ms <= RETRY_AFTER_MAX_US / 1000)
        asked_us = retry_after_ms * 1000;
    return ori_clock_wall_us() + (asked_us > wait_us ? asked_us : wait_us);
}

static void tell(struct ori_webhooks *webhooks, const struct ori_job_delivery *delivery,
                 enum verdict verdict, const char *why)
{
    struct ori_log log = webhooks->log;
    struct ori_metrics *metrics = webhooks->options.metrics;
    log.job_id = delivery->job_id;
    ori_metrics_add(
        metrics,
        verdict == VERDICT_DELIVERED ? ORI_METRIC_WEBHOOKS_SENT : ORI_METRIC_WEBHOOKS_FAILED, 0, 1);
    if (verdict == VERDICT_DELIVERED)
        ori_log_event(&log, ORI_LOG_INFO, "webhook.delivered", NULL);
    else
        ori_log_event(&log, verdict == VERDICT_DEAD ? ORI_LOG_WARN : ORI_LOG_INFO,
                      verdict == VERDICT_DEAD ? "webhook.dead" : "webhook.failed",
                      ORI_LOG_FIELDS(ori_log_text("why", why),
                                     ori_log_int("attempt", delivery->attempts + 1)));
}

/* ORI_CANCELLED: it stays due. */
static ori_status deliver(struct ori_webhooks *webhooks, const struct ori_job_delivery *delivery,
                          struct ori_error *err)
{
    struct ori_net_answer answer;
    struct ori_error failure = {0};
    char why[WHY_BYTES];
    ori_net_answer_init(&answer);
    ori_status status = post(webhooks, delivery, &answer, &failure);
    int attempts = delivery->attempts + 1;
    enum verdict verdict = judge(status, answer.status, attempts);
    if (status == ORI_OK)
        snprintf(why, sizeof why, "HTTP %d", answer.status);
    else
        snprintf(why, sizeof why, "%.190s", failure.text);
    int64_t next_us = verdict == VERDICT_DELIVERED ? 0
                      : verdict == VERDICT_DEAD    ? INT64_MAX
                                                   : next_time(attempts, answer.retry_after_ms);
    ori_net_answer_deinit(&answer);
    if (status == ORI_CANCELLED)
        return status;
    tell(webhooks, delivery, verdict, why);
    return ori_job_store_delivered(webhooks->options.store, delivery->id, next_us, why,
                                   ori_clock_wall_us(), err);
}

/* ---- the thread ---- */

/* All that is due; then how long it may sleep, unless it is woken. */
static int64_t work(struct ori_webhooks *webhooks)
{
    struct ori_error err = {0};
    struct ori_job_delivery delivery;
    ori_status status = ORI_OK;
    int64_t next_us = INT64_MAX;
    while (status == ORI_OK && !ori_cancel_is_set(&webhooks->cancel)) {
        status = ori_job_store_due(webhooks->options.store, ori_clock_wall_us(), &delivery,
                                   &next_us, &err);
        if (status == ORI_OK)
            status = deliver(webhooks, &delivery, &err);
    }
    bool is_failing = status != ORI_OK && status != ORI_AGAIN && status != ORI_CANCELLED;
    if (is_failing && !webhooks->is_failing)
        ori_log_failure(&webhooks->log, ORI_LOG_ERROR, "webhooks.failed", &err);
    webhooks->is_failing = is_failing;
    if (is_failing)
        return STORE_RETRY_US;
    if (next_us == INT64_MAX || next_us - ori_clock_wall_us() > LOOK_MAX_US)
        return LOOK_MAX_US; /* the wall clock may be set */
    int64_t wait_us = next_us - ori_clock_wall_us();
    return wait_us < LOOK_GAP_US ? LOOK_GAP_US : wait_us;
}

static void *webhooks_thread(void *self)
{
    struct ori_webhooks *webhooks = self;
    bool is_ending = false;
    while (!is_ending) {
        int64_t begin_us = ori_clock_us();
        int64_t due_us = begin_us + work(webhooks);
        pthread_mutex_lock(&webhooks->lock);
        while (!webhooks->is_ending && ori_clock_us() < due_us &&
               !(webhooks->is_woken && ori_clock_us() >= begin_us + LOOK_GAP_US))
            ori_cond_wait(&webhooks->woken, &webhooks->lock,
                          webhooks->is_woken ? begin_us + LOOK_GAP_US : due_us);
        webhooks->is_woken = false;
        is_ending = webhooks->is_ending;
        pthread_mutex_unlock(&webhooks->lock);
    }
    return NULL;
}

/* ---- the owner's side ---- */

ori_status ori_webhooks_create(const struct ori_webhooks_options *options,
                               struct ori_webhooks **ret_webhooks, struct ori_error *err)
{
    struct ori_webhooks *webhooks = calloc(1, sizeof *webhooks);
    if (!webhooks)
        return ori_error_set(err, ORI_NOMEM, "webhooks");
    webhooks->options = *options;
    if (options->log)
        webhooks->log = *options->log;
    ori_status status = ori_cancel_init(&webhooks->cancel, options->cancel, err);
    if (status != ORI_OK) {
        free(webhooks);
        return status;
    }
    pthread_mutex_init(&webhooks->lock, NULL); /* cannot fail with default attributes */
    ori_cond_init(&webhooks->woken);
    int failed = pthread_create(&webhooks->thread, NULL, webhooks_thread, webhooks);
    if (failed) {
        pthread_cond_destroy(&webhooks->woken);
        pthread_mutex_destroy(&webhooks->lock);
        ori_cancel_deinit(&webhooks->cancel);
        free(webhooks);
        return ori_error_set_errno(err, failed, false, "starting the webhooks' thread");
    }
    pthread_setname_np(webhooks->thread, "webhooks");
    *ret_webhooks = webhooks;
    return ORI_OK;
}

void ori_webhooks_wake(struct ori_webhooks *webhooks)
{
    pthread_mutex_lock(&webhooks->lock);
    webhooks->is_woken = true;
    pthread_cond_signal(&webhooks->woken);
    pthread_mutex_unlock(&webhooks->lock);
}

void ori_webhooks_destroy(struct ori_webhooks **webhooks)
{
    if (!webhooks || !*webhooks)
        return;
    struct ori_webhooks *it = *webhooks;
    ori_cancel_set(&it->cancel); /* an attempt under way ends; it stays due */
    pthread_mutex_lock(&it->lock);
    it->is_ending = true;
    pthread_cond_signal(&it->woken);
    pthread_mutex_unlock(&it->lock);
    pthread_join(it->thread, NULL);
    pthread_cond_destroy(&it->woken);
    pthread_mutex_destroy(&it->lock);
    ori_cancel_deinit(&it->cancel);
    free(it);
    *webhooks = NULL;
}
