#pragma once
/* media/container_priv.h: containers: which are let in, and whether a file is all there.
 * Threads  one thread at a time on the source
 * Limits   ORI_LIMIT_MAX_CONTAINER_PARTS boxes, elements or pages are walked; after that nothing
 *          is claimed
 * Source   ISO/IEC 14496-12 (boxes), RFC 8794 and 9559 (EBML, Matroska), RFC 3533 (Ogg pages),
 *          Microsoft RIFF and ASF, Adobe FLV 10.1, ISO/IEC 13818-1 (transport packets) */
#include <stdbool.h>

#include <libavformat/avformat.h>

#include "media/source.h"

/* True for containers of video that are let in. */
bool ori_container_is_allowed(const struct AVInputFormat *format);
/* True for containers of sound alone: an honest "no video stream" instead of "not media". */
bool ori_container_is_audio(const struct AVInputFormat *format);
/* "mp4", "matroska", "mpegts"...: one short name; static or the format's own memory. */
void ori_container_name(const AVFormatContext *format, char *ret_name, size_t bytes);

/* Decoders that are let in, as libav's codec_whitelist wants them. */
const char *ori_codec_allow_list(void);
/* NULL when the codec is not let in or this libav lacks it. */
const struct AVCodec *ori_codec_find(enum AVCodecID id);

struct ori_container_shape {
    bool is_cut;    /* a part says it goes on behind the end of the file */
    bool has_index; /* mp4 family: a moov box was seen; others: true */
};
/* Walks the outermost parts of the file. Unreadable or unknown: nothing is claimed. */
struct ori_container_shape ori_container_walk(struct ori_source *source, const char *format_name);
