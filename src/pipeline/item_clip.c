/* The step that makes the cropped clip: a second decode child, told the box that the first one found,
 * encodes the video again. What it says goes piece by piece into a file without a name in VP_TMP_DIR,
 * and from there, mapped, into the object store: no clip is ever in memory as a whole, and a store
 * sees none that is not complete. Why so: docs/adr/0009. */
#include "pipeline/item_priv.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "media/clip.h"
#include "pipeline/options.h"
#include "util/clock.h"
#include "util/fs.h"

#define MESSAGES_A_ROUND 64 /* before cancel and deadline are looked at again */
#define CONTENT_TYPE "video/mp4"

struct clip_pass {
    struct ori_item *item;
    int fd; /* of the file without a name */
    struct ori_msg_clip said;
    bool has_done;
};

/* ---- the second child ---- */

static ori_status start_child(struct clip_pass *pass, bool may_use_gpu, struct ori_error *err)
{
    struct ori_item *item = pass->item;
    struct ori_child_options options = {.program = item->environment->child_program,
                                        .fd_medium = item->fd,
                                        .on_line = ori_item_log_words,
                                        .on_line_self = item};
    ori_options_start(item->environment->settings, &item->options, ORI_CHILD_JOB_CLIP,
                      item->result->manifest.source.bytes, &options.start);
    options.start.is_remote = item->remote != NULL;
    options.start.words = ori_item_words_wanted(item);
    options.start.clip_shape = item->done.clip_shape;
    options.start.clip_frame_rate = item->info.frame_rate;
    options.start.clip_on_gpu = may_use_gpu;
    return ori_child_spawn(&options, &item->child, err);
}

static ori_status take_chunk(struct clip_pass *pass, const struct ori_msg_chunk *chunk,
                             struct ori_error *err)
{
    struct ori_child *child = pass->item->child;
    ori_status status =
        ori_fs_write_all(pass->fd, ori_child_slot(child, chunk->slot), chunk->bytes, err);
    if (status != ORI_OK) {
        ori_error_context(err, "the cropped clip in VP_TMP_DIR");
        return status;
    }
    return ori_child_release(child, chunk->slot, err);
}

static ori_status take_message(struct clip_pass *pass, const union ori_child_message *message,
                               struct ori_error *err)
{
    switch (message->type) {
    case ORI_MSG_CHUNK:
        return take_chunk(pass, &message->chunk, err);
    case ORI_MSG_CLIP:
        pass->said = message->clip;
        return ORI_OK;
    case ORI_MSG_PROGRESS:
        ori_item_take_progress(pass->item, &message->progress);
        return ORI_OK;
    case ORI_MSG_NEED:
        return ori_item_take_need(pass->item, &message->need, err);
    case ORI_MSG_DONE:
        pass->has_done = true;
        return ORI_OK;
    case ORI_MSG_FAIL:
        return ori_item_take_fail(&message->fail, err);
    default:
        return ori_error_set(err, ORI_CHILD_PROTOCOL, "message %u in a clip job", message->type);
    }
}

static ori_status take_messages(struct clip_pass *pass, struct ori_error *err)
{
    ori_status status = ORI_OK;
    for (int i = 0; i < MESSAGES_A_ROUND && !pass->has_done && status == ORI_OK; i++) {
        union ori_child_message message;
        status = ori_child_receive(pass->item->child, &message, err);
        if (status == ORI_AGAIN)
            return ORI_OK;
        if (status == ORI_EOF)
            return ori_item_explain_hangup(pass->item, err);
        if (status == ORI_OK)
            status = take_message(pass, &message, err);
    }
    return status;
}

static ori_status listen(struct clip_pass *pass, struct ori_error *err)
{
    struct ori_item *item = pass->item;
    ori_status status = ORI_OK;
    while (status == ORI_OK && !pass->has_done) {
        struct pollfd fds[3] = {{.fd = ori_child_socket(item->child), .events = POLLIN},
                                {.fd = ori_child_log(item->child), .events = POLLIN},
                                {.fd = item->cancel ? item->cancel->fd : -1, .events = POLLIN}};
        status = ori_item_wait_for(item, fds, 3, err);
        if (status != ORI_OK)
            break;
        ori_child_read_log(item->child);
        status = take_messages(pass, err);
    }
    return status;
}

static ori_status run_pass(struct clip_pass *pass, bool may_use_gpu, struct ori_error *err)
{
    struct ori_item *item = pass->item;
    pass->has_done = false;
    if (ftruncate(pass->fd, 0) != 0 || lseek(pass->fd, 0, SEEK_SET) != 0)
        return ori_error_set(err, ORI_IO, "the cropped clip in VP_TMP_DIR");
    ori_status status = start_child(pass, may_use_gpu, err);
    if (status == ORI_OK)
        status = listen(pass, err);
    if (status == ORI_OK) {
        struct ori_error ignored = {0}; /* everything was said and checked */
        (void)!ori_child_reap(item->child, ORI_ITEM_REAP_MS, &ignored);
    }
    if (item->child) {
        ori_child_kill(item->child);
        ori_child_read_log(item->child);
        ori_item_log_untold(item);
    }
    ori_child_destroy(&item->child);
    return status;
}

/* Whether it may be the driver of a GPU, and not the video, that the child ended of. */
static bool may_be_the_gpu(ori_status status)
{
    return status == ORI_CHILD_CRASHED || status == ORI_ENCODE || status == ORI_SANDBOX ||
           status == ORI_LIMIT || status == ORI_NOMEM;
}

static ori_status make_clip(struct clip_pass *pass, struct ori_error *err)
{
    const struct ori_item *item = pass->item;
    const int asked = item->options.clip.encoder;
    const bool has_gpu = !item->environment->settings->force_cpu && asked != ORI_CLIP_LIBX264 &&
                         asked != ORI_CLIP_LIBX265;
    struct ori_error why = {0};
    ori_status status = run_pass(pass, has_gpu, &why);
    if (has_gpu && may_be_the_gpu(status)) {
        ori_log_event(item->request->log, ORI_LOG_WARN, "clip.again",
                      ORI_LOG_FIELDS(ori_log_text("error", ori_status_code(status)),
                                     ori_log_text("why", why.text)));
        why = (struct ori_error){0};
        status = run_pass(pass, false, &why);
    }
    if (status != ORI_OK && err)
        *err = why;
    return status;
}

/* ---- what becomes of it ---- */

/* Fills in the manifest's row; what a person should know of it becomes a warning or a line. */
static ori_status note_clip(struct clip_pass *pass, struct ori_error *err)
{
    const struct ori_item *item = pass->item;
    const struct ori_msg_clip *said = &pass->said;
    struct ori_manifest *manifest = &item->result->manifest;
    struct ori_manifest_clip *clip = &manifest->clip;
    const char *encoder = ori_clip_encoder_word((enum ori_clip_encoder)said->encoder);
    const int asked = item->options.clip.encoder;
    *clip = (struct ori_manifest_clip){.bytes = said->bytes,
                                       .width = said->width,
                                       .height = said->height,
                                       .has_audio = said->has_audio};
    snprintf(clip->encoder, sizeof clip->encoder, "%s", encoder);
    ori_frame_name_make_clip(clip->width, clip->height, clip->file);
    manifest->has_clip = true;
    ori_log_event(item->request->log, ORI_LOG_INFO, "clip.encoded",
                  ORI_LOG_FIELDS(ori_log_text("encoder", encoder),
                                 ori_log_int("bytes", clip->bytes),
                                 ori_log_int("frames", said->frames),
                                 ori_log_text("instead_of", said->instead)));
    ori_status status = ORI_OK;
    if (asked != ORI_CLIP_AUTO && (uint32_t)asked != said->encoder) {
        char text[ORI_CHILD_TEXT_MAX];
        snprintf(text, sizeof text, "%s was used instead: %.300s", encoder, said->instead);
        status = ori_manifest_add_warning(manifest, "encoder_fallback", text, err);
    }
    if (status == ORI_OK && said->is_silenced)
        status = ori_manifest_add_warning(manifest, "audio_dropped",
                                          "the cropped clip lacks sound that MP4 cannot hold", err);
    return status;
}

static ori_status store_clip(struct clip_pass *pass, struct ori_error *err)
{
    struct ori_item *item = pass->item;
    const struct ori_manifest *manifest = &item->result->manifest;
    const size_t bytes = (size_t)manifest->clip.bytes;
    char key[ORI_OBJECT_KEY_BYTES];
    ori_frame_name_key(manifest->platform, manifest->code, manifest->clip.file, key);
    ori_status status = ori_item_begin_effects(item, err);
    if (status != ORI_OK)
        return status;
    void *data = mmap(NULL, bytes, PROT_READ, MAP_SHARED, pass->fd, 0);
    if (data == MAP_FAILED)
        return ori_error_set(err, ORI_NOMEM, "mapping a clip of %zu bytes", bytes);
    (void)madvise(data, bytes, MADV_SEQUENTIAL);
    status =
        ori_blob_put(item->environment->blobs, key, data, bytes, CONTENT_TYPE, &item->wait, err);
    munmap(data, bytes);
    if (status == ORI_OK)
        ori_metrics_add(item->environment->metrics, ORI_METRIC_STORED_OBJECTS, 0, 1);
    return status;
}

ori_status ori_item_clip(struct ori_item *item, struct ori_error *err)
{
    const int64_t begin_us = ori_clock_us();
    struct clip_pass pass = {.item = item, .fd = -1};
    if (!item->done.has_crop)
        return ori_manifest_add_warning(
            &item->result->manifest, "nothing_cropped",
            "no borders were removed, so there is no cropped clip: it would be the video", err);
    ori_status status =
        ori_fs_open_nameless(item->environment->settings->vp_tmp_dir, &pass.fd, err);
    if (status == ORI_OK)
        status = make_clip(&pass, err);
    if (status == ORI_OK)
        status = note_clip(&pass, err);
    if (status == ORI_OK)
        status = store_clip(&pass, err);
    if (pass.fd >= 0)
        close(pass.fd);
    item->result->timings.clip = (double)(ori_clock_us() - begin_us) / 1e6;
    return status;
}
