#pragma once
/* http/web_priv.h: what the generated file web_files.c defines, for web.c alone. */
#include "http/web.h"

extern const struct ori_web_file ori_web_files[];
extern const size_t ori_web_files_count;
