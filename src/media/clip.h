#pragma once
/* media/clip.h: the cropped clip: frames of a video in, bytes of an MP4 file out.
 * What        box of the shape, frame by frame, with the frames' own times; one stream of the video's
 *             sound, copied, where MP4 can hold its codec; sample aspect, display matrix and colours
 *             as the video has them. An odd line at the right or below is doubled to make sides even
 * File        fragmented MP4 (movie header first, a fragment at each key frame): made in one go,
 *             never read back, its index never larger in memory than a fragment's
 * Encoders    one thread each, so that a clip does not depend on how many cores there are. NVENC is
 *             opened by create, which may open files and devices; software encoders by begin
 * Call order  create, before the walls of media/sandbox.h; ori_video_open with keeps_sound; begin;
 *             push each frame of ori_video_next; finish; facts; destroy
 * Ownership   options and writer are borrowed from create, the video from begin on
 * Threads     one thread
 * Limits      of the shape: ori_child_clip_is_sane; AUDIO_WAITING_BYTES of sound between two frames
 * Failure     ORI_ENCODE, ORI_NOMEM, or what the writer said. That an encoder cannot be opened is no
 *             failure while another one can: facts tell */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/child_proto.h"
#include "media/video.h"
#include "util/status.h"

struct ori_clip;

/* The next bytes of the file; they are borrowed for the call. */
typedef ori_status (*ori_clip_write_fn)(void *self, const uint8_t *data, size_t bytes,
                                        struct ori_error *err);

struct ori_clip_setup {
    struct ori_clip_options options;
    struct ori_clip_shape shape;
    bool may_use_gpu;
    double frame_rate; /* average; 0: not known */
    ori_clip_write_fn write;
    void *write_self;
};

struct ori_clip_facts {
    enum ori_clip_encoder encoder;
    int width; /* upright, before sample aspect */
    int height;
    bool has_audio;
    bool is_silenced; /* the video has sound that could not be copied, or not all of it */
    int64_t frames;
    const char *instead; /* why not the encoder that was asked for; "" when it is. The clip's */
};

ori_status ori_clip_create(const struct ori_clip_setup *setup, struct ori_clip **ret_clip,
                           struct ori_error *err);
bool ori_clip_is_on_gpu(const struct ori_clip *clip);
ori_status ori_clip_begin(struct ori_clip *clip, struct ori_video *video,
                          const struct ori_video_info *info, struct ori_error *err);
ori_status ori_clip_push(struct ori_clip *clip, const struct ori_frame *frame,
                         struct ori_error *err);
ori_status ori_clip_finish(struct ori_clip *clip, struct ori_error *err);
struct ori_clip_facts ori_clip_facts(const struct ori_clip *clip);
void ori_clip_destroy(struct ori_clip **clip); /* null-safe, nulls */

/* The shape of a clip of this video, cropped to box (coded pixels). */
struct ori_clip_shape ori_clip_shape_of(const struct ori_video *video, const struct ori_box *box);

/* Rows of the tables by the words of the settings; -1: no such word. */
int ori_clip_encoder_find(const char *word);
int ori_clip_preset_find(const char *word);
int ori_clip_tune_find(const char *word);
const char *ori_clip_encoder_word(enum ori_clip_encoder encoder); /* static */
