#include "media/child_message.h"

#include <math.h>
#include <string.h>

#include "util/utf8.h"

#define SECONDS_MAX 1e9

/* Ends a check with what was wrong; status is always ORI_CHILD_PROTOCOL. */
#define REFUSE(err, ...) ori_error_set((err), ORI_CHILD_PROTOCOL, __VA_ARGS__)

size_t ori_child_message_bytes(uint32_t type)
{
    switch (type) {
    case ORI_MSG_START:
        return sizeof(struct ori_msg_start);
    case ORI_MSG_RELEASE:
        return sizeof(struct ori_msg_slot);
    case ORI_MSG_HAVE:
    case ORI_MSG_NEED:
        return sizeof(struct ori_msg_range);
    case ORI_MSG_INFO:
        return sizeof(struct ori_msg_info);
    case ORI_MSG_SCENE:
        return sizeof(struct ori_msg_scene);
    case ORI_MSG_FRAME:
        return sizeof(struct ori_msg_frame);
    case ORI_MSG_PICTURE:
        return sizeof(struct ori_msg_picture);
    case ORI_MSG_THUMB:
        return sizeof(struct ori_msg_thumb);
    case ORI_MSG_PROGRESS:
        return sizeof(struct ori_msg_progress);
    case ORI_MSG_SCORE:
        return sizeof(struct ori_msg_score);
    case ORI_MSG_LOOK:
        return sizeof(struct ori_msg_look);
    case ORI_MSG_SHOT:
        return sizeof(struct ori_msg_shot);
    case ORI_MSG_WARNING:
        return sizeof(struct ori_msg_warning);
    case ORI_MSG_DONE:
        return sizeof(struct ori_msg_done);
    case ORI_MSG_FAIL:
        return sizeof(struct ori_msg_fail);
    case ORI_MSG_CHUNK:
        return sizeof(struct ori_msg_chunk);
    case ORI_MSG_CLIP:
        return sizeof(struct ori_msg_clip);
    default:
        return 0;
    }
}

static bool is_time(int64_t us)
{
    return us >= 0 && us <= ORI_CHILD_TIME_MAX_US;
}

static bool is_side(int32_t side)
{
    return side >= 1 && side <= ORI_CHILD_SIDE_MAX;
}

static bool is_seconds(double seconds)
{
    return isfinite(seconds) && seconds >= 0 && seconds <= SECONDS_MAX;
}

static bool is_box_inside(const struct ori_box *box, const struct ori_msg_info *info)
{
    return box->x >= 0 && box->y >= 0 && box->w >= 1 && box->h >= 1 && box->x < info->width &&
           box->y < info->height && box->w <= info->width - box->x &&
           box->h <= info->height - box->y;
}

bool ori_child_input_is_sane(const struct ori_input_spec *input)
{
    return input->side >= 1 && input->side <= ORI_LIMIT_MAX_INPUT_SIDE && input->resize_side >= 1 &&
           input->resize_side <= ORI_LIMIT_MAX_INPUT_RESIZE &&
           (input->fit == ORI_INPUT_SQUASH || input->fit == ORI_INPUT_SHORTER_CROP) &&
           (input->is_crop_rounded == 0 || input->is_crop_rounded == 1) &&
           (input->is_bilinear == 0 || input->is_bilinear == 1);
}

bool ori_child_clip_is_sane(const struct ori_clip_shape *shape)
{
    const struct ori_box *box = &shape->box;
    return box->x >= 0 && box->y >= 0 && box->w >= 2 && box->h >= 2 &&
           box->w <= ORI_CHILD_SIDE_MAX && box->h <= ORI_CHILD_SIDE_MAX &&
           box->x <= ORI_CHILD_SIDE_MAX - box->w && box->y <= ORI_CHILD_SIDE_MAX - box->h &&
           ((box->x | box->y | box->w | box->h) & 1) == 0 && shape->samples >= 0 &&
           shape->samples < ORI_CLIP_SAMPLES_COUNT;
}

/* False when there is no NUL; else printable UTF-8, and zeros up to the end of the field. */
static bool clean_text(char *text, size_t bytes_max)
{
    size_t length = strnlen(text, bytes_max);
    if (length == bytes_max)
        return false;
    memset(text + length, 0, bytes_max - length);
    ori_utf8_clean(text);
    return true;
}

/* A word of [a-z0-9_]: what stands in JSON and metrics as a code. */
static bool is_code(const char *text, size_t bytes_max)
{
    size_t length = strnlen(text, bytes_max);
    if (length == 0 || length == bytes_max)
        return false;
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

static ori_status check_need(const struct ori_child_talk *talk, const struct ori_msg_range *need,
                             struct ori_error *err)
{
    if (need->offset < 0 || need->bytes < 1 || need->bytes > ORI_CHILD_NEED_MAX ||
        need->offset > talk->start.bytes || need->bytes > talk->start.bytes - need->offset)
        return REFUSE(err, "NEED: range outside the medium");
    return ORI_OK;
}

static ori_status check_info(struct ori_child_talk *talk, struct ori_msg_info *info,
                             struct ori_error *err)
{
    if (talk->has_info)
        return REFUSE(err, "INFO: said twice");
    if (!is_side(info->width) || !is_side(info->height))
        return REFUSE(err, "INFO: a picture of %d x %d", info->width, info->height);
    if (info->has_duration < 0 || info->has_duration > 1 || !is_time(info->duration_us))
        return REFUSE(err, "INFO: duration out of range");
    if (!is_seconds(info->frame_rate))
        return REFUSE(err, "INFO: frame rate out of range");
    if (!clean_text(info->codec, sizeof info->codec) ||
        !clean_text(info->container, sizeof info->container))
        return REFUSE(err, "INFO: a string without end");
    talk->has_info = true;
    talk->info = *info;
    return ORI_OK;
}

static ori_status check_scene(struct ori_child_talk *talk, const struct ori_msg_scene *scene,
                              struct ori_error *err)
{
    if (scene->index != talk->scenes + 1 || scene->index > ORI_CHILD_SCENES_MAX)
        return REFUSE(err, "SCENE: index %u after %u", scene->index, talk->scenes);
    if (!is_time(scene->start_us) || !is_time(scene->end_us) || scene->end_us < scene->start_us ||
        scene->start_us < talk->scene_end_us)
        return REFUSE(err, "SCENE %u: times out of order", scene->index);
    if (scene->duplicate_of >= scene->index)
        return REFUSE(err, "SCENE %u: duplicate of %u", scene->index, scene->duplicate_of);
    if (!is_box_inside(&scene->crop, &talk->info))
        return REFUSE(err, "SCENE %u: box outside the picture", scene->index);
    talk->scenes = scene->index;
    talk->scene_end_us = scene->end_us;
    return ORI_OK;
}

static uint64_t input_bytes_of(const struct ori_child_talk *talk)
{
    uint64_t side = (uint64_t)talk->start.options.input.side;
    return 3 * side * side;
}

static ori_status check_frame(struct ori_child_talk *talk, const struct ori_msg_frame *frame,
                              struct ori_error *err)
{
    uint64_t slot_bytes = talk->start.slot_bytes;
    if (frame->slot >= talk->start.slots)
        return REFUSE(err, "FRAME: slot %u of %u", frame->slot, talk->start.slots);
    if (talk->slots_busy & UINT64_C(1) << frame->slot)
        return REFUSE(err, "FRAME: slot %u was not released", frame->slot);
    if (frame->n != talk->frames + 1 || frame->n > ORI_CHILD_FRAMES_MAX)
        return REFUSE(err, "FRAME: number %u after %u", frame->n, talk->frames);
    if (frame->scene < 1 || frame->scene < talk->frame_scene || frame->scene > ORI_CHILD_SCENES_MAX)
        return REFUSE(err, "FRAME %u: scene %u", frame->n, frame->scene);
    if (!is_time(frame->pts_us) || frame->pts_us <= talk->frame_us)
        return REFUSE(err, "FRAME %u: time out of order", frame->n);
    if (!is_side(frame->width) || !is_side(frame->height))
        return REFUSE(err, "FRAME %u: a picture of %d x %d", frame->n, frame->width, frame->height);
    if (frame->still_bytes < 1 || frame->still_bytes > slot_bytes)
        return REFUSE(err, "FRAME %u: still outside its slot", frame->n);
    if (frame->input_offset % ORI_CHILD_SLOT_ALIGN != 0 ||
        frame->input_offset < frame->still_bytes || frame->input_offset > slot_bytes ||
        frame->input_bytes != input_bytes_of(talk) ||
        frame->input_bytes > slot_bytes - frame->input_offset)
        return REFUSE(err, "FRAME %u: model input outside its slot", frame->n);
    talk->frames = frame->n;
    talk->frame_scene = frame->scene;
    talk->frame_us = frame->pts_us;
    talk->slots_busy |= UINT64_C(1) << frame->slot;
    return ORI_OK;
}

static ori_status check_picture(struct ori_child_talk *talk, const struct ori_msg_picture *picture,
                                struct ori_error *err)
{
    if (talk->has_picture)
        return REFUSE(err, "PICTURE: said twice");
    if (!is_side(picture->width) || !is_side(picture->height))
        return REFUSE(err, "PICTURE: %d x %d", picture->width, picture->height);
    if (picture->input_bytes != input_bytes_of(talk) ||
        picture->input_bytes > talk->start.slot_bytes)
        return REFUSE(err, "PICTURE: model input outside its slot");
    talk->has_picture = true;
    return ORI_OK;
}

static ori_status check_thumb(struct ori_child_talk *talk, const struct ori_msg_thumb *thumb,
                              struct ori_error *err)
{
    int32_t side = talk->start.options.input.side;
    if (talk->has_picture)
        return REFUSE(err, "THUMB: said twice");
    if (thumb->width < 1 || thumb->width > side || thumb->height < 1 || thumb->height > side)
        return REFUSE(err, "THUMB: %d x %d", thumb->width, thumb->height);
    if (thumb->still_bytes < 1 || thumb->still_bytes > talk->start.slot_bytes)
        return REFUSE(err, "THUMB: still outside its slot");
    talk->has_picture = true;
    return ORI_OK;
}

static ori_status check_chunk(struct ori_child_talk *talk, const struct ori_msg_chunk *chunk,
                              struct ori_error *err)
{
    if (talk->has_picture)
        return REFUSE(err, "CHUNK: after CLIP");
    if (chunk->slot >= talk->start.slots)
        return REFUSE(err, "CHUNK: slot %u of %u", chunk->slot, talk->start.slots);
    if (talk->slots_busy & UINT64_C(1) << chunk->slot)
        return REFUSE(err, "CHUNK: slot %u was not released", chunk->slot);
    if (chunk->bytes < 1 || chunk->bytes > talk->start.slot_bytes)
        return REFUSE(err, "CHUNK: bytes outside its slot");
    if ((int64_t)chunk->bytes > (int64_t)ORI_LIMIT_MAX_CLIP_BYTES - talk->clip_bytes)
        return REFUSE(err, "CHUNK: a clip of more than %lld bytes (CLIP_BYTES)",
                      (long long)ORI_LIMIT_MAX_CLIP_BYTES);
    talk->clip_bytes += (int64_t)chunk->bytes;
    talk->slots_busy |= UINT64_C(1) << chunk->slot;
    return ORI_OK;
}

static ori_status check_clip(struct ori_child_talk *talk, struct ori_msg_clip *clip,
                             struct ori_error *err)
{
    if (talk->has_picture)
        return REFUSE(err, "CLIP: said twice");
    if (clip->encoder == ORI_CLIP_AUTO || clip->encoder >= ORI_CLIP_ENCODER_COUNT)
        return REFUSE(err, "CLIP: encoder %u", clip->encoder);
    if (!is_side(clip->width) || !is_side(clip->height))
        return REFUSE(err, "CLIP: %d x %d", clip->width, clip->height);
    if (clip->has_audio > 1 || clip->is_silenced > 1 || clip->frames < 1)
        return REFUSE(err, "CLIP: a number out of range");
    if (clip->bytes < 1 || clip->bytes != talk->clip_bytes)
        return REFUSE(err, "CLIP: %lld bytes, %lld were said", (long long)clip->bytes,
                      (long long)talk->clip_bytes);
    if (!clean_text(clip->instead, sizeof clip->instead))
        return REFUSE(err, "CLIP: a string without end");
    talk->has_picture = true;
    return ORI_OK;
}

static ori_status check_progress(const struct ori_msg_progress *progress, struct ori_error *err)
{
    if (progress->frames_kept > ORI_CHILD_FRAMES_MAX || progress->frames_decoded < 0 ||
        !is_time(progress->pts_us))
        return REFUSE(err, "PROGRESS: out of range");
    return ORI_OK;
}

static bool is_share(double value)
{
    return isfinite(value) && value >= 0 && value <= 1;
}

static ori_status check_score(struct ori_child_talk *talk, const struct ori_msg_score *score,
                              struct ori_error *err)
{
    if (talk->scores >= ORI_LIMIT_MAX_CHILD_SCORES)
        return REFUSE(err, "SCORE: more than %d", ORI_LIMIT_MAX_CHILD_SCORES);
    if (!is_time(score->pts_us) || score->pts_us <= talk->score_us)
        return REFUSE(err, "SCORE: time out of order");
    if (score->has_score > 1 || !is_share(score->score) || !is_share(score->classic))
        return REFUSE(err, "SCORE: out of range");
    talk->scores++;
    talk->score_us = score->pts_us;
    return ORI_OK;
}

static ori_status check_look(const struct ori_child_talk *talk, const struct ori_msg_look *look,
                             struct ori_error *err)
{
    const int half = ORI_CHILD_LOOK_SIDE / 2;
    if (!talk->may_look)
        return REFUSE(err, "LOOK: not behind a SCORE");
    if (look->width < 1 || look->width > ORI_CHILD_LOOK_SIDE || look->height < 1 ||
        look->height > ORI_CHILD_LOOK_SIDE)
        return REFUSE(err, "LOOK: luma of %d x %d", look->width, look->height);
    if (look->chroma_width < 0 || look->chroma_width > half || look->chroma_height < 0 ||
        look->chroma_height > half || !look->chroma_width != !look->chroma_height)
        return REFUSE(err, "LOOK: chroma of %d x %d", look->chroma_width, look->chroma_height);
    return ORI_OK;
}

static ori_status check_shot(struct ori_child_talk *talk, const struct ori_msg_shot *shot,
                             struct ori_error *err)
{
    static const uint32_t most[] = {[ORI_SHOT_KEPT] = ORI_LIMIT_MAX_CHILD_SHOTS_KEPT,
                                    [ORI_SHOT_DROPPED] = ORI_LIMIT_MAX_CHILD_SHOTS_DROPPED,
                                    [ORI_SHOT_WHOLE] = ORI_LIMIT_MAX_CHILD_SHOTS_WHOLE};
    static const uint8_t begin[] = {0xff, 0xd8, 0xff};
    const int side = ORI_LIMIT_MAX_CHILD_SHOT_SIDE;
    if (shot->kind < ORI_SHOT_KEPT || shot->kind > ORI_SHOT_WHOLE)
        return REFUSE(err, "SHOT: kind %u", shot->kind);
    if (talk->shots[shot->kind] >= most[shot->kind])
        return REFUSE(err, "SHOT: more than %u of kind %u", most[shot->kind], shot->kind);
    if (shot->kind == ORI_SHOT_WHOLE ? shot->n != 0 : shot->n < 1 || shot->n > talk->frames)
        return REFUSE(err, "SHOT: frame %u of %u", shot->n, talk->frames);
    if (shot->kind == ORI_SHOT_KEPT && (shot->n <= talk->shot_n || shot->n != talk->frames))
        return REFUSE(err, "SHOT: frame %u is not the last", shot->n);
    if (shot->scene < 1 || shot->scene > ORI_CHILD_SCENES_MAX || !is_time(shot->pts_us))
        return REFUSE(err, "SHOT: scene or time out of range");
    if (shot->width < 1 || shot->width > side || shot->height < 1 || shot->height > side)
        return REFUSE(err, "SHOT: %d x %d", shot->width, shot->height);
    if (shot->distance > ORI_CHILD_DISTANCE_MAX)
        return REFUSE(err, "SHOT: distance %u", shot->distance);
    if (shot->bytes < sizeof begin || shot->bytes > sizeof shot->jpeg ||
        memcmp(shot->jpeg, begin, sizeof begin) != 0)
        return REFUSE(err, "SHOT: no JPEG of %u bytes", shot->bytes);
    talk->shots[shot->kind]++;
    if (shot->kind == ORI_SHOT_KEPT)
        talk->shot_n = shot->n;
    return ORI_OK;
}

static ori_status check_warning(struct ori_child_talk *talk, struct ori_msg_warning *warning,
                                struct ori_error *err)
{
    if (talk->warnings >= ORI_CHILD_WARNINGS_MAX)
        return REFUSE(err, "WARNING: more than %d", ORI_CHILD_WARNINGS_MAX);
    if (!is_code(warning->code, sizeof warning->code) ||
        !clean_text(warning->code, sizeof warning->code) ||
        !clean_text(warning->text, sizeof warning->text))
        return REFUSE(err, "WARNING: a string out of range");
    talk->warnings++;
    return ORI_OK;
}

static ori_status check_done(struct ori_child_talk *talk, const struct ori_msg_done *done,
                             struct ori_error *err)
{
    bool is_picture = talk->start.job != ORI_CHILD_JOB_VIDEO;
    if (is_picture ? !talk->has_picture : !talk->has_info)
        return REFUSE(err, "DONE: nothing was said before");
    if (done->scenes != talk->scenes || done->frames != talk->frames ||
        talk->frame_scene > talk->scenes)
        return REFUSE(err, "DONE: %u scenes and %u frames, %u and %u were said", done->scenes,
                      done->frames, talk->scenes, talk->frames);
    if (done->has_crop > 1 || (done->has_crop && !is_box_inside(&done->crop, &talk->info)))
        return REFUSE(err, "DONE: box outside the picture");
    if (done->has_crop && talk->start.options.clip.is_wanted &&
        !ori_child_clip_is_sane(&done->clip_shape))
        return REFUSE(err, "DONE: a clip that cannot be");
    if (!is_time(done->duration_us) || done->frames_decoded < 0)
        return REFUSE(err, "DONE: a count out of range");
    if (!is_seconds(done->decode_seconds) || !is_seconds(done->vision_seconds) ||
        !is_seconds(done->still_seconds) || !is_seconds(done->wait_seconds))
        return REFUSE(err, "DONE: seconds out of range");
    talk->has_ended = true;
    return ORI_OK;
}

static ori_status check_fail(struct ori_child_talk *talk, struct ori_msg_fail *fail,
                             struct ori_error *err)
{
    if (!is_code(fail->code, sizeof fail->code) || !is_code(fail->stage, sizeof fail->stage) ||
        !clean_text(fail->code, sizeof fail->code) ||
        !clean_text(fail->stage, sizeof fail->stage) || !clean_text(fail->text, sizeof fail->text))
        return REFUSE(err, "FAIL: a string out of range");
    ori_status status = ori_status_from_code(fail->code);
    if (status == ORI_OK || status == ORI_AGAIN || status == ORI_EOF || status == ORI_CANCELLED)
        return REFUSE(err, "FAIL: %s is no failure", fail->code);
    talk->has_ended = true;
    return ORI_OK;
}

/* Only what was asked for. */
static ori_status check_telling(const struct ori_child_talk *talk, uint32_t type,
                                struct ori_error *err)
{
    uint32_t bit = type == ORI_MSG_SCORE  ? ORI_TELL_SCORES
                   : type == ORI_MSG_LOOK ? ORI_TELL_LOOKS
                                          : ORI_TELL_SHOTS;
    bool is_video = talk->start.job == ORI_CHILD_JOB_VIDEO;
    if (!is_video || !talk->has_info || !(talk->start.tells & bit))
        return REFUSE(err, "message %u, which nobody asked for", type);
    return ORI_OK;
}

/* May this type come now? Before INFO only what needs no picture; never the other job's words. */
static ori_status check_order(const struct ori_child_talk *talk, uint32_t type,
                              struct ori_error *err)
{
    bool is_video = talk->start.job == ORI_CHILD_JOB_VIDEO;
    switch (type) {
    case ORI_MSG_SCENE:
    case ORI_MSG_FRAME:
        if (!is_video || !talk->has_info)
            return REFUSE(err, "message %u before INFO or in a picture job", type);
        return ORI_OK;
    case ORI_MSG_SCORE:
    case ORI_MSG_LOOK:
    case ORI_MSG_SHOT:
        return check_telling(talk, type, err);
    case ORI_MSG_PICTURE:
        if (talk->start.job != ORI_CHILD_JOB_PICTURE)
            return REFUSE(err, "PICTURE in another job");
        return ORI_OK;
    case ORI_MSG_THUMB:
        if (talk->start.job != ORI_CHILD_JOB_THUMB)
            return REFUSE(err, "THUMB in another job");
        return ORI_OK;
    case ORI_MSG_CHUNK:
    case ORI_MSG_CLIP:
        if (talk->start.job != ORI_CHILD_JOB_CLIP)
            return REFUSE(err, "message %u in another job", type);
        return ORI_OK;
    case ORI_MSG_INFO:
    case ORI_MSG_PROGRESS:
    case ORI_MSG_WARNING:
    case ORI_MSG_NEED:
    case ORI_MSG_DONE:
    case ORI_MSG_FAIL:
        return ORI_OK;
    default:
        return REFUSE(err, "message of unknown type %u", type);
    }
}

static ori_status check_fields(struct ori_child_talk *talk, union ori_child_message *message,
                               struct ori_error *err)
{
    switch (message->type) {
    case ORI_MSG_NEED:
        return check_need(talk, &message->need, err);
    case ORI_MSG_INFO:
        return check_info(talk, &message->info, err);
    case ORI_MSG_SCENE:
        return check_scene(talk, &message->scene, err);
    case ORI_MSG_FRAME:
        return check_frame(talk, &message->frame, err);
    case ORI_MSG_PICTURE:
        return check_picture(talk, &message->picture, err);
    case ORI_MSG_THUMB:
        return check_thumb(talk, &message->thumb, err);
    case ORI_MSG_PROGRESS:
        return check_progress(&message->progress, err);
    case ORI_MSG_SCORE:
        return check_score(talk, &message->score, err);
    case ORI_MSG_LOOK:
        return check_look(talk, &message->look, err);
    case ORI_MSG_SHOT:
        return check_shot(talk, &message->shot, err);
    case ORI_MSG_WARNING:
        return check_warning(talk, &message->warning, err);
    case ORI_MSG_DONE:
        return check_done(talk, &message->done, err);
    case ORI_MSG_CHUNK:
        return check_chunk(talk, &message->chunk, err);
    case ORI_MSG_CLIP:
        return check_clip(talk, &message->clip, err);
    default:
        return check_fail(talk, &message->fail, err);
    }
}

void ori_child_talk_begin(struct ori_child_talk *ret_talk, const struct ori_msg_start *start)
{
    memset(ret_talk, 0, sizeof *ret_talk);
    ret_talk->start = *start;
    ret_talk->frame_us = -1;
    ret_talk->score_us = -1;
    for (uint32_t i = 0; i < start->slots_held && i < start->slots; i++)
        ret_talk->slots_busy |= UINT64_C(1) << (start->slots - 1 - i);
}

ori_status ori_child_message_check(struct ori_child_talk *talk, union ori_child_message *message,
                                   size_t bytes, struct ori_error *err)
{
    ori_status status = ORI_OK;
    if (talk->has_ended)
        status = REFUSE(err, "a message after the end");
    else if (talk->messages >= ORI_CHILD_MESSAGES_MAX)
        status = REFUSE(err, "more than %d messages", ORI_CHILD_MESSAGES_MAX);
    else if (bytes < sizeof message->type)
        status = REFUSE(err, "a message of %zu bytes", bytes);
    if (status == ORI_OK)
        status = check_order(talk, message->type, err);
    if (status == ORI_OK && bytes != ori_child_message_bytes(message->type))
        status = REFUSE(err, "message %u of %zu bytes", message->type, bytes);
    if (status == ORI_OK)
        status = check_fields(talk, message, err);
    talk->may_look = message->type == ORI_MSG_SCORE;
    if (status == ORI_OK)
        talk->messages++;
    else
        talk->has_ended = true;
    return status;
}

void ori_child_talk_released(struct ori_child_talk *talk, uint32_t slot)
{
    ORI_ASSERT(slot < talk->start.slots);
    talk->slots_busy &= ~(UINT64_C(1) << slot);
}
