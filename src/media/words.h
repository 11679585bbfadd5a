#pragma once
/* media/words.h: what libav says inside a decode child, on its way to the parent's log.
 * Way        libav's callback writes whole lines to the child's standard error, a mark in front;
 *            the parent reads that pipe (media/child.h) and takes the lines apart again. Lines
 *            without the mark are somebody else's: an assert, a sanitizer, the C library
 * Trust      lines are the child's word: cleaned of control characters and cut by the parent, and
 *            no more than ORI_LIMIT_MAX_CHILD_LINES of a child are told
 * Threads    set_words once, before any other function of libav; its callback any thread. A struct
 *            ori_words one thread */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/limits.h"

enum ori_words_level {
    ORI_WORDS_NONE,    /* nothing is said */
    ORI_WORDS_FATAL,   /* what ends libav's work */
    ORI_WORDS_WARNING, /* and what is wrong with the medium */
    ORI_WORDS_VERBOSE, /* and how libav goes about it */
    ORI_WORDS_LEVEL_COUNT
};

#define ORI_WORDS_MARK '\001'

/* In the child: what libav says from now on; what does not go into the pipe at once is lost. */
void ori_media_set_words(enum ori_words_level level);

/* In the parent. */
struct ori_words {
    char line[ORI_LIMIT_MAX_CHILD_LINE_BYTES];
    size_t used;
    bool is_cut;    /* the line is longer than there is room */
    uint64_t lines; /* whole ones so far */
};
/* line: without its mark and end, fit to be shown. level: of unmarked lines ORI_WORDS_FATAL. */
typedef void (*ori_words_fn)(void *self, enum ori_words_level level, const char *line);

/* words: zeroed at first. Calls tell for each line that is complete; tell may be NULL. */
void ori_words_take(struct ori_words *words, const char *text, size_t bytes, ori_words_fn tell,
                    void *self);
/* The last line, when it has no end. */
void ori_words_end(struct ori_words *words, ori_words_fn tell, void *self);
/* Lines past ORI_LIMIT_MAX_CHILD_LINES, which were not told. */
uint64_t ori_words_untold(const struct ori_words *words);
