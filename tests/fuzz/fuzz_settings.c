/* A .env file, and the settings it makes. Its rows are written again and read as the same; so is every
 * value of a setting; a secret is neither in what fails nor in what is shown. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/env_file.h"
#include "config/setting_value.h"
#include "config/settings.h"
#include "fuzz_input.h"
#include "util/limits.h"

#define SECRET "sesame" /* what a value begins with that is looked for */

/* ---- the file ---- */

static void add_quoted(struct ori_buf *buf, const char *value)
{
    ori_buf_add_text(buf, "\"");
    for (; *value; value++) {
        const char *letter = *value == '\n'   ? "n"
                             : *value == '\r' ? "r"
                             : *value == '\t' ? "t"
                                              : NULL;
        if (letter || strchr("\"\\$", *value))
            ori_buf_add_text(buf, "\\");
        ori_buf_add(buf, letter ? letter : value, 1);
    }
    ori_buf_add_text(buf, "\"\r\n");
}

static void check_file_again(const struct ori_env_file *file)
{
    struct ori_env_file again = {0};
    struct ori_buf text;
    size_t longest = 0;
    ori_buf_init(&text, ORI_LIMIT_MAX_ENV_FILE_BYTES);
    for (size_t i = 0; i < file->count; i++) {
        const size_t before = text.used;
        ori_buf_printf(&text, "  export\t%s =", file->rows[i].name);
        add_quoted(&text, file->rows[i].value);
        longest = text.used - before > longest ? text.used - before : longest;
    }
    if (text.status == ORI_OK && longest <= ORI_LIMIT_MAX_ENV_LINE_BYTES) {
        MUST(ori_env_file_parse(".env", ori_buf_text(&text), text.used, &again, NULL) == ORI_OK);
        MUST(again.count == file->count);
        for (size_t i = 0; i < file->count; i++)
            MUST(strcmp(again.rows[i].name, file->rows[i].name) == 0 &&
                 strcmp(again.rows[i].value, file->rows[i].value) == 0);
    }
    ori_env_file_deinit(&again);
    ori_buf_deinit(&text);
}

/* ---- one value ---- */

union field {
    bool boolean;
    int64_t whole;
    double real;
    const char *text;
    struct ori_secret secret;
    struct ori_cropdetect box;
};

/* What was read is written, and that is read and written the same. */
static void check_value(const struct ori_setting_row *row, const char *text)
{
    union field field[2];
    char *copy[2] = {NULL, NULL};
    struct ori_buf written[2];
    memset(field, 0, sizeof field);
    if (ori_setting_value_read(row, text, &field[0], &copy[0]) != ORI_OK) {
        MUST(!copy[0]);
        return;
    }
    for (int i = 0; i < 2; i++)
        ori_buf_init(&written[i], 4 * ORI_LIMIT_MAX_SETTING_BYTES);
    ori_setting_value_write(row, &field[0], &written[0]);
    MUST(ori_setting_value_read(row, ori_buf_text(&written[0]), &field[1], &copy[1]) == ORI_OK);
    ori_setting_value_write(row, &field[1], &written[1]);
    MUST(strcmp(ori_buf_text(&written[0]), ori_buf_text(&written[1])) == 0);
    MUST(!ori_text_has_control(ori_buf_text(&written[0])));
    for (int i = 0; i < 2; i++) {
        ori_buf_deinit(&written[i]);
        free(copy[i]);
    }
}

/* ---- all of them ---- */

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        count++;
    return count;
}

/* The value of a setting that is a secret and stands in the file nowhere else; NULL: none. */
static const char *secret_of(const struct ori_env_file *file, const char *text)
{
    for (size_t i = 0; i < file->count; i++) {
        enum ori_setting setting;
        const char *value = file->rows[i].value;
        if (ori_setting_find(file->rows[i].name, &setting, NULL) &&
            ori_setting_row(setting)->kind == ORI_SETTING_KIND_SECRET &&
            strncmp(value, SECRET, strlen(SECRET)) == 0 && strlen(value) > strlen(SECRET) &&
            count_of(text, value) == 1)
            return value;
    }
    return NULL;
}

static void check_shown(const struct ori_settings *settings, const char *secret)
{
    for (int i = 0; i < ORI_SETTING_COUNT; i++) {
        struct ori_buf shown;
        ori_buf_init(&shown, 8 * ORI_LIMIT_MAX_SETTING_BYTES);
        ori_settings_show(settings, (enum ori_setting)i, &shown);
        MUST(shown.status == ORI_OK && (!secret || !strstr(ori_buf_text(&shown), secret)));
        MUST(!ori_text_has_control(ori_buf_text(&shown)));
        ori_buf_deinit(&shown);
    }
    for (size_t i = 0; i < ori_settings_warning_count(settings); i++) {
        const char *warning = ori_settings_warning(settings, i);
        MUST(ori_text_is_utf8(warning, strlen(warning)));
        MUST(!ori_text_has_control(warning) && (!secret || !strstr(warning, secret)));
    }
}

static void load(const uint8_t *data, size_t bytes, const char *secret)
{
    static const char *const environment[] = {"HOME=/nonexistent", NULL};
    char path[64];
    const int fd = memfd_create("env", MFD_CLOEXEC);
    MUST(fd >= 0 && write(fd, data, bytes) == (ssize_t)bytes);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const struct ori_settings_sources sources = {.environment = environment, .env_file = path};
    const struct ori_settings *settings = NULL;
    struct ori_error err = {0};
    const ori_status status = ori_settings_load(&sources, &settings, &err);
    if (status == ORI_OK) {
        check_shown(settings, secret);
    } else {
        fuzz_check_failure(status, &err);
        MUST(!settings && (!secret || !strstr(err.text, secret)));
        MUST(!ori_text_has_control(err.text));
    }
    ori_settings_destroy(&settings);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct ori_env_file file = {0};
    struct ori_error err = {0};
    char *text = fuzz_text(data, bytes);
    const ori_status status = ori_env_file_parse(".env", text, bytes, &file, &err);
    if (status == ORI_OK) {
        check_file_again(&file);
        for (size_t i = 0; i < file.count; i++) {
            enum ori_setting setting;
            if (ori_setting_find(file.rows[i].name, &setting, NULL))
                check_value(ori_setting_row(setting), file.rows[i].value);
        }
    } else {
        fuzz_check_failure(status, &err);
        MUST(!file.rows && !file.texts);
    }
    load(data, bytes, status == ORI_OK ? secret_of(&file, text) : NULL);
    ori_env_file_deinit(&file);
    free(text);
    return 0;
}
