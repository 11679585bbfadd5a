#pragma once
/* pipeline/picture.h: one picture file from outside, made model input by a decode child.
 * Threads   any; each call has a child of its own
 * Cancel    noticed at once; the child is gone when the call returns
 * Limits    VP_MAX_BYTES, VP_MAX_PIXELS, VP_ITEM_TIMEOUT */
#include <stdint.h>

#include "config/settings.h"
#include "embed/model.h"
#include "util/cancel.h"
#include "util/status.h"

struct ori_picture_request {
    const char *path; /* NULL: fd */
    int fd;           /* a regular file, borrowed; read from offset on, bytes of it */
    int64_t offset;
    int64_t bytes;
    const struct ori_settings *settings;
    const struct ori_model_info *model;
    const char *child_program; /* NULL: this program */
};

/* *ret_input: 3 * side * side bytes as the model takes them; malloc'ed, the caller frees. What
 * ori_medium_open says, ORI_BAD_PICTURE, and what a child can end with. */
ori_status ori_picture_load(const struct ori_picture_request *request,
                            const struct ori_cancel *cancel, uint8_t **ret_input,
                            struct ori_error *err);

/* A small JPEG of the same picture, sides at most side (16..1024), aspect kept, never larger than it is:
 * *ret_jpeg is malloc'ed, the caller frees. Failures as above. */
ori_status ori_picture_thumb(const struct ori_picture_request *request, int side,
                             const struct ori_cancel *cancel, uint8_t **ret_jpeg, size_t *ret_bytes,
                             struct ori_error *err);
