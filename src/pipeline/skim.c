#include "pipeline/skim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"
#include "vision/likeness.h"

/* Tuned on the scoreboard's clips of seed 1, encoded with key frames at cuts and at even distances. */
#define ALIKE 0.2           /* unlikeness: such a step is no cut */
#define ALIKE_STRUCTURE 0.4 /* where it is not chance */
#define UNLIKE 0.4          /* and such a one is, */
#define SAME_STRUCTURE 0.4  /* unless it is the same under another light, */
#define WASHED_OUT 0.6      /* or of so much less contrast: a flash, or half of a fade */
#define SPIKE 2.5           /* times the usual size: a cut in the middle of a group */
#define SHARE 0.35          /* of a key frame: likewise, */
#define SPIKE_OF_SHARE 1.6  /* where it is so many times the usual size */
#define SWELL 1.8           /* a few in a row: a transition, or something comes into view */
#define SPIKE_CUT 2.0       /* before a key frame at a cut: no part of a transition into it */
#define SWELL_CUT 1.4
#define SPIKE_END 1.5 /* at the end of the video, where no key frame tells what became of it */
#define SWELL_END 1.2
#define SWELL_PICTURES 4
#define USUAL_LEAST 0.02 /* of a key frame: in a still picture anything would be a spike */
#define LOOK_US 400000   /* longer than a flash, and a window of the frame chooser */
#define LOOK_BACK 4 /* coded pictures: B frames come after the one that they are shown before */

void ori_skim_init(struct ori_skim *ret_skim, enum ori_speed speed, double downscale)
{
    memset(ret_skim, 0, sizeof *ret_skim);
    ret_skim->speed = speed;
    ret_skim->downscale = downscale;
    ret_skim->next_us = -1;
}

static int compare(const void *a, const void *b)
{
    int32_t first = *(const int32_t *)a;
    int32_t second = *(const int32_t *)b;
    return (first > second) - (first < second);
}

static double usual_bytes(const struct ori_group_rest *rest, double key)
{
    int32_t sizes[ORI_LIMIT_MAX_GROUP_PICTURES];
    size_t n = 0;
    for (size_t i = 1; i < rest->count && n < ORI_LIMIT_MAX_GROUP_PICTURES; i++) {
        if (rest->coded[i].is_forward)
            sizes[n++] = rest->coded[i].bytes;
    }
    if (n == 0)
        return USUAL_LEAST * key;
    qsort(sizes, n, sizeof *sizes, compare);
    double median = sizes[n / 2];
    return median > USUAL_LEAST * key ? median : USUAL_LEAST * key;
}

static bool is_large(double share, double spike)
{
    return spike > SPIKE || (share > SHARE && spike > SPIKE_OF_SHARE);
}

struct ori_skim_sizes ori_skim_sizes_of(const struct ori_group_rest *rest)
{
    struct ori_skim_sizes found = {0};
    double key = fmax(rest->coded[0].bytes, rest->next ? rest->next_bytes : 0);
    double least = fmin(rest->coded[0].bytes, rest->next ? rest->next_bytes : key);
    double usual = usual_bytes(rest, least);
    double last[SWELL_PICTURES] = {0};
    double sum = 0;
    size_t n = 0;
    size_t before = rest->begin > LOOK_BACK ? rest->begin - LOOK_BACK : 1;
    for (size_t i = before; i < rest->count; i++) {
        double bytes = rest->coded[i].bytes;
        if (!rest->coded[i].is_forward)
            continue;
        if (is_large(bytes / key, bytes / usual) && i < rest->begin + ORI_GROUP_STEP)
            found.is_at_hand = true;
        if (i < rest->begin)
            continue;
        sum += bytes - last[n % SWELL_PICTURES];
        last[n++ % SWELL_PICTURES] = bytes;
        found.share = fmax(found.share, bytes / key);
        found.spike = fmax(found.spike, bytes / usual);
        found.swell = fmax(found.swell, sum / SWELL_PICTURES / usual);
    }
    return found;
}

static ori_status thumb_of(struct ori_skim *skim, struct ori_video *video,
                           const struct ori_frame *frame, struct ori_thumb *ret_thumb,
                           struct ori_error *err)
{
    struct ori_plane planes[3];
    ori_status status = ori_frame_planes(video, frame, planes, err);
    if (status == ORI_OK)
        ori_thumb_make(planes, skim->downscale, ret_thumb);
    return status;
}

static bool is_alike(const struct ori_skim *skim)
{
    return ori_unlikeness(&skim->newest, &skim->next) < ALIKE &&
           ori_structure_likeness(&skim->newest, &skim->next) > ALIKE_STRUCTURE;
}

/* Is the next key frame where it is because the encoder saw a cut? Not where key frames come at even
 * distances: the change lies somewhere before it then. */
static bool is_cut(const struct ori_skim *skim)
{
    bool is_round = skim->count % 12 == 0 || skim->count % 10 == 0;
    bool is_even = skim->count == skim->before || skim->count == skim->longest ||
                   (skim->before == 0 && is_round);
    return !is_even && skim->next.std > WASHED_OUT * skim->newest.std &&
           ori_unlikeness(&skim->newest, &skim->next) > UNLIKE &&
           ori_structure_likeness(&skim->newest, &skim->next) < SAME_STRUCTURE;
}

/* May all that was not decoded of the group be left out? */
static bool is_calm(const struct ori_skim *skim, const struct ori_group_rest *rest,
                    const struct ori_skim_sizes *sizes)
{
    double spike = SPIKE_END;
    double swell = SWELL_END;
    if (rest->next && is_alike(skim)) {
        spike = SPIKE;
        swell = SWELL;
    } else if (rest->next && is_cut(skim)) {
        spike = SPIKE_CUT;
        swell = SWELL_CUT;
    } else if (rest->next) {
        return false;
    }
    return !is_large(sizes->share, sizes->spike) && sizes->spike <= spike && sizes->swell <= swell;
}

ori_status ori_skim_ask(void *self, struct ori_video *video, const struct ori_group_rest *rest,
                        enum ori_group_plan *ret_plan, struct ori_error *err)
{
    struct ori_skim *skim = self;
    ori_status status = ORI_OK;
    if (rest->begin == 1) {
        if (skim->count == 0)
            skim->look_until_us = rest->newest->pts_us + LOOK_US;
        skim->before = skim->count;
        skim->longest = skim->count > skim->longest ? skim->count : skim->longest;
        skim->count = rest->count;
    }
    *ret_plan = ORI_GROUP_SKIP;
    if (skim->speed == ORI_SPEED_TURBO)
        return ORI_OK;
    status = thumb_of(skim, video, rest->newest, &skim->newest, err);
    if (status == ORI_OK && rest->next && rest->next->pts_us != skim->next_us) {
        skim->next_us = rest->next->pts_us;
        status = thumb_of(skim, video, rest->next, &skim->next, err);
    }
    if (status != ORI_OK)
        return status;
    const struct ori_skim_sizes sizes = ori_skim_sizes_of(rest);
    if (rest->newest->pts_us < skim->look_until_us || !is_calm(skim, rest, &sizes))
        *ret_plan = sizes.is_at_hand ? ORI_GROUP_ALL : ORI_GROUP_REFERENCES;
    else if (rest->next && !is_alike(skim))
        skim->look_until_us = rest->next->pts_us + LOOK_US;
    return ORI_OK;
}
