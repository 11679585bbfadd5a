#include "vision/borders.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK 16 /* luma samples averaged along a line: takes noise, leaves writing */
#define CHROMA_BLOCK 8
#define BLOCKS_MAX 2048 /* a line of 32,768 samples */
#define STRETCHES 64
#define RINGING 2.5       /* tolerances that a coded edge may stray by, */
#define RINGING_ROUGH 5.0 /* at a poor encode's straight edge, on few blocks, */
#define RINGING_CHROMA 3.5
#define RINGING_SHARE 0.4
#define CHROMA_BLEED 4 /* luma lines: a chroma block's sharpest error, within the safe margin */
#define SWING 0.25     /* to both sides alike */
#define ROUGH_STRAIGHT 0.9
#define RINGING_LINES 16 /* this near to it: a transform block and its filter, */
#define ECHO 3           /* where the edge is so many times as high */
#define EDGE_DEPTH 4     /* lines behind the edge that a step may take: scaled video is soft */
#define FADE_DEPTH 24    /* there a fade has gone on, */
#define FADE_SHARE 0.4   /* to more than what it had by EDGE_DEPTH by this */
#define RANGE_LINES 16
#define SAME_LINE 2    /* edges this near to each other are one edge */
#define SHARE_MAX 0.45 /* of the picture that one bar may take */
#define TEXT_SHARE 0.5 /* of a line that writing may cover */

/* One side seen as lines that run along it: line 0 is the outermost. */
struct lines {
    const uint8_t *first; /* sample 0 of line 0 */
    ptrdiff_t along;      /* from a sample to its neighbour on the line */
    ptrdiff_t inward;     /* from a line to the next */
    int length;           /* samples a line */
    int count;            /* lines up to the opposite side */
};

static struct lines lines_of(const struct ori_plane *plane, enum ori_side side, int skip_head,
                             int skip_tail)
{
    struct lines lines = {0};
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
static int sum_block(const struct lines *lines, const uint8_t *line, int x, int size)
{
    int sum = 0;
    const uint8_t *sample = line + x * lines->along;
    if (lines->along == 1 &&
        size == BLOCK) { /* the common case, so written that compilers see it */
        for (int i = 0; i < BLOCK; i++)
            sum += sample[i];
        return sum;
    }
    for (int i = 0; i < size; i++)
        sum += sample[i * lines->along];
    return sum;
}

/* Means of the blocks along one line, in sixteenths of a code value; the last, shorter one counts
 * when it is half a block or more. Returns how many. */
static int block_means(const struct lines *lines, int line, int block, int *ret_means)
{
    const uint8_t *p = lines->first + line * lines->inward;
    int n = 0;
    for (int x = 0; x < lines->length && n < BLOCKS_MAX; x += block) {
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

/* ret_stray: how far the block farthest from the median lies from it. */
static int median_of_line(const struct lines *lines, int line, int block, int *ret_stray)
{
    int means[BLOCKS_MAX];
    int n = block_means(lines, line, block, means);
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

/* Sixteen neighbouring lines that run down the picture are looked at in one pass, since their samples
 * lie side by side. */
struct line_ranges {
    int flat_line;  /* found flat last; -1: none */
    int first_line; /* -1: nothing yet */
    uint8_t low[RANGE_LINES];
    uint8_t high[RANGE_LINES];
};

struct side_view {
    struct lines luma;
    struct lines chroma[2];
    bool has_chroma;
    int chroma_step; /* luma lines a chroma line covers: 1 or 2 */
    int chroma_lag;  /* luma lines that the outermost chroma line lacks: 1 at odd far sides */
    int colour;      /* sixteenths */
    int chroma_colour[2];
    struct line_ranges ranges[3];
};

struct strays {
    int largest;  /* deviation of a block from the colour, sixteenths */
    double share; /* of blocks over the tolerance */
};

static void find_ranges(const struct lines *lines, int first_line, struct line_ranges *ranges)
{
    int n = lines->count - first_line < RANGE_LINES ? lines->count - first_line : RANGE_LINES;
    int lowest_line = lines->inward > 0 ? first_line : first_line + n - 1;
    const uint8_t *p = lines->first + lowest_line * lines->inward;
    uint8_t low[RANGE_LINES];
    uint8_t high[RANGE_LINES];
    memset(low, 255, sizeof low);
    memset(high, 0, sizeof high);
    for (int x = 0; x < lines->length; x++, p += lines->along) {
        if (n == RANGE_LINES) { /* a constant count lets compilers use vectors */
            for (int i = 0; i < RANGE_LINES; i++) {
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

/* Quick and usual: every single sample is near the colour, so no block strays. */
static bool is_flat(const struct lines *lines, int line, int colour, int tolerance,
                    struct line_ranges *ranges)
{
    uint8_t low = 255;
    uint8_t high = 0;
    if (lines->along == 1) {
        range_of_row(lines->first + line * lines->inward, lines->length, &low, &high);
    } else {
        int first_line = line / RANGE_LINES * RANGE_LINES;
        if (ranges->first_line != first_line)
            find_ranges(lines, first_line, ranges);
        low = ranges->low[line - first_line];
        high = ranges->high[line - first_line];
    }
    return 16 * low >= colour - tolerance && 16 * high <= colour + tolerance;
}

static void look_along(const struct lines *lines, int line, int block, int colour, int tolerance,
                       struct line_ranges *ranges, struct strays *strays)
{
    int means[BLOCKS_MAX];
    int count = 0;
    if (line == ranges->flat_line) /* a chroma line lies behind two luma lines */
        return;
    if (is_flat(lines, line, colour, tolerance, ranges)) {
        ranges->flat_line = line;
        return;
    }
    int n = block_means(lines, line, block, means);
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

static struct strays line_strays(struct side_view *view, int line, int tolerance)
{
    struct strays strays = {0};
    look_along(&view->luma, line, BLOCK, view->colour, tolerance, &view->ranges[0], &strays);
    for (int c = 0; c < 2 && view->has_chroma; c++) {
        int chroma_line = (line + view->chroma_lag) / view->chroma_step;
        if (chroma_line < view->chroma[c].count)
            look_along(&view->chroma[c], chroma_line, CHROMA_BLOCK, view->chroma_colour[c],
                       tolerance, &view->ranges[c + 1], &strays);
    }
    return strays;
}

struct bar {
    int clean;
    int thickness;
};

/* Border lines of one side; both `limit` when all that were looked at are. Strays of up to `reach`
 * are passed for the while; explained_lines judges them. With is_over_text lines that writing crosses
 * are passed as long as clean lines follow. */
static struct bar measure_bar(struct side_view *view, int limit, int tolerance, double reach,
                              bool is_over_text)
{
    struct bar bar = {-1, 0};
    int line = 0;
    for (; line < limit; line++) {
        struct strays strays = line_strays(view, line, tolerance);
        if (strays.largest > tolerance && bar.clean < 0 && !is_over_text)
            bar.clean = line;
        if (strays.largest <= reach * tolerance)
            bar.thickness = line + 1;
        else if (!is_over_text || strays.share > TEXT_SHARE)
            break;
    }
    if (line == limit)
        bar.thickness = limit;
    if (bar.clean < 0)
        bar.clean = bar.thickness;
    return bar;
}

/* The first of lines [from, to) with a block that strays while no edge behind `to` is high enough
 * to have this as its echo: then it is picture, dark or hazy, not ringing. */
static int first_unexplained(const struct lines *lines, int from, int to, int block, int colour,
                             int tolerance)
{
    int means[BLOCKS_MAX + 2] = {0};
    int edges[BLOCKS_MAX + 2] = {0}; /* one more at both ends: every block has neighbours */
    for (int line = to; line < to + EDGE_DEPTH && line < lines->count; line++) {
        int n = block_means(lines, line, block, means + 1);
        for (int i = 1; i <= n; i++)
            edges[i] = abs(means[i] - colour) > edges[i] ? abs(means[i] - colour) : edges[i];
    }
    for (int line = from; line < to && line < lines->count; line++) {
        int n = block_means(lines, line, block, means + 1);
        for (int i = 1; i <= n; i++) {
            int stray = abs(means[i] - colour);
            int edge = edges[i - 1] > edges[i + 1] ? edges[i - 1] : edges[i + 1];
            edge = edges[i] > edge ? edges[i] : edge;
            if (stray > tolerance && edge < ECHO * stray)
                return line;
        }
    }
    return to;
}

/* Forgives the lines from clean on no longer than they can be ringing. Chroma needs no explanation
 * where it strays by no more than chroma_tolerance, nor in the last `bleed` lines. */
static int explained_lines(const struct side_view *view, struct bar bar, int tolerance,
                           int chroma_tolerance, int bleed)
{
    int lines =
        first_unexplained(&view->luma, bar.clean, bar.thickness, BLOCK, view->colour, tolerance);
    for (int c = 0; c < 2 && view->has_chroma; c++) {
        int step = view->chroma_step;
        int from = (bar.clean + view->chroma_lag) / step;
        int to = (bar.thickness - bleed + view->chroma_lag + step - 1) / step;
        int line = first_unexplained(&view->chroma[c], from, to, CHROMA_BLOCK,
                                     view->chroma_colour[c], chroma_tolerance);
        if (line < to && line * step - view->chroma_lag < lines)
            lines = line * step - view->chroma_lag;
    }
    return lines > bar.clean ? lines : bar.clean;
}

/* How far a stretch of a line lies from the bar's colour. */
static int stretch_step(const struct side_view *view, int line, int from, int to)
{
    const struct lines *lines = &view->luma;
    const uint8_t *p = lines->first + line * lines->inward;
    int sum = 0;
    for (int x = from; x < to; x++)
        sum += p[x * lines->along];
    return abs(16 * sum / (to - from) - view->colour);
}

/* Stretches where the picture begins within EDGE_DEPTH lines. A bar of another colour than black must
 * end at once: where it goes on to change, it is a sky or a wall that fades. */
static uint64_t find_steps(const struct side_view *view, int thickness, int threshold,
                           bool is_black)
{
    uint64_t steps = 0;
    const struct lines *lines = &view->luma;
    for (int s = 0; s < STRETCHES; s++) {
        int from = (int)((int64_t)s * lines->length / STRETCHES);
        int to = (int)((int64_t)(s + 1) * lines->length / STRETCHES);
        int step = 0;
        if (to <= from)
            continue;
        for (int depth = 0; depth < EDGE_DEPTH && thickness + depth < lines->count; depth++) {
            int deviation = stretch_step(view, thickness + depth, from, to);
            step = deviation > step ? deviation : step;
            if (is_black && step >= threshold)
                break;
        }
        if (step < threshold)
            continue;
        if (!is_black && thickness + FADE_DEPTH < lines->count &&
            FADE_SHARE * stretch_step(view, thickness + FADE_DEPTH, from, to) > step)
            continue;
        steps |= UINT64_C(1) << s;
    }
    return steps;
}

/* Do the blocks of lines [from, to) swing to both sides of the colour, and few of them? A coded edge
 * rings so; a dim strip of picture beside the bar lies on one side of it. */
static bool swings(const struct lines *lines, int from, int to, int colour, int tolerance)
{
    int means[BLOCKS_MAX];
    int low = 0;
    int high = 0;
    int strays = 0;
    int blocks = 0;
    for (int line = from; line < to; line++) {
        int n = block_means(lines, line, BLOCK, means);
        for (int i = 0; i < n; i++, blocks++) {
            int deviation = means[i] - colour;
            strays += abs(deviation) > tolerance;
            low = deviation < low ? deviation : low;
            high = deviation > high ? deviation : high;
        }
    }
    int smaller = -low < high ? -low : high;
    int larger = -low < high ? high : -low;
    return larger <= tolerance || (smaller >= SWING * larger && strays <= RINGING_SHARE * blocks);
}

/* From its first to its last stretch, half the line or more: that of a window box is shorter. */
static bool is_unbroken(uint64_t steps)
{
    if (!steps)
        return false;
    int span = STRETCHES - __builtin_clzll(steps) - __builtin_ctzll(steps);
    return span >= STRETCHES / 2 && __builtin_popcountll(steps) >= ROUGH_STRAIGHT * span;
}

/* A poor encode's edge rings louder than RINGING, and its chroma without an edge of its own: both are
 * forgiven where the edge of luma behind them is straight from end to end, high enough, and near. */
static struct bar pass_rough_edge(struct side_view *view, struct bar bar, int limit, int tolerance,
                                  int threshold)
{
    struct bar rough = measure_bar(view, limit, tolerance, RINGING_ROUGH, false);
    if (rough.thickness <= bar.thickness || rough.thickness >= limit)
        return bar;
    rough.thickness =
        explained_lines(view, rough, tolerance, (int)(RINGING_CHROMA * tolerance), CHROMA_BLEED);
    if (rough.thickness <= bar.thickness || rough.thickness - rough.clean > RINGING_LINES ||
        !swings(&view->luma, rough.clean, rough.thickness, view->colour, tolerance))
        return bar;
    return is_unbroken(find_steps(view, rough.thickness, threshold, true)) ? rough : bar;
}

static void measure_side(const struct ori_plane planes[3], enum ori_side side, int skip_head,
                         int skip_tail, const struct ori_borders_options *options,
                         struct ori_borders *borders)
{
    struct side_view view = {.chroma_step = 1};
    for (int i = 0; i < 3; i++)
        view.ranges[i].first_line = view.ranges[i].flat_line = -1;
    view.luma = lines_of(&planes[0], side, skip_head, skip_tail);
    if (view.luma.length < STRETCHES / 4 || view.luma.length > BLOCK * BLOCKS_MAX)
        return;
    int tolerance = (int)(16 * options->tolerance);
    int stray = 0;
    view.colour = median_of_line(&view.luma, 0, BLOCK, &stray);
    if (stray > RINGING * tolerance && !options->is_over_text) {
        borders->thickness[side] = 0;
        borders->clean[side] = 0;
        return;
    }
    bool is_row = side == ORI_TOP || side == ORI_BOTTOM;
    int full = is_row ? planes[0].width : planes[0].height;
    int chroma_full = is_row ? planes[1].width : planes[1].height;
    if (planes[1].width > 0) {
        int along = chroma_full * 2 <= full + 1 ? 2 : 1;
        int across = is_row ? planes[0].height : planes[0].width;
        int chroma_across = is_row ? planes[1].height : planes[1].width;
        view.chroma_step = chroma_across * 2 <= across + 1 ? 2 : 1;
        if (view.chroma_step == 2 && (side == ORI_BOTTOM || side == ORI_RIGHT))
            view.chroma_lag = across % 2;
        view.has_chroma = true;
        for (int c = 0; c < 2; c++) {
            view.chroma[c] = lines_of(&planes[c + 1], side, (skip_head + along - 1) / along,
                                      (skip_tail + along - 1) / along);
            if (view.chroma[c].length < 1)
                view.has_chroma = false;
            else
                view.chroma_colour[c] = median_of_line(&view.chroma[c], 0, CHROMA_BLOCK, &stray);
        }
    }
    int limit = (int)(view.luma.count * SHARE_MAX);
    struct bar bar = measure_bar(&view, limit, tolerance, RINGING, options->is_over_text);
    if (bar.thickness >= limit)
        return; /* flat as far as one may look: this frame says nothing */
    if (bar.clean < bar.thickness)
        bar.thickness = explained_lines(&view, bar, tolerance, tolerance, 0);
    if (bar.clean > 0 && !options->is_over_text)
        bar = pass_rough_edge(&view, bar, limit, tolerance, (int)(16 * options->edge_thresh));
    borders->thickness[side] = bar.thickness;
    borders->clean[side] = bar.clean;
    borders->edge[side] = bar.thickness;
    borders->is_black[side] = view.colour <= 16 * options->black_limit;
    if (bar.thickness > 0)
        borders->steps[side] = find_steps(&view, bar.thickness, (int)(16 * options->edge_thresh),
                                          borders->is_black[side]);
    borders->at_once[side] = __builtin_popcountll(borders->steps[side]);
}

void ori_borders_init(struct ori_borders *borders)
{
    memset(borders, 0, sizeof *borders);
    for (int side = 0; side < ORI_SIDES; side++) {
        borders->thickness[side] = ORI_BORDER_UNKNOWN;
        borders->clean[side] = ORI_BORDER_UNKNOWN;
        borders->is_black[side] = true;
    }
}

void ori_borders_measure(const struct ori_plane planes[3],
                         const struct ori_borders_options *options, struct ori_borders *ret_borders)
{
    ori_borders_init(ret_borders);
    measure_side(planes, ORI_TOP, 0, 0, options, ret_borders);
    measure_side(planes, ORI_BOTTOM, 0, 0, options, ret_borders);
    int top = ret_borders->thickness[ORI_TOP];
    int bottom = ret_borders->thickness[ORI_BOTTOM];
    if (top == ORI_BORDER_UNKNOWN || bottom == ORI_BORDER_UNKNOWN) {
        /* Flat above or below the middle: columns are judged over the whole height. */
        top = 0;
        bottom = 0;
    }
    measure_side(planes, ORI_LEFT, top, bottom, options, ret_borders);
    measure_side(planes, ORI_RIGHT, top, bottom, options, ret_borders);
}

static void take_edge(struct ori_borders *into, const struct ori_borders *more, int side)
{
    into->edge[side] = more->edge[side];
    into->steps[side] = more->steps[side];
    into->at_once[side] = more->at_once[side];
}

/* Does the edge that `other` saw prove the thinner bar of `borders` too, better than its own? */
static bool is_edge_of(const struct ori_borders *other, const struct ori_borders *borders, int side)
{
    return other->at_once[side] >= ROUGH_STRAIGHT * STRETCHES &&
           other->edge[side] - borders->thickness[side] <= RINGING_LINES &&
           other->at_once[side] > borders->at_once[side];
}

static void merge_side(struct ori_borders *into, const struct ori_borders *more, int side)
{
    int32_t a = into->thickness[side];
    int32_t b = more->thickness[side];
    if (more->clean[side] < into->clean[side])
        into->clean[side] = more->clean[side];
    if (a == ORI_BORDER_UNKNOWN) {
        into->thickness[side] = b;
        into->is_black[side] = more->is_black[side];
        take_edge(into, more, side);
    } else if (b < a - SAME_LINE) {
        into->thickness[side] = b;
        into->is_black[side] = more->is_black[side];
        if (b == 0 || !is_edge_of(into, more, side))
            take_edge(into, more, side);
    } else if (b > a + SAME_LINE) {
        if (a > 0 && is_edge_of(more, into, side))
            take_edge(into, more, side);
    } else {
        into->thickness[side] = a < b ? a : b;
        into->is_black[side] = into->is_black[side] && more->is_black[side];
        into->steps[side] |= more->steps[side];
        if (more->at_once[side] > into->at_once[side])
            into->at_once[side] = more->at_once[side];
        if (more->edge[side] > into->edge[side])
            into->edge[side] = more->edge[side];
    }
}

void ori_borders_merge(struct ori_borders *into, const struct ori_borders *more)
{
    for (int side = 0; side < ORI_SIDES; side++) {
        if (more->thickness[side] != ORI_BORDER_UNKNOWN)
            merge_side(into, more, side);
    }
}

/* Lines that may go once the edge is proved: ringing is forgiven near the edge alone. */
static int32_t safe_lines(const struct ori_borders *borders, int side)
{
    int32_t thickness = borders->thickness[side];
    int32_t clean = borders->clean[side];
    return thickness - clean <= RINGING_LINES ? thickness : clean;
}

struct proof {
    double straight; /* share of the edge that must have shown a step, */
    double at_once;  /* and share that must have done so in one frame */
};

static bool is_proved(const struct ori_borders *borders, int side, struct proof least, double share)
{
    return __builtin_popcountll(borders->steps[side]) >= least.straight * share * STRETCHES &&
           borders->at_once[side] >= least.at_once * share * STRETCHES;
}

static bool is_pair(int a, int b)
{
    int larger = a > b ? a : b;
    int slack = larger / 10 > 4 ? larger / 10 : 4;
    return abs(a - b) <= slack;
}

/* Lines of this side that are proved to be a bar. share: of its length that is no bar of another
 * side. */
static int proved_lines(const struct ori_borders *borders, int side, double share)
{
    static const struct proof black_pair = {0.35, 0.35};
    static const struct proof pair = {0.6, 0.5};
    static const struct proof black_alone = {0.6, 0.5};
    static const struct proof alone = {0.9, 0.5};
    int opposite = side ^ 1;
    int thickness = borders->thickness[side];
    int other = borders->thickness[opposite];
    bool is_black = borders->is_black[side];
    if (thickness == ORI_BORDER_UNKNOWN || thickness == 0)
        return 0;
    bool is_safe = false;
    if (other != ORI_BORDER_UNKNOWN && other > 0 && is_pair(thickness, other) &&
        is_black == borders->is_black[opposite]) {
        struct proof least = is_black ? black_pair : pair;
        is_safe =
            is_proved(borders, side, least, share) && is_proved(borders, opposite, least, share);
    } else {
        is_safe = is_proved(borders, side, is_black ? black_alone : alone, share);
    }
    return is_safe ? safe_lines(borders, side) : 0;
}

static int keep_margin(int lines, int margin)
{
    return lines > margin ? (lines - margin) & ~1 : 0; /* even: chroma lines stay whole */
}

bool ori_borders_box(const struct ori_borders *borders, int width, int height,
                     const struct ori_borders_options *options, struct ori_box *ret_box)
{
    int cut[ORI_SIDES];
    cut[ORI_LEFT] = proved_lines(borders, ORI_LEFT, 1);
    cut[ORI_RIGHT] = proved_lines(borders, ORI_RIGHT, 1);
    double share = 1 - (double)(cut[ORI_LEFT] + cut[ORI_RIGHT]) / width;
    cut[ORI_TOP] = proved_lines(borders, ORI_TOP, share);
    cut[ORI_BOTTOM] = proved_lines(borders, ORI_BOTTOM, share);
    for (int side = 0; side < ORI_SIDES; side++)
        cut[side] = keep_margin(cut[side], options->safe_margin_px);
    int across = cut[ORI_LEFT] + cut[ORI_RIGHT];
    int down = cut[ORI_TOP] + cut[ORI_BOTTOM];
    if (across == 0 && down == 0)
        return false;
    if (across < options->min_crop_ratio * width && down < options->min_crop_ratio * height)
        return false;
    *ret_box = (struct ori_box){cut[ORI_LEFT], cut[ORI_TOP], width - across, height - down};
    return true;
}

static bool is_within(int32_t thickness, int cut)
{
    return thickness == ORI_BORDER_UNKNOWN || cut <= thickness;
}

bool ori_borders_allow(const struct ori_borders *borders, int width, int height,
                       const struct ori_box *box)
{
    return is_within(borders->thickness[ORI_LEFT], box->x) &&
           is_within(borders->thickness[ORI_TOP], box->y) &&
           is_within(borders->thickness[ORI_RIGHT], width - box->x - box->w) &&
           is_within(borders->thickness[ORI_BOTTOM], height - box->y - box->h);
}
