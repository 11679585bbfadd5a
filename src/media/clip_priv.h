#pragma once
/* media/clip_priv.h: what clip.c (pictures, the file), clip_sound.c and clip_encoder.c (which encoder,
 * how it is set) share. */
#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>

#include "media/clip.h"
#include "media/video_priv.h"

struct ori_clip {
    struct ori_clip_setup setup;
    enum ori_clip_encoder used;
    char instead[ORI_CHILD_TEXT_MAX];
    AVCodecContext *encoder; /* open, or NULL */

    struct ori_video *video; /* from begin on */
    struct ori_video_info info;
    AVFormatContext *mux;
    AVStream *picture_stream;
    AVStream *sound_stream;     /* NULL: none */
    AVBSFContext *sound_filter; /* NULL: packets go as they are */
    AVPacket *packet;
    struct SwsContext *scaler;
    int64_t frames;
    int64_t last_us;   /* of the last frame */
    int64_t gap_us;    /* between the last two */
    int64_t sound_dts; /* of the last packet; INT64_MIN: there was none */
    bool is_begun;     /* the sound has come, or is not waited for */
    bool is_silenced;

    ori_status write_status; /* first failed write, and its cause */
    struct ori_error write_error;
};

enum AVPixelFormat ori_clip_format(enum ori_clip_samples samples);
/* What a picture's format is nearest to. */
enum ori_clip_samples ori_clip_samples_of(enum AVPixelFormat format);

/* Opens the encoder of the GPU that the options ask for, if they do; that it cannot be opened is
 * noted in clip->instead. ORI_OK, ORI_NOMEM. */
ori_status ori_clip_open_gpu(struct ori_clip *clip, struct ori_error *err);
/* Opens the software encoder that comes nearest; picture: for colours and sample aspect. */
ori_status ori_clip_open_software(struct ori_clip *clip, const AVFrame *picture,
                                  struct ori_error *err);

/* Before the header: a stream for the video's sound. A libav error when MP4 has no name for its codec, or
 * too little is known of it. */
int ori_clip_add_sound(struct ori_clip *clip);
/* Sound up to where the pictures are. What the file does not take ends the sound, not the clip. */
ori_status ori_clip_write_sound(struct ori_clip *clip, struct ori_error *err);
/* Why a call that writes failed: what the writer said, else averror. */
ori_status ori_clip_write_failed(const struct ori_clip *clip, int averror, struct ori_error *err);
