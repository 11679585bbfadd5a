/* Opening: recognise the container, learn its streams, choose one, set up its decoder, read what
 * the header says. What the first picture says is added by video.c. */
#include "media/video_priv.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include <libavutil/avstring.h>
#include <libavutil/display.h>

#include "media/container_priv.h"
#include "media/orient_priv.h"
#include "util/limits.h"

/* A file may name others (mov references, playlists): none is ever opened. */
static int refuse_io_open(AVFormatContext *format, AVIOContext **pb, const char *url, int flags,
                          AVDictionary **options)
{
    (void)format;
    (void)url;
    (void)flags;
    (void)options;
    *pb = NULL;
    return AVERROR(EPERM);
}

static ori_status set_averror(struct ori_error *err, ori_status status, int averror,
                              const char *what)
{
    char text[AV_ERROR_MAX_STRING_SIZE] = {0};
    av_strerror(averror, text, sizeof text);
    if (averror == AVERROR(ENOMEM))
        status = ORI_NOMEM;
    if (!err || err->status != ORI_OK)
        return status;
    status = ori_error_set(err, status, "%s: %s", what, text);
    err->native = averror;
    return status;
}

const char *ori_video_library(void)
{
    return av_version_info();
}

/* ---- opening the container ---- */

static ori_status recognise(struct ori_video *video, const AVInputFormat **ret_format,
                            struct ori_error *err)
{
    const AVInputFormat *format = NULL;
    int score =
        av_probe_input_buffer2(video->avio.pb, &format, "", NULL, 0, ORI_LIMIT_MAX_PROBE_BYTES);
    ori_status status = ori_avio_status(&video->avio, err);
    if (status != ORI_OK)
        return status;
    if (score == AVERROR(ENOMEM))
        return ori_error_set(err, ORI_NOMEM, "recognising the container");
    if (score < 0 || !format)
        return ori_error_set(err, ORI_NOT_MEDIA, "not a video file of a known container");
    if (ori_container_is_allowed(format)) {
        *ret_format = format;
        return ORI_OK;
    }
    if (ori_container_is_audio(format) && score >= AVPROBE_SCORE_EXTENSION)
        return ori_error_set(err, ORI_NO_VIDEO_STREAM, "sound alone (%s): no video stream",
                             format->name);
    return ori_error_set(err, ORI_NOT_MEDIA, "looks like %s: not a container of video",
                         format->long_name ? format->long_name : format->name);
}

/* keeps_sound: AAC in a transport stream says its rate to a decoder alone. */
static ori_status set_options(AVDictionary **options, bool keeps_sound)
{
    if (av_dict_set(options, "codec_whitelist", ori_codec_allow_list(), 0) < 0 ||
        (keeps_sound && av_dict_set(options, "codec_whitelist", ",aac", AV_DICT_APPEND) < 0) ||
        av_dict_set(options, "protocol_whitelist", "none", 0) < 0 ||
        av_dict_set_int(options, "probesize", ORI_LIMIT_MAX_ANALYZE_BYTES, 0) < 0 ||
        av_dict_set_int(options, "analyzeduration", ORI_LIMIT_MAX_ANALYZE_MS * 1000LL, 0) < 0 ||
        av_dict_set_int(options, "max_streams", 8LL * ORI_LIMIT_MAX_STREAMS, 0) < 0)
        return ORI_NOMEM;
    return ORI_OK;
}

static ori_status describe_open_failure(struct ori_video *video, const AVInputFormat *iformat,
                                        int averror, struct ori_error *err)
{
    ori_status status = ori_avio_status(&video->avio, err);
    if (status != ORI_OK)
        return status;
    struct ori_container_shape shape = ori_container_walk(video->avio.source, iformat->name);
    status = ori_source_status(video->avio.source, err);
    if (status != ORI_OK)
        return status;
    if (!shape.has_index)
        return ori_error_set(err, ORI_NOT_MEDIA,
                             "the file has no index (moov): it was cut off or never finished");
    return set_averror(err, ORI_NOT_MEDIA, averror, "the container cannot be read");
}

static ori_status open_container(struct ori_video *video, struct ori_error *err)
{
    const AVInputFormat *iformat = NULL;
    AVDictionary *options = NULL;
    ori_status status = recognise(video, &iformat, err);
    if (status != ORI_OK)
        return status;
    ORI_ASSERT(iformat);
    video->format = avformat_alloc_context();
    if (!video->format || set_options(&options, video->options.keeps_sound) != ORI_OK) {
        av_dict_free(&options);
        return ori_error_set(err, ORI_NOMEM, "opening the container");
    }
    video->format->pb = video->avio.pb;
    video->format->io_open = refuse_io_open;
    video->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    int averror = avformat_open_input(&video->format, "", iformat, &options);
    av_dict_free(&options);
    if (averror < 0)
        return describe_open_failure(video, iformat, averror, err);
    return ORI_OK;
}

/* get_buffer says exactly when a picture is past the limit. This one bounds the tables that
 * decoders make before they ask for a buffer, some of them (MPEG-4's edges) larger than it. */
static int64_t decoder_pixels(const struct ori_video *video)
{
    const int64_t room = 1 << 20;
    int64_t pixels_max = video->options.pixels_max;
    return pixels_max > (INT_MAX - room) / 4 ? INT_MAX : 4 * pixels_max + room;
}

/* Decoders that libav tries while it learns the parameters obey the same limits as ours. */
static ori_status learn_streams(struct ori_video *video, struct ori_error *err)
{
    unsigned count = video->format->nb_streams;
    if (count > ORI_LIMIT_MAX_STREAMS)
        return ori_error_set(err, ORI_LIMIT, "%u streams, more than %d", count,
                             ORI_LIMIT_MAX_STREAMS);
    AVDictionary *options[ORI_LIMIT_MAX_STREAMS] = {0};
    int averror = 0;
    for (unsigned i = 0; i < count && averror >= 0; i++) {
        averror = av_dict_set(&options[i], "threads", "1", 0);
        if (averror >= 0)
            averror = av_dict_set_int(&options[i], "max_pixels", decoder_pixels(video), 0);
    }
    if (averror >= 0)
        averror = avformat_find_stream_info(video->format, count ? options : NULL);
    for (unsigned i = 0; i < count; i++)
        av_dict_free(&options[i]);
    ori_status status = ori_avio_status(&video->avio, err);
    if (status != ORI_OK)
        return status;
    if (averror == AVERROR(ENOMEM))
        return ori_error_set(err, ORI_NOMEM, "learning the streams' parameters");
    return ORI_OK; /* what libav could not learn, the first frame will tell */
}

/* ---- choosing the stream ---- */

static bool is_moving_picture(const AVStream *stream)
{
    const int stills = AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS;
    return stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO && !(stream->disposition & stills);
}

/* Codecs we know before others, the default stream before others, then the larger picture. */
static int64_t rank(const AVStream *stream)
{
    int64_t pixels = (int64_t)stream->codecpar->width * stream->codecpar->height;
    int64_t points = pixels < 0 ? 0 : pixels;
    if (stream->disposition & AV_DISPOSITION_DEFAULT)
        points += 1LL << 58;
    if (ori_codec_find(stream->codecpar->codec_id))
        points += 1LL << 60;
    return points;
}

static ori_status choose_stream(struct ori_video *video, struct ori_error *err)
{
    AVStream *best = NULL;
    for (unsigned i = 0; i < video->format->nb_streams; i++) {
        AVStream *stream = video->format->streams[i];
        if (is_moving_picture(stream) && (!best || rank(stream) > rank(best)))
            best = stream;
        stream->discard = AVDISCARD_ALL; /* not even parsed */
    }
    if (!best)
        return ori_error_set(err, ORI_NO_VIDEO_STREAM, "the file has no video stream");
    best->discard = AVDISCARD_DEFAULT;
    video->stream = best;
    if (video->options.keeps_sound)
        ori_sound_choose(&video->sound, video->format, best);
    return ORI_OK;
}

/* ---- the decoder ---- */

static int get_buffer(AVCodecContext *decoder, AVFrame *picture, int flags)
{
    struct ori_video *video = decoder->opaque;
    int64_t pixels = (int64_t)decoder->width * decoder->height;
    if (pixels > video->options.pixels_max) {
        atomic_store(&video->is_past_pixels, true);
        return AVERROR(EINVAL);
    }
    return avcodec_default_get_buffer2(decoder, picture, flags);
}

static ori_status unknown_codec(const AVCodecParameters *parameters, struct ori_error *err)
{
    char tag[AV_FOURCC_MAX_STRING_SIZE] = {0};
    if (parameters->codec_id != AV_CODEC_ID_NONE)
        return ori_error_set(err, ORI_UNSUPPORTED, "codec %s is not supported",
                             avcodec_get_name(parameters->codec_id));
    av_fourcc_make_string(tag, parameters->codec_tag);
    return ori_error_set(err, ORI_UNSUPPORTED, "codec with the tag %s is not known", tag);
}

ori_status ori_video_past_pixels(const struct ori_video *video, int width, int height,
                                 struct ori_error *err)
{
    return ori_error_set(err, ORI_LIMIT, "pictures of %dx%d pixels, more than %lld in all", width,
                         height, (long long)video->options.pixels_max);
}

static void set_up_decoder(struct ori_video *video, AVCodecContext *decoder)
{
    decoder->pkt_timebase = video->stream->time_base;
    decoder->thread_count = video->options.threads;
    decoder->flags |= AV_CODEC_FLAG_UNALIGNED; /* the bit stream's cropping to the pixel */
    decoder->opaque = video;
    decoder->get_buffer2 = get_buffer;
    decoder->max_pixels = decoder_pixels(video);
#if LIBAVCODEC_VERSION_MAJOR < 60
    _Pragma("GCC diagnostic push");
    _Pragma("GCC diagnostic ignored \"-Wdeprecated-declarations\"");
    decoder->thread_safe_callbacks = 1;
    _Pragma("GCC diagnostic pop");
#endif
}

ori_status ori_video_open_decoder(struct ori_video *video, AVCodecContext **ret_decoder,
                                  struct ori_error *err)
{
    const AVCodecParameters *parameters = video->stream->codecpar;
    const AVCodec *codec = ori_codec_find(parameters->codec_id);
    if (!codec)
        return unknown_codec(parameters, err);
    if ((int64_t)parameters->width * parameters->height > video->options.pixels_max)
        return ori_video_past_pixels(video, parameters->width, parameters->height, err);
    *ret_decoder = avcodec_alloc_context3(codec); /* the video's from here on, also on failure */
    if (!*ret_decoder)
        return ori_error_set(err, ORI_NOMEM, "decoder");
    int averror = avcodec_parameters_to_context(*ret_decoder, parameters);
    if (averror < 0)
        return set_averror(err, ORI_DECODE, averror, "the decoder's parameters");
    set_up_decoder(video, *ret_decoder);
    averror = avcodec_open2(*ret_decoder, codec, NULL);
    if (averror < 0)
        return set_averror(err, ORI_DECODE, averror, "the decoder refused the stream");
    return ORI_OK;
}

/* ---- what the header says ---- */

static int64_t header_duration_us(const struct ori_video *video)
{
    const AVFormatContext *format = video->format;
    int64_t duration_us = ori_video_to_us(video->stream->duration, video->stream->time_base);
    if (duration_us == ORI_TIME_UNKNOWN || duration_us <= 0)
        duration_us = format->duration == AV_NOPTS_VALUE ? 0 : format->duration;
    if (format->duration_estimation_method == AVFMT_DURATION_FROM_BITRATE)
        return 0; /* a guess from the bit rate is not the header's word */
    return duration_us < 0 ? 0 : duration_us;
}

static void read_orientation(struct ori_video *video)
{
    const int32_t *matrix = NULL;
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102)
    const AVPacketSideData *side = av_packet_side_data_get(
        video->stream->codecpar->coded_side_data, video->stream->codecpar->nb_coded_side_data,
        AV_PKT_DATA_DISPLAYMATRIX);
    if (side && side->size >= 9 * sizeof *matrix)
        matrix = (const int32_t *)side->data;
#else
    size_t bytes = 0;
    const uint8_t *data = av_stream_get_side_data(video->stream, AV_PKT_DATA_DISPLAYMATRIX, &bytes);
    if (data && bytes >= 9 * sizeof *matrix)
        matrix = (const int32_t *)(const void *)data;
#endif
    if (matrix)
        ori_orient_from_matrix(matrix, &video->info.rotation, &video->info.is_mirrored);
}

/* Past 1/8..8 it is a broken header, not a lens. */
static void read_sample_aspect(struct ori_video *video, AVFrame *picture)
{
    AVRational sar = av_guess_sample_aspect_ratio(video->format, video->stream, picture);
    video->info.sar_num = 1;
    video->info.sar_den = 1;
    if (sar.num <= 0 || sar.den <= 0 || sar.num / 8 > sar.den || sar.den / 8 > sar.num ||
        (int64_t)sar.num > 8LL * sar.den || (int64_t)sar.den > 8LL * sar.num)
        return;
    av_reduce(&video->info.sar_num, &video->info.sar_den, sar.num, sar.den, 32767);
}

static double frame_rate_of(const AVStream *stream)
{
    AVRational rate = stream->avg_frame_rate;
    if (rate.num <= 0 || rate.den <= 0)
        rate = stream->r_frame_rate;
    double value = rate.num > 0 && rate.den > 0 ? av_q2d(rate) : 0.0;
    return value < 10000.0 ? value : 0.0;
}

static ori_status read_header(struct ori_video *video, struct ori_error *err)
{
    struct ori_video_info *info = &video->info;
    info->duration_us = header_duration_us(video);
    info->frame_rate = frame_rate_of(video->stream);
    read_orientation(video);
    ori_container_name(video->format, info->container, sizeof info->container);
    snprintf(info->codec, sizeof info->codec, "%s",
             avcodec_get_name(video->stream->codecpar->codec_id));
    if (video->format->start_time != AV_NOPTS_VALUE)
        video->origin_us = video->format->start_time;
    ori_timeline_init(&video->timeline,
                      info->frame_rate > 0 ? (int64_t)(1e6 / info->frame_rate) : 0);
    int64_t max_us = video->options.duration_us_max;
    if (max_us > 0 && info->duration_us > max_us)
        return ori_error_set(err, ORI_LIMIT, "%.1f seconds long, more than %.1f",
                             (double)info->duration_us / 1e6, (double)max_us / 1e6);
    return ORI_OK;
}

static bool is_hdr(const struct ori_video *video, const AVFrame *picture)
{
    int transfer = picture->color_trc;
    if (transfer == AVCOL_TRC_UNSPECIFIED)
        transfer = video->stream->codecpar->color_trc;
    return transfer == AVCOL_TRC_SMPTE2084 || transfer == AVCOL_TRC_ARIB_STD_B67;
}

ori_status ori_video_learn(struct ori_video *video, AVFrame *picture, struct ori_error *err)
{
    video->info.width = picture->width;
    video->info.height = picture->height;
    video->info.is_hdr = is_hdr(video, picture);
    read_sample_aspect(video, picture);
    if (!sws_isSupportedInput(picture->format))
        return ori_error_set(err, ORI_UNSUPPORTED, "pixel format %s is not supported",
                             av_get_pix_fmt_name(picture->format));
    return ORI_OK;
}

/* An index entry behind the end of the file: the media data was cut off. */
static void check_index(struct ori_video *video)
{
    for (unsigned i = 0; i < video->format->nb_streams; i++) {
        AVStream *stream = video->format->streams[i];
        int count = avformat_index_get_entries_count(stream);
        const AVIndexEntry *last = count ? avformat_index_get_entry(stream, count - 1) : NULL;
        if (last && last->pos > video->avio.source->size - last->size)
            video->damage.is_truncated = true;
    }
}

ori_status ori_video_prepare(struct ori_video *video, struct ori_source *source,
                             struct ori_error *err)
{
    ori_status status = ori_avio_init(&video->avio, source, err);
    if (status == ORI_OK)
        status = open_container(video, err);
    if (status == ORI_OK)
        status = learn_streams(video, err);
    if (status == ORI_OK)
        status = choose_stream(video, err);
    if (status == ORI_OK)
        status = ori_video_open_decoder(video, &video->decoder, err);
    if (status == ORI_OK)
        status = read_header(video, err);
    if (status == ORI_OK)
        check_index(video);
    return status;
}
