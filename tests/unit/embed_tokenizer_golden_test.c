/* The ids of a thousand texts as Hugging Face tokenizers gave them: tests/golden/tokenizers, made by
 * bench/golden/tokenizers.py. CLIP's merges are read from beside the repository, if they are there.
 * usage: embed_tokenizer_golden_test SOURCE_ROOT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>

#include "embed/tokenizer.h"
#include "embed_tokenizer_folder.h"

enum { IDS_MAX = 4096, CLIP_MERGES = 49152 - 256 - 2 };

static const char *root;
static json_t *golden;

static int load_golden(void **state)
{
    char path[1024];
    (void)state;
    snprintf(path, sizeof path, "%s/tests/golden/tokenizers/ids.json", root);
    golden = json_load_file(path, 0, NULL);
    return golden ? make_tokenizer_folder(state) : -1;
}

static int drop_golden(void **state)
{
    json_decref(golden);
    return drop_tokenizer_folder(state);
}

static void check_row(const struct ori_tokenizer *tokenizer, const json_t *row)
{
    int32_t ids[IDS_MAX];
    size_t count = 0;
    const char *text = json_string_value(json_array_get(row, 0));
    size_t ids_max = (size_t)json_integer_value(json_array_get(row, 1));
    const json_t *expected = json_array_get(row, 2);
    assert_non_null(text);
    assert_true(ids_max <= IDS_MAX);
    assert_int_equal(ori_tokenizer_encode(tokenizer, text, ids_max, ids, &count, NULL), ORI_OK);
    for (size_t i = 0; i < count && i < json_array_size(expected); i++)
        if (ids[i] != json_integer_value(json_array_get(expected, i)))
            fail_msg("\"%s\": id %zu is %d", text, i, (int)ids[i]);
    if (count != json_array_size(expected))
        fail_msg("\"%s\": %zu ids", text, count);
}

static void check_rows(const char *folder, const char *kind, size_t rows_min)
{
    struct ori_tokenizer *tokenizer = NULL;
    struct ori_error err = {0};
    const json_t *rows = json_object_get(golden, kind);
    if (ori_tokenizer_open(folder, &tokenizer, &err) != ORI_OK)
        fail_msg("%s: %s", kind, err.text);
    assert_true(json_array_size(rows) >= rows_min);
    for (size_t i = 0; i < json_array_size(rows); i++)
        check_row(tokenizer, json_array_get(rows, i));
    ori_tokenizer_close(&tokenizer);
}

static void test_kind(void **state)
{
    char folder[1024];
    snprintf(folder, sizeof folder, "%s/tests/golden/tokenizers/%s", root, (const char *)*state);
    check_rows(folder, *state, 80);
}

static void test_a_thousand(void **state)
{
    size_t count = 0;
    const char *kind;
    json_t *rows;
    (void)state;
    json_object_foreach(golden, kind, rows) count += json_array_size(rows);
    assert_int_equal(count, 1000);
}

/* ---- CLIP's own merges ---- */

/* The file that OpenAI gives; its first line is a heading. The caller frees. */
static char *read_merges(char **ret_begin, char **ret_end)
{
    char path[1024];
    char *data = NULL;
    size_t bytes = 0;
    snprintf(path, sizeof path, "%s/../shared/reference/bpe_simple_vocab_16e6.txt", root);
    if (ori_fs_read_file(AT_FDCWD, path, 16 << 20, &data, &bytes, NULL) != ORI_OK)
        return NULL;
    char *at = strchr(data, '\n');
    assert_non_null(at);
    *ret_begin = at + 1;
    for (int i = 0; i < CLIP_MERGES; i++) {
        at = strchr(at + 1, '\n');
        assert_non_null(at);
    }
    *ret_end = at + 1;
    return data;
}

/* The character of a byte in vocab.json, as JSON; those that are printable come first. */
static uint32_t char_of(int index)
{
    if (index < 94)
        return (uint32_t)index + 33;
    if (index < 106)
        return (uint32_t)index - 94 + 161;
    return index < 188 ? (uint32_t)index - 106 + 174 : (uint32_t)index - 188 + 256;
}

static void add_char(json_t *vocab, int index, const char *suffix)
{
    char token[16];
    uint32_t c = char_of(index);
    if (c < 0x80)
        snprintf(token, sizeof token, "%c%s", (char)c, suffix);
    else
        snprintf(token, sizeof token, "%c%c%s", (char)(0xC0 | c >> 6), (char)(0x80 | (c & 0x3F)),
                 suffix);
    json_object_set_new(vocab, token, json_integer((json_int_t)json_object_size(vocab)));
}

static json_t *make_vocab(const char *begin, const char *end)
{
    json_t *vocab = json_object();
    for (int i = 0; i < 256; i++)
        add_char(vocab, i, "");
    for (int i = 0; i < 256; i++)
        add_char(vocab, i, "</w>");
    for (const char *line = begin; line < end;) {
        char token[256];
        size_t used = 0;
        for (; *line != '\n'; line++)
            if (*line != ' ' && used + 1 < sizeof token)
                token[used++] = *line;
        token[used] = '\0';
        json_object_set_new(vocab, token, json_integer((json_int_t)json_object_size(vocab)));
        line++;
    }
    json_object_set_new(vocab, "<|startoftext|>", json_integer(49406));
    json_object_set_new(vocab, "<|endoftext|>", json_integer(49407));
    assert_int_equal(json_object_size(vocab), 49408);
    return vocab;
}

static void put_dumped(const char *name, const json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    assert_non_null(text);
    put_bytes(name, text, strlen(text));
    free(text);
}

static void test_clip(void **state)
{
    char *begin;
    char *end;
    (void)state;
    char *data = read_merges(&begin, &end);
    if (!data) {
        print_message("skipped: no CLIP merges beside the repository (../shared/reference)\n");
        skip();
    }
    json_t *vocab = make_vocab(begin, end);
    clear_tokenizer_folder();
    put_dumped("vocab.json", vocab);
    put_bytes("merges.txt", begin, (size_t)(end - begin));
    check_rows(tokenizer_folder, "clip", 80);
    json_decref(vocab);
    free(data);
}

/* The same as the hub has it: the words of openai/clip-vit-base-patch32's tokenizer.json. */
static void test_clip_json(void **state)
{
    static const char text[] =
        "{\"version\":\"1.0\",\"added_tokens\":["
        "{\"id\":49406,\"content\":\"<|startoftext|>\",\"single_word\":false,\"lstrip\":false,"
        "\"rstrip\":false,\"normalized\":true,\"special\":true},"
        "{\"id\":49407,\"content\":\"<|endoftext|>\",\"single_word\":false,\"lstrip\":false,"
        "\"rstrip\":false,\"normalized\":false,\"special\":true}],"
        "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},"
        "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\\\\s+\"},\"content\":\" \"},"
        "{\"type\":\"Lowercase\"}]},"
        "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\","
        "\"pattern\":{\"Regex\":\"'s|'t|'re|'ve|'m|'ll|'d|[\\\\p{L}]+|[\\\\p{N}]|"
        "[^\\\\s\\\\p{L}\\\\p{N}]+\"},\"behavior\":\"Removed\",\"invert\":true},"
        "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true}]},"
        "\"post_processor\":{\"type\":\"RobertaProcessing\",\"sep\":[\"<|endoftext|>\",49407],"
        "\"cls\":[\"<|startoftext|>\",49406],\"trim_offsets\":false,\"add_prefix_space\":false},"
        "\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":\"<|endoftext|>\","
        "\"continuing_subword_prefix\":\"\",\"end_of_word_suffix\":\"</w>\",\"fuse_unk\":false}}";
    char *begin;
    char *end;
    (void)state;
    char *data = read_merges(&begin, &end);
    if (!data) {
        print_message("skipped: no CLIP merges beside the repository (../shared/reference)\n");
        skip();
    }
    json_t *json = json_loads(text, 0, NULL);
    json_t *model = json_object_get(json, "model");
    json_t *merges = json_array();
    assert_non_null(json);
    json_object_set_new(model, "vocab", make_vocab(begin, end));
    for (char *line = begin; line < end;) {
        char *newline = strchr(line, '\n');
        json_array_append_new(merges, json_stringn(line, (size_t)(newline - line)));
        line = newline + 1;
    }
    json_object_set_new(model, "merges", merges);
    clear_tokenizer_folder();
    put_dumped("tokenizer.json", json);
    check_rows(tokenizer_folder, "clip-json", 80);
    json_decref(json);
    free(data);
}

int main(int argc, char **argv)
{
    static char *kinds[] = {"siglip",  "t5",   "xlmr",  "unigram-bytes", "gemma",
                            "siglip2", "gpt2", "words", "suffix"};
    enum { KINDS = sizeof kinds / sizeof kinds[0] };
    struct CMUnitTest tests[KINDS + 3] = {cmocka_unit_test(test_a_thousand),
                                          cmocka_unit_test(test_clip),
                                          cmocka_unit_test(test_clip_json)};
    for (size_t i = 0; i < KINDS; i++)
        tests[3 + i] = (struct CMUnitTest){
            .name = kinds[i], .test_func = test_kind, .initial_state = kinds[i]};
    if (argc != 2) {
        fprintf(stderr, "usage: %s SOURCE_ROOT\n", argv[0]);
        return 2;
    }
    root = argv[1];
    return cmocka_run_group_tests(tests, load_golden, drop_golden);
}
