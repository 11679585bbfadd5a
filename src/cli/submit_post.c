/* Rows into requests, requests to the server. The journal has each before it goes out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/submit_priv.h"
#include "net/backoff.h"
#include "util/clock.h"
#include "util/json_out.h"
#include "util/limits.h"
#include "util/text.h"

#define ROW_BYTES_MAX (16 * 1024) /* as JSON, with room to spare */
#define RETRY_BASE_US INT64_C(200000)
#define RETRY_MAX_US INT64_C(5000000)
#define TICK_US INT64_C(250000) /* between two looks of the progress line */

/* ---- patience ---- */

struct outage {
    int64_t give_up_us; /* 0: there is none */
    int failures;
};

static ori_status wait_until(struct ori_submit *submit, int64_t until_us, struct ori_error *err)
{
    for (;;) {
        const int64_t left_us = until_us - ori_clock_us();
        if (left_us <= 0)
            return ORI_OK;
        ori_submit_draw(submit, "waiting for the server");
        const int64_t nap_us = left_us < TICK_US ? left_us : TICK_US;
        if (ori_cancel_wait(&submit->session.cancel, (int)(nap_us / 1000) + 1) == ORI_CANCELLED)
            return ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
    }
}

/* Waits before the next attempt; or why there is none, which cause says first. */
static ori_status be_patient(struct ori_submit *submit, struct outage *outage,
                             int64_t retry_after_ms, const struct ori_error *cause,
                             struct ori_error *err)
{
    const int64_t now_us = ori_clock_us();
    int64_t wait_us =
        ori_backoff_us(++outage->failures, RETRY_BASE_US, RETRY_MAX_US, ori_backoff_random());
    if (retry_after_ms * 1000 > wait_us)
        wait_us = retry_after_ms * 1000;
    if (outage->give_up_us == 0) {
        outage->give_up_us = now_us + submit->patience_us;
        if (now_us + wait_us <= outage->give_up_us)
            ori_log_say(&submit->cli->log, "oriane: %s; waiting up to %lld s for it (--patience)",
                        cause->text, (long long)(submit->patience_us / 1000000));
    }
    if (now_us + wait_us > outage->give_up_us) {
        *err = *cause;
        ori_error_context(err, "given up (attempts: %d; --patience waits longer)",
                          outage->failures);
        return cause->status;
    }
    return wait_until(submit, now_us + wait_us, err);
}

ori_status ori_submit_ask(struct ori_submit *submit, const struct ori_jobs_request *request,
                          struct ori_jobs_answer *ret_answer, struct ori_error *err)
{
    struct outage outage = {0};
    for (;;) {
        struct ori_error cause = {0};
        ori_status status = ori_jobs_ask(&submit->client, request, ret_answer, &cause);
        if (status == ORI_OK && outage.failures > 0)
            ori_log_say(&submit->cli->log, "oriane: the server answers again");
        if (status == ORI_OK)
            return ORI_OK;
        if (!ret_answer->is_passing) {
            *err = cause;
            return status;
        }
        status = be_patient(submit, &outage, ret_answer->retry_after_ms, &cause, err);
        if (status != ORI_OK)
            return status;
    }
}

/* ---- requests ---- */

static bool is_refused_for_good(const struct ori_jobs_answer *answer)
{
    return answer->http_status >= 400 && answer->http_status < 500 && !answer->is_passing;
}

static ori_status take_job(struct ori_submit *submit, const struct ori_jobs_answer *answer,
                           struct ori_error *err)
{
    struct ori_submit_journal *journal = &submit->journal;
    const char *id = json_string_value(json_object_get(answer->json, "job_id"));
    const uint32_t items = journal->body_items;
    if (!id || !ori_jobs_is_id(id))
        return ori_error_set(err, ORI_NETWORK,
                             "the server's answer has no job_id: is this oriane?");
    ori_status status = ori_submit_journal_end(journal, id, err);
    if (status != ORI_OK)
        return status;
    submit->posted += items;
    return ori_submit_print_job(submit, &journal->jobs[journal->jobs_count - 1], false,
                                answer->json, err);
}

/* Of what is wrong in "body.items.41.url" a person wants to know which video that is. */
static void name_video(const struct ori_submit_journal *journal, struct ori_error *err)
{
    static const char list[] = "items.";
    char digits[8];
    int64_t place = 0;
    const char *at = strstr(err->text, list);
    const size_t bytes = at ? strspn(at + strlen(list), "0123456789") : 0;
    if (bytes == 0 || bytes >= sizeof digits)
        return;
    memcpy(digits, at + strlen(list), bytes);
    digits[bytes] = '\0';
    if (!ori_text_to_int(digits, &place))
        return;
    json_t *body = json_loadb(journal->body, journal->body_bytes, 0, NULL);
    const json_t *item = json_array_get(json_object_get(body, "items"), (size_t)place);
    const char *platform = json_string_value(json_object_get(item, "platform"));
    const char *code = json_string_value(json_object_get(item, "code"));
    if (platform && code)
        ori_error_context(err, "%s/%s", platform, code);
    json_decref(body);
}

/* The journal's request. 401 and 403 say nothing of it: it stays, for a call with the right key. */
static ori_status send_request(struct ori_submit *submit, struct ori_error *err)
{
    struct ori_submit_journal *journal = &submit->journal;
    const struct ori_jobs_request request = {.method = "POST",
                                             .path = "/process",
                                             .body = journal->body,
                                             .body_bytes = journal->body_bytes,
                                             .idempotency_key = journal->key};
    struct ori_jobs_answer answer;
    ori_status status = ori_submit_ask(submit, &request, &answer, err);
    submit->was_refused = false;
    if (status == ORI_OK)
        status = take_job(submit, &answer, err);
    else if (is_refused_for_good(&answer) && answer.http_status != 401 &&
             answer.http_status != 403) {
        struct ori_error ignored = {0}; /* the refusal is what is told */
        name_video(journal, err);
        submit->was_refused = ori_submit_journal_drop(journal, &ignored) == ORI_OK;
    }
    json_decref(answer.json);
    return status;
}

static void put_options(struct ori_submit *submit)
{
    const struct ori_cli *cli = submit->cli;
    struct ori_buf *buf = &submit->chunk;
    const char *webhook = ori_cli_text(cli, "webhook-url");
    if (ori_cli_has(cli, "force"))
        ori_json_put_bool(buf, "force", true);
    if (ori_cli_has(cli, "local-mode"))
        ori_json_put_bool(buf, "local_mode", true);
    if (ori_cli_has(cli, "skip-upload"))
        ori_json_put_bool(buf, "skip_upload", true);
    if (ori_cli_has(cli, "priority"))
        ori_json_put_whole(buf, "priority", ori_cli_whole(cli, "priority", 0));
    if (webhook)
        ori_json_put_text(buf, "webhook_url", webhook);
}

ori_status ori_submit_flush(struct ori_submit *submit, struct ori_error *err)
{
    struct ori_buf *chunk = &submit->chunk;
    size_t bytes = 0;
    if (submit->chunk_items == 0)
        return ORI_OK;
    ori_json_end_array(chunk);
    put_options(submit);
    ori_json_end_object(chunk);
    ori_status status = ori_buf_finish(chunk, "a request", err);
    char *body = status == ORI_OK ? ori_buf_take(chunk, &bytes) : NULL;
    if (status == ORI_OK && !body)
        status = ori_error_set(err, ORI_NOMEM, "a request");
    if (status == ORI_OK)
        status = ori_submit_journal_begin(&submit->journal, body, bytes,
                                          (uint32_t)submit->chunk_items, err);
    submit->chunk_items = 0;
    if (status == ORI_OK)
        status = send_request(submit, err);
    ori_submit_draw(submit, NULL);
    return status;
}

/* ---- rows ---- */

static ori_status add_item(struct ori_submit *submit, const char *platform, const char *code,
                           const char *url, struct ori_error *err)
{
    struct ori_buf *chunk = &submit->chunk;
    if (submit->chunk_items == 0) {
        ori_buf_clear(chunk);
        ori_json_begin_object(chunk, NULL);
        ori_json_begin_array(chunk, "items");
    }
    ori_json_begin_object(chunk, NULL);
    ori_json_put_text(chunk, "platform", platform);
    ori_json_put_text(chunk, "code", code);
    if (url[0])
        ori_json_put_text(chunk, "url", url);
    ori_json_end_object(chunk);
    submit->chunk_items++;
    if (submit->chunk_items < submit->chunk_items_max &&
        chunk->used + ROW_BYTES_MAX < ORI_LIMIT_MAX_SUBMIT_BODY_BYTES)
        return ori_buf_finish(chunk, "a request", err);
    return ori_submit_flush(submit, err);
}

ori_status ori_submit_row(struct ori_submit *submit, const char *platform, const char *code,
                          const char *url, int64_t line, struct ori_error *err)
{
    struct ori_id id;
    bool is_new = false;
    if (++submit->rows > ORI_LIMIT_MAX_SUBMIT_VIDEOS)
        return ori_error_set(err, ORI_LIMIT, "more than %d videos in one list (SUBMIT_VIDEOS)",
                             ORI_LIMIT_MAX_SUBMIT_VIDEOS);
    ori_submit_draw(submit, NULL);
    ori_status status = ori_submit_id(platform, code, url, &id, err);
    if (status == ORI_OK)
        status = ori_id_set_add(&submit->seen, id, &is_new, err);
    if (status != ORI_OK)
        return status;
    if (!is_new) {
        if (submit->repeated++ == 0)
            snprintf(submit->repeated_first, sizeof submit->repeated_first, "line %lld, %s/%s",
                     (long long)line, platform, code);
        return ORI_OK;
    }
    if (ori_id_set_has(&submit->journal.posted, id)) {
        submit->before++;
        return ORI_OK;
    }
    return add_item(submit, platform, code, url, err);
}

/* ---- the beginning ---- */

static ori_status ask_limit(struct ori_submit *submit, struct ori_error *err)
{
    const struct ori_jobs_request request = {.method = "GET", .path = "/config"};
    struct ori_jobs_answer answer;
    ori_status status = ori_submit_ask(submit, &request, &answer, err);
    if (status != ORI_OK)
        return status;
    const json_t *most = json_object_get(answer.json, "max_videos_per_request");
    const json_int_t value = json_integer_value(most);
    json_decref(answer.json);
    if (value < 1)
        return ori_error_set(err, ORI_NETWORK,
                             "the server does not say its max_videos_per_request: is this oriane?");
    submit->chunk_items_max =
        value > ORI_LIMIT_MAX_SUBMIT_ITEMS ? ORI_LIMIT_MAX_SUBMIT_ITEMS : (size_t)value;
    return ORI_OK;
}

/* What was sent when the last call was killed, or was about to be. A server that refuses it, as one
 * whose limit is smaller now, gets its videos as the list has them. */
static ori_status finish_last(struct ori_submit *submit, struct ori_error *err)
{
    struct ori_error cause = {0};
    if (!submit->journal.body)
        return ORI_OK;
    ori_status status = send_request(submit, &cause);
    if (status != ORI_OK && submit->was_refused) {
        ori_log_say(&submit->cli->log, "oriane: the request of before is made anew: %s",
                    cause.text);
        return ORI_OK;
    }
    if (status != ORI_OK)
        *err = cause;
    return status;
}

ori_status ori_submit_begin(struct ori_submit *submit, struct ori_error *err)
{
    ori_buf_init(&submit->chunk, ORI_LIMIT_MAX_SUBMIT_BODY_BYTES);
    ori_status status = ask_limit(submit, err);
    return status == ORI_OK ? finish_last(submit, err) : status;
}
