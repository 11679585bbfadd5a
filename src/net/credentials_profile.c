/* net/credentials_profile.c: one section of ~/.aws/credentials or ~/.aws/config. */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/credentials_priv.h"
#include "util/fs.h"

static char *trim(char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    size_t bytes = strlen(text);
    while (bytes > 0 && strchr(" \t\r", text[bytes - 1]))
        text[--bytes] = '\0';
    return text;
}

/* "[name]", "[profile name]", blanks where they like; NULL: no head of a section. */
static char *section_of(char *line)
{
    char *end = strchr(line, ']');
    if (line[0] != '[' || !end)
        return NULL;
    *end = '\0';
    char *name = trim(line + 1);
    if (strncmp(name, "profile", 7) == 0 && (name[7] == ' ' || name[7] == '\t'))
        name = trim(name + 7);
    return name;
}

static ori_status set_text(const char *file, const char *name, const char *value, char *field,
                           size_t field_bytes, struct ori_error *err)
{
    if (field[0] != '\0')
        return ORI_OK; /* the file before has the say */
    const size_t bytes = strlen(value);
    if (bytes >= field_bytes)
        return ori_error_set(err, ORI_BAD_SETTING, "%s: %s is longer than %zu bytes", file, name,
                             field_bytes - 1);
    memcpy(field, value, bytes + 1);
    return ORI_OK;
}

static bool is_foreign(const char *name)
{
    static const char *const names[] = {"role_arn", "credential_process", "sso_session",
                                        "sso_start_url", "web_identity_token_file"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

static ori_status take_pair(const char *file, const char *name, const char *value,
                            struct ori_profile *profile, struct ori_error *err)
{
    struct ori_credentials_keys *keys = &profile->keys;
    const struct {
        const char *name;
        char *field;
        size_t bytes;
    } fields[] = {
        {"aws_access_key_id", keys->access_key_id, sizeof keys->access_key_id},
        {"aws_secret_access_key", keys->secret_access_key, sizeof keys->secret_access_key},
        {"aws_session_token", keys->session_token, sizeof keys->session_token},
        {"region", profile->region, sizeof profile->region},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcmp(fields[i].name, name) == 0)
            return set_text(file, name, value, fields[i].field, fields[i].bytes, err);
    }
    if (is_foreign(name))
        snprintf(profile->foreign, sizeof profile->foreign, "%s", name);
    return ORI_OK;
}

static ori_status read_lines(const char *file, char *text, const char *section,
                             struct ori_profile *profile, struct ori_error *err)
{
    bool is_inside = false;
    ori_status status = ORI_OK;
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line && status == ORI_OK; line = strsep(&rest, "\n")) {
        const bool is_nested = line[0] == ' ' || line[0] == '\t';
        char *words = trim(line);
        char *equals = strchr(words, '=');
        if (words[0] == '\0' || words[0] == '#' || words[0] == ';' || is_nested)
            continue;
        if (words[0] == '[') {
            const char *name = section_of(words);
            is_inside = name && strcmp(name, section) == 0;
            profile->is_found = profile->is_found || is_inside;
        } else if (is_inside && equals) {
            *equals = '\0';
            char *name = trim(words);
            for (char *at = name; *at; at++)
                *at = (char)tolower((unsigned char)*at);
            status = take_pair(file, name, trim(equals + 1), profile, err);
        }
    }
    return status;
}

ori_status ori_profile_read(const char *file, const char *section, struct ori_profile *profile,
                            struct ori_error *err)
{
    char *text = NULL;
    size_t bytes = 0;
    struct ori_error why = {0};
    if (file[0] == '\0')
        return ORI_OK;
    ori_status status =
        ori_fs_read_file(AT_FDCWD, file, ORI_LIMIT_MAX_AWS_FILE_BYTES, &text, &bytes, &why);
    if (status == ORI_NOT_FOUND)
        return ORI_OK;
    if (status == ORI_NOMEM)
        return ori_error_set(err, ORI_NOMEM, "%s", why.text);
    if (status != ORI_OK)
        return ori_error_set(err, ORI_BAD_SETTING, "credentials of S3: %s", why.text);
    status = read_lines(file, text, section, profile, err);
    explicit_bzero(text, bytes);
    free(text);
    return status;
}
