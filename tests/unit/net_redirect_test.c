/* Where a redirect leads, and which places are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/redirect.h"
#include "util/limits.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void where_they_lead(void **state)
{
    static const struct {
        const char *from;
        const char *location;
        const char *expected; /* NULL: refused */
    } rows[] = {
        {"http://a/b/c?d", "/x?y", "http://a/x?y"},
        {"http://a/b/c", "x", "http://a/b/x"},
        {"http://a/b/c", "../x", "http://a/x"},
        {"https://a:8443/b", "/x", "https://a:8443/x"},
        {"https://a/b", "//c/x", "https://c/x"},
        {"https://a/b", "https://c/x%2f?Signature=a~b__&Expires=1",
         "https://c/x%2f?Signature=a~b__&Expires=1"},
        {"http://a/b", "https://a/b", "https://a/b"},
        {"http://a/b", "HTTP://C/x", "HTTP://C/x"},
        {"https://a/b", "http://a/b", NULL},
        {"HTTPS://a/b", "http://a/b", NULL},
        {"https://a/b", "HTTP://a/b", NULL},
        {"http://a/b", NULL, NULL},
        {"http://a/b", "", NULL},
        {"http://a/b", "ftp://c/x", NULL},
        {"http://a/b", "file:///etc/passwd", NULL},
        {"http://a/b", "javascript:alert(1)", NULL},
        {"http://a/b", "data:,x", NULL},
        {"http://a/b", "http://u@c/x", NULL},
        {"http://a/b", "http://u:p@c/x", NULL},
        {"http://a/b", "//u:p@c/x", NULL},
        {"http://a/b", "http:///x", NULL},
        {"http://a/b", "http://c:0/x", NULL},
        {"http://a/b", "http://c/x y", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *url = NULL;
        struct ori_error err = {0};
        ori_status status = ori_net_redirect(rows[i].from, rows[i].location, &url, &err);
        print_message("%s: %s\n", rows[i].location ? rows[i].location : "(none)",
                      url ? url : err.text);
        assert_int_equal(status, err.status);
        assert_int_equal(status, rows[i].expected ? ORI_OK : ORI_URL_REFUSED);
        if (rows[i].expected)
            assert_string_equal(url, rows[i].expected);
        else
            assert_null(url);
        free(url);
    }
}

static void lengths_at_n_and_n_plus_1(void **state)
{
    static char location[ORI_LIMIT_MAX_NET_URL_BYTES + 2];
    char *url = NULL;
    (void)state;
    memset(location, 'x', sizeof location - 1);
    memcpy(location, "http://a/", 9);
    location[ORI_LIMIT_MAX_NET_URL_BYTES] = '\0';
    assert_int_equal(ori_net_redirect("http://a/", location, &url, NULL), ORI_OK);
    assert_int_equal(strlen(url), ORI_LIMIT_MAX_NET_URL_BYTES);
    free(url);
    url = NULL;
    location[ORI_LIMIT_MAX_NET_URL_BYTES] = 'x';
    assert_int_equal(ori_net_redirect("http://a/", location, &url, NULL), ORI_URL_REFUSED);
    assert_null(url);
    /* relative ones grow by what they are relative to */
    location[ORI_LIMIT_MAX_NET_URL_BYTES] = '\0';
    location[0] = '/';
    assert_int_equal(ori_net_redirect("http://a/", location, &url, NULL), ORI_URL_REFUSED);
}

static void same_places(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        bool is_same;
    } rows[] = {
        {"http://a", "http://a/x?y#z", true},
        {"http://a:80/", "http://a/", true},
        {"https://a/", "https://a:443", true},
        {"HTTP://A/", "http://a/", true},
        {"http://[::1]:8/", "http://[::1]:8/x", true},
        {"http://a/", "https://a/", false},
        {"http://a/", "http://a:81/", false},
        {"http://a/", "http://b/", false},
        {"http://a/", "http://a.b/", false},
        {"http://b.a/", "http://a/", false},
        {"http://a@b/", "http://b/", false},
        {"http://a/", "a", false},
        {"a", "a", false},
        {"", "", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(ori_net_is_same_origin(rows[i].a, rows[i].b), rows[i].is_same);
        assert_int_equal(ori_net_is_same_origin(rows[i].b, rows[i].a), rows[i].is_same);
    }
}

static void which_are_redirects(void **state)
{
    (void)state;
    for (int status = 100; status < 600; status++)
        assert_int_equal(ori_net_is_redirect(status), status == 301 || status == 302 ||
                                                          status == 303 || status == 307 ||
                                                          status == 308);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_they_lead),
        cmocka_unit_test(lengths_at_n_and_n_plus_1),
        cmocka_unit_test(same_places),
        cmocka_unit_test(which_are_redirects),
    };
    return cmocka_run_group_tests_name("net/redirect", tests, NULL, NULL);
}
