#include "pipeline/extract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/clip.h"
#include "media/sandbox.h"
#include "media/words.h"
#include "pipeline/extract_priv.h"
#include "util/clock.h"
#include "util/limits.h"
#include "vision/quality.h"

#define PROGRESS_GAP_US 150000
#define WINDOWS_BYTES 50331648 /* pictures that wait for the scene detector: 16 of 1080p */

static void *frame_ref(void *picture)
{
    return ori_frame_ref(picture);
}

static void frame_unref(void *picture)
{
    struct ori_frame *frame = picture;
    ori_frame_unref(&frame);
}

static void warn(struct extract *extract, const char *code, const char *text)
{
    struct ori_msg_warning warning = {.type = ORI_MSG_WARNING};
    snprintf(warning.code, sizeof warning.code, "%s", code);
    snprintf(warning.text, sizeof warning.text, "%s", text);
    struct ori_error ignored = {0}; /* if the parent is gone, the next message will say so */
    if (ori_child_side_send(extract->side, &warning, sizeof warning, &ignored) != ORI_OK)
        return;
}

static ori_status send_info(struct extract *extract, struct ori_error *err)
{
    const struct ori_video_info *info = &extract->info;
    struct ori_box all = {0, 0, info->width, info->height};
    struct ori_box upright = ori_video_upright_box(info, &all);
    struct ori_msg_info message = {
        .type = ORI_MSG_INFO,
        .width = upright.w,
        .height = upright.h,
        .has_duration = info->duration_us > 0,
        .duration_us = info->duration_us > 0 ? info->duration_us : 0,
        .frame_rate = info->frame_rate,
    };
    snprintf(message.codec, sizeof message.codec, "%s", info->codec);
    snprintf(message.container, sizeof message.container, "%s", info->container);
    return ori_child_side_send(extract->side, &message, sizeof message, err);
}

static ori_status send_progress(struct extract *extract, struct ori_error *err)
{
    int64_t now_us = ori_clock_us();
    if (now_us < extract->next_progress_us)
        return ORI_OK;
    extract->next_progress_us = now_us + PROGRESS_GAP_US;
    struct ori_msg_progress message = {
        .type = ORI_MSG_PROGRESS,
        .frames_kept = (uint32_t)(extract->said_count + extract->held_count),
        .frames_decoded = extract->frames_decoded,
        .pts_us = extract->last_pts_us > 0 ? extract->last_pts_us : 0,
    };
    return ori_child_side_send(extract->side, &message, sizeof message, err);
}

static ori_status create_chooser(struct extract *extract, struct ori_error *err)
{
    const struct ori_extract_options *options = extract->options;
    int64_t frame_bytes = (int64_t)extract->info.width * extract->info.height * 3 / 2;
    int64_t windows = WINDOWS_BYTES / (frame_bytes > 0 ? frame_bytes : 1);
    struct ori_chooser_options chooser = {
        .scenes = {.threshold = options->scene_thresh, .solid_std = options->solid_std},
        .is_told = options->is_classic != 0,
        .wants_returns = (extract->side->start.tells & ORI_TELL_SHOTS) != 0,
        .sample_fps = options->sample_fps,
        .min_frames = options->min_frames,
        .has_dedup = options->has_dedup != 0,
        .dedup_distance = options->dedup_distance,
        .windows_max = (size_t)(windows < 10   ? 10
                                : windows > 32 ? 32
                                               : windows),
        .kept_max = ORI_LIMIT_MAX_KEPT_FRAMES,
        .scenes_max = ORI_LIMIT_MAX_SCENES,
        .ops = {frame_ref, frame_unref},
    };
    ori_status status = ori_chooser_create(&chooser, &extract->chooser, err);
    bool is_tracked = extract->side->start.tells & ORI_TELL_SCORES;
    if (status == ORI_OK && (options->is_classic || is_tracked))
        status = ori_scene_score_create(&extract->score, err);
    if (status == ORI_OK && is_tracked)
        status = extract_track_create(extract, err);
    return status;
}

/* Hands on what the chooser has decided. */
static ori_status take_decisions(struct extract *extract, bool is_end, struct ori_error *err)
{
    struct ori_choice choice;
    struct ori_scene scene;
    ori_status status = ORI_OK;
    while (status == ORI_OK && ori_chooser_take(extract->chooser, &choice))
        status = extract_hold(extract, &choice, err);
    while (status == ORI_OK && ori_chooser_take_scene(extract->chooser, &scene))
        status = extract_end_scene(extract, &scene, err);
    if (status == ORI_OK)
        status = extract_flush(extract, is_end, err);
    if (status == ORI_OK && extract->track)
        status = extract_track_flush(extract, is_end, err);
    return status;
}

/* ffmpeg's score: with VP_SCENE_DETECTOR=classic one over the threshold begins a scene. */
static ori_status score_frame(struct extract *extract, const struct ori_frame *frame,
                              const struct ori_thumb *thumb, struct ori_error *err)
{
    const struct ori_extract_options *options = extract->options;
    struct ori_samples samples;
    double score = 0;
    ori_status status = ori_frame_score_samples(extract->video, frame, &samples, err);
    if (status == ORI_OK)
        status = ori_scene_score_push(extract->score, &samples, &score, err);
    if (status == ORI_OK && options->is_classic && score > options->scene_thresh)
        ori_chooser_begin_scene(extract->chooser, frame->pts_us, score);
    if (status == ORI_OK && extract->track)
        status = extract_track_add(extract, thumb, frame->pts_us, score, err);
    return status;
}

/* It looks as the frame before it. */
static ori_status look_at_stand_in(struct extract *extract, const struct ori_frame *frame,
                                   struct ori_error *err)
{
    bool is_wanted = false;
    if (extract->track) {
        ori_status status = extract_track_add(extract, &extract->thumb, frame->pts_us, 0, err);
        if (status != ORI_OK)
            return status;
    }
    return ori_chooser_push(extract->chooser, &extract->thumb, frame->pts_us, NULL, &is_wanted,
                            err);
}

static ori_status look(struct extract *extract, struct ori_frame *frame, struct ori_error *err)
{
    struct ori_plane planes[3];
    struct ori_thumb *thumb = &extract->thumb;
    struct ori_borders borders;
    bool is_wanted = false;
    if (frame->is_stand_in)
        return look_at_stand_in(extract, frame, err);
    ori_status status = ori_frame_planes(extract->video, frame, planes, err);
    if (status != ORI_OK)
        return status;
    if (!extract->width) {
        extract->width = frame->width;
        extract->height = frame->height;
    }
    ori_thumb_make(planes, extract->options->downscale, thumb);
    bool has_borders = extract->options->has_crop && frame->width == extract->width &&
                       frame->height == extract->height;
    if (has_borders)
        ori_borders_measure(planes, &extract->borders_options, &borders);
    if (extract->score)
        status = score_frame(extract, frame, thumb, err);
    if (status != ORI_OK)
        return status;
    status = ori_chooser_push(extract->chooser, thumb, frame->pts_us, has_borders ? &borders : NULL,
                              &is_wanted, err);
    if (status != ORI_OK || !is_wanted)
        return status;
    double sharpness = ori_sharpness(&planes[0]);
    struct ori_frame *ref = ori_frame_ref(frame);
    if (!ref)
        return ori_error_set(err, ORI_NOMEM, "frame reference");
    ori_chooser_offer(extract->chooser, ref, sharpness);
    return ORI_OK;
}

static ori_status decode_all(struct extract *extract, struct ori_error *err)
{
    for (;;) {
        struct ori_frame *frame = NULL;
        int64_t start_us = ori_clock_us();
        ori_status status = ori_video_next(extract->video, &frame, err);
        int64_t decoded_us = ori_clock_us();
        extract->decode_us += decoded_us - start_us;
        if (status == ORI_EOF)
            return ORI_OK;
        if (status != ORI_OK)
            return status;
        extract->last_gap_us = extract->frames_decoded ? frame->pts_us - extract->last_pts_us : 0;
        extract->last_pts_us = frame->pts_us;
        extract->frames_decoded += !frame->is_stand_in;
        status = look(extract, frame, err);
        ori_frame_unref(&frame);
        extract->vision_us += ori_clock_us() - decoded_us;
        if (status == ORI_OK)
            status = take_decisions(extract, false, err);
        if (status == ORI_OK)
            status = send_progress(extract, err);
        if (status != ORI_OK)
            return status;
    }
}

/* When the last frame's time on screen is over. */
static int64_t end_us(const struct extract *extract)
{
    int64_t gap_us = extract->last_gap_us;
    if (extract->info.frame_rate >= 1 && extract->info.frame_rate <= 1000)
        gap_us = (int64_t)(1e6 / extract->info.frame_rate);
    else if (gap_us <= 0)
        gap_us = 40000;
    return extract->last_pts_us + gap_us;
}

static ori_status send_done(struct extract *extract, struct ori_error *err)
{
    struct ori_msg_done done = {
        .type = ORI_MSG_DONE,
        .scenes = extract->scenes_said,
        .frames = (uint32_t)extract->said_count,
        .duration_us = end_us(extract),
        .frames_decoded = extract->frames_decoded,
        .decode_seconds = (double)extract->decode_us / 1e6,
        .vision_seconds = (double)extract->vision_us / 1e6,
        .still_seconds = (double)extract->still_us / 1e6,
        .wait_seconds = (double)extract->side->wait_us / 1e6,
    };
    struct ori_box box;
    if (extract->options->has_crop && extract->width &&
        ori_borders_box(&extract->video_borders, extract->width, extract->height,
                        &extract->borders_options, &box)) {
        done.has_crop = 1;
        done.crop = ori_video_upright_box(&extract->info, &box);
        done.clip_shape = ori_clip_shape_of(extract->video, &box);
    }
    return ori_child_side_send(extract->side, &done, sizeof done, err);
}

/* What was asked for and could not be done. */
static void warn_of_speed(struct extract *extract)
{
    struct ori_video_groups groups = ori_video_groups(extract->video);
    char text[ORI_CHILD_TEXT_MAX];
    if (extract->options->is_classic) {
        warn(extract, "speed_exact",
             "the classic score is one of every picture: VP_SPEED was exact");
    } else if (groups.is_off) {
        snprintf(text, sizeof text,
                 "%s in %s has no key frames that tell enough: VP_SPEED was exact",
                 extract->info.codec, extract->info.container);
        warn(extract, "speed_exact", text);
    } else if (groups.unplanned > 0) {
        snprintf(text, sizeof text,
                 "%lld of %lld pictures lie between no two key frames near enough: "
                 "decoded whole, as with VP_SPEED=exact",
                 (long long)groups.unplanned, (long long)groups.pictures);
        warn(extract, "speed_exact", text);
    }
}

static void warn_of_damage(struct extract *extract)
{
    struct ori_video_damage damage = ori_video_damage(extract->video);
    char text[ORI_CHILD_TEXT_MAX];
    if (damage.is_truncated)
        warn(extract, "truncated",
             "the file ends before the video does: kept what could be decoded");
    if (damage.packets_bad > 0 && !damage.is_truncated) {
        snprintf(text, sizeof text, "%lld damaged packets were skipped",
                 (long long)damage.packets_bad);
        warn(extract, "damaged_packets", text);
    }
    if (damage.is_over_duration)
        warn(extract, "duration_limit",
             "the video goes on past VP_MAX_DURATION: the rest is left out");
    if (extract_track_is_full(extract)) {
        snprintf(text, sizeof text, "only the first %d frames have a score",
                 (int)ORI_LIMIT_MAX_CHILD_SCORES);
        warn(extract, "score_limit", text);
    }
    if (ori_chooser_is_full(extract->chooser)) {
        snprintf(text, sizeof text, "only the first %d frames were kept",
                 (int)ORI_LIMIT_MAX_KEPT_FRAMES);
        warn(extract, "frame_limit", text);
    }
}

static ori_status extract_video(struct extract *extract, const char **ret_stage,
                                struct ori_error *err)
{
    const struct ori_extract_options *options = extract->options;
    struct ori_video_options video = {.threads = options->decode_threads,
                                      .pixels_max = options->pixels_max,
                                      .duration_us_max = options->duration_us_max,
                                      .frames_max = ORI_LIMIT_MAX_DECODED_FRAMES};
    const struct ori_group_planner planner = {ori_skim_ask, &extract->skim};
    ori_skim_init(&extract->skim, (enum ori_speed)options->speed, options->downscale);
    if (options->speed != ORI_SPEED_EXACT && !options->is_classic)
        video.planner = &planner;
    extract->borders_options = (struct ori_borders_options){
        .tolerance = options->tolerance,
        .edge_thresh = options->edge_thresh,
        .black_limit = options->crop_limit,
        .is_over_text = options->crop_over_text != 0,
        .is_blurred = options->crop_blurred != 0,
        .safe_margin_px = options->crop_safe_margin_px,
        .min_crop_ratio = options->min_crop_ratio,
    };
    ori_borders_init(&extract->video_borders);
    *ret_stage = "open";
    ori_status status =
        ori_video_open(&extract->side->source, &video, &extract->video, &extract->info, err);
    if (status == ORI_OK)
        status = send_info(extract, err);
    if (status == ORI_OK)
        status = create_chooser(extract, err);
    if (status != ORI_OK)
        return status;
    *ret_stage = "decode";
    status = decode_all(extract, err);
    if (status != ORI_OK)
        return status;
    *ret_stage = "vision";
    status = ori_chooser_finish(extract->chooser, end_us(extract), err);
    if (status == ORI_OK)
        status = take_decisions(extract, true, err);
    if (status != ORI_OK)
        return status;
    warn_of_damage(extract);
    if (options->speed != ORI_SPEED_EXACT)
        warn_of_speed(extract);
    return send_done(extract, err);
}

static ori_status work(struct ori_child_side *side, struct extract_clip *clip,
                       const char **ret_stage, struct ori_error *err)
{
    if (side->start.job == ORI_CHILD_JOB_CLIP)
        return extract_clip(clip, ret_stage, err);
    if (side->start.job != ORI_CHILD_JOB_VIDEO)
        return extract_picture(side, err);
    struct extract *extract = calloc(1, sizeof *extract);
    if (!extract)
        return ori_error_set(err, ORI_NOMEM, "decode child");
    extract->side = side;
    extract->options = &side->start.options;
    ori_status status = extract_video(extract, ret_stage, err);
    extract_emit_deinit(extract);
    ori_chooser_destroy(&extract->chooser);
    ori_scene_score_destroy(&extract->score);
    free(extract->track);
    ori_video_close(&extract->video);
    free(extract);
    return status;
}

static ori_status enter_sandbox(const struct ori_child_side *side, const struct extract_clip *clip,
                                struct ori_error *err)
{
    const struct ori_sandbox_options options = {.memory_bytes = side->start.memory_bytes,
                                                .cpu_seconds = side->start.cpu_seconds,
                                                .has_gpu =
                                                    clip->clip && ori_clip_is_on_gpu(clip->clip),
                                                .answer = ORI_SANDBOX_REFUSE};
    return ori_sandbox_enter(&options, NULL, err);
}

/* A machine that is out of memory kills; a call that fails is our own limit, and would fail again. */
static void tell_memory(const struct ori_child_side *side, ori_status *status,
                        struct ori_error *err)
{
    if (side->start.memory_bytes <= 0)
        return;
    const char *stage = err->stage;
    *err = (struct ori_error){.stage = stage};
    *status =
        ori_error_set(err, ORI_LIMIT, "decoding takes more memory than VP_DECODE_MEMORY: %lld",
                      (long long)side->start.memory_bytes);
}

int ori_extract_main(void)
{
    struct ori_error err = {0};
    struct ori_child_side side;
    const char *stage = "open";
    ori_media_set_words(ORI_WORDS_NONE);
    if (ori_child_side_open(&side, &err) != ORI_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    if (side.start.words < ORI_WORDS_LEVEL_COUNT)
        ori_media_set_words((enum ori_words_level)side.start.words);
    struct extract_clip clip = {.side = &side};
    ori_status status = ORI_OK;
    if (side.start.job == ORI_CHILD_JOB_CLIP)
        status = extract_clip_open(&clip, &err);
    if (status == ORI_OK)
        status = enter_sandbox(&side, &clip, &err);
    if (status == ORI_OK)
        status = work(&side, &clip, &stage, &err);
    extract_clip_close(&clip);
    if (status == ORI_NOMEM)
        tell_memory(&side, &status, &err);
    if (status != ORI_OK && status != ORI_CANCELLED)
        ori_child_side_fail(&side, stage, &err);
    ori_child_side_close(&side);
    return status == ORI_CANCELLED ? 1 : 0;
}
