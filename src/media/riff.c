#include "media/riff_priv.h"

enum { HEAD_BYTES = 8 };

uint32_t ori_riff_u24(const uint8_t *data)
{
    return data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16;
}

bool ori_riff_next(const uint8_t *data, size_t bytes, size_t *position,
                   struct ori_riff_chunk *ret_chunk)
{
    size_t at = *position;
    if (at > bytes || bytes - at < HEAD_BYTES)
        return false;
    size_t size = ori_riff_u24(data + at + 4) | (size_t)data[at + 7] << 24;
    if (size > bytes - at - HEAD_BYTES)
        return false;
    *ret_chunk = (struct ori_riff_chunk){data + at, data + at + HEAD_BYTES, size};
    *position =
        at + HEAD_BYTES + size + size % 2; /* may be one past the end: the next call sees it */
    return true;
}
