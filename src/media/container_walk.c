/* Is the file all there? Each container says how long its parts are; a part that goes on behind
 * the end of the file says that bytes are missing. Nothing is concluded from times: sound that is
 * longer than the picture, edit lists and live recordings are all whole files. */
#include "media/container_priv.h"

#include <string.h>

#include <libavutil/avstring.h>
#include <libavutil/intreadwrite.h>

#include "util/limits.h"

/* Exactly `bytes` bytes at offset, or false. */
static bool peek(struct ori_source *source, int64_t offset, uint8_t *data, size_t bytes)
{
    size_t got = 0;
    if (offset < 0 || offset > source->size - (int64_t)bytes)
        return false;
    bool is_hinted = source->has_read_past_end;
    bool is_read = ori_source_read_at(source, offset, data, bytes, &got, NULL) == ORI_OK;
    source->has_read_past_end = is_hinted;
    return is_read && got == bytes;
}

/* Steps over one part; false when the walk ends there. */
static bool step(const struct ori_source *source, int64_t *offset, uint64_t bytes,
                 struct ori_container_shape *shape)
{
    if (bytes > (uint64_t)(source->size - *offset)) {
        shape->is_cut = true;
        return false;
    }
    *offset += (int64_t)bytes;
    return *offset < source->size;
}

static struct ori_container_shape walk_boxes(struct ori_source *source)
{
    struct ori_container_shape shape = {0};
    int64_t offset = 0;
    for (int n = 0; n < ORI_LIMIT_MAX_CONTAINER_PARTS; n++) {
        uint8_t head[16];
        if (!peek(source, offset, head, 8)) {
            shape.is_cut = true; /* 1..7 bytes are left: a torn head */
            break;
        }
        uint64_t bytes = AV_RB32(head);
        uint64_t head_bytes = 8;
        if (bytes == 1) {
            if (!peek(source, offset, head, 16)) {
                shape.is_cut = true;
                break;
            }
            bytes = AV_RB64(head + 8);
            head_bytes = 16;
        }
        if (memcmp(head + 4, "moov", 4) == 0)
            shape.has_index = true;
        if (bytes < head_bytes) /* 0: up to the end of the file; 2..7: no box at all */
            break;
        if (!step(source, &offset, bytes, &shape))
            break;
    }
    return shape;
}

/* One EBML number: its length in bytes, 0 when torn. Sizes lose their marker, ids keep it. */
static int read_ebml(struct ori_source *source, int64_t offset, bool is_id, uint64_t *ret_value,
                     bool *ret_is_unknown)
{
    uint8_t data[8];
    if (!peek(source, offset, data, 1) || data[0] == 0)
        return 0;
    int bytes = 1;
    while (!(data[0] & (0x80 >> (bytes - 1))))
        bytes++;
    if (!peek(source, offset, data, (size_t)bytes))
        return 0;
    uint64_t value = is_id ? data[0] : data[0] & (0xFFu >> bytes);
    for (int i = 1; i < bytes; i++)
        value = value << 8 | data[i];
    *ret_value = value;
    if (ret_is_unknown)
        *ret_is_unknown = value == (1ull << (7 * bytes)) - 1;
    return bytes;
}

/* Segments and clusters of unknown size (live recordings) are entered, all else is stepped over. */
static struct ori_container_shape walk_ebml(struct ori_source *source)
{
    enum { SEGMENT = 0x18538067, CLUSTER = 0x1F43B675 };
    struct ori_container_shape shape = {.has_index = true};
    int64_t offset = 0;
    for (int n = 0; n < ORI_LIMIT_MAX_CONTAINER_PARTS; n++) {
        uint64_t id = 0;
        uint64_t bytes = 0;
        bool is_unknown = false;
        int id_bytes = read_ebml(source, offset, true, &id, NULL);
        int size_bytes =
            id_bytes ? read_ebml(source, offset + id_bytes, false, &bytes, &is_unknown) : 0;
        if (!size_bytes) {
            shape.is_cut = source->size - offset < 12; /* torn; else it is not EBML: no claim */
            break;
        }
        if (is_unknown && id != SEGMENT && id != CLUSTER)
            break;
        if (!step(source, &offset, (uint64_t)id_bytes + (uint64_t)size_bytes, &shape))
            break;
        if (!is_unknown && !step(source, &offset, bytes, &shape))
            break;
    }
    return shape;
}

/* RIFF chunks one behind the other (OpenDML has several). Sizes of 0 or all ones were
 * never filled in. */
static struct ori_container_shape walk_riff(struct ori_source *source)
{
    struct ori_container_shape shape = {.has_index = true};
    int64_t offset = 0;
    for (int n = 0; n < ORI_LIMIT_MAX_CONTAINER_PARTS; n++) {
        uint8_t head[8];
        if (!peek(source, offset, head, 8) || memcmp(head, "RIFF", 4) != 0)
            break;
        uint64_t bytes = AV_RL32(head + 4);
        if (bytes == 0 || bytes >= 0xFFFFFFF0 || !step(source, &offset, 8 + bytes, &shape))
            break;
        offset += (int64_t)(bytes & 1); /* a pad that the last one may lack */
    }
    return shape;
}

static struct ori_container_shape walk_flv(struct ori_source *source)
{
    struct ori_container_shape shape = {.has_index = true};
    uint8_t head[11];
    if (!peek(source, 0, head, 9))
        return shape;
    int64_t offset = (int64_t)AV_RB32(head + 5) + 4;
    for (int n = 0; n < ORI_LIMIT_MAX_CONTAINER_PARTS && offset < source->size; n++) {
        if (!peek(source, offset, head, 11)) {
            shape.is_cut = true;
            break;
        }
        uint8_t type = head[0] & 0x1F;
        if (type != 8 && type != 9 && type != 18)
            break;
        if (!step(source, &offset, 11 + (uint64_t)AV_RB24(head + 1) + 4, &shape))
            break;
    }
    return shape;
}

static struct ori_container_shape walk_ogg(struct ori_source *source)
{
    struct ori_container_shape shape = {.has_index = true};
    int64_t offset = 0;
    for (int n = 0; n < ORI_LIMIT_MAX_CONTAINER_PARTS; n++) {
        uint8_t head[27 + 255];
        if (!peek(source, offset, head, 27)) {
            shape.is_cut = true;
            break;
        }
        if (memcmp(head, "OggS", 4) != 0)
            break;
        uint64_t bytes = 27 + (uint64_t)head[26];
        if (!peek(source, offset, head, (size_t)bytes)) {
            shape.is_cut = true;
            break;
        }
        for (int i = 0; i < head[26]; i++)
            bytes += head[27 + i];
        if (!step(source, &offset, bytes, &shape))
            break;
    }
    return shape;
}

static struct ori_container_shape walk_ivf(struct ori_source *source)
{
    struct ori_container_shape shape = {.has_index = true};
    uint8_t head[12];
    if (!peek(source, 0, head, 8))
        return shape;
    int64_t offset = AV_RL16(head + 6);
    for (int n = 0; n < ORI_LIMIT_MAX_CONTAINER_PARTS && offset < source->size; n++) {
        if (!peek(source, offset, head, 12)) {
            shape.is_cut = true;
            break;
        }
        if (!step(source, &offset, 12 + (uint64_t)AV_RL32(head), &shape))
            break;
    }
    return shape;
}

/* The header object, then the data object: both say how long they are. */
static struct ori_container_shape walk_asf(struct ori_source *source)
{
    struct ori_container_shape shape = {.has_index = true};
    int64_t offset = 0;
    for (int n = 0; n < 2; n++) {
        uint8_t head[24];
        if (!peek(source, offset, head, 24)) {
            shape.is_cut = true;
            break;
        }
        uint64_t bytes = AV_RL64(head + 16);
        if (bytes <= 50 || !step(source, &offset, bytes, &shape)) /* 50: live, never filled in */
            break;
    }
    return shape;
}

/* Transport packets have one size; a rest at the end is a torn packet. */
static struct ori_container_shape walk_packets(struct ori_source *source)
{
    static const struct {
        int bytes;
        int lead; /* before the sync byte */
    } kinds[] = {{188, 0}, {192, 4}, {204, 0}};
    struct ori_container_shape shape = {.has_index = true};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        uint8_t sync = 0x47;
        for (int i = 0; i < 8 && sync == 0x47; i++) {
            int64_t offset = (int64_t)i * kinds[k].bytes + kinds[k].lead;
            if (offset < source->size && !peek(source, offset, &sync, 1))
                return shape;
        }
        if (sync == 0x47) {
            shape.is_cut = source->size % kinds[k].bytes != 0;
            break;
        }
    }
    return shape;
}

/* Program streams: from the last pack head near the end, packet by packet. */
static struct ori_container_shape walk_packs(struct ori_source *source)
{
    enum { TAIL = 32768 };
    static const uint8_t pack_head[4] = {0, 0, 1, 0xBA};
    struct ori_container_shape shape = {.has_index = true};
    uint8_t tail[TAIL];
    size_t bytes = source->size < TAIL ? (size_t)source->size : TAIL;
    if (!peek(source, source->size - (int64_t)bytes, tail, bytes))
        return shape;
    const uint8_t *at = memmem(tail, bytes, pack_head, sizeof pack_head);
    size_t left = at ? bytes - (size_t)(at - tail) : 0;
    while (left > 0) {
        if (left < 4 || AV_RB24(at) != 1 || at[3] < 0xB9) {
            shape.is_cut = left < 4;
            break;
        }
        bool is_pack = at[3] == 0xBA;
        size_t head = at[3] == 0xB9 ? 4 : is_pack ? 14 : 6;
        size_t part = head;
        if (left >= head && is_pack) /* of MPEG-2 with stuffing, or of MPEG-1 */
            part = (at[4] & 0xC0) == 0x40 ? head + (at[13] & 7) : 12;
        else if (left >= head && head == 6)
            part = head + AV_RB16(at + 4);
        if (part > left) {
            shape.is_cut = true;
            break;
        }
        at += part;
        left -= part;
    }
    return shape;
}

/* Sub-blocks of a GIF up to the empty one; false when the file ends in them. */
static bool skip_sub_blocks(struct ori_source *source, int64_t *offset, int *parts)
{
    uint8_t bytes = 1;
    while (bytes > 0) {
        if (++*parts > ORI_LIMIT_MAX_CONTAINER_PARTS || !peek(source, *offset, &bytes, 1))
            return false;
        *offset += 1 + bytes;
    }
    return true;
}

static int64_t color_table_bytes(uint8_t flags)
{
    return flags & 0x80 ? 3 << ((flags & 7) + 1) : 0;
}

/* GIF89a, appendix A: a file ends with a trailer. */
static struct ori_container_shape walk_gif(struct ori_source *source)
{
    struct ori_container_shape shape = {.has_index = true};
    uint8_t head[13];
    if (!peek(source, 0, head, 13))
        return shape;
    int64_t offset = 13 + color_table_bytes(head[10]);
    for (int n = 0; n < ORI_LIMIT_MAX_CONTAINER_PARTS; n++) {
        uint8_t image[10];
        if (!peek(source, offset, head, 1)) {
            shape.is_cut = true;
            break;
        }
        if (head[0] != 0x21 && head[0] != 0x2C) /* the trailer, or no GIF any more: no claim */
            break;
        bool is_image = head[0] == 0x2C;
        bool is_whole = !is_image || peek(source, offset, image, 10);
        if (is_whole)
            offset += is_image ? 11 + color_table_bytes(image[9]) : 2;
        if (!is_whole || !skip_sub_blocks(source, &offset, &n)) {
            shape.is_cut = n < ORI_LIMIT_MAX_CONTAINER_PARTS;
            break;
        }
    }
    return shape;
}

struct ori_container_shape ori_container_walk(struct ori_source *source, const char *format_name)
{
    static const struct {
        const char *name;
        struct ori_container_shape (*walk)(struct ori_source *source);
    } walks[] = {
        {"mov", walk_boxes},  {"matroska", walk_ebml}, {"avi", walk_riff}, {"flv", walk_flv},
        {"ogg", walk_ogg},    {"ivf", walk_ivf},       {"asf", walk_asf},  {"mpegts", walk_packets},
        {"mpeg", walk_packs}, {"gif", walk_gif},
    };
    for (size_t i = 0; i < sizeof walks / sizeof *walks; i++) {
        if (av_match_name(walks[i].name, format_name))
            return walks[i].walk(source);
    }
    return (struct ori_container_shape){.has_index = true};
}
