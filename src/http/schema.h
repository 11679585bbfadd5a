#pragma once
/* http/schema.h: what the JSON of the API looks like: checked, and told as JSON Schema.
 * Source    schemas_tbl.h and params_tbl.h; the checks and the document come from the same rows
 * Numbers   a whole number is one that is written as one: 5, not 5.0, "5" or true
 * Nesting   follows the tables, never the input: its depth is the tables'
 * Threads   static memory; any thread */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "http/request.h"
#include "net/address.h"
#include "util/limits.h"

enum ori_schema {
#define ORI_SCHEMA_ROW(name, doc) ORI_SCHEMA_##name,
#define ORI_SCHEMA_LIST_ROW(name, element, doc) ORI_SCHEMA_##name,
#include "http/schemas_tbl.h"
    ORI_SCHEMA_COUNT
};

enum ori_field_kind {
    ORI_FIELD_TEXT,
    ORI_FIELD_VISIBLE, /* ASCII without blanks and controls */
    ORI_FIELD_CODE,
    ORI_FIELD_UUID,
    ORI_FIELD_TIME,
    ORI_FIELD_SOURCE,
    ORI_FIELD_WEBHOOK,
    ORI_FIELD_WHOLE,
    ORI_FIELD_REAL,
    ORI_FIELD_BOOL,
    ORI_FIELD_CHOICE,
    ORI_FIELD_OBJECT,
    ORI_FIELD_LIST,
    ORI_FIELD_TEXTS,
    ORI_FIELD_MAP,
    ORI_FIELD_LIST_OF_MAPS,
    ORI_FIELD_FILE
};
enum ori_field_need {
    ORI_FIELD_REQUIRED,
    ORI_FIELD_NULLABLE,
    ORI_FIELD_OPTIONAL,
    ORI_FIELD_SOMETIMES
};
#define ORI_FIELD_MANY 9007199254740991.0 /* 2^53 - 1: the largest all JSON readers agree on */
#define ORI_FIELD_VIDEOS (-1.0)           /* as many as MAX_VIDEOS_PER_REQUEST says */

struct ori_field {
    enum ori_schema owner;
    const char *name;
    enum ori_field_kind kind;
    const char *of;
    enum ori_field_need need;
    double min;
    double max;
    const char *doc;
};
enum ori_param_place { ORI_PARAM_QUERY, ORI_PARAM_PATH, ORI_PARAM_HEADER };
struct ori_param {
    const char *word;
    enum ori_param_place place;
    const char *default_text;
    struct ori_field field;
};

const char *ori_schema_name(enum ori_schema schema);
const char *ori_schema_doc(enum ori_schema schema);
const char *ori_schema_element(enum ori_schema schema); /* of an array; "" for an object */
const char *ori_schema_example(enum ori_schema schema); /* NULL: none */
bool ori_schema_find(const char *name, enum ori_schema *ret_schema);
/* Its fields, *ret_count of them, one after another. */
const struct ori_field *ori_schema_fields(enum ori_schema schema, size_t *ret_count);

size_t ori_param_count(void);
const struct ori_param *ori_param_at(size_t i);
const struct ori_param *ori_param_find(const char *word); /* NULL: none such */

struct ori_schema_rules {
    const struct ori_network_list *allowed; /* for webhooks, and for videos behind URLs */
    bool is_local;                          /* LOCAL_MODE: no video comes by http or https */
    struct ori_http_faults *faults;
};
/* Every fault of an object at once. loc: "body". */
void ori_schema_check(enum ori_schema schema, const json_t *value, const char *loc,
                      const struct ori_schema_rules *rules);
/* One value, which is not null. */
void ori_schema_check_field(const struct ori_field *field, const json_t *value, const char *loc,
                            const struct ori_schema_rules *rules);

/* The value of a text that stands for one of the field's kind (a query, a form, a header): a string
 * when it stands for none, so that the check says so. NULL: no memory. */
json_t *ori_schema_value_of_text(const struct ori_field *field, const char *text);

struct ori_setting_row;
#define ORI_CONFIG_KEY_BYTES 64
/* A setting's name in /config: its variable in lower case. */
void ori_config_key(const struct ori_setting_row *row, char ret_key[ORI_CONFIG_KEY_BYTES]);

/* As JSON Schema 2020-12; references go to "#/components/schemas/". videos_max:
 * MAX_VIDEOS_PER_REQUEST. NULL: no memory. */
json_t *ori_schema_json(enum ori_schema schema, int64_t videos_max);
json_t *ori_schema_field_json(const struct ori_field *field, int64_t videos_max);
