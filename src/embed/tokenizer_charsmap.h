#pragma once
/* embed/tokenizer_charsmap.h: SentencePiece's precompiled_charsmap: what to write in place of which
 * characters.
 * Format     u32 bytes of the tree, the tree (a double array of u32, darts-clone), then replacements
 *            that end with NUL; all little-endian, in base64
 * Source     SentencePiece src/normalizer.cc; used as the reference uses it: a grapheme of up to
 *            five bytes is looked up whole, and the first (shortest) entry it begins with replaces
 *            all of it; else each character is looked up
 * Trust      none: each step through the tree and each replacement is checked: ORI_BAD_MODEL
 * Threads    read-only after open, any thread */
#include <stddef.h>

#include "embed/tokenizer_json.h"
#include "embed/tokenizer_text.h"
#include "util/status.h"

struct ori_tok_charsmap;

/* node: the normalizer that has the key precompiled_charsmap. */
ori_status ori_tok_charsmap_open(const struct ori_tok_node *node,
                                 struct ori_tok_charsmap **ret_charsmap, struct ori_error *err);
void ori_tok_charsmap_close(struct ori_tok_charsmap **charsmap); /* null-safe, nulls */

/* Adds what becomes of text, whose first `origin` bytes count as origin. */
ori_status ori_tok_charsmap_apply(const struct ori_tok_charsmap *charsmap, const char *text,
                                  size_t bytes, size_t origin, struct ori_tok_string *string,
                                  struct ori_error *err);
