#pragma once
/* net/credentials_priv.h: the sources of keys; for credentials*.c alone. */
#include "net/client.h"
#include "net/credentials.h"

/* What a section of a file says; "" for what it does not. */
struct ori_profile {
    struct ori_credentials_keys keys;
    char region[65];
    bool is_found;    /* the section is there */
    char foreign[64]; /* a way to keys that this program does not know: role_arn, sso_session... */
};
/* Adds what section says to what is not set yet. A file that is not there, or "", says nothing;
 * ORI_BAD_SETTING for one that cannot be read and for a value that is too long. */
ori_status ori_profile_read(const char *file, const char *section, struct ori_profile *profile,
                            struct ori_error *err);

struct ori_credentials {
    struct ori_credentials_options options; /* its texts are owned */
    enum ori_credentials_kind kind;         /* immutable after create, as region */
    char region[65];
    struct ori_net_client *client; /* for endpoints; NULL without */
    pthread_mutex_t lock;
    pthread_cond_t renewed;
    struct ori_credentials_keys keys; /* lock, as all below */
    int64_t renew_s;                  /* wall clock: from then on they are to be had anew */
    bool is_renewing;
};

/* Asks the endpoint of that kind. */
ori_status ori_credentials_ask(struct ori_credentials *credentials, enum ori_credentials_kind kind,
                               const struct ori_cancel *cancel,
                               struct ori_credentials_keys *ret_keys, struct ori_error *err);

/* What endpoints say. ORI_BAD_SETTING: no keys; then ret_keys is wiped. */
ori_status ori_credentials_read_keys(const struct ori_net_answer *answer,
                                     struct ori_credentials_keys *ret_keys, struct ori_error *err);
/* The first line of a body: a token, or the name of a role. ORI_BAD_SETTING: empty, longer than
 * word_bytes with its NUL, or with blanks, control characters or what parts a URL in it. */
ori_status ori_credentials_read_word(const struct ori_net_answer *answer, char *ret_word,
                                     size_t word_bytes, struct ori_error *err);
