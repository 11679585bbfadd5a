/* The suite of object stores over a bucket, and the S3 client itself, against a real radosgw. */
#include "stores_blob_suite.h"

#include <ftw.h>

#include <curl/curl.h>

#include "s3_server.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define MEBI ((size_t)1 << 20)

static struct s3_client client;
static char bucket[64];
static char locks[64];

static void remove_key(struct ori_s3_name name)
{
    struct ori_error err = {0};
    if (ori_s3_delete(client.s3, &name, NULL, &err) != ORI_OK)
        fail_msg("%s", err.text);
}

static ori_status delete_key(void *self, const char *key, int64_t bytes, struct ori_error *err)
{
    (void)self;
    (void)bytes;
    (void)err;
    remove_key((struct ori_s3_name){bucket, key});
    return ORI_OK;
}

/* A bucket of each test's own, so that one that fails disturbs no other. */
static int make_bucket(void **state)
{
    static int number;
    (void)state;
    snprintf(bucket, sizeof bucket, "suite-%d-%d", (int)getpid(), number++);
    snprintf(locks, sizeof locks, "/tmp/oriane-locks-XXXXXX");
    return mkdtemp(locks) && s3_server_ask(client.s3, "PUT", &(struct ori_s3_name){bucket, NULL},
                                           NULL, 0) == 200
               ? 0
               : -1;
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *ftw)
{
    (void)about;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static int remove_bucket(void **state)
{
    struct ori_error err = {0};
    (void)state;
    if (ori_s3_list(client.s3, bucket, "", NULL, delete_key, NULL, NULL, &err) != ORI_OK) {
        print_message("%s\n", err.text);
        return -1;
    }
    nftw(locks, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    int status = s3_server_ask(client.s3, "DELETE", &(struct ori_s3_name){bucket, NULL}, NULL, 0);
    return status == 204 ? 0 : -1;
}

static struct ori_blob_store *open_store(void)
{
    struct ori_blob_store *store = NULL;
    struct ori_error err = {0};
    const struct ori_blob_s3_options options = {
        .s3 = client.s3, .bucket = bucket, .lock_folder = locks};
    if (ori_blob_open_s3(&options, &store, &err) != ORI_OK)
        fail_msg("%s", err.text);
    return store;
}

static void put_key(const char *key, const void *data, size_t bytes)
{
    struct ori_error err = {0};
    if (ori_s3_put(client.s3, &(struct ori_s3_name){bucket, key}, data, bytes, "text/plain", NULL,
                   &err) != ORI_OK)
        fail_msg("%s: %s", key, err.text);
}

static void add_what_is_no_object(struct ori_blob_store *store)
{
    (void)store;
    put_key("p/v/", "", 0);
    put_key("p/v/.hidden", "", 0);
    put_key("p/v//x", "", 0);
    put_key("p/v/a\tb", "", 0);
}

static void test_awkward_keys(void **state)
{
    static const char *const keys[] = {
        "plain",  "a b",    "a+b",  "a=b",   "a:b",
        "a@b",    "a,b",    "a(b)", "a~b",   "a'b",
        "a*b",    "a!b",    "a%b",  "a%2Fb", "\xC3\xA9\xE6\x97\xA5",
        "a;b",    "a&b",    "a?b",  "a#b",   "a//b",
        "a/./b",  "a/../b", "a\\b", "a|b",   "a<b>",
        "[a]{b}", "a\"b",   "a$b",  "a^b`c", "-",
        "a%00b",  "a/b/",   "~",    "a  b",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const struct ori_s3_name name = {bucket, keys[i]};
        struct ori_error err = {0};
        uint8_t *data = NULL;
        size_t bytes = 0;
        struct ori_s3_facts facts;
        put_key(keys[i], keys[i], strlen(keys[i]));
        if (ori_s3_get(client.s3, &name, 100, &data, &bytes, NULL, &err) != ORI_OK)
            fail_msg("%s", err.text);
        assert_int_equal(bytes, strlen(keys[i]));
        assert_memory_equal(data, keys[i], bytes);
        free(data);
        assert_int_equal(ori_s3_head(client.s3, &name, &facts, NULL, NULL), ORI_OK);
        assert_int_equal(facts.bytes, bytes);
        assert_string_equal(facts.content_type, "text/plain");
        assert_int_equal(s3_server_ask(client.s3, "GET", &name, NULL, 0), 200);
    }
}

struct count {
    size_t keys;
    char last[64];
};

static ori_status count_key(void *self, const char *key, int64_t bytes, struct ori_error *err)
{
    struct count *count = self;
    (void)err;
    assert_int_equal(bytes, 1);
    assert_true(strcmp(count->last, key) < 0);
    snprintf(count->last, sizeof count->last, "%s", key);
    count->keys++;
    return ORI_OK;
}

static void test_a_list_of_several_pages(void **state)
{
    (void)state;
    struct count count = {.keys = 0};
    for (int i = 0; i < 1003; i++) {
        char key[64];
        snprintf(key, sizeof key, "many/%04d a+b", i);
        put_key(key, "x", 1);
    }
    assert_int_equal(ori_s3_list(client.s3, bucket, "many/", NULL, count_key, &count, NULL, NULL),
                     ORI_OK);
    assert_int_equal(count.keys, 1003);
    assert_string_equal(count.last, "many/1002 a+b");
    count = (struct count){.keys = 0};
    assert_int_equal(ori_s3_list(client.s3, bucket, "", "/", count_key, &count, NULL, NULL),
                     ORI_OK);
    assert_int_equal(count.keys, 0); /* all of them lie deeper */
}

static uint8_t *noise(size_t bytes)
{
    uint8_t *data = malloc(bytes);
    uint32_t seed = 1;
    assert_non_null(data);
    for (size_t i = 0; i < bytes; i++) {
        seed = seed * 1664525 + 1013904223;
        data[i] = (uint8_t)(seed >> 24);
    }
    return data;
}

static void test_parts_and_ranges(void **state)
{
    /* one part less a byte, a whole number of parts, and a last part of one byte; on both sides of
     * the threshold of 6 MiB */
    static const size_t sizes[] = {6 * MEBI - 1, 6 * MEBI, 15 * MEBI, 20 * MEBI + 1};
    (void)state;
    uint8_t *data = noise(21 * MEBI);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        const struct ori_s3_name name = {bucket, "large"};
        struct ori_s3_facts facts;
        struct ori_error err = {0};
        uint8_t *back = NULL;
        size_t bytes = 0;
        uint8_t some[1000];
        put_key("large", data, sizes[i]);
        if (ori_s3_head(client.s3, &name, &facts, NULL, &err) != ORI_OK)
            fail_msg("%s", err.text);
        assert_int_equal(facts.bytes, sizes[i]);
        assert_string_equal(facts.content_type, "text/plain");
        assert_int_equal(strchr(facts.etag, '-') != NULL, sizes[i] >= 6 * MEBI); /* "…-4": parts */
        assert_int_equal(ori_s3_get(client.s3, &name, sizes[i], &back, &bytes, NULL, NULL), ORI_OK);
        assert_int_equal(bytes, sizes[i]);
        assert_memory_equal(back, data, bytes);
        free(back);
        assert_int_equal(ori_s3_get(client.s3, &name, sizes[i] - 1, &back, &bytes, NULL, NULL),
                         ORI_LIMIT);
        assert_int_equal(ori_s3_read(client.s3, &name, facts.etag, (int64_t)sizes[i] - 1000, some,
                                     1000, NULL, NULL),
                         ORI_OK);
        assert_memory_equal(some, data + sizes[i] - 1000, 1000);
        assert_int_equal(ori_s3_read(client.s3, &name, facts.etag, 5, some, 1, NULL, NULL), ORI_OK);
        assert_int_equal(some[0], data[5]);
        assert_int_equal(
            ori_s3_read(client.s3, &name, facts.etag, (int64_t)sizes[i] - 1, some, 2, NULL, NULL),
            ORI_SOURCE_CHANGED);
        assert_int_equal(ori_s3_read(client.s3, &name, "\"other\"", 0, some, 1, NULL, NULL),
                         ORI_SOURCE_CHANGED);
    }
    free(data);
}

static ori_status note_pair(void *self, const char *platform, const char *code,
                            struct ori_error *err)
{
    char name[2 * ORI_LIMIT_MAX_CODE_CHARS + 2];
    snprintf(name, sizeof name, "%s/%s", platform, code);
    return note_name(self, name, err);
}

static void test_list_of_videos(void **state)
{
    static const char *const keys[] = {"q/b/x",   "q/B/deep/x", "p/v/x",  "p/v/y",   "p/v.1/x",
                                       "p.1/a/x", "p/10/x",     "p/file", "neither", "/p/v",
                                       "p//x",    "p/.h/x",     ".h/v/x", "p/a b/x"};
    (void)state;
    struct ori_blob_store *store = open_store();
    struct listing listing = {.left = -1};
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        put_key(keys[i], "", 0);
    assert_int_equal(ori_blob_list_videos(store, note_pair, &listing, NULL, NULL), ORI_OK);
    assert_string_equal(listing.text, "p.1/a,p/10,p/v.1,p/v,q/B,q/b,");
    listing = (struct listing){.left = 1};
    assert_int_equal(ori_blob_list_videos(store, note_pair, &listing, NULL, NULL), ORI_CANCELLED);
    ori_blob_close(&store);
}

static void test_signed_urls(void **state)
{
    (void)state;
    const struct ori_s3_name name = {bucket, "a b/c+d"};
    char url[4096];
    put_key(name.key, "x", 1);
    assert_int_equal(s3_server_ask(client.s3, "GET", &name, url, sizeof url), 200);
    struct ori_net_client *net = NULL;
    const struct ori_net_client_options options = {.connections_max = 1};
    struct ori_net_answer answer;
    assert_int_equal(ori_net_client_create(&options, &net, NULL), ORI_OK);
    url[strlen(url) - 1] = url[strlen(url) - 1] == '0' ? '1' : '0'; /* of the signature */
    const struct ori_net_request request = {.method = "GET",
                                            .url = url,
                                            .is_repeatable = true,
                                            .deadline_us = ori_clock_us() + 30000000,
                                            .answer_bytes_max = 1 << 20};
    ori_net_answer_init(&answer);
    assert_int_equal(ori_net_fetch(net, &request, NULL, &answer, NULL), ORI_OK);
    assert_int_equal(answer.status, 403);
    ori_net_answer_deinit(&answer);
    ori_net_client_destroy(&net);
}

/* A bucket in the name of Amazon's host, which radosgw is told to be: no name is looked up, for libcurl
 * is told whom to connect to. */
static long ask_by_host(const char *method, const char *url, const char *body)
{
    char to[256];
    char plain[4096];
    long status = 0;
    const char *host = strstr(url, "://") + 3;
    CURL *easy = curl_easy_init();
    assert_int_equal(strncmp(url, "https://", 8), 0);
    snprintf(plain, sizeof plain, "http://%s", host); /* a signature knows no scheme */
    snprintf(to, sizeof to, "%.*s:80:%s", (int)strcspn(host, "/"), host,
             strstr(s3_server.endpoint, "://") + 3);
    struct curl_slist *connect_to = curl_slist_append(NULL, to);
    assert_non_null(easy);
    assert_non_null(connect_to);
    assert_int_equal(curl_easy_setopt(easy, CURLOPT_URL, plain), CURLE_OK);
    assert_int_equal(curl_easy_setopt(easy, CURLOPT_CONNECT_TO, connect_to), CURLE_OK);
    assert_int_equal(curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L), CURLE_OK);
    assert_int_equal(curl_easy_setopt(easy, CURLOPT_PROXY, ""), CURLE_OK);
    assert_int_equal(curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method), CURLE_OK);
    if (body)
        assert_int_equal(curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body), CURLE_OK);
    assert_int_equal(curl_easy_perform(easy), CURLE_OK);
    assert_int_equal(curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status), CURLE_OK);
    curl_easy_cleanup(easy);
    curl_slist_free_all(connect_to);
    return status;
}

static void test_buckets_in_the_name_of_a_host(void **state)
{
    (void)state;
    const struct ori_s3_options options = {.endpoint = "",
                                           .region = "us-east-1",
                                           .credentials = client.credentials,
                                           .connections_max = 1,
                                           .multipart_threshold = 6 << 20};
    const struct ori_s3_name name = {bucket, "a b/c+d (1)"};
    struct ori_s3 *amazon = NULL;
    struct ori_s3_facts facts;
    assert_int_equal(ori_s3_create(&options, &amazon, NULL), ORI_OK);
    for (int i = 0; i < 2; i++) {
        const char *method = i == 0 ? "PUT" : "GET";
        struct ori_buf url;
        ori_buf_init(&url, 4096);
        assert_int_equal(ori_s3_presign(amazon, method, &name, 60, &url, NULL), ORI_OK);
        assert_int_equal(strncmp(ori_buf_text(&url) + 8, bucket, strlen(bucket)), 0);
        assert_int_equal(ask_by_host(method, ori_buf_text(&url), i == 0 ? "by host" : NULL), 200);
        ori_buf_deinit(&url);
    }
    assert_int_equal(ori_s3_head(client.s3, &name, &facts, NULL, NULL), ORI_OK); /* by path */
    assert_int_equal(facts.bytes, 7);
    ori_s3_destroy(&amazon);
}

static void expect_bucket(struct ori_s3 *s3, const char *where, ori_status expected,
                          const char *words)
{
    struct ori_error err = {0};
    assert_int_equal(ori_s3_check(s3, where, NULL, &err), expected);
    if (!strstr(err.text, words))
        fail_msg("%s", err.text);
    assert_null(strstr(err.text, s3_server.secret));
}

static void test_refusals(void **state)
{
    (void)state;
    struct s3_client wrong;
    struct ori_error err = {0};
    uint8_t *data = NULL;
    size_t bytes = 0;
    expect_bucket(client.s3, "no-such-bucket-here", ORI_BUCKET_MISSING, "NoSuchBucket");
    assert_int_equal(s3_client_open("wrong", 6 << 20, 2, &wrong, &err), ORI_OK);
    expect_bucket(wrong.s3, bucket, ORI_STORE_DENIED, "SignatureDoesNotMatch");
    assert_int_equal(
        ori_s3_put(wrong.s3, &(struct ori_s3_name){bucket, "k"}, "x", 1, NULL, NULL, NULL),
        ORI_STORE_DENIED);
    s3_client_close(&wrong);
    const struct ori_s3_options options = {.endpoint = s3_server.endpoint,
                                           .region = "us-east-1",
                                           .connections_max = 1,
                                           .multipart_threshold = 6 << 20};
    struct ori_s3 *anonymous = NULL;
    assert_int_equal(ori_s3_create(&options, &anonymous, &err), ORI_OK);
    expect_bucket(anonymous, bucket, ORI_STORE_DENIED, "AccessDenied");
    assert_int_equal(ori_s3_presign(anonymous, "GET", &(struct ori_s3_name){bucket, "k"}, 1,
                                    &(struct ori_buf){.bytes_max = 1}, NULL),
                     ORI_STORE_DENIED);
    ori_s3_destroy(&anonymous);
    assert_int_equal(
        ori_s3_get(client.s3, &(struct ori_s3_name){bucket, "none"}, 1, &data, &bytes, NULL, &err),
        ORI_NOT_FOUND);
    assert_non_null(strstr(err.text, "NoSuchKey"));
}

static void test_a_store_that_only_reads(void **state)
{
    (void)state;
    struct ori_blob_store *store = open_store();
    struct ori_blob_lock *lock = NULL;
    put_text(store, "p/v/1", "x");
    ori_blob_close(&store);
    const struct ori_blob_s3_options options = {
        .s3 = client.s3, .bucket = bucket, .is_read_only = true};
    assert_int_equal(ori_blob_open_s3(&options, &store, NULL), ORI_OK);
    expect_text(store, "p/v/1", "x");
    assert_int_equal(ori_blob_put(store, "p/v/1", "y", 1, NULL, NULL, NULL), ORI_NOT_WRITABLE);
    assert_int_equal(ori_blob_delete(store, "p/v/1", NULL, NULL), ORI_NOT_WRITABLE);
    assert_int_equal(ori_blob_lock_video(store, "p", "v", NULL, &lock, NULL), ORI_NOT_WRITABLE);
    ori_blob_close(&store);
}

#define IN_BUCKET(test) cmocka_unit_test_setup_teardown(test, make_bucket, remove_bucket)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_BUCKET(test_put_get_stat_delete),
        IN_BUCKET(test_keys),
        IN_BUCKET(test_list_video_in_byte_order),
        IN_BUCKET(test_check),
        IN_BUCKET(test_a_lock_and_its_end),
        IN_BUCKET(test_awkward_keys),
        IN_BUCKET(test_a_list_of_several_pages),
        IN_BUCKET(test_parts_and_ranges),
        IN_BUCKET(test_list_of_videos),
        IN_BUCKET(test_signed_urls),
        IN_BUCKET(test_buckets_in_the_name_of_a_host),
        IN_BUCKET(test_refusals),
        IN_BUCKET(test_a_store_that_only_reads),
    };
    struct ori_error err = {0};
    const int started = s3_server_start();
    if (started != 0) {
        printf("skipped: no S3 server to test against (tools/deps test installs radosgw)\n");
        return started == 77 ? 77 : 1;
    }
    if (ori_net_global_init(&err) != ORI_OK ||
        s3_client_open(s3_server.secret, 6 << 20, 4, &client, &err) != ORI_OK) {
        printf("%s\n", err.text);
        s3_server_stop();
        return 1;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    s3_client_close(&client);
    ori_net_global_deinit();
    s3_server_stop();
    return failed;
}
