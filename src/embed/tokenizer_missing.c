/* Until the tokenizers are here: a model's text half cannot be opened, its picture half can. */
#include "embed/tokenizer.h"

ori_status ori_tokenizer_open(const char *folder, struct ori_tokenizer **ret_tokenizer,
                              struct ori_error *err)
{
    (void)ret_tokenizer;
    return ori_error_set(err, ORI_UNSUPPORTED_MODEL, "%.200s: texts are not supported yet", folder);
}

void ori_tokenizer_close(struct ori_tokenizer **tokenizer)
{
    *tokenizer = NULL;
}

ori_status ori_tokenizer_encode(const struct ori_tokenizer *tokenizer, const char *text,
                                size_t ids_max, int32_t *ret_ids, size_t *ret_count,
                                struct ori_error *err)
{
    (void)tokenizer;
    (void)text;
    (void)ids_max;
    (void)ret_ids;
    *ret_count = 0;
    return ori_error_set(err, ORI_UNSUPPORTED_MODEL, "texts are not supported yet");
}

int ori_tokenizer_vocabulary(const struct ori_tokenizer *tokenizer)
{
    (void)tokenizer;
    return 0;
}

int32_t ori_tokenizer_pad_id(const struct ori_tokenizer *tokenizer)
{
    (void)tokenizer;
    return -1;
}
