#include "config/live.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"

/* One snapshot. The newest has a reference of its own, which the next reload drops. */
struct snapshot {
    const struct ori_settings *settings;
    size_t refs; /* guarded by the lock, as is next */
    struct snapshot *next;
};

struct ori_live {
    pthread_mutex_t lock;
    struct snapshot *newest; /* lock; the first of the list */
};

bool ori_live_has(enum ori_setting setting)
{
    static const bool rows[ORI_SETTING_COUNT] = {
#define ORI_LIVE_ROW(variable) [ORI_SETTING_##variable] = true,
#include "config/live_tbl.h"
#undef ORI_LIVE_ROW
    };
    ORI_ASSERT((unsigned)setting < ORI_SETTING_COUNT);
    return rows[setting];
}

ori_status ori_live_create(const struct ori_settings *settings, struct ori_live **ret_live,
                           struct ori_error *err)
{
    struct ori_live *live = calloc(1, sizeof *live);
    struct snapshot *first = calloc(1, sizeof *first);
    if (!live || !first) {
        free(live);
        free(first);
        return ori_error_set(err, ORI_NOMEM, "settings");
    }
    *first = (struct snapshot){.settings = settings, .refs = 1};
    live->newest = first;
    pthread_mutex_init(&live->lock, NULL); /* cannot fail with default attributes */
    *ret_live = live;
    return ORI_OK;
}

static void snapshot_destroy(struct snapshot *snapshot)
{
    ori_settings_destroy(&snapshot->settings);
    free(snapshot);
}

void ori_live_destroy(struct ori_live **live)
{
    if (!live || !*live)
        return;
    ORI_ASSERT((*live)->newest->refs == 1 && !(*live)->newest->next); /* somebody still has one */
    snapshot_destroy((*live)->newest);
    pthread_mutex_destroy(&(*live)->lock);
    free(*live);
    *live = NULL;
}

const struct ori_settings *ori_live_ref(struct ori_live *live)
{
    pthread_mutex_lock(&live->lock);
    live->newest->refs++;
    const struct ori_settings *settings = live->newest->settings;
    pthread_mutex_unlock(&live->lock);
    return settings;
}

/* The lock is held. Unlinks what nobody has any more, and gives it back to be destroyed. */
static struct snapshot *drop(struct ori_live *live, const struct ori_settings *settings)
{
    struct snapshot **link = &live->newest;
    while (*link && (*link)->settings != settings)
        link = &(*link)->next;
    ORI_ASSERT(*link); /* it is one of ours, and was not given back twice */
    /* cppcheck-suppress nullPointerRedundantCheck ; does not see that the assertion ends it */
    if (--(*link)->refs > 0)
        return NULL;
    struct snapshot *dead = *link;
    *link = dead->next;
    return dead;
}

void ori_live_unref(struct ori_live *live, const struct ori_settings **settings)
{
    if (!settings || !*settings)
        return;
    pthread_mutex_lock(&live->lock);
    struct snapshot *dead = drop(live, *settings);
    pthread_mutex_unlock(&live->lock);
    *settings = NULL;
    if (dead)
        snapshot_destroy(dead);
}

/* Both as the text that reads back; a failure to write one counts as a change that was not told. */
static ori_status is_equal(const struct ori_settings *a, const struct ori_settings *b,
                           enum ori_setting setting, bool *ret_is_equal, struct ori_error *err)
{
    struct ori_buf one;
    struct ori_buf other;
    ori_buf_init(&one, 4 * ORI_LIMIT_MAX_SETTING_BYTES);
    ori_buf_init(&other, 4 * ORI_LIMIT_MAX_SETTING_BYTES);
    ori_settings_write_back(a, setting, &one);
    ori_settings_write_back(b, setting, &other);
    ori_status status = ori_buf_finish(&one, "settings", err);
    if (status == ORI_OK)
        status = ori_buf_finish(&other, "settings", err);
    if (status == ORI_OK)
        *ret_is_equal = strcmp(ori_buf_text(&one), ori_buf_text(&other)) == 0;
    ori_buf_deinit(&one);
    ori_buf_deinit(&other);
    return status;
}

/* Rows that are not live go back to what they were; which rows changed goes to is_changed. */
static ori_status keep_cold_rows(const struct ori_settings *old, const struct ori_settings *new,
                                 bool is_changed[ORI_SETTING_COUNT], struct ori_error *err)
{
    ori_status status = ORI_OK;
    for (int i = 0; i < ORI_SETTING_COUNT && status == ORI_OK; i++) {
        bool is_same = true;
        status = is_equal(old, new, (enum ori_setting)i, &is_same, err);
        is_changed[i] = !is_same;
        if (status == ORI_OK && !is_same && !ori_live_has((enum ori_setting)i))
            status = ori_settings_keep(old, new, (enum ori_setting)i, err);
    }
    return status;
}

/* Makes it the newest, whatever others do meanwhile with the ones before. */
static void publish(struct ori_live *live, struct snapshot *fresh)
{
    pthread_mutex_lock(&live->lock);
    const struct ori_settings *before = live->newest->settings;
    fresh->next = live->newest;
    live->newest = fresh;
    struct snapshot *dead = drop(live, before); /* the reference that being the newest gave it */
    pthread_mutex_unlock(&live->lock);
    if (dead)
        snapshot_destroy(dead);
}

ori_status ori_live_reload(struct ori_live *live, const struct ori_settings_sources *sources,
                           ori_live_check_fn check, ori_live_told_fn told, void *self,
                           struct ori_error *err)
{
    bool is_changed[ORI_SETTING_COUNT] = {false};
    const struct ori_settings *new = NULL;
    const struct ori_settings *old = ori_live_ref(live);
    struct snapshot *fresh = calloc(1, sizeof *fresh);
    ori_status status = ORI_OK;
    if (!fresh)
        status = ori_error_set(err, ORI_NOMEM, "settings");
    if (status == ORI_OK)
        status = ori_settings_load(sources, &new, err);
    if (status == ORI_OK)
        status = keep_cold_rows(old, new, is_changed, err);
    if (status == ORI_OK && check)
        status = check(self, new, err);
    if (status != ORI_OK)
        goto out;
    *fresh = (struct snapshot){.settings = new, .refs = 1};
    publish(live, fresh);
    new = NULL;
    fresh = NULL;
    for (int i = 0; i < ORI_SETTING_COUNT && told; i++) {
        if (is_changed[i])
            told(self, ori_setting_row((enum ori_setting)i)->variable,
                 ori_live_has((enum ori_setting)i));
    }
out:
    ori_settings_destroy(&new);
    free(fresh);
    ori_live_unref(live, &old);
    return status;
}
