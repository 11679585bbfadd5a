#include "http/cors.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define GAPS ", \t"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

static bool is_origin(const char *text, size_t bytes)
{
    const char *end = text + bytes;
    const char *at = text + strspn(text, LETTERS DIGITS "+.-");
    if (at == text || end - at < 4 || strncmp(at, "://", 3) != 0)
        return false;
    at += 3;
    const char *host = at;
    if (*at == '[') {
        at += 1 + strspn(at + 1, DIGITS "ABCDEFabcdef:.");
        if (*at++ != ']')
            return false;
    } else {
        at += strspn(at, LETTERS DIGITS "-._");
    }
    if (at == host)
        return false;
    if (at < end && *at == ':') {
        const size_t digits = strspn(at + 1, DIGITS);
        if (digits == 0 || digits > 5)
            return false;
        at += 1 + digits;
    }
    return at == end;
}

bool ori_cors_is_list(const char *origins, const char **ret_bad, size_t *ret_bad_bytes)
{
    for (const char *at = origins + strspn(origins, GAPS); *at != '\0'; at += strspn(at, GAPS)) {
        const size_t bytes = strcspn(at, GAPS);
        if (!(bytes == 1 && at[0] == '*') && !is_origin(at, bytes)) {
            *ret_bad = at;
            *ret_bad_bytes = bytes;
            return false;
        }
        at += bytes;
    }
    return true;
}

bool ori_cors_allows(const char *origins, const char *origin)
{
    if (!origin || origin[0] == '\0')
        return false;
    size_t wanted = strlen(origin);
    const char *at = origins;
    while (*at != '\0') {
        at += strspn(at, GAPS);
        size_t bytes = strcspn(at, GAPS);
        if (bytes == 1 && at[0] == '*')
            return true;
        /* "null" is said by sandboxed frames and files, whoever they belong to */
        if (bytes == wanted && strncasecmp(at, origin, bytes) == 0 &&
            strcasecmp(origin, "null") != 0)
            return true;
        at += bytes;
    }
    return false;
}

bool ori_cors_is_own(const char *origin, const char *host)
{
    const char *authority = origin ? strstr(origin, "://") : NULL;
    return authority && host && strcasecmp(authority + 3, host) == 0;
}
