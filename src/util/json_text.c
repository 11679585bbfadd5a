#include "util/json_text.h"

#include "util/text.h"

static void add_ascii(struct ori_buf *buf, unsigned char c)
{
    char two[2] = {'\\', (char)c};
    switch (c) {
    case '"':
    case '\\':
        ori_buf_add(buf, two, 2);
        break;
    case '\n':
        ori_buf_add_text(buf, "\\n");
        break;
    case '\r':
        ori_buf_add_text(buf, "\\r");
        break;
    case '\t':
        ori_buf_add_text(buf, "\\t");
        break;
    default:
        if (c < 0x20 || c == 0x7F)
            ori_buf_printf(buf, "\\u%04x", (unsigned)c);
        else
            ori_buf_add(buf, &c, 1);
    }
}

/* Bytes from the start that stand for themselves: most texts are nothing else. */
static size_t plain_run(const unsigned char *s, size_t bytes)
{
    size_t n = 0;
    while (n < bytes && s[n] >= 0x20 && s[n] < 0x7F && s[n] != '"' && s[n] != '\\')
        n++;
    return n;
}

void ori_json_add_text(struct ori_buf *buf, const char *text, size_t bytes)
{
    const unsigned char *s = (const unsigned char *)text;
    ori_buf_add(buf, "\"", 1);
    for (size_t i = 0; i < bytes;) {
        size_t run = plain_run(s + i, bytes - i);
        if (run > 0) {
            ori_buf_add(buf, s + i, run);
            i += run;
            continue;
        }
        size_t step = ori_text_utf8_step(s + i, bytes - i);
        if (step == 0)
            ori_buf_add_text(buf, "\\ufffd");
        else if (step == 1)
            add_ascii(buf, s[i]);
        else if (step == 2 && s[i] == 0xC2 && s[i + 1] < 0xA0)
            ori_buf_printf(buf, "\\u%04x", (unsigned)s[i + 1]);
        else
            ori_buf_add(buf, s + i, step);
        i += step ? step : 1;
    }
    ori_buf_add(buf, "\"", 1);
}
