#include "cli/run_places.h"

#include <stdlib.h>
#include <string.h>

#include "cli/remote_name.h"
#include "net/egress.h"
#include "net/http_remote.h"
#include "net/s3_remote.h"
#include "util/limits.h"

#define FETCHES_A_WORKER 4 /* pieces of one video at once */

struct place {
    char bucket[ORI_REMOTE_BUCKET_BYTES];
    struct ori_s3_remote in_bucket;
    struct ori_http_remote *behind_url;
    struct ori_medium_place medium; /* ops NULL: none */
};
struct ori_run_places {
    struct place *rows; /* one an input */
    size_t count;
    struct ori_network_list *allowed;
    struct ori_net_client *client; /* NULL: no input needs it */
};

static ori_status open_client(const struct ori_settings *settings, struct ori_run_places *places,
                              struct ori_error *err)
{
    int64_t connections = FETCHES_A_WORKER * settings->vp_max_workers;
    if (connections > ORI_LIMIT_MAX_NET_CONNECTIONS)
        connections = ORI_LIMIT_MAX_NET_CONNECTIONS;
    ori_status status = ori_network_list_create(settings->url_allow_private, &places->allowed, err);
    if (status != ORI_OK)
        return ori_error_set(err, ORI_BAD_SETTING, "URL_ALLOW_PRIVATE: %s", err->text);
    const struct ori_net_egress egress = ori_net_egress_of(settings);
    const struct ori_net_client_options options = {
        .allowed = places->allowed, .egress = &egress, .connections_max = (int)connections};
    return ori_net_client_create(&options, &places->client, err);
}

static void place_object(struct ori_s3 *s3, const struct ori_input *input, struct place *place)
{
    struct ori_error ignored = {0}; /* the input is one because it can be split */
    const char *key = NULL;
    (void)!ori_remote_split(input->path, place->bucket, &key, &ignored);
    place->in_bucket = (struct ori_s3_remote){.s3 = s3, .name = {place->bucket, key}};
    place->medium = (struct ori_medium_place){
        .ops = &ori_s3_remote_ops, .object = &place->in_bucket, .name = key};
}

static ori_status name_input(struct ori_input *input, const char *name, struct ori_error *err)
{
    char code[ORI_CODE_BYTES];
    ori_status status = ori_identity_code_of_name(name, input->path, code, err);
    if (status != ORI_OK)
        return status;
    input->platform = strdup(ORI_REMOTE_PLATFORM);
    input->code = strdup(code);
    return input->platform && input->code ? ORI_OK : ori_error_set(err, ORI_NOMEM, "name of a URL");
}

static ori_status place_url(struct ori_run_places *places, const struct ori_log *log,
                            struct ori_input *input, struct place *place, struct ori_error *err)
{
    struct ori_error cause = {0};
    const char *name = NULL;
    ori_status status =
        ori_http_remote_create(places->client, input->path, log, &place->behind_url, &cause);
    if (status == ORI_OK) {
        name = ori_http_remote_name(place->behind_url);
        place->medium = (struct ori_medium_place){
            .ops = &ori_http_remote_ops, .object = place->behind_url, .name = name};
        status = name_input(input, name, &cause);
    }
    if (status == ORI_OK)
        return ORI_OK;
    input->status = status;
    input->message = strdup(cause.text);
    return status != ORI_NOMEM && input->message ? ORI_OK
                                                 : ori_error_set(err, ORI_NOMEM, "list of videos");
}

ori_status ori_run_places_create(const struct ori_settings *settings, struct ori_s3 *s3,
                                 const struct ori_log *log, struct ori_inputs *inputs,
                                 struct ori_run_places **ret_places, struct ori_error *err)
{
    ori_status status = ORI_OK;
    struct ori_run_places *places = calloc(1, sizeof *places);
    if (!places)
        return ori_error_set(err, ORI_NOMEM, "list of videos");
    places->count = inputs->count;
    for (size_t i = 0; i < inputs->count && status == ORI_OK; i++) {
        struct ori_input *input = &inputs->rows[i];
        if (input->kind == ORI_INPUT_FILE || input->status != ORI_OK)
            continue;
        if (!places->rows) {
            places->rows = calloc(inputs->count, sizeof *places->rows);
            if (!places->rows)
                status = ori_error_set(err, ORI_NOMEM, "list of videos");
        }
        if (status == ORI_OK && input->kind == ORI_INPUT_URL && !places->client)
            status = open_client(settings, places, err);
        if (status == ORI_OK && input->kind == ORI_INPUT_URL)
            status = place_url(places, log, input, &places->rows[i], err);
        else if (status == ORI_OK)
            place_object(s3, input, &places->rows[i]);
    }
    if (status != ORI_OK)
        ori_run_places_destroy(&places);
    *ret_places = places;
    return status;
}

void ori_run_places_destroy(struct ori_run_places **places)
{
    if (!places || !*places)
        return;
    struct ori_run_places *it = *places;
    for (size_t i = 0; it->rows && i < it->count; i++)
        ori_http_remote_destroy(&it->rows[i].behind_url);
    ori_net_client_destroy(&it->client);
    ori_network_list_destroy(&it->allowed);
    free(it->rows);
    free(it);
    *places = NULL;
}

const struct ori_medium_place *ori_run_places_get(const struct ori_run_places *places, size_t input)
{
    return places->rows && places->rows[input].medium.ops ? &places->rows[input].medium : NULL;
}
