#include "pipeline/engine.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* One thread computes for so many that decode: kept frames are rare beside decoded ones. */
#define WORKERS_AN_EMBED_THREAD 4
#define EMBED_THREADS_MAX 64 /* pipeline/batcher.h */

bool ori_engine_has_qdrant(const struct ori_settings *settings)
{
    return settings->qdrant_url[0] != '\0' && !settings->local_mode;
}

static bool is_reading(enum ori_engine_use use)
{
    return use == ORI_ENGINE_SEARCH || use == ORI_ENGINE_SEARCH_REMOTE ||
           use == ORI_ENGINE_VERIFY_DRY;
}

static ori_status open_qdrant(const struct ori_settings *settings, enum ori_engine_use use,
                              const struct ori_cancel *cancel, struct ori_engine *engine,
                              struct ori_error *err)
{
    struct ori_vector_qdrant_options options = {.url = settings->qdrant_url,
                                                .key = ori_secret_reveal(settings->qdrant_key),
                                                .collection = settings->qdrant_collection,
                                                .model = engine->model_info.name,
                                                .digest = engine->model_info.digest,
                                                .dim = engine->model_info.dim,
                                                .distance = settings->qdrant_distance,
                                                .connections_max =
                                                    (int)settings->qdrant_connection_pool_size,
                                                .batch_size = (size_t)settings->qdrant_batch_size,
                                                .has_compression = settings->qdrant_compression,
                                                .shards = (int)settings->qdrant_shards,
                                                .replication = (int)settings->qdrant_replication,
                                                .is_read_only = is_reading(use),
                                                .opens_refused = use == ORI_ENGINE_SERVE,
                                                .cancel = cancel};
    return ori_vector_open_qdrant(&options, &engine->vectors, err);
}

static ori_status open_embedded(const struct ori_settings *settings, bool is_read_only,
                                bool is_any_model, const struct ori_cancel *cancel,
                                const struct ori_engine *engine,
                                struct ori_vector_store **ret_store, struct ori_error *err)
{
    struct ori_vector_options options = {.path = settings->vector_db,
                                         .model = engine->model_info.name,
                                         .digest = engine->model_info.digest,
                                         .dim = engine->model_info.dim,
                                         .threads = (int)settings->vp_max_workers,
                                         .is_read_only = is_read_only,
                                         .is_any_model = is_any_model,
                                         .cancel = cancel};
    return ori_vector_open_embedded(&options, ret_store, err);
}

static bool is_verify(enum ori_engine_use use)
{
    return use == ORI_ENGINE_VERIFY || use == ORI_ENGINE_VERIFY_DRY;
}

/* VECTOR_DB beside Qdrant. In a server the few jobs that ask for it fail without it; the others need not
 * wait for that. */
static ori_status open_beside(const struct ori_settings *settings, enum ori_engine_use use,
                              const struct ori_cancel *cancel, struct ori_engine *engine,
                              struct ori_error *err)
{
    const bool is_reindex = use == ORI_ENGINE_REINDEX_REMOTE;
    struct ori_error why = {0};
    if ((is_reindex || is_verify(use)) && access(settings->vector_db, F_OK) != 0)
        return ORI_OK;
    const ori_status status =
        open_embedded(settings, is_reindex || use == ORI_ENGINE_VERIFY_DRY, is_reindex, cancel,
                      engine, &engine->local_vectors, &why);
    if (is_reindex && status != ORI_OK && status != ORI_NOT_FOUND)
        return ori_error_set(err, status, "%s", why.text);
    engine->local_why = why;
    return ORI_OK;
}

static ori_status open_vectors(const struct ori_settings *settings, enum ori_engine_use use,
                               const struct ori_cancel *cancel, struct ori_engine *engine,
                               struct ori_error *err)
{
    const bool is_read_only = is_reading(use);
    const bool has_beside =
        use == ORI_ENGINE_SERVE || use == ORI_ENGINE_REINDEX_REMOTE || is_verify(use);
    const bool is_remote =
        has_beside || use == ORI_ENGINE_UPLOAD || use == ORI_ENGINE_SEARCH_REMOTE;
    const bool has_qdrant = is_remote && ori_engine_has_qdrant(settings);
    struct ori_error why = {0};
    ori_status status = ORI_OK;
    if (has_qdrant)
        status = open_qdrant(settings, use, cancel, engine, &why);
    else
        status =
            open_embedded(settings, is_read_only, false, cancel, engine, &engine->vectors, &why);
    if (status == ORI_NOT_FOUND && use == ORI_ENGINE_VERIFY_DRY) {
        why = (struct ori_error){0};
        status = ORI_OK;
    }
    if (status == ORI_OK && has_qdrant && has_beside)
        status = open_beside(settings, use, cancel, engine, &why);
    if (status != ORI_OK && err && err->status == ORI_OK)
        *err = why;
    return status;
}

ori_status ori_engine_vectors(const struct ori_engine *engine, bool is_local,
                              struct ori_vector_store **ret_vectors, struct ori_error *err)
{
    *ret_vectors = engine->vectors;
    if (!is_local)
        return ORI_OK;
    if (engine->local_vectors)
        *ret_vectors = engine->local_vectors;
    else if (engine->local_why.status != ORI_OK)
        return ori_error_set(err, engine->local_why.status, "local_mode: %s",
                             engine->local_why.text);
    return ORI_OK;
}

static ori_status open_batcher(const struct ori_settings *settings, enum ori_engine_use use,
                               const struct ori_cancel *cancel, struct ori_metrics *metrics,
                               struct ori_engine *engine, struct ori_error *err)
{
    int64_t workers = settings->vp_max_workers;
    if (use == ORI_ENGINE_REINDEX || use == ORI_ENGINE_REINDEX_REMOTE)
        workers *= WORKERS_AN_EMBED_THREAD;
    if (workers > WORKERS_AN_EMBED_THREAD * EMBED_THREADS_MAX)
        workers = WORKERS_AN_EMBED_THREAD * EMBED_THREADS_MAX;
    struct ori_batcher_options options = {
        .model = engine->model,
        .cancel = cancel,
        .batch_size = (size_t)settings->vp_batch_size,
        .threads = (int)((workers + WORKERS_AN_EMBED_THREAD - 1) / WORKERS_AN_EMBED_THREAD),
        .metrics = metrics};
    return ori_batcher_create(&options, &engine->batcher, err);
}

static enum ori_precision precision_of(const struct ori_settings *settings)
{
    static const struct {
        const char *word;
        enum ori_precision precision;
    } words[] = {
        {"f32", ORI_PRECISION_F32}, {"bf16", ORI_PRECISION_BF16}, {"int8", ORI_PRECISION_INT8}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(settings->vp_precision, words[i].word) == 0)
            return words[i].precision;
    }
    return ORI_PRECISION_AUTO;
}

struct ori_model_options ori_engine_model_options(const struct ori_settings *settings)
{
    return (struct ori_model_options){.name = settings->clip_model,
                                      .hub_cache = settings->hf_hub_cache,
                                      .dim_wanted = (int)settings->qdrant_dim,
                                      .precision = precision_of(settings)};
}

/* Stills that are not there cannot be embedded: nothing is made for them. */
static ori_status check_frames(const struct ori_settings *settings, struct ori_error *err)
{
    if (access(settings->vp_frames_dir, F_OK) == 0)
        return ORI_OK;
    return ori_error_set_errno(err, errno, false, "VP_FRAMES_DIR %s", settings->vp_frames_dir);
}

/* Which part it was; status is given back. */
static ori_status at(const char *part, ori_status status, struct ori_error *err)
{
    if (status != ORI_OK && err && !err->stage)
        err->stage = part;
    return status;
}

static ori_status open_objects(const struct ori_settings *settings, enum ori_engine_use use,
                               const struct ori_cancel *cancel, const struct ori_log *log,
                               struct ori_engine *engine, struct ori_error *err)
{
    enum ori_objects_use objects = ORI_OBJECTS_LOCAL;
    if (use == ORI_ENGINE_SERVE || use == ORI_ENGINE_REINDEX_REMOTE || is_verify(use))
        objects = ORI_OBJECTS_AS_SET;
    else if (use == ORI_ENGINE_UPLOAD)
        objects = ORI_OBJECTS_UPLOAD;
    ori_status status = ori_objects_open(settings, objects, cancel, log, &engine->objects, err);
    engine->blobs = engine->objects.remote ? engine->objects.remote : engine->objects.local;
    return status;
}

ori_status ori_engine_open(const struct ori_settings *settings, enum ori_engine_use use,
                           const struct ori_cancel *cancel, struct ori_metrics *metrics,
                           const struct ori_log *log, struct ori_engine *ret_engine,
                           struct ori_error *err)
{
    const bool has_frames =
        use != ORI_ENGINE_EMBED && use != ORI_ENGINE_SEARCH && use != ORI_ENGINE_SEARCH_REMOTE;
    *ret_engine = (struct ori_engine){0};
    struct ori_model_options model = ori_engine_model_options(settings);
    ori_status status = at("model", ori_model_open(&model, &ret_engine->model, err), err);
    if (status == ORI_OK)
        ret_engine->model_info = ori_model_info(ret_engine->model);
    if (status == ORI_OK && use == ORI_ENGINE_REINDEX)
        status = at("objects", check_frames(settings, err), err);
    if (status == ORI_OK && has_frames)
        status = at("objects", open_objects(settings, use, cancel, log, ret_engine, err), err);
    if (status == ORI_OK && use != ORI_ENGINE_EMBED && use != ORI_ENGINE_REINDEX)
        status = at("vectors", open_vectors(settings, use, cancel, ret_engine, err), err);
    if (status == ORI_OK && has_frames)
        status = at("batcher", open_batcher(settings, use, cancel, metrics, ret_engine, err), err);
    if (status != ORI_OK)
        ori_engine_close(ret_engine);
    return status;
}

void ori_engine_close(struct ori_engine *engine)
{
    ori_batcher_destroy(&engine->batcher);
    ori_vector_close(&engine->local_vectors);
    ori_vector_close(&engine->vectors);
    ori_objects_close(&engine->objects);
    engine->blobs = NULL;
    ori_model_close(&engine->model);
}
