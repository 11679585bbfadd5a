#pragma once
/* jobs/scheduler_priv.h: what the files of the scheduler share; for scheduler*.c alone.
 * Claiming  one worker at a time claims (the baton): many idle workers cost the store no more than
 *           one. What it got decides: an item passes the baton on at once, nothing lays it down
 *           until look_us or a wake
 * Tokens    process > halt > item. Who sets an item's token says why, the first one counts
 * Locks     one, of the scheduler; nothing of the store, the log or an item is called under it */
#include <pthread.h>

#include "jobs/scheduler.h"

#define ORI_WORKERS_MAX 256
#define ORI_LEASE_US (INT64_C(30) * 1000000)

enum ori_worker_why { /* an item's token was set */
                      ORI_WHY_NONE,
                      ORI_WHY_STOP,    /* its job is stopped */
                      ORI_WHY_DRAIN,   /* handed back */
                      ORI_WHY_OVERRUN, /* the watchdog */
                      ORI_WHY_GONE     /* the fence is old: another has it */
};

struct ori_worker {
    struct ori_scheduler *scheduler;
    pthread_t thread;
    struct ori_job_claim claim; /* of the worker's thread; item, fence and job also under lock */
    struct ori_cancel token;    /* between begin and end; set under lock */
    bool is_running;            /* lock, as all below: from claim to finish */
    bool has_token;
    enum ori_worker_why why;
    bool is_overrun_told;
    int64_t deadline_us; /* of the watchdog, monotonic */
    int permille;
    const char *stage; /* static */
};

struct ori_scheduler {
    struct ori_scheduler_options options; /* immutable */
    struct ori_log log;                   /* immutable */
    struct ori_cancel halt;               /* below the process: set when drain's time is over */
    pthread_mutex_t lock;
    pthread_cond_t wake;  /* workers that wait for the baton */
    pthread_cond_t ended; /* an item or a claim ended */
    pthread_cond_t beat;  /* the beat is to end */
    bool is_claiming;     /* lock, as all below */
    bool is_worth;        /* to claim now, without waiting for look_us */
    uint64_t wakes;       /* so that a wake during a claim is seen after it */
    uint64_t claims_begun;
    uint64_t claims_done;
    int64_t look_us; /* monotonic: the next claim without a wake */
    int running;
    int stuck;          /* workers whose finish the store does not take */
    int claim_failures; /* in a row */
    bool is_draining;
    bool is_ending;
    bool has_beat;
    pthread_t beat_thread;
    int workers_count; /* of threads started; owner thread */
    struct ori_worker workers[ORI_WORKERS_MAX];
};

/* scheduler_item.c: the claimed item, from its source to the end of its claim. On the worker's
 * thread, without the lock. */
void ori_worker_run(struct ori_worker *worker, const struct ori_engine *engine);

/* scheduler_beat.c */
void *ori_scheduler_beat_thread(void *scheduler);

/* With the lock: says why and sets the token, unless it was set before. */
void ori_worker_cancel(struct ori_worker *worker, enum ori_worker_why why);
