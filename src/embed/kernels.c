/* The one source of all variants: plain C over vectors of ORI_KERNEL_LANES floats, which gcc and clang
 * turn into the instructions they are allowed. meson.build compiles it for each set.
 *
 * exp   x = n ln2 + r, |r| <= ln2 / 2, two-part ln2 (Cody and Waite), degree 6 polynomial from the Taylor
 *       series; relative error below 2e-7 over the range that is not clamped
 * tanh  by exp: 1 - 2 / (exp(2x) + 1)
 * erf   Abramowitz and Stegun 7.1.26: absolute error below 1.5e-7 */
#include "embed/kernels.h"

#include <math.h>
#include <string.h>

#ifndef ORI_KERNEL_NAME
#define ORI_KERNEL_NAME "c"
#define ORI_KERNEL_TABLE ori_kernels_c
#endif
#ifndef ORI_KERNEL_LANES
#define ORI_KERNEL_LANES 4
#endif

#define LANES ORI_KERNEL_LANES
#define TILE_ROWS 4
#if ORI_KERNEL_LANES == 16
#define TILE_VECTORS 4
#else
#define TILE_VECTORS 2
#endif
#define TILE (LANES * TILE_VECTORS)

typedef float vf __attribute__((vector_size(LANES * 4)));
typedef int32_t vi __attribute__((vector_size(LANES * 4)));
typedef int32_t vi_memory __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef float vf_memory __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

extern const struct ori_kernels ORI_KERNEL_TABLE;

static inline vf load(const float *x)
{
    return *(const vf_memory *)x;
}

static inline vi load_whole(const int32_t *x)
{
    return *(const vi_memory *)x;
}

static inline void store(float *y, vf v)
{
    *(vf_memory *)y = v;
}

static inline vf all(float x)
{
    return (vf){0} + x;
}

static inline vf pick(vi mask, vf yes, vf no) /* mask lanes are 0 or -1 */
{
    return (vf)((mask & (vi)yes) | (~mask & (vi)no));
}

static inline vf least(vf a, vf b)
{
    return pick((vi)(a < b), a, b);
}

static inline vf most(vf a, vf b)
{
    return pick((vi)(a > b), a, b);
}

static inline vf magnitude(vf x)
{
    return (vf)((vi)x & 0x7fffffff);
}

static inline float sum_of(vf v)
{
    float lanes[LANES];
    memcpy(lanes, &v, sizeof lanes);
    for (int width = LANES / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; i++)
            lanes[i] += lanes[i + width];
    }
    return lanes[0];
}

static inline float most_of(vf v)
{
    float lanes[LANES];
    memcpy(lanes, &v, sizeof lanes);
    for (int width = LANES / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; i++)
            lanes[i] = lanes[i] > lanes[i + width] ? lanes[i] : lanes[i + width];
    }
    return lanes[0];
}

/* The last n % LANES floats, padded. */
static inline vf load_some(const float *x, size_t n, float padding)
{
    vf v = all(padding);
    memcpy(&v, x, n * sizeof *x);
    return v;
}

static inline vf exp_of(vf x)
{
    const float shifter = 12582912.0F; /* 1.5 * 2^23: adding it rounds to a whole number */
    x = least(most(x, all(-87.0F)), all(88.0F));
    vf n = x * 1.44269504F + shifter;
    vi exponent = (vi)n - 0x4b400000;
    n -= shifter;
    vf r = x - n * 0.693359375F + n * 2.12194440e-4F;
    vf p = all(1.0F / 720);
    p = p * r + 1.0F / 120;
    p = p * r + 1.0F / 24;
    p = p * r + 1.0F / 6;
    p = p * r + 0.5F;
    p = p * r + 1.0F;
    p = p * r + 1.0F;
    return (vf)((vi)p + (exponent << 23));
}

static inline vf sigmoid_of(vf x)
{
    return 1.0F / (1.0F + exp_of(-x));
}

static inline vf quick_gelu_of(vf x)
{
    return x * sigmoid_of(x * 1.702F);
}

static inline vf gelu_tanh_of(vf x)
{
    vf inner = 0.7978845608F * (x + 0.044715F * x * x * x);
    return x * sigmoid_of(2.0F * inner); /* (1 + tanh(a)) / 2 is sigmoid(2 a) */
}

static inline vf gelu_of(vf x)
{
    vf a = magnitude(x) * 0.7071067812F;
    vf t = 1.0F / (1.0F + 0.3275911F * a);
    vf p = all(1.061405429F);
    p = p * t - 1.453152027F;
    p = p * t + 1.421413741F;
    p = p * t - 0.284496736F;
    p = p * t + 0.254829592F;
    vf tail = 0.5F * p * t * exp_of(-a * a); /* (1 - erf(a)) / 2 */
    return pick((vi)(x < 0.0F), x * tail, x * (1.0F - tail));
}

static void norm(const float *x, size_t n, const float *weight, const float *bias, double eps,
                 float *y)
{
    size_t whole = n / LANES * LANES;
    vf sum = all(0);
    for (size_t i = 0; i < whole; i += LANES)
        sum += load(x + i);
    sum += load_some(x + whole, n - whole, 0);
    float mean = sum_of(sum) / (float)n;
    vf squares = all(0);
    for (size_t i = 0; i < whole; i += LANES) {
        vf d = load(x + i) - mean;
        squares += d * d;
    }
    vf last = load_some(x + whole, n - whole, mean) - mean;
    squares += last * last;
    float factor = (float)(1.0 / sqrt((double)sum_of(squares) / (double)n + eps));
    for (size_t i = 0; i < whole; i += LANES) {
        vf v = (load(x + i) - mean) * factor * load(weight + i);
        store(y + i, bias ? v + load(bias + i) : v);
    }
    for (size_t i = whole; i < n; i++)
        y[i] = (x[i] - mean) * factor * weight[i] + (bias ? bias[i] : 0);
}

static void to_bf16(const float *x, size_t n, uint16_t *y)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        y[i] = (uint16_t)((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
    }
}

static float to_bytes(const float *x, size_t n, int zero, uint8_t *y)
{
    size_t whole = n / LANES * LANES;
    vf top = all(0);
    for (size_t i = 0; i < whole; i += LANES)
        top = most(top, magnitude(load(x + i)));
    top = most(top, magnitude(load_some(x + whole, n - whole, 0)));
    float largest = most_of(top);
    float steps = (float)(zero - 1);
    float factor = largest > 0 ? steps / largest : 0;
    const float shifter = 12582912.0F + (float)zero;
    for (size_t i = 0; i < n; i++) {
        float shifted = x[i] * factor + shifter;
        int32_t bits;
        memcpy(&bits, &shifted, sizeof bits);
        y[i] = (uint8_t)bits; /* the low byte of the rounded number */
    }
    return largest / steps;
}

/* x and y may be the same memory: each vector is read before it is written. */
static void from_int32(const int32_t *x, size_t n, const struct ori_dequantize *how, float *y)
{
    size_t whole = n / LANES * LANES;
    for (size_t i = 0; i < whole; i += LANES) {
        vf v = __builtin_convertvector(load_whole(x + i) - load_whole(how->offsets + i), vf) *
               (load(how->scales + i) * how->row_scale);
        if (how->bias)
            v += load(how->bias + i);
        store(y + i, v);
    }
    for (size_t i = whole; i < n; i++) {
        float bias = how->bias ? how->bias[i] : 0;
        y[i] = (float)(x[i] - how->offsets[i]) * (how->scales[i] * how->row_scale) + bias;
    }
}

static void add(const float *x, size_t n, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

#define EACH(x, n, f)                                                                              \
    do {                                                                                           \
        size_t whole_ = (n) / LANES * LANES;                                                       \
        for (size_t i_ = 0; i_ < whole_; i_ += LANES)                                              \
            store((x) + i_, f(load((x) + i_)));                                                    \
        if (whole_ < (n)) {                                                                        \
            vf last_ = f(load_some((x) + whole_, (n)-whole_, 0));                                  \
            memcpy((x) + whole_, &last_, ((n)-whole_) * sizeof *(x));                              \
        }                                                                                          \
    } while (0)

static void activate(float *x, size_t n, enum ori_activation activation)
{
    if (activation == ORI_ACTIVATION_QUICK_GELU)
        EACH(x, n, quick_gelu_of);
    else if (activation == ORI_ACTIVATION_GELU)
        EACH(x, n, gelu_of);
    else if (activation == ORI_ACTIVATION_GELU_TANH)
        EACH(x, n, gelu_tanh_of);
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
    for (int d = 0; d < it->head; d++) {
        for (int t = 0; t < it->tokens; t++)
            k[(ptrdiff_t)d * keys + t] = it->k[t * it->stride + d];
        for (int t = it->tokens; t < keys; t++)
            k[(ptrdiff_t)d * keys + t] = 0;
    }
    for (int t = 0; t < it->tokens; t++) {
        memcpy(v + (ptrdiff_t)t * head, it->v + t * it->stride, (size_t)it->head * sizeof *v);
        memset(v + (ptrdiff_t)t * head + it->head, 0, (size_t)(head - it->head) * sizeof *v);
    }
    for (int first = 0; first < it->queries; first += TILE_ROWS) {
        int rows = it->queries - first < TILE_ROWS ? it->queries - first : TILE_ROWS;
        int seen = it->is_causal ? first + rows : it->tokens;
        for (int r = 0; r < rows; r++) {
            for (int d = 0; d < it->head; d++)
                q[r * head + d] = it->q[(first + r) * it->stride + d] * it->scale;
        }
        int room = round_up(seen, TILE);
        multiply(q, head, rows, k, keys, it->head, room, scores, keys);
        for (int r = 0; r < rows; r++)
            softmax(scores + (ptrdiff_t)r * keys, it->is_causal ? first + r + 1 : seen, room);
        multiply(scores, keys, rows, v, head, seen, head, mixed, head);
        for (int r = 0; r < rows; r++)
            memcpy(it->out + (first + r) * it->out_stride, mixed + (ptrdiff_t)r * head,
                   (size_t)it->head * sizeof *mixed);
    }
}

const struct ori_kernels ORI_KERNEL_TABLE = {
    .name = ORI_KERNEL_NAME,
    .norm = norm,
    .to_bf16 = to_bf16,
    .to_bytes = to_bytes,
    .from_int32 = from_int32,
    .add = add,
    .activate = activate,
    .gate = gate,
    .bytes_to_floats = bytes_to_floats,
    .attend = attend,
};
