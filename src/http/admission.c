/* Looks at a request's line and headers, step by step, before any of its body is read: every step
 * lets it pass or fills in the refusal. The order is that of trust: framing, then the target, then
 * where it came from, then the route, who asks, and last what the body claims to be. */
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/cors.h"
#include "http/exchange_priv.h"
#include "util/clock.h"
#include "util/limits.h"

static const char *header(const struct ori_exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->own.connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result show_header(void *self, enum MHD_ValueKind kind, const char *name,
                                   size_t name_bytes, const char *value, size_t value_bytes)
{
    (void)kind;
    ori_guard_header(self, name, name_bytes, value, value_bytes);
    return MHD_YES;
}

static bool is_legal_id(const char *id)
{
    size_t bytes = strlen(id);
    return bytes >= 1 && bytes < ORI_HTTP_ID_BYTES &&
           strspn(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.") == bytes;
}

/* xorshift128+ (Vigna 2017), seeded from the kernel: ids are told apart, they are no secret. */
static uint64_t next_number(uint64_t state[2])
{
    uint64_t x = state[0];
    uint64_t y = state[1];
    state[0] = y;
    x ^= x << 23;
    state[1] = x ^ y ^ x >> 18 ^ y >> 5;
    return state[1] + y;
}

static void name_request(struct ori_exchange *exchange)
{
    const char *given = header(exchange, "X-Request-Id");
    if (given && is_legal_id(given)) {
        memcpy(exchange->request.request_id, given, strlen(given) + 1);
    } else {
        static const char digits[] = "0123456789abcdef";
        char *id = exchange->request.request_id;
        for (int half = 0; half < 2; half++) {
            uint64_t number = next_number(exchange->own.server->id_state);
            for (int i = 0; i < 16; i++, number >>= 4)
                *id++ = digits[number & 15];
        }
        *id = '\0';
    }
    exchange->request.log.request_id = exchange->request.request_id;
}

static bool refuse(struct ori_exchange *exchange, int status, const char *code, const char *detail)
{
    ori_http_problem(&exchange->request, &exchange->response, status, code, "%s", detail);
    return false;
}

static bool refuse_and_close(struct ori_exchange *exchange, int status, const char *code,
                             const char *detail)
{
    refuse(exchange, status, code, detail);
    exchange->response.closes = true;
    return false;
}

static bool pass_guard(struct ori_exchange *exchange, const char *version)
{
    struct ori_http_private *own = &exchange->own;
    MHD_get_connection_values_n(own->connection, MHD_HEADER_KIND, show_header, &own->guard);
    bool is_good = ori_guard_end(&own->guard, version);
    name_request(exchange);
    if (!is_good)
        return refuse_and_close(exchange, 400, "bad_request", own->guard.fault);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(own->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (own->guard.is_too_many || (info && info->header_size > ORI_LIMIT_MAX_HEADER_BYTES))
        return refuse_and_close(exchange, 431, "headers_too_large",
                                "the request has too many headers, or too long ones");
    return true;
}

static bool pass_target(struct ori_exchange *exchange)
{
    struct ori_http_private *own = &exchange->own;
    if (own->uri_status == ORI_LIMIT)
        return refuse(exchange, 414, "url_too_long", own->uri_error.text);
    if (own->uri_status != ORI_OK)
        return refuse(exchange, 400, "bad_url", own->uri_error.text);
    exchange->request.path = own->uri.path;
    return true;
}

/* Without a key the address is all the protection there is: see auth.h. */
static bool pass_origin(struct ori_exchange *exchange)
{
    struct ori_http_private *own = &exchange->own;
    const struct ori_settings *settings = exchange->request.settings;
    own->origin = header(exchange, "Origin");
    own->is_allowed_origin = ori_cors_allows(settings->cors_origins, own->origin);
    if (ori_secret_is_set(settings->api_key) || !own->server->is_loopback)
        return true;
    if (own->guard.host && !ori_auth_is_local_host(own->guard.host))
        return refuse(exchange, 403, "host_not_allowed",
                      "without API_KEY only requests to localhost are answered");
    if (own->origin && !own->is_allowed_origin && !ori_cors_is_own(own->origin, own->guard.host) &&
        strcmp(own->method, "GET") != 0 && strcmp(own->method, "HEAD") != 0 &&
        strcmp(own->method, "OPTIONS") != 0)
        return refuse(exchange, 403, "origin_not_allowed",
                      "without API_KEY pages of other origins change nothing");
    return true;
}

static bool read_method(struct ori_exchange *exchange)
{
    static const struct {
        const char *word;
        enum ori_http_method method;
    } rows[] = {{"GET", ORI_HTTP_GET},         {"POST", ORI_HTTP_POST},
                {"DELETE", ORI_HTTP_DELETE},   {"HEAD", ORI_HTTP_HEAD},
                {"OPTIONS", ORI_HTTP_OPTIONS}, {"PUT", ORI_HTTP_OTHER},
                {"PATCH", ORI_HTTP_OTHER}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(exchange->own.method, rows[i].word) != 0)
            continue;
        exchange->request.method = rows[i].method;
        exchange->request.is_head = rows[i].method == ORI_HTTP_HEAD;
        if (exchange->request.is_head)
            exchange->request.method = ORI_HTTP_GET;
        return true;
    }
    return refuse_and_close(exchange, 501, "method_unknown", "this method is not implemented");
}

static bool find_route(struct ori_exchange *exchange)
{
    struct ori_http_private *own = &exchange->own;
    struct ori_http_request *request = &exchange->request;
    char allowed[64];
    enum ori_route_verdict verdict =
        ori_route_find(request->method, own->uri.path, &own->match, allowed);
    size_t bytes = strlen(own->uri.path);
    if (bytes > 1 && own->uri.path[bytes - 1] == '/')
        own->uri.path[bytes - 1] = '\0';
    request->route = own->match.route;
    if (verdict == ORI_ROUTE_NO_PATH)
        return refuse(exchange, 404, "not_found", "there is nothing under this path");
    if (request->method == ORI_HTTP_OPTIONS) {
        exchange->response.status = 204;
        ori_http_set_header(&exchange->response, "Allow", allowed);
        if (own->is_allowed_origin && header(exchange, "Access-Control-Request-Method")) {
            ori_http_set_header(&exchange->response, "Access-Control-Allow-Methods", allowed);
            ori_http_set_header(&exchange->response, "Access-Control-Allow-Headers",
                                ORI_CORS_REQUEST_HEADERS);
            ori_http_set_header(&exchange->response, "Access-Control-Max-Age", "600");
        }
        return false;
    }
    if (verdict == ORI_ROUTE_FOUND)
        return true;
    refuse(exchange, 405, "method_not_allowed", "this path has no such method");
    ori_http_set_header(&exchange->response, "Allow", allowed);
    return false;
}

static bool refuse_guess(struct ori_exchange *exchange)
{
    struct ori_http_private *own = &exchange->own;
    int wait_s = own->peer ? ori_guesses_add(&own->server->guesses, ori_peer_address(own->peer),
                                             ori_clock_us())
                           : 0;
    if (wait_s == 0)
        return true;
    refuse(exchange, 429, "too_many_guesses", "too many wrong keys from this address");
    exchange->response.retry_after = wait_s;
    return false;
}

static bool pass_auth(struct ori_exchange *exchange)
{
    struct ori_http_private *own = &exchange->own;
    if (own->match.route->auth == ORI_ROUTE_OPEN)
        return true;
    const struct ori_auth_headers headers = {header(exchange, "X-API-Key"),
                                             header(exchange, "Authorization")};
    enum ori_auth_verdict verdict = ori_auth_check(
        exchange->request.settings, own->match.route->auth, own->server->is_loopback, &headers);
    if (verdict == ORI_AUTH_OK)
        return true;
    bool is_wrong = verdict == ORI_AUTH_WRONG_KEY || verdict == ORI_AUTH_WRONG_LOGIN;
    if (is_wrong && !refuse_guess(exchange))
        return false;
    bool is_login = verdict == ORI_AUTH_NO_LOGIN || verdict == ORI_AUTH_WRONG_LOGIN;
    refuse(exchange, 401, "unauthorized",
           is_login   ? "the user or the password is missing or wrong"
           : is_wrong ? "X-API-Key is not the key of this server"
                      : "X-API-Key is missing");
    ori_http_set_header(&exchange->response, "WWW-Authenticate",
                        is_login ? "Basic realm=\"API reference\", charset=\"UTF-8\"" : "ApiKey");
    return false;
}

/* "application/json" or "application/...+json", parameters left out. */
static bool is_json_type(const char *type)
{
    size_t bytes = strcspn(type, "; \t");
    if (bytes == 16 && strncasecmp(type, "application/json", 16) == 0)
        return true;
    return bytes > 17 && strncasecmp(type, "application/", 12) == 0 &&
           strncasecmp(type + bytes - 5, "+json", 5) == 0;
}

static bool pass_type(struct ori_exchange *exchange, enum ori_route_body kind)
{
    const char *type = header(exchange, "Content-Type");
    const char *encoding = header(exchange, "Content-Encoding");
    char boundary[ORI_FORM_BOUNDARY_BYTES];
    if (kind == ORI_ROUTE_NO_BODY)
        return true;
    if (encoding && strcasecmp(encoding, "identity") != 0)
        return refuse(exchange, 415, "unsupported_media_type",
                      "bodies are taken without Content-Encoding");
    if (kind == ORI_ROUTE_UPLOAD && !ori_form_boundary(type, boundary))
        return refuse(exchange, 415, "unsupported_media_type",
                      "the body must be multipart/form-data with a boundary");
    if (kind != ORI_ROUTE_UPLOAD && (!type || !is_json_type(type)))
        return refuse(exchange, 415, "unsupported_media_type", "the body must be application/json");
    return true;
}

static bool pass_body(struct ori_exchange *exchange)
{
    struct ori_http_private *own = &exchange->own;
    enum ori_route_body kind = own->match.route->body;
    bool has_body = own->guard.is_chunked || own->guard.content_length > 0;
    const char *expect = header(exchange, "Expect");
    if (expect && strcasecmp(expect, "100-continue") != 0)
        return refuse(exchange, 417, "expectation_failed", "Expect is not 100-continue");
    if (has_body && !pass_type(exchange, kind))
        return false;
    struct ori_error err = {0};
    if (own->guard.content_length > ori_body_bytes_max(kind)) {
        (void)ori_error_set(&err, ORI_LIMIT, "the body is larger than %zu bytes",
                            ori_body_bytes_max(kind));
    } else if (has_body || kind == ORI_ROUTE_UPLOAD) {
        (void)ori_body_begin(&own->body, &own->server->bodies, kind, &err);
    }
    if (err.status == ORI_OK)
        return true;
    ori_http_fail(&exchange->request, &exchange->response, &err);
    return false;
}

bool ori_exchange_admit(struct ori_exchange *exchange, const char *method, const char *version)
{
    struct ori_http_private *own = &exchange->own;
    own->method = method;
    exchange->request.settings = ori_live_ref(own->server->service->live);
    return pass_guard(exchange, version) && pass_target(exchange) && pass_origin(exchange) &&
           read_method(exchange) && find_route(exchange) && pass_auth(exchange) &&
           pass_body(exchange);
}
