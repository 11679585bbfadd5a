#pragma once
/* media/child_message.h: is what the decode child says well formed, in range and in order?
 * The child may be under the control of its medium: nothing of a message is used before this check
 * Call order  begin once for a child; check each packet as it comes; released when a slot went back
 * Ownership   plain data; the message is the caller's own copy, never the shared memory, and its
 *             strings are cleaned in place (control characters and broken UTF-8 become '?')
 * Failure     ORI_CHILD_PROTOCOL with a text that names message and field; the conversation is then
 *             over and every later check fails too
 * Checked by  tests/unit/media_child_message_test.c: each field at its limit and one past it */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/child_proto.h"
#include "util/status.h"

/* Any message of the child, and one byte more than the longest, so that a too long packet shows. */
union ori_child_message {
    uint32_t type;
    struct ori_msg_range need;
    struct ori_msg_info info;
    struct ori_msg_scene scene;
    struct ori_msg_frame frame;
    struct ori_msg_picture picture;
    struct ori_msg_thumb thumb;
    struct ori_msg_progress progress;
    struct ori_msg_score score;
    struct ori_msg_look look;
    struct ori_msg_shot shot;
    struct ori_msg_warning warning;
    struct ori_msg_done done;
    struct ori_msg_fail fail;
    struct ori_msg_chunk chunk;
    struct ori_msg_clip clip;
    uint8_t bytes[sizeof(struct ori_msg_shot) + 8];
};

/* What the parent knows of the conversation so far. */
struct ori_child_talk {
    struct ori_msg_start start;
    bool has_info;
    bool has_picture; /* or thumb, or clip */
    bool has_ended;   /* by DONE, FAIL or a broken rule */
    struct ori_msg_info info;
    uint32_t scenes;
    uint32_t frames;
    uint32_t warnings;
    uint32_t messages;
    uint32_t frame_scene; /* of the last frame */
    int64_t frame_us;     /* -1 before the first */
    int64_t scene_end_us;
    int64_t clip_bytes; /* of the chunks so far */
    uint32_t scores;
    int64_t score_us;                   /* -1 before the first */
    bool may_look;                      /* a SCORE came last */
    uint32_t shots[ORI_SHOT_WHOLE + 1]; /* by kind */
    uint32_t shot_n;                    /* of the last kept one */
    uint64_t slots_busy;                /* bit i: slot i is the parent's */
};

/* Exact size of a message, either way; 0 for an unknown type. */
size_t ori_child_message_bytes(uint32_t type);

/* Every number of START's input inside its limits? Asked by the child, as is the next. */
bool ori_child_input_is_sane(const struct ori_input_spec *input);
bool ori_child_clip_is_sane(const struct ori_clip_shape *shape);

void ori_child_talk_begin(struct ori_child_talk *ret_talk, const struct ori_msg_start *start);
/* bytes: length of the packet as received. */
ori_status ori_child_message_check(struct ori_child_talk *talk, union ori_child_message *message,
                                   size_t bytes, struct ori_error *err);
/* The parent has said RELEASE: the child may fill the slot again. */
void ori_child_talk_released(struct ori_child_talk *talk, uint32_t slot);
