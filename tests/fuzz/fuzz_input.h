#pragma once
/* What targets of text share: a broken promise ends the run, an input is copied to its very size, so
 * that reading past it is seen, and cut into lines. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/status.h"
#include "util/text.h"

#ifndef MUST
#define MUST(condition) ((condition) ? (void)0 : abort())
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* A NUL behind it; the caller frees. */
static inline char *fuzz_text(const void *data, size_t bytes)
{
    char *text = malloc(bytes + 1);
    MUST(text);
    if (bytes > 0)
        memcpy(text, data, bytes);
    text[bytes] = '\0';
    return text;
}

/* The next line of *rest, which may be NULL: "" behind the last. Its end, "\n" or "\r\n", is cut off. */
static inline char *fuzz_line(char **rest)
{
    static char none[1];
    char *line = strsep(rest, "\n");
    if (!line) {
        none[0] = '\0';
        return none;
    }
    size_t used = strlen(line);
    if (used > 0 && line[used - 1] == '\r')
        line[used - 1] = '\0';
    return line;
}

/* A text for a person, and a cause: what every failure comes with. */
static inline void fuzz_check_failure(ori_status status, const struct ori_error *err)
{
    MUST(status != ORI_OK && err->status == status && err->text[0] != '\0');
    MUST(ori_text_is_utf8(err->text, strlen(err->text)));
}

static inline int fuzz_hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* "%41b" to "Ab", in place. What is no escape must not be there. */
static inline void fuzz_unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        char c = *from;
        if (c == '%') {
            MUST(fuzz_hex(from[1]) >= 0 && fuzz_hex(from[2]) >= 0);
            c = (char)(fuzz_hex(from[1]) << 4 | fuzz_hex(from[2]));
            from += 2;
        }
        *to++ = c;
    }
    *to = '\0';
}
