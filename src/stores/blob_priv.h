#pragma once
/* stores/blob_priv.h: what an object store is made of; for src/stores alone.
 * A store is one const struct of functions; its own struct begins with struct ori_blob_store, its
 * lock with struct ori_blob_lock. blob.c checks keys, platforms and codes first. */
#include "stores/blob.h"

struct ori_blob_ops {
    void (*close)(struct ori_blob_store *store);
    ori_status (*put)(struct ori_blob_store *store, const char *key, const void *data, size_t bytes,
                      const char *content_type, const struct ori_wait *wait, struct ori_error *err);
    ori_status (*get)(struct ori_blob_store *store, const char *key, size_t bytes_max,
                      uint8_t **ret_data, size_t *ret_bytes, const struct ori_wait *wait,
                      struct ori_error *err);
    ori_status (*remove)(struct ori_blob_store *store, const char *key, const struct ori_wait *wait,
                         struct ori_error *err);
    ori_status (*stat)(struct ori_blob_store *store, const char *key, int64_t *ret_bytes,
                       const struct ori_wait *wait, struct ori_error *err);
    ori_status (*modified)(struct ori_blob_store *store, const char *key, int64_t *ret_modified_s,
                           const struct ori_wait *wait, struct ori_error *err);
    ori_status (*check)(struct ori_blob_store *store, const struct ori_wait *wait,
                        struct ori_error *err);
    ori_status (*list_video)(struct ori_blob_store *store, const char *platform, const char *code,
                             ori_blob_visit_fn visit, void *self, const struct ori_wait *wait,
                             struct ori_error *err);
    /* All names that may be ones: blob.c passes over the illegal. */
    ori_status (*list_videos)(struct ori_blob_store *store, ori_blob_visit_video_fn visit,
                              void *self, const struct ori_wait *wait, struct ori_error *err);
    /* ORI_AGAIN: somebody has it, and is_waiting is false. */
    ori_status (*lock_video)(struct ori_blob_store *store, const char *platform, const char *code,
                             bool is_waiting, const struct ori_cancel *cancel,
                             struct ori_blob_lock **ret_lock, struct ori_error *err);
    void (*unlock_video)(struct ori_blob_lock *lock);
};

struct ori_blob_store {
    const struct ori_blob_ops *ops;
    int puts_max; /* puts at once that gain something */
};
struct ori_blob_lock {
    const struct ori_blob_ops *ops;
};

/* Whether the text is what a segment of a key may be; a '/' in it is not looked for. */
bool ori_blob_is_name(const char *name);

/* The next segment of a checked key: its bytes go to segment (ORI_LIMIT_MAX_BLOB_NAME_BYTES + 1),
 * the answer is what follows its '/', or NULL behind the last. */
const char *ori_blob_next_segment(const char *key, char *segment);
