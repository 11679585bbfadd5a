#include "vision/thumb.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Columns summed at a time: keeps the accumulators in the first-level cache. */
#define STRIP 2048
#define LANES 16

#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__) &&             \
    !defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define ORI_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define ORI_CLONES
#endif

void ori_shrink_reference(const struct ori_plane *plane, int factor_x, int factor_y,
                          uint8_t *ret_out)
{
    int width = plane->width / factor_x;
    int height = plane->height / factor_y;
    uint32_t n = (uint32_t)factor_x * (uint32_t)factor_y;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint32_t sum = n / 2;
            for (int j = 0; j < factor_y; j++) {
                const uint8_t *row = plane->data + (y * factor_y + j) * plane->stride;
                for (int i = 0; i < factor_x; i++)
                    sum += row[x * factor_x + i];
            }
            ret_out[(ptrdiff_t)y * width + x] = (uint8_t)(sum / n);
        }
    }
}

/* Vectors of GCC and clang: become what the processor has. */
typedef uint16_t shorts16 __attribute__((vector_size(32)));
typedef uint16_t shorts8 __attribute__((vector_size(16)));

/* Adds one row, or five: sums are loaded and stored once for each. */
ORI_CLONES static void add_row(uint16_t *restrict sums, const uint8_t *restrict row, int n)
{
    for (int i = 0; i < n; i++)
        sums[i] = (uint16_t)(sums[i] + row[i]);
}

ORI_CLONES static void add_five_rows(uint16_t *restrict sums, const uint8_t *restrict row,
                                     ptrdiff_t stride, int n)
{
    const uint8_t *restrict second = row + stride;
    const uint8_t *restrict third = second + stride;
    const uint8_t *restrict fourth = third + stride;
    const uint8_t *restrict fifth = fourth + stride;
    for (int i = 0; i < n; i++)
        sums[i] = (uint16_t)(sums[i] + row[i] + second[i] + third[i] + fourth[i] + fifth[i]);
}

/* Boxes whose columns are one vector and whose sums fit 16 bits: factor <= LANES, n <= 257. Reads up
 * to LANES sums from the begin of each box on. */
ORI_CLONES static void add_boxes_narrow(const uint16_t *sums, int boxes, int factor, uint32_t n,
                                        uint8_t *out)
{
    shorts16 mask = {0};
    for (int i = 0; i < LANES; i++)
        mask[i] = i < factor ? UINT16_MAX : 0;
    for (int x = 0; x < boxes; x++) {
        shorts16 columns = {0};
        shorts8 halves[2];
        memcpy(&columns, sums + (ptrdiff_t)x * factor, sizeof columns);
        columns &= mask;
        memcpy(halves, &columns, sizeof halves);
        shorts8 sum = halves[0] + halves[1];
        sum += __builtin_shufflevector(sum, sum, 4, 5, 6, 7, 0, 1, 2, 3);
        sum += __builtin_shufflevector(sum, sum, 2, 3, 0, 1, 6, 7, 4, 5);
        out[x] = (uint8_t)((n / 2 + sum[0] + sum[1]) / n);
    }
}

static void add_boxes(const uint16_t *sums, int boxes, int factor, uint32_t n, uint8_t *out)
{
    for (int x = 0; x < boxes; x++) {
        uint32_t sum = n / 2;
        for (int i = 0; i < factor; i++)
            sum += *sums++;
        out[x] = (uint8_t)(sum / n);
    }
}

/* One row of boxes over columns [first, first + boxes * factor_x). */
static void shrink_strip(const struct ori_plane *plane, int first, int boxes, int factor_x,
                         int factor_y, int row_first, uint8_t *out)
{
    uint16_t sums[STRIP + LANES];
    const uint32_t n = (uint32_t)factor_x * (uint32_t)factor_y;
    const int columns = boxes * factor_x;
    const uint8_t *row = plane->data + row_first * plane->stride + first;
    int left = factor_y;
    memset(sums, 0, sizeof sums[0] * (size_t)columns);
    for (; left >= 5; left -= 5, row += 5 * plane->stride)
        add_five_rows(sums, row, plane->stride, columns);
    for (; left > 0; left--, row += plane->stride)
        add_row(sums, row, columns);
    if (factor_x > LANES || n > 257) {
        add_boxes(sums, boxes, factor_x, n, out);
        return;
    }
    memset(sums + columns, 0, LANES * sizeof sums[0]);
    add_boxes_narrow(sums, boxes, factor_x, n, out);
}

void ori_shrink(const struct ori_plane *plane, int factor_x, int factor_y, uint8_t *ret_out)
{
    if (factor_x > STRIP || factor_y > 257) { /* 257 * 255 is the last sum that fits 16 bits */
        ori_shrink_reference(plane, factor_x, factor_y, ret_out);
        return;
    }
    int width = plane->width / factor_x;
    int height = plane->height / factor_y;
    int boxes_max = STRIP / factor_x;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x += boxes_max) {
            int boxes = width - x < boxes_max ? width - x : boxes_max;
            shrink_strip(plane, x * factor_x, boxes, factor_x, factor_y, y * factor_y,
                         ret_out + (ptrdiff_t)y * width + x);
        }
    }
}

static void moments(const uint8_t *samples, int n, double *ret_mean, double *ret_std)
{
    uint64_t sum = 0;
    uint64_t squares = 0;
    for (int i = 0; i < n; i++) {
        sum += samples[i];
        squares += (uint64_t)samples[i] * samples[i];
    }
    double mean = (double)sum / n;
    double variance = (double)squares / n - mean * mean;
    *ret_mean = mean;
    *ret_std = variance > 0 ? sqrt(variance) : 0;
}

void ori_thumb_measure(struct ori_thumb *thumb)
{
    moments(thumb->luma, thumb->width * thumb->height, &thumb->mean, &thumb->std);
    thumb->chroma_std = 0;
    for (int c = 0; c < 2 && thumb->chroma_width; c++) {
        double mean = 0;
        double std = 0;
        moments(thumb->chroma[c], thumb->chroma_width * thumb->chroma_height, &mean, &std);
        if (std > thumb->chroma_std)
            thumb->chroma_std = std;
    }
}

static int ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

static int luma_factor(int width, int height, double downscale)
{
    int longer = width > height ? width : height;
    int factor = ceil_div(longer, ORI_THUMB_SIDE_MAX);
    int wanted = downscale > 0 ? (int)ceil(1.0 / downscale - 1e-9) : 1;
    int shorter = width < height ? width : height;
    while (wanted > 1 && shorter / wanted < 16) /* tiny pictures keep what they have */
        wanted--;
    if (factor < wanted)
        factor = wanted;
    return factor > shorter ? shorter : factor;
}

/* Whole boxes that fit along one axis, never more than limit. */
static int chroma_factor(int length, int limit)
{
    int factor = length / limit;
    if (factor < 1)
        factor = 1;
    while (length / factor > limit)
        factor++;
    return factor;
}

static int at_most(int value, int limit)
{
    return value < limit ? value : limit;
}

void ori_thumb_make(const struct ori_plane planes[3], double downscale, struct ori_thumb *ret_thumb)
{
    struct ori_thumb *thumb = ret_thumb;
    int factor = luma_factor(planes[0].width, planes[0].height, downscale);
    struct ori_plane luma = planes[0];
    /* A strip of 1 x 10,000 would need a factor its shorter side has not got: cut the longer. */
    luma.width = at_most(luma.width, factor * ORI_THUMB_SIDE_MAX);
    luma.height = at_most(luma.height, factor * ORI_THUMB_SIDE_MAX);
    thumb->width = luma.width / factor;
    thumb->height = luma.height / factor;
    ori_shrink(&luma, factor, factor, thumb->luma);
    thumb->chroma_width = 0;
    thumb->chroma_height = 0;
    bool is_grey =
        planes[1].width < 2 || planes[1].height < 2 || thumb->width < 2 || thumb->height < 2;
    for (int c = 0; c < 2 && !is_grey; c++) {
        struct ori_plane plane = planes[c + 1];
        int factor_x = chroma_factor(plane.width, thumb->width / 2);
        int factor_y = chroma_factor(plane.height, thumb->height / 2);
        thumb->chroma_width = plane.width / factor_x;
        thumb->chroma_height = plane.height / factor_y;
        ori_shrink(&plane, factor_x, factor_y, thumb->chroma[c]);
    }
    ori_thumb_measure(thumb);
}

int ori_median_difference(const uint8_t *a, const uint8_t *b, int n)
{
    int histogram[511] = {0};
    int seen = 0;
    int difference = -255;
    for (int i = 0; i < n; i++)
        histogram[255 + a[i] - b[i]]++;
    for (; difference < 255; difference++) {
        seen += histogram[255 + difference];
        if (2 * seen >= n)
            break;
    }
    return difference;
}
