/* Sound of the clip: packets of the video, copied. AAC as transport streams have it, each packet with a
 * header of its own, loses these headers: MP4 has one for all. (Muxers do that by themselves, but not
 * when they are to write the movie header first.) */
#include "media/clip_priv.h"

static int add_filter(struct ori_clip *clip, const AVStream *from)
{
    const AVBitStreamFilter *filter = av_bsf_get_by_name("aac_adtstoasc");
    if (!filter)
        return AVERROR_BSF_NOT_FOUND;
    int averror = av_bsf_alloc(filter, &clip->sound_filter);
    if (averror >= 0)
        averror = avcodec_parameters_copy(clip->sound_filter->par_in, from->codecpar);
    if (averror < 0)
        return averror;
    clip->sound_filter->time_base_in = from->time_base;
    return av_bsf_init(clip->sound_filter);
}

int ori_clip_add_sound(struct ori_clip *clip)
{
    const AVStream *from = clip->video->sound.stream;
    const AVCodecParameters *sound = from->codecpar;
    if (sound->sample_rate <= 0 ||
        avformat_query_codec(clip->mux->oformat, sound->codec_id, FF_COMPLIANCE_NORMAL) != 1)
        return AVERROR(EINVAL);
    AVStream *stream = avformat_new_stream(clip->mux, NULL);
    if (!stream)
        return AVERROR(ENOMEM);
    int averror = avcodec_parameters_copy(stream->codecpar, sound);
    stream->codecpar->codec_tag = 0;
    stream->time_base = (AVRational){1, sound->sample_rate};
    clip->sound_stream = stream;
    if (averror >= 0 && sound->codec_id == AV_CODEC_ID_AAC && sound->extradata_size == 0)
        averror = add_filter(clip, from);
    return averror;
}

/* Takes what is in packet. */
static int write_one(struct ori_clip *clip, AVPacket *packet)
{
    packet->stream_index = clip->sound_stream->index;
    packet->pos = -1;
    av_packet_rescale_ts(packet, clip->video->sound.stream->time_base,
                         clip->sound_stream->time_base);
    if (packet->dts <= clip->sound_dts) { /* said before: a clock that went back */
        av_packet_unref(packet);
        return 0;
    }
    clip->sound_dts = packet->dts;
    return av_interleaved_write_frame(clip->mux, packet);
}

static int filter_one(struct ori_clip *clip, AVPacket *packet)
{
    int averror = av_bsf_send_packet(clip->sound_filter, packet);
    while (averror >= 0) {
        averror = av_bsf_receive_packet(clip->sound_filter, packet);
        if (averror == AVERROR(EAGAIN))
            return 0;
        if (averror >= 0)
            averror = write_one(clip, packet);
    }
    return averror;
}

ori_status ori_clip_write_sound(struct ori_clip *clip, struct ori_error *err)
{
    struct ori_video *video = clip->video;
    AVPacket *packet = NULL;
    while ((packet = ori_sound_take(&video->sound))) {
        int averror = 0;
        if (clip->sound_stream && ori_sound_place(video, packet))
            averror = clip->sound_filter ? filter_one(clip, packet) : write_one(clip, packet);
        av_packet_free(&packet);
        if (averror < 0 && (averror == AVERROR(ENOMEM) || clip->write_status != ORI_OK))
            return ori_clip_write_failed(clip, averror, err);
        if (averror < 0) {
            clip->sound_stream = NULL;
            clip->is_silenced = true;
        }
    }
    return ORI_OK;
}
