#include "embed/slab.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "util/size.h"

#define ALIGNMENT 64
#define PAGE_BYTES ((size_t)2 << 20)
/* What is not touched takes no memory; above glibc's largest threshold, so mapped and truly given back. */
#define CHUNK_BYTES ((size_t)128 << 20)

static size_t round_up(size_t bytes, size_t step)
{
    return (bytes + step - 1) / step * step;
}

static bool add_chunk(struct ori_slab *slab, size_t bytes)
{
    void **chunks = realloc(slab->chunks, (slab->count + 1) * sizeof *chunks);
    if (!chunks)
        return false;
    slab->chunks = chunks;
    size_t size = round_up(bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES, PAGE_BYTES);
    void *chunk = aligned_alloc(PAGE_BYTES, size);
    if (!chunk)
        return false;
    if (slab->has_large_pages)
        madvise(chunk, size, MADV_HUGEPAGE); /* a wish: without it all is only slower */
    slab->chunks[slab->count++] = chunk;
    slab->next = chunk;
    slab->left = size;
    return true;
}

void *ori_slab_alloc(struct ori_slab *slab, size_t bytes)
{
    size_t room = 0;
    if (!ori_size_add(bytes, PAGE_BYTES, &room))
        return NULL;
    bytes = round_up(bytes, ALIGNMENT);
    if (bytes > slab->left && !add_chunk(slab, bytes))
        return NULL;
    void *memory = slab->next;
    slab->next += bytes;
    slab->left -= bytes;
    return memory;
}

void ori_slab_deinit(struct ori_slab *slab)
{
    for (size_t i = 0; i < slab->count; i++)
        free(slab->chunks[i]);
    free(slab->chunks);
    *slab = (struct ori_slab){0};
}
