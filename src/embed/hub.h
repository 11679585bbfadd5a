#pragma once
/* embed/hub.h: a model brought from a Hugging Face hub into a cache of huggingface_hub's layout.
 * Steps      ask the hub for the revision's commit and files; choose (embed/hub_files.h); each file
 *            by HEAD (hash and size), then GET into blobs/HASH.incomplete, from where an earlier
 *            attempt ended; verify, sync, rename, link into the snapshot; refs/REVISION last
 * Verify     size and hash of each file: SHA-256 of large ones, git's blob SHA-1 of small ones, as
 *            the hub announced them; what the hub's list of files says must agree
 * Breaks     a transfer that breaks off goes on at its byte, after a backoff; a server that ignores
 *            Range begins again; only bytes that come make the number of attempts begin again
 * Others     while a blob is written its lock is held, the one huggingface_hub takes: two pulls at
 *            once, of whichever tool, load it once
 * Redirects  followed, ORI_LIMIT_MAX_HUB_REDIRECTS at most, never from https to http. The token goes
 *            to the endpoint's own scheme, host and port alone. Elsewhere they must lead to public
 *            addresses, to those of allow_private, or to the kind of network the endpoint itself
 *            answered from (loopback; private)
 * Threads    one pull, one thread; several pulls at once, also of several processes, are fine
 * Failure    NOT_FOUND (model, revision, safetensors), NOT_READABLE (401, 403), BAD_MODEL (a hash or
 *            size is not what was announced; names that are none), NETWORK, TIMEOUT, URL_REFUSED,
 *            LIMIT, DISK_FULL, NOT_WRITABLE, IO, CANCELLED, NOMEM. What has come stays and is used
 *            by the next pull
 * Source     huggingface_hub, file_download.py and the guide "Understand caching" */
#include <stdbool.h>
#include <stdint.h>

#include "embed/hub_name.h"
#include "embed/model_facts.h"
#include "log/log.h"
#include "util/cancel.h"
#include "util/status.h"

struct ori_net_egress;

struct ori_hub_progress {
    const char *file; /* the one that is coming */
    int64_t file_bytes;
    int64_t file_bytes_total;
    int64_t bytes; /* of all files, those that were here already among them */
    int64_t bytes_total;
    int64_t bytes_loaded; /* by this pull */
};

/* What a pull tells while it runs, on its own thread; any may be NULL. */
struct ori_hub_watch {
    void *self;
    void (*on_progress)(void *self, const struct ori_hub_progress *progress); /* often */
    void (*on_file)(void *self, const char *name, int64_t bytes, bool was_here);
    void (*on_note)(void *self, const char *text); /* a line for a person */
};

struct ori_hub_options {
    const char *endpoint;                /* HF_ENDPOINT */
    const char *cache;                   /* HF_HUB_CACHE; made when it is not there */
    const char *token;                   /* NULL or "": none */
    const char *allow_private;           /* URL_ALLOW_PRIVATE */
    int stall_s;                         /* HF_HUB_DOWNLOAD_TIMEOUT */
    const struct ori_net_egress *egress; /* borrowed for the pull; NULL: as net/client.h has it */
    const struct ori_log *log;           /* may be NULL */
    struct ori_hub_watch watch;
};

struct ori_hub_pulled {
    char *folder; /* the snapshot */
    char revision[ORI_HUB_REVISION_BYTES];
    char commit[ORI_HUB_COMMIT_CHARS + 1];
    char licence[ORI_MODEL_LICENCE_BYTES]; /* "" not known */
    int64_t files;
    int64_t bytes;        /* of all files */
    int64_t bytes_loaded; /* of those, by this pull */
};

/* A name without a revision means main, or the revision known to have safetensors where main has
 * none (ori_hub_known_revision). ret_pulled: to be released. */
ori_status ori_hub_pull(const struct ori_hub_options *options, const struct ori_hub_name *name,
                        const struct ori_cancel *cancel, struct ori_hub_pulled *ret_pulled,
                        struct ori_error *err);
void ori_hub_pulled_deinit(struct ori_hub_pulled *pulled); /* idempotent */
