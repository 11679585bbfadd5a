#pragma once
/* pipeline/verify_priv.h: what the files of a verify share; for verify*.c alone. */
#include <stdatomic.h>

#include "pipeline/manifest.h"
#include "pipeline/manifest_store.h"
#include "pipeline/verify.h"

/* ---- verify_names.c: a set of videos, 16 bytes each ---- */

struct verify_names {
    uint8_t (*digests)[16]; /* all zeros: free */
    size_t count;
    size_t room; /* a power of two */
};
void verify_names_deinit(struct verify_names *names);
/* *ret_is_new: it was not in. ORI_LIMIT, ORI_NOMEM. */
ori_status verify_names_add(struct verify_names *names, const char *platform, const char *code,
                            bool *ret_is_new, struct ori_error *err);

/* ---- one video ---- */

struct verify_file { /* of the frame pattern */
    char name[ORI_FRAME_FILE_BYTES];
    int64_t bytes;
    struct ori_blob_store *blobs;
};
struct verify_point {
    char id[ORI_UUID_TEXT_BYTES];
    bool is_known;    /* a frame of the manifest is its still */
    bool is_right;    /* its payload says what it should, but for the model */
    bool is_of_model; /* and that too: its vector is to be trusted */
    bool is_readable;
    struct ori_point_payload payload; /* its texts are not kept, but for: */
    char path[ORI_OBJECT_KEY_BYTES];
    struct ori_vector_store *vectors;
};

struct verify_video {
    const struct ori_verify_options *options;
    const char *platform;
    const char *code;
    struct ori_wait wait;
    struct ori_verify_result *result;
    struct ori_blob_lock *locks[2];
    struct ori_blob_store *blobs;     /* where its manifest is */
    struct ori_vector_store *vectors; /* where its points are, or are to be */
    bool is_homeless;                 /* nobody knows where they are to be */
    struct ori_manifest manifest;
    enum ori_manifest_state state;
    struct verify_file *files; /* in byte order of their names; then where */
    size_t files_count;
    size_t files_room;
    struct verify_point *points; /* in byte order of their ids */
    size_t points_count;
    size_t points_room;
};

void verify_note(struct verify_video *video, enum ori_verify_fault fault, const char *name);

/* verify_look.c */
/* Takes the locks: ORI_AGAIN while another has one, unless is_waiting. */
ori_status verify_lock(struct verify_video *video, bool is_waiting, struct ori_error *err);
/* Reads what there is, and fills in the faults of the result. */
ori_status verify_look(struct verify_video *video, struct ori_error *err);
const struct verify_file *verify_find_file(const struct verify_video *video, const char *name);
struct verify_point *verify_find_point(const struct verify_video *video, const char *id);
void verify_video_deinit(struct verify_video *video);

/* verify_repair.c */
/* Puts right what can be, and says in the result how it ended. */
ori_status verify_repair(struct verify_video *video, struct ori_error *err);
