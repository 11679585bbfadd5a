#pragma once
/* jobs/source.h: where the video of an item is.
 * Order     url when given: a path inside VP_INPUT_DIR; https:// and s3:// are ORI_UNSUPPORTED_URL
 *           until their parts come. Else VP_INPUT_DIR/{platform}/{code}/video.mp4, else the first
 *           by name of VP_INPUT_DIR/{platform}/{code}.* that is a known container
 * Safety    no "..", no empty segment, no NUL; links are followed only while they stay inside
 *           VP_INPUT_DIR: openat2 with RESOLVE_BENEATH, so that nothing outside is ever opened
 * Threads   any */
#include "config/settings.h"
#include "stores/jobs.h"
#include "util/status.h"

/* Whether a url in a request could ever be one: its form alone, nothing is opened. ORI_URL_REFUSED
 * says why not. */
ori_status ori_source_check_url(const char *url, struct ori_error *err);

/* *ret_path: absolute, malloc'ed, the caller frees. ORI_NOT_FOUND names all places that were looked
 * at; ORI_URL_REFUSED, ORI_UNSUPPORTED_URL. */
ori_status ori_source_find(const struct ori_settings *settings, const struct ori_job_claim *claim,
                           char **ret_path, struct ori_error *err);
