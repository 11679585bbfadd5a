/* Deadlines of real sockets, with limits short enough to wait for; and what lingers after a refusal. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/connections.h"
#include "util/clock.h"
#include "util/limits.h"

struct pair {
    int server;
    int client;
};

static struct sockaddr_in loopback(void)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static struct pair connect_pair(void)
{
    struct sockaddr_in address = loopback();
    socklen_t bytes = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &bytes), 0);
    struct pair pair;
    pair.client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(pair.client, (struct sockaddr *)&address, bytes), 0);
    pair.server = accept(listener, NULL, NULL);
    assert_true(pair.server >= 0);
    close(listener);
    return pair;
}

static void close_pair(struct pair pair)
{
    close(pair.client);
    close(pair.server);
}

static struct ori_connections *start(const struct ori_connections_options *options)
{
    struct ori_connections *connections = NULL;
    struct ori_error err = {0};
    assert_int_equal(ori_connections_create(options, &connections, &err), ORI_OK);
    return connections;
}

static struct ori_peer *open_peer(struct ori_connections *connections, struct pair pair)
{
    struct sockaddr_in address = loopback();
    struct ori_peer *peer =
        ori_connections_open(connections, pair.server, (struct sockaddr *)&address);
    assert_non_null(peer);
    return peer;
}

/* Milliseconds until the client sees the end; -1 when it has not come in time. */
static int64_t end_ms(int client, int timeout_ms)
{
    int64_t begun_us = ori_clock_us();
    for (;;) {
        char byte;
        int left_ms = timeout_ms - (int)((ori_clock_us() - begun_us) / 1000);
        struct pollfd look = {client, POLLIN, 0};
        if (left_ms <= 0 || poll(&look, 1, left_ms) <= 0)
            return -1;
        if (recv(client, &byte, 1, 0) <= 0)
            return (ori_clock_us() - begun_us) / 1000;
    }
}

static void each_phase_ends_at_its_deadline(void **state)
{
    (void)state;
    for (int phase = 0; phase < ORI_PHASE_COUNT; phase++) {
        struct ori_connections_options options = {.limit_ms = {0}};
        options.limit_ms[phase] = 400;
        struct ori_connections *connections = start(&options);
        struct pair pair = connect_pair();
        struct pair other = connect_pair(); /* in a phase without a deadline */
        struct ori_peer *peer = open_peer(connections, pair);
        struct ori_peer *spared = open_peer(connections, other);
        ori_peer_phase(connections, spared,
                       phase == ORI_PHASE_WORK ? ORI_PHASE_EVENTS : ORI_PHASE_WORK);
        ori_peer_phase(connections, peer, (enum ori_phase)phase);
        int64_t took_ms = end_ms(pair.client, 10000);
        assert_true(took_ms >= 350);
        assert_int_equal(end_ms(other.client, 100), -1);
        ori_connections_close(connections, peer);
        ori_connections_close(connections, spared);
        ori_connections_destroy(&connections);
        close_pair(pair);
        close_pair(other);
    }
}

/* An idle connection's first byte begins the headers' time; bytes after it do not begin it again. */
static void the_first_byte_begins_the_headers(void **state)
{
    (void)state;
    struct ori_connections_options options = {
        .limit_ms = {[ORI_PHASE_IDLE] = 30000, [ORI_PHASE_HEADERS] = 1000}};
    struct ori_connections *connections = start(&options);
    struct pair quiet = connect_pair();
    struct pair slow = connect_pair();
    struct ori_peer *quiet_peer = open_peer(connections, quiet);
    struct ori_peer *slow_peer = open_peer(connections, slow);
    int64_t begun_us = ori_clock_us();
    int64_t took_ms = -1;
    for (int i = 0; i < 100 && took_ms < 0; i++) {
        send(slow.client, "G", 1, MSG_NOSIGNAL);
        took_ms = end_ms(slow.client, 100);
    }
    assert_true(took_ms >= 0);
    assert_in_range((ori_clock_us() - begun_us) / 1000, 900, 8000);
    assert_int_equal(end_ms(quiet.client, 100), -1);
    ori_connections_close(connections, quiet_peer);
    ori_connections_close(connections, slow_peer);
    ori_connections_destroy(&connections);
    close_pair(quiet);
    close_pair(slow);
}

static void a_client_that_leaves_is_noticed(void **state)
{
    (void)state;
    struct ori_connections_options options = {.limit_ms = {0}};
    struct ori_connections *connections = start(&options);
    struct pair working = connect_pair();
    struct pair halfway = connect_pair();
    struct ori_peer *working_peer = open_peer(connections, working);
    struct ori_peer *halfway_peer = open_peer(connections, halfway);
    struct ori_cancel cancel;
    assert_int_equal(ori_cancel_init(&cancel, NULL, NULL), ORI_OK);
    ori_peer_phase(connections, working_peer, ORI_PHASE_WORK);
    ori_peer_watch(connections, working_peer, &cancel);
    ori_peer_phase(connections, halfway_peer, ORI_PHASE_BODY);
    assert_int_equal(ori_cancel_wait(&cancel, 1200), ORI_AGAIN);
    close(working.client);
    shutdown(halfway.client, SHUT_WR);
    assert_int_equal(ori_cancel_wait(&cancel, 10000), ORI_CANCELLED);
    assert_true(end_ms(halfway.client, 10000) >= 0);
    ori_peer_watch(connections, working_peer, NULL);
    ori_cancel_deinit(&cancel);
    ori_connections_close(connections, working_peer);
    ori_connections_close(connections, halfway_peer);
    ori_connections_destroy(&connections);
    close(working.server);
    close_pair(halfway);
}

static void drain_ends_what_is_idle_alone(void **state)
{
    (void)state;
    struct ori_connections_options options;
    ori_connections_defaults(&options);
    struct ori_connections *connections = start(&options);
    struct pair idle = connect_pair();
    struct pair busy = connect_pair();
    struct ori_peer *idle_peer = open_peer(connections, idle);
    struct ori_peer *busy_peer = open_peer(connections, busy);
    ori_peer_phase(connections, busy_peer, ORI_PHASE_WORK);
    assert_int_equal(ori_connections_busy(connections), 1);
    ori_connections_drain(connections);
    assert_true(end_ms(idle.client, 10000) >= 0);
    assert_int_equal(end_ms(busy.client, 300), -1);
    ori_peer_phase(connections, busy_peer, ORI_PHASE_IDLE);
    assert_true(end_ms(busy.client, 10000) >= 0);
    struct sockaddr_in address = loopback();
    assert_false(ori_connections_may_accept(connections, (struct sockaddr *)&address));
    ori_connections_close(connections, idle_peer);
    ori_connections_close(connections, busy_peer);
    ori_connections_destroy(&connections);
    close_pair(idle);
    close_pair(busy);
}

static void addresses_and_the_table_have_a_maximum(void **state)
{
    (void)state;
    struct ori_connections_options options = {.limit_ms = {0}};
    struct ori_connections *connections = start(&options);
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000001)};
    struct sockaddr_in other = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000002)};
    struct sockaddr_in here = loopback();
    static struct ori_peer *peers[ORI_LIMIT_MAX_CONNECTIONS];
    struct pair pair = connect_pair();
    int used = 0;
    for (; used < ORI_LIMIT_MAX_ADDRESS_CONNECTIONS; used++) {
        assert_true(ori_connections_may_accept(connections, (struct sockaddr *)&there));
        peers[used] = ori_connections_open(connections, pair.server, (struct sockaddr *)&there);
    }
    assert_false(ori_connections_may_accept(connections, (struct sockaddr *)&there));
    assert_true(ori_connections_may_accept(connections, (struct sockaddr *)&other));
    ori_connections_close(connections, peers[--used]);
    assert_true(ori_connections_may_accept(connections, (struct sockaddr *)&there));
    for (; used < ORI_LIMIT_MAX_CONNECTIONS; used++) {
        peers[used] = ori_connections_open(connections, pair.server, (struct sockaddr *)&here);
        assert_non_null(peers[used]);
    }
    assert_true(ori_connections_may_accept(connections, (struct sockaddr *)&here));
    assert_null(ori_connections_open(connections, pair.server, (struct sockaddr *)&here));
    ori_connections_close(connections, peers[7]);
    peers[7] = ori_connections_open(connections, pair.server, (struct sockaddr *)&here);
    assert_non_null(peers[7]);
    while (used > 0)
        ori_connections_close(connections, peers[--used]);
    ori_connections_destroy(&connections);
    close_pair(pair);
}

/* The refusal is read by a client that goes on sending far more than the sockets' buffers hold. */
static void a_refused_client_may_finish_sending(void **state)
{
    (void)state;
    static char block[65536];
    struct ori_connections_options options = {.limit_ms = {0}};
    struct ori_connections *connections = start(&options);
    struct pair pair = connect_pair();
    struct ori_peer *peer = open_peer(connections, pair);
    assert_int_equal(send(pair.server, "refused", 7, 0), 7);
    ori_peer_linger(peer);
    shutdown(pair.server, SHUT_WR);
    ori_connections_close(connections, peer);
    close(pair.server);
    for (size_t sent = 0; sent < 16u << 20;) {
        ssize_t bytes = send(pair.client, block, sizeof block, MSG_NOSIGNAL);
        assert_true(bytes > 0);
        sent += (size_t)bytes;
    }
    char answer[16] = "";
    assert_int_equal(recv(pair.client, answer, sizeof answer, 0), 7);
    assert_string_equal(answer, "refused");
    close(pair.client);
    ori_connections_destroy(&connections);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_phase_ends_at_its_deadline),
                                       cmocka_unit_test(the_first_byte_begins_the_headers),
                                       cmocka_unit_test(a_client_that_leaves_is_noticed),
                                       cmocka_unit_test(drain_ends_what_is_idle_alone),
                                       cmocka_unit_test(addresses_and_the_table_have_a_maximum),
                                       cmocka_unit_test(a_refused_client_may_finish_sending)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
