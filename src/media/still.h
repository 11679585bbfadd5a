#pragma once
/* media/still.h: one RGB picture to the bytes of a PNG, JPEG or WebP file, and back.
 * Ownership   the caller owns both sides; the encoder writes into memory of fixed size, because
 *             it is a slot of shared memory in the decode child
 * Threads     no shared state; any thread
 * Determinism same picture, format and quality: same bytes (no time stamps, one thread)
 * Source      levels chosen by measurement: docs/performance.md, table of still encoders */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/source.h"
#include "util/plane.h"
#include "util/status.h"

enum ori_still_format { ORI_STILL_PNG, ORI_STILL_JPEG, ORI_STILL_WEBP };

/* quality 1..100, JPEG and WebP alone. ORI_OK with ret_bytes > 0; ORI_LIMIT when it does not fit
 * into bytes_max; ORI_NOMEM. */
ori_status ori_still_encode(const struct ori_rgb *image, enum ori_still_format format, int quality,
                            uint8_t *data, size_t bytes_max, size_t *ret_bytes,
                            struct ori_error *err);
const char *ori_still_extension(enum ori_still_format format);    /* "png", "jpg", "webp" */
const char *ori_still_content_type(enum ori_still_format format); /* "image/png"... */

/* Decodes one PNG, JPEG or WebP picture from the source; runs in the child only. ret_image->data
 * is malloc'ed and the caller's, rows without a gap. Alpha is dropped, colours under it stay, of 16
 * bits the upper 8 are taken: so do the reference preprocessors of the models (Pillow's
 * convert("RGB")). Of a moving WebP or PNG it is the first picture, on black where that is smaller.
 * Upright as its EXIF block says: exif_priv.h. ORI_BAD_PICTURE (a file that is cut off too),
 * ORI_LIMIT (pixels_max), ORI_EMPTY_FILE. */
ori_status ori_still_decode(struct ori_source *source, int64_t pixels_max,
                            struct ori_rgb *ret_image, struct ori_error *err);
