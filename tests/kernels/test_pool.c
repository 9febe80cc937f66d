/* The threads of the cpu backend: every chunk of a job is done once, whatever the others do. */
#include "lib/tolerance.h"
#include "cpu/cpu.h"

#include <unistd.h>

typedef struct count {
    int *done, round;
} count;

static void count_chunk(const void *job, int i)
{
    const count *c = job;

    if (c->round % 16 == 3 && i % 5 == 0) { /* some take longer */
        for (volatile int spin = 0; spin < 2000; spin++) continue;
    }
    c->done[i] += i + c->round;
}

static void test_pool(void **state)
{
    enum { N = 300, ROUNDS = 3000 };
    static const int threads[] = {1, 2, 3, 5, 16};

    (void)state;
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        int done[N] = {0}, expected[N] = {0};
        cpu_pool *pool;

        assert_int_equal(cpu_pool_open(&pool, threads[t]), GK_OK);
        assert_int_equal(cpu_pool_threads(pool), threads[t]);
        for (int round = 0; round < ROUNDS; round++) {
            count c = {done, round};
            int n = round % 7 == 0 ? N : round % 5;

            if (round % 500 == 0) usleep(300); /* they fall asleep */
            cpu_pool_run(pool, n, count_chunk, &c);
            for (int i = 0; i < n; i++) expected[i] += i + round;
            assert_memory_equal(done, expected, sizeof done);
        }
        cpu_pool_close(pool);
    }
}

static void test_pool_open(void **state)
{
    cpu_pool *pool;

    (void)state;
    assert_int_equal(cpu_pool_open(&pool, 0), GK_OK);
    assert_int_equal(cpu_pool_threads(pool), gk_cores_allowed().n);
    cpu_pool_close(pool);
    assert_int_equal(cpu_pool_open(&pool, 1 << 20), GK_EUSAGE);
    assert_null(pool);
    cpu_pool_close(pool); /* harmless */
    assert_in_range(gk_cores_allowed().n, 1, sysconf(_SC_NPROCESSORS_CONF));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_open),
        cmocka_unit_test(test_pool),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
