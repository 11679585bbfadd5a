#include "util/utf8.h"

#include <string.h>

#include "util/text.h"

void ori_utf8_clean(char *text)
{
    size_t bytes = strlen(text);
    for (size_t i = 0; i < bytes;) {
        unsigned char *at = (unsigned char *)text + i;
        size_t step = ori_text_utf8_step(at, bytes - i);
        bool is_c1 = step == 2 && at[0] == 0xC2 && at[1] < 0xA0;
        if (step == 0 || at[0] < 0x20 || at[0] == 0x7F || is_c1)
            memset(at, '?', step ? step : 1);
        i += step ? step : 1;
    }
}
