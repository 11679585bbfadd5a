#include "net/s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/s3_priv.h"
#include "util/clock.h"
#include "util/limits.h"

#define RETRIES 3
#define RETRY_AFTER_MS_MAX 10000
#define CALL_US INT64_C(60000000)
#define HEAD_MS 20000 /* a store under load may think; two silent ones fit into a call */
#define BYTES_A_SECOND (INT64_C(1) << 18) /* a call may take a second more for each of these */
#define SKEW_LEAST_S 240  /* a HEAD says no reason: of a clock this far off it is surely that */
#define CORRECTIONS_MAX 3 /* region, clock and keys: each once */

/* ---- life ---- */

/* "http://host:port": the host as it will be sent. */
static ori_status read_endpoint(struct ori_s3 *s3, const char *endpoint, struct ori_error *err)
{
    const char *host = strstr(endpoint, "://");
    struct ori_error why = {0};
    s3->is_tls = true;
    if (endpoint[0] == '\0')
        return ORI_OK;
    ori_status status = ori_net_check_url(endpoint, false, NULL, &why);
    if (status != ORI_OK || !host)
        return ori_error_set(err, ORI_BAD_SETTING, "AWS_ENDPOINT_URL: %s", why.text);
    s3->is_tls = strncasecmp(endpoint, "https:", 6) == 0;
    host += 3;
    size_t bytes = strcspn(host, "/?#");
    const char *rest = host + bytes;
    const char *port = s3->is_tls ? ":443" : ":80"; /* the scheme's own is not sent */
    if (bytes > strlen(port) && strncmp(host + bytes - strlen(port), port, strlen(port)) == 0)
        bytes -= strlen(port);
    if (strcmp(rest, "") != 0 && strcmp(rest, "/") != 0)
        return ori_error_set(err, ORI_BAD_SETTING,
                             "AWS_ENDPOINT_URL: expected a host alone, without \"%.100s\"", rest);
    if (bytes >= sizeof s3->host)
        return ori_error_set(err, ORI_BAD_SETTING, "AWS_ENDPOINT_URL: a host's name too long");
    memcpy(s3->host, host, bytes);
    return ORI_OK;
}

ori_status ori_s3_create(const struct ori_s3_options *options, struct ori_s3 **ret_s3,
                         struct ori_error *err)
{
    const struct ori_net_client_options client = {.connections_max = options->connections_max,
                                                  .egress = options->egress};
    struct ori_s3 *s3 = calloc(1, sizeof *s3);
    if (!s3)
        return ori_error_set(err, ORI_NOMEM, "S3 client");
    pthread_mutex_init(&s3->lock, NULL); /* cannot fail with default attributes */
    s3->options = *options;
    s3->options.endpoint = NULL; /* host and is_tls are all of it */
    s3->options.egress = NULL;   /* the client has it */
    s3->options.region = strdup(options->region);
    ori_status status = s3->options.region ? ORI_OK : ori_error_set(err, ORI_NOMEM, "S3 client");
    if (status == ORI_OK && strlen(options->region) >= ORI_S3_REGION_BYTES)
        status = ori_error_set(err, ORI_BAD_SETTING, "AWS_REGION: too long for a region");
    if (status == ORI_OK)
        status = read_endpoint(s3, options->endpoint, err);
    if (status == ORI_OK)
        status = ori_net_client_create(&client, &s3->client, err);
    if (status == ORI_OK) {
        *ret_s3 = s3;
        s3 = NULL;
    }
    ori_s3_destroy(&s3);
    return status;
}

void ori_s3_destroy(struct ori_s3 **s3)
{
    if (!s3 || !*s3)
        return;
    struct ori_s3 *it = *s3;
    ori_net_client_destroy(&it->client);
    pthread_mutex_destroy(&it->lock);
    free((char *)it->options.region); /* a copy of ours */
    free(it);
    *s3 = NULL;
}

int ori_s3_connections_max(const struct ori_s3 *s3)
{
    return s3->options.connections_max;
}

/* ---- where a bucket is ---- */

static void region_of(struct ori_s3 *s3, const char *bucket, char ret_region[ORI_S3_REGION_BYTES])
{
    snprintf(ret_region, ORI_S3_REGION_BYTES, "%s", s3->options.region);
    pthread_mutex_lock(&s3->lock);
    for (size_t i = 0; i < ORI_S3_REGIONS; i++) {
        if (strcmp(s3->regions[i].bucket, bucket) == 0)
            memcpy(ret_region, s3->regions[i].region, ORI_S3_REGION_BYTES);
    }
    pthread_mutex_unlock(&s3->lock);
}

static bool is_region(const char *text)
{
    return text[0] != '\0' && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text);
}

static void remember_region(struct ori_s3 *s3, const char *bucket, const char *region)
{
    size_t at = ORI_S3_REGIONS;
    if (strlen(bucket) >= sizeof s3->regions[0].bucket)
        return;
    pthread_mutex_lock(&s3->lock);
    for (size_t i = 0; i < ORI_S3_REGIONS; i++) {
        if (strcmp(s3->regions[i].bucket, bucket) == 0)
            at = i;
    }
    if (at == ORI_S3_REGIONS) {
        at = s3->regions_next;
        s3->regions_next = (s3->regions_next + 1) % ORI_S3_REGIONS;
    }
    snprintf(s3->regions[at].bucket, sizeof s3->regions[at].bucket, "%s", bucket);
    snprintf(s3->regions[at].region, sizeof s3->regions[at].region, "%s", region);
    pthread_mutex_unlock(&s3->lock);
}

/* ---- one request ---- */

/* All that one attempt at a call is made of. */
struct attempt {
    struct ori_s3 *s3;
    const struct ori_s3_call *call;
    char region[ORI_S3_REGION_BYTES];
    char host[384];
    struct ori_buf path; /* raw */
    struct ori_buf url;
    struct ori_buf authorization;
    char date[ORI_SIGV4_TIME_BYTES];
    char payload[ORI_SIGV4_PAYLOAD_BYTES];
    struct ori_credentials_keys keys;
    struct ori_net_header headers[16];
    size_t headers_count;
};

static void attempt_init(struct attempt *attempt, struct ori_s3 *s3, const struct ori_s3_call *call)
{
    *attempt = (struct attempt){.s3 = s3, .call = call};
    ori_buf_init(&attempt->path, ORI_LIMIT_MAX_NET_URL_BYTES);
    ori_buf_init(&attempt->url, ORI_LIMIT_MAX_NET_URL_BYTES);
    ori_buf_init(&attempt->authorization, ORI_LIMIT_MAX_NET_HEADER_BYTES);
}

static void attempt_deinit(struct attempt *attempt)
{
    ori_buf_deinit(&attempt->path);
    ori_buf_deinit(&attempt->url);
    ori_buf_deinit(&attempt->authorization);
    ori_credentials_wipe(&attempt->keys);
}

static ori_status make_place(struct attempt *attempt, struct ori_error *err)
{
    const struct ori_s3 *s3 = attempt->s3;
    const char *bucket = attempt->call->name.bucket;
    const char *key = attempt->call->name.key;
    const bool is_path_style = s3->host[0] != '\0' || strchr(bucket, '.');
    region_of(attempt->s3, bucket, attempt->region);
    const bool is_china = strncmp(attempt->region, "cn-", 3) == 0;
    if (s3->host[0])
        snprintf(attempt->host, sizeof attempt->host, "%s", s3->host);
    else
        snprintf(attempt->host, sizeof attempt->host, "%.200s%ss3.%s.amazonaws.com%s",
                 is_path_style ? "" : bucket, is_path_style ? "" : ".", attempt->region,
                 is_china ? ".cn" : "");
    ori_buf_clear(&attempt->path);
    ori_buf_add_text(&attempt->path, "/");
    if (is_path_style)
        ori_buf_printf(&attempt->path, "%s%s", bucket, key ? "/" : "");
    ori_buf_add_text(&attempt->path, key ? key : "");
    return ori_buf_finish(&attempt->path, "the path of an object", err);
}

static struct ori_sigv4_request to_sign(const struct attempt *attempt)
{
    const struct ori_s3_call *call = attempt->call;
    const int64_t ahead_s = atomic_load(&attempt->s3->skew_s);
    return (struct ori_sigv4_request){.method = call->method,
                                      .host = attempt->host,
                                      .path = ori_buf_text(&attempt->path),
                                      .query = call->query,
                                      .query_count = call->query_count,
                                      .payload = attempt->payload,
                                      .region = attempt->region,
                                      .service = "s3",
                                      .time_s = ori_clock_wall_us() / 1000000 + ahead_s};
}

static struct ori_sigv4_keys keys_of(const struct attempt *attempt)
{
    return (struct ori_sigv4_keys){.access_key_id = attempt->keys.access_key_id,
                                   .secret_access_key = attempt->keys.secret_access_key,
                                   .session_token = attempt->keys.session_token};
}

static void add_header(struct attempt *attempt, const char *name, const char *value)
{
    ORI_ASSERT(attempt->headers_count < sizeof attempt->headers / sizeof attempt->headers[0]);
    attempt->headers[attempt->headers_count++] = (struct ori_net_header){name, value};
}

/* Over TLS nobody can change the body on its way; without it, its hash is signed. */
static ori_status hash_body(struct attempt *attempt, struct ori_error *err)
{
    const struct ori_s3_call *call = attempt->call;
    if (attempt->s3->is_tls && call->body_bytes > 0) {
        snprintf(attempt->payload, sizeof attempt->payload, "%s", ORI_SIGV4_UNSIGNED);
        return ORI_OK;
    }
    return ori_sigv4_payload(call->body, call->body_bytes, attempt->payload, err);
}

static ori_status sign(struct attempt *attempt, const struct ori_cancel *cancel,
                       struct ori_error *err)
{
    struct ori_credentials *credentials = attempt->s3->options.credentials;
    attempt->headers_count = 0;
    for (size_t i = 0; i < attempt->call->headers_count; i++)
        add_header(attempt, attempt->call->headers[i].name, attempt->call->headers[i].value);
    if (!credentials)
        return ORI_OK;
    ori_status status = ori_credentials_get(credentials, cancel, &attempt->keys, err);
    if (status == ORI_OK && attempt->payload[0] == '\0')
        status = hash_body(attempt, err);
    if (status != ORI_OK)
        return status;
    const struct ori_sigv4_request request = to_sign(attempt);
    const struct ori_sigv4_keys keys = keys_of(attempt);
    ori_buf_clear(&attempt->authorization);
    status = ori_sigv4_sign(&keys, &request, &attempt->authorization, attempt->date, err);
    if (status != ORI_OK)
        return status;
    add_header(attempt, "Authorization", ori_buf_text(&attempt->authorization));
    add_header(attempt, "x-amz-content-sha256", attempt->payload);
    add_header(attempt, "x-amz-date", attempt->date);
    if (attempt->keys.session_token[0])
        add_header(attempt, "x-amz-security-token", attempt->keys.session_token);
    return ORI_OK;
}

static ori_status make_url(struct attempt *attempt, struct ori_error *err)
{
    const struct ori_sigv4_request request = to_sign(attempt);
    struct ori_buf target;
    ori_buf_init(&target, ORI_LIMIT_MAX_NET_URL_BYTES);
    ori_status status = ori_sigv4_target(&request, &target, err);
    ori_buf_clear(&attempt->url);
    ori_buf_printf(&attempt->url, "%s://%s%s", attempt->s3->is_tls ? "https" : "http",
                   attempt->host, ori_buf_text(&target));
    if (status == ORI_OK)
        status = ori_buf_finish(&attempt->url, "the URL of an object", err);
    ori_buf_deinit(&target);
    return status;
}

/* What did not come to an answer: of whatever kind, it may pass; what is ours stays what it is. */
static ori_status tell_unreached(const struct ori_s3_call *call, ori_status status,
                                 const struct ori_error *why, struct ori_error *err)
{
    const bool is_outside = status == ORI_NETWORK || status == ORI_TIMEOUT;
    return ori_error_set(err, is_outside ? ORI_STORE_DOWN : status, "S3 %s s3://%s/%s: %s",
                         call->method, call->name.bucket, call->name.key ? call->name.key : "",
                         why->text);
}

static ori_status fetch(struct attempt *attempt, const struct ori_wait *wait,
                        struct ori_net_answer *answer, struct ori_error *err)
{
    static const char *const keep[] = {
        "Content-Length",      "ETag", "Date", "Content-Range", "Last-Modified",
        "x-amz-bucket-region", NULL};
    const struct ori_s3_call *call = attempt->call;
    const int64_t bytes = (int64_t)call->body_bytes;
    const int64_t own_us = ori_clock_us() + CALL_US + bytes / BYTES_A_SECOND * 1000000;
    struct ori_error why = {0};
    ori_status status = make_place(attempt, &why);
    if (status == ORI_OK)
        status = sign(attempt, ori_wait_cancel(wait), &why);
    if (status == ORI_OK)
        status = make_url(attempt, &why);
    if (status != ORI_OK)
        return tell_unreached(call, status, &why, err);
    const struct ori_net_request request = {.method = call->method,
                                            .url = ori_buf_text(&attempt->url),
                                            .headers = attempt->headers,
                                            .headers_count = attempt->headers_count,
                                            .body = call->body,
                                            .body_bytes = call->body_bytes,
                                            .is_repeatable = true,
                                            .retries = RETRIES,
                                            .head_ms = HEAD_MS,
                                            .wait_ms_max = RETRY_AFTER_MS_MAX,
                                            .deadline_us = ori_wait_deadline(wait, own_us),
                                            .answer_bytes_max = call->answer_bytes_max,
                                            .log = attempt->s3->options.log,
                                            .keep = keep,
                                            .on_body = call->on_body,
                                            .on_body_self = call->on_body_self};
    status = ori_net_fetch(attempt->s3->client, &request, ori_wait_cancel(wait), answer, &why);
    return status == ORI_OK ? ORI_OK : tell_unreached(call, status, &why, err);
}

/* ---- what is put right by itself ---- */

struct corrections {
    bool region;
    bool clock;
    bool keys;
};

static bool correct_region(struct attempt *attempt, const struct ori_s3_fault *fault)
{
    if ((fault->status != 301 && fault->status != 307 && fault->status != 400 &&
         fault->status != 403) ||
        !is_region(fault->region) || strcmp(fault->region, attempt->region) == 0)
        return false;
    remember_region(attempt->s3, attempt->call->name.bucket, fault->region);
    ori_log_event(attempt->s3->options.log, ORI_LOG_INFO, "s3.region",
                  ORI_LOG_FIELDS(ori_log_text("bucket", attempt->call->name.bucket),
                                 ori_log_text("region", fault->region)));
    return true;
}

static bool correct_clock(struct attempt *attempt, const struct ori_s3_fault *fault,
                          const struct ori_net_answer *answer)
{
    const bool is_said = strcmp(fault->code, "RequestTimeTooSkewed") == 0;
    const bool is_head = strcmp(attempt->call->method, "HEAD") == 0;
    const int64_t theirs_s = ori_s3_date(ori_s3_header(answer, "Date"));
    const int64_t skew_s = theirs_s - ori_clock_wall_us() / 1000000;
    const int64_t off_s = skew_s - atomic_load(&attempt->s3->skew_s);
    const bool is_far = off_s > SKEW_LEAST_S || off_s < -SKEW_LEAST_S;
    if (fault->status != 403 || theirs_s == 0 || (!is_said && !is_head) || !is_far)
        return false;
    atomic_store(&attempt->s3->skew_s, skew_s);
    ori_log_event(
        attempt->s3->options.log, ORI_LOG_WARN, "s3.clock_skew",
        ORI_LOG_FIELDS(ori_log_int("seconds", skew_s),
                       ori_log_text("text", "the store's clock and this machine's differ: "
                                            "requests are signed with the store's "
                                            "time; set this machine's clock")));
    return true;
}

static bool correct_keys(struct attempt *attempt, const struct ori_s3_fault *fault)
{
    const bool is_old = strcmp(fault->code, "ExpiredToken") == 0 ||
                        strcmp(fault->code, "InvalidToken") == 0 ||
                        strcmp(fault->code, "InvalidAccessKeyId") == 0;
    return is_old && attempt->s3->options.credentials &&
           ori_credentials_renew(attempt->s3->options.credentials);
}

/* True: once more. Each of the three is put right once a call. */
static bool correct(struct attempt *attempt, const struct ori_s3_fault *fault,
                    const struct ori_net_answer *answer, struct corrections *done)
{
    if (!done->region && correct_region(attempt, fault))
        return done->region = true;
    if (!done->clock && correct_clock(attempt, fault, answer))
        return done->clock = true;
    if (!done->keys && correct_keys(attempt, fault))
        return done->keys = true;
    return false;
}

ori_status ori_s3_send(struct ori_s3 *s3, const struct ori_s3_call *call,
                       const struct ori_wait *wait, struct ori_net_answer *answer,
                       struct ori_error *err)
{
    struct attempt attempt;
    struct corrections done = {.region = false};
    ori_status status = ORI_OK;
    attempt_init(&attempt, s3, call);
    for (int i = 0; i <= CORRECTIONS_MAX; i++) {
        struct ori_s3_fault fault;
        status = fetch(&attempt, wait, answer, err);
        if (status != ORI_OK || (answer->status >= 200 && answer->status < 300))
            break;
        ori_s3_read_fault(answer, &fault);
        if (correct(&attempt, &fault, answer, &done))
            continue;
        status = ori_s3_tell_fault(call, &fault, err);
        break;
    }
    attempt_deinit(&attempt);
    return status;
}

ori_status ori_s3_presign(struct ori_s3 *s3, const char *method, const struct ori_s3_name *name,
                          int expires_s, struct ori_buf *ret_url, struct ori_error *err)
{
    const struct ori_s3_call call = {.method = method, .name = *name};
    struct attempt attempt;
    if (!s3->options.credentials)
        return ori_error_set(err, ORI_STORE_DENIED, "URLs cannot be signed without credentials");
    attempt_init(&attempt, s3, &call);
    ori_status status = make_place(&attempt, err);
    if (status == ORI_OK)
        status = ori_credentials_get(s3->options.credentials, NULL, &attempt.keys, err);
    if (status == ORI_OK) {
        const struct ori_sigv4_request request = to_sign(&attempt);
        const struct ori_sigv4_keys keys = keys_of(&attempt);
        ori_buf_printf(ret_url, "%s://%s", s3->is_tls ? "https" : "http", attempt.host);
        status = ori_sigv4_presign(&keys, &request, expires_s, ret_url, err);
    }
    attempt_deinit(&attempt);
    return status;
}
