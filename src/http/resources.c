#include "http/resources.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"

struct kept_scratch {
    pthread_t thread;
    const struct ori_model *model; /* it belongs to */
    struct ori_model_scratch *scratch;
};

struct thumb {
    struct thumb *next; /* used less recently */
    struct thumb *previous;
    char *key;
    uint8_t *data;
    size_t bytes;
};

struct ori_resources {
    pthread_mutex_t lock; /* of all below; never held while anything is computed or read */
    struct kept_scratch scratches[ORI_LIMIT_MAX_KEPT_SCRATCHES];
    size_t scratches_count;
    struct thumb *newest;
    struct thumb *oldest;
    size_t thumb_bytes;
};

ori_status ori_resources_create(struct ori_resources **ret_resources, struct ori_error *err)
{
    struct ori_resources *resources = calloc(1, sizeof *resources);
    if (!resources)
        return ori_error_set(err, ORI_NOMEM, "what handlers keep");
    if (pthread_mutex_init(&resources->lock, NULL) != 0) {
        free(resources);
        return ori_error_set(err, ORI_NOMEM, "lock of what handlers keep");
    }
    *ret_resources = resources;
    return ORI_OK;
}

static size_t thumb_size(const struct thumb *thumb)
{
    return thumb->bytes + strlen(thumb->key) + sizeof *thumb;
}

static void unlink_thumb(struct ori_resources *resources, struct thumb *thumb)
{
    if (thumb->previous)
        thumb->previous->next = thumb->next;
    else
        resources->newest = thumb->next;
    if (thumb->next)
        thumb->next->previous = thumb->previous;
    else
        resources->oldest = thumb->previous;
    thumb->next = NULL;
    thumb->previous = NULL;
    resources->thumb_bytes -= thumb_size(thumb);
}

static void link_newest(struct ori_resources *resources, struct thumb *thumb)
{
    thumb->next = resources->newest;
    if (resources->newest)
        resources->newest->previous = thumb;
    else
        resources->oldest = thumb;
    resources->newest = thumb;
    resources->thumb_bytes += thumb_size(thumb);
}

static void destroy_thumb(struct thumb *thumb)
{
    if (!thumb)
        return;
    free(thumb->key);
    free(thumb->data);
    free(thumb);
}

void ori_resources_destroy(struct ori_resources **resources)
{
    struct ori_resources *gone = resources ? *resources : NULL;
    if (!gone)
        return;
    for (size_t i = 0; i < gone->scratches_count; i++)
        ori_model_scratch_destroy(&gone->scratches[i].scratch);
    while (gone->newest) {
        struct thumb *thumb = gone->newest;
        unlink_thumb(gone, thumb);
        destroy_thumb(thumb);
    }
    pthread_mutex_destroy(&gone->lock);
    free(gone);
    *resources = NULL;
}

/* The calling thread's, or NULL. Another thread never touches it, so that it needs no lock in use. */
static struct ori_model_scratch *find_scratch(struct ori_resources *resources,
                                              const struct ori_model *model)
{
    struct ori_model_scratch *found = NULL;
    pthread_mutex_lock(&resources->lock);
    for (size_t i = 0; !found && i < resources->scratches_count; i++) {
        const struct kept_scratch *kept = &resources->scratches[i];
        if (pthread_equal(kept->thread, pthread_self()) && kept->model == model)
            found = kept->scratch;
    }
    pthread_mutex_unlock(&resources->lock);
    return found;
}

ori_status ori_resources_scratch(struct ori_resources *resources, const struct ori_model *model,
                                 struct ori_model_scratch **ret_scratch, bool *ret_is_kept,
                                 struct ori_error *err)
{
    struct ori_model_scratch *scratch = find_scratch(resources, model);
    *ret_is_kept = scratch != NULL;
    if (!scratch) {
        ori_status status = ori_model_scratch_create(model, &scratch, err);
        if (status != ORI_OK)
            return status;
        pthread_mutex_lock(&resources->lock);
        if (resources->scratches_count < ORI_LIMIT_MAX_KEPT_SCRATCHES) {
            resources->scratches[resources->scratches_count++] =
                (struct kept_scratch){.thread = pthread_self(), .model = model, .scratch = scratch};
            *ret_is_kept = true;
        }
        pthread_mutex_unlock(&resources->lock);
    }
    *ret_scratch = scratch;
    return ORI_OK;
}

static struct thumb *find_thumb(const struct ori_resources *resources, const char *key)
{
    struct thumb *thumb = resources->newest;
    while (thumb && strcmp(thumb->key, key) != 0)
        thumb = thumb->next;
    return thumb;
}

bool ori_resources_thumb(struct ori_resources *resources, const char *key, uint8_t **ret_data,
                         size_t *ret_bytes)
{
    uint8_t *copy = NULL;
    pthread_mutex_lock(&resources->lock);
    struct thumb *thumb = find_thumb(resources, key);
    if (thumb) {
        unlink_thumb(resources, thumb);
        link_newest(resources, thumb);
        copy = malloc(thumb->bytes);
    }
    if (copy) {
        memcpy(copy, thumb->data, thumb->bytes);
        *ret_data = copy;
        *ret_bytes = thumb->bytes;
    }
    pthread_mutex_unlock(&resources->lock);
    return copy != NULL;
}

static struct thumb *create_thumb(const char *key, const void *data, size_t bytes)
{
    struct thumb *thumb = calloc(1, sizeof *thumb);
    if (!thumb)
        return NULL;
    thumb->key = strdup(key);
    thumb->data = malloc(bytes);
    if (!thumb->key || !thumb->data) {
        destroy_thumb(thumb);
        return NULL;
    }
    memcpy(thumb->data, data, bytes);
    thumb->bytes = bytes;
    return thumb;
}

void ori_resources_keep_thumb(struct ori_resources *resources, const char *key, const void *data,
                              size_t bytes)
{
    if (bytes == 0 || bytes >= ORI_LIMIT_MAX_THUMB_CACHE_BYTES)
        return;
    struct thumb *thumb = create_thumb(key, data, bytes);
    if (!thumb || thumb_size(thumb) > ORI_LIMIT_MAX_THUMB_CACHE_BYTES) {
        destroy_thumb(thumb);
        return;
    }
    pthread_mutex_lock(&resources->lock);
    struct thumb *same = find_thumb(resources, key); /* two threads made it at once */
    if (same)
        unlink_thumb(resources, same);
    destroy_thumb(same);
    link_newest(resources, thumb);
    while (resources->thumb_bytes > ORI_LIMIT_MAX_THUMB_CACHE_BYTES) {
        struct thumb *least = resources->oldest;
        unlink_thumb(resources, least);
        destroy_thumb(least);
    }
    pthread_mutex_unlock(&resources->lock);
}
