#pragma once
/* jobs/source.h: where the video of an item is.
 * Order     url when given: a path inside VP_INPUT_DIR, s3://bucket/key, https://, or http:// to an
 *           address of URL_ALLOW_PRIVATE. Else VP_INPUT_DIR/{platform}/{code}/video.mp4, else the
 *           first by name of VP_INPUT_DIR/{platform}/{code}.* that is a known container
 * Safety    no "..", no empty segment, no NUL; links are followed only while they stay inside
 *           VP_INPUT_DIR: openat2 with RESOLVE_BENEATH, so that nothing outside is ever opened. What
 *           was found is handed over as a descriptor: whoever changes names meanwhile changes
 *           nothing. Addresses of URLs are judged when they are connected to (net/http_remote.h)
 * Threads   any */
#include <stdbool.h>

#include "config/settings.h"
#include "net/address.h"
#include "stores/jobs.h"
#include "util/limits.h"
#include "util/status.h"

/* What a server lets its items have. */
struct ori_source_rules {
    const struct ori_network_list *allowed; /* URL_ALLOW_PRIVATE; NULL: none */
    bool is_local;                          /* LOCAL_MODE, of the server or of the job */
};
/* Whether a url in a request could ever be one: its form alone, nothing is opened and no name looked
 * up. ORI_URL_REFUSED says why not, ORI_UNSUPPORTED_URL that local mode forbids it. */
ori_status ori_source_check_url(const char *url, const struct ori_source_rules *rules,
                                struct ori_error *err);

/* A place in a bucket: an s3:// url's, or S3_VIDEOS_BUCKET and {platform}/{code}/video.mp4. */
struct ori_source_object {
    char bucket[256];
    char key[ORI_LIMIT_MAX_URL_BYTES + 1];
};
/* Whether the claim's url is one of s3://. */
bool ori_source_is_s3(const struct ori_job_claim *claim);
/* Whether it is one of http:// or https://. */
bool ori_source_is_http(const struct ori_job_claim *claim);
/* Only for a claim without url or with one of s3://. ORI_URL_REFUSED for one that is none. */
ori_status ori_source_object(const struct ori_settings *settings, const struct ori_job_claim *claim,
                             struct ori_source_object *ret_object, struct ori_error *err);

/* A regular file of this machine. */
struct ori_source_file {
    int fd;        /* O_PATH: the very file, whatever has its name by now */
    char link[32]; /* a path by which it can be opened while fd is open */
    char *path;    /* absolute, without a link; malloc'ed: to be shown */
};
/* The caller closes it. ORI_NOT_FOUND names all places that were looked at; ORI_URL_REFUSED,
 * ORI_NOT_A_FILE; ORI_UNSUPPORTED_URL for a url that is no path. */
ori_status ori_source_find(const struct ori_settings *settings, const struct ori_job_claim *claim,
                           struct ori_source_file *ret_file, struct ori_error *err);
void ori_source_close(struct ori_source_file *file); /* idempotent; {.fd = -1} is closed */
