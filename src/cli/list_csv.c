/* A list in CSV: RFC 4180, with what spreadsheets make of it. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "cli/list_priv.h"

#define COLUMNS_MAX 1000 /* of a header; those behind are not looked at */

/* The bytes of the record that begins at the window's next byte, its line end left out, and what
 * came there: '\n' or a negative. A quote opens a field at its beginning alone. */
static int find_record(struct ori_window *window, int separator, size_t *ret_bytes,
                       bool *ret_is_quoted)
{
    bool is_quoted = false;
    bool is_at_start = true;
    size_t bytes = 0;
    int c = 0;
    for (; (c = ori_window_at(window, bytes)) >= 0; bytes++) {
        if (is_quoted) {
            if (c == '"' && ori_window_at(window, bytes + 1) == '"')
                bytes++;
            else if (c == '"')
                is_quoted = false;
        } else if (c == '"' && is_at_start) {
            is_quoted = true;
            is_at_start = false;
        } else if (c == '\n') {
            break;
        } else {
            is_at_start = c == separator;
        }
    }
    *ret_bytes = bytes;
    *ret_is_quoted = is_quoted;
    return c;
}

/* The next field of a record, its quotes still there; false behind the last one. */
static bool next_field(struct ori_list_text *rest, int separator, struct ori_list_text *ret_field)
{
    const char *data = rest->data;
    size_t bytes = 0;
    if (!data)
        return false;
    if (rest->bytes > 0 && data[0] == '"') {
        for (bytes = 1; bytes < rest->bytes; bytes++) {
            if (data[bytes] != '"')
                continue;
            if (bytes + 1 == rest->bytes || data[bytes + 1] != '"')
                break;
            bytes++;
        }
    }
    while (bytes < rest->bytes && data[bytes] != separator)
        bytes++;
    *ret_field = (struct ori_list_text){data, bytes};
    if (bytes < rest->bytes)
        *rest = (struct ori_list_text){data + bytes + 1, rest->bytes - bytes - 1};
    else
        *rest = (struct ori_list_text){NULL, 0};
    return true;
}

/* Without its quotes and what is doubled in them: into scratch. False: text behind a closing one. */
static bool unquote(struct ori_list_text *field, char *scratch, size_t size)
{
    const bool is_quoted = field->bytes > 0 && field->data[0] == '"';
    const struct ori_list_text text = ori_list_trim(*field);
    size_t used = 0;
    size_t at = 1;
    *field = text;
    if (!is_quoted)
        return true;
    for (; at < text.bytes && used < size; at++) {
        const bool is_doubled = at + 1 < text.bytes && text.data[at + 1] == '"';
        if (text.data[at] == '"' && !is_doubled)
            break;
        at += text.data[at] == '"';
        scratch[used++] = text.data[at];
    }
    *field = ori_list_trim((struct ori_list_text){scratch, used});
    return at + 1 == text.bytes && text.data[at] == '"';
}

/* ---- the header ---- */

static bool is_word(struct ori_list_text field, const char *word)
{
    return field.bytes == strlen(word) && strncasecmp(field.data, word, field.bytes) == 0;
}

/* Which columns are ours. False unless platform and code are there once, and url at most once. */
static bool read_columns(struct ori_list *list, struct ori_list_text header)
{
    struct {
        const char *word;
        int *column;
    } wanted[] = {{"platform", &list->column_platform},
                  {"code", &list->column_code},
                  {"url", &list->column_url}};
    struct ori_list_text field;
    char scratch[16];
    list->column_platform = list->column_code = list->column_url = -1;
    for (int column = 0; column < COLUMNS_MAX && next_field(&header, list->separator, &field);
         column++) {
        if (!unquote(&field, scratch, sizeof scratch))
            continue;
        for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
            if (!is_word(field, wanted[i].word))
                continue;
            if (*wanted[i].column >= 0)
                return false;
            *wanted[i].column = column;
        }
    }
    return list->column_platform >= 0 && list->column_code >= 0;
}

bool ori_list_csv_begin(struct ori_list *list)
{
    static const unsigned char separators[] = {',', ';', '\t'};
    for (size_t i = 0; i < sizeof separators; i++) {
        size_t bytes = 0;
        bool is_quoted = false;
        list->separator = separators[i];
        const int c = find_record(&list->window, list->separator, &bytes, &is_quoted);
        const struct ori_list_text header = {ori_window_text(&list->window), bytes};
        if ((c == '\n' || c == ORI_WINDOW_END) && !is_quoted && read_columns(list, header))
            return true;
    }
    return false;
}

ori_status ori_list_csv_header(struct ori_list *list, struct ori_error *err)
{
    size_t bytes = 0;
    bool is_quoted = false;
    if (!ori_list_csv_begin(list))
        return ori_list_end(
            list, err, "expected a header that names platform and code, and perhaps url, once");
    const int c = find_record(&list->window, list->separator, &bytes, &is_quoted);
    ori_window_skip(&list->window, bytes + (c == '\n'));
    return ORI_OK;
}

/* ---- a record ---- */

static ori_status take_record(struct ori_list *list, struct ori_list_text record,
                              struct ori_list_row *ret_row, struct ori_error *err)
{
    /* One a wanted field; a value that is longer than its place is cut here and told there. */
    char scratch[3][ORI_LIMIT_MAX_URL_BYTES + 2];
    struct ori_list_text fields[3] = {{NULL, 0}, {NULL, 0}, {"", 0}};
    const int columns[3] = {list->column_platform, list->column_code, list->column_url};
    struct ori_list_text field;
    for (int column = 0; column < COLUMNS_MAX && next_field(&record, list->separator, &field);
         column++) {
        for (size_t i = 0; i < 3; i++) {
            if (column != columns[i])
                continue;
            fields[i] = field;
            if (!unquote(&fields[i], scratch[i], sizeof scratch[i]) &&
                fields[i].bytes < sizeof scratch[i])
                return ori_list_bad(list, err, "text behind a closing quote");
        }
    }
    if (!fields[0].data || !fields[1].data)
        return ori_list_bad(list, err, "fewer fields than the header has");
    return ori_list_take(list, fields[0], fields[1], fields[2], ret_row, err);
}

ori_status ori_list_csv_next(struct ori_list *list, struct ori_list_row *ret_row,
                             struct ori_error *err)
{
    struct ori_window *window = &list->window;
    for (;;) {
        size_t bytes = 0;
        bool is_quoted = false;
        list->line = window->line;
        const int c = find_record(window, list->separator, &bytes, &is_quoted);
        if (c == ORI_WINDOW_FAILED)
            return ori_list_end(list, err, "");
        if (c == ORI_WINDOW_FULL || is_quoted) {
            ori_window_skip_line(window); /* what follows may well be an entry again */
            return is_quoted ? ori_list_bad(list, err, "a quote that does not end")
                             : ori_list_bad(list, err, "longer than %d bytes",
                                            ORI_LIMIT_MAX_LIST_ENTRY_BYTES);
        }
        if (c == ORI_WINDOW_END && bytes == 0)
            return ORI_EOF;
        const struct ori_list_text record = {ori_window_text(window), bytes};
        ori_status status = ORI_AGAIN;
        if (ori_list_trim(record).bytes > 0)
            status = take_record(list, record, ret_row, err);
        ori_window_skip(window, bytes + (c == '\n'));
        if (status != ORI_AGAIN)
            return status;
    }
}
