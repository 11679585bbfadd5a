#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "pipeline/scores.h"
#include "pipeline/scores_priv.h"
#include "pipeline/options.h"
#include "util/base64.h"
#include "util/fs.h"
#include "util/json_out.h"

#define PAGE_BYTES (1 << 20) /* written at once */
#define MEMORY_LEVEL 8       /* zlib's default */

struct ori_scores_writer {
    char path[ORI_LIMIT_MAX_PATH_BYTES];
    char part[ORI_LIMIT_MAX_PATH_BYTES];
    int fd;
    bool has_stream;
    z_stream stream;
    struct ori_buf page;
    struct ori_msg_score score; /* of the frame added last, whose line is open */
    bool has_score;
    struct ori_msg_look before; /* the look of the line before */
    uint8_t plain[ORI_SCORES_LOOK_BYTES];
    uint8_t packed[ORI_SCORES_PACKED_BYTES];
    ori_status status; /* the first failure */
    struct ori_error error;
};

static void write_page(struct ori_scores_writer *writer)
{
    if (writer->status == ORI_OK)
        writer->status = ori_buf_finish(&writer->page, "page of scores", &writer->error);
    if (writer->status == ORI_OK)
        writer->status =
            ori_fs_write_all(writer->fd, writer->page.data, writer->page.used, &writer->error);
    ori_buf_clear(&writer->page);
}

static void end_line(struct ori_scores_writer *writer)
{
    ori_json_end_object(&writer->page);
    ori_buf_add(&writer->page, "\n", 1);
    writer->has_score = false;
    if (writer->page.used >= PAGE_BYTES)
        write_page(writer);
}

static void write_header(struct ori_scores_writer *writer, const struct ori_settings *settings,
                         const struct ori_manifest *manifest)
{
    struct ori_buf *page = &writer->page;
    ori_json_begin_object(page, NULL);
    ori_json_put_text(page, "format", ORI_SCORES_FORMAT);
    ori_json_put_whole(page, "version", ORI_SCORES_VERSION);
    ori_json_put_text(page, "source", manifest->source_name);
    ori_json_put_text(page, "platform", manifest->platform);
    ori_json_put_text(page, "code", manifest->code);
    ori_json_put_text(page, "detector", settings->vp_scene_detector);
    ori_json_put_real(page, "scene_thresh", settings->vp_scene_thresh);
    ori_json_put_real(page, "solid_std", settings->vp_solid_std);
    ori_json_put_real(page, "downscale", settings->vp_downscale);
    ori_json_put_text(page, "speed", ori_options_speed(settings));
    end_line(writer);
}

ori_status ori_scores_create(const char *path, const struct ori_settings *settings,
                             const struct ori_manifest *manifest,
                             struct ori_scores_writer **ret_writer, struct ori_error *err)
{
    ORI_ASSERT(path && ret_writer);
    struct ori_scores_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return ori_error_set(err, ORI_NOMEM, "file of scores");
    writer->fd = -1;
    ori_buf_init(&writer->page, PAGE_BYTES + ORI_LIMIT_MAX_SCORE_LINE_BYTES);
    snprintf(writer->path, sizeof writer->path, "%s", path);
    ori_status status = ori_fs_make_folder_of(path, err);
    if (status == ORI_OK)
        status = ori_fs_part_open(AT_FDCWD, path, writer->part, &writer->fd, err);
    if (status == ORI_OK) {
        writer->has_stream = deflateInit2(&writer->stream, Z_BEST_SPEED, Z_DEFLATED, -MAX_WBITS,
                                          MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK;
        if (!writer->has_stream)
            status = ori_error_set(err, ORI_NOMEM, "file of scores");
    }
    if (status != ORI_OK) {
        ori_scores_discard(&writer);
        return status;
    }
    write_header(writer, settings, manifest);
    *ret_writer = writer;
    return ORI_OK;
}

void ori_scores_add(struct ori_scores_writer *writer, const struct ori_msg_score *score)
{
    struct ori_buf *page = &writer->page;
    if (writer->has_score)
        end_line(writer);
    writer->score = *score;
    writer->has_score = true;
    ori_buf_printf(page, "{\"pts\":%lld.%06d", (long long)(score->pts_us / 1000000),
                   (int)(score->pts_us % 1000000));
    if (score->has_score)
        ori_buf_printf(page, ",\"score\":%.6f", score->score);
    else
        ori_json_put_null(page, "score");
    ori_buf_printf(page, ",\"classic\":%.9g", score->classic);
}

static bool has_same_sides(const struct ori_msg_look *a, const struct ori_msg_look *b)
{
    return a->width == b->width && a->height == b->height && a->chroma_width == b->chroma_width &&
           a->chroma_height == b->chroma_height;
}

void ori_scores_add_look(struct ori_scores_writer *writer, const struct ori_msg_look *look)
{
    const size_t samples = (size_t)look->width * (size_t)look->height +
                           2 * (size_t)look->chroma_width * (size_t)look->chroma_height;
    const bool is_like_before = has_same_sides(look, &writer->before);
    uint8_t *to = writer->plain;
    if (writer->status != ORI_OK)
        return;
    *to++ = (uint8_t)look->width;
    *to++ = (uint8_t)look->height;
    *to++ = (uint8_t)look->chroma_width;
    *to++ = (uint8_t)look->chroma_height;
    for (size_t i = 0; i < samples; i++)
        to[i] = (uint8_t)(look->samples[i] - (is_like_before ? writer->before.samples[i] : 0));
    deflateReset(&writer->stream);
    writer->stream.next_in = writer->plain;
    writer->stream.avail_in = (uInt)(samples + ORI_SCORES_SIDES);
    writer->stream.next_out = writer->packed;
    writer->stream.avail_out = sizeof writer->packed;
    if (deflate(&writer->stream, Z_FINISH) != Z_STREAM_END) {
        writer->status = ori_error_set(&writer->error, ORI_INTERNAL, "a look does not fit");
        return;
    }
    ori_buf_add_text(&writer->page, ",\"look\":\"");
    ori_base64_add(&writer->page, writer->packed, sizeof writer->packed - writer->stream.avail_out);
    ori_buf_add_text(&writer->page, "\"");
    writer->before = *look;
}

ori_status ori_scores_finish(struct ori_scores_writer **writer, int64_t end_us,
                             struct ori_error *err)
{
    struct ori_scores_writer *it = *writer;
    if (it->has_score)
        end_line(it);
    ori_buf_printf(&it->page, "{\"end\":%lld.%06d}\n", (long long)(end_us / 1000000),
                   (int)(end_us % 1000000));
    write_page(it);
    ori_status status = it->status;
    if (status == ORI_OK) {
        status = ori_fs_part_place(AT_FDCWD, it->part, it->fd, it->path, err);
        it->fd = -1;
    } else if (err) {
        *err = it->error;
        ori_error_context(err, "%s", it->path);
    }
    ori_scores_discard(writer);
    return status;
}

void ori_scores_discard(struct ori_scores_writer **writer)
{
    struct ori_scores_writer *it = *writer;
    if (!it)
        return;
    if (it->fd >= 0)
        ori_fs_part_drop(AT_FDCWD, it->part, it->fd);
    if (it->has_stream)
        deflateEnd(&it->stream);
    ori_buf_deinit(&it->page);
    free(it);
    *writer = NULL;
}
