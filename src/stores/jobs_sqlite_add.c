#include <stdlib.h>
#include <string.h>

#include "stores/jobs_sqlite_priv.h"
#include "util/uuid.h"

/* ---- twins ---- */

static int compare_videos(const struct ori_job_new_item *a, const struct ori_job_new_item *b)
{
    const int order = strcmp(a->code, b->code); /* differs sooner than platform */
    return order != 0 ? order : strcmp(a->platform, b->platform);
}

static int compare_places(const void *a, const void *b, void *items)
{
    const uint32_t i = *(const uint32_t *)a;
    const uint32_t j = *(const uint32_t *)b;
    const struct ori_job_new_item *all = items;
    const int order = compare_videos(&all[i], &all[j]);
    return order != 0 ? order : (i > j) - (i < j);
}

/* ret_firsts[i]: the position of the first item with the video of item i; malloc'ed. */
static ori_status find_firsts(const struct ori_job_new *job, uint32_t **ret_firsts,
                              struct ori_error *err)
{
    const size_t count = job->items_count;
    uint32_t *places = reallocarray(NULL, count, sizeof *places);
    uint32_t *firsts = reallocarray(NULL, count, sizeof *firsts);
    if (!places || !firsts) {
        free(places);
        free(firsts);
        return ori_error_set(err, ORI_NOMEM, "a job of %zu items", count);
    }
    for (uint32_t i = 0; i < count; i++)
        places[i] = i;
    qsort_r(places, count, sizeof *places, compare_places, (void *)(uintptr_t)job->items);
    for (size_t i = 0; i < count; i++) {
        const bool is_new =
            i == 0 || compare_videos(&job->items[places[i - 1]], &job->items[places[i]]) != 0;
        firsts[places[i]] = is_new ? places[i] : firsts[places[i - 1]];
    }
    free(places);
    *ret_firsts = firsts;
    return ORI_OK;
}

/* ---- rows ---- */

static ori_status insert_job(struct ori_job_tx *tx, const struct ori_job_new *new_job,
                             const struct ori_job_row *row, struct ori_error *err)
{
    const struct ori_job_options *options = &new_job->options;
    const struct ori_job *job = &row->job;
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_job_tx_statement(tx, ORI_JQ_ADD_JOB, NULL, 0, &status, err);
    if (!statement)
        return status;
    sqlite3_bind_int64(statement, 1, job->seq);
    sqlite3_bind_text(statement, 2, job->job_id, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, new_job->request_id, -1, SQLITE_STATIC); /* NULL is NULL */
    sqlite3_bind_text(statement, 4, new_job->idempotency_key, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 5, new_job->digest, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 6, new_job->webhook_url, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 7, options->is_forced);
    sqlite3_bind_int(statement, 8, options->is_local);
    sqlite3_bind_int(statement, 9, options->skips_upload);
    sqlite3_bind_int(statement, 10, options->batch_size);
    sqlite3_bind_double(statement, 11, options->sleep_between_batches);
    sqlite3_bind_int(statement, 12, options->priority);
    sqlite3_bind_int64(statement, 13, job->created_us);
    sqlite3_bind_int64(statement, 14, job->counts.total);
    sqlite3_bind_int64(statement, 15, row->ready);
    return ori_sqlite_finish(tx->db, statement, err);
}

static ori_status insert_items(struct ori_job_tx *tx, const struct ori_job_new *new_job,
                               const struct ori_job_row *row, const uint32_t *firsts,
                               struct ori_error *err)
{
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_job_tx_statement(tx, ORI_JQ_ADD_ITEM, NULL, 0, &status, err);
    if (!statement)
        return status;
    sqlite3_bind_int64(statement, 1, row->job.seq);
    sqlite3_bind_int(statement, 6, new_job->options.priority);
    for (size_t i = 0; i < new_job->items_count && status == ORI_OK; i++) {
        const struct ori_job_new_item *item = &new_job->items[i];
        const bool is_twin = firsts[i] != i;
        sqlite3_bind_int64(statement, 2, (int64_t)i);
        sqlite3_bind_text(statement, 3, item->platform, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 4, item->code, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 5, item->url, -1, SQLITE_STATIC);
        if (is_twin)
            sqlite3_bind_int64(statement, 7, firsts[i]);
        else
            sqlite3_bind_null(statement, 7);
        sqlite3_bind_int(statement, 8, is_twin ? ORI_QUEUE_BEHIND : ORI_QUEUE_READY);
        status = ori_sqlite_finish(tx->db, statement, err); /* resets, keeps what is bound */
    }
    sqlite3_clear_bindings(statement);
    return status;
}

static void fill_row(struct ori_job_tx *tx, const struct ori_job_new *new_job,
                     const uint32_t *firsts, int64_t now_us, struct ori_job_row *ret_row)
{
    struct ori_job *job = &ret_row->job;
    const int64_t count = (int64_t)new_job->items_count;
    *ret_row = (struct ori_job_row){.job = {.seq = ++tx->now.last_job,
                                            .state = ORI_JOB_PENDING,
                                            .options = new_job->options,
                                            .created_us = now_us,
                                            .updated_us = now_us,
                                            .counts = {.total = count, .waiting = count},
                                            .has_webhook = new_job->webhook_url != NULL}};
    ori_uuid_random(job->job_id);
    if (new_job->webhook_url)
        memcpy(job->webhook_url, new_job->webhook_url, strlen(new_job->webhook_url) + 1);
    for (size_t i = 0; i < new_job->items_count; i++)
        ret_row->ready += firsts[i] == i;
    tx->now.jobs[ORI_JOB_PENDING]++;
    tx->now.items[ORI_ITEM_WAITING] += count;
}

static ori_status insert(struct ori_job_tx *tx, const struct ori_job_new *new_job,
                         const uint32_t *firsts, int64_t now_us, struct ori_job *ret_job,
                         struct ori_error *err)
{
    struct ori_job_row row;
    fill_row(tx, new_job, firsts, now_us, &row);
    ori_status status = insert_job(tx, new_job, &row, err);
    if (status == ORI_OK)
        status = insert_items(tx, new_job, &row, firsts, err);
    if (status == ORI_OK)
        status = ori_job_tx_tell_state(tx, &row, now_us, err);
    if (status == ORI_OK)
        status = ori_job_tx_save_job(tx, &row, err);
    if (status == ORI_OK)
        *ret_job = row.job;
    return status;
}

/* ---- idempotency ---- */

/* ORI_OK: the job that the key made before; ORI_EOF: the key is new. */
static ori_status find_key(struct ori_job_tx *tx, const struct ori_job_new *new_job,
                           struct ori_job *ret_job, struct ori_error *err)
{
    struct ori_job_row row;
    ori_status status = ORI_OK;
    if (!new_job->idempotency_key)
        return ORI_EOF;
    sqlite3_stmt *statement = ori_sqlite_statement(tx->db, ORI_JQ_KEY, &status, err);
    if (!statement)
        return status;
    sqlite3_bind_text(statement, 1, new_job->idempotency_key, -1, SQLITE_STATIC);
    status = ori_sqlite_step(tx->db, statement, err);
    if (status != ORI_OK)
        return status;
    const int64_t seq = sqlite3_column_int64(statement, 0);
    const char *digest = (const char *)sqlite3_column_text(statement, 1);
    const bool is_same = digest && strcmp(digest, new_job->digest) == 0;
    sqlite3_reset(statement);
    if (!is_same)
        return ori_error_set(err, ORI_KEY_REUSED,
                             "this Idempotency-Key came before with another body");
    status = ori_job_tx_job(tx, seq, &row, err);
    if (status == ORI_OK)
        *ret_job = row.job;
    return status;
}

ori_status ori_job_sqlite_add(struct ori_job_store *base, const struct ori_job_new *job,
                              int64_t now_us, struct ori_job *ret_job, bool *ret_is_old,
                              struct ori_error *err)
{
    struct ori_job_tx tx;
    uint32_t *firsts = NULL;
    struct ori_job found;
    ori_status status = find_firsts(job, &firsts, err); /* before the lock is taken */
    if (status != ORI_OK)
        return status;
    status = ori_job_tx_begin(ori_job_sqlite_of(base), &tx, err);
    if (status != ORI_OK)
        goto out;
    const ori_status known = find_key(&tx, job, &found, err);
    status = known == ORI_EOF ? insert(&tx, job, firsts, now_us, &found, err) : known;
    status = ori_job_tx_end(&tx, status, err);
    if (status == ORI_OK) {
        *ret_job = found;
        *ret_is_old = known == ORI_OK;
    }
out:
    free(firsts);
    return status;
}
