#pragma once
/* stores/jobs_sqlite_priv.h: the parts of the job store on SQLite, for jobs_sqlite*.c alone.
 *   jobs_sqlite.c        opens and closes, lock file, readers, the vtable
 *   jobs_sqlite_row.c    transactions; rows of store, jobs and items to structs and back
 *   jobs_sqlite_event.c  events and log lines, written and trimmed
 *   jobs_sqlite_add.c    a new job          jobs_sqlite_read.c    what is asked
 *   jobs_sqlite_queue.c  who may be claimed: turns, pauses, delays, blocked videos
 *   jobs_sqlite_claim.c  claim              jobs_sqlite_finish.c  beat, finish, reclaim
 *   jobs_sqlite_stop.c   stop, start, delete, expire
 *   jobs_sqlite_outbox.c webhooks
 * Writing     one connection under one lock; a transaction reads the store row, changes structs and
 *             writes them back. Nothing is kept in memory between two transactions
 * Reading     up to 16 connections, each used by one thread at a time
 * Waiting     SQLite is called under the writer's lock, because that is what a connection is
 * Log         SQLite begins its write-ahead log anew only when nobody reads, and with enough clients
 *             that moment never comes by itself: a log past its limit keeps new readers out until
 *             the old ones have left, for fold_wait_ms at most. Locks: write, then read */
#include <pthread.h>

#include "stores/jobs_priv.h"
#include "stores/sqlite_file.h"

enum {
#define ORI_JOB_SQL_ROW(name, sql) ORI_JQ_##name,
#include "stores/jobs_sqlite_tbl.h"
    ORI_JQ_COUNT
};

enum { /* column queue of items */
       ORI_QUEUE_NONE,
       ORI_QUEUE_READY,
       ORI_QUEUE_BEHIND,
       ORI_QUEUE_BLOCKED,
       ORI_QUEUE_DELAYED
};

#define ORI_JOB_READERS_MAX 16

struct ori_job_sqlite {
    struct ori_job_store base;
    struct ori_job_store_limits limits;
    const struct ori_cancel *cancel;
    int lock_fd;

    pthread_mutex_t write;
    struct ori_sqlite writer; /* guarded by write, as is fold_pages */
    int fold_pages;           /* a longer log is to be emptied */

    pthread_mutex_t read;
    pthread_cond_t reader_is_free;
    struct ori_sqlite readers[ORI_JOB_READERS_MAX];
    bool is_taken[ORI_JOB_READERS_MAX]; /* guarded by read */
    bool is_folding;                    /* guarded by read: no reader is given out */
    int readers_count;                  /* immutable */
};

struct ori_job_store_row { /* all integers, in the order of their columns after id */
    int64_t last_job;
    int64_t last_event;
    int64_t last_fence;
    int64_t last_served;
    int64_t last_delivery;
    int64_t turns;
    int64_t dead_webhooks;
    int64_t jobs[ORI_JOB_STATE_COUNT];
    int64_t items[ORI_ITEM_STATE_COUNT];
};

struct ori_job_row {
    struct ori_job job;
    int64_t ended_us;
    int64_t permilles; /* sum over the items */
    int64_t ready;
    bool is_stopping;
    bool has_turn;
    int64_t turn_claims;
    int64_t served;
    int64_t batch_claims;
    bool is_paused;
    int64_t pause_until_us;
    int64_t events;
    int64_t logs;
    int64_t webhook_delivery;
};

struct ori_item_row { /* a copy: the statement is free again */
    int64_t job;
    uint32_t position;
    char platform[ORI_JOB_CODE_BYTES];
    char code[ORI_JOB_CODE_BYTES];
    bool has_url;
    char url[ORI_JOB_URL_BYTES];
    enum ori_item_state state;
    int queue;
    bool is_twin;
    uint32_t first; /* position of the first item of this video in the job: its own when no twin */
    int attempts;
    int losses;
    int frames;
    int permille;
    int64_t fence;
    int64_t not_before_us;
    int64_t ended_us;
    struct ori_job_error error;
};

static inline struct ori_job_sqlite *ori_job_sqlite_of(struct ori_job_store *base)
{
    return (struct ori_job_sqlite *)base; /* its first field */
}

/* An item's id is its job and its position: nothing is looked up. */
#define ORI_ITEM_POSITION_BITS 24
static inline int64_t ori_item_id(int64_t job, uint32_t position)
{
    return job << ORI_ITEM_POSITION_BITS | position;
}
static inline uint32_t ori_item_position(int64_t id)
{
    return (uint32_t)(id & ((1 << ORI_ITEM_POSITION_BITS) - 1));
}

/* ---- jobs_sqlite.c ---- */
/* A connection for reading, with a transaction begun when is_one_moment. */
ori_status ori_job_sqlite_lease(struct ori_job_sqlite *store, bool is_one_moment,
                                struct ori_sqlite **ret_db, struct ori_error *err);
void ori_job_sqlite_release(struct ori_job_sqlite *store, struct ori_sqlite *db);
/* After a commit, with the writer's lock: empties the log when it is past its limit. */
void ori_job_sqlite_fold(struct ori_job_sqlite *store);

/* ---- jobs_sqlite_row.c ---- */
struct ori_job_tx { /* one writing transaction */
    struct ori_job_sqlite *store;
    struct ori_sqlite *db;
    struct ori_job_store_row before;
    struct ori_job_store_row now; /* written back by end when it differs */
};
/* Takes the writer's lock. After ORI_OK: end, once. */
ori_status ori_job_tx_begin(struct ori_job_sqlite *store, struct ori_job_tx *ret_tx,
                            struct ori_error *err);
/* status ORI_OK: commits; else rolls back and gives status. Wakes the hub after new events. */
ori_status ori_job_tx_end(struct ori_job_tx *tx, ori_status status, struct ori_error *err);

/* A statement of the writer with up to four integers bound; NULL with *ret_status. */
sqlite3_stmt *ori_job_tx_statement(struct ori_job_tx *tx, int which, const int64_t *values,
                                   int count, ori_status *ret_status, struct ori_error *err);
/* Runs one to its end; its rows, if any, are dropped. */
ori_status ori_job_tx_run(struct ori_job_tx *tx, int which, const int64_t *values, int count,
                          struct ori_error *err);
/* Of the first row up to columns integers; ORI_EOF when there is none. */
ori_status ori_job_tx_ask(struct ori_job_tx *tx, int which, const int64_t *values, int count,
                          int64_t *ret_columns, int columns, struct ori_error *err);
#define ORI_VALUES(...)                                                                            \
    (const int64_t[]){__VA_ARGS__}, (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

ori_status ori_job_sqlite_read_store(struct ori_sqlite *db, struct ori_job_store_row *ret_row,
                                     struct ori_error *err);
/* From a statement that stands on a row of ORI_JOB_COLUMNS, ORI_ITEM_COLUMNS. */
ori_status ori_job_sqlite_read_job(struct ori_sqlite *db, sqlite3_stmt *statement,
                                   struct ori_job_row *ret_row, struct ori_error *err);
/* Pointers lead into the statement's row. */
ori_status ori_job_sqlite_read_item(struct ori_sqlite *db, sqlite3_stmt *statement,
                                    struct ori_job_item *ret_item, struct ori_error *err);

/* ORI_NOT_FOUND. */
ori_status ori_job_tx_job(struct ori_job_tx *tx, int64_t seq, struct ori_job_row *ret_row,
                          struct ori_error *err);
ori_status ori_job_tx_job_of_id(struct ori_job_tx *tx, const char *job_id,
                                struct ori_job_row *ret_row, struct ori_error *err);
ori_status ori_job_tx_save_job(struct ori_job_tx *tx, const struct ori_job_row *row,
                               struct ori_error *err);
/* ORI_EOF: no row. */
ori_status ori_job_tx_item(struct ori_job_tx *tx, int which, const int64_t *values, int count,
                           struct ori_item_row *ret_row, struct ori_error *err);
ori_status ori_job_tx_save_item(struct ori_job_tx *tx, const struct ori_item_row *row,
                                struct ori_error *err);

/* Changes of state: asserted, with the counts of the job and the totals. */
void ori_job_tx_move_job(struct ori_job_tx *tx, struct ori_job_row *row, enum ori_job_state to);
void ori_job_tx_move_item(struct ori_job_tx *tx, struct ori_job_row *row, struct ori_item_row *item,
                          enum ori_item_state to);
/* The percentage that the items' permilles give; it never falls here. True when it rose. */
bool ori_job_row_advance(struct ori_job_row *row);
/* Once nothing waits or runs: the job's end, with its event and its webhook. */
ori_status ori_job_tx_settle(struct ori_job_tx *tx, struct ori_job_row *row, int64_t now_us,
                             struct ori_error *err);

/* ---- jobs_sqlite_event.c ---- */
ori_status ori_job_tx_tell_state(struct ori_job_tx *tx, struct ori_job_row *row, int64_t now_us,
                                 struct ori_error *err);
ori_status ori_job_tx_tell_progress(struct ori_job_tx *tx, struct ori_job_row *row, int64_t now_us,
                                    struct ori_error *err);
ori_status ori_job_tx_tell_item(struct ori_job_tx *tx, struct ori_job_row *row,
                                const struct ori_item_row *item, int64_t now_us,
                                struct ori_error *err);
ori_status ori_job_tx_tell_log(struct ori_job_tx *tx, struct ori_job_row *row, const char *level,
                               const char *text, int64_t now_us, struct ori_error *err);
/* From a statement that stands on a row of EVENTS_ALL, EVENTS_OF_JOB or LOGS; buf holds the data. */
struct ori_buf;
ori_status ori_job_sqlite_read_event(struct ori_sqlite *db, sqlite3_stmt *statement,
                                     struct ori_buf *buf, struct ori_job_event *ret_event,
                                     struct ori_error *err);

/* ---- jobs_sqlite_queue.c ---- */
/* Delays and pauses that are over: their items and jobs can be claimed again. */
ori_status ori_job_tx_ripen(struct ori_job_tx *tx, int64_t now_us, struct ori_error *err);
/* Gives the turns to whom they belong now. */
ori_status ori_job_tx_turns(struct ori_job_tx *tx, const struct ori_job_claim_rules *rules,
                            struct ori_error *err);
/* A waiting item of another queue becomes ready, or the other way round. */
ori_status ori_job_tx_requeue(struct ori_job_tx *tx, int64_t job, uint32_t position, int from,
                              int to, struct ori_error *err);
/* Its video is in process no more: those that were blocked by it are ready. */
ori_status ori_job_tx_unblock(struct ori_job_tx *tx, const struct ori_item_row *item,
                              struct ori_error *err);
/* The same for videos whose unblocked items have gone away unclaimed. *ret_count may be NULL. */
ori_status ori_job_tx_unstrand(struct ori_job_tx *tx, int64_t *ret_count, struct ori_error *err);
/* When a claim may find something although nothing else happens. */
ori_status ori_job_tx_next_us(struct ori_job_tx *tx, int64_t *ret_next_us, struct ori_error *err);

/* ---- jobs_sqlite_finish.c ---- */
/* Takes back all claims whose lease ended before the moment; INT64_MAX: all there are. */
ori_status ori_job_sqlite_take_back(struct ori_job_sqlite *store, int64_t before_us, int64_t now_us,
                                    const char *why, int64_t *ret_count, struct ori_error *err);

/* ---- jobs_sqlite_outbox.c ---- */
ori_status ori_job_tx_add_delivery(struct ori_job_tx *tx, struct ori_job_row *row, int64_t now_us,
                                   struct ori_error *err);

/* ---- the functions of the vtable, see stores/jobs_priv.h ---- */
ori_status ori_job_sqlite_add(struct ori_job_store *base, const struct ori_job_new *job,
                              int64_t now_us, struct ori_job *ret_job, bool *ret_is_old,
                              struct ori_error *err);
ori_status ori_job_sqlite_check(struct ori_job_store *base, struct ori_error *err);
ori_status ori_job_sqlite_get(struct ori_job_store *base, const char *job_id,
                              struct ori_job *ret_job, struct ori_error *err);
ori_status ori_job_sqlite_list(struct ori_job_store *base, const struct ori_job_query *query,
                               ori_job_visit_fn visit, void *self, int64_t *ret_total,
                               struct ori_error *err);
ori_status ori_job_sqlite_items(struct ori_job_store *base, int64_t job, uint32_t position,
                                size_t limit, ori_job_item_visit_fn visit, void *self,
                                struct ori_error *err);
ori_status ori_job_sqlite_events(struct ori_job_store *base, int64_t job, int64_t after,
                                 size_t limit, ori_job_event_visit_fn visit, void *self,
                                 struct ori_error *err);
ori_status ori_job_sqlite_last_event(struct ori_job_store *base, int64_t *ret_id,
                                     struct ori_error *err);
ori_status ori_job_sqlite_logs(struct ori_job_store *base, int64_t job, bool errors_only,
                               size_t limit, ori_job_event_visit_fn visit, void *self,
                               struct ori_error *err);
ori_status ori_job_sqlite_view(struct ori_job_store *base, const char *job_id,
                               const struct ori_job_view *view, struct ori_error *err);
ori_status ori_job_sqlite_totals(struct ori_job_store *base, struct ori_job_totals *ret_totals,
                                 struct ori_error *err);
ori_status ori_job_sqlite_log(struct ori_job_store *base, int64_t job, const char *level,
                              const char *text, int64_t now_us, struct ori_error *err);
ori_status ori_job_sqlite_claim(struct ori_job_store *base, const struct ori_job_claim_rules *rules,
                                struct ori_job_claim *ret_claim, int64_t *ret_next_us,
                                struct ori_error *err);
ori_status ori_job_sqlite_beat(struct ori_job_store *base, struct ori_job_beat *beats, size_t count,
                               int64_t lease_us, int64_t now_us, struct ori_error *err);
ori_status ori_job_sqlite_finish(struct ori_job_store *base, const struct ori_job_claim *claim,
                                 const struct ori_job_outcome *outcome, int64_t now_us,
                                 struct ori_error *err);
ori_status ori_job_sqlite_reclaim(struct ori_job_store *base, int64_t now_us, int64_t *ret_count,
                                  struct ori_error *err);
ori_status ori_job_sqlite_stop(struct ori_job_store *base, const char *job_id, int64_t now_us,
                               struct ori_job *ret_job, struct ori_error *err);
ori_status ori_job_sqlite_start(struct ori_job_store *base, const char *job_id, int64_t now_us,
                                struct ori_job *ret_job, struct ori_error *err);
ori_status ori_job_sqlite_remove(struct ori_job_store *base, const char *job_id,
                                 struct ori_error *err);
ori_status ori_job_sqlite_expire(struct ori_job_store *base, int64_t before_us, size_t limit,
                                 int64_t *ret_count, struct ori_error *err);
ori_status ori_job_sqlite_due(struct ori_job_store *base, int64_t now_us,
                              struct ori_job_delivery *ret_delivery, int64_t *ret_next_us,
                              struct ori_error *err);
ori_status ori_job_sqlite_delivered(struct ori_job_store *base, int64_t id, int64_t next_us,
                                    const char *why, int64_t now_us, struct ori_error *err);
