#pragma once
/* vision/signature.h: two fingerprints of a picture, for finding the same picture again.
 * dhash      gradient hash (Krawetz 2013, "Kind of like that"): the picture averaged to
 *            (size + 1) x size cells, a bit for each cell that is darker than its right neighbour.
 *            Nominates; alone it cannot tell two people in the same room apart
 * signature  32 x 32 cells of luma and 16 x 16 of chroma: confirms. Two pictures are the same when
 *            no single cell differs by more than coding and a slight change of light explain
 * Threads    pure functions, no allocation */
#include <stdbool.h>
#include <stdint.h>

#include "util/plane.h"

#define ORI_DHASH_SIZE_MAX 16
#define ORI_SIGNATURE_LUMA 32
#define ORI_SIGNATURE_CHROMA 16

struct ori_dhash {
    uint64_t bits[ORI_DHASH_SIZE_MAX * ORI_DHASH_SIZE_MAX / 64]; /* row by row, first bit highest */
};

struct ori_signature {
    uint8_t luma[ORI_SIGNATURE_LUMA * ORI_SIGNATURE_LUMA];
    uint8_t chroma[2][ORI_SIGNATURE_CHROMA * ORI_SIGNATURE_CHROMA]; /* 128 for grey pictures */
};

/* Area average of box (NULL: all) into width x height cells, sixteenths of a code value in
 * ret_cells. A cell covers at least one sample. */
void ori_area_average(const struct ori_plane *plane, const struct ori_box *box, int width,
                      int height, uint16_t *ret_cells);

/* size 2..ORI_DHASH_SIZE_MAX. box in luma samples, NULL: all. */
struct ori_dhash ori_dhash_make(const struct ori_plane *luma, const struct ori_box *box, int size);
int ori_dhash_distance(const struct ori_dhash *a, const struct ori_dhash *b);

void ori_signature_make(const struct ori_plane planes[3], const struct ori_box *box,
                        struct ori_signature *ret_signature);
bool ori_signature_is_same(const struct ori_signature *a, const struct ori_signature *b);
