/* Orientation out of whole files and of blocks, honest and hostile. Data lies in memory of its exact
 * size, so that the sanitizer builds see a step too far. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/exif_priv.h"
#include "media/orient_priv.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { ROOM = 512 };

struct bytes {
    uint8_t data[ROOM];
    size_t used;
};

static void put(struct bytes *bytes, const void *data, size_t n)
{
    assert_true(n <= ROOM - bytes->used);
    memcpy(bytes->data + bytes->used, data, n);
    bytes->used += n;
}

static void put_number(struct bytes *bytes, uint32_t value, int width, bool is_big)
{
    for (int i = 0; i < width; i++) {
        uint8_t byte = (uint8_t)(value >> 8 * (is_big ? width - 1 - i : i));
        put(bytes, &byte, 1);
    }
}

struct entry {
    uint32_t tag, type, count, value;
};

/* Byte order, table at `offset`, which says that it has `count` entries. The value of a short stands
 * in the first half of its four bytes. */
static struct bytes make_block(bool is_big, uint32_t offset, uint32_t count,
                               const struct entry *entries, size_t n)
{
    struct bytes block = {0};
    put(&block, is_big ? "MM\0*" : "II*\0", 4);
    put_number(&block, offset, 4, is_big);
    put_number(&block, count, 2, is_big);
    for (size_t i = 0; i < n; i++) {
        put_number(&block, entries[i].tag, 2, is_big);
        put_number(&block, entries[i].type, 2, is_big);
        put_number(&block, entries[i].count, 4, is_big);
        put_number(&block, entries[i].value, entries[i].type == 3 ? 2 : 4, is_big);
        if (entries[i].type == 3)
            put_number(&block, 0, 2, is_big);
    }
    return block;
}

static int orientation_of_block(const uint8_t *data, size_t n)
{
    uint8_t *exact = malloc(n ? n : 1);
    assert_non_null(exact);
    memcpy(exact, data, n);
    int orientation = ori_exif_block_orientation(exact, n);
    free(exact);
    return orientation;
}

static int orientation_of_file(const uint8_t *data, size_t n)
{
    uint8_t *exact = malloc(n ? n : 1);
    assert_non_null(exact);
    memcpy(exact, data, n);
    int orientation = ori_exif_orientation(exact, n);
    free(exact);
    return orientation;
}

static void blocks(void **state)
{
    (void)state;
    static const struct {
        struct entry entry;
        int expected;
    } rows[] = {
        {{0x112, 3, 1, 1}, 1},          {{0x112, 3, 1, 2}, 2},  {{0x112, 3, 1, 3}, 3},
        {{0x112, 3, 1, 4}, 4},          {{0x112, 3, 1, 5}, 5},  {{0x112, 3, 1, 6}, 6},
        {{0x112, 3, 1, 7}, 7},          {{0x112, 3, 1, 8}, 8},  {{0x112, 4, 1, 6}, 6},
        {{0x112, 3, 1, 0}, 1},          {{0x112, 3, 1, 9}, 1},  {{0x112, 3, 1, 0xFFFF}, 1},
        {{0x112, 4, 1, UINT32_MAX}, 1}, {{0x112, 3, 0, 6}, 1},  {{0x112, 3, 2, 6}, 1},
        {{0x112, 1, 1, 6}, 1},          {{0x112, 12, 1, 6}, 1}, {{0x113, 3, 1, 6}, 1},
        {{0x111, 3, 1, 6}, 1},
    };
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        bool is_big = i % 2;
        struct entry entries[3] = {
            {0x10F, 2, 9, 1234}, rows[i / 2].entry, {0x11A, 5, 1, 0xFFFFFFF0}};
        struct bytes block = make_block(is_big, 8, 3, entries, 3);
        int orientation = orientation_of_block(block.data, block.used);
        if (orientation != rows[i / 2].expected)
            fail_msg("row %zu: %d", i / 2, orientation);
    }
}

/* Offset and count at the last byte that is there, and past it. */
static void blocks_that_lie(void **state)
{
    (void)state;
    static const struct entry six = {0x112, 3, 1, 6};
    static const struct {
        uint32_t offset;
        uint32_t count;
        size_t bytes; /* of 8 + 2 + 12 */
        int expected;
    } rows[] = {
        {8, 1, 22, 6},  {8, 1, 21, 1},  {8, 2, 22, 6},          {8, 65535, 22, 6},
        {8, 0, 22, 1},  {8, 1, 9, 1},   {8, 1, 10, 1},          {8, 1, 8, 1},
        {20, 1, 22, 1}, {21, 1, 22, 1}, {22, 1, 22, 1},         {23, 1, 22, 1},
        {0, 1, 22, 1},  {9, 1, 22, 1},  {0x7FFFFFFF, 1, 22, 1}, {UINT32_MAX, 1, 22, 1},
    };
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        struct bytes block = make_block(i % 2, rows[i / 2].offset, rows[i / 2].count, &six, 1);
        int orientation = orientation_of_block(block.data, rows[i / 2].bytes);
        if (orientation != rows[i / 2].expected)
            fail_msg("row %zu: %d", i / 2, orientation);
    }
    assert_int_equal(orientation_of_block((const uint8_t *)"", 0), 1);
    assert_int_equal(orientation_of_block((const uint8_t *)"II*", 3), 1);
    assert_int_equal(orientation_of_block((const uint8_t *)"MM*\0\0\0\0\x8", 8), 1);
}

static struct bytes block_of(int orientation)
{
    struct entry entry = {0x112, 3, 1, (uint32_t)orientation};
    return make_block(orientation % 2, 8, 1, &entry, 1);
}

static void put_segment(struct bytes *file, uint8_t marker, const char *mark, size_t mark_bytes,
                        const struct bytes *block)
{
    const uint8_t head[] = {0xFF, marker};
    put(file, head, 2);
    put_number(file, (uint32_t)(2 + mark_bytes + block->used), 2, true);
    put(file, mark, mark_bytes);
    put(file, block->data, block->used);
}

static void put_chunk(struct bytes *file, const char *name, const struct bytes *block)
{
    put_number(file, (uint32_t)block->used, 4, true);
    put(file, name, 4);
    put(file, block->data, block->used);
    put_number(file, 0, 4, true); /* the check sum is not looked at */
}

static void put_riff(struct bytes *file, const char *name, const struct bytes *block)
{
    put(file, name, 4);
    put_number(file, (uint32_t)block->used, 4, false);
    put(file, block->data, block->used);
    put(file, "", block->used % 2);
}

static const struct bytes filler = {.data = {1, 2, 3, 4, 5}, .used = 5};

static struct bytes jpeg_of(int orientation)
{
    struct bytes file = {0};
    struct bytes block = block_of(orientation);
    struct bytes other = block_of(orientation % 8 + 1);
    put(&file, "\xff\xd8", 2);
    put_segment(&file, 0xE0, "JFIF", 5, &filler);
    put(&file, "\xff\xff\xff", 3);                      /* fill bytes */
    put_segment(&file, 0xE1, "http://ns.", 10, &other); /* APP1 is not Exif's alone */
    put_segment(&file, 0xE2, "Exif\0", 6, &other);
    put_segment(&file, 0xE1, "Exif\0", 6, &block);
    put_segment(&file, 0xE1, "Exif\0", 6, &other); /* the first one counts */
    return file;
}

static struct bytes png_of(int orientation)
{
    struct bytes file = {0};
    struct bytes block = block_of(orientation);
    struct bytes other = block_of(orientation % 8 + 1);
    put(&file, "\x89PNG\r\n\x1a\n", 8);
    put_chunk(&file, "IHDR", &filler);
    put_chunk(&file, "iTXt", &other);
    put_chunk(&file, "IDAT", &filler);
    put_chunk(&file, "eXIf", &block);
    put_chunk(&file, "IEND", &(struct bytes){0});
    return file;
}

static struct bytes webp_of(int orientation)
{
    struct bytes file = {0};
    struct bytes block = {0};
    struct bytes inner = block_of(orientation);
    struct bytes other = block_of(orientation % 8 + 1);
    if (orientation % 3 == 0) /* some writers leave the mark of JPEG before it */
        put(&block, "Exif\0", 6);
    put(&block, inner.data, inner.used);
    put(&file, "RIFF\0\0\0\0WEBP", 12);
    put_riff(&file, "VP8 ", &filler);
    put_riff(&file, "XMP ", &other);
    put_riff(&file, "EXIF", &block);
    return file;
}

typedef struct bytes (*make_file)(int orientation);
static const make_file makers[] = {jpeg_of, png_of, webp_of};

static void files(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(makers); i++) {
        for (int orientation = 1; orientation <= 8; orientation++) {
            struct bytes file = makers[i](orientation);
            assert_int_equal(orientation_of_file(file.data, file.used), orientation);
        }
    }
}

/* What stands behind the end of the picture, or of the headers, does not count. */
static void behind_the_end(void **state)
{
    (void)state;
    struct bytes block = block_of(6);
    struct bytes jpeg = {.data = {0xFF, 0xD8, 0xFF, 0xDA}, .used = 4};
    struct bytes ended = {.data = {0xFF, 0xD8, 0xFF, 0xD9}, .used = 4};
    struct bytes png = {0};
    put_segment(&jpeg, 0xE1, "Exif\0", 6, &block);
    put_segment(&ended, 0xE1, "Exif\0", 6, &block);
    put(&png, "\x89PNG\r\n\x1a\n", 8);
    put_chunk(&png, "IEND", &(struct bytes){0});
    put_chunk(&png, "eXIf", &block);
    assert_int_equal(orientation_of_file(jpeg.data, jpeg.used), 1);
    assert_int_equal(orientation_of_file(ended.data, ended.used), 1);
    assert_int_equal(orientation_of_file(png.data, png.used), 1);
    assert_int_equal(orientation_of_file((const uint8_t *)"GIF89a............", 18), 1);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Cut anywhere, with bytes changed anywhere: an answer, and no step outside. */
static void damage(void **state)
{
    (void)state;
    uint32_t seed = 2024;
    for (int round = 0; round < 60000; round++) {
        struct bytes file = makers[round % 3](1 + round % 8);
        size_t n = round % 5 ? file.used : next_random(&seed) % (file.used + 1);
        for (int k = round % 7; k > 0; k--)
            file.data[next_random(&seed) % file.used] =
                (uint8_t)(k % 2 ? next_random(&seed) : 0xFF * (next_random(&seed) % 2));
        int orientation = orientation_of_file(file.data, n);
        assert_in_range(orientation, 1, 8);
    }
}

/* The letter F, stored as each orientation stores it, and turned back. */
static void turns(void **state)
{
    (void)state;
    static const char *const stored[9] = {
        NULL,
        "###"
        "#.."
        "##."
        "#..",
        "###"
        "..#"
        ".##"
        "..#",
        "..#"
        ".##"
        "..#"
        "###",
        "#.."
        "##."
        "#.."
        "###",
        "####"
        "#.#."
        "#...",
        "#..."
        "#.#."
        "####",
        "...#"
        ".#.#"
        "####",
        "####"
        ".#.#"
        "...#",
    };
    for (int orientation = 1; orientation <= 8; orientation++) {
        uint8_t from[36];
        uint8_t to[36];
        int width = orientation < 5 ? 3 : 4;
        int rotation = 0;
        bool is_mirrored = false;
        for (int i = 0; i < 36; i++)
            from[i] = (uint8_t)stored[orientation][i / 3];
        struct ori_rgb src = {from, 3 * width, width, 12 / width};
        struct ori_rgb dst = {to, 9, 3, 4};
        ori_exif_turn(orientation, &rotation, &is_mirrored);
        ori_orient_rgb(&src, rotation, is_mirrored, &dst);
        for (int i = 0; i < 36; i++) {
            if (to[i] != (uint8_t)stored[1][i / 3])
                fail_msg("orientation %d", orientation);
        }
    }
}

static void no_such_turn(void **state)
{
    (void)state;
    static const int orientations[] = {0, 9, -1, 1};
    for (size_t i = 0; i < COUNT_OF(orientations); i++) {
        int rotation = 7;
        bool is_mirrored = true;
        ori_exif_turn(orientations[i], &rotation, &is_mirrored);
        assert_int_equal(rotation, 0);
        assert_false(is_mirrored);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks),       cmocka_unit_test(blocks_that_lie),
        cmocka_unit_test(files),        cmocka_unit_test(behind_the_end),
        cmocka_unit_test(damage),       cmocka_unit_test(turns),
        cmocka_unit_test(no_such_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
