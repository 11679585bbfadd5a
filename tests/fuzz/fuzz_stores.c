/* What S3 and Qdrant answer, through whole calls: the one function that asks the net is replaced, and
 * takes its answers from the input. First line: which calls, a letter each; then answers, a line "===="
 * between two: a status, headers, an empty line, a body. After the last nobody answers any more. */
#include <math.h>
#include <stdio.h>
#include <strings.h>

#include "fuzz_input.h"
#include "net/client_priv.h"
#include "net/s3.h"
#include "stores/vector_qdrant_priv.h"
#include "util/limits.h"

#define NOW_S INT64_C(1700000000)
#define POINT "9a5dd0bc-6f0a-5c39-8f55-3fd0b8c24cf4"

enum { DIM = 3, CALLS_MAX = 8, PIECE = 5, GET_MAX = 64, RANGE = 8, HITS = 4 };

static char *answers; /* what is left of them; NULL: none */

/* ---- the net ---- */

ori_status __wrap_ori_net_fetch(struct ori_net_client *client,
                                const struct ori_net_request *request,
                                const struct ori_cancel *cancel, struct ori_net_answer *answer,
                                struct ori_error *err);

static char *next_answer(void)
{
    char *own = answers;
    char *mark = own ? strstr(own, "\n====\n") : NULL;
    answers = mark ? mark + 6 : NULL;
    if (mark)
        *mark = '\0';
    return own;
}

static bool is_kept(const struct ori_net_request *request, const char *name)
{
    for (size_t i = 0; request->keep && request->keep[i]; i++) {
        if (strcasecmp(request->keep[i], name) == 0)
            return true;
    }
    return false;
}

static void read_headers(char **rest, const struct ori_net_request *request,
                         struct ori_net_answer *answer)
{
    for (char *line = fuzz_line(rest); *line; line = fuzz_line(rest)) {
        char *value = strchr(line, ':');
        if (!value)
            continue;
        *value++ = '\0';
        value += strspn(value, " ");
        if (!value[0] || ori_text_has_control(value))
            continue; /* as the client does */
        if (strcasecmp(line, "Retry-After") == 0)
            answer->retry_after_ms = ori_net_retry_after_ms(value, NOW_S);
        if (is_kept(request, line)) {
            ori_buf_add(&answer->kept, line, strlen(line) + 1);
            ori_buf_add(&answer->kept, value, strlen(value) + 1);
        }
    }
}

static ori_status read_body(const char *body, const struct ori_net_request *request,
                            struct ori_net_answer *answer, struct ori_error *err)
{
    const size_t bytes = strlen(body);
    if (bytes > request->answer_bytes_max && !request->on_body)
        return ori_error_set(err, ORI_LIMIT, "the answer is longer than allowed");
    if (answer->status / 100 != 2 || !request->on_body) {
        ori_buf_init(&answer->body, bytes);
        ori_buf_add(&answer->body, body, bytes);
        return ORI_OK;
    }
    for (size_t at = 0; at < bytes; at += PIECE) {
        const size_t piece_bytes = bytes - at < PIECE ? bytes - at : PIECE;
        char *piece = fuzz_text(body + at, piece_bytes);
        const ori_status status = request->on_body(request->on_body_self, piece, piece_bytes, err);
        free(piece);
        if (status != ORI_OK)
            return status;
    }
    return ORI_OK;
}

ori_status __wrap_ori_net_fetch(struct ori_net_client *client,
                                const struct ori_net_request *request,
                                const struct ori_cancel *cancel, struct ori_net_answer *answer,
                                struct ori_error *err)
{
    int64_t status = 0;
    char *rest = next_answer();
    (void)cancel;
    MUST(client && ori_net_check_long_url(request->url, ORI_NET_GUARD_NONE, NULL, NULL) == ORI_OK);
    for (size_t i = 0; i < request->headers_count; i++)
        MUST(!ori_text_has_control(request->headers[i].value));
    ori_net_answer_deinit(answer);
    ori_net_answer_init(answer);
    if (!rest || !ori_text_to_int(fuzz_line(&rest), &status) || status < 200 || status > 999)
        return ori_error_set(err, ORI_NETWORK, "nobody answers");
    answer->status = (int)status;
    answer->attempts = 1;
    read_headers(&rest, request, answer);
    return read_body(rest ? rest : "", request, answer, err);
}

/* ---- S3 ---- */

static const struct ori_s3_name name = {"frames", "p/c/1_0.00.png"};

static ori_status see_key(void *self, const char *key, int64_t bytes, struct ori_error *err)
{
    size_t *seen = self;
    (void)bytes, (void)err;
    MUST(key && ++*seen <= 8 * ORI_LIMIT_MAX_S3_PAGE_KEYS);
    return ORI_OK;
}

static ori_status get_object(struct ori_s3 *s3, struct ori_error *err)
{
    uint8_t *data = NULL;
    size_t bytes = 0;
    const ori_status status = ori_s3_get(s3, &name, GET_MAX, &data, &bytes, NULL, err);
    MUST(status == ORI_OK ? data && bytes <= GET_MAX && data[bytes] == 0 : !data);
    free(data);
    return status;
}

static ori_status head_object(struct ori_s3 *s3, struct ori_error *err)
{
    struct ori_s3_facts facts;
    const ori_status status = ori_s3_head(s3, &name, &facts, NULL, err);
    if (status == ORI_OK)
        MUST(facts.bytes >= 0 && facts.modified_s >= 0 && strlen(facts.etag) < sizeof facts.etag);
    return status;
}

static ori_status call_s3(struct ori_s3 *s3, char letter, struct ori_error *err)
{
    uint8_t data[RANGE] = "01234567";
    size_t seen = 0;
    switch (letter) {
    case 'l':
        return ori_s3_list(s3, name.bucket, "p/", NULL, see_key, &seen, NULL, err);
    case 'f':
        return ori_s3_list_folders(s3, name.bucket, "p/", see_key, &seen, NULL, err);
    case 'c':
        return ori_s3_check(s3, name.bucket, NULL, err);
    case 'g':
        return get_object(s3, err);
    case 'r':
        return ori_s3_read(s3, &name, "\"a\"", 4, data, RANGE, NULL, err);
    case 'h':
        return head_object(s3, err);
    case 'd':
        return ori_s3_delete(s3, &name, NULL, err);
    case 'p':
        return ori_s3_put(s3, &name, data, 2, "image/png", NULL, err);
    case 'm': /* in parts, of which there is one */
        return ori_s3_put(s3, &name, data, RANGE, "image/png", NULL, err);
    default:
        return ORI_OK;
    }
}

static struct ori_credentials *make_credentials(void)
{
    static struct ori_credentials *made;
    const struct ori_credentials_options options = {.access_key_id = "AKIDEXAMPLE",
                                                    .secret_access_key = "secret",
                                                    .session_token = "",
                                                    .profile = "default",
                                                    .credentials_file = "",
                                                    .config_file = "",
                                                    .container_path = "",
                                                    .container_url = "",
                                                    .container_token = "",
                                                    .container_token_file = ""};
    if (!made)
        MUST(ori_credentials_create(&options, NULL, &made, NULL) == ORI_OK);
    return made;
}

static void ask_s3(const char *letters)
{
    const struct ori_s3_options options = {.endpoint = "",
                                           .region = "us-east-1",
                                           .credentials = make_credentials(),
                                           .connections_max = 1,
                                           .multipart_threshold = 4,
                                           .part_bytes = RANGE};
    struct ori_s3 *s3 = NULL;
    MUST(ori_s3_create(&options, &s3, NULL) == ORI_OK);
    for (size_t i = 0; letters[i] && i < CALLS_MAX; i++) {
        struct ori_error err = {0};
        const ori_status status = call_s3(s3, letters[i], &err);
        if (status != ORI_OK)
            fuzz_check_failure(status, &err);
    }
    ori_s3_destroy(&s3);
}

/* ---- Qdrant ---- */

static ori_status see_point(void *self, const struct ori_vector_seen *point, struct ori_error *err)
{
    (void)self, (void)err;
    MUST(point->id[0] && strlen(point->id) < sizeof point->id);
    MUST(!point->platform || strlen(point->platform) <= ORI_LIMIT_MAX_CODE_CHARS);
    MUST(!point->payload || !point->wrong);
    if (point->payload)
        MUST(strcmp(point->payload->uuid, point->id) == 0 &&
             isfinite(point->payload->frame_second) &&
             strlen(point->payload->path) <= ORI_LIMIT_MAX_BLOB_KEY_BYTES);
    return ORI_OK;
}

static ori_status search(struct ori_vector_store *store, const float *vector, struct ori_error *err)
{
    const struct ori_vector_filter filter = {.platform = "p", .second_min = -1, .second_max = 9};
    struct ori_hits hits = {0};
    const ori_status status = ori_vector_search(store, vector, HITS, &filter, NULL, &hits, err);
    MUST(status == ORI_OK ? hits.count <= HITS : hits.count == 0);
    for (size_t i = 0; i < hits.count; i++)
        MUST(isfinite(hits.hits[i].score) &&
             (i == 0 || hits.hits[i].score <= hits.hits[i - 1].score));
    ori_hits_deinit(&hits);
    return status;
}

static ori_status get_vector(struct ori_vector_store *store, struct ori_error *err)
{
    float vector[DIM];
    const ori_status status = ori_vector_get(store, POINT, vector, err);
    for (int i = 0; i < DIM && status == ORI_OK; i++)
        MUST(isfinite(vector[i]));
    return status;
}

static ori_status count(struct ori_vector_store *store, struct ori_error *err)
{
    const struct ori_vector_filter filter = {.video_code = "c", .second_min = -1, .second_max = -1};
    int64_t found = -1;
    const ori_status status = ori_vector_count(store, &filter, &found, err);
    MUST(status != ORI_OK || found >= 0);
    return status;
}

static ori_status call_qdrant(struct ori_vector_store *store, char letter, struct ori_error *err)
{
    static const float vector[DIM] = {1, 2, 3};
    static const char ids[1][ORI_UUID_TEXT_BYTES] = {POINT};
    static const struct ori_point point = {.payload = {.uuid = POINT,
                                                       .platform = "p",
                                                       .video_code = "c",
                                                       .frame_number = 1,
                                                       .path = "p/c/1_0.00.png",
                                                       .created_at = "2026-01-31T23:59:59Z",
                                                       .width = 64,
                                                       .height = 48,
                                                       .scene = 1,
                                                       .dhash = "00ff00ff00ff00ff",
                                                       .model = "m"},
                                           .vector = vector};
    switch (letter) {
    case 's':
        return search(store, vector, err);
    case 'v':
        return get_vector(store, err);
    case 'n':
        return count(store, err);
    case 'P':
        return ori_vector_list_points(store, "p", "c", see_point, NULL, NULL, err);
    case 'V':
        return ori_vector_list_videos(store, see_point, NULL, NULL, err);
    case 'x':
        return ori_vector_replace_video(store, "p", "c", &point, 1, err);
    case 'D':
        return ori_vector_delete_points(store, "p", "c", ids, 1, NULL, err);
    case 'b':
        return ori_vector_probe(store, NULL, err);
    case 'k':
        return ori_vector_check(store, NULL, err);
    default:
        return ORI_OK;
    }
}

static void ask_qdrant(const char *letters)
{
    const struct ori_vector_qdrant_options options = {.url = "http://192.0.2.1:6333",
                                                      .key = "key",
                                                      .collection = "c",
                                                      .model = "m",
                                                      .digest = "d",
                                                      .dim = DIM,
                                                      .distance = "cosine",
                                                      .connections_max = 1,
                                                      .batch_size = 4,
                                                      .shards = 1,
                                                      .replication = 1,
                                                      .opens_refused = true};
    struct ori_vector_store *store = NULL;
    struct ori_error opening = {0};
    const ori_status opened = ori_vector_open_qdrant(&options, &store, &opening);
    if (opened != ORI_OK) {
        MUST(!store);
        fuzz_check_failure(opened, &opening);
        return;
    }
    for (size_t i = 0; letters[i] && i < CALLS_MAX; i++) {
        struct ori_error err = {0};
        const ori_status status = call_qdrant(store, letters[i], &err);
        if (status != ORI_OK)
            fuzz_check_failure(status, &err);
    }
    ori_vector_close(&store);
}

/* 'Q' in front: Qdrant, else S3. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static bool is_begun;
    char *text = fuzz_text(data, bytes);
    char *rest = text;
    if (!is_begun)
        MUST(ori_net_global_init(NULL) == ORI_OK);
    is_begun = true;
    const char *letters = fuzz_line(&rest);
    answers = rest;
    if (letters[0] == 'Q')
        ask_qdrant(letters + 1);
    else
        ask_s3(letters);
    free(text);
    return 0;
}
