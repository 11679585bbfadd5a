#include "cli/remote_name.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "pipeline/medium.h"
#include "util/text.h"

#define SCHEME "s3://"
#define FILE_NAME "video.mp4"

bool ori_remote_is_s3(const char *text)
{
    return strncmp(text, SCHEME, strlen(SCHEME)) == 0;
}

bool ori_remote_is_http(const char *text)
{
    return strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
}

ori_status ori_remote_split(const char *url, char ret_bucket[ORI_REMOTE_BUCKET_BYTES],
                            const char **ret_rest, struct ori_error *err)
{
    const char *bucket = url + strlen(SCHEME);
    const size_t bytes = strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789.-");
    if (bytes < 3 || bytes >= ORI_REMOTE_BUCKET_BYTES ||
        (bucket[bytes] != '/' && bucket[bytes] != '\0'))
        return ori_error_set(err, ORI_URL_REFUSED,
                             "expected s3://bucket/key with a bucket of 3 to 63 characters");
    memcpy(ret_bucket, bucket, bytes);
    ret_bucket[bytes] = '\0';
    *ret_rest = bucket + bytes + (bucket[bytes] == '/');
    return ORI_OK;
}

bool ori_remote_is_video_key(const char *key, const char *prefix)
{
    const size_t below = strlen(prefix);
    const char *name = key;
    for (const char *at = key; *at; at++) {
        if (at != key && at[-1] != '/')
            continue;
        name = at;
        if (*at == '.' && (size_t)(at - key) >= below)
            return false;
    }
    return ori_medium_is_video_name(name);
}

/* The part up to the next slash, when it is a legal name; *key is behind the slash. */
static bool take_name(const char **key, char ret_name[ORI_CODE_BYTES])
{
    const size_t bytes = strcspn(*key, "/");
    if (bytes >= ORI_CODE_BYTES || (*key)[bytes] != '/')
        return false;
    memcpy(ret_name, *key, bytes);
    ret_name[bytes] = '\0';
    *key += bytes + 1;
    return ori_text_is_code(ret_name);
}

ori_status ori_remote_name(const char *url, const char *key, const char *platform,
                           char ret_platform[ORI_CODE_BYTES], char ret_code[ORI_CODE_BYTES],
                           struct ori_error *err)
{
    const char *rest = key;
    if (take_name(&rest, ret_platform) && take_name(&rest, ret_code) &&
        strcmp(rest, FILE_NAME) == 0)
        return ORI_OK;
    snprintf(ret_platform, ORI_CODE_BYTES, "%s", platform);
    const char *slash = strrchr(url, '/');
    return ori_identity_code_of_name(slash ? slash + 1 : url, url, ret_code, err);
}
