#include "media/child_side.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "media/child_message.h"
#include "util/clock.h"

/* Room for any message: a longer packet shows as a wrong size. */
union message {
    uint32_t type;
    struct ori_msg_start start;
    struct ori_msg_slot slot;
    struct ori_msg_range range;
    uint8_t bytes[sizeof(struct ori_msg_start) + 8];
};

/* One packet. flags: 0 or MSG_DONTWAIT (then ORI_AGAIN when there is none). */
static ori_status receive(int fd, int flags, union message *message, struct ori_error *err)
{
    ssize_t got = 0;
    memset(message, 0, sizeof *message);
    do
        got = recv(fd, message, sizeof *message, flags);
    while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return ORI_AGAIN;
    if (got == 0 || (got < 0 && errno == ECONNRESET))
        return ori_error_set(err, ORI_CANCELLED, "the parent is gone");
    if (got < 0)
        return ori_error_set_errno(err, errno, false, "reading from the parent");
    if ((size_t)got != ori_child_message_bytes(message->type))
        return ori_error_set(err, ORI_CHILD_PROTOCOL, "message %u of %zd bytes from the parent",
                             message->type, got);
    return ORI_OK;
}

static ori_status map_memory(struct ori_child_side *side, int fd_memory, struct ori_error *err)
{
    const struct ori_msg_start *start = &side->start;
    uint64_t bytes = 0;
    struct stat st;
    if (start->slots < ORI_CHILD_SLOTS_MIN || start->slots > ORI_CHILD_SLOTS_MAX ||
        start->slots_held >= start->slots ||
        __builtin_mul_overflow(start->slots, start->slot_bytes, &bytes) || bytes == 0)
        return ori_error_set(err, ORI_CHILD_PROTOCOL, "START names %u slots, %u of them held",
                             start->slots, start->slots_held);
    if (fstat(fd_memory, &st) != 0)
        return ori_error_set_errno(err, errno, false, "shared memory");
    if ((uint64_t)st.st_size < bytes)
        return ori_error_set(err, ORI_CHILD_PROTOCOL, "the shared memory is too small");
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_memory, 0);
    if (memory == MAP_FAILED)
        return ori_error_set_errno(err, errno, false, "mapping the shared memory");
    side->memory = memory;
    side->slots_free = UINT64_MAX >> (64 - (start->slots - start->slots_held));
    return ORI_OK;
}

ori_status ori_child_side_open_at(int fd_medium, int fd_socket, int fd_memory,
                                  struct ori_child_side *ret_side, struct ori_error *err)
{
    ORI_ASSERT(ret_side);
    union message message;
    memset(ret_side, 0, sizeof *ret_side);
    ret_side->fd_socket = fd_socket;
    ori_status status = receive(fd_socket, 0, &message, err);
    if (status != ORI_OK)
        return status;
    if (message.type != ORI_MSG_START)
        return ori_error_set(err, ORI_CHILD_PROTOCOL, "the first message is not START");
    ret_side->start = message.start;
    ret_side->source.fd = fd_medium;
    ret_side->source.size = message.start.bytes;
    if (message.start.is_remote) {
        ret_side->source.ensure = ori_child_side_ensure;
        ret_side->source.ensure_self = ret_side;
    }
    if (!ori_child_input_is_sane(&message.start.options.input))
        return ori_error_set(err, ORI_CHILD_PROTOCOL, "START names a model input that cannot be");
    if (message.start.job == ORI_CHILD_JOB_CLIP &&
        !ori_child_clip_is_sane(&message.start.clip_shape))
        return ori_error_set(err, ORI_CHILD_PROTOCOL, "START names a clip that cannot be");
    return map_memory(ret_side, fd_memory, err);
}

ori_status ori_child_side_open(struct ori_child_side *ret_side, struct ori_error *err)
{
    /* A parent that was killed before this line shows as the end of the socket instead. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return ori_error_set_errno(err, errno, false, "tying the decode process to its parent");
    return ori_child_side_open_at(ORI_CHILD_FD_MEDIUM, ORI_CHILD_FD_SOCKET, ORI_CHILD_FD_MEMORY,
                                  ret_side, err);
}

void ori_child_side_close(struct ori_child_side *side)
{
    if (side->memory)
        munmap(side->memory, side->start.slots * side->start.slot_bytes);
    side->memory = NULL;
}

ori_status ori_child_side_send(struct ori_child_side *side, const void *message, size_t bytes,
                               struct ori_error *err)
{
    ssize_t sent = 0;
    do
        sent = send(side->fd_socket, message, bytes, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
        return ori_error_set(err, ORI_CANCELLED, "the parent is gone");
    if (sent < 0)
        return ori_error_set_errno(err, errno, false, "writing to the parent");
    return ORI_OK;
}

/* Notes a RELEASE. */
static ori_status take_release(struct ori_child_side *side, const union message *message,
                               struct ori_error *err)
{
    if (message->type != ORI_MSG_RELEASE || message->slot.slot >= side->start.slots)
        return ori_error_set(err, ORI_CHILD_PROTOCOL, "message %u instead of RELEASE",
                             message->type);
    side->slots_free |= UINT64_C(1) << message->slot.slot;
    return ORI_OK;
}

static ori_status wait_for_slot(struct ori_child_side *side, struct ori_error *err)
{
    ori_status status = ORI_OK;
    if (side->slots_free != 0)
        return ORI_OK;
    int64_t begin_us = ori_clock_us();
    while (status == ORI_OK && side->slots_free == 0) {
        union message message;
        status = receive(side->fd_socket, 0, &message, err);
        if (status == ORI_OK)
            status = take_release(side, &message, err);
    }
    side->wait_us += ori_clock_us() - begin_us;
    return status;
}

ori_status ori_child_side_slot(struct ori_child_side *side, uint32_t *ret_slot, uint8_t **ret_data,
                               struct ori_error *err)
{
    /* Read what has come meanwhile, so that the parent's queue to us stays short. */
    ori_status status = ORI_OK;
    for (uint32_t i = 0; i < side->start.slots && status == ORI_OK; i++) {
        union message message;
        status = receive(side->fd_socket, MSG_DONTWAIT, &message, err);
        if (status == ORI_OK)
            status = take_release(side, &message, err);
    }
    if (status == ORI_OK || status == ORI_AGAIN)
        status = wait_for_slot(side, err);
    if (status != ORI_OK)
        return status;
    uint32_t slot = (uint32_t)__builtin_ctzll(side->slots_free);
    side->slots_free &= ~(UINT64_C(1) << slot);
    *ret_slot = slot;
    *ret_data = side->memory + slot * side->start.slot_bytes;
    return ORI_OK;
}

void ori_child_side_slot_drop(struct ori_child_side *side, uint32_t slot)
{
    ORI_ASSERT(slot < side->start.slots);
    side->slots_free |= UINT64_C(1) << slot;
}

/* Asks for one range of at most ORI_CHILD_NEED_MAX bytes and waits for the answer. */
static ori_status need(struct ori_child_side *side, int64_t offset, int64_t bytes,
                       struct ori_error *err)
{
    struct ori_msg_range range = {.type = ORI_MSG_NEED, .offset = offset, .bytes = bytes};
    ori_status status = ori_child_side_send(side, &range, sizeof range, err);
    while (status == ORI_OK) {
        union message message;
        status = receive(side->fd_socket, 0, &message, err);
        if (status != ORI_OK)
            break;
        if (message.type != ORI_MSG_HAVE) {
            status = take_release(side, &message, err);
            continue;
        }
        if (message.range.offset != offset || message.range.bytes != bytes)
            return ori_error_set(err, ORI_CHILD_PROTOCOL, "HAVE of another range");
        if (message.range.is_failed)
            return ori_error_set(err, ORI_IO, "bytes from %lld on could not be had",
                                 (long long)offset);
        side->have_offset = offset;
        side->have_bytes = bytes;
        return ORI_OK;
    }
    return status;
}

ori_status ori_child_side_ensure(void *self, int64_t offset, size_t bytes, struct ori_error *err)
{
    struct ori_child_side *side = self;
    int64_t size = side->start.bytes;
    if (offset < 0 || offset >= size || bytes == 0)
        return ORI_OK; /* nothing to have there: the read will be short */
    int64_t end = (uint64_t)(size - offset) < bytes ? size : offset + (int64_t)bytes;
    while (offset < end) {
        if (offset < side->have_offset || offset >= side->have_offset + side->have_bytes) {
            int64_t from = offset - offset % ORI_CHILD_NEED_BLOCK;
            int64_t until = end - from < ORI_CHILD_NEED_BLOCK ? from + ORI_CHILD_NEED_BLOCK : end;
            if (until - from > ORI_CHILD_NEED_MAX)
                until = from + ORI_CHILD_NEED_MAX;
            if (until > size)
                until = size;
            ori_status status = need(side, from, until - from, err);
            if (status != ORI_OK)
                return status;
        }
        offset = side->have_offset + side->have_bytes;
    }
    return ORI_OK;
}

void ori_child_side_fail(struct ori_child_side *side, const char *stage,
                         const struct ori_error *err)
{
    struct ori_msg_fail fail = {.type = ORI_MSG_FAIL};
    snprintf(fail.code, sizeof fail.code, "%s", ori_status_code(err->status));
    snprintf(fail.stage, sizeof fail.stage, "%s", err->stage ? err->stage : stage);
    snprintf(fail.text, sizeof fail.text, "%s",
             err->text[0] ? err->text : ori_status_text(err->status));
    struct ori_error ignored = {0};
    (void)!ori_child_side_send(side, &fail, sizeof fail, &ignored);
}
