/* One file of a model. The partial file is written by one process at a time, the one that holds the
 * blob's lock; its bytes are hashed as they come, those of an earlier attempt when it is opened. */
#include "embed/hub_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "net/backoff.h"
#include "net/content_range.h"
#include "util/clock.h"
#include "util/fs.h"
#include "util/hash.h"
#include "util/text.h"

#define HEAD_DEADLINE_US INT64_C(300000000)
#define HEAD_RETRIES 4
#define GET_RETRIES 2       /* of the client, before a byte has come */
#define TRIES 5             /* in a row that brought less than STEP_BYTES */
#define STEP_BYTES 1048576  /* so much more is progress */
#define SLACK_BYTES 1048576 /* for the body of an answer that is a refusal */
#define BACKOFF_BASE_US 200000
#define BACKOFF_MAX_US 10000000
#define LOCK_POLL_MS 100
#define READ_BYTES 1048576

struct blob {
    struct ori_hub *hub;
    const struct ori_hub_file *file;
    char *path;            /* blobs/HASH */
    char *part;            /* blobs/HASH.incomplete */
    int fd;                /* of the part; -1 */
    struct ori_hash *hash; /* of the first `have` bytes */
    int64_t have;
    bool has_old_bytes;            /* from an earlier process: they may be what is wrong */
    bool is_body_begun;            /* of this request: its first piece has been looked at */
    struct ori_net_answer *answer; /* of this request */
};

/* ---- what the file is ---- */

/* "W/"abc"" and ""abc"" to "abc". */
static bool read_etag(const char *etag, char ret_oid[ORI_HUB_OID_BYTES])
{
    if (!etag)
        return false;
    if (strncmp(etag, "W/", 2) == 0)
        etag += 2;
    size_t bytes = strlen(etag);
    if (bytes >= 2 && etag[0] == '"' && etag[bytes - 1] == '"') {
        etag++;
        bytes -= 2;
    }
    if (bytes >= ORI_HUB_OID_BYTES)
        return false;
    memcpy(ret_oid, etag, bytes);
    ret_oid[bytes] = '\0';
    return ori_hub_is_oid(ret_oid);
}

static ori_status read_head(const struct ori_hub *hub, const struct ori_net_answer *answer,
                            struct ori_hub_file *file, struct ori_error *err)
{
    char oid[ORI_HUB_OID_BYTES];
    int64_t size = -1;
    const char *linked = ori_net_answer_header(answer, "X-Linked-ETag");
    const char *linked_size = ori_net_answer_header(answer, "X-Linked-Size");
    const char *length =
        linked_size ? linked_size : ori_net_answer_header(answer, "Content-Length");
    const char *commit = ori_net_answer_header(answer, "X-Repo-Commit");
    if (commit && strcmp(commit, hub->commit) != 0)
        return ori_error_set(err, ORI_BAD_MODEL, "%s: the hub answers with another commit's file",
                             file->name);
    if (!read_etag(linked ? linked : ori_net_answer_header(answer, "ETag"), oid))
        return ori_error_set(
            err, ORI_BAD_MODEL,
            "%s: the hub says no SHA-256 or git hash of it, so it cannot be checked", file->name);
    if (!length || !ori_text_to_int(length, &size) || size < 0)
        return ori_error_set(err, ORI_BAD_MODEL, "%s: the hub does not say its size", file->name);
    if (size > ori_hub_bytes_max(file->name))
        return ori_error_set(err, ORI_LIMIT, "%s has more than %" PRId64 " bytes", file->name,
                             ori_hub_bytes_max(file->name));
    if ((file->oid[0] && strcmp(file->oid, oid) != 0) || (file->size >= 0 && file->size != size))
        return ori_error_set(err, ORI_BAD_MODEL,
                             "%s: the hub contradicts itself about its hash or size", file->name);
    memcpy(file->oid, oid, sizeof oid);
    file->size = size;
    return ORI_OK;
}

/* "{endpoint}/{repo}/resolve/{commit}/{file}"; none of the parts needs an escape. */
static ori_status url_of(const struct ori_hub *hub, const char *name, struct ori_buf *url,
                         struct ori_error *err)
{
    ori_buf_init(url, ORI_LIMIT_MAX_NET_URL_BYTES);
    ori_buf_printf(url, "%s/%s/resolve/%s/%s", hub->endpoint, hub->name.repo, hub->commit, name);
    return ori_buf_finish(url, "URL of the hub", err);
}

static ori_status ask_head(struct ori_hub *hub, struct ori_hub_file *file, struct ori_error *err)
{
    struct ori_buf url;
    struct ori_net_answer answer;
    struct ori_hub_ask ask = {.method = "HEAD",
                              .bytes_max = INT64_MAX, /* it has none */
                              .retries = HEAD_RETRIES,
                              .deadline_us = ori_clock_us() + HEAD_DEADLINE_US,
                              .stops_at_link = true};
    ori_net_answer_init(&answer);
    ori_status status = url_of(hub, file->name, &url, err);
    ask.url = ori_buf_text(&url);
    if (status == ORI_OK)
        status = ori_hub_fetch(hub, &ask, &answer, err);
    if (status == ORI_OK && answer.status >= 400)
        status = ori_hub_refuse(hub, &answer, file->name, err);
    else if (status == ORI_OK)
        status = read_head(hub, &answer, file, err);
    ori_net_answer_deinit(&answer);
    ori_buf_deinit(&url);
    return status;
}

/* ---- the lock ---- */

/* The lock's file is open and is still the one of that path: who held it before may have taken it
 * away. *ret_fd stays -1 when it is not. */
static ori_status try_lock(const char *path, int *ret_fd, bool *ret_is_busy, struct ori_error *err)
{
    struct stat here = {0};
    struct stat there = {0};
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0)
        return ori_error_set_errno(err, errno, true, "%s", path);
    *ret_is_busy = false;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int errnum = errno;
        close(fd);
        *ret_is_busy = errnum == EWOULDBLOCK;
        return *ret_is_busy || errnum == EINTR
                   ? ORI_OK
                   : ori_error_set_errno(err, errnum, true, "lock of %s", path);
    }
    if (fstat(fd, &here) == 0 && stat(path, &there) == 0 && here.st_ino == there.st_ino &&
        here.st_dev == there.st_dev)
        *ret_fd = fd;
    else
        close(fd);
    return ORI_OK;
}

static ori_status take_lock(const struct ori_hub *hub, const struct ori_hub_file *file, int *ret_fd,
                            struct ori_error *err)
{
    char *path = NULL;
    bool has_said = false;
    char name[ORI_HUB_OID_BYTES + 8];
    snprintf(name, sizeof name, "%s.lock", file->oid);
    ori_status status = ori_fs_join(hub->locks, name, &path, err);
    while (status == ORI_OK && *ret_fd < 0) {
        bool is_busy = false;
        status = try_lock(path, ret_fd, &is_busy, err);
        if (status != ORI_OK || !is_busy)
            continue;
        if (!has_said)
            ori_hub_note(hub, "%s: another process is loading it; waiting for that", file->name);
        has_said = true;
        if (ori_cancel_wait(hub->cancel, LOCK_POLL_MS) == ORI_CANCELLED)
            status = ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
    }
    free(path);
    return status;
}

/* ---- the partial file ---- */

static void tell_progress(struct blob *blob, int64_t more)
{
    struct ori_hub_progress *progress = &blob->hub->progress;
    const struct ori_hub_watch *watch = &blob->hub->options->watch;
    progress->file_bytes += more;
    progress->bytes += more;
    if (watch->on_progress)
        watch->on_progress(watch->self, progress);
}

/* SHA-256 of the bytes; or git's hash of a blob: SHA-1 of "blob SIZE", a NUL, and the bytes. */
static ori_status begin_hash(struct blob *blob, struct ori_error *err)
{
    char head[32];
    bool is_git = strlen(blob->file->oid) == 40;
    ori_hash_destroy(&blob->hash);
    ori_status status = ori_hash_create(is_git ? ORI_HASH_SHA1 : ORI_HASH_SHA256, &blob->hash, err);
    if (status == ORI_OK && is_git) {
        int bytes = snprintf(head, sizeof head, "blob %" PRId64, blob->file->size);
        status = ori_hash_add(blob->hash, head, (size_t)bytes + 1, err);
    }
    return status;
}

/* Empty again. */
static ori_status restart(struct blob *blob, struct ori_error *err)
{
    tell_progress(blob, -blob->have);
    blob->have = 0;
    blob->has_old_bytes = false;
    if (ftruncate(blob->fd, 0) != 0 || lseek(blob->fd, 0, SEEK_SET) < 0)
        return ori_error_set_errno(err, errno, true, "%s", blob->part);
    return begin_hash(blob, err);
}

/* What an earlier attempt left is hashed. */
static ori_status read_old_bytes(struct blob *blob, int64_t bytes, struct ori_error *err)
{
    ori_status status = ORI_OK;
    char *data = malloc(READ_BYTES);
    if (!data)
        return ori_error_set(err, ORI_NOMEM, "%s", blob->part);
    while (status == ORI_OK && blob->have < bytes) {
        size_t got = 0;
        size_t wanted = bytes - blob->have < READ_BYTES ? (size_t)(bytes - blob->have) : READ_BYTES;
        status = ori_fs_read_at(blob->fd, blob->have, data, wanted, &got, err);
        if (status == ORI_OK && got == 0)
            status = ori_error_set(err, ORI_IO, "%s became shorter", blob->part);
        if (status == ORI_OK && ori_cancel_is_set(blob->hub->cancel))
            status = ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
        if (status == ORI_OK)
            status = ori_hash_add(blob->hash, data, got, err);
        if (status == ORI_OK) {
            blob->have += (int64_t)got;
            tell_progress(blob, (int64_t)got);
        }
    }
    free(data);
    if (status == ORI_OK && lseek(blob->fd, blob->have, SEEK_SET) < 0)
        status = ori_error_set_errno(err, errno, true, "%s", blob->part);
    blob->has_old_bytes = blob->have > 0;
    return status;
}

ori_status ori_hub_check_room(const struct ori_hub *hub, const char *what, int64_t missing,
                              struct ori_error *err)
{
    struct statvfs volume;
    uint64_t room = 0;
    if (missing <= 0 || statvfs(hub->model, &volume) != 0) /* then the writing will tell */
        return ORI_OK;
    if (__builtin_mul_overflow((uint64_t)volume.f_bavail, (uint64_t)volume.f_frsize, &room) ||
        (uint64_t)missing <= room)
        return ORI_OK;
    return ori_error_set(err, ORI_DISK_FULL,
                         "%s: %" PRId64 " bytes are still to come, but %" PRIu64
                         " are free where %s lies; make room or set HF_HOME",
                         what, missing, room, hub->options->cache);
}

static ori_status open_part(struct blob *blob, struct ori_error *err)
{
    struct stat info = {0};
    blob->fd = open(blob->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (blob->fd < 0 || fstat(blob->fd, &info) != 0)
        return ori_error_set_errno(err, errno, true, "%s", blob->part);
    if (!S_ISREG(info.st_mode))
        return ori_error_set(err, ORI_NOT_A_FILE, "%s: not a regular file", blob->part);
    ori_status status = begin_hash(blob, err);
    if (status == ORI_OK && info.st_size > blob->file->size)
        status = restart(blob, err);
    else if (status == ORI_OK && info.st_size > 0)
        status = read_old_bytes(blob, info.st_size, err);
    if (status == ORI_OK)
        status =
            ori_hub_check_room(blob->hub, blob->file->name, blob->file->size - blob->have, err);
    return status;
}

/* ---- the transfer ---- */

/* "bytes FIRST-LAST/TOTAL", or "*" for the total. */
static bool is_range_from(const char *text, int64_t first, int64_t total)
{
    struct ori_content_range range;
    return ori_content_range_read(text, &range) && range.first == first &&
           (range.total < 0 || range.total == total);
}

/* Do the bytes that are about to come stand where ours end? */
static ori_status begin_body(struct blob *blob, struct ori_error *err)
{
    const struct ori_net_answer *answer = blob->answer;
    blob->is_body_begun = true;
    if (answer->status == 206 &&
        is_range_from(ori_net_answer_header(answer, "Content-Range"), blob->have, blob->file->size))
        return ORI_OK;
    if (answer->status == 206)
        return ori_error_set(err, ORI_BAD_MODEL,
                             "%s: the hub sends another part than was asked for", blob->file->name);
    if (answer->status != 200)
        return ori_hub_refuse(blob->hub, answer, blob->file->name, err);
    return blob->have > 0 ? restart(blob, err) : ORI_OK;
}

static ori_status take_piece(void *self, const void *data, size_t bytes, struct ori_error *err)
{
    struct blob *blob = self;
    ori_status status = blob->is_body_begun ? ORI_OK : begin_body(blob, err);
    if (status != ORI_OK)
        return status;
    if ((int64_t)bytes > blob->file->size - blob->have)
        return ori_error_set(err, ORI_BAD_MODEL,
                             "%s: the hub sends more than the %" PRId64 " bytes it announced",
                             blob->file->name, blob->file->size);
    status = ori_fs_write_all(blob->fd, data, bytes, err);
    if (status != ORI_OK) {
        ori_error_context(err, "%s", blob->part);
        return status;
    }
    status = ori_hash_add(blob->hash, data, bytes, err);
    blob->have += (int64_t)bytes;
    blob->hub->progress.bytes_loaded += (int64_t)bytes;
    tell_progress(blob, (int64_t)bytes);
    return status;
}

/* One request. ORI_AGAIN: it broke off, err says how. */
static ori_status load_once(struct blob *blob, const char *url, struct ori_error *err)
{
    struct ori_net_answer answer;
    struct ori_hub_ask ask = {.method = "GET",
                              .url = url,
                              .first_byte = blob->have,
                              .bytes_max = (size_t)blob->file->size + SLACK_BYTES,
                              .retries = GET_RETRIES,
                              .deadline_us = ORI_CLOCK_NO_DEADLINE,
                              .on_body = take_piece,
                              .on_body_self = blob};
    ori_net_answer_init(&answer);
    blob->answer = &answer;
    blob->is_body_begun = false;
    ori_status status = ori_hub_fetch(blob->hub, &ask, &answer, err);
    bool is_good = answer.status == 200 || answer.status == 206;
    if (status == ORI_NETWORK || status == ORI_TIMEOUT)
        status = ORI_AGAIN;
    else if (status == ORI_OK && answer.status == 416 && blob->have > 0)
        status = restart(blob, err) == ORI_OK ? ORI_AGAIN : err->status;
    else if (status == ORI_OK && !is_good)
        status = ori_hub_refuse(blob->hub, &answer, blob->file->name, err);
    else if (status == ORI_OK && blob->have < blob->file->size)
        status = ORI_AGAIN; /* a whole answer, and yet too short */
    if (status == ORI_AGAIN)
        (void)ori_error_set(err, ORI_NETWORK,
                            "the answer ended after %" PRId64 " of %" PRId64 " bytes", blob->have,
                            blob->file->size);
    blob->answer = NULL;
    ori_net_answer_deinit(&answer);
    return status;
}

/* Requests until all bytes are here. */
static ori_status load(struct blob *blob, struct ori_error *err)
{
    struct ori_buf url;
    int tries = 0;
    int breaks = 0;
    ori_status status = url_of(blob->hub, blob->file->name, &url, err);
    while (status == ORI_OK && blob->have < blob->file->size) {
        struct ori_error cause = {0};
        int64_t before = blob->have;
        status = load_once(blob, ori_buf_text(&url), &cause);
        if (status == ORI_OK)
            break;
        breaks++;
        tries = blob->have - before >= STEP_BYTES ? 1 : tries + 1;
        if (status != ORI_AGAIN || tries == TRIES || breaks == ORI_LIMIT_MAX_HUB_BREAKS) {
            status = ori_error_set(err, cause.status, "%s", cause.text);
            break;
        }
        ori_hub_note(blob->hub, "%s: %s; going on at %" PRId64 " of %" PRId64 " bytes",
                     blob->file->name, cause.text, blob->have, blob->file->size);
        int64_t wait_us =
            ori_backoff_us(tries, BACKOFF_BASE_US, BACKOFF_MAX_US, ori_backoff_random());
        status = ORI_OK;
        if (ori_cancel_wait(blob->hub->cancel, (int)(wait_us / 1000)) == ORI_CANCELLED)
            status = ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
    }
    ori_buf_deinit(&url);
    return status;
}

/* ---- the end ---- */

static ori_status is_genuine(struct blob *blob, bool *ret_is_genuine, struct ori_error *err)
{
    uint8_t digest[ORI_HASH_BYTES_MAX];
    char hex[2 * ORI_HASH_BYTES_MAX + 1];
    ori_status status = ori_hash_finish(blob->hash, digest, err);
    if (status == ORI_OK) {
        ori_hash_hex(digest, strlen(blob->file->oid) / 2, hex);
        *ret_is_genuine = strcmp(hex, blob->file->oid) == 0;
    }
    return status;
}

static ori_status load_and_check(struct blob *blob, struct ori_error *err)
{
    for (;;) {
        bool is_genuine_now = false;
        bool has_old_bytes = false;
        ori_status status = load(blob, err);
        has_old_bytes = blob->has_old_bytes;
        if (status == ORI_OK)
            status = is_genuine(blob, &is_genuine_now, err);
        if (status != ORI_OK || is_genuine_now)
            return status;
        if (!has_old_bytes)
            break;
        ori_hub_note(blob->hub, "%s: what an earlier attempt left is damaged; begun again",
                     blob->file->name);
        status = restart(blob, err);
        if (status != ORI_OK)
            return status;
    }
    return ori_error_set(err, ORI_BAD_MODEL,
                         "%s: its hash is not the one that the hub announced (%s); nothing is kept "
                         "of it",
                         blob->file->name, blob->file->oid);
}

static ori_status publish(struct blob *blob, struct ori_error *err)
{
    const ori_status status = ori_fs_sync(blob->fd, err);
    if (status != ORI_OK) {
        ori_error_context(err, "%s", blob->part);
        return status;
    }
    if (rename(blob->part, blob->path) != 0)
        return ori_error_set_errno(err, errno, true, "%s", blob->path);
    return ori_fs_sync_folder_of(AT_FDCWD, blob->path, err);
}

static bool is_whole(const char *path, int64_t size)
{
    struct stat info = {0};
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_size == size;
}

static ori_status pull_locked(struct blob *blob, bool *ret_was_here, struct ori_error *err)
{
    *ret_was_here = is_whole(blob->path, blob->file->size); /* somebody may have been faster */
    if (*ret_was_here) {
        tell_progress(blob, blob->file->size);
        return ORI_OK;
    }
    ori_status status = open_part(blob, err);
    if (status == ORI_OK)
        status = load_and_check(blob, err);
    if (status == ORI_OK)
        status = publish(blob, err);
    else if (status == ORI_BAD_MODEL)
        unlink(blob->part);
    return status;
}

static ori_status name_paths(struct blob *blob, struct ori_error *err)
{
    char name[ORI_HUB_OID_BYTES + 32];
    snprintf(name, sizeof name, "blobs/%s", blob->file->oid);
    ori_status status = ori_fs_join(blob->hub->model, name, &blob->path, err);
    snprintf(name, sizeof name, "blobs/%s.incomplete", blob->file->oid);
    if (status == ORI_OK)
        status = ori_fs_join(blob->hub->model, name, &blob->part, err);
    return status;
}

static int64_t size_of(const char *path)
{
    struct stat info = {0};
    return path && stat(path, &info) == 0 && S_ISREG(info.st_mode) ? info.st_size : -1;
}

int64_t ori_hub_bytes_missing(const struct ori_hub *hub, const struct ori_hub_file *file)
{
    struct blob blob = {.hub = (struct ori_hub *)hub, .file = file};
    int64_t missing = file->size > 0 ? file->size : 0;
    if (missing > 0 && file->oid[0] != '\0' && name_paths(&blob, NULL) == ORI_OK) {
        int64_t here = size_of(blob.path) == file->size ? file->size : size_of(blob.part);
        missing = here < 0 ? missing : here > missing ? 0 : missing - here;
    }
    free(blob.path);
    free(blob.part);
    return missing;
}

ori_status ori_hub_pull_blob(struct ori_hub *hub, struct ori_hub_file *file, bool *ret_was_here,
                             struct ori_error *err)
{
    struct blob blob = {.hub = hub, .file = file, .fd = -1};
    int lock = -1;
    bool was_known = file->size >= 0;
    ori_status status = ask_head(hub, file, err);
    if (status == ORI_OK && !was_known)
        hub->progress.bytes_total += file->size;
    hub->progress.file = file->name;
    hub->progress.file_bytes = 0;
    hub->progress.file_bytes_total = file->size;
    if (status == ORI_OK)
        status = name_paths(&blob, err);
    if (status == ORI_OK)
        status = take_lock(hub, file, &lock, err);
    if (status == ORI_OK)
        status = pull_locked(&blob, ret_was_here, err);
    if (blob.fd >= 0)
        close(blob.fd);
    if (lock >= 0)
        close(lock); /* the file stays, as huggingface_hub leaves its own */
    ori_hash_destroy(&blob.hash);
    free(blob.path);
    free(blob.part);
    return status;
}
