#pragma once
/* net/credentials.h: the keys that requests to S3 are signed with, and where they come from.
 * Order       the two settings; the profile in AWS_SHARED_CREDENTIALS_FILE, then in AWS_CONFIG_FILE;
 *             with use_endpoints the container's endpoint when its platform names one, else the
 *             instance's (IMDSv2 alone). The first that has keys is it, for good
 * Renewal     files are read again once a minute; keys of an endpoint are renewed
 *             ORI_CREDENTIALS_EARLY_S before they expire, by one thread, while the others go on with
 *             the old ones as long as those hold
 * Call order  create; get from any thread; destroy when nobody gets any more
 * Ownership   the options are copied, their log is borrowed
 * Failure     ORI_BAD_SETTING for half a pair, a named profile that is not there or has no keys of its
 *             own, a file that cannot be read; NETWORK, TIMEOUT, BAD_SETTING of endpoints. No message
 *             holds a key
 * Source      "Configuration and credential file settings", "Container credential provider" and "IMDS
 *             credential provider" of the AWS SDKs and Tools Reference Guide */
#include <stdbool.h>
#include <stdint.h>

#include "log/log.h"
#include "util/cancel.h"
#include "util/limits.h"
#include "util/status.h"

#define ORI_CREDENTIALS_EARLY_S 300

enum ori_credentials_kind {
    ORI_CREDENTIALS_NONE,
    ORI_CREDENTIALS_SETTINGS,
    ORI_CREDENTIALS_PROFILE,
    ORI_CREDENTIALS_CONTAINER,
    ORI_CREDENTIALS_INSTANCE
};

struct ori_credentials_options { /* texts are never NULL, "" is none */
    const char *access_key_id;
    const char *secret_access_key;
    const char *session_token;
    const char *profile;
    bool is_profile_named; /* it was asked for by name: without it there is no going on */
    const char *credentials_file;
    const char *config_file;
    bool use_endpoints;
    const char *container_path; /* AWS_CONTAINER_CREDENTIALS_RELATIVE_URI */
    const char *container_url;  /* AWS_CONTAINER_CREDENTIALS_FULL_URI */
    const char *container_token;
    const char *container_token_file;
    const char *container_host; /* NULL but in tests: in place of http://169.254.170.2 */
    const char *instance_host;  /* NULL but in tests: in place of http://169.254.169.254 */
    const struct ori_log *log;  /* may be NULL */
};

struct ori_credentials_keys {
    char access_key_id[ORI_LIMIT_MAX_AWS_KEY_BYTES + 1];
    char secret_access_key[ORI_LIMIT_MAX_AWS_KEY_BYTES + 1];
    char session_token[ORI_LIMIT_MAX_AWS_TOKEN_BYTES + 1]; /* "": none */
    int64_t expires_s;                                     /* wall clock; 0: never */
};

struct ori_credentials;

/* No keys anywhere is ORI_OK and the kind NONE. Asks an endpoint, where one is allowed, for a few
 * seconds at most. */
ori_status ori_credentials_create(const struct ori_credentials_options *options,
                                  const struct ori_cancel *cancel,
                                  struct ori_credentials **ret_credentials, struct ori_error *err);
void ori_credentials_destroy(struct ori_credentials **credentials); /* null-safe, nulls */

enum ori_credentials_kind ori_credentials_kind(const struct ori_credentials *credentials);
/* "settings", "profile", ...; static. */
const char *ori_credentials_kind_text(enum ori_credentials_kind kind);
/* The profile's region, "" when it names none; lives as long as the credentials. */
const char *ori_credentials_region(const struct ori_credentials *credentials);

/* Copies the keys; only when there are some. The caller wipes them: ori_credentials_wipe. */
ori_status ori_credentials_get(struct ori_credentials *credentials, const struct ori_cancel *cancel,
                               struct ori_credentials_keys *ret_keys, struct ori_error *err);
/* A store called them expired: the next get has them anew. True when that can help. */
bool ori_credentials_renew(struct ori_credentials *credentials);
void ori_credentials_wipe(struct ori_credentials_keys *keys);
