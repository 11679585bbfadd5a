/* Where the video of an item is: names, urls, and every way of leaving VP_INPUT_DIR. */
#include <fcntl.h>
#include <ftw.h>
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

#include "jobs/source.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static char root[64]; /* holds input, the folder, and outside */
static const struct ori_settings *settings;

static void write_file(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("video", file);
    fclose(file);
}

static int make_world(void **state)
{
    (void)state;
    char input[96];
    struct ori_error err = {0};
    snprintf(root, sizeof root, "/tmp/oriane-source-XXXXXX");
    assert_non_null(mkdtemp(root));
    assert_int_equal(chdir(root), 0);
    static const char *const folders[] = {
        "input",    "input/yt", "input/yt/a",   "input/yt/folder.mp4",
        "input/up", "outside",  "input/yt/odd", "input/yt/odd/video.mp4"};
    for (size_t i = 0; i < COUNT_OF(folders); i++)
        assert_int_equal(mkdir(folders[i], 0777), 0);
    static const char *const files[] = {
        "input/yt/a/video.mp4", "input/yt/a.webm",    "input/yt/b.webm",     "input/yt/c.mp4",
        "input/yt/c.avi",       "input/yt/c.txt",     "input/yt/c.part.mp4", "input/yt/d.txt",
        "input/yt/e.f.MKV",     "input/yt/e.mkv.txt", "outside/secret.mp4",  "input/top.mp4",
        "input/yt/we ird é.mp4"};
    for (size_t i = 0; i < COUNT_OF(files); i++)
        write_file(files[i]);
    static const char *const links[][2] = {
        {"../top.mp4", "input/yt/in.mp4"},
        {"../../outside/secret.mp4", "input/yt/out.mp4"},
        {"/etc/hostname", "input/yt/absolute.mp4"},
        {"../outside", "input/away"},
        {"nowhere", "input/yt/dangling.mp4"},
        {"loop.mp4", "input/yt/loop.mp4"},
        {"yt", "input/same"},
    };
    for (size_t i = 0; i < COUNT_OF(links); i++)
        assert_int_equal(symlink(links[i][0], links[i][1]), 0);
    assert_int_equal(mkfifo("input/yt/pipe.mp4", 0666), 0);
    snprintf(input, sizeof input, "%s/input", root);
    struct ori_setting_flag flags[] = {{ORI_SETTING_VP_INPUT_DIR, input}};
    struct ori_settings_sources sources = {.flags = flags, .flags_count = 1};
    return ori_settings_load(&sources, &settings, &err) == ORI_OK ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static int drop_world(void **state)
{
    (void)state;
    ori_settings_destroy(&settings);
    return chdir("/") == 0 ? nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS) : -1;
}

static struct ori_job_claim claim_of(const char *platform, const char *code, const char *url)
{
    struct ori_job_claim claim = {.has_url = url != NULL};
    snprintf(claim.platform, sizeof claim.platform, "%s", platform);
    snprintf(claim.code, sizeof claim.code, "%s", code);
    snprintf(claim.url, sizeof claim.url, "%s", url ? url : "");
    return claim;
}

/* expected: below the root when it is found. */
static void expect(const struct ori_job_claim *claim, ori_status status, const char *expected)
{
    struct ori_error err = {0};
    char wanted[256];
    char *path = NULL;
    print_message("%s %s %s\n", claim->platform, claim->code, claim->url);
    ori_status got = ori_source_find(settings, claim, &path, &err);
    if (got != status)
        fail_msg("%s: %s", ori_status_code(got), err.text);
    assert_int_equal(err.status, status);
    if (status == ORI_OK) {
        snprintf(wanted, sizeof wanted, "%s/%s", root, expected);
        assert_string_equal(path, wanted);
    } else {
        assert_null(path);
    }
    free(path);
}

static void by_platform_and_code(void **state)
{
    (void)state;
    static const struct {
        const char *platform;
        const char *code;
        ori_status status;
        const char *path;
    } rows[] = {
        {"yt", "a", ORI_OK, "input/yt/a/video.mp4"}, /* before a.webm */
        {"yt", "b", ORI_OK, "input/yt/b.webm"},
        {"yt", "c", ORI_OK, "input/yt/c.avi"}, /* the first by name; no .txt, no .part.mp4 */
        {"yt", "e.f", ORI_OK, "input/yt/e.f.MKV"},
        {"yt", "in", ORI_OK, "input/top.mp4"}, /* a link that stays inside */
        {"same", "b", ORI_OK, "input/yt/b.webm"},
        {"yt", "d", ORI_NOT_FOUND, NULL},
        {"yt", "e", ORI_NOT_FOUND, NULL},
        {"yt", "missing", ORI_NOT_FOUND, NULL},
        {"missing", "a", ORI_NOT_FOUND, NULL},
        {"yt", "dangling", ORI_NOT_FOUND, NULL},
        {"yt", "pipe", ORI_NOT_A_FILE, NULL},
        {"yt", "folder", ORI_NOT_A_FILE, NULL},
        {"yt", "odd", ORI_NOT_A_FILE, NULL},
        {"yt", "out", ORI_URL_REFUSED, NULL},
        {"yt", "absolute", ORI_URL_REFUSED, NULL},
        {"yt", "loop", ORI_URL_REFUSED, NULL},
        {"away", "secret", ORI_URL_REFUSED, NULL},
        /* a store that somebody else wrote */
        {"..", "outside", ORI_URL_REFUSED, NULL},
        {"yt", "../top", ORI_URL_REFUSED, NULL},
        {"", "a", ORI_URL_REFUSED, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_job_claim claim = claim_of(rows[i].platform, rows[i].code, NULL);
        expect(&claim, rows[i].status, rows[i].path);
    }
}

static void not_found_names_every_place(void **state)
{
    (void)state;
    struct ori_error err = {0};
    char *path = NULL;
    struct ori_job_claim claim = claim_of("yt", "missing", NULL);
    assert_int_equal(ori_source_find(settings, &claim, &path, &err), ORI_NOT_FOUND);
    assert_non_null(strstr(err.text, "input/yt/missing/video.mp4"));
    assert_non_null(strstr(err.text, "input/yt/missing.*"));
}

static void by_url(void **state)
{
    (void)state;
    static const struct {
        const char *url; /* %s: the root */
        ori_status status;
        const char *path;
    } rows[] = {
        {"yt/b.webm", ORI_OK, "input/yt/b.webm"},
        {"top.mp4", ORI_OK, "input/top.mp4"},
        {"yt/d.txt", ORI_OK, "input/yt/d.txt"}, /* what it is, the decode process tells */
        {"yt/we ird é.mp4", ORI_OK, "input/yt/we ird é.mp4"},
        {"yt/in.mp4", ORI_OK, "input/top.mp4"},
        {"yt/out.mp4", ORI_URL_REFUSED, NULL},
        {"away/secret.mp4", ORI_URL_REFUSED, NULL},
        {"../outside/secret.mp4", ORI_URL_REFUSED, NULL},
        {"yt/../../outside/secret.mp4", ORI_URL_REFUSED, NULL},
        {"yt/../top.mp4", ORI_URL_REFUSED, NULL},
        {"yt//b.webm", ORI_URL_REFUSED, NULL},
        {"yt/./b.webm", ORI_URL_REFUSED, NULL},
        {"yt/b.webm/", ORI_URL_REFUSED, NULL},
        {"/etc/hostname", ORI_URL_REFUSED, NULL},
        {"/", ORI_URL_REFUSED, NULL},
        {"file:///etc/hostname", ORI_URL_REFUSED, NULL},
        {"http://example.com/a.mp4", ORI_URL_REFUSED, NULL},
        {"https://example.com/a.mp4", ORI_UNSUPPORTED_URL, NULL},
        {"s3://bucket/a.mp4", ORI_UNSUPPORTED_URL, NULL},
        {"yt", ORI_NOT_A_FILE, NULL},
        {"yt/pipe.mp4", ORI_NOT_A_FILE, NULL},
        {"yt/b.webm/x", ORI_NOT_FOUND, NULL},
        {"nothing.mp4", ORI_NOT_FOUND, NULL},
        {"@/input/yt/b.webm", ORI_OK, "input/yt/b.webm"},
        {"@/inputs/yt/b.webm", ORI_URL_REFUSED, NULL},
        {"@/outside/secret.mp4", ORI_URL_REFUSED, NULL},
        {"@/input/../outside/secret.mp4", ORI_URL_REFUSED, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char url[256];
        bool is_absolute = rows[i].url[0] == '@';
        snprintf(url, sizeof url, "%s%s", is_absolute ? root : "", rows[i].url + is_absolute);
        struct ori_job_claim claim = claim_of("yt", "a", url);
        expect(&claim, rows[i].status, rows[i].path);
    }
}

static void forms_of_urls(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool is_legal;
    } rows[] = {
        {"a", true},
        {"...", true},
        {"a..b/c", true},
        {"a:b/c", true},
        {"/a", true},
        {"https://example.com/a?b=c", true},
        {"s3://abc/k", true},
        {"s3://abc/k/../odd", true},
        {"", false},
        {".", false},
        {"..", false},
        {"a/..", false},
        {"/..", false},
        {"//a", false},
        {"a\nb", false},
        {"a\x7f", false},
        {"a\xff", false},
        {"https://", false},
        {"https://user:pass@example.com/", false},
        {"ftp://example.com/", false},
        {"HTTP://example.com/", false},
        {"s3://", false},
        {"s3://ab/k", false},
        {"s3://abc", false},
        {"s3://abc/", false},
        {"s3://Abc/k", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_error err = {0};
        print_message("%s\n", rows[i].url);
        ori_status status = ori_source_check_url(rows[i].url, &err);
        assert_int_equal(status, rows[i].is_legal ? ORI_OK : ORI_URL_REFUSED);
        assert_int_equal(err.text[0] == '\0', rows[i].is_legal);
    }
}

static void lengths(void **state)
{
    (void)state;
    char url[ORI_LIMIT_MAX_URL_BYTES + 2];
    struct ori_error err = {0};
    memset(url, 'a', sizeof url);
    url[ORI_LIMIT_MAX_URL_BYTES] = '\0';
    assert_int_equal(ori_source_check_url(url, &err), ORI_OK);
    url[ORI_LIMIT_MAX_URL_BYTES] = 'a';
    url[ORI_LIMIT_MAX_URL_BYTES + 1] = '\0';
    assert_int_equal(ori_source_check_url(url, &err), ORI_URL_REFUSED);
    err = (struct ori_error){0};
    char bucket[80] = "s3://";
    memset(bucket + 5, 'b', 63);
    memcpy(bucket + 68, "/k", 3);
    assert_int_equal(ori_source_check_url(bucket, &err), ORI_OK);
    memcpy(bucket + 68, "b/k", 4);
    assert_int_equal(ori_source_check_url(bucket, &err), ORI_URL_REFUSED);
}

static void objects(void **state)
{
    (void)state;
    static const struct {
        const char *platform;
        const char *code;
        const char *url;
        ori_status status;
        const char *bucket;
        const char *key;
    } rows[] = {
        {"yt", "a", NULL, ORI_OK, "oriane-contents", "yt/a/video.mp4"},
        {"..", "a", NULL, ORI_URL_REFUSED, NULL, NULL},
        {"yt", "a/b", NULL, ORI_URL_REFUSED, NULL, NULL},
        {"yt", "a", "s3://abc/k", ORI_OK, "abc", "k"},
        {"yt", "a", "s3://a.b-c/d/../e f%2F?#", ORI_OK, "a.b-c", "d/../e f%2F?#"},
        {"yt", "a", "s3://abc//k", ORI_OK, "abc", "/k"},
        {"yt", "a", "s3://ab/k", ORI_URL_REFUSED, NULL, NULL},
        {"yt", "a", "s3://abc/", ORI_URL_REFUSED, NULL, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_source_object object;
        struct ori_job_claim claim = claim_of(rows[i].platform, rows[i].code, rows[i].url);
        assert_int_equal(ori_source_is_s3(&claim), rows[i].url != NULL);
        assert_int_equal(ori_source_object(settings, &claim, &object, NULL), rows[i].status);
        if (rows[i].status != ORI_OK)
            continue;
        assert_string_equal(object.bucket, rows[i].bucket);
        assert_string_equal(object.key, rows[i].key);
    }
    struct ori_job_claim path = claim_of("yt", "a", "yt/a.mp4");
    assert_false(ori_source_is_s3(&path));
}

static void no_descriptor_stays(void **state)
{
    (void)state;
    int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(before);
    for (int i = 0; i < 50; i++) {
        by_platform_and_code(NULL);
        by_url(NULL);
    }
    int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(after);
    assert_int_equal(before, after);
}

static void a_folder_that_is_not_there(void **state)
{
    (void)state;
    struct ori_error err = {0};
    char *path = NULL;
    const struct ori_settings *other = NULL;
    struct ori_setting_flag flags[] = {{ORI_SETTING_VP_INPUT_DIR, "no/such/folder"}};
    struct ori_settings_sources sources = {.flags = flags, .flags_count = 1};
    assert_int_equal(ori_settings_load(&sources, &other, &err), ORI_OK);
    struct ori_job_claim claim = claim_of("yt", "a", NULL);
    assert_int_equal(ori_source_find(other, &claim, &path, &err), ORI_NOT_FOUND);
    assert_non_null(strstr(err.text, "VP_INPUT_DIR"));
    ori_settings_destroy(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_platform_and_code),
        cmocka_unit_test(not_found_names_every_place),
        cmocka_unit_test(by_url),
        cmocka_unit_test(forms_of_urls),
        cmocka_unit_test(lengths),
        cmocka_unit_test(objects),
        cmocka_unit_test(no_descriptor_stays),
        cmocka_unit_test(a_folder_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, make_world, drop_world);
}
