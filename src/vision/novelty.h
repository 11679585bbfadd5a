#pragma once
/* vision/novelty.h: how much of a picture shows something that known pictures of the same scene do
 * not: a person who walked in, the room behind one who left, the next part of a pan.
 * Method     4 x 4 luma blocks (and the chroma they cover) of the thumb are sought in every known
 *            thumb, in place and within +-2 samples, after the common change of light is taken out;
 *            a block that none explains is new. Blocks that always flicker are granted more
 * Threads    pure functions but for the flicker memory, which its owner guards */
#include <stddef.h>

#include "vision/thumb.h"

#define ORI_NOVELTY_BLOCKS_MAX ((ORI_THUMB_SIDE_MAX / 4) * (ORI_THUMB_SIDE_MAX / 4))

/* How much each block changes from look to look, as a slow average. Zero-initialised: unknown. */
struct ori_flicker {
    float level[ORI_NOVELTY_BLOCKS_MAX];
};
/* thumb against the look before it; seconds between them. */
void ori_flicker_update(struct ori_flicker *flicker, const struct ori_thumb *before,
                        const struct ori_thumb *thumb, double seconds);

/* Share of thumb's blocks that are new, 0..1; 1 when nothing is known. flicker may be NULL.
 * ret_at_sides (may be NULL): of the new blocks, the share that touches the left or right side of the
 * picture, 0..1: much while somebody is only half in view. */
double ori_novelty(const struct ori_thumb *thumb, const struct ori_thumb *const *known,
                   size_t known_count, const struct ori_flicker *flicker, double *ret_at_sides);
