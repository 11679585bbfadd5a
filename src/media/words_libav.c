/* The child's half of media/words.h. libav's callback has no argument of ours, so what it needs is
 * static: this runs in a process that does one medium and ends. */
#include "media/words.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libavutil/log.h>

/* A damaged file makes libav complain of every packet. The parent tells far fewer. */
#define LINES_MAX (10 * ORI_LIMIT_MAX_CHILD_LINES)

static atomic_int lines_said;
static atomic_bool is_in_line; /* the last message did not end its line: the next one goes on */

static enum ori_words_level level_of(int av_level)
{
    if (av_level <= AV_LOG_FATAL)
        return ORI_WORDS_FATAL;
    return av_level <= AV_LOG_WARNING ? ORI_WORDS_WARNING : ORI_WORDS_VERBOSE;
}

/* "[h264] ": libav's own form of it names an address too, which differs from run to run. */
static size_t add_prefix(void *context, char *text, size_t size)
{
    const AVClass *class = context ? *(const AVClass *const *)context : NULL;
    if (!class)
        return 0;
    int bytes = snprintf(text, size, "[%s] ",
                         class->item_name ? class->item_name(context) : class->class_name);
    return bytes < 0 || (size_t)bytes >= size ? 0 : (size_t)bytes;
}

/* One line, one write, so that lines of several threads stay whole (PIPE_BUF). */
static void __attribute__((format(printf, 3, 0)))
say(void *context, int av_level, const char *format, va_list args)
{
    char line[ORI_LIMIT_MAX_CHILD_LINE_BYTES];
    size_t room = sizeof line - 1; /* for the line's end */
    if (av_level > av_log_get_level() || atomic_load(&lines_said) >= LINES_MAX)
        return;
    size_t bytes = strlen(format);
    bool is_rest = atomic_exchange(&is_in_line, bytes == 0 || format[bytes - 1] != '\n');
    if (is_rest) /* the end of a sentence whose beginning says enough */
        return;
    atomic_fetch_add(&lines_said, 1);
    line[0] = ORI_WORDS_MARK;
    line[1] = (char)('0' + (int)level_of(av_level));
    size_t used = 2 + add_prefix(context, line + 2, room - 2);
    if (vsnprintf(line + used, room - used, format, args) <= 0)
        return;
    used = 2 + strcspn(line + 2, "\r\n"); /* one message may hold several lines */
    line[used] = '\n';
    int saved = errno;
    (void)!write(STDERR_FILENO, line, used + 1);
    errno = saved;
}

void ori_media_set_words(enum ori_words_level level)
{
    static const int av_levels[ORI_WORDS_LEVEL_COUNT] = {AV_LOG_QUIET, AV_LOG_FATAL, AV_LOG_WARNING,
                                                         AV_LOG_VERBOSE};
    av_log_set_level(av_levels[level]);
    av_log_set_callback(say);
}
