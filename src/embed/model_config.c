#include "embed/model_config.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "embed/model_config_priv.h"
#include "util/limits.h"

static const char config_name[] = "config.json";
static const double eps_max = 0.1; /* of LayerNorm; the files say 1e-5 and 1e-6 */

/* The reference's defaults of a tower. */
struct tower_defaults {
    int width;
    int layers;
    int heads;
    int mlp;
    const char *activation;
    double eps;
};

static const char *const activation_names = "quick_gelu, gelu, gelu_new, gelu_pytorch_tanh";

static enum ori_activation read_activation(struct ori_model_json_reader *reader,
                                           const char *fallback)
{
    static const struct {
        const char *name;
        enum ori_activation activation;
    } rows[] = {
        {"quick_gelu", ORI_ACTIVATION_QUICK_GELU},
        {"gelu", ORI_ACTIVATION_GELU},
        {"gelu_new", ORI_ACTIVATION_GELU_TANH},
        {"gelu_pytorch_tanh", ORI_ACTIVATION_GELU_TANH},
    };
    const char *name = ori_model_json_text(reader, "hidden_act", fallback);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].activation;
    }
    ori_model_json_refuse(reader, ORI_UNSUPPORTED_MODEL,
                          "hidden_act %.60s is not one that this program has; it has %s", name,
                          activation_names);
    return ORI_ACTIVATION_GELU;
}

static void check_heads(struct ori_model_json_reader *reader, const struct ori_tower_config *tower)
{
    if (tower->width % tower->heads != 0)
        ori_model_json_refuse(reader, ORI_BAD_MODEL, "%d heads do not divide a width of %d",
                              tower->heads, tower->width);
}

static struct ori_tower_config read_tower(struct ori_model_json_reader *reader,
                                          const struct tower_defaults *defaults)
{
    struct ori_tower_config tower = {0};
    tower.width =
        ori_model_json_int(reader, "hidden_size", defaults->width, 1, ORI_LIMIT_MAX_MODEL_WIDTH);
    tower.layers = ori_model_json_int(reader, "num_hidden_layers", defaults->layers, 1,
                                      ORI_LIMIT_MAX_MODEL_LAYERS);
    tower.heads = ori_model_json_int(reader, "num_attention_heads", defaults->heads, 1,
                                     ORI_LIMIT_MAX_MODEL_WIDTH);
    tower.mlp =
        ori_model_json_int(reader, "intermediate_size", defaults->mlp, 1, ORI_LIMIT_MAX_MODEL_MLP);
    tower.activation = read_activation(reader, defaults->activation);
    tower.eps = ori_model_json_real(reader, "layer_norm_eps", defaults->eps, 0.0, eps_max);
    check_heads(reader, &tower);
    return tower;
}

static void read_sides(struct ori_model_json_reader *reader, int side, int patch,
                       struct ori_vision_config *vision)
{
    vision->side = ori_model_json_int(reader, "image_size", side, 1, ORI_LIMIT_MAX_MODEL_SIDE);
    vision->patch = ori_model_json_int(reader, "patch_size", patch, 1, ORI_LIMIT_MAX_MODEL_SIDE);
    int grid = vision->side / vision->patch;
    if (grid == 0)
        ori_model_json_refuse(reader, ORI_BAD_MODEL, "patch_size %d is larger than image_size %d",
                              vision->patch, vision->side);
    else if (grid * grid >= ORI_LIMIT_MAX_MODEL_POSITIONS)
        ori_model_json_refuse(reader, ORI_LIMIT, "%d patches of a picture; at most %d", grid * grid,
                              ORI_LIMIT_MAX_MODEL_POSITIONS - 1);
    if (ori_model_json_int(reader, "num_channels", 3, 1, ORI_LIMIT_MAX_MODEL_WIDTH) != 3)
        ori_model_json_refuse(reader, ORI_UNSUPPORTED_MODEL, "num_channels is not 3");
}

/* -1: null, the model has no such token. */
static int read_token(struct ori_model_json_reader *reader, const char *key, int fallback)
{
    if (json_is_null(json_object_get(reader->object, key)))
        return -1;
    return ori_model_json_int(reader, key, fallback, 0, ORI_LIMIT_MAX_MODEL_VOCABULARY);
}

static struct ori_text_config read_text(struct ori_model_json_reader *reader,
                                        const struct tower_defaults *defaults, int vocabulary,
                                        int positions)
{
    struct ori_text_config text = {.tower = read_tower(reader, defaults)};
    text.vocabulary =
        ori_model_json_int(reader, "vocab_size", vocabulary, 1, ORI_LIMIT_MAX_MODEL_VOCABULARY);
    text.positions = ori_model_json_int(reader, "max_position_embeddings", positions, 1,
                                        ORI_LIMIT_MAX_MODEL_POSITIONS);
    text.bos_token_id = read_token(reader, "bos_token_id", 49406);
    text.eos_token_id = read_token(reader, "eos_token_id", 49407);
    text.pad_token_id = read_token(reader, "pad_token_id", 1);
    return text;
}

/* The older form beside it, "text_config_dict", replaces "text_config" wholly where it is given:
 * so CLIPConfig does. */
static struct ori_model_json_reader read_section(struct ori_model_json_reader *root,
                                                 const char *key, const char *older_key,
                                                 const char *section, const char *older_section)
{
    if (ori_model_json_get(root, older_key))
        return ori_model_json_section(root, older_key, older_section);
    return ori_model_json_section(root, key, section);
}

static struct ori_model_json_reader text_section(struct ori_model_json_reader *root)
{
    return read_section(root, "text_config", "text_config_dict", "text_config.",
                        "text_config_dict.");
}

static struct ori_model_json_reader vision_section(struct ori_model_json_reader *root)
{
    return read_section(root, "vision_config", "vision_config_dict", "vision_config.",
                        "vision_config_dict.");
}

static void read_clip(struct ori_model_json_reader *root, struct ori_model_config *config)
{
    static const struct tower_defaults image = {768, 12, 12, 3072, "quick_gelu", 1e-5};
    static const struct tower_defaults words = {512, 12, 8, 2048, "quick_gelu", 1e-5};
    struct ori_model_json_reader vision = vision_section(root);
    config->vision.tower = read_tower(&vision, &image);
    read_sides(&vision, 224, 32, &config->vision);
    ori_model_json_join(root, &vision);
    struct ori_model_json_reader text = text_section(root);
    config->text = read_text(&text, &words, 49408, 77);
    ori_model_json_join(root, &text);
    config->has_text = true;
    config->dim = ori_model_json_int(root, "projection_dim", 512, 1, ORI_LIMIT_MAX_VECTOR_DIM);
}

static void read_siglip(struct ori_model_json_reader *root, struct ori_model_config *config)
{
    static const struct tower_defaults both = {768, 12, 12, 3072, "gelu_pytorch_tanh", 1e-6};
    struct ori_model_json_reader vision =
        ori_model_json_section(root, "vision_config", "vision_config.");
    config->vision.tower = read_tower(&vision, &both);
    read_sides(&vision, 224, 16, &config->vision);
    if (!ori_model_json_bool(&vision, "vision_use_head", true))
        ori_model_json_refuse(&vision, ORI_UNSUPPORTED_MODEL,
                              "vision_use_head is false: a model without its pooling head gives "
                              "no vector of a picture");
    ori_model_json_join(root, &vision);
    struct ori_model_json_reader text = ori_model_json_section(root, "text_config", "text_config.");
    config->text = read_text(&text, &both, 32000, 64);
    config->dim = ori_model_json_int(&text, "projection_size", config->text.tower.width, 1,
                                     ORI_LIMIT_MAX_MODEL_WIDTH);
    if (config->dim != config->vision.tower.width)
        ori_model_json_refuse(&text, ORI_BAD_MODEL,
                              "projection_size %d is not the %d numbers of a picture's vector",
                              config->dim, config->vision.tower.width);
    if (config->dim > ORI_LIMIT_MAX_VECTOR_DIM)
        ori_model_json_refuse(&text, ORI_LIMIT, "projection_size is %d; at most %d", config->dim,
                              ORI_LIMIT_MAX_VECTOR_DIM);
    ori_model_json_join(root, &text);
    config->has_text = true;
}

/* What jina's vision code can do and ours cannot: each of these must have the one value. */
static void check_jina_form(struct ori_model_json_reader *vision)
{
    static const struct {
        const char *key;
        bool fallback; /* JinaCLIPVisionConfig's */
        bool needed;
    } rows[] = {
        {"qkv_bias", true, true}, {"rope_embeddings", false, true}, {"naive_swiglu", false, true},
        {"subln", false, true},   {"post_norm", false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (ori_model_json_bool(vision, rows[i].key, rows[i].fallback) != rows[i].needed)
            ori_model_json_refuse(vision, ORI_UNSUPPORTED_MODEL,
                                  "%s is %s; this program has the form of jina-clip-v2 alone",
                                  rows[i].key, rows[i].needed ? "false" : "true");
    }
    static const char *const absent[] = {"ls_init_value", "proj_type"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        if (ori_model_json_get(vision, absent[i]))
            ori_model_json_refuse(vision, ORI_UNSUPPORTED_MODEL,
                                  "%s is set; this program has the form of jina-clip-v2 alone",
                                  absent[i]);
    }
}

static void read_jina_vision(struct ori_model_json_reader *reader, struct ori_model_config *config)
{
    struct ori_vision_config *vision = &config->vision;
    struct ori_tower_config *tower = &vision->tower;
    check_jina_form(reader);
    tower->width = ori_model_json_int(reader, "width", 768, 1, ORI_LIMIT_MAX_MODEL_WIDTH);
    tower->layers = ori_model_json_int(reader, "layers", 12, 1, ORI_LIMIT_MAX_MODEL_LAYERS);
    int head_width = ori_model_json_int(reader, "head_width", 64, 1, ORI_LIMIT_MAX_MODEL_WIDTH);
    if (head_width % 4 != 0) /* half for rows, half for columns, in pairs */
        ori_model_json_refuse(reader, ORI_BAD_MODEL, "head_width %d is not a multiple of 4",
                              head_width);
    if (tower->width % head_width != 0)
        ori_model_json_refuse(reader, ORI_BAD_MODEL, "head_width %d does not divide width %d",
                              head_width, tower->width);
    tower->heads = tower->width / head_width;
    double ratio = ori_model_json_real(reader, "mlp_ratio", 4.0, 0.0, ORI_LIMIT_MAX_MODEL_MLP);
    double mlp = floor(tower->width * ratio);
    if (mlp < 1 || mlp > ORI_LIMIT_MAX_MODEL_MLP)
        ori_model_json_refuse(reader, mlp < 1 ? ORI_BAD_MODEL : ORI_LIMIT,
                              "mlp_ratio %g makes %.0f numbers of %d; it may make 1 to %d", ratio,
                              mlp, tower->width, ORI_LIMIT_MAX_MODEL_MLP);
    else
        tower->mlp = (int)mlp;
    tower->activation = ORI_ACTIVATION_SWIGLU;
    tower->eps = 1e-6; /* fixed in the reference's code */
    read_sides(reader, 224, 16, vision);
    vision->rope_grid =
        ori_model_json_int(reader, "pt_hw_seq_len", 16, 1, ORI_LIMIT_MAX_MODEL_POSITIONS);
    bool is_stretched = ori_model_json_bool(reader, "intp_freq", false);
    if (!is_stretched && vision->rope_grid != vision->side / vision->patch)
        ori_model_json_refuse(reader, ORI_BAD_MODEL,
                              "pt_hw_seq_len %d does not fit image_size and patch_size, and "
                              "intp_freq is false",
                              vision->rope_grid);
    if (ori_model_json_int(reader, "embed_dim", 768, 1, ORI_LIMIT_MAX_MODEL_WIDTH) != tower->width)
        ori_model_json_refuse(reader, ORI_BAD_MODEL, "embed_dim is not width %d", tower->width);
}

static void read_matryoshka(struct ori_model_json_reader *root, struct ori_model_config *config)
{
    const json_t *dims = ori_model_json_get(root, "matryoshka_dimensions");
    if (!dims)
        return;
    bool is_sound = json_is_array(dims) && json_array_size(dims) > 0;
    for (size_t i = 0; is_sound && i < json_array_size(dims); i++) {
        const json_t *dim = json_array_get(dims, i);
        is_sound = json_is_integer(dim) && json_integer_value(dim) >= 1 &&
                   json_integer_value(dim) <= config->dim;
        if (is_sound && json_integer_value(dim) < config->dim_min)
            config->dim_min = (int)json_integer_value(dim);
    }
    if (!is_sound)
        ori_model_json_refuse(root, ORI_BAD_MODEL,
                              "matryoshka_dimensions is not an array of numbers from 1 to %d",
                              config->dim);
    config->is_matryoshka = true;
}

static void read_jina(struct ori_model_json_reader *root, struct ori_model_config *config)
{
    struct ori_model_json_reader vision = vision_section(root);
    read_jina_vision(&vision, config);
    ori_model_json_join(root, &vision);
    if (ori_model_json_bool(root, "add_projections", false))
        ori_model_json_refuse(root, ORI_UNSUPPORTED_MODEL,
                              "add_projections is true; this program has the form of jina-clip-v2 "
                              "alone");
    if (ori_model_json_get(root, "truncate_dim"))
        ori_model_json_refuse(root, ORI_UNSUPPORTED_MODEL,
                              "truncate_dim is set; vectors are cut by QDRANT_DIM");
    config->dim = config->vision.tower.width;
    if (config->dim > ORI_LIMIT_MAX_VECTOR_DIM)
        ori_model_json_refuse(root, ORI_LIMIT, "vectors of %d numbers; at most %d", config->dim,
                              ORI_LIMIT_MAX_VECTOR_DIM);
    config->dim_min = config->dim;
    read_matryoshka(root, config);
    snprintf(config->licence, sizeof config->licence, "CC-BY-NC-4.0");
}

struct family_row {
    enum ori_family family;
    const char *model_type;
    const char *architecture;
    void (*read)(struct ori_model_json_reader *root, struct ori_model_config *config);
};
static const struct family_row family_rows[] = {
    {ORI_FAMILY_CLIP, "clip", "CLIPModel", read_clip},
    {ORI_FAMILY_SIGLIP, "siglip", "SiglipModel", read_siglip},
    {ORI_FAMILY_JINA_CLIP_V2, "jina_clip", "JinaCLIPModel", read_jina},
};

const char *ori_model_config_families(void)
{
    return "CLIP (model_type clip), SigLIP and SigLIP 2 of fixed resolution (siglip), "
           "jina-clip-v2's image tower (jina_clip)";
}

static const struct family_row *choose_family(struct ori_model_json_reader *root)
{
    const char *model_type = ori_model_json_text(root, "model_type", NULL);
    if (!model_type) {
        ori_model_json_refuse(root, ORI_BAD_MODEL, "no model_type");
        return NULL;
    }
    for (size_t i = 0; i < sizeof family_rows / sizeof family_rows[0]; i++) {
        if (strcmp(family_rows[i].model_type, model_type) == 0)
            return &family_rows[i];
    }
    if (strcmp(model_type, "siglip2") == 0)
        ori_model_json_refuse(root, ORI_UNSUPPORTED_MODEL,
                              "model_type siglip2 (NaFlex) takes pictures of any shape, which this "
                              "program does not; SigLIP 2 models of a fixed resolution work. "
                              "Supported: %s",
                              ori_model_config_families());
    else
        ori_model_json_refuse(root, ORI_UNSUPPORTED_MODEL,
                              "model_type %.60s is not supported; supported: %s", model_type,
                              ori_model_config_families());
    return NULL;
}

/* Missing is fine; one of those listed must be the family's. */
static void check_architectures(struct ori_model_json_reader *root, const struct family_row *row)
{
    const json_t *names = ori_model_json_get(root, "architectures");
    if (!names)
        return;
    const char *first = json_string_value(json_array_get(names, 0));
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (name && strcmp(name, row->architecture) == 0)
            return;
    }
    ori_model_json_refuse(root, ORI_UNSUPPORTED_MODEL,
                          "architecture %.60s of model_type %s is not supported; %s is. Supported: "
                          "%s",
                          first ? first : "(none)", row->model_type, row->architecture,
                          ori_model_config_families());
}

ori_status ori_model_config_read(int dir_fd, const char *file, json_t **ret_root,
                                 struct ori_error *err)
{
    static const struct ori_model_json_bounds bounds = {
        .values_max = ORI_LIMIT_MAX_MODEL_CONFIG_VALUES, .depth_max = ORI_LIMIT_MAX_JSON_DEPTH};
    return ori_model_json_read(dir_fd, file, ORI_LIMIT_MAX_MODEL_CONFIG_BYTES, &bounds, ret_root,
                               err);
}

static ori_status read_config(int dir_fd, struct ori_model_config *config, struct ori_error *err)
{
    json_t *json = NULL;
    ori_status status = ori_model_config_read(dir_fd, config_name, &json, err);
    if (status == ORI_NOT_FOUND) {
        if (err && err->status == ORI_NOT_FOUND)
            err->status = ORI_MODEL_MISSING;
        return ORI_MODEL_MISSING;
    }
    if (status != ORI_OK)
        return status;
    struct ori_model_json_reader root = {
        .file = config_name, .section = "", .object = json, .err = err};
    const struct family_row *row = choose_family(&root);
    if (row) {
        check_architectures(&root, row);
        config->family = row->family;
        snprintf(config->architecture, sizeof config->architecture, "%s", row->architecture);
        row->read(&root, config);
        if (!config->is_matryoshka)
            config->dim_min = config->dim;
    }
    json_decref(json);
    return root.status;
}

ori_status ori_model_config_load(const char *folder, struct ori_model_config *ret_config,
                                 struct ori_error *err)
{
    ORI_ASSERT(folder && ret_config);
    struct ori_model_config config = {0};
    ori_status status = ORI_OK;
    int dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0) {
        int errnum = errno;
        if (errnum == ENOENT || errnum == ENOTDIR)
            status = ori_error_set(err, ORI_MODEL_MISSING, "no such folder");
        else
            status = ori_error_set_errno(err, errnum, false, "model folder");
        goto out;
    }
    status = read_config(dir_fd, &config, err);
    if (status == ORI_OK)
        status = ori_model_config_preprocess(dir_fd, &config, err);
    if (status == ORI_OK)
        *ret_config = config;
    close(dir_fd);
out:
    if (status != ORI_OK)
        ori_error_context(err, "%.150s", folder);
    return status;
}

/* One "name=value" a line; reals as hex floats, so that no two values look alike. */
void ori_model_config_text(const struct ori_model_config *config,
                           char ret_text[ORI_MODEL_CONFIG_TEXT_BYTES])
{
    const struct ori_tower_config *v = &config->vision.tower;
    const struct ori_tower_config *t = &config->text.tower;
    const struct ori_preprocess_config *p = &config->preprocess;
    int used = snprintf(
        ret_text, ORI_MODEL_CONFIG_TEXT_BYTES,
        "family=%d dim=%d\nvision=%d/%d/%d/%d/%d/%a side=%d patch=%d rope=%d\n"
        "text=%d %d/%d/%d/%d/%d/%a vocabulary=%d positions=%d tokens=%d/%d/%d\n"
        "pictures=%d/%d/%d/%d/%d %a %a/%a/%a %a/%a/%a\n",
        config->family, config->dim, v->width, v->layers, v->heads, v->mlp, v->activation, v->eps,
        config->vision.side, config->vision.patch, config->vision.rope_grid, config->has_text,
        t->width, t->layers, t->heads, t->mlp, t->activation, t->eps, config->text.vocabulary,
        config->text.positions, config->text.bos_token_id, config->text.eos_token_id,
        config->text.pad_token_id, p->is_squash, p->resize_side, p->crop_side, p->is_crop_rounded,
        p->filter, p->rescale, (double)p->mean[0], (double)p->mean[1], (double)p->mean[2],
        (double)p->std[0], (double)p->std[1], (double)p->std[2]);
    ORI_ASSERT(used > 0 && used < ORI_MODEL_CONFIG_TEXT_BYTES);
}
