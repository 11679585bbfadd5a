/* Errors as RFC 9457 problem+json, and the faults of a request's fields. */
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "http/exchange_priv.h"
#include "util/json_text.h"
#include "util/limits.h"
#include "util/utf8.h"

static void add_member(struct ori_buf *body, const char *name, const char *text)
{
    ori_buf_printf(body, ",\"%s\":", name);
    ori_json_add_text(body, text, strlen(text));
}

/* Without the closing brace. */
static struct ori_buf *begin_problem(const struct ori_http_request *request,
                                     struct ori_http_response *response, int status,
                                     const char *code, const char *detail)
{
    ori_response_clear(response);
    response->status = status;
    struct ori_buf *body = ori_http_body(response, "application/problem+json");
    const char *title = MHD_get_reason_phrase_for((unsigned)status);
    ori_buf_add_text(body, "{\"type\":\"about:blank\"");
    add_member(body, "title", title);
    ori_buf_printf(body, ",\"status\":%d", status);
    add_member(body, "detail", detail);
    add_member(body, "code", code);
    add_member(body, "instance", request->path ? request->path : "");
    add_member(body, "request_id", request->request_id);
    return body;
}

void ori_http_fail(const struct ori_http_request *request, struct ori_http_response *response,
                   const struct ori_error *err)
{
    ori_status status = err->status == ORI_OK ? ORI_INTERNAL : err->status;
    const char *detail = err->text[0] != '\0' ? err->text : ori_status_text(status);
    struct ori_buf *body =
        begin_problem(request, response, ori_status_http(status), ori_status_code(status), detail);
    ori_buf_add_text(body, "}");
}

void ori_http_problem(const struct ori_http_request *request, struct ori_http_response *response,
                      int status, const char *code, const char *format, ...)
{
    char detail[ORI_ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    ori_utf8_clean(detail);
    ori_buf_add_text(begin_problem(request, response, status, code, detail), "}");
}

void ori_http_faults_init(struct ori_http_faults *ret_faults)
{
    *ret_faults = (struct ori_http_faults){NULL, 0};
}

void ori_http_faults_deinit(struct ori_http_faults *faults)
{
    json_decref(faults->list);
    ori_http_faults_init(faults);
}

void ori_http_fault(struct ori_http_faults *faults, const char *loc, const char *type,
                    const char *format, ...)
{
    faults->count++;
    if (faults->count > ORI_LIMIT_MAX_FAULTS)
        return;
    char msg[ORI_ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(msg, sizeof msg, format, arguments);
    va_end(arguments);
    ori_utf8_clean(msg);
    if (!faults->list)
        faults->list = json_array();
    /* without memory the fault is counted still: the request is refused all the same */
    json_array_append_new(faults->list,
                          json_pack("{s:s, s:s, s:s}", "loc", loc, "type", type, "msg", msg));
}

static int add_json(const char *text, size_t bytes, void *body)
{
    ori_buf_add(body, text, bytes);
    return 0;
}

bool ori_http_faulty(const struct ori_http_request *request, struct ori_http_response *response,
                     const struct ori_http_faults *faults)
{
    if (faults->count == 0)
        return false;
    char detail[ORI_ERROR_TEXT_MAX];
    const json_t *first = json_array_get(faults->list, 0);
    snprintf(detail, sizeof detail, "%zu %s wrong; the first: %s: %s", faults->count,
             faults->count == 1 ? "field is" : "fields are",
             json_string_value(json_object_get(first, "loc")),
             json_string_value(json_object_get(first, "msg")));
    ori_utf8_clean(detail);
    struct ori_buf *body = begin_problem(request, response, 422, "invalid_request", detail);
    ori_buf_add_text(body, ",\"errors\":");
    if (!faults->list || json_dump_callback(faults->list, add_json, body, JSON_COMPACT) != 0)
        body->status = ORI_NOMEM;
    ori_buf_add_text(body, "}");
    return true;
}
