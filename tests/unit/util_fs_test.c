#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/fs.h"
#include "util/limits.h"

struct place {
    char path[64];
    int fd;
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    snprintf(place->path, sizeof place->path, "/tmp/oriane-fs-XXXXXX");
    assert_non_null(mkdtemp(place->path));
    place->fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(place->fd >= 0);
    *state = place;
    return 0;
}

static void remove_below(int dir_fd, const char *name)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fdopendir(fd);
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(fd, entry->d_name, 0) != 0)
            remove_below(fd, entry->d_name);
    }
    closedir(folder);
    unlinkat(dir_fd, name, AT_REMOVEDIR);
}

static int drop_place(void **state)
{
    struct place *place = *state;
    close(place->fd);
    remove_below(AT_FDCWD, place->path);
    free(place);
    return 0;
}

static size_t entries_of(const struct place *place)
{
    size_t count = 0;
    DIR *folder = opendir(place->path);
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count - 2;
}

static void joins_paths(void **state)
{
    (void)state;
    static const struct {
        const char *folder;
        const char *name;
        const char *expected;
    } rows[] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"},    {"/", "b", "/b"},
        {"", "b", "b"},    {"a", "b/c", "a/b/c"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *path = NULL;
        assert_int_equal(ori_fs_join(rows[i].folder, rows[i].name, &path, NULL), ORI_OK);
        assert_string_equal(path, rows[i].expected);
        free(path);
    }
    char name[ORI_LIMIT_MAX_PATH_BYTES];
    char *path = NULL;
    memset(name, 'n', sizeof name);
    name[ORI_LIMIT_MAX_PATH_BYTES - 3] = '\0'; /* with "a/" all bytes but the NUL */
    assert_int_equal(ori_fs_join("a", name, &path, NULL), ORI_OK);
    free(path);
    name[ORI_LIMIT_MAX_PATH_BYTES - 3] = 'n';
    name[ORI_LIMIT_MAX_PATH_BYTES - 2] = '\0';
    assert_int_equal(ori_fs_join("a", name, &path, NULL), ORI_LIMIT);
}

static void makes_folders(void **state)
{
    struct place *place = *state;
    char path[128];
    struct stat info = {0};
    snprintf(path, sizeof path, "%s//a/b/../c/", place->path);
    assert_int_equal(ori_fs_make_folders(path, NULL), ORI_OK);
    assert_int_equal(ori_fs_make_folders(path, NULL), ORI_OK); /* there already */
    assert_int_equal(fstatat(place->fd, "a/c", &info, 0), 0);
    assert_true(S_ISDIR(info.st_mode));
    assert_int_equal(ori_fs_make_folders("/", NULL), ORI_OK);
    assert_int_equal(ori_fs_write_file(place->fd, "file", "", 0, NULL), ORI_OK);
    snprintf(path, sizeof path, "%s/file/under", place->path);
    struct ori_error err = {0};
    assert_int_equal(ori_fs_make_folders(path, &err), ORI_NOT_WRITABLE);
    snprintf(path, sizeof path, "%s/file", place->path);
    assert_int_equal(ori_fs_make_folders(path, NULL), ORI_NOT_WRITABLE);
    assert_int_equal(ori_fs_make_folders("/proc/oriane/x", NULL), ORI_NOT_WRITABLE);
    assert_int_equal(ori_fs_make_folder_of("/proc/oriane/x", NULL), ORI_NOT_WRITABLE);
    assert_int_equal(ori_fs_make_folder_of("/x", NULL), ORI_OK);
    assert_int_equal(ori_fs_make_folder_of("x", NULL), ORI_OK);
    assert_int_equal(ori_fs_make_folders("", NULL), ORI_NOT_WRITABLE);
}

static void reads_whole_files_up_to_a_limit(void **state)
{
    struct place *place = *state;
    char *data = NULL;
    size_t bytes = 0;
    assert_int_equal(ori_fs_write_file(place->fd, "f", "12345", 5, NULL), ORI_OK);
    assert_int_equal(ori_fs_read_file(place->fd, "f", 5, &data, &bytes, NULL), ORI_OK);
    assert_int_equal(bytes, 5);
    assert_string_equal(data, "12345"); /* the NUL behind */
    free(data);
    data = NULL;
    assert_int_equal(ori_fs_read_file(place->fd, "f", 4, &data, &bytes, NULL), ORI_LIMIT);
    assert_null(data);
    assert_int_equal(ori_fs_read_file(place->fd, "missing", 4, &data, &bytes, NULL), ORI_NOT_FOUND);
    assert_int_equal(ori_fs_read_file(place->fd, ".", 4, &data, &bytes, NULL), ORI_NOT_A_FILE);
    assert_int_equal(mkfifoat(place->fd, "fifo", 0600), 0);
    assert_int_equal(ori_fs_read_file(place->fd, "fifo", 4, &data, &bytes, NULL), ORI_NOT_A_FILE);
    assert_int_equal(ori_fs_read_file(AT_FDCWD, "/dev/zero", 4, &data, &bytes, NULL),
                     ORI_NOT_A_FILE);
    assert_int_equal(symlinkat("loop", place->fd, "loop"), 0);
    assert_int_equal(ori_fs_read_file(place->fd, "loop", 4, &data, &bytes, NULL),
                     ORI_DIRECTORY_LOOP);
}

static void reads_at_an_offset(void **state)
{
    struct place *place = *state;
    char data[8] = "";
    size_t bytes = 0;
    assert_int_equal(ori_fs_write_file(place->fd, "f", "0123456789", 10, NULL), ORI_OK);
    int fd = openat(place->fd, "f", O_RDONLY | O_CLOEXEC);
    assert_int_equal(ori_fs_read_at(fd, 6, data, 3, &bytes, NULL), ORI_OK);
    assert_int_equal(bytes, 3);
    assert_memory_equal(data, "678", 3);
    assert_int_equal(ori_fs_read_at(fd, 8, data, 8, &bytes, NULL), ORI_OK); /* short at the end */
    assert_int_equal(bytes, 2);
    assert_int_equal(ori_fs_read_at(fd, 10, data, 8, &bytes, NULL), ORI_OK);
    assert_int_equal(bytes, 0);
    assert_int_equal(ori_fs_read_at(-1, 0, data, 8, &bytes, NULL), ORI_IO);
    close(fd);
}

static void writes_replace_in_one_step(void **state)
{
    struct place *place = *state;
    char *data = NULL;
    size_t bytes = 0;
    char path[128];
    assert_int_equal(ori_fs_write_file(place->fd, "f", "old", 3, NULL), ORI_OK);
    assert_int_equal(ori_fs_write_file(place->fd, "f", "newer", 5, NULL), ORI_OK);
    assert_int_equal(ori_fs_read_file(place->fd, "f", 100, &data, &bytes, NULL), ORI_OK);
    assert_string_equal(data, "newer");
    free(data);
    assert_int_equal(entries_of(place), 1); /* no part stays */
    snprintf(path, sizeof path, "%s/g", place->path);
    assert_int_equal(ori_fs_write_file(AT_FDCWD, path, "x", 1, NULL), ORI_OK);
    assert_int_equal(entries_of(place), 2);
    struct ori_error err = {0};
    assert_int_equal(ori_fs_write_file(place->fd, "no/such", "x", 1, &err), ORI_NOT_WRITABLE);
    assert_non_null(strstr(err.text, "no/such"));
    assert_int_equal(mkdirat(place->fd, "d", 0777), 0);
    assert_int_equal(mkdirat(place->fd, "d/e", 0777), 0);
    assert_int_equal(ori_fs_write_file(place->fd, "d", "x", 1, NULL), ORI_NOT_WRITABLE);
    assert_int_equal(entries_of(place), 3);
}

/* A file that may not grow stands for the disk that is full. */
static void a_failed_write_leaves_the_old_file(void **state)
{
    struct place *place = *state;
    char *data = NULL;
    size_t bytes = 0;
    static char big[8192];
    struct rlimit limit = {0};
    struct rlimit small = {0};
    assert_int_equal(ori_fs_write_file(place->fd, "f", "old", 3, NULL), ORI_OK);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    small.rlim_cur = 4096;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    ori_status status = ori_fs_write_file(place->fd, "f", big, sizeof big, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(status, ORI_DISK_FULL);
    assert_int_equal(ori_fs_read_file(place->fd, "f", 100, &data, &bytes, NULL), ORI_OK);
    assert_string_equal(data, "old");
    free(data);
    assert_int_equal(entries_of(place), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_paths),
        cmocka_unit_test_setup_teardown(makes_folders, make_place, drop_place),
        cmocka_unit_test_setup_teardown(reads_whole_files_up_to_a_limit, make_place, drop_place),
        cmocka_unit_test_setup_teardown(reads_at_an_offset, make_place, drop_place),
        cmocka_unit_test_setup_teardown(writes_replace_in_one_step, make_place, drop_place),
        cmocka_unit_test_setup_teardown(a_failed_write_leaves_the_old_file, make_place, drop_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
