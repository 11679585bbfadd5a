#include "http/json_body.h"

#include <string.h>

#include "util/limits.h"
#include "util/utf8.h"

/* Past the closing quote, or to the end: what does not close is the parser's to refuse. */
static const char *skip_string(const char *at, const char *end)
{
    while (at < end && *at != '"')
        at += *at == '\\' ? 2 : 1;
    return at < end ? at + 1 : end;
}

ori_status ori_json_bounded(const char *text, size_t bytes, struct ori_error *err)
{
    const char *end = text + bytes;
    long depth = 0;
    long values = 1; /* one, and one more behind each comma, colon and opening bracket */
    for (const char *at = text; at < end;) {
        char c = *at++;
        if (c == '"') {
            at = skip_string(at, end);
        } else if (c == '[' || c == '{') {
            depth++;
            values++;
        } else if (c == ']' || c == '}') {
            depth--;
        } else if (c == ',' || c == ':') {
            values++;
        }
        if (depth > ORI_LIMIT_MAX_JSON_DEPTH)
            return ori_error_set(err, ORI_BAD_JSON, "the JSON is nested deeper than %d levels",
                                 ORI_LIMIT_MAX_JSON_DEPTH);
        if (values > ORI_LIMIT_MAX_JSON_VALUES)
            return ori_error_set(err, ORI_BAD_JSON, "the JSON has more than %d values",
                                 ORI_LIMIT_MAX_JSON_VALUES);
    }
    return ORI_OK;
}

ori_status ori_json_parse(const char *text, size_t bytes, json_t **ret_value, struct ori_error *err)
{
    ORI_ASSERT(text && ret_value);
    ori_status status = ori_json_bounded(text, bytes, err);
    if (status != ORI_OK)
        return status;
    json_error_t fault;
    json_t *value = json_loadb(text, bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
    if (!value) {
        if (json_error_code(&fault) == json_error_out_of_memory)
            return ori_error_set(err, ORI_NOMEM, "JSON");
        ori_utf8_clean(fault.text); /* it quotes the body */
        return ori_error_set(err, ORI_BAD_JSON, "the body is not JSON: %s (line %d, column %d)",
                             fault.text, fault.line, fault.column);
    }
    *ret_value = value;
    return ORI_OK;
}
