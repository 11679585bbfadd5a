#pragma once
/* util/wait.h: how long a call that waits for the outside may take, and what ends it early.
 * NULL in the place of one: nothing ends it but the callee's own deadline. */
#include <stddef.h>
#include <stdint.h>

#include "util/cancel.h"

struct ori_wait {
    const struct ori_cancel *cancel; /* NULL: none */
    int64_t deadline_us;             /* of the monotonic clock; 0: none but the callee's own */
};

static inline const struct ori_cancel *ori_wait_cancel(const struct ori_wait *wait)
{
    return wait ? wait->cancel : NULL;
}
/* The earlier one of the two. */
static inline int64_t ori_wait_deadline(const struct ori_wait *wait, int64_t own_us)
{
    return wait && wait->deadline_us && wait->deadline_us < own_us ? wait->deadline_us : own_us;
}
