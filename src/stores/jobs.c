#include "stores/jobs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stores/jobs_priv.h"
#include "util/json_out.h"
#include "util/text.h"
#include "util/utf8.h"

_Static_assert(ORI_LIMIT_MAX_JOB_ITEMS <= 1 << 24, "an item's position is part of its id");

/* ---- states ---- */

static const char *const job_words[] = {
#define ORI_JOB_STATE_ROW(name, word) word,
#include "stores/job_states_tbl.h"
};
static const char *const item_words[] = {
#define ORI_ITEM_STATE_ROW(name, word) word,
#include "stores/job_states_tbl.h"
};

const char *ori_job_state_word(enum ori_job_state state)
{
    ORI_ASSERT((unsigned)state < ORI_JOB_STATE_COUNT);
    return job_words[state];
}

const char *ori_item_state_word(enum ori_item_state state)
{
    ORI_ASSERT((unsigned)state < ORI_ITEM_STATE_COUNT);
    return item_words[state];
}

bool ori_job_state_of(const char *word, enum ori_job_state *ret_state)
{
    for (int i = 0; i < ORI_JOB_STATE_COUNT; i++) {
        if (strcmp(word, job_words[i]) == 0) {
            *ret_state = (enum ori_job_state)i;
            return true;
        }
    }
    return false;
}

bool ori_job_may_move(enum ori_job_state from, enum ori_job_state to)
{
#define ORI_JOB_MOVE_ROW(a, b, when)                                                               \
    if (from == ORI_JOB_##a && to == ORI_JOB_##b)                                                  \
        return true;
#include "stores/job_states_tbl.h"
    return false;
}

bool ori_item_may_move(enum ori_item_state from, enum ori_item_state to)
{
#define ORI_ITEM_MOVE_ROW(a, b, when)                                                              \
    if (from == ORI_ITEM_##a && to == ORI_ITEM_##b)                                                \
        return true;
#include "stores/job_states_tbl.h"
    return false;
}

void ori_job_put_counts(struct ori_buf *buf, const struct ori_job_counts *counts)
{
    ori_json_begin_object(buf, "counts");
    ori_json_put_whole(buf, "total", counts->total);
    ori_json_put_whole(buf, "waiting", counts->waiting);
    ori_json_put_whole(buf, "processing", counts->processing);
    ori_json_put_whole(buf, "success", counts->success);
    ori_json_put_whole(buf, "failed", counts->failed);
    ori_json_put_whole(buf, "stopped", counts->stopped);
    ori_json_end_object(buf);
}

void ori_job_put_state(struct ori_buf *buf, const struct ori_job *job)
{
    ori_json_begin_object(buf, NULL);
    ori_json_put_text(buf, "status", ori_job_state_word(job->state));
    ori_json_put_whole(buf, "progress", job->progress);
    ori_job_put_counts(buf, &job->counts);
    ori_json_end_object(buf);
}

void ori_job_put_error(struct ori_buf *buf, const struct ori_job_error *error, int attempts)
{
    if (!error->code[0]) {
        ori_json_put_null(buf, "error");
        return;
    }
    ori_json_begin_object(buf, "error");
    ori_json_put_text(buf, "code", error->code);
    ori_json_put_text(buf, "message", error->message);
    ori_json_put_text(buf, "stage", error->stage);
    ori_json_put_bool(buf, "retryable", error->is_retryable);
    ori_json_put_whole(buf, "attempts", attempts);
    ori_json_end_object(buf);
}

void ori_job_assert_move(enum ori_job_state from, enum ori_job_state to)
{
    ORI_ASSERT(ori_job_may_move(from, to));
}

void ori_item_assert_move(enum ori_item_state from, enum ori_item_state to)
{
    ORI_ASSERT(ori_item_may_move(from, to));
}

/* ---- open ---- */

ori_status ori_job_store_open(const struct ori_job_store_options *options,
                              struct ori_job_store **ret_store, struct ori_error *err)
{
    static const struct ori_job_store_limits limits = {.events_max = ORI_LIMIT_MAX_JOB_EVENTS,
                                                       .logs_max = ORI_LIMIT_MAX_JOB_LOGS,
                                                       .busy_ms = 10000,
                                                       .log_pages_max =
                                                           ORI_LIMIT_MAX_JOB_STORE_LOG_PAGES,
                                                       .fold_wait_ms = 1000};
    ORI_ASSERT(options && options->path && ret_store);
    ORI_ASSERT(options->readers >= 1 && options->readers <= 16);
    if (strncmp(options->path, "postgres", 8) == 0)
        return ori_error_set(err, ORI_BAD_SETTING,
                             "JOB_DB: PostgreSQL is not supported by this version; allowed is the "
                             "path of an SQLite file");
    return ori_job_store_open_sqlite(options, &limits, ret_store, err);
}

void ori_job_store_close(struct ori_job_store **store)
{
    if (!store || !*store)
        return;
    (*store)->ops->close(*store);
    *store = NULL;
}

ori_status ori_job_store_check(struct ori_job_store *store, struct ori_error *err)
{
    return store->ops->check(store, err);
}

int ori_job_store_fd(const struct ori_job_store *store)
{
    return store->fd;
}

/* ---- add ---- */

static ori_status check_text(const char *name, const char *text, size_t bytes_max,
                             struct ori_error *err)
{
    const size_t bytes = text ? strnlen(text, bytes_max + 1) : 0;
    if (bytes > bytes_max)
        return ori_error_set(err, ORI_LIMIT, "%s has more than %zu bytes", name, bytes_max);
    if (text && !ori_text_is_utf8(text, bytes))
        return ori_error_set(err, ORI_USAGE, "%s is not UTF-8", name);
    return ORI_OK;
}

static ori_status check_items(const struct ori_job_new *job, struct ori_error *err)
{
    ori_status status = ORI_OK;
    if (job->items_count < 1)
        return ori_error_set(err, ORI_USAGE, "a job without items");
    if (job->items_count > ORI_LIMIT_MAX_JOB_ITEMS)
        return ori_error_set(err, ORI_LIMIT, "a job of more than %d items (JOB_ITEMS)",
                             ORI_LIMIT_MAX_JOB_ITEMS);
    for (size_t i = 0; i < job->items_count && status == ORI_OK; i++) {
        const struct ori_job_new_item *item = &job->items[i];
        if (!ori_text_is_code(item->platform) || !ori_text_is_code(item->code))
            return ori_error_set(err, ORI_USAGE, "item %zu: no legal platform and code", i);
        status = check_text("the URL of an item", item->url, ORI_LIMIT_MAX_URL_BYTES, err);
    }
    return status;
}

ori_status ori_job_store_add(struct ori_job_store *store, const struct ori_job_new *job,
                             int64_t now_us, struct ori_job *ret_job, bool *ret_is_old,
                             struct ori_error *err)
{
    ORI_ASSERT(store && job && ret_job && ret_is_old);
    ORI_ASSERT(!job->idempotency_key || job->digest);
    ORI_ASSERT(isfinite(job->options.sleep_between_batches));
    ori_status status = check_items(job, err);
    if (status == ORI_OK)
        status = check_text("the webhook's URL", job->webhook_url, ORI_LIMIT_MAX_URL_BYTES, err);
    if (status == ORI_OK)
        status = check_text("Idempotency-Key", job->idempotency_key,
                            ORI_LIMIT_MAX_IDEMPOTENCY_KEY_BYTES, err);
    return status == ORI_OK ? store->ops->add(store, job, now_us, ret_job, ret_is_old, err)
                            : status;
}

/* ---- reading ---- */

ori_status ori_job_store_get(struct ori_job_store *store, const char *job_id,
                             struct ori_job *ret_job, struct ori_error *err)
{
    ORI_ASSERT(store && job_id && ret_job);
    return store->ops->get(store, job_id, ret_job, err);
}

ori_status ori_job_store_list(struct ori_job_store *store, const struct ori_job_query *query,
                              ori_job_visit_fn visit, void *self, int64_t *ret_total,
                              struct ori_error *err)
{
    ORI_ASSERT(store && query && visit && ret_total);
    ORI_ASSERT(query->offset >= 0 && query->limit >= 0);
    return store->ops->list(store, query, visit, self, ret_total, err);
}

ori_status ori_job_store_items(struct ori_job_store *store, int64_t job, uint32_t position,
                               size_t limit, ori_job_item_visit_fn visit, void *self,
                               struct ori_error *err)
{
    ORI_ASSERT(store && visit);
    return store->ops->items(store, job, position, limit, visit, self, err);
}

ori_status ori_job_store_view(struct ori_job_store *store, const char *job_id,
                              const struct ori_job_view *view, struct ori_error *err)
{
    ORI_ASSERT(store && job_id && view && view->job && view->item);
    ORI_ASSERT(view->logs_max <= INT32_MAX && (view->log || view->logs_max == 0));
    return store->ops->view(store, job_id, view, err);
}

ori_status ori_job_store_events(struct ori_job_store *store, int64_t job, int64_t after,
                                size_t limit, ori_job_event_visit_fn visit, void *self,
                                struct ori_error *err)
{
    ORI_ASSERT(store && visit && limit <= INT32_MAX);
    return store->ops->events(store, job, after, limit, visit, self, err);
}

ori_status ori_job_store_last_event(struct ori_job_store *store, int64_t *ret_id,
                                    struct ori_error *err)
{
    ORI_ASSERT(store && ret_id);
    return store->ops->last_event(store, ret_id, err);
}

ori_status ori_job_store_logs(struct ori_job_store *store, int64_t job, bool errors_only,
                              size_t limit, ori_job_event_visit_fn visit, void *self,
                              struct ori_error *err)
{
    ORI_ASSERT(store && visit && limit <= INT32_MAX);
    return store->ops->logs(store, job, errors_only, limit, visit, self, err);
}

ori_status ori_job_store_totals(struct ori_job_store *store, struct ori_job_totals *ret_totals,
                                struct ori_error *err)
{
    ORI_ASSERT(store && ret_totals);
    return store->ops->totals(store, ret_totals, err);
}

/* ---- log lines: foreign words may be in them ---- */

/* One clean line of at most ORI_LIMIT_MAX_JOB_LOG_BYTES; malloc'ed. NULL: memory ran out. */
static char *clean_line(const char *text)
{
    static const char mark[] = "[cut]";
    const size_t bytes_max = ORI_LIMIT_MAX_JOB_LOG_BYTES;
    const size_t bytes = strnlen(text, bytes_max + 1);
    char *line = strndup(text, bytes_max);
    if (!line)
        return NULL;
    ori_utf8_clean(line); /* a character that was cut in two is cleaned as well */
    if (bytes > bytes_max)
        memcpy(line + bytes_max - sizeof mark + 1, mark, sizeof mark);
    ori_utf8_clean(line); /* and one that the mark cut */
    return line;
}

ori_status ori_job_store_log(struct ori_job_store *store, int64_t job, const char *level,
                             const char *text, int64_t now_us, struct ori_error *err)
{
    ORI_ASSERT(store && level && text);
    char *line = clean_line(text);
    if (!line)
        return ori_error_set(err, ORI_NOMEM, "a line of a job's log");
    const ori_status status = store->ops->log(store, job, level, line, now_us, err);
    free(line);
    return status;
}

/* ---- work ---- */

ori_status ori_job_store_claim(struct ori_job_store *store, const struct ori_job_claim_rules *rules,
                               struct ori_job_claim *ret_claim, int64_t *ret_next_us,
                               struct ori_error *err)
{
    ORI_ASSERT(store && rules && ret_claim && ret_next_us);
    ORI_ASSERT(rules->jobs_max >= 1 && rules->quantum >= 1 && rules->lease_us >= 1);
    return store->ops->claim(store, rules, ret_claim, ret_next_us, err);
}

ori_status ori_job_store_beat(struct ori_job_store *store, struct ori_job_beat *beats, size_t count,
                              int64_t lease_us, int64_t now_us, struct ori_error *err)
{
    ORI_ASSERT(store && (beats || count == 0));
    for (size_t i = 0; i < count; i++)
        ORI_ASSERT(beats[i].stage && strlen(beats[i].stage) < ORI_JOB_STAGE_BYTES);
    return count == 0 ? ORI_OK : store->ops->beat(store, beats, count, lease_us, now_us, err);
}

ori_status ori_job_store_finish(struct ori_job_store *store, const struct ori_job_claim *claim,
                                const struct ori_job_outcome *outcome, int64_t now_us,
                                struct ori_error *err)
{
    ORI_ASSERT(store && claim && outcome);
    struct ori_job_outcome clean = *outcome;
    char *message = outcome->message ? clean_line(outcome->message) : NULL;
    if (outcome->message && !message)
        return ori_error_set(err, ORI_NOMEM, "a line of a job's log");
    clean.message = message;
    ori_utf8_clean(clean.error.message);
    const ori_status status = store->ops->finish(store, claim, &clean, now_us, err);
    free(message);
    return status;
}

ori_status ori_job_store_reclaim(struct ori_job_store *store, int64_t now_us, int64_t *ret_count,
                                 struct ori_error *err)
{
    ORI_ASSERT(store && ret_count);
    return store->ops->reclaim(store, now_us, ret_count, err);
}

/* ---- what a client asks for ---- */

ori_status ori_job_store_stop(struct ori_job_store *store, const char *job_id, int64_t now_us,
                              struct ori_job *ret_job, struct ori_error *err)
{
    ORI_ASSERT(store && job_id && ret_job);
    return store->ops->stop(store, job_id, now_us, ret_job, err);
}

ori_status ori_job_store_start(struct ori_job_store *store, const char *job_id, int64_t now_us,
                               struct ori_job *ret_job, struct ori_error *err)
{
    ORI_ASSERT(store && job_id && ret_job);
    return store->ops->start(store, job_id, now_us, ret_job, err);
}

ori_status ori_job_store_delete(struct ori_job_store *store, const char *job_id,
                                struct ori_error *err)
{
    ORI_ASSERT(store && job_id);
    return store->ops->remove(store, job_id, err);
}

ori_status ori_job_store_expire(struct ori_job_store *store, int64_t before_us, size_t limit,
                                int64_t *ret_count, struct ori_error *err)
{
    ORI_ASSERT(store && ret_count);
    return store->ops->expire(store, before_us, limit, ret_count, err);
}

/* ---- webhooks ---- */

ori_status ori_job_store_due(struct ori_job_store *store, int64_t now_us,
                             struct ori_job_delivery *ret_delivery, int64_t *ret_next_us,
                             struct ori_error *err)
{
    ORI_ASSERT(store && ret_delivery && ret_next_us);
    return store->ops->due(store, now_us, ret_delivery, ret_next_us, err);
}

ori_status ori_job_store_delivered(struct ori_job_store *store, int64_t id, int64_t next_us,
                                   const char *why, int64_t now_us, struct ori_error *err)
{
    ORI_ASSERT(store && next_us >= 0);
    char *line = why ? clean_line(why) : NULL;
    if (why && !line)
        return ori_error_set(err, ORI_NOMEM, "a line of a job's log");
    const ori_status status = store->ops->delivered(store, id, next_us, line, now_us, err);
    free(line);
    return status;
}
