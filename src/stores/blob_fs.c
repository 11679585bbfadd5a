/* stores/blob_fs.c: objects as files under one folder, the root.
 * Inside only  every step of a key is opened relative to the folder before it, links refused
 *              (O_NOFOLLOW), and no checked key has a step that goes up: so nothing outside the
 *              root can be reached, on any kernel and in any sandbox. openat2 would say the same in
 *              one call, but needs this walk as its fallback. The root itself may be a link: it is
 *              the operator's
 * Writing      as a part beside its place, synced, renamed, folder synced (ori_fs_write_file)
 * Root         opened by its path for each call; who writes makes it again when it was cleared away
 * Locking      flock on the video's folder, asked for every 50 ms so that a cancel is noticed. The
 *              folder may have been taken away by the holder before: after each lock the path is
 *              walked again and must lead to the same folder. Puts into a video belong to the one
 *              who holds its lock: the next one sweeps every part it finds
 * Waiting      a disk does not keep us: no call looks at its ori_wait
 * Folders      an empty video folder goes with the unlock; platform folders stay */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stores/blob_priv.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/size.h"

enum {
    LOCK_POLL_MS = 50,
    PUT_TRIES = 16, /* a folder that goes away, or a part's name that is taken, in between */
    FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
    SEGMENT_BYTES = ORI_LIMIT_MAX_BLOB_NAME_BYTES + 1
};

struct fs_store {
    struct ori_blob_store base;
    char *root; /* opened each time: the folder may be cleared away or mounted over while we run */
    bool is_read_only;
};
struct fs_lock {
    struct ori_blob_lock base;
    int platform; /* folder of the folder */
    int folder;   /* holds the flock */
    char code[ORI_LIMIT_MAX_CODE_CHARS + 1];
};

static struct fs_store *store_of(struct ori_blob_store *store)
{
    return (struct fs_store *)store; /* base is the first field */
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* One step down; made first if is_making. -1 with errno. */
static int step_down(int folder, const char *name, bool is_making)
{
    if (is_making && mkdirat(folder, name, 0777) != 0 && errno != EEXIST)
        return -1;
    return openat(folder, name, FOLDER_FLAGS);
}

/* -1 with errno. Writing makes it again, as the start did. */
static int open_root(const struct fs_store *store, bool is_making)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    const int root = open(store->root, flags);
    if (root >= 0 || errno != ENOENT || !is_making)
        return root;
    struct ori_error err = {0};
    if (ori_fs_make_folders(store->root, &err) != ORI_OK) {
        errno = err.native ? err.native : EIO;
        return -1;
    }
    return open(store->root, flags);
}

/* Opens the folder of key's last segment, which is left in name. -1 with errno. */
static int open_folder(const struct fs_store *store, const char *key, bool is_making,
                       char name[SEGMENT_BYTES])
{
    int folder = open_root(store, is_making);
    const char *rest = ori_blob_next_segment(key, name);
    while (folder >= 0 && rest) {
        const int next = step_down(folder, name, is_making);
        const int errnum = errno;
        close(folder);
        errno = errnum;
        folder = next;
        rest = ori_blob_next_segment(rest, name);
    }
    return folder;
}

static bool is_absent(int errnum) /* a link or a file in the place of a folder: nothing is there */
{
    return errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP;
}

static ori_status fs_put(struct ori_blob_store *base, const char *key, const void *data,
                         size_t bytes, const char *content_type, const struct ori_wait *wait,
                         struct ori_error *err)
{
    (void)wait;
    const struct fs_store *store = store_of(base);
    char name[SEGMENT_BYTES];
    struct ori_error cause = {0};
    ori_status status = ORI_OK;
    (void)content_type; /* a file has none: its name tells */
    if (store->is_read_only)
        return ori_error_set(err, ORI_NOT_WRITABLE, "%s: the store was opened to read", key);
    for (int i = 0; i < PUT_TRIES; i++) {
        cause = (struct ori_error){0};
        int folder = open_folder(store, key, true, name);
        if (folder < 0)
            status = ori_error_set_errno(&cause, errno == ELOOP ? ENOTDIR : errno, true, "folder");
        else
            status = ori_fs_write_file(folder, name, data, bytes, &cause);
        close_fd(&folder);
        if (status == ORI_OK || (cause.native != ENOENT && cause.native != EEXIST))
            break;
    }
    if (status != ORI_OK && err && err->status == ORI_OK) {
        *err = cause;
        ori_error_context(err, "%s", key);
    }
    return status;
}

/* A regular file, opened; what the system says of it. */
static ori_status open_object(const struct fs_store *store, const char *key, int *ret_fd,
                              struct stat *ret_about, struct ori_error *err)
{
    char name[SEGMENT_BYTES];
    struct stat about = {0};
    int fd = -1;
    int folder = open_folder(store, key, false, name);
    if (folder >= 0)
        fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    const int errnum = errno;
    close_fd(&folder);
    if (fd < 0)
        return ori_error_set_errno(err, is_absent(errnum) ? ENOENT : errnum, false, "%s", key);
    ori_status status = ORI_OK;
    if (fstat(fd, &about) != 0)
        status = ori_error_set_errno(err, errno, false, "%s", key);
    else if (!S_ISREG(about.st_mode))
        status = ori_error_set(err, ORI_NOT_FOUND, "%s: there, but not a file", key);
    if (status != ORI_OK) {
        close(fd);
        return status;
    }
    *ret_fd = fd;
    *ret_about = about;
    return ORI_OK;
}

static ori_status fs_get(struct ori_blob_store *base, const char *key, size_t bytes_max,
                         uint8_t **ret_data, size_t *ret_bytes, const struct ori_wait *wait,
                         struct ori_error *err)
{
    (void)wait;
    int fd = -1;
    struct stat about = {0};
    size_t size = 0;
    size_t got = 0;
    uint8_t *data = NULL;
    ori_status status = open_object(store_of(base), key, &fd, &about, err);
    if (status != ORI_OK)
        return status;
    const int64_t bytes = about.st_size;
    if ((uint64_t)bytes > bytes_max || !ori_size_add((size_t)bytes, 1, &size)) {
        status = ori_error_set(err, ORI_LIMIT, "%s: %lld bytes, more than %zu", key,
                               (long long)bytes, bytes_max);
        goto out;
    }
    data = malloc(size);
    if (!data) {
        status = ori_error_set(err, ORI_NOMEM, "%s: %lld bytes", key, (long long)bytes);
        goto out;
    }
    status = ori_fs_read_at(fd, 0, data, (size_t)bytes, &got, err);
    if (status != ORI_OK)
        goto out;
    data[got] = 0;
    *ret_data = data;
    *ret_bytes = got;
    data = NULL;
out:
    free(data);
    close_fd(&fd);
    return status;
}

static ori_status fs_remove(struct ori_blob_store *base, const char *key,
                            const struct ori_wait *wait, struct ori_error *err)
{
    (void)wait;
    const struct fs_store *store = store_of(base);
    char name[SEGMENT_BYTES];
    ori_status status = ORI_OK;
    if (store->is_read_only)
        return ori_error_set(err, ORI_NOT_WRITABLE, "%s: the store was opened to read", key);
    int folder = open_folder(store, key, false, name);
    const bool is_done = folder >= 0 && unlinkat(folder, name, 0) == 0;
    if (!is_done && !is_absent(errno) && errno != EISDIR)
        status = ori_error_set_errno(err, errno, true, "%s", key);
    close_fd(&folder);
    return status;
}

static ori_status fs_stat(struct ori_blob_store *base, const char *key, int64_t *ret_bytes,
                          const struct ori_wait *wait, struct ori_error *err)
{
    (void)wait;
    int fd = -1;
    struct stat about = {0};
    const ori_status status = open_object(store_of(base), key, &fd, &about, err);
    close_fd(&fd);
    if (status == ORI_OK)
        *ret_bytes = about.st_size;
    return status;
}

static ori_status fs_modified(struct ori_blob_store *base, const char *key, int64_t *ret_modified_s,
                              const struct ori_wait *wait, struct ori_error *err)
{
    (void)wait;
    int fd = -1;
    struct stat about = {0};
    const ori_status status = open_object(store_of(base), key, &fd, &about, err);
    close_fd(&fd);
    if (status == ORI_OK)
        *ret_modified_s = about.st_mtim.tv_sec;
    return status;
}

/* A video's folder by its two names. -1 with errno. */
static int open_video(const struct fs_store *store, const char *platform, const char *code,
                      bool is_making, int *ret_platform)
{
    int folder = -1;
    int root = open_root(store, is_making);
    *ret_platform = root >= 0 ? step_down(root, platform, is_making) : -1;
    if (*ret_platform >= 0)
        folder = step_down(*ret_platform, code, is_making);
    const int errnum = errno;
    close_fd(&root);
    if (folder < 0)
        close_fd(ret_platform);
    errno = errnum;
    return folder;
}

struct name_list {
    char **names;
    size_t count;
    size_t size;
};

static void free_names(struct name_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->names[i]);
    free(list->names);
    *list = (struct name_list){0};
}

static ori_status add_name(struct name_list *list, const char *name, struct ori_error *err)
{
    if (list->count >= ORI_LIMIT_MAX_BLOB_LIST)
        return ori_error_set(err, ORI_LIMIT, "a folder with more than %d files (BLOB_LIST)",
                             ORI_LIMIT_MAX_BLOB_LIST);
    if (list->count == list->size) {
        const size_t size = list->size ? 2 * list->size : 64;
        char **names = reallocarray(list->names, size, sizeof *names);
        if (!names)
            return ori_error_set(err, ORI_NOMEM, "list of a folder");
        list->names = names;
        list->size = size;
    }
    list->names[list->count] = strdup(name);
    if (!list->names[list->count])
        return ori_error_set(err, ORI_NOMEM, "list of a folder");
    list->count++;
    return ORI_OK;
}

enum kind { FILES, FOLDERS };

static bool is_kind(int folder, const struct dirent *entry, enum kind kind)
{
    struct stat about;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == (kind == FILES ? DT_REG : DT_DIR);
    return fstatat(folder, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
           (kind == FILES ? S_ISREG(about.st_mode) : S_ISDIR(about.st_mode));
}

static bool is_object(const char *name)
{
    return name[0] != '.';
}

static bool is_part(const char *name)
{
    static const char end[] = ".part";
    const size_t bytes = strlen(name);
    return name[0] == '.' && bytes > sizeof end && strcmp(name + bytes - strlen(end), end) == 0;
}

/* Names of the files, or folders, that is_wanted says yes to; the caller frees, also after a
 * failure. */
static ori_status read_names(int folder, enum kind kind, bool (*is_wanted)(const char *name),
                             struct name_list *list, struct ori_error *err)
{
    ori_status status = ORI_OK;
    int fd = openat(folder, ".", FOLDER_FLAGS); /* closedir closes what it was given */
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (!stream) {
        status = ori_error_set_errno(err, errno, false, "folder");
        close_fd(&fd);
        return status;
    }
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry && errno != 0)
            status = ori_error_set_errno(err, errno, false, "folder");
        if (!entry)
            break;
        if (is_wanted(entry->d_name) && is_kind(folder, entry, kind))
            status = add_name(list, entry->d_name, err);
        if (status != ORI_OK)
            break;
    }
    closedir(stream);
    return status;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static ori_status fs_list_video(struct ori_blob_store *base, const char *platform, const char *code,
                                ori_blob_visit_fn visit, void *self, const struct ori_wait *wait,
                                struct ori_error *err)
{
    (void)wait;
    struct name_list list = {0};
    int parent = -1;
    int folder = open_video(store_of(base), platform, code, false, &parent);
    ori_status status = ORI_OK;
    if (folder < 0 && is_absent(errno))
        return ORI_OK;
    if (folder < 0)
        return ori_error_set_errno(err, errno, false, "%s/%s", platform, code);
    status = read_names(folder, FILES, is_object, &list, err);
    if (status == ORI_OK && list.count > 0) {
        qsort(list.names, list.count, sizeof *list.names, compare_names);
        for (size_t i = 0; i < list.count && status == ORI_OK; i++) {
            struct stat about;
            if (fstatat(folder, list.names[i], &about, AT_SYMLINK_NOFOLLOW) == 0)
                status = visit(self, list.names[i], about.st_size, err);
            else if (errno != ENOENT) /* taken away meanwhile */
                status = ori_error_set_errno(err, errno, false, "%s", list.names[i]);
        }
    }
    free_names(&list);
    close_fd(&folder);
    close_fd(&parent);
    return status;
}

/* Folders in a folder, in byte order. */
static ori_status list_folders(int folder, struct name_list *list, struct ori_error *err)
{
    const ori_status status = read_names(folder, FOLDERS, is_object, list, err);
    if (status == ORI_OK && list->count > 0)
        qsort(list->names, list->count, sizeof *list->names, compare_names);
    return status;
}

static ori_status list_codes(int root, const char *platform, ori_blob_visit_video_fn visit,
                             void *self, struct ori_error *err)
{
    struct name_list codes = {0};
    int folder = step_down(root, platform, false);
    if (folder < 0 && is_absent(errno)) /* taken away meanwhile */
        return ORI_OK;
    if (folder < 0)
        return ori_error_set_errno(err, errno, false, "%s", platform);
    ori_status status = list_folders(folder, &codes, err);
    close_fd(&folder);
    for (size_t i = 0; i < codes.count && status == ORI_OK; i++)
        status = visit(self, platform, codes.names[i], err);
    free_names(&codes);
    return status;
}

static ori_status fs_list_videos(struct ori_blob_store *base, ori_blob_visit_video_fn visit,
                                 void *self, const struct ori_wait *wait, struct ori_error *err)
{
    (void)wait;
    const struct fs_store *store = store_of(base);
    struct name_list platforms = {0};
    int root = open_root(store, false);
    if (root < 0 && is_absent(errno))
        return ORI_OK;
    if (root < 0)
        return ori_error_set_errno(err, errno, false, "%s", store->root);
    ori_status status = list_folders(root, &platforms, err);
    for (size_t i = 0; i < platforms.count && status == ORI_OK; i++)
        status = list_codes(root, platforms.names[i], visit, self, err);
    free_names(&platforms);
    close_fd(&root);
    return status;
}

static ori_status sweep_parts(int folder, struct ori_error *err)
{
    struct name_list list = {0};
    ori_status status = read_names(folder, FILES, is_part, &list, err);
    for (size_t i = 0; i < list.count && status == ORI_OK; i++) {
        if (unlinkat(folder, list.names[i], 0) != 0 && errno != ENOENT)
            status = ori_error_set_errno(err, errno, true, "%s", list.names[i]);
    }
    free_names(&list);
    return status;
}

/* Whether the video's path still leads to the folder that lock holds; *ret_errnum: why that cannot be
 * told, else 0. */
static bool is_in_place(const struct fs_lock *lock, int *ret_errnum)
{
    struct stat held = {0};
    struct stat there = {0};
    *ret_errnum = 0;
    if (fstat(lock->folder, &held) != 0 ||
        fstatat(lock->platform, lock->code, &there, AT_SYMLINK_NOFOLLOW) != 0)
        *ret_errnum = errno == ENOENT ? 0 : errno;
    return held.st_ino != 0 && held.st_dev == there.st_dev && held.st_ino == there.st_ino;
}

static void fs_unlock_video(struct ori_blob_lock *base)
{
    struct fs_lock *lock = (struct fs_lock *)base; /* base is the first field */
    int ignored = 0;
    if (is_in_place(lock, &ignored))
        unlinkat(lock->platform, lock->code,
                 AT_REMOVEDIR); /* fails, as it should, when not empty */
    close_fd(&lock->folder);    /* and the flock with it */
    close_fd(&lock->platform);
    free(lock);
}

/* Opens the video's folder and tries for its lock: ORI_OK, ORI_AGAIN, or a failure. */
static ori_status try_lock(const struct fs_store *store, const char *platform, const char *code,
                           struct fs_lock *lock, struct ori_error *err)
{
    lock->folder = open_video(store, platform, code, true, &lock->platform);
    if (lock->folder < 0 && errno == ENOENT) /* taken away between its making and its opening */
        return ORI_AGAIN;
    if (lock->folder < 0)
        return ori_error_set_errno(err, errno == ELOOP ? ENOTDIR : errno, true, "%s/%s", platform,
                                   code);
    const bool has_lock = flock(lock->folder, LOCK_EX | LOCK_NB) == 0;
    int errnum = errno;
    if (has_lock && is_in_place(lock, &errnum))
        return ORI_OK;
    close_fd(&lock->folder);
    close_fd(&lock->platform);
    if (errnum == 0 || errnum == EWOULDBLOCK || errnum == EINTR)
        return ORI_AGAIN;
    return ori_error_set_errno(err, errnum, true, "lock of %s/%s", platform, code);
}

static ori_status fs_lock_video(struct ori_blob_store *base, const char *platform, const char *code,
                                bool is_waiting, const struct ori_cancel *cancel,
                                struct ori_blob_lock **ret_lock, struct ori_error *err)
{
    const struct fs_store *store = store_of(base);
    ori_status status = ORI_OK;
    if (store->is_read_only)
        return ori_error_set(err, ORI_NOT_WRITABLE, "%s/%s: the store was opened to read", platform,
                             code);
    struct fs_lock *lock = calloc(1, sizeof *lock);
    if (!lock)
        return ori_error_set(err, ORI_NOMEM, "lock of %s/%s", platform, code);
    lock->base.ops = base->ops;
    lock->folder = -1;
    lock->platform = -1;
    memcpy(lock->code, code, strlen(code) + 1); /* checked: it fits */
    while ((status = try_lock(store, platform, code, lock, err)) == ORI_AGAIN && is_waiting) {
        if (ori_cancel_wait(cancel, LOCK_POLL_MS) == ORI_CANCELLED) {
            status = ori_error_set(err, ORI_CANCELLED, "stopped while another writer had %s/%s",
                                   platform, code);
            break;
        }
    }
    if (status == ORI_OK) {
        status = sweep_parts(lock->folder, err);
        if (status == ORI_OK) {
            *ret_lock = &lock->base;
            return ORI_OK;
        }
        fs_unlock_video(&lock->base);
        return status;
    }
    free(lock);
    return status;
}

static ori_status fs_check(struct ori_blob_store *base, const struct ori_wait *wait,
                           struct ori_error *err)
{
    const struct fs_store *store = store_of(base);
    (void)wait;
    if (access(store->root, store->is_read_only ? R_OK | X_OK : W_OK | X_OK) == 0)
        return ORI_OK;
    return ori_error_set_errno(err, errno, !store->is_read_only, "%s", store->root);
}

static void fs_close(struct ori_blob_store *base)
{
    struct fs_store *store = store_of(base);
    free(store->root);
    free(store);
}

static const struct ori_blob_ops fs_ops = {
    .close = fs_close,
    .put = fs_put,
    .get = fs_get,
    .remove = fs_remove,
    .stat = fs_stat,
    .modified = fs_modified,
    .check = fs_check,
    .list_video = fs_list_video,
    .list_videos = fs_list_videos,
    .lock_video = fs_lock_video,
    .unlock_video = fs_unlock_video,
};

ori_status ori_blob_open_fs(const char *root, bool is_read_only, struct ori_blob_store **ret_store,
                            struct ori_error *err)
{
    ORI_ASSERT(root && ret_store);
    ori_status status = is_read_only ? ORI_OK : ori_fs_make_folders(root, err);
    if (status != ORI_OK)
        return status;
    struct fs_store *store = calloc(1, sizeof *store);
    if (!store)
        return ori_error_set(err, ORI_NOMEM, "object store %s", root);
    store->base.ops = &fs_ops;
    store->base.puts_max = 1;
    store->is_read_only = is_read_only;
    store->root = strdup(root);
    int folder = store->root ? open_root(store, false) : -1;
    if (!store->root)
        status = ori_error_set(err, ORI_NOMEM, "object store %s", root);
    else if (folder < 0)
        status = ori_error_set_errno(err, errno, !is_read_only, "%s", root);
    close_fd(&folder);
    if (status != ORI_OK)
        fs_close(&store->base);
    else
        *ret_store = &store->base;
    return status;
}
