#pragma once
/* pipeline/manifest_json.h: the parts of a manifest as JSON values, as the manifest and the lines
 * of `oriane run --json` have them.
 * Ownership   the value is the caller's to decref; NULL when memory ran out
 * Numbers     times in seconds, rounded to milliseconds, frames to hundredths: dump with
 *             ORI_JSON_FLAGS and 11.88 stays 11.88 */
#include <jansson.h>

#include "pipeline/manifest.h"

#define ORI_JSON_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15))

double ori_json_seconds(int64_t us);
json_t *ori_json_crop(bool has_crop, const struct ori_box *crop); /* {x,y,w,h} or null */
/* {path, bytes, width, height, encoder, audio}, or null. */
json_t *ori_json_clip(const struct ori_manifest *manifest);
json_t *ori_json_scenes(const struct ori_manifest *manifest);
/* has_file: with the object's bare name beside its path. */
json_t *ori_json_frames(const struct ori_manifest *manifest, bool has_file);
