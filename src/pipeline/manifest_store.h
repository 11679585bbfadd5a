#pragma once
/* pipeline/manifest_store.h: manifests in an object store, "{platform}/{code}/manifest.json", and the points
 * that they stand for.
 * Threads   any
 * Failure   what stores/blob.h and manifest.h say */
#include "pipeline/manifest.h"
#include "stores/blob.h"
#include "stores/vector.h"
#include "util/wait.h"

enum ori_manifest_state {
    ORI_MANIFEST_MISSING,
    ORI_MANIFEST_BROKEN, /* there, but none that this program can have written */
    ORI_MANIFEST_READ
};

/* manifest: after init; filled when *ret_state is READ. Neither none nor a broken one is a failure: ret_why,
 * which may be NULL, tells what is broken. */
ori_status ori_manifest_load(struct ori_blob_store *blobs, const char *platform, const char *code,
                             const struct ori_wait *wait, struct ori_manifest *manifest,
                             enum ori_manifest_state *ret_state, struct ori_error *ret_why,
                             struct ori_error *err);
/* As manifest, but with this for its own is_complete. */
ori_status ori_manifest_save(struct ori_blob_store *blobs, const struct ori_manifest *manifest,
                             bool is_complete, const struct ori_wait *wait, struct ori_error *err);

/* The point of one of the manifest's frames. path: its key; all texts and the vector are borrowed. */
void ori_manifest_point(const struct ori_manifest *manifest, const struct ori_manifest_frame *frame,
                        const char *path, const float *vector, struct ori_point *ret_point);
/* Does the payload say of the frame what the point of one would, but for time, model and uuid? key: the
 * frame's. */
bool ori_manifest_is_payload(const struct ori_manifest_frame *frame, const char *key,
                             const struct ori_point_payload *payload);
/* Are the points of the manifest's video just those of its frames, of its time and of that model? */
ori_status ori_manifest_has_points(const struct ori_manifest *manifest, const char *model,
                                   struct ori_vector_store *vectors,
                                   const struct ori_cancel *cancel, bool *ret_has,
                                   struct ori_error *err);
