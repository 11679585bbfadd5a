#pragma once
/* vision/resize.h: RGB pictures to the square a model takes.
 * Method     bicubic (a = -0.5) or bilinear, with antialias: the kernel's support grows with the
 *            scale; two passes in 8 bits, rows first, weights in 22-bit fixed point, rounded and
 *            clamped between the passes. This is how Pillow resizes, which is what the models were
 *            trained behind (Pillow, src/libImaging/Resample.c, as the reference for results). Of
 *            the resized picture only what is wanted is computed: the rest could not be seen
 * Crop       as Hugging Face's image_transforms.center_crop and torchvision's CenterCrop do it,
 *            a picture that is smaller than the crop included
 * Threads    pure functions; memory for one pass is allocated and freed inside
 * Limits     ORI_LIMIT_MAX_RESIZE_SIDE of picture and result, _INPUT_SIDE and _INPUT_RESIZE of a
 *            rule: past one ORI_LIMIT; out of memory is ORI_NOMEM
 * Checked by tests/unit/vision_resize_test.c, tests/tools/test_preprocess.py: equal to Pillow */
#include <stdbool.h>
#include <stdint.h>

#include "util/plane.h"
#include "util/status.h"

/* How a picture becomes a square. */
struct ori_resize_rule {
    int side;             /* of the square */
    int resize_side;      /* what the shorter side becomes before the crop, or both when squashed */
    bool is_squash;       /* aspect lost; else the longer side is int(resize_side * long / short) */
    bool is_crop_rounded; /* crop begins at (n - side) / 2 rounded half to even, and a side that is
                           * too short gets the larger half of its zeros at the end (torchvision);
                           * else rounded down, the larger half before it (Hugging Face) */
    bool is_bilinear;     /* else bicubic */
};

/* Planes R G B of side * side bytes each. */
ori_status ori_resize_square(const struct ori_rgb *image, const struct ori_resize_rule *rule,
                             uint8_t *ret_planes, struct ori_error *err);

/* box (NULL: all) of image, resized to width x height of ret_image by bicubic, interleaved RGB into
 * ret_image->data. */
ori_status ori_resize(const struct ori_rgb *image, const struct ori_box *box,
                      struct ori_rgb *ret_image, struct ori_error *err);
