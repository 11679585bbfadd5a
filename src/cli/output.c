#include "cli/output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/manifest_json.h"

/* A pipe that polls as writable takes PIPE_BUF bytes without blocking: POSIX, write(). */
#define PIECE_BYTES PIPE_BUF

ori_status ori_output_write(const char *data, size_t bytes, const struct ori_cancel *cancel,
                            struct ori_error *err)
{
    if (fflush(stdout) != 0)
        return ori_error_set_errno(err, errno, true, "standard output");
    while (bytes > 0) {
        struct pollfd fds[2] = {{.fd = STDOUT_FILENO, .events = POLLOUT},
                                {.fd = cancel ? cancel->fd : -1, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return ori_error_set_errno(err, errno, true, "standard output");
        if (!fds[0].revents) {
            if (ori_cancel_is_set(cancel))
                return ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
            continue;
        }
        ssize_t put = write(STDOUT_FILENO, data, bytes < PIECE_BYTES ? bytes : PIECE_BYTES);
        if (put < 0 && errno != EINTR && errno != EAGAIN)
            return ori_error_set_errno(err, errno, true, "standard output");
        if (put > 0) {
            data += put;
            bytes -= (size_t)put;
        }
    }
    return ORI_OK;
}

ori_status ori_output_page(const struct ori_buf *page, const struct ori_cancel *cancel,
                           struct ori_error *err)
{
    ori_status status = ori_buf_finish(page, "page", err);
    return status == ORI_OK ? ori_output_write(ori_buf_text(page), page->used, cancel, err)
                            : status;
}

ori_status ori_output_json(json_t *json, const struct ori_cancel *cancel, struct ori_error *err)
{
    char *text = json ? json_dumps(json, ORI_JSON_FLAGS) : NULL;
    json_decref(json);
    if (!text)
        return ori_error_set(err, ORI_NOMEM, "answer as JSON");
    ori_status status = ori_output_write(text, strlen(text), cancel, err);
    if (status == ORI_OK)
        status = ori_output_write("\n", 1, cancel, err);
    free(text);
    return status;
}
