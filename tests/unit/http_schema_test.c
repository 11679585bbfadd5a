#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "config/setting_rows.h"
#include "http/openapi.h"
#include "http/route.h"
#include "http/schema.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The faults of one text of JSON as "loc type; loc type". */
static void faults_of(enum ori_schema schema, const char *text, char *ret_said, size_t said_bytes,
                      size_t *ret_count)
{
    struct ori_http_faults faults;
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    ori_http_faults_init(&faults);
    const struct ori_schema_rules rules = {.faults = &faults};
    ori_schema_check(schema, value, "body", &rules);
    ret_said[0] = '\0';
    for (size_t i = 0, used = 0; i < json_array_size(faults.list) && used < said_bytes; i++) {
        const json_t *fault = json_array_get(faults.list, i);
        assert_true(json_string_length(json_object_get(fault, "msg")) > 0);
        used += (size_t)snprintf(ret_said + used, said_bytes - used, "%s%s %s", i ? "; " : "",
                                 json_string_value(json_object_get(fault, "loc")),
                                 json_string_value(json_object_get(fault, "type")));
    }
    *ret_count = faults.count;
    ori_http_faults_deinit(&faults);
    json_decref(value);
}

static void each_fault_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct {
        enum ori_schema schema;
        const char *text;
        const char *expected;
    } rows[] = {
        {ORI_SCHEMA_NewJob, "{\"items\":[{\"platform\":\"p\",\"code\":\"c\"}]}", ""},
        {ORI_SCHEMA_NewJob, "{\"items\":[{\"platform\":\"p\",\"code\":\"c\"}],\"x\":[1]}", ""},
        {ORI_SCHEMA_NewJob, "{}", "body.items missing"},
        {ORI_SCHEMA_NewJob, "[]", "body object_type"},
        {ORI_SCHEMA_NewJob, "{\"items\":null}", "body.items list_type"},
        {ORI_SCHEMA_NewJob, "{\"items\":[null,{\"platform\":\"p\"}]}",
         "body.items.0 object_type; body.items.1.code missing"},
        {ORI_SCHEMA_NewJob,
         "{\"items\":[{\"platform\":\"p\",\"code\":\"c\"}],\"priority\":null,\"force\":null}", ""},
        {ORI_SCHEMA_TextSearch, "{\"prompt\":\"\"}", "body.prompt string_too_short"},
        {ORI_SCHEMA_TextSearch, "{\"prompt\":null}", "body.prompt string_type"},
        {ORI_SCHEMA_TextSearch, "{\"prompt\":\"x\",\"limit\":0}", "body.limit range"},
        {ORI_SCHEMA_TextSearch, "{\"prompt\":\"x\",\"limit\":1001}", "body.limit range"},
        {ORI_SCHEMA_TextSearch, "{\"prompt\":\"x\",\"limit\":1000}", ""},
        {ORI_SCHEMA_TextSearch, "{\"prompt\":\"x\",\"limit\":1}", ""},
        {ORI_SCHEMA_TextSearch, "{\"prompt\":\"x\",\"limit\":5.0}", "body.limit int_type"},
        {ORI_SCHEMA_TextSearch, "{\"prompt\":\"x\",\"group_by\":\"videos\"}",
         "body.group_by choice"},
        {ORI_SCHEMA_TextSearch, "{\"prompt\":\"x\",\"group_by\":\"vid\"}", "body.group_by choice"},
        {ORI_SCHEMA_TextSearch, "{\"prompt\":\"x\",\"group_by\":\"\"}", "body.group_by choice"},
        {ORI_SCHEMA_TextSearch, "{\"prompt\":\"x\",\"group_by\":\"video\"}", ""},
        {ORI_SCHEMA_TextSearch, "{\"prompt\":\"x\",\"filter\":[]}", "body.filter object_type"},
        {ORI_SCHEMA_TextSearch,
         "{\"prompt\":\"x\",\"filter\":{\"second_min\":-1,\"second_max\":\"1\","
         "\"platform\":\"a b\",\"video_code\":\"ok\"}}",
         "body.filter.platform pattern; body.filter.second_min range; "
         "body.filter.second_max float_type"},
        {ORI_SCHEMA_FrameSearch, "{\"id\":\"9A5DD0BC-6f0a-5c39-8f55-3fd0b8c24cf4\"}", ""},
        {ORI_SCHEMA_FrameSearch, "{\"id\":\"9a5dd0bc-6f0a-5c39-8f55-3fd0b8c24cf\"}",
         "body.id uuid"},
        {ORI_SCHEMA_FrameSearch, "{\"id\":\"9a5dd0bc-6f0a-5c39-8f55-3fd0b8c24cf45\"}",
         "body.id uuid"},
        {ORI_SCHEMA_FrameSearch, "{\"id\":\"9a5dd0bc06f0a05c3908f5503fd0b8c24cf4\"}",
         "body.id uuid"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char said[1024];
        size_t count = 0;
        faults_of(rows[i].schema, rows[i].text, said, sizeof said, &count);
        if (strcmp(said, rows[i].expected) != 0)
            fail_msg("%s: \"%s\", expected \"%s\"", rows[i].text, said, rows[i].expected);
    }
}

/* Characters are counted, not bytes: the longest prompt of two-byte characters, and one more. */
static void lengths_are_of_characters(void **state)
{
    (void)state;
    for (int more = 0; more <= 1; more++) {
        size_t characters = (size_t)ORI_LIMIT_MAX_PROMPT_CHARS + (size_t)more;
        char said[256];
        size_t count = 0;
        char *text = malloc(2 * characters + 64);
        assert_non_null(text);
        size_t used = (size_t)snprintf(text, 64, "{\"prompt\":\"");
        for (size_t i = 0; i < characters; i++) {
            text[used++] = '\xC3';
            text[used++] = '\xA9';
        }
        memcpy(text + used, "\"}", 3);
        faults_of(ORI_SCHEMA_TextSearch, text, said, sizeof said, &count);
        assert_string_equal(said, more ? "body.prompt string_too_long" : "");
        free(text);
    }
}

static void faults_past_the_limit_are_counted(void **state)
{
    (void)state;
    char said[65536];
    char text[4 * (ORI_LIMIT_MAX_FAULTS + 8)];
    for (size_t wrong = ORI_LIMIT_MAX_FAULTS - 1; wrong <= ORI_LIMIT_MAX_FAULTS + 1; wrong++) {
        size_t count = 0;
        size_t told = 0;
        size_t used = (size_t)snprintf(text, sizeof text, "{\"items\":[");
        for (size_t i = 0; i < wrong; i++)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s1", i ? "," : "");
        snprintf(text + used, sizeof text - used, "]}");
        faults_of(ORI_SCHEMA_NewJob, text, said, sizeof said, &count);
        for (const char *at = said; (at = strstr(at, "object_type")); at++)
            told++;
        assert_int_equal(count, wrong);
        assert_int_equal(told, wrong < ORI_LIMIT_MAX_FAULTS ? wrong : ORI_LIMIT_MAX_FAULTS);
    }
}

/* Each row of the tables names what is there: schemas, parameters, elements. */
static void the_tables_fit_together(void **state)
{
    (void)state;
    enum ori_schema found = ORI_SCHEMA_COUNT;
    for (size_t i = 0; i < ori_route_count(); i++) {
        const struct ori_route *route = ori_route_at(i);
        char words[256];
        if (route->request[0])
            assert_true(ori_schema_find(route->request, &found));
        if (!strchr(route->answer, '/'))
            assert_true(ori_schema_find(route->answer, &found));
        snprintf(words, sizeof words, "%s", route->query);
        for (char *word = words; *word;) {
            size_t bytes = strcspn(word, " ");
            char *next = word + bytes + (word[bytes] == ' ');
            word[bytes] = '\0';
            const struct ori_param *param = ori_param_find(word);
            assert_non_null(param);
            assert_int_equal(param->place, ORI_PARAM_QUERY);
            word = next;
        }
        for (const char *at = strchr(route->path, '{'); at; at = strchr(at + 1, '{')) {
            char word[64];
            snprintf(word, sizeof word, "%.*s", (int)strcspn(at + 1, "}"), at + 1);
            assert_non_null(ori_param_find(word));
        }
    }
    for (int i = 0; i < ORI_SCHEMA_COUNT; i++) {
        size_t count = 0;
        const struct ori_field *fields = ori_schema_fields((enum ori_schema)i, &count);
        const char *element = ori_schema_element((enum ori_schema)i);
        assert_true(element[0] ? count == 0 && ori_schema_find(element, &found) : count > 0);
        for (size_t k = 0; k < count; k++) {
            bool has_inner = fields[k].kind == ORI_FIELD_OBJECT || fields[k].kind == ORI_FIELD_LIST;
            assert_int_equal(fields[k].owner, i);
            assert_true(!has_inner || ori_schema_find(fields[k].of, &found));
            assert_true(fields[k].doc[0] != '\0');
        }
    }
    /* rows of one schema stand together: none is cut off from its owner */
    size_t all = 0;
    for (int i = 0; i < ORI_SCHEMA_COUNT; i++) {
        size_t count = 0;
        (void)ori_schema_fields((enum ori_schema)i, &count);
        all += count;
    }
    size_t rows = 0;
#define ORI_FIELD_ROW(...) rows++;
#include "http/schemas_tbl.h"
    assert_int_equal(all, rows);
}

static void the_document_is_there(void **state)
{
    (void)state;
    const struct ori_settings *settings = NULL;
    struct ori_settings_sources sources = {.env_file = NULL};
    assert_int_equal(ori_settings_load(&sources, &settings, NULL), ORI_OK);
    json_t *document = ori_openapi_create(settings);
    assert_true(json_is_object(document));
    const json_t *schemas = json_object_get(json_object_get(document, "components"), "schemas");
    assert_int_equal(json_object_size(schemas), ORI_SCHEMA_COUNT);
    const json_t *items =
        json_object_get(json_object_get(json_object_get(schemas, "NewJob"), "properties"), "items");
    assert_int_equal(json_integer_value(json_object_get(items, "maxItems")), 1000);
    json_decref(document);
    ori_settings_destroy(&settings);
}

static long allocations_left; /* -1: never fails */
static long allocations;

static void *counted_malloc(size_t bytes)
{
    allocations++;
    if (allocations_left == 0)
        return NULL;
    if (allocations_left > 0)
        allocations_left--;
    return malloc(bytes);
}

/* Whichever allocation fails: no document, and (under a leak checker) nothing left behind. */
static void without_memory_there_is_no_document(void **state)
{
    (void)state;
    const struct ori_settings *settings = NULL;
    struct ori_settings_sources sources = {.env_file = NULL};
    assert_int_equal(ori_settings_load(&sources, &settings, NULL), ORI_OK);
    json_set_alloc_funcs(counted_malloc, free);
    allocations_left = -1;
    json_t *document = ori_openapi_create(settings);
    assert_non_null(document);
    json_decref(document);
    long all = allocations;
    for (long n = 0; n < all; n += n < 200 ? 1 : 61) {
        allocations_left = n;
        document = ori_openapi_create(settings);
        assert_null(document);
    }
    allocations_left = -1;
    json_set_alloc_funcs(malloc, free);
    ori_settings_destroy(&settings);
}

static void texts_become_values(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        const char *text;
        const char *expected;
    } rows[] = {
        {"page", "7", "7"},          {"page", "007", "7"},
        {"page", "x", "\"x\""},      {"page", "", "\"\""},
        {"page", "1.0", "\"1.0\""},  {"second_min", "1.5", "1.5"},
        {"second_min", "2", "2.0"},  {"second_min", "nan", "\"nan\""},
        {"order", "asc", "\"asc\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct ori_param *param = ori_param_find(rows[i].word);
        json_t *value = ori_schema_value_of_text(&param->field, rows[i].text);
        char *said = json_dumps(value, JSON_ENCODE_ANY);
        assert_string_equal(said, rows[i].expected);
        free(said);
        json_decref(value);
    }
    assert_null(ori_param_find("nothing"));
    assert_null(ori_param_find(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_is_told_with_its_place),
        cmocka_unit_test(lengths_are_of_characters),
        cmocka_unit_test(faults_past_the_limit_are_counted),
        cmocka_unit_test(the_tables_fit_together),
        cmocka_unit_test(the_document_is_there),
        cmocka_unit_test(without_memory_there_is_no_document),
        cmocka_unit_test(texts_become_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
