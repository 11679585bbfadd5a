/* Webhooks over the real job store and the real HTTP client, to a receiver of our own. */
#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "jobs/webhooks.h"
#include "jobs_world.h"
#include "net/webhook.h"

#define SECRET "a secret of some length"
enum { REQUEST_MAX = 8192, HANG = 0 };

/* Takes one request after the other and answers with the code, or not at all. */
static struct {
    int fd;
    int port;
    int stop; /* eventfd */
    pthread_t thread;
    atomic_int code; /* HANG: no answer */
    atomic_int requests;
    char last[REQUEST_MAX]; /* to be read after its answer was taken */
} receiver;

static struct ori_network_list *allowed;
static struct ori_net_client *client;

/* ---- the receiver ---- */

static bool is_whole(const char *request)
{
    const char *end = strstr(request, "\r\n\r\n");
    const char *length = strcasestr(request, "\r\ncontent-length:");
    if (!end || !length)
        return false;
    return strlen(end + 4) >= (size_t)strtol(length + 17, NULL, 10);
}

static void answer(int fd)
{
    size_t used = 0;
    ssize_t got = 0;
    char text[96];
    memset(receiver.last, 0, sizeof receiver.last);
    while (!is_whole(receiver.last) && used < REQUEST_MAX - 1 &&
           (got = recv(fd, receiver.last + used, REQUEST_MAX - 1 - used, 0)) > 0)
        used += (size_t)got;
    atomic_fetch_add(&receiver.requests, 1);
    int code = atomic_load(&receiver.code);
    struct pollfd end = {.fd = receiver.stop, .events = POLLIN};
    if (code == HANG) {
        (void)poll(&end, 1, PATIENCE_MS);
        return;
    }
    snprintf(text, sizeof text,
             "HTTP/1.1 %d X\r\nContent-Length: 0\r\nLocation: /x\r\nConnection: close\r\n\r\n",
             code);
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void *receive(void *self)
{
    (void)self;
    for (;;) {
        struct pollfd fds[2] = {{.fd = receiver.fd, .events = POLLIN},
                                {.fd = receiver.stop, .events = POLLIN}};
        (void)poll(fds, 2, -1);
        if (fds[1].revents)
            return NULL;
        int fd = accept4(receiver.fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        answer(fd);
        close(fd);
    }
}

static void start_receiver(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t bytes = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    receiver.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    receiver.stop = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(bind(receiver.fd, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(receiver.fd, 8), 0);
    assert_int_equal(getsockname(receiver.fd, (struct sockaddr *)&address, &bytes), 0);
    receiver.port = ntohs(address.sin_port);
    atomic_store(&receiver.requests, 0);
    assert_int_equal(pthread_create(&receiver.thread, NULL, receive, NULL), 0);
}

static void stop_receiver(void)
{
    uint64_t one = 1;
    assert_int_equal(write(receiver.stop, &one, sizeof one), sizeof one);
    pthread_join(receiver.thread, NULL);
    close(receiver.fd);
    close(receiver.stop);
}

/* ---- the world ---- */

static int begin_with(const char *secret, const char *networks)
{
    struct ori_error err = {0};
    struct ori_setting_flag flags[] = {{ORI_SETTING_WEBHOOK_SECRET, secret}};
    begin_world(flags, COUNT_OF(flags));
    assert_int_equal(ori_network_list_create(networks, &allowed, &err), ORI_OK);
    struct ori_net_client_options options = {.allowed = allowed, .connections_max = 4};
    assert_int_equal(ori_net_client_create(&options, &client, &err), ORI_OK);
    start_receiver();
    return 0;
}

static int begin(void **state)
{
    (void)state;
    return begin_with(SECRET, "127.0.0.0/8");
}

static int begin_unsigned(void **state)
{
    (void)state;
    return begin_with("", "127.0.0.0/8");
}

static int begin_guarded(void **state)
{
    (void)state;
    return begin_with(SECRET, "");
}

static int end(void **state)
{
    (void)state;
    stop_receiver();
    ori_net_client_destroy(&client);
    ori_network_list_destroy(&allowed);
    end_world();
    return 0;
}

static struct ori_webhooks *start(void)
{
    struct ori_error err = {0};
    struct ori_webhooks *webhooks = NULL;
    struct ori_webhooks_options options = {
        .live = world.live, .store = world.store, .client = client, .cancel = &world.cancel};
    assert_int_equal(ori_webhooks_create(&options, &webhooks, &err), ORI_OK);
    return webhooks;
}

/* A job of one video that has ended well, its webhook in the outbox. */
static struct ori_job ended_job(const char *code)
{
    struct ori_error err = {0};
    struct ori_job job;
    struct ori_job_claim claim;
    bool is_old = false;
    int64_t next_us = 0;
    char url[64];
    struct ori_job_new_item item = {.platform = "p", .code = code};
    snprintf(url, sizeof url, "http://127.0.0.1:%d/hook", receiver.port);
    struct ori_job_new fresh = {.options = plain_options,
                                .webhook_url = url,
                                .request_id = "test",
                                .items = &item,
                                .items_count = 1};
    assert_int_equal(
        ori_job_store_add(world.store, &fresh, ori_clock_wall_us(), &job, &is_old, &err), ORI_OK);
    struct ori_job_claim_rules rules = {.jobs_max = 9,
                                        .quantum = 9,
                                        .lease_us = 30000000,
                                        .now_us = ori_clock_wall_us(),
                                        .batch_size = 1};
    assert_int_equal(ori_job_store_claim(world.store, &rules, &claim, &next_us, &err), ORI_OK);
    struct ori_job_outcome outcome = {
        .kind = ORI_JOB_OUTCOME_SUCCESS, .frames = 2, .message = "2 frames"};
    assert_int_equal(ori_job_store_finish(world.store, &claim, &outcome, ori_clock_wall_us(), &err),
                     ORI_OK);
    return job;
}

static struct ori_job wait_for_attempt(const struct ori_job *job, int attempts)
{
    int64_t deadline_us = ori_clock_us() + PATIENCE_MS * INT64_C(1000);
    for (;;) {
        struct ori_job now = job_now(job);
        if (now.webhook_attempts >= attempts)
            return now;
        wait_for_change(deadline_us);
    }
}

static void header(const char *name, char *ret_value, size_t bytes)
{
    char start_of[64];
    snprintf(start_of, sizeof start_of, "\r\n%s: ", name);
    const char *at = strcasestr(receiver.last, start_of);
    ret_value[0] = '\0';
    if (at) {
        at += strlen(start_of);
        snprintf(ret_value, bytes, "%.*s", (int)strcspn(at, "\r"), at);
    }
}

/* ---- tests ---- */

static void check_body(const char *body, const struct ori_job *job)
{
    json_t *root = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
    const json_t *data = json_object_get(root, "data");
    assert_non_null(data);
    assert_string_equal(json_string_value(json_object_get(root, "type")), "job.completed");
    assert_int_equal(strlen(json_string_value(json_object_get(root, "timestamp"))), 24);
    assert_string_equal(json_string_value(json_object_get(data, "job_id")), job->job_id);
    assert_string_equal(json_string_value(json_object_get(data, "status")), "completed");
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(data, "counts"), "success")), 1);
    json_decref(root);
}

static void delivered_and_signed(void **state)
{
    (void)state;
    struct ori_error err = {0};
    char id[64];
    char seconds[64];
    char said[128];
    char expected[ORI_WEBHOOK_SIGNATURE_BYTES];
    atomic_store(&receiver.code, 200);
    struct ori_webhooks *webhooks = start();
    struct ori_job job = ended_job("a");
    ori_webhooks_wake(webhooks);
    job = wait_for_attempt(&job, 1);
    ori_webhooks_destroy(&webhooks);
    ori_webhooks_destroy(&webhooks);
    assert_string_equal(job.webhook_state, "delivered");
    assert_int_equal(strncmp(receiver.last, "POST /hook HTTP/1.1\r\n", 21), 0);
    const char *body = strstr(receiver.last, "\r\n\r\n") + 4;
    check_body(body, &job);
    header("content-type", said, sizeof said);
    assert_string_equal(said, "application/json");
    header("user-agent", said, sizeof said);
    assert_int_equal(strncmp(said, "oriane/", 7), 0);
    header("webhook-id", id, sizeof id);
    header("webhook-timestamp", seconds, sizeof seconds);
    header("webhook-signature", said, sizeof said);
    assert_int_equal(strncmp(id, "msg_", 4), 0);
    int64_t sent_s = strtoll(seconds, NULL, 10);
    assert_in_range(ori_clock_wall_us() / 1000000 - sent_s, 0, PATIENCE_MS / 1000);
    assert_int_equal(ori_webhook_sign(SECRET, id, sent_s, body, strlen(body), expected, &err),
                     ORI_OK);
    assert_string_equal(said, expected);
}

static void without_a_secret_without_a_signature(void **state)
{
    (void)state;
    char said[128];
    atomic_store(&receiver.code, 204);
    struct ori_job job = ended_job("a"); /* before there is anybody to send it */
    struct ori_webhooks *webhooks = start();
    job = wait_for_attempt(&job, 1);
    ori_webhooks_destroy(&webhooks);
    assert_string_equal(job.webhook_state, "delivered");
    header("webhook-signature", said, sizeof said);
    assert_string_equal(said, "");
    header("webhook-id", said, sizeof said);
    assert_int_equal(strncmp(said, "msg_", 4), 0);
}

static void what_answers_mean(void **state)
{
    (void)state;
    static const struct {
        int code;
        const char *expected;
    } rows[] = {{200, "delivered"}, {299, "delivered"}, {302, "pending"}, {404, "pending"},
                {410, "dead"},      {429, "pending"},   {500, "pending"}, {503, "pending"}};
    struct ori_webhooks *webhooks = start();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char code[16];
        snprintf(code, sizeof code, "c%zu", i);
        atomic_store(&receiver.code, rows[i].code);
        struct ori_job job = ended_job(code);
        ori_webhooks_wake(webhooks);
        job = wait_for_attempt(&job, 1);
        print_message("%d\n", rows[i].code);
        assert_string_equal(job.webhook_state, rows[i].expected);
        assert_int_equal(job.webhook_attempts, 1);
    }
    ori_webhooks_destroy(&webhooks);
    assert_int_equal(atomic_load(&receiver.requests), COUNT_OF(rows)); /* one each, no redirect */
}

/* The last attempt but one waits for another; the last one ends it. */
static void dead_after_the_last_attempt(void **state)
{
    (void)state;
    static const struct {
        int before;
        const char *expected;
    } rows[] = {{ORI_LIMIT_MAX_WEBHOOK_TRIES - 2, "pending"},
                {ORI_LIMIT_MAX_WEBHOOK_TRIES - 1, "dead"}};
    atomic_store(&receiver.code, 500);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_error err = {0};
        struct ori_job_delivery delivery;
        int64_t next_us = 0;
        char code[16];
        snprintf(code, sizeof code, "d%zu", i);
        struct ori_job job = ended_job(code);
        assert_int_equal(
            ori_job_store_due(world.store, ori_clock_wall_us(), &delivery, &next_us, &err), ORI_OK);
        assert_string_equal(delivery.job_id, job.job_id);
        for (int n = 0; n < rows[i].before; n++)
            assert_int_equal(ori_job_store_delivered(world.store, delivery.id, ori_clock_wall_us(),
                                                     "HTTP 500", ori_clock_wall_us(), &err),
                             ORI_OK);
        struct ori_webhooks *webhooks = start();
        job = wait_for_attempt(&job, rows[i].before + 1);
        ori_webhooks_destroy(&webhooks);
        assert_string_equal(job.webhook_state, rows[i].expected);
    }
    struct ori_error err = {0};
    struct ori_job_totals totals;
    assert_int_equal(ori_job_store_totals(world.store, &totals, &err), ORI_OK);
    assert_int_equal(totals.dead_webhooks, 1);
}

static void a_private_address_is_not_called(void **state)
{
    (void)state;
    atomic_store(&receiver.code, 200);
    struct ori_webhooks *webhooks = start();
    struct ori_job job = ended_job("a");
    ori_webhooks_wake(webhooks);
    job = wait_for_attempt(&job, 1);
    ori_webhooks_destroy(&webhooks);
    assert_string_equal(job.webhook_state, "pending");
    assert_int_equal(atomic_load(&receiver.requests), 0);
}

/* An attempt under way at the end was none: it is due at the next start. */
static void the_end_leaves_it_due(void **state)
{
    (void)state;
    atomic_store(&receiver.code, HANG);
    struct ori_webhooks *webhooks = start();
    struct ori_job job = ended_job("a");
    ori_webhooks_wake(webhooks);
    int64_t deadline_us = ori_clock_us() + PATIENCE_MS * INT64_C(1000);
    while (atomic_load(&receiver.requests) == 0)
        wait_for_change(deadline_us);
    int64_t begin_us = ori_clock_us();
    ori_webhooks_destroy(&webhooks);
    assert_true(ori_clock_us() - begin_us < 5000000); /* not the ten seconds of an attempt */
    job = job_now(&job);
    assert_string_equal(job.webhook_state, "pending");
    assert_int_equal(job.webhook_attempts, 0);
}

int main(void)
{
    struct ori_error err = {0};
    if (ori_net_global_init(&err) != ORI_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(delivered_and_signed, begin, end),
        cmocka_unit_test_setup_teardown(without_a_secret_without_a_signature, begin_unsigned, end),
        cmocka_unit_test_setup_teardown(what_answers_mean, begin, end),
        cmocka_unit_test_setup_teardown(dead_after_the_last_attempt, begin, end),
        cmocka_unit_test_setup_teardown(a_private_address_is_not_called, begin_guarded, end),
        cmocka_unit_test_setup_teardown(the_end_leaves_it_due, begin, end),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ori_net_global_deinit();
    return failed;
}
