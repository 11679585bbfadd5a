/* bench/bench_s3.c: objects to and from a bucket the way a video's run moves them; bench_stores.py starts
 * the server and has the same done by others. Prints seconds.
 * bench_s3 upload FILE...   stills of one video, read before the clock starts (pipeline/uploads.h)
 * bench_s3 read KEY         a video, block after block as its decoder asks for it
 *                           (pipeline/medium_remote.h)
 * bench_s3 url KEY          prints a signed URL to read it
 * Options: --endpoint URL --access KEY --secret KEY --bucket NAME [--connections N] [--folder PATH] */
#include <getopt.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "media/child_proto.h"
#include "net/client.h"
#include "net/credentials.h"
#include "net/s3_remote.h"
#include "pipeline/medium_remote.h"
#include "pipeline/uploads.h"
#include "util/clock.h"

enum { UNDER_WAY = 20 }; /* as many stills as a video has slots */

struct plan {
    struct ori_credentials_options keys;
    struct ori_s3_options s3;
    const char *bucket;
    const char *folder; /* for locks and for the file that stands in */
};

static struct plan read_plan(int argc, char **argv)
{
    static const struct option options[] = {{"endpoint", required_argument, NULL, 'e'},
                                            {"access", required_argument, NULL, 'a'},
                                            {"secret", required_argument, NULL, 's'},
                                            {"bucket", required_argument, NULL, 'b'},
                                            {"connections", required_argument, NULL, 'c'},
                                            {"folder", required_argument, NULL, 'f'},
                                            {NULL, 0, NULL, 0}};
    struct plan plan = {.keys = {.access_key_id = "",
                                 .secret_access_key = "",
                                 .session_token = "",
                                 .profile = "",
                                 .credentials_file = "",
                                 .config_file = "",
                                 .container_path = "",
                                 .container_url = "",
                                 .container_token = "",
                                 .container_token_file = ""},
                        .s3 = {.endpoint = "",
                               .region = "us-east-1",
                               .connections_max = 10,
                               .multipart_threshold = INT64_C(8) << 20},
                        .bucket = "bench",
                        .folder = "/tmp"};
    for (int c = 0; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'e')
            plan.s3.endpoint = optarg;
        else if (c == 'a')
            plan.keys.access_key_id = optarg;
        else if (c == 's')
            plan.keys.secret_access_key = optarg;
        else if (c == 'b')
            plan.bucket = optarg;
        else if (c == 'c')
            plan.s3.connections_max = (int)strtol(optarg, NULL, 10);
        else if (c == 'f')
            plan.folder = optarg;
        else
            exit(2);
    }
    return plan;
}

static double seconds_since(int64_t begin_us)
{
    return (double)(ori_clock_us() - begin_us) / 1e6;
}

/* ---- upload ---- */

struct still {
    struct ori_upload upload;
    uint8_t *data;
};

static ori_status load(const char *path, int number, struct still *still, struct ori_error *err)
{
    struct stat about;
    FILE *file = fopen(path, "rb");
    if (!file || fstat(fileno(file), &about) != 0)
        return ori_error_set(err, ORI_NOT_FOUND, "%s", path);
    still->data = malloc((size_t)about.st_size);
    if (!still->data || fread(still->data, 1, (size_t)about.st_size, file) != (size_t)about.st_size)
        return ori_error_set(err, ORI_IO, "%s", path);
    fclose(file);
    snprintf(still->upload.key, sizeof still->upload.key, "bench/ours/%d_%d.00.jpg", number + 1,
             number);
    still->upload.data = still->data;
    still->upload.bytes = (size_t)about.st_size;
    still->upload.content_type = "image/jpeg";
    return ORI_OK;
}

/* Collects one, and waits for it. */
static ori_status collect(struct ori_uploads *uploads, struct ori_error *err)
{
    struct ori_upload *upload = NULL;
    while (!(upload = ori_uploads_collect(uploads))) {
        struct pollfd ready = {.fd = ori_uploads_fd(uploads), .events = POLLIN};
        poll(&ready, 1, -1);
    }
    if (upload->status != ORI_OK)
        *err = upload->error;
    return upload->status;
}

static ori_status send_all(struct ori_blob_store *store, struct still *stills, int count,
                           struct ori_error *err)
{
    struct ori_uploads *uploads = NULL;
    ori_status status = ori_uploads_create(store, NULL, &uploads, err);
    for (int i = 0; i < count + UNDER_WAY && status == ORI_OK; i++) {
        if (i < count)
            ori_uploads_add(uploads, &stills[i].upload);
        if (i >= UNDER_WAY)
            status = collect(uploads, err);
    }
    ori_uploads_destroy(&uploads, 0);
    return status;
}

static ori_status upload(const struct plan *plan, struct ori_s3 *s3, char **paths, int count,
                         struct ori_error *err)
{
    struct ori_blob_store *store = NULL;
    const struct ori_blob_s3_options options = {
        .s3 = s3, .bucket = plan->bucket, .lock_folder = plan->folder};
    struct still *stills = calloc((size_t)count, sizeof *stills);
    ori_status status = stills ? ori_blob_open_s3(&options, &store, err) : ORI_NOMEM;
    for (int i = 0; i < count && status == ORI_OK; i++)
        status = load(paths[i], i, &stills[i], err);
    const int64_t begin_us = ori_clock_us();
    if (status == ORI_OK)
        status = send_all(store, stills, count, err);
    if (status == ORI_OK)
        printf("%.4f\n", seconds_since(begin_us));
    for (int i = 0; stills && i < count; i++)
        free(stills[i].data);
    free(stills);
    ori_blob_close(&store);
    return status;
}

/* ---- read ---- */

static ori_status read_all(struct ori_medium_remote *remote, int fd, int64_t bytes,
                           struct ori_error *err)
{
    static uint8_t block[ORI_CHILD_NEED_BLOCK];
    ori_status status = ORI_OK;
    for (int64_t at = 0; at < bytes && status == ORI_OK; at += (int64_t)sizeof block) {
        const int64_t left = bytes - at;
        const int64_t some = left < (int64_t)sizeof block ? left : (int64_t)sizeof block;
        status = ori_medium_remote_ensure(remote, at, some, NULL, err);
        if (status == ORI_OK && pread(fd, block, (size_t)some, at) != some)
            status = ori_error_set(err, ORI_IO, "%lld", (long long)at);
    }
    return status;
}

static ori_status read_video(const struct plan *plan, struct ori_s3 *s3, const char *key,
                             struct ori_error *err)
{
    struct ori_s3_remote object = {.s3 = s3, .name = {plan->bucket, key}};
    const struct ori_medium_place place = {
        .ops = &ori_s3_remote_ops, .object = &object, .name = key};
    struct ori_medium_remote *remote = NULL;
    int64_t bytes = 0;
    int fd = -1;
    const int64_t begin_us = ori_clock_us();
    ori_status status =
        ori_medium_remote_open(&place, 0, plan->folder, NULL, &remote, &fd, &bytes, err);
    if (status == ORI_OK)
        status = read_all(remote, fd, bytes, err);
    if (status == ORI_OK)
        printf("%.4f\n", seconds_since(begin_us));
    if (fd >= 0)
        close(fd);
    ori_medium_remote_destroy(&remote);
    return status;
}

static ori_status print_url(const struct plan *plan, struct ori_s3 *s3, const char *key,
                            struct ori_error *err)
{
    const struct ori_s3_name name = {plan->bucket, key};
    struct ori_buf url;
    ori_buf_init(&url, 16384);
    const ori_status status = ori_s3_presign(s3, "GET", &name, 3600, &url, err);
    if (status == ORI_OK)
        printf("%s\n", ori_buf_text(&url));
    ori_buf_deinit(&url);
    return status;
}

int main(int argc, char **argv)
{
    struct plan plan = read_plan(argc, argv);
    struct ori_credentials *credentials = NULL;
    struct ori_s3 *s3 = NULL;
    struct ori_error err = {0};
    const char *verb = optind < argc ? argv[optind] : "";
    if (optind + 1 >= argc)
        return 2;
    ori_status status = ori_net_global_init(&err);
    if (status == ORI_OK)
        status = ori_credentials_create(&plan.keys, NULL, &credentials, &err);
    plan.s3.credentials = credentials;
    if (status == ORI_OK)
        status = ori_s3_create(&plan.s3, &s3, &err);
    if (status == ORI_OK && strcmp(verb, "upload") == 0)
        status = upload(&plan, s3, argv + optind + 1, argc - optind - 1, &err);
    else if (status == ORI_OK && strcmp(verb, "read") == 0)
        status = read_video(&plan, s3, argv[optind + 1], &err);
    else if (status == ORI_OK)
        status = print_url(&plan, s3, argv[optind + 1], &err);
    if (status != ORI_OK)
        fprintf(stderr, "bench_s3: %s\n", err.text);
    ori_s3_destroy(&s3);
    ori_credentials_destroy(&credentials);
    ori_net_global_deinit();
    return status != ORI_OK;
}
