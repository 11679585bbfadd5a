#include "embed/hub_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "embed/weights_index.h"
#include "util/fs.h"
#include "util/limits.h"

/* ---- which revision ---- */

static bool has_weights(const struct ori_hub *hub)
{
    return ori_hub_find_file(hub, ORI_WEIGHTS_FILE) || ori_hub_find_file(hub, ORI_WEIGHTS_INDEX);
}

/* Asks about the revision named; where none is, about main and then about the one known to have what
 * main lacks. */
static ori_status choose_revision(struct ori_hub *hub, struct ori_error *err)
{
    const char *known = hub->name.has_revision ? NULL : ori_hub_known_revision(hub->name.repo);
    ori_status status = ori_hub_ask_model(hub, err);
    if (status == ORI_OK && !has_weights(hub) && known) {
        ori_hub_note(hub, "%s has no safetensors at %s; taking %s, which has", hub->name.repo,
                     hub->name.revision, known);
        snprintf(hub->name.revision, sizeof hub->name.revision, "%s", known);
        status = ori_hub_ask_model(hub, err);
    }
    if (status != ORI_OK)
        return status;
    if (!has_weights(hub))
        return ori_error_set(err, ORI_NOT_FOUND,
                             "%s@%s has no model.safetensors, and pytorch_model.bin is never "
                             "loaded; if another revision has one: oriane model pull %s@REVISION",
                             hub->name.repo, hub->name.revision, hub->name.repo);
    if (!ori_hub_find_file(hub, "config.json"))
        return ori_error_set(err, ORI_NOT_FOUND,
                             "%s@%s has no config.json: not a model that can be "
                             "loaded",
                             hub->name.repo, hub->name.revision);
    return ORI_OK;
}

static void tell_licence(const struct ori_hub *hub)
{
    if (hub->licence[0] == '\0')
        ori_hub_note(hub, "licence: not said; see %s/%s", hub->endpoint, hub->name.repo);
    else if (ori_model_is_non_commercial(hub->licence))
        ori_hub_note(hub, "licence: %s: these weights may not be used commercially; see %s/%s",
                     hub->licence, hub->endpoint, hub->name.repo);
    else
        ori_hub_note(hub, "licence: %s", hub->licence);
}

/* ---- folders ---- */

static ori_status make_folders(struct ori_hub *hub, struct ori_error *err)
{
    char folder[ORI_HUB_FOLDER_BYTES];
    char name[ORI_HUB_FOLDER_BYTES + 16];
    char snapshot[64];
    char *blobs = NULL;
    ori_hub_name_folder(hub->name.repo, folder);
    snprintf(name, sizeof name, ".locks/%s", folder);
    snprintf(snapshot, sizeof snapshot, "snapshots/%s", hub->commit);
    ori_status status = ori_fs_join(hub->options->cache, folder, &hub->model, err);
    if (status == ORI_OK)
        status = ori_fs_join(hub->options->cache, name, &hub->locks, err);
    if (status == ORI_OK)
        status = ori_fs_join(hub->model, snapshot, &hub->snapshot, err);
    if (status == ORI_OK)
        status = ori_fs_join(hub->model, "blobs", &blobs, err);
    if (status == ORI_OK)
        status = ori_fs_make_folders(hub->locks, err);
    if (status == ORI_OK)
        status = ori_fs_make_folders(hub->snapshot, err);
    if (status == ORI_OK)
        status = ori_fs_make_folders(blobs, err);
    free(blobs);
    return status;
}

/* snapshots/COMMIT/NAME: a link to its blob, relative, so that the cache can be moved. */
static ori_status link_file(const struct ori_hub *hub, const struct ori_hub_file *file,
                            const char *path, struct ori_error *err)
{
    char target[ORI_HUB_OID_BYTES + 16];
    char there[ORI_HUB_OID_BYTES + 16];
    char name[ORI_LIMIT_MAX_HUB_FILE_NAME_BYTES + 48];
    char *part = NULL;
    snprintf(target, sizeof target, "../../blobs/%s", file->oid);
    ssize_t bytes = readlink(path, there, sizeof there);
    if (bytes == (ssize_t)strlen(target) && memcmp(there, target, (size_t)bytes) == 0)
        return ORI_OK;
    snprintf(name, sizeof name, ".%s.%ld.part", file->name, (long)getpid());
    ori_status status = ori_fs_join(hub->snapshot, name, &part, err);
    if (status == ORI_OK) {
        unlink(part); /* of a killed process that had our number */
        if (symlink(target, part) != 0 || rename(part, path) != 0) {
            status = ori_error_set_errno(err, errno, true, "%s", path);
            unlink(part);
        }
    }
    if (status == ORI_OK)
        status = ori_fs_sync_folder_of(AT_FDCWD, path, err);
    free(part);
    return status;
}

/* ---- files ---- */

static void tell_file(struct ori_hub *hub, const struct ori_hub_file *file, bool was_here)
{
    const struct ori_hub_watch *watch = &hub->options->watch;
    hub->files_done++;
    if (watch->on_file)
        watch->on_file(watch->self, file->name, file->size, was_here);
}

static ori_status pull_file(struct ori_hub *hub, struct ori_hub_file *file, struct ori_error *err)
{
    char *path = NULL;
    struct stat info = {0};
    bool was_here = false;
    bool was_known = file->size >= 0;
    ori_status status = ori_fs_join(hub->snapshot, file->name, &path, err);
    if (status != ORI_OK)
        return status;
    /* A commit's file never changes: what is linked there is what the hub has. */
    if (stat(path, &info) == 0 && S_ISREG(info.st_mode) &&
        (!was_known || info.st_size == file->size)) {
        was_here = true;
        file->size = info.st_size;
        hub->progress.bytes += file->size;
        hub->progress.bytes_total += was_known ? 0 : file->size;
    } else {
        status = ori_hub_pull_blob(hub, file, &was_here, err);
        if (status == ORI_OK)
            status = link_file(hub, file, path, err);
    }
    if (status == ORI_OK)
        tell_file(hub, file, was_here);
    free(path);
    return status;
}

/* The files of fixed names; of the two kinds of weights the one in one piece is enough. */
static bool is_pulled(const struct ori_hub *hub, const struct ori_hub_file *file)
{
    if (strcmp(file->name, ORI_WEIGHTS_INDEX) == 0)
        return !ori_hub_find_file(hub, ORI_WEIGHTS_FILE);
    return ori_hub_is_wanted(file->name);
}

static ori_status read_index(const struct ori_hub *hub, struct ori_weights_index *ret_index,
                             struct ori_error *err)
{
    char *path = NULL;
    char *data = NULL;
    size_t bytes = 0;
    ori_status status = ori_fs_join(hub->snapshot, ORI_WEIGHTS_INDEX, &path, err);
    if (status == ORI_OK)
        status =
            ori_fs_read_file(AT_FDCWD, path, ORI_LIMIT_MAX_MODEL_INDEX_BYTES, &data, &bytes, err);
    if (status == ORI_OK)
        status = ori_weights_index_parse(data, bytes, ret_index, err);
    free(data);
    free(path);
    return status;
}

static ori_status pull_shards(struct ori_hub *hub, struct ori_error *err)
{
    struct ori_weights_index index = {0};
    int64_t missing = 0;
    ori_status status = read_index(hub, &index, err);
    for (size_t i = 0; i < index.count && status == ORI_OK; i++) {
        const struct ori_hub_file *file = ori_hub_find_file(hub, index.names[i]);
        if (!file)
            status = ori_error_set(err, ORI_BAD_MODEL, "%s names %s, which the model does not have",
                                   ORI_WEIGHTS_INDEX, index.names[i]);
        else
            missing += ori_hub_bytes_missing(hub, file);
        if (file && file->size > 0)
            hub->progress.bytes_total += file->size;
    }
    if (status == ORI_OK) /* before hours of loading, not behind them */
        status = ori_hub_check_room(hub, hub->name.repo, missing, err);
    for (size_t i = 0; i < index.count && status == ORI_OK; i++)
        status = pull_file(hub, ori_hub_find_file(hub, index.names[i]), err);
    ori_weights_index_deinit(&index);
    return status;
}

static ori_status pull_files(struct ori_hub *hub, struct ori_error *err)
{
    ori_status status = ORI_OK;
    for (size_t i = 0; i < hub->files_count; i++) {
        if (is_pulled(hub, &hub->files[i]) && hub->files[i].size > 0)
            hub->progress.bytes_total += hub->files[i].size;
    }
    for (size_t i = 0; i < hub->files_count && status == ORI_OK; i++) {
        if (is_pulled(hub, &hub->files[i]))
            status = pull_file(hub, &hub->files[i], err);
    }
    if (status == ORI_OK && !ori_hub_find_file(hub, ORI_WEIGHTS_FILE))
        status = pull_shards(hub, err);
    return status;
}

/* ---- the pull ---- */

/* refs/REVISION, last: who sees it finds all files. */
static ori_status write_ref(const struct ori_hub *hub, struct ori_error *err)
{
    char name[ORI_HUB_REVISION_BYTES + 8];
    char *path = NULL;
    if (ori_hub_is_commit(hub->name.revision))
        return ORI_OK;
    snprintf(name, sizeof name, "refs/%s", hub->name.revision);
    ori_status status = ori_fs_join(hub->model, name, &path, err);
    if (status == ORI_OK)
        status = ori_fs_make_folder_of(path, err);
    if (status == ORI_OK)
        status = ori_fs_write_file(AT_FDCWD, path, hub->commit, ORI_HUB_COMMIT_CHARS, err);
    free(path);
    return status;
}

static ori_status pull(struct ori_hub *hub, struct ori_error *err)
{
    ori_status status = choose_revision(hub, err);
    if (status != ORI_OK)
        return status;
    tell_licence(hub);
    status = make_folders(hub, err);
    if (status == ORI_OK)
        status = pull_files(hub, err);
    if (status == ORI_OK && hub->licence[0] != '\0')
        status = ori_model_folder_keep_licence(hub->snapshot, hub->licence, err);
    if (status == ORI_OK)
        status = write_ref(hub, err);
    return status;
}

ori_status ori_hub_pull(const struct ori_hub_options *options, const struct ori_hub_name *name,
                        const struct ori_cancel *cancel, struct ori_hub_pulled *ret_pulled,
                        struct ori_error *err)
{
    struct ori_hub hub;
    ori_status status = ori_hub_open(&hub, options, name, cancel, err);
    if (status == ORI_OK)
        status = pull(&hub, err);
    if (status == ORI_OK) {
        *ret_pulled = (struct ori_hub_pulled){.folder = hub.snapshot,
                                              .files = hub.files_done,
                                              .bytes = hub.progress.bytes,
                                              .bytes_loaded = hub.progress.bytes_loaded};
        memcpy(ret_pulled->revision, hub.name.revision, sizeof ret_pulled->revision);
        memcpy(ret_pulled->commit, hub.commit, sizeof ret_pulled->commit);
        memcpy(ret_pulled->licence, hub.licence, sizeof ret_pulled->licence);
        hub.snapshot = NULL;
    }
    ori_hub_close(&hub);
    return status;
}

void ori_hub_pulled_deinit(struct ori_hub_pulled *pulled)
{
    free(pulled->folder);
    *pulled = (struct ori_hub_pulled){0};
}
