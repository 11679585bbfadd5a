#pragma once
/* embed/tokenizer_normalize.h: the normalizers of tokenizer.json, a list of steps.
 * Call order  load; apply at will; close
 * Threads     read-only after load, any thread
 * Failure     ORI_BAD_MODEL and ORI_UNSUPPORTED_MODEL name the key; ORI_LIMIT past
 *             ORI_LIMIT_MAX_TOKENIZER_TEXT_BYTES; ORI_NOMEM
 * Source      huggingface/tokenizers, normalizers: same names, same results */
#include <stddef.h>

#include "embed/tokenizer_json.h"
#include "embed/tokenizer_pattern.h"
#include "embed/tokenizer_text.h"
#include "util/status.h"

struct ori_tok_normalizer; /* one step */
struct ori_tok_normalizers {
    struct ori_tok_normalizer *steps;
    size_t count;
};

/* node: the key normalizer; there may be none. is_lowercase: lower case comes first. */
ori_status ori_tok_normalizers_load(const struct ori_tok_node *node, bool is_lowercase,
                                    struct ori_tok_normalizers *ret_normalizers,
                                    struct ori_error *err);
/* NFC, white space to one blank, lower case: what CLIP's tokenizer does. */
ori_status ori_tok_normalizers_clip(struct ori_tok_normalizers *ret_normalizers,
                                    struct ori_error *err);
void ori_tok_normalizers_close(struct ori_tok_normalizers *normalizers); /* null-safe, idempotent */

/* string: the text, and afterwards what became of it; spare: memory for the work. */
ori_status ori_tok_normalize(const struct ori_tok_normalizers *normalizers,
                             struct ori_tok_string *string, struct ori_tok_string *spare,
                             struct ori_tok_meter *meter, struct ori_error *err);
