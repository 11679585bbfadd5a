#include "stores/blob.h"

#include <string.h>

#include "stores/blob_priv.h"
#include "util/limits.h"
#include "util/text.h"

const char *ori_blob_next_segment(const char *key, char *segment)
{
    const size_t bytes = strcspn(key, "/");
    ORI_ASSERT(bytes <= ORI_LIMIT_MAX_BLOB_NAME_BYTES);
    memcpy(segment, key, bytes);
    segment[bytes] = '\0';
    return key[bytes] == '/' ? key + bytes + 1 : NULL;
}

/* A name of bytes bytes: not empty, not hidden (so neither "." nor ".."), no control characters,
 * short enough that the name of its part still is one. */
static bool is_name(const char *name, size_t bytes)
{
    if (bytes < 1 || bytes > ORI_LIMIT_MAX_BLOB_NAME_BYTES || name[0] == '.')
        return false;
    for (size_t i = 0; i < bytes; i++) {
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7F)
            return false;
    }
    return true;
}

bool ori_blob_is_name(const char *name)
{
    return is_name(name, strnlen(name, ORI_LIMIT_MAX_BLOB_NAME_BYTES + 1));
}

static ori_status check_key(const char *key, struct ori_error *err)
{
    const size_t bytes = strnlen(key, ORI_LIMIT_MAX_BLOB_KEY_BYTES + 1);
    bool is_legal = bytes <= ORI_LIMIT_MAX_BLOB_KEY_BYTES;
    for (const char *at = key; is_legal && at;) {
        const size_t segment = strcspn(at, "/");
        is_legal = is_name(at, segment);
        at = at[segment] == '/' ? at + segment + 1 : NULL;
    }
    if (is_legal)
        return ORI_OK;
    return ori_error_set(err, ORI_USAGE, "not a key: \"%.100s\"", key);
}

static bool is_code(const char *name)
{
    const size_t bytes = strnlen(name, ORI_LIMIT_MAX_CODE_CHARS + 1);
    return bytes <= ORI_LIMIT_MAX_CODE_CHARS && is_name(name, bytes) && !strchr(name, '/');
}

static ori_status check_video(const char *platform, const char *code, struct ori_error *err)
{
    if (is_code(platform) && is_code(code))
        return ORI_OK;
    return ori_error_set(err, ORI_USAGE, "not a video: \"%.100s/%.100s\"", platform, code);
}

void ori_blob_close(struct ori_blob_store **store)
{
    if (!store || !*store)
        return;
    (*store)->ops->close(*store);
    *store = NULL;
}

int ori_blob_puts_max(const struct ori_blob_store *store)
{
    return store->puts_max;
}

ori_status ori_blob_put(struct ori_blob_store *store, const char *key, const void *data,
                        size_t bytes, const char *content_type, const struct ori_wait *wait,
                        struct ori_error *err)
{
    ORI_ASSERT(store && key && (bytes == 0 || data));
    const ori_status status = check_key(key, err);
    if (status != ORI_OK)
        return status;
    return store->ops->put(store, key, data, bytes, content_type, wait, err);
}

ori_status ori_blob_get(struct ori_blob_store *store, const char *key, size_t bytes_max,
                        uint8_t **ret_data, size_t *ret_bytes, const struct ori_wait *wait,
                        struct ori_error *err)
{
    ORI_ASSERT(store && key && ret_data && ret_bytes);
    const ori_status status = check_key(key, err);
    if (status != ORI_OK)
        return status;
    return store->ops->get(store, key, bytes_max, ret_data, ret_bytes, wait, err);
}

ori_status ori_blob_delete(struct ori_blob_store *store, const char *key,
                           const struct ori_wait *wait, struct ori_error *err)
{
    ORI_ASSERT(store && key);
    const ori_status status = check_key(key, err);
    return status == ORI_OK ? store->ops->remove(store, key, wait, err) : status;
}

ori_status ori_blob_stat(struct ori_blob_store *store, const char *key, int64_t *ret_bytes,
                         const struct ori_wait *wait, struct ori_error *err)
{
    ORI_ASSERT(store && key && ret_bytes);
    const ori_status status = check_key(key, err);
    return status == ORI_OK ? store->ops->stat(store, key, ret_bytes, wait, err) : status;
}

ori_status ori_blob_modified(struct ori_blob_store *store, const char *key, int64_t *ret_modified_s,
                             const struct ori_wait *wait, struct ori_error *err)
{
    ORI_ASSERT(store && key && ret_modified_s);
    const ori_status status = check_key(key, err);
    return status == ORI_OK ? store->ops->modified(store, key, ret_modified_s, wait, err) : status;
}

ori_status ori_blob_check(struct ori_blob_store *store, const struct ori_wait *wait,
                          struct ori_error *err)
{
    ORI_ASSERT(store);
    return store->ops->check(store, wait, err);
}

ori_status ori_blob_list_video(struct ori_blob_store *store, const char *platform, const char *code,
                               ori_blob_visit_fn visit, void *self, const struct ori_wait *wait,
                               struct ori_error *err)
{
    ORI_ASSERT(store && platform && code && visit);
    const ori_status status = check_video(platform, code, err);
    if (status != ORI_OK)
        return status;
    return store->ops->list_video(store, platform, code, visit, self, wait, err);
}

struct legal { /* lets through what is a video */
    ori_blob_visit_video_fn visit;
    void *self;
};

static ori_status visit_legal(void *self, const char *platform, const char *code,
                              struct ori_error *err)
{
    const struct legal *legal = self;
    if (!ori_text_is_code(platform) || !ori_text_is_code(code)) /* no job could have made it */
        return ORI_OK;
    return legal->visit(legal->self, platform, code, err);
}

ori_status ori_blob_list_videos(struct ori_blob_store *store, ori_blob_visit_video_fn visit,
                                void *self, const struct ori_wait *wait, struct ori_error *err)
{
    ORI_ASSERT(store && visit);
    struct legal legal = {.visit = visit, .self = self};
    return store->ops->list_videos(store, visit_legal, &legal, wait, err);
}

ori_status ori_blob_lock_video(struct ori_blob_store *store, const char *platform, const char *code,
                               const struct ori_cancel *cancel, struct ori_blob_lock **ret_lock,
                               struct ori_error *err)
{
    ORI_ASSERT(store && platform && code && ret_lock);
    const ori_status status = check_video(platform, code, err);
    if (status != ORI_OK)
        return status;
    return store->ops->lock_video(store, platform, code, true, cancel, ret_lock, err);
}

ori_status ori_blob_try_lock_video(struct ori_blob_store *store, const char *platform,
                                   const char *code, struct ori_blob_lock **ret_lock,
                                   struct ori_error *err)
{
    ORI_ASSERT(store && platform && code && ret_lock);
    const ori_status status = check_video(platform, code, err);
    if (status != ORI_OK)
        return status;
    return store->ops->lock_video(store, platform, code, false, NULL, ret_lock, err);
}

void ori_blob_unlock_video(struct ori_blob_lock **lock)
{
    if (!lock || !*lock)
        return;
    (*lock)->ops->unlock_video(*lock);
    *lock = NULL;
}
