/* Which URLs from outside are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "net/client.h"
#include "util/limits.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct row {
    const char *url;
    bool is_taken;
    bool is_taken_guarded;
};

static const struct row rows[] = {
    {"http://example.com", true, true},
    {"https://example.com/", true, true},
    {"HTTPS://EXAMPLE.COM/a", true, true},
    {"https://example.com:8443/a?b=c&d=%20e#f", true, true},
    {"http://example.com:1/", true, true},
    {"http://example.com:65535/", true, true},
    {"http://example.com:65536/", false, false},
    {"http://example.com:0/", false, false},
    {"http://example.com:-1/", false, false},
    {"http://example.com:80x/", false, false},
    {"http://xn--bcher-kva.example/", true, true},
    {"http://user@example.com/", false, false},
    {"http://user:secret@example.com/", false, false},
    {"http://@example.com/", false, false},
    {"http://:@example.com/", false, false},
    {"http://example.com/a@b", true, true},
    {"http://example.com/?q=a@b", true, true},
    {"http://example.com#@evil.example/", true, true},
    {"ftp://example.com/", false, false},
    {"file:///etc/passwd", false, false},
    {"gopher://example.com/", false, false},
    {"s3://bucket/key", false, false},
    {"javascript:alert(1)", false, false},
    {"data:text/plain,x", false, false},
    {"example.com", false, false},
    {"//example.com/", false, false},
    {"/path", false, false},
    {"http:example.com", false, false},
    {"http:/example.com", false, false},
    {"http:///example.com", false, false},
    {"http://", false, false},
    {"http:///", false, false},
    {"http://?x", false, false},
    {"", false, false},
    {" http://example.com/", false, false},
    {"http://example.com/ ", false, false},
    {"http://example.com/a b", false, false},
    {"http://example.com/\r\nX: y", false, false},
    {"http://example.com/\t", false, false},
    {"http://example.com/\x7f", false, false},
    {"http://example.com\\@127.0.0.1/", false, false},
    {"http://b\xC3\xBC"
     "cher.example/",
     false, false},
    {"http://example.com/\xFF", false, false},
    {"http://exa mple.com/", false, false},
    {"http://127.0.0.1:8000/x", true, false},
    {"http://127.1/", true, false},
    {"http://0x7f.1/", true, false},
    {"http://0177.0.0.1/", true, false},
    {"http://2130706433/", true, false},
    {"http://%31%32%37.1/", true, false}, /* decoded by libcurl behind its look for addresses */
    {"http://%30x7f000001/", true, false},
    {"http://%31/", true, false},
    {"http://127.0.0.1./", true, false},
    {"http://%31%30.0.1./", true, false},
    {"http://0/", true, false},
    {"http://10.0.0.1/", true, false},
    {"http://169.254.169.254/latest/meta-data/", true, false},
    {"http://8.8.8.8/", true, true},
    {"http://192.168.7.7/", true, true}, /* in the list */
    {"http://[::1]/", true, false},
    {"http://[::ffff:127.0.0.1]/", true, false},
    {"http://[::ffff:7f00:1]:80/", true, false},
    {"http://[64:ff9b::10.0.0.1]/", true, false},
    {"http://[fd00::1]/", true, false},
    {"http://[2606:4700:4700::1111]/", true, true},
    {"http://[fe80::1%25eth0]/", false, false},
    {"http://[::1/", false, false},
    {"http://[]/", false, false},
    {"http://[zz]/", false, false},
};

static void urls(void **state)
{
    (void)state;
    struct ori_network_list *list = NULL;
    struct ori_error err = {0};
    assert_int_equal(ori_network_list_create("192.168.7.0/24", &list, &err), ORI_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (int guarded = 0; guarded < 2; guarded++) {
            struct ori_error one = {0};
            bool expected = guarded ? rows[i].is_taken_guarded : rows[i].is_taken;
            ori_status status = ori_net_check_url(rows[i].url, guarded, list, &one);
            if (status != (expected ? ORI_OK : ORI_URL_REFUSED))
                fail_msg("'%s' guarded %d: %d %s", rows[i].url, guarded, (int)status, one.text);
            assert_int_equal(one.status, status);
            assert_null(strstr(one.text, "secret"));
        }
    }
    ori_network_list_destroy(&list);
}

/* https as ever; http only to what the list names. */
static void plain_http(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *list;
        bool is_taken;
    } table[] = {
        {"https://example.com/", "", true},
        {"https://8.8.8.8/", "", true},
        {"https://10.0.0.1/", "", false},
        {"https://10.0.0.1/", "10.0.0.0/8", true},
        {"http://example.com/", "", false},
        {"http://example.com/", "10.0.0.0/8", true}, /* judged when it is connected to */
        {"http://8.8.8.8/", "", false},
        {"http://8.8.8.8/", "10.0.0.0/8", false},
        {"HTTP://8.8.8.8/", "10.0.0.0/8", false},
        {"HTTPS://8.8.8.8/", "", true},
        {"http://8.8.8.8/", "8.8.8.8", true},
        {"http://10.0.0.1/", "10.0.0.0/8", true},
        {"http://167772161/", "10.0.0.0/8", true},
        {"http://0x7f.1/", "10.0.0.0/8", false},
        {"http://[::ffff:10.0.0.1]/", "10.0.0.0/8", true},
        {"http://user@10.0.0.1/", "10.0.0.0/8", false},
        {"ftp://10.0.0.1/", "10.0.0.0/8", false},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct ori_network_list *list = NULL;
        struct ori_error err = {0};
        assert_int_equal(ori_network_list_create(table[i].list, &list, NULL), ORI_OK);
        ori_status status = ori_net_check_plain_listed(table[i].url, list, &err);
        if (status != (table[i].is_taken ? ORI_OK : ORI_URL_REFUSED))
            fail_msg("'%s' with '%s': %s", table[i].url, table[i].list, err.text);
        ori_network_list_destroy(&list);
    }
}

static void longest(void **state)
{
    (void)state;
    char url[ORI_LIMIT_MAX_URL_BYTES + 2];
    char host[300];
    struct ori_error err = {0};
    memset(url, 'a', sizeof url);
    memcpy(url, "http://example.com/", 19);
    url[ORI_LIMIT_MAX_URL_BYTES] = '\0';
    assert_int_equal(ori_net_check_url(url, true, NULL, &err), ORI_OK);
    url[ORI_LIMIT_MAX_URL_BYTES] = 'a';
    url[ORI_LIMIT_MAX_URL_BYTES + 1] = '\0';
    assert_int_equal(ori_net_check_url(url, true, NULL, &err), ORI_URL_REFUSED);
    memset(host, 'a', sizeof host);
    memcpy(host, "http://", 7);
    host[7 + 255] = '\0';
    struct ori_error second = {0};
    assert_int_equal(ori_net_check_url(host, true, NULL, &second), ORI_URL_REFUSED);
    assert_non_null(strstr(second.text, "host"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(urls), cmocka_unit_test(plain_http),
                                       cmocka_unit_test(longest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
