/* A list in JSON, element by element: where each ends is found without a tree, so that no more than
 * one is in memory. */
#include <jansson.h>
#include <string.h>

#include "cli/list_priv.h"
#include "util/json_bounds.h"

#define DEPTH_MAX ORI_LIMIT_MAX_JSON_DEPTH
#define VALUES_MAX 1000 /* of one element */
#define ITEMS "\"items\""

static bool is_space(int c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The first character that is no blank; all before it is skipped. */
static int skip_spaces(struct ori_window *window)
{
    int c = 0;
    while (is_space(c = ori_window_at(window, 0)))
        ori_window_skip(window, 1);
    return c;
}

static int pass_spaces(struct ori_window *window, size_t *at)
{
    int c = 0;
    while (is_space(c = ori_window_at(window, *at)))
        (*at)++;
    return c;
}

/* Past the string that begins at *at. Negative: it does not end. */
static int pass_string(struct ori_window *window, size_t *at)
{
    int c = 0;
    for ((*at)++; (c = ori_window_at(window, *at)) >= 0 && c != '"'; (*at)++)
        *at += c == '\\';
    (*at)++;
    return c;
}

/* Past the value that begins at *at: a string, what brackets hold, or a word up to what ends it. */
static int pass_value(struct ori_window *window, size_t *at)
{
    int depth = 0;
    int c = 0;
    while ((c = ori_window_at(window, *at)) >= 0) {
        const bool is_end = c == '}' || c == ']';
        if (depth == 0 && (is_end || c == ',' || is_space(c)))
            return 0;
        if (c == '"') {
            c = pass_string(window, at);
            if (c < 0)
                return c;
        } else {
            depth += (c == '{' || c == '[') - is_end;
            (*at)++;
        }
        if (depth == 0 && (is_end || c == '"'))
            return 0;
    }
    return depth == 0 && c == ORI_WINDOW_END ? 0 : c;
}

/* ---- one element ---- */

static ori_status take_member(const json_t *object, const char *name, struct ori_list_text *ret)
{
    const json_t *value = json_object_get(object, name);
    *ret = (struct ori_list_text){"", 0};
    if (json_is_string(value))
        *ret = (struct ori_list_text){json_string_value(value), json_string_length(value)};
    return !value || json_is_null(value) || json_is_string(value) ? ORI_OK : ORI_USAGE;
}

/* The element in the window's next bytes. */
static ori_status take_element(struct ori_list *list, size_t bytes, struct ori_list_row *ret_row,
                               struct ori_error *err)
{
    const char *text = ori_window_text(&list->window);
    struct ori_error cause = {0};
    struct ori_list_text platform;
    struct ori_list_text code;
    struct ori_list_text url;
    if (ori_json_bounds_check("an entry", text, bytes, DEPTH_MAX, VALUES_MAX, &cause) != ORI_OK)
        return ori_list_bad(list, err, "%s", cause.text);
    json_error_t fault;
    json_t *object = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &fault);
    ori_status status = ORI_OK;
    if (!object && json_error_code(&fault) == json_error_out_of_memory)
        return ori_error_set(err, ORI_NOMEM, "list of videos");
    if (!json_is_object(object))
        status = ori_list_bad(list, err, "no JSON object: %s", object ? "an array" : fault.text);
    else if (take_member(object, "platform", &platform) != ORI_OK ||
             take_member(object, "code", &code) != ORI_OK ||
             take_member(object, "url", &url) != ORI_OK)
        status = ori_list_bad(list, err, "platform, code and url are strings");
    else
        status = ori_list_take(list, platform, code, url, ret_row, err);
    json_decref(object);
    return status;
}

/* ---- at the top: an array, an object with "items", or the entries themselves ---- */

/* Whether the member that begins at *at is "items" with an array; then *at is behind its bracket.
 * Else *at is behind the member. Negative: it does not end. */
static int pass_member(struct ori_window *window, size_t *at, bool *ret_is_items)
{
    const size_t name = *at;
    int c = pass_string(window, at);
    if (c < 0)
        return c;
    const bool is_name = *at - name == strlen(ITEMS) &&
                         memcmp(ori_window_text(window) + name, ITEMS, strlen(ITEMS)) == 0;
    if ((c = pass_spaces(window, at)) != ':')
        return c < 0 ? c : 0;
    (*at)++;
    c = pass_spaces(window, at);
    *ret_is_items = is_name && c == '[';
    if (*ret_is_items) {
        (*at)++;
        return 0;
    }
    return c < 0 ? c : pass_value(window, at);
}

/* Looks through the object that begins at the window: *ret_bytes is behind its "items" and the
 * bracket there, or behind the object. Negative: neither is within reach. */
static int look_into(struct ori_window *window, size_t *ret_bytes, bool *ret_is_items)
{
    size_t at = 1;
    int c = 0;
    *ret_is_items = false;
    while ((c = pass_spaces(window, &at)) >= 0 && c != '}') {
        if (c != '"') { /* a comma, or what the parser will refuse */
            at++;
            continue;
        }
        c = pass_member(window, &at, ret_is_items);
        if (c < 0 || *ret_is_items)
            break;
    }
    *ret_bytes = at + (c == '}');
    return c < 0 ? c : 0;
}

static ori_status bad_line(struct ori_list *list, int c, struct ori_error *err)
{
    if (c == ORI_WINDOW_FAILED)
        return ori_list_end(list, err, "");
    ori_window_skip_line(&list->window);
    if (c == ORI_WINDOW_FULL)
        return ori_list_bad(list, err, "an entry longer than %d bytes",
                            ORI_LIMIT_MAX_LIST_ENTRY_BYTES);
    return ori_list_bad(list, err,
                        c == ORI_WINDOW_END ? "a JSON object that does not end"
                                            : "expected a JSON object or an array");
}

/* ORI_AGAIN: an array was entered. */
static ori_status next_at_top(struct ori_list *list, struct ori_list_row *ret_row,
                              struct ori_error *err)
{
    struct ori_window *window = &list->window;
    size_t bytes = 1;
    bool is_items = false;
    int c = skip_spaces(window);
    list->line = window->line;
    if (c == ORI_WINDOW_END)
        return ORI_EOF;
    if (c != '[' && c != '{')
        return bad_line(list, c, err);
    if (c == '{') {
        c = look_into(window, &bytes, &is_items);
        if (c < 0)
            return bad_line(list, c, err);
        if (!is_items) {
            ori_status status = take_element(list, bytes, ret_row, err);
            ori_window_skip(window, bytes);
            return status;
        }
    }
    ori_window_skip(window, bytes);
    list->place = ORI_LIST_IN_ARRAY;
    list->is_in_object = is_items;
    list->has_element = false;
    return ORI_AGAIN;
}

/* ---- in an array ---- */

/* Past the end of the object that "items" stands in, however long it is. */
static ori_status leave_object(struct ori_list *list, struct ori_error *err)
{
    struct ori_window *window = &list->window;
    int depth = 1;
    int c = 0;
    bool is_string = false;
    while (depth > 0 && (c = ori_window_at(window, 0)) >= 0) {
        ori_window_skip(window, 1);
        if (is_string && c == '\\' && ori_window_at(window, 0) >= 0)
            ori_window_skip(window, 1);
        else if (c == '"')
            is_string = !is_string;
        else if (!is_string)
            depth += (c == '{' || c == '[') - (c == '}' || c == ']');
    }
    return depth == 0 ? ORI_OK : ori_list_end(list, err, "the JSON ends too early");
}

static ori_status leave_array(struct ori_list *list, struct ori_error *err)
{
    ori_window_skip(&list->window, 1);
    list->place = ORI_LIST_TOP;
    ori_status status = list->is_in_object ? leave_object(list, err) : ORI_OK;
    return status == ORI_OK ? ORI_AGAIN : status;
}

/* ORI_AGAIN: the array has ended. */
static ori_status next_in_array(struct ori_list *list, struct ori_list_row *ret_row,
                                struct ori_error *err)
{
    struct ori_window *window = &list->window;
    size_t bytes = 0;
    int c = skip_spaces(window);
    if (c == ',' && list->has_element) {
        ori_window_skip(window, 1);
        list->has_element = false;
        c = skip_spaces(window);
        if (c == ']')
            return ori_list_end(list, err, "a comma with nothing behind it");
    }
    list->line = window->line;
    if (c == ']')
        return leave_array(list, err);
    if (c < 0)
        return ori_list_end(list, err, "the JSON array does not end");
    if (list->has_element)
        return ori_list_end(list, err, "expected a comma or the end of the array");
    c = pass_value(window, &bytes);
    if (c < 0 || bytes == 0)
        return ori_list_end(list, err,
                            c == ORI_WINDOW_FULL ? "an entry that is too long (LIST_ENTRY_BYTES)"
                                                 : "no JSON value");
    list->has_element = true;
    ori_status status = take_element(list, bytes, ret_row, err);
    ori_window_skip(window, bytes);
    return status;
}

ori_status ori_list_json_next(struct ori_list *list, struct ori_list_row *ret_row,
                              struct ori_error *err)
{
    ori_status status = ORI_AGAIN;
    while (status == ORI_AGAIN)
        status = list->place == ORI_LIST_TOP ? next_at_top(list, ret_row, err)
                                             : next_in_array(list, ret_row, err);
    return status;
}
