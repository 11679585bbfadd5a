#include "embed/model_folder.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "embed/hub_cache.h"
#include "embed/model_facts.h"
#include "embed/model_priv.h"

static bool is_folder(const char *path)
{
    struct stat info = {0};
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Looks like a path and like nothing else: a model's name starts with neither. */
static bool is_path(const char *name)
{
    return name[0] == '/' || name[0] == '.' || name[0] == '~' || name[strlen(name) - 1] == '/';
}

static ori_status take_folder(const char *name, char **ret_folder, struct ori_error *err)
{
    const char *fault = ori_model_folder_fault(name);
    if (fault)
        return ori_error_set(err, ORI_MODEL_MISSING, "model %.200s: the folder has %s", name,
                             fault);
    *ret_folder = strdup(name);
    return *ret_folder ? ORI_OK : ori_error_set(err, ORI_NOMEM, "model folder");
}

/* ORI_NOT_FOUND: this revision is not here, or not whole: *ret_fault says what it lacks. */
static ori_status look(const struct ori_hub_name *name, const char *revision, const char *cache,
                       char **ret_folder, const char **ret_fault, struct ori_error *err)
{
    char *folder = NULL;
    struct ori_error cause = {0};
    ori_status status = ori_hub_cache_snapshot(cache, name->repo, revision, &folder, &cause);
    if (status == ORI_OK) {
        *ret_fault = ori_model_folder_fault(folder);
        if (*ret_fault)
            status = ORI_NOT_FOUND;
        else {
            *ret_folder = folder;
            folder = NULL;
        }
    } else if (status != ORI_NOT_FOUND) {
        status = ori_error_set(err, status, "%s", cause.text);
    }
    free(folder);
    return status;
}

static ori_status refuse(const char *name, const char *fault, struct ori_error *err)
{
    return ori_error_set(err, ORI_MODEL_MISSING,
                         "model %.200s is not on this machine%s%s; run: oriane model pull %.200s "
                         "(or set CLIP_MODEL=%s, which needs no weights)",
                         name, fault ? ": what is here has " : "", fault ? fault : "", name,
                         ORI_BUILTIN_VISUAL_NAME);
}

ori_status ori_model_folder_find(const char *name, const char *hub_cache, char **ret_folder,
                                 struct ori_error *err)
{
    struct ori_hub_name parsed;
    const char *fault = NULL;
    ORI_ASSERT(name[0] != '\0');
    if (is_folder(name))
        return take_folder(name, ret_folder, err);
    if (is_path(name))
        return ori_error_set(err, ORI_MODEL_MISSING, "model %.200s: there is no such folder", name);
    if (!ori_hub_name_parse(name, &parsed))
        return ori_error_set(err, ORI_MODEL_MISSING,
                             "model %.200s: neither a folder nor the name of a model, which "
                             "reads org/name or org/name@revision",
                             name);
    if (!hub_cache)
        return refuse(name, NULL, err);
    ori_status status = look(&parsed, parsed.revision, hub_cache, ret_folder, &fault, err);
    const char *known = parsed.has_revision ? NULL : ori_hub_known_revision(parsed.repo);
    if (status == ORI_NOT_FOUND && known)
        status = look(&parsed, known, hub_cache, ret_folder, &fault, err);
    return status == ORI_NOT_FOUND ? refuse(name, fault, err) : status;
}
