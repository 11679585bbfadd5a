#pragma once
/* embed/tokenizer_unicode.h: characters as the reference's tokenizers take them.
 * Versions  the reference's libraries know other versions of Unicode than utf8proc and Oniguruma of
 *           this system: tokenizer_unicode_tbl.h holds what differs. A character that is newer than
 *           all of them may still come out otherwise
 * Text      valid UTF-8; a character is a code point
 * Threads   pure; any thread */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/status.h"

struct ori_tok_range { /* of code points, both ends in it */
    uint32_t first;
    uint32_t last;
};
enum ori_tok_newer { ORI_TOK_NEWER_LETTERS = 1, ORI_TOK_NEWER_NUMBERS, ORI_TOK_NEWER_WORDS };
enum ori_tok_form { ORI_TOK_NFC = 1, ORI_TOK_NFD, ORI_TOK_NFKC, ORI_TOK_NFKD };

/* The character at text (bytes > 0) and how many bytes it takes. */
size_t ori_tok_char(const char *text, size_t bytes, uint32_t *ret_char);
void ori_tok_add_char(struct ori_buf *buf, uint32_t character);

bool ori_tok_is_space(uint32_t character);       /* White_Space */
bool ori_tok_is_mark(uint32_t character);        /* what StripAccents takes away */
bool ori_tok_is_numeric(uint32_t character);     /* what Digits cuts out */
bool ori_tok_is_punctuation(uint32_t character); /* what Punctuation cuts out */
bool ori_tok_is_word(uint32_t character);        /* \w of added tokens and of Whitespace */

/* Lower case of one character, without regard to its neighbours: 1 or 2 of them. */
size_t ori_tok_lower(uint32_t character, uint32_t ret_lower[2]);

/* Adds the normal form of text; a buf that cannot take it remembers why. ORI_OK or ORI_NOMEM. */
ori_status ori_tok_add_form(struct ori_buf *buf, const char *text, size_t bytes,
                            enum ori_tok_form form, struct ori_error *err);

/* Bytes of the grapheme cluster (UAX 29, extended) at text; bytes > 0. */
size_t ori_tok_grapheme(const char *text, size_t bytes);

/* Characters that the reference's \p{L}, \p{N} or \w matches and this system's may not. */
const struct ori_tok_range *ori_tok_newer(enum ori_tok_newer which, size_t *ret_count);
