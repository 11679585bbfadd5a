/* An HTTP request as a client writes it: target, headers, form. What passes the guard is what one
 * reader alone can read out of it; what the key check lets in has the key. */
#include <stdio.h>
#include <strings.h>

#include "http/accept.h"
#include "http/cors.h"
#include "http/exchange_priv.h"
#include "http/params.h"
#include "http/schema.h"
#include "fuzz_input.h"

#define KEY "sesame"
#define LOGIN "user:pass"
#define LOGIN_BASE64 "dXNlcjpwYXNz" /* no padding, no bits left over: the one way to write it */

enum { HEADERS_MAX = 128 };

struct header {
    const char *name;
    const char *value;
};
struct message {
    const char *method;
    const char *target;
    const char *version;
    struct header headers[HEADERS_MAX];
    size_t headers_count;
    const char *body;
    size_t body_bytes;
};

static const char *find(const struct message *message, const char *name, size_t *ret_count)
{
    const char *value = NULL;
    *ret_count = 0;
    for (size_t i = 0; i < message->headers_count; i++) {
        if (strcasecmp(message->headers[i].name, name) != 0)
            continue;
        value = value ? value : message->headers[i].value;
        ++*ret_count;
    }
    return value;
}

static const char *first(const struct message *message, const char *name)
{
    size_t count = 0;
    return find(message, name, &count);
}

static void split(char *text, const char *end, struct message *message)
{
    char *rest = text;
    char *words = fuzz_line(&rest);
    message->method = strsep(&words, " ");
    message->target = words ? strsep(&words, " ") : "/";
    message->version = words ? words : "HTTP/1.1";
    for (char *line = fuzz_line(&rest); *line && message->headers_count < HEADERS_MAX;
         line = fuzz_line(&rest)) {
        char *value = strchr(line, ':');
        if (value)
            *value++ = '\0';
        message->headers[message->headers_count++] =
            (struct header){line, value ? value + strspn(value, " ") : NULL};
    }
    message->body = rest ? rest : end;
    message->body_bytes = (size_t)(end - message->body);
}

/* ---- framing and names ---- */

static void check_guard(const struct message *message)
{
    static const char *const once[] = {"host",          "content-length",  "transfer-encoding",
                                       "content-type",  "x-api-key",       "origin",
                                       "authorization", "idempotency-key", "expect"};
    struct ori_guard guard;
    size_t count[sizeof once / sizeof once[0]];
    ori_guard_init(&guard);
    for (size_t i = 0; i < message->headers_count; i++) {
        const struct header *header = &message->headers[i];
        ori_guard_header(&guard, header->name, strlen(header->name), header->value,
                         header->value ? strlen(header->value) : 0);
    }
    if (!ori_guard_end(&guard, message->version)) {
        MUST(guard.fault && guard.fault[0]);
        return;
    }
    for (size_t i = 0; i < sizeof once / sizeof once[0]; i++) {
        (void)find(message, once[i], &count[i]);
        MUST(count[i] <= 1);
    }
    const bool is_11 = strcmp(message->version, "HTTP/1.1") == 0;
    const char *length = first(message, "content-length");
    const char *coding = first(message, "transfer-encoding");
    MUST(is_11 ? count[0] == 1 : strcmp(message->version, "HTTP/1.0") == 0 && count[2] == 0);
    MUST(count[1] + count[2] <= 1 && guard.has_length == (count[1] == 1));
    MUST(!guard.has_length || (strspn(length, "0123456789") == strlen(length) && length[0] &&
                               guard.content_length == strtoull(length, NULL, 10)));
    MUST(guard.is_chunked == (count[2] == 1) &&
         (!guard.is_chunked || strcasecmp(coding, "chunked") == 0));
    for (size_t i = 0; i < message->headers_count; i++) {
        const char *value = message->headers[i].value ? message->headers[i].value : "";
        MUST(message->headers[i].name[0] && !strpbrk(message->headers[i].name, " \t:/\"(),;@[]{}"));
        MUST(ori_text_is_utf8(value, strlen(value)));
    }
    (void)ori_auth_is_local_host(guard.host);
    (void)ori_cors_is_own(first(message, "origin"), guard.host);
}

/* ---- the target ---- */

static void add_escaped(struct ori_buf *buf, const char *text, bool keeps_slash)
{
    for (; *text; text++) {
        if (keeps_slash && *text == '/')
            ori_buf_add_text(buf, "/");
        else
            ori_buf_printf(buf, "%%%02x", (unsigned char)*text);
    }
}

/* Written with every byte escaped it is read as the same. */
static void check_target_again(const struct ori_uri *uri)
{
    static struct ori_uri again;
    struct ori_buf text;
    ori_buf_init(&text, ORI_LIMIT_MAX_REQUEST_URL_BYTES);
    add_escaped(&text, uri->path, true);
    for (size_t i = 0; i < uri->query_count; i++) {
        ori_buf_add_text(&text, i ? "&" : "?");
        add_escaped(&text, uri->query[i].name, false);
        ori_buf_add_text(&text, "=");
        add_escaped(&text, uri->query[i].value, false);
    }
    if (text.status == ORI_OK) {
        MUST(ori_uri_parse(ori_buf_text(&text), &again, NULL) == ORI_OK);
        MUST(strcmp(again.path, uri->path) == 0 && again.query_count == uri->query_count);
        for (size_t i = 0; i < uri->query_count; i++)
            MUST(strcmp(again.query[i].name, uri->query[i].name) == 0 &&
                 strcmp(again.query[i].value, uri->query[i].value) == 0);
    }
    ori_buf_deinit(&text);
}

static void check_path(const char *path)
{
    MUST(path[0] == '/' && ori_text_is_utf8(path, strlen(path)) && !ori_text_has_control(path));
    for (const char *at = path; at; at = strchr(at, '/')) {
        const size_t bytes = strcspn(++at, "/");
        MUST(!(bytes == 1 && at[0] == '.') && !(bytes == 2 && at[0] == '.' && at[1] == '.'));
    }
}

static void check_query(struct ori_http_request *request)
{
    struct ori_http_faults faults;
    const char *limit = ori_http_query(request, "limit");
    int64_t whole = 0;
    ori_http_faults_init(&faults);
    json_t *query = ori_params_query(request, &faults);
    MUST(query);
    if (faults.count == 0) {
        const int64_t taken = ori_params_whole(query, "limit", 1);
        const char *code = ori_params_text(query, "video_code");
        MUST(taken >= 1 && taken <= ORI_LIMIT_MAX_SEARCH_HITS);
        MUST(!limit || !strstr(request->route->query, "limit") ||
             (ori_text_to_int(limit, &whole) && whole == taken));
        MUST(!code || ori_text_is_code(code));
        MUST(ori_params_real(query, "second_min", 0) >= 0);
    }
    json_decref(query);
    ori_http_faults_deinit(&faults);
}

static void check_route(const char *path, struct ori_http_request *request)
{
    char allowed[64];
    for (enum ori_http_method method = ORI_HTTP_GET; method <= ORI_HTTP_OTHER; method++) {
        struct ori_route_match match;
        if (ori_route_find(method, path, &match, allowed) != ORI_ROUTE_FOUND)
            continue;
        size_t count = 0;
        for (const char *at = strchr(match.route->path, '{'); at; at = strchr(at + 1, '{'))
            MUST(ori_text_is_code(match.params[count++]));
        request->route = match.route;
        request->own->match = match;
        check_query(request);
    }
}

static void check_target(const struct message *message, struct ori_http_private *own)
{
    struct ori_http_request request = {.own = own, .body_fd = -1};
    struct ori_error err = {0};
    const ori_status status = ori_uri_parse(message->target, &own->uri, &err);
    if (status != ORI_OK) {
        fuzz_check_failure(status, &err);
        return;
    }
    check_path(own->uri.path);
    check_target_again(&own->uri);
    check_route(own->uri.path, &request);
}

/* ---- who asks ---- */

/* Behind the scheme in any letter case and its blanks. */
static bool has_token(const char *authorization, const char *scheme, const char *token)
{
    const size_t bytes = strlen(scheme);
    if (!authorization || strncasecmp(authorization, scheme, bytes) != 0)
        return false;
    authorization += bytes;
    return strcmp(authorization + strspn(authorization, " "), token) == 0;
}

static void check_auth(const struct message *message)
{
    static const struct ori_settings settings = {
        .api_key = {KEY}, .api_username = "user", .api_password = {"pass"}, .metrics_auth = true};
    const struct ori_auth_headers headers = {.key = first(message, "x-api-key"),
                                             .authorization = first(message, "authorization")};
    const bool has_key = headers.key && strcmp(headers.key, KEY) == 0;
    const bool has_bearer = !headers.key && has_token(headers.authorization, "Bearer ", KEY);
    MUST((ori_auth_check(&settings, ORI_ROUTE_KEY, true, &headers) == ORI_AUTH_OK) == has_key);
    MUST((ori_auth_check(&settings, ORI_ROUTE_METRICS, true, &headers) == ORI_AUTH_OK) ==
         (has_key || has_bearer));
    MUST((ori_auth_check(&settings, ORI_ROUTE_BASIC, true, &headers) == ORI_AUTH_OK) ==
         has_token(headers.authorization, "Basic ", LOGIN_BASE64));
    (void)ori_accept_prefers_html(first(message, "accept"));
    (void)ori_cors_allows("https://a.example, http://[::1]:80", first(message, "origin"));
}

/* ---- the form ---- */

static void check_part(const struct message *message, const struct ori_form *form, size_t i,
                       const char *delimiter)
{
    const struct ori_form_part *part = &form->parts[i];
    const char *data = message->body + part->offset;
    MUST(part->offset >= 0 && part->bytes >= 0 &&
         part->offset + part->bytes <= (int64_t)message->body_bytes);
    MUST(i == 0 || part->offset >= part[-1].offset + part[-1].bytes);
    MUST(!memmem(data, (size_t)part->bytes, delimiter, strlen(delimiter)));
    MUST(ori_form_find(form, part->name) == part); /* each name once */
    MUST(!strpbrk(part->file_name, "/\\") && !ori_text_has_control(part->file_name));
    MUST(ori_text_is_utf8(part->file_name, strlen(part->file_name)));
    MUST(strcmp(part->file_name, ".") != 0 && strcmp(part->file_name, "..") != 0);
    MUST(ori_text_is_utf8(part->content_type, strlen(part->content_type)));
    if (part->text)
        MUST(strlen(part->text) == (size_t)part->bytes &&
             memcmp(part->text, data, (size_t)part->bytes) == 0);
}

static void check_form(const struct message *message, struct ori_http_private *own)
{
    char boundary[ORI_FORM_BOUNDARY_BYTES];
    char delimiter[ORI_FORM_BOUNDARY_BYTES + 4];
    struct ori_error err = {0};
    if (!ori_form_boundary(first(message, "content-type"), boundary))
        return;
    /* its own copy: a look past the end is seen */
    struct message own_copy = *message;
    char *body = malloc(message->body_bytes ? message->body_bytes : 1);
    MUST(body);
    if (message->body_bytes)
        memcpy(body, message->body, message->body_bytes);
    own_copy.body = body;
    snprintf(delimiter, sizeof delimiter, "\r\n--%s", boundary);
    const ori_status status = ori_form_parse(body, message->body_bytes, boundary, &own->form, &err);
    if (status != ORI_OK)
        fuzz_check_failure(status, &err);
    MUST(own->form.count <= ORI_LIMIT_MAX_FORM_PARTS && (status == ORI_OK || !own->form.parts));
    for (size_t i = 0; i < own->form.count; i++)
        check_part(&own_copy, &own->form, i, delimiter);
    free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct ori_http_private own;
    struct message message = {.headers_count = 0};
    char *text = fuzz_text(data, bytes);
    memset(&own.form, 0, sizeof own.form);
    split(text, text + bytes, &message);
    check_guard(&message);
    check_auth(&message);
    check_form(&message, &own);
    check_target(&message, &own);
    ori_form_deinit(&own.form);
    free(text);
    return 0;
}
