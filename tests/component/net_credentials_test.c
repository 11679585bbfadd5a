/* Keys of S3 from settings, files and endpoints; the endpoints are played on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <time.h>

#include "net/client.h"
#include "net/credentials.h"
#include "scripted_server.h"
#include "util/clock.h"
#include "util/text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static char folder[64];
static char keys_file[96];
static char config_file[96];
static char host[64];

static int begin(void **state)
{
    snprintf(folder, sizeof folder, "/tmp/oriane-keys-XXXXXX");
    if (!mkdtemp(folder) || scripted_start(state) != 0)
        return -1;
    snprintf(keys_file, sizeof keys_file, "%s/credentials", folder);
    snprintf(config_file, sizeof config_file, "%s/config", folder);
    snprintf(host, sizeof host, "http://127.0.0.1:%d", scripted.port);
    return 0;
}

static int end(void **state)
{
    unlink(keys_file);
    unlink(config_file);
    return rmdir(folder) | scripted_end(state);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static struct ori_credentials_options options_of(void)
{
    return (struct ori_credentials_options){.access_key_id = "",
                                            .secret_access_key = "",
                                            .session_token = "",
                                            .profile = "default",
                                            .credentials_file = keys_file,
                                            .config_file = config_file,
                                            .container_path = "",
                                            .container_url = "",
                                            .container_token = "",
                                            .container_token_file = "",
                                            .container_host = host,
                                            .instance_host = host};
}

static void expect_keys(struct ori_credentials *credentials, const char *id, const char *secret,
                        const char *token)
{
    struct ori_credentials_keys keys;
    struct ori_error err = {0};
    if (ori_credentials_get(credentials, NULL, &keys, &err) != ORI_OK)
        fail_msg("%s", err.text);
    assert_string_equal(keys.access_key_id, id);
    assert_string_equal(keys.secret_access_key, secret);
    assert_string_equal(keys.session_token, token);
    ori_credentials_wipe(&keys);
}

static struct ori_credentials *open_kind(const struct ori_credentials_options *options,
                                         enum ori_credentials_kind kind)
{
    struct ori_credentials *credentials = NULL;
    struct ori_error err = {0};
    if (ori_credentials_create(options, NULL, &credentials, &err) != ORI_OK)
        fail_msg("%s", err.text);
    assert_int_equal(ori_credentials_kind(credentials), kind);
    return credentials;
}

static void expect_refused(const struct ori_credentials_options *options, ori_status expected,
                           const char *words)
{
    struct ori_credentials *credentials = NULL;
    struct ori_error err = {0};
    assert_int_equal(ori_credentials_create(options, NULL, &credentials, &err), expected);
    assert_null(credentials);
    if (!strstr(err.text, words))
        fail_msg("%s", err.text);
    assert_null(strstr(err.text, "HUSH"));
}

static void settings_come_first(void **state)
{
    (void)state;
    struct ori_credentials_options options = options_of();
    write_file(keys_file, "[default]\naws_access_key_id=F\naws_secret_access_key=HUSHF\n");
    write_file(config_file, "[default]\nregion = eu-north-1\n");
    options.access_key_id = "S";
    expect_refused(&options, ORI_BAD_SETTING, "AWS_ACCESS_KEY_ID is set without");
    options.secret_access_key = "HUSHS";
    options.session_token = "T";
    struct ori_credentials *credentials = open_kind(&options, ORI_CREDENTIALS_SETTINGS);
    expect_keys(credentials, "S", "HUSHS", "T");
    assert_string_equal(ori_credentials_region(credentials), "eu-north-1");
    assert_false(ori_credentials_renew(credentials));
    ori_credentials_destroy(&credentials);
    options.access_key_id = "";
    expect_refused(&options, ORI_BAD_SETTING, "AWS_SECRET_ACCESS_KEY is set without");
}

static void settings_have_limits(void **state)
{
    (void)state;
    char text[ORI_LIMIT_MAX_AWS_TOKEN_BYTES + 2];
    struct ori_credentials_options options = options_of();
    memset(text, 'x', sizeof text);
    for (int extra = 0; extra < 2; extra++) {
        options.access_key_id = options.secret_access_key = text;
        text[ORI_LIMIT_MAX_AWS_KEY_BYTES + extra] = '\0';
        struct ori_credentials *credentials = NULL;
        assert_int_equal(ori_credentials_create(&options, NULL, &credentials, NULL),
                         extra ? ORI_BAD_SETTING : ORI_OK);
        ori_credentials_destroy(&credentials);
        text[ORI_LIMIT_MAX_AWS_KEY_BYTES + extra] = 'x';
    }
    options.access_key_id = options.secret_access_key = "k";
    for (int extra = 0; extra < 2; extra++) {
        options.session_token = text;
        text[ORI_LIMIT_MAX_AWS_TOKEN_BYTES + extra] = '\0';
        struct ori_credentials *credentials = NULL;
        assert_int_equal(ori_credentials_create(&options, NULL, &credentials, NULL),
                         extra ? ORI_BAD_SETTING : ORI_OK);
        ori_credentials_destroy(&credentials);
        text[ORI_LIMIT_MAX_AWS_TOKEN_BYTES + extra] = 'x';
    }
}

static void profiles(void **state)
{
    (void)state;
    struct ori_credentials_options options = options_of();
    struct ori_credentials *credentials = open_kind(&options, ORI_CREDENTIALS_NONE); /* no files */
    ori_credentials_destroy(&credentials);
    write_file(keys_file, "# a comment\r\n; another\n[ default ]\r\n"
                          "aws_access_key_id = F \r\n\tAWS_SECRET_ACCESS_KEY = no\n"
                          "AWS_Secret_Access_Key=HUSH=/+F\naws_session_token=\n"
                          "[half]\naws_access_key_id=H\n[roles]\nregion=x\n"
                          "[both]\naws_access_key_id=A\naws_secret_access_key=HUSHA\n");
    write_file(config_file, "[profile both]\nregion=ap-south-1\naws_access_key_id=Z\n"
                            "s3 =\n  aws_access_key_id = nested\n"
                            "[profile config]\naws_access_key_id=C\naws_secret_access_key=HUSHC\n"
                            "[profile roles]\nrole_arn=arn:aws:iam::1:role/r\n");
    credentials = open_kind(&options, ORI_CREDENTIALS_PROFILE);
    expect_keys(credentials, "F", "HUSH=/+F", "");
    ori_credentials_destroy(&credentials);
    options.profile = "both";
    credentials = open_kind(&options, ORI_CREDENTIALS_PROFILE);
    expect_keys(credentials, "A", "HUSHA", "");
    assert_string_equal(ori_credentials_region(credentials), "ap-south-1");
    assert_true(ori_credentials_renew(credentials));
    write_file(keys_file, "[both]\naws_access_key_id=N\naws_secret_access_key=HUSHN\n");
    expect_keys(credentials, "N", "HUSHN", "");
    assert_true(ori_credentials_renew(credentials));
    write_file(keys_file, "[both]\naws_secret_access_key=HUSHN\naws_access_key_id=\n");
    write_file(config_file, "");
    expect_keys(credentials, "N", "HUSHN", ""); /* the old ones, as long as nobody refuses them */
    ori_credentials_destroy(&credentials);
}

static void profiles_that_are_none(void **state)
{
    (void)state;
    struct ori_credentials_options options = options_of();
    write_file(keys_file, "[half]\naws_access_key_id=H\n[empty]\n");
    write_file(config_file, "[profile roles]\nrole_arn=arn:aws:iam::1:role/r\n");
    options.profile = "half";
    expect_refused(&options, ORI_BAD_SETTING, "one half of a pair");
    options.profile = "roles";
    struct ori_credentials *credentials = open_kind(&options, ORI_CREDENTIALS_NONE);
    ori_credentials_destroy(&credentials);
    options.is_profile_named = true;
    expect_refused(&options, ORI_BAD_SETTING, "role_arn");
    options.profile = "nobody";
    expect_refused(&options, ORI_BAD_SETTING, "AWS_PROFILE=nobody: no such profile");
    options.is_profile_named = false;
    options.credentials_file = folder; /* no file at all */
    expect_refused(&options, ORI_BAD_SETTING, "credentials of S3");
}

static void files_have_limits(void **state)
{
    (void)state;
    struct ori_credentials_options options = options_of();
    for (int extra = 0; extra < 2; extra++) {
        FILE *file = fopen(keys_file, "w");
        assert_non_null(file);
        fprintf(file, "[default]\naws_access_key_id=F\naws_secret_access_key=HUSHF\n#");
        while (ftell(file) < ORI_LIMIT_MAX_AWS_FILE_BYTES + extra)
            fputc('x', file);
        fclose(file);
        struct ori_credentials *credentials = NULL;
        assert_int_equal(ori_credentials_create(&options, NULL, &credentials, NULL),
                         extra ? ORI_BAD_SETTING : ORI_OK);
        ori_credentials_destroy(&credentials);
    }
}

/* ---- endpoints ---- */

static int expires_in_s;
static const char *body; /* NULL: good keys */

static bool say_keys(int number, FILE *out)
{
    char json[512];
    char when[32];
    const time_t then = time(NULL) + expires_in_s;
    struct tm parts;
    gmtime_r(&then, &parts);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &parts);
    snprintf(json, sizeof json,
             "{\"Code\":\"Success\",\"AccessKeyId\":\"K%d\",\"SecretAccessKey\":\"HUSH\","
             "\"Token\":\"T\",\"Expiration\":\"%s\"}",
             number, when);
    return scripted_say(out, 200, "", body ? body : json);
}

static bool play_instance(int number, const char *head, FILE *out)
{
    if (strncmp(head, "PUT /latest/api/token ", 22) == 0 &&
        strcasestr(head, "\r\nX-aws-ec2-metadata-token-ttl-seconds: "))
        return scripted_say(out, 200, "", "the-token==");
    if (!strcasestr(head, "\r\nX-aws-ec2-metadata-token: the-token==\r\n"))
        return scripted_say(out, 401, "", "");
    if (strncmp(head, "GET /latest/meta-data/iam/security-credentials/ ", 48) == 0)
        return scripted_say(out, 200, "", "my-role\n");
    if (strncmp(head, "GET /latest/meta-data/iam/security-credentials/my-role ", 55) == 0)
        return say_keys(number, out);
    return scripted_say(out, 404, "", "");
}

static void an_instance(void **state)
{
    (void)state;
    struct ori_credentials_options options = options_of();
    scripted.play = play_instance;
    body = NULL;
    expires_in_s = 3600;
    struct ori_credentials *credentials = open_kind(&options, ORI_CREDENTIALS_NONE);
    ori_credentials_destroy(&credentials);
    assert_int_equal(atomic_load(&scripted.requests), 0); /* not asked for: not a packet */
    options.use_endpoints = true;
    credentials = open_kind(&options, ORI_CREDENTIALS_INSTANCE);
    expect_keys(credentials, "K2", "HUSH", "T");
    expect_keys(credentials, "K2", "HUSH", "T");
    assert_int_equal(atomic_load(&scripted.requests), 3);
    ori_credentials_destroy(&credentials);
    /* soon to expire: had anew at the next use */
    atomic_store(&scripted.requests, 0);
    expires_in_s = ORI_CREDENTIALS_EARLY_S - 10;
    credentials = open_kind(&options, ORI_CREDENTIALS_INSTANCE);
    expires_in_s = 3600;
    expect_keys(credentials, "K5", "HUSH", "T");
    expect_keys(credentials, "K5", "HUSH", "T");
    /* the endpoint fails: the old ones are used as long as they hold */
    assert_true(ori_credentials_renew(credentials));
    body = "{}";
    expect_keys(credentials, "K5", "HUSH", "T");
    ori_credentials_destroy(&credentials);
    body = NULL;
    expires_in_s = 5;
    credentials = open_kind(&options, ORI_CREDENTIALS_INSTANCE);
    body = "{}";
    struct ori_credentials_keys keys;
    assert_int_equal(ori_credentials_get(credentials, NULL, &keys, NULL), ORI_BAD_SETTING);
    ori_credentials_destroy(&credentials);
}

static bool play_container(int number, const char *head, FILE *out)
{
    if (strncmp(head, "GET /v2/credentials/abc?id=1 ", 29) != 0)
        return scripted_say(out, 404, "", "");
    if (strstr(head, "\r\nAuthorization: wrong"))
        return scripted_say(out, 403, "", "");
    return say_keys(number, out);
}

static void a_container(void **state)
{
    (void)state;
    char url[128];
    char value[512];
    struct ori_credentials_options options = options_of();
    scripted.play = play_container;
    body = NULL;
    expires_in_s = 3600;
    options.use_endpoints = true;
    options.container_path = "/v2/credentials/abc?id=1";
    struct ori_credentials *credentials = open_kind(&options, ORI_CREDENTIALS_CONTAINER);
    expect_keys(credentials, "K0", "HUSH", "T");
    assert_string_equal(scripted_header(0, "Authorization", value), "");
    ori_credentials_destroy(&credentials);
    snprintf(url, sizeof url, "%s/v2/credentials/abc?id=1", host);
    options.container_path = "";
    options.container_url = url;
    options.container_token = "Bearer x";
    credentials = open_kind(&options, ORI_CREDENTIALS_CONTAINER);
    assert_string_equal(scripted_header(1, "Authorization", value), "Bearer x");
    ori_credentials_destroy(&credentials);
    write_file(keys_file, "from a file\n");
    options.container_token_file = keys_file;
    options.credentials_file = "";
    credentials = open_kind(&options, ORI_CREDENTIALS_CONTAINER);
    assert_string_equal(scripted_header(2, "Authorization", value), "from a file");
    ori_credentials_destroy(&credentials);
    options.container_token_file = "";
    options.container_token = "wrong";
    expect_refused(&options, ORI_BAD_SETTING, "answered 403");
}

/* Refused before anything is sent. */
static void where_a_container_may_be(void **state)
{
    (void)state;
    static const char *const far[] = {
        "http://example.com/",        "http://10.0.0.1/",       "http://127.evil.com/",
        "http://127.0.0.1.evil.com/", "http://localhost.evil/", "ftp://127.0.0.1/",
        "http://169.254.169.254/",    "http://[::2]/",          "x"};
    struct ori_credentials_options options = options_of();
    options.use_endpoints = true;
    for (size_t i = 0; i < COUNT_OF(far); i++) {
        options.container_url = far[i];
        expect_refused(&options, ORI_BAD_SETTING, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    }
    options.container_url = "";
    options.container_path = "@evil.com/";
    expect_refused(&options, ORI_BAD_SETTING, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
}

static void answers_that_are_no_keys(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "[]",
        "{\"AccessKeyId\":\"a\"}",
        "{\"AccessKeyId\":\"\",\"SecretAccessKey\":\"HUSH\"}",
        "{\"AccessKeyId\":1,\"SecretAccessKey\":\"HUSH\"}",
        "{\"AccessKeyId\":\"a\\nb\",\"SecretAccessKey\":\"HUSH\"}",
        "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"HUSH\",\"Token\":1}",
        "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"HUSH\",\"Expiration\":\"soon\"}",
        "{\"AccessKeyId\":\"a\",\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"HUSH\"}",
    };
    struct ori_credentials_options options = options_of();
    scripted.play = play_container;
    options.use_endpoints = true;
    options.container_path = "/v2/credentials/abc?id=1";
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        body = rows[i];
        expect_refused(&options, ORI_BAD_SETTING, "no keys");
    }
    char *long_one = malloc(ORI_LIMIT_MAX_AWS_ANSWER_BYTES + 2);
    assert_non_null(long_one);
    for (int extra = 0; extra < 2; extra++) {
        memset(long_one, ' ', ORI_LIMIT_MAX_AWS_ANSWER_BYTES + 1);
        long_one[ORI_LIMIT_MAX_AWS_ANSWER_BYTES + extra] = '\0';
        body = long_one;
        expect_refused(&options, extra ? ORI_LIMIT : ORI_BAD_SETTING, "");
    }
    free(long_one);
    body = NULL;
}

#define PLAYED(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAYED(settings_come_first),
        PLAYED(settings_have_limits),
        PLAYED(profiles),
        PLAYED(profiles_that_are_none),
        PLAYED(files_have_limits),
        PLAYED(an_instance),
        PLAYED(a_container),
        PLAYED(where_a_container_may_be),
        PLAYED(answers_that_are_no_keys),
    };
    if (ori_net_global_init(NULL) != ORI_OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ori_net_global_deinit();
    return failed;
}
