#pragma once
/* embed/tokenizer.h: text to token ids, as a model folder's tokenizer.json describes it, or
 * vocab.json with merges.txt (then: CLIP's byte-level BPE).
 * Reference   Hugging Face tokenizers (the "fast" ones): equal ids for every text
 * Not here    what a model does with the ids, padding
 * Call order  open; encode at will; close
 * Threads     read-only after open, any thread
 * Failure     ORI_MODEL_MISSING (no file), ORI_BAD_MODEL (not what the format says, names the key),
 *             ORI_UNSUPPORTED_MODEL (a step we do not have, named, with those we have), ORI_LIMIT,
 *             ORI_NOMEM, ORI_IO
 * Limits      text ORI_LIMIT_MAX_SEARCH_TEXT_BYTES; file, vocabulary, merges: limits_tbl.h
 * Beside it   tokenizer_config.json may name the pad token, the side that is cut (truncation_side) and
 *             SigLIP 2's tokenizer, which is lower case first; special_tokens_map.json the pad token
 * Unequal     characters newer than Unicode 17; \b, \d and classes other than \p{L}, \p{N}, \w in a
 *             pattern, for characters newer than this system's Oniguruma (Unicode 14 in Debian 12).
 *             Where the reference panics or leaves it to chance (patterns that match nothing at the
 *             beginning, added tokens that the normalizers make alike) there is one result here
 * Checked by  bench/tokenizers (100,000s of texts), tests/golden/tokenizers */
#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

struct ori_tokenizer;

ori_status ori_tokenizer_open(const char *folder, struct ori_tokenizer **ret_tokenizer,
                              struct ori_error *err);
void ori_tokenizer_close(struct ori_tokenizer **tokenizer); /* null-safe, nulls */

/* Ids of a text of UTF-8 (bad bytes: ORI_USAGE) with the tokens that the file's post-processor
 * adds. A longer text is cut so that the result has ids_max ids, the added ones kept, as the
 * reference truncates; ids_max below their number: ORI_USAGE. *ret_count: 0..ids_max. Not padded.
 * ORI_BAD_MODEL when a pattern of the file takes too long or a charsmap leads astray on this text.
 * Tens of microseconds for a sentence; a pattern made to be slow is stopped after two seconds. */
ori_status ori_tokenizer_encode(const struct ori_tokenizer *tokenizer, const char *text,
                                size_t ids_max, int32_t *ret_ids, size_t *ret_count,
                                struct ori_error *err);
int ori_tokenizer_vocabulary(const struct ori_tokenizer *tokenizer); /* ids are below this */
/* tokenizer.json's padding, else pad_token of the files beside it; vocab.json with merges.txt: the end
 * token when nothing names another. -1: the folder names none. */
int32_t ori_tokenizer_pad_id(const struct ori_tokenizer *tokenizer);
