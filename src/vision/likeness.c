#include "vision/likeness.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BLOCK 8
#define REACH 4          /* samples; 1/32 of the picture's longer side */
#define NOISE 5.0        /* code values that coding noise alone may move a block by */
#define NOISE_RELIT 12.0 /* what is left of a change of light besides gain and offset */
#define WEIGHT_FLAT 0.3  /* a block that shows nothing in either picture still is agreement */
#define BAR_STRAY 6      /* code values that a bar's samples may differ by, */
#define BAR_SHARE 0.6    /* and share of a line that is bar though words cross it */
#define SHIFT_ACROSS 12  /* samples: even, and one more is looked at */
#define SHIFT_DOWN 8
#define STILL_RATIO 0.12 /* below it a block has not moved: no search */

unsigned ori_sad8x8_reference(const uint8_t *a, int stride_a, const uint8_t *b, int stride_b)
{
    unsigned sum = 0;
    for (int y = 0; y < BLOCK; y++) {
        for (int x = 0; x < BLOCK; x++)
            sum += (unsigned)abs(a[y * stride_a + x] - b[y * stride_b + x]);
    }
    return sum;
}

#ifdef __SSE2__
static __m128i two_rows(const uint8_t *p, int stride)
{
    __m128i low = _mm_loadl_epi64((const __m128i *)(const void *)p);
    __m128i high = _mm_loadl_epi64((const __m128i *)(const void *)(p + stride));
    return _mm_unpacklo_epi64(low, high);
}

unsigned ori_sad8x8(const uint8_t *a, int stride_a, const uint8_t *b, int stride_b)
{
    __m128i sum = _mm_setzero_si128();
    for (int y = 0; y < BLOCK; y += 2) {
        sum = _mm_add_epi64(sum, _mm_sad_epu8(two_rows(a + y * stride_a, stride_a),
                                              two_rows(b + y * stride_b, stride_b)));
    }
    return (unsigned)(_mm_cvtsi128_si32(sum) + _mm_cvtsi128_si32(_mm_srli_si128(sum, 8)));
}
#else
unsigned ori_sad8x8(const uint8_t *a, int stride_a, const uint8_t *b, int stride_b)
{
    return ori_sad8x8_reference(a, stride_a, b, stride_b);
}
#endif

/* Mean absolute deviation from the block's mean. */
static double activity(const uint8_t *p, int stride)
{
    int sum = 0;
    for (int y = 0; y < BLOCK; y++) {
        for (int x = 0; x < BLOCK; x++)
            sum += p[y * stride + x];
    }
    int mean = (sum + 32) / 64;
    int deviation = 0;
    for (int y = 0; y < BLOCK; y++) {
        for (int x = 0; x < BLOCK; x++)
            deviation += abs(p[y * stride + x] - mean);
    }
    return deviation / 64.0;
}

/* Least residue of b's block at (x, y) among a's blocks within REACH. */
static unsigned best_match(const struct ori_thumb *a, const struct ori_thumb *b, int x, int y,
                           unsigned best)
{
    const uint8_t *block = b->luma + y * b->width + x;
    for (int dy = -REACH; dy <= REACH; dy++) {
        if (y + dy < 0 || y + dy + BLOCK > a->height)
            continue;
        for (int dx = -REACH; dx <= REACH; dx++) {
            if (x + dx < 0 || x + dx + BLOCK > a->width)
                continue;
            unsigned sad =
                ori_sad8x8(a->luma + (y + dy) * a->width + x + dx, a->width, block, b->width);
            if (sad < best)
                best = sad;
        }
    }
    return best;
}

/* Mean chroma difference of the part of the picture that luma block (x, y) covers. */
static double chroma_difference(const struct ori_thumb *a, const struct ori_thumb *b, int x, int y)
{
    if (!a->chroma_width || !b->chroma_width)
        return 0;
    int left = x * a->chroma_width / a->width;
    int right = (x + BLOCK) * a->chroma_width / a->width;
    int top = y * a->chroma_height / a->height;
    int bottom = (y + BLOCK) * a->chroma_height / a->height;
    int sum = 0;
    int n = 0;
    for (int c = 0; c < 2; c++) {
        int difference = 0;
        n = 0;
        for (int j = top; j < bottom; j++) {
            for (int i = left; i < right; i++, n++)
                difference +=
                    a->chroma[c][j * a->chroma_width + i] - b->chroma[c][j * b->chroma_width + i];
        }
        sum += abs(difference); /* of the means: chroma is coarse and noisy, detail says little */
    }
    return n ? (double)sum / n : 0;
}

static double plain_difference(const struct ori_thumb *a, const struct ori_thumb *b)
{
    int n = a->width * a->height;
    long sum = 0;
    for (int i = 0; i < n; i++)
        sum += abs(a->luma[i] - b->luma[i]);
    double ratio = (double)sum / n / (NOISE + (a->std + b->std) / 2);
    return ratio > 1 ? 1 : ratio;
}

static double unlikeness(const struct ori_thumb *a, const struct ori_thumb *b, double noise)
{
    if (a->width != b->width || a->height != b->height || a->chroma_width != b->chroma_width ||
        a->chroma_height != b->chroma_height)
        return 1;
    if (a->width < BLOCK || a->height < BLOCK)
        return plain_difference(a, b);
    double sum = 0;
    double weights = 0;
    int rest_x = a->width % BLOCK / 2;
    int rest_y = a->height % BLOCK / 2;
    for (int y = rest_y; y + BLOCK <= a->height; y += BLOCK) {
        for (int x = rest_x; x + BLOCK <= a->width; x += BLOCK) {
            const uint8_t *block_a = a->luma + y * a->width + x;
            const uint8_t *block_b = b->luma + y * b->width + x;
            double busy_a = activity(block_a, a->width);
            double busy_b = activity(block_b, b->width);
            double scale = noise + (busy_a + busy_b) / 2;
            unsigned sad = ori_sad8x8(block_a, a->width, block_b, b->width);
            if (sad / 64.0 > STILL_RATIO * scale)
                sad = best_match(a, b, x, y, sad);
            double residue = sad / 64.0 + chroma_difference(a, b, x, y) / 2;
            double ratio = residue / scale;
            double weight = ((busy_a > busy_b ? busy_a : busy_b) + residue) / 6;
            weight = WEIGHT_FLAT + (1 - WEIGHT_FLAT) * (weight > 1 ? 1 : weight);
            sum += weight * (ratio > 1 ? 1 : ratio);
            weights += weight;
        }
    }
    return sum / weights;
}

double ori_unlikeness(const struct ori_thumb *a, const struct ori_thumb *b)
{
    return unlikeness(a, b, NOISE);
}

/* Samples along one line of both thumbs that have the bar's colour. */
static bool is_bar_line(const struct ori_thumb *a, const struct ori_thumb *b, int first, int step,
                        int n, int corner)
{
    int alike = 0;
    for (int i = 0; i < n; i++) {
        int at = first + i * step;
        alike += abs(a->luma[at] - a->luma[corner]) <= BAR_STRAY &&
                 abs(b->luma[at] - a->luma[corner]) <= BAR_STRAY;
    }
    return alike >= BAR_SHARE * n;
}

/* What bars that both thumbs share leave of them: their edges are no structure of the scene. The line
 * beside a bar is partly bar. Where next to nothing is left, all of it. */
static struct ori_box inside_bars(const struct ori_thumb *a, const struct ori_thumb *b)
{
    int width = a->width;
    int last = width * a->height - 1;
    int top = 0, bottom = a->height, left = 0, right = width;
    while (top < bottom && is_bar_line(a, b, top * width, 1, width, 0))
        top++;
    while (bottom > top && is_bar_line(a, b, (bottom - 1) * width, 1, width, last))
        bottom--;
    while (left < right && is_bar_line(a, b, top * width + left, width, bottom - top, 0))
        left++;
    while (right > left && is_bar_line(a, b, top * width + right - 1, width, bottom - top, last))
        right--;
    top += top > 0;
    bottom -= bottom < a->height;
    left += left > 0;
    right -= right < width;
    if (right - left < 2 * BLOCK || bottom - top < 2 * BLOCK)
        return (struct ori_box){0, 0, width, a->height};
    return (struct ori_box){left, top, right - left, bottom - top};
}

double ori_structure_likeness(const struct ori_thumb *a, const struct ori_thumb *b)
{
    if (a->width != b->width || a->height != b->height || a->width < BLOCK || a->height < BLOCK)
        return 0;
    double sum = 0;
    double weights = 0;
    struct ori_box box = inside_bars(a, b);
    for (int y = box.y; y + BLOCK <= box.y + box.h; y += BLOCK) {
        for (int x = box.x; x + BLOCK <= box.x + box.w; x += BLOCK) {
            int sum_a = 0, sum_b = 0, sum_aa = 0, sum_bb = 0, sum_ab = 0;
            for (int j = 0; j < BLOCK; j++) {
                const uint8_t *p = a->luma + (y + j) * a->width + x;
                const uint8_t *q = b->luma + (y + j) * b->width + x;
                for (int i = 0; i < BLOCK; i++) {
                    sum_a += p[i];
                    sum_b += q[i];
                    sum_aa += p[i] * p[i];
                    sum_bb += q[i] * q[i];
                    sum_ab += p[i] * q[i];
                }
            }
            double variance_a = sum_aa - (double)sum_a * sum_a / 64;
            double variance_b = sum_bb - (double)sum_b * sum_b / 64;
            double covariance = sum_ab - (double)sum_a * sum_b / 64;
            double energy = sqrt(variance_a * variance_b);
            /* 64 samples of coding noise (std 1) are no structure: they only dilute. */
            sum += covariance / (energy + 64) * sqrt(energy);
            weights += sqrt(energy);
        }
    }
    return weights > 0 ? sum / weights : 0;
}

/* Mean difference of b's blocks to a's, which are dx to the right and dy below. */
static double shifted_difference(const struct ori_thumb *a, const struct ori_thumb *b, int dx,
                                 int dy)
{
    unsigned sum = 0;
    unsigned n = 0;
    for (int y = dy < 0 ? -dy : 0; y + BLOCK <= b->height && y + dy + BLOCK <= a->height;
         y += BLOCK) {
        for (int x = dx < 0 ? -dx : 0; x + BLOCK <= b->width && x + dx + BLOCK <= a->width;
             x += BLOCK, n++)
            sum += ori_sad8x8(a->luma + (y + dy) * a->width + x + dx, a->width,
                              b->luma + y * b->width + x, b->width);
    }
    return n ? (double)sum / n : 64 * 255;
}

double ori_shift_residue(const struct ori_thumb *a, const struct ori_thumb *b)
{
    int across = 0;
    int down = 0;
    if (a->width != b->width || a->height != b->height || a->width < 2 * SHIFT_ACROSS ||
        a->height < 2 * SHIFT_DOWN)
        return 1;
    double in_place = shifted_difference(a, b, 0, 0);
    double best = in_place;
    for (int step = 2; step > 0; step--) {
        int from_x = step == 2 ? -SHIFT_ACROSS : across - 1;
        int to_x = step == 2 ? SHIFT_ACROSS : across + 1;
        int from_y = step == 2 ? -SHIFT_DOWN : down - 1;
        int to_y = step == 2 ? SHIFT_DOWN : down + 1;
        for (int dy = from_y; dy <= to_y; dy += step) {
            for (int dx = from_x; dx <= to_x; dx += step) {
                double difference = shifted_difference(a, b, dx, dy);
                if (difference < best) {
                    best = difference;
                    across = dx;
                    down = dy;
                }
            }
        }
    }
    return in_place > 0 ? best / in_place : 1;
}

double ori_mixture_residue(const struct ori_thumb *a, const struct ori_thumb *b,
                           const struct ori_thumb *between, double *ret_share)
{
    double residue = 0;
    double along = 0;
    double length = 0;
    *ret_share = 0;
    if (a->width != b->width || a->height != b->height || a->width != between->width ||
        a->height != between->height)
        return 1;
    for (int y = 0; y + BLOCK <= a->height; y += BLOCK) {
        for (int x = 0; x + BLOCK <= a->width; x += BLOCK) {
            int step_step = 0, step_move = 0, move_move = 0;
            for (int j = 0; j < BLOCK; j++) {
                int at = (y + j) * a->width + x;
                for (int i = 0; i < BLOCK; i++, at++) {
                    int step = b->luma[at] - a->luma[at];
                    int move = between->luma[at] - a->luma[at];
                    step_step += step * step;
                    step_move += step * move;
                    move_move += move * move;
                }
            }
            double share = step_step ? (double)step_move / step_step : 0;
            share = share < 0 ? 0 : share > 1 ? 1 : share;
            residue += move_move - 2 * share * step_move + share * share * step_step;
            along += step_move;
            length += step_step;
        }
    }
    if (length <= 0)
        return 1;
    *ret_share = along / length;
    return residue > 0 ? sqrt(residue / length) : 0; /* rounding may leave less than nothing */
}

static double unlikeness_mapped(const struct ori_thumb *a, const struct ori_thumb *b, double gain,
                                double offset)
{
    struct ori_thumb relit = *a;
    uint8_t map[256];
    for (int i = 0; i < 256; i++) {
        double value = i * gain + offset;
        map[i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value + 0.5);
    }
    for (int i = 0; i < a->width * a->height; i++)
        relit.luma[i] = map[a->luma[i]];
    return unlikeness(&relit, b, NOISE_RELIT);
}

double ori_unlikeness_relit(const struct ori_thumb *a, const struct ori_thumb *b)
{
    if (a->width != b->width || a->height != b->height)
        return 1;
    double gain = a->std > 0.5 ? b->std / a->std : 1;
    gain = gain > 8 ? 8 : gain < 0.125 ? 0.125 : gain;
    double stretched = unlikeness_mapped(a, b, gain, b->mean - a->mean * gain);
    /* The median, so that an object that comes into view does not count. */
    int offset = ori_median_difference(b->luma, a->luma, a->width * a->height);
    double shifted = unlikeness_mapped(a, b, 1, offset);
    return stretched < shifted ? stretched : shifted;
}
