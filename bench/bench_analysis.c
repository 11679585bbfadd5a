/* bench/bench_analysis.c: what decoding and analysis of one file cost, in this process, on one thread.
 * Usage  bench_analysis decode|exact|fast|turbo FILE [--trace]
 *        decode   pictures are decoded and dropped
 *        others   and looked at as the decode child does (pipeline/extract.c): small pictures, borders,
 *                 sharpness of candidates, scenes, choice. No crop, no stills, no model
 * Prints one line of JSON: pictures, seconds of processor time, where scenes begin, which frames are
 *        kept. --trace: before it what the planner of `fast` was asked, and said, on the error stream */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "media/video.h"
#include "media/words.h"
#include "pipeline/skim.h"
#include "vision/choose.h"
#include "vision/likeness.h"
#include "vision/quality.h"

struct bench {
    struct ori_video *video;
    struct ori_chooser *chooser;
    struct ori_skim skim;
    struct ori_thumb thumb;
    bool is_tracing;
    int64_t pictures;
    int64_t last_us;
    int scenes;
    int kept;
    char *starts;
    char *frames;
    size_t starts_bytes;
    size_t frames_bytes;
    FILE *starts_file;
    FILE *frames_file;
};

static void stop_on(ori_status status, const struct ori_error *err)
{
    if (status == ORI_OK)
        return;
    fprintf(stderr, "bench_analysis: %s\n", err->text);
    exit(1);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void *frame_ref(void *picture)
{
    return ori_frame_ref(picture);
}

static void frame_unref(void *picture)
{
    struct ori_frame *frame = picture;
    ori_frame_unref(&frame);
}

static ori_status ask(void *self, struct ori_video *video, const struct ori_group_rest *rest,
                      enum ori_group_plan *ret_plan, struct ori_error *err)
{
    static const char *const words[] = {"all", "references", "skip"};
    struct bench *bench = self;
    ori_status status = ori_skim_ask(&bench->skim, video, rest, ret_plan, err);
    if (status != ORI_OK || !bench->is_tracing)
        return status;
    struct ori_skim_sizes sizes = ori_skim_sizes_of(rest);
    const struct ori_thumb *next = rest->next ? &bench->skim.next : &bench->skim.newest;
    fprintf(stderr,
            "%8.3f %8.3f %4zu/%-4zu share %.3f spike %5.2f swell %5.2f unlike %.3f relit %.3f same "
            "%5.2f %s\n",
            (double)rest->newest->pts_us / 1e6, rest->next ? (double)rest->next->pts_us / 1e6 : -1,
            rest->begin, rest->count, sizes.share, sizes.spike, sizes.swell,
            ori_unlikeness(&bench->skim.newest, next),
            ori_unlikeness_relit(&bench->skim.newest, next),
            ori_structure_likeness(&bench->skim.newest, next), words[*ret_plan]);
    return ORI_OK;
}

static void take(struct bench *bench)
{
    struct ori_choice choice;
    struct ori_scene scene;
    while (ori_chooser_take(bench->chooser, &choice)) {
        fprintf(bench->frames_file, "%s%.6f", bench->kept++ ? ", " : "",
                (double)choice.pts_us / 1e6);
        frame_unref(choice.picture);
    }
    while (ori_chooser_take_scene(bench->chooser, &scene))
        fprintf(bench->starts_file, "%s%.6f", bench->scenes++ ? ", " : "",
                (double)scene.start_us / 1e6);
}

static void look(struct bench *bench, struct ori_frame *frame)
{
    static const struct ori_borders_options options = {.tolerance = 5,
                                                       .edge_thresh = 10,
                                                       .black_limit = 24,
                                                       .safe_margin_px = 4,
                                                       .min_crop_ratio = 0.02};
    struct ori_error err = {0};
    struct ori_plane planes[3];
    struct ori_borders borders;
    bool is_wanted = false;
    if (!frame->is_stand_in) {
        stop_on(ori_frame_planes(bench->video, frame, planes, &err), &err);
        ori_thumb_make(planes, 0.5, &bench->thumb);
        ori_borders_measure(planes, &options, &borders);
    }
    stop_on(ori_chooser_push(bench->chooser, &bench->thumb, frame->pts_us,
                             frame->is_stand_in ? NULL : &borders, &is_wanted, &err),
            &err);
    if (is_wanted && !frame->is_stand_in)
        ori_chooser_offer(bench->chooser, ori_frame_ref(frame), ori_sharpness(&planes[0]));
    take(bench);
}

static void run(struct bench *bench, struct ori_source *source, const char *mode)
{
    struct ori_error err = {0};
    struct ori_video_info info;
    const struct ori_group_planner planner = {ask, bench};
    struct ori_video_options options = {.threads = 1, .pixels_max = 1 << 26};
    struct ori_chooser_options chooser = {.scenes = {.threshold = 0.22, .solid_std = 5},
                                          .sample_fps = 0.5,
                                          .min_frames = 3,
                                          .has_dedup = true,
                                          .dedup_distance = 4,
                                          .windows_max = 16,
                                          .kept_max = 8192,
                                          .scenes_max = 65536,
                                          .ops = {frame_ref, frame_unref}};
    bool is_decoding = strcmp(mode, "decode") == 0;
    enum ori_speed speed = strcmp(mode, "turbo") == 0  ? ORI_SPEED_TURBO
                           : strcmp(mode, "fast") == 0 ? ORI_SPEED_FAST
                                                       : ORI_SPEED_EXACT;
    ori_skim_init(&bench->skim, speed, 0.5);
    if (speed != ORI_SPEED_EXACT)
        options.planner = &planner;
    stop_on(ori_video_open(source, &options, &bench->video, &info, &err), &err);
    stop_on(ori_chooser_create(&chooser, &bench->chooser, &err), &err);
    struct ori_frame *frame = NULL;
    ori_status status;
    while ((status = ori_video_next(bench->video, &frame, &err)) == ORI_OK) {
        bench->pictures += !frame->is_stand_in;
        bench->last_us = frame->pts_us;
        if (!is_decoding)
            look(bench, frame);
        ori_frame_unref(&frame);
    }
    stop_on(status == ORI_EOF ? ORI_OK : status, &err);
    if (!is_decoding)
        stop_on(ori_chooser_finish(bench->chooser, bench->last_us + 40000, &err), &err);
    take(bench);
    ori_chooser_destroy(&bench->chooser);
    ori_video_close(&bench->video);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct stat st;
    if (argc < 3) {
        fprintf(stderr, "usage: bench_analysis decode|exact|fast|turbo FILE [--trace]\n");
        return 2;
    }
    ori_media_set_words(ORI_WORDS_NONE);
    int fd = open(argv[2], O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        perror(argv[2]);
        return 1;
    }
    struct ori_source source = {.fd = fd, .size = st.st_size};
    bench.is_tracing = argc > 3;
    bench.starts_file = open_memstream(&bench.starts, &bench.starts_bytes);
    bench.frames_file = open_memstream(&bench.frames, &bench.frames_bytes);
    if (!bench.starts_file || !bench.frames_file)
        return 1;
    double begin = seconds();
    run(&bench, &source, argv[1]);
    double spent = seconds() - begin;
    fclose(bench.starts_file);
    fclose(bench.frames_file);
    printf("{\"pictures\": %" PRId64 ", \"seconds\": %.6f, \"starts\": [%s], \"frames\": [%s]}\n",
           bench.pictures, spent, bench.starts, bench.frames);
    free(bench.starts);
    free(bench.frames);
    return 0;
}
