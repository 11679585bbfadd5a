#pragma once
/* stores/jobs_priv.h: what a job store is made of; for src/stores and its tests alone.
 * A store is one const struct of functions; its own struct begins with struct ori_job_store.
 * jobs.c checks every argument before it calls one, so an implementation sees legal codes, texts
 * inside their limits, clean UTF-8, and counts and limits inside their bounds. The functions are
 * those of jobs.h, word for word. */
#include "stores/jobs.h"

struct ori_job_store_ops {
    void (*close)(struct ori_job_store *store);
    ori_status (*check)(struct ori_job_store *store, struct ori_error *err);
    ori_status (*add)(struct ori_job_store *store, const struct ori_job_new *job, int64_t now_us,
                      struct ori_job *ret_job, bool *ret_is_old, struct ori_error *err);
    ori_status (*get)(struct ori_job_store *store, const char *job_id, struct ori_job *ret_job,
                      struct ori_error *err);
    ori_status (*list)(struct ori_job_store *store, const struct ori_job_query *query,
                       ori_job_visit_fn visit, void *self, int64_t *ret_total,
                       struct ori_error *err);
    ori_status (*items)(struct ori_job_store *store, int64_t job, uint32_t position, size_t limit,
                        ori_job_item_visit_fn visit, void *self, struct ori_error *err);
    ori_status (*events)(struct ori_job_store *store, int64_t job, int64_t after, size_t limit,
                         ori_job_event_visit_fn visit, void *self, struct ori_error *err);
    ori_status (*last_event)(struct ori_job_store *store, int64_t *ret_id, struct ori_error *err);
    ori_status (*logs)(struct ori_job_store *store, int64_t job, bool errors_only, size_t limit,
                       ori_job_event_visit_fn visit, void *self, struct ori_error *err);
    ori_status (*view)(struct ori_job_store *store, const char *job_id,
                       const struct ori_job_view *view, struct ori_error *err);
    ori_status (*log)(struct ori_job_store *store, int64_t job, const char *level, const char *text,
                      int64_t now_us, struct ori_error *err);
    ori_status (*claim)(struct ori_job_store *store, const struct ori_job_claim_rules *rules,
                        struct ori_job_claim *ret_claim, int64_t *ret_next_us,
                        struct ori_error *err);
    ori_status (*beat)(struct ori_job_store *store, struct ori_job_beat *beats, size_t count,
                       int64_t lease_us, int64_t now_us, struct ori_error *err);
    ori_status (*finish)(struct ori_job_store *store, const struct ori_job_claim *claim,
                         const struct ori_job_outcome *outcome, int64_t now_us,
                         struct ori_error *err);
    ori_status (*reclaim)(struct ori_job_store *store, int64_t now_us, int64_t *ret_count,
                          struct ori_error *err);
    ori_status (*stop)(struct ori_job_store *store, const char *job_id, int64_t now_us,
                       struct ori_job *ret_job, struct ori_error *err);
    ori_status (*start)(struct ori_job_store *store, const char *job_id, int64_t now_us,
                        struct ori_job *ret_job, struct ori_error *err);
    ori_status (*remove)(struct ori_job_store *store, const char *job_id, struct ori_error *err);
    ori_status (*expire)(struct ori_job_store *store, int64_t before_us, size_t limit,
                         int64_t *ret_count, struct ori_error *err);
    ori_status (*totals)(struct ori_job_store *store, struct ori_job_totals *ret_totals,
                         struct ori_error *err);
    ori_status (*due)(struct ori_job_store *store, int64_t now_us,
                      struct ori_job_delivery *ret_delivery, int64_t *ret_next_us,
                      struct ori_error *err);
    ori_status (*delivered)(struct ori_job_store *store, int64_t id, int64_t next_us,
                            const char *why, int64_t now_us, struct ori_error *err);
};

struct ori_job_store {
    const struct ori_job_store_ops *ops;
    int fd; /* eventfd */
};

/* What tests turn down to reach a limit with little work. */
struct ori_job_store_limits {
    int64_t events_max; /* ORI_LIMIT_MAX_JOB_EVENTS */
    int64_t logs_max;   /* ORI_LIMIT_MAX_JOB_LOGS */
    int64_t pages_max;  /* of the file; 0: as many as SQLite can */
    int busy_ms;        /* how long another process's write is waited for */
    int log_pages_max;  /* ORI_LIMIT_MAX_JOB_STORE_LOG_PAGES; 0: as long as it gets */
    int fold_wait_ms;   /* how long readers are waited for when the log is that long */
};
ori_status ori_job_store_open_sqlite(const struct ori_job_store_options *options,
                                     const struct ori_job_store_limits *limits,
                                     struct ori_job_store **ret_store, struct ori_error *err);

/* ORI_ASSERTs that the change has its row in job_states_tbl.h. */
void ori_job_assert_move(enum ori_job_state from, enum ori_job_state to);
void ori_item_assert_move(enum ori_item_state from, enum ori_item_state to);
