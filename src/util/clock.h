#pragma once
/* util/clock.h: time that only goes forward, and time as people write it.
 * Units    microseconds; deadlines are of the monotonic clock
 * Threads  any */
#include <stdint.h>

#define ORI_CLOCK_TEXT_BYTES 32
#define ORI_CLOCK_NO_DEADLINE INT64_MAX

int64_t ori_clock_us(void);      /* monotonic */
int64_t ori_clock_wall_us(void); /* since 1970-01-01T00:00:00Z */

/* "2026-01-31T23:59:59.123Z" (RFC 3339, UTC, milliseconds rounded down). A time outside the years
 * 0 to 9999 is given as the nearest one inside. */
void ori_clock_rfc3339(int64_t wall_us, char ret_text[ORI_CLOCK_TEXT_BYTES]);
/* From a monotonic deadline to what poll takes: 0..INT_MAX, rounded up; -1 for no deadline. */
int ori_clock_poll_ms(int64_t deadline_us);
