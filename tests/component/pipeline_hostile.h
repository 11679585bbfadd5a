#pragma once
/* A decode child under the control of its medium, for tests whose own program is the child: a
 * conversation as it should be, in which something is bent, again and again, by a seed:
 *   fields changed, packets too short, too long, empty; slots out of range or not given back; a
 *   descriptor in a message; a flood; noise on standard error; the shared memory cut, grown, written
 *   to while the parent reads; the socket closed while the process goes on; a sudden end
 * It ends by itself: what never answers is a matter of the time limit, and has a test of its own. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "media/child_message.h"
#include "pipeline_actor.h"

struct hostile {
    struct actor *actor;
    uint64_t state;
};

/* xorshift64*: the same seed, the same conversation. */
static uint32_t hostile_next(struct hostile *hostile, uint32_t below)
{
    hostile->state ^= hostile->state >> 12;
    hostile->state ^= hostile->state << 25;
    hostile->state ^= hostile->state >> 27;
    return (uint32_t)((hostile->state * UINT64_C(2685821657736338717)) >> 33) % below;
}

/* Sent as it is, with or without a descriptor; what the parent no longer takes is dropped. */
static void hostile_send(const void *data, size_t bytes, bool has_descriptor)
{
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {(void *)data, bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    int fd = ORI_CHILD_FD_MEDIUM;
    if (has_descriptor) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    if (sendmsg(ORI_CHILD_FD_SOCKET, &message, MSG_NOSIGNAL) < 0)
        _exit(9); /* the parent has had enough */
}

static void hostile_message(struct hostile *hostile, union ori_child_message *message)
{
    struct actor *actor = hostile->actor;
    uint64_t side = (uint64_t)actor->side.start.options.input.side;
    memset(message, 0, sizeof *message);
    switch (hostile_next(hostile, 40)) {
    case 0:
    case 1:
    case 2:
        message->scene = (struct ori_msg_scene){.type = ORI_MSG_SCENE,
                                                .index = ++actor->scenes,
                                                .start_us = actor->scenes,
                                                .end_us = actor->scenes + 1,
                                                .crop = {.w = 64, .h = 48}};
        break;
    case 3:
    case 4:
        message->warning =
            (struct ori_msg_warning){.type = ORI_MSG_WARNING, .code = "truncated", .text = "cut"};
        break;
    case 5:
        message->need = (struct ori_msg_range){.type = ORI_MSG_NEED, .bytes = 1};
        break;
    case 6:
    case 7:
    case 8:
        message->progress = (struct ori_msg_progress){.type = ORI_MSG_PROGRESS, .pts_us = 5};
        break;
    case 9:
        message->done = (struct ori_msg_done){.type = ORI_MSG_DONE,
                                              .scenes = actor->scenes,
                                              .frames = actor->frames,
                                              .duration_us = 1000};
        break;
    case 10:
        message->fail = (struct ori_msg_fail){
            .type = ORI_MSG_FAIL, .code = "decode_failed", .stage = "open", .text = "no luck"};
        break;
    default: /* slots are never waited for */
        message->frame = (struct ori_msg_frame){.type = ORI_MSG_FRAME,
                                                .slot = actor->frames % actor->side.start.slots,
                                                .n = actor->frames + 1,
                                                .scene = 1,
                                                .pts_us = actor->frames,
                                                .still_bytes = 100,
                                                .input_offset = 128,
                                                .input_bytes = 3 * side * side,
                                                .width = 64,
                                                .height = 48};
        actor->frames++;
    }
}

static void hostile_bend(struct hostile *hostile, union ori_child_message *message, size_t *bytes)
{
    static const uint64_t numbers[] = {0,          1,          64,        65537,  0x7fffffff,
                                       0xffffffff, UINT64_MAX, INT64_MAX, 1000000};
    switch (hostile_next(hostile, 6)) {
    case 0: /* any byte */
        message->bytes[hostile_next(hostile, (uint32_t)*bytes)] =
            (uint8_t)hostile_next(hostile, 256);
        break;
    case 1: /* a number of note in a field */
        memcpy(message->bytes + 4 * hostile_next(hostile, (uint32_t)(*bytes / 4 - 1)),
               &numbers[hostile_next(hostile, sizeof numbers / sizeof numbers[0])], 8);
        break;
    case 2:
        *bytes = hostile_next(hostile, (uint32_t)*bytes);
        break;
    case 3:
        *bytes += 1 + hostile_next(hostile, 8);
        break;
    case 4: /* texts without end */
        memset(message->bytes + 4, 'x', *bytes - 4);
        break;
    default: /* noise of any kind */
        for (size_t i = 4; i < *bytes; i++)
            message->bytes[i] = (uint8_t)hostile_next(hostile, 256);
    }
}

static void hostile_deed(struct hostile *hostile)
{
    const struct ori_msg_start *start = &hostile->actor->side.start;
    char noise[512];
    switch (hostile_next(hostile, 8)) {
    case 0:
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (char)hostile_next(hostile, 256);
        for (int i = 0; i < 400; i++)
            (void)!write(STDERR_FILENO, noise, sizeof noise);
        break;
    case 1:
        (void)!ftruncate(ORI_CHILD_FD_MEMORY, 0);
        (void)!ftruncate(ORI_CHILD_FD_MEMORY, INT64_MAX);
        break;
    case 2:
        memset(hostile->actor->side.memory, (int)hostile_next(hostile, 256),
               start->slots * start->slot_bytes);
        break;
    case 3: { /* a flood of what is allowed */
        const struct ori_msg_progress progress = {.type = ORI_MSG_PROGRESS};
        for (int i = 0; i < 2000; i++)
            hostile_send(&progress, sizeof progress, false);
        break;
    }
    case 4:
        shutdown(ORI_CHILD_FD_SOCKET, SHUT_WR);
        sleep(30); /* is ended long before */
        _exit(0);
    case 5:
        close(ORI_CHILD_FD_SOCKET);
        sleep(30);
        _exit(0);
    case 6:
        _exit((int)hostile_next(hostile, 2));
    default:
        signal(SIGSEGV, SIG_DFL);
        raise(hostile_next(hostile, 2) ? SIGSEGV : SIGKILL);
    }
}

/* The whole conversation. */
static int hostile_play(uint64_t seed)
{
    static struct actor actor;
    struct hostile hostile = {.actor = &actor, .state = seed * 0x9e3779b97f4a7c15 + 1};
    struct ori_error err = {0};
    if (ori_child_side_open(&actor.side, &err) != ORI_OK)
        return 8;
    const struct ori_msg_info info = {
        .type = ORI_MSG_INFO, .width = 64, .height = 48, .has_duration = 1, .duration_us = 9000000};
    if (hostile_next(&hostile, 10) > 0)
        hostile_send(&info, sizeof info, hostile_next(&hostile, 4) == 0);
    for (int i = 0; i < 200; i++) {
        union ori_child_message message;
        hostile_message(&hostile, &message);
        size_t bytes = ori_child_message_bytes(message.type);
        if (hostile_next(&hostile, 16) == 0)
            hostile_bend(&hostile, &message, &bytes);
        hostile_send(&message, bytes, hostile_next(&hostile, 8) == 0);
        if (hostile_next(&hostile, 16) == 0)
            hostile_deed(&hostile);
    }
    return 0;
}
