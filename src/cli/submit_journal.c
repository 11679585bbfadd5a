#include "cli/submit_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cli/jobs_client.h"
#include "cli/window.h"
#include "util/buf.h"
#include "util/fs.h"
#include "util/hash.h"
#include "util/limits.h"
#include "util/text.h"

#define MAGIC "oriane submit 1 "
#define MAGIC_ANY "oriane submit "
#define NO_SALT "-"
#define LINE_BYTES_MAX (ORI_LIMIT_MAX_SUBMIT_BODY_BYTES + 256)
#define FILE_BYTES_MAX (INT64_C(16) * ORI_LIMIT_MAX_LIST_BYTES)

ori_status ori_submit_id(const char *platform, const char *code, const char *url,
                         struct ori_id *ret_id, struct ori_error *err)
{
    char text[2 * ORI_LIMIT_MAX_CODE_CHARS + ORI_LIMIT_MAX_URL_BYTES + 3];
    uint8_t digest[ORI_HASH_BYTES_MAX];
    const int bytes = snprintf(text, sizeof text, "%s/%s %s", platform, code, url);
    if (bytes < 0 || (size_t)bytes >= sizeof text)
        return ori_error_set(err, ORI_LIMIT, "a video's name and URL are too long");
    ori_status status = ori_hash_of(ORI_HASH_SHA256, text, (size_t)bytes, digest, err);
    if (status == ORI_OK) {
        memcpy(&ret_id->high, digest, sizeof ret_id->high);
        memcpy(&ret_id->low, digest + sizeof ret_id->high, sizeof ret_id->low);
    }
    return status;
}

static ori_status make_key(struct ori_submit_journal *journal, struct ori_error *err)
{
    struct ori_hash *hash = NULL;
    uint8_t digest[ORI_HASH_BYTES_MAX];
    ori_status status = ori_hash_create(ORI_HASH_SHA256, &hash, err);
    if (status == ORI_OK)
        status = ori_hash_add(hash, journal->salt, strlen(journal->salt), err);
    if (status == ORI_OK)
        status = ori_hash_add(hash, journal->body, journal->body_bytes, err);
    if (status == ORI_OK)
        status = ori_hash_finish(hash, digest, err);
    if (status == ORI_OK)
        ori_hash_hex(digest, ori_hash_bytes(ORI_HASH_SHA256), journal->key);
    ori_hash_destroy(&hash);
    return status;
}

/* ---- reading what is there ---- */

static ori_status broken(const struct ori_submit_journal *journal, int64_t line,
                         struct ori_error *err)
{
    return ori_error_set(err, ORI_STORE,
                         "%s, line %" PRId64 ", is none of a submit: take the file away, or give "
                         "--again",
                         journal->path, line);
}

static const char *member(const json_t *item, const char *name)
{
    const char *text = json_string_value(json_object_get(item, name));
    return text ? text : "";
}

/* The videos of a request that has its job. */
static ori_status keep_items(struct ori_submit_journal *journal, struct ori_error *err)
{
    json_t *body = json_loadb(journal->body, journal->body_bytes, 0, NULL);
    const json_t *items = json_object_get(body, "items");
    const json_t *item = NULL;
    size_t i = 0;
    ori_status status = ORI_OK;
    if (json_array_size(items) != journal->body_items)
        status =
            ori_error_set(err, ORI_STORE, "%s: a request is not what it should be", journal->path);
    json_array_foreach(items, i, item)
    {
        struct ori_id id;
        bool is_new = false;
        if (status == ORI_OK)
            status = ori_submit_id(member(item, "platform"), member(item, "code"),
                                   member(item, "url"), &id, err);
        if (status == ORI_OK)
            status = ori_id_set_add(&journal->posted, id, &is_new, err);
    }
    json_decref(body);
    return status;
}

static ori_status keep_job(struct ori_submit_journal *journal, const char *id,
                           struct ori_error *err)
{
    if (journal->jobs_count >= ORI_LIMIT_MAX_SUBMIT_JOBS)
        return ori_error_set(err, ORI_LIMIT, "more than %d jobs of one list (SUBMIT_JOBS)",
                             ORI_LIMIT_MAX_SUBMIT_JOBS);
    if (journal->jobs_count == journal->jobs_room) {
        const size_t room = journal->jobs_room ? 2 * journal->jobs_room : 64;
        struct ori_submit_job *jobs = reallocarray(journal->jobs, room, sizeof *jobs);
        if (!jobs)
            return ori_error_set(err, ORI_NOMEM, "list of jobs");
        journal->jobs = jobs;
        journal->jobs_room = room;
    }
    struct ori_submit_job *job = &journal->jobs[journal->jobs_count++];
    *job = (struct ori_submit_job){.items = journal->body_items};
    snprintf(job->id, sizeof job->id, "%s", id);
    return ORI_OK;
}

static void forget_body(struct ori_submit_journal *journal)
{
    free(journal->body);
    journal->body = NULL;
    journal->body_bytes = 0;
    journal->body_items = 0;
    journal->is_left_over = false;
    journal->key[0] = '\0';
}

/* The word in front of the next blank, which becomes its end; NULL: there is none. */
static char *cut_word(char **rest)
{
    char *word = *rest;
    char *blank = strchr(word, ' ');
    if (!blank)
        return NULL;
    *blank = '\0';
    *rest = blank + 1;
    return word;
}

static ori_status read_post(struct ori_submit_journal *journal, char *rest, int64_t line,
                            struct ori_error *err)
{
    const char *items = cut_word(&rest);
    const char *key = items ? cut_word(&rest) : NULL;
    int64_t count = 0;
    if (!key || journal->body || !ori_text_to_int(items, &count) || count < 1 ||
        count > ORI_LIMIT_MAX_SUBMIT_VIDEOS)
        return broken(journal, line, err);
    journal->body = strdup(rest);
    if (!journal->body)
        return ori_error_set(err, ORI_NOMEM, "journal");
    journal->body_bytes = strlen(rest);
    journal->body_items = (uint32_t)count;
    journal->is_left_over = true;
    ori_status status = make_key(journal, err);
    if (status == ORI_OK && strcmp(journal->key, key) != 0)
        status = broken(journal, line, err);
    return status;
}

static ori_status read_line(struct ori_submit_journal *journal, char *text, int64_t line,
                            struct ori_error *err)
{
    char *rest = text;
    const char *word = cut_word(&rest);
    if (word && strcmp(word, "post") == 0)
        return read_post(journal, rest, line, err);
    if (!word || !journal->body || strncmp(rest, journal->key, strlen(journal->key)) != 0)
        return broken(journal, line, err);
    rest += strlen(journal->key);
    ori_status status = ORI_OK;
    if (strcmp(word, "job") == 0 && rest[0] == ' ' && ori_jobs_is_id(rest + 1)) {
        status = keep_items(journal, err);
        if (status == ORI_OK)
            status = keep_job(journal, rest + 1, err);
    } else if (strcmp(word, "drop") != 0 || rest[0] != '\0') {
        return broken(journal, line, err);
    }
    forget_body(journal);
    return status;
}

static ori_status read_head(struct ori_submit_journal *journal, const char *text,
                            struct ori_error *err)
{
    if (strncmp(text, MAGIC, strlen(MAGIC)) != 0)
        return strncmp(text, MAGIC_ANY, strlen(MAGIC_ANY)) == 0
                   ? ori_error_set(err, ORI_STORE_VERSION, "%s was written by another version",
                                   journal->path)
                   : broken(journal, 1, err);
    const char *salt = text + strlen(MAGIC);
    if (strcmp(salt, NO_SALT) != 0 && !ori_uuid_is(salt))
        return broken(journal, 1, err);
    snprintf(journal->salt, sizeof journal->salt, "%s", salt);
    return ORI_OK;
}

/* All whole lines; *ret_bytes: where the last one ends. */
static ori_status read_lines(struct ori_submit_journal *journal, struct ori_window *window,
                             int64_t *ret_bytes, struct ori_error *err)
{
    ori_status status = ORI_OK;
    *ret_bytes = 0;
    while (status == ORI_OK) {
        size_t bytes = 0;
        int c = 0;
        while ((c = ori_window_at(window, bytes)) >= 0 && c != '\n')
            bytes++;
        if (c == ORI_WINDOW_END)
            return ORI_OK;
        if (c == ORI_WINDOW_FAILED) {
            *err = window->err;
            return window->status;
        }
        if (c == ORI_WINDOW_FULL)
            return broken(journal, window->line, err);
        char *text = strndup(ori_window_text(window), bytes);
        if (!text)
            return ori_error_set(err, ORI_NOMEM, "journal");
        if (strlen(text) != bytes)
            status = broken(journal, window->line, err);
        else if (window->line == 1)
            status = read_head(journal, text, err);
        else
            status = read_line(journal, text, window->line, err);
        free(text);
        ori_window_skip(window, bytes + 1);
        *ret_bytes += (int64_t)bytes + 1;
    }
    return status;
}

/* ---- writing ---- */

static ori_status append(struct ori_submit_journal *journal, struct ori_buf *line,
                         struct ori_error *err)
{
    ori_status status = ori_buf_finish(line, "journal", err);
    if (status == ORI_OK)
        status = ori_fs_write_all(journal->fd, line->data, line->used, err);
    if (status == ORI_OK)
        status = ori_fs_sync(journal->fd, err);
    if (status != ORI_OK)
        ori_error_context(err, "%s", journal->path);
    ori_buf_deinit(line);
    return status;
}

static ori_status write_head(struct ori_submit_journal *journal, struct ori_error *err)
{
    struct ori_buf line;
    ori_buf_init(&line, LINE_BYTES_MAX);
    ori_buf_printf(&line, MAGIC "%s\n", journal->salt);
    ori_status status = append(journal, &line, err);
    return status == ORI_OK ? ori_fs_sync_folder_of(AT_FDCWD, journal->path, err) : status;
}

ori_status ori_submit_journal_begin(struct ori_submit_journal *journal, char *body, size_t bytes,
                                    uint32_t items, struct ori_error *err)
{
    struct ori_buf line;
    ORI_ASSERT(body && !journal->body && !memchr(body, '\n', bytes));
    journal->body = body;
    journal->body_bytes = bytes;
    journal->body_items = items;
    ori_status status = make_key(journal, err);
    if (status != ORI_OK)
        return status;
    ori_buf_init(&line, LINE_BYTES_MAX);
    ori_buf_printf(&line, "post %" PRIu32 " %s ", items, journal->key);
    ori_buf_add(&line, body, bytes);
    ori_buf_add_text(&line, "\n");
    return append(journal, &line, err);
}

ori_status ori_submit_journal_end(struct ori_submit_journal *journal, const char *job_id,
                                  struct ori_error *err)
{
    struct ori_buf line;
    ORI_ASSERT(journal->body);
    ori_buf_init(&line, LINE_BYTES_MAX);
    ori_buf_printf(&line, "job %s %s\n", journal->key, job_id);
    ori_status status = append(journal, &line, err);
    if (status == ORI_OK && journal->is_left_over)
        status = keep_items(journal, err);
    if (status == ORI_OK)
        status = keep_job(journal, job_id, err);
    forget_body(journal);
    return status;
}

ori_status ori_submit_journal_drop(struct ori_submit_journal *journal, struct ori_error *err)
{
    struct ori_buf line;
    ORI_ASSERT(journal->body);
    ori_buf_init(&line, LINE_BYTES_MAX);
    ori_buf_printf(&line, "drop %s\n", journal->key);
    forget_body(journal);
    return append(journal, &line, err);
}

/* ---- open, close ---- */

static ori_status name_file(const char *folder, const char *purpose,
                            struct ori_submit_journal *journal, struct ori_error *err)
{
    char name[2 * ORI_HASH_BYTES_MAX + 16];
    char hex[2 * ORI_HASH_BYTES_MAX + 1];
    uint8_t digest[ORI_HASH_BYTES_MAX];
    ori_status status = ori_hash_of(ORI_HASH_SHA256, purpose, strlen(purpose), digest, err);
    if (status != ORI_OK)
        return status;
    ori_hash_hex(digest, 16, hex);
    snprintf(name, sizeof name, "%s.journal", hex);
    status = ori_fs_make_folders(folder, err);
    return status == ORI_OK ? ori_fs_join(folder, name, &journal->path, err) : status;
}

static ori_status open_file(struct ori_submit_journal *journal, struct ori_error *err)
{
    /* For this user's eyes: URLs may carry signatures. */
    journal->fd = open(journal->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (journal->fd < 0)
        return ori_error_set_errno(err, errno, true, "%s", journal->path);
    if (flock(journal->fd, LOCK_EX | LOCK_NB) == 0)
        return ORI_OK;
    if (errno != EWOULDBLOCK)
        return ori_error_set_errno(err, errno, true, "%s", journal->path);
    return ori_error_set(err, ORI_STORE_IN_USE,
                         "another oriane submit works on this list (it holds %s)", journal->path);
}

/* Half a line at the end goes: the next one is not to be glued to it. */
static ori_status begin_file(struct ori_submit_journal *journal, bool is_anew,
                             struct ori_error *err)
{
    struct ori_window window;
    int64_t bytes = 0;
    ori_status status = ORI_OK;
    snprintf(journal->salt, sizeof journal->salt, NO_SALT);
    if (is_anew) {
        ori_uuid_random(journal->salt);
    } else {
        ori_window_init(&window, journal->fd, LINE_BYTES_MAX, FILE_BYTES_MAX, NULL);
        status = read_lines(journal, &window, &bytes, err);
        ori_window_deinit(&window);
    }
    if (status == ORI_OK && ftruncate(journal->fd, bytes) != 0)
        status = ori_error_set_errno(err, errno, true, "%s", journal->path);
    return status == ORI_OK && bytes == 0 ? write_head(journal, err) : status;
}

ori_status ori_submit_journal_open(const char *folder, const char *purpose, bool is_anew,
                                   struct ori_submit_journal *ret_journal, struct ori_error *err)
{
    *ret_journal = (struct ori_submit_journal){.fd = -1};
    ori_status status = name_file(folder, purpose, ret_journal, err);
    if (status == ORI_OK)
        status = open_file(ret_journal, err);
    if (status == ORI_OK)
        status = begin_file(ret_journal, is_anew, err);
    if (status != ORI_OK)
        ori_submit_journal_close(ret_journal);
    return status;
}

void ori_submit_journal_close(struct ori_submit_journal *journal)
{
    forget_body(journal);
    ori_id_set_deinit(&journal->posted);
    free(journal->jobs);
    journal->jobs = NULL;
    journal->jobs_count = journal->jobs_room = 0;
    if (journal->path && journal->fd >= 0)
        close(journal->fd);
    journal->fd = -1;
    free(journal->path);
    journal->path = NULL;
}
