#include "media/sound_priv.h"

#include <stdlib.h>

#include "media/video_priv.h"
#include "util/limits.h"

#define PACKETS_MAX ((size_t)1 << 18) /* each of them takes about 200 bytes beside its own */

void ori_sound_choose(struct ori_sound *sound, AVFormatContext *format, const AVStream *pictures)
{
    const int best = av_find_best_stream(format, AVMEDIA_TYPE_AUDIO, -1, pictures->index, NULL, 0);
    for (unsigned i = 0; best < 0 && i < format->nb_streams; i++) {
        if (format->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO)
            sound->is_over = true; /* there, but nothing is known of it */
    }
    if (best < 0)
        return;
    sound->stream = format->streams[best];
    sound->stream->discard = AVDISCARD_DEFAULT;
}

static bool make_room(struct ori_sound *sound)
{
    if (sound->first == sound->count)
        sound->first = sound->count = 0;
    if (sound->count < sound->room)
        return true;
    if (sound->count >= PACKETS_MAX)
        return false;
    const size_t room = sound->room ? 2 * sound->room : 64;
    AVPacket **more = reallocarray(sound->waiting, room, sizeof(AVPacket *));
    if (!more)
        return false;
    sound->waiting = more;
    sound->room = room;
    return true;
}

void ori_sound_keep(struct ori_sound *sound, AVPacket *packet)
{
    AVPacket *kept = NULL;
    if (packet->size <= ORI_LIMIT_MAX_AUDIO_WAITING_BYTES - sound->bytes && make_room(sound))
        kept = av_packet_alloc();
    if (!kept) {
        sound->is_over = true;
        return;
    }
    av_packet_move_ref(kept, packet);
    sound->bytes += kept->size;
    sound->waiting[sound->count++] = kept;
}

AVPacket *ori_sound_take(struct ori_sound *sound)
{
    if (sound->first == sound->count)
        return NULL;
    AVPacket *packet = sound->waiting[sound->first++];
    sound->bytes -= packet->size;
    return packet;
}

void ori_sound_deinit(struct ori_sound *sound)
{
    AVPacket *packet = NULL;
    while ((packet = ori_sound_take(sound)))
        av_packet_free(&packet);
    free(sound->waiting);
    *sound = (struct ori_sound){0};
}

bool ori_sound_place(const struct ori_video *video, AVPacket *packet)
{
    const AVRational base = video->sound.stream->time_base;
    const int64_t max_us = video->options.duration_us_max;
    int64_t shift_us = 0;
    if (packet->dts == AV_NOPTS_VALUE)
        packet->dts = packet->pts;
    if (packet->dts == AV_NOPTS_VALUE || base.num <= 0 || base.den <= 0 ||
        __builtin_sub_overflow(video->timeline.offset_us, video->origin_us, &shift_us))
        return false;
    const int64_t shift = av_rescale_q(shift_us, ORI_US_BASE, base);
    if (packet->pts == AV_NOPTS_VALUE)
        packet->pts = packet->dts;
    if (__builtin_add_overflow(packet->dts, shift, &packet->dts) ||
        __builtin_add_overflow(packet->pts, shift, &packet->pts))
        return false;
    const int64_t time_us = ori_video_to_us(packet->dts, base);
    return max_us <= 0 || time_us <= max_us;
}
