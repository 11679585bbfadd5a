#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/setting_rows.h"
#include "http/schema.h"

#define REF_BYTES 96

/* Takes value, which may be NULL; what failed before stays failed, and nothing leaks: jansson lets
 * go of a value that it cannot set. */
static json_t *with(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *type_of(const char *type)
{
    return with(json_object(), "type", json_string(type));
}

static json_t *reference(const char *schema)
{
    char text[REF_BYTES];
    snprintf(text, sizeof text, "#/components/schemas/%s", schema);
    return with(json_object(), "$ref", json_string(text));
}

static json_t *words_of(const char *words)
{
    json_t *list = json_array();
    for (const char *at = words; list && *at;) {
        size_t bytes = strcspn(at, " ");
        if (json_array_append_new(list, json_stringn(at, bytes)) != 0) {
            json_decref(list);
            return NULL;
        }
        at += bytes + (at[bytes] == ' ');
    }
    return list;
}

static json_t *number_of(double value)
{
    return value == floor(value) ? json_integer((json_int_t)value) : json_real(value);
}

static json_t *text_json(const struct ori_field *field)
{
    json_t *json = type_of("string");
    if (field->min > 0)
        json = with(json, "minLength", number_of(field->min));
    if (field->max > 0 && field->max < ORI_FIELD_MANY)
        json = with(json, "maxLength", number_of(field->max));
    return json;
}

static json_t *number_json(const struct ori_field *field)
{
    json_t *json = type_of(field->kind == ORI_FIELD_WHOLE ? "integer" : "number");
    json = with(json, "minimum", number_of(field->min));
    if (field->max < ORI_FIELD_MANY)
        json = with(json, "maximum", number_of(field->max));
    return json;
}

static json_t *list_json(const struct ori_field *field, json_t *element, int64_t videos_max)
{
    json_t *json = with(type_of("array"), "items", element);
    if (field->min > 0)
        json = with(json, "minItems", number_of(field->min));
    if (field->max == ORI_FIELD_VIDEOS)
        json = with(json, "maxItems", json_integer(videos_max));
    else if (field->max < ORI_FIELD_MANY)
        json = with(json, "maxItems", number_of(field->max));
    return json;
}

static json_t *pattern_json(const char *format, const char *pattern, const struct ori_field *field)
{
    json_t *json = text_json(field);
    if (format)
        json = with(json, "format", json_string(format));
    return pattern ? with(json, "pattern", json_string(pattern)) : json;
}

static json_t *plain_json(const struct ori_field *field, int64_t videos_max)
{
    switch (field->kind) {
    case ORI_FIELD_TEXT:
        return text_json(field);
    case ORI_FIELD_VISIBLE:
        return pattern_json(NULL, "^[!-~]+$", field);
    case ORI_FIELD_CODE:
        return pattern_json(NULL, "^[A-Za-z0-9_-][A-Za-z0-9._-]*$", field);
    case ORI_FIELD_UUID:
        return pattern_json(
            "uuid", "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
            field);
    case ORI_FIELD_TIME:
        return pattern_json("date-time", "^[0-9-]{10}T[0-9:]{8}\\.[0-9]{3}Z$", field);
    case ORI_FIELD_SOURCE:
        return pattern_json("uri-reference", NULL, field);
    case ORI_FIELD_WEBHOOK:
        return pattern_json("uri", "^[Hh][Tt][Tt][Pp][Ss]?://[!-\\[\\]-~]+$", field);
    case ORI_FIELD_WHOLE:
    case ORI_FIELD_REAL:
        return number_json(field);
    case ORI_FIELD_BOOL:
        return type_of("boolean");
    case ORI_FIELD_CHOICE:
        return with(type_of("string"), "enum", words_of(field->of));
    case ORI_FIELD_OBJECT:
        return reference(field->of);
    case ORI_FIELD_LIST:
        return list_json(field, reference(field->of), videos_max);
    case ORI_FIELD_TEXTS:
        return list_json(field, type_of("string"), videos_max);
    case ORI_FIELD_MAP:
        return type_of("object");
    case ORI_FIELD_LIST_OF_MAPS:
        return list_json(field, type_of("object"), videos_max);
    case ORI_FIELD_FILE:
        return with(type_of("string"), "format", json_string("binary"));
    }
    ORI_ASSERT(false);
    return NULL;
}

json_t *ori_schema_field_json(const struct ori_field *field, int64_t videos_max)
{
    json_t *json = plain_json(field, videos_max);
    if (field->need == ORI_FIELD_OPTIONAL || field->need == ORI_FIELD_NULLABLE) {
        json_t *either = json_array();
        bool is_well = json_array_append_new(either, json) == 0;
        if (!is_well || json_array_append_new(either, type_of("null")) != 0) {
            json_decref(either);
            return NULL;
        }
        json = with(json_object(), "anyOf", either);
    }
    return with(json, "description", json_string(field->doc));
}

/* The settings are fields of Config as well: their own table says what they are. */
static json_t *setting_json(const struct ori_setting_row *row)
{
    static const char *const types[] = {
        [ORI_SETTING_KIND_BOOL] = "boolean",  [ORI_SETTING_KIND_INT] = "integer",
        [ORI_SETTING_KIND_REAL] = "number",   [ORI_SETTING_KIND_BYTES] = "integer",
        [ORI_SETTING_KIND_STRING] = "string", [ORI_SETTING_KIND_CHOICE] = "string",
        [ORI_SETTING_KIND_SECRET] = "string", [ORI_SETTING_KIND_CROPDETECT] = "string",
    };
    return with(type_of(types[row->kind]), "description", json_string(row->doc));
}

static json_t *add_settings(json_t *properties)
{
    for (int i = 0; i < ORI_SETTING_COUNT; i++) {
        const struct ori_setting_row *row = ori_setting_row((enum ori_setting)i);
        char key[ORI_CONFIG_KEY_BYTES];
        if (row->kind == ORI_SETTING_KIND_SECRET)
            continue;
        ori_config_key(row, key);
        properties = with(properties, key, setting_json(row));
    }
    return properties;
}

static json_t *object_json(enum ori_schema schema, int64_t videos_max)
{
    size_t count = 0;
    const struct ori_field *fields = ori_schema_fields(schema, &count);
    json_t *properties = json_object();
    json_t *required = json_array();
    bool is_well = required != NULL;
    for (size_t i = 0; i < count; i++) {
        bool is_needed =
            fields[i].need == ORI_FIELD_REQUIRED || fields[i].need == ORI_FIELD_NULLABLE;
        properties =
            with(properties, fields[i].name, ori_schema_field_json(&fields[i], videos_max));
        if (is_needed && is_well)
            is_well = json_array_append_new(required, json_string(fields[i].name)) == 0;
    }
    if (schema == ORI_SCHEMA_Config)
        properties = add_settings(properties);
    if (!is_well) {
        json_decref(properties);
        json_decref(required);
        return NULL;
    }
    json_t *json = with(type_of("object"), "properties", properties);
    return with(json, "required", required);
}

json_t *ori_schema_json(enum ori_schema schema, int64_t videos_max)
{
    const char *element = ori_schema_element(schema);
    const char *example = ori_schema_example(schema);
    json_t *json = element[0] ? with(type_of("array"), "items", reference(element))
                              : object_json(schema, videos_max);
    json = with(json, "description", json_string(ori_schema_doc(schema)));
    if (!json || !example)
        return json;
    json_t *examples = json_array();
    if (json_array_append_new(examples, json_loads(example, 0, NULL)) != 0) {
        json_decref(examples);
        examples = NULL;
    }
    return with(json, "examples", examples);
}
