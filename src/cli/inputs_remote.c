/* Operands that are far away: an object of a bucket, all below a prefix that ends in a slash, or a
 * file behind an http or https URL. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/inputs_priv.h"
#include "cli/remote_name.h"
#include "net/s3.h"
#include "util/buf.h"
#include "util/hash.h"
#include "util/limits.h"
#include "util/text.h"

struct walk {
    struct ori_inputs_collector *collector;
    const char *bucket;
    const char *prefix;
    bool has_videos; /* new ones or not */
};

/* Two objects of one name would take turns in writing over each other. */
static ori_status claim_name(struct ori_inputs_collector *collector, const char *platform,
                             const char *code, bool *ret_is_new, struct ori_error *err)
{
    char name[2 * ORI_CODE_BYTES];
    uint8_t digest[ORI_HASH_BYTES_MAX];
    struct ori_id id;
    snprintf(name, sizeof name, "%s/%s", platform, code);
    ori_status status = ori_hash_of(ORI_HASH_SHA256, name, strlen(name), digest, err);
    if (status != ORI_OK)
        return status;
    memcpy(&id.high, digest, sizeof id.high);
    memcpy(&id.low, digest + sizeof id.high, sizeof id.low);
    return ori_id_set_add(&collector->remotes, id, ret_is_new, err);
}

static ori_status fill_in(struct ori_inputs_collector *collector, struct ori_input *row,
                          const char *platform, const char *code, struct ori_error *err)
{
    bool is_new = false;
    ori_status status = claim_name(collector, platform, code, &is_new, err);
    if (status != ORI_OK)
        return status;
    row->kind = ORI_INPUT_OBJECT;
    row->platform = strdup(platform);
    row->code = strdup(code);
    if (!is_new) {
        row->status = ORI_USAGE;
        row->message = strdup("its platform and code are those of another one that was named");
    }
    return row->platform && row->code && (is_new || row->message)
               ? ORI_OK
               : ori_error_set(err, ORI_NOMEM, "list of videos");
}

static ori_status add_object(struct ori_inputs_collector *collector, const char *url,
                             const char *key, struct ori_error *err)
{
    char platform[ORI_CODE_BYTES];
    char code[ORI_CODE_BYTES];
    struct ori_input *row = NULL;
    struct ori_error cause = {0};
    ori_status status = ori_remote_name(url, key, ORI_REMOTE_PLATFORM, platform, code, &cause);
    if (status != ORI_OK)
        return ori_inputs_add(collector, url, url, &cause, NULL, err);
    status = ori_inputs_add(collector, url, url, NULL, &row, err);
    return status == ORI_OK && row ? fill_in(collector, row, platform, code, err) : status;
}

static ori_status visit(void *self, const char *key, int64_t bytes, struct ori_error *err)
{
    struct walk *walk = self;
    struct ori_buf url;
    (void)bytes;
    if (!ori_remote_is_video_key(key, walk->prefix))
        return ORI_OK;
    walk->has_videos = true;
    ori_buf_init(&url, ORI_LIMIT_MAX_PATH_BYTES);
    ori_buf_printf(&url, "s3://%s/%s", walk->bucket, key);
    ori_status status = ori_buf_finish(&url, "URL of an object", err);
    if (status == ORI_OK)
        status = add_object(walk->collector, ori_buf_text(&url), key, err);
    ori_buf_deinit(&url);
    return status;
}

/* What cannot be listed is a row, as a folder is that cannot be read. */
static ori_status collect_prefix(struct ori_inputs_collector *collector, const char *operand,
                                 const char *bucket, const char *prefix, struct ori_error *err)
{
    const struct ori_wait wait = {.cancel = collector->options->cancel};
    struct walk walk = {.collector = collector, .bucket = bucket, .prefix = prefix};
    struct ori_error cause = {0};
    ori_status status =
        ori_s3_list(collector->options->s3, bucket, prefix, NULL, visit, &walk, &wait, &cause);
    if (status == ORI_NOMEM || status == ORI_CANCELLED ||
        (status != ORI_OK && collector->inputs->count >= ORI_LIMIT_MAX_INPUTS)) {
        *err = cause;
        return status;
    }
    if (status == ORI_OK && !walk.has_videos)
        (void)ori_error_set(&cause, ORI_NO_VIDEOS, "no object there is called like a video");
    return cause.status == ORI_OK ? ORI_OK
                                  : ori_inputs_add(collector, operand, operand, &cause, NULL, err);
}

static ori_status add_url(struct ori_inputs_collector *collector, const char *url,
                          struct ori_error *err)
{
    struct ori_input *row = NULL;
    ori_status status = ori_inputs_add(collector, url, url, NULL, &row, err);
    if (row)
        row->kind = ORI_INPUT_URL;
    return status;
}

ori_status ori_inputs_collect_remote(struct ori_inputs_collector *collector, const char *operand,
                                     struct ori_error *err)
{
    char bucket[ORI_REMOTE_BUCKET_BYTES];
    const char *key = NULL;
    struct ori_error cause = {0};
    if (ori_remote_is_http(operand))
        return add_url(collector, operand, err);
    if (ori_text_has_control(operand) || !ori_text_is_utf8(operand, strlen(operand)))
        (void)ori_error_set(&cause, ORI_URL_REFUSED, "a control character, or not UTF-8");
    else
        (void)!ori_remote_split(operand, bucket, &key, &cause);
    if (cause.status == ORI_OK && !collector->options->s3)
        (void)ori_error_set(&cause, ORI_UNSUPPORTED_URL, "S3 is not set up");
    if (cause.status != ORI_OK)
        return ori_inputs_add(collector, operand, operand, &cause, NULL, err);
    const size_t bytes = strlen(key);
    return bytes == 0 || key[bytes - 1] == '/'
               ? collect_prefix(collector, operand, bucket, key, err)
               : add_object(collector, operand, key, err);
}
