#pragma once
/* stores/vector_matrix.h: all vectors of a store in memory, and the exact search over them.
 * Layout      f32 rows of length 1, in chunks of ORI_MATRIX_CHUNK_ROWS rows that never move (huge
 *             pages where the kernel gives them); id, video and second of each row in columns.
 *             Rows have no order: the last one takes a removed one's place
 * Search      the query is compared with every row that the filter lets through, split over
 *             threads by blocks of rows; the winners are scored again in double precision, so that
 *             scores and order depend neither on the CPU nor on the number of threads
 * Ownership   everything given is copied
 * Threads     one writer, or any number of searches: the caller's lock decides
 * Failure     ORI_NOMEM, ORI_LIMIT (rows_max), ORI_BAD_VECTOR, ORI_CANCELLED; a failed set changes
 *             nothing
 * Checked by  tests/unit/stores_vector_matrix_test.c */
#include <stddef.h>
#include <stdint.h>

#include "stores/vector.h"
#include "stores/vector_scan.h"
#include "util/cancel.h"
#include "util/status.h"

#define ORI_MATRIX_CHUNK_ROWS 8192U

struct ori_matrix;

ori_status ori_matrix_create(int dim, size_t rows_max, enum ori_scan_level level_max,
                             struct ori_matrix **ret_matrix, struct ori_error *err);
void ori_matrix_destroy(struct ori_matrix **matrix); /* null-safe, nulls */
void ori_matrix_clear(struct ori_matrix *matrix);

struct ori_matrix_row {
    uint8_t id[16];
    const char *platform;
    const char *video_code;
    double second;
    const float *vector; /* dim floats of any length but zero */
};
/* Adds the row, or replaces the one with that id. */
ori_status ori_matrix_set(struct ori_matrix *matrix, const struct ori_matrix_row *row,
                          struct ori_error *err);
size_t ori_matrix_count(const struct ori_matrix *matrix);

/* Removes what is no longer there: begin, keep for each id that stays, end. */
ori_status ori_matrix_sweep_begin(struct ori_matrix *matrix, struct ori_error *err);
void ori_matrix_sweep_keep(struct ori_matrix *matrix, const uint8_t id[16]);
void ori_matrix_sweep_end(struct ori_matrix *matrix);

struct ori_matrix_hit {
    double score;
    uint8_t id[16];
};
/* ret_hits: room for limit hits, best first. query: dim finite floats, not all zero. */
ori_status ori_matrix_search(const struct ori_matrix *matrix, const float *query, size_t limit,
                             const struct ori_vector_filter *filter, int threads,
                             const struct ori_cancel *cancel, struct ori_matrix_hit *ret_hits,
                             size_t *ret_count, struct ori_error *err);

/* For benches: chunk i and its rows, NULL behind the last; floats from row to row. */
const float *ori_matrix_chunk(const struct ori_matrix *matrix, size_t i, size_t *ret_rows);
size_t ori_matrix_stride(const struct ori_matrix *matrix);
