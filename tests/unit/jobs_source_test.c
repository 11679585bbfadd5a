/* Where the video of an item is: names, urls, and every way of leaving VP_INPUT_DIR. */
#include <fcntl.h>
#include <ftw.h>
#include <linux/fs.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "jobs/source.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static char root[64]; /* holds input, the folder, and outside */
static const struct ori_settings *settings;
static const struct ori_source_rules no_rules = {.is_local = false};

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
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
        write_text(files[i], "video");
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

static void expect_text(const char *path, const char *text)
{
    char got[64] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(read(fd, got, sizeof got - 1) >= 0);
    close(fd);
    assert_string_equal(got, text);
}

/* expected: below the root when it is found. */
static void expect(const struct ori_job_claim *claim, ori_status status, const char *expected)
{
    struct ori_error err = {0};
    char wanted[256];
    struct ori_source_file file = {.fd = -1};
    print_message("%s %s %s\n", claim->platform, claim->code, claim->url);
    ori_status got = ori_source_find(settings, claim, &file, &err);
    if (got != status)
        fail_msg("%s: %s", ori_status_code(got), err.text);
    assert_int_equal(err.status, status);
    if (status == ORI_OK) {
        snprintf(wanted, sizeof wanted, "%s/%s", root, expected);
        assert_string_equal(file.path, wanted);
        expect_text(file.link, "video");
    } else {
        assert_null(file.path);
        assert_int_equal(file.fd, -1);
    }
    ori_source_close(&file);
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
    struct ori_source_file file = {.fd = -1};
    struct ori_job_claim claim = claim_of("yt", "missing", NULL);
    assert_int_equal(ori_source_find(settings, &claim, &file, &err), ORI_NOT_FOUND);
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
        {"http://example.com/a.mp4", ORI_UNSUPPORTED_URL, NULL},
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
        {"HTTPS://example.com/a", true},
        {"https://example.com/a b", false},
        {"https://127.0.0.1/a", false},
        {"https://169.254.169.254/latest", false},
        {"http://example.com/", false}, /* no network is allowed */
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
        ori_status status = ori_source_check_url(rows[i].url, &no_rules, &err);
        assert_int_equal(status, rows[i].is_legal ? ORI_OK : ORI_URL_REFUSED);
        assert_int_equal(err.text[0] == '\0', rows[i].is_legal);
    }
}

static void urls_and_rules(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *allowed;
        bool is_local;
        ori_status status;
    } rows[] = {
        {"https://example.com/a", "", false, ORI_OK},
        {"https://example.com/a", "", true, ORI_UNSUPPORTED_URL},
        {"http://example.com/a", "10.0.0.0/8", false, ORI_OK},
        {"http://example.com/a", "10.0.0.0/8", true, ORI_UNSUPPORTED_URL},
        {"http://10.1.2.3/a", "10.0.0.0/8", false, ORI_OK},
        {"https://10.1.2.3/a", "10.0.0.0/8", false, ORI_OK},
        {"https://10.1.2.3/a", "", false, ORI_URL_REFUSED},
        {"http://8.8.8.8/a", "10.0.0.0/8", false, ORI_URL_REFUSED},
        {"http://2130706433/a", "10.0.0.0/8", false, ORI_URL_REFUSED},
        {"http://2130706433/a", "127.0.0.1", false, ORI_OK},
        {"http://user:s3cr@10.1.2.3/a", "10.0.0.0/8", false, ORI_URL_REFUSED},
        {"s3://abc/k", "", true, ORI_OK}, /* by the place the server has for it */
        {"a/b.mp4", "", true, ORI_OK},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_network_list *allowed = NULL;
        struct ori_error err = {0};
        assert_int_equal(ori_network_list_create(rows[i].allowed, &allowed, NULL), ORI_OK);
        const struct ori_source_rules rules = {.allowed = allowed, .is_local = rows[i].is_local};
        if (ori_source_check_url(rows[i].url, &rules, &err) != rows[i].status)
            fail_msg("%s with %s: %s", rows[i].url, rows[i].allowed, err.text);
        assert_null(strstr(err.text, "s3cr"));
        ori_network_list_destroy(&allowed);
    }
}

static void lengths(void **state)
{
    (void)state;
    char url[ORI_LIMIT_MAX_URL_BYTES + 2];
    struct ori_error err = {0};
    memset(url, 'a', sizeof url);
    url[ORI_LIMIT_MAX_URL_BYTES] = '\0';
    assert_int_equal(ori_source_check_url(url, &no_rules, &err), ORI_OK);
    url[ORI_LIMIT_MAX_URL_BYTES] = 'a';
    url[ORI_LIMIT_MAX_URL_BYTES + 1] = '\0';
    assert_int_equal(ori_source_check_url(url, &no_rules, &err), ORI_URL_REFUSED);
    err = (struct ori_error){0};
    char bucket[80] = "s3://";
    memset(bucket + 5, 'b', 63);
    memcpy(bucket + 68, "/k", 3);
    assert_int_equal(ori_source_check_url(bucket, &no_rules, &err), ORI_OK);
    memcpy(bucket + 68, "b/k", 4);
    assert_int_equal(ori_source_check_url(bucket, &no_rules, &err), ORI_URL_REFUSED);
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
        assert_false(ori_source_is_http(&claim));
        assert_int_equal(ori_source_object(settings, &claim, &object, NULL), rows[i].status);
        if (rows[i].status != ORI_OK)
            continue;
        assert_string_equal(object.bucket, rows[i].bucket);
        assert_string_equal(object.key, rows[i].key);
    }
    struct ori_job_claim path = claim_of("yt", "a", "yt/a.mp4");
    assert_false(ori_source_is_s3(&path));
}

/* What was found stays what it was, whatever becomes of its name: a link out of the folder comes
 * too late. */
static void a_name_that_is_changed_behind_the_check(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *moved; /* away, and in its place a link */
        const char *link;
    } rows[] = {{"swap/s/video.mp4", "input/swap/s/video.mp4", "../../../outside/secret.mp4"},
                {"swap/s/video.mp4", "input/swap/s", "../../outside"},
                {"swap/s/video.mp4", "input/swap", "../outside"}};
    write_text("outside/video.mp4", "secret");
    assert_int_equal(mkdir("outside/s", 0777), 0);
    write_text("outside/s/video.mp4", "secret");
    write_text("outside/secret.mp4", "secret");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_source_file file = {.fd = -1};
        struct ori_job_claim claim = claim_of("swap", "s", i % 2 ? NULL : rows[i].url);
        assert_int_equal(mkdir("input/swap", 0777), 0);
        assert_int_equal(mkdir("input/swap/s", 0777), 0);
        write_text("input/swap/s/video.mp4", "video");
        assert_int_equal(ori_source_find(settings, &claim, &file, NULL), ORI_OK);
        assert_int_equal(rename(rows[i].moved, "moved"), 0);
        assert_int_equal(symlink(rows[i].link, rows[i].moved), 0);
        expect_text(rows[i].moved[strlen(rows[i].moved) - 1] == '4' ? rows[i].moved
                                                                    : "input/swap/s/video.mp4",
                    "secret");
        expect_text(file.link, "video");
        ori_source_close(&file);
        expect(&claim, ORI_URL_REFUSED, NULL);
        assert_int_equal(unlink(rows[i].moved), 0);
        assert_int_equal(rename("moved", rows[i].moved), 0);
        assert_int_equal(nftw("input/swap", remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    }
    write_text("outside/secret.mp4", "video");
}

static atomic_bool is_over;

/* A folder of VP_INPUT_DIR and a link out of it change places all the time. */
static void *swap_names(void *unused)
{
    (void)unused;
    while (!atomic_load(&is_over)) {
        if (syscall(SYS_renameat2, AT_FDCWD, "input/race", AT_FDCWD, "input/other",
                    RENAME_EXCHANGE) != 0)
            abort();
    }
    return NULL;
}

static void a_race_for_the_name(void **state)
{
    (void)state;
    pthread_t thread;
    int found = 0;
    assert_int_equal(mkdir("input/race", 0777), 0);
    write_text("input/race/r.mp4", "inside");
    assert_int_equal(mkdir("outside/race", 0777), 0);
    write_text("outside/race/r.mp4", "secret");
    assert_int_equal(symlink("../outside/race", "input/other"), 0);
    assert_int_equal(symlink("../yt/b.webm", "input/up/link.mp4"), 0);
    atomic_store(&is_over, false);
    assert_int_equal(pthread_create(&thread, NULL, swap_names, NULL), 0);
    int i = 0; /* as often as it takes to have seen both */
    for (; i < 3000 || ((found == 0 || found == i) && i < 1000000); i++) {
        struct ori_source_file file = {.fd = -1};
        struct ori_error err = {0};
        struct ori_job_claim claim = claim_of("race", "r", i % 2 ? "race/r.mp4" : NULL);
        ori_status status = ori_source_find(settings, &claim, &file, &err);
        if (status == ORI_OK)
            expect_text(file.link, "inside");
        else if (status != ORI_URL_REFUSED)
            fail_msg("%s", err.text);
        found += status == ORI_OK;
        ori_source_close(&file);
        /* a link with ".." that is well, although the system renames all the time */
        claim = claim_of("up", "link", "up/link.mp4");
        err = (struct ori_error){0};
        if (ori_source_find(settings, &claim, &file, &err) != ORI_OK)
            fail_msg("%s", err.text);
        ori_source_close(&file);
    }
    atomic_store(&is_over, true);
    pthread_join(thread, NULL);
    print_message("%d of %d were found\n", found, i);
    assert_in_range(found, 1, i - 1);
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
    struct ori_source_file file = {.fd = -1};
    const struct ori_settings *other = NULL;
    struct ori_setting_flag flags[] = {{ORI_SETTING_VP_INPUT_DIR, "no/such/folder"}};
    struct ori_settings_sources sources = {.flags = flags, .flags_count = 1};
    assert_int_equal(ori_settings_load(&sources, &other, &err), ORI_OK);
    struct ori_job_claim claim = claim_of("yt", "a", NULL);
    assert_int_equal(ori_source_find(other, &claim, &file, &err), ORI_NOT_FOUND);
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
        cmocka_unit_test(urls_and_rules),
        cmocka_unit_test(lengths),
        cmocka_unit_test(objects),
        cmocka_unit_test(a_name_that_is_changed_behind_the_check),
        cmocka_unit_test(a_race_for_the_name),
        cmocka_unit_test(no_descriptor_stays),
        cmocka_unit_test(a_folder_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, make_world, drop_world);
}
