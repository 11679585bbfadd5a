#include "http/guard.h"

#include <string.h>
#include <strings.h>

#include "util/limits.h"
#include "util/text.h"

/* Headers that may come once: a second one means two readers may decide differently. */
enum once {
    ONCE_HOST,
    ONCE_CONTENT_LENGTH,
    ONCE_TRANSFER_ENCODING,
    ONCE_CONTENT_TYPE,
    ONCE_API_KEY,
    ONCE_AUTHORIZATION,
    ONCE_IDEMPOTENCY_KEY,
    ONCE_EXPECT,
    ONCE_ORIGIN,
    ONCE_COUNT
};
static const struct {
    size_t bytes;
    const char *name;
    const char *fault;
} once_rows[ONCE_COUNT] = {
    [ONCE_HOST] = {4, "host", "more than one Host"},
    [ONCE_CONTENT_LENGTH] = {14, "content-length", "more than one Content-Length"},
    [ONCE_TRANSFER_ENCODING] = {17, "transfer-encoding", "more than one Transfer-Encoding"},
    [ONCE_CONTENT_TYPE] = {12, "content-type", "more than one Content-Type"},
    [ONCE_API_KEY] = {9, "x-api-key", "more than one X-API-Key"},
    [ONCE_AUTHORIZATION] = {13, "authorization", "more than one Authorization"},
    [ONCE_IDEMPOTENCY_KEY] = {15, "idempotency-key", "more than one Idempotency-Key"},
    [ONCE_EXPECT] = {6, "expect", "more than one Expect"},
    [ONCE_ORIGIN] = {6, "origin", "more than one Origin"},
};

static void refuse(struct ori_guard *guard, const char *fault)
{
    if (!guard->fault)
        guard->fault = fault;
}

/* RFC 9110 section 5.6.2 */
static bool is_token(const char *text, size_t bytes)
{
    if (bytes == 0)
        return false;
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        bool is_word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!is_word && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return true;
}

static bool is_value(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return ori_text_is_utf8(text, bytes);
}

static void read_length(struct ori_guard *guard, const char *value, size_t bytes)
{
    uint64_t length = 0;
    bool is_good = bytes > 0;
    for (size_t i = 0; i < bytes && is_good; i++) {
        is_good = value[i] >= '0' && value[i] <= '9' &&
                  !__builtin_mul_overflow(length, (uint64_t)10, &length) &&
                  !__builtin_add_overflow(length, (uint64_t)(value[i] - '0'), &length);
    }
    if (!is_good) {
        refuse(guard, "Content-Length is not a number");
        return;
    }
    guard->has_length = true;
    guard->content_length = length;
}

static void read_once(struct ori_guard *guard, enum once which, const char *value, size_t bytes)
{
    if (guard->seen & 1u << which)
        refuse(guard, once_rows[which].fault);
    guard->seen |= 1u << which;
    if (which == ONCE_HOST)
        guard->host = value;
    if (which == ONCE_CONTENT_LENGTH)
        read_length(guard, value, bytes);
    if (which == ONCE_TRANSFER_ENCODING) {
        if (bytes != 7 || strncasecmp(value, "chunked", 7) != 0)
            refuse(guard, "Transfer-Encoding is not \"chunked\"");
        guard->is_chunked = true;
    }
}

void ori_guard_init(struct ori_guard *guard)
{
    memset(guard, 0, sizeof *guard);
}

void ori_guard_header(struct ori_guard *guard, const char *name, size_t name_bytes,
                      const char *value, size_t value_bytes)
{
    static const char empty[] = "";
    if (!value) {
        value = empty;
        value_bytes = 0;
    }
    guard->headers++;
    if (!is_token(name, name_bytes))
        refuse(guard, "the name of a header is not a token");
    if (!is_value(value, value_bytes))
        refuse(guard, "the value of a header has characters that are not allowed");
    for (int i = 0; i < ONCE_COUNT; i++) {
        if (once_rows[i].bytes == name_bytes &&
            strncasecmp(once_rows[i].name, name, name_bytes) == 0)
            read_once(guard, (enum once)i, value, value_bytes);
    }
}

bool ori_guard_end(struct ori_guard *guard, const char *version)
{
    bool is_11 = strcmp(version, "HTTP/1.1") == 0;
    if (!is_11 && strcmp(version, "HTTP/1.0") != 0)
        refuse(guard, "the version is neither HTTP/1.1 nor HTTP/1.0");
    if (is_11 && !(guard->seen & 1u << ONCE_HOST))
        refuse(guard, "no Host");
    if (guard->is_chunked && guard->has_length)
        refuse(guard, "Content-Length beside Transfer-Encoding");
    if (guard->is_chunked && !is_11)
        refuse(guard, "Transfer-Encoding in HTTP/1.0");
    guard->is_too_many = guard->headers > ORI_LIMIT_MAX_HEADERS;
    return !guard->fault;
}
