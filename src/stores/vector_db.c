#include "stores/vector_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/clock.h"

#define APPLICATION_ID "1869768534" /* "oriV" in ASCII, as a number */
#define SCHEMA_VERSION 1
#define SCHEMA_VERSION_TEXT "1"
#define BUSY_POLL_MS 5

struct schema_object {
    const char *name;
    const char *sql; /* as sqlite_schema gives it back */
};
static const struct schema_object schema[] = {
    {"store", "CREATE TABLE store(id INTEGER PRIMARY KEY CHECK(id = 1), model TEXT NOT NULL, "
              "dim INTEGER NOT NULL, change INTEGER NOT NULL, points INTEGER NOT NULL)"},
    {"points", "CREATE TABLE points(uuid BLOB NOT NULL PRIMARY KEY CHECK(length(uuid) = 16), "
               "platform TEXT NOT NULL, video_code TEXT NOT NULL, frame_number INTEGER NOT NULL, "
               "frame_second REAL NOT NULL, path TEXT NOT NULL, created_at TEXT NOT NULL, "
               "width INTEGER NOT NULL, height INTEGER NOT NULL, scene INTEGER NOT NULL, "
               "dhash TEXT NOT NULL, model TEXT NOT NULL, vector BLOB NOT NULL, "
               "change INTEGER NOT NULL)"},
    {"points_video",
     "CREATE INDEX points_video ON points(platform, video_code, frame_second, uuid)"},
    {"points_change", "CREATE INDEX points_change ON points(change)"},
    {"points_added", "CREATE TRIGGER points_added AFTER INSERT ON points BEGIN "
                     "UPDATE store SET points = points + 1; END"},
    {"points_removed", "CREATE TRIGGER points_removed AFTER DELETE ON points BEGIN "
                       "UPDATE store SET points = points - 1; END"},
};
enum { SCHEMA_OBJECTS = sizeof schema / sizeof schema[0] };

static const char *const statement_sql[ORI_VS_COUNT] = {
    [ORI_VS_BEGIN_READ] = "BEGIN",
    [ORI_VS_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [ORI_VS_COMMIT] = "COMMIT",
    [ORI_VS_STATE] = "SELECT model, dim, change, points FROM store WHERE id = 1",
    [ORI_VS_SET_MODEL] = "UPDATE store SET model = ?1, dim = ?2",
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
};

static ori_status status_of_cantopen(int errnum)
{
    switch (errnum) {
    case ENOSPC:
        return ORI_DISK_FULL;
    case ENOENT:
        return ORI_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return ORI_NOT_WRITABLE;
    default:
        return ORI_STORE;
    }
}

/* The one place where SQLite's codes end. */
static ori_status translate(const struct ori_vector_db *db, int code, struct ori_error *err)
{
    const int errnum = db->handle ? sqlite3_system_errno(db->handle) : 0;
    const char *words = db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code);
    ori_status status = ORI_STORE;
    switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        if (ori_cancel_is_set(db->cancel))
            status =
                ori_error_set(err, ORI_CANCELLED,
                              "stopped while another process wrote to vector store %s", db->path);
        else
            status =
                ori_error_set(err, ORI_STORE,
                              "vector store %s is busy: another process has been writing for more "
                              "than %d ms",
                              db->path, db->busy_ms);
        break;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        status = ori_error_set(err, ORI_STORE, "%s is no vector store, or it is damaged: %s",
                               db->path, words);
        break;
    case SQLITE_FULL:
        status = ori_error_set(err, ORI_DISK_FULL, "vector store %s: no space is left", db->path);
        break;
    case SQLITE_IOERR:
        status = ori_error_set(err, errnum == ENOSPC ? ORI_DISK_FULL : ORI_STORE,
                               "vector store %s: %s", db->path, errnum ? strerror(errnum) : words);
        break;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        status = ori_error_set(err, ORI_NOT_WRITABLE, "vector store %s: %s", db->path, words);
        break;
    case SQLITE_CANTOPEN:
        status = ori_error_set(err, status_of_cantopen(errnum), "vector store %s: %s", db->path,
                               errnum ? strerror(errnum) : words);
        break;
    case SQLITE_NOMEM:
        status = ori_error_set(err, ORI_NOMEM, "vector store %s", db->path);
        break;
    case SQLITE_TOOBIG:
        status = ori_error_set(err, ORI_LIMIT, "vector store %s: %s", db->path, words);
        break;
    default:
        status = ori_error_set(err, ORI_STORE, "vector store %s: %s", db->path, words);
        break;
    }
    if (err && err->native == 0)
        err->native = code;
    return status;
}

ori_status ori_vector_db_damaged(const struct ori_vector_db *db, const char *what,
                                 struct ori_error *err)
{
    return ori_error_set(err, ORI_STORE, "vector store %s is damaged: %s", db->path, what);
}

sqlite3_stmt *ori_vector_db_statement(struct ori_vector_db *db, enum ori_vector_statement which,
                                      ori_status *ret_status, struct ori_error *err)
{
    sqlite3_stmt **statement = &db->statements[which];
    *ret_status = ORI_OK;
    if (*statement) {
        sqlite3_reset(*statement); /* repeats the last step's failure, which was told then */
        sqlite3_clear_bindings(*statement);
        return *statement;
    }
    const int code = sqlite3_prepare_v3(db->handle, statement_sql[which], -1,
                                        SQLITE_PREPARE_PERSISTENT, statement, NULL);
    if (code != SQLITE_OK)
        *ret_status = translate(db, code, err);
    return *statement;
}

ori_status ori_vector_db_step(struct ori_vector_db *db, sqlite3_stmt *statement,
                              struct ori_error *err)
{
    const int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return ORI_OK;
    if (code == SQLITE_DONE) {
        sqlite3_reset(statement);
        return ORI_EOF;
    }
    const ori_status status = translate(db, code, err);
    sqlite3_reset(statement);
    return status;
}

ori_status ori_vector_db_run(struct ori_vector_db *db, enum ori_vector_statement which,
                             struct ori_error *err)
{
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_vector_db_statement(db, which, &status, err);
    if (!statement)
        return status;
    status = ori_vector_db_step(db, statement, err);
    return status == ORI_EOF ? ORI_OK : status;
}

void ori_vector_db_rollback(struct ori_vector_db *db)
{
    for (int i = 0; i < ORI_VS_COUNT; i++) /* a reader left open would keep its snapshot */
        sqlite3_reset(db->statements[i]);
    if (db->handle && !sqlite3_get_autocommit(db->handle))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

ori_status ori_vector_db_state(struct ori_vector_db *db, struct ori_vector_state *ret_state,
                               struct ori_error *err)
{
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_vector_db_statement(db, ORI_VS_STATE, &status, err);
    if (!statement)
        return status;
    status = ori_vector_db_step(db, statement, err);
    if (status == ORI_EOF)
        return ori_vector_db_damaged(db, "its state is missing", err);
    if (status != ORI_OK)
        return status;
    const char *model = (const char *)sqlite3_column_text(statement, 0);
    snprintf(ret_state->model, sizeof ret_state->model, "%s", model ? model : "");
    ret_state->dim = sqlite3_column_int64(statement, 1);
    ret_state->change = sqlite3_column_int64(statement, 2);
    ret_state->points = sqlite3_column_int64(statement, 3);
    sqlite3_reset(statement);
    return ORI_OK;
}

static ori_status run_text(struct ori_vector_db *db, const char *sql, struct ori_error *err)
{
    const int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? ORI_OK : translate(db, code, err);
}

static ori_status read_number(struct ori_vector_db *db, const char *sql, int64_t *ret_number,
                              struct ori_error *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    const ori_status status = code == SQLITE_ROW ? ORI_OK : translate(db, code, err);
    if (status == ORI_OK)
        *ret_number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return status;
}

static bool is_known_object(const char *name, const char *sql)
{
    for (int i = 0; i < SCHEMA_OBJECTS; i++) {
        if (strcmp(schema[i].name, name) == 0)
            return strcmp(schema[i].sql, sql) == 0;
    }
    return false;
}

static ori_status check_schema(struct ori_vector_db *db, struct ori_error *err)
{
    sqlite3_stmt *statement = NULL;
    ori_status status = ORI_OK;
    int objects = 0;
    /* The index behind the primary key has no text of its own. */
    int code =
        sqlite3_prepare_v2(db->handle, "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL",
                           -1, &statement, NULL);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(statement);
        if (code != SQLITE_ROW)
            break;
        const char *name = (const char *)sqlite3_column_text(statement, 0);
        const char *sql = (const char *)sqlite3_column_text(statement, 1);
        if (!name || !sql || !is_known_object(name, sql)) {
            status = ori_vector_db_damaged(db, "its tables are not those of a vector store", err);
            goto out;
        }
        objects++;
    }
    if (code != SQLITE_DONE)
        status = translate(db, code, err);
    else if (objects != SCHEMA_OBJECTS)
        status = ori_vector_db_damaged(db, "a table or an index is missing", err);
out:
    sqlite3_finalize(statement);
    return status;
}

enum file_kind { FILE_EMPTY, FILE_OURS };

static ori_status look_at_file(struct ori_vector_db *db, enum file_kind *ret_kind,
                               struct ori_error *err)
{
    int64_t objects = 0;
    int64_t application = 0;
    int64_t version = 0;
    ori_status status =
        read_number(db, "SELECT count(*) FROM sqlite_schema", &objects, err); /* reads page 1 */
    if (status == ORI_OK)
        status = read_number(db, "PRAGMA application_id", &application, err);
    if (status == ORI_OK)
        status = read_number(db, "PRAGMA user_version", &version, err);
    if (status != ORI_OK)
        return status;
    if (objects == 0 && application == 0 && version == 0) {
        *ret_kind = FILE_EMPTY;
        return ORI_OK;
    }
    *ret_kind = FILE_OURS;
    if (application != strtoll(APPLICATION_ID, NULL, 10))
        return ori_error_set(err, ORI_STORE, "%s is an SQLite file of another program", db->path);
    if (version > SCHEMA_VERSION)
        return ori_error_set(err, ORI_STORE_VERSION,
                             "vector store %s has version %lld; this program knows up to %d",
                             db->path, (long long)version, SCHEMA_VERSION);
    if (version < SCHEMA_VERSION)
        return ori_vector_db_damaged(db, "its version number is not one ever used", err);
    return check_schema(db, err);
}

static ori_status insert_state(struct ori_vector_db *db, const char *model, int dim,
                               struct ori_error *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db->handle, "INSERT INTO store VALUES(1, ?1, ?2, 0, 0)", -1,
                                  &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_bind_text(statement, 1, model, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_bind_int(statement, 2, dim);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    const ori_status status = code == SQLITE_DONE ? ORI_OK : translate(db, code, err);
    sqlite3_finalize(statement);
    return status;
}

/* Makes the tables, unless another process was faster. */
static ori_status create_schema(struct ori_vector_db *db, const char *model, int dim,
                                struct ori_error *err)
{
    enum file_kind kind = FILE_EMPTY;
    ori_status status = ori_vector_db_run(db, ORI_VS_BEGIN_WRITE, err);
    if (status != ORI_OK)
        return status;
    status = look_at_file(db, &kind, err);
    if (status != ORI_OK || kind == FILE_OURS)
        goto out;
    for (int i = 0; i < SCHEMA_OBJECTS && status == ORI_OK; i++)
        status = run_text(db, schema[i].sql, err);
    if (status == ORI_OK)
        status = insert_state(db, model, dim, err);
    if (status == ORI_OK)
        status = run_text(db,
                          "PRAGMA application_id = " APPLICATION_ID
                          "; PRAGMA user_version = " SCHEMA_VERSION_TEXT,
                          err);
    if (status == ORI_OK)
        status = ori_vector_db_run(db, ORI_VS_COMMIT, err);
out:
    ori_vector_db_rollback(db);
    return status;
}

/* Two processes that turn a new file to WAL at once get SQLITE_BUSY without the busy handler being
 * asked (it would be a deadlock): try again until our own deadline. */
static ori_status set_wal(struct ori_vector_db *db, struct ori_error *err)
{
    const int64_t deadline_us = ori_clock_us() + (int64_t)db->busy_ms * 1000;
    for (;;) {
        const int code = sqlite3_exec(db->handle, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
        if (code == SQLITE_OK)
            return ORI_OK;
        if ((code & 0xFF) != SQLITE_BUSY || ori_clock_us() >= deadline_us)
            return translate(db, code, err);
        if (ori_cancel_wait(db->cancel, BUSY_POLL_MS) == ORI_CANCELLED)
            return translate(db, code, err);
    }
}

/* SQLite's own busy handler cannot be cancelled. waits: how often this wait has asked. */
static int wait_while_busy(void *self, int waits)
{
    struct ori_vector_db *db = self;
    const int64_t now_us = ori_clock_us();
    if (waits == 0)
        db->busy_since_us = now_us;
    if (now_us - db->busy_since_us >= (int64_t)db->busy_ms * 1000)
        return 0;
    return ori_cancel_wait(db->cancel, waits < BUSY_POLL_MS ? 1 : BUSY_POLL_MS) == ORI_AGAIN;
}

static void set_guards(struct ori_vector_db *db)
{
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_handler(db->handle, wait_while_busy, db);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
}

static ori_status open_handle(struct ori_vector_db *db, const char *name, int flags,
                              struct ori_error *err)
{
    const int code = sqlite3_open_v2(name, &db->handle,
                                     flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code != SQLITE_OK)
        return translate(db, code, err);
    set_guards(db);
    return ORI_OK;
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
static ori_status open_immutable(struct ori_vector_db *db, const char *name, struct ori_error *err)
{
    char *uri = immutable_uri(name);
    if (!uri)
        return ori_error_set(err, ORI_NOMEM, "vector store %s", db->path);
    sqlite3_close(db->handle);
    db->handle = NULL;
    const ori_status status = open_handle(db, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
    free(uri);
    return status;
}

static ori_status open_read_only(struct ori_vector_db *db, const char *name, struct ori_error *err)
{
    enum file_kind kind = FILE_EMPTY;
    struct ori_error first = {0};
    ori_status status = ORI_OK;
    if (access(name, F_OK) != 0)
        return ori_error_set_errno(err, errno, false, "vector store %s", db->path);
    status = open_handle(db, name, SQLITE_OPEN_READONLY, err);
    if (status != ORI_OK)
        return status;
    status = look_at_file(db, &kind, &first);
    const int code = first.native & 0xFF;
    if ((code == SQLITE_CANTOPEN || code == SQLITE_READONLY) && !has_log(name)) {
        status = open_immutable(db, name, err);
        if (status == ORI_OK)
            status = look_at_file(db, &kind, err);
    } else if (status != ORI_OK && err) {
        *err = first;
    }
    if (status == ORI_OK && kind == FILE_EMPTY)
        return ori_error_set(err, ORI_NOT_FOUND, "vector store %s has never been written to",
                             db->path);
    return status;
}

static ori_status open_to_write(struct ori_vector_db *db, const char *name, const char *model,
                                int dim, struct ori_error *err)
{
    enum file_kind kind = FILE_EMPTY;
    ori_status status = open_handle(db, name, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    if (status == ORI_NOT_FOUND) { /* its folder: we would have made the file */
        status = ORI_NOT_WRITABLE;
        if (err)
            err->status = status;
    }
    if (status == ORI_OK && sqlite3_db_readonly(db->handle, "main") == 1) /* SQLite makes do */
        status =
            ori_error_set(err, ORI_NOT_WRITABLE, "vector store %s cannot be written", db->path);
    if (status == ORI_OK)
        status = look_at_file(db, &kind, err); /* a foreign file stays as it is */
    if (status == ORI_OK && kind == FILE_EMPTY)
        status = run_text(db, "PRAGMA page_size = 8192", err);
    if (status == ORI_OK)
        status = set_wal(db, err);
    if (status == ORI_OK)
        status =
            run_text(db, "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864", err);
    if (status == ORI_OK && kind == FILE_EMPTY)
        status = create_schema(db, model, dim, err);
    return status;
}

ori_status ori_vector_db_open(struct ori_vector_db *db, const char *path, bool is_read_only,
                              const char *model, int dim, struct ori_error *err)
{
    char *name = NULL;
    ori_status status = ORI_OK;
    *db = (struct ori_vector_db){.busy_ms = db->busy_ms, .cancel = db->cancel};
    db->path = strdup(path);
    /* Names like ":memory:" mean something to SQLite; "./:memory:" is a file. */
    if (!db->path || asprintf(&name, "%s%s", path[0] == '/' ? "" : "./", path) < 0) {
        name = NULL;
        status = ori_error_set(err, ORI_NOMEM, "vector store");
        goto out;
    }
    status =
        is_read_only ? open_read_only(db, name, err) : open_to_write(db, name, model, dim, err);
out:
    free(name);
    if (status != ORI_OK)
        ori_vector_db_close(db);
    return status;
}

void ori_vector_db_close(struct ori_vector_db *db)
{
    for (int i = 0; i < ORI_VS_COUNT; i++) {
        sqlite3_finalize(db->statements[i]);
        db->statements[i] = NULL;
    }
    sqlite3_close(db->handle);
    db->handle = NULL;
    free(db->path);
    db->path = NULL;
}
