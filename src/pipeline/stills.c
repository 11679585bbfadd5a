#include "pipeline/stills.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "pipeline/picture.h"
#include "util/limits.h"
#include "util/size.h"

#define TRIES 3 /* of a still whose decode process ended by itself */

/* One still on its way: with the model from lend to collect. */
struct slot {
    struct ori_batcher_ticket ticket; /* first: a ticket leads back to its slot */
    uint8_t *picture;
    bool is_lent;
};

struct embedding {
    const struct ori_stills_options *options;
    const char *const *keys;
    size_t count;
    struct ori_batcher_inbox inbox;
    struct slot *slots;
    size_t slots_count;
    size_t lent;
    float *vectors; /* dim a still */
};

/* A decode process that ended by itself may have been unlucky, unless the system wanted its memory
 * back: then the next one would be no luckier. */
static bool is_worth_another_try(ori_status status, const struct ori_error *err)
{
    return (status == ORI_CHILD_CRASHED && err->native != SIGKILL) ||
           status == ORI_CHILD_PROTOCOL || status == ORI_IO;
}

static ori_status load_still(const struct ori_stills_options *options, const char *key,
                             uint8_t **ret_picture, struct ori_error *err)
{
    const struct ori_wait wait = {.cancel = options->cancel};
    uint8_t *data = NULL;
    size_t bytes = 0;
    struct ori_error why = {0};
    ori_status status =
        ori_blob_get(options->blobs, key, ORI_LIMIT_MAX_PICTURE_BYTES, &data, &bytes, &wait, err);
    if (status != ORI_OK)
        return status;
    const struct ori_picture_request request = {.data = data,
                                                .bytes = (int64_t)bytes,
                                                .settings = options->settings,
                                                .model = options->model,
                                                .child_program = options->child_program};
    for (int i = 0; i < TRIES; i++) {
        why = (struct ori_error){0};
        status = ori_picture_load(&request, options->cancel, ret_picture, &why);
        if (status == ORI_OK || !is_worth_another_try(status, &why))
            break;
    }
    free(data);
    if (status != ORI_OK) {
        ori_error_context(&why, "%s", key);
        if (err)
            *err = why;
    }
    return status;
}

/* Tickets that are back; their slots are free again. */
static ori_status take_back(struct embedding *embedding, size_t lent_so_far, struct ori_error *err)
{
    const struct ori_stills_options *options = embedding->options;
    struct ori_batcher_ticket *ticket = NULL;
    while ((ticket = ori_batcher_collect(&embedding->inbox))) {
        struct slot *slot = (struct slot *)ticket;
        slot->is_lent = false;
        free(slot->picture);
        slot->picture = NULL;
        embedding->lent--;
        if (ticket->status != ORI_OK) {
            if (err)
                *err = ticket->error;
            return ticket->status;
        }
        if (options->on_frame)
            options->on_frame(options->on_frame_self, lent_so_far - embedding->lent,
                              embedding->count);
    }
    return ORI_OK;
}

/* Until at most lent_max stills are with the model. */
static ori_status wait_for_room(struct embedding *embedding, size_t lent_so_far, size_t lent_max,
                                struct ori_error *err)
{
    const struct ori_cancel *cancel = embedding->options->cancel;
    ori_status status = take_back(embedding, lent_so_far, err);
    while (status == ORI_OK && embedding->lent > lent_max) {
        struct pollfd fds[2] = {{.fd = embedding->inbox.fd, .events = POLLIN},
                                {.fd = cancel ? cancel->fd : -1, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return ori_error_set_errno(err, errno, false, "waiting for the model");
        if (ori_cancel_is_set(cancel))
            return ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
        status = take_back(embedding, lent_so_far, err);
    }
    return status;
}

static ori_status lend(struct embedding *embedding, size_t at, struct ori_error *err)
{
    const size_t dim = (size_t)embedding->options->model->dim;
    struct slot *slot = embedding->slots;
    ori_status status = wait_for_room(embedding, at, embedding->slots_count - 1, err);
    if (status != ORI_OK)
        return status;
    while (slot->is_lent)
        slot++;
    status = load_still(embedding->options, embedding->keys[at], &slot->picture, err);
    if (status != ORI_OK)
        return status;
    slot->ticket = (struct ori_batcher_ticket){.picture = slot->picture,
                                               .vector = embedding->vectors + at * dim};
    status = ori_batcher_submit(&embedding->inbox, &slot->ticket, err);
    if (status != ORI_OK)
        return status;
    slot->is_lent = true;
    embedding->lent++;
    return ORI_OK;
}

static ori_status embed_all(struct embedding *embedding, size_t *ret_at, struct ori_error *err)
{
    ori_status status = ORI_OK;
    for (size_t i = 0; i < embedding->count && status == ORI_OK; i++) {
        *ret_at = i;
        if (ori_cancel_is_set(embedding->options->cancel))
            return ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
        status = lend(embedding, i, err);
    }
    if (status == ORI_OK)
        status = wait_for_room(embedding, embedding->count, 0, err);
    return status;
}

ori_status ori_stills_embed(const struct ori_stills_options *options, const char *const *keys,
                            size_t count, float **ret_vectors, size_t *ret_at,
                            struct ori_error *err)
{
    ORI_ASSERT(options && (count == 0 || keys) && ret_vectors);
    struct embedding embedding = {.options = options, .keys = keys, .count = count};
    size_t floats = 0;
    size_t at = 0;
    if (!ori_size_mul(count + 1, (size_t)options->model->dim, &floats))
        return ori_error_set(err, ORI_LIMIT, "%zu vectors", count);
    ori_status status = ori_batcher_inbox_init(options->batcher, &embedding.inbox, err);
    if (status != ORI_OK)
        return status;
    /* As many as a batch: the model may fill one from this video alone. */
    embedding.slots_count = (size_t)options->settings->vp_batch_size + 1;
    embedding.slots = calloc(embedding.slots_count, sizeof *embedding.slots);
    embedding.vectors = calloc(floats, sizeof *embedding.vectors);
    if (embedding.slots && embedding.vectors)
        status = embed_all(&embedding, &at, err);
    else
        status = ori_error_set(err, ORI_NOMEM, "%zu vectors", count);
    ori_batcher_inbox_deinit(&embedding.inbox); /* what is lent comes back first */
    for (size_t i = 0; embedding.slots && i < embedding.slots_count; i++)
        free(embedding.slots[i].picture);
    free(embedding.slots);
    if (ret_at)
        *ret_at = at;
    if (status == ORI_OK)
        *ret_vectors = embedding.vectors;
    else
        free(embedding.vectors);
    return status;
}
