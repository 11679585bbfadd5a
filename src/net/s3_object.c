/* net/s3_object.c: single objects. */
#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/content_range.h"
#include "net/s3_priv.h"
#include "util/limits.h"
#include "util/size.h"
#include "util/text.h"

#define BREAKS_MAX 5 /* of one read, each of which brought something */
#define FIRST_BYTES ((size_t)1 << 16)

const char *ori_s3_header(const struct ori_net_answer *answer, const char *name)
{
    const char *value = ori_net_answer_header(answer, name);
    return value ? value : "";
}

int64_t ori_s3_date(const char *text)
{
    const time_t seconds = text[0] ? curl_getdate(text, NULL) : -1;
    return seconds > 0 ? (int64_t)seconds : 0;
}

/* ---- put, head, delete ---- */

static ori_status put_whole(struct ori_s3 *s3, const struct ori_s3_name *name, const void *data,
                            size_t bytes, const char *content_type, const struct ori_wait *wait,
                            struct ori_error *err)
{
    const struct ori_net_header header = {"Content-Type", content_type};
    const struct ori_s3_call call = {.method = "PUT",
                                     .name = *name,
                                     .headers = &header,
                                     .headers_count = content_type ? 1 : 0,
                                     .body = bytes ? data : NULL,
                                     .body_bytes = bytes,
                                     .answer_bytes_max = ORI_LIMIT_MAX_S3_ANSWER_BYTES};
    struct ori_net_answer answer;
    ori_net_answer_init(&answer);
    const ori_status status = ori_s3_send(s3, &call, wait, &answer, err);
    ori_net_answer_deinit(&answer);
    return status;
}

ori_status ori_s3_put(struct ori_s3 *s3, const struct ori_s3_name *name, const void *data,
                      size_t bytes, const char *content_type, const struct ori_wait *wait,
                      struct ori_error *err)
{
    if ((int64_t)bytes >= s3->options.multipart_threshold && bytes > 0)
        return ori_s3_put_parts(s3, name, data, bytes, content_type, wait, err);
    return put_whole(s3, name, data, bytes, content_type, wait, err);
}

ori_status ori_s3_head(struct ori_s3 *s3, const struct ori_s3_name *name,
                       struct ori_s3_facts *ret_facts, const struct ori_wait *wait,
                       struct ori_error *err)
{
    const struct ori_s3_call call = {
        .method = "HEAD", .name = *name, .answer_bytes_max = INT64_MAX}; /* none of them comes */
    struct ori_net_answer answer;
    int64_t bytes = 0;
    ori_net_answer_init(&answer);
    ori_status status = ori_s3_send(s3, &call, wait, &answer, err);
    if (status == ORI_OK &&
        (!ori_text_to_int(ori_s3_header(&answer, "Content-Length"), &bytes) || bytes < 0))
        status = ori_error_set(err, ORI_STORE, "S3 HEAD s3://%s/%s: no length in the answer",
                               name->bucket, name->key);
    if (status == ORI_OK) {
        *ret_facts = (struct ori_s3_facts){.bytes = bytes};
        snprintf(ret_facts->etag, sizeof ret_facts->etag, "%s", ori_s3_header(&answer, "ETag"));
        ret_facts->modified_s = ori_s3_date(ori_s3_header(&answer, "Last-Modified"));
        snprintf(ret_facts->content_type, sizeof ret_facts->content_type, "%s",
                 answer.content_type);
    }
    ori_net_answer_deinit(&answer);
    return status;
}

ori_status ori_s3_delete(struct ori_s3 *s3, const struct ori_s3_name *name,
                         const struct ori_wait *wait, struct ori_error *err)
{
    const struct ori_s3_call call = {
        .method = "DELETE", .name = *name, .answer_bytes_max = ORI_LIMIT_MAX_S3_ANSWER_BYTES};
    struct ori_net_answer answer;
    struct ori_error why = {0};
    ori_net_answer_init(&answer);
    ori_status status = ori_s3_send(s3, &call, wait, &answer, &why);
    ori_net_answer_deinit(&answer);
    if (status == ORI_NOT_FOUND) /* radosgw says so, Amazon does not */
        return ORI_OK;
    return status == ORI_OK ? ORI_OK : ori_error_set(err, status, "%s", why.text);
}

/* ---- get ---- */

/* What a read has, over all the requests it takes. */
struct reading {
    uint8_t *data;
    size_t got;
    size_t room;
    size_t bytes_max;
    bool is_fixed;  /* data is the caller's, of bytes_max bytes */
    char etag[128]; /* of the object that was begun */
    int64_t first;  /* byte of the object that this request asked for */
    bool has_whole; /* this request asked for all: a 206 would be a lie, and the other way round */
    const struct ori_net_answer *answer;
};

static ori_status grow(struct reading *reading, size_t bytes, struct ori_error *err)
{
    size_t wanted = 0;
    if (!ori_size_add(reading->got, bytes, &wanted) || wanted > reading->bytes_max)
        return ori_error_set(err, ORI_LIMIT, "more than %zu bytes", reading->bytes_max);
    if (wanted < reading->room)
        return ORI_OK;
    size_t room = reading->room ? reading->room : FIRST_BYTES;
    while (room <= wanted)
        room = room <= SIZE_MAX / 2 ? 2 * room : SIZE_MAX;
    uint8_t *more = realloc(reading->data, room);
    if (!more)
        return ori_error_set(err, ORI_NOMEM, "an object of %zu bytes or more", wanted);
    reading->data = more;
    reading->room = room;
    return ORI_OK;
}

/* Who says nothing of it is believed. */
static bool begins_at(const struct ori_net_answer *answer, int64_t first)
{
    struct ori_content_range range;
    const char *text = ori_net_answer_header(answer, "Content-Range");
    return !text || (ori_content_range_read(text, &range) && range.first == first);
}

/* The etag of the first piece counts; that a continuation is of the same object and place is checked
 * before a byte of it is taken. */
static ori_status check_answer(struct reading *reading, struct ori_error *err)
{
    const struct ori_net_answer *answer = reading->answer;
    const char *etag = ori_s3_header(answer, "ETag");
    if (answer->status != (reading->has_whole ? 200 : 206) || !begins_at(answer, reading->first))
        return ori_error_set(err, ORI_STORE, "an answer of another range than was asked for");
    if (reading->etag[0] == '\0' && strlen(etag) < sizeof reading->etag)
        snprintf(reading->etag, sizeof reading->etag, "%s", etag);
    if (reading->etag[0] && strcmp(reading->etag, etag) != 0)
        return ori_error_set(err, ORI_SOURCE_CHANGED, "the object was replaced meanwhile");
    return ORI_OK;
}

static ori_status take(void *self, const void *data, size_t bytes, struct ori_error *err)
{
    struct reading *reading = self;
    ori_status status = check_answer(reading, err);
    if (status != ORI_OK)
        return status;
    if (!reading->is_fixed)
        status = grow(reading, bytes, err);
    else if (bytes > reading->bytes_max - reading->got)
        status = ori_error_set(err, ORI_STORE, "more bytes than were asked for");
    if (status != ORI_OK)
        return status;
    memcpy(reading->data + reading->got, data, bytes);
    reading->got += bytes;
    return ORI_OK;
}

/* From `first` on: to the end, or so many bytes. */
static ori_status request_range(struct ori_s3 *s3, const struct ori_s3_name *name, int64_t first,
                                struct reading *reading, const struct ori_wait *wait,
                                struct ori_error *err)
{
    char range[64];
    struct ori_net_header headers[2];
    size_t count = 0;
    struct ori_net_answer answer;
    const size_t left = reading->bytes_max - reading->got;
    const size_t room =
        left > ORI_LIMIT_MAX_NET_REFUSAL_BYTES ? left : ORI_LIMIT_MAX_NET_REFUSAL_BYTES;
    if (reading->is_fixed)
        snprintf(range, sizeof range, "bytes=%" PRId64 "-%" PRId64, first,
                 first + (int64_t)left - 1);
    else
        snprintf(range, sizeof range, "bytes=%" PRId64 "-", first);
    reading->first = first;
    reading->has_whole = !reading->is_fixed && first == 0;
    if (!reading->has_whole)
        headers[count++] = (struct ori_net_header){"Range", range};
    if (reading->etag[0])
        headers[count++] = (struct ori_net_header){"If-Match", reading->etag};
    const struct ori_s3_call call = {.method = "GET",
                                     .name = *name,
                                     .headers = headers,
                                     .headers_count = count,
                                     .answer_bytes_max = room,
                                     .on_body = take,
                                     .on_body_self = reading};
    ori_net_answer_init(&answer);
    reading->answer = &answer;
    ori_status status = ori_s3_send(s3, &call, wait, &answer, err);
    if (status == ORI_OK) /* an object without bytes has had no piece to look at */
        status = check_answer(reading, err);
    reading->answer = NULL;
    ori_net_answer_deinit(&answer);
    return status;
}

/* Again from where it broke off, as long as each request brings something. So goes on as well what
 * answered a part of the range, as RFC 9110, 15.3.7 lets a server do. */
static ori_status read_on(struct ori_s3 *s3, const struct ori_s3_name *name, int64_t offset,
                          struct reading *reading, const struct ori_wait *wait,
                          struct ori_error *err)
{
    for (int breaks = 0;; breaks++) {
        struct ori_error why = {0};
        const size_t before = reading->got;
        ori_status status = request_range(s3, name, offset + (int64_t)before, reading, wait, &why);
        const bool is_part =
            status == ORI_OK && reading->is_fixed && reading->got < reading->bytes_max;
        if (status == ORI_OK && (!is_part || breaks == BREAKS_MAX || reading->etag[0] == '\0'))
            return ORI_OK;
        if (is_part)
            continue;
        if (status != ORI_STORE_DOWN || reading->got == before || breaks == BREAKS_MAX ||
            reading->etag[0] == '\0')
            return ori_error_set(err, status, "%s", why.text);
        if (reading->is_fixed && reading->got == reading->bytes_max)
            return ORI_OK;
    }
}

ori_status ori_s3_get(struct ori_s3 *s3, const struct ori_s3_name *name, size_t bytes_max,
                      uint8_t **ret_data, size_t *ret_bytes, const struct ori_wait *wait,
                      struct ori_error *err)
{
    struct reading reading = {.bytes_max = bytes_max};
    ori_status status = read_on(s3, name, 0, &reading, wait, err);
    if (status == ORI_OK)
        status = grow(&reading, 0, err);
    if (status != ORI_OK) {
        free(reading.data);
        return status;
    }
    reading.data[reading.got] = 0; /* grow keeps a byte more than it was asked for */
    *ret_data = reading.data;
    *ret_bytes = reading.got;
    return ORI_OK;
}

ori_status ori_s3_read(struct ori_s3 *s3, const struct ori_s3_name *name, const char *etag,
                       int64_t offset, void *data, size_t bytes, const struct ori_wait *wait,
                       struct ori_error *err)
{
    struct reading reading = {.data = data, .bytes_max = bytes, .is_fixed = true};
    ORI_ASSERT(offset >= 0 && bytes > 0);
    if (etag)
        snprintf(reading.etag, sizeof reading.etag, "%s", etag);
    ori_status status = read_on(s3, name, offset, &reading, wait, err);
    if (status == ORI_OK && reading.got != bytes)
        status = ori_error_set(err, ORI_STORE, "S3 GET s3://%s/%s: shorter than it was",
                               name->bucket, name->key);
    return status;
}
