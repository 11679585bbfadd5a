#pragma once
/* pipeline/engine.h: model, batcher and stores as the settings have them, opened and closed together.
 * Call order  open with what is needed; use; close (the reverse order)
 * Ownership   the settings and the token outlive it
 * Failure     one line that says what to do; nothing stays open. err->stage is the part that failed:
 *             model, objects, vectors or batcher */
#include <stdbool.h>

#include "config/settings.h"
#include "embed/model.h"
#include "metrics/metrics.h"
#include "pipeline/batcher.h"
#include "pipeline/objects.h"
#include "stores/blob.h"
#include "stores/vector.h"
#include "util/cancel.h"

struct ori_engine {
    struct ori_model *model; /* always */
    struct ori_model_info model_info;
    struct ori_batcher *batcher;  /* for run and reindex, as is the object store */
    struct ori_blob_store *blobs; /* of objects: the remote one where there is one */
    struct ori_objects objects;
    struct ori_vector_store *vectors; /* for run and search */
    /* The embedded store beside Qdrant, for videos that must stay on this machine; NULL where vectors
     * is that store, or when it could not be opened: local_why */
    struct ori_vector_store *local_vectors;
    struct ori_error local_why;
};

enum ori_engine_use {
    ORI_ENGINE_EMBED,  /* the model alone */
    ORI_ENGINE_SEARCH, /* and the vectors, read only */
    /* the same, where the settings say and not on this machine alone: the vectors are Qdrant's when
     * QDRANT_URL is set and LOCAL_MODE is not */
    ORI_ENGINE_SEARCH_REMOTE,
    ORI_ENGINE_RUN,     /* all, writable; folders are made; nothing leaves this machine */
    ORI_ENGINE_SERVE,   /* the same, but S3 and Qdrant where the settings ask for them */
    ORI_ENGINE_UPLOAD,  /* the same, and where they do not ask for S3, that is a failure */
    ORI_ENGINE_REINDEX, /* all but the vectors; more threads for the model, as little is decoded. A
                           missing folder of frames is ORI_NOT_FOUND */
    /* as for SERVE, with as many threads; VECTOR_DB beside Qdrant, where it is there, of any model: it
     * tells which videos stay on this machine. One that cannot be read is a failure */
    ORI_ENGINE_REINDEX_REMOTE,
    ORI_ENGINE_VERIFY, /* as for SERVE, but a VECTOR_DB beside Qdrant is opened only when it is there */
    ORI_ENGINE_VERIFY_DRY /* the same, vectors read only: NULL where nothing was ever stored */
};

bool ori_engine_has_qdrant(const struct ori_settings *settings);
/* Where the points of a video go. is_local: it must not leave this machine. */
ori_status ori_engine_vectors(const struct ori_engine *engine, bool is_local,
                              struct ori_vector_store **ret_vectors, struct ori_error *err);

/* What the settings say of the model; the texts are theirs. */
struct ori_model_options ori_engine_model_options(const struct ori_settings *settings);

/* metrics, log: NULL for none. */
ori_status ori_engine_open(const struct ori_settings *settings, enum ori_engine_use use,
                           const struct ori_cancel *cancel, struct ori_metrics *metrics,
                           const struct ori_log *log, struct ori_engine *ret_engine,
                           struct ori_error *err);
void ori_engine_close(struct ori_engine *engine); /* idempotent */
