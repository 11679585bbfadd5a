#pragma once
/* A radosgw for the tests of one program: started before them, ended after them by its own script
 * (tests/s3/radosgw.py). ORIANE_TEST_S3="ENDPOINT ACCESS SECRET" names one that runs already. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/client.h"
#include "net/s3.h"
#include "util/clock.h"

static struct {
    char folder[64]; /* "": it was there before us */
    char endpoint[128];
    char access[64];
    char secret[128];
} s3_server;

/* What the script prints; its exit code. */
static int s3_server_call(const char *verb, char *ret_text, size_t text_bytes)
{
    int ends[2];
    size_t used = 0;
    int state = 0;
    if (pipe(ends) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execlp("/usr/bin/python3", "python3", ORI_TESTS_S3 "/radosgw.py", verb, s3_server.folder,
               (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    for (ssize_t got = 1; pid > 0 && got > 0 && used + 1 < text_bytes; used += (size_t)got) {
        got = read(ends[0], ret_text + used, text_bytes - 1 - used);
        got = got < 0 ? 0 : got;
    }
    ret_text[used] = '\0';
    close(ends[0]);
    if (pid < 0 || waitpid(pid, &state, 0) != pid)
        return -1;
    return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

/* 0; 77: it cannot run here, and why was said. */
static int s3_server_start(void)
{
    char text[512];
    const char *known = getenv("ORIANE_TEST_S3");
    int code = 0;
    if (known) {
        snprintf(text, sizeof text, "%s", known);
    } else {
        snprintf(s3_server.folder, sizeof s3_server.folder, "/tmp/ori-s3-XXXXXX");
        if (!mkdtemp(s3_server.folder))
            return -1;
        code = s3_server_call("start", text, sizeof text);
    }
    if (code == 0 && sscanf(text, "%127s %63s %127s", s3_server.endpoint, s3_server.access,
                            s3_server.secret) != 3)
        return -1;
    return code;
}

static void s3_server_stop(void)
{
    char text[512];
    if (s3_server.folder[0] == '\0')
        return;
    (void)s3_server_call("stop", text, sizeof text);
    pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", s3_server.folder, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
}

struct s3_client {
    struct ori_credentials *credentials;
    struct ori_s3 *s3;
};

static ori_status s3_client_open(const char *secret, int64_t threshold, int connections,
                                 struct s3_client *client, struct ori_error *err)
{
    const struct ori_credentials_options keys = {.access_key_id = s3_server.access,
                                                 .secret_access_key = secret,
                                                 .session_token = "",
                                                 .profile = "default",
                                                 .credentials_file = "",
                                                 .config_file = "",
                                                 .container_path = "",
                                                 .container_url = "",
                                                 .container_token = "",
                                                 .container_token_file = ""};
    *client = (struct s3_client){.s3 = NULL};
    ori_status status = ori_credentials_create(&keys, NULL, &client->credentials, err);
    const struct ori_s3_options options = {.endpoint = s3_server.endpoint,
                                           .region = "us-east-1",
                                           .credentials = client->credentials,
                                           .connections_max = connections,
                                           .multipart_threshold = threshold,
                                           .part_bytes = 5 << 20};
    return status == ORI_OK ? ori_s3_create(&options, &client->s3, err) : status;
}

static void s3_client_close(struct s3_client *client)
{
    ori_s3_destroy(&client->s3);
    ori_credentials_destroy(&client->credentials);
}

/* By a signed URL: buckets are none of the program's business. The status of the answer. */
static int s3_server_ask(struct ori_s3 *s3, const char *method, const struct ori_s3_name *name,
                         char *ret_url, size_t url_bytes)
{
    struct ori_net_client *client = NULL;
    struct ori_net_answer answer;
    struct ori_buf url;
    const struct ori_net_client_options options = {.connections_max = 1};
    ori_buf_init(&url, 16384);
    ori_net_answer_init(&answer);
    if (ori_s3_presign(s3, method, name, 60, &url, NULL) != ORI_OK ||
        ori_net_client_create(&options, &client, NULL) != ORI_OK)
        abort();
    const struct ori_net_request request = {.method = method,
                                            .url = ori_buf_text(&url),
                                            .is_repeatable = true,
                                            .deadline_us = ori_clock_us() + 30000000,
                                            .answer_bytes_max = 1 << 20};
    if (ori_net_fetch(client, &request, NULL, &answer, NULL) != ORI_OK)
        abort();
    if (ret_url)
        snprintf(ret_url, url_bytes, "%s", ori_buf_text(&url));
    const int status = answer.status;
    ori_net_answer_deinit(&answer);
    ori_net_client_destroy(&client);
    ori_buf_deinit(&url);
    return status;
}
