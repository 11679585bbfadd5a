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
};

enum ori_engine_use {
    ORI_ENGINE_EMBED,  /* the model alone */
    ORI_ENGINE_SEARCH, /* and the vectors, read only */
    ORI_ENGINE_RUN,    /* all, writable; folders are made; nothing leaves this machine */
    ORI_ENGINE_SERVE,  /* the same, but S3 where the settings ask for it */
    ORI_ENGINE_UPLOAD, /* and where they do not, that is a failure */
    ORI_ENGINE_REINDEX /* all but the vectors; more threads for the model, as little is decoded. A
                          missing folder of frames is ORI_NOT_FOUND */
};

/* What the settings say of the model; the texts are theirs. */
struct ori_model_options ori_engine_model_options(const struct ori_settings *settings);

/* metrics, log: NULL for none. */
ori_status ori_engine_open(const struct ori_settings *settings, enum ori_engine_use use,
                           const struct ori_cancel *cancel, struct ori_metrics *metrics,
                           const struct ori_log *log, struct ori_engine *ret_engine,
                           struct ori_error *err);
void ori_engine_close(struct ori_engine *engine); /* idempotent */
