/* stores/jobs_sqlite.c: the job store that needs no server.
 * File     SQLite in WAL mode, synchronous=FULL (4,300 commits a second where NORMAL has 38,700, but
 *          a job answered with 202 is on disk); its tables are those of jobs_sqlite_tbl.h, word for
 *          word
 * Lock     "<path>.lock" is held by flock while the store is open and says by which process; the
 *          kernel lets go of it with the process, however that ends
 * Readers  wait for no writer, but for a log that is past its limit: a snapshot each. A visitor holds its connection, so it does not call the
 *          store */
#include "stores/jobs_sqlite_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/cond.h"
#include "util/fs.h"

enum { APPLICATION_ID = 0x6F72694A /* "oriJ" in ASCII */, SCHEMA_VERSION = 1, LEASE_POLL_MS = 100 };

static const struct ori_sqlite_object objects[] = {
#define ORI_JOB_OBJECT_ROW(name, sql) {#name, sql},
#include "stores/jobs_sqlite_tbl.h"
};
static const char *const statements[ORI_JQ_COUNT] = {
#define ORI_JOB_SQL_ROW(name, sql) sql,
#include "stores/jobs_sqlite_tbl.h"
};
static const struct ori_sqlite_format format = {
    .what = "job store",
    .application_id = APPLICATION_ID,
    .version = SCHEMA_VERSION,
    .objects = objects,
    .objects_count = sizeof objects / sizeof objects[0],
    .statements = statements,
    .statements_count = ORI_JQ_COUNT,
};
/* ---- readers ---- */

static struct ori_sqlite *take_reader(struct ori_job_sqlite *store)
{
    struct ori_sqlite *db = NULL;
    pthread_mutex_lock(&store->read);
    while (!db && !ori_cancel_is_set(store->cancel)) {
        for (int i = 0; i < store->readers_count && !db && !store->is_folding; i++) {
            if (!store->is_taken[i]) {
                store->is_taken[i] = true;
                db = &store->readers[i];
            }
        }
        if (!db)
            ori_cond_wait(&store->reader_is_free, &store->read,
                          ori_clock_us() + LEASE_POLL_MS * 1000);
    }
    pthread_mutex_unlock(&store->read);
    return db;
}

static bool has_readers(const struct ori_job_sqlite *store)
{
    bool has = false;
    for (int i = 0; i < store->readers_count; i++)
        has = has || store->is_taken[i];
    return has;
}

static void set_folding(struct ori_job_sqlite *store, bool is_folding)
{
    pthread_mutex_lock(&store->read);
    store->is_folding = is_folding;
    pthread_cond_broadcast(&store->reader_is_free);
    pthread_mutex_unlock(&store->read);
}

static void wait_until_unread(struct ori_job_sqlite *store)
{
    const int64_t until_us = ori_clock_us() + store->limits.fold_wait_ms * 1000;
    pthread_mutex_lock(&store->read);
    while (has_readers(store) && ori_clock_us() < until_us)
        ori_cond_wait(&store->reader_is_free, &store->read, until_us);
    pthread_mutex_unlock(&store->read);
}

/* Was a reader in the way, the next try is when the log has grown by as much again: a visit that takes
 * its time must not make every commit wait. */
void ori_job_sqlite_fold(struct ori_job_sqlite *store)
{
    const int pages_max = store->limits.log_pages_max;
    if (store->writer.log_pages <= pages_max)
        store->fold_pages = pages_max; /* it began anew by itself */
    if (pages_max == 0 || store->writer.log_pages <= store->fold_pages)
        return;
    set_folding(store, true);
    wait_until_unread(store);
    ori_sqlite_fold_log(&store->writer);
    set_folding(store, false);
    store->fold_pages = store->writer.log_pages + pages_max;
}

ori_status ori_job_sqlite_lease(struct ori_job_sqlite *store, bool is_one_moment,
                                struct ori_sqlite **ret_db, struct ori_error *err)
{
    struct ori_sqlite *db = take_reader(store);
    if (!db)
        return ori_error_set(err, ORI_CANCELLED, "stopped while the job store was busy");
    ori_status status = ori_sqlite_is_free(db, err);
    if (status == ORI_OK && is_one_moment)
        status = ori_sqlite_run(db, ORI_JQ_BEGIN_READ, err);
    if (status != ORI_OK)
        ori_job_sqlite_release(store, db);
    else
        *ret_db = db;
    return status;
}

void ori_job_sqlite_release(struct ori_job_sqlite *store, struct ori_sqlite *db)
{
    ori_sqlite_rollback(
        db); /* nothing was written; a statement left open would keep its snapshot */
    pthread_mutex_lock(&store->read);
    store->is_taken[db - store->readers] = false;
    pthread_cond_broadcast(&store->reader_is_free); /* readers wait for it, and the writer may */
    pthread_mutex_unlock(&store->read);
}

/* ---- lock file ---- */

static ori_status say_who(int fd, const char *path, struct ori_error *err)
{
    char text[16] = {0};
    const ssize_t bytes = pread(fd, text, sizeof text - 1, 0);
    const size_t digits = bytes > 0 ? strspn(text, "0123456789") : 0;
    text[digits] = '\0';
    return ori_error_set(err, ORI_STORE,
                         "job store %s is in use by process %s: one server a store; set another "
                         "JOB_DB or stop that one",
                         path, digits > 0 ? text : "of another server");
}

static ori_status write_pid(int fd, const char *name, struct ori_error *err)
{
    char text[16];
    const int bytes = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)bytes, 0) != bytes)
        return ori_error_set_errno(err, errno, true, "%s", name);
    return ORI_OK;
}

static ori_status take_lock(struct ori_job_sqlite *store, const char *path, struct ori_error *err)
{
    char *name = NULL;
    ori_status status = ORI_OK;
    if (asprintf(&name, "%s.lock", path) < 0)
        return ori_error_set(err, ORI_NOMEM, "job store");
    store->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    if (store->lock_fd < 0)
        status = ori_error_set_errno(err, errno, true, "%s", name);
    else if (flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0)
        status = write_pid(store->lock_fd, name, err);
    else if (errno == EWOULDBLOCK)
        status = say_who(store->lock_fd, path, err);
    else
        status = ori_error_set_errno(err, errno, true, "%s", name);
    free(name);
    return status;
}

/* ---- open ---- */

static ori_status limit_pages(struct ori_sqlite *db, int64_t pages_max, struct ori_error *err)
{
    char sql[64];
    if (pages_max <= 0)
        return ORI_OK;
    snprintf(sql, sizeof sql, "PRAGMA max_page_count = %lld", (long long)pages_max);
    return ori_sqlite_run_text(db, sql, err);
}

static ori_status add_store_row(struct ori_sqlite *db, const void *self, struct ori_error *err)
{
    (void)self;
    return ori_sqlite_run(db, ORI_JQ_ADD_STORE, err);
}

static ori_status open_writer(struct ori_job_sqlite *store, const char *path, struct ori_error *err)
{
    struct ori_sqlite *db = &store->writer;
    bool is_empty = false;
    ori_status status =
        ori_sqlite_open(db, &format, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                        store->limits.busy_ms, store->cancel, err);
    if (status == ORI_OK && sqlite3_db_readonly(db->handle, "main") == 1) /* SQLite makes do */
        status = ori_error_set(err, ORI_NOT_WRITABLE, "job store %s cannot be written", path);
    if (status == ORI_OK)
        status = ori_sqlite_look(db, &is_empty, err); /* a foreign file stays as it is */
    if (status == ORI_OK)
        status = ori_sqlite_set_durable(db, err);
    if (status == ORI_OK && is_empty)
        status = ori_sqlite_make(db, add_store_row, NULL, err);
    if (status == ORI_OK)
        status = ori_sqlite_run_text(db, "PRAGMA foreign_keys = ON", err);
    return status == ORI_OK ? limit_pages(db, store->limits.pages_max, err) : status;
}

static ori_status open_readers(struct ori_job_sqlite *store, const char *path, int count,
                               struct ori_error *err)
{
    ori_status status = ORI_OK;
    for (int i = 0; i < count && status == ORI_OK; i++) {
        struct ori_sqlite *db = &store->readers[i];
        status = ori_sqlite_open(db, &format, path, SQLITE_OPEN_READWRITE, store->limits.busy_ms,
                                 store->cancel, err);
        if (status == ORI_OK)
            status = ori_sqlite_run_text(db, "PRAGMA query_only = ON", err);
    }
    store->readers_count = count;
    return status;
}

static void close_store(struct ori_job_store *base)
{
    struct ori_job_sqlite *store = ori_job_sqlite_of(base);
    for (int i = 0; i < ORI_JOB_READERS_MAX; i++)
        ori_sqlite_close(&store->readers[i]);
    ori_sqlite_close(&store->writer); /* the last one: folds the log into the file */
    if (store->base.fd >= 0)
        close(store->base.fd);
    if (store->lock_fd >= 0)
        close(store->lock_fd); /* the lock goes with it; the file stays, or two could hold two */
    pthread_cond_destroy(&store->reader_is_free);
    pthread_mutex_destroy(&store->read);
    pthread_mutex_destroy(&store->write);
    free(store);
}

static const struct ori_job_store_ops sqlite_ops = {
    .close = close_store,
    .check = ori_job_sqlite_check,
    .add = ori_job_sqlite_add,
    .get = ori_job_sqlite_get,
    .list = ori_job_sqlite_list,
    .items = ori_job_sqlite_items,
    .view = ori_job_sqlite_view,
    .events = ori_job_sqlite_events,
    .last_event = ori_job_sqlite_last_event,
    .logs = ori_job_sqlite_logs,
    .log = ori_job_sqlite_log,
    .claim = ori_job_sqlite_claim,
    .beat = ori_job_sqlite_beat,
    .finish = ori_job_sqlite_finish,
    .reclaim = ori_job_sqlite_reclaim,
    .stop = ori_job_sqlite_stop,
    .start = ori_job_sqlite_start,
    .remove = ori_job_sqlite_remove,
    .expire = ori_job_sqlite_expire,
    .totals = ori_job_sqlite_totals,
    .due = ori_job_sqlite_due,
    .delivered = ori_job_sqlite_delivered,
};

static ori_status init(struct ori_job_sqlite *store, struct ori_error *err)
{
    pthread_mutex_init(&store->write, NULL);
    pthread_mutex_init(&store->read, NULL);
    ori_cond_init(&store->reader_is_free);
    store->lock_fd = -1;
    store->base.ops = &sqlite_ops;
    store->base.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (store->base.fd < 0)
        return ori_error_set_errno(err, errno, false, "job store: eventfd");
    return ORI_OK;
}

ori_status ori_job_store_open_sqlite(const struct ori_job_store_options *options,
                                     const struct ori_job_store_limits *limits,
                                     struct ori_job_store **ret_store, struct ori_error *err)
{
    int64_t count = 0;
    struct ori_job_sqlite *store = calloc(1, sizeof *store);
    if (!store)
        return ori_error_set(err, ORI_NOMEM, "job store");
    store->limits = *limits;
    store->fold_pages = limits->log_pages_max;
    store->cancel = options->cancel;
    ori_status status = init(store, err);
    if (status == ORI_OK)
        status = ori_fs_make_folder_of(options->path, err);
    if (status == ORI_OK)
        status = take_lock(store, options->path, err);
    if (status == ORI_OK)
        status = open_writer(store, options->path, err);
    if (status == ORI_OK)
        status = ori_job_sqlite_take_back(store, INT64_MAX, ori_clock_wall_us(),
                                          "the server was restarted", &count, err);
    if (status == ORI_OK)
        status = open_readers(store, options->path, options->readers, err);
    if (status == ORI_OK)
        *ret_store = &store->base;
    else
        close_store(&store->base);
    return status;
}
