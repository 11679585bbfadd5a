/* SCORE, LOOK and SHOT: what a child tells for people. Each field at its limit and one past it, and
 * nothing that was not asked for. */
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
#define ALL (ORI_TELL_SCORES | ORI_TELL_LOOKS | ORI_TELL_SHOTS)

static struct ori_child_talk talk;
static union ori_child_message message;

static ori_status say(const void *data, size_t bytes)
{
    struct ori_error err = {0};
    memset(&message, 0, sizeof message);
    memcpy(&message, data, bytes);
    ori_status status = ori_child_message_check(&talk, &message, bytes, &err);
    assert_true(status == ORI_OK || (status == ORI_CHILD_PROTOCOL && err.text[0]));
    return status;
}

/* INFO and two frames of one scene have been said. */
static void begin(uint32_t tells)
{
    const struct ori_msg_start start = {.type = ORI_MSG_START,
                                        .job = ORI_CHILD_JOB_VIDEO,
                                        .slots = 4,
                                        .slot_bytes = 4096,
                                        .tells = tells,
                                        .options.input.side = 8};
    const struct ori_msg_info info = {
        .type = ORI_MSG_INFO, .width = 64, .height = 48, .codec = "h264", .container = "mp4"};
    ori_child_talk_begin(&talk, &start);
    assert_int_equal(say(&info, sizeof info), ORI_OK);
    for (uint32_t n = 1; n <= 2; n++) {
        const struct ori_msg_frame frame = {.type = ORI_MSG_FRAME,
                                            .slot = n,
                                            .n = n,
                                            .scene = 1,
                                            .pts_us = n,
                                            .still_bytes = 64,
                                            .input_offset = 64,
                                            .input_bytes = 192,
                                            .width = 8,
                                            .height = 8};
        assert_int_equal(say(&frame, sizeof frame), ORI_OK);
    }
}

static const struct ori_msg_score good_score = {
    .type = ORI_MSG_SCORE, .has_score = 1, .pts_us = 5, .score = 0.5, .classic = 0.25};
static struct ori_msg_look good_look = {
    .type = ORI_MSG_LOOK, .width = 128, .height = 72, .chroma_width = 64, .chroma_height = 36};
static struct ori_msg_shot good_shot = {.type = ORI_MSG_SHOT,
                                        .kind = ORI_SHOT_KEPT,
                                        .n = 2,
                                        .scene = 1,
                                        .pts_us = 2,
                                        .width = 320,
                                        .height = 180,
                                        .bytes = 100,
                                        .jpeg = {0xff, 0xd8, 0xff}};

struct row {
    size_t offset;
    size_t bytes;
    int64_t value;
    bool is_well;
};
#define ROW(type, field, number, well)                                                             \
    {                                                                                              \
        offsetof(struct type, field), sizeof(((struct type *)0)->field), (number), (well)          \
    }

static void check(const void *good, size_t bytes, bool is_behind_score, const struct row *rows,
                  size_t count)
{
    for (size_t i = 0; i < count; i++) {
        static union ori_child_message bent;
        memcpy(&bent, good, bytes);
        memcpy(bent.bytes + rows[i].offset, &rows[i].value, rows[i].bytes);
        begin(ALL);
        if (is_behind_score)
            assert_int_equal(say(&good_score, sizeof good_score), ORI_OK);
        print_message("offset %zu: %lld\n", rows[i].offset, (long long)rows[i].value);
        assert_int_equal(say(&bent, bytes) == ORI_OK, rows[i].is_well);
    }
}

static void score_fields(void **state)
{
    (void)state;
    static const double reals[] = {0, 1, 1.0000001, -0.0000001, (double)NAN, (double)INFINITY};
    static const struct row rows[] = {
        ROW(ori_msg_score, has_score, 0, true),
        ROW(ori_msg_score, has_score, 2, false),
        ROW(ori_msg_score, pts_us, 0, true),
        ROW(ori_msg_score, pts_us, -1, false),
        ROW(ori_msg_score, pts_us, ORI_CHILD_TIME_MAX_US, true),
        ROW(ori_msg_score, pts_us, ORI_CHILD_TIME_MAX_US + 1, false),
    };
    check(&good_score, sizeof good_score, false, rows, COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(reals); i++) {
        struct ori_msg_score score = good_score;
        score.score = reals[i];
        begin(ALL);
        assert_int_equal(say(&score, sizeof score) == ORI_OK, i < 2);
        score = good_score;
        score.classic = reals[i];
        begin(ALL);
        assert_int_equal(say(&score, sizeof score) == ORI_OK, i < 2);
    }
}

static void scores_follow_in_time_up_to_their_number(void **state)
{
    (void)state;
    struct ori_msg_score score = good_score;
    begin(ALL);
    assert_int_equal(say(&score, sizeof score), ORI_OK);
    assert_int_equal(say(&score, sizeof score), ORI_CHILD_PROTOCOL);
    begin(ALL);
    talk.scores = ORI_LIMIT_MAX_CHILD_SCORES - 1;
    assert_int_equal(say(&score, sizeof score), ORI_OK);
    score.pts_us++;
    assert_int_equal(say(&score, sizeof score), ORI_CHILD_PROTOCOL);
}

static void look_fields(void **state)
{
    (void)state;
    static const struct row rows[] = {
        ROW(ori_msg_look, width, 1, true),          ROW(ori_msg_look, width, 0, false),
        ROW(ori_msg_look, width, 129, false),       ROW(ori_msg_look, width, -1, false),
        ROW(ori_msg_look, height, 128, true),       ROW(ori_msg_look, height, 129, false),
        ROW(ori_msg_look, height, 0, false),        ROW(ori_msg_look, chroma_width, 65, false),
        ROW(ori_msg_look, chroma_width, -1, false), ROW(ori_msg_look, chroma_width, 0, false),
        ROW(ori_msg_look, chroma_height, 64, true), ROW(ori_msg_look, chroma_height, 65, false),
        ROW(ori_msg_look, chroma_height, 0, false),
    };
    check(&good_look, sizeof good_look, true, rows, COUNT_OF(rows));
    struct ori_msg_look grey = good_look;
    grey.chroma_width = grey.chroma_height = 0;
    begin(ALL);
    assert_int_equal(say(&good_score, sizeof good_score), ORI_OK);
    assert_int_equal(say(&grey, sizeof grey), ORI_OK);
    assert_int_equal(say(&grey, sizeof grey), ORI_CHILD_PROTOCOL); /* one a score */
    begin(ALL);
    assert_int_equal(say(&grey, sizeof grey), ORI_CHILD_PROTOCOL);
}

static void shot_fields(void **state)
{
    (void)state;
    const int side = ORI_LIMIT_MAX_CHILD_SHOT_SIDE;
    const int room = ORI_LIMIT_MAX_CHILD_SHOT_BYTES;
    const struct row rows[] = {
        ROW(ori_msg_shot, kind, 0, false),
        ROW(ori_msg_shot, kind, ORI_SHOT_DROPPED, true),
        ROW(ori_msg_shot, kind, ORI_SHOT_WHOLE, false), /* with a frame's number */
        ROW(ori_msg_shot, kind, ORI_SHOT_WHOLE + 1, false),
        ROW(ori_msg_shot, n, 0, false),
        ROW(ori_msg_shot, n, 1, false), /* not the frame before it */
        ROW(ori_msg_shot, n, 3, false),
        ROW(ori_msg_shot, scene, 0, false),
        ROW(ori_msg_shot, scene, ORI_CHILD_SCENES_MAX, true),
        ROW(ori_msg_shot, scene, ORI_CHILD_SCENES_MAX + 1, false),
        ROW(ori_msg_shot, pts_us, -1, false),
        ROW(ori_msg_shot, pts_us, ORI_CHILD_TIME_MAX_US, true),
        ROW(ori_msg_shot, pts_us, ORI_CHILD_TIME_MAX_US + 1, false),
        ROW(ori_msg_shot, width, 0, false),
        ROW(ori_msg_shot, width, side, true),
        ROW(ori_msg_shot, width, side + 1, false),
        ROW(ori_msg_shot, height, 0, false),
        ROW(ori_msg_shot, height, side + 1, false),
        ROW(ori_msg_shot, distance, ORI_CHILD_DISTANCE_MAX, true),
        ROW(ori_msg_shot, distance, ORI_CHILD_DISTANCE_MAX + 1, false),
        ROW(ori_msg_shot, bytes, 2, false),
        ROW(ori_msg_shot, bytes, 3, true),
        ROW(ori_msg_shot, bytes, room, true),
        ROW(ori_msg_shot, bytes, room + 1, false),
        ROW(ori_msg_shot, bytes, -1, false),
        ROW(ori_msg_shot, jpeg[0], 'G', false),
        ROW(ori_msg_shot, jpeg[2], '<', false),
    };
    check(&good_shot, sizeof good_shot, false, rows, COUNT_OF(rows));
}

static void shots_have_a_number(void **state)
{
    (void)state;
    static const uint32_t most[] = {0, ORI_LIMIT_MAX_CHILD_SHOTS_KEPT,
                                    ORI_LIMIT_MAX_CHILD_SHOTS_DROPPED,
                                    ORI_LIMIT_MAX_CHILD_SHOTS_WHOLE};
    for (uint32_t kind = ORI_SHOT_KEPT; kind <= ORI_SHOT_WHOLE; kind++) {
        struct ori_msg_shot shot = good_shot;
        shot.kind = kind;
        shot.n = kind == ORI_SHOT_WHOLE ? 0 : 2;
        begin(ALL);
        talk.shots[kind] = most[kind] - 1;
        assert_int_equal(say(&shot, sizeof shot), ORI_OK);
        talk.shot_n = 0;
        assert_int_equal(say(&shot, sizeof shot), ORI_CHILD_PROTOCOL);
    }
    begin(ALL); /* one a frame */
    assert_int_equal(say(&good_shot, sizeof good_shot), ORI_OK);
    assert_int_equal(say(&good_shot, sizeof good_shot), ORI_CHILD_PROTOCOL);
}

static void nothing_that_nobody_asked_for(void **state)
{
    (void)state;
    begin(ALL & ~ORI_TELL_SCORES);
    assert_int_equal(say(&good_score, sizeof good_score), ORI_CHILD_PROTOCOL);
    begin(ALL & ~ORI_TELL_LOOKS);
    assert_int_equal(say(&good_score, sizeof good_score), ORI_OK);
    assert_int_equal(say(&good_look, sizeof good_look), ORI_CHILD_PROTOCOL);
    begin(ALL & ~ORI_TELL_SHOTS);
    assert_int_equal(say(&good_shot, sizeof good_shot), ORI_CHILD_PROTOCOL);
    begin(ALL);
    talk.start.job = ORI_CHILD_JOB_PICTURE;
    assert_int_equal(say(&good_score, sizeof good_score), ORI_CHILD_PROTOCOL);
    begin(ALL);
    assert_int_equal(say(&good_shot, sizeof good_shot - 1), ORI_CHILD_PROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(score_fields),
        cmocka_unit_test(scores_follow_in_time_up_to_their_number),
        cmocka_unit_test(look_fields),
        cmocka_unit_test(shot_fields),
        cmocka_unit_test(shots_have_a_number),
        cmocka_unit_test(nothing_that_nobody_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
