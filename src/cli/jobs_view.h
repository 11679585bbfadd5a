#pragma once
/* cli/jobs_view.h: a server's JSON about jobs as pages for people.
 * Trust     the JSON may be anything: what is missing or of another kind is shown as "-", no control
 *           character gets through
 * Failure   remembered by the page: ori_buf_finish tells
 * Threads   pure; any thread */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

/* A table of GET /jobs, and which page of how many that is. */
ori_status ori_jobs_view_list(const json_t *answer, size_t width, struct ori_buf *page,
                              struct ori_error *err);

/* One job of GET /jobs/{id}, with the logs of GET /status/{id} (NULL: none): facts, items (failed
 * first, at most items_max, the rest counted), the log's lines. */
ori_status ori_jobs_view_job(const json_t *job, const json_t *logs, size_t items_max, size_t width,
                             struct ori_buf *page, struct ori_error *err);

/* "[#####-----]  42%  3 of 7 videos  1 failed  running", at most width characters, of GET
 * /status/{id}. */
#define ORI_JOBS_LINE_BYTES 256
void ori_jobs_view_line(const json_t *status, size_t width, char ret_line[ORI_JOBS_LINE_BYTES]);

/* Has the job of GET /jobs/{id} or /status/{id} come to its end, and well? */
bool ori_jobs_view_has_ended(const json_t *job, bool *ret_is_well);
/* Whether a job in that state has ended; NULL: no. */
bool ori_jobs_view_is_end(const char *state);
