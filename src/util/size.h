#pragma once
/* util/size.h: sums and products of sizes that say when they do not fit. */
#include <stdbool.h>
#include <stddef.h>

/* True and *ret_size set, or false and *ret_size left alone. */
static inline bool ori_size_mul(size_t a, size_t b, size_t *ret_size)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *ret_size = product;
    return true;
}

static inline bool ori_size_add(size_t a, size_t b, size_t *ret_size)
{
    size_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *ret_size = sum;
    return true;
}
