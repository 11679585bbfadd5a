#include "embed/kernels.h"

extern const struct ori_kernels ori_kernels_c;
#if defined(__x86_64__)
extern const struct ori_kernels ori_kernels_avx2;
extern const struct ori_kernels ori_kernels_avx512;
#endif

/* Room for the widest variant's tiles: 4 vectors of 16. */
#define TILE_MAX 64
#define TILE_ROWS_MAX 4

size_t ori_kernel_attention_work(int tokens, int head)
{
    size_t keys = ((size_t)tokens + TILE_MAX - 1) / TILE_MAX * TILE_MAX;
    size_t width = ((size_t)head + TILE_MAX - 1) / TILE_MAX * TILE_MAX;
    return (size_t)head * keys + (size_t)tokens * width + TILE_ROWS_MAX * (width + keys + width);
}

const struct ori_kernels *ori_kernels_of(enum ori_kernel_set set)
{
    if (set == ORI_KERNELS_C)
        return &ori_kernels_c;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (set == ORI_KERNELS_AVX2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &ori_kernels_avx2
                                                                               : NULL;
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")
               ? &ori_kernels_avx512
               : NULL;
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
