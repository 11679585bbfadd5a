#pragma once
/* cli/list_priv.h: what the forms of a list share; for src/cli/list*.c alone. */
#include "cli/list.h"
#include "cli/window.h"

enum ori_list_place { ORI_LIST_TOP, ORI_LIST_IN_ARRAY };

struct ori_list {
    struct ori_window window;
    enum ori_list_format format; /* ANY until the first entry was asked for */
    int fd_own;                  /* to be closed; -1: none */
    int64_t bytes_total;         /* 0: not known */
    int64_t line;                /* of the entry that is read */
    /* CSV */
    int separator;
    int column_platform;
    int column_code;
    int column_url; /* -1: none */
    /* JSON */
    enum ori_list_place place;
    bool is_in_object; /* the array is the value of "items" */
    bool has_element;  /* of the array: a comma comes next, or its end */
};

/* A piece of the window: bytes, not a C string. */
struct ori_list_text {
    const char *data;
    size_t bytes;
};
/* Blanks, tabs and carriage returns at both ends are cut away. */
struct ori_list_text ori_list_trim(struct ori_list_text text);
/* Copies, if it fits and has no NUL. */
bool ori_list_copy(struct ori_list_text text, char *ret_text, size_t size);
/* "line 7: ..."; ORI_USAGE. */
ori_status ori_list_bad(const struct ori_list *list, struct ori_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same, and nothing can follow: ORI_BAD_LIST, or what the window met. */
ori_status ori_list_end(const struct ori_list *list, struct ori_error *err, const char *what);
/* Checks and fills in; what is too long is told. url may have no bytes. */
ori_status ori_list_take(const struct ori_list *list, struct ori_list_text platform,
                         struct ori_list_text code, struct ori_list_text url,
                         struct ori_list_row *ret_row, struct ori_error *err);

/* Whether the first line is a header of CSV; then the columns and the separator are set. */
bool ori_list_csv_begin(struct ori_list *list);
/* Behind the header; ORI_BAD_LIST when the first line is none. */
ori_status ori_list_csv_header(struct ori_list *list, struct ori_error *err);
ori_status ori_list_csv_next(struct ori_list *list, struct ori_list_row *ret_row,
                             struct ori_error *err);
ori_status ori_list_json_next(struct ori_list *list, struct ori_list_row *ret_row,
                              struct ori_error *err);
