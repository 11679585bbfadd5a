/* The guard's table: what two servers in a row could read differently is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/guard.h"
#include "util/limits.h"

/* headers: "name: value" lines split by '\n'; a leading blank of the value is not part of it. */
static bool look(struct ori_guard *guard, const char *version, const char *headers)
{
    ori_guard_init(guard);
    while (*headers != '\0') {
        size_t line = strcspn(headers, "\n");
        size_t name = strcspn(headers, ":");
        const char *value = headers + name + 1;
        value += *value == ' ';
        ori_guard_header(guard, headers, name, value, (size_t)(headers + line - value));
        headers += line + (headers[line] == '\n');
    }
    return ori_guard_end(guard, version);
}

static void good_requests_pass(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        const char *headers;
        bool is_chunked;
        uint64_t length;
    } rows[] = {
        {"HTTP/1.1", "Host: a", false, 0},
        {"HTTP/1.0", "", false, 0},
        {"HTTP/1.0", "host: a", false, 0},
        {"HTTP/1.1", "Host: a\nContent-Length: 0", false, 0},
        {"HTTP/1.1", "Host: a\nContent-Length: 18446744073709551615", false, UINT64_MAX},
        {"HTTP/1.1", "Host: a\nContent-Length: 007", false, 7},
        {"HTTP/1.1", "HOST: a\nTRANSFER-ENCODING: Chunked", true, 0},
        {"HTTP/1.1", "Host: a\nX-Tab: a\tb\nX-Empty:\nX-Text: \xc3\xa9", false, 0},
        {"HTTP/1.1", "Host: a\nCookie: a=b\nCookie: c=d", false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_guard guard;
        if (!look(&guard, rows[i].version, rows[i].headers))
            fail_msg("refused: %s: %s", rows[i].headers, guard.fault);
        assert_int_equal(guard.is_chunked, rows[i].is_chunked);
        assert_true(guard.content_length == rows[i].length);
    }
}

static void ambiguous_requests_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        const char *headers;
    } rows[] = {
        {"HTTP/1.2", "Host: a"},
        {"HTTP/2.0", "Host: a"},
        {"http/1.1", "Host: a"},
        {"", "Host: a"},
        {"HTTP/1.1", ""},
        {"HTTP/1.1", "Host: a\nHost: a"},
        {"HTTP/1.0", "Host: a\nHost: b"},
        {"HTTP/1.1", "Host: a\nTransfer-Encoding : chunked\nContent-Length: 3"},
        {"HTTP/1.1", "Host: a\nContent-Length : 3"},
        {"HTTP/1.1", "Host: a\n: b"},
        {"HTTP/1.1", "Host: a\nX(Y): b"},
        {"HTTP/1.1", "Host: a\nX\xc3\xa9: b"},
        {"HTTP/1.1", "Host: a\nX: a\rb"},
        {"HTTP/1.1", "Host: a\nX: a\x01"},
        {"HTTP/1.1", "Host: a\nX: a\x7f"},
        {"HTTP/1.1", "Host: a\nX: \xff"},
        {"HTTP/1.1", "Host: a\nContent-Length: 3\nTransfer-Encoding: chunked"},
        {"HTTP/1.1", "Host: a\nTransfer-Encoding: chunked\nContent-Length: 3"},
        {"HTTP/1.1", "Host: a\nContent-Length: 3\nContent-Length: 3"},
        {"HTTP/1.1", "Host: a\nContent-Length: 3, 3"},
        {"HTTP/1.1", "Host: a\nContent-Length: +3"},
        {"HTTP/1.1", "Host: a\nContent-Length: -3"},
        {"HTTP/1.1", "Host: a\nContent-Length: 0x3"},
        {"HTTP/1.1", "Host: a\nContent-Length: 3a"},
        {"HTTP/1.1", "Host: a\nContent-Length:"},
        {"HTTP/1.1", "Host: a\nContent-Length: 18446744073709551616"},
        {"HTTP/1.1", "Host: a\nTransfer-Encoding: xchunked"},
        {"HTTP/1.1", "Host: a\nTransfer-Encoding: gzip, chunked"},
        {"HTTP/1.1", "Host: a\nTransfer-Encoding: chunked, chunked"},
        {"HTTP/1.1", "Host: a\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked"},
        {"HTTP/1.1", "Host: a\nTransfer-Encoding: identity"},
        {"HTTP/1.1", "Host: a\nTransfer-Encoding:"},
        {"HTTP/1.0", "Host: a\nTransfer-Encoding: chunked"},
        {"HTTP/1.1", "Host: a\nX-API-Key: a\nx-api-key: b"},
        {"HTTP/1.1", "Host: a\nAuthorization: a\nAuthorization: b"},
        {"HTTP/1.1", "Host: a\nContent-Type: a/b\nContent-Type: c/d"},
        {"HTTP/1.1", "Host: a\nIdempotency-Key: a\nIdempotency-Key: b"},
        {"HTTP/1.1", "Host: a\nOrigin: http://a\nOrigin: http://b"},
        {"HTTP/1.1", "Host: a\nExpect: 100-continue\nExpect: 100-continue"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_guard guard;
        if (look(&guard, rows[i].version, rows[i].headers))
            fail_msg("passed: %s %s", rows[i].version, rows[i].headers);
        assert_non_null(guard.fault);
    }
}

static void headers_are_counted(void **state)
{
    (void)state;
    struct ori_guard guard;
    ori_guard_init(&guard);
    ori_guard_header(&guard, "Host", 4, "a", 1);
    for (int i = 1; i < ORI_LIMIT_MAX_HEADERS; i++)
        ori_guard_header(&guard, "X", 1, "", 0);
    assert_true(ori_guard_end(&guard, "HTTP/1.1"));
    assert_false(guard.is_too_many);
    ori_guard_header(&guard, "X", 1, NULL, 0);
    assert_true(ori_guard_end(&guard, "HTTP/1.1"));
    assert_true(guard.is_too_many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(good_requests_pass),
                                       cmocka_unit_test(ambiguous_requests_are_refused),
                                       cmocka_unit_test(headers_are_counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
