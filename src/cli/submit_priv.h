#pragma once
/* cli/submit_priv.h: one call of `oriane submit`; for src/cli/submit*.c alone.
 * Parts      submit.c the verb and what it says; submit_post.c rows into requests, requests to the
 *            server; submit_bucket.c rows of a prefix in S3; submit_wait.c until the jobs have ended
 * Threads    the main thread */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"
#include "cli/jobs_client.h"
#include "cli/list.h"
#include "cli/session.h"
#include "cli/submit_journal.h"
#include "util/buf.h"
#include "util/id_set.h"

struct ori_submit {
    struct ori_cli *cli;
    bool is_json;
    bool is_strict;
    struct ori_session session;
    struct ori_jobs_client client;
    struct ori_submit_journal journal;
    struct ori_list *list; /* NULL: a bucket's prefix */
    int64_t patience_us;   /* how long a server that is away is waited for */
    struct ori_buf chunk;  /* the request that is being made: its items */
    size_t chunk_items;
    size_t chunk_items_max; /* the server's MAX_VIDEOS_PER_REQUEST */
    struct ori_id_set seen; /* videos of this list so far */
    bool was_refused;       /* the last request, for good: the journal has dropped it */
    size_t jobs_before;     /* of the journal's jobs: posted by earlier calls */
    size_t rows;            /* legal entries */
    size_t posted;          /* by this call */
    size_t before;          /* of rows: posted by an earlier call */
    size_t repeated;        /* of rows: came before in this list */
    size_t bad;             /* entries that are none */
    char repeated_first[2 * ORI_LIMIT_MAX_CODE_CHARS + 64];
    size_t failed;  /* videos, as far as it was waited for */
    size_t unknown; /* jobs that the server does not know any more */
    int64_t begin_us;
    int64_t drawn_us;
};

/* ---- submit.c ---- */

/* An entry that is none: told, or counted past the first few. With --strict it is the end: its
 * status; else ORI_OK. */
ori_status ori_submit_bad_entry(struct ori_submit *submit, const struct ori_error *cause,
                                struct ori_error *err);
/* The progress line, a few times a second at most. trouble: NULL, or what is waited for. */
void ori_submit_draw(struct ori_submit *submit, const char *trouble);
bool ori_submit_may_draw(struct ori_submit *submit);
ori_status ori_submit_print_job(struct ori_submit *submit, const struct ori_submit_job *job,
                                bool is_before, const json_t *answer, struct ori_error *err);

/* ---- submit_post.c ---- */

/* Asks until it is answered: a server that is away, or that says 429 or 503, is waited for as long
 * as --patience says, and that is told. The answer as ori_jobs_ask gives it. */
ori_status ori_submit_ask(struct ori_submit *submit, const struct ori_jobs_request *request,
                          struct ori_jobs_answer *ret_answer, struct ori_error *err);
/* What the server takes in one request; and what a killed call left without an answer is sent. */
ori_status ori_submit_begin(struct ori_submit *submit, struct ori_error *err);
/* One legal entry. */
ori_status ori_submit_row(struct ori_submit *submit, const char *platform, const char *code,
                          const char *url, int64_t line, struct ori_error *err);
/* Sends what is left. */
ori_status ori_submit_flush(struct ori_submit *submit, struct ori_error *err);

/* ---- submit_bucket.c ---- */

/* Each object of s3://bucket/prefix that looks like a video, through ori_submit_row. */
ori_status ori_submit_bucket(struct ori_submit *submit, const char *url, struct ori_error *err);

/* ---- submit_wait.c ---- */

/* Until all jobs of the journal have ended. */
ori_status ori_submit_wait(struct ori_submit *submit, struct ori_error *err);
