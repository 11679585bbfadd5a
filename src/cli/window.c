#include "cli/window.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE_BYTES 65536

void ori_window_init(struct ori_window *window, int fd, size_t bytes_max, int64_t stream_max,
                     const struct ori_cancel *cancel)
{
    *window = (struct ori_window){
        .fd = fd, .cancel = cancel, .bytes_max = bytes_max, .stream_max = stream_max, .line = 1};
}

void ori_window_deinit(struct ori_window *window)
{
    free(window->data);
    window->data = NULL;
    window->begin = window->end = window->size = 0;
}

/* A pipe may give nothing for long: the token is looked at beside it. */
static ssize_t read_some(struct ori_window *window, char *data, size_t bytes)
{
    struct pollfd fds[2] = {{.fd = window->fd, .events = POLLIN},
                            {.fd = window->cancel ? window->cancel->fd : -1, .events = POLLIN}};
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return -1;
        if (ori_cancel_is_set(window->cancel)) {
            errno = ECANCELED;
            return -1;
        }
        if (!fds[0].revents)
            continue;
        ssize_t got = read(window->fd, data, bytes);
        if (got >= 0 || (errno != EINTR && errno != EAGAIN))
            return got;
    }
}

static ori_status make_room(struct ori_window *window)
{
    if (!window->data) {
        window->size = window->bytes_max + PIECE_BYTES;
        window->data = malloc(window->size);
        if (!window->data)
            return ori_error_set(&window->err, ORI_NOMEM, "list of videos");
    }
    if (window->size - window->end < PIECE_BYTES) {
        memmove(window->data, window->data + window->begin, window->end - window->begin);
        window->end -= window->begin;
        window->begin = 0;
    }
    return ORI_OK;
}

static ori_status read_piece(struct ori_window *window)
{
    ori_status status = make_room(window);
    if (status != ORI_OK)
        return status;
    ssize_t got = read_some(window, window->data + window->end, window->size - window->end);
    if (got < 0 && errno == ECANCELED)
        return ori_error_set(&window->err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
    if (got < 0)
        return ori_error_set_errno(&window->err, errno, false, "it cannot be read");
    window->is_at_end = got == 0;
    window->end += (size_t)got;
    window->bytes_read += got;
    if (window->bytes_read > window->stream_max)
        return ori_error_set(&window->err, ORI_LIMIT, "longer than %lld bytes",
                             (long long)window->stream_max);
    return ORI_OK;
}

int ori_window_fetch(struct ori_window *window, size_t ahead)
{
    if (ahead >= window->bytes_max)
        return ORI_WINDOW_FULL;
    while (window->status == ORI_OK && !window->is_at_end && ahead >= window->end - window->begin)
        window->status = read_piece(window);
    if (window->status != ORI_OK)
        return ORI_WINDOW_FAILED;
    if (ahead >= window->end - window->begin)
        return ORI_WINDOW_END;
    return (unsigned char)window->data[window->begin + ahead];
}

void ori_window_skip(struct ori_window *window, size_t bytes)
{
    ORI_ASSERT(bytes <= window->end - window->begin);
    const char *at = window->data + window->begin;
    const char *end = at + bytes;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
        window->line++;
        at++;
    }
    window->begin += bytes;
}

void ori_window_skip_line(struct ori_window *window)
{
    for (;;) {
        const size_t there = window->end - window->begin;
        const char *end = there > 0 ? memchr(window->data + window->begin, '\n', there) : NULL;
        if (end) {
            ori_window_skip(window, (size_t)(end - window->data) - window->begin + 1);
            return;
        }
        if (there > 0)
            ori_window_skip(window, there);
        if (ori_window_fetch(window, 0) < 0)
            return;
    }
}
