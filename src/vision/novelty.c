#include "vision/novelty.h"

#include <math.h>
#include <stdlib.h>
#include <stdbool.h>

#include "util/status.h"

#define BLOCK 4
#define REACH 2
#define FLICKER_SECONDS 20.0 /* of the slow average: a passer-by does not raise it */
#define FLICKER_GRANT 3.0
#define TOLERANCE_MIN 6.0  /* code values a block may differ by and still be the same thing: */
#define TOLERANCE_MAX 12.0 /* less in pictures of low contrast */
#define TOLERANCE_STD 0.25
#define CHROMA_TOLERANCE 8.0

static int block_sad(const struct ori_thumb *a, int ax, int ay, const struct ori_thumb *b, int bx,
                     int by, int offset)
{
    int sum = 0;
    for (int j = 0; j < BLOCK; j++) {
        const uint8_t *p = a->luma + (ay + j) * a->width + ax;
        const uint8_t *q = b->luma + (by + j) * b->width + bx;
        for (int i = 0; i < BLOCK; i++)
            sum += abs(p[i] - q[i] - offset);
    }
    return sum;
}

static double chroma_difference(const struct ori_thumb *a, const struct ori_thumb *b, int x, int y)
{
    if (!a->chroma_width || a->chroma_width != b->chroma_width ||
        a->chroma_height != b->chroma_height)
        return 0;
    double largest = 0;
    for (int c = 0; c < 2; c++) {
        int sum = 0;
        int n = 0;
        for (int j = y / 2; j < y / 2 + BLOCK / 2 && j < a->chroma_height; j++) {
            for (int i = x / 2; i < x / 2 + BLOCK / 2 && i < a->chroma_width; i++, n++)
                sum +=
                    a->chroma[c][j * a->chroma_width + i] - b->chroma[c][j * b->chroma_width + i];
        }
        double difference = n ? abs(sum) / (double)n : 0;
        if (difference > largest)
            largest = difference;
    }
    return largest;
}

static int median_offset(const struct ori_thumb *a, const struct ori_thumb *b)
{
    return ori_median_difference(a->luma, b->luma, a->width * a->height);
}

static bool is_explained(const struct ori_thumb *thumb, const struct ori_thumb *known, int offset,
                         int x, int y, double tolerance)
{
    int limit = (int)(tolerance * BLOCK * BLOCK);
    if (chroma_difference(thumb, known, x, y) > CHROMA_TOLERANCE)
        return false;
    if (block_sad(thumb, x, y, known, x, y, offset) <= limit)
        return true;
    for (int dy = -REACH; dy <= REACH; dy++) {
        if (y + dy < 0 || y + dy + BLOCK > known->height)
            continue;
        for (int dx = -REACH; dx <= REACH; dx++) {
            if (x + dx < 0 || x + dx + BLOCK > known->width)
                continue;
            if (block_sad(thumb, x, y, known, x + dx, y + dy, offset) <= limit)
                return true;
        }
    }
    return false;
}

void ori_flicker_update(struct ori_flicker *flicker, const struct ori_thumb *before,
                        const struct ori_thumb *thumb, double seconds)
{
    if (before->width != thumb->width || before->height != thumb->height)
        return;
    int offset = median_offset(thumb, before);
    float weight = (float)(1 - exp(-seconds / FLICKER_SECONDS));
    int n = 0;
    for (int y = 0; y + BLOCK <= thumb->height; y += BLOCK) {
        for (int x = 0; x + BLOCK <= thumb->width; x += BLOCK, n++) {
            float change = (float)block_sad(thumb, x, y, before, x, y, offset) / (BLOCK * BLOCK);
            flicker->level[n] += weight * (change - flicker->level[n]);
        }
    }
}

double ori_novelty(const struct ori_thumb *thumb, const struct ori_thumb *const *known,
                   size_t known_count, const struct ori_flicker *flicker, double *ret_at_sides)
{
    enum { KNOWN_MAX = 64 };
    int offsets[KNOWN_MAX];
    ORI_ASSERT(known_count <= KNOWN_MAX);
    if (ret_at_sides)
        *ret_at_sides = 0;
    for (size_t k = 0; k < known_count; k++) {
        if (known[k]->width != thumb->width || known[k]->height != thumb->height)
            return 1;
        offsets[k] = median_offset(thumb, known[k]);
    }
    double tolerance = TOLERANCE_STD * thumb->std;
    tolerance = tolerance < TOLERANCE_MIN ? TOLERANCE_MIN : tolerance;
    tolerance = tolerance > TOLERANCE_MAX ? TOLERANCE_MAX : tolerance;
    int n = 0;
    int fresh = 0;
    int at_sides = 0;
    for (int y = 0; y + BLOCK <= thumb->height; y += BLOCK) {
        for (int x = 0; x + BLOCK <= thumb->width; x += BLOCK, n++) {
            double granted = tolerance + (flicker ? FLICKER_GRANT * (double)flicker->level[n] : 0);
            bool is_known = false;
            for (size_t k = known_count; k > 0 && !is_known; k--) /* newest first: likeliest */
                is_known = is_explained(thumb, known[k - 1], offsets[k - 1], x, y, granted);
            fresh += !is_known;
            at_sides += !is_known && (x == 0 || x + 2 * BLOCK > thumb->width);
        }
    }
    if (ret_at_sides && fresh)
        *ret_at_sides = (double)at_sides / fresh;
    return n ? (double)fresh / n : known_count ? 0 : 1;
}
