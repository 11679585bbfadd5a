#pragma once
/* embed/model_config_priv.h: between the two halves of model_config.h. */
#include "embed/model_config.h"
#include "embed/model_json.h"

/* Fills config->preprocess from preprocessor_config.json, or from the image_processor of
 * processor_config.json, or from the family; config->family and vision.side are set. */
ori_status ori_model_config_preprocess(int dir_fd, struct ori_model_config *config,
                                       struct ori_error *err);
/* A file of the folder within the limits of such files. ORI_NOT_FOUND when there is none. */
ori_status ori_model_config_read(int dir_fd, const char *file, json_t **ret_root,
                                 struct ori_error *err);
