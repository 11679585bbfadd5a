/* Tokenizers and texts, parts with a line "%%" between them: a text, then tokenizer.json and perhaps
 * tokenizer_config.json; or, where the second part is empty, vocab.json and merges.txt.
 * Whatever is taken must give ids of its vocabulary, the same ones each time and no more than asked
 * for. */
#include <string.h>

#include "embed/tokenizer.h"
#include "fuzz_folder.h"
#include "util/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { IDS_MAX = 300, PARTS = 4 };

struct part {
    const uint8_t *data; /* NULL: there is none */
    size_t bytes;
};

static void cut(const uint8_t *data, size_t bytes, struct part parts[PARTS])
{
    static const char line[] = "\n%%\n";
    for (int i = 0; i < PARTS; i++) {
        const uint8_t *end = memmem(data, bytes, line, sizeof line - 1);
        size_t length = end && i + 1 < PARTS ? (size_t)(end - data) : bytes;
        parts[i] = (struct part){.data = data, .bytes = length};
        if (!end || i + 1 == PARTS)
            return;
        data += length + sizeof line - 1;
        bytes -= length + sizeof line - 1;
    }
}

static void put(const char *name, struct part part)
{
    if (part.data)
        fuzz_folder_put(name, NULL, 0, part.data, part.bytes);
    else
        unlinkat(fuzz_folder_fd(), name, 0);
}

static void put_parts(const struct part parts[PARTS])
{
    static const struct part none = {0};
    bool is_clip = parts[1].data && parts[1].bytes == 0;
    put("tokenizer.json", is_clip ? none : parts[1]);
    put("tokenizer_config.json", is_clip ? none : parts[2]);
    put("vocab.json", is_clip ? parts[2] : none);
    put("merges.txt", is_clip ? parts[3] : none);
}

static void encode(const struct ori_tokenizer *tokenizer, const char *text, size_t ids_max)
{
    int32_t ids[IDS_MAX];
    int32_t again[IDS_MAX];
    size_t count = 0;
    size_t count_again = 0;
    struct ori_error err = {0};
    ori_status status = ori_tokenizer_encode(tokenizer, text, ids_max, ids, &count, &err);
    MUST(status == err.status && (status == ORI_OK || err.text[0]));
    MUST(status == ORI_OK || status == ORI_BAD_MODEL || status == ORI_LIMIT || status == ORI_USAGE);
    if (status != ORI_OK)
        return;
    MUST(count <= ids_max);
    for (size_t i = 0; i < count; i++)
        MUST(ids[i] >= 0 && ids[i] < ori_tokenizer_vocabulary(tokenizer));
    MUST(ori_tokenizer_encode(tokenizer, text, ids_max, again, &count_again, &err) == ORI_OK);
    MUST(count == count_again && memcmp(ids, again, count * sizeof *ids) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct part parts[PARTS] = {{0}};
    struct ori_tokenizer *tokenizer = NULL;
    struct ori_error err = {0};
    cut(data, bytes, parts);
    put_parts(parts);
    ori_status status = ori_tokenizer_open(fuzz_folder, &tokenizer, &err);
    MUST(status == err.status && (status == ORI_OK || err.text[0]));
    MUST(status == ORI_OK || status == ORI_BAD_MODEL || status == ORI_LIMIT ||
         status == ORI_UNSUPPORTED_MODEL || status == ORI_MODEL_MISSING);
    if (status != ORI_OK)
        return 0;
    char *text = malloc(parts[0].bytes + 1);
    MUST(text);
    memcpy(text, parts[0].data, parts[0].bytes);
    text[parts[0].bytes] = '\0';
    MUST(ori_tokenizer_pad_id(tokenizer) < ori_tokenizer_vocabulary(tokenizer));
    encode(tokenizer, text, IDS_MAX);
    encode(tokenizer, text, 3);
    free(text);
    ori_tokenizer_close(&tokenizer);
    return 0;
}
