#include "stores/vector_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { APPLICATION_ID = 0x6F726956 /* "oriV" in ASCII */, SCHEMA_VERSION = 2 };

/* Version 2 adds the digest, in the words that SQLite's ALTER TABLE leaves behind. */
#define STORE_1                                                                                    \
    "CREATE TABLE store(id INTEGER PRIMARY KEY CHECK(id = 1), model TEXT NOT NULL, "               \
    "dim INTEGER NOT NULL, change INTEGER NOT NULL, points INTEGER NOT NULL"
#define DIGEST_COLUMN "digest TEXT NOT NULL DEFAULT ''"
/* clang-format off: a table of the file's tables */
#define POINTS_OBJECTS                                                                             \
    {"points", "CREATE TABLE points(uuid BLOB NOT NULL PRIMARY KEY CHECK(length(uuid) = 16), "     \
               "platform TEXT NOT NULL, video_code TEXT NOT NULL, frame_number INTEGER NOT NULL, " \
               "frame_second REAL NOT NULL, path TEXT NOT NULL, created_at TEXT NOT NULL, "        \
               "width INTEGER NOT NULL, height INTEGER NOT NULL, scene INTEGER NOT NULL, "         \
               "dhash TEXT NOT NULL, model TEXT NOT NULL, vector BLOB NOT NULL, "                  \
               "change INTEGER NOT NULL)"},                                                        \
        {"points_video",                                                                           \
         "CREATE INDEX points_video ON points(platform, video_code, frame_second, uuid)"},         \
        {"points_change", "CREATE INDEX points_change ON points(change)"},                         \
        {"points_added", "CREATE TRIGGER points_added AFTER INSERT ON points BEGIN "               \
                         "UPDATE store SET points = points + 1; END"},                             \
    {                                                                                              \
        "points_removed", "CREATE TRIGGER points_removed AFTER DELETE ON points BEGIN "            \
                          "UPDATE store SET points = points - 1; END"                              \
    }
/* clang-format on */

static const struct ori_sqlite_object schema[] = {{"store", STORE_1 ", " DIGEST_COLUMN ")"},
                                                  POINTS_OBJECTS};
static const struct ori_sqlite_object schema_1[] = {{"store", STORE_1 ")"}, POINTS_OBJECTS};

static const struct ori_sqlite_older older[] = {
    {.objects = schema_1,
     .objects_count = sizeof schema_1 / sizeof schema_1[0],
     .upgrade = "ALTER TABLE store ADD COLUMN " DIGEST_COLUMN},
};
_Static_assert(sizeof older / sizeof older[0] == SCHEMA_VERSION - 1, "every version before");

static const char *const statement_sql[ORI_VS_COUNT] = {
    [ORI_VS_BEGIN_READ] = "BEGIN",
    [ORI_VS_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [ORI_VS_COMMIT] = "COMMIT",
    [ORI_VS_ADD_STATE] = "INSERT INTO store VALUES(1, ?1, ?2, 0, 0, ?3)",
    [ORI_VS_STATE] = "SELECT model, dim, change, points, digest FROM store WHERE id = 1",
    [ORI_VS_STATE_1] = "SELECT model, dim, change, points, '' FROM store WHERE id = 1",
    [ORI_VS_SET_MODEL] = "UPDATE store SET model = ?1, dim = ?2, digest = ?3",
    [ORI_VS_SET_CHANGE] = "UPDATE store SET change = ?1",
    /* A point that is there already, the same but for its time, is left alone with its time. */
    [ORI_VS_UPSERT] =
        "INSERT INTO points VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) "
        "ON CONFLICT(uuid) DO UPDATE SET platform = excluded.platform, "
        "video_code = excluded.video_code, frame_number = excluded.frame_number, "
        "frame_second = excluded.frame_second, path = excluded.path, "
        "created_at = excluded.created_at, width = excluded.width, height = excluded.height, "
        "scene = excluded.scene, dhash = excluded.dhash, model = excluded.model, "
        "vector = excluded.vector, change = excluded.change "
        "WHERE platform <> excluded.platform OR video_code <> excluded.video_code OR "
        "frame_number <> excluded.frame_number OR frame_second <> excluded.frame_second OR "
        "path <> excluded.path OR width <> excluded.width OR height <> excluded.height OR "
        "scene <> excluded.scene OR dhash <> excluded.dhash OR model <> excluded.model OR "
        "vector <> excluded.vector",
    [ORI_VS_DELETE] = "DELETE FROM points WHERE uuid = ?1",
    [ORI_VS_VIDEO_IDS] = "SELECT uuid FROM points WHERE platform = ?1 AND video_code = ?2",
    [ORI_VS_ALL_IDS] = "SELECT uuid FROM points",
    [ORI_VS_CHANGED] = "SELECT uuid, platform, video_code, frame_second, vector FROM points "
                       "WHERE change > ?1",
    [ORI_VS_EVERY] = "SELECT uuid, platform, video_code, frame_second, vector FROM points",
    [ORI_VS_PAYLOAD] = "SELECT platform, video_code, frame_number, frame_second, path, created_at, "
                       "width, height, scene, dhash, model FROM points WHERE uuid = ?1",
    [ORI_VS_VECTOR] = "SELECT vector FROM points WHERE uuid = ?1",
    [ORI_VS_COUNT_VIDEO] = "SELECT count(*) FROM points WHERE platform = ?1 AND video_code = ?2 "
                           "AND (?3 IS NULL OR frame_second >= ?3) "
                           "AND (?4 IS NULL OR frame_second <= ?4)",
    [ORI_VS_COUNT_ANY] = "SELECT count(*) FROM points INDEXED BY points_video "
                         "WHERE (?1 IS NULL OR platform = ?1) AND (?2 IS NULL OR video_code = ?2) "
                         "AND (?3 IS NULL OR frame_second >= ?3) "
                         "AND (?4 IS NULL OR frame_second <= ?4)",
    [ORI_VS_VIDEOS] = "SELECT platform, video_code, count(*) FROM points INDEXED BY points_video "
                      "GROUP BY platform, video_code ORDER BY platform, video_code",
    [ORI_VS_VIDEO_POINTS] =
        "SELECT uuid, change, frame_number, frame_second, scene, width, height, "
        "created_at, dhash, path FROM points "
        "WHERE platform = ?1 AND video_code = ?2 ORDER BY uuid",
    [ORI_VS_NEXT_VIDEOS] =
        "SELECT DISTINCT platform, video_code FROM points INDEXED BY points_video "
        "WHERE (platform, video_code) > (?1, ?2) "
        "ORDER BY platform, video_code LIMIT 256",
    [ORI_VS_PAYLOADS] =
        "SELECT platform, video_code, frame_number, frame_second, path, created_at, "
        "width, height, scene, dhash, model, uuid FROM points "
        "WHERE platform = ?1 AND video_code = ?2",
    [ORI_VS_DELETE_OF] = "DELETE FROM points WHERE uuid = ?1 AND platform = ?2 AND video_code = ?3",
    [ORI_VS_SET_VECTOR] = "UPDATE points SET vector = ?2, model = ?3, change = ?4 WHERE uuid = ?1",
    [ORI_VS_DELETE_OLDER] = "DELETE FROM points WHERE change <> ?1",
};

static const struct ori_sqlite_format format = {
    .what = "vector store",
    .application_id = APPLICATION_ID,
    .version = SCHEMA_VERSION,
    .older = older,
    .objects = schema,
    .objects_count = sizeof schema / sizeof schema[0],
    .statements = statement_sql,
    .statements_count = ORI_VS_COUNT,
};

ori_status ori_vector_db_state(struct ori_vector_db *db, struct ori_vector_state *ret_state,
                               struct ori_error *err)
{
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_vector_db_statement(
        db, db->file.version == 1 ? ORI_VS_STATE_1 : ORI_VS_STATE, &status, err);
    if (!statement)
        return status;
    status = ori_vector_db_step(db, statement, err);
    if (status == ORI_EOF)
        return ori_vector_db_damaged(db, "its state is missing", err);
    if (status != ORI_OK)
        return status;
    const char *model = (const char *)sqlite3_column_text(statement, 0);
    const char *digest = (const char *)sqlite3_column_text(statement, 4);
    snprintf(ret_state->model, sizeof ret_state->model, "%s", model ? model : "");
    snprintf(ret_state->digest, sizeof ret_state->digest, "%s", digest ? digest : "");
    ret_state->dim = sqlite3_column_int64(statement, 1);
    ret_state->change = sqlite3_column_int64(statement, 2);
    ret_state->points = sqlite3_column_int64(statement, 3);
    sqlite3_reset(statement);
    return ORI_OK;
}

static void bind_model(sqlite3_stmt *statement, const struct ori_vector_model *model)
{
    sqlite3_bind_text(statement, 1, model->name, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 2, model->dim);
    sqlite3_bind_text(statement, 3, model->digest, -1, SQLITE_STATIC);
}

static ori_status run_with_model(struct ori_sqlite *file, enum ori_vector_statement which,
                                 const struct ori_vector_model *model, struct ori_error *err)
{
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_sqlite_statement(file, (int)which, &status, err);
    if (!statement)
        return status;
    bind_model(statement, model);
    status = ori_sqlite_finish(file, statement, err);
    sqlite3_clear_bindings(statement);
    return status;
}

static ori_status insert_state(struct ori_sqlite *file, const void *self, struct ori_error *err)
{
    return run_with_model(file, ORI_VS_ADD_STATE, self, err);
}

ori_status ori_vector_db_set_model(struct ori_vector_db *db, const struct ori_vector_model *model,
                                   struct ori_error *err)
{
    return run_with_model(&db->file, ORI_VS_SET_MODEL, model, err);
}

bool ori_vector_state_fits(const struct ori_vector_state *state,
                           const struct ori_vector_model *model)
{
    if (state->dim != model->dim)
        return false;
    if (state->digest[0] == '\0')
        return strcmp(state->model, model->name) == 0;
    return strcmp(state->digest, model->digest) == 0; /* the same model under any name */
}

ori_status ori_vector_state_mismatch(const struct ori_vector_state *state,
                                     const struct ori_vector_model *model, struct ori_error *err)
{
    static const char what_to_do[] = "run `oriane reindex` to embed its frames again with this "
                                     "one, or use another VECTOR_DB";
    if (strcmp(state->model, model->name) == 0 && state->dim == model->dim)
        return ori_error_set(err, ORI_STORE_MISMATCH,
                             "the vector store was filled by model %.100s with weights %.16s, now "
                             "its weights are %.16s: %s",
                             state->model, state->digest,
                             model->digest[0] ? model->digest : "others", what_to_do);
    return ori_error_set(err, ORI_STORE_MISMATCH,
                         "the vector store was filled by model %.100s (%lld numbers a vector), now "
                         "it is %.100s (%d): %s",
                         state->model, (long long)state->dim, model->name, model->dim, what_to_do);
}

static bool is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '.' || c == '-' || c == '_';
}

/* name as a file: URI with immutable=1; malloc'ed, NULL when memory ran out. */
static char *immutable_uri(const char *name)
{
    static const char hex[] = "0123456789ABCDEF";
    static const char tail[] = "?immutable=1";
    const char *head = name[0] == '/' ? "file://" : "file:";
    const size_t head_bytes = strlen(head);
    char *uri = malloc(head_bytes + 3 * strlen(name) + sizeof tail);
    if (!uri)
        return NULL;
    memcpy(uri, head, head_bytes);
    char *out = uri + head_bytes;
    for (const char *at = name; *at; at++) {
        const unsigned char c = (unsigned char)*at;
        if (is_plain(c)) {
            *out++ = *at;
        } else {
            *out++ = '%';
            *out++ = hex[c >> 4];
            *out++ = hex[c & 15];
        }
    }
    memcpy(out, tail, sizeof tail);
    return uri;
}

static bool has_log(const char *name)
{
    char *log = NULL;
    struct stat about;
    if (asprintf(&log, "%s-wal", name) < 0)
        return true;
    const bool is_there = stat(log, &about) == 0 && about.st_size > 0;
    free(log);
    return is_there;
}

/* Read-only media: SQLite cannot make its side files there; nobody else can write there either,
 * so the file may be read as one that never changes, unless a write-ahead log lies beside it. */
static ori_status open_immutable(struct ori_sqlite *file, struct ori_error *err)
{
    char *uri = immutable_uri(file->name);
    if (!uri)
        return ori_error_set(err, ORI_NOMEM, "vector store %s", file->path);
    const ori_status status =
        ori_sqlite_reopen(file, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
    free(uri);
    return status;
}

static ori_status open_read_only(struct ori_vector_db *db, const char *path, struct ori_error *err)
{
    struct ori_sqlite *file = &db->file;
    struct ori_error first = {0};
    bool is_empty = false;
    if (access(path, F_OK) != 0)
        return ori_error_set_errno(err, errno, false, "vector store %s", path);
    ori_status status =
        ori_sqlite_open(file, &format, path, SQLITE_OPEN_READONLY, db->busy_ms, db->cancel, err);
    if (status != ORI_OK)
        return status;
    status = ori_sqlite_look(file, &is_empty, &first);
    const int code = first.native & 0xFF;
    if ((code == SQLITE_CANTOPEN || code == SQLITE_READONLY) && !has_log(file->name)) {
        status = open_immutable(file, err);
        if (status == ORI_OK)
            status = ori_sqlite_look(file, &is_empty, err);
    } else if (status != ORI_OK && err) {
        *err = first;
    }
    if (status == ORI_OK && is_empty)
        return ori_error_set(err, ORI_NOT_FOUND, "vector store %s has never been written to", path);
    return status;
}

/* What every writer does once the file is open. */
static ori_status make_ready(struct ori_sqlite *file, struct ori_error *err)
{
    ori_status status = ori_sqlite_set_durable(file, err);
    if (status == ORI_OK)
        status = ori_sqlite_upgrade(file, err);
    return status;
}

/* SQLite makes do with a file that it may only read. */
static ori_status check_writable(const struct ori_sqlite *file, struct ori_error *err)
{
    if (sqlite3_db_readonly(file->handle, "main") != 1)
        return ORI_OK;
    return ori_error_set(err, ORI_NOT_WRITABLE, "vector store %s cannot be written", file->path);
}

static ori_status open_to_write(struct ori_vector_db *db, const char *path,
                                const struct ori_vector_model *model, struct ori_error *err)
{
    struct ori_sqlite *file = &db->file;
    bool is_empty = false;
    ori_status status =
        ori_sqlite_open(file, &format, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                        db->busy_ms, db->cancel, err);
    if (status == ORI_NOT_FOUND) { /* its folder: we would have made the file */
        status = ORI_NOT_WRITABLE;
        if (err)
            err->status = status;
    }
    if (status == ORI_OK)
        status = check_writable(file, err);
    if (status == ORI_OK)
        status = ori_sqlite_look(file, &is_empty, err); /* a foreign file stays as it is */
    if (status == ORI_OK && is_empty)
        status = ori_sqlite_run_text(file, "PRAGMA page_size = 8192", err);
    if (status == ORI_OK)
        status = make_ready(file, err);
    if (status == ORI_OK && is_empty)
        status = ori_sqlite_make(file, insert_state, model, err);
    return status;
}

ori_status ori_vector_db_open(struct ori_vector_db *db, const char *path, bool is_read_only,
                              const struct ori_vector_model *model, struct ori_error *err)
{
    *db = (struct ori_vector_db){.busy_ms = db->busy_ms, .cancel = db->cancel};
    const ori_status status =
        is_read_only ? open_read_only(db, path, err) : open_to_write(db, path, model, err);
    if (status != ORI_OK)
        ori_vector_db_close(db);
    return status;
}

/* In exclusive mode the first look takes the whole file for this connection, or finds that it is
 * not the only one: SQLite, "WAL Without Shared-Memory". */
static ori_status look_alone(struct ori_sqlite *file, bool *ret_is_empty, struct ori_error *err)
{
    struct ori_error why = {0};
    ori_status status = ori_sqlite_run_text(file, "PRAGMA locking_mode = EXCLUSIVE", err);
    if (status != ORI_OK)
        return status;
    status = ori_sqlite_look(file, ret_is_empty, &why);
    if (status == ORI_STORE && (why.native & 0xFF) == SQLITE_BUSY)
        return ori_error_set(err, ORI_STORE_IN_USE, "another process has vector store %s open",
                             file->path);
    if (status != ORI_OK && err)
        *err = why;
    return status;
}

static ori_status open_filled(struct ori_vector_db *db, const char *path, bool is_alone,
                              struct ori_error *err)
{
    struct ori_sqlite *file = &db->file;
    bool is_empty = false;
    if (access(path, F_OK) != 0)
        return ori_error_set_errno(err, errno, false, "vector store %s", path);
    ori_status status =
        ori_sqlite_open(file, &format, path, SQLITE_OPEN_READWRITE, db->busy_ms, db->cancel, err);
    if (status == ORI_OK)
        status = check_writable(file, err);
    if (status == ORI_OK)
        status =
            is_alone ? look_alone(file, &is_empty, err) : ori_sqlite_look(file, &is_empty, err);
    if (status == ORI_OK && is_empty)
        return ori_error_set(err, ORI_NOT_FOUND, "vector store %s has never been written to", path);
    if (status == ORI_OK)
        status = make_ready(file, err);
    return status;
}

ori_status ori_vector_db_open_filled(struct ori_vector_db *db, const char *path, bool is_alone,
                                     struct ori_error *err)
{
    *db = (struct ori_vector_db){.busy_ms = db->busy_ms, .cancel = db->cancel};
    const ori_status status = open_filled(db, path, is_alone, err);
    if (status != ORI_OK)
        ori_vector_db_close(db);
    return status;
}

void ori_vector_db_close(struct ori_vector_db *db)
{
    ori_sqlite_close(&db->file);
}
