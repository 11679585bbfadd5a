#include "jobs/retry.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "net/backoff.h"
#include "util/limits.h"

#define US_A_SECOND INT64_C(1000000)

/* Waits of a class: first and longest. */
static const struct {
    int64_t base_us;
    int64_t max_us;
} waits[] = {
    [ORI_RETRY_NEVER] = {0, 0},
    [ORI_RETRY_SOON] = {US_A_SECOND, 30 * US_A_SECOND},
    [ORI_RETRY_LATER] = {5 * US_A_SECOND, 600 * US_A_SECOND},
    /* short, as a killed process says little of the video; but it may be what is killed for its
     * memory, a hundred times */
    [ORI_RETRY_LOST] = {US_A_SECOND / 5, 60 * US_A_SECOND},
    [ORI_RETRY_OUTAGE] = {US_A_SECOND, 60 * US_A_SECOND},
};

/* No default: a new row of status_tbl.h does not compile without a class. */
enum ori_retry_class ori_retry_class_of(ori_status status, const struct ori_error *err)
{
    switch (status) {
    case ORI_CHILD_CRASHED:
        return err && err->native == SIGKILL ? ORI_RETRY_LOST : ORI_RETRY_SOON;
    case ORI_CHILD_PROTOCOL:
    case ORI_TIMEOUT:
    case ORI_BACKEND:
        return ORI_RETRY_SOON;
    case ORI_AGAIN:
    case ORI_NOMEM:
    case ORI_IO:
    case ORI_DISK_FULL:
    case ORI_STORE:
    case ORI_STORE_IN_USE:
    case ORI_OVERLOADED:
    case ORI_NOT_READY:
    case ORI_NETWORK:
    case ORI_SOURCE_CHANGED:
        return ORI_RETRY_LATER;
    case ORI_STORE_DOWN:
        return ORI_RETRY_OUTAGE;
    case ORI_CANCELLED:
    case ORI_LOST:
        return ORI_RETRY_LOST;
    case ORI_OK:
    case ORI_EOF:
    case ORI_INTERNAL:
    case ORI_SANDBOX:
    case ORI_USAGE:
    case ORI_BAD_SETTING:
    case ORI_LIMIT:
    case ORI_NOT_FOUND:
    case ORI_NOT_READABLE:
    case ORI_NOT_WRITABLE:
    case ORI_NOT_A_FILE:
    case ORI_DIRECTORY_LOOP:
    case ORI_NO_VIDEOS:
    case ORI_EMPTY_FILE:
    case ORI_NOT_MEDIA:
    case ORI_NO_VIDEO_STREAM:
    case ORI_UNSUPPORTED:
    case ORI_DECODE:
    case ORI_ENCODE:
    case ORI_BAD_PICTURE:
    case ORI_BAD_JSON:
    case ORI_BAD_LIST:
    case ORI_BAD_SCORES:
    case ORI_STORE_VERSION:
    case ORI_STORE_MISMATCH:
    case ORI_STORE_DENIED:
    case ORI_BUCKET_MISSING:
    case ORI_BAD_VECTOR:
    case ORI_MODEL_MISSING:
    case ORI_BAD_MODEL:
    case ORI_UNSUPPORTED_MODEL:
    case ORI_NO_TEXT:
    case ORI_WRONG_STATE:
    case ORI_KEY_REUSED:
    case ORI_URL_REFUSED:
    case ORI_UNSUPPORTED_URL:
    case ORI_PORT_TAKEN:
    case ORI_STATUS_COUNT:
        break;
    }
    return ORI_RETRY_NEVER;
}

static void tell(const struct ori_error *err, ori_status status, struct ori_job_error *ret_error)
{
    const char *text = err && err->text[0] ? err->text : ori_status_text(status);
    const char *stage = err && err->stage ? err->stage : "";
    *ret_error = (struct ori_job_error){.is_retryable = ori_status_is_retryable(status)};
    snprintf(ret_error->code, sizeof ret_error->code, "%s", ori_status_code(status));
    snprintf(ret_error->stage, sizeof ret_error->stage, "%s", stage);
    snprintf(ret_error->message, sizeof ret_error->message, "%s", text);
}

/* The last loss: the item's own error is only its latest. */
static void tell_lost(const struct ori_error *err, struct ori_job_error *ret_error)
{
    struct ori_error lost = {0};
    const char *text = err && err->text[0] ? err->text : ori_status_text(ORI_LOST);
    (void)ori_error_set(&lost, ORI_LOST, "given up after it was ended from outside %d times: %s",
                        ORI_LIMIT_MAX_ITEM_LOSSES, text);
    lost.stage = err ? err->stage : NULL;
    tell(&lost, ORI_LOST, ret_error);
}

/* What another server asks for, within reason. */
static int64_t asked_us(const struct ori_error *err)
{
    int64_t asked_ms = err ? err->retry_after_ms : 0;
    if (asked_ms > ORI_LIMIT_MAX_SOURCE_WAIT_MS)
        asked_ms = ORI_LIMIT_MAX_SOURCE_WAIT_MS;
    return asked_ms * 1000;
}

void ori_retry_decide(const struct ori_retry_question *question,
                      struct ori_job_outcome *ret_outcome)
{
    ORI_ASSERT(question->status != ORI_OK);
    enum ori_retry_class kind = ori_retry_class_of(question->status, question->err);
    bool is_lost = kind == ORI_RETRY_LOST || kind == ORI_RETRY_OUTAGE;
    int attempt = (is_lost ? question->losses : question->attempts) + 1;
    int64_t wait_us =
        ori_backoff_us(attempt, waits[kind].base_us, waits[kind].max_us, question->random);
    if (kind == ORI_RETRY_LATER && asked_us(question->err) > wait_us)
        wait_us = asked_us(question->err);
    ret_outcome->not_before_us = question->now_us + wait_us;
    tell(question->err, question->status, &ret_outcome->error);
    if (is_lost && attempt > ORI_LIMIT_MAX_ITEM_LOSSES) {
        if (kind == ORI_RETRY_LOST)
            tell_lost(question->err, &ret_outcome->error);
        ret_outcome->kind = ORI_JOB_OUTCOME_FAILED;
    } else if (is_lost) {
        ret_outcome->kind = ORI_JOB_OUTCOME_LOST;
    } else if (kind == ORI_RETRY_NEVER || attempt >= question->attempts_max) {
        ret_outcome->kind = ORI_JOB_OUTCOME_FAILED;
    } else {
        ret_outcome->kind = ORI_JOB_OUTCOME_RETRY;
    }
    if (ret_outcome->kind == ORI_JOB_OUTCOME_FAILED)
        ret_outcome->not_before_us = 0;
}
