#pragma once
/* pipeline/picture.h: one picture from outside, made model input or a thumb by a decode child.
 * Threads   any; each call has a child of its own
 * Cancel    noticed at once; the child is gone when the call returns
 * Limits    VP_MAX_BYTES, VP_MAX_PIXELS, VP_ITEM_TIMEOUT, ORI_LIMIT_MAX_PICTURE_BYTES */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/settings.h"
#include "embed/model.h"
#include "util/cancel.h"
#include "util/status.h"

#define ORI_PICTURE_THUMB_MIN 16
#define ORI_PICTURE_THUMB_MAX 1024

struct ori_picture_request {
    const char *path; /* NULL: data, or fd */
    const void *data; /* bytes of them, borrowed; NULL: fd */
    /* A regular file, borrowed; the picture is its part from offset on, bytes long. The child gets a
     * copy of the part, so that it can neither see the rest nor write. The position of fd is not
     * used and stays: threads may share it. */
    int fd;
    int64_t offset;
    int64_t bytes;
    const struct ori_settings *settings;
    const struct ori_model_info *model; /* for load; thumb does not look at it */
    const char *child_program;          /* NULL: this program */
};

/* *ret_input: 3 * side * side bytes as the model takes them; malloc'ed, the caller frees. What
 * ori_medium_open says, ORI_IO (the file ends before the part), ORI_BAD_PICTURE, and what a child
 * can end with. */
ori_status ori_picture_load(const struct ori_picture_request *request,
                            const struct ori_cancel *cancel, uint8_t **ret_input,
                            struct ori_error *err);

/* Is that failure the picture's own? Every other one would befall the next picture too. */
bool ori_picture_is_at_fault(ori_status status, const struct ori_error *err);

/* A small JPEG of the same picture: its longer side is `side` (16..1024), or what it was when that is
 * less; aspect kept, no side below 1. *ret_jpeg is malloc'ed, the caller frees; opaque bytes, made
 * by a child that the picture may have misled. Failures as above. */
ori_status ori_picture_thumb(const struct ori_picture_request *request, int side,
                             const struct ori_cancel *cancel, uint8_t **ret_jpeg, size_t *ret_bytes,
                             struct ori_error *err);
