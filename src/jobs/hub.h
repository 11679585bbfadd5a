#pragma once
/* jobs/hub.h: events of jobs to whoever listens, without a listener ever slowing a job down.
 * How        one thread reads new events from the job store, in order of id, and keeps those of jobs
 *            that somebody listens to, formatted as Server-Sent Events, once for all listeners of
 *            the job; listeners read them at their own pace. A listener whose next event had to go
 *            is told so: it reconnects, and Last-Event-ID takes it back to where it was through the
 *            store
 * Call order create; listener open, read, close; destroy when no listener is open
 * Threads    create and destroy: the owner. A listener: one thread at a time. on_more is called on
 *            the hub's thread without a lock, and may only wake something up; it must not wait for
 *            whoever closes the listener
 * Limits     ORI_LIMIT_MAX_HUB_BYTES of events in memory; ORI_LIMIT_MAX_LISTENERS listeners; events
 *            of one job replayed: ORI_LIMIT_MAX_JOB_EVENTS, and of all replays that were not yet
 *            read ORI_LIMIT_MAX_HUB_REPLAY_BYTES
 * Source     WHATWG HTML, server-sent events: id, event, data; a comment line as heartbeat */
#include <stdbool.h>
#include <stddef.h>

#include "stores/jobs.h"
#include "util/status.h"

struct ori_hub;
struct ori_listener;

ori_status ori_hub_create(struct ori_job_store *store, struct ori_hub **ret_hub,
                          struct ori_error *err);
void ori_hub_destroy(struct ori_hub **hub); /* joins; null-safe, nulls */

struct ori_listener_options {
    int64_t job; /* seq */
    const char *job_id;
    bool has_last;
    int64_t last;                /* Last-Event-ID */
    void (*on_more)(void *self); /* after a read that gave nothing, when there is more */
    void *on_more_self;
};
/* Starts with: without last, a `state` event as it stands now; with it, the job's events after it
 * (or a `state` event when they are gone). Reads the store: not on the HTTP thread. ORI_NOT_FOUND,
 * ORI_OVERLOADED: a limit was reached that others share. */
ori_status ori_listener_open(struct ori_hub *hub, const struct ori_listener_options *options,
                             struct ori_listener **ret_listener, struct ori_error *err);
void ori_listener_close(
    struct ori_listener **listener); /* null-safe, nulls; on_more is over then */

/* Copies whole or part events, never blocks. ORI_OK with *ret_bytes > 0; ORI_AGAIN: nothing now, on_more
 * comes; ORI_EOF: the job has ended and all was said, or was deleted, or this listener was too slow. */
ori_status ori_listener_read(struct ori_listener *listener, char *buffer, size_t bytes_max,
                             size_t *ret_bytes);
size_t ori_hub_listeners(struct ori_hub *hub);
/* The job was deleted: its listeners end when they have read what there is. */
void ori_hub_forget(struct ori_hub *hub, int64_t job);
