#pragma once
/* media/sound_priv.h: packets of a video's sound, passed by on the way to its pictures and kept until
 * they are taken. Nothing of them is decoded.
 * Call order  choose, once the streams are known; keep each packet of the stream; take; deinit
 * Ownership   a packet that is taken is the caller's to free
 * Limits      AUDIO_WAITING_BYTES wait, and 2^18 packets: more are dropped, and is_over says so */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

struct ori_video;

struct ori_sound {
    AVStream *stream; /* NULL: none */
    AVPacket **waiting;
    size_t first;
    size_t count; /* of waiting, those before first were taken */
    size_t room;
    int64_t bytes;
    bool is_over; /* not all of the sound can be had */
};

/* The stream that belongs to pictures; lets the demuxer give its packets. */
void ori_sound_choose(struct ori_sound *sound, AVFormatContext *format, const AVStream *pictures);
/* Takes what is in packet. */
void ori_sound_keep(struct ori_sound *sound, AVPacket *packet);
AVPacket *ori_sound_take(struct ori_sound *sound); /* the oldest, or NULL */
void ori_sound_deinit(struct ori_sound *sound);

/* Moves a packet's times to where the video's frames are. False: it says none, or lies behind what is
 * shown of the video. */
bool ori_sound_place(const struct ori_video *video, AVPacket *packet);
