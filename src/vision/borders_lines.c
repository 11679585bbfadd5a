/* What the lines of one side of a picture say: block means, medians, strays. */
#include "vision/borders_priv.h"

#include <stdlib.h>
#include <string.h>

struct border_lines borders_lines_of(const struct ori_plane *plane, enum ori_side side,
                                     int skip_head, int skip_tail)
{
    struct border_lines lines = {0};
    bool is_row = side == ORI_TOP || side == ORI_BOTTOM;
    int length = is_row ? plane->width : plane->height;
    lines.count = is_row ? plane->height : plane->width;
    lines.along = is_row ? 1 : plane->stride;
    lines.inward = is_row ? plane->stride : 1;
    lines.first = plane->data + skip_head * lines.along;
    lines.length = length - skip_head - skip_tail;
    if (side == ORI_BOTTOM || side == ORI_RIGHT) {
        lines.first += (lines.count - 1) * lines.inward;
        lines.inward = -lines.inward;
    }
    return lines;
}

/* Sum of `size` samples of a line from sample x on. */
static int sum_block(const struct border_lines *lines, const uint8_t *line, int x, int size)
{
    int sum = 0;
    const uint8_t *sample = line + x * lines->along;
    if (lines->along == 1 &&
        size == BORDER_BLOCK) { /* the common case, so written that compilers see it */
        for (int i = 0; i < BORDER_BLOCK; i++)
            sum += sample[i];
        return sum;
    }
    for (int i = 0; i < size; i++)
        sum += sample[i * lines->along];
    return sum;
}

int borders_block_means(const struct border_lines *lines, int line, int block, int *ret_means)
{
    const uint8_t *p = lines->first + line * lines->inward;
    int n = 0;
    for (int x = 0; x < lines->length && n < BORDER_BLOCKS_MAX; x += block) {
        int size = lines->length - x < block ? lines->length - x : block;
        if (size < block / 2 && n > 0)
            break;
        ret_means[n++] = (16 * sum_block(lines, p, x, size) + size / 2) / size;
    }
    return n;
}

/* The k-th smallest; reorders values (Hoare's selection). */
static int select_kth(int *values, int n, int k)
{
    int low = 0;
    int high = n - 1;
    while (low < high) {
        int pivot = values[(low + high) / 2];
        int i = low;
        int j = high;
        while (i <= j) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i <= j) {
                int swapped = values[i];
                values[i++] = values[j];
                values[j--] = swapped;
            }
        }
        if (k <= j)
            high = j;
        else if (k >= i)
            low = i;
        else
            break;
    }
    return values[k];
}

int borders_median(const struct border_lines *lines, int line, int block, int *ret_stray)
{
    int means[BORDER_BLOCKS_MAX];
    int n = borders_block_means(lines, line, block, means);
    int low = means[0];
    int high = means[0];
    for (int i = 1; i < n; i++) {
        low = means[i] < low ? means[i] : low;
        high = means[i] > high ? means[i] : high;
    }
    int median = select_kth(means, n, n / 2);
    *ret_stray = high - median > median - low ? high - median : median - low;
    return median;
}

static void find_ranges(const struct border_lines *lines, int first_line,
                        struct border_ranges *ranges)
{
    int n = lines->count - first_line < BORDER_RANGE_LINES ? lines->count - first_line
                                                           : BORDER_RANGE_LINES;
    int lowest_line = lines->inward > 0 ? first_line : first_line + n - 1;
    const uint8_t *p = lines->first + lowest_line * lines->inward;
    uint8_t low[BORDER_RANGE_LINES];
    uint8_t high[BORDER_RANGE_LINES];
    memset(low, 255, sizeof low);
    memset(high, 0, sizeof high);
    for (int x = 0; x < lines->length; x++, p += lines->along) {
        if (n == BORDER_RANGE_LINES) { /* a constant count lets compilers use vectors */
            for (int i = 0; i < BORDER_RANGE_LINES; i++) {
                low[i] = p[i] < low[i] ? p[i] : low[i];
                high[i] = p[i] > high[i] ? p[i] : high[i];
            }
        } else {
            for (int i = 0; i < n; i++) {
                low[i] = p[i] < low[i] ? p[i] : low[i];
                high[i] = p[i] > high[i] ? p[i] : high[i];
            }
        }
    }
    ranges->first_line = first_line;
    for (int i = 0; i < n; i++) {
        int line = lines->inward > 0 ? i : n - 1 - i;
        ranges->low[line] = low[i];
        ranges->high[line] = high[i];
    }
}

static void range_of_row(const uint8_t *restrict row, int n, uint8_t *ret_low, uint8_t *ret_high)
{
    uint8_t low = 255;
    uint8_t high = 0;
    for (int x = 0; x < n; x++) {
        low = row[x] < low ? row[x] : low;
        high = row[x] > high ? row[x] : high;
    }
    *ret_low = low;
    *ret_high = high;
}

/* A few samples of a line tell already that not all are near the colour: most pictures without bars. */
static bool is_uneven(const struct border_lines *lines, int line, int colour, int tolerance)
{
    const uint8_t *p = lines->first + line * lines->inward;
    const int step = lines->length / 64 + 1;
    for (int x = 0; x < lines->length; x += step) {
        const int sample = 16 * p[x * lines->along];
        if (sample < colour - tolerance || sample > colour + tolerance)
            return true;
    }
    return false;
}

/* Quick and usual: every single sample is near the colour, so no block strays. */
static bool is_flat(const struct border_lines *lines, int line, int colour, int tolerance,
                    struct border_ranges *ranges)
{
    uint8_t low = 255;
    uint8_t high = 0;
    if (lines->along == 1) {
        range_of_row(lines->first + line * lines->inward, lines->length, &low, &high);
    } else {
        int first_line = line / BORDER_RANGE_LINES * BORDER_RANGE_LINES;
        if (ranges->first_line != first_line) {
            if (is_uneven(lines, line, colour, tolerance))
                return false;
            find_ranges(lines, first_line, ranges);
        }
        low = ranges->low[line - first_line];
        high = ranges->high[line - first_line];
    }
    return 16 * low >= colour - tolerance && 16 * high <= colour + tolerance;
}

static void look_along(const struct border_lines *lines, int line, int block, int colour,
                       int tolerance, struct border_ranges *ranges, struct border_strays *strays)
{
    int means[BORDER_BLOCKS_MAX];
    int count = 0;
    if (line == ranges->flat_line) /* a chroma line lies behind two luma lines */
        return;
    if (is_flat(lines, line, colour, tolerance, ranges)) {
        ranges->flat_line = line;
        return;
    }
    int n = borders_block_means(lines, line, block, means);
    for (int i = 0; i < n; i++) {
        int deviation = abs(means[i] - colour);
        count += deviation > tolerance;
        if (deviation > strays->largest)
            strays->largest = deviation;
    }
    double share = n ? (double)count / n : 0;
    if (share > strays->share)
        strays->share = share;
}

struct border_strays borders_strays(struct border_view *view, int line, int tolerance)
{
    struct border_strays strays = {0};
    look_along(&view->luma, line, BORDER_BLOCK, view->colour, tolerance, &view->ranges[0], &strays);
    for (int c = 0; c < 2 && view->has_chroma; c++) {
        int chroma_line = (line + view->chroma_lag) / view->chroma_step;
        if (chroma_line < view->chroma[c].count)
            look_along(&view->chroma[c], chroma_line, BORDER_CHROMA_BLOCK, view->chroma_colour[c],
                       tolerance, &view->ranges[c + 1], &strays);
    }
    return strays;
}
