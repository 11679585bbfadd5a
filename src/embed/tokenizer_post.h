#pragma once
/* embed/tokenizer_post.h: the post-processors of tokenizer.json: tokens put around those of a text.
 * Threads  plain data, read-only after load
 * Failure  ORI_BAD_MODEL and ORI_UNSUPPORTED_MODEL name the key; ORI_LIMIT past
 *          ORI_LIMIT_MAX_TOKENIZER_SPECIALS ids
 * Source   huggingface/tokenizers, processors: same names, for one text (no pairs) */
#include <stddef.h>
#include <stdint.h>

#include "embed/tokenizer_json.h"
#include "util/limits.h"
#include "util/status.h"

struct ori_tok_post {
    int32_t before[ORI_LIMIT_MAX_TOKENIZER_SPECIALS];
    size_t before_count;
    int32_t behind[ORI_LIMIT_MAX_TOKENIZER_SPECIALS];
    size_t behind_count;
};

/* node: the key post_processor; there may be none. Ids are below ids. */
ori_status ori_tok_post_load(const struct ori_tok_node *node, int32_t ids,
                             struct ori_tok_post *ret_post, struct ori_error *err);
