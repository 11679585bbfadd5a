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

static enum ori_words_level level_of(int av_level)
{
    if (av_level <= AV_LOG_FATAL)
        return ORI_WORDS_FATAL;
    return av_level <= AV_LOG_WARNING ? ORI_WORDS_WARNING : ORI_WORDS_VERBOSE;
}

/* One line, one write, so that lines of several threads stay whole (PIPE_BUF). */
static void say(void *context, int av_level, const char *format, va_list args)
{
    char line[ORI_LIMIT_MAX_CHILD_LINE_BYTES];
    int print_prefix = 1;
    if (av_level > av_log_get_level() || atomic_load(&lines_said) >= LINES_MAX)
        return;
    atomic_fetch_add(&lines_said, 1);
    line[0] = ORI_WORDS_MARK;
    line[1] = (char)('0' + (int)level_of(av_level));
    int bytes = av_log_format_line2(context, av_level, format, args, line + 2, (int)sizeof line - 3,
                                    &print_prefix);
    if (bytes <= 0)
        return;
    size_t used = strcspn(line + 2, "\r\n") + 2; /* one message may hold several lines */
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
