#include "util/base64.h"

#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void ori_base64_add(struct ori_buf *buf, const void *data, size_t bytes)
{
    const uint8_t *from = data;
    char piece[1024];
    size_t used = 0;
    for (size_t i = 0; i < bytes; i += 3) {
        uint32_t three = (uint32_t)from[i] << 16;
        three |= i + 1 < bytes ? (uint32_t)from[i + 1] << 8 : 0;
        three |= i + 2 < bytes ? from[i + 2] : 0;
        piece[used++] = digits[three >> 18];
        piece[used++] = digits[three >> 12 & 63];
        piece[used++] = i + 1 < bytes ? digits[three >> 6 & 63] : '=';
        piece[used++] = i + 2 < bytes ? digits[three & 63] : '=';
        if (used == sizeof piece) {
            ori_buf_add(buf, piece, used);
            used = 0;
        }
    }
    ori_buf_add(buf, piece, used);
}

static int value_of(char digit)
{
    if (digit >= 'A' && digit <= 'Z')
        return digit - 'A';
    if (digit >= 'a' && digit <= 'z')
        return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9')
        return digit - '0' + 52;
    return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

bool ori_base64_read(const char *text, size_t length, uint8_t *ret_data, size_t bytes_max,
                     size_t *ret_bytes)
{
    size_t padding = 0;
    uint32_t bits = 0;
    size_t used = 0;
    if (length % 4 != 0)
        return false;
    while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
        padding++;
    size_t bytes = length / 4 * 3 - padding;
    if (bytes > bytes_max)
        return false;
    for (size_t i = 0; i < length - padding; i++) {
        int value = value_of(text[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 != 0)
            ret_data[used++] = (uint8_t)(bits >> (2 * (3 - i % 4)));
    }
    if (padding && (bits & (padding == 1 ? 3 : 15)) != 0)
        return false;
    *ret_bytes = used;
    return used == bytes;
}
