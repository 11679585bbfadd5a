#include "stores/sqlite_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"

#define BUSY_POLL_MS 5
#define COPY_PAGES 1000 /* SQLite's own figure for an automatic checkpoint */

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

static ori_status set_busy(const struct ori_sqlite *db, struct ori_error *err)
{
    if (ori_cancel_is_set(db->cancel))
        return ori_error_set(err, ORI_CANCELLED, "stopped while another process wrote to %s %s",
                             db->format->what, db->path);
    return ori_error_set(err, ORI_STORE,
                         "%s %s is busy: another process has been writing for more than %d ms",
                         db->format->what, db->path, db->busy_ms);
}

/* The one place where SQLite's codes end. */
static ori_status translate(const struct ori_sqlite *db, int code, struct ori_error *err)
{
    const int errnum = db->handle ? sqlite3_system_errno(db->handle) : 0;
    const char *words = db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code);
    const char *what = db->format->what;
    ori_status status = ORI_STORE;
    switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        status = set_busy(db, err);
        break;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        status = ori_error_set(err, ORI_STORE, "%s is no %s, or it is damaged: %s", db->path, what,
                               words);
        break;
    case SQLITE_FULL:
        status = ori_error_set(err, ORI_DISK_FULL, "%s %s: no space is left", what, db->path);
        break;
    case SQLITE_IOERR:
        status = ori_error_set(err, errnum == ENOSPC ? ORI_DISK_FULL : ORI_STORE, "%s %s: %s", what,
                               db->path, errnum ? strerror(errnum) : words);
        break;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        status = ori_error_set(err, ORI_NOT_WRITABLE, "%s %s: %s", what, db->path, words);
        break;
    case SQLITE_CANTOPEN:
        status = ori_error_set(err, status_of_cantopen(errnum), "%s %s: %s", what, db->path,
                               errnum ? strerror(errnum) : words);
        break;
    case SQLITE_NOMEM:
        status = ori_error_set(err, ORI_NOMEM, "%s %s", what, db->path);
        break;
    case SQLITE_TOOBIG:
        status = ori_error_set(err, ORI_LIMIT, "%s %s: %s", what, db->path, words);
        break;
    default:
        status = ori_error_set(err, ORI_STORE, "%s %s: %s", what, db->path, words);
        break;
    }
    if (err && err->native == 0)
        err->native = code;
    return status;
}

ori_status ori_sqlite_damaged(const struct ori_sqlite *db, const char *what, struct ori_error *err)
{
    return ori_error_set(err, ORI_STORE, "%s %s is damaged: %s", db->format->what, db->path, what);
}

sqlite3_stmt *ori_sqlite_statement(struct ori_sqlite *db, int which, ori_status *ret_status,
                                   struct ori_error *err)
{
    sqlite3_stmt **statement = &db->statements[which];
    *ret_status = ORI_OK;
    if (*statement) {
        sqlite3_reset(*statement); /* repeats the last step's failure, which was told then */
        sqlite3_clear_bindings(*statement);
        return *statement;
    }
    const int code = sqlite3_prepare_v3(db->handle, db->format->statements[which], -1,
                                        SQLITE_PREPARE_PERSISTENT, statement, NULL);
    if (code != SQLITE_OK)
        *ret_status = translate(db, code, err);
    return *statement;
}

ori_status ori_sqlite_step(struct ori_sqlite *db, sqlite3_stmt *statement, struct ori_error *err)
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

ori_status ori_sqlite_finish(struct ori_sqlite *db, sqlite3_stmt *statement, struct ori_error *err)
{
    const ori_status status = ori_sqlite_step(db, statement, err);
    if (status == ORI_OK) /* a row where none belongs */
        sqlite3_reset(statement);
    return status == ORI_EOF ? ORI_OK : status;
}

ori_status ori_sqlite_run(struct ori_sqlite *db, int which, struct ori_error *err)
{
    ori_status status = ORI_OK;
    sqlite3_stmt *statement = ori_sqlite_statement(db, which, &status, err);
    return statement ? ori_sqlite_finish(db, statement, err) : status;
}

ori_status ori_sqlite_run_text(struct ori_sqlite *db, const char *sql, struct ori_error *err)
{
    const int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? ORI_OK : translate(db, code, err);
}

void ori_sqlite_rollback(struct ori_sqlite *db)
{
    for (int i = 0; db->statements && i < db->format->statements_count; i++)
        sqlite3_reset(db->statements[i]); /* a reader left open would keep its snapshot */
    if (db->handle && !sqlite3_get_autocommit(db->handle))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

ori_status ori_sqlite_is_free(struct ori_sqlite *db, struct ori_error *err)
{
    if (!sqlite3_get_autocommit(db->handle))
        ori_sqlite_rollback(db);
    if (sqlite3_get_autocommit(db->handle))
        return ORI_OK;
    return ori_error_set(err, ORI_NOMEM, "%s %s", db->format->what, db->path);
}

static ori_status read_number(struct ori_sqlite *db, const char *sql, int64_t *ret_number,
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

static bool is_known_object(const struct ori_sqlite_older *tables, const char *name,
                            const char *sql)
{
    for (int i = 0; i < tables->objects_count; i++) {
        if (strcmp(tables->objects[i].name, name) == 0)
            return strcmp(tables->objects[i].sql, sql) == 0;
    }
    return false;
}

/* The tables that a file of this version has. */
static struct ori_sqlite_older tables_of(const struct ori_sqlite_format *format, int version)
{
    if (version < format->version)
        return format->older[version - 1];
    return (struct ori_sqlite_older){.objects = format->objects,
                                     .objects_count = format->objects_count};
}

static ori_status check_schema(struct ori_sqlite *db, int version, struct ori_error *err)
{
    const struct ori_sqlite_older tables = tables_of(db->format, version);
    sqlite3_stmt *statement = NULL;
    ori_status status = ORI_OK;
    int objects = 0;
    /* The index behind a primary key has no text of its own. */
    int code =
        sqlite3_prepare_v2(db->handle, "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL",
                           -1, &statement, NULL);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(statement);
        if (code != SQLITE_ROW)
            break;
        const char *name = (const char *)sqlite3_column_text(statement, 0);
        const char *sql = (const char *)sqlite3_column_text(statement, 1);
        if (!name || !sql || !is_known_object(&tables, name, sql)) {
            status = ori_sqlite_damaged(db, "its tables are not the expected ones", err);
            goto out;
        }
        objects++;
    }
    if (code != SQLITE_DONE)
        status = translate(db, code, err);
    else if (objects != tables.objects_count)
        status = ori_sqlite_damaged(db, "a table or an index is missing", err);
out:
    sqlite3_finalize(statement);
    return status;
}

static ori_status look(struct ori_sqlite *db, bool *ret_is_empty, struct ori_error *err)
{
    int64_t objects = 0;
    int64_t application = 0;
    int64_t version = 0;
    db->version = 0;
    ori_status status =
        read_number(db, "SELECT count(*) FROM sqlite_schema", &objects, err); /* reads page 1 */
    if (status == ORI_OK)
        status = read_number(db, "PRAGMA application_id", &application, err);
    if (status == ORI_OK)
        status = read_number(db, "PRAGMA user_version", &version, err);
    if (status != ORI_OK)
        return status;
    *ret_is_empty = objects == 0 && application == 0 && version == 0;
    if (*ret_is_empty)
        return ORI_OK;
    if (application != db->format->application_id)
        return ori_error_set(err, ORI_STORE, "%s is an SQLite file of another program", db->path);
    if (version > db->format->version)
        return ori_error_set(err, ORI_STORE_VERSION,
                             "%s %s has version %lld; this program knows up to %d",
                             db->format->what, db->path, (long long)version, db->format->version);
    if (version < 1 || (version < db->format->version && !db->format->older))
        return ori_sqlite_damaged(db, "its version number is not one ever used", err);
    status = check_schema(db, (int)version, err);
    if (status == ORI_OK)
        db->version = (int)version;
    return status;
}

ori_status ori_sqlite_look(struct ori_sqlite *db, bool *ret_is_empty, struct ori_error *err)
{
    if (!sqlite3_get_autocommit(db->handle))
        return look(db, ret_is_empty, err);
    /* Of one moment: another process may be making or upgrading the file. */
    ori_status status = ori_sqlite_run_text(db, "BEGIN", err);
    if (status == ORI_OK)
        status = look(db, ret_is_empty, err);
    ori_sqlite_rollback(db);
    return status == ORI_OK ? ori_sqlite_is_free(db, err) : status;
}

static ori_status set_owner(struct ori_sqlite *db, struct ori_error *err)
{
    char sql[96];
    snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             db->format->application_id, db->format->version);
    return ori_sqlite_run_text(db, sql, err);
}

ori_status ori_sqlite_make(struct ori_sqlite *db,
                           ori_status (*fill)(struct ori_sqlite *db, const void *self,
                                              struct ori_error *err),
                           const void *self, struct ori_error *err)
{
    bool is_empty = false;
    ori_status status = ori_sqlite_run_text(db, "BEGIN IMMEDIATE", err);
    if (status != ORI_OK)
        return status;
    status = ori_sqlite_look(db, &is_empty, err);
    if (status != ORI_OK || !is_empty)
        goto out;
    for (int i = 0; i < db->format->objects_count && status == ORI_OK; i++)
        status = ori_sqlite_run_text(db, db->format->objects[i].sql, err);
    if (status == ORI_OK)
        status = fill(db, self, err);
    if (status == ORI_OK)
        status = set_owner(db, err);
    if (status == ORI_OK)
        status = ori_sqlite_run_text(db, "COMMIT", err);
    if (status == ORI_OK)
        db->version = db->format->version;
out:
    ori_sqlite_rollback(db);
    return status;
}

/* Inside a transaction. */
static ori_status upgrade_steps(struct ori_sqlite *db, struct ori_error *err)
{
    bool is_empty = false;
    ori_status status = ori_sqlite_look(db, &is_empty, err); /* another process may have done it */
    const int version = db->version;
    for (int v = version; status == ORI_OK && v > 0 && v < db->format->version; v++)
        status = ori_sqlite_run_text(db, db->format->older[v - 1].upgrade, err);
    if (status == ORI_OK && version > 0 && version < db->format->version)
        status = set_owner(db, err);
    if (status == ORI_OK)
        status = ori_sqlite_look(db, &is_empty, err); /* the tables as they must be */
    if (status == ORI_OK)
        status = ori_sqlite_run_text(db, "COMMIT", err);
    return status;
}

ori_status ori_sqlite_upgrade(struct ori_sqlite *db, struct ori_error *err)
{
    if (db->version == 0 || db->version == db->format->version)
        return ORI_OK;
    ori_status status = ori_sqlite_run_text(db, "BEGIN IMMEDIATE", err);
    if (status == ORI_OK)
        status = upgrade_steps(db, err);
    ori_sqlite_rollback(db);
    return status;
}

/* Two processes that turn a new file to WAL at once get SQLITE_BUSY without the busy handler being
 * asked (it would be a deadlock): try again until our own deadline. */
static ori_status set_wal(struct ori_sqlite *db, struct ori_error *err)
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

/* In place of SQLite's own hook, which copies just so and tells nobody. */
static int note_log(void *self, sqlite3 *handle, const char *schema, int pages)
{
    struct ori_sqlite *db = self;
    db->log_pages = pages;
    if (pages >= COPY_PAGES)
        sqlite3_wal_checkpoint_v2(handle, schema, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return SQLITE_OK; /* the commit stands, whatever became of the copy */
}

void ori_sqlite_fold_log(struct ori_sqlite *db)
{
    const int busy_ms = db->busy_ms;
    db->busy_ms = 0;
    if (sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) ==
        SQLITE_OK)
        db->log_pages = 0;
    db->busy_ms = busy_ms;
}

ori_status ori_sqlite_set_durable(struct ori_sqlite *db, struct ori_error *err)
{
    const ori_status status = set_wal(db, err);
    if (status != ORI_OK)
        return status;
    sqlite3_wal_hook(db->handle, note_log, db);
    return ori_sqlite_run_text(
        db, "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864", err);
}

/* SQLite's own busy handler cannot be cancelled. waits: how often this wait has asked. */
static int wait_while_busy(void *self, int waits)
{
    struct ori_sqlite *db = self;
    const int64_t now_us = ori_clock_us();
    if (waits == 0)
        db->busy_since_us = now_us;
    if (now_us - db->busy_since_us >= (int64_t)db->busy_ms * 1000)
        return 0;
    return ori_cancel_wait(db->cancel, waits < BUSY_POLL_MS ? 1 : BUSY_POLL_MS) == ORI_AGAIN;
}

static void set_guards(struct ori_sqlite *db)
{
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_handler(db->handle, wait_while_busy, db);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
}

ori_status ori_sqlite_reopen(struct ori_sqlite *db, const char *name, int flags,
                             struct ori_error *err)
{
    sqlite3_close(db->handle);
    db->handle = NULL;
    const int code = sqlite3_open_v2(name, &db->handle,
                                     flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code != SQLITE_OK)
        return translate(db, code, err);
    set_guards(db);
    return ORI_OK;
}

ori_status ori_sqlite_open(struct ori_sqlite *db, const struct ori_sqlite_format *format,
                           const char *path, int flags, int busy_ms,
                           const struct ori_cancel *cancel, struct ori_error *err)
{
    ori_status status = ORI_OK;
    *db = (struct ori_sqlite){.format = format, .busy_ms = busy_ms, .cancel = cancel};
    db->path = strdup(path);
    db->statements = calloc((size_t)format->statements_count, sizeof(sqlite3_stmt *));
    /* Names like ":memory:" mean something to SQLite; "./:memory:" is a file. */
    const size_t name_bytes = strlen(path) + sizeof "./";
    db->name = malloc(name_bytes);
    if (db->name)
        snprintf(db->name, name_bytes, "%s%s", path[0] == '/' ? "" : "./", path);
    if (db->path && db->statements && db->name)
        status = ori_sqlite_reopen(db, db->name, flags, err);
    else
        status = ori_error_set(err, ORI_NOMEM, "%s", format->what);
    if (status != ORI_OK)
        ori_sqlite_close(db);
    return status;
}

void ori_sqlite_close(struct ori_sqlite *db)
{
    for (int i = 0; db->statements && i < db->format->statements_count; i++)
        sqlite3_finalize(db->statements[i]);
    free(db->statements);
    db->statements = NULL;
    sqlite3_close(db->handle);
    db->handle = NULL;
    free(db->path);
    db->path = NULL;
    free(db->name);
    db->name = NULL;
}
