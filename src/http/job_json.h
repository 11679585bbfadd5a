#pragma once
/* http/job_json.h: jobs and items as the API shows them, written as they come from the store.
 * Shapes    schemas_tbl.h: Job, Item, Counts
 * Threads   plain data; one thread at a time */
#include <stdbool.h>
#include <stddef.h>

#include "http/request.h"
#include "stores/jobs.h"
#include "util/buf.h"

/* {completed, total} */
void ori_job_json_done(struct ori_buf *buf, const char *key, const struct ori_job_counts *counts);
void ori_job_json_time(struct ori_buf *buf, const char *key, int64_t wall_us);

/* One item of the array; LIMIT when the answer is past its maximum. */
ori_status ori_job_json_item(struct ori_buf *buf, const struct ori_job_item *item,
                             struct ori_error *err);
/* The whole job object, of one moment. */
ori_status ori_job_json(struct ori_job_store *store, const char *job_id, struct ori_buf *buf,
                        struct ori_error *err);
/* The array of the jobs that the query finds, each with its first items. */
ori_status ori_job_json_list(struct ori_job_store *store, const struct ori_job_query *query,
                             struct ori_buf *buf, const char *key, int64_t *ret_total,
                             struct ori_error *err);

bool ori_job_json_has_ended(const struct ori_job *job);

/* The job that the path names; false: answered already, 404 with the contract's words. */
bool ori_resource_find_job(const struct ori_http_request *request,
                           struct ori_http_response *response, struct ori_job *ret_job);
/* Answers with err; a job that is not there in the contract's words. */
void ori_resource_job_failure(const struct ori_http_request *request,
                              struct ori_http_response *response, const struct ori_error *err);
