#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "media/container_priv.h"
#include "util/limits.h"

/* The smallest files of each container: whole, and one byte short of it. */
struct walk_case {
    const char *name;
    const char *format;
    const char *bytes;
    size_t count;
    bool is_cut;
    bool has_index;
};
#define BYTES(text) (text), sizeof(text) - 1

#define FTYP                                                                                       \
    "\0\0\0\x0c"                                                                                   \
    "ftypisom"
#define MOOV                                                                                       \
    "\0\0\0\x08"                                                                                   \
    "moov"
#define MDAT                                                                                       \
    "\0\0\0\x0a"                                                                                   \
    "mdat12"
#define MDAT64                                                                                     \
    "\0\0\0\x01"                                                                                   \
    "mdat"                                                                                         \
    "\0\0\0\0\0\0\0\x12"                                                                           \
    "12"
#define SEGMENT "\x18\x53\x80\x67"
#define CLUSTER "\x1f\x43\xb6\x75"
#define BLOCK                                                                                      \
    "\xa3\x84"                                                                                     \
    "abcd"
#define EBML "\x1a\x45\xdf\xa3\x80"
#define UNSIZED "\x01\xff\xff\xff\xff\xff\xff\xff"
#define FLV_HEAD "FLV\1\5\0\0\0\x09\0\0\0\0"
#define FLV_TAG                                                                                    \
    "\x09\0\0\2\0\0\0\0\0\0\0"                                                                     \
    "ab\0\0\0\x0d"
#define OGG_PAGE                                                                                   \
    "OggS\0\2"                                                                                     \
    "01234567"                                                                                     \
    "ssss"                                                                                         \
    "0000"                                                                                         \
    "cccc"                                                                                         \
    "\2\3\1"                                                                                       \
    "abcd"
#define GUID "0123456789abcdef"
#define ASF_HEAD                                                                                   \
    GUID "\x40\0\0\0\0\0\0\0"                                                                      \
         "0123456789012345678901234567890123456789"
#define PACK                                                                                       \
    "\0\0\1\xba\x44"                                                                               \
    "123456780"                                                                                    \
    "\0\0\1\xe0\0\3abc"
#define GIF_HEAD                                                                                   \
    "GIF89a\1\0\1\0\x80\0\0"                                                                       \
    "rgbrgb"
#define GIF_IMAGE "\x2c\0\0\0\0\1\0\1\0\0\2\2\x44\1\0"
#define GIF_NOTE "\x21\xfe\3abc\0"
#define IVF_HEAD                                                                                   \
    "DKIF\0\0\x20\0"                                                                               \
    "VP90"                                                                                         \
    "01234567"                                                                                     \
    "01234567"                                                                                     \
    "0123"
#define IVF_FRAME                                                                                  \
    "\3\0\0\0"                                                                                     \
    "01234567"                                                                                     \
    "abc"
#define RIFF_AVI "RIFF\x08\0\0\0AVI 1234"

static const struct walk_case cases[] = {
    {"boxes", "mov,mp4", BYTES(FTYP MOOV MDAT), false, true},
    {"box of 64 bits", "mov,mp4", BYTES(FTYP MOOV MDAT64), false, true},
    {"no moov", "mov,mp4", BYTES(FTYP MDAT), false, false},
    {"box to the end", "mov,mp4", BYTES(MOOV "\0\0\0\0mdat12345"), false, true},
    {"size below a head", "mov,mp4", BYTES(MOOV "\0\0\0\7mdat12345"), false, true},
    {"torn box", "mov,mp4",
     BYTES(FTYP MOOV "\0\0\0\x0b"
                     "mdat12"),
     true, true},
    {"torn head", "mov,mp4",
     BYTES(FTYP MOOV "\0\0\0\x0b"
                     "mda"),
     true, true},
    {"torn head of 64 bits", "mov,mp4", BYTES(MOOV "\0\0\0\1mdat\0\0\0"), true, true},
    {"absurd box", "mov,mp4", BYTES(MOOV "\0\0\0\1mdat\xff\xff\xff\xff\xff\xff\xff\xff"), true,
     true},
    {"segment", "matroska,webm", BYTES(EBML SEGMENT "\x86" BLOCK), false, true},
    {"torn segment", "matroska,webm", BYTES(EBML SEGMENT "\x87" BLOCK), true, true},
    {"live", "matroska,webm", BYTES(EBML SEGMENT UNSIZED CLUSTER UNSIZED BLOCK BLOCK), false, true},
    {"live, clusters sized", "matroska,webm", BYTES(EBML SEGMENT UNSIZED CLUSTER "\x86" BLOCK),
     false, true},
    {"live, torn block", "matroska,webm",
     BYTES(EBML SEGMENT UNSIZED CLUSTER UNSIZED BLOCK "\xa3\x84"
                                                      "abc"),
     true, true},
    {"live, torn cluster", "matroska,webm", BYTES(EBML SEGMENT UNSIZED CLUSTER "\x87" BLOCK), true,
     true},
    {"live, torn id", "matroska,webm", BYTES(EBML SEGMENT UNSIZED "\x1f\x43"), true, true},
    {"no number", "matroska,webm", BYTES(EBML "\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), false, true},
    {"riff", "avi", BYTES(RIFF_AVI), false, true},
    {"two riffs", "avi", BYTES(RIFF_AVI RIFF_AVI), false, true},
    {"torn riff", "avi", BYTES("RIFF\x09\0\0\0AVI 1234"), true, true},
    {"second riff torn", "avi", BYTES(RIFF_AVI "RIFF\x09\0\0\0AVI 1234"), true, true},
    {"odd, without its pad", "avi", BYTES("RIFF\x09\0\0\0AVI 12345"), false, true},
    {"never finished: zero", "avi", BYTES("RIFF\0\0\0\0AVI 1234"), false, true},
    {"never finished: ones", "avi",
     BYTES("RIFF\xff\xff\xff\xff"
           "AVI 1234"),
     false, true},
    {"flv", "flv", BYTES(FLV_HEAD FLV_TAG FLV_TAG), false, true},
    {"torn tag", "flv", BYTES(FLV_HEAD FLV_TAG "\x09\0\0\2\0\0\0\0\0\0\0a"), true, true},
    {"torn tag head", "flv", BYTES(FLV_HEAD FLV_TAG "\x09\0\0"), true, true},
    {"ogg", "ogg", BYTES(OGG_PAGE OGG_PAGE), false, true},
    {"torn page", "ogg",
     BYTES(OGG_PAGE "OggS\0\2"
                    "01234567sssspppp0000"
                    "\1\5"
                    "abcd"),
     true, true},
    {"torn page head", "ogg", BYTES(OGG_PAGE "OggS"), true, true},
    {"asf", "asf", BYTES(ASF_HEAD ASF_HEAD), false, true},
    {"torn asf", "asf",
     BYTES(ASF_HEAD GUID "\x41\0\0\0\0\0\0\0"
                         "0123456789012345678901234567890123456789"),
     true, true},
    {"live asf", "asf",
     BYTES(ASF_HEAD GUID "\x32\0\0\0\0\0\0\0"
                         "12345"),
     false, true},
    {"packs", "mpeg", BYTES(PACK PACK "\0\0\1\xb9"), false, true},
    {"packs without an end", "mpeg", BYTES(PACK PACK), false, true},
    {"torn packet", "mpeg",
     BYTES(PACK "\0\0\1\xba\x44"
                "123456780"
                "\0\0\1\xe0\0\4abc"),
     true, true},
    {"torn pack head", "mpeg",
     BYTES(PACK "\0\0\1\xba\x44"
                "12345"),
     true, true},
    {"gif", "gif", BYTES(GIF_HEAD GIF_NOTE GIF_IMAGE ";"), false, true},
    {"gif without an end", "gif", BYTES(GIF_HEAD GIF_NOTE GIF_IMAGE), true, true},
    {"torn gif", "gif", BYTES(GIF_HEAD GIF_NOTE "\x2c\0\0\0\0\1\0\1\0\0\2\2\x44"), true, true},
    {"ivf", "ivf", BYTES(IVF_HEAD IVF_FRAME IVF_FRAME), false, true},
    {"torn ivf", "ivf",
     BYTES(IVF_HEAD IVF_FRAME "\3\0\0\0"
                              "01234567"
                              "ab"),
     true, true},
    {"torn ivf head", "ivf", BYTES(IVF_HEAD IVF_FRAME "\3\0\0\0"), true, true},
    {"raw streams claim nothing", "h264", BYTES("\0\0\0\1\x67"), false, true},
};

static struct ori_container_shape walk(const void *data, size_t bytes, const char *format)
{
    int fd = memfd_create("container", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, bytes), bytes);
    struct ori_source source = {.fd = fd, .size = (int64_t)bytes};
    struct ori_container_shape shape = ori_container_walk(&source, format);
    assert_false(source.has_read_past_end);
    close(fd);
    return shape;
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ori_container_shape shape = walk(cases[i].bytes, cases[i].count, cases[i].format);
        if (shape.is_cut != cases[i].is_cut || shape.has_index != cases[i].has_index)
            fail_msg("%s: cut %d, index %d", cases[i].name, shape.is_cut, shape.has_index);
    }
}

static void test_transport_packets(void **state)
{
    (void)state;
    static const struct {
        size_t packet, lead;
    } kinds[] = {{188, 0}, {192, 4}, {204, 0}};
    uint8_t data[204 * 20];
    for (size_t k = 0; k < 3; k++) {
        memset(data, 0x11, sizeof data);
        for (size_t i = 0; i < 20; i++)
            data[i * kinds[k].packet + kinds[k].lead] = 0x47;
        size_t whole = kinds[k].packet * 19;
        assert_false(walk(data, whole, "mpegts").is_cut);
        assert_true(walk(data, whole - 1, "mpegts").is_cut);
        assert_true(walk(data, whole + 1, "mpegts").is_cut);
    }
}

/* The last box that is looked at is torn: seen. One later: nothing is claimed. */
static void test_part_limit(void **state)
{
    (void)state;
    size_t count = ORI_LIMIT_MAX_CONTAINER_PARTS;
    uint8_t *data = malloc(8 * count + 8);
    assert_non_null(data);
    for (size_t i = 0; i <= count; i++)
        memcpy(data + 8 * i,
               "\0\0\0\x08"
               "free",
               8);
    data[8 * (count - 1) + 3] = 9; /* one byte longer than the file */
    assert_true(walk(data, 8 * count, "mov").is_cut);
    data[8 * (count - 1) + 3] = 8;
    data[8 * count + 3] = 9;
    assert_false(walk(data, 8 * (count + 1), "mov").is_cut);
    free(data);
}

/* Any file cut anywhere, and any noise, gives an answer. */
static void test_noise(void **state)
{
    (void)state;
    uint32_t seed = 3;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t cut = 0; cut < cases[i].count; cut++)
            walk(cases[i].bytes, cut, cases[i].format);
        for (int n = 0; n < 200; n++) {
            char data[128] = {0};
            memcpy(data, cases[i].bytes, cases[i].count < 128 ? cases[i].count : 128);
            for (int k = 0; k < 3; k++) {
                seed = seed * 1664525u + 1013904223u;
                data[(seed >> 8) % 128] = (char)(seed >> 24);
            }
            walk(data, sizeof data, cases[i].format);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_transport_packets),
        cmocka_unit_test(test_part_limit),
        cmocka_unit_test(test_noise),
    };
    return cmocka_run_group_tests_name("media_container_walk", tests, NULL, NULL);
}
