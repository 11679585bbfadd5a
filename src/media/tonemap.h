#pragma once
/* media/tonemap.h: HDR pictures (PQ or HLG) to SDR, row by row. Pure.
 * Steps        code values -> light in cd/m2 (BT.2100 table 4 and 5; HLG with its OOTF for a
 *              display of 1000 cd/m2) -> tone curve on the largest of R G B, so that hues stay and
 *              nothing clips (BT.2390-8 section 5.4.1, in PQ space, black left alone) -> primaries
 *              BT.2020 to BT.709 (BT.2087) -> sRGB code values (IEC 61966-2-1)
 * White        HDR reference white, 203 cd/m2 (BT.2408), is the top of SDR: what is darker than
 *              about 90 cd/m2 keeps its light, what is brighter is rolled off
 * Call order   create; rows at will; destroy
 * Threads      read-only after create
 * Memory       about 70 KiB of tables
 * Determinism  tables are computed once in double and rounded; rows use float without contraction
 */
#include <stdbool.h>
#include <stdint.h>

#include "util/status.h"

struct ori_tonemap;

enum ori_transfer { ORI_TRANSFER_PQ = 1, ORI_TRANSFER_HLG };

/* peak_nits: the brightest light of the picture, clamped to 203..10000; 0 when unknown: 1000.
 * is_wide: primaries are BT.2020. */
ori_status ori_tonemap_create(enum ori_transfer transfer, double peak_nits, bool is_wide,
                              struct ori_tonemap **ret_tonemap, struct ori_error *err);
void ori_tonemap_destroy(struct ori_tonemap **tonemap); /* null-safe, nulls */
/* from: width pixels of R G B, 16 bits, full range. to: 3 * width bytes. */
void ori_tonemap_row(const struct ori_tonemap *tonemap, const uint16_t *from, uint8_t *to,
                     int width);

/* The parts, for the tests. code 0..1, light in cd/m2. */
double ori_pq_to_nits(double code);
double ori_pq_from_nits(double nits);
double ori_hlg_to_scene(double code); /* scene light 0..1 */
/* Light after the tone curve from peak_nits down to white_nits. */
double ori_tone_curve(double nits, double peak_nits, double white_nits);
