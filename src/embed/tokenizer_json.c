#include "embed/tokenizer_json.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/fs.h"
#include "util/limits.h"
#include "util/utf8.h"

enum { WORDS_BYTES = 200 };

ori_status ori_tok_bad(const struct ori_tok_node *node, struct ori_error *err, const char *format,
                       ...)
{
    char text[WORDS_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ori_utf8_clean(text); /* words of the file may be in it */
    return ori_error_set(err, ORI_BAD_MODEL, "%s: %s", node->where, text);
}

ori_status ori_tok_unsupported(const struct ori_tok_node *node, struct ori_error *err,
                               const char *what, const char *known)
{
    char name[64];
    snprintf(name, sizeof name, "%s", what);
    ori_utf8_clean(name);
    return ori_error_set(err, ORI_UNSUPPORTED_MODEL, "%s: \"%s\" is not among those known: %s",
                         node->where, name, known);
}

ori_status ori_tok_json_load(const char *folder, const char *name, bool is_config,
                             json_t **ret_json, struct ori_error *err)
{
    char *path = NULL;
    char *data = NULL;
    size_t bytes = 0;
    json_error_t fault;
    size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
    flags |= is_config ? JSON_DECODE_INT_AS_REAL : 0;
    ori_status status = ori_fs_join(folder, name, &path, err);
    if (status != ORI_OK)
        goto out;
    struct ori_error cause = {0};
    status =
        ori_fs_read_file(AT_FDCWD, path, ORI_LIMIT_MAX_TOKENIZER_FILE_BYTES, &data, &bytes, &cause);
    if (status != ORI_OK) {
        status = status == ORI_NOT_FOUND ? ORI_MODEL_MISSING : status;
        status = ori_error_set(err, status, "%s", cause.text);
        goto out;
    }
    json_t *json = json_loadb(data, bytes, flags, &fault);
    if (!json) {
        if (json_error_code(&fault) == json_error_out_of_memory)
            status = ori_error_set(err, ORI_NOMEM, "%s", name);
        else {
            ori_utf8_clean(fault.text); /* words of the file may be in it */
            status =
                ori_error_set(err, ORI_BAD_MODEL, "%s: line %d: %s", name, fault.line, fault.text);
        }
        goto out;
    }
    *ret_json = json;
out:
    free(data);
    free(path);
    return status;
}

void ori_tok_root(const json_t *value, const char *file, struct ori_tok_node *ret_node)
{
    ret_node->value = value;
    snprintf(ret_node->where, sizeof ret_node->where, "%s", file);
}

/* `where` of a part: "file: key" at the root, "file: key.key" below. */
static void set_where(const struct ori_tok_node *node, const char *separator, const char *key,
                      struct ori_tok_node *ret)
{
    char where[ORI_TOK_WHERE_BYTES];
    int used = snprintf(where, sizeof where, "%s%s", node->where, separator);
    if (used > 0 && (size_t)used < sizeof where)
        snprintf(where + used, sizeof where - (size_t)used, "%s", key);
    memcpy(ret->where, where, sizeof where);
}

void ori_tok_child(const struct ori_tok_node *node, const char *key, struct ori_tok_node *ret)
{
    const json_t *value = json_object_get(node->value, key);
    set_where(node, strchr(node->where, ':') ? "." : ": ", key, ret);
    ret->value = json_is_null(value) ? NULL : value;
}

void ori_tok_item(const struct ori_tok_node *node, size_t index, struct ori_tok_node *ret)
{
    char key[32];
    snprintf(key, sizeof key, "[%zu]", index);
    const json_t *value = json_array_get(node->value, index);
    set_where(node, "", key, ret);
    ret->value = value;
}

ori_status ori_tok_need_object(const struct ori_tok_node *node, struct ori_error *err)
{
    return json_is_object(node->value) ? ORI_OK : ori_tok_bad(node, err, "not an object");
}

ori_status ori_tok_need_array(const struct ori_tok_node *node, size_t items_max, size_t *ret_items,
                              struct ori_error *err)
{
    if (!json_is_array(node->value))
        return ori_tok_bad(node, err, "not a list");
    size_t items = json_array_size(node->value);
    if (items > items_max)
        return ori_error_set(err, ORI_LIMIT, "%s: %zu entries; at most %zu are taken", node->where,
                             items, items_max);
    *ret_items = items;
    return ORI_OK;
}

ori_status ori_tok_text(const struct ori_tok_node *node, const char *key, bool is_required,
                        size_t bytes_max, const char **ret_text, size_t *ret_bytes,
                        struct ori_error *err)
{
    struct ori_tok_node child;
    ori_tok_child(node, key, &child);
    if (!child.value && !is_required) {
        *ret_text = NULL;
        *ret_bytes = 0;
        return ORI_OK;
    }
    if (!json_is_string(child.value))
        return ori_tok_bad(&child, err, child.value ? "not a text" : "missing");
    if (json_string_length(child.value) > bytes_max)
        return ori_error_set(err, ORI_LIMIT, "%s: %zu bytes; at most %zu are taken", child.where,
                             json_string_length(child.value), bytes_max);
    *ret_text = json_string_value(child.value);
    *ret_bytes = json_string_length(child.value);
    return ORI_OK;
}

ori_status ori_tok_flag(const struct ori_tok_node *node, const char *key, bool fallback,
                        bool *ret_flag, struct ori_error *err)
{
    struct ori_tok_node child;
    ori_tok_child(node, key, &child);
    if (child.value && !json_is_boolean(child.value))
        return ori_tok_bad(&child, err, "not true or false");
    *ret_flag = child.value ? json_is_true(child.value) : fallback;
    return ORI_OK;
}

ori_status ori_tok_need_flag(const struct ori_tok_node *node, const char *key, bool *ret_flag,
                             struct ori_error *err)
{
    struct ori_tok_node child;
    ori_tok_child(node, key, &child);
    if (!child.value)
        return ori_tok_bad(&child, err, "missing");
    return ori_tok_flag(node, key, false, ret_flag, err);
}

ori_status ori_tok_id(const struct ori_tok_node *node, int32_t *ret_id, struct ori_error *err)
{
    if (!json_is_integer(node->value))
        return ori_tok_bad(node, err, "not a whole number");
    json_int_t id = json_integer_value(node->value);
    if (id < 0 || id >= ORI_LIMIT_MAX_TOKENIZER_TOKENS)
        return ori_tok_bad(node, err, "%lld is no token's number; they are 0 to %d", (long long)id,
                           ORI_LIMIT_MAX_TOKENIZER_TOKENS - 1);
    *ret_id = (int32_t)id;
    return ORI_OK;
}
