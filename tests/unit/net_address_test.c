/* Which addresses are public, which are allowed, and what a list of networks may look like. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "net/address.h"
#include "util/limits.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct sockaddr_storage address_of(const char *text)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        memcpy(&storage, &in, sizeof in);
    else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
        memcpy(&storage, &in6, sizeof in6);
    else
        fail_msg("%s is no address", text);
    return storage;
}

static bool is_public(const char *text)
{
    struct sockaddr_storage storage = address_of(text);
    return ori_address_is_public((const struct sockaddr *)&storage);
}

static bool is_allowed(const struct ori_network_list *list, const char *text)
{
    struct sockaddr_storage storage = address_of(text);
    return ori_address_is_allowed(list, (const struct sockaddr *)&storage);
}

static void public_addresses(void **state)
{
    (void)state;
    /* Both ends of each range, and its neighbours. */
    static const struct {
        const char *text;
        bool is_public;
    } rows[] = {
        {"0.0.0.0", false},
        {"0.255.255.255", false},
        {"1.0.0.0", true},
        {"1.1.1.1", true},
        {"8.8.8.8", true},
        {"9.255.255.255", true},
        {"10.0.0.0", false},
        {"10.255.255.255", false},
        {"11.0.0.0", true},
        {"100.63.255.255", true},
        {"100.64.0.0", false},
        {"100.127.255.255", false},
        {"100.128.0.0", true},
        {"126.255.255.255", true},
        {"127.0.0.0", false},
        {"127.0.0.1", false},
        {"127.255.255.255", false},
        {"128.0.0.0", true},
        {"168.63.129.15", true},
        {"168.63.129.16", false},
        {"168.63.129.17", true},
        {"169.253.255.255", true},
        {"169.254.0.0", false},
        {"169.254.169.254", false},
        {"169.254.255.255", false},
        {"169.255.0.0", true},
        {"172.15.255.255", true},
        {"172.16.0.0", false},
        {"172.31.255.255", false},
        {"172.32.0.0", true},
        {"191.255.255.255", true},
        {"192.0.0.0", false},
        {"192.0.0.255", false},
        {"192.0.1.0", true},
        {"192.0.2.0", false},
        {"192.0.2.255", false},
        {"192.0.3.0", true},
        {"192.88.98.255", true},
        {"192.88.99.1", false},
        {"192.88.100.0", true},
        {"192.167.255.255", true},
        {"192.168.0.0", false},
        {"192.168.255.255", false},
        {"192.169.0.0", true},
        {"198.17.255.255", true},
        {"198.18.0.0", false},
        {"198.19.255.255", false},
        {"198.20.0.0", true},
        {"198.51.99.255", true},
        {"198.51.100.0", false},
        {"198.51.101.0", true},
        {"203.0.112.255", true},
        {"203.0.113.255", false},
        {"203.0.114.0", true},
        {"223.255.255.255", true},
        {"224.0.0.0", false},
        {"239.255.255.255", false},
        {"240.0.0.0", false},
        {"255.255.255.255", false},
        {"::", false},
        {"::1", false},
        {"::8.8.8.8", false}, /* the form that RFC 4291 gave up */
        {"::ffff:8.8.8.8", true},
        {"::ffff:127.0.0.1", false},
        {"::ffff:10.1.2.3", false},
        {"::ffff:169.254.169.254", false},
        {"::fffe:8.8.8.8", false},
        {"64:ff9b::8.8.8.8", true},
        {"64:ff9b::127.0.0.1", false},
        {"64:ff9b::192.168.1.1", false},
        {"64:ff9b:1::8.8.8.8", false}, /* local-use translation */
        {"64:ff9b::1:808:808", false},
        {"100::1", false},
        {"1fff:ffff::", false},
        {"2000::1", true},
        {"2001:0:808:808::f7f7:f7f7", true},  /* Teredo: server and client 8.8.8.8 */
        {"2001:0:808:808::80ff:fffe", false}, /* its client is 127.0.0.1 */
        {"2001:0:7f00:1::f7f7:f7f7", false},  /* its server is */
        {"2001:2::1", false},
        {"2001:10::1", false},
        {"2001:1ff:ffff::1", false},
        {"2001:200::1", true},
        {"2001:db7:ffff::1", true},
        {"2001:db8::1", false},
        {"2001:db9::1", true},
        {"2001:4860:4860::8888", true},
        {"2002:808:808::1", true}, /* 6to4 */
        {"2002:7f00:1::1", false},
        {"2002:a00:1::1", false},
        {"2002:c0a8:101::", false},
        {"2606:4700:4700::1111", true},
        {"3ffd::1", true},
        {"3ffe::1", false},
        {"3fff::1", false},
        {"3fff:fff:ffff::1", false},
        {"3fff:1000::1", true},
        {"4000::1", false},
        {"5f00::1", false},
        {"fc00::1", false},
        {"fd12:3456::1", false},
        {"fe80::1", false},
        {"fec0::1", false},
        {"ff02::1", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (is_public(rows[i].text) != rows[i].is_public)
            fail_msg("%s", rows[i].text);
    }
}

static void other_families_are_nothing(void **state)
{
    (void)state;
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/tmp/socket"};
    assert_false(ori_address_is_public((const struct sockaddr *)&un));
    assert_false(ori_address_is_loopback((const struct sockaddr *)&un));
}

static void loopback(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_loopback;
    } rows[] = {
        {"127.0.0.1", true},
        {"127.255.255.255", true},
        {"126.255.255.255", false},
        {"128.0.0.0", false},
        {"0.0.0.0", false},
        {"::1", true},
        {"::2", false},
        {"::", false},
        {"::ffff:127.0.0.1", true},
        {"::ffff:128.0.0.1", false},
        {"64:ff9b::127.0.0.1", false},
        {"2002:7f00:1::1", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sockaddr_storage storage = address_of(rows[i].text);
        if (ori_address_is_loopback((const struct sockaddr *)&storage) != rows[i].is_loopback)
            fail_msg("%s", rows[i].text);
    }
}

static void lists_allow(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        const char *address;
        bool is_allowed;
    } rows[] = {
        {"", "10.0.0.1", false},
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "::ffff:10.255.0.1", true},
        {"10.0.0.0/8", "64:ff9b::10.0.0.1", true},
        {"10.0.0.0/8", "2002:a00:1::5", true},
        {"10.0.0.0/8", "11.0.0.1", true}, /* public anyway */
        {"10.0.0.0/8", "192.168.0.1", false},
        {"10.0.0.0/9", "10.128.0.0", false},
        {"10.0.0.0/9", "10.127.255.255", true},
        {"10.0.0.5", "10.0.0.5", true},
        {"10.0.0.5/32", "10.0.0.4", false},
        {"0.0.0.0/0", "127.0.0.1", true},
        {"0.0.0.0/0", "::1", false},
        {"::/0", "::1", true},
        {"::/0", "127.0.0.1", true},
        {"::1", "::1", true},
        {"::1", "127.0.0.1", false},
        {" fd00::/8 ,\t127.0.0.1 ", "fd01::1", true},
        {" fd00::/8 ,\t127.0.0.1 ", "127.0.0.1", true},
        {" fd00::/8 ,\t127.0.0.1 ", "127.0.0.2", false},
        {"fd00::/8", "fc00::1", false},
        {"8.8.8.8,127.0.0.0/8", "2001:0:808:808::80ff:fffe", true},
        {"::ffff:10.0.0.0/104", "10.9.9.9", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_network_list *list = NULL;
        struct ori_error err = {0};
        assert_int_equal(ori_network_list_create(rows[i].list, &list, &err), ORI_OK);
        if (is_allowed(list, rows[i].address) != rows[i].is_allowed)
            fail_msg("%s in '%s'", rows[i].address, rows[i].list);
        ori_network_list_destroy(&list);
        assert_null(list);
    }
}

static void what_a_list_names(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        const char *address;
        bool is_listed;
    } rows[] = {
        {"10.0.0.0/8", "10.0.0.1", true},
        {"10.0.0.0/8", "::ffff:10.0.0.1", true},
        {"10.0.0.0/8", "64:ff9b::10.0.0.1", true},
        {"10.0.0.0/8", "2002:a00:1::5", true},
        {"10.0.0.0/8", "11.0.0.1", false}, /* public, and yet not named */
        {"8.8.8.0/24", "8.8.8.8", true},
        {"10.0.0.0/8", "2001:4860:4860::8888", false},
        {"10.0.0.0/8", "2001:0:a00:1::f5ff:fffe", true},    /* Teredo, both of them */
        {"10.0.0.0/8", "2001:0:808:808::f5ff:fffe", false}, /* one of the two */
        {"2001::/32", "2001:0:808:808::f5ff:fffe", true},
        {"", "8.8.8.8", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_network_list *list = NULL;
        struct sockaddr_storage storage = address_of(rows[i].address);
        assert_int_equal(ori_network_list_create(rows[i].list, &list, NULL), ORI_OK);
        assert_int_equal(ori_network_list_is_empty(list), rows[i].list[0] == '\0');
        if (ori_address_is_listed(list, (const struct sockaddr *)&storage) != rows[i].is_listed)
            fail_msg("%s in '%s'", rows[i].address, rows[i].list);
        ori_network_list_destroy(&list);
    }
    struct sockaddr_storage storage = address_of("127.0.0.1");
    assert_true(ori_network_list_is_empty(NULL));
    assert_false(ori_address_is_listed(NULL, (const struct sockaddr *)&storage));
}

static void lists_refuse(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        const char *word;
    } rows[] = {
        {"10.0.0.0/33", "10.0.0.0/33"},
        {"10.0.0.0/-1", "10.0.0.0/-1"},
        {"10.0.0.0/", "10.0.0.0/"},
        {"10.0.0.0/8x", "10.0.0.0/8x"},
        {"10.0.0.0/8/8", "10.0.0.0/8/8"},
        {"10.0.0.1/8", "10.0.0.1/8"},
        {"10.0.0", "10.0.0"},
        {"10.0.0.0.0/8", "10.0.0.0.0/8"},
        {"fd00::/129", "fd00::/129"},
        {"fd00::1/8", "fd00::1/8"},
        {"localhost", "localhost"},
        {"10.0.0.0/8 nonsense", "nonsense"},
        {"/8", "/8"},
        {"10.0.0.0/8;127.0.0.0/8", "10.0.0.0/8;127.0.0.0/8"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "aaaa"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_network_list *list = NULL;
        struct ori_error err = {0};
        if (ori_network_list_create(rows[i].list, &list, &err) != ORI_BAD_SETTING ||
            !strstr(err.text, rows[i].word))
            fail_msg("'%s': %s", rows[i].list, err.text);
        assert_null(list);
    }
}

static void lists_end(void **state)
{
    (void)state;
    static char text[(ORI_LIMIT_MAX_NETWORKS + 1) * 16];
    struct ori_network_list *list = NULL;
    struct ori_error err = {0};
    size_t used = 0;
    for (int i = 0; i < ORI_LIMIT_MAX_NETWORKS; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "10.0.%d.%d ", i / 256, i % 256);
    assert_int_equal(ori_network_list_create(text, &list, &err), ORI_OK);
    assert_true(is_allowed(list, "10.0.0.255"));
    ori_network_list_destroy(&list);
    snprintf(text + used, sizeof text - used, "10.9.9.9");
    assert_int_equal(ori_network_list_create(text, &list, &err), ORI_BAD_SETTING);
    ori_network_list_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_addresses), cmocka_unit_test(other_families_are_nothing),
        cmocka_unit_test(loopback),         cmocka_unit_test(lists_allow),
        cmocka_unit_test(lists_refuse),     cmocka_unit_test(what_a_list_names),
        cmocka_unit_test(lists_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
