#pragma once
/* pipeline/identity.h: what a video is called, and whether it is the one we know already.
 * Code         stem of the file's name made legal, a dash, 8 hex digits of SHA-1 of its absolute
 *              path: two files of one name in two folders stay apart, the same file keeps its code
 * Same file    same size, time of change and SHA-256 of its first and last 64 KiB
 * Same result  same fingerprint: SHA-256 over all that can change stills, points or manifest. It is
 *              made of two parts, what shapes the stills and what shapes the vectors: so that stills
 *              that get vectors of another model have the fingerprint of a run with that model
 * Threads      pure but for reading the descriptor; any thread */
#include <stdbool.h>
#include <stdint.h>

#include "media/child_proto.h"
#include "util/limits.h"
#include "util/status.h"

/* Part of every fingerprint: raise it when the same video and settings give another result. */
#define ORI_RESULT_VERSION 5

#define ORI_CODE_BYTES (ORI_LIMIT_MAX_CODE_CHARS + 1)
#define ORI_DIGEST_BYTES 65 /* SHA-256 in hex, with its NUL */

struct ori_source_identity {
    int64_t bytes;
    int64_t mtime_ns;
    char digest[ORI_DIGEST_BYTES]; /* of head and tail */
};

/* What a result depends on beside the file. Threads and limits that only refuse are left out. */
struct ori_result_inputs {
    const struct ori_extract_options *extract;
    const char *model;
    const char *digest;    /* of its weights; "" for a builtin */
    const char *precision; /* the one that computes, never "auto" */
    int dim;
};

/* path: absolute. ORI_USAGE when it is not, or has no name at its end. */
ori_status ori_identity_code(const char *path, char ret_code[ORI_CODE_BYTES],
                             struct ori_error *err);

/* The same of a URL in the place of the path; name: of the file there. */
ori_status ori_identity_code_of_name(const char *name, const char *url,
                                     char ret_code[ORI_CODE_BYTES], struct ori_error *err);

/* fd: a regular file; its position does not move. ORI_IO, ORI_NOMEM. */
ori_status ori_identity_source(int fd, struct ori_source_identity *ret_identity,
                               struct ori_error *err);
bool ori_identity_is_same(const struct ori_source_identity *a, const struct ori_source_identity *b);

/* The part of the stills: of extract alone, the model's input left out. */
ori_status ori_identity_settings(const struct ori_extract_options *extract,
                                 char ret_digest[ORI_DIGEST_BYTES], struct ori_error *err);
/* settings: what ori_identity_settings said of the run that made the stills, which may have been
 * one of other settings; of inputs only what concerns the model is looked at. */
ori_status ori_identity_fingerprint(const char *settings, const struct ori_result_inputs *inputs,
                                    char ret_digest[ORI_DIGEST_BYTES], struct ori_error *err);
