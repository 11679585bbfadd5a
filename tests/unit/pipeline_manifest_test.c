/* A manifest written, read back, and written again; then the same text with one thing wrong. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pipeline/manifest.h"
#include "util/limits.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void add_frame(struct ori_manifest *manifest, uint32_t n, int64_t pts_us, uint32_t scene)
{
    struct ori_error err = {0};
    struct ori_manifest_frame frame = {.n = n,
                                       .scene = scene,
                                       .second = ori_frame_name_second(pts_us),
                                       .width = 320,
                                       .height = 180,
                                       .dhash = UINT64_C(0x00ff00000000abcd)};
    ori_frame_name_make(n, pts_us, "png", frame.file);
    assert_int_equal(ori_manifest_add_frame(manifest, &frame, &err), ORI_OK);
}

static void fill(struct ori_manifest *manifest)
{
    struct ori_error err = {0};
    struct ori_manifest_scene scene = {.start_us = 0, .end_us = 3336667};
    ori_manifest_init(manifest);
    manifest->is_complete = true;
    snprintf(manifest->platform, sizeof manifest->platform, "local");
    snprintf(manifest->code, sizeof manifest->code, "clip-01234567");
    snprintf(manifest->source_name, sizeof manifest->source_name, "clip \xc3\xa9\".mp4");
    manifest->source.bytes = INT64_C(5000000000);
    manifest->source.mtime_ns = INT64_C(1700000000123456789);
    snprintf(manifest->source.digest, sizeof manifest->source.digest, "%s", DIGEST);
    snprintf(manifest->settings, sizeof manifest->settings, "%s", DIGEST);
    snprintf(manifest->fingerprint, sizeof manifest->fingerprint, "%s", DIGEST);
    snprintf(manifest->model, sizeof manifest->model, "builtin/visual-512");
    manifest->dim = 512;
    manifest->duration_us = 11880000;
    manifest->width = 320;
    manifest->height = 240;
    manifest->has_crop = true;
    manifest->crop = (struct ori_box){.x = 0, .y = 30, .w = 320, .h = 180};
    manifest->has_clip = true;
    manifest->clip = (struct ori_manifest_clip){.file = "cropped_322x180.mp4",
                                                .bytes = 987654,
                                                .width = 322,
                                                .height = 180,
                                                .encoder = "libx264",
                                                .has_audio = true};
    assert_int_equal(ori_manifest_add_scene(manifest, &scene, &err), ORI_OK);
    scene = (struct ori_manifest_scene){.start_us = 3336667,
                                        .end_us = 11880000,
                                        .duplicate_of = 1,
                                        .has_crop = true,
                                        .crop = {.x = 1, .y = 2, .w = 3, .h = 4}};
    assert_int_equal(ori_manifest_add_scene(manifest, &scene, &err), ORI_OK);
    add_frame(manifest, 1, 0, 1);
    add_frame(manifest, 2, 1234567, 1);
    add_frame(manifest, 3, 11870000, 2);
    assert_int_equal(ori_manifest_add_warning(manifest, "truncated", "it breaks off", &err),
                     ORI_OK);
    snprintf(manifest->created_at, sizeof manifest->created_at, "2026-01-02T03:04:05.678Z");
}

/* Not inlined: gcc 12 with sanitizers then warns of a pointer that does not dangle. */
__attribute__((noinline)) static char *render(const struct ori_manifest *manifest,
                                              size_t *ret_bytes)
{
    char *data = NULL;
    struct ori_error err = {0};
    assert_int_equal(ori_manifest_render(manifest, &data, ret_bytes, &err), ORI_OK);
    return data;
}

static void goes_round(void **state)
{
    (void)state;
    struct ori_manifest manifest;
    struct ori_manifest back;
    struct ori_error err = {0};
    size_t bytes = 0;
    size_t bytes_again = 0;
    fill(&manifest);
    char *text = render(&manifest, &bytes);
    ori_manifest_init(&back);
    assert_int_equal(ori_manifest_parse(text, bytes, "local", "clip-01234567", &back, &err),
                     ORI_OK);
    char *again = render(&back, &bytes_again);
    assert_int_equal(bytes, bytes_again);
    assert_memory_equal(text, again, bytes);
    assert_true(back.is_complete);
    assert_true(ori_identity_is_same(&back.source, &manifest.source));
    assert_string_equal(back.settings, DIGEST);
    assert_int_equal(back.frames_count, 3);
    assert_true(back.frames[1].second == 1.23);
    assert_true(back.frames[0].dhash == UINT64_C(0x00ff00000000abcd));
    assert_int_equal(back.scenes[1].duplicate_of, 1);
    assert_int_equal(back.scenes[1].crop.w, 3);
    assert_false(back.scenes[0].has_crop);
    assert_true(back.has_crop);
    assert_true(back.has_clip && back.clip.has_audio);
    assert_string_equal(back.clip.file, "cropped_322x180.mp4");
    assert_string_equal(back.clip.encoder, "libx264");
    assert_int_equal(back.clip.bytes, 987654);
    assert_true(ori_manifest_has_file(&back, "cropped_322x180.mp4"));
    assert_false(ori_manifest_has_file(&back, "cropped_320x180.mp4"));
    free(text);
    free(again);
    ori_manifest_deinit(&back);
    ori_manifest_deinit(&back);
    ori_manifest_deinit(&manifest);
}

/* One that does not know its settings stays like that when it is written again. */
static void without_settings(void **state)
{
    (void)state;
    struct ori_manifest manifest;
    struct ori_manifest back;
    struct ori_error err = {0};
    size_t bytes = 0;
    fill(&manifest);
    manifest.settings[0] = '\0';
    char *text = render(&manifest, &bytes);
    assert_null(strstr(text, "settings"));
    ori_manifest_init(&back);
    assert_int_equal(ori_manifest_parse(text, bytes, "local", "clip-01234567", &back, &err),
                     ORI_OK);
    assert_string_equal(back.settings, "");
    free(text);
    ori_manifest_deinit(&back);
    ori_manifest_deinit(&manifest);
}

static void numbers_read_well(void **state)
{
    (void)state;
    struct ori_manifest manifest;
    size_t bytes = 0;
    fill(&manifest);
    char *text = render(&manifest, &bytes);
    assert_non_null(strstr(text, "\"duration\": 11.88,"));
    assert_non_null(strstr(text, "\"second\": 1.23,"));
    assert_non_null(strstr(text, "\"second\": 11.87,"));
    assert_non_null(strstr(text, "\"end\": 3.337"));
    assert_non_null(strstr(text, "\"path\": \"local/clip-01234567/2_1.23.png\""));
    assert_non_null(strstr(text, "\"dhash\": \"00ff00000000abcd\""));
    /* Python: uuid.uuid5(uuid.NAMESPACE_URL, "local/clip-01234567/2_1.23.png") */
    assert_non_null(strstr(text, "\"id\": \"14988bf2-1d20-5233-9a7b-1786bb693768\""));
    free(text);
    ori_manifest_deinit(&manifest);
}

/* The first `from` of the good text becomes `to`. */
static void hostile_texts(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        const char *to;
        bool is_well;
    } rows[] = {
        {"\"complete\": true", "\"complete\": false", true},
        {"\"complete\": true", "\"complete\": 1", false},
        {"\"complete\": true,", "", false},
        {"\"version\": 1", "\"version\": 2", false},
        {"\"version\": 1", "\"version\": 1, \"version\": 1", false},
        {"\"version\": 1", "\"version\": 1, \"other\": {}", true},
        {"\"platform\": \"local\"", "\"platform\": \"other\"", false},
        {"clip-01234567", "clip-01234568", false},
        {"\"dim\": 512", "\"dim\": 0", false},
        {"\"dim\": 512", "\"dim\": 512.0", false},
        {"\"dim\": 512", "\"dim\": 99999999999999999999", false},
        {"\"bytes\": 5000000000", "\"bytes\": -1", false},
        {DIGEST, "x" DIGEST, false},
        {DIGEST, "", false},
        {"\"fingerprint\": \"0", "\"fingerprint\": \"G", false},
        {"\"settings\": \"0", "\"settings\": \"G", false},
        {"\"settings\": \"0", "\"settings\": \"", false},
        {"\"settings\": \"" DIGEST "\"", "\"settings\": null", false},
        {"\"settings\"", "\"of_before\"", true}, /* a manifest written before there was one */
        {"\"duration\": 11.88", "\"duration\": -1", false},
        {"\"duration\": 11.88", "\"duration\": 1e300", false},
        {"\"duration\": 11.88", "\"duration\": \"11.88\"", false},
        {"\"duration\": 11.88", "\"duration\": 12", true},
        {"\"width\": 320", "\"width\": 131073", false},
        {"\"crop\": {", "\"crop\": [{", false},
        {"\"w\": 320", "\"w\": 0", false},
        {"\"clip\"", "\"none\"", true}, /* of a run that was not to make one */
        {"\"clip\": {", "\"clip\": [{", false},
        {"\"width\": 322", "\"width\": 320", false}, /* its name says another */
        {"\"width\": 322", "\"width\": 131073", false},
        {"\"bytes\": 987654", "\"bytes\": 0", false},
        {"\"bytes\": 987654", "\"bytes\": \"987654\"", false},
        {"\"encoder\": \"libx264\"", "\"encoder\": \"0123456789abcde\"", true},
        {"\"encoder\": \"libx264\"", "\"encoder\": \"0123456789abcdef\"", false},
        {"\"audio\": true", "\"audio\": 1", false},
        {"clip-01234567/cropped_", "clip-01234567/../cropped_", false},
        {"\"scenes\": [", "\"scenes\": {}, \"x\": [", false},
        {"\"start\": 0.0", "\"start\": null", false},
        {"\"duplicate_of\": 1", "\"duplicate_of\": 2", false},
        {"\"duplicate_of\": 1", "\"duplicate_of\": 0", false},
        {"\"n\": 2", "\"n\": 3", false},
        {"\"n\": 2", "\"n\": 1", false},
        {"\"second\": 1.23", "\"second\": 1.24", false},
        {"\"scene\": 2", "\"scene\": 3", false},
        {"\"scene\": 2", "\"scene\": 0", false},
        {"\"file\": \"2_1.23.png\"", "\"file\": \"../../x.png\"", false},
        {"\"file\": \"2_1.23.png\"", "\"file\": \"2_1.23.png/..\"", false},
        {"\"file\": \"2_1.23.png\"", "\"file\": \"2_1.23.jpg\"", false},
        {"\"file\": \"2_1.23.png\"", "\"file\": \"2_1.23.png\\u0000\"", false},
        {"\"path\": \"local", "\"path\": \"global", false},
        {"\"id\": \"", "\"id\": \"0", false},
        {"\"dhash\": \"00ff", "\"dhash\": \"0ff", false},
        {"\"dhash\": \"00ff", "\"dhash\": \"00FF", false},
        {"\"text\": \"it breaks off\"", "\"text\": 7", false},
        {"\"created_at\": \"2026", "\"created_at\": \"20260000000000000000000000000000000000",
         false},
        {"{", "", false},
        {"{", "[{", false},
        {"\"version\"", "\xff\"version\"", false},
    };
    struct ori_manifest manifest;
    size_t bytes = 0;
    fill(&manifest);
    char *good = render(&manifest, &bytes);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_manifest back;
        struct ori_error err = {0};
        char bad[8192];
        print_message("%s -> %s\n", rows[i].from, rows[i].to);
        assert_non_null(strstr(good, rows[i].from));
        int before = (int)(strstr(good, rows[i].from) - good);
        int length = snprintf(bad, sizeof bad, "%.*s%s%s", before, good, rows[i].to,
                              good + before + strlen(rows[i].from));
        assert_true(length > 0 && (size_t)length < sizeof bad);
        ori_manifest_init(&back);
        ori_status status =
            ori_manifest_parse(bad, (size_t)length, "local", "clip-01234567", &back, &err);
        assert_int_equal(status, rows[i].is_well ? ORI_OK : ORI_STORE);
        assert_int_equal(err.status, status);
        if (!rows[i].is_well)
            assert_null(back.frames);
        ori_manifest_deinit(&back);
    }
    free(good);
    ori_manifest_deinit(&manifest);
}

/* Cut anywhere, or with any one byte changed: a status, never a crash. */
static void cut_and_flipped(void **state)
{
    (void)state;
    struct ori_manifest manifest;
    size_t bytes = 0;
    fill(&manifest);
    char *text = render(&manifest, &bytes);
    for (size_t i = 0; i < bytes; i++) {
        struct ori_manifest back;
        struct ori_error err = {0};
        ori_manifest_init(&back);
        assert_int_equal(ori_manifest_parse(text, i, "local", "clip-01234567", &back, &err),
                         ORI_STORE);
        ori_manifest_deinit(&back);

        char kept = text[i];
        text[i] = (char)(kept ^ 0x15);
        memset(&err, 0, sizeof err);
        ori_manifest_init(&back);
        if (ori_manifest_parse(text, bytes, "local", "clip-01234567", &back, &err) == ORI_OK)
            assert_int_equal(back.frames_count, 3);
        ori_manifest_deinit(&back);
        text[i] = kept;
    }
    free(text);
    ori_manifest_deinit(&manifest);
}

static void deep_and_large(void **state)
{
    (void)state;
    struct ori_manifest back;
    struct ori_error err = {0};
    size_t bytes = 1 << 20;
    char *deep = malloc(bytes);
    assert_non_null(deep);
    memset(deep, '[', bytes);
    ori_manifest_init(&back);
    assert_int_equal(ori_manifest_parse(deep, bytes, "local", "c", &back, &err), ORI_STORE);
    free(deep);
    memset(&err, 0, sizeof err);
    /* Its length alone is looked at: the memory is not touched. */
    assert_int_equal(ori_manifest_parse("{}", (size_t)ORI_LIMIT_MAX_MANIFEST_BYTES + 1, "local",
                                        "c", &back, &err),
                     ORI_STORE);
    assert_non_null(strstr(err.text, "bytes"));
}

static void tables_have_limits(void **state)
{
    (void)state;
    struct ori_manifest manifest;
    struct ori_error err = {0};
    struct ori_manifest_frame frame = {0};
    struct ori_manifest_scene scene = {0};
    ori_manifest_init(&manifest);
    for (int i = 0; i < ORI_CHILD_FRAMES_MAX; i++) {
        frame.n = (uint32_t)i + 1;
        assert_int_equal(ori_manifest_add_frame(&manifest, &frame, &err), ORI_OK);
    }
    assert_int_equal(ori_manifest_add_frame(&manifest, &frame, &err), ORI_LIMIT);
    memset(&err, 0, sizeof err);
    for (int i = 0; i < ORI_CHILD_SCENES_MAX; i++)
        assert_int_equal(ori_manifest_add_scene(&manifest, &scene, &err), ORI_OK);
    assert_int_equal(ori_manifest_add_scene(&manifest, &scene, &err), ORI_LIMIT);
    memset(&err, 0, sizeof err);
    for (int i = 0; i < 2 * ORI_CHILD_WARNINGS_MAX; i++)
        assert_int_equal(ori_manifest_add_warning(&manifest, "w", "w", &err), ORI_OK);
    assert_int_equal(ori_manifest_add_warning(&manifest, "w", "w", &err), ORI_LIMIT);
    for (int i = 0; i < ORI_CHILD_FRAMES_MAX; i += 997)
        assert_int_equal(manifest.frames[i].n, i + 1);
    ori_manifest_deinit(&manifest);
}

static void knows_its_files(void **state)
{
    (void)state;
    struct ori_manifest manifest;
    fill(&manifest);
    assert_true(ori_manifest_has_file(&manifest, "1_0.00.png"));
    assert_true(ori_manifest_has_file(&manifest, "3_11.87.png"));
    assert_false(ori_manifest_has_file(&manifest, "3_11.88.png"));
    assert_false(ori_manifest_has_file(&manifest, "2_1.23.jpg"));
    assert_false(ori_manifest_has_file(&manifest, "02_1.23.png"));
    assert_false(ori_manifest_has_file(&manifest, "4_1.23.png"));
    assert_false(ori_manifest_has_file(&manifest, "0_1.23.png"));
    assert_false(ori_manifest_has_file(&manifest, ""));
    assert_false(ori_manifest_has_file(&manifest, "99999999999999999999999_0.00.png"));
    ori_manifest_deinit(&manifest);
}

static void warnings_are_cut_whole(void **state)
{
    (void)state;
    struct ori_manifest manifest;
    struct ori_error err = {0};
    size_t bytes = 0;
    char text[1000];
    for (size_t i = 0; i + 3 < sizeof text; i += 3)
        memcpy(text + i, "\xe2\x82\xac", 4);
    fill(&manifest);
    assert_int_equal(ori_manifest_add_warning(&manifest, "long", text, &err), ORI_OK);
    char *json = render(&manifest, &bytes); /* it is UTF-8, or this fails */
    free(json);
    ori_manifest_deinit(&manifest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_round),
        cmocka_unit_test(without_settings),
        cmocka_unit_test(numbers_read_well),
        cmocka_unit_test(hostile_texts),
        cmocka_unit_test(cut_and_flipped),
        cmocka_unit_test(deep_and_large),
        cmocka_unit_test(tables_have_limits),
        cmocka_unit_test(knows_its_files),
        cmocka_unit_test(warnings_are_cut_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
