#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/live.h"

#define THREADS 4
#define ROUNDS 200

#define ENVIRONMENT(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct ori_settings_sources sources_of(const char *const *environment)
{
    return (struct ori_settings_sources){.environment = environment};
}

static struct ori_live *create(const char *const *environment)
{
    const struct ori_settings *settings = NULL;
    struct ori_live *live = NULL;
    struct ori_settings_sources sources = sources_of(environment);
    assert_int_equal(ori_settings_load(&sources, &settings, NULL), ORI_OK);
    assert_int_equal(ori_live_create(settings, &live, NULL), ORI_OK);
    return live;
}

/* What was told, "VARIABLE+ " for taken, "VARIABLE- " for not. */
struct told {
    char text[4096];
};

static void tell(void *self, const char *variable, bool is_taken)
{
    struct told *told = self;
    size_t used = strlen(told->text);
    snprintf(told->text + used, sizeof told->text - used, "%s%c ", variable, is_taken ? '+' : '-');
}

static void reload(struct ori_live *live, const char *const *environment, const char *expected)
{
    struct told told = {.text = ""};
    struct ori_error err = {0};
    struct ori_settings_sources sources = sources_of(environment);
    assert_int_equal(ori_live_reload(live, &sources, NULL, tell, &told, &err), ORI_OK);
    assert_string_equal(told.text, expected);
}

static void shown(const struct ori_settings *settings, enum ori_setting setting, char text[256])
{
    struct ori_buf buf;
    ori_buf_init(&buf, 4096);
    ori_settings_write_back(settings, setting, &buf);
    snprintf(text, 256, "%s", ori_buf_text(&buf));
    ori_buf_deinit(&buf);
}

static void a_live_row_is_taken(void **state)
{
    (void)state;
    struct ori_live *live = create(ENVIRONMENT("LOG_LEVEL=info", "API_KEY=one"));
    const struct ori_settings *before = ori_live_ref(live);
    reload(live, ENVIRONMENT("LOG_LEVEL=debug", "API_KEY=two"), "API_KEY+ LOG_LEVEL+ ");
    const struct ori_settings *after = ori_live_ref(live);
    assert_string_equal(after->log_level, "debug");
    assert_string_equal(ori_secret_reveal(after->api_key), "two");
    assert_string_equal(before->log_level, "info"); /* as long as somebody has it */
    assert_string_equal(ori_secret_reveal(before->api_key), "one");
    ori_live_unref(live, &before);
    assert_null(before);
    ori_live_unref(live, &after);
    ori_live_unref(live, &after);
    reload(live, ENVIRONMENT("LOG_LEVEL=debug", "API_KEY=two"), "");
    ori_live_destroy(&live);
    assert_null(live);
    ori_live_destroy(&live);
}

static void a_cold_row_keeps_its_value(void **state)
{
    (void)state;
    struct ori_live *live = create(ENVIRONMENT("VP_MAX_WORKERS=3", "VP_OUTPUT_DIR=/tmp/a"));
    reload(live,
           ENVIRONMENT("VP_MAX_WORKERS=4", "VP_OUTPUT_DIR=/tmp/b", "METRICS_AUTH=1", "API_PORT=1"),
           "VP_OUTPUT_DIR- VP_TMP_DIR- VP_FRAMES_DIR- VP_LOGS_DIR- VP_REPORTS_DIR- VP_MAX_WORKERS- "
           "VECTOR_DB- API_PORT- METRICS_AUTH+ JOB_DB- ");
    const struct ori_settings *settings = ori_live_ref(live);
    assert_int_equal(settings->vp_max_workers, 3);
    assert_string_equal(settings->vp_output_dir, "/tmp/a");
    assert_string_equal(settings->vp_frames_dir, "/tmp/a/frames");
    assert_int_equal(settings->api_port, 8000);
    assert_true(settings->metrics_auth);
    assert_int_equal(ori_settings_origin(settings, ORI_SETTING_VP_MAX_WORKERS),
                     ORI_ORIGIN_ENVIRONMENT);
    assert_int_equal(ori_settings_origin(settings, ORI_SETTING_API_PORT), ORI_ORIGIN_DEFAULT);
    ori_live_unref(live, &settings);
    /* It is told again until the restart, and stays what it was at the start. */
    reload(live, ENVIRONMENT("VP_MAX_WORKERS=4", "VP_OUTPUT_DIR=/tmp/a", "METRICS_AUTH=1"),
           "VP_MAX_WORKERS- ");
    ori_live_destroy(&live);
}

static void a_bad_value_changes_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {"LOG_LEVEL=loud", "VP_MAX_WORKERS=0", "DRAIN_TIMEOUT=soon"};
    struct ori_live *live = create(ENVIRONMENT("MAX_VIDEOS_PER_REQUEST=7"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct told told = {.text = ""};
        struct ori_error err = {0};
        const char *const environment[] = {"MAX_VIDEOS_PER_REQUEST=8", bad[i], NULL};
        struct ori_settings_sources sources = sources_of(environment);
        const struct ori_settings *before = ori_live_ref(live);
        assert_int_equal(ori_live_reload(live, &sources, NULL, tell, &told, &err), ORI_BAD_SETTING);
        assert_int_equal(strncmp(err.text, bad[i], strcspn(bad[i], "=") + 1), 0);
        assert_string_equal(told.text, "");
        const struct ori_settings *after = ori_live_ref(live);
        assert_ptr_equal(before, after);
        assert_int_equal(after->max_videos_per_request, 7);
        ori_live_unref(live, &before);
        ori_live_unref(live, &after);
    }
    ori_live_destroy(&live);
}

/* A value that is allowed and not the one before, for every kind of row. */
static bool other_value(enum ori_setting setting, const char *before, char text[300])
{
    const struct ori_setting_row *row = ori_setting_row(setting);
    long long low = (long long)row->min;
    switch (row->kind) {
    case ORI_SETTING_KIND_BOOL:
        snprintf(text, 300, "%d",
                 strcmp(row->default_text, "1") != 0 && strcmp(row->default_text, "true") != 0);
        return true;
    case ORI_SETTING_KIND_INT:
    case ORI_SETTING_KIND_BYTES:
        snprintf(text, 300, "%lld", low + 1);
        if (strcmp(text, before) == 0)
            snprintf(text, 300, "%lld", low);
        return true;
    case ORI_SETTING_KIND_REAL:
        snprintf(text, 300, "%.17g", (row->min + row->max) / 3);
        return true;
    case ORI_SETTING_KIND_STRING:
    case ORI_SETTING_KIND_SECRET:
        snprintf(text, 300, "changed =#'\" \\");
        return true;
    case ORI_SETTING_KIND_CHOICE: { /* the second word */
        const char *word = row->choices + strcspn(row->choices, " ");
        word += strspn(word, " ");
        snprintf(text, 300, "%.*s", (int)strcspn(word, " ="), word);
        return text[0] != '\0' && strcmp(text, row->default_text) != 0;
    }
    case ORI_SETTING_KIND_CROPDETECT:
        snprintf(text, 300, "1:2:3");
        return true;
    }
    return false;
}

/* Every row of the table: changed in the sources, it is taken exactly when it stands in
 * live_tbl.h, and reads back as what was written. */
static void every_row_is_live_or_cold(void **state)
{
    (void)state;
    int live_rows = 0;
    const int live_rows_of_the_table = 0
#define ORI_LIVE_ROW(variable) +1
#include "config/live_tbl.h"
#undef ORI_LIVE_ROW
        ;
    for (int i = 0; i < ORI_SETTING_COUNT; i++) {
        enum ori_setting setting = (enum ori_setting)i;
        const struct ori_setting_row *row = ori_setting_row(setting);
        char value[300] = "";
        char pair[512];
        char before[256];
        char after[256];
        struct told told = {.text = ""};
        struct ori_error err = {0};
        struct ori_live *live = create(ENVIRONMENT("PATH=/bin"));
        const struct ori_settings *settings = ori_live_ref(live);
        shown(settings, setting, before);
        assert_true(other_value(setting, before, value));
        snprintf(pair, sizeof pair, "%s=%s", row->variable, value);
        ori_live_unref(live, &settings);
        const char *const environment[] = {pair, NULL};
        struct ori_settings_sources sources = sources_of(environment);
        ori_status status = ori_live_reload(live, &sources, NULL, tell, &told, &err);
        if (status != ORI_OK)
            fail_msg("%s: %s", pair, err.text);
        settings = ori_live_ref(live);
        shown(settings, setting, after);
        if (ori_live_has(setting) ? strcmp(before, after) == 0 : strcmp(before, after) != 0)
            fail_msg("%s: was %s, is %s, told %s", pair, before, after, told.text);
        char expected[128];
        snprintf(expected, sizeof expected, "%s%c ", row->variable,
                 ori_live_has(setting) ? '+' : '-');
        assert_non_null(strstr(told.text, expected));
        live_rows += ori_live_has(setting);
        ori_live_unref(live, &settings);
        ori_live_destroy(&live);
    }
    assert_int_equal(live_rows, live_rows_of_the_table);
}

struct crowd {
    struct ori_live *live;
    atomic_bool is_over;
    atomic_int reads;
};

/* Both rows change together: a snapshot that has one of each was no snapshot. */
static void *read_often(void *self)
{
    struct crowd *crowd = self;
    const struct ori_settings *kept = ori_live_ref(crowd->live);
    while (!atomic_load(&crowd->is_over)) {
        const struct ori_settings *settings = ori_live_ref(crowd->live);
        char key[32];
        snprintf(key, sizeof key, "%lld", (long long)settings->max_videos_per_request);
        ORI_ASSERT(strcmp(key, ori_secret_reveal(settings->api_key)) == 0);
        atomic_fetch_add(&crowd->reads, 1);
        ori_live_unref(crowd->live, &kept);
        kept = settings;
    }
    ori_live_unref(crowd->live, &kept);
    return NULL;
}

static void snapshots_are_whole_for_all_threads(void **state)
{
    (void)state;
    struct crowd crowd = {.live = create(ENVIRONMENT("MAX_VIDEOS_PER_REQUEST=1", "API_KEY=1"))};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_often, &crowd), 0);
    for (int i = 2; i < ROUNDS || atomic_load(&crowd.reads) < ROUNDS; i++) {
        char number[64];
        char key[64];
        snprintf(number, sizeof number, "MAX_VIDEOS_PER_REQUEST=%d", i % 1000 + 1);
        snprintf(key, sizeof key, "API_KEY=%d", i % 1000 + 1);
        reload(crowd.live, ENVIRONMENT(number, key), "API_KEY+ MAX_VIDEOS_PER_REQUEST+ ");
    }
    atomic_store(&crowd.is_over, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ori_live_destroy(&crowd.live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_live_row_is_taken),
        cmocka_unit_test(a_cold_row_keeps_its_value),
        cmocka_unit_test(a_bad_value_changes_nothing),
        cmocka_unit_test(every_row_is_live_or_cold),
        cmocka_unit_test(snapshots_are_whole_for_all_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
