#pragma once
/* stores/vector_stage_db.h: the file of a stage (stores/vector_stage.h): opened, checked, made when
 * missing, and emptied when it is another model's.
 * File        table `stage` is one row (whose vectors they are), `videos` one row a video that is done, `vectors`
 *             one row a point. In exclusive mode: a second process that opens it waits, then gets
 *             ORI_STORE_IN_USE
 * Failure     as in stores/sqlite_file.h; a file that is not a stage is left alone: ORI_STORE */
#include "stores/sqlite_file.h"
#include "stores/vector_db.h"

enum ori_stage_statement {
    ORI_SS_ADD_STATE, /* model, dim, digest, recipe */
    ORI_SS_STATE,     /* -> the same */
    ORI_SS_SET_STATE, /* the same */
    ORI_SS_FORGET_VECTORS,
    ORI_SS_FORGET_VIDEOS,
    ORI_SS_TOKEN,        /* platform, video_code -> id, token */
    ORI_SS_DROP_VECTORS, /* id */
    ORI_SS_DROP_VIDEO,   /* id */
    ORI_SS_ADD_VIDEO,    /* platform, video_code, token */
    ORI_SS_ADD_VECTOR,   /* id, uuid, vector */
    ORI_SS_EVERY,        /* -> uuid, vector */
    ORI_SS_COUNT
};

struct ori_stage_owner {
    struct ori_vector_model model;
    const char *recipe;
};
/* ret_was_ours: it was there, and of this owner. */
ori_status ori_stage_db_open(struct ori_sqlite *file, const char *path, int busy_ms,
                             const struct ori_cancel *cancel, const struct ori_stage_owner *owner,
                             bool *ret_was_ours, struct ori_error *err);
