#pragma once
/* stores/vector_priv.h: what a vector store is made of; for src/stores and its tests alone.
 * A store is one const struct of functions; its own struct begins with struct ori_vector_store.
 * vector.c checks every argument before it calls one, so an implementation sees points with legal
 * texts, legal ids and finite, non-zero vectors, and n and limit inside their bounds. */
#include "stores/vector.h"
#include "stores/vector_scan.h"

struct ori_vector_ops {
    void (*close)(struct ori_vector_store *store);
    ori_status (*replace_video)(struct ori_vector_store *store, const char *platform,
                                const char *video_code, const struct ori_point *points, size_t n,
                                const struct ori_cancel *cancel, struct ori_error *err);
    ori_status (*upsert)(struct ori_vector_store *store, const struct ori_point *points, size_t n,
                         struct ori_error *err);
    ori_status (*count)(struct ori_vector_store *store, const struct ori_vector_filter *filter,
                        const struct ori_cancel *cancel, int64_t *ret_count, struct ori_error *err);
    ori_status (*search)(struct ori_vector_store *store, const float *vector, size_t limit,
                         const struct ori_vector_filter *filter, const struct ori_cancel *cancel,
                         struct ori_hits *ret_hits, struct ori_error *err);
    ori_status (*get)(struct ori_vector_store *store, const uint8_t id[16], float *ret_vector,
                      struct ori_error *err);
    ori_status (*list_points)(struct ori_vector_store *store, const char *platform,
                              const char *video_code, ori_vector_visit_fn visit, void *self,
                              const struct ori_cancel *cancel, struct ori_error *err);
    ori_status (*list_videos)(struct ori_vector_store *store, ori_vector_visit_fn visit, void *self,
                              const struct ori_cancel *cancel, struct ori_error *err);
    ori_status (*delete_points)(struct ori_vector_store *store, const char *platform,
                                const char *video_code, const char (*ids)[ORI_UUID_TEXT_BYTES],
                                size_t n, const struct ori_cancel *cancel, struct ori_error *err);
    /* NULL: nothing to reach */
    ori_status (*probe)(struct ori_vector_store *store, const struct ori_cancel *cancel,
                        struct ori_error *err);
    ori_status (*check)(struct ori_vector_store *store, const struct ori_cancel *cancel,
                        struct ori_error *err);
};

struct ori_vector_store {
    const struct ori_vector_ops *ops;
    int dim;
};

/* What tests turn down to reach a limit with little work. */
struct ori_vector_embedded_limits {
    int64_t rows_max; /* ORI_LIMIT_MAX_VECTOR_ROWS */
    int busy_ms;      /* how long a write waits for another process */
    enum ori_scan_level level_max;
};
ori_status ori_vector_open_embedded_limited(const struct ori_vector_options *options,
                                            const struct ori_vector_embedded_limits *limits,
                                            struct ori_vector_store **ret_store,
                                            struct ori_error *err);

#define ORI_VECTOR_PLATFORM_BYTES 129 /* ORI_LIMIT_MAX_CODE_CHARS and a NUL */
#define ORI_VECTOR_PATH_BYTES 1025    /* ORI_LIMIT_MAX_BLOB_KEY_BYTES and a NUL */
#define ORI_VECTOR_MODEL_BYTES 256    /* ORI_LIMIT_MAX_VECTOR_MODEL_BYTES and a NUL */
struct ori_hit_strings {              /* behind the pointers of one hit */
    char platform[ORI_VECTOR_PLATFORM_BYTES];
    char video_code[ORI_VECTOR_PLATFORM_BYTES];
    char path[ORI_VECTOR_PATH_BYTES];
    char model[ORI_VECTOR_MODEL_BYTES];
};
/* Room for n hits whose payload strings point into their ori_hit_strings; count is 0. */
ori_status ori_hits_init(struct ori_hits *hits, size_t n, struct ori_error *err);
struct ori_hit_strings *ori_hits_strings(struct ori_hits *hits, size_t i);
