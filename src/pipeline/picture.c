#include "pipeline/picture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "media/child.h"
#include "pipeline/medium.h"
#include "pipeline/options.h"
#include "util/clock.h"
#include "util/limits.h"

#define REAP_GRACE_MS 150
#define MESSAGES_A_ROUND 64 /* before cancel and deadline are looked at again */

/* What a child has made of the picture. */
struct taken {
    uint8_t *data;
    size_t bytes;
};

/* The first bytes of slot 0; message checks have seen to it that they are inside. */
static ori_status take_bytes(const struct ori_child *child, uint64_t bytes, struct taken *taken,
                             struct ori_error *err)
{
    uint8_t *data = malloc(bytes);
    if (!data)
        return ori_error_set(err, ORI_NOMEM, "one picture");
    memcpy(data, ori_child_slot(child, 0), bytes);
    free(taken->data);
    taken->data = data;
    taken->bytes = bytes;
    return ORI_OK;
}

static ori_status take_message(struct ori_child *child, const union ori_child_message *message,
                               struct taken *taken, bool *ret_is_done, struct ori_error *err)
{
    switch (message->type) {
    case ORI_MSG_PICTURE:
        return take_bytes(child, message->picture.input_bytes, taken, err);
    case ORI_MSG_THUMB:
        return take_bytes(child, message->thumb.still_bytes, taken, err);
    case ORI_MSG_NEED:
        return ori_child_answer(child, &message->need, true, err);
    case ORI_MSG_DONE:
        *ret_is_done = true;
        return ORI_OK;
    case ORI_MSG_FAIL:
        return ori_error_set(err, ori_status_from_code(message->fail.code), "%s",
                             message->fail.text);
    default: /* INFO, PROGRESS, WARNING: nobody asked */
        return ORI_OK;
    }
}

static ori_status wait_for_more(struct ori_child *child, const struct ori_cancel *cancel,
                                int64_t deadline_us, struct ori_error *err)
{
    struct pollfd fds[3] = {{.fd = ori_child_socket(child), .events = POLLIN},
                            {.fd = ori_child_log(child), .events = POLLIN},
                            {.fd = cancel ? cancel->fd : -1, .events = POLLIN}};
    if (poll(fds, 3, ori_clock_poll_ms(deadline_us)) < 0 && errno != EINTR)
        return ori_error_set_errno(err, errno, false, "waiting for the decode process");
    if (ori_cancel_is_set(cancel))
        return ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
    if (ori_clock_us() >= deadline_us)
        return ori_error_set(err, ORI_TIMEOUT, "%s", ori_status_text(ORI_TIMEOUT));
    ori_child_read_log(child);
    return ORI_OK;
}

static ori_status hear_out(struct ori_child *child, const struct ori_cancel *cancel,
                           int64_t deadline_us, struct taken *taken, struct ori_error *err)
{
    bool is_done = false;
    ori_status status = ORI_OK;
    for (int heard = 0; status == ORI_OK && !is_done;) {
        union ori_child_message message;
        status = ori_child_receive(child, &message, err);
        if (status == ORI_OK)
            status = take_message(child, &message, taken, &is_done, err);
        else if (status == ORI_AGAIN)
            status = wait_for_more(child, cancel, deadline_us, err);
        if (status == ORI_OK && !is_done && ++heard % MESSAGES_A_ROUND == 0)
            status = wait_for_more(child, cancel, deadline_us, err);
    }
    if (status == ORI_EOF) {
        status = ori_child_reap(child, REAP_GRACE_MS, err);
        if (status == ORI_OK)
            status = ori_error_set(err, ORI_CHILD_PROTOCOL,
                                   "the decode process ended without saying how");
    }
    return status;
}

/* ---- the medium ---- */

static ori_status copy_range(int from, int64_t offset, int64_t bytes, int to, struct ori_error *err)
{
    off_t at = offset;
    while (bytes > 0) {
        ssize_t copied = sendfile(to, from, &at, (size_t)bytes);
        if (copied < 0 && errno == EINTR)
            continue;
        if (copied < 0)
            return ori_error_set_errno(err, errno, false, "reading the picture");
        if (copied == 0)
            return ori_error_set(err, ORI_IO, "the picture ends before its announced end");
        bytes -= copied;
    }
    return ORI_OK;
}

static ori_status copy_data(const uint8_t *data, int64_t bytes, int to, struct ori_error *err)
{
    for (int64_t at = 0; at < bytes;) {
        const ssize_t copied = pwrite(to, data + at, (size_t)(bytes - at), at);
        if (copied < 0 && errno != EINTR)
            return ori_error_set_errno(err, errno, true, "room for the picture");
        at += copied < 0 ? 0 : copied;
    }
    return ORI_OK;
}

/* A file of its own that is the part and nothing else, and can be read alone: what lies around the
 * part, and the means to write to it, are none of the child's business. */
static ori_status copy_part(const struct ori_picture_request *request, int *ret_fd,
                            struct ori_error *err)
{
    int fd = memfd_create("oriane-picture", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return ori_error_set_errno(err, errno, false, "room for the picture");
    ori_status status = ORI_OK;
    if (request->data)
        status = copy_data(request->data, request->bytes, fd, err);
    else
        status = copy_range(request->fd, request->offset, request->bytes, fd, err);
    if (status == ORI_OK &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
        status = ori_error_set_errno(err, errno, false, "sealing the picture");
    if (status == ORI_OK)
        *ret_fd = fd;
    else
        close(fd);
    return status;
}

static ori_status check_file(const struct ori_picture_request *request, struct ori_error *err)
{
    struct stat st;
    if (fstat(request->fd, &st) != 0)
        return ori_error_set_errno(err, errno, false, "cannot be looked at");
    if (!S_ISREG(st.st_mode))
        return ori_error_set(err, ORI_NOT_A_FILE, "not a regular file");
    if (request->offset < 0 || request->bytes < 0 || request->offset > st.st_size ||
        request->bytes > st.st_size - request->offset)
        return ori_error_set(err, ORI_IO, "the picture is not all there");
    return ORI_OK;
}

static ori_status check_part(const struct ori_picture_request *request, struct ori_error *err)
{
    int64_t bytes_max = request->settings->vp_max_bytes;
    const ori_status status = request->data ? ORI_OK : check_file(request, err);
    if (status != ORI_OK)
        return status;
    if (request->bytes == 0)
        return ori_error_set(err, ORI_EMPTY_FILE, "the picture has no bytes");
    if (bytes_max > 0 && request->bytes > bytes_max)
        return ori_error_set(err, ORI_LIMIT, "%lld bytes; VP_MAX_BYTES is %lld",
                             (long long)request->bytes, (long long)bytes_max);
    if (request->bytes > ORI_LIMIT_MAX_PICTURE_BYTES)
        return ori_error_set(err, ORI_LIMIT, "a picture of %lld bytes, more than %d",
                             (long long)request->bytes, ORI_LIMIT_MAX_PICTURE_BYTES);
    return ORI_OK;
}

static ori_status open_medium(const struct ori_picture_request *request, int *ret_fd,
                              int64_t *ret_bytes, struct ori_error *err)
{
    if (request->path)
        return ori_medium_open(request->path, request->settings->vp_max_bytes, ret_fd, ret_bytes,
                               err);
    ori_status status = check_part(request, err);
    if (status == ORI_OK)
        status = copy_part(request, ret_fd, err);
    if (status == ORI_OK)
        *ret_bytes = request->bytes;
    return status;
}

/* ---- a job ---- */

static ori_status run_job(const struct ori_picture_request *request,
                          const struct ori_model_info *model, enum ori_child_job job,
                          const struct ori_cancel *cancel, struct taken *taken,
                          struct ori_error *err)
{
    struct ori_child_options options = {.program = request->child_program, .fd_medium = -1};
    struct ori_extract_options extract;
    struct ori_child *child = NULL;
    int64_t bytes = 0;
    int64_t deadline_us = ori_clock_us() + request->settings->vp_item_timeout * 1000000;

    ori_status status = open_medium(request, &options.fd_medium, &bytes, err);
    if (status != ORI_OK)
        goto out;
    ori_options_extract(request->settings, model, &extract);
    ori_options_start(request->settings, &extract, job, bytes, &options.start);
    status = ori_child_spawn(&options, &child, err);
    if (status == ORI_OK)
        status = hear_out(child, cancel, deadline_us, taken, err);
out:
    if (status != ORI_OK) {
        free(taken->data);
        *taken = (struct taken){0};
    }
    ori_child_destroy(&child);
    if (options.fd_medium >= 0)
        close(options.fd_medium);
    return status;
}

ori_status ori_picture_load(const struct ori_picture_request *request,
                            const struct ori_cancel *cancel, uint8_t **ret_input,
                            struct ori_error *err)
{
    struct taken taken = {0};
    ori_status status =
        run_job(request, request->model, ORI_CHILD_JOB_PICTURE, cancel, &taken, err);
    if (status == ORI_OK)
        *ret_input = taken.data; /* DONE comes after PICTURE only: child_message.h */
    return status;
}

/* Descriptors, processes or buffers of this machine have run out: for the moment. */
static bool is_want(int errnum)
{
    return errnum == EMFILE || errnum == ENFILE || errnum == EAGAIN || errnum == ENOBUFS;
}

bool ori_picture_is_at_fault(ori_status status, const struct ori_error *err)
{
    switch ((int)status) {
    case ORI_CHILD_CRASHED:
        return err->native != SIGKILL;
    case ORI_USAGE: /* a key that is none */
    case ORI_NOT_FOUND:
    case ORI_NOT_READABLE:
    case ORI_NOT_A_FILE:
    case ORI_EMPTY_FILE:
    case ORI_NOT_MEDIA:
    case ORI_LIMIT:
    case ORI_BAD_PICTURE:
    case ORI_UNSUPPORTED:
    case ORI_DECODE:
    case ORI_TIMEOUT:
    case ORI_CHILD_PROTOCOL:
    case ORI_BAD_VECTOR:
        return true;
    case ORI_IO:
        return !is_want(err->native);
    default:
        return false;
    }
}

ori_status ori_picture_thumb(const struct ori_picture_request *request, int side,
                             const struct ori_cancel *cancel, uint8_t **ret_jpeg, size_t *ret_bytes,
                             struct ori_error *err)
{
    ORI_ASSERT(side >= ORI_PICTURE_THUMB_MIN && side <= ORI_PICTURE_THUMB_MAX);
    /* The model's place in START tells the side: a thumb has nothing to do with a model. */
    struct ori_model_info model = {.side = side, .fit = ORI_MODEL_FIT_SQUASH, .resize_side = side};
    struct taken taken = {0};
    ori_status status = run_job(request, &model, ORI_CHILD_JOB_THUMB, cancel, &taken, err);
    if (status == ORI_OK) {
        *ret_jpeg = taken.data;
        *ret_bytes = taken.bytes;
    }
    return status;
}
