/* Signatures against the examples that Amazon publishes, paths and queries by the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/sigv4.h"
#include "util/limits.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define TIME_2013 INT64_C(1369353600) /* 2013-05-24T00:00:00Z */
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct ori_sigv4_keys keys = {
    .access_key_id = "AKIAIOSFODNN7EXAMPLE",
    .secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};

static struct ori_sigv4_request example(const char *method, const char *path)
{
    return (struct ori_sigv4_request){.method = method,
                                      .host = "examplebucket.s3.amazonaws.com",
                                      .path = path,
                                      .payload = EMPTY,
                                      .region = "us-east-1",
                                      .service = "s3",
                                      .time_s = TIME_2013};
}

static void expect_signed(const struct ori_sigv4_keys *with,
                          const struct ori_sigv4_request *request, const char *names,
                          const char *signature)
{
    char date[ORI_SIGV4_TIME_BYTES];
    char expected[1024];
    struct ori_buf authorization;
    struct ori_error err = {0};
    ori_buf_init(&authorization, 4096);
    if (ori_sigv4_sign(with, request, &authorization, date, &err) != ORI_OK)
        fail_msg("%s", err.text);
    snprintf(expected, sizeof expected,
             "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
             "SignedHeaders=%s, Signature=%s",
             names, signature);
    assert_string_equal(ori_buf_text(&authorization), expected);
    assert_string_equal(date, "20130524T000000Z");
    ori_buf_deinit(&authorization);
}

static void published_headers(void **state)
{
    (void)state;
    const struct ori_sigv4_pair range = {"Range", "bytes=0-9"};
    struct ori_sigv4_request get = example("GET", "/test.txt");
    get.headers = &range;
    get.headers_count = 1;
    expect_signed(&keys, &get, "host;range;x-amz-content-sha256;x-amz-date",
                  "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");

    const struct ori_sigv4_pair two[] = {{"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                                         {"Date", "  Fri, 24  May 2013 00:00:00 GMT "}};
    char payload[ORI_SIGV4_PAYLOAD_BYTES];
    assert_int_equal(ori_sigv4_payload("Welcome to Amazon S3.", 21, payload, NULL), ORI_OK);
    struct ori_sigv4_request put = example("PUT", "/test$file.text");
    put.headers = two;
    put.headers_count = 2;
    put.payload = payload;
    expect_signed(&keys, &put, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                  "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");

    const struct ori_sigv4_pair lifecycle = {"lifecycle", ""};
    struct ori_sigv4_request empty = example("GET", "/");
    empty.query = &lifecycle;
    empty.query_count = 1;
    expect_signed(&keys, &empty, "host;x-amz-content-sha256;x-amz-date",
                  "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");

    const struct ori_sigv4_pair list[] = {{"prefix", "J"}, {"max-keys", "2"}};
    struct ori_sigv4_request listing = example("GET", "/");
    listing.query = list;
    listing.query_count = 2;
    expect_signed(&keys, &listing, "host;x-amz-content-sha256;x-amz-date",
                  "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void published_url(void **state)
{
    (void)state;
    struct ori_buf target;
    struct ori_sigv4_request get = example("GET", "/test.txt");
    ori_buf_init(&target, 4096);
    assert_int_equal(ori_sigv4_presign(&keys, &get, 86400, &target, NULL), ORI_OK);
    assert_string_equal(
        ori_buf_text(&target),
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F"
        "20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
        "&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    ori_buf_deinit(&target);
}

/* A token is signed, and changes the signature. The numbers were worked out by
 * a second implementation, of a dozen lines of Python. */
static void session_token(void **state)
{
    (void)state;
    struct ori_sigv4_keys temporary = keys;
    temporary.session_token = "AQoDYXdzEPT//////////wEXAMPLE==";
    struct ori_sigv4_request get = example("GET", "/test.txt");
    expect_signed(&temporary, &get, "host;x-amz-content-sha256;x-amz-date;x-amz-security-token",
                  "39f8588d030d10666f5e2c2d31f4ca50435e789a4d3ed931123231ec7bb9e6d9");
    struct ori_buf target;
    ori_buf_init(&target, 4096);
    assert_int_equal(ori_sigv4_presign(&temporary, &get, 60, &target, NULL), ORI_OK);
    assert_non_null(strstr(ori_buf_text(&target),
                           "&X-Amz-Security-Token=AQoDYXdzEPT%2F%2F%2F%2F%2F%2F%2F%2F%2F%2FwEXAMPLE"
                           "%3D%3D&X-Amz-SignedHeaders=host&"));
    ori_buf_deinit(&target);
    temporary.session_token = "";
    expect_signed(&temporary, &get, "host;x-amz-content-sha256;x-amz-date",
                  "df548e2ce037944d03f3e68682813b093763996d597cf890ca3d9037fd231eb4");
}

static void paths(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *target;
    } rows[] = {
        {"/b/plain", "/b/plain"},
        {"/b/a b", "/b/a%20b"},
        {"/b/a+b", "/b/a%2Bb"},
        {"/b/a=b", "/b/a%3Db"},
        {"/b/a:b", "/b/a%3Ab"},
        {"/b/a@b", "/b/a%40b"},
        {"/b/a,b", "/b/a%2Cb"},
        {"/b/a(b)", "/b/a%28b%29"},
        {"/b/a~b", "/b/a~b"},
        {"/b/a'b", "/b/a%27b"},
        {"/b/a*b", "/b/a%2Ab"},
        {"/b/a!b", "/b/a%21b"},
        {"/b/a%b", "/b/a%25b"},
        {"/b/a%2Fb", "/b/a%252Fb"},
        {"/b/\xC3\xA9\xE6\x97\xA5", "/b/%C3%A9%E6%97%A5"},
        {"/b/a;b", "/b/a%3Bb"},
        {"/b/a&b", "/b/a%26b"},
        {"/b/a?b", "/b/a%3Fb"},
        {"/b/a#b", "/b/a%23b"},
        {"/b/a//b", "/b/a//b"},
        {"/b/a/./b", "/b/a/./b"},
        {"/b/a/../b", "/b/a/../b"},
        {"/b/a\\b", "/b/a%5Cb"},
        {"/b/a|b", "/b/a%7Cb"},
        {"/b/a<b>", "/b/a%3Cb%3E"},
        {"/b/[a]{b}", "/b/%5Ba%5D%7Bb%7D"},
        {"/", "/"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_sigv4_request get = example("GET", rows[i].path);
        struct ori_buf target;
        ori_buf_init(&target, 4096);
        assert_int_equal(ori_sigv4_target(&get, &target, NULL), ORI_OK);
        assert_string_equal(ori_buf_text(&target), rows[i].target);
        ori_buf_deinit(&target);
    }
}

static void queries(void **state)
{
    (void)state;
    static const struct ori_sigv4_pair rows[] = {
        {"uploads", ""}, {"a", "2"}, {"a-", "0"}, {"A", "/x y"}, {"a", "10"}, {"\xC3\xA9", "="},
    };
    struct ori_sigv4_request get = example("GET", "/");
    struct ori_buf target;
    get.query = rows;
    get.query_count = COUNT_OF(rows);
    ori_buf_init(&target, 4096);
    assert_int_equal(ori_sigv4_target(&get, &target, NULL), ORI_OK);
    assert_string_equal(ori_buf_text(&target), "/?%C3%A9=%3D&A=%2Fx%20y&a=10&a=2&a-=0&uploads=");
    ori_buf_deinit(&target);
}

static void limits(void **state)
{
    (void)state;
    struct ori_sigv4_pair rows[ORI_LIMIT_MAX_SIGNED_PAIRS + 1];
    struct ori_buf out;
    char date[ORI_SIGV4_TIME_BYTES];
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        rows[i] = (struct ori_sigv4_pair){"x-a", "b"};
    for (int extra = 0; extra < 2; extra++) {
        const ori_status expected = extra ? ORI_LIMIT : ORI_OK;
        const size_t count = ORI_LIMIT_MAX_SIGNED_PAIRS + (size_t)extra;
        struct ori_sigv4_request many = example("GET", "/");
        ori_buf_init(&out, 65536);
        many.query = rows;
        many.query_count = count;
        many.headers = rows;
        many.headers_count = count;
        assert_int_equal(ori_sigv4_target(&many, &out, NULL), expected);
        ori_buf_clear(&out);
        assert_int_equal(ori_sigv4_sign(&keys, &many, &out, date, NULL), expected);
        ori_buf_clear(&out);
        assert_int_equal(ori_sigv4_presign(&keys, &many, 1, &out, NULL), expected);
        ori_buf_deinit(&out);
    }
    char *path = malloc(ORI_LIMIT_MAX_NET_URL_BYTES + 2);
    assert_non_null(path);
    memset(path, 'x', ORI_LIMIT_MAX_NET_URL_BYTES + 1);
    path[0] = '/';
    path[ORI_LIMIT_MAX_NET_URL_BYTES + 1] = '\0';
    for (int extra = 1; extra >= 0; extra--) {
        struct ori_sigv4_request longest = example("GET", path);
        ori_buf_init(&out, ORI_LIMIT_MAX_NET_URL_BYTES);
        assert_int_equal(ori_sigv4_target(&longest, &out, NULL), extra ? ORI_LIMIT : ORI_OK);
        ori_buf_deinit(&out);
        path[ORI_LIMIT_MAX_NET_URL_BYTES] = '\0';
    }
    free(path);
    char secret[1100];
    memset(secret, 's', sizeof secret);
    for (int extra = 0; extra < 2; extra++) {
        struct ori_sigv4_keys heavy = {.access_key_id = "A", .secret_access_key = secret};
        struct ori_sigv4_request get = example("GET", "/");
        secret[1019 + extra] = '\0';
        ori_buf_init(&out, 65536);
        assert_int_equal(ori_sigv4_sign(&heavy, &get, &out, date, NULL),
                         extra ? ORI_LIMIT : ORI_OK);
        ori_buf_deinit(&out);
        secret[1019 + extra] = 's';
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_headers), cmocka_unit_test(published_url),
        cmocka_unit_test(session_token),     cmocka_unit_test(paths),
        cmocka_unit_test(queries),           cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
