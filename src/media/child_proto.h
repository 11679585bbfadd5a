#pragma once
/* media/child_proto.h: what the decode child and its parent say to each other.
 * Channel     one SOCK_SEQPACKET socket: a packet is a message, first field its type; fixed sizes,
 *             host byte order (both ends are the same program)
 * Descriptors the child starts with: 3 the medium (read-only), 4 the socket, 5 the shared memory;
 *             0 and 1 are /dev/null, 2 is the parent's log pipe, which never blocks: what does
 *             not go in is lost
 * Memory      one memfd made and sealed (no shrink, no grow) by the parent, `slots` equal slots of
 *             slot_bytes. The child fills a free slot, says FRAME, and may use the slot again only
 *             after RELEASE. The last slots_held of them are the parent's from the start.
 *             Layout of a slot: still bytes at 0, model input at input_offset
 * Order       parent: START. child: INFO, then any of SCENE FRAME PROGRESS WARNING, then exactly
 *             one of DONE or FAIL, then it exits. NEED, PROGRESS, WARNING and FAIL may come before
 *             INFO. SCORE, LOOK and SHOT only where START asks for them: SCORE in order of time,
 *             a LOOK right behind the SCORE of its frame, a SHOT of a kept frame behind its FRAME.
 *             A picture job: PICTURE instead of SCENE and FRAME, INFO may be left out; a
 *             thumb job likewise: THUMB; a clip job: any number of CHUNK, then CLIP
 * Times       0 .. ORI_CHILD_TIME_MAX_US; scenes do not overlap, frames strictly follow in time
 * Boxes       inside the width x height of INFO
 * Trust       the parent checks type, size, every index, offset, length, number and string of a
 *             message before use: child_message.h; a bad one ends the item with
 *             ORI_CHILD_PROTOCOL. The child trusts its parent, but for what START says of slots and
 *             input: a nonsense there ends it with ORI_CHILD_PROTOCOL. */
#include <stdint.h>

#include "util/limits.h"
#include "util/plane.h"

#define ORI_CHILD_FD_MEDIUM 3
#define ORI_CHILD_FD_SOCKET 4
#define ORI_CHILD_FD_MEMORY 5
#define ORI_CHILD_TEXT_MAX 400
#define ORI_CHILD_CODE_MAX 32
#define ORI_CHILD_SLOTS_MIN 2
#define ORI_CHILD_SLOTS_MAX ORI_LIMIT_MAX_CHILD_SLOTS
#define ORI_CHILD_SLOT_ALIGN 64 /* of the model input inside a slot */
#define ORI_CHILD_SIDE_MAX ORI_LIMIT_MAX_CHILD_SIDE
#define ORI_CHILD_TIME_MAX_US (INT64_C(366) * 86400 * 1000000)
#define ORI_CHILD_FRAMES_MAX ORI_LIMIT_MAX_CHILD_FRAMES /* the child stops keeping there */
#define ORI_CHILD_SCENES_MAX ORI_LIMIT_MAX_CHILD_SCENES
#define ORI_CHILD_DISTANCE_MAX 256 /* bits of the largest VP_DHASH_SIZE */
#define ORI_CHILD_WARNINGS_MAX ORI_LIMIT_MAX_CHILD_WARNINGS
#define ORI_CHILD_MESSAGES_MAX ORI_LIMIT_MAX_CHILD_MESSAGES
#define ORI_CHILD_NEED_BLOCK (INT64_C(1) << 18) /* NEED asks for multiples of it */
#define ORI_CHILD_NEED_MAX ((int64_t)ORI_LIMIT_MAX_CHILD_NEED_BYTES)

enum ori_child_message_type {
    ORI_MSG_START = 1, /* parent to child */
    ORI_MSG_RELEASE,
    ORI_MSG_HAVE,
    ORI_MSG_INFO, /* child to parent */
    ORI_MSG_SCENE,
    ORI_MSG_FRAME,
    ORI_MSG_PICTURE,
    ORI_MSG_THUMB,
    ORI_MSG_PROGRESS,
    ORI_MSG_SCORE,
    ORI_MSG_LOOK,
    ORI_MSG_SHOT,
    ORI_MSG_WARNING,
    ORI_MSG_NEED,
    ORI_MSG_DONE,
    ORI_MSG_FAIL,
    ORI_MSG_CHUNK,
    ORI_MSG_CLIP
};

enum ori_child_job {
    ORI_CHILD_JOB_VIDEO = 1,
    ORI_CHILD_JOB_PICTURE = 2,
    ORI_CHILD_JOB_THUMB = 3, /* a JPEG with sides of at most options.input.side */
    ORI_CHILD_JOB_CLIP = 4   /* the video again, cropped to clip_shape and encoded: media/clip.h */
};

/* What a video job tells beside its result; bits of START's tells. */
enum ori_child_tell {
    ORI_TELL_SCORES = 1, /* SCORE: one a frame */
    ORI_TELL_LOOKS = 2,  /* with a LOOK each */
    ORI_TELL_SHOTS = 4   /* SHOT: small pictures for people */
};

/* How a cropped picture becomes model input: 3 * side * side bytes, planes R G B. What the fields
 * mean to the pixel: vision/resize.h, struct ori_resize_rule. */
enum ori_input_fit {
    ORI_INPUT_SQUASH = 1,      /* both sides to resize_side, aspect lost, then the centre */
    ORI_INPUT_SHORTER_CROP = 2 /* shorter side to resize_side with antialias, then the centre */
};
struct ori_input_spec {
    int32_t side;            /* 1..ORI_LIMIT_MAX_INPUT_SIDE; of a thumb job: its longer side */
    int32_t fit;             /* enum ori_input_fit */
    int32_t resize_side;     /* 1..ORI_LIMIT_MAX_INPUT_RESIZE; a thumb job does not use it */
    int32_t is_crop_rounded; /* 0 or 1, as is the next */
    int32_t is_bilinear;
};

/* How the cropped clip is encoded; the last three are rows of media/clip_tbl.h. */
enum ori_clip_encoder {
    ORI_CLIP_AUTO,
    ORI_CLIP_H264_NVENC,
    ORI_CLIP_HEVC_NVENC,
    ORI_CLIP_LIBX264,
    ORI_CLIP_LIBX265,
    ORI_CLIP_ENCODER_COUNT
};
struct ori_clip_options {
    int32_t is_wanted; /* else the rest means nothing */
    int32_t encoder;   /* enum ori_clip_encoder */
    int32_t preset;
    int32_t tune;
    int32_t cq; /* 0..51 */
};

/* What the clip's samples are: what the video's are, or the nearest that encoders know. */
enum ori_clip_samples {
    ORI_CLIP_420_8,
    ORI_CLIP_422_8,
    ORI_CLIP_444_8,
    ORI_CLIP_420_10,
    ORI_CLIP_422_10,
    ORI_CLIP_444_10,
    ORI_CLIP_SAMPLES_COUNT
};
/* box: coded pixels, all four even, its sides at least 2: it may go one line past an odd picture. */
struct ori_clip_shape {
    struct ori_box box;
    int32_t samples; /* enum ori_clip_samples */
};
/* VP_SPEED: how much of a video is decoded. */
enum ori_speed { ORI_SPEED_EXACT, ORI_SPEED_FAST, ORI_SPEED_TURBO };

/* What the vision pass needs of the settings; see the settings of the same names. */
struct ori_extract_options {
    int32_t has_crop;
    int32_t has_dedup;
    int32_t crop_probes;
    int32_t crop_limit; /* luma at or below it is black: first number of VP_CROP_CROPDETECT */
    double crop_clip_secs;
    int32_t crop_safe_margin_px;
    int32_t crop_over_text;
    int32_t crop_blurred;
    double min_crop_ratio;
    double tolerance;
    double edge_thresh;
    double downscale;
    double scene_thresh;
    int32_t is_classic; /* VP_SCENE_DETECTOR */
    double sample_fps;
    int32_t min_frames;
    int32_t dhash_size;
    int32_t dedup_distance;
    double solid_std;
    int32_t solid_min_dim;
    int32_t still_format; /* enum ori_still_format */
    int32_t still_quality;
    int32_t decode_threads;
    int32_t speed; /* enum ori_speed */
    int64_t pixels_max;
    int64_t duration_us_max;
    struct ori_input_spec input;
    struct ori_clip_options clip;
};

struct ori_msg_start {
    uint32_t type;
    uint32_t job;        /* enum ori_child_job */
    int64_t bytes;       /* size of the medium */
    uint32_t is_remote;  /* reads need NEED / HAVE first */
    uint32_t slots;      /* ORI_CHILD_SLOTS_MIN.._MAX */
    uint32_t words;      /* enum ori_words_level: what libav may say on the log pipe */
    uint32_t slots_held; /* so many of the last are the parent's until it says RELEASE; < slots */
    uint32_t tells;      /* enum ori_child_tell */
    int64_t cpu_seconds; /* of processor time, over all threads; see media/sandbox.h */
    uint64_t slot_bytes;
    int64_t memory_bytes; /* likewise; 0: no limit */
    struct ori_extract_options options;
    struct ori_clip_shape clip_shape; /* of a clip job, as are the next two */
    uint32_t clip_on_gpu;             /* an encoder of the GPU may be tried */
    double clip_frame_rate;           /* as INFO said; 0: not known */
};
struct ori_msg_slot { /* RELEASE */
    uint32_t type;
    uint32_t slot;
};
struct ori_msg_range { /* NEED, HAVE */
    uint32_t type;
    uint32_t is_failed; /* HAVE: the range could not be had */
    int64_t offset;
    int64_t bytes;
};
struct ori_msg_info {
    uint32_t type;
    int32_t width; /* upright; pixels as coded, which all boxes count in: frames have square ones */
    int32_t height;
    int32_t has_duration;
    int64_t duration_us;
    double frame_rate;
    char codec[16];
    char container[32];
};
/* A scene is said when its frames are chosen and cropped (they may come first); index counts from
 * 1, in order. */
struct ori_msg_scene {
    uint32_t type;
    uint32_t index;
    int64_t start_us;      /* first frame of it */
    int64_t end_us;        /* first frame of the next, or the end of the video */
    uint32_t duplicate_of; /* scene whose frame covers this one too; 0: none */
    struct ori_box crop;   /* box of its frames, upright pixels; the whole picture when uncropped */
};
struct ori_msg_frame {
    uint32_t type;
    uint32_t slot;
    uint32_t n;     /* 1.. over kept frames, in order of time */
    uint32_t scene; /* 1.. */
    int64_t pts_us;
    uint64_t still_bytes;  /* at offset 0 of the slot */
    uint64_t input_offset; /* multiple of 64, behind the still */
    uint64_t input_bytes;  /* 3 * side * side */
    int32_t width;         /* of the still */
    int32_t height;
    uint64_t dhash; /* of the first 64 bits when VP_DHASH_SIZE > 8 */
};
struct ori_msg_picture { /* answer to a picture job: input alone, at offset 0 of slot 0 */
    uint32_t type;
    int32_t width;
    int32_t height;
    uint64_t input_bytes;
};
struct ori_msg_thumb { /* answer to a thumb job: a JPEG at offset 0 of slot 0 */
    uint32_t type;
    int32_t width; /* of the JPEG, at most options.input.side */
    int32_t height;
    uint64_t still_bytes;
};
struct ori_msg_progress {
    uint32_t type;
    uint32_t frames_kept;
    int64_t frames_decoded;
    int64_t pts_us;
};
/* By what scenes are decided, of one frame. */
struct ori_msg_score {
    uint32_t type;
    uint32_t has_score; /* else score is 0: nothing is decided by it, as with blank frames */
    int64_t pts_us;
    double score;   /* of the detector in use, 0..1, on the scale of VP_SCENE_THRESH */
    double classic; /* ffmpeg's, 0..1 */
};
/* The small planes that the detector sees of that frame: luma, U, V without a gap, zeros behind. */
#define ORI_CHILD_LOOK_SIDE 128
#define ORI_CHILD_LOOK_BYTES (ORI_CHILD_LOOK_SIDE * ORI_CHILD_LOOK_SIDE * 3 / 2)
struct ori_msg_look {
    uint32_t type;
    int32_t width; /* 1..ORI_CHILD_LOOK_SIDE */
    int32_t height;
    int32_t chroma_width; /* 0..half of that; 0: grey */
    int32_t chroma_height;
    uint8_t samples[ORI_CHILD_LOOK_BYTES];
};
enum ori_child_shot {
    ORI_SHOT_KEPT = 1, /* as it was kept */
    ORI_SHOT_DROPPED,  /* was dropped, because frame n shows the same */
    ORI_SHOT_WHOLE     /* uncropped, of a scene that has a crop; after INFO's upright sides */
};
struct ori_msg_shot {
    uint32_t type;
    uint32_t kind;  /* enum ori_child_shot */
    uint32_t n;     /* a kept frame: itself, or what it repeats; 0 with WHOLE */
    uint32_t scene; /* 1.. */
    int64_t pts_us;
    int32_t width; /* of the picture, 1..ORI_LIMIT_MAX_CHILD_SHOT_SIDE */
    int32_t height;
    uint32_t distance; /* DROPPED: bits in which the hashes differ */
    uint32_t bytes;    /* of the JPEG */
    uint8_t jpeg[ORI_LIMIT_MAX_CHILD_SHOT_BYTES];
};
struct ori_msg_warning {
    uint32_t type;
    char code[ORI_CHILD_CODE_MAX]; /* "truncated", "damaged_packets", "scene_limit"... */
    char text[ORI_CHILD_TEXT_MAX];
};
struct ori_msg_done {
    uint32_t type;
    uint32_t has_crop;   /* 0: nothing to remove: box is not set */
    struct ori_box crop; /* upright pixels */
    uint32_t scenes;
    uint32_t frames;
    int64_t duration_us; /* as decoded: end of the last frame */
    int64_t frames_decoded;
    double decode_seconds; /* wall time by stage, for timings{} */
    double vision_seconds;
    double still_seconds;
    double wait_seconds;              /* for a free slot */
    struct ori_clip_shape clip_shape; /* with has_crop and options.clip.is_wanted */
};
struct ori_msg_chunk { /* the next bytes of the clip, at offset 0 of the slot */
    uint32_t type;
    uint32_t slot;
    uint64_t bytes;
};
struct ori_msg_clip { /* all chunks were said */
    uint32_t type;
    uint32_t encoder; /* that made it: enum ori_clip_encoder, never AUTO */
    int32_t width;    /* upright, before sample aspect */
    int32_t height;
    uint32_t has_audio;
    uint32_t is_silenced; /* the video has sound that MP4 cannot hold */
    int64_t frames;
    int64_t bytes;                    /* of all chunks */
    char instead[ORI_CHILD_TEXT_MAX]; /* why not the encoder that was asked for; "": it is */
};
struct ori_msg_fail {
    uint32_t type;
    char code[ORI_CHILD_CODE_MAX];  /* a code of status_tbl.h */
    char stage[ORI_CHILD_CODE_MAX]; /* "open", "decode", "vision", "still" */
    char text[ORI_CHILD_TEXT_MAX];
};
