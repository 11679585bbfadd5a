#include "stores/vector_scan.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static void dots_plain(const float *query, const float *rows, size_t n, size_t stride,
                       float *ret_scores)
{
    for (size_t r = 0; r < n; r++) {
        const float *row = rows + r * stride;
        float sums[ORI_SCAN_LANES] = {0.0F};
        for (size_t i = 0; i < stride; i += ORI_SCAN_LANES) {
            for (size_t lane = 0; lane < ORI_SCAN_LANES; lane++)
                sums[lane] += query[i + lane] * row[i + lane];
        }
        float sum = 0.0F;
        for (size_t lane = 0; lane < ORI_SCAN_LANES; lane++)
            sum += sums[lane];
        ret_scores[r] = sum;
    }
}

#if defined(__x86_64__)
/* One row at a time: memory is read strictly forward, which the prefetchers like best; the query
 * stays in the first-level cache. bench/bench_vectors.c has the measurement. */
__attribute__((target("avx2,fma"))) static void
dots_avx2(const float *query, const float *rows, size_t n, size_t stride, float *ret_scores)
{
    for (size_t r = 0; r < n; r++) {
        const float *row = rows + r * stride;
        __m256 a = _mm256_setzero_ps();
        __m256 b = _mm256_setzero_ps();
        for (size_t i = 0; i < stride; i += 16) {
            a = _mm256_fmadd_ps(_mm256_load_ps(query + i), _mm256_load_ps(row + i), a);
            b = _mm256_fmadd_ps(_mm256_load_ps(query + i + 8), _mm256_load_ps(row + i + 8), b);
        }
        a = _mm256_add_ps(a, b);
        __m128 half = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
        half = _mm_add_ps(half, _mm_movehl_ps(half, half));
        half = _mm_add_ss(half, _mm_movehdup_ps(half));
        ret_scores[r] = _mm_cvtss_f32(half);
    }
}

__attribute__((target("avx512f"))) static void
dots_avx512(const float *query, const float *rows, size_t n, size_t stride, float *ret_scores)
{
    for (size_t r = 0; r < n; r++) {
        const float *row = rows + r * stride;
        __m512 a = _mm512_setzero_ps();
        __m512 b = _mm512_setzero_ps();
        size_t i = 0;
        for (; i + 32 <= stride; i += 32) {
            a = _mm512_fmadd_ps(_mm512_load_ps(query + i), _mm512_load_ps(row + i), a);
            b = _mm512_fmadd_ps(_mm512_load_ps(query + i + 16), _mm512_load_ps(row + i + 16), b);
        }
        if (i < stride)
            a = _mm512_fmadd_ps(_mm512_load_ps(query + i), _mm512_load_ps(row + i), a);
        ret_scores[r] = _mm512_reduce_add_ps(_mm512_add_ps(a, b));
    }
}
#endif

enum ori_scan_level ori_scan_level_best(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        return ORI_SCAN_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return ORI_SCAN_AVX2;
#endif
    return ORI_SCAN_PLAIN;
}

ori_scan_dots_fn ori_scan_dots(enum ori_scan_level level_max)
{
    const enum ori_scan_level best = ori_scan_level_best();
    switch (level_max < best ? level_max : best) {
#if defined(__x86_64__)
    case ORI_SCAN_AVX512:
        return dots_avx512;
    case ORI_SCAN_AVX2:
        return dots_avx2;
#else
    case ORI_SCAN_AVX512:
    case ORI_SCAN_AVX2:
#endif
    case ORI_SCAN_PLAIN:
    default:
        return dots_plain;
    }
}

ori_status ori_scan_top_init(struct ori_scan_top *top, size_t max, const uint8_t (*ids)[16],
                             struct ori_error *err)
{
    ORI_ASSERT(max > 0);
    *top = (struct ori_scan_top){.max = max, .ids = ids};
    top->hits = calloc(max, sizeof *top->hits);
    if (!top->hits)
        return ori_error_set(err, ORI_NOMEM, "list of the best %zu points", max);
    return ORI_OK;
}

void ori_scan_top_deinit(struct ori_scan_top *top)
{
    free(top->hits);
    top->hits = NULL;
    top->count = 0;
}

static bool is_worse(const struct ori_scan_top *top, struct ori_scan_hit a, struct ori_scan_hit b)
{
    if (a.score < b.score || a.score > b.score)
        return a.score < b.score;
    return memcmp(top->ids[a.row], top->ids[b.row], sizeof top->ids[a.row]) > 0;
}

static void sift_down(struct ori_scan_top *top, size_t at, size_t count)
{
    const struct ori_scan_hit hit = top->hits[at];
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && is_worse(top, top->hits[child + 1], top->hits[child]))
            child++;
        if (!is_worse(top, top->hits[child], hit))
            break;
        top->hits[at] = top->hits[child];
        at = child;
    }
    top->hits[at] = hit;
}

static void sift_up(struct ori_scan_top *top, size_t at)
{
    const struct ori_scan_hit hit = top->hits[at];
    while (at > 0 && is_worse(top, hit, top->hits[(at - 1) / 2])) {
        top->hits[at] = top->hits[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    top->hits[at] = hit;
}

void ori_scan_top_push(struct ori_scan_top *top, float score, uint32_t row)
{
    const struct ori_scan_hit hit = {score, row};
    if (top->count < top->max) {
        top->hits[top->count] = hit;
        sift_up(top, top->count++);
    } else if (is_worse(top, top->hits[0], hit)) {
        top->hits[0] = hit;
        sift_down(top, 0, top->count);
    }
}

void ori_scan_top_push_run(struct ori_scan_top *top, const float *scores, uint32_t first, size_t n)
{
    size_t i = 0;
    while (i < n && top->count < top->max) {
        ori_scan_top_push(top, scores[i], first + (uint32_t)i);
        i++;
    }
    for (; i < n; i++) {
        if (scores[i] >= top->hits[0].score)
            ori_scan_top_push(top, scores[i], first + (uint32_t)i);
    }
}

void ori_scan_top_sort(struct ori_scan_top *top)
{
    for (size_t end = top->count; end > 1; end--) { /* the worst goes behind the rest */
        const struct ori_scan_hit worst = top->hits[0];
        top->hits[0] = top->hits[end - 1];
        top->hits[end - 1] = worst;
        sift_down(top, 0, end - 1);
    }
}
