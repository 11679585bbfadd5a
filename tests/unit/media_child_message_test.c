/* A conversation that is well, and then one message with one field at its limit or one past it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/child_message.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum {
    SLOTS = 4,
    SLOT_BYTES = 65536,
    SIDE = 8,
    INPUT_BYTES = 3 * SIDE * SIDE,
    WIDTH = 640,
    HEIGHT = 480
};
#define MEDIUM_BYTES INT64_C(100000000)

static void begin(struct ori_child_talk *talk, enum ori_child_job job)
{
    struct ori_msg_start start = {.type = ORI_MSG_START,
                                  .job = job,
                                  .bytes = MEDIUM_BYTES,
                                  .slots = SLOTS,
                                  .slot_bytes = SLOT_BYTES};
    start.options.input.side = SIDE;
    ori_child_talk_begin(talk, &start);
}

static const struct ori_msg_info good_info = {.type = ORI_MSG_INFO,
                                              .width = WIDTH,
                                              .height = HEIGHT,
                                              .has_duration = 1,
                                              .duration_us = 10000000,
                                              .frame_rate = 25,
                                              .codec = "h264",
                                              .container = "mp4"};
static const struct ori_msg_scene good_scene = {.type = ORI_MSG_SCENE,
                                                .index = 2,
                                                .start_us = 1000000,
                                                .end_us = 2000000,
                                                .crop = {.w = WIDTH, .h = HEIGHT}};
static const struct ori_msg_frame good_frame = {.type = ORI_MSG_FRAME,
                                                .slot = 1,
                                                .n = 2,
                                                .scene = 2,
                                                .pts_us = 1500000,
                                                .still_bytes = 1000,
                                                .input_offset = 1024,
                                                .input_bytes = INPUT_BYTES,
                                                .width = WIDTH,
                                                .height = HEIGHT,
                                                .dhash = 1};
static const struct ori_msg_picture good_picture = {
    .type = ORI_MSG_PICTURE, .width = 10, .height = 10, .input_bytes = INPUT_BYTES};
static const struct ori_msg_thumb good_thumb = {
    .type = ORI_MSG_THUMB, .width = SIDE, .height = 1, .still_bytes = 600};
static const struct ori_msg_progress good_progress = {
    .type = ORI_MSG_PROGRESS, .frames_kept = 1, .frames_decoded = 7, .pts_us = 280000};
static const struct ori_msg_warning good_warning = {
    .type = ORI_MSG_WARNING, .code = "truncated", .text = "the file breaks off"};
static const struct ori_msg_range good_need = {
    .type = ORI_MSG_NEED, .offset = 4096, .bytes = 65536};
static const struct ori_msg_done good_done = {.type = ORI_MSG_DONE,
                                              .has_crop = 1,
                                              .crop = {.x = 0, .y = 60, .w = WIDTH, .h = 360},
                                              .scenes = 1,
                                              .frames = 1,
                                              .duration_us = 10000000,
                                              .frames_decoded = 250,
                                              .decode_seconds = 1};
static const struct ori_msg_fail good_fail = {
    .type = ORI_MSG_FAIL, .code = "decode_failed", .stage = "decode", .text = "no picture"};

static const struct ori_msg_chunk good_chunk = {
    .type = ORI_MSG_CHUNK, .slot = 1, .bytes = SLOT_BYTES};
static const struct ori_msg_clip good_clip = {.type = ORI_MSG_CLIP,
                                              .encoder = ORI_CLIP_LIBX264,
                                              .width = WIDTH,
                                              .height = 360,
                                              .frames = 250,
                                              .bytes = 600};

static ori_status say(struct ori_child_talk *talk, const void *message, size_t bytes)
{
    union ori_child_message copy = {0};
    struct ori_error err = {0};
    memcpy(&copy, message, bytes < sizeof copy ? bytes : sizeof copy);
    ori_status status = ori_child_message_check(talk, &copy, bytes, &err);
    assert_int_equal(status, err.status);
    if (status != ORI_OK) {
        assert_int_equal(status, ORI_CHILD_PROTOCOL);
        assert_true(err.text[0] != '\0');
        assert_true(talk->has_ended);
    }
    return status;
}

/* INFO, the first scene and its frame have been said. */
static void begin_video(struct ori_child_talk *talk)
{
    struct ori_msg_scene scene = good_scene;
    struct ori_msg_frame frame = good_frame;
    scene.index = 1;
    scene.start_us = 0;
    scene.end_us = 1000000;
    frame.slot = 0;
    frame.n = 1;
    frame.scene = 1;
    frame.pts_us = 500000;
    begin(talk, ORI_CHILD_JOB_VIDEO);
    assert_int_equal(say(talk, &good_info, sizeof good_info), ORI_OK);
    assert_int_equal(say(talk, &scene, sizeof scene), ORI_OK);
    assert_int_equal(say(talk, &frame, sizeof frame), ORI_OK);
}

/* One number of a message is set to value; is the message then well? */
struct row {
    const char *what;
    size_t offset;
    size_t size; /* 4 or 8 bytes of a whole number; 0: a double */
    int64_t value;
    double real;
    bool is_well;
};
#define WHOLE(type, field, number, well)                                                           \
    {                                                                                              \
#field " = " #number, offsetof(struct type, field), sizeof(((struct type *)0)->field),     \
            (int64_t)(number), 0, (well)                                                           \
    }
#define REAL(type, field, number, well)                                                            \
    {                                                                                              \
#field " = " #number, offsetof(struct type, field), 0, 0, (number), (well)                 \
    }

static void set_number(uint8_t *message, const struct row *row)
{
    int32_t small = (int32_t)row->value;
    if (row->size == 4)
        memcpy(message + row->offset, &small, sizeof small);
    else if (row->size == 8)
        memcpy(message + row->offset, &row->value, sizeof row->value);
    else
        memcpy(message + row->offset, &row->real, sizeof row->real);
}

static void check_rows(void (*start)(struct ori_child_talk *talk), const void *good, size_t bytes,
                       const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ori_child_talk talk;
        union ori_child_message message = {0};
        memcpy(&message, good, bytes);
        set_number(message.bytes, &rows[i]);
        start(&talk);
        print_message("%s\n", rows[i].what);
        assert_int_equal(say(&talk, &message, bytes) == ORI_OK, rows[i].is_well);
    }
}

static void begin_nothing(struct ori_child_talk *talk)
{
    begin(talk, ORI_CHILD_JOB_VIDEO);
}

static void begin_picture(struct ori_child_talk *talk)
{
    begin(talk, ORI_CHILD_JOB_PICTURE);
}

static void begin_thumb(struct ori_child_talk *talk)
{
    begin(talk, ORI_CHILD_JOB_THUMB);
}

static void info_fields(void **state)
{
    (void)state;
    static const struct row rows[] = {
        WHOLE(ori_msg_info, width, 1, true),
        WHOLE(ori_msg_info, width, 0, false),
        WHOLE(ori_msg_info, width, -1, false),
        WHOLE(ori_msg_info, width, ORI_CHILD_SIDE_MAX, true),
        WHOLE(ori_msg_info, width, ORI_CHILD_SIDE_MAX + 1, false),
        WHOLE(ori_msg_info, height, 0, false),
        WHOLE(ori_msg_info, height, ORI_CHILD_SIDE_MAX, true),
        WHOLE(ori_msg_info, height, ORI_CHILD_SIDE_MAX + 1, false),
        WHOLE(ori_msg_info, has_duration, 0, true),
        WHOLE(ori_msg_info, has_duration, 2, false),
        WHOLE(ori_msg_info, has_duration, -1, false),
        WHOLE(ori_msg_info, duration_us, 0, true),
        WHOLE(ori_msg_info, duration_us, -1, false),
        WHOLE(ori_msg_info, duration_us, ORI_CHILD_TIME_MAX_US, true),
        WHOLE(ori_msg_info, duration_us, ORI_CHILD_TIME_MAX_US + 1, false),
        WHOLE(ori_msg_info, duration_us, INT64_MAX, false),
        REAL(ori_msg_info, frame_rate, 0, true),
        REAL(ori_msg_info, frame_rate, -1, false),
        REAL(ori_msg_info, frame_rate, (double)NAN, false),
        REAL(ori_msg_info, frame_rate, (double)INFINITY, false),
        WHOLE(ori_msg_info, type, ORI_MSG_START, false),
        WHOLE(ori_msg_info, type, 0, false),
        WHOLE(ori_msg_info, type, ORI_MSG_FAIL + 1, false),
        WHOLE(ori_msg_info, type, -1, false),
    };
    check_rows(begin_nothing, &good_info, sizeof good_info, rows, COUNT_OF(rows));
}

static void scene_fields(void **state)
{
    (void)state;
    static const struct row rows[] = {
        WHOLE(ori_msg_scene, index, 2, true),
        WHOLE(ori_msg_scene, index, 0, false),
        WHOLE(ori_msg_scene, index, 1, false),
        WHOLE(ori_msg_scene, index, 3, false),
        WHOLE(ori_msg_scene, start_us, 1000000, true),
        WHOLE(ori_msg_scene, start_us, 999999, false),
        WHOLE(ori_msg_scene, start_us, 2000000, true),
        WHOLE(ori_msg_scene, start_us, 2000001, false),
        WHOLE(ori_msg_scene, start_us, -1, false),
        WHOLE(ori_msg_scene, end_us, 1000000, true),
        WHOLE(ori_msg_scene, end_us, 999999, false),
        WHOLE(ori_msg_scene, end_us, ORI_CHILD_TIME_MAX_US, true),
        WHOLE(ori_msg_scene, end_us, ORI_CHILD_TIME_MAX_US + 1, false),
        WHOLE(ori_msg_scene, duplicate_of, 1, true),
        WHOLE(ori_msg_scene, duplicate_of, 2, false),
        WHOLE(ori_msg_scene, duplicate_of, UINT32_MAX, false),
        WHOLE(ori_msg_scene, crop.x, 1, false),
        WHOLE(ori_msg_scene, crop.x, -1, false),
        WHOLE(ori_msg_scene, crop.x, INT32_MAX, false),
        WHOLE(ori_msg_scene, crop.y, 1, false),
        WHOLE(ori_msg_scene, crop.y, -1, false),
        WHOLE(ori_msg_scene, crop.w, 1, true),
        WHOLE(ori_msg_scene, crop.w, 0, false),
        WHOLE(ori_msg_scene, crop.w, WIDTH + 1, false),
        WHOLE(ori_msg_scene, crop.w, INT32_MAX, false),
        WHOLE(ori_msg_scene, crop.h, 0, false),
        WHOLE(ori_msg_scene, crop.h, HEIGHT + 1, false),
        WHOLE(ori_msg_scene, crop.h, INT32_MIN, false),
    };
    check_rows(begin_video, &good_scene, sizeof good_scene, rows, COUNT_OF(rows));
}

static void frame_fields(void **state)
{
    (void)state;
    static const struct row rows[] = {
        WHOLE(ori_msg_frame, slot, SLOTS - 1, true),
        WHOLE(ori_msg_frame, slot, SLOTS, false),
        WHOLE(ori_msg_frame, slot, 64, false),
        WHOLE(ori_msg_frame, slot, UINT32_MAX, false),
        WHOLE(ori_msg_frame, slot, 0, false), /* not released yet */
        WHOLE(ori_msg_frame, n, 1, false),
        WHOLE(ori_msg_frame, n, 3, false),
        WHOLE(ori_msg_frame, n, 0, false),
        WHOLE(ori_msg_frame, scene, 1, true),
        WHOLE(ori_msg_frame, scene, 0, false),
        WHOLE(ori_msg_frame, scene, ORI_CHILD_SCENES_MAX, true),
        WHOLE(ori_msg_frame, scene, ORI_CHILD_SCENES_MAX + 1, false),
        WHOLE(ori_msg_frame, pts_us, 500001, true),
        WHOLE(ori_msg_frame, pts_us, 500000, false),
        WHOLE(ori_msg_frame, pts_us, -1, false),
        WHOLE(ori_msg_frame, pts_us, ORI_CHILD_TIME_MAX_US, true),
        WHOLE(ori_msg_frame, pts_us, ORI_CHILD_TIME_MAX_US + 1, false),
        WHOLE(ori_msg_frame, still_bytes, 1, true),
        WHOLE(ori_msg_frame, still_bytes, 0, false),
        WHOLE(ori_msg_frame, still_bytes, 1024, true),
        WHOLE(ori_msg_frame, still_bytes, 1025, false), /* reaches into the model input */
        WHOLE(ori_msg_frame, still_bytes, UINT64_MAX, false),
        WHOLE(ori_msg_frame, input_offset, SLOT_BYTES - INPUT_BYTES, true),
        WHOLE(ori_msg_frame, input_offset, SLOT_BYTES - INPUT_BYTES + 64, false),
        WHOLE(ori_msg_frame, input_offset, 1025, false),
        WHOLE(ori_msg_frame, input_offset, 960, false),
        WHOLE(ori_msg_frame, input_offset, UINT64_MAX - 63, false),
        WHOLE(ori_msg_frame, input_bytes, INPUT_BYTES - 1, false),
        WHOLE(ori_msg_frame, input_bytes, INPUT_BYTES + 1, false),
        WHOLE(ori_msg_frame, input_bytes, UINT64_MAX, false),
        WHOLE(ori_msg_frame, width, 1, true),
        WHOLE(ori_msg_frame, width, 0, false),
        WHOLE(ori_msg_frame, width, ORI_CHILD_SIDE_MAX + 1, false),
        WHOLE(ori_msg_frame, height, 0, false),
        WHOLE(ori_msg_frame, height, ORI_CHILD_SIDE_MAX + 1, false),
        WHOLE(ori_msg_frame, dhash, -1, true),
    };
    check_rows(begin_video, &good_frame, sizeof good_frame, rows, COUNT_OF(rows));
}

static void progress_and_need_fields(void **state)
{
    (void)state;
    static const struct row progress[] = {
        WHOLE(ori_msg_progress, frames_kept, ORI_CHILD_FRAMES_MAX, true),
        WHOLE(ori_msg_progress, frames_kept, ORI_CHILD_FRAMES_MAX + 1, false),
        WHOLE(ori_msg_progress, frames_decoded, 0, true),
        WHOLE(ori_msg_progress, frames_decoded, -1, false),
        WHOLE(ori_msg_progress, pts_us, -1, false),
        WHOLE(ori_msg_progress, pts_us, ORI_CHILD_TIME_MAX_US + 1, false),
    };
    static const struct row need[] = {
        WHOLE(ori_msg_range, offset, -1, false),
        WHOLE(ori_msg_range, offset, MEDIUM_BYTES - 65536, true),
        WHOLE(ori_msg_range, offset, MEDIUM_BYTES - 65535, false),
        WHOLE(ori_msg_range, offset, INT64_MAX, false),
        WHOLE(ori_msg_range, bytes, 1, true),
        WHOLE(ori_msg_range, bytes, 0, false),
        WHOLE(ori_msg_range, bytes, -1, false),
        WHOLE(ori_msg_range, bytes, ORI_CHILD_NEED_MAX, true),
        WHOLE(ori_msg_range, bytes, ORI_CHILD_NEED_MAX + 1, false),
        WHOLE(ori_msg_range, bytes, INT64_MAX, false),
    };
    check_rows(begin_video, &good_progress, sizeof good_progress, progress, COUNT_OF(progress));
    check_rows(begin_nothing, &good_need, sizeof good_need, need, COUNT_OF(need));
}

static void done_fields(void **state)
{
    (void)state;
    static const struct row rows[] = {
        WHOLE(ori_msg_done, has_crop, 0, true),
        WHOLE(ori_msg_done, has_crop, 2, false),
        WHOLE(ori_msg_done, crop.y, HEIGHT - 360, true),
        WHOLE(ori_msg_done, crop.y, HEIGHT - 359, false),
        WHOLE(ori_msg_done, scenes, 0, false),
        WHOLE(ori_msg_done, scenes, 2, false),
        WHOLE(ori_msg_done, frames, 0, false),
        WHOLE(ori_msg_done, frames, 2, false),
        WHOLE(ori_msg_done, duration_us, 0, true),
        WHOLE(ori_msg_done, duration_us, -1, false),
        WHOLE(ori_msg_done, duration_us, ORI_CHILD_TIME_MAX_US + 1, false),
        WHOLE(ori_msg_done, frames_decoded, -1, false),
        REAL(ori_msg_done, decode_seconds, (double)NAN, false),
        REAL(ori_msg_done, decode_seconds, -0.5, false),
        REAL(ori_msg_done, vision_seconds, (double)INFINITY, false),
        REAL(ori_msg_done, still_seconds, 1e9, true),
        REAL(ori_msg_done, still_seconds, 1.1e9, false),
        REAL(ori_msg_done, wait_seconds, -(double)NAN, false),
    };
    check_rows(begin_video, &good_done, sizeof good_done, rows, COUNT_OF(rows));
}

static void picture_fields(void **state)
{
    (void)state;
    static const struct row rows[] = {
        WHOLE(ori_msg_picture, width, 1, true),
        WHOLE(ori_msg_picture, width, 0, false),
        WHOLE(ori_msg_picture, height, ORI_CHILD_SIDE_MAX + 1, false),
        WHOLE(ori_msg_picture, input_bytes, INPUT_BYTES, true),
        WHOLE(ori_msg_picture, input_bytes, INPUT_BYTES + 1, false),
        WHOLE(ori_msg_picture, input_bytes, 0, false),
    };
    check_rows(begin_picture, &good_picture, sizeof good_picture, rows, COUNT_OF(rows));
}

static void thumb_fields(void **state)
{
    (void)state;
    static const struct row rows[] = {
        WHOLE(ori_msg_thumb, width, 1, true),
        WHOLE(ori_msg_thumb, width, 0, false),
        WHOLE(ori_msg_thumb, width, SIDE, true),
        WHOLE(ori_msg_thumb, width, SIDE + 1, false),
        WHOLE(ori_msg_thumb, width, INT32_MIN, false),
        WHOLE(ori_msg_thumb, height, SIDE, true),
        WHOLE(ori_msg_thumb, height, SIDE + 1, false),
        WHOLE(ori_msg_thumb, height, 0, false),
        WHOLE(ori_msg_thumb, still_bytes, 1, true),
        WHOLE(ori_msg_thumb, still_bytes, 0, false),
        WHOLE(ori_msg_thumb, still_bytes, SLOT_BYTES, true),
        WHOLE(ori_msg_thumb, still_bytes, SLOT_BYTES + 1, false),
        WHOLE(ori_msg_thumb, still_bytes, -1, false),
    };
    check_rows(begin_thumb, &good_thumb, sizeof good_thumb, rows, COUNT_OF(rows));
}

/* A first piece has been said, and its slot was not released yet. */
static void begin_clip(struct ori_child_talk *talk)
{
    struct ori_msg_chunk chunk = good_chunk;
    chunk.slot = 0;
    chunk.bytes = 600;
    begin(talk, ORI_CHILD_JOB_CLIP);
    assert_int_equal(say(talk, &chunk, sizeof chunk), ORI_OK);
}

static void chunk_fields(void **state)
{
    (void)state;
    static const struct row rows[] = {
        WHOLE(ori_msg_chunk, slot, SLOTS - 1, true),
        WHOLE(ori_msg_chunk, slot, SLOTS, false),
        WHOLE(ori_msg_chunk, slot, UINT32_MAX, false),
        WHOLE(ori_msg_chunk, slot, 0, false), /* not released yet */
        WHOLE(ori_msg_chunk, bytes, 1, true),
        WHOLE(ori_msg_chunk, bytes, 0, false),
        WHOLE(ori_msg_chunk, bytes, SLOT_BYTES, true),
        WHOLE(ori_msg_chunk, bytes, SLOT_BYTES + 1, false),
        WHOLE(ori_msg_chunk, bytes, -1, false),
    };
    check_rows(begin_clip, &good_chunk, sizeof good_chunk, rows, COUNT_OF(rows));
}

static void clip_fields(void **state)
{
    (void)state;
    static const struct row rows[] = {
        WHOLE(ori_msg_clip, encoder, ORI_CLIP_H264_NVENC, true),
        WHOLE(ori_msg_clip, encoder, ORI_CLIP_AUTO, false),
        WHOLE(ori_msg_clip, encoder, ORI_CLIP_ENCODER_COUNT - 1, true),
        WHOLE(ori_msg_clip, encoder, ORI_CLIP_ENCODER_COUNT, false),
        WHOLE(ori_msg_clip, width, ORI_CHILD_SIDE_MAX, true),
        WHOLE(ori_msg_clip, width, ORI_CHILD_SIDE_MAX + 1, false),
        WHOLE(ori_msg_clip, height, 0, false),
        WHOLE(ori_msg_clip, has_audio, 1, true),
        WHOLE(ori_msg_clip, has_audio, 2, false),
        WHOLE(ori_msg_clip, is_silenced, 2, false),
        WHOLE(ori_msg_clip, frames, 0, false),
        WHOLE(ori_msg_clip, frames, -1, false),
        WHOLE(ori_msg_clip, bytes, 599, false),
        WHOLE(ori_msg_clip, bytes, 601, false),
        WHOLE(ori_msg_clip, bytes, -1, false),
    };
    check_rows(begin_clip, &good_clip, sizeof good_clip, rows, COUNT_OF(rows));
}

static void clip_job(void **state)
{
    (void)state;
    const struct ori_msg_done done = {.type = ORI_MSG_DONE};
    struct ori_child_talk talk;
    struct ori_msg_clip clip = good_clip;
    begin_clip(&talk); /* neither frames nor the end before the clip */
    assert_int_equal(say(&talk, &done, sizeof done), ORI_CHILD_PROTOCOL);
    begin_clip(&talk);
    assert_int_equal(say(&talk, &good_info, sizeof good_info), ORI_OK);
    assert_int_equal(say(&talk, &good_scene, sizeof good_scene), ORI_CHILD_PROTOCOL);
    begin_clip(&talk);
    assert_int_equal(say(&talk, &good_clip, sizeof good_clip), ORI_OK);
    assert_int_equal(say(&talk, &done, sizeof done), ORI_OK);
    begin_clip(&talk);
    assert_int_equal(say(&talk, &good_clip, sizeof good_clip), ORI_OK);
    assert_int_equal(say(&talk, &good_clip, sizeof good_clip), ORI_CHILD_PROTOCOL);
    begin_clip(&talk);
    assert_int_equal(say(&talk, &good_clip, sizeof good_clip), ORI_OK);
    assert_int_equal(say(&talk, &good_chunk, sizeof good_chunk), ORI_CHILD_PROTOCOL);
    begin_video(&talk);
    assert_int_equal(say(&talk, &good_chunk, sizeof good_chunk), ORI_CHILD_PROTOCOL);
    begin_video(&talk);
    assert_int_equal(say(&talk, &good_clip, sizeof good_clip), ORI_CHILD_PROTOCOL);
    begin_clip(&talk); /* all that a clip may have, and one byte more */
    talk.clip_bytes = ORI_LIMIT_MAX_CLIP_BYTES - SLOT_BYTES;
    assert_int_equal(say(&talk, &good_chunk, sizeof good_chunk), ORI_OK);
    begin_clip(&talk);
    talk.clip_bytes = ORI_LIMIT_MAX_CLIP_BYTES - SLOT_BYTES + 1;
    assert_int_equal(say(&talk, &good_chunk, sizeof good_chunk), ORI_CHILD_PROTOCOL);
    begin_clip(&talk);
    memset(clip.instead, 'x', sizeof clip.instead);
    assert_int_equal(say(&talk, &clip, sizeof clip), ORI_CHILD_PROTOCOL);
}

/* What one child says of a clip is what another is told: both ends look. */
static void clip_shapes(void **state)
{
    (void)state;
    const int most = ORI_CHILD_SIDE_MAX;
    const struct {
        struct ori_clip_shape shape;
        bool is_well;
    } rows[] = {
        {{{0, 0, 2, 2}, 0}, true},
        {{{0, 60, 640, 360}, ORI_CLIP_SAMPLES_COUNT - 1}, true},
        {{{0, 60, 640, 360}, ORI_CLIP_SAMPLES_COUNT}, false},
        {{{0, 60, 640, 360}, -1}, false},
        {{{-2, 0, 2, 2}, 0}, false},
        {{{0, -2, 2, 2}, 0}, false},
        {{{0, 0, 0, 2}, 0}, false},
        {{{0, 0, 2, 0}, 0}, false},
        {{{1, 0, 2, 2}, 0}, false},
        {{{0, 1, 2, 2}, 0}, false},
        {{{0, 0, 3, 2}, 0}, false},
        {{{0, 0, 2, 3}, 0}, false},
        {{{0, 0, most, most}, 0}, true},
        {{{0, 0, most + 2, 2}, 0}, false},
        {{{2, 0, most, 2}, 0}, false},
        {{{0, 2, 2, most}, 0}, false},
        {{{INT32_MAX - 1, 0, 2, 2}, 0}, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_child_talk talk;
        struct ori_msg_done done = good_done;
        done.clip_shape = rows[i].shape;
        assert_int_equal(ori_child_clip_is_sane(&rows[i].shape), rows[i].is_well);
        begin_video(&talk); /* nobody asked for one */
        assert_int_equal(say(&talk, &done, sizeof done), ORI_OK);
        begin_video(&talk);
        talk.start.options.clip.is_wanted = 1;
        assert_int_equal(say(&talk, &done, sizeof done) == ORI_OK, rows[i].is_well);
    }
}

static void sizes_are_exact(void **state)
{
    (void)state;
    static const struct {
        const void *message;
        size_t bytes;
    } rows[] = {
        {&good_scene, sizeof good_scene},       {&good_frame, sizeof good_frame},
        {&good_progress, sizeof good_progress}, {&good_warning, sizeof good_warning},
        {&good_need, sizeof good_need},         {&good_done, sizeof good_done},
        {&good_fail, sizeof good_fail},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (int delta = -1; delta <= 1; delta++) {
            struct ori_child_talk talk;
            uint8_t longer[sizeof(union ori_child_message) + 16] = {0};
            memcpy(longer, rows[i].message, rows[i].bytes);
            begin_video(&talk);
            ori_status status = say(&talk, longer, rows[i].bytes + (size_t)delta);
            assert_int_equal(status == ORI_OK, delta == 0);
        }
    }
    for (size_t bytes = 0; bytes < 4; bytes++) {
        struct ori_child_talk talk;
        begin_video(&talk);
        assert_int_equal(say(&talk, &good_progress, bytes), ORI_CHILD_PROTOCOL);
    }
    struct ori_child_talk talk; /* far longer than the room for it: the length alone is looked at */
    union ori_child_message longest = {.fail = good_fail};
    begin_video(&talk);
    assert_int_equal(say(&talk, &longest, 1 << 20), ORI_CHILD_PROTOCOL);
}

static void order_before_info(void **state)
{
    (void)state;
    static const struct {
        const void *message;
        size_t bytes;
        bool is_well;
    } rows[] = {
        {&good_info, sizeof good_info, true},        {&good_progress, sizeof good_progress, true},
        {&good_warning, sizeof good_warning, true},  {&good_need, sizeof good_need, true},
        {&good_fail, sizeof good_fail, true},        {&good_scene, sizeof good_scene, false},
        {&good_frame, sizeof good_frame, false},     {&good_done, sizeof good_done, false},
        {&good_picture, sizeof good_picture, false}, {&good_thumb, sizeof good_thumb, false},
        {&good_chunk, sizeof good_chunk, false},     {&good_clip, sizeof good_clip, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_child_talk talk;
        begin(&talk, ORI_CHILD_JOB_VIDEO);
        assert_int_equal(say(&talk, rows[i].message, rows[i].bytes) == ORI_OK, rows[i].is_well);
    }
}

static void nothing_after_the_end(void **state)
{
    (void)state;
    struct ori_child_talk talk;
    begin_video(&talk);
    assert_int_equal(say(&talk, &good_done, sizeof good_done), ORI_OK);
    assert_int_equal(say(&talk, &good_progress, sizeof good_progress), ORI_CHILD_PROTOCOL);

    begin_video(&talk);
    assert_int_equal(say(&talk, &good_fail, sizeof good_fail), ORI_OK);
    assert_int_equal(say(&talk, &good_done, sizeof good_done), ORI_CHILD_PROTOCOL);

    begin_video(&talk); /* a broken rule is an end too */
    assert_int_equal(say(&talk, &good_info, sizeof good_info), ORI_CHILD_PROTOCOL);
    assert_int_equal(say(&talk, &good_progress, sizeof good_progress), ORI_CHILD_PROTOCOL);
}

static void picture_job(void **state)
{
    (void)state;
    struct ori_msg_done done = {.type = ORI_MSG_DONE};
    struct ori_child_talk talk;
    begin_picture(&talk);
    assert_int_equal(say(&talk, &good_picture, sizeof good_picture), ORI_OK);
    assert_int_equal(say(&talk, &done, sizeof done), ORI_OK);

    begin_picture(&talk); /* DONE without a picture */
    assert_int_equal(say(&talk, &done, sizeof done), ORI_CHILD_PROTOCOL);
    begin_picture(&talk); /* two pictures */
    assert_int_equal(say(&talk, &good_picture, sizeof good_picture), ORI_OK);
    assert_int_equal(say(&talk, &good_picture, sizeof good_picture), ORI_CHILD_PROTOCOL);
    begin_picture(&talk); /* a video's words */
    assert_int_equal(say(&talk, &good_info, sizeof good_info), ORI_OK);
    assert_int_equal(say(&talk, &good_frame, sizeof good_frame), ORI_CHILD_PROTOCOL);
}

static void thumb_job(void **state)
{
    (void)state;
    struct ori_msg_done done = {.type = ORI_MSG_DONE};
    struct ori_child_talk talk;
    begin_thumb(&talk);
    assert_int_equal(say(&talk, &good_thumb, sizeof good_thumb), ORI_OK);
    assert_int_equal(say(&talk, &done, sizeof done), ORI_OK);

    begin_thumb(&talk); /* DONE without a thumb */
    assert_int_equal(say(&talk, &done, sizeof done), ORI_CHILD_PROTOCOL);
    begin_thumb(&talk); /* two thumbs */
    assert_int_equal(say(&talk, &good_thumb, sizeof good_thumb), ORI_OK);
    assert_int_equal(say(&talk, &good_thumb, sizeof good_thumb), ORI_CHILD_PROTOCOL);
    begin_thumb(&talk); /* another job's words */
    assert_int_equal(say(&talk, &good_picture, sizeof good_picture), ORI_CHILD_PROTOCOL);
    begin_picture(&talk);
    assert_int_equal(say(&talk, &good_thumb, sizeof good_thumb), ORI_CHILD_PROTOCOL);
    begin_thumb(&talk);
    assert_int_equal(say(&talk, &good_info, sizeof good_info), ORI_OK);
    assert_int_equal(say(&talk, &good_scene, sizeof good_scene), ORI_CHILD_PROTOCOL);
    union ori_child_message longer = {.thumb = good_thumb};
    begin_thumb(&talk); /* one byte more or less */
    assert_int_equal(say(&talk, &longer, sizeof good_thumb - 1), ORI_CHILD_PROTOCOL);
    begin_thumb(&talk);
    assert_int_equal(say(&talk, &longer, sizeof good_thumb + 1), ORI_CHILD_PROTOCOL);
}

static void slots_go_round(void **state)
{
    (void)state;
    struct ori_child_talk talk;
    struct ori_msg_frame frame = good_frame;
    begin_video(&talk);
    for (uint32_t n = 2; n < 200; n++) {
        uint32_t slot = (n - 1) % SLOTS;
        if (n > SLOTS)
            ori_child_talk_released(&talk, slot);
        frame.n = n;
        frame.slot = slot;
        frame.pts_us = 500000 + n;
        assert_int_equal(say(&talk, &frame, sizeof frame), ORI_OK);
    }
    frame.n = 200;
    frame.slot = 0;
    frame.pts_us = 600000;
    assert_int_equal(say(&talk, &frame, sizeof frame), ORI_CHILD_PROTOCOL);
}

/* A held slot is the parent's before it was ever released. */
static void slots_that_are_held(void **state)
{
    (void)state;
    struct ori_child_talk talk;
    struct ori_msg_frame frame = good_frame;
    for (uint32_t held = 0; held <= SLOTS; held++) {
        begin_video(&talk);
        struct ori_msg_start start = talk.start;
        const struct ori_msg_info info = talk.info;
        start.slots_held = held;
        ori_child_talk_begin(&talk, &start);
        talk.has_info = true;
        talk.info = info;
        frame.n = 1;
        frame.slot = SLOTS - 1;
        frame.scene = 1;
        assert_int_equal(say(&talk, &frame, sizeof frame), held > 0 ? ORI_CHILD_PROTOCOL : ORI_OK);
    }
    begin_video(&talk);
    talk.slots_busy = UINT64_C(1) << (SLOTS - 1);
    ori_child_talk_released(&talk, SLOTS - 1);
    frame.n = 2;
    assert_int_equal(say(&talk, &frame, sizeof frame), ORI_OK);
}

/* Frames may come before their scene; at the end every frame's scene must have been said. */
static void frames_wait_for_their_scene(void **state)
{
    (void)state;
    struct ori_child_talk talk;
    struct ori_msg_done done = good_done;
    begin_video(&talk);
    assert_int_equal(say(&talk, &good_frame, sizeof good_frame), ORI_OK); /* of scene 2 */
    done.frames = 2;
    struct ori_child_talk without = talk;
    assert_int_equal(say(&without, &done, sizeof done), ORI_CHILD_PROTOCOL);
    assert_int_equal(say(&talk, &good_scene, sizeof good_scene), ORI_OK);
    done.scenes = 2;
    assert_int_equal(say(&talk, &done, sizeof done), ORI_OK);
}

static void floods_end(void **state)
{
    (void)state;
    struct ori_child_talk talk;
    struct ori_msg_scene scene = good_scene;
    begin_video(&talk);
    for (int i = 0; i < ORI_CHILD_WARNINGS_MAX; i++)
        assert_int_equal(say(&talk, &good_warning, sizeof good_warning), ORI_OK);
    assert_int_equal(say(&talk, &good_warning, sizeof good_warning), ORI_CHILD_PROTOCOL);

    begin_video(&talk);
    for (uint32_t i = 2; i <= ORI_CHILD_SCENES_MAX; i++) {
        scene.index = i;
        scene.start_us = scene.end_us = 1000000 + i;
        assert_int_equal(say(&talk, &scene, sizeof scene), ORI_OK);
    }
    scene.index++;
    assert_int_equal(say(&talk, &scene, sizeof scene), ORI_CHILD_PROTOCOL);

    struct ori_msg_frame frame = good_frame;
    begin_video(&talk);
    ori_child_talk_released(&talk, 0);
    frame.slot = 0;
    frame.scene = 1;
    for (uint32_t n = 2; n <= ORI_CHILD_FRAMES_MAX; n++) {
        frame.n = n;
        frame.pts_us = 500000 + n;
        assert_int_equal(say(&talk, &frame, sizeof frame), ORI_OK);
        ori_child_talk_released(&talk, 0);
    }
    frame.n++;
    frame.pts_us++;
    assert_int_equal(say(&talk, &frame, sizeof frame), ORI_CHILD_PROTOCOL);

    begin_video(&talk);
    talk.messages = ORI_CHILD_MESSAGES_MAX - 1;
    assert_int_equal(say(&talk, &good_progress, sizeof good_progress), ORI_OK);
    assert_int_equal(say(&talk, &good_progress, sizeof good_progress), ORI_CHILD_PROTOCOL);
}

static void strings_without_end(void **state)
{
    (void)state;
    struct ori_child_talk talk;
    struct ori_msg_warning warning = good_warning;
    begin_video(&talk);
    memset(warning.text, 'x', sizeof warning.text - 1);
    assert_int_equal(say(&talk, &warning, sizeof warning), ORI_OK);
    warning.text[sizeof warning.text - 1] = 'x';
    assert_int_equal(say(&talk, &warning, sizeof warning), ORI_CHILD_PROTOCOL);

    struct ori_msg_fail fail = good_fail;
    begin_video(&talk);
    memset(fail.stage, 'x', sizeof fail.stage);
    assert_int_equal(say(&talk, &fail, sizeof fail), ORI_CHILD_PROTOCOL);
    fail = good_fail;
    begin_video(&talk);
    memset(fail.text, 'x', sizeof fail.text);
    assert_int_equal(say(&talk, &fail, sizeof fail), ORI_CHILD_PROTOCOL);

    struct ori_msg_info info = good_info;
    begin(&talk, ORI_CHILD_JOB_VIDEO);
    memset(info.codec, 'x', sizeof info.codec);
    assert_int_equal(say(&talk, &info, sizeof info), ORI_CHILD_PROTOCOL);
    info = good_info;
    begin(&talk, ORI_CHILD_JOB_VIDEO);
    memset(info.container, 'x', sizeof info.container);
    assert_int_equal(say(&talk, &info, sizeof info), ORI_CHILD_PROTOCOL);
}

static void strings_are_cleaned(void **state)
{
    (void)state;
    struct ori_child_talk talk;
    struct ori_error err = {0};
    union ori_child_message message = {.warning = good_warning};
    begin_video(&talk);
    strncpy(message.warning.text, "a\x1b[2Jb\nc\xff\xc3 \xe2\x82\xac\xc2\x9b", 30);
    assert_int_equal(ori_child_message_check(&talk, &message, sizeof message.warning, &err),
                     ORI_OK);
    assert_string_equal(message.warning.text, "a?[2Jb?c?"
                                              "? \xe2\x82\xac?"
                                              "?");

    /* What stands behind the end never gets out. */
    memset(message.warning.text, 's', sizeof message.warning.text - 1);
    message.warning.text[3] = '\0';
    assert_int_equal(ori_child_message_check(&talk, &message, sizeof message.warning, &err),
                     ORI_OK);
    for (size_t i = 3; i < sizeof message.warning.text; i++)
        assert_int_equal(message.warning.text[i], 0);
}

static void codes_are_words(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        bool is_warning;
        bool is_fail;
    } rows[] = {
        {"truncated", true, true}, /* a code that is none of ours: internal_error then */
        {"decode_failed", true, true}, {"", false, false},     {"Bad", false, false},
        {"a b", false, false},         {"a-b", false, false},  {"a\n", false, false},
        {"ok", true, false},           {"again", true, false}, {"eof", true, false},
        {"cancelled", true, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_child_talk talk;
        struct ori_msg_warning warning = good_warning;
        struct ori_msg_fail fail = good_fail;
        memset(warning.code, 0, sizeof warning.code);
        memset(fail.code, 0, sizeof fail.code);
        memcpy(warning.code, rows[i].code, strlen(rows[i].code));
        memcpy(fail.code, rows[i].code, strlen(rows[i].code));
        print_message("[%s]\n", rows[i].code);
        begin_video(&talk);
        assert_int_equal(say(&talk, &warning, sizeof warning) == ORI_OK, rows[i].is_warning);
        begin_video(&talk);
        assert_int_equal(say(&talk, &fail, sizeof fail) == ORI_OK, rows[i].is_fail);
    }
}

/* Bytes of any kind: never a crash, and what is accepted keeps to the limits. */
static void random_messages(void **state)
{
    (void)state;
    static const size_t sizes[] = {sizeof good_info, sizeof good_scene,    sizeof good_frame,
                                   sizeof good_need, sizeof good_progress, sizeof good_warning,
                                   sizeof good_done, sizeof good_fail,     sizeof good_picture,
                                   sizeof good_clip, sizeof good_chunk};
    uint64_t seed = 88172645463325252;
    for (int round = 0; round < 200000; round++) {
        struct ori_child_talk talk;
        static union ori_child_message message; /* beyond `bytes` nothing is looked at */
        struct ori_error err = {0};
        const size_t bytes = sizes[(size_t)round % COUNT_OF(sizes)];
        begin_video(&talk);
        for (size_t i = 0; i < bytes; i++) {
            seed ^= seed << 13; /* xorshift64: Marsaglia 2003 */
            seed ^= seed >> 7;
            seed ^= seed << 17;
            message.bytes[i] = (seed >> 32 & 3) == 0 ? (uint8_t)seed : 0;
        }
        message.type = (uint32_t)(seed % (ORI_MSG_CLIP + 2));
        if (ori_child_message_check(&talk, &message, bytes, &err) == ORI_OK &&
            message.type == ORI_MSG_FRAME)
            assert_true(message.frame.input_offset + message.frame.input_bytes <= SLOT_BYTES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(info_fields),
        cmocka_unit_test(scene_fields),
        cmocka_unit_test(frame_fields),
        cmocka_unit_test(progress_and_need_fields),
        cmocka_unit_test(done_fields),
        cmocka_unit_test(picture_fields),
        cmocka_unit_test(thumb_fields),
        cmocka_unit_test(chunk_fields),
        cmocka_unit_test(clip_fields),
        cmocka_unit_test(clip_job),
        cmocka_unit_test(clip_shapes),
        cmocka_unit_test(sizes_are_exact),
        cmocka_unit_test(order_before_info),
        cmocka_unit_test(nothing_after_the_end),
        cmocka_unit_test(picture_job),
        cmocka_unit_test(thumb_job),
        cmocka_unit_test(slots_go_round),
        cmocka_unit_test(slots_that_are_held),
        cmocka_unit_test(frames_wait_for_their_scene),
        cmocka_unit_test(floods_end),
        cmocka_unit_test(strings_without_end),
        cmocka_unit_test(strings_are_cleaned),
        cmocka_unit_test(codes_are_words),
        cmocka_unit_test(random_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
