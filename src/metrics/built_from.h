#pragma once
/* metrics/built_from.h: what this program was built from: {label, version}, made by meson from
 * built_from.c.in; a row of NULLs ends it. */
extern const char *const ori_built_from[][2];
