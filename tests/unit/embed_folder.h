#pragma once
/* A model's folder for a test, and safetensors files made by hand. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct folder {
    char path[64];
    int fd;
};

static inline struct folder folder_make(void)
{
    struct folder folder = {.fd = -1};
    snprintf(folder.path, sizeof folder.path, "/tmp/oriane-model-XXXXXX");
    assert_non_null(mkdtemp(folder.path));
    folder.fd = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(folder.fd >= 0);
    return folder;
}

static inline void folder_empty(const struct folder *folder)
{
    DIR *entries = opendir(folder->path);
    assert_non_null(entries);
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            unlinkat(folder->fd, entry->d_name, 0) != 0)
            assert_int_equal(unlinkat(folder->fd, entry->d_name, AT_REMOVEDIR), 0);
    }
    closedir(entries);
}

static inline void folder_drop(struct folder *folder)
{
    folder_empty(folder);
    close(folder->fd);
    assert_int_equal(rmdir(folder->path), 0);
}

static inline void folder_put(const struct folder *folder, const char *name, const void *data,
                              size_t bytes)
{
    unlinkat(folder->fd, name, 0); /* ext4 waits for the disk when a file is cut and written anew */
    int fd = openat(folder->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    for (size_t done = 0; done < bytes;) {
        ssize_t put = write(fd, (const char *)data + done, bytes - done);
        assert_true(put > 0);
        done += (size_t)put;
    }
    close(fd);
}

static inline void folder_put_text(const struct folder *folder, const char *name, const char *text)
{
    folder_put(folder, name, text, strlen(text));
}

/* Length, header, and data_bytes bytes 0, 1, 2...; the caller frees. */
static inline uint8_t *safetensors_make(const char *header, size_t data_bytes, size_t *ret_bytes)
{
    size_t header_bytes = strlen(header);
    *ret_bytes = 8 + header_bytes + data_bytes;
    uint8_t *file = malloc(*ret_bytes);
    assert_non_null(file);
    for (size_t i = 0; i < 8; i++)
        file[i] = (uint8_t)((uint64_t)header_bytes >> (8 * i));
    memcpy(file + 8, header, header_bytes);
    for (size_t i = 0; i < data_bytes; i++)
        file[8 + header_bytes + i] = (uint8_t)i;
    return file;
}

static inline void folder_put_safetensors(const struct folder *folder, const char *name,
                                          const char *header, size_t data_bytes)
{
    size_t bytes = 0;
    uint8_t *file = safetensors_make(header, data_bytes, &bytes);
    folder_put(folder, name, file, bytes);
    free(file);
}
