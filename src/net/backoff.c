#include "net/backoff.h"

#include <sys/random.h>

#include "util/clock.h"

#define DOUBLINGS_MAX 62

int64_t ori_backoff_us(int attempt, int64_t base_us, int64_t max_us, uint32_t random)
{
    int64_t whole = base_us > 0 ? base_us : 1;
    for (int i = 1; i < attempt && i < DOUBLINGS_MAX && whole < max_us; i++) {
        if (__builtin_mul_overflow(whole, 2, &whole))
            whole = INT64_MAX;
    }
    if (whole > max_us)
        whole = max_us;
    int64_t half = whole / 2;
    /* (whole - half) * random / (2^32 - 1), so that both ends can be drawn, in 128 bits */
    __int128 part = (__int128)(whole - half) * random / UINT32_MAX;
    return half + (int64_t)part;
}

uint32_t ori_backoff_random(void)
{
    uint32_t random = 0;
    /* Less than 256 bytes come whole once the kernel's source is ready; before that, early in the
     * boot, the clock will do: these bits spread load, they protect nothing. */
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        random = (uint32_t)ori_clock_us() * UINT32_C(2654435761);
    return random;
}
