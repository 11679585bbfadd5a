/* The step that runs the decode child: its messages come in, stills go to the object store (several
 * at once where that gains something: uploads.h), model inputs to the batcher, both straight from the
 * shared memory, and a slot goes back to the child when both are through. So the pace of the slowest
 * of them is the pace of all, and what is under way fits into the slots. */
#include "pipeline/item_priv.h"

#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/still.h"
#include "pipeline/options.h"
#include "util/clock.h"

#define MESSAGES_A_ROUND 64 /* before cancel and deadline are looked at again */
#define CANCEL_GRACE_MS 100 /* for puts that run: what is broken off may come about afterwards */
#define FAILURE_GRACE_MS 2000

static double seconds_since(int64_t begin_us)
{
    return (double)(ori_clock_us() - begin_us) / 1e6;
}

static size_t dim_of(const struct ori_item *item)
{
    return (size_t)item->environment->model.dim;
}

/* Room for one more vector behind those of the manifest's frames. */
static ori_status make_vector_room(struct ori_item *item, struct ori_error *err)
{
    size_t count = item->result->manifest.frames_count;
    if (count < item->vectors_room)
        return ORI_OK;
    size_t room = item->vectors_room ? 2 * item->vectors_room : 64;
    float *more = reallocarray(item->vectors, room, dim_of(item) * sizeof *more);
    if (!more)
        return ori_error_set(err, ORI_NOMEM, "vectors of one video");
    item->vectors = more;
    item->vectors_room = room;
    return ORI_OK;
}

/* Free again once nobody has it any more. */
static ori_status give_back(struct ori_item *item, struct ori_item_slot *slot,
                            struct ori_error *err)
{
    if (--slot->borrowers > 0)
        return ORI_OK;
    item->lent--;
    return ori_child_release(item->child, (uint32_t)(slot - item->slots), err);
}

/* Stills that are in the store, and the first that is not. */
static ori_status take_uploads(struct ori_item *item, struct ori_error *err)
{
    struct ori_upload *upload = NULL;
    while ((upload = ori_uploads_collect(item->uploads))) {
        struct ori_item_slot *slot =
            (struct ori_item_slot *)((char *)upload - offsetof(struct ori_item_slot, upload));
        item->result->timings.objects += (double)upload->put_us / 1e6;
        if (upload->status != ORI_OK) {
            if (err)
                *err = upload->error;
            return upload->status;
        }
        ori_metrics_add(item->environment->metrics, ORI_METRIC_STORED_OBJECTS, 0, 1);
        const ori_status status = give_back(item, slot, err);
        if (status != ORI_OK)
            return status;
    }
    return ORI_OK;
}

static ori_status put_still(struct ori_item *item, const struct ori_manifest_frame *frame,
                            struct ori_item_slot *slot, size_t bytes, struct ori_error *err)
{
    struct ori_upload *upload = &slot->upload;
    ori_manifest_frame_key(&item->result->manifest, frame, upload->key);
    upload->data = ori_child_slot(item->child, (uint32_t)(slot - item->slots));
    upload->bytes = bytes;
    upload->content_type =
        ori_still_content_type((enum ori_still_format)item->options.still_format);
    slot->borrowers++;
    ori_uploads_add(item->uploads, upload);
    return take_uploads(item, err);
}

static ori_status take_frame(struct ori_item *item, const struct ori_msg_frame *message,
                             struct ori_error *err)
{
    struct ori_manifest *manifest = &item->result->manifest;
    const uint8_t *data = ori_child_slot(item->child, message->slot);
    struct ori_manifest_frame frame = {.n = message->n,
                                       .scene = message->scene,
                                       .second = ori_frame_name_second(message->pts_us),
                                       .width = message->width,
                                       .height = message->height,
                                       .dhash = message->dhash,
                                       .bytes = message->still_bytes};
    ori_frame_name_make(message->n, message->pts_us,
                        ori_still_extension((enum ori_still_format)item->options.still_format),
                        frame.file);

    ori_status status = ori_item_begin_effects(item, err);
    if (status == ORI_OK)
        status = make_vector_room(item, err);
    if (status == ORI_OK)
        status = ori_manifest_add_frame(manifest, &frame, err);
    if (status != ORI_OK)
        return status;

    /* The model first: it computes while the still is written. */
    struct ori_item_slot *slot = &item->slots[message->slot];
    slot->frame = manifest->frames_count - 1;
    slot->ticket.picture = data + message->input_offset;
    slot->ticket.vector = item->slot_vectors + message->slot * dim_of(item);
    status = ori_batcher_submit(&item->inbox, &slot->ticket, err);
    if (status != ORI_OK)
        return status;
    slot->borrowers = 1;
    item->lent++;
    return put_still(item, &frame, slot, message->still_bytes, err);
}

/* Vectors that are back. */
static ori_status take_vectors(struct ori_item *item, struct ori_error *err)
{
    struct ori_batcher_ticket *ticket = NULL;
    while ((ticket = ori_batcher_collect(&item->inbox))) {
        struct ori_item_slot *slot = (struct ori_item_slot *)ticket; /* its first member */
        item->result->timings.embed += seconds_since(ticket->since_us);
        if (ticket->status != ORI_OK) {
            ticket->error.stage = "embed";
            if (err)
                *err = ticket->error;
            return ticket->status;
        }
        memcpy(item->vectors + slot->frame * dim_of(item), ticket->vector,
               dim_of(item) * sizeof *ticket->vector);
        const ori_status status = give_back(item, slot, err);
        if (status != ORI_OK)
            return status;
    }
    return ORI_OK;
}

static ori_status take_scene(struct ori_item *item, const struct ori_msg_scene *message,
                             struct ori_error *err)
{
    struct ori_manifest_scene scene = {.start_us = message->start_us,
                                       .end_us = message->end_us,
                                       .duplicate_of = message->duplicate_of,
                                       .crop = message->crop};
    return ori_manifest_add_scene(&item->result->manifest, &scene, err);
}

/* How large the stills are is known now, and with it how many may be under way at once. */
static ori_status take_info(struct ori_item *item, const struct ori_msg_info *message,
                            struct ori_error *err)
{
    struct ori_manifest *manifest = &item->result->manifest;
    const struct ori_msg_start *start = &item->start;
    const uint32_t more = ori_options_more_slots(start, message->width, message->height);
    ori_status status = ORI_OK;
    item->info = *message;
    manifest->width = message->width;
    manifest->height = message->height;
    manifest->duration_us = message->has_duration ? message->duration_us : 0;
    for (uint32_t i = 0; i < more && status == ORI_OK; i++)
        status = ori_child_release(item->child, start->slots - start->slots_held + i, err);
    return status;
}

static ori_status take_message(struct ori_item *item, const union ori_child_message *message,
                               struct ori_error *err)
{
    switch (message->type) {
    case ORI_MSG_INFO:
        return take_info(item, &message->info, err);
    case ORI_MSG_SCENE:
        return take_scene(item, &message->scene, err);
    case ORI_MSG_FRAME:
        return take_frame(item, &message->frame, err);
    case ORI_MSG_PROGRESS:
        ori_item_take_progress(item, &message->progress);
        return ORI_OK;
    case ORI_MSG_SCORE:
        ori_item_tell_score(item, &message->score);
        return ORI_OK;
    case ORI_MSG_LOOK:
        ori_item_tell_look(item, &message->look);
        return ORI_OK;
    case ORI_MSG_SHOT:
        ori_item_tell_shot(item, &message->shot);
        return ORI_OK;
    case ORI_MSG_WARNING:
        return ori_manifest_add_warning(&item->result->manifest, message->warning.code,
                                        message->warning.text, err);
    case ORI_MSG_NEED:
        return ori_item_take_need(item, &message->need, err);
    case ORI_MSG_DONE:
        item->done = message->done;
        item->has_done = true;
        return ORI_OK;
    case ORI_MSG_FAIL:
        return ori_item_take_fail(&message->fail, err);
    default:
        return ori_error_set(err, ORI_CHILD_PROTOCOL, "message %u", message->type);
    }
}

static ori_status take_messages(struct ori_item *item, struct ori_error *err)
{
    ori_status status = ORI_OK;
    for (int i = 0; i < MESSAGES_A_ROUND && !item->has_done && status == ORI_OK; i++) {
        union ori_child_message message;
        status = ori_child_receive(item->child, &message, err);
        if (status == ORI_AGAIN)
            return ORI_OK;
        if (status == ORI_EOF)
            return ori_item_explain_hangup(item, err);
        if (status == ORI_OK)
            status = take_message(item, &message, err);
    }
    return status;
}

/* Until something can be done; ORI_CANCELLED and ORI_TIMEOUT end the item. */
static ori_status wait_for_more(struct ori_item *item, struct ori_error *err)
{
    struct pollfd fds[5] = {
        {.fd = item->has_done ? -1 : ori_child_socket(item->child), .events = POLLIN},
        {.fd = ori_child_log(item->child), .events = POLLIN},
        {.fd = item->inbox.fd, .events = POLLIN},
        {.fd = ori_uploads_fd(item->uploads), .events = POLLIN},
        {.fd = item->cancel ? item->cancel->fd : -1, .events = POLLIN}};
    return ori_item_wait_for(item, fds, 5, err);
}

static ori_status start_child(struct ori_item *item, struct ori_error *err)
{
    struct ori_child_options options = {.program = item->environment->child_program,
                                        .fd_medium = item->fd,
                                        .on_line = ori_item_log_words,
                                        .on_line_self = item};
    ori_options_start(item->environment->settings, &item->options, ORI_CHILD_JOB_VIDEO,
                      item->result->manifest.source.bytes, &options.start);
    options.start.is_remote = item->remote != NULL;
    options.start.tells = item->tells;
    options.start.words = ori_item_words_wanted(item);
    if (ori_uploads_fd(item->uploads) >= 0)
        ori_options_hold_slots(&options.start);
    item->start = options.start;
    item->slots = calloc(options.start.slots, sizeof *item->slots);
    item->slot_vectors = calloc(options.start.slots, dim_of(item) * sizeof *item->slot_vectors);
    if (!item->slots || !item->slot_vectors)
        return ori_error_set(err, ORI_NOMEM, "slots of one video");
    ori_status status = ori_batcher_inbox_init(item->environment->batcher, &item->inbox, err);
    if (status == ORI_OK)
        status = ori_child_spawn(&options, &item->child, err);
    return status;
}

/* What DONE says goes into the manifest. */
static void take_done(struct ori_item *item)
{
    const struct ori_msg_done *done = &item->done;
    struct ori_manifest *manifest = &item->result->manifest;
    struct ori_item_timings *timings = &item->result->timings;
    struct ori_box whole = {.w = manifest->width, .h = manifest->height};
    manifest->duration_us = done->duration_us;
    manifest->has_crop = done->has_crop;
    manifest->crop = done->has_crop ? done->crop : whole;
    for (size_t i = 0; i < manifest->scenes_count; i++) {
        struct ori_manifest_scene *scene = &manifest->scenes[i];
        scene->has_crop = memcmp(&scene->crop, &manifest->crop, sizeof scene->crop) != 0;
    }
    timings->decode = done->decode_seconds;
    timings->vision = done->vision_seconds;
    timings->still = done->still_seconds;
    timings->wait = done->wait_seconds;
}

ori_status ori_item_extract(struct ori_item *item, struct ori_error *err)
{
    int64_t begin_us = ori_clock_us();
    ori_status status =
        ori_uploads_create(item->environment->blobs, &item->wait, &item->uploads, err);
    if (status == ORI_OK)
        status = start_child(item, err);
    while (status == ORI_OK && !(item->has_done && item->lent == 0)) {
        status = wait_for_more(item, err);
        if (status != ORI_OK)
            break;
        ori_child_read_log(item->child);
        status = take_vectors(item, err);
        if (status == ORI_OK)
            status = take_uploads(item, err);
        if (status == ORI_OK)
            status = take_messages(item, err);
    }
    if (status == ORI_OK) {
        /* Everything was said and checked: how it ends is its own. */
        struct ori_error ignored = {0};
        (void)!ori_child_reap(item->child, ORI_ITEM_REAP_MS, &ignored);
        take_done(item);
    }
    ori_item_extract_end(item);
    item->result->timings.extract = seconds_since(begin_us);
    return status;
}

void ori_item_extract_end(struct ori_item *item)
{
    /* The process first, so that a cancel is quick; its memory last, after the last ticket and the
     * last upload that look at it are back. */
    if (item->child) {
        ori_child_kill(item->child);
        ori_child_read_log(item->child);
        ori_item_log_untold(item);
    }
    ori_uploads_destroy(&item->uploads,
                        ori_cancel_is_set(item->cancel) ? CANCEL_GRACE_MS : FAILURE_GRACE_MS);
    ori_batcher_inbox_deinit(&item->inbox);
    ori_child_destroy(&item->child);
    free(item->slots);
    item->slots = NULL;
    free(item->slot_vectors);
    item->slot_vectors = NULL;
    item->lent = 0;
}
