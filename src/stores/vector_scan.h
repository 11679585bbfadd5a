#pragma once
/* stores/vector_scan.h: dot products of one vector with many rows, and the best of them.
 * Layout      rows stand one behind the other, `stride` floats apart; stride is a multiple of
 *             ORI_SCAN_LANES, rows and query start on 64 bytes and are zero from dim to stride
 * Levels      plain C is the reference; the faster ones sum in another order, so a score may
 *             differ from the reference by stride * 2^-24 * sum |q[i] r[i]| (for unit vectors of
 *             512 numbers below 3.1e-5; measured below 3e-7). The same row gives the same score
 *             wherever it stands and whatever it is scanned with
 * Threads     pure functions; a top list belongs to one thread
 * Checked by  tests/unit/stores_vector_scan_test.c, bench/bench_vectors.c */
#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

#define ORI_SCAN_LANES 16

enum ori_scan_level { ORI_SCAN_PLAIN, ORI_SCAN_AVX2, ORI_SCAN_AVX512 };
enum ori_scan_level ori_scan_level_best(void); /* of this CPU */

typedef void (*ori_scan_dots_fn)(const float *query, const float *rows, size_t n, size_t stride,
                                 float *ret_scores);
/* The fastest that this CPU has and that is not above level_max. */
ori_scan_dots_fn ori_scan_dots(enum ori_scan_level level_max);

/* The best `max` of what is pushed; ties go to the smaller id. */
struct ori_scan_hit {
    float score;
    uint32_t row;
};
struct ori_scan_top {
    struct ori_scan_hit *hits; /* a heap, the worst first, until sorted */
    size_t count;
    size_t max;
    const uint8_t (*ids)[16]; /* id of each row; borrowed */
};
ori_status ori_scan_top_init(struct ori_scan_top *top, size_t max, const uint8_t (*ids)[16],
                             struct ori_error *err);
void ori_scan_top_deinit(struct ori_scan_top *top); /* idempotent */
void ori_scan_top_push(struct ori_scan_top *top, float score, uint32_t row);
/* Pushes rows first, first + 1, ... with scores[0], scores[1], ... */
void ori_scan_top_push_run(struct ori_scan_top *top, const float *scores, uint32_t first, size_t n);
void ori_scan_top_sort(struct ori_scan_top *top); /* best first; no push afterwards */
