#pragma once
/* pipeline/objects.h: where frames and manifests go: a folder, or a bucket of S3.
 * Rule       AS_SET takes S3 when credentials are found (net/credentials.h), or AWS_ENDPOINT_URL or
 *            S3_UNSIGNED=1 is set; LOCAL and LOCAL_MODE=1 never do; SKIP_UPLOAD=1 keeps frames in the
 *            folder; UPLOAD must, and says what is missing. REMOTE must as well, but SKIP_UPLOAD=1 may
 *            keep frames in the folder. READ must, and is the client of S3 alone, without a place to
 *            write to. LOOK is AS_SET to ask whether S3 is there: nothing is made
 * Call order open; use; close
 * Ownership  settings and log outlive it
 * Failure    BAD_SETTING, and those of net/credentials.h and stores/blob.h; nothing stays open */
#include "config/settings.h"
#include "log/log.h"
#include "net/credentials.h"
#include "net/s3.h"
#include "stores/blob.h"
#include "util/cancel.h"

enum ori_objects_use {
    ORI_OBJECTS_LOCAL,
    ORI_OBJECTS_AS_SET,
    ORI_OBJECTS_UPLOAD,
    ORI_OBJECTS_REMOTE,
    ORI_OBJECTS_READ,
    ORI_OBJECTS_LOOK
};

struct ori_objects {
    struct ori_credentials *credentials; /* NULL: none, or not asked for */
    struct ori_s3 *s3;                   /* NULL: everything is local */
    struct ori_blob_store *local;        /* VP_FRAMES_DIR; NULL with READ and LOOK */
    struct ori_blob_store *remote;       /* S3_FRAMES_BUCKET; NULL: frames are local */
};

/* Asks S3 nothing; an endpoint of credentials may be. log: may be NULL. */
ori_status ori_objects_open(const struct ori_settings *settings, enum ori_objects_use use,
                            const struct ori_cancel *cancel, const struct ori_log *log,
                            struct ori_objects *ret_objects, struct ori_error *err);
void ori_objects_close(struct ori_objects *objects); /* idempotent */
