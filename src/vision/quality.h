#pragma once
/* vision/quality.h: is this picture worth keeping?
 * Threads    pure functions, no allocation */
#include <stdbool.h>

#include "util/plane.h"

/* Mean absolute Laplacian of the luma at half size (2 x 2 averages, so that sensor noise counts for
 * little), on a pair of rows in sixteen: enough to rank frames of one scene. After the
 * "modified Laplacian" focus measure of Nayar & Nakagawa 1994 (IEEE PAMI 16). 0: flat. */
double ori_sharpness(const struct ori_plane *luma);

/* One colour, or too small to show anything: luma and chroma of box (luma samples, NULL: all) both
 * deviate by less than solid_std from their means, or a side is under min_dim. */
bool ori_is_solid(const struct ori_plane planes[3], const struct ori_box *box, double solid_std,
                  int min_dim);
