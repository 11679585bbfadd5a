#include "cli/list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/list_priv.h"
#include "cli/remote_name.h"
#include "jobs/source.h"
#include "net/client.h"
#include "util/text.h"

/* ---- what all forms need ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

struct ori_list_text ori_list_trim(struct ori_list_text text)
{
    while (text.bytes > 0 && is_blank(text.data[0])) {
        text.data++;
        text.bytes--;
    }
    while (text.bytes > 0 && is_blank(text.data[text.bytes - 1]))
        text.bytes--;
    return text;
}

bool ori_list_copy(struct ori_list_text text, char *ret_text, size_t size)
{
    if (text.bytes >= size || (text.bytes > 0 && memchr(text.data, '\0', text.bytes)))
        return false;
    if (text.bytes > 0)
        memcpy(ret_text, text.data, text.bytes);
    ret_text[text.bytes] = '\0';
    return true;
}

ori_status ori_list_bad(const struct ori_list *list, struct ori_error *err, const char *format, ...)
{
    char text[ORI_ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return ori_error_set(err, ORI_USAGE, "line %lld: %s", (long long)list->line, text);
}

ori_status ori_list_end(const struct ori_list *list, struct ori_error *err, const char *what)
{
    if (list->window.status != ORI_OK) {
        *err = list->window.err;
        return list->window.status;
    }
    return ori_error_set(err, ORI_BAD_LIST, "line %lld: %s", (long long)list->window.line, what);
}

/* Whether the URL could be one. Where http leads a server may have its own rules: it judges them. */
static ori_status check_url(const char *url, struct ori_error *err)
{
    static const struct ori_source_rules any = {.is_local = false};
    if (!ori_remote_is_http(url))
        return ori_source_check_url(url, &any, err);
    if (!ori_text_is_utf8(url, strlen(url)))
        return ori_error_set(err, ORI_URL_REFUSED, "not UTF-8");
    return ori_net_check_url(url, false, NULL, err);
}

ori_status ori_list_check(const char *platform, const char *code, const char *url,
                          struct ori_error *err)
{
    struct ori_error cause = {0};
    if (!ori_text_is_code(platform))
        return ori_error_set(err, ORI_USAGE,
                             "the platform \"%.*s\" is not 1 to %d of A-Z a-z 0-9 . _ -, no dot "
                             "in front",
                             ORI_LIMIT_MAX_CODE_CHARS, platform, ORI_LIMIT_MAX_CODE_CHARS);
    if (!ori_text_is_code(code))
        return ori_error_set(err, ORI_USAGE,
                             "the code \"%.*s\" is not 1 to %d of A-Z a-z 0-9 . _ -, no dot in "
                             "front",
                             ORI_LIMIT_MAX_CODE_CHARS, code, ORI_LIMIT_MAX_CODE_CHARS);
    if (url[0] && check_url(url, &cause) != ORI_OK)
        return ori_error_set(err, ORI_USAGE, "the URL: %s", cause.text);
    return ORI_OK;
}

ori_status ori_list_take(const struct ori_list *list, struct ori_list_text platform,
                         struct ori_list_text code, struct ori_list_text url,
                         struct ori_list_row *ret_row, struct ori_error *err)
{
    struct ori_error cause = {0};
    ret_row->line = list->line;
    if (!ori_list_copy(platform, ret_row->platform, sizeof ret_row->platform))
        return ori_list_bad(list, err, "the platform is longer than %d characters, or has a NUL",
                            ORI_LIMIT_MAX_CODE_CHARS);
    if (!ori_list_copy(code, ret_row->code, sizeof ret_row->code))
        return ori_list_bad(list, err, "the code is longer than %d characters, or has a NUL",
                            ORI_LIMIT_MAX_CODE_CHARS);
    if (!ori_list_copy(url, ret_row->url, sizeof ret_row->url))
        return ori_list_bad(list, err, "the URL is longer than %d bytes, or has a NUL",
                            ORI_LIMIT_MAX_URL_BYTES);
    if (ori_list_check(ret_row->platform, ret_row->code, ret_row->url, &cause) != ORI_OK)
        return ori_list_bad(list, err, "%s", cause.text);
    return ORI_OK;
}

/* ---- text ---- */

static ori_status take_line(struct ori_list *list, struct ori_list_text line,
                            struct ori_list_row *ret_row, struct ori_error *err)
{
    const char *end = line.data + line.bytes;
    const char *slash = memchr(line.data, '/', line.bytes);
    const size_t names = slash ? (size_t)(slash - line.data) : line.bytes;
    if (memchr(line.data, ',', names) || memchr(line.data, ';', names) ||
        memchr(line.data, '\t', names))
        return ori_list_bad(list, err,
                            "expected platform/code, and perhaps a URL behind it; a list in CSV "
                            "begins with a line that names the columns platform, code and url");
    if (!slash)
        return ori_list_bad(list, err, "expected platform/code, and perhaps a URL behind it");
    const char *at = slash + 1;
    while (at < end && !is_blank(*at))
        at++;
    const struct ori_list_text platform = {line.data, (size_t)(slash - line.data)};
    const struct ori_list_text code = {slash + 1, (size_t)(at - slash - 1)};
    const struct ori_list_text url = {at, (size_t)(end - at)};
    return ori_list_take(list, platform, code, ori_list_trim(url), ret_row, err);
}

/* Up to the end of the line, which is not part of it. Negative: why there is none. */
static int find_line(struct ori_window *window, size_t *ret_bytes)
{
    size_t bytes = 0;
    int c = 0;
    while ((c = ori_window_at(window, bytes)) >= 0 && c != '\n')
        bytes++;
    *ret_bytes = bytes;
    return c;
}

static ori_status next_line(struct ori_list *list, struct ori_list_row *ret_row,
                            struct ori_error *err)
{
    struct ori_window *window = &list->window;
    for (;;) {
        size_t bytes = 0;
        list->line = window->line;
        const int c = find_line(window, &bytes);
        if (c == ORI_WINDOW_FAILED)
            return ori_list_end(list, err, "");
        if (c == ORI_WINDOW_END && bytes == 0)
            return ORI_EOF;
        if (c == ORI_WINDOW_FULL) {
            ori_window_skip_line(window);
            return ori_list_bad(list, err, "longer than %d bytes", ORI_LIMIT_MAX_LIST_ENTRY_BYTES);
        }
        const struct ori_list_text line =
            ori_list_trim((struct ori_list_text){ori_window_text(window), bytes});
        ori_status status = ORI_AGAIN;
        if (line.bytes > 0 && line.data[0] != '#')
            status = take_line(list, line, ret_row, err);
        ori_window_skip(window, bytes + (c == '\n'));
        if (status != ORI_AGAIN)
            return status;
    }
}

/* ---- the list ---- */

static void skip_bom(struct ori_window *window)
{
    if (ori_window_at(window, 0) == 0xEF && ori_window_at(window, 1) == 0xBB &&
        ori_window_at(window, 2) == 0xBF)
        ori_window_skip(window, 3);
}

/* By its first character that is no blank, or by a header. */
static enum ori_list_format look(struct ori_list *list)
{
    size_t at = 0;
    int c = 0;
    while ((c = ori_window_at(&list->window, at)) >= 0 && (is_blank((char)c) || c == '\n'))
        at++;
    if (c == '{' || c == '[')
        return ORI_LIST_JSON;
    return ori_list_csv_begin(list) ? ORI_LIST_CSV : ORI_LIST_TEXT;
}

static ori_status begin(struct ori_list *list, struct ori_error *err)
{
    skip_bom(&list->window);
    if (list->format == ORI_LIST_ANY)
        list->format = look(list);
    list->line = list->window.line;
    return list->format == ORI_LIST_CSV ? ori_list_csv_header(list, err) : ORI_OK;
}

ori_status ori_list_next(struct ori_list *list, struct ori_list_row *ret_row, struct ori_error *err)
{
    if (list->line == 0) {
        ori_status status = begin(list, err);
        if (status != ORI_OK)
            return status;
    }
    switch (list->format) {
    case ORI_LIST_CSV:
        return ori_list_csv_next(list, ret_row, err);
    case ORI_LIST_JSON:
        return ori_list_json_next(list, ret_row, err);
    case ORI_LIST_ANY:
    case ORI_LIST_TEXT:
        break;
    }
    return next_line(list, ret_row, err);
}

ori_status ori_list_open_fd(int fd, enum ori_list_format format, const struct ori_cancel *cancel,
                            struct ori_list **ret_list, struct ori_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return ori_error_set_errno(err, errno, false, "list of videos");
    if (S_ISDIR(st.st_mode))
        return ori_error_set(err, ORI_NOT_A_FILE,
                             "a folder: submit takes a list, run takes folders");
    if (S_ISREG(st.st_mode) && st.st_size > ORI_LIMIT_MAX_LIST_BYTES)
        return ori_error_set(err, ORI_LIMIT, "longer than %lld bytes",
                             (long long)ORI_LIMIT_MAX_LIST_BYTES);
    struct ori_list *list = calloc(1, sizeof *list);
    if (!list)
        return ori_error_set(err, ORI_NOMEM, "list of videos");
    list->format = format;
    list->fd_own = -1;
    list->bytes_total = S_ISREG(st.st_mode) ? st.st_size : 0;
    ori_window_init(&list->window, fd, ORI_LIMIT_MAX_LIST_ENTRY_BYTES + 1, ORI_LIMIT_MAX_LIST_BYTES,
                    cancel);
    *ret_list = list;
    return ORI_OK;
}

ori_status ori_list_open(const char *path, enum ori_list_format format,
                         const struct ori_cancel *cancel, struct ori_list **ret_list,
                         struct ori_error *err)
{
    if (strcmp(path, "-") == 0)
        return ori_list_open_fd(STDIN_FILENO, format, cancel, ret_list, err);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC); /* a FIFO does not hang */
    if (fd < 0)
        return ori_error_set_errno(err, errno, false, "cannot be opened");
    ori_status status = ori_list_open_fd(fd, format, cancel, ret_list, err);
    if (status == ORI_OK)
        (*ret_list)->fd_own = fd;
    else
        close(fd);
    return status;
}

void ori_list_close(struct ori_list **list)
{
    if (!list || !*list)
        return;
    ori_window_deinit(&(*list)->window);
    if ((*list)->fd_own >= 0)
        close((*list)->fd_own);
    free(*list);
    *list = NULL;
}

void ori_list_progress(const struct ori_list *list, int64_t *ret_bytes, int64_t *ret_bytes_total)
{
    const struct ori_window *window = &list->window;
    *ret_bytes = window->bytes_read - (int64_t)(window->end - window->begin);
    *ret_bytes_total = list->bytes_total;
}
