#pragma once
/* log/log.h: what happened, an event and key=value pairs on one line.
 * Levels      error  someone must act            warn   odd but handled
 *             info   life cycle                  debug  decisions
 *             trace  per frame; nothing per frame above it
 * Where       once, where a thing is handled; layers below return a status and do not log
 * Form        text for people when the descriptor is a terminal, else one JSON object a line
 * Prefix      a log carries request_id, job_id, platform, code and stage; copy the struct and set
 *             more of them for the work below. The texts are borrowed and outlive the copy
 * Time        RFC 3339, UTC, with milliseconds
 * Foreign     values are escaped: no control character reaches the terminal, no value ends its
 *             line or its quotes; longer than its limit it is cut and says by how much
 * Progress    ori_log_status keeps one line under the log; log lines appear above it, whole
 * Threads     a sink any, a line is written in one piece; a log is plain data
 * Failure     a line that cannot be written is lost: logging never fails its caller */
#include <stdbool.h>
#include <stdint.h>

#include "util/status.h"

enum ori_log_level {
    ORI_LOG_ERROR,
    ORI_LOG_WARN,
    ORI_LOG_INFO,
    ORI_LOG_DEBUG,
    ORI_LOG_TRACE,
    ORI_LOG_LEVEL_COUNT
};
/* "info" to ORI_LOG_INFO; false for other words. */
bool ori_log_level_of(const char *word, enum ori_log_level *ret_level);

enum ori_log_form { ORI_LOG_AUTO, ORI_LOG_TEXT, ORI_LOG_JSON };

struct ori_log_sink;

/* fd is borrowed. */
ori_status ori_log_sink_create(int fd, enum ori_log_level level, enum ori_log_form form,
                               struct ori_log_sink **ret_sink, struct ori_error *err);
void ori_log_sink_destroy(struct ori_log_sink **sink); /* null-safe, nulls; takes the status away */
bool ori_log_sink_is_terminal(const struct ori_log_sink *sink);
/* From now on; any thread. sink NULL: nothing happens. */
void ori_log_sink_set_level(struct ori_log_sink *sink, enum ori_log_level level);

struct ori_log {
    struct ori_log_sink *sink; /* NULL: says nothing */
    const char *request_id;    /* NULL: not in the line, likewise the others */
    const char *job_id;
    const char *platform;
    const char *code;
    const char *stage;
};

enum ori_log_kind { ORI_LOG_KIND_TEXT, ORI_LOG_KIND_INT, ORI_LOG_KIND_REAL, ORI_LOG_KIND_BOOL };
struct ori_log_field {
    const char *key; /* NULL ends a list */
    enum ori_log_kind kind;
    const char *text;
    int64_t whole;
    double real;
};
static inline struct ori_log_field ori_log_text(const char *key, const char *text)
{
    return (struct ori_log_field){.key = key, .kind = ORI_LOG_KIND_TEXT, .text = text};
}
static inline struct ori_log_field ori_log_int(const char *key, int64_t whole)
{
    return (struct ori_log_field){.key = key, .kind = ORI_LOG_KIND_INT, .whole = whole};
}
static inline struct ori_log_field ori_log_real(const char *key, double real)
{
    return (struct ori_log_field){.key = key, .kind = ORI_LOG_KIND_REAL, .real = real};
}
static inline struct ori_log_field ori_log_bool(const char *key, bool is_true)
{
    return (struct ori_log_field){.key = key, .kind = ORI_LOG_KIND_BOOL, .whole = is_true};
}
#define ORI_LOG_FIELDS(...)                                                                        \
    (const struct ori_log_field[])                                                                 \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            .key = NULL                                                                            \
        }                                                                                          \
    }

bool ori_log_is_on(const struct ori_log *log, enum ori_log_level level);

/* ori_log_event(&log, ORI_LOG_INFO, "item.done", ORI_LOG_FIELDS(ori_log_int("frames", 3))).
 * event: static, "noun.verb"; fields may be NULL. */
void ori_log_event(const struct ori_log *log, enum ori_log_level level, const char *event,
                   const struct ori_log_field *fields);
/* An error as an event: its code, text and stage. */
void ori_log_failure(const struct ori_log *log, enum ori_log_level level, const char *event,
                     const struct ori_error *err);

/* One line for a person, as it is apart from control characters, in either form; for what a
 * command says on standard error. Without a sink it goes to standard error. */
void ori_log_say(const struct ori_log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Draws text as the line under the log, NULL or "" takes it away; nothing happens when the sink is
 * no terminal. The caller keeps it narrower than the terminal, and may colour it. */
void ori_log_status(const struct ori_log *log, const char *text);
