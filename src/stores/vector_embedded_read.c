/* stores/vector_embedded_read.c: searches and counts of the embedded vector store: the matrix kept in
 * step with the file, the winners' payloads. The design stands in vector_embedded.c. */
#include "stores/vector_embedded_priv.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

#include "util/cancel.h"

enum { CANCEL_ROWS = 1024 };

static void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

/* One row of ORI_VS_CHANGED into the matrix. aligned: dim floats of working memory. */
static ori_status take_row(struct ori_vector_embedded *store, sqlite3_stmt *statement,
                           float *aligned, struct ori_error *err)
{
    const size_t vector_bytes = (size_t)store->base.dim * sizeof(float);
    struct ori_matrix_row row = {.vector = aligned};
    const void *id = sqlite3_column_blob(statement, 0);
    if (!id || sqlite3_column_bytes(statement, 0) != 16)
        return ori_vector_db_damaged(&store->reader, "an id is not 16 bytes", err);
    memcpy(row.id, id, sizeof row.id);
    row.platform = (const char *)sqlite3_column_text(statement, 1);
    row.video_code = (const char *)sqlite3_column_text(statement, 2);
    row.second = sqlite3_column_double(statement, 3);
    const void *vector = sqlite3_column_blob(statement, 4);
    if (!row.platform || !row.video_code || !vector ||
        (size_t)sqlite3_column_bytes(statement, 4) != vector_bytes)
        return ori_vector_db_damaged(&store->reader, "a vector has the wrong length", err);
    memcpy(aligned, vector, vector_bytes);
    struct ori_error cause = {0};
    const ori_status status = ori_matrix_set(store->matrix, &row, &cause);
    if (status == ORI_BAD_VECTOR)
        return ori_vector_db_damaged(&store->reader, cause.text, err);
    if (status != ORI_OK)
        return ori_error_set(err, status, "%s", cause.text);
    return ORI_OK;
}

static ori_status take_changed(struct ori_vector_embedded *store, const struct ori_cancel *cancel,
                               struct ori_error *err)
{
    struct ori_vector_db *db = &store->reader;
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = NULL;
    float *aligned = calloc((size_t)store->base.dim, sizeof *aligned);
    if (!aligned)
        return ori_error_set(err, ORI_NOMEM, "vectors in memory");
    const bool is_first = store->change_seen < 0; /* then front to back, not by the index */
    statement = ori_vector_db_statement(db, is_first ? ORI_VS_EVERY : ORI_VS_CHANGED, &status, err);
    if (!statement)
        goto out;
    if (!is_first)
        sqlite3_bind_int64(statement, 1, store->change_seen);
    for (size_t n = 1; (status = ori_vector_db_step(db, statement, err)) == ORI_OK; n++) {
        if (n % CANCEL_ROWS == 0 && ori_cancel_is_set(cancel)) {
            status = ori_error_set(err, ORI_CANCELLED, "search stopped");
            break;
        }
        status = take_row(store, statement, aligned, err);
        if (status != ORI_OK)
            break;
    }
out:
    free(aligned);
    return status == ORI_EOF ? ORI_OK : status;
}

static ori_status drop_removed(struct ori_vector_embedded *store, struct ori_error *err)
{
    struct ori_vector_db *db = &store->reader;
    ori_status status = ori_matrix_sweep_begin(store->matrix, err);
    if (status != ORI_OK)
        return status;
    sqlite3_stmt *statement = ori_vector_db_statement(db, ORI_VS_ALL_IDS, &status, err);
    if (!statement)
        return status;
    while ((status = ori_vector_db_step(db, statement, err)) == ORI_OK) {
        const void *id = sqlite3_column_blob(statement, 0);
        if (!id || sqlite3_column_bytes(statement, 0) != 16)
            return ori_vector_db_damaged(db, "an id is not 16 bytes", err);
        ori_matrix_sweep_keep(store->matrix, id);
    }
    if (status != ORI_EOF)
        return status;
    ori_matrix_sweep_end(store->matrix);
    return ORI_OK;
}

/* Inside one read transaction: the matrix becomes what the file holds. */
static ori_status catch_up(struct ori_vector_embedded *store, const struct ori_cancel *cancel,
                           struct ori_error *err)
{
    struct ori_vector_state state = {0};
    ori_status status = ori_vector_db_state(&store->reader, &state, err);
    if (status != ORI_OK || state.change == store->change_seen)
        return status;
    if (state.points > 0 && !ori_vector_state_fits(&state, &store->model))
        return ori_vector_state_mismatch(&state, &store->model, err);
    pthread_rwlock_wrlock(&store->rows);
    status = take_changed(store, cancel, err);
    if (status == ORI_OK && (int64_t)ori_matrix_count(store->matrix) != state.points)
        status = drop_removed(store, err);
    if (status == ORI_OK && (int64_t)ori_matrix_count(store->matrix) != state.points)
        status = ori_vector_db_damaged(&store->reader, "it holds fewer points than it says", err);
    if (status == ORI_OK) {
        store->change_seen = state.change;
    } else { /* half done: the next search starts anew */
        ori_matrix_clear(store->matrix);
        store->change_seen = -1;
    }
    pthread_rwlock_unlock(&store->rows);
    return status;
}

static ori_status refresh(struct ori_vector_embedded *store, const struct ori_cancel *cancel,
                          struct ori_error *err)
{
    pthread_mutex_lock(&store->read);
    ori_status status = ori_vector_db_begin(&store->reader, ORI_VS_BEGIN_READ, err);
    if (status == ORI_OK)
        status = catch_up(store, cancel, err);
    ori_vector_db_rollback(&store->reader);
    pthread_mutex_unlock(&store->read);
    return status;
}

static bool copy_column(sqlite3_stmt *statement, int at, char *text, size_t size)
{
    const char *value = (const char *)sqlite3_column_text(statement, at);
    return value && (size_t)snprintf(text, size, "%s", value) < size;
}

bool ori_vector_embedded_copy(sqlite3_stmt *statement, struct ori_hit_strings *strings,
                              struct ori_point_payload *payload)
{
    payload->platform = strings->platform;
    payload->video_code = strings->video_code;
    payload->frame_number = sqlite3_column_int(statement, 2);
    payload->frame_second = sqlite3_column_double(statement, 3);
    payload->path = strings->path;
    payload->width = sqlite3_column_int(statement, 6);
    payload->height = sqlite3_column_int(statement, 7);
    payload->scene = sqlite3_column_int(statement, 8);
    payload->model = strings->model;
    return copy_column(statement, 0, strings->platform, sizeof strings->platform) &&
           copy_column(statement, 1, strings->video_code, sizeof strings->video_code) &&
           copy_column(statement, 4, strings->path, sizeof strings->path) &&
           copy_column(statement, 5, payload->created_at, sizeof payload->created_at) &&
           copy_column(statement, 9, payload->dhash, sizeof payload->dhash) &&
           copy_column(statement, 10, strings->model, sizeof strings->model);
}

static ori_status read_payload(struct ori_vector_embedded *store,
                               const struct ori_matrix_hit *found, struct ori_hits *hits,
                               struct ori_error *err)
{
    struct ori_vector_db *db = &store->reader;
    struct ori_hit *hit = &hits->hits[hits->count];
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_vector_db_statement(db, ORI_VS_PAYLOAD, &status, err);
    if (!statement)
        return status;
    sqlite3_bind_blob(statement, 1, found->id, 16, SQLITE_STATIC);
    status = ori_vector_db_step(db, statement, err);
    if (status == ORI_OK) {
        if (!ori_vector_embedded_copy(statement, ori_hits_strings(hits, hits->count),
                                      &hit->payload))
            status = ori_vector_db_damaged(db, "a text is longer than allowed", err);
        hit->score = found->score;
        uuid_unparse_lower(found->id, hit->payload.uuid);
        hits->count += status == ORI_OK;
    } else if (status == ORI_EOF) { /* removed since the scan */
        status = ORI_OK;
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return status;
}

static ori_status read_payloads(struct ori_vector_embedded *store,
                                const struct ori_matrix_hit *found, size_t count,
                                struct ori_hits *ret_hits, struct ori_error *err)
{
    struct ori_hits hits = {0};
    ori_status status = ori_hits_init(&hits, count, err);
    if (status != ORI_OK)
        return status;
    pthread_mutex_lock(&store->read);
    status = ori_vector_db_begin(&store->reader, ORI_VS_BEGIN_READ, err);
    for (size_t i = 0; i < count && status == ORI_OK; i++)
        status = read_payload(store, &found[i], &hits, err);
    ori_vector_db_rollback(&store->reader);
    pthread_mutex_unlock(&store->read);
    if (status != ORI_OK) {
        ori_hits_deinit(&hits);
        return status;
    }
    *ret_hits = hits;
    return ORI_OK;
}

ori_status ori_vector_embedded_search(struct ori_vector_store *base, const float *vector,
                                      size_t limit, const struct ori_vector_filter *filter,
                                      const struct ori_cancel *cancel, struct ori_hits *ret_hits,
                                      struct ori_error *err)
{
    struct ori_vector_embedded *store = ori_vector_embedded_of(base);
    size_t count = 0;
    ori_status status = refresh(store, cancel, err);
    if (status != ORI_OK)
        return status;
    struct ori_matrix_hit *found = calloc(limit, sizeof *found);
    if (!found)
        return ori_error_set(err, ORI_NOMEM, "search for %zu points", limit);
    pthread_rwlock_rdlock(&store->rows);
    status = ori_matrix_search(store->matrix, vector, limit, filter, store->threads, cancel, found,
                               &count, err);
    pthread_rwlock_unlock(&store->rows);
    if (status == ORI_OK)
        status = read_payloads(store, found, count, ret_hits, err);
    free(found);
    return status;
}

static void bind_filter(sqlite3_stmt *statement, const struct ori_vector_filter *filter)
{
    if (filter->platform)
        bind_text(statement, 1, filter->platform);
    if (filter->video_code)
        bind_text(statement, 2, filter->video_code);
    if (filter->second_min >= 0.0)
        sqlite3_bind_double(statement, 3, filter->second_min);
    if (filter->second_max >= 0.0)
        sqlite3_bind_double(statement, 4, filter->second_max);
}

static ori_status count_filtered(struct ori_vector_embedded *store,
                                 const struct ori_vector_filter *filter, int64_t *ret_count,
                                 struct ori_error *err)
{
    struct ori_vector_db *db = &store->reader;
    const bool is_video = filter->platform && filter->video_code;
    ori_status status = ORI_OK;
    sqlite3_stmt *statement =
        ori_vector_db_statement(db, is_video ? ORI_VS_COUNT_VIDEO : ORI_VS_COUNT_ANY, &status, err);
    if (!statement)
        return status;
    bind_filter(statement, filter);
    status = ori_vector_db_step(db, statement, err);
    if (status == ORI_OK)
        *ret_count = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return status;
}

ori_status ori_vector_embedded_count(struct ori_vector_store *base,
                                     const struct ori_vector_filter *filter,
                                     const struct ori_cancel *cancel, int64_t *ret_count,
                                     struct ori_error *err)
{
    (void)cancel; /* an index is looked at */
    struct ori_vector_embedded *store = ori_vector_embedded_of(base);
    struct ori_vector_state state = {0};
    ori_status status = ORI_OK;
    pthread_mutex_lock(&store->read);
    if (filter) {
        status = count_filtered(store, filter, ret_count, err);
    } else {
        status = ori_vector_db_state(&store->reader, &state, err);
        if (status == ORI_OK)
            *ret_count = state.points;
    }
    pthread_mutex_unlock(&store->read);
    return status;
}

ori_status ori_vector_embedded_get(struct ori_vector_store *base, const uint8_t id[16],
                                   float *ret_vector, struct ori_error *err)
{
    struct ori_vector_embedded *store = ori_vector_embedded_of(base);
    struct ori_vector_db *db = &store->reader;
    const size_t vector_bytes = (size_t)base->dim * sizeof(float);
    ori_status status = ORI_OK;
    pthread_mutex_lock(&store->read);
    sqlite3_stmt *statement = ori_vector_db_statement(db, ORI_VS_VECTOR, &status, err);
    if (!statement)
        goto out;
    sqlite3_bind_blob(statement, 1, id, 16, SQLITE_STATIC);
    status = ori_vector_db_step(db, statement, err);
    if (status == ORI_EOF) {
        status = ori_error_set(err, ORI_NOT_FOUND, "there is no point with that id");
    } else if (status == ORI_OK) {
        const void *vector = sqlite3_column_blob(statement, 0);
        if (!vector || (size_t)sqlite3_column_bytes(statement, 0) != vector_bytes)
            status = ori_vector_db_damaged(db, "a vector has the wrong length", err);
        else
            memcpy(ret_vector, vector, vector_bytes);
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
out:
    pthread_mutex_unlock(&store->read);
    return status;
}
