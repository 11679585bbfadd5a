/* The HTTP core with handlers of its own: work is handed to desks and comes back, a client that leaves
 * or a server that ends sets the token, answers of each kind arrive whole. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/live.h"
#include "http/resource.h"
#include "http/server.h"
#include "util/clock.h"
#include "util/limits.h"

#define BIG_BYTES 3000000
#define HUGE_BYTES ((size_t)64 << 20)

static atomic_int begun; /* handlers that wait */
static atomic_int told;  /* of them those whose token was set */

static void wait_for_token(struct ori_http_request *request)
{
    atomic_fetch_add(&begun, 1);
    if (ori_cancel_wait(request->cancel, 20000) == ORI_CANCELLED)
        atomic_fetch_add(&told, 1);
}

/* Chosen by the query: every way to fill in an answer. */
static void answer(struct ori_http_request *request, struct ori_http_response *response)
{
    const char *kind = ori_http_query(request, "kind");
    kind = kind ? kind : "json";
    if (strcmp(kind, "wait") == 0)
        wait_for_token(request);
    if (strcmp(kind, "big") == 0) {
        struct ori_buf *body = ori_http_body(response, "text/plain");
        while (body->used < BIG_BYTES)
            ori_buf_add(body, "0123456789", 10);
    } else if (strcmp(kind, "static") == 0) {
        ori_http_static(response, "text/plain", "static", 6);
    } else if (strcmp(kind, "given") == 0) {
        ori_http_give(response, "text/plain", strdup("given"), 5);
    } else if (strcmp(kind, "huge") == 0) { /* as untouched zeros it costs no memory */
        ori_http_give(response, "text/plain", calloc(1, HUGE_BYTES), HUGE_BYTES);
    } else if (strcmp(kind, "tag") == 0) {
        if (!ori_http_cached(request, response, "abc", "private, max-age=60"))
            ori_http_static(response, "text/plain", "tagged", 6);
    } else if (strcmp(kind, "replaced") == 0) {
        ori_http_give(response, "text/plain", strdup("given"), 5);
        ori_http_set_header(response, "X-Gone", "yes");
        ori_http_problem(request, response, 409, "taken", "no %s", "room");
    } else if (strcmp(kind, "null") == 0) {
        ori_http_json(response, NULL);
    } else if (strcmp(kind, "headers") == 0) {
        for (int i = 0; i < 1000; i++)
            ori_http_set_header(response, "X-Many", "0123456789");
    } else {
        ori_http_set_status(response, request->route->success);
        ori_http_json(response, json_pack("{s:s}", "name", request->route->name));
    }
}

#define ORI_ROUTE_ROW(method, path, name, ...)                                                     \
    void ori_resource_##name(struct ori_http_request *request, struct ori_http_response *response) \
    {                                                                                              \
        answer(request, response);                                                                 \
    }
#include "http/routes_tbl.h"
#undef ORI_ROUTE_ROW

struct world {
    struct ori_cancel cancel;
    struct ori_service service;
    struct ori_http_server *server;
};

static void open_world(struct world *world)
{
    static const char *const environment[] = {"API_PORT=0", NULL};
    struct ori_settings_sources sources = {.environment = environment};
    const struct ori_settings *settings = NULL;
    struct ori_error err = {0};
    memset(world, 0, sizeof *world);
    atomic_store(&begun, 0);
    atomic_store(&told, 0);
    assert_int_equal(ori_settings_load(&sources, &settings, &err), ORI_OK);
    assert_int_equal(ori_live_create(settings, &world->service.live, &err), ORI_OK);
    assert_int_equal(ori_cancel_init(&world->cancel, NULL, &err), ORI_OK);
    assert_int_equal(ori_metrics_create(true, &world->service.metrics, &err), ORI_OK);
    world->service.settings = settings;
    world->service.cancel = &world->cancel;
    assert_int_equal(ori_http_server_create(&world->service, &world->server, &err), ORI_OK);
}

static void close_world(struct world *world)
{
    ori_http_server_destroy(&world->server);
    assert_null(world->server);
    ori_metrics_destroy(&world->service.metrics);
    ori_live_destroy(&world->service.live);
    ori_cancel_deinit(&world->cancel);
}

static int connect_to(const struct world *world)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)ori_http_server_port(world->server))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void ask(int fd, const char *method, const char *target, const char *headers)
{
    char text[2000];
    int bytes = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", method,
                         target, headers);
    assert_int_equal(send(fd, text, (size_t)bytes, MSG_NOSIGNAL), bytes);
}

/* All that comes until the server closes; malloc'ed. */
static char *read_all(int fd, size_t *ret_bytes)
{
    size_t size = BIG_BYTES + 65536;
    char *text = calloc(1, size);
    *ret_bytes = 0;
    for (;;) {
        struct pollfd look = {fd, POLLIN, 0};
        assert_int_equal(poll(&look, 1, 20000), 1);
        ssize_t got = recv(fd, text + *ret_bytes, size - 1 - *ret_bytes, 0);
        if (got <= 0)
            return text;
        *ret_bytes += (size_t)got;
    }
}

static void check(struct world *world, const char *target, const char *headers, int status,
                  const char *has, const char *has_not)
{
    char closing[500];
    char line[40];
    size_t bytes = 0;
    snprintf(closing, sizeof closing, "%sConnection: close\r\n", headers);
    int fd = connect_to(world);
    ask(fd, "GET", target, closing);
    char *text = read_all(fd, &bytes);
    snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
    if (strncmp(text, line, strlen(line)) != 0 || !strstr(text, has) ||
        (has_not && strstr(text, has_not)))
        fail_msg("%s: %.1000s", target, text);
    free(text);
    close(fd);
}

static void each_kind_of_answer_arrives(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    static const char *const places[] = {"/health", "/ready", "/frames/a/b"}; /* INLINE DESK SLOW */
    for (size_t i = 0; i < 3; i++) {
        char target[100];
#define CHECK(kind, ...)                                                                           \
    snprintf(target, sizeof target, "%s?kind=%s", places[i], kind);                                \
    check(&world, target, __VA_ARGS__)
        CHECK("json", "", 200, "\r\n\r\n{\"name\":\"", NULL);
        CHECK("static", "", 200, "\r\n\r\nstatic", NULL);
        CHECK("given", "", 200, "\r\n\r\ngiven", NULL);
        CHECK("tag", "", 200, "ETag: \"abc\"", "no-store");
        CHECK("tag", "If-None-Match: \"abc\"\r\n", 304, "ETag: \"abc\"", "tagged");
        CHECK("tag", "If-None-Match: \"x\", W/\"abc\"\r\n", 304, "max-age=60", "tagged");
        CHECK("tag", "If-None-Match: *\r\n", 304, "ETag", "tagged");
        CHECK("tag", "If-None-Match: \"ab\", abc\r\n", 200, "tagged", NULL);
        CHECK("replaced", "", 409, "\"detail\":\"no room\"", "X-Gone");
        CHECK("null", "", 503, "out_of_memory", NULL);
        CHECK("headers", "", 500, "internal_error", "X-Many");
#undef CHECK
    }
    int fd = connect_to(&world);
    size_t bytes = 0;
    ask(fd, "GET", "/ready?kind=big", "Connection: close\r\n");
    char *text = read_all(fd, &bytes);
    char *body = strstr(text, "\r\n\r\n");
    assert_non_null(body);
    assert_int_equal(strlen(body + 4), BIG_BYTES);
    free(text);
    close(fd);
    close_world(&world);
}

static void wait_count(atomic_int *value, int wanted)
{
    int64_t until_us = ori_clock_us() + 20000000;
    while (atomic_load(value) < wanted && ori_clock_us() < until_us)
        (void)ori_cancel_wait(NULL, 5);
    assert_int_equal(atomic_load(value), wanted);
}

static void a_client_that_leaves_sets_the_token(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    int leaves = connect_to(&world);
    int stays = connect_to(&world);
    ask(leaves, "GET", "/frames/a/b?kind=wait", "");
    ask(stays, "GET", "/frames/a/b?kind=wait", "Connection: close\r\n");
    wait_count(&begun, 2);
    close(leaves);
    wait_count(&told, 1);
    /* quick answers go on beside all of that */
    check(&world, "/health", "", 200, "health", NULL);
    check(&world, "/ready", "", 200, "ready", NULL);
    assert_int_equal(atomic_load(&told), 1);
    close_world(&world);
    assert_int_equal(atomic_load(&told), 2);
    size_t bytes = 0;
    free(read_all(stays, &bytes));
    close(stays);
}

/* More slow requests than threads, at both desks, when the end comes: the end is quick, and every
 * connection is answered or closed. */
static void the_end_comes_with_work_waiting(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    int fds[60];
    for (int i = 0; i < 60; i++) {
        fds[i] = connect_to(&world);
        ask(fds[i], "GET", i % 2 ? "/frames/a/b?kind=wait" : "/ready?kind=wait",
            "Connection: close\r\n");
    }
    wait_count(&begun, 12); /* 8 and 4 threads */
    int64_t begun_us = ori_clock_us();
    ori_http_server_stop_accepting(world.server);
    ori_http_server_stop_accepting(world.server);
    close_world(&world);
    assert_true(ori_clock_us() - begun_us < 10000000);
    int answered = 0;
    for (int i = 0; i < 60; i++) {
        size_t bytes = 0;
        char *text = read_all(fds[i], &bytes);
        answered += strncmp(text, "HTTP/1.1 ", 9) == 0;
        free(text);
        close(fds[i]);
    }
    assert_true(answered >= 12);
}

/* The status of the answer; the rest stays where it is. */
static int status_of(int fd)
{
    char text[13] = "";
    for (size_t bytes = 0; bytes < 12;) {
        ssize_t got = recv(fd, text + bytes, 12 - bytes, 0);
        assert_true(got > 0);
        bytes += (size_t)got;
    }
    return (int)strtol(text + 9, NULL, 10);
}

static int ask_huge(const struct world *world, int *ret_status)
{
    int fd = connect_to(world);
    ask(fd, "GET", "/frames/a/b?kind=huge", "");
    *ret_status = status_of(fd);
    return fd;
}

static void answers_nobody_takes_have_a_limit(void **state)
{
    (void)state;
    enum { MOST = ORI_LIMIT_MAX_ANSWERS_BYTES / HUGE_BYTES };
    struct world world;
    open_world(&world);
    int fds[MOST];
    int status = 0;
    for (int i = 0; i < MOST; i++) {
        fds[i] = ask_huge(&world, &status);
        assert_int_equal(status, 200);
    }
    close(ask_huge(&world, &status));
    assert_int_equal(status, 503);
    check(&world, "/frames/a/b", "", 200, "list_frames", NULL); /* a short one always fits */
    close(fds[0]);
    int64_t until_us = ori_clock_us() + 20000000;
    do /* the library sees the end of that client soon */
        close(ask_huge(&world, &status));
    while (status == 503 && ori_clock_us() < until_us);
    assert_int_equal(status, 200);
    for (int i = 1; i < MOST; i++)
        close(fds[i]);
    close_world(&world);
}

static void a_taken_port_is_told(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    struct ori_service service = world.service;
    struct ori_settings settings = *service.settings;
    struct ori_http_server *second = NULL;
    struct ori_error err = {0};
    settings.api_port = ori_http_server_port(world.server);
    service.settings = &settings;
    assert_int_equal(ori_http_server_create(&service, &second, &err), ORI_PORT_TAKEN);
    assert_null(second);
    assert_non_null(strstr(err.text, "API_PORT="));
    close_world(&world);
}

static void unsafe_settings_are_refused(void **state)
{
    (void)state;
    struct world world;
    open_world(&world);
    struct ori_settings settings = *world.service.settings;
    static const struct {
        const char *host;
        const char *key;
        const char *user;
        const char *password;
        ori_status status;
    } rows[] = {{"127.0.0.1", "", "", "", ORI_OK},
                {"localhost", "", "", "", ORI_OK},
                {"::1", "", "", "", ORI_OK},
                {"0.0.0.0", "", "", "", ORI_BAD_SETTING},
                {"0.0.0.0", "k", "", "", ORI_OK},
                {"::", "", "", "", ORI_BAD_SETTING},
                {"10.0.0.1", "", "", "", ORI_BAD_SETTING},
                {"not a host", "k", "", "", ORI_BAD_SETTING},
                {"127.0.0.1", "", "me", "", ORI_BAD_SETTING},
                {"127.0.0.1", "", "me", "pw", ORI_OK}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_error err = {0};
        settings.api_host = rows[i].host;
        settings.api_key.hidden = rows[i].key;
        settings.api_username = rows[i].user;
        settings.api_password.hidden = rows[i].password;
        if (ori_http_server_check(&settings, &err) != rows[i].status)
            fail_msg("%s: %s", rows[i].host, err.text);
    }
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_kind_of_answer_arrives),
                                       cmocka_unit_test(a_client_that_leaves_sets_the_token),
                                       cmocka_unit_test(the_end_comes_with_work_waiting),
                                       cmocka_unit_test(answers_nobody_takes_have_a_limit),
                                       cmocka_unit_test(a_taken_port_is_told),
                                       cmocka_unit_test(unsafe_settings_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
