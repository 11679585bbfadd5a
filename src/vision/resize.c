#include "vision/resize.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define SIDE_MAX 32768
#define PRECISION 22 /* bits of a weight's fraction: 8 + 22 + sign fit 32, room for overshoot */
#define SUPPORT 2.0  /* of the bicubic kernel at scale 1 */

/* For each output position: where its input begins, how many samples, and their weights. */
struct taps {
    int size; /* weights a position */
    int *first;
    int *count;
    int32_t *weights;
};

static double bicubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2)
        return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
}

static void taps_deinit(struct taps *taps)
{
    free(taps->first);
    free(taps->count);
    free(taps->weights);
}

static ori_status taps_init(struct taps *taps, int in, int out, struct ori_error *err)
{
    double scale = (double)in / out;
    double stretch = scale < 1 ? 1 : scale;
    double support = SUPPORT * stretch;
    taps->size = (int)ceil(support) * 2 + 1;
    taps->first = calloc((size_t)out, sizeof *taps->first);
    taps->count = calloc((size_t)out, sizeof *taps->count);
    taps->weights = calloc((size_t)out * (size_t)taps->size, sizeof *taps->weights);
    double *exact = calloc((size_t)taps->size, sizeof *exact);
    if (!taps->first || !taps->count || !taps->weights || !exact) {
        free(exact);
        return ori_error_set(err, ORI_NOMEM, "resize: weights for %d to %d samples", in, out);
    }
    for (int x = 0; x < out; x++) {
        double centre = (x + 0.5) * scale;
        int first = (int)(centre - support + 0.5);
        int last = (int)(centre + support + 0.5);
        first = first < 0 ? 0 : first;
        last = last > in ? in : last;
        double sum = 0;
        for (int i = first; i < last; i++) {
            exact[i - first] = bicubic((i - centre + 0.5) / stretch);
            sum += exact[i - first];
        }
        for (int i = 0; i < last - first; i++)
            taps->weights[(ptrdiff_t)x * taps->size + i] =
                (int32_t)lround(exact[i] / sum * (1 << PRECISION));
        taps->first[x] = first;
        taps->count[x] = last - first;
    }
    free(exact);
    return ORI_OK;
}

static uint8_t to_sample(int32_t sum)
{
    sum >>= PRECISION;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static void resize_row(const uint8_t *row, const struct taps *taps, int out, uint8_t *ret_row)
{
    for (int x = 0; x < out; x++) {
        const int32_t *weights = taps->weights + (ptrdiff_t)x * taps->size;
        const uint8_t *p = row + 3 * (ptrdiff_t)taps->first[x];
        int32_t red = 1 << (PRECISION - 1);
        int32_t green = red;
        int32_t blue = red;
        for (int i = 0; i < taps->count[x]; i++, p += 3) {
            red += p[0] * weights[i];
            green += p[1] * weights[i];
            blue += p[2] * weights[i];
        }
        ret_row[3 * x] = to_sample(red);
        ret_row[3 * x + 1] = to_sample(green);
        ret_row[3 * x + 2] = to_sample(blue);
    }
}

/* One output row from the rows that were resized across already. sums: n of scratch. */
static void resize_column(const uint8_t *rows, ptrdiff_t stride, const int32_t *weights, int count,
                          int n, int32_t *sums, uint8_t *ret_row)
{
    for (int x = 0; x < n; x++)
        sums[x] = 1 << (PRECISION - 1);
    for (int i = 0; i < count; i++, rows += stride) {
        for (int x = 0; x < n; x++)
            sums[x] += rows[x] * weights[i];
    }
    for (int x = 0; x < n; x++)
        ret_row[x] = to_sample(sums[x]);
}

static bool is_side(int64_t side)
{
    return side >= 1 && side <= SIDE_MAX;
}

ori_status ori_resize(const struct ori_rgb *image, const struct ori_box *box,
                      struct ori_rgb *ret_image, struct ori_error *err)
{
    ori_status status = ORI_OK;
    struct ori_box all = {0, 0, image->width, image->height};
    struct taps across = {0};
    struct taps down = {0};
    uint8_t *middle = NULL;
    int32_t *sums = NULL;
    int width = ret_image->width;
    int height = ret_image->height;
    if (!box)
        box = &all;
    if (!is_side(box->w) || !is_side(box->h) || !is_side(width) || !is_side(height))
        return ori_error_set(err, ORI_LIMIT, "resize: a side is outside 1..%d", SIDE_MAX);
    ptrdiff_t stride = 3 * (ptrdiff_t)width;
    status = taps_init(&across, box->w, width, err);
    if (status == ORI_OK)
        status = taps_init(&down, box->h, height, err);
    if (status != ORI_OK)
        goto out;
    middle = malloc((size_t)stride * (size_t)box->h);
    sums = malloc((size_t)stride * sizeof *sums);
    if (!middle || !sums) {
        status = ori_error_set(err, ORI_NOMEM, "resize: %d x %d", width, box->h);
        goto out;
    }
    for (int y = 0; y < box->h; y++)
        resize_row(image->data + (box->y + y) * image->stride + 3 * (ptrdiff_t)box->x, &across,
                   width, middle + y * stride);
    for (int y = 0; y < height; y++)
        resize_column(middle + down.first[y] * stride, stride,
                      down.weights + (ptrdiff_t)y * down.size, down.count[y], (int)stride, sums,
                      ret_image->data + y * ret_image->stride);
out:
    free(sums);
    free(middle);
    taps_deinit(&across);
    taps_deinit(&down);
    return status;
}

static void split_planes(const struct ori_rgb *image, int left, int top, int side,
                         uint8_t *ret_planes)
{
    size_t area = (size_t)side * (size_t)side;
    for (int y = 0; y < side; y++) {
        const uint8_t *p = image->data + (top + y) * image->stride + 3 * (ptrdiff_t)left;
        uint8_t *out = ret_planes + (size_t)y * (size_t)side;
        for (int x = 0; x < side; x++, p += 3) {
            out[x] = p[0];
            out[area + (size_t)x] = p[1];
            out[2 * area + (size_t)x] = p[2];
        }
    }
}

static ori_status resize_and_cut(const struct ori_rgb *image, int width, int height, int side,
                                 uint8_t *ret_planes, struct ori_error *err)
{
    struct ori_rgb small = {NULL, 3 * (ptrdiff_t)width, width, height};
    if (!is_side(width) || !is_side(height) || !is_side(side))
        return ori_error_set(err, ORI_LIMIT, "resize: a side is outside 1..%d", SIDE_MAX);
    small.data = malloc((size_t)small.stride * (size_t)height);
    if (!small.data)
        return ori_error_set(err, ORI_NOMEM, "resize: %d x %d", width, height);
    ori_status status = ori_resize(image, NULL, &small, err);
    if (status == ORI_OK)
        split_planes(&small, (width - side) / 2, (height - side) / 2, side, ret_planes);
    free(small.data);
    return status;
}

ori_status ori_resize_squash(const struct ori_rgb *image, int side, uint8_t *ret_planes,
                             struct ori_error *err)
{
    return resize_and_cut(image, side, side, side, ret_planes, err);
}

ori_status ori_resize_shorter_crop(const struct ori_rgb *image, int side, uint8_t *ret_planes,
                                   struct ori_error *err)
{
    int64_t width = side;
    int64_t height = side;
    if (!is_side(image->width) || !is_side(image->height))
        return ori_error_set(err, ORI_LIMIT, "resize: a side is outside 1..%d", SIDE_MAX);
    if (image->width < image->height)
        height = (int64_t)side * image->height / image->width;
    else
        width = (int64_t)side * image->width / image->height;
    if (!is_side(width) || !is_side(height))
        return ori_error_set(err, ORI_LIMIT, "resize: %d x %d is too long a strip", image->width,
                             image->height);
    return resize_and_cut(image, (int)width, (int)height, side, ret_planes, err);
}
