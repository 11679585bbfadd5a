/* Dot products: every level against the plain reference and against double precision; the list of
 * the best against a full sort. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stores/vector_scan.h"

enum { STRIDE_MAX = 1040, ROWS = 37 };

static float *rows;
static float *query;

static double uniform(void) /* -1..1 */
{
    return (double)rand() / RAND_MAX * 2.0 - 1.0;
}

static int fill(void **state)
{
    (void)state;
    srand(1);
    rows = aligned_alloc(64, sizeof(float) * STRIDE_MAX * ROWS);
    query = aligned_alloc(64, sizeof(float) * STRIDE_MAX);
    if (!rows || !query)
        return -1;
    for (size_t i = 0; i < (size_t)STRIDE_MAX * ROWS; i++)
        rows[i] = (float)uniform();
    for (size_t i = 0; i < STRIDE_MAX; i++)
        query[i] = (float)uniform();
    return 0;
}

static int release(void **state)
{
    (void)state;
    free(rows);
    free(query);
    return 0;
}

/* Sum of products in double, and of their sizes: what rounding is measured against. */
static double exact_dot(const float *row, size_t stride, double *ret_size)
{
    double sum = 0;
    *ret_size = 0;
    for (size_t i = 0; i < stride; i++) {
        sum += (double)query[i] * row[i];
        *ret_size += fabs((double)query[i] * row[i]);
    }
    return sum;
}

static void test_every_level_is_near_the_reference(void **state)
{
    static const size_t strides[] = {16, 32, 48, 64, 96, 512, 528, 768, 1024, 1040};
    (void)state;
    for (int level = ORI_SCAN_PLAIN; level <= ORI_SCAN_AVX512; level++) {
        const ori_scan_dots_fn dots = ori_scan_dots((enum ori_scan_level)level);
        if ((enum ori_scan_level)level > ori_scan_level_best())
            print_message("level %d is not on this CPU: the next lower one runs\n", level);
        for (size_t s = 0; s < sizeof strides / sizeof strides[0]; s++) {
            const size_t stride = strides[s];
            float scores[ROWS + 1];
            float reference[ROWS];
            scores[ROWS] = 42.0F;
            dots(query, rows, ROWS, stride, scores);
            ori_scan_dots(ORI_SCAN_PLAIN)(query, rows, ROWS, stride, reference);
            for (size_t r = 0; r < ROWS; r++) {
                double size = 0;
                const double exact = exact_dot(rows + r * stride, stride, &size);
                /* The bound of vector_scan.h: stride roundings, each half an ulp of the size. */
                const double bound = (double)stride * 0x1p-24 * size;
                assert_true(fabs(scores[r] - exact) <= bound);
                assert_true(fabs((double)scores[r] - reference[r]) <= 1e-6 * size);
            }
            assert_true(scores[ROWS] == 42.0F); /* n is n */
        }
    }
}

static void test_a_row_scores_the_same_wherever_it_stands(void **state)
{
    (void)state;
    for (int level = ORI_SCAN_PLAIN; level <= ORI_SCAN_AVX512; level++) {
        const ori_scan_dots_fn dots = ori_scan_dots((enum ori_scan_level)level);
        float together[ROWS];
        dots(query, rows, ROWS, 512, together);
        for (size_t r = 0; r < ROWS; r++) {
            float alone = 0;
            dots(query, rows + r * 512, 1, 512, &alone);
            assert_memory_equal(&alone, &together[r], sizeof alone);
        }
    }
}

static void test_known_products(void **state)
{
    (void)state;
    static float _Alignas(64) a[32];
    static float _Alignas(64) b[64];
    for (int i = 0; i < 32; i++)
        a[i] = (float)(i + 1);
    for (int i = 0; i < 64; i++)
        b[i] = i < 32 ? 1.0F : (i % 2 ? 1.0F : -1.0F);
    for (int level = ORI_SCAN_PLAIN; level <= ORI_SCAN_AVX512; level++) {
        float scores[2];
        ori_scan_dots((enum ori_scan_level)level)(a, b, 2, 32, scores);
        assert_true(scores[0] == 528.0F); /* 32 * 33 / 2: small integers are exact in any order */
        assert_true(scores[1] == 16.0F);
    }
}

static void test_the_cap_caps(void **state)
{
    (void)state;
    assert_ptr_equal(ori_scan_dots(ORI_SCAN_PLAIN), ori_scan_dots(ORI_SCAN_PLAIN));
    if (ori_scan_level_best() > ORI_SCAN_PLAIN)
        assert_ptr_not_equal(ori_scan_dots(ORI_SCAN_AVX512), ori_scan_dots(ORI_SCAN_PLAIN));
    if (ori_scan_level_best() == ORI_SCAN_AVX512)
        assert_ptr_not_equal(ori_scan_dots(ORI_SCAN_AVX512), ori_scan_dots(ORI_SCAN_AVX2));
}

struct pair {
    float score;
    uint32_t row;
};
static uint8_t ids[500][16];

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *left = a;
    const struct pair *right = b;
    if (left->score < right->score || left->score > right->score)
        return left->score > right->score ? -1 : 1;
    return memcmp(ids[left->row], ids[right->row], 16);
}

static void test_the_best_are_those_of_a_full_sort(void **state)
{
    static const size_t maxima[] = {1, 2, 3, 10, 499, 500, 501, 1000};
    (void)state;
    for (size_t m = 0; m < sizeof maxima / sizeof maxima[0]; m++) {
        struct pair pairs[500];
        float scores[500];
        struct ori_scan_top top;
        for (uint32_t i = 0; i < 500; i++) {
            scores[i] = (float)(rand() % 40) / 7.0F - 2.0F; /* many ties */
            pairs[i] = (struct pair){scores[i], i};
            for (int k = 0; k < 16; k++)
                ids[i][k] = (uint8_t)rand();
        }
        assert_int_equal(ori_scan_top_init(&top, maxima[m], (const uint8_t(*)[16])ids, NULL),
                         ORI_OK);
        ori_scan_top_push(&top, scores[0], 0);
        ori_scan_top_push_run(&top, scores + 1, 1, 250);
        ori_scan_top_push_run(&top, scores + 251, 251, 249);
        ori_scan_top_sort(&top);
        qsort(pairs, 500, sizeof *pairs, compare_pairs);
        assert_int_equal(top.count, maxima[m] < 500 ? maxima[m] : 500);
        for (size_t i = 0; i < top.count; i++)
            assert_int_equal(top.hits[i].row, pairs[i].row);
        ori_scan_top_deinit(&top);
        ori_scan_top_deinit(&top);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_level_is_near_the_reference),
        cmocka_unit_test(test_a_row_scores_the_same_wherever_it_stands),
        cmocka_unit_test(test_known_products),
        cmocka_unit_test(test_the_cap_caps),
        cmocka_unit_test(test_the_best_are_those_of_a_full_sort),
    };
    return cmocka_run_group_tests_name("stores/vector_scan", tests, fill, release);
}
