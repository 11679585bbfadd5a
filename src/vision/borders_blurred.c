/* Sides filled with a blurred, enlarged copy of the picture, as telephones' videos have them: soft, and
 * parted from the picture by a straight line where all detail begins. The constants were tuned on the
 * clips of bench/score of odd seeds. */
#include "vision/borders_priv.h"

#include <stdlib.h>

#define SAMPLES 64       /* places along a side where lines are compared */
#define STEP 5           /* code values from a line to the next that make an edge, */
#define STEP_SHARE 0.5   /* at so many of the places: a shape's edge is shorter or slants */
#define BLUNT 2          /* lines behind it that the coded edge may stand at */
#define SOFT 0.4         /* detail of a side, of that between the sides, */
#define SOFT_LINE 1.5    /* and of each of its lines: words stand in a bar, not in a blur; */
#define SOFT_LINE_MIN 2  /* so much of it is the codec's */
#define DETAIL_MIN 0.3   /* code values a place: less is a dark or empty frame */
#define SPREAD_MIN 12    /* code values between the 20th and the 80th percentile of a side: */
#define SPREAD_SHARE 0.2 /* less is a bar of one colour, written on or not */
#define SHARE_MAX 0.45   /* of the picture that one side may take */
#define SIDE_MIN 8       /* lines: less than 18 in all are no picture with sides */
#define FRAMES_MIN 3
#define FRAMES_SHARE 0.6 /* of the frames that must have shown the line */
#define PAIR_SLACK 0.05  /* widths of both sides differ by no more of the wider one, */
#define PAIR_SLACK_PX 4  /* or by so much */

static const uint8_t *sample_of(const struct border_lines *lines, int line, int place)
{
    int64_t x = (int64_t)(2 * place + 1) * lines->length / (2 * SAMPLES);
    return lines->first + line * lines->inward + x * lines->along;
}

/* Code values that the places of a line lie off the middle of its neighbours, in all. */
static int detail_of(const struct border_lines *lines, int line)
{
    int detail = 0;
    for (int place = 0; place < SAMPLES; place++) {
        const uint8_t *p = sample_of(lines, line, place);
        detail += abs(2 * p[0] - p[-lines->inward] - p[lines->inward]);
    }
    return detail;
}

static int steps_of(const struct border_lines *lines, int line)
{
    int steps = 0;
    for (int place = 0; place < SAMPLES; place++) {
        const uint8_t *p = sample_of(lines, line, place);
        steps += abs(p[0] - p[-lines->inward]) >= STEP;
    }
    return steps;
}

/* The outermost straight edge, or -1. */
static int find_line(const struct border_lines *lines, int limit)
{
    for (int line = 1; line < limit; line++) {
        int most = steps_of(lines, line);
        int best = line;
        if (most < STEP_SHARE * SAMPLES)
            continue;
        for (int next = line + 1; next <= line + BLUNT; next++) {
            int steps = steps_of(lines, next);
            best = steps > most ? next : best;
            most = steps > most ? steps : most;
        }
        return best;
    }
    return -1;
}

/* Detail of a place on the lines [from, to): the mean, and that of the line that has most. */
static double mean_detail(const struct border_lines *lines, int from, int to, double *ret_most)
{
    int64_t sum = 0;
    int most = 0;
    for (int line = from; line < to; line++) {
        int detail = detail_of(lines, line);
        sum += detail;
        most = detail > most ? detail : most;
    }
    *ret_most = (double)most / SAMPLES;
    return to > from ? (double)sum / SAMPLES / (to - from) : 0;
}

/* Are the lines [0, to) of more than one colour? */
static bool is_varied(const struct border_lines *lines, int to)
{
    int counts[256] = {0};
    int edge = (int)(SPREAD_SHARE * SAMPLES * to);
    int low = 0;
    int high = 255;
    for (int line = 0; line < to; line++) {
        for (int place = 0; place < SAMPLES; place++)
            counts[*sample_of(lines, line, place)]++;
    }
    for (int below = counts[0]; below <= edge && low < 255; below += counts[low])
        low++;
    for (int above = counts[255]; above <= edge && high > 0; above += counts[high])
        high--;
    return high - low >= SPREAD_MIN;
}

void borders_measure_blurred(const struct ori_plane *luma, enum ori_side side,
                             struct ori_borders *borders)
{
    struct border_lines lines = borders_lines_of(luma, side, 0, 0);
    int limit = (int)(lines.count * SHARE_MAX);
    double most = 0;
    if (limit < SIDE_MIN || lines.length < SAMPLES)
        return;
    int line = find_line(&lines, limit);
    int from = line > 0 ? line + BLUNT : limit;
    double inside = mean_detail(&lines, from, lines.count - from, &most); /* sides are a pair */
    if (inside < DETAIL_MIN)
        return; /* says nothing */
    borders->blurred_frames[side] = 1;
    if (line <= BLUNT + 1 || mean_detail(&lines, 1, line - BLUNT, &most) > SOFT * inside ||
        most > SOFT_LINE * inside + SOFT_LINE_MIN)
        return;
    borders->blurred[side] = line;
    borders->blurred_votes[side] = 1;
    borders->blurred_varied[side] = is_varied(&lines, line);
}

void borders_merge_blurred(struct ori_borders *into, const struct ori_borders *more, int side)
{
    bool is_same = abs(into->blurred[side] - more->blurred[side]) <= 1;
    uint32_t votes = into->blurred_votes[side];
    if (more->blurred_votes[side] > votes)
        into->blurred[side] = more->blurred[side];
    if (is_same)
        into->blurred_votes[side] = votes + more->blurred_votes[side];
    else if (more->blurred_votes[side] > votes)
        into->blurred_votes[side] = more->blurred_votes[side];
    into->blurred_frames[side] += more->blurred_frames[side];
    into->blurred_varied[side] += more->blurred_varied[side];
}

int borders_blurred_lines(const struct ori_borders *borders, int side)
{
    uint32_t votes = borders->blurred_votes[side];
    bool is_shown = votes >= FRAMES_MIN && votes >= FRAMES_SHARE * borders->blurred_frames[side];
    return is_shown ? borders->blurred[side] : 0;
}

bool borders_are_blurred(const struct ori_borders *borders, int side)
{
    int lines = borders_blurred_lines(borders, side);
    int other = borders_blurred_lines(borders, side ^ 1);
    int wider = lines > other ? lines : other;
    double slack = PAIR_SLACK * wider > PAIR_SLACK_PX ? PAIR_SLACK * wider : PAIR_SLACK_PX;
    uint32_t varied = borders->blurred_varied[side] + borders->blurred_varied[side ^ 1];
    return lines && other && abs(lines - other) <= slack && varied >= FRAMES_MIN;
}
