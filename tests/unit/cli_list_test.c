/* Lists of videos: text, CSV and JSON, what is odd in them, and their limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/list.h"
#include "util/buf.h"
#include "util/fs.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define LINE_MAX_ ORI_LIMIT_MAX_LIST_ENTRY_BYTES

static int file_of(const void *text, size_t bytes)
{
    struct ori_error err = {0};
    int fd = memfd_create("list", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ori_fs_write_all(fd, text, bytes, &err), ORI_OK);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

/* What a list says, an entry a line: "7 platform/code url", "7!" for a bad one, and how it ends. */
static void read_all(int fd, enum ori_list_format format, struct ori_buf *ret_said)
{
    struct ori_list *list = NULL;
    struct ori_list_row row;
    struct ori_error err = {0};
    ori_status status = ORI_OK;
    assert_int_equal(ori_list_open_fd(fd, format, NULL, &list, &err), ORI_OK);
    for (;;) {
        err = (struct ori_error){0};
        status = ori_list_next(list, &row, &err);
        if (status == ORI_OK) {
            ori_buf_printf(ret_said, "%lld %s/%s%s%s|", (long long)row.line, row.platform, row.code,
                           row.url[0] ? " " : "", row.url);
        } else if (status == ORI_USAGE) {
            assert_true(strncmp(err.text, "line ", 5) == 0);
            ori_buf_add(ret_said, err.text + 5, strcspn(err.text + 5, ":"));
            ori_buf_add_text(ret_said, "!|");
        } else {
            break;
        }
    }
    ori_buf_add_text(ret_said, status == ORI_EOF ? "end" : ori_status_code(status));
    assert_int_equal(err.status, status == ORI_EOF ? ORI_OK : status);
    ori_list_close(&list);
}

static void expect(const void *text, size_t bytes, const char *said)
{
    struct ori_buf buf;
    int fd = file_of(text, bytes);
    ori_buf_init(&buf, 1 << 20);
    read_all(fd, ORI_LIST_ANY, &buf);
    if (strcmp(ori_buf_text(&buf), said) != 0)
        fail_msg("%.200s\nsaid %s\nnot  %s", (const char *)text, ori_buf_text(&buf), said);
    ori_buf_deinit(&buf);
    close(fd);
}

struct row {
    const char *text;
    const char *said;
};

static void expect_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect(rows[i].text, strlen(rows[i].text), rows[i].said);
}

static void text(void **state)
{
    static const struct row rows[] = {
        {"", "end"},
        {"\n\n", "end"},
        {"a/b", "1 a/b|end"},
        {"a/b\n", "1 a/b|end"},
        {"\xEF\xBB\xBF"
         "a/b\r\nc/d\r\n",
         "1 a/b|2 c/d|end"},
        {"# a comment\n\n  a/b  \n\t# another\nc/d\thttps://x.example/v.mp4\n",
         "3 a/b|5 c/d https://x.example/v.mp4|end"},
        {"a/b s3://bucket/a key with  blanks +%é.mp4 \n",
         "1 a/b s3://bucket/a key with  blanks +%é.mp4|end"},
        {"a/b videos/one.mp4\n", "1 a/b videos/one.mp4|end"},
        {"a\nb/c\n", "1!|2 b/c|end"},
        {"a/b/c\n/b\na/\n.a/b\na/.b\né/b\n", "1!|2!|3!|4!|5!|6!|end"},
        {"a/b ftp://x.example/v\na/b ../c\na/b s3://b/k\na/b https://\n", "1!|2!|3!|4!|end"},
        {"a,b/c\n", "1!|end"},
    };
    (void)state;
    expect_rows(rows, COUNT_OF(rows));
    expect("a/b\0c\nd/e\n", 10, "1!|2 d/e|end");
    expect("a/b x\0y\nd/e\n", 12, "1!|2 d/e|end");
}

static void csv(void **state)
{
    static const struct row rows[] = {
        {"platform,code\na,b\n", "2 a/b|end"},
        {"platform,code,url\r\na,b,\r\nc,d,https://x.example/v\r\n",
         "2 a/b|3 c/d https://x.example/v|end"},
        {"\xEF\xBB\xBF"
         "URL , Code,\"Platform\",title\n,b,a,\"x, \"\"y\"\"\nz\"\ns3://bucket/k,d,c,\n",
         "2 a/b|4 c/d s3://bucket/k|end"},
        {"platform;code;url\na;b;s3://bucket/a,b.mp4\n", "2 a/b s3://bucket/a,b.mp4|end"},
        {"platform\tcode\na\tb\n", "2 a/b|end"},
        {"platform,code,url\n\"a\",\"b\",\"s3://bucket/a, \"\"q\"\".mp4\"\n",
         "2 a/b s3://bucket/a, \"q\".mp4|end"},
        {"platform,code\n\n  \na,b", "4 a/b|end"},
        {"platform,code\na\na,b,c,d\na b,c\n", "2!|3 a/b|4!|end"},
        {"platform,code\n\"a\"x,b\nc,d\n", "2!|3 c/d|end"},
        /* a quote that does not end costs its own line */
        {"platform,code\n\"a,b\nc,d\ne,f\n", "2!|3 c/d|4 e/f|end"},
        {"platform,code,note\na,b,\"two\nlines\"\nc,d,\"\n", "2 a/b|4!|end"},
        {"platform,code\nb\"q,c\n", "2!|end"},
        /* no header: a text list, in which these are no entries */
        {"platform,name\na,b\n", "1!|2!|end"},
        {"code,platform,code\na,b,c\n", "1!|2!|end"},
    };
    (void)state;
    expect_rows(rows, COUNT_OF(rows));
}

static void json(void **state)
{
    static const struct row rows[] = {
        {"[]", "end"},
        {"{\"items\":[]}", "end"},
        {"[{\"platform\":\"a\",\"code\":\"b\"}]", "1 a/b|end"},
        {" \n[ {\"code\":\"b\",\n\"platform\":\"a\", \"more\":[{\"x\":\"]}\"}]} ,\n"
         "{\"platform\":\"c\",\"code\":\"d\",\"url\":\"s3://bucket/\\u00e9\"}\n]\n",
         "2 a/b|4 c/d s3://bucket/é|end"},
        {"{\"force\": true, \"x\": {\"items\": [1]}, \"items\" : [\n{\"platform\":\"a\",\"code\":"
         "\"b\",\"url\":null}\n], \"y\": \"]}\\\"\", \"z\": [[{}]]}\n",
         "2 a/b|end"},
        {"{\"platform\":\"a\",\"code\":\"b\"}\r\n\n{\"platform\":\"c\",\"code\":\"d\"}",
         "1 a/b|3 c/d|end"},
        {"{\"platform\":\"a\",\"code\":\"b\"} {\"items\":[{\"platform\":\"c\",\"code\":\"d\"}]}",
         "1 a/b|1 c/d|end"},
        {"{\"platform\":\"a\",\"code\":7}\n{\"platform\":\"c\",\"code\":\"d\"}\n", "1!|2 c/d|end"},
        {"{\"platform\":\"a\"}\nnonsense\n{\"platform\":\"c\",\"code\":\"d\"}\n",
         "1!|2!|3 c/d|end"},
        {"{\"platform\":\"a\",\"platform\":\"b\",\"code\":\"d\"}\n", "1!|end"},
        {"{\"platform\":\"a\",\"code\":\"b\"", "1!|end"},
        {"{\"items\":[{\"platform\":\"a\",\"code\":\"b\"}", "1 a/b|bad_list"},
        {"[{\"platform\":\"a\",\"code\":\"b\"}", "1 a/b|bad_list"},
        {"[{\"platform\":\"a\",\"code\":\"b\"} {\"platform\":\"a\",\"code\":\"b\"}]",
         "1 a/b|bad_list"},
        {"[{\"platform\":\"a\",\"code\":\"b\"},]", "1 a/b|bad_list"},
        {"[,{\"platform\":\"a\",\"code\":\"b\"}]", "bad_list"},
        {"[{\"platform\":\"a\",\"code\":\"b\"}]]", "1 a/b|1!|end"},
        {"[7,\n\"a/b\",\n[],\nnull,{\"platform\":\"a\",\"code\":\"b\"}]", "1!|2!|3!|4!|4 a/b|end"},
        {"[{\"platform\":\"a\",\"code\":\"b\\u0000\"}]", "1!|end"},
        {"[{\"platform\":\"a\",\"code\":\"b\",\"url\":[]}]", "1!|end"},
    };
    (void)state;
    expect_rows(rows, COUNT_OF(rows));
}

static void a_format_that_was_named(void **state)
{
    struct ori_buf said;
    int fd = file_of("platform/code\nx/y\n", 18);
    (void)state;
    ori_buf_init(&said, 4096);
    read_all(fd, ORI_LIST_CSV, &said);
    assert_string_equal(ori_buf_text(&said), "bad_list");
    ori_buf_clear(&said);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    read_all(fd, ORI_LIST_JSON, &said);
    assert_string_equal(ori_buf_text(&said), "1!|2!|end");
    ori_buf_clear(&said);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    read_all(fd, ORI_LIST_TEXT, &said);
    assert_string_equal(ori_buf_text(&said), "1 platform/code|2 x/y|end");
    ori_buf_deinit(&said);
    close(fd);
}

/* An entry of exactly so many bytes, then a good one; in all three forms. */
static void expect_entry(const char *begin, const char *end, const char *good, size_t bytes,
                         const char *said)
{
    struct ori_buf buf;
    ori_buf_init(&buf, 1 << 20);
    const char *entry = strchr(begin, '\n');
    const size_t head = strlen(entry ? entry + 1 : begin);
    ori_buf_add_text(&buf, begin);
    for (size_t i = head + strlen(end); i < bytes; i++)
        ori_buf_add(&buf, "x", 1);
    ori_buf_add_text(&buf, end);
    ori_buf_add_text(&buf, good);
    assert_int_equal(ori_buf_finish(&buf, "list", NULL), ORI_OK);
    expect(buf.data, buf.used, said);
    ori_buf_deinit(&buf);
}

static void entries_at_their_limit(void **state)
{
    (void)state;
    expect_entry("# ", "", "\na/b\n", LINE_MAX_, "2 a/b|end");
    expect_entry("# ", "", "\na/b\n", LINE_MAX_ + 1, "1!|2 a/b|end");
    expect_entry("# ", "", "", LINE_MAX_, "end");
    expect_entry("# ", "", "", LINE_MAX_ + 1, "1!|end");
    expect_entry("# ", "", "\na/b\n", 10 * LINE_MAX_, "1!|2 a/b|end");
    expect_entry("code,platform,x\nb,a,", "", "\nd,c,\n", LINE_MAX_, "2 a/b|3 c/d|end");
    expect_entry("code,platform,x\nb,a,", "", "\nd,c,\n", LINE_MAX_ + 1, "2!|3 c/d|end");
    expect_entry("{\"platform\":\"a\",\"code\":\"b\",\"x\":\"", "\"}",
                 "\n{\"platform\":\"c\",\"code\":\"d\"}", LINE_MAX_, "1 a/b|2 c/d|end");
    expect_entry("{\"platform\":\"a\",\"code\":\"b\",\"x\":\"", "\"}",
                 "\n{\"platform\":\"c\",\"code\":\"d\"}", LINE_MAX_ + 2, "1!|2 c/d|end");
    expect_entry("[\n{\"platform\":\"a\",\"code\":\"b\",\"x\":\"", "\"}",
                 "\n,{\"platform\":\"c\",\"code\":\"d\"}]", LINE_MAX_, "2 a/b|3 c/d|end");
    expect_entry("[\n{\"platform\":\"a\",\"code\":\"b\",\"x\":\"", "\"}",
                 "\n,{\"platform\":\"c\",\"code\":\"d\"}]", LINE_MAX_ + 2, "bad_list");
}

static void values_at_their_limit(void **state)
{
    char line[ORI_LIMIT_MAX_URL_BYTES + 400];
    char said[sizeof line + 20];
    (void)state;
    for (int more = 0; more <= 1; more++) {
        const int chars = ORI_LIMIT_MAX_CODE_CHARS + more;
        const int url = ORI_LIMIT_MAX_URL_BYTES + more;
        snprintf(line, sizeof line, "a/%0*d\n", chars, 0);
        snprintf(said, sizeof said, "1 a/%0*d|end", chars, 0);
        expect(line, strlen(line), more ? "1!|end" : said);
        snprintf(line, sizeof line, "%0*d/b\n", chars, 0);
        snprintf(said, sizeof said, "1 %0*d/b|end", chars, 0);
        expect(line, strlen(line), more ? "1!|end" : said);
        snprintf(line, sizeof line, "code,platform,url\nb,a,\"s3://bucket/%0*d\"\n", url - 12, 0);
        snprintf(said, sizeof said, "2 a/b s3://bucket/%0*d|end", url - 12, 0);
        expect(line, strlen(line), more ? "2!|end" : said);
    }
}

static void lists_at_their_limit(void **state)
{
    (void)state;
    for (int more = 0; more <= 1; more++) {
        struct ori_list *list = NULL;
        struct ori_error err = {0};
        int fd = memfd_create("list", MFD_CLOEXEC);
        assert_int_equal(ftruncate(fd, (off_t)ORI_LIMIT_MAX_LIST_BYTES + more), 0);
        assert_int_equal(ori_list_open_fd(fd, ORI_LIST_ANY, NULL, &list, &err),
                         more ? ORI_LIMIT : ORI_OK);
        ori_list_close(&list);
        close(fd);
    }
}

static void what_is_no_list(void **state)
{
    struct ori_list *list = NULL;
    struct ori_error err = {0};
    (void)state;
    assert_int_equal(ori_list_open("/", ORI_LIST_ANY, NULL, &list, &err), ORI_NOT_A_FILE);
    err = (struct ori_error){0};
    assert_int_equal(ori_list_open("/no/such/list", ORI_LIST_ANY, NULL, &list, &err),
                     ORI_NOT_FOUND);
    assert_null(list);
}

/* A pipe that gives nothing is left by the token. */
static void a_pipe_and_a_token(void **state)
{
    struct ori_cancel cancel;
    struct ori_list *list = NULL;
    struct ori_list_row row;
    struct ori_error err = {0};
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(ori_cancel_init(&cancel, NULL, &err), ORI_OK);
    assert_int_equal(write(ends[1], "a/b\nc/", 6), 6);
    assert_int_equal(ori_list_open_fd(ends[0], ORI_LIST_ANY, &cancel, &list, &err), ORI_OK);
    assert_int_equal(ori_list_next(list, &row, &err), ORI_OK);
    ori_cancel_set(&cancel);
    assert_int_equal(ori_list_next(list, &row, &err), ORI_CANCELLED);
    ori_list_close(&list);
    ori_cancel_deinit(&cancel);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text),
        cmocka_unit_test(csv),
        cmocka_unit_test(json),
        cmocka_unit_test(a_format_that_was_named),
        cmocka_unit_test(entries_at_their_limit),
        cmocka_unit_test(values_at_their_limit),
        cmocka_unit_test(lists_at_their_limit),
        cmocka_unit_test(what_is_no_list),
        cmocka_unit_test(a_pipe_and_a_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
