#pragma once
/* stores/jobs.h: jobs and their items, on disk before anybody is told.
 * Implementations  jobs_sqlite.c (WAL, synchronous=FULL); later jobs_postgres.c. One const struct
 *                  of functions each (jobs_priv.h); the same conformance tests run over all
 * Words            a job is a list of items; an item is one video; a claim is the right to work on
 *                  an item, told by its fence: a number no other claim of the item ever has. Whoever
 *                  comes back with an old fence gets ORI_NOT_FOUND and must drop the work
 * States           job_states_tbl.h; counts and job state change in the item's own transaction
 * Events           each change of state, of progress and each log line is a row with an id that
 *                  only grows; ids are visible in order. Per job the oldest go when there are more
 *                  than ORI_LIMIT_MAX_JOB_EVENTS. A job that is stopped, started or deleted says
 *                  nothing of each single item: its state event has the new counts
 * Threads          any; readers do not wait for a writer, but for at most a second now and then
 *                  while the write-ahead log is folded in (ORI_LIMIT_MAX_JOB_STORE_LOG_PAGES)
 * Durability       after ORI_OK the change survives kill -9 and power loss
 * Ownership        texts in arguments are borrowed for the call; rows given to a visitor are
 *                  borrowed for the visit. A visitor holds one of the readers, so it does not call
 *                  the store; what it returns other than ORI_OK ends the visit and is returned
 * Time             microseconds since 1970 (ori_clock_wall_us), always the caller's clock. It may be set:
 *                  what waits for a moment further ahead than anything waits (ORI_JOB_WAIT_MAX_US,
 *                  ORI_JOB_DELIVERY_WAIT_MAX_US) was put there by a clock that was set back since,
 *                  and waits no longer
 * Failure          STORE, STORE_VERSION, DISK_FULL, NOT_WRITABLE, NOT_FOUND, LIMIT, NOMEM,
 *                  CANCELLED; cause in err */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/cancel.h"
#include "util/limits.h"
#include "util/status.h"
#include "util/uuid.h"

/* Longer than an item is delayed (ORI_LIMIT_MAX_SOURCE_WAIT_MS) or a job pauses
 * (VP_SLEEP_BETWEEN_BATCHES): an hour. And longer than a webhook waits: a day. */
#define ORI_JOB_WAIT_MAX_US (INT64_C(7200) * 1000000)
#define ORI_JOB_DELIVERY_WAIT_MAX_US (INT64_C(172800) * 1000000)

enum ori_job_state {
#define ORI_JOB_STATE_ROW(name, word) ORI_JOB_##name,
#include "stores/job_states_tbl.h"
    ORI_JOB_STATE_COUNT
};
enum ori_item_state {
#define ORI_ITEM_STATE_ROW(name, word) ORI_ITEM_##name,
#include "stores/job_states_tbl.h"
    ORI_ITEM_STATE_COUNT
};
const char *ori_job_state_word(enum ori_job_state state); /* "pending" */
const char *ori_item_state_word(enum ori_item_state state);
bool ori_job_state_of(const char *word, enum ori_job_state *ret_state);
bool ori_job_may_move(enum ori_job_state from, enum ori_job_state to);
bool ori_item_may_move(enum ori_item_state from, enum ori_item_state to);

#define ORI_JOB_ID_BYTES ORI_UUID_TEXT_BYTES /* a random UUID, lower case */
#define ORI_JOB_CODE_BYTES (ORI_LIMIT_MAX_CODE_CHARS + 1)
#define ORI_JOB_URL_BYTES (ORI_LIMIT_MAX_URL_BYTES + 1)
#define ORI_JOB_STAGE_BYTES 16
#define ORI_JOB_ERROR_BYTES 32 /* a code of status_tbl.h */

struct ori_job_options {
    bool is_forced; /* extract again although done */
    bool is_local;  /* tightens LOCAL_MODE */
    bool skips_upload;
    int batch_size;               /* items between two pauses; 0: VP_BATCH_SIZE */
    double sleep_between_batches; /* seconds; negative: VP_SLEEP_BETWEEN_BATCHES */
    int priority;                 /* -100..100, higher is first */
};

struct ori_job_new_item {
    const char *platform;
    const char *code;
    const char *url; /* NULL: by platform and code */
};
struct ori_job_new {
    struct ori_job_options options;
    const char *webhook_url;     /* NULL: none */
    const char *idempotency_key; /* NULL: none; with it digest is there */
    const char *digest;          /* of the request's body, hex */
    const char *request_id;
    const struct ori_job_new_item *items;
    size_t items_count; /* at least 1 */
};

struct ori_job_counts {
    int64_t total;
    int64_t waiting;
    int64_t processing;
    int64_t success;
    int64_t failed;
    int64_t stopped;
};
struct ori_job {
    int64_t seq; /* order of arrival; the store's own key */
    char job_id[ORI_JOB_ID_BYTES];
    enum ori_job_state state;
    struct ori_job_options options;
    int64_t created_us;
    int64_t updated_us;
    int progress; /* 0..100; mean of the items'; falls by start alone; 100 only when ended */
    struct ori_job_counts counts;
    bool has_webhook;
    char webhook_url[ORI_JOB_URL_BYTES];
    char webhook_state[16]; /* "", "pending", "delivered", "dead" */
    int webhook_attempts;
};

/* As JSON, wherever it is shown, stored or sent (util/json_out.h): the member "counts" of an object;
 * and the whole object {"status","progress","counts"}. */
void ori_job_put_counts(struct ori_buf *buf, const struct ori_job_counts *counts);
void ori_job_put_state(struct ori_buf *buf, const struct ori_job *job);

struct ori_job_error {
    char code[ORI_JOB_ERROR_BYTES]; /* "" : none */
    char stage[ORI_JOB_STAGE_BYTES];
    char message[ORI_ERROR_TEXT_MAX];
    bool is_retryable;
};
/* The member "error": null when there is none. */
void ori_job_put_error(struct ori_buf *buf, const struct ori_job_error *error, int attempts);

struct ori_job_item {
    int64_t id;
    int64_t job;       /* seq */
    uint32_t position; /* 0.. in the order of the request */
    const char *platform;
    const char *code;
    const char *url; /* NULL: none */
    enum ori_item_state state;
    int attempts;      /* that counted: job_retry.h */
    int frames;        /* kept; of the last success */
    int permille;      /* of this item, 0..1000; falls by start alone; 1000 when it ended */
    const char *stage; /* where it is, or was last; "" before the first */
    struct ori_job_error error;
    int64_t started_us; /* of the last attempt; 0: never */
    int64_t ended_us;   /* 0: not yet */
};

struct ori_job_store;

struct ori_job_store_options {
    const char *path; /* an SQLite file; made when missing. "postgres..." is ORI_BAD_SETTING yet */
    const struct ori_cancel *cancel; /* ends waits for locks; may be NULL */
    int readers;                     /* connections for reading, 1..16 */
};
/* One server a store: a second one gets ORI_STORE saying that it is in use and by which pid.
 * Claims of the server before are handed back: their items wait again. */
ori_status ori_job_store_open(const struct ori_job_store_options *options,
                              struct ori_job_store **ret_store, struct ori_error *err);
void ori_job_store_close(struct ori_job_store **store); /* null-safe, nulls */
/* A cheap question whether the store answers, for /ready. */
ori_status ori_job_store_check(struct ori_job_store *store, struct ori_error *err);

/* An eventfd, readable after any change that made events; the hub alone reads it. */
int ori_job_store_fd(const struct ori_job_store *store);

/* ret_job: the new job; or with *ret_is_old the one that the same idempotency key and digest made
 * before. ORI_KEY_REUSED when the key came with another digest. A key is known as long as its job. */
ori_status ori_job_store_add(struct ori_job_store *store, const struct ori_job_new *job,
                             int64_t now_us, struct ori_job *ret_job, bool *ret_is_old,
                             struct ori_error *err);

ori_status ori_job_store_get(struct ori_job_store *store, const char *job_id,
                             struct ori_job *ret_job, struct ori_error *err);

typedef ori_status (*ori_job_visit_fn)(void *self, const struct ori_job *job,
                                       struct ori_error *err);
typedef ori_status (*ori_job_item_visit_fn)(void *self, const struct ori_job_item *item,
                                            struct ori_error *err);
struct ori_job_query {
    int64_t offset;
    int64_t limit;
    bool newest_first;
    bool has_state;
    enum ori_job_state state;
    ori_job_item_visit_fn item; /* each job's first items, after it; NULL: none */
    size_t items_max;           /* 0: all of them */
};
/* *ret_total: jobs that fit, on all pages. All is of one moment: counts and items of a job agree. */
ori_status ori_job_store_list(struct ori_job_store *store, const struct ori_job_query *query,
                              ori_job_visit_fn visit, void *self, int64_t *ret_total,
                              struct ori_error *err);

/* In order of position, from the given one on; limit 0: all. */
ori_status ori_job_store_items(struct ori_job_store *store, int64_t job, uint32_t position,
                               size_t limit, ori_job_item_visit_fn visit, void *self,
                               struct ori_error *err);

enum ori_job_event_kind {
    ORI_JOB_EVENT_STATE,    /* data: {"status","progress","counts"} */
    ORI_JOB_EVENT_ITEM,     /* data: {"platform","code","status","frames","attempts","error"} */
    ORI_JOB_EVENT_PROGRESS, /* data: {"progress","counts"} */
    ORI_JOB_EVENT_LOG       /* data: {"ts","level","msg"} */
};
struct ori_job_event {
    int64_t id;
    int64_t job; /* seq */
    const char *job_id;
    enum ori_job_event_kind kind;
    int64_t ts_us;
    const char *level; /* of a log line: "error", "warn", "info", "debug"; else "" */
    const char *text;  /* of a log line: the message */
    const char *data;  /* one JSON object on one line */
};
typedef ori_status (*ori_job_event_visit_fn)(void *self, const struct ori_job_event *event,
                                             struct ori_error *err);
/* Events with a higher id than after, in order of id; job 0: of all jobs. */
ori_status ori_job_store_events(struct ori_job_store *store, int64_t job, int64_t after,
                                size_t limit, ori_job_event_visit_fn visit, void *self,
                                struct ori_error *err);
ori_status ori_job_store_last_event(struct ori_job_store *store, int64_t *ret_id,
                                    struct ori_error *err);
/* The last `limit` log lines of a job, oldest first; errors_only: level error and warn. */
ori_status ori_job_store_logs(struct ori_job_store *store, int64_t job, bool errors_only,
                              size_t limit, ori_job_event_visit_fn visit, void *self,
                              struct ori_error *err);
/* A job, then all of its items, then its last `logs_max` log lines, oldest first: all of one moment,
 * so that its counts are those of its items. ORI_NOT_FOUND. */
struct ori_job_view {
    ori_job_visit_fn job;
    ori_job_item_visit_fn item;
    ori_job_event_visit_fn log; /* NULL with logs_max 0 */
    size_t logs_max;
    void *self;
};
ori_status ori_job_store_view(struct ori_job_store *store, const char *job_id,
                              const struct ori_job_view *view, struct ori_error *err);

/* Adds a log line of a job. Of more than ORI_LIMIT_MAX_JOB_LOGS the oldest go. What is longer than
 * ORI_LIMIT_MAX_JOB_LOG_BYTES is cut and ends in "[cut]"; control characters become '?'. */
ori_status ori_job_store_log(struct ori_job_store *store, int64_t job, const char *level,
                             const char *text, int64_t now_us, struct ori_error *err);

/* Who is next. At most jobs_max jobs have a turn at once; inside them items go round by who was
 * served longest ago. A job's turn ends after `quantum` claims when another job waits that is not
 * of lower priority, and at once for a job of higher priority: so a small job passes a big one. It
 * ends too when the job has nothing to claim and nothing in process (all of it waits for another
 * attempt, another job's video, or the end of a pause) and another job waits; a job whose last items
 * are in process keeps it: that is what jobs_max bounds. A free turn goes to the highest priority,
 * then to who was served longest ago, then to who came first.
 * An item whose video is being processed, in whichever job, is passed over; the same video again in
 * the same job waits until the item before it has ended, its retries included. */
struct ori_job_claim_rules {
    int jobs_max;
    int quantum;
    int64_t lease_us;
    int64_t now_us;
    int batch_size; /* the settings' values, for jobs that have none of their own */
    double sleep_between_batches;
    /* A bucket or a server of vectors is away: jobs that are not is_local are passed over, and give up
     * their turn to one that is when none of theirs is in process. */
    bool is_store_away;
};
struct ori_job_claim {
    int64_t item;
    int64_t fence;
    int64_t job;
    char job_id[ORI_JOB_ID_BYTES];
    struct ori_job_options options;
    char platform[ORI_JOB_CODE_BYTES];
    char code[ORI_JOB_CODE_BYTES];
    bool has_url;
    char url[ORI_JOB_URL_BYTES];
    bool is_twin; /* the same video stands before it in the same job: force does not apply */
    int attempts; /* that counted, before this one */
    int losses;   /* that did not */
    int permille; /* already shown */
};
/* ORI_AGAIN: nothing is ready; *ret_next_us says when something may be (INT64_MAX: when a job
 * comes or an item ends). */
ori_status ori_job_store_claim(struct ori_job_store *store, const struct ori_job_claim_rules *rules,
                               struct ori_job_claim *ret_claim, int64_t *ret_next_us,
                               struct ori_error *err);

struct ori_job_beat {
    int64_t item;
    int64_t fence;
    int permille;
    const char *stage;
    bool is_lost;    /* out: the fence is old */
    bool is_stopped; /* out: its job is being stopped */
};
/* Renews the leases, stores what is further than before, and the progress of the jobs concerned.
 * permille counts up to 999: 1000 is the end's. */
ori_status ori_job_store_beat(struct ori_job_store *store, struct ori_job_beat *beats, size_t count,
                              int64_t lease_us, int64_t now_us, struct ori_error *err);

enum ori_job_outcome_kind {
    ORI_JOB_OUTCOME_SUCCESS,
    ORI_JOB_OUTCOME_FAILED,
    ORI_JOB_OUTCOME_RETRY, /* counts as an attempt; waits until not_before_us */
    ORI_JOB_OUTCOME_LOST,  /* does not count as one: handed back, or killed from outside */
    ORI_JOB_OUTCOME_STOPPED
};
struct ori_job_outcome {
    enum ori_job_outcome_kind kind;
    int frames;
    int64_t not_before_us;
    struct ori_job_error error; /* of FAILED and RETRY */
    const char *message;        /* the log line */
};
/* Ends a claim. An item of a job that is being stopped ends as stopped instead of RETRY and LOST.
 * The last item ends the job, and puts its webhook into the outbox: completed when all items
 * succeeded, else stopped when it was being stopped, else completed or failed by whether one did.
 * SUCCESS, FAILED and RETRY count as attempts. ORI_NOT_FOUND: old fence. */
ori_status ori_job_store_finish(struct ori_job_store *store, const struct ori_job_claim *claim,
                                const struct ori_job_outcome *outcome, int64_t now_us,
                                struct ori_error *err);
/* Claims whose lease ran out: their items wait again, or fail as ORI_LOST past
 * ORI_LIMIT_MAX_ITEM_LOSSES. *ret_count: how many. */
ori_status ori_job_store_reclaim(struct ori_job_store *store, int64_t now_us, int64_t *ret_count,
                                 struct ori_error *err);

/* Waiting items are stopped at once; running ones are from the next beat on told to stop, and the
 * job is stopped when the last of them is finished. ret_job: as it stands then. ORI_WRONG_STATE
 * when the job has ended. */
ori_status ori_job_store_stop(struct ori_job_store *store, const char *job_id, int64_t now_us,
                              struct ori_job *ret_job, struct ori_error *err);
/* Items that did not succeed wait again, with no attempts behind them. ORI_WRONG_STATE when the job
 * is running or completed; ORI_OK without a change when it is pending. */
ori_status ori_job_store_start(struct ori_job_store *store, const char *job_id, int64_t now_us,
                               struct ori_job *ret_job, struct ori_error *err);
/* A job without running items, and all of its rows. ORI_WRONG_STATE otherwise. */
ori_status ori_job_store_delete(struct ori_job_store *store, const char *job_id,
                                struct ori_error *err);
/* Deletes jobs that ended before the moment, at most `limit` of them: *ret_count. */
ori_status ori_job_store_expire(struct ori_job_store *store, int64_t before_us, size_t limit,
                                int64_t *ret_count, struct ori_error *err);

struct ori_job_totals { /* over all jobs */
    int64_t jobs[ORI_JOB_STATE_COUNT];
    int64_t items[ORI_ITEM_STATE_COUNT];
    int64_t turns; /* jobs that have one now */
    int64_t dead_webhooks;
};
/* Cheap: kept as the changes happen, whatever the number of rows. */
ori_status ori_job_store_totals(struct ori_job_store *store, struct ori_job_totals *ret_totals,
                                struct ori_error *err);

struct ori_job_delivery { /* one webhook on its way */
    int64_t id;
    char job_id[ORI_JOB_ID_BYTES];
    char url[ORI_JOB_URL_BYTES];
    enum ori_job_state state; /* that the job ended with */
    struct ori_job_counts counts;
    int64_t ts_us; /* when it ended */
    int attempts;  /* before this one */
};
/* The delivery that is due, the same until ori_job_store_delivered tells what came of it;
 * ORI_AGAIN: none, *ret_next_us as with claim. */
ori_status ori_job_store_due(struct ori_job_store *store, int64_t now_us,
                             struct ori_job_delivery *ret_delivery, int64_t *ret_next_us,
                             struct ori_error *err);
/* next_us 0: delivered; INT64_MAX: dead; else the next attempt's time. why: one line. */
ori_status ori_job_store_delivered(struct ori_job_store *store, int64_t id, int64_t next_us,
                                   const char *why, int64_t now_us, struct ori_error *err);
