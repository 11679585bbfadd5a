#pragma once
/* vision/likeness.h: how different two thumbs look, with small motion and low contrast allowed for.
 * Method     8 x 8 luma blocks, each sought within +-4 samples in the other thumb (full search,
 *            sum of absolute differences, as in block-matching motion estimation: Jain & Jain 1981,
 *            IEEE Trans. Comm. 29); the residue plus the chroma difference in place is divided by
 *            the block's own activity, so that a cut in the dark counts like one in daylight; the
 *            mean is weighted towards blocks that show something, so that bars do not dilute it
 * Threads    pure functions
 * Range      0 (the same) .. 1 (nothing in common); unrelated pictures give 0.6 and more */
#include "vision/thumb.h"

/* Thumbs of different sizes (the stream changed its size) give 1. */
double ori_unlikeness(const struct ori_thumb *a, const struct ori_thumb *b);

/* The same after a's brightness and contrast were made b's: a camera's automatic exposure, a lamp
 * or a fade-in then counts for little. */
double ori_unlikeness_relit(const struct ori_thumb *a, const struct ori_thumb *b);

/* Sum of absolute differences of two 8 x 8 blocks, and its plain C twin. */
unsigned ori_sad8x8(const uint8_t *a, int stride_a, const uint8_t *b, int stride_b);
unsigned ori_sad8x8_reference(const uint8_t *a, int stride_a, const uint8_t *b, int stride_b);

/* How alike the structure is when brightness and contrast are taken out: the mean over blocks of
 * their normalised cross-correlation in place, weighted by contrast; bars that both share are left
 * out. -1..1; the same shot with the lights switched on stays above 0.7, unrelated pictures lie around 0. */
double ori_structure_likeness(const struct ori_thumb *a, const struct ori_thumb *b);

/* Mean difference of luma when the one picture is moved over the other as suits it best, as a share of
 * that in place: 0 (nothing but a camera that turned) .. 1 (to move it is no use, or nothing changed).
 * Sought within +-12 samples across and +-8 down, in steps of 2, then of 1. */
double ori_shift_residue(const struct ori_thumb *a, const struct ori_thumb *b);

/* Is `between` a mixture of a and b, as in a dissolve, a wipe or a fade? Least squares per block:
 * between = a + t (b - a), t clamped to 0..1. ret_share: t over the whole picture; returns the
 * residue's share of |b - a| (0: a perfect mixture; a third picture gives 0.55 and more, thumbs of
 * different sizes or smaller than a block 1). */
double ori_mixture_residue(const struct ori_thumb *a, const struct ori_thumb *b,
                           const struct ori_thumb *between, double *ret_share);
