/* What libcurl tells of a transfer, as lines of the log at trace. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "net/client_priv.h"
#include "util/limits.h"

#define LINE_BYTES ORI_LIMIT_MAX_LOG_VALUE_BYTES

/* Headers whose values may be shown. A list of the harmless, because nobody knows all the others. */
static bool is_harmless(const char *name, size_t bytes)
{
    static const char *const names[] = {
        "accept",     "accept-encoding",   "accept-ranges", "allow",        "cache-control",
        "connection", "content-length",    "content-range", "content-type", "date",
        "host",       "keep-alive",        "last-modified", "range",        "retry-after",
        "server",     "transfer-encoding", "user-agent",    "vary",         "x-request-id",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i]) == bytes && strncasecmp(names[i], name, bytes) == 0)
            return true;
    }
    return false;
}

/* "Name: value" with a value that is safe to show; request lines lose their query, which is where
 * signed URLs keep their signature. */
static void mask_line(const char *line, size_t bytes, char ret_line[LINE_BYTES])
{
    const char *colon = memchr(line, ':', bytes);
    const char *blank = memchr(line, ' ', bytes);
    size_t cut = bytes < LINE_BYTES / 2 ? bytes : LINE_BYTES / 2;
    if (colon && (!blank || colon < blank)) {
        size_t name = (size_t)(colon - line);
        if (is_harmless(line, name))
            snprintf(ret_line, LINE_BYTES, "%.*s", (int)cut, line);
        else
            snprintf(ret_line, LINE_BYTES, "%.*s: ***", (int)(name < cut ? name : cut), line);
        return;
    }
    const char *query = memchr(line, '?', bytes);
    if (query && (size_t)(query - line) < cut)
        snprintf(ret_line, LINE_BYTES, "%.*s?***", (int)(query - line), line);
    else
        snprintf(ret_line, LINE_BYTES, "%.*s", (int)cut, line);
}

/* libcurl's own words that repeat headers, or name the user of a proxy: "h2h3 [authorization: ...]",
 * "[HTTP/2] [1] [...]", "Proxy auth using Basic with user '...'". */
static bool tells_secrets(const char *text, size_t bytes)
{
    static const char *const starts[] = {"h2h3 [", "[HTTP/", "h2 ["};
    static const char *const parts[] = {"auth using ", "[authorization", "[proxy-authorization"};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        if (bytes >= strlen(starts[i]) && strncasecmp(text, starts[i], strlen(starts[i])) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (memmem(text, bytes, parts[i], strlen(parts[i])))
            return true;
    }
    return false;
}

static void log_lines(const struct ori_log *log, const char *kind, const char *data, size_t bytes)
{
    char text[LINE_BYTES];
    while (bytes > 0) {
        const char *newline = memchr(data, '\n', bytes);
        size_t length = newline ? (size_t)(newline - data) : bytes;
        size_t shown = length > 0 && data[length - 1] == '\r' ? length - 1 : length;
        if (shown > 0) {
            mask_line(data, shown, text);
            ori_log_event(log, ORI_LOG_TRACE, "net.curl",
                          ORI_LOG_FIELDS(ori_log_text("kind", kind), ori_log_text("text", text)));
        }
        length += newline != NULL;
        data += length;
        bytes -= length;
    }
}

int ori_net_trace(CURL *easy, curl_infotype type, char *data, size_t bytes, void *userptr)
{
    const struct ori_log *log = userptr;
    (void)easy;
    switch (type) {
    case CURLINFO_HEADER_IN:
        log_lines(log, "header_in", data, bytes);
        break;
    case CURLINFO_HEADER_OUT:
        log_lines(log, "header_out", data, bytes);
        break;
    case CURLINFO_TEXT: {
        char text[LINE_BYTES];
        size_t shown = bytes < LINE_BYTES / 2 ? bytes : LINE_BYTES / 2;
        while (shown > 0 && (data[shown - 1] == '\n' || data[shown - 1] == '\r'))
            shown--;
        if (tells_secrets(data, shown))
            break;
        snprintf(text, sizeof text, "%.*s", (int)shown, data);
        ori_log_event(log, ORI_LOG_TRACE, "net.curl",
                      ORI_LOG_FIELDS(ori_log_text("kind", "text"), ori_log_text("text", text)));
        break;
    }
    case CURLINFO_DATA_IN:
    case CURLINFO_DATA_OUT:
    case CURLINFO_SSL_DATA_IN:
    case CURLINFO_SSL_DATA_OUT:
    case CURLINFO_END:
        break; /* bodies are nobody's business */
    }
    return 0;
}
