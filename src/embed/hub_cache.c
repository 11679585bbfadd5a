#include "embed/hub_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/buf.h"
#include "util/fs.h"

#define REF_BYTES_MAX 256
#define REVISIONS_BYTES_MAX 4096
/* Of names in one folder of a cache; far more than the snapshots that are shown. */
#define NAMES_MAX (4 * ORI_LIMIT_MAX_HUB_MODELS)

/* ---- one snapshot ---- */

static ori_status join3(const char *a, const char *b, const char *c, char **ret_path,
                        struct ori_error *err)
{
    char *first = NULL;
    ori_status status = ori_fs_join(a, b, &first, err);
    if (status == ORI_OK)
        status = ori_fs_join(first, c, ret_path, err);
    free(first);
    return status;
}

/* What refs/REVISION says; ORI_NOT_FOUND also for what is no commit. */
static ori_status read_ref(const char *model, const char *revision,
                           char ret_commit[ORI_HUB_COMMIT_CHARS + 1], struct ori_error *err)
{
    char *path = NULL;
    char *data = NULL;
    size_t bytes = 0;
    ori_status status = join3(model, "refs", revision, &path, err);
    if (status == ORI_OK)
        status = ori_fs_read_file(AT_FDCWD, path, REF_BYTES_MAX, &data, &bytes, err);
    if (status == ORI_OK) {
        while (bytes > 0 && strchr(" \r\n", data[bytes - 1]))
            data[--bytes] = '\0';
        if (ori_hub_is_commit(data))
            memcpy(ret_commit, data, ORI_HUB_COMMIT_CHARS + 1);
        else
            status = ori_error_set(err, ORI_NOT_FOUND, "%s names no commit", path);
    }
    free(data);
    free(path);
    return status;
}

ori_status ori_hub_cache_snapshot(const char *cache, const char *repo, const char *revision,
                                  char **ret_folder, struct ori_error *err)
{
    char name[ORI_HUB_FOLDER_BYTES];
    char commit[ORI_HUB_COMMIT_CHARS + 1];
    char *model = NULL;
    char *folder = NULL;
    struct stat info = {0};
    ori_hub_name_folder(repo, name);
    ori_status status = ori_fs_join(cache, name, &model, err);
    if (status == ORI_OK && ori_hub_is_commit(revision))
        memcpy(commit, revision, sizeof commit);
    else if (status == ORI_OK)
        status = read_ref(model, revision, commit, err);
    if (status == ORI_OK)
        status = join3(model, "snapshots", commit, &folder, err);
    if (status == ORI_OK && (stat(folder, &info) != 0 || !S_ISDIR(info.st_mode)))
        status = ori_error_set(err, ORI_NOT_FOUND, "%s: there is no such folder", folder);
    if (status == ORI_OK) {
        *ret_folder = folder;
        folder = NULL;
    }
    free(folder);
    free(model);
    return status;
}

/* ---- names in a folder ---- */

struct names {
    char **texts;
    size_t count;
    size_t size;
};

static void names_deinit(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->texts[i]);
    free(names->texts);
    *names = (struct names){0};
}

static ori_status names_add(struct names *names, const char *text, struct ori_error *err)
{
    if (names->count == NAMES_MAX)
        return ori_error_set(err, ORI_LIMIT, "more than %d names in a folder of the cache",
                             NAMES_MAX);
    if (names->count == names->size) {
        size_t size = names->size ? 2 * names->size : 16;
        char **texts = reallocarray(names->texts, size, sizeof *texts);
        if (!texts)
            return ori_error_set(err, ORI_NOMEM, "cache of models");
        names->texts = texts;
        names->size = size;
    }
    names->texts[names->count] = strdup(text);
    if (!names->texts[names->count])
        return ori_error_set(err, ORI_NOMEM, "cache of models");
    names->count++;
    return ORI_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_model_folder(const char *name)
{
    char repo[ORI_HUB_REPO_BYTES];
    return ori_hub_name_of_folder(name, repo);
}

static bool is_visible(const char *name)
{
    return name[0] != '.';
}

/* Those of a folder that are accepted, sorted; a folder that is not there has none. */
static ori_status names_read(const char *folder, bool (*is_accepted)(const char *name),
                             struct names *names, struct ori_error *err)
{
    ori_status status = ORI_OK;
    DIR *stream = opendir(folder);
    if (!stream)
        return errno == ENOENT || errno == ENOTDIR
                   ? ORI_OK
                   : ori_error_set_errno(err, errno, false, "%s", folder);
    while (status == ORI_OK) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry && errno != 0)
            status = ori_error_set_errno(err, errno, false, "%s", folder);
        if (!entry)
            break;
        if (is_accepted(entry->d_name))
            status = names_add(names, entry->d_name, err);
    }
    closedir(stream);
    if (status == ORI_OK && names->count > 1)
        qsort(names->texts, names->count, sizeof *names->texts, compare_names);
    return status;
}

/* ---- the visit ---- */

/* The names inside a folder below refs go behind the others that are looked at. No revision is longer
 * than its limit, which also bounds how deep this goes. */
static ori_status add_inside(const char *path, const char *revision, struct names *pending,
                             struct ori_error *err)
{
    struct names inside = {0};
    ori_status status = names_read(path, is_visible, &inside, err);
    for (size_t i = 0; i < inside.count && status == ORI_OK; i++) {
        char *longer = NULL;
        if (strlen(revision) + 1 + strlen(inside.texts[i]) > ORI_LIMIT_MAX_HUB_REVISION_CHARS)
            continue;
        status = ori_fs_join(revision, inside.texts[i], &longer, err);
        if (status == ORI_OK)
            status = names_add(pending, longer, err);
        free(longer);
    }
    names_deinit(&inside);
    return status;
}

static ori_status look_at_ref(const char *model, const char *revision, const char *commit,
                              struct names *pending, struct ori_buf *found, struct ori_error *err)
{
    char meant[ORI_HUB_COMMIT_CHARS + 1];
    char *path = NULL;
    struct stat info = {0};
    ori_status status = join3(model, "refs", revision, &path, err);
    if (status == ORI_OK && stat(path, &info) == 0 && S_ISREG(info.st_mode)) {
        if (read_ref(model, revision, meant, NULL) == ORI_OK && strcmp(meant, commit) == 0)
            ori_buf_printf(found, "%s%s", found->used > 0 ? ", " : "", revision);
    } else if (status == ORI_OK && S_ISDIR(info.st_mode)) {
        status = add_inside(path, revision, pending, err);
    }
    free(path);
    return status;
}

/* "main, refs/pr/66": the revisions that lead to the commit. */
static ori_status find_revisions(const char *model, const char *commit, struct ori_buf *found,
                                 struct ori_error *err)
{
    struct names pending = {0};
    char *refs = NULL;
    ori_status status = ori_fs_join(model, "refs", &refs, err);
    if (status == ORI_OK)
        status = names_read(refs, is_visible, &pending, err);
    for (size_t i = 0; i < pending.count && status == ORI_OK; i++)
        status = look_at_ref(model, pending.texts[i], commit, &pending, found, err);
    names_deinit(&pending);
    free(refs);
    return status;
}

static ori_status add_sizes(const char *folder, struct ori_hub_snapshot *snapshot,
                            struct ori_error *err)
{
    struct names files = {0};
    ori_status status = names_read(folder, is_visible, &files, err);
    for (size_t i = 0; i < files.count && status == ORI_OK; i++) {
        struct stat info = {0};
        char *path = NULL;
        status = ori_fs_join(folder, files.texts[i], &path, err);
        if (status == ORI_OK && stat(path, &info) == 0 && S_ISREG(info.st_mode)) {
            snapshot->bytes += info.st_size;
            snapshot->files++;
        }
        free(path);
    }
    names_deinit(&files);
    return status;
}

struct walk {
    const char *cache;
    ori_status (*visit)(void *self, const struct ori_hub_snapshot *snapshot, struct ori_error *err);
    void *self;
    size_t count;
};

static ori_status visit_snapshot(struct walk *walk, const char *model,
                                 struct ori_hub_snapshot *snapshot, struct ori_error *err)
{
    struct ori_buf revisions;
    char *folder = NULL;
    if (walk->count++ == ORI_LIMIT_MAX_HUB_MODELS)
        return ori_error_set(err, ORI_LIMIT, "more than %d snapshots of models in %s",
                             ORI_LIMIT_MAX_HUB_MODELS, walk->cache);
    ori_buf_init(&revisions, REVISIONS_BYTES_MAX);
    ori_status status = join3(model, "snapshots", snapshot->commit, &folder, err);
    if (status == ORI_OK)
        status = find_revisions(model, snapshot->commit, &revisions, err);
    if (status == ORI_OK)
        status = ori_buf_finish(&revisions, "revisions of a model", err);
    snapshot->folder = folder;
    snapshot->revisions = ori_buf_text(&revisions);
    if (status == ORI_OK)
        status = add_sizes(folder, snapshot, err);
    if (status == ORI_OK)
        status = walk->visit(walk->self, snapshot, err);
    free(folder);
    ori_buf_deinit(&revisions);
    return status;
}

static ori_status visit_model(struct walk *walk, const char *name, struct ori_error *err)
{
    char repo[ORI_HUB_REPO_BYTES];
    char *model = NULL;
    char *snapshots = NULL;
    struct names commits = {0};
    if (!ori_hub_name_of_folder(name, repo))
        return ORI_OK;
    ori_status status = ori_fs_join(walk->cache, name, &model, err);
    if (status == ORI_OK)
        status = ori_fs_join(model, "snapshots", &snapshots, err);
    if (status == ORI_OK)
        status = names_read(snapshots, ori_hub_is_commit, &commits, err);
    for (size_t i = 0; i < commits.count && status == ORI_OK; i++) {
        struct ori_hub_snapshot snapshot = {.repo = repo, .commit = commits.texts[i]};
        status = visit_snapshot(walk, model, &snapshot, err);
    }
    names_deinit(&commits);
    free(snapshots);
    free(model);
    return status;
}

ori_status ori_hub_cache_visit(const char *cache,
                               ori_status (*visit)(void *self,
                                                   const struct ori_hub_snapshot *snapshot,
                                                   struct ori_error *err),
                               void *self, struct ori_error *err)
{
    struct walk walk = {.cache = cache, .visit = visit, .self = self};
    struct names models = {0};
    ori_status status = names_read(cache, is_model_folder, &models, err);
    for (size_t i = 0; i < models.count && status == ORI_OK; i++)
        status = visit_model(&walk, models.texts[i], err);
    names_deinit(&models);
    return status;
}
