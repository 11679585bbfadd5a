#pragma once
/* util/plane.h: views over pixels, the words that media and vision share.
 * A view owns nothing and is valid as long as its maker says; past the media adapter a plane is
 * exactly what this page says: 8 bits a sample, rows top to bottom, |stride| >= width. */
#include <stddef.h>
#include <stdint.h>

/* One 8-bit plane. stride in bytes, positive. */
struct ori_plane {
    const uint8_t *data;
    ptrdiff_t stride;
    int width;
    int height;
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
