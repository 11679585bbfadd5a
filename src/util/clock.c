#include "util/clock.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>

#define US_A_SECOND INT64_C(1000000)
#define WALL_US_MIN (INT64_C(-62167219200) * US_A_SECOND)     /* 0000-01-01T00:00:00Z */
#define WALL_US_MAX (INT64_C(253402300800) * US_A_SECOND - 1) /* end of 9999 */

static int64_t read_us(clockid_t clock)
{
    struct timespec now = {0};
    clock_gettime(clock, &now); /* fails for unknown clocks alone */
    return (int64_t)now.tv_sec * US_A_SECOND + now.tv_nsec / 1000;
}

int64_t ori_clock_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t ori_clock_wall_us(void)
{
    return read_us(CLOCK_REALTIME);
}

void ori_clock_rfc3339(int64_t wall_us, char ret_text[ORI_CLOCK_TEXT_BYTES])
{
    if (wall_us < WALL_US_MIN)
        wall_us = WALL_US_MIN;
    if (wall_us > WALL_US_MAX)
        wall_us = WALL_US_MAX;
    int64_t second = wall_us / US_A_SECOND;
    int64_t rest = wall_us % US_A_SECOND;
    if (rest < 0) { /* before 1970: the second before, and a positive rest */
        rest += US_A_SECOND;
        second--;
    }
    time_t when = (time_t)second;
    struct tm utc = {0};
    gmtime_r(&when, &utc);
    snprintf(ret_text, ORI_CLOCK_TEXT_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
             (unsigned)(utc.tm_year + 1900) % 10000, (unsigned)(utc.tm_mon + 1) % 100,
             (unsigned)utc.tm_mday % 100, (unsigned)utc.tm_hour % 100, (unsigned)utc.tm_min % 100,
             (unsigned)utc.tm_sec % 100, (unsigned)(rest / 1000) % 1000);
}

int ori_clock_poll_ms(int64_t deadline_us)
{
    if (deadline_us == ORI_CLOCK_NO_DEADLINE)
        return -1;
    int64_t left_us = deadline_us - ori_clock_us();
    if (left_us <= 0)
        return 0;
    int64_t left_ms = left_us / 1000 + (left_us % 1000 != 0);
    return left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}
