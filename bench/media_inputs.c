/* bench/media_inputs.c: what it costs to make a model's input of a frame, by the size of the frame.
 * Usage  media_inputs
 * Prints a table in Markdown: processor time, best of RUNS, of frames of noise (what they show does
 *        not matter), made a square of 224, of 512, and squashed to 224; then how long the weighted
 *        sums in plain C take beside those in use */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "vision/blend.h"
#include "vision/resize.h"

enum { RUNS = 15, SIDE_MAX = 512, TAPS = 20, LANES = 48 };

static const int sizes[][2] = {{640, 360}, {1280, 720}, {1920, 1080}, {1080, 1920}, {3840, 2160}};
static const struct ori_resize_rule rules[] = {
    {.side = 224, .resize_side = 224},
    {.side = 512, .resize_side = 512},
    {.side = 224, .resize_side = 224, .is_squash = true},
};

static double milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static double measure(const struct ori_rgb *image, const struct ori_resize_rule *rule)
{
    static uint8_t planes[3 * SIDE_MAX * SIDE_MAX];
    double best = 1e9;
    for (int run = 0; run < RUNS; run++) {
        double begin = milliseconds();
        if (ori_resize_square(image, rule, planes, NULL) != ORI_OK)
            exit(1);
        double spent = milliseconds() - begin;
        best = spent < best ? spent : best;
    }
    return best;
}

static double measure_blend(void (*blend)(const uint8_t *, ptrdiff_t, const int32_t *, int, int,
                                          uint8_t *))
{
    static uint8_t rows[TAPS * LANES];
    static const int32_t weights[TAPS] = {1 << 17, -(1 << 16), 1 << 18};
    volatile uint8_t kept = 0;
    double best = 1e9;
    for (int run = 0; run < RUNS; run++) {
        double begin = milliseconds();
        for (int i = 0; i < 20000; i++) {
            uint8_t result[LANES];
            rows[i % (TAPS * LANES)]++;
            blend(rows, LANES, weights, TAPS, LANES, result);
            kept = result[i % LANES];
        }
        double spent = milliseconds() - begin;
        best = spent < best ? spent : best;
    }
    (void)kept;
    return best;
}

int main(void)
{
    uint32_t seed = 1;
    printf("| Frame | ms to 224 | to 512 | squashed to 224 |\n|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int width = sizes[i][0];
        int height = sizes[i][1];
        size_t bytes = 3 * (size_t)width * (size_t)height;
        uint8_t *data = malloc(bytes);
        if (!data)
            return 1;
        for (size_t at = 0; at < bytes; at++) {
            seed = seed * 1664525u + 1013904223u;
            data[at] = (uint8_t)(seed >> 24);
        }
        const struct ori_rgb image = {data, 3 * (ptrdiff_t)width, width, height};
        printf("| %dx%d |", width, height);
        for (size_t k = 0; k < sizeof rules / sizeof rules[0]; k++)
            printf(" %.2f |", measure(&image, &rules[k]));
        printf("\n");
        free(data);
    }
    printf("\nplain C / in use: %.2f\n", measure_blend(ori_blend_plain) / measure_blend(ori_blend));
    return 0;
}
