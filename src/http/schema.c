#include "http/schema.h"

#include <string.h>

#include "config/setting_rows.h"

/* The rows, and what is looked up in them; checks are in schema_check.c, the document's part in
 * schema_json.c. */
#define MANY ORI_FIELD_MANY
#define VIDEOS ORI_FIELD_VIDEOS

struct schema_row {
    const char *name;
    const char *element;
    const char *doc;
};

static const struct schema_row schemas[ORI_SCHEMA_COUNT] = {
#define ORI_SCHEMA_ROW(name_, doc_) [ORI_SCHEMA_##name_] = {#name_, "", (doc_)},
#define ORI_SCHEMA_LIST_ROW(name_, element_, doc_)                                                 \
    [ORI_SCHEMA_##name_] = {#name_, (element_), (doc_)},
#include "http/schemas_tbl.h"
};

static const struct ori_field fields[] = {
#define ORI_FIELD_ROW(owner_, name_, kind_, of_, need_, min_, max_, doc_)                          \
    {                                                                                              \
        .owner = ORI_SCHEMA_##owner_,                                                              \
        .name = (name_),                                                                           \
        .kind = ORI_FIELD_##kind_,                                                                 \
        .of = (of_),                                                                               \
        .need = ORI_FIELD_##need_,                                                                 \
        .min = (min_),                                                                             \
        .max = (max_),                                                                             \
        .doc = (doc_),                                                                             \
    },
#include "http/schemas_tbl.h"
};

static const char *const examples[ORI_SCHEMA_COUNT] = {
#define ORI_EXAMPLE_ROW(name_, json_) [ORI_SCHEMA_##name_] = (json_),
#include "http/schemas_tbl.h"
};

static const struct ori_param params[] = {
#define ORI_PARAM_ROW(word_, name_, place_, kind_, of_, min_, max_, default_, doc_)                \
    {                                                                                              \
        .word = #word_,                                                                            \
        .place = ORI_PARAM_##place_,                                                               \
        .default_text = (default_),                                                                \
        .field = {.name = (name_),                                                                 \
                  .kind = ORI_FIELD_##kind_,                                                       \
                  .of = (of_),                                                                     \
                  .need = ORI_FIELD_SOMETIMES,                                                     \
                  .min = (min_),                                                                   \
                  .max = (max_),                                                                   \
                  .doc = (doc_)},                                                                  \
    },
#include "http/params_tbl.h"
#undef ORI_PARAM_ROW
};

const char *ori_schema_name(enum ori_schema schema)
{
    ORI_ASSERT(schema < ORI_SCHEMA_COUNT);
    return schemas[schema].name;
}

const char *ori_schema_doc(enum ori_schema schema)
{
    ORI_ASSERT(schema < ORI_SCHEMA_COUNT);
    return schemas[schema].doc;
}

const char *ori_schema_element(enum ori_schema schema)
{
    ORI_ASSERT(schema < ORI_SCHEMA_COUNT);
    return schemas[schema].element;
}

const char *ori_schema_example(enum ori_schema schema)
{
    ORI_ASSERT(schema < ORI_SCHEMA_COUNT);
    return examples[schema];
}

bool ori_schema_find(const char *name, enum ori_schema *ret_schema)
{
    for (size_t i = 0; i < ORI_SCHEMA_COUNT; i++) {
        if (strcmp(schemas[i].name, name) != 0)
            continue;
        *ret_schema = (enum ori_schema)i;
        return true;
    }
    return false;
}

const struct ori_field *ori_schema_fields(enum ori_schema schema, size_t *ret_count)
{
    size_t first = 0;
    size_t count = 0;
    while (first < sizeof fields / sizeof fields[0] && fields[first].owner != schema)
        first++;
    while (first + count < sizeof fields / sizeof fields[0] &&
           fields[first + count].owner == schema)
        count++;
    *ret_count = count;
    return fields + first;
}

size_t ori_param_count(void)
{
    return sizeof params / sizeof params[0];
}

const struct ori_param *ori_param_at(size_t i)
{
    ORI_ASSERT(i < ori_param_count());
    return &params[i];
}

const struct ori_param *ori_param_find(const char *word)
{
    for (size_t i = 0; i < ori_param_count(); i++) {
        if (strcmp(params[i].word, word) == 0)
            return &params[i];
    }
    return NULL;
}

void ori_config_key(const struct ori_setting_row *row, char ret_key[ORI_CONFIG_KEY_BYTES])
{
    size_t i = 0;
    for (; row->variable[i]; i++) {
        char c = row->variable[i];
        ORI_ASSERT(i + 1 < ORI_CONFIG_KEY_BYTES);
        ret_key[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    ret_key[i] = '\0';
}
