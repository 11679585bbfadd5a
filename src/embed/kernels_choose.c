#include "embed/kernels_amx.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

extern const struct ori_kernels ori_kernels_c;
#if defined(__x86_64__)
extern const struct ori_kernels ori_kernels_avx2;
extern const struct ori_kernels ori_kernels_avx512;
extern const struct ori_kernels ori_kernels_amx;
#endif

/* Room for the widest variant's tiles: 4 vectors of 16. */
#define TILE_MAX 64
#define TILE_ROWS_MAX 4
#define AMX_ROWS 16

size_t ori_kernel_attention_work(int tokens, int head)
{
    size_t keys = ((size_t)tokens + TILE_MAX - 1) / TILE_MAX * TILE_MAX;
    size_t width = ((size_t)head + TILE_MAX - 1) / TILE_MAX * TILE_MAX;
    size_t by_vectors =
        (size_t)head * keys + (size_t)tokens * width + TILE_ROWS_MAX * (width + keys + width);
    /* AMX: K and V in bf16, of 16 rows queries and shares in bf16, scores and what they mix in f32 */
    size_t by_tiles = keys * width + AMX_ROWS * (width + keys) / 2 + AMX_ROWS * (keys + width);
    return by_vectors > by_tiles ? by_vectors : by_tiles;
}

#if defined(__x86_64__)
static bool has_amx(void)
{
    enum { FEATURES = 7, BF16 = 1 << 22, TILE = 1 << 24, INT8 = 1 << 25, AVX512_BF16 = 1 << 5 };
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    if (!__get_cpuid_count(FEATURES, 0, &a, &b, &c, &d) ||
        (d & (BF16 | TILE | INT8)) != (BF16 | TILE | INT8))
        return false;
    if (!__get_cpuid_count(FEATURES, 1, &a, &b, &c, &d) || !(a & AVX512_BF16))
        return false;
    return ori_amx_permit();
}
#endif

const struct ori_kernels *ori_kernels_of(enum ori_kernel_set set)
{
    if (set == ORI_KERNELS_C)
        return &ori_kernels_c;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (set == ORI_KERNELS_AVX2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &ori_kernels_avx2
                                                                               : NULL;
    bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    if (set == ORI_KERNELS_AMX)
        return has_avx512 && has_amx() ? &ori_kernels_amx : NULL;
    return has_avx512 ? &ori_kernels_avx512 : NULL;
#else
    return NULL;
#endif
}

const struct ori_kernels *ori_kernels(enum ori_kernel_set most)
{
    for (int set = (int)most; set > ORI_KERNELS_C; set--) {
        const struct ori_kernels *kernels = ori_kernels_of((enum ori_kernel_set)set);
        if (kernels)
            return kernels;
    }
    return &ori_kernels_c;
}
