#include "embed/model.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "embed/model_priv.h"
#include "embed/tokenizer_unicode.h"

static const char builtin_prefix[] = "builtin/";

/* NULL: no model has such a name. */
static const struct ori_model_ops *ops_of_name(const char *name)
{
    if (strcmp(name, ORI_BUILTIN_VISUAL_NAME) == 0)
        return &ori_builtin_visual_ops;
    bool is_builtin = strncmp(name, builtin_prefix, sizeof builtin_prefix - 1) == 0;
    return is_builtin || name[0] == '\0' ? NULL : &ori_clip_ops;
}

static ori_status refuse_name(const char *name, struct ori_error *err)
{
    if (name[0] == '\0')
        return ori_error_set(err, ORI_BAD_SETTING, "CLIP_MODEL is empty; use CLIP_MODEL=%s",
                             ORI_BUILTIN_VISUAL_NAME);
    return ori_error_set(err, ORI_BAD_SETTING,
                         "CLIP_MODEL=%.100s: there is no such built-in model; the one there "
                         "is: %s",
                         name, ORI_BUILTIN_VISUAL_NAME);
}

/* Nothing but white space, of any script. What is no UTF-8 is not blank: the tokenizer refuses it. */
static bool is_blank(const char *text)
{
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text;
    utf8proc_int32_t character = 0;
    while (*at) {
        const utf8proc_ssize_t step = utf8proc_iterate(at, -1, &character);
        if (step <= 0 || !ori_tok_is_space((uint32_t)character))
            return false;
        at += step;
    }
    return true;
}

static ori_status refuse_dim(const struct ori_model_options *options,
                             const struct ori_model_info *info, struct ori_error *err)
{
    if (info->dim_min < info->dim)
        return ori_error_set(err, ORI_BAD_SETTING,
                             "QDRANT_DIM=%d, but model %s gives vectors of %d to %d numbers; set "
                             "QDRANT_DIM to one of these",
                             options->dim_wanted, info->name, info->dim_min, info->dim);
    return ori_error_set(
        err, ORI_BAD_SETTING,
        "QDRANT_DIM=%d, but model %s gives vectors of %d numbers; set QDRANT_DIM=%d",
        options->dim_wanted, info->name, info->dim, info->dim);
}

ori_status ori_model_open(const struct ori_model_options *options, struct ori_model **ret_model,
                          struct ori_error *err)
{
    ORI_ASSERT(options && options->name && ret_model);
    struct ori_model *model = NULL;
    ori_status status = ORI_OK;

    const struct ori_model_ops *ops = ops_of_name(options->name);
    if (!ops)
        return refuse_name(options->name, err);
    status = ops->open(options, &model, err);
    if (status != ORI_OK)
        goto out;
    model->ops = ops;
    if (options->dim_wanted > 0 && model->info.dim != options->dim_wanted) {
        status = refuse_dim(options, &model->info, err);
        goto out;
    }
    *ret_model = model;
    model = NULL;
out:
    ori_model_close(&model);
    return status;
}

void ori_model_close(struct ori_model **model)
{
    if (!model || !*model)
        return;
    (*model)->ops->close(*model);
    *model = NULL;
}

struct ori_model_info ori_model_info(const struct ori_model *model)
{
    return model->info;
}

ori_status ori_model_scratch_create(const struct ori_model *model,
                                    struct ori_model_scratch **ret_scratch, struct ori_error *err)
{
    ORI_ASSERT(model && ret_scratch);
    struct ori_model_scratch *scratch = NULL;
    ori_status status = model->ops->scratch_create(model, &scratch, err);
    if (status != ORI_OK)
        return status;
    scratch->model = model;
    *ret_scratch = scratch;
    return ORI_OK;
}

void ori_model_scratch_destroy(struct ori_model_scratch **scratch)
{
    if (!scratch || !*scratch)
        return;
    (*scratch)->model->ops->scratch_destroy(*scratch);
    *scratch = NULL;
}

ori_status ori_model_embed_pictures(struct ori_model_scratch *scratch,
                                    const uint8_t *const *pictures, size_t n,
                                    const struct ori_cancel *cancel, float *ret_vectors,
                                    struct ori_error *err)
{
    ORI_ASSERT(scratch && (n == 0 || (pictures && ret_vectors)));
    const struct ori_model *model = scratch->model;
    if (n > model->info.batch_max)
        return ori_error_set(err, ORI_LIMIT, "%zu pictures in one call; %s takes at most %zu", n,
                             model->info.name, model->info.batch_max);
    return model->ops->embed_pictures(scratch, pictures, n, cancel, ret_vectors, err);
}

ori_status ori_model_embed_text(struct ori_model_scratch *scratch, const char *text,
                                const struct ori_cancel *cancel, float *ret_vector,
                                struct ori_error *err)
{
    ORI_ASSERT(scratch && text && ret_vector);
    if (is_blank(text))
        return ori_error_set(err, ORI_USAGE, "the text is empty");
    return scratch->model->ops->embed_text(scratch, text, cancel, ret_vector, err);
}
