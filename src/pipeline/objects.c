#include "pipeline/objects.h"

#include <stdlib.h>

#include "net/egress.h"
#include "util/fs.h"

#define LOCKS "locks" /* under VP_TMP_DIR */

static bool is_given(const struct ori_settings *settings, enum ori_setting setting)
{
    return ori_settings_origin(settings, setting) != ORI_ORIGIN_DEFAULT;
}

static ori_status find_credentials(const struct ori_settings *settings,
                                   const struct ori_cancel *cancel, const struct ori_log *log,
                                   struct ori_objects *objects, struct ori_error *err)
{
    const struct ori_credentials_options options = {
        .access_key_id = ori_secret_reveal(settings->aws_access_key_id),
        .secret_access_key = ori_secret_reveal(settings->aws_secret_access_key),
        .session_token = ori_secret_reveal(settings->aws_session_token),
        .profile = settings->aws_profile,
        .is_profile_named = is_given(settings, ORI_SETTING_AWS_PROFILE),
        .credentials_file = settings->aws_shared_credentials_file,
        .config_file = settings->aws_config_file,
        .use_endpoints = settings->aws_use_instance_credentials,
        .container_path = settings->aws_container_credentials_relative_uri,
        .container_url = settings->aws_container_credentials_full_uri,
        .container_token = ori_secret_reveal(settings->aws_container_authorization_token),
        .container_token_file = settings->aws_container_authorization_token_file,
        .log = log,
    };
    return ori_credentials_create(&options, cancel, &objects->credentials, err);
}

static bool has_keys(const struct ori_objects *objects)
{
    return objects->credentials &&
           ori_credentials_kind(objects->credentials) != ORI_CREDENTIALS_NONE;
}

static ori_status open_client(const struct ori_settings *settings, const struct ori_log *log,
                              struct ori_objects *objects, struct ori_error *err)
{
    const char *region = settings->aws_region;
    if (objects->credentials && !is_given(settings, ORI_SETTING_AWS_REGION) &&
        ori_credentials_region(objects->credentials)[0])
        region = ori_credentials_region(objects->credentials);
    const struct ori_net_egress egress = ori_net_egress_of_s3(settings);
    const struct ori_s3_options options = {
        .endpoint = settings->aws_endpoint_url,
        .region = region,
        .credentials = has_keys(objects) ? objects->credentials : NULL,
        .connections_max = (int)settings->aws_max_pool_connections,
        .multipart_threshold = settings->aws_multipart_threshold,
        .log = log,
        .egress = &egress,
    };
    return ori_s3_create(&options, &objects->s3, err);
}

static ori_status open_bucket(const struct ori_settings *settings, struct ori_objects *objects,
                              struct ori_error *err)
{
    char *locks = NULL;
    ori_status status = ori_fs_join(settings->vp_tmp_dir, LOCKS, &locks, err);
    const struct ori_blob_s3_options options = {
        .s3 = objects->s3, .bucket = settings->s3_frames_bucket, .lock_folder = locks};
    if (status == ORI_OK)
        status = ori_blob_open_s3(&options, &objects->remote, err);
    free(locks);
    return status;
}

/* Whether the settings ask for S3 at all; with UPLOAD it is a failure when they do not. */
static ori_status decide(const struct ori_settings *settings, enum ori_objects_use use,
                         const struct ori_objects *objects, bool *ret_has_s3, struct ori_error *err)
{
    *ret_has_s3 =
        has_keys(objects) || settings->aws_endpoint_url[0] != '\0' || settings->s3_unsigned;
    if (use == ORI_OBJECTS_AS_SET || use == ORI_OBJECTS_LOOK || *ret_has_s3)
        return ORI_OK;
    return ori_error_set(err, ORI_BAD_SETTING,
                         "%s needs credentials of S3: set AWS_ACCESS_KEY_ID and "
                         "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or S3_UNSIGNED=1",
                         use == ORI_OBJECTS_UPLOAD ? "an upload" : "s3://");
}

static ori_status open_s3(const struct ori_settings *settings, enum ori_objects_use use,
                          const struct ori_cancel *cancel, const struct ori_log *log,
                          struct ori_objects *objects, struct ori_error *err)
{
    bool has_s3 = false;
    ori_status status = ORI_OK;
    if (!settings->s3_unsigned)
        status = find_credentials(settings, cancel, log, objects, err);
    if (status == ORI_OK)
        status = decide(settings, use, objects, &has_s3, err);
    if (status == ORI_OK && has_s3)
        status = open_client(settings, log, objects, err);
    if (status == ORI_OK && has_s3 && !settings->skip_upload && use != ORI_OBJECTS_READ)
        status = open_bucket(settings, objects, err);
    return status;
}

ori_status ori_objects_open(const struct ori_settings *settings, enum ori_objects_use use,
                            const struct ori_cancel *cancel, const struct ori_log *log,
                            struct ori_objects *ret_objects, struct ori_error *err)
{
    *ret_objects = (struct ori_objects){.s3 = NULL};
    ori_status status = ORI_OK;
    if (use == ORI_OBJECTS_UPLOAD && (settings->local_mode || settings->skip_upload))
        status = ori_error_set(err, ORI_BAD_SETTING, "%s=1 forbids an upload",
                               settings->local_mode ? "LOCAL_MODE" : "SKIP_UPLOAD");
    if ((use == ORI_OBJECTS_READ || use == ORI_OBJECTS_REMOTE) && settings->local_mode)
        status = ori_error_set(err, ORI_BAD_SETTING, "LOCAL_MODE=1 forbids s3://");
    if (status == ORI_OK && use != ORI_OBJECTS_READ && use != ORI_OBJECTS_LOOK)
        status = ori_blob_open_fs(settings->vp_frames_dir, false, &ret_objects->local, err);
    if (status == ORI_OK && use != ORI_OBJECTS_LOCAL && !settings->local_mode)
        status = open_s3(settings, use, cancel, log, ret_objects, err);
    if (status != ORI_OK)
        ori_objects_close(ret_objects);
    return status;
}

void ori_objects_close(struct ori_objects *objects)
{
    ori_blob_close(&objects->remote);
    ori_blob_close(&objects->local);
    ori_s3_destroy(&objects->s3);
    ori_credentials_destroy(&objects->credentials);
}
