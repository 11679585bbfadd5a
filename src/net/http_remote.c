#include "net/http_remote_priv.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "net/content_range.h"
#include "net/redirect.h"
#include "util/clock.h"
#include "util/limits.h"

#define RETRIES 3
#define RETRY_AFTER_MS_MAX 10000    /* longer, and the item waits in its queue, not here */
#define OWN_US INT64_C(21600000000) /* six hours, where nobody gives less */
#define BREAKS_MAX 5                /* of one call, each of which brought something */
#define ANSWERS_MAX 64 /* of one call: a server may send less of a range than was asked for */
#define SHOWN_BYTES 160

struct ori_http_remote {
    struct ori_net_client *client;
    const struct ori_log *log;
    char *url;
    char *name;
    char shown[SHOWN_BYTES];
    struct ori_http_version version; /* of open; then immutable */
    atomic_bool takes_no_condition;  /* it answers If-Range with the whole, whatever it says */
    pthread_mutex_t lock;
    char *there; /* lock: where the redirects of url led; NULL: nowhere else */
};

/* ---- life ---- */

/* What may be shown: everything but the query and what is behind it. */
static void take_shown(const char *url, char ret_shown[SHOWN_BYTES])
{
    size_t bytes = strcspn(url, "?#");
    bytes = bytes < SHOWN_BYTES ? bytes : SHOWN_BYTES - 1;
    memcpy(ret_shown, url, bytes);
    ret_shown[bytes] = '\0';
}

static ori_status take_name(const char *url, char **ret_name, struct ori_error *err)
{
    char *path = NULL;
    char *host = NULL;
    ori_status status = ORI_OK;
    CURLU *parts = curl_url();
    CURLUcode code =
        parts ? curl_url_set(parts, CURLUPART_URL, url, CURLU_DISALLOW_USER) : CURLUE_OUT_OF_MEMORY;
    if (code == CURLUE_OK)
        code = curl_url_get(parts, CURLUPART_HOST, &host, 0);
    if (code == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_PATH, &path, CURLU_URLDECODE) != CURLUE_OK)
        code = curl_url_get(parts, CURLUPART_PATH, &path, 0); /* with what cannot be decoded */
    if (code == CURLUE_OUT_OF_MEMORY)
        status = ori_error_set(err, ORI_NOMEM, "the URL of a video");
    else if (code != CURLUE_OK)
        status = ori_error_set(err, ORI_URL_REFUSED, "this is not an http or https URL");
    if (status == ORI_OK) {
        const char *slash = strrchr(path, '/');
        const char *last = slash ? slash + 1 : path;
        *ret_name = strdup(last[0] ? last : host);
        if (!*ret_name)
            status = ori_error_set(err, ORI_NOMEM, "the URL of a video");
    }
    curl_free(path);
    curl_free(host);
    curl_url_cleanup(parts);
    return status;
}

ori_status ori_http_remote_create(struct ori_net_client *client, const char *url,
                                  const struct ori_log *log, struct ori_http_remote **ret_remote,
                                  struct ori_error *err)
{
    ori_status status = ori_net_check_url(url, false, NULL, err);
    if (status != ORI_OK)
        return status;
    struct ori_http_remote *remote = calloc(1, sizeof *remote);
    if (!remote)
        return ori_error_set(err, ORI_NOMEM, "the URL of a video");
    pthread_mutex_init(&remote->lock, NULL); /* cannot fail with default attributes */
    remote->client = client;
    remote->log = log;
    take_shown(url, remote->shown);
    remote->url = strdup(url);
    status = remote->url ? take_name(url, &remote->name, err)
                         : ori_error_set(err, ORI_NOMEM, "the URL of a video");
    if (status == ORI_OK) {
        *ret_remote = remote;
        remote = NULL;
    }
    ori_http_remote_destroy(&remote);
    return status;
}

void ori_http_remote_destroy(struct ori_http_remote **remote)
{
    if (!remote || !*remote)
        return;
    struct ori_http_remote *it = *remote;
    pthread_mutex_destroy(&it->lock);
    free(it->url);
    free(it->name);
    free(it->there);
    free(it);
    *remote = NULL;
}

const char *ori_http_remote_name(const struct ori_http_remote *remote)
{
    return remote->name;
}

/* ---- asking ---- */

static ori_status fetch(struct ori_http_reading *reading, const char *url,
                        struct ori_net_answer *answer, struct ori_error *err)
{
    static const char *const kept[] = {
        "Content-Length", "Content-Range", "Content-Encoding", "Transfer-Encoding",
        "ETag",           "Last-Modified", "Location",         NULL};
    struct ori_http_remote *remote = reading->remote;
    const char *validator = reading->is_known ? ori_http_version_validator(reading->version) : "";
    struct ori_net_header headers[3] = {{"Accept-Encoding", "identity"}};
    size_t count = 1;
    char range[64];
    if (reading->end == INT64_MAX)
        snprintf(range, sizeof range, "bytes=%" PRId64 "-", reading->at);
    else
        snprintf(range, sizeof range, "bytes=%" PRId64 "-%" PRId64, reading->at, reading->end - 1);
    if (reading->has_range)
        headers[count++] = (struct ori_net_header){"Range", range};
    reading->has_condition =
        reading->has_range && validator[0] && !atomic_load(&remote->takes_no_condition);
    if (reading->has_condition)
        headers[count++] = (struct ori_net_header){"If-Range", validator};
    const struct ori_net_request request = {
        .method = "GET",
        .url = url,
        .headers = headers,
        .headers_count = count,
        .is_guarded = true,
        .is_plain_listed = true,
        .is_repeatable = true,
        .retries = RETRIES,
        .wait_ms_max = RETRY_AFTER_MS_MAX,
        .deadline_us = ori_wait_deadline(reading->wait, ori_clock_us() + OWN_US),
        .answer_bytes_max = INT64_MAX, /* take looks at them, piece by piece */
        .log = remote->log,
        .keep = kept,
        .on_body = ori_http_reading_take,
        .on_body_self = reading};
    reading->answer = answer;
    reading->is_judged = false;
    reading->answer_end = INT64_MAX;
    reading->brought = 0;
    reading->is_wrong = false;
    return ori_net_fetch(remote->client, &request, ori_wait_cancel(reading->wait), answer, err);
}

/* From url on to whatever its redirects lead to: *ret_there, malloc'ed, NULL when there was none. */
static ori_status walk(struct ori_http_reading *reading, const char *url,
                       struct ori_net_answer *answer, char **ret_there, struct ori_error *err)
{
    ori_status status = fetch(reading, url, answer, err);
    for (int hops = 0; status == ORI_OK && ori_net_is_redirect(answer->status); hops++) {
        char *next = NULL;
        const char *from = *ret_there ? *ret_there : url;
        if (hops == ORI_LIMIT_MAX_SOURCE_REDIRECTS)
            return ori_error_set(err, ORI_URL_REFUSED, "the server redirects more than %d times",
                                 ORI_LIMIT_MAX_SOURCE_REDIRECTS);
        status = ori_net_redirect(from, ori_net_answer_header(answer, "Location"), &next, err);
        if (status != ORI_OK)
            break;
        free(*ret_there);
        *ret_there = next;
        status = fetch(reading, next, answer, err);
    }
    return status;
}

static void remember(struct ori_http_remote *remote, char *there)
{
    pthread_mutex_lock(&remote->lock);
    free(remote->there);
    remote->there = there;
    pthread_mutex_unlock(&remote->lock);
}

/* Where redirects led the last time, malloc'ed: they are not walked for each piece. */
static char *recall(struct ori_http_remote *remote)
{
    pthread_mutex_lock(&remote->lock);
    char *there = remote->there ? strdup(remote->there) : NULL;
    pthread_mutex_unlock(&remote->lock);
    return there;
}

/* What signed URLs say when their time is over: the first one may lead to a new one. */
static bool is_over(int http)
{
    return http == 401 || http == 403 || http == 404 || http == 410;
}

static ori_status find(struct ori_http_reading *reading, struct ori_net_answer *answer,
                       struct ori_error *err)
{
    struct ori_http_remote *remote = reading->remote;
    char *known = recall(remote);
    char *there = NULL;
    ori_status status = walk(reading, known ? known : remote->url, answer, &there, err);
    const bool is_lost = (status == ORI_OK && is_over(answer->status)) ||
                         (status == ORI_NETWORK && reading->brought == 0 && !reading->is_wrong);
    if (known && is_lost) {
        free(there);
        there = NULL;
        *err = (struct ori_error){0};
        status = walk(reading, remote->url, answer, &there, err);
    }
    free(known);
    if (status == ORI_OK && there && answer->status < 300) {
        remember(remote, there);
        there = NULL;
    }
    free(there);
    return status;
}

/* One request, and its answer judged. ORI_AGAIN: by ranges this server is not to be read. */
static ori_status ask(struct ori_http_reading *reading, struct ori_error *err)
{
    struct ori_net_answer answer;
    struct ori_content_range range;
    ori_net_answer_init(&answer);
    ori_status status = find(reading, &answer, err);
    const bool is_late = reading->wait && reading->wait->deadline_us > 0 &&
                         ori_clock_us() >= reading->wait->deadline_us;
    if (status == ORI_TIMEOUT && !is_late) { /* the server stalled: nothing of the item's own */
        const struct ori_error why = *err;
        *err = (struct ori_error){0};
        status = ori_error_set(err, ORI_NETWORK, "%s", why.text);
    } else if (status == ORI_OK && answer.status == 416 && reading->sink && reading->has_range) {
        const bool is_empty =
            ori_content_range_read(ori_net_answer_header(&answer, "Content-Range"), &range) &&
            range.total == 0;
        reading->version->bytes = is_empty ? 0 : -1;
        reading->is_whole = is_empty;
        status = is_empty ? ORI_OK : ORI_AGAIN;
    } else if (status == ORI_OK && (answer.status < 200 || answer.status >= 300)) {
        status = ori_http_reading_refuse(&answer, err);
    } else if (status == ORI_OK) {
        status = reading->is_judged ? ORI_OK
                                    : ori_http_reading_judge(reading, err); /* it had no bytes */
        if (status == ORI_OK && reading->answer_end != INT64_MAX &&
            reading->at < reading->answer_end)
            status =
                ori_error_set(err, ORI_NETWORK, "fewer bytes than the server said it would send");
    }
    ori_net_answer_deinit(&answer);
    return status;
}

/* ---- open, read ---- */

static ori_status pass(struct ori_error *err, const struct ori_error *why)
{
    if (err && err->status == ORI_OK)
        *err = *why;
    return why->status;
}

static bool can_go_on(const struct ori_http_reading *reading, ori_status status)
{
    return status == ORI_NETWORK && reading->brought > 0 && !reading->is_wrong;
}

/* What broke off goes on behind what is there, if the server can say that it is still the same;
 * else from the start. */
static void begin_again(struct ori_http_reading *reading, bool has_range)
{
    reading->has_range =
        has_range && reading->at > 0 && ori_http_version_validator(reading->version)[0];
    reading->end = INT64_MAX;
    if (!reading->has_range) {
        reading->at = 0;
        reading->is_known = false;
    }
}

static ori_status read_head(struct ori_http_reading *reading, struct ori_error *err)
{
    for (int breaks = 0;; breaks++) {
        struct ori_error why = {0};
        ori_status status = ask(reading, &why);
        const int64_t bytes = reading->version->bytes;
        if (status == ORI_OK && reading->is_whole && bytes >= 0 && reading->at < bytes)
            status = ori_error_set(&why, ORI_NETWORK, "fewer bytes than were asked for");
        const bool is_broken = can_go_on(reading, status);
        if (status == ORI_OK || (is_broken && !reading->is_whole))
            return ORI_OK; /* or a part of the start: the rest is read by range anyway */
        const bool is_new = status == ORI_AGAIN || status == ORI_SOURCE_CHANGED;
        if (breaks == BREAKS_MAX || (!is_broken && !is_new))
            return pass(err, &why);
        begin_again(reading, is_broken);
    }
}

static ori_status open_file(void *self, int64_t bytes_max, const struct ori_remote_sink *sink,
                            struct ori_remote_facts *ret_facts, const struct ori_wait *wait,
                            struct ori_error *err)
{
    struct ori_http_remote *remote = self;
    struct ori_http_version version = {.bytes = -1};
    struct ori_http_reading reading = {.remote = remote,
                                       .wait = wait,
                                       .version = &version,
                                       .has_range = true,
                                       .end = sink->wanted > 0 ? sink->wanted : 1,
                                       .bytes_max = bytes_max,
                                       .sink = sink};
    const ori_status status = read_head(&reading, err);
    if (status != ORI_OK) {
        ori_error_context(err, "%s", remote->shown);
        return status;
    }
    if (reading.is_whole)
        version.bytes = reading.at;
    remote->version = version;
    *ret_facts = (struct ori_remote_facts){.bytes = version.bytes, .head_bytes = reading.at};
    memcpy(ret_facts->etag, version.etag, sizeof ret_facts->etag);
    ret_facts->modified_s = ori_http_version_seconds(&version);
    return ORI_OK;
}

static ori_status read_file(void *self, const char *etag, int64_t offset, void *data, size_t bytes,
                            const struct ori_wait *wait, struct ori_error *err)
{
    struct ori_http_remote *remote = self;
    struct ori_http_version version = remote->version;
    struct ori_http_reading reading = {.remote = remote,
                                       .wait = wait,
                                       .version = &version,
                                       .is_known = true,
                                       .has_range = true,
                                       .at = offset,
                                       .end = offset + (int64_t)bytes,
                                       .data = data,
                                       .data_at = offset};
    (void)etag; /* the version has it, and what more there is */
    int breaks = 0;
    for (int answers = 0; reading.at < reading.end; answers++) {
        struct ori_error why = {0};
        ori_status status = ask(&reading, &why);
        if (status == ORI_AGAIN) {
            atomic_store(&remote->takes_no_condition, true);
            continue;
        }
        breaks += status != ORI_OK;
        if (status == ORI_OK && answers == ANSWERS_MAX) {
            reading.is_wrong = true;
            status =
                ori_error_set(&why, ORI_NETWORK, "a small part at a time of what was asked for");
        }
        if (status != ORI_OK && (!can_go_on(&reading, status) || breaks > BREAKS_MAX)) {
            ori_error_context(&why, "%s", remote->shown);
            return pass(err, &why);
        }
    }
    return ORI_OK;
}

const struct ori_remote_ops ori_http_remote_ops = {.open = open_file, .read = read_file};
