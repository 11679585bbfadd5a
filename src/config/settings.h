#pragma once
/* config/settings.h: all settings, read once, checked, and never changed again.
 * Precedence   command-line flag > environment > .env > default. An empty value counts as not set
 *              unless the setting may be empty; of the .env only values that win are checked
 * Fields       s->vp_scene_thresh: the variable in lower case. INT and BYTES int64_t, REAL double,
 *              BOOL bool; STRING, CHOICE const char * (never NULL; CHOICE in the table's spelling);
 *              SECRET struct ori_secret; CROPDETECT struct ori_cropdetect
 * Call order   load; use the const pointer anywhere; destroy when nobody uses it any more
 * Ownership    the settings own every text a field points to
 * Threads      immutable after load, any thread
 * Failure      ORI_BAD_SETTING with one line "NAME=value: expected ..."; what .env does wrong names
 *              its line; ORI_NOMEM. Values of secrets never enter a message */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/setting_rows.h"
#include "util/buf.h"
#include "util/status.h"

/* Text that must not be shown. Printing goes through ori_settings_show, which says "***". */
struct ori_secret {
    const char *hidden; /* use ori_secret_reveal, so that a search finds every use */
};
static inline const char *ori_secret_reveal(struct ori_secret secret)
{
    return secret.hidden;
}
static inline bool ori_secret_is_set(struct ori_secret secret)
{
    return secret.hidden[0] != '\0';
}

struct ori_cropdetect {
    int limit; /* luma up to it is black, 0..255 */
    int round;
    int reset;
};

#define ORI_SETTING_FIELD_BOOL bool
#define ORI_SETTING_FIELD_INT int64_t
#define ORI_SETTING_FIELD_REAL double
#define ORI_SETTING_FIELD_BYTES int64_t
#define ORI_SETTING_FIELD_STRING const char *
#define ORI_SETTING_FIELD_CHOICE const char *
#define ORI_SETTING_FIELD_SECRET struct ori_secret
#define ORI_SETTING_FIELD_CROPDETECT struct ori_cropdetect

struct ori_settings_own; /* texts, origins, warnings */

struct ori_settings {
#define ORI_SETTING_ROW(variable, field, kind, ...) ORI_SETTING_FIELD_##kind field;
#include "config/settings_tbl.h"
    struct ori_settings_own *own; /* private */
};

enum ori_setting_origin {
    ORI_ORIGIN_DEFAULT,
    ORI_ORIGIN_ENV_FILE,
    ORI_ORIGIN_ENVIRONMENT,
    ORI_ORIGIN_FLAG
};
const char *ori_setting_origin_text(enum ori_setting_origin origin); /* "default", ".env", ... */

struct ori_setting_flag {
    enum ori_setting setting;
    const char *text;
};

struct ori_settings_sources {
    const struct ori_setting_flag *flags; /* the last of a setting wins */
    size_t flags_count;
    const char *const *environment; /* "NAME=value", NULL at the end: environ; may be NULL */
    const char *env_file;           /* ".env"; a missing file is none; NULL for none */
};

ori_status ori_settings_load(const struct ori_settings_sources *sources,
                             const struct ori_settings **ret_settings, struct ori_error *err);
void ori_settings_destroy(const struct ori_settings **settings); /* null-safe, nulls */

/* Gives `to` the value, and the origin, that `from` has: for config/live.h alone, before anybody
 * else has seen `to`. On failure nothing has changed. */
ori_status ori_settings_keep(const struct ori_settings *from, const struct ori_settings *to,
                             enum ori_setting setting, struct ori_error *err);

enum ori_setting_origin ori_settings_origin(const struct ori_settings *settings,
                                            enum ori_setting setting);
/* Unknown VP_* and QDRANT_* names, one line each with the nearest known name. */
size_t ori_settings_warning_count(const struct ori_settings *settings);
const char *ori_settings_warning(const struct ori_settings *settings, size_t i);

/* The value as a person may see it: secrets, and passwords inside URLs, are "***". */
void ori_settings_show(const struct ori_settings *settings, enum ori_setting setting,
                       struct ori_buf *buf);
/* The text that reads back as exactly this value, secrets open: not for showing. */
void ori_settings_write_back(const struct ori_settings *settings, enum ori_setting setting,
                             struct ori_buf *buf);
/* Address of the field, of the C type of the row's kind. */
const void *ori_settings_field(const struct ori_settings *settings, enum ori_setting setting);
