#include "media/video_priv.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <libavutil/avstring.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/log.h>

#include "media/container_priv.h"
#include "media/orient_priv.h"
#include "util/limits.h"

static const AVRational us_base = {1, 1000000};

void ori_media_set_log(bool is_verbose)
{
    av_log_set_level(is_verbose ? AV_LOG_WARNING : AV_LOG_QUIET);
}

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
    ori_error_set(err, status, "%s: %s", what, text);
    err->native = averror;
    return status;
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

static ori_status set_options(AVDictionary **options)
{
    if (av_dict_set(options, "codec_whitelist", ori_codec_allow_list(), 0) < 0 ||
        av_dict_set(options, "protocol_whitelist", "none", 0) < 0 ||
        av_dict_set_int(options, "probesize", ORI_LIMIT_MAX_ANALYZE_BYTES, 0) < 0 ||
        av_dict_set_int(options, "analyzeduration", ORI_LIMIT_MAX_ANALYZE_MS * 1000LL, 0) < 0 ||
        av_dict_set_int(options, "max_streams", 8 * ORI_LIMIT_MAX_STREAMS, 0) < 0)
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
    video->format = avformat_alloc_context();
    if (!video->format || set_options(&options) != ORI_OK) {
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
            averror = av_dict_set_int(&options[i], "max_pixels", video->options.pixels_max, 0);
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

static ori_status past_pixels(const struct ori_video *video, int width, int height,
                              struct ori_error *err)
{
    return ori_error_set(err, ORI_LIMIT, "pictures of %dx%d pixels, more than %lld in all", width,
                         height, (long long)video->options.pixels_max);
}

static void set_up_decoder(struct ori_video *video)
{
    AVCodecContext *decoder = video->decoder;
    int64_t pixels_max = video->options.pixels_max;
    decoder->pkt_timebase = video->stream->time_base;
    decoder->thread_count = video->options.threads;
    decoder->flags |= AV_CODEC_FLAG_UNALIGNED; /* the bit stream's cropping to the pixel */
    decoder->opaque = video;
    decoder->get_buffer2 = get_buffer;
    /* get_buffer says exactly which limit was hit; this one bounds tables made before it. */
    decoder->max_pixels = pixels_max > INT_MAX / 4 ? INT_MAX : 4 * pixels_max;
#if LIBAVCODEC_VERSION_MAJOR < 60
    _Pragma("GCC diagnostic push");
    _Pragma("GCC diagnostic ignored \"-Wdeprecated-declarations\"");
    decoder->thread_safe_callbacks = 1;
    _Pragma("GCC diagnostic pop");
#endif
}

static ori_status open_decoder(struct ori_video *video, struct ori_error *err)
{
    const AVCodecParameters *parameters = video->stream->codecpar;
    const AVCodec *codec = ori_codec_find(parameters->codec_id);
    if (!codec)
        return unknown_codec(parameters, err);
    if ((int64_t)parameters->width * parameters->height > video->options.pixels_max)
        return past_pixels(video, parameters->width, parameters->height, err);
    video->decoder = avcodec_alloc_context3(codec);
    if (!video->decoder)
        return ori_error_set(err, ORI_NOMEM, "decoder");
    int averror = avcodec_parameters_to_context(video->decoder, parameters);
    if (averror < 0)
        return set_averror(err, ORI_DECODE, averror, "the decoder's parameters");
    set_up_decoder(video);
    averror = avcodec_open2(video->decoder, codec, NULL);
    if (averror < 0)
        return set_averror(err, ORI_DECODE, averror, "the decoder refused the stream");
    return ORI_OK;
}

/* ---- packets ---- */

static void walk_once(struct ori_video *video)
{
    if (video->is_walked)
        return;
    video->is_walked = true;
    if (ori_container_walk(video->avio.source, video->format->iformat->name).is_cut)
        video->damage.is_truncated = true;
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

/* Reads the next packet of our stream into video->packet. A demuxer that only fails, or gives
 * packets that become no frame, is stopped by a limit. */
static ori_status read_packet(struct ori_video *video, struct ori_error *err)
{
    for (;;) {
        av_packet_unref(video->packet);
        int averror = av_read_frame(video->format, video->packet);
        ori_status status = ori_avio_status(&video->avio, err);
        if (status != ORI_OK)
            return status;
        if (averror == AVERROR_EOF)
            return ORI_EOF;
        if (averror == AVERROR(ENOMEM))
            return ori_error_set(err, ORI_NOMEM, "packet");
        video->silent_packets++;
        video->silent_bytes += averror < 0 ? 0 : video->packet->size;
        if (video->silent_packets > ORI_LIMIT_MAX_SILENT_PACKETS ||
            video->silent_bytes > ORI_LIMIT_MAX_SILENT_BYTES)
            return ori_error_set(err, ORI_LIMIT, "%lld packets, %lld bytes, without a frame",
                                 (long long)video->silent_packets, (long long)video->silent_bytes);
        if (averror == AVERROR(EAGAIN))
            continue;
        if (averror < 0) {
            video->damage.packets_bad++;
            continue;
        }
        if (video->packet->stream_index == video->stream->index && video->packet->size > 0)
            return ORI_OK;
    }
}

static ori_status send_packet(struct ori_video *video, const AVPacket *packet,
                              struct ori_error *err)
{
    int averror = avcodec_send_packet(video->decoder, packet);
    if (averror == AVERROR(ENOMEM))
        return ori_error_set(err, ORI_NOMEM, "decoding");
    if (averror < 0 && averror != AVERROR_EOF)
        video->damage.packets_bad++;
    return ORI_OK;
}

/* The last packet of a file that is cut inside it would give a picture that is half grey: left out
 * once there are others. Transport streams cannot say which packet it was. */
static bool is_torn_tail(struct ori_video *video)
{
    bool is_stream = av_match_name("mpegts", video->format->iformat->name);
    bool is_torn = video->held->flags & AV_PKT_FLAG_CORRUPT;
    if (is_torn)
        video->damage.is_truncated = true;
    return video->damage.frames_decoded > 0 && video->damage.is_truncated && (is_torn || is_stream);
}

static ori_status send_last(struct ori_video *video, struct ori_error *err)
{
    ori_status status = ORI_OK;
    walk_once(video);
    if (video->has_held) {
        if (is_torn_tail(video))
            video->damage.packets_bad++;
        else
            status = send_packet(video, video->held, err);
        video->has_held = false;
        av_packet_unref(video->held);
    }
    if (status == ORI_OK)
        status = send_packet(video, NULL, err);
    video->is_drained = true;
    return status;
}

/* Gives the decoder one more packet, always the one before the last read; or tells it the end. */
static ori_status feed(struct ori_video *video, struct ori_error *err)
{
    ori_status status = read_packet(video, err);
    if (status == ORI_EOF)
        return send_last(video, err);
    if (status != ORI_OK)
        return status;
    if (video->first_dts == AV_NOPTS_VALUE)
        video->first_dts = video->packet->dts;
    AVPacket *before = video->held;
    video->held = video->packet;
    video->packet = before;
    if (!video->has_held) {
        video->has_held = true;
        return ORI_OK;
    }
    return send_packet(video, before, err);
}

/* ---- frames ---- */

static struct ori_frame *frame_create(AVFrame *picture)
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
    struct ori_frame *copy = frame_create(av_frame_clone(frame->impl->picture));
    if (copy)
        copy->pts_us = frame->pts_us;
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

static int64_t duration_of(const AVFrame *picture)
{
#if LIBAVUTIL_VERSION_MAJOR >= 58
    return picture->duration;
#else
    return picture->pkt_duration;
#endif
}

static int64_t to_us(int64_t time, AVRational base)
{
    if (time == AV_NOPTS_VALUE || base.num <= 0 || base.den <= 0)
        return ORI_TIME_UNKNOWN;
    return av_rescale_q_rnd(time, base, us_base, AV_ROUND_NEAR_INF | AV_ROUND_PASS_MINMAX);
}

/* Streams without pts (AVI) are timed by the order of decoding, which runs ahead of the pictures
 * by the decoder's delay: seen at the first frame, taken off all. */
static int64_t place(struct ori_video *video, const AVFrame *picture)
{
    bool is_guess = picture->pts == AV_NOPTS_VALUE;
    int64_t time = picture->best_effort_timestamp;
    int64_t time_us = ORI_TIME_UNKNOWN;
    if (is_guess && !video->timeline.has_frame && time != AV_NOPTS_VALUE &&
        video->first_dts != AV_NOPTS_VALUE && time > video->first_dts)
        video->dts_shift = time - video->first_dts;
    if (is_guess && time != AV_NOPTS_VALUE)
        time -= video->dts_shift;
    time_us = to_us(time, video->stream->time_base);
    if (time_us != ORI_TIME_UNKNOWN && __builtin_sub_overflow(time_us, video->origin_us, &time_us))
        time_us = ORI_TIME_UNKNOWN;
    return ori_timeline_place(&video->timeline, time_us, is_guess,
                              to_us(duration_of(picture), video->stream->time_base));
}

static ori_status finish(struct ori_video *video, struct ori_error *err)
{
    if (atomic_load(&video->is_past_pixels))
        return past_pixels(video, video->decoder->width, video->decoder->height, err);
    if (video->damage.frames_decoded == 0)
        return ori_error_set(err, ORI_DECODE, "no picture could be decoded (%s)",
                             avcodec_get_name(video->decoder->codec_id));
    return ORI_EOF;
}

/* One picture out of the decoder into `picture`, packets in as it asks for them. */
static ori_status receive(struct ori_video *video, AVFrame *picture, struct ori_error *err)
{
    for (int drained = 0;;) {
        int averror = avcodec_receive_frame(video->decoder, picture);
        if (averror >= 0 && picture->width > 0 && picture->height > 0)
            return ORI_OK;
        if (atomic_load(&video->is_past_pixels) || averror == AVERROR_EOF)
            return finish(video, err);
        if (averror == AVERROR(ENOMEM))
            return ori_error_set(err, ORI_NOMEM, "decoding");
        if (averror < 0 && averror != AVERROR(EAGAIN))
            video->damage.packets_bad++;
        if (!video->is_drained) {
            ori_status status = feed(video, err);
            if (status != ORI_OK)
                return status;
        } else if (++drained > 1000) { /* a decoder that never ends */
            return finish(video, err);
        }
    }
}

static ori_status decode(struct ori_video *video, struct ori_frame **ret_frame,
                         struct ori_error *err)
{
    AVFrame *picture = av_frame_alloc();
    if (!picture)
        return ori_error_set(err, ORI_NOMEM, "frame");
    ori_status status = receive(video, picture, err);
    if (status != ORI_OK) {
        av_frame_free(&picture);
        return status;
    }
    video->damage.frames_decoded++;
    video->silent_packets = 0;
    video->silent_bytes = 0;
    int64_t pts_us = place(video, picture);
    struct ori_frame *frame = frame_create(picture);
    if (!frame)
        return ori_error_set(err, ORI_NOMEM, "frame");
    frame->pts_us = pts_us;
    *ret_frame = frame;
    return ORI_OK;
}

ori_status ori_video_next(struct ori_video *video, struct ori_frame **ret_frame,
                          struct ori_error *err)
{
    ORI_ASSERT(video && ret_frame);
    struct ori_frame *frame = video->first;
    ori_status status = ORI_OK;
    video->first = NULL;
    if (!frame)
        status = decode(video, &frame, err);
    if (status != ORI_OK)
        return status;
    int64_t duration_us_max = video->options.duration_us_max;
    if (duration_us_max > 0 && frame->pts_us > duration_us_max) {
        ori_frame_unref(&frame);
        video->damage.is_over_duration = true;
        return ORI_EOF;
    }
    *ret_frame = frame;
    return ORI_OK;
}

struct ori_video_damage ori_video_damage(const struct ori_video *video)
{
    return video->damage;
}

/* ---- what the header says ---- */

static int64_t header_duration_us(const struct ori_video *video)
{
    const AVFormatContext *format = video->format;
    int64_t duration_us = to_us(video->stream->duration, video->stream->time_base);
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

/* Size, aspect and transfer are the first picture's: headers err, and raw streams have none. */
static ori_status decode_first(struct ori_video *video, struct ori_error *err)
{
    ori_status status = decode(video, &video->first, err);
    if (status == ORI_EOF)
        status = ori_error_set(err, ORI_DECODE, "no picture could be decoded");
    if (status != ORI_OK)
        return status;
    AVFrame *picture = video->first->impl->picture;
    video->info.width = picture->width;
    video->info.height = picture->height;
    read_sample_aspect(video, picture);
    int transfer = picture->color_trc;
    if (transfer == AVCOL_TRC_UNSPECIFIED)
        transfer = video->stream->codecpar->color_trc;
    video->info.is_hdr = transfer == AVCOL_TRC_SMPTE2084 || transfer == AVCOL_TRC_ARIB_STD_B67;
    if (!sws_isSupportedInput(picture->format))
        return ori_error_set(err, ORI_UNSUPPORTED, "pixel format %s is not supported",
                             av_get_pix_fmt_name(picture->format));
    return ORI_OK;
}

static ori_status open_steps(struct ori_video *video, struct ori_source *source,
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
        status = open_decoder(video, err);
    if (status == ORI_OK)
        status = read_header(video, err);
    if (status != ORI_OK)
        return status;
    check_index(video);
    return decode_first(video, err);
}

ori_status ori_video_open(struct ori_source *source, const struct ori_video_options *options,
                          struct ori_video **ret_video, struct ori_video_info *ret_info,
                          struct ori_error *err)
{
    ORI_ASSERT(source && options && ret_video && ret_info);
    ORI_ASSERT(options->threads >= 1 && options->pixels_max >= 1);
    if (source->size == 0)
        return ori_error_set(err, ORI_EMPTY_FILE, "the file has no bytes");
    struct ori_video *video = calloc(1, sizeof *video);
    if (!video)
        return ori_error_set(err, ORI_NOMEM, "video");
    video->options = *options;
    video->first_dts = AV_NOPTS_VALUE;
    video->packet = av_packet_alloc();
    video->held = av_packet_alloc();
    ori_status status = ORI_NOMEM;
    if (video->packet && video->held)
        status = open_steps(video, source, err);
    else
        ori_error_set(err, ORI_NOMEM, "packet");
    if (status == ORI_OK) {
        *ret_info = video->info;
        *ret_video = video;
        video = NULL;
    }
    ori_video_close(&video);
    return status;
}

void ori_video_close(struct ori_video **video)
{
    if (!video || !*video)
        return;
    struct ori_video *gone = *video;
    ori_frame_unref(&gone->first);
    avcodec_free_context(&gone->decoder);
    av_packet_free(&gone->packet);
    av_packet_free(&gone->held);
    avformat_close_input(&gone->format);
    ori_avio_deinit(&gone->avio);
    ori_scaler_deinit(&gone->planes_scaler);
    ori_scaler_deinit(&gone->rgb_scaler);
    ori_tonemap_destroy(&gone->tonemap);
    av_freep(&gone->planes.data);
    for (int i = 0; i < 2; i++)
        av_freep(&gone->rgb[i].data);
    free(gone);
    *video = NULL;
}
