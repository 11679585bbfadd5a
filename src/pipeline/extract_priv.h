#pragma once
/* pipeline/extract_priv.h: the child's state, shared by extract.c (decode and look) and
 * extract_emit.c (hold, crop, drop, encode, say), extract_track.c (scores), extract_shot.c
 * (small pictures for people), extract_clip.c and extract_picture.c. */
#include <stdint.h>

#include "media/child_side.h"
#include "media/clip.h"
#include "media/video.h"
#include "pipeline/skim.h"
#include "vision/choose.h"
#include "vision/scene_score.h"
#include "vision/signature.h"

struct extract_held { /* a chosen frame that waits */
    struct ori_frame *frame;
    int64_t pts_us;
    uint32_t scene;
    uint32_t return_of; /* of returns alone */
};

struct extract_scene { /* a scene that was not said yet */
    struct ori_scene scene;
    bool has_ended;
    uint32_t frames; /* said of it */
    struct ori_box box;
    bool has_box; /* of its last frame; else decided when it is said */
};

struct extract_said { /* a frame that was said: what later ones are compared with */
    struct ori_dhash dhash;
    struct ori_signature signature;
    uint32_t scene;
};

struct extract {
    struct ori_child_side *side;
    const struct ori_extract_options *options;
    struct ori_video *video;
    struct ori_video_info info;
    struct ori_chooser *chooser;
    struct ori_scene_score *score; /* NULL: nobody asks for it */
    struct extract_track *track;   /* likewise */
    struct ori_borders_options borders_options;

    int width; /* of the first frame: borders are measured on frames of this size alone */
    int height;
    int64_t last_pts_us;
    int64_t last_gap_us;
    int64_t frames_decoded;
    struct ori_thumb thumb; /* of the frame looked at last */
    struct ori_skim skim;
    int64_t next_progress_us; /* monotonic */

    struct extract_held *returns; /* for the report: of scenes that show an earlier one */
    size_t returns_count;
    size_t returns_room;
    int64_t returns_bytes;
    uint32_t shots[ORI_SHOT_WHOLE + 1]; /* said, by kind */
    struct ori_box whole_box;           /* of the last ORI_SHOT_WHOLE */
    struct extract_held *held;          /* in order of time */
    size_t held_count;
    size_t held_room;
    int64_t held_bytes;
    size_t chosen; /* frames that the chooser gave so far */

    struct extract_scene *scenes; /* [0] is the first not said, index scenes_said + 1 */
    size_t scene_count;
    size_t scene_room;
    uint32_t scenes_said;
    struct ori_borders video_borders; /* of all scenes that ended */
    struct ori_box usual_box;         /* of the scene that last proved one */
    bool has_usual_box;

    struct extract_said *said;
    size_t said_count;
    size_t said_room;

    struct ori_rgb rgb; /* the picture being encoded; memory kept */
    size_t rgb_bytes;

    int64_t decode_us;
    int64_t vision_us;
    int64_t still_us;
};

/* A choice of the chooser; takes the frame. */
ori_status extract_hold(struct extract *extract, const struct ori_choice *choice,
                        struct ori_error *err);
/* A scene of the chooser that ended. */
ori_status extract_end_scene(struct extract *extract, const struct ori_scene *scene,
                             struct ori_error *err);
/* Says what must not or need not wait; at the end, all. */
ori_status extract_flush(struct extract *extract, bool is_end, struct ori_error *err);
void extract_emit_deinit(struct extract *extract);

/* A clip job: bytes of the file are gathered in a slot until it is full. */
struct extract_clip {
    struct ori_child_side *side;
    struct ori_clip *clip;
    struct ori_video *video;
    uint8_t *data; /* of the slot that is being filled; NULL: none */
    uint32_t slot;
    size_t used;
    int64_t bytes;
    int64_t next_progress_us; /* monotonic */
};
/* Before the walls; the rest of the job, DONE included; the end, idempotent. */
ori_status extract_clip_open(struct extract_clip *clip, struct ori_error *err);
ori_status extract_clip(struct extract_clip *clip, const char **ret_stage, struct ori_error *err);
void extract_clip_close(struct extract_clip *clip);
/* Room for one entry more. */
ori_status extract_grow(void **table, size_t count, size_t *room, size_t entry_bytes,
                        struct ori_error *err);
/* extract->rgb is then the box of the frame. */
ori_status extract_make_rgb(struct extract *extract, const struct ori_frame *frame,
                            const struct ori_box *box, struct ori_error *err);
/* Both sides at most side, aspect kept; *ret_small borrows image when it is small enough, else its
 * data are malloc'ed. */
ori_status extract_shrink(const struct ori_rgb *image, int side, struct ori_rgb *ret_small,
                          struct ori_error *err);

/* Small pictures for people, where START asks for them. Kept: the frame said last, which extract->rgb
 * holds; with box, the part of it that was kept, also the whole of it. */
ori_status extract_shot_kept(struct extract *extract, const struct extract_held *held,
                             const struct ori_box *box, struct ori_error *err);
/* Dropped, because the frame said as number n shows the same. */
ori_status extract_shot_dropped(struct extract *extract, const struct extract_held *held,
                                const struct ori_box *box, uint32_t n, uint32_t distance,
                                struct ori_error *err);
/* A return of the chooser; takes the frame. They are said at the end. */
ori_status extract_hold_return(struct extract *extract, const struct ori_choice *choice,
                               struct ori_error *err);
ori_status extract_shot_returns(struct extract *extract, struct ori_error *err);

/* A frame of the track, before it is pushed to the chooser; what the chooser has decided of them. */
ori_status extract_track_create(struct extract *extract, struct ori_error *err);
ori_status extract_track_add(struct extract *extract, const struct ori_thumb *thumb, int64_t pts_us,
                             double classic, struct ori_error *err);
ori_status extract_track_flush(struct extract *extract, bool is_end, struct ori_error *err);
bool extract_track_is_full(const struct extract *extract);

/* Model input of image: 3 * side * side bytes into planes. */
ori_status extract_input(const struct ori_rgb *image, const struct ori_input_spec *input,
                         uint8_t *planes, struct ori_error *err);
/* The whole of a picture or thumb job, DONE included. */
ori_status extract_picture(struct ori_child_side *side, struct ori_error *err);
