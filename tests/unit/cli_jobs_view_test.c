/* Pages made of a server's JSON, whatever it holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/jobs_view.h"
#include "util/limits.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static json_t *json_of(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, JSON_DECODE_ANY, &error);
    if (!json)
        fail_msg("%s: %s", text, error.text);
    return json;
}

static void has(const char *page, const char *part)
{
    assert_non_null(page);
    if (!strstr(page, part))
        fail_msg("'%s' is not in\n%s", part, page);
}

static void lists(void **state)
{
    (void)state;
    json_t *answer = json_of(
        "{\"jobs\":[{\"job_id\":\"j-1\",\"status\":\"running\",\"percentage\":37,"
        "\"counts\":{\"total\":3,\"success\":1,\"failed\":2},"
        "\"created_at\":\"2026-01-31T23:59:58.123Z\"},"
        "{\"job_id\":7,\"status\":\"a\\u001b[2J\\n\",\"counts\":[],\"created_at\":\"yesterday\"},"
        "\"nonsense\"],\"total\":57,\"page\":2,\"page_size\":3}");
    struct ori_buf page;
    struct ori_error err = {0};
    ori_buf_init(&page, 1 << 20);
    assert_int_equal(ori_jobs_view_list(answer, 0, &page, &err), ORI_OK);
    const char *text = ori_buf_text(&page);
    has(text, "JOB  STATUS");
    has(text, "j-1  running   37%       3        1       2  2026-01-31 23:59:58\n");
    has(text, "-    a?[2J?     0%       -        -       -  yesterday\n");
    has(text, "page 2 of 19, 57 jobs in all; --page shows others\n");
    assert_null(strchr(text, '\x1b'));
    ori_buf_deinit(&page);
    json_decref(answer);
}

static void lists_that_are_odd(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        ori_status status;
        const char *page;
    } rows[] = {
        {"{\"jobs\":[],\"total\":0,\"page\":1,\"page_size\":20}", ORI_OK, "no jobs\n"},
        {"{\"jobs\":[],\"total\":1,\"page\":9,\"page_size\":20}", ORI_OK,
         "no jobs\npage 9 of 1, 1 jobs in all\n"},
        {"{\"jobs\":[],\"total\":5,\"page\":0,\"page_size\":0}", ORI_OK, "no jobs\n"},
        {"{\"jobs\":[],\"total\":9223372036854775807,\"page\":1,\"page_size\":1}", ORI_OK,
         "no jobs\npage 1 of 9223372036854775807, 9223372036854775807 jobs in all; --page shows "
         "others\n"},
        {"{\"jobs\":{}}", ORI_NETWORK, NULL},
        {"{}", ORI_NETWORK, NULL},
        {"7", ORI_NETWORK, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_t *answer = json_of(rows[i].answer);
        struct ori_buf page;
        struct ori_error err = {0};
        ori_buf_init(&page, 1 << 20);
        assert_int_equal(ori_jobs_view_list(answer, 80, &page, &err), rows[i].status);
        if (rows[i].page)
            assert_string_equal(ori_buf_text(&page), rows[i].page);
        ori_buf_deinit(&page);
        json_decref(answer);
    }
}

static const char *const job_text =
    "{\"job_id\":\"j-1\",\"status\":\"failed\",\"percentage\":100,\"error\":\"no video succeeded\","
    "\"created_at\":\"2026-01-31T23:59:58.123Z\",\"updated_at\":null,"
    "\"counts\":{\"total\":4,\"success\":1,\"failed\":2,\"waiting\":0,\"stopped\":1},"
    "\"webhook\":{\"url\":\"https://x\",\"status\":\"delivered\"},\"items\":["
    "{\"platform\":\"p\",\"code\":\"good\",\"status\":\"success\",\"progress\":100,\"frames\":7,"
    "\"attempts\":1,\"error\":null},"
    "{\"platform\":\"p\",\"code\":\"halt\",\"status\":\"stopped\",\"progress\":5},"
    "{\"platform\":\"p\",\"code\":\"bad\",\"status\":\"failed\",\"progress\":100,\"frames\":0,"
    "\"attempts\":3,\"error\":{\"code\":\"timeout\",\"message\":\"too \\u0007 long\"}},"
    "{\"platform\":\"p\",\"code\":\"odd\",\"status\":\"sideways\"},"
    "{\"platform\":\"p\",\"code\":\"bad2\",\"status\":\"failed\",\"error\":{}}]}";

static void a_job(void **state)
{
    (void)state;
    json_t *job = json_of(job_text);
    json_t *logs = json_of("[{\"ts\":\"T\",\"level\":\"info\",\"msg\":\"one\\ntwo\"},7]");
    struct ori_buf page;
    struct ori_error err = {0};
    ori_buf_init(&page, 1 << 20);
    assert_int_equal(ori_jobs_view_job(job, logs, 50, 0, &page, &err), ORI_OK);
    const char *text = ori_buf_text(&page);
    has(text, "job      j-1\nstatus   failed, 100%\nvideos   4, 1 success, 2 failed, 1 stopped\n");
    has(text, "created  2026-01-31 23:59:58 UTC\n");
    has(text, "error    no video succeeded\nwebhook  delivered\n");
    has(text, "p/bad   failed    100%       0      3  timeout: too ? long\n");
    has(text, "\nT info one?two\n- - -\n");
    const char *const order[] = {"p/bad ", "p/bad2", "p/halt", "p/good", "p/odd"};
    for (size_t i = 1; i < COUNT_OF(order); i++)
        assert_true(strstr(text, order[i - 1]) < strstr(text, order[i]));
    assert_null(strchr(text, '\a'));
    ori_buf_deinit(&page);
    json_decref(job);
    json_decref(logs);
}

static void items_at_their_limit(void **state)
{
    (void)state;
    json_t *job = json_of(job_text);
    for (size_t items_max = 0; items_max <= 6; items_max++) {
        struct ori_buf page;
        struct ori_error err = {0};
        char rest[64];
        ori_buf_init(&page, 1 << 20);
        assert_int_equal(ori_jobs_view_job(job, NULL, items_max, 0, &page, &err), ORI_OK);
        snprintf(rest, sizeof rest, "... and %zu more (--items N shows more)\n", 5 - items_max);
        assert_int_equal(strstr(ori_buf_text(&page), rest) != NULL, items_max < 5);
        assert_int_equal(strstr(ori_buf_text(&page), "p/bad ") != NULL, items_max >= 1);
        assert_int_equal(strstr(ori_buf_text(&page), "p/odd") != NULL, items_max >= 5);
        ori_buf_deinit(&page);
    }
    json_decref(job);
}

static void jobs_that_are_odd(void **state)
{
    (void)state;
    static const struct {
        const char *job;
        ori_status status;
    } rows[] = {
        {"{\"status\":\"running\"}", ORI_OK},
        {"{\"status\":\"running\",\"items\":7,\"counts\":\"x\"}", ORI_OK},
        {"{\"status\":\"running\",\"items\":[null,[],{}],\"percentage\":1e300}", ORI_OK},
        {"{\"status\":7}", ORI_NETWORK},
        {"{}", ORI_NETWORK},
        {"[]", ORI_NETWORK},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_t *job = json_of(rows[i].job);
        struct ori_buf page;
        struct ori_error err = {0};
        ori_buf_init(&page, 1 << 20);
        assert_int_equal(ori_jobs_view_job(job, job, 5, 40, &page, &err), rows[i].status);
        ori_buf_deinit(&page);
        json_decref(job);
    }
}

static void lines(void **state)
{
    (void)state;
    static const struct {
        const char *status;
        size_t width;
        const char *line;
    } rows[] = {
        {"{\"status\":\"running\",\"progress\":0,\"counts\":{\"total\":3}}", 0,
         "[--------------------]   0%  0 of 3 videos  0 failed  running"},
        {"{\"status\":\"running\",\"progress\":50,\"counts\":{\"total\":3,\"success\":1,\"failed\":"
         "1}}",
         200, "[##########----------]  50%  2 of 3 videos  1 failed  running"},
        {"{\"status\":\"completed\",\"progress\":100,\"counts\":{\"total\":1,\"success\":1}}", 0,
         "[####################] 100%  1 of 1 videos  0 failed  completed"},
        {"{\"progress\":-5}", 0, "[--------------------]   0%  0 of - videos  0 failed  -"},
        {"{\"progress\":1e99,\"status\":\"\\u001b]0;x\"}", 0,
         "[####################] 100%  0 of - videos  0 failed  ?]0;x"},
        {"{\"status\":\"running\",\"progress\":50}", 10, "[#########"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char line[ORI_JOBS_LINE_BYTES];
        json_t *status = json_of(rows[i].status);
        ori_jobs_view_line(status, rows[i].width, line);
        assert_string_equal(line, rows[i].line);
        json_decref(status);
    }
}

static void ends(void **state)
{
    (void)state;
    static const struct {
        const char *job;
        bool has_ended;
        bool is_well;
    } rows[] = {
        {"{\"status\":\"pending\"}", false, false}, {"{\"status\":\"running\"}", false, false},
        {"{\"status\":\"completed\"}", true, true}, {"{\"status\":\"failed\"}", true, false},
        {"{\"status\":\"stopped\"}", true, false},  {"{}", false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_t *job = json_of(rows[i].job);
        bool is_well = true;
        assert_int_equal(ori_jobs_view_has_ended(job, &is_well), rows[i].has_ended);
        assert_int_equal(is_well, rows[i].is_well);
        json_decref(job);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(lists_that_are_odd),
        cmocka_unit_test(a_job),
        cmocka_unit_test(items_at_their_limit),
        cmocka_unit_test(jobs_that_are_odd),
        cmocka_unit_test(lines),
        cmocka_unit_test(ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
