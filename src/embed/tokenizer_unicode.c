#include "embed/tokenizer_unicode.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "embed/tokenizer_unicode_tbl.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static const uint32_t extending = 0x300; /* any that extends the grapheme before it */

/* Lower case that Rust 1.9x (Unicode 17) has and utf8proc of Debian 12 (Unicode 15) has not:
 * first, last, lower case of the first. */
static const uint32_t lower_newer[][3] = {
    {0x1C89, 0x1C89, 0x1C8A},    {0xA7CB, 0xA7CB, 0x264},  {0xA7CC, 0xA7CC, 0xA7CD},
    {0xA7CE, 0xA7CE, 0xA7CF},    {0xA7D2, 0xA7D2, 0xA7D3}, {0xA7D4, 0xA7D4, 0xA7D5},
    {0xA7DA, 0xA7DA, 0xA7DB},    {0xA7DC, 0xA7DC, 0x19B},  {0x10D50, 0x10D65, 0x10D70},
    {0x16EA0, 0x16EB8, 0x16EBB},
};

static bool is_in(const struct ori_tok_range *ranges, size_t count, uint32_t character)
{
    size_t low = 0;
    while (low < count) {
        size_t middle = low + (count - low) / 2;
        if (character > ranges[middle].last)
            low = middle + 1;
        else if (character < ranges[middle].first)
            count = middle;
        else
            return true;
    }
    return false;
}

size_t ori_tok_char(const char *text, size_t bytes, uint32_t *ret_char)
{
    utf8proc_int32_t character = 0;
    if ((unsigned char)text[0] < 0x80) {
        *ret_char = (unsigned char)text[0];
        return 1;
    }
    utf8proc_ssize_t step = utf8proc_iterate((const utf8proc_uint8_t *)text,
                                             (utf8proc_ssize_t)(bytes < 4 ? bytes : 4), &character);
    ORI_ASSERT(step > 0); /* whoever lets text in has checked it */
    *ret_char = (uint32_t)character;
    return (size_t)step;
}

void ori_tok_add_char(struct ori_buf *buf, uint32_t character)
{
    utf8proc_uint8_t bytes[4];
    ori_buf_add(buf, bytes, (size_t)utf8proc_encode_char((utf8proc_int32_t)character, bytes));
}

bool ori_tok_is_space(uint32_t character)
{
    return (character >= 0x9 && character <= 0xD) || character == 0x20 || character == 0x85 ||
           character == 0xA0 || character == 0x1680 ||
           (character >= 0x2000 && character <= 0x200A) || character == 0x2028 ||
           character == 0x2029 || character == 0x202F || character == 0x205F || character == 0x3000;
}

bool ori_tok_is_mark(uint32_t character)
{
    return is_in(marks, COUNT(marks), character);
}

bool ori_tok_is_numeric(uint32_t character)
{
    return is_in(numerics, COUNT(numerics), character);
}

bool ori_tok_is_punctuation(uint32_t character)
{
    return is_in(punctuation, COUNT(punctuation), character);
}

bool ori_tok_is_word(uint32_t character)
{
    return is_in(words, COUNT(words), character);
}

size_t ori_tok_lower(uint32_t character, uint32_t ret_lower[2])
{
    if (character == 0x130) { /* the one character that becomes two: i and a dot above */
        ret_lower[0] = 'i';
        ret_lower[1] = 0x307;
        return 2;
    }
    ret_lower[0] = (uint32_t)utf8proc_tolower((utf8proc_int32_t)character);
    for (size_t i = 0; i < COUNT(lower_newer); i++)
        if (character >= lower_newer[i][0] && character <= lower_newer[i][1])
            ret_lower[0] = lower_newer[i][2] + (character - lower_newer[i][0]);
    return 1;
}

/* ---- normal forms ---- */

static int options_of(enum ori_tok_form form)
{
    switch (form) {
    case ORI_TOK_NFC:
        return UTF8PROC_COMPOSE;
    case ORI_TOK_NFD:
        return UTF8PROC_DECOMPOSE;
    case ORI_TOK_NFKC:
        return UTF8PROC_COMPOSE | UTF8PROC_COMPAT;
    case ORI_TOK_NFKD:
    default:
        return UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT;
    }
}

static ori_status add_part(struct ori_buf *buf, const char *text, size_t bytes,
                           enum ori_tok_form form, struct ori_error *err)
{
    utf8proc_uint8_t *normal = NULL;
    utf8proc_ssize_t count = utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)bytes,
                                          &normal, UTF8PROC_STABLE | options_of(form));
    ORI_ASSERT(count >= 0 || count == UTF8PROC_ERROR_NOMEM || count == UTF8PROC_ERROR_OVERFLOW);
    if (count < 0)
        return ori_error_set(err, ORI_NOMEM, "normal form of a text");
    ori_buf_add(buf, normal, (size_t)count);
    free(normal);
    return ORI_OK;
}

/* A character that the reference knows nothing of parts the text: it neither changes nor lets
 * anything pass. And what lies below U+0300 is in form C and passes nothing but what follows. */
ori_status ori_tok_add_form(struct ori_buf *buf, const char *text, size_t bytes,
                            enum ori_tok_form form, struct ori_error *err)
{
    bool is_plain = true; /* all of the part is its own normal form */
    size_t begin = 0;
    ori_status status = ORI_OK;
    for (size_t at = 0; at <= bytes && status == ORI_OK;) {
        uint32_t character = 0;
        size_t step = at < bytes ? ori_tok_char(text + at, bytes - at, &character) : 0;
        bool is_inert = step > 0 && is_in(inert, COUNT(inert), character);
        if (step == 0 || is_inert) {
            if (is_plain)
                ori_buf_add(buf, text + begin, at - begin);
            else
                status = add_part(buf, text + begin, at - begin, form, err);
            ori_buf_add(buf, text + at, step);
            begin = at + step;
            is_plain = true;
        } else {
            is_plain = is_plain && character < (form == ORI_TOK_NFC ? 0x300 : 0x80);
        }
        at += step ? step : 1;
    }
    return status;
}

/* ---- graphemes ---- */

size_t ori_tok_grapheme(const char *text, size_t bytes)
{
    utf8proc_int32_t state = 0;
    uint32_t before;
    size_t at = ori_tok_char(text, bytes, &before);
    while (at < bytes) {
        uint32_t next;
        size_t step = ori_tok_char(text + at, bytes - at, &next);
        if (next >= extending && is_in(joins, COUNT(joins), next) &&
            utf8proc_get_property((utf8proc_int32_t)next)->boundclass == UTF8PROC_BOUNDCLASS_OTHER)
            next = extending;
        if (utf8proc_grapheme_break_stateful((utf8proc_int32_t)before, (utf8proc_int32_t)next,
                                             &state))
            break;
        before = next;
        at += step;
    }
    return at;
}

const struct ori_tok_range *ori_tok_newer(enum ori_tok_newer which, size_t *ret_count)
{
    switch (which) {
    case ORI_TOK_NEWER_LETTERS:
        *ret_count = COUNT(letters_newer);
        return letters_newer;
    case ORI_TOK_NEWER_NUMBERS:
        *ret_count = COUNT(numbers_newer);
        return numbers_newer;
    case ORI_TOK_NEWER_WORDS:
    default:
        *ret_count = COUNT(words_newer);
        return words_newer;
    }
}
