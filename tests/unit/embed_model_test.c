/* Models by name, and builtin/visual-512 on pictures whose vectors follow from its definition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "embed/model.h"

enum { DIM = 512, SIDE = 64, PIXELS = SIDE * SIDE };
/* First numbers of the blocks of a vector: see embed/builtin_visual.c. */
enum {
    LUMA = 0,
    CB = 45,
    CR = 66,
    EDGES = 87,
    LUMA_STEPS = 471,
    CHROMA_STEPS = 486,
    CONSTANT = 511
};

static struct ori_model *model;
static struct ori_model_scratch *scratch;

static int open_model(void **state)
{
    (void)state;
    if (ori_model_open(&(struct ori_model_options){.name = "builtin/visual-512", .dim_wanted = DIM},
                       &model, NULL) != ORI_OK)
        return -1;
    return ori_model_scratch_create(model, &scratch, NULL) == ORI_OK ? 0 : -1;
}

static int close_model(void **state)
{
    (void)state;
    ori_model_scratch_destroy(&scratch);
    ori_model_scratch_destroy(&scratch);
    ori_model_close(&model);
    ori_model_close(&model);
    return 0;
}

static void test_names(void **state)
{
    static const struct {
        const char *name;
        int dim;
        ori_status expected;
        const char *words;
    } rows[] = {
        {"builtin/visual-512", 512, ORI_OK, ""},
        {"builtin/visual-512", 511, ORI_BAD_SETTING, "511"},
        {"builtin/visual-512", 768, ORI_BAD_SETTING, "512"},
        {"builtin/visual-513", 512, ORI_BAD_SETTING, "builtin/visual-512"},
        {"builtin/", 512, ORI_BAD_SETTING, "builtin/visual-512"},
        {"", 512, ORI_BAD_SETTING, "builtin/visual-512"},
        {"openai/clip-vit-base-patch32", 512, ORI_MODEL_MISSING, "CLIP_MODEL=builtin/visual-512"},
        {"/no/such/folder", 512, ORI_MODEL_MISSING, "/no/such/folder"},
        {"BUILTIN/visual-512", 512, ORI_MODEL_MISSING, "CLIP_MODEL=builtin/visual-512"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_model *opened = NULL;
        struct ori_error err = {0};
        assert_int_equal(ori_model_open(&(struct ori_model_options){.name = rows[i].name,
                                                                    .dim_wanted = rows[i].dim},
                                        &opened, &err),
                         rows[i].expected);
        assert_int_equal(opened != NULL, rows[i].expected == ORI_OK);
        assert_non_null(strstr(err.text, rows[i].words));
        ori_model_close(&opened);
    }
}

static void test_info(void **state)
{
    (void)state;
    const struct ori_model_info info = ori_model_info(model);
    assert_string_equal(info.name, "builtin/visual-512");
    assert_int_equal(info.dim, DIM);
    assert_int_equal(info.side, SIDE);
    assert_int_equal(info.fit, ORI_MODEL_FIT_SQUASH);
    assert_false(info.has_text);
}

static void test_no_text(void **state)
{
    (void)state;
    struct ori_error err = {0};
    float vector[DIM];
    assert_int_equal(ori_model_embed_text(scratch, "a bird", NULL, vector, &err), ORI_NO_TEXT);
    assert_non_null(strstr(err.text, "by a picture"));
}

static void embed(const uint8_t *picture, float vector[DIM])
{
    assert_int_equal(ori_model_embed_pictures(scratch, &picture, 1, NULL, vector, NULL), ORI_OK);
    double energy = 0;
    for (int i = 0; i < DIM; i++) {
        assert_true(isfinite(vector[i]));
        energy += (double)vector[i] * vector[i];
    }
    assert_float_equal(energy, 1.0, 1e-6);
}

static void paint(uint8_t *picture, int x, int y, int r, int g, int b)
{
    picture[y * SIDE + x] = (uint8_t)r;
    picture[PIXELS + y * SIDE + x] = (uint8_t)g;
    picture[2 * PIXELS + y * SIDE + x] = (uint8_t)b;
}

static void paint_flat(uint8_t *picture, int r, int g, int b)
{
    for (int i = 0; i < PIXELS; i++)
        paint(picture, i % SIDE, i / SIDE, r, g, b);
}

static double dot(const float *a, const float *b)
{
    double sum = 0;
    for (int i = 0; i < DIM; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* By hand, for grey 128: all of layout and edges is zero. Luma falls between steps 7 and 8 with
 * shares .97059 and .02941 (128 / 255 * 15 - .5 = 7.02941), chroma on the middle one. With the even
 * distribution taken off the histogram's energy is .97059^2 + .02941^2 - 1/15 + 1 - 1/25 = 1.83625;
 * its scale .25 / sqrt(1.83625 + .16) = .176942, the constant .35: so the vector's length is
 * sqrt(.176942^2 * 1.83625 + .1225) = .42427. */
static void test_grey_by_hand(void **state)
{
    (void)state;
    static uint8_t picture[3 * PIXELS];
    float vector[DIM];
    paint_flat(picture, 128, 128, 128);
    embed(picture, vector);
    for (int i = 0; i < LUMA_STEPS; i++)
        assert_float_equal(vector[i], 0.0, 1e-6);
    const float scale = 0.176942F / 0.42427F;
    assert_float_equal(vector[CONSTANT], 0.35F / 0.42427F, 1e-4);
    assert_float_equal(vector[LUMA_STEPS + 7], (0.97059F - 1.0F / 15) * scale, 1e-4);
    assert_float_equal(vector[LUMA_STEPS + 8], (0.02941F - 1.0F / 15) * scale, 1e-4);
    assert_float_equal(vector[LUMA_STEPS], -1.0F / 15 * scale, 1e-4);
    assert_float_equal(vector[CHROMA_STEPS + 12], (1 - 1.0F / 25) * scale, 1e-4);
}

static void test_flat_pictures(void **state)
{
    static const int colours[][3] = {{0, 0, 0},   {255, 255, 255}, {255, 0, 0}, {0, 255, 0},
                                     {0, 0, 255}, {128, 128, 128}, {1, 2, 3}};
    (void)state;
    static uint8_t picture[3 * PIXELS];
    float vectors[7][DIM];
    for (int i = 0; i < 7; i++) {
        paint_flat(picture, colours[i][0], colours[i][1], colours[i][2]);
        embed(picture, vectors[i]);
        assert_true(vectors[i][CONSTANT] > 0.0F);
        for (int k = EDGES; k < LUMA_STEPS; k++)
            assert_float_equal(vectors[i][k], 0.0, 1e-6);
    }
    assert_true(vectors[0][LUMA] < 0 && vectors[1][LUMA] > 0);
    assert_true(vectors[4][CB] > 0 && vectors[2][CB] < 0 && vectors[2][CR] > 0);
    assert_true(dot(vectors[0], vectors[6]) > 0.99); /* black, and almost black */
    assert_true(dot(vectors[0], vectors[1]) < 0.5);
    assert_true(dot(vectors[2], vectors[4]) < 0.5);
}

/* A step at x = 32 has its gradients along x alone: orientation 0, and its two neighbours not at
 * all (60 degrees of the doubled angle away); all in the two middle columns of cells. */
static void test_an_upright_edge(void **state)
{
    (void)state;
    static uint8_t picture[3 * PIXELS];
    float vector[DIM];
    for (int i = 0; i < PIXELS; i++) {
        const int v = i % SIDE < 32 ? 40 : 200;
        paint(picture, i % SIDE, i / SIDE, v, v, v);
    }
    embed(picture, vector);
    for (int cell = 0; cell < 64; cell++) {
        const float *bins = vector + EDGES + cell * 6;
        const int column = cell % 8;
        if (column == 3 || column == 4)
            assert_true(bins[0] > 0.0F);
        else
            assert_true(bins[0] < 0.0F); /* the mean is taken off */
        for (int k = 1; k < 6; k++)
            assert_float_equal(bins[k], 0.0, 1e-6);
        assert_float_equal(bins[0], vector[EDGES + (cell - column + 7 - column) * 6], 1e-6);
    }
    float lying[DIM];
    for (int i = 0; i < PIXELS; i++) {
        const int v = i / SIDE < 32 ? 40 : 200;
        paint(picture, i % SIDE, i / SIDE, v, v, v);
    }
    embed(picture, lying);
    for (int cell = 0; cell < 64; cell++) {
        assert_float_equal(lying[EDGES + cell * 6], 0.0, 1e-6);
        assert_float_equal(lying[EDGES + cell * 6 + 3],
                           vector[EDGES + (cell % 8 * 8 + cell / 8) * 6],
                           1e-6); /* the same, turned: orientation 3 is 90 degrees */
    }
    assert_true(dot(vector, lying) < 0.5);
}

static void paint_scene(uint8_t *picture, unsigned seed, int shift)
{
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            const double u = (x + shift) / 64.0;
            const double v = y / 64.0;
            const double wave = sin(u * (3 + seed % 5) + seed) * cos(v * (2 + seed % 7));
            const bool is_disc =
                (u - 0.4) * (u - 0.4) + (v - 0.5) * (v - 0.5) < 0.03 * (1 + seed % 3);
            paint(picture, x, y, (int)(128 + 90 * wave), is_disc ? 220 : (int)(90 + 60 * v),
                  (int)(60 + 20 * (seed % 6)));
        }
    }
}

static void test_likeness_has_a_sensible_order(void **state)
{
    (void)state;
    static uint8_t picture[3 * PIXELS];
    float base[DIM];
    float other[DIM];
    double scores[4];
    paint_scene(picture, 1, 0);
    embed(picture, base);
    assert_float_equal(dot(base, base), 1.0, 1e-6);
    for (int i = 0; i < 3 * PIXELS; i++) /* every pixel a little off */
        picture[i] = (uint8_t)(picture[i] + (i * 7919 % 3) - 1);
    embed(picture, other);
    scores[0] = dot(base, other);
    for (int i = 0; i < 2; i++) {
        paint_scene(picture, 1, i ? 8 : 2);
        embed(picture, other);
        scores[1 + i] = dot(base, other);
    }
    paint_scene(picture, 5, 0);
    embed(picture, other);
    scores[3] = dot(base, other);
    assert_true(scores[0] > 0.9995);
    for (int i = 1; i < 4; i++)
        assert_true(scores[i] < scores[i - 1]);
    assert_true(scores[3] < 0.9);
}

static void test_a_vector_does_not_depend_on_its_batch(void **state)
{
    (void)state;
    enum { N = 9 };
    static uint8_t pictures[N][3 * PIXELS];
    const uint8_t *list[N];
    static float together[N * DIM];
    float alone[DIM];
    for (int i = 0; i < N; i++) {
        paint_scene(pictures[i], (unsigned)i, i);
        list[i] = pictures[i];
    }
    assert_int_equal(ori_model_embed_pictures(scratch, list, N, NULL, together, NULL), ORI_OK);
    for (int i = N - 1; i >= 0; i--) {
        embed(pictures[i], alone);
        assert_memory_equal(alone, together + i * DIM, sizeof alone);
    }
    assert_int_equal(ori_model_embed_pictures(scratch, NULL, 0, NULL, NULL, NULL), ORI_OK);
}

static void test_batch_limit_and_cancel(void **state)
{
    (void)state;
    static uint8_t picture[3 * PIXELS];
    const size_t n = ori_model_info(model).batch_max;
    const uint8_t **list = calloc(n + 1, sizeof *list);
    float *vectors = calloc((n + 1) * DIM, sizeof *vectors);
    struct ori_cancel cancel;
    for (size_t i = 0; i <= n; i++)
        list[i] = picture;
    assert_int_equal(ori_model_embed_pictures(scratch, list, n, NULL, vectors, NULL), ORI_OK);
    assert_int_equal(ori_model_embed_pictures(scratch, list, n + 1, NULL, vectors, NULL),
                     ORI_LIMIT);
    assert_int_equal(ori_cancel_init(&cancel, NULL, NULL), ORI_OK);
    ori_cancel_set(&cancel);
    assert_int_equal(ori_model_embed_pictures(scratch, list, 1, &cancel, vectors, NULL),
                     ORI_CANCELLED);
    ori_cancel_deinit(&cancel);
    free(list);
    free(vectors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_no_text),
        cmocka_unit_test(test_grey_by_hand),
        cmocka_unit_test(test_flat_pictures),
        cmocka_unit_test(test_an_upright_edge),
        cmocka_unit_test(test_likeness_has_a_sensible_order),
        cmocka_unit_test(test_a_vector_does_not_depend_on_its_batch),
        cmocka_unit_test(test_batch_limit_and_cancel),
    };
    return cmocka_run_group_tests_name("embed/model", tests, open_model, close_model);
}
