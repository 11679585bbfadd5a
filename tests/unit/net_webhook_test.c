/* Signatures of webhooks: the example of the Standard Webhooks libraries, and others worked out
 * with Python's hmac. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/webhook.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define ZEROS_16 "whsec_AAAAAAAAAAAAAAAAAAAAAA=="
#define ONES_64                                                                                    \
    "whsec_/////////////////////////////////////////////////////////////////////////////////////"  \
    "w=="

static void signatures(void **state)
{
    (void)state;
    static char thousand[1000];
    memset(thousand, 'x', sizeof thousand);
    const struct {
        const char *secret;
        const char *id;
        int64_t timestamp_s;
        const char *payload;
        size_t bytes;
        const char *signature;
    } rows[] = {
        {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
         "{\"test\": 2432232314}", 20, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
        {"plain secret", "job-1.state", 0, "", 0,
         "v1,AwD/sL/AE5GeC06sGJQ2kIVQ/dLlRBzlqUquknbotIk="},
        {ZEROS_16, "a", 1, "\x00\xFF\x00", 3, "v1,HcedXVyrDVXKE33o+n6Pb0dSJAv/2imhSZVgtOBfUuU="},
        {ONES_64, "a", 9999999999, thousand, 1000,
         "v1,qV+l26XhV9f7EZdFxKEmlZEWcVY6yN4WHwVYqho06ZQ="},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char signature[ORI_WEBHOOK_SIGNATURE_BYTES];
        struct ori_error err = {0};
        assert_int_equal(ori_webhook_sign(rows[i].secret, rows[i].id, rows[i].timestamp_s,
                                          rows[i].payload, rows[i].bytes, signature, &err),
                         ORI_OK);
        assert_string_equal(signature, rows[i].signature);
    }
}

static void secrets(void **state)
{
    (void)state;
    static const struct {
        const char *secret;
        ori_status status;
    } rows[] = {
        {"x", ORI_OK},
        {"whsec", ORI_OK},
        {"WHSEC_!!", ORI_OK},
        {ZEROS_16, ORI_OK},
        {ONES_64, ORI_OK},
        {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", ORI_OK},
        {"", ORI_BAD_SETTING},
        {"whsec_", ORI_BAD_SETTING},
        {"whsec_AAAAAAAAAAAAAAAAAAAA", ORI_BAD_SETTING}, /* 15 bytes */
        {"whsec_//////////////////////////////////////////////////////////////////////////////////"
         "////8=",
         ORI_BAD_SETTING},                                   /* 65 bytes */
        {"whsec_AAAAAAAAAAAAAAAAAAAAAA=", ORI_BAD_SETTING},  /* torn padding */
        {"whsec_AAAAAAAAAAAAAAAAAAAAAA", ORI_BAD_SETTING},   /* none */
        {"whsec_AAAAAAAAAAAAAAAAAAAAA===", ORI_BAD_SETTING}, /* too much */
        {"whsec_AAAAAAAAAAAA=AAAAAAAAAA=", ORI_BAD_SETTING},
        {"whsec_AAAAAAAAAAAAAAAAAAAAA-==", ORI_BAD_SETTING}, /* the URL alphabet */
        {"whsec_AAAAAAAAAA AAAAAAAAAAAA==", ORI_BAD_SETTING},
        {"whsec_AAAAAAAAAAAAAAAAAAAAAA==\n", ORI_BAD_SETTING},
        {"whsec_====", ORI_BAD_SETTING},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char signature[ORI_WEBHOOK_SIGNATURE_BYTES] = "untouched";
        struct ori_error err = {0};
        struct ori_error second = {0};
        if (ori_webhook_check_secret(rows[i].secret, &err) != rows[i].status)
            fail_msg("%s", rows[i].secret);
        assert_int_equal(ori_webhook_sign(rows[i].secret, "id", 1, "", 0, signature, &second),
                         rows[i].status);
        if (rows[i].status != ORI_OK) {
            assert_string_equal(signature, "untouched");
            assert_true(strlen(rows[i].secret) < 7 || !strstr(err.text, rows[i].secret + 6));
        }
    }
}

static void longest_id(void **state)
{
    (void)state;
    char id[600];
    char signature[ORI_WEBHOOK_SIGNATURE_BYTES];
    struct ori_error err = {0};
    memset(id, 'i', sizeof id);
    id[480] = '\0';
    assert_int_equal(ori_webhook_sign("secret", id, INT64_MIN, "x", 1, signature, &err), ORI_OK);
    id[480] = 'i';
    id[481] = '\0';
    assert_int_equal(ori_webhook_sign("secret", id, INT64_MIN, "x", 1, signature, &err), ORI_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(signatures), cmocka_unit_test(secrets),
                                       cmocka_unit_test(longest_id)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
