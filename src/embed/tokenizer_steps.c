#include "embed/tokenizer_steps.h"

#include <string.h>

struct level { /* a Sequence that is being walked */
    struct ori_tok_node list;
    size_t items;
    size_t next;
};

size_t ori_tok_name_index(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return SIZE_MAX;
}

static ori_status type_of(const struct ori_tok_node *node, const char **ret_type,
                          struct ori_error *err)
{
    size_t bytes;
    ori_status status = ori_tok_need_object(node, err);
    if (status != ORI_OK)
        return status;
    return ori_tok_text(node, "type", true, ORI_TOK_WHERE_BYTES, ret_type, &bytes, err);
}

/* Takes a node as a step, or opens it as a further level. */
static ori_status visit(const struct ori_tok_node *node, const char *list_key,
                        struct ori_tok_steps *steps, struct level *levels, size_t *depth,
                        struct ori_error *err)
{
    const char *type;
    ori_status status = type_of(node, &type, err);
    if (status != ORI_OK)
        return status;
    if (strcmp(type, "Sequence") != 0) {
        if (steps->count == ORI_LIMIT_MAX_TOKENIZER_STEPS)
            return ori_error_set(err, ORI_LIMIT, "%s: more than %d steps", node->where,
                                 ORI_LIMIT_MAX_TOKENIZER_STEPS);
        steps->nodes[steps->count] = *node;
        steps->types[steps->count] = type;
        steps->count++;
        return ORI_OK;
    }
    if (*depth == ORI_LIMIT_MAX_TOKENIZER_DEPTH)
        return ori_error_set(err, ORI_LIMIT, "%s: more than %d Sequences inside each other",
                             node->where, ORI_LIMIT_MAX_TOKENIZER_DEPTH);
    struct level *level = &levels[*depth];
    ori_tok_child(node, list_key, &level->list);
    level->next = 0;
    status = ori_tok_need_array(&level->list, SIZE_MAX, &level->items, err);
    if (status == ORI_OK)
        (*depth)++;
    return status;
}

ori_status ori_tok_steps_load(const struct ori_tok_node *node, const char *list_key,
                              struct ori_tok_steps *ret_steps, struct ori_error *err)
{
    struct level levels[ORI_LIMIT_MAX_TOKENIZER_DEPTH];
    size_t depth = 0;
    ret_steps->count = 0;
    if (!node->value)
        return ORI_OK;
    ori_status status = visit(node, list_key, ret_steps, levels, &depth, err);
    while (status == ORI_OK && depth > 0) {
        struct level *level = &levels[depth - 1];
        if (level->next == level->items) {
            depth--;
            continue;
        }
        struct ori_tok_node item;
        ori_tok_item(&level->list, level->next++, &item);
        status = visit(&item, list_key, ret_steps, levels, &depth, err);
    }
    return status;
}
