/* The S3 client against a server that says what no real one can be made to say on demand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "net/client.h"
#include "net/s3_priv.h"
#include "scripted_server.h"
#include "util/clock.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define MEBI ((size_t)1 << 20)

static const struct ori_s3_name name = {"bucket", "a/key"};
static struct ori_credentials *credentials;
static struct ori_s3 *s3;

static struct ori_credentials_options no_keys(void)
{
    return (struct ori_credentials_options){.access_key_id = "",
                                            .secret_access_key = "",
                                            .session_token = "",
                                            .profile = "default",
                                            .credentials_file = "",
                                            .config_file = "",
                                            .container_path = "",
                                            .container_url = "",
                                            .container_token = "",
                                            .container_token_file = ""};
}

static void open_with(const struct ori_credentials_options *keys, int connections)
{
    char endpoint[64];
    struct ori_error err = {0};
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d/", scripted.port);
    assert_int_equal(ori_credentials_create(keys, NULL, &credentials, &err), ORI_OK);
    const struct ori_s3_options options = {.endpoint = endpoint,
                                           .region = "us-east-1",
                                           .credentials = credentials,
                                           .connections_max = connections,
                                           .multipart_threshold = 6 << 20,
                                           .part_bytes = 1 << 20};
    assert_int_equal(ori_s3_create(&options, &s3, &err), ORI_OK);
}

static void open_s3(scripted_play play, int connections)
{
    struct ori_credentials_options keys = no_keys();
    keys.access_key_id = "AKID";
    keys.secret_access_key = "secret";
    keys.session_token = "token";
    scripted.play = play;
    open_with(&keys, connections);
}

static void close_s3(void)
{
    ori_s3_destroy(&s3);
    ori_credentials_destroy(&credentials);
}

/* Once more on a fresh count. */
static ori_status put(const char *words, int requests)
{
    struct ori_error err = {0};
    atomic_store(&scripted.requests, 0);
    ori_status status = ori_s3_put(s3, &name, "x", 1, "text/plain", NULL, &err);
    assert_int_equal(status, err.status);
    if (words && !strstr(err.text, words))
        fail_msg("%s", err.text);
    assert_int_equal(atomic_load(&scripted.requests), requests);
    return status;
}

/* ---- what is put right ---- */

static int64_t ahead_s; /* of the store's clock */

static void print_date(char text[64])
{
    const time_t now = time(NULL) + ahead_s;
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(text, 64, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
}

static bool play_skew(int number, const char *head, FILE *out)
{
    char date[64];
    struct tm parts = {0};
    const char *at = strcasestr(head, "\r\nx-amz-date: ");
    (void)number;
    print_date(date);
    if (!at || !strptime(at + 14, "%Y%m%dT%H%M%SZ", &parts))
        return false;
    if (llabs(timegm(&parts) - (time(NULL) + ahead_s)) < 60)
        return scripted_say(out, 200, date, "");
    if (strncmp(head, "HEAD", 4) == 0) {
        fprintf(out, "HTTP/1.1 403 X\r\nContent-Length: 99\r\n%s\r\n", date);
        return true;
    }
    return scripted_say(out, 403, date, "<Error><Code>RequestTimeTooSkewed</Code></Error>");
}

static void a_clock_that_is_off(void **state)
{
    (void)state;
    static const int64_t offsets[] = {3600, -86400};
    for (size_t i = 0; i < COUNT_OF(offsets); i++) {
        struct ori_s3_facts facts;
        ahead_s = offsets[i];
        open_s3(play_skew, 2);
        assert_int_equal(put(NULL, 2), ORI_OK);
        assert_int_equal(put(NULL, 1), ORI_OK); /* it is remembered */
        close_s3();
        open_s3(play_skew, 2);
        assert_int_equal(ori_s3_head(s3, &name, &facts, NULL, NULL), ORI_OK);
        close_s3();
    }
}

static bool play_always_skewed(int number, const char *head, FILE *out)
{
    (void)head;
    char date[64];
    ahead_s = 3600 * (number + 1);
    print_date(date);
    return scripted_say(out, 403, date, "<Error><Code>RequestTimeTooSkewed</Code></Error>");
}

static void a_clock_is_put_right_once(void **state)
{
    (void)state;
    open_s3(play_always_skewed, 2);
    assert_int_equal(put("the clocks", 2), ORI_STORE_DENIED);
    close_s3();
}

static int region_way;

static bool play_region(int number, const char *head, FILE *out)
{
    static const char moved[] = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the "
                                "region is wrong</Message><Region>eu-west-1</Region></Error>";
    (void)number;
    if (strstr(head, "/eu-west-1/s3/aws4_request"))
        return scripted_say(out, 200, "", "");
    if (region_way == 0)
        return scripted_say(out, 301, "x-amz-bucket-region: eu-west-1\r\n", "");
    if (region_way == 1)
        return scripted_say(out, 400, "", moved);
    return scripted_say(out, 301, "x-amz-bucket-region: not/a region\r\n", "");
}

static void another_region(void **state)
{
    (void)state;
    for (region_way = 0; region_way < 2; region_way++) {
        open_s3(play_region, 2);
        assert_int_equal(put(NULL, 2), ORI_OK);
        assert_int_equal(put(NULL, 1), ORI_OK);
        close_s3();
    }
    open_s3(play_region, 2);
    assert_int_equal(put("301", 1), ORI_STORE_DENIED);
    close_s3();
}

static char profile_file[64];

static void write_profile(const char *id)
{
    FILE *file = fopen(profile_file, "w");
    assert_non_null(file);
    fprintf(file, "[default]\naws_access_key_id=%s\naws_secret_access_key=s\n", id);
    fclose(file);
}

static bool play_expired(int number, const char *head, FILE *out)
{
    (void)number;
    if (strstr(head, "Credential=NEW/"))
        return scripted_say(out, 200, "", "");
    write_profile("NEW");
    return scripted_say(out, 403, "", "<Error><Code>ExpiredToken</Code></Error>");
}

static void keys_that_expired_are_read_again(void **state)
{
    (void)state;
    struct ori_credentials_options keys = no_keys();
    snprintf(profile_file, sizeof profile_file, "/tmp/oriane-profile-%d", (int)getpid());
    write_profile("OLD");
    keys.credentials_file = profile_file;
    scripted.play = play_expired;
    open_with(&keys, 2);
    assert_int_equal(put(NULL, 2), ORI_OK);
    close_s3();
    open_s3(play_expired, 2); /* those of the settings stay what they are */
    assert_int_equal(put("ExpiredToken", 1), ORI_STORE_DENIED);
    close_s3();
    unlink(profile_file);
}

/* ---- refusals and outages ---- */

static struct {
    int status;
    const char *code;
    int times; /* then 200 */
} fault;

static bool play_fault(int number, const char *head, FILE *out)
{
    char body[256];
    (void)head;
    if (number >= fault.times)
        return scripted_say(out, 200, "", "");
    snprintf(body, sizeof body,
             "<Error><Code>%s</Code><Message>because \n&amp; so</Message></Error>", fault.code);
    return scripted_say(out, fault.status, "", fault.code[0] ? body : "");
}

static void faults(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *code;
        ori_status expected;
        int requests;
    } rows[] = {
        {503, "SlowDown", ORI_STORE_DOWN, 4},
        {500, "InternalError", ORI_STORE_DOWN, 4},
        {502, "", ORI_STORE_DOWN, 4},
        {429, "", ORI_STORE_DOWN, 4},
        {400, "RequestTimeout", ORI_STORE_DOWN, 1},
        {409, "OperationAborted", ORI_STORE_DOWN, 1},
        {403, "SignatureDoesNotMatch", ORI_STORE_DENIED, 1},
        {403, "InvalidAccessKeyId", ORI_STORE_DENIED, 1},
        {403, "AccessDenied", ORI_STORE_DENIED, 1},
        {403, "", ORI_STORE_DENIED, 1},
        {400, "EntityTooLarge", ORI_STORE_DENIED, 1},
        {404, "NoSuchKey", ORI_NOT_FOUND, 1},
        {404, "NoSuchBucket", ORI_BUCKET_MISSING, 1},
        {404, "", ORI_NOT_FOUND, 1},
        {412, "PreconditionFailed", ORI_SOURCE_CHANGED, 1},
    };
    open_s3(play_fault, 2);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fault.status = rows[i].status;
        fault.code = rows[i].code;
        fault.times = 99;
        assert_int_equal(put(rows[i].code[0] ? "because ?& so" : NULL, rows[i].requests),
                         rows[i].expected);
    }
    fault.status = 503;
    fault.code = "SlowDown";
    fault.times = 2;
    assert_int_equal(put(NULL, 3), ORI_OK);
    close_s3();
}

static bool play_silence(int number, const char *head, FILE *out)
{
    (void)number;
    (void)head;
    (void)out;
    return true;
}

static void *set_soon(void *self)
{
    usleep(50000);
    ori_cancel_set(self);
    return NULL;
}

static void waits_end(void **state)
{
    (void)state;
    struct ori_cancel cancel;
    struct ori_error err = {0};
    pthread_t thread;
    open_s3(play_silence, 2);
    assert_int_equal(ori_cancel_init(&cancel, NULL, NULL), ORI_OK);
    struct ori_wait wait = {.deadline_us = ori_clock_us() + 100000};
    assert_int_equal(ori_s3_check(s3, "bucket", &wait, &err), ORI_STORE_DOWN);
    wait = (struct ori_wait){.cancel = &cancel};
    assert_int_equal(pthread_create(&thread, NULL, set_soon, &cancel), 0);
    const int64_t begin_us = ori_clock_us();
    assert_int_equal(ori_s3_put(s3, &name, "x", 1, NULL, &wait, NULL), ORI_CANCELLED);
    assert_true(ori_clock_us() - begin_us < 2000000);
    pthread_join(thread, NULL);
    ori_cancel_deinit(&cancel);
    close_s3();
}

/* ---- reading ---- */

static const char *reading; /* how it goes wrong */

static bool play_broken(int number, const char *head, FILE *out)
{
    char range[64];
    int from = 0;
    const char *at = strcasestr(head, "\r\nRange: bytes=");
    if (number == 0) {
        fprintf(out, "HTTP/1.1 200 X\r\nContent-Length: 10\r\nETag: \"e\"\r\n\r\n0123");
        return false;
    }
    if (!at || sscanf(at, "\r\nRange: bytes=%d-", &from) != 1 || !strstr(head, "If-Match: \"e\"\r"))
        return scripted_say(out, 400, "", "");
    if (strcmp(reading, "replaced") == 0)
        return scripted_say(out, 412, "", "<Error><Code>PreconditionFailed</Code></Error>");
    if (strcmp(reading, "whole again") == 0)
        return scripted_say(out, 200, "ETag: \"e\"\r\n", "0123456789");
    if (strcmp(reading, "another etag") == 0)
        return scripted_say(out, 206, "ETag: \"f\"\r\n", "456789");
    if (strcmp(reading, "nothing more") == 0) {
        fprintf(out, "HTTP/1.1 206 X\r\nContent-Length: 6\r\nETag: \"e\"\r\n\r\n");
        return false;
    }
    if (strcmp(reading, "another place") == 0)
        return scripted_say(out, 206, "ETag: \"e\"\r\nContent-Range: bytes 5-9/10\r\n", "56789");
    snprintf(range, sizeof range, "Content-Range: bytes %d-9/10\r\n", from);
    if (from < 8) { /* one byte, and off again */
        fprintf(out, "HTTP/1.1 206 X\r\nContent-Length: %d\r\nETag: \"e\"\r\n%s\r\n%d", 10 - from,
                range, from);
        return false;
    }
    fprintf(out, "HTTP/1.1 206 X\r\nContent-Length: 2\r\nETag: \"e\"\r\n%s\r\n89", range);
    return true;
}

static void a_read_that_breaks_off(void **state)
{
    (void)state;
    static const struct {
        const char *how;
        ori_status expected;
    } rows[] = {{"goes on", ORI_OK},          {"replaced", ORI_SOURCE_CHANGED},
                {"whole again", ORI_STORE},   {"another etag", ORI_SOURCE_CHANGED},
                {"another place", ORI_STORE}, {"nothing more", ORI_STORE_DOWN}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t *data = NULL;
        size_t bytes = 0;
        struct ori_error err = {0};
        reading = rows[i].how;
        open_s3(play_broken, 2);
        atomic_store(&scripted.requests, 0);
        ori_status status = ori_s3_get(s3, &name, 10, &data, &bytes, NULL, &err);
        print_message("%s: %s\n", rows[i].how, err.text);
        assert_int_equal(status, rows[i].expected);
        if (status == ORI_OK) {
            assert_int_equal(bytes, 10);
            assert_string_equal((char *)data, "0123456789");
        }
        free(data);
        close_s3();
    }
}

/* A server may answer a part of the range: the rest is asked for, of the same object. */
static bool play_piecemeal(int number, const char *head, FILE *out)
{
    int first = 0;
    int last = 0;
    char headers[128];
    const char *at = strcasestr(head, "\r\nRange: bytes=");
    (void)number;
    if (!at || sscanf(at, "\r\nRange: bytes=%d-%d", &first, &last) != 2)
        return scripted_say(out, 400, "", "");
    if (strcmp(reading, "ends") == 0 && first > 12)
        return scripted_say(out, 206, "ETag: \"e\"\r\n", "");
    if (strcmp(reading, "no etag") == 0)
        return scripted_say(out, 206, "", "ab");
    snprintf(headers, sizeof headers, "ETag: \"e\"\r\nContent-Range: bytes %d-%d/99\r\n", first,
             first + 1);
    return scripted_say(out, 206, headers, first % 4 == 0 ? "ab" : "cd");
}

static void a_range_in_parts(void **state)
{
    (void)state;
    static const struct {
        const char *how;
        ori_status expected;
        int bytes;
    } rows[] = {{"well", ORI_OK, 8},
                {"well", ORI_OK, 12},
                {"too many", ORI_STORE, 14},
                {"ends", ORI_STORE, 12},
                {"no etag", ORI_STORE, 4}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char data[16] = "";
        struct ori_error err = {0};
        reading = rows[i].how;
        open_s3(play_piecemeal, 2);
        const ori_status status =
            ori_s3_read(s3, &name, NULL, 4, data, (size_t)rows[i].bytes, NULL, &err);
        print_message("%s: %s\n", rows[i].how, err.text);
        assert_int_equal(status, rows[i].expected);
        if (status == ORI_OK)
            assert_memory_equal(data, "abcdabcdabcd", (size_t)rows[i].bytes);
        close_s3();
    }
}

/* ---- lists ---- */

static const char *page;

static bool play_page(int number, const char *head, FILE *out)
{
    (void)number;
    (void)head;
    return scripted_say(out, 200, "", page);
}

static ori_status count_key(void *self, const char *key, int64_t bytes, struct ori_error *err)
{
    char *seen = self;
    (void)err;
    const size_t used = strlen(seen);
    snprintf(seen + used, 256 - used, "%s:%d,", key, (int)bytes);
    return ORI_OK;
}

static void lists(void **state)
{
    (void)state;
    static const struct {
        const char *page;
        ori_status expected;
        const char *seen;
    } rows[] = {
        {"<ListBucketResult/>", ORI_OK, ""},
        {"<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a%2Fb+c%2B</Key>"
         "<Size>3</Size></Contents></ListBucketResult>",
         ORI_OK, "a/b c+:3,"},
        {"<ListBucketResult><Contents><Key>a%2Fb+c</Key></Contents></ListBucketResult>", ORI_OK,
         "a%2Fb+c:0,"},
        {"<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a%</Key></Contents>"
         "</ListBucketResult>",
         ORI_STORE, ""},
        {"<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a%00</Key></Contents>"
         "</ListBucketResult>",
         ORI_STORE, ""},
        {"<ListBucketResult><Contents><Key>a</Key><Size>x</Size></Contents></ListBucketResult>",
         ORI_STORE, ""},
        {"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>", ORI_STORE, ""},
        {"<html></html>", ORI_STORE, ""},
        {"", ORI_STORE, ""},
        {"<ListBucketResult><Contents><Key>a</Key>", ORI_STORE, ""},
    };
    open_s3(play_page, 2);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char seen[256] = "";
        page = rows[i].page;
        assert_int_equal(ori_s3_list(s3, "bucket", "", "/", count_key, seen, NULL, NULL),
                         rows[i].expected);
        assert_string_equal(seen, rows[i].seen);
    }
    for (int extra = 0; extra < 2; extra++) {
        char *many = NULL;
        size_t bytes = 0;
        char seen[256] = "";
        FILE *out = open_memstream(&many, &bytes);
        fprintf(out, "<ListBucketResult>");
        for (int i = 0; i < ORI_LIMIT_MAX_S3_PAGE_KEYS + extra; i++)
            fprintf(out, "<Contents><Key>k</Key></Contents>");
        fprintf(out, "</ListBucketResult>");
        fclose(out);
        page = many;
        assert_int_equal(ori_s3_list(s3, "bucket", "", "/", count_key, seen, NULL, NULL),
                         extra ? ORI_LIMIT : ORI_OK);
        free(many);
    }
    close_s3();
}

/* ---- parts ---- */

static const char *parts; /* how they go */
static atomic_int aborted;

static bool play_parts(int number, const char *head, FILE *out)
{
    (void)number;
    if (strncmp(head, "DELETE", 6) == 0) {
        assert_non_null(strstr(head, "?uploadId=id%26%3C HTTP"));
        atomic_fetch_add(&aborted, 1);
        return scripted_say(out, 204, "", "");
    }
    if (strncmp(head, "HEAD", 4) == 0) {
        fprintf(out, "HTTP/1.1 200 X\r\nContent-Length: %d\r\n\r\n",
                strcmp(parts, "lost") == 0 ? 7 : 7 << 20);
        return true;
    }
    if (strncmp(head, "POST", 4) == 0 && strstr(head, "?uploads= HTTP"))
        return scripted_say(out, 200, "",
                            strcmp(parts, "no id") == 0
                                ? "<InitiateMultipartUploadResult/>"
                                : "<InitiateMultipartUploadResult><UploadId>id&amp;&lt;</UploadId>"
                                  "</InitiateMultipartUploadResult>");
    if (strncmp(head, "PUT", 3) == 0) {
        if (strcmp(parts, "part refused") == 0 && strstr(head, "partNumber=3&"))
            return scripted_say(out, 403, "", "<Error><Code>AccessDenied</Code></Error>");
        return scripted_say(out, 200, strcmp(parts, "no etag") == 0 ? "" : "ETag: \"e\"\r\n", "");
    }
    if (strcmp(parts, "error inside") == 0)
        return scripted_say(out, 200, "", "<Error><Code>InternalError</Code></Error>");
    if (strcmp(parts, "done twice") == 0 || strcmp(parts, "lost") == 0)
        return scripted_say(out, 404, "", "<Error><Code>NoSuchUpload</Code></Error>");
    return scripted_say(out, 200, "", "<CompleteMultipartUploadResult/>");
}

static void uploads_in_parts(void **state)
{
    (void)state;
    static const struct {
        const char *how;
        ori_status expected;
        int aborted;
    } rows[] = {
        {"well", ORI_OK, 0},
        {"no id", ORI_STORE, 0},
        {"no etag", ORI_STORE, 1},
        {"part refused", ORI_STORE_DENIED, 1},
        {"error inside", ORI_STORE_DOWN, 1},
        {"done twice", ORI_OK, 0},
        {"lost", ORI_STORE_DOWN, 1},
    };
    char *data = calloc(1, 7 * MEBI);
    assert_non_null(data);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_error err = {0};
        parts = rows[i].how;
        atomic_store(&aborted, 0);
        open_s3(play_parts, 3);
        ori_status status = ori_s3_put(s3, &name, data, 7 * MEBI, "video/mp4", NULL, &err);
        print_message("%s: %s\n", parts, err.text);
        assert_int_equal(status, rows[i].expected);
        assert_int_equal(atomic_load(&aborted), rows[i].aborted);
        close_s3();
    }
    free(data);
}

static void *put_thread(void *self)
{
    (void)self;
    struct ori_error err = {0};
    for (int i = 0; i < 5; i++) {
        if (ori_s3_put(s3, &name, "x", 1, NULL, NULL, &err) != ORI_OK)
            return "failed";
    }
    return NULL;
}

static void connections_are_bounded(void **state)
{
    (void)state;
    pthread_t threads[12];
    char *data = calloc(1, 7 * MEBI);
    assert_non_null(data);
    parts = "well";
    open_s3(play_parts, 3);
    atomic_store(&scripted.delay_ms, 5);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, put_thread, NULL), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        assert_null(result);
    }
    assert_int_equal(ori_s3_put(s3, &name, data, 7 * MEBI, NULL, NULL, NULL), ORI_OK);
    assert_int_equal(atomic_load(&scripted.open_most), 3);
    free(data);
    close_s3();
}

static void what_is_sent(void **state)
{
    (void)state;
    char value[512];
    parts = "well";
    open_s3(play_parts, 1);
    assert_int_equal(put(NULL, 1), ORI_OK);
    assert_int_equal(strncmp(scripted.asked[0], "PUT /bucket/a/key HTTP/1.1\r\n", 28), 0);
    assert_string_equal(scripted_header(0, "Content-Type", value), "text/plain");
    assert_string_equal(scripted_header(0, "x-amz-security-token", value), "token");
    assert_string_equal(scripted_header(0, "Expect", value), "");
    /* checksums are for those who ask: other servers refuse the headers */
    assert_null(strcasestr(scripted.asked[0], "checksum"));
    assert_null(strcasestr(scripted.asked[0], "Content-MD5"));
    assert_null(strcasestr(scripted.asked[0], "x-amz-trailer"));
    assert_string_equal(scripted_header(0, "x-amz-content-sha256", value),
                        "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881");
    assert_non_null(strstr(scripted_header(0, "Authorization", value),
                           "SignedHeaders=host;x-amz-content-sha256;x-amz-date;"
                           "x-amz-security-token, Signature="));
    close_s3();
}

static void endpoints(void **state)
{
    (void)state;
    static const struct {
        const char *endpoint;
        const char *region;
        const char *bucket;
        const char *url; /* NULL: refused */
    } rows[] = {
        {"", "us-east-1", "b", "https://b.s3.us-east-1.amazonaws.com/k%20k?"},
        {"", "us-east-1", "b.c", "https://s3.us-east-1.amazonaws.com/b.c/k%20k?"},
        {"", "cn-north-1", "b", "https://b.s3.cn-north-1.amazonaws.com.cn/k%20k?"},
        {"http://h:80", "x", "b", "http://h/b/k%20k?"},
        {"https://h:443/", "x", "b", "https://h/b/k%20k?"},
        {"https://h:80", "x", "b", "https://h:80/b/k%20k?"},
        {"http://[::1]:9000", "x", "b", "http://[::1]:9000/b/k%20k?"},
        {"http://h/path", "x", "b", NULL},
        {"http://h?q", "x", "b", NULL},
        {"ftp://h", "x", "b", NULL},
        {"h:9000", "x", "b", NULL},
        {"http://u:p@h", "x", "b", NULL},
    };
    struct ori_credentials_options keys = no_keys();
    keys.access_key_id = "A";
    keys.secret_access_key = "s";
    assert_int_equal(ori_credentials_create(&keys, NULL, &credentials, NULL), ORI_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_error err = {0};
        struct ori_buf url;
        const struct ori_s3_options options = {.endpoint = rows[i].endpoint,
                                               .region = rows[i].region,
                                               .credentials = credentials,
                                               .connections_max = 1,
                                               .multipart_threshold = 6 << 20};
        ori_buf_init(&url, 4096);
        ori_status status = ori_s3_create(&options, &s3, &err);
        assert_int_equal(status, rows[i].url ? ORI_OK : ORI_BAD_SETTING);
        if (rows[i].url) {
            assert_int_equal(ori_s3_presign(s3, "GET", &(struct ori_s3_name){rows[i].bucket, "k k"},
                                            60, &url, NULL),
                             ORI_OK);
            assert_int_equal(strncmp(ori_buf_text(&url), rows[i].url, strlen(rows[i].url)), 0);
        }
        ori_buf_deinit(&url);
        ori_s3_destroy(&s3);
    }
    ori_credentials_destroy(&credentials);
}

#define SCRIPTED(test) cmocka_unit_test_setup_teardown(test, scripted_start, scripted_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPTED(what_is_sent),
        SCRIPTED(a_clock_that_is_off),
        SCRIPTED(a_clock_is_put_right_once),
        SCRIPTED(another_region),
        SCRIPTED(keys_that_expired_are_read_again),
        SCRIPTED(faults),
        SCRIPTED(waits_end),
        SCRIPTED(a_read_that_breaks_off),
        SCRIPTED(a_range_in_parts),
        SCRIPTED(lists),
        SCRIPTED(uploads_in_parts),
        SCRIPTED(connections_are_bounded),
        cmocka_unit_test(endpoints),
    };
    if (ori_net_global_init(NULL) != ORI_OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ori_net_global_deinit();
    return failed;
}
