/* The HTTP client against servers of every kind, most of them bad. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "net/client.h"
#include "net_server.h"
#include "util/clock.h"
#include "util/limits.h"
#include "util/text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define PATIENCE_US INT64_C(30000000) /* longer than any machine needs; a failure, not a pause */

static struct server server;
static struct ori_net_client *client;

struct ask {
    const char *method;
    const char *path;
    size_t bytes_max;
    int retries;
    int64_t time_us;
    bool is_guarded;
    bool is_single; /* may not be repeated */
    int head_ms;
    const void *body;
    size_t body_bytes;
    const struct ori_cancel *cancel;
};

static ori_status fetch(const struct ask *ask, struct ori_net_answer *answer, struct ori_error *err)
{
    char url[256];
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server.port, ask->path);
    struct ori_net_request request = {
        .method = ask->method ? ask->method : "GET",
        .url = url,
        .is_guarded = ask->is_guarded,
        .is_repeatable = !ask->is_single,
        .retries = ask->retries,
        .head_ms = ask->head_ms,
        .body = ask->body,
        .body_bytes = ask->body_bytes,
        .deadline_us = ori_clock_us() + (ask->time_us ? ask->time_us : PATIENCE_US),
        .answer_bytes_max = ask->bytes_max ? ask->bytes_max : 1 << 20};
    ori_net_answer_init(answer);
    ori_status status = ori_net_fetch(client, &request, ask->cancel, answer, err);
    assert_int_equal(status, err->status);
    if (status != ORI_OK)
        print_message("%s\n", err->text);
    return status;
}

static ori_status ends(struct ask ask)
{
    struct ori_net_answer answer;
    struct ori_error err = {0};
    ori_status status = fetch(&ask, &answer, &err);
    ori_net_answer_deinit(&answer);
    return status;
}

static void good_answers(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        const char *path;
        int status;
        const char *body;
        int requests;
    } rows[] = {
        {"GET", "/ok", 200, "hello", 1},
        {"HEAD", "/ok", 200, "", 1},
        {"POST", "/ok", 200, "hello", 1},
        {"PUT", "/ok", 200, "hello", 1},
        {"DELETE", "/ok", 200, "hello", 1},
        {"GET", "/flaky/2/503", 200, "hello", 3},
        {"POST", "/flaky/1/429", 200, "hello", 2},
        {"GET", "/flaky/9/503", 503, "not now", 4},
        {"GET", "/flaky/9/500", 500, "not now", 4},
        {"GET", "/flaky/9/408", 408, "not now", 4},
        {"GET", "/flaky/9/404", 404, "not now", 1},
        {"GET", "/flaky/9/400", 400, "not now", 1},
        {"GET", "/flaky/9/501", 501, "not now", 1},
        {"GET", "/after/429/1", 200, "hello", 2},
        {"GET", "/moved", 302, "", 1},
        {"GET", "/long", 200, "xxxxx", 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_net_answer answer;
        struct ori_error err = {0};
        print_message("%s %s\n", rows[i].method, rows[i].path);
        atomic_store(&server.failures, 0);
        atomic_store(&server.requests, 0);
        struct ask ask = {.method = rows[i].method, .path = rows[i].path, .retries = 3};
        assert_int_equal(fetch(&ask, &answer, &err), ORI_OK);
        assert_int_equal(answer.status, rows[i].status);
        assert_string_equal(ori_buf_text(&answer.body), rows[i].body);
        assert_int_equal(answer.attempts, rows[i].requests);
        assert_int_equal(atomic_load(&server.requests), rows[i].requests);
        ori_net_answer_deinit(&answer);
    }
}

static void bad_answers(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        ori_status status;
        int attempts; /* with one retry allowed */
    } rows[] = {
        {"/half", ORI_NETWORK, 2},       {"/reset", ORI_NETWORK, 2}, {"/nothing", ORI_NETWORK, 2},
        {"/garbage", ORI_NETWORK, 1},    {"/endless", ORI_LIMIT, 1}, {"/heads", ORI_LIMIT, 1},
        {"/bytes/100000", ORI_LIMIT, 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_net_answer answer;
        struct ori_error err = {0};
        struct ask ask = {.path = rows[i].path, .retries = 1, .bytes_max = 65536};
        print_message("%s\n", rows[i].path);
        assert_int_equal(fetch(&ask, &answer, &err), rows[i].status);
        assert_int_equal(answer.attempts, rows[i].attempts);
        assert_non_null(strstr(err.text, "GET http://127.0.0.1:"));
        assert_null(strstr(err.text, rows[i].path)); /* a path may carry a secret */
        ori_net_answer_deinit(&answer);
    }
}

static void limits_at_their_edge(void **state)
{
    (void)state;
    char path[64];
    assert_int_equal(ends((struct ask){.path = "/bytes/65536", .bytes_max = 65536}), ORI_OK);
    assert_int_equal(ends((struct ask){.path = "/bytes/65537", .bytes_max = 65536}), ORI_LIMIT);
    assert_int_equal(ends((struct ask){.path = "/ok", .bytes_max = 5}), ORI_OK);
    assert_int_equal(ends((struct ask){.path = "/ok", .bytes_max = 4}), ORI_LIMIT);
    snprintf(path, sizeof path, "/head/%d", ORI_LIMIT_MAX_NET_HEADER_BYTES);
    assert_int_equal(ends((struct ask){.path = path}), ORI_OK);
    snprintf(path, sizeof path, "/head/%d", ORI_LIMIT_MAX_NET_HEADER_BYTES + 1);
    assert_int_equal(ends((struct ask){.path = path}), ORI_LIMIT);
    for (int bytes = 127; bytes <= 128; bytes++) {
        struct ori_net_answer answer;
        struct ori_error err = {0};
        snprintf(path, sizeof path, "/type/%d", bytes);
        assert_int_equal(fetch(&(struct ask){.path = path}, &answer, &err), ORI_OK);
        assert_int_equal(strlen(answer.content_type), bytes == 127 ? 127 : 0);
        ori_net_answer_deinit(&answer);
    }
}

static void facts_of_an_answer(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *type;
        int64_t retry_after_ms;
    } rows[] = {
        {"/ok", "text/plain", -1}, {"/after/429/0", "", 0}, {"/after/503/7200", "", 7200000}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_net_answer answer;
        struct ori_error err = {0};
        atomic_store(&server.failures, 0);
        assert_int_equal(fetch(&(struct ask){.path = rows[i].path}, &answer, &err), ORI_OK);
        assert_string_equal(answer.content_type, rows[i].type);
        assert_int_equal(answer.retry_after_ms, rows[i].retry_after_ms);
        ori_net_answer_deinit(&answer);
    }
}

/* An answer that asks for more patience than there is comes back as it is, at once. */
static void retry_after_beyond_the_deadline(void **state)
{
    (void)state;
    struct ori_net_answer answer;
    struct ori_error err = {0};
    struct ask ask = {.path = "/after/503/3600", .retries = 5, .time_us = 20000000};
    atomic_store(&server.failures, 0);
    int64_t begin_us = ori_clock_us();
    assert_int_equal(fetch(&ask, &answer, &err), ORI_OK);
    assert_int_equal(answer.status, 503);
    assert_string_equal(ori_buf_text(&answer.body), "later");
    assert_int_equal(answer.attempts, 1);
    assert_true(ori_clock_us() - begin_us < 5000000);
    ori_net_answer_deinit(&answer);
}

static void what_may_not_be_repeated_is_not(void **state)
{
    (void)state;
    atomic_store(&server.failures, 0);
    atomic_store(&server.requests, 0);
    struct ask ask = {.method = "POST", .path = "/flaky/1/503", .retries = 5, .is_single = true};
    struct ori_net_answer answer;
    struct ori_error err = {0};
    assert_int_equal(fetch(&ask, &answer, &err), ORI_OK);
    assert_int_equal(answer.status, 503);
    assert_int_equal(atomic_load(&server.requests), 1);
    ori_net_answer_deinit(&answer);
    /* Not by libcurl either, on a kept connection that has died meanwhile. */
    for (int i = 0; i < 20; i++) {
        assert_int_equal(ends((struct ask){.path = "/die"}), ORI_OK);
        atomic_store(&server.requests, 0);
        assert_int_equal(ends((struct ask){.method = "POST", .path = "/reset", .is_single = true}),
                         ORI_NETWORK);
        assert_int_equal(atomic_load(&server.requests), 1);
    }
}

static void time_is_up(void **state)
{
    (void)state;
    static const char *const paths[] = {"/hang", "/trickle", "/gate"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        int64_t begin_us = ori_clock_us();
        struct ask ask = {.path = paths[i], .retries = 9, .time_us = 150000};
        assert_int_equal(ends(ask), ORI_TIMEOUT);
        assert_in_range(ori_clock_us() - begin_us, 150000, 5000000);
    }
    assert_int_equal(ends((struct ask){.path = "/ok", .time_us = -1}), ORI_TIMEOUT);
}

/* A peer that trickles is dropped long before the deadline. */
static void a_trickle_is_dropped(void **state)
{
    (void)state;
    struct ori_net_client_options options = {.connections_max = 1, .stall_s = 1};
    struct ori_net_client *patient = client;
    struct ori_error err = {0};
    assert_int_equal(ori_net_client_create(&options, &client, &err), ORI_OK);
    int64_t begin_us = ori_clock_us();
    assert_int_equal(ends((struct ask){.path = "/trickle"}), ORI_TIMEOUT);
    assert_int_equal(ends((struct ask){.path = "/hang"}), ORI_TIMEOUT);
    assert_true(ori_clock_us() - begin_us < PATIENCE_US / 2);
    ori_net_client_destroy(&client);
    client = patient;
}

/* A server that takes the request and is silent, or says its headers byte by byte, is given up long
 * before a stall would be one; and is asked again, for it may have been its bad moment. */
static void a_head_that_does_not_come(void **state)
{
    (void)state;
    static const char *const paths[] = {"/hang", "/loris", "/late/20000"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct ori_net_answer answer;
        struct ori_error err = {0};
        struct ask ask = {.path = paths[i], .head_ms = 100, .retries = 1};
        int64_t begin_us = ori_clock_us();
        print_message("%s\n", paths[i]);
        assert_int_equal(fetch(&ask, &answer, &err), ORI_TIMEOUT);
        assert_int_equal(answer.attempts, 2);
        assert_non_null(strstr(err.text, "did not begin to answer within 100 ms"));
        assert_in_range(ori_clock_us() - begin_us, 200000, 10000000);
        ori_net_answer_deinit(&answer);
    }
    /* Not for what may not be repeated. */
    atomic_store(&server.requests, 0);
    assert_int_equal(
        ends((struct ask){
            .method = "POST", .path = "/hang", .head_ms = 50, .retries = 3, .is_single = true}),
        ORI_TIMEOUT);
    assert_int_equal(atomic_load(&server.requests), 1);
}

/* Once the head is there, the body has all the time that a stall and the deadline leave it. */
static void a_head_in_time(void **state)
{
    (void)state;
    static char body[4 << 20];
    struct ori_net_answer answer;
    struct ori_error err = {0};
    struct ask slow_body = {.path = "/trickle", .head_ms = 300, .time_us = 900000};
    assert_int_equal(fetch(&slow_body, &answer, &err), ORI_TIMEOUT);
    assert_non_null(strstr(err.text, "no whole answer within the time allowed"));
    ori_net_answer_deinit(&answer);
    assert_int_equal(ends((struct ask){.path = "/late/50", .head_ms = 5000}), ORI_OK);
    assert_int_equal(ends((struct ask){.path = "/ok", .head_ms = 5000}), ORI_OK);
    /* The clock begins when the request has left: of this one the kernel takes a part. */
    struct ask upload = {.method = "PUT",
                         .path = "/deaf",
                         .head_ms = 100,
                         .body = body,
                         .body_bytes = sizeof body,
                         .time_us = 700000};
    struct ori_error second = {0};
    assert_int_equal(fetch(&upload, &answer, &second), ORI_TIMEOUT);
    assert_non_null(strstr(second.text, "no whole answer"));
    ori_net_answer_deinit(&answer);
    upload.body_bytes = 1000; /* sent whole */
    struct ori_error third = {0};
    assert_int_equal(fetch(&upload, &answer, &third), ORI_TIMEOUT);
    assert_non_null(strstr(third.text, "did not begin to answer"));
    ori_net_answer_deinit(&answer);
}

/* A date counts from the wall clock's second, so that one of two seconds away asks for more than one. */
static void retry_after_as_a_date(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int64_t least_us;
        int attempts;
    } rows[] = {{"/date/2", 900000, 2}, {"/date/-100", 0, 2}, {"/date/1000", 0, 1}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_net_answer answer;
        struct ori_error err = {0};
        struct ask ask = {.path = rows[i].path, .retries = 3, .time_us = PATIENCE_US};
        atomic_store(&server.failures, 0);
        int64_t begin_us = ori_clock_us();
        assert_int_equal(fetch(&ask, &answer, &err), ORI_OK);
        print_message("%s: %lld ms\n", rows[i].path, (long long)answer.retry_after_ms);
        assert_int_equal(answer.attempts, rows[i].attempts);
        assert_int_equal(answer.status, rows[i].attempts == 2 ? 200 : 503);
        assert_in_range(ori_clock_us() - begin_us, rows[i].least_us, PATIENCE_US / 2);
        ori_net_answer_deinit(&answer);
    }
}

static void nobody_listens(void **state)
{
    (void)state;
    struct ori_error err = {0};
    struct ori_net_answer answer;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof address;
    char url[64];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* bound, so nobody else gets it */
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &bytes), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    struct ori_net_request request = {.method = "GET",
                                      .url = url,
                                      .is_repeatable = true,
                                      .retries = 2,
                                      .deadline_us = ori_clock_us() + PATIENCE_US};
    ori_net_answer_init(&answer);
    assert_int_equal(ori_net_fetch(client, &request, NULL, &answer, &err), ORI_NETWORK);
    assert_int_equal(answer.attempts, 3);
    assert_int_equal(err.native, 7); /* CURLE_COULDNT_CONNECT */
    ori_net_answer_deinit(&answer);
    close(fd);
}

/* ---- the guard ---- */

static ori_status fetch_guarded(struct ori_net_client *from, const char *host, const char *path)
{
    char url[128];
    struct ori_net_answer answer;
    struct ori_error err = {0};
    snprintf(url, sizeof url, "http://%s:%d%s", host, server.port, path);
    struct ori_net_request request = {.method = "GET",
                                      .url = url,
                                      .is_guarded = true,
                                      .is_repeatable = true,
                                      .retries = 3,
                                      .deadline_us = ori_clock_us() + PATIENCE_US,
                                      .answer_bytes_max = 1000};
    ori_net_answer_init(&answer);
    ori_status status = ori_net_fetch(from, &request, NULL, &answer, &err);
    if (status == ORI_URL_REFUSED)
        assert_in_range(answer.attempts, 0, 1);
    ori_net_answer_deinit(&answer);
    return status;
}

static void the_guard(void **state)
{
    (void)state;
    static const char *const hosts[] = {
        "127.0.0.1", "127.1", "2130706433", "localhost", "LOCALHOST", "[::ffff:127.0.0.1]", "0"};
    atomic_store(&server.connections, 0);
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        if (fetch_guarded(client, hosts[i], "/ok") != ORI_URL_REFUSED)
            fail_msg("%s", hosts[i]);
    }
    assert_int_equal(atomic_load(&server.connections), 0);
}

static void the_guard_with_a_list(void **state)
{
    (void)state;
    struct ori_network_list *list = NULL;
    struct ori_error err = {0};
    struct ori_net_client *guarded = NULL;
    assert_int_equal(ori_network_list_create("127.0.0.0/8", &list, &err), ORI_OK);
    struct ori_net_client_options options = {.allowed = list, .connections_max = 2};
    assert_int_equal(ori_net_client_create(&options, &guarded, &err), ORI_OK);
    assert_int_equal(fetch_guarded(guarded, "127.0.0.1", "/ok"), ORI_OK);
    assert_int_equal(fetch_guarded(guarded, "localhost", "/moved"), ORI_OK); /* not followed */
    assert_int_equal(fetch_guarded(guarded, "[::1]", "/ok"), ORI_URL_REFUSED);
    ori_net_client_destroy(&guarded);
    ori_network_list_destroy(&list);
}

/* A connection that an open request left behind is none for a guarded one. */
static void the_guard_and_kept_connections(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ends((struct ask){.path = "/ok"}), ORI_OK);
        assert_int_equal(ends((struct ask){.path = "/ok", .is_guarded = true}), ORI_URL_REFUSED);
        char url[64];
        snprintf(url, sizeof url, "http://localhost:%d/ok", server.port);
        struct ori_net_request request = {.method = "GET",
                                          .url = url,
                                          .is_repeatable = true,
                                          .deadline_us = ori_clock_us() + PATIENCE_US,
                                          .answer_bytes_max = 100};
        struct ori_net_answer answer;
        struct ori_error err = {0};
        ori_net_answer_init(&answer);
        assert_int_equal(ori_net_fetch(client, &request, NULL, &answer, &err), ORI_OK);
        ori_net_answer_deinit(&answer);
        assert_int_equal(fetch_guarded(client, "localhost", "/ok"), ORI_URL_REFUSED);
    }
}

/* What lies ready on a kept connection is not the answer to the next request. */
static void answers_that_nobody_asked_for(void **state)
{
    (void)state;
    for (int i = 1; i <= 20; i++) {
        struct ori_net_answer answer;
        struct ori_error err = {0};
        int64_t deadline_us = ori_clock_us() + PATIENCE_US;
        atomic_store(&server.ahead, 0);
        assert_int_equal(ends((struct ask){.path = "/ahead"}), ORI_OK);
        while (atomic_load(&server.ahead) == 0 && ori_clock_us() < deadline_us)
            (void)!ori_cancel_wait(NULL, 1);
        assert_int_equal(fetch(&(struct ask){.path = "/ok"}, &answer, &err), ORI_OK);
        assert_string_equal(ori_buf_text(&answer.body), "hello");
        ori_net_answer_deinit(&answer);
    }
}

static void no_proxy_of_the_environment(void **state)
{
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1/", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1/", 1);
    assert_int_equal(ends((struct ask){.path = "/ok"}), ORI_OK);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

/* ---- headers and bodies ---- */

static void headers_go_out(void **state)
{
    (void)state;
    char url[128];
    struct ori_net_answer answer;
    struct ori_error err = {0};
    const struct ori_net_header headers[] = {
        {"X-API-Key", "key with blanks"}, {"X-Empty", ""}, {"Content-Type", "application/json"}};
    snprintf(url, sizeof url, "http://127.0.0.1:%d/echo/a/../b?c=%%20#d", server.port);
    struct ori_net_request request = {.method = "PUT",
                                      .url = url,
                                      .headers = headers,
                                      .headers_count = COUNT_OF(headers),
                                      .body = "{\"a\":1}",
                                      .body_bytes = 7,
                                      .deadline_us = ori_clock_us() + PATIENCE_US,
                                      .answer_bytes_max = 10000};
    ori_net_answer_init(&answer);
    assert_int_equal(ori_net_fetch(client, &request, NULL, &answer, &err), ORI_OK);
    const char *said = ori_buf_text(&answer.body);
    static const char *const parts[] = {"PUT /echo/a/../b?c=%20 HTTP/1.1\r\n",
                                        "\r\nX-API-Key: key with blanks\r\n",
                                        "\r\nX-Empty:\r\n",
                                        "\r\nContent-Type: application/json\r\n",
                                        "\r\nContent-Length: 7\r\n",
                                        "\r\nUser-Agent: oriane/",
                                        "\r\n\r\n{\"a\":1}"};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (!strstr(said, parts[i]))
            fail_msg("%s is not in\n%s", parts[i], said);
    }
    assert_null(strstr(said, "Expect"));
    ori_net_answer_deinit(&answer);
}

static void headers_that_break_lines(void **state)
{
    (void)state;
    static const struct ori_net_header rows[] = {
        {"X-A", "a\r\nX-B: b"}, {"X-A", "a\nb"}, {"X-A", "\x7f"}, {"X-A\r\nX-B", "b"},
        {"X A", "b"},           {"", "b"},       {"X-A:", "b"},   {"X-\xC3\xA4", "b"},
    };
    atomic_store(&server.requests, 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char url[64];
        struct ori_net_answer answer;
        struct ori_error err = {0};
        snprintf(url, sizeof url, "http://127.0.0.1:%d/ok", server.port);
        struct ori_net_request request = {.method = "GET",
                                          .url = url,
                                          .headers = &rows[i],
                                          .headers_count = 1,
                                          .deadline_us = ori_clock_us() + PATIENCE_US,
                                          .answer_bytes_max = 100};
        ori_net_answer_init(&answer);
        assert_int_equal(ori_net_fetch(client, &request, NULL, &answer, &err), ORI_USAGE);
        ori_net_answer_deinit(&answer);
    }
    assert_int_equal(atomic_load(&server.requests), 0);
}

struct taker {
    size_t bytes;
    size_t bytes_max;
};

static ori_status take(void *self, const void *data, size_t bytes, struct ori_error *err)
{
    struct taker *taker = self;
    (void)data;
    taker->bytes += bytes;
    if (taker->bytes > taker->bytes_max)
        return ori_error_set(err, ORI_DISK_FULL, "enough");
    return ORI_OK;
}

static void bodies_piece_by_piece(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        size_t bytes_max;
        ori_status status;
        size_t taken;
        int attempts;
        const char *body;
    } rows[] = {
        {"/bytes/300000", 1000000, ORI_OK, 300000, 1, ""},
        {"/bytes/300000", 200000, ORI_DISK_FULL, 0, 1, ""},
        {"/flaky/1/503", 1000, ORI_OK, 5, 2, ""},        /* nothing of the 503 gets through */
        {"/flaky/9/404", 1000, ORI_OK, 0, 1, "not now"}, /* but what it says is kept */
        {"/half", 1000, ORI_NETWORK, 50, 1, ""},         /* no second start in the middle */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char url[64];
        struct ori_net_answer answer;
        struct ori_error err = {0};
        struct taker taker = {.bytes_max = rows[i].bytes_max};
        snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server.port, rows[i].path);
        struct ori_net_request request = {.method = "GET",
                                          .url = url,
                                          .is_repeatable = true,
                                          .retries = 3,
                                          .deadline_us = ori_clock_us() + PATIENCE_US,
                                          .answer_bytes_max = 1 << 20,
                                          .on_body = take,
                                          .on_body_self = &taker};
        atomic_store(&server.failures, 0);
        ori_net_answer_init(&answer);
        assert_int_equal(ori_net_fetch(client, &request, NULL, &answer, &err), rows[i].status);
        if (rows[i].taken > 0 || rows[i].status == ORI_OK)
            assert_int_equal(taker.bytes, rows[i].taken);
        assert_int_equal(answer.attempts, rows[i].attempts);
        assert_string_equal(ori_buf_text(&answer.body), rows[i].body);
        ori_net_answer_deinit(&answer);
    }
}

/* A name that is not found is tried again, and does the next fetch no harm. No name server is asked:
 * no label of a name may have 64 characters. */
static void names_that_are_not_found(void **state)
{
    (void)state;
    static const struct ori_net_client_options options = {.connections_max = 1};
    struct ori_net_client *own = NULL;
    struct ori_error err = {0};
    char urls[2][128];
    assert_int_equal(ori_net_client_create(&options, &own, &err), ORI_OK);
    snprintf(urls[0], sizeof urls[0], "http://%064d.invalid/", 0);
    snprintf(urls[1], sizeof urls[1], "http://127.0.0.1:%d/ok", server.port);
    for (int i = 0; i < 2; i++) {
        struct ori_net_answer answer;
        struct taker taker = {.bytes_max = SIZE_MAX};
        err = (struct ori_error){0};
        struct ori_net_request request = {.method = "GET",
                                          .url = urls[i],
                                          .is_repeatable = true,
                                          .retries = 1,
                                          .deadline_us = ori_clock_us() + PATIENCE_US,
                                          .answer_bytes_max = 1 << 20,
                                          .on_body = take,
                                          .on_body_self = &taker};
        ori_net_answer_init(&answer);
        assert_int_equal(ori_net_fetch(own, &request, NULL, &answer, &err),
                         i == 0 ? ORI_NETWORK : ORI_OK);
        assert_int_equal(ori_net_is_nobody_there(&err), i == 0);
        assert_int_equal(answer.attempts, i == 0 ? 2 : 1);
        assert_int_equal(taker.bytes, i == 0 ? 0 : strlen("hello"));
        ori_net_answer_deinit(&answer);
    }
    ori_net_client_destroy(&own);
}

static const char *const kept[] = {"ETag", "X-Empty", "X-Bad", "X-None", "location", NULL};

/* All of an answer but its body is there when the first piece of it comes. */
static ori_status look(void *self, const void *data, size_t bytes, struct ori_error *err)
{
    const struct ori_net_answer *answer = self;
    (void)data;
    (void)bytes;
    (void)err;
    assert_int_equal(answer->status, 200);
    assert_string_equal(ori_net_answer_header(answer, "etag"), "\"first\"");
    assert_string_equal(answer->peer, "127.0.0.1");
    assert_int_equal(answer->retry_after_ms, 7000);
    return ORI_OK;
}

static void headers_that_are_kept(void **state)
{
    (void)state;
    for (int is_piecewise = 0; is_piecewise < 2; is_piecewise++) {
        char url[64];
        struct ori_net_answer answer;
        struct ori_error err = {0};
        snprintf(url, sizeof url, "http://127.0.0.1:%d/kept", server.port);
        struct ori_net_request request = {.method = "GET",
                                          .url = url,
                                          .keep = kept,
                                          .deadline_us = ori_clock_us() + PATIENCE_US,
                                          .answer_bytes_max = 100,
                                          .on_body = is_piecewise ? look : NULL,
                                          .on_body_self = &answer};
        ori_net_answer_init(&answer);
        assert_int_equal(ori_net_fetch(client, &request, NULL, &answer, &err), ORI_OK);
        assert_string_equal(ori_net_answer_header(&answer, "ETag"), "\"first\"");
        assert_null(ori_net_answer_header(&answer, "x-empty"));
        assert_null(ori_net_answer_header(&answer, "X-Bad")); /* with a tab inside */
        assert_null(ori_net_answer_header(&answer, "X-None"));
        assert_null(ori_net_answer_header(&answer, "X-Other")); /* not asked for */
        assert_string_equal(answer.peer, "127.0.0.1");
        request.keep = NULL;
        request.on_body = NULL;
        assert_int_equal(ori_net_fetch(client, &request, NULL, &answer, &err), ORI_OK);
        assert_null(ori_net_answer_header(&answer, "ETag")); /* of the answer before */
        ori_net_answer_deinit(&answer);
        assert_null(ori_net_answer_header(&answer, "ETag"));
    }
}

/* A refusal is read to the end up to its limit, however large the body asked for may be. */
static void long_refusals(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        char url[64];
        struct ori_net_answer answer;
        struct ori_error err = {0};
        struct taker taker = {.bytes_max = SIZE_MAX};
        snprintf(url, sizeof url, "http://127.0.0.1:%d/deny/404/%d", server.port,
                 ORI_LIMIT_MAX_NET_REFUSAL_BYTES + more);
        struct ori_net_request request = {.method = "GET",
                                          .url = url,
                                          .deadline_us = ori_clock_us() + PATIENCE_US,
                                          .answer_bytes_max = SIZE_MAX / 2,
                                          .on_body = take,
                                          .on_body_self = &taker};
        ori_net_answer_init(&answer);
        assert_int_equal(ori_net_fetch(client, &request, NULL, &answer, &err),
                         more ? ORI_LIMIT : ORI_OK);
        assert_int_equal(taker.bytes, 0);
        ori_net_answer_deinit(&answer);
    }
}

/* A peer may ask us to wait, but not for longer than the caller has said. */
static void waits_that_are_too_long(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        char url[64];
        struct ori_net_answer answer;
        struct ori_error err = {0};
        atomic_store(&server.failures, 0);
        snprintf(url, sizeof url, "http://127.0.0.1:%d/after/503/1", server.port);
        struct ori_net_request request = {.method = "GET",
                                          .url = url,
                                          .is_repeatable = true,
                                          .retries = 3,
                                          .wait_ms_max = i ? 999 : 1000,
                                          .deadline_us = ori_clock_us() + PATIENCE_US,
                                          .answer_bytes_max = 100};
        ori_net_answer_init(&answer);
        assert_int_equal(ori_net_fetch(client, &request, NULL, &answer, &err), ORI_OK);
        assert_int_equal(answer.status, i ? 503 : 200);
        assert_int_equal(answer.attempts, i ? 1 : 2);
        ori_net_answer_deinit(&answer);
    }
}

static void long_urls(void **state)
{
    (void)state;
    static char url[ORI_LIMIT_MAX_NET_URL_BYTES + 2];
    for (int more = 0; more < 2; more++) {
        struct ori_net_answer answer;
        struct ori_error err = {0};
        memset(url, 'x', sizeof url);
        int used = snprintf(url, sizeof url, "http://127.0.0.1:%d/deny/200/5?", server.port);
        url[used] = 'x';
        url[ORI_LIMIT_MAX_NET_URL_BYTES + more] = '\0';
        struct ori_net_request request = {.method = "HEAD",
                                          .url = url,
                                          .deadline_us = ori_clock_us() + PATIENCE_US,
                                          .answer_bytes_max = 100};
        ori_net_answer_init(&answer);
        ori_status status = ori_net_fetch(client, &request, NULL, &answer, &err);
        if (more)
            assert_int_equal(status, ORI_URL_REFUSED);
        else /* the test's server reads less than that, and hangs up */
            assert_int_equal(status, ORI_NETWORK);
        ori_net_answer_deinit(&answer);
    }
}

/* ---- cancel ---- */

struct canceller {
    struct ori_cancel cancel;
    int64_t set_us;
};

static void *cancel_when_reached(void *self)
{
    struct canceller *canceller = self;
    int64_t deadline_us = ori_clock_us() + PATIENCE_US;
    while (atomic_load(&server.requests) == 0 && ori_clock_us() < deadline_us)
        (void)!ori_cancel_wait(NULL, 1);
    canceller->set_us = ori_clock_us();
    ori_cancel_set(&canceller->cancel);
    return NULL;
}

static void cancelled(void **state)
{
    (void)state;
    static const struct ask rows[] = {
        {.path = "/hang"},
        {.path = "/trickle"},
        {.path = "/after/503/20", .retries = 3}, /* in the wait before the next attempt */
        {.path = "/endless", .bytes_max = SIZE_MAX / 2},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct canceller canceller;
        struct ori_error err = {0};
        struct ask ask = rows[i];
        pthread_t thread;
        atomic_store(&server.requests, 0);
        atomic_store(&server.failures, 0);
        assert_int_equal(ori_cancel_init(&canceller.cancel, NULL, &err), ORI_OK);
        assert_int_equal(pthread_create(&thread, NULL, cancel_when_reached, &canceller), 0);
        ask.cancel = &canceller.cancel;
        assert_int_equal(ends(ask), ORI_CANCELLED);
        int64_t ended_us = ori_clock_us();
        pthread_join(thread, NULL);
        print_message("%s: %lld us\n", rows[i].path, (long long)(ended_us - canceller.set_us));
        assert_true(ended_us - canceller.set_us < 200000);
        assert_int_equal(ends(ask), ORI_CANCELLED); /* set already: nothing is begun */
        ori_cancel_deinit(&canceller.cancel);
    }
}

/* ---- the pool ---- */

static void *fetch_at_gate(void *self)
{
    ori_status *status = self;
    *status = ends((struct ask){.path = "/gate"});
    return NULL;
}

static void wait_for_inside(int count)
{
    int64_t deadline_us = ori_clock_us() + PATIENCE_US;
    while (atomic_load(&server.inside) < count && ori_clock_us() < deadline_us)
        (void)!ori_cancel_wait(NULL, 1);
    assert_int_equal(atomic_load(&server.inside), count);
}

static void no_more_connections_than_allowed(void **state)
{
    (void)state;
    enum { ALLOWED = 4, FETCHES = 12 };
    pthread_t threads[FETCHES];
    ori_status statuses[FETCHES];
    atomic_store(&server.connections, 0);
    for (int i = 0; i < FETCHES; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, fetch_at_gate, &statuses[i]), 0);
    wait_for_inside(ALLOWED);
    assert_int_equal(ends((struct ask){.path = "/ok", .time_us = 50000}), ORI_TIMEOUT);
    assert_int_equal(atomic_load(&server.inside), ALLOWED);
    server_open_gate(&server); /* stays open */
    for (int i = 0; i < FETCHES; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(statuses[i], ORI_OK);
    }
    assert_in_range(atomic_load(&server.connections), ALLOWED, ALLOWED + 1);
}

static int open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void nothing_leaks(void **state)
{
    (void)state;
    static const char *const paths[] = {"/ok", "/half", "/moved", "/nothing", "/ok"};
    struct ori_net_client *warm = client;
    struct ori_net_client_options options = {.connections_max = 2};
    struct ori_error err = {0};
    int before = open_descriptors();
    assert_int_equal(ori_net_client_create(&options, &client, &err), ORI_OK);
    atomic_store(&server.connections, 0);
    for (int i = 0; i < 300; i++)
        assert_int_equal(ends((struct ask){.path = "/ok"}), ORI_OK);
    assert_int_equal(atomic_load(&server.connections), 1); /* kept, and used again */
    int after_many = open_descriptors();
    for (int i = 0; i < 200; i++) {
        ori_status status = ends((struct ask){.path = paths[i % 5], .time_us = PATIENCE_US});
        assert_true(status == ORI_OK || status == ORI_NETWORK);
    }
    assert_int_equal(ends((struct ask){.path = "/hang", .time_us = 20000}), ORI_TIMEOUT);
    assert_int_equal(ends((struct ask){.path = "/ok"}), ORI_OK);
    assert_in_range(open_descriptors(), before, after_many + 6);
    ori_net_client_destroy(&client);
    int64_t deadline_us = ori_clock_us() + PATIENCE_US; /* the server's own ends close by and by */
    while (open_descriptors() > before && ori_clock_us() < deadline_us)
        (void)!ori_cancel_wait(NULL, 1);
    assert_true(open_descriptors() <= before);
    client = warm;
}

static void sockets_are_close_on_exec(void **state)
{
    (void)state;
    assert_int_equal(ends((struct ask){.path = "/ok"}), ORI_OK); /* leaves a connection */
    DIR *folder = opendir("/proc/self/fd");
    int sockets = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct sockaddr_in peer;
        socklen_t bytes = sizeof peer;
        int64_t fd = -1;
        (void)ori_text_to_int(entry->d_name, &fd);
        if (getpeername((int)fd, (struct sockaddr *)&peer, &bytes) != 0 ||
            peer.sin_family != AF_INET)
            continue;
        sockets++;
        assert_true(fcntl((int)fd, F_GETFD) & FD_CLOEXEC);
    }
    closedir(folder);
    assert_true(sockets >= 2); /* both ends are in this process */
}

/* ---- the log ---- */

static void secrets_stay_out_of_the_log(void **state)
{
    (void)state;
    char url[128];
    char text[65536] = "";
    struct ori_net_answer answer;
    struct ori_error err = {0};
    struct ori_log log = {.job_id = "job-7"};
    const struct ori_net_header headers[] = {
        {"X-API-Key", "secret-1"}, {"Authorization", "secret-2"}, {"Accept", "text/html"}};
    int fd = memfd_create("log", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ori_log_sink_create(fd, ORI_LOG_TRACE, ORI_LOG_JSON, &log.sink, &err), ORI_OK);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/echo?signature=secret-3", server.port);
    struct ori_net_request request = {.method = "POST",
                                      .url = url,
                                      .headers = headers,
                                      .headers_count = COUNT_OF(headers),
                                      .body = "secret-4",
                                      .body_bytes = 8,
                                      .deadline_us = ori_clock_us() + PATIENCE_US,
                                      .answer_bytes_max = 10000,
                                      .log = &log};
    ori_net_answer_init(&answer);
    assert_int_equal(ori_net_fetch(client, &request, NULL, &answer, &err), ORI_OK);
    assert_non_null(strstr(ori_buf_text(&answer.body), "secret-4"));
    ori_net_answer_deinit(&answer);
    assert_true(pread(fd, text, sizeof text - 1, 0) > 0);
    assert_non_null(strstr(text, "POST /echo?***"));
    assert_non_null(strstr(text, "X-API-Key: ***"));
    assert_non_null(strstr(text, "Accept: text/html"));
    assert_non_null(strstr(text, "HTTP/1.1 200"));
    assert_null(strstr(text, "secret"));
    ori_log_sink_destroy(&log.sink);
    close(fd);
}

static int begin(void **state)
{
    (void)state;
    struct ori_error err = {0};
    struct ori_net_client_options options = {.connections_max = 4};
    server_start(&server);
    if (ori_net_global_init(&err) != ORI_OK)
        return -1;
    return ori_net_client_create(&options, &client, &err) == ORI_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    ori_net_client_destroy(&client);
    ori_net_client_destroy(&client);
    server_stop(&server);
    ori_net_global_deinit();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_answers),
        cmocka_unit_test(bad_answers),
        cmocka_unit_test(limits_at_their_edge),
        cmocka_unit_test(facts_of_an_answer),
        cmocka_unit_test(retry_after_beyond_the_deadline),
        cmocka_unit_test(what_may_not_be_repeated_is_not),
        cmocka_unit_test(time_is_up),
        cmocka_unit_test(a_trickle_is_dropped),
        cmocka_unit_test(a_head_that_does_not_come),
        cmocka_unit_test(a_head_in_time),
        cmocka_unit_test(retry_after_as_a_date),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(the_guard),
        cmocka_unit_test(the_guard_with_a_list),
        cmocka_unit_test(the_guard_and_kept_connections),
        cmocka_unit_test(answers_that_nobody_asked_for),
        cmocka_unit_test(no_proxy_of_the_environment),
        cmocka_unit_test(headers_go_out),
        cmocka_unit_test(headers_that_break_lines),
        cmocka_unit_test(bodies_piece_by_piece),
        cmocka_unit_test(names_that_are_not_found),
        cmocka_unit_test(headers_that_are_kept),
        cmocka_unit_test(long_refusals),
        cmocka_unit_test(waits_that_are_too_long),
        cmocka_unit_test(long_urls),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(no_more_connections_than_allowed),
        cmocka_unit_test(nothing_leaks),
        cmocka_unit_test(sockets_are_close_on_exec),
        cmocka_unit_test(secrets_stay_out_of_the_log),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
