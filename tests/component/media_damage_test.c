/* Cut and damaged files: what is there is decoded, what is missing is told, and nothing crashes. */
#include "media_clips.h"
#include "media/words.h"

#include "util/limits.h"

struct outcome {
    ori_status status; /* ORI_EOF when it ended well */
    int frames;
    struct ori_video_damage damage;
    struct ori_error err;
};

static struct outcome run(const void *data, size_t bytes)
{
    struct outcome outcome = {0};
    struct ori_source source = source_of_bytes(data, bytes);
    struct ori_video *video = NULL;
    struct ori_video_info info;
    struct ori_frame *frame = NULL;
    int64_t last_us = -1;
    outcome.status = ori_video_open(&source, &usual_options, &video, &info, &outcome.err);
    while (outcome.status == ORI_OK) {
        outcome.status = ori_video_next(video, &frame, &outcome.err);
        if (outcome.status != ORI_OK)
            break;
        struct ori_plane planes[3];
        uint8_t pixels[3 * 8 * 8 * 8];
        struct ori_error err = {0};
        assert_true(frame->pts_us > last_us);
        last_us = frame->pts_us;
        assert_int_equal(ori_frame_planes(video, frame, planes, &err), ORI_OK);
        if (outcome.frames++ % 7 == 0 && info.width >= 8 && info.height >= 8) {
            struct ori_box box = {info.width - 8, info.height - 8, 8, 8};
            struct ori_rgb image = {.data = pixels};
            ori_frame_rgb_size(&info, &box, &image.width, &image.height);
            image.stride = 3 * (ptrdiff_t)image.width;
            assert_true((size_t)image.stride * (size_t)image.height <= sizeof pixels);
            (void)!ori_frame_to_rgb(video, frame, &box, &image, &err);
        }
        ori_frame_unref(&frame);
    }
    if (video)
        outcome.damage = ori_video_damage(video);
    ori_video_close(&video);
    close(source.fd);
    return outcome;
}

struct cut {
    const char *clip;
    int percent;
    int frames_min;
    int frames_max;
};
/* Rates vary over a clip, so that the share of frames is only roughly the share of bytes. */
static const struct cut cuts[] = {
    {"fast.mp4", 60, 5, 15},  {"fast.mp4", 97, 15, 19}, {"frag.mp4", 60, 5, 15},
    {"frag.mp4", 95, 14, 19}, {"h264.ts", 60, 5, 15},   {"h264.ts", 95, 14, 19},
    {"h264.mkv", 60, 5, 15},  {"h264.mkv", 95, 14, 19}, {"live.mkv", 60, 5, 15},
    {"h264.avi", 60, 4, 15},  {"h264.flv", 60, 5, 15},  {"vp9.webm", 60, 5, 15},
    {"vp9.ivf", 60, 5, 15},   {"av1.webm", 60, 3, 15},  {"hevc.mkv", 60, 3, 15},
    {"wmv2.wmv", 60, 5, 15},  {"gif.gif", 60, 5, 15},   {"theora.ogv", 95, 5, 19},
    {"mpeg2.mpg", 60, 5, 15}, {"mpeg4.avi", 60, 5, 15},
};

static void test_cut_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        size_t bytes = 0;
        uint8_t *data = clip_bytes(cuts[i].clip, &bytes);
        size_t cut = bytes * (size_t)cuts[i].percent / 100;
        cut += cut % 188 == 0; /* never between two transport packets */
        struct outcome o = run(data, cut);
        if (o.status != ORI_EOF || !o.damage.is_truncated || o.frames < cuts[i].frames_min ||
            o.frames > cuts[i].frames_max)
            fail_msg("%s at %d %%: %s, %d frames, truncated %d %s", cuts[i].clip, cuts[i].percent,
                     ori_status_code(o.status), o.frames, o.damage.is_truncated, o.err.text);
        free(data);
    }
}

static void test_index_missing(void **state)
{
    (void)state;
    for (int percent = 20; percent <= 95; percent += 15) {
        size_t bytes = 0;
        uint8_t *data = clip_bytes("h264.mp4", &bytes);
        struct outcome o = run(data, bytes * (size_t)percent / 100);
        assert_int_equal(o.status, ORI_NOT_MEDIA);
        assert_string_equal(o.err.text,
                            "the file has no index (moov): it was cut off or never finished");
        free(data);
    }
}

/* Only the heads are left: nothing to decode is a failure, not an empty success. */
static void test_nothing_to_decode(void **state)
{
    (void)state;
    size_t bytes = 0;
    uint8_t *data = clip_bytes("fast.mp4", &bytes);
    const uint8_t *mdat = memmem(data, bytes, "mdat", 4);
    assert_non_null(mdat);
    struct outcome o = run(data, (size_t)(mdat - data) + 4 + 40);
    assert_int_equal(o.status, ORI_DECODE);
    assert_non_null(strstr(o.err.text, "cut off"));
    o = run(data, (size_t)(mdat - data) + 4);
    assert_int_equal(o.status, ORI_DECODE);
    free(data);
}

/* A hole of noise in the middle costs frames, not the video, and is counted. */
static void test_noise_inside(void **state)
{
    (void)state;
    static const char *const names[] = {"h264.ts", "mpeg2.ts", "fast.mp4", "vp9.webm", "mpeg4.avi"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t bytes = 0;
        uint8_t *data = clip_bytes(names[i], &bytes);
        uint32_t seed = 5;
        for (size_t k = bytes / 2; k < bytes / 2 + bytes / 10; k++) {
            seed = seed * 1664525u + 1013904223u;
            data[k] = (uint8_t)(seed >> 24);
        }
        struct outcome o = run(data, bytes);
        if (o.status != ORI_EOF || o.frames < 5)
            fail_msg("%s: %s, %d frames", names[i], ori_status_code(o.status), o.frames);
        free(data);
    }
}

/* mov: the sample's data said to lie in another file ("url " with flags 0): never opened. */
static void test_outside_reference(void **state)
{
    (void)state;
    size_t bytes = 0;
    uint8_t *data = clip_bytes("h264.mp4", &bytes);
    uint8_t *url = memmem(data, bytes, "url \0\0\0\1", 8);
    assert_non_null(url);
    memcpy(url, "alis\0\0\0\0", 8);
    struct outcome o = run(data, bytes);
    assert_true(o.status == ORI_EOF || o.status == ORI_DECODE || o.status == ORI_NOT_MEDIA);
    free(data);
}

/* Packets that never become a frame end at the limit, one before it at the end of the file. */
static void test_packets_without_frames(void **state)
{
    (void)state;
    static const uint8_t head[32] = {'D', 'K', 'I', 'F', 0,  0, 32, 0, 'V', 'P', '8', '0',
                                     64,  0,   64,  0,   10, 0, 0,  0, 1,   0,   0,   0};
    size_t count = ORI_LIMIT_MAX_SILENT_PACKETS;
    uint8_t *file = malloc(sizeof head + 13 * (count + 1));
    assert_non_null(file);
    memcpy(file, head, sizeof head);
    for (size_t i = 0; i <= count; i++) {
        uint8_t *frame = file + sizeof head + 13 * i;
        memset(frame, 0, 13);
        frame[0] = 1; /* bytes of the packet */
        memcpy(frame + 4, &i, 4);
        frame[12] = 0xFF;
    }
    struct outcome o = run(file, sizeof head + 13 * count);
    assert_int_equal(o.status, ORI_DECODE);
    o = run(file, sizeof head + 13 * (count + 1));
    assert_int_equal(o.status, ORI_LIMIT);
    free(file);
}

/* Deterministic mutations of small files of each kind. More by ORIANE_FUZZ_ROUNDS. */
static void test_mutations(void **state)
{
    (void)state;
    static const char *const names[] = {
        "h264.mp4", "h264.mkv",  "h264.ts",    "h264.avi", "h264.flv",   "frag.mp4",  "hevc.mp4",
        "vp9.webm", "vp8.webm",  "av1.mkv",    "gif.gif",  "mpeg4.avi",  "mpeg2.mpg", "wmv2.wmv",
        "rgb.mov",  "mjpeg.avi", "theora.ogv", "pq.mp4",   "420p10.mp4", "sar43.mp4", "rot90.mp4",
    };
    const char *wish = getenv("ORIANE_FUZZ_ROUNDS");
    long rounds = wish ? strtol(wish, NULL, 10) : 10;
    uint32_t seed = 1;
    for (long i = 0; i < rounds * (long)(sizeof names / sizeof *names); i++) {
        size_t bytes = 0;
        uint8_t *data = clip_bytes(names[(size_t)i % (sizeof names / sizeof *names)], &bytes);
        for (int k = 0; k < 1 + i % 16; k++) {
            seed = seed * 1664525u + 1013904223u;
            size_t at = (seed >> 4) % (i % 3 ? bytes : bytes < 2000 ? bytes : 2000);
            seed = seed * 1664525u + 1013904223u;
            data[at] = i % 5 ? (uint8_t)(seed >> 24) : 0xFF;
        }
        struct outcome o = run(data, i % 4 ? bytes : 1 + (seed >> 3) % bytes);
        assert_true(o.status != ORI_OK && o.status != ORI_INTERNAL);
        assert_true(o.status == ORI_EOF || o.err.status == o.status);
        free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_files),         cmocka_unit_test(test_index_missing),
        cmocka_unit_test(test_nothing_to_decode), cmocka_unit_test(test_noise_inside),
        cmocka_unit_test(test_outside_reference), cmocka_unit_test(test_packets_without_frames),
        cmocka_unit_test(test_mutations),
    };
    ori_media_set_words(ORI_WORDS_NONE);
    return cmocka_run_group_tests_name("media_damage", tests, clips_setup, NULL);
}
