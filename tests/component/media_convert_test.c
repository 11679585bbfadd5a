/* RGB out of decoded frames: against ffmpeg's own conversion, against whole-picture conversion for
 * boxes, against the test picture for turned clips, and against worked numbers for HDR. */
#include "media_clips.h"
#include "media/words.h"

struct opened {
    struct ori_source source;
    struct ori_video *video;
    struct ori_video_info info;
    struct ori_frame *frame; /* the first */
};

static void open_first(const char *clip, struct opened *opened)
{
    struct ori_error err = {0};
    *opened = (struct opened){.source = source_of_clip(clip)};
    if (ori_video_open(&opened->source, &usual_options, &opened->video, &opened->info, &err) !=
            ORI_OK ||
        ori_video_next(opened->video, &opened->frame, &err) != ORI_OK)
        fail_msg("%s: %s", clip, err.text);
}

static void close_first(struct opened *opened)
{
    ori_frame_unref(&opened->frame);
    ori_video_close(&opened->video);
    close(opened->source.fd);
}

/* Canary bytes behind each row and behind the picture must survive. */
enum { GAP = 5 };
static struct ori_rgb convert(const struct opened *opened, const struct ori_box *box)
{
    struct ori_error err = {0};
    struct ori_rgb image = {0};
    ori_frame_rgb_size(&opened->info, box, &image.width, &image.height);
    image.stride = 3 * (ptrdiff_t)image.width + GAP;
    size_t bytes = (size_t)image.stride * (size_t)image.height;
    image.data = malloc(bytes);
    assert_non_null(image.data);
    memset(image.data, 0xC9, bytes);
    if (ori_frame_to_rgb(opened->video, opened->frame, box, &image, &err) != ORI_OK)
        fail_msg("%s", err.text);
    for (int y = 0; y < image.height; y++) {
        for (int i = 0; i < GAP; i++)
            assert_int_equal(image.data[y * image.stride + 3 * image.width + i], 0xC9);
    }
    return image;
}

struct reference {
    const char *clip;
    int tolerance;
};
static const struct reference references[] = {
    {"709.mp4", 2},    {"h264.mp4", 2},   {"444.mp4", 2}, {"422.mp4", 2},  {"full.mp4", 2},
    {"grey.mp4", 2},   {"grey.mkv", 2},   {"odd.mp4", 2}, {"vp9.webm", 2}, {"420p10.mp4", 2},
    {"444p10.mp4", 2}, {"420p12.mp4", 2}, {"bgr.avi", 0}, {"rgb.mov", 0},  {"odd420.webm", 2},
    {"yuyv.avi", 2},   {"prores.mov", 2}, {"gif.gif", 0},
};

/* What the ffmpeg command makes of the first frame, with the same careful flags. */
static uint8_t *reference_rgb(const char *clip, size_t bytes)
{
    char from[CLIP_PATH_MAX];
    char to[CLIP_PATH_MAX];
    clip_path_of(clip_find(clip, strlen(clip)), from);
    snprintf(to, sizeof to, "test-clips/reference-%ld.rgb", (long)getpid());
    char *const words[] = {
        "ffmpeg",    "-nostdin", "-v",
        "error",     "-y",       "-i",
        from,        "-vf",      "scale=flags=bicubic+accurate_rnd+full_chroma_int",
        "-frames:v", "1",        "-f",
        "rawvideo",  "-pix_fmt", "rgb24",
        to,          NULL};
    assert_true(clip_spawn(words));
    int fd = open(to, O_RDONLY | O_CLOEXEC);
    uint8_t *data = malloc(bytes + 1);
    assert_true(fd >= 0 && data);
    assert_int_equal(read(fd, data, bytes + 1), bytes);
    close(fd);
    unlink(to);
    return data;
}

static void test_against_ffmpeg(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof references / sizeof *references; i++) {
        struct opened opened;
        open_first(references[i].clip, &opened);
        struct ori_rgb image = convert(&opened, NULL);
        size_t row = 3 * (size_t)image.width;
        uint8_t *expected = reference_rgb(references[i].clip, row * (size_t)image.height);
        int worst = 0;
        for (int y = 0; y < image.height; y++) {
            for (size_t k = 0; k < row; k++) {
                int off = abs(image.data[y * image.stride + (ptrdiff_t)k] -
                              expected[(size_t)y * row + k]);
                worst = off > worst ? off : worst;
            }
        }
        if (worst > references[i].tolerance)
            fail_msg("%s: %d levels off", references[i].clip, worst);
        free(expected);
        free(image.data);
        close_first(&opened);
    }
}

/* A box, odd corners included, is to the bit that part of the whole, turned or not. */
static void test_boxes(void **state)
{
    (void)state;
    static const char *const names[] = {"h264.mp4", "422.mp4",   "420p10.mp4", "pq.mp4",
                                        "rgb.mov",  "rot90.mp4", "rot180.mp4", "rot270.mp4",
                                        "yuyv.avi", "grey.mp4",  "odd.mp4",    "gif.gif"};
    static const struct ori_box boxes[] = {
        {0, 0, 1, 1}, {1, 1, 33, 17}, {7, 3, 50, 40}, {31, 29, 2, 3}, {16, 16, 48, 32},
    };
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        struct opened opened;
        open_first(names[k], &opened);
        struct ori_rgb whole = convert(&opened, NULL);
        for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++) {
            struct ori_rgb part = convert(&opened, &boxes[i]);
            struct ori_box up = ori_video_upright_box(&opened.info, &boxes[i]);
            assert_int_equal(part.width, up.w);
            assert_int_equal(part.height, up.h);
            for (int y = 0; y < up.h; y++) {
                if (memcmp(part.data + y * part.stride,
                           whole.data + (up.y + y) * whole.stride + 3 * up.x,
                           3 * (size_t)up.w) != 0)
                    fail_msg("%s, box %zu, row %d", names[k], i, y);
            }
            free(part.data);
        }
        free(whole.data);
        close_first(&opened);
    }
}

/* Turned clips hold the same coded picture: turning by hand gives the same pixels. */
static void test_turned_clips(void **state)
{
    (void)state;
    struct opened upright;
    open_first("h264.mp4", &upright);
    struct ori_rgb from = convert(&upright, NULL);
    for (int rotation = 90; rotation < 360; rotation += 90) {
        char name[32];
        struct opened opened;
        snprintf(name, sizeof name, "rot%d.mp4", rotation);
        open_first(name, &opened);
        struct ori_rgb to = convert(&opened, NULL);
        assert_int_equal(to.width, rotation == 180 ? 160 : 120);
        for (int y = 0; y < 120; y++) {
            for (int x = 0; x < 160; x++) {
                int to_x = rotation == 90 ? 119 - y : rotation == 180 ? 159 - x : y;
                int to_y = rotation == 90 ? x : rotation == 180 ? 119 - y : 159 - x;
                assert_memory_equal(to.data + to_y * to.stride + 3 * to_x,
                                    from.data + y * from.stride + 3 * x, 3);
            }
        }
        free(to.data);
        close_first(&opened);
    }
    free(from.data);
    close_first(&upright);
}

static void test_square_pixels(void **state)
{
    (void)state;
    static const struct {
        const char *clip;
        int width, height;
    } rows[] = {{"sar43.mp4", 213, 120}, {"sar12.mp4", 160, 240}, {"sar9.mp4", 160, 120}};
    for (size_t i = 0; i < 3; i++) {
        struct opened opened;
        open_first(rows[i].clip, &opened);
        struct ori_rgb image = convert(&opened, NULL);
        assert_int_equal(image.width, rows[i].width);
        assert_int_equal(image.height, rows[i].height);
        free(image.data);
        close_first(&opened);
    }
}

/* A flat grey of code 0x80 encoded as limited 10 bits is luma 502.8: PQ 0.5016, 94 cd/m2, is just
 * above the knee; HLG 0.5016 is 51 cd/m2, sRGB 137. */
static void test_hdr_grey(void **state)
{
    (void)state;
    static const struct {
        const char *clip;
        int low, high;
    } rows[] = {{"pq.mp4", 178, 186}, {"hlg.mp4", 134, 141}};
    for (size_t i = 0; i < 2; i++) {
        struct opened opened;
        open_first(rows[i].clip, &opened);
        struct ori_rgb image = convert(&opened, NULL);
        const uint8_t *p = image.data + 20 * image.stride + 3 * 30;
        for (int c = 0; c < 3; c++)
            assert_in_range(p[c], rows[i].low, rows[i].high);
        free(image.data);
        close_first(&opened);
    }
}

struct plane_case {
    const char *clip;
    int chroma_width, chroma_height;
    bool is_direct; /* the frame's own memory: no copy */
};
static const struct plane_case planes_of[] = {
    {"h264.mp4", 80, 60, true},      {"422.mp4", 80, 120, true},    {"444.mp4", 160, 120, true},
    {"full.mp4", 80, 60, true},      {"grey.mkv", 0, 0, true},      {"420p10.mp4", 80, 60, false},
    {"444p10.mp4", 160, 120, false}, {"yuyv.avi", 160, 120, false}, {"bgr.avi", 160, 120, false},
    {"odd420.webm", 427, 241, true},
};

static void test_planes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof planes_of / sizeof *planes_of; i++) {
        struct opened opened;
        struct ori_plane first[3];
        struct ori_plane second[3];
        struct ori_error err = {0};
        open_first(planes_of[i].clip, &opened);
        struct ori_frame *other = ori_frame_ref(opened.frame);
        assert_int_equal(ori_frame_planes(opened.video, opened.frame, first, &err), ORI_OK);
        assert_int_equal(ori_frame_planes(opened.video, other, second, &err), ORI_OK);
        if (first[1].width != planes_of[i].chroma_width ||
            first[2].height != planes_of[i].chroma_height || first[0].width != opened.info.width)
            fail_msg("%s: chroma %dx%d", planes_of[i].clip, first[1].width, first[2].height);
        assert_true(first[0].data == second[0].data);
        uint8_t *data = (uint8_t *)(uintptr_t)first[0].data;
        uint8_t before = data[0];
        data[0] ^= 0xFF; /* in the frame when direct, in scratch memory otherwise */
        assert_int_equal(ori_frame_planes(opened.video, opened.frame, second, &err), ORI_OK);
        assert_int_equal(second[0].data[0] != before, planes_of[i].is_direct);
        data[0] = before;
        ori_frame_unref(&other);
        close_first(&opened);
    }
}

/* The same picture in 8 and in 10 bits has the same 8-bit planes, give or take what x264 loses. */
static void test_deep_planes_agree(void **state)
{
    (void)state;
    struct opened opened[2];
    struct ori_plane planes[2][3];
    struct ori_error err = {0};
    open_first("h264.mp4", &opened[0]);
    open_first("420p10.mp4", &opened[1]);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ori_frame_planes(opened[i].video, opened[i].frame, planes[i], &err),
                         ORI_OK);
    for (int p = 0; p < 3; p++) {
        double sum = 0;
        for (int y = 0; y < planes[0][p].height; y++) {
            for (int x = 0; x < planes[0][p].width; x++)
                sum += abs(planes[0][p].data[y * planes[0][p].stride + x] -
                           planes[1][p].data[y * planes[1][p].stride + x]);
        }
        assert_true(sum / planes[0][p].width / planes[0][p].height < 2.0);
    }
    close_first(&opened[0]);
    close_first(&opened[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_ffmpeg),    cmocka_unit_test(test_boxes),
        cmocka_unit_test(test_turned_clips),      cmocka_unit_test(test_square_pixels),
        cmocka_unit_test(test_hdr_grey),          cmocka_unit_test(test_planes),
        cmocka_unit_test(test_deep_planes_agree),
    };
    ori_media_set_words(ORI_WORDS_NONE);
    return cmocka_run_group_tests_name("media_convert", tests, clips_setup, NULL);
}
