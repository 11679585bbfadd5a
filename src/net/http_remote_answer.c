/* net/http_remote_answer.c: what web servers answer, and how far it is believed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <curl/curl.h>

#include "net/client_priv.h"
#include "net/content_range.h"
#include "net/http_remote_priv.h"
#include "util/text.h"

static const char *header(const struct ori_net_answer *answer, const char *name)
{
    const char *value = ori_net_answer_header(answer, name);
    return value ? value : "";
}

/* A value that is too long is none. */
static void copy(char *ret_text, size_t bytes_max, const char *text)
{
    snprintf(ret_text, bytes_max, "%s", strlen(text) < bytes_max ? text : "");
}

static void read_version(const struct ori_net_answer *answer, struct ori_http_version *ret_version)
{
    *ret_version = (struct ori_http_version){.bytes = -1};
    copy(ret_version->etag, sizeof ret_version->etag, header(answer, "ETag"));
    copy(ret_version->modified, sizeof ret_version->modified, header(answer, "Last-Modified"));
}

/* By their ETags where both have one, weak or not; else by their times. */
static bool is_same(const struct ori_http_version *a, const struct ori_http_version *b)
{
    const char *etag_a = strncmp(a->etag, "W/", 2) == 0 ? a->etag + 2 : a->etag;
    const char *etag_b = strncmp(b->etag, "W/", 2) == 0 ? b->etag + 2 : b->etag;
    if (a->bytes >= 0 && b->bytes >= 0 && a->bytes != b->bytes)
        return false;
    if (etag_a[0] && etag_b[0])
        return strcmp(etag_a, etag_b) == 0;
    return !a->modified[0] || !b->modified[0] || strcmp(a->modified, b->modified) == 0;
}

int64_t ori_http_version_seconds(const struct ori_http_version *version)
{
    const time_t seconds = version->modified[0] ? curl_getdate(version->modified, NULL) : -1;
    return seconds > 0 ? (int64_t)seconds : 0;
}

const char *ori_http_version_validator(const struct ori_http_version *version)
{
    if (version->etag[0] == '"')
        return version->etag;
    return ori_http_version_seconds(version) > 0 ? version->modified : "";
}

static ori_status say_changed(struct ori_error *err)
{
    return ori_error_set(err, ORI_SOURCE_CHANGED, "%s", ori_status_text(ORI_SOURCE_CHANGED));
}

static ori_status say_wrong(struct ori_http_reading *reading, const char *what,
                            struct ori_error *err)
{
    reading->is_wrong = true;
    return ori_error_set(err, ORI_NETWORK, "HTTP %d %s", reading->answer->status, what);
}

static ori_status check_encoding(const struct ori_net_answer *answer, struct ori_error *err)
{
    const char *encoding = header(answer, "Content-Encoding");
    if (encoding[0] == '\0' || strcasecmp(encoding, "identity") == 0)
        return ORI_OK;
    return ori_error_set(err, ORI_UNSUPPORTED_URL,
                         "the server sends it encoded as %.40s, which was not asked for", encoding);
}

static ori_status check_bytes(const struct ori_http_reading *reading, int64_t bytes,
                              struct ori_error *err)
{
    if (reading->bytes_max > 0 && bytes > reading->bytes_max)
        return ori_error_set(err, ORI_LIMIT,
                             "%" PRId64 " bytes at least, more than VP_MAX_BYTES=%" PRId64, bytes,
                             reading->bytes_max);
    return ORI_OK;
}

/* ORI_AGAIN: this server is better asked for the whole. */
static ori_status judge_part(struct ori_http_reading *reading, struct ori_error *err)
{
    struct ori_content_range range;
    struct ori_http_version version;
    read_version(reading->answer, &version);
    if (!reading->has_range)
        return say_wrong(reading, "with a part, where the whole was asked for", err);
    if (!ori_content_range_read(header(reading->answer, "Content-Range"), &range) ||
        range.total < 0 || range.first != reading->at || range.last >= reading->end) {
        if (!reading->is_known)
            return ORI_AGAIN;
        return say_wrong(reading, "with another range than was asked for", err);
    }
    version.bytes = range.total;
    if (reading->is_known && !is_same(reading->version, &version))
        return say_changed(err);
    if (!reading->is_known || reading->version->bytes < 0)
        *reading->version = version;
    reading->is_known = true;
    reading->answer_end = range.last + 1;
    return check_bytes(reading, range.total, err);
}

/* A server that does not know ranges, or one whose file is not the one that was begun. ORI_AGAIN: it
 * is, and yet the condition did not hold: some take a time for too young to tell versions apart. */
static ori_status judge_whole(struct ori_http_reading *reading, struct ori_error *err)
{
    struct ori_http_version version;
    int64_t bytes = 0;
    read_version(reading->answer, &version);
    if (header(reading->answer, "Transfer-Encoding")[0] == '\0' &&
        ori_text_to_int(header(reading->answer, "Content-Length"), &bytes) && bytes >= 0)
        version.bytes = bytes;
    if (!reading->sink && !is_same(reading->version, &version))
        return say_changed(err);
    if (!reading->sink && reading->has_condition)
        return ORI_AGAIN;
    if (!reading->sink)
        return say_wrong(reading, "with the whole, where a part was asked for", err);
    *reading->version = version;
    reading->is_known = true;
    reading->is_whole = true;
    reading->at = 0;
    reading->end = INT64_MAX;
    reading->answer_end = version.bytes >= 0 ? version.bytes : INT64_MAX;
    return check_bytes(reading, version.bytes, err);
}

ori_status ori_http_reading_judge(struct ori_http_reading *reading, struct ori_error *err)
{
    const int http = reading->answer->status;
    ori_status status = check_encoding(reading->answer, err);
    if (status != ORI_OK)
        return status;
    if (http == 206)
        status = judge_part(reading, err);
    else if (http == 200)
        status = judge_whole(reading, err);
    else
        status = say_wrong(reading, "where a file was expected", err);
    reading->is_judged = status == ORI_OK;
    return status;
}

ori_status ori_http_reading_take(void *self, const void *data, size_t bytes, struct ori_error *err)
{
    struct ori_http_reading *reading = self;
    ori_status status = reading->is_judged ? ORI_OK : ori_http_reading_judge(reading, err);
    if (status == ORI_AGAIN) /* ends the fetch; ask knows it again */
        return ori_error_set(err, status, "another range than was asked for");
    if (status != ORI_OK)
        return status;
    if ((int64_t)bytes > reading->answer_end - reading->at)
        return say_wrong(reading, "with more bytes than it said it would have", err);
    status = check_bytes(reading, reading->at + (int64_t)bytes, err);
    if (status == ORI_OK && reading->sink)
        status = reading->sink->write(reading->sink->self, reading->at, data, bytes, err);
    else if (status == ORI_OK)
        memcpy(reading->data + (reading->at - reading->data_at), data, bytes);
    if (status == ORI_OK) {
        reading->at += (int64_t)bytes;
        reading->brought += (int64_t)bytes;
    }
    return status;
}

ori_status ori_http_reading_refuse(const struct ori_net_answer *answer, struct ori_error *err)
{
    const int http = answer->status;
    if (http == 404 || http == 410)
        return ori_error_set(err, ORI_NOT_FOUND, "HTTP %d: the server has no such file", http);
    if (http == 412 || http == 416)
        return say_changed(err);
    if (err && err->status == ORI_OK && answer->retry_after_ms > 0)
        err->retry_after_ms = answer->retry_after_ms;
    if (http >= 500 || ori_net_is_passing(http))
        return ori_error_set(err, ORI_NETWORK, "HTTP %d: the server cannot answer at the moment",
                             http);
    if (http >= 400)
        return ori_error_set(err, ORI_NOT_READABLE, "HTTP %d: the server refuses it", http);
    return ori_error_set(err, ORI_NETWORK, "HTTP %d, where a file was expected", http);
}
