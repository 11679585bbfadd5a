#pragma once
/* util/cond.h: conditions that are waited for until a moment of the monotonic clock.
 * Why      POSIX conditions wait by the wall clock unless told otherwise, which may be set
 * Threads  any
 * Failure  none: on Linux none of these calls fails */
#include <pthread.h>
#include <stdint.h>

void ori_cond_init(pthread_cond_t *cond); /* ends by pthread_cond_destroy */
/* As pthread_cond_wait, until the deadline at the latest; ORI_CLOCK_NO_DEADLINE: for ever. May return
 * early: the caller looks at its predicate and at the clock. */
void ori_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_us);
