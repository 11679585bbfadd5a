#pragma once
/* cli/window.h: a stream of bytes, looked at from where it is read up to a limit ahead.
 * Call order  init; at, skip; deinit
 * Ownership   the descriptor and the token are borrowed
 * Memory      bytes_max and 64 KiB, however long the stream is
 * Failure     remembered: at gives ORI_WINDOW_FAILED from then on, status and err say why (IO,
 *             LIMIT, CANCELLED, NOMEM)
 * Cancel      noticed at once also while a pipe gives nothing
 * Threads     plain data; one thread at a time */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cancel.h"
#include "util/status.h"

enum {
    ORI_WINDOW_END = -1,    /* of the stream */
    ORI_WINDOW_FULL = -2,   /* farther ahead than bytes_max */
    ORI_WINDOW_FAILED = -3, /* it could not be read */
};

struct ori_window {
    int fd;
    const struct ori_cancel *cancel;
    size_t bytes_max;   /* of the look ahead */
    int64_t stream_max; /* bytes of the whole stream */
    char *data;
    size_t begin; /* of what was not skipped yet */
    size_t end;
    size_t size;
    bool is_at_end;
    int64_t bytes_read;
    int64_t line; /* of begin; from 1 */
    ori_status status;
    struct ori_error err;
};

void ori_window_init(struct ori_window *window, int fd, size_t bytes_max, int64_t stream_max,
                     const struct ori_cancel *cancel);
void ori_window_deinit(struct ori_window *window); /* idempotent */

/* Reads on until the byte is there: 0..255 or one of the negative. For ori_window_at alone. */
int ori_window_fetch(struct ori_window *window, size_t ahead);

/* The byte so far ahead, 0 for the next one. */
static inline int ori_window_at(struct ori_window *window, size_t ahead)
{
    if (ahead < window->end - window->begin && ahead < window->bytes_max)
        return (unsigned char)window->data[window->begin + ahead];
    return ori_window_fetch(window, ahead);
}
/* What at has given, from the next byte on; until the next at or skip. */
static inline const char *ori_window_text(const struct ori_window *window)
{
    return window->data ? window->data + window->begin : "";
}
/* bytes: that at has given. */
void ori_window_skip(struct ori_window *window, size_t bytes);
/* Past the next end of a line, however far that is. */
void ori_window_skip_line(struct ori_window *window);
