/* XML as S3 sends it, and as nobody should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/xml.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* "<a" opens, ">a" closes, "=text": one word a piece. */
static ori_status walk(const char *data, size_t bytes, char *ret_words, size_t words_bytes)
{
    struct ori_xml xml;
    struct ori_error err = {0};
    ori_status status = ORI_OK;
    size_t used = 0;
    ret_words[0] = '\0';
    ori_xml_init(&xml, data, bytes);
    while ((status = ori_xml_next(&xml, &err)) == ORI_OK) {
        static const char marks[] = {'<', '=', '>'};
        const char *what = xml.kind == ORI_XML_TEXT ? ori_buf_text(&xml.text) : xml.name;
        if (used < words_bytes)
            used += (size_t)snprintf(ret_words + used, words_bytes - used, "%c%s ", marks[xml.kind],
                                     what);
        assert_true(xml.depth >= 1);
    }
    assert_int_equal(err.status, status == ORI_EOF ? ORI_OK : status);
    ori_xml_deinit(&xml);
    return status;
}

static void good(void **state)
{
    (void)state;
    static const struct {
        const char *xml;
        const char *words;
    } rows[] = {
        {"<a/>", "<a >a "},
        {"<a></a>", "<a >a "},
        {"<?xml version=\"1.0\"?>\n<a>t</a>\n", "<a =t >a "},
        {"\xEF\xBB\xBF<a>t</a>", "<a =t >a "},
        {"<a xmlns=\"http://s3/\" b='>'><s:b c=\"1\" />x</a >", "<a <b >b =x >a "},
        {"<a>1<!-- <b> -->2</a>", "<a =1 =2 >a "},
        {"<a>&amp;&lt;&gt;&quot;&apos;&#65;&#x42;&#xe9;&#x65E5;&#x1F600;</a>",
         "<a =&<>\"'AB\xC3\xA9\xE6\x97\xA5\xF0\x9F\x98\x80 >a "},
        {"<a><b>1</b><b/></a>", "<a <b =1 >b <b >b >a "},
    };
    char words[1000];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(walk(rows[i].xml, strlen(rows[i].xml), words, sizeof words), ORI_EOF);
        assert_string_equal(words, rows[i].words);
    }
}

static void bad(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "  ",
        "text",
        "<a>",
        "<a",
        "<a><b></a></b>",
        "<a></b>",
        "</a>",
        "<a/><b/>",
        "<a/>x",
        "<>",
        "< a/>",
        "<a b=\"></a>",
        "<a <b/></a>",
        "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
        "<a><![CDATA[x]]></a>",
        "<a>&x;</a>",
        "<a>&;</a>",
        "<a>&amp</a>",
        "<a>&#;</a>",
        "<a>&#0;</a>",
        "<a>&#x;</a>",
        "<a>&#xD800;</a>",
        "<a>&#x110000;</a>",
        "<a>&#123456789;</a>",
        "<a>&#4294967361;</a>",
        "<a>&#-1;</a>",
        "<a><!-- </a>",
        "<?xml",
    };
    char words[1000];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (walk(rows[i], strlen(rows[i]), words, sizeof words) != ORI_STORE)
            fail_msg("%s: %s", rows[i], words);
    }
    assert_int_equal(walk("<a>x\0y</a>", 10, words, sizeof words), ORI_STORE);
}

static void limits(void **state)
{
    (void)state;
    static char xml[2 * ORI_LIMIT_MAX_XML_TEXT_BYTES];
    char words[100];
    for (int extra = 0; extra < 2; extra++) {
        const ori_status expected = extra ? ORI_LIMIT : ORI_EOF;
        const int depth = ORI_LIMIT_MAX_XML_DEPTH + extra;
        size_t used = 0;
        for (int i = 0; i < depth; i++)
            used += (size_t)snprintf(xml + used, sizeof xml - used, "<a>");
        for (int i = 0; i < depth; i++)
            used += (size_t)snprintf(xml + used, sizeof xml - used, "</a>");
        assert_int_equal(walk(xml, used, words, sizeof words), expected);

        used = (size_t)snprintf(xml, sizeof xml, "<a>");
        memset(xml + used, 'x', ORI_LIMIT_MAX_XML_TEXT_BYTES + (size_t)extra);
        used += ORI_LIMIT_MAX_XML_TEXT_BYTES + (size_t)extra;
        used += (size_t)snprintf(xml + used, sizeof xml - used, "</a>");
        assert_int_equal(walk(xml, used, words, sizeof words), expected);

        char name[ORI_XML_NAME_BYTES + 1];
        memset(name, 'n', sizeof name);
        name[ORI_XML_NAME_BYTES - 1 + extra] = '\0';
        used = (size_t)snprintf(xml, sizeof xml, "<%s/>", name);
        assert_int_equal(walk(xml, used, words, sizeof words), expected);
    }
}

/* Every beginning of a document, at the end of a page of its own: no byte behind it is read. */
static void torn(void **state)
{
    (void)state;
    static const char whole[] = "<?xml version=\"1.0\"?><a x='1'><!-- c --><b>&#65;t</b><c/></a>";
    char words[1000];
    for (size_t bytes = 0; bytes < sizeof whole - 1; bytes++) {
        char *copy = malloc(bytes + 1);
        assert_non_null(copy);
        memcpy(copy, whole, bytes);
        char *exact = realloc(copy, bytes ? bytes : 1);
        assert_int_equal(walk(exact, bytes, words, sizeof words), ORI_STORE);
        free(exact);
    }
}

static void where(void **state)
{
    (void)state;
    static const char xml_text[] = "<Error><Code>1</Code><x><Code>2</Code></x></Error>";
    static const char *const path[] = {"Error", "Code", NULL};
    struct ori_xml xml;
    int found = 0;
    ori_xml_init(&xml, xml_text, strlen(xml_text));
    while (ori_xml_next(&xml, NULL) == ORI_OK) {
        if (xml.kind == ORI_XML_TEXT && ori_xml_is_at(&xml, path)) {
            assert_string_equal(ori_buf_text(&xml.text), "1");
            found++;
        }
    }
    assert_int_equal(found, 1);
    ori_xml_deinit(&xml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good), cmocka_unit_test(bad),   cmocka_unit_test(limits),
        cmocka_unit_test(torn), cmocka_unit_test(where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
