#include "stores/jobs_sqlite_priv.h"
#include "util/buf.h"

enum { LOG_DATA_BYTES = 65536 }; /* a log line with each byte escaped, and the rest */

ori_status ori_job_sqlite_check(struct ori_job_store *base, struct ori_error *err)
{
    struct ori_job_totals totals;
    return ori_job_sqlite_totals(base, &totals, err);
}

static ori_status read_job(struct ori_sqlite *db, const char *job_id, struct ori_job_row *ret_row,
                           struct ori_error *err)
{
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_sqlite_statement(db, ORI_JQ_JOB_OF_ID, &status, err);
    if (statement) {
        sqlite3_bind_text(statement, 1, job_id, -1, SQLITE_STATIC);
        status = ori_sqlite_step(db, statement, err);
    }
    if (status == ORI_EOF)
        status = ori_error_set(err, ORI_NOT_FOUND, "Job not found");
    else if (status == ORI_OK)
        status = ori_job_sqlite_read_job(db, statement, ret_row, err);
    return status;
}

ori_status ori_job_sqlite_get(struct ori_job_store *base, const char *job_id,
                              struct ori_job *ret_job, struct ori_error *err)
{
    struct ori_job_sqlite *store = ori_job_sqlite_of(base);
    struct ori_sqlite *db = NULL;
    struct ori_job_row row;
    ori_status status = ori_job_sqlite_lease(store, false, &db, err);
    if (status != ORI_OK)
        return status;
    status = read_job(db, job_id, &row, err);
    ori_job_sqlite_release(store, db);
    if (status == ORI_OK)
        *ret_job = row.job;
    return status;
}

/* ---- items ---- */

static ori_status visit_items(struct ori_sqlite *db, int64_t job, uint32_t position, size_t limit,
                              ori_job_item_visit_fn visit, void *self, struct ori_error *err)
{
    struct ori_job_item item;
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_sqlite_statement(db, ORI_JQ_ITEMS, &status, err);
    if (statement) {
        sqlite3_bind_int64(statement, 1, job);
        sqlite3_bind_int64(statement, 2, position);
        sqlite3_bind_int64(statement, 3, limit == 0 || limit > INT32_MAX ? -1 : (int64_t)limit);
    }
    while (status == ORI_OK && (status = ori_sqlite_step(db, statement, err)) == ORI_OK) {
        status = ori_job_sqlite_read_item(db, statement, &item, err);
        if (status == ORI_OK)
            status = visit(self, &item, err);
    }
    return status == ORI_EOF ? ORI_OK : status;
}

ori_status ori_job_sqlite_items(struct ori_job_store *base, int64_t job, uint32_t position,
                                size_t limit, ori_job_item_visit_fn visit, void *self,
                                struct ori_error *err)
{
    struct ori_job_sqlite *store = ori_job_sqlite_of(base);
    struct ori_sqlite *db = NULL;
    ori_status status = ori_job_sqlite_lease(store, false, &db, err);
    if (status != ORI_OK)
        return status;
    status = visit_items(db, job, position, limit, visit, self, err);
    ori_job_sqlite_release(store, db);
    return status;
}

/* ---- list ---- */

static ori_status count_jobs(struct ori_sqlite *db, const struct ori_job_query *query,
                             int64_t *ret_total, struct ori_error *err)
{
    struct ori_job_store_row totals;
    const ori_status status = ori_job_sqlite_read_store(db, &totals, err);
    if (status != ORI_OK)
        return status;
    *ret_total = 0;
    for (int i = 0; i < ORI_JOB_STATE_COUNT; i++) {
        if (!query->has_state || (int)query->state == i)
            *ret_total += totals.jobs[i];
    }
    return ORI_OK;
}

static ori_status visit_jobs(struct ori_sqlite *db, const struct ori_job_query *query,
                             ori_job_visit_fn visit, void *self, struct ori_error *err)
{
    static const int which[2][2] = {{ORI_JQ_LIST_OLDEST, ORI_JQ_LIST_NEWEST},
                                    {ORI_JQ_LIST_STATE_OLDEST, ORI_JQ_LIST_STATE_NEWEST}};
    ori_status status = ORI_OK;
    struct ori_job_row row;
    sqlite3_stmt *statement =
        ori_sqlite_statement(db, which[query->has_state][query->newest_first], &status, err);
    if (!statement)
        return status;
    sqlite3_bind_int64(statement, 1, query->limit);
    sqlite3_bind_int64(statement, 2, query->offset);
    if (query->has_state)
        sqlite3_bind_int(statement, 3, (int)query->state);
    while ((status = ori_sqlite_step(db, statement, err)) == ORI_OK) {
        status = ori_job_sqlite_read_job(db, statement, &row, err);
        if (status == ORI_OK)
            status = visit(self, &row.job, err);
        if (status == ORI_OK && query->item)
            status = visit_items(db, row.job.seq, 0, query->items_max, query->item, self, err);
        if (status != ORI_OK)
            return status;
    }
    return status == ORI_EOF ? ORI_OK : status;
}

ori_status ori_job_sqlite_list(struct ori_job_store *base, const struct ori_job_query *query,
                               ori_job_visit_fn visit, void *self, int64_t *ret_total,
                               struct ori_error *err)
{
    struct ori_job_sqlite *store = ori_job_sqlite_of(base);
    struct ori_sqlite *db = NULL;
    ori_status status = ori_job_sqlite_lease(store, true, &db, err);
    if (status != ORI_OK)
        return status;
    status = count_jobs(db, query, ret_total, err);
    if (status == ORI_OK)
        status = visit_jobs(db, query, visit, self, err);
    ori_job_sqlite_release(store, db);
    return status;
}

/* ---- events and logs ---- */

static ori_status visit_events(struct ori_sqlite *db, int which, const int64_t values[3],
                               ori_job_event_visit_fn visit, void *self, struct ori_error *err)
{
    struct ori_job_event event;
    struct ori_buf buf;
    ori_status status = ORI_OK;
    ori_buf_init(&buf, LOG_DATA_BYTES);
    sqlite3_stmt *statement = ori_sqlite_statement(db, which, &status, err);
    for (int i = 0; statement && i < 3; i++)
        sqlite3_bind_int64(statement, i + 1, values[i]);
    while (status == ORI_OK && (status = ori_sqlite_step(db, statement, err)) == ORI_OK) {
        status = ori_job_sqlite_read_event(db, statement, &buf, &event, err);
        if (status == ORI_OK)
            status = visit(self, &event, err);
    }
    ori_buf_deinit(&buf);
    return status == ORI_EOF ? ORI_OK : status;
}

static ori_status read_events(struct ori_job_store *base, int which, const int64_t values[3],
                              ori_job_event_visit_fn visit, void *self, struct ori_error *err)
{
    struct ori_job_sqlite *store = ori_job_sqlite_of(base);
    struct ori_sqlite *db = NULL;
    ori_status status = ori_job_sqlite_lease(store, false, &db, err);
    if (status != ORI_OK)
        return status;
    status = visit_events(db, which, values, visit, self, err);
    ori_job_sqlite_release(store, db);
    return status;
}

ori_status ori_job_sqlite_events(struct ori_job_store *base, int64_t job, int64_t after,
                                 size_t limit, ori_job_event_visit_fn visit, void *self,
                                 struct ori_error *err)
{
    return read_events(base, job ? ORI_JQ_EVENTS_OF_JOB : ORI_JQ_EVENTS_ALL,
                       (const int64_t[]){job, after, (int64_t)limit}, visit, self, err);
}

ori_status ori_job_sqlite_logs(struct ori_job_store *base, int64_t job, bool errors_only,
                               size_t limit, ori_job_event_visit_fn visit, void *self,
                               struct ori_error *err)
{
    return read_events(base, ORI_JQ_LOGS, (const int64_t[]){job, errors_only, (int64_t)limit},
                       visit, self, err);
}

/* ---- all of one job ---- */

ori_status ori_job_sqlite_view(struct ori_job_store *base, const char *job_id,
                               const struct ori_job_view *view, struct ori_error *err)
{
    struct ori_job_sqlite *store = ori_job_sqlite_of(base);
    struct ori_sqlite *db = NULL;
    struct ori_job_row row;
    ori_status status = ori_job_sqlite_lease(store, true, &db, err);
    if (status != ORI_OK)
        return status;
    status = read_job(db, job_id, &row, err);
    if (status == ORI_OK)
        status = view->job(view->self, &row.job, err);
    if (status == ORI_OK)
        status = visit_items(db, row.job.seq, 0, 0, view->item, view->self, err);
    if (status == ORI_OK && view->logs_max > 0)
        status = visit_events(db, ORI_JQ_LOGS,
                              (const int64_t[]){row.job.seq, false, (int64_t)view->logs_max},
                              view->log, view->self, err);
    ori_job_sqlite_release(store, db);
    return status;
}

/* ---- the store as a whole ---- */

static ori_status read_totals(struct ori_job_store *base, struct ori_job_store_row *ret_row,
                              struct ori_error *err)
{
    struct ori_job_sqlite *store = ori_job_sqlite_of(base);
    struct ori_sqlite *db = NULL;
    ori_status status = ori_job_sqlite_lease(store, false, &db, err);
    if (status != ORI_OK)
        return status;
    status = ori_job_sqlite_read_store(db, ret_row, err);
    ori_job_sqlite_release(store, db);
    return status;
}

ori_status ori_job_sqlite_last_event(struct ori_job_store *base, int64_t *ret_id,
                                     struct ori_error *err)
{
    struct ori_job_store_row row;
    const ori_status status = read_totals(base, &row, err);
    if (status == ORI_OK)
        *ret_id = row.last_event;
    return status;
}

ori_status ori_job_sqlite_totals(struct ori_job_store *base, struct ori_job_totals *ret_totals,
                                 struct ori_error *err)
{
    struct ori_job_store_row row;
    const ori_status status = read_totals(base, &row, err);
    if (status != ORI_OK)
        return status;
    for (int i = 0; i < ORI_JOB_STATE_COUNT; i++)
        ret_totals->jobs[i] = row.jobs[i];
    for (int i = 0; i < ORI_ITEM_STATE_COUNT; i++)
        ret_totals->items[i] = row.items[i];
    ret_totals->turns = row.turns;
    ret_totals->dead_webhooks = row.dead_webhooks;
    return ORI_OK;
}

ori_status ori_job_sqlite_log(struct ori_job_store *base, int64_t job, const char *level,
                              const char *text, int64_t now_us, struct ori_error *err)
{
    struct ori_job_tx tx;
    struct ori_job_row row;
    ori_status status = ori_job_tx_begin(ori_job_sqlite_of(base), &tx, err);
    if (status != ORI_OK)
        return status;
    status = ori_job_tx_job(&tx, job, &row, err);
    if (status == ORI_OK)
        status = ori_job_tx_tell_log(&tx, &row, level, text, now_us, err);
    if (status == ORI_OK)
        status = ori_job_tx_save_job(&tx, &row, err);
    return ori_job_tx_end(&tx, status, err);
}
