#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/identity.h"
#include "util/text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Digits: printf %s PATH | sha1sum. */
static void codes_of_paths(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *code;
    } rows[] = {
        {"/videos/clip.mp4", "clip-00000000"},
        {"/videos/clip.tar.mp4", "clip.tar-00000000"},
        {"/videos/no ending", "no_ending-00000000"},
        {"/videos/.hidden", "_hidden-00000000"},
        {"/a b/\xc3\xa9t\xc3\xa9 #1.mp4", "_t_1-00000000"},
        {"/x/y/..mp4", "_-00000000"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char code[ORI_CODE_BYTES];
        struct ori_error err = {0};
        assert_int_equal(ori_identity_code(rows[i].path, code, &err), ORI_OK);
        print_message("%s\n", code);
        assert_true(ori_text_is_code(code));
        /* The stem part here, the digits below. */
        assert_int_equal(strlen(code), strlen(rows[i].code));
        assert_memory_equal(code, rows[i].code, strlen(rows[i].code) - 8);
    }
}

static void digits_of_paths(void **state)
{
    (void)state;
    char code[ORI_CODE_BYTES];
    struct ori_error err = {0};
    assert_int_equal(ori_identity_code("/videos/clip.mp4", code, &err), ORI_OK);
    assert_string_equal(code, "clip-daffbe4c");
    assert_int_equal(ori_identity_code("/videos/other/clip.mp4", code, &err), ORI_OK);
    assert_string_equal(code, "clip-7fba5756");
}

static void longest_code(void **state)
{
    (void)state;
    for (size_t stem = 117; stem <= 255; stem += 2) {
        char path[300] = "/";
        char code[ORI_CODE_BYTES];
        struct ori_error err = {0};
        memset(path + 1, 'x', stem);
        strncat(path, ".mp4", 5);
        assert_int_equal(ori_identity_code(path, code, &err), ORI_OK);
        assert_int_equal(strlen(code), stem < 119 ? stem + 9 : ORI_LIMIT_MAX_CODE_CHARS);
        assert_int_equal(code[strlen(code) - 9], '-');
    }
}

static void paths_that_are_none(void **state)
{
    (void)state;
    static const char *const paths[] = {"", "clip.mp4", "./clip.mp4", "/", "/videos/"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        char code[ORI_CODE_BYTES];
        struct ori_error err = {0};
        assert_int_equal(ori_identity_code(paths[i], code, &err), ORI_USAGE);
    }
}

static int make_file(size_t bytes, uint8_t seed)
{
    char path[] = "/tmp/oriane-identity-XXXXXX";
    int fd = mkstemp(path);
    uint8_t *data = malloc(bytes + 1);
    assert_true(fd >= 0);
    assert_non_null(data);
    for (size_t i = 0; i < bytes; i++)
        data[i] = (uint8_t)(i * 31 + seed);
    assert_int_equal(write(fd, data, bytes), bytes);
    free(data);
    unlink(path);
    return fd;
}

static struct ori_source_identity identity_of(int fd)
{
    struct ori_source_identity identity;
    struct ori_error err = {0};
    assert_int_equal(ori_identity_source(fd, &identity, &err), ORI_OK);
    return identity;
}

static void set_byte(int fd, off_t offset, uint8_t value)
{
    assert_int_equal(pwrite(fd, &value, 1, offset), 1);
}

/* A byte is changed and the time of change is put back: is it the same file? */
static void what_makes_it_another_file(void **state)
{
    (void)state;
    static const struct {
        size_t bytes;
        off_t changed;
        bool is_seen;
    } rows[] = {
        {1, 0, true},
        {65536, 0, true},
        {65536, 65535, true},
        {65537, 65536, true},
        {131072, 65535, true},
        {131072, 65536, true},
        {200000, 65535, true},
        {200000, 65536, false}, /* between head and tail: size and time must do */
        {200000, 200000 - 65536 - 1, false},
        {200000, 200000 - 65536, true},
        {200000, 199999, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int fd = make_file(rows[i].bytes, 7);
        struct ori_source_identity before = identity_of(fd);
        struct stat st;
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(before.bytes, rows[i].bytes);
        set_byte(fd, rows[i].changed, 254);
        struct timespec times[2] = {st.st_atim, st.st_mtim};
        assert_int_equal(futimens(fd, times), 0);
        struct ori_source_identity after = identity_of(fd);
        print_message("row %zu\n", i);
        assert_int_equal(ori_identity_is_same(&before, &after), !rows[i].is_seen);
        close(fd);
    }
}

static void time_and_size_count(void **state)
{
    (void)state;
    int fd = make_file(1000, 1);
    struct ori_source_identity before = identity_of(fd);
    struct ori_source_identity same = identity_of(fd);
    assert_true(ori_identity_is_same(&before, &same));
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 5, .tv_nsec = 1}};
    assert_int_equal(futimens(fd, times), 0);
    struct ori_source_identity touched = identity_of(fd);
    assert_false(ori_identity_is_same(&before, &touched));
    assert_int_equal(touched.mtime_ns, INT64_C(5000000001));
    same.bytes++;
    assert_false(ori_identity_is_same(&before, &same));
    close(fd);
}

/* File systems know years that nanoseconds in 64 bits do not. */
static void a_time_far_away(void **state)
{
    (void)state;
    int fd = make_file(10, 1);
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = INT64_C(12000000000)}};
    assert_int_equal(futimens(fd, times), 0);
    struct ori_source_identity before = identity_of(fd);
    struct ori_source_identity again = identity_of(fd);
    assert_true(ori_identity_is_same(&before, &again));
    times[1].tv_nsec = 1000;
    assert_int_equal(futimens(fd, times), 0);
    again = identity_of(fd);
    assert_false(ori_identity_is_same(&before, &again));
    close(fd);
}

struct digests {
    char settings[ORI_DIGEST_BYTES];
    char fingerprint[ORI_DIGEST_BYTES];
};

static struct digests digests_of(const struct ori_result_inputs *inputs)
{
    struct digests digests;
    struct ori_error err = {0};
    assert_int_equal(ori_identity_settings(inputs->extract, digests.settings, &err), ORI_OK);
    assert_int_equal(ori_identity_fingerprint(digests.settings, inputs, digests.fingerprint, &err),
                     ORI_OK);
    assert_int_equal(strlen(digests.settings), 64);
    assert_int_equal(strlen(digests.fingerprint), 64);
    return digests;
}

enum seen { NOWHERE, IN_STILLS, IN_VECTORS };

static void expect_seen(const struct digests *reference, const struct ori_result_inputs *changed,
                        enum seen seen)
{
    const struct digests other = digests_of(changed);
    assert_int_equal(strcmp(reference->settings, other.settings) != 0, seen == IN_STILLS);
    assert_int_equal(strcmp(reference->fingerprint, other.fingerprint) != 0, seen != NOWHERE);
}

/* Each field of the options, one at a time: does the fingerprint see it, and in which part? */
static void what_makes_other_settings(void **state)
{
    (void)state;
    struct ori_extract_options base = {.has_crop = 1, .scene_thresh = 0.22, .still_quality = 90};
    struct ori_result_inputs inputs = {.extract = &base,
                                       .model = "builtin/visual-512",
                                       .digest = "",
                                       .precision = "f32",
                                       .dim = 512};
    const struct digests reference = digests_of(&inputs);
    struct ori_result_inputs changed;

#define SEEN(field, number, seen)                                                                  \
    do {                                                                                           \
        struct ori_extract_options options = base;                                                 \
        options.field = (number);                                                                  \
        changed = inputs;                                                                          \
        changed.extract = &options;                                                                \
        print_message("%s\n", #field);                                                             \
        expect_seen(&reference, &changed, seen);                                                   \
    } while (0)
    SEEN(has_crop, 0, IN_STILLS);
    SEEN(has_dedup, 1, IN_STILLS);
    SEEN(crop_probes, 1, NOWHERE);
    SEEN(crop_limit, 1, IN_STILLS);
    SEEN(crop_clip_secs, 0.1, NOWHERE);
    SEEN(crop_safe_margin_px, 1, IN_STILLS);
    SEEN(crop_over_text, 1, IN_STILLS);
    SEEN(crop_blurred, 1, IN_STILLS);
    SEEN(min_crop_ratio, 0.01, IN_STILLS);
    SEEN(tolerance, 1, IN_STILLS);
    SEEN(edge_thresh, 1, IN_STILLS);
    SEEN(downscale, 1, IN_STILLS);
    SEEN(scene_thresh, 0.22000000000000003, IN_STILLS); /* the next double */
    SEEN(sample_fps, 1, IN_STILLS);
    SEEN(min_frames, 1, IN_STILLS);
    SEEN(dhash_size, 1, IN_STILLS);
    SEEN(dedup_distance, 1, IN_STILLS);
    SEEN(solid_std, 1, IN_STILLS);
    SEEN(solid_min_dim, 1, IN_STILLS);
    SEEN(still_format, 1, IN_STILLS);
    SEEN(still_quality, 91, IN_STILLS);
    SEEN(duration_us_max, 1, IN_STILLS);
    SEEN(clip.is_wanted, 1, IN_STILLS);
    SEEN(clip.encoder, 1, NOWHERE); /* nobody asked for a clip */
    SEEN(speed, ORI_SPEED_EXACT, NOWHERE);
    SEEN(speed, ORI_SPEED_FAST, IN_STILLS);
    SEEN(speed, ORI_SPEED_TURBO, IN_STILLS);
    SEEN(input.side, 1, IN_VECTORS);
    SEEN(input.fit, 1, IN_VECTORS);
    SEEN(input.resize_side, 1, IN_VECTORS);
    SEEN(input.is_crop_rounded, 1, IN_VECTORS);
    SEEN(input.is_bilinear, 1, IN_VECTORS);
    SEEN(decode_threads, 4, NOWHERE);
    SEEN(pixels_max, 1, NOWHERE);

    base.clip.is_wanted = 1;
    const struct digests with_clip = digests_of(&inputs);
#define reference with_clip
    SEEN(clip.encoder, 1, IN_STILLS);
    SEEN(clip.preset, 1, IN_STILLS);
    SEEN(clip.tune, 1, IN_STILLS);
    SEEN(clip.cq, 1, IN_STILLS);
#undef reference
    base.clip.is_wanted = 0;
#undef SEEN

    changed = inputs;
    changed.model = "other";
    expect_seen(&reference, &changed, IN_VECTORS);
    changed = inputs;
    changed.dim = 256;
    expect_seen(&reference, &changed, IN_VECTORS);
    changed = inputs;
    changed.precision = "bf16";
    expect_seen(&reference, &changed, IN_VECTORS);
    changed = inputs;
    changed.digest = "0123456789abcdef";
    expect_seen(&reference, &changed, IN_VECTORS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_of_paths),
        cmocka_unit_test(digits_of_paths),
        cmocka_unit_test(longest_code),
        cmocka_unit_test(paths_that_are_none),
        cmocka_unit_test(what_makes_it_another_file),
        cmocka_unit_test(time_and_size_count),
        cmocka_unit_test(a_time_far_away),
        cmocka_unit_test(what_makes_other_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
