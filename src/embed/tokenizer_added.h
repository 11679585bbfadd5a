#pragma once
/* embed/tokenizer_added.h: added tokens, which are found in the text before anything else is done
 * with it: those that are not "normalized" in the text as given, the others after the normalizers.
 * Call order  load; find at will; close
 * Threads     read-only after load, any thread
 * Ids         as the reference gives them: that of the vocabulary, else one more than the highest so
 *             far; a file that says otherwise is refused
 * Source      huggingface/tokenizers tokenizer/added_vocabulary.rs; leftmost, then longest match */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "embed/tokenizer_json.h"
#include "embed/tokenizer_model.h"
#include "embed/tokenizer_normalize.h"
#include "embed/tokenizer_trie.h"
#include "util/status.h"

struct ori_tok_added_token;
struct ori_tok_added {
    struct ori_tok_added_token *tokens;
    size_t count;
    struct ori_tok_vocab vocab;
    struct ori_tok_trie plain;      /* values: index of a token */
    struct ori_tok_trie normalized; /* by what the normalizers make of them */
    int32_t ids;                    /* of tokens and of the vocabulary: are below this */
};
struct ori_tok_found {
    size_t begin; /* of the token with the blanks it takes along; may lie before the search */
    size_t end;
    int32_t id;
};

/* node: the key added_tokens; there may be none. */
ori_status ori_tok_added_load(const struct ori_tok_node *node, const struct ori_tok_model *model,
                              const struct ori_tok_normalizers *normalizers,
                              struct ori_tok_added *ret_added, struct ori_error *err);
/* CLIP's two. */
ori_status ori_tok_added_clip(const struct ori_tok_model *model, int32_t *ret_start,
                              int32_t *ret_end, struct ori_tok_added *ret_added,
                              struct ori_error *err);
void ori_tok_added_close(struct ori_tok_added *added); /* null-safe, idempotent */

/* The first token at or behind *at, which moves behind the match; what lies before `done` belongs to
 * the token before. False: there is none. */
bool ori_tok_added_next(const struct ori_tok_added *added, bool is_normalized, const char *text,
                        size_t bytes, size_t *at, size_t done, struct ori_tok_found *ret_found);
/* The id of a token by its text, added ones first. */
bool ori_tok_added_id(const struct ori_tok_added *added, const struct ori_tok_model *model,
                      const char *text, size_t bytes, int32_t *ret_id);
