#include "http/params.h"

#include <stdio.h>
#include <string.h>

#include "http/schema.h"

#define LOC_BYTES 64
#define WORD_BYTES 32

/* Copies the next word of a list split by blanks: false at its end. */
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

/* From the query, or from a text field of an uploaded form; a form sends a field that was left blank
 * as an empty one. */
static const char *given_text(const struct ori_http_request *request, const char *name,
                              const char **ret_place)
{
    const char *text = ori_http_query(request, name);
    *ret_place = "query";
    if (text || request->route->body != ORI_ROUTE_UPLOAD)
        return text;
    text = ori_http_form_text(request, name);
    *ret_place = "body";
    return text && text[0] ? text : NULL;
}

static bool read_one(const struct ori_http_request *request, const struct ori_param *param,
                     json_t *object, struct ori_http_faults *faults)
{
    const struct ori_schema_rules rules = {.faults = faults};
    const char *place = NULL;
    const char *given = given_text(request, param->field.name, &place);
    const char *text = given ? given : param->default_text;
    char loc[LOC_BYTES];
    if (!given && !text[0])
        return true;
    json_t *value = ori_schema_value_of_text(&param->field, text);
    if (!value)
        return false;
    snprintf(loc, sizeof loc, "%s.%s", place, param->field.name);
    if (given)
        ori_schema_check_field(&param->field, value, loc, &rules);
    return json_object_set_new(object, param->field.name, value) == 0;
}

json_t *ori_params_query(const struct ori_http_request *request, struct ori_http_faults *faults)
{
    const char *words = request->route->query;
    char word[WORD_BYTES];
    json_t *object = json_object();
    bool is_well = object != NULL;
    while (is_well && next_word(&words, word)) {
        const struct ori_param *param = ori_param_find(word);
        ORI_ASSERT(param && param->place == ORI_PARAM_QUERY);
        is_well = read_one(request, param, object, faults);
    }
    if (!is_well) {
        json_decref(object);
        object = NULL;
    }
    return object;
}

const char *ori_params_header(const struct ori_http_request *request, const char *word,
                              struct ori_http_faults *faults)
{
    const struct ori_schema_rules rules = {.faults = faults};
    const struct ori_param *param = ori_param_find(word);
    ORI_ASSERT(param && param->place == ORI_PARAM_HEADER);
    const char *text = ori_http_header(request, param->field.name);
    char loc[LOC_BYTES];
    if (!text)
        return NULL;
    json_t *value = ori_schema_value_of_text(&param->field, text);
    snprintf(loc, sizeof loc, "header.%s", param->field.name);
    if (value)
        ori_schema_check_field(&param->field, value, loc, &rules);
    else
        ori_http_fault(faults, loc, "string_type", "must be UTF-8");
    json_decref(value);
    return text;
}

int64_t ori_params_whole(const json_t *object, const char *name, int64_t otherwise)
{
    const json_t *value = json_object_get(object, name);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

double ori_params_real(const json_t *object, const char *name, double otherwise)
{
    const json_t *value = json_object_get(object, name);
    return json_is_number(value) ? json_number_value(value) : otherwise;
}

bool ori_params_bool(const json_t *object, const char *name, bool otherwise)
{
    const json_t *value = json_object_get(object, name);
    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

const char *ori_params_text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name)); /* NULL for what is no text */
}
