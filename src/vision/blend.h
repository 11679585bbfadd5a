#pragma once
/* vision/blend.h: weighted sums of rows of 8-bit samples, where resizing spends its time.
 * Numbers    a weight is fixed point with ORI_BLEND_BITS bits behind the point; the sum is rounded to
 *            nearest and clamped to 0..255. No sum may leave 32 bits: 255 * sum of |weights| < 2^31
 * Threads    pure functions
 * Checked by tests/unit/vision_blend_test.c: both give the same bits */
#include <stddef.h>
#include <stdint.h>

#define ORI_BLEND_BITS 22
#define ORI_BLEND_LANES 16

/* Sample i of the result is the sum of weights[k] * rows[k * stride + i] over count rows. count is
 * even (a last weight of 0 counts as well: its row is read); lanes, the length of rows and result,
 * is a multiple of ORI_BLEND_LANES. */
void ori_blend(const uint8_t *rows, ptrdiff_t stride, const int32_t *weights, int count, int lanes,
               uint8_t *ret_row);
/* The same in plain C. */
void ori_blend_plain(const uint8_t *rows, ptrdiff_t stride, const int32_t *weights, int count,
                     int lanes, uint8_t *ret_row);
