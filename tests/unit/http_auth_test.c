/* Keys, logins, hosts, origins and guesses. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/auth.h"
#include "http/cors.h"
#include "util/limits.h"

static struct ori_settings settings_of(const char *key, const char *user, const char *password)
{
    return (struct ori_settings){
        .api_key = {key}, .api_username = user, .api_password = {password}, .metrics_auth = false};
}

static void keys(void **state)
{
    (void)state;
    static const struct {
        const char *key; /* API_KEY */
        bool is_loopback;
        enum ori_route_auth auth;
        const char *given;
        enum ori_auth_verdict verdict;
    } rows[] = {
        {"secret", true, ORI_ROUTE_KEY, "secret", ORI_AUTH_OK},
        {"secret", false, ORI_ROUTE_KEY, "secret", ORI_AUTH_OK},
        {"secret", true, ORI_ROUTE_KEY, NULL, ORI_AUTH_NO_KEY},
        {"secret", true, ORI_ROUTE_KEY, "", ORI_AUTH_NO_KEY},
        {"secret", true, ORI_ROUTE_KEY, "secre", ORI_AUTH_WRONG_KEY},
        {"secret", true, ORI_ROUTE_KEY, "secrett", ORI_AUTH_WRONG_KEY},
        {"secret", true, ORI_ROUTE_KEY, "Secret", ORI_AUTH_WRONG_KEY},
        {"", true, ORI_ROUTE_KEY, NULL, ORI_AUTH_OK},
        {"", true, ORI_ROUTE_KEY, "anything", ORI_AUTH_OK},
        {"", false, ORI_ROUTE_KEY, "", ORI_AUTH_NO_KEY}, /* lost on reload */
        {"secret", true, ORI_ROUTE_OPEN, NULL, ORI_AUTH_OK},
        {"secret", true, ORI_ROUTE_METRICS, NULL, ORI_AUTH_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_settings settings = settings_of(rows[i].key, "", "");
        struct ori_auth_headers headers = {rows[i].given, NULL};
        assert_int_equal(ori_auth_check(&settings, rows[i].auth, rows[i].is_loopback, &headers),
                         rows[i].verdict);
    }
    struct ori_settings settings = settings_of("secret", "", "");
    settings.metrics_auth = true;
    struct ori_auth_headers none = {NULL, NULL};
    assert_int_equal(ori_auth_check(&settings, ORI_ROUTE_METRICS, true, &none), ORI_AUTH_NO_KEY);
    static const struct {
        const char *authorization;
        enum ori_auth_verdict verdict;
    } bearers[] = {
        {"Bearer secret", ORI_AUTH_OK},        {"bearer  secret", ORI_AUTH_OK},
        {"Bearer Secret", ORI_AUTH_WRONG_KEY}, {"Bearer ", ORI_AUTH_NO_KEY},
        {"Basic c2VjcmV0", ORI_AUTH_NO_KEY},
    };
    for (size_t i = 0; i < sizeof bearers / sizeof bearers[0]; i++) {
        struct ori_auth_headers headers = {NULL, bearers[i].authorization};
        assert_int_equal(ori_auth_check(&settings, ORI_ROUTE_METRICS, true, &headers),
                         bearers[i].verdict);
        assert_int_equal(ori_auth_check(&settings, ORI_ROUTE_KEY, true, &headers),
                         ORI_AUTH_NO_KEY); /* Prometheus's way, for its own page alone */
    }
}

static void logins(void **state)
{
    (void)state;
    static const struct {
        const char *user;
        const char *password;
        const char *given;
        enum ori_auth_verdict verdict;
    } rows[] = {
        {"", "", NULL, ORI_AUTH_OK},
        {"me", "pw", NULL, ORI_AUTH_NO_LOGIN},
        {"me", "pw", "Bearer bWU6cHc=", ORI_AUTH_NO_LOGIN},
        {"me", "pw", "Basic bWU6cHc=", ORI_AUTH_OK},
        {"me", "pw", "basic  bWU6cHc=", ORI_AUTH_OK},
        {"me", "p:w", "Basic bWU6cDp3", ORI_AUTH_OK},
        {"me", "pw", "Basic bWU6cHc", ORI_AUTH_WRONG_LOGIN},  /* padding missing */
        {"me", "pw", "Basic bWU6cHg=", ORI_AUTH_WRONG_LOGIN}, /* me:px */
        {"me", "pw", "Basic bW46cHc=", ORI_AUTH_WRONG_LOGIN}, /* mn:pw */
        {"me", "pw", "Basic bWU=", ORI_AUTH_WRONG_LOGIN},     /* me */
        {"me", "pw", "Basic ", ORI_AUTH_WRONG_LOGIN},
        {"me", "pw", "Basic ====", ORI_AUTH_WRONG_LOGIN},
        {"me", "pw", "Basic b!U6cHc=", ORI_AUTH_WRONG_LOGIN},
        {"me", "pw", "Basic bWU6cHc=x", ORI_AUTH_WRONG_LOGIN},
        {"me", "", "Basic bWU6", ORI_AUTH_WRONG_LOGIN}, /* me: and no password set */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_settings settings = settings_of("k", rows[i].user, rows[i].password);
        struct ori_auth_headers headers = {NULL, rows[i].given};
        if (ori_auth_check(&settings, ORI_ROUTE_BASIC, true, &headers) != rows[i].verdict)
            fail_msg("%s", rows[i].given);
    }
    /* longer than any login can be */
    static char longest[8192] = "Basic ";
    memset(longest + 6, 'A', 4096);
    struct ori_settings settings = settings_of("k", "me", "pw");
    struct ori_auth_headers headers = {NULL, longest};
    assert_int_equal(ori_auth_check(&settings, ORI_ROUTE_BASIC, true, &headers),
                     ORI_AUTH_WRONG_LOGIN);
}

static void hosts(void **state)
{
    (void)state;
    static const char *const local[] = {"localhost",       "LOCALHOST:80", "127.0.0.1",
                                        "127.0.0.1:65535", "[::1]",        "[::1]:8000"};
    static const char *const other[] = {"",
                                        "localhost.evil.com",
                                        "localhost:",
                                        "localhost:a",
                                        "evil.com",
                                        "127.0.0.1.evil.com",
                                        "127.0.0.2",
                                        "::1",
                                        "localhost:123456",
                                        "[::1].com",
                                        "localhost:80:80"};
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
        assert_true(ori_auth_is_local_host(local[i]));
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
        assert_false(ori_auth_is_local_host(other[i]));
    assert_false(ori_auth_is_local_host(NULL));
}

static void origins(void **state)
{
    (void)state;
    assert_true(ori_cors_allows("https://a.com, https://b.com:8", "https://b.com:8"));
    assert_true(ori_cors_allows("*", "https://any"));
    assert_false(ori_cors_allows("https://a.com", "https://a.com.evil"));
    assert_false(ori_cors_allows("https://a.com", "https://a.co"));
    assert_false(ori_cors_allows("", "https://a.com"));
    assert_false(ori_cors_allows("null", "null"));
    assert_false(ori_cors_allows("https://a.com", NULL));
    assert_false(ori_cors_allows("https://a.com,", ""));
    assert_true(ori_cors_is_own("http://127.0.0.1:8000", "127.0.0.1:8000"));
    assert_false(ori_cors_is_own("http://127.0.0.1:8001", "127.0.0.1:8000"));
    assert_false(ori_cors_is_own("null", "127.0.0.1:8000"));
}

static void lists_of_origins(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *bad; /* NULL: all can be origins */
    } rows[] = {
        {"", NULL},
        {" , ", NULL},
        {"*", NULL},
        {"https://a.com", NULL},
        {"HTTPS://A.com, http://localhost:3000", NULL},
        {"http://127.0.0.1:1,http://[::1]:65535", NULL},
        {"http://[::1]", NULL},
        {"chrome-extension://abcdef", NULL},
        {"null", "null"},
        {"a.com", "a.com"},
        {"https://a.com, b.com", "b.com"},
        {"https://a.com/", "https://a.com/"},
        {"https://a.com/x y", "https://a.com/x"},
        {"https://", "https://"},
        {"https://:80", "https://:80"},
        {"://a.com", "://a.com"},
        {"https:/a", "https:/a"},
        {"https://a.com:", "https://a.com:"},
        {"https://a.com:123456", "https://a.com:123456"},
        {"https://a.com:8b", "https://a.com:8b"},
        {"https://u@a.com", "https://u@a.com"},
        {"https://[::1", "https://[::1"},
        {"http,://a", "http"}, /* no entry reads into the next one */
        {"https://*.a.com", "https://*.a.com"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *bad = NULL;
        size_t bytes = 0;
        const bool is_list = ori_cors_is_list(rows[i].text, &bad, &bytes);
        if (is_list != !rows[i].bad ||
            (bad && (bytes != strlen(rows[i].bad) || strncmp(bad, rows[i].bad, bytes) != 0)))
            fail_msg("%s: %.*s", rows[i].text, (int)bytes, bad ? bad : "");
    }
}

static struct sockaddr_storage address_of(int family, const char *text)
{
    struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
    void *ip = family == AF_INET ? (void *)&((struct sockaddr_in *)&address)->sin_addr
                                 : (void *)&((struct sockaddr_in6 *)&address)->sin6_addr;
    assert_int_equal(inet_pton(family, text, ip), 1);
    return address;
}

static void addresses(void **state)
{
    (void)state;
    static const struct {
        int family;
        const char *text;
        bool is_loopback;
    } rows[] = {{AF_INET, "127.0.0.1", true},
                {AF_INET, "127.9.9.9", true},
                {AF_INET, "128.0.0.1", false},
                {AF_INET, "0.0.0.0", false},
                {AF_INET6, "::1", true},
                {AF_INET6, "::ffff:127.0.0.1", true},
                {AF_INET6, "::ffff:10.0.0.1", false},
                {AF_INET6, "::", false},
                {AF_INET6, "::2", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sockaddr_storage address = address_of(rows[i].family, rows[i].text);
        assert_int_equal(ori_auth_is_loopback((struct sockaddr *)&address), rows[i].is_loopback);
    }
    struct sockaddr_storage a = address_of(AF_INET6, "2001:db8:1:2::1");
    struct sockaddr_storage b = address_of(AF_INET6, "2001:db8:1:2:ffff::9");
    struct sockaddr_storage c = address_of(AF_INET6, "2001:db8:1:3::1");
    struct ori_address_key ka = ori_address_key((struct sockaddr *)&a);
    struct ori_address_key kb = ori_address_key((struct sockaddr *)&b);
    struct ori_address_key kc = ori_address_key((struct sockaddr *)&c);
    assert_memory_equal(&ka, &kb, sizeof ka);
    assert_memory_not_equal(&ka, &kc, sizeof ka);
}

static void guesses_are_counted_by_address(void **state)
{
    (void)state;
    static struct ori_guesses guesses;
    struct ori_address_key one = {1, 1};
    struct ori_address_key two = {1, 2};
    int64_t now_us = 5000000;
    for (int i = 0; i < ORI_LIMIT_MAX_WRONG_KEYS; i++)
        assert_int_equal(ori_guesses_add(&guesses, one, now_us), 0);
    int wait_s = ori_guesses_add(&guesses, one, now_us);
    assert_in_range(wait_s, 60, 61);
    assert_int_equal(ori_guesses_add(&guesses, two, now_us), 0);
    assert_in_range(ori_guesses_add(&guesses, one, now_us + 59000000), 1, 2);
    assert_int_equal(ori_guesses_add(&guesses, one, now_us + 60000000), 0);
    /* many others push out the oldest, and nothing grows */
    for (uint64_t i = 0; i < 10 * ORI_AUTH_GUESSERS; i++)
        assert_int_equal(
            ori_guesses_add(&guesses, (struct ori_address_key){2, i}, now_us + (int64_t)i), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keys),
                                       cmocka_unit_test(logins),
                                       cmocka_unit_test(hosts),
                                       cmocka_unit_test(origins),
                                       cmocka_unit_test(lists_of_origins),
                                       cmocka_unit_test(addresses),
                                       cmocka_unit_test(guesses_are_counted_by_address)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
