#pragma once
/* net/sigv4.h: AWS Signature Version 4, in headers and in URLs.
 * Path      given raw ("/bucket/a b"), encoded once, byte by byte: A-Z a-z 0-9 - _ . ~ and / stay,
 *           everything else is %XX; nothing is collapsed. Whoever sends it sends exactly what target
 *           gave (CURLOPT_PATH_AS_IS)
 * Query     given raw, in any order; encoded (there '/' too), sorted by name, then by value; an empty
 *           value keeps its '='
 * Headers   signed are host, x-amz-content-sha256, x-amz-date, x-amz-security-token when there is
 *           one, and those of the request; names in any case
 * Source    "Signature Version 4 signing process" and "Authenticating requests (AWS Signature Version
 *           4)" of the Amazon S3 API reference
 * Threads   pure; any thread
 * Failure   ORI_LIMIT: more than ORI_LIMIT_MAX_SIGNED_PAIRS headers or parameters, or longer than a
 *           URL or the headers of a request may be; ORI_NOMEM; ORI_INTERNAL from libcrypto
 * Checked by tests/unit/net_sigv4_test.c: the examples of that reference */
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/status.h"

#define ORI_SIGV4_UNSIGNED "UNSIGNED-PAYLOAD" /* as payload: the body is not looked at */
#define ORI_SIGV4_PAYLOAD_BYTES 65
#define ORI_SIGV4_TIME_BYTES 17
#define ORI_SIGV4_EXPIRES_MAX 604800 /* seconds; seven days */

struct ori_sigv4_keys {
    const char *access_key_id;
    const char *secret_access_key;
    const char *session_token; /* NULL or "": none */
};
struct ori_sigv4_pair {
    const char *name;
    const char *value;
};
struct ori_sigv4_request {
    const char *method;
    const char *host; /* as it is sent: with the port when it is not the scheme's own */
    const char *path; /* raw, begins with '/' */
    const struct ori_sigv4_pair *query;
    size_t query_count;
    const struct ori_sigv4_pair *headers; /* also signed; the caller sends them */
    size_t headers_count;
    const char *payload; /* hex SHA-256 of the body, or ORI_SIGV4_UNSIGNED */
    const char *region;
    const char *service;
    int64_t time_s; /* since 1970 */
};

/* "/path?query" as it is to be sent. */
ori_status ori_sigv4_target(const struct ori_sigv4_request *request, struct ori_buf *ret_target,
                            struct ori_error *err);

/* The values of the headers Authorization and x-amz-date. The caller sends x-amz-content-sha256 (the
 * payload) and x-amz-security-token as well. */
ori_status ori_sigv4_sign(const struct ori_sigv4_keys *keys,
                          const struct ori_sigv4_request *request,
                          struct ori_buf *ret_authorization, char ret_date[ORI_SIGV4_TIME_BYTES],
                          struct ori_error *err);

/* "/path?query" that is valid for so many seconds, 1 to ORI_SIGV4_EXPIRES_MAX, for anybody who has
 * it. The payload is not signed. */
ori_status ori_sigv4_presign(const struct ori_sigv4_keys *keys,
                             const struct ori_sigv4_request *request, int expires_s,
                             struct ori_buf *ret_target, struct ori_error *err);

/* Hex SHA-256 of a body, for payload. */
ori_status ori_sigv4_payload(const void *data, size_t bytes,
                             char ret_payload[ORI_SIGV4_PAYLOAD_BYTES], struct ori_error *err);
