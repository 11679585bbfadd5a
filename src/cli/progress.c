#include "cli/progress.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define BAR_WIDTH_MIN 10
#define BAR_WIDTH_MAX 30
#define FACTS_MAX 6
#define FACT_BYTES 64
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

static size_t make_facts(const struct ori_progress *progress, char facts[FACTS_MAX][FACT_BYTES])
{
    size_t count = 0;
    int64_t left_us = ori_progress_left_us(progress);
    snprintf(facts[count++], FACT_BYTES, "%zu/%zu videos", progress->ended, progress->total);
    snprintf(facts[count++], FACT_BYTES, "%3d%%", (int)(100 * ori_progress_share(progress)));
    snprintf(facts[count++], FACT_BYTES, "%" PRIu64 " frames", progress->frames);
    if (progress->elapsed_us > 0 && progress->media_us > 0)
        snprintf(facts[count++], FACT_BYTES, "%.1fx",
                 (double)progress->media_us / (double)progress->elapsed_us);
    if (left_us >= 0) {
        char duration[ORI_DURATION_BYTES];
        ori_progress_duration(left_us, duration);
        snprintf(facts[count++], FACT_BYTES, "%s left", duration);
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

/* As many facts as fit, the bar before them when all do and share is known: not negative. */
static void render(char facts[FACTS_MAX][FACT_BYTES], size_t count, double share, size_t width,
                   char ret_line[ORI_PROGRESS_BYTES])
{
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
    if (share >= 0 && shown == count && width >= used + 2 + BAR_WIDTH_MIN) {
        size_t room = width - used - 2;
        add_bar(share, room < BAR_WIDTH_MAX ? room : BAR_WIDTH_MAX, ret_line);
    }
    for (size_t i = 0; i < shown; i++) {
        size_t at = strlen(ret_line);
        snprintf(ret_line + at, ORI_PROGRESS_BYTES - at, "%s%s", i > 0 ? "  " : "", facts[i]);
    }
}

void ori_progress_render(const struct ori_progress *progress, size_t width,
                         char ret_line[ORI_PROGRESS_BYTES])
{
    char facts[FACTS_MAX][FACT_BYTES];
    size_t count = make_facts(progress, facts);
    render(facts, count, ori_progress_share(progress), width, ret_line);
}

/* ---- what is submitted ---- */

static size_t add_left(double share, int64_t elapsed_us, char facts[FACTS_MAX][FACT_BYTES],
                       size_t count)
{
    char duration[ORI_DURATION_BYTES];
    if (elapsed_us < GUESS_AFTER_US || share < GUESS_AFTER_SHARE || share > 1)
        return count;
    ori_progress_duration((int64_t)((double)elapsed_us * (1 - share) / share), duration);
    snprintf(facts[count], FACT_BYTES, "%s left", duration);
    return count + 1;
}

void ori_progress_render_submit(const struct ori_progress_submit *submit, size_t width,
                                char ret_line[ORI_PROGRESS_BYTES])
{
    char facts[FACTS_MAX][FACT_BYTES];
    size_t count = 0;
    const bool is_waiting = submit->total > 0;
    const double share =
        is_waiting ? (double)submit->videos / (double)submit->total : submit->share;
    if (submit->trouble)
        snprintf(facts[count++], FACT_BYTES, "%s", submit->trouble);
    if (is_waiting)
        snprintf(facts[count++], FACT_BYTES, "%zu/%zu videos", submit->videos, submit->total);
    else
        snprintf(facts[count++], FACT_BYTES, "%zu posted", submit->videos);
    if (share >= 0)
        snprintf(facts[count++], FACT_BYTES, "%3d%%", (int)(100 * share));
    if (is_waiting)
        snprintf(facts[count++], FACT_BYTES, "%zu of %zu jobs", submit->jobs_ended, submit->jobs);
    else
        snprintf(facts[count++], FACT_BYTES, "%zu job%s", submit->jobs,
                 submit->jobs == 1 ? "" : "s");
    if (submit->failed > 0)
        snprintf(facts[count++], FACT_BYTES, "%zu failed", submit->failed);
    if (count < FACTS_MAX && !submit->trouble)
        count = add_left(share, submit->elapsed_us, facts, count);
    render(facts, count, share > 1 ? 1 : share, width, ret_line);
}

/* ---- what is loaded ---- */

void ori_progress_size(int64_t bytes, char ret_text[ORI_PROGRESS_SIZE_BYTES])
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t i = 0;
    if (bytes < 1000) {
        snprintf(ret_text, ORI_PROGRESS_SIZE_BYTES, "%d bytes", (int)bytes);
        return;
    }
    for (value /= 1000; value >= 999.5 && i + 1 < sizeof units / sizeof units[0]; i++)
        value /= 1000;
    snprintf(ret_text, ORI_PROGRESS_SIZE_BYTES, value < 9.95 ? "%.1f %s" : "%.0f %s", value,
             units[i]);
}

static double share_of_load(const struct ori_progress_load *load)
{
    double share = load->bytes_total > 0 ? (double)load->bytes / (double)load->bytes_total : 0;
    return share > 1 ? 1 : share < 0 ? 0 : share;
}

static size_t make_load_facts(const struct ori_progress_load *load,
                              char facts[FACTS_MAX][FACT_BYTES])
{
    size_t count = 0;
    char size[ORI_PROGRESS_SIZE_BYTES];
    char total[ORI_PROGRESS_SIZE_BYTES];
    snprintf(facts[count++], FACT_BYTES, "%s", load->file);
    snprintf(facts[count++], FACT_BYTES, "%3d%%", (int)(100 * share_of_load(load)));
    ori_progress_size(load->bytes, size);
    ori_progress_size(load->bytes_total, total);
    snprintf(facts[count++], FACT_BYTES, "%s of %s", size, total);
    if (load->elapsed_us < GUESS_AFTER_US || load->bytes_loaded <= 0)
        return count;
    double rate = (double)load->bytes_loaded / ((double)load->elapsed_us / 1e6);
    double left_us = ((double)load->bytes_total - (double)load->bytes) / rate * 1e6;
    ori_progress_size((int64_t)rate, size);
    snprintf(facts[count++], FACT_BYTES, "%s/s", size);
    if (left_us >= 0 && left_us < 3.6e14) {
        char duration[ORI_DURATION_BYTES];
        ori_progress_duration((int64_t)left_us, duration);
        snprintf(facts[count++], FACT_BYTES, "%s left", duration);
    }
    return count;
}

void ori_progress_render_load(const struct ori_progress_load *load, size_t width,
                              char ret_line[ORI_PROGRESS_BYTES])
{
    char facts[FACTS_MAX][FACT_BYTES];
    size_t count = make_load_facts(load, facts);
    render(facts, count, share_of_load(load), width, ret_line);
}
