/* Decoding happens in place, in the copy: what is decoded is never longer than what was sent. */
#include "http/uri.h"

#include <stdbool.h>
#include <string.h>

#include "util/text.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Decodes [from, end) to *to, which moves on. */
static bool decode(const char *from, const char *end, bool is_query, char **to)
{
    char *out = *to;
    while (from < end) {
        char c = *from++;
        if (c == '%') {
            int high = end - from >= 2 ? hex_value(from[0]) : -1;
            int low = high >= 0 ? hex_value(from[1]) : -1;
            if (low < 0)
                return false;
            from += 2;
            c = (char)(high << 4 | low);
            if (c == '\0' || (!is_query && c == '/'))
                return false;
        } else if (c == '+' && is_query) {
            c = ' ';
        }
        if (!is_query && c == '\\') /* some readers take it for a slash */
            return false;
        *out++ = c;
    }
    bool is_legal = ori_text_is_utf8(*to, (size_t)(out - *to));
    *to = out;
    return is_legal;
}

static bool has_dot_segment(const char *path)
{
    for (const char *at = path; at; at = strchr(at, '/')) {
        at++; /* past the slash */
        size_t bytes = strcspn(at, "/");
        if ((bytes == 1 && at[0] == '.') || (bytes == 2 && at[0] == '.' && at[1] == '.'))
            return true;
    }
    return false;
}

static ori_status parse_path(struct ori_uri *uri, const char *end, struct ori_error *err)
{
    char *out = uri->text;
    if (uri->text[0] != '/')
        return ori_error_set(err, ORI_USAGE, "the path does not begin with a slash");
    if (!decode(uri->text, end, false, &out))
        return ori_error_set(err, ORI_USAGE, "the path is not well encoded");
    *out = '\0';
    if (ori_text_has_control(uri->text))
        return ori_error_set(err, ORI_USAGE, "the path has control characters");
    if (has_dot_segment(uri->text))
        return ori_error_set(err, ORI_USAGE, "the path has a segment \".\" or \"..\"");
    uri->path = uri->text;
    return ORI_OK;
}

/* [from, end): one name=value. Both are decoded to where they stand. */
static ori_status parse_parameter(struct ori_uri *uri, char *from, char *end, struct ori_error *err)
{
    if (uri->query_count == ORI_LIMIT_MAX_QUERY_PARAMETERS)
        return ori_error_set(err, ORI_LIMIT, "the query has more than %d parameters",
                             ORI_LIMIT_MAX_QUERY_PARAMETERS);
    struct ori_uri_parameter *parameter = &uri->query[uri->query_count];
    char *equals = memchr(from, '=', (size_t)(end - from));
    char *name_out = from;
    char *value = equals ? equals + 1 : end;
    char *value_out = value;
    if (!decode(from, equals ? equals : end, true, &name_out) ||
        !decode(value, end, true, &value_out))
        return ori_error_set(err, ORI_USAGE, "the query is not well encoded");
    *name_out = '\0';
    *value_out = '\0';
    parameter->name = from;
    parameter->value = value;
    uri->query_count++;
    return ORI_OK;
}

static ori_status parse_query(struct ori_uri *uri, char *query, struct ori_error *err)
{
    char *end = query + strlen(query);
    char *next = NULL;
    for (char *from = query; from < end; from = next) {
        char *split = memchr(from, '&', (size_t)(end - from));
        next = split ? split + 1 : end;
        char *stop = split ? split : end;
        if (stop == from)
            continue;
        ori_status status = parse_parameter(uri, from, stop, err);
        if (status != ORI_OK)
            return status;
    }
    return ORI_OK;
}

ori_status ori_uri_parse(const char *target, struct ori_uri *ret_uri, struct ori_error *err)
{
    ORI_ASSERT(target && ret_uri);
    ret_uri->path = NULL;
    ret_uri->query_count = 0;
    size_t bytes = strnlen(target, sizeof ret_uri->text);
    if (bytes == sizeof ret_uri->text)
        return ori_error_set(err, ORI_LIMIT, "the URL is longer than %d bytes",
                             ORI_LIMIT_MAX_REQUEST_URL_BYTES);
    memcpy(ret_uri->text, target, bytes + 1);
    if (ori_text_has_control(ret_uri->text) || strpbrk(ret_uri->text, "# "))
        return ori_error_set(err, ORI_USAGE, "the URL has characters that must be encoded");
    char *query = strchr(ret_uri->text, '?');
    char *end = query ? query : ret_uri->text + bytes;
    /* the path is decoded first: its NUL lands on the '?' or before it */
    ori_status status = parse_path(ret_uri, end, err);
    if (status == ORI_OK && query)
        status = parse_query(ret_uri, query + 1, err);
    return status;
}

const char *ori_uri_query(const struct ori_uri *uri, const char *name)
{
    for (size_t i = 0; i < uri->query_count; i++) {
        if (strcmp(uri->query[i].name, name) == 0)
            return uri->query[i].value;
    }
    return NULL;
}
