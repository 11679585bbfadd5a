/* The two pictures that the page draws itself: scores over time, and boxes over frames. */
#include <string.h>

#include "pipeline/report_priv.h"

#define WIDTH 1200.0
#define HEIGHT 220.0
#define TOP_MIN 0.5 /* of the scale, so that a calm video does not look wild */
#define TICKS 5

static double x_of(int64_t us, int64_t duration_us)
{
    const double share = duration_us > 0 ? (double)us / (double)duration_us : 0;
    return WIDTH * (share < 0 ? 0 : share > 1 ? 1 : share);
}

static double top_of(const struct ori_report *report, double threshold)
{
    double top = threshold * 1.15 > TOP_MIN ? threshold * 1.15 : TOP_MIN;
    for (size_t i = 0; i < report->points_count; i++)
        top = (double)report->points[i].score > top ? (double)report->points[i].score : top;
    return top > 1 ? 1 : top;
}

static double y_of(double score, double top)
{
    return HEIGHT - (HEIGHT - 6) * (score < top ? score : top) / top;
}

static void add_scenes(struct ori_buf *page, const struct ori_manifest *manifest)
{
    char begin[REPORT_TIME_BYTES];
    char end[REPORT_TIME_BYTES];
    for (size_t i = 0; i < manifest->scenes_count && i < ORI_LIMIT_MAX_REPORT_SCENES; i++) {
        const struct ori_manifest_scene *scene = &manifest->scenes[i];
        const double from = x_of(scene->start_us, manifest->duration_us);
        const double to = x_of(scene->end_us, manifest->duration_us);
        report_time(scene->start_us, begin);
        report_time(scene->end_us, end);
        ori_buf_printf(page,
                       "<rect class=\"band%s\" x=\"%.2f\" y=\"0\" width=\"%.2f\" height=\"%.0f\">"
                       "<title>scene %zu: %s to %s</title></rect>\n",
                       i % 2 ? " odd" : "", from, to - from, HEIGHT, i + 1, begin, end);
        if (i > 0)
            ori_buf_printf(page,
                           "<line class=\"cut\" x1=\"%.2f\" y1=\"0\" x2=\"%.2f\" y2=\"%.0f\"/>\n",
                           from, from, HEIGHT);
    }
}

static void add_points(struct ori_buf *page, const struct ori_report *report, int64_t duration_us,
                       double top)
{
    double x = 0;
    ori_buf_printf(page, "<path class=\"score\" d=\"M0 %.0f", HEIGHT);
    for (size_t i = 0; i < report->points_count; i++) {
        const struct report_point *point = &report->points[i];
        x = x_of(point->pts_us, duration_us);
        ori_buf_printf(page, "L%.2f %.2f", x, y_of((double)point->score, top));
    }
    ori_buf_printf(page, "L%.2f %.0fZ\"/>\n", x, HEIGHT);
}

void report_add_curve(struct ori_buf *page, const struct ori_report *report,
                      const struct ori_report_facts *facts)
{
    const struct ori_manifest *manifest = facts->manifest;
    const double threshold = facts->settings->vp_scene_thresh;
    const double top = top_of(report, threshold);
    const double y = y_of(threshold, top);
    ori_buf_printf(
        page,
        "<div class=\"chart\"><svg viewBox=\"0 0 %.0f %.0f\" preserveAspectRatio=\"none\" "
        "role=\"img\" aria-label=\"score of each frame over time, with the threshold and "
        "where scenes begin\">\n",
        WIDTH, HEIGHT);
    add_scenes(page, manifest);
    add_points(page, report, manifest->duration_us, top);
    ori_buf_printf(
        page,
        "<line class=\"threshold\" x1=\"0\" y1=\"%.2f\" x2=\"%.0f\" y2=\"%.2f\"/></svg>\n"
        "<span class=\"level\" style=\"top:%.1f%%\">%g</span></div>\n"
        "<div class=\"ticks\">",
        y, WIDTH, y, 100 * y / HEIGHT, threshold);
    for (int i = 0; i < TICKS; i++) {
        char text[REPORT_TIME_BYTES];
        report_time(manifest->duration_us * i / (TICKS - 1), text);
        ori_buf_printf(page, "<span>%s</span>", text);
    }
    ori_buf_add_text(page, "</div>\n");
}

static const struct ori_box *box_of(const struct ori_manifest *manifest, size_t scene)
{
    const struct ori_manifest_scene *row = &manifest->scenes[scene];
    return row->has_crop ? &row->crop : &manifest->crop;
}

static bool is_same(const struct ori_box *a, const struct ori_box *b)
{
    return a->x == b->x && a->y == b->y && a->w == b->w && a->h == b->h;
}

/* One stretch of scenes in a row that have the same box. */
static size_t stretch_end(const struct ori_manifest *manifest, size_t first)
{
    size_t i = first + 1;
    while (i < manifest->scenes_count && is_same(box_of(manifest, first), box_of(manifest, i)))
        i++;
    return i;
}

static void add_stretches(struct ori_buf *page, const struct ori_manifest *manifest)
{
    size_t listed = 0;
    ori_buf_add_text(page, "<div class=\"boxes\">");
    for (size_t i = 0; i < manifest->scenes_count && listed < ORI_LIMIT_MAX_REPORT_SCENES;) {
        const size_t end = stretch_end(manifest, i);
        const struct ori_box *box = box_of(manifest, i);
        const int64_t from_us = manifest->scenes[i].start_us;
        const int64_t to_us = manifest->scenes[end - 1].end_us;
        char begin[REPORT_TIME_BYTES];
        char until[REPORT_TIME_BYTES];
        report_time(from_us, begin);
        report_time(to_us, until);
        const bool is_whole = box->w == manifest->width && box->h == manifest->height;
        ori_buf_printf(page,
                       "<div class=\"stretch%s\" style=\"flex-grow:%.4f\" data-box=\"%dx%d+%d+%d\" "
                       "title=\"%s to %s\"><b>%s</b> %s to %s</div>",
                       is_whole ? " whole" : "", (double)(to_us - from_us) / 1e6 + 0.001, box->w,
                       box->h, box->x, box->y, begin, until, is_whole ? "whole picture" : "cropped",
                       begin, until);
        listed++;
        i = end;
    }
    ori_buf_add_text(page, "</div>\n");
}

static void add_crop(struct ori_buf *page, const struct report_shot *shot,
                     const struct ori_manifest *manifest)
{
    const int w = manifest->width;
    const int h = manifest->height;
    const bool is_known = shot->scene <= manifest->scenes_count;
    const struct ori_box *box = is_known ? box_of(manifest, shot->scene - 1) : &manifest->crop;
    char time[REPORT_TIME_BYTES];
    report_time(shot->pts_us, time);
    ori_buf_printf(page,
                   "<figure class=\"crop\"><svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" "
                   "style=\"aspect-ratio:%d/%d\" role=\"img\" aria-label=\"box %dx%d at %d, %d\">"
                   "<image width=\"%d\" height=\"%d\" preserveAspectRatio=\"none\" href=\"",
                   w, h, shot->width, shot->height, box->w, box->h, box->x, box->y, w, h);
    report_add_jpeg(page, shot);
    ori_buf_printf(
        page,
        "\"/><path class=\"cutoff\" fill-rule=\"evenodd\" d=\"M0 0H%dV%dH0ZM%d %dh%dv%dh-%dz\"/>"
        "<rect class=\"box\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/></svg>"
        "<figcaption><b>%d × %d</b> at %d, %d <span>of %d × %d, scene %u, %s</span>"
        "</figcaption></figure>\n",
        w, h, box->x, box->y, box->w, box->h, box->w, box->x, box->y, box->w, box->h, box->w,
        box->h, box->x, box->y, w, h, shot->scene, time);
}

void report_add_crops(struct ori_buf *page, const struct ori_report *report,
                      const struct ori_report_facts *facts)
{
    const struct ori_manifest *manifest = facts->manifest;
    bool is_mixed = manifest->scenes_count && stretch_end(manifest, 0) < manifest->scenes_count;
    if (!manifest->has_crop && !is_mixed) {
        ori_buf_printf(page, "<p class=\"note\">%s</p>\n",
                       facts->settings->vp_enable_crop ? "No border was found: frames are whole."
                                                       : "VP_ENABLE_CROP=0: frames are whole.");
        return;
    }
    if (is_mixed)
        add_stretches(page, manifest);
    ori_buf_add_text(page, "<div class=\"crops\">\n");
    for (size_t i = 0; i < report->shots_count; i++) {
        if (report->shots[i].kind == ORI_SHOT_WHOLE)
            add_crop(page, &report->shots[i], manifest);
    }
    ori_buf_add_text(page, "</div>\n");
}
