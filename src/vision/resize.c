#include "vision/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"
#include "vision/blend.h"

/* Rows go through the first pass side by side, so many that a column of them is whole vectors. */
enum { BLOCK_ROWS = 16, COLUMN_BYTES = 3 * BLOCK_ROWS };
_Static_assert(COLUMN_BYTES % ORI_BLEND_LANES == 0, "a column is whole vectors");

struct filter {
    double (*weigh)(double x);
    double support; /* at scale 1 */
};

/* One side of a resize: in samples become out, of which `count` from `first` on are wanted. */
struct axis {
    int in;
    int out;
    int first;
    int count;
};

/* For each wanted position: where its input begins, how many samples, and their weights. */
struct taps {
    int size;   /* weights a position, even */
    int *first; /* counted from begin */
    int *count; /* even: behind an odd number stands a weight of 0 */
    int32_t *weights;
    int begin; /* the input samples that are needed */
    int needed;
};

/* Where samples of a result go: steps in bytes. */
struct sink {
    uint8_t *data;
    ptrdiff_t row;
    ptrdiff_t pixel;
    ptrdiff_t channel;
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

static double bilinear(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

static const struct filter filter_bicubic = {bicubic, 2};
static const struct filter filter_bilinear = {bilinear, 1};

static void taps_deinit(struct taps *taps)
{
    free(taps->first);
    free(taps->count);
    free(taps->weights);
}

static int even(int count)
{
    return count + count % 2;
}

static int32_t to_fixed(double weight)
{
    double scaled = weight * (1 << ORI_BLEND_BITS);
    return (int32_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

/* The weights of position i; exact is room for them before they are rounded. */
static void weigh(const struct axis *axis, const struct filter *filter, int i, double *exact,
                  struct taps *taps)
{
    double scale = (double)axis->in / axis->out;
    double stretch = scale < 1 ? 1 : scale;
    double shrink = 1 / stretch;
    double support = filter->support * stretch;
    double centre = (axis->first + i + 0.5) * scale;
    int first = (int)(centre - support + 0.5);
    int last = (int)(centre + support + 0.5);
    first = first < 0 ? 0 : first;
    last = last > axis->in ? axis->in : last;
    double sum = 0;
    for (int k = first; k < last; k++) {
        exact[k - first] = filter->weigh((k - centre + 0.5) * shrink);
        sum += exact[k - first];
    }
    for (int k = 0; k < last - first; k++)
        taps->weights[(ptrdiff_t)i * taps->size + k] = to_fixed(exact[k] / sum);
    taps->first[i] = first;
    taps->count[i] = last - first;
}

static ori_status taps_init(struct taps *taps, const struct axis *axis, const struct filter *filter,
                            struct ori_error *err)
{
    double scale = (double)axis->in / axis->out;
    size_t count = (size_t)axis->count;
    taps->size = even((int)ceil(filter->support * (scale < 1 ? 1 : scale)) * 2 + 1);
    taps->first = calloc(count, sizeof *taps->first);
    taps->count = calloc(count, sizeof *taps->count);
    taps->weights = calloc(count, (size_t)taps->size * sizeof *taps->weights);
    double *exact = calloc((size_t)taps->size, sizeof *exact);
    if (!taps->first || !taps->count || !taps->weights || !exact) {
        free(exact);
        return ori_error_set(err, ORI_NOMEM, "resize: weights for %d to %d samples", axis->in,
                             axis->out);
    }
    for (int i = 0; i < axis->count; i++)
        weigh(axis, filter, i, exact, taps);
    free(exact);
    taps->begin = taps->first[0];
    taps->needed = taps->first[count - 1] + taps->count[count - 1] - taps->begin;
    for (int i = 0; i < axis->count; i++) {
        taps->first[i] -= taps->begin;
        taps->count[i] = even(taps->count[i]);
    }
    return ORI_OK;
}

/* Up to BLOCK_ROWS rows, n of them, column by column: COLUMN_BYTES for each of `columns` pixels. */
static void lay_out(const uint8_t *data, ptrdiff_t stride, int n, int columns, uint8_t *ret_block)
{
    for (int x = 0; x < columns - 1; x++) {
        const uint8_t *from = data + 3 * (ptrdiff_t)x;
        uint8_t *to = ret_block + COLUMN_BYTES * (ptrdiff_t)x;
        for (int y = 0; y < n; y++, from += stride, to += 3)
            memcpy(to, from, 4); /* one byte too many, which the next pixel overwrites */
    }
    for (int y = 0; y < n; y++)
        memcpy(ret_block + COLUMN_BYTES * (ptrdiff_t)(columns - 1) + 3 * (ptrdiff_t)y,
               data + y * stride + 3 * (ptrdiff_t)(columns - 1), 3);
}

/* First pass: `rows` rows of data become rows of `count` pixels. block: room for one column more
 * than is needed. */
static void resize_rows(const uint8_t *data, ptrdiff_t stride, int rows, const struct taps *taps,
                        int count, uint8_t *block, uint8_t *ret_rows, ptrdiff_t ret_stride)
{
    for (int top = 0; top < rows; top += BLOCK_ROWS) {
        int n = rows - top < BLOCK_ROWS ? rows - top : BLOCK_ROWS;
        lay_out(data + top * stride, stride, n, taps->needed, block);
        for (int x = 0; x < count; x++) {
            uint8_t column[COLUMN_BYTES];
            ori_blend(block + COLUMN_BYTES * (ptrdiff_t)taps->first[x], COLUMN_BYTES,
                      taps->weights + (ptrdiff_t)x * taps->size, taps->count[x], COLUMN_BYTES,
                      column);
            for (int y = 0; y < n; y++)
                memcpy(ret_rows + (top + y) * ret_stride + 3 * (ptrdiff_t)x,
                       column + 3 * (ptrdiff_t)y, 3);
        }
    }
}

static void put_line(const uint8_t *line, int count, uint8_t *to, const struct sink *sink)
{
    for (int x = 0; x < count; x++, to += sink->pixel) {
        for (int c = 0; c < 3; c++)
            to[c * sink->channel] = line[3 * x + c];
    }
}

/* Second pass: rows of lanes bytes become the wanted lines of the result. */
static void resize_columns(const uint8_t *rows, int lanes, const struct taps *taps, int count,
                           int width, uint8_t *line, const struct sink *sink)
{
    for (int y = 0; y < count; y++) {
        ori_blend(rows + taps->first[y] * (ptrdiff_t)lanes, lanes,
                  taps->weights + (ptrdiff_t)y * taps->size, taps->count[y], lanes, line);
        put_line(line, width, sink->data + y * sink->row, sink);
    }
}

static ori_status resample(const struct ori_rgb *image, const struct axis *wide,
                           const struct axis *high, const struct filter *filter,
                           const struct sink *sink, struct ori_error *err)
{
    struct taps across = {0};
    struct taps down = {0};
    uint8_t *block = NULL;
    uint8_t *middle = NULL;
    uint8_t *line = NULL;
    int lanes = (3 * wide->count + ORI_BLEND_LANES - 1) / ORI_BLEND_LANES * ORI_BLEND_LANES;
    ori_status status = taps_init(&across, wide, filter, err);
    if (status == ORI_OK)
        status = taps_init(&down, high, filter, err);
    if (status != ORI_OK)
        goto out;
    /* One column and one row more: a weight of 0 stands before them. */
    block = calloc((size_t)across.needed + 1, COLUMN_BYTES);
    middle = calloc((size_t)down.needed + 1, (size_t)lanes);
    line = malloc((size_t)lanes);
    if (!block || !middle || !line) {
        status = ori_error_set(err, ORI_NOMEM, "resize: %d x %d", wide->in, high->in);
        goto out;
    }
    resize_rows(image->data + down.begin * image->stride + 3 * (ptrdiff_t)across.begin,
                image->stride, down.needed, &across, wide->count, block, middle, lanes);
    resize_columns(middle, lanes, &down, high->count, wide->count, line, sink);
out:
    free(line);
    free(middle);
    free(block);
    taps_deinit(&across);
    taps_deinit(&down);
    return status;
}

static bool is_between(int64_t value, int64_t most)
{
    return value >= 1 && value <= most;
}

static ori_status check_sides(int width, int height, struct ori_error *err)
{
    if (is_between(width, ORI_LIMIT_MAX_RESIZE_SIDE) &&
        is_between(height, ORI_LIMIT_MAX_RESIZE_SIDE))
        return ORI_OK;
    return ori_error_set(err, ORI_LIMIT, "resize: %d x %d: a side has 1 to %d pixels", width,
                         height, ORI_LIMIT_MAX_RESIZE_SIDE);
}

ori_status ori_resize(const struct ori_rgb *image, const struct ori_box *box,
                      struct ori_rgb *ret_image, struct ori_error *err)
{
    struct ori_rgb view = *image;
    if (box) {
        view.data += box->y * image->stride + 3 * (ptrdiff_t)box->x;
        view.width = box->w;
        view.height = box->h;
    }
    ori_status status = check_sides(view.width, view.height, err);
    if (status == ORI_OK)
        status = check_sides(ret_image->width, ret_image->height, err);
    if (status != ORI_OK)
        return status;
    struct axis wide = {view.width, ret_image->width, 0, ret_image->width};
    struct axis high = {view.height, ret_image->height, 0, ret_image->height};
    struct sink sink = {ret_image->data, ret_image->stride, 3, 1};
    return resample(&view, &wide, &high, &filter_bicubic, &sink, err);
}

/* ---- squares ---- */

/* Before the crop begins: n >= side. */
static int crop_offset(int n, int side, bool is_rounded)
{
    int twice = n - side;
    int half = twice / 2;
    return is_rounded ? half + (twice & half & 1) : half;
}

/* What of axis->out the crop sees, and how many zeros stand before it. */
static int crop(struct axis *axis, const struct ori_resize_rule *rule)
{
    int missing = rule->side - axis->out;
    if (missing > 0) {
        axis->count = axis->out;
        return rule->is_crop_rounded ? missing / 2 : (missing + 1) / 2;
    }
    axis->first = crop_offset(axis->out, rule->side, rule->is_crop_rounded);
    axis->count = rule->side;
    return 0;
}

ori_status ori_resize_square(const struct ori_rgb *image, const struct ori_resize_rule *rule,
                             uint8_t *ret_planes, struct ori_error *err)
{
    if (!is_between(rule->side, ORI_LIMIT_MAX_INPUT_SIDE) ||
        !is_between(rule->resize_side, ORI_LIMIT_MAX_INPUT_RESIZE))
        return ori_error_set(
            err, ORI_LIMIT, "resize: a square of %d (1 to %d pixels) cut out of %d (1 to %d)",
            rule->side, ORI_LIMIT_MAX_INPUT_SIDE, rule->resize_side, ORI_LIMIT_MAX_INPUT_RESIZE);
    ori_status status = check_sides(image->width, image->height, err);
    if (status != ORI_OK)
        return status;
    struct axis wide = {.in = image->width, .out = rule->resize_side};
    struct axis high = {.in = image->height, .out = rule->resize_side};
    if (!rule->is_squash && image->width <= image->height)
        high.out = (int)((int64_t)rule->resize_side * image->height / image->width);
    else if (!rule->is_squash)
        wide.out = (int)((int64_t)rule->resize_side * image->width / image->height);
    int left = crop(&wide, rule);
    int top = crop(&high, rule);
    size_t area = (size_t)rule->side * (size_t)rule->side;
    if (wide.count < rule->side || high.count < rule->side)
        memset(ret_planes, 0, 3 * area);
    struct sink sink = {ret_planes + (ptrdiff_t)top * rule->side + left, rule->side, 1,
                        (ptrdiff_t)area};
    return resample(image, &wide, &high, rule->is_bilinear ? &filter_bilinear : &filter_bicubic,
                    &sink, err);
}
