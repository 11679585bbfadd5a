#include "media/exif_priv.h"

#include <string.h>

#include "media/riff_priv.h"

enum {
    UPRIGHT = 1,
    TAG_ORIENTATION = 0x0112,
    TYPE_SHORT = 3,
    TYPE_LONG = 4,
    TIFF_HEAD_BYTES = 8,
    ENTRY_BYTES = 12,
    MARK_BYTES = 6,
};

/* A part of the file; no data: there is none. */
struct span {
    const uint8_t *data;
    size_t bytes;
};

static uint32_t big16(const uint8_t *data)
{
    return (uint32_t)data[0] << 8 | data[1];
}

static uint32_t big32(const uint8_t *data)
{
    return big16(data) << 16 | big16(data + 2);
}

/* ---- the block: a TIFF file without a picture ---- */

static uint32_t read16(const uint8_t *data, bool is_big)
{
    return is_big ? big16(data) : data[0] | (uint32_t)data[1] << 8;
}

static uint32_t read32(const uint8_t *data, bool is_big)
{
    return is_big ? big32(data) : read16(data, false) | read16(data + 2, false) << 16;
}

static int entry_orientation(const uint8_t *entry, bool is_big)
{
    uint32_t type = read16(entry + 2, is_big);
    uint32_t count = read32(entry + 4, is_big);
    uint32_t value = 0;
    if (type == TYPE_SHORT && count == 1)
        value = read16(entry + 8, is_big);
    else if (type == TYPE_LONG && count == 1)
        value = read32(entry + 8, is_big);
    return value >= 1 && value <= 8 ? (int)value : UPRIGHT;
}

int ori_exif_block_orientation(const uint8_t *data, size_t bytes)
{
    if (bytes < TIFF_HEAD_BYTES)
        return UPRIGHT;
    bool is_big = memcmp(data, "MM\0*", 4) == 0;
    if (!is_big && memcmp(data, "II*\0", 4) != 0)
        return UPRIGHT;
    size_t at = read32(data + 4, is_big);
    if (at > bytes || bytes - at < 2)
        return UPRIGHT;
    size_t count = read16(data + at, is_big);
    size_t room = (bytes - at - 2) / ENTRY_BYTES;
    const uint8_t *entry = data + at + 2;
    for (size_t i = 0; i < count && i < room; i++, entry += ENTRY_BYTES) {
        if (read16(entry, is_big) == TAG_ORIENTATION)
            return entry_orientation(entry, is_big);
    }
    return UPRIGHT;
}

/* ---- where the block is ---- */

static struct span without_mark(const uint8_t *data, size_t bytes)
{
    if (bytes >= MARK_BYTES && memcmp(data, "Exif\0\0", MARK_BYTES) == 0)
        return (struct span){data + MARK_BYTES, bytes - MARK_BYTES};
    return (struct span){data, bytes};
}

/* Markers without a length: TEM, RST0..7, SOI. */
static bool is_bare_marker(uint8_t marker)
{
    return marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8);
}

/* Segments up to the first scan or the end of the picture. */
static struct span find_in_jpeg(const uint8_t *data, size_t bytes)
{
    size_t at = 2;
    while (bytes - at >= 4) {
        uint8_t marker = data[at + 1];
        if (data[at] != 0xFF || marker == 0xFF || marker == 0) { /* between segments, as libjpeg */
            at++;
            continue;
        }
        at += 2;
        if (is_bare_marker(marker))
            continue;
        size_t length = big16(data + at);
        if (marker == 0xDA || marker == 0xD9 || length < 2 || length > bytes - at)
            break;
        if (marker == 0xE1 && length >= 2 + MARK_BYTES &&
            memcmp(data + at + 2, "Exif\0\0", MARK_BYTES) == 0)
            return without_mark(data + at + 2, length - 2);
        at += length;
    }
    return (struct span){0};
}

static struct span find_in_png(const uint8_t *data, size_t bytes)
{
    enum { HEAD_BYTES = 8, CRC_BYTES = 4 };
    size_t at = 8;
    while (bytes - at >= HEAD_BYTES + CRC_BYTES) {
        size_t length = big32(data + at);
        const uint8_t *name = data + at + 4;
        at += HEAD_BYTES;
        if (length > bytes - at - CRC_BYTES || memcmp(name, "IEND", 4) == 0)
            break;
        if (memcmp(name, "eXIf", 4) == 0)
            return without_mark(data + at, length);
        at += length + CRC_BYTES;
    }
    return (struct span){0};
}

static struct span find_in_webp(const uint8_t *data, size_t bytes)
{
    size_t at = ORI_RIFF_FIRST_CHUNK;
    struct ori_riff_chunk chunk;
    while (ori_riff_next(data, bytes, &at, &chunk)) {
        if (memcmp(chunk.name, "EXIF", 4) == 0)
            return without_mark(chunk.data, chunk.bytes);
    }
    return (struct span){0};
}

int ori_exif_orientation(const uint8_t *data, size_t bytes)
{
    struct span block = {0};
    if (bytes < ORI_RIFF_FIRST_CHUNK)
        return UPRIGHT;
    if (memcmp(data, "\xff\xd8\xff", 3) == 0)
        block = find_in_jpeg(data, bytes);
    else if (memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0)
        block = find_in_png(data, bytes);
    else if (memcmp(data, "RIFF", 4) == 0 && memcmp(data + 8, "WEBP", 4) == 0)
        block = find_in_webp(data, bytes);
    return block.data ? ori_exif_block_orientation(block.data, block.bytes) : UPRIGHT;
}

/* Row 0 and column 0 of the stored picture are, when it is shown: 1 top left, 2 top right, 3 bottom
 * right, 4 bottom left, 5 left top, 6 right top, 7 right bottom, 8 left bottom. */
void ori_exif_turn(int orientation, int *ret_rotation, bool *ret_is_mirrored)
{
    static const struct {
        int rotation;
        bool is_mirrored;
    } turns[] = {{0, false}, {0, false},  {0, true},   {180, false}, {180, true},
                 {90, true}, {90, false}, {270, true}, {270, false}};
    bool is_known = orientation >= 1 && orientation <= 8;
    *ret_rotation = turns[is_known ? orientation : UPRIGHT].rotation;
    *ret_is_mirrored = turns[is_known ? orientation : UPRIGHT].is_mirrored;
}
