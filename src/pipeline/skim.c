#include "pipeline/skim.h"

#include <stdlib.h>
#include <string.h>

#include "util/limits.h"
#include "vision/likeness.h"
#include "vision/scenes.h"

#define SWELL_PICTURES 4

void ori_skim_init(struct ori_skim *ret_skim, enum ori_speed speed, double downscale,
                   double solid_std)
{
    memset(ret_skim, 0, sizeof *ret_skim);
    ret_skim->speed = speed;
    ret_skim->downscale = downscale;
    ret_skim->solid_std = solid_std;
    ret_skim->next_us = -1;
}

static int compare(const void *a, const void *b)
{
    int32_t first = *(const int32_t *)a;
    int32_t second = *(const int32_t *)b;
    return (first > second) - (first < second);
}

struct ori_skim_sizes ori_skim_sizes_of(const struct ori_group_rest *rest)
{
    int32_t sizes[ORI_LIMIT_MAX_GROUP_PICTURES];
    struct ori_skim_sizes found = {0, 1};
    size_t n = 0;
    int64_t largest = 0;
    int64_t key = rest->key_bytes;
    if (rest->next && rest->next_bytes < key)
        key = rest->next_bytes;
    for (size_t i = 0; i < rest->count && n < ORI_LIMIT_MAX_GROUP_PICTURES; i++) {
        if (rest->coded[i].is_forward)
            sizes[n++] = rest->coded[i].bytes;
    }
    if (n == 0 || key <= 0)
        return found;
    for (size_t i = 0; i + SWELL_PICTURES <= n; i++) {
        int64_t sum = 0;
        for (size_t k = 0; k < SWELL_PICTURES; k++)
            sum += sizes[i + k];
        largest = sum > largest ? sum : largest;
    }
    qsort(sizes, n, sizeof *sizes, compare);
    found.peak = (double)sizes[n - 1] / (double)key;
    if (n >= 3 * SWELL_PICTURES)
        found.swell = (double)largest / SWELL_PICTURES / (1 + (double)sizes[n / 2]);
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

ori_status ori_skim_ask(void *self, struct ori_video *video, const struct ori_group_rest *rest,
                        enum ori_group_plan *ret_plan, struct ori_error *err)
{
    struct ori_skim *skim = self;
    ori_status status = ORI_OK;
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
    struct ori_skim_sizes sizes = ori_skim_sizes_of(rest);
    double unlike = rest->next ? ori_unlikeness(&skim->newest, &skim->next) : 0;
    double same = rest->next ? ori_structure_likeness(&skim->newest, &skim->next) : 1;
    bool is_calm = sizes.peak < 0.35 && sizes.swell < 2.5;
    bool is_alike = unlike < 0.15;
    bool is_cut = unlike > 0.4 && same < 0.4;
    if (!is_calm || !(is_alike || is_cut))
        *ret_plan = ORI_GROUP_REFERENCES;
    return ORI_OK;
}
