/* The table catches what it is there for: ref with one bug (mutants/) fails at a case of that
 * op. */
#include "kernels/mutants/mutants.h"

gk_backend ref;
mutant *mutants;

static void is_caught(const mutant *bug)
{
    gk_backend be = ref;
    gk_verify_result result = {0};

    bug->plant(&be);
    for (int i = 0; i < gk_verify_cases() && !result.problem; i++) {
        gk_verify_name(&result, i);
        if (strcmp(result.op, bug->op) == 0) gk_verify(&result, i, &be, &ref);
    }
    if (!result.problem) fail_msg("%s is not caught", bug->name);
    print_message("%s: %s (%s)\n", bug->name, result.problem, result.shape);
}

static void test_every_bug_is_caught(void **state)
{
    (void)state;
    for (const mutant *bug = mutants; bug; bug = bug->next) is_caught(bug);
}

static void has_a_bug(const char *op)
{
    const mutant *bug = mutants;

    while (bug && strcmp(bug->op, op) != 0) bug = bug->next;
    if (!bug) fail_msg("no bug of %s in tests/kernels/mutants", op);
}

static void test_every_op_has_a_bug(void **state)
{
    (void)state;
#define OP(name, ...) has_a_bug(#name);
#include "gk/ops.def"
#undef OP
}

/* What the device reports reaches the result, and nothing is compared then. */
static void *no_memory(gk_backend *be, size_t bytes)
{
    (void)be, (void)bytes;
    return NULL;
}

static gk_status broken(gk_backend *be)
{
    (void)be;
    return gk_fail(GK_EDEVICE, "launch failure");
}

static void test_failures(void **state)
{
    gk_backend be = ref;
    gk_verify_result result;

    (void)state;
    be.alloc = no_memory;
    for (int i = 0; i < gk_verify_cases(); i += 9) {
        gk_verify(&result, i, &be, &ref);
        assert_string_equal(result.problem, "out of memory");
    }
    assert_true(gk_verify_time(0, &be, 1, 1) < 0);
    be = ref;
    be.sync = broken;
    gk_verify(&result, 0, &be, &ref);
    assert_string_equal(result.problem, "the backend failed");
    assert_true(gk_verify_time(0, &be, 1, 1) < 0);
    assert_true(gk_verify_time(0, &ref, 5, 3) >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_bug_is_caught),
        cmocka_unit_test(test_every_op_has_a_bug),
        cmocka_unit_test(test_failures),
    };

    ref = open_ref();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
