/* From a model's name to its folder, on caches made by hand in huggingface_hub's layout. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "embed/hub_cache.h"
#include "embed/model_facts.h"
#include "embed/model_folder.h"
#include "util/fs.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define COMMIT_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define COMMIT_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static char place[64];

static const char *path_of(const char *name)
{
    static char paths[4][512];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, 512, "%s/%s", place, name);
    return path;
}

static void put(const char *name, const char *text)
{
    struct ori_error err = {0};
    const char *path = path_of(name);
    assert_int_equal(ori_fs_make_folder_of(path, &err), ORI_OK);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    assert_true(fd >= 0);
    assert_int_equal(ori_fs_write_all(fd, text, strlen(text), &err), ORI_OK);
    close(fd);
}

static int make_place(void **state)
{
    (void)state;
    snprintf(place, sizeof place, "/tmp/oriane-model-XXXXXX");
    return mkdtemp(place) ? 0 : -1;
}

static void remove_below(int dir_fd, const char *name)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fdopendir(fd);
    if (!folder)
        return;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            unlinkat(fd, entry->d_name, 0) != 0)
            remove_below(fd, entry->d_name);
    }
    closedir(folder);
    unlinkat(dir_fd, name, AT_REMOVEDIR);
}

static int drop_place(void **state)
{
    (void)state;
    remove_below(AT_FDCWD, place);
    return 0;
}

static void put_model(const char *folder)
{
    char name[256];
    snprintf(name, sizeof name, "%s/config.json", folder);
    put(name, "{\"model_type\": \"clip\"}");
    snprintf(name, sizeof name, "%s/model.safetensors", folder);
    put(name, "x");
}

/* The folder found, behind the place; "" none, and then the status is err's. */
static const char *find(const char *name, const char *cache, struct ori_error *err)
{
    static char found[512];
    char *folder = NULL;
    *err = (struct ori_error){0};
    ori_status status = ori_model_folder_find(name, cache ? path_of(cache) : NULL, &folder, err);
    assert_int_equal(status, err->status);
    assert_int_equal(status == ORI_OK, folder != NULL);
    snprintf(found, sizeof found, "%s", folder ? folder + strlen(place) + 1 : "");
    free(folder);
    return found;
}

static void expect_missing(const char *name, const char *cache, const char *words)
{
    struct ori_error err;
    assert_string_equal(find(name, cache, &err), "");
    assert_int_equal(err.status, ORI_MODEL_MISSING);
    if (!strstr(err.text, words))
        fail_msg("%s: %s", name, err.text);
}

static void folders(void **state)
{
    struct ori_error err;
    (void)state;
    put_model("m");
    assert_string_equal(find(path_of("m"), NULL, &err), "m");
    assert_string_equal(find(path_of("m"), "hub", &err), "m");
    expect_missing(path_of("n"), "hub", "there is no such folder");
    expect_missing("./n", "hub", "there is no such folder");
    expect_missing("../n", "hub", "there is no such folder");
    expect_missing("~/n", "hub", "there is no such folder");
    expect_missing("n/", "hub", "there is no such folder");
    expect_missing(path_of("m/config.json"), "hub", "there is no such folder");
    unlink(path_of("m/model.safetensors"));
    expect_missing(path_of("m"), "hub", "no model.safetensors");
    put("m/pytorch_model.bin", "x");
    expect_missing(path_of("m"), "hub", "pytorch_model.bin is never loaded");
}

static void names_in_the_cache(void **state)
{
    struct ori_error err;
    (void)state;
    put_model("hub/models--a--b/snapshots/" COMMIT_A);
    put_model("hub/models--a--b/snapshots/" COMMIT_B);
    put("hub/models--a--b/refs/main", COMMIT_A);
    put("hub/models--a--b/refs/refs/pr/6", COMMIT_B "\n");
    put("hub/models--a--b/refs/empty", "");
    put("hub/models--a--b/refs/short", "aaaa");
    put("hub/models--a--b/refs/out", "../../../../m");
    put("hub/models--a--b/refs/gone", "cccccccccccccccccccccccccccccccccccccccc");
    assert_string_equal(find("a/b", "hub", &err), "hub/models--a--b/snapshots/" COMMIT_A);
    assert_string_equal(find("a/b@main", "hub", &err), "hub/models--a--b/snapshots/" COMMIT_A);
    assert_string_equal(find("a/b@refs/pr/6", "hub", &err), "hub/models--a--b/snapshots/" COMMIT_B);
    assert_string_equal(find("a/b@" COMMIT_B, "hub", &err), "hub/models--a--b/snapshots/" COMMIT_B);
    static const char *const missing[] = {"a/b@empty", "a/b@short", "a/b@out", "a/b@gone",
                                          "a/b@v9",    "a/c",       "b"};
    for (size_t i = 0; i < COUNT_OF(missing); i++) {
        char words[64];
        snprintf(words, sizeof words, "run: oriane model pull %s (", missing[i]);
        expect_missing(missing[i], "hub", words);
    }
    expect_missing("a/b", NULL, "oriane model pull a/b");
    expect_missing("a/b", "elsewhere", "oriane model pull a/b");
    expect_missing("a/b/c", "hub", "neither a folder nor the name of a model");
    expect_missing("a b", "hub", "neither a folder nor the name of a model");
    unlink(path_of("hub/models--a--b/snapshots/" COMMIT_A "/model.safetensors"));
    expect_missing("a/b", "hub",
                   "what is here has no model.safetensors; run: oriane model pull a/b");
}

static void the_known_revision(void **state)
{
    static const char name[] = "openai/clip-vit-base-patch32";
    struct ori_error err;
    (void)state;
#define KNOWN "hub/models--openai--clip-vit-base-patch32/"
    put(KNOWN "refs/main", COMMIT_A);
    put(KNOWN "snapshots/" COMMIT_A "/config.json", "{}");
    put(KNOWN "snapshots/" COMMIT_A "/pytorch_model.bin", "x");
    expect_missing(name, "hub", "pytorch_model.bin is never loaded");
    put(KNOWN "refs/refs/pr/66", COMMIT_B);
    put_model(KNOWN "snapshots/" COMMIT_B);
    assert_string_equal(find(name, "hub", &err), KNOWN "snapshots/" COMMIT_B);
    expect_missing("openai/clip-vit-base-patch32@main", "hub", "@main");
    put_model(KNOWN "snapshots/" COMMIT_A);
    assert_string_equal(find(name, "hub", &err), KNOWN "snapshots/" COMMIT_A);
}

static void faults(void **state)
{
    (void)state;
    put("f/config.json", "{}");
    put("f/model.safetensors.index.json", "{");
    assert_string_equal(ori_model_folder_fault(path_of("f")),
                        "a model.safetensors.index.json that cannot be read");
    put("f/model.safetensors.index.json",
        "{\"weight_map\": {\"a\": \"1.safetensors\", \"b\": \"2.safetensors\"}}");
    put("f/1.safetensors", "x");
    assert_string_equal(ori_model_folder_fault(path_of("f")),
                        "not all the files that model.safetensors.index.json names");
    put("f/2.safetensors", "x");
    assert_null(ori_model_folder_fault(path_of("f")));
    unlink(path_of("f/2.safetensors"));
    assert_int_equal(symlink("nowhere", path_of("f/2.safetensors")), 0);
    assert_non_null(ori_model_folder_fault(path_of("f")));
    unlink(path_of("f/2.safetensors"));
    assert_int_equal(mkdir(path_of("f/2.safetensors"), 0777), 0);
    assert_non_null(ori_model_folder_fault(path_of("f")));
    assert_string_equal(ori_model_folder_fault(path_of("g")), "no config.json");
}

static void licences(void **state)
{
    static const struct {
        const char *readme;
        const char *expected;
    } rows[] = {
        {"---\nlicense: mit\n---\n", "mit"},
        {"---\r\nlicense: mit\r\n---\r\n", "mit"},
        {"---\nlanguage: en\nlicense:   \"cc-by-nc-4.0\"  \n---\n", "cc-by-nc-4.0"},
        {"---\nlicense: other\nlicense_name: apple-amlr\n---\n", "apple-amlr"},
        {"---\nlicense_name: x\nlicense: 'other'\n---\n", "x"},
        {"---\nlicense: mit\n", "mit"},
        {"license: mit\n", ""},
        {"# x\n---\nlicense: mit\n---\n", ""},
        {"---\n---\nlicense: mit\n", ""},
        {"---\n license: mit\n---\n", ""},
        {"---\nlicense:\n- mit\n---\n", ""},
        {"---\nlicense: a b\n---\n", ""},
        {"---\nlicense: \x1b[31m\n---\n", ""},
        {"", ""},
        {"---", ""},
    };
    char licence[ORI_MODEL_LICENCE_BYTES];
    char text[256];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        put("l/README.md", rows[i].readme);
        ori_model_folder_licence(path_of("l"), licence);
        assert_string_equal(licence, rows[i].expected);
    }
    for (int letters = ORI_MODEL_LICENCE_BYTES - 1; letters <= ORI_MODEL_LICENCE_BYTES; letters++) {
        snprintf(text, sizeof text, "---\nlicense: %0*d\n---\n", letters, 1);
        put("l/README.md", text);
        ori_model_folder_licence(path_of("l"), licence);
        assert_int_equal(strlen(licence), letters < ORI_MODEL_LICENCE_BYTES ? letters : 0);
    }
}

static void a_licence_that_was_kept(void **state)
{
    char licence[ORI_MODEL_LICENCE_BYTES];
    struct ori_error err = {0};
    (void)state;
    put_model("models--a--b/snapshots/" COMMIT_A);
    const char *folder = path_of("models--a--b/snapshots/" COMMIT_A);
    ori_model_folder_licence(folder, licence);
    assert_string_equal(licence, "");
    assert_int_equal(ori_model_folder_keep_licence(folder, "cc-by-nc-4.0", &err), ORI_OK);
    ori_model_folder_licence(folder, licence);
    assert_string_equal(licence, "cc-by-nc-4.0");
    put("models--a--b/.oriane/" COMMIT_A ".json", "{\"licence\": \"a b\"}");
    ori_model_folder_licence(folder, licence);
    assert_string_equal(licence, "");
    assert_int_equal(ori_model_folder_keep_licence(path_of("l"), "mit", &err), ORI_NOT_FOUND);
}

static void commercial_or_not(void **state)
{
    static const char *const no[] = {"cc-by-nc-4.0",
                                     "cc-by-nc-sa-4.0",
                                     "CC-BY-NC-ND-4.0",
                                     "nc",
                                     "fair-noncommercial-research-license",
                                     "x-non-commercial"};
    static const char *const yes[] = {"mit", "apache-2.0", "cc-by-4.0",          "ncsa",
                                      "",    "openrail",   "bsd-3-clause-clear", "gnc-1"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(no); i++)
        assert_true(ori_model_is_non_commercial(no[i]));
    for (size_t i = 0; i < COUNT_OF(yes); i++)
        assert_false(ori_model_is_non_commercial(yes[i]));
}

/* ---- the visit ---- */

static ori_status note(void *self, const struct ori_hub_snapshot *snapshot, struct ori_error *err)
{
    char *seen = self;
    size_t used = strlen(seen);
    (void)err;
    snprintf(seen + used, 1024 - used, "%s %.2s [%s] %lld/%lld;", snapshot->repo, snapshot->commit,
             snapshot->revisions, (long long)snapshot->files, (long long)snapshot->bytes);
    return ORI_OK;
}

static ori_status count_visits(void *self, const struct ori_hub_snapshot *snapshot,
                               struct ori_error *err)
{
    (void)snapshot;
    (void)err;
    ++*(int *)self;
    return ORI_OK;
}

static ori_status refuse(void *self, const struct ori_hub_snapshot *snapshot, struct ori_error *err)
{
    (void)self;
    (void)snapshot;
    return ori_error_set(err, ORI_CANCELLED, "enough");
}

static void visits(void **state)
{
    char seen[1024] = "";
    struct ori_error err = {0};
    (void)state;
    assert_int_equal(ori_hub_cache_visit(path_of("none"), note, seen, &err), ORI_OK);
    assert_string_equal(seen, "");
    put("hub/models--z/snapshots/" COMMIT_A "/config.json", "12345");
    put("hub/models--z/refs/main", COMMIT_A);
    put("hub/models--z/refs/refs/pr/1", COMMIT_A);
    put("hub/models--z/refs/other", COMMIT_B);
    put("hub/models--a--b/snapshots/" COMMIT_B "/x", "1");
    put("hub/models--a--b/snapshots/" COMMIT_A "/.hidden", "1");
    put("hub/models--a--b/snapshots/nonsense/x", "1");
    put("hub/datasets--a--b/snapshots/" COMMIT_A "/x", "1");
    put("hub/version.txt", "1");
    assert_int_equal(ori_hub_cache_visit(path_of("hub"), note, seen, &err), ORI_OK);
    assert_string_equal(seen, "a/b aa [] 0/0;a/b bb [] 1/1;z aa [main, refs/pr/1] 1/5;");
    assert_int_equal(ori_hub_cache_visit(path_of("hub"), refuse, NULL, &err), ORI_CANCELLED);
}

static void snapshots_at_n_and_n_plus_1(void **state)
{
    struct ori_error err = {0};
    char name[128];
    int count = 0;
    (void)state;
    for (int i = 0; i < ORI_LIMIT_MAX_HUB_MODELS; i++) {
        snprintf(name, sizeof name, "hub/models--a/snapshots/%040d/", i);
        assert_int_equal(ori_fs_make_folders(path_of(name), &err), ORI_OK);
    }
    assert_int_equal(ori_hub_cache_visit(path_of("hub"), count_visits, &count, &err), ORI_OK);
    assert_int_equal(count, ORI_LIMIT_MAX_HUB_MODELS);
    snprintf(name, sizeof name, "hub/models--a/snapshots/%040d/", ORI_LIMIT_MAX_HUB_MODELS);
    assert_int_equal(ori_fs_make_folders(path_of(name), &err), ORI_OK);
    assert_int_equal(ori_hub_cache_visit(path_of("hub"), count_visits, &count, &err), ORI_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(folders, make_place, drop_place),
        cmocka_unit_test_setup_teardown(names_in_the_cache, make_place, drop_place),
        cmocka_unit_test_setup_teardown(the_known_revision, make_place, drop_place),
        cmocka_unit_test_setup_teardown(faults, make_place, drop_place),
        cmocka_unit_test_setup_teardown(licences, make_place, drop_place),
        cmocka_unit_test_setup_teardown(a_licence_that_was_kept, make_place, drop_place),
        cmocka_unit_test(commercial_or_not),
        cmocka_unit_test_setup_teardown(visits, make_place, drop_place),
        cmocka_unit_test_setup_teardown(snapshots_at_n_and_n_plus_1, make_place, drop_place),
    };
    return cmocka_run_group_tests_name("embed/model_folder", tests, NULL, NULL);
}
