/* stores/vector_stage.c: the stage's two files. The store's connection reads until begin_switch,
 * which closes it and opens another that has the file to itself. The lock of a stage is held while
 * SQLite works: a stage is for workers that compute far longer than they store. */
#include "stores/vector_stage.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stores/vector_priv.h"
#include "stores/vector_stage_db.h"
#include "util/limits.h"
#include "util/size.h"

enum {
    BUSY_MS = 10000,
    STAGE_BUSY_MS = 500, /* whoever has a stage has it for long */
    CANCEL_ROWS = 1024
};

struct ori_vector_stage {
    char *path; /* immutable, as all up to busy_ms */
    char *stage_path;
    char *name;
    char *digest;
    char *recipe;
    struct ori_vector_model model;
    int busy_ms;
    const struct ori_cancel *cancel;

    pthread_mutex_t lock;
    struct ori_vector_db store; /* guarded by lock, as all below */
    bool has_store;
    struct ori_sqlite file;
    bool has_file; /* open */
    bool has_rest;
};

static ori_status open_store(struct ori_vector_stage *stage, bool is_alone, int busy_ms,
                             struct ori_error *err)
{
    stage->store.busy_ms = busy_ms;
    stage->store.cancel = stage->cancel;
    ori_status status = ori_vector_db_open_filled(&stage->store, stage->path, is_alone, err);
    stage->has_store = status == ORI_OK;
    return status;
}

static void close_store(struct ori_vector_stage *stage)
{
    if (stage->has_store)
        ori_vector_db_close(&stage->store);
    stage->has_store = false;
}

static ori_status open_file(struct ori_vector_stage *stage, bool *ret_was_ours,
                            struct ori_error *err)
{
    const struct ori_stage_owner owner = {.model = stage->model, .recipe = stage->recipe};
    const ori_status status = ori_stage_db_open(&stage->file, stage->stage_path, STAGE_BUSY_MS,
                                                stage->cancel, &owner, ret_was_ours, err);
    stage->has_file = status == ORI_OK;
    return status;
}

static bool is_switched(const struct ori_vector_stage *stage, const struct ori_vector_state *state)
{
    return ori_vector_state_fits(state, &stage->model);
}

static ori_status copy_options(struct ori_vector_stage *stage,
                               const struct ori_vector_stage_options *options,
                               struct ori_error *err)
{
    const size_t model_bytes = strnlen(options->model, ORI_LIMIT_MAX_VECTOR_MODEL_BYTES + 1);
    if (model_bytes < 1 || model_bytes > ORI_LIMIT_MAX_VECTOR_MODEL_BYTES)
        return ori_error_set(err, ORI_LIMIT,
                             "the model's name has %zu bytes; allowed is 1 to %d "
                             "(VECTOR_MODEL_BYTES)",
                             model_bytes, ORI_LIMIT_MAX_VECTOR_MODEL_BYTES);
    if (options->dim < 1 || options->dim > ORI_LIMIT_MAX_VECTOR_DIM)
        return ori_error_set(err, ORI_LIMIT, "QDRANT_DIM=%d; allowed is 1 to %d (VECTOR_DIM)",
                             options->dim, ORI_LIMIT_MAX_VECTOR_DIM);
    stage->path = strdup(options->path);
    stage->name = strdup(options->model);
    stage->digest = strdup(options->digest ? options->digest : "");
    stage->recipe = strdup(options->recipe ? options->recipe : "");
    const size_t path_bytes = strlen(options->path) + sizeof ".reindex";
    stage->stage_path = malloc(path_bytes);
    if (stage->stage_path)
        snprintf(stage->stage_path, path_bytes, "%s.reindex", options->path);
    if (!stage->path || !stage->name || !stage->digest || !stage->recipe || !stage->stage_path)
        return ori_error_set(err, ORI_NOMEM, "vector store %s", options->path);
    stage->model = (struct ori_vector_model){
        .name = stage->name, .digest = stage->digest, .dim = options->dim};
    stage->busy_ms = options->busy_ms > 0 ? options->busy_ms : BUSY_MS;
    stage->cancel = options->cancel;
    return ORI_OK;
}

/* A store that is the model's already needs no stage: one is opened only if it lies there. */
static ori_status open_both(struct ori_vector_stage *stage, struct ori_error *err)
{
    struct ori_vector_state state = {0};
    bool was_ours = false;
    ori_status status = open_store(stage, false, stage->busy_ms, err);
    if (status == ORI_OK)
        status = ori_vector_db_state(&stage->store, &state, err);
    if (status != ORI_OK)
        return status;
    const bool is_done = state.points == 0 || is_switched(stage, &state);
    const bool is_there = access(stage->stage_path, F_OK) == 0;
    if (is_done && !is_there)
        return ORI_OK;
    status = open_file(stage, &was_ours, err);
    stage->has_rest = is_done && was_ours;
    return status;
}

ori_status ori_vector_stage_open(const struct ori_vector_stage_options *options,
                                 struct ori_vector_stage **ret_stage, struct ori_error *err)
{
    ORI_ASSERT(options && options->path && options->model && ret_stage);
    struct ori_vector_stage *stage = calloc(1, sizeof *stage);
    if (!stage)
        return ori_error_set(err, ORI_NOMEM, "vector store %s", options->path);
    pthread_mutex_init(&stage->lock, NULL); /* cannot fail with default attributes */
    ori_status status = copy_options(stage, options, err);
    if (status == ORI_OK)
        status = open_both(stage, err);
    if (status == ORI_OK)
        *ret_stage = stage;
    else
        ori_vector_stage_close(&stage);
    return status;
}

void ori_vector_stage_close(struct ori_vector_stage **stage)
{
    if (!stage || !*stage)
        return;
    struct ori_vector_stage *it = *stage;
    close_store(it);
    if (it->has_file)
        ori_sqlite_close(&it->file);
    pthread_mutex_destroy(&it->lock);
    free(it->path);
    free(it->stage_path);
    free(it->name);
    free(it->digest);
    free(it->recipe);
    free(it);
    *stage = NULL;
}

/* ---- looking at the store ---- */

ori_status ori_vector_stage_facts(struct ori_vector_stage *stage,
                                  struct ori_vector_stage_facts *ret_facts, struct ori_error *err)
{
    struct ori_vector_state state = {0};
    pthread_mutex_lock(&stage->lock);
    const ori_status status = ori_vector_db_state(&stage->store, &state, err);
    const bool has_rest = stage->has_rest;
    pthread_mutex_unlock(&stage->lock);
    if (status != ORI_OK)
        return status;
    *ret_facts = (struct ori_vector_stage_facts){.dim = state.dim,
                                                 .points = state.points,
                                                 .is_switched = is_switched(stage, &state),
                                                 .has_rest = has_rest};
    memcpy(ret_facts->model, state.model, sizeof ret_facts->model);
    memcpy(ret_facts->digest, state.digest, sizeof ret_facts->digest);
    return ORI_OK;
}

static ori_status visit_videos(struct ori_vector_stage *stage, ori_vector_stage_visit_fn visit,
                               void *self, struct ori_error *err)
{
    struct ori_vector_db *db = &stage->store;
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_vector_db_statement(db, ORI_VS_VIDEOS, &status, err);
    if (!statement)
        return status;
    while ((status = ori_vector_db_step(db, statement, err)) == ORI_OK) {
        const struct ori_vector_stage_video video = {
            .platform = (const char *)sqlite3_column_text(statement, 0),
            .code = (const char *)sqlite3_column_text(statement, 1),
            .points = sqlite3_column_int64(statement, 2)};
        if (!video.platform || !video.code)
            return ori_vector_db_damaged(db, "a video has no name", err);
        if (ori_cancel_is_set(stage->cancel))
            return ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
        status = visit(self, &video, err);
        if (status != ORI_OK)
            return status;
    }
    return status == ORI_EOF ? ORI_OK : status;
}

ori_status ori_vector_stage_list(struct ori_vector_stage *stage, ori_vector_stage_visit_fn visit,
                                 void *self, struct ori_error *err)
{
    pthread_mutex_lock(&stage->lock);
    ori_status status = ori_vector_db_begin(&stage->store, ORI_VS_BEGIN_READ, err);
    if (status == ORI_OK)
        status = visit_videos(stage, visit, self, err);
    ori_vector_db_rollback(&stage->store);
    pthread_mutex_unlock(&stage->lock);
    return status;
}

void ori_vector_stage_points_deinit(struct ori_vector_stage_points *points)
{
    for (size_t i = 0; i < points->count; i++)
        free(points->points[i].path);
    free(points->points);
    *points = (struct ori_vector_stage_points){0};
}

static ori_status make_room(struct ori_vector_stage_points *points, struct ori_error *err)
{
    if (points->count < points->room)
        return ORI_OK;
    if (points->count >= ORI_LIMIT_MAX_VECTOR_CALL)
        return ori_error_set(err, ORI_LIMIT, "a video with more than %d points (VECTOR_CALL)",
                             ORI_LIMIT_MAX_VECTOR_CALL);
    size_t room = points->room ? 2 * points->room : 64;
    void *more = reallocarray(points->points, room, sizeof *points->points);
    if (!more)
        return ori_error_set(err, ORI_NOMEM, "points of a video");
    points->points = more;
    points->room = room;
    return ORI_OK;
}

static bool copy_text(sqlite3_stmt *statement, int at, char *ret_text, size_t bytes)
{
    const char *text = (const char *)sqlite3_column_text(statement, at);
    return text && (size_t)snprintf(ret_text, bytes, "%s", text) < bytes;
}

/* One row of ORI_VS_VIDEO_POINTS. */
static ori_status add_point(struct ori_vector_stage *stage, sqlite3_stmt *statement,
                            struct ori_vector_stage_points *points, struct ori_error *err)
{
    ori_status status = make_room(points, err);
    if (status != ORI_OK)
        return status;
    struct ori_vector_stage_point *point = &points->points[points->count];
    *point = (struct ori_vector_stage_point){
        .change = sqlite3_column_int64(statement, 1),
        .frame_number = sqlite3_column_int(statement, 2),
        .frame_second = sqlite3_column_double(statement, 3),
        .scene = sqlite3_column_int(statement, 4),
        .width = sqlite3_column_int(statement, 5),
        .height = sqlite3_column_int(statement, 6),
    };
    const void *id = sqlite3_column_blob(statement, 0);
    const char *path = (const char *)sqlite3_column_text(statement, 9);
    if (!id || sqlite3_column_bytes(statement, 0) != 16)
        return ori_vector_db_damaged(&stage->store, "an id is not 16 bytes", err);
    if (!copy_text(statement, 7, point->created_at, sizeof point->created_at) ||
        !copy_text(statement, 8, point->dhash, sizeof point->dhash) || !path ||
        strlen(path) >= ORI_VECTOR_PATH_BYTES)
        return ori_vector_db_damaged(&stage->store, "a text is longer than allowed", err);
    memcpy(point->id, id, sizeof point->id);
    point->path = strdup(path);
    if (!point->path)
        return ori_error_set(err, ORI_NOMEM, "points of a video");
    points->count++;
    return ORI_OK;
}

static ori_status read_points(struct ori_vector_stage *stage, const char *platform,
                              const char *code, struct ori_vector_stage_points *points,
                              struct ori_error *err)
{
    struct ori_vector_db *db = &stage->store;
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_vector_db_statement(db, ORI_VS_VIDEO_POINTS, &status, err);
    if (!statement)
        return status;
    sqlite3_bind_text(statement, 1, platform, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, code, -1, SQLITE_STATIC);
    while ((status = ori_vector_db_step(db, statement, err)) == ORI_OK) {
        status = add_point(stage, statement, points, err);
        if (status != ORI_OK)
            break;
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return status == ORI_EOF ? ORI_OK : status;
}

ori_status ori_vector_stage_points(struct ori_vector_stage *stage, const char *platform,
                                   const char *code, struct ori_vector_stage_points *ret_points,
                                   struct ori_error *err)
{
    *ret_points = (struct ori_vector_stage_points){0};
    pthread_mutex_lock(&stage->lock);
    const ori_status status = read_points(stage, platform, code, ret_points, err);
    pthread_mutex_unlock(&stage->lock);
    if (status != ORI_OK)
        ori_vector_stage_points_deinit(ret_points);
    return status;
}

/* ---- what was made so far ---- */

/* The video's row; ORI_EOF when there is none. is_same: it is there under that token. */
static ori_status find_video(struct ori_sqlite *file, const char *platform, const char *code,
                             const char *token, int64_t *ret_id, bool *ret_is_same,
                             struct ori_error *err)
{
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_sqlite_statement(file, ORI_SS_TOKEN, &status, err);
    if (!statement)
        return status;
    sqlite3_bind_text(statement, 1, platform, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, code, -1, SQLITE_STATIC);
    status = ori_sqlite_step(file, statement, err);
    if (status == ORI_OK) {
        const char *there = (const char *)sqlite3_column_text(statement, 1);
        *ret_id = sqlite3_column_int64(statement, 0);
        *ret_is_same = token && there && strcmp(there, token) == 0;
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return status;
}

ori_status ori_vector_stage_has(struct ori_vector_stage *stage, const char *platform,
                                const char *code, const char *token, bool *ret_has,
                                struct ori_error *err)
{
    int64_t id = 0;
    *ret_has = false;
    pthread_mutex_lock(&stage->lock);
    ORI_ASSERT(stage->has_file);
    const ori_status status = find_video(&stage->file, platform, code, token, &id, ret_has, err);
    pthread_mutex_unlock(&stage->lock);
    return status == ORI_EOF ? ORI_OK : status;
}

static ori_status run_with_id(struct ori_sqlite *file, enum ori_stage_statement which, int64_t id,
                              struct ori_error *err)
{
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_sqlite_statement(file, (int)which, &status, err);
    if (!statement)
        return status;
    sqlite3_bind_int64(statement, 1, id);
    return ori_sqlite_finish(file, statement, err);
}

/* Inside a transaction. */
static ori_status drop_video(struct ori_sqlite *file, const char *platform, const char *code,
                             struct ori_error *err)
{
    int64_t id = 0;
    bool is_same = false;
    ori_status status = find_video(file, platform, code, NULL, &id, &is_same, err);
    if (status == ORI_EOF)
        return ORI_OK;
    if (status == ORI_OK)
        status = run_with_id(file, ORI_SS_DROP_VECTORS, id, err);
    if (status == ORI_OK)
        status = run_with_id(file, ORI_SS_DROP_VIDEO, id, err);
    return status;
}

static ori_status add_video(struct ori_sqlite *file, const char *platform, const char *code,
                            const char *token, int64_t *ret_id, struct ori_error *err)
{
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_sqlite_statement(file, ORI_SS_ADD_VIDEO, &status, err);
    if (!statement)
        return status;
    sqlite3_bind_text(statement, 1, platform, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, code, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, token, -1, SQLITE_STATIC);
    status = ori_sqlite_finish(file, statement, err);
    sqlite3_clear_bindings(statement);
    *ret_id = sqlite3_last_insert_rowid(file->handle);
    return status;
}

static ori_status check_vector(const float *vector, int dim, const char *path,
                               struct ori_error *err)
{
    double energy = 0.0;
    for (int i = 0; i < dim; i++)
        energy += (double)vector[i] * vector[i];
    if (isfinite(energy) && energy > 0.0)
        return ORI_OK;
    return ori_error_set(err, ORI_BAD_VECTOR, "%s: a vector that is zero or not finite", path);
}

static ori_status add_vectors(struct ori_vector_stage *stage, int64_t video,
                              const struct ori_vector_stage_points *points, const float *vectors,
                              struct ori_error *err)
{
    const size_t dim = (size_t)stage->model.dim;
    for (size_t i = 0; i < points->count; i++) {
        const float *vector = vectors + i * dim;
        ori_status status = check_vector(vector, stage->model.dim, points->points[i].path, err);
        if (status != ORI_OK)
            return status;
        sqlite3_stmt *statement =
            ori_sqlite_statement(&stage->file, ORI_SS_ADD_VECTOR, &status, err);
        if (!statement)
            return status;
        sqlite3_bind_int64(statement, 1, video);
        sqlite3_bind_blob(statement, 2, points->points[i].id, 16, SQLITE_STATIC);
        sqlite3_bind_blob(statement, 3, vector, (int)(dim * sizeof *vector), SQLITE_STATIC);
        status = ori_sqlite_finish(&stage->file, statement, err);
        sqlite3_clear_bindings(statement);
        if (status != ORI_OK)
            return status;
    }
    return ORI_OK;
}

ori_status ori_vector_stage_put(struct ori_vector_stage *stage, const char *platform,
                                const char *code, const char *token,
                                const struct ori_vector_stage_points *points, const float *vectors,
                                struct ori_error *err)
{
    struct ori_sqlite *file = &stage->file;
    int64_t id = 0;
    pthread_mutex_lock(&stage->lock);
    ORI_ASSERT(stage->has_file);
    ori_status status = ori_sqlite_run_text(file, "BEGIN IMMEDIATE", err);
    if (status == ORI_OK)
        status = drop_video(file, platform, code, err);
    if (status == ORI_OK)
        status = add_video(file, platform, code, token, &id, err);
    if (status == ORI_OK)
        status = add_vectors(stage, id, points, vectors, err);
    if (status == ORI_OK)
        status = ori_sqlite_run_text(file, "COMMIT", err);
    ori_sqlite_rollback(file);
    pthread_mutex_unlock(&stage->lock);
    return status;
}

ori_status ori_vector_stage_drop(struct ori_vector_stage *stage, const char *platform,
                                 const char *code, struct ori_error *err)
{
    struct ori_sqlite *file = &stage->file;
    pthread_mutex_lock(&stage->lock);
    ORI_ASSERT(stage->has_file);
    ori_status status = ori_sqlite_run_text(file, "BEGIN IMMEDIATE", err);
    if (status == ORI_OK)
        status = drop_video(file, platform, code, err);
    if (status == ORI_OK)
        status = ori_sqlite_run_text(file, "COMMIT", err);
    ori_sqlite_rollback(file);
    pthread_mutex_unlock(&stage->lock);
    return status;
}

/* ---- the switch ---- */

ori_status ori_vector_stage_begin_switch(struct ori_vector_stage *stage, int wait_ms,
                                         struct ori_error *err)
{
    pthread_mutex_lock(&stage->lock);
    close_store(stage);
    const ori_status status = open_store(stage, true, wait_ms, err);
    pthread_mutex_unlock(&stage->lock);
    return status;
}

ori_status ori_vector_stage_end_switch(struct ori_vector_stage *stage, struct ori_error *err)
{
    pthread_mutex_lock(&stage->lock);
    close_store(stage);
    const ori_status status = open_store(stage, false, stage->busy_ms, err);
    pthread_mutex_unlock(&stage->lock);
    return status;
}

/* One row of ORI_SS_EVERY into the store; ORI_OK also when the store has no such point any more. */
static ori_status move_vector(struct ori_vector_stage *stage, sqlite3_stmt *from, int64_t change,
                              struct ori_error *err)
{
    struct ori_vector_db *db = &stage->store;
    ori_status status = ORI_OK;
    const int vector_bytes = stage->model.dim * (int)sizeof(float);
    const void *id = sqlite3_column_blob(from, 0);
    const void *vector = sqlite3_column_blob(from, 1);
    if (!id || sqlite3_column_bytes(from, 0) != 16 || !vector ||
        sqlite3_column_bytes(from, 1) != vector_bytes)
        return ori_sqlite_damaged(&stage->file, "a vector has the wrong length", err);
    sqlite3_stmt *statement = ori_vector_db_statement(db, ORI_VS_SET_VECTOR, &status, err);
    if (!statement)
        return status;
    sqlite3_bind_blob(statement, 1, id, 16, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 2, vector, vector_bytes, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, stage->model.name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 4, change);
    status = ori_vector_db_step(db, statement, err);
    sqlite3_clear_bindings(statement);
    return status == ORI_EOF ? ORI_OK : status;
}

static ori_status move_vectors(struct ori_vector_stage *stage, int64_t change,
                               struct ori_error *err)
{
    ori_status status = ORI_OK;
    sqlite3_stmt *from = ori_sqlite_statement(&stage->file, ORI_SS_EVERY, &status, err);
    if (!from)
        return status;
    for (size_t n = 1; (status = ori_sqlite_step(&stage->file, from, err)) == ORI_OK; n++) {
        if (n % CANCEL_ROWS == 0 && ori_cancel_is_set(stage->cancel))
            status = ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
        if (status == ORI_OK)
            status = move_vector(stage, from, change, err);
        if (status != ORI_OK)
            break;
    }
    sqlite3_reset(from);
    return status == ORI_EOF ? ORI_OK : status;
}

static ori_status run_with_change(struct ori_vector_db *db, enum ori_vector_statement which,
                                  int64_t change, struct ori_error *err)
{
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_vector_db_statement(db, which, &status, err);
    if (!statement)
        return status;
    sqlite3_bind_int64(statement, 1, change);
    status = ori_vector_db_step(db, statement, err);
    return status == ORI_EOF ? ORI_OK : status;
}

/* Inside a write transaction. */
static ori_status switch_steps(struct ori_vector_stage *stage, int64_t *ret_points,
                               int64_t *ret_removed, struct ori_error *err)
{
    struct ori_vector_db *db = &stage->store;
    struct ori_vector_state before = {0};
    struct ori_vector_state after = {0};
    ori_status status = ori_vector_db_state(db, &before, err);
    if (status != ORI_OK)
        return status;
    const int64_t change = before.change + 1;
    status = move_vectors(stage, change, err);
    if (status == ORI_OK)
        status = run_with_change(db, ORI_VS_DELETE_OLDER, change, err);
    if (status == ORI_OK)
        status = ori_vector_db_set_model(db, &stage->model, err);
    if (status == ORI_OK)
        status = run_with_change(db, ORI_VS_SET_CHANGE, change, err);
    if (status == ORI_OK)
        status = ori_vector_db_state(db, &after, err);
    if (status == ORI_OK)
        status = ori_vector_db_run(db, ORI_VS_COMMIT, err);
    if (status == ORI_OK) {
        *ret_points = after.points;
        *ret_removed = before.points - after.points;
    }
    return status;
}

ori_status ori_vector_stage_commit(struct ori_vector_stage *stage, int64_t *ret_points,
                                   int64_t *ret_removed, struct ori_error *err)
{
    pthread_mutex_lock(&stage->lock);
    ORI_ASSERT(stage->has_file && stage->has_store);
    ori_status status = ori_vector_db_begin(&stage->store, ORI_VS_BEGIN_WRITE, err);
    if (status == ORI_OK)
        status = switch_steps(stage, ret_points, ret_removed, err);
    ori_vector_db_rollback(&stage->store);
    pthread_mutex_unlock(&stage->lock);
    return status;
}

ori_status ori_vector_stage_finish(struct ori_vector_stage **stage, struct ori_error *err)
{
    struct ori_vector_stage *it = *stage;
    ori_status status = ORI_OK;
    if (it->has_file)
        ori_sqlite_close(&it->file); /* folds its log away */
    it->has_file = false;
    if (unlink(it->stage_path) != 0 && errno != ENOENT)
        status = ori_error_set_errno(err, errno, true, "taking %s away", it->stage_path);
    ori_vector_stage_close(stage);
    return status;
}
