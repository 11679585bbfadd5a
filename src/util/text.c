#include "util/text.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/limits.h"
#include "util/status.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool ori_text_to_int(const char *text, int64_t *ret_value)
{
    const char *digits = text + (*text == '-' || *text == '+');
    if (!is_digit(*digits)) /* strtoll would skip blanks */
        return false;
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0')
        return false;
    *ret_value = value;
    return true;
}

bool ori_text_to_real(const char *text, double *ret_value)
{
    if (*text == '\0' || strspn(text, "0123456789.eE+-") != strlen(text))
        return false; /* no blanks, hex, "inf", "nan"; the locale is C throughout */
    char *end = NULL;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(value))
        return false;
    *ret_value = value;
    return true;
}

bool ori_text_to_bool(const char *text, bool *ret_value)
{
    static const char *const words[] = {"0", "1", "false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *ret_value = i % 2 == 1;
            return true;
        }
    }
    return false;
}

/* Power of 1024 of a unit, -1 for none known. "k", "kb" and "KiB" are the same 1024: nobody who
 * sets a limit in kB means 24 bytes less. */
static int unit_power(const char *unit)
{
    static const char letters[] = "kmgtp";
    if (*unit == '\0' || strcasecmp(unit, "b") == 0)
        return 0;
    for (int i = 0; letters[i]; i++) {
        char c = *unit >= 'A' && *unit <= 'Z' ? (char)(*unit - 'A' + 'a') : *unit;
        if (c != letters[i])
            continue;
        const char *tail = unit + 1;
        bool is_known = *tail == '\0' || strcasecmp(tail, "b") == 0 || strcasecmp(tail, "ib") == 0;
        return is_known ? i + 1 : -1;
    }
    return -1;
}

bool ori_text_to_bytes(const char *text, int64_t *ret_value)
{
    if (!is_digit(*text))
        return false;
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0)
        return false;
    bool has_blank = *end == ' ';
    end += has_blank;
    int power = has_blank && *end == '\0' ? -1 : unit_power(end); /* "2 GiB", but not "2 " */
    if (power < 0 || __builtin_mul_overflow(value, INT64_C(1) << (10 * power), &value))
        return false;
    *ret_value = value;
    return true;
}

void ori_text_of_real(double value, char ret_text[ORI_TEXT_REAL_BYTES])
{
    for (int digits = 6; digits <= DBL_DECIMAL_DIG; digits++) { /* fewer would say 1e+01 for 10 */
        snprintf(ret_text, ORI_TEXT_REAL_BYTES, "%.*g", digits, value);
        double back = 0;
        if (ori_text_to_real(ret_text, &back) && memcmp(&back, &value, sizeof back) == 0)
            return;
    }
}

size_t ori_text_utf8_step(const void *data, size_t bytes)
{
    const unsigned char *s = data;
    if (s[0] < 0x80)
        return 1;
    size_t need = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || bytes < need)
        return 0;
    for (size_t i = 1; i < need; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    }
    bool is_overlong = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90);
    bool is_surrogate = s[0] == 0xED && s[1] >= 0xA0;
    bool is_past_end = s[0] == 0xF4 && s[1] >= 0x90; /* above U+10FFFF */
    return is_overlong || is_surrogate || is_past_end ? 0 : need;
}

bool ori_text_is_utf8(const void *data, size_t bytes)
{
    const unsigned char *s = data;
    for (size_t i = 0; i < bytes;) {
        size_t step = ori_text_utf8_step(s + i, bytes - i);
        if (step == 0)
            return false;
        i += step;
    }
    return true;
}

bool ori_text_has_control(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c < 0x20 || *c == 0x7F)
            return true;
    }
    return false;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Levenshtein 1966, one row of Wagner and Fischer's table at a time. */
size_t ori_text_distance(const char *a, const char *b)
{
    size_t a_bytes = strlen(a);
    size_t b_bytes = strlen(b);
    size_t row[ORI_LIMIT_MAX_NEAREST_CHARS + 1] = {0};
    if (a_bytes > ORI_LIMIT_MAX_NEAREST_CHARS || b_bytes > ORI_LIMIT_MAX_NEAREST_CHARS)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_bytes; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_bytes; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_bytes; j++) {
            size_t replaced = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));
            diagonal = row[j];
            row[j] = least(row[j] + 1, row[j - 1] + 1, replaced);
        }
    }
    return row[b_bytes];
}

const char *ori_text_nearest(const char *word, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    size_t best = 2 + strlen(word) / 5; /* one slip in five letters and two more still is a slip */
    for (size_t i = 0; i < count; i++) {
        size_t distance = ori_text_distance(word, names[i]);
        if (distance <= best && distance < strlen(names[i]) &&
            (!nearest || distance < best)) { /* the first of equals */
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}

static bool is_code_char(char c)
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '.' || c == '_' || c == '-';
}

bool ori_text_is_code(const char *text)
{
    size_t chars = 0;
    while (text[chars] && chars <= ORI_LIMIT_MAX_CODE_CHARS && is_code_char(text[chars]))
        chars++;
    return chars >= 1 && chars <= ORI_LIMIT_MAX_CODE_CHARS && text[chars] == '\0' && text[0] != '.';
}

void ori_text_make_code(const char *text, size_t chars_max, char *ret_code)
{
    ORI_ASSERT(chars_max >= 1 && chars_max <= ORI_LIMIT_MAX_CODE_CHARS);
    size_t used = 0;
    for (const char *c = text; *c && used < chars_max; c++) {
        bool is_kept = is_code_char(*c) && !(used == 0 && *c == '.');
        if (is_kept)
            ret_code[used++] = *c;
        else if (used == 0 || ret_code[used - 1] != '_')
            ret_code[used++] = '_';
    }
    if (used == 0)
        ret_code[used++] = '_';
    ret_code[used] = '\0';
}
