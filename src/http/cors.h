#pragma once
/* http/cors.h: which pages of other origins may read answers.
 * Setting   CORS_ORIGINS, split by commas; "*" is every origin; empty is none
 * Credentials are never allowed: the key travels in a header of its own
 * Threads   pure; any
 * Source    WHATWG Fetch, section "CORS protocol" */
#include <stdbool.h>
#include <stddef.h>

/* Whether each entry can be an origin: scheme://host[:port] and nothing behind, or "*". *ret_bad: where
 * the first that cannot begins, and its length. */
bool ori_cors_is_list(const char *origins, const char **ret_bad, size_t *ret_bad_bytes);
/* Whether origin (scheme://host:port, as the browser sends it) is on the list. */
bool ori_cors_allows(const char *origins, const char *origin);
/* Whether origin is the server's own: its host and port are those of Host. */
bool ori_cors_is_own(const char *origin, const char *host);

#define ORI_CORS_REQUEST_HEADERS                                                                   \
    "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-API-Key, X-Request-Id"
#define ORI_CORS_ANSWER_HEADERS                                                                    \
    "ETag, Idempotency-Replayed, Location, Retry-After, WWW-Authenticate, X-Request-Id"
