/* bench/bench_vectors.c: the exact vector scan against the machine's own memory bandwidth.
 * Fills a matrix with random unit vectors, then measures in one run, with one thread and with all:
 *   read    a plain sum over the same memory by the same number of threads (AVX-512 or AVX2 loads,
 *           the machine's read bandwidth as this program can reach it)
 *   search  ori_matrix_search, the best 10 of all rows
 * and prints both in GB/s and their ratio, the best of several runs each. Then the best 10 of some
 * queries are compared with those of a plain scan in double precision.
 * bench_vectors [--rows N] [--dim N] [--threads N] [--runs N] [--level plain|avx2|avx512]
 *               [--store FILE: through an embedded store: fill, load and search times as well] */
#include <getopt.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "stores/vector.h"
#include "stores/vector_matrix.h"
#include "util/clock.h"
#include "util/limits.h"

enum { LIMIT = 10, QUERIES = 3, THREADS_MAX = 64, STORE_CALL = 1000 };

struct plan {
    size_t rows;
    int dim;
    int threads;
    int runs;
    enum ori_scan_level level;
    const char *store;
};

static uint64_t next_random(uint64_t *seed) /* splitmix64, Steele et al. 2014 */
{
    uint64_t z = (*seed += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

static void random_vector(uint64_t *seed, float *vector, int dim)
{
    for (int i = 0; i < dim; i += 2) {
        const uint64_t bits = next_random(seed);
        vector[i] = (float)(int32_t)bits * 0x1p-31F;
        if (i + 1 < dim)
            vector[i + 1] = (float)(int32_t)(bits >> 32) * 0x1p-31F;
    }
}

/* ---- the machine's read bandwidth ---- */

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static float sum_avx512(const float *data, size_t n)
{
    __m512 a = _mm512_setzero_ps();
    __m512 b = _mm512_setzero_ps();
    __m512 c = _mm512_setzero_ps();
    __m512 d = _mm512_setzero_ps();
    for (size_t i = 0; i + 64 <= n; i += 64) {
        a = _mm512_add_ps(a, _mm512_load_ps(data + i));
        b = _mm512_add_ps(b, _mm512_load_ps(data + i + 16));
        c = _mm512_add_ps(c, _mm512_load_ps(data + i + 32));
        d = _mm512_add_ps(d, _mm512_load_ps(data + i + 48));
    }
    return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d)));
}

__attribute__((target("avx2"))) static float sum_avx2(const float *data, size_t n)
{
    __m256 sums[8];
    for (int k = 0; k < 8; k++)
        sums[k] = _mm256_setzero_ps();
    for (size_t i = 0; i + 64 <= n; i += 64) {
        for (int k = 0; k < 8; k++)
            sums[k] = _mm256_add_ps(sums[k], _mm256_load_ps(data + i + 8 * k));
    }
    for (int k = 1; k < 8; k++)
        sums[0] = _mm256_add_ps(sums[0], sums[k]);
    float lanes[8];
    _mm256_storeu_ps(lanes, sums[0]);
    return lanes[0] + lanes[1] + lanes[2] + lanes[3] + lanes[4] + lanes[5] + lanes[6] + lanes[7];
}
#endif

static float sum_plain(const float *data, size_t n)
{
    float sums[16] = {0};
    for (size_t i = 0; i + 16 <= n; i += 16) {
        for (size_t k = 0; k < 16; k++)
            sums[k] += data[i + k];
    }
    float sum = 0;
    for (size_t k = 0; k < 16; k++)
        sum += sums[k];
    return sum;
}

typedef float (*sum_fn)(const float *data, size_t n);

static sum_fn best_sum(void)
{
#if defined(__x86_64__)
    if (ori_scan_level_best() == ORI_SCAN_AVX512)
        return sum_avx512;
    if (ori_scan_level_best() == ORI_SCAN_AVX2)
        return sum_avx2;
#endif
    return sum_plain;
}

struct reader {
    const struct ori_matrix *matrix;
    atomic_size_t *next;
    sum_fn sum;
    float total; /* so that the sums are not optimised away */
};

enum { BLOCK_ROWS = 1024 };

static void *read_blocks(void *self)
{
    struct reader *reader = self;
    const size_t stride = ori_matrix_stride(reader->matrix);
    for (;;) {
        const size_t first = atomic_fetch_add(reader->next, BLOCK_ROWS);
        size_t rows = 0;
        const float *chunk = ori_matrix_chunk(reader->matrix, first / ORI_MATRIX_CHUNK_ROWS, &rows);
        const size_t at = first % ORI_MATRIX_CHUNK_ROWS;
        if (!chunk || at >= rows)
            return NULL;
        const size_t n = rows - at < BLOCK_ROWS ? rows - at : BLOCK_ROWS;
        reader->total += reader->sum(chunk + at * stride, n * stride);
    }
}

static double read_seconds(const struct ori_matrix *matrix, int threads)
{
    struct reader readers[THREADS_MAX];
    pthread_t others[THREADS_MAX];
    atomic_size_t next = 0;
    int started = 1;
    const int64_t start_us = ori_clock_us();
    for (int i = 0; i < threads; i++)
        readers[i] = (struct reader){matrix, &next, best_sum(), 0.0F};
    while (started < threads &&
           pthread_create(&others[started], NULL, read_blocks, &readers[started]) == 0)
        started++;
    read_blocks(&readers[0]);
    for (int i = 1; i < started; i++)
        pthread_join(others[i], NULL);
    const double seconds = (double)(ori_clock_us() - start_us) * 1e-6;
    float total = 0;
    for (int i = 0; i < started; i++)
        total += readers[i].total;
    if (isnan(total))
        puts("the sum is not a number");
    return seconds;
}

/* ---- the scan ---- */

static struct ori_matrix *fill_matrix(const struct plan *plan)
{
    struct ori_matrix *matrix = NULL;
    struct ori_error err = {0};
    uint64_t seed = 1;
    float vector[ORI_LIMIT_MAX_VECTOR_DIM];
    ori_status status = ori_matrix_create(plan->dim, plan->rows, plan->level, &matrix, &err);
    for (size_t i = 0; i < plan->rows && status == ORI_OK; i++) {
        char code[24];
        struct ori_matrix_row row = {
            .platform = "bench", .video_code = code, .second = (double)(i % 50), .vector = vector};
        snprintf(code, sizeof code, "v%zu", i / 50);
        random_vector(&seed, vector, plan->dim);
        memcpy(row.id, &i, sizeof i);
        status = ori_matrix_set(matrix, &row, &err);
    }
    if (status != ORI_OK) {
        fprintf(stderr, "bench_vectors: %s\n", err.text);
        ori_matrix_destroy(&matrix);
    }
    return matrix;
}

static double search_seconds(const struct ori_matrix *matrix, const float *query,
                             const struct ori_vector_filter *filter, int threads)
{
    struct ori_matrix_hit hits[LIMIT];
    size_t count = 0;
    struct ori_error err = {0};
    const int64_t start_us = ori_clock_us();
    if (ori_matrix_search(matrix, query, LIMIT, filter, threads, NULL, hits, &count, &err) !=
        ORI_OK)
        fprintf(stderr, "bench_vectors: %s\n", err.text);
    return (double)(ori_clock_us() - start_us) * 1e-6;
}

static void measure(const struct plan *plan, const struct ori_matrix *matrix, const float *query,
                    int threads)
{
    const double gb = (double)plan->rows * (double)ori_matrix_stride(matrix) * 4e-9;
    double read_best = 1e9;
    double search_best = 1e9;
    double filtered_best = 1e9;
    const struct ori_vector_filter half = {"bench", NULL, 25, -1};
    for (int run = 0; run < plan->runs; run++) { /* in turn, so that a noisy moment hits both */
        read_best = fmin(read_best, read_seconds(matrix, threads));
        search_best = fmin(search_best, search_seconds(matrix, query, NULL, threads));
        filtered_best = fmin(filtered_best, search_seconds(matrix, query, &half, threads));
    }
    printf("%2d thread%s  read %6.2f GB/s  search %6.2f GB/s  ratio %.3f  %8.3f ms a query  "
           "(half filtered away: %.3f ms)\n",
           threads, threads == 1 ? " " : "s", gb / read_best, gb / search_best,
           read_best / search_best, search_best * 1e3, filtered_best * 1e3);
}

static double exact_cosine(const float *query, const float *row, int dim)
{
    double dot = 0;
    double a = 0;
    double b = 0;
    for (int i = 0; i < dim; i++) {
        dot += (double)query[i] * row[i];
        a += (double)query[i] * query[i];
        b += (double)row[i] * row[i];
    }
    return dot / sqrt(a * b);
}

/* How many of the best LIMIT of a scan in double precision the search found. */
static int count_found(const struct plan *plan, const struct ori_matrix *matrix, const float *query)
{
    double best[LIMIT];
    struct ori_matrix_hit hits[LIMIT];
    size_t count = 0;
    int found = 0;
    for (int k = 0; k < LIMIT; k++)
        best[k] = -2;
    size_t rows = 0;
    const float *chunk = NULL;
    for (size_t c = 0; (chunk = ori_matrix_chunk(matrix, c, &rows)); c++) {
        for (size_t r = 0; r < rows; r++) {
            double score = exact_cosine(query, chunk + r * ori_matrix_stride(matrix), plan->dim);
            for (int k = 0; k < LIMIT; k++) {
                if (score > best[k]) {
                    const double next = best[k];
                    best[k] = score;
                    score = next;
                }
            }
        }
    }
    if (ori_matrix_search(matrix, query, LIMIT, NULL, plan->threads, NULL, hits, &count, NULL) !=
        ORI_OK)
        return 0;
    for (size_t k = 0; k < count; k++)
        found += hits[k].score >= best[LIMIT - 1] - 1e-12;
    return found;
}

static int bench_matrix(const struct plan *plan)
{
    static const char *const levels[] = {"plain C", "AVX2", "AVX-512"};
    uint64_t seed = 99;
    float query[ORI_LIMIT_MAX_VECTOR_DIM];
    struct ori_matrix *matrix = fill_matrix(plan);
    if (!matrix)
        return 1;
    const enum ori_scan_level best = ori_scan_level_best();
    printf("%zu rows of %d numbers, %.2f GB, %s, best of %d\n", plan->rows, plan->dim,
           (double)plan->rows * (double)ori_matrix_stride(matrix) * 4e-9,
           levels[plan->level < best ? plan->level : best], plan->runs);
    random_vector(&seed, query, plan->dim);
    measure(plan, matrix, query, 1);
    if (plan->threads > 1)
        measure(plan, matrix, query, plan->threads);
    int found = 0;
    for (int i = 0; i < QUERIES; i++) {
        random_vector(&seed, query, plan->dim);
        found += count_found(plan, matrix, query);
    }
    printf("recall against a scan in double precision: %d of %d\n", found, QUERIES * LIMIT);
    ori_matrix_destroy(&matrix);
    return found == QUERIES * LIMIT ? 0 : 1;
}

/* ---- through the store ---- */

static ori_status fill_store(const struct plan *plan, struct ori_vector_store *store,
                             struct ori_error *err)
{
    uint64_t seed = 1;
    ori_status status = ORI_OK;
    struct ori_point *points = calloc(STORE_CALL, sizeof *points);
    float *vectors = calloc((size_t)STORE_CALL * (size_t)plan->dim, sizeof *vectors);
    char code[24];
    for (size_t first = 0; points && vectors && first < plan->rows && status == ORI_OK;
         first += STORE_CALL) {
        const size_t n = plan->rows - first < STORE_CALL ? plan->rows - first : STORE_CALL;
        snprintf(code, sizeof code, "v%zu", first / STORE_CALL);
        for (size_t i = 0; i < n; i++) {
            float *vector = vectors + i * (size_t)plan->dim;
            random_vector(&seed, vector, plan->dim);
            points[i] = (struct ori_point){.payload = {.platform = "bench",
                                                       .video_code = code,
                                                       .path = "bench/v/1_0.00.png",
                                                       .frame_second = (double)i,
                                                       .model = "bench"},
                                           .vector = vector};
            snprintf(points[i].payload.uuid, sizeof points[i].payload.uuid,
                     "%08zx-0000-5000-8000-%012zx", (first + i) * 2654435761U % 0xFFFFFFFFU,
                     first + i);
        }
        status = ori_vector_upsert(store, points, n, err);
    }
    if (!points || !vectors)
        status = ori_error_set(err, ORI_NOMEM, "points");
    free(points);
    free(vectors);
    return status;
}

static double seconds_since(int64_t start_us)
{
    return (double)(ori_clock_us() - start_us) * 1e-6;
}

static int bench_store(const struct plan *plan)
{
    const struct ori_vector_options options = {
        .path = plan->store, .model = "bench", .dim = plan->dim, .threads = plan->threads};
    struct ori_vector_store *store = NULL;
    struct ori_error err = {0};
    uint64_t seed = 99;
    float query[ORI_LIMIT_MAX_VECTOR_DIM];
    int64_t start_us = ori_clock_us();
    ori_status status = ori_vector_open_embedded(&options, &store, &err);
    if (status == ORI_OK)
        status = fill_store(plan, store, &err);
    if (status == ORI_OK)
        printf("store: %.0f points/s into the file, %d a transaction\n",
               (double)plan->rows / seconds_since(start_us), STORE_CALL);
    random_vector(&seed, query, plan->dim);
    for (int run = 0; run < 4 && status == ORI_OK; run++) {
        struct ori_hits hits = {0};
        if (run == 3) { /* one video gone: the next search walks the ids */
            status = ori_vector_replace_video(store, "bench", "v0", NULL, 0, &err);
            if (status != ORI_OK)
                break;
        }
        start_us = ori_clock_us();
        status = ori_vector_search(store, query, LIMIT, NULL, NULL, &hits, &err);
        printf("store: %s %.3f ms\n",
               run == 0   ? "first search, which loads "
               : run == 3 ? "search after a removal    "
                          : "search                    ",
               seconds_since(start_us) * 1e3);
        ori_hits_deinit(&hits);
    }
    ori_vector_close(&store);
    if (status != ORI_OK)
        fprintf(stderr, "bench_vectors: %s\n", err.text);
    return status == ORI_OK ? 0 : 1;
}

static bool read_number(const char *text, long low, long high, long *ret_number)
{
    char *end = NULL;
    *ret_number = strtol(text, &end, 10);
    return *text && !*end && *ret_number >= low && *ret_number <= high;
}

static bool read_arguments(int argc, char **argv, struct plan *plan)
{
    static const struct option known[] = {{"rows", required_argument, NULL, 'r'},
                                          {"dim", required_argument, NULL, 'd'},
                                          {"threads", required_argument, NULL, 't'},
                                          {"runs", required_argument, NULL, 'n'},
                                          {"level", required_argument, NULL, 'l'},
                                          {"store", required_argument, NULL, 's'},
                                          {0}};
    int option = 0;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        long number = 0;
        bool is_good = true;
        switch (option) {
        case 'r':
            is_good = read_number(optarg, 1, ORI_LIMIT_MAX_VECTOR_ROWS, &number);
            plan->rows = (size_t)number;
            break;
        case 'd':
            is_good = read_number(optarg, 1, ORI_LIMIT_MAX_VECTOR_DIM, &number);
            plan->dim = (int)number;
            break;
        case 't':
            is_good = read_number(optarg, 1, THREADS_MAX, &number);
            plan->threads = (int)number;
            break;
        case 'n':
            is_good = read_number(optarg, 1, 1000, &number);
            plan->runs = (int)number;
            break;
        case 'l':
            plan->level = strcmp(optarg, "plain") == 0  ? ORI_SCAN_PLAIN
                          : strcmp(optarg, "avx2") == 0 ? ORI_SCAN_AVX2
                                                        : ORI_SCAN_AVX512;
            break;
        case 's':
            plan->store = optarg;
            break;
        default:
            is_good = false;
        }
        if (!is_good)
            return false;
    }
    return optind == argc;
}

int main(int argc, char **argv)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct plan plan = {.rows = 1000000,
                        .dim = 512,
                        .threads = cores > THREADS_MAX ? THREADS_MAX
                                   : cores < 1         ? 1
                                                       : (int)cores,
                        .runs = 7,
                        .level = ORI_SCAN_AVX512};
    if (!read_arguments(argc, argv, &plan)) {
        fputs("usage: bench_vectors [--rows N] [--dim N] [--threads N] [--runs N]\n"
              "                     [--level plain|avx2|avx512] [--store FILE]\n",
              stderr);
        return 2;
    }
    return plan.store ? bench_store(&plan) : bench_matrix(&plan);
}
