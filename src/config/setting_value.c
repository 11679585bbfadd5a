#include "config/setting_value.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/settings.h"
#include "util/limits.h"
#include "util/text.h"

static bool is_between(double value, double min, double max)
{
    return value >= min && value <= max;
}

/* Bounds are doubles in the table: exact for whole numbers up to 2^53, which all rows keep to. */
static bool read_whole(const struct ori_setting_row *row, const char *text, int64_t *ret_value)
{
    int64_t value = 0;
    bool is_read = row->kind == ORI_SETTING_KIND_BYTES ? ori_text_to_bytes(text, &value)
                                                       : ori_text_to_int(text, &value);
    if (!is_read || value < (int64_t)row->min || value > (int64_t)row->max)
        return false;
    *ret_value = value;
    return true;
}

static bool read_real(const struct ori_setting_row *row, const char *text, double *ret_value)
{
    double value = 0;
    if (!ori_text_to_real(text, &value) || !is_between(value, row->min, row->max))
        return false;
    *ret_value = value == 0 ? 0 : value; /* "-0" is 0 */
    return true;
}

static bool read_cropdetect(const char *text, struct ori_cropdetect *ret_value)
{
    static const int64_t max[3] = {ORI_CROPDETECT_LIMIT_MAX, ORI_CROPDETECT_ROUND_MAX,
                                   ORI_CROPDETECT_RESET_MAX};
    int64_t part[3] = {0};
    for (int i = 0; i < 3; i++) {
        char digits[16];
        size_t bytes = strcspn(text, ":");
        bool is_last = text[bytes] == '\0';
        if (bytes >= sizeof digits || is_last != (i == 2))
            return false;
        memcpy(digits, text, bytes);
        digits[bytes] = '\0';
        if (!ori_text_to_int(digits, &part[i]) || part[i] < 0 || part[i] > max[i])
            return false;
        text += bytes + 1; /* behind the end after the last part, and not read again */
    }
    *ret_value = (struct ori_cropdetect){(int)part[0], (int)part[1], (int)part[2]};
    return true;
}

/* The table's own spelling of a choice, letter case ignored; *ret_bytes 0 when there is none. */
static const char *find_choice(const char *choices, const char *text, size_t *ret_bytes)
{
    size_t text_bytes = strlen(text);
    for (const char *word = choices; *word; word += strspn(word, " ")) {
        size_t bytes = strcspn(word, " ");
        const char *equals = memchr(word, '=', bytes);
        size_t name_bytes = equals ? (size_t)(equals - word) : bytes;
        if (name_bytes == text_bytes && strncasecmp(word, text, text_bytes) == 0) {
            const char *meant = equals ? equals + 1 : word;
            *ret_bytes = (size_t)(word + bytes - meant);
            return meant;
        }
        word += bytes;
    }
    *ret_bytes = 0;
    return NULL;
}

static bool is_allowed_text(const struct ori_setting_row *row, const char *text)
{
    size_t bytes = strnlen(text, ORI_LIMIT_MAX_SETTING_BYTES + 1);
    return is_between((double)bytes, row->min, row->max) && bytes <= ORI_LIMIT_MAX_SETTING_BYTES &&
           ori_text_is_utf8(text, bytes) && !ori_text_has_control(text);
}

static ori_status copy_text(const char *text, size_t bytes, char **ret_copy)
{
    char *copy = strndup(text, bytes);
    if (!copy)
        return ORI_NOMEM;
    *ret_copy = copy;
    return ORI_OK;
}

/* The canonical text of the kinds that are texts. */
static ori_status read_text(const struct ori_setting_row *row, const char *text, char **ret_copy)
{
    if (row->kind == ORI_SETTING_KIND_CHOICE) {
        size_t bytes = 0;
        const char *word = find_choice(row->choices, text, &bytes);
        return word ? copy_text(word, bytes, ret_copy) : ORI_BAD_SETTING;
    }
    return is_allowed_text(row, text) ? copy_text(text, strlen(text), ret_copy) : ORI_BAD_SETTING;
}

ori_status ori_setting_value_read(const struct ori_setting_row *row, const char *text, void *field,
                                  char **ret_copy)
{
    bool is_read = false;
    ori_status status = ORI_OK;
    *ret_copy = NULL;
    switch (row->kind) {
    case ORI_SETTING_KIND_BOOL:
        is_read = ori_text_to_bool(text, field);
        break;
    case ORI_SETTING_KIND_INT:
    case ORI_SETTING_KIND_BYTES:
        is_read = read_whole(row, text, field);
        break;
    case ORI_SETTING_KIND_REAL:
        is_read = read_real(row, text, field);
        break;
    case ORI_SETTING_KIND_CROPDETECT:
        is_read = read_cropdetect(text, field);
        break;
    case ORI_SETTING_KIND_STRING:
    case ORI_SETTING_KIND_CHOICE:
        status = read_text(row, text, ret_copy);
        if (status == ORI_OK)
            *(const char **)field = *ret_copy;
        return status;
    case ORI_SETTING_KIND_SECRET:
        status = read_text(row, text, ret_copy);
        if (status == ORI_OK)
            ((struct ori_secret *)field)->hidden = *ret_copy;
        return status;
    }
    return is_read ? ORI_OK : ORI_BAD_SETTING;
}

bool ori_setting_value_may_be_empty(const struct ori_setting_row *row)
{
    size_t bytes = 0;
    if (row->kind == ORI_SETTING_KIND_CHOICE)
        return find_choice(row->choices, "", &bytes) != NULL;
    bool is_text = row->kind == ORI_SETTING_KIND_STRING || row->kind == ORI_SETTING_KIND_SECRET;
    return is_text && row->min <= 0;
}

void ori_setting_value_write(const struct ori_setting_row *row, const void *field,
                             struct ori_buf *buf)
{
    char real[ORI_TEXT_REAL_BYTES];
    const struct ori_cropdetect *box = field;
    switch (row->kind) {
    case ORI_SETTING_KIND_BOOL:
        ori_buf_add_text(buf, *(const bool *)field ? "1" : "0");
        break;
    case ORI_SETTING_KIND_INT:
    case ORI_SETTING_KIND_BYTES:
        ori_buf_printf(buf, "%lld", (long long)*(const int64_t *)field);
        break;
    case ORI_SETTING_KIND_REAL:
        ori_text_of_real(*(const double *)field, real);
        ori_buf_add_text(buf, real);
        break;
    case ORI_SETTING_KIND_CROPDETECT:
        ori_buf_printf(buf, "%d:%d:%d", box->limit, box->round, box->reset);
        break;
    case ORI_SETTING_KIND_STRING:
    case ORI_SETTING_KIND_CHOICE:
        ori_buf_add_text(buf, *(const char *const *)field);
        break;
    case ORI_SETTING_KIND_SECRET:
        ori_buf_add_text(buf, ((const struct ori_secret *)field)->hidden);
        break;
    }
}
