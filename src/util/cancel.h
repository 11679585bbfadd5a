#pragma once
/* util/cancel.h: a token that says "stop", in a tree: process > job > item.
 * Call order  init (or init_child); set from anywhere; deinit children before parents
 * Threads     set and is_set from any thread and from signal context of signalfd loops; init and
 *             deinit by the owner alone
 * Waiting     fd is an eventfd that becomes readable when the token, or one above it, is set;
 *             poll it beside whatever else is waited for, never read it
 * Failure     init: ORI_NOMEM or ORI_IO (no descriptors left), then there is nothing to undo */
#include <stdatomic.h>
#include <stdbool.h>

#include "util/status.h"

struct ori_cancel {
    struct ori_cancel *parent;
    struct ori_cancel *first_child; /* guarded by the tree's lock */
    struct ori_cancel *next_sibling;
    atomic_bool is_set;
    int fd;
};

ori_status ori_cancel_init(struct ori_cancel *cancel, struct ori_cancel *parent,
                           struct ori_error *err);
void ori_cancel_deinit(struct ori_cancel *cancel);
void ori_cancel_set(struct ori_cancel *cancel); /* this one and all below it; idempotent */
bool ori_cancel_is_set(const struct ori_cancel *cancel); /* NULL: false */
/* ORI_CANCELLED when set, ORI_AGAIN when timeout_ms passed first. NULL just sleeps. */
ori_status ori_cancel_wait(const struct ori_cancel *cancel, int timeout_ms);
