#pragma once
/* embed/aligned.h: memory for matrices: 64-byte aligned, freed by free().
 * Failure   NULL: no memory, or count * size does not fit */
#include <stddef.h>

void *ori_aligned_alloc(size_t count, size_t size); /* contents undefined */
void *ori_aligned_zeroed(size_t count, size_t size);
