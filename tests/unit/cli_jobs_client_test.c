/* Where a server is, what is a job's id, and what a refusal says to a person. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/jobs_client.h"
#include "util/limits.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void bases(void **state)
{
    (void)state;
    static const struct {
        const char *server;
        const char *host;
        int64_t port;
        const char *base; /* NULL: refused */
    } rows[] = {
        {NULL, "127.0.0.1", 8000, "http://127.0.0.1:8000"},
        {NULL, "0.0.0.0", 80, "http://127.0.0.1:80"},
        {NULL, "::", 8000, "http://[::1]:8000"},
        {NULL, "::1", 8000, "http://[::1]:8000"},
        {NULL, "videos.example", 65535, "http://videos.example:65535"},
        {NULL, "127.0.0.1", 0, NULL}, /* "a free one": nobody knows which */
        {NULL, "no such host", 8000, NULL},
        {"http://videos.example:9000", "x", 1, "http://videos.example:9000"},
        {"https://videos.example/oriane//", "x", 1, "https://videos.example/oriane"},
        {"videos.example", "x", 1, "http://videos.example"},
        {"localhost:9000/", "x", 1, "http://localhost:9000"},
        {"ftp://videos.example", "x", 1, NULL},
        {"http://user:secret@videos.example", "x", 1, NULL},
        {"http://videos.example?x=1", "x", 1, NULL},
        {"http://videos.example#x", "x", 1, NULL},
        {"http://videos.example/a b", "x", 1, NULL},
        {"", "x", 1, NULL},
        {"/", "x", 1, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_error err = {0};
        char *base = NULL;
        ori_status status = ori_jobs_base(rows[i].server, rows[i].host, rows[i].port, &base, &err);
        if (status != (rows[i].base ? ORI_OK : ORI_USAGE))
            fail_msg("%zu: %s", i, err.text);
        if (rows[i].base)
            assert_string_equal(base, rows[i].base);
        else
            assert_non_null(strstr(err.text, rows[i].server ? "--server" : "API_HOST"));
        assert_null(strstr(err.text, "secret"));
        free(base);
    }
}

static void ids(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_id;
    } rows[] = {
        {"14e2154c-141c-4c0c-a193-4a4a71798954", true},
        {"00000000-0000-0000-0000-000000000000", true},
        {"14E2154C-141c-4c0c-a193-4a4a71798954", false},
        {"14e2154c-141c-4c0c-a193-4a4a7179895", false},
        {"14e2154c-141c-4c0c-a193-4a4a717989541", false},
        {"14e2154c141c4c0ca1934a4a71798954aaaa", false},
        {"14e2154c-141c-4c0c-a193-4a4a7179895/", false},
        {"14e2154c-141c-4c0c-a193-4a4a7179895g", false},
        {"../../../../../../../../../../../../", false},
        {"-", false},
        {"", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(ori_jobs_is_id(rows[i].text), rows[i].is_id);
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        int http;
        const char *type;
        const char *body;
        const char *text;
        const char *code;
    } rows[] = {
        {404, "application/problem+json",
         "{\"detail\":\"Job not found\",\"code\":\"not_found\",\"status\":404}", "Job not found",
         "not_found"},
        {401, "application/problem+json", "{\"detail\":\"No key.\",\"code\":\"unauthorized\"}",
         "No key. (--key or API_KEY names the key)", "unauthorized"},
        {422, "application/problem+json",
         "{\"detail\":\"Wrong.\",\"errors\":[{\"loc\":[\"query\",\"page\"],\"msg\":\"too small\"},"
         "{\"loc\":\"order\",\"msg\":\"unknown\"},{\"loc\":[],\"msg\":\"x\"},7,{\"loc\":{}}]}",
         "Wrong.; page: too small; order: unknown", ""},
        {422, "application/problem+json",
         "{\"detail\":\"2 fields are wrong; the first: items.0.url: no\",\"errors\":["
         "{\"loc\":\"items.0.url\",\"msg\":\"no\"},{\"loc\":\"items.4.url\",\"msg\":\"no\"}]}",
         "2 fields are wrong; the first: items.0.url: no; items.4.url: no", ""},
        {500, "text/html", "<html>oops</html>",
         "the server answered 500 and does not say why (text/html)", ""},
        {502, "", "", "the server answered 502 and does not say why (no content type)", ""},
        {500, "application/json", "{\"detail\":\"\"}",
         "the server answered 500 and does not say why (application/json)", ""},
        {500, "application/json", "{\"detail\":7,\"code\":8}",
         "the server answered 500 and does not say why (application/json)", ""},
        {400, "x", "{\"detail\":\"a\\u001b[2Jb\\nc\",\"code\":\"Not A Code\"}", "a?[2Jb?c", ""},
        {400, "x",
         "{\"detail\":\"d\",\"code\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
         "d", ""},
        {301, "text/html", "", "the server answered 301 and does not say why (text/html)", ""},
        {200, "text/html", "<html>", "the server's answer is no JSON object: is this oriane?", ""},
        {200, "application/json", "[]", "the server's answer is no JSON object: is this oriane?",
         ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char code[ORI_JOBS_CODE_BYTES];
        struct ori_error err = {0};
        assert_int_equal(ori_jobs_refusal(rows[i].http, rows[i].type, rows[i].body,
                                          strlen(rows[i].body), code, &err),
                         ORI_NETWORK);
        assert_string_equal(err.text, rows[i].text);
        assert_string_equal(code, rows[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bases), cmocka_unit_test(ids),
                                       cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
