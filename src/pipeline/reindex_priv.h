#pragma once
/* pipeline/reindex_priv.h: what the files of a reindex share; for reindex*.c alone. */
#include <pthread.h>
#include <stdatomic.h>

#include "pipeline/manifest.h"
#include "pipeline/reindex.h"
#include "stores/vector_stage.h"

#define REINDEX_WORKERS_MAX 256

struct reindex;

struct reindex_worker {
    struct reindex *reindex;
    pthread_t thread;
    double share; /* of what it works on; the pool's lock */
};

/* Piece `index` of the work. A status other than ORI_OK ends all of it. */
typedef ori_status (*reindex_work_fn)(struct reindex_worker *worker, size_t index,
                                      struct ori_error *err);

struct reindex_name { /* of a video with a manifest */
    char platform[ORI_CODE_BYTES];
    char code[ORI_CODE_BYTES];
};

struct reindex {
    const struct ori_reindex_options *options;
    struct ori_reindex_report *report;
    struct ori_vector_stage *stage;
    struct ori_result_inputs inputs;    /* of the new model; extract points to the next */
    struct ori_extract_options extract; /* of the settings: for its model input */
    char recipe[ORI_DIGEST_BYTES];      /* fingerprint of the vectors' part alone */
    struct reindex_name *names;         /* of the manifests */
    size_t names_count;
    size_t names_room;

    struct ori_cancel halt; /* of the pool, below options->cancel */
    reindex_work_fn work;
    size_t work_count;
    pthread_mutex_t lock;
    pthread_cond_t has_ended;
    size_t next; /* lock, as all below */
    size_t ended;
    size_t resumed;
    size_t alive;
    ori_status status;
    struct ori_error error;
    atomic_uint_fast64_t frames; /* embedded */
    atomic_size_t manifests;     /* written */
    struct reindex_worker workers[REINDEX_WORKERS_MAX];
};

/* reindex.c */
ori_status reindex_note_video(struct ori_reindex_report *report, const char *platform,
                              const char *code, int64_t points, struct ori_error *err);
/* A failure when not one video could be embedded. */
ori_status reindex_check_some_are_well(const struct reindex *reindex, struct ori_error *err);

/* reindex_pool.c */
/* Does all pieces over VP_MAX_WORKERS threads; ORI_CANCELLED, or the first failure. */
ori_status reindex_pool_run(struct reindex *reindex, enum ori_reindex_stage stage,
                            reindex_work_fn work, size_t count, struct ori_error *err);
void reindex_pool_tell(struct reindex *reindex, enum ori_reindex_stage stage);

/* reindex_video.c */
/* What the video's vectors are made of: its manifest as it stands there, and its points. */
ori_status reindex_video_token(struct reindex *reindex, const struct ori_reindex_video *video,
                               const struct ori_vector_stage_points *points,
                               char ret_token[ORI_DIGEST_BYTES], struct ori_error *err);
/* Notes why that video failed, which is no failure of the work. */
ori_status reindex_video_failed(struct ori_reindex_video *video, ori_status status,
                                const struct ori_error *why, struct ori_error *err);
/* How much of its video a worker has embedded: ori_stills_options.on_frame. */
void reindex_video_share(void *worker, size_t done, size_t count);
void reindex_video_resumed(struct reindex *reindex);
/* Embeds report->videos[index] unless that was done; a failure that is the video's own is noted
 * there and is none of the work's. */
ori_status reindex_video_work(struct reindex_worker *worker, size_t index, struct ori_error *err);

/* reindex_manifest.c */
ori_status reindex_manifest_read(struct reindex *reindex, const char *platform, const char *code,
                                 uint8_t **ret_data, size_t *ret_bytes, struct ori_error *err);
/* The new words in the manifest; *ret_is_new: they are not those of before. */
ori_status reindex_manifest_change(struct reindex *reindex, struct ori_manifest *manifest,
                                   bool *ret_is_new, struct ori_error *err);
ori_status reindex_manifest_store(struct reindex *reindex, struct ori_blob_store *blobs,
                                  const struct ori_manifest *manifest, struct ori_error *err);
/* After the switch: the manifests of the videos in the store, and of videos without frames. */
ori_status reindex_manifests(struct reindex *reindex, struct ori_error *err);

/* reindex_remote.c */
/* All of it, into a collection of Qdrant. */
ori_status reindex_remote(struct reindex *reindex, struct ori_error *err);
