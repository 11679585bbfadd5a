/* The n-th allocation fails, for every n, and all later ones or it alone, while a file behind a URL is
 * opened through redirects and read: it comes back as ORI_NOMEM, or goes well all the same, and nothing
 * stays allocated. By nomem.h; libcurl's allocations are not among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/http_remote.h"
#include "scripted_server.h"
#include "nomem.h"

#define FILE_BYTES 5000
#define WANTED 1000

static bool knows_ranges;

static bool play(int number, const char *head, FILE *out)
{
    int first = 0;
    int last = FILE_BYTES - 1;
    const char *range = strcasestr(head, "\r\nRange: bytes=");
    (void)number;
    if (strncmp(head, "GET /first ", 11) == 0)
        return scripted_say(out, 302, "Location: second\r\n", "");
    if (strncmp(head, "GET /second ", 12) == 0)
        return scripted_say(out, 307, "Location: /film.mp4?signature\r\n", "");
    if (knows_ranges && range)
        sscanf(range, "\r\nRange: bytes=%d-%d", &first, &last);
    fprintf(out, "HTTP/1.1 %d X\r\nETag: \"e\"\r\nContent-Length: %d\r\n", knows_ranges ? 206 : 200,
            last - first + 1);
    if (knows_ranges)
        fprintf(out, "Content-Range: bytes %d-%d/%d\r\n", first, last, FILE_BYTES);
    fputs("\r\n", out);
    for (int i = first; i <= last; i++)
        fputc(i & 0xFF, out);
    return true;
}

static ori_status drop(void *self, int64_t offset, const void *data, size_t bytes,
                       struct ori_error *err)
{
    (void)self;
    (void)offset;
    (void)data;
    (void)bytes;
    (void)err;
    return ORI_OK;
}

static ori_status do_everything(struct ori_error *err)
{
    struct ori_network_list *allowed = NULL;
    struct ori_net_client *client = NULL;
    struct ori_http_remote *remote = NULL;
    struct ori_remote_facts facts = {.bytes = 0};
    const struct ori_remote_sink sink = {.wanted = WANTED, .write = drop};
    uint8_t data[100];
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/first", scripted.port);
    ori_status status = ori_network_list_create("127.0.0.1", &allowed, err);
    const struct ori_net_client_options options = {.allowed = allowed, .connections_max = 1};
    if (status == ORI_OK)
        status = ori_net_client_create(&options, &client, err);
    if (status == ORI_OK)
        status = ori_http_remote_create(client, url, NULL, &remote, err);
    if (status == ORI_OK)
        status = ori_http_remote_ops.open(remote, 0, &sink, &facts, NULL, err);
    if (status == ORI_OK && knows_ranges) {
        status = ori_http_remote_ops.read(remote, facts.etag, 2000, data, sizeof data, NULL, err);
        assert_int_equal(facts.bytes, FILE_BYTES);
        assert_int_equal(facts.head_bytes, WANTED);
    }
    if (status == ORI_OK && knows_ranges)
        assert_int_equal(data[7], 2007 & 0xFF);
    ori_http_remote_destroy(&remote);
    ori_net_client_destroy(&client);
    ori_network_list_destroy(&allowed);
    return status;
}

static void every_allocation_fails(void **state)
{
    long failures = 0;
    (void)state;
    scripted.play = play;
    for (int i = 0; i < 4; i++) {
        is_once = i % 2;
        knows_ranges = i / 2;
        has_failed = true;
        for (long n = 0; has_failed; n++) {
            struct ori_error err = {0};
            const long before = live;
            nomem_begin(n, is_once);
            const ori_status status = do_everything(&err);
            nomem_end();
            if (status != ORI_OK && (status != ORI_NOMEM || !has_failed))
                fail_msg("allocation %ld: %s: %s", n, ori_status_code(status), err.text);
            assert_int_equal(err.status, status);
            assert_int_equal(live, before);
            failures += has_failed && status == ORI_NOMEM;
        }
    }
    print_message("%ld failures\n", failures);
    assert_true(failures > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_allocation_fails, scripted_start, scripted_end),
    };
    if (ori_net_global_init(NULL) != ORI_OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ori_net_global_deinit();
    return failed;
}
