/* net/credentials_endpoint.c: keys from the endpoint of a container or of an instance. What answers is
 * outside: every text has a limit, and what does not look like keys is none. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "net/address.h"
#include "net/credentials_priv.h"
#include "util/clock.h"
#include "util/fs.h"
#include "util/text.h"

#define CONTAINER_HOST "http://169.254.170.2"
#define INSTANCE_HOST "http://169.254.169.254"
#define INSTANCE_PATH "/latest/meta-data/iam/security-credentials/"
#define TOKEN_TTL "21600"
#define ASK_US INT64_C(5000000)
#define CONNECT_MS 1000
#define ROLE_BYTES 256

struct question {
    const char *method;
    const char *url;
    struct ori_net_header header; /* name NULL: none */
};

/* A 200 and its body, NUL-ended; anything else is a failure that says what came. */
static ori_status ask(struct ori_credentials *credentials, const struct question *question,
                      const struct ori_cancel *cancel, struct ori_net_answer *answer,
                      struct ori_error *err)
{
    struct ori_net_request request = {.method = question->method,
                                      .url = question->url,
                                      .headers = &question->header,
                                      .headers_count = question->header.name ? 1 : 0,
                                      .is_repeatable = true,
                                      .retries = 2,
                                      .connect_ms = CONNECT_MS,
                                      .deadline_us = ori_clock_us() + ASK_US,
                                      .answer_bytes_max = ORI_LIMIT_MAX_AWS_ANSWER_BYTES,
                                      .log = credentials->options.log};
    ori_status status = ori_net_fetch(credentials->client, &request, cancel, answer, err);
    if (status != ORI_OK)
        return status;
    if (answer->status >= 500)
        return ori_error_set(err, ORI_NETWORK, "the endpoint of credentials answered %d",
                             answer->status);
    if (answer->status != 200)
        return ori_error_set(err, ORI_BAD_SETTING, "the endpoint of credentials answered %d to %s",
                             answer->status, question->method);
    return ORI_OK;
}

static bool take_text(const json_t *root, const char *name, char *field, size_t field_bytes)
{
    const char *text = json_string_value(json_object_get(root, name));
    if (!text || strlen(text) >= field_bytes || ori_text_has_control(text))
        return false;
    memcpy(field, text, strlen(text) + 1);
    return true;
}

/* "2026-01-31T23:59:59Z" to seconds; 0: no such time. */
static int64_t time_of(const char *text)
{
    struct tm parts = {0};
    const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) : NULL;
    if (!end || (*end != 'Z' && *end != '.'))
        return 0;
    const time_t seconds = timegm(&parts);
    return seconds > 0 ? (int64_t)seconds : 0;
}

ori_status ori_credentials_read_keys(const struct ori_net_answer *answer,
                                     struct ori_credentials_keys *ret_keys, struct ori_error *err)
{
    struct ori_credentials_keys *keys = ret_keys;
    json_t *root =
        json_loadb(ori_buf_text(&answer->body), answer->body.used, JSON_REJECT_DUPLICATES, NULL);
    const char *expires = json_string_value(json_object_get(root, "Expiration"));
    const bool has_token = json_object_get(root, "Token") != NULL;
    *keys = (struct ori_credentials_keys){.expires_s = time_of(expires)};
    const bool is_well =
        take_text(root, "AccessKeyId", keys->access_key_id, sizeof keys->access_key_id) &&
        take_text(root, "SecretAccessKey", keys->secret_access_key,
                  sizeof keys->secret_access_key) &&
        (!has_token || take_text(root, "Token", keys->session_token, sizeof keys->session_token)) &&
        keys->access_key_id[0] && keys->secret_access_key[0] && (!expires || keys->expires_s > 0);
    json_decref(root);
    if (is_well)
        return ORI_OK;
    ori_credentials_wipe(keys);
    return ori_error_set(err, ORI_BAD_SETTING,
                         "the endpoint of credentials sent what holds no keys");
}

/* ---- container ---- */

/* Over http keys may come from this machine and from the platform's own addresses alone. */
static bool is_near(const char *url)
{
    static const char *const near[] = {"127.",          "localhost",      "[::1]",
                                       "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
    if (strncmp(url, "https://", 8) == 0)
        return true;
    if (strncmp(url, "http://", 7) != 0)
        return false;
    const char *host = url + 7;
    const size_t bytes = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
    if (strncmp(host, "127.", 4) == 0) { /* an address, not a name that begins like one */
        char text[INET_ADDRSTRLEN];
        struct in_addr address;
        snprintf(text, sizeof text, "%.*s", (int)(bytes < sizeof text ? bytes : 0), host);
        return inet_pton(AF_INET, text, &address) == 1;
    }
    for (size_t i = 1; i < sizeof near / sizeof near[0]; i++) {
        if (strlen(near[i]) == bytes && strncmp(host, near[i], bytes) == 0)
            return true;
    }
    return false;
}

static ori_status container_url(const struct ori_credentials_options *options, struct ori_buf *url,
                                struct ori_error *err)
{
    const char *host = options->container_host ? options->container_host : CONTAINER_HOST;
    if (options->container_path[0] != '\0') {
        if (options->container_path[0] != '/')
            return ori_error_set(err, ORI_BAD_SETTING,
                                 "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: expected a path");
        ori_buf_printf(url, "%s%s", host, options->container_path);
    } else if (!is_near(options->container_url)) {
        return ori_error_set(err, ORI_BAD_SETTING,
                             "AWS_CONTAINER_CREDENTIALS_FULL_URI: expected https, or http to this "
                             "machine or the platform's own address");
    } else {
        ori_buf_add_text(url, options->container_url);
    }
    return ori_buf_finish(url, "URL of a container's credentials", err);
}

/* malloc'ed; NULL: none. */
static ori_status container_token(const struct ori_credentials_options *options, char **ret_token,
                                  struct ori_error *err)
{
    size_t bytes = 0;
    if (options->container_token_file[0] != '\0') {
        ori_status status = ori_fs_read_file(AT_FDCWD, options->container_token_file,
                                             ORI_LIMIT_MAX_AWS_TOKEN_BYTES, ret_token, &bytes, err);
        if (status == ORI_OK)
            (*ret_token)[strcspn(*ret_token, "\r\n")] = '\0';
        else
            ori_error_context(err, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        return status;
    }
    if (options->container_token[0] == '\0')
        return ORI_OK;
    *ret_token = strdup(options->container_token);
    return *ret_token ? ORI_OK : ori_error_set(err, ORI_NOMEM, "credentials");
}

static ori_status ask_container(struct ori_credentials *credentials,
                                const struct ori_cancel *cancel,
                                struct ori_credentials_keys *ret_keys, struct ori_error *err)
{
    struct ori_net_answer answer;
    struct ori_buf url;
    char *token = NULL;
    ori_net_answer_init(&answer);
    ori_buf_init(&url, ORI_LIMIT_MAX_URL_BYTES);
    ori_status status = container_url(&credentials->options, &url, err);
    if (status == ORI_OK)
        status = container_token(&credentials->options, &token, err);
    if (status == ORI_OK) {
        struct question question = {
            "GET", ori_buf_text(&url), {token ? "Authorization" : NULL, token}};
        status = ask(credentials, &question, cancel, &answer, err);
    }
    if (status == ORI_OK)
        status = ori_credentials_read_keys(&answer, ret_keys, err);
    if (token)
        explicit_bzero(token, strlen(token));
    free(token);
    ori_net_answer_deinit(&answer);
    ori_buf_deinit(&url);
    return status;
}

/* ---- instance: IMDSv2 ---- */

ori_status ori_credentials_read_word(const struct ori_net_answer *answer, char *ret_word,
                                     size_t word_bytes, struct ori_error *err)
{
    const char *text = ori_buf_text(&answer->body);
    const size_t bytes = strcspn(text, "\r\n");
    bool is_word = bytes > 0 && bytes < word_bytes && strcspn(text, " /?#%") >= bytes;
    if (is_word) {
        memcpy(ret_word, text, bytes);
        ret_word[bytes] = '\0';
        is_word = !ori_text_has_control(ret_word);
    }
    if (is_word)
        return ORI_OK;
    return ori_error_set(err, ORI_BAD_SETTING,
                         "the instance's endpoint sent what is neither a token nor a role");
}

static ori_status fetch_word(struct ori_credentials *credentials, const struct question *question,
                             const struct ori_cancel *cancel, char *ret_word, size_t word_bytes,
                             struct ori_error *err)
{
    struct ori_net_answer answer;
    ori_net_answer_init(&answer);
    ori_status status = ask(credentials, question, cancel, &answer, err);
    if (status == ORI_OK)
        status = ori_credentials_read_word(&answer, ret_word, word_bytes, err);
    ori_net_answer_deinit(&answer);
    return status;
}

static ori_status ask_instance(struct ori_credentials *credentials, const struct ori_cancel *cancel,
                               struct ori_credentials_keys *ret_keys, struct ori_error *err)
{
    const char *host =
        credentials->options.instance_host ? credentials->options.instance_host : INSTANCE_HOST;
    char url[1024];
    char role[ROLE_BYTES];
    char token[1024];
    struct ori_net_answer answer;
    snprintf(url, sizeof url, "%s/latest/api/token", host);
    struct question question = {"PUT", url, {"X-aws-ec2-metadata-token-ttl-seconds", TOKEN_TTL}};
    ori_status status = fetch_word(credentials, &question, cancel, token, sizeof token, err);
    if (status != ORI_OK)
        return status;
    question = (struct question){"GET", url, {"X-aws-ec2-metadata-token", token}};
    snprintf(url, sizeof url, "%s" INSTANCE_PATH, host);
    status = fetch_word(credentials, &question, cancel, role, sizeof role, err);
    if (status != ORI_OK)
        return status;
    snprintf(url, sizeof url, "%s" INSTANCE_PATH "%s", host, role);
    ori_net_answer_init(&answer);
    status = ask(credentials, &question, cancel, &answer, err);
    if (status == ORI_OK)
        status = ori_credentials_read_keys(&answer, ret_keys, err);
    ori_net_answer_deinit(&answer);
    return status;
}

ori_status ori_credentials_ask(struct ori_credentials *credentials, enum ori_credentials_kind kind,
                               const struct ori_cancel *cancel,
                               struct ori_credentials_keys *ret_keys, struct ori_error *err)
{
    return kind == ORI_CREDENTIALS_CONTAINER ? ask_container(credentials, cancel, ret_keys, err)
                                             : ask_instance(credentials, cancel, ret_keys, err);
}
