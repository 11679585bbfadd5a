#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stores/jobs_sqlite_priv.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/json_text.h"

enum { DATA_BYTES = 32768 }; /* platform, code and message, each byte escaped, and the rest */

static void add_text(struct ori_buf *buf, const char *text)
{
    ori_json_add_text(buf, text, strlen(text));
}

static void add_counts(struct ori_buf *buf, const struct ori_job_counts *counts)
{
    ori_buf_printf(buf,
                   "\"counts\":{\"total\":%lld,\"waiting\":%lld,\"processing\":%lld,"
                   "\"success\":%lld,\"failed\":%lld,\"stopped\":%lld}",
                   (long long)counts->total, (long long)counts->waiting,
                   (long long)counts->processing, (long long)counts->success,
                   (long long)counts->failed, (long long)counts->stopped);
}

static ori_status drop_oldest(struct ori_job_tx *tx, struct ori_job_row *row, int which,
                              struct ori_error *err)
{
    int64_t event[2] = {0}; /* id, kind */
    ori_status status = ori_job_tx_ask(tx, which, ORI_VALUES(row->job.seq), event, 2, err);
    if (status == ORI_EOF)
        return ori_sqlite_damaged(tx->db, "events are missing", err);
    if (status == ORI_OK)
        status = ori_job_tx_run(tx, ORI_JQ_REMOVE_EVENT, ORI_VALUES(event[0]), err);
    if (status != ORI_OK)
        return status;
    row->events--;
    row->logs -= event[1] == ORI_JOB_EVENT_LOG;
    return ORI_OK;
}

static ori_status add_event(struct ori_job_tx *tx, struct ori_job_row *row,
                            enum ori_job_event_kind kind, const char *level, const char *text,
                            int64_t now_us, struct ori_error *err)
{
    const struct ori_job_store_limits *limits = &tx->store->limits;
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_job_tx_statement(
        tx, ORI_JQ_ADD_EVENT, ORI_VALUES(tx->now.last_event + 1, row->job.seq, kind, now_us),
        &status, err);
    if (!statement)
        return status;
    sqlite3_bind_text(statement, 5, level, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 6, text, -1, SQLITE_STATIC);
    status = ori_sqlite_finish(tx->db, statement, err);
    sqlite3_clear_bindings(statement);
    if (status != ORI_OK)
        return status;
    tx->now.last_event++;
    row->events++;
    row->logs += kind == ORI_JOB_EVENT_LOG;
    if (row->logs > limits->logs_max)
        status = drop_oldest(tx, row, ORI_JQ_OLDEST_LOG, err);
    if (status == ORI_OK && row->events > limits->events_max)
        status = drop_oldest(tx, row, ORI_JQ_OLDEST_EVENT, err);
    return status;
}

static ori_status add_data(struct ori_job_tx *tx, struct ori_job_row *row,
                           enum ori_job_event_kind kind, struct ori_buf *buf, int64_t now_us,
                           struct ori_error *err)
{
    ori_status status = ori_buf_finish(buf, "event of a job", err);
    if (status == ORI_OK)
        status = add_event(tx, row, kind, "", ori_buf_text(buf), now_us, err);
    ori_buf_deinit(buf);
    return status;
}

ori_status ori_job_tx_tell_state(struct ori_job_tx *tx, struct ori_job_row *row, int64_t now_us,
                                 struct ori_error *err)
{
    struct ori_buf buf;
    ori_buf_init(&buf, DATA_BYTES);
    ori_buf_printf(&buf, "{\"status\":\"%s\",\"progress\":%d,", ori_job_state_word(row->job.state),
                   row->job.progress);
    add_counts(&buf, &row->job.counts);
    ori_buf_add_text(&buf, "}");
    return add_data(tx, row, ORI_JOB_EVENT_STATE, &buf, now_us, err);
}

ori_status ori_job_tx_tell_progress(struct ori_job_tx *tx, struct ori_job_row *row, int64_t now_us,
                                    struct ori_error *err)
{
    struct ori_buf buf;
    ori_buf_init(&buf, DATA_BYTES);
    ori_buf_printf(&buf, "{\"progress\":%d,", row->job.progress);
    add_counts(&buf, &row->job.counts);
    ori_buf_add_text(&buf, "}");
    return add_data(tx, row, ORI_JOB_EVENT_PROGRESS, &buf, now_us, err);
}

static void add_item_error(struct ori_buf *buf, const struct ori_item_row *item)
{
    if (!item->error.code[0]) {
        ori_buf_add_text(buf, "null");
        return;
    }
    ori_buf_add_text(buf, "{\"code\":");
    add_text(buf, item->error.code);
    ori_buf_add_text(buf, ",\"message\":");
    add_text(buf, item->error.message);
    ori_buf_add_text(buf, ",\"stage\":");
    add_text(buf, item->error.stage);
    ori_buf_printf(buf, ",\"retryable\":%s,\"attempts\":%d}",
                   item->error.is_retryable ? "true" : "false", item->attempts);
}

ori_status ori_job_tx_tell_item(struct ori_job_tx *tx, struct ori_job_row *row,
                                const struct ori_item_row *item, int64_t now_us,
                                struct ori_error *err)
{
    struct ori_buf buf;
    ori_buf_init(&buf, DATA_BYTES);
    ori_buf_add_text(&buf, "{\"platform\":");
    add_text(&buf, item->platform);
    ori_buf_add_text(&buf, ",\"code\":");
    add_text(&buf, item->code);
    ori_buf_printf(&buf, ",\"status\":\"%s\",\"frames\":%d,\"attempts\":%d,\"error\":",
                   ori_item_state_word(item->state), item->frames, item->attempts);
    add_item_error(&buf, item);
    ori_buf_add_text(&buf, "}");
    return add_data(tx, row, ORI_JOB_EVENT_ITEM, &buf, now_us, err);
}

ori_status ori_job_tx_tell_log(struct ori_job_tx *tx, struct ori_job_row *row, const char *level,
                               const char *text, int64_t now_us, struct ori_error *err)
{
    return add_event(tx, row, ORI_JOB_EVENT_LOG, level, text, now_us, err);
}

static ori_status log_data(struct ori_buf *buf, const struct ori_job_event *event,
                           struct ori_error *err)
{
    char ts[ORI_CLOCK_TEXT_BYTES];
    ori_clock_rfc3339(event->ts_us, ts);
    ori_buf_clear(buf);
    ori_buf_printf(buf, "{\"ts\":\"%s\",\"level\":", ts);
    add_text(buf, event->level);
    ori_buf_add_text(buf, ",\"msg\":");
    add_text(buf, event->text);
    ori_buf_add_text(buf, "}");
    return ori_buf_finish(buf, "a line of a job's log", err);
}

ori_status ori_job_sqlite_read_event(struct ori_sqlite *db, sqlite3_stmt *statement,
                                     struct ori_buf *buf, struct ori_job_event *ret_event,
                                     struct ori_error *err)
{
    const int kind = sqlite3_column_int(statement, 3);
    const char *text = (const char *)sqlite3_column_text(statement, 6);
    *ret_event = (struct ori_job_event){
        .id = sqlite3_column_int64(statement, 0),
        .job = sqlite3_column_int64(statement, 1),
        .job_id = (const char *)sqlite3_column_text(statement, 2),
        .kind = (enum ori_job_event_kind)kind,
        .ts_us = sqlite3_column_int64(statement, 4),
        .level = (const char *)sqlite3_column_text(statement, 5),
        .text = "",
        .data = text,
    };
    if (kind < ORI_JOB_EVENT_STATE || kind > ORI_JOB_EVENT_LOG || !text || !ret_event->job_id ||
        !ret_event->level)
        return ori_sqlite_damaged(db, "an event of a kind there is not", err);
    if (kind != ORI_JOB_EVENT_LOG)
        return ORI_OK;
    ret_event->text = text;
    const ori_status status = log_data(buf, ret_event, err);
    ret_event->data = ori_buf_text(buf);
    return status;
}
