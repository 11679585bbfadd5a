#pragma once
/* util/buf.h: bytes that grow up to a maximum they are born with.
 * Call order  init; add at will; finish tells whether all of it went in; deinit
 * Ownership   the buf owns its bytes until ori_buf_take gives them to the caller
 * Failure     the first failed add is remembered and later ones do nothing, so a page is written
 *             without a check a line and asked once at its end: ORI_LIMIT or ORI_NOMEM
 * Threads     plain data; one thread at a time
 * Promise     a NUL stands behind the bytes, not counted in used nor in bytes_max */
#include <stddef.h>

#include "util/status.h"

struct ori_buf {
    char *data; /* NULL until the first add: ori_buf_text is never NULL */
    size_t used;
    size_t size;
    size_t bytes_max;
    ori_status status;
};

void ori_buf_init(struct ori_buf *buf, size_t bytes_max);
void ori_buf_deinit(struct ori_buf *buf); /* null-safe, idempotent */
void ori_buf_clear(struct ori_buf *buf);  /* empty and well again; the memory is kept */

void ori_buf_add(struct ori_buf *buf, const void *data, size_t bytes);
void ori_buf_add_text(struct ori_buf *buf, const char *text);
void ori_buf_printf(struct ori_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ORI_OK when every add went in; else what the first one met, what naming it in err. */
ori_status ori_buf_finish(const struct ori_buf *buf, const char *what, struct ori_error *err);
const char *ori_buf_text(const struct ori_buf *buf);
/* The bytes, malloc'ed, now the caller's; buf is empty again. NULL when memory ran out. */
char *ori_buf_take(struct ori_buf *buf, size_t *ret_bytes);
