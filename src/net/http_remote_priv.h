#pragma once
/* net/http_remote_priv.h: what the two files of a file behind a URL share: who asks (http_remote.c), and
 * who looks at the answers (http_remote_answer.c).
 * Threads   a reading belongs to the call that made it; versions are plain data */
#include "net/http_remote.h"

#define ORI_HTTP_DATE_BYTES 64

/* One version of a file. */
struct ori_http_version {
    int64_t bytes; /* -1: not said */
    char etag[ORI_REMOTE_ETAG_BYTES];
    char modified[ORI_HTTP_DATE_BYTES]; /* as it was said */
};

/* For If-Range, which takes no weak ETag; "" none. */
const char *ori_http_version_validator(const struct ori_http_version *version);
/* Its time; 0: not said, or no time. */
int64_t ori_http_version_seconds(const struct ori_http_version *version);

/* One call's way to its bytes, over all the requests it takes. */
struct ori_http_reading {
    struct ori_http_remote *remote;
    const struct ori_wait *wait;
    struct ori_http_version *version;
    bool is_known;      /* the version is: pieces of another are not taken */
    bool has_range;     /* the request has one, from at to end, */
    bool has_condition; /* and If-Range */
    bool is_whole;      /* the server answered with all of it */
    int64_t at;         /* of the next byte */
    int64_t end;        /* behind the last one that is wanted; INT64_MAX: the file's */
    int64_t bytes_max;
    const struct ori_remote_sink *sink; /* where they go, or */
    uint8_t *data;                      /* those from data_at on */
    int64_t data_at;
    const struct ori_net_answer *answer; /* of this request, as all below */
    bool is_judged;
    bool is_wrong;      /* it contradicts itself or the request: no such answer is gone on behind */
    int64_t answer_end; /* behind the last byte that it said to have; INT64_MAX: not said */
    int64_t brought;
};

/* Looks at an answer of 2xx before a byte of it is taken. ORI_AGAIN: this server is better asked for
 * the whole, or without a condition. */
ori_status ori_http_reading_judge(struct ori_http_reading *reading, struct ori_error *err);
/* on_body of its requests; self: the reading. */
ori_status ori_http_reading_take(void *self, const void *data, size_t bytes, struct ori_error *err);
/* What an answer without bytes that were wanted means; never ORI_OK. */
ori_status ori_http_reading_refuse(const struct ori_net_answer *answer, struct ori_error *err);
