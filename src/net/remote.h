#pragma once
/* net/remote.h: one object far away, of which any range can be read: in a bucket (net/s3_remote.h).
 * Call order  open once, before any read; reads at will
 * Ownership   the object behind self is the caller's and outlives all calls
 * Threads     any number of reads at once; open before them
 * Failure     NOT_FOUND, LIMIT, CANCELLED, NOMEM, IO, and what the implementation's header says.
 *             The object changed since open: a status that says so, never bytes of two objects */
#include <stddef.h>
#include <stdint.h>

#include "util/status.h"
#include "util/wait.h"

#define ORI_REMOTE_ETAG_BYTES 128

struct ori_remote_facts {
    int64_t bytes;
    char etag[ORI_REMOTE_ETAG_BYTES]; /* with its quotes; "" not said */
    int64_t modified_s;               /* wall clock; 0: not said */
    int64_t head_bytes; /* from its start on the sink has so many; all: no read comes */
};

/* Where bytes go that open gets on its way: in order, from offset 0 on. They may come from the start
 * once more, when what was begun is not to be continued. */
struct ori_remote_sink {
    void *self;
    int64_t wanted; /* how many will be read first anyway: whoever has to ask asks for those */
    ori_status (*write)(void *self, int64_t offset, const void *data, size_t bytes,
                        struct ori_error *err);
};

struct ori_remote_ops {
    /* bytes_max: as soon as it is known that there are more, ORI_LIMIT; 0: any. What cannot be read
     * by ranges is written to the sink, all of it. */
    ori_status (*open)(void *self, int64_t bytes_max, const struct ori_remote_sink *sink,
                       struct ori_remote_facts *ret_facts, const struct ori_wait *wait,
                       struct ori_error *err);
    /* Exactly these bytes, of the object with that etag alone unless it is "". */
    ori_status (*read)(void *self, const char *etag, int64_t offset, void *data, size_t bytes,
                       const struct ori_wait *wait, struct ori_error *err);
};
