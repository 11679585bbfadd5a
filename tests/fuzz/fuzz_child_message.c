/* What a decode child says, seen from its parent: conversations of well-formed messages with a few
 * things bent. The input is text, so that the corpus can be read; its first character chooses the job:
 *   INFO and its like by one letter   I S F P T G C K H W N D U L: a message as it would be right now
 *   @ OFFSET BYTE                     one byte of it changed, at twice the offset ('0' is 0)
 *   = OFFSET NUMBER                   eight bytes, at four times the offset, of the row below
 *   - + COUNT                         the packet shorter, longer
 *   .                                 said, and checked
 *   r SLOT                            the parent gives a slot back
 * Whatever passes the check must be safe to use as the parent uses it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/child_message.h"
#include "util/text.h"

#define MUST(condition) ((condition) ? (void)0 : abort())
#define SLOT_BYTES 65536
#define SIDE 32

static uint32_t job_of(uint8_t first)
{
    return first == 'U' ? ORI_CHILD_JOB_CLIP : first ? 1 + first % 3U : ORI_CHILD_JOB_VIDEO;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const uint64_t numbers[] = {0,
                                   1,
                                   63,
                                   64,
                                   65536,
                                   65537,
                                   131072,
                                   0x7fffffff,
                                   0x80000000,
                                   0xffffffff,
                                   0x7fffffffffffffff,
                                   0x8000000000000000,
                                   0xffffffffffffffff,
                                   0x7ff0000000000000 /* infinite */,
                                   0x7ff8000000000000 /* no number */,
                                   (uint64_t)ORI_CHILD_TIME_MAX_US,
                                   (uint64_t)ORI_CHILD_TIME_MAX_US + 1,
                                   0x0000000100000001};

struct talk {
    struct ori_child_talk talk;
    union ori_child_message message;
    size_t bytes;
};

/* ---- a message as it would be right now ---- */

static void make(struct talk *talk, char letter)
{
    const struct ori_child_talk *now = &talk->talk;
    union ori_child_message *message = &talk->message;
    uint32_t slot = now->slots_busy == UINT64_MAX ? 0 : (uint32_t)__builtin_ctzll(~now->slots_busy);
    const struct ori_box box = {.x = 2, .y = 2, .w = 60, .h = 40};
    memset(message, 0, sizeof *message);
    switch (letter) {
    case 'I':
        message->info = (struct ori_msg_info){.type = ORI_MSG_INFO,
                                              .width = 64,
                                              .height = 48,
                                              .has_duration = 1,
                                              .duration_us = 1000,
                                              .frame_rate = 25,
                                              .codec = "h264",
                                              .container = "mp4"};
        break;
    case 'S':
        message->scene = (struct ori_msg_scene){.type = ORI_MSG_SCENE,
                                                .index = now->scenes + 1,
                                                .start_us = now->scene_end_us,
                                                .end_us = now->scene_end_us + 1000,
                                                .crop = box};
        break;
    case 'F':
        message->frame = (struct ori_msg_frame){.type = ORI_MSG_FRAME,
                                                .slot = slot,
                                                .n = now->frames + 1,
                                                .scene = now->frame_scene ? now->frame_scene : 1,
                                                .pts_us = now->frame_us + 1,
                                                .still_bytes = 100,
                                                .input_offset = 128,
                                                .input_bytes = UINT64_C(3) * SIDE * SIDE,
                                                .width = 60,
                                                .height = 40,
                                                .dhash = 7};
        break;
    case 'P':
        message->picture = (struct ori_msg_picture){.type = ORI_MSG_PICTURE,
                                                    .width = 64,
                                                    .height = 48,
                                                    .input_bytes = UINT64_C(3) * SIDE * SIDE};
        break;
    case 'T':
        message->thumb = (struct ori_msg_thumb){
            .type = ORI_MSG_THUMB, .width = 16, .height = 9, .still_bytes = 100};
        break;
    case 'U':
        message->chunk = (struct ori_msg_chunk){.type = ORI_MSG_CHUNK, .bytes = 100};
        break;
    case 'L':
        message->clip = (struct ori_msg_clip){.type = ORI_MSG_CLIP,
                                              .encoder = ORI_CLIP_LIBX264,
                                              .width = 64,
                                              .height = 48,
                                              .frames = 1,
                                              .bytes = now->clip_bytes};
        break;
    case 'G':
        message->progress = (struct ori_msg_progress){
            .type = ORI_MSG_PROGRESS, .frames_kept = 1, .frames_decoded = 5, .pts_us = 5};
        break;
    case 'C':
        message->score = (struct ori_msg_score){.type = ORI_MSG_SCORE,
                                                .has_score = 1,
                                                .pts_us = now->score_us + 1,
                                                .score = 0.5,
                                                .classic = 0.25};
        break;
    case 'K':
        message->look = (struct ori_msg_look){.type = ORI_MSG_LOOK,
                                              .width = 128,
                                              .height = 72,
                                              .chroma_width = 64,
                                              .chroma_height = 36};
        break;
    case 'H':
        message->shot = (struct ori_msg_shot){.type = ORI_MSG_SHOT,
                                              .kind = ORI_SHOT_DROPPED,
                                              .n = now->frames,
                                              .scene = 1,
                                              .width = 320,
                                              .height = 180,
                                              .bytes = 100,
                                              .jpeg = {0xff, 0xd8, 0xff}};
        break;
    case 'W':
        message->warning = (struct ori_msg_warning){
            .type = ORI_MSG_WARNING, .code = "truncated", .text = "the file ends"};
        break;
    case 'N':
        message->need = (struct ori_msg_range){.type = ORI_MSG_NEED, .bytes = 4096};
        break;
    case 'D':
        message->done = (struct ori_msg_done){.type = ORI_MSG_DONE,
                                              .has_crop = now->has_info,
                                              .crop = box,
                                              .scenes = now->scenes,
                                              .frames = now->frames,
                                              .duration_us = 1000};
        break;
    default:
        message->fail = (struct ori_msg_fail){
            .type = ORI_MSG_FAIL, .code = "decode_failed", .stage = "decode", .text = "no luck"};
    }
    talk->bytes = ori_child_message_bytes(message->type);
}

/* ---- what the parent relies on ---- */

static void check_text(const char *text, size_t room)
{
    MUST(strnlen(text, room) < room);
    MUST(ori_text_is_utf8(text, strlen(text)) && !ori_text_has_control(text));
}

static void check_box(const struct ori_child_talk *talk, const struct ori_box *box)
{
    int64_t right = (int64_t)box->x + box->w;
    int64_t bottom = (int64_t)box->y + box->h;
    MUST(talk->has_info && box->x >= 0 && box->y >= 0 && box->w > 0 && box->h > 0);
    MUST(right <= talk->info.width && bottom <= talk->info.height);
}

/* Reads all of it, as the sinks do: a sanitizer sees a byte outside. */
static void read_slot(uint64_t offset, uint64_t bytes)
{
    static uint8_t *slot;
    static volatile uint8_t sum;
    if (!slot)
        slot = calloc(1, SLOT_BYTES);
    MUST(slot && bytes > 0 && offset <= SLOT_BYTES && bytes <= SLOT_BYTES - offset);
    for (uint64_t i = 0; i < bytes; i += bytes < 64 ? 1 : bytes / 64)
        sum = (uint8_t)(sum + slot[offset + i]);
    sum = (uint8_t)(sum + slot[offset + bytes - 1]);
}

static void use(const struct ori_child_talk *before, const struct talk *talk)
{
    const struct ori_child_talk *now = &talk->talk;
    const union ori_child_message *message = &talk->message;
    switch (message->type) {
    case ORI_MSG_INFO:
        MUST(!before->has_info && message->info.width > 0 && message->info.height > 0);
        check_text(message->info.codec, sizeof message->info.codec);
        check_text(message->info.container, sizeof message->info.container);
        break;
    case ORI_MSG_SCENE:
        MUST(message->scene.index == before->scenes + 1 &&
             message->scene.duplicate_of < message->scene.index &&
             message->scene.start_us <= message->scene.end_us);
        check_box(now, &message->scene.crop);
        break;
    case ORI_MSG_FRAME:
        MUST(message->frame.slot < now->start.slots &&
             !(before->slots_busy & UINT64_C(1) << message->frame.slot) &&
             (now->slots_busy & UINT64_C(1) << message->frame.slot));
        MUST(message->frame.n == before->frames + 1 && message->frame.pts_us > before->frame_us);
        MUST(message->frame.input_offset % ORI_CHILD_SLOT_ALIGN == 0 &&
             message->frame.input_offset >= message->frame.still_bytes &&
             message->frame.input_bytes == UINT64_C(3) * SIDE * SIDE);
        read_slot(0, message->frame.still_bytes);
        read_slot(message->frame.input_offset, message->frame.input_bytes);
        break;
    case ORI_MSG_PICTURE:
        MUST(message->picture.input_bytes == UINT64_C(3) * SIDE * SIDE && !before->has_picture);
        read_slot(0, message->picture.input_bytes);
        break;
    case ORI_MSG_THUMB:
        MUST(message->thumb.width <= SIDE && message->thumb.height <= SIDE && !before->has_picture);
        read_slot(0, message->thumb.still_bytes);
        break;
    case ORI_MSG_NEED:
        MUST(message->need.offset >= 0 && message->need.bytes > 0 &&
             message->need.bytes <= now->start.bytes - message->need.offset);
        break;
    case ORI_MSG_SCORE:
        MUST(message->score.pts_us > before->score_us && message->score.score >= 0 &&
             message->score.score <= 1 && message->score.classic >= 0 &&
             message->score.classic <= 1);
        break;
    case ORI_MSG_LOOK:
        MUST(before->may_look &&
             message->look.width * message->look.height +
                     2 * message->look.chroma_width * message->look.chroma_height <=
                 ORI_CHILD_LOOK_BYTES);
        MUST(message->look.width > 0 && message->look.height > 0 &&
             message->look.chroma_width >= 0 && message->look.chroma_height >= 0);
        break;
    case ORI_MSG_SHOT:
        MUST(message->shot.bytes > 2 && message->shot.bytes <= sizeof message->shot.jpeg &&
             message->shot.n <= now->frames && message->shot.scene > 0);
        break;
    case ORI_MSG_WARNING:
        check_text(message->warning.code, sizeof message->warning.code);
        check_text(message->warning.text, sizeof message->warning.text);
        break;
    case ORI_MSG_DONE:
        MUST(now->has_ended && message->done.frames == now->frames &&
             message->done.scenes == now->scenes);
        if (message->done.has_crop)
            check_box(now, &message->done.crop);
        break;
    case ORI_MSG_FAIL:
        MUST(now->has_ended);
        check_text(message->fail.code, sizeof message->fail.code);
        check_text(message->fail.text, sizeof message->fail.text);
        MUST(ori_status_from_code(message->fail.code) > ORI_CANCELLED);
        break;
    case ORI_MSG_CHUNK:
        MUST(message->chunk.slot < now->start.slots &&
             !(before->slots_busy & UINT64_C(1) << message->chunk.slot) &&
             (now->slots_busy & UINT64_C(1) << message->chunk.slot) && !before->has_picture);
        read_slot(0, message->chunk.bytes);
        break;
    case ORI_MSG_CLIP:
        MUST(message->clip.encoder > ORI_CLIP_AUTO &&
             message->clip.encoder < ORI_CLIP_ENCODER_COUNT && !before->has_picture &&
             message->clip.bytes == before->clip_bytes && message->clip.bytes > 0);
        check_text(message->clip.instead, sizeof message->clip.instead);
        break;
    default:
        MUST(message->type == ORI_MSG_PROGRESS);
    }
}

static void say(struct talk *talk)
{
    const struct ori_child_talk before = talk->talk;
    struct ori_error err = {0};
    ori_status status = ori_child_message_check(&talk->talk, &talk->message, talk->bytes, &err);
    if (status == ORI_OK) {
        MUST(!before.has_ended && err.status == ORI_OK);
        use(&before, talk);
    } else {
        MUST(status == ORI_CHILD_PROTOCOL && err.status == status && err.text[0]);
        MUST(talk->talk.has_ended); /* nothing is believed after this */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct talk talk = {.bytes = 0};
    struct ori_msg_start start = {.type = ORI_MSG_START,
                                  .job = job_of(bytes > 0 ? data[0] : 0),
                                  .bytes = 100000,
                                  .slots = bytes > 0 && data[0] >= 'a' ? 64 : 4,
                                  .slot_bytes = SLOT_BYTES,
                                  .tells = bytes > 0 && data[0] & 8 ? 0 : 7,
                                  .options.input.side = SIDE};
    ori_child_talk_begin(&talk.talk, &start);
    make(&talk, 'I');
    for (size_t i = 1; i < bytes; i++) {
        size_t room = sizeof talk.message - sizeof(uint64_t);
        size_t a = i + 1 < bytes ? (uint8_t)(data[i + 1] - '0') : 0;
        uint8_t b = i + 2 < bytes ? data[i + 2] : 0;
        switch (data[i]) {
        case '@':
            talk.message.bytes[2 * a % room] = b;
            i += 2;
            break;
        case '=':
            memcpy(&talk.message.bytes[4 * a % room],
                   &numbers[(uint8_t)(b - '0') % (sizeof numbers / 8)], 8);
            i += 2;
            break;
        case '-':
            talk.bytes = a < talk.bytes ? talk.bytes - a : 0;
            i++;
            break;
        case '+':
            talk.bytes += a;
            i++;
            break;
        case '.':
            if (talk.bytes > sizeof talk.message) /* as receive cuts it, length kept */
                talk.bytes = sizeof talk.message;
            say(&talk);
            break;
        case 'r':
            ori_child_talk_released(&talk.talk, (uint32_t)(a % start.slots));
            i++;
            break;
        default:
            make(&talk, (char)data[i]);
        }
    }
    return 0;
}
