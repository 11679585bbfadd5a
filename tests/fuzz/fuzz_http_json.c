/* The body of every route that takes JSON, against that route's schema. What has no fault is what the
 * handler then does not look at again: codes, URLs, numbers that fit. */
#include "http/json_body.h"
#include "http/params.h"
#include "http/schema.h"
#include "jobs/source.h"
#include "net/client.h"
#include "fuzz_input.h"
#include "util/uuid.h"

static void check_filter(const json_t *body)
{
    const json_t *filter = json_object_get(body, "filter");
    const char *code = ori_params_text(filter, "video_code");
    const int64_t limit = ori_params_whole(body, "limit", 1);
    MUST(!filter || json_is_null(filter) || json_is_object(filter));
    MUST(!code || ori_text_is_code(code));
    MUST(ori_params_real(filter, "second_min", 0) >= 0 && limit >= 1);
    MUST(limit <= ORI_LIMIT_MAX_SEARCH_HITS);
}

static void check_text_search(const json_t *body)
{
    const char *prompt = ori_params_text(body, "prompt");
    MUST(prompt && prompt[0] && strlen(prompt) <= 4 * ORI_LIMIT_MAX_PROMPT_CHARS);
    MUST(ori_text_is_utf8(prompt, strlen(prompt)));
    check_filter(body);
}

static void check_frame_search(const json_t *body)
{
    const char *id = ori_params_text(body, "id");
    MUST(id && ori_uuid_is(id));
    check_filter(body);
}

static void check_new_job(const json_t *body, const struct ori_schema_rules *rules)
{
    const struct ori_source_rules sources = {rules->allowed, rules->is_local};
    const json_t *items = json_object_get(body, "items");
    const char *webhook = ori_params_text(body, "webhook_url");
    MUST(json_is_array(items) && json_array_size(items) > 0);
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        const char *url = ori_params_text(item, "url");
        MUST(ori_text_is_code(ori_params_text(item, "platform")));
        MUST(ori_text_is_code(ori_params_text(item, "code")));
        MUST(!url || ori_source_check_url(url, &sources, NULL) == ORI_OK);
    }
    MUST(!webhook || ori_net_check_url(webhook, true, rules->allowed, NULL) == ORI_OK);
    MUST(llabs(ori_params_whole(body, "priority", 0)) <= 100);
    MUST(ori_params_whole(body, "batch_size", 1) >= 1 &&
         ori_params_whole(body, "batch_size", 1) <= 100000);
    MUST(ori_params_real(body, "sleep_between_batches", 0) >= 0 &&
         ori_params_real(body, "sleep_between_batches", 0) <= 3600);
}

static void check_faults(const struct ori_http_faults *faults)
{
    MUST(faults->count > 0 && json_array_size(faults->list) > 0);
    MUST(json_array_size(faults->list) <= ORI_LIMIT_MAX_FAULTS);
    for (size_t i = 0; i < json_array_size(faults->list); i++)
        MUST(json_is_object(json_array_get(faults->list, i)));
}

static void check_route(const struct ori_route *route, const json_t *body, bool is_local)
{
    struct ori_http_faults faults;
    const struct ori_schema_rules rules = {.faults = &faults, .is_local = is_local};
    enum ori_schema schema = ORI_SCHEMA_COUNT;
    MUST(ori_schema_find(route->request, &schema));
    ori_http_faults_init(&faults);
    ori_schema_check(schema, body, "body", &rules);
    if (faults.count > 0)
        check_faults(&faults);
    else if (schema == ORI_SCHEMA_NewJob)
        check_new_job(body, &rules);
    else if (schema == ORI_SCHEMA_TextSearch)
        check_text_search(body);
    else if (schema == ORI_SCHEMA_FrameSearch)
        check_frame_search(body);
    else
        abort(); /* a route whose body this target does not know yet */
    ori_http_faults_deinit(&faults);
}

static void check_round(const json_t *body)
{
    json_t *again = NULL;
    char *text = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);
    MUST(text && ori_json_parse(text, strlen(text), &again, NULL) == ORI_OK);
    MUST(json_equal(again, body));
    json_decref(again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct ori_error err = {0};
    json_t *body = NULL;
    char *text = fuzz_text(data, bytes);
    const ori_status status = ori_json_parse(text, bytes, &body, &err);
    free(text);
    if (status != ORI_OK) {
        MUST(status == ORI_BAD_JSON && !body);
        fuzz_check_failure(status, &err);
        return 0;
    }
    check_round(body);
    for (size_t i = 0; i < ori_route_count(); i++) {
        const struct ori_route *route = ori_route_at(i);
        if (route->body == ORI_ROUTE_JSON) {
            check_route(route, body, false);
            check_route(route, body, true);
        }
    }
    json_decref(body);
    return 0;
}
