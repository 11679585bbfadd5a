#pragma once
/* config/settings_page.h: pages made from the table of settings alone: the same on every machine.
 * Threads  pure functions; any thread */
#include "util/buf.h"

void ori_settings_page_markdown(struct ori_buf *buf); /* docs/settings.md */
void ori_settings_page_env(struct ori_buf *buf);      /* .env.example: every line commented out */
