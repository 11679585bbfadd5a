/* A manifest that anybody may have written. What is taken is written again, and that is taken and
 * written to the same bytes. */
#include <jansson.h>
#include <math.h>

#include "fuzz_input.h"
#include "pipeline/manifest.h"
#include "util/limits.h"

/* What a store would ask for: the names that the manifest itself says, where they are legal. */
static void read_names(const char *text, size_t bytes, char platform[ORI_CODE_BYTES],
                       char code[ORI_CODE_BYTES])
{
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);
    const char *own_platform = json_string_value(json_object_get(root, "platform"));
    const char *own_code = json_string_value(json_object_get(root, "code"));
    const bool is_legal =
        own_platform && own_code && ori_text_is_code(own_platform) && ori_text_is_code(own_code);
    memcpy(platform, "p", 2);
    memcpy(code, "c", 2);
    if (is_legal) {
        memcpy(platform, own_platform, strlen(own_platform) + 1);
        memcpy(code, own_code, strlen(own_code) + 1);
    }
    json_decref(root);
}

static void check_frame(const struct ori_manifest *manifest, size_t i)
{
    const struct ori_manifest_frame *frame = &manifest->frames[i];
    char key[ORI_OBJECT_KEY_BYTES];
    char id[ORI_UUID_TEXT_BYTES];
    MUST(frame->n == i + 1 && frame->scene >= 1 && frame->scene <= manifest->scenes_count);
    MUST(isfinite(frame->second) && frame->second >= 0 && frame->bytes >= 0);
    MUST(frame->width > 0 && frame->height > 0 && frame->width <= ORI_CHILD_SIDE_MAX &&
         frame->height <= ORI_CHILD_SIDE_MAX);
    MUST(ori_frame_name_is_frame(frame->file) && !strchr(frame->file, '/'));
    MUST(ori_manifest_has_file(manifest, frame->file));
    ori_manifest_frame_key(manifest, frame, key);
    ori_manifest_frame_id(manifest, frame, id);
    MUST(ori_uuid_is(id));
}

static void check_taken(const struct ori_manifest *manifest)
{
    MUST(manifest->scenes_count <= ORI_CHILD_SCENES_MAX);
    MUST(manifest->frames_count <= ORI_CHILD_FRAMES_MAX && manifest->dim >= 1);
    for (size_t i = 0; i < manifest->scenes_count; i++)
        MUST(manifest->scenes[i].duplicate_of <= i);
    for (size_t i = 0; i < manifest->frames_count; i++)
        check_frame(manifest, i);
}

/* Two times: what one rounds the next leaves alone. */
static void check_round(const struct ori_manifest *manifest)
{
    struct ori_manifest again;
    char *text[2] = {NULL, NULL};
    size_t bytes[2] = {0, 0};
    ori_manifest_init(&again);
    MUST(ori_manifest_render(manifest, &text[0], &bytes[0], NULL) == ORI_OK);
    MUST(ori_manifest_parse(text[0], bytes[0], manifest->platform, manifest->code, &again, NULL) ==
         ORI_OK);
    MUST(ori_manifest_render(&again, &text[1], &bytes[1], NULL) == ORI_OK);
    MUST(bytes[0] == bytes[1] && memcmp(text[0], text[1], bytes[0]) == 0);
    ori_manifest_deinit(&again);
    free(text[0]);
    free(text[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct ori_manifest manifest;
    struct ori_error err = {0};
    char platform[ORI_CODE_BYTES];
    char code[ORI_CODE_BYTES];
    char *text = fuzz_text(data, bytes);
    read_names(text, bytes, platform, code);
    ori_manifest_init(&manifest);
    const ori_status status = ori_manifest_parse(text, bytes, platform, code, &manifest, &err);
    if (status == ORI_OK) {
        check_taken(&manifest);
        check_round(&manifest);
    } else {
        MUST(err.status == status && err.text[0] != '\0');
        MUST(!manifest.frames && !manifest.scenes && !manifest.warnings);
    }
    ori_manifest_deinit(&manifest);
    free(text);
    return 0;
}
