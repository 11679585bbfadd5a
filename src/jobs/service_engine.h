#pragma once
/* jobs/service_engine.h: opens the engine on a thread of its own, again and again until it is there;
 * from then on looks every few seconds whether its vector store, and the bucket that frames go to, can be
 * reached.
 * Call order create; start once; get from any thread; destroy when nobody uses the engine any more
 * Failure    an engine that cannot be opened is no failure of the server: told once a cause, kept for
 *            why, tried again every few seconds and on poke */
#include <stdbool.h>

#include "config/settings.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "pipeline/engine.h"
#include "util/cancel.h"

struct ori_service_engine;

struct ori_service_engine_options {
    const struct ori_settings *settings;
    const struct ori_log *log;
    struct ori_metrics *metrics;
    struct ori_cancel *cancel; /* of the process */
    /* when the engine is there, and each time a store of it is back; on the loader's thread */
    void (*on_loaded)(void *self);
    void *on_loaded_self;
};
ori_status ori_service_engine_create(const struct ori_service_engine_options *options,
                                     struct ori_service_engine **ret_loader, struct ori_error *err);
ori_status ori_service_engine_start(struct ori_service_engine *loader, struct ori_error *err);
void ori_service_engine_destroy(struct ori_service_engine **loader); /* joins; null-safe, nulls */

/* NULL until it is there. */
const struct ori_engine *ori_service_engine_get(struct ori_service_engine *loader);
/* Whether the bucket or the server of vectors is to be waited for, as last seen. One that is there and
 * refuses is not: items run, and end at once with its reason. */
bool ori_service_engine_is_away(struct ori_service_engine *loader);
/* ORI_OK, or why the bucket cannot be used, as last seen. */
ori_status ori_service_engine_objects(struct ori_service_engine *loader, struct ori_error *ret_err);
/* Why it is not there: the last failure; ORI_NOT_READY while it was not tried to the end yet. */
void ori_service_engine_why(struct ori_service_engine *loader, struct ori_error *ret_err);
/* Whether the engine is there and its store of vectors out of reach, or refusing us: why, which may be
 * NULL. */
bool ori_service_engine_is_down(struct ori_service_engine *loader, struct ori_error *ret_err);
void ori_service_engine_poke(struct ori_service_engine *loader); /* tries at once */
