#pragma once
/* vision/resize.h: RGB pictures to the square a model takes.
 * Method     bicubic (a = -0.5) with antialias: the kernel's support grows with the scale; two
 *            passes in 8 bits, rows first, weights in 22-bit fixed point, rounded and clamped
 *            between the passes. This is how Pillow resizes, which is what the models were trained
 *            behind (Pillow, src/libImaging/Resample.c, as the reference for results)
 * Threads    pure functions; memory for one pass is allocated and freed inside
 * Limits     sides 1..32768; out of memory is ORI_NOMEM
 * Checked by tests/unit/vision_resize_test.c against Pillow's output, at most 1 level apart */
#include <stdint.h>

#include "util/plane.h"
#include "util/status.h"

/* box (NULL: all) of image, resized to width x height, interleaved RGB into ret_image->data. */
ori_status ori_resize(const struct ori_rgb *image, const struct ori_box *box,
                      struct ori_rgb *ret_image, struct ori_error *err);

/* Both sides to `side`, aspect lost; planes R G B of side * side bytes each. */
ori_status ori_resize_squash(const struct ori_rgb *image, int side, uint8_t *ret_planes,
                             struct ori_error *err);
/* Shorter side to `side`, the longer to int(side * longer / shorter), then the centre of it. */
ori_status ori_resize_shorter_crop(const struct ori_rgb *image, int side, uint8_t *ret_planes,
                                   struct ori_error *err);
