#pragma once
/* embed/model_json.h: the JSON files of a model folder, and reading numbers out of them.
 * Strict    UTF-8, no key twice, nothing behind the value, nesting and values counted before they
 *           are parsed, files of a size
 * Reader    the first thing wrong is remembered and said in err; later gets give their fallback, so
 *           that a list of gets reads as one and is asked once at its end
 * Missing   a key that is not there, or null, gives the fallback
 * Failure   ORI_BAD_MODEL names file and key; ORI_LIMIT past a maximum; ORI_NOMEM
 * Threads   one thread at a time */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/status.h"

struct ori_model_json_bounds {
    size_t values_max; /* values and keys together */
    size_t depth_max;
};

/* file: its name, for messages. *ret_root: an object, the caller's json_decref. */
ori_status ori_model_json_parse(const char *file, const char *text, size_t bytes,
                                const struct ori_model_json_bounds *bounds, json_t **ret_root,
                                struct ori_error *err);

/* The file of that name in the folder, of at most bytes_max. ORI_NOT_FOUND when there is none. */
ori_status ori_model_json_read(int dir_fd, const char *file, size_t bytes_max,
                               const struct ori_model_json_bounds *bounds, json_t **ret_root,
                               struct ori_error *err);

struct ori_model_json_reader {
    const char *file;
    const char *section; /* "vision_config." in front of a key in messages, or "" */
    const json_t *object;
    struct ori_error *err;
    ori_status status;
};

/* A reader of the object at key; of an empty one when it is missing. section: static. */
struct ori_model_json_reader ori_model_json_section(struct ori_model_json_reader *reader,
                                                    const char *key, const char *section);
/* What a section's reader met becomes the outer one's. */
void ori_model_json_join(struct ori_model_json_reader *reader,
                         const struct ori_model_json_reader *section);

/* NULL when it is missing or null. */
const json_t *ori_model_json_get(const struct ori_model_json_reader *reader, const char *key);
int ori_model_json_int(struct ori_model_json_reader *reader, const char *key, int fallback, int min,
                       int max);
/* Finite, min < number <= max: no number of these files may be zero. */
double ori_model_json_real(struct ori_model_json_reader *reader, const char *key, double fallback,
                           double min, double max);
bool ori_model_json_bool(struct ori_model_json_reader *reader, const char *key, bool fallback);
/* Lives as long as the root. */
const char *ori_model_json_text(struct ori_model_json_reader *reader, const char *key,
                                const char *fallback);

/* Remembers status and text, "file: section" before it; does nothing when one is remembered. */
void ori_model_json_refuse(struct ori_model_json_reader *reader, ori_status status,
                           const char *format, ...) __attribute__((format(printf, 3, 4)));
