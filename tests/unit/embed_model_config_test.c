#include "embed_folder.h"

#include "embed/model_config.h"
#include "util/limits.h"

static struct folder place;

/* preprocessor: NULL, the folder has none. */
static ori_status load(const char *config, const char *preprocessor,
                       struct ori_model_config *ret_config, struct ori_error *err)
{
    folder_empty(&place);
    if (config)
        folder_put_text(&place, "config.json", config);
    if (preprocessor)
        folder_put_text(&place, "preprocessor_config.json", preprocessor);
    ori_status status = ori_model_config_load(place.path, ret_config, err);
    assert_int_equal(status, err->status);
    if (status != ORI_OK)
        assert_non_null(strstr(err->text, place.path));
    return status;
}

static struct ori_model_config must_load(const char *config, const char *preprocessor)
{
    struct ori_model_config loaded = {0};
    struct ori_error err = {0};
    ori_status status = load(config, preprocessor, &loaded, &err);
    if (status != ORI_OK)
        print_message("%s\n", err.text);
    assert_int_equal(status, ORI_OK);
    return loaded;
}

static void check_tower(const struct ori_tower_config *tower, int width, int layers, int heads,
                        int mlp, enum ori_activation activation, double eps)
{
    assert_int_equal(tower->width, width);
    assert_int_equal(tower->layers, layers);
    assert_int_equal(tower->heads, heads);
    assert_int_equal(tower->mlp, mlp);
    assert_int_equal(tower->activation, activation);
    assert_true(tower->eps == eps);
}

static void check_vision(const struct ori_vision_config *vision, int side, int patch)
{
    assert_int_equal(vision->side, side);
    assert_int_equal(vision->patch, patch);
}

static void check_text(const struct ori_text_config *text, int vocabulary, int positions, int bos,
                       int eos, int pad)
{
    assert_int_equal(text->vocabulary, vocabulary);
    assert_int_equal(text->positions, positions);
    assert_int_equal(text->bos_token_id, bos);
    assert_int_equal(text->eos_token_id, eos);
    assert_int_equal(text->pad_token_id, pad);
}

static void clip_has_the_references_defaults(void **state)
{
    (void)state;
    static const char *const configs[] = {
        "{\"model_type\":\"clip\"}",
        "{\"model_type\":\"clip\",\"text_config\":null,\"vision_config\":null}",
        "{\"model_type\":\"clip\",\"text_config\":{},\"vision_config\":{},\"architectures\":null}",
    };
    for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
        struct ori_model_config config = must_load(configs[i], NULL);
        assert_int_equal(config.family, ORI_FAMILY_CLIP);
        assert_string_equal(config.architecture, "CLIPModel");
        assert_string_equal(config.licence, "");
        assert_int_equal(config.dim, 512);
        assert_int_equal(config.dim_min, 512);
        assert_false(config.is_matryoshka);
        assert_true(config.has_text);
        check_tower(&config.vision.tower, 768, 12, 12, 3072, ORI_ACTIVATION_QUICK_GELU, 1e-5);
        check_vision(&config.vision, 224, 32);
        assert_int_equal(config.vision.rope_grid, 0);
        check_tower(&config.text.tower, 512, 12, 8, 2048, ORI_ACTIVATION_QUICK_GELU, 1e-5);
        check_text(&config.text, 49408, 77, 49406, 49407, 1);
        const struct ori_preprocess_config *preprocess = &config.preprocess;
        assert_false(preprocess->is_squash);
        assert_false(preprocess->is_crop_rounded);
        assert_int_equal(preprocess->resize_side, 224);
        assert_int_equal(preprocess->crop_side, 224);
        assert_int_equal(preprocess->filter, ORI_FILTER_BICUBIC);
        assert_true(preprocess->rescale == 1.0 / 255.0);
        assert_true(preprocess->mean[0] == 0.48145466F && preprocess->mean[1] == 0.4578275F &&
                    preprocess->mean[2] == 0.40821073F);
        assert_true(preprocess->std[0] == 0.26862954F && preprocess->std[1] == 0.26130258F &&
                    preprocess->std[2] == 0.27577711F);
    }
}

int main(void);

static int make_place(void **state)
{
    (void)state;
    place = folder_make();
    return 0;
}

static int drop_place(void **state)
{
    (void)state;
    folder_drop(&place);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clip_has_the_references_defaults),
    };
    return cmocka_run_group_tests(tests, make_place, drop_place);
}
