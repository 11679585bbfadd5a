#pragma once
/* util/status.h: how every function of the program says how it ended.
 * ori_status   the one result type; clang warns of unused ones. Rows and codes: status_tbl.h
 * ori_error    the cause, owned by the caller (request, item, main), fixed size, no heap
 * Rules        the first cause wins: setting an error that is set already changes nothing;
 *              callers say where it happened with ori_error_context
 * Threads      plain data; one thread at a time */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __clang__
#define ORI_USE_RESULT __attribute__((warn_unused_result))
#else
#define ORI_USE_RESULT /* gcc knows the attribute on functions alone */
#endif

typedef enum ORI_USE_RESULT {
#define ORI_STATUS_ROW(name, code, http, retryable, text) ORI_##name,
#include "util/status_tbl.h"
#undef ORI_STATUS_ROW
    ORI_STATUS_COUNT
} ori_status;

#define ORI_ERROR_TEXT_MAX 400

struct ori_error {
    ori_status status;
    int native;                    /* errno, AVERROR, SQLite code...; 0 if none */
    int64_t retry_after_ms;        /* another server asks for so much patience; 0: it does not */
    const char *stage;             /* static string ("fetch", "decode", ...) or NULL */
    char text[ORI_ERROR_TEXT_MAX]; /* one line for a person, never cut inside UTF-8 */
};

/* "disk_full" for ORI_DISK_FULL; never NULL, "internal_error" for a number out of range. */
const char *ori_status_code(ori_status status);
const char *ori_status_text(ori_status status);
int ori_status_http(ori_status status);
bool ori_status_is_retryable(ori_status status);
/* The row with that code; ORI_INTERNAL when there is none (used on the child's messages). */
ori_status ori_status_from_code(const char *code);

/* Sets the cause unless one is set already; err may be NULL. Returns status, so that
 * `return ori_error_set(err, ORI_NOMEM, "frame table")` reads as one step. */
ori_status ori_error_set(struct ori_error *err, ori_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same from errno: chooses NOT_FOUND, NOT_READABLE, NOT_WRITABLE (EROFS, EACCES when
 * is_write), DISK_FULL (ENOSPC, EDQUOT, EFBIG), NOMEM or IO, and appends strerror's words. */
ori_status ori_error_set_errno(struct ori_error *err, int errnum, bool is_write, const char *format,
                               ...) __attribute__((format(printf, 4, 5)));
/* Puts "words: " in front of the text; does nothing on an error that is not set. */
void ori_error_context(struct ori_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Our own mistake: stays in release builds. Never on settings, media or a peer's reply. */
#define ORI_ASSERT(condition)                                                                      \
    ((condition) ? (void)0 : ori_assert_failed(#condition, __FILE__, __LINE__))
_Noreturn void ori_assert_failed(const char *condition, const char *file, int line);
