/* net/s3_multipart.c: an object in parts, several of them at once.
 * Order   the upload is begun; threads take part after part; when all are there it is completed. The
 *         first failure stops the others, and the upload is aborted: also after a cancel, within a
 *         time of its own, for S3 keeps and bills the parts of uploads that nobody ends
 * Lost    an answer to the completion may be lost after the object is in place: the next attempt then
 *         hears that there is no such upload, and the object is looked at instead */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/s3_priv.h"
#include "net/xml.h"
#include "util/clock.h"
#include "util/limits.h"

#define PART_BYTES (INT64_C(8) << 20)
#define THREADS_MAX 8
#define ABORT_US INT64_C(1500000)
#define NUMBER_BYTES 24
#define ETAG_BYTES 128

struct upload {
    struct ori_s3 *s3;
    struct ori_s3_name name;
    const uint8_t *data;
    size_t bytes;
    size_t part_bytes;
    size_t parts;
    char id[1024];
    char (*etags)[ETAG_BYTES]; /* each written by the thread of its part */
    const struct ori_wait *wait;
    struct ori_cancel stop; /* below the caller's */
    pthread_mutex_t lock;
    size_t next;          /* lock: the part that is taken next */
    struct ori_error why; /* lock: the first failure */
};

/* ---- beginning and ending ---- */

static ori_status read_id(const struct ori_net_answer *answer, struct upload *upload,
                          struct ori_error *err)
{
    static const char *const path[] = {"InitiateMultipartUploadResult", "UploadId", NULL};
    struct ori_xml xml;
    ori_status status = ORI_OK;
    ori_xml_init(&xml, ori_buf_text(&answer->body), answer->body.used);
    while ((status = ori_xml_next(&xml, err)) == ORI_OK) {
        if (xml.kind == ORI_XML_TEXT && ori_xml_is_at(&xml, path) &&
            xml.text.used < sizeof upload->id)
            memcpy(upload->id, ori_buf_text(&xml.text), xml.text.used + 1);
    }
    ori_xml_deinit(&xml);
    if (status != ORI_EOF)
        return status;
    if (upload->id[0] != '\0')
        return ORI_OK;
    return ori_error_set(err, ORI_STORE, "S3: an upload in parts without an id that can be used");
}

static ori_status begin(struct upload *upload, const char *content_type, struct ori_error *err)
{
    const struct ori_sigv4_pair query = {"uploads", ""};
    const struct ori_net_header header = {"Content-Type", content_type};
    const struct ori_s3_call call = {.method = "POST",
                                     .name = upload->name,
                                     .query = &query,
                                     .query_count = 1,
                                     .headers = &header,
                                     .headers_count = content_type ? 1 : 0,
                                     .answer_bytes_max = ORI_LIMIT_MAX_S3_ANSWER_BYTES};
    struct ori_net_answer answer;
    ori_net_answer_init(&answer);
    ori_status status = ori_s3_send(upload->s3, &call, upload->wait, &answer, err);
    if (status == ORI_OK)
        status = read_id(&answer, upload, err);
    ori_net_answer_deinit(&answer);
    return status;
}

static void abort_upload(struct upload *upload)
{
    const struct ori_wait wait = {.deadline_us = ori_clock_us() + ABORT_US};
    const struct ori_sigv4_pair query = {"uploadId", upload->id};
    const struct ori_s3_call call = {.method = "DELETE",
                                     .name = upload->name,
                                     .query = &query,
                                     .query_count = 1,
                                     .answer_bytes_max = ORI_LIMIT_MAX_S3_ANSWER_BYTES};
    struct ori_net_answer answer;
    struct ori_error why = {0};
    ori_net_answer_init(&answer);
    if (ori_s3_send(upload->s3, &call, &wait, &answer, &why) != ORI_OK)
        ori_log_failure(upload->s3->options.log, ORI_LOG_WARN, "s3.upload_left", &why);
    ori_net_answer_deinit(&answer);
}

static void print_escaped(struct ori_buf *buf, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            ori_buf_add_text(buf, "&amp;");
            break;
        case '<':
            ori_buf_add_text(buf, "&lt;");
            break;
        case '>':
            ori_buf_add_text(buf, "&gt;");
            break;
        case '"':
            ori_buf_add_text(buf, "&quot;");
            break;
        default:
            ori_buf_add(buf, text, 1);
        }
    }
}

static ori_status print_parts(const struct upload *upload, struct ori_buf *page,
                              struct ori_error *err)
{
    ori_buf_add_text(page, "<CompleteMultipartUpload>");
    for (size_t i = 0; i < upload->parts; i++) {
        ori_buf_printf(page, "<Part><PartNumber>%zu</PartNumber><ETag>", i + 1);
        print_escaped(page, upload->etags[i]);
        ori_buf_add_text(page, "</ETag></Part>");
    }
    ori_buf_add_text(page, "</CompleteMultipartUpload>");
    return ori_buf_finish(page, "a list of parts", err);
}

/* The answer begins with 200 before the work is done, and may still say <Error>. */
static ori_status read_completion(const struct ori_s3_call *call,
                                  const struct ori_net_answer *answer, struct ori_error *err)
{
    struct ori_s3_fault fault;
    struct ori_xml xml;
    struct ori_error why = {0};
    ori_xml_init(&xml, ori_buf_text(&answer->body), answer->body.used);
    const ori_status status = ori_xml_next(&xml, &why);
    const bool is_done = status == ORI_OK && strcmp(xml.name, "CompleteMultipartUploadResult") == 0;
    ori_xml_deinit(&xml);
    if (is_done)
        return ORI_OK;
    ori_s3_read_fault(answer, &fault);
    if (fault.code[0] == '\0')
        return ori_error_set(err, ORI_STORE, "S3: the parts of s3://%s/%s were not joined",
                             call->name.bucket, call->name.key);
    fault.status = strcmp(fault.code, "InternalError") == 0 ? 500 : fault.status;
    return ori_s3_tell_fault(call, &fault, err);
}

static ori_status look_at_object(struct upload *upload, struct ori_error *err)
{
    struct ori_s3_facts facts;
    ori_status status = ori_s3_head(upload->s3, &upload->name, &facts, upload->wait, err);
    if (status == ORI_OK && facts.bytes != (int64_t)upload->bytes)
        status = ori_error_set(err, ORI_STORE_DOWN, "S3: the upload of s3://%s/%s was lost",
                               upload->name.bucket, upload->name.key);
    return status;
}

static ori_status complete(struct upload *upload, struct ori_error *err)
{
    const struct ori_sigv4_pair query = {"uploadId", upload->id};
    struct ori_buf page;
    struct ori_net_answer answer;
    struct ori_error why = {0};
    ori_buf_init(&page, ORI_LIMIT_MAX_S3_ANSWER_BYTES);
    ori_net_answer_init(&answer);
    ori_status status = print_parts(upload, &page, &why);
    const struct ori_s3_call call = {.method = "POST",
                                     .name = upload->name,
                                     .query = &query,
                                     .query_count = 1,
                                     .body = page.data,
                                     .body_bytes = page.used,
                                     .answer_bytes_max = ORI_LIMIT_MAX_S3_ANSWER_BYTES};
    if (status == ORI_OK)
        status = ori_s3_send(upload->s3, &call, upload->wait, &answer, &why);
    if (status == ORI_OK)
        status = read_completion(&call, &answer, &why);
    if (status == ORI_NOT_FOUND) {
        why = (struct ori_error){0};
        status = look_at_object(upload, &why);
    }
    ori_net_answer_deinit(&answer);
    ori_buf_deinit(&page);
    return status == ORI_OK ? ORI_OK : ori_error_set(err, status, "%s", why.text);
}

/* ---- the parts ---- */

static ori_status send_part(struct upload *upload, size_t part, struct ori_error *err)
{
    char number[NUMBER_BYTES];
    const size_t first = part * upload->part_bytes;
    const size_t left = upload->bytes - first;
    const struct ori_sigv4_pair query[] = {{"partNumber", number}, {"uploadId", upload->id}};
    const struct ori_s3_call call = {.method = "PUT",
                                     .name = upload->name,
                                     .query = query,
                                     .query_count = 2,
                                     .body = upload->data + first,
                                     .body_bytes =
                                         left < upload->part_bytes ? left : upload->part_bytes,
                                     .answer_bytes_max = ORI_LIMIT_MAX_S3_ANSWER_BYTES};
    const struct ori_wait wait = {.cancel = &upload->stop,
                                  .deadline_us = upload->wait ? upload->wait->deadline_us : 0};
    struct ori_net_answer answer;
    snprintf(number, sizeof number, "%zu", part + 1);
    ori_net_answer_init(&answer);
    ori_status status = ori_s3_send(upload->s3, &call, &wait, &answer, err);
    const char *etag = ori_s3_header(&answer, "ETag");
    if (status == ORI_OK && (etag[0] == '\0' || strlen(etag) >= ETAG_BYTES))
        status = ori_error_set(err, ORI_STORE, "S3: a part without an etag that can be used");
    if (status == ORI_OK)
        snprintf(upload->etags[part], ETAG_BYTES, "%s", etag);
    ori_net_answer_deinit(&answer);
    return status;
}

static void *part_thread(void *self)
{
    struct upload *upload = self;
    for (;;) {
        struct ori_error why = {0};
        pthread_mutex_lock(&upload->lock);
        const size_t part = upload->next;
        const bool has_part = part < upload->parts && upload->why.status == ORI_OK;
        upload->next += has_part;
        pthread_mutex_unlock(&upload->lock);
        if (!has_part)
            return NULL;
        if (send_part(upload, part, &why) == ORI_OK)
            continue;
        pthread_mutex_lock(&upload->lock);
        if (upload->why.status == ORI_OK)
            upload->why = why;
        pthread_mutex_unlock(&upload->lock);
        ori_cancel_set(&upload->stop);
    }
}

/* The caller's thread takes part, so that a machine out of threads is slower and no more. */
static ori_status send_parts(struct upload *upload, struct ori_error *err)
{
    pthread_t threads[THREADS_MAX];
    size_t count = 0;
    size_t wanted = upload->parts < THREADS_MAX ? upload->parts : THREADS_MAX;
    if (wanted > (size_t)upload->s3->options.connections_max)
        wanted = (size_t)upload->s3->options.connections_max;
    while (count + 1 < wanted && pthread_create(&threads[count], NULL, part_thread, upload) == 0) {
        pthread_setname_np(threads[count], "s3 part");
        count++;
    }
    (void)part_thread(upload);
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    if (upload->why.status == ORI_OK)
        return ORI_OK;
    return ori_error_set(err, upload->why.status, "%s", upload->why.text);
}

static size_t part_bytes_of(const struct ori_s3 *s3, size_t bytes)
{
    const size_t usual = (size_t)(s3->options.part_bytes > 0 ? s3->options.part_bytes : PART_BYTES);
    const size_t least = (bytes + ORI_S3_PARTS_MAX - 1) / ORI_S3_PARTS_MAX;
    return usual > least ? usual : least;
}

ori_status ori_s3_put_parts(struct ori_s3 *s3, const struct ori_s3_name *name, const void *data,
                            size_t bytes, const char *content_type, const struct ori_wait *wait,
                            struct ori_error *err)
{
    struct upload upload = {.s3 = s3,
                            .name = *name,
                            .data = data,
                            .bytes = bytes,
                            .part_bytes = part_bytes_of(s3, bytes),
                            .wait = wait};
    struct ori_cancel *parent = (struct ori_cancel *)ori_wait_cancel(wait); /* its list grows */
    upload.parts = (bytes + upload.part_bytes - 1) / upload.part_bytes;
    upload.etags = calloc(upload.parts, sizeof *upload.etags);
    if (!upload.etags)
        return ori_error_set(err, ORI_NOMEM, "an upload in parts");
    ori_status status = ori_cancel_init(&upload.stop, parent, err);
    if (status != ORI_OK) {
        free(upload.etags);
        return status;
    }
    pthread_mutex_init(&upload.lock, NULL); /* cannot fail with default attributes */
    status = begin(&upload, content_type, err);
    if (status == ORI_OK) {
        status = send_parts(&upload, err);
        if (status == ORI_OK)
            status = complete(&upload, err);
        if (status != ORI_OK)
            abort_upload(&upload);
    }
    pthread_mutex_destroy(&upload.lock);
    ori_cancel_deinit(&upload.stop);
    free(upload.etags);
    return status;
}
