/* The n-th allocation fails, for every n, while a tokenizer is opened and while it encodes: each comes
 * back as ORI_NOMEM. Leaks are for the address sanitizer to see. By nomem.h; jansson, Oniguruma and utf8proc have memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "embed/tokenizer.h"
#include "embed_tokenizer_folder.h"
#include "../component/nomem.h"

static ori_status open_and_encode(struct ori_error *err)
{
    int32_t ids[64];
    size_t count = 99;
    struct ori_tokenizer *tokenizer = NULL;
    ori_status status = ori_tokenizer_open(tokenizer_folder, &tokenizer, err);
    assert_int_equal(status == ORI_OK, tokenizer != NULL);
    if (status == ORI_OK)
        status = ori_tokenizer_encode(tokenizer, "A cat, X  \u00C5\u0301 a cat 12", 64, ids, &count,
                                      err);
    assert_int_equal(status == ORI_OK, count != 99);
    ori_tokenizer_close(&tokenizer);
    return status;
}

static void check_every_failure(void)
{
    long n = 0;
    for (;; n++) {
        struct ori_error err = {0};
        nomem_begin(n, is_once);
        ori_status status = open_and_encode(&err);
        nomem_end();
        if (!has_failed) {
            if (status != ORI_OK)
                fail_msg("%s", err.text);
            break;
        }
        if (status != ORI_NOMEM || err.status != ORI_NOMEM || !err.text[0])
            fail_msg("allocation %ld: %s: %s", n, ori_status_code(status), err.text);
        assert_true(n < 10000);
    }
    print_message("%ld allocations\n", n);
    assert_true(n > 20);
}

static void test_bpe(void **state)
{
    (void)state;
    clear_tokenizer_folder();
    put_json("tokenizer_config.json", "{'pad_token':'?'}");
    put_json(
        "tokenizer.json",
        "{'added_tokens':[{'id':6,'content':'X','normalized':true},"
        "{'id':7,'content':'Y','normalized':false}],"
        "'normalizer':{'type':'Sequence','normalizers':[{'type':'NFC'},{'type':'Prepend',"
        "'prepend':'_'},{'type':'Replace','pattern':{'String':'a'},'content':'b'},"
        "{'type':'Replace','pattern':{'Regex':'c'},'content':'a'}]},"
        "'pre_tokenizer':{'type':'Sequence','pretokenizers':[{'type':'Punctuation'},"
        "{'type':'ByteLevel','add_prefix_space':true},"
        "{'type':'Split','pattern':{'Regex':'b+'},'behavior':'MergedWithNext','invert':true}]},"
        "'post_processor':{'type':'BertProcessing','cls':['a',0],'sep':['b',1]},"
        "'model':{'type':'BPE','vocab':{'a':0,'##b':1,'a##b':2,'?':3,'ab':4,'b.':5},"
        "'merges':['a ##b'],'continuing_subword_prefix':'##','end_of_word_suffix':'.',"
        "'unk_token':'?'}}");
    check_every_failure();
}

/* The charsmap is a tree of 256 units that all are nothing, and one replacement: A is zero. */
static void test_unigram(void **state)
{
    enum { DIGITS = 1374 };
    static char charsmap[DIGITS + 1];
    static char json[2000];
    (void)state;
    memset(charsmap, 'A', DIGITS);
    charsmap[2] = 'Q';
    snprintf(json, sizeof json,
             "{'normalizer':{'type':'Precompiled','precompiled_charsmap':'%s=='},"
             "'pre_tokenizer':{'type':'Metaspace','replacement':'_'},"
             "'model':{'unk_id':0,'vocab':[['?',0],['_',-2],['_c',-3.25],['at',-2.5],['a',-1]]}}",
             charsmap);
    clear_tokenizer_folder();
    put_json("special_tokens_map.json", "{'pad_token':'?'}");
    put_json("tokenizer.json", json);
    check_every_failure();
}

static void test_clip(void **state)
{
    (void)state;
    clear_tokenizer_folder();
    put_json("vocab.json", "{'a':0,'c':1,'a</w>':2,'t</w>':3,'ca':4,'cat</w>':5,"
                           "'<|startoftext|>':6,'<|endoftext|>':7}");
    put_json("merges.txt", "#version: 0.2\nc a\nca t</w>\n");
    check_every_failure();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bpe),
        cmocka_unit_test(test_unigram),
        cmocka_unit_test(test_clip),
    };
    return cmocka_run_group_tests(tests, make_tokenizer_folder, drop_tokenizer_folder);
}
