#include "http/cors.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

bool ori_cors_allows(const char *origins, const char *origin)
{
    if (!origin || origin[0] == '\0')
        return false;
    size_t wanted = strlen(origin);
    const char *at = origins;
    while (*at != '\0') {
        at += strspn(at, ", \t");
        size_t bytes = strcspn(at, ", \t");
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
