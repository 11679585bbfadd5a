/* The encoders of a model folder behind embed/model.h: CLIP, SigLIP, jina-clip-v2's image tower.
 *
 * The image tower is packed at open and the f32 pages of its tensors are let go. The text tower is packed
 * when a text is first asked for: what only indexes never pays for it. */
#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "embed/model_folder.h"
#include "embed/model_priv.h"
#include "embed/text.h"
#include "embed/tokenizer.h"
#include "embed/vision.h"
#include "util/hash.h"
#include "util/utf8.h"

#define BATCH_MAX 256
#define NAME_BYTES 512

struct clip_texts { /* what texts need beside the tower of pictures */
    struct ori_text tower;
    struct ori_tokenizer *tokenizer;
};

struct clip {
    struct ori_model base;
    char name[NAME_BYTES];
    char digest[ORI_WEIGHTS_DIGEST_BYTES];
    char *folder;
    dev_t folder_device; /* the folder that was opened: another one may get its name */
    ino_t folder_inode;
    struct ori_model_config config;
    struct ori_weights *weights;
    struct ori_vision vision;
    enum ori_precision precision;
    const struct ori_kernels *kernels;
    pthread_mutex_t lock;
    bool has_texts;          /* lock */
    struct clip_texts texts; /* written before has_texts, then immutable */
};

struct clip_scratch {
    struct ori_model_scratch base;
    struct ori_vision_scratch *vision; /* NULL until first used, as is text */
    struct ori_text_scratch *text;
    float *features; /* [max(pictures a run, 1)][model dim] */
    int32_t *ids;    /* [positions] */
};

static const struct clip *clip_of(const struct ori_model_scratch *scratch)
{
    return (const struct clip *)scratch->model;
}

/* ---- opening */

static ori_status choose_precision(enum ori_precision wanted, enum ori_precision *ret_precision,
                                   struct ori_error *err)
{
    struct ori_matmul_machine machine = ori_matmul_machine();
    if (wanted == ORI_PRECISION_BF16 && !machine.has_bf16)
        return ori_error_set(err, ORI_BAD_SETTING,
                             "VP_PRECISION=bf16: this CPU (%s) has no bf16 arithmetic; use auto or "
                             "f32",
                             machine.isa);
    *ret_precision = wanted;
    if (wanted == ORI_PRECISION_AUTO)
        *ret_precision = machine.has_bf16 ? ORI_PRECISION_BF16 : ORI_PRECISION_F32;
    return ORI_OK;
}

static const char *precision_word(enum ori_precision precision)
{
    switch (precision) {
    case ORI_PRECISION_BF16:
        return "bf16";
    case ORI_PRECISION_INT8:
        return "int8";
    case ORI_PRECISION_AUTO:
    case ORI_PRECISION_F32:
    default:
        return "f32";
    }
}

static const char *family_word(enum ori_family family)
{
    switch (family) {
    case ORI_FAMILY_SIGLIP:
        return "SigLIP";
    case ORI_FAMILY_JINA_CLIP_V2:
        return "jina-clip-v2";
    case ORI_FAMILY_CLIP:
    default:
        return "CLIP";
    }
}

/* The weights, and how they are computed with and their pictures prepared. */
static ori_status set_digest(struct clip *clip, struct ori_error *err)
{
    struct {
        char weights[ORI_WEIGHTS_DIGEST_BYTES];
        char config[ORI_MODEL_CONFIG_TEXT_BYTES];
    } parts = {0};
    uint8_t digest[ORI_HASH_BYTES_MAX];
    ori_status status = ori_weights_digest(clip->weights, parts.weights, err);
    if (status != ORI_OK)
        return status;
    ori_model_config_text(&clip->config, parts.config);
    status = ori_hash_of(ORI_HASH_SHA256, &parts, sizeof parts, digest, err);
    if (status == ORI_OK)
        ori_hash_hex(digest, (ORI_WEIGHTS_DIGEST_BYTES - 1) / 2, clip->digest);
    return status;
}

/* A hub name says which model it is; a folder's name does not, so its weights' digest goes with it. */
static ori_status set_name(struct clip *clip, const struct ori_model_options *options,
                           struct ori_error *err)
{
    struct stat info = {0};
    if (stat(options->name, &info) != 0 && errno != ENOENT && errno != ENOTDIR &&
        errno != ENAMETOOLONG)
        return ori_error_set_errno(err, errno, false, "%.200s", options->name);
    if (!S_ISDIR(info.st_mode)) {
        snprintf(clip->name, sizeof clip->name, "%s", options->name);
        return ORI_OK;
    }
    char *real = realpath(options->name, NULL);
    if (!real)
        return ori_error_set(err, ORI_NOMEM, "name of a model");
    const char *slash = strrchr(real, '/');
    snprintf(clip->name, sizeof clip->name, "%.200s@%.8s", slash && slash[1] ? slash + 1 : real,
             clip->digest);
    free(real);
    ori_utf8_clean(clip->name);
    return ORI_OK;
}

/* Cut where the model was trained for it. */
static int dim_of(const struct ori_model_config *config, int wanted)
{
    bool is_cut = config->is_matryoshka && wanted >= config->dim_min && wanted <= config->dim;
    return is_cut ? wanted : config->dim;
}

static void set_info(struct clip *clip, const struct ori_model_options *options)
{
    const struct ori_preprocess_config *pre = &clip->config.preprocess;
    clip->base.info = (struct ori_model_info){
        .name = clip->name,
        .digest = clip->digest,
        .backend = "onednn",
        .precision = precision_word(clip->precision),
        .device = "cpu",
        .dim = dim_of(&clip->config, options->dim_wanted),
        .dim_min = clip->config.is_matryoshka ? clip->config.dim_min : clip->config.dim,
        .side = clip->config.vision.side,
        .fit = pre->is_squash ? ORI_MODEL_FIT_SQUASH : ORI_MODEL_FIT_SHORTER_CROP,
        .resize_side = pre->resize_side,
        .is_crop_rounded = pre->is_crop_rounded,
        .is_bilinear = pre->filter == ORI_FILTER_BILINEAR,
        .batch_max = BATCH_MAX,
        .has_text = clip->config.has_text,
        .architecture = family_word(clip->config.family),
        .licence = clip->config.licence,
        .parameters = ori_weights_parameters(clip->weights),
        .resident_bytes =
            (int64_t)(ori_vision_bytes(&clip->vision) + ori_vision_scratch_bytes(&clip->vision)),
    };
}

/* What packing left behind: pages of the files, and copies that were freed into the heap. */
static void give_back(const struct clip *clip)
{
    ori_weights_forget(clip->weights);
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

static ori_status open_parts(struct clip *clip, const struct ori_model_options *options,
                             struct ori_error *err)
{
    ori_status status = choose_precision(options->precision, &clip->precision, err);
    struct stat info = {0};
    if (status == ORI_OK && stat(clip->folder, &info) != 0)
        status = ori_error_set_errno(err, errno, false, "%.200s", clip->folder);
    clip->folder_device = info.st_dev;
    clip->folder_inode = info.st_ino;
    if (status == ORI_OK)
        status = ori_model_config_load(clip->folder, &clip->config, err);
    if (status == ORI_OK)
        status = ori_weights_open(clip->folder, &clip->weights, err);
    if (status == ORI_OK)
        status = set_digest(clip, err);
    if (status == ORI_OK)
        status = set_name(clip, options, err);
    if (status == ORI_OK)
        status = ori_weights_check(clip->weights, err);
    if (status == ORI_OK) {
        struct ori_vision_options vision = {
            .config = &clip->config, .precision = clip->precision, .kernels = clip->kernels};
        status = ori_vision_load(&vision, clip->weights, &clip->vision, err);
    }
    if (status == ORI_OK) {
        give_back(clip);
        set_info(clip, options);
    }
    return status;
}

static void clip_close(struct ori_model *model)
{
    struct clip *clip = (struct clip *)model;
    ori_text_deinit(&clip->texts.tower);
    ori_tokenizer_close(&clip->texts.tokenizer);
    ori_vision_deinit(&clip->vision);
    ori_weights_close(&clip->weights);
    pthread_mutex_destroy(&clip->lock);
    free(clip->folder);
    free(clip);
}

static ori_status clip_open(const struct ori_model_options *options, struct ori_model **ret_model,
                            struct ori_error *err)
{
    struct clip *clip = calloc(1, sizeof *clip);
    if (!clip)
        return ori_error_set(err, ORI_NOMEM, "model %.100s", options->name);
    pthread_mutex_init(&clip->lock, NULL); /* does not fail on Linux */
    clip->kernels = ori_kernels(ori_matmul_machine().kernels);
    ori_status status =
        ori_model_folder_find(options->name, options->hub_cache, &clip->folder, err);
    if (status == ORI_OK) {
        status = open_parts(clip, options, err);
        if (status != ORI_OK)
            ori_error_context(err, "model %.100s", options->name);
    }
    if (status != ORI_OK) {
        clip_close(&clip->base);
        return status;
    }
    *ret_model = &clip->base;
    return ORI_OK;
}

/* ---- working memory */

static void clip_scratch_destroy(struct ori_model_scratch *scratch)
{
    struct clip_scratch *it = (struct clip_scratch *)scratch;
    ori_vision_scratch_destroy(&it->vision);
    ori_text_scratch_destroy(&it->text);
    free(it->features);
    free(it->ids);
    free(it);
}

static ori_status clip_scratch_create(const struct ori_model *model,
                                      struct ori_model_scratch **ret_scratch, struct ori_error *err)
{
    const struct clip *clip = (const struct clip *)model;
    struct clip_scratch *it = calloc(1, sizeof *it);
    if (!it)
        return ori_error_set(err, ORI_NOMEM, "working memory of model %s", clip->name);
    it->features =
        calloc((size_t)clip->vision.pictures_max * (size_t)clip->config.dim, sizeof *it->features);
    it->ids =
        calloc(clip->config.has_text ? (size_t)clip->config.text.positions : 1, sizeof *it->ids);
    if (!it->features || !it->ids) {
        clip_scratch_destroy(&it->base);
        return ori_error_set(err, ORI_NOMEM, "working memory of model %s", clip->name);
    }
    *ret_scratch = &it->base;
    return ORI_OK;
}

/* ---- embedding */

/* The first `dim` features as a unit vector. */
static ori_status to_unit(const float *features, int dim, float *ret_vector, struct ori_error *err)
{
    double squares = 0;
    for (int i = 0; i < dim; i++)
        squares += (double)features[i] * (double)features[i];
    if (!(squares > 0) || !isfinite(squares))
        return ori_error_set(err, ORI_BAD_VECTOR,
                             "the model gave a vector that is zero or not finite");
    double factor = 1 / sqrt(squares);
    for (int i = 0; i < dim; i++)
        ret_vector[i] = (float)((double)features[i] * factor);
    return ORI_OK;
}

static ori_status clip_embed_pictures(struct ori_model_scratch *scratch,
                                      const uint8_t *const *pictures, size_t n,
                                      const struct ori_cancel *cancel, float *ret_vectors,
                                      struct ori_error *err)
{
    const struct clip *clip = clip_of(scratch);
    struct clip_scratch *it = (struct clip_scratch *)scratch;
    size_t dim = (size_t)clip->base.info.dim;
    size_t features = (size_t)clip->config.dim;
    ori_status status = ORI_OK;
    if (!it->vision)
        status = ori_vision_scratch_create(&clip->vision, &it->vision, err);
    for (size_t done = 0; done < n && status == ORI_OK;) {
        size_t part = n - done;
        if (part > (size_t)clip->vision.pictures_max)
            part = (size_t)clip->vision.pictures_max;
        status = ori_vision_run(it->vision, pictures + done, (int)part, cancel, it->features, err);
        for (size_t i = 0; i < part && status == ORI_OK; i++)
            status =
                to_unit(it->features + i * features, (int)dim, ret_vectors + (done + i) * dim, err);
        done += part;
    }
    return status;
}

/* Tokens of one model with the weights of another give vectors that look like any other. */
static ori_status check_folder(const struct clip *clip, struct ori_error *err)
{
    struct stat info;
    if (stat(clip->folder, &info) == 0 && info.st_dev == clip->folder_device &&
        info.st_ino == clip->folder_inode)
        return ori_weights_check(clip->weights, err);
    return ori_error_set(err, ORI_IO,
                         "%.200s: another folder took its place since the model was opened; start "
                         "again",
                         clip->folder);
}

static ori_status load_texts(struct clip *clip, struct ori_error *err)
{
    struct ori_text_options options = {
        .config = &clip->config, .precision = clip->precision, .kernels = clip->kernels};
    struct clip_texts texts = {0};
    ori_status status = check_folder(clip, err);
    if (status == ORI_OK)
        status = ori_tokenizer_open(clip->folder, &texts.tokenizer, err);
    if (status == ORI_OK) {
        struct ori_model_config config = clip->config;
        int32_t pad = ori_tokenizer_pad_id(texts.tokenizer);
        if (pad >= 0)
            config.text.pad_token_id = pad;
        options.config = &config;
        status = ori_text_load(&options, clip->weights, &texts.tower, err);
    }
    if (status != ORI_OK) {
        ori_tokenizer_close(&texts.tokenizer);
        return status;
    }
    give_back(clip);
    clip->texts = texts;
    clip->has_texts = true;
    return ORI_OK;
}

/* Once for all threads; a failure is tried again by the next. */
static ori_status want_texts(const struct clip *clip, struct ori_error *err)
{
    struct clip *own = (struct clip *)(uintptr_t)clip; /* its lock guards what changes */
    ori_status status = ORI_OK;
    pthread_mutex_lock(&own->lock);
    if (!own->has_texts)
        status = load_texts(own, err);
    pthread_mutex_unlock(&own->lock);
    return status;
}

static ori_status clip_embed_text(struct ori_model_scratch *scratch, const char *text,
                                  const struct ori_cancel *cancel, float *ret_vector,
                                  struct ori_error *err)
{
    const struct clip *clip = clip_of(scratch);
    struct clip_scratch *it = (struct clip_scratch *)scratch;
    size_t count = 0;
    if (!clip->config.has_text)
        return ori_error_set(
            err, ORI_NO_TEXT,
            "model %s: its text encoder (%s) is not supported; search by a picture, "
            "or use a CLIP or SigLIP model",
            clip->name, family_word(clip->config.family));
    ori_status status = want_texts(clip, err);
    if (status == ORI_OK && !it->text)
        status = ori_text_scratch_create(&clip->texts.tower, &it->text, err);
    if (status == ORI_OK)
        status = ori_tokenizer_encode(clip->texts.tokenizer, text,
                                      (size_t)clip->config.text.positions, it->ids, &count, err);
    if (status == ORI_OK && count == 0)
        status = ori_error_set(err, ORI_USAGE, "the text has no words");
    if (status == ORI_OK) /* token embeddings are read from the file at each text */
        status = ori_weights_check(clip->weights, err);
    if (status == ORI_OK)
        status = ori_text_run(it->text, it->ids, (int)count, cancel, it->features, err);
    if (status == ORI_OK)
        status = to_unit(it->features, clip->base.info.dim, ret_vector, err);
    return status;
}

const struct ori_model_ops ori_clip_ops = {
    .open = clip_open,
    .close = clip_close,
    .scratch_create = clip_scratch_create,
    .scratch_destroy = clip_scratch_destroy,
    .embed_pictures = clip_embed_pictures,
    .embed_text = clip_embed_text,
};
