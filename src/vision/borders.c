#include "vision/borders_priv.h"

#include <stdlib.h>
#include <string.h>

#define SAME_LINE 2 /* edges this near to each other are one edge */
#define MOST 2      /* an edge stands where so many times as many frames say so as deny it */
#define FEW 8       /* frames are few when others are so many times as many */

void ori_borders_init(struct ori_borders *borders)
{
    memset(borders, 0, sizeof *borders);
    for (int side = 0; side < ORI_SIDES; side++) {
        borders->thickness[side] = ORI_BORDER_UNKNOWN;
        borders->clean[side] = ORI_BORDER_UNKNOWN;
        borders->cast[side] = ORI_BORDER_UNKNOWN;
        borders->is_black[side] = true;
    }
}

void ori_borders_measure(const struct ori_plane planes[3],
                         const struct ori_borders_options *options, struct ori_borders *ret_borders)
{
    ori_borders_init(ret_borders);
    borders_measure_side(planes, ORI_TOP, 0, 0, options, ret_borders);
    borders_measure_side(planes, ORI_BOTTOM, 0, 0, options, ret_borders);
    int top = ret_borders->thickness[ORI_TOP];
    int bottom = ret_borders->thickness[ORI_BOTTOM];
    if (top == ORI_BORDER_UNKNOWN || bottom == ORI_BORDER_UNKNOWN) {
        /* Flat above or below the middle: columns are judged over the whole height. */
        top = 0;
        bottom = 0;
    }
    borders_measure_side(planes, ORI_LEFT, top, bottom, options, ret_borders);
    borders_measure_side(planes, ORI_RIGHT, top, bottom, options, ret_borders);
    for (int side = 0; side < ORI_SIDES && options->is_blurred; side++)
        borders_measure_blurred(&planes[0], (enum ori_side)side, ret_borders);
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
    return other->at_once[side] >= BORDER_STRAIGHT * BORDER_STRETCHES &&
           other->edge[side] - borders->thickness[side] <= BORDER_RINGING_LINES &&
           other->at_once[side] > borders->at_once[side];
}

static void add_votes(uint16_t into[ORI_BORDER_LINES], const uint16_t more[ORI_BORDER_LINES])
{
    for (int i = 0; i < ORI_BORDER_LINES; i++)
        into[i] = (uint16_t)(into[i] + more[i] < UINT16_MAX ? into[i] + more[i] : UINT16_MAX);
}

static void merge_counts(struct ori_borders *into, const struct ori_borders *more, int side)
{
    if (more->cast[side] < into->cast[side])
        into->cast[side] = more->cast[side];
    into->cast_frames[side] += more->cast_frames[side];
    into->frames[side] += more->frames[side];
    add_votes(into->votes[side], more->votes[side]);
    add_votes(into->doubts[side], more->doubts[side]);
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
        borders_merge_blurred(into, more, side);
        if (more->thickness[side] == ORI_BORDER_UNKNOWN)
            continue;
        merge_side(into, more, side);
        merge_counts(into, more, side);
    }
}

/* Lines that are border in all frames, or in all but the few with a cast. */
static int32_t border_lines(const struct ori_borders *borders, int side)
{
    int32_t lines = borders->thickness[side];
    if (borders->cast_frames[side] * FEW > borders->frames[side] && borders->cast[side] < lines)
        lines = borders->cast[side];
    return lines;
}

/* Those that may go once the edge is proved: ringing is forgiven near the edge alone. */
static int32_t safe_lines(const struct ori_borders *borders, int side)
{
    int32_t lines = border_lines(borders, side);
    int32_t clean = borders->clean[side];
    if (borders->thickness[side] - lines > BORDER_RINGING_LINES)
        return 0;
    return lines - clean <= BORDER_RINGING_LINES ? lines : clean;
}

struct proof {
    double straight; /* share of the edge that must have shown a step, */
    double at_once;  /* and share that must have done so in one frame */
};

static bool is_proved(const struct ori_borders *borders, int side, struct proof least, double share)
{
    return __builtin_popcountll(borders->steps[side]) >=
               least.straight * share * BORDER_STRETCHES &&
           borders->at_once[side] >= least.at_once * share * BORDER_STRETCHES;
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
    int thickness = border_lines(borders, side);
    int other = border_lines(borders, opposite);
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

/* Where frames have shown the edge: at `lines`, or up to `reach` behind it. */
static int edge_line(const struct ori_borders *borders, int side, int lines, int reach)
{
    const uint16_t *votes = borders->votes[side];
    const uint16_t *doubts = borders->doubts[side];
    uint32_t against = 0;
    int edge = lines;
    for (int line = lines + 1; line <= lines + reach; line++) {
        if (votes[line % ORI_BORDER_LINES] > votes[edge % ORI_BORDER_LINES])
            edge = line;
    }
    for (int line = lines; line < edge; line++)
        against += votes[line % ORI_BORDER_LINES] + doubts[line % ORI_BORDER_LINES];
    return against * MOST <= votes[edge % ORI_BORDER_LINES] ? edge : lines;
}

/* The margin is counted from the edge. What strays before it (at most margin lines) is not removed. */
static int keep_margin(const struct ori_borders *borders, int side, int lines, int margin)
{
    int reach = margin < ORI_BORDER_REACH ? margin : ORI_BORDER_REACH;
    int edge = lines > 0 ? edge_line(borders, side, lines, reach) : 0;
    return edge > margin ? (edge - margin) & ~1 : 0; /* even: chroma lines stay whole */
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
    for (int side = 0; side < ORI_SIDES; side++) {
        cut[side] = keep_margin(borders, side, cut[side], options->safe_margin_px);
        int blurred = 0;
        if (borders_are_blurred(borders, side))
            blurred = (borders_blurred_lines(borders, side) - options->safe_margin_px) & ~1;
        cut[side] = blurred > cut[side] ? blurred : cut[side];
    }
    int across = cut[ORI_LEFT] + cut[ORI_RIGHT];
    int down = cut[ORI_TOP] + cut[ORI_BOTTOM];
    if (across == 0 && down == 0)
        return false;
    if (across < options->min_crop_ratio * width && down < options->min_crop_ratio * height)
        return false;
    *ret_box = (struct ori_box){cut[ORI_LEFT], cut[ORI_TOP], width - across, height - down};
    return true;
}

static bool is_within(const struct ori_borders *borders, int side, int cut)
{
    int32_t lines = border_lines(borders, side);
    return lines == ORI_BORDER_UNKNOWN || cut <= lines ||
           cut <= borders_blurred_lines(borders, side);
}

bool ori_borders_allow(const struct ori_borders *borders, int width, int height,
                       const struct ori_box *box)
{
    return is_within(borders, ORI_LEFT, box->x) && is_within(borders, ORI_TOP, box->y) &&
           is_within(borders, ORI_RIGHT, width - box->x - box->w) &&
           is_within(borders, ORI_BOTTOM, height - box->y - box->h);
}
