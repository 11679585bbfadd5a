#pragma once
/* cli/help.h: what `oriane --help` and `oriane VERB --help` print.
 * Threads  pure functions; any thread */
#include "cli/cli.h"
#include "util/buf.h"

/* All verbs that are not hidden, in the table's order. */
void ori_help_overview(const struct ori_verb *const *verbs, size_t count, struct ori_buf *buf);
void ori_help_verb(const struct ori_verb *verb, struct ori_buf *buf);
