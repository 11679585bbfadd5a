/* What other servers answer, of HTTP: headers as they come, an empty line, the body. Read as the answer
 * of a web server to a range of a video, of a hub about a model, and of a server of ours to the command
 * line. What a reading takes is what it asked for. */
#include <stdio.h>
#include <strings.h>

#include "cli/jobs_client.h"
#include "cli/jobs_view.h"
#include "embed/hub_priv.h"
#include "embed/model_facts.h"
#include "embed/weights_index.h"
#include "fuzz_input.h"
#include "net/client_priv.h"
#include "net/content_range.h"
#include "net/http_remote_priv.h"
#include "net/s3_priv.h"
#include "util/limits.h"

#define NOW_S INT64_C(1700000000)

/* "206", then "Name: value" lines as the client keeps them, then the body. */
static void read_answer(char *text, size_t bytes, struct ori_net_answer *answer)
{
    char *rest = text;
    const char *const end = text + bytes;
    int64_t status = 200;
    ori_net_answer_init(answer);
    ori_buf_init(&answer->body, ORI_LIMIT_MAX_HUB_ANSWER_BYTES);
    if (ori_text_to_int(fuzz_line(&rest), &status) && status >= 100 && status <= 999)
        answer->status = (int)status;
    else
        answer->status = 200;
    for (char *line = fuzz_line(&rest); *line; line = fuzz_line(&rest)) {
        char *value = strchr(line, ':');
        if (!value || !value[1] || ori_text_has_control(value))
            continue; /* as the client does: such a header is none */
        *value++ = '\0';
        value += strspn(value, " ");
        ori_buf_add(&answer->kept, line, strlen(line) + 1);
        ori_buf_add(&answer->kept, value, strlen(value) + 1);
        if (strcasecmp(line, "Retry-After") == 0)
            answer->retry_after_ms = ori_net_retry_after_ms(value, NOW_S);
    }
    if (rest)
        ori_buf_add(&answer->body, rest, (size_t)(end - rest));
}

/* ---- headers ---- */

static void check_headers(const struct ori_net_answer *answer)
{
    struct ori_content_range range;
    const char *text = ori_net_answer_header(answer, "Content-Range");
    const char *date = ori_net_answer_header(answer, "Last-Modified");
    char again[80];
    MUST(answer->retry_after_ms >= -1 && answer->retry_after_ms <= INT64_C(1000) * INT32_MAX);
    MUST(!date || ori_s3_date(date) >= 0);
    if (!ori_content_range_read(text, &range))
        return;
    MUST(range.first >= -1 && range.last >= range.first && range.total >= -1);
    MUST(range.total < 0 || range.last < range.total);
    if (range.first < 0)
        snprintf(again, sizeof again, "bytes */%lld", (long long)range.total);
    else if (range.total < 0)
        snprintf(again, sizeof again, "bytes %lld-%lld/*", (long long)range.first,
                 (long long)range.last);
    else
        snprintf(again, sizeof again, "bytes %lld-%lld/%lld", (long long)range.first,
                 (long long)range.last, (long long)range.total);
    struct ori_content_range same;
    MUST(ori_content_range_read(again, &same) && same.first == range.first &&
         same.last == range.last && same.total == range.total);
}

/* ---- a range of a video ---- */

enum { AT = 100, END = 116 };

struct sunk {
    int64_t at;
    int64_t bytes_max;
};

static ori_status sink_write(void *self, int64_t offset, const void *data, size_t bytes,
                             struct ori_error *err)
{
    struct sunk *sunk = self;
    (void)data, (void)err;
    MUST(bytes > 0 && (offset == sunk->at || offset == 0 || sunk->at < 0));
    sunk->at = offset + (int64_t)bytes;
    MUST(sunk->at <= sunk->bytes_max);
    return ORI_OK;
}

/* The body in pieces of three bytes, as they may come. */
static ori_status feed(struct ori_http_reading *reading, struct ori_error *err)
{
    const struct ori_buf *body = &reading->answer->body;
    ori_status status = ORI_OK;
    for (size_t at = 0; at < body->used && status == ORI_OK; at += 3) {
        const size_t bytes = body->used - at < 3 ? body->used - at : 3;
        char *piece = fuzz_text(body->data + at, bytes);
        status = ori_http_reading_take(reading, piece, bytes, err);
        free(piece);
    }
    return status;
}

static void read_range(const struct ori_net_answer *answer)
{
    uint8_t data[END - AT];
    struct ori_error err = {0};
    struct ori_http_version version = {.bytes = 200, .etag = "\"a\""};
    struct ori_http_reading reading = {.version = &version,
                                       .is_known = true,
                                       .has_range = true,
                                       .has_condition = true,
                                       .at = AT,
                                       .end = END,
                                       .data = data,
                                       .data_at = AT,
                                       .answer = answer};
    const ori_status status = feed(&reading, &err);
    MUST(reading.at >= AT && reading.at <= END && reading.brought == reading.at - AT);
    MUST(status == ORI_OK || reading.is_judged || reading.brought == 0);
    MUST(reading.brought == 0 || (version.bytes == 200 && strcmp(version.etag, "\"a\"") == 0));
    MUST(status == ORI_OK || err.status == status);
}

static void read_whole(const struct ori_net_answer *answer)
{
    struct ori_error err = {0};
    struct sunk sunk = {.at = -1, .bytes_max = 64};
    struct ori_http_version version = {.bytes = -1};
    const struct ori_remote_sink sink = {.self = &sunk, .wanted = 16, .write = sink_write};
    struct ori_http_reading reading = {.version = &version,
                                       .has_range = true,
                                       .end = 16,
                                       .bytes_max = 64,
                                       .sink = &sink,
                                       .answer = answer};
    const ori_status status = feed(&reading, &err);
    MUST(reading.is_whole || reading.at <= 16);
    MUST(status == ORI_OK || err.status == status);
    MUST(strlen(version.etag) < sizeof version.etag && ori_http_version_seconds(&version) >= 0);
    (void)ori_http_version_validator(&version);
}

/* ---- a hub ---- */

static void read_hub(const struct ori_net_answer *answer)
{
    static const struct ori_hub_options options;
    struct ori_hub hub = {.options = &options};
    struct ori_error err = {0};
    MUST(ori_hub_name_parse("org/name", &hub.name));
    const ori_status status = ori_hub_read_model(&hub, answer, &err);
    if (status == ORI_OK) {
        MUST(ori_hub_is_commit(hub.commit));
        MUST(!hub.licence[0] || ori_model_is_word(hub.licence));
        for (size_t i = 0; i < hub.files_count; i++) {
            const struct ori_hub_file *file = &hub.files[i];
            MUST(!strchr(file->name, '/') && file->name[0] != '.');
            MUST(ori_hub_is_wanted(file->name) || ori_weights_is_file_name(file->name));
            MUST(!file->oid[0] || ori_hub_is_oid(file->oid));
            MUST(file->size >= -1 && file->size <= ori_hub_bytes_max(file->name));
        }
    } else {
        fuzz_check_failure(status, &err);
    }
    ori_hub_close(&hub);
}

/* ---- a server of ours, or what says so ---- */

static void check_page(struct ori_buf *page)
{
    const char *text = ori_buf_text(page);
    MUST(page->status != ORI_OK || ori_text_is_utf8(text, page->used));
    for (; *text; text++)
        MUST((unsigned char)*text >= 0x20 || *text == '\n');
    ori_buf_clear(page);
}

static void show(const struct ori_net_answer *answer)
{
    char code[ORI_JOBS_CODE_BYTES];
    char line[ORI_JOBS_LINE_BYTES];
    struct ori_error err = {0};
    struct ori_buf page;
    const char *body = ori_buf_text(&answer->body);
    const ori_status status =
        ori_jobs_refusal(answer->status, "text/plain", body, answer->body.used, code, &err);
    fuzz_check_failure(status, &err);
    MUST(strlen(code) < sizeof code);
    json_t *json = json_loadb(body, answer->body.used, JSON_REJECT_DUPLICATES, NULL);
    if (!json)
        return;
    ori_buf_init(&page, ORI_LIMIT_MAX_TABLE_BYTES);
    (void)ori_jobs_view_list(json, 80, &page, NULL);
    check_page(&page);
    (void)ori_jobs_view_job(json, json, 4, 80, &page, NULL);
    check_page(&page);
    ori_jobs_view_line(json, 60, line);
    MUST(strlen(line) < sizeof line && !ori_text_has_control(line));
    bool is_well = false;
    (void)ori_jobs_view_has_ended(json, &is_well);
    ori_buf_deinit(&page);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct ori_net_answer answer;
    struct ori_error err = {0};
    char *text = fuzz_text(data, bytes);
    read_answer(text, bytes, &answer);
    check_headers(&answer);
    read_range(&answer);
    read_whole(&answer);
    read_hub(&answer);
    show(&answer);
    MUST(ori_http_reading_refuse(&answer, &err) != ORI_OK && err.text[0] != '\0');
    ori_net_answer_deinit(&answer);
    free(text);
    return 0;
}
