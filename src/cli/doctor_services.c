/* The model's files, and the servers that the settings name: asked once, briefly. */
#include <stdlib.h>
#include <string.h>

#include "cli/doctor.h"
#include "embed/model_folder.h"
#include "net/client.h"
#include "net/egress.h"
#include "pipeline/engine.h"
#include "util/clock.h"
#include "util/limits.h"

#define ASK_US INT64_C(5000000)

static void say_model(struct ori_doctor *doctor)
{
    struct ori_error err = {0};
    const char *name = doctor->settings->clip_model;
    char *folder = NULL;
    if (strncmp(name, "builtin/", 8) == 0) {
        ori_doctor_say(doctor, ORI_DOCTOR_OK, "model", NULL, "%s: needs no files", name);
        return;
    }
    ori_status status = ori_model_folder_find(name, doctor->settings->hf_hub_cache, &folder, &err);
    if (status == ORI_OK)
        ori_doctor_say(doctor, ORI_DOCTOR_OK, "model", NULL, "%.100s: %.300s", name, folder);
    else
        ori_doctor_say(doctor, ORI_DOCTOR_FAIL, "model",
                       "`oriane model pull` brings it; CLIP_MODEL=builtin/visual-512 needs none",
                       "%s", err.text);
    free(folder);
}

static void say_s3(struct ori_doctor *doctor)
{
    struct ori_error err = {0};
    struct ori_objects objects = {0};
    const struct ori_wait wait = {.cancel = doctor->cancel, .deadline_us = ori_clock_us() + ASK_US};
    ori_status status =
        ori_objects_open(doctor->settings, ORI_OBJECTS_LOOK, doctor->cancel, NULL, &objects, &err);
    bool is_asked = status == ORI_OK && objects.remote;
    if (is_asked)
        status = ori_blob_check(objects.remote, &wait, &err);
    if (status != ORI_OK)
        ori_doctor_say(doctor, ORI_DOCTOR_FAIL, "frames in S3",
                       "see AWS_ENDPOINT_URL, the keys and S3_FRAMES_BUCKET; SKIP_UPLOAD=1 keeps "
                       "frames here",
                       "%s [%s]", err.text, ori_status_code(status));
    else
        ori_doctor_say(doctor, ORI_DOCTOR_OK, "frames in S3", NULL, "%s%.200s",
                       is_asked ? "reachable: bucket " : "not set: frames stay in VP_FRAMES_DIR",
                       is_asked ? doctor->settings->s3_frames_bucket : "");
    ori_objects_close(&objects);
}

static ori_status ask_qdrant(const struct ori_doctor *doctor, int *ret_http, struct ori_error *err)
{
    const struct ori_settings *settings = doctor->settings;
    const struct ori_net_egress egress = ori_net_egress_of(settings);
    const struct ori_net_client_options options = {.connections_max = 1, .egress = &egress};
    const struct ori_net_header key = {"api-key", ori_secret_reveal(settings->qdrant_key)};
    struct ori_net_client *client = NULL;
    struct ori_net_answer answer;
    struct ori_buf url;
    size_t length = strlen(settings->qdrant_url);
    while (length > 0 && settings->qdrant_url[length - 1] == '/')
        length--;
    ori_buf_init(&url, ORI_LIMIT_MAX_URL_BYTES + 64);
    ori_net_answer_init(&answer);
    ori_buf_printf(&url, "%.*s/collections", (int)length, settings->qdrant_url);
    ori_status status = ori_buf_finish(&url, "QDRANT_URL", err);
    if (status == ORI_OK)
        status = ori_net_client_create(&options, &client, err);
    if (status == ORI_OK) {
        const struct ori_net_request request = {
            .method = "GET",
            .url = ori_buf_text(&url),
            .headers = &key,
            .headers_count = ori_secret_is_set(settings->qdrant_key) ? 1 : 0,
            .is_repeatable = true,
            .deadline_us = ori_clock_us() + ASK_US,
            .answer_bytes_max = ORI_LIMIT_MAX_QDRANT_ANSWER_BYTES};
        status = ori_net_fetch(client, &request, doctor->cancel, &answer, err);
    }
    *ret_http = answer.status;
    ori_net_answer_deinit(&answer);
    ori_net_client_destroy(&client);
    ori_buf_deinit(&url);
    return status;
}

static void say_qdrant(struct ori_doctor *doctor)
{
    struct ori_error err = {0};
    int http = 0;
    if (!ori_engine_has_qdrant(doctor->settings)) {
        ori_doctor_say(doctor, ORI_DOCTOR_OK, "Qdrant", NULL,
                       "not set: vectors are in VECTOR_DB on this machine");
        return;
    }
    ori_status status = ask_qdrant(doctor, &http, &err);
    if (status != ORI_OK)
        ori_doctor_say(doctor, ORI_DOCTOR_FAIL, "Qdrant", "see QDRANT_URL; is the server up?",
                       "%s [%s]", err.text, ori_status_code(status));
    else if (http != 200)
        ori_doctor_say(doctor, ORI_DOCTOR_FAIL, "Qdrant", "401 and 403: see QDRANT_KEY",
                       "answers with HTTP status %d", http);
    else
        ori_doctor_say(doctor, ORI_DOCTOR_OK, "Qdrant", NULL, "reachable");
}

void ori_doctor_services(struct ori_doctor *doctor)
{
    struct ori_error err = {0};
    say_model(doctor);
    if (ori_net_global_init(&err) != ORI_OK) {
        ori_doctor_say(doctor, ORI_DOCTOR_FAIL, "network", "is memory left?", "%s", err.text);
        return;
    }
    say_s3(doctor);
    say_qdrant(doctor);
    ori_net_global_deinit();
}
