#pragma once
/* stores/blob.h: objects by key: "{platform}/{code}/{file}".
 * Implementations  blob_fs.c (a folder), blob_s3.c (a bucket)
 * Keys             1..1024 bytes, segments of 1..200 bytes split by '/', none starting with '.',
 *                  none with control characters: else ORI_USAGE. A key never leaves the root, and
 *                  no link below the root is followed: what lies behind one is not there
 * Locking          puts and deletes in a video belong to the holder of its lock
 * Durability       put is atomic (a reader sees the old object or the new) and on disk when it
 *                  returns; leftovers of a killed put are named ".*.part" and swept by lock_video
 * Waiting          a bucket is elsewhere: what asks it ends by its ori_wait, or after a minute. A
 *                  folder does not look at it
 * Threads          any
 * Failure          NOT_WRITABLE, DISK_FULL, NOT_FOUND, IO, LIMIT, NOMEM; of a bucket also CANCELLED
 *                  and those of net/s3.h; cause in err */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cancel.h"
#include "util/status.h"
#include "util/wait.h"

struct ori_blob_store;

ori_status ori_blob_open_fs(const char *root, bool is_read_only, struct ori_blob_store **ret_store,
                            struct ori_error *err);

struct ori_s3;
struct ori_blob_s3_options {
    struct ori_s3 *s3; /* borrowed */
    const char *bucket;
    const char *lock_folder; /* where this machine's locks are */
    bool is_read_only;
};
/* Nothing is asked yet: check does that. */
ori_status ori_blob_open_s3(const struct ori_blob_s3_options *options,
                            struct ori_blob_store **ret_store, struct ori_error *err);
void ori_blob_close(struct ori_blob_store **store);

/* How many puts at once gain something: 1 in a folder, whose disk takes one after the other. */
int ori_blob_puts_max(const struct ori_blob_store *store);

ori_status ori_blob_put(struct ori_blob_store *store, const char *key, const void *data,
                        size_t bytes, const char *content_type, const struct ori_wait *wait,
                        struct ori_error *err);
/* *ret_data is malloc'ed, NUL behind its bytes; the caller frees. ORI_NOT_FOUND, ORI_LIMIT. */
ori_status ori_blob_get(struct ori_blob_store *store, const char *key, size_t bytes_max,
                        uint8_t **ret_data, size_t *ret_bytes, const struct ori_wait *wait,
                        struct ori_error *err);
/* ORI_OK also when there is no such object. */
ori_status ori_blob_delete(struct ori_blob_store *store, const char *key,
                           const struct ori_wait *wait, struct ori_error *err);
ori_status ori_blob_stat(struct ori_blob_store *store, const char *key, int64_t *ret_bytes,
                         const struct ori_wait *wait, struct ori_error *err);
/* When it was written, in seconds of the wall clock of where it lies; 0: not known. */
ori_status ori_blob_modified(struct ori_blob_store *store, const char *key, int64_t *ret_modified_s,
                             const struct ori_wait *wait, struct ori_error *err);

/* Whether the store is there and may be used, as far as that can be known without writing. */
ori_status ori_blob_check(struct ori_blob_store *store, const struct ori_wait *wait,
                          struct ori_error *err);

/* Calls visit with each object's file name directly under "{platform}/{code}/", in byte order. */
typedef ori_status (*ori_blob_visit_fn)(void *self, const char *file, int64_t bytes,
                                        struct ori_error *err);
ori_status ori_blob_list_video(struct ori_blob_store *store, const char *platform, const char *code,
                               ori_blob_visit_fn visit, void *self, const struct ori_wait *wait,
                               struct ori_error *err);

/* Calls visit with each folder that may be a video's, once each, platform by platform: in byte order in a
 * folder, in the order of its keys in a bucket, which puts "a.b" before "a". Names that are no platform
 * or code are passed over. visit may call the store; a bucket is listed page by page meanwhile. */
typedef ori_status (*ori_blob_visit_video_fn)(void *self, const char *platform, const char *code,
                                              struct ori_error *err);
ori_status ori_blob_list_videos(struct ori_blob_store *store, ori_blob_visit_video_fn visit,
                                void *self, const struct ori_wait *wait, struct ori_error *err);

/* One writer a video, over all processes of this machine (flock on the video's folder, which is
 * made when missing); waits until it is free or cancelled. Sweeps leftovers of killed writers. A
 * bucket's locks are folders of this machine too: two machines that write the same video into one
 * bucket are kept apart by the job store alone, and both write the same bytes to the same keys. */
struct ori_blob_lock;
ori_status ori_blob_lock_video(struct ori_blob_store *store, const char *platform, const char *code,
                               const struct ori_cancel *cancel, struct ori_blob_lock **ret_lock,
                               struct ori_error *err);
/* The same, but waits for nobody: ORI_AGAIN while another has it. */
ori_status ori_blob_try_lock_video(struct ori_blob_store *store, const char *platform,
                                   const char *code, struct ori_blob_lock **ret_lock,
                                   struct ori_error *err);
/* Takes an empty folder away again. */
void ori_blob_unlock_video(struct ori_blob_lock **lock);
