#pragma once
/* http/job_json.h: jobs and items as the API shows them, written as they come from the store.
 * Shapes    schemas_tbl.h: Job, Item, Counts
 * Threads   plain data; one thread at a time */
#include <stdbool.h>
#include <stddef.h>

#include "http/request.h"
#include "stores/jobs.h"
#include "util/buf.h"

void ori_job_json_counts(struct ori_buf *buf, const char *key, const struct ori_job_counts *counts);
/* {completed, total} */
void ori_job_json_done(struct ori_buf *buf, const char *key, const struct ori_job_counts *counts);
void ori_job_json_time(struct ori_buf *buf, const char *key, int64_t wall_us);

/* The array of a job's items, at most items_max of them (0: all); *ret_frames: kept frames of those
 * that succeeded. */
ori_status ori_job_json_items(struct ori_job_store *store, const struct ori_job *job,
                              size_t items_max, struct ori_buf *buf, const char *key,
                              int64_t *ret_frames, struct ori_error *err);
/* The whole job object. */
ori_status ori_job_json(struct ori_job_store *store, const struct ori_job *job, size_t items_max,
                        struct ori_buf *buf, const char *key, struct ori_error *err);

#define ORI_JOB_JSON_ROW_ITEMS 20 /* items of a job in a list of jobs */

bool ori_job_json_has_ended(const struct ori_job *job);

/* The job that the path names; false: answered already, 404 with the contract's words. */
bool ori_resource_find_job(const struct ori_http_request *request,
                           struct ori_http_response *response, struct ori_job *ret_job);
/* Answers with err; a job that is not there in the contract's words. */
void ori_resource_job_failure(const struct ori_http_request *request,
                              struct ori_http_response *response, const struct ori_error *err);
