/* Rows of a prefix in S3, page by page as they are listed. */
#include <stdio.h>
#include <string.h>

#include "cli/remote_name.h"
#include "cli/submit_priv.h"
#include "pipeline/objects.h"
#include "util/limits.h"

#define URL_BYTES (sizeof "s3://" + ORI_REMOTE_BUCKET_BYTES + ORI_LIMIT_MAX_URL_BYTES)

struct walk {
    struct ori_submit *submit;
    const char *bucket;
    const char *prefix;
    const char *platform;
    int64_t position; /* of the object in the list */
};

/* A key that no request can name is a bad entry like others. */
static ori_status bad_key(struct walk *walk, const char *key, const char *why,
                          struct ori_error *err)
{
    struct ori_error cause = {0};
    (void)ori_error_set(&cause, ORI_USAGE, "s3://%s/%.200s: %s", walk->bucket, key, why);
    return ori_submit_bad_entry(walk->submit, &cause, err);
}

static ori_status visit(void *self, const char *key, int64_t bytes, struct ori_error *err)
{
    struct walk *walk = self;
    char url[URL_BYTES];
    char platform[ORI_CODE_BYTES];
    char code[ORI_CODE_BYTES];
    struct ori_error cause = {0};
    (void)bytes;
    walk->position++;
    if (!ori_remote_is_video_key(key, walk->prefix))
        return ORI_OK;
    const int length = snprintf(url, sizeof url, "s3://%s/%s", walk->bucket, key);
    if (length < 0 || length > ORI_LIMIT_MAX_URL_BYTES)
        return bad_key(walk, key, "longer than a URL may be", err);
    ori_status status = ori_remote_name(url, key, walk->platform, platform, code, &cause);
    if (status == ORI_OK)
        status = ori_list_check(platform, code, url, &cause);
    if (status != ORI_OK)
        return bad_key(walk, key, cause.text, err);
    return ori_submit_row(walk->submit, platform, code, url, walk->position, err);
}

ori_status ori_submit_bucket(struct ori_submit *submit, const char *url, struct ori_error *err)
{
    struct ori_cli *cli = submit->cli;
    const char *platform = ori_cli_text(cli, "platform");
    const struct ori_wait wait = {.cancel = &submit->session.cancel};
    struct ori_objects objects = {.s3 = NULL};
    char bucket[ORI_REMOTE_BUCKET_BYTES];
    const char *prefix = NULL;
    ori_status status = ori_remote_split(url, bucket, &prefix, err);
    if (status == ORI_OK)
        status = ori_objects_open(cli->settings, ORI_OBJECTS_READ, &submit->session.cancel,
                                  &cli->log, &objects, err);
    struct walk walk = {.submit = submit,
                        .bucket = bucket,
                        .prefix = prefix,
                        .platform = platform ? platform : ORI_REMOTE_PLATFORM};
    if (status == ORI_OK)
        status = ori_s3_list(objects.s3, bucket, prefix, NULL, visit, &walk, &wait, err);
    ori_objects_close(&objects);
    return status;
}
