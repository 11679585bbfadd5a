/* Text to ids in the steps of Hugging Face tokenizers: added tokens are cut out; what lies between
 * them is normalized; those added tokens that are looked for afterwards are cut out; what lies
 * between is cut into pieces; each piece becomes tokens. At last the list is cut to its length and
 * the post-processor's tokens go around it. Each step is a file of its own, tokenizer_*.c. */
#include "embed/tokenizer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "embed/tokenizer_added.h"
#include "embed/tokenizer_json.h"
#include "embed/tokenizer_model.h"
#include "embed/tokenizer_normalize.h"
#include "embed/tokenizer_post.h"
#include "embed/tokenizer_split.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/text.h"

struct ori_tokenizer {
    struct ori_tok_model *model;
    struct ori_tok_added added;
    struct ori_tok_normalizers normalizers;
    struct ori_tok_splitters splitters;
    struct ori_tok_post post;
    bool is_cut_left; /* truncation keeps the end of a text */
    int32_t pad_id;
};
struct run { /* one text on its way */
    const struct ori_tokenizer *tokenizer;
    struct ori_tok_string string;
    struct ori_tok_string spare;
    struct ori_tok_work work;
    struct ori_tok_scratch scratch;
    struct ori_tok_ids ids;
    size_t ids_wanted; /* more are of no use */
};

/* ---- open ---- */

/* A token by the name that a file of the folder gives it: "pad_token": "<pad>", or an object that
 * has it as "content". */
static bool find_named(const struct ori_tokenizer *tokenizer, const json_t *file, const char *key,
                       int32_t *ret_id)
{
    const json_t *name = json_object_get(file, key);
    if (json_is_object(name))
        name = json_object_get(name, "content");
    return json_is_string(name) &&
           ori_tok_added_id(&tokenizer->added, tokenizer->model, json_string_value(name),
                            json_string_length(name), ret_id);
}

static ori_status load_optional(const char *folder, const char *name, bool is_config,
                                json_t **ret_json, struct ori_error *err)
{
    struct ori_error cause = {0};
    ori_status status = ori_tok_json_load(folder, name, is_config, ret_json, &cause);
    if (status == ORI_OK || status == ORI_MODEL_MISSING)
        return ORI_OK;
    return ori_error_set(err, status, "%s", cause.text);
}

/* tokenizer.json's padding, else the name in one of the files beside it. */
static ori_status load_pad_id(struct ori_tokenizer *tokenizer, const char *folder,
                              const json_t *config, const struct ori_tok_node *padding,
                              struct ori_error *err)
{
    json_t *map = NULL;
    struct ori_tok_node child;
    tokenizer->pad_id = -1;
    if (padding->value) {
        ori_status status = ori_tok_need_object(padding, err);
        ori_tok_child(padding, "pad_id", &child);
        if (status == ORI_OK)
            status = ori_tok_id(&child, &tokenizer->pad_id, err);
        if (status == ORI_OK && tokenizer->pad_id >= tokenizer->added.ids)
            status = ori_tok_bad(&child, err, "%d is no token", (int)tokenizer->pad_id);
        return status;
    }
    if (find_named(tokenizer, config, "pad_token", &tokenizer->pad_id))
        return ORI_OK;
    ori_status status = load_optional(folder, "special_tokens_map.json", true, &map, err);
    if (status == ORI_OK)
        find_named(tokenizer, map, "pad_token", &tokenizer->pad_id);
    json_decref(map);
    return status;
}

/* tokenizer_config.json says which side is cut, else tokenizer.json does. */
static ori_status load_truncation(struct ori_tokenizer *tokenizer, const json_t *config,
                                  const struct ori_tok_node *root, struct ori_error *err)
{
    const char *side = json_string_value(json_object_get(config, "truncation_side"));
    struct ori_tok_node truncation;
    size_t bytes;
    if (side) {
        tokenizer->is_cut_left = strcmp(side, "left") == 0;
        return ORI_OK;
    }
    ori_tok_child(root, "truncation", &truncation);
    if (!truncation.value)
        return ORI_OK;
    ori_status status = ori_tok_need_object(&truncation, err);
    if (status == ORI_OK)
        status =
            ori_tok_text(&truncation, "direction", false, ORI_TOK_WHERE_BYTES, &side, &bytes, err);
    if (status == ORI_OK)
        tokenizer->is_cut_left = side && strcmp(side, "Left") == 0;
    return status;
}

/* SigLIP 2's tokenizer is Gemma's with lower case first, which its tokenizer.json does not say. */
static bool is_lowercase_first(const json_t *config)
{
    const char *class = json_string_value(json_object_get(config, "tokenizer_class"));
    return class && strncmp(class, "Siglip2Tokenizer", strlen("Siglip2Tokenizer")) == 0;
}

static ori_status check_version(const struct ori_tok_node *root, struct ori_error *err)
{
    const char *text = NULL;
    size_t bytes = 0;
    struct ori_tok_node child;
    ori_status status = ori_tok_need_object(root, err);
    if (status == ORI_OK)
        status = ori_tok_text(root, "version", false, ORI_TOK_WHERE_BYTES, &text, &bytes, err);
    if (status != ORI_OK || !text || strcmp(text, "1.0") == 0)
        return status;
    ori_tok_child(root, "version", &child);
    return ori_tok_unsupported(&child, err, text, "1.0");
}

static ori_status load_file(struct ori_tokenizer *tokenizer, const char *folder, const json_t *json,
                            const json_t *config, struct ori_error *err)
{
    struct ori_tok_node root;
    struct ori_tok_node child;
    ori_tok_root(json, "tokenizer.json", &root);
    ori_status status = check_version(&root, err);
    ori_tok_child(&root, "model", &child);
    if (status == ORI_OK)
        status = ori_tok_model_load(&child, &tokenizer->model, err);
    ori_tok_child(&root, "normalizer", &child);
    if (status == ORI_OK)
        status = ori_tok_normalizers_load(&child, is_lowercase_first(config),
                                          &tokenizer->normalizers, err);
    ori_tok_child(&root, "added_tokens", &child);
    if (status == ORI_OK)
        status = ori_tok_added_load(&child, tokenizer->model, &tokenizer->normalizers,
                                    &tokenizer->added, err);
    ori_tok_child(&root, "pre_tokenizer", &child);
    if (status == ORI_OK)
        status = ori_tok_splitters_load(&child, &tokenizer->splitters, err);
    ori_tok_child(&root, "post_processor", &child);
    if (status == ORI_OK)
        status = ori_tok_post_load(&child, tokenizer->added.ids, &tokenizer->post, err);
    if (status == ORI_OK)
        status = load_truncation(tokenizer, config, &root, err);
    ori_tok_child(&root, "padding", &child);
    if (status == ORI_OK)
        status = load_pad_id(tokenizer, folder, config, &child, err);
    return status;
}

/* vocab.json and merges.txt: CLIP's tokenizer, as transformers makes it of them. */
static ori_status load_clip(struct ori_tokenizer *tokenizer, const char *folder,
                            const json_t *config, struct ori_error *err)
{
    static const struct ori_tok_node no_padding = {0};
    json_t *vocab = NULL;
    char *path = NULL;
    char *merges = NULL;
    size_t bytes = 0;
    struct ori_tok_node node;
    struct ori_tok_node none = {0};
    struct ori_tok_post *post = &tokenizer->post;

    ori_status status = ori_tok_json_load(folder, "vocab.json", false, &vocab, err);
    if (status == ORI_OK)
        status = ori_fs_join(folder, "merges.txt", &path, err);
    if (status == ORI_OK)
        status = ori_fs_read_file(AT_FDCWD, path, ORI_LIMIT_MAX_TOKENIZER_FILE_BYTES, &merges,
                                  &bytes, err);
    if (status == ORI_NOT_FOUND)
        status = ORI_MODEL_MISSING;
    if (status != ORI_OK)
        goto out;
    ori_tok_root(vocab, "vocab.json", &node);
    status = ori_tok_bpe_clip(&node, merges, bytes, &tokenizer->model, err);
    if (status == ORI_OK)
        status = ori_tok_normalizers_clip(&tokenizer->normalizers, err);
    if (status == ORI_OK)
        status = ori_tok_splitters_clip(&tokenizer->splitters, err);
    if (status == ORI_OK)
        status = ori_tok_added_clip(tokenizer->model, &post->before[0], &post->behind[0],
                                    &tokenizer->added, err);
    post->before_count = 1;
    post->behind_count = 1;
    if (status == ORI_OK)
        status = load_truncation(tokenizer, config, &none, err);
    if (status == ORI_OK)
        status = load_pad_id(tokenizer, folder, config, &no_padding, err);
    if (status == ORI_OK && tokenizer->pad_id < 0)
        tokenizer->pad_id = post->behind[0]; /* CLIPTokenizer's own, when no file names one */
out:
    free(merges);
    free(path);
    json_decref(vocab);
    return status;
}

static ori_status load_folder(struct ori_tokenizer *tokenizer, const char *folder,
                              struct ori_error *err)
{
    json_t *json = NULL;
    json_t *config = NULL;
    ori_status status = load_optional(folder, "tokenizer_config.json", true, &config, err);
    if (status == ORI_OK)
        status = load_optional(folder, "tokenizer.json", false, &json, err);
    if (status == ORI_OK && json)
        status = load_file(tokenizer, folder, json, config, err);
    else if (status == ORI_OK) {
        struct ori_error cause = {0};
        status = load_clip(tokenizer, folder, config, &cause);
        if (status == ORI_MODEL_MISSING)
            status = ori_error_set(err, status,
                                   "%.200s: neither tokenizer.json nor vocab.json with "
                                   "merges.txt is in it",
                                   folder);
        else if (status != ORI_OK)
            status = ori_error_set(err, status, "%s", cause.text);
    }
    json_decref(config);
    json_decref(json);
    return status;
}

ori_status ori_tokenizer_open(const char *folder, struct ori_tokenizer **ret_tokenizer,
                              struct ori_error *err)
{
    ORI_ASSERT(folder && ret_tokenizer);
    struct ori_tokenizer *tokenizer = calloc(1, sizeof *tokenizer);
    if (!tokenizer)
        return ori_error_set(err, ORI_NOMEM, "a tokenizer");
    ori_status status = load_folder(tokenizer, folder, err);
    if (status == ORI_OK) {
        *ret_tokenizer = tokenizer;
        tokenizer = NULL;
    }
    ori_tokenizer_close(&tokenizer);
    return status;
}

void ori_tokenizer_close(struct ori_tokenizer **tokenizer)
{
    if (!tokenizer || !*tokenizer)
        return;
    ori_tok_model_close(&(*tokenizer)->model);
    ori_tok_added_close(&(*tokenizer)->added);
    ori_tok_normalizers_close(&(*tokenizer)->normalizers);
    ori_tok_splitters_close(&(*tokenizer)->splitters);
    free(*tokenizer);
    *tokenizer = NULL;
}

int ori_tokenizer_vocabulary(const struct ori_tokenizer *tokenizer)
{
    return tokenizer->added.ids;
}

int32_t ori_tokenizer_pad_id(const struct ori_tokenizer *tokenizer)
{
    return tokenizer->pad_id;
}

/* ---- encode ---- */

static bool has_enough(const struct run *run)
{
    return !run->tokenizer->is_cut_left && run->ids.count >= run->ids_wanted;
}

/* Pieces of a stretch of run->string, and their tokens. */
static ori_status encode_stretch(struct run *run, size_t begin, size_t end, bool is_beginning,
                                 struct ori_error *err)
{
    struct ori_tok_piece part = {.at = begin, .bytes = end - begin};
    if (begin >= end || has_enough(run))
        return ORI_OK;
    part.is_beginning = is_beginning && begin < run->string.origin;
    if (begin < run->string.origin)
        part.origin = (run->string.origin < end ? run->string.origin : end) - begin;
    ori_status status = ori_tok_split(&run->tokenizer->splitters, ori_buf_text(&run->string.buf),
                                      &part, &run->work, err);
    const struct ori_tok_pieces *pieces = &run->work.pieces;
    for (size_t i = 0; status == ORI_OK && i < pieces->count && !has_enough(run); i++)
        status = ori_tok_model_tokens(run->tokenizer->model,
                                      ori_buf_text(&run->work.string.buf) + pieces->items[i].at,
                                      pieces->items[i].bytes, &run->scratch, &run->ids, err);
    return status;
}

/* A part of the text that lies between added tokens; its first character's bytes are its origin. */
static ori_status encode_part(struct run *run, const char *text, size_t bytes, bool is_beginning,
                              struct ori_error *err)
{
    const struct ori_tokenizer *tokenizer = run->tokenizer;
    struct ori_tok_found found;
    size_t at = 0;
    size_t done = 0;
    if (bytes == 0 || has_enough(run))
        return ORI_OK;
    ori_tok_string_clear(&run->string);
    ori_buf_add(&run->string.buf, text, bytes);
    run->string.origin = ori_text_utf8_step(text, bytes);
    ori_status status = ori_buf_finish(&run->string.buf, "the text", err);
    if (status == ORI_OK)
        status = ori_tok_normalize(&tokenizer->normalizers, &run->string, &run->spare,
                                   &run->work.meter, err);
    if (status != ORI_OK)
        return status;
    const char *normal = ori_buf_text(&run->string.buf);
    size_t normal_bytes = run->string.buf.used;
    while (status == ORI_OK &&
           ori_tok_added_next(&tokenizer->added, true, normal, normal_bytes, &at, done, &found)) {
        status = encode_stretch(run, done, found.begin, is_beginning, err);
        if (status == ORI_OK)
            status = ori_tok_ids_add(&run->ids, found.id, err);
        done = found.end;
    }
    return status == ORI_OK ? encode_stretch(run, done, normal_bytes, is_beginning, err) : status;
}

static ori_status encode_text(struct run *run, const char *text, size_t bytes,
                              struct ori_error *err)
{
    struct ori_tok_found found;
    size_t at = 0;
    size_t done = 0;
    ori_status status = ORI_OK;
    while (status == ORI_OK && !has_enough(run) &&
           ori_tok_added_next(&run->tokenizer->added, false, text, bytes, &at, done, &found)) {
        if (found.begin > done)
            status = encode_part(run, text + done, found.begin - done, done == 0, err);
        if (status == ORI_OK)
            status = ori_tok_ids_add(&run->ids, found.id, err);
        done = found.end;
    }
    if (status == ORI_OK)
        status = encode_part(run, text + done, bytes - done, done == 0, err);
    return status;
}

/* The tokens that are kept, between those that the post-processor adds. */
static size_t wrap(const struct run *run, size_t kept, int32_t *ret_ids)
{
    const struct ori_tok_post *post = &run->tokenizer->post;
    const int32_t *ids = run->ids.items;
    if (run->tokenizer->is_cut_left && run->ids.count > kept)
        ids += run->ids.count - kept;
    size_t count = 0;
    memcpy(ret_ids, post->before, post->before_count * sizeof *ret_ids);
    count += post->before_count;
    if (kept > 0)
        memcpy(ret_ids + count, ids, kept * sizeof *ret_ids);
    count += kept;
    memcpy(ret_ids + count, post->behind, post->behind_count * sizeof *ret_ids);
    return count + post->behind_count;
}

ori_status ori_tokenizer_encode(const struct ori_tokenizer *tokenizer, const char *text,
                                size_t ids_max, int32_t *ret_ids, size_t *ret_count,
                                struct ori_error *err)
{
    ORI_ASSERT(tokenizer && text && ret_count && (ret_ids || ids_max == 0));
    size_t bytes = strnlen(text, ORI_LIMIT_MAX_SEARCH_TEXT_BYTES + 1);
    size_t around = tokenizer->post.before_count + tokenizer->post.behind_count;
    if (bytes > ORI_LIMIT_MAX_SEARCH_TEXT_BYTES)
        return ori_error_set(err, ORI_LIMIT, "a text of more than %d bytes",
                             ORI_LIMIT_MAX_SEARCH_TEXT_BYTES);
    if (bytes > 0 && !ori_text_is_utf8(text, bytes))
        return ori_error_set(err, ORI_USAGE, "the text is not UTF-8");
    if (ids_max < around)
        return ori_error_set(err, ORI_USAGE, "room for %zu tokens; %zu go around each text",
                             ids_max, around);
    struct run run = {.tokenizer = tokenizer, .ids_wanted = ids_max - around};
    ori_tok_string_init(&run.string);
    ori_tok_string_init(&run.spare);
    ori_tok_work_init(&run.work);
    ori_status status = encode_text(&run, text, bytes, err);
    if (status == ORI_OK)
        *ret_count =
            wrap(&run, run.ids.count < run.ids_wanted ? run.ids.count : run.ids_wanted, ret_ids);
    free(run.ids.items);
    ori_tok_scratch_deinit(&run.scratch);
    ori_tok_work_deinit(&run.work);
    ori_tok_string_deinit(&run.string);
    ori_tok_string_deinit(&run.spare);
    return status;
}
