#pragma once
/* pipeline/reindex.h: the stored frames of a vector store embedded again, with another model.
 * Way         each video of the store: its stills, decoded by children, embedded in batches, the
 *             vectors put beside the store (stores/vector_stage.h). When all are there, and nobody
 *             else has the store open, they take the old ones' place in one transaction. Then the
 *             manifests are brought up to date, so that a run with the new model has nothing to do
 * Promise     whatever is killed at whatever moment, the store is the old one whole or the new one
 *             whole, and the next call ends what is left to do; what was embedded is not embedded
 *             again. Ids, payloads and times stay as they were but for `model`; with stills that
 *             lose nothing (PNG) the vectors are those of a run with the new model, to the bit
 * Meanwhile   others may go on with the old model until the switch: a video that changes is noticed
 *             and embedded again. The switch itself needs the store to itself: ORI_STORE_IN_USE
 * Qdrant      where the engine has it, QDRANT_COLLECTION is a new collection beside the old one: all videos
 *             with a complete manifest are embedded into it, and when all are, the manifests are
 *             brought up to date. The old collection is not touched, and nothing is switched: a server
 *             is started anew with the new settings. What is there of a video is found by its
 *             points, which have the time of its manifest. A video whose points are in VECTOR_DB stays
 *             where it is
 * Left out    a video with a still that is gone or cannot be decoded has no points in the new store;
 *             it is in the report with its reason, and is to be run again. When no video could be
 *             embedded, nothing is switched
 * Call order  engine open for ORI_ENGINE_REINDEX, or REINDEX_REMOTE where QDRANT_URL is set; run; look at the report; deinit; close the engine
 * Threads     run blocks; it starts VP_MAX_WORKERS threads of its own and joins them
 * Cancel      noticed within 200 ms; a switch under way is taken back
 * Failure     ORI_NOT_FOUND: nothing is stored; ORI_STORE_IN_USE, ORI_DISK_FULL and what stores,
 *             model and children say. The store is then as it was, unless is_switched */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/settings.h"
#include "log/log.h"
#include "pipeline/engine.h"
#include "pipeline/identity.h"
#include "util/cancel.h"
#include "util/status.h"

enum ori_reindex_stage { ORI_REINDEX_EMBED, ORI_REINDEX_SWITCH, ORI_REINDEX_MANIFESTS };

struct ori_reindex_progress {
    enum ori_reindex_stage stage;
    size_t total; /* videos; of the manifests in their stage */
    size_t ended;
    size_t resumed; /* of ended: were embedded by an earlier call */
    double running_share;
    uint64_t frames; /* embedded in this call */
};

struct ori_reindex_options {
    const struct ori_settings *settings;
    const struct ori_engine *engine;
    struct ori_cancel *cancel;
    const char *child_program; /* NULL: this program */
    const struct ori_log *log; /* what a person should know on the way; NULL: says nothing */
    int wait_ms;               /* for others to leave the store; 0: the usual 2 s */
    /* On the caller's thread, several times a second; may be NULL. */
    void (*on_progress)(void *self, const struct ori_reindex_progress *progress);
    void *on_progress_self;
};

enum ori_reindex_end {
    ORI_REINDEX_WAITING, /* the call ended before it was its turn */
    ORI_REINDEX_EMBEDDED,
    ORI_REINDEX_RESUMED, /* an earlier call had embedded it */
    ORI_REINDEX_LEFT,    /* Qdrant: it stays on this machine, or has no result that is complete */
    ORI_REINDEX_FAILED
};
struct ori_reindex_video {
    char platform[ORI_CODE_BYTES];
    char code[ORI_CODE_BYTES];
    int64_t frames;
    enum ori_reindex_end end;
    ori_status status;            /* why it failed */
    char *reason;                 /* NULL: none */
    char token[ORI_DIGEST_BYTES]; /* private */
};

struct ori_reindex_report {
    bool had_work;    /* false: the store is the model's already, and nothing was left over */
    bool is_switched; /* by this call; Qdrant: all is embedded, and the manifests say so */
    char model_before[256];
    int64_t dim_before;
    struct ori_reindex_video *videos; /* of the store, in byte order */
    size_t videos_count;
    uint64_t frames;    /* embedded by this call */
    int64_t points;     /* in the store after the switch */
    size_t manifests;   /* brought up to date by this call */
    size_t videos_room; /* private */
};

/* ret_report: uninitialised; to be deinited whatever the status. */
ori_status ori_reindex_run(const struct ori_reindex_options *options,
                           struct ori_reindex_report *ret_report, struct ori_error *err);
void ori_reindex_report_deinit(struct ori_reindex_report *report); /* idempotent */
size_t ori_reindex_report_count(const struct ori_reindex_report *report, enum ori_reindex_end end);
