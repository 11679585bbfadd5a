/* One item with real stores and the real model, and a child that does what its medium tells it: the
 * "video" is a script (see pipeline_actor.h). So every way of a decode process is at hand. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/item.h"
#include "pipeline_actor.h"
#include "pipeline_hostile.h"
#include "util/fs.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define CODE "clip-1"

/* ---- the world around an item ---- */

struct world {
    char root[64];
    const struct ori_settings *settings;
    struct ori_model *model;
    struct ori_batcher *batcher;
    struct ori_blob_store *blobs;
    struct ori_vector_store *vectors;
};
static struct world world;

static const struct ori_settings *load_settings(enum ori_setting setting, const char *text)
{
    const struct ori_settings *settings = NULL;
    struct ori_error err = {0};
    struct ori_setting_flag flags[] = {{ORI_SETTING_VP_MAX_PIXELS, "65536"}, {setting, text}};
    struct ori_settings_sources sources = {.flags = flags, .flags_count = COUNT_OF(flags)};
    assert_int_equal(ori_settings_load(&sources, &settings, &err), ORI_OK);
    return settings;
}

static int make_world(void **state)
{
    (void)state;
    struct ori_error err = {0};
    char path[128];
    snprintf(world.root, sizeof world.root, "/tmp/oriane-item-XXXXXX");
    assert_non_null(mkdtemp(world.root));
    assert_int_equal(chdir(world.root), 0);
    world.settings = load_settings(ORI_SETTING_VP_BATCH_SIZE, "8");
    assert_int_equal(
        ori_model_open(&(struct ori_model_options){.name = "builtin/visual-512", .dim_wanted = 512},
                       &world.model, &err),
        ORI_OK);
    struct ori_batcher_options batching = {.model = world.model, .batch_size = 8, .threads = 1};
    assert_int_equal(ori_batcher_create(&batching, &world.batcher, &err), ORI_OK);
    assert_int_equal(ori_blob_open_fs("frames", false, &world.blobs, &err), ORI_OK);
    snprintf(path, sizeof path, "%s/vectors.db", world.root);
    struct ori_vector_options storing = {
        .path = path, .model = "builtin/visual-512", .dim = 512, .threads = 1};
    assert_int_equal(ori_vector_open_embedded(&storing, &world.vectors, &err), ORI_OK);
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static int drop_world(void **state)
{
    (void)state;
    ori_vector_close(&world.vectors);
    ori_blob_close(&world.blobs);
    ori_batcher_destroy(&world.batcher);
    ori_model_close(&world.model);
    ori_settings_destroy(&world.settings);
    return chdir("/") == 0 ? nftw(world.root, remove_one, 16, FTW_DEPTH | FTW_PHYS) : -1;
}

/* The video's script, with a fixed time of change, so that the same text is the same file. */
static void write_video(const char *script)
{
    FILE *file = fopen("video.mp4", "w");
    assert_non_null(file);
    fputs(script, file);
    fclose(file);
    struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, "video.mp4", times, 0), 0);
}

struct run_options {
    const struct ori_settings *settings; /* NULL: the world's */
    const char *program;
    const char *path;
    const struct ori_cancel *cancel;
    bool is_forced;
    struct ori_metrics *metrics;
    const struct ori_log *log;
    void (*on_progress)(void *self, const struct ori_item_progress *progress);
    void *on_progress_self;
};

static struct ori_item_result run(struct run_options options)
{
    char path[128];
    struct ori_item_result result;
    snprintf(path, sizeof path, "%s/video.mp4", world.root);
    struct ori_item_environment environment = {.settings = options.settings ? options.settings
                                                                            : world.settings,
                                               .model = ori_model_info(world.model),
                                               .batcher = world.batcher,
                                               .blobs = world.blobs,
                                               .vectors = world.vectors,
                                               .child_program = options.program,
                                               .metrics = options.metrics};
    struct ori_item_request request = {.path = options.path ? options.path : path,
                                       .platform = "local",
                                       .code = CODE,
                                       .is_forced = options.is_forced,
                                       .log = options.log,
                                       .on_progress = options.on_progress,
                                       .on_progress_self = options.on_progress_self};
    ori_item_result_init(&result);
    ori_status status = ori_item_run(&environment, &request, options.cancel, &result);
    assert_int_equal(status, result.status);
    if (status == ORI_OK)
        assert_int_equal(result.error.status, ORI_OK);
    else
        assert_non_null(result.error.stage);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child, dead or alive */
    return result;
}

/* Runs and expects that status. */
static void expect(ori_status status, struct run_options options)
{
    struct ori_item_result result = run(options);
    if (result.status != status)
        fail_msg("%s: %s", ori_status_code(result.status), result.error.text);
    ori_item_result_deinit(&result);
}

/* Names in the video's folder, sorted, split by blanks; "" when there is no folder. */
static const char *folder_names(void)
{
    static char text[4096];
    struct dirent **entries = NULL;
    int count = scandir("frames/local/" CODE, &entries, NULL, alphasort);
    text[0] = '\0';
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.' || entries[i]->d_name[1] > '.') {
            strncat(text, text[0] ? " " : "", sizeof text - strlen(text) - 1);
            strncat(text, entries[i]->d_name, sizeof text - strlen(text) - 1);
        }
        free(entries[i]);
    }
    free(entries);
    return text;
}

static int64_t points(void)
{
    int64_t count = 0;
    struct ori_error err = {0};
    struct ori_vector_filter filter = {
        .platform = "local", .video_code = CODE, .second_min = -1, .second_max = -1};
    assert_int_equal(ori_vector_count(world.vectors, &filter, &count, &err), ORI_OK);
    return count;
}

/* What stands in a file: malloc'ed. */
static char *read_file(const char *name)
{
    char path[256];
    char *data = NULL;
    size_t bytes = 0;
    struct ori_error err = {0};
    snprintf(path, sizeof path, "frames/local/" CODE "/%s", name);
    assert_int_equal(ori_fs_read_file(AT_FDCWD, path, 1 << 20, &data, &bytes, &err), ORI_OK);
    return data;
}

static bool manifest_says(const char *words)
{
    char *text = read_file("manifest.json");
    bool is_said = strstr(text, words) != NULL;
    free(text);
    return is_said;
}

static void write_file(const char *name, const char *text)
{
    char path[256];
    struct ori_error err = {0};
    snprintf(path, sizeof path, "frames/local/" CODE "/%s", name);
    assert_int_equal(ori_fs_write_file(AT_FDCWD, path, text, strlen(text), &err), ORI_OK);
}

static int clear(void **state)
{
    (void)state;
    struct ori_error err = {0};
    if (nftw("frames/local", remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        return -1;
    return ori_vector_replace_video(world.vectors, "local", CODE, NULL, 0, &err) == ORI_OK ? 0 : -1;
}

#define SCRIPT_A "info\nframe 0 10\nframe 1234 20\nframe 5000 30\nwarning\nscene 0 9000\ndone\n"
#define NAMES_A "1_0.00.png 2_1.23.png 3_5.00.png manifest.json"
#define SCRIPT_B "info\nframe 0 40\nframe 2000 50\nscene 0 9000\ndone\n"

/* ---- the tests ---- */

static void a_video_is_stored(void **state)
{
    (void)state;
    write_video(SCRIPT_A);
    struct ori_item_result result = run((struct run_options){0});
    assert_int_equal(result.status, ORI_OK);
    assert_false(result.is_skipped);
    assert_int_equal(result.manifest.frames_count, 3);
    assert_int_equal(result.manifest.scenes_count, 1);
    assert_int_equal(result.manifest.duration_us, 10000000);
    assert_true(result.manifest.has_crop);
    assert_false(result.manifest.scenes[0].has_crop); /* the video's own */
    assert_string_equal(result.manifest.warnings[0].code, "truncated");
    assert_string_equal(folder_names(), NAMES_A);
    assert_true(manifest_says("\"complete\": true"));
    assert_int_equal(points(), 3);

    char *still = read_file("2_1.23.png");
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(still[i], 20);
    free(still);

    float vector[512];
    char id[ORI_UUID_TEXT_BYTES];
    struct ori_error err = {0};
    struct ori_hits hits;
    ori_manifest_frame_id(&result.manifest, &result.manifest.frames[1], id);
    assert_int_equal(ori_vector_get(world.vectors, id, vector, &err), ORI_OK);
    assert_int_equal(ori_vector_search(world.vectors, vector, 1, NULL, NULL, &hits, &err), ORI_OK);
    const struct ori_point_payload *payload = &hits.hits[0].payload;
    assert_string_equal(payload->uuid, id);
    assert_string_equal(payload->path, "local/" CODE "/2_1.23.png");
    assert_string_equal(payload->video_code, CODE);
    assert_int_equal(payload->frame_number, 2);
    assert_true(payload->frame_second == 1.23);
    assert_int_equal(payload->width, 64);
    assert_int_equal(payload->height, 48);
    assert_int_equal(payload->scene, 1);
    assert_string_equal(payload->dhash, "0000000000000014");
    assert_string_equal(payload->model, "builtin/visual-512");
    assert_string_equal(payload->created_at, result.manifest.created_at);
    ori_hits_deinit(&hits);
    ori_item_result_deinit(&result);
}

static void done_is_done(void **state)
{
    (void)state;
    write_video(SCRIPT_A);
    expect(ORI_OK, (struct run_options){0});
    char *before = read_file("manifest.json");
    /* A child that cannot be started would show. */
    struct ori_item_result result = run((struct run_options){.program = "/no/such/program"});
    assert_int_equal(result.status, ORI_OK);
    assert_true(result.is_skipped);
    assert_int_equal(result.manifest.frames_count, 3);
    assert_string_equal(result.manifest.code, CODE);
    ori_item_result_deinit(&result);
    char *after = read_file("manifest.json");
    assert_string_equal(before, after);
    free(before);
    free(after);
    expect(ORI_NOT_FOUND, (struct run_options){.program = "/no/such/program", .is_forced = true});
}

static void what_is_missing_is_made_again(void **state)
{
    (void)state;
    struct ori_error err = {0};
    write_video(SCRIPT_A);
    expect(ORI_OK, (struct run_options){0});
    assert_int_equal(unlink("frames/local/" CODE "/2_1.23.png"), 0);
    expect(ORI_OK, (struct run_options){0});
    assert_string_equal(folder_names(), NAMES_A);

    assert_int_equal(truncate("frames/local/" CODE "/2_1.23.png", 0), 0);
    expect(ORI_OK, (struct run_options){0});
    char *still = read_file("2_1.23.png");
    assert_int_equal(still[0], 20);
    free(still);

    assert_int_equal(ori_vector_replace_video(world.vectors, "local", CODE, NULL, 0, &err), ORI_OK);
    expect(ORI_OK, (struct run_options){0});
    assert_int_equal(points(), 3);

    write_file("manifest.json", "{\"version\": 1}");
    struct ori_item_result result = run((struct run_options){0});
    assert_int_equal(result.status, ORI_OK);
    assert_true(result.had_broken_manifest);
    assert_false(result.is_skipped);
    ori_item_result_deinit(&result);
    assert_true(manifest_says("\"complete\": true"));
}

static void another_result_replaces_all(void **state)
{
    (void)state;
    write_video(SCRIPT_A);
    expect(ORI_OK, (struct run_options){0});
    write_file("notes.txt", "mine");
    write_file("cover.png", "mine");
    write_file("1_0.00.png.bak", "mine");
    write_file("9_99.99.webp", "a frame of another run");
    write_video(SCRIPT_B);
    expect(ORI_OK, (struct run_options){0});
    assert_string_equal(folder_names(),
                        "1_0.00.png 1_0.00.png.bak 2_2.00.png cover.png manifest.json notes.txt");
    assert_int_equal(points(), 2);
    char *mine = read_file("notes.txt");
    assert_string_equal(mine, "mine");
    free(mine);

    const struct ori_settings *jpeg = load_settings(ORI_SETTING_VP_FRAME_FORMAT, "jpeg");
    expect(ORI_OK, (struct run_options){.settings = jpeg});
    assert_string_equal(folder_names(),
                        "1_0.00.jpg 1_0.00.png.bak 2_2.00.jpg cover.png manifest.json notes.txt");
    assert_int_equal(points(), 2);
    ori_settings_destroy(&jpeg);
}

static void nothing_to_show(void **state)
{
    (void)state;
    write_video(SCRIPT_A);
    expect(ORI_OK, (struct run_options){0});
    write_video("info\nscene 0 9000\ndone\n");
    struct ori_item_result result = run((struct run_options){0});
    assert_int_equal(result.status, ORI_OK);
    assert_int_equal(result.manifest.frames_count, 0);
    ori_item_result_deinit(&result);
    assert_string_equal(folder_names(), "manifest.json");
    assert_int_equal(points(), 0);
    result = run((struct run_options){0});
    assert_true(result.is_skipped);
    ori_item_result_deinit(&result);
}

/* Ways to fail, after how much was done; nothing of the attempt stays. */
static const struct {
    const char *script;
    ori_status status;
    const char *stage;
} failures[] = {
    {"fail\n", ORI_DECODE, "decode"},
    {"info\nfail\n", ORI_DECODE, "decode"},
    {"info\nframe 0 77\nframe 7770 77\nfail\n", ORI_DECODE, "decode"},
    {"info\nframe 0 77\nframe 7770 77\ncrash\n", ORI_CHILD_CRASHED, "decode"},
    {"info\nframe 0 77\nframe 7770 77\nnonsense\n", ORI_CHILD_PROTOCOL, "decode"},
    {"info\nframe 0 77\nframe 7770 77\nquit\n", ORI_CHILD_PROTOCOL, "decode"},
    {"info\nframe 0 77\nframe 7770 77\n", ORI_CHILD_PROTOCOL, "decode"},
    {"info\nframe 0 77\nframe 0 77\nscene 0 9000\ndone\n", ORI_CHILD_PROTOCOL, "decode"},
    {"crash\n", ORI_CHILD_CRASHED, "decode"},
    {"done\n", ORI_CHILD_PROTOCOL, "decode"},
};

static void failures_leave_nothing(void **state)
{
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        assert_int_equal(clear(state), 0);
        write_video(failures[i].script);
        struct ori_item_result result = run((struct run_options){0});
        print_message("%zu: %s\n", i, result.error.text);
        assert_int_equal(result.status, failures[i].status);
        assert_string_equal(result.error.stage, failures[i].stage);
        assert_int_equal(result.attempts, 1);
        assert_int_equal(result.manifest.frames_count, 0);
        assert_string_equal(result.manifest.code, CODE);
        ori_item_result_deinit(&result);
        assert_int_equal(access("frames/local/" CODE, F_OK), -1);
        assert_int_equal(points(), 0);
    }
}

static void failures_keep_what_was(void **state)
{
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        assert_int_equal(clear(state), 0);
        write_video(SCRIPT_A);
        expect(ORI_OK, (struct run_options){0});
        write_video(failures[i].script);
        expect(failures[i].status, (struct run_options){0});
        print_message("%zu\n", i);
        assert_string_equal(folder_names(), NAMES_A);
        assert_int_equal(points(), 3);
        /* Where the attempt wrote something, what stands there is no result any more... */
        bool has_written = strstr(failures[i].script, "frame 0 77") != NULL;
        assert_int_equal(manifest_says("\"complete\": false"), has_written);
        /* ...and the old file with the old settings makes it one again. */
        write_video(SCRIPT_A);
        struct ori_item_result result = run((struct run_options){0});
        assert_int_equal(result.status, ORI_OK);
        assert_int_equal(result.is_skipped, !has_written);
        ori_item_result_deinit(&result);
        char *still = read_file("1_0.00.png");
        assert_int_equal(still[0], 10);
        free(still);
        assert_string_equal(folder_names(), NAMES_A);
        assert_true(manifest_says("\"complete\": true"));
    }
}

/* The store refuses the second still: there is a folder of its name. */
static void a_store_that_refuses(void **state)
{
    (void)state;
    struct ori_error err = {0};
    write_video(SCRIPT_A);
    assert_int_equal(ori_fs_make_folders("frames/local/" CODE "/2_1.23.png/x", &err), ORI_OK);
    struct ori_item_result result = run((struct run_options){0});
    print_message("%s\n", result.error.text);
    assert_int_equal(result.status, ORI_NOT_WRITABLE);
    ori_item_result_deinit(&result);
    assert_string_equal(folder_names(), "2_1.23.png");
    assert_int_equal(points(), 0);
}

static void inputs_that_are_no_file(void **state)
{
    (void)state;
    const struct ori_settings *tight = load_settings(ORI_SETTING_VP_MAX_BYTES, "10");
    char fifo[128];
    char empty[128];
    char missing[128];
    char bytes10[128];
    snprintf(fifo, sizeof fifo, "%s/fifo", world.root);
    snprintf(empty, sizeof empty, "%s/empty", world.root);
    snprintf(missing, sizeof missing, "%s/missing", world.root);
    snprintf(bytes10, sizeof bytes10, "%s/bytes10", world.root);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    FILE *file = fopen(empty, "w");
    fclose(file);
    file = fopen(bytes10, "w");
    fputs("info\nfail\n", file);
    fclose(file);
    expect(ORI_NOT_A_FILE, (struct run_options){.path = fifo});
    expect(ORI_NOT_A_FILE, (struct run_options){.path = world.root});
    expect(ORI_NOT_A_FILE, (struct run_options){.path = "/dev/zero"});
    expect(ORI_EMPTY_FILE, (struct run_options){.path = empty});
    expect(ORI_NOT_FOUND, (struct run_options){.path = missing});
    expect(ORI_DECODE, (struct run_options){.path = bytes10, .settings = tight});
    file = fopen(bytes10, "a");
    fputs("\n", file);
    fclose(file);
    expect(ORI_LIMIT, (struct run_options){.path = bytes10, .settings = tight});
    assert_int_equal(access("frames/local/" CODE, F_OK), -1);
    ori_settings_destroy(&tight);
}

static void time_runs_out(void **state)
{
    (void)state;
    const struct ori_settings *hasty = load_settings(ORI_SETTING_VP_ITEM_TIMEOUT, "1");
    write_video("info\nframe 0 1\nhang\n");
    struct ori_item_result result = run((struct run_options){.settings = hasty});
    assert_int_equal(result.status, ORI_TIMEOUT);
    assert_true(result.timings.total >= 1 && result.timings.total < 20);
    ori_item_result_deinit(&result);
    assert_string_equal(folder_names(), "");
    ori_settings_destroy(&hasty);
}

/* Sets the token as soon as the item has written its first still. */
static void *cancel_after_first_still(void *self)
{
    while (access("frames/local/" CODE "/1_0.00.png", F_OK) != 0)
        (void)!ori_cancel_wait(NULL, 1);
    ori_cancel_set(self);
    return NULL;
}

static void cancelled_half_way(void **state)
{
    (void)state;
    struct ori_cancel cancel;
    struct ori_error err = {0};
    pthread_t thread;
    write_video("info\nframe 0 1\nframe 1000 2\nhang\n");
    assert_int_equal(ori_cancel_init(&cancel, NULL, &err), ORI_OK);
    assert_int_equal(pthread_create(&thread, NULL, cancel_after_first_still, &cancel), 0);
    struct ori_item_result result = run((struct run_options){.cancel = &cancel});
    assert_int_equal(result.status, ORI_CANCELLED);
    pthread_join(thread, NULL);
    ori_item_result_deinit(&result);
    assert_string_equal(folder_names(), "");

    write_video(SCRIPT_A); /* set before the start: nothing is begun */
    expect(ORI_CANCELLED, (struct run_options){.cancel = &cancel, .program = "/no/such/program"});
    ori_cancel_deinit(&cancel);
}

static void a_local_medium_is_all_there(void **state)
{
    (void)state;
    write_video("need\ninfo\nscene 0 9000\ndone\n"); /* the answer is "failed", and nobody minds */
    expect(ORI_OK, (struct run_options){0});
}

static void *run_once(void *self)
{
    struct ori_item_result *result = self;
    char path[128];
    snprintf(path, sizeof path, "%s/video.mp4", world.root);
    struct ori_item_environment environment = {.settings = world.settings,
                                               .model = ori_model_info(world.model),
                                               .batcher = world.batcher,
                                               .blobs = world.blobs,
                                               .vectors = world.vectors};
    struct ori_item_request request = {.path = path, .platform = "local", .code = CODE};
    ori_item_result_init(result);
    (void)!ori_item_run(&environment, &request, NULL, result);
    return NULL;
}

static void one_video_on_many_threads(void **state)
{
    (void)state;
    enum { THREADS = 6 };
    pthread_t threads[THREADS];
    struct ori_item_result results[THREADS];
    int skipped = 0;
    write_video(SCRIPT_A);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_once, &results[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(results[i].status, ORI_OK);
        skipped += results[i].is_skipped;
        ori_item_result_deinit(&results[i]);
    }
    assert_int_equal(skipped, THREADS - 1);
    assert_string_equal(folder_names(), NAMES_A);
    assert_int_equal(points(), 3);
}

static void many_frames(void **state)
{
    (void)state;
    FILE *file = fopen("video.mp4", "w");
    fputs("info\n", file);
    for (int i = 0; i < 300; i++)
        fprintf(file, "frame %d %d\n", i * 10, i % 200 + 1);
    fputs("scene 0 9000\ndone\n", file);
    fclose(file);
    struct ori_item_result result = run((struct run_options){0});
    assert_int_equal(result.status, ORI_OK);
    assert_int_equal(result.manifest.frames_count, 300);
    assert_int_equal(points(), 300);
    for (size_t i = 0; i < 300; i++) {
        char *still = read_file(result.manifest.frames[i].file);
        assert_int_equal((uint8_t)still[99], i % 200 + 1);
        free(still);
    }
    ori_item_result_deinit(&result);
}

/* The stages as they were told, each once, split by blanks. */
struct heard {
    char stages[256];
    const char *last;
    struct ori_item_progress progress;
};

static void hear_progress(void *self, const struct ori_item_progress *progress)
{
    struct heard *heard = self;
    size_t used = strlen(heard->stages);
    assert_non_null(progress->stage);
    assert_true(progress->pts_us >= heard->progress.pts_us);
    assert_true(progress->frames >= heard->progress.frames);
    heard->progress = *progress;
    if (heard->last && strcmp(heard->last, progress->stage) == 0)
        return;
    heard->last = progress->stage;
    snprintf(heard->stages + used, sizeof heard->stages - used, "%s ", progress->stage);
}

static void stages_are_told_as_they_begin(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        const char *stages;
        ori_status status;
    } rows[] = {
        {SCRIPT_A, "open lock check decode vectors clean manifest ", ORI_OK},
        {SCRIPT_A, "open lock check ", ORI_OK}, /* done already */
        {"info\nfail\n", "open lock check decode ", ORI_DECODE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct heard heard = {.stages = ""};
        write_video(rows[i].script);
        expect(rows[i].status,
               (struct run_options){.on_progress = hear_progress, .on_progress_self = &heard});
        assert_string_equal(heard.stages, rows[i].stages);
    }
}

static double counted(struct ori_metrics *metrics, enum ori_metric metric, int label)
{
    return ori_metrics_value(metrics, metric, label);
}

static void work_is_counted_once(void **state)
{
    (void)state;
    struct ori_metrics *metrics = NULL;
    assert_int_equal(ori_metrics_create(true, &metrics, NULL), ORI_OK);
    write_video(SCRIPT_A);
    for (int i = 0; i < 2; i++) { /* the second time there is nothing to do */
        expect(ORI_OK, (struct run_options){.metrics = metrics});
        assert_true(counted(metrics, ORI_METRIC_FRAMES, 0) == 3);
        assert_true(counted(metrics, ORI_METRIC_MEDIA_SECONDS, 0) == 10);
        assert_true(counted(metrics, ORI_METRIC_MEDIA_BYTES, 0) == sizeof SCRIPT_A - 1);
        assert_true(counted(metrics, ORI_METRIC_STORED_POINTS, 0) == 3);
        assert_true(counted(metrics, ORI_METRIC_STORED_OBJECTS, 0) == 5); /* two manifests */
    }
    assert_true(counted(metrics, ORI_METRIC_ITEM_SECONDS, 0) > 0);
    assert_true(counted(metrics, ORI_METRIC_STAGE_SECONDS, ori_metrics_stage("extract")) > 0);
    write_video("info\nfail\n");
    expect(ORI_DECODE, (struct run_options){.metrics = metrics});
    assert_true(counted(metrics, ORI_METRIC_FRAMES, 0) == 3);
    ori_metrics_destroy(&metrics);
}

/* Runs a script with a log of that level; what was logged, malloc'ed. */
static char *log_of(const char *script, enum ori_log_level level, ori_status expected)
{
    int fd = memfd_create("log", MFD_CLOEXEC);
    struct ori_log log = {.platform = "local", .code = CODE, .job_id = "j1"};
    size_t bytes = 0;
    char *text = calloc(1, 1 << 17);
    assert_non_null(text);
    assert_int_equal(ori_log_sink_create(fd, level, ORI_LOG_JSON, &log.sink, NULL), ORI_OK);
    write_video(script);
    expect(expected, (struct run_options){.log = &log, .is_forced = true});
    assert_int_equal(ori_fs_read_at(fd, 0, text, (1 << 17) - 1, &bytes, NULL), ORI_OK);
    ori_log_sink_destroy(&log.sink);
    close(fd);
    return text;
}

static size_t lines_with(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        count++;
    return count;
}

static void words_of_the_decoder_are_logged(void **state)
{
    (void)state;
    static const struct {
        enum ori_log_level level;
        size_t fatal;
        size_t warnings;
        size_t chatter;
        size_t foreign;
    } rows[] = {{ORI_LOG_ERROR, 0, 0, 0, 0},
                {ORI_LOG_WARN, 1, 0, 0, 1},
                {ORI_LOG_DEBUG, 1, 2, 0, 1},
                {ORI_LOG_TRACE, 1, 2, 3, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = log_of("info\nsay 1 1\nsay 2 2\nsay 3 3\nmutter\nscene 0 9000\ndone\n",
                            rows[i].level, ORI_OK);
        assert_int_equal(lines_with(text, "\"level\":\"debug\",\"event\":\"decoder.said\""),
                         rows[i].warnings);
        assert_int_equal(lines_with(text, "\"level\":\"trace\",\"event\":\"decoder.said\""),
                         rows[i].chatter);
        assert_int_equal(lines_with(text, "\"level\":\"warn\",\"event\":\"decoder.said\""),
                         rows[i].fatal + rows[i].foreign);
        assert_int_equal(lines_with(text, "not libav"), rows[i].foreign);
        assert_int_equal(lines_with(text,
                                    "\"job_id\":\"j1\",\"platform\":\"local\",\"code\":\"" CODE
                                    "\",\"stage\":\"decode\""),
                         rows[i].fatal + rows[i].warnings + rows[i].chatter + rows[i].foreign);
        free(text);
    }
}

/* More than a pipe holds: the child is not held up, the log is not flooded, and says what it lacks. */
static void a_chatty_decoder_is_bounded(void **state)
{
    (void)state;
    char *text = log_of("info\nsay 2 20000\nscene 0 9000\ndone\n", ORI_LOG_DEBUG, ORI_OK);
    assert_int_equal(lines_with(text, "\"decoder.said\""), ORI_LIMIT_MAX_CHILD_LINES);
    assert_int_equal(lines_with(text, "\"decoder.said_more\""), 1);
    free(text);
}

/* libav's chatter does not take the place of what was said before a crash. */
static void a_crash_shows_its_own_words(void **state)
{
    (void)state;
    write_video("info\nmutter\nsay 2 3\ncrash\n");
    struct ori_item_result result = run((struct run_options){0});
    assert_int_equal(result.status, ORI_CHILD_CRASHED);
    assert_non_null(strstr(result.error.text, "(SIGSEGV): not libav"));
    ori_item_result_deinit(&result);
}

static int count_descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

/* Conversations bent by a seed: ORIANE_SEEDS of them, from ORIANE_SEED on. The parent stays sound,
 * nothing is left behind, and the next video is as good as ever. */
static void a_hostile_child_ends_its_item_alone(void **state)
{
    (void)state;
    const char *from_text = getenv("ORIANE_SEED");
    const char *count_text = getenv("ORIANE_SEEDS");
    long from = from_text ? strtol(from_text, NULL, 10) : 1;
    long count = count_text ? strtol(count_text, NULL, 10) : 40;
    int seen[ORI_STATUS_COUNT] = {0};
    int descriptors = 0;
    for (long seed = from; seed < from + count; seed++) {
        char script[64];
        snprintf(script, sizeof script, "hostile %ld\n", seed);
        write_video(script);
        struct ori_item_result result = run((struct run_options){.is_forced = true});
        seen[result.status]++;
        if (result.status != ORI_OK && result.status != ORI_CHILD_PROTOCOL &&
            result.status != ORI_CHILD_CRASHED && result.status != ORI_DECODE)
            fail_msg("seed %ld: %s: %s", seed, ori_status_code(result.status), result.error.text);
        ori_item_result_deinit(&result);
        if (seed == from) /* what the first one leaves open is kept for the next */
            descriptors = count_descriptors();
        if (count_descriptors() != descriptors)
            fail_msg("seed %ld: descriptors are left open", seed);
    }
    print_message("%ld hostile children: %d protocol, %d crashed, %d failed, %d went through\n",
                  count, seen[ORI_CHILD_PROTOCOL], seen[ORI_CHILD_CRASHED], seen[ORI_DECODE],
                  seen[ORI_OK]);
    if (count > 20)
        assert_true(seen[ORI_CHILD_PROTOCOL] && seen[ORI_CHILD_CRASHED]);
    write_video(SCRIPT_A);
    expect(ORI_OK, (struct run_options){.is_forced = true});
    assert_string_equal(folder_names(), NAMES_A);
    assert_int_equal(points(), 3);
}

/* The medium says which of the two. */
static int be_child(void)
{
    char line[64] = "";
    unsigned long long seed = 0;
    if (pread(ORI_CHILD_FD_MEDIUM, line, sizeof line - 1, 0) > 0 &&
        sscanf(line, "hostile %llu", &seed) == 1)
        return hostile_play(seed);
    return actor_play();
}

int main(int argc, char **argv)
{
    if (actor_is_called(argc, argv))
        return be_child();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_video_is_stored, clear),
        cmocka_unit_test_setup(done_is_done, clear),
        cmocka_unit_test_setup(what_is_missing_is_made_again, clear),
        cmocka_unit_test_setup(another_result_replaces_all, clear),
        cmocka_unit_test_setup(nothing_to_show, clear),
        cmocka_unit_test_setup(failures_leave_nothing, clear),
        cmocka_unit_test_setup(failures_keep_what_was, clear),
        cmocka_unit_test_setup(a_store_that_refuses, clear),
        cmocka_unit_test_setup(inputs_that_are_no_file, clear),
        cmocka_unit_test_setup(time_runs_out, clear),
        cmocka_unit_test_setup(cancelled_half_way, clear),
        cmocka_unit_test_setup(a_local_medium_is_all_there, clear),
        cmocka_unit_test_setup(one_video_on_many_threads, clear),
        cmocka_unit_test_setup(many_frames, clear),
        cmocka_unit_test_setup(stages_are_told_as_they_begin, clear),
        cmocka_unit_test_setup(work_is_counted_once, clear),
        cmocka_unit_test_setup(words_of_the_decoder_are_logged, clear),
        cmocka_unit_test_setup(a_chatty_decoder_is_bounded, clear),
        cmocka_unit_test_setup(a_crash_shows_its_own_words, clear),
        cmocka_unit_test_setup(a_hostile_child_ends_its_item_alone, clear),
    };
    return cmocka_run_group_tests(tests, make_world, drop_world);
}
