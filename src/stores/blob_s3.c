/* stores/blob_s3.c: objects in one bucket of S3.
 * Writing   a put is atomic by S3's own word; there are no parts to sweep
 * Locking   by a folder store of this machine: blob.h says what that means for several
 * Listing   directly under "{platform}/{code}/": what lies deeper, or has a name that no key of ours
 *           could have, is not there */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/s3.h"
#include "stores/blob_priv.h"
#include "util/limits.h"

struct s3_store {
    struct ori_blob_store base;
    struct ori_s3 *s3; /* borrowed */
    char *bucket;
    struct ori_blob_store *locks; /* a folder; NULL in a store that only reads */
};

static struct s3_store *store_of(struct ori_blob_store *store)
{
    return (struct s3_store *)store; /* base is the first field */
}

static struct ori_s3_name name_of(const struct s3_store *store, const char *key)
{
    return (struct ori_s3_name){.bucket = store->bucket, .key = key};
}

static ori_status check_writable(const struct s3_store *store, const char *key,
                                 struct ori_error *err)
{
    if (store->locks)
        return ORI_OK;
    return ori_error_set(err, ORI_NOT_WRITABLE, "%s: the store was opened to read", key);
}

static ori_status s3_put(struct ori_blob_store *base, const char *key, const void *data,
                         size_t bytes, const char *content_type, const struct ori_wait *wait,
                         struct ori_error *err)
{
    const struct s3_store *store = store_of(base);
    const struct ori_s3_name name = name_of(store, key);
    const ori_status status = check_writable(store, key, err);
    if (status != ORI_OK)
        return status;
    return ori_s3_put(store->s3, &name, data, bytes, content_type, wait, err);
}

static ori_status s3_get(struct ori_blob_store *base, const char *key, size_t bytes_max,
                         uint8_t **ret_data, size_t *ret_bytes, const struct ori_wait *wait,
                         struct ori_error *err)
{
    const struct s3_store *store = store_of(base);
    const struct ori_s3_name name = name_of(store, key);
    return ori_s3_get(store->s3, &name, bytes_max, ret_data, ret_bytes, wait, err);
}

static ori_status s3_remove(struct ori_blob_store *base, const char *key,
                            const struct ori_wait *wait, struct ori_error *err)
{
    const struct s3_store *store = store_of(base);
    const struct ori_s3_name name = name_of(store, key);
    const ori_status status = check_writable(store, key, err);
    return status == ORI_OK ? ori_s3_delete(store->s3, &name, wait, err) : status;
}

static ori_status s3_stat(struct ori_blob_store *base, const char *key, int64_t *ret_bytes,
                          const struct ori_wait *wait, struct ori_error *err)
{
    const struct s3_store *store = store_of(base);
    const struct ori_s3_name name = name_of(store, key);
    struct ori_s3_facts facts;
    const ori_status status = ori_s3_head(store->s3, &name, &facts, wait, err);
    if (status == ORI_OK)
        *ret_bytes = facts.bytes;
    return status;
}

static ori_status s3_modified(struct ori_blob_store *base, const char *key, int64_t *ret_modified_s,
                              const struct ori_wait *wait, struct ori_error *err)
{
    const struct s3_store *store = store_of(base);
    const struct ori_s3_name name = name_of(store, key);
    struct ori_s3_facts facts;
    const ori_status status = ori_s3_head(store->s3, &name, &facts, wait, err);
    if (status == ORI_OK)
        *ret_modified_s = facts.modified_s;
    return status;
}

static ori_status s3_check(struct ori_blob_store *base, const struct ori_wait *wait,
                           struct ori_error *err)
{
    const struct s3_store *store = store_of(base);
    return ori_s3_check(store->s3, store->bucket, wait, err);
}

struct listing {
    size_t prefix_bytes;
    ori_blob_visit_fn visit;
    void *self;
};

static ori_status visit_key(void *self, const char *key, int64_t bytes, struct ori_error *err)
{
    const struct listing *listing = self;
    /* A server may answer what it likes: what is too short for the prefix is not below it. */
    if (strnlen(key, listing->prefix_bytes) < listing->prefix_bytes)
        return ORI_OK;
    const char *file = key + listing->prefix_bytes;
    if (!ori_blob_is_name(file) || strchr(file, '/'))
        return ORI_OK;
    return listing->visit(listing->self, file, bytes, err);
}

static ori_status s3_list_video(struct ori_blob_store *base, const char *platform, const char *code,
                                ori_blob_visit_fn visit, void *self, const struct ori_wait *wait,
                                struct ori_error *err)
{
    const struct s3_store *store = store_of(base);
    char prefix[2 * ORI_LIMIT_MAX_CODE_CHARS + 3];
    const int bytes = snprintf(prefix, sizeof prefix, "%s/%s/", platform, code);
    ORI_ASSERT(bytes > 0 && (size_t)bytes < sizeof prefix); /* blob.c has checked both */
    struct listing listing = {.prefix_bytes = (size_t)bytes, .visit = visit, .self = self};
    return ori_s3_list(store->s3, store->bucket, prefix, "/", visit_key, &listing, wait, err);
}

/* The folders of a bucket, platform by platform. */
struct walk {
    struct s3_store *store;
    ori_blob_visit_video_fn visit;
    void *self;
    const struct ori_wait *wait;
    char platform[ORI_LIMIT_MAX_CODE_CHARS + 1];
};

/* The last name of "a/name/", when it may be a platform's or a code's. */
static bool read_folder(const char *key, size_t prefix_bytes, char *ret_name)
{
    if (strnlen(key, prefix_bytes) < prefix_bytes)
        return false;
    const char *name = key + prefix_bytes;
    const size_t bytes = strcspn(name, "/");
    if (bytes < 1 || bytes > ORI_LIMIT_MAX_CODE_CHARS || strcmp(name + bytes, "/") != 0)
        return false;
    memcpy(ret_name, name, bytes);
    ret_name[bytes] = '\0';
    return ori_blob_is_name(ret_name);
}

static ori_status visit_code(void *self, const char *key, int64_t bytes, struct ori_error *err)
{
    const struct walk *walk = self;
    char code[ORI_LIMIT_MAX_CODE_CHARS + 1];
    (void)bytes;
    if (!read_folder(key, strlen(walk->platform) + 1, code))
        return ORI_OK;
    return walk->visit(walk->self, walk->platform, code, err);
}

static ori_status visit_platform(void *self, const char *key, int64_t bytes, struct ori_error *err)
{
    struct walk *walk = self;
    (void)bytes;
    if (!read_folder(key, 0, walk->platform))
        return ORI_OK;
    return ori_s3_list_folders(walk->store->s3, walk->store->bucket, key, visit_code, walk,
                               walk->wait, err);
}

static ori_status s3_list_videos(struct ori_blob_store *base, ori_blob_visit_video_fn visit,
                                 void *self, const struct ori_wait *wait, struct ori_error *err)
{
    struct s3_store *store = store_of(base);
    struct walk walk = {.store = store, .visit = visit, .self = self, .wait = wait};
    return ori_s3_list_folders(store->s3, store->bucket, "", visit_platform, &walk, wait, err);
}

static ori_status s3_lock_video(struct ori_blob_store *base, const char *platform, const char *code,
                                bool is_waiting, const struct ori_cancel *cancel,
                                struct ori_blob_lock **ret_lock, struct ori_error *err)
{
    const struct s3_store *store = store_of(base);
    const ori_status status = check_writable(store, code, err);
    if (status != ORI_OK)
        return status;
    if (!is_waiting)
        return ori_blob_try_lock_video(store->locks, platform, code, ret_lock, err);
    return ori_blob_lock_video(store->locks, platform, code, cancel, ret_lock, err);
}

/* Never called: a lock is one of the folder store, and knows how it ends. */
static void s3_unlock_video(struct ori_blob_lock *lock)
{
    (void)lock;
    ORI_ASSERT(false);
}

static void s3_close(struct ori_blob_store *base)
{
    struct s3_store *store = store_of(base);
    ori_blob_close(&store->locks);
    free(store->bucket);
    free(store);
}

static const struct ori_blob_ops s3_ops = {
    .close = s3_close,
    .put = s3_put,
    .get = s3_get,
    .remove = s3_remove,
    .stat = s3_stat,
    .modified = s3_modified,
    .check = s3_check,
    .list_video = s3_list_video,
    .list_videos = s3_list_videos,
    .lock_video = s3_lock_video,
    .unlock_video = s3_unlock_video,
};

ori_status ori_blob_open_s3(const struct ori_blob_s3_options *options,
                            struct ori_blob_store **ret_store, struct ori_error *err)
{
    ORI_ASSERT(options->s3 && options->bucket && ret_store);
    struct s3_store *store = calloc(1, sizeof *store);
    if (!store)
        return ori_error_set(err, ORI_NOMEM, "object store %s", options->bucket);
    ori_status status = ORI_OK;
    store->base.ops = &s3_ops;
    store->base.puts_max = ori_s3_connections_max(options->s3);
    store->s3 = options->s3;
    store->bucket = strdup(options->bucket);
    if (!store->bucket)
        status = ori_error_set(err, ORI_NOMEM, "object store %s", options->bucket);
    if (status == ORI_OK && !options->is_read_only)
        status = ori_blob_open_fs(options->lock_folder, false, &store->locks, err);
    if (status != ORI_OK)
        s3_close(&store->base);
    else
        *ret_store = &store->base;
    return status;
}
