/* Which encoder makes the clip, and how it is set. A list of encoders says what libav was built with,
 * not what this machine can do: so one after the other is opened until one is. */
#include "media/clip_priv.h"

#include <stdio.h>
#include <string.h>

#include <libavutil/opt.h>

#define GPU_QP_LOSSLESS "0"

static const char *const encoder_words[ORI_CLIP_ENCODER_COUNT] = {
    [ORI_CLIP_AUTO] = "auto",
    [ORI_CLIP_H264_NVENC] = "h264_nvenc",
    [ORI_CLIP_HEVC_NVENC] = "hevc_nvenc",
    [ORI_CLIP_LIBX264] = "libx264",
    [ORI_CLIP_LIBX265] = "libx265"};

static const struct preset {
    const char *word;
    const char *nvenc;
    const char *x26x;
} presets[] = {
#define ORI_CLIP_PRESET_ROW(word, nvenc, x26x) {word, nvenc, x26x},
#include "media/clip_tbl.h"
};

static const struct tune {
    const char *word;
    const char *nvenc;
    const char *x264;
    const char *x265;
    const char *x265_more;
} tunes[] = {
#define ORI_CLIP_TUNE_ROW(word, nvenc, x264, x265, x265_more) {word, nvenc, x264, x265, x265_more},
#include "media/clip_tbl.h"
};

#define PRESETS ((int)(sizeof presets / sizeof presets[0]))
#define TUNES ((int)(sizeof tunes / sizeof tunes[0]))

int ori_clip_encoder_find(const char *word)
{
    for (int i = 0; i < ORI_CLIP_ENCODER_COUNT; i++) {
        if (strcmp(encoder_words[i], word) == 0)
            return i;
    }
    return -1;
}

int ori_clip_preset_find(const char *word)
{
    for (int i = 0; i < PRESETS; i++) {
        if (strcmp(presets[i].word, word) == 0)
            return i;
    }
    return -1;
}

int ori_clip_tune_find(const char *word)
{
    for (int i = 0; i < TUNES; i++) {
        if (strcmp(tunes[i].word, word) == 0)
            return i;
    }
    return -1;
}

const char *ori_clip_encoder_word(enum ori_clip_encoder encoder)
{
    return encoder_words[encoder];
}

/* ---- pixel formats ---- */

static const enum AVPixelFormat formats[ORI_CLIP_SAMPLES_COUNT] = {
    [ORI_CLIP_420_8] = AV_PIX_FMT_YUV420P,    [ORI_CLIP_422_8] = AV_PIX_FMT_YUV422P,
    [ORI_CLIP_444_8] = AV_PIX_FMT_YUV444P,    [ORI_CLIP_420_10] = AV_PIX_FMT_YUV420P10,
    [ORI_CLIP_422_10] = AV_PIX_FMT_YUV422P10, [ORI_CLIP_444_10] = AV_PIX_FMT_YUV444P10,
};

enum AVPixelFormat ori_clip_format(enum ori_clip_samples samples)
{
    return formats[samples];
}

enum ori_clip_samples ori_clip_samples_of(enum AVPixelFormat format)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);
    int chroma = 2; /* 4:4:4 */
    if (!desc)
        return ORI_CLIP_420_8;
    const bool is_grey = desc->nb_components < 3 && !(desc->flags & AV_PIX_FMT_FLAG_PAL);
    if (is_grey || desc->log2_chroma_h > 0)
        chroma = 0;
    else if (desc->log2_chroma_w > 0)
        chroma = 1;
    const bool is_deep = desc->comp[0].depth > 8;
    return (enum ori_clip_samples)(chroma + (is_deep ? (int)ORI_CLIP_420_10 : 0));
}

/* ORI_CLIP_SAMPLES in the nearest format that the encoder takes. */
static enum AVPixelFormat format_for(const AVCodec *codec, enum ori_clip_samples samples)
{
    const enum AVPixelFormat wanted = formats[samples];
    for (const enum AVPixelFormat *at = codec->pix_fmts; at && *at != AV_PIX_FMT_NONE; at++) {
        if (*at == wanted)
            return wanted;
    }
    return avcodec_find_best_pix_fmt_of_list(codec->pix_fmts, wanted, 0, NULL);
}

/* ---- settings of each encoder ---- */

static int set_nvenc(const struct ori_clip_options *options, AVDictionary **dict)
{
    const struct tune *tune = &tunes[options->tune];
    const bool is_lossless = strcmp(tune->nvenc, "lossless") == 0;
    int averror = av_dict_set(dict, "preset", presets[options->preset].nvenc, 0);
    if (averror >= 0)
        averror = av_dict_set(dict, "tune", tune->nvenc, 0);
    if (averror >= 0)
        averror = av_dict_set(dict, "rc", is_lossless ? "constqp" : "vbr", 0);
    if (averror >= 0 && is_lossless)
        averror = av_dict_set(dict, "qp", GPU_QP_LOSSLESS, 0);
    else if (averror >= 0)
        averror = av_dict_set_int(dict, "cq", options->cq, 0);
    return averror;
}

static int set_x264(const struct ori_clip_options *options, AVDictionary **dict)
{
    const struct tune *tune = &tunes[options->tune];
    int averror = av_dict_set(dict, "preset", presets[options->preset].x26x, 0);
    if (averror >= 0 && tune->x264[0])
        averror = av_dict_set(dict, "tune", tune->x264, 0);
    if (averror >= 0 && strcmp(tune->word, "lossless") == 0)
        averror = av_dict_set_int(dict, "qp", 0, 0);
    else if (averror >= 0)
        averror = av_dict_set_int(dict, "crf", options->cq, 0);
    return averror;
}

static int set_x265(const struct ori_clip_options *options, AVDictionary **dict)
{
    const struct tune *tune = &tunes[options->tune];
    char more[256];
    snprintf(more, sizeof more, "log-level=none:pools=none:frame-threads=1%s", tune->x265_more);
    int averror = av_dict_set(dict, "preset", presets[options->preset].x26x, 0);
    if (averror >= 0 && tune->x265[0])
        averror = av_dict_set(dict, "tune", tune->x265, 0);
    if (averror >= 0)
        averror = av_dict_set_int(dict, "crf", options->cq, 0);
    if (averror >= 0)
        averror = av_dict_set(dict, "x265-params", more, 0);
    return averror;
}

static int set_options(enum ori_clip_encoder encoder, const struct ori_clip_options *options,
                       AVDictionary **dict)
{
    if (encoder == ORI_CLIP_LIBX264)
        return set_x264(options, dict);
    return encoder == ORI_CLIP_LIBX265 ? set_x265(options, dict) : set_nvenc(options, dict);
}

/* Rates past any camera's are a broken header: x264 would choose a level by them. */
static AVRational rate_of(double frame_rate)
{
    if (frame_rate < 1 || frame_rate > 1000)
        return (AVRational){25, 1};
    return av_d2q(frame_rate, 1001000);
}

static void set_up(struct ori_clip *clip, const AVCodec *codec, const AVFrame *picture)
{
    AVCodecContext *encoder = clip->encoder;
    const struct ori_clip_shape *shape = &clip->setup.shape;
    encoder->width = shape->box.w;
    encoder->height = shape->box.h;
    encoder->pix_fmt = format_for(codec, (enum ori_clip_samples)shape->samples);
    encoder->time_base = ORI_US_BASE;
    encoder->framerate = rate_of(clip->setup.frame_rate);
    encoder->thread_count = 1;
    encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (codec->id == AV_CODEC_ID_HEVC) /* the name that players of Apple know it by */
        encoder->codec_tag = MKTAG('h', 'v', 'c', '1');
    if (!picture)
        return;
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(picture->format);
    const bool is_rgb = desc && (desc->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL));
    encoder->color_primaries = picture->color_primaries;
    encoder->color_trc = picture->color_trc;
    encoder->colorspace = is_rgb ? AVCOL_SPC_SMPTE170M : picture->colorspace;
    encoder->color_range = is_rgb ? AVCOL_RANGE_MPEG : picture->color_range;
    encoder->chroma_sample_location = picture->chroma_location;
    encoder->sample_aspect_ratio = (AVRational){clip->info.sar_num, clip->info.sar_den};
}

/* ORI_EOF: it cannot be opened, and clip->instead says why. */
static ori_status open_one(struct ori_clip *clip, enum ori_clip_encoder encoder,
                           const AVFrame *picture, struct ori_error *err)
{
    char text[AV_ERROR_MAX_STRING_SIZE] = "not in this build of libav";
    AVDictionary *dict = NULL;
    const AVCodec *codec = avcodec_find_encoder_by_name(encoder_words[encoder]);
    int averror = AVERROR_ENCODER_NOT_FOUND;
    if (codec) {
        clip->encoder = avcodec_alloc_context3(codec);
        averror =
            clip->encoder ? set_options(encoder, &clip->setup.options, &dict) : AVERROR(ENOMEM);
    }
    if (averror >= 0) {
        set_up(clip, codec, picture);
        averror = avcodec_open2(clip->encoder, codec, &dict);
    }
    if (averror >= 0 && av_dict_count(dict) > 0)
        averror = AVERROR_OPTION_NOT_FOUND;
    av_dict_free(&dict);
    clip->used = encoder;
    if (averror >= 0)
        return ORI_OK;
    avcodec_free_context(&clip->encoder);
    if (averror == AVERROR(ENOMEM))
        return ori_error_set(err, ORI_NOMEM, "encoder %s", encoder_words[encoder]);
    if (codec)
        av_strerror(averror, text, sizeof text);
    const size_t used = strlen(clip->instead);
    snprintf(clip->instead + used, sizeof clip->instead - used, "%s%s: %s", used ? "; " : "",
             encoder_words[encoder], text);
    return ORI_EOF;
}

static bool is_deep(const struct ori_clip *clip)
{
    return clip->setup.shape.samples >= ORI_CLIP_420_10;
}

ori_status ori_clip_open_gpu(struct ori_clip *clip, struct ori_error *err)
{
    enum ori_clip_encoder encoder = (enum ori_clip_encoder)clip->setup.options.encoder;
    if (encoder == ORI_CLIP_AUTO) /* H.264 of more than 8 bits is played by few */
        encoder = is_deep(clip) ? ORI_CLIP_HEVC_NVENC : ORI_CLIP_H264_NVENC;
    if (encoder != ORI_CLIP_H264_NVENC && encoder != ORI_CLIP_HEVC_NVENC)
        return ORI_OK;
    if (!clip->setup.may_use_gpu) {
        snprintf(clip->instead, sizeof clip->instead, "%s: the GPU is not used",
                 encoder_words[encoder]);
        return ORI_OK;
    }
    const ori_status status = open_one(clip, encoder, NULL, err);
    return status == ORI_EOF ? ORI_OK : status;
}

ori_status ori_clip_open_software(struct ori_clip *clip, const AVFrame *picture,
                                  struct ori_error *err)
{
    const int asked = clip->setup.options.encoder;
    const bool is_hevc = asked == ORI_CLIP_LIBX265 || asked == ORI_CLIP_HEVC_NVENC ||
                         (asked == ORI_CLIP_AUTO && is_deep(clip));
    const enum ori_clip_encoder first = is_hevc ? ORI_CLIP_LIBX265 : ORI_CLIP_LIBX264;
    const enum ori_clip_encoder second = is_hevc ? ORI_CLIP_LIBX264 : ORI_CLIP_LIBX265;
    ori_status status = open_one(clip, first, picture, err);
    if (status == ORI_EOF)
        status = open_one(clip, second, picture, err);
    if (status == ORI_EOF)
        status = ori_error_set(err, ORI_ENCODE, "no encoder can be opened: %s", clip->instead);
    return status;
}
