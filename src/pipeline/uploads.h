#pragma once
/* pipeline/uploads.h: the stills of one video on their way to the object store, several at once.
 * How        an upload is lent by add; threads of this video put them in the order they came and give
 *            them back, whereupon the descriptor becomes readable. A store that gains nothing by it
 *            (ori_blob_puts_max 1: a folder) has no threads: add puts at once
 * Call order create; add and collect; destroy
 * Ownership  an upload belongs to the caller and is lent from add until collect gives it back or
 *            destroy returns, and with it the bytes it points to. Who adds bounds what is under way
 * Threads    one: that which creates. The threads it starts, one with each upload that finds none
 *            idle, are its own. A machine out of threads is slower and no more
 * Failure    of an upload: in it, when it is collected. After the first one no other is begun; those
 *            that wait come back as ORI_CANCELLED
 * Cancel     is the caller's to notice, who then destroys: a put that is broken off may still come
 *            about in the store, after whoever sweeps there, so each is given a moment to end */
#include <stddef.h>
#include <stdint.h>

#include "pipeline/frame_name.h"
#include "stores/blob.h"
#include "util/status.h"
#include "util/wait.h"

#define ORI_UPLOADS_AT_ONCE 16 /* of one video, however many connections there are */

struct ori_upload {
    char key[ORI_OBJECT_KEY_BYTES];
    const void *data;
    size_t bytes;
    const char *content_type; /* static */
    ori_status status;        /* set when collected, as are the next two */
    struct ori_error error;
    int64_t put_us; /* how long the store had it */

    struct ori_upload *next; /* private */
};

struct ori_uploads;

/* The store is borrowed; of wait the deadline counts alone where there are threads. */
ori_status ori_uploads_create(struct ori_blob_store *store, const struct ori_wait *wait,
                              struct ori_uploads **ret_uploads, struct ori_error *err);
/* Drops what waits, gives what runs so long, then cancels it, which takes 200 ms at most, and joins the
 * threads. Null-safe, nulls. */
void ori_uploads_destroy(struct ori_uploads **uploads, int grace_ms);

/* Readable while there is something to collect; -1: add puts at once. Never read it. */
int ori_uploads_fd(const struct ori_uploads *uploads);
/* Cannot fail: what goes wrong stands in the upload. */
void ori_uploads_add(struct ori_uploads *uploads, struct ori_upload *upload);
/* The next one that is through, in the order they ended, or NULL. */
struct ori_upload *ori_uploads_collect(struct ori_uploads *uploads);
