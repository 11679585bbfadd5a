#include "pipeline/options.h"

#include <string.h>

#include "media/clip.h"

#define DECODE_THREADS 1
/* Enough to decode on while stills are written and a batch is computed; each holds one still. */
#define SLOTS 4
/* One waits for a thread while ORI_UPLOADS_AT_ONCE are under way, and a few are being filled. */
#define SLOTS_HELD 16
#define SLOTS_BYTES (INT64_C(128) << 20)
/* Any length: the largest VP_MAX_DURATION. The protocol's times go a day further: the last frame's
 * time on screen. */
#define DURATION_S_MAX 31536000
/* The clock on the wall comes first, unless more threads run than there should. */
#define CPU_GRACE_S 1
#define CLIP_SLOT_BYTES (INT64_C(1) << 20) /* a piece of the clip */
#define STILL_OVERHEAD (INT64_C(1) << 20)  /* headers, chunks, and what zlib adds to noise */

enum ori_still_format ori_options_still_format(const struct ori_settings *settings)
{
    if (strcmp(settings->vp_frame_format, "jpeg") == 0)
        return ORI_STILL_JPEG;
    return strcmp(settings->vp_frame_format, "webp") == 0 ? ORI_STILL_WEBP : ORI_STILL_PNG;
}

/* The words are those that the settings allow: a row for each. */
static struct ori_clip_options clip_options(const struct ori_settings *settings)
{
    return (struct ori_clip_options){
        .is_wanted = settings->vp_save_cropped,
        .encoder = ori_clip_encoder_find(settings->vp_crop_encoder),
        .preset = ori_clip_preset_find(settings->vp_crop_preset),
        .tune = ori_clip_tune_find(settings->vp_crop_tune),
        .cq = (int32_t)settings->vp_crop_cq,
    };
}

const char *ori_options_speed(const struct ori_settings *settings)
{
    return strcmp(settings->vp_scene_detector, "classic") == 0 ? "exact" : settings->vp_speed;
}

static enum ori_speed speed_of(const struct ori_settings *settings)
{
    if (strcmp(settings->vp_speed, "fast") == 0)
        return ORI_SPEED_FAST;
    return strcmp(settings->vp_speed, "turbo") == 0 ? ORI_SPEED_TURBO : ORI_SPEED_EXACT;
}

void ori_options_extract(const struct ori_settings *settings, const struct ori_model_info *model,
                         struct ori_extract_options *ret_options)
{
    int64_t duration_s = settings->vp_max_duration > 0 ? settings->vp_max_duration : DURATION_S_MAX;
    *ret_options = (struct ori_extract_options){
        .has_crop = settings->vp_enable_crop,
        .has_dedup = settings->vp_enable_dedup,
        .crop_probes = (int32_t)settings->vp_crop_probes,
        .crop_limit = settings->vp_crop_cropdetect.limit,
        .crop_clip_secs = settings->vp_crop_clip_secs,
        .crop_safe_margin_px = (int32_t)settings->vp_crop_safe_margin,
        .crop_over_text = settings->vp_crop_over_text,
        .crop_blurred = settings->vp_crop_blurred,
        .min_crop_ratio = settings->vp_min_crop_ratio,
        .tolerance = settings->vp_tolerance,
        .edge_thresh = settings->vp_edge_thresh,
        .downscale = settings->vp_downscale,
        .scene_thresh = settings->vp_scene_thresh,
        .is_classic = strcmp(settings->vp_scene_detector, "classic") == 0,
        .sample_fps = settings->vp_sample_fps,
        .min_frames = (int32_t)settings->vp_min_frames,
        .dhash_size = (int32_t)settings->vp_dhash_size,
        .dedup_distance = (int32_t)settings->vp_dedup_distance,
        .solid_std = settings->vp_solid_std,
        .solid_min_dim = (int32_t)settings->vp_solid_min_dim,
        .still_format = (int32_t)ori_options_still_format(settings),
        .still_quality = (int32_t)settings->vp_frame_quality,
        .decode_threads = DECODE_THREADS,
        .speed = (int32_t)speed_of(settings),
        .pixels_max = settings->vp_max_pixels,
        .duration_us_max = duration_s * 1000000,
        .input = {.side = model->side,
                  .fit = model->fit == ORI_MODEL_FIT_SQUASH ? ORI_INPUT_SQUASH
                                                            : ORI_INPUT_SHORTER_CROP,
                  .resize_side = model->resize_side,
                  .is_crop_rounded = model->is_crop_rounded,
                  .is_bilinear = model->is_bilinear},
        .clip = clip_options(settings),
    };
}

/* Of the largest still with so many pixels, and the model's input behind it. */
static int64_t slot_bytes_of(const struct ori_extract_options *options, int64_t pixels)
{
    const int64_t input_bytes = INT64_C(3) * options->input.side * options->input.side;
    return 3 * pixels + pixels / 16 + STILL_OVERHEAD + input_bytes + ORI_CHILD_SLOT_ALIGN;
}

void ori_options_start(const struct ori_settings *settings,
                       const struct ori_extract_options *options, enum ori_child_job job,
                       int64_t bytes, struct ori_msg_start *ret_start)
{
    const bool is_video = job == ORI_CHILD_JOB_VIDEO || job == ORI_CHILD_JOB_CLIP;
    const int threads = options->decode_threads + (job == ORI_CHILD_JOB_CLIP); /* one encodes */
    int64_t slot_bytes = slot_bytes_of(options, options->pixels_max);
    if (job != ORI_CHILD_JOB_VIDEO) /* a thumb's JPEG has the room of the model input */
        slot_bytes = slot_bytes_of(options, 0) - (job == ORI_CHILD_JOB_THUMB ? 0 : STILL_OVERHEAD);
    if (job == ORI_CHILD_JOB_CLIP)
        slot_bytes = CLIP_SLOT_BYTES;
    slot_bytes = (slot_bytes + 4095) / 4096 * 4096;
    *ret_start = (struct ori_msg_start){
        .type = ORI_MSG_START,
        .job = (uint32_t)job,
        .bytes = bytes,
        .slots = is_video ? SLOTS : ORI_CHILD_SLOTS_MIN,
        .cpu_seconds = settings->vp_item_timeout * threads + CPU_GRACE_S,
        .slot_bytes = (uint64_t)slot_bytes,
        .memory_bytes = settings->vp_decode_memory,
        .options = *options,
    };
}

void ori_options_hold_slots(struct ori_msg_start *start)
{
    start->slots += SLOTS_HELD;
    start->slots_held = SLOTS_HELD;
}

uint32_t ori_options_more_slots(const struct ori_msg_start *start, int32_t width, int32_t height)
{
    const int64_t fit = SLOTS_BYTES / slot_bytes_of(&start->options, (int64_t)width * height);
    const int64_t more = fit - (start->slots - start->slots_held);
    if (more <= 0)
        return 0;
    return more < start->slots_held ? (uint32_t)more : start->slots_held;
}
