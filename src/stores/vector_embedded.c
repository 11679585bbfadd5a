/* stores/vector_embedded.c: the vector store that needs no server.
 * SQLite holds the truth (vector_db.h), a matrix in memory answers searches (vector_matrix.h).
 * Writing     one connection, one transaction a call; other processes may write between, a lock
 *             is waited for, then the call gives up as "busy". A call that changes nothing writes
 *             nothing
 * Searching   another connection. Every change carries a number that only grows: a search first
 *             takes what has a higher number than the matrix has seen, whoever wrote it, then scans
 *             memory, then reads the winners' payloads. Points removed are noticed by the count,
 *             and found by walking the ids (0.05 s for 100,000). A point removed between scan and
 *             payload is left out of the answer
 * Locks       write and read guard a connection each, rows the matrix; a thread takes read, then
 *             rows, never the other way round, and write alone. SQLite is called under its
 *             connection's lock, because that is what a connection is; a refresh also holds rows
 * Memory      4 * dim bytes a point, rounded up, from the first search on */
#include "stores/vector_embedded_priv.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

#include "util/fs.h"
#include "util/limits.h"

enum { BUSY_MS = 10000 };

static void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

static void bind_point(sqlite3_stmt *statement, const struct ori_point *point, const uuid_t id,
                       int dim, int64_t change)
{
    const struct ori_point_payload *payload = &point->payload;
    sqlite3_bind_blob(statement, 1, id, 16, SQLITE_STATIC);
    bind_text(statement, 2, payload->platform);
    bind_text(statement, 3, payload->video_code);
    sqlite3_bind_int(statement, 4, payload->frame_number);
    sqlite3_bind_double(statement, 5, payload->frame_second);
    bind_text(statement, 6, payload->path);
    bind_text(statement, 7, payload->created_at);
    sqlite3_bind_int(statement, 8, payload->width);
    sqlite3_bind_int(statement, 9, payload->height);
    sqlite3_bind_int(statement, 10, payload->scene);
    bind_text(statement, 11, payload->dhash);
    bind_text(statement, 12, payload->model);
    sqlite3_bind_blob(statement, 13, point->vector, dim * (int)sizeof(float), SQLITE_STATIC);
    sqlite3_bind_int64(statement, 14, change);
}

static ori_status put_points(struct ori_vector_embedded *store, const struct ori_point *points,
                             size_t n, int64_t change, struct ori_error *err)
{
    struct ori_vector_db *db = &store->writer;
    for (size_t i = 0; i < n; i++) {
        ori_status status = ORI_OK;
        uuid_t id;
        sqlite3_stmt *statement = ori_vector_db_statement(db, ORI_VS_UPSERT, &status, err);
        if (!statement)
            return status;
        if (uuid_parse(points[i].payload.uuid, id) != 0)
            return ori_error_set(err, ORI_USAGE, "a point's id is not a UUID");
        bind_point(statement, &points[i], id, store->base.dim, change);
        status = ori_vector_db_step(db, statement, err);
        sqlite3_clear_bindings(statement);
        if (status != ORI_EOF)
            return status;
    }
    return ORI_OK;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

struct id_list {
    uint8_t (*ids)[16];
    size_t count;
    size_t size;
};

/* The video's ids that are not in `kept`, which is sorted. */
static ori_status find_stale(struct ori_vector_embedded *store, const char *platform,
                             const char *video_code, const struct id_list *kept,
                             struct id_list *stale, struct ori_error *err)
{
    struct ori_vector_db *db = &store->writer;
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_vector_db_statement(db, ORI_VS_VIDEO_IDS, &status, err);
    if (!statement)
        return status;
    bind_text(statement, 1, platform);
    bind_text(statement, 2, video_code);
    while ((status = ori_vector_db_step(db, statement, err)) == ORI_OK) {
        const void *id = sqlite3_column_blob(statement, 0);
        if (!id || sqlite3_column_bytes(statement, 0) != 16)
            return ori_vector_db_damaged(db, "an id is not 16 bytes", err);
        if (kept->count > 0 && bsearch(id, kept->ids, kept->count, 16, compare_ids))
            continue;
        if (stale->count == stale->size) {
            const size_t size = stale->size ? 2 * stale->size : 64;
            void *ids = reallocarray(stale->ids, size, 16);
            if (!ids)
                return ori_error_set(err, ORI_NOMEM, "ids of %s/%s", platform, video_code);
            stale->ids = ids;
            stale->size = size;
        }
        memcpy(stale->ids[stale->count++], id, 16);
    }
    return status == ORI_EOF ? ORI_OK : status;
}

static ori_status delete_ids(struct ori_vector_embedded *store, const struct id_list *list,
                             struct ori_error *err)
{
    struct ori_vector_db *db = &store->writer;
    for (size_t i = 0; i < list->count; i++) {
        ori_status status = ORI_OK;
        sqlite3_stmt *statement = ori_vector_db_statement(db, ORI_VS_DELETE, &status, err);
        if (!statement)
            return status;
        sqlite3_bind_blob(statement, 1, list->ids[i], 16, SQLITE_STATIC);
        status = ori_vector_db_step(db, statement, err);
        sqlite3_clear_bindings(statement);
        if (status != ORI_EOF)
            return status;
    }
    return ORI_OK;
}

static ori_status delete_others(struct ori_vector_embedded *store, const char *platform,
                                const char *video_code, const struct ori_point *points, size_t n,
                                struct ori_error *err)
{
    struct id_list kept = {0};
    struct id_list stale = {0};
    ori_status status = ORI_OK;

    kept.ids = calloc(n + 1, 16);
    if (!kept.ids) {
        status = ori_error_set(err, ORI_NOMEM, "%zu ids", n);
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        if (uuid_parse(points[i].payload.uuid, kept.ids[kept.count]) == 0)
            kept.count++;
    }
    qsort(kept.ids, kept.count, 16, compare_ids);
    status = find_stale(store, platform, video_code, &kept, &stale, err);
    if (status == ORI_OK)
        status = delete_ids(store, &stale, err);
out:
    free(kept.ids);
    free(stale.ids);
    return status;
}

/* Has the store noted this very model, its digest too? */
static bool is_noted(const struct ori_vector_embedded *store, const struct ori_vector_state *state)
{
    return ori_vector_state_fits(state, &store->model) &&
           strcmp(state->digest, store->model.digest) == 0;
}

/* Opens a transaction whose changes get number *ret_change. */
static ori_status begin_write(struct ori_vector_embedded *store, int64_t *ret_change,
                              struct ori_error *err)
{
    struct ori_vector_db *db = &store->writer;
    struct ori_vector_state state = {0};
    ori_status status = ori_vector_db_begin(db, ORI_VS_BEGIN_WRITE, err);
    if (status == ORI_OK)
        status = ori_vector_db_state(db, &state, err);
    if (status != ORI_OK)
        return status;
    *ret_change = state.change + 1;
    if (is_noted(store, &state))
        return ORI_OK;
    if (state.points > 0 && !ori_vector_state_fits(&state, &store->model))
        return ori_vector_state_mismatch(&state, &store->model, err);
    return ori_vector_db_set_model(db, &store->model, err);
}

/* Commits what changed since begin_write; the caller rolls back after a failure. */
static ori_status commit_write(struct ori_vector_embedded *store, int64_t change,
                               struct ori_error *err)
{
    struct ori_vector_db *db = &store->writer;
    struct ori_vector_state state = {0};
    ori_status status = ori_vector_db_state(db, &state, err);
    if (status != ORI_OK)
        return status;
    if (state.points > store->limits.rows_max)
        return ori_error_set(err, ORI_LIMIT,
                             "the vector store would hold %lld points; the most "
                             "is %lld (VECTOR_ROWS)",
                             (long long)state.points, (long long)store->limits.rows_max);
    sqlite3_stmt *statement = ori_vector_db_statement(db, ORI_VS_SET_CHANGE, &status, err);
    if (!statement)
        return status;
    sqlite3_bind_int64(statement, 1, change);
    status = ori_vector_db_step(db, statement, err);
    if (status != ORI_EOF)
        return status;
    return ori_vector_db_run(db, ORI_VS_COMMIT, err);
}

/* Points in, and if platform is given, the video's others out: all or nothing. */
static ori_status write_points(struct ori_vector_embedded *store, const char *platform,
                               const char *video_code, const struct ori_point *points, size_t n,
                               struct ori_error *err)
{
    int64_t change = 0;
    ori_status status = ORI_OK;
    if (store->is_read_only)
        return ori_error_set(err, ORI_NOT_WRITABLE, "the vector store was opened to read");
    pthread_mutex_lock(&store->write);
    status = begin_write(store, &change, err);
    const sqlite3_int64 before = sqlite3_total_changes64(store->writer.file.handle);
    if (status == ORI_OK)
        status = put_points(store, points, n, change, err);
    if (status == ORI_OK && platform)
        status = delete_others(store, platform, video_code, points, n, err);
    if (status == ORI_OK && sqlite3_total_changes64(store->writer.file.handle) != before)
        status = commit_write(store, change, err);
    ori_vector_db_rollback(&store->writer); /* nothing to do after a commit */
    pthread_mutex_unlock(&store->write);
    return status;
}

static ori_status embedded_replace_video(struct ori_vector_store *base, const char *platform,
                                         const char *video_code, const struct ori_point *points,
                                         size_t n, const struct ori_cancel *cancel,
                                         struct ori_error *err)
{
    (void)cancel; /* it waits for other processes alone, and for that by its own token */
    return write_points(ori_vector_embedded_of(base), platform, video_code, points, n, err);
}

static ori_status embedded_upsert(struct ori_vector_store *base, const struct ori_point *points,
                                  size_t n, struct ori_error *err)
{
    return write_points(ori_vector_embedded_of(base), NULL, NULL, points, n, err);
}

static ori_status delete_of(struct ori_vector_embedded *store, const char *platform,
                            const char *video_code, const char (*ids)[ORI_UUID_TEXT_BYTES],
                            size_t n, struct ori_error *err)
{
    struct ori_vector_db *db = &store->writer;
    for (size_t i = 0; i < n; i++) {
        ori_status status = ORI_OK;
        uuid_t id;
        sqlite3_stmt *statement = ori_vector_db_statement(db, ORI_VS_DELETE_OF, &status, err);
        if (!statement)
            return status;
        if (uuid_parse(ids[i], id) != 0)
            return ori_error_set(err, ORI_USAGE, "a point's id is not a UUID");
        sqlite3_bind_blob(statement, 1, id, 16, SQLITE_STATIC);
        bind_text(statement, 2, platform);
        bind_text(statement, 3, video_code);
        status = ori_vector_db_step(db, statement, err);
        sqlite3_clear_bindings(statement);
        if (status != ORI_EOF)
            return status;
    }
    return ORI_OK;
}

static ori_status embedded_delete_points(struct ori_vector_store *base, const char *platform,
                                         const char *video_code,
                                         const char (*ids)[ORI_UUID_TEXT_BYTES], size_t n,
                                         const struct ori_cancel *cancel, struct ori_error *err)
{
    (void)cancel;
    struct ori_vector_embedded *store = ori_vector_embedded_of(base);
    int64_t change = 0;
    if (store->is_read_only)
        return ori_error_set(err, ORI_NOT_WRITABLE, "the vector store was opened to read");
    pthread_mutex_lock(&store->write);
    ori_status status = begin_write(store, &change, err);
    const sqlite3_int64 before = sqlite3_total_changes64(store->writer.file.handle);
    if (status == ORI_OK)
        status = delete_of(store, platform, video_code, ids, n, err);
    if (status == ORI_OK && sqlite3_total_changes64(store->writer.file.handle) != before)
        status = commit_write(store, change, err);
    ori_vector_db_rollback(&store->writer); /* nothing to do after a commit */
    pthread_mutex_unlock(&store->write);
    return status;
}

static void embedded_close(struct ori_vector_store *base)
{
    struct ori_vector_embedded *store = ori_vector_embedded_of(base);
    ori_vector_db_close(&store->reader);
    ori_vector_db_close(&store->writer); /* the last to close folds the log into the file */
    ori_matrix_destroy(&store->matrix);
    pthread_mutex_destroy(&store->write);
    pthread_mutex_destroy(&store->read);
    pthread_rwlock_destroy(&store->rows);
    free(store->name);
    free(store->digest);
    free(store);
}

static const struct ori_vector_ops embedded_ops = {
    .close = embedded_close,
    .replace_video = embedded_replace_video,
    .upsert = embedded_upsert,
    .count = ori_vector_embedded_count,
    .search = ori_vector_embedded_search,
    .get = ori_vector_embedded_get,
    .list_points = ori_vector_embedded_list_points,
    .list_videos = ori_vector_embedded_list_videos,
    .delete_points = embedded_delete_points,
};

static ori_status check_options(const struct ori_vector_options *options, struct ori_error *err)
{
    if (options->dim < 1 || options->dim > ORI_LIMIT_MAX_VECTOR_DIM)
        return ori_error_set(err, ORI_LIMIT, "QDRANT_DIM=%d; allowed is 1 to %d (VECTOR_DIM)",
                             options->dim, ORI_LIMIT_MAX_VECTOR_DIM);
    if (options->path[0] == '\0')
        return ori_error_set(err, ORI_BAD_SETTING, "VECTOR_DB is empty");
    if (strnlen(options->path, ORI_LIMIT_MAX_PATH_BYTES) >= ORI_LIMIT_MAX_PATH_BYTES)
        return ori_error_set(err, ORI_LIMIT, "VECTOR_DB is longer than %d bytes (PATH_BYTES)",
                             ORI_LIMIT_MAX_PATH_BYTES - 1);
    const size_t model_bytes = strnlen(options->model, ORI_LIMIT_MAX_VECTOR_MODEL_BYTES + 1);
    if (model_bytes < 1 || model_bytes > ORI_LIMIT_MAX_VECTOR_MODEL_BYTES)
        return ori_error_set(err, ORI_LIMIT,
                             "the model's name has %zu bytes; allowed is 1 to %d "
                             "(VECTOR_MODEL_BYTES)",
                             model_bytes, ORI_LIMIT_MAX_VECTOR_MODEL_BYTES);
    if (options->digest &&
        strnlen(options->digest, ORI_VECTOR_DIGEST_BYTES) == ORI_VECTOR_DIGEST_BYTES)
        return ori_error_set(err, ORI_LIMIT, "the digest of a model has more than %d characters",
                             ORI_VECTOR_DIGEST_BYTES - 1);
    return ORI_OK;
}

/* A filled store without a digest: noted now, so that weights that change later are noticed. */
static ori_status note_model(struct ori_vector_embedded *store, struct ori_error *err)
{
    int64_t change = 0;
    ori_status status = begin_write(store, &change, err);
    if (status == ORI_OK)
        status = ori_vector_db_run(&store->writer, ORI_VS_COMMIT, err);
    ori_vector_db_rollback(&store->writer);
    return status;
}

static ori_status open_files(struct ori_vector_embedded *store,
                             const struct ori_vector_options *options, struct ori_error *err)
{
    struct ori_vector_state state = {0};
    ori_status status = ORI_OK;
    if (!options->is_read_only) {
        status = ori_fs_make_folder_of(options->path, err);
        if (status == ORI_OK)
            status = ori_vector_db_open(&store->writer, options->path, false, &store->model, err);
    }
    if (status == ORI_OK)
        status = ori_vector_db_open(&store->reader, options->path, true, &store->model, err);
    if (status == ORI_OK)
        status = ori_vector_db_state(&store->reader, &state, err);
    if (status != ORI_OK || state.points == 0 || options->is_any_model)
        return status;
    if (!ori_vector_state_fits(&state, &store->model))
        return ori_vector_state_mismatch(&state, &store->model, err);
    return options->is_read_only || is_noted(store, &state) ? ORI_OK : note_model(store, err);
}

ori_status ori_vector_open_embedded_limited(const struct ori_vector_options *options,
                                            const struct ori_vector_embedded_limits *limits,
                                            struct ori_vector_store **ret_store,
                                            struct ori_error *err)
{
    ORI_ASSERT(options && options->path && options->model && limits && ret_store);
    ORI_ASSERT(!options->is_any_model || options->is_read_only);
    struct ori_vector_store *base = NULL;
    ori_status status = check_options(options, err);
    if (status != ORI_OK)
        return status;
    struct ori_vector_embedded *store = calloc(1, sizeof *store);
    if (!store)
        return ori_error_set(err, ORI_NOMEM, "vector store %s", options->path);
    base = &store->base;
    base->ops = &embedded_ops;
    base->dim = options->dim;
    store->threads = options->threads;
    store->is_read_only = options->is_read_only;
    store->limits = *limits;
    store->change_seen = -1;
    store->writer.busy_ms = store->reader.busy_ms = limits->busy_ms;
    store->writer.cancel = store->reader.cancel = options->cancel;
    pthread_mutex_init(&store->write, NULL); /* on Linux these three cannot fail */
    pthread_mutex_init(&store->read, NULL);
    pthread_rwlock_init(&store->rows, NULL);
    store->name = strdup(options->model);
    store->digest = strdup(options->digest ? options->digest : "");
    if (!store->name || !store->digest) {
        status = ori_error_set(err, ORI_NOMEM, "vector store %s", options->path);
        goto out;
    }
    store->model = (struct ori_vector_model){
        .name = store->name, .digest = store->digest, .dim = options->dim};
    status = ori_matrix_create(options->dim, (size_t)limits->rows_max, limits->level_max,
                               &store->matrix, err);
    if (status == ORI_OK)
        status = open_files(store, options, err);
    if (status != ORI_OK)
        goto out;
    *ret_store = base;
    base = NULL;
out:
    ori_vector_close(&base);
    return status;
}

ori_status ori_vector_open_embedded(const struct ori_vector_options *options,
                                    struct ori_vector_store **ret_store, struct ori_error *err)
{
    const struct ori_vector_embedded_limits limits = {
        .rows_max = ORI_LIMIT_MAX_VECTOR_ROWS, .busy_ms = BUSY_MS, .level_max = ORI_SCAN_AVX512};
    return ori_vector_open_embedded_limited(options, &limits, ret_store, err);
}
