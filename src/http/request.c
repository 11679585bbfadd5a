/* What a handler reads. */
#include "http/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "http/exchange_priv.h"
#include "http/json_body.h"
#include "util/limits.h"
#include "util/text.h"

const char *ori_http_param(const struct ori_http_request *request, const char *name)
{
    size_t bytes = strlen(name);
    size_t index = 0;
    for (const char *at = strchr(request->route->path, '{'); at; at = strchr(at + 1, '{')) {
        if (strncmp(at + 1, name, bytes) == 0 && at[1 + bytes] == '}')
            return request->own->match.params[index];
        index++;
    }
    ori_assert_failed(name, __FILE__, __LINE__);
}

const char *ori_http_query(const struct ori_http_request *request, const char *name)
{
    return ori_uri_query(&request->own->uri, name);
}

const char *ori_http_header(const struct ori_http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->own->connection, MHD_HEADER_KIND, name);
}

int ori_http_port(const struct ori_http_request *request)
{
    return request->own->server->port;
}

json_t *ori_http_json_body(const struct ori_http_request *request,
                           struct ori_http_response *response)
{
    struct ori_error err = {0};
    json_t *value = NULL;
    if (request->body_bytes == 0) {
        (void)ori_error_set(&err, ORI_BAD_JSON, "there is no body; it is a JSON object");
        ori_http_fail(request, response, &err);
        return NULL;
    }
    if (ori_json_parse(request->body, request->body_bytes, &value, &err) != ORI_OK) {
        ori_http_fail(request, response, &err);
        return NULL;
    }
    if (json_is_object(value))
        return value;
    json_decref(value);
    struct ori_http_faults faults;
    ori_http_faults_init(&faults);
    ori_http_fault(&faults, "body", "object_type", "must be an object");
    ori_http_faulty(request, response, &faults);
    ori_http_faults_deinit(&faults);
    return NULL;
}

int64_t ori_http_query_whole(const struct ori_http_request *request, const char *name, int64_t min,
                             int64_t max, int64_t otherwise, struct ori_http_faults *faults)
{
    const char *text = ori_http_query(request, name);
    if (!text)
        return otherwise;
    int64_t value = 0;
    bool is_whole = ori_text_to_int(text, &value);
    if (is_whole && value >= min && value <= max)
        return value;
    char loc[128];
    snprintf(loc, sizeof loc, "query.%s", name);
    ori_http_fault(faults, loc, is_whole ? "int_range" : "int_type",
                   "must be a whole number from %lld to %lld", (long long)min, (long long)max);
    return otherwise;
}

ori_status ori_http_part(const struct ori_http_request *request, const char *field,
                         struct ori_http_part *ret_part, struct ori_error *err)
{
    const struct ori_form_part *part = ori_form_find(&request->own->form, field);
    if (!part)
        return ori_error_set(err, ORI_USAGE, "the form has no part \"%s\"", field);
    ret_part->offset = part->offset;
    ret_part->bytes = part->bytes;
    _Static_assert(sizeof ret_part->file_name == sizeof part->file_name, "one size");
    memcpy(ret_part->file_name, part->file_name, sizeof ret_part->file_name);
    memcpy(ret_part->content_type, part->content_type, sizeof ret_part->content_type);
    return ORI_OK;
}

const char *ori_http_form_text(const struct ori_http_request *request, const char *name)
{
    const struct ori_form_part *part = ori_form_find(&request->own->form, name);
    return part ? part->text : NULL;
}
