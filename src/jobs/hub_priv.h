#pragma once
/* jobs/hub_priv.h: what hub.c (the thread, the events) and hub_listener.c share; for them alone.
 * Topics    a job that has listeners; it keeps its own events in order, and all events of all topics
 *           stand in one line by age, from whose old end they go when there are too many bytes
 * Cursor    a listener points at the event it is given next; when that one has to go, it was too slow.
 *           Events of jobs that nobody listens to are never kept
 * Lock      one, of the hub; the store is never called under it */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "jobs/hub.h"
#include "util/buf.h"
#include "util/limits.h"

#define ORI_HUB_BUCKETS 1024 /* a power of two */

struct ori_hub_event {
    struct ori_hub_event *next_of_topic;
    struct ori_hub_event *older; /* line of all */
    struct ori_hub_event *newer;
    struct ori_hub_topic *topic;
    int64_t id;
    bool is_state;
    bool is_final; /* a state that says that the job has ended */
    size_t bytes;
    char text[]; /* as it goes out */
};

struct ori_hub_topic {
    struct ori_hub_topic *next; /* of its bucket */
    int64_t job;
    struct ori_hub_event *first;
    struct ori_hub_event *last;
    struct ori_listener *listeners;
    bool is_deleted;
};

struct ori_listener {
    struct ori_hub *hub;
    struct ori_hub_topic *topic;
    struct ori_listener *next; /* of its topic */
    struct ori_listener *next_woken;
    void (*on_more)(void *self);
    void *on_more_self;
    struct ori_buf start; /* state or replay; the reader's */
    size_t start_used;
    int64_t last_id; /* lock, as all below: told already; older events are not given */
    struct ori_hub_event *upcoming; /* NULL: all was given */
    size_t upcoming_used;           /* of it, given in part */
    bool is_waiting;                /* a read gave nothing */
    bool is_woken;                  /* stands in hub->woken */
    bool is_called;                 /* on_more runs now */
    bool is_final;                  /* the job's end was said */
    bool is_slow;
};

struct ori_hub {
    struct ori_job_store *store; /* immutable */
    pthread_t thread;
    int fd; /* an eventfd: the thread is to end; immutable */
    pthread_mutex_t lock;
    pthread_cond_t called; /* an on_more returned */
    bool is_ending;        /* lock, as all below */
    size_t listeners;
    size_t replay_bytes;
    size_t bytes;
    struct ori_hub_event *oldest;
    struct ori_hub_event *newest;
    struct ori_listener *woken;
    struct ori_hub_topic *buckets[ORI_HUB_BUCKETS];
    int64_t read_id; /* of the hub's thread: the last event it saw */
};

/* With the lock. find: NULL for none. */
struct ori_hub_topic *ori_hub_topic_find(struct ori_hub *hub, int64_t job);
struct ori_hub_topic *ori_hub_topic_make(struct ori_hub *hub, int64_t job); /* NULL: no memory */
void ori_hub_topic_drop(struct ori_hub *hub, struct ori_hub_topic *topic);  /* without listeners */

/* One event as it goes out. */
void ori_hub_format(struct ori_buf *buf, int64_t id, enum ori_job_event_kind kind,
                    const char *data);
/* Whether a state event's data say that the job has ended. */
bool ori_hub_is_final(enum ori_job_event_kind kind, const char *data);
