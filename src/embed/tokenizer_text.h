#pragma once
/* embed/tokenizer_text.h: a text on its way through the steps of a tokenizer, and its pieces.
 * Origin    "first" of Metaspace asks whether a piece begins where the given text began. So each text
 *           knows how many of its bytes stem from the first character of what was given (origin),
 *           by the reference's own reckoning: a character that was put in counts as its left
 *           neighbour, a character that replaces one counts as that one
 * Limits    ORI_LIMIT_MAX_TOKENIZER_TEXT_BYTES in one text
 * Threads   plain data; one thread at a time */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/status.h"

struct ori_tok_string {
    struct ori_buf buf; /* valid UTF-8 */
    size_t origin;
};
struct ori_tok_piece { /* of a string: never empty */
    size_t at;
    size_t bytes;
    size_t origin;     /* counted from `at` */
    bool is_beginning; /* nothing of what was given lies before it */
};
struct ori_tok_pieces {
    struct ori_tok_piece *items;
    size_t count;
    size_t size;
};

void ori_tok_string_init(struct ori_tok_string *string);
void ori_tok_string_deinit(struct ori_tok_string *string);
void ori_tok_string_clear(struct ori_tok_string *string);
/* Adds what counts as origin, or not. */
void ori_tok_string_add(struct ori_tok_string *string, const char *text, size_t bytes,
                        bool is_origin);
void ori_tok_string_add_char(struct ori_tok_string *string, uint32_t character, bool is_origin);

void ori_tok_pieces_deinit(struct ori_tok_pieces *pieces);
/* Adds [begin, end) of a text that begins at `whole`; an empty one is left out. ORI_NOMEM. */
ori_status ori_tok_pieces_add(struct ori_tok_pieces *pieces, const struct ori_tok_piece *whole,
                              size_t begin, size_t end, struct ori_error *err);
