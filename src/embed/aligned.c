#include "embed/aligned.h"

#include <stdlib.h>
#include <string.h>

#include "util/size.h"

#define ALIGNMENT 64

void *ori_aligned_alloc(size_t count, size_t size)
{
    size_t bytes = 0;
    size_t room = 0;
    if (!ori_size_mul(count, size, &bytes) || !ori_size_add(bytes, ALIGNMENT, &room))
        return NULL;
    return aligned_alloc(ALIGNMENT, room / ALIGNMENT * ALIGNMENT);
}

void *ori_aligned_zeroed(size_t count, size_t size)
{
    void *memory = ori_aligned_alloc(count, size);
    if (memory)
        memset(memory, 0, count * size);
    return memory;
}
