/* Every container, codec, pixel format and shape of the contract: what open says, how many frames
 * come, and when. */
#include "media_clips.h"
#include "media/words.h"

struct expected {
    const char *clip;
    const char *container;
    const char *codec;
    int frames;
    int64_t last_us;
    int64_t slack_us; /* what the container's own clock rounds */
    int width, height;
    int rotation;
    int sar_num, sar_den;
    bool is_hdr;
};

#define PLAIN 160, 120, 0, 1, 1, false
static const struct expected table[] = {
    {"h264.mp4", "mp4", "h264", 20, 1900000, 0, PLAIN},
    {"h264.mkv", "matroska", "h264", 20, 1900000, 0, PLAIN},
    {"h264.mov", "mov", "h264", 20, 1900000, 0, PLAIN},
    {"h264.ts", "mpegts", "h264", 20, 1900000, 0, PLAIN},
    {"h264.avi", "avi", "h264", 20, 1900000, 0, PLAIN},
    {"h264.flv", "flv", "h264", 20, 1900000, 0, PLAIN},
    {"raw.h264", "h264", "h264", 20, 1900000, 0, PLAIN},
    {"fast.mp4", "mp4", "h264", 20, 1900000, 0, PLAIN},
    {"frag.mp4", "mp4", "h264", 20, 1900000, 0, PLAIN},
    {"live.mkv", "matroska", "h264", 20, 1900000, 0, PLAIN},
    {"hevc.mp4", "mp4", "hevc", 20, 1900000, 0, PLAIN},
    {"hevc.mkv", "matroska", "hevc", 20, 1900000, 0, PLAIN},
    {"hevc.ts", "mpegts", "hevc", 20, 1900000, 0, PLAIN},
    {"vp8.webm", "matroska", "vp8", 20, 1900000, 0, PLAIN},
    {"vp9.webm", "matroska", "vp9", 20, 1900000, 0, PLAIN},
    {"vp9.mp4", "mp4", "vp9", 20, 1900000, 0, PLAIN},
    {"vp9.ivf", "ivf", "vp9", 20, 1900000, 0, PLAIN},
    {"av1.mkv", "matroska", "av1", 20, 1900000, 0, PLAIN},
    {"av1.mp4", "mp4", "av1", 20, 1900000, 0, PLAIN},
    {"av1.webm", "matroska", "av1", 20, 1900000, 0, PLAIN},
    {"mpeg4.avi", "avi", "mpeg4", 20, 1900000, 0, PLAIN},
    {"mpeg4.mp4", "mp4", "mpeg4", 20, 1900000, 0, PLAIN},
    {"mpeg4.mkv", "matroska", "mpeg4", 20, 1900000, 0, PLAIN},
    {"mpeg2.mpg", "mpeg", "mpeg2video", 20, 1900000, 0, PLAIN},
    {"mpeg2.ts", "mpegts", "mpeg2video", 20, 1900000, 0, PLAIN},
    {"wmv2.wmv", "asf", "wmv2", 20, 1900000, 0, PLAIN},
    {"theora.ogv", "ogg", "theora", 20, 1900000, 0, PLAIN},
    {"gif.gif", "gif", "gif", 20, 1900000, 0, PLAIN},
    {"mjpeg.avi", "avi", "mjpeg", 20, 1900000, 0, PLAIN},
    {"ffv1.mkv", "matroska", "ffv1", 20, 1900000, 0, PLAIN},
    {"prores.mov", "mov", "prores", 20, 1900000, 0, PLAIN},
    {"rgb.mov", "mov", "qtrle", 20, 1900000, 0, PLAIN},
    {"bgr.avi", "avi", "rawvideo", 20, 1900000, 0, PLAIN},
    {"yuyv.avi", "avi", "rawvideo", 20, 1900000, 0, PLAIN},
    {"grey.mp4", "mp4", "h264", 20, 1900000, 0, PLAIN},
    {"grey.mkv", "matroska", "ffv1", 20, 1900000, 0, PLAIN},
    {"444.mp4", "mp4", "h264", 20, 1900000, 0, PLAIN},
    {"422.mp4", "mp4", "h264", 20, 1900000, 0, PLAIN},
    {"full.mp4", "mp4", "h264", 20, 1900000, 0, PLAIN},
    {"420p10.mp4", "mp4", "h264", 20, 1900000, 0, PLAIN},
    {"444p10.mp4", "mp4", "h264", 20, 1900000, 0, PLAIN},
    {"420p12.mp4", "mp4", "hevc", 20, 1900000, 0, PLAIN},
    {"odd.mp4", "mp4", "h264", 10, 900000, 0, 161, 121, 0, 1, 1, false},
    {"odd420.webm", "matroska", "vp9", 10, 900000, 0, 853, 481, 0, 1, 1, false},
    {"pq.mp4", "mp4", "hevc", 5, 400000, 0, 64, 48, 0, 1, 1, true},
    {"hlg.mp4", "mp4", "hevc", 5, 400000, 0, 64, 48, 0, 1, 1, true},
    {"sar43.mp4", "mp4", "h264", 20, 1900000, 0, 160, 120, 0, 4, 3, false},
    {"sar12.mp4", "mp4", "h264", 20, 1900000, 0, 160, 120, 0, 1, 2, false},
    {"sar9.mp4", "mp4", "h264", 20, 1900000, 0, PLAIN}, /* past 8: not believed */
    {"rot90.mp4", "mp4", "h264", 20, 1900000, 0, 160, 120, 90, 1, 1, false},
    {"rot180.mp4", "mp4", "h264", 20, 1900000, 0, 160, 120, 180, 1, 1, false},
    {"rot270.mp4", "mp4", "h264", 20, 1900000, 0, 160, 120, 270, 1, 1, false},
    {"one.mp4", "mp4", "h264", 1, 0, 0, PLAIN},
    {"one.ts", "mpegts", "h264", 1, 0, 0, PLAIN},
    {"one.webm", "matroska", "vp9", 1, 0, 0, PLAIN},
    {"one.avi", "avi", "mpeg4", 1, 0, 0, PLAIN},
    {"edit.mp4", "mp4", "h264", 12, 1100000, 60000, PLAIN},
    {"late.mp4", "mp4", "h264", 20, 3400000, 0, PLAIN},
    {"longaudio.mp4", "mp4", "h264", 20, 1900000, 0, PLAIN},
    {"longaudio.mkv", "matroska", "h264", 20, 1900000, 30000, PLAIN},
    {"longaudio.ts", "mpegts", "h264", 20, 1900000, 30000, PLAIN},
    {"longaudio.avi", "avi", "h264", 20, 1900000, 0, PLAIN},
    {"shortest.mp4", "mp4", "h264", 20, 1900000, 0, PLAIN},
    {"covered.mp4", "mp4", "h264", 20, 1900000, 0, PLAIN},
};

static void check_info(const struct expected *e, const struct ori_video_info *info)
{
    if (strcmp(info->container, e->container) != 0 || strcmp(info->codec, e->codec) != 0)
        fail_msg("%s: %s/%s", e->clip, info->container, info->codec);
    if (info->width != e->width || info->height != e->height || info->rotation != e->rotation ||
        info->is_mirrored || info->sar_num != e->sar_num || info->sar_den != e->sar_den ||
        info->is_hdr != e->is_hdr)
        fail_msg("%s: %dx%d turned %d sar %d:%d hdr %d", e->clip, info->width, info->height,
                 info->rotation, info->sar_num, info->sar_den, info->is_hdr);
}

/* Views lie inside the frame's memory (the sanitizer builds read every corner). */
static void check_planes(struct ori_video *video, const struct ori_frame *frame)
{
    struct ori_plane planes[3];
    struct ori_error err = {0};
    volatile unsigned sum = 0;
    assert_int_equal(ori_frame_planes(video, frame, planes, &err), ORI_OK);
    assert_int_equal(planes[0].width, frame->width);
    assert_int_equal(planes[0].height, frame->height);
    for (int i = 0; i < 3; i++) {
        assert_true(planes[i].stride >= planes[i].width);
        for (int y = 0; y < planes[i].height; y++)
            sum += planes[i].data[y * planes[i].stride + planes[i].width - 1];
    }
    (void)sum;
}

static void check_clip(const struct expected *e, int threads)
{
    struct ori_source source = source_of_clip(e->clip);
    struct ori_video_options options = usual_options;
    struct ori_video *video = NULL;
    struct ori_video_info info;
    struct ori_error err = {0};
    struct ori_frame *frame = NULL;
    int64_t last_us = -1;
    int frames = 0;
    options.threads = threads;
    if (ori_video_open(&source, &options, &video, &info, &err) != ORI_OK)
        fail_msg("%s: %s", e->clip, err.text);
    check_info(e, &info);
    ori_status status = ORI_OK;
    while ((status = ori_video_next(video, &frame, &err)) == ORI_OK) {
        assert_true(frame->pts_us > last_us);
        last_us = frame->pts_us;
        check_planes(video, frame);
        ori_frame_unref(&frame);
        frames++;
    }
    struct ori_video_damage damage = ori_video_damage(video);
    if (status != ORI_EOF || frames != e->frames || llabs(last_us - e->last_us) > e->slack_us)
        fail_msg("%s: %s %d frames, the last at %lld us", e->clip, err.text, frames,
                 (long long)last_us);
    if (damage.is_truncated || damage.is_over_duration || damage.packets_bad != 0 ||
        damage.frames_decoded != e->frames)
        fail_msg("%s: called damaged: %d %d %lld", e->clip, damage.is_truncated,
                 damage.is_over_duration, (long long)damage.packets_bad);
    assert_int_equal(ori_video_next(video, &frame, NULL), ORI_EOF); /* and stays so */
    ori_video_close(&video);
    assert_null(video);
    close(source.fd);
}

static void test_every_clip(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        check_clip(&table[i], 1);
}

static void test_threads_give_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i += 3)
        check_clip(&table[i], 3);
}

/* Frame n of vfr.* is shown at (n + n * n / 20) / 10 seconds. */
static void test_variable_frame_rate(void **state)
{
    (void)state;
    static const char *const names[] = {"vfr.mp4", "vfr.mkv", "vfr.ts"};
    for (size_t i = 0; i < 3; i++) {
        struct ori_source source = source_of_clip(names[i]);
        struct ori_video *video = NULL;
        struct ori_video_info info;
        struct ori_error err = {0};
        struct ori_frame *frame = NULL;
        int n = 0;
        assert_int_equal(ori_video_open(&source, &usual_options, &video, &info, &err), ORI_OK);
        for (; ori_video_next(video, &frame, &err) == ORI_OK; n++) {
            double expected_us = 1e5 * (n + n * n / 20.0);
            if (llabs(frame->pts_us - (int64_t)expected_us) > 1000) /* the encoder's clock */
                fail_msg("%s, frame %d: %lld", names[i], n, (long long)frame->pts_us);
            ori_frame_unref(&frame);
        }
        assert_int_equal(n, 20);
        ori_video_close(&video);
        close(source.fd);
    }
}

struct refusal {
    const char *clip;
    ori_status status;
    const char *words; /* in the error's text */
};
static const struct refusal refusals[] = {
    {"audio.m4a", ORI_NO_VIDEO_STREAM, "no video stream"},
    {"audio.mp3", ORI_NO_VIDEO_STREAM, "mp3"},
    {"audio.wav", ORI_NO_VIDEO_STREAM, "wav"},
    {"audio.ogg", ORI_NO_VIDEO_STREAM, "no video stream"},
    {"audio.webm", ORI_NO_VIDEO_STREAM, "no video stream"},
    {"audio.ts", ORI_NO_VIDEO_STREAM, "no video stream"},
    {"cover.m4a", ORI_NO_VIDEO_STREAM, "no video stream"},
    {"cover.png", ORI_NOT_MEDIA, "png"},
    {"jpeg2000.mov", ORI_UNSUPPORTED, "jpeg2000"},
};

static ori_status open_only(struct ori_source *source, const struct ori_video_options *options,
                            struct ori_error *err)
{
    struct ori_video *video = NULL;
    struct ori_video_info info;
    ori_status status = ori_video_open(source, options, &video, &info, err);
    assert_true((status == ORI_OK) == (video != NULL));
    ori_video_close(&video);
    return status;
}

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct ori_source source = source_of_clip(refusals[i].clip);
        struct ori_error err = {0};
        ori_status status = open_only(&source, &usual_options, &err);
        if (status != refusals[i].status || !strstr(err.text, refusals[i].words))
            fail_msg("%s: %s: %s", refusals[i].clip, ori_status_code(status), err.text);
        close(source.fd);
    }
}

struct text_case {
    const char *name;
    const char *text;
    ori_status status;
};
/* Playlists and scripts name other files: refused for what they are, whatever they name. */
static const struct text_case texts[] = {
    {"nothing", "", ORI_EMPTY_FILE},
    {"one byte", "x", ORI_NOT_MEDIA},
    {"prose", "This is no video, though its name says so.\n", ORI_NOT_MEDIA},
    {"concat", "ffconcat version 1.0\nfile /etc/passwd\n", ORI_NOT_MEDIA},
    {"hls",
     "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-VERSION:3\n#EXTINF:1,\nfile:///etc/passwd\n"
     "#EXT-X-ENDLIST\n",
     ORI_NOT_MEDIA},
    {"dash", "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"></MPD>",
     ORI_NOT_MEDIA},
    {"sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 1 RTP/AVP 96\n",
     ORI_NOT_MEDIA},
    {"subtitles", "1\n00:00:01,000 --> 00:00:02,000\nHello\n\n", ORI_NOT_MEDIA},
    {"page", "<!DOCTYPE html><html><body>404 Not Found</body></html>", ORI_NOT_MEDIA},
};

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct ori_source source = source_of_bytes(texts[i].text, strlen(texts[i].text));
        struct ori_error err = {0};
        ori_status status = open_only(&source, &usual_options, &err);
        if (status != texts[i].status || err.status != status)
            fail_msg("%s: %s: %s", texts[i].name, ori_status_code(status), err.text);
        close(source.fd);
    }
}

static void test_limits(void **state)
{
    (void)state;
    static const struct {
        int64_t pixels_max, duration_us_max;
        ori_status status;
    } rows[] = {
        {160 * 120, 0, ORI_OK},       {160 * 120 - 1, 0, ORI_LIMIT},   {1, 0, ORI_LIMIT},
        {160 * 120, 2000000, ORI_OK}, {160 * 120, 1999999, ORI_LIMIT},
    };
    static const char *const names[] = {"h264.mp4", "vp9.webm", "mpeg4.avi"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t k = 0; k < 3; k++) {
            struct ori_source source = source_of_clip(names[k]);
            struct ori_video_options options = {.threads = 1,
                                                .pixels_max = rows[i].pixels_max,
                                                .duration_us_max = rows[i].duration_us_max};
            struct ori_error err = {0};
            ori_status status = open_only(&source, &options, &err);
            if (status != rows[i].status)
                fail_msg("%s, row %zu: %s: %s", names[k], i, ori_status_code(status), err.text);
            close(source.fd);
        }
    }
}

static void test_stream_limit(void **state)
{
    (void)state;
    struct ori_source source = source_of_clip("64streams.mkv");
    struct ori_error err = {0};
    assert_int_equal(open_only(&source, &usual_options, &err), ORI_OK);
    close(source.fd);
    source = source_of_clip("65streams.mkv");
    assert_int_equal(open_only(&source, &usual_options, &err), ORI_LIMIT);
    assert_string_equal(err.text, "65 streams, more than 64");
    close(source.fd);
}

static int64_t count_frames(int64_t frames_max, ori_status *ret_status)
{
    struct ori_source source = source_of_clip("h264.mp4");
    struct ori_video_options options = {
        .threads = 1, .pixels_max = 1 << 20, .frames_max = frames_max};
    struct ori_video *video = NULL;
    struct ori_video_info info;
    struct ori_error err = {0};
    struct ori_frame *frame = NULL;
    int64_t frames = 0;
    assert_int_equal(ori_video_open(&source, &options, &video, &info, &err), ORI_OK);
    for (; (*ret_status = ori_video_next(video, &frame, &err)) == ORI_OK; frames++)
        ori_frame_unref(&frame);
    assert_int_equal(err.status, *ret_status == ORI_EOF ? ORI_OK : *ret_status);
    ori_video_close(&video);
    close(source.fd);
    return frames;
}

/* As many pictures as are allowed, and one more. */
static void test_frame_limit(void **state)
{
    (void)state;
    ori_status status = ORI_OK;
    int64_t all = count_frames(0, &status);
    assert_true(all > 1 && status == ORI_EOF);
    assert_int_equal(count_frames(all, &status), all);
    assert_int_equal(status, ORI_EOF);
    assert_int_equal(count_frames(all - 1, &status), all - 1);
    assert_int_equal(status, ORI_LIMIT);
}

/* A header that says no duration: the frames' own times are the limit, and it is told. */
static void test_duration_by_frames(void **state)
{
    (void)state;
    struct ori_source source = source_of_clip("live.mkv");
    struct ori_video_options options = {
        .threads = 1, .pixels_max = 1 << 20, .duration_us_max = 1000000};
    struct ori_video *video = NULL;
    struct ori_video_info info;
    struct ori_error err = {0};
    struct ori_frame *frame = NULL;
    int frames = 0;
    assert_int_equal(ori_video_open(&source, &options, &video, &info, &err), ORI_OK);
    assert_int_equal(info.duration_us, 0);
    for (; ori_video_next(video, &frame, &err) == ORI_OK; frames++)
        ori_frame_unref(&frame);
    assert_int_equal(frames, 11);
    assert_true(ori_video_damage(video).is_over_duration);
    ori_video_close(&video);
    close(source.fd);
}

/* Two transport streams joined: the size changes and the clock starts again. */
static void test_joined_streams(void **state)
{
    (void)state;
    size_t large_bytes = 0;
    size_t small_bytes = 0;
    uint8_t *large = clip_bytes("large.ts", &large_bytes);
    uint8_t *small = clip_bytes("small.ts", &small_bytes);
    large = realloc(large, large_bytes + small_bytes);
    memcpy(large + large_bytes, small, small_bytes);
    struct ori_source source = source_of_bytes(large, large_bytes + small_bytes);
    struct ori_video *video = NULL;
    struct ori_video_info info;
    struct ori_error err = {0};
    struct ori_frame *frame = NULL;
    int counts[2] = {0, 0};
    int64_t last_us = -1;
    assert_int_equal(ori_video_open(&source, &usual_options, &video, &info, &err), ORI_OK);
    while (ori_video_next(video, &frame, &err) == ORI_OK) {
        counts[frame->width == 80]++;
        assert_true(frame->pts_us > last_us);
        last_us = frame->pts_us;
        check_planes(video, frame);
        uint8_t data[160 * 120 * 3];
        struct ori_rgb image = {data, 480, 160, 120}; /* always the size that info says */
        assert_int_equal(ori_frame_to_rgb(video, frame, NULL, &image, &err), ORI_OK);
        ori_frame_unref(&frame);
    }
    assert_int_equal(counts[0], 10);
    assert_int_equal(counts[1], 10);
    assert_in_range(last_us, 1800000, 2000000);
    ori_video_close(&video);
    close(source.fd);
    free(large);
    free(small);
}

/* References outlive the frame they were taken from, and the video's next calls. */
static void test_references(void **state)
{
    (void)state;
    struct ori_source source = source_of_clip("h264.mp4");
    struct ori_video *video = NULL;
    struct ori_video_info info;
    struct ori_error err = {0};
    struct ori_frame *first = NULL;
    struct ori_frame *frame = NULL;
    struct ori_plane before[3];
    struct ori_plane after[3];
    assert_int_equal(ori_video_open(&source, &usual_options, &video, &info, &err), ORI_OK);
    assert_int_equal(ori_video_next(video, &first, &err), ORI_OK);
    struct ori_frame *kept = ori_frame_ref(first);
    assert_non_null(kept);
    assert_int_equal(ori_frame_planes(video, first, before, &err), ORI_OK);
    uint8_t row[160];
    memcpy(row, before[0].data, sizeof row);
    ori_frame_unref(&first);
    assert_null(first);
    while (ori_video_next(video, &frame, &err) == ORI_OK)
        ori_frame_unref(&frame);
    assert_int_equal(kept->pts_us, 0);
    assert_int_equal(ori_frame_planes(video, kept, after, &err), ORI_OK);
    assert_memory_equal(after[0].data, row, sizeof row);
    ori_video_close(&video);
    ori_frame_unref(&kept);
    ori_frame_unref(&kept);
    close(source.fd);
}

static ori_status failing_ensure(void *self, int64_t offset, size_t bytes, struct ori_error *err)
{
    int64_t *bytes_left = self;
    (void)offset;
    *bytes_left -= (int64_t)bytes;
    return *bytes_left >= 0 ? ORI_OK : ori_error_set(err, ORI_TIMEOUT, "the line is dead");
}

/* A read that fails at any moment comes back as itself: never as a shorter video. */
static void test_failing_reads(void **state)
{
    (void)state;
    static const char *const names[] = {"h264.mp4", "h264.ts", "h264.mkv", "mpeg4.avi"};
    for (size_t k = 0; k < 4; k++) {
        struct ori_source source = source_of_clip(names[k]);
        for (int64_t budget = 0; budget < 4 * source.size; budget += source.size / 23) {
            int64_t left = budget;
            struct ori_video *video = NULL;
            struct ori_video_info info;
            struct ori_error err = {0};
            struct ori_frame *frame = NULL;
            source.ensure = failing_ensure;
            source.ensure_self = &left;
            source.failure = (struct ori_error){0};
            ori_status status = ori_video_open(&source, &usual_options, &video, &info, &err);
            while (status == ORI_OK) {
                status = ori_video_next(video, &frame, &err);
                ori_frame_unref(&frame);
            }
            if (left < 0 && status != ORI_TIMEOUT)
                fail_msg("%s, %lld bytes: %s", names[k], (long long)budget,
                         ori_status_code(status));
            if (status == ORI_TIMEOUT)
                assert_string_equal(err.text, "the line is dead");
            ori_video_close(&video);
        }
        close(source.fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_clip),
        cmocka_unit_test(test_threads_give_the_same),
        cmocka_unit_test(test_variable_frame_rate),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_stream_limit),
        cmocka_unit_test(test_frame_limit),
        cmocka_unit_test(test_duration_by_frames),
        cmocka_unit_test(test_joined_streams),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_failing_reads),
    };
    ori_media_set_words(ORI_WORDS_NONE);
    return cmocka_run_group_tests_name("media_video", tests, clips_setup, NULL);
}
