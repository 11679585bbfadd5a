/* Names of models on a hub: none of them may make a path that leads elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "embed/hub_name.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void good_names(void **state)
{
    static const struct {
        const char *text;
        const char *repo;
        const char *revision;
        bool has_revision;
        const char *folder;
    } rows[] = {
        {"openai/clip-vit-base-patch32", "openai/clip-vit-base-patch32", "main", false,
         "models--openai--clip-vit-base-patch32"},
        {"gpt2", "gpt2", "main", false, "models--gpt2"},
        {"a/b@refs/pr/66", "a/b", "refs/pr/66", true, "models--a--b"},
        {"a/b@main", "a/b", "main", true, "models--a--b"},
        {"a/b@v1.0-rc_2", "a/b", "v1.0-rc_2", true, "models--a--b"},
        {"_a_/B.9", "_a_/B.9", "main", false, "models--_a_--B.9"},
        {"a-b/c-d.e", "a-b/c-d.e", "main", false, "models--a-b--c-d.e"},
        {"a/b@0123456789abcdef0123456789abcdef01234567", "a/b",
         "0123456789abcdef0123456789abcdef01234567", true, "models--a--b"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_hub_name name;
        char folder[ORI_HUB_FOLDER_BYTES];
        char repo[ORI_HUB_REPO_BYTES];
        assert_true(ori_hub_name_parse(rows[i].text, &name));
        assert_string_equal(name.repo, rows[i].repo);
        assert_string_equal(name.revision, rows[i].revision);
        assert_int_equal(name.has_revision, rows[i].has_revision);
        ori_hub_name_folder(name.repo, folder);
        assert_string_equal(folder, rows[i].folder);
        assert_true(ori_hub_name_of_folder(folder, repo));
        assert_string_equal(repo, rows[i].repo);
    }
}

static void bad_names(void **state)
{
    static const char *const rows[] = {
        "",         "/",        "@",          "@main",
        "a/",       "/a",       "a//b",       "a/b/c",
        "..",       ".",        "../b",       "a/..",
        "a/../b",   "./a",      "a/.b",       "a/b.",
        "a/-b",     "a/b-",     "-a/b",       "a--b/c",
        "a/b--c",   "a..b/c",   "a/b..c",     "a/b.git",
        "a.git/b",  "a b",      "a/b\n",      "a/b\t",
        "a/b?c",    "a/b#c",    "a/b%2e",     "a\\b",
        "a:b",      "~/a",      "a/\xC3\xA4", "a/b@",
        "a/b@/",    "a/b@/x",   "a/b@x/",     "a/b@x//y",
        "a/b@..",   "a/b@.",    "a/b@../x",   "a/b@x/../y",
        "a/b@x/.y", "a/b@.x",   "a/b@x.",     "a/b@x y",
        "a/b@x@y",  "a/b@x..y", "a/b@x.lock", "a/b@x.lock/y",
        "a/b@-x",   "a/b@x\\y", "a/b@~",      "a/b@x^",
        "a/b@x:y",  "a/b@\x7f", "http://a/b", "a/b@x\xff",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_hub_name name;
        memset(&name, 0x55, sizeof name);
        struct ori_hub_name before = name;
        if (ori_hub_name_parse(rows[i], &name))
            fail_msg("%s", rows[i]);
        assert_memory_equal(&name, &before, sizeof name);
    }
}

static void lengths_at_n_and_n_plus_1(void **state)
{
    char text[400];
    struct ori_hub_name name;
    (void)state;
    memset(text, 'a', sizeof text);
    text[96] = '/';
    text[193] = '\0';
    assert_true(ori_hub_name_parse(text, &name));
    assert_int_equal(strlen(name.repo), 193);
    text[193] = 'a';
    text[194] = '\0';
    assert_false(ori_hub_name_parse(text, &name));
    text[97] = '/';
    text[96] = 'a';
    assert_false(ori_hub_name_parse(text, &name));
    text[96] = '/';
    text[97] = 'a';
    text[193] = '@';
    text[194] = 'a';
    text[194 + 128] = '\0';
    assert_true(ori_hub_name_parse(text, &name));
    assert_int_equal(strlen(name.revision), 128);
    text[194 + 128] = 'a';
    text[194 + 129] = '\0';
    assert_false(ori_hub_name_parse(text, &name));
}

static void folders_that_are_none_of_a_model(void **state)
{
    static const char *const rows[] = {"",
                                       "models",
                                       "models--",
                                       "datasets--a--b",
                                       "models--a--",
                                       "models----b",
                                       "models--a--b--c",
                                       "models--..--b",
                                       "models--a/b",
                                       "models--a--b\n"};
    char repo[ORI_HUB_REPO_BYTES];
    char text[400];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (ori_hub_name_of_folder(rows[i], repo))
            fail_msg("%s", rows[i]);
    }
    memset(text, 'a', sizeof text);
    memcpy(text, "models--", 8);
    text[sizeof text - 1] = '\0';
    assert_false(ori_hub_name_of_folder(text, repo));
}

static void commits(void **state)
{
    (void)state;
    assert_true(ori_hub_is_commit("0123456789abcdef0123456789abcdef01234567"));
    assert_false(ori_hub_is_commit("0123456789ABCDEF0123456789abcdef01234567"));
    assert_false(ori_hub_is_commit("0123456789abcdef0123456789abcdef0123456"));
    assert_false(ori_hub_is_commit("0123456789abcdef0123456789abcdef012345678"));
    assert_false(ori_hub_is_commit("0123456789abcdef0123456789abcdef0123456\n"));
    assert_false(ori_hub_is_commit(""));
}

/* What stands in the table must be names by its own rules. */
static void known_revisions(void **state)
{
    struct ori_hub_name name;
    (void)state;
    assert_string_equal(ori_hub_known_revision("openai/clip-vit-base-patch32"), "refs/pr/66");
    assert_true(ori_hub_name_parse("openai/clip-vit-base-patch32@refs/pr/66", &name));
    assert_null(ori_hub_known_revision("openai/clip-vit-base-patch16"));
    assert_null(ori_hub_known_revision(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_names),
        cmocka_unit_test(bad_names),
        cmocka_unit_test(lengths_at_n_and_n_plus_1),
        cmocka_unit_test(folders_that_are_none_of_a_model),
        cmocka_unit_test(commits),
        cmocka_unit_test(known_revisions),
    };
    return cmocka_run_group_tests_name("embed/hub_name", tests, NULL, NULL);
}
