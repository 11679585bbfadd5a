#pragma once
/* stores/vector_db.h: the file of the embedded vector store: opened, checked, made when missing.
 * File        SQLite in WAL mode, application_id and user_version ours; table `store` is one row
 *             (model, dim, a number that grows with each change, the number of points, the digest
 *             of the model's weights), table `points` one row a point. Nothing else may be in it: its schema is compared word for
 *             word, so that no file from outside can bring triggers or views of its own
 * Versions    2; a file of version 1 has no digest: it is upgraded by whoever opens it to write,
 *             read as it is by whoever only reads
 * Call order  open; statements by ori_vector_db_step and friends; close
 * Threads     a connection is used by one thread at a time
 * Failure     as in stores/sqlite_file.h
 * Durability  synchronous=FULL: a commit survives kill -9 and power loss. NORMAL would survive the
 *             kill too; FULL costs one fsync a video */
#include <stdbool.h>
#include <stdint.h>

#include "stores/sqlite_file.h"
#include "util/cancel.h"
#include "util/status.h"

enum ori_vector_statement {
    ORI_VS_BEGIN_READ,
    ORI_VS_BEGIN_WRITE,
    ORI_VS_COMMIT,
    ORI_VS_ADD_STATE,    /* model, dim, digest */
    ORI_VS_STATE,        /* -> model, dim, change, points, digest */
    ORI_VS_STATE_1,      /* the same of a file of version 1 */
    ORI_VS_SET_MODEL,    /* model, dim, digest */
    ORI_VS_SET_CHANGE,   /* change */
    ORI_VS_UPSERT,       /* uuid .. vector, change: the columns in their order */
    ORI_VS_DELETE,       /* uuid */
    ORI_VS_VIDEO_IDS,    /* platform, video_code -> uuid */
    ORI_VS_ALL_IDS,      /* -> uuid */
    ORI_VS_CHANGED,      /* change -> uuid, platform, video_code, frame_second, vector */
    ORI_VS_EVERY,        /* -> the same columns of all */
    ORI_VS_PAYLOAD,      /* uuid -> the columns from platform to model */
    ORI_VS_VECTOR,       /* uuid -> vector */
    ORI_VS_COUNT_VIDEO,  /* platform, video_code, second_min, second_max -> count */
    ORI_VS_COUNT_ANY,    /* the same, NULL for any */
    ORI_VS_VIDEOS,       /* -> platform, video_code, count of points */
    ORI_VS_VIDEO_POINTS, /* platform, video_code -> uuid, change, frame_number, frame_second, scene,
                            width, height, created_at, dhash, path */
    ORI_VS_NEXT_VIDEOS,  /* platform, video_code -> the same of a few videos behind that one */
    ORI_VS_PAYLOADS,     /* platform, video_code -> the columns of PAYLOAD, uuid */
    ORI_VS_DELETE_OF,    /* uuid, platform, video_code */
    ORI_VS_SET_VECTOR,   /* uuid, vector, model, change */
    ORI_VS_DELETE_OLDER, /* change */
    ORI_VS_COUNT
};

struct ori_vector_db {
    struct ori_sqlite file;
    int busy_ms;                     /* how long another process's write is waited for */
    const struct ori_cancel *cancel; /* ends that wait; may be NULL */
};

#define ORI_VECTOR_DIGEST_BYTES 65

/* Whose vectors they are. */
struct ori_vector_model {
    const char *name;
    const char *digest; /* of the weights; "": not known, or a model without weights */
    int dim;
};
struct ori_vector_state { /* the row of table `store` */
    char model[256];
    char digest[ORI_VECTOR_DIGEST_BYTES];
    int64_t dim;
    int64_t change;
    int64_t points;
};

/* Fills db in place, where it stays until close: its busy_ms and cancel are set before, all else is
 * overwritten; after a failure there is nothing to close. The first open of a new file writes the
 * model into it. is_read_only: a missing or still empty file is ORI_NOT_FOUND. */
ori_status ori_vector_db_open(struct ori_vector_db *db, const char *path, bool is_read_only,
                              const struct ori_vector_model *model, struct ori_error *err);
/* To write, but only a file that is there and has been written to, else ORI_NOT_FOUND. is_alone:
 * no other connection, of any process, has it open until close; ORI_STORE_IN_USE when one still
 * has after busy_ms. */
ori_status ori_vector_db_open_filled(struct ori_vector_db *db, const char *path, bool is_alone,
                                     struct ori_error *err);
void ori_vector_db_close(struct ori_vector_db *db); /* idempotent on a zeroed or closed db */

/* May points of the model be written to, or compared with, a store of that state? A digest that
 * was never noted fits every one. */
bool ori_vector_state_fits(const struct ori_vector_state *state,
                           const struct ori_vector_model *model);
/* ORI_STORE_MISMATCH with both models and what to do. */
ori_status ori_vector_state_mismatch(const struct ori_vector_state *state,
                                     const struct ori_vector_model *model, struct ori_error *err);

ori_status ori_vector_db_state(struct ori_vector_db *db, struct ori_vector_state *ret_state,
                               struct ori_error *err);
/* Inside a write transaction. */
ori_status ori_vector_db_set_model(struct ori_vector_db *db, const struct ori_vector_model *model,
                                   struct ori_error *err);

/* The same as of stores/sqlite_file.h, by the enumeration of this store. */
static inline sqlite3_stmt *ori_vector_db_statement(struct ori_vector_db *db,
                                                    enum ori_vector_statement which,
                                                    ori_status *ret_status, struct ori_error *err)
{
    return ori_sqlite_statement(&db->file, (int)which, ret_status, err);
}
static inline ori_status ori_vector_db_step(struct ori_vector_db *db, sqlite3_stmt *statement,
                                            struct ori_error *err)
{
    return ori_sqlite_step(&db->file, statement, err);
}
static inline ori_status ori_vector_db_run(struct ori_vector_db *db,
                                           enum ori_vector_statement which, struct ori_error *err)
{
    return ori_sqlite_run(&db->file, (int)which, err);
}
static inline ori_status ori_vector_db_begin(struct ori_vector_db *db,
                                             enum ori_vector_statement which, struct ori_error *err)
{
    const ori_status status = ori_sqlite_is_free(&db->file, err);
    return status == ORI_OK ? ori_vector_db_run(db, which, err) : status;
}
static inline void ori_vector_db_rollback(struct ori_vector_db *db)
{
    ori_sqlite_rollback(&db->file);
}
static inline ori_status ori_vector_db_damaged(const struct ori_vector_db *db, const char *what,
                                               struct ori_error *err)
{
    return ori_sqlite_damaged(&db->file, what, err);
}
