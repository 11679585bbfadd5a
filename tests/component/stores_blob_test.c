/* tests/component/stores_blob_test.c: what every object store promises (stores/blob.h), run over the
 * folder store; then what that one promises about its folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stores_blob_suite.h"

static char base[64];
static char root[96];

static int count_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static int descriptors; /* before the test: none may be left open by it */

static int make_root(void **state)
{
    (void)state;
    descriptors = count_descriptors();
    snprintf(base, sizeof base, "/tmp/oriane-blob-XXXXXX");
    assert_non_null(mkdtemp(base));
    snprintf(root, sizeof root, "%s/deep/root", base);
    return 0;
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *ftw)
{
    (void)about;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static int remove_root(void **state)
{
    (void)state;
    if (nftw(base, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0)
        return -1;
    return count_descriptors() - descriptors;
}

static struct ori_blob_store *open_store(void)
{
    struct ori_blob_store *store = NULL;
    struct ori_error err = {0};
    if (ori_blob_open_fs(root, false, &store, &err) != ORI_OK)
        fail_msg("%s", err.text);
    return store;
}

static char *path_of(const char *below, char path[512])
{
    snprintf(path, 512, "%s/%s", root, below);
    return path;
}

static void add_what_is_no_object(struct ori_blob_store *store)
{
    char path[512];
    (void)store;
    close(open(path_of("p/v/.hidden", path), O_CREAT | O_WRONLY, 0600));
    assert_int_equal(symlink("b", path_of("p/v/link", path)), 0);
}

static ori_status note_video(void *self, const char *platform, const char *code,
                             struct ori_error *err)
{
    char name[2 * ORI_LIMIT_MAX_CODE_CHARS + 2];
    snprintf(name, sizeof name, "%s/%s", platform, code);
    return note_name(self, name, err);
}

static void test_list_videos_in_byte_order(void **state)
{
    (void)state;
    struct ori_blob_store *store = open_store();
    struct listing listing = {.left = -1};
    char path[512];
    char name[ORI_LIMIT_MAX_CODE_CHARS + 2];
    assert_int_equal(ori_blob_list_videos(store, note_video, &listing, NULL, NULL), ORI_OK);
    assert_string_equal(listing.text, "");
    put_text(store, "q/b/x", "");
    put_text(store, "q/B/deep/x", "");
    put_text(store, "p/v/x", "");
    put_text(store, "p/10/x", "");
    put_text(store, "p/a b/x", ""); /* no code */
    put_text(store, "p/no_video", "");
    put_text(store, "neither", "");
    put_text(store, "empty/x/y", "");
    assert_int_equal(ori_blob_delete(store, "empty/x/y", NULL, NULL), ORI_OK);
    assert_int_equal(rmdir(path_of("empty/x", path)), 0);
    assert_int_equal(mkdir(path_of("p/.hidden", path), 0700), 0);
    assert_int_equal(mkdir(path_of(".hidden", path), 0700), 0);
    assert_int_equal(symlink("v", path_of("p/link", path)), 0);
    assert_int_equal(symlink("q", path_of("r", path)), 0);
    memset(name, 'n', sizeof name);
    name[ORI_LIMIT_MAX_CODE_CHARS + 1] = '\0'; /* one longer than a code may be */
    char key[2 * sizeof name];
    snprintf(key, sizeof key, "s/%s/x", name);
    put_text(store, key, "");
    assert_int_equal(ori_blob_list_videos(store, note_video, &listing, NULL, NULL), ORI_OK);
    assert_string_equal(listing.text, "p/10,p/v,q/B,q/b,");
    name[ORI_LIMIT_MAX_CODE_CHARS] = '\0';
    snprintf(key, sizeof key, "s/%s/x", name);
    put_text(store, key, "");
    listing = (struct listing){.left = -1};
    assert_int_equal(ori_blob_list_videos(store, note_video, &listing, NULL, NULL), ORI_OK);
    assert_non_null(strstr(listing.text, name));
    listing = (struct listing){.left = 2};
    assert_int_equal(ori_blob_list_videos(store, note_video, &listing, NULL, NULL), ORI_CANCELLED);
    assert_string_equal(listing.text, "p/10,p/v,q/B,");
    ori_blob_close(&store);
}

static void test_links_lead_nowhere(void **state)
{
    (void)state;
    struct ori_blob_store *store = open_store();
    char path[512];
    char outside[128];
    uint8_t *data = NULL;
    size_t bytes = 0;
    struct ori_blob_lock *lock = NULL;
    snprintf(outside, sizeof outside, "%s/outside", base);
    assert_int_equal(mkdir(outside, 0700), 0);
    char secret[160];
    snprintf(secret, sizeof secret, "%s/secret", outside);
    const int fd = open(secret, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(fd, "s", 1), 1);
    close(fd);
    put_text(store, "p/v/1", "x");
    assert_int_equal(symlink(outside, path_of("p/folder", path)), 0);
    assert_int_equal(symlink(outside, path_of("q", path)), 0);
    assert_int_equal(symlink(secret, path_of("p/v/file", path)), 0);
    assert_int_equal(ori_blob_get(store, "p/folder/secret", 10, &data, &bytes, NULL, NULL),
                     ORI_NOT_FOUND);
    assert_int_equal(ori_blob_get(store, "p/v/file", 10, &data, &bytes, NULL, NULL), ORI_NOT_FOUND);
    assert_int_equal(ori_blob_put(store, "p/folder/new", "x", 1, NULL, NULL, NULL),
                     ORI_NOT_WRITABLE);
    assert_int_equal(ori_blob_delete(store, "p/folder/secret", NULL, NULL), ORI_OK);
    assert_int_equal(ori_blob_lock_video(store, "p", "folder", NULL, &lock, NULL),
                     ORI_NOT_WRITABLE);
    assert_int_equal(ori_blob_lock_video(store, "q", "v", NULL, &lock, NULL), ORI_NOT_WRITABLE);
    put_text(store, "p/v/file", "in the link's place"); /* the link goes, its target stays */
    expect_text(store, "p/v/file", "in the link's place");
    struct stat about;
    assert_int_equal(stat(secret, &about), 0);
    assert_int_equal(about.st_size, 1);
    ori_blob_close(&store);
}

static void test_wrong_kinds_of_files(void **state)
{
    (void)state;
    struct ori_blob_store *store = open_store();
    uint8_t *data = NULL;
    size_t bytes = 0;
    int64_t size = 0;
    char path[512];
    struct ori_blob_lock *lock = NULL;
    struct listing listing = {.left = -1};
    put_text(store, "p/v", "a file where a folder should be");
    assert_int_equal(ori_blob_put(store, "p/v/1", "x", 1, NULL, NULL, NULL), ORI_NOT_WRITABLE);
    assert_int_equal(ori_blob_get(store, "p/v/1", 10, &data, &bytes, NULL, NULL), ORI_NOT_FOUND);
    assert_int_equal(ori_blob_delete(store, "p/v/1", NULL, NULL), ORI_OK);
    assert_int_equal(ori_blob_list_video(store, "p", "v", note, &listing, NULL, NULL), ORI_OK);
    assert_int_equal(ori_blob_lock_video(store, "p", "v", NULL, &lock, NULL), ORI_NOT_WRITABLE);
    put_text(store, "p/folder/1", "x");
    assert_int_equal(ori_blob_put(store, "p/folder", "x", 1, NULL, NULL, NULL), ORI_NOT_WRITABLE);
    assert_int_equal(ori_blob_stat(store, "p/folder", &size, NULL, NULL), ORI_NOT_FOUND);
    assert_int_equal(ori_blob_delete(store, "p/folder", NULL, NULL), ORI_OK);
    expect_text(store, "p/folder/1", "x");
    assert_int_equal(mkfifo(path_of("p/fifo", path), 0600), 0);
    assert_int_equal(ori_blob_get(store, "p/fifo", 10, &data, &bytes, NULL, NULL), ORI_NOT_FOUND);
    ori_blob_close(&store);
}

static void test_read_only(void **state)
{
    (void)state;
    struct ori_blob_store *store = NULL;
    struct ori_blob_lock *lock = NULL;
    assert_int_equal(ori_blob_open_fs(root, true, &store, NULL), ORI_NOT_FOUND);
    assert_int_equal(access(root, F_OK), -1);
    store = open_store();
    put_text(store, "p/v/1", "x");
    ori_blob_close(&store);
    assert_int_equal(ori_blob_open_fs(root, true, &store, NULL), ORI_OK);
    expect_text(store, "p/v/1", "x");
    assert_int_equal(ori_blob_put(store, "p/v/1", "y", 1, NULL, NULL, NULL), ORI_NOT_WRITABLE);
    assert_int_equal(ori_blob_delete(store, "p/v/1", NULL, NULL), ORI_NOT_WRITABLE);
    assert_int_equal(ori_blob_lock_video(store, "p", "v", NULL, &lock, NULL), ORI_NOT_WRITABLE);
    expect_text(store, "p/v/1", "x");
    ori_blob_close(&store);
}

static void test_root_that_cannot_be(void **state)
{
    (void)state;
    struct ori_blob_store *store = open_store();
    char path[512];
    put_text(store, "file", "x");
    assert_int_equal(
        ori_blob_open_fs(path_of("file", path), false, &(struct ori_blob_store *){0}, NULL),
        ORI_NOT_WRITABLE);
    assert_int_equal(
        ori_blob_open_fs(path_of("file/x", path), false, &(struct ori_blob_store *){0}, NULL),
        ORI_NOT_WRITABLE);
    ori_blob_close(&store);
}

static void test_a_lock_sweeps_parts_and_only_parts(void **state)
{
    static const char *const kept[] = {"p/v/1.png", "p/v/.note", "p/v/x.part", "p/v/.part"};
    static const char *const swept[] = {"p/v/.1.png.77.0.part", "p/v/.x.part"};
    (void)state;
    struct ori_blob_store *store = open_store();
    struct ori_blob_lock *lock = NULL;
    char path[512];
    put_text(store, "p/v/first", "x");
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        close(open(path_of(kept[i], path), O_CREAT | O_WRONLY, 0600));
    for (size_t i = 0; i < sizeof swept / sizeof swept[0]; i++)
        close(open(path_of(swept[i], path), O_CREAT | O_WRONLY, 0600));
    assert_int_equal(ori_blob_lock_video(store, "p", "v", NULL, &lock, NULL), ORI_OK);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        assert_int_equal(access(path_of(kept[i], path), F_OK), 0);
    for (size_t i = 0; i < sizeof swept / sizeof swept[0]; i++)
        assert_int_equal(access(path_of(swept[i], path), F_OK), -1);
    ori_blob_unlock_video(&lock);
    assert_null(lock);
    ori_blob_unlock_video(&lock);
    ori_blob_close(&store);
}

static void test_unlock_takes_an_empty_folder_away(void **state)
{
    (void)state;
    struct ori_blob_store *store = open_store();
    struct ori_blob_lock *lock = NULL;
    char path[512];
    assert_int_equal(ori_blob_lock_video(store, "p", "v", NULL, &lock, NULL), ORI_OK);
    assert_int_equal(access(path_of("p/v", path), F_OK), 0);
    ori_blob_unlock_video(&lock);
    assert_int_equal(access(path_of("p/v", path), F_OK), -1);
    assert_int_equal(ori_blob_lock_video(store, "p", "v", NULL, &lock, NULL), ORI_OK);
    put_text(store, "p/v/1", "x");
    ori_blob_unlock_video(&lock);
    expect_text(store, "p/v/1", "x");
    ori_blob_close(&store);
}

static const char *gone_before_lock; /* a folder that the last holder takes away just then */

/* Stands before the C library's: the moment between opening a folder and locking it. */
int flock(int fd, int operation)
{
    if (gone_before_lock) {
        assert_int_equal(rmdir(gone_before_lock), 0);
        gone_before_lock = NULL;
    }
    return (int)syscall(SYS_flock, fd, operation);
}

static void test_a_lock_on_a_folder_that_went_away_is_none(void **state)
{
    (void)state;
    struct ori_blob_store *store = open_store();
    struct ori_blob_lock *lock = NULL;
    char path[512];
    gone_before_lock = path_of("p/v", path);
    assert_int_equal(ori_blob_lock_video(store, "p", "v", NULL, &lock, NULL), ORI_OK);
    assert_null(gone_before_lock);
    assert_int_equal(access(path, F_OK), 0); /* it is there again, and this one is locked */
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(folder, LOCK_EX | LOCK_NB), -1);
    close(folder);
    ori_blob_unlock_video(&lock);
    ori_blob_close(&store);
}

static void *set_token(void *self)
{
    struct ori_cancel *cancel = self;
    ori_cancel_set(cancel);
    return NULL;
}

static void test_a_lock_is_waited_for_until_cancelled(void **state)
{
    (void)state;
    struct ori_blob_store *store = open_store();
    struct ori_blob_store *other = open_store();
    struct ori_blob_lock *lock = NULL;
    struct ori_blob_lock *second = NULL;
    struct ori_cancel cancel;
    struct ori_error err = {0};
    pthread_t thread;
    assert_int_equal(ori_cancel_init(&cancel, NULL, NULL), ORI_OK);
    assert_int_equal(ori_blob_lock_video(store, "p", "v", NULL, &lock, NULL), ORI_OK);
    assert_int_equal(pthread_create(&thread, NULL, set_token, &cancel), 0);
    assert_int_equal(ori_blob_lock_video(other, "p", "v", &cancel, &second, &err), ORI_CANCELLED);
    assert_non_null(strstr(err.text, "p/v"));
    assert_null(second);
    pthread_join(thread, NULL);
    assert_int_equal(ori_blob_lock_video(other, "p", "another", NULL, &second, NULL), ORI_OK);
    ori_blob_unlock_video(&second);
    ori_blob_unlock_video(&lock);
    ori_cancel_deinit(&cancel);
    ori_blob_close(&store);
    ori_blob_close(&other);
}

enum { WORKERS = 3, TURNS = 15 };

/* Adds 1 to a number in shared memory TURNS times; not atomically, the lock must do. Each holder
 * finds the folder gone or made anew by the one before. */
static void count_in_child(int *number)
{
    struct ori_blob_store *store = NULL;
    if (ori_blob_open_fs(root, false, &store, NULL) != ORI_OK)
        _exit(2);
    for (int i = 0; i < TURNS; i++) {
        struct ori_blob_lock *lock = NULL;
        if (ori_blob_lock_video(store, "p", "v", NULL, &lock, NULL) != ORI_OK)
            _exit(3);
        const int seen = *(volatile int *)number;
        if (ori_blob_put(store, "p/v/1", "x", 1, NULL, NULL, NULL) != ORI_OK)
            _exit(4);
        if (ori_blob_delete(store, "p/v/1", NULL, NULL) != ORI_OK)
            _exit(5);
        *(volatile int *)number = seen + 1;
        ori_blob_unlock_video(&lock);
    }
    ori_blob_close(&store);
    _exit(0);
}

static void test_one_writer_a_video_over_processes(void **state)
{
    (void)state;
    pid_t children[WORKERS];
    int *number = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(number, MAP_FAILED);
    for (int i = 0; i < WORKERS; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            count_in_child(number);
    }
    for (int i = 0; i < WORKERS; i++) {
        int how = 0;
        assert_int_equal(waitpid(children[i], &how, 0), children[i]);
        assert_true(WIFEXITED(how));
        assert_int_equal(WEXITSTATUS(how), 0);
    }
    assert_int_equal(*number, WORKERS * TURNS);
    munmap(number, 4096);
    struct ori_blob_store *store = open_store();
    char path[512];
    assert_int_equal(access(path_of("p/v", path), F_OK), -1);
    ori_blob_close(&store);
}

enum { BIG = 300000 };

/* Puts 'a's, 'b's, ... of one key for ever. */
static void put_in_child(int pipe_end)
{
    struct ori_blob_store *store = NULL;
    char *data = malloc(BIG);
    if (!data || ori_blob_open_fs(root, false, &store, NULL) != ORI_OK)
        _exit(2);
    for (int i = 0;; i++) {
        memset(data, 'a' + i % 26, BIG);
        if (ori_blob_put(store, "p/v/big", data, BIG, NULL, NULL, NULL) != ORI_OK)
            _exit(3);
        if (i == 0 && write(pipe_end, "x", 1) != 1)
            _exit(4);
    }
}

static void expect_whole(struct ori_blob_store *store)
{
    uint8_t *data = NULL;
    size_t bytes = 0;
    assert_int_equal(ori_blob_get(store, "p/v/big", BIG, &data, &bytes, NULL, NULL), ORI_OK);
    assert_int_equal(bytes, BIG);
    assert_in_range(data[0], 'a', 'z');
    for (size_t i = 1; i < bytes; i++) {
        if (data[i] != data[0])
            fail_msg("two puts in one object");
    }
    free(data);
}

static void test_killed_at_any_moment_an_object_is_whole(void **state)
{
    (void)state;
    const char *given = getenv("ORIANE_TEST_SEED");
    unsigned seed = 0;
    if (given)
        seed = (unsigned)strtoul(given, NULL, 10);
    else
        assert_int_equal(getrandom(&seed, sizeof seed, 0), sizeof seed);
    print_message("ORIANE_TEST_SEED=%u\n", seed);
    for (int round = 0; round < 10; round++) {
        int ends[2];
        char byte = 0;
        int how = 0;
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            put_in_child(ends[1]);
        close(ends[1]);
        assert_int_equal(read(ends[0], &byte, 1), 1);
        usleep((useconds_t)((unsigned)rand_r(&seed) % 20000)); /* the moment of death, no more */
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_true(WIFSIGNALED(how));
        close(ends[0]);
        struct ori_blob_store *store = open_store();
        struct ori_blob_lock *lock = NULL;
        expect_whole(store);
        assert_int_equal(ori_blob_lock_video(store, "p", "v", NULL, &lock, NULL), ORI_OK);
        ori_blob_unlock_video(&lock);
        char path[512];
        assert_int_equal(ori_blob_delete(store, "p/v/big", NULL, NULL), ORI_OK);
        assert_int_equal(rmdir(path_of("p/v", path)), 0); /* nothing else was left in it */
        ori_blob_close(&store);
    }
}

/* In a child with a mount namespace of its own: a tmpfs of 64 kB over base. */
static int fill_a_disk(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", base, "tmpfs", 0, "size=64k") != 0)
        return 77;
    static char data[100000];
    struct ori_blob_store *store = NULL;
    struct ori_error err = {0};
    if (ori_blob_open_fs(root, false, &store, &err) != ORI_OK)
        return 1;
    if (ori_blob_put(store, "p/v/1", data, 20000, NULL, NULL, NULL) != ORI_OK)
        return 2;
    if (ori_blob_put(store, "p/v/1", data, sizeof data, NULL, NULL, &err) != ORI_DISK_FULL)
        return 3;
    int64_t bytes = 0;
    if (ori_blob_stat(store, "p/v/1", &bytes, NULL, NULL) != ORI_OK || bytes != 20000)
        return 4; /* the old object stays */
    if (ori_blob_put(store, "p/v/2", data, 30000, NULL, NULL, NULL) != ORI_OK)
        return 5; /* the failed part gave its space back */
    if (mount(NULL, base, NULL, MS_REMOUNT | MS_RDONLY, NULL) != 0)
        return 77;
    if (ori_blob_put(store, "p/v/3", data, 1, NULL, NULL, &(struct ori_error){0}) !=
        ORI_NOT_WRITABLE)
        return 6;
    struct ori_blob_lock *lock = NULL;
    if (ori_blob_lock_video(store, "p", "new", NULL, &lock, NULL) != ORI_NOT_WRITABLE)
        return 7;
    if (ori_blob_delete(store, "p/v/1", NULL, NULL) != ORI_NOT_WRITABLE)
        return 8;
    ori_blob_close(&store);
    if (ori_blob_open_fs(root, true, &store, NULL) != ORI_OK)
        return 9;
    ori_blob_close(&store);
    return 0;
}

static void test_a_full_and_a_read_only_disk(void **state)
{
    (void)state;
    int how = 0;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(fill_a_disk());
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    if (WEXITSTATUS(how) == 77) {
        print_message("skipped: may not mount a file system\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(how), 0);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_put_get_stat_delete),
        IN_FOLDER(test_keys),
        IN_FOLDER(test_list_video_in_byte_order),
        IN_FOLDER(test_check),
        IN_FOLDER(test_a_lock_and_its_end),
        IN_FOLDER(test_list_videos_in_byte_order),
        IN_FOLDER(test_links_lead_nowhere),
        IN_FOLDER(test_wrong_kinds_of_files),
        IN_FOLDER(test_read_only),
        IN_FOLDER(test_root_that_cannot_be),
        IN_FOLDER(test_a_lock_sweeps_parts_and_only_parts),
        IN_FOLDER(test_unlock_takes_an_empty_folder_away),
        IN_FOLDER(test_a_lock_on_a_folder_that_went_away_is_none),
        IN_FOLDER(test_a_lock_is_waited_for_until_cancelled),
        IN_FOLDER(test_one_writer_a_video_over_processes),
        IN_FOLDER(test_killed_at_any_moment_an_object_is_whole),
        IN_FOLDER(test_a_full_and_a_read_only_disk),
    };
    return cmocka_run_group_tests_name("stores/blob", tests, NULL, NULL);
}
