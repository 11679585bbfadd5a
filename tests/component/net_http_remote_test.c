/* A file behind a URL: servers that know ranges, that do not, that break off, change and lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/http_remote.h"
#include "scripted_server.h"
#include "util/clock.h"
#include "util/limits.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define FILE_BYTES INT64_C(300000)
#define WANTED INT64_C(65536)
#define MODIFIED INT64_C(1369353600)
#define DATE "Fri, 24 May 2013 00:00:00 GMT"

enum mode {
    GOOD,      /* ranges, as RFC 9110 has them */
    WHOLE,     /* 200 whatever is asked for */
    CHUNKED,   /* the same without a length */
    TO_CLOSE,  /* and the same up to the end of the connection */
    FIRST_OFF, /* Content-Range begins a byte later */
    LAST_OFF,  /* or ends one later */
    TOTAL_OFF, /* another total with each answer */
    NO_TOTAL,  /* "/ *" */
    NO_RANGE,  /* 206 without Content-Range */
    NOT_BYTES,
    PART_ALWAYS, /* 206 although nothing was asked for */
    LESS,        /* fewer bytes, in chunks, than the Content-Range says */
    MORE,        /* more */
    SMALL,       /* 4000 bytes a time, rightly said */
    TINY,        /* one */
    GZIP,
    NO_SUCH_RANGE, /* 416 to each range */
    EMPTY,         /* 416, and of no bytes */
    ENDLESS,       /* chunks for ever, or long enough */
    NOTHING,       /* 204 */
};

static struct {
    enum mode mode;
    int status; /* not 0: this for every request */
    const char *etag;
    const char *modified;
    const char *more; /* headers */
    int64_t bytes;
    int64_t breaks_at; /* after so many bytes of a body the connection ends; 0: never */
    atomic_int breaks; /* so often */
    bool knows_if_range;
    bool doubts_if_range; /* takes no validator for strong */
    int signature;        /* what /signed?s=N must say */
} world;

static struct ori_network_list *allowed;
static struct ori_net_client *client;
static struct ori_http_remote *remote;
static uint8_t *sunk; /* what the sink got */
static int64_t sunk_bytes;

static uint8_t byte_at(int64_t offset)
{
    return (uint8_t)((uint64_t)offset * UINT64_C(0x9E3779B97F4A7C15) >> 56);
}

/* ---- the server ---- */

static void head_of(FILE *out, int status)
{
    fprintf(out, "HTTP/1.1 %d X\r\n", status);
    if (world.etag)
        fprintf(out, "ETag: %s\r\n", world.etag);
    if (world.modified)
        fprintf(out, "Last-Modified: %s\r\n", world.modified);
    fputs(world.more ? world.more : "", out);
}

/* False: it broke off. */
static bool body_of(FILE *out, int64_t first, int64_t bytes, bool is_chunked)
{
    const bool breaks =
        world.breaks_at > 0 && bytes > world.breaks_at && atomic_fetch_sub(&world.breaks, 1) > 0;
    const int64_t sent = breaks ? world.breaks_at : bytes;
    for (int64_t at = 0; at < sent; at += 1000) {
        const int64_t piece = sent - at < 1000 ? sent - at : 1000;
        if (is_chunked)
            fprintf(out, "%llx\r\n", (long long)piece);
        for (int64_t i = 0; i < piece; i++)
            fputc(byte_at(first + at + i), out);
        if (is_chunked)
            fputs("\r\n", out);
    }
    if (is_chunked && !breaks)
        fputs("0\r\n\r\n", out);
    return !breaks;
}

static bool say_whole(FILE *out)
{
    head_of(out, 200);
    if (world.mode == CHUNKED || world.mode == ENDLESS) {
        fputs("Transfer-Encoding: chunked\r\n\r\n", out);
        return body_of(out, 0, world.bytes, true);
    }
    if (world.mode != TO_CLOSE)
        fprintf(out, "Content-Length: %lld\r\n", (long long)world.bytes);
    fputs("\r\n", out);
    return body_of(out, 0, world.bytes, false) && world.mode != TO_CLOSE;
}

static bool say_part(FILE *out, int number, int64_t first, int64_t last)
{
    const int64_t off = world.mode == FIRST_OFF;
    const bool is_chunked = world.mode == LESS || world.mode == MORE;
    int64_t total = world.bytes + (world.mode == TOTAL_OFF ? number : 0);
    if (world.mode == SMALL && last - first >= 4000)
        last = first + 3999;
    if (world.mode == TINY)
        last = first;
    const int64_t bytes = last - first + 1 + (world.mode == MORE) - (world.mode == LESS);
    head_of(out, 206);
    if (world.mode == NO_TOTAL)
        fprintf(out, "Content-Range: bytes %lld-%lld/*\r\n", (long long)first, (long long)last);
    else if (world.mode != NO_RANGE)
        fprintf(out, "Content-Range: %s %lld-%lld/%lld\r\n",
                world.mode == NOT_BYTES ? "seconds" : "bytes", (long long)(first + off),
                (long long)(last + off + (world.mode == LAST_OFF)), (long long)total);
    if (is_chunked)
        fputs("Transfer-Encoding: chunked\r\n\r\n", out);
    else
        fprintf(out, "Content-Length: %lld\r\n\r\n", (long long)bytes);
    return body_of(out, first, bytes, is_chunked);
}

static bool has_if_range(const char *head)
{
    char line[256];
    snprintf(line, sizeof line, "\r\nIf-Range: %s\r\n", world.etag ? world.etag : world.modified);
    return !strcasestr(head, "\r\nIf-Range:") || strcasestr(head, line);
}

static bool redirect_to(FILE *out, int status, const char *location)
{
    char line[512];
    snprintf(line, sizeof line, "Location: %s\r\n", location);
    return scripted_say(out, status, line, "<a href>elsewhere</a>");
}

/* /again/N leads to /again/N-1 and at last to /file; /way leads to the signed URL of the moment. */
static bool redirect(const char *head, FILE *out, bool *ret_is_well)
{
    int n = 0;
    char there[256];
    if (sscanf(head, "GET /again/%d ", &n) == 1 && n > 0) {
        snprintf(there, sizeof there, n == 1 ? "/file" : "%d", n - 1);
        *ret_is_well = redirect_to(out, n % 2 ? 302 : 307, there);
        return true;
    }
    if (strncmp(head, "GET /way ", 9) == 0) {
        snprintf(there, sizeof there, "http://127.0.0.1:%d/signed?s=%d", scripted.port,
                 world.signature);
        *ret_is_well = redirect_to(out, 303, there);
        return true;
    }
    if (sscanf(head, "GET /signed?s=%d ", &n) == 1 && n != world.signature) {
        *ret_is_well = scripted_say(out, 403, "", "over");
        return true;
    }
    if (sscanf(head, "GET /to/%255s ", there) == 1) {
        *ret_is_well = redirect_to(out, 302, there);
        return true;
    }
    return false;
}

static bool play(int number, const char *head, FILE *out)
{
    long long first = 0;
    long long last = 0;
    bool is_well = true;
    const char *line = strcasestr(head, "\r\nRange: bytes=");
    const int found = line ? sscanf(line, "\r\nRange: bytes=%lld-%lld", &first, &last) : 0;
    if (redirect(head, out, &is_well))
        return is_well;
    if (world.status != 0)
        return scripted_say(out, world.status, world.more ? world.more : "", "no");
    if (world.mode == NOTHING) {
        fputs("HTTP/1.1 204 X\r\n\r\n", out);
        return true;
    }
    if (world.mode == EMPTY)
        return found ? scripted_say(out, 416, "Content-Range: bytes */0\r\n", "")
                     : scripted_say(out, 200, "", "");
    if (world.mode == NO_SUCH_RANGE && found)
        return scripted_say(out, 416, "", "");
    if (found == 1 || last >= world.bytes)
        last = world.bytes - 1;
    if (world.mode == PART_ALWAYS)
        return say_part(out, number, found ? first + 1 : 0, last ? last : world.bytes - 1);
    if (found == 0 || world.mode == WHOLE || world.mode == CHUNKED || world.mode == TO_CLOSE ||
        world.mode == ENDLESS || world.mode == NO_SUCH_RANGE ||
        (world.knows_if_range && !has_if_range(head)) ||
        (world.doubts_if_range && strcasestr(head, "\r\nIf-Range:")))
        return say_whole(out);
    if (first > last)
        return scripted_say(out, 416, "", "");
    return say_part(out, number, first, last);
}

/* ---- the world ---- */

static int begin(void **state)
{
    if (scripted_start(state) != 0 ||
        ori_network_list_create("127.0.0.1", &allowed, NULL) != ORI_OK)
        return -1;
    scripted.play = play;
    memset(&world, 0, sizeof world);
    world.bytes = FILE_BYTES;
    world.etag = "\"one\"";
    world.modified = DATE;
    const struct ori_net_client_options options = {.allowed = allowed, .connections_max = 2};
    return ori_net_client_create(&options, &client, NULL);
}

static int end(void **state)
{
    ori_http_remote_destroy(&remote);
    ori_net_client_destroy(&client);
    ori_network_list_destroy(&allowed);
    free(sunk);
    sunk = NULL;
    return scripted_end(state);
}

static ori_status sink(void *self, int64_t offset, const void *data, size_t bytes,
                       struct ori_error *err)
{
    (void)self;
    (void)err;
    assert_true(offset <= sunk_bytes);
    sunk = realloc(sunk, (size_t)offset + bytes);
    assert_non_null(sunk);
    memcpy(sunk + offset, data, bytes);
    sunk_bytes = offset + (int64_t)bytes;
    return ORI_OK;
}

static ori_status open_at(const char *path, int64_t bytes_max, struct ori_remote_facts *facts,
                          const struct ori_wait *wait, struct ori_error *err)
{
    char url[512];
    const struct ori_remote_sink to = {.wanted = WANTED, .write = sink};
    ori_http_remote_destroy(&remote);
    sunk_bytes = 0;
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", scripted.port, path);
    assert_int_equal(ori_http_remote_create(client, url, NULL, &remote, err), ORI_OK);
    ori_status status = ori_http_remote_ops.open(remote, bytes_max, &to, facts, wait, err);
    assert_int_equal(status, err->status);
    if (status != ORI_OK)
        print_message("%s\n", err->text);
    return status;
}

static ori_status read_at(int64_t offset, int64_t bytes, struct ori_error *err)
{
    uint8_t *data = malloc((size_t)bytes);
    assert_non_null(data);
    ori_status status =
        ori_http_remote_ops.read(remote, "", offset, data, (size_t)bytes, NULL, err);
    if (status != ORI_OK)
        print_message("%s\n", err->text);
    for (int64_t i = 0; i < bytes && status == ORI_OK; i++) {
        if (data[i] != byte_at(offset + i))
            fail_msg("byte %lld", (long long)(offset + i));
    }
    free(data);
    return status;
}

static void expect_sunk(int64_t bytes)
{
    assert_int_equal(sunk_bytes, bytes);
    for (int64_t i = 0; i < bytes; i++) {
        if (sunk[i] != byte_at(i))
            fail_msg("byte %lld of the sink", (long long)i);
    }
}

/* ---- what goes well ---- */

static void by_ranges(void **state)
{
    (void)state;
    struct ori_remote_facts facts;
    struct ori_error err = {0};
    char value[512];
    assert_int_equal(open_at("/file?secret", 0, &facts, NULL, &err), ORI_OK);
    assert_int_equal(facts.bytes, FILE_BYTES);
    assert_int_equal(facts.head_bytes, WANTED);
    assert_int_equal(facts.modified_s, MODIFIED);
    assert_string_equal(facts.etag, "\"one\"");
    expect_sunk(WANTED);
    assert_int_equal(atomic_load(&scripted.requests), 1);
    assert_int_equal(read_at(WANTED, FILE_BYTES - WANTED, &err), ORI_OK);
    assert_int_equal(read_at(FILE_BYTES - 1, 1, &err), ORI_OK);
    assert_int_equal(read_at(0, 1, &err), ORI_OK);
    assert_int_equal(atomic_load(&scripted.requests), 4);
    assert_int_equal(atomic_load(&scripted.open_most), 1);
    assert_string_equal(scripted_header(0, "Range", value), "bytes=0-65535");
    assert_string_equal(scripted_header(0, "If-Range", value), "");
    assert_string_equal(scripted_header(1, "Range", value), "bytes=65536-299999");
    assert_string_equal(scripted_header(1, "If-Range", value), "\"one\"");
    static const char *const none[] = {"Authorization", "Cookie", "Referer", "Content-Type"};
    for (size_t i = 0; i < COUNT_OF(none); i++)
        assert_string_equal(scripted_header(1, none[i], value), "");
    assert_string_equal(scripted_header(1, "Accept-Encoding", value), "identity");
}

static void sizes(void **state)
{
    (void)state;
    static const int64_t rows[] = {1, WANTED - 1, WANTED, WANTED + 1, 3 * WANTED};
    static const enum mode modes[] = {GOOD,  WHOLE,    CHUNKED,  TO_CLOSE,  NO_SUCH_RANGE,
                                      SMALL, NO_TOTAL, NO_RANGE, NOT_BYTES, FIRST_OFF};
    for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(modes); i++) {
        struct ori_remote_facts facts;
        struct ori_error err = {0};
        world.bytes = rows[i / COUNT_OF(modes)];
        world.mode = modes[i % COUNT_OF(modes)];
        print_message("%lld bytes, mode %d\n", (long long)world.bytes, (int)world.mode);
        assert_int_equal(open_at("/file", world.bytes, &facts, NULL, &err), ORI_OK);
        assert_int_equal(facts.bytes, world.bytes);
        expect_sunk(facts.head_bytes);
        if (facts.head_bytes < facts.bytes)
            assert_int_equal(read_at(0, facts.bytes, &err), ORI_OK);
    }
}

static void validators(void **state)
{
    (void)state;
    static const struct {
        const char *etag;
        const char *modified;
        const char *if_range;
        int64_t modified_s;
    } rows[] = {
        {"\"a\"", DATE, "\"a\"", MODIFIED},
        {"W/\"a\"", DATE, DATE, MODIFIED},
        {NULL, DATE, DATE, MODIFIED},
        {"W/\"a\"", NULL, "", 0},
        {NULL, NULL, "", 0},
        {"a", "yesterday", "", 0},
        {NULL, "Sun, 99 Foo 2013", "", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_remote_facts facts;
        struct ori_error err = {0};
        char value[512];
        world.etag = rows[i].etag;
        world.modified = rows[i].modified;
        const int before = atomic_load(&scripted.requests);
        assert_int_equal(open_at("/file", 0, &facts, NULL, &err), ORI_OK);
        assert_int_equal(facts.modified_s, rows[i].modified_s);
        assert_int_equal(read_at(WANTED, 1000, &err), ORI_OK);
        assert_string_equal(scripted_header(before + 1, "If-Range", value), rows[i].if_range);
    }
}

static void names(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *name;
    } rows[] = {
        {"https://example.com/a/clip.mp4", "clip.mp4"},
        {"https://example.com/a/clip.mp4?x=/y.mkv#z", "clip.mp4"},
        {"https://example.com/a%20b%c3%a9.mp4", "a b\xC3\xA9.mp4"},
        {"https://example.com/a%00b.mp4", "a%00b.mp4"},
        {"https://example.com/a/", "example.com"},
        {"https://example.com", "example.com"},
        {"https://example.com:8443?x", "example.com"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_http_remote *one = NULL;
        assert_int_equal(ori_http_remote_create(client, rows[i].url, NULL, &one, NULL), ORI_OK);
        assert_string_equal(ori_http_remote_name(one), rows[i].name);
        ori_http_remote_destroy(&one);
        ori_http_remote_destroy(&one);
    }
    struct ori_http_remote *one = NULL;
    assert_int_equal(
        ori_http_remote_create(client, "https://user:pass@example.com/", NULL, &one, NULL),
        ORI_URL_REFUSED);
    assert_int_equal(ori_http_remote_create(client, "file:///etc/passwd", NULL, &one, NULL),
                     ORI_URL_REFUSED);
    assert_null(one);
}

/* ---- what breaks off ---- */

static void breaks(void **state)
{
    (void)state;
    static const struct {
        enum mode mode;
        const char *etag;
        int breaks;
        int64_t at;
        ori_status status; /* of open, else of reading all */
        int requests;
    } rows[] = {
        {GOOD, "\"a\"", 0, 0, ORI_OK, 2},
        {GOOD, "\"a\"", 1, 1000, ORI_OK, 2}, /* in open: the rest is read later */
        {GOOD, "\"a\"", 5, 50000, ORI_OK, 6},
        {GOOD, "\"a\"", 6, 30000, ORI_OK, 7},
        {GOOD, "\"a\"", 7, 30000, ORI_NETWORK, 7},
        {GOOD, NULL, 3, 50000, ORI_OK, 4},
        {WHOLE, "\"a\"", 1, 50000, ORI_OK, 2}, /* from the start, for it knows no ranges */
        {WHOLE, "\"a\"", 5, 50000, ORI_OK, 6},
        {WHOLE, "\"a\"", 6, 50000, ORI_NETWORK, 6},
        {WHOLE, NULL, 2, 50000, ORI_OK, 3},
        {CHUNKED, "\"a\"", 2, 50000, ORI_OK, 3},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_remote_facts facts;
        struct ori_error err = {0};
        print_message("row %zu\n", i);
        world.mode = rows[i].mode;
        world.etag = rows[i].etag;
        world.modified = NULL;
        world.breaks_at = rows[i].at;
        atomic_store(&world.breaks, rows[i].breaks);
        const int before = atomic_load(&scripted.requests);
        ori_status status = open_at("/file", 0, &facts, NULL, &err);
        if (status == ORI_OK) {
            assert_int_equal(facts.bytes, FILE_BYTES);
            expect_sunk(facts.head_bytes);
            if (facts.head_bytes < facts.bytes)
                status = read_at(facts.head_bytes, facts.bytes - facts.head_bytes, &err);
        }
        assert_int_equal(status, rows[i].status);
        assert_int_equal(atomic_load(&scripted.requests) - before, rows[i].requests);
    }
}

/* It says 200 to the first request, but knows ranges where If-Range comes with them. */
static bool play_resume(int number, const char *head, FILE *out)
{
    if (!strcasestr(head, "\r\nIf-Range:"))
        world.mode = WHOLE;
    else
        world.mode = GOOD;
    return play(number, head, out);
}

static void a_whole_that_goes_on_by_ranges(void **state)
{
    (void)state;
    struct ori_remote_facts facts;
    struct ori_error err = {0};
    char value[512];
    scripted.play = play_resume;
    world.breaks_at = 100000;
    atomic_store(&world.breaks, 2);
    assert_int_equal(open_at("/file", 0, &facts, NULL, &err), ORI_OK);
    expect_sunk(FILE_BYTES);
    assert_int_equal(atomic_load(&scripted.requests), 3);
    assert_string_equal(scripted_header(1, "Range", value), "bytes=100000-");
    assert_string_equal(scripted_header(2, "Range", value), "bytes=200000-");
}

/* Replaced while it is fetched as a whole: from the start, and nothing of the old one stays. */
static bool play_replaced(int number, const char *head, FILE *out)
{
    if (number == 1) {
        world.etag = "\"two\"";
        world.bytes = 90000;
    }
    world.mode = number == 0 ? WHOLE : GOOD;
    return play(number, head, out);
}

static void a_whole_that_is_replaced_meanwhile(void **state)
{
    (void)state;
    for (int knows = 0; knows < 2; knows++) {
        struct ori_remote_facts facts;
        struct ori_error err = {0};
        world.etag = "\"one\"";
        world.bytes = FILE_BYTES;
        world.knows_if_range = knows;
        world.breaks_at = 100000;
        atomic_store(&world.breaks, 1);
        atomic_store(&scripted.requests, 0);
        scripted.play = play_replaced;
        assert_int_equal(open_at("/file", 0, &facts, NULL, &err), ORI_OK);
        assert_int_equal(facts.bytes, 90000);
        assert_string_equal(facts.etag, "\"two\"");
        expect_sunk(facts.head_bytes);
    }
}

/* ---- what changes ---- */

static void replaced_between_pieces(void **state)
{
    (void)state;
    static const struct {
        const char *etag;
        const char *modified;
        int64_t bytes;
        bool knows_if_range;
        int status;
        ori_status expected;
    } rows[] = {
        {"\"one\"", DATE, FILE_BYTES, true, 0, ORI_OK},
        {"\"two\"", DATE, FILE_BYTES, true, 0, ORI_SOURCE_CHANGED},
        {"\"two\"", DATE, FILE_BYTES, false, 0, ORI_SOURCE_CHANGED},
        {"\"one\"", DATE, FILE_BYTES + 1, false, 0, ORI_SOURCE_CHANGED},
        {"\"one\"", DATE, 2000, false, 0, ORI_SOURCE_CHANGED},
        {NULL, "Sat, 25 May 2013 00:00:00 GMT", FILE_BYTES, false, 0, ORI_SOURCE_CHANGED},
        {NULL, NULL, FILE_BYTES, false, 0, ORI_OK}, /* no word of it: by its length */
        {"W/\"one\"", DATE, FILE_BYTES, false, 0, ORI_OK},
        {"\"one\"", DATE, FILE_BYTES, true, 412, ORI_SOURCE_CHANGED},
        {"\"one\"", DATE, FILE_BYTES, true, 416, ORI_SOURCE_CHANGED},
        {"\"one\"", DATE, FILE_BYTES, true, 404, ORI_NOT_FOUND},
        {"\"one\"", DATE, FILE_BYTES, true, 403, ORI_NOT_READABLE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_remote_facts facts;
        struct ori_error err = {0};
        world.etag = "\"one\"";
        world.modified = DATE;
        world.bytes = FILE_BYTES;
        world.status = 0;
        assert_int_equal(open_at("/file", 0, &facts, NULL, &err), ORI_OK);
        world.etag = rows[i].etag;
        world.modified = rows[i].modified;
        world.bytes = rows[i].bytes;
        world.knows_if_range = rows[i].knows_if_range;
        world.status = rows[i].status;
        print_message("row %zu\n", i);
        assert_int_equal(read_at(WANTED, 1000, &err), rows[i].expected);
    }
}

static void a_server_that_forgets_ranges(void **state)
{
    (void)state;
    struct ori_remote_facts facts;
    struct ori_error err = {0};
    assert_int_equal(open_at("/file", 0, &facts, NULL, &err), ORI_OK);
    world.mode = WHOLE;
    assert_int_equal(read_at(WANTED, 1000, &err), ORI_NETWORK);
    assert_non_null(strstr(err.text, "the whole"));
    assert_int_equal(atomic_load(&scripted.requests), 3); /* once more without a condition */
}

/* A file that has only just been written: its time is no proof, says the server, and sends all. */
static void a_server_that_doubts_its_own_times(void **state)
{
    (void)state;
    struct ori_remote_facts facts;
    struct ori_error err = {0};
    char value[512];
    world.etag = NULL;
    world.doubts_if_range = true;
    assert_int_equal(open_at("/file", 0, &facts, NULL, &err), ORI_OK);
    assert_int_equal(read_at(WANTED, 1000, &err), ORI_OK);
    assert_int_equal(atomic_load(&scripted.requests), 3);
    assert_int_equal(read_at(WANTED, 1000, &err), ORI_OK);
    assert_int_equal(atomic_load(&scripted.requests), 4);
    assert_string_equal(scripted_header(3, "If-Range", value), "");
    world.modified = "Sat, 25 May 2013 00:00:00 GMT";
    assert_int_equal(read_at(WANTED, 1000, &err), ORI_SOURCE_CHANGED);
}

/* ---- what is refused ---- */

static void statuses(void **state)
{
    (void)state;
    static const struct {
        int http;
        ori_status status;
        int requests;
    } rows[] = {
        {404, ORI_NOT_FOUND, 1},    {410, ORI_NOT_FOUND, 1},    {401, ORI_NOT_READABLE, 1},
        {403, ORI_NOT_READABLE, 1}, {402, ORI_NOT_READABLE, 1}, {451, ORI_NOT_READABLE, 1},
        {400, ORI_NOT_READABLE, 1}, {405, ORI_NOT_READABLE, 1}, {304, ORI_NETWORK, 1},
        {501, ORI_NETWORK, 1},      {503, ORI_NETWORK, 4},      {429, ORI_NETWORK, 4},
        {500, ORI_NETWORK, 4},      {202, ORI_NETWORK, 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_remote_facts facts;
        struct ori_error err = {0};
        char said[16];
        world.status = rows[i].http;
        world.more = "Retry-After: 0\r\n";
        const int before = atomic_load(&scripted.requests);
        assert_int_equal(open_at("/file?token=s3cret", 0, &facts, NULL, &err), rows[i].status);
        snprintf(said, sizeof said, "HTTP %d", rows[i].http);
        assert_non_null(strstr(err.text, said));
        assert_non_null(strstr(err.text, "/file: "));
        assert_null(strstr(err.text, "s3cret"));
        assert_int_equal(atomic_load(&scripted.requests) - before, rows[i].requests);
    }
    /* one that asks for a longer wait gets it from the item's queue */
    struct ori_remote_facts facts;
    struct ori_error err = {0};
    world.status = 503;
    world.more = "Retry-After: 60\r\n";
    const int before = atomic_load(&scripted.requests);
    assert_int_equal(open_at("/file", 0, &facts, NULL, &err), ORI_NETWORK);
    assert_int_equal(atomic_load(&scripted.requests) - before, 1);
    assert_int_equal(err.retry_after_ms, 60000);
}

static void lies(void **state)
{
    (void)state;
    static const struct {
        enum mode mode;
        ori_status opened;
        ori_status read; /* when it was GOOD to open */
    } rows[] = {
        {FIRST_OFF, ORI_OK, ORI_NETWORK}, /* opened as a whole, which is no lie */
        {LAST_OFF, ORI_OK, ORI_NETWORK},     {TOTAL_OFF, ORI_OK, ORI_SOURCE_CHANGED},
        {NO_TOTAL, ORI_OK, ORI_NETWORK},     {NO_RANGE, ORI_OK, ORI_NETWORK},
        {NOT_BYTES, ORI_OK, ORI_NETWORK},    {PART_ALWAYS, ORI_NETWORK, ORI_NETWORK},
        {MORE, ORI_NETWORK, ORI_NETWORK},    {TINY, ORI_OK, ORI_NETWORK},
        {NOTHING, ORI_NETWORK, ORI_NETWORK}, {NO_SUCH_RANGE, ORI_OK, ORI_SOURCE_CHANGED},
        {WHOLE, ORI_OK, ORI_NETWORK},        {CHUNKED, ORI_OK, ORI_NETWORK},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_remote_facts facts;
        struct ori_error err = {0};
        print_message("mode %d\n", (int)rows[i].mode);
        world.mode = rows[i].mode;
        assert_int_equal(open_at("/file", 0, &facts, NULL, &err), rows[i].opened);
        if (rows[i].opened == ORI_OK)
            expect_sunk(facts.head_bytes);
        err = (struct ori_error){0};
        world.mode = GOOD;
        assert_int_equal(open_at("/file", 0, &facts, NULL, &err), ORI_OK);
        world.mode = rows[i].mode;
        const int before = atomic_load(&scripted.requests);
        assert_int_equal(read_at(WANTED, 100000, &err), rows[i].read);
        assert_true(atomic_load(&scripted.requests) - before <= 65);
    }
    /* less than it said, in chunks, each time: there is an end to it */
    struct ori_remote_facts facts;
    struct ori_error err = {0};
    world.mode = LESS;
    assert_int_equal(open_at("/file", 0, &facts, NULL, &err), ORI_OK);
    assert_int_equal(facts.head_bytes, WANTED - 1);
    expect_sunk(WANTED - 1);
    assert_int_equal(read_at(WANTED, 1000, &err), ORI_NETWORK); /* 999, then none of the last one */
}

static void encodings(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        ori_status status;
    } rows[] = {
        {"Content-Encoding: identity\r\n", ORI_OK},
        {"Content-Encoding: gzip\r\n", ORI_UNSUPPORTED_URL},
        {"Content-Encoding: BR\r\n", ORI_UNSUPPORTED_URL},
    };
    for (size_t i = 0; i < COUNT_OF(rows) * 2; i++) {
        struct ori_remote_facts facts;
        struct ori_error err = {0};
        world.mode = i % 2 ? WHOLE : GOOD;
        world.more = rows[i / 2].header;
        assert_int_equal(open_at("/file", 0, &facts, NULL, &err), rows[i / 2].status);
    }
}

static void sizes_that_are_too_large(void **state)
{
    (void)state;
    static const struct {
        enum mode mode;
        int64_t bytes_max;
        ori_status status;
    } rows[] = {
        {GOOD, FILE_BYTES, ORI_OK},     {GOOD, FILE_BYTES - 1, ORI_LIMIT},
        {WHOLE, FILE_BYTES, ORI_OK},    {WHOLE, FILE_BYTES - 1, ORI_LIMIT},
        {CHUNKED, FILE_BYTES, ORI_OK},  {CHUNKED, FILE_BYTES - 1, ORI_LIMIT},
        {TO_CLOSE, FILE_BYTES, ORI_OK}, {TO_CLOSE, FILE_BYTES - 1, ORI_LIMIT},
        {ENDLESS, 1000000, ORI_LIMIT},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_remote_facts facts;
        struct ori_error err = {0};
        world.mode = rows[i].mode;
        world.bytes = world.mode == ENDLESS ? 4000000 : FILE_BYTES;
        print_message("mode %d\n", (int)world.mode);
        assert_int_equal(open_at("/file", rows[i].bytes_max, &facts, NULL, &err), rows[i].status);
        assert_true(sunk_bytes <= rows[i].bytes_max);
        if (rows[i].status == ORI_LIMIT) {
            assert_non_null(strstr(err.text, "VP_MAX_BYTES"));
            if (rows[i].mode == GOOD || rows[i].mode == WHOLE)
                assert_int_equal(sunk_bytes, 0); /* by what was said alone */
        }
    }
}

static void files_without_bytes(void **state)
{
    (void)state;
    static const enum mode rows[] = {EMPTY, GOOD, WHOLE, CHUNKED, TO_CLOSE};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_remote_facts facts;
        struct ori_error err = {0};
        world.mode = rows[i];
        world.bytes = 0;
        print_message("mode %d\n", (int)world.mode);
        assert_int_equal(open_at("/file", 0, &facts, NULL, &err), ORI_OK);
        assert_int_equal(facts.bytes, 0);
        assert_int_equal(facts.head_bytes, 0);
    }
}

/* ---- redirects ---- */

static void redirects(void **state)
{
    (void)state;
    struct ori_remote_facts facts;
    struct ori_error err = {0};
    char path[64];
    snprintf(path, sizeof path, "/again/%d", ORI_LIMIT_MAX_SOURCE_REDIRECTS);
    assert_int_equal(open_at(path, 0, &facts, NULL, &err), ORI_OK);
    expect_sunk(WANTED);
    assert_int_equal(atomic_load(&scripted.requests), ORI_LIMIT_MAX_SOURCE_REDIRECTS + 1);
    assert_int_equal(read_at(WANTED, 1000, &err), ORI_OK); /* from where they led */
    assert_int_equal(atomic_load(&scripted.requests), ORI_LIMIT_MAX_SOURCE_REDIRECTS + 2);
    snprintf(path, sizeof path, "/again/%d", ORI_LIMIT_MAX_SOURCE_REDIRECTS + 1);
    assert_int_equal(open_at(path, 0, &facts, NULL, &err), ORI_URL_REFUSED);
    assert_non_null(strstr(err.text, "more than 5"));
}

static void redirects_that_lead_where_they_must_not(void **state)
{
    (void)state;
    static const struct {
        const char *location; /* ~: the port */
        const char *why;
    } rows[] = {
        {"/again/9", "than 5 times"},
        {"http://169.254.169.254/latest/meta-data/", "169.254.169.254"},
        {"http://2852039166/latest/meta-data/", "169.254.169.254"},
        {"https://[fd00:ec2::254]/latest/", "not public"},
        {"https://10.0.0.1/", "not public"},
        {"http://8.8.8.8/", "plain http"},
        {"http://127.0.0.2~/file", "URL_ALLOW_PRIVATE"},
        {"http://[::1]~/file", "URL_ALLOW_PRIVATE"},
        {"http://user:word@127.0.0.1~/file", "user name"},
        {"file:///etc/passwd", "http"},
        {"ftp://127.0.0.1~/file", "http"},
        {"gopher://127.0.0.1~/file", "http"},
        {"//169.254.169.254/", "169.254.169.254"},
        {"http://127.0.0.1:0/", "port"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_remote_facts facts;
        struct ori_error err = {0};
        char location[128];
        char path[256];
        const size_t bytes = strcspn(rows[i].location, "~");
        snprintf(location, sizeof location, "%.*s", (int)bytes, rows[i].location);
        if (rows[i].location[bytes])
            snprintf(location + bytes, sizeof location - bytes, ":%d%s", scripted.port,
                     rows[i].location + bytes + 1);
        snprintf(path, sizeof path, "/to/%s", location);
        const int before = atomic_load(&scripted.requests);
        assert_int_equal(open_at(path, 0, &facts, NULL, &err), ORI_URL_REFUSED);
        if (!strstr(err.text, rows[i].why))
            fail_msg("'%s' is not in '%s'", rows[i].why, err.text);
        if (i > 0)
            assert_int_equal(atomic_load(&scripted.requests) - before, 1);
    }
}

/* A signed URL whose time is over: the first one has a new one. */
static void redirects_to_what_expires(void **state)
{
    (void)state;
    struct ori_remote_facts facts;
    struct ori_error err = {0};
    world.signature = 1;
    assert_int_equal(open_at("/way", 0, &facts, NULL, &err), ORI_OK);
    assert_int_equal(read_at(WANTED, 1000, &err), ORI_OK);
    assert_int_equal(atomic_load(&scripted.requests), 3);
    world.signature = 2;
    assert_int_equal(read_at(WANTED, 1000, &err), ORI_OK);
    assert_int_equal(atomic_load(&scripted.requests), 6); /* the old one, the way, the new one */
    assert_int_equal(read_at(WANTED, 1000, &err), ORI_OK);
    assert_int_equal(atomic_load(&scripted.requests), 7);
}

/* ---- time ---- */

static void time_and_cancel(void **state)
{
    (void)state;
    struct ori_remote_facts facts;
    struct ori_error err = {0};
    struct ori_cancel cancel;
    atomic_store(&scripted.delay_ms, 60000);
    struct ori_wait wait = {.deadline_us = ori_clock_us() + 200000};
    assert_int_equal(open_at("/file", 0, &facts, &wait, &err), ORI_TIMEOUT);
    err = (struct ori_error){0};
    assert_int_equal(ori_cancel_init(&cancel, NULL, NULL), ORI_OK);
    ori_cancel_set(&cancel);
    wait = (struct ori_wait){.cancel = &cancel, .deadline_us = ori_clock_us() + 60000000};
    assert_int_equal(open_at("/file", 0, &facts, &wait, &err), ORI_CANCELLED);
    ori_cancel_deinit(&cancel);
}

static bool play_hang(int number, const char *head, FILE *out)
{
    (void)number;
    (void)head;
    fprintf(out, "HTTP/1.1 206 X\r\nContent-Range: bytes 0-65535/300000\r\n"
                 "Content-Length: 65536\r\n\r\nabc");
    return true;
}

/* A server that says nothing any more: the connection is given up, not the item. */
static void a_server_that_falls_silent(void **state)
{
    (void)state;
    struct ori_remote_facts facts;
    struct ori_error err = {0};
    const struct ori_net_client_options options = {
        .allowed = allowed, .connections_max = 2, .stall_s = 1};
    ori_net_client_destroy(&client);
    assert_int_equal(ori_net_client_create(&options, &client, NULL), ORI_OK);
    scripted.play = play_hang;
    assert_int_equal(open_at("/file", 0, &facts, NULL, &err), ORI_OK);
    assert_int_equal(facts.head_bytes, 3);
    assert_int_equal(atomic_load(&scripted.requests), 1);
    scripted.play = play;
    assert_int_equal(read_at(3, 1000, &err), ORI_OK);
}

#define REMOTE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REMOTE(by_ranges),
        REMOTE(sizes),
        REMOTE(validators),
        REMOTE(names),
        REMOTE(breaks),
        REMOTE(a_whole_that_goes_on_by_ranges),
        REMOTE(a_whole_that_is_replaced_meanwhile),
        REMOTE(replaced_between_pieces),
        REMOTE(a_server_that_forgets_ranges),
        REMOTE(a_server_that_doubts_its_own_times),
        REMOTE(statuses),
        REMOTE(lies),
        REMOTE(encodings),
        REMOTE(sizes_that_are_too_large),
        REMOTE(files_without_bytes),
        REMOTE(redirects),
        REMOTE(redirects_that_lead_where_they_must_not),
        REMOTE(redirects_to_what_expires),
        REMOTE(time_and_cancel),
        REMOTE(a_server_that_falls_silent),
    };
    if (ori_net_global_init(NULL) != ORI_OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ori_net_global_deinit();
    return failed;
}
