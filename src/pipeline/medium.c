#include "pipeline/medium.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const endings[] = {
    "mp4",  "m4v", "mov", "mkv", "webm", "avi", "ts",  "m2ts", "mts", "mpg",
    "mpeg", "vob", "flv", "f4v", "wmv",  "asf", "3gp", "3g2",  "ogv", "ivf",
};

bool ori_medium_is_video_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    if (!dot || dot == name)
        return false;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        if (strcasecmp(dot + 1, endings[i]) == 0)
            return true;
    }
    return false;
}

static ori_status check(int fd, int64_t bytes_max, int64_t *ret_bytes, struct ori_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return ori_error_set_errno(err, errno, false, "cannot be looked at");
    if (!S_ISREG(st.st_mode))
        return ori_error_set(err, ORI_NOT_A_FILE, "not a regular file");
    if (st.st_size == 0)
        return ori_error_set(err, ORI_EMPTY_FILE, "%s", ori_status_text(ORI_EMPTY_FILE));
    if (bytes_max > 0 && st.st_size > bytes_max)
        return ori_error_set(err, ORI_LIMIT, "%lld bytes; VP_MAX_BYTES is %lld",
                             (long long)st.st_size, (long long)bytes_max);
    *ret_bytes = st.st_size;
    return ORI_OK;
}

ori_status ori_medium_open(const char *path, int64_t bytes_max, int *ret_fd, int64_t *ret_bytes,
                           struct ori_error *err)
{
    /* Looked at before it is opened, because opening a device can do things; and again afterwards,
     * because it may be another file by then. O_NONBLOCK: a FIFO that slips in does not hang us. */
    struct stat st;
    if (stat(path, &st) != 0)
        return ori_error_set_errno(err, errno, false, "cannot be opened");
    if (!S_ISREG(st.st_mode))
        return ori_error_set(err, ORI_NOT_A_FILE, "not a regular file");
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return ori_error_set_errno(err, errno, false, "cannot be opened");
    ori_status status = check(fd, bytes_max, ret_bytes, err);
    if (status != ORI_OK) {
        close(fd);
        return status;
    }
    *ret_fd = fd;
    return ORI_OK;
}
