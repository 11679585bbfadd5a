#pragma once
/* pipeline/manifest.h: "{platform}/{code}/manifest.json", the record of one video's result.
 * It is the last thing a run writes, and says that stills and points are all there. Before its
 * first effect a run writes the manifest that stands there again with complete false: whatever
 * kills it afterwards, nobody takes a mixture of two runs for a result
 * Call order  init; fill by the add functions or by parse; render; deinit
 * Ownership   a manifest owns its tables
 * Determinism same result, same bytes; created_at alone tells the clock
 * Trust       parse believes nothing: every field is there, of its type and in range, names and ids
 *             are what they must be, else ORI_STORE naming the field. ORI_NOMEM says nothing
 *             about the manifest
 * Threads     plain data; one thread at a time
 * Limits      frames, scenes, warnings and bytes as in util/limits_tbl.h: ORI_LIMIT */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/child_proto.h"
#include "pipeline/frame_name.h"
#include "pipeline/identity.h"
#include "util/clock.h"
#include "util/status.h"
#include "util/uuid.h"

#define ORI_MANIFEST_FILE "manifest.json"
#define ORI_MODEL_NAME_BYTES 1025

struct ori_manifest_scene {
    int64_t start_us;
    int64_t end_us;
    uint32_t duplicate_of; /* 0: none */
    bool has_crop;         /* its box differs from the video's */
    struct ori_box crop;
};
struct ori_manifest_frame {
    uint32_t n;
    uint32_t scene;
    double second; /* two decimals */
    int32_t width;
    int32_t height;
    uint64_t dhash;
    int64_t bytes; /* of the still; 0: written before manifests said so */
    char file[ORI_FRAME_FILE_BYTES];
};
struct ori_manifest_warning {
    char code[ORI_CHILD_CODE_MAX];
    char text[ORI_CHILD_TEXT_MAX];
};

struct ori_manifest_clip {
    char file[ORI_FRAME_FILE_BYTES];
    int64_t bytes;
    int width; /* as its name says */
    int height;
    char encoder[16]; /* that made it */
    bool has_audio;
};

struct ori_manifest {
    bool is_complete;
    char platform[ORI_CODE_BYTES];
    char code[ORI_CODE_BYTES];
    char source_name[256]; /* of the file, cleaned for showing */
    struct ori_source_identity source;
    char settings
        [ORI_DIGEST_BYTES]; /* of what shaped the stills; "": written before there was one */
    char fingerprint[ORI_DIGEST_BYTES];
    char model[ORI_MODEL_NAME_BYTES];
    int dim;
    int64_t duration_us;
    int width;
    int height;
    bool has_crop;
    struct ori_box crop;
    bool has_clip;
    struct ori_manifest_clip clip;
    struct ori_manifest_scene *scenes;
    size_t scenes_count;
    struct ori_manifest_frame *frames;
    size_t frames_count;
    struct ori_manifest_warning *warnings;
    size_t warnings_count;
    char created_at[ORI_CLOCK_TEXT_BYTES];
};

void ori_manifest_init(struct ori_manifest *ret_manifest);
void ori_manifest_deinit(struct ori_manifest *manifest); /* null-safe, idempotent */

ori_status ori_manifest_add_scene(struct ori_manifest *manifest,
                                  const struct ori_manifest_scene *scene, struct ori_error *err);
ori_status ori_manifest_add_frame(struct ori_manifest *manifest,
                                  const struct ori_manifest_frame *frame, struct ori_error *err);
/* What is too long is cut at the end of a character. */
ori_status ori_manifest_add_warning(struct ori_manifest *manifest, const char *code,
                                    const char *text, struct ori_error *err);
/* A frame's or the clip's. */
bool ori_manifest_has_file(const struct ori_manifest *manifest, const char *file);

/* Key and id of one frame. */
void ori_manifest_frame_key(const struct ori_manifest *manifest,
                            const struct ori_manifest_frame *frame,
                            char ret_key[ORI_OBJECT_KEY_BYTES]);
void ori_manifest_frame_id(const struct ori_manifest *manifest,
                           const struct ori_manifest_frame *frame,
                           char ret_id[ORI_UUID_TEXT_BYTES]);

/* *ret_data: malloc'ed, the caller frees. */
ori_status ori_manifest_render(const struct ori_manifest *manifest, char **ret_data,
                               size_t *ret_bytes, struct ori_error *err);
/* Into a manifest after init; on failure it is as after init. platform, code: what it must say. */
ori_status ori_manifest_parse(const char *data, size_t bytes, const char *platform,
                              const char *code, struct ori_manifest *manifest,
                              struct ori_error *err);
