#pragma once
/* http/desk.h: threads that answer what the HTTP thread must not wait for.
 * Call order create; add; stop ends the taking of more and joins; destroy
 * Full       a desk takes ORI_LIMIT_MAX_DESK_WAITING requests; the next are told ORI_OVERLOADED
 * End        what waits when the desk is stopped is done as well: do sees that the server ends by its
 *            own token
 * Threads    add any; create, stop and destroy the owner */
#include <stddef.h>

#include "util/status.h"

struct ori_desk;
typedef void (*ori_desk_fn)(void *item);

/* name: of its threads, at most 15 characters. */
ori_status ori_desk_create(const char *name, int threads, ori_desk_fn work,
                           struct ori_desk **ret_desk, struct ori_error *err);
void ori_desk_stop(struct ori_desk *desk);     /* idempotent */
void ori_desk_destroy(struct ori_desk **desk); /* null-safe, nulls; stops */
/* Never waits. ORI_OVERLOADED: the item stays the caller's. */
ori_status ori_desk_add(struct ori_desk *desk, void *item, struct ori_error *err);
size_t ori_desk_waiting(struct ori_desk *desk);
