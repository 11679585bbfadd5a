/* What videos that are not files here are called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/remote_name.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void urls(void **state)
{
    static const struct {
        const char *url;
        const char *bucket; /* NULL: refused */
        const char *rest;
    } rows[] = {
        {"s3://bucket/a/b.mp4", "bucket", "a/b.mp4"},
        {"s3://bucket", "bucket", ""},
        {"s3://bucket/", "bucket", ""},
        {"s3://bucket//a", "bucket", "/a"},
        {"s3://b.u-c/k?x#y %20", "b.u-c", "k?x#y %20"},
        {"s3://abc/k", "abc", "k"},
        {"s3://ab/k", NULL, NULL},
        {"s3://", NULL, NULL},
        {"s3:///k", NULL, NULL},
        {"s3://Bucket/k", NULL, NULL},
        {"s3://buc_ket/k", NULL, NULL},
        {"s3://bucket:1/k", NULL, NULL},
        {"s3://abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk/k",
         "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk", "k"},
        {"s3://abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl/k", NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char bucket[ORI_REMOTE_BUCKET_BYTES];
        const char *rest = NULL;
        struct ori_error err = {0};
        assert_true(ori_remote_is_s3(rows[i].url) && !ori_remote_is_http(rows[i].url));
        const ori_status status = ori_remote_split(rows[i].url, bucket, &rest, &err);
        assert_int_equal(status, rows[i].bucket ? ORI_OK : ORI_URL_REFUSED);
        if (rows[i].bucket) {
            assert_string_equal(bucket, rows[i].bucket);
            assert_string_equal(rest, rows[i].rest);
        }
    }
    assert_true(ori_remote_is_http("https://x") && ori_remote_is_http("HTTP://x"));
    assert_false(ori_remote_is_http("https:/x") || ori_remote_is_s3("S3://bucket/k") ||
                 ori_remote_is_s3("s3:/b") || ori_remote_is_http("video.mp4"));
}

static void names(void **state)
{
    static const struct {
        const char *key;
        const char *platform;
        const char *code; /* ends in '-': eight digits follow */
    } rows[] = {
        {"tiktok/abc/video.mp4", "tiktok", "abc"},
        {"t/A-b_c.d/video.mp4", "t", "A-b_c.d"},
        {"tiktok/abc/video.MP4", "other", "video-"},
        {"tiktok/abc/video.mp4/x.mp4", "other", "x-"},
        {"x/tiktok/abc/video.mp4", "other", "video-"},
        {"tiktok/video.mp4", "other", "video-"},
        {"tiktok//video.mp4", "other", "video-"},
        {"tik tok/abc/video.mp4", "other", "video-"},
        {".t/abc/video.mp4", "other", "video-"},
        {"tiktok/..", "other", "_-"},
        {"a b+%c.webm", "other", "a_b_c-"},
        {"video.mp4", "other", "video-"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char url[256];
        char platform[ORI_CODE_BYTES];
        char code[ORI_CODE_BYTES];
        struct ori_error err = {0};
        snprintf(url, sizeof url, "s3://bucket/%s", rows[i].key);
        assert_int_equal(ori_remote_name(url, rows[i].key, "other", platform, code, &err), ORI_OK);
        assert_string_equal(platform, rows[i].platform);
        const size_t bytes = strlen(rows[i].code);
        const bool has_digits = rows[i].code[bytes - 1] == '-';
        if (strncmp(code, rows[i].code, bytes) != 0 || strlen(code) != bytes + (has_digits ? 8 : 0))
            fail_msg("%s: %s", rows[i].key, code);
    }
}

/* At their limit names are still names; one past it the key has none. */
static void names_at_their_limit(void **state)
{
    (void)state;
    for (int more = 0; more <= 1; more++) {
        char key[512];
        char platform[ORI_CODE_BYTES];
        char code[ORI_CODE_BYTES];
        struct ori_error err = {0};
        snprintf(key, sizeof key, "%0*d/c/video.mp4", ORI_LIMIT_MAX_CODE_CHARS + more, 0);
        assert_int_equal(ori_remote_name("s3://bucket/x", key, "other", platform, code, &err),
                         ORI_OK);
        assert_int_equal(strcmp(platform, "other") == 0, more);
        snprintf(key, sizeof key, "p/%0*d/video.mp4", ORI_LIMIT_MAX_CODE_CHARS + more, 0);
        assert_int_equal(ori_remote_name("s3://bucket/x", key, "other", platform, code, &err),
                         ORI_OK);
        assert_int_equal(strcmp(platform, "other") == 0, more);
    }
}

static void keys_that_are_called_like_videos(void **state)
{
    static const struct {
        const char *key;
        const char *prefix;
        bool is_one;
    } rows[] = {
        {"a.mp4", "", true},          {"x/a.WebM", "", true},
        {"a.txt", "", false},         {"a", "", false},
        {"a.mp4/", "", false},        {"", "", false},
        {".a.mp4", "", false},        {"x/.a.mp4", "x/", false},
        {"x/.y/a.mp4", "x/", false},  {".x/a.mp4", "", false},
        {".x/a.mp4", ".x/", true},    {"x/.y/a.mp4", "x/.y/", true},
        {"x/.y/a.mp4", "x/.y", true}, {"mp4", "", false},
        {"a/../b.mp4", "", false},    {"a//b.mp4", "", true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (ori_remote_is_video_key(rows[i].key, rows[i].prefix) != rows[i].is_one)
            fail_msg("%s below %s", rows[i].key, rows[i].prefix);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),
        cmocka_unit_test(names),
        cmocka_unit_test(names_at_their_limit),
        cmocka_unit_test(keys_that_are_called_like_videos),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
