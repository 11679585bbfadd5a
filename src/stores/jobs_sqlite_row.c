#include "stores/jobs_sqlite_priv.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

_Static_assert(ORI_JOB_PENDING == 0 && ORI_JOB_RUNNING == 1, "jobs_sqlite_tbl.h");
_Static_assert(ORI_ITEM_WAITING == 0 && ORI_ITEM_PROCESSING == 1, "jobs_sqlite_tbl.h");
_Static_assert(ORI_ITEM_FAILED == 3 && ORI_ITEM_STOPPED == 4, "jobs_sqlite_tbl.h");
_Static_assert(ORI_JOB_EVENT_LOG == 3, "jobs_sqlite_tbl.h");

/* ---- statements ---- */

static sqlite3_stmt *bind(struct ori_sqlite *db, int which, const int64_t *values, int count,
                          ori_status *ret_status, struct ori_error *err)
{
    sqlite3_stmt *statement = ori_sqlite_statement(db, which, ret_status, err);
    for (int i = 0; statement && i < count; i++)
        sqlite3_bind_int64(statement, i + 1, values[i]);
    return statement;
}

sqlite3_stmt *ori_job_tx_statement(struct ori_job_tx *tx, int which, const int64_t *values,
                                   int count, ori_status *ret_status, struct ori_error *err)
{
    return bind(tx->db, which, values, count, ret_status, err);
}

ori_status ori_job_tx_run(struct ori_job_tx *tx, int which, const int64_t *values, int count,
                          struct ori_error *err)
{
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = bind(tx->db, which, values, count, &status, err);
    return statement ? ori_sqlite_finish(tx->db, statement, err) : status;
}

ori_status ori_job_tx_ask(struct ori_job_tx *tx, int which, const int64_t *values, int count,
                          int64_t *ret_columns, int columns, struct ori_error *err)
{
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = bind(tx->db, which, values, count, &status, err);
    if (!statement)
        return status;
    status = ori_sqlite_step(tx->db, statement, err);
    for (int i = 0; status == ORI_OK && i < columns; i++)
        ret_columns[i] = sqlite3_column_int64(statement, i);
    sqlite3_reset(statement);
    return status;
}

/* ---- the store's row and transactions ---- */

enum { STORE_INTEGERS = sizeof(struct ori_job_store_row) / sizeof(int64_t) };

ori_status ori_job_sqlite_read_store(struct ori_sqlite *db, struct ori_job_store_row *ret_row,
                                     struct ori_error *err)
{
    int64_t integers[STORE_INTEGERS];
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_sqlite_statement(db, ORI_JQ_STORE, &status, err);
    if (!statement)
        return status;
    status = ori_sqlite_step(db, statement, err);
    if (status == ORI_EOF)
        return ori_sqlite_damaged(db, "its row of totals is missing", err);
    if (status != ORI_OK)
        return status;
    for (int i = 0; i < STORE_INTEGERS; i++)
        integers[i] = sqlite3_column_int64(statement, i + 1);
    sqlite3_reset(statement);
    memcpy(ret_row, integers, sizeof *ret_row);
    return ORI_OK;
}

ori_status ori_job_tx_begin(struct ori_job_sqlite *store, struct ori_job_tx *ret_tx,
                            struct ori_error *err)
{
    *ret_tx = (struct ori_job_tx){.store = store, .db = &store->writer};
    pthread_mutex_lock(&store->write);
    ori_status status = ori_sqlite_is_free(ret_tx->db, err);
    if (status == ORI_OK)
        status = ori_sqlite_run(ret_tx->db, ORI_JQ_BEGIN_WRITE, err);
    if (status == ORI_OK)
        status = ori_job_sqlite_read_store(ret_tx->db, &ret_tx->before, err);
    ret_tx->now = ret_tx->before;
    if (status != ORI_OK) {
        ori_sqlite_rollback(ret_tx->db);
        pthread_mutex_unlock(&store->write);
    }
    return status;
}

static ori_status save_store(struct ori_job_tx *tx, struct ori_error *err)
{
    int64_t integers[STORE_INTEGERS];
    if (memcmp(&tx->before, &tx->now, sizeof tx->now) == 0)
        return ORI_OK;
    memcpy(integers, &tx->now, sizeof integers);
    return ori_job_tx_run(tx, ORI_JQ_SET_STORE, integers, STORE_INTEGERS, err);
}

ori_status ori_job_tx_end(struct ori_job_tx *tx, ori_status status, struct ori_error *err)
{
    struct ori_job_sqlite *store = tx->store;
    if (status == ORI_OK)
        status = save_store(tx, err);
    if (status == ORI_OK)
        status = ori_sqlite_run(tx->db, ORI_JQ_COMMIT, err);
    ori_sqlite_rollback(tx->db);
    if (status == ORI_OK)
        ori_job_sqlite_fold(store);
    pthread_mutex_unlock(&store->write);
    if (status == ORI_OK && tx->now.last_event != tx->before.last_event) {
        const uint64_t one = 1;
        (void)!write(store->base.fd, &one, sizeof one); /* full: it is readable anyway */
    }
    return status;
}

/* ---- jobs ---- */

static void copy_text(char *ret_text, size_t bytes, sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    snprintf(ret_text, bytes, "%s", text ? text : "");
}

struct columns { /* read one after the other */
    sqlite3_stmt *statement;
    int next;
};

static int64_t take(struct columns *columns)
{
    return sqlite3_column_int64(columns->statement, columns->next++);
}

static void take_options(struct columns *columns, struct ori_job_options *options)
{
    options->is_forced = take(columns) != 0;
    options->is_local = take(columns) != 0;
    options->skips_upload = take(columns) != 0;
    options->batch_size = (int)take(columns);
    options->sleep_between_batches = sqlite3_column_double(columns->statement, columns->next++);
    options->priority = (int)take(columns);
}

static void take_counts(struct columns *columns, struct ori_job_counts *counts)
{
    counts->waiting = take(columns);
    counts->processing = take(columns);
    counts->success = take(columns);
    counts->failed = take(columns);
    counts->stopped = take(columns);
}

static void take_turn(struct columns *columns, struct ori_job_row *row)
{
    row->ready = take(columns);
    row->is_stopping = take(columns) != 0;
    row->has_turn = take(columns) != 0;
    row->turn_claims = take(columns);
    row->served = take(columns);
    row->batch_claims = take(columns);
    row->is_paused = take(columns) != 0;
    row->pause_until_us = take(columns);
}

ori_status ori_job_sqlite_read_job(struct ori_sqlite *db, sqlite3_stmt *statement,
                                   struct ori_job_row *ret_row, struct ori_error *err)
{
    struct ori_job *job = &ret_row->job;
    struct columns columns = {statement, 3};
    job->seq = sqlite3_column_int64(statement, 0);
    copy_text(job->job_id, sizeof job->job_id, statement, 1);
    job->has_webhook = sqlite3_column_type(statement, 2) != SQLITE_NULL;
    copy_text(job->webhook_url, sizeof job->webhook_url, statement, 2);
    take_options(&columns, &job->options);
    job->created_us = take(&columns);
    job->counts.total = take(&columns);
    job->updated_us = take(&columns);
    ret_row->ended_us = take(&columns);
    const int64_t state = take(&columns);
    job->progress = (int)take(&columns);
    ret_row->permilles = take(&columns);
    take_counts(&columns, &job->counts);
    take_turn(&columns, ret_row);
    ret_row->events = take(&columns);
    ret_row->logs = take(&columns);
    copy_text(job->webhook_state, sizeof job->webhook_state, statement, columns.next++);
    job->webhook_attempts = (int)take(&columns);
    ret_row->webhook_delivery = take(&columns);
    if (state < 0 || state >= ORI_JOB_STATE_COUNT || job->counts.total < 1)
        return ori_sqlite_damaged(db, "a job in a state there is not", err);
    job->state = (enum ori_job_state)state;
    return ORI_OK;
}

static ori_status one_job(struct ori_job_tx *tx, sqlite3_stmt *statement,
                          struct ori_job_row *ret_row, struct ori_error *err)
{
    ori_status status = ori_sqlite_step(tx->db, statement, err);
    if (status == ORI_EOF)
        return ori_error_set(err, ORI_NOT_FOUND, "Job not found");
    if (status == ORI_OK)
        status = ori_job_sqlite_read_job(tx->db, statement, ret_row, err);
    sqlite3_reset(statement);
    return status;
}

ori_status ori_job_tx_job(struct ori_job_tx *tx, int64_t seq, struct ori_job_row *ret_row,
                          struct ori_error *err)
{
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = bind(tx->db, ORI_JQ_JOB, ORI_VALUES(seq), &status, err);
    return statement ? one_job(tx, statement, ret_row, err) : status;
}

ori_status ori_job_tx_job_of_id(struct ori_job_tx *tx, const char *job_id,
                                struct ori_job_row *ret_row, struct ori_error *err)
{
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_sqlite_statement(tx->db, ORI_JQ_JOB_OF_ID, &status, err);
    if (!statement)
        return status;
    sqlite3_bind_text(statement, 1, job_id, -1, SQLITE_STATIC);
    return one_job(tx, statement, ret_row, err);
}

static bool is_open(const struct ori_job_row *row)
{
    return row->ready > 0 && !row->is_stopping && !row->is_paused &&
           (row->job.state == ORI_JOB_PENDING || row->job.state == ORI_JOB_RUNNING);
}

ori_status ori_job_tx_save_job(struct ori_job_tx *tx, const struct ori_job_row *row,
                               struct ori_error *err)
{
    const struct ori_job *job = &row->job;
    const struct ori_job_counts *counts = &job->counts;
    ori_status status = ORI_OK;
    sqlite3_stmt *statement =
        bind(tx->db, ORI_JQ_SET_JOB,
             ORI_VALUES(job->seq, job->updated_us, row->ended_us, job->state, job->progress,
                        row->permilles, counts->waiting, counts->processing, counts->success,
                        counts->failed, counts->stopped, row->ready, is_open(row), row->is_stopping,
                        row->has_turn, row->turn_claims, row->served, row->batch_claims,
                        row->is_paused, row->pause_until_us, row->events, row->logs),
             &status, err);
    if (!statement)
        return status;
    sqlite3_bind_text(statement, 23, job->webhook_state, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 24, job->webhook_attempts);
    sqlite3_bind_int64(statement, 25, row->webhook_delivery);
    return ori_sqlite_finish(tx->db, statement, err);
}

/* ---- items ---- */

static const char *text_at(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text ? text : "";
}

static void read_item_error(sqlite3_stmt *statement, struct ori_job_error *error)
{
    copy_text(error->code, sizeof error->code, statement, 10);
    copy_text(error->stage, sizeof error->stage, statement, 11);
    copy_text(error->message, sizeof error->message, statement, 12);
    error->is_retryable = sqlite3_column_int(statement, 13) != 0;
}

ori_status ori_job_sqlite_read_item(struct ori_sqlite *db, sqlite3_stmt *statement,
                                    struct ori_job_item *ret_item, struct ori_error *err)
{
    const int state = sqlite3_column_int(statement, 5);
    ret_item->job = sqlite3_column_int64(statement, 0);
    ret_item->position = (uint32_t)sqlite3_column_int64(statement, 1);
    ret_item->id = ori_item_id(ret_item->job, ret_item->position);
    ret_item->platform = text_at(statement, 2);
    ret_item->code = text_at(statement, 3);
    ret_item->url = (const char *)sqlite3_column_text(statement, 4);
    ret_item->attempts = sqlite3_column_int(statement, 6);
    ret_item->frames = sqlite3_column_int(statement, 7);
    ret_item->permille = sqlite3_column_int(statement, 8);
    ret_item->stage = text_at(statement, 9);
    read_item_error(statement, &ret_item->error);
    ret_item->started_us = sqlite3_column_int64(statement, 14);
    ret_item->ended_us = sqlite3_column_int64(statement, 15);
    if (state < 0 || state >= ORI_ITEM_STATE_COUNT)
        return ori_sqlite_damaged(db, "an item in a state there is not", err);
    ret_item->state = (enum ori_item_state)state;
    return ORI_OK;
}

static void copy_item(sqlite3_stmt *statement, const struct ori_job_item *item,
                      struct ori_item_row *ret_row)
{
    *ret_row = (struct ori_item_row){.job = item->job,
                                     .position = item->position,
                                     .has_url = item->url != NULL,
                                     .state = item->state,
                                     .attempts = item->attempts,
                                     .frames = item->frames,
                                     .permille = item->permille,
                                     .error = item->error};
    copy_text(ret_row->platform, sizeof ret_row->platform, statement, 2);
    copy_text(ret_row->code, sizeof ret_row->code, statement, 3);
    copy_text(ret_row->url, sizeof ret_row->url, statement, 4);
    ret_row->is_twin = sqlite3_column_type(statement, 16) != SQLITE_NULL;
    ret_row->first =
        ret_row->is_twin ? (uint32_t)sqlite3_column_int64(statement, 16) : item->position;
    ret_row->queue = sqlite3_column_int(statement, 17);
    ret_row->losses = sqlite3_column_int(statement, 18);
    ret_row->fence = sqlite3_column_int64(statement, 19);
}

ori_status ori_job_tx_item(struct ori_job_tx *tx, int which, const int64_t *values, int count,
                           struct ori_item_row *ret_row, struct ori_error *err)
{
    ori_status status = ORI_OK;
    struct ori_job_item item;
    sqlite3_stmt *statement = bind(tx->db, which, values, count, &status, err);
    if (!statement)
        return status;
    status = ori_sqlite_step(tx->db, statement, err);
    if (status == ORI_OK)
        status = ori_job_sqlite_read_item(tx->db, statement, &item, err);
    if (status == ORI_OK)
        copy_item(statement, &item, ret_row);
    sqlite3_reset(statement);
    return status;
}

ori_status ori_job_tx_save_item(struct ori_job_tx *tx, const struct ori_item_row *row,
                                struct ori_error *err)
{
    const struct ori_job_error *error = &row->error;
    ori_status status = ORI_OK;
    sqlite3_stmt *statement =
        bind(tx->db, ORI_JQ_SET_ITEM,
             ORI_VALUES(row->job, row->position, row->state, row->queue, row->attempts, row->losses,
                        row->frames, row->permille, row->not_before_us, row->ended_us),
             &status, err);
    if (!statement)
        return status;
    if (error->code[0]) { /* else NULL, as after clear_bindings */
        sqlite3_bind_text(statement, 11, error->code, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 12, error->stage, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 13, error->message, -1, SQLITE_STATIC);
        sqlite3_bind_int(statement, 14, error->is_retryable);
    }
    return ori_sqlite_finish(tx->db, statement, err);
}

/* ---- changes of state ---- */

void ori_job_tx_move_job(struct ori_job_tx *tx, struct ori_job_row *row, enum ori_job_state to)
{
    ori_job_assert_move(row->job.state, to);
    tx->now.jobs[row->job.state]--;
    tx->now.jobs[to]++;
    row->job.state = to;
}

static int64_t *count_of(struct ori_job_counts *counts, enum ori_item_state state)
{
    int64_t *const by_state[ORI_ITEM_STATE_COUNT] = {
        [ORI_ITEM_WAITING] = &counts->waiting, [ORI_ITEM_PROCESSING] = &counts->processing,
        [ORI_ITEM_SUCCESS] = &counts->success, [ORI_ITEM_FAILED] = &counts->failed,
        [ORI_ITEM_STOPPED] = &counts->stopped,
    };
    return by_state[state];
}

void ori_job_tx_move_item(struct ori_job_tx *tx, struct ori_job_row *row, struct ori_item_row *item,
                          enum ori_item_state to)
{
    ori_item_assert_move(item->state, to);
    (*count_of(&row->job.counts, item->state))--;
    (*count_of(&row->job.counts, to))++;
    tx->now.items[item->state]--;
    tx->now.items[to]++;
    item->state = to;
}

bool ori_job_row_advance(struct ori_job_row *row)
{
    int64_t percent = row->permilles / (10 * row->job.counts.total);
    if (percent > 99)
        percent = 99; /* 100 is for the end alone */
    if (percent <= row->job.progress)
        return false;
    row->job.progress = (int)percent;
    return true;
}

/* A stop that came when all items were done already has stopped nothing. */
static enum ori_job_state end_of(const struct ori_job_row *row)
{
    const struct ori_job_counts *counts = &row->job.counts;
    if (counts->success == counts->total)
        return ORI_JOB_COMPLETED;
    if (row->is_stopping || counts->stopped == counts->total)
        return ORI_JOB_STOPPED;
    return counts->success > 0 ? ORI_JOB_COMPLETED : ORI_JOB_FAILED;
}

ori_status ori_job_tx_settle(struct ori_job_tx *tx, struct ori_job_row *row, int64_t now_us,
                             struct ori_error *err)
{
    if (row->job.counts.waiting > 0 || row->job.counts.processing > 0)
        return ORI_OK;
    ori_job_tx_move_job(tx, row, end_of(row));
    row->ended_us = now_us > 0 ? now_us : 1; /* 0 says: not ended */
    row->job.progress = 100;
    row->is_stopping = false;
    row->is_paused = false;
    row->turn_claims = 0;
    tx->now.turns -= row->has_turn;
    row->has_turn = false;
    ori_status status = ori_job_tx_tell_state(tx, row, now_us, err);
    if (status == ORI_OK && row->job.has_webhook)
        status = ori_job_tx_add_delivery(tx, row, now_us, err);
    return status;
}
