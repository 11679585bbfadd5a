#pragma once
/* A folder for a fuzz target's files: made once, its files written again for each input. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/fs.h"

#define MUST(condition) ((condition) ? (void)0 : abort())

static char fuzz_folder[64];

static inline void fuzz_folder_drop(void)
{
    static const char *const names[] = {"model.safetensors", "model.safetensors.index.json",
                                        "m-1.safetensors",   "m-2.safetensors",
                                        "config.json",       "preprocessor_config.json",
                                        "tokenizer.json",    "tokenizer_config.json",
                                        "vocab.json",        "merges.txt"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", fuzz_folder, names[i]);
        unlink(path);
    }
    rmdir(fuzz_folder);
}

static inline int fuzz_folder_fd(void)
{
    static int fd = -1;
    if (fd >= 0)
        return fd;
    snprintf(fuzz_folder, sizeof fuzz_folder, "/dev/shm/oriane-fuzz-XXXXXX"); /* in memory */
    if (!mkdtemp(fuzz_folder)) {
        snprintf(fuzz_folder, sizeof fuzz_folder, "/tmp/oriane-fuzz-XXXXXX");
        MUST(mkdtemp(fuzz_folder));
    }
    atexit(fuzz_folder_drop);
    fd = open(fuzz_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    MUST(fd >= 0);
    return fd;
}

static inline void fuzz_folder_put(const char *name, const uint8_t *head, size_t head_bytes,
                                   const uint8_t *data, size_t bytes)
{
    int fd = openat(fuzz_folder_fd(), name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    MUST(fd >= 0);
    MUST(ori_fs_write_all(fd, head, head_bytes, NULL) == ORI_OK);
    MUST(ori_fs_write_all(fd, data, bytes, NULL) == ORI_OK);
    close(fd);
}
