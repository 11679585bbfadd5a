/* Matrix products and attention on AMX tiles: 16 rows of 64 bytes; one instruction multiplies 16 rows of x
 * by 16 outputs, 32 bf16 or 64 bytes deep. oneDNN 2.6 fetches weights when it needs them and adds bias,
 * activation and residual when its products are done; here both happen between the tile instructions.
 *
 * Blocks  32 rows x 32 outputs: four tiles of sums, two of x, two of W. x streams past the first cache,
 *         12 steps of a panel of W stay in it for all rows, then the next 12. Sums of a panel wait in
 *         memory; those of the panel before are finished, and the panel after is fetched, a few vectors
 *         and a few lines a step
 * Source  Intel 64 and IA-32 Architectures Optimization Reference Manual, chapter on AMX */
#include <sys/syscall.h>
#include <unistd.h>

#include "embed/kernels_amx_priv.h"

enum {
    BLOCK = 2 * TILE_ROWS,
    PANEL = ORI_PRODUCT_PANEL,
    STEPS_MAX = 12, /* of a panel at once: 24 KiB of W, half of the first cache */
    ROWS_AHEAD = 8  /* of y, fetched before they are written */
};

bool ori_amx_permit(void)
{
    enum { REQUEST = 0x1023, TILE_DATA = 18 }; /* ARCH_REQ_XCOMP_PERM, XFEATURE_XTILE_DATA */
    return syscall(SYS_arch_prctl, REQUEST, TILE_DATA) == 0;
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
