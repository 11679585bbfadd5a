#include "embed/tokenizer_text.h"

#include <stdlib.h>

#include "embed/tokenizer_unicode.h"
#include "util/limits.h"

void ori_tok_string_init(struct ori_tok_string *string)
{
    ori_buf_init(&string->buf, ORI_LIMIT_MAX_TOKENIZER_TEXT_BYTES);
    string->origin = 0;
}

void ori_tok_string_deinit(struct ori_tok_string *string)
{
    ori_buf_deinit(&string->buf);
}

void ori_tok_string_clear(struct ori_tok_string *string)
{
    ori_buf_clear(&string->buf);
    string->origin = 0;
}

void ori_tok_string_add(struct ori_tok_string *string, const char *text, size_t bytes,
                        bool is_origin)
{
    bool is_all_origin = string->origin == string->buf.used;
    ori_buf_add(&string->buf, text, bytes);
    if (is_origin && is_all_origin)
        string->origin = string->buf.used;
}

void ori_tok_string_add_char(struct ori_tok_string *string, uint32_t character, bool is_origin)
{
    bool is_all_origin = string->origin == string->buf.used;
    ori_tok_add_char(&string->buf, character);
    if (is_origin && is_all_origin)
        string->origin = string->buf.used;
}

void ori_tok_pieces_deinit(struct ori_tok_pieces *pieces)
{
    free(pieces->items);
    *pieces = (struct ori_tok_pieces){0};
}

ori_status ori_tok_pieces_add(struct ori_tok_pieces *pieces, const struct ori_tok_piece *whole,
                              size_t begin, size_t end, struct ori_error *err)
{
    if (begin >= end)
        return ORI_OK;
    if (pieces->count == pieces->size) {
        size_t size =
            pieces->size ? pieces->size * 2 : 64; /* at most one a byte of a limited text */
        struct ori_tok_piece *grown = realloc(pieces->items, size * sizeof *grown);
        if (!grown)
            return ori_error_set(err, ORI_NOMEM, "%zu pieces of a text", size);
        pieces->items = grown;
        pieces->size = size;
    }
    bool is_origin = begin < whole->origin;
    size_t origin_end = whole->origin < end ? whole->origin : end;
    pieces->items[pieces->count++] =
        (struct ori_tok_piece){.at = whole->at + begin,
                               .bytes = end - begin,
                               .origin = is_origin ? origin_end - begin : 0,
                               .is_beginning = whole->is_beginning && is_origin};
    return ORI_OK;
}
