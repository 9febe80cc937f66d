/* The cpu backend beside what test_ops asks of every backend: the same bytes on any number of
 * threads and in any company, every instruction set (its exp and erfc: test_simd.c), the pool, and
 * what the environment may choose. */
#include "lib/tolerance.h"
#include "cpu/cpu.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const variants[] = {"none", "avx2", "avx512"};

static gk_backend open_cpu(int threads)
{
    gk_backend be;

    if (gk_backend_open(&be, "cpu", &(gk_device_options){.threads = threads}) != GK_OK)
        fail_msg("%s", gk_message());
    return be;
}

/* Every case on `be` against `one`, which has a single thread: no difference, and runs as alone. */
static void same_everywhere(gk_backend *be, gk_backend *one)
{
    gk_verify_result result;

    for (int i = 0; i < gk_verify_cases(); i++) {
        gk_verify(&result, i, be, one);
        if (result.problem || !(result.error == 0))
            fail_msg("%d threads, %s (%s): %s, difference %g",
                     cpu_pool_threads(cpu_state_of(be)->pool), result.op, result.shape,
                     result.problem ? result.problem : "", result.error);
    }
}

static void test_threads(void **state)
{
    static const int threads[] = {2, 5}; /* 3: test_ops */
    gk_backend one = open_cpu(1);

    (void)state;
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        gk_backend be = open_cpu(threads[i]);

        same_everywhere(&be, &one);
        gk_backend_close(&be);
    }
    gk_backend_close(&one);
}

/* A product of the experiment's largest shapes with R runs; bytes of run 0 come back in c. */
static void product(gk_real *c, const gk_real *a, const gk_real *b, int threads, int R, int m,
                    int n, int k, int ta, int tb)
{
    gk_backend be = open_cpu(threads);
    size_t size = (size_t)m * n;
    gk_real *all = gk_alloc(R * size, sizeof *all);

    be.matmul(&be, all, a, b, R, m, n, k, ta, tb, ta ? m : k, tb ? k : n, n, 0, 0, size, 0);
    for (int r = 1; r < R; r++) assert_memory_equal(all, all + r * size, size * sizeof *all);
    memcpy(c, all, size * sizeof *c);
    free(all);
    gk_backend_close(&be);
}

static void test_products(void **state)
{
    static const int shape[][5] = {{3830, 114, 512, 0, 0}, {512, 114, 3830, 1, 0},
                                   {3830, 512, 114, 0, 1}, {128, 128, 11490, 1, 0},
                                   {113, 626, 64, 0, 0},   {30, 7, 2100, 1, 1}};
    size_t most = 3830 * 512;
    gk_real *a = gk_alloc(most, sizeof *a), *b = gk_alloc(most, sizeof *b);
    gk_real *one = gk_alloc(most, sizeof *one), *other = gk_alloc(most, sizeof *other);

    (void)state;
    fill(a, most, 1, 1);
    fill(b, most, 1, 2);
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
        const int *s = shape[i];

        product(one, a, b, 1, 1, s[0], s[1], s[2], s[3], s[4]);
        for (int threads = 2; threads <= 5; threads++) {
            product(other, a, b, threads, threads - 1, s[0], s[1], s[2], s[3], s[4]);
            assert_memory_equal(one, other, (size_t)s[0] * s[1] * sizeof *one);
        }
    }
    free(a), free(b), free(one), free(other);
}

/* The cases of one op, or of every op. */
static void verify_against_ref(const char *what, const char *op)
{
    gk_backend be = open_cpu(2), ref = open_ref();
    gk_verify_result result;

    for (int i = 0; i < gk_verify_cases(); i++) {
        gk_verify_name(&result, i);
        if (op && strcmp(result.op, op) != 0) continue;
        gk_verify(&result, i, &be, &ref);
        if (result.problem || !(result.error <= result.limit))
            fail_msg("%s: %s (%s): %s, error %g, limit %g", what, result.op, result.shape,
                     result.problem ? result.problem : "", result.error, result.limit);
    }
    gk_backend_close(&be);
    gk_backend_close(&ref);
}

static void test_variants(void **state)
{
    gk_backend be;

    (void)state;
#ifdef __SANITIZE_THREAD__
    print_message("skipped: vectors have nothing to do with threads, and ref takes minutes here\n");
    skip();
#endif
    for (int i = CPU_NONE; i <= CPU_AVX512; i++) {
        setenv("GROKC_SIMD", variants[i], 1);
        if (i == (int)cpu_best_simd()) continue; /* test_ops */
        if (i < (int)cpu_best_simd()) {
            verify_against_ref(variants[i], NULL);
            continue;
        }
        assert_int_equal(gk_backend_open(&be, "cpu", &(gk_device_options){.threads = 1}),
                         GK_EUSAGE);
        assert_non_null(strstr(gk_message(), "this CPU has no more than"));
    }
    setenv("GROKC_SIMD", "mmx", 1);
    assert_int_equal(gk_backend_open(&be, "cpu", &(gk_device_options){.threads = 1}), GK_EUSAGE);
    assert_non_null(strstr(gk_message(), "not \"mmx\""));
    unsetenv("GROKC_SIMD");
}

static void test_matmul_choice(void **state)
{
    gk_backend be;

    (void)state;
    setenv("GROKC_MATMUL", "own", 1);
    be = open_cpu(1);
    assert_false(cpu_state_of(&be)->blas);
    gk_backend_close(&be);
    setenv("GROKC_MATMUL", "blas", 1);
    if (cpu_has_blas()) {
        assert_true(cpu_prefers_blas());
        verify_against_ref("blas", "matmul");
    } else {
        assert_int_equal(gk_backend_open(&be, "cpu", &(gk_device_options){.threads = 1}),
                         GK_EUSAGE);
    }
    setenv("GROKC_MATMUL", "abacus", 1);
    assert_int_equal(gk_backend_open(&be, "cpu", &(gk_device_options){.threads = 1}), GK_EUSAGE);
    assert_non_null(strstr(gk_message(), "not \"abacus\""));
    unsetenv("GROKC_MATMUL");
}

/* What OpenBLAS calls its kernels, beside what the CPU can do. */
static void test_better_core(void **state)
{
    (void)state;
    assert_string_equal(cpu_better_core("Prescott", CPU_AVX512), "SKYLAKEX");
    assert_string_equal(cpu_better_core("Haswell", CPU_AVX512), "SKYLAKEX");
    assert_string_equal(cpu_better_core("Zen", CPU_AVX512), "SKYLAKEX");
    assert_null(cpu_better_core("SkylakeX", CPU_AVX512));
    assert_null(cpu_better_core("Cooperlake", CPU_AVX512));
    assert_null(cpu_better_core("SapphireRapids", CPU_AVX512));
    assert_null(cpu_better_core("a name of the future", CPU_AVX512));
    assert_string_equal(cpu_better_core("Prescott", CPU_AVX2), "HASWELL");
    assert_null(cpu_better_core("Zen", CPU_AVX2));
    assert_null(cpu_better_core("Nehalem", CPU_NONE));
}

static void test_describe(void **state)
{
    gk_backend be = open_cpu(3);
    gk_text json = {0};

    (void)state;
    gk_text_add(&json, "{");
    be.describe(&be, &json);
    gk_text_add(&json, "}");
    json_t *object = json_loads(json.data, 0, NULL);
    assert_non_null(object);
    assert_int_equal(json_integer_value(json_object_get(object, "threads")), 3);
    assert_string_equal(json_string_value(json_object_get(object, "simd")),
                        variants[cpu_best_simd()]);
    for (const char *const *key = (const char *const[]){"cpu", "matmul", "blas", NULL}; *key; key++)
        assert_true(json_string_length(json_object_get(object, *key)) > 0);
    json_decref(object);
    gk_text_free(&json);
    gk_backend_close(&be);
}

/* The exact form against double: losses from 1e-12 to 200, gradients of which every element is
 * right. */
static void test_exact_loss(void **state)
{
    enum { B = 2000, C = 114 };
    static gk_real x[B * C], d[B * C];
    static int32_t label[B];
    static double loss[B], expected[B];
    static gk_real gradient[B * C];
    static uint8_t hit[B];
    gk_backend be = open_cpu(1), ref = open_ref();

    (void)state;
    fill(x, B * C, 2, 3);
    for (int b = 0; b < B; b++) {
        label[b] = b * 7 % C;
        x[b * C + label[b]] += (gk_real)(b % 2 ? 32.0 * b / B : -200.0 * b / B);
    }
    be.log_softmax(&be, loss, hit, d, x, label, 1, B, C, GK_LOSS_EXACT, 1);
    ref.log_softmax(&ref, expected, hit, gradient, x, label, 1, B, C, GK_LOSS_EXACT, 1);
    for (int b = 0; b < B; b++) assert_near(loss[b], expected[b], 2 * FLT_EPSILON);
    for (int i = 0; i < B * C; i++) {
        if (fabs(gradient[i]) > 1e-37) assert_near(d[i], gradient[i], 3 * FLT_EPSILON);
    }
    gk_backend_close(&be);
    gk_backend_close(&ref);
}

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
    assert_int_equal(cpu_pool_threads(pool), cpu_cores());
    cpu_pool_close(pool);
    assert_int_equal(cpu_pool_open(&pool, 1 << 20), GK_EUSAGE);
    assert_null(pool);
    cpu_pool_close(pool); /* harmless */
    assert_in_range(cpu_cores(), 1, sysconf(_SC_NPROCESSORS_CONF));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_open),     cmocka_unit_test(test_pool),
        cmocka_unit_test(test_exact_loss),    cmocka_unit_test(test_threads),
        cmocka_unit_test(test_products),      cmocka_unit_test(test_variants),
        cmocka_unit_test(test_matmul_choice), cmocka_unit_test(test_better_core),
        cmocka_unit_test(test_describe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
