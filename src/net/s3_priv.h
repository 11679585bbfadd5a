#pragma once
/* net/s3_priv.h: one signed request and its answer; for s3*.c alone. */
#include <pthread.h>
#include <stdatomic.h>

#include "net/client.h"
#include "net/s3.h"
#include "net/sigv4.h"

#define ORI_S3_REGION_BYTES 65
#define ORI_S3_REGIONS 16 /* buckets whose region is remembered */
#define ORI_S3_PARTS_MAX 10000

struct ori_s3 {
    struct ori_s3_options options; /* immutable; its texts are owned */
    bool is_tls;
    char host[256]; /* of the endpoint; "": Amazon's */
    struct ori_net_client *client;
    atomic_llong skew_s; /* what their clock is ahead of ours */
    pthread_mutex_t lock;
    struct {
        char bucket[64];
        char region[ORI_S3_REGION_BYTES];
    } regions[ORI_S3_REGIONS]; /* lock */
    size_t regions_next;       /* lock */
};

struct ori_s3_call {
    const char *method;
    struct ori_s3_name name; /* key NULL: the bucket itself */
    const struct ori_sigv4_pair *query;
    size_t query_count;
    const struct ori_net_header *headers; /* not signed: Content-Type, Range, If-Match */
    size_t headers_count;
    const void *body;
    size_t body_bytes;
    size_t answer_bytes_max;
    ori_status (*on_body)(void *self, const void *data, size_t bytes, struct ori_error *err);
    void *on_body_self;
};

/* What an answer that is no 2xx says; "" for what it does not. */
struct ori_s3_fault {
    int status;
    char code[64];
    char message[256];
    char region[ORI_S3_REGION_BYTES];
};
void ori_s3_read_fault(const struct ori_net_answer *answer, struct ori_s3_fault *ret_fault);
/* As a status, its words in err: never ORI_OK. */
ori_status ori_s3_tell_fault(const struct ori_s3_call *call, const struct ori_s3_fault *fault,
                             struct ori_error *err);

/* ORI_OK is a 2xx. The answer is the caller's, from init to deinit. */
ori_status ori_s3_send(struct ori_s3 *s3, const struct ori_s3_call *call,
                       const struct ori_wait *wait, struct ori_net_answer *answer,
                       struct ori_error *err);
/* Header by name as the answer has it; "" for none. */
const char *ori_s3_header(const struct ori_net_answer *answer, const char *name);

/* "Fri, 24 May 2013 00:00:00 GMT" to seconds since 1970; 0: no such date. */
int64_t ori_s3_date(const char *text);

/* s3_multipart.c */
ori_status ori_s3_put_parts(struct ori_s3 *s3, const struct ori_s3_name *name, const void *data,
                            size_t bytes, const char *content_type, const struct ori_wait *wait,
                            struct ori_error *err);
