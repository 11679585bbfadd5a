#include "embed/hub_name.h"

#include <stdio.h>
#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

static bool ends_with(const char *text, size_t bytes, const char *end)
{
    size_t end_bytes = strlen(end);
    return bytes >= end_bytes && memcmp(text + bytes - end_bytes, end, end_bytes) == 0;
}

static bool has_twice(const char *text, size_t bytes, char c)
{
    for (size_t i = 1; i < bytes; i++) {
        if (text[i - 1] == c && text[i] == c)
            return true;
    }
    return false;
}

static bool is_edge(char c)
{
    return c == '-' || c == '.';
}

/* "org" or "name", the first `bytes` of text. */
static bool is_half(const char *text, size_t bytes)
{
    if (bytes == 0 || bytes > ORI_LIMIT_MAX_HUB_NAME_CHARS || strspn(text, letters) < bytes)
        return false;
    return !is_edge(text[0]) && !is_edge(text[bytes - 1]) && !has_twice(text, bytes, '-') &&
           !has_twice(text, bytes, '.') && !ends_with(text, bytes, ".git");
}

static bool is_repo(const char *text, size_t bytes)
{
    const char *slash = memchr(text, '/', bytes);
    if (!slash)
        return is_half(text, bytes);
    size_t first = (size_t)(slash - text);
    return is_half(text, first) && is_half(slash + 1, bytes - first - 1);
}

static bool is_revision(const char *text)
{
    size_t bytes = strlen(text);
    if (bytes == 0 || bytes > ORI_LIMIT_MAX_HUB_REVISION_CHARS || has_twice(text, bytes, '.'))
        return false;
    for (;;) {
        size_t part = strcspn(text, "/");
        if (part == 0 || text[0] == '.' || text[0] == '-' || strspn(text, letters) < part ||
            text[part - 1] == '.' || ends_with(text, part, ".lock"))
            return false;
        if (text[part] == '\0')
            return true;
        text += part + 1;
    }
}

bool ori_hub_name_parse(const char *text, struct ori_hub_name *ret_name)
{
    size_t bytes = strcspn(text, "@");
    bool has_revision = text[bytes] == '@';
    if (!is_repo(text, bytes) || (has_revision && !is_revision(text + bytes + 1)))
        return false;
    *ret_name = (struct ori_hub_name){.has_revision = has_revision};
    memcpy(ret_name->repo, text, bytes); /* is_repo has measured it */
    snprintf(ret_name->revision, sizeof ret_name->revision, "%s",
             has_revision ? text + bytes + 1 : ORI_HUB_MAIN);
    return true;
}

void ori_hub_name_folder(const char *repo, char ret_folder[ORI_HUB_FOLDER_BYTES])
{
    const char *slash = strchr(repo, '/');
    if (slash)
        snprintf(ret_folder, ORI_HUB_FOLDER_BYTES, "models--%.*s--%s", (int)(slash - repo), repo,
                 slash + 1);
    else
        snprintf(ret_folder, ORI_HUB_FOLDER_BYTES, "models--%s", repo);
}

bool ori_hub_name_of_folder(const char *folder, char ret_repo[ORI_HUB_REPO_BYTES])
{
    char repo[ORI_HUB_REPO_BYTES];
    if (strncmp(folder, "models--", 8) != 0 || strchr(folder, '/'))
        return false;
    const char *halves = folder + 8;
    const char *gap = strstr(halves, "--");
    int bytes = gap ? snprintf(repo, sizeof repo, "%.*s/%s", (int)(gap - halves), halves, gap + 2)
                    : snprintf(repo, sizeof repo, "%s", halves);
    if (bytes < 0 || (size_t)bytes >= sizeof repo || !is_repo(repo, (size_t)bytes))
        return false;
    memcpy(ret_repo, repo, sizeof repo);
    return true;
}

bool ori_hub_is_commit(const char *revision)
{
    return strlen(revision) == ORI_HUB_COMMIT_CHARS &&
           strspn(revision, "0123456789abcdef") == ORI_HUB_COMMIT_CHARS;
}

/* OpenAI's models were put on the hub before safetensors existed; the conversion of this one, the
 * default of CLIP_MODEL, is a pull request that was never merged. */
static const struct {
    const char *repo;
    const char *revision;
} known[] = {{"openai/clip-vit-base-patch32", "refs/pr/66"}};

const char *ori_hub_known_revision(const char *repo)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].repo, repo) == 0)
            return known[i].revision;
    }
    return NULL;
}
