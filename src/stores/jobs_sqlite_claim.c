#include <stdio.h>
#include <string.h>

#include "stores/jobs_sqlite_priv.h"

enum { STEPS = 64 }; /* blocked items seen in one transaction */

/* The job whose turn it is and its first ready item; ORI_EOF: there is none. */
static ori_status find(struct ori_job_tx *tx, const struct ori_job_claim_rules *rules,
                       struct ori_item_row *ret_item, struct ori_error *err)
{
    int64_t job = 0;
    ori_status status = ori_job_tx_turns(tx, rules, err);
    if (status == ORI_OK)
        status =
            ori_job_tx_ask(tx, ORI_JQ_NEXT_TURN, ORI_VALUES(rules->is_store_away), &job, 1, err);
    if (status != ORI_OK)
        return status;
    status = ori_job_tx_item(tx, ORI_JQ_FIRST_READY, ORI_VALUES(job), ret_item, err);
    if (status == ORI_EOF)
        return ori_sqlite_damaged(tx->db, "a job has fewer ready items than it says", err);
    return status;
}

/* ORI_OK: it is; ORI_EOF: it is not. */
static ori_status is_running(struct ori_job_tx *tx, const struct ori_item_row *item,
                             struct ori_error *err)
{
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_sqlite_statement(tx->db, ORI_JQ_IS_RUNNING, &status, err);
    if (!statement)
        return status;
    sqlite3_bind_text(statement, 1, item->platform, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, item->code, -1, SQLITE_STATIC);
    status = ori_sqlite_step(tx->db, statement, err);
    sqlite3_reset(statement);
    return status;
}

/* A batch is the job's own affair: after its last item was begun, the job pauses. */
static void count_batch(struct ori_job_row *row, const struct ori_job_claim_rules *rules)
{
    const struct ori_job_options *options = &row->job.options;
    const int batch_size = options->batch_size > 0 ? options->batch_size : rules->batch_size;
    const double seconds = options->sleep_between_batches >= 0 ? options->sleep_between_batches
                                                               : rules->sleep_between_batches;
    row->batch_claims++;
    if (batch_size < 1 || row->batch_claims < batch_size)
        return;
    row->batch_claims = 0;
    if (seconds <= 0)
        return;
    row->is_paused = true;
    row->pause_until_us = rules->now_us + (int64_t)(seconds * 1e6);
}

static ori_status take(struct ori_job_tx *tx, const struct ori_job_claim_rules *rules,
                       struct ori_item_row *item, struct ori_job_row *row, struct ori_error *err)
{
    const int64_t now_us = rules->now_us;
    ori_status status = ori_job_tx_job(tx, item->job, row, err);
    if (status != ORI_OK)
        return status;
    item->fence = ++tx->now.last_fence;
    row->served = ++tx->now.last_served;
    row->turn_claims++;
    row->ready--;
    row->job.updated_us = now_us;
    count_batch(row, rules);
    ori_job_tx_move_item(tx, row, item, ORI_ITEM_PROCESSING);
    status = ori_job_tx_run(
        tx, ORI_JQ_TAKE_ITEM,
        ORI_VALUES(item->job, item->position, item->fence, now_us + rules->lease_us, now_us), err);
    if (status == ORI_OK && row->job.state == ORI_JOB_PENDING) {
        ori_job_tx_move_job(tx, row, ORI_JOB_RUNNING);
        status = ori_job_tx_tell_state(tx, row, now_us, err);
    }
    if (status == ORI_OK)
        status = ori_job_tx_tell_item(tx, row, item, now_us, err);
    return status == ORI_OK ? ori_job_tx_save_job(tx, row, err) : status;
}

static void fill_claim(const struct ori_item_row *item, const struct ori_job_row *row,
                       struct ori_job_claim *ret_claim)
{
    *ret_claim = (struct ori_job_claim){
        .item = ori_item_id(item->job, item->position),
        .fence = item->fence,
        .job = item->job,
        .options = row->job.options,
        .has_url = item->has_url,
        .is_twin = item->is_twin,
        .attempts = item->attempts,
        .losses = item->losses,
        .permille = item->permille,
    };
    memcpy(ret_claim->job_id, row->job.job_id, sizeof ret_claim->job_id);
    memcpy(ret_claim->platform, item->platform, sizeof ret_claim->platform);
    memcpy(ret_claim->code, item->code, sizeof ret_claim->code);
    memcpy(ret_claim->url, item->url, sizeof ret_claim->url);
}

/* ORI_AGAIN: STEPS blocked items were put aside and there may be more; ORI_EOF: nothing is ready. */
static ori_status search(struct ori_job_tx *tx, const struct ori_job_claim_rules *rules,
                         struct ori_job_claim *ret_claim, struct ori_error *err)
{
    struct ori_item_row item;
    struct ori_job_row row;
    int64_t woken = 0;
    ori_status status = ori_job_tx_ripen(tx, rules->now_us, err);
    for (int i = 0; i < STEPS && status == ORI_OK; i++) {
        status = find(tx, rules, &item, err);
        if (status == ORI_EOF) {
            status = ori_job_tx_unstrand(tx, &woken, err);
            if (status == ORI_OK && woken == 0)
                return ORI_EOF;
            continue;
        }
        if (status == ORI_OK)
            status = is_running(tx, &item, err);
        if (status == ORI_EOF) {
            status = take(tx, rules, &item, &row, err);
            if (status == ORI_OK)
                fill_claim(&item, &row, ret_claim);
            return status;
        }
        if (status == ORI_OK)
            status = ori_job_tx_requeue(tx, item.job, item.position, ORI_QUEUE_READY,
                                        ORI_QUEUE_BLOCKED, err);
    }
    return status == ORI_OK ? ORI_AGAIN : status;
}

ori_status ori_job_sqlite_claim(struct ori_job_store *base, const struct ori_job_claim_rules *rules,
                                struct ori_job_claim *ret_claim, int64_t *ret_next_us,
                                struct ori_error *err)
{
    struct ori_job_sqlite *store = ori_job_sqlite_of(base);
    struct ori_job_tx tx;
    ori_status found = ORI_AGAIN;
    while (found == ORI_AGAIN) { /* each round puts STEPS items aside for good: it ends */
        ori_status status = ori_job_tx_begin(store, &tx, err);
        if (status != ORI_OK)
            return status;
        found = search(&tx, rules, ret_claim, err);
        if (found == ORI_EOF)
            status = ori_job_tx_next_us(&tx, ret_next_us, err);
        else if (found != ORI_AGAIN)
            status = found;
        status = ori_job_tx_end(&tx, status, err);
        if (status != ORI_OK)
            return status;
    }
    return found == ORI_EOF ? ORI_AGAIN : ORI_OK;
}
