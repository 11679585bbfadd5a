#pragma once
/* stores/vector_matrix_priv.h: the fields of the matrix, for its two files: vector_matrix.c (rows in
 * and out) and vector_matrix_search.c. */
#include <stdbool.h>

#include "stores/vector_matrix.h"
#include "stores/vector_slots.h"

struct ori_matrix_video { /* one string, "platform\0code\0" */
    char *name;
    size_t platform_bytes; /* its NUL included */
    size_t bytes;
};

struct ori_matrix {
    size_t dim;
    size_t stride;
    size_t rows_max;
    size_t count;
    ori_scan_dots_fn dots;

    float **chunks;
    size_t chunks_used;
    size_t chunks_size;

    size_t rows_size; /* room in the columns */
    uint8_t (*ids)[16];
    uint32_t *videos;
    double *seconds;
    uint8_t *keep; /* during a sweep */

    struct ori_matrix_video *names;
    size_t names_used;
    size_t names_size;
    struct ori_slots by_id;
    struct ori_slots by_name;
};

static inline float *ori_matrix_row_at(const struct ori_matrix *matrix, size_t row)
{
    return matrix->chunks[row / ORI_MATRIX_CHUNK_ROWS] +
           (row % ORI_MATRIX_CHUNK_ROWS) * matrix->stride;
}

/* Length of dim floats; 0 or not finite when it is no direction. */
double ori_matrix_length(const float *vector, size_t dim);
/* Writes vector with length 1 and zeros up to stride; false, and nothing written, without one. */
bool ori_matrix_write_unit(float *row, const float *vector, size_t dim, size_t stride);
