#include "media/video_priv.h"

#include <stdlib.h>

int64_t ori_video_to_us(int64_t time, AVRational base)
{
    if (time == AV_NOPTS_VALUE || base.num <= 0 || base.den <= 0)
        return ORI_TIME_UNKNOWN;
    return av_rescale_q_rnd(time, base, ORI_US_BASE, AV_ROUND_NEAR_INF | AV_ROUND_PASS_MINMAX);
}

struct ori_frame *ori_frame_create(AVFrame *picture)
{
    struct ori_frame_impl *impl = picture ? calloc(1, sizeof *impl) : NULL;
    if (!impl) {
        av_frame_free(&picture);
        return NULL;
    }
    impl->picture = picture;
    impl->frame.impl = impl;
    impl->frame.width = picture->width;
    impl->frame.height = picture->height;
    return &impl->frame;
}

struct ori_frame *ori_frame_ref(struct ori_frame *frame)
{
    struct ori_frame *copy = ori_frame_create(av_frame_clone(frame->impl->picture));
    if (copy) {
        copy->pts_us = frame->pts_us;
        copy->is_stand_in = frame->is_stand_in;
    }
    return copy;
}

void ori_frame_unref(struct ori_frame **frame)
{
    if (!frame || !*frame)
        return;
    struct ori_frame_impl *impl = (*frame)->impl;
    av_frame_free(&impl->picture);
    free(impl);
    *frame = NULL;
}
