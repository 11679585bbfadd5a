#pragma once
/* pipeline/item.h: one video from its file to stills, points and manifest.
 * Steps       open, lock, check, extract, clip, vectors, clean, manifest: the table in item.c. A video
 *             that is done already ends at check without a child
 * Promise     what is killed at any moment, or fails, leaves the result of before or nothing that
 *             counts as one: before the first effect the old manifest says complete false, the new
 *             one comes last. After a failure the folder holds no frame that its manifest does not
 *             name, and none at all where there was no result before
 * Ownership   the environment and the request are borrowed for the call; the result is the
 *             caller's from init to deinit
 * Threads     any number of items run at once on threads of their own; one lock a video
 * Counts      into metrics, where there are any, what an item has done: frames, media, objects,
 *             points, times. How items end and what they fail of is the caller's to count
 * Log         what the decode process says on its own (media/words.h): libav's warnings at debug,
 *             its chatter at trace, everything else at warn
 * Cancel      noticed within 200 ms: the child is killed and reaped before ori_item_run returns
 * Limits      VP_ITEM_TIMEOUT, VP_MAX_BYTES, and those of util/limits_tbl.h */
#include <stdbool.h>
#include <stdint.h>

#include "config/settings.h"
#include "embed/model.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "pipeline/batcher.h"
#include "pipeline/manifest.h"
#include "pipeline/medium_remote.h"
#include "stores/blob.h"
#include "stores/vector.h"
#include "util/cancel.h"
#include "util/status.h"

/* What all items share; everything outlives them. */
struct ori_item_environment {
    const struct ori_settings *settings;
    struct ori_model_info model;
    struct ori_batcher *batcher;
    struct ori_blob_store *blobs;
    struct ori_vector_store *vectors;
    const char *child_program;   /* NULL: this program */
    struct ori_metrics *metrics; /* NULL: nothing is counted */
};

struct ori_item_progress {
    const char *stage; /* static: the step that runs, "open" to "manifest" */
    int64_t pts_us;
    int64_t duration_us; /* 0: not known */
    uint32_t frames;     /* kept so far */
};

struct ori_item_request {
    const char *path;       /* absolute; NULL: it is far away */
    const char *path_shown; /* what the manifest's name of it is taken of; NULL: path */
    const struct ori_medium_place *place; /* then where there; else NULL */
    const char *platform;
    const char *code;
    bool is_forced;            /* again, although it is done */
    const char *scores_path;   /* where the score track goes (scores.h); NULL: nowhere */
    const char *report_path;   /* where the page for people goes (report.h); NULL: nowhere */
    const struct ori_log *log; /* with the item's prefix; NULL: says nothing */
    /* Called on the item's thread when a stage begins and a few times a second; may be NULL. */
    void (*on_progress)(void *self, const struct ori_item_progress *progress);
    void *on_progress_self;
};

/* Seconds. decode, vision, still and wait are the child's, inside extract; embed is summed over
 * the frames from handing in to coming back, objects over their writes: both overlap extract. */
struct ori_item_timings {
    double open;
    double extract;
    double decode;
    double vision;
    double still;
    double wait;
    double embed;
    double objects;
    double clip; /* decoded again, encoded and stored */
    double vectors;
    double total;
};

struct ori_item_result {
    ori_status status;      /* OK, CANCELLED, or a failure with its cause in error */
    struct ori_error error; /* its stage is set on failure */
    int attempts;
    bool is_skipped; /* nothing to do: the manifest is the one found */
    bool had_broken_manifest;
    struct ori_manifest manifest; /* platform and code always, all of it on success */
    struct ori_item_timings timings;
    struct ori_error scores_error; /* why there is no score track, although the result stands */
    struct ori_error report_error; /* the same of the report page */
    char *report_path;             /* of the page that was written; NULL: none */
};

void ori_item_result_init(struct ori_item_result *ret_result);
void ori_item_result_deinit(struct ori_item_result *result); /* null-safe, idempotent */

/* ret_result: after init; filled in whatever happens. Returns its status. */
ori_status ori_item_run(const struct ori_item_environment *environment,
                        const struct ori_item_request *request, const struct ori_cancel *cancel,
                        struct ori_item_result *ret_result);
