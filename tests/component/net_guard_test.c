/* The guard at its own place: names that lead to every kind of address, with the name service and
 * connect() of this program's own, which note what libcurl would do and let nothing leave loopback. */
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "net/client.h"
#include "scripted_server.h"
#include "util/clock.h"
#include "util/text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* What the name service says to each question, one behind the other; the last one stays. */
static struct {
    const char *answers[4];
    atomic_int asked;
    atomic_int connects;  /* to where they may go: this machine */
    atomic_int forbidden; /* to anywhere else, which is not done */
} world;

static void make_address(const char *text, int port, struct sockaddr_storage *ret_address,
                         socklen_t *ret_bytes)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
        memcpy(ret_address, &in, sizeof in);
        *ret_bytes = sizeof in;
    } else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1) {
        memcpy(ret_address, &in6, sizeof in6);
        *ret_bytes = sizeof in6;
    } else {
        abort();
    }
}

/* In the place of libc's, for libcurl as well. "a b" in an answer: both addresses, in that order. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret_list)
{
    struct addrinfo **end = ret_list;
    int64_t port = 0;
    int number = atomic_fetch_add(&world.asked, 1);
    (void)node;
    (void)hints;
    while (number > 0 && !(number < (int)COUNT_OF(world.answers) && world.answers[number]))
        number--;
    if (service && !ori_text_to_int(service, &port))
        abort();
    *ret_list = NULL;
    for (const char *at = world.answers[number]; *at;) {
        char word[64];
        const size_t bytes = strcspn(at, " ");
        snprintf(word, sizeof word, "%.*s", (int)bytes, at);
        at += bytes + strspn(at + bytes, " ");
        struct addrinfo *info = calloc(1, sizeof *info + sizeof(struct sockaddr_storage));
        if (!info)
            abort();
        info->ai_addr = (struct sockaddr *)(info + 1);
        make_address(word, (int)port, (struct sockaddr_storage *)info->ai_addr, &info->ai_addrlen);
        info->ai_family = info->ai_addr->sa_family;
        info->ai_socktype = SOCK_STREAM;
        info->ai_protocol = IPPROTO_TCP;
        *end = info;
        end = &info->ai_next;
    }
    return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
    while (list) {
        struct addrinfo *next = list->ai_next;
        free(list);
        list = next;
    }
}

int connect(int fd, const struct sockaddr *address, socklen_t bytes)
{
    static int (*real)(int, const struct sockaddr *, socklen_t);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "connect");
    if (address->sa_family != AF_UNIX && !ori_address_is_loopback(address)) {
        atomic_fetch_add(&world.forbidden, 1);
        errno = ENETUNREACH;
        return -1;
    }
    atomic_fetch_add(&world.connects, 1);
    return real(fd, address, bytes);
}

static bool play(int number, const char *head, FILE *out)
{
    (void)number;
    (void)head;
    return scripted_say(out, 200, "", "hello");
}

static int begin(void **state)
{
    memset(&world, 0, sizeof world);
    if (dlsym(RTLD_DEFAULT, "connect") != (void *)connect ||
        dlsym(RTLD_DEFAULT, "getaddrinfo") != (void *)getaddrinfo)
        return -1; /* libcurl would not ask us: nothing is tried */
    if (scripted_start(state) != 0)
        return -1;
    scripted.play = play;
    return 0;
}

struct ask {
    const char *scheme;
    const char *allowed;
    bool is_plain_listed;
    int times;
};

/* How the last of them ended. */
static ori_status ask(const struct ask *ask)
{
    struct ori_network_list *list = NULL;
    struct ori_net_client *client = NULL;
    ori_status status = ORI_INTERNAL;
    char url[64];
    assert_int_equal(ori_network_list_create(ask->allowed, &list, NULL), ORI_OK);
    const struct ori_net_client_options options = {.allowed = list, .connections_max = 1};
    assert_int_equal(ori_net_client_create(&options, &client, NULL), ORI_OK);
    snprintf(url, sizeof url, "%s://name.example:%d/", ask->scheme, scripted.port);
    for (int i = 0; i < ask->times; i++) {
        const struct ori_net_request request = {.method = "GET",
                                                .url = url,
                                                .is_guarded = true,
                                                .is_plain_listed = ask->is_plain_listed,
                                                .is_repeatable = true,
                                                .deadline_us = ori_clock_us() + 20000000,
                                                .answer_bytes_max = 100};
        struct ori_net_answer answer;
        struct ori_error err = {0};
        ori_net_answer_init(&answer);
        status = ori_net_fetch(client, &request, NULL, &answer, &err);
        if (status == ORI_URL_REFUSED)
            assert_non_null(strstr(err.text, "URL_ALLOW_PRIVATE"));
        ori_net_answer_deinit(&answer);
    }
    ori_net_client_destroy(&client);
    ori_network_list_destroy(&list);
    return status;
}

static void names_that_lead_to_what_is_not_public(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "127.0.0.1",
        "127.255.0.9",
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "169.254.169.254",
        "169.254.170.2",
        "172.16.0.1",
        "192.0.0.192",
        "192.168.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::1",
        "2002:a9fe:a9fe::1",
        "2001:0:7f00:1::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "127.0.0.1 ::1 10.0.0.1 fe80::1",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        world.answers[0] = rows[i];
        for (int scheme = 0; scheme < 2; scheme++) {
            atomic_store(&world.asked, 0);
            const struct ask one = {
                .scheme = scheme ? "https" : "http", .allowed = "203.0.113.7", .times = 1};
            if (ask(&one) != ORI_URL_REFUSED)
                fail_msg("%s", rows[i]);
            assert_int_equal(atomic_load(&world.asked), 1);
        }
    }
    assert_int_equal(atomic_load(&world.connects), 0);
    assert_int_equal(atomic_load(&world.forbidden), 0);
    assert_int_equal(atomic_load(&scripted.requests), 0);
}

/* The hooks see what is let through, or the test above would prove nothing. */
static void names_that_lead_to_what_is_public(void **state)
{
    (void)state;
    world.answers[0] = "192.0.1.1";
    assert_int_equal(ask(&(struct ask){.scheme = "http", .allowed = "", .times = 1}), ORI_NETWORK);
    assert_int_equal(atomic_load(&world.forbidden), 1);
    world.answers[0] = "127.0.0.1";
    assert_int_equal(ask(&(struct ask){.scheme = "http", .allowed = "127.0.0.1", .times = 1}),
                     ORI_OK);
    assert_int_equal(atomic_load(&world.connects), 1);
    assert_int_equal(atomic_load(&scripted.requests), 1);
}

/* Of several addresses only those are connected to that may be. */
static void names_with_one_good_address(void **state)
{
    (void)state;
    world.answers[0] = "169.254.169.254 10.0.0.1 127.0.0.1";
    assert_int_equal(ask(&(struct ask){.scheme = "http", .allowed = "127.0.0.1", .times = 1}),
                     ORI_OK);
    assert_int_equal(atomic_load(&world.forbidden), 0);
    assert_int_equal(atomic_load(&world.connects), 1);
}

/* A name service that says something good first and something else when it counts: whatever it says,
 * the address is judged that is connected to. */
static void a_name_that_is_bound_again(void **state)
{
    (void)state;
    scripted.play = NULL;
    world.answers[0] = "192.0.1.1"; /* public: let through, and then not reached */
    world.answers[1] = "127.0.0.1";
    world.answers[2] = "169.254.169.254";
    assert_int_equal(ask(&(struct ask){.scheme = "http", .allowed = "", .times = 1}), ORI_NETWORK);
    assert_int_equal(ask(&(struct ask){.scheme = "http", .allowed = "", .times = 1}),
                     ORI_URL_REFUSED);
    assert_int_equal(ask(&(struct ask){.scheme = "http", .allowed = "", .times = 1}),
                     ORI_URL_REFUSED);
    assert_int_equal(atomic_load(&world.asked), 3);
    assert_int_equal(atomic_load(&world.connects), 0);
    assert_int_equal(atomic_load(&world.forbidden), 1);
}

static void plain_http_to_what_the_list_names(void **state)
{
    (void)state;
    static const struct {
        const char *scheme;
        const char *address;
        const char *allowed;
        bool is_plain_listed;
        ori_status status;
    } rows[] = {
        {"http", "192.0.1.1", "127.0.0.1", true, ORI_URL_REFUSED}, /* public, and yet */
        {"http", "192.0.1.1", "127.0.0.1", false, ORI_NETWORK},
        {"https", "192.0.1.1", "127.0.0.1", true, ORI_NETWORK},
        {"http", "192.0.1.1", "192.0.1.0/24", true, ORI_NETWORK},
        {"http", "127.0.0.1", "127.0.0.1", true, ORI_OK},
        {"http", "127.0.0.2", "127.0.0.1", true, ORI_URL_REFUSED},
        {"http", "192.0.1.1 127.0.0.1", "127.0.0.1", true, ORI_OK},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        world.answers[0] = rows[i].address;
        const struct ask one = {.scheme = rows[i].scheme,
                                .allowed = rows[i].allowed,
                                .is_plain_listed = rows[i].is_plain_listed,
                                .times = 1};
        atomic_store(&world.forbidden, 0);
        if (ask(&one) != rows[i].status)
            fail_msg("%s %s", rows[i].scheme, rows[i].address);
        assert_int_equal(atomic_load(&world.forbidden), rows[i].status == ORI_NETWORK);
    }
}

#define GUARD(test) cmocka_unit_test_setup_teardown(test, begin, scripted_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GUARD(names_that_lead_to_what_is_not_public), GUARD(names_that_lead_to_what_is_public),
        GUARD(names_with_one_good_address),           GUARD(a_name_that_is_bound_again),
        GUARD(plain_http_to_what_the_list_names),
    };
    if (ori_net_global_init(NULL) != ORI_OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ori_net_global_deinit();
    return failed;
}
