/* The crop box of each scene, as the decode child says it: what a scene proves of its bars, deepened by
 * what the video proves. Borders are measured on pictures; a parent of our own hears the scenes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/extract_priv.h"
#include "vision_pictures.h"

enum { WIDTH = 256, HEIGHT = 144, SLOT_BYTES = 8192 };

static const struct ori_borders_options borders_options = {.tolerance = 5,
                                                           .edge_thresh = 10,
                                                           .black_limit = 24,
                                                           .safe_margin_px = 0,
                                                           .min_crop_ratio = 0.02};
static const struct ori_box window = {32, 20, 192, 104};
static const struct ori_box letterbox = {0, 20, WIDTH, 104};

/* A picture in bars on all sides. Where it is dark along the left and right bar, all but a little, it
 * proves only those above and below; where it has no bar there, it forbids one. */
enum sides { SIDES_PROVED, SIDES_DARK, SIDES_FULL };

static struct ori_borders measure(enum sides sides)
{
    static const uint8_t black[3] = {16, 128, 128};
    struct picture picture, texture;
    struct ori_borders borders;
    struct ori_borders all;
    ori_borders_init(&all);
    picture_init(&picture, WIDTH, HEIGHT, PICTURE_420);
    picture_init(&texture, WIDTH, HEIGHT, PICTURE_420);
    for (uint64_t seed = 1; seed <= 4; seed++) {
        picture_texture(&texture, seed);
        picture_light(&texture, 0.6, 80); /* nowhere dark */
        picture_copy(&picture, &texture);
        picture_rect(&picture, (struct ori_box){0, 0, WIDTH, window.y}, black);
        picture_rect(&picture, (struct ori_box){0, 124, WIDTH, HEIGHT - 124}, black);
        if (sides != SIDES_FULL) {
            picture_rect(&picture, (struct ori_box){0, 0, window.x, HEIGHT}, black);
            picture_rect(&picture, (struct ori_box){224, 0, WIDTH - 224, HEIGHT}, black);
        }
        if (sides == SIDES_DARK) {
            for (int x = window.x; x < 224; x += 176) {
                picture_rect(&picture, (struct ori_box){x, 0, 16, 64}, black);
                picture_rect(&picture, (struct ori_box){x, 80, 16, HEIGHT - 80}, black);
            }
        }
        ori_borders_measure(picture.planes, &borders_options, &borders);
        ori_borders_merge(&all, &borders);
    }
    picture_deinit(&picture);
    picture_deinit(&texture);
    return all;
}

/* Ends a scene for each of `sides`, then the video; hears the boxes. */
static void say_scenes(const enum sides *sides, size_t count, struct ori_box *ret_boxes)
{
    static const struct ori_extract_options options = {.has_crop = 1};
    struct extract extract = {
        .options = &options,
        .info = {.width = WIDTH, .height = HEIGHT, .sar_num = 1, .sar_den = 1},
        .borders_options = borders_options,
        .width = WIDTH,
        .height = HEIGHT};
    struct ori_msg_start start = {
        .type = ORI_MSG_START,
        .bytes = 1,
        .slots = ORI_CHILD_SLOTS_MIN,
        .slot_bytes = SLOT_BYTES,
        .options = {.input = {.side = 8, .fit = ORI_INPUT_SQUASH, .resize_side = 8}}};
    struct ori_child_side side;
    struct ori_error err = {0};
    int pair[2];
    int memory = memfd_create("test", MFD_CLOEXEC);
    ori_borders_init(&extract.video_borders);
    assert_int_equal(ftruncate(memory, ORI_CHILD_SLOTS_MIN * SLOT_BYTES), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(send(pair[0], &start, sizeof start, 0), sizeof start);
    assert_int_equal(ori_child_side_open_at(0, pair[1], memory, &side, &err), ORI_OK);
    extract.side = &side;
    for (size_t i = 0; i < count; i++) {
        const struct ori_scene scene = {.index = (uint32_t)i + 1,
                                        .start_us = (int64_t)i * 1000000,
                                        .end_us = (int64_t)(i + 1) * 1000000,
                                        .borders = measure(sides[i])};
        assert_int_equal(extract_end_scene(&extract, &scene, &err), ORI_OK);
    }
    assert_int_equal(extract_flush(&extract, true, &err), ORI_OK);
    for (size_t i = 0; i < count; i++) {
        struct ori_msg_scene message;
        assert_int_equal(recv(pair[0], &message, sizeof message, 0), sizeof message);
        assert_int_equal(message.type, ORI_MSG_SCENE);
        assert_int_equal(message.index, i + 1);
        ret_boxes[i] = message.crop;
    }
    extract_emit_deinit(&extract);
    ori_child_side_close(&side);
    close(pair[0]);
    close(pair[1]);
    close(memory);
}

static void check_box(const struct ori_box *box, const struct ori_box *wanted)
{
    if (memcmp(box, wanted, sizeof *box) != 0)
        fail_msg("%d,%d %dx%d instead of %d,%d %dx%d", box->x, box->y, box->w, box->h, wanted->x,
                 wanted->y, wanted->w, wanted->h);
}

static void a_scene_alone_has_what_it_proves(void **state)
{
    static const enum sides proved[] = {SIDES_PROVED}, dark[] = {SIDES_DARK}, full[] = {SIDES_FULL};
    struct ori_box box;
    (void)state;
    say_scenes(proved, 1, &box);
    check_box(&box, &window);
    say_scenes(dark, 1, &box);
    check_box(&box, &letterbox);
    say_scenes(full, 1, &box);
    check_box(&box, &letterbox);
}

static void another_scene_deepens_it(void **state)
{
    static const enum sides orders[][2] = {{SIDES_PROVED, SIDES_DARK}, {SIDES_DARK, SIDES_PROVED}};
    struct ori_box boxes[2];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        say_scenes(orders[i], 2, boxes);
        check_box(&boxes[0], &window);
        check_box(&boxes[1], &window);
    }
}

/* Two that prove nothing there prove it together no more than either. */
static void who_proves_nothing_deepens_nothing(void **state)
{
    static const enum sides both[] = {SIDES_DARK, SIDES_DARK};
    struct ori_box boxes[2];
    (void)state;
    say_scenes(both, 2, boxes);
    check_box(&boxes[0], &letterbox);
    check_box(&boxes[1], &letterbox);
}

/* Whatever others prove, a side on which a scene has picture stays whole in that scene. */
static void picture_is_never_deepened_away(void **state)
{
    static const enum sides mixed[] = {SIDES_PROVED, SIDES_FULL, SIDES_PROVED};
    struct ori_box boxes[3];
    (void)state;
    say_scenes(mixed, 3, boxes);
    check_box(&boxes[0], &window);
    check_box(&boxes[1], &letterbox);
    check_box(&boxes[2], &window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scene_alone_has_what_it_proves),
        cmocka_unit_test(another_scene_deepens_it),
        cmocka_unit_test(who_proves_nothing_deepens_nothing),
        cmocka_unit_test(picture_is_never_deepened_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
