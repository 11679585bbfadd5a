#pragma once
/* tests/component/nomem.h: allocations that fail on demand. The linker hands the program's own calls to the
 * functions below (nomem_link_args in tests/meson.build); libraries have memory.
 * Use      nomem_begin(n, is_once): of this thread's allocations from here n go well and the next one fails,
 *          and all after it unless is_once; nomem_end(). has_failed tells whether one was reached
 * Leaks    live: blocks of this thread allocated and not yet freed */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *data, size_t bytes);
void *__real_reallocarray(void *data, size_t count, size_t bytes);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t bytes);
char *__real_realpath(const char *path, char *resolved);
void __real_free(void *data);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *data, size_t bytes);
void *__wrap_reallocarray(void *data, size_t count, size_t bytes);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t bytes);
char *__wrap_realpath(const char *path, char *resolved);
void __wrap_free(void *data);

/* Of each thread: others have memory. */
static _Thread_local bool is_watched;
static _Thread_local bool is_once;
static _Thread_local bool has_failed;
static _Thread_local long until_failure;
static _Thread_local long live;

static inline void nomem_begin(long allocations, bool once)
{
    until_failure = allocations;
    has_failed = false;
    is_once = once;
    is_watched = true;
}

static inline void nomem_end(void)
{
    is_watched = false;
}

static inline bool may_allocate(void)
{
    if (!is_watched || (is_once && has_failed) || until_failure-- > 0)
        return true;
    until_failure = 0;
    has_failed = true;
    errno = ENOMEM;
    return false;
}

static inline void *counted(void *data)
{
    live += data != NULL;
    return data;
}

void *__wrap_malloc(size_t bytes)
{
    return may_allocate() ? counted(__real_malloc(bytes)) : NULL;
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return may_allocate() ? counted(__real_calloc(count, bytes)) : NULL;
}

void *__wrap_realloc(void *data, size_t bytes)
{
    if (!may_allocate())
        return NULL;
    void *grown = __real_realloc(data, bytes);
    live += !data && grown;
    return grown;
}

void *__wrap_reallocarray(void *data, size_t count, size_t bytes)
{
    if (!may_allocate())
        return NULL;
    void *grown = __real_reallocarray(data, count, bytes);
    live += !data && grown;
    return grown;
}

char *__wrap_strdup(const char *text)
{
    return may_allocate() ? counted(__real_strdup(text)) : NULL;
}

char *__wrap_strndup(const char *text, size_t bytes)
{
    return may_allocate() ? counted(__real_strndup(text, bytes)) : NULL;
}

char *__wrap_realpath(const char *path, char *resolved)
{
    return may_allocate() ? counted(__real_realpath(path, resolved)) : NULL;
}

void __wrap_free(void *data)
{
    live -= data != NULL;
    __real_free(data);
}
