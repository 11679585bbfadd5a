#pragma once
/* jobs/source.h: where the video of an item is.
 * Order     url when given: a path inside VP_INPUT_DIR, or s3://bucket/key; https:// is
 *           ORI_UNSUPPORTED_URL until its parts come. Else VP_INPUT_DIR/{platform}/{code}/video.mp4, else the first
 *           by name of VP_INPUT_DIR/{platform}/{code}.* that is a known container
 * Safety    no "..", no empty segment, no NUL; links are followed only while they stay inside
 *           VP_INPUT_DIR: openat2 with RESOLVE_BENEATH, so that nothing outside is ever opened
 * Threads   any */
#include <stdbool.h>

#include "config/settings.h"
#include "stores/jobs.h"
#include "util/limits.h"
#include "util/status.h"

/* Whether a url in a request could ever be one: its form alone, nothing is opened. ORI_URL_REFUSED
 * says why not. */
ori_status ori_source_check_url(const char *url, struct ori_error *err);

/* A place in a bucket: an s3:// url's, or S3_VIDEOS_BUCKET and {platform}/{code}/video.mp4. */
struct ori_source_object {
    char bucket[256];
    char key[ORI_LIMIT_MAX_URL_BYTES + 1];
};
/* Whether the claim's url is one of s3://. */
bool ori_source_is_s3(const struct ori_job_claim *claim);
/* Only for a claim without url or with one of s3://. ORI_URL_REFUSED for one that is none. */
ori_status ori_source_object(const struct ori_settings *settings, const struct ori_job_claim *claim,
                             struct ori_source_object *ret_object, struct ori_error *err);

/* On this machine. *ret_path: absolute, malloc'ed, the caller frees. ORI_NOT_FOUND names all places that were looked
 * at; ORI_URL_REFUSED, ORI_UNSUPPORTED_URL. */
ori_status ori_source_find(const struct ori_settings *settings, const struct ori_job_claim *claim,
                           char **ret_path, struct ori_error *err);
