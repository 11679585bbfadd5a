#include "pipeline/report.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/report_priv.h"
#include "util/base64.h"
#include "util/fs.h"

ori_status ori_report_create(struct ori_report **ret_report, struct ori_error *err)
{
    struct ori_report *report = calloc(1, sizeof *report);
    if (!report)
        return ori_error_set(err, ORI_NOMEM, "report page");
    report->frames_a_point = 1;
    *ret_report = report;
    return ORI_OK;
}

void ori_report_destroy(struct ori_report **report)
{
    struct ori_report *it = *report;
    if (!it)
        return;
    for (size_t i = 0; i < it->shots_count; i++)
        free(it->shots[i].jpeg);
    free(it->shots);
    free(it);
    *report = NULL;
}

/* Two neighbours become one, so that there is room for as many frames again. */
static void halve(struct ori_report *report)
{
    struct report_point *points = report->points;
    size_t count = report->points_count / 2;
    for (size_t i = 0; i < count; i++) {
        const struct report_point *a = &points[2 * i];
        const struct report_point *b = &points[2 * i + 1];
        points[i] = (struct report_point){a->pts_us, a->score > b->score ? a->score : b->score};
    }
    report->points_count = count;
    report->frames_a_point *= 2;
    report->frames_in_last = report->frames_a_point;
}

void ori_report_add_score(struct ori_report *report, const struct ori_msg_score *score)
{
    const float value = (float)score->score;
    if (report->points_count && report->frames_in_last < report->frames_a_point) {
        struct report_point *last = &report->points[report->points_count - 1];
        last->score = value > last->score ? value : last->score;
        report->frames_in_last++;
        return;
    }
    if (report->points_count == ORI_LIMIT_MAX_REPORT_POINTS)
        halve(report);
    report->points[report->points_count++] = (struct report_point){score->pts_us, value};
    report->frames_in_last = 1;
}

void ori_report_add_shot(struct ori_report *report, const struct ori_msg_shot *shot)
{
    if (report->status != ORI_OK)
        return;
    if (report->shots_count == report->shots_room) {
        size_t room = report->shots_room ? 2 * report->shots_room : 32;
        void *grown = reallocarray(report->shots, room, sizeof *report->shots);
        report->status = grown ? ORI_OK : ORI_NOMEM;
        if (!grown)
            return;
        report->shots = grown;
        report->shots_room = room;
    }
    uint8_t *jpeg = malloc(shot->bytes);
    report->status = jpeg ? ORI_OK : ORI_NOMEM;
    if (!jpeg)
        return;
    memcpy(jpeg, shot->jpeg, shot->bytes);
    report->shots[report->shots_count++] = (struct report_shot){.kind = shot->kind,
                                                                .n = shot->n,
                                                                .scene = shot->scene,
                                                                .pts_us = shot->pts_us,
                                                                .width = shot->width,
                                                                .height = shot->height,
                                                                .distance = shot->distance,
                                                                .bytes = shot->bytes,
                                                                .jpeg = jpeg};
}

void report_time(int64_t us, char ret_text[REPORT_TIME_BYTES])
{
    const int64_t hundredths = (us + 5000) / 10000;
    const int64_t seconds = hundredths / 100;
    if (seconds >= 3600)
        snprintf(ret_text, REPORT_TIME_BYTES, "%lld:%02d:%02d.%02d", (long long)(seconds / 3600),
                 (int)(seconds / 60 % 60), (int)(seconds % 60), (int)(hundredths % 100));
    else
        snprintf(ret_text, REPORT_TIME_BYTES, "%d:%02d.%02d", (int)(seconds / 60),
                 (int)(seconds % 60), (int)(hundredths % 100));
}

void report_add_text(struct ori_buf *page, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            ori_buf_add_text(page, "&amp;");
            break;
        case '<':
            ori_buf_add_text(page, "&lt;");
            break;
        case '>':
            ori_buf_add_text(page, "&gt;");
            break;
        case '"':
            ori_buf_add_text(page, "&quot;");
            break;
        case '\'':
            ori_buf_add_text(page, "&#39;");
            break;
        default:
            ori_buf_add(page, text, 1);
        }
    }
}

void report_add_jpeg(struct ori_buf *page, const struct report_shot *shot)
{
    ori_buf_add_text(page, "data:image/jpeg;base64,");
    ori_base64_add(page, shot->jpeg, shot->bytes);
}

ori_status ori_report_finish(const struct ori_report *report, const struct ori_report_facts *facts,
                             const char *path, struct ori_error *err)
{
    struct ori_buf page;
    if (report->status != ORI_OK)
        return ori_error_set(err, report->status, "pictures of the report");
    ori_buf_init(&page, ORI_LIMIT_MAX_REPORT_BYTES);
    report_add_page(&page, report, facts);
    ori_status status = ori_buf_finish(&page, "report page", err);
    if (status == ORI_OK)
        status = ori_fs_make_folder_of(path, err);
    if (status == ORI_OK)
        status = ori_fs_write_file(AT_FDCWD, path, page.data, page.used, err);
    ori_buf_deinit(&page);
    return status;
}
