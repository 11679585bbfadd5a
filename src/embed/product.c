#include "embed/product.h"

#include <string.h>

enum { TILE = 16, WORD = 4, TILES = ORI_PRODUCT_PANEL / TILE };

int ori_product_steps(size_t row_bytes)
{
    return (int)((row_bytes + ORI_PRODUCT_STEP_BYTES - 1) / ORI_PRODUCT_STEP_BYTES);
}

static size_t panels_of(int out, int panel)
{
    return ((size_t)out + (size_t)panel - 1) / (size_t)panel;
}

size_t ori_product_packed_bytes(int steps, int out)
{
    return panels_of(out, ORI_PRODUCT_PANEL) * ORI_PRODUCT_PANEL * (size_t)steps *
           ORI_PRODUCT_STEP_BYTES;
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

/* One output's row, a word to each row of its tiles. */
static void pack_row(const char *row, size_t row_bytes, char *tile)
{
    for (size_t byte = 0; byte < row_bytes; byte += ORI_PRODUCT_STEP_BYTES) {
        size_t left = row_bytes - byte;
        if (left >= ORI_PRODUCT_STEP_BYTES) {
            for (size_t word = 0; word < TILE; word++)
                memcpy(tile + word * TILE * WORD, row + byte + word * WORD, WORD);
        } else {
            for (size_t at = 0; at < left; at += WORD)
                memcpy(tile + at * TILE, row + byte + at, left - at < WORD ? left - at : WORD);
        }
        tile += (size_t)TILES * TILE * TILE * WORD;
    }
}

void ori_product_pack(const void *rows, size_t row_bytes, int out, void *packed)
{
    const size_t tile_bytes = (size_t)TILE * TILE * WORD;
    size_t steps = (size_t)ori_product_steps(row_bytes);
    memset(packed, 0, ori_product_packed_bytes((int)steps, out));
    for (size_t o = 0; o < (size_t)out; o++) {
        size_t panel = o / ORI_PRODUCT_PANEL;
        size_t tile = o / TILE % TILES;
        pack_row((const char *)rows + o * row_bytes, row_bytes,
                 (char *)packed + (panel * steps * TILES + tile) * tile_bytes + o % TILE * WORD);
    }
}

size_t ori_product_packed_bytes_f32(int steps, int out, int panel)
{
    return panels_of(out, panel) * (size_t)panel * (size_t)steps * ORI_PRODUCT_STEP_BYTES;
}

void ori_product_pack_f32(const float *rows, size_t in, int out, int panel, float *packed)
{
    size_t numbers =
        (size_t)ori_product_steps(in * sizeof *rows) * ORI_PRODUCT_STEP_BYTES / sizeof *rows;
    size_t width = (size_t)panel;
    memset(packed, 0,
           ori_product_packed_bytes_f32(ori_product_steps(in * sizeof *rows), out, panel));
    for (size_t o = 0; o < (size_t)out; o++) {
        float *to = packed + o / width * numbers * width + o % width;
        for (size_t i = 0; i < in; i++)
            to[i * width] = rows[o * in + i];
    }
}
