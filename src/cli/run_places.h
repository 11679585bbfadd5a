#pragma once
/* cli/run_places.h: how the inputs of a run that are far away are read.
 * Guard      http and https reach public addresses and those of URL_ALLOW_PRIVATE (net/http_remote.h)
 * Ownership  settings, S3, log and inputs are borrowed until destroy
 * Threads    the main thread; the places are the items' */
#include "cli/inputs.h"
#include "config/settings.h"
#include "log/log.h"
#include "pipeline/medium_remote.h"

struct ori_run_places;

/* An input whose URL cannot be one gets its status and message; one behind http its platform and
 * code. s3: NULL when no input is in a bucket. */
ori_status ori_run_places_create(const struct ori_settings *settings, struct ori_s3 *s3,
                                 const struct ori_log *log, struct ori_inputs *inputs,
                                 struct ori_run_places **ret_places, struct ori_error *err);
void ori_run_places_destroy(struct ori_run_places **places); /* null-safe, nulls */

/* NULL: a file of this machine, or an input with a status. */
const struct ori_medium_place *ori_run_places_get(const struct ori_run_places *places,
                                                  size_t input);
