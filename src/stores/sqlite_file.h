#pragma once
/* stores/sqlite_file.h: an SQLite file whose tables are ours word for word.
 * Format      application_id and user_version say whose file it is and how old; its schema is
 *             compared with the expected text, so that no file from outside can bring triggers or
 *             views of its own
 * Versions    a file of an older version is known by its own tables; who may write brings it up to
 *             date by ori_sqlite_upgrade, who reads takes it as it is and looks at `version`
 * Call order  open; look, or make; statements; close
 * Threads     a connection is used by one thread at a time
 * Waiting     another process's lock is waited for at most busy_ms, and not after cancel is set
 * Failure     every SQLite code becomes a status here: STORE (busy, damaged, another program's),
 *             CANCELLED (while busy), STORE_VERSION, NOT_FOUND, NOT_WRITABLE, DISK_FULL, NOMEM,
 *             LIMIT */
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/cancel.h"
#include "util/status.h"

struct ori_sqlite_object {
    const char *name;
    const char *sql; /* as sqlite_schema gives it back */
};
struct ori_sqlite_older { /* a version before the present one */
    const struct ori_sqlite_object *objects;
    int objects_count;
    const char *upgrade; /* SQL that makes it the next version */
};
struct ori_sqlite_format {
    const char *what; /* "job store": how messages name the file */
    int application_id;
    int version;
    const struct ori_sqlite_older *older; /* [0] is version 1, up to version - 1; NULL: none */
    const struct ori_sqlite_object *objects;
    int objects_count;
    const char *const *statements; /* texts, by the caller's own enumeration */
    int statements_count;
};

struct ori_sqlite {
    const struct ori_sqlite_format *format;
    sqlite3 *handle;
    sqlite3_stmt **statements; /* prepared at first use */
    char *path;                /* as it was given, for messages */
    char *name;                /* as SQLite takes it: ":memory:" is a file like any other */
    int version;               /* of the file, once looked at; 0: empty */
    int busy_ms;
    int64_t busy_since_us;           /* of the wait that goes on */
    const struct ori_cancel *cancel; /* may be NULL */
    int log_pages;                   /* of the write-ahead log, after the last commit */
};

/* Fills db in place, where it stays until close; after a failure there is nothing to close.
 * flags: SQLITE_OPEN_READWRITE and the like. Looks at nothing in the file yet. */
ori_status ori_sqlite_open(struct ori_sqlite *db, const struct ori_sqlite_format *format,
                           const char *path, int flags, int busy_ms,
                           const struct ori_cancel *cancel, struct ori_error *err);
/* Opens the same file by another name, such as a URI. After a failure only close is left. */
ori_status ori_sqlite_reopen(struct ori_sqlite *db, const char *name, int flags,
                             struct ori_error *err);
void ori_sqlite_close(struct ori_sqlite *db); /* idempotent on a zeroed or closed db */

/* Whether the file is of this format; *ret_is_empty: nothing has been written to it yet. */
ori_status ori_sqlite_look(struct ori_sqlite *db, bool *ret_is_empty, struct ori_error *err);
/* A file that was looked at becomes one of the present version: one transaction; nothing to do is
 * fine. */
ori_status ori_sqlite_upgrade(struct ori_sqlite *db, struct ori_error *err);
/* WAL and synchronous=FULL: what was committed survives kill -9 and power loss. The log is copied into
 * the file as it grows, but begins anew only when nobody reads: log_pages tells, fold_log does it. */
ori_status ori_sqlite_set_durable(struct ori_sqlite *db, struct ori_error *err);
/* Empties the log, if nobody reads or writes at this moment; waits for nobody. */
void ori_sqlite_fold_log(struct ori_sqlite *db);
/* Makes the tables, and their first rows by `fill`, unless another process was faster: one
 * transaction. */
ori_status ori_sqlite_make(struct ori_sqlite *db,
                           ori_status (*fill)(struct ori_sqlite *db, const void *self,
                                              struct ori_error *err),
                           const void *self, struct ori_error *err);

/* The statement, reset and without bindings; NULL with *ret_status set when it cannot be had. */
sqlite3_stmt *ori_sqlite_statement(struct ori_sqlite *db, int which, ori_status *ret_status,
                                   struct ori_error *err);
/* ORI_OK: a row is there; ORI_EOF: no more rows. */
ori_status ori_sqlite_step(struct ori_sqlite *db, sqlite3_stmt *statement, struct ori_error *err);
/* Steps a statement that gives no rows. */
ori_status ori_sqlite_finish(struct ori_sqlite *db, sqlite3_stmt *statement, struct ori_error *err);
/* Runs a statement without parameters and rows. */
ori_status ori_sqlite_run(struct ori_sqlite *db, int which, struct ori_error *err);
ori_status ori_sqlite_run_text(struct ori_sqlite *db, const char *sql, struct ori_error *err);
void ori_sqlite_rollback(struct ori_sqlite *db); /* fine without a transaction */
/* Before a transaction: whether the last one is over. Its rollback may have failed for want of memory; a
 * reader would then go on in its old snapshot. ORI_NOMEM: it is still there. */
ori_status ori_sqlite_is_free(struct ori_sqlite *db, struct ori_error *err);
/* Says that what is stored cannot be ours: ORI_STORE. */
ori_status ori_sqlite_damaged(const struct ori_sqlite *db, const char *what, struct ori_error *err);
