#include "http/route.h"

#include <string.h>
#include <strings.h>

#include "http/resource.h"
#include "util/text.h"
#include "util/uuid.h"

static const struct ori_route routes[] = {
#define ORI_ROUTE_ROW(method, path, name, tag, auth, where, body, success, query, request, answer, \
                      summary)                                                                     \
    {ORI_HTTP_##method,  path,    #name, tag,     ORI_ROUTE_##auth, ORI_ROUTE_##where,             \
     ORI_ROUTE_##body,   success, query, request, answer,           summary,                       \
     ori_resource_##name},
#include "http/routes_tbl.h"
#undef ORI_ROUTE_ROW
};
#define ROUTES (sizeof routes / sizeof routes[0])

size_t ori_route_count(void)
{
    return ROUTES;
}

const struct ori_route *ori_route_at(size_t i)
{
    ORI_ASSERT(i < ROUTES);
    return &routes[i];
}

/* Ids are lower case. */
static void lower_uuid(char *uuid)
{
    for (char *p = uuid; *p; p++)
        *p |= 0x20; /* digits and dashes have that bit */
}

/* A segment for the parameter "{name}" whose name begins at name. */
static bool take_parameter(const char *name, const char *from, size_t bytes,
                           char ret_value[ORI_ROUTE_PARAM_BYTES])
{
    if (bytes == 0 || bytes >= ORI_ROUTE_PARAM_BYTES)
        return false;
    memcpy(ret_value, from, bytes);
    ret_value[bytes] = '\0';
    if (!ori_text_is_code(ret_value))
        return false;
    /* What is no UUID goes through as it is: the answer is then that there is no such job. */
    if (strncmp(name, "job_id}", 7) == 0 && ori_uuid_is(ret_value))
        lower_uuid(ret_value);
    return true;
}

/* Both texts [.., end) hold as many segments, equal or taken by a parameter. */
static bool matches(const char *row, const char *path, const char *path_end,
                    char params[ORI_ROUTE_PARAMS_MAX][ORI_ROUTE_PARAM_BYTES])
{
    size_t taken = 0;
    while (*row != '\0' && path < path_end) {
        if (*row != '{') {
            if (*row++ != *path++)
                return false;
            continue;
        }
        const char *stop = memchr(path, '/', (size_t)(path_end - path));
        stop = stop ? stop : path_end;
        ORI_ASSERT(taken < ORI_ROUTE_PARAMS_MAX);
        if (!take_parameter(row + 1, path, (size_t)(stop - path), params[taken++]))
            return false;
        path = stop;
        row += strcspn(row, "}") + 1;
    }
    return *row == '\0' && path == path_end;
}

static void allow(char ret_allowed[64], const char *word)
{
    size_t used = strlen(ret_allowed);
    if (strstr(ret_allowed, word))
        return;
    size_t comma = used > 0 ? 2 : 0;
    ORI_ASSERT(used + comma + strlen(word) < 64);
    memcpy(ret_allowed + used, ", ", comma);
    memcpy(ret_allowed + used + comma, word, strlen(word) + 1);
}

static void allow_method(char ret_allowed[64], enum ori_http_method method)
{
    if (method == ORI_HTTP_GET) {
        allow(ret_allowed, "GET");
        allow(ret_allowed, "HEAD");
    } else {
        allow(ret_allowed, method == ORI_HTTP_POST ? "POST" : "DELETE");
    }
    allow(ret_allowed, "OPTIONS");
}

static const struct ori_route *find(enum ori_http_method method, const char *path, const char *end,
                                    struct ori_route_match *match, char ret_allowed[64])
{
    for (size_t i = 0; i < ROUTES; i++) {
        if (!matches(routes[i].path, path, end, match->params))
            continue;
        if (routes[i].method == method)
            return &routes[i];
        allow_method(ret_allowed, routes[i].method);
    }
    return NULL;
}

enum ori_route_verdict ori_route_find(enum ori_http_method method, const char *path,
                                      struct ori_route_match *ret_match, char ret_allowed[64])
{
    ORI_ASSERT(path && path[0] == '/' && ret_match);
    ret_allowed[0] = '\0';
    const char *end = path + strlen(path);
    ret_match->route = find(method, path, end, ret_match, ret_allowed);
    /* a row that has the slash itself went first */
    if (!ret_match->route && end - path > 1 && end[-1] == '/' && end[-2] != '/')
        ret_match->route = find(method, path, end - 1, ret_match, ret_allowed);
    if (ret_match->route)
        return ORI_ROUTE_FOUND;
    return ret_allowed[0] != '\0' ? ORI_ROUTE_NO_METHOD : ORI_ROUTE_NO_PATH;
}
