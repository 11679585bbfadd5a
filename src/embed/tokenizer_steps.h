#pragma once
/* embed/tokenizer_steps.h: a part of tokenizer.json that is one step or a Sequence of them, as a
 * flat list.
 * Ownership  nodes borrow the JSON
 * Failure    ORI_BAD_MODEL names the key; ORI_LIMIT past ORI_LIMIT_MAX_TOKENIZER_STEPS steps or
 *            ORI_LIMIT_MAX_TOKENIZER_DEPTH Sequences inside each other */
#include <stddef.h>

#include "embed/tokenizer_json.h"
#include "util/limits.h"

struct ori_tok_steps {
    struct ori_tok_node nodes[ORI_LIMIT_MAX_TOKENIZER_STEPS];
    const char *types[ORI_LIMIT_MAX_TOKENIZER_STEPS];
    size_t count;
};

/* list_key: what a Sequence of this part calls its list. No node: no steps. */
ori_status ori_tok_steps_load(const struct ori_tok_node *node, const char *list_key,
                              struct ori_tok_steps *ret_steps, struct ori_error *err);

/* Index of a name among count names; SIZE_MAX when it is not there. */
size_t ori_tok_name_index(const char *name, const char *const *names, size_t count);
