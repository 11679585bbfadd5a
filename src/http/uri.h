#pragma once
/* http/uri.h: a request's target, taken apart and decoded once.
 * Why       libmicrohttpd hands out the path decoded, with a %00 cutting it short and %2F as one more
 *           slash: two readers of such a path see two different ones. So the raw target is kept and
 *           read here, and nowhere else
 * Refused   no '/' at the start, '#', control characters, a '%' without two hex digits, %00, in the
 *           path an encoded slash, a backslash, encoded or not, and the segments "." and "..", what is
 *           no UTF-8
 * Query     name=value split by '&', '+' is a blank; at most ORI_LIMIT_MAX_QUERY_PARAMETERS
 * Threads   plain data
 * Source    RFC 3986; WHATWG URL for the query */
#include <stddef.h>

#include "util/limits.h"
#include "util/status.h"

struct ori_uri_parameter {
    const char *name;
    const char *value; /* "" when there was no '=' */
};
struct ori_uri {
    char *path; /* decoded, as sent: a slash at the end is still there */
    size_t query_count;
    struct ori_uri_parameter query[ORI_LIMIT_MAX_QUERY_PARAMETERS];
    char text[ORI_LIMIT_MAX_REQUEST_URL_BYTES + 1]; /* what the fields above point into */
};

/* ORI_USAGE, ORI_LIMIT (longer than ORI_LIMIT_MAX_REQUEST_URL_BYTES, too many parameters). */
ori_status ori_uri_parse(const char *target, struct ori_uri *ret_uri, struct ori_error *err);
/* The first of that name, NULL when there is none. */
const char *ori_uri_query(const struct ori_uri *uri, const char *name);
