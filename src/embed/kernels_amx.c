/* Matrix products and attention on AMX tiles: 16 rows of 64 bytes; one instruction multiplies 16 rows of x
 * by 16 outputs, 32 bf16 or 64 bytes deep. oneDNN 2.6 fetches weights when it needs them and adds bias,
 * activation and residual when its products are done; here both happen between the tile instructions.
 *
 * Blocks  32 rows x 32 outputs: four tiles of sums, two of x, two of W. x streams past the first cache,
 *         12 steps of a panel of W stay in it for all rows, then the next 12. Sums of a panel wait in
 *         memory; those of the panel before are finished, and the panel after is fetched, a few vectors
 *         and a few lines a step
 * Source  Intel 64 and IA-32 Architectures Optimization Reference Manual, chapter on AMX */
#include <immintrin.h>
#include <math.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "embed/kernels_amx.h"
#include "embed/kernels_math_priv.h"

enum {
    TILE_ROWS = 16,
    TILE_BYTES = 1024,
    BLOCK = 2 * TILE_ROWS,
    PANEL = ORI_PRODUCT_PANEL,
    STEP_BYTES = ORI_PRODUCT_STEP_BYTES,
    LINE_BYTES = 64,
    STEPS_MAX = 12, /* of a panel at once: 24 KiB of W, half of the first cache */
    ROWS_AHEAD = 8
};

/* ---- the tiles */

struct __attribute__((packed)) tile_shapes { /* the layout that the instruction reads */
    uint8_t palette;
    uint8_t start_row;
    uint8_t reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

/* All eight tiles whole, of the calling thread. */
static void tiles_begin(void)
{
    struct tile_shapes shapes = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        shapes.row_bytes[i] = STEP_BYTES;
        shapes.rows[i] = TILE_ROWS;
    }
    _tile_loadconfig(&shapes);
}

static void tiles_end(void)
{
    _tile_release();
}

bool ori_amx_permit(void)
{
    enum { REQUEST = 0x1023, TILE_DATA = 18 }; /* ARCH_REQ_XCOMP_PERM, XFEATURE_XTILE_DATA */
    return syscall(SYS_arch_prctl, REQUEST, TILE_DATA) == 0;
}

/* Of 16 lanes the first so many. */
static inline __mmask16 first_of(int count)
{
    return (__mmask16)(count >= LANES ? 0xffffU : count > 0 ? (1U << count) - 1U : 0);
}

/* ---- products */

/* Sums of one panel that wait for bias, activation and their place in y. */
struct waiting {
    const float *sums; /* of the next row: [PANEL], whole numbers for bytes */
    char *y;           /* its place */
    int row;
    int rows;
    int column;         /* the panel's first */
    __mmask16 masks[2]; /* which of its outputs there are */
    ptrdiff_t stride;   /* from one row's place to the next */
    ptrdiff_t jump;     /* the same behind a whole block */
};

static inline __attribute__((always_inline)) struct waiting
wait_for_rest(const struct ori_product *p, const float *sums, int column)
{
    int left = p->out - column;
    struct waiting it = {.sums = sums, .rows = p->rows, .column = column};
    it.masks[0] = first_of(left);
    it.masks[1] = first_of(left - LANES);
    if (p->gives_blocks) {
        int steps = ori_product_steps(2 * (size_t)p->out);
        it.y = (char *)p->y + ori_product_place(0, steps, 2 * (ptrdiff_t)column);
        it.stride = STEP_BYTES;
        it.jump = steps * ORI_PRODUCT_PIECE_STRIDE - (BLOCK - 1) * STEP_BYTES;
    } else {
        ptrdiff_t bytes = p->gives_bf16 ? 2 : 4;
        it.y = (char *)p->y + column * bytes;
        it.stride = p->out * bytes;
        it.jump = it.stride;
    }
    return it;
}

/* 1 / (1 + exp(-x)) to 1e-4 of itself, enough for what is rounded to bf16 or bytes: 2^r by a polynomial of
 * degree 4 (Taylor) on -0.5..0.5, a reciprocal of 14 bits. Half the instructions of sigmoid_of, which
 * would not fit between the tiles'. */
static inline __attribute__((always_inline)) vf rough_sigmoid_of(vf x)
{
    const float shifter = 12582912.0F; /* 1.5 * 2^23: adding it rounds to a whole number */
    vf n = x * -1.44269504F + shifter - shifter;
    vf r = x * -1.44269504F - n;
    vf p = all(9.6181291e-3F);
    p = p * r + 5.5504109e-2F;
    p = p * r + 0.24022651F;
    p = p * r + 0.69314718F;
    p = p * r + 1.0F;
    return (vf)_mm512_rcp14_ps((__m512)(1.0F + (vf)_mm512_scalef_ps((__m512)p, (__m512)n)));
}

static inline __attribute__((always_inline)) vf activated(vf v, enum ori_activation activation)
{
    switch (activation) {
    case ORI_ACTIVATION_QUICK_GELU:
        return v * rough_sigmoid_of(1.702F * v);
    case ORI_ACTIVATION_GELU:
        return gelu_of(v);
    case ORI_ACTIVATION_GELU_TANH:
        return v * rough_sigmoid_of(1.5957691216F * (v + 0.044715F * v * v * v));
    case ORI_ACTIVATION_SWIGLU: /* of two products: the caller's */
    default:
        return v;
    }
}

static inline __attribute__((always_inline)) __m512 finished(const struct ori_product *p,
                                                             const struct waiting *it, int half)
{
    const int column = it->column + half * LANES;
    const float *sums = it->sums + half * LANES;
    const __mmask16 mask = it->masks[half];
    __m512 v;
    if (p->row_scales) {
        __m512i whole = _mm512_sub_epi32(_mm512_loadu_si512(sums),
                                         _mm512_maskz_loadu_epi32(mask, p->offsets + column));
        __m512 scale = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, p->scales + column),
                                     _mm512_set1_ps(p->row_scales[it->row]));
        v = _mm512_mul_ps(_mm512_cvtepi32_ps(whole), scale);
    } else {
        v = _mm512_loadu_ps(sums);
    }
    if (p->bias)
        v = _mm512_add_ps(v, _mm512_maskz_loadu_ps(mask, p->bias + column));
    v = (__m512)activated((vf)v, p->activation);
    if (p->adds)
        v = _mm512_add_ps(v, _mm512_maskz_loadu_ps(mask, (float *)it->y + half * LANES));
    return v;
}

static inline __attribute__((always_inline)) void finish_rows(const struct ori_product *p,
                                                              struct waiting *it, int rows)
{
    const int end = it->rows - it->row < rows ? it->rows : it->row + rows;
    for (; it->row < end; it->row++, it->sums += PANEL) {
        __m512 low = finished(p, it, 0);
        __m512 high = finished(p, it, 1);
        if (p->gives_bf16) {
            _mm256_mask_storeu_epi16(it->y, it->masks[0], (__m256i)_mm512_cvtneps_pbh(low));
            _mm256_mask_storeu_epi16(it->y + 2 * LANES, it->masks[1],
                                     (__m256i)_mm512_cvtneps_pbh(high));
        } else {
            _mm512_mask_storeu_ps(it->y, it->masks[0], low);
            _mm512_mask_storeu_ps((float *)it->y + LANES, it->masks[1], high);
        }
        it->y += (it->row + 1) % BLOCK == 0 ? it->jump : it->stride;
        __builtin_prefetch(it->y + ROWS_AHEAD * it->stride, 1);
        __builtin_prefetch(it->y + ROWS_AHEAD * it->stride + LINE_BYTES, 1);
    }
}

struct ahead { /* weights that will be wanted: fetched a few lines a step */
    const char *next;
    const char *end;
    int lines;
};

static inline __attribute__((always_inline)) void fetch_some(struct ahead *it)
{
    for (int i = 0; i < it->lines && it->next < it->end; i++, it->next += LINE_BYTES)
        __builtin_prefetch(it->next, 0, 2);
}

/* What one block computes: some steps of a panel, for 32 or 16 rows. */
struct block {
    const char *x;
    const char *weights;
    int steps;
    bool is_first; /* of the panel's steps: the sums start at zero */
    float *sums;   /* [32][PANEL] */
};

static inline __attribute__((always_inline)) void load_sums(const struct block *it, bool is_two)
{
    const float *sums = it->sums;
    if (it->is_first) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        return;
    }
    _tile_loadd(0, sums, PANEL * sizeof *sums);
    _tile_loadd(1, sums + TILE_ROWS, PANEL * sizeof *sums);
    if (is_two) {
        _tile_loadd(2, sums + TILE_ROWS * PANEL, PANEL * sizeof *sums);
        _tile_loadd(3, sums + TILE_ROWS * PANEL + TILE_ROWS, PANEL * sizeof *sums);
    }
}

static inline __attribute__((always_inline)) void store_sums(const struct block *it, bool is_two)
{
    float *sums = it->sums;
    _tile_stored(0, sums, PANEL * sizeof *sums);
    _tile_stored(1, sums + TILE_ROWS, PANEL * sizeof *sums);
    if (is_two) {
        _tile_stored(2, sums + TILE_ROWS * PANEL, PANEL * sizeof *sums);
        _tile_stored(3, sums + TILE_ROWS * PANEL + TILE_ROWS, PANEL * sizeof *sums);
    }
}

static inline __attribute__((always_inline)) void
multiply_block(const struct ori_product *p, const struct block *it, bool is_two, bool is_bytes,
               int rows, struct ahead *ahead, struct waiting *waiting)
{
    const char *x = it->x;
    const char *weights = it->weights;
    load_sums(it, is_two);
    for (int s = 0; s < it->steps; s++, x += 2 * TILE_BYTES, weights += 2 * TILE_BYTES) {
        _tile_stream_loadd(4, x, STEP_BYTES);
        _tile_loadd(6, weights, STEP_BYTES);
        _tile_loadd(7, weights + TILE_BYTES, STEP_BYTES);
        if (is_bytes) {
            _tile_dpbusd(0, 4, 6);
            _tile_dpbusd(1, 4, 7);
        } else {
            _tile_dpbf16ps(0, 4, 6);
            _tile_dpbf16ps(1, 4, 7);
        }
        if (is_two) {
            _tile_stream_loadd(5, x + TILE_BYTES, STEP_BYTES);
            if (is_bytes) {
                _tile_dpbusd(2, 5, 6);
                _tile_dpbusd(3, 5, 7);
            } else {
                _tile_dpbf16ps(2, 5, 6);
                _tile_dpbf16ps(3, 5, 7);
            }
        }
        fetch_some(ahead);
        finish_rows(p, waiting, rows);
    }
    store_sums(it, is_two);
}

static inline __attribute__((always_inline)) void multiply_all(const struct ori_product *product,
                                                               bool is_bytes)
{
    const struct ori_product p = *product; /* which no store through y can change */
    const ptrdiff_t panel_bytes = (ptrdiff_t)p.steps * 2 * TILE_BYTES; /* of W as of x */
    const int blocks = (p.rows + BLOCK - 1) / BLOCK;
    const int parts = (p.steps + STEPS_MAX - 1) / STEPS_MAX;
    const int rows = (BLOCK + p.steps - 1) / p.steps; /* finished a step */
    const char *panel = p.weights;
    float *sums = p.work;
    float *other = sums + (ptrdiff_t)blocks * BLOCK * PANEL;
    struct waiting waiting = {0};
    tiles_begin();
    for (int column = 0; column < p.out; column += PANEL, panel += panel_bytes) {
        struct ahead ahead = {.next = panel + panel_bytes,
                              .end = panel + 2 * panel_bytes,
                              .lines = (BLOCK + blocks - 1) / blocks};
        for (int part = 0; part < parts; part++) {
            int first = p.steps * part / parts;
            ptrdiff_t skipped = (ptrdiff_t)first * 2 * TILE_BYTES;
            for (int b = 0; b < blocks; b++) {
                struct block block = {.x = (const char *)p.x + b * panel_bytes + skipped,
                                      .weights = panel + skipped,
                                      .steps = p.steps * (part + 1) / parts - first,
                                      .is_first = part == 0,
                                      .sums = sums + (ptrdiff_t)b * BLOCK * PANEL};
                if (p.rows - b * BLOCK > TILE_ROWS)
                    multiply_block(&p, &block, true, is_bytes, rows, &ahead, &waiting);
                else
                    multiply_block(&p, &block, false, is_bytes, rows, &ahead, &waiting);
            }
        }
        finish_rows(&p, &waiting, p.rows);
        waiting = wait_for_rest(&p, sums, column);
        float *next = other;
        other = sums;
        sums = next;
    }
    tiles_end();
    finish_rows(&p, &waiting, p.rows);
}

void ori_amx_product(const struct ori_product *product)
{
    if (product->row_scales)
        multiply_all(product, true);
    else
        multiply_all(product, false);
}

/* ---- attention */

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
