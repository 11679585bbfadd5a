/* Tokenizers small enough to work out by hand, files that must be refused, and every limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "embed/tokenizer.h"
#include "embed_tokenizer_folder.h"
#include "util/buf.h"
#include "util/limits.h"

enum { IDS_MAX = 4096 };

#define AB_BPE                                                                                     \
    "{'type':'BPE','vocab':{'a':0,'b':1,'c':2,'ab':3,'bc':4,'abc':5,'?':6},"                       \
    "'merges':['b c','a b','ab c'],'unk_token':'?'}"
#define AB(rest) "{'version':'1.0'," rest "'model':" AB_BPE "}"

static struct ori_tokenizer *open_json(const char *text)
{
    struct ori_tokenizer *tokenizer = NULL;
    struct ori_error err = {0};
    put_json("tokenizer.json", text);
    if (ori_tokenizer_open(tokenizer_folder, &tokenizer, &err) != ORI_OK)
        fail_msg("%s\n%.400s", err.text, text);
    return tokenizer;
}

/* "3 0 2" */
static const char *ids_of(const struct ori_tokenizer *tokenizer, const char *text, size_t ids_max)
{
    static char words[IDS_MAX * 8];
    int32_t ids[IDS_MAX];
    size_t count = 0;
    size_t used = 0;
    struct ori_error err = {0};
    if (ori_tokenizer_encode(tokenizer, text, ids_max, ids, &count, &err) != ORI_OK)
        fail_msg("%s: \"%.100s\"", err.text, text);
    words[0] = '\0';
    for (size_t i = 0; i < count; i++)
        used +=
            (size_t)snprintf(words + used, sizeof words - used, "%s%d", i ? " " : "", (int)ids[i]);
    return words;
}

static void check_ids(const char *json, const char *text, size_t ids_max, const char *expected)
{
    struct ori_tokenizer *tokenizer = open_json(json);
    assert_string_equal(ids_of(tokenizer, text, ids_max), expected);
    ori_tokenizer_close(&tokenizer);
}

/* ---- models ---- */

static void test_bpe(void **state)
{
    static const struct {
        const char *json;
        const char *text;
        const char *expected;
    } rows[] = {
        {AB(""), "abc", "0 4"}, /* b c comes first in the list, and a bc is not in it */
        {AB(""), "ab", "3"},
        {AB(""), "abab", "3 3"},
        {AB(""), "xyab", "6 6 3"},
        {AB(""), "", ""},
        {AB(""), "\xF0\x9F\x98\x80", "6"},
        /* without unk_token what is unknown is left out */
        {"{'model':{'type':'BPE','vocab':{'a':0,'b':1},'merges':[]}}", "axb", "0 1"},
        {"{'model':{'type':'BPE','vocab':{'a':0,'?':9},'merges':[],'unk_token':'?',"
         "'fuse_unk':true}}",
         "xyazz", "9 0 9"},
        {"{'model':{'type':'BPE','vocab':{'a':0,'<0xC3>':1,'<0xA9>':2,'?':3},'merges':[],"
         "'unk_token':'?','byte_fallback':true}}",
         "a\xC3\xA9\xC3\xA8", "0 1 2 3"}, /* the second letter has a byte that is no token */
        {"{'model':{'type':'BPE','vocab':{'a':0,'##a':1,'a##a':2,'aa':3},"
         "'merges':[['a','##a']],'continuing_subword_prefix':'##'}}",
         "aaa", "3 1"},
        {"{'model':{'type':'BPE','vocab':{'a':0,'a.':1,'aa.':2,'aa':3},'merges':['a a','a a.'],"
         "'end_of_word_suffix':'.'}}",
         "aaa", "3 1"}, /* the leftmost pair of the first merge */
        {"{'model':{'type':'BPE','vocab':{'a':0,'b':1,'ab':2},'merges':[],'ignore_merges':true}}",
         "ab", "2"},
        {"{'model':{'type':'BPE','vocab':{'a':0,'b':1,'ab':2},'merges':[]}}", "ab", "0 1"},
        /* a merge that is there twice has its last place */
        {"{'model':{'vocab':{'a':0,'b':1,'c':2,'ab':3,'bc':4},'merges':['a b','b c','a b']}}",
         "abc", "0 4"},
        /* a token with a blank in it can only be written as a pair */
        {"{'model':{'type':'BPE','vocab':{'a':0,' ':1,'a ':2},'merges':[['a',' ']]}}", "a a",
         "2 0"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_ids(rows[i].json, rows[i].text, IDS_MAX, rows[i].expected);
}

static void test_unigram(void **state)
{
#define UNIGRAM "'vocab':[['?',0],['a',-1],['b',-1.0],['ab',-1.5],['ba',-2.5e0]]"
    static const struct {
        const char *json;
        const char *text;
        const char *expected;
    } rows[] = {
        {"{'model':{'type':'Unigram','unk_id':0," UNIGRAM "}}", "abab", "3 3"},
        {"{'model':{'type':'Unigram','unk_id':0," UNIGRAM "}}", "ba", "2 1"},
        {"{'model':{'type':'Unigram','unk_id':0," UNIGRAM "}}", "axxyb", "1 0 2"},
        {"{'model':{'unk_id':0," UNIGRAM "}}", "x?a", "0 1"}, /* the unknown token is unknown too */
        {"{'model':{'unk_id':0,'byte_fallback':true,'vocab':[['?',0],['<0xC3>',-9],['<0xA9>',-9],"
         "['a',-1]]}}",
         "a\xC3\xA9y", "3 0"}, /* unknown ones are one stretch; y has no byte */
        {"{'model':{'unk_id':0,'byte_fallback':true,'vocab':[['?',0],['<0xC3>',-9],['<0xA9>',-9],"
         "['a',-1]]}}",
         "a\xC3\xA9\x61", "3 1 2 3"},
        /* of equals the one that is found first: the longer last token loses */
        {"{'model':{'unk_id':0,'vocab':[['?',0],['a',-1],['b',-1],['ab',-1],['c',-1],['bc',-1]]}}",
         "abc", "1 5"},
        /* of a token that is there twice the last one counts */
        {"{'model':{'unk_id':0,'vocab':[['?',0],['a',-5],['a',-1]]}}", "a", "2"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_ids(rows[i].json, rows[i].text, IDS_MAX, rows[i].expected);
}

/* A word of the text's length at the limit: the time must not go up with its square. */
static void test_long_words(void **state)
{
    char *text = malloc(ORI_LIMIT_MAX_SEARCH_TEXT_BYTES + 2);
    int32_t *ids = calloc(ORI_LIMIT_MAX_SEARCH_TEXT_BYTES, sizeof *ids);
    size_t count = 0;
    struct ori_error err = {0};
    (void)state;
    assert_non_null(text);
    assert_non_null(ids);
    struct ori_tokenizer *tokenizer = open_json(AB(""));
    for (int i = 0; i <= ORI_LIMIT_MAX_SEARCH_TEXT_BYTES; i++)
        text[i] = i % 2 ? 'b' : 'a';
    text[ORI_LIMIT_MAX_SEARCH_TEXT_BYTES + 1] = '\0';
    assert_int_equal(ori_tokenizer_encode(tokenizer, text, 10, ids, &count, &err), ORI_LIMIT);
    text[ORI_LIMIT_MAX_SEARCH_TEXT_BYTES] = '\0';
    assert_int_equal(
        ori_tokenizer_encode(tokenizer, text, ORI_LIMIT_MAX_SEARCH_TEXT_BYTES, ids, &count, NULL),
        ORI_OK);
    assert_int_equal(count, ORI_LIMIT_MAX_SEARCH_TEXT_BYTES / 2);
    assert_int_equal(ids[count - 1], 3);
    ori_tokenizer_close(&tokenizer);
    free(text);
    free(ids);
}

/* ---- steps: the pieces of a text, by a model that puts "|" behind the last letter of each ---- */

static char *pieces_json(const char *normalizer, const char *pre_tokenizer)
{
    /* each character at its place, with "|" behind it 500 later; JSON escapes below U+0020 */
    static const uint32_t others[] = {0xA0,   0xB0,   0xBD,    0xC5,  0xC9,  0xE5,  0xE9,   0x120,
                                      0x130,  0x301,  0x307,   0x30A, 0x3A3, 0x3C3, 0x2044, 0x2581,
                                      0x212B, 0x3042, 0x1F600, 0x958, 0x915, 0x93C};
    struct ori_buf buf;
    ori_buf_init(&buf, 1 << 20);
    ori_buf_printf(&buf,
                   "{\"normalizer\":%s,\"pre_tokenizer\":%s,\"model\":{\"type\":\"BPE\","
                   "\"merges\":[],\"end_of_word_suffix\":\"|\",\"vocab\":{",
                   normalizer, pre_tokenizer);
    for (uint32_t i = 1; i < 127 + sizeof others / sizeof others[0]; i++) {
        uint32_t c = i < 127 ? i : others[i - 127];
        char text[16];
        if (c >= 0x10000)
            snprintf(text, sizeof text, "\\u%04X\\u%04X", 0xD7C0 + (c >> 10), 0xDC00 + (c & 0x3FF));
        else
            snprintf(text, sizeof text, "\\u%04X", c);
        ori_buf_printf(&buf, "%s\"%s\":%u,\"%s|\":%u", i > 1 ? "," : "", text, i, text, i + 500);
    }
    ori_buf_printf(&buf, "}}}");
    return ori_buf_take(&buf, NULL);
}

/* ASCII as it is, others as "<E9>"; "|" ends a piece. */
static void add_shown(struct ori_buf *buf, int32_t id)
{
    static const char *const others[] = {
        "A0",  "B0",  "BD",  "C5",   "C9",   "E5",   "E9",   "120",   "130", "301", "307",
        "30A", "3A3", "3C3", "2044", "2581", "212B", "3042", "1F600", "958", "915", "93C"};
    int32_t index = id > 500 ? id - 500 : id;
    if (index < 127)
        ori_buf_printf(buf, "%c", (char)index);
    else
        ori_buf_printf(buf, "<%s>", others[index - 127]);
    if (id > 500)
        ori_buf_add_text(buf, "|");
}

static void check_pieces(const char *normalizer, const char *pre_tokenizer, const char *text,
                         const char *expected)
{
    struct ori_tokenizer *tokenizer = NULL;
    struct ori_error err = {0};
    struct ori_buf shown;
    int32_t ids[IDS_MAX];
    size_t count = 0;
    char *json = pieces_json(normalizer, pre_tokenizer);
    put_json("tokenizer.json", json);
    if (ori_tokenizer_open(tokenizer_folder, &tokenizer, &err) != ORI_OK)
        fail_msg("%s", err.text);
    assert_int_equal(ori_tokenizer_encode(tokenizer, text, IDS_MAX, ids, &count, &err), ORI_OK);
    ori_buf_init(&shown, 1 << 16);
    for (size_t i = 0; i < count; i++)
        add_shown(&shown, ids[i]);
    if (strcmp(ori_buf_text(&shown), expected) != 0)
        fail_msg("%.60s %s \"%s\": %s", normalizer, pre_tokenizer, text, ori_buf_text(&shown));
    ori_buf_deinit(&shown);
    ori_tokenizer_close(&tokenizer);
    free(json);
}

#define TWO(a, b) "{'type':'Sequence','normalizers':[" a "," b "]}"
#define REPLACE_STRING(what, with)                                                                 \
    "{'type':'Replace','pattern':{'String':'" what "'},'content':'" with "'}"
#define REPLACE_REGEX(what, with)                                                                  \
    "{'type':'Replace','pattern':{'Regex':'" what "'},'content':'" with "'}"
#define STRIP(left, right) "{'type':'Strip','strip_left':" left ",'strip_right':" right "}"

static void test_normalizers(void **state)
{
    static const struct {
        const char *normalizer;
        const char *text;
        const char *expected;
    } rows[] = {
        {"null", "A b", "A b|"},
        {"{'type':'NFC'}", "e\u0301 A\u030A", "<E9> <C5>|"},
        {"{'type':'NFC'}", "\u212B", "<C5>|"},
        {"{'type':'NFC'}", "\u0958", "<915><93C>|"}, /* not put together again */
        {"{'type':'NFD'}", "\u00E9a", "e<301>a|"},
        {"{'type':'NFKC'}", "\u00BD\u00A0", "1<2044>2 |"},
        {"{'type':'NFKD'}", "\u212Bx", "A<30A>x|"},
        {"{'type':'Lowercase'}", "AbC\u00C9\u0130", "abc<E9>i<307>|"},
        {"{'type':'Lowercase'}", "\u03A3\u03A3", "<3C3><3C3>|"}, /* not the final form */
        {"{'type':'StripAccents'}", "e\u0301x", "ex|"},
        {"{'type':'StripAccents'}", "\u00E9", "<E9>|"},
        {"{'type':'Nmt'}", "a\tb\x01\u200Bc\x7F", "a b c|"},
        {"{'type':'Prepend','prepend':'_'}", "ab", "_ab|"},
        {"{'type':'Prepend','prepend':'_'}", "", ""},
        {STRIP("true", "true"), " \t ab \u00A0\u3000", "ab|"},
        {STRIP("true", "false"), "  ab ", "ab |"},
        {STRIP("false", "true"), "  ab ", "  ab|"},
        {STRIP("true", "true"), " \n ", ""},
        {REPLACE_STRING("aa", "x"), "aaaba", "xaba|"},
        {REPLACE_STRING("a", ""), "aaba", "b|"},
        {REPLACE_STRING(".", "x"), "a.b", "axb|"},
        {REPLACE_REGEX(".", "x"), "a.\u00E9", "xxx|"},
        {REPLACE_REGEX("a+", "-"), "aabaa", "-b-|"},
        {REPLACE_REGEX("a*", "-"), "xaax", "-x-x-|"}, /* nothing right behind a match is none */
        {REPLACE_REGEX("(?<=a)b", "-"), "abbab", "a-ba-|"},
        {REPLACE_REGEX("\\\\p{L}", "L"), "a1\u03C3", "L1L|"},
        {REPLACE_REGEX("\\\\p{L}", "L"), "a\u1C8A-\U00031350", "LL-L|"}, /* Unicode 15, 16 */
        {REPLACE_REGEX("\\\\P{L}", "n"), "a\u1C8A-\U00031350", "an"},
        {REPLACE_REGEX("[\\\\p{N}-]", "n"), "a1-\U00010D40", "annn|"},
        {REPLACE_REGEX("[^\\\\w]", "n"), "a-\u1C8A\u00BD", "ann|"},
        {REPLACE_REGEX("\\\\w", "w"), "a-\u1C8A\u00BD", "w-ww|"},
        {REPLACE_REGEX("\\\\W", "n"), "a-\u1C8A\u00BD", "an<BD>|"},
        {REPLACE_REGEX("[]\\\\w]", "w"), "a-]\u1C8A", "w-ww|"},
        {REPLACE_REGEX("\\\\\\\\w", "x"), "a\\w", "ax|"}, /* a backslash, then a letter */
        {"{'type':'ByteLevel'}", "\u3042 ", "<120>|"},    /* the other bytes are no tokens here */
        {TWO("{'type':'NFD'}", "{'type':'StripAccents'}"), "\u00C5\u00E9", "Ae|"},
        {TWO(TWO("{'type':'NFD'}", "{'type':'StripAccents'}"), "{'type':'Lowercase'}"), "\u00C5",
         "a|"},
        {"{'type':'Sequence','normalizers':[]}", "a", "a|"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_pieces(rows[i].normalizer, "null", rows[i].text, rows[i].expected);
}

#define SPLIT(kind, what, behavior, invert)                                                        \
    "{'type':'Split','pattern':{'" kind "':'" what "'},'behavior':'" behavior "','invert':" invert \
    "}"
#define METASPACE(rest) "{'type':'Metaspace','replacement':'_'" rest "}"
#define BYTE_LEVEL(prefix, rest)                                                                   \
    "{'type':'ByteLevel','trim_offsets':true,'add_prefix_space':" prefix rest "}"
#define PIECES(a, b) "{'type':'Sequence','pretokenizers':[" a "," b "]}"

static void test_pre_tokenizers(void **state)
{
    static const struct {
        const char *pre_tokenizer;
        const char *text;
        const char *expected;
    } rows[] = {
        {SPLIT("String", "-", "Removed", "false"), "a-b--c", "a|b|c|"},
        {SPLIT("String", "-", "Isolated", "false"), "a-b--c", "a|-|b|-|-|c|"},
        {SPLIT("String", "-", "MergedWithPrevious", "false"), "a-b--c", "a-|b-|-|c|"},
        {SPLIT("String", "-", "MergedWithNext", "false"), "a-b--c", "a|-b|-|-c|"},
        {SPLIT("String", "-", "Contiguous", "false"), "a-b--c", "a|-|b|--|c|"},
        {SPLIT("Regex", "[a-c]+", "Removed", "true"), "ab-c", "ab|c|"},
        {SPLIT("Regex", "[a-c]+", "Isolated", "true"), "ab-c", "ab|-|c|"},
        {SPLIT("Regex", "[a-c]+", "MergedWithPrevious", "true"), "ab-c", "ab-|c|"},
        {SPLIT("Regex", "[a-c]+", "Contiguous", "true"), "ab-c", "ab|-|c|"},
        {SPLIT("Regex", "a*", "Isolated", "false"), "xaax", "x|aa|x|"},
        {SPLIT("Regex", "\\\\s+(?!\\\\S)|\\\\s+", "Isolated", "false"), "a  b ", "a| | |b| |"},
        {METASPACE(""), "a  b", "_a|_|_b|"},
        {METASPACE(""), "_a", "_a|"},
        {METASPACE(""), " a", "_a|"},
        {METASPACE(",'add_prefix_space':true"), "a", "_a|"},
        {METASPACE(",'add_prefix_space':false,'prepend_scheme':'never'"), "a b", "a|_b|"},
        {METASPACE(",'prepend_scheme':'never','split':false"), "a b", "a_b|"},
        {PIECES("{'type':'WhitespaceSplit'}", METASPACE(",'prepend_scheme':'first'")), "a b",
         "_a|b|"},
        {PIECES("{'type':'WhitespaceSplit'}", METASPACE(",'prepend_scheme':'always'")), "a b",
         "_a|_b|"},
        {PIECES("{'type':'WhitespaceSplit'}", METASPACE(",'prepend_scheme':'first'")), " a b",
         "a|b|"}, /* the text does not begin with a */
        {"{'type':'Whitespace'}", "ab, c_1 \u00E9!?", "ab|,|c_1|<E9>|!?|"},
        {"{'type':'WhitespaceSplit'}", " ab,\tc\u3000d ", "ab,|c|d|"},
        {"{'type':'Punctuation'}", "a.b!?", "a|.|b|!|?|"},
        {"{'type':'Punctuation','behavior':'Contiguous'}", "a.b!?", "a|.|b|!?|"},
        {"{'type':'Digits','individual_digits':true}", "a12b", "a|1|2|b|"},
        {"{'type':'Digits','individual_digits':false}", "a12b\u00BD", "a|12|b|<BD>|"},
        {BYTE_LEVEL("false", ",'use_regex':true"), "it's 12", "it|'s|<120>12|"},
        {BYTE_LEVEL("true", ",'use_regex':false"), "a b", "<120>a<120>b|"},
        {BYTE_LEVEL("true", ""), " a", "<120>a|"},
        {"{'type':'Sequence','pretokenizers':[]}", "a b", "a b|"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_pieces("null", rows[i].pre_tokenizer, rows[i].text, rows[i].expected);
    /* after the normalizer: what is stripped was the beginning */
    check_pieces(STRIP("true", "true"), METASPACE(",'prepend_scheme':'first'"), " a b", "a|_b|");
    check_pieces(STRIP("true", "true"), METASPACE(",'prepend_scheme':'first'"), "a b ", "_a|_b|");
    check_pieces(REPLACE_STRING("a", "x"), METASPACE(",'prepend_scheme':'first'"), "ab", "_xb|");
}

/* ---- charsmaps: a tree whose root leads to 256 + byte, where an entry of one letter may be ---- */

enum { UNITS = 512, REPLACEMENTS_BYTES = 8 };

static void set_entry(uint32_t units[UNITS], unsigned char letter, uint32_t replacement)
{
    units[0] = 256U << 10;
    units[256 + letter] = letter | 1U << 8 | 256U << 10; /* its value lies at the letter */
    units[letter] = 1U << 31 | replacement;
}

/* The normalizer's JSON; the next call writes over it. */
static const char *charsmap_json(const uint32_t units[UNITS],
                                 const char replacements[REPLACEMENTS_BYTES])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static char json[4200];
    unsigned char data[4 + 4 * UNITS + REPLACEMENTS_BYTES + 1] = {0, 8, 0, 0}; /* 4 * UNITS */
    enum { BYTES = sizeof data - 1 };
    _Static_assert(BYTES % 3 == 2, "one sign of padding");
    memcpy(data + 4, units, 4 * UNITS); /* little-endian, as the machines are that this runs on */
    memcpy(data + 4 + 4 * UNITS, replacements, REPLACEMENTS_BYTES);
    size_t used =
        (size_t)snprintf(json, sizeof json, "{'type':'Precompiled','precompiled_charsmap':'");
    for (size_t i = 0; i < BYTES; i += 3) {
        uint32_t group = (uint32_t)data[i] << 16 | (uint32_t)data[i + 1] << 8 | data[i + 2];
        for (int k = 0; k < 4; k++)
            json[used++] = digits[group >> (18 - 6 * k) & 63];
    }
    memcpy(json + used - 1, "='}", 4);
    return json;
}

static void test_charsmap(void **state)
{
    uint32_t units[UNITS] = {0};
    (void)state;
    set_entry(units, 'A', 0);
    set_entry(units, 'e', 2);
    set_entry(units, 'i', 5); /* nothing */
    const char *normalizer = charsmap_json(units, "b\0xy\0\0\0");
    check_pieces(normalizer, "null", "xA", "xb|");
    check_pieces(normalizer, "null", "ai", "a|");
    check_pieces(normalizer, "null", "iab", "ab|");
    check_pieces(normalizer, "null", "ee\u0301e", "xyxyxy|"); /* the mark goes with its letter */
    check_pieces(normalizer, "null", "e\u0301\u0301\u0301", "xy<301><301><301>|"); /* too long */
    /* where a text begins: "e" became two, "i" is gone but counts as what stands there now */
    static const struct {
        const char *text;
        const char *expected;
    } rows[] = {{"zeb", "_z|xyb|"},  {"izb", "_z|b|"},  {"zib", "_z|b|"},
                {"Aizb", "_b|z|b|"}, {"ezi", "_xy|z|"}, {"e\u0301zb", "_xy|z|b|"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_pieces(normalizer,
                     PIECES(SPLIT("String", "z", "Isolated", "false"),
                            METASPACE(",'prepend_scheme':'first'")),
                     rows[i].text, rows[i].expected);
}

static void test_charsmaps_that_lead_astray(void **state)
{
    static const uint32_t replacements[] = {9, 1U << 30, 1};
    (void)state;
    for (size_t i = 0; i < sizeof replacements / sizeof replacements[0]; i++) {
        uint32_t units[UNITS] = {0};
        int32_t ids[4];
        size_t count;
        struct ori_error err = {0};
        set_entry(units, 'A', replacements[i]);
        char *json = pieces_json(charsmap_json(units, "\xC3\xA9\0\0\0\0\0"), "null");
        struct ori_tokenizer *tokenizer = open_json(json);
        assert_int_equal(ori_tokenizer_encode(tokenizer, "b", 4, ids, &count, NULL), ORI_OK);
        assert_int_equal(ori_tokenizer_encode(tokenizer, "A", 4, ids, &count, &err), ORI_BAD_MODEL);
        assert_non_null(strstr(err.text, "precompiled_charsmap: the tree leads out of itself"));
        ori_tokenizer_close(&tokenizer);
        free(json);
    }
}

/* ---- added tokens, specials, truncation ---- */

#define ADDED(id, content, rest) "{'id':" #id ",'content':'" content "'" rest "}"
#define AB_ADDED(list) AB("'added_tokens':[" list "],")

static void test_added_tokens(void **state)
{
    static const struct {
        const char *json;
        const char *text;
        const char *expected;
    } rows[] = {
        {AB_ADDED(ADDED(7, "<s>", ",'special':true")), "a<s>b<s>", "0 7 1 7"},
        {AB_ADDED(ADDED(0, "a", "")), "abc", "0 4"}, /* before any merge */
        {AB_ADDED(ADDED(7, "X", "") "," ADDED(8, "XY", "")), "XYX", "8 7"},
        {AB_ADDED(ADDED(7, "XX", "") "," ADDED(8, "XY", "")), "XXY", "7 6"},
        {AB_ADDED(ADDED(7, "X", ",'lstrip':true")), "a \t X b", "0 7 6 1"},
        {AB_ADDED(ADDED(7, "X", ",'rstrip':true")), "a X \u3000b", "0 6 7 1"},
        {AB_ADDED(ADDED(7, "X", ",'single_word':true")), "aX X Xb X", "0 6 6 7 6 6 1 6 7"},
        {AB_ADDED(""), "X", "6"},
        {AB_ADDED(ADDED(6, "", "")), "X", "6"},
        /* looked for before the normalizer, or in what it leaves */
        {AB("'normalizer':{'type':'Lowercase'},'added_tokens':[" ADDED(7, "Xx",
                                                                       ",'normalized':true") "],"),
         "aXXxX", "0 7 7"},
        {AB("'normalizer':{'type':'Lowercase'},'added_tokens':[" ADDED(7, "Xx",
                                                                       ",'normalized':false") "],"),
         "xxXx", "6 6 7"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_ids(rows[i].json, rows[i].text, IDS_MAX, rows[i].expected);
}

#define ROBERTA "'post_processor':{'type':'RobertaProcessing','cls':['x',5],'sep':['y',6]},"
#define TEMPLATE(single)                                                                           \
    "'post_processor':{'type':'TemplateProcessing','single':[" single "],'special_tokens':"        \
    "{'x':{'id':'x','ids':[4,5],'tokens':['a','b']},'y':{'id':'y','ids':[6],'tokens':['c']}}},"
#define X "{'SpecialToken':{'id':'x','type_id':0}}"
#define Y "{'SpecialToken':{'id':'y','type_id':0}}"
#define SEQUENCE "{'Sequence':{'id':'A','type_id':0}}"

static void test_truncation(void **state)
{
    static const struct {
        const char *json;
        const char *text;
        size_t ids_max;
        const char *expected;
    } rows[] = {
        {AB(""), "aca", 3, "0 2 0"},
        {AB(""), "aca", 2, "0 2"},
        {AB(""), "aca", 0, ""},
        {AB(ROBERTA), "aca", 5, "5 0 2 0 6"},
        {AB(ROBERTA), "aca", 4, "5 0 2 6"},
        {AB(ROBERTA), "aca", 2, "5 6"},
        {AB(ROBERTA), "", 2, "5 6"},
        {AB("'post_processor':{'type':'BertProcessing','sep':['y',6],'cls':['x',5]},"), "a", 9,
         "5 0 6"},
        {AB(TEMPLATE(X "," SEQUENCE "," Y)), "aca", 5, "4 5 0 2 6"},
        {AB(TEMPLATE(SEQUENCE)), "aca", 2, "0 2"},
        {AB("'post_processor':{'type':'ByteLevel','trim_offsets':true},"), "a", 9, "0"},
        {AB("'post_processor':{'type':'Sequence','processors':[{'type':'ByteLevel'},"
            "{'type':'BertProcessing','cls':['x',4],'sep':['y',4]},"
            "{'type':'BertProcessing','cls':['x',5],'sep':['y',6]}]},"),
         "aca", 6, "5 4 0 2 4 6"},
        {AB("'truncation':{'max_length':1,'direction':'Left'}," ROBERTA), "acab", 4, "5 2 3 6"},
        {AB("'truncation':{'max_length':1,'direction':'Right'}," ROBERTA), "acab", 4, "5 0 2 6"},
        {AB("'truncation':{'direction':'Left'},"), "aca", 0, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_ids(rows[i].json, rows[i].text, rows[i].ids_max, rows[i].expected);
    put_json("tokenizer_config.json", "{'truncation_side':'left','model_max_length':1" /* 10^30 */
                                      "000000000000000000000000000000}");
    check_ids(AB(ROBERTA), "aca", 4, "5 2 0 6");
    put_json("tokenizer_config.json", "{'truncation_side':'right'}");
    check_ids(AB("'truncation':{'direction':'Left'},"), "acaa", 2, "0 2");
    clear_tokenizer_folder();
}

static void test_bad_calls(void **state)
{
    int32_t ids[4];
    size_t count = 99;
    struct ori_error err = {0};
    (void)state;
    struct ori_tokenizer *tokenizer = open_json(AB(ROBERTA));
    assert_int_equal(ori_tokenizer_encode(tokenizer, "a", 1, ids, &count, &err), ORI_USAGE);
    assert_non_null(strstr(err.text, "2 go around"));
    err = (struct ori_error){0};
    assert_int_equal(ori_tokenizer_encode(tokenizer, "a\xC3(", 4, ids, &count, &err), ORI_USAGE);
    assert_non_null(strstr(err.text, "UTF-8"));
    assert_int_equal(ori_tokenizer_encode(tokenizer, "\xED\xA0\x80", 4, ids, &count, NULL),
                     ORI_USAGE);
    assert_int_equal(count, 99);
    ori_tokenizer_close(&tokenizer);
    ori_tokenizer_close(&tokenizer);
}

static void check_pad(const char *json, int32_t expected)
{
    struct ori_tokenizer *tokenizer = open_json(json);
    assert_int_equal(ori_tokenizer_pad_id(tokenizer), expected);
    ori_tokenizer_close(&tokenizer);
}

static void test_pad_and_vocabulary(void **state)
{
    (void)state;
    clear_tokenizer_folder();
    check_pad(AB(""), -1);
    check_pad(AB("'padding':{'strategy':'BatchLongest','pad_id':4,'pad_token':'x'},"), 4);
    put_json("special_tokens_map.json", "{'pad_token':'ab'}");
    check_pad(AB(""), 3);
    put_json("tokenizer_config.json", "{'pad_token':null}");
    check_pad(AB(""), 3);
    put_json("tokenizer_config.json", "{'pad_token':{'content':'abc','lstrip':false}}");
    check_pad(AB(""), 5);
    check_pad(AB("'padding':{'pad_id':0},"), 0);
    put_json("tokenizer_config.json", "{'pad_token':'[nowhere]'}");
    put_json("special_tokens_map.json", "{}");
    check_pad(AB(""), -1);
    clear_tokenizer_folder();
    struct ori_tokenizer *tokenizer = open_json(AB_ADDED(ADDED(7, "X", "") "," ADDED(8, "Y", "")));
    assert_int_equal(ori_tokenizer_vocabulary(tokenizer), 9);
    ori_tokenizer_close(&tokenizer);
    tokenizer = open_json("{'model':{'type':'BPE','vocab':{'a':0,'b':77},'merges':[]}}");
    assert_int_equal(ori_tokenizer_vocabulary(tokenizer), 78);
    ori_tokenizer_close(&tokenizer);
}

/* ---- vocab.json and merges.txt ---- */

static void test_clip_files(void **state)
{
    struct ori_tokenizer *tokenizer = NULL;
    (void)state;
    clear_tokenizer_folder();
    put_json("vocab.json", "{'a':0,'c':1,'a</w>':2,'t</w>':3,'ca':4,'cat</w>':5,'\u0120':6,"
                           "'<|startoftext|>':7,'<|endoftext|>':8,'t':9}");
    put_json("merges.txt", "#version: 0.2\nc a\r\nca t</w>\n");
    assert_int_equal(ori_tokenizer_open(tokenizer_folder, &tokenizer, NULL), ORI_OK);
    assert_string_equal(ids_of(tokenizer, "A  Cat\n", 77), "7 2 5 8");
    assert_string_equal(ids_of(tokenizer, "a cat a cat", 4), "7 2 5 8");
    assert_string_equal(ids_of(tokenizer, "a<|endoftext|>a", 77), "7 2 8 2 8");
    assert_string_equal(ids_of(tokenizer, "x", 77), "7 8 8"); /* unknown is the end token */
    assert_int_equal(ori_tokenizer_pad_id(tokenizer), 8);
    assert_int_equal(ori_tokenizer_vocabulary(tokenizer), 10);
    ori_tokenizer_close(&tokenizer);
    put_json("special_tokens_map.json", "{'pad_token':'a'}");
    assert_int_equal(ori_tokenizer_open(tokenizer_folder, &tokenizer, NULL), ORI_OK);
    assert_int_equal(ori_tokenizer_pad_id(tokenizer), 0);
    ori_tokenizer_close(&tokenizer);
    clear_tokenizer_folder();
}

static void test_siglip2_is_lower_case(void **state)
{
    (void)state;
    clear_tokenizer_folder();
    put_json("tokenizer_config.json", "{'tokenizer_class':'Siglip2Tokenizer'}");
    check_ids(AB(""), "AB", IDS_MAX, "3");
    put_json("tokenizer_config.json", "{'tokenizer_class':'GemmaTokenizer'}");
    check_ids(AB(""), "AB", IDS_MAX, "6 6");
    clear_tokenizer_folder();
}

/* ---- what is refused ---- */

static void check_refused(ori_status expected, const char *words)
{
    struct ori_tokenizer *tokenizer = NULL;
    struct ori_error err = {0};
    ori_status status = ori_tokenizer_open(tokenizer_folder, &tokenizer, &err);
    if (status != expected || !strstr(err.text, words))
        fail_msg("%s instead of %s (%s): %s", ori_status_code(status), ori_status_code(expected),
                 words, err.text);
    assert_null(tokenizer);
}

#define BPE(rest) "{'model':{'type':'BPE'" rest "}}"
#define NORMALIZER(step) AB("'normalizer':" step ",")
#define PRE(step) AB("'pre_tokenizer':" step ",")
#define POST(step) AB("'post_processor':" step ",")

static void test_refused_files(void **state)
{
    static const struct {
        const char *json;
        ori_status status;
        const char *words;
    } rows[] = {
        {"", ORI_BAD_MODEL, "tokenizer.json: line 1"},
        {"{'model':", ORI_BAD_MODEL, "tokenizer.json: line 1"},
        {"[]", ORI_BAD_MODEL, "tokenizer.json: not an object"},
        {"{'a':1,'a':2}", ORI_BAD_MODEL, "duplicate"},
        {"{'model':99999999999999999999}", ORI_BAD_MODEL, "too big integer"},
        {"{'model':1e999}", ORI_BAD_MODEL, "real number overflow"},
        {"{'model':{'type':'\xC3('}}", ORI_BAD_MODEL, "unable to decode byte"},
        {"{'version':'2.0'}", ORI_UNSUPPORTED_MODEL, "version: \"2.0\""},
        {"{}", ORI_BAD_MODEL, "tokenizer.json: model: missing"},
        {"{'model':[]}", ORI_BAD_MODEL, "model: not an object"},
        {"{'model':{}}", ORI_UNSUPPORTED_MODEL, "model.type"},
        {"{'model':{'type':'WordPiece'}}", ORI_UNSUPPORTED_MODEL,
         "model.type: \"WordPiece\" is not among those known: BPE, Unigram"},
        {"{'model':{'type':7}}", ORI_BAD_MODEL, "model.type: not a text"},
        /* BPE */
        {BPE(""), ORI_BAD_MODEL, "model.vocab: missing"},
        {BPE(",'vocab':[]"), ORI_BAD_MODEL, "model.vocab: not an object"},
        {BPE(",'vocab':{'a':0}"), ORI_BAD_MODEL, "model.merges: not a list"},
        {BPE(",'vocab':{'a':-1},'merges':[]"), ORI_BAD_MODEL, "model.vocab: -1"},
        {BPE(",'vocab':{'a':2097152},'merges':[]"), ORI_BAD_MODEL, "model.vocab: 2097152"},
        {BPE(",'vocab':{'a':9223372036854775807},'merges':[]"), ORI_BAD_MODEL, "model.vocab: 9223"},
        {BPE(",'vocab':{'a':1.5},'merges':[]"), ORI_BAD_MODEL, "model.vocab: not a whole number"},
        {BPE(",'vocab':{'a':0,'b':0},'merges':[]"), ORI_BAD_MODEL, "0 is the number of two tokens"},
        {BPE(",'vocab':{'a':0},'merges':['a']"), ORI_BAD_MODEL, "model.merges: [0]: not two"},
        {BPE(",'vocab':{'a':0},'merges':['a a a']"), ORI_BAD_MODEL, "model.merges: [0]: not two"},
        {BPE(",'vocab':{'a':0},'merges':[['a']]"), ORI_BAD_MODEL, "model.merges: [0]: not two"},
        {BPE(",'vocab':{'a':0},'merges':[['a',1]]"), ORI_BAD_MODEL, "model.merges: [0]: not two"},
        {BPE(",'vocab':{'a':0},'merges':['a q']"), ORI_BAD_MODEL, "[0]: \"a q\" joins"},
        {BPE(",'vocab':{'a':0},'merges':['a a']"), ORI_BAD_MODEL, "[0]: \"aa\" is no token"},
        {BPE(",'vocab':{'a':0,'b':1,'ab':2},'merges':['a b','b b']"), ORI_BAD_MODEL, "[1]: \"bb\""},
        {BPE(",'vocab':{'a':0,'b':1},'merges':['a b'],'continuing_subword_prefix':'##'"),
         ORI_BAD_MODEL, "shorter than continuing_subword_prefix"},
        {BPE(",'vocab':{'a':0},'merges':[],'unk_token':'x'"), ORI_BAD_MODEL, "model.unk_token"},
        {BPE(",'vocab':{'a':0},'merges':[],'unk_token':1"), ORI_BAD_MODEL, "model.unk_token"},
        {BPE(",'vocab':{'a':0},'merges':[],'fuse_unk':1"), ORI_BAD_MODEL, "model.fuse_unk"},
        {BPE(",'vocab':{'a':0},'merges':[],'byte_fallback':'y'"), ORI_BAD_MODEL, "byte_fallback"},
        {BPE(",'vocab':{'a':0},'merges':[],'dropout':0.1"), ORI_UNSUPPORTED_MODEL, "model.dropout"},
        /* Unigram */
        {"{'model':{'type':'Unigram'}}", ORI_BAD_MODEL, "model.vocab: not a list"},
        {"{'model':{'vocab':['a']}}", ORI_BAD_MODEL, "model.vocab[0]: not a token"},
        {"{'model':{'vocab':[['a']]}}", ORI_BAD_MODEL, "model.vocab[0]: not a token"},
        {"{'model':{'vocab':[['a',1],['a','1']]}}", ORI_BAD_MODEL, "model.vocab[1]: not a token"},
        {"{'model':{'vocab':[['a',1]],'unk_id':1}}", ORI_BAD_MODEL, "model.unk_id: 1"},
        {"{'model':{'vocab':[['a',1]],'unk_id':-1}}", ORI_BAD_MODEL, "model.unk_id: -1"},
        {"{'model':{'vocab':[],'unk_id':0}}", ORI_BAD_MODEL, "model.unk_id"},
        /* steps */
        {NORMALIZER("7"), ORI_BAD_MODEL, "normalizer: not an object"},
        {NORMALIZER("{}"), ORI_BAD_MODEL, "normalizer.type: missing"},
        {NORMALIZER("{'type':'BertNormalizer'}"), ORI_UNSUPPORTED_MODEL,
         "normalizer.type: \"BertNormalizer\""},
        {NORMALIZER("{'type':'Sequence'}"), ORI_BAD_MODEL, "normalizer.normalizers: not a list"},
        {NORMALIZER("{'type':'Sequence','normalizers':[{'type':'NFC'},{'type':'X'}]}"),
         ORI_UNSUPPORTED_MODEL, "normalizer.normalizers[1].type: \"X\""},
        {NORMALIZER("{'type':'Strip','strip_left':true}"), ORI_BAD_MODEL, "strip_right: missing"},
        {NORMALIZER("{'type':'Prepend'}"), ORI_BAD_MODEL, "normalizer.prepend: missing"},
        {NORMALIZER("{'type':'Replace'}"), ORI_BAD_MODEL, "normalizer.pattern: missing"},
        {NORMALIZER("{'type':'Replace','pattern':{}}"), ORI_BAD_MODEL, "none of String, Regex"},
        {NORMALIZER("{'type':'Replace','pattern':{'String':'a'}}"), ORI_BAD_MODEL, "content"},
        {NORMALIZER("{'type':'Replace','pattern':{'Regex':'(a'},'content':''}"), ORI_BAD_MODEL,
         "normalizer.pattern: end pattern with unmatched parenthesis"},
        {NORMALIZER("{'type':'Replace','pattern':{'Regex':'[b-a]'},'content':''}"), ORI_BAD_MODEL,
         "normalizer.pattern: empty range"},
        {NORMALIZER("{'type':'Precompiled'}"), ORI_BAD_MODEL, "precompiled_charsmap: missing"},
        {NORMALIZER("{'type':'Precompiled','precompiled_charsmap':'AAA'}"), ORI_BAD_MODEL,
         "not base64"},
        {NORMALIZER("{'type':'Precompiled','precompiled_charsmap':'AA!A'}"), ORI_BAD_MODEL,
         "not base64"},
        {NORMALIZER("{'type':'Precompiled','precompiled_charsmap':'AA=A'}"), ORI_BAD_MODEL,
         "not base64"},
        {NORMALIZER("{'type':'Precompiled','precompiled_charsmap':''}"), ORI_BAD_MODEL,
         "no charsmap"},
        {NORMALIZER("{'type':'Precompiled','precompiled_charsmap':'CAAAAAAA'}"), ORI_BAD_MODEL,
         "a tree of 8 bytes in a charsmap of 6"},
        {NORMALIZER("{'type':'Precompiled','precompiled_charsmap':'AQAAAAAAAAA='}"), ORI_BAD_MODEL,
         "a tree of 1 bytes"},
        {NORMALIZER("{'type':'Precompiled','precompiled_charsmap':'BAAAAAAAAAD/'}"), ORI_BAD_MODEL,
         "not UTF-8"},
        {PRE("{'type':'UnicodeScripts'}"), ORI_UNSUPPORTED_MODEL, "pre_tokenizer.type"},
        {PRE("{'type':'Split','pattern':{'String':'a'}}"), ORI_BAD_MODEL, "behavior: missing"},
        {PRE("{'type':'Split','pattern':{'String':'a'},'behavior':'Isolated'}"), ORI_BAD_MODEL,
         "pre_tokenizer.invert: missing"},
        {PRE("{'type':'Split','pattern':{'String':'a'},'behavior':'Gone','invert':false}"),
         ORI_UNSUPPORTED_MODEL, "behavior: \"Gone\""},
        {PRE("{'type':'Metaspace'}"), ORI_BAD_MODEL, "pre_tokenizer.replacement: missing"},
        {PRE("{'type':'Metaspace','replacement':''}"), ORI_BAD_MODEL, "not one character"},
        {PRE("{'type':'Metaspace','replacement':'__'}"), ORI_BAD_MODEL, "not one character"},
        {PRE("{'type':'Metaspace','replacement':'_','prepend_scheme':'last'}"),
         ORI_UNSUPPORTED_MODEL, "prepend_scheme: \"last\""},
        {PRE("{'type':'Metaspace','replacement':'_','add_prefix_space':false}"), ORI_BAD_MODEL,
         "add_prefix_space is false"},
        {PRE("{'type':'ByteLevel'}"), ORI_BAD_MODEL, "add_prefix_space: missing"},
        {PRE("{'type':'Digits'}"), ORI_BAD_MODEL, "individual_digits: missing"},
        {POST("{'type':'X'}"), ORI_UNSUPPORTED_MODEL, "post_processor.type"},
        {POST("{'type':'RobertaProcessing'}"), ORI_BAD_MODEL, "post_processor.cls: not a list"},
        {POST("{'type':'RobertaProcessing','cls':['a',0],'sep':['b',7]}"), ORI_BAD_MODEL,
         "post_processor.sep[1]: 7 is no token"},
        {POST("{'type':'BertProcessing','cls':['a'],'sep':['b',1]}"), ORI_BAD_MODEL, "cls[1]"},
        {POST("{'type':'TemplateProcessing'}"), ORI_BAD_MODEL, "post_processor.single"},
        {AB(TEMPLATE("")), ORI_UNSUPPORTED_MODEL, "without the sequence A"},
        {AB(TEMPLATE(X)), ORI_UNSUPPORTED_MODEL, "without the sequence A"},
        {AB(TEMPLATE(SEQUENCE "," SEQUENCE)), ORI_UNSUPPORTED_MODEL, "single[1]: only the"},
        {AB(TEMPLATE("{'Sequence':{'id':'B'}}")), ORI_UNSUPPORTED_MODEL, "single[0]: only the"},
        {AB(TEMPLATE("{'SpecialToken':{'id':'z'}}")), ORI_BAD_MODEL, "special_tokens.z.ids"},
        {AB(TEMPLATE("'$A'")), ORI_BAD_MODEL, "single[0]: not an object"},
        /* added tokens */
        {AB("'added_tokens':{},"), ORI_BAD_MODEL, "added_tokens: not a list"},
        {AB_ADDED("'x'"), ORI_BAD_MODEL, "added_tokens[0]: not an object"},
        {AB_ADDED("{'id':7}"), ORI_BAD_MODEL, "added_tokens[0].content: missing"},
        {AB_ADDED("{'content':'X'}"), ORI_BAD_MODEL, "added_tokens[0].id"},
        {AB_ADDED(ADDED(8, "X", "")), ORI_BAD_MODEL, "id: 8, but \"X\" is number 7"},
        {AB_ADDED(ADDED(1, "a", "")), ORI_BAD_MODEL, "id: 1, but \"a\" is number 0"},
        {AB_ADDED(ADDED(7, "X", "") "," ADDED(7, "Y", "")), ORI_BAD_MODEL, "added_tokens[1].id: 7"},
        {AB_ADDED(ADDED(7, "X", "") "," ADDED(7, "X", "")), ORI_BAD_MODEL, "there twice"},
        {AB_ADDED(ADDED(7, "X", ",'lstrip':1")), ORI_BAD_MODEL, "added_tokens[0].lstrip"},
        {AB("'normalizer':{'type':'Strip','strip_left':true,'strip_right':true},'added_tokens':["
            "{'id':7,'content':' '}],"),
         ORI_BAD_MODEL, "added_tokens[0]: the normalizers leave nothing"},
        {AB("'padding':[],"), ORI_BAD_MODEL, "padding: not an object"},
        {AB("'padding':{'pad_id':7},"), ORI_BAD_MODEL, "padding.pad_id: 7 is no token"},
        {AB("'truncation':3,"), ORI_BAD_MODEL, "truncation: not an object"},
    };
    (void)state;
    clear_tokenizer_folder();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        put_json("tokenizer.json", rows[i].json);
        check_refused(rows[i].status, rows[i].words);
    }
    put_json("tokenizer.json", AB(""));
    put_json("tokenizer_config.json", "{");
    check_refused(ORI_BAD_MODEL, "tokenizer_config.json: line 1");
    clear_tokenizer_folder();
}

static void test_refused_folders(void **state)
{
    (void)state;
    clear_tokenizer_folder();
    check_refused(ORI_MODEL_MISSING, "neither tokenizer.json nor vocab.json");
    put_json("vocab.json", "{'a':0}");
    check_refused(ORI_MODEL_MISSING, "neither tokenizer.json nor vocab.json");
    put_json("merges.txt", "");
    check_refused(ORI_BAD_MODEL, "vocab.json: <|endoftext|> is not in it");
    put_json("vocab.json", "{'a':0,'<|endoftext|>':1}");
    check_refused(ORI_BAD_MODEL, "<|startoftext|> is not in it");
    put_json("vocab.json", "{'a':0,'<|endoftext|>':1,'<|startoftext|>':2}");
    put_json("merges.txt", "a a\n");
    check_refused(ORI_BAD_MODEL, "merges.txt: [0]: \"aa\" is no token");
    put_json("merges.txt", "#version\n\na");
    check_refused(ORI_BAD_MODEL, "merges.txt: [0]: not two tokens");
    put_json("vocab.json", "[]");
    check_refused(ORI_BAD_MODEL, "vocab.json: not an object");
    clear_tokenizer_folder();
}

/* A file that is fine can still be at fault with some texts. */
static void test_faults_of_the_file_at_work(void **state)
{
    static const struct {
        const char *json;
        const char *words;
    } rows[] = {
        {NORMALIZER("{'type':'Replace','pattern':{'Regex':'(x+x+)+y'},'content':''}"),
         "normalizer.pattern: the pattern takes too many steps"},
        {PRE("{'type':'Split','pattern':{'Regex':'(x|xx)+[yz]'},'behavior':'Isolated',"
             "'invert':false}"),
         "pre_tokenizer.pattern: the pattern takes too many steps"},
        {"{'model':{'vocab':[['a',-1]]}}", "model.unk_id: there is none"},
        /* the tree's root leads to a place outside, or an entry to a replacement outside */
        {NORMALIZER("{'type':'Precompiled','precompiled_charsmap':'BAAAAAD8//8='}"),
         "precompiled_charsmap: the tree leads out of itself"},
    };
    char text[201];
    int32_t ids[IDS_MAX];
    size_t count = 0;
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_error err = {0};
        struct ori_tokenizer *tokenizer = open_json(rows[i].json);
        ori_status status = ori_tokenizer_encode(tokenizer, text, IDS_MAX, ids, &count, &err);
        if (status != ORI_BAD_MODEL || !strstr(err.text, rows[i].words))
            fail_msg("%s: %s", rows[i].words, err.text);
        ori_tokenizer_close(&tokenizer);
    }
}

/* ---- limits: at N all is well, at N + 1 a status that names it ---- */

static void check_at_limit(struct ori_buf *buf, bool is_past, const char *words)
{
    struct ori_tokenizer *tokenizer = NULL;
    struct ori_error err = {0};
    assert_int_equal(ori_buf_finish(buf, "test", NULL), ORI_OK);
    put_bytes("tokenizer.json", ori_buf_text(buf), buf->used);
    ori_status status = ori_tokenizer_open(tokenizer_folder, &tokenizer, &err);
    if (is_past ? status != ORI_LIMIT || !strstr(err.text, words) : status != ORI_OK)
        fail_msg("%s, past %d: %s", words, is_past, err.text);
    ori_tokenizer_close(&tokenizer);
    ori_buf_clear(buf);
}

static void add_times(struct ori_buf *buf, const char *text, size_t times)
{
    for (; times > 0; times--)
        ori_buf_add_text(buf, text);
}

static void test_limits_of_texts(void **state)
{
    struct ori_buf buf;
    (void)state;
    ori_buf_init(&buf, 1 << 24);
    for (int past = 0; past < 2; past++) {
        size_t token = (size_t)ORI_LIMIT_MAX_TOKENIZER_TOKEN_BYTES + past;
        size_t pattern = (size_t)ORI_LIMIT_MAX_TOKENIZER_PATTERN_BYTES + past;
        ori_buf_add_text(&buf, "{\"model\":{\"merges\":[],\"vocab\":{\"");
        add_times(&buf, "t", token);
        ori_buf_add_text(&buf, "\":0}}}");
        check_at_limit(&buf, past, "model.vocab: a token of 1025 bytes");
        ori_buf_add_text(&buf, "{\"model\":{\"vocab\":[[\"");
        add_times(&buf, "t", token);
        ori_buf_add_text(&buf, "\",0]]}}");
        check_at_limit(&buf, past, "model.vocab[0]: a token of 1025 bytes");
        ori_buf_add_text(&buf, "{\"normalizer\":{\"type\":\"Prepend\",\"prepend\":\"");
        add_times(&buf, "t", token);
        ori_buf_add_text(&buf, "\"},\"model\":{\"vocab\":[]}}");
        check_at_limit(&buf, past, "normalizer.prepend: 1025 bytes");
        ori_buf_add_text(&buf, "{\"normalizer\":{\"type\":\"Replace\",\"content\":\"\",\"pattern\":"
                               "{\"Regex\":\"");
        add_times(&buf, "t", pattern);
        ori_buf_add_text(&buf, "\"}},\"model\":{\"vocab\":[]}}");
        check_at_limit(&buf, past, "normalizer.pattern.Regex: 4097 bytes");
    }
    ori_buf_deinit(&buf);
}

static void test_limits_of_steps(void **state)
{
    struct ori_buf buf;
    (void)state;
    ori_buf_init(&buf, 1 << 24);
    for (int past = 0; past < 2; past++) {
        ori_buf_add_text(&buf, "{\"model\":{\"vocab\":[]},\"normalizer\":{\"type\":\"Sequence\","
                               "\"normalizers\":[{\"type\":\"NFC\"}");
        add_times(&buf, ",{\"type\":\"NFC\"}",
                  (size_t)ORI_LIMIT_MAX_TOKENIZER_STEPS - 1 + (size_t)past);
        ori_buf_add_text(&buf, "]}}");
        check_at_limit(&buf, past, "normalizers[64]: more than 64 steps");
        size_t depth = (size_t)ORI_LIMIT_MAX_TOKENIZER_DEPTH + (size_t)past;
        ori_buf_add_text(&buf, "{\"model\":{\"vocab\":[]},\"pre_tokenizer\":");
        add_times(&buf, "{\"type\":\"Sequence\",\"pretokenizers\":[", depth);
        add_times(&buf, "]}", depth);
        ori_buf_add_text(&buf, "}");
        check_at_limit(&buf, past, "more than 16 Sequences inside each other");
        ori_buf_add_text(&buf, "{\"model\":{\"vocab\":[[\"a\",0]]},\"post_processor\":{\"type\":"
                               "\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"A\"}}");
        add_times(&buf, ",{\"SpecialToken\":{\"id\":\"a\"}}",
                  (size_t)ORI_LIMIT_MAX_TOKENIZER_SPECIALS + (size_t)past);
        ori_buf_add_text(&buf, "],\"special_tokens\":{\"a\":{\"ids\":[0]}}}}");
        check_at_limit(&buf, past, "66 entries");
    }
    ori_buf_deinit(&buf);
}

static void test_limits_of_lists(void **state)
{
    struct ori_buf buf;
    (void)state;
    ori_buf_init(&buf, ORI_LIMIT_MAX_TOKENIZER_FILE_BYTES);
    for (int past = 0; past < 2; past++) {
        ori_buf_add_text(&buf, "{\"model\":{\"vocab\":[]},\"added_tokens\":[");
        for (int i = 0; i < ORI_LIMIT_MAX_TOKENIZER_ADDED + past; i++)
            ori_buf_printf(&buf, "%s{\"id\":%d,\"content\":\"%d\"}", i ? "," : "", i, i);
        ori_buf_add_text(&buf, "]}");
        check_at_limit(&buf, past, "added_tokens: 65537 entries");
    }
    ori_buf_deinit(&buf);
}

/* What stands in these lists is refused too, but only after they were found short enough. */
static void test_limits_of_long_lists(void **state)
{
    static const struct {
        const char *begin;
        size_t limit;
        const char *end;
        const char *words;
        const char *words_past;
    } rows[] = {
        {"{\"model\":{\"vocab\":[null", ORI_LIMIT_MAX_TOKENIZER_TOKENS, "]}}",
         "model.vocab[0]: not a token", "model.vocab: 2097153 entries"},
        {"{\"model\":{\"vocab\":{},\"merges\":[null", ORI_LIMIT_MAX_TOKENIZER_MERGES, "]}}",
         "model.merges: [0]: not two", "model.merges: 4194305 entries"},
    };
    struct ori_buf buf;
    (void)state;
    ori_buf_init(&buf, ORI_LIMIT_MAX_TOKENIZER_FILE_BYTES);
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        bool is_past = i % 2;
        ori_buf_add_text(&buf, rows[i / 2].begin);
        add_times(&buf, ",null", rows[i / 2].limit - 1 + is_past);
        ori_buf_add_text(&buf, rows[i / 2].end);
        put_bytes("tokenizer.json", ori_buf_text(&buf), buf.used);
        check_refused(is_past ? ORI_LIMIT : ORI_BAD_MODEL,
                      is_past ? rows[i / 2].words_past : rows[i / 2].words);
        ori_buf_clear(&buf);
    }
    ori_buf_deinit(&buf);
}

static void test_limits_of_files(void **state)
{
    struct ori_buf buf;
    (void)state;
    ori_buf_init(&buf, ORI_LIMIT_MAX_TOKENIZER_FILE_BYTES + (size_t)1);
    for (int past = 0; past < 2; past++) {
        static char blanks[4096];
        size_t bytes = (size_t)ORI_LIMIT_MAX_TOKENIZER_FILE_BYTES + (size_t)past;
        memset(blanks, ' ', sizeof blanks);
        ori_buf_add_text(&buf, "{\"model\":{\"vocab\":[]}}");
        while (buf.used < bytes)
            ori_buf_add(&buf, blanks,
                        bytes - buf.used < sizeof blanks ? bytes - buf.used : sizeof blanks);
        check_at_limit(&buf, past, "67108864");
    }
    for (int past = 0; past < 2; past++) {
        size_t bytes = (size_t)ORI_LIMIT_MAX_TOKENIZER_CHARSMAP_BYTES + 4 * (size_t)past;
        /* a tree of one unit; the replacements are letters */
        ori_buf_add_text(&buf, "{\"model\":{\"vocab\":[]},\"normalizer\":{\"type\":\"Precompiled\","
                               "\"precompiled_charsmap\":\"BAAAAAAAAABh");
        add_times(&buf, "YWFh", bytes / 4 - 3);
        ori_buf_add_text(&buf, "\"}}");
        check_at_limit(&buf, past, "precompiled_charsmap: 4194308 bytes");
    }
    ori_buf_deinit(&buf);
    clear_tokenizer_folder();
}

/* Each letter becomes 1024: 2048 of them fill the limit. */
static void test_limit_of_grown_texts(void **state)
{
    enum { LETTERS = ORI_LIMIT_MAX_TOKENIZER_TEXT_BYTES / ORI_LIMIT_MAX_TOKENIZER_TOKEN_BYTES };
    struct ori_buf buf;
    char text[LETTERS + 2];
    int32_t ids[4];
    size_t count;
    struct ori_tokenizer *tokenizer = NULL;
    struct ori_error err = {0};
    (void)state;
    ori_buf_init(&buf, 1 << 20);
    ori_buf_add_text(&buf,
                     "{\"model\":{\"vocab\":[[\"?\",0],[\"b\",-1]],\"unk_id\":0},\"normalizer\""
                     ":{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"");
    add_times(&buf, "b", ORI_LIMIT_MAX_TOKENIZER_TOKEN_BYTES);
    ori_buf_add_text(&buf, "\"}}");
    put_bytes("tokenizer.json", ori_buf_text(&buf), buf.used);
    ori_buf_deinit(&buf);
    assert_int_equal(ori_tokenizer_open(tokenizer_folder, &tokenizer, NULL), ORI_OK);
    memset(text, 'a', sizeof text);
    text[LETTERS] = '\0';
    assert_int_equal(ori_tokenizer_encode(tokenizer, text, 4, ids, &count, NULL), ORI_OK);
    assert_int_equal(count, 4);
    text[LETTERS] = 'a';
    text[LETTERS + 1] = '\0';
    assert_int_equal(ori_tokenizer_encode(tokenizer, text, 4, ids, &count, &err), ORI_LIMIT);
    assert_non_null(strstr(err.text, "the text after a normalizer"));
    ori_tokenizer_close(&tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bpe),
        cmocka_unit_test(test_unigram),
        cmocka_unit_test(test_long_words),
        cmocka_unit_test(test_normalizers),
        cmocka_unit_test(test_pre_tokenizers),
        cmocka_unit_test(test_charsmap),
        cmocka_unit_test(test_charsmaps_that_lead_astray),
        cmocka_unit_test(test_added_tokens),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_bad_calls),
        cmocka_unit_test(test_pad_and_vocabulary),
        cmocka_unit_test(test_clip_files),
        cmocka_unit_test(test_siglip2_is_lower_case),
        cmocka_unit_test(test_refused_files),
        cmocka_unit_test(test_refused_folders),
        cmocka_unit_test(test_faults_of_the_file_at_work),
        cmocka_unit_test(test_limits_of_texts),
        cmocka_unit_test(test_limits_of_steps),
        cmocka_unit_test(test_limits_of_lists),
        cmocka_unit_test(test_limits_of_long_lists),
        cmocka_unit_test(test_limits_of_files),
        cmocka_unit_test(test_limit_of_grown_texts),
    };
    return cmocka_run_group_tests(tests, make_tokenizer_folder, drop_tokenizer_folder);
}
