#pragma once
/* cli/remote_name.h: what a video is called that is not a file here.
 * Rule      the object {platform}/{code}/video.mp4 of a bucket has these names; others have the code
 *           that a file would have, made of the URL in the place of the path
 * Threads   pure; any thread */
#include <stdbool.h>
#include <stddef.h>

#include "pipeline/identity.h"
#include "util/status.h"

#define ORI_REMOTE_PLATFORM "local" /* of videos whose key names none */

/* "s3://bucket/key", or "s3://bucket" for all of it. */
bool ori_remote_is_s3(const char *text);
bool ori_remote_is_http(const char *text); /* "http://", "https://", in any letter case */

#define ORI_REMOTE_BUCKET_BYTES 64
/* *ret_rest: what follows "s3://bucket/", within url; may be "". ORI_URL_REFUSED. */
ori_status ori_remote_split(const char *url, char ret_bucket[ORI_REMOTE_BUCKET_BYTES],
                            const char **ret_rest, struct ori_error *err);

/* Whether an object below prefix is called like a video: by its ending, and hidden ones left out, as
 * in folders. */
bool ori_remote_is_video_key(const char *key, const char *prefix);

/* key: of the object that url names. platform: of videos whose key names none. */
ori_status ori_remote_name(const char *url, const char *key, const char *platform,
                           char ret_platform[ORI_CODE_BYTES], char ret_code[ORI_CODE_BYTES],
                           struct ori_error *err);
