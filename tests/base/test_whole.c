/* Whole numbers as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gk/base.h"

static const char *const bad[] = {"",
                                  "0.5",
                                  "1e-1",
                                  "15e-2",
                                  "1.05e1",
                                  "100.01",
                                  "1e19",
                                  "1e999",
                                  "9223372036854775808",
                                  "9223372036854775807.5",
                                  "-9.3e18",
                                  "1e-999",
                                  "0x10",
                                  "1_000",
                                  "1,5",
                                  "inf",
                                  "e3",
                                  ".",
                                  "1e",
                                  "1.00000000000000000000001",
                                  "99999999999999999999e-1"};
static const struct {
    const char *text;
    int64_t value;
} good[] = {{"100", 100},
            {"100.0", 100},
            {"1e2", 100},
            {"1E+2", 100},
            {"+1.e2", 100},
            {".1e3", 100},
            {"1000e-1", 100},
            {"0.00100e5", 100},
            {"100.000000000000000000000", 100},
            {"-5e1", -50},
            {"-0", 0},
            {"0.0", 0},
            {"0e5", 0},
            {"000e-7", 0},
            {"007", 7},
            {"10203.0405e4", 102030405},
            {"9007199254740993", 9007199254740993},
            {"9007199254740993.0", 9007199254740993},
            {"9007199254740993e0", 9007199254740993},
            {"900719925474099.3e1", 9007199254740993},
            {"9223372036854775807", INT64_MAX},
            {"-9223372036854775808.0", INT64_MIN},
            {"9.223372036854775807e18", INT64_MAX}};

/* One number, however it is written; what is none, or not of this type, is not taken. */
static void test_parse_whole(void **state)
{
    int64_t value = 77;
    uint64_t natural = 77;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (gk_parse_whole(bad[i], &value)) fail_msg("\"%s\" was taken", bad[i]);
    assert_int_equal(value, 77);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!gk_parse_whole(good[i].text, &value) || value != good[i].value)
            fail_msg("\"%s\" was taken for %lld", good[i].text, (long long)value);
    assert_false(gk_parse_natural("-1", &natural) ||
                 gk_parse_natural("18446744073709551616", &natural));
    assert_false(gk_parse_natural("1844674407370955161.7e1", &natural));
    assert_int_equal(natural, 77);
    assert_true(gk_parse_natural("18446744073709551615", &natural) && natural == UINT64_MAX);
    assert_true(gk_parse_natural("1844674407370955161.50e1", &natural) && natural == UINT64_MAX);
    assert_true(gk_parse_natural("-0", &natural) && natural == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse_whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
