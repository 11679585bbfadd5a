#include "media/words.h"

#include <string.h>

#include "util/utf8.h"

static void tell_line(struct ori_words *words, ori_words_fn tell, void *self)
{
    const char *line = words->line;
    enum ori_words_level level = ORI_WORDS_FATAL;
    words->line[words->used] = '\0';
    if (line[0] == ORI_WORDS_MARK && line[1] > '0' && line[1] < '0' + ORI_WORDS_LEVEL_COUNT) {
        level = (enum ori_words_level)(line[1] - '0');
        line += 2;
    }
    if (line[0] != '\0' && words->lines++ < ORI_LIMIT_MAX_CHILD_LINES && tell) {
        ori_utf8_clean(words->line + (line - words->line));
        tell(self, level, line);
    }
    words->used = 0;
    words->is_cut = false;
}

void ori_words_take(struct ori_words *words, const char *text, size_t bytes, ori_words_fn tell,
                    void *self)
{
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '\n' || text[i] == '\r')
            tell_line(words, tell, self);
        else if (words->used + 1 < sizeof words->line)
            words->line[words->used++] = text[i] == '\0' ? '?' : text[i];
        else if (!words->is_cut) {
            memcpy(words->line + sizeof words->line - 4, "...", 3);
            words->is_cut = true;
        }
    }
}

void ori_words_end(struct ori_words *words, ori_words_fn tell, void *self)
{
    tell_line(words, tell, self);
}

uint64_t ori_words_untold(const struct ori_words *words)
{
    return words->lines > ORI_LIMIT_MAX_CHILD_LINES ? words->lines - ORI_LIMIT_MAX_CHILD_LINES : 0;
}
