#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/setting_value.h"
#include "config/settings.h"
#include "util/limits.h"
#include "util/text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT_MAX 8192

static ori_status load(const char *const *environment, const char *env_file,
                       const struct ori_setting_flag *flags, size_t flags_count,
                       const struct ori_settings **ret_settings, struct ori_error *err)
{
    struct ori_settings_sources sources = {.flags = flags,
                                           .flags_count = flags_count,
                                           .environment = environment,
                                           .env_file = env_file};
    return ori_settings_load(&sources, ret_settings, err);
}

/* The settings with one variable in the environment. */
static ori_status load_one(const char *variable, const char *text,
                           const struct ori_settings **ret_settings, struct ori_error *err)
{
    static char pair[2 * TEXT_MAX];
    snprintf(pair, sizeof pair, "%s=%s", variable, text);
    return load((const char *const[]){pair, NULL}, NULL, NULL, 0, ret_settings, err);
}

static void expect_shown(const struct ori_settings *settings, enum ori_setting setting,
                         const char *expected)
{
    struct ori_buf buf;
    ori_buf_init(&buf, TEXT_MAX);
    ori_settings_show(settings, setting, &buf);
    assert_string_equal(ori_buf_text(&buf), expected);
    ori_buf_deinit(&buf);
}

static void rows_are_sound(void **state)
{
    (void)state;
    for (int i = 0; i < ORI_SETTING_COUNT; i++) {
        enum ori_setting setting = (enum ori_setting)i;
        const struct ori_setting_row *row = ori_setting_row(setting);
        char flag[ORI_SETTING_FLAG_BYTES];
        enum ori_setting found = ORI_SETTING_COUNT;
        bool is_alias = true;
        print_message("%s\n", row->variable);
        assert_true(row->doc[0] && row->min <= row->max);
        assert_true(row->min >= -9007199254740992.0 && row->max <= 9007199254740992.0); /* 2^53 */
        assert_true(ori_setting_find(row->variable, &found, &is_alias));
        assert_int_equal(found, i);
        assert_false(is_alias);
        ori_setting_flag(setting, flag);
        assert_true(ori_setting_find_flag(flag, &found));
        assert_int_equal(found, i); /* so flags are unique */
        bool is_text = row->kind == ORI_SETTING_KIND_STRING || row->kind == ORI_SETTING_KIND_SECRET;
        assert_true(!is_text || row->max <= ORI_LIMIT_MAX_SETTING_BYTES);
    }
}

static void flags_are_named_after_variables(void **state)
{
    (void)state;
    static const struct {
        enum ori_setting setting;
        const char *flag;
    } rows[] = {
        {ORI_SETTING_VP_SCENE_THRESH, "scene-thresh"},
        {ORI_SETTING_QDRANT_URL, "qdrant-url"},
        {ORI_SETTING_API_PORT, "api-port"},
        {ORI_SETTING_VP_OUTPUT_DIR, "output-dir"},
        {ORI_SETTING_LOCAL_MODE, "local-mode"},
        {ORI_SETTING_S3_UNSIGNED, "s3-unsigned"},
    };
    enum ori_setting found = ORI_SETTING_COUNT;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char flag[ORI_SETTING_FLAG_BYTES];
        ori_setting_flag(rows[i].setting, flag);
        assert_string_equal(flag, rows[i].flag);
    }
    assert_true(ori_setting_find_flag("out", &found) && found == ORI_SETTING_VP_OUTPUT_DIR);
    assert_true(ori_setting_find_flag("s3-bucket-name", &found));
    assert_int_equal(found, ORI_SETTING_S3_VIDEOS_BUCKET);
    assert_false(ori_setting_find_flag("vp-scene-thresh", &found));
    assert_false(ori_setting_find_flag("", &found));
}

/* The contract's defaults, as a reader of them would check. */
static void defaults_are_the_contract(void **state)
{
    (void)state;
    const struct ori_settings *s = NULL;
    assert_int_equal(load(NULL, NULL, NULL, 0, &s, NULL), ORI_OK);
    assert_string_equal(s->api_name, "Oriane Extraction Pipeline API");
    assert_string_equal(s->api_host, "127.0.0.1");
    assert_int_equal(s->api_port, 8000);
    assert_int_equal(s->max_videos_per_request, 1000);
    assert_int_equal(s->pipeline_max_parallel_jobs, 2);
    assert_int_equal(s->vp_batch_size, 8);
    assert_true(s->vp_sleep_between_batches == 0);
    assert_true(s->vp_enable_crop && s->vp_enable_dedup && !s->vp_save_cropped);
    assert_string_equal(s->vp_output_dir, ".output");
    assert_string_equal(s->vp_tmp_dir, ".output/tmp");
    assert_string_equal(s->vp_frames_dir, ".output/frames");
    assert_string_equal(s->vp_logs_dir, ".output/logs");
    assert_string_equal(s->vp_reports_dir, ".output/reports");
    assert_string_equal(s->vp_input_dir, "input");
    assert_int_equal(s->vp_crop_probes, 3);
    assert_true(s->vp_crop_clip_secs == 2);
    assert_string_equal(s->vp_crop_hwaccel, "auto");
    assert_string_equal(s->vp_crop_encoder, "auto");
    assert_string_equal(s->vp_crop_preset, "p5");
    assert_string_equal(s->vp_crop_tune, "hq");
    assert_int_equal(s->vp_crop_cq, 23);
    assert_int_equal(s->vp_crop_safe_margin, 4);
    assert_int_equal(s->vp_crop_cropdetect.limit, 24);
    assert_int_equal(s->vp_crop_cropdetect.round, 16);
    assert_int_equal(s->vp_crop_cropdetect.reset, 0);
    assert_true(s->vp_min_crop_ratio == 0.02 && !s->vp_crop_over_text && !s->vp_crop_blurred);
    assert_true(s->vp_downscale == 0.5 && s->vp_scene_thresh == 0.22);
    assert_int_equal(s->vp_min_frames, 3);
    assert_true(s->vp_sample_fps == 0.1 && s->vp_tolerance == 5 && s->vp_edge_thresh == 10);
    assert_int_equal(s->vp_dhash_size, 8);
    assert_true(s->vp_solid_std == 5.0);
    assert_int_equal(s->vp_solid_min_dim, 10);
    assert_int_equal(s->vp_dedup_distance, 4);
    assert_string_equal(s->vp_frame_format, "png");
    assert_int_equal(s->vp_frame_quality, 90);
    assert_string_equal(s->vp_speed, "exact");
    assert_string_equal(s->vp_scene_detector, "auto");
    assert_string_equal(s->vp_precision, "auto");
    assert_int_equal(s->vp_item_timeout, 3600);
    assert_int_equal(s->vp_max_pixels, 8192 * 8192);
    assert_int_equal(s->vp_max_duration, 86400);
    assert_true(s->vp_max_bytes == INT64_C(64) << 30);
    assert_string_equal(s->vector_db, ".output/vectors.db");
    assert_string_equal(s->job_db, ".output/jobs.db");
    assert_int_equal(s->job_retention_days, 30);
    assert_int_equal(s->job_max_attempts, 3);
    assert_int_equal(s->drain_timeout, 30);
    assert_string_equal(s->clip_model, "openai/clip-vit-base-patch32");
    assert_true(s->cuda_memory_fraction == 0.8 && s->cuda_memory_growth && !s->force_cpu);
    assert_string_equal(s->qdrant_url, "");
    assert_string_equal(s->qdrant_collection, "watched_frames");
    assert_int_equal(s->qdrant_dim, 512);
    assert_string_equal(s->qdrant_distance, "cosine");
    assert_int_equal(s->qdrant_connection_pool_size, 10);
    assert_int_equal(s->qdrant_batch_size, 100);
    assert_true(s->qdrant_compression);
    assert_int_equal(s->qdrant_shards, 1);
    assert_int_equal(s->qdrant_replication, 1);
    assert_string_equal(s->aws_region, "us-east-1");
    assert_int_equal(s->aws_max_pool_connections, 20);
    assert_int_equal(s->aws_multipart_threshold, 8388608);
    assert_string_equal(s->s3_videos_bucket, "oriane-contents");
    assert_string_equal(s->s3_frames_bucket, "oriane-frames");
    assert_string_equal(s->log_level, "info");
    assert_true(s->enable_performance_metrics && !s->local_mode && !s->skip_upload);
    assert_false(ori_secret_is_set(s->api_key));
    ori_settings_destroy(&s);
    assert_null(s);
    ori_settings_destroy(&s);
}

static void workers_default_to_the_usable_cores(void **state)
{
    (void)state;
    cpu_set_t all;
    cpu_set_t one;
    const struct ori_settings *s = NULL;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    assert_int_equal(load(NULL, NULL, NULL, 0, &s, NULL), ORI_OK);
    int cores = CPU_COUNT(&all);
    assert_int_equal(s->vp_max_workers, cores < 256 ? cores : 256);
    ori_settings_destroy(&s);
    CPU_ZERO(&one);
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++) {
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    }
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(load(NULL, NULL, NULL, 0, &s, NULL), ORI_OK);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
    assert_int_equal(s->vp_max_workers, 1);
    ori_settings_destroy(&s);
}

/* Something other than the default that the row allows. */
static void another_value(const struct ori_setting_row *row, char *ret_text)
{
    double middle = row->min + (row->max - row->min) / 3;
    const char *last = strrchr(row->choices, ' ');
    switch (row->kind) {
    case ORI_SETTING_KIND_BOOL:
        snprintf(ret_text, TEXT_MAX, "%s", strcmp(row->default_text, "0") == 0 ? "yes" : "off");
        break;
    case ORI_SETTING_KIND_INT:
    case ORI_SETTING_KIND_BYTES:
        snprintf(ret_text, TEXT_MAX, "%lld", (long long)middle);
        break;
    case ORI_SETTING_KIND_REAL:
        snprintf(ret_text, TEXT_MAX, "%.17g", middle);
        break;
    case ORI_SETTING_KIND_CHOICE:
        while (memchr(
            last, '=',
            1 + strcspn(last + 1, " "))) /* an alias reads back as its word: tested elsewhere */
            last = memrchr(row->choices, ' ', (size_t)(last - row->choices));
        snprintf(ret_text, TEXT_MAX, "%.*s", (int)strcspn(last + 1, " "), last + 1);
        break;
    case ORI_SETTING_KIND_STRING:
    case ORI_SETTING_KIND_SECRET:
        snprintf(ret_text, TEXT_MAX, "%s", "x '\"#\\ \xC3\xA4 =y");
        break;
    case ORI_SETTING_KIND_CROPDETECT:
        snprintf(ret_text, TEXT_MAX, "255:1024:1000000");
        break;
    }
}

static void write_back(const struct ori_settings *settings, enum ori_setting setting,
                       char *ret_text)
{
    struct ori_buf buf;
    ori_buf_init(&buf, TEXT_MAX - 1);
    ori_settings_write_back(settings, setting, &buf);
    assert_int_equal(buf.status, ORI_OK);
    snprintf(ret_text, TEXT_MAX, "%s", ori_buf_text(&buf));
    ori_buf_deinit(&buf);
}

static void every_setting_reads_back_what_it_wrote(void **state)
{
    (void)state;
    static char text[TEXT_MAX];
    static char written[TEXT_MAX];
    static char again[TEXT_MAX];
    for (int i = 0; i < ORI_SETTING_COUNT; i++) {
        enum ori_setting setting = (enum ori_setting)i;
        const struct ori_setting_row *row = ori_setting_row(setting);
        const struct ori_settings *fresh = NULL;
        assert_int_equal(load(NULL, NULL, NULL, 0, &fresh, NULL), ORI_OK);
        for (int is_other = 0; is_other < 2; is_other++) {
            const struct ori_settings *s = NULL;
            struct ori_error err = {0};
            if (is_other)
                another_value(row, text);
            else
                write_back(fresh, setting, text);
            print_message("%s=%s\n", row->variable, text);
            if (load_one(row->variable, text, &s, &err) != ORI_OK)
                fail_msg("%s", err.text);
            write_back(s, setting, written);
            bool was_set = text[0] || ori_setting_value_may_be_empty(row);
            assert_int_equal(ori_settings_origin(s, setting),
                             was_set ? ORI_ORIGIN_ENVIRONMENT : ORI_ORIGIN_DEFAULT);
            ori_settings_destroy(&s);
            assert_int_equal(load_one(row->variable, written, &s, &err), ORI_OK);
            write_back(s, setting, again);
            assert_string_equal(again, written);
            ori_settings_destroy(&s);
        }
        ori_settings_destroy(&fresh);
    }
}

static bool is_refused(const char *variable, const char *text)
{
    const struct ori_settings *s = NULL;
    struct ori_error err = {0};
    ori_status status = load_one(variable, text, &s, &err);
    ori_settings_destroy(&s);
    assert_true(status == ORI_OK || status == ORI_BAD_SETTING);
    if (status == ORI_BAD_SETTING) {
        assert_memory_equal(err.text, variable, strlen(variable));
        assert_non_null(strstr(err.text, ": expected "));
    }
    return status == ORI_BAD_SETTING;
}

/* Every number: allowed at both its bounds, refused one step outside. Every text likewise. */
static void bounds_hold_at_n_and_n_plus_1(void **state)
{
    (void)state;
    static char text[TEXT_MAX];
    for (int i = 0; i < ORI_SETTING_COUNT; i++) {
        const struct ori_setting_row *row = ori_setting_row((enum ori_setting)i);
        const char *name = row->variable;
        bool is_whole = row->kind == ORI_SETTING_KIND_INT || row->kind == ORI_SETTING_KIND_BYTES;
        print_message("%s\n", name);
        for (int side = 0; side < 2 && is_whole; side++) {
            long long bound = (long long)(side ? row->max : row->min);
            snprintf(text, sizeof text, "%lld", bound);
            assert_false(is_refused(name, text));
            snprintf(text, sizeof text, "%lld", side ? bound + 1 : bound - 1);
            assert_true(is_refused(name, text));
        }
        for (int side = 0; side < 2 && row->kind == ORI_SETTING_KIND_REAL; side++) {
            double bound = side ? row->max : row->min;
            snprintf(text, sizeof text, "%.17g", bound);
            assert_false(is_refused(name, text));
            snprintf(text, sizeof text, "%.17g", side ? bound * 1.0000001 : bound - 1e-9);
            assert_true(is_refused(name, text));
        }
        if (row->kind == ORI_SETTING_KIND_STRING || row->kind == ORI_SETTING_KIND_SECRET) {
            memset(text, 'x', sizeof text);
            text[(size_t)row->max] = '\0';
            assert_false(is_refused(name, text));
            text[(size_t)row->max] = 'x';
            text[(size_t)row->max + 1] = '\0';
            assert_true(is_refused(name, text));
            assert_true(is_refused(name, "a\nb"));
            assert_true(is_refused(name, "a\x7F"));
            assert_true(is_refused(name, "\xFF"));
            continue;
        }
        static const char *const never[] = {"abc", "nan", "inf", "-inf", "0x5", " 1", "1 ", "1,5"};
        for (size_t k = 0; k < COUNT_OF(never); k++)
            assert_true(is_refused(name, never[k]));
    }
}

static void bad_values_say_what_is_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *variable;
        const char *text;
        const char *expected;
    } rows[] = {
        {"VP_SCENE_THRESH", "abc", "VP_SCENE_THRESH=abc: expected a number from 0 to 1"},
        {"VP_SCENE_THRESH", "1.01", "VP_SCENE_THRESH=1.01: expected a number from 0 to 1"},
        {"VP_BATCH_SIZE", "0", "VP_BATCH_SIZE=0: expected a whole number from 1 to 256 (frames)"},
        {"VP_ENABLE_CROP", "maybe",
         "VP_ENABLE_CROP=maybe: expected 1 or 0 (true, false, yes, no, on, off)"},
        {"VP_FRAME_FORMAT", "gif", "VP_FRAME_FORMAT=gif: expected one of png, jpeg, webp"},
        {"VP_CROP_HWACCEL", "opencl",
         "VP_CROP_HWACCEL=opencl: expected one of auto, none, cuda, vaapi"},
        {"VP_MAX_BYTES", "-1",
         "VP_MAX_BYTES=-1: expected a number of bytes, such as 512M or 2GiB, from 0 to "
         "1125899906842624"},
        {"API_KEY", "hunter2\n",
         "API_KEY=***: expected UTF-8 text of 0 to 1024 bytes without control characters"},
        {"AWS_ENDPOINT_URL", "http://u:hunter2@h\n",
         "AWS_ENDPOINT_URL=http://u:***@h?: expected UTF-8 text of 0 to 2048 bytes without control "
         "characters"},
        {"VP_CROP_CROPDETECT", "24:16",
         "VP_CROP_CROPDETECT=24:16: expected limit:round:reset, whole numbers from 0 to 255, 0 to "
         "1024 and 0 to 1000000"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct ori_settings *s = NULL;
        struct ori_error err = {0};
        assert_int_equal(load_one(rows[i].variable, rows[i].text, &s, &err), ORI_BAD_SETTING);
        assert_string_equal(err.text, rows[i].expected);
        assert_null(s);
    }
}

static void cropdetect_is_three_numbers(void **state)
{
    (void)state;
    static const char *const good[] = {"0:0:0", "255:1024:1000000", "24:16:0", "1:2:3"};
    static const char *const bad[] = {
        "256:16:0", "24:1025:0", "24:16:1000001", "24:16:0:", "24:16:0:1", "24",
        "::",       "24::0",     "a:b:c",         "-1:16:0",  "24: 16:0",  "24:16:"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_false(is_refused("VP_CROP_CROPDETECT", good[i]));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_true(is_refused("VP_CROP_CROPDETECT", bad[i]));
}

static void choices_have_aliases_and_no_case(void **state)
{
    (void)state;
    static const struct {
        enum ori_setting setting;
        const char *text;
        const char *expected;
    } rows[] = {
        {ORI_SETTING_VP_FRAME_FORMAT, "jpg", "jpeg"},
        {ORI_SETTING_VP_FRAME_FORMAT, "JPG", "jpeg"},
        {ORI_SETTING_VP_FRAME_FORMAT, "WebP", "webp"},
        {ORI_SETTING_VP_CROP_HWACCEL, "", "none"},
        {ORI_SETTING_LOG_LEVEL, "WARNING", "warn"},
        {ORI_SETTING_LOG_LEVEL, "", "info"},
        {ORI_SETTING_VP_CROP_PRESET, "veryslow", "veryslow"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct ori_settings *s = NULL;
        assert_int_equal(
            load_one(ori_setting_row(rows[i].setting)->variable, rows[i].text, &s, NULL), ORI_OK);
        expect_shown(s, rows[i].setting, rows[i].expected);
        ori_settings_destroy(&s);
    }
    assert_true(is_refused("VP_FRAME_FORMAT", "png jpeg"));
    assert_true(is_refused("VP_FRAME_FORMAT", "jpg=jpeg"));
    assert_true(is_refused("VP_FRAME_FORMAT", "=jpeg"));
    assert_true(is_refused("VP_FRAME_FORMAT", " "));
}

/* A .env file for one test; the caller unlinks it. */
static void write_env(char path[64], const char *text)
{
    snprintf(path, 64, "/tmp/oriane-env-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void flags_win_over_environment_over_file(void **state)
{
    (void)state;
    char path[64];
    const struct ori_settings *s = NULL;
    struct ori_error err = {0};
    static const char *const environment[] = {
        "VP_MIN_FRAMES=20",   "VP_BATCH_SIZE=21", "VP_MAX_WORKERS=", "QDRANT_URL=",
        "S3_BUCKET_NAME=env", "UNRELATED=1",      "BROKEN",          NULL};
    static const struct ori_setting_flag flags[] = {{ORI_SETTING_VP_BATCH_SIZE, "30"},
                                                    {ORI_SETTING_VP_BATCH_SIZE, "31"},
                                                    {ORI_SETTING_QDRANT_KEY, ""}};
    write_env(path,
              "VP_MIN_FRAMES=10\nVP_MAX_WORKERS=11\nVP_SCENE_THRESH=0.5\nVP_SCENE_THRESH=0.6\n"
              "QDRANT_URL=http://file\nS3_VIDEOS_BUCKET=file\nVP_BATCH_SIZE=bad\n");
    if (load(environment, path, flags, COUNT_OF(flags), &s, &err) != ORI_OK)
        fail_msg("%s", err.text); /* the bad value is outranked twice */
    assert_int_equal(s->vp_min_frames, 20);
    assert_int_equal(s->vp_batch_size, 31);
    assert_int_equal(s->vp_max_workers, 11); /* empty in the environment: not set there */
    assert_true(s->vp_scene_thresh == 0.6);
    assert_string_equal(s->qdrant_url, ""); /* empty is a value of it */
    assert_string_equal(s->s3_videos_bucket, "env");
    assert_int_equal(ori_settings_origin(s, ORI_SETTING_VP_MIN_FRAMES), ORI_ORIGIN_ENVIRONMENT);
    assert_int_equal(ori_settings_origin(s, ORI_SETTING_VP_BATCH_SIZE), ORI_ORIGIN_FLAG);
    assert_int_equal(ori_settings_origin(s, ORI_SETTING_VP_MAX_WORKERS), ORI_ORIGIN_ENV_FILE);
    assert_int_equal(ori_settings_origin(s, ORI_SETTING_QDRANT_URL), ORI_ORIGIN_ENVIRONMENT);
    assert_int_equal(ori_settings_origin(s, ORI_SETTING_VP_DOWNSCALE), ORI_ORIGIN_DEFAULT);
    assert_int_equal(ori_settings_warning_count(s), 0);
    ori_settings_destroy(&s);
    assert_int_equal(load(NULL, path, NULL, 0, &s, &err), ORI_BAD_SETTING);
    assert_non_null(strstr(err.text, "VP_BATCH_SIZE=bad: expected"));
    assert_non_null(strstr(err.text, "(in .env)"));
    unlink(path);
}

static void a_name_outranks_its_alias(void **state)
{
    (void)state;
    static const char *const orders[][3] = {
        {"S3_VIDEOS_BUCKET=name", "S3_BUCKET_NAME=alias", NULL},
        {"S3_BUCKET_NAME=alias", "S3_VIDEOS_BUCKET=name", NULL}};
    for (size_t i = 0; i < 2; i++) {
        const struct ori_settings *s = NULL;
        assert_int_equal(load(orders[i], NULL, NULL, 0, &s, NULL), ORI_OK);
        assert_string_equal(s->s3_videos_bucket, "name");
        ori_settings_destroy(&s);
    }
}

/* As curl reads proxies: http_proxy before HTTP_PROXY, in whatever order they stand. */
static void lower_case_outranks_the_name(void **state)
{
    (void)state;
    static const char *const orders[][4] = {
        {"HTTP_PROXY=upper", "http_proxy=lower", "CURL_CA_BUNDLE=alias", NULL},
        {"http_proxy=lower", "HTTP_PROXY=upper", "REQUESTS_CA_BUNDLE=alias", NULL}};
    for (size_t i = 0; i < 2; i++) {
        const struct ori_settings *s = NULL;
        struct ori_setting_flag flag = {ORI_SETTING_HTTP_PROXY, "flag"};
        assert_int_equal(load(orders[i], NULL, NULL, 0, &s, NULL), ORI_OK);
        assert_string_equal(s->http_proxy, "lower");
        assert_string_equal(s->ssl_cert_file, "alias");
        ori_settings_destroy(&s);
        assert_int_equal(load(orders[i], NULL, &flag, 1, &s, NULL), ORI_OK);
        assert_string_equal(s->http_proxy, "flag");
        ori_settings_destroy(&s);
    }
}

static void empty_flags_are_bad_where_empty_is(void **state)
{
    (void)state;
    const struct ori_settings *s = NULL;
    struct ori_error err = {0};
    struct ori_setting_flag flag = {ORI_SETTING_VP_SCENE_THRESH, ""};
    assert_int_equal(load(NULL, NULL, &flag, 1, &s, &err), ORI_BAD_SETTING);
    assert_string_equal(
        err.text,
        "VP_SCENE_THRESH=: expected a number from 0 to 1; it was given as --scene-thresh");
}

static void folders_follow_the_output_folder(void **state)
{
    (void)state;
    const struct ori_settings *s = NULL;
    assert_int_equal(load((const char *const[]){"VP_OUTPUT_DIR=/x/", "VP_LOGS_DIR=l", NULL}, NULL,
                          NULL, 0, &s, NULL),
                     ORI_OK);
    assert_string_equal(s->vp_tmp_dir, "/x/tmp");
    assert_string_equal(s->vp_frames_dir, "/x/frames");
    assert_string_equal(s->vp_logs_dir, "l");
    assert_string_equal(s->vector_db, "/x/vectors.db");
    assert_string_equal(s->job_db, "/x/jobs.db");
    assert_string_equal(s->vp_input_dir, "input");
    ori_settings_destroy(&s);
}

static void unknown_names_get_the_nearest(void **state)
{
    (void)state;
    const struct ori_settings *s = NULL;
    char path[64];
    static const char *const environment[] = {"VP_SCENE_TRESH=1", "QDRANT_ULR=x",
                                              "VP_ZZZZZZZZZZZZZ=1", "CLIP_MODLE=x", NULL};
    write_env(path, "VP_MAX_WORKER=1\nOTHER=2\n");
    assert_int_equal(load(environment, path, NULL, 0, &s, NULL), ORI_OK);
    unlink(path);
    assert_int_equal(ori_settings_warning_count(s), 4); /* CLIP_MODLE may be another program's */
    assert_string_equal(ori_settings_warning(s, 0),
                        "VP_MAX_WORKER: unknown setting in .env; did you mean VP_MAX_WORKERS?");
    assert_string_equal(
        ori_settings_warning(s, 1),
        "VP_SCENE_TRESH: unknown setting in environment; did you mean VP_SCENE_THRESH?");
    assert_string_equal(ori_settings_warning(s, 2),
                        "QDRANT_ULR: unknown setting in environment; did you mean QDRANT_URL?");
    assert_string_equal(ori_settings_warning(s, 3),
                        "VP_ZZZZZZZZZZZZZ: unknown setting in environment");
    ori_settings_destroy(&s);
}

static void warnings_are_bounded(void **state)
{
    (void)state;
    static char pairs[ORI_LIMIT_MAX_SETTING_WARNINGS + 1][16];
    const char *environment[ORI_LIMIT_MAX_SETTING_WARNINGS + 2] = {NULL};
    for (int count = ORI_LIMIT_MAX_SETTING_WARNINGS; count <= ORI_LIMIT_MAX_SETTING_WARNINGS + 1;
         count++) {
        const struct ori_settings *s = NULL;
        for (int i = 0; i < count; i++) {
            snprintf(pairs[i], sizeof pairs[i], "VP_%d=1", i);
            environment[i] = pairs[i];
        }
        assert_int_equal(load(environment, NULL, NULL, 0, &s, NULL), ORI_OK);
        assert_int_equal(ori_settings_warning_count(s), ORI_LIMIT_MAX_SETTING_WARNINGS);
        ori_settings_destroy(&s);
    }
}

static void expect_places(const char *const *environment, const char *home, const char *cache)
{
    const struct ori_settings *s = NULL;
    struct ori_error err = {0};
    if (load(environment, NULL, NULL, 0, &s, &err) != ORI_OK)
        fail_msg("%s", err.text);
    assert_string_equal(s->hf_home, home);
    assert_string_equal(s->hf_hub_cache, cache);
    ori_settings_destroy(&s);
}

/* As huggingface_hub looks for them. */
static void places_of_models(void **state)
{
    (void)state;
    static char far_home[TEXT_MAX];
    expect_places((const char *const[]){"HOME=/h", NULL}, "/h/.cache/huggingface",
                  "/h/.cache/huggingface/hub");
    expect_places((const char *const[]){"HOME=/h", "XDG_CACHE_HOME=/x", NULL}, "/x/huggingface",
                  "/x/huggingface/hub");
    expect_places((const char *const[]){"XDG_CACHE_HOME=", "HOME=/h", NULL},
                  "/h/.cache/huggingface", "/h/.cache/huggingface/hub");
    expect_places((const char *const[]){"HOME=/h", "HF_HOME=/f", NULL}, "/f", "/f/hub");
    expect_places((const char *const[]){"HOME=/h", "HF_HUB_CACHE=/c", NULL},
                  "/h/.cache/huggingface", "/c");
    expect_places((const char *const[]){"HUGGINGFACE_HUB_CACHE=/d", "HOME=/h", NULL},
                  "/h/.cache/huggingface", "/d");
    expect_places(
        (const char *const[]){"HF_HUB_CACHE=/c", "HUGGINGFACE_HUB_CACHE=/d", "HOME=/h", NULL},
        "/h/.cache/huggingface", "/c");
    expect_places((const char *const[]){"HOME=/h", "HF_HOME=~/f", NULL}, "/h/f", "/h/f/hub");
    expect_places((const char *const[]){"HOME=/h", "HF_HOME=~", NULL}, "/h", "/h/hub");
    expect_places((const char *const[]){"HOME=/h", "HF_HOME=~f", NULL}, "~f", "~f/hub");
    expect_places((const char *const[]){"HOME=/h", "HF_HOME=a/~/b", NULL}, "a/~/b", "a/~/b/hub");
    /* A home that no setting may hold stops nobody. */
    expect_places((const char *const[]){"HOME=/\xFF", NULL}, ".output/huggingface",
                  ".output/huggingface/hub");
    expect_places((const char *const[]){"HOME=/a\nb", NULL}, ".output/huggingface",
                  ".output/huggingface/hub");
    /* "/" and N digits and "/.cache/huggingface", 3900 bytes at most */
    for (int digits = 3880; digits <= 3881; digits++) {
        const struct ori_settings *s = NULL;
        snprintf(far_home, sizeof far_home, "HOME=/%0*d", digits, 1);
        assert_int_equal(load((const char *const[]){far_home, NULL}, NULL, NULL, 0, &s, NULL),
                         ORI_OK);
        assert_int_equal(strlen(s->hf_home), digits == 3880 ? 3900 : strlen(".output/huggingface"));
        ori_settings_destroy(&s);
    }
}

static void a_model_below_the_home(void **state)
{
    (void)state;
    const struct ori_settings *s = NULL;
    assert_int_equal(
        load((const char *const[]){"HOME=/h", "CLIP_MODEL=~/m", NULL}, NULL, NULL, 0, &s, NULL),
        ORI_OK);
    assert_string_equal(s->clip_model, "/h/m");
    ori_settings_destroy(&s);
}

static void secrets_are_never_shown(void **state)
{
    (void)state;
    for (int i = 0; i < ORI_SETTING_COUNT; i++) {
        const struct ori_setting_row *row = ori_setting_row((enum ori_setting)i);
        const struct ori_settings *s = NULL;
        if (row->kind != ORI_SETTING_KIND_SECRET)
            continue;
        assert_int_equal(load_one(row->variable, "hunter2", &s, NULL), ORI_OK);
        expect_shown(s, (enum ori_setting)i, "***");
        const struct ori_secret *secret = ori_settings_field(s, (enum ori_setting)i);
        assert_string_equal(ori_secret_reveal(*secret), "hunter2");
        ori_settings_destroy(&s);
    }
    static const struct {
        enum ori_setting setting;
        const char *text;
        const char *expected;
    } rows[] = {
        {ORI_SETTING_JOB_DB, "postgres://u:hunter2@h/db", "postgres://u:***@h/db"},
        {ORI_SETTING_JOB_DB, "postgres://u:hun@ter2@h/db", "postgres://u:***@h/db"},
        {ORI_SETTING_JOB_DB, "postgres://u@h:5432/db", "postgres://u@h:5432/db"},
        {ORI_SETTING_JOB_DB, "host=h password=hunter2 user=u", "host=h password=***"},
        {ORI_SETTING_QDRANT_URL, "https://:hunter2@h", "https://:***@h"},
        {ORI_SETTING_QDRANT_URL, "http://h:6333", "http://h:6333"},
        {ORI_SETTING_HTTP_PROXY, "http://u:hunter2@p:3128", "http://u:***@p:3128"},
        {ORI_SETTING_HTTPS_PROXY, "u:hun@ter2@p:3128", "u:***@p:3128"},
        {ORI_SETTING_ALL_PROXY, "p:3128", "p:3128"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct ori_settings *s = NULL;
        assert_int_equal(
            load_one(ori_setting_row(rows[i].setting)->variable, rows[i].text, &s, NULL), ORI_OK);
        expect_shown(s, rows[i].setting, rows[i].expected);
        ori_settings_destroy(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_sound),
        cmocka_unit_test(flags_are_named_after_variables),
        cmocka_unit_test(defaults_are_the_contract),
        cmocka_unit_test(workers_default_to_the_usable_cores),
        cmocka_unit_test(every_setting_reads_back_what_it_wrote),
        cmocka_unit_test(bounds_hold_at_n_and_n_plus_1),
        cmocka_unit_test(bad_values_say_what_is_allowed),
        cmocka_unit_test(cropdetect_is_three_numbers),
        cmocka_unit_test(choices_have_aliases_and_no_case),
        cmocka_unit_test(flags_win_over_environment_over_file),
        cmocka_unit_test(a_name_outranks_its_alias),
        cmocka_unit_test(lower_case_outranks_the_name),
        cmocka_unit_test(empty_flags_are_bad_where_empty_is),
        cmocka_unit_test(folders_follow_the_output_folder),
        cmocka_unit_test(unknown_names_get_the_nearest),
        cmocka_unit_test(warnings_are_bounded),
        cmocka_unit_test(places_of_models),
        cmocka_unit_test(a_model_below_the_home),
        cmocka_unit_test(secrets_are_never_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
