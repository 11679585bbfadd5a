/* config.json, and behind a line "---" preprocessor_config.json (or none without that line).
 * Whatever is taken must be what an encoder can work with. */
#include <math.h>
#include <string.h>

#include "embed/model_config.h"
#include "fuzz_folder.h"
#include "util/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_tower(const struct ori_tower_config *tower)
{
    MUST(tower->width >= 1 && tower->width <= ORI_LIMIT_MAX_MODEL_WIDTH);
    MUST(tower->layers >= 1 && tower->layers <= ORI_LIMIT_MAX_MODEL_LAYERS);
    MUST(tower->heads >= 1 && tower->width % tower->heads == 0);
    MUST(tower->mlp >= 1 && tower->mlp <= ORI_LIMIT_MAX_MODEL_MLP);
    MUST(tower->activation >= ORI_ACTIVATION_QUICK_GELU &&
         tower->activation <= ORI_ACTIVATION_SWIGLU);
    MUST(tower->eps > 0.0 && tower->eps <= 0.1);
}

static void check_preprocess(const struct ori_preprocess_config *preprocess, int side)
{
    MUST(preprocess->crop_side == side && preprocess->resize_side >= side);
    MUST(preprocess->resize_side <= ORI_LIMIT_MAX_MODEL_SIDE);
    MUST(preprocess->filter == ORI_FILTER_BILINEAR || preprocess->filter == ORI_FILTER_BICUBIC);
    MUST(preprocess->rescale > 0.0 && isfinite(preprocess->rescale));
    for (int i = 0; i < 3; i++)
        MUST(isfinite(preprocess->mean[i]) && preprocess->std[i] > 0.0F &&
             isfinite(preprocess->std[i]) && isfinite(1.0F / preprocess->std[i]));
}

static void check_config(const struct ori_model_config *config)
{
    const struct ori_vision_config *vision = &config->vision;
    MUST(config->dim >= 1 && config->dim <= ORI_LIMIT_MAX_VECTOR_DIM);
    MUST(config->dim_min >= 1 && config->dim_min <= config->dim);
    MUST(config->architecture[0] && ori_model_config_families()[0]);
    check_tower(&vision->tower);
    MUST(vision->patch >= 1 && vision->side >= vision->patch);
    MUST(vision->side <= ORI_LIMIT_MAX_MODEL_SIDE);
    check_preprocess(&config->preprocess, vision->side);
    if (config->family == ORI_FAMILY_JINA_CLIP_V2)
        MUST(vision->rope_grid >= 1 && vision->tower.width / vision->tower.heads % 4 == 0);
    MUST(config->has_text == (config->family != ORI_FAMILY_JINA_CLIP_V2));
    if (!config->has_text)
        return;
    check_tower(&config->text.tower);
    MUST(config->text.positions >= 1 && config->text.positions <= ORI_LIMIT_MAX_MODEL_POSITIONS);
    MUST(config->text.vocabulary >= 1 && config->text.vocabulary <= ORI_LIMIT_MAX_MODEL_VOCABULARY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char line[] = "\n---\n";
    struct ori_model_config config = {0};
    struct ori_error err = {0};
    const uint8_t *end = memmem(data, bytes, line, sizeof line - 1);
    size_t config_bytes = end ? (size_t)(end - data) : bytes;
    fuzz_folder_put("config.json", NULL, 0, data, config_bytes);
    if (end)
        fuzz_folder_put("preprocessor_config.json", NULL, 0, end + sizeof line - 1,
                        bytes - config_bytes - (sizeof line - 1));
    else
        unlinkat(fuzz_folder_fd(), "preprocessor_config.json", 0);
    ori_status status = ori_model_config_load(fuzz_folder, &config, &err);
    MUST(status == err.status && (status == ORI_OK || err.text[0]));
    MUST(status == ORI_OK || status == ORI_BAD_MODEL || status == ORI_LIMIT ||
         status == ORI_UNSUPPORTED_MODEL);
    if (status == ORI_OK)
        check_config(&config);
    return 0;
}
