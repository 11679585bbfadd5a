/* Pictures of the clip, and the file they go into. Usually nothing of a picture is copied: the encoder
 * sees a reference to the decoder's, whose planes begin at the box. */
#include "media/clip_priv.h"

#include <stdlib.h>
#include <string.h>

#include <libavutil/imgutils.h>
#include <libavutil/opt.h>

#define FILE_BUFFER_BYTES 65536
#define SOUND_WAIT_US 30000000
#define FRAGMENT_BYTES                                                                             \
    8388608 /* a fragment waits in memory: lossless ones end before the key frame */

static ori_status encode_failed(struct ori_error *err, int averror, const char *what)
{
    char text[AV_ERROR_MAX_STRING_SIZE] = {0};
    if (averror == AVERROR(ENOMEM))
        return ori_error_set(err, ORI_NOMEM, "%s", what);
    av_strerror(averror, text, sizeof text);
    return ori_error_set(err, ORI_ENCODE, "%s: %s", what, text);
}

/* ---- pictures ---- */

/* The J formats are the others in full range. */
static enum AVPixelFormat plain_format(int format)
{
    switch (format) {
    case AV_PIX_FMT_YUVJ420P:
        return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
        return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P:
        return AV_PIX_FMT_YUV444P;
    default:
        return (enum AVPixelFormat)format;
    }
}

struct ori_clip_shape ori_clip_shape_of(const struct ori_video *video, const struct ori_box *box)
{
    const enum AVPixelFormat format = video->decoder->pix_fmt;
    const int x = box->x & ~1;
    const int y = box->y & ~1;
    return (struct ori_clip_shape){
        .box = {x, y, (box->x + box->w + 1 - x) & ~1, (box->y + box->h + 1 - y) & ~1},
        .samples = (int32_t)ori_clip_samples_of(plain_format(format))};
}

static int even(int side)
{
    return (side + 1) & ~1;
}

/* From picture, scaled to width x height, into made, which has the encoder's format. */
static ori_status convert(struct ori_clip *clip, const AVFrame *picture, AVFrame *made,
                          struct ori_error *err)
{
    const int width = clip->info.width;
    const int height = clip->info.height;
    const enum AVPixelFormat from = plain_format(picture->format);
    if (from == made->format && picture->width == width && picture->height == height) {
        av_image_copy(made->data, made->linesize, (const uint8_t **)picture->data,
                      picture->linesize, made->format, width, height);
        return ORI_OK;
    }
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(from);
    const bool is_rgb = desc && (desc->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL));
    const int is_full = picture->color_range == AVCOL_RANGE_JPEG || from != picture->format;
    clip->scaler = sws_getCachedContext(
        clip->scaler, picture->width, picture->height, from, width, height, made->format,
        SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_BITEXACT, NULL, NULL, NULL);
    if (!clip->scaler)
        return ori_error_set(err, ORI_ENCODE, "pictures of this format cannot be converted");
    const int *table =
        sws_getCoefficients(SWS_CS_ITU601); /* what set_up says of RGB; else unused */
    sws_setColorspaceDetails(clip->scaler, table, is_rgb || is_full, table, !is_rgb && is_full, 0,
                             1 << 16, 1 << 16);
    sws_scale(clip->scaler, (const uint8_t *const *)picture->data, picture->linesize, 0,
              picture->height, made->data, made->linesize);
    return ORI_OK;
}

/* The last column and line of an odd picture, once more. */
static void double_edges(const struct ori_clip *clip, AVFrame *made)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(made->format);
    const int bytes = desc->comp[0].depth > 8 ? 2 : 1;
    for (int i = 0; i < 3; i++) {
        const int shift_w = i ? desc->log2_chroma_w : 0;
        const int shift_h = i ? desc->log2_chroma_h : 0;
        const int width = AV_CEIL_RSHIFT(clip->info.width, shift_w);
        const int height = AV_CEIL_RSHIFT(clip->info.height, shift_h);
        const int stride = made->linesize[i];
        uint8_t *data = made->data[i];
        for (int y = 0; y < height && width < AV_CEIL_RSHIFT(made->width, shift_w); y++) {
            uint8_t *end = data + (ptrdiff_t)y * stride + (ptrdiff_t)width * bytes;
            memcpy(end, end - bytes, (size_t)bytes);
        }
        if (height < AV_CEIL_RSHIFT(made->height, shift_h))
            memcpy(data + (ptrdiff_t)height * stride, data + (ptrdiff_t)(height - 1) * stride,
                   (size_t)AV_CEIL_RSHIFT(made->width, shift_w) * (size_t)bytes);
    }
}

/* The whole picture, as the encoder wants it, in memory of its own. */
static ori_status make_picture(struct ori_clip *clip, const AVFrame *picture, AVFrame *made,
                               struct ori_error *err)
{
    made->format = clip->encoder->pix_fmt;
    made->width = even(clip->info.width);
    made->height = even(clip->info.height);
    int averror = av_frame_get_buffer(made, 0);
    if (averror >= 0)
        averror = av_frame_copy_props(made, picture);
    if (averror < 0)
        return encode_failed(err, averror, "picture of the clip");
    const ori_status status = convert(clip, picture, made, err);
    if (status == ORI_OK)
        double_edges(clip, made);
    return status;
}

static ori_status crop_picture(struct ori_clip *clip, const AVFrame *picture, AVFrame *made,
                               struct ori_error *err)
{
    const struct ori_box *box = &clip->setup.shape.box;
    const bool is_direct = plain_format(picture->format) == clip->encoder->pix_fmt &&
                           picture->width == clip->info.width &&
                           picture->height == clip->info.height &&
                           box->x + box->w <= picture->width && box->y + box->h <= picture->height;
    ori_status status = ORI_OK;
    if (!is_direct)
        status = make_picture(clip, picture, made, err);
    else if (av_frame_ref(made, picture) < 0)
        status = ori_error_set(err, ORI_NOMEM, "picture of the clip");
    if (status != ORI_OK)
        return status;
    if (box->x + box->w > made->width || box->y + box->h > made->height)
        return ori_error_set(err, ORI_ENCODE, "a box outside the picture");
    made->format = clip->encoder->pix_fmt;
    made->crop_left = (size_t)box->x;
    made->crop_top = (size_t)box->y;
    made->crop_right = (size_t)(made->width - box->x - box->w);
    made->crop_bottom = (size_t)(made->height - box->y - box->h);
    const int averror = av_frame_apply_cropping(made, AV_FRAME_CROP_UNALIGNED);
    return averror < 0 ? encode_failed(err, averror, "cropping") : ORI_OK;
}

/* ---- the file ---- */

static int write_bytes(void *self, uint8_t *data, int bytes)
{
    struct ori_clip *clip = self;
    if (clip->write_status == ORI_OK && bytes > 0)
        clip->write_status =
            clip->setup.write(clip->setup.write_self, data, (size_t)bytes, &clip->write_error);
    return clip->write_status == ORI_OK ? bytes : AVERROR(EIO);
}

ori_status ori_clip_write_failed(const struct ori_clip *clip, int averror, struct ori_error *err)
{
    if (clip->write_status == ORI_OK)
        return encode_failed(err, averror, "writing the clip");
    if (err && err->status == ORI_OK)
        *err = clip->write_error;
    return clip->write_status;
}

static void close_file(struct ori_clip *clip)
{
    if (clip->mux && clip->mux->pb) {
        av_freep(&clip->mux->pb->buffer);
        avio_context_free(&clip->mux->pb);
    }
    avformat_free_context(clip->mux);
    av_bsf_free(&clip->sound_filter);
    clip->mux = NULL;
    clip->picture_stream = NULL;
    clip->sound_stream = NULL;
}

static int copy_side_data(const AVStream *from, AVStream *to, enum AVPacketSideDataType type)
{
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102)
    const AVPacketSideData *side = av_packet_side_data_get(
        from->codecpar->coded_side_data, from->codecpar->nb_coded_side_data, type);
    if (!side)
        return 0;
    AVPacketSideData *copy = av_packet_side_data_new(
        &to->codecpar->coded_side_data, &to->codecpar->nb_coded_side_data, type, side->size, 0);
    if (copy)
        memcpy(copy->data, side->data, side->size);
#else
    size_t bytes = 0;
    const uint8_t *data = av_stream_get_side_data(from, type, &bytes);
    if (!data)
        return 0;
    uint8_t *copy = av_stream_new_side_data(to, type, bytes);
    if (copy)
        memcpy(copy, data, bytes);
#endif
    return copy ? 0 : AVERROR(ENOMEM);
}

static int add_picture_stream(struct ori_clip *clip, const AVFrame *picture)
{
    static const enum AVPacketSideDataType kept[] = {AV_PKT_DATA_DISPLAYMATRIX,
                                                     AV_PKT_DATA_MASTERING_DISPLAY_METADATA,
                                                     AV_PKT_DATA_CONTENT_LIGHT_LEVEL};
    AVStream *stream = avformat_new_stream(clip->mux, NULL);
    if (!stream)
        return AVERROR(ENOMEM);
    int averror = avcodec_parameters_from_context(stream->codecpar, clip->encoder);
    for (size_t i = 0; averror >= 0 && i < sizeof kept / sizeof kept[0]; i++)
        averror = copy_side_data(clip->video->stream, stream, kept[i]);
    /* an encoder of the GPU was opened before the first picture was seen */
    stream->codecpar->color_primaries = picture->color_primaries;
    stream->codecpar->color_trc = picture->color_trc;
    if (stream->codecpar->color_space == AVCOL_SPC_UNSPECIFIED)
        stream->codecpar->color_space = picture->colorspace;
    if (stream->codecpar->color_range == AVCOL_RANGE_UNSPECIFIED)
        stream->codecpar->color_range = picture->color_range;
    stream->sample_aspect_ratio = (AVRational){clip->info.sar_num, clip->info.sar_den};
    stream->codecpar->sample_aspect_ratio = stream->sample_aspect_ratio;
    stream->time_base = ORI_US_BASE;
    stream->avg_frame_rate = clip->encoder->framerate;
    clip->picture_stream = stream;
    return averror;
}

static int open_file(struct ori_clip *clip, const AVFrame *picture, bool has_sound)
{
    AVDictionary *options = NULL;
    int averror = avformat_alloc_output_context2(&clip->mux, NULL, "mp4", NULL);
    uint8_t *buffer = averror < 0 ? NULL : av_malloc(FILE_BUFFER_BYTES);
    if (!buffer)
        return averror < 0 ? averror : AVERROR(ENOMEM);
    clip->mux->pb = avio_alloc_context(buffer, FILE_BUFFER_BYTES, 1, clip, NULL, write_bytes, NULL);
    if (!clip->mux->pb) {
        av_free(buffer);
        return AVERROR(ENOMEM);
    }
    /* exact: no version of libav in the file, so that the same video gives the same clip */
    clip->mux->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT;
    averror = add_picture_stream(clip, picture);
    if (averror >= 0 && has_sound)
        averror = ori_clip_add_sound(clip);
    if (averror >= 0)
        averror = av_dict_set(&options, "movflags",
                              "frag_keyframe+empty_moov+delay_moov+default_base_moof", 0);
    if (averror >= 0)
        averror = av_dict_set_int(&options, "frag_size", FRAGMENT_BYTES, 0);
    if (averror >= 0)
        averror = avformat_write_header(clip->mux, &options);
    av_dict_free(&options);
    return averror;
}

static ori_status begin_file(struct ori_clip *clip, const AVFrame *picture, struct ori_error *err)
{
    bool has_sound = clip->video->sound.stream != NULL;
    int averror = open_file(clip, picture, has_sound);
    if (averror < 0 && has_sound && averror != AVERROR(ENOMEM) && clip->write_status == ORI_OK) {
        close_file(clip);
        clip->is_silenced = true;
        averror = open_file(clip, picture, false);
    }
    return averror < 0 ? ori_clip_write_failed(clip, averror, err) : ORI_OK;
}

/* The muxer keeps the file's head, and all behind it, until each stream has said something. Sound that
 * comes after the head was written says its own time. */
static int wait_no_longer(struct ori_clip *clip)
{
    int averror = 0;
    if (clip->is_begun || !clip->sound_stream)
        return 0;
    clip->is_begun = clip->sound_dts != INT64_MIN || clip->last_us > SOUND_WAIT_US;
    if (clip->is_begun && clip->sound_dts == INT64_MIN) {
        averror = av_write_frame(clip->mux, NULL);
        if (averror >= 0)
            averror = av_opt_set(clip->mux->priv_data, "movflags", "+frag_discont", 0);
    }
    return averror;
}

static ori_status write_pictures(struct ori_clip *clip, struct ori_error *err)
{
    for (;;) {
        int averror = avcodec_receive_packet(clip->encoder, clip->packet);
        if (averror == AVERROR(EAGAIN) || averror == AVERROR_EOF)
            return ORI_OK;
        if (averror < 0)
            return encode_failed(err, averror, "encoding");
        if (clip->packet->duration <= 0) /* counts for the last one */
            clip->packet->duration = clip->gap_us;
        clip->packet->stream_index = clip->picture_stream->index;
        av_packet_rescale_ts(clip->packet, ORI_US_BASE, clip->picture_stream->time_base);
        averror = av_interleaved_write_frame(clip->mux, clip->packet);
        if (averror >= 0)
            averror = wait_no_longer(clip);
        if (averror < 0)
            return ori_clip_write_failed(clip, averror, err);
    }
}

/* picture: NULL at the end. */
static ori_status encode(struct ori_clip *clip, const AVFrame *picture, struct ori_error *err)
{
    const int averror = avcodec_send_frame(clip->encoder, picture);
    if (averror < 0)
        return encode_failed(err, averror, "encoding");
    ori_status status = write_pictures(clip, err);
    if (status == ORI_OK)
        status = ori_clip_write_sound(clip, err);
    return status;
}

/* ---- the clip ---- */

ori_status ori_clip_create(const struct ori_clip_setup *setup, struct ori_clip **ret_clip,
                           struct ori_error *err)
{
    ORI_ASSERT(setup && ret_clip && setup->write);
    struct ori_clip *clip = calloc(1, sizeof *clip);
    if (!clip)
        return ori_error_set(err, ORI_NOMEM, "clip");
    clip->setup = *setup;
    clip->sound_dts = INT64_MIN;
    clip->packet = av_packet_alloc();
    ori_status status = clip->packet ? ori_clip_open_gpu(clip, err)
                                     : ori_error_set(err, ORI_NOMEM, "packet of the clip");
    if (status == ORI_OK) {
        *ret_clip = clip;
        clip = NULL;
    }
    ori_clip_destroy(&clip);
    return status;
}

bool ori_clip_is_on_gpu(const struct ori_clip *clip)
{
    return clip->encoder &&
           (clip->used == ORI_CLIP_H264_NVENC || clip->used == ORI_CLIP_HEVC_NVENC);
}

ori_status ori_clip_begin(struct ori_clip *clip, struct ori_video *video,
                          const struct ori_video_info *info, struct ori_error *err)
{
    ORI_ASSERT(video->first); /* no frame was taken yet */
    const AVFrame *picture = video->first->impl->picture;
    clip->video = video;
    clip->info = *info;
    if (info->frame_rate >= 1 && info->frame_rate <= 1000)
        clip->gap_us = (int64_t)(1e6 / info->frame_rate);
    else
        clip->gap_us = 40000;
    ori_status status = ORI_OK;
    if (!clip->encoder)
        status = ori_clip_open_software(clip, picture, err);
    if (status == ORI_OK)
        status = begin_file(clip, picture, err);
    return status;
}

ori_status ori_clip_push(struct ori_clip *clip, const struct ori_frame *frame,
                         struct ori_error *err)
{
    AVFrame *made = av_frame_alloc();
    if (!made)
        return ori_error_set(err, ORI_NOMEM, "picture of the clip");
    ori_status status = crop_picture(clip, frame->impl->picture, made, err);
    if (status == ORI_OK) {
        if (clip->frames > 0)
            clip->gap_us = frame->pts_us - clip->last_us;
        clip->frames++;
        clip->last_us = frame->pts_us;
        made->pts = frame->pts_us;
        made->pict_type = AV_PICTURE_TYPE_NONE; /* the encoder decides */
        status = encode(clip, made, err);
    }
    av_frame_free(&made);
    return status;
}

ori_status ori_clip_finish(struct ori_clip *clip, struct ori_error *err)
{
    ori_status status = encode(clip, NULL, err);
    if (status != ORI_OK)
        return status;
    const int averror = av_write_trailer(clip->mux);
    if (averror < 0 || clip->write_status != ORI_OK)
        return ori_clip_write_failed(clip, averror, err);
    return ORI_OK;
}

struct ori_clip_facts ori_clip_facts(const struct ori_clip *clip)
{
    const struct ori_box *box = &clip->setup.shape.box;
    const bool is_sideways = clip->info.rotation == 90 || clip->info.rotation == 270;
    return (struct ori_clip_facts){.encoder = clip->used,
                                   .width = is_sideways ? box->h : box->w,
                                   .height = is_sideways ? box->w : box->h,
                                   .has_audio = clip->sound_dts != INT64_MIN,
                                   .is_silenced = clip->is_silenced || clip->video->sound.is_over,
                                   .frames = clip->frames,
                                   .instead = clip->instead};
}

void ori_clip_destroy(struct ori_clip **clip)
{
    if (!clip || !*clip)
        return;
    struct ori_clip *gone = *clip;
    close_file(gone);
    avcodec_free_context(&gone->encoder);
    av_packet_free(&gone->packet);
    sws_freeContext(gone->scaler);
    free(gone);
    *clip = NULL;
}
