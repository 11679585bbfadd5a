#include "pipeline/medium_remote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "media/child_proto.h"
#include "pipeline/medium_fetch.h"
#include "util/fs.h"

#define SAMPLE_BYTES (INT64_C(64) << 10) /* what pipeline/identity.h looks at, at either end */

struct ori_medium_remote {
    struct ori_medium_fetch *fetch;
    int fd; /* of the file that stands in, for writing */
    int64_t bytes;
};

ori_status ori_medium_remote_ensure(struct ori_medium_remote *remote, int64_t offset, int64_t bytes,
                                    const struct ori_wait *wait, struct ori_error *err)
{
    return ori_medium_fetch_ensure(remote->fetch, offset, bytes, wait, err);
}

int64_t ori_medium_remote_fetched(const struct ori_medium_remote *remote)
{
    return ori_medium_fetch_bytes(remote->fetch);
}

int64_t ori_medium_remote_bytes(const struct ori_medium_remote *remote)
{
    return remote->bytes;
}

/* ---- opening ---- */

struct files {
    int fd;       /* for writing */
    int fd_given; /* for reading alone */
};

/* The file that stands in, as yet empty, and the descriptor that is given away. */
static ori_status open_files(const char *folder, struct files *files, struct ori_error *err)
{
    char link[64];
    ori_status status = ori_fs_open_nameless(folder, &files->fd, err);
    if (status != ORI_OK)
        return status;
    snprintf(link, sizeof link, "/proc/self/fd/%d", files->fd);
    files->fd_given =
        open(link, O_RDONLY | O_CLOEXEC); /* the child shall not be able to write it */
    if (files->fd_given < 0)
        return ori_error_set_errno(err, errno, false, "a file in VP_TMP_DIR %s", folder);
    return ORI_OK;
}

/* ori_remote_sink: what comes with the facts. */
static ori_status take_head(void *self, int64_t offset, const void *data, size_t bytes,
                            struct ori_error *err)
{
    const struct files *files = self;
    return ori_medium_write(files->fd, offset, data, bytes, err);
}

static ori_status check_size(int64_t bytes, int64_t bytes_max, struct ori_error *err)
{
    if (bytes == 0)
        return ori_error_set(err, ORI_EMPTY_FILE, "%s", ori_status_text(ORI_EMPTY_FILE));
    if (bytes_max > 0 && bytes > bytes_max)
        return ori_error_set(err, ORI_LIMIT, "%lld bytes, more than VP_MAX_BYTES=%lld",
                             (long long)bytes, (long long)bytes_max);
    if (bytes > INT64_MAX - ORI_CHILD_NEED_BLOCK)
        return ori_error_set(err, ORI_LIMIT, "more bytes than a file can have");
    return ORI_OK;
}

/* Takes the file. */
static ori_status make(const struct ori_medium_place *place, const struct ori_remote_facts *facts,
                       int *fd, const struct ori_cancel *cancel,
                       struct ori_medium_remote **ret_remote, struct ori_error *err)
{
    const struct ori_medium_fetch_options options = {
        .ops = place->ops, .object = place->object, .facts = *facts, .fd = *fd, .cancel = cancel};
    struct ori_medium_remote *remote = calloc(1, sizeof *remote);
    if (!remote)
        return ori_error_set(err, ORI_NOMEM, "a video far away");
    *ret_remote = remote;
    remote->fd = *fd;
    *fd = -1;
    remote->bytes = facts->bytes;
    if (ftruncate(remote->fd, remote->bytes) != 0)
        return ori_error_set_errno(err, errno, true, "a file in VP_TMP_DIR");
    return ori_medium_fetch_create(&options, &remote->fetch, err);
}

/* What tells one file from another, at both of its ends. The file's time is set again: writing has
 * changed it. */
static ori_status fetch_samples(struct ori_medium_remote *remote, int64_t modified_s,
                                const struct ori_wait *wait, struct ori_error *err)
{
    const struct timespec times[2] = {{.tv_sec = modified_s}, {.tv_sec = modified_s}};
    const int64_t bytes = remote->bytes < SAMPLE_BYTES ? remote->bytes : SAMPLE_BYTES;
    ori_status status = ori_medium_remote_ensure(remote, 0, bytes, wait, err);
    if (status == ORI_OK)
        status = ori_medium_remote_ensure(remote, remote->bytes - bytes, bytes, wait, err);
    if (status == ORI_OK && futimens(remote->fd, times) != 0)
        status = ori_error_set_errno(err, errno, true, "a file in VP_TMP_DIR");
    ori_medium_fetch_jump(remote->fetch);
    return status;
}

ori_status ori_medium_remote_open(const struct ori_medium_place *place, int64_t bytes_max,
                                  const char *folder, const struct ori_wait *wait,
                                  struct ori_medium_remote **ret_remote, int *ret_fd,
                                  int64_t *ret_bytes, struct ori_error *err)
{
    struct files files = {.fd = -1, .fd_given = -1};
    const struct ori_remote_sink sink = {
        .self = &files, .wanted = ORI_CHILD_NEED_BLOCK, .write = take_head};
    struct ori_medium_remote *remote = NULL;
    struct ori_remote_facts facts = {.bytes = 0};
    ori_status status = open_files(folder, &files, err);
    if (status == ORI_OK)
        status = place->ops->open(place->object, bytes_max, &sink, &facts, wait, err);
    if (status == ORI_OK)
        status = check_size(facts.bytes, bytes_max, err);
    if (status == ORI_OK)
        status = make(place, &facts, &files.fd, ori_wait_cancel(wait), &remote, err);
    if (status == ORI_OK)
        status = fetch_samples(remote, facts.modified_s, wait, err);
    if (files.fd >= 0)
        close(files.fd);
    if (status != ORI_OK) {
        if (files.fd_given >= 0)
            close(files.fd_given);
        ori_medium_remote_destroy(&remote);
        return status;
    }
    *ret_bytes = facts.bytes;
    *ret_fd = files.fd_given;
    *ret_remote = remote;
    return ORI_OK;
}

void ori_medium_remote_destroy(struct ori_medium_remote **remote)
{
    if (!remote || !*remote)
        return;
    struct ori_medium_remote *it = *remote;
    ori_medium_fetch_destroy(&it->fetch);
    if (it->fd >= 0)
        close(it->fd);
    free(it);
    *remote = NULL;
}
