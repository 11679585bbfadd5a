#include "embed/product.h"

#include <string.h>

enum { TILE = 16, WORD = 4, TILES = ORI_PRODUCT_PANEL / TILE };

int ori_product_steps(size_t row_bytes)
{
    return (int)((row_bytes + ORI_PRODUCT_STEP_BYTES - 1) / ORI_PRODUCT_STEP_BYTES);
}

static size_t panels_of(int out)
{
    return ((size_t)out + ORI_PRODUCT_PANEL - 1) / ORI_PRODUCT_PANEL;
}

size_t ori_product_packed_bytes(int steps, int out)
{
    return panels_of(out) * ORI_PRODUCT_PANEL * (size_t)steps * ORI_PRODUCT_STEP_BYTES;
}

static size_t blocks_of(int rows)
{
    return ((size_t)rows + ORI_PRODUCT_BLOCK - 1) / ORI_PRODUCT_BLOCK;
}

size_t ori_product_x_bytes(int rows, int steps)
{
    return blocks_of(rows) * ORI_PRODUCT_BLOCK * (size_t)steps * ORI_PRODUCT_STEP_BYTES;
}

/* The sums of two panels. */
size_t ori_product_work_bytes(int rows)
{
    return 2 * blocks_of(rows) * ORI_PRODUCT_BLOCK * ORI_PRODUCT_PANEL * sizeof(float);
}

void ori_product_pack(const void *rows, size_t row_bytes, int out, void *packed)
{
    size_t steps = (size_t)ori_product_steps(row_bytes);
    memset(packed, 0, ori_product_packed_bytes((int)steps, out));
    for (size_t o = 0; o < (size_t)out; o++) {
        const char *row = (const char *)rows + o * row_bytes;
        size_t panel = o / ORI_PRODUCT_PANEL;
        size_t tile = o / TILE % TILES;
        for (size_t byte = 0; byte < row_bytes; byte += WORD) {
            size_t step = byte / ORI_PRODUCT_STEP_BYTES;
            size_t word = byte / WORD % TILE;
            size_t at = (((panel * steps + step) * TILES + tile) * TILE + word) * TILE + o % TILE;
            size_t bytes = row_bytes - byte < WORD ? row_bytes - byte : WORD;
            memcpy((char *)packed + at * WORD, row + byte, bytes);
        }
    }
}
