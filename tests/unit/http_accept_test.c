#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/accept.h"

static void html_is_for_who_asks_for_it(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        bool expected;
    } rows[] = {
        {NULL, false},
        {"", false},
        {"*/*", false},
        {"text/html", true},
        {"TEXT/HTML", true},
        {"text/*", true},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
         true},
        {"application/json", false},
        {"application/json, text/html", false},
        {"application/json;q=0.9, text/html", true},
        {"application/json, text/html;q=0.9", false},
        {"text/html;q=0", false},
        {"text/html;q=0, */*", false},
        {"text/html;q=0.000, text/*;q=1", false},
        {"text/*;q=0.5, application/*;q=0.4", true},
        {"*/*;q=0.1, text/html;q=0.2", true},
        {"*/*;q=0.3, text/html;q=0.2", false},
        {"text/html ; q=1.000", true},
        {"text/html;level=1;q=0.4, application/json;q=0.3", true},
        {"text/html;Q=0.1, application/json;q=0.3", false},
        /* weights that are none make their range count for nothing */
        {"text/html;q=2", false},
        {"text/html;q=1.001", false},
        {"text/html;q=-1", false},
        {"text/html;q=", false},
        {"text/html;q=0.1234", false},
        {"text/html;q=abc", false},
        {"text/htmlx", false},
        {"text", false},
        {",,, ;;;, =", false},
        {";q=1", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (ori_accept_prefers_html(rows[i].accept) != rows[i].expected)
            fail_msg("Accept: %s", rows[i].accept);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(html_is_for_who_asks_for_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
