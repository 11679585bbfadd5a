#pragma once
/* media/riff_priv.h: the chunks of a RIFF file (WebP): four letters, a size, that many bytes and one
 * more when they are odd. Pure; never reads outside of what it is given, however the sizes lie. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ORI_RIFF_FIRST_CHUNK = 12 }; /* behind "RIFF", the size of all and "WEBP" */

struct ori_riff_chunk {
    const uint8_t *name; /* four letters, no NUL */
    const uint8_t *data; /* a view */
    size_t bytes;
};

/* The chunk at *position, which moves behind it. False at the end, and at a chunk that is not all
 * there. */
bool ori_riff_next(const uint8_t *data, size_t bytes, size_t *position,
                   struct ori_riff_chunk *ret_chunk);
uint32_t ori_riff_u24(const uint8_t *data); /* little-endian, as all numbers of a RIFF file */
