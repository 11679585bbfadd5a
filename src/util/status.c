#include "util/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/utf8.h"

struct row {
    const char *code;
    const char *text;
    int http;
    bool is_retryable;
};

static const struct row rows[ORI_STATUS_COUNT] = {
#define ORI_STATUS_ROW(name, code, http, retryable, text)                                          \
    [ORI_##name] = {(code), (text), (http), (retryable)},
#include "util/status_tbl.h"
#undef ORI_STATUS_ROW
};

static const struct row *row_of(ori_status status)
{
    if ((unsigned)status >= ORI_STATUS_COUNT)
        return &rows[ORI_INTERNAL];
    return &rows[status];
}

const char *ori_status_code(ori_status status)
{
    return row_of(status)->code;
}

const char *ori_status_text(ori_status status)
{
    return row_of(status)->text;
}

int ori_status_http(ori_status status)
{
    return row_of(status)->http;
}

bool ori_status_is_retryable(ori_status status)
{
    return row_of(status)->is_retryable;
}

ori_status ori_status_from_code(const char *code)
{
    for (int i = 0; i < ORI_STATUS_COUNT; i++) {
        if (strcmp(rows[i].code, code) == 0)
            return (ori_status)i;
    }
    return ORI_INTERNAL;
}

/* A text cut at its maximum may end inside a UTF-8 sequence: take the torn bytes away. */
static void trim_torn_utf8(char *text)
{
    size_t end = strlen(text);
    size_t start = end;
    while (start > 0 && end - start < 4 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (need > 1 && end - (start - 1) < need)
        text[start - 1] = '\0';
}

__attribute__((format(printf, 2, 0))) static void set_text(struct ori_error *err,
                                                           const char *format, va_list args)
{
    vsnprintf(err->text, sizeof err->text, format, args);
    trim_torn_utf8(err->text);
    ori_utf8_clean(err->text); /* one line that steers no terminal, whatever a file name holds */
}

ori_status ori_error_set(struct ori_error *err, ori_status status, const char *format, ...)
{
    if (!err || err->status != ORI_OK)
        return status;
    va_list args;
    va_start(args, format);
    set_text(err, format, args);
    va_end(args);
    err->status = status;
    return status;
}

static ori_status status_of_errno(int errnum, bool is_write)
{
    switch (errnum) {
    case ENOENT:
    case ENOTDIR:
        return is_write ? ORI_NOT_WRITABLE : ORI_NOT_FOUND;
    case EACCES:
    case EPERM:
        return is_write ? ORI_NOT_WRITABLE : ORI_NOT_READABLE;
    case EROFS:
    case EEXIST:
    case EISDIR:
        return is_write ? ORI_NOT_WRITABLE : ORI_IO;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ORI_DISK_FULL;
    case ENOMEM:
        return ORI_NOMEM;
    case ELOOP:
        return ORI_DIRECTORY_LOOP;
    default:
        return ORI_IO;
    }
}

ori_status ori_error_set_errno(struct ori_error *err, int errnum, bool is_write, const char *format,
                               ...)
{
    ori_status status = status_of_errno(errnum, is_write);
    if (!err || err->status != ORI_OK)
        return status;
    va_list args;
    va_start(args, format);
    set_text(err, format, args);
    va_end(args);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, ": %s", strerror(errnum));
    trim_torn_utf8(err->text);
    err->status = status;
    err->native = errnum;
    return status;
}

void ori_error_context(struct ori_error *err, const char *format, ...)
{
    if (!err || err->status == ORI_OK)
        return;
    char cause[ORI_ERROR_TEXT_MAX];
    memcpy(cause, err->text, sizeof cause);
    va_list args;
    va_start(args, format);
    set_text(err, format, args);
    va_end(args);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, ": %s", cause);
    trim_torn_utf8(err->text);
}

_Noreturn void ori_assert_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "oriane: assertion failed: %s (%s:%d)\n", condition, file, line);
    abort();
}
