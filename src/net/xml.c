#include "net/xml.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static ori_status refuse(struct ori_error *err, const char *why)
{
    return ori_error_set(err, ORI_STORE, "the answer is no XML of S3: %s", why);
}

void ori_xml_init(struct ori_xml *ret_xml, const void *data, size_t bytes)
{
    *ret_xml = (struct ori_xml){.at = data, .end = (const char *)data + bytes, .name = ""};
    ori_buf_init(&ret_xml->text, ORI_LIMIT_MAX_XML_TEXT_BYTES);
}

void ori_xml_deinit(struct ori_xml *xml)
{
    ori_buf_deinit(&xml->text);
}

static size_t left_of(const struct ori_xml *xml)
{
    return (size_t)(xml->end - xml->at);
}

static bool starts_with(const struct ori_xml *xml, const char *start)
{
    const size_t bytes = strlen(start);
    return left_of(xml) >= bytes && memcmp(xml->at, start, bytes) == 0;
}

/* Past the next `end`; false when there is none. */
static bool pass(struct ori_xml *xml, const char *end)
{
    const char *found = memmem(xml->at, left_of(xml), end, strlen(end));
    if (!found)
        return false;
    xml->at = found + strlen(end);
    return true;
}

static bool is_blank(char letter)
{
    return letter == ' ' || letter == '\t' || letter == '\r' || letter == '\n';
}

static bool is_name_letter(char letter)
{
    return (letter >= 'A' && letter <= 'Z') || (letter >= 'a' && letter <= 'z') ||
           (letter >= '0' && letter <= '9') || letter == '-' || letter == '_' || letter == '.' ||
           letter == ':' || (unsigned char)letter >= 0x80;
}

/* An element's name without its prefix. */
static ori_status read_name(struct ori_xml *xml, char ret_name[ORI_XML_NAME_BYTES],
                            struct ori_error *err)
{
    const char *begin = xml->at;
    while (xml->at < xml->end && is_name_letter(*xml->at)) {
        if (*xml->at++ == ':')
            begin = xml->at;
    }
    const size_t bytes = (size_t)(xml->at - begin);
    if (bytes == 0)
        return refuse(err, "an element without a name");
    if (bytes >= ORI_XML_NAME_BYTES)
        return ori_error_set(err, ORI_LIMIT, "an element's name of more than %d bytes",
                             ORI_XML_NAME_BYTES - 1);
    memcpy(ret_name, begin, bytes);
    ret_name[bytes] = '\0';
    return ORI_OK;
}

/* ---- texts ---- */

static void add_utf8(struct ori_buf *buf, uint32_t code)
{
    char out[4];
    size_t bytes = 1;
    if (code < 0x80) {
        out[0] = (char)code;
    } else if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        bytes = 2;
    } else if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        bytes = 3;
    } else {
        out[0] = (char)(0xF0 | code >> 18);
        out[1] = (char)(0x80 | (code >> 12 & 0x3F));
        out[2] = (char)(0x80 | (code >> 6 & 0x3F));
        out[3] = (char)(0x80 | (code & 0x3F));
        bytes = 4;
    }
    ori_buf_add(buf, out, bytes);
}

/* "#65" or "#x41", of at most eight digits. */
static bool read_number(const char *text, size_t bytes, uint32_t *ret_code)
{
    const bool is_hex = bytes > 1 && text[1] == 'x';
    uint64_t code = 0;
    size_t i = is_hex ? 2 : 1;
    if (i >= bytes || bytes - i > 8)
        return false;
    for (; i < bytes; i++) {
        const char letter = text[i];
        uint32_t digit = 16;
        if (letter >= '0' && letter <= '9')
            digit = (uint32_t)(letter - '0');
        else if (letter >= 'a' && letter <= 'f')
            digit = (uint32_t)(letter - 'a') + 10;
        else if (letter >= 'A' && letter <= 'F')
            digit = (uint32_t)(letter - 'A') + 10;
        if (digit >= (is_hex ? 16U : 10U))
            return false;
        code = code * (is_hex ? 16 : 10) + digit;
    }
    *ret_code = (uint32_t)code;
    return code > 0 && code <= 0x10FFFF && !(code >= 0xD800 && code <= 0xDFFF);
}

static bool add_reference(struct ori_buf *buf, const char *text, size_t bytes)
{
    static const struct {
        const char *name;
        uint32_t code;
    } known[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    uint32_t code = 0;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strlen(known[i].name) == bytes && memcmp(known[i].name, text, bytes) == 0)
            code = known[i].code;
    }
    if (code == 0 && (bytes == 0 || text[0] != '#' || !read_number(text, bytes, &code)))
        return false;
    add_utf8(buf, code);
    return true;
}

static ori_status read_text(struct ori_xml *xml, struct ori_error *err)
{
    const char *end = memchr(xml->at, '<', left_of(xml));
    if (!end)
        return refuse(err, "it ends inside an element");
    ori_buf_clear(&xml->text);
    while (xml->at < end) {
        const char *mark = memchr(xml->at, '&', (size_t)(end - xml->at));
        const char *until = mark ? mark : end;
        ori_buf_add(&xml->text, xml->at, (size_t)(until - xml->at));
        xml->at = until;
        if (!mark)
            break;
        const char *close = memchr(mark, ';', (size_t)(end - mark));
        if (!close || !add_reference(&xml->text, mark + 1, (size_t)(close - mark) - 1))
            return refuse(err, "a reference that is not known");
        xml->at = close + 1;
    }
    if (memchr(ori_buf_text(&xml->text), '\0', xml->text.used))
        return refuse(err, "a NUL");
    xml->kind = ORI_XML_TEXT;
    xml->name = xml->names[xml->depth - 1];
    return ori_buf_finish(&xml->text, "a text of the answer", err);
}

/* ---- elements ---- */

/* Attributes up to the '>' of the element; their values may hold one. */
static ori_status pass_attributes(struct ori_xml *xml, struct ori_error *err)
{
    char quote = '\0';
    for (; xml->at < xml->end; xml->at++) {
        const char letter = *xml->at;
        if (quote) {
            quote = letter == quote ? '\0' : quote;
        } else if (letter == '"' || letter == '\'') {
            quote = letter;
        } else if (letter == '<') {
            break;
        } else if (letter == '>') {
            xml->is_empty_element = xml->at[-1] == '/';
            xml->at++;
            return ORI_OK;
        }
    }
    return refuse(err, "an element that does not end");
}

static ori_status open_element(struct ori_xml *xml, struct ori_error *err)
{
    if (xml->depth == 0 && xml->has_root)
        return refuse(err, "a second root");
    if (xml->depth == ORI_LIMIT_MAX_XML_DEPTH)
        return ori_error_set(err, ORI_LIMIT, "XML of more than %d levels", ORI_LIMIT_MAX_XML_DEPTH);
    xml->at++;
    ori_status status = read_name(xml, xml->names[xml->depth], err);
    if (status == ORI_OK)
        status = pass_attributes(xml, err);
    if (status != ORI_OK)
        return status;
    xml->has_root = true;
    xml->name = xml->names[xml->depth++];
    xml->kind = ORI_XML_OPEN;
    return ORI_OK;
}

static ori_status close_element(struct ori_xml *xml, struct ori_error *err)
{
    char name[ORI_XML_NAME_BYTES];
    xml->at += 2;
    ori_status status = read_name(xml, name, err);
    if (status != ORI_OK)
        return status;
    while (xml->at < xml->end && is_blank(*xml->at))
        xml->at++;
    if (xml->at == xml->end || *xml->at != '>' || xml->depth == 0 ||
        strcmp(name, xml->names[xml->depth - 1]) != 0)
        return refuse(err, "elements that do not match");
    xml->at++;
    xml->name = xml->names[xml->depth - 1];
    xml->kind = ORI_XML_CLOSE;
    xml->is_closing = true;
    return ORI_OK;
}

/* ORI_AGAIN: passed over something that is of no interest. */
static ori_status step(struct ori_xml *xml, struct ori_error *err)
{
    if (starts_with(xml, "<?"))
        return pass(xml, "?>") ? ORI_AGAIN : refuse(err, "an instruction that does not end");
    if (starts_with(xml, "<!--"))
        return pass(xml, "-->") ? ORI_AGAIN : refuse(err, "a comment that does not end");
    if (starts_with(xml, "<!"))
        return refuse(err, "a declaration");
    if (starts_with(xml, "</"))
        return close_element(xml, err);
    if (*xml->at == '<')
        return open_element(xml, err);
    if (xml->depth > 0)
        return read_text(xml, err);
    if (!is_blank(*xml->at))
        return refuse(err, "text outside of the root");
    xml->at++;
    return ORI_AGAIN;
}

ori_status ori_xml_next(struct ori_xml *xml, struct ori_error *err)
{
    ori_status status = ORI_AGAIN;
    xml->depth -= xml->is_closing;
    xml->is_closing = false;
    if (xml->is_empty_element) {
        xml->is_empty_element = false;
        xml->is_closing = true;
        xml->kind = ORI_XML_CLOSE;
        return ORI_OK;
    }
    if (starts_with(xml, "\xEF\xBB\xBF"))
        xml->at += 3;
    while (status == ORI_AGAIN) {
        if (xml->at == xml->end && xml->depth == 0 && xml->has_root)
            return ORI_EOF;
        if (xml->at == xml->end)
            return refuse(err, xml->has_root ? "it ends inside an element" : "it is empty");
        status = step(xml, err);
    }
    return status;
}

bool ori_xml_is_at(const struct ori_xml *xml, const char *const *path)
{
    int depth = 0;
    for (; path[depth]; depth++) {
        if (depth >= xml->depth || strcmp(path[depth], xml->names[depth]) != 0)
            return false;
    }
    return depth == xml->depth;
}
