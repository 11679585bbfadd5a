/* stores/vector_matrix_search.c: the exact search over the matrix (vector_matrix.h). */
#include "stores/vector_matrix_priv.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"

enum {
    BLOCK_ROWS = 1024,                  /* what a thread takes at a time: 2 MB at 512 floats */
    THREAD_BYTES_MIN = 4 * 1024 * 1024, /* below that a thread costs more than it saves */
    RESCORE_EXTRA = 16, /* candidates beyond the limit: rounding may swap neighbours */
    THREADS_MAX = ORI_LIMIT_MAX_VECTOR_THREADS
};
_Static_assert(ORI_MATRIX_CHUNK_ROWS % BLOCK_ROWS == 0, "a block lies in one chunk");

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
    matrix->dots(scanner->scan->unit, ori_matrix_row_at(matrix, first), n, matrix->stride,
                 scanner->scores);
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
    const float *vector = ori_matrix_row_at(matrix, row);
    double dot = 0.0;
    for (size_t i = 0; i < matrix->dim; i++)
        dot += (double)query[i] * vector[i];
    const double score =
        dot / (ori_matrix_length(query, matrix->dim) * ori_matrix_length(vector, matrix->dim));
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
    if (!ori_matrix_write_unit(unit, query, matrix->dim, matrix->stride)) {
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
