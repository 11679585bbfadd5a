#pragma once
/* media/source.h: the bytes of one medium, read at any offset; what libav reads through.
 * Two kinds     local: pread on a descriptor; remote: the same descriptor is a sparse file that
 *               the parent fills by ranged requests, and `ensure` asks it to before each read
 * Ownership     the source borrows fd and ensure_self; the caller closes the descriptor later
 * Threads       one thread at a time
 * Failure       a status, cause in err; a read past the end is a short read, not a failure */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

/* Makes bytes [offset, offset + bytes) readable on the source's fd; blocks until they are. */
typedef ori_status (*ori_source_ensure_fn)(void *self, int64_t offset, size_t bytes,
                                           struct ori_error *err);

struct ori_source {
    int fd;
    int64_t size;                /* bytes in all */
    ori_source_ensure_fn ensure; /* NULL: local */
    void *ensure_self;
    bool has_read_past_end; /* a read wanted bytes behind size; whole blocks are read, so a hint */
    struct ori_error failure; /* of the first read that failed; status ORI_OK: none did */
};

/* ret_bytes: bytes put into data, 0 at the end. ORI_OK, ORI_IO, or what ensure said. */
ori_status ori_source_read_at(struct ori_source *source, int64_t offset, uint8_t *data,
                              size_t bytes_max, size_t *ret_bytes, struct ori_error *err);

/* ORI_OK, or why a read failed before: for those who take what cannot be read for the end. */
ori_status ori_source_status(const struct ori_source *source, struct ori_error *err);
