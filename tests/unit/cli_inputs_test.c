/* Folders made for the purpose, with everything in them that a folder can hold. */
#include <fcntl.h>
#include <ftw.h>
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

#include "cli/inputs.h"
#include "util/fs.h"
#include "util/limits.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static char root[64];

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/oriane-inputs-XXXXXX");
    return mkdtemp(root) && chdir(root) == 0 ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static int drop_root(void **state)
{
    (void)state;
    return chdir("/") == 0 ? nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS) : -1;
}

static void make_file(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

static void make_folder(const char *path)
{
    struct ori_error err = {0};
    assert_int_equal(ori_fs_make_folders(path, &err), ORI_OK);
}

static void collect(const char *const *operands, size_t count, struct ori_inputs *inputs)
{
    static const char *const skip[] = {"tree/output", "does/not/exist"};
    struct ori_error err = {0};
    struct ori_inputs_options options = {.operands = operands,
                                         .operands_count = count,
                                         .skip_folders = skip,
                                         .skip_folders_count = COUNT_OF(skip)};
    assert_int_equal(ori_inputs_collect(&options, inputs, &err), ORI_OK);
}

struct expected {
    const char *shown;
    ori_status status;
};

static void check(const struct ori_inputs *inputs, const struct expected *expected, size_t count)
{
    for (size_t i = 0; i < inputs->count; i++)
        print_message("%s %s\n", inputs->rows[i].shown, ori_status_code(inputs->rows[i].status));
    assert_int_equal(inputs->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(inputs->rows[i].shown, expected[i].shown);
        assert_int_equal(inputs->rows[i].status, expected[i].status);
        assert_int_equal(inputs->rows[i].message != NULL, expected[i].status != ORI_OK);
    }
}

static void a_tree(void **state)
{
    (void)state;
    make_folder("tree/b/deep/deeper");
    make_folder("tree/.hidden");
    make_folder("tree/output");
    make_folder("tree/Z");
    make_file("tree/z.mp4");
    make_file("tree/a.MKV");
    make_file("tree/.c.mp4");
    make_file("tree/notes.txt");
    make_file("tree/mp4");
    make_file("tree/b/deep/deeper/x.webm");
    make_file("tree/b/y.ts");
    make_file("tree/.hidden/no.mp4");
    make_file("tree/output/no.mp4");
    make_file("tree/Z/first.avi");
    assert_int_equal(symlink("no such file", "tree/dangling.mp4"), 0);
    assert_int_equal(symlink("no such file", "tree/dangling.txt"), 0);
    assert_int_equal(symlink("../..", "tree/b/up"), 0);
    assert_int_equal(symlink("b/deep", "tree/link"), 0);
    assert_int_equal(mkfifo("tree/pipe.mp4", 0600), 0);
    static const char *const operands[] = {"tree"};
    static const struct expected expected[] = {
        {"tree/Z/first.avi", ORI_OK},
        {"tree/a.MKV", ORI_OK},
        {"tree/b/deep/deeper/x.webm", ORI_OK},
        /* tree/b/up leads to the folder above tree: entered, and back into tree from there */
        {"tree/b/up/tree", ORI_DIRECTORY_LOOP},
        {"tree/b/y.ts", ORI_OK},
        {"tree/dangling.mp4", ORI_OK},
        {"tree/pipe.mp4", ORI_OK},
        {"tree/z.mp4", ORI_OK},
    };
    struct ori_inputs inputs;
    collect(operands, 1, &inputs);
    check(&inputs, expected, COUNT_OF(expected));
    for (size_t i = 0; i < inputs.count; i++)
        assert_int_equal(inputs.rows[i].path[0], '/');
    ori_inputs_deinit(&inputs);
    ori_inputs_deinit(&inputs);
}

/* The output may go where the videos are: a folder that is named is searched all the same. */
static void a_named_output_folder(void **state)
{
    (void)state;
    make_folder("tree/output/frames");
    make_file("tree/output/here.mp4");
    static const char *const operands[] = {"tree/output"};
    static const struct expected expected[] = {
        {"tree/output/here.mp4", ORI_OK},
        {"tree/output/no.mp4", ORI_OK},
    };
    struct ori_inputs inputs;
    collect(operands, 1, &inputs);
    check(&inputs, expected, COUNT_OF(expected));
    ori_inputs_deinit(&inputs);
}

static void loops(void **state)
{
    (void)state;
    make_folder("loop/sub");
    make_file("loop/sub/v.mp4");
    assert_int_equal(symlink(".", "loop/self"), 0);
    assert_int_equal(symlink("../sub", "loop/sub/again"), 0);
    assert_int_equal(symlink("b", "loop/a"), 0);
    assert_int_equal(symlink("a", "loop/b"), 0);
    assert_int_equal(symlink("d.mp4", "loop/c.mp4"), 0);
    assert_int_equal(symlink("c.mp4", "loop/d.mp4"), 0);
    static const char *const operands[] = {"loop"};
    static const struct expected expected[] = {
        {"loop/c.mp4", ORI_OK}, /* opening it says why it cannot be */
        {"loop/d.mp4", ORI_OK},
        {"loop/self", ORI_DIRECTORY_LOOP},
        {"loop/sub/again", ORI_DIRECTORY_LOOP},
        {"loop/sub/v.mp4", ORI_OK},
    };
    struct ori_inputs inputs;
    collect(operands, 1, &inputs);
    check(&inputs, expected, COUNT_OF(expected));
    ori_inputs_deinit(&inputs);
}

static void named_twice(void **state)
{
    (void)state;
    make_folder("twice/sub");
    make_file("twice/a.mp4");
    make_file("twice/sub/b.mp4");
    assert_int_equal(symlink("twice", "twice-link"), 0);
    assert_int_equal(symlink("a.mp4", "twice/other.mp4"), 0);
    static const char *const operands[] = {
        "twice/sub/b.mp4",    "./twice//a.mp4", "twice/a.mp4", "twice-link/a.mp4",
        "twice/sub/../a.mp4", "twice",          "twice",       "twice-link"};
    static const struct expected expected[] = {
        {"twice/sub/b.mp4", ORI_OK},
        {"./twice//a.mp4", ORI_OK},
        {"twice/other.mp4", ORI_OK}, /* a name of its own gives it a code of its own */
    };
    struct ori_inputs inputs;
    collect(operands, COUNT_OF(operands), &inputs);
    check(&inputs, expected, COUNT_OF(expected));
    char wanted[128];
    snprintf(wanted, sizeof wanted, "%s/twice/a.mp4", root);
    assert_string_equal(inputs.rows[1].path, wanted);
    ori_inputs_deinit(&inputs);
}

static void what_is_not_there(void **state)
{
    (void)state;
    make_folder("empty/inside");
    make_file("empty/inside/readme.txt");
    make_file("plain.mp4");
    make_file("nameless");
    static const char *const operands[] = {
        "missing.mp4", "no/such/folder/x.mp4", "empty", "plain.mp4/", "", "nameless", "/dev/null"};
    static const struct expected expected[] = {
        {"missing.mp4", ORI_NOT_FOUND},
        {"no/such/folder/x.mp4", ORI_NOT_FOUND},
        {"empty", ORI_NO_VIDEOS},
        {"plain.mp4/", ORI_NOT_FOUND},
        {"", ORI_NOT_FOUND},
        {"nameless", ORI_OK},
        {"/dev/null", ORI_OK},
    };
    struct ori_inputs inputs;
    collect(operands, COUNT_OF(operands), &inputs);
    check(&inputs, expected, COUNT_OF(expected));
    ori_inputs_deinit(&inputs);
}

static void depth_has_a_limit(void **state)
{
    (void)state;
    char path[4096] = "depth";
    for (int i = 1; i < ORI_LIMIT_MAX_FOLDER_DEPTH; i++)
        strncat(path, "/d", sizeof path - strlen(path) - 1);
    make_folder(path);
    strncat(path, "/last.mp4", sizeof path - strlen(path) - 1);
    make_file(path);
    static const char *const operands[] = {"depth"};
    struct ori_inputs inputs;
    collect(operands, 1, &inputs);
    assert_int_equal(inputs.count, 1);
    assert_int_equal(inputs.rows[0].status, ORI_OK);
    assert_string_equal(inputs.rows[0].shown, path);
    ori_inputs_deinit(&inputs);

    char *name = strrchr(path, '/');
    memcpy(name, "/d", 3); /* one folder more */
    make_folder(path);
    collect(operands, 1, &inputs);
    assert_int_equal(inputs.count, 2);
    assert_int_equal(inputs.rows[0].status, ORI_LIMIT);
    assert_string_equal(inputs.rows[0].shown, path);
    assert_int_equal(inputs.rows[1].status, ORI_OK);
    ori_inputs_deinit(&inputs);
}

/* Links that fan out: a walk over all routes would never end. */
/* A folder in *folder whose name has so many bytes; path follows. */
static void go_down(int *folder, char path[ORI_LIMIT_MAX_PATH_BYTES], size_t bytes)
{
    char name[256] = "";
    memset(name, 'f', bytes);
    assert_int_equal(mkdirat(*folder, name, 0777), 0);
    int next = openat(*folder, name, O_RDONLY | O_DIRECTORY);
    assert_true(next >= 0);
    close(*folder);
    *folder = next;
    strncat(path, "/", ORI_LIMIT_MAX_PATH_BYTES - strlen(path) - 1);
    strncat(path, name, ORI_LIMIT_MAX_PATH_BYTES - strlen(path) - 1);
}

/* What fits behind the path and a '/'. */
static size_t room_behind(const char *path)
{
    return ORI_LIMIT_MAX_PATH_BYTES - 2 - strlen(path);
}

static void a_path_of_the_longest(void **state)
{
    (void)state;
    static const char *const operands[] = {"long", "long/z.mp4"};
    char path[ORI_LIMIT_MAX_PATH_BYTES];
    char name[256];
    struct ori_inputs inputs;
    make_folder("long");
    make_file("long/z.mp4");
    int folder = open("long", O_RDONLY | O_DIRECTORY);
    assert_non_null(realpath("long", path));
    while (room_behind(path) > 220 + 201)
        go_down(&folder, path, 200);
    if (room_behind(path) > 221)
        go_down(&folder, path, room_behind(path) - 221);
    size_t room = room_behind(path);
    assert_in_range(room, 220, 221);
    for (size_t more = 0; more < 2; more++) {
        memset(name, 'v', sizeof name);
        memcpy(name + room + more - 4, ".mp4", 5);
        int file = openat(folder, name, O_WRONLY | O_CREAT, 0666);
        assert_true(file >= 0);
        close(file);
        collect(operands, 2, &inputs);
        assert_int_equal(inputs.count, 2);
        assert_int_equal(inputs.rows[0].status, more ? ORI_LIMIT : ORI_OK);
        assert_string_equal(inputs.rows[1].shown, "long/z.mp4");
        assert_int_equal(inputs.rows[1].status, ORI_OK);
        ori_inputs_deinit(&inputs);
        assert_int_equal(unlinkat(folder, name, 0), 0);
    }
    close(folder);
}

static void each_folder_once(void **state)
{
    (void)state;
    for (int i = 0; i < 30; i++) {
        char folder[64];
        char link[96];
        char target[64];
        snprintf(folder, sizeof folder, "fan/%02d", i);
        make_folder(folder);
        snprintf(target, sizeof target, "../%02d", i + 1);
        for (char c = 'a'; c <= 'd' && i < 29; c++) {
            snprintf(link, sizeof link, "%s/%c", folder, c);
            assert_int_equal(symlink(target, link), 0);
        }
        snprintf(link, sizeof link, "%s/v.mp4", folder);
        make_file(link);
    }
    static const char *const operands[] = {"fan/00"};
    struct ori_inputs inputs;
    collect(operands, 1, &inputs);
    assert_int_equal(inputs.count, 30);
    ori_inputs_deinit(&inputs);
}

static void many_files_in_order(void **state)
{
    (void)state;
    make_folder("many");
    for (int i = 0; i < 1000; i++) {
        char path[64];
        snprintf(path, sizeof path, "many/%d.mp4", i);
        make_file(path);
    }
    static const char *const operands[] = {"many"};
    struct ori_inputs inputs;
    collect(operands, 1, &inputs);
    assert_int_equal(inputs.count, 1000);
    for (size_t i = 1; i < inputs.count; i++)
        assert_true(strcmp(inputs.rows[i - 1].shown, inputs.rows[i].shown) < 0);
    ori_inputs_deinit(&inputs);
}

static void cancelled(void **state)
{
    (void)state;
    struct ori_cancel cancel;
    struct ori_error err = {0};
    struct ori_inputs inputs;
    static const char *const operands[] = {"."};
    assert_int_equal(ori_cancel_init(&cancel, NULL, &err), ORI_OK);
    ori_cancel_set(&cancel);
    struct ori_inputs_options options = {
        .operands = operands, .operands_count = 1, .cancel = &cancel};
    assert_int_equal(ori_inputs_collect(&options, &inputs, &err), ORI_CANCELLED);
    assert_null(inputs.rows);
    ori_cancel_deinit(&cancel);
}

static void names_of_videos(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool is_video;
    } rows[] = {
        {"a.mp4", true}, {"a.MP4", true},  {"a.b.WebM", true},    {"a.m2ts", true},
        {".mp4", false}, {"mp4", false},   {"a.", false},         {"a.mp4x", false},
        {"a.mp", false}, {"a.png", false}, {"a.mp4.part", false}, {"", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(ori_inputs_is_video_name(rows[i].name), rows[i].is_video);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree),
        cmocka_unit_test(a_named_output_folder),
        cmocka_unit_test(loops),
        cmocka_unit_test(named_twice),
        cmocka_unit_test(what_is_not_there),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(a_path_of_the_longest),
        cmocka_unit_test(each_folder_once),
        cmocka_unit_test(many_files_in_order),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(names_of_videos),
    };
    return cmocka_run_group_tests(tests, make_root, drop_root);
}
