#pragma once
/* stores/vector_embedded_priv.h: the two halves of the embedded vector store; see
 * vector_embedded.c (opens, writes) and vector_embedded_read.c (searches, counts). */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "stores/vector_db.h"
#include "stores/vector_matrix.h"
#include "stores/vector_priv.h"

struct ori_vector_embedded {
    struct ori_vector_store base;
    char *name; /* behind model, as is digest */
    char *digest;
    struct ori_vector_model model; /* immutable */
    int threads;
    bool is_read_only;
    struct ori_vector_embedded_limits limits;

    pthread_mutex_t write;
    struct ori_vector_db writer; /* guarded by write */

    pthread_mutex_t read;
    struct ori_vector_db reader; /* guarded by read */
    int64_t change_seen;         /* guarded by read: what the matrix holds; -1: nothing yet */

    pthread_rwlock_t rows;
    struct ori_matrix *matrix; /* guarded by rows */
};

static inline struct ori_vector_embedded *ori_vector_embedded_of(struct ori_vector_store *store)
{
    return (struct ori_vector_embedded *)store; /* base is the first field */
}

/* The reading functions of the vtable. */
ori_status ori_vector_embedded_count(struct ori_vector_store *base,
                                     const struct ori_vector_filter *filter,
                                     const struct ori_cancel *cancel, int64_t *ret_count,
                                     struct ori_error *err);
ori_status ori_vector_embedded_search(struct ori_vector_store *base, const float *vector,
                                      size_t limit, const struct ori_vector_filter *filter,
                                      const struct ori_cancel *cancel, struct ori_hits *ret_hits,
                                      struct ori_error *err);
ori_status ori_vector_embedded_get(struct ori_vector_store *base, const uint8_t id[16],
                                   float *ret_vector, struct ori_error *err);
/* A row of ORI_VS_PAYLOAD: texts go to strings. False: one is longer than allowed. */
bool ori_vector_embedded_copy(sqlite3_stmt *statement, struct ori_hit_strings *strings,
                              struct ori_point_payload *payload);

/* vector_embedded_list.c */
ori_status ori_vector_embedded_list_points(struct ori_vector_store *base, const char *platform,
                                           const char *video_code, ori_vector_visit_fn visit,
                                           void *self, const struct ori_cancel *cancel,
                                           struct ori_error *err);
ori_status ori_vector_embedded_list_videos(struct ori_vector_store *base, ori_vector_visit_fn visit,
                                           void *self, const struct ori_cancel *cancel,
                                           struct ori_error *err);
