#include "vision/signature.h"

#include <stdlib.h>
#include <string.h>

#include "vision/thumb.h"

/* Measured on re-encodes at crf 18 to 40 of the sample videos: cells move by 6 at most; a person
 * who enters the room moves cells by 20 and more. */
#define CELL_MAX 9
#define CHROMA_CELL_MAX 9
#define RELIEF_MAX 16
#define MEAN_MAX 5.0
#define OFFSET_MAX 8 /* light that changed everywhere */

static int cell_edge(int cell, int cells, int length)
{
    return (int)((int64_t)cell * length / cells);
}

void ori_area_average(const struct ori_plane *plane, const struct ori_box *box, int width,
                      int height, uint16_t *ret_cells)
{
    struct ori_box all = {0, 0, plane->width, plane->height};
    if (!box)
        box = &all;
    for (int y = 0; y < height; y++) {
        int top = box->y + cell_edge(y, height, box->h);
        int bottom = box->y + cell_edge(y + 1, height, box->h);
        if (bottom <= top)
            bottom = top + 1;
        for (int x = 0; x < width; x++) {
            int left = box->x + cell_edge(x, width, box->w);
            int right = box->x + cell_edge(x + 1, width, box->w);
            if (right <= left)
                right = left + 1;
            uint64_t sum = 0;
            for (int j = top; j < bottom; j++) {
                const uint8_t *row = plane->data + j * plane->stride;
                uint32_t row_sum = 0;
                for (int i = left; i < right; i++)
                    row_sum += row[i];
                sum += row_sum;
            }
            uint64_t n = (uint64_t)(bottom - top) * (uint64_t)(right - left);
            ret_cells[y * width + x] = (uint16_t)((16 * sum + n / 2) / n);
        }
    }
}

struct ori_dhash ori_dhash_make(const struct ori_plane *luma, const struct ori_box *box, int size)
{
    uint16_t cells[(ORI_DHASH_SIZE_MAX + 1) * ORI_DHASH_SIZE_MAX];
    struct ori_dhash hash = {{0}};
    ori_area_average(luma, box, size + 1, size, cells);
    for (int y = 0; y < size; y++) {
        for (int x = 0; x < size; x++) {
            const uint16_t *cell = &cells[y * (size + 1) + x];
            int bit = y * size + x;
            if (cell[1] > cell[0])
                hash.bits[bit / 64] |= UINT64_C(1) << (63 - bit % 64);
        }
    }
    return hash;
}

int ori_dhash_distance(const struct ori_dhash *a, const struct ori_dhash *b)
{
    int distance = 0;
    for (size_t i = 0; i < sizeof a->bits / sizeof *a->bits; i++)
        distance += __builtin_popcountll(a->bits[i] ^ b->bits[i]);
    return distance;
}

static void cells_of(const struct ori_plane *plane, const struct ori_box *box, int side,
                     uint8_t *ret_cells)
{
    uint16_t cells[ORI_SIGNATURE_LUMA * ORI_SIGNATURE_LUMA];
    ori_area_average(plane, box, side, side, cells);
    for (int i = 0; i < side * side; i++)
        ret_cells[i] = (uint8_t)((cells[i] + 8) / 16 > 255 ? 255 : (cells[i] + 8) / 16);
}

/* box, given in luma samples, on a chroma plane: never empty, never outside. */
static struct ori_box chroma_box(const struct ori_box *box, const struct ori_plane *luma,
                                 const struct ori_plane *chroma)
{
    int left = (int)((int64_t)box->x * chroma->width / luma->width);
    int top = (int)((int64_t)box->y * chroma->height / luma->height);
    int right = (int)((int64_t)(box->x + box->w) * chroma->width / luma->width);
    int bottom = (int)((int64_t)(box->y + box->h) * chroma->height / luma->height);
    if (right <= left) {
        left = left < chroma->width ? left : chroma->width - 1;
        right = left + 1;
    }
    if (bottom <= top) {
        top = top < chroma->height ? top : chroma->height - 1;
        bottom = top + 1;
    }
    return (struct ori_box){left, top, right - left, bottom - top};
}

void ori_signature_make(const struct ori_plane planes[3], const struct ori_box *box,
                        struct ori_signature *ret_signature)
{
    cells_of(&planes[0], box, ORI_SIGNATURE_LUMA, ret_signature->luma);
    if (planes[1].width <= 0) {
        memset(ret_signature->chroma, 128, sizeof ret_signature->chroma);
        return;
    }
    struct ori_box all = {0, 0, planes[0].width, planes[0].height};
    for (int c = 0; c < 2; c++) {
        struct ori_box part = chroma_box(box ? box : &all, &planes[0], &planes[c + 1]);
        cells_of(&planes[c + 1], &part, ORI_SIGNATURE_CHROMA, ret_signature->chroma[c]);
    }
}

/* Largest difference to the cells left, right, above and below. */
static int relief(const uint8_t *cells, int side, int x, int y)
{
    int at = y * side + x;
    int left = x > 0 ? abs(cells[at] - cells[at - 1]) : 0;
    int right = x + 1 < side ? abs(cells[at] - cells[at + 1]) : 0;
    int above = y > 0 ? abs(cells[at] - cells[at - side]) : 0;
    int below = y + 1 < side ? abs(cells[at] - cells[at + side]) : 0;
    int across = left > right ? left : right;
    int along = above > below ? above : below;
    return across > along ? across : along;
}

/* A cell may differ the more, the more relief both pictures have there: a low-bitrate encode blurs
 * and shifts texture, but leaves flat parts alone. */
static bool is_same_cells(const uint8_t *a, const uint8_t *b, int side, int cell_max)
{
    int n = side * side;
    int offset = ori_median_difference(a, b, n);
    if (abs(offset) > OFFSET_MAX)
        return false;
    long sum = 0;
    for (int i = 0; i < n; i++) {
        int difference = abs(a[i] - b[i] - offset);
        sum += difference;
        if (difference <= cell_max)
            continue;
        int relief_a = relief(a, side, i % side, i / side);
        int relief_b = relief(b, side, i % side, i / side);
        int granted = (relief_a < relief_b ? relief_a : relief_b) / 2;
        if (difference > cell_max + (granted < RELIEF_MAX ? granted : RELIEF_MAX))
            return false;
    }
    return (double)sum <= MEAN_MAX * n;
}

bool ori_signature_is_same(const struct ori_signature *a, const struct ori_signature *b)
{
    return is_same_cells(a->luma, b->luma, ORI_SIGNATURE_LUMA, CELL_MAX) &&
           is_same_cells(a->chroma[0], b->chroma[0], ORI_SIGNATURE_CHROMA, CHROMA_CELL_MAX) &&
           is_same_cells(a->chroma[1], b->chroma[1], ORI_SIGNATURE_CHROMA, CHROMA_CELL_MAX);
}
