#pragma once
/* http/web.h: the files of the pages, carried inside the program.
 * What       src/http/web/<folder>/<file>, turned into C by tools/embed-web when the program is built
 * Lifetime   static memory; any thread
 * etag       sha256 of the bytes, hex: changes exactly when the file does
 * Checked by tests/unit/http_web_test.c against the files in the source tree */
#include <stddef.h>

struct ori_web_file {
    const char *folder; /* "ui", "docs" */
    const char *name;   /* "app.css" */
    const char *content_type;
    const unsigned char *data;
    size_t bytes; /* at least 1 */
    const char *etag;
};

size_t ori_web_count(void);
const struct ori_web_file *ori_web_at(size_t i);
/* NULL when there is none. Any text may be asked for: names are compared, nothing is opened. */
const struct ori_web_file *ori_web_find(const char *folder, const char *file);
