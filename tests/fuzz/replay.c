/* The main of a fuzz target that is built without a fuzzer: each file of a folder, each cut short
 * after each of its first bytes, and each with each of its first bytes changed, once. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { FILE_BYTES_MAX = 1 << 20, FIRST_BYTES = 2048 };

static void replay(const char *text, size_t bytes)
{
    size_t first = bytes < FIRST_BYTES ? bytes : FIRST_BYTES;
    uint8_t *input = malloc(bytes + 1);
    if (!input)
        abort();
    LLVMFuzzerTestOneInput((const uint8_t *)text, bytes);
    for (size_t i = 0; i < first; i++) {
        memcpy(input, text, i); /* a copy of that size: reading past it is seen */
        LLVMFuzzerTestOneInput(input, i);
    }
    memcpy(input, text, bytes);
    for (size_t i = 0; i < first; i++) {
        input[i] ^= (uint8_t)(1U << (i % 8));
        LLVMFuzzerTestOneInput(input, bytes);
        input[i] ^= (uint8_t)(1U << (i % 8));
    }
    free(input);
}

int main(int argc, char **argv)
{
    long files = 0;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (!folder) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        struct ori_error err = {0};
        char *text = NULL;
        size_t bytes = 0;
        if (entry->d_name[0] == '.')
            continue;
        if (ori_fs_read_file(dirfd(folder), entry->d_name, FILE_BYTES_MAX, &text, &bytes, &err) !=
            ORI_OK) {
            fprintf(stderr, "%s\n", err.text);
            return 1;
        }
        replay(text, bytes);
        free(text);
        files++;
    }
    closedir(folder);
    printf("%ld files replayed\n", files);
    return files > 0 ? 0 : 1;
}
