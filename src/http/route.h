#pragma once
/* http/route.h: the routes: one table serves, refuses and documents.
 * Match     by segments; a parameter takes what ori_text_is_code takes: platform, code, file or id;
 *           a segment that is none of these is 404. "/path/" is "/path". Where the two differ
 *           (POST /jobs and /jobs/) both stand in the table
 * Threads   static memory; any thread */
#include <stdbool.h>
#include <stddef.h>

enum ori_http_method {
    ORI_HTTP_GET = 1,
    ORI_HTTP_POST,
    ORI_HTTP_DELETE,
    ORI_HTTP_HEAD,
    ORI_HTTP_OPTIONS,
    ORI_HTTP_OTHER
};
enum ori_route_auth {
    ORI_ROUTE_KEY,    /* X-API-Key when API_KEY is set */
    ORI_ROUTE_OPEN,   /* none */
    ORI_ROUTE_BASIC,  /* API_USERNAME and API_PASSWORD when set */
    ORI_ROUTE_METRICS /* as KEY with METRICS_AUTH=1, else none */
};
enum ori_route_where { ORI_ROUTE_INLINE, ORI_ROUTE_DESK, ORI_ROUTE_SLOW };
enum ori_route_body {
    ORI_ROUTE_NO_BODY,
    ORI_ROUTE_JSON,
    ORI_ROUTE_OPTIONAL_JSON,
    ORI_ROUTE_UPLOAD
};

struct ori_http_request;
struct ori_http_response;
typedef void (*ori_route_fn)(struct ori_http_request *request, struct ori_http_response *response);

struct ori_route {
    enum ori_http_method method;
    const char *path; /* "/jobs/{job_id}/start" */
    const char *name; /* operationId: "start_job" */
    const char *tag;  /* group of the reference page */
    enum ori_route_auth auth;
    enum ori_route_where where;
    enum ori_route_body body;
    int success;         /* HTTP status */
    const char *query;   /* parameters, words of params_tbl.h split by blanks; "" for none */
    const char *request; /* schema of the body, a name of schemas; "" for none */
    const char *answer;  /* schema of the answer; or a media type */
    const char *summary;
    ori_route_fn handle;
};

size_t ori_route_count(void);
const struct ori_route *ori_route_at(size_t i);

#define ORI_ROUTE_PARAMS_MAX 4
#define ORI_ROUTE_PARAM_BYTES 256
struct ori_route_match {
    const struct ori_route *route;
    char params[ORI_ROUTE_PARAMS_MAX][ORI_ROUTE_PARAM_BYTES]; /* in the order of the path */
};
/* path: decoded, begins with '/'. False when no route has this path; *ret_allowed then and on a wrong
 * method: the methods the path has ("" for none), for Allow. */
enum ori_route_verdict { ORI_ROUTE_FOUND, ORI_ROUTE_NO_PATH, ORI_ROUTE_NO_METHOD };
enum ori_route_verdict ori_route_find(enum ori_http_method method, const char *path,
                                      struct ori_route_match *ret_match, char ret_allowed[64]);
