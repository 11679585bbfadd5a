/* Targets: what is decoded, what is refused, and the limits at N and N + 1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/uri.h"

static struct ori_uri uri;

static void paths_are_decoded_once(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        const char *path;
    } rows[] = {
        {"/", "/"},
        {"/jobs/", "/jobs/"},
        {"/frames/tiktok/a.b-c_d", "/frames/tiktok/a.b-c_d"},
        {"/a%20b", "/a b"},
        {"/a+b", "/a+b"},
        {"/%C3%A9", "/\xc3\xa9"},
        {"/%2525", "/%25"},
        {"/a/...", "/a/..."},
        {"/.well-known", "/.well-known"},
        {"//a", "//a"},
        {"/a?b=/../%2F", "/a"},
        {"/\xc3\xa9", "/\xc3\xa9"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_error err = {0};
        assert_int_equal(ori_uri_parse(rows[i].target, &uri, &err), ORI_OK);
        assert_string_equal(uri.path, rows[i].path);
    }
}

static void bad_targets_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",         "*",        "http://a/",      "jobs",    "/a%00b",    "/%",       "/%4",
        "/%zz",     "/%4g",     "/a%2fb",         "/a%2Fb",  "/a%5cb",    "/a\\b",    "/../a",
        "/a/..",    "/a/../b",  "/a/./b",         "/a/.",    "/%2e%2e/a", "/a/%2E",   "/%ff",
        "/%c3",     "/%c3/%a9", "/%ed%a0%80",     "/%c0%80", "/a#b",      "/a\x01",   "/a%0ab",
        "/a%7f",    "/\xff",    "/a?b=%00",       "/a?b=%",  "/a?b=%zz",  "/a?%ff=1", "/a?b=\xff",
        "/a?b=c#d", "/a b",     "/a?b=%c3&c=%a9",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_error err = {0};
        if (ori_uri_parse(rows[i], &uri, &err) != ORI_USAGE)
            fail_msg("taken: %s", rows[i]);
        assert_true(err.text[0] != '\0');
    }
}

static void queries_are_taken_apart(void **state)
{
    (void)state;
    struct ori_error err = {0};
    assert_int_equal(ori_uri_parse("/a?x=1&y=a+b%2B&&z&=v&x=2&w=a=b", &uri, &err), ORI_OK);
    assert_int_equal(uri.query_count, 6);
    assert_string_equal(ori_uri_query(&uri, "x"), "1");
    assert_string_equal(ori_uri_query(&uri, "y"), "a b+");
    assert_string_equal(ori_uri_query(&uri, "z"), "");
    assert_string_equal(ori_uri_query(&uri, ""), "v");
    assert_string_equal(ori_uri_query(&uri, "w"), "a=b");
    assert_null(ori_uri_query(&uri, "v"));
    assert_int_equal(ori_uri_parse("/a?", &uri, &err), ORI_OK);
    assert_int_equal(uri.query_count, 0);
}

static void limits_hold(void **state)
{
    (void)state;
    struct ori_error err = {0};
    char *target = malloc(ORI_LIMIT_MAX_REQUEST_URL_BYTES + 2);
    memset(target, 'a', ORI_LIMIT_MAX_REQUEST_URL_BYTES + 1);
    target[0] = '/';
    target[ORI_LIMIT_MAX_REQUEST_URL_BYTES + 1] = '\0';
    assert_int_equal(ori_uri_parse(target, &uri, &err), ORI_LIMIT);
    target[ORI_LIMIT_MAX_REQUEST_URL_BYTES] = '\0';
    err = (struct ori_error){0};
    assert_int_equal(ori_uri_parse(target, &uri, &err), ORI_OK);
    assert_int_equal(strlen(uri.path), ORI_LIMIT_MAX_REQUEST_URL_BYTES);
    free(target);

    char query[8 + 4 * (ORI_LIMIT_MAX_QUERY_PARAMETERS + 1)] = "/a?";
    for (int i = 0; i < ORI_LIMIT_MAX_QUERY_PARAMETERS; i++)
        memcpy(query + strlen(query), "a=1&", 5);
    assert_int_equal(ori_uri_parse(query, &uri, &err), ORI_OK);
    memcpy(query + strlen(query), "a=1&", 5);
    assert_int_equal(ori_uri_parse(query, &uri, &err), ORI_LIMIT);
}

/* Whatever the bytes: it ends, and what it takes is text without a "." or ".." segment. */
static void any_bytes_are_safe(void **state)
{
    (void)state;
    static const char alphabet[] = "/.%20eEfFaA5cC+&=?#\xc3\xa9\xff z";
    uint32_t seed = 1;
    for (int round = 0; round < 200000; round++) {
        char target[24];
        size_t bytes = 1 + seed % (sizeof target - 2);
        target[0] = '/';
        for (size_t i = 1; i < bytes; i++) {
            seed = seed * 1664525u + 1013904223u;
            target[i] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
        }
        target[bytes] = '\0';
        seed = seed * 1664525u + 1013904223u;
        if (ori_uri_parse(target, &uri, NULL) != ORI_OK)
            continue;
        assert_true(uri.path[0] == '/');
        assert_null(strstr(uri.path, "/../"));
        size_t length = strlen(uri.path);
        assert_false(length >= 3 && strcmp(uri.path + length - 3, "/..") == 0);
        assert_false(strcmp(uri.path, "/.") == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_decoded_once), cmocka_unit_test(bad_targets_are_refused),
        cmocka_unit_test(queries_are_taken_apart), cmocka_unit_test(limits_hold),
        cmocka_unit_test(any_bytes_are_safe)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
