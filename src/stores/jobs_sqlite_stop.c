#include "stores/jobs_sqlite_priv.h"

/* ---- stop ---- */

static bool has_ended(const struct ori_job_row *row)
{
    return row->job.state != ORI_JOB_PENDING && row->job.state != ORI_JOB_RUNNING;
}

/* All waiting items at once: their number does not matter to a client that wants them gone. */
static ori_status stop_waiting(struct ori_job_tx *tx, struct ori_job_row *row, int64_t now_us,
                               struct ori_error *err)
{
    struct ori_job_counts *counts = &row->job.counts;
    int64_t permilles = 0; /* of the waiting items, as far as they had come before a retry */
    ori_status status =
        ori_job_tx_ask(tx, ORI_JQ_WAITING_PERMILLES, ORI_VALUES(row->job.seq), &permilles, 1, err);
    if (status == ORI_OK)
        status = ori_job_tx_run(tx, ORI_JQ_STOP_ITEMS, ORI_VALUES(row->job.seq, now_us), err);
    if (status != ORI_OK)
        return status;
    row->permilles += 1000 * counts->waiting - permilles;
    tx->now.items[ORI_ITEM_WAITING] -= counts->waiting;
    tx->now.items[ORI_ITEM_STOPPED] += counts->waiting;
    counts->stopped += counts->waiting;
    counts->waiting = 0;
    row->ready = 0;
    row->is_stopping = true;
    row->is_paused = false;
    row->job.updated_us = now_us;
    (void)ori_job_row_advance(row);
    return ORI_OK;
}

static ori_status stop(struct ori_job_tx *tx, struct ori_job_row *row, int64_t now_us,
                       struct ori_error *err)
{
    if (has_ended(row))
        return ori_error_set(err, ORI_WRONG_STATE, "the job has ended already: it is %s",
                             ori_job_state_word(row->job.state));
    if (row->is_stopping)
        return ORI_OK;
    ori_status status = stop_waiting(tx, row, now_us, err);
    if (status == ORI_OK && row->job.counts.processing > 0)
        status = ori_job_tx_tell_state(tx, row, now_us, err);
    if (status == ORI_OK)
        status = ori_job_tx_settle(tx, row, now_us, err);
    if (status == ORI_OK)
        status = ori_job_tx_save_job(tx, row, err);
    return status == ORI_OK ? ori_job_tx_unstrand(tx, NULL, err) : status;
}

/* ---- start ---- */

static ori_status requeue_items(struct ori_job_tx *tx, struct ori_job_row *row,
                                struct ori_error *err)
{
    const int64_t seq = row->job.seq;
    ori_status status = ori_job_tx_run(tx, ORI_JQ_START_ITEMS, ORI_VALUES(seq), err);
    if (status == ORI_OK)
        status = ori_job_tx_run(tx, ORI_JQ_START_TWINS, ORI_VALUES(seq), err);
    if (status == ORI_OK)
        status = ori_job_tx_ask(tx, ORI_JQ_COUNT_READY, ORI_VALUES(seq), &row->ready, 1, err);
    return status;
}

static ori_status start(struct ori_job_tx *tx, struct ori_job_row *row, int64_t now_us,
                        struct ori_error *err)
{
    struct ori_job_counts *counts = &row->job.counts;
    if (row->job.state == ORI_JOB_PENDING)
        return ORI_OK;
    if (row->job.state != ORI_JOB_FAILED && row->job.state != ORI_JOB_STOPPED)
        return ori_error_set(err, ORI_WRONG_STATE,
                             "the job is %s: only one that failed or was "
                             "stopped can be started again",
                             ori_job_state_word(row->job.state));
    ori_status status = requeue_items(tx, row, err);
    if (status != ORI_OK)
        return status;
    tx->now.items[ORI_ITEM_FAILED] -= counts->failed;
    tx->now.items[ORI_ITEM_STOPPED] -= counts->stopped;
    tx->now.items[ORI_ITEM_WAITING] += counts->failed + counts->stopped;
    counts->waiting = counts->failed + counts->stopped;
    counts->failed = 0;
    counts->stopped = 0;
    row->permilles = 1000 * counts->success;
    row->job.progress = 0;
    (void)ori_job_row_advance(row);
    row->batch_claims = 0;
    row->ended_us = 0;
    row->job.updated_us = now_us;
    ori_job_tx_move_job(tx, row, ORI_JOB_PENDING);
    status = ori_job_tx_tell_state(tx, row, now_us, err);
    return status == ORI_OK ? ori_job_tx_save_job(tx, row, err) : status;
}

typedef ori_status (*change_fn)(struct ori_job_tx *tx, struct ori_job_row *row, int64_t now_us,
                                struct ori_error *err);

static ori_status change(struct ori_job_store *base, const char *job_id, change_fn how,
                         int64_t now_us, struct ori_job *ret_job, struct ori_error *err)
{
    struct ori_job_tx tx;
    struct ori_job_row row;
    ori_status status = ori_job_tx_begin(ori_job_sqlite_of(base), &tx, err);
    if (status != ORI_OK)
        return status;
    status = ori_job_tx_job_of_id(&tx, job_id, &row, err);
    if (status == ORI_OK)
        status = how(&tx, &row, now_us, err);
    status = ori_job_tx_end(&tx, status, err);
    if (status == ORI_OK)
        *ret_job = row.job;
    return status;
}

ori_status ori_job_sqlite_stop(struct ori_job_store *base, const char *job_id, int64_t now_us,
                               struct ori_job *ret_job, struct ori_error *err)
{
    return change(base, job_id, stop, now_us, ret_job, err);
}

ori_status ori_job_sqlite_start(struct ori_job_store *base, const char *job_id, int64_t now_us,
                                struct ori_job *ret_job, struct ori_error *err)
{
    return change(base, job_id, start, now_us, ret_job, err);
}

/* ---- delete ---- */

static void forget_totals(struct ori_job_tx *tx, const struct ori_job_row *row)
{
    const struct ori_job_counts *counts = &row->job.counts;
    tx->now.items[ORI_ITEM_WAITING] -= counts->waiting;
    tx->now.items[ORI_ITEM_SUCCESS] -= counts->success;
    tx->now.items[ORI_ITEM_FAILED] -= counts->failed;
    tx->now.items[ORI_ITEM_STOPPED] -= counts->stopped;
    tx->now.jobs[row->job.state]--;
    tx->now.turns -= row->has_turn;
}

static ori_status remove_job(struct ori_job_tx *tx, const struct ori_job_row *row,
                             struct ori_error *err)
{
    static const int which[] = {ORI_JQ_REMOVE_ITEMS, ORI_JQ_REMOVE_EVENTS, ORI_JQ_REMOVE_DELIVERIES,
                                ORI_JQ_REMOVE_JOB};
    int64_t dead = 0;
    if (row->job.counts.processing > 0)
        return ori_error_set(err, ORI_WRONG_STATE,
                             "videos of the job are in process: stop it first");
    ori_status status =
        ori_job_tx_ask(tx, ORI_JQ_COUNT_DEAD, ORI_VALUES(row->job.seq), &dead, 1, err);
    for (size_t i = 0; i < sizeof which / sizeof which[0] && status == ORI_OK; i++)
        status = ori_job_tx_run(tx, which[i], ORI_VALUES(row->job.seq), err);
    if (status != ORI_OK)
        return status;
    tx->now.dead_webhooks -= dead;
    forget_totals(tx, row);
    return ori_job_tx_unstrand(tx, NULL, err);
}

ori_status ori_job_sqlite_remove(struct ori_job_store *base, const char *job_id,
                                 struct ori_error *err)
{
    struct ori_job_tx tx;
    struct ori_job_row row;
    ori_status status = ori_job_tx_begin(ori_job_sqlite_of(base), &tx, err);
    if (status != ORI_OK)
        return status;
    status = ori_job_tx_job_of_id(&tx, job_id, &row, err);
    if (status == ORI_OK)
        status = remove_job(&tx, &row, err);
    return ori_job_tx_end(&tx, status, err);
}

static ori_status expire_one(struct ori_job_sqlite *store, int64_t before_us, struct ori_error *err)
{
    struct ori_job_tx tx;
    struct ori_job_row row;
    int64_t seq = 0;
    ori_status status = ori_job_tx_begin(store, &tx, err);
    if (status != ORI_OK)
        return status;
    const ori_status found =
        ori_job_tx_ask(&tx, ORI_JQ_EXPIRED, ORI_VALUES(before_us), &seq, 1, err);
    status = found == ORI_EOF ? ORI_OK : found;
    if (found == ORI_OK)
        status = ori_job_tx_job(&tx, seq, &row, err);
    if (found == ORI_OK && status == ORI_OK)
        status = remove_job(&tx, &row, err);
    status = ori_job_tx_end(&tx, status, err);
    return status == ORI_OK ? found : status;
}

/* A transaction a job, so that a worker that wants to claim waits for one of them at most. */
ori_status ori_job_sqlite_expire(struct ori_job_store *base, int64_t before_us, size_t limit,
                                 int64_t *ret_count, struct ori_error *err)
{
    ori_status status = ORI_OK;
    *ret_count = 0;
    while ((size_t)*ret_count < limit && status == ORI_OK) {
        status = expire_one(ori_job_sqlite_of(base), before_us, err);
        *ret_count += status == ORI_OK;
    }
    return status == ORI_EOF ? ORI_OK : status;
}
