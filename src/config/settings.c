#include "config/settings.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/env_file.h"
#include "config/home.h"
#include "config/setting_value.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/text.h"

#define SHOWN_BYTES 100 /* of a value in a message */

struct ori_settings_own {
    char *texts[ORI_SETTING_COUNT]; /* what the fields of texts point to */
    enum ori_setting_origin origins[ORI_SETTING_COUNT];
    char *warnings[ORI_LIMIT_MAX_SETTING_WARNINGS];
    size_t warnings_count;
};

/* The text that wins so far, borrowed from its source; NULL: the default. */
struct candidate {
    const char *text;
    enum ori_setting_origin origin;
    int rank; /* of the name it came by, among those of one source */
};

static const size_t field_offsets[ORI_SETTING_COUNT] = {
#define ORI_SETTING_ROW(variable, field, ...)                                                      \
    [ORI_SETTING_##variable] = offsetof(struct ori_settings, field),
#include "config/settings_tbl.h"
};

static void *field_of(struct ori_settings *settings, enum ori_setting setting)
{
    return (char *)settings + field_offsets[setting];
}

const char *ori_setting_origin_text(enum ori_setting_origin origin)
{
    static const char *const texts[] = {"default", ".env", "environment", "flag"};
    ORI_ASSERT((size_t)origin < sizeof texts / sizeof texts[0]);
    return texts[origin];
}

/* "scheme://user:PASSWORD@host", "user:PASSWORD@host" and "password=PASSWORD": connection strings
 * carry secrets too. */
static void show_masked(const char *text, struct ori_buf *buf)
{
    const char *scheme = strstr(text, "://");
    const char *user = scheme ? scheme + 3 : text;
    const char *at = strchr(user, '@');
    const char *colon = at ? memchr(user, ':', (size_t)(at - user)) : NULL;
    if (colon) {
        /* to the last @: a password may hold one */
        ori_buf_printf(buf, "%.*s:***%s", (int)(colon - text), text, strrchr(at, '@'));
        return;
    }
    const char *word = strstr(text, "password=");
    if (word) {
        const char *value = word + strlen("password=");
        ori_buf_printf(buf, "%.*s***", (int)(value - text), text); /* where it ends is a guess */
        return;
    }
    ori_buf_add_text(buf, text);
}

static void show_text(const struct ori_setting_row *row, const char *text, struct ori_buf *buf)
{
    if (row->kind == ORI_SETTING_KIND_SECRET)
        ori_buf_add_text(buf, text[0] ? "***" : "");
    else
        show_masked(text, buf);
}

/* "NAME=value: expected ...", and where the value came from unless it is the environment. */
static ori_status refuse(enum ori_setting setting, const char *text, enum ori_setting_origin origin,
                         struct ori_error *err)
{
    const struct ori_setting_row *row = ori_setting_row(setting);
    char flag[ORI_SETTING_FLAG_BYTES];
    struct ori_buf shown;
    struct ori_buf allowed;
    ori_buf_init(&shown, 4 * ORI_LIMIT_MAX_SETTING_BYTES);
    ori_buf_init(&allowed, ORI_ERROR_TEXT_MAX);
    show_text(row, text, &shown);
    ori_setting_allowed(setting, &allowed);
    ori_setting_flag(setting, flag);
    const char *value = shown.status == ORI_OK ? ori_buf_text(&shown) : "(too long)";
    ori_status status =
        ori_error_set(err, ORI_BAD_SETTING, "%s=%.*s%s: expected %s%s%s%s", row->variable,
                      SHOWN_BYTES, value, strlen(value) > SHOWN_BYTES ? "..." : "",
                      ori_buf_text(&allowed), origin == ORI_ORIGIN_ENV_FILE ? " (in .env)" : "",
                      origin == ORI_ORIGIN_FLAG ? "; it was given as --" : "",
                      origin == ORI_ORIGIN_FLAG ? flag : "");
    ori_buf_deinit(&allowed);
    ori_buf_deinit(&shown);
    return status;
}

static ori_status warn_unknown(struct ori_settings_own *own, const char *name, const char *where,
                               struct ori_error *err)
{
    if (own->warnings_count == ORI_LIMIT_MAX_SETTING_WARNINGS)
        return ORI_OK; /* the ones told are enough to look at the source */
    struct ori_buf text;
    ori_buf_init(&text, ORI_LIMIT_MAX_SETTING_BYTES);
    const char *nearest = ori_setting_nearest(name);
    ori_buf_printf(&text, "%.*s%s: unknown setting in %s", SHOWN_BYTES, name,
                   strlen(name) > SHOWN_BYTES ? "..." : "", where);
    if (nearest)
        ori_buf_printf(&text, "; did you mean %s?", nearest);
    ori_status status = ori_buf_finish(&text, "warnings", err);
    char *taken = status == ORI_OK ? ori_buf_take(&text, NULL) : NULL;
    ori_buf_deinit(&text);
    if (status == ORI_OK && !taken)
        return ori_error_set(err, ORI_NOMEM, "warnings");
    if (taken)
        own->warnings[own->warnings_count++] = taken;
    return status;
}

static bool is_ours_by_prefix(const char *name)
{
    return strncmp(name, "VP_", 3) == 0 || strncmp(name, "QDRANT_", 7) == 0;
}

/* Of several names that one source has, the one that counts: a lower case spelling before the
 * variable's own name before any other alias. */
static int rank_of(enum ori_setting setting, const char *name, bool is_alias)
{
    if (!is_alias)
        return 1;
    return strcasecmp(ori_setting_row(setting)->variable, name) == 0 ? 2 : 0;
}

/* One variable of a source that sources of higher rank come after. */
static ori_status offer(struct ori_settings_own *own, struct candidate *candidates,
                        const char *name, const char *text, enum ori_setting_origin origin,
                        struct ori_error *err)
{
    enum ori_setting setting = 0;
    bool is_alias = false;
    if (!ori_setting_find(name, &setting, &is_alias)) {
        if (!is_ours_by_prefix(name))
            return ORI_OK;
        return warn_unknown(own, name, ori_setting_origin_text(origin), err);
    }
    if (text[0] == '\0' && !ori_setting_value_may_be_empty(ori_setting_row(setting)))
        return ORI_OK;
    struct candidate *now = &candidates[setting];
    const int rank = rank_of(setting, name, is_alias);
    if (!now->text || now->origin != origin || rank >= now->rank)
        *now = (struct candidate){.text = text, .origin = origin, .rank = rank};
    return ORI_OK;
}

static ori_status offer_environment(struct ori_settings_own *own, struct candidate *candidates,
                                    const char *const *environment, struct ori_error *err)
{
    ori_status status = ORI_OK;
    for (; environment && *environment && status == ORI_OK; environment++) {
        char name[128];
        const char *equals = strchr(*environment, '=');
        if (!equals || (size_t)(equals - *environment) >= sizeof name)
            continue; /* longer than any setting's name */
        size_t bytes = (size_t)(equals - *environment);
        memcpy(name, *environment, bytes);
        name[bytes] = '\0';
        if (!ori_text_is_utf8(name, bytes))
            continue;
        status = offer(own, candidates, name, equals + 1, ORI_ORIGIN_ENVIRONMENT, err);
    }
    return status;
}

static int usable_cores(void)
{
    cpu_set_t cores;
    CPU_ZERO(&cores);
    if (sched_getaffinity(0, sizeof cores, &cores) != 0) /* a machine of more than 1024 */
        return CPU_SETSIZE;
    return CPU_COUNT(&cores);
}

/* A folder under the person's cache; one that the row would refuse, or none: under VP_OUTPUT_DIR. */
static ori_status fill_cache(const struct ori_settings *settings, const struct ori_setting_row *row,
                             const char *const *environment, const char *name, char **ret_text,
                             struct ori_error *err)
{
    char *cache = NULL;
    ori_status status = ori_home_cache(environment, &cache, err);
    bool is_usable = cache && strlen(cache) + 1 + strlen(name) <= (size_t)row->max &&
                     ori_text_is_utf8(cache, strlen(cache)) && !ori_text_has_control(cache);
    if (status == ORI_OK)
        status = ori_fs_join(is_usable ? cache : settings->vp_output_dir, name, ret_text, err);
    free(cache);
    return status;
}

/* A file under the person's home; "" when nobody knows one, or the row would refuse it. */
static ori_status fill_home(const struct ori_setting_row *row, const char *const *environment,
                            const char *name, char **ret_text, struct ori_error *err)
{
    struct ori_buf tilde;
    char *path = NULL;
    ori_buf_init(&tilde, ORI_LIMIT_MAX_SETTING_BYTES);
    ori_buf_printf(&tilde, "~/%s", name);
    ori_status status = ori_buf_finish(&tilde, "settings", err);
    if (status == ORI_OK)
        status = ori_home_expand(environment, ori_buf_text(&tilde), &path, err);
    bool is_usable = path && strlen(path) <= (size_t)row->max &&
                     ori_text_is_utf8(path, strlen(path)) && !ori_text_has_control(path);
    if (status == ORI_OK) {
        *ret_text = strdup(is_usable ? path : "");
        if (!*ret_text)
            status = ori_error_set(err, ORI_NOMEM, "settings");
    }
    free(path);
    ori_buf_deinit(&tilde);
    return status;
}

/* malloc'ed: the text the default stands for on this machine, with these folders. */
static ori_status fill_default(const struct ori_settings *settings,
                               const struct ori_setting_row *row, const char *const *environment,
                               char **ret_text, struct ori_error *err)
{
    const char *text = row->default_text;
    if (strncmp(text, "{VP_OUTPUT_DIR}/", 16) == 0)
        return ori_fs_join(settings->vp_output_dir, text + 16, ret_text, err);
    if (strncmp(text, "{HF_HOME}/", 10) == 0)
        return ori_fs_join(settings->hf_home, text + 10, ret_text, err);
    if (strncmp(text, "{cache}/", 8) == 0)
        return fill_cache(settings, row, environment, text + 8, ret_text, err);
    if (strncmp(text, "{home}/", 7) == 0)
        return fill_home(row, environment, text + 7, ret_text, err);
    char cores[16];
    if (strcmp(text, "{cores}") == 0) {
        int count = usable_cores();
        snprintf(cores, sizeof cores, "%d", count < row->max ? count : (int)row->max);
        text = cores;
    }
    char *copy = strdup(text);
    if (!copy)
        return ori_error_set(err, ORI_NOMEM, "settings");
    *ret_text = copy;
    return ORI_OK;
}

/* Places that other programs take with a ~ in front as well, which no shell has replaced in a .env. */
static bool may_start_at_home(enum ori_setting setting)
{
    return setting == ORI_SETTING_HF_HOME || setting == ORI_SETTING_HF_HUB_CACHE ||
           setting == ORI_SETTING_CLIP_MODEL || setting == ORI_SETTING_AWS_CONFIG_FILE ||
           setting == ORI_SETTING_AWS_SHARED_CREDENTIALS_FILE;
}

static ori_status set_field(struct ori_settings *settings, enum ori_setting setting,
                            const struct candidate *candidate, const char *const *environment,
                            struct ori_error *err)
{
    const struct ori_setting_row *row = ori_setting_row(setting);
    char *filled = NULL;
    ori_status status = ORI_OK;
    if (!candidate->text)
        status = fill_default(settings, row, environment, &filled, err);
    else if (may_start_at_home(setting))
        status = ori_home_expand(environment, candidate->text, &filled, err);
    if (status != ORI_OK)
        return status;
    const char *text = filled ? filled : candidate->text;
    status = ori_setting_value_read(row, text, field_of(settings, setting),
                                    &settings->own->texts[setting]);
    if (status == ORI_BAD_SETTING)
        status = refuse(setting, text, candidate->origin, err);
    else if (status != ORI_OK)
        status = ori_error_set(err, status, "settings");
    settings->own->origins[setting] = candidate->origin;
    free(filled);
    return status;
}

ori_status ori_settings_load(const struct ori_settings_sources *sources,
                             const struct ori_settings **ret_settings, struct ori_error *err)
{
    struct candidate candidates[ORI_SETTING_COUNT] = {0};
    struct ori_env_file env_file = {0};
    ori_status status = ORI_OK;
    struct ori_settings *settings = calloc(1, sizeof *settings);
    if (settings)
        settings->own = calloc(1, sizeof *settings->own);
    if (!settings || !settings->own) {
        status = ori_error_set(err, ORI_NOMEM, "settings");
        goto out;
    }
    if (sources->env_file)
        status = ori_env_file_read(sources->env_file, &env_file, err);
    for (size_t i = 0; i < env_file.count && status == ORI_OK; i++)
        status = offer(settings->own, candidates, env_file.rows[i].name, env_file.rows[i].value,
                       ORI_ORIGIN_ENV_FILE, err);
    if (status == ORI_OK)
        status = offer_environment(settings->own, candidates, sources->environment, err);
    for (size_t i = 0; i < sources->flags_count; i++)
        candidates[sources->flags[i].setting] =
            (struct candidate){.text = sources->flags[i].text, .origin = ORI_ORIGIN_FLAG};
    for (int i = 0; i < ORI_SETTING_COUNT && status == ORI_OK; i++)
        status =
            set_field(settings, (enum ori_setting)i, &candidates[i], sources->environment, err);
    if (status != ORI_OK)
        goto out;
    *ret_settings = settings;
    settings = NULL;
out:
    ori_env_file_deinit(&env_file);
    ori_settings_destroy(&(const struct ori_settings *){settings});
    return status;
}

void ori_settings_destroy(const struct ori_settings **settings)
{
    if (!settings || !*settings)
        return;
    struct ori_settings *dead = (struct ori_settings *)*settings; /* load made it, not const */
    *settings = NULL;
    if (dead->own) {
        for (int i = 0; i < ORI_SETTING_COUNT; i++)
            free(dead->own->texts[i]);
        for (size_t i = 0; i < dead->own->warnings_count; i++)
            free(dead->own->warnings[i]);
    }
    free(dead->own);
    free(dead);
}

ori_status ori_settings_keep(const struct ori_settings *from, const struct ori_settings *to,
                             enum ori_setting setting, struct ori_error *err)
{
    struct ori_settings *fresh = (struct ori_settings *)to; /* load made it, nobody has it yet */
    struct ori_buf text;
    char *copy = NULL;
    ori_buf_init(&text, 4 * ORI_LIMIT_MAX_SETTING_BYTES);
    ori_settings_write_back(from, setting, &text);
    ori_status status = ori_buf_finish(&text, "settings", err);
    if (status == ORI_OK) {
        status = ori_setting_value_read(ori_setting_row(setting), ori_buf_text(&text),
                                        field_of(fresh, setting), &copy);
        if (status != ORI_OK)
            (void)ori_error_set(err, status, "settings");
    }
    if (status == ORI_OK) {
        free(fresh->own->texts[setting]);
        fresh->own->texts[setting] = copy;
        fresh->own->origins[setting] = from->own->origins[setting];
    }
    ori_buf_deinit(&text);
    return status;
}

enum ori_setting_origin ori_settings_origin(const struct ori_settings *settings,
                                            enum ori_setting setting)
{
    ORI_ASSERT((unsigned)setting < ORI_SETTING_COUNT);
    return settings->own->origins[setting];
}

size_t ori_settings_warning_count(const struct ori_settings *settings)
{
    return settings->own->warnings_count;
}

const char *ori_settings_warning(const struct ori_settings *settings, size_t i)
{
    ORI_ASSERT(i < settings->own->warnings_count);
    return settings->own->warnings[i];
}

const void *ori_settings_field(const struct ori_settings *settings, enum ori_setting setting)
{
    ORI_ASSERT((unsigned)setting < ORI_SETTING_COUNT);
    return (const char *)settings + field_offsets[setting];
}

void ori_settings_write_back(const struct ori_settings *settings, enum ori_setting setting,
                             struct ori_buf *buf)
{
    ori_setting_value_write(ori_setting_row(setting), ori_settings_field(settings, setting), buf);
}

void ori_settings_show(const struct ori_settings *settings, enum ori_setting setting,
                       struct ori_buf *buf)
{
    const struct ori_setting_row *row = ori_setting_row(setting);
    const char *text = settings->own->texts[setting];
    if (text)
        show_text(row, text, buf);
    else
        ori_settings_write_back(settings, setting, buf);
}
