#pragma once
/* config/home.h: where a person's own files lie: HOME, else what the user database says, and the
 * cache below it.
 * Source    XDG Base Directory Specification, XDG_CACHE_HOME; Python's os.path.expanduser for the
 *           order, so that this program and Hugging Face's tools look in the same place
 * Threads   any
 * Failure   ORI_NOMEM; an unknown home is no failure */
#include "util/status.h"

/* environment: "NAME=value", NULL at the end; may be NULL. *ret_cache: XDG_CACHE_HOME, else .cache
 * under the home; malloc'ed, the caller frees; NULL when nobody knows a home. */
ori_status ori_home_cache(const char *const *environment, char **ret_cache, struct ori_error *err);

/* "~" and "~/..." with the home in place of the ~; malloc'ed, the caller frees. *ret_text stays NULL
 * for every other text, and when nobody knows a home. */
ori_status ori_home_expand(const char *const *environment, const char *text, char **ret_text,
                           struct ori_error *err);
