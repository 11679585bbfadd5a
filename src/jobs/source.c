#include "jobs/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net/client.h"
#include "pipeline/medium.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/text.h"

#define BUCKET_CHARS_MIN 3
#define BUCKET_CHARS_MAX 63
#define BENEATH_TRIES 1000

/* ---- the form of a url ---- */

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static ori_status refuse(struct ori_error *err, const char *why)
{
    return ori_error_set(err, ORI_URL_REFUSED, "%s", why);
}

/* s3://bucket/key: the key may be any text. */
static ori_status check_s3(const char *rest, struct ori_error *err)
{
    size_t bucket = strspn(rest, "abcdefghijklmnopqrstuvwxyz0123456789.-");
    if (bucket < BUCKET_CHARS_MIN || bucket > BUCKET_CHARS_MAX || rest[bucket] != '/')
        return refuse(err, "expected s3://bucket/key with a bucket of 3 to 63 characters");
    if (rest[bucket + 1] == '\0')
        return refuse(err, "the key of an s3:// URL is missing");
    return ORI_OK;
}

/* Segments that are neither empty nor "." nor ".."; a slash in front is an absolute path's. */
static ori_status check_path(const char *path, struct ori_error *err)
{
    const char *at = path[0] == '/' ? path + 1 : path;
    for (;;) {
        size_t bytes = strcspn(at, "/");
        if (bytes == 0)
            return refuse(err, "a path with an empty segment");
        if (bytes <= 2 && strspn(at, ".") >= bytes)
            return refuse(err, "a path with a segment . or ..");
        if (at[bytes] == '\0')
            return ORI_OK;
        at += bytes + 1;
    }
}

static bool has_scheme(const char *url)
{
    size_t letters = strcspn(url, ":/");
    return starts_with(url + letters, "://");
}

static bool is_http(const char *url)
{
    return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
}

static ori_status check_http(const char *url, const struct ori_source_rules *rules,
                             struct ori_error *err)
{
    if (rules->is_local)
        return ori_error_set(err, ORI_UNSUPPORTED_URL,
                             "local mode keeps everything on this machine: no http or https URL");
    return ori_net_check_plain_listed(url, rules->allowed, err);
}

/* What this module itself reads of a claim: its form was judged when it was taken. */
static const struct ori_source_rules form_alone = {.is_local = false};

ori_status ori_source_check_url(const char *url, const struct ori_source_rules *rules,
                                struct ori_error *err)
{
    size_t bytes = strnlen(url, ORI_LIMIT_MAX_URL_BYTES + 1);
    if (bytes == 0)
        return refuse(err, "an empty URL");
    if (bytes > ORI_LIMIT_MAX_URL_BYTES)
        return ori_error_set(err, ORI_URL_REFUSED, "longer than %d bytes", ORI_LIMIT_MAX_URL_BYTES);
    if (ori_text_has_control(url) || !ori_text_is_utf8(url, bytes))
        return refuse(err, "a control character, or not UTF-8");
    if (is_http(url))
        return check_http(url, rules, err);
    if (starts_with(url, "s3://"))
        return check_s3(url + strlen("s3://"), err);
    if (has_scheme(url))
        return refuse(err, "expected https://, http://, s3:// or a path inside VP_INPUT_DIR");
    return check_path(url, err);
}

/* ---- in a bucket ---- */

bool ori_source_is_s3(const struct ori_job_claim *claim)
{
    return claim->has_url && starts_with(claim->url, "s3://");
}

bool ori_source_is_http(const struct ori_job_claim *claim)
{
    return claim->has_url && is_http(claim->url);
}

ori_status ori_source_object(const struct ori_settings *settings, const struct ori_job_claim *claim,
                             struct ori_source_object *ret_object, struct ori_error *err)
{
    struct ori_source_object *object = ret_object;
    if (claim->has_url) {
        ori_status status = ori_source_check_url(claim->url, &form_alone, err);
        if (status != ORI_OK)
            return status;
        const char *bucket = claim->url + strlen("s3://");
        const size_t bytes = strcspn(bucket, "/"); /* checked: 3 to 63, a key behind it */
        snprintf(object->bucket, sizeof object->bucket, "%.*s", (int)bytes, bucket);
        snprintf(object->key, sizeof object->key, "%s", bucket + bytes + 1);
        return ORI_OK;
    }
    if (!ori_text_is_code(claim->platform) || !ori_text_is_code(claim->code))
        return refuse(err, "platform or code is not legal"); /* of a store that others wrote */
    snprintf(object->bucket, sizeof object->bucket, "%s", settings->s3_videos_bucket);
    snprintf(object->key, sizeof object->key, "%s/%s/video.mp4", claim->platform, claim->code);
    return ORI_OK;
}

/* ---- looking for the file ---- */

/* One search below VP_INPUT_DIR. */
struct search {
    const char *root;            /* as the setting has it */
    int fd;                      /* of the root */
    struct ori_source_file file; /* found */
};

/* Where a descriptor really leads: a path without a link in it. */
static ori_status path_of(int fd, char **ret_path, struct ori_error *err)
{
    char link[64];
    char path[ORI_LIMIT_MAX_PATH_BYTES];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t bytes = readlink(link, path, sizeof path);
    if (bytes < 0)
        return ori_error_set_errno(err, errno, false, "path of the video");
    if ((size_t)bytes >= sizeof path)
        return ori_error_set(err, ORI_LIMIT, "a path longer than %d bytes",
                             ORI_LIMIT_MAX_PATH_BYTES - 1);
    path[bytes] = '\0';
    *ret_path = strdup(path);
    return *ret_path ? ORI_OK : ori_error_set(err, ORI_NOMEM, "path of the video");
}

/* O_PATH: nothing is read, a FIFO does not hang, a device does not wake. EXDEV: it leads outside.
 * Again after EAGAIN: the system renamed something, anywhere, while a ".." of a link was walked. */
static int open_beneath(int fd_root, const char *path, int flags)
{
    struct open_how how = {.flags = (uint64_t)(O_CLOEXEC | flags),
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int fd = -1;
    for (int tries = 0; tries < BENEATH_TRIES; tries++) {
        fd = (int)syscall(SYS_openat2, fd_root, path, &how, sizeof how);
        if (fd >= 0 || errno != EAGAIN)
            break;
    }
    return fd;
}

/* fd is taken on success. */
static ori_status take(struct search *search, const char *path, int fd, struct ori_error *err)
{
    struct ori_source_file *file = &search->file;
    struct stat facts;
    if (fstat(fd, &facts) != 0)
        return ori_error_set_errno(err, errno, false, "%s in %s", path, search->root);
    if (!S_ISREG(facts.st_mode))
        return ori_error_set(err, ORI_NOT_A_FILE, "%s in %s is not a regular file", path,
                             search->root);
    ori_status status = path_of(fd, &file->path, err);
    if (status != ORI_OK)
        return status;
    file->fd = fd;
    snprintf(file->link, sizeof file->link, "/proc/self/fd/%d", fd);
    return ORI_OK;
}

/* ORI_NOT_FOUND when nothing has that name. */
static ori_status look_at(struct search *search, const char *path, struct ori_error *err)
{
    int fd = open_beneath(search->fd, path, O_PATH);
    if (fd < 0 && (errno == EXDEV || errno == ELOOP))
        return ori_error_set(err, ORI_URL_REFUSED, "%s leads out of %s, or back to itself", path,
                             search->root);
    if (fd < 0)
        return ori_error_set_errno(err, errno, false, "%s in %s", path, search->root);
    ori_status status = take(search, path, fd, err);
    if (status != ORI_OK)
        close(fd);
    return status;
}

/* Whether name is code, a dot and an ending that is a known container's. */
static bool is_name_of(const char *name, const char *code)
{
    size_t bytes = strlen(code);
    return strncmp(name, code, bytes) == 0 && name[bytes] == '.' &&
           !strchr(name + bytes + 1, '.') && ori_medium_is_video_name(name);
}

/* The first by name, so that the same one is found every time: *ret_name is "" for none. */
static ori_status first_name(DIR *folder, const char *code, char *ret_name, size_t name_bytes,
                             struct ori_error *err)
{
    ret_name[0] = '\0';
    for (int i = 0; i < ORI_LIMIT_MAX_FOLDER_ENTRIES; i++) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry)
            return errno ? ori_error_set_errno(err, errno, false, "folder of videos") : ORI_OK;
        if (is_name_of(entry->d_name, code) && strlen(entry->d_name) < name_bytes &&
            (!ret_name[0] || strcmp(entry->d_name, ret_name) < 0))
            snprintf(ret_name, name_bytes, "%s", entry->d_name);
    }
    return ori_error_set(err, ORI_LIMIT, "a folder of more than %d entries",
                         ORI_LIMIT_MAX_FOLDER_ENTRIES);
}

/* VP_INPUT_DIR/{platform}/{code}.*; a folder without such a name is ORI_NOT_FOUND. */
static ori_status look_beside(struct search *search, const struct ori_job_claim *claim,
                              struct ori_error *err)
{
    char name[ORI_JOB_CODE_BYTES + 16] = "";
    char path[sizeof name + ORI_JOB_CODE_BYTES];
    int fd = open_beneath(search->fd, claim->platform, O_RDONLY | O_DIRECTORY);
    if (fd < 0 && (errno == EXDEV || errno == ELOOP))
        return ori_error_set(err, ORI_URL_REFUSED, "%s leads out of %s", claim->platform,
                             search->root);
    if (fd < 0)
        return ori_error_set_errno(err, errno, false, "%s in %s", claim->platform, search->root);
    DIR *folder = fdopendir(fd);
    if (!folder) {
        close(fd);
        return ori_error_set(err, ORI_NOMEM, "folder of videos");
    }
    ori_status status = first_name(folder, claim->code, name, sizeof name, err);
    closedir(folder);
    if (status == ORI_OK && !name[0])
        return ori_error_set(err, ORI_NOT_FOUND, "no %s.*", claim->code);
    snprintf(path, sizeof path, "%s/%s", claim->platform, name);
    return status == ORI_OK ? look_at(search, path, err) : status;
}

static ori_status look_by_name(struct search *search, const struct ori_job_claim *claim,
                               struct ori_error *err)
{
    char path[2 * ORI_JOB_CODE_BYTES + 16];
    struct ori_error why = {0};
    snprintf(path, sizeof path, "%s/%s/video.mp4", claim->platform, claim->code);
    ori_status status = look_at(search, path, &why);
    if (status == ORI_NOT_FOUND) {
        why = (struct ori_error){0};
        status = look_beside(search, claim, &why);
    }
    if (status == ORI_NOT_FOUND)
        return ori_error_set(err, ORI_NOT_FOUND, "no video at %s/%s/%s/video.mp4 nor %s/%s/%s.*",
                             search->root, claim->platform, claim->code, search->root,
                             claim->platform, claim->code);
    return status == ORI_OK ? ORI_OK : ori_error_set(err, status, "%s", why.text);
}

/* An absolute path is looked up below the root as well: it begins with the root's, as the setting
 * has it or as it really is. */
static const char *below(const char *root, const char *path)
{
    size_t bytes = strlen(root);
    while (bytes > 1 && root[bytes - 1] == '/')
        bytes--;
    if (bytes == 1 && root[0] == '/')
        return path[1] ? path + 1 : NULL;
    return strncmp(path, root, bytes) == 0 && path[bytes] == '/' ? path + bytes + 1 : NULL;
}

static ori_status look_by_path(struct search *search, const char *url, struct ori_error *err)
{
    if (url[0] != '/')
        return look_at(search, url, err);
    const char *rest = below(search->root, url);
    if (!rest) {
        char *real = NULL;
        ori_status status = path_of(search->fd, &real, err);
        if (status != ORI_OK)
            return status;
        rest = below(real, url);
        free(real);
    }
    if (!rest)
        return ori_error_set(err, ORI_URL_REFUSED, "%s is not inside VP_INPUT_DIR (%s)", url,
                             search->root);
    return look_at(search, rest, err);
}

ori_status ori_source_find(const struct ori_settings *settings, const struct ori_job_claim *claim,
                           struct ori_source_file *ret_file, struct ori_error *err)
{
    struct search search = {.root = settings->vp_input_dir, .fd = -1, .file = {.fd = -1}};
    ori_status status = ORI_OK;
    if (claim->has_url) {
        const bool is_path = !ori_source_is_s3(claim) && !ori_source_is_http(claim);
        status = is_path ? ori_source_check_url(claim->url, &form_alone, err)
                         : ori_error_set(err, ORI_UNSUPPORTED_URL, "this URL is no path");
        if (status != ORI_OK)
            return status;
    } else if (!ori_text_is_code(claim->platform) || !ori_text_is_code(claim->code)) {
        return refuse(err, "platform or code is not legal"); /* of a store that others wrote */
    }
    search.fd = open(search.root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (search.fd < 0)
        return ori_error_set_errno(err, errno, false, "VP_INPUT_DIR %s", search.root);
    status =
        claim->has_url ? look_by_path(&search, claim->url, err) : look_by_name(&search, claim, err);
    close(search.fd);
    if (status == ORI_OK)
        *ret_file = search.file;
    return status;
}

void ori_source_close(struct ori_source_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    free(file->path);
    *file = (struct ori_source_file){.fd = -1};
}
