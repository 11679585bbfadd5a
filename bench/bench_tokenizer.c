/* bench/bench_tokenizer.c: the ids of many texts, and what they cost.
 * usage: bench_tokenizer FOLDER TEXTS IDS_MAX > IDS
 * TEXTS holds for each text its length (u32, little-endian) and its bytes; IDS gets a line a text.
 * Times go to standard error. bench/tokenizers/compare.py compares the ids with the reference's. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/tokenizer.h"
#include "util/clock.h"
#include "util/fs.h"
#include "util/text.h"

enum { TEXTS_BYTES_MAX = 1 << 30 };

static int fail(const struct ori_error *err)
{
    fprintf(stderr, "bench_tokenizer: %s: %s\n", ori_status_code(err->status), err->text);
    return 1;
}

static uint32_t number_at(const char *data)
{
    uint32_t number;
    memcpy(&number, data, sizeof number);
    return number;
}

int main(int argc, char **argv)
{
    struct ori_error err = {0};
    struct ori_tokenizer *tokenizer = NULL;
    char *data = NULL;
    size_t bytes = 0;
    size_t texts = 0;
    int64_t ids_max = 0;
    if (argc != 4 || !ori_text_to_int(argv[3], &ids_max) || ids_max < 1 || ids_max > 1 << 20) {
        fprintf(stderr, "usage: bench_tokenizer FOLDER TEXTS IDS_MAX\n");
        return 2;
    }
    int64_t start = ori_clock_us();
    if (ori_tokenizer_open(argv[1], &tokenizer, &err) != ORI_OK)
        return fail(&err);
    int64_t loaded = ori_clock_us();
    if (ori_fs_read_file(AT_FDCWD, argv[2], TEXTS_BYTES_MAX, &data, &bytes, &err) != ORI_OK)
        return fail(&err);
    int32_t *ids = calloc((size_t)ids_max, sizeof *ids);
    char *text = malloc(1 << 20);
    if (!ids || !text)
        return 1;
    int64_t encoding_us = 0;
    for (size_t at = 0; at + 4 <= bytes; texts++) {
        uint32_t length = number_at(data + at);
        if (length >= 1 << 20 || length > bytes - at - 4)
            return 2;
        memcpy(text, data + at + 4, length);
        text[length] = '\0';
        at += 4 + (size_t)length;
        size_t count = 0;
        int64_t before = ori_clock_us();
        ori_status status =
            ori_tokenizer_encode(tokenizer, text, (size_t)ids_max, ids, &count, &err);
        encoding_us += ori_clock_us() - before;
        if (status != ORI_OK) {
            printf("%s: %s", ori_status_code(status), err.text);
            err = (struct ori_error){0};
        }
        for (size_t i = 0; status == ORI_OK && i < count; i++)
            printf("%s%d", i ? " " : "", (int)ids[i]);
        printf("\n");
    }
    fprintf(stderr, "%d tokens, loaded in %.1f ms; %zu texts of %.0f bytes: %.1f us each\n",
            ori_tokenizer_vocabulary(tokenizer), (double)(loaded - start) / 1000, texts,
            texts ? (double)bytes / (double)texts - 4 : 0,
            texts ? (double)encoding_us / (double)texts : 0);
    ori_tokenizer_close(&tokenizer);
    free(ids);
    free(text);
    free(data);
    return 0;
}
