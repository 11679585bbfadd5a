#include "embed/model_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "embed/hub_files.h"
#include "embed/hub_name.h"
#include "embed/weights_index.h"
#include "util/buf.h"
#include "util/fs.h"
#include "util/limits.h"

#define README_BYTES_MAX 1048576
#define FACTS_BYTES_MAX 4096

/* malloc'ed; NULL: not there, too long, or not to be had. */
static char *read_small(const char *folder, const char *name, size_t bytes_max, size_t *ret_bytes)
{
    char *path = NULL;
    char *data = NULL;
    if (ori_fs_join(folder, name, &path, NULL) == ORI_OK &&
        ori_fs_read_file(AT_FDCWD, path, bytes_max, &data, ret_bytes, NULL) != ORI_OK)
        data = NULL;
    free(path);
    return data;
}

static json_t *read_json(const char *folder, const char *name, size_t bytes_max)
{
    size_t bytes = 0;
    char *data = read_small(folder, name, bytes_max, &bytes);
    json_t *json = data ? json_loadb(data, bytes, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(data);
    return json;
}

static bool has_file(const char *folder, const char *name)
{
    struct stat info = {0};
    char *path = NULL;
    bool is_there = ori_fs_join(folder, name, &path, NULL) == ORI_OK && stat(path, &info) == 0 &&
                    S_ISREG(info.st_mode);
    free(path);
    return is_there;
}

/* ---- is it whole ---- */

static const char *fault_of_shards(const char *folder)
{
    struct ori_weights_index index = {0};
    size_t bytes = 0;
    const char *fault = NULL;
    char *data = read_small(folder, ORI_WEIGHTS_INDEX, ORI_LIMIT_MAX_MODEL_INDEX_BYTES, &bytes);
    if (!data || ori_weights_index_parse(data, bytes, &index, NULL) != ORI_OK)
        fault = "a " ORI_WEIGHTS_INDEX " that cannot be read";
    for (size_t i = 0; i < index.count && !fault; i++) {
        if (!has_file(folder, index.names[i]))
            fault = "not all the files that " ORI_WEIGHTS_INDEX " names";
    }
    ori_weights_index_deinit(&index);
    free(data);
    return fault;
}

const char *ori_model_folder_fault(const char *folder)
{
    if (access(folder, R_OK | X_OK) != 0 && errno == EACCES)
        return "no permission to be read";
    if (!has_file(folder, "config.json"))
        return "no config.json";
    if (has_file(folder, ORI_WEIGHTS_FILE))
        return NULL;
    if (has_file(folder, ORI_WEIGHTS_INDEX))
        return fault_of_shards(folder);
    if (has_file(folder, "pytorch_model.bin"))
        return "no model.safetensors (pytorch_model.bin is never loaded)";
    return "no model.safetensors";
}

/* ---- words ---- */

bool ori_model_is_word(const char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "-_.+";
    size_t bytes = strlen(text);
    return bytes > 0 && bytes < ORI_MODEL_LICENCE_BYTES && strspn(text, letters) == bytes;
}

bool ori_model_is_non_commercial(const char *licence)
{
    const char *at = licence;
    if (strcasestr(licence, "non-commercial") || strcasestr(licence, "noncommercial"))
        return true;
    while (*at) { /* "nc" as a word between dashes */
        size_t bytes = strcspn(at, "-_");
        if (bytes == 2 && strncasecmp(at, "nc", 2) == 0)
            return true;
        at += bytes + (at[bytes] != '\0');
    }
    return false;
}

void ori_model_folder_family(const char *folder, char ret_family[ORI_MODEL_FAMILY_BYTES])
{
    json_t *config = read_json(folder, "config.json", ORI_LIMIT_MAX_HUB_CONFIG_BYTES);
    const char *type = json_string_value(json_object_get(config, "model_type"));
    ret_family[0] = '\0';
    if (type && ori_model_is_word(type))
        snprintf(ret_family, ORI_MODEL_FAMILY_BYTES, "%s", type);
    json_decref(config);
}

/* ---- the licence ---- */

/* CACHE/models--x/.oriane/COMMIT.json for CACHE/models--x/snapshots/COMMIT. ORI_NOT_FOUND: the folder
 * is no snapshot of a cache. */
static ori_status path_of_facts(const char *folder, char **ret_path, struct ori_error *err)
{
    static const char middle[] = "/snapshots/";
    struct ori_buf path;
    size_t bytes = strlen(folder);
    if (bytes <= ORI_HUB_COMMIT_CHARS + sizeof middle - 1)
        return ORI_NOT_FOUND;
    const char *commit = folder + bytes - ORI_HUB_COMMIT_CHARS;
    const char *repo_end = commit - (sizeof middle - 1);
    if (!ori_hub_is_commit(commit) || memcmp(repo_end, middle, sizeof middle - 1) != 0)
        return ORI_NOT_FOUND;
    ori_buf_init(&path, ORI_LIMIT_MAX_PATH_BYTES - 1);
    ori_buf_add(&path, folder, (size_t)(repo_end - folder));
    ori_buf_printf(&path, "/.oriane/%s.json", commit);
    ori_status status = ori_buf_finish(&path, "path", err);
    if (status == ORI_OK) {
        *ret_path = ori_buf_take(&path, NULL);
        status = *ret_path ? ORI_OK : ori_error_set(err, ORI_NOMEM, "path");
    }
    ori_buf_deinit(&path);
    return status;
}

static void licence_of_facts(const char *folder, char ret_licence[ORI_MODEL_LICENCE_BYTES])
{
    char *path = NULL;
    if (path_of_facts(folder, &path, NULL) != ORI_OK)
        return;
    json_t *facts = read_json("", path, FACTS_BYTES_MAX);
    const char *licence = json_string_value(json_object_get(facts, "licence"));
    if (licence && ori_model_is_word(licence))
        snprintf(ret_licence, ORI_MODEL_LICENCE_BYTES, "%s", licence);
    json_decref(facts);
    free(path);
}

/* The value of "key:" at the start of a line, its quotes taken off; false: another line. */
static bool read_line(const char *line, size_t bytes, const char *key,
                      char ret_value[ORI_MODEL_LICENCE_BYTES])
{
    size_t key_bytes = strlen(key);
    char value[ORI_MODEL_LICENCE_BYTES];
    if (bytes <= key_bytes || memcmp(line, key, key_bytes) != 0)
        return false;
    line += key_bytes;
    bytes -= key_bytes;
    while (bytes > 0 && strchr(" \t\"'", line[0])) {
        line++;
        bytes--;
    }
    while (bytes > 0 && strchr(" \t\r\"'", line[bytes - 1]))
        bytes--;
    if (bytes >= sizeof value || memchr(line, '\0', bytes))
        return false;
    memcpy(value, line, bytes);
    value[bytes] = '\0';
    if (!ori_model_is_word(value))
        return false;
    memcpy(ret_value, value, bytes + 1);
    return true;
}

/* Of README.md's front matter: YAML between two lines "---", of which two keys are read. */
static void licence_of_readme(const char *folder, char ret_licence[ORI_MODEL_LICENCE_BYTES])
{
    size_t bytes = 0;
    char name[ORI_MODEL_LICENCE_BYTES] = "";
    char *text = read_small(folder, "README.md", README_BYTES_MAX, &bytes);
    const char *at = text;
    const char *end = text ? text + bytes : NULL;
    for (int number = 0; at && at < end; number++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t line = newline ? (size_t)(newline - at) : (size_t)(end - at);
        bool is_rule = line >= 3 && memcmp(at, "---", 3) == 0;
        if (is_rule != (number == 0) && (is_rule || number == 0))
            break;
        (void)read_line(at, line, "license:", ret_licence);
        (void)read_line(at, line, "license_name:", name);
        at += line + (newline != NULL);
    }
    if (strcmp(ret_licence, "other") == 0 && name[0] != '\0')
        memcpy(ret_licence, name, sizeof name);
    free(text);
}

void ori_model_folder_licence(const char *folder, char ret_licence[ORI_MODEL_LICENCE_BYTES])
{
    ret_licence[0] = '\0';
    licence_of_facts(folder, ret_licence);
    if (ret_licence[0] == '\0')
        licence_of_readme(folder, ret_licence);
}

ori_status ori_model_folder_keep_licence(const char *folder, const char *licence,
                                         struct ori_error *err)
{
    char *path = NULL;
    char text[128];
    ORI_ASSERT(ori_model_is_word(licence)); /* so it needs no escaping */
    ori_status status = path_of_facts(folder, &path, err);
    if (status != ORI_OK)
        return ori_error_set(err, status, "%s: not a snapshot", folder);
    snprintf(text, sizeof text, "{\"licence\": \"%s\"}\n", licence);
    status = ori_fs_make_folder_of(path, err);
    if (status == ORI_OK)
        status = ori_fs_write_file(AT_FDCWD, path, text, strlen(text), err);
    free(path);
    return status;
}
