#include "config/setting_rows.h"

#include <stdio.h>
#include <string.h>

#include "util/status.h"
#include "util/text.h"

enum { USE_LATER, USE_USED };

static const struct ori_setting_row rows[ORI_SETTING_COUNT] = {
#define ORI_SETTING_ROW(variable_, field_, kind_, default_, min_, max_, choices_, unit_, group_,   \
                        use_, doc_)                                                                \
    [ORI_SETTING_##variable_] = {                                                                  \
        .variable = #variable_,                                                                    \
        .kind = ORI_SETTING_KIND_##kind_,                                                          \
        .default_text = (default_),                                                                \
        .min = (min_),                                                                             \
        .max = (max_),                                                                             \
        .choices = (choices_),                                                                     \
        .unit = (unit_),                                                                           \
        .group = ORI_SETTING_GROUP_##group_,                                                       \
        .is_used = USE_##use_ == USE_USED,                                                         \
        .doc = (doc_),                                                                             \
    },
#include "config/settings_tbl.h"
};

static const char *const group_titles[ORI_SETTING_GROUP_COUNT] = {
#define ORI_SETTING_GROUP_ROW(group, title) [ORI_SETTING_GROUP_##group] = (title),
#include "config/settings_tbl.h"
};

struct alias {
    const char *other;
    enum ori_setting setting;
};

static const struct alias variable_aliases[] = {
#define ORI_SETTING_ALIAS_ROW(other_, variable_) {#other_, ORI_SETTING_##variable_},
#include "config/settings_tbl.h"
};
static const struct alias flag_aliases[] = {{"out", ORI_SETTING_VP_OUTPUT_DIR}};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

const struct ori_setting_row *ori_setting_row(enum ori_setting setting)
{
    ORI_ASSERT((unsigned)setting < ORI_SETTING_COUNT);
    return &rows[setting];
}

const char *ori_setting_group_title(enum ori_setting_group group)
{
    ORI_ASSERT((unsigned)group < ORI_SETTING_GROUP_COUNT);
    return group_titles[group];
}

static bool find_alias(const struct alias *aliases, size_t count, const char *name,
                       enum ori_setting *ret_setting)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(aliases[i].other, name) == 0) {
            *ret_setting = aliases[i].setting;
            return true;
        }
    }
    return false;
}

bool ori_setting_find(const char *variable, enum ori_setting *ret_setting, bool *ret_is_alias)
{
    for (int i = 0; i < ORI_SETTING_COUNT; i++) {
        if (strcmp(rows[i].variable, variable) != 0)
            continue;
        *ret_setting = (enum ori_setting)i;
        if (ret_is_alias)
            *ret_is_alias = false;
        return true;
    }
    if (!find_alias(variable_aliases, COUNT_OF(variable_aliases), variable, ret_setting))
        return false;
    if (ret_is_alias)
        *ret_is_alias = true;
    return true;
}

/* "VP_SCENE_THRESH" to "scene-thresh". */
static void flag_of_variable(const char *variable, char ret_flag[ORI_SETTING_FLAG_BYTES])
{
    const char *from = strncmp(variable, "VP_", 3) == 0 ? variable + 3 : variable;
    size_t used = 0;
    for (; from[used] && used + 1 < ORI_SETTING_FLAG_BYTES; used++) {
        char c = from[used];
        ret_flag[used] = c == '_' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    ORI_ASSERT(from[used] == '\0');
    ret_flag[used] = '\0';
}

void ori_setting_flag(enum ori_setting setting, char ret_flag[ORI_SETTING_FLAG_BYTES])
{
    flag_of_variable(ori_setting_row(setting)->variable, ret_flag);
}

bool ori_setting_find_flag(const char *flag, enum ori_setting *ret_setting)
{
    char other[ORI_SETTING_FLAG_BYTES];
    for (int i = 0; i < ORI_SETTING_COUNT; i++) {
        flag_of_variable(rows[i].variable, other);
        if (strcmp(other, flag) == 0) {
            *ret_setting = (enum ori_setting)i;
            return true;
        }
    }
    for (size_t i = 0; i < COUNT_OF(variable_aliases); i++) {
        flag_of_variable(variable_aliases[i].other, other);
        if (strcmp(other, flag) == 0) {
            *ret_setting = variable_aliases[i].setting;
            return true;
        }
    }
    return find_alias(flag_aliases, COUNT_OF(flag_aliases), flag, ret_setting);
}

const char *ori_setting_nearest(const char *variable)
{
    const char *names[ORI_SETTING_COUNT + COUNT_OF(variable_aliases)];
    size_t count = 0;
    for (int i = 0; i < ORI_SETTING_COUNT; i++)
        names[count++] = rows[i].variable;
    for (size_t i = 0; i < COUNT_OF(variable_aliases); i++)
        names[count++] = variable_aliases[i].other;
    return ori_text_nearest(variable, names, count);
}

static void add_words(const char *choices, struct ori_buf *buf)
{
    ori_buf_add_text(buf, "one of ");
    const char *separator = "";
    for (const char *word = choices; *word;) {
        size_t bytes = strcspn(word, " ");
        if (!memchr(word, '=', bytes)) { /* aliases are accepted, not advertised */
            ori_buf_printf(buf, "%s%.*s", separator, (int)bytes, word);
            separator = ", ";
        }
        word += bytes;
        word += strspn(word, " ");
    }
}

static void add_range(const struct ori_setting_row *row, const char *what, struct ori_buf *buf)
{
    char min[ORI_TEXT_REAL_BYTES];
    char max[ORI_TEXT_REAL_BYTES];
    if (row->kind == ORI_SETTING_KIND_REAL) {
        ori_text_of_real(row->min, min);
        ori_text_of_real(row->max, max);
    } else {
        snprintf(min, sizeof min, "%lld", (long long)row->min);
        snprintf(max, sizeof max, "%lld", (long long)row->max);
    }
    ori_buf_printf(buf, "%s from %s to %s", what, min, max);
    if (row->unit[0] && row->kind != ORI_SETTING_KIND_BYTES)
        ori_buf_printf(buf, " (%s)", row->unit);
}

void ori_setting_allowed(enum ori_setting setting, struct ori_buf *buf)
{
    const struct ori_setting_row *row = ori_setting_row(setting);
    switch (row->kind) {
    case ORI_SETTING_KIND_BOOL:
        ori_buf_add_text(buf, "1 or 0 (true, false, yes, no, on, off)");
        break;
    case ORI_SETTING_KIND_INT:
        add_range(row, "a whole number", buf);
        break;
    case ORI_SETTING_KIND_REAL:
        add_range(row, "a number", buf);
        break;
    case ORI_SETTING_KIND_BYTES:
        add_range(row, "a number of bytes, such as 512M or 2GiB,", buf);
        break;
    case ORI_SETTING_KIND_CHOICE:
        add_words(row->choices, buf);
        break;
    case ORI_SETTING_KIND_STRING:
    case ORI_SETTING_KIND_SECRET:
        ori_buf_printf(buf, "UTF-8 text of %.0f to %.0f bytes without control characters", row->min,
                       row->max);
        break;
    case ORI_SETTING_KIND_CROPDETECT:
        ori_buf_add_text(buf, "limit:round:reset, whole numbers from 0 to 255, 0 to 1024 and "
                              "0 to 1000000");
        break;
    }
}

void ori_setting_default(enum ori_setting setting, struct ori_buf *buf)
{
    const char *text = ori_setting_row(setting)->default_text;
    if (strcmp(text, "{cores}") == 0) {
        ori_buf_add_text(buf, "number of usable cores");
    } else if (strncmp(text, "{cache}/", 8) == 0) {
        ori_buf_printf(buf, "%s under XDG_CACHE_HOME, or under ~/.cache", text + 8);
    } else if (strncmp(text, "{home}/", 7) == 0) {
        ori_buf_printf(buf, "~/%s", text + 7);
    } else if (text[0] == '{') {
        const char *name = strchr(text, '/') + 1;
        ori_buf_printf(buf, "%s under %.*s", name, (int)(name - text - 3), text + 1);
    } else {
        ori_buf_add_text(buf, text[0] ? text : "empty");
    }
}
