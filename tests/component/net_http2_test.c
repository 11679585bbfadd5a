/* The HTTP client over HTTP/2, against nghttpd, which sends back what is uploaded. net_servers.py starts
 * it and says where it is. */
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/client.h"
#include "net/egress.h"
#include "util/clock.h"
#include "util/limits.h"
#include "util/text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define PATIENCE_US INT64_C(60000000)
#define CONNECTIONS 3

static const char *base; /* "https://localhost:port" */
static struct ori_net_egress egress = {.ca_variable = "SSL_CERT_FILE"};
static struct ori_net_client *client;

/* Bytes that are the same for the same seed, and no run of which comes again soon. */
static void fill(uint8_t *data, size_t bytes, uint32_t seed)
{
    for (size_t i = 0; i < bytes; i++) {
        seed = seed * 1664525 + 1013904223;
        data[i] = (uint8_t)(seed >> 24);
    }
}

static ori_status send_and_compare(const char *method, size_t bytes, uint32_t seed,
                                   bool is_repeatable)
{
    char url[256];
    struct ori_net_answer answer;
    struct ori_error err = {0};
    uint8_t *data = malloc(bytes + 1);
    if (!data)
        return ORI_NOMEM;
    fill(data, bytes, seed);
    snprintf(url, sizeof url, "%s/echo/%u", base, seed);
    struct ori_net_request request = {.method = method,
                                      .url = url,
                                      .body = data,
                                      .body_bytes = bytes,
                                      .is_repeatable = is_repeatable,
                                      .head_ms = 30000,
                                      .deadline_us = ori_clock_us() + PATIENCE_US,
                                      .answer_bytes_max = bytes + 1};
    ori_net_answer_init(&answer);
    ori_status status = ori_net_fetch(client, &request, NULL, &answer, &err);
    if (status != ORI_OK)
        fprintf(stderr, "%s of %zu bytes: %s\n", method, bytes, err.text);
    else if (answer.status != 200 || answer.body.used != bytes ||
             (bytes > 0 && memcmp(answer.body.data, data, bytes) != 0))
        status = ORI_INTERNAL;
    ori_net_answer_deinit(&answer);
    free(data);
    return status;
}

/* Sockets of this process to that server. */
static int connections(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    int64_t port = 0;
    assert_true(ori_text_to_int(strrchr(base, ':') + 1, &port));
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct sockaddr_in peer;
        socklen_t bytes = sizeof peer;
        int64_t fd = -1;
        (void)ori_text_to_int(entry->d_name, &fd);
        count += getpeername((int)fd, (struct sockaddr *)&peer, &bytes) == 0 &&
                 peer.sin_family == AF_INET && ntohs(peer.sin_port) == port;
    }
    closedir(folder);
    return count;
}

static int64_t local_port(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int64_t port = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct sockaddr_in self;
        struct sockaddr_in peer;
        socklen_t bytes = sizeof self;
        int64_t fd = -1;
        (void)ori_text_to_int(entry->d_name, &fd);
        if (getpeername((int)fd, (struct sockaddr *)&peer, &bytes) == 0 &&
            getsockname((int)fd, (struct sockaddr *)&self, &bytes) == 0 &&
            self.sin_family == AF_INET)
            port = ntohs(self.sin_port);
    }
    closedir(folder);
    return port;
}

static void open_client(int connections_max)
{
    struct ori_net_client_options options = {.connections_max = connections_max, .egress = &egress};
    ori_net_client_destroy(&client);
    assert_int_equal(ori_net_client_create(&options, &client, NULL), ORI_OK);
}

/* ---- the tests ---- */

static void bodies_of_all_sizes(void **state)
{
    (void)state;
    static const size_t sizes[] = {1,     100,    16383,   16384,   16385,   65534,  65535,
                                   65536, 131072, 1 << 20, 5 << 20, 8 << 20, 9 << 20};
    static const char *const methods[] = {"PUT", "POST"};
    open_client(1);
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        assert_int_equal(send_and_compare(methods[i % 2], sizes[i], (uint32_t)i, true), ORI_OK);
    assert_int_equal(connections(), 1);
}

static void one_connection_for_many_requests(void **state)
{
    (void)state;
    open_client(2);
    assert_int_equal(send_and_compare("PUT", 10, 1, true), ORI_OK);
    const int64_t port = local_port();
    assert_true(port > 0);
    for (uint32_t i = 0; i < 300; i++)
        assert_int_equal(send_and_compare("PUT", 1 + i * 10, i, true), ORI_OK);
    assert_int_equal(connections(), 1);
    assert_int_equal(local_port(), port);
}

/* What may not be sent twice takes no kept connection, here as in HTTP/1.1. */
static void what_may_not_be_repeated(void **state)
{
    (void)state;
    open_client(1);
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(send_and_compare("POST", 1000, i, false), ORI_OK);
    assert_int_equal(connections(), 1);
}

struct sender {
    uint32_t seed;
    ori_status status;
};

static void *send_many(void *self)
{
    struct sender *sender = self;
    for (uint32_t i = 0; i < 8 && sender->status == ORI_OK; i++)
        sender->status =
            send_and_compare("PUT", (size_t)(i % 4 + 1) * 300000, sender->seed + i, true);
    return NULL;
}

static void no_more_connections_than_allowed(void **state)
{
    (void)state;
    enum { THREADS = 12 };
    pthread_t threads[THREADS];
    struct sender senders[THREADS];
    open_client(CONNECTIONS);
    for (int i = 0; i < THREADS; i++) {
        senders[i] = (struct sender){.seed = (uint32_t)i * 100, .status = ORI_OK};
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, &senders[i]), 0);
    }
    for (int i = 0; i < 50; i++) {
        assert_in_range(connections(), 0, CONNECTIONS);
        (void)!ori_cancel_wait(NULL, 2);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(senders[i].status, ORI_OK);
    }
    assert_in_range(connections(), 1, CONNECTIONS);
}

/* That it is HTTP/2 the log tells, and nothing that is secret: libcurl repeats every header there. */
static void its_log(void **state)
{
    (void)state;
    static char text[262144];
    char url[256];
    struct ori_net_answer answer;
    struct ori_error err = {0};
    struct ori_log log = {.job_id = "job-7"};
    static const char *const keep[] = {"Content-Type", "SERVER", NULL};
    const struct ori_net_header headers[] = {
        {"X-API-Key", "secret-1"}, {"Authorization", "secret-2"}, {"Accept", "text/html"}};
    int fd = memfd_create("log", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ori_log_sink_create(fd, ORI_LOG_TRACE, ORI_LOG_JSON, &log.sink, &err), ORI_OK);
    snprintf(url, sizeof url, "%s/echo?signature=secret-3", base);
    struct ori_net_request request = {.method = "POST",
                                      .url = url,
                                      .headers = headers,
                                      .headers_count = COUNT_OF(headers),
                                      .body = "secret-4",
                                      .body_bytes = 8,
                                      .is_repeatable = true,
                                      .deadline_us = ori_clock_us() + PATIENCE_US,
                                      .answer_bytes_max = 10000,
                                      .keep = keep,
                                      .log = &log};
    open_client(1);
    for (int i = 0; i < 2; i++) { /* a fresh connection, and a kept one */
        ori_net_answer_init(&answer);
        assert_int_equal(ori_net_fetch(client, &request, NULL, &answer, &err), ORI_OK);
        assert_string_equal(ori_buf_text(&answer.body), "secret-4");
        assert_non_null(ori_net_answer_header(&answer, "server"));
        assert_string_equal(answer.peer, "127.0.0.1");
        ori_net_answer_deinit(&answer);
    }
    assert_true(pread(fd, text, sizeof text - 1, 0) > 0);
    assert_non_null(strstr(text, "HTTP/2 200"));
    assert_non_null(strstr(text, "ALPN"));
    assert_non_null(strstr(text, "POST /echo?***"));
    assert_null(strstr(text, "secret"));
    ori_log_sink_destroy(&log.sink);
    close(fd);
}

static void a_head_alone(void **state)
{
    (void)state;
    char url[256];
    struct ori_net_answer answer;
    struct ori_error err = {0};
    open_client(1);
    static const struct {
        const char *method;
        const char *path;
        int status;
        bool has_body;
    } rows[] = {{"HEAD", "/log", 200, false}, {"GET", "/nothing-there", 404, true}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        snprintf(url, sizeof url, "%s%s", base, rows[i].path);
        struct ori_net_request request = {.method = rows[i].method,
                                          .url = url,
                                          .is_repeatable = true,
                                          .deadline_us = ori_clock_us() + PATIENCE_US,
                                          .answer_bytes_max = 10000};
        ori_net_answer_init(&answer);
        assert_int_equal(ori_net_fetch(client, &request, NULL, &answer, &err), ORI_OK);
        assert_int_equal(answer.status, rows[i].status);
        assert_true((answer.body.used > 0) == rows[i].has_body);
        ori_net_answer_deinit(&answer);
    }
    assert_int_equal(connections(), 1);
}

static void *cancel_soon(void *self)
{
    (void)!ori_cancel_wait(NULL, 20);
    ori_cancel_set(self);
    return NULL;
}

static void cancelled(void **state)
{
    (void)state;
    struct ori_cancel cancel;
    pthread_t thread;
    struct ori_error err = {0};
    struct ori_net_answer answer;
    char url[256];
    const size_t bytes = 64 << 20;
    void *data = calloc(1, bytes);
    assert_non_null(data);
    open_client(1);
    assert_int_equal(ori_cancel_init(&cancel, NULL, &err), ORI_OK);
    snprintf(url, sizeof url, "%s/echo", base);
    struct ori_net_request request = {.method = "PUT",
                                      .url = url,
                                      .body = data,
                                      .body_bytes = bytes,
                                      .is_repeatable = true,
                                      .deadline_us = ori_clock_us() + PATIENCE_US,
                                      .answer_bytes_max = bytes};
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &cancel), 0);
    ori_net_answer_init(&answer);
    assert_int_equal(ori_net_fetch(client, &request, &cancel, &answer, &err), ORI_CANCELLED);
    ori_net_answer_deinit(&answer);
    pthread_join(thread, NULL);
    ori_cancel_deinit(&cancel);
    free(data);
    assert_int_equal(send_and_compare("PUT", 100000, 7, true), ORI_OK); /* and it goes on */
}

static int begin(void **state)
{
    (void)state;
    struct ori_error err = {0};
    base = getenv("ORIANE_TEST_H2_URL");
    egress.ca_file = getenv("ORIANE_TEST_CA");
    if (!base || !egress.ca_file)
        return -1;
    return ori_net_global_init(&err) == ORI_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    ori_net_client_destroy(&client);
    ori_net_global_deinit();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_of_all_sizes),
        cmocka_unit_test(one_connection_for_many_requests),
        cmocka_unit_test(what_may_not_be_repeated),
        cmocka_unit_test(no_more_connections_than_allowed),
        cmocka_unit_test(its_log),
        cmocka_unit_test(a_head_alone),
        cmocka_unit_test(cancelled),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
