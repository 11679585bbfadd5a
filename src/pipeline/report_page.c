/* The page from top to bottom. One card a frame, one card a scene without one, in order of time. */
#include <stdio.h>
#include <string.h>

#include "pipeline/report_priv.h"

static const struct report_shot *find_shot(const struct ori_report *report,
                                           enum ori_child_shot kind, uint32_t n)
{
    for (size_t i = 0; i < report->shots_count; i++) {
        if (report->shots[i].kind == kind && report->shots[i].n == n)
            return &report->shots[i];
    }
    return NULL;
}

static size_t count_shots(const struct ori_report *report, enum ori_child_shot kind)
{
    size_t count = 0;
    for (size_t i = 0; i < report->shots_count; i++)
        count += report->shots[i].kind == kind;
    return count;
}

static void add_picture(struct ori_buf *page, const struct report_shot *shot, const char *what,
                        uint32_t number)
{
    if (!shot) {
        ori_buf_add_text(page, "<div class=\"blank\">no small picture</div>");
        return;
    }
    ori_buf_printf(page, "<img width=\"%d\" height=\"%d\" alt=\"%s %u\" src=\"", shot->width,
                   shot->height, what, number);
    report_add_jpeg(page, shot);
    ori_buf_add_text(page, "\">");
}

/* ---- what the video is and what became of it ---- */

static void add_fact(struct ori_buf *page, const char *name, const char *value, const char *more)
{
    ori_buf_printf(page, "<div><dt>%s</dt><dd>", name);
    report_add_text(page, value);
    if (more && more[0]) {
        ori_buf_add_text(page, " <small>");
        report_add_text(page, more);
        ori_buf_add_text(page, "</small>");
    }
    ori_buf_add_text(page, "</dd></div>\n");
}

static void add_size(struct ori_buf *page, int64_t bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    char text[40];
    double size = (double)bytes;
    size_t unit = 0;
    for (; size >= 1024 && unit < 4; unit++)
        size /= 1024;
    snprintf(text, sizeof text, unit ? "%.1f %s" : "%.0f %s", size, units[unit]);
    add_fact(page, "File", text, NULL);
}

static size_t count_repeats(const struct ori_manifest *manifest)
{
    size_t count = 0;
    for (size_t i = 0; i < manifest->scenes_count; i++)
        count += manifest->scenes[i].duplicate_of != 0;
    return count;
}

static void add_counts(struct ori_buf *page, const struct ori_report_facts *facts)
{
    const struct ori_manifest *manifest = facts->manifest;
    const size_t repeats = count_repeats(manifest);
    char text[96];
    char more[96];
    snprintf(text, sizeof text, "%zu", manifest->scenes_count);
    snprintf(more, sizeof more, "%s, from %g on", facts->settings->vp_scene_detector,
             facts->settings->vp_scene_thresh);
    add_fact(page, "Scenes", text, more);
    snprintf(text, sizeof text, "%zu", manifest->frames_count);
    snprintf(more, sizeof more, "of %lld decoded", (long long)facts->frames_decoded);
    add_fact(page, "Frames kept", text, more);
    snprintf(text, sizeof text, "%zu", repeats);
    add_fact(page, "Scenes that repeat one", text, NULL);
    snprintf(text, sizeof text, "none");
    for (size_t i = 0; i < manifest->scenes_count; i++) {
        if (manifest->scenes[i].has_crop)
            snprintf(text, sizeof text, "differs by scene");
    }
    if (manifest->has_crop)
        snprintf(text, sizeof text, "%d × %d", manifest->crop.w, manifest->crop.h);
    snprintf(more, sizeof more, "at %d, %d", manifest->crop.x, manifest->crop.y);
    add_fact(page, "Crop", text, manifest->has_crop ? more : NULL);
}

static void add_facts(struct ori_buf *page, const struct ori_report_facts *facts)
{
    const struct ori_manifest *manifest = facts->manifest;
    const struct ori_msg_info *info = facts->info;
    char text[96];
    char more[96];
    ori_buf_add_text(page, "<dl class=\"facts\">\n");
    report_time(manifest->duration_us, text);
    add_fact(page, "Duration", text, NULL);
    snprintf(text, sizeof text, "%d × %d", manifest->width, manifest->height);
    snprintf(more, sizeof more, "%.4g a second", info->frame_rate);
    add_fact(page, "Picture", text, info->frame_rate > 0 ? more : NULL);
    snprintf(text, sizeof text, "%s", info->codec);
    snprintf(more, sizeof more, "in %s", info->container);
    add_fact(page, "Codec", text, more);
    add_size(page, manifest->source.bytes);
    add_counts(page, facts);
    snprintf(text, sizeof text, "%.1f s", facts->seconds);
    snprintf(more, sizeof more, "%.3g × real time",
             facts->seconds > 0 ? (double)manifest->duration_us / 1e6 / facts->seconds : 0);
    add_fact(page, "Time taken", text, more);
    add_fact(page, "Model", manifest->model, NULL);
    ori_buf_add_text(page, "</dl>\n");
}

static void add_warnings(struct ori_buf *page, const struct ori_manifest *manifest)
{
    for (size_t i = 0; i < manifest->warnings_count; i++) {
        ori_buf_add_text(page, "<p class=\"warning\"><b>");
        report_add_text(page, manifest->warnings[i].code);
        ori_buf_add_text(page, "</b> ");
        report_add_text(page, manifest->warnings[i].text);
        ori_buf_add_text(page, "</p>\n");
    }
}

/* ---- the contact sheet ---- */

static void add_frame(struct ori_buf *page, const struct ori_report *report,
                      const struct ori_manifest_frame *frame)
{
    char time[REPORT_TIME_BYTES];
    const struct report_shot *shot = find_shot(report, ORI_SHOT_KEPT, frame->n);
    report_time(shot ? shot->pts_us : (int64_t)(frame->second * 1e6), time);
    ori_buf_printf(page, "<article class=\"frame\" id=\"frame-%u\">", frame->n);
    add_picture(page, shot, "frame", frame->n);
    ori_buf_printf(page,
                   "<p><b>%s</b><span class=\"quiet\">frame %u, %d × %d</span></p></article>\n",
                   time, frame->n, frame->width, frame->height);
}

static void add_scene(struct ori_buf *page, const struct ori_manifest_scene *scene, size_t number,
                      size_t frames)
{
    char begin[REPORT_TIME_BYTES];
    char end[REPORT_TIME_BYTES];
    report_time(scene->start_us, begin);
    report_time(scene->end_us, end);
    ori_buf_printf(page,
                   "<section class=\"scene\" id=\"scene-%zu\"><h3>Scene %zu<span>%s – %s"
                   "</span><span>%.1f s</span></h3>\n",
                   number, number, begin, end, (double)(scene->end_us - scene->start_us) / 1e6);
    if (scene->duplicate_of)
        ori_buf_printf(page,
                       "<p class=\"note repeat\">Shows what <a href=\"#scene-%u\">scene %u</a> "
                       "shows.</p>\n",
                       scene->duplicate_of, scene->duplicate_of);
    else if (frames == 0)
        ori_buf_add_text(page,
                         "<p class=\"note\">Nothing to keep: blank, or all in transition.</p>\n");
}

/* Scenes in order, each with its frames: both tables are in order of time. */
static void add_sheet(struct ori_buf *page, const struct ori_report *report,
                      const struct ori_manifest *manifest)
{
    size_t frame = 0;
    ori_buf_add_text(page, "<div class=\"sheet\">\n");
    for (size_t i = 0; i < manifest->scenes_count && i < ORI_LIMIT_MAX_REPORT_SCENES; i++) {
        size_t end = frame;
        while (end < manifest->frames_count && manifest->frames[end].scene == i + 1)
            end++;
        add_scene(page, &manifest->scenes[i], i + 1, end - frame);
        ori_buf_add_text(page, "<div class=\"frames\">\n");
        for (; frame < end; frame++) {
            if (frame < ORI_LIMIT_MAX_CHILD_SHOTS_KEPT)
                add_frame(page, report, &manifest->frames[frame]);
        }
        ori_buf_add_text(page, "</div></section>\n");
    }
    ori_buf_add_text(page, "</div>\n");
    if (manifest->frames_count > ORI_LIMIT_MAX_CHILD_SHOTS_KEPT)
        ori_buf_printf(page, "<p class=\"note\">The first %d of %zu frames are shown.</p>\n",
                       ORI_LIMIT_MAX_CHILD_SHOTS_KEPT, manifest->frames_count);
    if (manifest->scenes_count > ORI_LIMIT_MAX_REPORT_SCENES)
        ori_buf_printf(page, "<p class=\"note\">The first %d of %zu scenes are listed.</p>\n",
                       ORI_LIMIT_MAX_REPORT_SCENES, manifest->scenes_count);
}

/* ---- what was dropped ---- */

static void add_pair(struct ori_buf *page, const struct ori_report *report,
                     const struct report_shot *dropped, const struct ori_settings *settings)
{
    const struct report_shot *kept = find_shot(report, ORI_SHOT_KEPT, dropped->n);
    char time[REPORT_TIME_BYTES];
    char time_kept[REPORT_TIME_BYTES] = "";
    report_time(dropped->pts_us, time);
    if (kept)
        report_time(kept->pts_us, time_kept);
    ori_buf_add_text(page, "<article class=\"pair\"><div>");
    add_picture(page, dropped, "dropped, of scene", dropped->scene);
    ori_buf_printf(page, "<p><b>%s</b><span>scene %u, dropped</span></p></div><div>", time,
                   dropped->scene);
    add_picture(page, kept, "kept frame", dropped->n);
    ori_buf_printf(page,
                   "<p><b>%s</b><span><a href=\"#frame-%u\">frame %u</a>, kept</span></p></div>"
                   "<p class=\"distance\">%u of %d bits of their hashes differ</p></article>\n",
                   time_kept, dropped->n, dropped->n, dropped->distance,
                   (int)(settings->vp_dhash_size * settings->vp_dhash_size));
}

static void add_dropped(struct ori_buf *page, const struct ori_report *report,
                        const struct ori_report_facts *facts)
{
    const size_t count = count_shots(report, ORI_SHOT_DROPPED);
    if (!facts->settings->vp_enable_dedup || count == 0) {
        ori_buf_printf(page, "<p class=\"note\">%s</p>\n",
                       facts->settings->vp_enable_dedup ? "No frame was dropped as a duplicate."
                                                        : "VP_ENABLE_DEDUP=0: nothing is dropped.");
        return;
    }
    ori_buf_add_text(page, "<div class=\"pairs\">\n");
    for (size_t i = 0; i < report->shots_count; i++) {
        if (report->shots[i].kind == ORI_SHOT_DROPPED)
            add_pair(page, report, &report->shots[i], facts->settings);
    }
    ori_buf_add_text(page, "</div>\n");
    if (count == ORI_LIMIT_MAX_CHILD_SHOTS_DROPPED)
        ori_buf_printf(page, "<p class=\"note\">The first %d are shown.</p>\n",
                       ORI_LIMIT_MAX_CHILD_SHOTS_DROPPED);
}

static void add_settings(struct ori_buf *page, const struct ori_settings *settings)
{
    ori_buf_add_text(page, "<dl class=\"settings\">\n");
#define WHOLE(name, value)                                                                         \
    ori_buf_printf(page, "<div><dt>" name "</dt><dd>%lld</dd></div>\n", (long long)(value))
#define REAL(name, value) ori_buf_printf(page, "<div><dt>" name "</dt><dd>%g</dd></div>\n", (value))
#define WORD(name, value) ori_buf_printf(page, "<div><dt>" name "</dt><dd>%s</dd></div>\n", (value))
    WORD("VP_SCENE_DETECTOR", settings->vp_scene_detector);
    REAL("VP_SCENE_THRESH", settings->vp_scene_thresh);
    WORD("VP_SPEED", settings->vp_speed);
    REAL("VP_DOWNSCALE", settings->vp_downscale);
    WHOLE("VP_MIN_FRAMES", settings->vp_min_frames);
    REAL("VP_SAMPLE_FPS", settings->vp_sample_fps);
    REAL("VP_SOLID_STD", settings->vp_solid_std);
    WHOLE("VP_ENABLE_CROP", settings->vp_enable_crop);
    WHOLE("VP_CROP_SAFE_MARGIN", settings->vp_crop_safe_margin);
    REAL("VP_MIN_CROP_RATIO", settings->vp_min_crop_ratio);
    WHOLE("VP_CROP_OVER_TEXT", settings->vp_crop_over_text);
    WHOLE("VP_ENABLE_DEDUP", settings->vp_enable_dedup);
    WHOLE("VP_DEDUP_DISTANCE", settings->vp_dedup_distance);
    WHOLE("VP_DHASH_SIZE", settings->vp_dhash_size);
    WORD("VP_FRAME_FORMAT", settings->vp_frame_format);
#undef WHOLE
#undef REAL
#undef WORD
    ori_buf_add_text(page, "</dl>\n");
}

static void add_head(struct ori_buf *page, const struct ori_manifest *manifest)
{
    ori_buf_add_text(
        page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
              "img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
              "<meta name=\"referrer\" content=\"no-referrer\">\n"
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
              "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    report_add_text(page, manifest->source_name);
    ori_buf_add_text(page, " – scenes and frames</title>\n<style>\n");
    ori_buf_add_text(page, report_style);
    ori_buf_add_text(page, "</style>\n</head>\n<body>\n<header><h1><bdi>");
    report_add_text(page, manifest->source_name);
    ori_buf_add_text(page, "</bdi></h1>\n<p>");
    report_add_text(page, manifest->platform);
    ori_buf_add_text(page, " / ");
    report_add_text(page, manifest->code);
    ori_buf_add_text(page, "<br>");
    report_add_text(page, manifest->created_at);
    ori_buf_add_text(page, ", oriane " ORI_VERSION "</p></header>\n<main>\n");
}

void report_add_page(struct ori_buf *page, const struct ori_report *report,
                     const struct ori_report_facts *facts)
{
    add_head(page, facts->manifest);
    add_facts(page, facts);
    add_warnings(page, facts->manifest);
    ori_buf_add_text(page, "<h2>Scores</h2>\n");
    report_add_curve(page, report, facts);
    ori_buf_printf(page,
                   "<p class=\"legend\"><span class=\"key score\"></span>score of each frame "
                   "<span class=\"key cut\"></span>a scene begins "
                   "<span class=\"key threshold\"></span>threshold%s</p>\n",
                   strcmp(facts->settings->vp_scene_detector, "auto") == 0
                       ? ", which decides cuts; fades and dissolves are found without it"
                       : "");
    ori_buf_add_text(page, "<h2>Frames</h2>\n");
    add_sheet(page, report, facts->manifest);
    ori_buf_add_text(page, "<h2>Borders</h2>\n");
    report_add_crops(page, report, facts);
    ori_buf_add_text(page, "<h2>Dropped duplicates</h2>\n");
    add_dropped(page, report, facts);
    ori_buf_add_text(page, "<h2>Settings</h2>\n");
    add_settings(page, facts->settings);
    ori_buf_add_text(page, "</main>\n</body>\n</html>\n");
}
