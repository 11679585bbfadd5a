#include "vision/scene_score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEP 4096 /* samples whose differences fit 32 bits, whatever their depth */

#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__) &&             \
    !defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define ORI_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define ORI_CLONES
#endif

struct ori_scene_score {
    uint8_t *before; /* rows without a gap */
    size_t room;
    int width; /* 0: nothing was pushed */
    int height;
    int depth;
    double mafd;
};

ori_status ori_scene_score_create(struct ori_scene_score **ret_score, struct ori_error *err)
{
    struct ori_scene_score *score = calloc(1, sizeof *score);
    if (!score)
        return ori_error_set(err, ORI_NOMEM, "scene score");
    *ret_score = score;
    return ORI_OK;
}

void ori_scene_score_destroy(struct ori_scene_score **score)
{
    if (!*score)
        return;
    free((*score)->before);
    free(*score);
    *score = NULL;
}

ORI_CLONES static uint32_t difference_8(const uint8_t *a, const uint8_t *b, int n)
{
    uint32_t sum = 0;
    for (int i = 0; i < n; i++)
        sum += (uint32_t)abs(a[i] - b[i]);
    return sum;
}

ORI_CLONES static uint32_t difference_16(const uint16_t *a, const uint16_t *b, int n)
{
    uint32_t sum = 0;
    for (int i = 0; i < n; i++)
        sum += (uint32_t)abs(a[i] - b[i]);
    return sum;
}

static uint64_t row_difference(const uint8_t *a, const uint8_t *b, int width, int bytes)
{
    uint64_t sum = 0;
    for (int x = 0; x < width; x += STEP) {
        int n = width - x < STEP ? width - x : STEP;
        ptrdiff_t at = (ptrdiff_t)x * bytes;
        if (bytes == 1)
            sum += difference_8(a + at, b + at, n);
        else
            sum += difference_16((const uint16_t *)(const void *)(a + at),
                                 (const uint16_t *)(const void *)(b + at), n);
    }
    return sum;
}

static ori_status begin(struct ori_scene_score *score, const struct ori_samples *samples,
                        size_t bytes, struct ori_error *err)
{
    if (bytes > score->room) {
        free(score->before);
        score->before = malloc(bytes);
        score->room = score->before ? bytes : 0;
        if (!score->before) {
            score->width = 0;
            return ori_error_set(err, ORI_NOMEM, "picture before, for the scene score");
        }
    }
    score->width = samples->width;
    score->height = samples->height;
    score->depth = samples->depth;
    score->mafd = 0;
    return ORI_OK;
}

ori_status ori_scene_score_push(struct ori_scene_score *score, const struct ori_samples *samples,
                                double *ret_score, struct ori_error *err)
{
    int bytes = samples->depth > 8 ? 2 : 1;
    size_t row = (size_t)samples->width * (size_t)bytes;
    uint64_t sum = 0;
    bool has_before = score->width == samples->width && score->height == samples->height &&
                      score->depth == samples->depth;
    if (!has_before) {
        ori_status status = begin(score, samples, row * (size_t)samples->height, err);
        if (status != ORI_OK)
            return status;
    }
    for (int y = 0; y < samples->height; y++) {
        const uint8_t *from = samples->data + y * samples->stride;
        uint8_t *before = score->before + (size_t)y * row;
        if (has_before)
            sum += row_difference(from, before, samples->width, bytes);
        memcpy(before, from, row);
    }
    *ret_score = 0;
    if (!has_before)
        return ORI_OK;
    double count = (double)samples->width * samples->height;
    double mafd = (double)sum / count / (double)(1 << (samples->depth - 8));
    double least = fmin(mafd, fabs(mafd - score->mafd)) / 100;
    *ret_score = (double)(float)(least > 1 ? 1 : least); /* the filter clips in single precision */
    score->mafd = mafd;
    return ORI_OK;
}
