#include "pipeline/picture.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "media/child.h"
#include "pipeline/medium.h"
#include "pipeline/options.h"
#include "util/clock.h"

#define REAP_GRACE_MS 150
#define MESSAGES_A_ROUND 64 /* before cancel and deadline are looked at again */

static ori_status take_picture(const struct ori_child *child, const struct ori_msg_picture *picture,
                               uint8_t **ret_input, struct ori_error *err)
{
    uint8_t *input = malloc(picture->input_bytes); /* checked: 3 * side * side */
    if (!input)
        return ori_error_set(err, ORI_NOMEM, "one picture");
    memcpy(input, ori_child_slot(child, 0), picture->input_bytes);
    free(*ret_input);
    *ret_input = input;
    return ORI_OK;
}

static ori_status take_message(struct ori_child *child, const union ori_child_message *message,
                               uint8_t **input, bool *ret_is_done, struct ori_error *err)
{
    switch (message->type) {
    case ORI_MSG_PICTURE:
        return take_picture(child, &message->picture, input, err);
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
                           int64_t deadline_us, uint8_t **input, struct ori_error *err)
{
    bool is_done = false;
    ori_status status = ORI_OK;
    for (int taken = 0; status == ORI_OK && !is_done;) {
        union ori_child_message message;
        status = ori_child_receive(child, &message, err);
        if (status == ORI_OK)
            status = take_message(child, &message, input, &is_done, err);
        else if (status == ORI_AGAIN)
            status = wait_for_more(child, cancel, deadline_us, err);
        if (status == ORI_OK && !is_done && ++taken % MESSAGES_A_ROUND == 0)
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

ori_status ori_picture_load(const struct ori_picture_request *request,
                            const struct ori_cancel *cancel, uint8_t **ret_input,
                            struct ori_error *err)
{
    struct ori_child_options options = {.program = request->child_program, .fd_medium = -1};
    struct ori_extract_options extract;
    struct ori_child *child = NULL;
    uint8_t *input = NULL;
    int64_t bytes = 0;
    int64_t deadline_us = ori_clock_us() + request->settings->vp_item_timeout * 1000000;

    ori_status status = ori_medium_open(request->path, request->settings->vp_max_bytes,
                                        &options.fd_medium, &bytes, err);
    if (status != ORI_OK)
        goto out;
    ori_options_extract(request->settings, request->model, &extract);
    ori_options_start(&extract, ORI_CHILD_JOB_PICTURE, bytes, &options.start);
    status = ori_child_spawn(&options, &child, err);
    if (status == ORI_OK)
        status = hear_out(child, cancel, deadline_us, &input, err);
    if (status != ORI_OK)
        goto out;
    *ret_input = input; /* DONE comes after PICTURE only: child_message.h */
    input = NULL;
out:
    free(input);
    ori_child_destroy(&child);
    if (options.fd_medium >= 0)
        close(options.fd_medium);
    return status;
}
