#pragma once
/* embed/tokenizer_json.h: the values of tokenizer.json, each with the way to it for messages.
 * Ownership  a node borrows the JSON it lies in
 * Failure    ORI_BAD_MODEL: "tokenizer.json: pre_tokenizer.split: not true or false"
 * Threads    plain data */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "util/status.h"

#define ORI_TOK_WHERE_BYTES 160

struct ori_tok_node {
    const json_t *value;
    char where[ORI_TOK_WHERE_BYTES]; /* "file: key.key[3]"; what is longer is cut */
};

ori_status ori_tok_bad(const struct ori_tok_node *node, struct ori_error *err, const char *format,
                       ...) __attribute__((format(printf, 3, 4)));
/* "tokenizer.json: normalizer.type: "X" is not among those this program has: A, B" */
ori_status ori_tok_unsupported(const struct ori_tok_node *node, struct ori_error *err,
                               const char *what, const char *known);

/* A file of the folder as JSON; the caller decrefs. ORI_MODEL_MISSING when there is none. With
 * is_config whole numbers come as reals: tokenizer_config.json has some of thirty digits. */
ori_status ori_tok_json_load(const char *folder, const char *name, bool is_config,
                             json_t **ret_json, struct ori_error *err);
void ori_tok_root(const json_t *value, const char *file, struct ori_tok_node *ret_node);

/* The value of a key; value NULL when there is none or it is null. */
void ori_tok_child(const struct ori_tok_node *node, const char *key, struct ori_tok_node *ret);
void ori_tok_item(const struct ori_tok_node *node, size_t index, struct ori_tok_node *ret);

ori_status ori_tok_need_object(const struct ori_tok_node *node, struct ori_error *err);
ori_status ori_tok_need_array(const struct ori_tok_node *node, size_t items_max, size_t *ret_items,
                              struct ori_error *err);
/* The text of a key, 0..bytes_max bytes; required: NULL is refused. */
ori_status ori_tok_text(const struct ori_tok_node *node, const char *key, bool is_required,
                        size_t bytes_max, const char **ret_text, size_t *ret_bytes,
                        struct ori_error *err);
/* Whether a key is true; fallback when there is none. */
ori_status ori_tok_flag(const struct ori_tok_node *node, const char *key, bool fallback,
                        bool *ret_flag, struct ori_error *err);
ori_status ori_tok_need_flag(const struct ori_tok_node *node, const char *key, bool *ret_flag,
                             struct ori_error *err);
/* An id: 0 .. ORI_LIMIT_MAX_TOKENIZER_TOKENS - 1. */
ori_status ori_tok_id(const struct ori_tok_node *node, int32_t *ret_id, struct ori_error *err);
