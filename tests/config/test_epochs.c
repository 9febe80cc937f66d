/* Sets of epochs, and seeds written as a text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gk/config.h"

#include <string.h>

/* All members up to `most`, found by gk_epochs_next, are those that gk_epochs_has knows. */
static void members(const char *text, int64_t epochs, int64_t most, const int64_t *expected, int n)
{
    int64_t epoch = -1;
    int found = 0;

    assert_int_equal(gk_epochs_check(text), GK_OK);
    for (;;) {
        int64_t next = gk_epochs_next(text, epochs, epoch);
        assert_true(next > epoch);
        for (int64_t e = epoch + 1; e < next && e <= most; e++)
            assert_false(gk_epochs_has(text, epochs, e));
        if (next > most) break;
        assert_true(gk_epochs_has(text, epochs, next));
        assert_true(found < n);
        assert_int_equal(next, expected[found++]);
        epoch = next;
    }
    assert_int_equal(found, n);
}

#define MEMBERS(text, epochs, most, ...)                                                           \
    members(text, epochs, most, (const int64_t[]){__VA_ARGS__},                                    \
            (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))

static void test_every(void **state)
{
    (void)state;
    MEMBERS("every:1", 3, 4, 0, 1, 2, 3, 4);
    MEMBERS("every:1000", 10, 3500, 0, 1000, 2000, 3000);
    assert_true(gk_epochs_has("every:1000000000", 1, 0));
    assert_int_equal(gk_epochs_next("every:1000000000", 1, 1), 1000000000);
    assert_int_equal(gk_epochs_next("every:7", 1, INT64_MAX - 3), INT64_MAX);
    assert_false(gk_epochs_has("every:7", 1, -7));
}

static void test_log(void **state)
{
    (void)state;
    MEMBERS("log:4", 1000, 2000, 0, 1, 10, 100, 1000);
    MEMBERS("log:7", 1000000, 2000000, 0, 1, 10, 100, 1000, 10000, 100000, 1000000);
    MEMBERS("log:3", 50000, 60000, 0, 1, 224, 50000); /* sqrt(50000) = 223.6 */
    MEMBERS("log:1", 50000, 60000, 0, 50000);
    MEMBERS("log:2", 50000, 60000, 0, 1, 50000);
    MEMBERS("log:20", 10, 20, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10); /* equal ones count once */
    MEMBERS("log:5", 1, 20, 0, 1);
    MEMBERS("log:5", 0, 20, 0);
    MEMBERS("log:1", 0, 20, 0);
    /* round(50000^(i/19)) */
    MEMBERS("log:20", 50000, 60000, 0, 1, 2, 3, 6, 10, 17, 30, 54, 95, 168, 297, 525, 928, 1641,
            2900, 5125, 9058, 16008, 28291, 50000);
    /* 1e9 exp(-ln(1e9) / (1e9 - 1)) = 1e9 - 20.7 */
    assert_int_equal(gk_epochs_next("log:1000000000", 1000000000, 999999978), 999999979);
    assert_int_equal(gk_epochs_next("log:1000000000", 1000000000, 999999979), 1000000000);
}

static void test_lists(void **state)
{
    (void)state;
    MEMBERS("0,100,1000", 10, 5000, 0, 100, 1000);
    MEMBERS(" 1000 , 0,100,  100", 10, 5000, 0, 100, 1000);
    MEMBERS("7", 10, 5000, 7);
}

static void test_none(void **state)
{
    (void)state;
    assert_int_equal(gk_epochs_check("none"), GK_OK);
    assert_int_equal(gk_epochs_next("none", 100, -1), INT64_MAX);
    assert_false(gk_epochs_has("none", 100, 0));
}

static void test_wrong(void **state)
{
    static const char *const wrong[] = {"",
                                        " ",
                                        "every",
                                        "every:",
                                        "every:0",
                                        "every:-1",
                                        "every:1e3",
                                        "every: 5",
                                        "every:5 ",
                                        "every:1000000001",
                                        "log",
                                        "log:",
                                        "log:0",
                                        "log:x",
                                        "none ",
                                        "None",
                                        "1,",
                                        ",1",
                                        "1,,2",
                                        "1 2",
                                        "-1",
                                        "1;2",
                                        "0,100,",
                                        "1, ",
                                        "1.0",
                                        "1000000001",
                                        "99999999999999999999",
                                        "0,every:5",
                                        "all"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (gk_epochs_check(wrong[i]) != GK_EUSAGE) fail_msg("\"%s\" is taken", wrong[i]);
        assert_non_null(strstr(gk_message(), "every:K, log:N"));
    }
}

static void test_seed_text(void **state)
{
    static const char *const wrong[] = {"philox",
                                        "philox:",
                                        "philox:-1",
                                        "philox:+1",
                                        "philox: 1",
                                        "philox:1 ",
                                        "philo:1",
                                        "philoxx:1",
                                        "philox:1x",
                                        "philox:0x1",
                                        "",
                                        "PHILOX:1",
                                        "philox:18446744073709551616"};
    uint64_t seed = 5;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (gk_seed_text(wrong[i], "philox", &seed)) fail_msg("\"%s\" is taken", wrong[i]);
    assert_int_equal(seed, 5);
    assert_true(gk_seed_text("philox:007", "philox", &seed) && seed == 7);
    assert_true(gk_seed_text("x:18446744073709551615", "x", &seed) && seed == UINT64_MAX);
    assert_false(gk_seed_text("torch_tl:1", "torch", &seed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every), cmocka_unit_test(test_log),
        cmocka_unit_test(test_lists), cmocka_unit_test(test_none),
        cmocka_unit_test(test_wrong), cmocka_unit_test(test_seed_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
