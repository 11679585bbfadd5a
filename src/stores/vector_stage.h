#pragma once
/* stores/vector_stage.h: the points of a store with the vectors of another model, collected beside
 * it until all are there, then put in the old ones' place in one step.
 * File        "{store}.reindex", SQLite like the store; what was put into it survives kill -9. One
 *             process has it at a time. It goes with finish
 * Call order  open; list, points, has, put, drop at will; begin_switch; look again; commit; then
 *             end_switch; points; finish. close at any moment: what was put is found again by the
 *             next open for the same model, and forgotten by one for another
 * Versions    a video's vectors are kept under a token, the caller's word for what they were made
 *             of; has tells whether they are there under just that token
 * Switching   one transaction of the store: a reader sees all old vectors or all new ones. Before it
 *             begin_switch sees to it that nobody else has the store open: whoever had would go on
 *             with vectors of a model that is no longer the store's
 * Ownership   the options are copied; lists belong to the caller
 * Threads     any; one call at a time works, the others wait for it. From begin_switch to end_switch
 *             one thread
 * Room        the stage is about as big as the store; a switch writes as much again into the store's
 *             log before it counts. A full disk is ORI_DISK_FULL, the store as it was
 * Failure     as in stores/vector.h; STORE_IN_USE: another process has the store, or the stage,
 *             open */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cancel.h"
#include "util/status.h"

struct ori_vector_stage;

struct ori_vector_stage_options {
    const char *path;  /* of the store */
    const char *model; /* whose vectors will be put, as in struct ori_vector_options */
    const char *digest;
    int dim;
    const char *recipe; /* all that the vectors depend on beside the stills: another begins anew */
    int busy_ms;        /* how long others are waited for; 0: the usual 10 s */
    const struct ori_cancel
        *cancel; /* ends waits and a switch; borrowed until close; may be NULL */
};
/* ORI_NOT_FOUND: there is no store, or nothing was ever written to it. */
ori_status ori_vector_stage_open(const struct ori_vector_stage_options *options,
                                 struct ori_vector_stage **ret_stage, struct ori_error *err);
void ori_vector_stage_close(struct ori_vector_stage **stage); /* null-safe, nulls */

struct ori_vector_stage_facts { /* of the store */
    char model[256];
    char digest[65];
    int64_t dim;
    int64_t points;
    bool is_switched; /* it is the wanted model's already; then there is nothing to put */
    bool has_rest;    /* and its stage is left: somebody switched and did not get to finish */
};
ori_status ori_vector_stage_facts(struct ori_vector_stage *stage,
                                  struct ori_vector_stage_facts *ret_facts, struct ori_error *err);

struct ori_vector_stage_video {
    const char *platform;
    const char *code;
    int64_t points;
};
/* Each video that has points in the store, in byte order; visit must not call the stage. */
typedef ori_status (*ori_vector_stage_visit_fn)(void *self,
                                                const struct ori_vector_stage_video *video,
                                                struct ori_error *err);
ori_status ori_vector_stage_list(struct ori_vector_stage *stage, ori_vector_stage_visit_fn visit,
                                 void *self, struct ori_error *err);

struct ori_vector_stage_point {
    uint8_t id[16];
    int64_t change; /* which change of the store wrote it */
    int frame_number;
    int scene;
    int width;
    int height;
    double frame_second;
    char created_at[32];
    char dhash[17];
    char *path; /* the still's key */
};
struct ori_vector_stage_points {
    struct ori_vector_stage_point *points; /* in the order of their ids */
    size_t count;
    size_t room; /* private */
};
/* The video's points in the store; none is well. ORI_LIMIT past VECTOR_CALL. ret_points:
 * uninitialised; after a failure there is nothing to deinit. */
ori_status ori_vector_stage_points(struct ori_vector_stage *stage, const char *platform,
                                   const char *code, struct ori_vector_stage_points *ret_points,
                                   struct ori_error *err);
void ori_vector_stage_points_deinit(struct ori_vector_stage_points *points); /* idempotent */

ori_status ori_vector_stage_has(struct ori_vector_stage *stage, const char *platform,
                                const char *code, const char *token, bool *ret_has,
                                struct ori_error *err);
/* vectors: dim floats for each of the points. What was there of the video goes. One transaction. */
ori_status ori_vector_stage_put(struct ori_vector_stage *stage, const char *platform,
                                const char *code, const char *token,
                                const struct ori_vector_stage_points *points, const float *vectors,
                                struct ori_error *err);
ori_status ori_vector_stage_drop(struct ori_vector_stage *stage, const char *platform,
                                 const char *code, struct ori_error *err);

/* From here to end_switch nobody else can open the store. wait_ms: for those who have it open, then
 * ORI_STORE_IN_USE. After a failure only end_switch and close are allowed. */
ori_status ori_vector_stage_begin_switch(struct ori_vector_stage *stage, int wait_ms,
                                         struct ori_error *err);
/* Every point that has a vector in the stage gets it, every other one goes; the store is the new
 * model's. All or nothing. */
ori_status ori_vector_stage_commit(struct ori_vector_stage *stage, int64_t *ret_points,
                                   int64_t *ret_removed, struct ori_error *err);
ori_status ori_vector_stage_end_switch(struct ori_vector_stage *stage, struct ori_error *err);

/* Closes, and takes the stage's file away. */
ori_status ori_vector_stage_finish(struct ori_vector_stage **stage, struct ori_error *err);
