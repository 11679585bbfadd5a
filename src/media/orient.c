#include "media/orient_priv.h"

#include <stdlib.h>
#include <string.h>

#include "media/video.h"

/* A point (x, y) of the stored picture is shown at (a x + c y, b x + d y), y pointing down. */
void ori_orient_from_matrix(const int32_t matrix[9], int *ret_rotation, bool *ret_is_mirrored)
{
    int64_t a = matrix[0];
    int64_t b = matrix[1];
    int64_t c = matrix[3];
    int64_t d = matrix[4];
    *ret_rotation = 0;
    *ret_is_mirrored = false;
    if (llabs(a) + llabs(d) >= llabs(b) + llabs(c)) { /* x stays along x */
        *ret_rotation = d < 0 ? 180 : 0;
        *ret_is_mirrored = (a < 0) != (d < 0);
    } else {
        *ret_rotation = b > 0 ? 90 : 270;
        *ret_is_mirrored = (b > 0) == (c > 0);
    }
}

static bool is_sideways(int rotation)
{
    return rotation == 90 || rotation == 270;
}

/* Where in src the pixel (x, y) of the turned picture comes from, as a byte offset. */
static ptrdiff_t source_offset(const struct ori_rgb *src, int rotation, bool is_mirrored, int x,
                               int y)
{
    int from_x = x;
    int from_y = y;
    if (is_mirrored)
        x = (is_sideways(rotation) ? src->height : src->width) - 1 - x;
    if (rotation == 90) {
        from_x = y;
        from_y = src->height - 1 - x;
    } else if (rotation == 180) {
        from_x = src->width - 1 - x;
        from_y = src->height - 1 - y;
    } else if (rotation == 270) {
        from_x = src->width - 1 - y;
        from_y = x;
    } else {
        from_x = x;
    }
    return from_y * src->stride + 3 * (ptrdiff_t)from_x;
}

static void turn_row(const uint8_t *from, ptrdiff_t step, uint8_t *to, int width)
{
    if (step == 3) {
        memcpy(to, from, 3 * (size_t)width);
        return;
    }
    for (int x = 0; x < width; x++) {
        to[0] = from[0];
        to[1] = from[1];
        to[2] = from[2];
        from += step;
        to += 3;
    }
}

void ori_orient_rgb(const struct ori_rgb *src, int rotation, bool is_mirrored,
                    const struct ori_rgb *dst)
{
    enum { STRIP = 64 }; /* sideways, a strip of source lines stays in the cache */
    ptrdiff_t origin = source_offset(src, rotation, is_mirrored, 0, 0);
    ptrdiff_t step_x = source_offset(src, rotation, is_mirrored, 1, 0) - origin;
    ptrdiff_t step_y = source_offset(src, rotation, is_mirrored, 0, 1) - origin;
    for (int left = 0; left < dst->width; left += STRIP) {
        int width = dst->width - left < STRIP ? dst->width - left : STRIP;
        for (int y = 0; y < dst->height; y++) {
            turn_row(src->data + origin + left * step_x + y * step_y, step_x,
                     dst->data + y * dst->stride + 3 * (ptrdiff_t)left, width);
        }
    }
}

/* Four neighbours and their weights, which add up to 1 << WEIGHT_BITS. */
enum { WEIGHT_BITS = 14, TAPS = 4 };
struct tap {
    int index[TAPS];
    int weight[TAPS];
};

static int clamp_int(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

/* Keys 1981, a = -1/2. */
static void weigh(double t, int weight[TAPS])
{
    double w[TAPS] = {((-0.5 * t + 1.0) * t - 0.5) * t, (1.5 * t - 2.5) * t * t + 1.0,
                      ((-1.5 * t + 2.0) * t + 0.5) * t, (0.5 * t - 0.5) * t * t};
    int sum = 0;
    for (int i = 0; i < TAPS; i++) {
        weight[i] = (int)(w[i] * (1 << WEIGHT_BITS) + (w[i] < 0 ? -0.5 : 0.5));
        sum += weight[i];
    }
    weight[t < 0.5 ? 1 : 2] += (1 << WEIGHT_BITS) - sum;
}

static struct tap *taps_create(int from, int to)
{
    struct tap *taps = calloc((size_t)to, sizeof *taps);
    if (!taps)
        return NULL;
    for (int i = 0; i < to; i++) {
        int64_t at = (int64_t)(2 * i + 1) * from - to; /* in units of 1 / (2 to) */
        int64_t unit = 2 * (int64_t)to;
        int first = (int)(at >= 0 ? at / unit : -1);
        weigh((double)(at - first * unit) / (double)unit, taps[i].weight);
        for (int k = 0; k < TAPS; k++)
            taps[i].index[k] = clamp_int(first - 1 + k, 0, from - 1);
    }
    return taps;
}

static uint8_t blend(const uint8_t *data, ptrdiff_t step, const struct tap *tap)
{
    int sum = 1 << (WEIGHT_BITS - 1);
    for (int k = 0; k < TAPS; k++)
        sum += data[tap->index[k] * step] * tap->weight[k];
    return (uint8_t)clamp_int(sum >> WEIGHT_BITS, 0, 255);
}

static void stretch_row_sideways(const uint8_t *from, const struct tap *taps, uint8_t *to,
                                 int width)
{
    for (int x = 0; x < width; x++) {
        for (int c = 0; c < 3; c++)
            to[3 * x + c] = blend(from + c, 3, &taps[x]);
    }
}

static void stretch_row_downwards(const struct ori_rgb *src, const struct tap *tap, uint8_t *to)
{
    for (int i = 0; i < 3 * src->width; i++)
        to[i] = blend(src->data + i, src->stride, tap);
}

ori_status ori_orient_stretch(const struct ori_rgb *src, const struct ori_rgb *dst,
                              struct ori_error *err)
{
    bool is_wider = src->width != dst->width;
    ORI_ASSERT(!is_wider || src->height == dst->height);
    struct tap *taps =
        is_wider ? taps_create(src->width, dst->width) : taps_create(src->height, dst->height);
    if (!taps)
        return ori_error_set(err, ORI_NOMEM, "scaling to square pixels");
    for (int y = 0; y < dst->height; y++) {
        uint8_t *to = dst->data + y * dst->stride;
        if (is_wider)
            stretch_row_sideways(src->data + y * src->stride, taps, to, dst->width);
        else
            stretch_row_downwards(src, &taps[y], to);
    }
    free(taps);
    return ORI_OK;
}

static int scaled(int size, int num, int den)
{
    return (int)(((int64_t)size * num + den / 2) / den);
}

void ori_frame_rgb_size(const struct ori_video_info *info, const struct ori_box *box,
                        int *ret_width, int *ret_height)
{
    int width = box ? box->w : info->width;
    int height = box ? box->h : info->height;
    if (info->sar_num > info->sar_den)
        width = scaled(width, info->sar_num, info->sar_den);
    else if (info->sar_num < info->sar_den)
        height = scaled(height, info->sar_den, info->sar_num);
    *ret_width = is_sideways(info->rotation) ? height : width;
    *ret_height = is_sideways(info->rotation) ? width : height;
}

struct ori_box ori_video_upright_box(const struct ori_video_info *info, const struct ori_box *box)
{
    int right = info->width - box->x - box->w; /* columns right of the box, lines below it */
    int below = info->height - box->y - box->h;
    struct ori_box upright = *box;
    if (info->rotation == 90)
        upright = (struct ori_box){.x = below, .y = box->x, .w = box->h, .h = box->w};
    else if (info->rotation == 180)
        upright = (struct ori_box){.x = right, .y = below, .w = box->w, .h = box->h};
    else if (info->rotation == 270)
        upright = (struct ori_box){.x = box->y, .y = right, .w = box->h, .h = box->w};
    if (info->is_mirrored) {
        int width = is_sideways(info->rotation) ? info->height : info->width;
        upright.x = width - upright.x - upright.w;
    }
    return upright;
}
