#pragma once
/* http/guard.h: the first look at a request's headers, before anything believes them.
 * Why       libmicrohttpd lets through what two servers in a row read differently: that is how a
 *           request is smuggled past the one in front. Whatever is ambiguous is refused with 400 and the
 *           connection is closed
 * Checks    version exactly HTTP/1.1 or HTTP/1.0; names are tokens; values without control
 *           characters but tab, and UTF-8; one Host in 1.1, at most one in 1.0; Content-Length at
 *           most once, digits alone; Transfer-Encoding at most once, exactly "chunked", never beside
 *           a Content-Length, never in 1.0; no second one of the headers a decision hangs on; at most
 *           ORI_LIMIT_MAX_HEADERS headers
 * Not seen  bare LF, NUL in a header, folded lines and LF inside chunk framing: libmicrohttpd has
 *           eaten them before
 * Call      init; each header; end
 * Threads   plain data
 * Source    RFC 9112 sections 2.3, 3.2, 5, 6 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ori_guard {
    const char *fault; /* static text of the first one; NULL: none */
    size_t headers;
    unsigned seen; /* bits of the headers that may come once */
    bool is_too_many;
    bool has_length;
    bool is_chunked;
    uint64_t content_length;
    const char *host; /* borrowed from the header */
};

void ori_guard_init(struct ori_guard *guard);
/* Texts are borrowed for as long as the guard is used. */
void ori_guard_header(struct ori_guard *guard, const char *name, size_t name_bytes,
                      const char *value, size_t value_bytes);
/* False: the request is refused, guard->fault says why. */
bool ori_guard_end(struct ori_guard *guard, const char *version);
