#include "http/accept.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define WEIGHT_MAX 1000 /* thousandths: a weight has at most three digits behind its point */

struct text {
    const char *at;
    size_t bytes;
};

static struct text trim(struct text text)
{
    while (text.bytes > 0 && (text.at[0] == ' ' || text.at[0] == '\t')) {
        text.at++;
        text.bytes--;
    }
    while (text.bytes > 0 && (text.at[text.bytes - 1] == ' ' || text.at[text.bytes - 1] == '\t'))
        text.bytes--;
    return text;
}

/* What stands before the mark; *rest is what stands behind it. */
static struct text cut(struct text *rest, char mark)
{
    const char *end = rest->bytes > 0 ? memchr(rest->at, mark, rest->bytes) : NULL;
    struct text first = {rest->at, end ? (size_t)(end - rest->at) : rest->bytes};
    size_t taken = first.bytes + (end ? 1 : 0);
    rest->at += taken;
    rest->bytes -= taken;
    return trim(first);
}

static bool is_same(struct text text, const char *word)
{
    return text.bytes == strlen(word) && strncasecmp(text.at, word, text.bytes) == 0;
}

/* "0.8" is 800; -1 for what is no weight. */
static int weight_of(struct text text)
{
    int weight = 0;
    if (text.bytes == 0 || text.bytes > 5 || (text.at[0] != '0' && text.at[0] != '1'))
        return -1;
    if (text.bytes > 1 && text.at[1] != '.')
        return -1;
    weight = (text.at[0] - '0') * WEIGHT_MAX;
    for (size_t i = 2, unit = WEIGHT_MAX / 10; i < text.bytes; i++, unit /= 10) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return -1;
        weight += (text.at[i] - '0') * (int)unit;
    }
    return weight <= WEIGHT_MAX ? weight : -1;
}

static int range_weight(struct text parameters)
{
    while (parameters.bytes > 0) {
        struct text one = cut(&parameters, ';');
        struct text name = cut(&one, '=');
        if (is_same(name, "q"))
            return weight_of(trim(one));
    }
    return WEIGHT_MAX;
}

/* How exactly a range means the type: 0 not at all, 1 by "*", 2 by its group, 3 by name. */
static int fit_of(struct text range, const char *group, const char *type)
{
    if (is_same(range, type))
        return 3;
    if (is_same(range, group))
        return 2;
    return is_same(range, "*/*") ? 1 : 0;
}

static int weight_for(const char *accept, const char *group, const char *type)
{
    struct text rest = {accept, strlen(accept)};
    int best_fit = 0;
    int weight = 0;
    while (rest.bytes > 0) {
        struct text parameters = cut(&rest, ',');
        struct text range = cut(&parameters, ';');
        int fit = fit_of(range, group, type);
        int own = range_weight(parameters);
        if (own < 0 || fit <= best_fit)
            continue;
        best_fit = fit;
        weight = own;
    }
    return weight;
}

bool ori_accept_prefers_html(const char *accept)
{
    return accept && weight_for(accept, "text/*", "text/html") >
                         weight_for(accept, "application/*", "application/json");
}
