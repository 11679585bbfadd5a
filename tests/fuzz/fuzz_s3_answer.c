/* What S3 answers: XML piece by piece, and a refusal's reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/s3_priv.h"
#include "net/xml.h"
#include "util/text.h"

#define MUST(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void walk(const uint8_t *data, size_t bytes)
{
    struct ori_xml xml;
    struct ori_error err = {0};
    ori_status status = ORI_OK;
    int depth = 0;
    ori_xml_init(&xml, data, bytes);
    while ((status = ori_xml_next(&xml, &err)) == ORI_OK) {
        depth += xml.kind == ORI_XML_OPEN;
        MUST(xml.depth == depth && depth >= 1 && depth <= ORI_LIMIT_MAX_XML_DEPTH);
        MUST(strlen(xml.name) > 0 && strlen(xml.name) < ORI_XML_NAME_BYTES);
        if (xml.kind == ORI_XML_TEXT)
            MUST(strlen(ori_buf_text(&xml.text)) == xml.text.used &&
                 xml.text.used <= ORI_LIMIT_MAX_XML_TEXT_BYTES);
        depth -= xml.kind == ORI_XML_CLOSE;
    }
    MUST(status == err.status || (status == ORI_EOF && depth == 0 && err.status == ORI_OK));
    ori_xml_deinit(&xml);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const struct ori_s3_call call = {.method = "GET", .name = {"bucket", "key"}};
    struct ori_net_answer answer;
    struct ori_s3_fault fault;
    struct ori_error err = {0};
    walk(data, bytes);
    ori_net_answer_init(&answer);
    ori_buf_init(&answer.body, ORI_LIMIT_MAX_S3_ANSWER_BYTES);
    ori_buf_add(&answer.body, data, bytes);
    answer.status = bytes > 0 ? 300 + 2 * (data[0] % 128) : 500;
    ori_s3_read_fault(&answer, &fault);
    MUST(ori_s3_tell_fault(&call, &fault, &err) != ORI_OK && err.status != ORI_OK);
    MUST(ori_text_is_utf8(fault.code, strlen(fault.code)) && !ori_text_has_control(fault.code));
    MUST(ori_text_is_utf8(fault.message, strlen(fault.message)) &&
         !ori_text_has_control(fault.message));
    ori_net_answer_deinit(&answer);
    return 0;
}
