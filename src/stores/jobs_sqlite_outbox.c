#include <stdio.h>
#include <string.h>

#include "stores/jobs_sqlite_priv.h"

static void set_state(struct ori_job *job, const char *word)
{
    snprintf(job->webhook_state, sizeof job->webhook_state, "%s", word);
}

ori_status ori_job_tx_add_delivery(struct ori_job_tx *tx, struct ori_job_row *row, int64_t now_us,
                                   struct ori_error *err)
{
    const struct ori_job_counts *counts = &row->job.counts;
    row->webhook_delivery = ++tx->now.last_delivery;
    row->job.webhook_attempts = 0;
    set_state(&row->job, "pending");
    return ori_job_tx_run(tx, ORI_JQ_ADD_DELIVERY,
                          ORI_VALUES(row->webhook_delivery, row->job.seq, row->job.state,
                                     counts->total, counts->success, counts->failed,
                                     counts->stopped, now_us),
                          err);
}

static ori_status read_delivery(struct ori_sqlite *db, sqlite3_stmt *statement,
                                struct ori_job_delivery *ret_delivery, struct ori_error *err)
{
    const char *job_id = (const char *)sqlite3_column_text(statement, 1);
    const char *url = (const char *)sqlite3_column_text(statement, 2);
    const int state = sqlite3_column_int(statement, 3);
    if (!job_id || !url || state < 0 || state >= ORI_JOB_STATE_COUNT)
        return ori_sqlite_damaged(db, "a webhook without a job", err);
    *ret_delivery = (struct ori_job_delivery){
        .id = sqlite3_column_int64(statement, 0),
        .state = (enum ori_job_state)state,
        .counts = {.total = sqlite3_column_int64(statement, 4),
                   .success = sqlite3_column_int64(statement, 5),
                   .failed = sqlite3_column_int64(statement, 6),
                   .stopped = sqlite3_column_int64(statement, 7)},
        .ts_us = sqlite3_column_int64(statement, 8),
        .attempts = sqlite3_column_int(statement, 9),
    };
    snprintf(ret_delivery->job_id, sizeof ret_delivery->job_id, "%s", job_id);
    snprintf(ret_delivery->url, sizeof ret_delivery->url, "%s", url);
    return ORI_OK;
}

ori_status ori_job_sqlite_due(struct ori_job_store *base, int64_t now_us,
                              struct ori_job_delivery *ret_delivery, int64_t *ret_next_us,
                              struct ori_error *err)
{
    struct ori_job_sqlite *store = ori_job_sqlite_of(base);
    struct ori_sqlite *db = NULL;
    int64_t next_us = 0;
    ori_status status = ori_job_sqlite_lease(store, false, &db, err);
    if (status != ORI_OK)
        return status;
    sqlite3_stmt *statement = ori_sqlite_statement(db, ORI_JQ_DUE, &status, err);
    if (statement)
        status = ori_sqlite_step(db, statement, err);
    if (status == ORI_OK)
        next_us = sqlite3_column_int64(statement, 10);
    if (status == ORI_EOF) {
        *ret_next_us = INT64_MAX;
        status = ORI_AGAIN;
    } else if (status == ORI_OK && next_us > now_us &&
               next_us - now_us <= ORI_JOB_DELIVERY_WAIT_MAX_US) {
        *ret_next_us = next_us;
        status = ORI_AGAIN;
    } else if (status == ORI_OK) {
        status = read_delivery(db, statement, ret_delivery, err);
    }
    ori_job_sqlite_release(store, db);
    return status;
}

static ori_status save_delivery(struct ori_job_tx *tx, int64_t id, int64_t attempts,
                                int64_t next_us, struct ori_error *err)
{
    ori_status status = ORI_OK;
    if (next_us == 0)
        return ori_job_tx_run(tx, ORI_JQ_REMOVE_DELIVERY, ORI_VALUES(id), err);
    sqlite3_stmt *statement =
        ori_job_tx_statement(tx, ORI_JQ_SET_DELIVERY, ORI_VALUES(id, attempts), &status, err);
    if (!statement)
        return status;
    if (next_us != INT64_MAX) /* else NULL: dead */
        sqlite3_bind_int64(statement, 3, next_us);
    return ori_sqlite_finish(tx->db, statement, err);
}

/* A job that was started again may have ended again: it shows its last webhook. */
static void show(struct ori_job_row *row, int64_t id, int64_t attempts, int64_t next_us)
{
    if (row->webhook_delivery != id)
        return;
    row->job.webhook_attempts = (int)attempts;
    set_state(&row->job, next_us == 0 ? "delivered" : next_us == INT64_MAX ? "dead" : "pending");
}

static ori_status delivered(struct ori_job_tx *tx, int64_t id, int64_t next_us, const char *why,
                            int64_t now_us, struct ori_error *err)
{
    struct ori_job_row row;
    int64_t delivery[2] = {0}; /* job, attempts */
    ori_status status = ori_job_tx_ask(tx, ORI_JQ_DELIVERY, ORI_VALUES(id), delivery, 2, err);
    if (status == ORI_EOF)
        return ori_error_set(err, ORI_NOT_FOUND, "there is no such webhook waiting");
    if (status == ORI_OK)
        status = ori_job_tx_job(tx, delivery[0], &row, err);
    if (status == ORI_OK)
        status = save_delivery(tx, id, delivery[1] + 1, next_us, err);
    if (status != ORI_OK)
        return status;
    tx->now.dead_webhooks += next_us == INT64_MAX;
    show(&row, id, delivery[1] + 1, next_us);
    row.job.updated_us = now_us;
    if (why && why[0])
        status = ori_job_tx_tell_log(tx, &row, next_us == 0 ? "info" : "warn", why, now_us, err);
    return status == ORI_OK ? ori_job_tx_save_job(tx, &row, err) : status;
}

ori_status ori_job_sqlite_delivered(struct ori_job_store *base, int64_t id, int64_t next_us,
                                    const char *why, int64_t now_us, struct ori_error *err)
{
    struct ori_job_tx tx;
    ori_status status = ori_job_tx_begin(ori_job_sqlite_of(base), &tx, err);
    if (status != ORI_OK)
        return status;
    status = delivered(&tx, id, next_us, why, now_us, err);
    return ori_job_tx_end(&tx, status, err);
}
