/* A request to be signed. Lines: path; then name=value of the query, raw, up to an empty line; then
 * headers. What is sent means what was asked, sorted as the reference says, and signing does not
 * depend on the order in which it was given. */
#include <stdio.h>

#include "fuzz_input.h"
#include "net/sigv4.h"
#include "util/limits.h"

enum { ROWS_MAX = ORI_LIMIT_MAX_SIGNED_PAIRS + 2 };

struct rows {
    struct ori_sigv4_pair rows[ROWS_MAX];
    size_t count;
};

static void read_rows(char **rest, char mark, struct rows *rows)
{
    for (char *line = fuzz_line(rest); *line && rows->count < ROWS_MAX; line = fuzz_line(rest)) {
        char *value = strchr(line, mark);
        if (value)
            *value++ = '\0';
        rows->rows[rows->count++] = (struct ori_sigv4_pair){line, value ? value : ""};
    }
}

static void turn(const struct rows *rows, struct rows *ret_turned)
{
    ret_turned->count = rows->count;
    for (size_t i = 0; i < rows->count; i++)
        ret_turned->rows[i] = rows->rows[rows->count - 1 - i];
}

static size_t count_in(const struct rows *rows, const struct ori_sigv4_pair *pair)
{
    size_t count = 0;
    for (size_t i = 0; i < rows->count; i++)
        count += strcmp(rows->rows[i].name, pair->name) == 0 &&
                 strcmp(rows->rows[i].value, pair->value) == 0;
    return count;
}

/* Sorted by what is sent, then read back. */
static void read_query(char *query, struct rows *ret_sent)
{
    ret_sent->count = 0;
    for (char *name = strsep(&query, "&"); name; name = strsep(&query, "&")) {
        char *value = strchr(name, '=');
        MUST(value && ret_sent->count < ROWS_MAX);
        *value++ = '\0';
        if (ret_sent->count > 0) {
            const struct ori_sigv4_pair *last = &ret_sent->rows[ret_sent->count - 1];
            const int order = strcmp(last->name, name);
            MUST(order < 0 || (order == 0 && strcmp(last->value, value) <= 0));
        }
        ret_sent->rows[ret_sent->count++] = (struct ori_sigv4_pair){name, value};
    }
    for (size_t i = 0; i < ret_sent->count; i++) { /* they point into query */
        fuzz_unescape((char *)ret_sent->rows[i].name);
        fuzz_unescape((char *)ret_sent->rows[i].value);
    }
}

/* "/path?a=1&b=2" as it is sent means what was asked for. */
static void check_target(const struct ori_sigv4_request *request, const struct rows *asked,
                         const char *target)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~/?=&%";
    struct rows sent = {.count = 0};
    char *copy = fuzz_text(target, strlen(target));
    char *query = copy;
    char *path = strsep(&query, "?");
    MUST(strspn(target, plain) == strlen(target));
    fuzz_unescape(path);
    MUST(strcmp(path, request->path) == 0 && (query != NULL) == (asked->count > 0));
    if (query)
        read_query(query, &sent);
    MUST(sent.count == asked->count);
    for (size_t i = 0; i < sent.count; i++)
        MUST(count_in(&sent, &sent.rows[i]) == count_in(asked, &sent.rows[i]));
    free(copy);
}

struct outcome {
    ori_status status;
    struct ori_buf target;
    struct ori_buf authorization;
    struct ori_buf presigned;
};

static struct outcome sign(const struct ori_sigv4_request *request)
{
    static const struct ori_sigv4_keys keys = {"AKIDEXAMPLE", "sesame", "token"};
    char date[ORI_SIGV4_TIME_BYTES];
    struct ori_error err = {0};
    struct outcome outcome;
    ori_buf_init(&outcome.target, ORI_LIMIT_MAX_NET_URL_BYTES);
    ori_buf_init(&outcome.authorization, ORI_LIMIT_MAX_NET_HEADER_BYTES);
    ori_buf_init(&outcome.presigned, ORI_LIMIT_MAX_NET_URL_BYTES);
    outcome.status = ori_sigv4_target(request, &outcome.target, &err);
    if (outcome.status == ORI_OK)
        outcome.status = ori_sigv4_sign(&keys, request, &outcome.authorization, date, &err);
    if (outcome.status == ORI_OK)
        outcome.status = ori_sigv4_presign(&keys, request, 60, &outcome.presigned, &err);
    if (outcome.status == ORI_OK) {
        MUST(strlen(date) == 16 && date[8] == 'T' && date[15] == 'Z');
    } else {
        fuzz_check_failure(outcome.status, &err);
        MUST(outcome.status == ORI_LIMIT);
    }
    return outcome;
}

static void drop(struct outcome *outcome)
{
    ori_buf_deinit(&outcome->target);
    ori_buf_deinit(&outcome->authorization);
    ori_buf_deinit(&outcome->presigned);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct rows query = {.count = 0};
    struct rows headers = {.count = 0};
    struct rows turned;
    char *text = fuzz_text(data, bytes);
    char *rest = text;
    const char *path = fuzz_line(&rest);
    read_rows(&rest, '=', &query);
    read_rows(&rest, ':', &headers);
    struct ori_sigv4_request request = {.method = "GET",
                                        .host = "bucket.example",
                                        .path = path[0] == '/' ? path : "/",
                                        .query = query.rows,
                                        .query_count = query.count,
                                        .headers = headers.rows,
                                        .headers_count = headers.count,
                                        .payload = ORI_SIGV4_UNSIGNED,
                                        .region = "us-east-1",
                                        .service = "s3",
                                        .time_s = 1369353600};
    struct outcome one = sign(&request);
    turn(&query, &turned);
    request.query = turned.rows;
    struct outcome other = sign(&request);
    MUST(one.status == other.status);
    if (one.status == ORI_OK) {
        check_target(&request, &query, ori_buf_text(&one.target));
        MUST(strcmp(ori_buf_text(&one.target), ori_buf_text(&other.target)) == 0);
        MUST(strcmp(ori_buf_text(&one.authorization), ori_buf_text(&other.authorization)) == 0);
        MUST(strcmp(ori_buf_text(&one.presigned), ori_buf_text(&other.presigned)) == 0);
    }
    drop(&one);
    drop(&other);
    free(text);
    return 0;
}
