#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/args.h"
#include "cli/help.h"
#include "util/limits.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define WORDS_MAX 12

static const struct ori_cli_option options[] = {
    {.name = "json", .kind = ORI_CLI_SWITCH, .doc = "JSON"},
    {.name = "limit", .kind = ORI_CLI_WHOLE, .argument = "N", .min = 1, .max = 1000, .doc = "N"},
    {.name = "image", .kind = ORI_CLI_LIST, .argument = "FILE", .doc = "files"},
    {.name = "platform", .kind = ORI_CLI_TEXT, .argument = "NAME", .doc = "a platform"},
};
static const struct ori_verb verb = {
    .name = "test",
    .summary = "a verb for tests",
    .usage = "[options] WORD...",
    .options = options,
    .options_count = COUNT_OF(options),
    .operands_max = 3,
};

static ori_status parse(const struct ori_verb *of, const char *const *words,
                        struct ori_cli_values *ret_values, struct ori_error *err)
{
    char *argv[WORDS_MAX] = {NULL};
    int argc = 0;
    for (; words[argc]; argc++)
        argv[argc] = (char *)words[argc]; /* argv is char ** by custom; nothing writes to it */
    return ori_args_parse(of, argc, argv, ret_values, err);
}

/* Everything that was understood, in one line: options, settings, operands. */
static void describe(const struct ori_cli_values *values, struct ori_buf *buf)
{
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        for (size_t k = 0; k < values->counts[i]; k++) {
            const char *text = values->texts[values->firsts[i] + k];
            ori_buf_printf(buf, "%s=%s ", options[i].name, text ? text : "");
        }
    }
    for (size_t i = 0; i < values->flags_count; i++)
        ori_buf_printf(buf, "%s=%s ", ori_setting_row(values->flags[i].setting)->variable,
                       values->flags[i].text);
    for (size_t i = 0; i < values->operands_count; i++)
        ori_buf_printf(buf, "[%s]", values->operands[i]);
    if (values->wants_help)
        ori_buf_add_text(buf, "help");
}

static void understands(void **state)
{
    (void)state;
    static const struct {
        const char *words[WORDS_MAX];
        const char *expected;
    } rows[] = {
        {{NULL}, ""},
        {{"a", "b", NULL}, "[a][b]"},
        {{"--json", "a", NULL}, "json= [a]"},
        {{"a", "--limit", "5", "b", NULL}, "limit=5 [a][b]"},
        {{"--limit=5", "--limit=6", NULL}, "limit=5 limit=6 "},
        {{"--limit", "1", NULL}, "limit=1 "},
        {{"--limit", "1000", NULL}, "limit=1000 "},
        {{"--image", "A", "B", "--image=C", "D", NULL}, "image=A image=B image=C [D]"},
        {{"--image", "A", "--json", "B", "--image", "C", NULL}, "json= image=A image=C [B]"},
        {{"--image", "A", "--", "B", NULL}, "image=A [B]"},
        {{"--platform=", NULL}, "platform= "},
        {{"--platform", "", NULL}, "platform= "},
        {{"--platform=--x=y", NULL}, "platform=--x=y "},
        {{"--", "--json", "-x", NULL}, "[--json][-x]"},
        {{"-", NULL}, "[-]"},
        {{"--scene-thresh", "0.3", NULL}, "VP_SCENE_THRESH=0.3 "},
        {{"--scene-thresh=-1", NULL}, "VP_SCENE_THRESH=-1 "},
        {{"--scene-thresh", "-1", NULL}, "VP_SCENE_THRESH=-1 "},
        {{"--out", "d", NULL}, "VP_OUTPUT_DIR=d "},
        {{"--local-mode", "a", NULL}, "LOCAL_MODE=1 [a]"},
        {{"--local-mode", NULL}, "LOCAL_MODE=1 "},
        {{"--no-local-mode", "a", NULL}, "LOCAL_MODE=0 [a]"},
        {{"--local-mode", "off", "a", NULL}, "LOCAL_MODE=off [a]"},
        {{"--local-mode=bad", NULL}, "LOCAL_MODE=bad "},
        {{"a", "--help", "--nonsense", NULL}, "[a]help"},
        {{"-h", NULL}, "help"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_cli_values values = {0};
        struct ori_error err = {0};
        struct ori_buf buf;
        print_message("%s\n", rows[i].expected);
        if (parse(&verb, rows[i].words, &values, &err) != ORI_OK)
            fail_msg("%s", err.text);
        ori_buf_init(&buf, 1000);
        describe(&values, &buf);
        assert_string_equal(ori_buf_text(&buf), rows[i].expected);
        ori_buf_deinit(&buf);
        ori_args_deinit(&values);
        ori_args_deinit(&values);
    }
}

static void refuses(void **state)
{
    (void)state;
    static const struct {
        const char *words[WORDS_MAX];
        const char *expected;
    } rows[] = {
        {{"--jsn", NULL}, "--jsn: no such option; did you mean --json?"},
        {{"--scene-tresh=1", NULL}, "--scene-tresh: no such option; did you mean --scene-thresh?"},
        {{"--qqqqqqqqqqqq", NULL}, "--qqqqqqqqqqqq: no such option"},
        {{"-x", NULL}, "-x: no such option"},
        {{"--=x", NULL}, "--=x: no such option"},
        {{"--no-scene-thresh", NULL}, NULL},
        {{"--no-local-mode=1", NULL}, NULL},
        {{"--json=1", NULL}, "--json takes no value"},
        {{"--limit", NULL}, "--limit: a value is missing"},
        {{"--limit", "--json", NULL}, "--limit: a value is missing"},
        {{"--image", "--json", NULL}, "--image: a value is missing"},
        {{"--scene-thresh", NULL}, "--scene-thresh: a value is missing"},
        {{"--limit", "0", NULL}, "--limit=0: expected a whole number from 1 to 1000"},
        {{"--limit=1001", NULL}, "--limit=1001: expected a whole number from 1 to 1000"},
        {{"--limit=5x", NULL}, "--limit=5x: expected a whole number from 1 to 1000"},
        {{"a", "b", "c", "d", NULL}, "d: one word too many"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_cli_values values = {0};
        struct ori_error err = {0};
        assert_int_equal(parse(&verb, rows[i].words, &values, &err), ORI_USAGE);
        print_message("%s\n", err.text);
        if (rows[i].expected)
            assert_string_equal(err.text, rows[i].expected);
        assert_null(values.texts);
    }
    struct ori_verb bare = verb;
    struct ori_cli_values values = {0};
    bare.is_bare = true;
    assert_int_equal(parse(&bare, (const char *const[]){"--scene-thresh=1", NULL}, &values, NULL),
                     ORI_USAGE);
}

/* A word longer than any option's name is none, whatever it begins with. */
static void long_names_are_no_options(void **state)
{
    (void)state;
    char word[ORI_SETTING_FLAG_BYTES + 8];
    struct ori_cli_values values = {0};
    for (size_t bytes = ORI_SETTING_FLAG_BYTES - 2; bytes < ORI_SETTING_FLAG_BYTES + 6; bytes++) {
        memset(word, 'x', sizeof word);
        word[0] = word[1] = '-';
        word[bytes] = '\0';
        assert_int_equal(parse(&verb, (const char *const[]){word, NULL}, &values, NULL), ORI_USAGE);
    }
}

static void help_tells_every_option_and_setting(void **state)
{
    (void)state;
    struct ori_buf buf;
    size_t column = 0;
    ori_buf_init(&buf, ORI_LIMIT_MAX_SETTINGS_PAGE_BYTES);
    ori_help_verb(&verb, &buf);
    assert_int_equal(buf.status, ORI_OK);
    for (size_t i = 0; i < COUNT_OF(options); i++)
        assert_non_null(strstr(buf.data, options[i].name));
    for (int i = 0; i < ORI_SETTING_COUNT; i++) {
        char flag[ORI_SETTING_FLAG_BYTES];
        ori_setting_flag((enum ori_setting)i, flag);
        print_message("%s\n", flag);
        assert_non_null(strstr(buf.data, flag));
    }
    for (size_t i = 0; i < buf.used; i++) {
        column = buf.data[i] == '\n' ? 0 : column + 1;
        assert_true(column <= 100);
    }
    ori_buf_deinit(&buf);
}

static void hidden_verbs_stay_out_of_the_overview(void **state)
{
    (void)state;
    struct ori_buf buf;
    struct ori_verb hidden = {.name = "unseen", .summary = "hidden", .is_hidden = true};
    const struct ori_verb *verbs[] = {&verb, &hidden};
    ori_buf_init(&buf, 4096);
    ori_help_overview(verbs, 2, &buf);
    assert_non_null(strstr(ori_buf_text(&buf), "a verb for tests"));
    assert_null(strstr(ori_buf_text(&buf), "unseen"));
    ori_buf_deinit(&buf);
}

static void secrets_are_hidden_in_argv(void **state)
{
    (void)state;
    static const struct ori_cli_option own[] = {
        {.name = "key",
         .kind = ORI_CLI_TEXT,
         .argument = "TEXT",
         .doc = "a key",
         .is_secret = true},
        {.name = "platform", .kind = ORI_CLI_TEXT, .argument = "NAME", .doc = "a platform"},
    };
    static const struct ori_verb secret_verb = {.name = "test",
                                                .usage = "",
                                                .options = own,
                                                .options_count = COUNT_OF(own),
                                                .operands_max = 1};
    char words[][32] = {"--api-key",  "sesame-one", "--key=sesame-two", "--api-port",
                        "8000",       "--key",      "sesame-three",     "--hf-token=four4",
                        "--platform", "shown",      "--api-key=",       "word"};
    static const char *const left[] = {
        "--api-key",    "**********",       "--key=**********", "--api-port", "8000",       "--key",
        "************", "--hf-token=*****", "--platform",       "shown",      "--api-key=", "word"};
    char *argv[COUNT_OF(words)];
    struct ori_cli_values values;
    struct ori_error err = {0};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        argv[i] = words[i];
    assert_int_equal(ori_args_parse(&secret_verb, (int)COUNT_OF(words), argv, &values, &err),
                     ORI_OK);
    for (size_t i = 0; i < COUNT_OF(words); i++)
        assert_string_equal(words[i], left[i]);
    assert_string_equal(values.texts[values.firsts[0]], "sesame-two");
    assert_string_equal(values.texts[values.firsts[0] + 1], "sesame-three");
    assert_string_equal(values.texts[values.firsts[1]], "shown");
    assert_string_equal(values.flags[0].text, "sesame-one");
    assert_string_equal(values.flags[1].text, "8000");
    assert_string_equal(values.flags[2].text, "four4");
    assert_string_equal(values.flags[3].text, "");
    assert_int_equal(values.hidden_count, 5);
    ori_args_deinit(&values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_are_hidden_in_argv),
        cmocka_unit_test(understands),
        cmocka_unit_test(refuses),
        cmocka_unit_test(long_names_are_no_options),
        cmocka_unit_test(help_tells_every_option_and_setting),
        cmocka_unit_test(hidden_verbs_stay_out_of_the_overview),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
