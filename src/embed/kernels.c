/* The one source of all variants: plain C over vectors of ORI_KERNEL_LANES floats, which gcc and clang
 * turn into the instructions they are allowed. meson.build compiles it for each set. */
#include "embed/kernels.h"

#include <math.h>
#include <string.h>

#include "embed/kernels_amx.h"
#include "embed/kernels_math_priv.h"

#ifndef ORI_KERNEL_NAME
#define ORI_KERNEL_NAME "c"
#define ORI_KERNEL_TABLE ori_kernels_c
#endif
#ifndef ORI_KERNEL_AMX
#define ORI_KERNEL_AMX 0
#endif

#define TILE_ROWS 4
#if ORI_KERNEL_LANES == 16
#define TILE_VECTORS 4
#else
#define TILE_VECTORS 2
#endif
#define TILE (LANES * TILE_VECTORS)

extern const struct ori_kernels ORI_KERNEL_TABLE;
#ifdef ORI_KERNEL_PRODUCT
void ORI_KERNEL_PRODUCT(const struct ori_product *product); /* kernels_product.c */
#endif

/* Sums in four vectors: one alone would wait for each addition. */
static float sum_all(const float *x, size_t n)
{
    vf sums[4] = {{0}};
    size_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        for (size_t j = 0; j < 4; j++)
            sums[j] += load(x + i + j * LANES);
    }
    for (; i + LANES <= n; i += LANES)
        sums[0] += load(x + i);
    sums[1] += load_some(x + i, n - i, 0);
    return sum_of(sums[0] + sums[1] + (sums[2] + sums[3]));
}

static float sum_squares(const float *x, size_t n, float mean)
{
    vf sums[4] = {{0}};
    size_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        for (size_t j = 0; j < 4; j++) {
            vf d = load(x + i + j * LANES) - mean;
            sums[j] += d * d;
        }
    }
    for (; i + LANES <= n; i += LANES) {
        vf d = load(x + i) - mean;
        sums[0] += d * d;
    }
    vf d = load_some(x + i, n - i, mean) - mean;
    sums[1] += d * d;
    return sum_of(sums[0] + sums[1] + (sums[2] + sums[3]));
}

static void norm(const float *x, size_t n, const float *weight, const float *bias, double eps,
                 float *y)
{
    size_t whole = n / LANES * LANES;
    float mean = sum_all(x, n) / (float)n;
    float factor = (float)(1.0 / sqrt((double)sum_squares(x, n, mean) / (double)n + eps));
    for (size_t i = 0; i < whole; i += LANES) {
        vf v = (load(x + i) - mean) * factor * load(weight + i);
        store(y + i, bias ? v + load(bias + i) : v);
    }
    for (size_t i = whole; i < n; i++)
        y[i] = (x[i] - mean) * factor * weight[i] + (bias ? bias[i] : 0);
}

enum { PIECE_BYTES = 64 };

/* The upper halves of the nearest floats that have no lower ones; ties to even. */
static inline vh halves_of(vf v)
{
    vw bits = (vw)v;
    return __builtin_convertvector((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16, vh);
}

static void to_bf16(const float *x, size_t n, void *y, ptrdiff_t piece_stride)
{
    const size_t piece = PIECE_BYTES / sizeof(uint16_t);
    char *place = y;
    for (size_t first = 0; first < n; first += piece, place += piece_stride) {
        size_t count = n - first < piece ? n - first : piece;
        size_t whole = count / LANES * LANES;
        for (size_t i = 0; i < whole; i += LANES) {
            vh halves = halves_of(load(x + first + i));
            memcpy(place + i * sizeof(uint16_t), &halves, sizeof halves);
        }
        if (whole < count) {
            vh halves = halves_of(load_some(x + first + whole, count - whole, 0));
            memcpy(place + whole * sizeof(uint16_t), &halves, (count - whole) * sizeof(uint16_t));
        }
    }
}

static float largest_of(const float *x, size_t n)
{
    vf tops[4] = {{0}};
    size_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        for (size_t j = 0; j < 4; j++)
            tops[j] = most(tops[j], magnitude(load(x + i + j * LANES)));
    }
    for (; i + LANES <= n; i += LANES)
        tops[0] = most(tops[0], magnitude(load(x + i)));
    tops[1] = most(tops[1], magnitude(load_some(x + i, n - i, 0)));
    return most_of(most(most(tops[0], tops[1]), most(tops[2], tops[3])));
}

/* The low bytes of rounded numbers. Without a fixed count and memory of its own gcc 12 finds no vectors. */
static inline __attribute__((always_inline)) void bytes_of(const float *x, size_t n, float factor,
                                                           float shifter, char *y)
{
    uint8_t bytes[PIECE_BYTES];
    for (size_t i = 0; i < n; i++) {
        float shifted = x[i] * factor + shifter;
        int32_t bits;
        memcpy(&bits, &shifted, sizeof bits);
        bytes[i] = (uint8_t)bits;
    }
    /* cppcheck-suppress uninitvar ; as many as the loop wrote */
    memcpy(y, bytes, n);
}

static float to_bytes(const float *x, size_t n, int zero, void *y, ptrdiff_t piece_stride)
{
    float largest = largest_of(x, n);
    float steps = (float)(zero - 1);
    float factor = largest > 0 ? steps / largest : 0;
    const float shifter = 12582912.0F + (float)zero;
    char *place = y;
    size_t first = 0;
    for (; first + PIECE_BYTES <= n; first += PIECE_BYTES, place += piece_stride)
        bytes_of(x + first, PIECE_BYTES, factor, shifter, place);
    if (first < n)
        bytes_of(x + first, n - first, factor, shifter, place);
    return largest / steps;
}

static vf activated(vf v, enum ori_activation activation)
{
    switch (activation) {
    case ORI_ACTIVATION_QUICK_GELU:
        return quick_gelu_of(v);
    case ORI_ACTIVATION_GELU:
        return gelu_of(v);
    case ORI_ACTIVATION_GELU_TANH:
        return gelu_tanh_of(v);
    case ORI_ACTIVATION_SWIGLU: /* of two rows: gate */
    default:
        return v;
    }
}

/* x and y may be the same memory: each vector is read before it is written. */
static void finish(const int32_t *sums, size_t n, const struct ori_finish *how, float *y)
{
    const struct ori_finish own = *how; /* which no store through y can change */
    size_t whole = n / LANES * LANES;
    for (size_t i = 0; i < whole; i += LANES) {
        vf v = __builtin_convertvector(load_whole(sums + i) - load_whole(own.offsets + i), vf) *
               (load(own.scales + i) * own.row_scale);
        if (own.bias)
            v += load(own.bias + i);
        v = activated(v, own.activation);
        store(y + i, own.adds ? v + load(y + i) : v);
    }
    for (size_t i = whole; i < n; i++) {
        float value = (float)(sums[i] - own.offsets[i]) * (own.scales[i] * own.row_scale) +
                      (own.bias ? own.bias[i] : 0);
        value = activated(all(value), own.activation)[0];
        y[i] = own.adds ? y[i] + value : value;
    }
}

static void add(const float *x, size_t n, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

static void activate(float *x, size_t n, enum ori_activation activation)
{
    size_t whole = n / LANES * LANES;
    for (size_t i = 0; i < whole; i += LANES)
        store(x + i, activated(load(x + i), activation));
    if (whole < n) {
        vf last = activated(load_some(x + whole, n - whole, 0), activation);
        memcpy(x + whole, &last, (n - whole) * sizeof *x);
    }
}

static void gate(float *x, const float *up, size_t n)
{
    size_t whole = n / LANES * LANES;
    for (size_t i = 0; i < whole; i += LANES) {
        vf v = load(x + i);
        store(x + i, v * sigmoid_of(v) * load(up + i));
    }
    if (whole < n) {
        vf v = load_some(x + whole, n - whole, 0);
        v = v * sigmoid_of(v) * load_some(up + whole, n - whole, 0);
        memcpy(x + whole, &v, (n - whole) * sizeof *x);
    }
}

static void bytes_to_floats(const uint8_t *x, size_t n, float factor, float addend, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (float)x[i] * factor + addend;
}

/* c[rows][TILE] = a[rows][k] * b[k][TILE]: the accumulators stay in registers. */
static inline __attribute__((always_inline)) void multiply_tile(const float *a, ptrdiff_t a_stride,
                                                                int rows, const float *b,
                                                                ptrdiff_t b_stride, int k, float *c,
                                                                ptrdiff_t c_stride)
{
    vf sums[TILE_ROWS][TILE_VECTORS];
    for (int r = 0; r < TILE_ROWS; r++) {
        for (int v = 0; v < TILE_VECTORS; v++)
            sums[r][v] = all(0);
    }
    for (int i = 0; i < k; i++, b += b_stride) {
        vf row[TILE_VECTORS];
        for (int v = 0; v < TILE_VECTORS; v++)
            row[v] = load(b + v * LANES);
        for (int r = 0; r < rows; r++) {
            float factor = a[r * a_stride + i];
            for (int v = 0; v < TILE_VECTORS; v++)
                sums[r][v] += row[v] * factor;
        }
    }
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < TILE_VECTORS; v++)
            store(c + r * c_stride + v * LANES, sums[r][v]);
    }
}

/* b and c have columns rounded up to TILE. */
static void multiply(const float *a, ptrdiff_t a_stride, int rows, const float *b,
                     ptrdiff_t b_stride, int k, int columns, float *c, ptrdiff_t c_stride)
{
    for (int column = 0; column < columns; column += TILE) {
        if (rows == TILE_ROWS) {
            multiply_tile(a, a_stride, TILE_ROWS, b + column, b_stride, k, c + column, c_stride);
            continue;
        }
        for (int r = 0; r < rows; r++)
            multiply_tile(a + r * a_stride, a_stride, 1, b + column, b_stride, k,
                          c + r * c_stride + column, c_stride);
    }
}

/* Scores to weights that sum to 1; what is behind `seen` becomes 0. */
static void softmax(float *scores, int seen, int room)
{
    for (int i = seen; i < room; i++)
        scores[i] = -INFINITY;
    vf top = all(-INFINITY);
    for (int i = 0; i < room; i += LANES)
        top = most(top, load(scores + i));
    float largest = most_of(top);
    vf sum = all(0);
    for (int i = 0; i < room; i += LANES) {
        vf v = exp_of(load(scores + i) - largest);
        store(scores + i, v);
        if (i + LANES <= seen)
            sum += v;
    }
    float total = sum_of(sum);
    for (int i = seen / LANES * LANES; i < room; i++) {
        if (i < seen)
            total += scores[i];
        else
            scores[i] = 0;
    }
    float factor = 1.0F / total;
    for (int i = 0; i < room; i += LANES)
        store(scores + i, load(scores + i) * factor);
}

static int round_up(int n, int step)
{
    return (n + step - 1) / step * step;
}

/* One row of q, k or v as floats, times a factor. */
static void widen(const struct ori_attention *it, const void *matrix, int token, float factor,
                  float *y)
{
    ptrdiff_t first = token * it->stride;
    for (int d = 0; d < it->head; d++) {
        float value;
        if (it->is_bf16) {
            uint32_t bits = (uint32_t)((const uint16_t *)matrix)[first + d] << 16;
            memcpy(&value, &bits, sizeof value);
        } else {
            value = ((const float *)matrix)[first + d];
        }
        y[d] = value * factor;
    }
}

/* One row of what attention mixed. */
static void put_out(const struct ori_attention *it, const float *mixed, int row)
{
    const int piece = PIECE_BYTES / (int)sizeof *mixed;
    const ptrdiff_t bytes = sizeof *mixed;
    if (!it->gives_blocks) {
        memcpy((float *)it->out + (ptrdiff_t)row * it->out_columns + it->out_column, mixed,
               (size_t)it->head * sizeof *mixed);
        return;
    }
    int steps = ori_product_steps((size_t)it->out_columns * sizeof *mixed);
    char *place = (char *)it->out + ori_product_place(row, steps, it->out_column * bytes);
    for (int d = 0; d < it->head; d += piece, place += ORI_PRODUCT_PIECE_STRIDE)
        memcpy(place, mixed + d, PIECE_BYTES);
}

/* Work: K transposed [head][tokens], V padded [tokens][head], TILE_ROWS rows of q and of scores. */
static void attend(const struct ori_attention *it)
{
    int keys = round_up(it->tokens, TILE);
    int head = round_up(it->head, TILE);
    float *k = it->work;
    float *v = k + (size_t)it->head * (size_t)keys;
    float *q = v + (size_t)it->tokens * (size_t)head;
    float *scores = q + TILE_ROWS * (size_t)head;
    float *mixed = scores + TILE_ROWS * (size_t)keys;
    for (int t = 0; t < it->tokens; t++) {
        widen(it, it->k, t, 1, q);
        for (int d = 0; d < it->head; d++)
            k[(ptrdiff_t)d * keys + t] = q[d];
    }
    for (int d = 0; d < it->head; d++) {
        for (int t = it->tokens; t < keys; t++)
            k[(ptrdiff_t)d * keys + t] = 0;
    }
    for (int t = 0; t < it->tokens; t++) {
        widen(it, it->v, t, 1, v + (ptrdiff_t)t * head);
        memset(v + (ptrdiff_t)t * head + it->head, 0, (size_t)(head - it->head) * sizeof *v);
    }
    for (int first = 0; first < it->queries; first += TILE_ROWS) {
        int rows = it->queries - first < TILE_ROWS ? it->queries - first : TILE_ROWS;
        int seen = it->is_causal ? first + rows : it->tokens;
        for (int r = 0; r < rows; r++)
            widen(it, it->q, first + r, it->scale, q + (ptrdiff_t)r * head);
        int room = round_up(seen, TILE);
        multiply(q, head, rows, k, keys, it->head, room, scores, keys);
        for (int r = 0; r < rows; r++)
            softmax(scores + (ptrdiff_t)r * keys, it->is_causal ? first + r + 1 : seen, room);
        multiply(scores, keys, rows, v, head, seen, head, mixed, head);
        for (int r = 0; r < rows; r++)
            put_out(it, mixed + (ptrdiff_t)r * head, it->out_row + first + r);
    }
}

#if ORI_KERNEL_AMX
static void attend_amx(const struct ori_attention *it)
{
    if (it->is_bf16)
        ori_amx_attend(it);
    else
        attend(it);
}
#endif

const struct ori_kernels ORI_KERNEL_TABLE = {
    .name = ORI_KERNEL_NAME,
    .norm = norm,
    .to_bf16 = to_bf16,
    .to_bytes = to_bytes,
    .finish = finish,
    .add = add,
    .activate = activate,
    .gate = gate,
    .bytes_to_floats = bytes_to_floats,
#if ORI_KERNEL_AMX
    .attend = attend_amx,
    .product = ori_amx_product,
#else
    .attend = attend,
#endif
#ifdef ORI_KERNEL_PRODUCT
    .product_f32 = ORI_KERNEL_PRODUCT,
    .panel_f32 = ORI_PRODUCT_VECTORS * LANES,
#endif
};
