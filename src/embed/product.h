#pragma once
/* embed/product.h: the matrix product that a set of kernels may have of its own (kernels.h: product).
 * y = [y +] activation(x W' + bias), W [out][in]: bf16, or bytes with scales as embed/matmul.h has them.
 * Layout      a row of x or W is a number of steps of 64 bytes, the last one filled up with zeros.
 *             x lies in blocks of 32 rows; a block is a list of steps; a step is 32 rows of 64 bytes
 *             W lies in panels of 32 outputs; a panel is a list of steps; a step is two tiles of 16
 *             outputs; a tile is 16 rows of 16 words: word [r][c] is the four bytes at 4 r of the step,
 *             of output c
 * Promise     a row of y has the same bits whatever other rows there are
 * Threads     pure; packed weights are read-only
 * Limits      none of its own: what fits into memory */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "embed/model_config.h"

enum { ORI_PRODUCT_STEP_BYTES = 64, ORI_PRODUCT_BLOCK = 32, ORI_PRODUCT_PANEL = 32 };

struct ori_product {
    const void *x; /* in blocks; what fills the last one up is not used */
    int rows;
    const void *weights; /* packed */
    int steps;
    int out;
    const float *bias;              /* [out], NULL: none */
    const float *row_scales;        /* [rows]: x and W are bytes; NULL: bf16 */
    const float *scales;            /* [out], of bytes */
    const int32_t *offsets;         /* [out], of bytes: taken off the sums */
    enum ori_activation activation; /* 0: none */
    bool adds;                      /* y += ...; y f32 */
    bool gives_bf16;
    bool gives_blocks; /* with gives_bf16: y in blocks, as the next product takes it */
    void *y;           /* [rows][out] f32 or bf16, or blocks */
    void *work;        /* ori_product_work_bytes, 64-byte aligned */
};

int ori_product_steps(size_t row_bytes);
size_t ori_product_x_bytes(int rows, int steps);
size_t ori_product_packed_bytes(int steps, int out);
size_t ori_product_work_bytes(int rows);
/* rows: [out] of row_bytes each, one behind the other. packed: ori_product_packed_bytes. */
void ori_product_pack(const void *rows, size_t row_bytes, int out, void *packed);

/* Where byte `at` of a row lies in blocks of rows of `steps`. The next 64 bytes of the row follow
 * ORI_PRODUCT_PIECE_STRIDE bytes behind the last. */
#define ORI_PRODUCT_PIECE_STRIDE ((ptrdiff_t)ORI_PRODUCT_BLOCK * ORI_PRODUCT_STEP_BYTES)
static inline ptrdiff_t ori_product_place(ptrdiff_t row, int steps, ptrdiff_t at)
{
    return (row / ORI_PRODUCT_BLOCK * steps + at / ORI_PRODUCT_STEP_BYTES) *
               ORI_PRODUCT_PIECE_STRIDE +
           row % ORI_PRODUCT_BLOCK * ORI_PRODUCT_STEP_BYTES + at % ORI_PRODUCT_STEP_BYTES;
}
