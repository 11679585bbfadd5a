#include <stdio.h>
#include <string.h>

#include "stores/jobs_sqlite_priv.h"
#include "util/limits.h"

/* The item of a claim that still holds. ORI_EOF: it does not. */
static ori_status held_item(struct ori_job_tx *tx, int64_t id, int64_t fence,
                            struct ori_item_row *ret_item, struct ori_error *err)
{
    const ori_status status = ori_job_tx_item(
        tx, ORI_JQ_ITEM, ORI_VALUES(id >> ORI_ITEM_POSITION_BITS, ori_item_position(id)), ret_item,
        err);
    if (status != ORI_OK)
        return status;
    return ret_item->state == ORI_ITEM_PROCESSING && ret_item->fence == fence ? ORI_OK : ORI_EOF;
}

static ori_status advance(struct ori_job_tx *tx, struct ori_job_row *row, int64_t now_us,
                          struct ori_error *err)
{
    return ori_job_row_advance(row) ? ori_job_tx_tell_progress(tx, row, now_us, err) : ORI_OK;
}

/* ---- beat ---- */

static ori_status save_beat(struct ori_job_tx *tx, const struct ori_item_row *item,
                            const char *stage, int64_t lease_until_us, struct ori_error *err)
{
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_job_tx_statement(
        tx, ORI_JQ_BEAT_ITEM, ORI_VALUES(item->job, item->position, lease_until_us, item->permille),
        &status, err);
    if (!statement)
        return status;
    sqlite3_bind_text(statement, 5, stage, -1, SQLITE_STATIC);
    return ori_sqlite_finish(tx->db, statement, err);
}

static ori_status beat_one(struct ori_job_tx *tx, struct ori_job_beat *beat, int64_t lease_us,
                           int64_t now_us, struct ori_error *err)
{
    struct ori_item_row item;
    struct ori_job_row row;
    ori_status status = held_item(tx, beat->item, beat->fence, &item, err);
    beat->is_stopped = false;
    beat->is_lost = status == ORI_EOF;
    if (status != ORI_OK)
        return status == ORI_EOF ? ORI_OK : status;
    status = ori_job_tx_job(tx, item.job, &row, err);
    if (status != ORI_OK)
        return status;
    beat->is_stopped = row.is_stopping;
    const int permille = beat->permille > 999 ? 999 : beat->permille; /* 1000 is the end's */
    if (permille > item.permille) {
        row.permilles += permille - item.permille;
        item.permille = permille;
    }
    status = save_beat(tx, &item, beat->stage, now_us + lease_us, err);
    row.job.updated_us = now_us;
    if (status == ORI_OK)
        status = advance(tx, &row, now_us, err);
    return status == ORI_OK ? ori_job_tx_save_job(tx, &row, err) : status;
}

ori_status ori_job_sqlite_beat(struct ori_job_store *base, struct ori_job_beat *beats, size_t count,
                               int64_t lease_us, int64_t now_us, struct ori_error *err)
{
    struct ori_job_tx tx;
    ori_status status = ori_job_tx_begin(ori_job_sqlite_of(base), &tx, err);
    if (status != ORI_OK)
        return status;
    for (size_t i = 0; i < count && status == ORI_OK; i++)
        status = beat_one(&tx, &beats[i], lease_us, now_us, err);
    return ori_job_tx_end(&tx, status, err);
}

/* ---- the end of a claim ---- */

static void end_item(struct ori_job_tx *tx, struct ori_job_row *row, struct ori_item_row *item,
                     enum ori_item_state to, int64_t now_us)
{
    row->permilles += 1000 - item->permille;
    item->permille = 1000;
    item->queue = ORI_QUEUE_NONE;
    item->ended_us = now_us;
    item->not_before_us = 0;
    ori_job_tx_move_item(tx, row, item, to);
}

static void wait_again(struct ori_job_tx *tx, struct ori_job_row *row, struct ori_item_row *item,
                       int64_t not_before_us, int64_t now_us)
{
    item->queue = not_before_us > now_us ? ORI_QUEUE_DELAYED : ORI_QUEUE_READY;
    item->not_before_us = not_before_us;
    row->ready += item->queue == ORI_QUEUE_READY;
    ori_job_tx_move_item(tx, row, item, ORI_ITEM_WAITING);
}

/* The next item of the same video in the same job moves up. */
static ori_status call_twin(struct ori_job_tx *tx, struct ori_job_row *row,
                            const struct ori_item_row *item, struct ori_error *err)
{
    int64_t position = 0;
    ori_status status =
        ori_job_tx_ask(tx, ORI_JQ_NEXT_TWIN, ORI_VALUES(item->job, item->first), &position, 1, err);
    if (status == ORI_OK) {
        status = ori_job_tx_run(tx, ORI_JQ_SET_QUEUE,
                                ORI_VALUES(item->job, position, ORI_QUEUE_READY), err);
        row->ready++;
    }
    return status == ORI_EOF ? ORI_OK : status;
}

/* Writes what the changed item and row say, tells it, and lets go whoever waited for the video. */
static ori_status settle_item(struct ori_job_tx *tx, struct ori_job_row *row,
                              struct ori_item_row *item, const char *level, const char *message,
                              int64_t now_us, struct ori_error *err)
{
    ori_status status = ori_job_tx_save_item(tx, item, err);
    row->job.updated_us = now_us;
    if (status == ORI_OK && item->state != ORI_ITEM_WAITING)
        status = call_twin(tx, row, item, err);
    if (status == ORI_OK)
        status = ori_job_tx_tell_item(tx, row, item, now_us, err);
    if (status == ORI_OK && message)
        status = ori_job_tx_tell_log(tx, row, level, message, now_us, err);
    if (status == ORI_OK)
        status = advance(tx, row, now_us, err);
    if (status == ORI_OK)
        status = ori_job_tx_settle(tx, row, now_us, err);
    if (status == ORI_OK)
        status = ori_job_tx_save_job(tx, row, err);
    return status == ORI_OK ? ori_job_tx_unblock(tx, item, err) : status;
}

static const char *apply(struct ori_job_tx *tx, struct ori_job_row *row, struct ori_item_row *item,
                         const struct ori_job_outcome *outcome, int64_t now_us)
{
    enum ori_job_outcome_kind kind = outcome->kind;
    item->attempts += kind == ORI_JOB_OUTCOME_SUCCESS || kind == ORI_JOB_OUTCOME_FAILED ||
                      kind == ORI_JOB_OUTCOME_RETRY;
    item->losses += kind == ORI_JOB_OUTCOME_LOST;
    if (kind == ORI_JOB_OUTCOME_FAILED || kind == ORI_JOB_OUTCOME_RETRY)
        item->error = outcome->error;
    if (row->is_stopping && (kind == ORI_JOB_OUTCOME_RETRY || kind == ORI_JOB_OUTCOME_LOST))
        kind = ORI_JOB_OUTCOME_STOPPED;
    switch (kind) {
    case ORI_JOB_OUTCOME_SUCCESS:
        item->frames = outcome->frames;
        item->error = (struct ori_job_error){0};
        end_item(tx, row, item, ORI_ITEM_SUCCESS, now_us);
        return "info";
    case ORI_JOB_OUTCOME_FAILED:
        end_item(tx, row, item, ORI_ITEM_FAILED, now_us);
        return "error";
    case ORI_JOB_OUTCOME_STOPPED:
        end_item(tx, row, item, ORI_ITEM_STOPPED, now_us);
        return "info";
    case ORI_JOB_OUTCOME_RETRY:
    case ORI_JOB_OUTCOME_LOST:
        break;
    }
    wait_again(tx, row, item, outcome->not_before_us, now_us);
    return "warn";
}

ori_status ori_job_sqlite_finish(struct ori_job_store *base, const struct ori_job_claim *claim,
                                 const struct ori_job_outcome *outcome, int64_t now_us,
                                 struct ori_error *err)
{
    struct ori_job_tx tx;
    struct ori_item_row item;
    struct ori_job_row row;
    ori_status status = ori_job_tx_begin(ori_job_sqlite_of(base), &tx, err);
    if (status != ORI_OK)
        return status;
    status = held_item(&tx, claim->item, claim->fence, &item, err);
    if (status == ORI_EOF)
        status = ori_error_set(err, ORI_NOT_FOUND, "the claim has been taken back");
    if (status == ORI_OK)
        status = ori_job_tx_job(&tx, item.job, &row, err);
    if (status == ORI_OK) {
        const char *level = apply(&tx, &row, &item, outcome, now_us);
        status = settle_item(&tx, &row, &item, level, outcome->message, now_us, err);
    }
    return ori_job_tx_end(&tx, status, err);
}

/* ---- claims that nobody holds any more ---- */

/* Whoever ran it is gone. An item that has been begun too often without an end fails here: nobody
 * else would ever say so of a video that takes the whole server with it. */
static void apply_loss(struct ori_job_tx *tx, struct ori_job_row *row, struct ori_item_row *item,
                       int64_t now_us)
{
    item->losses++;
    if (row->is_stopping) {
        end_item(tx, row, item, ORI_ITEM_STOPPED, now_us);
    } else if (item->losses > ORI_LIMIT_MAX_ITEM_LOSSES) {
        item->error = (struct ori_job_error){.is_retryable = true};
        snprintf(item->error.code, sizeof item->error.code, "%s", ori_status_code(ORI_LOST));
        snprintf(item->error.message, sizeof item->error.message, "%s (%d times)",
                 ori_status_text(ORI_LOST), item->losses);
        end_item(tx, row, item, ORI_ITEM_FAILED, now_us);
    } else {
        wait_again(tx, row, item, 0, now_us);
    }
}

static ori_status take_back_one(struct ori_job_tx *tx, int64_t before_us, int64_t now_us,
                                const char *why, struct ori_error *err)
{
    struct ori_item_row item;
    struct ori_job_row row;
    char message[3 * ORI_JOB_CODE_BYTES];
    ori_status status = ori_job_tx_item(tx, ORI_JQ_LAPSED, ORI_VALUES(before_us), &item, err);
    if (status != ORI_OK)
        return status;
    status = ori_job_tx_job(tx, item.job, &row, err);
    if (status != ORI_OK)
        return status;
    apply_loss(tx, &row, &item, now_us);
    snprintf(message, sizeof message, "%s/%s: %s", item.platform, item.code, why);
    return settle_item(tx, &row, &item, item.state == ORI_ITEM_FAILED ? "error" : "warn", message,
                       now_us, err);
}

ori_status ori_job_sqlite_take_back(struct ori_job_sqlite *store, int64_t before_us, int64_t now_us,
                                    const char *why, int64_t *ret_count, struct ori_error *err)
{
    struct ori_job_tx tx;
    int64_t count = 0;
    ori_status status = ori_job_tx_begin(store, &tx, err);
    if (status != ORI_OK)
        return status;
    while ((status = take_back_one(&tx, before_us, now_us, why, err)) == ORI_OK)
        count++;
    status = ori_job_tx_end(&tx, status == ORI_EOF ? ORI_OK : status, err);
    if (status == ORI_OK)
        *ret_count = count;
    return status;
}

ori_status ori_job_sqlite_reclaim(struct ori_job_store *base, int64_t now_us, int64_t *ret_count,
                                  struct ori_error *err)
{
    return ori_job_sqlite_take_back(ori_job_sqlite_of(base), now_us, now_us,
                                    "its worker was not heard of any more", ret_count, err);
}
