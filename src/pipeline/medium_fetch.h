#pragma once
/* pipeline/medium_fetch.h: which blocks of a remote medium are in the file that stands in for it, and
 * how the others get there.
 * How        whoever asks fetches what he asks for. Once he has read on for longer than it takes to
 *            see that a file is no video, threads fetch ahead of him, at most as far as he has come
 *            and ORI_MEDIUM_AHEAD_MAX, each a piece of ORI_MEDIUM_PIECE_BYTES over a connection of
 *            its own. Who jumps gets what he asks for and no more. A long range is shared among them
 * Promise    no byte is fetched twice, but for those of a request that failed
 * Call order create; ensure; destroy
 * Ownership  the object, the file and the token are borrowed
 * Threads    one asks. The threads it starts are its own; a machine out of threads or memory for
 *            their pieces is slower and no more
 * Failure    what cannot be fetched ahead is not told: who asks for it fetches it again, and is told.
 *            Those of the object; DISK_FULL, IO, NOMEM
 * Cancel     noticed within 200 ms */
#include <stdbool.h>
#include <stdint.h>

#include "net/remote.h"

#define ORI_MEDIUM_AHEAD_MAX (INT64_C(32) << 20)
#define ORI_MEDIUM_PIECE_BYTES (INT64_C(2) << 20)
#define ORI_MEDIUM_FETCH_THREADS 4

/* Writes all of it there. */
ori_status ori_medium_write(int fd, int64_t offset, const void *data, size_t bytes,
                            struct ori_error *err);

struct ori_medium_fetch;

struct ori_medium_fetch_options {
    const struct ori_remote_ops *ops;
    void *object;
    struct ori_remote_facts facts;
    int fd;                          /* of the file, for writing */
    const struct ori_cancel *cancel; /* NULL: none */
};

ori_status ori_medium_fetch_create(const struct ori_medium_fetch_options *options,
                                   struct ori_medium_fetch **ret_fetch, struct ori_error *err);
/* Ends what is under way. Null-safe, nulls. */
void ori_medium_fetch_destroy(struct ori_medium_fetch **fetch);

/* The range, inside the object, is in the file when this returns ORI_OK. */
ori_status ori_medium_fetch_ensure(struct ori_medium_fetch *fetch, int64_t offset, int64_t bytes,
                                   const struct ori_wait *wait, struct ori_error *err);
/* What comes next is not the continuation of what was before. */
void ori_medium_fetch_jump(struct ori_medium_fetch *fetch);
int64_t ori_medium_fetch_bytes(struct ori_medium_fetch *fetch); /* that have come so far */
