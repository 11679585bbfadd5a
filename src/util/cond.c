#include "util/cond.h"

#include <time.h>

#include "util/clock.h"

void ori_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

void ori_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_us)
{
    if (deadline_us == ORI_CLOCK_NO_DEADLINE) {
        pthread_cond_wait(cond, lock);
        return;
    }
    const struct timespec until = {.tv_sec = (time_t)(deadline_us / 1000000),
                                   .tv_nsec = (long)(deadline_us % 1000000) * 1000};
    pthread_cond_timedwait(cond, lock, &until);
}
