#pragma once
/* stores/vector.h: points (id, unit vector, payload) that can be found by likeness.
 * Implementations  vector_embedded.c (SQLite + matrix in memory), vector_qdrant.c (a server). One
 *                  const struct of functions each; the same conformance tests run over all
 * Call order       open; upsert, delete, search in any order; close
 * Ownership        points are borrowed for the call; hits belong to the caller: ori_hits_deinit
 * Threads          any number may search; writers wait for each other
 * Durability       after ORI_OK all of a replace_video survives kill -9. After anything else the
 *                  embedded store has none of it, Qdrant may have some of the new points and of the
 *                  old; the same call again makes it right
 * Failure          BAD_VECTOR (zero, not finite, wrong dim), STORE, STORE_MISMATCH (other model,
 *                  weights or dim than the store was filled with), STORE_VERSION, DISK_FULL, NOT_WRITABLE,
 *                  LIMIT, NOMEM, CANCELLED; of a server also STORE_DENIED (its key, its settings),
 *                  STORE_DOWN (not reached, overloaded, failing; of a write also too slow), TIMEOUT;
 *                  cause in err
 * Units            vectors f32, dim each; scores cosine, -1..1, or what QDRANT_DISTANCE has; seconds
 *                  of the video */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log/log.h"
#include "util/cancel.h"
#include "util/status.h"
#include "util/uuid.h"

struct ori_vector_store;

struct ori_point_payload { /* the contract's payload, section 3 stage 7 */
    char uuid[37];
    const char *platform;
    const char *video_code;
    int frame_number;
    double frame_second;
    const char *path; /* the object's key */
    char created_at[32];
    int width;
    int height;
    int scene;
    char dhash[17];
    const char *model;
};
struct ori_point {
    struct ori_point_payload payload; /* its uuid is the point's id */
    const float *vector;
};

struct ori_vector_filter { /* NULL and negative fields are not looked at */
    const char *platform;
    const char *video_code;
    double second_min;
    double second_max;
};

struct ori_hit {
    double score;
    struct ori_point_payload payload; /* strings owned by the hit list */
};
struct ori_hits {
    struct ori_hit *hits; /* best first; ties by uuid, so that an order is repeatable */
    size_t count;
    void *strings; /* private */
};
void ori_hits_deinit(struct ori_hits *hits); /* null-safe inside, idempotent */

struct ori_vector_options {
    const char *path;   /* file of the embedded store; made when missing */
    const char *model;  /* these three are remembered by an empty store, compared by a filled one */
    const char *digest; /* of the model's weights; NULL or "": it has none. A store that does not
                           know takes that of the first one of its model that writes */
    int dim;
    int threads;       /* of one search */
    bool is_read_only; /* a missing file is then ORI_NOT_FOUND */
    bool
        is_any_model; /* only read, and only listed and counted: whose vectors they are is no matter */
    /* Ends waits for another process's write: ORI_CANCELLED. Borrowed until close; may be NULL. */
    const struct ori_cancel *cancel;
};
ori_status ori_vector_open_embedded(const struct ori_vector_options *options,
                                    struct ori_vector_store **ret_store, struct ori_error *err);

struct ori_vector_qdrant_options {
    const char *url;        /* of the server: QDRANT_URL */
    const char *key;        /* NULL or "": none */
    const char *collection; /* made when missing */
    const char *model;      /* compared with that of a point that is there */
    const char *digest;     /* of its weights, as in ori_vector_options */
    int dim;
    const char *distance; /* "cosine", "dot", "euclid", "manhattan" */
    int connections_max;  /* 1..1000 */
    size_t batch_size;    /* points of one request */
    bool has_compression; /* of a new collection, and of what is sent to another machine */
    int shards;           /* of a new collection, as is replication */
    int replication;
    bool is_read_only;               /* a missing collection is then ORI_NOT_FOUND */
    bool opens_refused;              /* a key that is not taken is told by the first use instead */
    const struct ori_log *log;       /* copied; may be NULL */
    const struct ori_cancel *cancel; /* ends every wait. Borrowed until close; may be NULL */
};
/* Asks the server: one that is down is ORI_STORE_DOWN, a wrong key ORI_STORE_DENIED, a collection of
 * another size, distance or model ORI_STORE_MISMATCH. */
ori_status ori_vector_open_qdrant(const struct ori_vector_qdrant_options *options,
                                  struct ori_vector_store **ret_store, struct ori_error *err);
void ori_vector_close(struct ori_vector_store **store);

/* Whether the store can be reached now; within a few seconds. ORI_OK where there is nothing to reach. */
ori_status ori_vector_probe(struct ori_vector_store *store, const struct ori_cancel *cancel,
                            struct ori_error *err);

/* Before work for the store is begun: asks the server only when it has refused us the last time, or was
 * never asked. */
ori_status ori_vector_check(struct ori_vector_store *store, const struct ori_cancel *cancel,
                            struct ori_error *err);

/* Makes the video's points exactly these: upserts all, deletes its others. n 0 deletes all.
 * _until, here and below: the token, which may be NULL, ends waits for a server: ORI_CANCELLED. */
ori_status ori_vector_replace_video(struct ori_vector_store *store, const char *platform,
                                    const char *video_code, const struct ori_point *points,
                                    size_t n, struct ori_error *err);
ori_status ori_vector_replace_video_until(struct ori_vector_store *store, const char *platform,
                                          const char *video_code, const struct ori_point *points,
                                          size_t n, const struct ori_cancel *cancel,
                                          struct ori_error *err);
ori_status ori_vector_upsert(struct ori_vector_store *store, const struct ori_point *points,
                             size_t n, struct ori_error *err);
ori_status ori_vector_count(struct ori_vector_store *store, const struct ori_vector_filter *filter,
                            int64_t *ret_count, struct ori_error *err);
ori_status ori_vector_count_until(struct ori_vector_store *store,
                                  const struct ori_vector_filter *filter,
                                  const struct ori_cancel *cancel, int64_t *ret_count,
                                  struct ori_error *err);
/* limit 1..1000. */
ori_status ori_vector_search(struct ori_vector_store *store, const float *vector, size_t limit,
                             const struct ori_vector_filter *filter,
                             const struct ori_cancel *cancel, struct ori_hits *ret_hits,
                             struct ori_error *err);
/* Vector of one point: ret_vector dim floats. ORI_NOT_FOUND. */
ori_status ori_vector_get(struct ori_vector_store *store, const char *uuid, float *ret_vector,
                          struct ori_error *err);

/* A point as it lies there, whoever wrote it; its texts are borrowed for the visit. */
struct ori_vector_seen {
    char id[ORI_UUID_TEXT_BYTES]; /* a UUID, or what Qdrant has for others: a number */
    const char *platform;         /* NULL: its payload has none that could be one, as below */
    const char *video_code;
    const struct ori_point_payload
        *payload;      /* NULL: not asked for, or not as this program writes it */
    const char *wrong; /* then the field that is not; NULL: not asked for */
};
typedef ori_status (*ori_vector_visit_fn)(void *self, const struct ori_vector_seen *point,
                                          struct ori_error *err);
/* The video's points with their payloads, in no order; visit must not call the store. */
ori_status ori_vector_list_points(struct ori_vector_store *store, const char *platform,
                                  const char *video_code, ori_vector_visit_fn visit, void *self,
                                  const struct ori_cancel *cancel, struct ori_error *err);
/* A point of each video that has any, of some videos more than one, and every point that is of none;
 * without payloads. visit may call the store. What is written meanwhile may be seen or not. */
ori_status ori_vector_list_videos(struct ori_vector_store *store, ori_vector_visit_fn visit,
                                  void *self, const struct ori_cancel *cancel,
                                  struct ori_error *err);
/* Those of these points that are the video's. */
ori_status ori_vector_delete_points(struct ori_vector_store *store, const char *platform,
                                    const char *video_code, const char (*ids)[ORI_UUID_TEXT_BYTES],
                                    size_t n, const struct ori_cancel *cancel,
                                    struct ori_error *err);
