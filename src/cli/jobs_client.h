#pragma once
/* cli/jobs_client.h: one call to a running server: its JSON, or what went wrong in one line.
 * Failure   err is for a person: what the server says it is (RFC 9457), or what to do when there is
 *           none. The status is NETWORK, TIMEOUT or LIMIT; for what the server refused NETWORK, and
 *           the code that the server gave is kept beside it
 * Threads   the main thread */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/cli.h"
#include "net/client.h"
#include "util/buf.h"

#define ORI_JOBS_CODE_BYTES 40

/* The options that ori_jobs_open reads: rows of a verb's table. */
#define ORI_JOBS_OPTION_SERVER                                                                     \
    {                                                                                              \
        .name = "server", .kind = ORI_CLI_TEXT, .argument = "URL",                                 \
        .doc = "the server; when not given, API_HOST and API_PORT of this machine"                 \
    }
#define ORI_JOBS_OPTION_KEY                                                                        \
    {                                                                                              \
        .name = "key", .kind = ORI_CLI_TEXT, .argument = "TEXT", .is_secret = true,                \
        .doc = "its key, when API_KEY is not it; a shell keeps a command line in its history"      \
    }
#define ORI_JOBS_OPTION_TIMEOUT                                                                    \
    {                                                                                              \
        .name = "timeout", .kind = ORI_CLI_WHOLE, .argument = "SECONDS", .min = 1, .max = 3600,    \
        .doc = "for each answer of the server; 30 when not given"                                  \
    }

struct ori_jobs_client {
    struct ori_net_client *net;
    char *server;    /* "http://127.0.0.1:8000", no slash at its end */
    const char *key; /* NULL or "": none; borrowed */
    int64_t timeout_us;
    const struct ori_log *log;
    const struct ori_cancel *cancel;
    char code[ORI_JOBS_CODE_BYTES]; /* of the last refusal; "": none was given */
};

/* As the verb's options --server, --key and --timeout say, which it has. cancel: borrowed. ORI_USAGE. */
ori_status ori_jobs_open(const struct ori_cli *cli, const struct ori_cancel *cancel,
                         struct ori_jobs_client *ret_client, struct ori_error *err);
void ori_jobs_close(struct ori_jobs_client *client); /* idempotent */
/* As ori_ending, but what the server refused carries the server's own code. */
enum ori_exit ori_jobs_ending(const struct ori_cli *cli, const struct ori_jobs_client *client,
                              ori_status status, const struct ori_error *err);

/* The base of every URL. server: as the user wrote it, NULL: from host and port of the settings
 * (an address that means "all" becomes loopback). ORI_USAGE when it is no such URL, or has a query;
 * *ret_base is malloc'ed, the caller frees. */
ori_status ori_jobs_base(const char *server, const char *host, int64_t port, char **ret_base,
                         struct ori_error *err);

/* A UUID in lower case, as the server gives them. */
bool ori_jobs_is_id(const char *text);

/* path: "/jobs?page=1". The answer's JSON object, the caller's to decref. retries: how often a call
 * that failed on its way is tried again; 0 for what changes something. */
ori_status ori_jobs_call(struct ori_jobs_client *client, const char *method, const char *path,
                         int retries, json_t **ret_answer, struct ori_error *err);

struct ori_jobs_request {
    const char *method;
    const char *path;
    const char *body; /* JSON; NULL: none */
    size_t body_bytes;
    const char *idempotency_key; /* NULL: none */
    int retries;                 /* as above; a request with an idempotency key may have some */
    bool wants_faults;           /* of a refusal, one by one */
};
struct ori_jobs_answer {
    json_t *json;           /* the caller's to decref; NULL on failure */
    json_t *faults;         /* likewise: "errors" of a refusal that were wanted; NULL: none */
    int http_status;        /* 0: there was no answer */
    int64_t retry_after_ms; /* -1: not said */
    bool is_passing;        /* a failure that may pass: nobody there, 429, 503 and their like */
    bool is_replay;         /* the idempotency key had made that job before */
};
/* ret_answer is filled in on failure too, but for its json. */
ori_status ori_jobs_ask(struct ori_jobs_client *client, const struct ori_jobs_request *request,
                        struct ori_jobs_answer *ret_answer, struct ori_error *err);

/* What an answer of that HTTP status says of itself; always an error. */
ori_status ori_jobs_refusal(int http_status, const char *content_type, const char *body,
                            size_t bytes, char ret_code[ORI_JOBS_CODE_BYTES],
                            struct ori_error *err);
