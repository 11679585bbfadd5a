#pragma once
/* vision/thumb.h: the small picture that all analysis looks at instead of the decoded frame.
 * A thumb is a box average by one whole factor: luma at most 128 a side, chroma half of that, so
 * 1080p and 4K both become 128 x 72 and cost per frame is one read of the planes.
 * Threads    pure functions, caller's memory, no allocation
 * Limits     planes of 1 x 1 and more; rows and columns beyond the last whole box are left out
 *            (fewer than `factor` of them) */
#include <stdint.h>

#include "util/plane.h"

#define ORI_THUMB_SIDE_MAX 128
#define ORI_THUMB_CHROMA_SIDE_MAX 64

struct ori_thumb {
    int width; /* of luma, 1..128 */
    int height;
    int chroma_width; /* 0 when the picture is grey */
    int chroma_height;
    double mean;                                           /* of luma, code values */
    double std;                                            /* of luma */
    double chroma_std;                                     /* the larger of U's and V's */
    uint8_t luma[ORI_THUMB_SIDE_MAX * ORI_THUMB_SIDE_MAX]; /* rows of width, no padding */
    uint8_t chroma[2][ORI_THUMB_CHROMA_SIDE_MAX * ORI_THUMB_CHROMA_SIDE_MAX];
};

/* planes: luma, U, V (U of width 0: grey). downscale: upper bound of the scale, 0..1. */
void ori_thumb_make(const struct ori_plane planes[3], double downscale,
                    struct ori_thumb *ret_thumb);

/* Of a thumb whose sides and samples are set: mean, std and chroma_std. */
void ori_thumb_measure(struct ori_thumb *thumb);

/* Box average of plane by whole factors into out (rows of plane.width / factor_x). Exact rounding:
 * (sum + n / 2) / n. factor_x * factor_y <= 65536. */
void ori_shrink(const struct ori_plane *plane, int factor_x, int factor_y, uint8_t *ret_out);
/* The plain C twin of ori_shrink, for tests. */
void ori_shrink_reference(const struct ori_plane *plane, int factor_x, int factor_y,
                          uint8_t *ret_out);

/* Median of a[i] - b[i] over n samples, n > 0: what most of a picture gained in brightness. */
int ori_median_difference(const uint8_t *a, const uint8_t *b, int n);
