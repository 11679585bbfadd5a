#include <math.h>
#include <string.h>

#include "embed/model_config_priv.h"
#include "util/limits.h"

static const char file_name[] = "preprocessor_config.json";
static const char newer_file_name[] = "processor_config.json"; /* transformers 5 */

/* OPENAI_CLIP_MEAN and _STD, IMAGENET_STANDARD_MEAN and _STD of transformers' image_utils. */
static const float clip_mean[3] = {0.48145466F, 0.4578275F, 0.40821073F};
static const float clip_std[3] = {0.26862954F, 0.26130258F, 0.27577711F};
static const float half[3] = {0.5F, 0.5F, 0.5F};
static const double rescale_max = 1e6;

static struct ori_preprocess_config defaults_of(const struct ori_model_config *config)
{
    const bool is_siglip = config->family == ORI_FAMILY_SIGLIP;
    struct ori_preprocess_config preprocess = {.is_squash = is_siglip,
                                               .resize_side = config->vision.side,
                                               .crop_side = config->vision.side,
                                               .is_crop_rounded =
                                                   config->family == ORI_FAMILY_JINA_CLIP_V2,
                                               .filter = ORI_FILTER_BICUBIC,
                                               .rescale = 1.0 / 255.0};
    memcpy(preprocess.mean, is_siglip ? half : clip_mean, sizeof half);
    memcpy(preprocess.std, is_siglip ? half : clip_std, sizeof half);
    return preprocess;
}

/* The whole number of a JSON value as a side of a picture; 0: it is none. */
static int side_of(const json_t *value)
{
    json_int_t side = json_integer_value(value);
    return json_is_integer(value) && side >= 1 && side <= ORI_LIMIT_MAX_MODEL_SIDE ? (int)side : 0;
}

/* {"height": 224, "width": 224}, equal. */
static int square_of(const json_t *size)
{
    int height = side_of(json_object_get(size, "height"));
    int width = side_of(json_object_get(size, "width"));
    return height == width ? height : 0;
}

static bool is_set(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return value && !json_is_null(value);
}

static void refuse_size(struct ori_model_json_reader *reader, const char *key)
{
    ori_model_json_refuse(reader, ORI_BAD_MODEL,
                          "%s is neither a side from 1 to %d nor the object of one square", key,
                          ORI_LIMIT_MAX_MODEL_SIDE);
}

/* A bare number is the shorter side in CLIP's processor, both sides in SigLIP's. */
static void read_size(struct ori_model_json_reader *reader,
                      struct ori_preprocess_config *preprocess)
{
    const json_t *size = ori_model_json_get(reader, "size");
    int side = 0;
    if (!size)
        return;
    if (is_set(size, "longest_edge") || is_set(size, "max_height") || is_set(size, "max_width")) {
        ori_model_json_refuse(reader, ORI_UNSUPPORTED_MODEL,
                              "size limits the longer side; shortest_edge, or height and width, "
                              "are supported");
        return;
    }
    if (json_is_integer(size)) {
        side = side_of(size);
    } else if (is_set(size, "shortest_edge")) {
        side = is_set(size, "height") || is_set(size, "width")
                   ? 0
                   : side_of(json_object_get(size, "shortest_edge"));
        preprocess->is_squash = false;
    } else {
        side = square_of(size);
        preprocess->is_squash = true;
    }
    if (side == 0)
        refuse_size(reader, "size");
    else
        preprocess->resize_side = side;
}

/* crop_side 0: no crop. */
static void read_crop(struct ori_model_json_reader *reader, bool is_cropped,
                      struct ori_preprocess_config *preprocess)
{
    const json_t *size = ori_model_json_get(reader, "crop_size");
    if (!ori_model_json_bool(reader, "do_center_crop", is_cropped)) {
        preprocess->crop_side = 0;
        return;
    }
    if (!size)
        return;
    int side = json_is_integer(size) ? side_of(size) : square_of(size);
    if (side == 0)
        refuse_size(reader, "crop_size");
    else
        preprocess->crop_side = side;
}

static void read_resample(struct ori_model_json_reader *reader,
                          struct ori_preprocess_config *preprocess)
{
    static const char *const names[] = {"nearest", "lanczos", "bilinear",
                                        "bicubic", "box",     "hamming"};
    int resample = ori_model_json_int(reader, "resample", preprocess->filter, 0, 5);
    if (resample == ORI_FILTER_BILINEAR || resample == ORI_FILTER_BICUBIC)
        preprocess->filter = (enum ori_filter)resample;
    else
        ori_model_json_refuse(reader, ORI_UNSUPPORTED_MODEL,
                              "resample %d (%s) is not supported; bilinear (2) and bicubic (3) are",
                              resample, names[resample]);
}

/* Three numbers, or one for all three. */
static void read_channels(struct ori_model_json_reader *reader, const char *key, bool is_positive,
                          float ret_channels[3])
{
    const json_t *value = ori_model_json_get(reader, key);
    if (!value)
        return;
    bool is_sound = json_is_number(value) || json_array_size(value) == 3;
    float channels[3] = {0.0F};
    for (size_t i = 0; is_sound && i < 3; i++) {
        const json_t *number = json_is_array(value) ? json_array_get(value, i) : value;
        channels[i] = (float)json_number_value(number);
        is_sound = json_is_number(number) && isfinite(channels[i]) &&
                   (!is_positive || channels[i] >= 1e-6F);
    }
    if (is_sound)
        memcpy(ret_channels, channels, sizeof channels);
    else
        ori_model_json_refuse(reader, ORI_BAD_MODEL, "%s is not three finite numbers%s", key,
                              is_positive ? " above zero" : "");
}

static void read_normalise(struct ori_model_json_reader *reader,
                           struct ori_preprocess_config *preprocess)
{
    double rescale =
        ori_model_json_real(reader, "rescale_factor", preprocess->rescale, 0.0, rescale_max);
    preprocess->rescale = ori_model_json_bool(reader, "do_rescale", true) ? rescale : 1.0;
    read_channels(reader, "image_mean", false, preprocess->mean);
    read_channels(reader, "image_std", true, preprocess->std);
    if (!ori_model_json_bool(reader, "do_normalize", true)) {
        memcpy(preprocess->mean, (const float[3]){0.0F, 0.0F, 0.0F}, sizeof preprocess->mean);
        memcpy(preprocess->std, (const float[3]){1.0F, 1.0F, 1.0F}, sizeof preprocess->std);
    }
}

/* The classes whose rules these are; another one may mean another thing by the same keys. */
static void check_class(struct ori_model_json_reader *reader)
{
    static const char *const keys[] = {"image_processor_type", "feature_extractor_type"};
    static const char *const classes[] = {"CLIPImageProcessor",       "CLIPImageProcessorFast",
                                          "CLIPImageProcessorPil",    "SiglipImageProcessor",
                                          "SiglipImageProcessorFast", "SiglipImageProcessorPil",
                                          "CLIPFeatureExtractor",     "JinaCLIPImageProcessor"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *name = ori_model_json_text(reader, keys[i], classes[0]);
        size_t row = 0;
        while (row < sizeof classes / sizeof classes[0] && strcmp(classes[row], name) != 0)
            row++;
        if (row == sizeof classes / sizeof classes[0])
            ori_model_json_refuse(reader, ORI_UNSUPPORTED_MODEL,
                                  "%s %.60s is not supported; those of CLIP, SigLIP and jina-clip "
                                  "are",
                                  keys[i], name);
    }
}

static void read_processor(struct ori_model_json_reader *reader, bool is_cropped,
                           struct ori_preprocess_config *preprocess)
{
    check_class(reader);
    if (!ori_model_json_bool(reader, "do_resize", true))
        ori_model_json_refuse(reader, ORI_UNSUPPORTED_MODEL,
                              "do_resize is false: pictures come in every size");
    read_size(reader, preprocess);
    read_crop(reader, is_cropped, preprocess);
    read_resample(reader, preprocess);
    read_normalise(reader, preprocess);
}

/* JinaCLIPImageProcessor has keys of its own. */
static void read_jina_processor(struct ori_model_json_reader *reader,
                                struct ori_preprocess_config *preprocess)
{
    const json_t *size = ori_model_json_get(reader, "size");
    check_class(reader);
    if (size) {
        int side = side_of(json_is_array(size) ? json_array_get(size, 0) : size);
        if (side == 0 || (json_is_array(size) &&
                          (json_array_size(size) != 2 || side_of(json_array_get(size, 1)) != side)))
            refuse_size(reader, "size");
        preprocess->resize_side = side;
        preprocess->crop_side = side;
    }
    const char *mode = ori_model_json_text(reader, "resize_mode", "shortest");
    if (strcmp(mode, "shortest") != 0)
        ori_model_json_refuse(reader, ORI_UNSUPPORTED_MODEL,
                              "resize_mode %.60s is not supported; shortest is", mode);
    const char *filter = ori_model_json_text(reader, "interpolation", "bicubic");
    if (strcmp(filter, "bilinear") == 0)
        preprocess->filter = ORI_FILTER_BILINEAR;
    else if (strcmp(filter, "bicubic") != 0)
        ori_model_json_refuse(reader, ORI_UNSUPPORTED_MODEL,
                              "interpolation %.60s is not supported; bilinear and bicubic are",
                              filter);
    read_channels(reader, "mean", false, preprocess->mean);
    read_channels(reader, "std", true, preprocess->std);
}

/* Every picture must become a square of the tower's side. */
static void check_result(struct ori_model_json_reader *reader, int side,
                         struct ori_preprocess_config *preprocess)
{
    if (preprocess->crop_side == 0 && !preprocess->is_squash)
        ori_model_json_refuse(reader, ORI_UNSUPPORTED_MODEL,
                              "without do_center_crop a picture that is not square stays so");
    if (preprocess->crop_side == 0)
        preprocess->crop_side = preprocess->resize_side;
    if (preprocess->crop_side != side)
        ori_model_json_refuse(reader, ORI_BAD_MODEL,
                              "makes pictures of %d pixels a side; the model takes %d",
                              preprocess->crop_side, side);
    if (preprocess->resize_side < preprocess->crop_side)
        ori_model_json_refuse(reader, ORI_UNSUPPORTED_MODEL,
                              "resizes to %d pixels and crops %d: pictures with margins are not "
                              "supported",
                              preprocess->resize_side, preprocess->crop_side);
}

/* *ret_root stays NULL when the folder has neither file. *ret_file: static. */
static ori_status read_file(int dir_fd, json_t **ret_root, const char **ret_file,
                            struct ori_error *err)
{
    static const char *const names[] = {file_name, newer_file_name};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct ori_error missing = {0};
        ori_status status = ori_model_config_read(dir_fd, names[i], ret_root, &missing);
        if (status == ORI_NOT_FOUND)
            continue;
        if (status != ORI_OK)
            return ori_error_set(err, status, "%s", missing.text);
        *ret_file = names[i];
        return ORI_OK;
    }
    return ORI_OK;
}

ori_status ori_model_config_preprocess(int dir_fd, struct ori_model_config *config,
                                       struct ori_error *err)
{
    json_t *root = NULL;
    struct ori_preprocess_config preprocess = defaults_of(config);
    struct ori_model_json_reader reader = {.file = file_name, .section = "", .err = err};
    ori_status status = read_file(dir_fd, &root, &reader.file, err);
    if (status != ORI_OK)
        return status;
    reader.object = root;
    if (reader.file == newer_file_name)
        reader = ori_model_json_section(&reader, "image_processor", "image_processor.");
    if (reader.object && config->family == ORI_FAMILY_JINA_CLIP_V2)
        read_jina_processor(&reader, &preprocess);
    else if (reader.object)
        read_processor(&reader, config->family == ORI_FAMILY_CLIP, &preprocess);
    check_result(&reader, config->vision.side, &preprocess);
    if (reader.status == ORI_OK)
        config->preprocess = preprocess;
    json_decref(root);
    return reader.status;
}
