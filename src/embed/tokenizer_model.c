#include "embed/tokenizer_model.h"

#include <stdlib.h>
#include <string.h>

#include "util/size.h"

/* Files of old do not say the type: a list of tokens is Unigram's, merges are BPE's. */
static const char *type_of_content(const struct ori_tok_node *node)
{
    if (json_is_array(json_object_get(node->value, "vocab")))
        return "Unigram";
    return json_object_get(node->value, "merges") ? "BPE" : "";
}

ori_status ori_tok_model_load(const struct ori_tok_node *node, struct ori_tok_model **ret_model,
                              struct ori_error *err)
{
    const char *type;
    size_t bytes;
    struct ori_tok_node child;
    if (!node->value)
        return ori_tok_bad(node, err, "missing");
    ori_status status = ori_tok_need_object(node, err);
    if (status == ORI_OK)
        status = ori_tok_text(node, "type", false, ORI_TOK_WHERE_BYTES, &type, &bytes, err);
    if (status != ORI_OK)
        return status;
    if (!type)
        type = type_of_content(node);
    if (strcmp(type, "BPE") == 0)
        return ori_tok_bpe_load(node, ret_model, err);
    if (strcmp(type, "Unigram") == 0)
        return ori_tok_unigram_load(node, ret_model, err);
    ori_tok_child(node, "type", &child);
    return ori_tok_unsupported(&child, err, type, "BPE, Unigram");
}

void ori_tok_model_close(struct ori_tok_model **model)
{
    if (!model || !*model)
        return;
    (*model)->ops->close(*model);
    *model = NULL;
}

ori_status ori_tok_model_tokens(const struct ori_tok_model *model, const char *text, size_t bytes,
                                struct ori_tok_scratch *scratch, struct ori_tok_ids *ids,
                                struct ori_error *err)
{
    return model->ops->tokens(model, text, bytes, scratch, ids, err);
}

void ori_tok_scratch_deinit(struct ori_tok_scratch *scratch)
{
    for (size_t i = 0; i < sizeof scratch->memory / sizeof scratch->memory[0]; i++)
        free(scratch->memory[i]);
    *scratch = (struct ori_tok_scratch){0};
}

ori_status ori_tok_scratch_take(struct ori_tok_scratch *scratch, int which, size_t count,
                                size_t bytes, void **ret_memory, struct ori_error *err)
{
    size_t needed;
    if (!ori_size_mul(count, bytes, &needed))
        return ori_error_set(err, ORI_NOMEM, "tokens of a text");
    if (needed > scratch->bytes[which]) {
        void *memory = malloc(needed);
        if (!memory)
            return ori_error_set(err, ORI_NOMEM, "tokens of a text");
        free(scratch->memory[which]);
        scratch->memory[which] = memory;
        scratch->bytes[which] = needed;
    }
    *ret_memory = scratch->memory[which];
    return ORI_OK;
}

ori_status ori_tok_ids_add(struct ori_tok_ids *ids, int32_t id, struct ori_error *err)
{
    if (ids->count == ids->size) {
        size_t size = ids->size ? ids->size * 2 : 128;
        int32_t *grown = realloc(ids->items, size * sizeof *grown);
        if (!grown)
            return ori_error_set(err, ORI_NOMEM, "tokens of a text");
        ids->items = grown;
        ids->size = size;
    }
    ids->items[ids->count++] = id;
    return ORI_OK;
}

void ori_tok_byte_name(uint8_t byte, char ret_name[ORI_TOK_BYTE_NAME_BYTES])
{
    static const char digits[] = "0123456789ABCDEF";
    memcpy(ret_name, "<0x00>", ORI_TOK_BYTE_NAME_BYTES);
    ret_name[3] = digits[byte >> 4];
    ret_name[4] = digits[byte & 15];
}
