#pragma once
/* config/setting_rows.h: what the table of settings says about each of them.
 * Everything is static memory, any thread. Names of flags: the variable without VP_, lower case,
 * dashes for underscores: VP_SCENE_THRESH is --scene-thresh, API_PORT is --api-port. */
#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

enum ori_setting {
#define ORI_SETTING_ROW(variable, ...) ORI_SETTING_##variable,
#include "config/settings_tbl.h"
    ORI_SETTING_COUNT
};

enum ori_setting_group {
#define ORI_SETTING_GROUP_ROW(group, title) ORI_SETTING_GROUP_##group,
#include "config/settings_tbl.h"
    ORI_SETTING_GROUP_COUNT
};

enum ori_setting_kind {
    ORI_SETTING_KIND_BOOL,
    ORI_SETTING_KIND_INT,
    ORI_SETTING_KIND_REAL,
    ORI_SETTING_KIND_BYTES,
    ORI_SETTING_KIND_STRING,
    ORI_SETTING_KIND_CHOICE,
    ORI_SETTING_KIND_SECRET,
    ORI_SETTING_KIND_CROPDETECT
};

struct ori_setting_row {
    const char *variable;
    enum ori_setting_kind kind;
    const char *default_text; /* as in the table, "{cores}" and its like not filled in */
    double min;               /* of the number, or of the text's bytes */
    double max;
    const char *choices; /* words split by blanks, "alias=word" among them */
    const char *unit;    /* "" for none */
    enum ori_setting_group group;
    bool is_used; /* false: nothing looks at it yet */
    const char *doc;
};

const struct ori_setting_row *ori_setting_row(enum ori_setting setting);
const char *ori_setting_group_title(enum ori_setting_group group);

/* By variable or by alias; *ret_is_alias may be NULL. False when there is none. */
bool ori_setting_find(const char *variable, enum ori_setting *ret_setting, bool *ret_is_alias);
/* By flag without its dashes; "out" is "output-dir". */
bool ori_setting_find_flag(const char *flag, enum ori_setting *ret_setting);

#define ORI_SETTING_FLAG_BYTES 64
void ori_setting_flag(enum ori_setting setting, char ret_flag[ORI_SETTING_FLAG_BYTES]);

/* The variable that a misspelt one was meant to be; NULL when none is near. */
const char *ori_setting_nearest(const char *variable);

/* "a number from 0 to 1", "one of png, jpeg, webp": what may stand behind "expected". */
void ori_setting_allowed(enum ori_setting setting, struct ori_buf *buf);
/* The default for a person: "number of usable cores", "tmp under VP_OUTPUT_DIR", "none", "0.22". */
void ori_setting_default(enum ori_setting setting, struct ori_buf *buf);
