/* pipeline/verify.c: which videos there are, and the threads that look at them. One thread lists and hands
 * out names, workers look at a video each, the caller's thread is told. Between the object stores and
 * the vector stores the list waits until all that was handed out has ended: what the vector stores have
 * beyond it is of no manifest. */
#include "pipeline/verify_priv.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "util/cond.h"
#include "util/limits.h"
#include "util/queue.h"
#include "util/text.h"

#define WORKERS_MAX 256
#define NAMES_WAITING 64 /* the list is this far ahead, so that no worker waits for a page */
#define RESULTS_WAITING 64
#define TELL_US 100000

struct name {
    char platform[ORI_CODE_BYTES];
    char code[ORI_CODE_BYTES];
    bool is_waiting; /* for whoever has its lock */
    struct name *next;
};

struct verify {
    const struct ori_verify_options *options;
    struct ori_cancel halt; /* below options->cancel */
    struct ori_queue *names;
    struct ori_queue *results;
    struct verify_names seen; /* the listing thread's */
    pthread_mutex_t lock;
    pthread_cond_t has_ended; /* a video */
    size_t pending;           /* handed out and not ended; lock, as all below */
    size_t alive;             /* workers */
    size_t fitting;           /* with a manifest where they go now, and points */
    struct name *busy;        /* put off */
    struct ori_verify_progress progress;
    ori_status status;
    struct ori_error error;
};

/* ---- words ---- */

static const struct {
    const char *code;
    const char *text;
    const char *repair;
} faults[] = {
#define ORI_VERIFY_ROW(name, code, text, repair) {code, text, repair},
#include "pipeline/verify_tbl.h"
#undef ORI_VERIFY_ROW
};

const char *ori_verify_code(enum ori_verify_fault fault)
{
    return faults[fault].code;
}

const char *ori_verify_text(enum ori_verify_fault fault)
{
    return faults[fault].text;
}

const char *ori_verify_repair(enum ori_verify_fault fault)
{
    return faults[fault].repair;
}

/* ---- all of it ends at the first failure ---- */

static void fail(struct verify *verify, ori_status status, const struct ori_error *err)
{
    pthread_mutex_lock(&verify->lock);
    if (verify->status == ORI_OK) {
        verify->status = status;
        verify->error = *err;
    }
    pthread_mutex_unlock(&verify->lock);
    ori_cancel_set(&verify->halt);
}

/* ---- a video ---- */

/* What is one video's own; every other failure would befall the next one too. */
static bool is_of_video(ori_status status)
{
    return status == ORI_LIMIT || status == ORI_USAGE || status == ORI_BAD_VECTOR;
}

static ori_status look_at(struct verify *verify, const struct name *name,
                          struct ori_verify_result *result, struct ori_error *err)
{
    struct verify_video video = {.options = verify->options,
                                 .platform = name->platform,
                                 .code = name->code,
                                 .wait = {.cancel = &verify->halt},
                                 .result = result};
    ori_manifest_init(&video.manifest);
    ori_status status = verify_lock(&video, name->is_waiting, err);
    if (status == ORI_OK)
        status = verify_look(&video, err);
    if (status == ORI_OK)
        status = verify_repair(&video, err);
    if (status == ORI_OK && video.state != ORI_MANIFEST_MISSING && video.points_count > 0 &&
        video.blobs == verify->options->engine->blobs) {
        pthread_mutex_lock(&verify->lock);
        verify->fitting++;
        pthread_mutex_unlock(&verify->lock);
    }
    verify_video_deinit(&video);
    return status;
}

static void end_video(struct verify *verify)
{
    pthread_mutex_lock(&verify->lock);
    verify->pending--;
    pthread_cond_broadcast(&verify->has_ended);
    pthread_mutex_unlock(&verify->lock);
}

static void put_off(struct verify *verify, struct name *name)
{
    name->is_waiting = true;
    pthread_mutex_lock(&verify->lock);
    name->next = verify->busy;
    verify->busy = name;
    verify->progress.busy++;
    pthread_mutex_unlock(&verify->lock);
}

/* Takes the result on ORI_OK. */
static ori_status give_result(struct verify *verify, struct ori_verify_result *result)
{
    return ori_queue_push(verify->results, result, sizeof *result, &verify->halt,
                          ORI_CLOCK_NO_DEADLINE);
}

static ori_status work_on(struct verify *verify, struct name *name, struct ori_error *err)
{
    struct ori_verify_result *result = calloc(1, sizeof *result);
    struct ori_error why = {0};
    if (!result) {
        free(name);
        return ori_error_set(err, ORI_NOMEM, "what is found of a video");
    }
    memcpy(result->platform, name->platform, sizeof result->platform);
    memcpy(result->code, name->code, sizeof result->code);
    ori_status status = look_at(verify, name, result, &why);
    if (status == ORI_AGAIN) {
        put_off(verify, name);
        free(result);
        return ORI_OK;
    }
    free(name);
    if (is_of_video(status)) {
        result->end = ORI_VERIFY_FAILED;
        result->error = why;
        status = ORI_OK;
    }
    if (status == ORI_OK)
        status = give_result(verify, result);
    if (status == ORI_OK)
        return ORI_OK;
    free(result);
    if (why.status == ORI_OK)
        (void)ori_error_set(&why, status, "%s", ori_status_text(status));
    *err = why;
    return status;
}

static void *worker_thread(void *self)
{
    struct verify *verify = self;
    struct ori_error err = {0};
    void *item = NULL;
    while (ori_queue_pop(verify->names, &verify->halt, ORI_CLOCK_NO_DEADLINE, &item, &err) ==
           ORI_OK) {
        err = (struct ori_error){0};
        const ori_status status = work_on(verify, item, &err);
        if (status != ORI_OK)
            fail(verify, status, &err);
        end_video(verify);
    }
    pthread_mutex_lock(&verify->lock);
    const bool is_last = --verify->alive == 0;
    pthread_mutex_unlock(&verify->lock);
    if (is_last)
        ori_queue_end(verify->results);
    return NULL;
}

/* ---- the list ---- */

static ori_status check_halt(const struct verify *verify, struct ori_error *err)
{
    if (!ori_cancel_is_set(&verify->halt))
        return ORI_OK;
    return ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
}

/* Takes the name whatever happens. */
static ori_status hand_out(struct verify *verify, struct name *name, struct ori_error *err)
{
    pthread_mutex_lock(&verify->lock);
    verify->pending++;
    pthread_mutex_unlock(&verify->lock);
    const ori_status status =
        ori_queue_push(verify->names, name, sizeof *name, &verify->halt, ORI_CLOCK_NO_DEADLINE);
    if (status == ORI_OK)
        return ORI_OK;
    free(name);
    end_video(verify);
    return ori_error_set(err, status, "%s", ori_status_text(status));
}

static ori_status hand_out_new(struct verify *verify, const char *platform, const char *code,
                               bool is_waiting, struct ori_error *err)
{
    struct name *name = calloc(1, sizeof *name);
    if (!name)
        return ori_error_set(err, ORI_NOMEM, "the name of a video");
    snprintf(name->platform, sizeof name->platform, "%s", platform);
    snprintf(name->code, sizeof name->code, "%s", code);
    name->is_waiting = is_waiting;
    pthread_mutex_lock(&verify->lock);
    verify->progress.total++;
    pthread_mutex_unlock(&verify->lock);
    return hand_out(verify, name, err);
}

static ori_status visit_folder(void *self, const char *platform, const char *code,
                               struct ori_error *err)
{
    struct verify *verify = self;
    bool is_new = false;
    ori_status status = check_halt(verify, err);
    if (status == ORI_OK)
        status = verify_names_add(&verify->seen, platform, code, &is_new, err);
    if (status == ORI_OK && is_new)
        status = hand_out_new(verify, platform, code, false, err);
    return status;
}

/* A point of nobody: told as a result of its own. */
static ori_status tell_foreign(struct verify *verify, const struct ori_vector_seen *point,
                               struct ori_error *err)
{
    struct ori_verify_result *result = calloc(1, sizeof *result);
    if (!result)
        return ori_error_set(err, ORI_NOMEM, "what is found of a point");
    result->end = ORI_VERIFY_DIFFERS;
    result->advice = "it is of another program: whoever wrote it must delete it";
    result->faults[ORI_VERIFY_POINT_FOREIGN].found = 1;
    snprintf(result->faults[ORI_VERIFY_POINT_FOREIGN].first, ORI_OBJECT_KEY_BYTES, "%s", point->id);
    const ori_status status = give_result(verify, result);
    if (status == ORI_OK)
        return ORI_OK;
    free(result);
    return ori_error_set(err, status, "%s", ori_status_text(status));
}

/* Points without their manifests, and not one video that has both: frames kept beside a bucket do not
 * count, nor do manifests of a bucket whose points are elsewhere. */
static ori_status check_stores_fit(struct verify *verify, const struct ori_vector_seen *point,
                                   struct ori_error *err)
{
    const struct ori_verify_options *options = verify->options;
    pthread_mutex_lock(&verify->lock);
    const size_t fitting = verify->fitting;
    pthread_mutex_unlock(&verify->lock);
    const struct ori_objects *objects = &options->engine->objects;
    if (options->is_dry || options->is_removing)
        return ORI_OK;
    if (objects->s3 && !objects->remote)
        return ori_error_set(err, ORI_NOT_FOUND,
                             "%.64s/%.64s has points and no manifest here, and with SKIP_UPLOAD=1 "
                             "the bucket is not looked at: nothing is deleted. Take SKIP_UPLOAD "
                             "away; if such points are to go: --remove",
                             point->platform, point->video_code);
    if (fitting > 0)
        return ORI_OK;
    return ori_error_set(err, ORI_NOT_FOUND,
                         "there are points without a manifest (of %.64s/%.64s), and no video has "
                         "both: nothing is deleted. Are frames and points those of one server? If "
                         "they are to go: --remove",
                         point->platform, point->video_code);
}

/* A video of ours has no other names. */
static bool is_name(const char *text)
{
    return text && ori_text_is_code(text);
}

static ori_status visit_point(void *self, const struct ori_vector_seen *point,
                              struct ori_error *err)
{
    struct verify *verify = self;
    bool is_new = false;
    ori_status status = check_halt(verify, err);
    if (status != ORI_OK)
        return status;
    if (!is_name(point->platform) || !is_name(point->video_code))
        return tell_foreign(verify, point, err);
    status = verify_names_add(&verify->seen, point->platform, point->video_code, &is_new, err);
    if (status == ORI_OK && is_new)
        status = check_stores_fit(verify, point, err);
    if (status == ORI_OK && is_new)
        status = hand_out_new(verify, point->platform, point->video_code, false, err);
    return status;
}

static ori_status wait_for_all(struct verify *verify, struct ori_error *err)
{
    pthread_mutex_lock(&verify->lock);
    while (verify->pending > 0 && !ori_cancel_is_set(&verify->halt))
        ori_cond_wait(&verify->has_ended, &verify->lock, ori_clock_us() + TELL_US);
    pthread_mutex_unlock(&verify->lock);
    return check_halt(verify, err);
}

static ori_status list_objects(struct verify *verify, struct ori_error *err)
{
    const struct ori_objects *objects = &verify->options->engine->objects;
    const struct ori_wait wait = {.cancel = &verify->halt};
    ori_status status = ORI_OK;
    if (objects->remote)
        status = ori_blob_list_videos(objects->remote, visit_folder, verify, &wait, err);
    if (status == ORI_OK)
        status = ori_blob_list_videos(objects->local, visit_folder, verify, &wait, err);
    return status == ORI_OK ? wait_for_all(verify, err) : status;
}

static ori_status list_points(struct verify *verify, struct ori_error *err)
{
    const struct ori_engine *engine = verify->options->engine;
    ori_status status = ORI_OK;
    if (engine->vectors)
        status = ori_vector_list_videos(engine->vectors, visit_point, verify, &verify->halt, err);
    if (status == ORI_OK && engine->local_vectors)
        status =
            ori_vector_list_videos(engine->local_vectors, visit_point, verify, &verify->halt, err);
    return status == ORI_OK ? wait_for_all(verify, err) : status;
}

static ori_status list_names(struct verify *verify, struct ori_error *err)
{
    const struct ori_verify_options *options = verify->options;
    ori_status status = ORI_OK;
    for (size_t i = 0; i < options->names_count && status == ORI_OK; i++) {
        const struct ori_verify_name *name = &options->names[i];
        bool is_new = false;
        status = verify_names_add(&verify->seen, name->platform, name->code, &is_new, err);
        if (status == ORI_OK && is_new)
            status = hand_out_new(verify, name->platform, name->code, true, err);
    }
    return status == ORI_OK ? wait_for_all(verify, err) : status;
}

static struct name *take_busy(struct verify *verify)
{
    pthread_mutex_lock(&verify->lock);
    struct name *name = verify->busy;
    if (name)
        verify->busy = name->next;
    pthread_mutex_unlock(&verify->lock);
    return name;
}

static ori_status list_busy(struct verify *verify, struct ori_error *err)
{
    ori_status status = ORI_OK;
    struct name *name = NULL;
    while (status == ORI_OK && (name = take_busy(verify)))
        status = hand_out(verify, name, err);
    return status;
}

static ori_status list(struct verify *verify, struct ori_error *err)
{
    if (verify->options->names)
        return list_names(verify, err);
    ori_status status = list_objects(verify, err);
    if (status == ORI_OK)
        status = list_points(verify, err);
    return status;
}

static void *list_thread(void *self)
{
    struct verify *verify = self;
    struct ori_error err = {0};
    ori_status status = list(verify, &err);
    pthread_mutex_lock(&verify->lock);
    verify->progress.is_listing = false;
    pthread_mutex_unlock(&verify->lock);
    if (status == ORI_OK)
        status = list_busy(verify, &err);
    if (status != ORI_OK)
        fail(verify, status, &err);
    ori_queue_end(verify->names);
    return NULL;
}

/* ---- the caller's thread ---- */

static void count_result(struct verify *verify, const struct ori_verify_result *result)
{
    pthread_mutex_lock(&verify->lock);
    verify->progress.ended += result->platform[0] != '\0';
    verify->progress.repaired += result->end == ORI_VERIFY_REPAIRED;
    verify->progress.differing +=
        result->end == ORI_VERIFY_DIFFERS || result->end == ORI_VERIFY_FAILED;
    pthread_mutex_unlock(&verify->lock);
}

static void tell_progress(struct verify *verify)
{
    const struct ori_verify_options *options = verify->options;
    pthread_mutex_lock(&verify->lock);
    const struct ori_verify_progress now = verify->progress;
    pthread_mutex_unlock(&verify->lock);
    if (options->on_progress)
        options->on_progress(options->self, &now);
}

/* Until the workers have ended: what they still give after a failure is told too. */
static void follow(struct verify *verify)
{
    const struct ori_verify_options *options = verify->options;
    int64_t told_us = 0;
    for (;;) {
        struct ori_error err = {0};
        void *item = NULL;
        const ori_status status =
            ori_queue_pop(verify->results, NULL, ori_clock_us() + TELL_US, &item, &err);
        if (status == ORI_OK) {
            count_result(verify, item);
            const ori_status told = options->on_result(options->self, item, &err);
            free(item);
            if (told != ORI_OK)
                fail(verify, told, &err);
        } else if (status != ORI_AGAIN) {
            return;
        }
        if (ori_clock_us() - told_us >= TELL_US) {
            told_us = ori_clock_us();
            tell_progress(verify);
        }
    }
}

/* Fewer workers do the same work; without one, or without a list, there is none. */
static ori_status start(struct verify *verify, pthread_t *ret_list, pthread_t *workers,
                        size_t *ret_count, struct ori_error *err)
{
    size_t wanted = (size_t)verify->options->settings->vp_max_workers;
    size_t count = 0;
    if (wanted > WORKERS_MAX)
        wanted = WORKERS_MAX;
    verify->alive = 1; /* this thread, until the list has begun */
    for (; count < wanted; count++) {
        char name[16];
        pthread_mutex_lock(&verify->lock);
        verify->alive++;
        pthread_mutex_unlock(&verify->lock);
        const int failed = pthread_create(&workers[count], NULL, worker_thread, verify);
        if (failed) {
            pthread_mutex_lock(&verify->lock);
            verify->alive--;
            pthread_mutex_unlock(&verify->lock);
            break;
        }
        snprintf(name, sizeof name, "worker-%zu", count % WORKERS_MAX);
        pthread_setname_np(workers[count], name);
    }
    *ret_count = count;
    const int failed = count == 0 ? EAGAIN : pthread_create(ret_list, NULL, list_thread, verify);
    if (failed)
        ori_queue_end(verify->names);
    else
        pthread_setname_np(*ret_list, "list");
    pthread_mutex_lock(&verify->lock);
    const bool is_last = --verify->alive == 0;
    pthread_mutex_unlock(&verify->lock);
    if (is_last)
        ori_queue_end(verify->results);
    return failed ? ori_error_set_errno(err, failed, false, "starting threads") : ORI_OK;
}

static ori_status run(struct verify *verify, struct ori_error *err)
{
    pthread_t list_id = 0;
    pthread_t workers[WORKERS_MAX];
    size_t workers_count = 0;
    const ori_status status = start(verify, &list_id, workers, &workers_count, err);
    follow(verify);
    if (status == ORI_OK)
        pthread_join(list_id, NULL);
    for (size_t i = 0; i < workers_count; i++)
        pthread_join(workers[i], NULL);
    tell_progress(verify);
    if (status != ORI_OK)
        return status;
    if (ori_cancel_is_set(verify->options->cancel))
        return ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
    if (verify->status != ORI_OK && err)
        *err = verify->error;
    return verify->status;
}

ori_status ori_verify_run(const struct ori_verify_options *options, struct ori_error *err)
{
    ORI_ASSERT(options && options->settings && options->engine && options->cancel &&
               options->on_result);
    struct verify verify = {.options = options, .progress = {.is_listing = true}};
    ori_status status = ori_cancel_init(&verify.halt, options->cancel, err);
    if (status != ORI_OK)
        return status;
    pthread_mutex_init(&verify.lock, NULL); /* neither fails on Linux */
    ori_cond_init(&verify.has_ended);
    status = ori_queue_create(NAMES_WAITING, SIZE_MAX, free, &verify.names, err);
    if (status == ORI_OK)
        status = ori_queue_create(RESULTS_WAITING, SIZE_MAX, free, &verify.results, err);
    if (status == ORI_OK)
        status = run(&verify, err);
    for (struct name *name = take_busy(&verify); name; name = take_busy(&verify))
        free(name);
    ori_queue_destroy(&verify.names);
    ori_queue_destroy(&verify.results);
    verify_names_deinit(&verify.seen);
    pthread_cond_destroy(&verify.has_ended);
    pthread_mutex_destroy(&verify.lock);
    ori_cancel_deinit(&verify.halt);
    return status;
}
