/* Arrays that grow and are sorted; RUN@EPOCH. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gk/base.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One by one, over many moves: what is there stays, what is new is zero. */
static void test_grow(void **state)
{
    struct pair {
        int64_t a, b;
    } *pair = NULL;

    (void)state;
    for (size_t n = 0; n < 5000; n++) {
        pair = gk_grow(pair, n, sizeof *pair);
        assert_true(pair[n].a == 0 && pair[n].b == 0);
        pair[n] = (struct pair){(int64_t)n, -(int64_t)n};
    }
    for (size_t n = 0; n < 5000; n++)
        assert_true(pair[n].a == (int64_t)n && pair[n].b == -(int64_t)n);
    free(pair);
}

static void test_ascending(void **state)
{
    int whole[] = {3, INT32_MIN, -1, INT32_MAX, 0};
    int64_t epoch[] = {3, INT64_MIN, -1, INT64_MAX, 0};
    double real[] = {3, -INFINITY, -1e-300, INFINITY, 0};
    enum { N = 5 };

    (void)state;
    qsort(whole, N, sizeof *whole, gk_ascending_ints);
    qsort(epoch, N, sizeof *epoch, gk_ascending_epochs);
    qsort(real, N, sizeof *real, gk_ascending_reals);
    for (int i = 1; i < N; i++)
        assert_true(whole[i - 1] < whole[i] && epoch[i - 1] < epoch[i] && real[i - 1] < real[i]);
}

static void test_run_at(void **state)
{
    static const char *const bad[] = {
        "",      "runs/x", "@5",    "runs/x@", "runs/x@-1",
        "x@1.5", "x@1 ",   "x@1e3", "x@@",     "x@99999999999999999999"};
    char run[GK_PATH_MAX], text[2 * GK_PATH_MAX];
    int64_t epoch;

    (void)state;
    assert_true(gk_parse_run_at("runs/paper@1000", run, &epoch));
    assert_string_equal(run, "runs/paper");
    assert_int_equal(epoch, 1000);
    assert_true(gk_parse_run_at("a@b@0", run, &epoch)); /* the last one counts */
    assert_string_equal(run, "a@b");
    assert_int_equal(epoch, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (gk_parse_run_at(bad[i], run, &epoch)) fail_msg("\"%s\" is no RUN@EPOCH", bad[i]);
    for (size_t n = GK_PATH_MAX - 1; n <= GK_PATH_MAX; n++) { /* the longest, and one more */
        memset(text, 'x', n);
        snprintf(text + n, sizeof text - n, "@7");
        assert_int_equal(gk_parse_run_at(text, run, &epoch), n < GK_PATH_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grow),
        cmocka_unit_test(test_ascending),
        cmocka_unit_test(test_run_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
