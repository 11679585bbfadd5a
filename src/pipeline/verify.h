#pragma once
/* pipeline/verify.h: are manifest, stills and points of stored videos one result each? What is not is
 * repaired.
 * Truth       a complete manifest. Stills are compared with it by name and size, points by id and
 *             payload; neither pixels nor numbers of vectors are looked at
 * Repairs     verify_tbl.h. Deleted is only what a manifest makes stale and a run of ours can have
 *             written: names of the frame pattern in the video's folder, points of the video. A
 *             point that is missing is made from its still (pipeline/stills.h). What cannot be made
 *             from what is stored leaves the manifest marked unfinished, so that the next run or job does
 *             the video again
 * Where       as a server has it: the bucket goes before the folder, Qdrant before VECTOR_DB. Videos that
 *             jobs kept on this machine (skip_upload, local_mode, `oriane run`) are found in the folder
 *             and compared with the points where they are; no point is ever made in Qdrant for a
 *             video that may have been kept here
 * In work     each video is looked at with its lock; one that somebody has is put off to the end and
 *             then waited for. Locks are of this machine: in a bucket a video without a complete manifest
 *             whose files are younger than VP_ITEM_TIMEOUT may be in work elsewhere and is left alone
 * Promise     killed at any moment, the next call goes on: each repair is a step that a run makes too
 * All         every folder of the object stores, then every video of the vector stores that had none.
 *             When not one manifest was found, points without manifests are not deleted but a failure: more
 *             likely the stores are not of one server
 * Call order  engine open for ORI_ENGINE_VERIFY or VERIFY_DRY; run; close the engine
 * Threads     run blocks; it starts VP_MAX_WORKERS threads and one that lists, and joins them.
 *             on_result and on_progress are called on the caller's thread
 * Memory      some 32 bytes a video, and what the threads hold of one video each
 * Cancel      noticed within 200 ms
 * Failure     the first failure of a store ends all of it: that one. What is wrong with one video is
 *             in its result
 * Limits      ORI_LIMIT_MAX_VERIFY_VIDEOS; BLOB_LIST files and VECTOR_CALL points a video */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/settings.h"
#include "log/log.h"
#include "pipeline/engine.h"
#include "pipeline/frame_name.h"
#include "pipeline/identity.h"
#include "util/cancel.h"
#include "util/status.h"

enum ori_verify_fault {
#define ORI_VERIFY_ROW(name, code, text, repair) ORI_VERIFY_##name,
#include "pipeline/verify_tbl.h"
#undef ORI_VERIFY_ROW
    ORI_VERIFY_FAULTS
};
const char *ori_verify_code(enum ori_verify_fault fault);
const char *ori_verify_text(enum ori_verify_fault fault);
const char *ori_verify_repair(enum ori_verify_fault fault);

enum ori_verify_end {
    ORI_VERIFY_OK,
    ORI_VERIFY_REPAIRED, /* and now is consistent */
    ORI_VERIFY_DIFFERS,  /* something is left: advice */
    ORI_VERIFY_SKIPPED,  /* may be in work on another machine */
    ORI_VERIFY_FAILED    /* could not be looked at: error */
};

struct ori_verify_result {
    char platform[ORI_CODE_BYTES]; /* "": a point that is of no video */
    char code[ORI_CODE_BYTES];
    enum ori_verify_end end;
    struct ori_error error;
    size_t frames; /* that the manifest names */
    struct {
        uint32_t found;
        uint32_t repaired;
        char first[ORI_OBJECT_KEY_BYTES]; /* of them: a key, or the id of a point */
    } faults[ORI_VERIFY_FAULTS];
    const char *advice; /* a sentence without its end; NULL: none is needed */
};

struct ori_verify_progress {
    size_t total; /* videos found so far; of names that were given: all */
    size_t ended;
    size_t repaired;
    size_t differing; /* FAILED too */
    bool is_listing;  /* more may be found */
    size_t busy;      /* put off until somebody's lock is free */
};

struct ori_verify_name {
    const char *platform;
    const char *code;
};

struct ori_verify_options {
    const struct ori_settings *settings;
    const struct ori_engine
        *engine; /* its vectors may be NULL: a dry look at a store that is not there */
    struct ori_cancel *cancel;
    const char *child_program;           /* NULL: this program */
    const struct ori_verify_name *names; /* legal ones; NULL: all videos */
    size_t names_count;
    bool is_dry;      /* looks only */
    bool is_removing; /* what cannot be repaired loses its frames, points and manifest */
    /* Each video once, as it ends. What it says ends all. */
    ori_status (*on_result)(void *self, const struct ori_verify_result *result,
                            struct ori_error *err);
    /* Several times a second; may be NULL. */
    void (*on_progress)(void *self, const struct ori_verify_progress *progress);
    void *self;
};

ori_status ori_verify_run(const struct ori_verify_options *options, struct ori_error *err);
