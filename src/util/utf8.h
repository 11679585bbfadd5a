#pragma once
/* util/utf8.h: text of unknown origin made fit to be shown and put into JSON.
 * Threads  pure; any thread */
#include <stddef.h>

/* In place: control characters (C0, DEL, and C1) and bytes that are no UTF-8 become '?'; what is
 * well formed stays as it is. text ends with a NUL. */
void ori_utf8_clean(char *text);
