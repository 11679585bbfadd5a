/* Where keys come from: a file as ~/.aws/credentials is, and what the endpoints of a container and of
 * an instance answer. One input is read as each. Texts fit, and no failure tells a key. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz_input.h"
#include "net/credentials_priv.h"

#define WORD_BYTES 256

static void check_keys(const struct ori_credentials_keys *keys)
{
    MUST(memchr(keys->access_key_id, '\0', sizeof keys->access_key_id));
    MUST(memchr(keys->secret_access_key, '\0', sizeof keys->secret_access_key));
    MUST(memchr(keys->session_token, '\0', sizeof keys->session_token));
}

/* ---- files ---- */

static void read_profile(const char *path, const char *section)
{
    struct ori_profile profile = {.is_found = false};
    struct ori_profile again;
    struct ori_error err = {0};
    ori_status status = ori_profile_read(path, section, &profile, &err);
    check_keys(&profile.keys);
    MUST(memchr(profile.region, '\0', sizeof profile.region));
    if (status != ORI_OK) {
        MUST(status == ORI_BAD_SETTING && err.text[0] != '\0');
        MUST(!profile.keys.secret_access_key[0] || strlen(profile.keys.secret_access_key) < 8 ||
             !strstr(err.text, profile.keys.secret_access_key));
        return;
    }
    MUST(profile.is_found || (!profile.keys.access_key_id[0] && !profile.region[0]));
    again = profile; /* the file before has the say: reading once more changes nothing */
    MUST(ori_profile_read(path, section, &again, NULL) == ORI_OK);
    MUST(strcmp(again.keys.secret_access_key, profile.keys.secret_access_key) == 0);
    MUST(strcmp(again.region, profile.region) == 0);
}

static void read_file(const uint8_t *data, size_t bytes)
{
    char path[64];
    const int fd = memfd_create("credentials", MFD_CLOEXEC);
    MUST(fd >= 0 && write(fd, data, bytes) == (ssize_t)bytes);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    read_profile(path, "default");
    read_profile(path, "videos");
    close(fd);
}

/* ---- endpoints ---- */

static void read_answer(const struct ori_net_answer *answer)
{
    struct ori_credentials_keys keys;
    struct ori_error err = {0};
    char word[WORD_BYTES];
    const ori_status status = ori_credentials_read_keys(answer, &keys, &err);
    check_keys(&keys);
    if (status == ORI_OK) {
        MUST(keys.access_key_id[0] && keys.secret_access_key[0] && keys.expires_s >= 0);
        MUST(!ori_text_has_control(keys.access_key_id) &&
             !ori_text_has_control(keys.secret_access_key) &&
             !ori_text_has_control(keys.session_token)); /* they become headers */
    } else {
        fuzz_check_failure(status, &err);
        MUST(!keys.access_key_id[0] && !keys.secret_access_key[0] && !keys.session_token[0]);
    }
    err = (struct ori_error){0};
    if (ori_credentials_read_word(answer, word, sizeof word, &err) == ORI_OK)
        MUST(word[0] && strlen(word) < sizeof word && !ori_text_has_control(word) &&
             !strpbrk(word, " /?#%"));
    else
        MUST(err.status == ORI_BAD_SETTING && err.text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct ori_net_answer answer;
    read_file(data, bytes);
    ori_net_answer_init(&answer);
    ori_buf_init(&answer.body, ORI_LIMIT_MAX_AWS_ANSWER_BYTES);
    ori_buf_add(&answer.body, data, bytes);
    read_answer(&answer);
    ori_net_answer_deinit(&answer);
    return 0;
}
