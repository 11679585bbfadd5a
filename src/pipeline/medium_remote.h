#pragma once
/* pipeline/medium_remote.h: a video far away, read by ranges as a decode child asks for them.
 * How        an unlinked sparse file of the video's size stands in for it: what is asked for is
 *            fetched in blocks of ORI_CHILD_NEED_BLOCK and written there once, so a file that is no
 *            video costs what is read to recognise a container. Reads one behind the other are
 *            fetched further and further ahead. What cannot be read by ranges comes as a whole in open
 * Call order open; ensure before each read through the descriptor; destroy
 * Ownership  the object is borrowed until destroy; the descriptor of open is the caller's, for
 *            reading alone
 * Threads    one at a time
 * Failure    NOT_FOUND, EMPTY_FILE, LIMIT, DISK_FULL, IO, and those of the object: net/s3_remote.h */
#include <stdint.h>

#include "net/remote.h"

struct ori_medium_remote;

struct ori_medium_place {
    const struct ori_remote_ops *ops;
    void *object;     /* the ops' self */
    const char *name; /* "videos/clip.mp4": the manifest's name of the source is its last segment */
};

/* bytes_max 0: any. folder: where the file stands in, made when missing. *ret_fd: a file of the
 * object's size and time of change, its first and last 64 KiB already there. */
ori_status ori_medium_remote_open(const struct ori_medium_place *place, int64_t bytes_max,
                                  const char *folder, const struct ori_wait *wait,
                                  struct ori_medium_remote **ret_remote, int *ret_fd,
                                  int64_t *ret_bytes, struct ori_error *err);
void ori_medium_remote_destroy(struct ori_medium_remote **remote); /* null-safe, nulls */

/* The range, inside the object, is there when this returns ORI_OK. */
ori_status ori_medium_remote_ensure(struct ori_medium_remote *remote, int64_t offset, int64_t bytes,
                                    const struct ori_wait *wait, struct ori_error *err);
/* What was fetched so far, and the object's size. */
int64_t ori_medium_remote_fetched(const struct ori_medium_remote *remote);
int64_t ori_medium_remote_bytes(const struct ori_medium_remote *remote);
