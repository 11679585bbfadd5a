#include "pipeline/manifest_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"

#define MANIFEST_VERSION 1

double ori_json_seconds(int64_t us)
{
    int64_t ms = us / 1000 + (us % 1000 >= 500);
    return (double)ms / 1000.0;
}

json_t *ori_json_crop(bool has_crop, const struct ori_box *crop)
{
    if (!has_crop)
        return json_null();
    return json_pack("{s:i, s:i, s:i, s:i}", "x", crop->x, "y", crop->y, "w", crop->w, "h",
                     crop->h);
}

json_t *ori_json_clip(const struct ori_manifest *manifest)
{
    const struct ori_manifest_clip *clip = &manifest->clip;
    char key[ORI_OBJECT_KEY_BYTES];
    if (!manifest->has_clip)
        return json_null();
    ori_frame_name_key(manifest->platform, manifest->code, clip->file, key);
    return json_pack("{s:s, s:I, s:i, s:i, s:s, s:b}", "path", key, "bytes",
                     (json_int_t)clip->bytes, "width", clip->width, "height", clip->height,
                     "encoder", clip->encoder, "audio", (int)clip->has_audio);
}

static json_t *scene_json(const struct ori_manifest_scene *scene)
{
    json_t *json = json_pack("{s:f, s:f}", "start", ori_json_seconds(scene->start_us), "end",
                             ori_json_seconds(scene->end_us));
    bool is_well = json != NULL;
    if (is_well && scene->has_crop)
        is_well = json_object_set_new(json, "crop", ori_json_crop(true, &scene->crop)) == 0;
    if (is_well && scene->duplicate_of)
        is_well = json_object_set_new(json, "duplicate_of", json_integer(scene->duplicate_of)) == 0;
    if (!is_well) {
        json_decref(json);
        json = NULL;
    }
    return json;
}

static json_t *frame_json(const struct ori_manifest *manifest,
                          const struct ori_manifest_frame *frame, bool has_file)
{
    char key[ORI_OBJECT_KEY_BYTES];
    char id[ORI_UUID_TEXT_BYTES];
    char dhash[17];
    ori_manifest_frame_key(manifest, frame, key);
    ori_uuid_of_key(key, id);
    snprintf(dhash, sizeof dhash, "%016" PRIx64, frame->dhash);
    json_t *json =
        json_pack("{s:I, s:f, s:s, s:i, s:i, s:I, s:s, s:s}", "n", (json_int_t)frame->n, "second",
                  frame->second, "path", key, "width", (int)frame->width, "height",
                  (int)frame->height, "scene", (json_int_t)frame->scene, "dhash", dhash, "id", id);
    bool is_well = json != NULL;
    if (is_well && has_file)
        is_well = json_object_set_new(json, "file", json_string(frame->file)) == 0;
    if (is_well && has_file && frame->bytes)
        is_well = json_object_set_new(json, "bytes", json_integer(frame->bytes)) == 0;
    if (!is_well) {
        json_decref(json);
        json = NULL;
    }
    return json;
}

static json_t *warning_json(const struct ori_manifest_warning *warning)
{
    return json_pack("{s:s, s:s}", "code", warning->code, "text", warning->text);
}

/* Adds value, which may be NULL, to the array; the array goes when that fails. */
static json_t *append(json_t *array, json_t *value)
{
    if (!array || json_array_append_new(array, value) != 0) {
        json_decref(array);
        return NULL;
    }
    return array;
}

json_t *ori_json_scenes(const struct ori_manifest *manifest)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < manifest->scenes_count; i++)
        array = append(array, scene_json(&manifest->scenes[i]));
    return array;
}

json_t *ori_json_frames(const struct ori_manifest *manifest, bool has_file)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < manifest->frames_count; i++)
        array = append(array, frame_json(manifest, &manifest->frames[i], has_file));
    return array;
}

static json_t *warnings_json(const struct ori_manifest *manifest)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < manifest->warnings_count; i++)
        array = append(array, warning_json(&manifest->warnings[i]));
    return array;
}

ori_status ori_manifest_render(const struct ori_manifest *manifest, char **ret_data,
                               size_t *ret_bytes, struct ori_error *err)
{
    const struct ori_source_identity *source = &manifest->source;
    json_t *root = json_pack(
        "{s:i, s:b, s:s, s:s, s:{s:s, s:I, s:I, s:s}, s:s*, s:s, s:s, s:i, s:f, s:i, s:i, s:o, "
        "s:o*, s:o, s:o, s:o, s:s}",
        "version", MANIFEST_VERSION, "complete", (int)manifest->is_complete, "platform",
        manifest->platform, "code", manifest->code, "source", "name", manifest->source_name,
        "bytes", (json_int_t)source->bytes, "mtime_ns", (json_int_t)source->mtime_ns, "sha256",
        source->digest, "settings", manifest->settings[0] ? manifest->settings : NULL,
        "fingerprint", manifest->fingerprint, "model", manifest->model, "dim", manifest->dim,
        "duration", ori_json_seconds(manifest->duration_us), "width", manifest->width, "height",
        manifest->height, "crop", ori_json_crop(manifest->has_crop, &manifest->crop), "clip",
        manifest->has_clip ? ori_json_clip(manifest) : NULL, "scenes", ori_json_scenes(manifest),
        "frames", ori_json_frames(manifest, true), "warnings", warnings_json(manifest),
        "created_at", manifest->created_at);
    if (root && manifest->has_clip && !json_object_get(root, "clip")) {
        json_decref(root); /* left out: no memory for it */
        root = NULL;
    }
    char *data = root ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(root);
    if (!data)
        return ori_error_set(err, ORI_NOMEM, "manifest");
    *ret_bytes = strlen(data);
    *ret_data = data;
    return ORI_OK;
}

/* Reads fields one after another; the first that is wrong is remembered, later ones do nothing. */
struct reader {
    ori_status status; /* ORI_OK, ORI_STORE, or what a table said */
    char at[96];       /* where: "frames[3]" */
    struct ori_error *err;
};

static void refuse(struct reader *reader, const char *field, const char *why)
{
    if (reader->status == ORI_OK)
        (void)ori_error_set(reader->err, ORI_STORE, "%s: %s%s%s %s", ORI_MANIFEST_FILE, reader->at,
                            reader->at[0] ? "." : "", field, why);
    if (reader->status == ORI_OK)
        reader->status = ORI_STORE;
}

static int64_t read_int(struct reader *reader, json_t *object, const char *field, int64_t min,
                        int64_t max)
{
    json_t *value = json_object_get(object, field);
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max) {
        refuse(reader, field, "is not a whole number in range");
        return min;
    }
    return json_integer_value(value);
}

/* Seconds to microseconds. */
static int64_t read_time(struct reader *reader, json_t *object, const char *field)
{
    json_t *value = json_object_get(object, field);
    double seconds = json_number_value(value);
    if (!json_is_number(value) || !(seconds >= 0) ||
        seconds > (double)ORI_CHILD_TIME_MAX_US / 1e6) {
        refuse(reader, field, "is not a time");
        return 0;
    }
    return llround(seconds * 1e6);
}

static void read_text(struct reader *reader, json_t *object, const char *field, char *ret_text,
                      size_t bytes_max)
{
    json_t *value = json_object_get(object, field);
    if (!json_is_string(value) || json_string_length(value) >= bytes_max ||
        strlen(json_string_value(value)) != json_string_length(value)) {
        refuse(reader, field, "is not a text in range");
        return;
    }
    memcpy(ret_text, json_string_value(value), json_string_length(value) + 1);
}

static void read_same(struct reader *reader, json_t *object, const char *field, const char *wanted)
{
    json_t *value = json_object_get(object, field);
    if (!json_is_string(value) || strcmp(json_string_value(value), wanted) != 0)
        refuse(reader, field, "is not what it must be");
}

static void read_hex(struct reader *reader, json_t *object, const char *field, char *ret_text,
                     size_t digits)
{
    read_text(reader, object, field, ret_text, digits + 1);
    if (reader->status == ORI_OK && strspn(ret_text, "0123456789abcdef") != digits)
        refuse(reader, field, "is not made of hex digits");
}

/* False when it is null or not there. */
static bool read_crop(struct reader *reader, json_t *object, struct ori_box *ret_crop)
{
    json_t *value = json_object_get(object, "crop");
    if (!value || json_is_null(value))
        return false;
    ret_crop->x = (int)read_int(reader, value, "x", 0, ORI_CHILD_SIDE_MAX);
    ret_crop->y = (int)read_int(reader, value, "y", 0, ORI_CHILD_SIDE_MAX);
    ret_crop->w = (int)read_int(reader, value, "w", 1, ORI_CHILD_SIDE_MAX);
    ret_crop->h = (int)read_int(reader, value, "h", 1, ORI_CHILD_SIDE_MAX);
    return true;
}

/* Older manifests have none, nor those of runs that were not to make one. */
static void read_clip(struct reader *reader, json_t *root, struct ori_manifest *manifest)
{
    json_t *value = json_object_get(root, "clip");
    struct ori_manifest_clip *clip = &manifest->clip;
    char key[ORI_OBJECT_KEY_BYTES];
    if (!value)
        return;
    snprintf(reader->at, sizeof reader->at, "clip");
    clip->width = (int)read_int(reader, value, "width", 1, ORI_CHILD_SIDE_MAX);
    clip->height = (int)read_int(reader, value, "height", 1, ORI_CHILD_SIDE_MAX);
    clip->bytes = read_int(reader, value, "bytes", 1, INT64_MAX);
    read_text(reader, value, "encoder", clip->encoder, sizeof clip->encoder);
    if (!json_is_boolean(json_object_get(value, "audio")))
        refuse(reader, "audio", "is neither true nor false");
    clip->has_audio = json_is_true(json_object_get(value, "audio"));
    ori_frame_name_make_clip(clip->width, clip->height, clip->file);
    ori_frame_name_key(manifest->platform, manifest->code, clip->file, key);
    read_same(reader, value, "path", key);
    manifest->has_clip = true;
    reader->at[0] = '\0';
}

static void read_head(struct reader *reader, json_t *root, const char *platform, const char *code,
                      struct ori_manifest *manifest)
{
    (void)read_int(reader, root, "version", MANIFEST_VERSION, MANIFEST_VERSION);
    if (!json_is_boolean(json_object_get(root, "complete")))
        refuse(reader, "complete", "is neither true nor false");
    manifest->is_complete = json_is_true(json_object_get(root, "complete"));
    read_same(reader, root, "platform", platform);
    read_same(reader, root, "code", code);
    snprintf(manifest->platform, sizeof manifest->platform, "%s", platform);
    snprintf(manifest->code, sizeof manifest->code, "%s", code);

    json_t *source = json_object_get(root, "source");
    read_text(reader, source, "name", manifest->source_name, sizeof manifest->source_name);
    manifest->source.bytes = read_int(reader, source, "bytes", 0, INT64_MAX);
    manifest->source.mtime_ns = read_int(reader, source, "mtime_ns", INT64_MIN, INT64_MAX);
    read_hex(reader, source, "sha256", manifest->source.digest, ORI_DIGEST_BYTES - 1);
    if (json_object_get(root, "settings"))
        read_hex(reader, root, "settings", manifest->settings, ORI_DIGEST_BYTES - 1);
    read_hex(reader, root, "fingerprint", manifest->fingerprint, ORI_DIGEST_BYTES - 1);
    read_text(reader, root, "model", manifest->model, sizeof manifest->model);
    manifest->dim = (int)read_int(reader, root, "dim", 1, 1 << 16);
    manifest->duration_us = read_time(reader, root, "duration");
    manifest->width = (int)read_int(reader, root, "width", 0, ORI_CHILD_SIDE_MAX);
    manifest->height = (int)read_int(reader, root, "height", 0, ORI_CHILD_SIDE_MAX);
    manifest->has_crop = read_crop(reader, root, &manifest->crop);
    read_clip(reader, root, manifest);
    read_text(reader, root, "created_at", manifest->created_at, sizeof manifest->created_at);
}

static void read_scene(struct reader *reader, json_t *object, struct ori_manifest *manifest)
{
    struct ori_manifest_scene scene = {0};
    scene.start_us = read_time(reader, object, "start");
    scene.end_us = read_time(reader, object, "end");
    if (json_object_get(object, "duplicate_of"))
        scene.duplicate_of =
            (uint32_t)read_int(reader, object, "duplicate_of", 1, (int64_t)manifest->scenes_count);
    scene.has_crop = read_crop(reader, object, &scene.crop);
    if (reader->status == ORI_OK)
        reader->status = ori_manifest_add_scene(manifest, &scene, reader->err);
}

static void read_frame(struct reader *reader, json_t *object, struct ori_manifest *manifest)
{
    struct ori_manifest_frame frame = {0};
    char dhash[17] = "";
    int64_t n = (int64_t)manifest->frames_count + 1;
    frame.n = (uint32_t)read_int(reader, object, "n", n, n);
    frame.second = (double)read_time(reader, object, "second") / 1e6;
    frame.width = (int32_t)read_int(reader, object, "width", 1, ORI_CHILD_SIDE_MAX);
    frame.height = (int32_t)read_int(reader, object, "height", 1, ORI_CHILD_SIDE_MAX);
    frame.scene = (uint32_t)read_int(reader, object, "scene", 1, (int64_t)manifest->scenes_count);
    read_hex(reader, object, "dhash", dhash, 16);
    read_text(reader, object, "file", frame.file, sizeof frame.file);
    if (json_object_get(object, "bytes"))
        frame.bytes = read_int(reader, object, "bytes", 1, INT64_MAX);
    if (reader->status != ORI_OK)
        return;
    frame.dhash = strtoull(dhash, NULL, 16);

    char prefix[32];
    char key[ORI_OBJECT_KEY_BYTES];
    char id[ORI_UUID_TEXT_BYTES];
    snprintf(prefix, sizeof prefix, "%" PRIu32 "_%.2f.", frame.n, frame.second);
    if (!ori_frame_name_is_frame(frame.file) || strncmp(frame.file, prefix, strlen(prefix)) != 0) {
        refuse(reader, "file", "is not the name of this frame");
        return;
    }
    ori_manifest_frame_key(manifest, &frame, key);
    ori_uuid_of_key(key, id);
    read_same(reader, object, "path", key);
    read_same(reader, object, "id", id);
    if (reader->status == ORI_OK)
        reader->status = ori_manifest_add_frame(manifest, &frame, reader->err);
}

static void read_warning(struct reader *reader, json_t *object, struct ori_manifest *manifest)
{
    struct ori_manifest_warning warning = {0};
    read_text(reader, object, "code", warning.code, sizeof warning.code);
    read_text(reader, object, "text", warning.text, sizeof warning.text);
    if (reader->status == ORI_OK)
        reader->status =
            ori_manifest_add_warning(manifest, warning.code, warning.text, reader->err);
}

typedef void (*read_row_fn)(struct reader *reader, json_t *object, struct ori_manifest *manifest);

static void read_rows(struct reader *reader, json_t *root, const char *field, read_row_fn read_row,
                      struct ori_manifest *manifest)
{
    json_t *rows = json_object_get(root, field);
    if (!json_is_array(rows))
        refuse(reader, field, "is not a list");
    for (size_t i = 0; reader->status == ORI_OK && i < json_array_size(rows); i++) {
        snprintf(reader->at, sizeof reader->at, "%s[%zu]", field, i);
        read_row(reader, json_array_get(rows, i), manifest);
    }
    reader->at[0] = '\0';
}

ori_status ori_manifest_parse(const char *data, size_t bytes, const char *platform,
                              const char *code, struct ori_manifest *manifest,
                              struct ori_error *err)
{
    struct reader reader = {.err = err};
    json_error_t why;
    if (bytes > ORI_LIMIT_MAX_MANIFEST_BYTES)
        return ori_error_set(err, ORI_STORE, "%s: more than %d bytes", ORI_MANIFEST_FILE,
                             ORI_LIMIT_MAX_MANIFEST_BYTES);
    json_t *root = json_loadb(data, bytes, JSON_REJECT_DUPLICATES, &why);
    if (!root && json_error_code(&why) == json_error_out_of_memory)
        return ori_error_set(err, ORI_NOMEM, "%s", ORI_MANIFEST_FILE);
    if (!root)
        return ori_error_set(err, ORI_STORE, "%s: %s (line %d)", ORI_MANIFEST_FILE, why.text,
                             why.line);
    read_head(&reader, root, platform, code, manifest);
    read_rows(&reader, root, "scenes", read_scene, manifest);
    read_rows(&reader, root, "frames", read_frame, manifest);
    read_rows(&reader, root, "warnings", read_warning, manifest);
    json_decref(root);
    if (reader.status != ORI_OK)
        ori_manifest_deinit(manifest);
    return reader.status;
}
