#pragma once
/* util/plane.h: views over pixels, the words that media and vision share.
 * A view owns nothing and is valid as long as its maker says; past the media adapter a plane is
 * exactly what this page says: 8 bits a sample (ori_samples: as it says), rows top to bottom,
 * |stride| >= width. */
#include <stddef.h>
#include <stdint.h>

/* One 8-bit plane. stride in bytes, positive. */
struct ori_plane {
    const uint8_t *data;
    ptrdiff_t stride;
    int width;
    int height;
};

/* One plane of samples of one byte, or of two in the machine's order when depth > 8. */
struct ori_samples {
    const uint8_t *data;
    ptrdiff_t stride; /* bytes, positive */
    int width;        /* samples, not pixels: three a pixel in interleaved RGB */
    int height;
    int depth; /* bits that count, 8..16 */
};

/* Interleaved 8-bit R G B, full range, sRGB-like transfer, upright, square pixels not implied. */
struct ori_rgb {
    uint8_t *data;
    ptrdiff_t stride; /* bytes, >= 3 * width */
    int width;
    int height;
};

/* A box in whole pixels: x, y of the top left corner, w > 0, h > 0. */
struct ori_box {
    int x;
    int y;
    int w;
    int h;
};
