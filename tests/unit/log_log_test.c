#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "log/log.h"
#include "util/fs.h"
#include "util/limits.h"

#define READ_MAX (1 << 20)

/* A log into a file in memory, and what it wrote. */
struct page {
    int fd;
    struct ori_log log;
    char *text;
};

static void open_page(struct page *page, enum ori_log_level level, enum ori_log_form form)
{
    *page = (struct page){.fd = memfd_create("log", MFD_CLOEXEC)};
    assert_true(page->fd >= 0);
    assert_int_equal(ori_log_sink_create(page->fd, level, form, &page->log.sink, NULL), ORI_OK);
}

static const char *read_page(struct page *page)
{
    size_t bytes = 0;
    free(page->text);
    page->text = calloc(1, READ_MAX);
    assert_non_null(page->text);
    assert_int_equal(ori_fs_read_at(page->fd, 0, page->text, READ_MAX - 1, &bytes, NULL), ORI_OK);
    return page->text;
}

static void close_page(struct page *page)
{
    ori_log_sink_destroy(&page->log.sink);
    assert_null(page->log.sink);
    free(page->text);
    close(page->fd);
}

static void knows_its_levels(void **state)
{
    (void)state;
    static const char *const words[] = {"error", "warn", "info", "debug", "trace"};
    enum ori_log_level level = ORI_LOG_ERROR;
    for (int i = 0; i < ORI_LOG_LEVEL_COUNT; i++) {
        assert_true(ori_log_level_of(words[i], &level));
        assert_int_equal(level, i);
    }
    assert_false(ori_log_level_of("loud", &level));
}

static void writes_what_its_level_lets(void **state)
{
    (void)state;
    for (int level = 0; level < ORI_LOG_LEVEL_COUNT; level++) {
        struct page page;
        open_page(&page, (enum ori_log_level)level, ORI_LOG_TEXT);
        for (int i = 0; i < ORI_LOG_LEVEL_COUNT; i++) {
            assert_int_equal(ori_log_is_on(&page.log, (enum ori_log_level)i), i <= level);
            ori_log_event(&page.log, (enum ori_log_level)i, "a.b", NULL);
        }
        int lines = 0;
        for (const char *c = read_page(&page); *c; c++)
            lines += *c == '\n';
        assert_int_equal(lines, level + 1);
        close_page(&page);
    }
    assert_false(ori_log_is_on(&(struct ori_log){0}, ORI_LOG_ERROR));
    assert_false(ori_log_is_on(NULL, ORI_LOG_ERROR));
    ori_log_event(&(struct ori_log){0}, ORI_LOG_ERROR, "a.b", NULL);
}

static void text_lines_quote_what_they_must(void **state)
{
    (void)state;
    struct page page;
    open_page(&page, ORI_LOG_INFO, ORI_LOG_TEXT);
    struct ori_log log = page.log;
    log.platform = "local";
    log.stage = "decode";
    ori_log_event(&log, ORI_LOG_WARN, "item.odd",
                  ORI_LOG_FIELDS(ori_log_text("a", "plain"), ori_log_text("b", "two words"),
                                 ori_log_text("c", "x=\"\033[1m\n"), ori_log_text("d", ""),
                                 ori_log_text("e", "\xC3\xA4\xFF"), ori_log_text("f", NULL),
                                 ori_log_int("g", -3), ori_log_real("h", 0.5),
                                 ori_log_real("i", NAN), ori_log_bool("j", true)));
    const char *line = read_page(&page);
    assert_int_equal(line[23], 'Z');
    assert_string_equal(line + 24, " warn  item.odd platform=local stage=decode a=plain "
                                   "b=\"two words\" c=\"x=\\\"\\u001b[1m\\n\" d=\"\" "
                                   "e=\"\xC3\xA4\\ufffd\" f=\"\" g=-3 h=0.5 i=null j=true\n");
    close_page(&page);
}

static json_t *parse_line(const char *line)
{
    json_error_t error;
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error);
    if (!object)
        print_error("%s\n%s\n", error.text, line);
    assert_non_null(object);
    return object;
}

static void json_lines_parse(void **state)
{
    (void)state;
    struct page page;
    open_page(&page, ORI_LOG_TRACE, ORI_LOG_AUTO); /* no terminal: JSON */
    struct ori_log log = page.log;
    struct ori_error err = {.stage = "fetch"};
    log.code = "c\"1";
    assert_int_equal(ori_error_set(&err, ORI_TIMEOUT, "too \"late\""), ORI_TIMEOUT);
    ori_log_failure(&log, ORI_LOG_ERROR, "item.failed", &err);
    json_t *object = parse_line(read_page(&page));
    const char *level = NULL;
    const char *event = NULL;
    const char *code = NULL;
    const char *stage = NULL;
    const char *error = NULL;
    const char *message = NULL;
    const char *ts = NULL;
    assert_int_equal(json_unpack(object, "{s:s, s:s, s:s, s:s, s:s, s:s, s:s !}", "ts", &ts,
                                 "level", &level, "event", &event, "code", &code, "stage", &stage,
                                 "error", &error, "message", &message),
                     0);
    assert_string_equal(level, "error");
    assert_string_equal(event, "item.failed");
    assert_string_equal(code, "c\"1");
    assert_string_equal(stage, "fetch");
    assert_string_equal(error, "timeout");
    assert_string_equal(message, "too \"late\"");
    json_decref(object);
    close_page(&page);
}

/* A value at its limit is whole, one byte more is cut at a whole character and says so. */
static void long_values_are_cut(void **state)
{
    (void)state;
    static char value[ORI_LIMIT_MAX_LOG_VALUE_BYTES + 16];
    static const size_t bytes[] = {ORI_LIMIT_MAX_LOG_VALUE_BYTES, ORI_LIMIT_MAX_LOG_VALUE_BYTES + 1,
                                   ORI_LIMIT_MAX_LOG_VALUE_BYTES + 3};
    for (size_t i = 0; i < 3; i++) {
        struct page page;
        memset(value, 'v', sizeof value);
        memcpy(value + ORI_LIMIT_MAX_LOG_VALUE_BYTES - 2, "\xE2\x82\xAC", 3); /* astride */
        value[bytes[i]] = '\0';
        open_page(&page, ORI_LOG_INFO, ORI_LOG_JSON);
        ori_log_event(&page.log, ORI_LOG_INFO, "a.b", ORI_LOG_FIELDS(ori_log_text("k", value)));
        json_t *object = parse_line(read_page(&page));
        const char *kept = json_string_value(json_object_get(object, "k"));
        assert_non_null(kept);
        assert_int_equal(strstr(kept, "bytes more)") != NULL,
                         bytes[i] > ORI_LIMIT_MAX_LOG_VALUE_BYTES);
        json_decref(object);
        close_page(&page);
    }
}

static void long_lines_end_well(void **state)
{
    (void)state;
    static char value[ORI_LIMIT_MAX_LOG_VALUE_BYTES + 1];
    memset(value, '\001', sizeof value - 1); /* six bytes each when escaped */
    for (int is_json = 0; is_json < 2; is_json++) {
        struct page page;
        open_page(&page, ORI_LOG_INFO, is_json ? ORI_LOG_JSON : ORI_LOG_TEXT);
        ori_log_event(&page.log, ORI_LOG_INFO, "a.b",
                      ORI_LOG_FIELDS(ori_log_text("a", value), ori_log_text("b", value),
                                     ori_log_text("c", value)));
        const char *line = read_page(&page);
        assert_in_range(strlen(line), 6000, ORI_LIMIT_MAX_LOG_LINE_BYTES);
        assert_int_equal(strchr(line, '\n') - line, strlen(line) - 1);
        assert_non_null(strstr(line, is_json ? "\"cut\":true" : " cut=true"));
        close_page(&page);
    }
}

static void says_plain_lines(void **state)
{
    (void)state;
    struct page page;
    static char text[2 * ORI_LIMIT_MAX_LOG_LINE_BYTES];
    open_page(&page, ORI_LOG_ERROR, ORI_LOG_JSON);
    ori_log_say(&page.log, "oriane: %s", "a\nb\033[2J");
    assert_string_equal(read_page(&page), "oriane: a?b?[2J\n");
    memset(text, 't', sizeof text - 1);
    ori_log_say(&page.log, "%s", text);
    const char *line = read_page(&page) + strlen("oriane: a?b?[2J\n");
    assert_in_range(strlen(line), 1000, ORI_LIMIT_MAX_LOG_LINE_BYTES);
    assert_string_equal(line + strlen(line) - 4, "...\n");
    close_page(&page);
}

#define THREADS 4
#define LINES 200

static void *write_lines(void *self)
{
    for (int i = 0; i < LINES; i++)
        ori_log_event(self, ORI_LOG_INFO, "a.b", ORI_LOG_FIELDS(ori_log_int("i", i)));
    return NULL;
}

static void threads_write_whole_lines(void **state)
{
    (void)state;
    struct page page;
    pthread_t threads[THREADS];
    int count = 0;
    open_page(&page, ORI_LOG_INFO, ORI_LOG_JSON);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &page.log), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    (void)read_page(&page);
    for (char *line = page.text; *line; count++) {
        size_t bytes = strcspn(line, "\n");
        assert_int_equal(line[bytes], '\n');
        line[bytes] = '\0';
        json_decref(parse_line(line));
        line += bytes + 1;
    }
    assert_int_equal(count, THREADS * LINES);
    close_page(&page);
}

/* Reads from a terminal's other end until what came ends with `end`. */
static void expect_screen(int fd, const char *expected)
{
    char seen[4096] = "";
    size_t used = 0;
    while (used < strlen(expected) && used < sizeof seen - 1) {
        ssize_t got = read(fd, seen + used, strlen(expected) - used);
        assert_true(got > 0);
        used += (size_t)got;
        seen[used] = '\0';
    }
    assert_string_equal(seen, expected);
}

static void the_status_stays_below_whole_lines(void **state)
{
    (void)state;
    int screen = -1;
    int terminal = -1;
    struct termios raw = {0};
    cfmakeraw(&raw); /* no \r before \n: bytes come as they were written */
    if (openpty(&screen, &terminal, NULL, &raw, NULL) != 0) {
        print_message("skipped: no pseudo terminal here\n");
        skip();
    }
    struct ori_log log = {0};
    assert_int_equal(ori_log_sink_create(terminal, ORI_LOG_ERROR, ORI_LOG_AUTO, &log.sink, NULL),
                     ORI_OK);
    assert_true(ori_log_sink_is_terminal(log.sink));
    ori_log_say(&log, "first");
    expect_screen(screen, "first\n");
    ori_log_status(&log, "1/2");
    expect_screen(screen, "\r\033[K1/2");
    ori_log_say(&log, "second");
    expect_screen(screen, "\r\033[Ksecond\n1/2");
    ori_log_status(&log, "2/2");
    expect_screen(screen, "\r\033[K2/2");
    ori_log_status(&log, NULL);
    expect_screen(screen, "\r\033[K");
    ori_log_status(&log, NULL); /* nothing to take away: nothing is written */
    ori_log_say(&log, "last");
    expect_screen(screen, "last\n");
    ori_log_status(&log, "left over");
    expect_screen(screen, "\r\033[Kleft over");
    ori_log_sink_destroy(&log.sink);
    expect_screen(screen, "\r\033[K");
    close(terminal);
    close(screen);
}

static void no_terminal_has_no_status(void **state)
{
    (void)state;
    struct page page;
    open_page(&page, ORI_LOG_INFO, ORI_LOG_TEXT);
    assert_false(ori_log_sink_is_terminal(page.log.sink));
    ori_log_status(&page.log, "1/2");
    assert_string_equal(read_page(&page), "");
    close_page(&page);
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        count++;
    return count;
}

/* However many pairs do not fit: the line says once that it was cut, and nothing comes behind. */
static void cut_is_said_once(void **state)
{
    (void)state;
    char big[ORI_LIMIT_MAX_LOG_VALUE_BYTES + 1];
    struct ori_log_field fields[20] = {{.key = NULL}};
    char keys[20][4];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    for (int i = 0; i < 19; i++) {
        snprintf(keys[i], sizeof keys[i], "k%d", i);
        fields[i] = i % 2 ? ori_log_int(keys[i], i) : ori_log_text(keys[i], big);
    }
    for (int is_json = 0; is_json < 2; is_json++) {
        struct page page;
        open_page(&page, ORI_LOG_INFO, is_json ? ORI_LOG_JSON : ORI_LOG_TEXT);
        ori_log_event(&page.log, ORI_LOG_INFO, "a.b", fields);
        const char *line = read_page(&page);
        assert_int_equal(count_of(line, is_json ? "\"cut\":true" : " cut=true"), 1);
        assert_true(strlen(line) <= ORI_LIMIT_MAX_LOG_LINE_BYTES);
        assert_non_null(strstr(line, is_json ? "\"cut\":true}\n" : " cut=true\n"));
        if (is_json)
            json_decref(parse_line(line));
        close_page(&page);
    }
}

static void the_prefix_names_request_and_job(void **state)
{
    (void)state;
    struct page page;
    open_page(&page, ORI_LOG_INFO, ORI_LOG_JSON);
    struct ori_log log = page.log;
    log.request_id = "r-1";
    log.job_id = "j\"2";
    log.platform = "local";
    log.code = "clip";
    log.stage = "open";
    ori_log_event(&log, ORI_LOG_INFO, "a.b", NULL);
    const char *line = read_page(&page);
    assert_non_null(strstr(line, "\"request_id\":\"r-1\",\"job_id\":\"j\\\"2\",\"platform\":"
                                 "\"local\",\"code\":\"clip\",\"stage\":\"open\"}\n"));
    json_t *object = parse_line(line);
    const char *ts = json_string_value(json_object_get(object, "ts"));
    int year = 0;
    int ms = -1;
    int end = 0;
    assert_int_equal(sscanf(ts, "%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%3dZ%n", &year, &ms, &end), 2);
    assert_true(year >= 2024 && ms >= 0 && end == 24 && ts[end] == '\0');
    json_decref(object);
    close_page(&page);
}

static void the_level_can_change(void **state)
{
    (void)state;
    struct page page;
    open_page(&page, ORI_LOG_WARN, ORI_LOG_TEXT);
    ori_log_event(&page.log, ORI_LOG_INFO, "a.before", NULL);
    ori_log_sink_set_level(page.log.sink, ORI_LOG_DEBUG);
    ori_log_event(&page.log, ORI_LOG_DEBUG, "a.loud", NULL);
    assert_false(ori_log_is_on(&page.log, ORI_LOG_TRACE));
    ori_log_sink_set_level(page.log.sink, ORI_LOG_ERROR);
    ori_log_event(&page.log, ORI_LOG_WARN, "a.after", NULL);
    const char *text = read_page(&page);
    assert_null(strstr(text, "a.before"));
    assert_non_null(strstr(text, "a.loud"));
    assert_null(strstr(text, "a.after"));
    ori_log_sink_set_level(NULL, ORI_LOG_ERROR);
    close_page(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_its_levels),
        cmocka_unit_test(writes_what_its_level_lets),
        cmocka_unit_test(text_lines_quote_what_they_must),
        cmocka_unit_test(json_lines_parse),
        cmocka_unit_test(long_values_are_cut),
        cmocka_unit_test(long_lines_end_well),
        cmocka_unit_test(cut_is_said_once),
        cmocka_unit_test(the_prefix_names_request_and_job),
        cmocka_unit_test(the_level_can_change),
        cmocka_unit_test(says_plain_lines),
        cmocka_unit_test(threads_write_whole_lines),
        cmocka_unit_test(the_status_stays_below_whole_lines),
        cmocka_unit_test(no_terminal_has_no_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
