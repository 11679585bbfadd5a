#include <stdio.h>
#include <string.h>

#include "http/schema.h"
#include "jobs/source.h"
#include "net/client.h"
#include "util/text.h"
#include "util/uuid.h"

#define LOC_BYTES 160 /* the longest path of the tables with its numbers, twice over */

/* Where the value at hand stands: "body.items.3.code". Grows and shrinks with the walk. */
struct place {
    char text[LOC_BYTES];
    size_t used;
};

static size_t place_enter(struct place *place, const char *name)
{
    size_t before = place->used;
    int bytes = snprintf(place->text + before, sizeof place->text - before, "%s%s",
                         before ? "." : "", name);
    ORI_ASSERT(bytes >= 0 && (size_t)bytes < sizeof place->text - before);
    place->used += (size_t)bytes;
    return before;
}

static size_t place_enter_number(struct place *place, size_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%zu", number);
    return place_enter(place, text);
}

static void place_leave(struct place *place, size_t before)
{
    place->used = before;
    place->text[before] = '\0';
}

/* Characters, not bytes: what JSON Schema counts. text is UTF-8. */
static size_t characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

static bool is_visible(const char *text)
{
    for (; *text; text++) {
        if (*text <= 0x20 || *text >= 0x7F)
            return false;
    }
    return true;
}

static bool is_choice(const char *words, const char *word)
{
    size_t bytes = strlen(word);
    if (bytes == 0 || strchr(word, ' '))
        return false;
    for (const char *at = strstr(words, word); at; at = strstr(at + 1, word)) {
        if ((at == words || at[-1] == ' ') && (at[bytes] == '\0' || at[bytes] == ' '))
            return true;
    }
    return false;
}

static void check_length(const struct ori_field *field, const char *text, const char *loc,
                         struct ori_http_faults *faults)
{
    size_t count = characters(text);
    if ((double)count < field->min)
        ori_http_fault(faults, loc, "string_too_short", "must have at least %.0f characters",
                       field->min);
    else if (field->max > 0 && (double)count > field->max)
        ori_http_fault(faults, loc, "string_too_long", "must have at most %.0f characters",
                       field->max);
}

static void check_url(const struct ori_field *field, const char *text, const char *loc,
                      const struct ori_schema_rules *rules)
{
    struct ori_error err = {0};
    const struct ori_source_rules sources = {.allowed = rules->allowed,
                                             .is_local = rules->is_local};
    ori_status status = field->kind == ORI_FIELD_SOURCE
                            ? ori_source_check_url(text, &sources, &err)
                            : ori_net_check_url(text, true, rules->allowed, &err);
    if (status != ORI_OK)
        ori_http_fault(rules->faults, loc, "url", "%s", err.text);
}

/* A word by a rule of its own: no length beside it. */
static void check_word(const struct ori_field *field, const char *text, const char *loc,
                       struct ori_http_faults *faults)
{
    if (field->kind == ORI_FIELD_CODE && !ori_text_is_code(text))
        ori_http_fault(faults, loc, "pattern",
                       "must be 1 to 128 characters of A-Z a-z 0-9 . _ - and not start with a dot");
    else if (field->kind == ORI_FIELD_UUID && !ori_uuid_is(text))
        ori_http_fault(faults, loc, "uuid", "must be a UUID");
    else if (field->kind == ORI_FIELD_CHOICE && !is_choice(field->of, text))
        ori_http_fault(faults, loc, "choice", "must be one of: %s", field->of);
}

static void check_text(const struct ori_field *field, const char *text, const char *loc,
                       const struct ori_schema_rules *rules)
{
    struct ori_http_faults *faults = rules->faults;
    size_t before = faults->count;
    if (field->kind == ORI_FIELD_CODE || field->kind == ORI_FIELD_UUID ||
        field->kind == ORI_FIELD_CHOICE) {
        check_word(field, text, loc, faults);
        return;
    }
    check_length(field, text, loc, faults);
    if (field->kind == ORI_FIELD_VISIBLE && !is_visible(text))
        ori_http_fault(faults, loc, "pattern", "must be visible ASCII characters");
    else if (faults->count == before &&
             (field->kind == ORI_FIELD_SOURCE || field->kind == ORI_FIELD_WEBHOOK))
        check_url(field, text, loc, rules);
}

/* "1000000", not "1e+06". */
static void write_bound(double bound, char ret_text[ORI_TEXT_REAL_BYTES])
{
    bool is_whole = bound >= -1e15 && bound <= 1e15 && bound == (double)(int64_t)bound;
    if (is_whole)
        snprintf(ret_text, ORI_TEXT_REAL_BYTES, "%lld", (long long)bound);
    else
        ori_text_of_real(bound, ret_text);
}

static void check_number(const struct ori_field *field, const json_t *value, const char *loc,
                         struct ori_http_faults *faults)
{
    bool is_whole = field->kind == ORI_FIELD_WHOLE;
    char min[ORI_TEXT_REAL_BYTES];
    char max[ORI_TEXT_REAL_BYTES];
    if (is_whole ? !json_is_integer(value) : !json_is_number(value)) {
        ori_http_fault(faults, loc, is_whole ? "int_type" : "float_type",
                       is_whole ? "must be a whole number" : "must be a number");
        return;
    }
    double number = json_number_value(value);
    if (number >= field->min && number <= field->max)
        return;
    write_bound(field->min, min);
    write_bound(field->max, max);
    if (field->max >= ORI_FIELD_MANY)
        ori_http_fault(faults, loc, "range", "must be at least %s", min);
    else
        ori_http_fault(faults, loc, "range", "must be from %s to %s", min, max);
}

static void check_value(const struct ori_field *field, const json_t *value, struct place *place,
                        const struct ori_schema_rules *rules);

static void check_object(const struct ori_field *fields, size_t count, const json_t *value,
                         struct place *place, const struct ori_schema_rules *rules)
{
    if (!json_is_object(value)) {
        ori_http_fault(rules->faults, place->text, "object_type", "must be an object");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *inner = json_object_get(value, fields[i].name);
        bool is_needed =
            fields[i].need == ORI_FIELD_REQUIRED || fields[i].need == ORI_FIELD_NULLABLE;
        bool may_be_null =
            fields[i].need == ORI_FIELD_OPTIONAL || fields[i].need == ORI_FIELD_NULLABLE;
        size_t before = place_enter(place, fields[i].name);
        if (!inner && is_needed)
            ori_http_fault(rules->faults, place->text, "missing", "is missing");
        else if (inner && !(may_be_null && json_is_null(inner)))
            check_value(&fields[i], inner, place, rules);
        place_leave(place, before);
    }
}

static void check_list(const struct ori_field *field, const json_t *value, struct place *place,
                       const struct ori_schema_rules *rules)
{
    enum ori_schema element = ORI_SCHEMA_COUNT;
    size_t fields_count = 0;
    bool is_known = ori_schema_find(field->of, &element);
    ORI_ASSERT(is_known);
    if (!json_is_array(value)) {
        ori_http_fault(rules->faults, place->text, "list_type", "must be a list");
        return;
    }
    size_t count = json_array_size(value);
    /* too many is for the handler to say where the number comes from the settings */
    if ((double)count < field->min || (field->max >= 0 && (double)count > field->max))
        ori_http_fault(rules->faults, place->text, "list_length", "has %zu elements", count);
    const struct ori_field *fields = ori_schema_fields(element, &fields_count);
    for (size_t i = 0; i < count; i++) {
        size_t before = place_enter_number(place, i);
        check_object(fields, fields_count, json_array_get(value, i), place, rules);
        place_leave(place, before);
    }
}

static void check_inner(const struct ori_field *field, const json_t *value, struct place *place,
                        const struct ori_schema_rules *rules)
{
    enum ori_schema schema = ORI_SCHEMA_COUNT;
    size_t count = 0;
    bool is_known = ori_schema_find(field->of, &schema);
    ORI_ASSERT(is_known);
    const struct ori_field *fields = ori_schema_fields(schema, &count);
    check_object(fields, count, value, place, rules);
}

static void check_value(const struct ori_field *field, const json_t *value, struct place *place,
                        const struct ori_schema_rules *rules)
{
    switch (field->kind) {
    case ORI_FIELD_WHOLE:
    case ORI_FIELD_REAL:
        check_number(field, value, place->text, rules->faults);
        return;
    case ORI_FIELD_BOOL:
        if (!json_is_boolean(value))
            ori_http_fault(rules->faults, place->text, "bool_type", "must be true or false");
        return;
    case ORI_FIELD_OBJECT:
        check_inner(field, value, place, rules);
        return;
    case ORI_FIELD_LIST:
        check_list(field, value, place, rules);
        return;
    case ORI_FIELD_TEXT:
    case ORI_FIELD_VISIBLE:
    case ORI_FIELD_CODE:
    case ORI_FIELD_UUID:
    case ORI_FIELD_SOURCE:
    case ORI_FIELD_WEBHOOK:
    case ORI_FIELD_CHOICE:
        if (!json_is_string(value))
            ori_http_fault(rules->faults, place->text, "string_type", "must be a text");
        else
            check_text(field, json_string_value(value), place->text, rules);
        return;
    case ORI_FIELD_TIME:
    case ORI_FIELD_TEXTS:
    case ORI_FIELD_MAP:
    case ORI_FIELD_LIST_OF_MAPS:
    case ORI_FIELD_FILE:
        break;
    }
    ORI_ASSERT(false); /* of answers alone: no request has such a field */
}

void ori_schema_check(enum ori_schema schema, const json_t *value, const char *loc,
                      const struct ori_schema_rules *rules)
{
    struct place place = {.used = 0};
    size_t count = 0;
    place_enter(&place, loc);
    const struct ori_field *fields = ori_schema_fields(schema, &count);
    check_object(fields, count, value, &place, rules);
}

void ori_schema_check_field(const struct ori_field *field, const json_t *value, const char *loc,
                            const struct ori_schema_rules *rules)
{
    struct place place = {.used = 0};
    place_enter(&place, loc);
    check_value(field, value, &place, rules);
}

json_t *ori_schema_value_of_text(const struct ori_field *field, const char *text)
{
    int64_t whole = 0;
    double real = 0;
    bool is_true = false;
    if (field->kind == ORI_FIELD_WHOLE && ori_text_to_int(text, &whole))
        return json_integer(whole);
    if (field->kind == ORI_FIELD_REAL && ori_text_to_real(text, &real))
        return json_real(real);
    if (field->kind == ORI_FIELD_BOOL && ori_text_to_bool(text, &is_true))
        return json_boolean(is_true);
    return json_string(text);
}
