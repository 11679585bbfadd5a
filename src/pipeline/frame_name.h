#pragma once
/* pipeline/frame_name.h: the names of frame objects, "{n}_{seconds:.2f}.{png|jpg|webp}", and of the
 * cropped clip, "cropped_{width}x{height}.mp4".
 * Times     hundredths of a second, rounded to the nearest: the file's name, the payload and the
 *           JSON all say the same number
 * Promise   is_frame and is_clip accept exactly what a run may have written: nothing else in a video's
 *           folder is ever deleted
 * Threads   pure; any thread */
#include <stdbool.h>
#include <stdint.h>

#include "util/limits.h"
#include "util/status.h"

#define ORI_FRAME_FILE_BYTES 48
#define ORI_OBJECT_KEY_BYTES (2 * (ORI_LIMIT_MAX_CODE_CHARS + 1) + ORI_FRAME_FILE_BYTES)

/* pts_us >= 0. */
int64_t ori_frame_name_centis(int64_t pts_us);
double ori_frame_name_second(int64_t pts_us); /* the same in seconds: 11.88 */
void ori_frame_name_make(uint32_t n, int64_t pts_us, const char *extension,
                         char ret_file[ORI_FRAME_FILE_BYTES]);
/* ^[0-9]+_[0-9]+\.[0-9]{2}\.(png|jpg|webp)$ */
bool ori_frame_name_is_frame(const char *file);
void ori_frame_name_make_clip(int width, int height, char ret_file[ORI_FRAME_FILE_BYTES]);
/* ^cropped_[0-9]+x[0-9]+\.mp4$ */
bool ori_frame_name_is_clip(const char *file);
/* One of the two, and no longer than such a name can be. */
bool ori_frame_name_is_ours(const char *file);
/* "{platform}/{code}/{file}". */
void ori_frame_name_key(const char *platform, const char *code, const char *file,
                        char ret_key[ORI_OBJECT_KEY_BYTES]);
