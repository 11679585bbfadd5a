#include "util/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/size.h"

#define BYTES_FIRST 256 /* most texts fit; doubled from there */

/* Makes room for bytes more and the NUL. */
static bool reserve(struct ori_buf *buf, size_t bytes)
{
    size_t need = 0;
    if (buf->status != ORI_OK)
        return false;
    if (bytes > buf->bytes_max - buf->used || !ori_size_add(buf->used + 1, bytes, &need)) {
        buf->status = ORI_LIMIT;
        return false;
    }
    if (need <= buf->size)
        return true;
    size_t size = buf->size ? buf->size : BYTES_FIRST;
    while (size < need && size <= SIZE_MAX / 2)
        size *= 2;
    if (size < need)
        size = need;
    char *data = realloc(buf->data, size);
    if (!data) {
        buf->status = ORI_NOMEM;
        return false;
    }
    buf->data = data;
    buf->size = size;
    return true;
}

void ori_buf_init(struct ori_buf *buf, size_t bytes_max)
{
    *buf = (struct ori_buf){.bytes_max = bytes_max};
}

void ori_buf_deinit(struct ori_buf *buf)
{
    if (!buf)
        return;
    free(buf->data);
    ori_buf_init(buf, buf->bytes_max);
}

void ori_buf_clear(struct ori_buf *buf)
{
    buf->used = 0;
    buf->status = ORI_OK;
    if (buf->data)
        buf->data[0] = '\0';
}

void ori_buf_add(struct ori_buf *buf, const void *data, size_t bytes)
{
    if (!reserve(buf, bytes))
        return;
    if (bytes > 0)
        memcpy(buf->data + buf->used, data, bytes);
    buf->used += bytes;
    buf->data[buf->used] = '\0';
}

void ori_buf_add_text(struct ori_buf *buf, const char *text)
{
    ori_buf_add(buf, text, strlen(text));
}

void ori_buf_printf(struct ori_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int bytes = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (bytes < 0) { /* only a broken format or locale: our own mistake */
        buf->status = buf->status == ORI_OK ? ORI_INTERNAL : buf->status;
        return;
    }
    if (!reserve(buf, (size_t)bytes))
        return;
    va_start(args, format);
    vsnprintf(buf->data + buf->used, (size_t)bytes + 1, format, args);
    va_end(args);
    buf->used += (size_t)bytes;
}

ori_status ori_buf_finish(const struct ori_buf *buf, const char *what, struct ori_error *err)
{
    if (buf->status == ORI_OK)
        return ORI_OK;
    if (buf->status == ORI_LIMIT)
        return ori_error_set(err, ORI_LIMIT, "%s: more than %zu bytes", what, buf->bytes_max);
    return ori_error_set(err, buf->status, "%s", what);
}

const char *ori_buf_text(const struct ori_buf *buf)
{
    return buf->data ? buf->data : "";
}

char *ori_buf_take(struct ori_buf *buf, size_t *ret_bytes)
{
    char *data = buf->data ? buf->data : calloc(1, 1);
    if (data && ret_bytes)
        *ret_bytes = buf->used;
    buf->data = NULL;
    ori_buf_init(buf, buf->bytes_max);
    return data;
}
