#include "cli/run_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/progress.h"
#include "pipeline/manifest_json.h"
#include "util/utf8.h"

static json_t *error_json(const struct ori_item_result *result)
{
    const struct ori_error *error = &result->error;
    char text[ORI_ERROR_TEXT_MAX];
    if (result->status == ORI_OK)
        return json_null();
    snprintf(text, sizeof text, "%s", error->text);
    ori_utf8_clean(text);
    return json_pack("{s:s, s:s, s:s, s:b, s:i}", "code", ori_status_code(result->status),
                     "message", text, "stage", error->stage ? error->stage : "open", "retryable",
                     (int)ori_status_is_retryable(result->status), "attempts", result->attempts);
}

/* Whole milliseconds, so that sums read well. */
static double rounded(double seconds)
{
    return ori_json_seconds((int64_t)(seconds * 1e6));
}

static json_t *timings_json(const struct ori_item_result *result)
{
    const struct ori_item_timings *t = &result->timings;
    if (result->is_skipped)
        return json_pack("{s:f}", "total", rounded(t->total));
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "open",
                     rounded(t->open), "extract", rounded(t->extract), "decode", rounded(t->decode),
                     "vision", rounded(t->vision), "still", rounded(t->still), "wait",
                     rounded(t->wait), "embed", rounded(t->embed), "objects", rounded(t->objects),
                     "clip", rounded(t->clip), "vectors", rounded(t->vectors), "total",
                     rounded(t->total));
}

static json_t *warnings_json(const struct ori_item_result *result)
{
    json_t *warnings = json_array();
    bool is_well = warnings != NULL;
    for (size_t i = 0; is_well && i < result->manifest.warnings_count; i++)
        is_well =
            json_array_append_new(warnings, json_string(result->manifest.warnings[i].code)) == 0;
    if (is_well && result->had_broken_manifest)
        is_well = json_array_append_new(warnings, json_string("manifest_broken")) == 0;
    if (is_well)
        return warnings;
    json_decref(warnings);
    return NULL;
}

static const char *status_word(const struct ori_item_result *result)
{
    if (result->status == ORI_OK)
        return "success";
    return result->status == ORI_CANCELLED ? "stopped" : "failed";
}

char *ori_run_report_json(const struct ori_item_result *result, const char *shown,
                          size_t *ret_bytes)
{
    const struct ori_manifest *manifest = &result->manifest;
    bool is_well = result->status == ORI_OK;
    char *source = strdup(shown);
    if (!source)
        return NULL;
    ori_utf8_clean(source);
    json_t *line = json_pack(
        "{s:s, s:s, s:s, s:b, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "platform",
        manifest->platform, "code", manifest->code, "status", status_word(result), "skipped",
        (int)result->is_skipped, "error", error_json(result), "source", source, "duration",
        is_well ? json_real(ori_json_seconds(manifest->duration_us)) : json_null(), "width",
        is_well ? json_integer(manifest->width) : json_null(), "height",
        is_well ? json_integer(manifest->height) : json_null(), "crop",
        ori_json_crop(manifest->has_crop, &manifest->crop), "clip", ori_json_clip(manifest),
        "scenes", ori_json_scenes(manifest), "frames", ori_json_frames(manifest, false), "timings",
        timings_json(result), "warnings", warnings_json(result));
    free(source);
    if (line && result->report_path &&
        json_object_set_new(line, "report", json_string(result->report_path)) != 0) {
        json_decref(line);
        line = NULL;
    }
    char *text = line ? json_dumps(line, ORI_JSON_FLAGS) : NULL;
    json_decref(line);
    if (!text)
        return NULL;
    size_t bytes = strlen(text);
    char *with_newline = realloc(text, bytes + 2);
    if (!with_newline) {
        free(text);
        return NULL;
    }
    with_newline[bytes] = '\n';
    with_newline[bytes + 1] = '\0';
    *ret_bytes = bytes + 1;
    return with_newline;
}

const struct ori_table_column ori_run_report_columns[ORI_RUN_REPORT_COLUMNS] = {
    {.title = "VIDEO"},
    {.title = "LENGTH", .is_number = true},
    {.title = "SCENES", .is_number = true},
    {.title = "FRAMES", .is_number = true},
    {.title = "CROP"},
    {.title = "RESULT"},
};

static void describe_end(const struct ori_item_result *result, char *ret_text, size_t bytes)
{
    if (result->status != ORI_OK)
        snprintf(ret_text, bytes, "%s: %s", status_word(result), ori_status_code(result->status));
    else if (result->is_skipped)
        snprintf(ret_text, bytes, "unchanged");
    else
        snprintf(ret_text, bytes, "done in %.1f s", result->timings.total);
    size_t used = strlen(ret_text);
    if (result->status == ORI_OK && result->manifest.warnings_count > 0)
        snprintf(ret_text + used, bytes - used, " (%s)", result->manifest.warnings[0].code);
}

void ori_run_report_row(const struct ori_item_result *result, const char *shown,
                        struct ori_table *table)
{
    const struct ori_manifest *manifest = &result->manifest;
    char length[ORI_DURATION_BYTES] = "-";
    char scenes[24] = "-";
    char frames[24] = "-";
    char crop[64] = "-";
    char end[96];
    if (result->status == ORI_OK) {
        ori_progress_duration(manifest->duration_us, length);
        snprintf(scenes, sizeof scenes, "%zu", manifest->scenes_count);
        snprintf(frames, sizeof frames, "%zu", manifest->frames_count);
        if (manifest->has_crop)
            snprintf(crop, sizeof crop, "%dx%d+%d+%d", manifest->crop.w, manifest->crop.h,
                     manifest->crop.x, manifest->crop.y);
    }
    describe_end(result, end, sizeof end);
    const char *const cells[ORI_RUN_REPORT_COLUMNS] = {shown, length, scenes, frames, crop, end};
    ori_table_add(table, cells);
}
