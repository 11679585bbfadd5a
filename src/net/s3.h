#pragma once
/* net/s3.h: objects in buckets of S3 and of servers that speak it.
 * Address    with an endpoint "endpoint/bucket/key"; without one Amazon's, the bucket in the host's
 *            name unless it has a dot (their certificates cover one level)
 * Signed     by net/sigv4.h; without credentials requests go unsigned, which public buckets take
 * Corrected  once each, and remembered: a bucket that is in another region, a clock that is off (said
 *            in the log: s3.clock_skew), keys that have expired
 * Again      what the net client tries again: a connection that failed, 429, 5xx and their like, a
 *            few times. A read that broke off goes on where it was, and only in the same object
 * Parts      objects from multipart_threshold on are sent in parts, several at once; a failure
 *            aborts the upload, so that nothing is left to be paid for
 * Pool       connections_max connections at most, over all calls of all threads
 * Call order create; use from any thread; destroy when no call runs
 * Failure    NOT_FOUND (the object), BUCKET_MISSING, STORE_DENIED (keys, permissions or the request:
 *            it would be refused again; the reason in err), STORE_DOWN (not reached, overloaded,
 *            broken: may pass), STORE (an answer that is no S3), SOURCE_CHANGED (another object by
 *            now), LIMIT, CANCELLED, NOMEM. A deadline that passes is STORE_DOWN
 * Cancel     noticed within 200 ms
 * Source     Amazon S3 API reference, 2006-03-01
 * Checked by tests/component/net_s3_test.c (a scripted server), tests/e2e/test_s3.py (radosgw) */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log/log.h"
#include "net/credentials.h"
#include "util/buf.h"
#include "util/status.h"
#include "util/wait.h"

struct ori_s3;
struct ori_net_egress;

struct ori_s3_options {
    const char *endpoint; /* "http://host:port"; "": Amazon's */
    const char *region;
    struct ori_credentials *credentials; /* borrowed; NULL: unsigned */
    int connections_max;                 /* AWS_MAX_POOL_CONNECTIONS */
    int64_t multipart_threshold;         /* AWS_MULTIPART_THRESHOLD */
    int64_t part_bytes;                  /* 0: 8 MiB; larger where 10,000 would not do */
    const struct ori_log *log;           /* borrowed; may be NULL */
    const struct ori_net_egress *egress; /* for the call of create; NULL: as net/client.h has it */
};
/* ORI_BAD_SETTING for an endpoint that is no URL of a host alone. */
ori_status ori_s3_create(const struct ori_s3_options *options, struct ori_s3 **ret_s3,
                         struct ori_error *err);
void ori_s3_destroy(struct ori_s3 **s3); /* null-safe, nulls */
int ori_s3_connections_max(const struct ori_s3 *s3);

struct ori_s3_name {
    const char *bucket;
    const char *key;
};
struct ori_s3_facts {
    int64_t bytes;
    char etag[128]; /* with its quotes; "" not said */
    char content_type[128];
    int64_t modified_s; /* wall clock; 0: not said */
};

/* Replaces the object in one step. */
ori_status ori_s3_put(struct ori_s3 *s3, const struct ori_s3_name *name, const void *data,
                      size_t bytes, const char *content_type, const struct ori_wait *wait,
                      struct ori_error *err);
/* The whole object: malloc'ed, NUL behind its bytes; the caller frees. */
ori_status ori_s3_get(struct ori_s3 *s3, const struct ori_s3_name *name, size_t bytes_max,
                      uint8_t **ret_data, size_t *ret_bytes, const struct ori_wait *wait,
                      struct ori_error *err);
/* Exactly these bytes of it; of the object with that etag alone unless NULL (else SOURCE_CHANGED). */
ori_status ori_s3_read(struct ori_s3 *s3, const struct ori_s3_name *name, const char *etag,
                       int64_t offset, void *data, size_t bytes, const struct ori_wait *wait,
                       struct ori_error *err);
ori_status ori_s3_head(struct ori_s3 *s3, const struct ori_s3_name *name,
                       struct ori_s3_facts *ret_facts, const struct ori_wait *wait,
                       struct ori_error *err);
/* ORI_OK also when there is no such object. */
ori_status ori_s3_delete(struct ori_s3 *s3, const struct ori_s3_name *name,
                         const struct ori_wait *wait, struct ori_error *err);

/* Each object whose key begins with prefix, in byte order of the keys; with a delimiter only those
 * that have none behind the prefix. What visit says ends the listing. */
typedef ori_status (*ori_s3_visit_fn)(void *self, const char *key, int64_t bytes,
                                      struct ori_error *err);
ori_status ori_s3_list(struct ori_s3 *s3, const char *bucket, const char *prefix,
                       const char *delimiter, ori_s3_visit_fn visit, void *self,
                       const struct ori_wait *wait, struct ori_error *err);
/* Each "folder" directly below prefix: "prefix/name/" with its slash; bytes is 0. visit may call s3. */
ori_status ori_s3_list_folders(struct ori_s3 *s3, const char *bucket, const char *prefix,
                               ori_s3_visit_fn visit, void *self, const struct ori_wait *wait,
                               struct ori_error *err);
/* Whether the bucket is there and the keys fit. */
ori_status ori_s3_check(struct ori_s3 *s3, const char *bucket, const struct ori_wait *wait,
                        struct ori_error *err);

/* A URL with which anybody may do that for so many seconds. ORI_STORE_DENIED without credentials. */
ori_status ori_s3_presign(struct ori_s3 *s3, const char *method, const struct ori_s3_name *name,
                          int expires_s, struct ori_buf *ret_url, struct ori_error *err);
