#pragma once
/* media/video.h: one video stream, opened, decoded once from start to end, through libav.
 * libav stays behind this header: its own headers are included in src/media/ alone, by *_priv.h.
 * Call order   open; next until EOF; close. A frame outlives nothing but its own references
 * Ownership    next gives the caller one reference; ori_frame_unref nulls the pointer
 * Threads      a video and its frames stay on one thread
 * Units        times in microseconds from the container's start (the stream's own, so right for
 *              variable frame rate); sizes in coded pixels, before rotation and sample aspect
 * Limits       pixels, streams, duration and so on as options say: past one comes ORI_LIMIT
 * Groups       with a planner, groups of pictures are left out as it says (media/groups_priv.h has the
 *              rules); frames that are given are the same to the bit as without one. For a part of
 *              those that are not, stand-ins are given
 * Hostile      only allow-listed containers and codecs; no protocol, no second file is ever opened:
 *              all bytes come from the source
 * Failure      NOT_MEDIA, NO_VIDEO_STREAM, UNSUPPORTED, DECODE, LIMIT, IO, NOMEM with one line */
#include <stdbool.h>
#include <stdint.h>

#include "media/source.h"
#include "util/plane.h"
#include "util/status.h"

struct ori_video;
struct ori_frame;
struct ori_frame_impl; /* libav's side of a frame; known to src/media alone */

/* One coded picture that was not decoded yet. */
struct ori_coded {
    int64_t pts_us; /* from the container's start */
    int32_t bytes;
    bool is_forward; /* shown after all that were coded before it: no B frame */
};

/* A group is a key frame and what follows up to the next one. What there is to know of the rest of it
 * before that is decoded. */
struct ori_group_rest {
    const struct ori_frame *newest; /* shown last; before anything was decoded the key frame */
    const struct ori_frame *next;   /* key frame of the next group; NULL: the video ends */
    int32_t next_bytes;             /* coded; 0 when the video ends */
    const struct ori_coded *coded;  /* the whole group in order of decoding, the key frame first */
    size_t count;
    size_t begin; /* from here on nothing was decoded; 1: of the whole group */
};

/* What to decode of the next ORI_GROUP_STEP pictures. */
enum ori_group_plan {
    ORI_GROUP_ALL,
    ORI_GROUP_REFERENCES, /* those that no other is made from may be left out */
    ORI_GROUP_SKIP        /* nothing, up to the next key frame */
};
#define ORI_GROUP_STEP 8

/* Asked before a group, and again after each step of it. frames are borrowed for the call. */
struct ori_group_planner {
    ori_status (*plan)(void *self, struct ori_video *video, const struct ori_group_rest *rest,
                       enum ori_group_plan *ret_plan, struct ori_error *err);
    void *self;
};

struct ori_video_options {
    int threads;             /* decoder threads, 1.. */
    int64_t pixels_max;      /* width * height of a coded picture */
    int64_t duration_us_max; /* 0: any; longer by its header is ORI_LIMIT, by its frames a cut */
    bool keeps_sound;        /* packets of one stream of sound, for media/clip.h */
    int64_t frames_max;      /* pictures, 0: any; one more is ORI_LIMIT */
    const struct ori_group_planner *planner; /* NULL: all is decoded; outlives the video */
};

struct ori_video_info {
    int width; /* coded pixels, cropping of the bit stream applied */
    int height;
    int rotation;     /* 0, 90, 180, 270: degrees clockwise that make the picture upright */
    bool is_mirrored; /* flip left and right, after the rotation */
    int sar_num;      /* sample aspect ratio; 1:1 when the stream says nothing */
    int sar_den;
    bool is_hdr;         /* PQ or HLG transfer */
    int64_t duration_us; /* as the header says; 0 when it says nothing */
    double frame_rate;   /* average as the header says; 0 when unknown */
    char codec[16];
    char container[32];
};

/* One decoded picture. */
struct ori_frame {
    int64_t pts_us;
    int width; /* may differ from the video's when the stream changes size on its way */
    int height;
    bool is_stand_in; /* the frame before it once more, in the place of one that was not decoded */
    struct ori_frame_impl *impl;
};

/* Recognises the container by its bytes, chooses the stream and decodes its first picture, so that
 * the info is true. Cover pictures are no video. */
ori_status ori_video_open(struct ori_source *source, const struct ori_video_options *options,
                          struct ori_video **ret_video, struct ori_video_info *ret_info,
                          struct ori_error *err);
const char *ori_video_library(void);            /* the version of libav, static */
void ori_video_close(struct ori_video **video); /* null-safe, nulls */

/* The next picture in presentation order, pts strictly increasing from 0 or later (a frame whose
 * time does not advance is given the previous time + 1 us; the rules: timeline_priv.h). Damaged
 * packets are skipped and counted; the last packet of a cut file is left out: its picture is torn.
 * ORI_OK, ORI_EOF (also where a truncated file breaks off after at least one frame),
 * ORI_DECODE when not one picture came out of the whole stream. */
ori_status ori_video_next(struct ori_video *video, struct ori_frame **ret_frame,
                          struct ori_error *err);

/* How much of the video could be planned; all 0 without a planner. */
struct ori_video_groups {
    int64_t pictures;  /* of the stream, as far as read */
    int64_t unplanned; /* in stretches that had to be decoded whole: no key frames, no times */
    bool is_off; /* none could be planned: the codec has no groups, or its key frames say little */
};
struct ori_video_groups ori_video_groups(const struct ori_video *video);

struct ori_video_damage {
    bool is_truncated;     /* bytes or time that the header promised are missing */
    bool is_over_duration; /* it went on after options.duration_us_max: the rest was left out */
    int64_t packets_bad;   /* refused by demuxer or decoder, or torn by the end of the file */
    int64_t frames_decoded;
};
/* True after ORI_EOF; before it a provisional answer. */
struct ori_video_damage ori_video_damage(const struct ori_video *video);

/* A second frame over the same picture, to be given back by its own unref; NULL when memory ran
 * out. Each one alive is a picture's memory that the decoder cannot use again: keep few. */
struct ori_frame *ori_frame_ref(struct ori_frame *frame);
void ori_frame_unref(struct ori_frame **frame);

/* 8-bit views of luma and the two chroma planes (chroma of width 0 for grey pictures). For deeper
 * or packed formats the samples are converted into the video's scratch memory.
 * The views are valid until the next call on this video, or until the frame goes. Luma is in code
 * values as the stream has them (limited range: black is 16). */
ori_status ori_frame_planes(struct ori_video *video, const struct ori_frame *frame,
                            struct ori_plane ret_planes[3], struct ori_error *err);

/* What ffmpeg's filters select and scdet would look at: luma as it is where they take the format,
 * else what swscale makes of the picture in the format that libavfilter would put in front of them
 * (RGB interleaved, alpha included where they take it). Valid like the views above. */
ori_status ori_frame_score_samples(struct ori_video *video, const struct ori_frame *frame,
                                   struct ori_samples *ret_samples, struct ori_error *err);

/* Size of the upright, square-pixel picture that ori_frame_to_rgb makes of box (NULL: all). Pixels
 * become square by growing one side: no line of picture is ever merged with another. */
void ori_frame_rgb_size(const struct ori_video_info *info, const struct ori_box *box,
                        int *ret_width, int *ret_height);
/* The picture inside box (pixels of info; NULL: all) as upright RGB with square pixels, converted
 * with the stream's own matrix and range; HDR is tone-mapped to SDR (BT.2390 knee). image->data is
 * the caller's, stride * height bytes of the size above. A frame of another size than info's is
 * scaled to it first, so that one box serves the whole video. Bit-exact for the same input
 * anywhere. */
ori_status ori_frame_to_rgb(struct ori_video *video, const struct ori_frame *frame,
                            const struct ori_box *box, struct ori_rgb *image,
                            struct ori_error *err);
/* box in coded pixels -> the same box in the upright picture (before square-pixel scaling). */
struct ori_box ori_video_upright_box(const struct ori_video_info *info, const struct ori_box *box);
