/* stores/jobs_sqlite_queue.c: who may be claimed next.
 * Turns     a turn is the right to have items claimed. A job keeps its turn while it has items that
 *           can be claimed or that run, so that no more than jobs_max jobs are at work; past its
 *           quantum, or for a job of higher priority, it loses it although its items run on
 * Blocked   a claim that finds its item's video in process for another job marks the item blocked:
 *           one row, seen once. When that video is done, the WAKE best of its blocked items are
 *           ready again and one of them is claimed, the others block again: so every claim costs at
 *           most WAKE of these steps, however many jobs ask for one video. Should all that were woken
 *           go away unclaimed (stopped, deleted), unstrand wakes the next ones */
#include "stores/jobs_sqlite_priv.h"

enum {
    WAKE = 32,
    RIPE = 256 /* items or jobs taken up a step: the lock is not held for long */
};

struct place {
    int64_t job;
    int64_t position;
};

/* Reads (job, position) rows into places, for they change while they are walked. */
static ori_status read_places(struct ori_job_tx *tx, sqlite3_stmt *statement, struct place *places,
                              int places_max, int *ret_count, struct ori_error *err)
{
    ori_status status = ORI_OK;
    int count = 0;
    while (count < places_max && (status = ori_sqlite_step(tx->db, statement, err)) == ORI_OK)
        places[count++] =
            (struct place){sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1)};
    sqlite3_reset(statement);
    *ret_count = count;
    return status == ORI_EOF ? ORI_OK : status;
}

ori_status ori_job_tx_requeue(struct ori_job_tx *tx, int64_t job, uint32_t position, int from,
                              int to, struct ori_error *err)
{
    const int64_t more = (to == ORI_QUEUE_READY) - (from == ORI_QUEUE_READY);
    ori_status status = ori_job_tx_run(tx, ORI_JQ_SET_QUEUE, ORI_VALUES(job, position, to), err);
    if (status == ORI_OK && more != 0)
        status = ori_job_tx_run(tx, ORI_JQ_ADD_READY, ORI_VALUES(job, more), err);
    return status;
}

static ori_status make_ready(struct ori_job_tx *tx, sqlite3_stmt *statement, int from,
                             int places_max, int *ret_count, struct ori_error *err)
{
    struct place places[RIPE];
    ori_status status = read_places(tx, statement, places, places_max, ret_count, err);
    for (int i = 0; i < *ret_count && status == ORI_OK; i++)
        status = ori_job_tx_requeue(tx, places[i].job, (uint32_t)places[i].position, from,
                                    ORI_QUEUE_READY, err);
    return status;
}

/* which: DELAY_OVER or DELAY_FAR. */
static ori_status end_delays(struct ori_job_tx *tx, int which, int64_t at_us, struct ori_error *err)
{
    ori_status status = ORI_OK;
    int count = RIPE;
    while (status == ORI_OK && count == RIPE) {
        sqlite3_stmt *statement =
            ori_job_tx_statement(tx, which, ORI_VALUES(at_us, RIPE), &status, err);
        if (statement)
            status = make_ready(tx, statement, ORI_QUEUE_DELAYED, RIPE, &count, err);
    }
    return status;
}

/* which: PAUSE_OVER or PAUSE_FAR. */
static ori_status end_pauses(struct ori_job_tx *tx, int which, int64_t at_us, struct ori_error *err)
{
    int64_t job = 0;
    ori_status status = ORI_OK;
    while ((status = ori_job_tx_ask(tx, which, ORI_VALUES(at_us, 1), &job, 1, err)) == ORI_OK) {
        status = ori_job_tx_run(tx, ORI_JQ_UNPAUSE, ORI_VALUES(job), err);
        if (status != ORI_OK)
            return status;
    }
    return status == ORI_EOF ? ORI_OK : status;
}

ori_status ori_job_tx_ripen(struct ori_job_tx *tx, int64_t now_us, struct ori_error *err)
{
    const int64_t far_us = now_us + ORI_JOB_WAIT_MAX_US;
    ori_status status = end_delays(tx, ORI_JQ_DELAY_OVER, now_us, err);
    if (status == ORI_OK)
        status = end_delays(tx, ORI_JQ_DELAY_FAR, far_us, err);
    if (status == ORI_OK)
        status = end_pauses(tx, ORI_JQ_PAUSE_OVER, now_us, err);
    return status == ORI_OK ? end_pauses(tx, ORI_JQ_PAUSE_FAR, far_us, err) : status;
}

static ori_status earlier(struct ori_job_tx *tx, int which, int64_t *next_us, struct ori_error *err)
{
    int64_t at_us = 0;
    const ori_status status = ori_job_tx_ask(tx, which, NULL, 0, &at_us, 1, err);
    if (status == ORI_OK && at_us < *next_us)
        *next_us = at_us;
    return status == ORI_EOF ? ORI_OK : status;
}

ori_status ori_job_tx_next_us(struct ori_job_tx *tx, int64_t *ret_next_us, struct ori_error *err)
{
    *ret_next_us = INT64_MAX;
    const ori_status status = earlier(tx, ORI_JQ_NEXT_DELAY, ret_next_us, err);
    return status == ORI_OK ? earlier(tx, ORI_JQ_NEXT_PAUSE, ret_next_us, err) : status;
}

/* ---- turns ---- */

static ori_status set_turn(struct ori_job_tx *tx, int64_t job, bool has_turn, struct ori_error *err)
{
    tx->now.turns += has_turn ? 1 : -1;
    return ori_job_tx_run(tx, ORI_JQ_SET_TURN, ORI_VALUES(job, has_turn), err);
}

/* Takes a turn from the job that must give one up for a job of the priority; ORI_EOF: none must. */
static ori_status take_turn(struct ori_job_tx *tx, const struct ori_job_claim_rules *rules,
                            int64_t priority, int64_t quantum, struct ori_error *err)
{
    int64_t loser = 0;
    const ori_status status = ori_job_tx_ask(
        tx, ORI_JQ_LOSER, ORI_VALUES(priority, quantum, rules->is_store_away), &loser, 1, err);
    return status == ORI_OK ? set_turn(tx, loser, false, err) : status;
}

ori_status ori_job_tx_turns(struct ori_job_tx *tx, const struct ori_job_claim_rules *rules,
                            struct ori_error *err)
{
    ori_status status = ORI_OK;
    while (status == ORI_OK && tx->now.turns > rules->jobs_max) /* the setting was lowered */
        status = take_turn(tx, rules, INT64_MAX, 0, err);
    while (status == ORI_OK) {
        int64_t best[2] = {0}; /* seq, priority */
        status =
            ori_job_tx_ask(tx, ORI_JQ_BEST_WAITING, ORI_VALUES(rules->is_store_away), best, 2, err);
        if (status == ORI_OK && tx->now.turns >= rules->jobs_max)
            status = take_turn(tx, rules, best[1], rules->quantum, err);
        if (status == ORI_OK)
            status = set_turn(tx, best[0], true, err);
    }
    return status == ORI_EOF ? ORI_OK : status;
}

/* ---- blocked videos ---- */

ori_status ori_job_tx_unblock(struct ori_job_tx *tx, const struct ori_item_row *item,
                              struct ori_error *err)
{
    ori_status status = ORI_OK;
    int count = 0;
    sqlite3_stmt *statement = ori_sqlite_statement(tx->db, ORI_JQ_BLOCKED, &status, err);
    if (!statement)
        return status;
    sqlite3_bind_text(statement, 1, item->platform, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, item->code, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 3, WAKE);
    return make_ready(tx, statement, ORI_QUEUE_BLOCKED, WAKE, &count, err);
}

ori_status ori_job_tx_unstrand(struct ori_job_tx *tx, int64_t *ret_count, struct ori_error *err)
{
    ori_status status = ORI_OK;
    int count = 0;
    sqlite3_stmt *statement =
        ori_job_tx_statement(tx, ORI_JQ_STRANDED, ORI_VALUES(WAKE), &status, err);
    if (statement)
        status = make_ready(tx, statement, ORI_QUEUE_BLOCKED, WAKE, &count, err);
    if (ret_count)
        *ret_count = count;
    return status;
}
