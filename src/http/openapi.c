#include "http/openapi.h"

#include <stdio.h>
#include <string.h>

#include "http/route.h"
#include "http/schema.h"

#define WORD_BYTES 64
#define PATH_BYTES 128

/* Takes value, which may be NULL, as it may the object: nothing leaks, what failed stays failed. */
static json_t *with(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *with_text(json_t *object, const char *key, const char *text)
{
    return with(object, key, json_string(text));
}

static json_t *append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0) {
        json_decref(array);
        return NULL;
    }
    return array;
}

static json_t *reference(const char *section, const char *name)
{
    char text[WORD_BYTES + 32];
    snprintf(text, sizeof text, "#/components/%s/%s", section, name);
    return with_text(json_object(), "$ref", text);
}

static bool next_word(const char **words, char ret_word[WORD_BYTES])
{
    size_t bytes = strcspn(*words, " ");
    ORI_ASSERT(bytes < WORD_BYTES);
    memcpy(ret_word, *words, bytes);
    ret_word[bytes] = '\0';
    *words += bytes;
    *words += strspn(*words, " ");
    return bytes > 0;
}

static json_t *param_json(const struct ori_param *param, int64_t videos_max)
{
    static const char *const places[] = {"query", "path", "header"};
    json_t *schema = ori_schema_field_json(&param->field, videos_max);
    if (param->default_text[0])
        schema =
            with(schema, "default", ori_schema_value_of_text(&param->field, param->default_text));
    json_t *json = with_text(json_object(), "name", param->field.name);
    json = with_text(json, "in", places[param->place]);
    json = with(json, "required", json_boolean(param->place == ORI_PARAM_PATH));
    json = with_text(json, "description", param->field.doc);
    return with(json, "schema", schema);
}

/* The parameters of a path, in its order: what stands in braces. */
static json_t *add_path_params(json_t *list, const char *path)
{
    for (const char *at = strchr(path, '{'); list && at; at = strchr(at + 1, '{')) {
        char word[WORD_BYTES];
        size_t bytes = strcspn(at + 1, "}");
        ORI_ASSERT(bytes < sizeof word);
        memcpy(word, at + 1, bytes);
        word[bytes] = '\0';
        list = append(list, reference("parameters", word));
    }
    return list;
}

/* Headers that mean something to one route alone. */
static json_t *add_headers(json_t *list, const struct ori_route *route)
{
    if (strcmp(route->request, "NewJob") == 0)
        list = append(list, reference("parameters", "idempotency_key"));
    if (strcmp(route->answer, "text/event-stream") == 0)
        list = append(list, reference("parameters", "last_event_id"));
    if (strncmp(route->answer, "image/", 6) == 0)
        list = append(list, reference("parameters", "if_none_match"));
    return list;
}

static json_t *params_json(const struct ori_route *route)
{
    const char *words = route->query;
    char word[WORD_BYTES];
    json_t *list = add_path_params(json_array(), route->path);
    while (list && next_word(&words, word))
        list = append(list, reference("parameters", word));
    return add_headers(list, route);
}

static json_t *content_json(const char *type, json_t *schema)
{
    json_t *media = with(json_object(), "schema", schema);
    return with(json_object(), type, media);
}

static json_t *request_json(const struct ori_route *route)
{
    bool is_upload = route->body == ORI_ROUTE_UPLOAD;
    if (route->request[0] == '\0')
        return NULL;
    json_t *json = with(json_object(), "required", json_true());
    return with(json, "content",
                content_json(is_upload ? "multipart/form-data" : "application/json",
                             reference("schemas", route->request)));
}

static json_t *binary_json(void)
{
    return with_text(with_text(json_object(), "type", "string"), "format", "binary");
}

static json_t *answer_content(const struct ori_route *route)
{
    if (!strchr(route->answer, '/'))
        return content_json("application/json", reference("schemas", route->answer));
    if (strncmp(route->answer, "image/", 6) != 0)
        return content_json(route->answer, with_text(json_object(), "type", "string"));
    json_t *content = content_json("image/png", binary_json());
    content = with(content, "image/jpeg", with(json_object(), "schema", binary_json()));
    return with(content, "image/webp", with(json_object(), "schema", binary_json()));
}

static json_t *header_json(const char *doc)
{
    json_t *json = with_text(json_object(), "description", doc);
    return with(json, "schema", with_text(json_object(), "type", "string"));
}

static json_t *success_json(const struct ori_route *route)
{
    json_t *headers =
        with(json_object(), "X-Request-Id", header_json("the request's name in the log"));
    if (strcmp(route->request, "NewJob") == 0) {
        headers = with(headers, "Location", header_json("the job's path"));
        headers = with(headers, "Idempotency-Replayed",
                       header_json("true when the job was made by an earlier request"));
    }
    json_t *json = with_text(json_object(), "description", route->summary);
    json = with(json, "headers", headers);
    return with(json, "content", answer_content(route));
}

struct refusal {
    int status;
    const char *name; /* in components */
    const char *doc;
};
static const struct refusal refusals[] = {
    {302, "Page", "A browser is sent to the console"},
    {304, "Unchanged", "The copy at hand is still right"},
    {400, "BadRequest", "Not understood: no JSON, a wrong state, no videos or too many"},
    {401, "Unauthorized", "The key, or user and password, are missing or wrong"},
    {403, "Forbidden", "The Host is not this machine, and there is no key"},
    {404, "NotFound", "There is no such thing"},
    {413, "TooLarge", "The body is larger than it may be"},
    {415, "WrongType", "The body is of another media type than the one asked for"},
    {422, "Invalid", "Fields are not as they must be; errors names each"},
    {429, "TooMany", "Too many requests with a wrong key; Retry-After says when"},
    {500, "Failed", "A failure of the server"},
    {503, "Unavailable", "Not now: Retry-After says when to ask again"},
};
#define REFUSALS (sizeof refusals / sizeof refusals[0])

static bool may_refuse(const struct ori_route *route, int status)
{
    bool has_body = route->body != ORI_ROUTE_NO_BODY;
    switch (status) {
    case 302:
        return strcmp(route->path, "/") == 0;
    case 304:
        return strncmp(route->answer, "image/", 6) == 0;
    case 400:
        return true; /* a malformed request is one on every path */
    case 401:
    case 429:
        return route->auth != ORI_ROUTE_OPEN;
    case 404:
        return strchr(route->path, '{') != NULL || strcmp(route->request, "FrameSearch") == 0;
    case 413:
    case 415:
        return has_body;
    case 422:
        return has_body || route->query[0] != '\0';
    default:
        return true;
    }
}

static json_t *answers_json(const struct ori_route *route)
{
    char status[8];
    snprintf(status, sizeof status, "%d", route->success);
    json_t *json = with(json_object(), status, success_json(route));
    for (size_t i = 0; json && i < REFUSALS; i++) {
        if (!may_refuse(route, refusals[i].status))
            continue;
        snprintf(status, sizeof status, "%d", refusals[i].status);
        json = with(json, status, reference("responses", refusals[i].name));
    }
    return json;
}

/* Who may: a list of alternatives; the empty one is "anybody", where a setting decides. */
static json_t *security_json(const struct ori_route *route)
{
    json_t *list = json_array();
    const char *scheme = route->auth == ORI_ROUTE_BASIC ? "basic" : "key";
    if (route->auth == ORI_ROUTE_OPEN)
        return list;
    list = append(list, with(json_object(), scheme, json_array()));
    if (route->auth != ORI_ROUTE_KEY)
        list = append(list, json_object());
    return list;
}

static json_t *operation_json(const struct ori_route *route)
{
    json_t *json = with_text(json_object(), "operationId", route->name);
    json = with_text(json, "summary", route->summary);
    json = with(json, "tags", append(json_array(), json_string(route->tag)));
    json = with(json, "security", security_json(route));
    json = with(json, "parameters", params_json(route));
    if (route->request[0])
        json = with(json, "requestBody", request_json(route));
    return with(json, "responses", answers_json(route));
}

static const char *method_word(enum ori_http_method method)
{
    if (method == ORI_HTTP_GET)
        return "get";
    return method == ORI_HTTP_POST ? "post" : "delete";
}

static json_t *paths_json(void)
{
    json_t *paths = json_object();
    for (size_t i = 0; paths && i < ori_route_count(); i++) {
        const struct ori_route *route = ori_route_at(i);
        json_t *item = json_object_get(paths, route->path);
        if (!item) {
            paths = with(paths, route->path, json_object());
            item = json_object_get(paths, route->path);
        }
        /* item belongs to paths: a failure leaves it there, and paths is let go of as a whole */
        if (json_object_set_new(item, method_word(route->method), operation_json(route)) != 0) {
            json_decref(paths);
            return NULL;
        }
    }
    return paths;
}

static json_t *schemas_json(int64_t videos_max)
{
    json_t *schemas = json_object();
    for (int i = 0; i < ORI_SCHEMA_COUNT; i++)
        schemas = with(schemas, ori_schema_name((enum ori_schema)i),
                       ori_schema_json((enum ori_schema)i, videos_max));
    return schemas;
}

static json_t *all_params_json(int64_t videos_max)
{
    json_t *params = json_object();
    for (size_t i = 0; i < ori_param_count(); i++) {
        const struct ori_param *param = ori_param_at(i);
        params = with(params, param->word, param_json(param, videos_max));
    }
    return params;
}

static json_t *refusals_json(void)
{
    json_t *answers = json_object();
    for (size_t i = 0; i < REFUSALS; i++) {
        json_t *json = with_text(json_object(), "description", refusals[i].doc);
        json_t *headers = json_object();
        if (refusals[i].status == 401)
            headers = with(headers, "WWW-Authenticate", header_json("which way in there is"));
        if (refusals[i].status == 429 || refusals[i].status == 503)
            headers = with(headers, "Retry-After", header_json("seconds to wait"));
        json = with(json, "headers", headers);
        if (refusals[i].status >= 400)
            json = with(json, "content",
                        content_json("application/problem+json", reference("schemas", "Problem")));
        answers = with(answers, refusals[i].name, json);
    }
    return answers;
}

static json_t *security_schemes(void)
{
    json_t *key = with_text(json_object(), "type", "apiKey");
    key = with_text(key, "in", "header");
    key = with_text(key, "name", "X-API-Key");
    json_t *basic = with_text(json_object(), "type", "http");
    basic = with_text(basic, "scheme", "basic");
    return with(with(json_object(), "key", key), "basic", basic);
}

static json_t *tags_json(void)
{
    static const char *const tags[][2] = {
        {"jobs", "Lists of videos to be processed"},
        {"search", "Frames found by likeness"},
        {"frames", "The kept frames of a video"},
        {"system", "The server itself"},
        {"docs", "This description"},
        {"ui", "The console"},
    };
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        json_t *tag = with_text(json_object(), "name", tags[i][0]);
        list = append(list, with_text(tag, "description", tags[i][1]));
    }
    return list;
}

json_t *ori_openapi_create(const struct ori_settings *settings)
{
    int64_t videos_max = settings->max_videos_per_request;
    json_t *info = with_text(json_object(), "title", settings->api_name);
    info = with_text(info, "version", ORI_VERSION);
    info = with_text(info, "description",
                     "Videos in, searchable frames out. Jobs are on disk before they are "
                     "acknowledged; failures are application/problem+json (RFC 9457).");
    json_t *components = with(json_object(), "schemas", schemas_json(videos_max));
    components = with(components, "parameters", all_params_json(videos_max));
    components = with(components, "responses", refusals_json());
    components = with(components, "securitySchemes", security_schemes());
    json_t *root = with_text(json_object(), "openapi", "3.1.0");
    root = with(root, "info", info);
    root = with(root, "servers", append(json_array(), with_text(json_object(), "url", "/")));
    root = with(root, "tags", tags_json());
    root = with(root, "paths", paths_json());
    return with(root, "components", components);
}
