#include "util/json_bounds.h"

/* Past the closing quote, or to the end: what does not close is the parser's to refuse. */
static const char *skip_string(const char *at, const char *end)
{
    while (at < end && *at != '"')
        at += *at == '\\' && end - at > 1 ? 2 : 1;
    return at < end ? at + 1 : end;
}

ori_status ori_json_bounds_check(const char *what, const char *text, size_t bytes, size_t depth_max,
                                 size_t values_max, struct ori_error *err)
{
    const char *end = text + bytes;
    size_t depth = 0;
    size_t values = 1; /* one, and one more behind each comma, colon and opening bracket */
    for (const char *at = text; at < end;) {
        const char c = *at++;
        if (c == '"') {
            at = skip_string(at, end);
        } else if (c == '[' || c == '{') {
            depth++;
            values++;
        } else if (c == ']' || c == '}') {
            depth -= depth > 0;
        } else if (c == ',' || c == ':') {
            values++;
        }
        if (depth > depth_max)
            return ori_error_set(err, ORI_LIMIT, "%s: nested deeper than %zu levels", what,
                                 depth_max);
        if (values > values_max)
            return ori_error_set(err, ORI_LIMIT, "%s: more than %zu values", what, values_max);
    }
    return ORI_OK;
}
