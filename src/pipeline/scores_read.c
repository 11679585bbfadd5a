/* A file of scores, line by line, through the detector that it asks for. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>
#include <zlib.h>

#include "pipeline/scores.h"
#include "pipeline/scores_priv.h"
#include "pipeline/options.h"
#include "util/base64.h"
#include "util/utf8.h"
#include "vision/scenes.h"

#define LINES_A_LOOK 256 /* at the cancel token */

struct reader {
    FILE *file;
    const struct ori_settings *settings;
    bool is_classic;
    int64_t line;
    char text[ORI_LIMIT_MAX_SCORE_LINE_BYTES + 2]; /* newline and NUL */
    struct ori_scores_found *found;
    int64_t pts_us; /* of the last frame; -1 before the first */
    bool has_end;
    struct ori_scenes *detector;
    z_stream stream;
    bool has_stream;
    uint8_t packed[ORI_SCORES_PACKED_BYTES];
    uint8_t plain[ORI_SCORES_LOOK_BYTES];
    uint8_t before[ORI_SCORES_LOOK_BYTES]; /* sides and samples of the last look, whole */
    struct ori_thumb thumb;
};

static ori_status bad_line(const struct reader *reader, const char *what, struct ori_error *err)
{
    return ori_error_set(err, ORI_BAD_SCORES, "line %lld: %s", (long long)reader->line, what);
}

/* ORI_EOF at the end of the file. */
static ori_status next_line(struct reader *reader, size_t *ret_bytes, struct ori_error *err)
{
    reader->line++;
    errno = 0;
    if (!fgets(reader->text, sizeof reader->text, reader->file)) {
        if (ferror(reader->file))
            return ori_error_set_errno(err, errno, false, "reading");
        return ORI_EOF;
    }
    size_t bytes = strlen(reader->text);
    if (bytes == 0 || reader->text[bytes - 1] != '\n')
        return bad_line(reader,
                        bytes > ORI_LIMIT_MAX_SCORE_LINE_BYTES
                            ? "longer than a line of scores can be"
                            : "it does not end in a newline: the file is cut off",
                        err);
    *ret_bytes = bytes - 1;
    return ORI_OK;
}

static ori_status parse(struct reader *reader, size_t bytes, json_t **ret_line,
                        struct ori_error *err)
{
    json_error_t why;
    *ret_line = json_loadb(reader->text, bytes, JSON_REJECT_DUPLICATES, &why);
    if (!*ret_line && json_error_code(&why) == json_error_out_of_memory)
        return ori_error_set(err, ORI_NOMEM, "line of scores");
    if (json_is_object(*ret_line))
        return ORI_OK;
    json_decref(*ret_line);
    *ret_line = NULL;
    return bad_line(reader, "not a JSON object", err);
}

/* A setting that the looks were made by must be what it was. */
static ori_status same_setting(const char *name, bool is_same, const char *was,
                               struct ori_error *err)
{
    if (is_same)
        return ORI_OK;
    return ori_error_set(err, ORI_BAD_SETTING,
                         "%s was %s when these scores were made: another value cannot be tried "
                         "without decoding",
                         name, was);
}

static ori_status read_header(struct reader *reader, struct ori_error *err)
{
    const char *format = NULL;
    const char *source = NULL;
    const char *speed = NULL;
    double downscale = 0;
    json_int_t version = 0;
    json_t *line = NULL;
    size_t bytes = 0;
    char was[32];
    ori_status status = next_line(reader, &bytes, err);
    if (status == ORI_EOF)
        return ori_error_set(err, ORI_EMPTY_FILE, "%s", ori_status_text(ORI_EMPTY_FILE));
    if (status == ORI_OK)
        status = parse(reader, bytes, &line, err);
    if (status != ORI_OK)
        return status;
    bool is_header =
        json_unpack(line, "{s:s, s:I, s:s, s:s, s:F}", "format", &format, "version", &version,
                    "source", &source, "speed", &speed, "downscale", &downscale) == 0 &&
        strcmp(format, ORI_SCORES_FORMAT) == 0;
    if (!is_header)
        status = bad_line(reader, "not the header of a file of scores", err);
    else if (version != ORI_SCORES_VERSION)
        status = bad_line(reader, "a version of the format that this program does not know", err);
    if (status == ORI_OK) {
        snprintf(reader->found->source, sizeof reader->found->source, "%s", source);
        ori_utf8_clean(reader->found->source);
        snprintf(was, sizeof was, "%g", downscale);
        status =
            same_setting("VP_DOWNSCALE", downscale == reader->settings->vp_downscale, was, err);
    }
    if (status == ORI_OK) {
        snprintf(was, sizeof was, "%.16s", speed);
        ori_utf8_clean(was);
        status = same_setting("VP_SPEED", strcmp(speed, ori_options_speed(reader->settings)) == 0,
                              was, err);
    }
    json_decref(line);
    return status;
}

static ori_status begin_scene(struct reader *reader, int64_t pts_us, struct ori_error *err)
{
    struct ori_scores_found *found = reader->found;
    size_t count = found->scenes_count;
    if (count && (pts_us <= found->scenes[count - 1].start_us || count == ORI_LIMIT_MAX_SCENES))
        return ORI_OK; /* as in a run: the last one takes the rest */
    if ((count & (count + 1)) == 0) {
        void *grown = reallocarray(found->scenes, 2 * count + 2, sizeof *found->scenes);
        if (!grown)
            return ori_error_set(err, ORI_NOMEM, "scenes");
        found->scenes = grown;
    }
    if (count)
        found->scenes[count - 1].end_us = pts_us;
    found->scenes[count] = (struct ori_scores_scene){pts_us, pts_us};
    found->scenes_count++;
    return ORI_OK;
}

static ori_status take_boundaries(struct reader *reader, struct ori_error *err)
{
    struct ori_boundary boundary;
    ori_status status = ORI_OK;
    while (status == ORI_OK && ori_scenes_take(reader->detector, &boundary)) {
        if (boundary.kind != ORI_BOUNDARY_FLASH)
            status = begin_scene(reader, boundary.pts_us, err);
    }
    return status;
}

static bool is_time(const json_t *value, int64_t *ret_us)
{
    double seconds = json_number_value(value);
    if (!json_is_number(value) || !(seconds >= 0) || seconds > (double)ORI_CHILD_TIME_MAX_US / 1e6)
        return false;
    *ret_us = llround(seconds * 1e6);
    return true;
}

/* From text to sides and samples, the difference to the last look undone. */
static bool unpack_look(struct reader *reader, const json_t *look)
{
    size_t packed = 0;
    if (!json_is_string(look) || !ori_base64_read(json_string_value(look), json_string_length(look),
                                                  reader->packed, sizeof reader->packed, &packed))
        return false;
    inflateReset(&reader->stream);
    reader->stream.next_in = reader->packed;
    reader->stream.avail_in = (uInt)packed;
    reader->stream.next_out = reader->plain;
    reader->stream.avail_out = sizeof reader->plain;
    if (inflate(&reader->stream, Z_FINISH) != Z_STREAM_END || reader->stream.avail_in != 0)
        return false;
    const size_t bytes = sizeof reader->plain - reader->stream.avail_out;
    const uint8_t *sides = reader->plain;
    const int half = ORI_CHILD_LOOK_SIDE / 2;
    if (bytes < ORI_SCORES_SIDES || sides[0] < 1 || sides[0] > ORI_CHILD_LOOK_SIDE ||
        sides[1] < 1 || sides[1] > ORI_CHILD_LOOK_SIDE || sides[2] > half || sides[3] > half ||
        !sides[2] != !sides[3] ||
        bytes != ORI_SCORES_SIDES + (size_t)sides[0] * sides[1] + 2 * (size_t)sides[2] * sides[3])
        return false;
    if (memcmp(sides, reader->before, ORI_SCORES_SIDES) == 0) {
        for (size_t i = ORI_SCORES_SIDES; i < bytes; i++)
            reader->plain[i] = (uint8_t)(reader->plain[i] + reader->before[i]);
    }
    memcpy(reader->before, reader->plain, bytes);
    return true;
}

static void make_thumb(struct reader *reader)
{
    struct ori_thumb *thumb = &reader->thumb;
    const uint8_t *from = reader->plain + ORI_SCORES_SIDES;
    thumb->width = reader->plain[0];
    thumb->height = reader->plain[1];
    thumb->chroma_width = reader->plain[2];
    thumb->chroma_height = reader->plain[3];
    const size_t luma = (size_t)thumb->width * (size_t)thumb->height;
    const size_t chroma = (size_t)thumb->chroma_width * (size_t)thumb->chroma_height;
    memcpy(thumb->luma, from, luma);
    memcpy(thumb->chroma[0], from + luma, chroma);
    memcpy(thumb->chroma[1], from + luma + chroma, chroma);
    ori_thumb_measure(thumb);
}

static ori_status read_frame(struct reader *reader, const json_t *line, struct ori_error *err)
{
    const json_t *classic = json_object_get(line, "classic");
    const double score = json_number_value(classic);
    double change = 0;
    int64_t pts_us = 0;
    if (reader->found->frames == ORI_LIMIT_MAX_SCORE_FRAMES)
        return ori_error_set(err, ORI_LIMIT, "line %lld: more than %d frames",
                             (long long)reader->line, ORI_LIMIT_MAX_SCORE_FRAMES);
    if (!is_time(json_object_get(line, "pts"), &pts_us))
        return bad_line(reader, "\"pts\" is no time", err);
    if (pts_us <= reader->pts_us)
        return bad_line(reader, "\"pts\" does not come after that of the line before", err);
    if (!json_is_number(classic) || !(score >= 0 && score <= 1))
        return bad_line(reader, "\"classic\" is not between 0 and 1", err);
    ori_status status = reader->found->frames++ ? ORI_OK : begin_scene(reader, pts_us, err);
    reader->pts_us = pts_us;
    if (status != ORI_OK)
        return status;
    if (reader->is_classic) /* in the precision that it was made in */
        return (double)(float)score > reader->settings->vp_scene_thresh
                   ? begin_scene(reader, pts_us, err)
                   : ORI_OK;
    if (!unpack_look(reader, json_object_get(line, "look")))
        return bad_line(reader, "\"look\" is no picture", err);
    make_thumb(reader);
    ori_scenes_push(reader->detector, &reader->thumb, pts_us, &change);
    return take_boundaries(reader, err);
}

static ori_status read_end(struct reader *reader, const json_t *end, struct ori_error *err)
{
    struct ori_scores_found *found = reader->found;
    ori_status status = ORI_OK;
    if (!is_time(end, &found->end_us) || found->end_us < reader->pts_us)
        return bad_line(reader, "\"end\" is no time behind the last frame", err);
    reader->has_end = true;
    if (!reader->is_classic) {
        ori_scenes_finish(reader->detector);
        status = take_boundaries(reader, err);
    }
    if (found->scenes_count)
        found->scenes[found->scenes_count - 1].end_us = found->end_us;
    return status;
}

static ori_status read_lines(struct reader *reader, const struct ori_cancel *cancel,
                             struct ori_error *err)
{
    size_t bytes = 0;
    for (;;) {
        json_t *line = NULL;
        ori_status status = next_line(reader, &bytes, err);
        if (status == ORI_EOF && reader->has_end)
            return ORI_OK;
        if (status == ORI_EOF)
            return bad_line(reader, "the end is missing: the file is cut off", err);
        if (status == ORI_OK && reader->has_end)
            return bad_line(reader, "something stands behind the end", err);
        if (status == ORI_OK && reader->line % LINES_A_LOOK == 0 && ori_cancel_is_set(cancel))
            return ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
        if (status == ORI_OK)
            status = parse(reader, bytes, &line, err);
        if (status != ORI_OK)
            return status;
        const json_t *end = json_object_get(line, "end");
        status = end ? read_end(reader, end, err) : read_frame(reader, line, err);
        json_decref(line);
        if (status != ORI_OK)
            return status;
    }
}

static ori_status open_file(const char *path, FILE **ret_file, struct ori_error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return ori_error_set_errno(err, errno, false, "open");
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return ori_error_set(err, ORI_NOT_A_FILE, "not a regular file");
    }
    *ret_file = fdopen(fd, "r");
    if (*ret_file)
        return ORI_OK;
    close(fd);
    return ori_error_set(err, ORI_NOMEM, "file of scores");
}

static ori_status make_tools(struct reader *reader, struct ori_error *err)
{
    const struct ori_scenes_options options = {.threshold = reader->settings->vp_scene_thresh,
                                               .solid_std = reader->settings->vp_solid_std};
    if (reader->is_classic)
        return ORI_OK;
    reader->has_stream = inflateInit2(&reader->stream, -MAX_WBITS) == Z_OK;
    if (!reader->has_stream)
        return ori_error_set(err, ORI_NOMEM, "file of scores");
    return ori_scenes_create(&options, &reader->detector, err);
}

ori_status ori_scores_find(const char *path, const struct ori_settings *settings,
                           const struct ori_cancel *cancel, struct ori_scores_found *ret_found,
                           struct ori_error *err)
{
    memset(ret_found, 0, sizeof *ret_found);
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return ori_error_set(err, ORI_NOMEM, "file of scores");
    reader->settings = settings;
    reader->found = ret_found;
    reader->pts_us = -1;
    reader->is_classic = strcmp(settings->vp_scene_detector, "classic") == 0;
    ori_status status = open_file(path, &reader->file, err);
    if (status == ORI_OK)
        status = make_tools(reader, err);
    if (status == ORI_OK)
        status = read_header(reader, err);
    if (status == ORI_OK)
        status = read_lines(reader, cancel, err);
    if (reader->file)
        fclose(reader->file);
    if (reader->has_stream)
        inflateEnd(&reader->stream);
    if (reader->detector)
        ori_scenes_destroy(&reader->detector);
    free(reader);
    if (status != ORI_OK) {
        ori_scores_found_deinit(ret_found);
        ori_error_context(err, "%s", path);
    }
    return status;
}

void ori_scores_found_deinit(struct ori_scores_found *found)
{
    free(found->scenes);
    memset(found, 0, sizeof *found);
}
