#include "media/container_priv.h"

#include <stdio.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/avstring.h>

/* libav's short names. Playlists (hls, dash, concat, sdp, image sequences...) are left out on
 * purpose: they name other files. */
static const char *const video_containers[] = {
    "mov", "mp4",       "matroska", "webm", "avi", "mpegts", "mpeg", "flv", "ogg", "asf", "gif",
    "m4v", "mpegvideo", "h264",     "hevc", "ivf", "obu",    "dv",   "mxf", "nut", "vc1",
};
static const char *const audio_containers[] = {
    "mp3", "wav", "flac", "aac", "aiff", "amr", "ac3", "eac3", "caf", "ape", "wv", "au", "w64",
};

/* One row a decoder; the first of a codec that this libav has is taken. */
#define CODECS(ROW)                                                                                \
    ROW(H264, "h264")                                                                              \
    ROW(HEVC, "hevc")                                                                              \
    ROW(VP8, "vp8")                                                                                \
    ROW(VP9, "vp9")                                                                                \
    ROW(AV1, "libdav1d")                                                                           \
    ROW(AV1, "libaom-av1")                                                                         \
    ROW(MPEG4, "mpeg4")                                                                            \
    ROW(MPEG2VIDEO, "mpeg2video")                                                                  \
    ROW(MPEG1VIDEO, "mpeg1video")                                                                  \
    ROW(MSMPEG4V1, "msmpeg4v1")                                                                    \
    ROW(MSMPEG4V2, "msmpeg4v2")                                                                    \
    ROW(MSMPEG4V3, "msmpeg4")                                                                      \
    ROW(WMV1, "wmv1")                                                                              \
    ROW(WMV2, "wmv2")                                                                              \
    ROW(WMV3, "wmv3")                                                                              \
    ROW(VC1, "vc1")                                                                                \
    ROW(H263, "h263")                                                                              \
    ROW(H263P, "h263p")                                                                            \
    ROW(FLV1, "flv")                                                                               \
    ROW(VP6, "vp6")                                                                                \
    ROW(VP6F, "vp6f")                                                                              \
    ROW(THEORA, "theora")                                                                          \
    ROW(PRORES, "prores")                                                                          \
    ROW(DNXHD, "dnxhd")                                                                            \
    ROW(DVVIDEO, "dvvideo")                                                                        \
    ROW(MJPEG, "mjpeg")                                                                            \
    ROW(RAWVIDEO, "rawvideo")                                                                      \
    ROW(FFV1, "ffv1")                                                                              \
    ROW(HUFFYUV, "huffyuv")                                                                        \
    ROW(FFVHUFF, "ffvhuff")                                                                        \
    ROW(UTVIDEO, "utvideo")                                                                        \
    ROW(QTRLE, "qtrle")                                                                            \
    ROW(CINEPAK, "cinepak")                                                                        \
    ROW(SVQ1, "svq1")                                                                              \
    ROW(SVQ3, "svq3")                                                                              \
    ROW(MSVIDEO1, "msvideo1")                                                                      \
    ROW(GIF, "gif")                                                                                \
    ROW(PNG, "png")

struct codec_row {
    enum AVCodecID id;
    const char *decoder;
};
#define CODEC_ROW(id, decoder) {AV_CODEC_ID_##id, (decoder)},
static const struct codec_row codecs[] = {CODECS(CODEC_ROW)};
#define CODEC_NAME(id, decoder) decoder ","
static const char codec_names[] = CODECS(CODEC_NAME) "none";

static bool is_in_list(const struct AVInputFormat *format, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (av_match_name(names[i], format->name))
            return true;
    }
    return false;
}

bool ori_container_is_allowed(const struct AVInputFormat *format)
{
    return is_in_list(format, video_containers, sizeof video_containers / sizeof *video_containers);
}

bool ori_container_is_audio(const struct AVInputFormat *format)
{
    return is_in_list(format, audio_containers, sizeof audio_containers / sizeof *audio_containers);
}

void ori_container_name(const AVFormatContext *format, char *ret_name, size_t bytes)
{
    const char *name = format->iformat->name;
    if (av_match_name("mov", name)) {
        const AVDictionaryEntry *brand = av_dict_get(format->metadata, "major_brand", NULL, 0);
        name = brand && strcmp(brand->value, "qt  ") != 0 ? "mp4" : "mov";
    }
    snprintf(ret_name, bytes, "%.*s", (int)strcspn(name, ","), name);
}

const char *ori_codec_allow_list(void)
{
    return codec_names;
}

const struct AVCodec *ori_codec_find(enum AVCodecID id)
{
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
        if (codecs[i].id != id)
            continue;
        const struct AVCodec *codec = avcodec_find_decoder_by_name(codecs[i].decoder);
        if (codec)
            return codec;
    }
    return NULL;
}
