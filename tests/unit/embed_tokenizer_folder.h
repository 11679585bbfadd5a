#pragma once
/* A folder of a test's own, and the files of a tokenizer in it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/fs.h"

static char tokenizer_folder[64];

static inline int make_tokenizer_folder(void **state)
{
    (void)state;
    snprintf(tokenizer_folder, sizeof tokenizer_folder, "/tmp/oriane-tokenizer-XXXXXX");
    return mkdtemp(tokenizer_folder) ? 0 : -1;
}

static inline void clear_tokenizer_folder(void)
{
    static const char *const names[] = {"tokenizer.json", "tokenizer_config.json",
                                        "special_tokens_map.json", "vocab.json", "merges.txt"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", tokenizer_folder, names[i]);
        unlink(path);
    }
}

static inline int drop_tokenizer_folder(void **state)
{
    (void)state;
    clear_tokenizer_folder();
    return rmdir(tokenizer_folder);
}

static inline void put_bytes(const char *name, const char *data, size_t bytes)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", tokenizer_folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ori_fs_write_all(fd, data, bytes, NULL) != ORI_OK)
        abort();
    close(fd);
}

/* JSON reads better in C with ' for ". */
static inline void put_json(const char *name, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        abort();
    for (char *at = copy; (at = strchr(at, '\'')) != NULL;)
        *at = '"';
    put_bytes(name, copy, strlen(copy));
    free(copy);
}
