#pragma once
/* tests/component/media_clips.h: clips rendered with the ffmpeg command line, kept between runs.
 * Where     "test-clips" in the working directory (the build folder), one file a recipe; the name
 *           carries the recipe's hash, so that a changed recipe is rendered again
 * Recipes   words separated by spaces, no shell; "@name" stands for the path of another clip
 * Failure   clip_path skips the test program when there is no ffmpeg, and fails when it refuses */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "media/video.h"

enum { CLIP_WORDS_MAX = 96, CLIP_PATH_MAX = 256 };

struct clip {
    const char *name; /* with the extension */
    const char *recipe;
};

#define CLIP_TEST "-f lavfi -i testsrc2=s=160x120:r=10:d=2 "
#define CLIP_TEST5 "-f lavfi -i testsrc2=s=160x120:r=10:d=5 "
#define CLIP_TINY                                                                                  \
    "-f lavfi -i testsrc2=s=32x32:r=50:d=31 -c:v libx264 -pix_fmt yuv420p -sc_threshold 0 "
#define CLIP_TONE "-f lavfi -i sine=d=4 "
#define CLIP_X264 "-c:v libx264 -pix_fmt yuv420p "
#define CLIP_MAP8 " -map 0 -map 0 -map 0 -map 0 -map 0 -map 0 -map 0 -map 0"
#define CLIP_X265 "-c:v libx265 -x265-params log-level=none "

static const struct clip clips[] = {
    /* containers and codecs of the contract */
    {"h264.mp4", CLIP_TEST CLIP_X264},
    {"h264.mkv", "-i @h264.mp4 -c copy"},
    {"h264.mov", "-i @h264.mp4 -c copy"},
    {"h264.ts", "-i @h264.mp4 -c copy"},
    {"h264.avi", "-i @h264.mp4 -c copy"},
    {"h264.flv", "-i @h264.mp4 -c copy"},
    {"raw.h264", "-i @h264.mp4 -c copy -bsf:v h264_mp4toannexb"},
    {"fast.mp4", "-i @h264.mp4 -c copy -movflags +faststart"},
    {"frag.mp4", CLIP_TEST CLIP_X264 "-g 5 -movflags +frag_keyframe+empty_moov"},
    {"live.mkv", "-i @h264.mp4 -c copy -live 1"},
    {"hevc.mp4", CLIP_TEST CLIP_X265 "-pix_fmt yuv420p"},
    {"hevc.mkv", "-i @hevc.mp4 -c copy"},
    {"hevc.ts", "-i @hevc.mp4 -c copy"},
    {"vp8.webm", CLIP_TEST "-c:v libvpx -b:v 200k"},
    {"vp9.webm", CLIP_TEST "-c:v libvpx-vp9 -b:v 200k -cpu-used 8"},
    {"vp9.mp4", "-i @vp9.webm -c copy"},
    {"vp9.ivf", "-i @vp9.webm -c copy"},
    {"av1.mkv", CLIP_TEST "-c:v libaom-av1 -cpu-used 8 -b:v 200k"},
    {"av1.mp4", "-i @av1.mkv -c copy"},
    {"av1.webm", "-i @av1.mkv -c copy"},
    {"mpeg4.avi", CLIP_TEST "-c:v mpeg4 -bf 2"},
    {"mpeg4.mp4", CLIP_TEST "-c:v mpeg4 -bf 2"},
    {"mpeg4.mkv", CLIP_TEST "-c:v mpeg4 -bf 2"},
    {"mpeg2.mpg", CLIP_TEST "-c:v mpeg2video -bf 2"},
    {"mpeg2.ts", CLIP_TEST "-c:v mpeg2video -bf 2"},
    {"wmv2.wmv", CLIP_TEST "-c:v wmv2"},
    {"theora.ogv", CLIP_TEST "-c:v libtheora"},
    {"gif.gif", CLIP_TEST "-c:v gif"},
    {"mjpeg.avi", CLIP_TEST "-c:v mjpeg"},
    {"ffv1.mkv", CLIP_TEST "-c:v ffv1"},
    {"prores.mov", CLIP_TEST "-c:v prores"},
    {"rgb.mov", CLIP_TEST "-c:v qtrle"},
    {"bgr.avi", CLIP_TEST "-c:v rawvideo -pix_fmt bgr24"},
    {"yuyv.avi", CLIP_TEST "-c:v rawvideo -pix_fmt yuyv422"},
    /* pixel formats */
    {"grey.mp4", CLIP_TEST "-c:v libx264 -pix_fmt gray"},
    {"grey.mkv", CLIP_TEST "-c:v ffv1 -pix_fmt gray"},
    {"444.mp4", CLIP_TEST "-c:v libx264 -pix_fmt yuv444p"},
    {"422.mp4", CLIP_TEST "-c:v libx264 -pix_fmt yuv422p"},
    {"full.mp4", CLIP_TEST "-c:v libx264 -pix_fmt yuvj420p"},
    {"420p10.mp4", CLIP_TEST "-c:v libx264 -pix_fmt yuv420p10le"},
    {"444p10.mp4", CLIP_TEST "-c:v libx264 -pix_fmt yuv444p10le"},
    {"420p12.mp4", CLIP_TEST CLIP_X265 "-pix_fmt yuv420p12le"},
    {"odd.mp4", "-f lavfi -i testsrc2=s=320x240:r=10:d=1 -vf scale=161:121,setsar=1 -c:v libx264 "
                "-pix_fmt yuv444p"},
    {"odd420.webm",
     "-f lavfi -i testsrc2=s=320x240:r=10:d=1 -vf scale=853:481,setsar=1,format=yuv420p "
     "-c:v libvpx-vp9 -cpu-used 8"},
    {"709.mp4", CLIP_TEST "-vf scale=out_color_matrix=bt709 " CLIP_X264
                          "-colorspace bt709 -color_primaries bt709 -color_trc bt709"},
    {"pq.mp4",
     "-f lavfi -i color=0x808080:s=64x48:r=10:d=0.5 -pix_fmt yuv420p10le -c:v libx265 -x265-params "
     "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"},
    {"hlg.mp4",
     "-f lavfi -i color=0x808080:s=64x48:r=10:d=0.5 -pix_fmt yuv420p10le -c:v libx265 -x265-params "
     "log-level=none:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc"},
    /* shapes */
    {"sar43.mp4", CLIP_TEST "-vf setsar=4/3 " CLIP_X264},
    {"sar12.mp4", CLIP_TEST "-vf setsar=1/2 " CLIP_X264},
    {"sar9.mp4", CLIP_TEST "-vf setsar=9/1 " CLIP_X264},
    {"rot90.mp4", "-i @h264.mp4 -c copy -metadata:s:v rotate=270"},
    {"rot180.mp4", "-i @h264.mp4 -c copy -metadata:s:v rotate=180"},
    {"rot270.mp4", "-i @h264.mp4 -c copy -metadata:s:v rotate=90"},
    /* times */
    {"vfr.mp4", CLIP_TEST "-vf settb=1/1000,setpts='(N+N*N/20)*100' -vsync passthrough "
                          "-enc_time_base 1:1000 " CLIP_X264},
    {"vfr.mkv", "-i @vfr.mp4 -c copy"},
    {"vfr.ts", "-i @vfr.mp4 -c copy"},
    {"one.mp4", CLIP_TEST "-frames:v 1 " CLIP_X264},
    {"one.ts", CLIP_TEST "-frames:v 1 " CLIP_X264},
    {"one.webm", CLIP_TEST "-frames:v 1 -c:v libvpx-vp9"},
    {"one.avi", CLIP_TEST "-frames:v 1 -c:v mpeg4"},
    {"edit.mp4", "-ss 0.75 -i @h264.mp4 -c copy"},
    {"late.mp4", "-itsoffset 1.5 " CLIP_TEST CLIP_TONE "-vsync passthrough " CLIP_X264 "-c:a aac"},
    {"longaudio.mp4", CLIP_TEST CLIP_TONE CLIP_X264 "-c:a aac"},
    {"longaudio.mkv", CLIP_TEST CLIP_TONE CLIP_X264 "-c:a aac"},
    {"longaudio.ts", CLIP_TEST CLIP_TONE CLIP_X264 "-c:a aac"},
    {"longaudio.avi", CLIP_TEST CLIP_TONE CLIP_X264 "-c:a pcm_s16le"},
    {"shortest.mp4", CLIP_TEST CLIP_TONE "-shortest " CLIP_X264 "-c:a aac"},
    /* several groups of pictures; closed where nothing is said, open: B frames before a key frame
     * are made from the group before too */
    {"groups.mp4", CLIP_TEST5 CLIP_X264 "-g 8 -sc_threshold 0"},
    {"groups.mkv", "-i @groups.mp4 -c copy"},
    {"groups.ts", "-i @groups.mp4 -c copy"},
    {"groups.avi", "-i @groups.mp4 -c copy"},
    {"groups.h264", "-i @groups.mp4 -c copy -bsf:v h264_mp4toannexb"},
    {"open.mp4", CLIP_TEST5 CLIP_X264 "-x264-params "
                                      "open-gop=1:keyint=8:min-keyint=8:scenecut=0:bframes=3"},
    {"open.ts", "-i @open.mp4 -c copy"},
    {"openhevc.mkv", CLIP_TEST5 "-pix_fmt yuv420p -c:v libx265 -x265-params "
                                "log-level=none:open-gop=1:keyint=8:min-keyint=8:bframes=3"},
    {"openmpeg2.ts", CLIP_TEST5 "-c:v mpeg2video -g 8 -bf 2"},
    {"groupsmpeg4.mp4", CLIP_TEST5 "-c:v mpeg4 -g 8 -bf 2"},
    {"groupsvp8.webm", CLIP_TEST5 "-c:v libvpx -g 8 -b:v 200k"},
    {"groupsvp8.ivf", "-i @groupsvp8.webm -c copy"},
    {"group1500.mp4", CLIP_TINY "-frames:v 1502 -g 1500 -keyint_min 1500"},
    {"group1501.mp4", CLIP_TINY "-frames:v 1502 -g 1501 -keyint_min 1501"},
    {"groupsvp9.webm", CLIP_TEST5 "-c:v libvpx-vp9 -g 8 -b:v 200k -cpu-used 8"},
    {"groupsav1.mkv", CLIP_TEST5 "-c:v libaom-av1 -g 8 -b:v 200k -cpu-used 8"},
    {"groupsvfr.mp4", "-f lavfi -i testsrc2=s=160x120:r=10:d=5 -vf "
                      "settb=1/1000,setpts='(N+N*N/20)*100' -vsync passthrough "
                      "-enc_time_base 1:1000 " CLIP_X264 "-g 8"},
    {"intra.mp4", CLIP_TEST CLIP_X264 "-g 1"},
    {"fields.ts", CLIP_TEST CLIP_X264 "-flags +ilme+ildct -top 1"},
    /* no video */
    {"audio.m4a", CLIP_TONE "-c:a aac"},
    {"audio.mp3", CLIP_TONE},
    {"audio.wav", CLIP_TONE},
    {"audio.ogg", CLIP_TONE "-c:a libvorbis"},
    {"audio.webm", CLIP_TONE "-c:a libopus"},
    {"audio.ts", CLIP_TONE "-c:a aac"},
    {"cover.png", CLIP_TEST "-frames:v 1"},
    {"cover.m4a", CLIP_TONE "-i @cover.png -map 0 -map 1 -c:a aac -c:v png "
                            "-disposition:v:0 attached_pic"},
    {"covered.mp4", "-i @cover.png -i @h264.mp4 -map 0 -map 1 -c:v:0 png -c:v:1 copy "
                    "-disposition:v:0 attached_pic"},
    {"small.ts", "-f lavfi -i testsrc2=s=80x60:r=10:d=1 " CLIP_X264 "-bf 0"},
    {"large.ts", "-f lavfi -i testsrc2=s=160x120:r=10:d=1 " CLIP_X264 "-bf 0"},
    {"8streams.mkv", "-i @h264.mp4 -c copy" CLIP_MAP8},
    {"64streams.mkv", "-i @8streams.mkv -c copy" CLIP_MAP8},
    {"65streams.mkv", "-i @8streams.mkv -i @h264.mp4 -c copy" CLIP_MAP8 " -map 1"},
    {"jpeg2000.mov", CLIP_TEST "-frames:v 3 -c:v jpeg2000"},
};

static inline const struct clip *clip_find(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof clips / sizeof *clips; i++) {
        if (strlen(clips[i].name) == length && strncmp(clips[i].name, name, length) == 0)
            return &clips[i];
    }
    fail_msg("no recipe for %s", name);
    return NULL;
}

/* FNV-1a of a recipe and of the recipes it names: they come earlier in the table. */
static inline uint32_t clip_hash(const struct clip *clip)
{
    uint32_t hash = 2166136261u;
    for (const char *at = clip->recipe; *at; at++) {
        hash = (hash ^ (uint8_t)*at) * 16777619u;
        if (*at == '@') {
            const struct clip *source = clip_find(at + 1, strcspn(at + 1, " "));
            assert_true(source < clip);
            hash = (hash ^ clip_hash(source)) * 16777619u;
        }
    }
    return hash;
}

static inline void clip_path_of(const struct clip *clip, char path[CLIP_PATH_MAX])
{
    snprintf(path, CLIP_PATH_MAX, "test-clips/%08x-%s", clip_hash(clip), clip->name);
}

/* Runs ffmpeg; true when it ended well. 127: there is none. */
static inline bool clip_spawn(char *const *words)
{
    extern char **environ;
    pid_t child = 0;
    int result = 0;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    int error = posix_spawnp(&child, words[0], &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        printf("skipped: %s: %s\n", words[0], strerror(error));
        exit(77);
    }
    while (waitpid(child, &result, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(result) && WEXITSTATUS(result) == 0;
}

/* Path of a clip that is there already, or NULL and the one whose turn it is. */
static inline bool clip_is_there(const struct clip *clip)
{
    char path[CLIP_PATH_MAX];
    struct stat facts;
    clip_path_of(clip, path);
    return stat(path, &facts) == 0;
}

static inline void clip_render(const struct clip *clip)
{
    char text[1024];
    char paths[4][CLIP_PATH_MAX];
    char target[CLIP_PATH_MAX];
    char part[CLIP_PATH_MAX + 16];
    char *words[CLIP_WORDS_MAX] = {"ffmpeg", "-nostdin", "-v", "error", "-y", "-threads", "2"};
    int count = 7;
    int paths_used = 0;
    clip_path_of(clip, target);
    snprintf(part, sizeof part, "test-clips/part-%ld-%s", (long)getpid(), clip->name);
    snprintf(text, sizeof text, "%s", clip->recipe);
    for (char *word = text + strspn(text, " "); *word; word += strspn(word, " ")) {
        size_t length = strcspn(word, " ");
        bool is_last = word[length] == '\0';
        word[length] = '\0';
        assert_true(count < CLIP_WORDS_MAX - 2 && paths_used < 4);
        words[count++] = word;
        if (*word == '@') {
            const struct clip *source = clip_find(word + 1, length - 1);
            assert_true(clip_is_there(source)); /* recipes name earlier ones */
            clip_path_of(source, paths[paths_used]);
            words[count - 1] = paths[paths_used++];
        }
        word += length + (is_last ? 0 : 1);
    }
    words[count] = part;
    if (!clip_spawn(words) || rename(part, target) != 0)
        fail_msg("ffmpeg could not make %s", clip->name);
}

/* Renders all recipes that are not there yet, in the table's order. */
static inline int clips_setup(void **state)
{
    (void)state;
    if (mkdir("test-clips", 0777) != 0 && errno != EEXIST)
        return -1;
    for (size_t i = 0; i < sizeof clips / sizeof *clips; i++) {
        if (!clip_is_there(&clips[i]))
            clip_render(&clips[i]);
    }
    return 0;
}

/* A clip's bytes; the caller frees. */
static inline uint8_t *clip_bytes(const char *name, size_t *ret_bytes)
{
    char path[CLIP_PATH_MAX];
    struct stat facts;
    clip_path_of(clip_find(name, strlen(name)), path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && fstat(fd, &facts) == 0);
    size_t bytes = (size_t)facts.st_size;
    uint8_t *data = malloc(bytes + 1);
    assert_non_null(data);
    assert_int_equal(read(fd, data, bytes), bytes);
    close(fd);
    *ret_bytes = bytes;
    return data;
}

static inline struct ori_source source_of_bytes(const void *data, size_t bytes)
{
    int fd = memfd_create("clip", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, bytes), bytes);
    return (struct ori_source){.fd = fd, .size = (int64_t)bytes};
}

static inline struct ori_source source_of_clip(const char *name)
{
    size_t bytes = 0;
    uint8_t *data = clip_bytes(name, &bytes);
    struct ori_source source = source_of_bytes(data, bytes);
    free(data);
    return source;
}

static const struct ori_video_options usual_options = {.threads = 1, .pixels_max = 1 << 22};
