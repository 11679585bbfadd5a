#pragma once
/* embed/slab.h: memory for packed weights: pieces of large chunks, given back all at once.
 * Why         one matrix behind the other as they are used, so that fetching ahead runs on into the
 *             next; and, where asked for, in pages of 2 MiB: weights are read from end to end for each
 *             batch, and looking up pages of 4 KiB took 6 % of the time in bf16 and 11 % in int8, 1 % in
 *             f32, where the larger pages cost more time at loading than they are worth
 * Threads     none of its own: whoever fills it is alone
 * Failure     NULL: no memory; what was given before stays */
#include <stdbool.h>
#include <stddef.h>

struct ori_slab_chunk {
    void *memory;
    size_t bytes;
};
struct ori_slab {
    bool has_large_pages; /* set before the first piece */
    struct ori_slab_chunk *chunks;
    size_t count;
    char *next;
    size_t left;
};

void *ori_slab_alloc(struct ori_slab *slab, size_t bytes); /* 64-byte aligned, zeros */
void ori_slab_deinit(struct ori_slab *slab);               /* idempotent */
