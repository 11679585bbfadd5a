#pragma once
/* media/video_priv.h: what video.c, video_open.c, frame.c, planes.c and convert.c share.
 * Only these, avio, container, convert and the walk include libav headers.
 * Memory  decoder's frames, two packets, and three scratch buffers that follow the size of a frame,
 *         never the length of the video */
#include <stdatomic.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

#include "media/avio_priv.h"
#include "media/sound_priv.h"
#include "media/timeline_priv.h"
#include "media/tonemap.h"
#include "media/video.h"

struct ori_frame_impl {
    struct ori_frame frame;
    AVFrame *picture;
};

/* Bytes that are kept between frames and grow to the largest frame. */
struct ori_scratch {
    uint8_t *data;
    unsigned bytes;
};
/* NULL when memory ran out. Rows written by libav may overshoot: 64 bytes stand behind. */
uint8_t *ori_scratch_need(struct ori_scratch *scratch, size_t bytes);

/* One conversion of swscale and what it was made for. */
struct ori_scaler_key {
    int from_width;
    int from_height;
    enum AVPixelFormat from_format;
    int to_width;
    int to_height;
    enum AVPixelFormat to_format;
    int matrix; /* SWS_CS_* of the YUV side */
    int is_full_range;
};
struct ori_scaler {
    struct SwsContext *context;
    struct ori_scaler_key key;
};
/* Makes the scaler do what key says. ORI_OK, ORI_UNSUPPORTED, ORI_NOMEM. */
ori_status ori_scaler_set(struct ori_scaler *scaler, const struct ori_scaler_key *key,
                          struct ori_error *err);
void ori_scaler_deinit(struct ori_scaler *scaler);

#define ORI_US_BASE ((AVRational){1, 1000000})

struct ori_video {
    struct ori_avio avio;
    AVFormatContext *format;
    AVCodecContext *decoder;
    AVStream *stream;
    struct ori_sound sound; /* when options.keeps_sound */
    AVPacket *packet;       /* the one just read */
    AVPacket *held;         /* the one before it, not yet given to the decoder */
    bool has_held;
    bool is_drained;         /* the decoder was told that no more comes */
    bool is_walked;          /* is_cut below is the final answer */
    struct ori_frame *first; /* decoded by open, given by the first next */
    struct ori_video_options options;
    struct ori_video_info info;
    struct ori_video_damage damage;
    struct ori_timeline timeline;
    int64_t origin_us; /* the container's start */
    int64_t first_dts; /* of the first packet, in the stream's time base */
    bool is_dts_timed; /* no pts: timed by the order of decoding */
    int64_t dts_shift; /* decoding delay, for streams that say no pts */
    int64_t frames;    /* given by next */
    int64_t silent_packets;
    int64_t silent_bytes;
    int demux_errors;           /* in a row */
    atomic_bool is_past_pixels; /* set by the decoder's threads */
    struct ori_scratch planes;
    struct ori_scratch rgb[2];
    struct ori_scratch score;
    struct ori_scaler score_scaler;
    struct ori_scaler planes_scaler;
    struct ori_scaler rgb_scaler;
    struct ori_groups *groups; /* NULL: all is decoded */
    struct ori_tonemap *tonemap;
    enum ori_transfer tonemap_transfer;
};

/* From the container to the header's word: video's avio to origin_us, and the info but for what the
 * first picture says. */
ori_status ori_video_prepare(struct ori_video *video, struct ori_source *source,
                             struct ori_error *err);
/* Size, aspect and transfer are the first picture's: headers err, and raw streams have none. */
ori_status ori_video_learn(struct ori_video *video, AVFrame *picture, struct ori_error *err);
ori_status ori_video_past_pixels(const struct ori_video *video, int width, int height,
                                 struct ori_error *err);
/* A second decoder of the stream, set up and limited as video->decoder is. */
ori_status ori_video_open_decoder(struct ori_video *video, AVCodecContext **ret_decoder,
                                  struct ori_error *err);
/* Steps of decoding that video.c and groups.c share.
 * read: the next packet of the stream into video->packet; ORI_EOF at its end. send: to a decoder;
 * what it refuses is counted as damage. end: of the stream: is the last packet torn? finish: after
 * the last picture. wrap: takes picture, places it in time */
ori_status ori_video_read(struct ori_video *video, struct ori_error *err);
ori_status ori_video_send(struct ori_video *video, AVCodecContext *decoder, const AVPacket *packet,
                          struct ori_error *err);
bool ori_video_is_torn_tail(struct ori_video *video, const AVPacket *last, bool is_first);
ori_status ori_video_walk(struct ori_video *video, struct ori_error *err);
ori_status ori_video_finish(struct ori_video *video, struct ori_error *err);
ori_status ori_video_wrap(struct ori_video *video, AVFrame *picture, struct ori_frame **ret_frame,
                          struct ori_error *err);
/* ORI_TIME_UNKNOWN when time or base say nothing. */
int64_t ori_video_to_us(int64_t time, AVRational base);
/* Takes picture, also on failure; NULL when picture is NULL or memory ran out. */
struct ori_frame *ori_frame_create(AVFrame *picture);
