#include "embed/model_json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/fs.h"

/* Past the closing quote, or to the end: what does not close is the parser's to refuse. */
static const char *skip_string(const char *at, const char *end)
{
    while (at < end && *at != '"')
        at += *at == '\\' ? 2 : 1;
    return at < end ? at + 1 : end;
}

/* jansson builds a value for each it meets, by recursion: how many and how deep is known before. */
static ori_status check_bounds(const char *file, const char *text, size_t bytes,
                               const struct ori_model_json_bounds *bounds, struct ori_error *err)
{
    const char *end = text + bytes;
    size_t depth = 0;
    size_t values = 1; /* one, and one more behind each comma, colon and opening bracket */
    for (const char *at = text; at < end;) {
        char c = *at++;
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
        if (depth > bounds->depth_max)
            return ori_error_set(err, ORI_LIMIT, "%s: nested deeper than %zu levels", file,
                                 bounds->depth_max);
        if (values > bounds->values_max)
            return ori_error_set(err, ORI_LIMIT, "%s: more than %zu values", file,
                                 bounds->values_max);
    }
    return ORI_OK;
}

ori_status ori_model_json_parse(const char *file, const char *text, size_t bytes,
                                const struct ori_model_json_bounds *bounds, json_t **ret_root,
                                struct ori_error *err)
{
    ORI_ASSERT(file && text && bounds && ret_root);
    ori_status status = check_bounds(file, text, bytes, bounds, err);
    if (status != ORI_OK)
        return status;
    json_error_t fault;
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &fault);
    if (!root) {
        if (json_error_code(&fault) == json_error_out_of_memory)
            return ori_error_set(err, ORI_NOMEM, "%s", file);
        return ori_error_set(err, ORI_BAD_MODEL, "%s: not JSON: %s (byte %d)", file, fault.text,
                             fault.position);
    }
    if (!json_is_object(root)) {
        json_decref(root);
        return ori_error_set(err, ORI_BAD_MODEL, "%s: not a JSON object", file);
    }
    *ret_root = root;
    return ORI_OK;
}

ori_status ori_model_json_read(int dir_fd, const char *file, size_t bytes_max,
                               const struct ori_model_json_bounds *bounds, json_t **ret_root,
                               struct ori_error *err)
{
    char *text = NULL;
    size_t bytes = 0;
    ori_status status = ori_fs_read_file(dir_fd, file, bytes_max, &text, &bytes, err);
    if (status == ORI_OK)
        status = ori_model_json_parse(file, text, bytes, bounds, ret_root, err);
    free(text);
    return status;
}

struct ori_model_json_reader ori_model_json_section(struct ori_model_json_reader *reader,
                                                    const char *key, const char *section)
{
    const json_t *value = ori_model_json_get(reader, key);
    if (value && !json_is_object(value)) {
        ori_model_json_refuse(reader, ORI_BAD_MODEL, "%s is not an object", key);
        value = NULL;
    }
    return (struct ori_model_json_reader){.file = reader->file,
                                          .section = section,
                                          .object = value,
                                          .err = reader->err,
                                          .status = reader->status};
}

void ori_model_json_join(struct ori_model_json_reader *reader,
                         const struct ori_model_json_reader *section)
{
    if (reader->status == ORI_OK)
        reader->status = section->status;
}

const json_t *ori_model_json_get(const struct ori_model_json_reader *reader, const char *key)
{
    const json_t *value = json_object_get(reader->object, key);
    return json_is_null(value) ? NULL : value;
}

void ori_model_json_refuse(struct ori_model_json_reader *reader, ori_status status,
                           const char *format, ...)
{
    if (reader->status != ORI_OK)
        return;
    char text[ORI_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    reader->status =
        ori_error_set(reader->err, status, "%s: %s%s", reader->file, reader->section, text);
}

int ori_model_json_int(struct ori_model_json_reader *reader, const char *key, int fallback, int min,
                       int max)
{
    const json_t *value = ori_model_json_get(reader, key);
    if (!value)
        return fallback;
    if (!json_is_integer(value)) {
        ori_model_json_refuse(reader, ORI_BAD_MODEL, "%s is not a whole number", key);
        return fallback;
    }
    json_int_t number = json_integer_value(value);
    if (number < min || number > max) {
        ori_model_json_refuse(reader, number < min ? ORI_BAD_MODEL : ORI_LIMIT,
                              "%s is %" JSON_INTEGER_FORMAT "; it may be %d to %d", key, number,
                              min, max);
        return fallback;
    }
    return (int)number;
}

double ori_model_json_real(struct ori_model_json_reader *reader, const char *key, double fallback,
                           double min, double max)
{
    const json_t *value = ori_model_json_get(reader, key);
    if (!value)
        return fallback;
    double number = json_number_value(value);
    if (!json_is_number(value) || !isfinite(number) || !(number > min) || !(number <= max)) {
        ori_model_json_refuse(reader, ORI_BAD_MODEL, "%s is not a number above %g and not above %g",
                              key, min, max);
        return fallback;
    }
    return number;
}

bool ori_model_json_bool(struct ori_model_json_reader *reader, const char *key, bool fallback)
{
    const json_t *value = ori_model_json_get(reader, key);
    if (!value)
        return fallback;
    if (!json_is_boolean(value)) {
        ori_model_json_refuse(reader, ORI_BAD_MODEL, "%s is neither true nor false", key);
        return fallback;
    }
    return json_is_true(value);
}

const char *ori_model_json_text(struct ori_model_json_reader *reader, const char *key,
                                const char *fallback)
{
    const json_t *value = ori_model_json_get(reader, key);
    if (!value)
        return fallback;
    if (!json_is_string(value)) {
        ori_model_json_refuse(reader, ORI_BAD_MODEL, "%s is not a text", key);
        return fallback;
    }
    return json_string_value(value);
}
