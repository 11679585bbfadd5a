#pragma once
/* cli/run_report.h: what `oriane run` tells of one video: a line of JSON, or a row of the table.
 * Threads   pure; any thread */
#include <stddef.h>

#include "cli/table.h"
#include "pipeline/item.h"

/* One JSON object and its newline: malloc'ed, the caller frees; NULL when memory ran out. shown:
 * the source as a person wrote it. */
char *ori_run_report_json(const struct ori_item_result *result, const char *shown,
                          size_t *ret_bytes);

#define ORI_RUN_REPORT_COLUMNS 6
extern const struct ori_table_column ori_run_report_columns[ORI_RUN_REPORT_COLUMNS];
void ori_run_report_row(const struct ori_item_result *result, const char *shown,
                        struct ori_table *table);
