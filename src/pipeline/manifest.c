#include "pipeline/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/utf8.h"

void ori_manifest_init(struct ori_manifest *ret_manifest)
{
    memset(ret_manifest, 0, sizeof *ret_manifest);
}

void ori_manifest_deinit(struct ori_manifest *manifest)
{
    if (!manifest)
        return;
    free(manifest->scenes);
    free(manifest->frames);
    free(manifest->warnings);
    ori_manifest_init(manifest);
}

/* Room for one more row; tables double, so that count alone tells their size: 16, 32, 64... */
static ori_status make_room(void **rows, size_t count, size_t row_bytes, size_t count_max,
                            const char *what, struct ori_error *err)
{
    if (count >= count_max)
        return ori_error_set(err, ORI_LIMIT, "a video of more than %zu %s", count_max, what);
    bool is_full = count == 0 || (count >= 16 && (count & (count - 1)) == 0);
    if (!is_full)
        return ORI_OK;
    void *more = realloc(*rows, (count ? 2 * count : 16) * row_bytes); /* count_max is small */
    if (!more)
        return ori_error_set(err, ORI_NOMEM, "table of %s", what);
    *rows = more;
    return ORI_OK;
}

ori_status ori_manifest_add_scene(struct ori_manifest *manifest,
                                  const struct ori_manifest_scene *scene, struct ori_error *err)
{
    void *rows = manifest->scenes;
    ori_status status = make_room(&rows, manifest->scenes_count, sizeof *scene,
                                  ORI_CHILD_SCENES_MAX, "scenes", err);
    if (status != ORI_OK)
        return status;
    manifest->scenes = rows;
    manifest->scenes[manifest->scenes_count++] = *scene;
    return ORI_OK;
}

ori_status ori_manifest_add_frame(struct ori_manifest *manifest,
                                  const struct ori_manifest_frame *frame, struct ori_error *err)
{
    void *rows = manifest->frames;
    ori_status status = make_room(&rows, manifest->frames_count, sizeof *frame,
                                  ORI_CHILD_FRAMES_MAX, "frames", err);
    if (status != ORI_OK)
        return status;
    manifest->frames = rows;
    manifest->frames[manifest->frames_count++] = *frame;
    return ORI_OK;
}

ori_status ori_manifest_add_warning(struct ori_manifest *manifest, const char *code,
                                    const char *text, struct ori_error *err)
{
    struct ori_manifest_warning warning = {0};
    void *rows = manifest->warnings;
    ori_status status = make_room(&rows, manifest->warnings_count, sizeof warning,
                                  2 * ORI_CHILD_WARNINGS_MAX, "warnings", err);
    if (status != ORI_OK)
        return status;
    manifest->warnings = rows;
    snprintf(warning.code, sizeof warning.code, "%s", code);
    snprintf(warning.text, sizeof warning.text, "%s", text);
    ori_utf8_clean(warning.code);
    ori_utf8_clean(warning.text); /* a character torn by the cut too */
    manifest->warnings[manifest->warnings_count++] = warning;
    return ORI_OK;
}

bool ori_manifest_has_file(const struct ori_manifest *manifest, const char *file)
{
    if (manifest->has_clip && strcmp(manifest->clip.file, file) == 0)
        return true;
    /* Frame n stands in row n - 1: the name itself says where to look. */
    char *end = NULL;
    unsigned long n = strtoul(file, &end, 10);
    if (end == file || n < 1 || n > manifest->frames_count)
        return false;
    return strcmp(manifest->frames[n - 1].file, file) == 0;
}

void ori_manifest_frame_key(const struct ori_manifest *manifest,
                            const struct ori_manifest_frame *frame,
                            char ret_key[ORI_OBJECT_KEY_BYTES])
{
    ori_frame_name_key(manifest->platform, manifest->code, frame->file, ret_key);
}

void ori_manifest_frame_id(const struct ori_manifest *manifest,
                           const struct ori_manifest_frame *frame, char ret_id[ORI_UUID_TEXT_BYTES])
{
    char key[ORI_OBJECT_KEY_BYTES];
    ori_manifest_frame_key(manifest, frame, key);
    ori_uuid_of_key(key, ret_id);
}
