/* The matrix against a plain array: set, sweep, search over several chunks, levels and threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stores/vector_matrix.h"

enum { DIM = 20, ROWS = 20000 }; /* three chunks, the last one not full; dim is padded */

static float (*vectors)[DIM];

static int fill(void **state)
{
    (void)state;
    srand(5);
    vectors = calloc(ROWS, sizeof *vectors);
    if (!vectors)
        return -1;
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t k = 0; k < DIM; k++)
            vectors[i][k] = (float)rand() / (float)RAND_MAX - 0.5F;
    }
    return 0;
}

static int release(void **state)
{
    (void)state;
    free(vectors);
    return 0;
}

static void make_id(uint32_t i, uint8_t id[16])
{
    memset(id, 0xAB, 16);
    memcpy(id + 5, &i, sizeof i);
}

static uint32_t number_of(const uint8_t id[16])
{
    uint32_t i = 0;
    memcpy(&i, id + 5, sizeof i);
    return i;
}

static ori_status set_row(struct ori_matrix *matrix, uint32_t i, const float *vector)
{
    char code[16];
    struct ori_matrix_row row = {
        .platform = i % 2 ? "odd" : "even", .video_code = code, .second = i, .vector = vector};
    snprintf(code, sizeof code, "v%u", i / 100);
    make_id(i, row.id);
    return ori_matrix_set(matrix, &row, NULL);
}

static struct ori_matrix *make_matrix(enum ori_scan_level level, uint32_t rows)
{
    struct ori_matrix *matrix = NULL;
    assert_int_equal(ori_matrix_create(DIM, ROWS, level, &matrix, NULL), ORI_OK);
    for (uint32_t i = 0; i < rows; i++)
        assert_int_equal(set_row(matrix, i, vectors[i]), ORI_OK);
    assert_int_equal(ori_matrix_count(matrix), rows);
    return matrix;
}

static size_t search(const struct ori_matrix *matrix, const float *query, size_t limit,
                     const struct ori_vector_filter *filter, int threads,
                     struct ori_matrix_hit *ret_hits)
{
    size_t count = 0;
    assert_int_equal(
        ori_matrix_search(matrix, query, limit, filter, threads, NULL, ret_hits, &count, NULL),
        ORI_OK);
    return count;
}

static void test_levels_and_threads_agree_to_the_last_bit(void **state)
{
    (void)state;
    struct ori_matrix *plain = make_matrix(ORI_SCAN_PLAIN, ROWS);
    static struct ori_matrix_hit expected[1000];
    static struct ori_matrix_hit hits[1000];
    for (int level = ORI_SCAN_PLAIN; level <= ORI_SCAN_AVX512; level++) {
        struct ori_matrix *matrix = make_matrix((enum ori_scan_level)level, ROWS);
        for (uint32_t q = 0; q < 3; q++) {
            memset(expected, 0, sizeof expected);
            memset(hits, 0, sizeof hits);
            assert_int_equal(search(plain, vectors[q * 777], 1000, NULL, 1, expected), 1000);
            assert_int_equal(search(matrix, vectors[q * 777], 1000, NULL, 3, hits), 1000);
            assert_memory_equal(hits, expected, sizeof hits);
            assert_int_equal(number_of(hits[0].id), q * 777); /* itself first */
            assert_float_equal(hits[0].score, 1.0, 1e-7);
        }
        ori_matrix_destroy(&matrix);
    }
    ori_matrix_destroy(&plain);
    ori_matrix_destroy(&plain);
}

static void test_a_sweep_removes_what_is_not_kept(void **state)
{
    (void)state;
    struct ori_matrix *matrix = make_matrix(ORI_SCAN_AVX512, ROWS);
    struct ori_matrix_hit hits[1];
    uint8_t id[16];
    for (int round = 2; round < 4; round++) { /* every 2nd stays, then every 6th */
        assert_int_equal(ori_matrix_sweep_begin(matrix, NULL), ORI_OK);
        for (uint32_t i = 0; i < ROWS; i += (uint32_t)round) {
            make_id(i, id);
            ori_matrix_sweep_keep(matrix, id);
        }
        make_id(ROWS + 7, id); /* one that was never there */
        ori_matrix_sweep_keep(matrix, id);
        ori_matrix_sweep_end(matrix);
    }
    assert_int_equal(ori_matrix_count(matrix), (ROWS + 5) / 6);
    for (uint32_t i = 0; i < ROWS; i += 611) {
        assert_int_equal(search(matrix, vectors[i], 1, NULL, 2, hits), 1);
        assert_int_equal(number_of(hits[0].id) == i, i % 6 == 0);
    }
    for (uint32_t i = 0; i < ROWS; i++)
        assert_int_equal(set_row(matrix, i, vectors[i]), ORI_OK);
    assert_int_equal(ori_matrix_count(matrix), ROWS);
    for (uint32_t i = 0; i < ROWS; i += 997) {
        assert_int_equal(search(matrix, vectors[i], 1, NULL, 2, hits), 1);
        assert_int_equal(number_of(hits[0].id), i);
    }
    ori_matrix_clear(matrix);
    assert_int_equal(search(matrix, vectors[0], 1, NULL, 2, hits), 0);
    ori_matrix_destroy(&matrix);
}

static void test_filters_let_through_what_they_say(void **state)
{
    static const struct {
        struct ori_vector_filter filter;
        size_t expected;
    } rows[] = {
        {{"odd", NULL, -1, -1}, 1000},   {{"even", "v3", -1, -1}, 50},
        {{NULL, "v199", -1, -1}, 100},   {{NULL, "v200", -1, -1}, 0},
        {{NULL, NULL, 19990, -1}, 10},   {{NULL, NULL, -1, 4}, 5},
        {{"odd", "v81", 8190, 8195}, 3}, /* over the edge of a chunk */
        {{NULL, NULL, 8190, 8195}, 6},
    };
    (void)state;
    struct ori_matrix *matrix = make_matrix(ORI_SCAN_AVX512, ROWS);
    static struct ori_matrix_hit hits[1000];
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        const struct ori_vector_filter *filter = &rows[r].filter;
        const size_t count = search(matrix, vectors[9], 1000, filter, 2, hits);
        assert_int_equal(count, rows[r].expected);
        for (size_t k = 0; k < count; k++) {
            const uint32_t i = number_of(hits[k].id);
            assert_true(!filter->platform || (i % 2 == 1) == (filter->platform[0] == 'o'));
            assert_true(!filter->video_code ||
                        i / 100 == (uint32_t)strtoul(filter->video_code + 1, NULL, 10));
            assert_true(filter->second_min < 0 || i >= filter->second_min);
            assert_true(filter->second_max < 0 || i <= filter->second_max);
        }
    }
    ori_matrix_destroy(&matrix);
}

static void test_rows_max(void **state)
{
    (void)state;
    struct ori_matrix *matrix = NULL;
    assert_int_equal(ori_matrix_create(DIM, 2, ORI_SCAN_AVX512, &matrix, NULL), ORI_OK);
    assert_int_equal(set_row(matrix, 1, vectors[1]), ORI_OK);
    assert_int_equal(set_row(matrix, 2, vectors[2]), ORI_OK);
    assert_int_equal(set_row(matrix, 3, vectors[3]), ORI_LIMIT);
    assert_int_equal(set_row(matrix, 2, vectors[4]), ORI_OK);
    assert_int_equal(ori_matrix_count(matrix), 2);
    ori_matrix_destroy(&matrix);
}

static void test_a_cancelled_search_says_so(void **state)
{
    (void)state;
    struct ori_matrix *matrix = make_matrix(ORI_SCAN_AVX512, 2000);
    struct ori_matrix_hit hits[1];
    struct ori_cancel cancel;
    size_t count = 0;
    assert_int_equal(ori_cancel_init(&cancel, NULL, NULL), ORI_OK);
    ori_cancel_set(&cancel);
    assert_int_equal(ori_matrix_search(matrix, vectors[0], 1, NULL, 2, &cancel, hits, &count, NULL),
                     ORI_CANCELLED);
    ori_cancel_deinit(&cancel);
    ori_matrix_destroy(&matrix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels_and_threads_agree_to_the_last_bit),
        cmocka_unit_test(test_a_sweep_removes_what_is_not_kept),
        cmocka_unit_test(test_filters_let_through_what_they_say),
        cmocka_unit_test(test_rows_max),
        cmocka_unit_test(test_a_cancelled_search_says_so),
    };
    return cmocka_run_group_tests_name("stores/vector_matrix", tests, fill, release);
}
