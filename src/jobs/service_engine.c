#include "jobs/service_engine.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/buf.h"
#include "util/clock.h"
#include "util/cond.h"
#include "util/limits.h"

#define RETRY_US (INT64_C(5) * 1000000)
#define AWAY_US (INT64_C(1) * 1000000)  /* between looks while one of the stores is away */
#define LOOK_US (INT64_C(10) * 1000000) /* for one of them */

struct ori_service_engine {
    struct ori_service_engine_options options; /* immutable */
    struct ori_log log;                        /* immutable */
    pthread_t thread;
    bool has_thread;        /* owner thread */
    struct ori_cancel halt; /* below the process's: the end of this thread */
    pthread_mutex_t lock;
    pthread_cond_t poked;
    struct ori_engine engine; /* written before is_there, then immutable */
    bool is_there;            /* lock, as all below */
    bool is_down;             /* the store of the vectors; why tells */
    bool is_poked;
    bool is_ending;
    struct ori_error why;
    struct ori_error objects; /* of the last look at the bucket */
};

/* A refusal is not: what runs into it ends with its reason. */
static bool is_waited_for(ori_status status)
{
    return status != ORI_OK && ori_status_is_retryable(status);
}

/* A cause is told once, not every five seconds. */
static void note_failure(struct ori_service_engine *loader, const struct ori_error *err)
{
    pthread_mutex_lock(&loader->lock);
    bool is_known = strcmp(loader->why.text, err->text) == 0;
    loader->why = *err;
    pthread_mutex_unlock(&loader->lock);
    ori_log_failure(&loader->log, is_known ? ORI_LOG_DEBUG : ORI_LOG_ERROR, "engine.failed", err);
}

/* A change is told once. Wakes who waits for the bucket when it is back. */
static void note_objects(struct ori_service_engine *loader, const struct ori_error *err)
{
    pthread_mutex_lock(&loader->lock);
    const struct ori_error before = loader->objects;
    loader->objects = *err;
    pthread_mutex_unlock(&loader->lock);
    if (err->status != ORI_OK && err->status != before.status)
        ori_log_failure(&loader->log, ORI_LOG_ERROR, "frames.down", err);
    if (err->status == ORI_OK && before.status != ORI_OK)
        ori_log_event(
            &loader->log, ORI_LOG_INFO, "frames.up",
            ORI_LOG_FIELDS(ori_log_text("bucket", loader->options.settings->s3_frames_bucket)));
    if (is_waited_for(before.status) && !is_waited_for(err->status))
        loader->options.on_loaded(loader->options.on_loaded_self);
}

static void look_at_objects(struct ori_service_engine *loader, const struct ori_engine *engine)
{
    const struct ori_wait wait = {.cancel = &loader->halt, .deadline_us = ori_clock_us() + LOOK_US};
    struct ori_error err = {0};
    if (engine->objects.remote &&
        ori_blob_check(engine->objects.remote, &wait, &err) != ORI_CANCELLED)
        note_objects(loader, &err);
}

static bool is_folder(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

static void tell_no_videos(const struct ori_service_engine *loader)
{
    ori_log_event(
        &loader->log, ORI_LOG_WARN, "videos.missing",
        ORI_LOG_FIELDS(ori_log_text("variable", "VP_INPUT_DIR"),
                       ori_log_text("path", loader->options.settings->vp_input_dir),
                       ori_log_text("text", "no such folder: videos named by platform and code are "
                                            "found once it is there")));
}

static void add_bucket(struct ori_buf *text, const char *bucket)
{
    ori_buf_add_text(text, "s3://");
    ori_buf_add_text(text, bucket);
}

/* Where videos are looked for, in this order. */
static void add_videos(struct ori_buf *text, const struct ori_settings *settings, bool has_s3)
{
    ori_buf_add_text(text, settings->vp_input_dir);
    if (!has_s3)
        return;
    ori_buf_add_text(text, ", ");
    add_bucket(text, settings->s3_videos_bucket);
}

static void add_frames(struct ori_buf *text, const struct ori_settings *settings, bool is_remote)
{
    if (is_remote)
        add_bucket(text, settings->s3_frames_bucket);
    else
        ori_buf_add_text(text, settings->vp_frames_dir);
}

static void add_vectors(struct ori_buf *text, const struct ori_settings *settings, bool has_qdrant)
{
    if (has_qdrant)
        ori_settings_show(settings, ORI_SETTING_QDRANT_URL, text);
    else
        ori_buf_add_text(text, settings->vector_db);
}

static const char *credentials_text(const struct ori_objects *objects)
{
    if (!objects->s3)
        return "";
    return ori_credentials_kind_text(
        objects->credentials ? ori_credentials_kind(objects->credentials) : ORI_CREDENTIALS_NONE);
}

/* Once: where videos come from, and where frames, vectors and jobs go. Only who has opened the stores
 * knows whether there is S3. */
static void tell_places(const struct ori_service_engine *loader, const struct ori_engine *engine)
{
    const struct ori_settings *settings = loader->options.settings;
    const struct ori_objects *objects = &engine->objects;
    const bool has_qdrant = ori_engine_has_qdrant(settings);
    struct ori_buf videos, frames, vectors;
    ori_buf_init(&videos, 3 * ORI_LIMIT_MAX_SETTING_BYTES); /* a folder and a bucket */
    ori_buf_init(&frames, 2 * ORI_LIMIT_MAX_SETTING_BYTES);
    ori_buf_init(&vectors, ORI_LIMIT_MAX_SETTING_BYTES);
    add_videos(&videos, settings, objects->s3 != NULL);
    add_frames(&frames, settings, objects->remote != NULL);
    add_vectors(&vectors, settings, has_qdrant);
    if (!objects->s3 && !is_folder(settings->vp_input_dir))
        tell_no_videos(loader);
    ori_log_event(
        &loader->log, ORI_LOG_INFO, objects->s3 || has_qdrant ? "stores.remote" : "stores.local",
        ORI_LOG_FIELDS(ori_log_text("videos", ori_buf_text(&videos)),
                       ori_log_text("frames", ori_buf_text(&frames)),
                       ori_log_text("endpoint", objects->s3 ? settings->aws_endpoint_url : ""),
                       ori_log_text("credentials", credentials_text(objects)),
                       ori_log_text("vectors", ori_buf_text(&vectors)),
                       ori_log_text("collection", has_qdrant ? settings->qdrant_collection : ""),
                       ori_log_text("jobs", settings->job_db)));
    ori_buf_deinit(&videos);
    ori_buf_deinit(&frames);
    ori_buf_deinit(&vectors);
}

static bool load(struct ori_service_engine *loader)
{
    struct ori_error err = {0};
    struct ori_engine engine;
    int64_t begin_us = ori_clock_us();
    ori_status status =
        ori_engine_open(loader->options.settings, ORI_ENGINE_SERVE, loader->options.cancel,
                        loader->options.metrics, &loader->log, &engine, &err);
    if (status != ORI_OK) {
        note_failure(loader, &err);
        return false;
    }
    tell_places(loader, &engine);
    look_at_objects(loader, &engine);
    pthread_mutex_lock(&loader->lock);
    loader->engine = engine;
    loader->is_there = true;
    pthread_mutex_unlock(&loader->lock);
    ori_log_event(
        &loader->log, ORI_LOG_INFO, "engine.ready",
        ORI_LOG_FIELDS(ori_log_text("model", engine.model_info.name),
                       ori_log_int("dim", (int64_t)engine.model_info.dim),
                       ori_log_real("seconds", (double)(ori_clock_us() - begin_us) / 1e6)));
    loader->options.on_loaded(loader->options.on_loaded_self);
    return true;
}

/* Until it is time to try again; false at the end. */
static bool wait_to_retry(struct ori_service_engine *loader, int64_t wait_us)
{
    int64_t due_us = ori_clock_us() + wait_us;
    pthread_mutex_lock(&loader->lock);
    while (!loader->is_ending && !loader->is_poked && ori_clock_us() < due_us)
        ori_cond_wait(&loader->poked, &loader->lock, due_us);
    loader->is_poked = false;
    bool goes_on = !loader->is_ending;
    pthread_mutex_unlock(&loader->lock);
    return goes_on;
}

/* A change is told once. Wakes who waits for the store when there is nothing to wait for any more. */
static void note_probe(struct ori_service_engine *loader, ori_status status,
                       const struct ori_error *err)
{
    pthread_mutex_lock(&loader->lock);
    const ori_status before = loader->is_down ? loader->why.status : ORI_OK;
    loader->is_down = status != ORI_OK;
    if (status != ORI_OK)
        loader->why = *err;
    pthread_mutex_unlock(&loader->lock);
    if (status != ORI_OK)
        ori_log_failure(&loader->log, status == before ? ORI_LOG_DEBUG : ORI_LOG_ERROR,
                        "vectors.down", err);
    else if (before != ORI_OK)
        ori_log_event(&loader->log, ORI_LOG_INFO, "vectors.up", NULL);
    if (is_waited_for(before) && !is_waited_for(status))
        loader->options.on_loaded(loader->options.on_loaded_self);
}

/* A store that is slow once may be busy with our own writes; one that is so twice is not there. */
static void look_at_vectors(struct ori_service_engine *loader, int *timeouts)
{
    struct ori_error err = {0};
    const ori_status status = ori_vector_probe(loader->engine.vectors, &loader->halt, &err);
    *timeouts = status == ORI_TIMEOUT ? *timeouts + 1 : 0;
    if (status != ORI_CANCELLED && *timeouts != 1)
        note_probe(loader, status, &err);
}

static void watch(struct ori_service_engine *loader)
{
    int timeouts = 0;
    struct ori_error ignored = {0};
    bool is_well = false;
    do {
        look_at_vectors(loader, &timeouts);
        look_at_objects(loader, &loader->engine);
        is_well = timeouts == 0 && !ori_service_engine_is_down(loader, NULL) &&
                  ori_service_engine_objects(loader, &ignored) == ORI_OK;
    } while (wait_to_retry(loader, is_well ? RETRY_US : AWAY_US));
}

static void *loader_thread(void *self)
{
    struct ori_service_engine *loader = self;
    bool goes_on = true;
    while (goes_on && !load(loader))
        goes_on = wait_to_retry(loader, RETRY_US);
    if (goes_on)
        watch(loader);
    return NULL;
}

ori_status ori_service_engine_create(const struct ori_service_engine_options *options,
                                     struct ori_service_engine **ret_loader, struct ori_error *err)
{
    struct ori_service_engine *loader = calloc(1, sizeof *loader);
    if (!loader)
        return ori_error_set(err, ORI_NOMEM, "engine");
    loader->options = *options;
    if (options->log)
        loader->log = *options->log;
    (void)ori_error_set(&loader->why, ORI_NOT_READY, "the model is being loaded");
    ori_status status = ori_cancel_init(&loader->halt, options->cancel, err);
    if (status != ORI_OK) {
        free(loader);
        return status;
    }
    pthread_mutex_init(&loader->lock, NULL); /* cannot fail with default attributes */
    ori_cond_init(&loader->poked);
    *ret_loader = loader;
    return ORI_OK;
}

ori_status ori_service_engine_start(struct ori_service_engine *loader, struct ori_error *err)
{
    int failed = pthread_create(&loader->thread, NULL, loader_thread, loader);
    if (failed)
        return ori_error_set_errno(err, failed, false, "starting the engine's thread");
    pthread_setname_np(loader->thread, "engine");
    loader->has_thread = true;
    return ORI_OK;
}

void ori_service_engine_destroy(struct ori_service_engine **loader)
{
    if (!loader || !*loader)
        return;
    struct ori_service_engine *it = *loader;
    pthread_mutex_lock(&it->lock);
    it->is_ending = true;
    pthread_cond_signal(&it->poked);
    pthread_mutex_unlock(&it->lock);
    ori_cancel_set(&it->halt);
    if (it->has_thread)
        pthread_join(it->thread, NULL);
    if (it->is_there)
        ori_engine_close(&it->engine);
    ori_cancel_deinit(&it->halt);
    pthread_cond_destroy(&it->poked);
    pthread_mutex_destroy(&it->lock);
    free(it);
    *loader = NULL;
}

const struct ori_engine *ori_service_engine_get(struct ori_service_engine *loader)
{
    pthread_mutex_lock(&loader->lock);
    const struct ori_engine *engine = loader->is_there ? &loader->engine : NULL;
    pthread_mutex_unlock(&loader->lock);
    return engine;
}

bool ori_service_engine_is_away(struct ori_service_engine *loader)
{
    pthread_mutex_lock(&loader->lock);
    const bool is_away = is_waited_for(loader->objects.status) ||
                         (loader->is_down && is_waited_for(loader->why.status));
    pthread_mutex_unlock(&loader->lock);
    return is_away;
}

ori_status ori_service_engine_objects(struct ori_service_engine *loader, struct ori_error *ret_err)
{
    pthread_mutex_lock(&loader->lock);
    *ret_err = loader->objects;
    pthread_mutex_unlock(&loader->lock);
    return ret_err->status;
}

void ori_service_engine_why(struct ori_service_engine *loader, struct ori_error *ret_err)
{
    pthread_mutex_lock(&loader->lock);
    *ret_err = loader->why;
    pthread_mutex_unlock(&loader->lock);
}

bool ori_service_engine_is_down(struct ori_service_engine *loader, struct ori_error *ret_err)
{
    pthread_mutex_lock(&loader->lock);
    const bool is_down = loader->is_down;
    if (is_down && ret_err)
        *ret_err = loader->why;
    pthread_mutex_unlock(&loader->lock);
    return is_down;
}

void ori_service_engine_poke(struct ori_service_engine *loader)
{
    pthread_mutex_lock(&loader->lock);
    loader->is_poked = true;
    pthread_cond_signal(&loader->poked);
    pthread_mutex_unlock(&loader->lock);
}
