#pragma once
/* embed/hub_priv.h: what the parts of a pull share; for src/embed/hub*.c alone.
 * hub_fetch.c   one request: token, redirects, what a refusal means
 * hub_api.c     the hub's answer about a model: commit, files, licence
 * hub_blob.c    one file: hash and size, lock, transfer, verification
 * hub.c         the pull: choice of revision and files, folders, links, refs
 * Threads       one pull, one thread */
#include "embed/hub.h"
#include "embed/hub_files.h"
#include "net/client.h"

#define ORI_HUB_OID_BYTES 65 /* SHA-256 or SHA-1 in hex digits */

/* A file that may be pulled. */
struct ori_hub_file {
    char *name;
    int64_t size;                /* -1: not known */
    char oid[ORI_HUB_OID_BYTES]; /* its hash, which is its blob's name; "" not known */
};

struct ori_hub {
    const struct ori_hub_options *options;
    const struct ori_cancel *cancel;
    struct ori_hub_name name;         /* with the revision that is pulled */
    char *endpoint;                   /* no slash at its end */
    char *bearer;                     /* "Bearer ..."; NULL: no token */
    struct ori_net_client *near;      /* to the endpoint */
    struct ori_net_client *far;       /* to where it redirects; NULL until it does */
    struct ori_network_list *allowed; /* of far */
    /* the model */
    char commit[ORI_HUB_COMMIT_CHARS + 1];
    char licence[ORI_MODEL_LICENCE_BYTES];
    struct ori_hub_file *files; /* that are wanted, or are shards */
    size_t files_count;
    /* where it goes */
    char *model;    /* CACHE/models--org--name */
    char *locks;    /* CACHE/.locks/models--org--name */
    char *snapshot; /* CACHE/models--org--name/snapshots/COMMIT */
    struct ori_hub_progress progress;
    int64_t files_done;
};

/* ---- hub_fetch.c ---- */

ori_status ori_hub_open(struct ori_hub *hub, const struct ori_hub_options *options,
                        const struct ori_hub_name *name, const struct ori_cancel *cancel,
                        struct ori_error *err);
void ori_hub_close(struct ori_hub *hub); /* takes a half-open one */

struct ori_hub_ask {
    const char *method;
    const char *url;
    int64_t first_byte; /* above 0: Range */
    size_t bytes_max;
    int retries;
    int64_t deadline_us;
    bool
        stops_at_link; /* at a redirect that says the hash itself, as resolve URLs of large files do */
    ori_status (*on_body)(void *self, const void *data, size_t bytes, struct ori_error *err);
    void *on_body_self;
};
/* Redirects followed. ORI_OK: there is an answer, of whatever HTTP status. answer: initialised. */
ori_status ori_hub_fetch(struct ori_hub *hub, const struct ori_hub_ask *ask,
                         struct ori_net_answer *answer, struct ori_error *err);
/* What an HTTP status other than 2xx means; file NULL: the model itself was asked for. */
ori_status ori_hub_refuse(const struct ori_hub *hub, const struct ori_net_answer *answer,
                          const char *file, struct ori_error *err);
void ori_hub_note(const struct ori_hub *hub, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- hub_api.c ---- */

/* Fills in commit, licence and files for hub->name.revision, in place of those of another one. */
ori_status ori_hub_ask_model(struct ori_hub *hub, struct ori_error *err);
/* What its answer, of HTTP 200, says. */
ori_status ori_hub_read_model(struct ori_hub *hub, const struct ori_net_answer *answer,
                              struct ori_error *err);
struct ori_hub_file *ori_hub_find_file(const struct ori_hub *hub, const char *name);
bool ori_hub_is_oid(const char *text); /* 40 or 64 hex digits in lower case */

/* ---- hub_blob.c ---- */

/* Until blobs/HASH is whole; *ret_was_here: it was before. file gets its size and hash. */
ori_status ori_hub_pull_blob(struct ori_hub *hub, struct ori_hub_file *file, bool *ret_was_here,
                             struct ori_error *err);
/* What of a file is not in the cache; 0 when nobody knows. */
int64_t ori_hub_bytes_missing(const struct ori_hub *hub, const struct ori_hub_file *file);
/* ORI_DISK_FULL: so many more bytes of `what` do not fit where the cache is. */
ori_status ori_hub_check_room(const struct ori_hub *hub, const char *what, int64_t missing,
                              struct ori_error *err);
