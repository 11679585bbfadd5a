#include "media/video_priv.h"

#include <errno.h>
#include <stdlib.h>

#include <libavutil/avstring.h>

#include "media/container_priv.h"
#include "media/groups_priv.h"
#include "media/orient_priv.h"
#include "util/limits.h"

/* What cannot be read at the moment is no file that was cut off. */
ori_status ori_video_walk(struct ori_video *video, struct ori_error *err)
{
    if (video->is_walked)
        return ORI_OK;
    const struct ori_container_shape shape =
        ori_container_walk(video->avio.source, video->format->iformat->name);
    const ori_status status = ori_source_status(video->avio.source, err);
    if (status != ORI_OK)
        return status;
    video->is_walked = true;
    if (shape.is_cut)
        video->damage.is_truncated = true;
    return ORI_OK;
}

/* Reads the next packet of our stream into video->packet. A demuxer that only fails, or gives
 * packets that become no frame, is stopped by a limit. */
ori_status ori_video_read(struct ori_video *video, struct ori_error *err)
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
        if (video->sound.stream && video->packet->stream_index == video->sound.stream->index) {
            video->silent_packets--; /* has limits of its own */
            video->silent_bytes -= video->packet->size;
            ori_sound_keep(&video->sound, video->packet);
        }
    }
}

ori_status ori_video_send(struct ori_video *video, AVCodecContext *decoder, const AVPacket *packet,
                          struct ori_error *err)
{
    int averror = avcodec_send_packet(decoder, packet);
    if (averror == AVERROR(ENOMEM))
        return ori_error_set(err, ORI_NOMEM, "decoding");
    if (averror < 0 && averror != AVERROR_EOF)
        video->damage.packets_bad++;
    return ORI_OK;
}

/* The last packet of a file that is cut inside it would give a picture that is half grey: left out
 * once there are others. Transport streams cannot say which packet it was. */
bool ori_video_is_torn_tail(struct ori_video *video, const AVPacket *last, bool has_others)
{
    bool is_stream = av_match_name("mpegts", video->format->iformat->name);
    bool is_torn = last->flags & AV_PKT_FLAG_CORRUPT;
    if (is_torn)
        video->damage.is_truncated = true;
    return has_others && video->damage.is_truncated && (is_torn || is_stream);
}

static ori_status send_last(struct ori_video *video, struct ori_error *err)
{
    ori_status status = ori_video_walk(video, err);
    if (status != ORI_OK)
        return status;
    if (video->has_held) {
        if (ori_video_is_torn_tail(video, video->held, video->damage.frames_decoded > 0))
            video->damage.packets_bad++;
        else
            status = ori_video_send(video, video->decoder, video->held, err);
        video->has_held = false;
        av_packet_unref(video->held);
    }
    if (status == ORI_OK)
        status = ori_video_send(video, video->decoder, NULL, err);
    video->is_drained = true;
    return status;
}

/* Gives the decoder one more packet, always the one before the last read; or tells it the end. */
static ori_status feed(struct ori_video *video, struct ori_error *err)
{
    ori_status status = ori_video_read(video, err);
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
    return ori_video_send(video, video->decoder, before, err);
}

static int64_t duration_of(const AVFrame *picture)
{
#if LIBAVUTIL_VERSION_MAJOR >= 58
    return picture->duration;
#else
    return picture->pkt_duration;
#endif
}

/* Streams whose first frame says no pts (AVI) are timed by the order of decoding, which runs ahead
 * of the pictures by the decoder's delay: seen at the first frame, taken off all. */
static void learn_timing(struct ori_video *video, const AVFrame *picture)
{
    int64_t time = picture->best_effort_timestamp;
    video->is_dts_timed = picture->pts == AV_NOPTS_VALUE;
    if (video->is_dts_timed && time != AV_NOPTS_VALUE && video->first_dts != AV_NOPTS_VALUE &&
        time > video->first_dts)
        video->dts_shift = time - video->first_dts;
}

static int64_t place(struct ori_video *video, const AVFrame *picture)
{
    if (!video->timeline.has_frame)
        learn_timing(video, picture);
    int64_t time = picture->best_effort_timestamp;
    if (time != AV_NOPTS_VALUE && __builtin_sub_overflow(time, video->dts_shift, &time))
        time = AV_NOPTS_VALUE;
    int64_t time_us = ori_video_to_us(time, video->stream->time_base);
    if (time_us != ORI_TIME_UNKNOWN && __builtin_sub_overflow(time_us, video->origin_us, &time_us))
        time_us = ORI_TIME_UNKNOWN;
    int64_t duration_us = ori_video_to_us(duration_of(picture), video->stream->time_base);
    bool is_guess = video->is_dts_timed || picture->pts == AV_NOPTS_VALUE;
    return ori_timeline_place(&video->timeline, time_us, is_guess,
                              video->is_dts_timed ? 0 : duration_us);
}

ori_status ori_video_finish(struct ori_video *video, struct ori_error *err)
{
    if (atomic_load(&video->is_past_pixels))
        return ori_video_past_pixels(video, video->decoder->width, video->decoder->height, err);
    if (video->damage.frames_decoded == 0)
        return ori_error_set(err, ORI_DECODE, "no picture could be decoded (%s%s)",
                             avcodec_get_name(video->decoder->codec_id),
                             video->damage.is_truncated ? ", the file is cut off" : "");
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
            return ori_video_finish(video, err);
        if (averror == AVERROR(ENOMEM))
            return ori_error_set(err, ORI_NOMEM, "decoding");
        if (averror < 0 && averror != AVERROR(EAGAIN))
            video->damage.packets_bad++;
        if (!video->is_drained) {
            ori_status status = feed(video, err);
            if (status != ORI_OK)
                return status;
        } else if (++drained > 1000) { /* a decoder that never ends */
            return ori_video_finish(video, err);
        }
    }
}

ori_status ori_video_wrap(struct ori_video *video, AVFrame *picture, struct ori_frame **ret_frame,
                          struct ori_error *err)
{
    video->damage.frames_decoded++;
    video->silent_packets = 0;
    video->silent_bytes = 0;
    int64_t pts_us = place(video, picture);
    struct ori_frame *frame = ori_frame_create(picture);
    if (!frame)
        return ori_error_set(err, ORI_NOMEM, "frame");
    frame->pts_us = pts_us;
    *ret_frame = frame;
    return ORI_OK;
}

static ori_status decode(struct ori_video *video, struct ori_frame **ret_frame,
                         struct ori_error *err)
{
    ORI_ASSERT(video->stream);
    if (video->groups)
        return ori_groups_next(video->groups, ret_frame, err);
    AVFrame *picture = av_frame_alloc();
    if (!picture)
        return ori_error_set(err, ORI_NOMEM, "frame");
    ori_status status = receive(video, picture, err);
    if (status == ORI_OK)
        return ori_video_wrap(video, picture, ret_frame, err);
    av_frame_free(&picture);
    return status;
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
    ORI_ASSERT(frame);
    int64_t duration_us_max = video->options.duration_us_max;
    if (duration_us_max > 0 && frame->pts_us > duration_us_max) {
        ori_frame_unref(&frame);
        video->damage.is_over_duration = true;
        return ORI_EOF;
    }
    int64_t frames_max = video->options.frames_max;
    if (frames_max > 0 && video->frames >= frames_max) {
        ori_frame_unref(&frame);
        return ori_error_set(err, ORI_LIMIT, "more than %lld pictures", (long long)frames_max);
    }
    video->frames++;
    *ret_frame = frame;
    return ORI_OK;
}

struct ori_video_groups ori_video_groups(const struct ori_video *video)
{
    if (video->groups)
        return ori_groups_tally(video->groups);
    return (struct ori_video_groups){.is_off = video->options.planner != NULL};
}

struct ori_video_damage ori_video_damage(const struct ori_video *video)
{
    return video->damage;
}

static ori_status decode_first(struct ori_video *video, struct ori_error *err)
{
    ori_status status = decode(video, &video->first, err);
    if (status == ORI_EOF)
        status = ori_error_set(err, ORI_DECODE, "no picture could be decoded");
    if (status != ORI_OK)
        return status;
    ORI_ASSERT(video->first);
    return ori_video_learn(video, video->first->impl->picture, err);
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
    ori_status status = ORI_OK;
    if (video->packet && video->held)
        status = ori_video_prepare(video, source, err);
    else
        status = ori_error_set(err, ORI_NOMEM, "packet");
    if (status == ORI_OK && options->planner)
        status = ori_groups_create(video, options->planner, &video->groups, err);
    if (status == ORI_OK)
        status = decode_first(video, err);
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
    ori_groups_destroy(&gone->groups);
    avcodec_free_context(&gone->decoder);
    av_packet_free(&gone->packet);
    av_packet_free(&gone->held);
    ori_sound_deinit(&gone->sound);
    avformat_close_input(&gone->format);
    ori_avio_deinit(&gone->avio);
    ori_scaler_deinit(&gone->planes_scaler);
    ori_scaler_deinit(&gone->score_scaler);
    ori_scaler_deinit(&gone->rgb_scaler);
    ori_tonemap_destroy(&gone->tonemap);
    av_freep(&gone->planes.data);
    av_freep(&gone->score.data);
    for (int i = 0; i < 2; i++)
        av_freep(&gone->rgb[i].data);
    free(gone);
    *video = NULL;
}
