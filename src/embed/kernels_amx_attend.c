/* Attention on AMX tiles, of q, k and v in bf16: scores, softmax and what it mixes for 16 queries at a
 * time. Shares are rounded to bf16 before they mix. */
#include <math.h>

#include "embed/kernels_amx_priv.h"

/* Memory of one head: all of K and V as tiles, and one block of 16 queries on its way. */
struct head_work {
    char *
        keys; /* [tiles of 16 keys][steps of 32 numbers]: word [r][c] is numbers 2r, 2r + 1 of key c */
    char *
        values; /* [tiles of 16 numbers][steps of 32 keys]: word [r][c] is number c of keys 2r, 2r + 1 */
    char *queries; /* [steps of 32 numbers] of 16 rows */
    char
        *shares; /* [steps of 32 keys] of 16 rows: what softmax gives, not yet divided by its sum */
    float *scores; /* [16][keys] */
    float *mixed;  /* [16][numbers] */
    int keys_padded;
    int head_padded;
};

enum { STEP_NUMBERS = 32 }; /* bf16 in 64 bytes */

static int round_up(int n, int step)
{
    return (n + step - 1) / step * step;
}

static struct head_work split_work(const struct ori_attention *it)
{
    struct head_work work = {.keys_padded = round_up(it->tokens, STEP_NUMBERS),
                             .head_padded = round_up(it->head, STEP_NUMBERS)};
    ptrdiff_t matrix = (ptrdiff_t)work.keys_padded * work.head_padded * 2;
    work.keys = (char *)it->work;
    work.values = work.keys + matrix;
    work.queries = work.values + matrix;
    work.shares = work.queries + (ptrdiff_t)TILE_ROWS * work.head_padded * 2;
    work.scores = (float *)(work.shares + (ptrdiff_t)TILE_ROWS * work.keys_padded * 2);
    work.mixed = work.scores + (ptrdiff_t)TILE_ROWS * work.keys_padded;
    return work;
}

/* Up to 32 numbers of a row from `first` on, and zeros behind the last. */
static inline __m512i load_numbers(const struct ori_attention *it, const void *matrix, int token,
                                   int first)
{
    int left = it->head - first;
    if (token >= it->tokens || left <= 0)
        return _mm512_setzero_si512();
    __mmask32 mask = left < STEP_NUMBERS ? (1U << left) - 1U : ~0U;
    return _mm512_maskz_loadu_epi16(mask, (const uint16_t *)matrix + token * it->stride + first);
}

/* Word [r][c] becomes word [c][r]. */
static inline __attribute__((always_inline)) void transpose(__m512i rows[TILE_ROWS])
{
    __m512i t[TILE_ROWS];
    for (int i = 0; i < TILE_ROWS; i += 2) {
        t[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    for (int i = 0; i < TILE_ROWS; i += 4) {
        rows[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        rows[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        rows[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        rows[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0xdd);
    }
    for (int i = 0; i < 4; i++) {
        rows[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        rows[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
        rows[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
        rows[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
    }
}

static void place_keys(const struct ori_attention *it, const struct head_work *work)
{
    char *tile = work->keys;
    for (int key = 0; key < work->keys_padded; key += TILE_ROWS) {
        for (int first = 0; first < work->head_padded; first += STEP_NUMBERS, tile += TILE_BYTES) {
            __m512i rows[TILE_ROWS];
            for (int i = 0; i < TILE_ROWS; i++)
                rows[i] = load_numbers(it, it->k, key + i, first);
            transpose(rows);
            for (int i = 0; i < TILE_ROWS; i++)
                _mm512_store_si512(tile + (ptrdiff_t)i * LINE_BYTES, rows[i]);
        }
    }
}

static void place_values(const struct ori_attention *it, const struct head_work *work)
{
    const ptrdiff_t column_bytes = (ptrdiff_t)work->keys_padded / STEP_NUMBERS * TILE_BYTES;
    for (int first = 0; first < work->head_padded; first += STEP_NUMBERS) {
        char *low = work->values + first / TILE_ROWS * column_bytes;
        char *high = low + column_bytes;
        for (int key = 0; key < work->keys_padded;
             key += 2, low += LINE_BYTES, high += LINE_BYTES) {
            __m512i even = load_numbers(it, it->v, key, first);
            __m512i odd = load_numbers(it, it->v, key + 1, first);
            __m512i words = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(even));
            __m512i upper = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(odd));
            _mm512_store_si512(low, _mm512_or_si512(words, _mm512_slli_epi32(upper, 16)));
            words = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(even, 1));
            upper = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(odd, 1));
            _mm512_store_si512(high, _mm512_or_si512(words, _mm512_slli_epi32(upper, 16)));
        }
    }
}

static void place_queries(const struct ori_attention *it, const struct head_work *work, int first,
                          int rows)
{
    char *line = work->queries;
    for (int number = 0; number < work->head_padded; number += STEP_NUMBERS) {
        for (int r = 0; r < TILE_ROWS; r++, line += LINE_BYTES)
            _mm512_store_si512(line, r < rows ? load_numbers(it, it->q, first + r, number)
                                              : _mm512_setzero_si512());
    }
}

/* y [16][columns] = 16 rows of x * two or four tiles' columns; both lie in tiles, y's rows y_stride apart. */
static inline __attribute__((always_inline)) void multiply_tiles(const char *x, const char *columns,
                                                                 ptrdiff_t column_bytes, int steps,
                                                                 bool is_four, float *y,
                                                                 ptrdiff_t y_stride)
{
    const ptrdiff_t row_bytes = y_stride * (ptrdiff_t)sizeof *y;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int s = 0; s < steps; s++, x += TILE_BYTES, columns += TILE_BYTES) {
        _tile_loadd(4, x, STEP_BYTES);
        _tile_loadd(5, columns, STEP_BYTES);
        _tile_dpbf16ps(0, 4, 5);
        _tile_loadd(6, columns + column_bytes, STEP_BYTES);
        _tile_dpbf16ps(1, 4, 6);
        if (is_four) {
            _tile_loadd(5, columns + 2 * column_bytes, STEP_BYTES);
            _tile_dpbf16ps(2, 4, 5);
            _tile_loadd(6, columns + 3 * column_bytes, STEP_BYTES);
            _tile_dpbf16ps(3, 4, 6);
        }
    }
    _tile_stored(0, y, row_bytes);
    _tile_stored(1, y + TILE_ROWS, row_bytes);
    if (is_four) {
        _tile_stored(2, y + 2 * TILE_ROWS, row_bytes);
        _tile_stored(3, y + 3 * TILE_ROWS, row_bytes);
    }
}

/* columns: a multiple of 32. */
static void multiply_columns(const char *x, const char *tiles, ptrdiff_t column_bytes, int steps,
                             int columns, float *y, ptrdiff_t y_stride)
{
    int done = 0;
    tiles_see_memory();
    for (; done + 4 * TILE_ROWS <= columns; done += 4 * TILE_ROWS)
        multiply_tiles(x, tiles + done / TILE_ROWS * column_bytes, column_bytes, steps, true,
                       y + done, y_stride);
    if (done < columns)
        multiply_tiles(x, tiles + done / TILE_ROWS * column_bytes, column_bytes, steps, false,
                       y + done, y_stride);
}

/* One row of scores to bf16 shares; gives one over their sum. What is behind `seen` gets none. */
static float share_out(const float *scores, int seen, int columns, float scale, char *shares)
{
    vf top = all(-INFINITY);
    vf sum = all(0);
    for (int i = 0; i < columns; i += LANES) {
        __mmask16 mask = first_of(seen - i);
        top = (vf)_mm512_mask_max_ps((__m512)top, mask, (__m512)top, (__m512)load(scores + i));
    }
    float largest = most_of(top) * scale;
    for (int i = 0; i < columns; i += LANES) {
        __mmask16 mask = first_of(seen - i);
        vf share = exp_of(load(scores + i) * scale - largest);
        share = (vf)_mm512_maskz_mov_ps(mask, (__m512)share);
        sum += share;
        char *place = shares + i / STEP_NUMBERS * TILE_BYTES + i % STEP_NUMBERS * 2;
        _mm256_store_si256((__m256i *)place, (__m256i)_mm512_cvtneps_pbh((__m512)share));
    }
    return 1.0F / sum_of(sum);
}

/* One row of what the shares mixed, times a factor. */
static void put_out(const struct ori_attention *it, const float *mixed, int row, float factor)
{
    const __m512 factors = _mm512_set1_ps(factor);
    float *out = (float *)it->out + (ptrdiff_t)row * it->out_columns + it->out_column;
    int steps = ori_product_steps(2 * (size_t)it->out_columns);
    for (int d = 0; d < it->head; d += LANES) {
        __m512 v = _mm512_mul_ps(_mm512_load_ps(mixed + d), factors);
        if (it->gives_blocks) {
            ptrdiff_t place = ori_product_place(row, steps, 2 * (ptrdiff_t)(it->out_column + d));
            _mm256_store_si256((__m256i *)((char *)it->out + place),
                               (__m256i)_mm512_cvtneps_pbh(v));
        } else {
            _mm512_mask_storeu_ps(out + d, first_of(it->head - d), v);
        }
    }
}

void ori_amx_attend(const struct ori_attention *it)
{
    const struct head_work work = split_work(it);
    place_keys(it, &work);
    place_values(it, &work);
    tiles_begin();
    for (int first = 0; first < it->queries; first += TILE_ROWS) {
        int rows = it->queries - first < TILE_ROWS ? it->queries - first : TILE_ROWS;
        int seen = it->is_causal ? first + rows : it->tokens;
        int columns = round_up(seen, STEP_NUMBERS);
        float factors[TILE_ROWS];
        place_queries(it, &work, first, rows);
        multiply_columns(work.queries, work.keys, work.head_padded / STEP_NUMBERS * TILE_BYTES,
                         work.head_padded / STEP_NUMBERS, columns, work.scores, work.keys_padded);
        for (int r = 0; r < rows; r++)
            factors[r] = share_out(work.scores + (ptrdiff_t)r * work.keys_padded,
                                   it->is_causal ? first + r + 1 : seen, columns, it->scale,
                                   work.shares + (ptrdiff_t)r * LINE_BYTES);
        multiply_columns(work.shares, work.values, work.keys_padded / STEP_NUMBERS * TILE_BYTES,
                         columns / STEP_NUMBERS, work.head_padded, work.mixed, work.head_padded);
        for (int r = 0; r < rows; r++)
            put_out(it, work.mixed + (ptrdiff_t)r * work.head_padded, it->out_row + first + r,
                    factors[r]);
    }
    tiles_end();
}
