#pragma once
/* net/content_range.h: which bytes of a file an answer has.
 * Source    RFC 9110 section 14.4; of its forms those in bytes
 * Threads   pure; any thread */
#include <stdbool.h>
#include <stdint.h>

struct ori_content_range {
    int64_t first; /* -1: no bytes, "bytes * /TOTAL" of a range that the file does not have */
    int64_t last;
    int64_t total; /* -1: not said */
};
/* False for what is none, or is one that no file can have: last before first, total not behind
 * last, a number past INT64_MAX. text may be NULL. */
bool ori_content_range_read(const char *text, struct ori_content_range *ret_range);
