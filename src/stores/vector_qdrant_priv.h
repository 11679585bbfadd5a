#pragma once
/* stores/vector_qdrant_priv.h: the parts of the Qdrant store: vector_qdrant.c (opens, reads),
 * _call.c (one request and what its answer means), _collection.c (made, compared, whose model),
 * _json.c (points to text, answers to hits), _write.c (batches, streams, stale points), _list.c (points
 * one by one).
 * Source   Qdrant's OpenAPI of 1.16.3 and 1.19.0; what the files do not say was seen on 1.16.3
 * Threads  the store is immutable after open but for the two atomics and the lanes */
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "net/client.h"
#include "stores/vector_priv.h"
#include "util/buf.h"

/* What tests turn down, or on. */
struct ori_vector_qdrant_limits {
    size_t body_bytes_max; /* ORI_LIMIT_MAX_QDRANT_BODY_BYTES */
    int retries;           /* of one request, inside its time */
    int64_t open_ms;       /* for all that open asks */
    int64_t read_ms;       /* one search, count or get */
    int64_t write_ms;      /* one request that writes */
    int64_t probe_ms;
    bool compresses_loopback; /* elsewhere QDRANT_COMPRESSION says; on this machine it only costs */
};
struct ori_vector_qdrant_limits ori_vector_qdrant_usual(void);
ori_status ori_vector_open_qdrant_limited(const struct ori_vector_qdrant_options *options,
                                          const struct ori_vector_qdrant_limits *limits,
                                          struct ori_vector_store **ret_store,
                                          struct ori_error *err);

struct ori_qdrant_lane; /* a video that is being replaced */

struct ori_qdrant {
    struct ori_vector_store base;
    struct ori_net_client *client;
    char *place;      /* "http://host:6333": for messages */
    char *collection; /* as the settings have it */
    char *url;        /* place, path, "/collections/", the name percent-encoded */
    char *key;        /* "" for none */
    char *model;
    char *digest;         /* "": it has none */
    const char *distance; /* as Qdrant spells it */
    bool is_cosine;
    bool is_nearer_smaller; /* Euclid, Manhattan: the best score is the smallest */
    bool has_compression;
    bool compresses_transfers;
    bool is_read_only;
    int streams_max;
    size_t batch_size;
    int shards;
    int replication;
    struct ori_log log;
    const struct ori_cancel *cancel;
    struct ori_vector_qdrant_limits limits;

    /* The collection was compared and is ours to use; false again when the server refuses our key */
    atomic_bool is_settled;
    atomic_bool is_model_known; /* a point of our model was seen in the collection */
    pthread_mutex_t lock;
    pthread_cond_t lane_left;
    struct ori_qdrant_lane *lanes; /* guarded by lock */
};

static inline struct ori_qdrant *ori_qdrant_of(struct ori_vector_store *store)
{
    return (struct ori_qdrant *)store; /* base is the first field */
}

/* ---- _call.c ---- */

struct ori_qdrant_call {
    const char *method;
    const char *path;           /* behind the collection's URL: "/points/query" */
    const struct ori_buf *body; /* JSON; NULL: none */
    int64_t deadline_us;
    int retries;
    const struct ori_cancel *cancel;
    bool is_about_collection; /* else a 404 makes the collection, and the call is made once more */
};
/* *ret_result: the answer's "result", a reference of the caller's; NULL when not wanted. *ret_http,
 * which may be NULL: the answer's status, 0 when there was none.
 * STORE_DENIED (401, 403, other 4xx), STORE_MISMATCH (size of a vector), LIMIT (413, 400 too large),
 * STORE_DOWN (no connection, 408, 425, 429, 5xx), NOT_FOUND (404), STORE (409, an answer that is none of
 * Qdrant's), and what else net/client.h has: TIMEOUT. */
ori_status ori_qdrant_call(struct ori_qdrant *store, const struct ori_qdrant_call *call,
                           json_t **ret_result, int *ret_http, struct ori_error *err);
int64_t ori_qdrant_deadline(int64_t ms);
/* The answer is not what Qdrant's API has: ORI_STORE. */
ori_status ori_qdrant_nonsense(const struct ori_qdrant *store, struct ori_error *err,
                               const char *what);

/* ---- _collection.c ---- */

/* There, or made, unless the store is read only: ORI_NOT_FOUND. Of our size and distance, else
 * ORI_STORE_MISMATCH. */
ori_status ori_qdrant_ensure(struct ori_qdrant *store, const struct ori_cancel *cancel,
                             int64_t deadline_us, struct ori_error *err);
/* Whether the collection is our model's, or empty. Asks until it has seen a point. */
ori_status ori_qdrant_check_model(struct ori_qdrant *store, const struct ori_cancel *cancel,
                                  int64_t deadline_us, struct ori_error *err);
/* The same of its weights, at open, behind the one before; notes ours where none are noted. */
ori_status ori_qdrant_check_weights(struct ori_qdrant *store, const struct ori_cancel *cancel,
                                    int64_t deadline_us, struct ori_error *err);
/* The three above, unless they went well before. */
ori_status ori_qdrant_settle(struct ori_qdrant *store, const struct ori_cancel *cancel,
                             struct ori_error *err);
/* Before points are written: the first to write into an empty collection decides whose it is. */
ori_status ori_qdrant_claim(struct ori_qdrant *store, const struct ori_cancel *cancel,
                            int64_t deadline_us, struct ori_error *err);
ori_status ori_qdrant_model_mismatch(const struct ori_qdrant *store, const char *found,
                                     struct ori_error *err);

/* ---- _json.c ---- */

/* "%.9g", which reads back as the same float; finite. */
void ori_qdrant_put_float(struct ori_buf *buf, float value);
/* [x,y,...]; for cosine of length 1. */
void ori_qdrant_put_vector(struct ori_buf *buf, const char *key, const struct ori_qdrant *store,
                           const float *vector);
void ori_qdrant_put_points(struct ori_buf *buf, const struct ori_qdrant *store,
                           const struct ori_point *points, size_t n);
/* "filter": {...}, nothing when no field is looked at. */
void ori_qdrant_put_filter(struct ori_buf *buf, const struct ori_vector_filter *filter);
void ori_qdrant_put_match(struct ori_buf *buf, const char *key, const char *value);
/* The array of scored points; hits come initialised for limit. */
ori_status ori_qdrant_read_hits(const struct ori_qdrant *store, const json_t *points, size_t limit,
                                struct ori_hits *hits, struct ori_error *err);
ori_status ori_qdrant_read_vector(const struct ori_qdrant *store, const json_t *vector,
                                  float *ret_vector, struct ori_error *err);

/* What a payload says, its texts in strings. NULL, or the first field that is not as we write it; uuid is
 * not looked at. */
const char *ori_qdrant_read_payload(const json_t *payload, struct ori_hit_strings *strings,
                                    struct ori_point_payload *ret_payload);

/* ---- _list.c ---- */

ori_status ori_qdrant_list_points(struct ori_vector_store *base, const char *platform,
                                  const char *video_code, ori_vector_visit_fn visit, void *self,
                                  const struct ori_cancel *cancel, struct ori_error *err);
ori_status ori_qdrant_list_videos(struct ori_vector_store *base, ori_vector_visit_fn visit,
                                  void *self, const struct ori_cancel *cancel,
                                  struct ori_error *err);

/* ---- _write.c ---- */

ori_status ori_qdrant_delete_points(struct ori_vector_store *base, const char *platform,
                                    const char *video_code, const char (*ids)[ORI_UUID_TEXT_BYTES],
                                    size_t n, const struct ori_cancel *cancel,
                                    struct ori_error *err);

ori_status ori_qdrant_upsert(struct ori_vector_store *base, const struct ori_point *points,
                             size_t n, struct ori_error *err);
ori_status ori_qdrant_replace_video(struct ori_vector_store *base, const char *platform,
                                    const char *video_code, const struct ori_point *points,
                                    size_t n, const struct ori_cancel *cancel,
                                    struct ori_error *err);
