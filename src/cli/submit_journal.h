#pragma once
/* cli/submit_journal.h: what of a list was posted already, in a file that outlives a kill.
 * Promise    a request is in the file before it is sent, to the byte, and its job after the answer. So
 *            whoever comes after a kill sends the one without a job again, under the same key, and
 *            leaves out what is in the others: nothing is posted twice and nothing is left out, also
 *            when the list has grown, shrunk or changed its order, or the server its limit
 * Key        SHA-256 of the salt and the request's body. There is no salt but after a beginning anew:
 *            where the file was lost, the same list still gives the same keys and thereby jobs
 * File       "oriane submit 1 SALT", then lines "post ITEMS KEY BODY", "job KEY ID", "drop KEY": refused
 *            for good, no job was made. A last line without its end was cut off by a kill, and is none
 * Memory     of the whole journal: 21 to 43 bytes a video that was posted, 48 a job
 * Call order open; begin, then end or drop, one after the other; close
 * Failure    STORE_IN_USE: another process works on the same list; STORE: the file is none of ours;
 *            STORE_VERSION; those of util/fs.h
 * Threads    one at a time; one process a file (flock) */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/id_set.h"
#include "util/status.h"
#include "util/uuid.h"

#define ORI_SUBMIT_KEY_BYTES 65

struct ori_submit_job {
    char id[ORI_UUID_TEXT_BYTES];
    uint32_t items;
};
struct ori_submit_journal {
    char *path;
    int fd;                         /* -1: not open */
    char salt[ORI_UUID_TEXT_BYTES]; /* "-": none */
    struct ori_id_set posted;       /* all videos of earlier calls */
    struct ori_submit_job *jobs;    /* in the order of the posts */
    size_t jobs_count;
    size_t jobs_room;
    /* The request that has no job yet; body NULL: there is none. */
    char *body;
    size_t body_bytes;
    uint32_t body_items;
    bool is_left_over; /* of the call before */
    char key[ORI_SUBMIT_KEY_BYTES];
};

/* The journal of that server, source and options, under folder, which is made. is_anew: what it held
 * is forgotten, and all keys are others. */
ori_status ori_submit_journal_open(const char *folder, const char *purpose, bool is_anew,
                                   struct ori_submit_journal *ret_journal, struct ori_error *err);
void ori_submit_journal_close(struct ori_submit_journal *journal); /* idempotent */

/* Takes body: malloc'ed, one line of JSON. On failure too. */
ori_status ori_submit_journal_begin(struct ori_submit_journal *journal, char *body, size_t bytes,
                                    uint32_t items, struct ori_error *err);
ori_status ori_submit_journal_end(struct ori_submit_journal *journal, const char *job_id,
                                  struct ori_error *err);
/* Its videos count as not posted from the next open on. */
ori_status ori_submit_journal_drop(struct ori_submit_journal *journal, struct ori_error *err);

/* The name of a video in such sets. */
ori_status ori_submit_id(const char *platform, const char *code, const char *url,
                         struct ori_id *ret_id, struct ori_error *err);
