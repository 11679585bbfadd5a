#include "pipeline/frame_name.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define US_A_CENTI 10000
#define CLIP_PREFIX "cropped_"

int64_t ori_frame_name_centis(int64_t pts_us)
{
    ORI_ASSERT(pts_us >= 0 && pts_us <= INT64_MAX - US_A_CENTI);
    return (pts_us + US_A_CENTI / 2) / US_A_CENTI;
}

double ori_frame_name_second(int64_t pts_us)
{
    return (double)ori_frame_name_centis(pts_us) / 100.0;
}

void ori_frame_name_make(uint32_t n, int64_t pts_us, const char *extension,
                         char ret_file[ORI_FRAME_FILE_BYTES])
{
    int64_t centis = ori_frame_name_centis(pts_us);
    int length = snprintf(ret_file, ORI_FRAME_FILE_BYTES, "%" PRIu32 "_%" PRId64 ".%02d.%s", n,
                          centis / 100, (int)(centis % 100), extension);
    ORI_ASSERT(length > 0 && length < ORI_FRAME_FILE_BYTES);
}

static const char *skip_digits(const char *text)
{
    return text + strspn(text, "0123456789");
}

bool ori_frame_name_is_frame(const char *file)
{
    const char *at = skip_digits(file);
    if (at == file || *at != '_')
        return false;
    const char *seconds = at + 1;
    at = skip_digits(seconds);
    if (at == seconds || *at != '.')
        return false;
    const char *fraction = at + 1;
    at = skip_digits(fraction);
    if (at != fraction + 2)
        return false;
    return strcmp(at, ".png") == 0 || strcmp(at, ".jpg") == 0 || strcmp(at, ".webp") == 0;
}

void ori_frame_name_make_clip(int width, int height, char ret_file[ORI_FRAME_FILE_BYTES])
{
    int length = snprintf(ret_file, ORI_FRAME_FILE_BYTES, CLIP_PREFIX "%dx%d.mp4", width, height);
    ORI_ASSERT(length > 0 && length < ORI_FRAME_FILE_BYTES);
}

bool ori_frame_name_is_clip(const char *file)
{
    if (strncmp(file, CLIP_PREFIX, strlen(CLIP_PREFIX)) != 0)
        return false;
    const char *width = file + strlen(CLIP_PREFIX);
    const char *at = skip_digits(width);
    if (at == width || *at != 'x')
        return false;
    const char *height = at + 1;
    at = skip_digits(height);
    return at != height && strcmp(at, ".mp4") == 0;
}

bool ori_frame_name_is_ours(const char *file)
{
    return strnlen(file, ORI_FRAME_FILE_BYTES) < ORI_FRAME_FILE_BYTES &&
           (ori_frame_name_is_frame(file) || ori_frame_name_is_clip(file));
}

void ori_frame_name_key(const char *platform, const char *code, const char *file,
                        char ret_key[ORI_OBJECT_KEY_BYTES])
{
    int length = snprintf(ret_key, ORI_OBJECT_KEY_BYTES, "%s/%s/%s", platform, code, file);
    ORI_ASSERT(length > 0 && (size_t)length < ORI_OBJECT_KEY_BYTES);
}
