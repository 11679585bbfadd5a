/* What is left out of a video changes nothing about what is given: pictures that come with a planner
 * are those that come without one, to the bit, at the same times, whatever the plan; and a broken
 * file ends as it does without one. */
#include "media_clips.h"
#include "media/words.h"
#include "util/limits.h"

enum { PICTURES_MAX = 1600 };

struct picture {
    int64_t pts_us;
    uint64_t digest; /* of all planes */
    bool is_stand_in;
};

struct film {
    ori_status status;
    struct picture pictures[PICTURES_MAX];
    int count;
    int decoded;
    struct ori_video_groups groups;
};

struct plan {
    struct ori_group_planner planner;
    enum ori_group_plan always;
    uint32_t seed; /* not 0: at random */
    int asked;
    size_t longest; /* rest */
};

static ori_status make_plan(void *self, struct ori_video *video, const struct ori_group_rest *rest,
                            enum ori_group_plan *ret_plan, struct ori_error *err)
{
    struct plan *plan = self;
    struct ori_plane planes[3];
    assert_non_null(rest->newest);
    assert_int_equal(ori_frame_planes(video, rest->newest, planes, err), ORI_OK);
    if (rest->next) {
        assert_true(rest->next->pts_us > rest->newest->pts_us);
        assert_true(rest->next_bytes > 0);
    }
    plan->asked++;
    assert_true(rest->begin >= 1 && rest->begin <= rest->count);
    plan->longest = rest->count > plan->longest ? rest->count : plan->longest;
    *ret_plan = plan->always;
    if (plan->seed) {
        plan->seed = plan->seed * 1664525u + 1013904223u;
        *ret_plan = (enum ori_group_plan)((plan->seed >> 24) % 3);
    }
    return ORI_OK;
}

static uint64_t digest_of(struct ori_video *video, const struct ori_frame *frame)
{
    struct ori_plane planes[3];
    struct ori_error err = {0};
    uint64_t hash = 14695981039346656037u;
    assert_int_equal(ori_frame_planes(video, frame, planes, &err), ORI_OK);
    for (int p = 0; p < 3; p++) {
        for (int y = 0; y < planes[p].height; y++) {
            for (int x = 0; x < planes[p].width; x++)
                hash = (hash ^ planes[p].data[y * planes[p].stride + x]) * 1099511628211u;
        }
    }
    return hash;
}

static void watch(struct ori_source source, struct plan *plan, struct film *film)
{
    struct ori_video *video = NULL;
    struct ori_video_info info;
    struct ori_video_options options = usual_options;
    struct ori_error err = {0};
    *film = (struct film){0};
    if (plan) {
        plan->planner = (struct ori_group_planner){make_plan, plan};
        options.planner = &plan->planner;
    }
    film->status = ori_video_open(&source, &options, &video, &info, &err);
    while (film->status == ORI_OK) {
        struct ori_frame *frame = NULL;
        film->status = ori_video_next(video, &frame, &err);
        if (film->status != ORI_OK)
            break;
        assert_true(film->count < PICTURES_MAX);
        film->pictures[film->count++] =
            (struct picture){frame->pts_us, digest_of(video, frame), frame->is_stand_in};
        film->decoded += !frame->is_stand_in;
        ori_frame_unref(&frame);
    }
    if (video)
        film->groups = ori_video_groups(video);
    ori_video_close(&video);
}

static void watch_clip(const char *name, struct plan *plan, struct film *film)
{
    struct ori_source source = source_of_clip(name);
    watch(source, plan, film);
    close(source.fd);
}

/* Each picture that was decoded is one of whole's; stand-ins lie where whole has a picture. */
static void expect_part_of(const char *name, const struct film *whole, const struct film *part)
{
    assert_int_equal(part->status, whole->status);
    int at = 0;
    for (int i = 0; i < part->count; i++) {
        const struct picture *picture = &part->pictures[i];
        while (at < whole->count && whole->pictures[at].pts_us < picture->pts_us)
            at++;
        if (at == whole->count || whole->pictures[at].pts_us != picture->pts_us)
            fail_msg("%s: no picture at %lld", name, (long long)picture->pts_us);
        if (picture->is_stand_in)
            assert_true(i > 0 && picture->digest == part->pictures[i - 1].digest);
        else if (picture->digest != whole->pictures[at].digest)
            fail_msg("%s: another picture at %lld", name, (long long)picture->pts_us);
    }
}

/* How many of the groups of 8 in 50 pictures can be planned, and how many pictures are left when all
 * are skipped. */
struct expected {
    const char *clip;
    bool is_off;
    int keys;
};
static const struct expected table[] = {
    {"groups.mp4", false, 7},     {"groups.mkv", false, 7},      {"groups.ts", false, 7},
    {"open.mp4", false, 0},       {"open.ts", false, 0},         {"openhevc.mkv", false, 0},
    {"openmpeg2.ts", false, 0},   {"groupsmpeg4.mp4", false, 0}, {"groupsvp8.webm", false, 0},
    {"groupsvp9.webm", false, 0}, {"groupsav1.mkv", false, 0},   {"groupsvfr.mp4", false, 0},
    {"groups.avi", false, 50},    {"groups.h264", false, 0},     {"intra.mp4", false, 20},
    {"fields.ts", true, 20},      {"mjpeg.avi", true, 20},       {"gif.gif", true, 20},
    {"h264.mp4", false, 1},       {"one.mp4", false, 1},         {"edit.mp4", false, 0},
    {"late.mp4", false, 1},       {"longaudio.ts", false, 1},    {"420p12.mp4", false, 1},
};

static void test_all_is_as_without(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        static struct film whole, part;
        struct plan plan = {.always = ORI_GROUP_ALL};
        watch_clip(table[i].clip, NULL, &whole);
        watch_clip(table[i].clip, &plan, &part);
        assert_int_equal(whole.status, ORI_EOF);
        expect_part_of(table[i].clip, &whole, &part);
        if (part.count != whole.count)
            fail_msg("%s: %d of %d pictures", table[i].clip, part.count, whole.count);
        assert_int_equal(part.groups.is_off, table[i].is_off);
    }
}

static void test_key_frames_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        static struct film whole, part;
        struct plan plan = {.always = ORI_GROUP_SKIP};
        watch_clip(table[i].clip, NULL, &whole);
        watch_clip(table[i].clip, &plan, &part);
        expect_part_of(table[i].clip, &whole, &part);
        printf("  %-16s %d of %d decoded, %d given\n", table[i].clip, part.decoded, whole.count,
               part.count);
        if (table[i].keys && part.decoded != table[i].keys)
            fail_msg("%s: %d decoded", table[i].clip, part.decoded);
        assert_int_equal(part.pictures[part.count - 1].pts_us,
                         whole.pictures[whole.count - 1].pts_us);
    }
}

static void test_any_plan(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 6; seed++) {
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
            static struct film whole, part;
            struct plan plan = {.seed = seed};
            watch_clip(table[i].clip, NULL, &whole);
            watch_clip(table[i].clip, &plan, &part);
            expect_part_of(table[i].clip, &whole, &part);
        }
    }
}

static void test_references_alone(void **state)
{
    (void)state;
    static struct film whole, part;
    struct plan plan = {.always = ORI_GROUP_REFERENCES};
    watch_clip("groups.mp4", NULL, &whole);
    watch_clip("groups.mp4", &plan, &part);
    expect_part_of("groups.mp4", &whole, &part);
    assert_true(part.count < whole.count && part.count >= whole.count / 3);
    assert_int_equal(part.decoded, part.count);
}

/* A group of the most pictures is planned, one of one more is decoded whole. */
static void test_most_pictures(void **state)
{
    (void)state;
    static struct film whole, part;
    static const struct {
        const char *clip;
        int unplanned;
    } rows[] = {{"group1500.mp4", 0}, {"group1501.mp4", ORI_LIMIT_MAX_GROUP_PICTURES + 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct plan plan = {.always = ORI_GROUP_SKIP};
        watch_clip(rows[i].clip, NULL, &whole);
        watch_clip(rows[i].clip, &plan, &part);
        expect_part_of(rows[i].clip, &whole, &part);
        assert_int_equal(part.groups.pictures, 1502);
        assert_int_equal(part.groups.unplanned, rows[i].unplanned);
        assert_int_equal(part.decoded, rows[i].unplanned ? 1502 : 2);
    }
}

/* The first group's second picture padded, so that the group has so many bytes. IVF: a head of 32
 * bytes, then pictures with a head of 12, the first four their size. */
static struct ori_source padded(size_t group_bytes)
{
    size_t bytes = 0;
    uint8_t *data = clip_bytes("groupsvp8.ivf", &bytes);
    size_t sum = 0;
    size_t second = 0;
    size_t end = 0;
    size_t at = 32;
    for (int i = 0; i < 8; i++) {
        uint32_t size = 0;
        memcpy(&size, data + at, 4);
        sum += size;
        at += 12 + size;
        if (i == 0)
            second = at;
        if (i == 1)
            end = at;
    }
    assert_true(sum < group_bytes && end > second);
    size_t more = group_bytes - sum;
    uint32_t size = (uint32_t)(end - second - 12 + more);
    uint8_t *all = calloc(1, bytes + more);
    assert_non_null(all);
    memcpy(all, data, end);
    memcpy(all + second, &size, 4);
    memcpy(all + end + more, data + end, bytes - end);
    struct ori_source source = source_of_bytes(all, bytes + more);
    free(all);
    free(data);
    return source;
}

static void test_most_bytes(void **state)
{
    (void)state;
    static struct film part;
    for (int more = 0; more <= 1; more++) {
        struct plan plan = {.always = ORI_GROUP_SKIP};
        struct ori_source source = padded((size_t)ORI_LIMIT_MAX_GROUP_BYTES + (size_t)more);
        watch(source, &plan, &part);
        close(source.fd);
        assert_int_equal(part.status, ORI_EOF);
        assert_int_equal(part.groups.pictures, 50);
        assert_int_equal(part.groups.unplanned, more ? 8 : 0);
    }
}

/* Bent bytes: whatever the plan, an orderly end, and the same as without one where all is decoded. */
static void test_damage(void **state)
{
    (void)state;
    static const char *const names[] = {"groups.ts",    "groups.mkv",     "open.ts",
                                        "openhevc.mkv", "groupsvp8.webm", "openmpeg2.ts"};
    static struct film film;
    uint32_t seed = 3;
    for (int i = 0; i < 120; i++) {
        size_t bytes = 0;
        uint8_t *data = clip_bytes(names[i % 6], &bytes);
        for (int k = 0; k < 1 + i % 12; k++) {
            seed = seed * 1664525u + 1013904223u;
            data[(seed >> 4) % bytes] ^= (uint8_t)(1u << (seed % 8));
        }
        seed = seed * 1664525u + 1013904223u;
        struct ori_source source = source_of_bytes(data, i % 3 ? bytes : 1 + (seed >> 3) % bytes);
        for (int plans = 0; plans < 4; plans++) {
            struct plan plan = {.always = (enum ori_group_plan)(plans % 3),
                                .seed = plans == 3 ? seed | 1 : 0};
            watch(source, &plan, &film);
            assert_true(film.status != ORI_OK && film.status != ORI_INTERNAL);
        }
        close(source.fd);
        free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_is_as_without),
        cmocka_unit_test(test_key_frames_alone),
        cmocka_unit_test(test_any_plan),
        cmocka_unit_test(test_references_alone),
        cmocka_unit_test(test_most_pictures),
        cmocka_unit_test(test_most_bytes),
        cmocka_unit_test(test_damage),
    };
    ori_media_set_words(ORI_WORDS_NONE);
    return cmocka_run_group_tests_name("media_groups", tests, clips_setup, NULL);
}
