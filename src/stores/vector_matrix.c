#include "stores/vector_matrix.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "stores/vector_matrix_priv.h"
#include "util/limits.h"
#include "util/size.h"

enum { CHUNK_ALIGN = 2 * 1024 * 1024 }; /* a huge page */

ori_status ori_matrix_create(int dim, size_t rows_max, enum ori_scan_level level_max,
                             struct ori_matrix **ret_matrix, struct ori_error *err)
{
    ORI_ASSERT(dim > 0 && dim <= ORI_LIMIT_MAX_VECTOR_DIM && rows_max < ORI_SLOTS_NONE);
    struct ori_matrix *matrix = calloc(1, sizeof *matrix);
    if (!matrix)
        return ori_error_set(err, ORI_NOMEM, "vectors in memory");
    matrix->dim = (size_t)dim;
    matrix->stride = ((size_t)dim + ORI_SCAN_LANES - 1) / ORI_SCAN_LANES * ORI_SCAN_LANES;
    matrix->rows_max = rows_max;
    matrix->dots = ori_scan_dots(level_max);
    ori_slots_init(&matrix->by_id);
    ori_slots_init(&matrix->by_name);
    *ret_matrix = matrix;
    return ORI_OK;
}

void ori_matrix_clear(struct ori_matrix *matrix)
{
    for (size_t i = 0; i < matrix->chunks_used; i++)
        free(matrix->chunks[i]);
    matrix->chunks_used = 0;
    for (size_t i = 0; i < matrix->names_used; i++)
        free(matrix->names[i].name);
    matrix->names_used = 0;
    matrix->count = 0;
    free(matrix->keep);
    matrix->keep = NULL;
    ori_slots_clear(&matrix->by_id);
    ori_slots_clear(&matrix->by_name);
}

void ori_matrix_destroy(struct ori_matrix **matrix)
{
    if (!matrix || !*matrix)
        return;
    struct ori_matrix *gone = *matrix;
    ori_matrix_clear(gone);
    ori_slots_deinit(&gone->by_id);
    ori_slots_deinit(&gone->by_name);
    free(gone->chunks);
    free(gone->ids);
    free(gone->videos);
    free(gone->seconds);
    free(gone->names);
    free(gone);
    *matrix = NULL;
}

size_t ori_matrix_count(const struct ori_matrix *matrix)
{
    return matrix->count;
}

size_t ori_matrix_stride(const struct ori_matrix *matrix)
{
    return matrix->stride;
}

const float *ori_matrix_chunk(const struct ori_matrix *matrix, size_t i, size_t *ret_rows)
{
    const size_t first = i * ORI_MATRIX_CHUNK_ROWS;
    if (first >= matrix->count)
        return NULL;
    const size_t left = matrix->count - first;
    *ret_rows = left < ORI_MATRIX_CHUNK_ROWS ? left : ORI_MATRIX_CHUNK_ROWS;
    return matrix->chunks[i];
}

/* The array, doubled when `used` elements fill it; NULL, and nothing changed, without memory. */
static void *with_room(void *array, size_t *size, size_t used, size_t element_bytes)
{
    if (used < *size)
        return array;
    const size_t wanted = *size ? 2 * *size : 64;
    void *moved = reallocarray(array, wanted, element_bytes);
    if (moved)
        *size = wanted;
    return moved;
}

static bool make_column_room(struct ori_matrix *matrix)
{
    size_t size = matrix->rows_size; /* all three grow, or the next try does it again */
    void *ids = with_room(matrix->ids, &size, matrix->count, sizeof *matrix->ids);
    if (!ids)
        return false;
    matrix->ids = ids;
    size = matrix->rows_size;
    void *videos = with_room(matrix->videos, &size, matrix->count, sizeof *matrix->videos);
    if (!videos)
        return false;
    matrix->videos = videos;
    size = matrix->rows_size;
    void *seconds = with_room(matrix->seconds, &size, matrix->count, sizeof *matrix->seconds);
    if (!seconds)
        return false;
    matrix->seconds = seconds;
    matrix->rows_size = size;
    return true;
}

static bool make_chunk_room(struct ori_matrix *matrix)
{
    if (matrix->count < matrix->chunks_used * ORI_MATRIX_CHUNK_ROWS)
        return true;
    void *chunks = with_room(matrix->chunks, &matrix->chunks_size, matrix->chunks_used,
                             sizeof *matrix->chunks);
    if (!chunks)
        return false;
    matrix->chunks = chunks;
    size_t bytes = 0;
    if (!ori_size_mul(matrix->stride, ORI_MATRIX_CHUNK_ROWS * sizeof(float), &bytes))
        return false;
    void *chunk = NULL;
    if (posix_memalign(&chunk, CHUNK_ALIGN, bytes) != 0)
        return false;
    (void)madvise(chunk, bytes, MADV_HUGEPAGE); /* a wish; measured in bench/bench_vectors.c */
    matrix->chunks[matrix->chunks_used++] = chunk;
    return true;
}

static bool is_id_of(const void *self, uint32_t row, const void *key)
{
    const struct ori_matrix *matrix = self;
    return memcmp(matrix->ids[row], key, sizeof matrix->ids[row]) == 0;
}

static uint32_t hash_of_id(const struct ori_matrix *matrix, const uint8_t id[16])
{
    return ori_slots_hash(&matrix->by_id, id, 16);
}

static bool is_name_of(const void *self, uint32_t number, const void *key)
{
    const struct ori_matrix *matrix = self;
    const struct ori_matrix_video *wanted = key;
    const struct ori_matrix_video *name = &matrix->names[number];
    return name->bytes == wanted->bytes && memcmp(name->name, wanted->name, name->bytes) == 0;
}

/* Takes name->name when it says true. */
static bool add_name(struct ori_matrix *matrix, const struct ori_matrix_video *name, uint32_t hash)
{
    void *names =
        with_room(matrix->names, &matrix->names_size, matrix->names_used, sizeof *matrix->names);
    if (!names)
        return false;
    matrix->names = names;
    if (!ori_slots_add(&matrix->by_name, hash, (uint32_t)matrix->names_used))
        return false;
    matrix->names[matrix->names_used++] = *name;
    return true;
}

/* The number of a video, given to it now if it is new; ORI_SLOTS_NONE when memory ran out. */
static uint32_t intern(struct ori_matrix *matrix, const char *platform, const char *code)
{
    struct ori_matrix_video name = {0};
    name.platform_bytes = strlen(platform) + 1;
    const size_t code_bytes = strlen(code) + 1;
    name.bytes = name.platform_bytes + code_bytes;
    name.name = malloc(name.bytes);
    if (!name.name)
        return ORI_SLOTS_NONE;
    memcpy(name.name, platform, name.platform_bytes);
    memcpy(name.name + name.platform_bytes, code, code_bytes);
    const uint32_t hash = ori_slots_hash(&matrix->by_name, name.name, name.bytes);
    uint32_t number = ori_slots_find(&matrix->by_name, hash, is_name_of, matrix, &name);
    if (number == ORI_SLOTS_NONE && add_name(matrix, &name, hash))
        return (uint32_t)matrix->names_used - 1;
    free(name.name);
    return number;
}

double ori_matrix_length(const float *vector, size_t dim)
{
    double energy = 0.0;
    for (size_t i = 0; i < dim; i++)
        energy += (double)vector[i] * vector[i];
    return sqrt(energy);
}

bool ori_matrix_write_unit(float *row, const float *vector, size_t dim, size_t stride)
{
    const double length = ori_matrix_length(vector, dim);
    if (!isfinite(length) || length <= 0.0)
        return false;
    for (size_t i = 0; i < dim; i++)
        row[i] = (float)(vector[i] / length);
    memset(row + dim, 0, (stride - dim) * sizeof *row);
    return true;
}

ori_status ori_matrix_set(struct ori_matrix *matrix, const struct ori_matrix_row *row,
                          struct ori_error *err)
{
    const uint32_t hash = hash_of_id(matrix, row->id);
    size_t at = ori_slots_find(&matrix->by_id, hash, is_id_of, matrix, row->id);
    const bool is_new = at == ORI_SLOTS_NONE;
    if (is_new) {
        at = matrix->count;
        if (at >= matrix->rows_max)
            return ori_error_set(err, ORI_LIMIT, "more than %zu points (VECTOR_ROWS)",
                                 matrix->rows_max);
        if (!make_column_room(matrix) || !make_chunk_room(matrix))
            return ori_error_set(err, ORI_NOMEM, "vectors in memory: %zu points", at);
    }
    const uint32_t video = intern(matrix, row->platform, row->video_code);
    if (video == ORI_SLOTS_NONE)
        return ori_error_set(err, ORI_NOMEM, "vectors in memory: names");
    if (!ori_matrix_write_unit(ori_matrix_row_at(matrix, at), row->vector, matrix->dim,
                               matrix->stride))
        return ori_error_set(err, ORI_BAD_VECTOR, "a stored vector is zero or not finite");
    if (is_new) {
        if (!ori_slots_add(&matrix->by_id, hash, (uint32_t)at))
            return ori_error_set(err, ORI_NOMEM, "vectors in memory: ids");
        memcpy(matrix->ids[at], row->id, sizeof matrix->ids[at]);
        matrix->count++;
    }
    matrix->videos[at] = video;
    matrix->seconds[at] = row->second;
    return ORI_OK;
}

/* The last row takes the place of the one at `row`. */
static void remove_row(struct ori_matrix *matrix, size_t row)
{
    const size_t last = matrix->count - 1;
    ori_slots_remove(&matrix->by_id, hash_of_id(matrix, matrix->ids[row]), (uint32_t)row);
    if (row != last) {
        ori_slots_renumber(&matrix->by_id, hash_of_id(matrix, matrix->ids[last]), (uint32_t)last,
                           (uint32_t)row);
        memcpy(ori_matrix_row_at(matrix, row), ori_matrix_row_at(matrix, last),
               matrix->stride * sizeof(float));
        memcpy(matrix->ids[row], matrix->ids[last], sizeof matrix->ids[row]);
        matrix->videos[row] = matrix->videos[last];
        matrix->seconds[row] = matrix->seconds[last];
    }
    matrix->count--;
}

ori_status ori_matrix_sweep_begin(struct ori_matrix *matrix, struct ori_error *err)
{
    ORI_ASSERT(!matrix->keep);
    matrix->keep = calloc(matrix->count + 1, 1);
    return matrix->keep ? ORI_OK : ori_error_set(err, ORI_NOMEM, "sweep of %zu", matrix->count);
}

void ori_matrix_sweep_keep(struct ori_matrix *matrix, const uint8_t id[16])
{
    const uint32_t row =
        ori_slots_find(&matrix->by_id, hash_of_id(matrix, id), is_id_of, matrix, id);
    if (row != ORI_SLOTS_NONE)
        matrix->keep[row] = 1;
}

void ori_matrix_sweep_end(struct ori_matrix *matrix)
{
    for (size_t row = matrix->count; row > 0; row--) { /* downwards: what moves was looked at */
        if (!matrix->keep[row - 1])
            remove_row(matrix, row - 1);
    }
    free(matrix->keep);
    matrix->keep = NULL;
}
