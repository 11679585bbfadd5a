/* The matrix product in f32 (product.h), for each set of vectors that has enough registers: TILE_ROWS rows
 * times three vectors of outputs are summed in registers, the next panel of weights is fetched meanwhile,
 * and bias, activation and what y was come in before anything is written. Every row takes the same sums in
 * the same order whatever rows ride along. */
#include "embed/kernels.h"
#include "embed/kernels_math_priv.h"

#if ORI_KERNEL_LANES == 16
#define TILE_ROWS 8
#else
#define TILE_ROWS 4
#endif

enum {
    VECTORS = ORI_PRODUCT_VECTORS,
    PANEL = VECTORS * LANES,
    STEP = ORI_PRODUCT_STEP_BYTES / sizeof(float), /* numbers of a row */
    BLOCK = ORI_PRODUCT_BLOCK,
    LINE = 64 / sizeof(float),
    NUMBERS_AHEAD =
        8 /* weights are fetched from the second cache so many numbers of a row before */
};

void ORI_KERNEL_PRODUCT(const struct ori_product *product);

struct tile { /* TILE_ROWS rows times a panel */
    const float *x;
    const float *weights;
    const float *ahead; /* weights of the next panel: `lines` of them a step */
    int lines;
    int steps;
};

static inline __attribute__((always_inline)) void multiply(const struct tile *tile,
                                                           vf sums[TILE_ROWS][VECTORS])
{
    const float *x = tile->x;
    const float *weights = tile->weights;
    const float *ahead = tile->ahead;
    for (int r = 0; r < TILE_ROWS; r++) {
        for (int v = 0; v < VECTORS; v++)
            sums[r][v] = all(0);
    }
    for (int s = 0; s < tile->steps; s++, x += BLOCK * STEP) {
        for (int i = 0; i < tile->lines; i++, ahead += LINE)
            __builtin_prefetch(ahead, 0, 2);
        for (int r = 0; r < TILE_ROWS; r++)
            __builtin_prefetch(x + (BLOCK + r) * (int)STEP, 0, 3);
        for (int k = 0; k < (int)STEP; k++, weights += PANEL) {
            vf columns[VECTORS];
            for (int v = 0; v < VECTORS; v++)
                __builtin_prefetch(weights + NUMBERS_AHEAD * PANEL + v * LANES, 0, 3);
            for (int v = 0; v < VECTORS; v++)
                columns[v] = load(weights + v * LANES);
            for (int r = 0; r < TILE_ROWS; r++) {
                vf factor = all(x[r * (int)STEP + k]);
                for (int v = 0; v < VECTORS; v++)
                    sums[r][v] += columns[v] * factor;
            }
        }
    }
}

static inline __attribute__((always_inline)) vf activated(vf v, enum ori_activation activation)
{
    switch (activation) {
    case ORI_ACTIVATION_QUICK_GELU:
        return quick_gelu_of(v);
    case ORI_ACTIVATION_GELU:
        return gelu_of(v);
    case ORI_ACTIVATION_GELU_TANH:
        return gelu_tanh_of(v);
    case ORI_ACTIVATION_SWIGLU: /* of two products: the caller's */
    default:
        return v;
    }
}

struct places { /* of a tile in y: where each vector of its first row goes, and the next rows' */
    float *first[VECTORS];
    ptrdiff_t stride;
    int rows;
};

static inline __attribute__((always_inline)) struct places places_of(const struct ori_product *p,
                                                                     int row, int column)
{
    struct places it = {.rows = p->rows - row < TILE_ROWS ? p->rows - row : TILE_ROWS};
    it.stride = p->gives_blocks ? (ptrdiff_t)STEP : p->out; /* tiles end where blocks do */
    for (int v = 0; v < VECTORS; v++) {
        ptrdiff_t at = column + v * LANES;
        if (p->gives_blocks)
            at = ori_product_place(row, ori_product_steps((size_t)p->out * sizeof(float)),
                                   at * (ptrdiff_t)sizeof(float)) /
                 (ptrdiff_t)sizeof(float);
        else
            at += (ptrdiff_t)row * p->out;
        it.first[v] = (float *)p->y + at;
    }
    for (int r = 0; r < it.rows; r++) {
        for (int v = 0; v < VECTORS; v++)
            __builtin_prefetch(it.first[v] + r * it.stride, 1);
    }
    return it;
}

static inline __attribute__((always_inline)) void finish(const struct ori_product *p,
                                                         const struct places *places, int column,
                                                         vf sums[TILE_ROWS][VECTORS])
{
    for (int v = 0; v < VECTORS; v++) {
        int left = p->out - column - v * LANES;
        size_t count = left >= LANES ? LANES : left > 0 ? (size_t)left : 0;
        vf bias = p->bias ? load_some(p->bias + column + v * LANES, count, 0) : all(0);
        for (int r = 0; r < places->rows; r++) {
            float *y = places->first[v] + r * places->stride;
            vf value = activated(sums[r][v] + bias, p->activation);
            if (count == LANES) {
                store(y, p->adds ? value + load(y) : value);
            } else {
                if (p->adds)
                    value += load_some(y, count, 0);
                memcpy(y, &value, count * sizeof *y);
            }
        }
    }
}

void ORI_KERNEL_PRODUCT(const struct ori_product *product)
{
    const struct ori_product p = *product; /* which no store through y can change */
    const ptrdiff_t panel_floats = (ptrdiff_t)p.steps * STEP * PANEL;
    const int tiles = (p.rows + TILE_ROWS - 1) / TILE_ROWS;
    const int lines_a_step = (int)(STEP * PANEL / LINE);
    struct tile tile = {
        .weights = p.weights, .lines = (lines_a_step + tiles - 1) / tiles, .steps = p.steps};
    for (int column = 0; column < p.out; column += PANEL, tile.weights += panel_floats) {
        tile.ahead = tile.weights + panel_floats;
        for (int row = 0; row < p.rows; row += TILE_ROWS) {
            vf sums[TILE_ROWS][VECTORS];
            struct places places = places_of(&p, row, column);
            tile.x = (const float *)p.x + (ptrdiff_t)(row / BLOCK) * p.steps * BLOCK * STEP +
                     (ptrdiff_t)(row % BLOCK) * STEP;
            multiply(&tile, sums);
            finish(&p, &places, column, sums);
            tile.ahead += (ptrdiff_t)p.steps * tile.lines * LINE;
        }
    }
}
