#include "vision/quality.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#define HALF_WIDTH_MAX 4096 /* samples of a half-size row that are looked at */
#define ROWS_BETWEEN 16
#define GRID 64 /* cells a side that the deviation is taken over */

static void half_row(const struct ori_plane *luma, int y, int n, int16_t *ret_row)
{
    const uint8_t *upper = luma->data + y * luma->stride;
    const uint8_t *lower = upper + luma->stride;
    for (int x = 0; x < n; x++)
        ret_row[x] = (int16_t)(upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1]);
}

double ori_sharpness(const struct ori_plane *luma)
{
    int n = luma->width / 2 < HALF_WIDTH_MAX ? luma->width / 2 : HALF_WIDTH_MAX;
    if (n < 3 || luma->height < 6)
        return 0;
    int16_t rows[3][HALF_WIDTH_MAX];
    int64_t sum = 0;
    int64_t count = 0;
    for (int y = 0; y + 6 <= luma->height; y += ROWS_BETWEEN) {
        for (int k = 0; k < 3; k++)
            half_row(luma, y + 2 * k, n, rows[k]);
        int32_t row_sum = 0;
        for (int x = 1; x + 1 < n; x++) {
            int across = 2 * rows[1][x] - rows[1][x - 1] - rows[1][x + 1];
            int down = 2 * rows[1][x] - rows[0][x] - rows[2][x];
            row_sum += abs(across) + abs(down);
        }
        sum += row_sum;
        count += n - 2;
    }
    return (double)sum / (4.0 * (double)count);
}

/* Standard deviation over a grid of at most 64 x 64 single samples' neighbourhoods: every row and
 * column step is whole, so small pictures are seen entirely. */
static double deviation(const struct ori_plane *plane, const struct ori_box *box)
{
    int step_x = box->w / (4 * GRID) + 1;
    int step_y = box->h / (4 * GRID) + 1;
    uint64_t sum = 0;
    uint64_t squares = 0;
    uint64_t n = 0;
    for (int y = box->y; y < box->y + box->h; y += step_y) {
        const uint8_t *row = plane->data + y * plane->stride;
        for (int x = box->x; x < box->x + box->w; x += step_x, n++) {
            sum += row[x];
            squares += (uint64_t)row[x] * row[x];
        }
    }
    if (!n)
        return 0;
    double mean = (double)sum / (double)n;
    double variance = (double)squares / (double)n - mean * mean;
    return variance > 0 ? sqrt(variance) : 0;
}

bool ori_is_solid(const struct ori_plane planes[3], const struct ori_box *box, double solid_std,
                  int min_dim)
{
    struct ori_box all = {0, 0, planes[0].width, planes[0].height};
    if (!box)
        box = &all;
    if (box->w < min_dim || box->h < min_dim)
        return true;
    if (deviation(&planes[0], box) >= solid_std)
        return false;
    for (int c = 1; c < 3; c++) {
        if (planes[c].width <= 0)
            continue;
        struct ori_box part = {(int)((int64_t)box->x * planes[c].width / planes[0].width),
                               (int)((int64_t)box->y * planes[c].height / planes[0].height),
                               (int)((int64_t)box->w * planes[c].width / planes[0].width),
                               (int)((int64_t)box->h * planes[c].height / planes[0].height)};
        if (deviation(&planes[c], &part) >= solid_std)
            return false;
    }
    return true;
}
