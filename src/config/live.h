#pragma once
/* config/live.h: settings that may change while the server runs.
 * What       the rows of config/live_tbl.h; every other setting keeps its value until a restart
 * How        a snapshot is immutable and counted; whoever needs the newest takes one for as long as
 *            the work at hand lasts, and gives it back. Old snapshots live as long as someone has
 *            one
 * Call order create with the settings of the start; ref, unref; reload; destroy when none is out
 * Threads    ref and unref any; reload one at a time
 * Failure    a reload with a bad value changes nothing and says why */
#include "config/settings.h"

struct ori_live;

/* Whether the row is one of them. */
bool ori_live_has(enum ori_setting setting);

/* Takes the settings over: they are destroyed with the last snapshot. On failure they stay the
 * caller's. */
ori_status ori_live_create(const struct ori_settings *settings, struct ori_live **ret_live,
                           struct ori_error *err);
void ori_live_destroy(struct ori_live **live);

const struct ori_settings *ori_live_ref(struct ori_live *live);
void ori_live_unref(struct ori_live *live, const struct ori_settings **settings); /* nulls */

/* Reads the sources again. What is to become the new snapshot is shown to check(self, settings) first:
 * what it refuses is not taken. Each changed row: told(self, variable, is_taken), after the new
 * snapshot is there; is_taken false: needs a restart, and the snapshot keeps the old value. check and
 * told may be NULL. ORI_BAD_SETTING as ori_settings_load, whatever row it is, or as check says. */
typedef ori_status (*ori_live_check_fn)(void *self, const struct ori_settings *settings,
                                        struct ori_error *err);
typedef void (*ori_live_told_fn)(void *self, const char *variable, bool is_taken);
ori_status ori_live_reload(struct ori_live *live, const struct ori_settings_sources *sources,
                           ori_live_check_fn check, ori_live_told_fn told, void *self,
                           struct ori_error *err);
