/* A cursor over the body: boundary line, header lines, then the content up to the next boundary,
 * which memmem finds. Header parameters are read by one small scanner for both headers. */
#include "http/multipart.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/text.h"
#include "util/utf8.h"

struct cursor {
    const char *at;
    const char *end;
    const char *delimiter; /* "\r\n--boundary" */
    size_t delimiter_bytes;
};

static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return at;
}

/* One "; name=value" or "; name=\"value\"" at *at. A value that does not fit is a fault. */
static bool next_parameter(const char **at, const char *end, char name[32], char *value,
                           size_t value_size)
{
    const char *p = skip_blanks(*at, end);
    if (p == end || *p != ';')
        return false;
    p = skip_blanks(p + 1, end);
    size_t n = 0;
    for (; p < end && is_token_char(*p); p++) {
        if (n + 1 == 32)
            return false;
        name[n++] = *p;
    }
    name[n] = '\0';
    if (n == 0 || p == end || *p++ != '=')
        return false;
    bool is_quoted = p < end && *p == '"';
    p += is_quoted;
    size_t v = 0;
    for (; p < end && (is_quoted ? *p != '"' : is_token_char(*p)); p++) {
        /* browsers send "\" in a file name as it is, RFC 7578 section 4.2 and WHATWG; only \" and
         * \\ are escapes */
        if (is_quoted && *p == '\\' && end - p > 1 && (p[1] == '"' || p[1] == '\\'))
            p++;
        if (v + 1 == value_size)
            return false;
        value[v++] = *p;
    }
    value[v] = '\0';
    if (is_quoted && p == end)
        return false;
    *at = p + is_quoted;
    return is_quoted || v > 0;
}

/* RFC 2046: 1 to 70 of these, the last no blank */
static bool is_boundary(const char *text)
{
    size_t bytes = strlen(text);
    if (bytes == 0 || bytes > 70 || text[bytes - 1] == ' ')
        return false;
    for (size_t i = 0; i < bytes; i++) {
        char c = text[i];
        bool is_word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!is_word && !strchr("'()+_,-./:=? ", c))
            return false;
    }
    return true;
}

bool ori_form_boundary(const char *content_type, char ret_boundary[ORI_FORM_BOUNDARY_BYTES])
{
    static const char type[] = "multipart/form-data";
    if (!content_type || strncasecmp(content_type, type, sizeof type - 1) != 0)
        return false;
    const char *at = content_type + sizeof type - 1;
    const char *end = at + strlen(at);
    char name[32];
    char value[ORI_FORM_BOUNDARY_BYTES];
    bool is_found = false;
    while (next_parameter(&at, end, name, value, sizeof value)) {
        if (strcasecmp(name, "boundary") != 0)
            continue;
        if (is_found || !is_boundary(value))
            return false;
        memcpy(ret_boundary, value, sizeof value);
        is_found = true;
    }
    return is_found && skip_blanks(at, end) == end;
}

/* Cut at the last slash of either kind; no control characters; never "." or "..". */
static void clean_file_name(char *name)
{
    char *from = name;
    for (char *p = name; *p; p++) {
        if (*p == '/' || *p == '\\')
            from = p + 1;
    }
    memmove(name, from, strlen(from) + 1);
    ori_utf8_clean(name);
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        name[0] = '_';
}

static ori_status read_disposition(const char *at, const char *end, struct ori_form_part *part,
                                   bool *is_file, struct ori_error *err)
{
    static const char type[] = "form-data";
    if ((size_t)(end - at) < sizeof type - 1 || strncasecmp(at, type, sizeof type - 1) != 0)
        return ori_error_set(err, ORI_USAGE, "a part of the form is no form-data");
    at += sizeof type - 1;
    char name[32];
    char value[256];
    bool has_name = false;
    while (next_parameter(&at, end, name, value, sizeof value)) {
        if (strcasecmp(name, "name") == 0) {
            if (has_name || strlen(value) >= sizeof part->name)
                return ori_error_set(err, ORI_USAGE, "a part of the form has a bad name");
            memcpy(part->name, value, strlen(value) + 1);
            has_name = true;
        } else if (strcasecmp(name, "filename") == 0) {
            memcpy(part->file_name, value, sizeof value);
            clean_file_name(part->file_name);
            *is_file = true;
        }
    }
    if (!has_name || skip_blanks(at, end) != end ||
        !ori_text_is_utf8(part->name, strlen(part->name)))
        return ori_error_set(err, ORI_USAGE, "a part of the form has a bad Content-Disposition");
    return ORI_OK;
}

static bool starts_with(const char *at, const char *end, const char *name)
{
    size_t bytes = strlen(name);
    return (size_t)(end - at) > bytes && strncasecmp(at, name, bytes) == 0 && at[bytes] == ':';
}

static void copy_type(const char *at, const char *end, struct ori_form_part *part)
{
    size_t bytes = (size_t)(end - at);
    if (bytes >= sizeof part->content_type)
        bytes = sizeof part->content_type - 1;
    memcpy(part->content_type, at, bytes);
    part->content_type[bytes] = '\0';
    ori_utf8_clean(part->content_type);
}

/* One header line [at, end), its line end left out. */
static ori_status read_header(const char *at, const char *end, struct ori_form_part *part,
                              bool *has_disposition, bool *is_file, struct ori_error *err)
{
    for (const char *p = at; p < end; p++) {
        if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
            return ori_error_set(err, ORI_USAGE, "a header of a part has control characters");
    }
    if (starts_with(at, end, "content-disposition")) {
        if (*has_disposition)
            return ori_error_set(err, ORI_USAGE, "a part has two Content-Dispositions");
        *has_disposition = true;
        return read_disposition(skip_blanks(at + sizeof "content-disposition", end), end, part,
                                is_file, err);
    }
    if (starts_with(at, end, "content-type")) {
        copy_type(skip_blanks(at + sizeof "content-type", end), end, part);
        *is_file = true;
    }
    return ORI_OK; /* others mean nothing to a form, RFC 7578 section 4.8 */
}

static ori_status read_headers(struct cursor *cursor, struct ori_form_part *part, bool *is_file,
                               struct ori_error *err)
{
    const char *begin = cursor->at;
    bool has_disposition = false;
    for (;;) {
        size_t left = (size_t)(cursor->end - cursor->at);
        const char *line_end = memmem(cursor->at, left, "\r\n", 2);
        const char *seen_to = line_end ? line_end : cursor->end;
        if (seen_to - begin > ORI_LIMIT_MAX_FORM_HEADER_BYTES)
            return ori_error_set(err, ORI_LIMIT, "headers of a part are longer than %d bytes",
                                 ORI_LIMIT_MAX_FORM_HEADER_BYTES);
        if (!line_end)
            return ori_error_set(err, ORI_USAGE, "the headers of a part do not end");
        const char *line = cursor->at;
        cursor->at = line_end + 2;
        if (line == line_end)
            break;
        ori_status status = read_header(line, line_end, part, &has_disposition, is_file, err);
        if (status != ORI_OK)
            return status;
    }
    if (!has_disposition)
        return ori_error_set(err, ORI_USAGE, "a part of the form has no name");
    return ORI_OK;
}

/* Behind a boundary: "--" ends the form, a line end begins a part. */
static ori_status after_boundary(struct cursor *cursor, bool *ret_is_last, struct ori_error *err)
{
    size_t left = (size_t)(cursor->end - cursor->at);
    *ret_is_last = left >= 2 && memcmp(cursor->at, "--", 2) == 0;
    if (*ret_is_last) {
        for (const char *p = cursor->at + 2; p < cursor->end; p++) {
            if (!strchr(" \t\r\n", *p) || *p == '\0')
                return ori_error_set(err, ORI_USAGE, "something follows the end of the form");
        }
        return ORI_OK;
    }
    cursor->at = skip_blanks(cursor->at, cursor->end); /* RFC 2046: transport padding */
    if (cursor->end - cursor->at < 2 || memcmp(cursor->at, "\r\n", 2) != 0)
        return ori_error_set(err, ORI_USAGE, "a boundary of the form is not a line of its own");
    cursor->at += 2;
    return ORI_OK;
}

static ori_status keep_text(const char *data, struct ori_form_part *part, struct ori_error *err)
{
    size_t bytes = (size_t)part->bytes;
    if (bytes > ORI_LIMIT_MAX_FORM_TEXT_BYTES)
        return ori_error_set(err, ORI_LIMIT, "a field of the form is longer than %d bytes",
                             ORI_LIMIT_MAX_FORM_TEXT_BYTES);
    if (memchr(data, '\0', bytes) || !ori_text_is_utf8(data, bytes))
        return ori_error_set(err, ORI_USAGE, "a field of the form is not UTF-8");
    part->text = malloc(bytes + 1);
    if (!part->text)
        return ori_error_set(err, ORI_NOMEM, "form");
    memcpy(part->text, data, bytes);
    part->text[bytes] = '\0';
    return ORI_OK;
}

static ori_status read_part(const char *data, struct cursor *cursor, struct ori_form *form,
                            struct ori_error *err)
{
    if (form->count == ORI_LIMIT_MAX_FORM_PARTS)
        return ori_error_set(err, ORI_LIMIT, "the form has more than %d parts",
                             ORI_LIMIT_MAX_FORM_PARTS);
    struct ori_form_part *part = &form->parts[form->count];
    bool is_file = false;
    ori_status status = read_headers(cursor, part, &is_file, err);
    if (status != ORI_OK)
        return status;
    if (ori_form_find(form, part->name))
        return ori_error_set(err, ORI_USAGE, "a field of the form comes twice");
    /* where there is no content the delimiter may begin with the line end of the headers */
    const char *from = cursor->at - 2;
    const char *stop =
        memmem(from, (size_t)(cursor->end - from), cursor->delimiter, cursor->delimiter_bytes);
    if (!stop)
        return ori_error_set(err, ORI_USAGE, "the form ends before its last boundary");
    const char *at = cursor->at;
    part->offset = at - data;
    part->bytes = stop < at ? 0 : stop - at;
    cursor->at = stop + cursor->delimiter_bytes;
    form->count++;
    return is_file ? ORI_OK : keep_text(at, part, err);
}

ori_status ori_form_parse(const char *data, size_t bytes, const char *boundary,
                          struct ori_form *ret_form, struct ori_error *err)
{
    ORI_ASSERT(data && boundary && is_boundary(boundary));
    char delimiter[ORI_FORM_BOUNDARY_BYTES + 4] = "\r\n--";
    memcpy(delimiter + 4, boundary, strlen(boundary) + 1);
    struct cursor cursor = {data, data + bytes, delimiter, strlen(delimiter)};
    struct ori_form form = {0, calloc(ORI_LIMIT_MAX_FORM_PARTS, sizeof *form.parts)};
    ori_status status = ORI_OK;
    if (!form.parts) {
        status = ori_error_set(err, ORI_NOMEM, "form");
        goto out;
    }
    if (bytes < cursor.delimiter_bytes - 2 ||
        memcmp(data, delimiter + 2, cursor.delimiter_bytes - 2) != 0) {
        status = ori_error_set(err, ORI_USAGE, "the form does not begin with its boundary");
        goto out;
    }
    cursor.at += cursor.delimiter_bytes - 2;
    for (;;) {
        bool is_last = false;
        status = after_boundary(&cursor, &is_last, err);
        if (status != ORI_OK || is_last)
            break;
        status = read_part(data, &cursor, &form, err);
        if (status != ORI_OK)
            break;
    }
    if (status == ORI_OK) {
        *ret_form = form;
        memset(&form, 0, sizeof form);
    }
out:
    ori_form_deinit(&form);
    return status;
}

void ori_form_deinit(struct ori_form *form)
{
    if (!form)
        return;
    for (size_t i = 0; form->parts && i < ORI_LIMIT_MAX_FORM_PARTS; i++)
        free(form->parts[i].text);
    free(form->parts);
    memset(form, 0, sizeof *form);
}

const struct ori_form_part *ori_form_find(const struct ori_form *form, const char *name)
{
    for (size_t i = 0; i < form->count; i++) {
        if (strcmp(form->parts[i].name, name) == 0)
            return &form->parts[i];
    }
    return NULL;
}
