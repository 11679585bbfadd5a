#pragma once
/* media/still_priv.h: one encoder and one decoder a still format.
 * setjmp  libpng and libjpeg report errors by longjmp alone. Each of their four functions here has
 *         one setjmp, in a function that holds no other state than the struct it is given
 * Limits  checked before anything is allocated */
#include "media/still.h"

/* Memory of fixed size that fills up. */
struct ori_still_sink {
    uint8_t *data;
    size_t bytes_max;
    size_t used;
    bool is_full; /* something did not fit */
};
bool ori_still_sink_add(struct ori_still_sink *sink, const void *data, size_t bytes);

ori_status ori_still_png_encode(const struct ori_rgb *image, struct ori_still_sink *sink,
                                struct ori_error *err);
ori_status ori_still_jpeg_encode(const struct ori_rgb *image, int quality,
                                 struct ori_still_sink *sink, struct ori_error *err);
ori_status ori_still_webp_encode(const struct ori_rgb *image, int quality,
                                 struct ori_still_sink *sink, struct ori_error *err);

ori_status ori_still_png_decode(const uint8_t *data, size_t bytes, int64_t pixels_max,
                                struct ori_rgb *ret_image, struct ori_error *err);
ori_status ori_still_jpeg_decode(const uint8_t *data, size_t bytes, int64_t pixels_max,
                                 struct ori_rgb *ret_image, struct ori_error *err);
ori_status ori_still_webp_decode(const uint8_t *data, size_t bytes, int64_t pixels_max,
                                 struct ori_rgb *ret_image, struct ori_error *err);

/* Room for a picture of that size; ORI_BAD_PICTURE, ORI_LIMIT, ORI_NOMEM. */
ori_status ori_still_image_create(int64_t width, int64_t height, int64_t pixels_max,
                                  struct ori_rgb *ret_image, struct ori_error *err);
