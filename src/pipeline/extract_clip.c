/* The decode child's second pass over a video whose box is known: cropped, encoded, said piece by piece.
 * All frames are decoded whatever the first pass has left out. */
#include <stdio.h>
#include <string.h>

#include "pipeline/extract_priv.h"
#include "util/clock.h"
#include "util/limits.h"

#define PROGRESS_GAP_US 150000

static ori_status send_chunk(struct extract_clip *clip, struct ori_error *err)
{
    struct ori_msg_chunk chunk = {
        .type = ORI_MSG_CHUNK, .slot = clip->slot, .bytes = (uint64_t)clip->used};
    clip->data = NULL;
    clip->used = 0;
    return ori_child_side_send(clip->side, &chunk, sizeof chunk, err);
}

/* ori_clip_write_fn. */
static ori_status write_clip(void *self, const uint8_t *data, size_t bytes, struct ori_error *err)
{
    struct extract_clip *clip = self;
    const size_t slot_bytes = clip->side->start.slot_bytes;
    ori_status status = ORI_OK;
    if ((int64_t)bytes > (int64_t)ORI_LIMIT_MAX_CLIP_BYTES - clip->bytes)
        return ori_error_set(err, ORI_LIMIT, "a clip of more than %lld bytes (CLIP_BYTES)",
                             (long long)ORI_LIMIT_MAX_CLIP_BYTES);
    clip->bytes += (int64_t)bytes;
    while (bytes > 0 && status == ORI_OK) {
        if (!clip->data)
            status = ori_child_side_slot(clip->side, &clip->slot, &clip->data, err);
        if (status != ORI_OK)
            break;
        const size_t room = slot_bytes - clip->used;
        const size_t piece = bytes < room ? bytes : room;
        memcpy(clip->data + clip->used, data, piece);
        clip->used += piece;
        data += piece;
        bytes -= piece;
        if (clip->used == slot_bytes)
            status = send_chunk(clip, err);
    }
    return status;
}

static ori_status send_progress(struct extract_clip *clip, int64_t pts_us, struct ori_error *err)
{
    const int64_t now_us = ori_clock_us();
    if (now_us < clip->next_progress_us)
        return ORI_OK;
    clip->next_progress_us = now_us + PROGRESS_GAP_US;
    const struct ori_msg_progress message = {.type = ORI_MSG_PROGRESS, .pts_us = pts_us};
    return ori_child_side_send(clip->side, &message, sizeof message, err);
}

static ori_status push_all(struct extract_clip *clip, struct ori_error *err)
{
    ori_status status = ORI_OK;
    while (status == ORI_OK) {
        struct ori_frame *frame = NULL;
        status = ori_video_next(clip->video, &frame, err);
        if (status != ORI_OK)
            break;
        const int64_t pts_us = frame->pts_us;
        status = ori_clip_push(clip->clip, frame, err);
        ori_frame_unref(&frame);
        if (status == ORI_OK)
            status = send_progress(clip, pts_us, err);
    }
    return status == ORI_EOF ? ORI_OK : status;
}

static ori_status send_end(struct extract_clip *clip, struct ori_error *err)
{
    const struct ori_clip_facts facts = ori_clip_facts(clip->clip);
    const struct ori_msg_done done = {.type = ORI_MSG_DONE};
    struct ori_msg_clip message = {.type = ORI_MSG_CLIP,
                                   .encoder = (uint32_t)facts.encoder,
                                   .width = facts.width,
                                   .height = facts.height,
                                   .has_audio = facts.has_audio,
                                   .is_silenced = facts.is_silenced,
                                   .frames = facts.frames,
                                   .bytes = clip->bytes};
    snprintf(message.instead, sizeof message.instead, "%s", facts.instead);
    ori_status status = clip->used ? send_chunk(clip, err) : ORI_OK;
    if (status == ORI_OK)
        status = ori_child_side_send(clip->side, &message, sizeof message, err);
    if (status == ORI_OK)
        status = ori_child_side_send(clip->side, &done, sizeof done, err);
    return status;
}

ori_status extract_clip_open(struct extract_clip *clip, struct ori_error *err)
{
    const struct ori_msg_start *start = &clip->side->start;
    const struct ori_clip_setup setup = {.options = start->options.clip,
                                         .shape = start->clip_shape,
                                         .may_use_gpu = start->clip_on_gpu != 0,
                                         .frame_rate = start->clip_frame_rate,
                                         .write = write_clip,
                                         .write_self = clip};
    return ori_clip_create(&setup, &clip->clip, err);
}

ori_status extract_clip(struct extract_clip *clip, const char **ret_stage, struct ori_error *err)
{
    const struct ori_extract_options *options = &clip->side->start.options;
    const struct ori_video_options video = {.threads = options->decode_threads,
                                            .pixels_max = options->pixels_max,
                                            .duration_us_max = options->duration_us_max,
                                            .frames_max = ORI_LIMIT_MAX_DECODED_FRAMES,
                                            .keeps_sound = true};
    struct ori_video_info info;
    *ret_stage = "clip";
    ori_status status = ori_video_open(&clip->side->source, &video, &clip->video, &info, err);
    if (status == ORI_OK)
        status = ori_clip_begin(clip->clip, clip->video, &info, err);
    if (status == ORI_OK)
        status = push_all(clip, err);
    if (status == ORI_OK)
        status = ori_clip_finish(clip->clip, err);
    return status == ORI_OK ? send_end(clip, err) : status;
}

void extract_clip_close(struct extract_clip *clip)
{
    ori_clip_destroy(&clip->clip);
    ori_video_close(&clip->video);
}
