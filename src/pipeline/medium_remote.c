#include "pipeline/medium_remote.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "media/child_proto.h"
#include "util/fs.h"

#define BLOCK ORI_CHILD_NEED_BLOCK
#define SAMPLE_BYTES (INT64_C(64) << 10) /* what pipeline/identity.h looks at, at either end */
#define AHEAD_FIRST (INT64_C(1) << 20)
#define AHEAD_MAX (INT64_C(8) << 20)
#define RUN_BYTES (INT64_C(8) << 20) /* one request, or two for its halves */
#define HALVES_FROM ((size_t)2 << 20)

struct ori_medium_remote {
    const struct ori_remote_ops *ops;
    void *object;
    char etag[ORI_REMOTE_ETAG_BYTES];
    int fd; /* of the file that stands in, for writing */
    int64_t bytes;
    int64_t blocks;
    uint8_t *has;       /* a bit a block */
    uint8_t *run;       /* one request's bytes */
    int64_t next_block; /* behind the last one that was asked for, and what was fetched ahead */
    int64_t straight;   /* bytes that were asked for one behind the other */
    int64_t ahead;      /* bytes */
    int64_t fetched;
};

static bool has_block(const struct ori_medium_remote *remote, int64_t block)
{
    return remote->has[block / 8] >> (block % 8) & 1;
}

static ori_status write_at(int fd, const uint8_t *data, size_t bytes, int64_t offset,
                           struct ori_error *err)
{
    while (bytes > 0) {
        const ssize_t written = pwrite(fd, data, bytes, offset);
        if (written < 0 && errno != EINTR)
            return ori_error_set_errno(err, errno, true, "a piece of the video in VP_TMP_DIR");
        if (written > 0) {
            data += written;
            bytes -= (size_t)written;
            offset += written;
        }
    }
    return ORI_OK;
}

/* One half of a run, and how reading it went. */
struct half {
    struct ori_medium_remote *remote;
    int64_t offset;
    size_t bytes;
    uint8_t *data; /* inside the run */
    const struct ori_wait *wait;
    ori_status status;
    struct ori_error err;
};

static void *read_half(void *self)
{
    struct half *half = self;
    struct ori_medium_remote *remote = half->remote;
    half->status = remote->ops->read(remote->object, remote->etag, half->offset, half->data,
                                     half->bytes, half->wait, &half->err);
    if (half->status == ORI_OK)
        half->status = write_at(remote->fd, half->data, half->bytes, half->offset, &half->err);
    return NULL;
}

/* Long runs over two connections: while one waits for the server, the other reads. Without a second
 * thread one half comes after the other. */
static ori_status read_run(struct ori_medium_remote *remote, int64_t offset, size_t bytes,
                           const struct ori_wait *wait, struct ori_error *err)
{
    const size_t first = bytes >= HALVES_FROM ? bytes / 2 : bytes;
    struct half halves[2] = {
        {.remote = remote, .offset = offset, .bytes = first, .data = remote->run, .wait = wait},
        {.remote = remote,
         .offset = offset + (int64_t)first,
         .bytes = bytes - first,
         .data = remote->run + first,
         .wait = wait}};
    pthread_t thread;
    const bool has_second = halves[1].bytes > 0;
    const bool has_thread = has_second && pthread_create(&thread, NULL, read_half, &halves[1]) == 0;
    read_half(&halves[0]);
    if (has_thread)
        pthread_join(thread, NULL);
    else if (has_second && halves[0].status == ORI_OK)
        read_half(&halves[1]);
    for (int i = 0; i < 2; i++) {
        if (halves[i].status != ORI_OK)
            return ori_error_set(err, halves[i].status, "%s", halves[i].err.text);
    }
    return ORI_OK;
}

/* Blocks first up to end, none of which is there. */
static ori_status fetch_run(struct ori_medium_remote *remote, int64_t first, int64_t end,
                            const struct ori_wait *wait, struct ori_error *err)
{
    const int64_t offset = first * BLOCK;
    const int64_t until = end * BLOCK < remote->bytes ? end * BLOCK : remote->bytes;
    const size_t bytes = (size_t)(until - offset);
    ori_status status = read_run(remote, offset, bytes, wait, err);
    if (status != ORI_OK)
        return status;
    for (int64_t block = first; block < end; block++)
        remote->has[block / 8] |= (uint8_t)(1 << (block % 8));
    remote->fetched += (int64_t)bytes;
    return ORI_OK;
}

/* Twice as far each time somebody reads on where he was, once he has done so for longer than it takes
 * to see that a file is no video; not at all when he jumps. */
static int64_t look_ahead(struct ori_medium_remote *remote, int64_t first, int64_t end)
{
    if (first > remote->next_block || first + 1 < remote->next_block) {
        remote->ahead = 0;
        remote->straight = 0;
    } else if (remote->straight <= ORI_LIMIT_MAX_PROBE_BYTES) {
        remote->straight += (end - first) * BLOCK;
    } else if (remote->ahead == 0) {
        remote->ahead = AHEAD_FIRST;
    } else if (remote->ahead < AHEAD_MAX) {
        remote->ahead *= 2;
    }
    remote->next_block = end + remote->ahead / BLOCK;
    const int64_t until = end + remote->ahead / BLOCK;
    return until < remote->blocks ? until : remote->blocks;
}

ori_status ori_medium_remote_ensure(struct ori_medium_remote *remote, int64_t offset, int64_t bytes,
                                    const struct ori_wait *wait, struct ori_error *err)
{
    ORI_ASSERT(offset >= 0 && bytes > 0 && offset <= remote->bytes - bytes);
    const int64_t first = offset / BLOCK;
    const int64_t end = (offset + bytes - 1) / BLOCK + 1;
    bool is_there = true;
    for (int64_t block = first; block < end; block++)
        is_there = is_there && has_block(remote, block);
    if (is_there)
        return ORI_OK;
    const int64_t until = look_ahead(remote, first, end);
    ori_status status = ORI_OK;
    for (int64_t block = first; block < until && status == ORI_OK;) {
        int64_t stop = block;
        while (stop < until && !has_block(remote, stop) && (stop - block + 1) * BLOCK <= RUN_BYTES)
            stop++;
        if (stop > block)
            status = fetch_run(remote, block, stop, wait, err);
        block = stop > block ? stop : block + 1;
    }
    return status;
}

int64_t ori_medium_remote_fetched(const struct ori_medium_remote *remote)
{
    return remote->fetched;
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

/* Without a name from the start where the file system can do that. */
static int make_file(const char *folder)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
        return fd;
    char *path = NULL;
    if (ori_fs_join(folder, ".video-XXXXXX", &path, NULL) != ORI_OK)
        return -1;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    free(path);
    return fd;
}

/* The file that stands in, as yet empty, and the descriptor that is given away. */
static ori_status open_files(const char *folder, struct files *files, struct ori_error *err)
{
    char link[64];
    ori_status status = ori_fs_make_folders(folder, err);
    if (status != ORI_OK)
        return status;
    files->fd = make_file(folder);
    if (files->fd < 0)
        return ori_error_set_errno(err, errno, true, "a file in VP_TMP_DIR %s", folder);
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
    return write_at(files->fd, data, bytes, offset, err);
}

static ori_status check_size(int64_t bytes, int64_t bytes_max, struct ori_error *err)
{
    if (bytes == 0)
        return ori_error_set(err, ORI_EMPTY_FILE, "%s", ori_status_text(ORI_EMPTY_FILE));
    if (bytes_max > 0 && bytes > bytes_max)
        return ori_error_set(err, ORI_LIMIT, "%lld bytes, more than VP_MAX_BYTES=%lld",
                             (long long)bytes, (long long)bytes_max);
    if (bytes > INT64_MAX - BLOCK)
        return ori_error_set(err, ORI_LIMIT, "more bytes than a file can have");
    return ORI_OK;
}

static ori_status make(const struct ori_medium_place *place, const struct ori_remote_facts *facts,
                       struct ori_medium_remote **ret_remote, struct ori_error *err)
{
    struct ori_medium_remote *remote = calloc(1, sizeof *remote);
    if (!remote)
        return ori_error_set(err, ORI_NOMEM, "a video far away");
    *ret_remote = remote;
    remote->ops = place->ops;
    remote->object = place->object;
    remote->fd = -1;
    remote->bytes = facts->bytes;
    remote->blocks = (facts->bytes + BLOCK - 1) / BLOCK;
    remote->next_block = -1;
    memcpy(remote->etag, facts->etag, sizeof remote->etag);
    remote->has = calloc((size_t)(remote->blocks + 7) / 8, 1);
    remote->run = malloc((size_t)RUN_BYTES);
    if (!remote->has || !remote->run)
        return ori_error_set(err, ORI_NOMEM, "a video far away");
    remote->fetched = facts->head_bytes;
    const int64_t end =
        facts->head_bytes < facts->bytes ? facts->head_bytes / BLOCK : remote->blocks;
    for (int64_t block = 0; block < end; block++)
        remote->has[block / 8] |= (uint8_t)(1 << (block % 8));
    return ORI_OK;
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
    remote->next_block = -1;
    remote->ahead = 0;
    remote->straight = 0;
    return status;
}

ori_status ori_medium_remote_open(const struct ori_medium_place *place, int64_t bytes_max,
                                  const char *folder, const struct ori_wait *wait,
                                  struct ori_medium_remote **ret_remote, int *ret_fd,
                                  int64_t *ret_bytes, struct ori_error *err)
{
    struct files files = {.fd = -1, .fd_given = -1};
    const struct ori_remote_sink sink = {.self = &files, .wanted = BLOCK, .write = take_head};
    struct ori_medium_remote *remote = NULL;
    struct ori_remote_facts facts = {.bytes = 0};
    ori_status status = open_files(folder, &files, err);
    if (status == ORI_OK)
        status = place->ops->open(place->object, bytes_max, &sink, &facts, wait, err);
    if (status == ORI_OK)
        status = check_size(facts.bytes, bytes_max, err);
    if (status == ORI_OK)
        status = make(place, &facts, &remote, err);
    if (status == ORI_OK) {
        remote->fd = files.fd;
        files.fd = -1;
        if (ftruncate(remote->fd, remote->bytes) != 0)
            status = ori_error_set_errno(err, errno, true, "a file in VP_TMP_DIR %s", folder);
    }
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
    if (it->fd >= 0)
        close(it->fd);
    free(it->has);
    free(it->run);
    free(it);
    *remote = NULL;
}
