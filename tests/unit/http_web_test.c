/* The pages inside the program are the files of the source tree, byte for byte. argv[1]: its root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "http/web.h"

static const char *root;

static unsigned char *read_source(const struct ori_web_file *file, size_t *ret_bytes)
{
    char path[4096];
    assert_true(snprintf(path, sizeof path, "%s/src/http/web/%s/%s", root, file->folder,
                         file->name) < (int)sizeof path);
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    unsigned char *data = malloc(file->bytes + 1);
    assert_non_null(data);
    *ret_bytes = fread(data, 1, file->bytes + 1, stream); /* one more, to see a longer file */
    fclose(stream);
    return data;
}

static void test_files_are_the_sources(void **state)
{
    (void)state;
    assert_true(ori_web_count() > 10);
    for (size_t i = 0; i < ori_web_count(); i++) {
        const struct ori_web_file *file = ori_web_at(i);
        size_t bytes = 0;
        unsigned char *data = read_source(file, &bytes);
        assert_int_equal(bytes, file->bytes);
        assert_memory_equal(data, file->data, bytes);
        free(data);
    }
}

static void test_etag_is_of_the_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ori_web_count(); i++) {
        const struct ori_web_file *file = ori_web_at(i);
        unsigned char digest[SHA256_DIGEST_LENGTH];
        char text[2 * SHA256_DIGEST_LENGTH + 1];
        SHA256(file->data, file->bytes, digest);
        for (size_t k = 0; k < sizeof digest; k++)
            snprintf(text + 2 * k, 3, "%02x", digest[k]);
        assert_string_equal(text, file->etag);
    }
}

static void test_find(void **state)
{
    (void)state;
    static const struct {
        const char *folder;
        const char *file;
        const char *content_type; /* NULL: not there */
    } rows[] = {
        {"ui", "index.html", "text/html; charset=utf-8"},
        {"ui", "app.css", "text/css; charset=utf-8"},
        {"ui", "app.js", "text/javascript; charset=utf-8"},
        {"ui", "icon.svg", "image/svg+xml"},
        {"docs", "index.html", "text/html; charset=utf-8"},
        {"docs", "docs.js", "text/javascript; charset=utf-8"},
        {"docs", "app.js", NULL}, /* of the other folder */
        {"ui", "docs.js", NULL},
        {"ui", "", NULL},
        {"ui", "App.css", NULL},
        {"ui", "app.css ", NULL},
        {"ui", "../ui/app.css", NULL},
        {"ui", "../../../../etc/passwd", NULL},
        {"ui/../docs", "docs.js", NULL},
        {"", "index.html", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct ori_web_file *file = ori_web_find(rows[i].folder, rows[i].file);
        if (!rows[i].content_type) {
            assert_null(file);
            continue;
        }
        assert_non_null(file);
        assert_string_equal(file->name, rows[i].file);
        assert_string_equal(file->content_type, rows[i].content_type);
    }
}

/* Whatever a page names of its own origin must be in the program, and nothing else is named. */
static void test_pages_name_only_what_is_there(void **state)
{
    (void)state;
    static const struct {
        const char *folder;
        const char *prefix;
    } pages[] = {{"ui", "/ui/"}, {"docs", "/api/docs/"}};
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        const struct ori_web_file *page = ori_web_find(pages[i].folder, "index.html");
        assert_non_null(page);
        char *text = strndup((const char *)page->data, page->bytes);
        assert_non_null(text);
        int named = 0;
        for (char *at = text; (at = strstr(at, pages[i].prefix)) != NULL;) {
            at += strlen(pages[i].prefix);
            size_t length = strcspn(at, "\"");
            char name[64] = {0};
            assert_true(length < sizeof name);
            memcpy(name, at, length);
            if (length == 0) /* a link to the page itself */
                continue;
            assert_non_null(ori_web_find(pages[i].folder, name));
            named++;
        }
        assert_true(named >= 3); /* icon, style, script */
        assert_null(strstr(text, "http:"));
        assert_null(strstr(text, "https:"));
        assert_null(strstr(text, "<style"));
        assert_null(strstr(text, " style="));
        free(text);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s ROOT\n", argv[0]);
        return 2;
    }
    root = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_are_the_sources),
        cmocka_unit_test(test_etag_is_of_the_bytes),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_pages_name_only_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
