#include "embed/tokenizer_post.h"

#include <stdlib.h>
#include <string.h>

#include "embed/tokenizer_steps.h"

enum kind { ROBERTA, BERT, TEMPLATE, BYTE_LEVEL };
static const char *const names[] = {
    [ROBERTA] = "RobertaProcessing",
    [BERT] = "BertProcessing",
    [TEMPLATE] = "TemplateProcessing",
    [BYTE_LEVEL] = "ByteLevel",
};
static const char known[] =
    "RobertaProcessing, BertProcessing, TemplateProcessing, ByteLevel, Sequence";

struct around { /* what one processor puts before and behind */
    struct ori_tok_post post;
    bool is_behind; /* the text has been passed */
};

static ori_status add_id(struct around *around, int32_t id, int32_t ids,
                         const struct ori_tok_node *node, struct ori_error *err)
{
    struct ori_tok_post *post = &around->post;
    if (id >= ids)
        return ori_tok_bad(node, err, "%d is no token; they are 0 to %d", (int)id, (int)ids - 1);
    if (post->before_count + post->behind_count == ORI_LIMIT_MAX_TOKENIZER_SPECIALS)
        return ori_error_set(err, ORI_LIMIT, "%s: more than %d tokens around a text", node->where,
                             ORI_LIMIT_MAX_TOKENIZER_SPECIALS);
    if (around->is_behind)
        post->behind[post->behind_count++] = id;
    else
        post->before[post->before_count++] = id;
    return ORI_OK;
}

/* "cls": ["<s>", 0] */
static ori_status load_pair(const struct ori_tok_node *node, const char *key, int32_t ids,
                            struct around *around, struct ori_error *err)
{
    struct ori_tok_node pair;
    struct ori_tok_node item;
    size_t items;
    int32_t id;
    ori_tok_child(node, key, &pair);
    ori_status status = ori_tok_need_array(&pair, 2, &items, err);
    if (status != ORI_OK)
        return status;
    ori_tok_item(&pair, 1, &item);
    status = ori_tok_id(&item, &id, err);
    return status == ORI_OK ? add_id(around, id, ids, &item, err) : status;
}

/* The ids of special_tokens.NAME. */
static ori_status load_special(const struct ori_tok_node *node, const char *name, int32_t ids,
                               struct around *around, struct ori_error *err)
{
    struct ori_tok_node specials;
    struct ori_tok_node special;
    struct ori_tok_node list;
    size_t items;
    ori_tok_child(node, "special_tokens", &specials);
    ori_tok_child(&specials, name, &special);
    ori_tok_child(&special, "ids", &list);
    ori_status status = ori_tok_need_array(&list, ORI_LIMIT_MAX_TOKENIZER_SPECIALS, &items, err);
    for (size_t i = 0; status == ORI_OK && i < items; i++) {
        struct ori_tok_node item;
        int32_t id;
        ori_tok_item(&list, i, &item);
        status = ori_tok_id(&item, &id, err);
        if (status == ORI_OK)
            status = add_id(around, id, ids, &item, err);
    }
    return status;
}

static ori_status load_template_piece(const struct ori_tok_node *node,
                                      const struct ori_tok_node *piece, int32_t ids,
                                      struct around *around, struct ori_error *err)
{
    const char *id;
    size_t bytes;
    struct ori_tok_node special;
    struct ori_tok_node sequence;
    ori_status status = ori_tok_need_object(piece, err);
    if (status != ORI_OK)
        return status;
    ori_tok_child(piece, "SpecialToken", &special);
    ori_tok_child(piece, "Sequence", &sequence);
    status = ori_tok_text(special.value ? &special : &sequence, "id", true,
                          ORI_LIMIT_MAX_TOKENIZER_TOKEN_BYTES, &id, &bytes, err);
    if (status != ORI_OK)
        return status;
    if (special.value)
        return load_special(node, id, ids, around, err);
    if (strcmp(id, "A") != 0 || around->is_behind)
        return ori_error_set(err, ORI_UNSUPPORTED_MODEL, "%s: only the sequence A, once, is known",
                             piece->where);
    around->is_behind = true;
    return ORI_OK;
}

static ori_status load_template(const struct ori_tok_node *node, int32_t ids, struct around *around,
                                struct ori_error *err)
{
    struct ori_tok_node list;
    size_t items;
    ori_tok_child(node, "single", &list);
    ori_status status =
        ori_tok_need_array(&list, ORI_LIMIT_MAX_TOKENIZER_SPECIALS + 1, &items, err);
    for (size_t i = 0; status == ORI_OK && i < items; i++) {
        struct ori_tok_node piece;
        ori_tok_item(&list, i, &piece);
        status = load_template_piece(node, &piece, ids, around, err);
    }
    if (status == ORI_OK && !around->is_behind)
        return ori_error_set(err, ORI_UNSUPPORTED_MODEL, "%s: without the sequence A", list.where);
    return status;
}

static ori_status load_step(const struct ori_tok_node *node, const char *type, int32_t ids,
                            struct around *around, struct ori_error *err)
{
    struct ori_tok_node child;
    ori_status status;
    size_t kind = ori_tok_name_index(type, names, sizeof names / sizeof names[0]);
    if (kind == SIZE_MAX) {
        ori_tok_child(node, "type", &child);
        return ori_tok_unsupported(&child, err, type, known);
    }
    switch ((enum kind)kind) {
    case ROBERTA:
    case BERT:
        status = load_pair(node, "cls", ids, around, err);
        around->is_behind = true;
        return status == ORI_OK ? load_pair(node, "sep", ids, around, err) : status;
    case TEMPLATE:
        return load_template(node, ids, around, err);
    case BYTE_LEVEL: /* trims offsets, which nobody asks for here */
    default:
        return ORI_OK;
    }
}

/* A later processor works on what the earlier ones made: its tokens lie outside of theirs. */
static ori_status wrap(struct ori_tok_post *post, const struct ori_tok_post *outer,
                       const struct ori_tok_node *node, struct ori_error *err)
{
    struct ori_tok_post whole = *outer;
    if (post->before_count + post->behind_count + outer->before_count + outer->behind_count >
        ORI_LIMIT_MAX_TOKENIZER_SPECIALS)
        return ori_error_set(err, ORI_LIMIT, "%s: more than %d tokens around a text", node->where,
                             ORI_LIMIT_MAX_TOKENIZER_SPECIALS);
    memcpy(whole.before + whole.before_count, post->before,
           post->before_count * sizeof whole.before[0]);
    whole.before_count += post->before_count;
    memcpy(whole.behind, post->behind, post->behind_count * sizeof whole.behind[0]);
    memcpy(whole.behind + post->behind_count, outer->behind,
           outer->behind_count * sizeof whole.behind[0]);
    whole.behind_count = post->behind_count + outer->behind_count;
    *post = whole;
    return ORI_OK;
}

ori_status ori_tok_post_load(const struct ori_tok_node *node, int32_t ids,
                             struct ori_tok_post *ret_post, struct ori_error *err)
{
    struct ori_tok_post post = {0};
    struct ori_tok_steps *steps = calloc(1, sizeof *steps);
    if (!steps)
        return ori_error_set(err, ORI_NOMEM, "%s", node->where);
    ori_status status = ori_tok_steps_load(node, "processors", steps, err);
    for (size_t i = 0; status == ORI_OK && i < steps->count; i++) {
        struct around around = {0};
        status = load_step(&steps->nodes[i], steps->types[i], ids, &around, err);
        if (status == ORI_OK)
            status = wrap(&post, &around.post, &steps->nodes[i], err);
    }
    if (status == ORI_OK)
        *ret_post = post;
    free(steps);
    return status;
}
