/* One copy of the file is taken; names and values are cut out of it in place, since a value is
 * never longer than its spelling. */
#include "config/env_file.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util/fs.h"
#include "util/limits.h"
#include "util/text.h"

/* What a line is read with. text is its rest, NUL behind it. */
struct line {
    const char *path;
    int number;
    char *text;
    struct ori_error *err;
};

static ori_status refuse(const struct line *line, const char *what)
{
    return ori_error_set(line->err, ORI_BAD_SETTING, "%s:%d: %s", line->path, line->number, what);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static char *skip_blanks(char *text)
{
    while (is_blank(*text))
        text++;
    return text;
}

static void drop_blanks_behind(char *text)
{
    size_t bytes = strlen(text);
    while (bytes > 0 && is_blank(text[bytes - 1]))
        bytes--;
    text[bytes] = '\0';
}

static bool is_name_char(char c, bool is_first)
{
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    return is_letter || (!is_first && c >= '0' && c <= '9');
}

/* The byte that backslash and c stand for inside this quote; 0 when they stand for themselves. */
static char unescape(char quote, char c)
{
    if (c == quote || c == '\\')
        return c;
    if (quote == '\'')
        return '\0';
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case '$':
        return '$';
    default:
        return '\0';
    }
}

/* line->text is behind the opening quote, and becomes what is behind the closing one. */
static ori_status cut_quoted(struct line *line, char quote, char **ret_value)
{
    char *from = line->text;
    char *to = line->text;
    *ret_value = to;
    while (*from && *from != quote) {
        char meant = *from == '\\' ? unescape(quote, from[1]) : '\0';
        if (meant) {
            *to++ = meant;
            from += 2;
        } else {
            *to++ = *from++;
        }
    }
    if (*from == '\0')
        return refuse(line, "a quote is not closed on its line");
    line->text = skip_blanks(from + 1);
    *to = '\0';
    if (*line->text && *line->text != '#')
        return refuse(line, "only a comment may follow the closing quote");
    return ORI_OK;
}

static void cut_bare(struct line *line, char **ret_value)
{
    char *value = line->text;
    for (char *c = value; *c; c++) {
        if (*c == '#' && (c == value || is_blank(c[-1]))) {
            *c = '\0';
            break;
        }
    }
    drop_blanks_behind(value);
    *ret_value = value;
}

/* ret_row->name stays NULL for a line without a variable. */
static ori_status cut_line(struct line *line, struct ori_env_row *ret_row)
{
    char *text = skip_blanks(line->text);
    if (*text == '\0' || *text == '#')
        return ORI_OK;
    if (strncmp(text, "export", 6) == 0 && is_blank(text[6]))
        text = skip_blanks(text + 6);
    char *name = text;
    while (is_name_char(*text, text == name))
        text++;
    char *name_end = text;
    text = skip_blanks(text);
    if (name_end == name || *text != '=')
        return refuse(line, "expected NAME=value");
    *name_end = '\0';
    line->text = skip_blanks(text + 1);

    char *value = NULL;
    ori_status status = ORI_OK;
    if (*line->text == '"' || *line->text == '\'') {
        char quote = *line->text++;
        status = cut_quoted(line, quote, &value);
    } else {
        cut_bare(line, &value);
    }
    if (status != ORI_OK)
        return status;
    if (strlen(value) > ORI_LIMIT_MAX_SETTING_BYTES)
        return refuse(line, "the value is too long");
    *ret_row = (struct ori_env_row){.name = name, .value = value, .line = line->number};
    return ORI_OK;
}

/* Cuts the next line off *rest, its CR too; *rest is NULL after the last. */
static ori_status next_line(struct line *line, char **rest)
{
    char *text = *rest;
    size_t bytes = strcspn(text, "\n");
    *rest = text[bytes] == '\n' ? text + bytes + 1 : NULL;
    text[bytes] = '\0';
    line->number++;
    line->text = text;
    if (bytes > ORI_LIMIT_MAX_ENV_LINE_BYTES)
        return refuse(line, "the line is too long");
    if (bytes > 0 && text[bytes - 1] == '\r')
        text[bytes - 1] = '\0';
    return ORI_OK;
}

static ori_status parse_lines(struct line *line, char *rest, struct ori_env_file *file)
{
    ori_status status = ORI_OK;
    while (rest && status == ORI_OK) {
        struct ori_env_row row = {0};
        status = next_line(line, &rest);
        if (status == ORI_OK)
            status = cut_line(line, &row);
        if (status != ORI_OK || !row.name)
            continue;
        if (file->count == ORI_LIMIT_MAX_ENV_FILE_ROWS)
            return refuse(line, "too many variables");
        file->rows[file->count++] = row;
    }
    return status;
}

/* What no line may hold, looked for in one place: the line number is that of the first. */
static ori_status check_bytes(struct line *line, const char *data, size_t bytes)
{
    line->number = 1;
    for (size_t i = 0; i < bytes;) {
        size_t step = ori_text_utf8_step(data + i, bytes - i);
        if (step == 0)
            return refuse(line, "not UTF-8");
        if (data[i] == '\0')
            return refuse(line, "a NUL byte");
        line->number += data[i] == '\n';
        i += step;
    }
    line->number = 0;
    return ORI_OK;
}

ori_status ori_env_file_parse(const char *path, const char *data, size_t bytes,
                              struct ori_env_file *ret_file, struct ori_error *err)
{
    struct line line = {.path = path, .err = err};
    struct ori_env_file file = {0};
    ori_status status = ORI_OK;
    if (bytes >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0) {
        data += 3;
        bytes -= 3;
    }
    if (bytes > ORI_LIMIT_MAX_ENV_FILE_BYTES) {
        status = ori_error_set(err, ORI_BAD_SETTING, "%s: more than %d bytes", path,
                               ORI_LIMIT_MAX_ENV_FILE_BYTES);
        goto out;
    }
    status = check_bytes(&line, data, bytes);
    if (status != ORI_OK)
        goto out;
    file.texts = strndup(data, bytes);
    file.rows = calloc(ORI_LIMIT_MAX_ENV_FILE_ROWS, sizeof file.rows[0]);
    if (!file.texts || !file.rows) {
        status = ori_error_set(err, ORI_NOMEM, "%s", path);
        goto out;
    }
    status = parse_lines(&line, file.texts, &file);
    if (status != ORI_OK)
        goto out;
    *ret_file = file;
    file = (struct ori_env_file){0};
out:
    ori_env_file_deinit(&file);
    return status;
}

ori_status ori_env_file_read(const char *path, struct ori_env_file *ret_file, struct ori_error *err)
{
    char *data = NULL;
    size_t bytes = 0;
    struct ori_error cause = {0};
    ori_status status =
        ori_fs_read_file(AT_FDCWD, path, ORI_LIMIT_MAX_ENV_FILE_BYTES + 3, &data, &bytes, &cause);
    if (status == ORI_NOT_FOUND) {
        *ret_file = (struct ori_env_file){0};
        return ORI_OK;
    }
    if (status != ORI_OK)
        return ori_error_set(err, status, "%s", cause.text);
    status = ori_env_file_parse(path, data, bytes, ret_file, err);
    free(data);
    return status;
}

void ori_env_file_deinit(struct ori_env_file *file)
{
    if (!file)
        return;
    free(file->rows);
    free(file->texts);
    *file = (struct ori_env_file){0};
}
