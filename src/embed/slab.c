#include "embed/slab.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "util/size.h"

#define ALIGNMENT 64
#define PAGE_BYTES ((size_t)2 << 20)
/* Mapped, not from the heap: what is not touched takes no memory, and all of it is given back. */
#define CHUNK_BYTES ((size_t)128 << 20)

static size_t round_up(size_t bytes, size_t step)
{
    return (bytes + step - 1) / step * step;
}

static bool add_chunk(struct ori_slab *slab, size_t bytes)
{
    struct ori_slab_chunk *chunks = realloc(slab->chunks, (slab->count + 1) * sizeof *chunks);
    if (!chunks)
        return false;
    slab->chunks = chunks;
    size_t size = round_up(bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES, PAGE_BYTES);
    void *memory =
        mmap(NULL, size + PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    slab->chunks[slab->count++] = (struct ori_slab_chunk){memory, size + PAGE_BYTES};
    slab->next = (char *)round_up((uintptr_t)memory, PAGE_BYTES);
    slab->left = size;
    if (slab->has_large_pages)
        madvise(slab->next, size, MADV_HUGEPAGE); /* a wish: without it all is only slower */
    return true;
}

void *ori_slab_alloc(struct ori_slab *slab, size_t bytes)
{
    size_t room = 0;
    if (!ori_size_add(bytes, 2 * PAGE_BYTES, &room))
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
        munmap(slab->chunks[i].memory, slab->chunks[i].bytes);
    free(slab->chunks);
    *slab = (struct ori_slab){0};
}
