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

/* What the files of known models say, cut down to the keys that matter. */
static void openai_and_laion_are_read(void **state)
{
    (void)state;
    /* openai/clip-vit-large-patch14-336: eos_token_id 2 is wrong and kept */
    struct ori_model_config config = must_load(
        "{\"architectures\":[\"CLIPModel\"],\"initializer_factor\":1.0,\"model_type\":\"clip\","
        "\"projection_dim\":768,\"text_config\":{\"bos_token_id\":0,\"eos_token_id\":2,"
        "\"hidden_act\":\"quick_gelu\",\"hidden_size\":768,\"intermediate_size\":3072,"
        "\"layer_norm_eps\":1e-05,\"max_position_embeddings\":77,\"num_attention_heads\":12,"
        "\"num_hidden_layers\":12,\"pad_token_id\":1,\"vocab_size\":49408,\"torch_dtype\":null},"
        "\"vision_config\":{\"hidden_act\":\"quick_gelu\",\"hidden_size\":1024,\"image_size\":336,"
        "\"intermediate_size\":4096,\"num_attention_heads\":16,\"num_channels\":3,"
        "\"num_hidden_layers\":24,\"patch_size\":14,\"projection_dim\":768}}",
        "{\"crop_size\":336,\"do_center_crop\":true,\"do_normalize\":true,\"do_resize\":true,"
        "\"feature_extractor_type\":\"CLIPFeatureExtractor\",\"image_mean\":[0.48145466,0.4578275,"
        "0.40821073],\"image_std\":[0.26862954,0.26130258,0.27577711],\"resample\":3,\"size\":"
        "336}");
    check_tower(&config.vision.tower, 1024, 24, 16, 4096, ORI_ACTIVATION_QUICK_GELU, 1e-5);
    check_vision(&config.vision, 336, 14);
    check_tower(&config.text.tower, 768, 12, 12, 3072, ORI_ACTIVATION_QUICK_GELU, 1e-5);
    check_text(&config.text, 49408, 77, 0, 2, 1);
    assert_int_equal(config.dim, 768);
    assert_int_equal(config.preprocess.resize_side, 336);
    assert_int_equal(config.preprocess.crop_side, 336);
    assert_false(config.preprocess.is_squash);
    /* laion/CLIP-ViT-B-32-laion2B-s34B-b79K: little more than the activation */
    config = must_load(
        "{\"architectures\":[\"CLIPModel\"],\"model_type\":\"clip\",\"projection_dim\":512,"
        "\"text_config\":{\"hidden_act\":\"gelu\",\"model_type\":\"clip_text_model\"},"
        "\"text_config_dict\":null,\"vision_config\":{\"hidden_act\":\"gelu\"},"
        "\"vision_config_dict\":null}",
        "{\"crop_size\":{\"height\":224,\"width\":224},\"do_center_crop\":true,"
        "\"do_convert_rgb\":true,\"do_normalize\":true,\"do_rescale\":true,\"do_resize\":true,"
        "\"image_mean\":[0.48145466,0.4578275,0.40821073],\"image_std\":[0.26862954,0.26130258,"
        "0.27577711],\"image_processor_type\":\"CLIPImageProcessor\",\"resample\":3,"
        "\"rescale_factor\":0.00392156862745098,\"size\":{\"shortest_edge\":224}}");
    check_tower(&config.vision.tower, 768, 12, 12, 3072, ORI_ACTIVATION_GELU, 1e-5);
    check_tower(&config.text.tower, 512, 12, 8, 2048, ORI_ACTIVATION_GELU, 1e-5);
    assert_true(config.preprocess.rescale == 0.00392156862745098);
}

/* An older form wins wholly over the newer beside it, as CLIPConfig has it. */
static void the_older_sections_win(void **state)
{
    (void)state;
    struct ori_model_config config = must_load(
        "{\"model_type\":\"clip\",\"text_config\":{\"hidden_size\":64,\"hidden_act\":\"gelu\"},"
        "\"text_config_dict\":{\"hidden_size\":128},\"vision_config\":{\"hidden_size\":96,"
        "\"num_hidden_layers\":3},\"vision_config_dict\":{\"hidden_act\":\"gelu_new\"}}",
        NULL);
    check_tower(&config.text.tower, 128, 12, 8, 2048, ORI_ACTIVATION_QUICK_GELU, 1e-5);
    check_tower(&config.vision.tower, 768, 12, 12, 3072, ORI_ACTIVATION_GELU_TANH, 1e-5);
}

static void siglip_is_read(void **state)
{
    (void)state;
    struct ori_model_config config = must_load("{\"model_type\":\"siglip\"}", NULL);
    assert_int_equal(config.family, ORI_FAMILY_SIGLIP);
    assert_string_equal(config.architecture, "SiglipModel");
    assert_true(config.has_text);
    assert_int_equal(config.dim, 768);
    check_tower(&config.vision.tower, 768, 12, 12, 3072, ORI_ACTIVATION_GELU_TANH, 1e-6);
    check_vision(&config.vision, 224, 16);
    check_tower(&config.text.tower, 768, 12, 12, 3072, ORI_ACTIVATION_GELU_TANH, 1e-6);
    check_text(&config.text, 32000, 64, 49406, 49407, 1);
    assert_true(config.preprocess.is_squash);
    assert_int_equal(config.preprocess.resize_side, 224);
    assert_int_equal(config.preprocess.crop_side, 224);
    assert_int_equal(config.preprocess.filter, ORI_FILTER_BICUBIC);
    for (int i = 0; i < 3; i++)
        assert_true(config.preprocess.mean[i] == 0.5F && config.preprocess.std[i] == 0.5F);
    /* google/siglip2-giant-opt-patch16-384: towers of two widths */
    config = must_load(
        "{\"architectures\":[\"SiglipModel\"],\"model_type\":\"siglip\",\"text_config\":{"
        "\"hidden_size\":1152,\"intermediate_size\":4304,\"num_attention_heads\":16,"
        "\"num_hidden_layers\":27,\"projection_size\":1536,\"vocab_size\":256000},"
        "\"vision_config\":{\"hidden_size\":1536,\"image_size\":384,\"intermediate_size\":6144,"
        "\"num_attention_heads\":16,\"num_hidden_layers\":40,\"vision_use_head\":true}}",
        "{\"do_convert_rgb\":null,\"do_normalize\":true,\"do_rescale\":true,\"do_resize\":true,"
        "\"image_mean\":[0.5,0.5,0.5],\"image_processor_type\":\"SiglipImageProcessor\","
        "\"image_std\":[0.5,0.5,0.5],\"processor_class\":\"SiglipProcessor\",\"resample\":2,"
        "\"rescale_factor\":0.00392156862745098,\"size\":{\"height\":384,\"width\":384}}");
    assert_int_equal(config.dim, 1536);
    assert_int_equal(config.text.tower.width, 1152);
    assert_int_equal(config.text.vocabulary, 256000);
    check_vision(&config.vision, 384, 16);
    assert_int_equal(config.preprocess.filter, ORI_FILTER_BILINEAR);
    assert_int_equal(config.preprocess.resize_side, 384);
    assert_true(config.preprocess.is_squash);
}

#define JINA_VISION                                                                                \
    "\"vision_config\":{\"embed_dim\":1024,\"fused_layer_norm\":false,\"head_width\":64,"          \
    "\"image_size\":512,\"intp_freq\":true,\"layers\":24,\"ls_init_value\":null,"                  \
    "\"mlp_ratio\":2.6667,\"model_type\":\"jina_clip_vision\",\"naive_swiglu\":true,"              \
    "\"patch_dropout\":0.1,\"patch_size\":14,\"post_norm\":false,\"proj_type\":null,"              \
    "\"pt_hw_seq_len\":16,\"qkv_bias\":true,\"rope_embeddings\":true,\"subln\":true,"              \
    "\"width\":1024,\"x_attention\":true}"
#define JINA_HEAD                                                                                  \
    "{\"add_projections\":false,\"architectures\":[\"JinaCLIPModel\"],\"model_type\":"             \
    "\"jina_clip\",\"projection_dim\":1024,\"truncate_dim\":null,"

static void jina_is_read(void **state)
{
    (void)state;
    struct ori_model_config config = must_load(
        JINA_HEAD "\"matryoshka_dimensions\":[32,64,128,256,512,768,1024],\"text_config\":{"
                  "\"embed_dim\":1024,\"default_lora_task\":\"retrieval.query\"}," JINA_VISION "}",
        "{\"fill_color\":0,\"image_processor_type\":\"JinaCLIPImageProcessor\",\"interpolation\":"
        "\"bicubic\",\"mean\":[0.48145466,0.4578275,0.40821073],\"processor_class\":"
        "\"JinaCLIPProcessor\",\"resize_mode\":\"shortest\",\"size\":512,\"std\":[0.26862954,"
        "0.26130258,0.27577711]}");
    assert_int_equal(config.family, ORI_FAMILY_JINA_CLIP_V2);
    assert_string_equal(config.architecture, "JinaCLIPModel");
    assert_string_equal(config.licence, "CC-BY-NC-4.0");
    assert_false(config.has_text);
    assert_int_equal(config.dim, 1024);
    assert_true(config.is_matryoshka);
    assert_int_equal(config.dim_min, 32);
    check_tower(&config.vision.tower, 1024, 24, 16, 2730, ORI_ACTIVATION_SWIGLU, 1e-6);
    check_vision(&config.vision, 512, 14);
    assert_int_equal(config.vision.rope_grid, 16);
    assert_false(config.preprocess.is_squash);
    assert_true(config.preprocess.is_crop_rounded);
    assert_int_equal(config.preprocess.resize_side, 512);
    assert_int_equal(config.preprocess.crop_side, 512);
    assert_int_equal(config.preprocess.filter, ORI_FILTER_BICUBIC);
    config = must_load(JINA_HEAD JINA_VISION "}", NULL);
    assert_false(config.is_matryoshka);
    assert_int_equal(config.dim_min, 1024);
    assert_int_equal(config.preprocess.crop_side, 512);
    assert_true(config.preprocess.is_crop_rounded);
    assert_true(config.preprocess.std[0] == 0.26862954F);
}

struct row {
    const char *config;
    ori_status expected;
    const char *words; /* in the message; NULL when it is taken */
};

static void check_rows(const struct row *rows, size_t count, const char *preprocessor)
{
    for (size_t i = 0; i < count; i++) {
        struct ori_model_config config = {.dim = -7};
        struct ori_error err = {0};
        ori_status status = preprocessor ? load(preprocessor, rows[i].config, &config, &err)
                                         : load(rows[i].config, NULL, &config, &err);
        print_message("%.200s: %s\n", rows[i].config ? rows[i].config : "(no file)",
                      status == ORI_OK ? "taken" : err.text);
        assert_int_equal(status, rows[i].expected);
        if (rows[i].words)
            assert_non_null(strstr(err.text, rows[i].words));
        if (status != ORI_OK)
            assert_int_equal(config.dim, -7); /* left alone */
    }
}

#define CLIP(rest) "{\"model_type\":\"clip\"," rest "}"
#define V(rest) CLIP("\"vision_config\":{" rest "}")
#define T(rest) CLIP("\"text_config\":{" rest "}")
#define SIGLIP(rest) "{\"model_type\":\"siglip\"," rest "}"

static void what_we_do_not_have_is_refused_by_name(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"model_type\":\"bert\"}", ORI_UNSUPPORTED_MODEL, "model_type bert"},
        {"{\"model_type\":\"bert\"}", ORI_UNSUPPORTED_MODEL, "jina_clip"}, /* the list */
        {"{\"model_type\":\"siglip2\"}", ORI_UNSUPPORTED_MODEL, "NaFlex"},
        {"{\"model_type\":\"CLIP\"}", ORI_UNSUPPORTED_MODEL, "model_type CLIP"},
        {"{\"model_type\":\"clip_vision_model\"}", ORI_UNSUPPORTED_MODEL, "clip_vision_model"},
        {"{}", ORI_BAD_MODEL, "config.json: no model_type"},
        {"{\"model_type\":null}", ORI_BAD_MODEL, "no model_type"},
        {"{\"model_type\":7}", ORI_BAD_MODEL, "model_type is not a text"},
        {CLIP("\"architectures\":[\"CLIPTextModel\"]"), ORI_UNSUPPORTED_MODEL, "CLIPTextModel"},
        {CLIP("\"architectures\":[\"A\",\"CLIPModel\"]"), ORI_OK, NULL},
        {CLIP("\"architectures\":[]"), ORI_UNSUPPORTED_MODEL, "(none)"},
        {CLIP("\"architectures\":\"CLIPModel\""), ORI_UNSUPPORTED_MODEL, "(none)"},
        {V("\"hidden_act\":\"relu\""), ORI_UNSUPPORTED_MODEL, "vision_config.hidden_act relu"},
        {T("\"hidden_act\":\"silu\""), ORI_UNSUPPORTED_MODEL, "text_config.hidden_act silu"},
        {V("\"hidden_act\":3"), ORI_BAD_MODEL, "vision_config.hidden_act is not a text"},
        {V("\"hidden_act\":\"gelu_pytorch_tanh\""), ORI_OK, NULL},
        {V("\"num_channels\":1"), ORI_UNSUPPORTED_MODEL, "num_channels"},
        {SIGLIP("\"vision_config\":{\"vision_use_head\":false}"), ORI_UNSUPPORTED_MODEL,
         "vision_config.vision_use_head"},
        {SIGLIP("\"vision_config\":{\"vision_use_head\":1}"), ORI_BAD_MODEL, "vision_use_head"},
        {SIGLIP("\"architectures\":[\"Siglip2Model\"]"), ORI_UNSUPPORTED_MODEL, "Siglip2Model"},
        {"{\"model_type\":\"jina_clip\"}", ORI_UNSUPPORTED_MODEL, "rope_embeddings is false"},
        {JINA_HEAD "\"x\":0}", ORI_UNSUPPORTED_MODEL, "vision_config.rope_embeddings is false"},
    };
    check_rows(rows, sizeof rows / sizeof rows[0], NULL);
}

/* jina's flags, each turned to what we do not have. */
static void jina_of_another_form_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        const char *to;
        ori_status expected;
        const char *words;
    } rows[] = {
        {"\"qkv_bias\":true", "\"qkv_bias\":false", ORI_UNSUPPORTED_MODEL, "qkv_bias is false"},
        {"\"naive_swiglu\":true", "\"naive_swiglu\":null", ORI_UNSUPPORTED_MODEL, "naive_swiglu"},
        {"\"subln\":true", "\"subln\":false", ORI_UNSUPPORTED_MODEL, "subln is false"},
        {"\"post_norm\":false", "\"post_norm\":true", ORI_UNSUPPORTED_MODEL, "post_norm is true"},
        {"\"ls_init_value\":null", "\"ls_init_value\":0.1", ORI_UNSUPPORTED_MODEL,
         "ls_init_value is set"},
        {"\"proj_type\":null", "\"proj_type\":\"linear\"", ORI_UNSUPPORTED_MODEL,
         "proj_type is set"},
        {"\"add_projections\":false", "\"add_projections\":true", ORI_UNSUPPORTED_MODEL,
         "add_projections is true"},
        {"\"truncate_dim\":null", "\"truncate_dim\":512", ORI_UNSUPPORTED_MODEL, "truncate_dim"},
        {"\"head_width\":64", "\"head_width\":66", ORI_BAD_MODEL, "not a multiple of 4"},
        {"\"head_width\":64", "\"head_width\":96", ORI_BAD_MODEL, "does not divide width 1024"},
        {"\"head_width\":64", "\"head_width\":0", ORI_BAD_MODEL, "head_width is 0"},
        {"\"embed_dim\":1024", "\"embed_dim\":768", ORI_BAD_MODEL, "embed_dim is not width"},
        {"\"mlp_ratio\":2.6667", "\"mlp_ratio\":0.0009", ORI_BAD_MODEL, "mlp_ratio"},
        {"\"mlp_ratio\":2.6667", "\"mlp_ratio\":64", ORI_OK, NULL},
        {"\"mlp_ratio\":2.6667", "\"mlp_ratio\":64.001", ORI_LIMIT, "makes 65537 numbers"},
        {"\"mlp_ratio\":2.6667", "\"mlp_ratio\":-1", ORI_BAD_MODEL, "mlp_ratio"},
        {"\"intp_freq\":true", "\"intp_freq\":false", ORI_BAD_MODEL, "intp_freq is false"},
        {"\"pt_hw_seq_len\":16", "\"pt_hw_seq_len\":0", ORI_BAD_MODEL, "pt_hw_seq_len is 0"},
        {"\"projection_dim\":1024", "\"matryoshka_dimensions\":[]", ORI_BAD_MODEL, "matryoshka"},
        {"\"projection_dim\":1024", "\"matryoshka_dimensions\":[64,0]", ORI_BAD_MODEL,
         "matryoshka"},
        {"\"projection_dim\":1024", "\"matryoshka_dimensions\":[64,1025]", ORI_BAD_MODEL,
         "matryoshka"},
        {"\"projection_dim\":1024", "\"matryoshka_dimensions\":[64,\"9\"]", ORI_BAD_MODEL,
         "matryoshka"},
        {"\"projection_dim\":1024", "\"matryoshka_dimensions\":64", ORI_BAD_MODEL, "matryoshka"},
    };
    static const char whole[] = JINA_HEAD JINA_VISION "}";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[2000];
        struct ori_model_config config = {0};
        struct ori_error err = {0};
        const char *at = strstr(whole, rows[i].from);
        assert_non_null(at);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - whole), whole, rows[i].to,
                 at + strlen(rows[i].from));
        assert_int_equal(load(text, NULL, &config, &err), rows[i].expected);
        if (rows[i].words)
            assert_non_null(strstr(err.text, rows[i].words));
    }
    struct ori_model_config config = must_load("{\"model_type\":\"jina_clip\",\"vision_config\":{"
                                               "\"image_size\":256,\"rope_embeddings\":true,"
                                               "\"naive_swiglu\":true,\"subln\":true}}",
                                               NULL); /* not stretched: 16 patches each way */
    assert_int_equal(config.vision.rope_grid, 16);
    check_tower(&config.vision.tower, 768, 12, 12, 3072, ORI_ACTIVATION_SWIGLU, 1e-6);
}

static void files_that_are_not_configs(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {NULL, ORI_MODEL_MISSING, "config.json"},
        {"", ORI_BAD_MODEL, "config.json: not JSON"},
        {"[]", ORI_BAD_MODEL, "config.json: not a JSON object"},
        {"{\"model_type\":\"clip\"", ORI_BAD_MODEL, "not JSON"},
        {"{\"model_type\":\"clip\"}x", ORI_BAD_MODEL, "not JSON"},
        {"{\"model_type\":\"clip\",\"model_type\":\"clip\"}", ORI_BAD_MODEL, "duplicate"},
        {CLIP("\"text_config\":[]"), ORI_BAD_MODEL, "text_config is not an object"},
        {CLIP("\"vision_config\":\"x\""), ORI_BAD_MODEL, "vision_config is not an object"},
        {CLIP("\"vision_config_dict\":1"), ORI_BAD_MODEL, "vision_config_dict is not an object"},
        {CLIP("\"projection_dim\":1e999"), ORI_BAD_MODEL, "not JSON"},
        {CLIP("\"projection_dim\":512.0"), ORI_BAD_MODEL, "projection_dim is not a whole number"},
        {CLIP("\"projection_dim\":\"512\""), ORI_BAD_MODEL, "projection_dim is not a whole"},
        {CLIP("\"projection_dim\":true"), ORI_BAD_MODEL, "projection_dim is not a whole"},
        {CLIP("\"projection_dim\":-9223372036854775808"), ORI_BAD_MODEL, "projection_dim is -9"},
        {CLIP("\"projection_dim\":4294967808"), ORI_LIMIT, "projection_dim is 4294967808"},
        {V("\"num_attention_heads\":7"), ORI_BAD_MODEL, "7 heads do not divide a width of 768"},
        {V("\"layer_norm_eps\":0"), ORI_BAD_MODEL, "layer_norm_eps"},
        {V("\"layer_norm_eps\":-1e-5"), ORI_BAD_MODEL, "layer_norm_eps"},
        {V("\"layer_norm_eps\":0.1"), ORI_OK, NULL},
        {V("\"layer_norm_eps\":0.11"), ORI_BAD_MODEL, "layer_norm_eps"},
        {V("\"layer_norm_eps\":\"1e-5\""), ORI_BAD_MODEL, "layer_norm_eps"},
        {V("\"patch_size\":225"), ORI_BAD_MODEL, "patch_size 225 is larger than image_size 224"},
        {T("\"bos_token_id\":null,\"eos_token_id\":null,\"pad_token_id\":null"), ORI_OK, NULL},
        {T("\"eos_token_id\":[1]"), ORI_BAD_MODEL, "eos_token_id"},
        {T("\"eos_token_id\":-1"), ORI_BAD_MODEL, "eos_token_id"},
        {SIGLIP("\"text_config\":{\"projection_size\":512}"), ORI_BAD_MODEL,
         "projection_size 512 is not the 768"},
        {SIGLIP("\"text_config\":{\"hidden_size\":1152}"), ORI_BAD_MODEL, "projection_size 1152"},
    };
    check_rows(rows, sizeof rows / sizeof rows[0], NULL);
    struct ori_model_config config =
        must_load(T("\"eos_token_id\":null,\"bos_token_id\":null"), NULL);
    check_text(&config.text, 49408, 77, -1, -1, 1);
    struct ori_error err = {0};
    assert_int_equal(ori_model_config_load("/nonexistent", &config, &err), ORI_MODEL_MISSING);
    err = (struct ori_error){0};
    assert_int_equal(ori_model_config_load("/dev/null", &config, &err), ORI_MODEL_MISSING);
}

/* Each maximum, and one past it. %d takes the number. */
static void every_number_has_a_maximum(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        int max;
        int min;
    } rows[] = {
        {V("\"hidden_size\":%d,\"num_attention_heads\":1"), ORI_LIMIT_MAX_MODEL_WIDTH, 1},
        {T("\"hidden_size\":%d,\"num_attention_heads\":1"), ORI_LIMIT_MAX_MODEL_WIDTH, 1},
        {V("\"num_hidden_layers\":%d"), ORI_LIMIT_MAX_MODEL_LAYERS, 1},
        {T("\"num_hidden_layers\":%d"), ORI_LIMIT_MAX_MODEL_LAYERS, 1},
        {V("\"hidden_size\":16384,\"num_attention_heads\":%d"), ORI_LIMIT_MAX_MODEL_WIDTH, 1},
        {V("\"intermediate_size\":%d"), ORI_LIMIT_MAX_MODEL_MLP, 1},
        {T("\"intermediate_size\":%d"), ORI_LIMIT_MAX_MODEL_MLP, 1},
        {V("\"image_size\":%d"), ORI_LIMIT_MAX_MODEL_SIDE, 32},
        {V("\"image_size\":1024,\"patch_size\":%d"), ORI_LIMIT_MAX_MODEL_SIDE, 12},
        {T("\"vocab_size\":%d"), ORI_LIMIT_MAX_MODEL_VOCABULARY, 1},
        {T("\"max_position_embeddings\":%d"), ORI_LIMIT_MAX_MODEL_POSITIONS, 1},
        {T("\"eos_token_id\":%d"), ORI_LIMIT_MAX_MODEL_VOCABULARY, 0},
        {CLIP("\"projection_dim\":%d"), ORI_LIMIT_MAX_VECTOR_DIM, 1},
        {SIGLIP(
             "\"text_config\":{\"projection_size\":%1$d},\"vision_config\":{\"hidden_size\":%1$d,"
             "\"num_attention_heads\":1}"),
         ORI_LIMIT_MAX_VECTOR_DIM, 1},
        {"{\"model_type\":\"jina_clip\",\"vision_config\":{\"image_size\":256,\"rope_embeddings\":"
         "true,"
         "\"naive_swiglu\":true,\"subln\":true,\"layers\":%d}}",
         ORI_LIMIT_MAX_MODEL_LAYERS, 1},
        {"{\"model_type\":\"jina_clip\",\"vision_config\":{\"image_size\":256,\"rope_embeddings\":"
         "true,"
         "\"naive_swiglu\":true,\"subln\":true,\"intp_freq\":true,\"pt_hw_seq_len\":%d}}",
         ORI_LIMIT_MAX_MODEL_POSITIONS, 1},
        {"{\"model_type\":\"jina_clip\",\"vision_config\":{\"image_size\":256,\"rope_embeddings\":"
         "true,"
         "\"naive_swiglu\":true,\"subln\":true,\"head_width\":4,\"width\":%1$d,\"embed_dim\":%1$d}"
         "}",
         ORI_LIMIT_MAX_VECTOR_DIM, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const int step = strstr(rows[i].format, "\"head_width\":4") ? 4 : 1;
        const int numbers[] = {rows[i].min - step, rows[i].min, rows[i].max, rows[i].max + step};
        for (int k = 0; k < 4; k++) {
            char text[1000];
            struct ori_model_config config = {0};
            struct ori_error err = {0};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(text, sizeof text, rows[i].format, numbers[k]);
#pragma GCC diagnostic pop
            ori_status status = load(text, NULL, &config, &err);
            print_message("%s: %s\n", text, status == ORI_OK ? "taken" : err.text);
            if (k == 1 || k == 2)
                assert_int_equal(status, ORI_OK);
            else if (k == 3)
                assert_int_equal(status, ORI_LIMIT);
            else
                assert_true(status == ORI_BAD_MODEL || status == ORI_LIMIT);
        }
    }
}

/* 90 x 90 patches and one more token are within 8192, 91 x 91 are not. */
static void patches_have_a_maximum(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {V("\"image_size\":90,\"patch_size\":1"), ORI_OK, NULL},
        {V("\"image_size\":91,\"patch_size\":1"), ORI_LIMIT, "8281 patches"},
        {V("\"image_size\":1024,\"patch_size\":1"), ORI_LIMIT, "1048576 patches"},
    };
    check_rows(rows, sizeof rows / sizeof rows[0], NULL);
}

static void the_file_has_a_size(void **state)
{
    (void)state;
    static char text[ORI_LIMIT_MAX_MODEL_CONFIG_BYTES + 2];
    struct ori_model_config config = {0};
    for (int more = 0; more < 2; more++) {
        struct ori_error err = {0};
        memset(text, ' ', sizeof text);
        memcpy(text, "{\"model_type\":\"clip\"}", 21);
        text[ORI_LIMIT_MAX_MODEL_CONFIG_BYTES + more] = '\0';
        assert_int_equal(load(text, NULL, &config, &err), more ? ORI_LIMIT : ORI_OK);
    }
    for (int more = 0; more < 2; more++) { /* 1, the object, two colons, a comma, the array */
        struct ori_error err = {0};
        size_t used = (size_t)snprintf(text, sizeof text, "{\"model_type\":\"clip\",\"x\":[0");
        for (int i = 6; i < ORI_LIMIT_MAX_MODEL_CONFIG_VALUES + more; i++, used += 2)
            memcpy(text + used, ",0", 2);
        memcpy(text + used, "]}", 3);
        assert_int_equal(load(text, NULL, &config, &err), more ? ORI_LIMIT : ORI_OK);
    }
    for (int more = 0; more < 2; more++) {
        struct ori_error err = {0};
        size_t used = (size_t)snprintf(text, sizeof text, "{\"model_type\":\"clip\",\"x\":");
        int levels = ORI_LIMIT_MAX_JSON_DEPTH - 1 + more;
        memset(text + used, '[', (size_t)levels);
        memset(text + used + levels, ']', (size_t)levels);
        memcpy(text + used + 2 * levels, "}", 2);
        assert_int_equal(load(text, NULL, &config, &err), more ? ORI_LIMIT : ORI_OK);
    }
}

static const char clip[] = "{\"model_type\":\"clip\"}";
static const char siglip[] = "{\"model_type\":\"siglip\"}";
static const char jina[] = JINA_HEAD JINA_VISION "}";

static void clips_preprocessing(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{}", ORI_OK, NULL},
        {"{\"size\":null,\"crop_size\":null,\"do_resize\":null,\"do_center_crop\":null,"
         "\"resample\":"
         "null,\"do_rescale\":null,\"rescale_factor\":null,\"do_normalize\":null,\"image_mean\":"
         "null,"
         "\"image_std\":null,\"image_processor_type\":null}",
         ORI_OK, NULL},
        {"{\"size\":224}", ORI_OK, NULL},
        {"{\"size\":{\"shortest_edge\":224}}", ORI_OK, NULL},
        {"{\"size\":{\"shortest_edge\":224,\"longest_edge\":null}}", ORI_OK, NULL},
        {"{\"size\":{\"shortest_edge\":256}}", ORI_OK, NULL},
        {"{\"size\":{\"height\":224,\"width\":224}}", ORI_OK, NULL},
        {"{\"size\":{\"height\":224,\"width\":224},\"do_center_crop\":false}", ORI_OK, NULL},
        {"{\"crop_size\":224}", ORI_OK, NULL},
        {"{\"crop_size\":{\"height\":224,\"width\":224}}", ORI_OK, NULL},
        {"{\"resample\":2}", ORI_OK, NULL},
        {"{\"image_processor_type\":\"CLIPImageProcessorFast\"}", ORI_OK, NULL},
        {"{\"image_mean\":0.5,\"image_std\":0.25}", ORI_OK, NULL},
        {"{\"rescale_factor\":1}", ORI_OK, NULL},
        {"", ORI_BAD_MODEL, "preprocessor_config.json: not JSON"},
        {"[]", ORI_BAD_MODEL, "preprocessor_config.json: not a JSON object"},
        {"{\"size\":223}", ORI_UNSUPPORTED_MODEL, "margins"},
        {"{\"size\":0}", ORI_BAD_MODEL, "size is neither"},
        {"{\"size\":-224}", ORI_BAD_MODEL, "size is neither"},
        {"{\"size\":224.0}", ORI_BAD_MODEL, "size is neither"},
        {"{\"size\":\"224\"}", ORI_BAD_MODEL, "size is neither"},
        {"{\"size\":[224,224]}", ORI_BAD_MODEL, "size is neither"},
        {"{\"size\":{}}", ORI_BAD_MODEL, "size is neither"},
        {"{\"size\":{\"height\":224}}", ORI_BAD_MODEL, "size is neither"},
        {"{\"size\":{\"height\":224,\"width\":256}}", ORI_BAD_MODEL, "size is neither"},
        {"{\"size\":{\"shortest_edge\":224,\"width\":224}}", ORI_BAD_MODEL, "size is neither"},
        {"{\"size\":{\"shortest_edge\":1024}}", ORI_OK, NULL},
        {"{\"size\":{\"shortest_edge\":1025}}", ORI_BAD_MODEL, "from 1 to 1024"},
        {"{\"size\":{\"shortest_edge\":18446744073709551616}}", ORI_BAD_MODEL, "not JSON"},
        {"{\"size\":{\"shortest_edge\":4294967520}}", ORI_BAD_MODEL, "size is neither"},
        {"{\"size\":{\"longest_edge\":224}}", ORI_UNSUPPORTED_MODEL, "longer side"},
        {"{\"size\":{\"shortest_edge\":224,\"longest_edge\":336}}", ORI_UNSUPPORTED_MODEL,
         "longer side"},
        {"{\"size\":{\"max_height\":224,\"max_width\":224}}", ORI_UNSUPPORTED_MODEL, "longer side"},
        {"{\"crop_size\":{\"shortest_edge\":224}}", ORI_BAD_MODEL, "crop_size is neither"},
        {"{\"crop_size\":{\"height\":224,\"width\":200}}", ORI_BAD_MODEL, "crop_size is neither"},
        {"{\"crop_size\":200}", ORI_BAD_MODEL,
         "pictures of 200 pixels a side; the model takes 224"},
        {"{\"do_center_crop\":false}", ORI_UNSUPPORTED_MODEL, "not square stays so"},
        {"{\"do_center_crop\":0}", ORI_BAD_MODEL, "neither true nor false"},
        {"{\"do_resize\":false}", ORI_UNSUPPORTED_MODEL, "do_resize is false"},
        {"{\"resample\":1}", ORI_UNSUPPORTED_MODEL, "resample 1 (lanczos)"},
        {"{\"resample\":0}", ORI_UNSUPPORTED_MODEL, "resample 0 (nearest)"},
        {"{\"resample\":4}", ORI_UNSUPPORTED_MODEL, "resample 4 (box)"},
        {"{\"resample\":5}", ORI_UNSUPPORTED_MODEL, "resample 5 (hamming)"},
        {"{\"resample\":6}", ORI_LIMIT, "resample is 6"},
        {"{\"resample\":-1}", ORI_BAD_MODEL, "resample is -1"},
        {"{\"resample\":\"bicubic\"}", ORI_BAD_MODEL, "resample is not a whole number"},
        {"{\"rescale_factor\":0}", ORI_BAD_MODEL, "rescale_factor"},
        {"{\"rescale_factor\":-1}", ORI_BAD_MODEL, "rescale_factor"},
        {"{\"rescale_factor\":1e300}", ORI_BAD_MODEL, "rescale_factor"},
        {"{\"image_std\":[0.2,0.2,0]}", ORI_BAD_MODEL, "image_std is not three"},
        {"{\"image_std\":[0.2,-0.2,0.2]}", ORI_BAD_MODEL, "image_std is not three"},
        {"{\"image_std\":[0.2,1e-40,0.2]}", ORI_BAD_MODEL, "image_std is not three"},
        {"{\"image_std\":[0.2,1e39,0.2]}", ORI_BAD_MODEL, "image_std is not three"},
        {"{\"image_std\":[0.2,0.2]}", ORI_BAD_MODEL, "image_std is not three"},
        {"{\"image_std\":[0.2,0.2,0.2,0.2]}", ORI_BAD_MODEL, "image_std is not three"},
        {"{\"image_std\":[0.2,0.2,null]}", ORI_BAD_MODEL, "image_std is not three"},
        {"{\"image_std\":0}", ORI_BAD_MODEL, "image_std is not three"},
        {"{\"image_mean\":[0.2,0.2,\"0\"]}", ORI_BAD_MODEL, "image_mean is not three"},
        {"{\"image_mean\":[0.2,0.2,1e39]}", ORI_BAD_MODEL, "image_mean is not three"},
        {"{\"image_mean\":{}}", ORI_BAD_MODEL, "image_mean is not three"},
        {"{\"image_mean\":true}", ORI_BAD_MODEL, "image_mean is not three"},
        {"{\"image_processor_type\":\"ViTImageProcessor\"}", ORI_UNSUPPORTED_MODEL,
         "image_processor_type ViTImageProcessor"},
        {"{\"feature_extractor_type\":\"ViTFeatureExtractor\"}", ORI_UNSUPPORTED_MODEL,
         "feature_extractor_type ViTFeatureExtractor"},
        {"{\"image_processor_type\":1}", ORI_BAD_MODEL, "image_processor_type is not a text"},
    };
    check_rows(rows, sizeof rows / sizeof rows[0], clip);
    struct ori_preprocess_config preprocess =
        must_load(clip, "{\"size\":{\"shortest_edge\":256},\"resample\":2,\"image_mean\":0.25,"
                        "\"image_std\":[1,2,3.5],\"rescale_factor\":0.5}")
            .preprocess;
    assert_false(preprocess.is_squash);
    assert_int_equal(preprocess.resize_side, 256);
    assert_int_equal(preprocess.crop_side, 224);
    assert_int_equal(preprocess.filter, ORI_FILTER_BILINEAR);
    assert_true(preprocess.rescale == 0.5);
    assert_true(preprocess.mean[0] == 0.25F && preprocess.mean[2] == 0.25F);
    assert_true(preprocess.std[0] == 1.0F && preprocess.std[2] == 3.5F);
    preprocess =
        must_load(clip, "{\"do_rescale\":false,\"do_normalize\":false,\"size\":{\"height\":"
                        "230,\"width\":230}}")
            .preprocess;
    assert_true(preprocess.is_squash);
    assert_int_equal(preprocess.resize_side, 230);
    assert_true(preprocess.rescale == 1.0 && preprocess.mean[1] == 0.0F &&
                preprocess.std[1] == 1.0F);
}

static void siglips_preprocessing(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"size\":224}", ORI_OK, NULL},
        {"{\"size\":256}", ORI_BAD_MODEL, "pictures of 256 pixels a side; the model takes 224"},
        {"{\"size\":{\"height\":256,\"width\":256},\"do_center_crop\":true}", ORI_OK, NULL},
        {"{\"size\":{\"shortest_edge\":224}}", ORI_UNSUPPORTED_MODEL, "not square stays so"},
        {"{\"image_processor_type\":\"SiglipImageProcessor\"}", ORI_OK, NULL},
        {"{\"image_processor_type\":\"Siglip2ImageProcessor\"}", ORI_UNSUPPORTED_MODEL, "Siglip2"},
    };
    check_rows(rows, sizeof rows / sizeof rows[0], siglip);
    assert_true(must_load(siglip, "{\"size\":224}").preprocess.is_squash);
}

static void jinas_preprocessing(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{}", ORI_OK, NULL},
        {"{\"size\":[512,512]}", ORI_OK, NULL},
        {"{\"interpolation\":\"bilinear\"}", ORI_OK, NULL},
        {"{\"size\":224}", ORI_BAD_MODEL, "pictures of 224 pixels a side; the model takes 512"},
        {"{\"size\":[512,384]}", ORI_BAD_MODEL, "size is neither"},
        {"{\"size\":[512]}", ORI_BAD_MODEL, "size is neither"},
        {"{\"size\":{\"height\":512,\"width\":512}}", ORI_BAD_MODEL, "size is neither"},
        {"{\"resize_mode\":\"squash\"}", ORI_UNSUPPORTED_MODEL, "resize_mode squash"},
        {"{\"resize_mode\":\"longest\"}", ORI_UNSUPPORTED_MODEL, "resize_mode longest"},
        {"{\"interpolation\":\"random\"}", ORI_UNSUPPORTED_MODEL, "interpolation random"},
        {"{\"mean\":[0,0]}", ORI_BAD_MODEL, "mean is not three"},
        {"{\"std\":[1,1,0]}", ORI_BAD_MODEL, "std is not three"},
        {"{\"size\":99999999999}", ORI_BAD_MODEL, "size is neither"},
    };
    check_rows(rows, sizeof rows / sizeof rows[0], jina);
    struct ori_preprocess_config preprocess =
        must_load(jina, "{\"mean\":[0,0.5,1],\"std\":2,\"interpolation\":\"bilinear\"}").preprocess;
    assert_true(preprocess.mean[1] == 0.5F && preprocess.std[2] == 2.0F);
    assert_int_equal(preprocess.filter, ORI_FILTER_BILINEAR);
}

/* transformers 5 writes processor_config.json alone, the same keys one level down. */
static void the_newer_file_is_read_where_the_older_is_not(void **state)
{
    (void)state;
    struct ori_model_config config = {0};
    struct ori_error err = {0};
    folder_empty(&place);
    folder_put_text(&place, "config.json", clip);
    folder_put_text(&place, "processor_config.json",
                    "{\"image_processor\":{\"size\":{\"shortest_edge\":250}},\"processor_class\":"
                    "\"CLIPProcessor\"}");
    assert_int_equal(ori_model_config_load(place.path, &config, &err), ORI_OK);
    assert_int_equal(config.preprocess.resize_side, 250);
    folder_put_text(&place, "preprocessor_config.json", "{\"size\":240}");
    assert_int_equal(ori_model_config_load(place.path, &config, &err), ORI_OK);
    assert_int_equal(config.preprocess.resize_side, 240);
    folder_empty(&place);
    folder_put_text(&place, "config.json", clip);
    folder_put_text(&place, "processor_config.json", "{\"processor_class\":\"CLIPProcessor\"}");
    assert_int_equal(ori_model_config_load(place.path, &config, &err), ORI_OK);
    assert_int_equal(config.preprocess.resize_side, 224);
    folder_put_text(&place, "processor_config.json", "{\"image_processor\":{\"size\":0}}");
    assert_int_equal(ori_model_config_load(place.path, &config, &err), ORI_BAD_MODEL);
    assert_non_null(strstr(err.text, "processor_config.json: image_processor.size"));
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t kept = 0; kept < sizeof jina - 1; kept++) {
        char text[sizeof jina];
        struct ori_model_config config = {0};
        struct ori_error err = {0};
        memcpy(text, jina, kept);
        text[kept] = '\0';
        assert_int_equal(load(text, NULL, &config, &err), ORI_BAD_MODEL);
    }
}

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
        cmocka_unit_test(openai_and_laion_are_read),
        cmocka_unit_test(the_older_sections_win),
        cmocka_unit_test(siglip_is_read),
        cmocka_unit_test(jina_is_read),
        cmocka_unit_test(what_we_do_not_have_is_refused_by_name),
        cmocka_unit_test(jina_of_another_form_is_refused),
        cmocka_unit_test(files_that_are_not_configs),
        cmocka_unit_test(every_number_has_a_maximum),
        cmocka_unit_test(patches_have_a_maximum),
        cmocka_unit_test(the_file_has_a_size),
        cmocka_unit_test(clips_preprocessing),
        cmocka_unit_test(siglips_preprocessing),
        cmocka_unit_test(jinas_preprocessing),
        cmocka_unit_test(the_newer_file_is_read_where_the_older_is_not),
        cmocka_unit_test(every_truncation_is_refused),
    };
    return cmocka_run_group_tests(tests, make_place, drop_place);
}
