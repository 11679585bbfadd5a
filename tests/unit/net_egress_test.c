/* Which proxy a request goes through, and which settings are no proxies and no certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "net/client_priv.h"
#include "net/egress.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void no_proxy(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        const char *host;
        int port;
        bool is_exempt;
    } rows[] = {
        {"", "example.org", 80, false},
        {"*", "example.org", 80, true},
        {"a, *", "example.org", 80, true},
        {"example.org", "example.org", 80, true},
        {"example.org", "EXAMPLE.ORG", 80, true},
        {"EXAMPLE.org", "a.example.org", 80, true},
        {"example.org", "badexample.org", 80, false},
        {"example.org", "example.org.evil", 80, false},
        {"example.org", "example.or", 80, false},
        {".example.org", "example.org", 80, true},
        {".example.org", "a.b.example.org", 80, true},
        {"*.example.org", "a.example.org", 80, true},
        {"*.example.org", "aexample.org", 80, false},
        {"example.org.", "example.org", 80, true},
        {"example.org", "example.org.", 80, true},
        {" a.test ,\tb.test  c.test", "b.test", 80, true},
        {"a.test b.test,,c.test", "c.test", 80, true},
        {"a.test b.test", "d.test", 80, false},
        {".", "example.org", 80, false},
        {"*.", "example.org", 80, false},
        {"example.org:8080", "example.org", 8080, true},
        {"example.org:8080", "example.org", 80, false},
        {"example.org:x", "example.org", 80, false},
        {"10.0.0.1", "10.0.0.1", 80, true},
        {"10.0.0.1", "10.0.0.10", 80, false},
        {"10.0.0.1:80", "10.0.0.1", 80, true},
        {"10.0.0.1:80", "10.0.0.1", 81, false},
        {"10.0.0.0/8", "10.1.2.3", 80, true},
        {"10.0.0.0/8", "11.1.2.3", 80, false},
        {"10.9.9.9/8", "10.1.2.3", 80, true}, /* the bits behind the mask do not count */
        {"192.168.4.0/22", "192.168.7.255", 80, true},
        {"192.168.4.0/22", "192.168.8.0", 80, false},
        {"0.0.0.0/0", "8.8.8.8", 80, true},
        {"0.0.0.0/0", "::1", 80, false},
        {"10.0.0.0/33", "10.0.0.0", 80, false},
        {"10.0.0.0/-1", "10.0.0.0", 80, false},
        {"10.0.0.0/", "10.0.0.0", 80, false},
        {"10.0.0.0/8", "ten.test", 80, false},
        {"10", "10.0.0.1", 80, false},
        {"0.1", "10.0.0.1", 80, false}, /* an address has no parts below a domain */
        {"fd00::/8", "[fd00::1]", 80, true},
        {"fd00::/8", "fe00::1", 80, false},
        {"[fd00::1]", "[fd00::1]", 80, true},
        {"fd00::1", "[fd00::0001]", 80, true},
        {"[fd00::1]:443", "[fd00::1]", 443, true},
        {"[fd00::1]:443", "[fd00::1]", 80, false},
        {"[fd00::1", "[fd00::1]", 80, false},
        {"[", "example.org", 80, false},
        {":", "example.org", 80, false},
        {":80", "example.org", 80, false},
        {"example.org", "", 80, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (ori_net_egress_is_exempt(rows[i].list, rows[i].host, rows[i].port) != rows[i].is_exempt)
            fail_msg("'%s' for '%s' port %d", rows[i].list, rows[i].host, rows[i].port);
    }
}

static void words_longer_than_hosts(void **state)
{
    (void)state;
    char list[1000];
    char host[400];
    memset(host, 'a', sizeof host);
    host[sizeof host - 1] = '\0';
    snprintf(list, sizeof list, "%s,b.test", host);
    assert_false(ori_net_egress_is_exempt(list, host, 80));
    assert_true(ori_net_egress_is_exempt(list, "b.test", 80));
    host[253] = '\0';
    assert_true(ori_net_egress_is_exempt(host, host, 80));
}

static void which_proxy(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool is_guarded;
        const char *proxy; /* NULL: none */
        const char *proxy_trusted;
    } rows[] = {
        {"http://example.org/", false, "http://p:1", "http://p:1"},
        {"HTTPS://example.org/", false, "s:2", "s:2"},
        {"http://example.org/", true, NULL, "http://p:1"},
        {"https://example.org/", true, NULL, "s:2"},
        {"https://away.test/", false, NULL, NULL},
        {"https://a.away.test:8443/x", false, NULL, NULL},
        {"http://192.0.2.7/", false, NULL, NULL},
        {"http://192.0.3.7/", false, "http://p:1", "http://p:1"},
        {"http://localhost/", false, NULL, NULL},
        {"http://LOCALHOST:80/", false, NULL, NULL},
        {"http://a.localhost/", false, NULL, NULL},
        {"http://localhost.example.org/", false, "http://p:1", "http://p:1"},
        {"http://127.0.0.1:9000/", false, NULL, NULL},
        {"http://127.9.9.9/", false, NULL, NULL},
        {"http://127.1/", false, NULL, NULL},
        {"http://2130706433/", false, NULL, NULL},
        {"http://[::1]:9000/", false, NULL, NULL},
        {"http://128.0.0.1/", false, "http://p:1", "http://p:1"},
        {"what is this", false, NULL, NULL},
    };
    struct ori_net_egress egress = {
        .http_proxy = "http://p:1", .https_proxy = "s:2", .no_proxy = "away.test, 192.0.2.0/24"};
    for (int i = 0; i < (int)COUNT_OF(rows) * 2; i++) {
        const char *expected = i % 2 ? rows[i / 2].proxy_trusted : rows[i / 2].proxy;
        egress.proxies_guarded = i % 2;
        const char *found = ori_net_egress_proxy(&egress, rows[i / 2].url, rows[i / 2].is_guarded);
        if ((found == NULL) != (expected == NULL) || (found && strcmp(found, expected) != 0))
            fail_msg("%s guarded %d: %s", rows[i / 2].url, rows[i / 2].is_guarded, found);
    }
    egress = (struct ori_net_egress){.http_proxy = NULL, .https_proxy = ""};
    assert_null(ori_net_egress_proxy(&egress, "http://example.org/", false));
    assert_null(ori_net_egress_proxy(&egress, "https://example.org/", false));
}

static void what_is_a_proxy(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_taken;
    } rows[] = {
        {"", true},
        {"http://proxy.test:3128", true},
        {"http://proxy.test:3128/", true},
        {"proxy.test:3128", true},
        {"proxy.test", true},
        {"10.0.0.1:3128", true},
        {"http://[fd00::1]:3128", true},
        {"http://user:hunter2@proxy.test:3128", true},
        {"user:hunter2@proxy.test:3128", true},
        {"user:hunt%40er2@proxy.test:3128", true},
        {"HTTPS://proxy.test", true},
        {"socks4://proxy.test:1080", true},
        {"socks4a://proxy.test:1080", true},
        {"socks5://proxy.test:1080", true},
        {"socks5h://u:hunter2@proxy.test:1080", true},
        {"ftp://u:hunter2@proxy.test", false},
        {"http://proxy.test:99999", false},
        {"http://proxy.test:hunter2", false},
        {"http://proxy.test/path/hunter2", false},
        {"http://", false},
        {"http://u:hunter2@", false},
        {"hunter2 hunter2", false},
    };
    for (int i = 0; i < (int)COUNT_OF(rows) * 2; i++) {
        struct ori_error err = {0};
        struct ori_net_egress egress = {.no_proxy = NULL};
        if (i % 2)
            egress.https_proxy = rows[i / 2].text;
        else
            egress.http_proxy = rows[i / 2].text;
        ori_status status = ori_net_egress_check(&egress, &err);
        if (status != (rows[i / 2].is_taken ? ORI_OK : ORI_BAD_SETTING))
            fail_msg("'%s': %d %s", rows[i / 2].text, (int)status, err.text);
        assert_null(strstr(err.text, "hunter2"));
        if (status != ORI_OK)
            assert_true(strncmp(err.text, i % 2 ? "HTTPS_PROXY" : "HTTP_PROXY,", 11) == 0);
    }
}

static void what_is_a_file_of_certificates(void **state)
{
    (void)state;
    struct ori_error err = {0};
    struct ori_net_egress egress = {.ca_file = "/nonexistent/ca.pem",
                                    .ca_variable = "AWS_CA_BUNDLE"};
    assert_int_equal(ori_net_egress_check(&egress, &err), ORI_BAD_SETTING);
    assert_non_null(strstr(err.text, "AWS_CA_BUNDLE=/nonexistent/ca.pem: expected"));
    struct ori_net_client_options options = {.connections_max = 1, .egress = &egress};
    struct ori_net_client *client = NULL;
    assert_int_equal(ori_net_client_create(&options, &client, NULL), ORI_BAD_SETTING);
    assert_null(client);
    egress.ca_file = "/dev/null";
    assert_int_equal(ori_net_egress_check(&egress, NULL), ORI_OK);
}

static void from_settings(void **state)
{
    (void)state;
    static const char *const environment[] = {
        "http_proxy=lower:1",     "HTTP_PROXY=upper:1",         "ALL_PROXY=all:3",
        "no_proxy=a.test",        "CURL_CA_BUNDLE=/curl.pem",   "SSL_CERT_FILE=/ssl.pem",
        "AWS_CA_BUNDLE=/aws.pem", "REQUESTS_CA_BUNDLE=/rq.pem", NULL};
    static const char *const less[] = {"REQUESTS_CA_BUNDLE=/rq.pem", "URL_ALLOW_PROXY=1", NULL};
    const struct ori_settings *settings = NULL;
    struct ori_settings_sources sources = {.environment = environment};
    assert_int_equal(ori_settings_load(&sources, &settings, NULL), ORI_OK);
    struct ori_net_egress egress = ori_net_egress_of(settings);
    assert_string_equal(egress.http_proxy, "lower:1"); /* as curl has it */
    assert_string_equal(egress.https_proxy, "all:3");
    assert_string_equal(egress.no_proxy, "a.test");
    assert_string_equal(egress.ca_file, "/ssl.pem");
    assert_string_equal(egress.ca_variable, "SSL_CERT_FILE");
    assert_false(egress.proxies_guarded);
    egress = ori_net_egress_of_s3(settings);
    assert_string_equal(egress.ca_file, "/aws.pem");
    assert_string_equal(egress.ca_variable, "AWS_CA_BUNDLE");
    ori_settings_destroy(&settings);
    sources.environment = less;
    assert_int_equal(ori_settings_load(&sources, &settings, NULL), ORI_OK);
    egress = ori_net_egress_of_s3(settings);
    assert_string_equal(egress.ca_file, "/rq.pem");
    assert_string_equal(egress.http_proxy, "");
    assert_true(egress.proxies_guarded);
    ori_settings_destroy(&settings);
}

static void retry_after(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        int64_t ms;
    } rows[] = {
        {"0", 0},
        {"7", 7000},
        {"0120", 120000},
        {"20260101", INT64_C(20260101000)}, /* seconds, though it looks like a date */
        {"2147483647", INT64_C(2147483647000)},
        {"2147483648", -1},
        {"99999999999999999999", -1},
        {"-1", -1},
        {"", -1},
        {"soon", -1},
        {"1.5x", -1},
        {"Wed, 21 Oct 2015 07:28:00 GMT", 60000}, /* 1445412480 */
        {"Wednesday, 21-Oct-15 07:28:00 GMT", 60000},
        {"Wed Oct 21 07:28:00 2015", 60000},
        {"Wed, 21 Oct 2015 07:26:59 GMT", 0}, /* has passed */
        {"Wed, 21 Oct 2015 07:27:00 GMT", 0},
        {"Tue, 21 Oct 2150 07:28:00 GMT", -1}, /* nobody waits for that */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t ms = ori_net_retry_after_ms(rows[i].value, 1445412420);
        if (ms != rows[i].ms)
            fail_msg("%s: %lld", rows[i].value, (long long)ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_proxy),
        cmocka_unit_test(words_longer_than_hosts),
        cmocka_unit_test(which_proxy),
        cmocka_unit_test(what_is_a_proxy),
        cmocka_unit_test(what_is_a_file_of_certificates),
        cmocka_unit_test(from_settings),
        cmocka_unit_test(retry_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
