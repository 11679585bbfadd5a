#include "cli/inputs.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cli/inputs_priv.h"
#include "cli/remote_name.h"
#include "pipeline/medium.h"
#include "util/fs.h"
#include "util/id_set.h"
#include "util/limits.h"

bool ori_inputs_is_video_name(const char *name)
{
    return ori_medium_is_video_name(name);
}

/* FNV-1a over 64 bits: Fowler, Noll and Vo, RFC 9923. */
static uint64_t hash_text(const char *text)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001B3);
    return hash;
}

struct folder_id {
    dev_t device;
    ino_t inode;
};

/* One folder on the way down. */
struct ori_inputs_level {
    struct folder_id id;
    char *real;  /* absolute, no links */
    char *shown; /* how a person reaches it */
    char **names;
    size_t names_count;
    size_t next;
};

static void level_deinit(struct ori_inputs_level *level)
{
    for (size_t i = 0; i < level->names_count; i++)
        free(level->names[i]);
    free(level->names);
    free(level->real);
    free(level->shown);
    *level = (struct ori_inputs_level){0};
}

static size_t find_path(const struct ori_inputs_collector *collector, const char *path)
{
    size_t at = (size_t)hash_text(path) & (collector->table_size - 1);
    while (collector->table[at] != 0 &&
           strcmp(collector->inputs->rows[collector->table[at] - 1].path, path) != 0)
        at = (at + 1) & (collector->table_size - 1);
    return at;
}

static ori_status grow_rows(struct ori_inputs_collector *collector, struct ori_error *err)
{
    struct ori_inputs *inputs = collector->inputs;
    if (inputs->count >= ORI_LIMIT_MAX_INPUTS)
        return ori_error_set(err, ORI_LIMIT, "more than %d videos at once", ORI_LIMIT_MAX_INPUTS);
    if (inputs->count < collector->room)
        return ORI_OK;
    size_t room = collector->room ? 2 * collector->room : 64;
    struct ori_input *rows = reallocarray(inputs->rows, room, sizeof *rows);
    if (!rows)
        return ori_error_set(err, ORI_NOMEM, "list of videos");
    inputs->rows = rows;
    size_t *table = calloc(4 * room, sizeof *table);
    if (!table)
        return ori_error_set(err, ORI_NOMEM, "list of videos");
    free(collector->table);
    collector->table = table;
    collector->table_size = 4 * room;
    collector->room = room;
    for (size_t i = 0; i < inputs->count; i++)
        table[find_path(collector, inputs->rows[i].path)] = i + 1;
    return ORI_OK;
}

static void row_deinit(struct ori_input *row)
{
    free(row->path);
    free(row->shown);
    free(row->platform);
    free(row->code);
    free(row->message);
}

ori_status ori_inputs_add(struct ori_inputs_collector *collector, const char *path,
                          const char *shown, const struct ori_error *cause,
                          struct ori_input **ret_row, struct ori_error *err)
{
    ori_status status = grow_rows(collector, err);
    if (status != ORI_OK)
        return status;
    size_t at = find_path(collector, path);
    if (collector->table[at] != 0)
        return ORI_OK;
    struct ori_input row = {.path = strdup(path), .shown = strdup(shown)};
    if (cause) {
        row.status = cause->status;
        row.message = strdup(cause->text);
    }
    if (!row.path || !row.shown || (cause && !row.message)) {
        row_deinit(&row);
        return ori_error_set(err, ORI_NOMEM, "list of videos");
    }
    collector->inputs->rows[collector->inputs->count] = row;
    collector->table[at] = ++collector->inputs->count;
    if (ret_row)
        *ret_row = &collector->inputs->rows[collector->inputs->count - 1];
    return ORI_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static ori_status add_name(struct ori_inputs_level *level, size_t *room, const char *name,
                           struct ori_error *err)
{
    if (level->names_count >= ORI_LIMIT_MAX_FOLDER_ENTRIES)
        return ori_error_set(err, ORI_LIMIT, "more than %d entries in one folder",
                             ORI_LIMIT_MAX_FOLDER_ENTRIES);
    if (level->names_count == *room) {
        size_t more = *room ? 2 * *room : 64;
        char **names = reallocarray(level->names, more, sizeof *names);
        if (!names)
            return ori_error_set(err, ORI_NOMEM, "list of a folder");
        level->names = names;
        *room = more;
    }
    level->names[level->names_count] = strdup(name);
    if (!level->names[level->names_count])
        return ori_error_set(err, ORI_NOMEM, "list of a folder");
    level->names_count++;
    return ORI_OK;
}

static ori_status read_names(struct ori_inputs_level *level, struct ori_error *err)
{
    ori_status status = ORI_OK;
    size_t room = 0;
    DIR *folder = opendir(level->real);
    if (!folder)
        return ori_error_set_errno(err, errno, false, "the folder cannot be read");
    while (status == ORI_OK) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry) {
            if (errno)
                status = ori_error_set_errno(err, errno, false, "the folder cannot be read");
            break;
        }
        if (entry->d_name[0] != '.') /* hidden, "." and ".." alike */
            status = add_name(level, &room, entry->d_name, err);
    }
    closedir(folder);
    if (status == ORI_OK && level->names_count > 0)
        qsort(level->names, level->names_count, sizeof *level->names, compare_names);
    return status;
}

static bool is_on_the_way(const struct ori_inputs_collector *collector, struct folder_id id)
{
    for (size_t i = 0; i < collector->depth; i++) {
        if (collector->levels[i].id.device == id.device &&
            collector->levels[i].id.inode == id.inode)
            return true;
    }
    return false;
}

static bool is_left_out(const struct ori_inputs_collector *collector, struct folder_id id)
{
    const struct ori_inputs_options *options = collector->options;
    for (size_t i = 0; i < options->skip_folders_count; i++) {
        struct stat st;
        if (stat(options->skip_folders[i], &st) == 0 && st.st_dev == id.device &&
            st.st_ino == id.inode)
            return true;
    }
    return false;
}

/* Failures that end everything; others become a row. */
static bool is_fatal(ori_status status)
{
    return status == ORI_NOMEM || status == ORI_CANCELLED;
}

/* Goes down into a folder. ORI_AGAIN: it is none of ours, go on beside it; other failures: why it
 * cannot be searched. */
static ori_status enter(struct ori_inputs_collector *collector, const char *path, const char *shown,
                        const struct stat *st, struct ori_error *err)
{
    struct folder_id id = {.device = st->st_dev, .inode = st->st_ino};
    bool is_new = false;
    if (is_on_the_way(collector, id))
        return ori_error_set(err, ORI_DIRECTORY_LOOP, "%s", ori_status_text(ORI_DIRECTORY_LOOP));
    if (collector->depth > 0 && is_left_out(collector, id)) /* not when it was named itself */
        return ORI_AGAIN;
    if (collector->depth >= ORI_LIMIT_MAX_FOLDER_DEPTH)
        return ori_error_set(err, ORI_LIMIT, "more than %d folders inside each other",
                             ORI_LIMIT_MAX_FOLDER_DEPTH);
    const struct ori_id name = {.high = id.device, .low = id.inode};
    ori_status status = ori_id_set_add(&collector->folders, name, &is_new, err);
    if (status != ORI_OK || !is_new)
        return status == ORI_OK ? ORI_AGAIN : status;

    struct ori_inputs_level *level = &collector->levels[collector->depth];
    *level =
        (struct ori_inputs_level){.id = id, .real = realpath(path, NULL), .shown = strdup(shown)};
    if (!level->real)
        status = ori_error_set_errno(err, errno, false, "the folder cannot be read");
    else if (!level->shown)
        status = ori_error_set(err, ORI_NOMEM, "list of videos");
    else
        status = read_names(level, err);
    if (status != ORI_OK) {
        level_deinit(level);
        return status;
    }
    collector->depth++;
    return ORI_OK;
}

/* enter, where failures other than the fatal ones become a row. */
static ori_status try_enter(struct ori_inputs_collector *collector, const char *path,
                            const char *shown, const struct stat *st, struct ori_error *err)
{
    struct ori_error cause = {0};
    ori_status status = enter(collector, path, shown, st, &cause);
    if (status == ORI_OK || status == ORI_AGAIN)
        return ORI_OK;
    if (is_fatal(status)) {
        *err = cause;
        return status;
    }
    return ori_inputs_add(collector, path, shown, &cause, NULL, err);
}

static ori_status visit(struct ori_inputs_collector *collector, const char *path, const char *shown,
                        const char *name, struct ori_error *err)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return try_enter(collector, path, shown, &st, err);
    /* What cannot be looked at is tried as well, and then says why. */
    return ori_inputs_is_video_name(name) ? ori_inputs_add(collector, path, shown, NULL, NULL, err)
                                          : ORI_OK;
}

/* One name of a folder. A path too long to be opened is told as the folder's own trouble. */
static ori_status visit_name(struct ori_inputs_collector *collector,
                             const struct ori_inputs_level *level, const char *name,
                             struct ori_error *err)
{
    char *path = NULL;
    char *shown = NULL;
    struct ori_error cause = {0};
    ori_status status = ori_fs_join(level->real, name, &path, &cause);
    if (status == ORI_OK)
        status = ori_fs_join(level->shown, name, &shown, &cause);
    if (status == ORI_OK)
        status = visit(collector, path, shown, name, err);
    else if (status == ORI_LIMIT)
        status = ori_inputs_add(collector, level->real, level->shown, &cause, NULL, err);
    else if (err)
        *err = cause;
    free(path);
    free(shown);
    return status;
}

/* Works through the levels until none is left. */
static ori_status walk(struct ori_inputs_collector *collector, struct ori_error *err)
{
    ori_status status = ORI_OK;
    while (collector->depth > 0 && status == ORI_OK) {
        struct ori_inputs_level *level = &collector->levels[collector->depth - 1];
        if (ori_cancel_is_set(collector->options->cancel))
            return ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
        if (level->next == level->names_count) {
            level_deinit(level);
            collector->depth--;
            continue;
        }
        const char *name = level->names[level->next++];
        status = visit_name(collector, level, name, err);
    }
    return status;
}

/* Absolute: links in the folder part are resolved, the last name stays. The operand itself where
 * that cannot be done. malloc'ed; NULL when memory ran out. */
static char *absolute(const char *operand)
{
    const char *slash = strrchr(operand, '/');
    const char *name = slash ? slash + 1 : operand;
    char *folder =
        slash ? strndup(operand, slash == operand ? 1 : (size_t)(slash - operand)) : strdup(".");
    char *real = folder ? realpath(folder, NULL) : NULL;
    char *path = NULL;
    struct ori_error ignored = {0};
    if (real && ori_fs_join(real, name, &path, &ignored) != ORI_OK)
        path = NULL;
    free(real);
    free(folder);
    return path ? path : strdup(operand);
}

static ori_status collect_folder(struct ori_inputs_collector *collector, const char *operand,
                                 const struct stat *st, struct ori_error *err)
{
    size_t rows_before = collector->inputs->count;
    size_t folders_before = collector->folders.used;
    char *real = realpath(operand, NULL);
    ori_status status = try_enter(collector, real ? real : operand, operand, st, err);
    if (status == ORI_OK)
        status = walk(collector, err);
    /* A folder that was searched before has said what it holds. */
    bool is_empty =
        collector->inputs->count == rows_before && collector->folders.used > folders_before;
    if (status == ORI_OK && is_empty) {
        struct ori_error cause = {0};
        (void)ori_error_set(&cause, ORI_NO_VIDEOS, "%s", ori_status_text(ORI_NO_VIDEOS));
        status = ori_inputs_add(collector, real ? real : operand, operand, &cause, NULL, err);
    }
    free(real);
    return status;
}

/* A file, or something that only its opening tells. */
static ori_status collect_file(struct ori_inputs_collector *collector, const char *operand,
                               struct ori_error *err)
{
    struct ori_error cause = {0};
    struct stat st;
    if (stat(operand, &st) != 0)
        (void)ori_error_set_errno(&cause, errno, false, "cannot be opened");
    char *path = absolute(operand);
    if (!path)
        return ori_error_set(err, ORI_NOMEM, "list of videos");
    ori_status status =
        ori_inputs_add(collector, path, operand, cause.status == ORI_OK ? NULL : &cause, NULL, err);
    free(path);
    return status;
}

static ori_status collect_operand(struct ori_inputs_collector *collector, const char *operand,
                                  struct ori_error *err)
{
    struct stat st;
    if (ori_remote_is_s3(operand) || ori_remote_is_http(operand))
        return ori_inputs_collect_remote(collector, operand, err);
    if (stat(operand, &st) == 0 && S_ISDIR(st.st_mode))
        return collect_folder(collector, operand, &st, err);
    return collect_file(collector, operand, err);
}

ori_status ori_inputs_collect(const struct ori_inputs_options *options,
                              struct ori_inputs *ret_inputs, struct ori_error *err)
{
    ori_status status = ORI_OK;
    struct ori_inputs_collector collector = {.options = options, .inputs = ret_inputs};
    *ret_inputs = (struct ori_inputs){0};
    collector.levels = calloc(ORI_LIMIT_MAX_FOLDER_DEPTH, sizeof *collector.levels);
    if (!collector.levels)
        return ori_error_set(err, ORI_NOMEM, "list of videos");
    for (size_t i = 0; i < options->operands_count && status == ORI_OK; i++)
        status = collect_operand(&collector, options->operands[i], err);
    while (collector.depth > 0)
        level_deinit(&collector.levels[--collector.depth]);
    ori_id_set_deinit(&collector.folders);
    ori_id_set_deinit(&collector.remotes);
    free(collector.levels);
    free(collector.table);
    if (status != ORI_OK)
        ori_inputs_deinit(ret_inputs);
    return status;
}

void ori_inputs_deinit(struct ori_inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++)
        row_deinit(&inputs->rows[i]);
    free(inputs->rows);
    *inputs = (struct ori_inputs){0};
}
