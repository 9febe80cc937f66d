/* The cases that are too large for test_law. */
#include "lib/law.h"

static void test_large_cases(void **state)
{
    (void)state;
    keeps_the_law("cpu", SANITIZED ? 1e5 : 3e6, SANITIZED ? 3e7 : HUGE_VAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_large_cases)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
