#include "stores/jobs_sqlite_priv.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/json_out.h"

enum { DATA_BYTES = 32768 }; /* platform, code and message, each byte escaped, and the rest */

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
    ori_job_put_state(&buf, &row->job);
    return add_data(tx, row, ORI_JOB_EVENT_STATE, &buf, now_us, err);
}

ori_status ori_job_tx_tell_progress(struct ori_job_tx *tx, struct ori_job_row *row, int64_t now_us,
                                    struct ori_error *err)
{
    struct ori_buf buf;
    ori_buf_init(&buf, DATA_BYTES);
    ori_json_begin_object(&buf, NULL);
    ori_json_put_whole(&buf, "progress", row->job.progress);
    ori_job_put_counts(&buf, &row->job.counts);
    ori_json_end_object(&buf);
    return add_data(tx, row, ORI_JOB_EVENT_PROGRESS, &buf, now_us, err);
}

ori_status ori_job_tx_tell_item(struct ori_job_tx *tx, struct ori_job_row *row,
                                const struct ori_item_row *item, int64_t now_us,
                                struct ori_error *err)
{
    struct ori_buf buf;
    ori_buf_init(&buf, DATA_BYTES);
    ori_json_begin_object(&buf, NULL);
    ori_json_put_text(&buf, "platform", item->platform);
    ori_json_put_text(&buf, "code", item->code);
    ori_json_put_text(&buf, "status", ori_item_state_word(item->state));
    ori_json_put_whole(&buf, "frames", item->frames);
    ori_json_put_whole(&buf, "attempts", item->attempts);
    ori_job_put_error(&buf, &item->error, item->attempts);
    ori_json_end_object(&buf);
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
    ori_json_begin_object(buf, NULL);
    ori_json_put_text(buf, "ts", ts);
    ori_json_put_text(buf, "level", event->level);
    ori_json_put_text(buf, "msg", event->text);
    ori_json_end_object(buf);
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
