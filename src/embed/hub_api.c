#include "embed/hub_priv.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/weights_index.h"
#include "util/buf.h"
#include "util/clock.h"

#define DEADLINE_US INT64_C(300000000)
#define RETRIES 4

bool ori_hub_is_oid(const char *text)
{
    size_t bytes = strlen(text);
    return (bytes == 40 || bytes == 64) && strspn(text, "0123456789abcdef") == bytes;
}

struct ori_hub_file *ori_hub_find_file(const struct ori_hub *hub, const char *name)
{
    for (size_t i = 0; i < hub->files_count; i++) {
        if (strcmp(hub->files[i].name, name) == 0)
            return &hub->files[i];
    }
    return NULL;
}

static ori_status refuse(const struct ori_hub *hub, const char *what, struct ori_error *err)
{
    return ori_error_set(err, ORI_NETWORK, "%s: the hub's answer is not what it should be: %s",
                         hub->name.repo, what);
}

/* The text of a JSON string without NULs in it; NULL for everything else. */
static const char *text_of(const json_t *value)
{
    const char *text = json_string_value(value);
    return text && strlen(text) == json_string_length(value) ? text : NULL;
}

/* ---- files ---- */

/* size and hash, where the hub says them. What it says of a large file is the file's own; a pointer
 * stands for it in git. */
static ori_status read_facts(const struct ori_hub *hub, const json_t *sibling,
                             struct ori_hub_file *file, struct ori_error *err)
{
    const json_t *lfs = json_object_get(sibling, "lfs");
    const json_t *size = json_object_get(json_is_object(lfs) ? lfs : sibling, "size");
    const char *oid = text_of(json_is_object(lfs) ? json_object_get(lfs, "sha256")
                                                  : json_object_get(sibling, "blobId"));
    file->size = -1;
    if (json_is_integer(size) && json_integer_value(size) >= 0)
        file->size = json_integer_value(size);
    if (oid && ori_hub_is_oid(oid))
        snprintf(file->oid, sizeof file->oid, "%s", oid);
    if (file->size > ori_hub_bytes_max(file->name))
        return ori_error_set(err, ORI_LIMIT, "%s: %s has more than %lld bytes", hub->name.repo,
                             file->name, (long long)ori_hub_bytes_max(file->name));
    return ORI_OK;
}

static ori_status read_sibling(struct ori_hub *hub, const json_t *sibling, struct ori_error *err)
{
    const char *name = text_of(json_object_get(sibling, "rfilename"));
    if (!name)
        return refuse(hub, "a file without a name", err);
    if (!ori_hub_is_wanted(name) && !ori_weights_is_file_name(name))
        return ORI_OK;
    struct ori_hub_file file = {.name = strdup(name)};
    if (!file.name)
        return ori_error_set(err, ORI_NOMEM, "list of files");
    ori_status status = read_facts(hub, sibling, &file, err);
    if (status == ORI_OK)
        hub->files[hub->files_count++] = file;
    else
        free(file.name);
    return status;
}

static void forget_files(struct ori_hub *hub)
{
    for (size_t i = 0; i < hub->files_count; i++)
        free(hub->files[i].name);
    free(hub->files);
    hub->files = NULL;
    hub->files_count = 0;
}

static ori_status read_siblings(struct ori_hub *hub, const json_t *siblings, struct ori_error *err)
{
    ori_status status = ORI_OK;
    size_t count = json_array_size(siblings);
    if (!json_is_array(siblings))
        return refuse(hub, "there is no list of files", err);
    if (count > ORI_LIMIT_MAX_HUB_SIBLINGS)
        return ori_error_set(err, ORI_LIMIT, "%s has more than %d files", hub->name.repo,
                             ORI_LIMIT_MAX_HUB_SIBLINGS);
    forget_files(hub);
    hub->files = calloc(count + 1, sizeof *hub->files);
    if (!hub->files)
        return ori_error_set(err, ORI_NOMEM, "list of files");
    for (size_t i = 0; i < count && status == ORI_OK; i++)
        status = read_sibling(hub, json_array_get(siblings, i), err);
    return status;
}

/* ---- licence ---- */

static bool take_licence(struct ori_hub *hub, const char *licence)
{
    if (!licence || !ori_model_is_word(licence))
        return false;
    snprintf(hub->licence, sizeof hub->licence, "%s", licence);
    return true;
}

/* The card's; else the one among the tags. "other" has its own name beside it. */
static void read_licence(struct ori_hub *hub, const json_t *model)
{
    const json_t *card = json_object_get(model, "cardData");
    const json_t *licence = json_object_get(card, "license");
    const json_t *tags = json_object_get(model, "tags");
    hub->licence[0] = '\0';
    if (json_is_array(licence))
        licence = json_array_get(licence, 0);
    bool is_known = take_licence(hub, text_of(licence));
    for (size_t i = 0; i < json_array_size(tags) && !is_known; i++) {
        const char *tag = text_of(json_array_get(tags, i));
        is_known = tag && strncmp(tag, "license:", 8) == 0 && take_licence(hub, tag + 8);
    }
    if (strcmp(hub->licence, "other") == 0)
        (void)take_licence(hub, text_of(json_object_get(card, "license_name")));
}

/* ---- the question ---- */

ori_status ori_hub_read_model(struct ori_hub *hub, const struct ori_net_answer *answer,
                              struct ori_error *err)
{
    json_error_t cause;
    ori_status status = ORI_OK;
    json_t *model =
        json_loadb(ori_buf_text(&answer->body), answer->body.used, JSON_REJECT_DUPLICATES, &cause);
    const char *commit = text_of(json_object_get(model, "sha"));
    if (!model && json_error_code(&cause) == json_error_out_of_memory)
        status = ori_error_set(err, ORI_NOMEM, "%s: the hub's answer", hub->name.repo);
    else if (!json_is_object(model))
        status = refuse(hub, "not a JSON object", err);
    else if (!commit || !ori_hub_is_commit(commit))
        status = refuse(hub, "there is no commit", err);
    else
        status = read_siblings(hub, json_object_get(model, "siblings"), err);
    if (status == ORI_OK) {
        memcpy(hub->commit, commit, sizeof hub->commit);
        read_licence(hub, model);
    }
    json_decref(model);
    return status;
}

/* A revision as one part of a path: of its letters only the slash has another meaning there. */
static void add_revision(const char *revision, struct ori_buf *url)
{
    for (; *revision; revision++) {
        if (*revision == '/')
            ori_buf_add_text(url, "%2F");
        else
            ori_buf_add(url, revision, 1);
    }
}

ori_status ori_hub_ask_model(struct ori_hub *hub, struct ori_error *err)
{
    struct ori_buf url;
    struct ori_net_answer answer;
    struct ori_hub_ask ask = {.method = "GET",
                              .bytes_max = ORI_LIMIT_MAX_HUB_ANSWER_BYTES,
                              .retries = RETRIES,
                              .deadline_us = ori_clock_us() + DEADLINE_US};
    ori_net_answer_init(&answer);
    ori_buf_init(&url, ORI_LIMIT_MAX_NET_URL_BYTES);
    ori_buf_printf(&url, "%s/api/models/%s/revision/", hub->endpoint, hub->name.repo);
    add_revision(hub->name.revision, &url);
    ori_buf_add_text(&url, "?blobs=true");
    ori_status status = ori_buf_finish(&url, "URL of the hub", err);
    ask.url = ori_buf_text(&url);
    if (status == ORI_OK)
        status = ori_hub_fetch(hub, &ask, &answer, err);
    if (status == ORI_OK && answer.status != 200)
        status = ori_hub_refuse(hub, &answer, NULL, err);
    else if (status == ORI_OK)
        status = ori_hub_read_model(hub, &answer, err);
    ori_net_answer_deinit(&answer);
    ori_buf_deinit(&url);
    return status;
}
