#pragma once
/* net/backoff.h: how long to wait before trying again.
 * Source   exponential backoff with full jitter: a uniform time between half of it and all of
 *          min(max, base * 2^(attempt-1)), so that clients that failed together do not come back
 *          together
 * Threads  pure; any thread */
#include <stdint.h>

/* attempt: 1 after the first failure. random: any 32 random bits. */
int64_t ori_backoff_us(int attempt, int64_t base_us, int64_t max_us, uint32_t random);
uint32_t ori_backoff_random(void); /* from the kernel */
