#pragma once
/* media/orient_priv.h: rotation, mirroring and sample aspect of RGB pictures. Pure.
 * Words  a picture is turned `rotation` degrees clockwise, then flipped left to right when
 *        is_mirrored, then stretched along one side until its pixels are square
 * Limits sample aspect 1/8..8, and one side only ever grows: no line of picture is lost
 * Source display matrix: ISO/IEC 14496-12, 8.2.2 (track header box) */
#include <stdbool.h>
#include <stdint.h>

#include "util/plane.h"
#include "util/status.h"

/* The nearest right angle, and mirroring, of a display matrix (a b u c d v x y w). */
void ori_orient_from_matrix(const int32_t matrix[9], int *ret_rotation, bool *ret_is_mirrored);
/* dst has src's size, sides swapped at 90 and 270; they do not overlap. */
void ori_orient_rgb(const struct ori_rgb *src, int rotation, bool is_mirrored,
                    const struct ori_rgb *dst);
/* Stretches src to dst's size, which differs in width or in height, not in both: Catmull-Rom
 * interpolation in integers. ORI_OK, ORI_NOMEM. */
ori_status ori_orient_stretch(const struct ori_rgb *src, const struct ori_rgb *dst,
                              struct ori_error *err);
