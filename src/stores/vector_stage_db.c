#include "stores/vector_stage_db.h"

#include <string.h>

enum { APPLICATION_ID = 0x6F726953 /* "oriS" in ASCII */, SCHEMA_VERSION = 1 };

static const struct ori_sqlite_object schema[] = {
    {"stage", "CREATE TABLE stage(id INTEGER PRIMARY KEY CHECK(id = 1), model TEXT NOT NULL, "
              "dim INTEGER NOT NULL, digest TEXT NOT NULL, recipe TEXT NOT NULL)"},
    {"videos", "CREATE TABLE videos(id INTEGER PRIMARY KEY, platform TEXT NOT NULL, "
               "video_code TEXT NOT NULL, token TEXT NOT NULL)"},
    {"videos_name", "CREATE UNIQUE INDEX videos_name ON videos(platform, video_code)"},
    {"vectors", "CREATE TABLE vectors(video INTEGER NOT NULL, uuid BLOB NOT NULL, "
                "vector BLOB NOT NULL)"},
    {"vectors_video", "CREATE INDEX vectors_video ON vectors(video)"},
};

static const char *const statement_sql[ORI_SS_COUNT] = {
    [ORI_SS_ADD_STATE] = "INSERT INTO stage VALUES(1, ?1, ?2, ?3, ?4)",
    [ORI_SS_STATE] = "SELECT model, dim, digest, recipe FROM stage WHERE id = 1",
    [ORI_SS_SET_STATE] = "UPDATE stage SET model = ?1, dim = ?2, digest = ?3, recipe = ?4",
    [ORI_SS_FORGET_VECTORS] = "DELETE FROM vectors",
    [ORI_SS_FORGET_VIDEOS] = "DELETE FROM videos",
    [ORI_SS_TOKEN] = "SELECT id, token FROM videos WHERE platform = ?1 AND video_code = ?2",
    [ORI_SS_DROP_VECTORS] = "DELETE FROM vectors WHERE video = ?1",
    [ORI_SS_DROP_VIDEO] = "DELETE FROM videos WHERE id = ?1",
    [ORI_SS_ADD_VIDEO] = "INSERT INTO videos(platform, video_code, token) VALUES(?1, ?2, ?3)",
    [ORI_SS_ADD_VECTOR] = "INSERT INTO vectors VALUES(?1, ?2, ?3)",
    [ORI_SS_EVERY] = "SELECT uuid, vector FROM vectors",
};

static const struct ori_sqlite_format format = {
    .what = "reindex file",
    .application_id = APPLICATION_ID,
    .version = SCHEMA_VERSION,
    .objects = schema,
    .objects_count = sizeof schema / sizeof schema[0],
    .statements = statement_sql,
    .statements_count = ORI_SS_COUNT,
};

static ori_status run_with_owner(struct ori_sqlite *file, enum ori_stage_statement which,
                                 const struct ori_stage_owner *owner, struct ori_error *err)
{
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_sqlite_statement(file, (int)which, &status, err);
    if (!statement)
        return status;
    sqlite3_bind_text(statement, 1, owner->model.name, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 2, owner->model.dim);
    sqlite3_bind_text(statement, 3, owner->model.digest, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 4, owner->recipe, -1, SQLITE_STATIC);
    status = ori_sqlite_finish(file, statement, err);
    sqlite3_clear_bindings(statement);
    return status;
}

static ori_status insert_state(struct ori_sqlite *file, const void *self, struct ori_error *err)
{
    return run_with_owner(file, ORI_SS_ADD_STATE, self, err);
}

static bool is_text(sqlite3_stmt *statement, int at, const char *wanted)
{
    const char *text = (const char *)sqlite3_column_text(statement, at);
    return text && strcmp(text, wanted) == 0;
}

static ori_status is_of(struct ori_sqlite *file, const struct ori_stage_owner *owner, bool *ret_is,
                        struct ori_error *err)
{
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_sqlite_statement(file, ORI_SS_STATE, &status, err);
    if (!statement)
        return status;
    status = ori_sqlite_step(file, statement, err);
    if (status == ORI_EOF)
        return ori_sqlite_damaged(file, "its state is missing", err);
    if (status != ORI_OK)
        return status;
    *ret_is = is_text(statement, 0, owner->model.name) &&
              sqlite3_column_int64(statement, 1) == owner->model.dim &&
              is_text(statement, 2, owner->model.digest) && is_text(statement, 3, owner->recipe);
    sqlite3_reset(statement);
    return ORI_OK;
}

/* What another model's reindex left unfinished is of no use to this one. */
static ori_status take_over(struct ori_sqlite *file, const struct ori_stage_owner *owner,
                            bool *ret_was_ours, struct ori_error *err)
{
    ori_status status = ori_sqlite_run_text(file, "BEGIN IMMEDIATE", err);
    if (status == ORI_OK)
        status = is_of(file, owner, ret_was_ours, err);
    if (status != ORI_OK || *ret_was_ours)
        goto out;
    status = ori_sqlite_run(file, ORI_SS_FORGET_VECTORS, err);
    if (status == ORI_OK)
        status = ori_sqlite_run(file, ORI_SS_FORGET_VIDEOS, err);
    if (status == ORI_OK)
        status = run_with_owner(file, ORI_SS_SET_STATE, owner, err);
    if (status == ORI_OK)
        status = ori_sqlite_run_text(file, "COMMIT", err);
out:
    ori_sqlite_rollback(file);
    return status;
}

static ori_status open_steps(struct ori_sqlite *file, const struct ori_stage_owner *owner,
                             bool *ret_was_ours, struct ori_error *err)
{
    bool is_empty = false;
    struct ori_error why = {0};
    ori_status status = ori_sqlite_run_text(file, "PRAGMA locking_mode = EXCLUSIVE", err);
    if (status != ORI_OK)
        return status;
    status = ori_sqlite_look(file, &is_empty, &why);
    if (status == ORI_OK && is_empty)
        status = ori_sqlite_run_text(file, "PRAGMA page_size = 8192", &why);
    if (status == ORI_OK)
        status = ori_sqlite_set_durable(file, &why);
    if (status == ORI_OK && is_empty)
        status = ori_sqlite_make(file, insert_state, owner, &why);
    if (status == ORI_OK)
        status = take_over(file, owner, ret_was_ours, &why);
    *ret_was_ours = *ret_was_ours && !is_empty;
    if (status == ORI_STORE && (why.native & 0xFF) == SQLITE_BUSY)
        return ori_error_set(err, ORI_STORE_IN_USE,
                             "another `oriane reindex` is at work on this store (it has %s open)",
                             file->path);
    if (status != ORI_OK && err)
        *err = why;
    return status;
}

ori_status ori_stage_db_open(struct ori_sqlite *file, const char *path, int busy_ms,
                             const struct ori_cancel *cancel, const struct ori_stage_owner *owner,
                             bool *ret_was_ours, struct ori_error *err)
{
    ori_status status = ori_sqlite_open(
        file, &format, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, busy_ms, cancel, err);
    if (status == ORI_OK && sqlite3_db_readonly(file->handle, "main") == 1)
        status = ori_error_set(err, ORI_NOT_WRITABLE, "%s cannot be written", path);
    if (status == ORI_OK)
        status = open_steps(file, owner, ret_was_ours, err);
    if (status != ORI_OK)
        ori_sqlite_close(file);
    return status;
}
