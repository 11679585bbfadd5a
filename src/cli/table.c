#include "cli/table.h"

#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#include "util/limits.h"
#include "util/text.h"
#include "util/utf8.h"

#define LINE_WIDTH_DEFAULT 80
#define GAP "  "
#define GAP_WIDTH 2
#define FIRST_WIDTH_MIN 12
#define DOTS "..."
#define DOTS_WIDTH 3

size_t ori_table_text_width(const char *text)
{
    size_t bytes = strlen(text);
    size_t width = 0;
    for (size_t i = 0; i < bytes; width++) {
        size_t step = ori_text_utf8_step(text + i, bytes - i);
        i += step ? step : 1;
    }
    return width;
}

size_t ori_table_terminal_width(int fd)
{
    struct winsize size = {0};
    if (ioctl(fd, TIOCGWINSZ, &size) != 0)
        return 0;
    return size.ws_col;
}

void ori_table_init(struct ori_table *table, const struct ori_table_column *columns,
                    size_t columns_count)
{
    ORI_ASSERT(columns_count > 0 && columns_count <= ORI_TABLE_COLUMNS_MAX);
    *table = (struct ori_table){.columns = columns, .columns_count = columns_count};
    ori_buf_init(&table->cells, ORI_LIMIT_MAX_TABLE_BYTES);
    for (size_t i = 0; i < columns_count; i++)
        table->widths[i] = ori_table_text_width(columns[i].title);
}

void ori_table_deinit(struct ori_table *table)
{
    ori_buf_deinit(&table->cells);
}

void ori_table_add(struct ori_table *table, const char *const *cells)
{
    if (table->rows >= ORI_LIMIT_MAX_TABLE_ROWS) {
        table->rows_left_out++;
        return;
    }
    for (size_t i = 0; i < table->columns_count; i++) {
        size_t start = table->cells.used;
        ori_buf_add(&table->cells, cells[i], strlen(cells[i]) + 1);
        if (table->cells.status != ORI_OK)
            return;
        ori_utf8_clean(table->cells.data + start);
        size_t width = ori_table_text_width(table->cells.data + start);
        if (width > table->widths[i])
            table->widths[i] = width;
    }
    table->rows++;
}

/* The text's start up to so many characters. */
static size_t bytes_of_width(const char *text, size_t width)
{
    size_t bytes = strlen(text);
    size_t i = 0;
    for (; i < bytes && width > 0; width--) {
        size_t step = ori_text_utf8_step(text + i, bytes - i);
        i += step ? step : 1;
    }
    return i;
}

static void add_spaces(struct ori_buf *page, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ori_buf_add(page, " ", 1);
}

/* Without its middle when it is too wide: the end of a name tells files apart as well as its
 * start. */
static void add_text(struct ori_buf *page, const char *text, size_t width)
{
    size_t text_width = ori_table_text_width(text);
    if (text_width <= width) {
        ori_buf_add_text(page, text);
        return;
    }
    size_t left = (width - DOTS_WIDTH + 1) / 2;
    size_t right = width - DOTS_WIDTH - left;
    ori_buf_add(page, text, bytes_of_width(text, left));
    ori_buf_add_text(page, DOTS);
    ori_buf_add_text(page, text + bytes_of_width(text, text_width - right));
}

static void add_cell(const struct ori_table *table, size_t column, size_t width, const char *text,
                     struct ori_buf *page)
{
    size_t text_width = ori_table_text_width(text);
    size_t pad = text_width < width ? width - text_width : 0;
    bool is_last = column + 1 == table->columns_count;
    if (table->columns[column].is_number)
        add_spaces(page, pad);
    add_text(page, text, width);
    if (!table->columns[column].is_number && !is_last)
        add_spaces(page, pad);
    ori_buf_add_text(page, is_last ? "\n" : GAP);
}

/* What the page leaves to the first column. */
static size_t first_width(const struct ori_table *table, size_t width)
{
    size_t others = 0;
    for (size_t i = 1; i < table->columns_count; i++)
        others += GAP_WIDTH + table->widths[i];
    if (width == 0 || table->widths[0] + others <= width)
        return table->widths[0];
    size_t room = width > others ? width - others : 0;
    if (room < FIRST_WIDTH_MIN)
        room = FIRST_WIDTH_MIN;
    return room < table->widths[0] ? room : table->widths[0];
}

ori_status ori_table_render(const struct ori_table *table, size_t width, struct ori_buf *page,
                            struct ori_error *err)
{
    ori_status status = ori_buf_finish(&table->cells, "table", err);
    if (status != ORI_OK)
        return status;
    size_t first = first_width(table, width);
    for (size_t i = 0; i < table->columns_count; i++)
        add_cell(table, i, i == 0 ? first : table->widths[i], table->columns[i].title, page);
    const char *cell = ori_buf_text(&table->cells);
    for (size_t row = 0; row < table->rows; row++) {
        for (size_t i = 0; i < table->columns_count; i++) {
            add_cell(table, i, i == 0 ? first : table->widths[i], cell, page);
            cell += strlen(cell) + 1;
        }
    }
    if (table->rows_left_out > 0)
        ori_buf_printf(page, "... and %zu more\n", table->rows_left_out);
    return ori_buf_finish(page, "table", err);
}

size_t ori_table_line_width(int fd)
{
    const size_t width = ori_table_terminal_width(fd);
    return (width ? width : LINE_WIDTH_DEFAULT) - 1;
}
