#include "embed/tokenizer_bytes.h"

/* '!' to '~', U+00A1 to U+00AC and U+00AE to U+00FF stand for themselves; the others are counted on
 * from U+0100: 0x00 to 0x20 first, then 0x7F to 0xA0, then 0xAD. */
uint32_t ori_tok_byte_char(uint8_t byte)
{
    if (byte <= 0x20)
        return 0x100U + byte;
    if (byte >= 0x7F && byte <= 0xA0)
        return 0x121U + (byte - 0x7FU);
    return byte == 0xAD ? 0x143U : byte;
}

void ori_tok_add_byte_chars(struct ori_tok_string *string, const char *text, size_t bytes,
                            size_t origin)
{
    for (size_t i = 0; i < bytes; i++)
        ori_tok_string_add_char(string, ori_tok_byte_char((uint8_t)text[i]), i < origin);
}
