#include "log/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/clock.h"
#include "util/json_text.h"
#include "util/limits.h"
#include "util/text.h"
#include "util/utf8.h"

#define CLEAR_LINE "\r\033[K"
#define FIELD_BYTES_MAX (7 * ORI_LIMIT_MAX_LOG_VALUE_BYTES) /* every byte escaped, and the key */
#define PIECE_BYTES_MAX (ORI_LIMIT_MAX_LOG_LINE_BYTES + 2 * ORI_LIMIT_MAX_LOG_STATUS_BYTES)

struct ori_log_sink {
    int fd;            /* immutable, as are is_json and is_terminal */
    _Atomic int level; /* enum ori_log_level */
    bool is_json;
    bool is_terminal;
    /* The lock is what keeps lines whole and the status below them: so writing happens under it. */
    pthread_mutex_t lock;
    char status[ORI_LIMIT_MAX_LOG_STATUS_BYTES]; /* guarded by lock; "" for none */
};

static const char *const level_words[ORI_LOG_LEVEL_COUNT] = {"error", "warn", "info", "debug",
                                                             "trace"};

bool ori_log_level_of(const char *word, enum ori_log_level *ret_level)
{
    for (int i = 0; i < ORI_LOG_LEVEL_COUNT; i++) {
        if (strcmp(word, level_words[i]) == 0) {
            *ret_level = (enum ori_log_level)i;
            return true;
        }
    }
    return false;
}

ori_status ori_log_sink_create(int fd, enum ori_log_level level, enum ori_log_form form,
                               struct ori_log_sink **ret_sink, struct ori_error *err)
{
    struct ori_log_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return ori_error_set(err, ORI_NOMEM, "log");
    sink->fd = fd;
    atomic_init(&sink->level, (int)level);
    sink->is_terminal = isatty(fd) == 1;
    sink->is_json = form == ORI_LOG_JSON || (form == ORI_LOG_AUTO && !sink->is_terminal);
    pthread_mutex_init(&sink->lock, NULL); /* cannot fail with default attributes */
    *ret_sink = sink;
    return ORI_OK;
}

/* All bytes, as well as it goes: there is nobody to tell about a failure. */
static void write_out(int fd, const char *data, size_t bytes)
{
    while (bytes > 0) {
        ssize_t put = write(fd, data, bytes);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return;
        data += put;
        bytes -= (size_t)put;
    }
}

/* A line above the status, in one write where the system lets it. */
static void write_line(struct ori_log_sink *sink, const char *line, size_t bytes)
{
    struct ori_buf piece;
    ori_buf_init(&piece, PIECE_BYTES_MAX);
    pthread_mutex_lock(&sink->lock);
    bool has_status = sink->status[0] != '\0';
    if (has_status)
        ori_buf_add_text(&piece, CLEAR_LINE);
    ori_buf_add(&piece, line, bytes);
    if (has_status)
        ori_buf_add_text(&piece, sink->status);
    if (piece.status == ORI_OK)
        write_out(sink->fd, piece.data, piece.used);
    pthread_mutex_unlock(&sink->lock);
    ori_buf_deinit(&piece);
}

void ori_log_sink_destroy(struct ori_log_sink **sink)
{
    if (!sink || !*sink)
        return;
    ori_log_status(&(struct ori_log){.sink = *sink}, NULL);
    pthread_mutex_destroy(&(*sink)->lock);
    free(*sink);
    *sink = NULL;
}

bool ori_log_sink_is_terminal(const struct ori_log_sink *sink)
{
    return sink && sink->is_terminal;
}

void ori_log_sink_set_level(struct ori_log_sink *sink, enum ori_log_level level)
{
    ORI_ASSERT((unsigned)level < ORI_LOG_LEVEL_COUNT);
    if (sink)
        atomic_store(&sink->level, (int)level);
}

bool ori_log_is_on(const struct ori_log *log, enum ori_log_level level)
{
    return log && log->sink && (int)level <= atomic_load(&log->sink->level);
}

/* Bytes of text that fit the limit of a value, whole UTF-8 sequences. */
static size_t cut_bytes(const char *text, size_t bytes)
{
    if (bytes <= ORI_LIMIT_MAX_LOG_VALUE_BYTES)
        return bytes;
    size_t cut = ORI_LIMIT_MAX_LOG_VALUE_BYTES;
    while (cut > ORI_LIMIT_MAX_LOG_VALUE_BYTES - 4 && ((unsigned char)text[cut] & 0xC0) == 0x80)
        cut--;
    return cut;
}

/* Whether key=value reads back without quotes. */
static bool is_bare(const char *text, size_t bytes)
{
    if (bytes == 0 || !ori_text_is_utf8(text, bytes))
        return false;
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        bool is_c1 = c == 0xC2 && (unsigned char)text[i + 1] < 0xA0;
        if (c <= ' ' || c == 0x7F || c == '"' || c == '=' || c == '\\' || is_c1)
            return false;
    }
    return true;
}

static void add_value_text(struct ori_buf *buf, const char *text, bool is_json)
{
    size_t bytes = strlen(text);
    size_t kept = cut_bytes(text, bytes);
    if (kept < bytes) {
        char cut[ORI_LIMIT_MAX_LOG_VALUE_BYTES + 48];
        int cut_used =
            snprintf(cut, sizeof cut, "%.*s... (%zu bytes more)", (int)kept, text, bytes - kept);
        ori_json_add_text(buf, cut, (size_t)cut_used);
    } else if (!is_json && is_bare(text, bytes)) {
        ori_buf_add(buf, text, bytes);
    } else {
        ori_json_add_text(buf, text, bytes);
    }
}

static void add_value(struct ori_buf *buf, const struct ori_log_field *field, bool is_json)
{
    char real[ORI_TEXT_REAL_BYTES] = "null"; /* JSON has no inf and no nan */
    switch (field->kind) {
    case ORI_LOG_KIND_TEXT:
        add_value_text(buf, field->text ? field->text : "", is_json);
        break;
    case ORI_LOG_KIND_INT:
        ori_buf_printf(buf, "%lld", (long long)field->whole);
        break;
    case ORI_LOG_KIND_REAL:
        if (field->real - field->real == 0)
            snprintf(real, sizeof real, "%.6g", field->real);
        ori_buf_add_text(buf, real);
        break;
    case ORI_LOG_KIND_BOOL:
        ori_buf_add_text(buf, field->whole ? "true" : "false");
        break;
    }
}

/* One more pair. False when the line would grow past its limit: then it says that it was cut, once,
 * and is full. */
static bool add_pair(struct ori_buf *line, const struct ori_log_field *field, bool is_json)
{
    static const char cut_json[] = ",\"cut\":true";
    static const char cut_text[] = " cut=true";
    struct ori_buf pair;
    ori_buf_init(&pair, FIELD_BYTES_MAX);
    ori_buf_printf(&pair, is_json ? ",\"%s\":" : " %s=", field->key);
    add_value(&pair, field, is_json);
    size_t reserved = sizeof cut_json + 2; /* its closing brace and the line's end */
    bool fits = pair.status == ORI_OK && line->used + pair.used + reserved <= line->bytes_max;
    if (fits)
        ori_buf_add(line, pair.data, pair.used);
    else
        ori_buf_add_text(line, is_json ? cut_json : cut_text);
    ori_buf_deinit(&pair);
    return fits;
}

static void add_pairs(struct ori_buf *line, const struct ori_log *log,
                      const struct ori_log_field *fields)
{
    const struct ori_log_field prefix[] = {
        ori_log_text("request_id", log->request_id), ori_log_text("job_id", log->job_id),
        ori_log_text("platform", log->platform), ori_log_text("code", log->code),
        ori_log_text("stage", log->stage)};
    bool fits = true;
    for (size_t i = 0; i < sizeof prefix / sizeof prefix[0] && fits; i++)
        fits = !prefix[i].text || add_pair(line, &prefix[i], log->sink->is_json);
    for (; fits && fields && fields->key; fields++)
        fits = add_pair(line, fields, log->sink->is_json);
}

void ori_log_event(const struct ori_log *log, enum ori_log_level level, const char *event,
                   const struct ori_log_field *fields)
{
    if (!ori_log_is_on(log, level))
        return;
    char now[ORI_CLOCK_TEXT_BYTES];
    struct ori_buf line;
    ori_clock_rfc3339(ori_clock_wall_us(), now);
    ori_buf_init(&line, ORI_LIMIT_MAX_LOG_LINE_BYTES);
    if (log->sink->is_json)
        ori_buf_printf(&line, "{\"ts\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", now,
                       level_words[level], event);
    else
        ori_buf_printf(&line, "%s %-5s %s", now, level_words[level], event);
    add_pairs(&line, log, fields);
    ori_buf_add_text(&line, log->sink->is_json ? "}\n" : "\n");
    if (line.status == ORI_OK)
        write_line(log->sink, line.data, line.used);
    ori_buf_deinit(&line);
}

void ori_log_failure(const struct ori_log *log, enum ori_log_level level, const char *event,
                     const struct ori_error *err)
{
    if (!log)
        return;
    struct ori_log with_stage = *log;
    if (err->stage)
        with_stage.stage = err->stage;
    ori_log_event(&with_stage, level, event,
                  ORI_LOG_FIELDS(ori_log_text("error", ori_status_code(err->status)),
                                 ori_log_text("message", err->text)));
}

void ori_log_say(const struct ori_log *log, const char *format, ...)
{
    char text[ORI_LIMIT_MAX_LOG_LINE_BYTES];
    struct ori_buf line;
    va_list args;
    va_start(args, format);
    int bytes = vsnprintf(text, sizeof text - 4, format, args);
    va_end(args);
    bool is_cut = bytes > (int)sizeof text - 5;
    ori_buf_init(&line, sizeof text);
    ori_utf8_clean(text);
    ori_buf_add_text(&line, bytes < 0 ? "" : text);
    ori_buf_add_text(&line, is_cut ? "...\n" : "\n");
    if (line.status == ORI_OK && log && log->sink)
        write_line(log->sink, line.data, line.used);
    else if (line.status == ORI_OK)
        write_out(STDERR_FILENO, line.data, line.used);
    ori_buf_deinit(&line);
}

void ori_log_status(const struct ori_log *log, const char *text)
{
    if (!log || !log->sink || !log->sink->is_terminal)
        return;
    struct ori_log_sink *sink = log->sink;
    char piece[sizeof CLEAR_LINE + ORI_LIMIT_MAX_LOG_STATUS_BYTES];
    if (!text)
        text = "";
    if (strlen(text) >= sizeof sink->status) /* far wider than any terminal: our own mistake */
        return;
    int bytes = snprintf(piece, sizeof piece, CLEAR_LINE "%s", text);
    pthread_mutex_lock(&sink->lock);
    if (text[0] || sink->status[0])
        write_out(sink->fd, piece, (size_t)bytes);
    snprintf(sink->status, sizeof sink->status, "%s", text);
    pthread_mutex_unlock(&sink->lock);
}
