/* The one plane that ffmpeg's scene score is a sum over. libavfilter negotiates: where a filter does
 * not take the decoder's format, it converts to the one of the filter's list that loses least. */
#include "media/video_priv.h"

#include <libavutil/imgutils.h>

#define ROW_ALIGN 64

/* What f_select.c and vf_scdet.c of FFmpeg 5 and 6 take, in their order: of two that lose as much,
 * the first is chosen. */
static const enum AVPixelFormat taken[] = {
    AV_PIX_FMT_RGB24,   AV_PIX_FMT_BGR24,    AV_PIX_FMT_RGBA,      AV_PIX_FMT_ABGR,
    AV_PIX_FMT_BGRA,    AV_PIX_FMT_GRAY8,    AV_PIX_FMT_YUV420P,   AV_PIX_FMT_YUVJ420P,
    AV_PIX_FMT_YUV422P, AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUV420P10,
};

static enum AVPixelFormat nearest(enum AVPixelFormat format, const AVPixFmtDescriptor *desc)
{
    int has_alpha = desc->nb_components % 2 == 0;
    enum AVPixelFormat best = AV_PIX_FMT_NONE;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        best = av_find_best_pix_fmt_of_2(best, taken[i], format, has_alpha, NULL);
    return best;
}

/* As libavfilter's own scaler is set up: plain bicubic, matrix and range of the picture. */
static ori_status set_scaler(struct ori_scaler *scaler, const AVFrame *picture,
                             enum AVPixelFormat to, struct ori_error *err)
{
    int space = picture->colorspace;
    if (space < 1 || space > 10 || space == 8)
        space = AVCOL_SPC_BT470BG;
    const struct ori_scaler_key key = {.from_width = picture->width,
                                       .from_height = picture->height,
                                       .from_format = picture->format,
                                       .to_width = picture->width,
                                       .to_height = picture->height,
                                       .to_format = to,
                                       .matrix = space,
                                       .is_full_range = picture->color_range};
    const struct ori_scaler_key *old = &scaler->key;
    if (scaler->context && old->from_width == key.from_width &&
        old->from_height == key.from_height && old->from_format == key.from_format &&
        old->to_format == to && old->matrix == space && old->is_full_range == key.is_full_range)
        return ORI_OK;
    ori_scaler_deinit(scaler);
    if (!sws_isSupportedInput(key.from_format))
        return ori_error_set(err, ORI_UNSUPPORTED, "pixel format %s is not supported",
                             av_get_pix_fmt_name(key.from_format));
    scaler->context = sws_getContext(key.from_width, key.from_height, key.from_format, key.to_width,
                                     key.to_height, to, SWS_BICUBIC, NULL, NULL, NULL);
    if (!scaler->context)
        return ori_error_set(err, ORI_NOMEM, "conversion of %s",
                             av_get_pix_fmt_name(key.from_format));
    int *inverse = NULL;
    int *table = NULL;
    int is_from_full = 0;
    int is_to_full = 0;
    int brightness = 0;
    int contrast = 0;
    int saturation = 0;
    if (sws_getColorspaceDetails(scaler->context, &inverse, &is_from_full, &table, &is_to_full,
                                 &brightness, &contrast, &saturation) >= 0) {
        const int *matrix = sws_getCoefficients(space);
        if (picture->color_range != AVCOL_RANGE_UNSPECIFIED)
            is_from_full = picture->color_range == AVCOL_RANGE_JPEG;
        sws_setColorspaceDetails(scaler->context, matrix, is_from_full, matrix, is_to_full,
                                 brightness, contrast, saturation);
    }
    scaler->key = key;
    return ORI_OK;
}

static ori_status convert(struct ori_video *video, const AVFrame *picture, enum AVPixelFormat to,
                          uint8_t *planes[4], int strides[4], struct ori_error *err)
{
    ori_status status = set_scaler(&video->score_scaler, picture, to, err);
    if (status != ORI_OK)
        return status;
    int width = FFALIGN(picture->width, ROW_ALIGN);
    int bytes = av_image_fill_linesizes(strides, to, width) < 0
                    ? -1
                    : av_image_get_buffer_size(to, width, picture->height, 1);
    uint8_t *room = bytes > 0 ? ori_scratch_need(&video->score, (size_t)bytes) : NULL;
    if (!room || av_image_fill_pointers(planes, to, picture->height, room, strides) < 0)
        return ori_error_set(err, ORI_NOMEM, "picture for the scene score");
    sws_scale(video->score_scaler.context, (const uint8_t *const *)picture->data, picture->linesize,
              0, picture->height, planes, strides);
    return ORI_OK;
}

ori_status ori_frame_score_samples(struct ori_video *video, const struct ori_frame *frame,
                                   struct ori_samples *ret_samples, struct ori_error *err)
{
    ORI_ASSERT(video && frame && ret_samples);
    const AVFrame *picture = frame->impl->picture;
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(picture->format);
    if (!desc || (desc->flags & AV_PIX_FMT_FLAG_HWACCEL))
        return ori_error_set(err, ORI_UNSUPPORTED, "the pixel format is not supported");
    enum AVPixelFormat to = nearest(picture->format, desc);
    uint8_t *planes[4] = {picture->data[0], NULL, NULL, NULL};
    int strides[4] = {picture->linesize[0], 0, 0, 0};
    if (to != picture->format || strides[0] <= 0) {
        ori_status status = convert(video, picture, to, planes, strides, err);
        if (status != ORI_OK)
            return status;
    }
    int depth = av_pix_fmt_desc_get(to)->comp[0].depth;
    *ret_samples = (struct ori_samples){
        .data = planes[0],
        .stride = strides[0],
        .width = av_image_get_linesize(to, picture->width, 0) >> (depth > 8),
        .height = picture->height,
        .depth = depth,
    };
    return ORI_OK;
}
