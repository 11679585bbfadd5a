#pragma once
/* cli/table.h: rows of text in columns, for people.
 * Call order  init with titles; row by row; render; deinit
 * Widths      each column as wide as its widest cell; where that is wider than the page, the first
 *             column gives way and its texts lose their middle. A character counts as one column
 * Limits      ORI_LIMIT_MAX_TABLE_ROWS rows; more are counted and named in a line at the end
 * Failure     remembered; render tells it: ORI_NOMEM, ORI_LIMIT
 * Threads     plain data; one thread at a time */
#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/status.h"

#define ORI_TABLE_COLUMNS_MAX 8

struct ori_table_column {
    const char *title;
    bool is_number; /* flush right */
};
struct ori_table {
    const struct ori_table_column *columns;
    size_t columns_count;
    struct ori_buf cells; /* one text behind the other, NUL after each */
    size_t rows;
    size_t rows_left_out;
    size_t widths[ORI_TABLE_COLUMNS_MAX];
};

/* columns: borrowed until deinit. */
void ori_table_init(struct ori_table *table, const struct ori_table_column *columns,
                    size_t columns_count);
void ori_table_deinit(struct ori_table *table);
/* cells: one text a column, copied; control characters and broken UTF-8 become '?'. */
void ori_table_add(struct ori_table *table, const char *const *cells);
/* width: columns of the page, 0: any. */
ori_status ori_table_render(const struct ori_table *table, size_t width, struct ori_buf *page,
                            struct ori_error *err);

/* Characters of UTF-8 text, one column each. */
size_t ori_table_text_width(const char *text);
/* Columns of the terminal at fd; 0 when it is none. */
size_t ori_table_terminal_width(int fd);
/* What a line on it may have, so that it does not wrap; of 80 columns when it is none. */
size_t ori_table_line_width(int fd);
