#include "media/timeline_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* Rules of timeline_priv.h, one scenario each: times in, in milliseconds; times out. */
struct scenario {
    const char *name;
    bool is_guess;
    int count;
    int64_t in_ms[8];
    int64_t out_us[8];
};

#define DAY_MS (86400LL * 1000)
#define UNKNOWN (-999999999LL)
#define INSANE (2000000000000LL)

static const struct scenario scenarios[] = {
    {"constant rate", false, 4, {0, 40, 80, 120}, {0, 40000, 80000, 120000}},
    {"variable rate", false, 4, {0, 10, 500, 510}, {0, 10000, 500000, 510000}},
    {"starts late", false, 3, {1500, 1540, 1580}, {1500000, 1540000, 1580000}},
    {"negative start", false, 4, {-80, -40, 0, 40}, {0, 1, 2, 40000}},
    {"twice the same", false, 4, {0, 40, 40, 80}, {0, 40000, 40001, 80000}},
    {"same, guessed", true, 4, {0, 40, 40, 80}, {0, 40000, 80000, 120000}},
    {"unknown", false, 4, {0, 100, UNKNOWN, UNKNOWN}, {0, 100000, 200000, 300000}},
    {"unknown first", false, 3, {UNKNOWN, UNKNOWN, 200}, {0, 40000, 200000}},
    {"past sense", false, 3, {0, 40, INSANE}, {0, 40000, 80000}},
    {"starts past a day", false, 3, {DAY_MS + 5, DAY_MS + 45, DAY_MS + 85}, {0, 40000, 80000}},
    {"starts at a day", false, 1, {DAY_MS}, {DAY_MS * 1000}},
    {"a day ahead", false, 3, {0, 40, 40 + DAY_MS}, {0, 40000, 40000 + DAY_MS * 1000}},
    {"past a day ahead", false, 4, {0, 40, 41 + DAY_MS, 81 + DAY_MS}, {0, 40000, 80000, 120000}},
    {"one frame back",
     false,
     5,
     {5000, 5040, 1000, 5120, 5160},
     {5000000, 5040000, 5080000, 5120000, 5160000}},
    {"clock set back",
     false,
     5,
     {5000, 5040, 0, 40, 80},
     {5000000, 5040000, 5080000, 5120000, 5160000}},
    {"499 ms back is no jump", false, 3, {5000, 4501, 5040}, {5000000, 5000001, 5040000}},
};

static void test_scenarios(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        const struct scenario *s = &scenarios[i];
        struct ori_timeline timeline;
        ori_timeline_init(&timeline, 40000);
        for (int k = 0; k < s->count; k++) {
            int64_t in = s->in_ms[k] == UNKNOWN ? ORI_TIME_UNKNOWN : s->in_ms[k] * 1000;
            int64_t out = ori_timeline_place(&timeline, in, s->is_guess, 0);
            if (out != s->out_us[k])
                fail_msg("%s, frame %d: %lld", s->name, k, (long long)out);
        }
    }
}

static void test_duration_of_frame_is_used(void **state)
{
    (void)state;
    struct ori_timeline timeline;
    ori_timeline_init(&timeline, 0);
    assert_int_equal(ori_timeline_place(&timeline, 0, false, 0), 0);
    assert_int_equal(ori_timeline_place(&timeline, ORI_TIME_UNKNOWN, false, 25000), 25000);
    assert_int_equal(ori_timeline_place(&timeline, ORI_TIME_UNKNOWN, false, 0), 65000);
    assert_int_equal(ori_timeline_place(&timeline, ORI_TIME_UNKNOWN, false, 10000000), 10065000);
    assert_int_equal(ori_timeline_place(&timeline, ORI_TIME_UNKNOWN, false, 10000001), 10105000);
}

/* Whatever comes in, what goes out increases. */
static void test_always_increases(void **state)
{
    (void)state;
    struct ori_timeline timeline;
    uint64_t seed = 1;
    int64_t last = -1;
    ori_timeline_init(&timeline, 33333);
    for (int i = 0; i < 100000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        int64_t time = (int64_t)(seed >> (seed >> 58));
        if (seed & 1)
            time = -time;
        int64_t out = ori_timeline_place(&timeline, time, seed & 2, time / 3);
        assert_true(out > last);
        last = out;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenarios),
        cmocka_unit_test(test_duration_of_frame_is_used),
        cmocka_unit_test(test_always_increases),
    };
    return cmocka_run_group_tests_name("media_timeline", tests, NULL, NULL);
}
