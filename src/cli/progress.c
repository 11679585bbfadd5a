#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BAR_WIDTH_MIN 10
#define BAR_WIDTH_MAX 30
#define FACTS_MAX 5
/* Before that a guess jumps about too much to be of use. */
#define GUESS_AFTER_US 2000000
#define GUESS_AFTER_SHARE 0.01

double ori_progress_share(const struct ori_progress *progress)
{
    if (progress->total == 0)
        return 1;
    double share = ((double)progress->ended + progress->running_share) / (double)progress->total;
    return share > 1 ? 1 : share;
}

int64_t ori_progress_left_us(const struct ori_progress *progress)
{
    double work = (double)(progress->total - progress->skipped);
    double done = (double)(progress->ended - progress->skipped) + progress->running_share;
    if (progress->elapsed_us < GUESS_AFTER_US || work <= 0 || done < GUESS_AFTER_SHARE * work)
        return -1;
    double left_us = (double)progress->elapsed_us * (work - done) / done;
    return left_us < 0 ? 0 : left_us > 3.6e14 ? -1 : (int64_t)left_us;
}

void ori_progress_duration(int64_t us, char ret_text[ORI_DURATION_BYTES])
{
    int64_t seconds = (us + 500000) / 1000000;
    int64_t hours = seconds / 3600;
    int minutes = (int)(seconds / 60 % 60);
    if (hours > 0)
        snprintf(ret_text, ORI_DURATION_BYTES, "%" PRId64 ":%02d:%02d", hours, minutes,
                 (int)(seconds % 60));
    else
        snprintf(ret_text, ORI_DURATION_BYTES, "%d:%02d", minutes, (int)(seconds % 60));
}

static size_t make_facts(const struct ori_progress *progress, char facts[FACTS_MAX][64])
{
    size_t count = 0;
    int64_t left_us = ori_progress_left_us(progress);
    snprintf(facts[count++], 64, "%zu/%zu videos", progress->ended, progress->total);
    snprintf(facts[count++], 64, "%3d%%", (int)(100 * ori_progress_share(progress)));
    snprintf(facts[count++], 64, "%" PRIu64 " frames", progress->frames);
    if (progress->elapsed_us > 0 && progress->media_us > 0)
        snprintf(facts[count++], 64, "%.1fx",
                 (double)progress->media_us / (double)progress->elapsed_us);
    if (left_us >= 0) {
        char duration[ORI_DURATION_BYTES];
        ori_progress_duration(left_us, duration);
        snprintf(facts[count++], 64, "%s left", duration);
    }
    return count;
}

static void add_bar(double share, size_t bar_width, char *line)
{
    size_t inside = bar_width - 2;
    size_t full = (size_t)(share * (double)inside);
    char *at = line + strlen(line);
    *at++ = '[';
    memset(at, '#', full);
    memset(at + full, '-', inside - full);
    at += inside;
    memcpy(at, "]  ", 4);
}

void ori_progress_render(const struct ori_progress *progress, size_t width,
                         char ret_line[ORI_PROGRESS_BYTES])
{
    char facts[FACTS_MAX][64];
    size_t count = make_facts(progress, facts);
    size_t used = 0;
    size_t shown = 0;
    ret_line[0] = '\0';
    if (width >= ORI_PROGRESS_BYTES)
        width = ORI_PROGRESS_BYTES - 1;
    for (; shown < count; shown++) {
        size_t more = strlen(facts[shown]) + (shown > 0 ? 2 : 0);
        if (used + more > width)
            break;
        used += more;
    }
    if (shown == count && width >= used + 2 + BAR_WIDTH_MIN) {
        size_t room = width - used - 2;
        add_bar(ori_progress_share(progress), room < BAR_WIDTH_MAX ? room : BAR_WIDTH_MAX,
                ret_line);
    }
    for (size_t i = 0; i < shown; i++) {
        size_t at = strlen(ret_line);
        snprintf(ret_line + at, ORI_PROGRESS_BYTES - at, "%s%s", i > 0 ? "  " : "", facts[i]);
    }
}
