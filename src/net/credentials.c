#include "net/credentials.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "net/credentials_priv.h"
#include "util/clock.h"
#include "util/cond.h"

#define FILE_S 60      /* files are read again so often */
#define TRY_AGAIN_S 10 /* a renewal that failed while the old keys hold */
#define LAST_S 15      /* keys that end sooner are not used any more */
#define WAIT_US INT64_C(100000)
#define WAIT_US_MAX INT64_C(30000000)

const char *ori_credentials_kind_text(enum ori_credentials_kind kind)
{
    static const char *const texts[] = {"none", "settings", "profile", "container", "instance"};
    ORI_ASSERT((size_t)kind < sizeof texts / sizeof texts[0]);
    return texts[kind];
}

void ori_credentials_wipe(struct ori_credentials_keys *keys)
{
    explicit_bzero(keys, sizeof *keys);
}

static int64_t now_s(void)
{
    return ori_clock_wall_us() / 1000000;
}

/* ---- finding them ---- */

static ori_status from_settings(const struct ori_credentials_options *options,
                                struct ori_credentials_keys *ret_keys, struct ori_error *err)
{
    const struct {
        const char *name;
        const char *value;
        char *field;
        size_t bytes;
    } rows[] = {
        {"AWS_ACCESS_KEY_ID", options->access_key_id, ret_keys->access_key_id,
         sizeof ret_keys->access_key_id},
        {"AWS_SECRET_ACCESS_KEY", options->secret_access_key, ret_keys->secret_access_key,
         sizeof ret_keys->secret_access_key},
        {"AWS_SESSION_TOKEN", options->session_token, ret_keys->session_token,
         sizeof ret_keys->session_token},
    };
    for (size_t i = 0; i < 3; i++) {
        const size_t bytes = strlen(rows[i].value);
        if (bytes >= rows[i].bytes)
            return ori_error_set(err, ORI_BAD_SETTING, "%s is longer than %zu bytes", rows[i].name,
                                 rows[i].bytes - 1);
        if (i < 2 && bytes == 0)
            return ori_error_set(err, ORI_BAD_SETTING,
                                 "%s is set without %s: S3 needs both or neither", rows[1 - i].name,
                                 rows[i].name);
        memcpy(rows[i].field, rows[i].value, bytes + 1);
    }
    return ORI_OK;
}

static ori_status read_profile(const struct ori_credentials_options *options,
                               struct ori_profile *profile, struct ori_error *err)
{
    *profile = (struct ori_profile){.is_found = false};
    ori_status status = ori_profile_read(options->credentials_file, options->profile, profile, err);
    if (status == ORI_OK)
        status = ori_profile_read(options->config_file, options->profile, profile, err);
    const bool has_id = profile->keys.access_key_id[0] != '\0';
    const bool has_secret = profile->keys.secret_access_key[0] != '\0';
    if (status == ORI_OK && has_id != has_secret)
        status = ori_error_set(err, ORI_BAD_SETTING,
                               "profile %s has one half of a pair of keys: S3 needs both",
                               options->profile);
    if (status == ORI_OK && !has_id && options->is_profile_named) {
        if (profile->foreign[0])
            status = ori_error_set(err, ORI_BAD_SETTING,
                                   "AWS_PROFILE=%s: its keys come by %s, which this program does "
                                   "not know; expected aws_access_key_id in it",
                                   options->profile, profile->foreign);
        else
            status = ori_error_set(
                err, ORI_BAD_SETTING, "AWS_PROFILE=%s: no such profile with keys in %s or %s",
                options->profile, options->credentials_file, options->config_file);
    }
    return status;
}

static ori_status from_profile(struct ori_credentials *credentials, struct ori_error *err)
{
    struct ori_profile profile;
    ori_status status = read_profile(&credentials->options, &profile, err);
    if (status == ORI_OK) {
        memcpy(credentials->region, profile.region, sizeof profile.region);
        if (profile.keys.access_key_id[0]) {
            credentials->keys = profile.keys;
            credentials->kind = ORI_CREDENTIALS_PROFILE;
        }
    }
    ori_credentials_wipe(&profile.keys);
    return status;
}

static ori_status from_endpoint(struct ori_credentials *credentials,
                                const struct ori_cancel *cancel, struct ori_error *err)
{
    const struct ori_credentials_options *options = &credentials->options;
    struct ori_net_client_options client = {.connections_max = 1};
    const bool is_container = options->container_path[0] || options->container_url[0];
    const enum ori_credentials_kind kind =
        is_container ? ORI_CREDENTIALS_CONTAINER : ORI_CREDENTIALS_INSTANCE;
    ori_status status = ori_net_client_create(&client, &credentials->client, err);
    if (status == ORI_OK)
        status = ori_credentials_ask(credentials, kind, cancel, &credentials->keys, err);
    if (status == ORI_OK)
        credentials->kind = kind;
    else
        ori_error_context(err, "AWS_USE_INSTANCE_CREDENTIALS");
    return status;
}

/* From which moment on the keys are to be had anew. */
static int64_t renewal_of(const struct ori_credentials *credentials)
{
    if (credentials->kind == ORI_CREDENTIALS_PROFILE)
        return now_s() + FILE_S;
    if (credentials->keys.expires_s == 0)
        return INT64_MAX;
    return credentials->keys.expires_s - ORI_CREDENTIALS_EARLY_S;
}

static ori_status find(struct ori_credentials *credentials, const struct ori_cancel *cancel,
                       struct ori_error *err)
{
    const struct ori_credentials_options *options = &credentials->options;
    ori_status status = ORI_OK;
    if (options->access_key_id[0] || options->secret_access_key[0]) {
        struct ori_profile profile = {.is_found = false};
        struct ori_error ignored = {0}; /* only its region is asked for */
        status = from_settings(options, &credentials->keys, err);
        credentials->kind = ORI_CREDENTIALS_SETTINGS;
        if (status == ORI_OK &&
            ori_profile_read(options->config_file, options->profile, &profile, &ignored) == ORI_OK)
            memcpy(credentials->region, profile.region, sizeof profile.region);
        ori_credentials_wipe(&profile.keys);
    } else {
        status = from_profile(credentials, err);
        if (status == ORI_OK && credentials->kind == ORI_CREDENTIALS_NONE && options->use_endpoints)
            status = from_endpoint(credentials, cancel, err);
    }
    credentials->renew_s = renewal_of(credentials);
    return status;
}

/* ---- life ---- */

static const char *const *texts_of(const struct ori_credentials_options *options, size_t i)
{
    const char *const *const texts[] = {
        &options->access_key_id,    &options->secret_access_key,
        &options->session_token,    &options->profile,
        &options->credentials_file, &options->config_file,
        &options->container_path,   &options->container_url,
        &options->container_token,  &options->container_token_file,
        &options->container_host,   &options->instance_host,
    };
    return i < sizeof texts / sizeof texts[0] ? texts[i] : NULL;
}

static ori_status copy_options(const struct ori_credentials_options *options,
                               struct ori_credentials_options *ret_copy, struct ori_error *err)
{
    ori_status status = ORI_OK;
    *ret_copy = *options;
    for (size_t i = 0; texts_of(options, i); i++) {
        const char **copy = (const char **)texts_of(ret_copy, i);
        const char *text = *texts_of(options, i);
        *copy = text ? strdup(text) : NULL;
        if (text && !*copy)
            status = ori_error_set(err, ORI_NOMEM, "credentials");
    }
    return status;
}

ori_status ori_credentials_create(const struct ori_credentials_options *options,
                                  const struct ori_cancel *cancel,
                                  struct ori_credentials **ret_credentials, struct ori_error *err)
{
    struct ori_credentials *credentials = calloc(1, sizeof *credentials);
    if (!credentials)
        return ori_error_set(err, ORI_NOMEM, "credentials");
    pthread_mutex_init(&credentials->lock, NULL); /* cannot fail with default attributes */
    ori_cond_init(&credentials->renewed);
    ori_status status = copy_options(options, &credentials->options, err);
    if (status == ORI_OK)
        status = find(credentials, cancel, err);
    if (status == ORI_OK) {
        *ret_credentials = credentials;
        credentials = NULL;
    }
    ori_credentials_destroy(&credentials);
    return status;
}

void ori_credentials_destroy(struct ori_credentials **credentials)
{
    if (!credentials || !*credentials)
        return;
    struct ori_credentials *it = *credentials;
    for (size_t i = 0; texts_of(&it->options, i); i++) {
        char *text = (char *)*texts_of(&it->options, i); /* a copy of ours */
        if (text)
            explicit_bzero(text, strlen(text));
        free(text);
    }
    ori_net_client_destroy(&it->client);
    pthread_cond_destroy(&it->renewed);
    pthread_mutex_destroy(&it->lock);
    ori_credentials_wipe(&it->keys);
    free(it);
    *credentials = NULL;
}

enum ori_credentials_kind ori_credentials_kind(const struct ori_credentials *credentials)
{
    return credentials->kind;
}

const char *ori_credentials_region(const struct ori_credentials *credentials)
{
    return credentials->region;
}

/* ---- having them ---- */

static ori_status fetch(struct ori_credentials *credentials, const struct ori_cancel *cancel,
                        struct ori_credentials_keys *ret_keys, struct ori_error *err)
{
    struct ori_profile profile;
    if (credentials->kind != ORI_CREDENTIALS_PROFILE)
        return ori_credentials_ask(credentials, credentials->kind, cancel, ret_keys, err);
    ori_status status = read_profile(&credentials->options, &profile, err);
    if (status == ORI_OK && profile.keys.access_key_id[0] == '\0')
        status = ori_error_set(err, ORI_BAD_SETTING, "profile %s has no keys any more",
                               credentials->options.profile);
    if (status == ORI_OK)
        *ret_keys = profile.keys;
    ori_credentials_wipe(&profile.keys);
    return status;
}

static bool still_holds(const struct ori_credentials *credentials)
{
    return credentials->keys.expires_s == 0 || now_s() + LAST_S < credentials->keys.expires_s;
}

/* With the lock, which is given away while the source is asked. */
static ori_status renew(struct ori_credentials *credentials, const struct ori_cancel *cancel,
                        struct ori_error *err)
{
    struct ori_credentials_keys keys = {.expires_s = 0};
    struct ori_error why = {0};
    credentials->is_renewing = true;
    pthread_mutex_unlock(&credentials->lock);
    ori_status status = fetch(credentials, cancel, &keys, &why);
    pthread_mutex_lock(&credentials->lock);
    credentials->is_renewing = false;
    pthread_cond_broadcast(&credentials->renewed);
    if (status == ORI_OK) {
        credentials->keys = keys;
        credentials->renew_s = renewal_of(credentials);
        if (credentials->renew_s <= now_s()) /* they were given out late: not once a request */
            credentials->renew_s = now_s() + TRY_AGAIN_S;
    } else if (status != ORI_CANCELLED && still_holds(credentials)) {
        credentials->renew_s = now_s() + TRY_AGAIN_S;
        status = ORI_OK;
    } else if (err && err->status == ORI_OK) {
        *err = why;
    }
    ori_credentials_wipe(&keys);
    return status;
}

ori_status ori_credentials_get(struct ori_credentials *credentials, const struct ori_cancel *cancel,
                               struct ori_credentials_keys *ret_keys, struct ori_error *err)
{
    ORI_ASSERT(credentials->kind != ORI_CREDENTIALS_NONE);
    const int64_t deadline_us = ori_clock_us() + WAIT_US_MAX;
    ori_status status = ORI_OK;
    pthread_mutex_lock(&credentials->lock);
    while (status == ORI_OK && now_s() >= credentials->renew_s) {
        if (!credentials->is_renewing) {
            status = renew(credentials, cancel, err);
            continue;
        }
        if (still_holds(credentials))
            break;
        if (ori_cancel_is_set(cancel))
            status = ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
        else if (ori_clock_us() >= deadline_us)
            status = ori_error_set(err, ORI_TIMEOUT, "credentials were not renewed in time");
        else
            ori_cond_wait(&credentials->renewed, &credentials->lock, ori_clock_us() + WAIT_US);
    }
    if (status == ORI_OK)
        *ret_keys = credentials->keys;
    pthread_mutex_unlock(&credentials->lock);
    return status;
}

bool ori_credentials_renew(struct ori_credentials *credentials)
{
    if (credentials->kind <= ORI_CREDENTIALS_SETTINGS)
        return false;
    pthread_mutex_lock(&credentials->lock);
    credentials->renew_s = 0;
    pthread_mutex_unlock(&credentials->lock);
    return true;
}
