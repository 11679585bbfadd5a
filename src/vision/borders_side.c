/* Where the bar of one side ends in one frame, and whether the edge there is straight. The constants
 * were tuned on the clips of bench/score of odd seeds. */
#include "vision/borders_priv.h"

#include <stdlib.h>
#include <string.h>

#define RINGING 2.5       /* tolerances that a coded edge may stray by, */
#define RINGING_ROUGH 5.0 /* at a poor encode's straight edge, on few blocks, */
#define RINGING_CHROMA 3.5
#define RINGING_SHARE 0.4
#define CHROMA_BLEED 4 /* luma lines: a chroma block's sharpest error, within the safe margin */
#define SWING 0.25     /* to both sides alike */
#define EDGE_RISE 2    /* from a line to the next: the edge is not at the first */
#define ECHO 3         /* ringing: the edge is so many times as high */
#define EDGE_DEPTH 4   /* lines behind the edge that a step may take: scaled video is soft */
#define FADE_DEPTH 24  /* there a fade has gone on, */
#define FADE_SHARE 0.4 /* to more than what it had by EDGE_DEPTH by this */
#define EDGE_SHARE 0.9 /* of the stretches with an edge that have it at one line */
#define LOUD 5.0       /* tolerances: a stray that is no remainder of other frames */
#define SHARE_MAX 0.45 /* of the picture that one bar may take */
#define TEXT_SHARE 0.5 /* of a line that writing may cover */

struct bar {
    int clean;
    int thickness;
};

/* Border lines of one side; both `limit` when all that were looked at are. Strays of up to `reach`
 * are passed for the while; explained_lines judges them. With is_over_text lines that writing crosses
 * are passed as long as clean lines follow. */
static struct bar measure_bar(struct border_view *view, int limit, int tolerance, double reach,
                              bool is_over_text)
{
    struct bar bar = {-1, 0};
    int line = 0;
    for (; line < limit; line++) {
        struct border_strays strays = borders_strays(view, line, tolerance);
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
static int first_unexplained(const struct border_lines *lines, int from, int to, int block,
                             int colour, int tolerance, int echo)
{
    int means[BORDER_BLOCKS_MAX + 2] = {0};
    int edges[BORDER_BLOCKS_MAX + 2] = {0}; /* one more at both ends: every block has neighbours */
    for (int line = to; line < to + EDGE_DEPTH && line < lines->count; line++) {
        int n = borders_block_means(lines, line, block, means + 1);
        for (int i = 1; i <= n; i++)
            edges[i] = abs(means[i] - colour) > edges[i] ? abs(means[i] - colour) : edges[i];
    }
    for (int line = from; line < to && line < lines->count; line++) {
        int n = borders_block_means(lines, line, block, means + 1);
        for (int i = 1; i <= n; i++) {
            int stray = abs(means[i] - colour);
            int edge = edges[i - 1] > edges[i + 1] ? edges[i - 1] : edges[i + 1];
            edge = edges[i] > edge ? edges[i] : edge;
            if (stray > tolerance && edge < echo * stray)
                return line;
        }
    }
    return to;
}

/* Forgives the lines from clean on no longer than they can be ringing. Chroma needs no explanation
 * where it strays by no more than chroma_tolerance, nor in the last `bleed` lines. */
static int explained_lines(const struct border_view *view, struct bar bar, int tolerance,
                           int chroma_tolerance, int bleed)
{
    int lines = first_unexplained(&view->luma, bar.clean, bar.thickness, BORDER_BLOCK, view->colour,
                                  tolerance, ECHO);
    for (int c = 0; c < 2 && view->has_chroma; c++) {
        int step = view->chroma_step;
        int from = (bar.clean + view->chroma_lag) / step;
        int to = (bar.thickness - bleed + view->chroma_lag + step - 1) / step;
        int line = first_unexplained(&view->chroma[c], from, to, BORDER_CHROMA_BLOCK,
                                     view->chroma_colour[c], chroma_tolerance, ECHO);
        if (line < to && line * step - view->chroma_lag < lines)
            lines = line * step - view->chroma_lag;
    }
    return lines > bar.clean ? lines : bar.clean;
}

/* How far a stretch of a line lies from the bar's colour. */
static int stretch_step(const struct border_view *view, int line, int from, int to)
{
    const struct border_lines *lines = &view->luma;
    const uint8_t *p = lines->first + line * lines->inward;
    int sum = 0;
    for (int x = from; x < to; x++)
        sum += p[x * lines->along];
    return abs(16 * sum / (to - from) - view->colour);
}

/* Stretches where the picture begins within EDGE_DEPTH lines. A bar of another colour than black must
 * end at once: where it goes on to change, it is a sky or a wall that fades. */
static uint64_t find_steps(const struct border_view *view, int thickness, int threshold,
                           bool is_black)
{
    uint64_t steps = 0;
    const struct border_lines *lines = &view->luma;
    for (int s = 0; s < BORDER_STRETCHES; s++) {
        int from = (int)((int64_t)s * lines->length / BORDER_STRETCHES);
        int to = (int)((int64_t)(s + 1) * lines->length / BORDER_STRETCHES);
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
static bool swings(const struct border_lines *lines, int from, int to, int colour, int tolerance)
{
    int means[BORDER_BLOCKS_MAX];
    int low = 0;
    int high = 0;
    int strays = 0;
    int blocks = 0;
    for (int line = from; line < to; line++) {
        int n = borders_block_means(lines, line, BORDER_BLOCK, means);
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
    int span = BORDER_STRETCHES - __builtin_clzll(steps) - __builtin_ctzll(steps);
    return span >= BORDER_STRETCHES / 2 && __builtin_popcountll(steps) >= BORDER_STRAIGHT * span;
}

/* A poor encode's edge rings louder than RINGING, and its chroma without an edge of its own: both are
 * forgiven where the edge of luma behind them is straight from end to end, high enough, and near. */
static struct bar pass_rough_edge(struct border_view *view, struct bar bar, int limit,
                                  int tolerance, int threshold)
{
    struct bar rough = measure_bar(view, limit, tolerance, RINGING_ROUGH, false);
    if (rough.thickness <= bar.thickness || rough.thickness >= limit)
        return bar;
    rough.thickness =
        explained_lines(view, rough, tolerance, (int)(RINGING_CHROMA * tolerance), CHROMA_BLEED);
    if (rough.thickness <= bar.thickness || rough.thickness - rough.clean > BORDER_RINGING_LINES ||
        !swings(&view->luma, rough.clean, rough.thickness, view->colour, tolerance))
        return bar;
    return is_unbroken(find_steps(view, rough.thickness, threshold, true)) ? rough : bar;
}

/* Where the stretch has come up to the threshold, and no line soon after is much higher: lines behind
 * `thickness`, or -1. */
static int rise_of(const struct border_view *view, int thickness, int from, int to, int threshold)
{
    int steps[ORI_BORDER_REACH + EDGE_DEPTH] = {0};
    int known = 0; /* steps measured so far: most stretches need the first few alone */
    for (int k = 0; k <= ORI_BORDER_REACH; k++) {
        int next = 0;
        for (; known < k + EDGE_DEPTH; known++)
            steps[known] = stretch_step(view, thickness + known, from, to);
        for (int depth = 1; depth < EDGE_DEPTH; depth++)
            next = steps[k + depth] > next ? steps[k + depth] : next;
        if (steps[k] >= threshold && next < EDGE_RISE * steps[k])
            return k;
    }
    return -1;
}

/* The line where at least EDGE_SHARE of the stretches that rise do so, sought from the bar's end on,
 * when what strays before it can be its blur. ret_line: that line; without one the first line that is
 * too loud to be a remainder of other frames, or -1. */
static bool find_edge(struct border_view *view, struct bar bar, int tolerance, int threshold,
                      int *ret_line)
{
    const struct border_lines *lines = &view->luma;
    int counts[ORI_BORDER_REACH + 1] = {0};
    int risen = 0;
    int best = 0;
    for (int s = 0; s < BORDER_STRETCHES; s++) {
        int from = (int)((int64_t)s * lines->length / BORDER_STRETCHES);
        int to = (int)((int64_t)(s + 1) * lines->length / BORDER_STRETCHES);
        int rise = from < to ? rise_of(view, bar.thickness, from, to, threshold) : -1;
        if (rise < 0)
            continue;
        risen++;
        counts[rise]++;
        best = counts[rise] > counts[best] ? rise : best;
    }
    int edge = bar.thickness + best;
    *ret_line = edge;
    if (risen > 0 && counts[best] >= EDGE_SHARE * risen &&
        first_unexplained(lines, bar.clean, edge, BORDER_BLOCK, view->colour, tolerance,
                          EDGE_RISE) == edge)
        return true;
    for (int line = bar.thickness; line < bar.thickness + ORI_BORDER_REACH; line++) {
        *ret_line = line;
        if (borders_strays(view, line, tolerance).largest > LOUD * tolerance)
            return false;
    }
    *ret_line = -1;
    return false;
}

static void vote(struct border_view *view, struct bar bar, int tolerance, int threshold,
                 uint16_t votes[ORI_BORDER_LINES], uint16_t doubts[ORI_BORDER_LINES])
{
    int line = -1;
    if (bar.thickness + FADE_DEPTH >= view->luma.count)
        return;
    if (find_edge(view, bar, tolerance, threshold, &line))
        votes[line % ORI_BORDER_LINES] = 1;
    else if (line >= 0)
        doubts[line % ORI_BORDER_LINES] = 1;
}

/* A cut that had few bits leaves a cast of the scene before on the bar, for a frame: strays that are no
 * louder than ringing as far as a straight edge, and too far from it to be its ringing. Returns the bar up to there; bar: measured. */
static struct bar pass_cast(struct border_view *view, struct bar bar, int thickness, int threshold,
                            bool is_black)
{
    bool is_short = thickness - bar.thickness > BORDER_RINGING_LINES ||
                    bar.thickness - bar.clean > BORDER_RINGING_LINES;
    if (is_short && is_unbroken(find_steps(view, thickness, threshold, is_black)))
        return (struct bar){thickness, thickness};
    return bar;
}

void borders_measure_side(const struct ori_plane planes[3], enum ori_side side, int skip_head,
                          int skip_tail, const struct ori_borders_options *options,
                          struct ori_borders *borders)
{
    struct border_view view = {.chroma_step = 1};
    for (int i = 0; i < 3; i++)
        view.ranges[i].first_line = view.ranges[i].flat_line = -1;
    view.luma = borders_lines_of(&planes[0], side, skip_head, skip_tail);
    if (view.luma.length < BORDER_STRETCHES / 4 ||
        view.luma.length > BORDER_BLOCK * BORDER_BLOCKS_MAX)
        return;
    int tolerance = (int)(16 * options->tolerance);
    int stray = 0;
    view.colour = borders_median(&view.luma, 0, BORDER_BLOCK, &stray);
    if (stray > RINGING * tolerance && !options->is_over_text) {
        borders->thickness[side] = 0;
        borders->clean[side] = 0;
        borders->frames[side] = 1;
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
            view.chroma[c] = borders_lines_of(&planes[c + 1], side, (skip_head + along - 1) / along,
                                              (skip_tail + along - 1) / along);
            if (view.chroma[c].length < 1)
                view.has_chroma = false;
            else
                view.chroma_colour[c] =
                    borders_median(&view.chroma[c], 0, BORDER_CHROMA_BLOCK, &stray);
        }
    }
    int limit = (int)(view.luma.count * SHARE_MAX);
    struct bar bar = measure_bar(&view, limit, tolerance, RINGING, options->is_over_text);
    if (bar.thickness >= limit)
        return; /* flat as far as one may look: this frame says nothing */
    int threshold = (int)(16 * options->edge_thresh);
    bool is_black = view.colour <= 16 * options->black_limit;
    int quiet = bar.thickness; /* no stray before it is loud */
    if (bar.clean < bar.thickness)
        bar.thickness = explained_lines(&view, bar, tolerance, tolerance, 0);
    if (bar.clean > 0 && !options->is_over_text)
        bar = pass_rough_edge(&view, bar, limit, tolerance, threshold);
    if (!options->is_over_text) {
        struct bar passed = pass_cast(&view, bar, quiet, threshold, is_black);
        if (passed.clean != bar.clean) {
            bool is_near = bar.thickness - bar.clean <= BORDER_RINGING_LINES;
            borders->cast[side] = is_near ? bar.thickness : bar.clean;
            borders->cast_frames[side] = 1;
            bar = passed;
        }
    }
    borders->frames[side] = 1;
    borders->thickness[side] = bar.thickness;
    borders->clean[side] = bar.clean;
    borders->edge[side] = bar.thickness;
    borders->is_black[side] = is_black;
    if (bar.thickness > 0) {
        borders->steps[side] = find_steps(&view, bar.thickness, threshold, is_black);
        vote(&view, bar, tolerance, threshold, borders->votes[side], borders->doubts[side]);
    }
    borders->at_once[side] = __builtin_popcountll(borders->steps[side]);
}
