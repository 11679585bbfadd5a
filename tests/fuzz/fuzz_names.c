/* Names that become paths, keys and numbers: one line each. Legal ones stay where they belong, and say
 * the same when they are read back. */
#include <math.h>
#include <stdio.h>

#include "cli/remote_name.h"
#include "embed/hub_name.h"
#include "fuzz_input.h"
#include "pipeline/frame_name.h"
#include "pipeline/identity.h"
#include "stores/blob_priv.h"
#include "util/limits.h"
#include "util/uuid.h"

/* ---- keys: a store that looks at what it is asked for ---- */

static ori_status see_key(struct ori_blob_store *store, const char *key, int64_t *ret_bytes,
                          const struct ori_wait *wait, struct ori_error *err)
{
    (void)store, (void)wait, (void)err;
    *ret_bytes = 1;
    MUST(strlen(key) <= ORI_LIMIT_MAX_BLOB_KEY_BYTES && !ori_text_has_control(key));
    char segment[ORI_LIMIT_MAX_BLOB_NAME_BYTES + 1];
    for (const char *at = key; at;) {
        at = ori_blob_next_segment(at, segment);
        MUST(segment[0] != '\0' && segment[0] != '.' && !strchr(segment, '/'));
    }
    return ORI_OK;
}

static void check_key(const char *text)
{
    static const struct ori_blob_ops ops = {.stat = see_key};
    struct ori_blob_store store = {.ops = &ops};
    struct ori_error err = {0};
    int64_t bytes = 0;
    const ori_status status = ori_blob_stat(&store, text, &bytes, NULL, &err);
    MUST(status == ORI_OK ? bytes == 1 : status == ORI_USAGE && err.text[0]);
    MUST(strchr(text, '/') || ori_blob_is_name(text) == (status == ORI_OK));
}

/* ---- names ---- */

static void check_hub_name(const char *text)
{
    struct ori_hub_name name;
    char folder[ORI_HUB_FOLDER_BYTES];
    char repo[ORI_HUB_REPO_BYTES];
    if (ori_hub_name_parse(text, &name)) {
        const size_t bytes = strlen(name.repo);
        MUST(strncmp(text, name.repo, bytes) == 0 && name.revision[0] != '\0');
        MUST(name.has_revision == (text[bytes] == '@'));
        MUST(name.revision[0] != '/' && name.revision[0] != '.' && !strstr(name.revision, ".."));
        ori_hub_name_folder(name.repo, folder);
        MUST(!strchr(folder, '/') && ori_hub_name_of_folder(folder, repo));
        MUST(strcmp(repo, name.repo) == 0);
    }
    if (ori_hub_name_of_folder(text, repo)) {
        ori_hub_name_folder(repo, folder);
        MUST(strcmp(folder, text) == 0 && ori_hub_name_parse(repo, &name));
    }
    (void)ori_hub_is_commit(text);
}

static void check_code(const char *text, size_t bytes)
{
    for (size_t max = 1; max <= ORI_LIMIT_MAX_CODE_CHARS; max += ORI_LIMIT_MAX_CODE_CHARS - 1) {
        char code[ORI_LIMIT_MAX_CODE_CHARS + 1];
        ori_text_make_code(text, max, code);
        MUST(ori_text_is_code(code) && strlen(code) <= max);
        if (ori_text_is_code(text) && bytes <= max)
            MUST(strcmp(code, text) == 0);
    }
}

static void check_identity(const char *text)
{
    char code[ORI_CODE_BYTES];
    struct ori_error err = {0};
    if (ori_identity_code(text, code, &err) == ORI_OK)
        MUST(text[0] == '/' && ori_text_is_code(code));
    else
        MUST(err.status == ORI_USAGE && err.text[0]);
}

static void check_frame_name(const char *text)
{
    char key[ORI_OBJECT_KEY_BYTES];
    if (!ori_frame_name_is_frame(text))
        return;
    MUST(!strchr(text, '/') && text[0] >= '0' && text[0] <= '9' && ori_blob_is_name("1_0.00.png"));
    if (strlen(text) >= ORI_FRAME_FILE_BYTES)
        return; /* callers look at that first */
    ori_frame_name_key("p", "c", text, key);
    MUST(strncmp(key, "p/c/", 4) == 0 && strcmp(key + 4, text) == 0);
}

/* ---- numbers ---- */

static void check_numbers(const char *text)
{
    char written[ORI_TEXT_REAL_BYTES];
    int64_t whole = 0;
    double real = 0;
    double again = 0;
    bool is_true = false;
    if (ori_text_to_int(text, &whole)) {
        MUST(strspn(text + (text[0] == '-' || text[0] == '+'), "0123456789") > 0);
        snprintf(written, sizeof written, "%lld", (long long)whole);
        int64_t same = 0;
        MUST(ori_text_to_int(written, &same) && same == whole);
        MUST(ori_text_to_real(text, &real));
    }
    if (ori_text_to_real(text, &real)) {
        MUST(isfinite(real) && !strpbrk(text, " xXnN"));
        ori_text_of_real(real, written);
        MUST(ori_text_to_real(written, &again) && again == real);
    }
    (void)ori_text_to_bytes(text, &whole);
    (void)ori_text_to_bool(text, &is_true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char *text = fuzz_text(data, bytes);
    char *rest = text;
    for (int i = 0; i < 8 && rest; i++) {
        char *own = fuzz_line(&rest);
        char *line = fuzz_text(own, strlen(own));
        check_key(line);
        check_hub_name(line);
        check_code(line, strlen(line));
        check_identity(line);
        check_frame_name(line);
        check_numbers(line);
        (void)ori_uuid_is(line);
        free(line);
    }
    free(text);
    return 0;
}
