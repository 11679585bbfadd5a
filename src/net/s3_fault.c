/* net/s3_fault.c: what S3 means when it says no. */
#include <stdio.h>
#include <string.h>

#include "net/s3_priv.h"
#include "net/xml.h"
#include "util/utf8.h"

static void take(char *field, size_t bytes, const char *text)
{
    if (field[0] != '\0')
        return;
    snprintf(field, bytes, "%s", text); /* words for a person: what is too long is cut */
    ori_utf8_clean(field);
}

/* <Error><Code/><Message/><Region/></Error>; what is no such thing says nothing. */
void ori_s3_read_fault(const struct ori_net_answer *answer, struct ori_s3_fault *ret_fault)
{
    static const char *const code[] = {"Error", "Code", NULL};
    static const char *const message[] = {"Error", "Message", NULL};
    static const char *const region[] = {"Error", "Region", NULL};
    struct ori_s3_fault *fault = ret_fault;
    struct ori_xml xml;
    struct ori_error ignored = {0};
    *fault = (struct ori_s3_fault){.status = answer->status};
    take(fault->region, sizeof fault->region, ori_s3_header(answer, "x-amz-bucket-region"));
    ori_xml_init(&xml, ori_buf_text(&answer->body), answer->body.used);
    while (ori_xml_next(&xml, &ignored) == ORI_OK) {
        if (xml.kind != ORI_XML_TEXT)
            continue;
        const char *text = ori_buf_text(&xml.text);
        if (ori_xml_is_at(&xml, code))
            take(fault->code, sizeof fault->code, text);
        else if (ori_xml_is_at(&xml, message))
            take(fault->message, sizeof fault->message, text);
        else if (ori_xml_is_at(&xml, region))
            take(fault->region, sizeof fault->region, text);
    }
    ori_xml_deinit(&xml);
}

static const struct {
    const char *code;
    ori_status status;
    const char *hint;
} known[] = {
    {"NoSuchKey", ORI_NOT_FOUND, ""},
    {"NoSuchUpload", ORI_NOT_FOUND, ""},
    {"NoSuchBucket", ORI_BUCKET_MISSING, "; make the bucket first"},
    {"RequestTimeout", ORI_STORE_DOWN, ""},
    {"SlowDown", ORI_STORE_DOWN, ""},
    {"OperationAborted", ORI_STORE_DOWN, ""},
    {"PreconditionFailed", ORI_SOURCE_CHANGED, "; the object was replaced meanwhile"},
    {"InvalidRange", ORI_SOURCE_CHANGED, "; the object is shorter than it was"},
    {"SignatureDoesNotMatch", ORI_STORE_DENIED,
     "; AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID"},
    {"InvalidAccessKeyId", ORI_STORE_DENIED, "; AWS_ACCESS_KEY_ID is not known there"},
    {"ExpiredToken", ORI_STORE_DENIED, "; the credentials have expired"},
    {"RequestTimeTooSkewed", ORI_STORE_DENIED,
     "; the clocks of this machine and of the store differ"},
    {"AccessDenied", ORI_STORE_DENIED, "; the credentials, or none, do not allow that"},
};

static ori_status status_of(const struct ori_s3_fault *fault, const char **ret_hint)
{
    *ret_hint = "";
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].code, fault->code) == 0) {
            *ret_hint = known[i].hint;
            return known[i].status;
        }
    }
    if (fault->status >= 500 || fault->status == 429 || fault->status == 408 ||
        fault->status == 425 || fault->status == 307 || fault->status == 409)
        return ORI_STORE_DOWN;
    if (fault->status == 404 && fault->code[0] == '\0')
        return ORI_NOT_FOUND;
    if (fault->status == 412 || fault->status == 416)
        return ORI_SOURCE_CHANGED;
    return ORI_STORE_DENIED;
}

ori_status ori_s3_tell_fault(const struct ori_s3_call *call, const struct ori_s3_fault *fault,
                             struct ori_error *err)
{
    const char *hint = "";
    const ori_status status = status_of(fault, &hint);
    return ori_error_set(err, status, "S3 %s s3://%s/%s: %d%s%s%s%s%s", call->method,
                         call->name.bucket, call->name.key ? call->name.key : "", fault->status,
                         fault->code[0] ? " " : "", fault->code, fault->message[0] ? ": " : "",
                         fault->message, hint);
}
