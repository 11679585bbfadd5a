#include "stores/vector_matrix.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "stores/vector_slots.h"
#include "util/limits.h"
#include "util/size.h"

enum {
    BLOCK_ROWS = 1024,                  /* what a thread takes at a time: 2 MB at 512 floats */
    CHUNK_ALIGN = 2 * 1024 * 1024,      /* a huge page */
    THREAD_BYTES_MIN = 4 * 1024 * 1024, /* below that a thread costs more than it saves */
    RESCORE_EXTRA = 16, /* candidates beyond the limit: rounding may swap neighbours */
    THREADS_MAX = ORI_LIMIT_MAX_VECTOR_THREADS
};
_Static_assert(ORI_MATRIX_CHUNK_ROWS % BLOCK_ROWS == 0, "a block lies in one chunk");

struct video { /* one string, "platform\0code\0" */
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

    struct video *names;
    size_t names_used;
    size_t names_size;
    struct ori_slots by_id;
    struct ori_slots by_name;
};

static float *row_at(const struct ori_matrix *matrix, size_t row)
{
    return matrix->chunks[row / ORI_MATRIX_CHUNK_ROWS] +
           (row % ORI_MATRIX_CHUNK_ROWS) * matrix->stride;
}

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

/* Doubles *array when `used` elements fill it. */
static bool make_room(void *array, size_t *size, size_t used, size_t element_bytes)
{
    if (used < *size)
        return true;
    const size_t wanted = *size ? 2 * *size : 64;
    void *old = NULL;
    memcpy(&old, array, sizeof old);
    void *moved = reallocarray(old, wanted, element_bytes);
    if (!moved)
        return false;
    memcpy(array, &moved, sizeof moved);
    *size = wanted;
    return true;
}

static bool make_column_room(struct ori_matrix *matrix)
{
    size_t size = matrix->rows_size; /* the columns grow together, or the next try repeats it */
    bool is_done = make_room(&matrix->ids, &size, matrix->count, sizeof *matrix->ids);
    size = matrix->rows_size;
    is_done = is_done && make_room(&matrix->videos, &size, matrix->count, sizeof *matrix->videos);
    size = matrix->rows_size;
    is_done = is_done && make_room(&matrix->seconds, &size, matrix->count, sizeof *matrix->seconds);
    if (is_done)
        matrix->rows_size = size;
    return is_done;
}

static bool make_chunk_room(struct ori_matrix *matrix)
{
    if (matrix->count < matrix->chunks_used * ORI_MATRIX_CHUNK_ROWS)
        return true;
    if (!make_room(&matrix->chunks, &matrix->chunks_size, matrix->chunks_used,
                   sizeof *matrix->chunks))
        return false;
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
    const struct video *wanted = key;
    const struct video *name = &matrix->names[number];
    return name->bytes == wanted->bytes && memcmp(name->name, wanted->name, name->bytes) == 0;
}

/* The number of a video, given to it now if it is new; ORI_SLOTS_NONE when memory ran out. */
static uint32_t intern(struct ori_matrix *matrix, const char *platform, const char *code)
{
    struct video name = {0};
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
    if (number == ORI_SLOTS_NONE &&
        make_room(&matrix->names, &matrix->names_size, matrix->names_used, sizeof *matrix->names) &&
        ori_slots_add(&matrix->by_name, hash, (uint32_t)matrix->names_used)) {
        number = (uint32_t)matrix->names_used++;
        matrix->names[number] = name;
        return number;
    }
    free(name.name);
    return number;
}

/* Length of dim floats; 0 or not finite when it is no direction. */
static double length_of(const float *vector, size_t dim)
{
    double energy = 0.0;
    for (size_t i = 0; i < dim; i++)
        energy += (double)vector[i] * vector[i];
    return sqrt(energy);
}

static bool write_unit(float *row, const float *vector, size_t dim, size_t stride)
{
    const double length = length_of(vector, dim);
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
    if (!write_unit(row_at(matrix, at), row->vector, matrix->dim, matrix->stride))
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
        memcpy(row_at(matrix, row), row_at(matrix, last), matrix->stride * sizeof(float));
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

struct scan { /* what the threads of one search share */
    const struct ori_matrix *matrix;
    const struct ori_cancel *cancel;
    const float *query;             /* as given: what scores are told by */
    const float *unit;              /* of length 1, aligned and padded: what rows are ranked by */
    const uint8_t *is_video_wanted; /* by video number; NULL: all */
    double second_min;              /* negative: any */
    double second_max;
    atomic_size_t next_row;
};
struct scanner { /* one thread of it */
    struct scan *scan;
    struct ori_scan_top top;
    pthread_t thread;
    bool is_cancelled;
    float scores[BLOCK_ROWS];
};

static bool is_wanted(const struct scan *scan, size_t row)
{
    const struct ori_matrix *matrix = scan->matrix;
    if (scan->is_video_wanted && !scan->is_video_wanted[matrix->videos[row]])
        return false;
    if (scan->second_min >= 0.0 && matrix->seconds[row] < scan->second_min)
        return false;
    return !(scan->second_max >= 0.0 && matrix->seconds[row] > scan->second_max);
}

static void scan_run(struct scanner *scanner, size_t first, size_t n)
{
    const struct ori_matrix *matrix = scanner->scan->matrix;
    matrix->dots(scanner->scan->unit, row_at(matrix, first), n, matrix->stride, scanner->scores);
    ori_scan_top_push_run(&scanner->top, scanner->scores, (uint32_t)first, n);
}

static void scan_block(struct scanner *scanner, size_t first, size_t end)
{
    const struct scan *scan = scanner->scan;
    if (!scan->is_video_wanted && scan->second_min < 0.0 && scan->second_max < 0.0) {
        scan_run(scanner, first, end - first);
        return;
    }
    size_t row = first;
    while (row < end) {
        size_t run = row;
        while (run < end && is_wanted(scan, run))
            run++;
        if (run > row)
            scan_run(scanner, row, run - row);
        row = run + 1; /* the one at run is not wanted */
    }
}

static void *scan_thread(void *self)
{
    struct scanner *scanner = self;
    struct scan *scan = scanner->scan;
    const size_t count = scan->matrix->count;
    for (;;) {
        const size_t first = atomic_fetch_add(&scan->next_row, BLOCK_ROWS);
        if (first >= count)
            return NULL;
        if (ori_cancel_is_set(scan->cancel)) {
            scanner->is_cancelled = true;
            return NULL;
        }
        scan_block(scanner, first, count - first < BLOCK_ROWS ? count : first + BLOCK_ROWS);
    }
}

/* The filter's strings are compared once with each video, so a row costs one look-up. */
static ori_status choose_videos(const struct ori_matrix *matrix,
                                const struct ori_vector_filter *filter, uint8_t **ret_wanted,
                                struct ori_error *err)
{
    if (!filter || (!filter->platform && !filter->video_code))
        return ORI_OK;
    uint8_t *wanted = calloc(matrix->names_used + 1, 1);
    if (!wanted)
        return ori_error_set(err, ORI_NOMEM, "filter over %zu videos", matrix->names_used);
    for (size_t i = 0; i < matrix->names_used; i++) {
        const char *platform = matrix->names[i].name;
        const char *code = platform + matrix->names[i].platform_bytes;
        wanted[i] = (!filter->platform || strcmp(filter->platform, platform) == 0) &&
                    (!filter->video_code || strcmp(filter->video_code, code) == 0);
    }
    *ret_wanted = wanted;
    return ORI_OK;
}

static size_t threads_for(const struct ori_matrix *matrix, int threads)
{
    const size_t bytes = matrix->count * matrix->stride * sizeof(float);
    const size_t useful = bytes / THREAD_BYTES_MIN + 1;
    const size_t wanted = threads < 1 ? 1 : threads > THREADS_MAX ? THREADS_MAX : (size_t)threads;
    return wanted < useful ? wanted : useful;
}

/* Runs the scan on n scanners, the first of them on this thread. A thread that cannot be made is
 * no failure: the others take its blocks. */
static void run_scanners(struct scanner *scanners, size_t n)
{
    size_t started = 1;
    while (started < n &&
           pthread_create(&scanners[started].thread, NULL, scan_thread, &scanners[started]) == 0)
        started++;
    scan_thread(&scanners[0]);
    for (size_t i = 1; i < started; i++)
        pthread_join(scanners[i].thread, NULL);
}

static double cosine(const struct ori_matrix *matrix, const float *query, size_t row)
{
    const float *vector = row_at(matrix, row);
    double dot = 0.0;
    for (size_t i = 0; i < matrix->dim; i++)
        dot += (double)query[i] * vector[i];
    const double score = dot / (length_of(query, matrix->dim) * length_of(vector, matrix->dim));
    return score > 1.0 ? 1.0 : score < -1.0 ? -1.0 : score;
}

static int compare_hits(const void *a, const void *b)
{
    const struct ori_matrix_hit *left = a;
    const struct ori_matrix_hit *right = b;
    if (left->score < right->score || left->score > right->score)
        return left->score > right->score ? -1 : 1;
    return memcmp(left->id, right->id, sizeof left->id);
}

/* Pours the tops of all scanners into the first, scores its rows again and orders them. */
static ori_status collect(struct scanner *scanners, size_t n, size_t limit,
                          struct ori_matrix_hit *ret_hits, size_t *ret_count, struct ori_error *err)
{
    const struct ori_matrix *matrix = scanners[0].scan->matrix;
    struct ori_scan_top *top = &scanners[0].top;
    for (size_t i = 1; i < n; i++) {
        for (size_t k = 0; k < scanners[i].top.count; k++)
            ori_scan_top_push(top, scanners[i].top.hits[k].score, scanners[i].top.hits[k].row);
    }
    struct ori_matrix_hit *hits = calloc(top->count + 1, sizeof *hits);
    if (!hits)
        return ori_error_set(err, ORI_NOMEM, "search for %zu points", limit);
    for (size_t k = 0; k < top->count; k++) {
        const size_t row = top->hits[k].row;
        hits[k].score = cosine(matrix, scanners[0].scan->query, row);
        memcpy(hits[k].id, matrix->ids[row], sizeof hits[k].id);
    }
    qsort(hits, top->count, sizeof *hits, compare_hits);
    *ret_count = top->count < limit ? top->count : limit;
    memcpy(ret_hits, hits, *ret_count * sizeof *hits);
    free(hits);
    return ORI_OK;
}

ori_status ori_matrix_search(const struct ori_matrix *matrix, const float *query, size_t limit,
                             const struct ori_vector_filter *filter, int threads,
                             const struct ori_cancel *cancel, struct ori_matrix_hit *ret_hits,
                             size_t *ret_count, struct ori_error *err)
{
    ORI_ASSERT(limit > 0 && limit <= ORI_LIMIT_MAX_SEARCH_HITS);
    struct scanner *scanners = NULL;
    void *unit = NULL;
    uint8_t *wanted = NULL;
    const size_t n = threads_for(matrix, threads);
    ori_status status = ORI_OK;

    scanners = calloc(n, sizeof *scanners);
    if (!scanners || posix_memalign(&unit, 64, matrix->stride * sizeof(float)) != 0) {
        status = ori_error_set(err, ORI_NOMEM, "search on %zu threads", n);
        goto out;
    }
    if (!write_unit(unit, query, matrix->dim, matrix->stride)) {
        status = ori_error_set(err, ORI_BAD_VECTOR, "the query is zero or not finite");
        goto out;
    }
    status = choose_videos(matrix, filter, &wanted, err);
    if (status != ORI_OK)
        goto out;
    struct scan scan = {.matrix = matrix,
                        .cancel = cancel,
                        .query = query,
                        .unit = unit,
                        .is_video_wanted = wanted,
                        .second_min = filter ? filter->second_min : -1.0,
                        .second_max = filter ? filter->second_max : -1.0};
    for (size_t i = 0; i < n && status == ORI_OK; i++) {
        scanners[i].scan = &scan;
        status = ori_scan_top_init(&scanners[i].top, limit + RESCORE_EXTRA,
                                   (const uint8_t(*)[16])matrix->ids, err);
    }
    if (status != ORI_OK)
        goto out;
    run_scanners(scanners, n);
    for (size_t i = 0; i < n; i++) {
        if (scanners[i].is_cancelled)
            status = ori_error_set(err, ORI_CANCELLED, "search stopped");
    }
    if (status == ORI_OK)
        status = collect(scanners, n, limit, ret_hits, ret_count, err);
out:
    for (size_t i = 0; scanners && i < n; i++)
        ori_scan_top_deinit(&scanners[i].top);
    free(scanners);
    free(unit);
    free(wanted);
    return status;
}
