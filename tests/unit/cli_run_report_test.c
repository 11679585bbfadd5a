#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <cmocka.h>

#include "cli/run_report.h"

static void fill_success(struct ori_item_result *result)
{
    struct ori_error err = {0};
    struct ori_manifest *manifest = &result->manifest;
    struct ori_manifest_scene scene = {.end_us = 11880000};
    struct ori_manifest_frame frame = {
        .n = 1, .scene = 1, .second = 1.23, .width = 320, .height = 180, .dhash = 0xabc};
    ori_item_result_init(result);
    snprintf(frame.file, sizeof frame.file, "1_1.23.png");
    snprintf(manifest->platform, sizeof manifest->platform, "local");
    snprintf(manifest->code, sizeof manifest->code, "clip-01234567");
    manifest->duration_us = 11880000;
    manifest->width = 320;
    manifest->height = 240;
    manifest->has_crop = true;
    manifest->crop = (struct ori_box){.y = 30, .w = 320, .h = 180};
    manifest->has_clip = true;
    manifest->clip = (struct ori_manifest_clip){.file = "cropped_320x180.mp4",
                                                .bytes = 4321,
                                                .width = 320,
                                                .height = 180,
                                                .encoder = "libx264"};
    assert_int_equal(ori_manifest_add_scene(manifest, &scene, &err), ORI_OK);
    assert_int_equal(ori_manifest_add_frame(manifest, &frame, &err), ORI_OK);
    assert_int_equal(ori_manifest_add_warning(manifest, "truncated", "cut off", &err), ORI_OK);
    result->attempts = 1;
    result->timings.total = 0.123456;
}

static void fill_failure(struct ori_item_result *result, ori_status status)
{
    ori_item_result_init(result);
    snprintf(result->manifest.platform, sizeof result->manifest.platform, "local");
    snprintf(result->manifest.code, sizeof result->manifest.code, "clip-01234567");
    (void)ori_error_set(&result->error, status, "what went wrong \xff");
    result->error.stage = "decode";
    result->status = status;
    result->attempts = 1;
}

/* One line, its newline at the end, and what it says. */
static json_t *line_of(const struct ori_item_result *result, const char *shown)
{
    size_t bytes = 0;
    char *line = ori_run_report_json(result, shown, &bytes);
    assert_non_null(line);
    assert_int_equal(strlen(line), bytes);
    assert_ptr_equal(strchr(line, '\n'), line + bytes - 1);
    json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    free(line);
    return json;
}

static const char *text_at(json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    assert_non_null(text);
    return text;
}

static void success_line(void **state)
{
    (void)state;
    struct ori_item_result result;
    size_t bytes = 0;
    fill_success(&result);
    char *line = ori_run_report_json(&result, "clip.mp4", &bytes);
    assert_string_equal(
        line, "{\"platform\":\"local\",\"code\":\"clip-01234567\",\"status\":\"success\","
              "\"skipped\":false,\"error\":null,\"source\":\"clip.mp4\",\"duration\":11.88,"
              "\"width\":320,\"height\":240,\"crop\":{\"x\":0,\"y\":30,\"w\":320,\"h\":180},"
              "\"clip\":{\"path\":\"local/clip-01234567/cropped_320x180.mp4\",\"bytes\":4321,"
              "\"width\":320,\"height\":180,\"encoder\":\"libx264\",\"audio\":false},"
              "\"scenes\":[{\"start\":0.0,\"end\":11.88}],"
              "\"frames\":[{\"n\":1,\"second\":1.23,\"path\":\"local/clip-01234567/1_1.23.png\","
              "\"width\":320,\"height\":180,\"scene\":1,\"dhash\":\"0000000000000abc\","
              "\"id\":\"1f7a8fc5-a11e-5d54-8876-426a69288935\"}],"
              "\"timings\":{\"open\":0.0,\"extract\":0.0,\"decode\":0.0,\"vision\":0.0,"
              "\"still\":0.0,\"wait\":0.0,\"embed\":0.0,\"objects\":0.0,\"clip\":0.0,"
              "\"vectors\":0.0,"
              "\"total\":0.123},\"warnings\":[\"truncated\"]}\n");
    free(line);
    ori_item_result_deinit(&result);
}

static void skipped_line(void **state)
{
    (void)state;
    struct ori_item_result result;
    fill_success(&result);
    result.is_skipped = true;
    result.had_broken_manifest = true;
    json_t *json = line_of(&result, "clip.mp4");
    assert_true(json_is_true(json_object_get(json, "skipped")));
    assert_string_equal(text_at(json, "status"), "success");
    assert_int_equal(json_array_size(json_object_get(json, "frames")), 1);
    assert_int_equal(json_object_size(json_object_get(json, "timings")), 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(json, "warnings"), 1)),
                        "manifest_broken");
    json_decref(json);
    ori_item_result_deinit(&result);
}

static void failure_lines(void **state)
{
    (void)state;
    static const struct {
        ori_status status;
        const char *word;
        const char *code;
        bool is_retryable;
    } rows[] = {
        {ORI_DECODE, "failed", "decode_failed", false},
        {ORI_CHILD_CRASHED, "failed", "decoder_crashed", true},
        {ORI_DISK_FULL, "failed", "disk_full", true},
        {ORI_CANCELLED, "stopped", "cancelled", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_item_result result;
        fill_failure(&result, rows[i].status);
        json_t *json = line_of(&result, "a\nb\xff.mp4");
        json_t *error = json_object_get(json, "error");
        assert_string_equal(text_at(json, "status"), rows[i].word);
        assert_string_equal(text_at(json, "source"), "a?b?.mp4");
        assert_string_equal(text_at(error, "code"), rows[i].code);
        assert_string_equal(text_at(error, "stage"), "decode");
        assert_memory_equal(text_at(error, "message"), "what went wrong", 15);
        assert_int_equal(json_is_true(json_object_get(error, "retryable")), rows[i].is_retryable);
        assert_int_equal(json_integer_value(json_object_get(error, "attempts")), 1);
        assert_true(json_is_null(json_object_get(json, "duration")));
        assert_true(json_is_null(json_object_get(json, "crop")));
        assert_int_equal(json_array_size(json_object_get(json, "frames")), 0);
        assert_int_equal(json_array_size(json_object_get(json, "scenes")), 0);
        json_decref(json);
        ori_item_result_deinit(&result);
    }
}

static void rows_of_the_table(void **state)
{
    (void)state;
    struct ori_item_result done;
    struct ori_item_result skipped;
    struct ori_item_result failed;
    struct ori_table table;
    struct ori_buf page;
    struct ori_error err = {0};
    fill_success(&done);
    fill_success(&skipped);
    skipped.is_skipped = true;
    skipped.manifest.has_crop = false;
    skipped.manifest.warnings_count = 0;
    fill_failure(&failed, ORI_NOT_MEDIA);
    ori_table_init(&table, ori_run_report_columns, ORI_RUN_REPORT_COLUMNS);
    ori_run_report_row(&done, "a.mp4", &table);
    ori_run_report_row(&skipped, "b.mp4", &table);
    ori_run_report_row(&failed, "c.mp4", &table);
    ori_buf_init(&page, 4096);
    assert_int_equal(ori_table_render(&table, 0, &page, &err), ORI_OK);
    assert_string_equal(ori_buf_text(&page),
                        "VIDEO  LENGTH  SCENES  FRAMES  CROP          RESULT\n"
                        "a.mp4    0:12       1       1  320x180+0+30  done in 0.1 s (truncated)\n"
                        "b.mp4    0:12       1       1  -             unchanged\n"
                        "c.mp4       -       -       -  -             failed: not_media\n");
    ori_buf_deinit(&page);
    ori_table_deinit(&table);
    ori_item_result_deinit(&done);
    ori_item_result_deinit(&skipped);
    ori_item_result_deinit(&failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(success_line),
        cmocka_unit_test(skipped_line),
        cmocka_unit_test(failure_lines),
        cmocka_unit_test(rows_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
