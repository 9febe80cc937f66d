/* The scratch of a lens: counted, lent as a stack, and not a byte more than was counted; and blocks
 * of rows. */
#include "lib/support.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BYTES = 1024 };

static _Alignas(256) char memory[BYTES];

static void test_counting(void **state)
{
    gk_lens lens = {.together = 3};
    size_t mark = gk_scratch_mark(&lens);

    (void)state;
    assert_null(gk_scratch_reals(&lens, 10));
    assert_int_equal(lens.scratch.used, 30 * sizeof(gk_real));
    assert_null(gk_scratch(&lens, 1, 1));
    gk_scratch_release(&lens, mark);
    assert_null(gk_scratch(&lens, 1, 1));
    assert_int_equal(lens.scratch.used, 1);
    assert_int_equal(lens.scratch_most, 256 + 1); /* arrays begin at multiples of 256 bytes */
}

static void test_lending(void **state)
{
    gk_lens lens = {.together = 1, .scratch = {.base = memory, .size = BYTES}};
    void *first = gk_scratch(&lens, BYTES / 2, 1);
    size_t mark = gk_scratch_mark(&lens);
    void *second = gk_scratch(&lens, BYTES / 2, 1);

    (void)state;
    assert_ptr_equal(first, memory);
    assert_ptr_equal(second, memory + BYTES / 2);
    gk_scratch_release(&lens, mark);
    assert_ptr_equal(gk_scratch(&lens, 1, 1), second);
}

/* How a child ends that takes so much: waitpid's status. */
static int take_in_child(size_t bytes)
{
    gk_lens lens = {.together = 1, .scratch = {.base = memory, .size = BYTES}};
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        close(STDERR_FILENO);
        signal(SIGABRT, SIG_DFL); /* cmocka catches it */
        gk_scratch(&lens, bytes, 1);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void test_more_is_a_bug(void **state)
{
    (void)state;
    int status = take_in_child(BYTES + 1);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_int_equal(take_in_child(BYTES), 0);
}

/* Every row once, in order; no block of no rows. */
static void test_blocks(void **state)
{
    (void)state;
    for (int all = 0; all <= 9; all++) {
        gk_lens lens = {.inputs = all, .rows = 3};
        int next = 0, blocks = 0;
        for (gk_row_block b = gk_blocks(&lens); gk_block_next(&b); blocks++) {
            assert_int_equal(b.first, next);
            assert_in_range(b.rows, 1, 3);
            assert_true(b.rows == 3 || b.first + b.rows == all);
            next += b.rows;
        }
        assert_int_equal(next, all);
        assert_int_equal(blocks, (all + 2) / 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counting), cmocka_unit_test(test_lending),
        cmocka_unit_test(test_more_is_a_bug), cmocka_unit_test(test_blocks)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
