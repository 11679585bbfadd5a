#include "config/home.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/fs.h"

#define ROW_BYTES 16384 /* of the user database: names and folders */

/* NULL when it is not set, or set to nothing. */
static const char *value_of(const char *const *environment, const char *name)
{
    size_t bytes = strlen(name);
    for (; environment && *environment; environment++) {
        const char *row = *environment;
        if (strncmp(row, name, bytes) == 0 && row[bytes] == '=' && row[bytes + 1] != '\0')
            return row + bytes + 1;
    }
    return NULL;
}

/* *ret_home stays NULL when nobody knows. */
static ori_status find_home(const char *const *environment, char **ret_home, struct ori_error *err)
{
    const char *home = value_of(environment, "HOME");
    struct passwd row;
    struct passwd *found = NULL;
    char *texts = NULL;
    ori_status status = ORI_OK;
    if (!home) {
        texts = malloc(ROW_BYTES);
        if (!texts)
            return ori_error_set(err, ORI_NOMEM, "home folder");
        if (getpwuid_r(getuid(), &row, texts, ROW_BYTES, &found) == 0 && found)
            home = row.pw_dir;
    }
    if (home && home[0] != '\0') {
        *ret_home = strdup(home);
        if (!*ret_home)
            status = ori_error_set(err, ORI_NOMEM, "home folder");
    }
    free(texts);
    return status;
}

ori_status ori_home_cache(const char *const *environment, char **ret_cache, struct ori_error *err)
{
    const char *cache = value_of(environment, "XDG_CACHE_HOME");
    char *home = NULL;
    *ret_cache = NULL;
    if (cache) {
        *ret_cache = strdup(cache);
        return *ret_cache ? ORI_OK : ori_error_set(err, ORI_NOMEM, "cache folder");
    }
    ori_status status = find_home(environment, &home, err);
    if (status == ORI_OK && home && ori_fs_join(home, ".cache", ret_cache, NULL) == ORI_NOMEM)
        status = ori_error_set(err, ORI_NOMEM, "cache folder"); /* too long: as if unknown */
    free(home);
    return status;
}

ori_status ori_home_expand(const char *const *environment, const char *text, char **ret_text,
                           struct ori_error *err)
{
    char *home = NULL;
    *ret_text = NULL;
    if (text[0] != '~' || (text[1] != '/' && text[1] != '\0'))
        return ORI_OK;
    ori_status status = find_home(environment, &home, err);
    if (status == ORI_OK && home && text[1] == '\0') {
        *ret_text = home;
        home = NULL;
    } else if (status == ORI_OK && home) {
        /* what is too long stays as it is, and is refused as that */
        if (ori_fs_join(home, text + 2, ret_text, NULL) == ORI_NOMEM)
            status = ori_error_set(err, ORI_NOMEM, "home folder");
    }
    free(home);
    return status;
}
