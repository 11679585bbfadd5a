#pragma once
/* pipeline/stills.h: stills that are stored already, embedded: each is fetched, decoded by a child, and
 * handed to the batcher while the next one is decoded.
 * Promise    of stills that lose nothing (PNG) the vectors are those of the run that stored them, to the
 *            bit; those of JPEG and WebP come near
 * Threads    any; a call has an inbox and children of its own
 * Cancel     noticed at once
 * Limits     ORI_LIMIT_MAX_PICTURE_BYTES, VP_MAX_BYTES, VP_MAX_PIXELS, VP_ITEM_TIMEOUT a still; as many
 *            stills in memory as make a batch, and one
 * Failure    of the first still that cannot be embedded, its key in err: picture.h tells whose fault it
 *            is; what stores and batcher say */
#include <stddef.h>

#include "config/settings.h"
#include "embed/model.h"
#include "pipeline/batcher.h"
#include "stores/blob.h"
#include "util/cancel.h"
#include "util/status.h"

struct ori_stills_options {
    const struct ori_settings *settings;
    const struct ori_model_info *model;
    struct ori_batcher *batcher;
    struct ori_blob_store *blobs;
    const char *child_program; /* NULL: this program */
    const struct ori_cancel *cancel;
    /* After each; may be NULL. */
    void (*on_frame)(void *self, size_t done, size_t count);
    void *on_frame_self;
};

/* *ret_vectors: dim floats for each key, malloc'ed, the caller frees. *ret_at, which may be NULL: the still
 * that a failure came with. */
ori_status ori_stills_embed(const struct ori_stills_options *options, const char *const *keys,
                            size_t count, float **ret_vectors, size_t *ret_at,
                            struct ori_error *err);
