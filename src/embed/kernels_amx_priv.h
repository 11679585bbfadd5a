#pragma once
/* embed/kernels_amx_priv.h: what kernels_amx.c and kernels_amx_attend.c share: the tiles of AMX, all eight
 * of 16 rows of 64 bytes. One instruction multiplies 16 rows of x by 16 columns, 32 bf16 or 64 bytes deep.
 * Threads     tiles are the calling thread's: begin, use, end
 * Source      Intel 64 and IA-32 Architectures Optimization Reference Manual, chapter on AMX */
#include <immintrin.h>

#include "embed/kernels_amx.h"
#include "embed/kernels_math_priv.h"

enum { TILE_ROWS = 16, TILE_BYTES = 1024, STEP_BYTES = ORI_PRODUCT_STEP_BYTES, LINE_BYTES = 64 };

struct __attribute__((packed)) tile_shapes { /* the layout that the instruction reads */
    uint8_t palette;
    uint8_t start_row;
    uint8_t reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

/* All eight tiles whole, of the calling thread. */
static inline void tiles_begin(void)
{
    struct tile_shapes shapes = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        shapes.row_bytes[i] = STEP_BYTES;
        shapes.rows[i] = TILE_ROWS;
    }
    /* gcc's header says of this instruction that it reads 8 bytes, and of tile loads that they read none */
    __asm__ volatile("" : : "r"(&shapes) : "memory");
    _tile_loadconfig(&shapes);
}

/* Between what the program has written and tiles that are loaded from it. */
static inline void tiles_see_memory(void)
{
    __asm__ volatile("" : : : "memory");
}

static inline void tiles_end(void)
{
    _tile_release();
}

/* Of 16 lanes the first so many. */
static inline __mmask16 first_of(int count)
{
    return (__mmask16)(count >= LANES ? 0xffffU : count > 0 ? (1U << count) - 1U : 0);
}
