#include "net/content_range.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "util/text.h"

#define DIGITS_MAX 19 /* of INT64_MAX */

/* Digits alone up to `end`, which follows them; *text is then behind it. */
static bool read_number(const char **text, char end, int64_t *ret_number)
{
    char word[DIGITS_MAX + 1];
    const size_t digits = strspn(*text, "0123456789");
    if (digits == 0 || digits > DIGITS_MAX || (*text)[digits] != end)
        return false;
    memcpy(word, *text, digits);
    word[digits] = '\0';
    *text += digits + (end != '\0');
    return ori_text_to_int(word, ret_number);
}

static bool read_total(const char *text, int64_t *ret_total)
{
    *ret_total = -1;
    return strcmp(text, "*") == 0 || read_number(&text, '\0', ret_total);
}

bool ori_content_range_read(const char *text, struct ori_content_range *ret_range)
{
    static const char unit[] = "bytes ";
    struct ori_content_range range = {.first = -1, .last = -1};
    if (!text || strncasecmp(text, unit, sizeof unit - 1) != 0)
        return false;
    text += sizeof unit - 1;
    const bool has_none = strncmp(text, "*/", 2) == 0;
    if (has_none)
        text += 2;
    else if (!read_number(&text, '-', &range.first) || !read_number(&text, '/', &range.last))
        return false;
    if (!read_total(text, &range.total) || (has_none && range.total < 0) ||
        range.last < range.first || (!has_none && range.total >= 0 && range.total <= range.last))
        return false;
    *ret_range = range;
    return true;
}
