/* Routes: every row of the table is found by a path made of it, and only by such. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/auth.h"
#include "http/route.h"
#include "util/buf.h"

#define JOB "0b0e7a52-0d5c-4b57-9c3e-2f6f1f0a9a11"

/* The row's path with legal values in place of its parameters. */
static void fill(const char *row, struct ori_buf *path)
{
    while (*row != '\0') {
        size_t plain = strcspn(row, "{");
        ori_buf_add(path, row, plain);
        row += plain;
        if (*row == '\0')
            break;
        ori_buf_add_text(path, strncmp(row, "{job_id}", 8) == 0 ? JOB : "a-B_9.png");
        row += strcspn(row, "}") + 1;
    }
}

static void every_row_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < ori_route_count(); i++) {
        const struct ori_route *route = ori_route_at(i);
        struct ori_buf path;
        ori_buf_init(&path, 1000);
        fill(route->path, &path);
        struct ori_route_match match;
        char allowed[64];
        assert_int_equal(ori_route_find(route->method, ori_buf_text(&path), &match, allowed),
                         ORI_ROUTE_FOUND);
        assert_ptr_equal(match.route, route);
        assert_int_equal(ori_route_find(ORI_HTTP_OTHER, ori_buf_text(&path), &match, allowed),
                         ORI_ROUTE_NO_METHOD);
        assert_non_null(strstr(allowed, "OPTIONS"));
        ori_buf_add_text(&path, "x/y/z/w");
        assert_int_equal(ori_route_find(route->method, ori_buf_text(&path), &match, allowed),
                         ORI_ROUTE_NO_PATH);
        assert_string_equal(allowed, "");
        ori_buf_deinit(&path);
    }
}

static void paths_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        enum ori_http_method method;
        const char *path;
        const char *name;    /* of the row found, NULL: none */
        const char *allowed; /* when none */
    } rows[] = {
        {ORI_HTTP_GET, "/", "root", NULL},
        {ORI_HTTP_GET, "/health/", "health", NULL},
        {ORI_HTTP_GET, "//", NULL, ""}, /* is no "/" with a slash behind */
        {ORI_HTTP_POST, "/jobs", "add_job", NULL},
        {ORI_HTTP_POST, "/jobs/", "add_job_200", NULL},
        {ORI_HTTP_GET, "/jobs/", "list_jobs", NULL},
        {ORI_HTTP_DELETE, "/jobs/", NULL, "POST, OPTIONS, GET, HEAD"},
        {ORI_HTTP_GET, "/jobs/" JOB, "get_job", NULL},
        {ORI_HTTP_GET, "/jobs/" JOB "/", "get_job", NULL},
        {ORI_HTTP_GET, "/jobs/" JOB "//", NULL, ""},
        {ORI_HTTP_GET, "/jobs/0B0E7A52-0D5C-4B57-9C3E-2F6F1F0A9A11", "get_job", NULL},
        {ORI_HTTP_GET, "/jobs/0b0e7a52-0d5c-4b57-9c3e-2f6f1f0a9a1", "get_job", NULL},
        {ORI_HTTP_GET, "/jobs/0b0e7a52-0d5c-4b57-9c3e-2f6f1f0a9a1g", "get_job", NULL},
        {ORI_HTTP_GET, "/jobs/0b0e7a5200d5c04b5709c3e02f6f1f0a9a11", "get_job", NULL},
        {ORI_HTTP_GET, "/jobs/.hidden", NULL, ""},
        {ORI_HTTP_GET, "/jobs//progress", NULL, ""},
        {ORI_HTTP_GET, "/frames/a/.hidden", NULL, ""},
        {ORI_HTTP_GET, "/frames/a/b c", NULL, ""},
        {ORI_HTTP_GET, "/frames/a/b/1_0.00.png", "get_frame", NULL},
        {ORI_HTTP_GET, "/frames/a/b/c/d", NULL, ""},
        {ORI_HTTP_GET, "/Health", NULL, ""},
        {ORI_HTTP_GET, "/healthx", NULL, ""},
        {ORI_HTTP_GET, "/healt", NULL, ""},
        {ORI_HTTP_DELETE, "/jobs/" JOB, "delete_job", NULL},
        {ORI_HTTP_POST, "/jobs/" JOB, NULL, "GET, HEAD, OPTIONS, DELETE"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_route_match match;
        char allowed[64];
        enum ori_route_verdict verdict =
            ori_route_find(rows[i].method, rows[i].path, &match, allowed);
        if (!rows[i].name) {
            if (verdict == ORI_ROUTE_FOUND)
                fail_msg("%s is %s", rows[i].path, match.route->name);
            assert_string_equal(allowed, rows[i].allowed);
            continue;
        }
        if (verdict != ORI_ROUTE_FOUND)
            fail_msg("%s is not found", rows[i].path);
        assert_string_equal(match.route->name, rows[i].name);
    }
}

static void parameters_are_taken_in_order(void **state)
{
    (void)state;
    struct ori_route_match match;
    char allowed[64];
    assert_int_equal(ori_route_find(ORI_HTTP_GET, "/frames/p/c/f.png", &match, allowed),
                     ORI_ROUTE_FOUND);
    assert_string_equal(match.params[0], "p");
    assert_string_equal(match.params[1], "c");
    assert_string_equal(match.params[2], "f.png");
    ori_route_find(ORI_HTTP_GET, "/jobs/0B0E7A52-0D5C-4B57-9C3E-2F6F1F0A9A11", &match, allowed);
    assert_string_equal(match.params[0], JOB);
}

/* A row cannot leave its rule out: the macro of the table takes it. This is the list of those that are
 * open on purpose, or have another rule. */
static void every_row_asks_for_the_key_but_those_on_this_list(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum ori_route_auth auth;
    } others[] = {
        {"root", ORI_ROUTE_OPEN},       {"health", ORI_ROUTE_OPEN},
        {"ready", ORI_ROUTE_OPEN},      {"ui", ORI_ROUTE_OPEN},
        {"ui_file", ORI_ROUTE_OPEN},    {"docs", ORI_ROUTE_BASIC},
        {"docs_file", ORI_ROUTE_BASIC}, {"openapi", ORI_ROUTE_BASIC},
        {"metrics", ORI_ROUTE_METRICS},
    };
    static const struct ori_settings settings = {.api_key = {"key"},
                                                 .api_username = "user",
                                                 .api_password = {"password"},
                                                 .metrics_auth = true};
    static const struct ori_auth_headers none = {NULL, NULL};
    size_t found = 0;
    for (size_t i = 0; i < ori_route_count(); i++) {
        const struct ori_route *route = ori_route_at(i);
        enum ori_route_auth auth = ORI_ROUTE_KEY;
        for (size_t k = 0; k < sizeof others / sizeof others[0]; k++) {
            if (strcmp(others[k].name, route->name) != 0)
                continue;
            auth = others[k].auth;
            found++;
        }
        if (route->auth != auth)
            fail_msg("%s has another rule", route->name);
        assert_true(route->method == ORI_HTTP_GET ||
                    auth == ORI_ROUTE_KEY); /* what changes things */
        assert_int_equal(ori_auth_check(&settings, route->auth, true, &none) == ORI_AUTH_OK,
                         auth == ORI_ROUTE_OPEN);
    }
    assert_int_equal(found, sizeof others / sizeof others[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_found),
        cmocka_unit_test(every_row_asks_for_the_key_but_those_on_this_list),
        cmocka_unit_test(paths_are_told_apart), cmocka_unit_test(parameters_are_taken_in_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
