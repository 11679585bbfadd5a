#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/limits.h"
#include "util/size.h"

ori_status ori_fs_join(const char *folder, const char *name, char **ret_path, struct ori_error *err)
{
    struct ori_buf path;
    ori_buf_init(&path, ORI_LIMIT_MAX_PATH_BYTES - 1);
    size_t folder_bytes = strlen(folder);
    ori_buf_add(&path, folder, folder_bytes);
    if (folder_bytes > 0 && folder[folder_bytes - 1] != '/')
        ori_buf_add(&path, "/", 1);
    ori_buf_add_text(&path, name);
    ori_status status = ori_buf_finish(&path, "path", err);
    if (status == ORI_OK) {
        char *text = ori_buf_take(&path, NULL);
        if (text)
            *ret_path = text;
        else
            status = ori_error_set(err, ORI_NOMEM, "path");
    }
    ori_buf_deinit(&path);
    return status;
}

static bool is_folder(const char *path)
{
    struct stat info = {0};
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

ori_status ori_fs_make_folders(const char *path, struct ori_error *err)
{
    char part[ORI_LIMIT_MAX_PATH_BYTES];
    size_t bytes = strlen(path);
    if (bytes == 0)
        return ori_error_set_errno(err, ENOENT, true, "folder without a name");
    if (bytes >= sizeof part)
        return ori_error_set(err, ORI_LIMIT, "a path has more than %d bytes",
                             ORI_LIMIT_MAX_PATH_BYTES - 1);
    memcpy(part, path, bytes + 1);
    for (size_t i = 1; i <= bytes; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        char end = part[i];
        part[i] = '\0';
        /* EEXIST, EROFS or EACCES about a folder that is there already is no trouble */
        int errnum = mkdir(part, 0777) == 0 ? 0 : errno;
        if (errnum != 0 && !is_folder(part))
            return ori_error_set_errno(err, errnum == EEXIST ? ENOTDIR : errnum, true, "%s", part);
        part[i] = end;
    }
    return ORI_OK;
}

ori_status ori_fs_make_folder_of(const char *path, struct ori_error *err)
{
    char folder[ORI_LIMIT_MAX_PATH_BYTES];
    const char *slash = strrchr(path, '/');
    size_t bytes = slash ? (size_t)(slash - path) : 0;
    if (bytes == 0) /* none, or the root */
        return ORI_OK;
    if (bytes >= sizeof folder)
        return ori_error_set(err, ORI_LIMIT, "a path has more than %d bytes",
                             ORI_LIMIT_MAX_PATH_BYTES - 1);
    memcpy(folder, path, bytes);
    folder[bytes] = '\0';
    return ori_fs_make_folders(folder, err);
}

ori_status ori_fs_read_at(int fd, int64_t offset, void *data, size_t bytes_max, size_t *ret_bytes,
                          struct ori_error *err)
{
    size_t done = 0;
    while (done < bytes_max) {
        ssize_t got = pread(fd, (char *)data + done, bytes_max - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ori_error_set_errno(err, errno, false, "read");
        if (got == 0)
            break;
        done += (size_t)got;
    }
    *ret_bytes = done;
    return ORI_OK;
}

ori_status ori_fs_write_all(int fd, const void *data, size_t bytes, struct ori_error *err)
{
    size_t done = 0;
    while (done < bytes) {
        ssize_t put = write(fd, (const char *)data + done, bytes - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return ori_error_set_errno(err, errno, true, "write");
        done += (size_t)put;
    }
    return ORI_OK;
}

/* Without a name from the start where the file system can do that. */
static int make_nameless(const char *folder)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
        return fd;
    char *path = NULL;
    if (ori_fs_join(folder, ".nameless-XXXXXX", &path, NULL) != ORI_OK) {
        errno = ENOMEM;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    free(path);
    return fd;
}

ori_status ori_fs_open_nameless(const char *folder, int *ret_fd, struct ori_error *err)
{
    ori_status status = ori_fs_make_folders(folder, err);
    if (status != ORI_OK)
        return status;
    int fd = make_nameless(folder);
    if (fd < 0)
        return ori_error_set_errno(err, errno, true, "a file in %s", folder);
    *ret_fd = fd;
    return ORI_OK;
}

/* Opens for reading what must be a regular file, and tells its size. */
static ori_status open_regular(int dir_fd, const char *path, int *ret_fd, size_t *ret_bytes,
                               struct ori_error *err)
{
    struct stat info = {0};
    int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return ori_error_set_errno(err, errno, false, "%s", path);
    ori_status status = ORI_OK;
    if (fstat(fd, &info) != 0)
        status = ori_error_set_errno(err, errno, false, "%s", path);
    else if (!S_ISREG(info.st_mode))
        status = ori_error_set(err, ORI_NOT_A_FILE, "%s: not a regular file", path);
    if (status != ORI_OK) {
        close(fd);
        return status;
    }
    *ret_fd = fd;
    *ret_bytes = (size_t)info.st_size;
    return ORI_OK;
}

ori_status ori_fs_read_file(int dir_fd, const char *path, size_t bytes_max, char **ret_data,
                            size_t *ret_bytes, struct ori_error *err)
{
    int fd = -1;
    size_t bytes = 0;
    size_t size = 0;
    char *data = NULL;
    ori_status status = open_regular(dir_fd, path, &fd, &bytes, err);
    if (status != ORI_OK)
        return status;
    if (bytes > bytes_max || !ori_size_add(bytes, 2, &size)) {
        status = ori_error_set(err, ORI_LIMIT, "%s: more than %zu bytes", path, bytes_max);
        goto out;
    }
    data = malloc(size);
    if (!data) {
        status = ori_error_set(err, ORI_NOMEM, "%s", path);
        goto out;
    }
    status = ori_fs_read_at(fd, 0, data, bytes + 1, &size, err); /* one more: did it grow? */
    if (status != ORI_OK) {
        ori_error_context(err, "%s", path);
        goto out;
    }
    if (size > bytes) {
        status = ori_error_set(err, ORI_IO, "%s: changed while it was read", path);
        goto out;
    }
    data[size] = '\0';
    *ret_data = data;
    *ret_bytes = size;
    data = NULL;
out:
    free(data);
    close(fd);
    return status;
}

/* "folder/.name.0123456789abcdef.part" beside "folder/name": another name for each call, on every
 * machine that shares the folder. */
static ori_status name_part(const char *path, char ret_part[ORI_LIMIT_MAX_PATH_BYTES],
                            struct ori_error *err)
{
    uint64_t random = 0;
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return ori_error_set_errno(err, errno, true, "no random bytes for %s", path);
    int bytes = snprintf(ret_part, ORI_LIMIT_MAX_PATH_BYTES, "%.*s.%s.%016" PRIx64 ".part",
                         (int)(name - path), path, name, random);
    if (bytes < 0 || bytes >= ORI_LIMIT_MAX_PATH_BYTES)
        return ori_error_set(err, ORI_LIMIT, "a path has more than %d bytes",
                             ORI_LIMIT_MAX_PATH_BYTES - 1);
    return ORI_OK;
}

ori_status ori_fs_sync(int fd, struct ori_error *err)
{
    int failed = 0;
    do
        failed = fdatasync(fd);
    while (failed != 0 && errno == EINTR);
    return failed ? ori_error_set_errno(err, errno, true, "sync") : ORI_OK;
}

ori_status ori_fs_part_open(int dir_fd, const char *path, char ret_part[ORI_LIMIT_MAX_PATH_BYTES],
                            int *ret_fd, struct ori_error *err)
{
    ori_status status = name_part(path, ret_part, err);
    if (status != ORI_OK)
        return status;
    *ret_fd = openat(dir_fd, ret_part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (*ret_fd < 0) {
        status = ori_error_set_errno(err, errno, true, "open");
        ori_error_context(err, "%s", path);
    }
    return status;
}

void ori_fs_part_drop(int dir_fd, const char *part, int fd)
{
    close(fd);
    unlinkat(dir_fd, part, 0); /* ours by O_EXCL */
}

ori_status ori_fs_part_place(int dir_fd, const char *part, int fd, const char *path,
                             struct ori_error *err)
{
    ori_status status = ori_fs_sync(fd, err);
    if (close(fd) != 0 && status == ORI_OK)
        status = ori_error_set_errno(err, errno, true, "close");
    if (status == ORI_OK && renameat(dir_fd, part, dir_fd, path) != 0)
        status = ori_error_set_errno(err, errno, true, "rename");
    if (status != ORI_OK)
        unlinkat(dir_fd, part, 0);
    else
        status = ori_fs_sync_folder_of(dir_fd, path, err);
    if (status != ORI_OK)
        ori_error_context(err, "%s", path);
    return status;
}

/* Some file systems cannot sync a folder: EINVAL. */
ori_status ori_fs_sync_folder_of(int dir_fd, const char *path, struct ori_error *err)
{
    const char *slash = strrchr(path, '/');
    char folder[ORI_LIMIT_MAX_PATH_BYTES] = ".";
    if (slash) {
        size_t bytes = slash == path ? 1 : (size_t)(slash - path);
        if (bytes >= sizeof folder)
            return ori_error_set(err, ORI_LIMIT, "a path has more than %d bytes",
                                 ORI_LIMIT_MAX_PATH_BYTES - 1);
        memcpy(folder, path, bytes);
        folder[bytes] = '\0';
    }
    int fd = openat(dir_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES ? ORI_OK : ori_error_set_errno(err, errno, true, "sync");
    ori_status status = ORI_OK;
    int failed = 0;
    do
        failed = fsync(fd);
    while (failed != 0 && errno == EINTR);
    if (failed && errno != EINVAL && errno != EROFS)
        status = ori_error_set_errno(err, errno, true, "sync");
    close(fd);
    return status;
}

ori_status ori_fs_write_file(int dir_fd, const char *path, const void *data, size_t bytes,
                             struct ori_error *err)
{
    char part[ORI_LIMIT_MAX_PATH_BYTES];
    int fd = -1;
    ori_status status = ori_fs_part_open(dir_fd, path, part, &fd, err);
    if (status != ORI_OK)
        return status;
    status = ori_fs_write_all(fd, data, bytes, err);
    if (status == ORI_OK)
        return ori_fs_part_place(dir_fd, part, fd, path, err);
    ori_fs_part_drop(dir_fd, part, fd);
    ori_error_context(err, "%s", path);
    return status;
}
