#pragma once
/* util/cancel.h: a token that says "stop", in a tree: process > job > item.
 * Call order  init (or init_child); set from anywhere; deinit children before parents
 * Threads     set and is_set from any thread and from signal context of signalfd loops; init and
 *             deinit by the owner alone
 * Waiting     fd is an eventfd that becomes readable when the token, or one above it, is set;
 *             poll it beside whatever else is waited for, never read it
 * Failure     init: ORI_NOMEM or ORI_IO (no descriptors left), then there is nothing to undo
 * Layout      the fields are private; embed the struct, it must not move after init */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "util/status.h"

struct ori_cancel {
    struct ori_cancel *parent;      /* immutable */
    struct ori_cancel *first_child; /* guarded by the root's lock */
    struct ori_cancel *next_sibling;
    pthread_mutex_t lock; /* of the whole tree in its root, unused elsewhere */
    atomic_bool is_set;
    int fd; /* readable once set; immutable */
};

/* parent NULL makes a root. A child of a token that is set already is born set. */
ori_status ori_cancel_init(struct ori_cancel *cancel, struct ori_cancel *parent,
                           struct ori_error *err);
void ori_cancel_deinit(struct ori_cancel *cancel);       /* after a good init; no children left */
void ori_cancel_set(struct ori_cancel *cancel);          /* this one and all below it; idempotent */
bool ori_cancel_is_set(const struct ori_cancel *cancel); /* NULL: false */
/* ORI_CANCELLED when set, ORI_AGAIN when timeout_ms passed first (negative: never). NULL just
 * sleeps. */
ori_status ori_cancel_wait(const struct ori_cancel *cancel, int timeout_ms);
