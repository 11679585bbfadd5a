#include "vision/blend.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define HALF (1 << (ORI_BLEND_BITS - 1))

static uint8_t to_sample(int32_t sum)
{
    sum >>= ORI_BLEND_BITS;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

void ori_blend_plain(const uint8_t *rows, ptrdiff_t stride, const int32_t *weights, int count,
                     int lanes, uint8_t *ret_row)
{
    for (int lane = 0; lane < lanes; lane += ORI_BLEND_LANES) {
        int32_t sums[ORI_BLEND_LANES];
        for (int i = 0; i < ORI_BLEND_LANES; i++)
            sums[i] = HALF;
        for (int k = 0; k < count; k++) {
            const uint8_t *row = rows + k * stride + lane;
            for (int i = 0; i < ORI_BLEND_LANES; i++)
                sums[i] += row[i] * weights[k];
        }
        for (int i = 0; i < ORI_BLEND_LANES; i++)
            ret_row[lane + i] = to_sample(sums[i]);
    }
}

#if defined(__SSE2__)
enum { LOW_BITS = 11, LOW_MASK = (1 << LOW_BITS) - 1 };

/* Two weights' low or high halves of 16 bits each, in all lanes. */
static __m128i pair(int32_t first, int32_t second)
{
    return _mm_set1_epi32((int32_t)(((uint32_t)first & 0xFFFF) | (uint32_t)second << 16));
}

/* SSE2 multiplies 16 bits, two rows in one step: a weight is split into high * 2^11 + low, which are
 * summed apart. Sums wrap in 32 bits; their own sum, the true one, does not leave them. */
static void blend_lanes(const uint8_t *rows, ptrdiff_t stride, const int32_t *weights, int count,
                        uint8_t *ret_row)
{
    const __m128i zero = _mm_setzero_si128();
    __m128i high[4] = {zero, zero, zero, zero};
    __m128i low[4] = {_mm_set1_epi32(HALF), _mm_set1_epi32(HALF), _mm_set1_epi32(HALF),
                      _mm_set1_epi32(HALF)};
    for (int k = 0; k < count; k += 2, rows += 2 * stride) {
        __m128i a = _mm_loadu_si128((const __m128i *)(const void *)rows);
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(rows + stride));
        __m128i weights_low = pair(weights[k] & LOW_MASK, weights[k + 1] & LOW_MASK);
        __m128i weights_high = pair(weights[k] >> LOW_BITS, weights[k + 1] >> LOW_BITS);
        __m128i left = _mm_unpacklo_epi8(a, b);
        __m128i right = _mm_unpackhi_epi8(a, b);
        const __m128i samples[4] = {_mm_unpacklo_epi8(left, zero), _mm_unpackhi_epi8(left, zero),
                                    _mm_unpacklo_epi8(right, zero), _mm_unpackhi_epi8(right, zero)};
        for (int i = 0; i < 4; i++) {
            low[i] = _mm_add_epi32(low[i], _mm_madd_epi16(samples[i], weights_low));
            high[i] = _mm_add_epi32(high[i], _mm_madd_epi16(samples[i], weights_high));
        }
    }
    for (int i = 0; i < 4; i++) {
        low[i] = _mm_add_epi32(low[i], _mm_slli_epi32(high[i], LOW_BITS));
        low[i] = _mm_srai_epi32(low[i], ORI_BLEND_BITS);
    }
    __m128i result =
        _mm_packus_epi16(_mm_packs_epi32(low[0], low[1]), _mm_packs_epi32(low[2], low[3]));
    _mm_storeu_si128((__m128i *)(void *)ret_row, result);
}
#endif

void ori_blend(const uint8_t *rows, ptrdiff_t stride, const int32_t *weights, int count, int lanes,
               uint8_t *ret_row)
{
#if defined(__SSE2__)
    for (int lane = 0; lane < lanes; lane += ORI_BLEND_LANES)
        blend_lanes(rows + lane, stride, weights, count, ret_row + lane);
#else
    ori_blend_plain(rows, stride, weights, count, lanes, ret_row);
#endif
}
