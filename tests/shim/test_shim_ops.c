/* The cuda backend's ops on the host shim: the table of op x shape against ref, with the threads
 * of a block and the blocks of a grid in three orders, which must give the same bytes. */
#include "control.h"
#include "lib/support.h"

#include "gk/verify.h"

/* Fibers are slow: cases whose three largest sizes multiply to more are left out, and said so. */
static const double MOST_WORK = SANITIZED ? 35000 : 1 << 23;

/* Longer ones run in one order only, unless GROKC_TEST_ORDERS is set (the slow tests): their ops
 * have shorter ones. The sanitizers see those alone, in one order. */
static const double LONG = 10000;

/* The product of the three largest sizes; the largest alone. */
static double work_of(const gk_verify_result *c, double *longest)
{
    double largest[3] = {1, 1, 1};
    const char *at = c->shape;
    int size, length;

    while (sscanf(at, "%*s %d%n", &size, &length) == 1) {
        double next = size;

        for (int i = 0; i < 3; i++) {
            double smaller = fmin(next, largest[i]);
            largest[i] = fmax(next, largest[i]);
            next = smaller;
        }
        at += length;
    }
    *longest = largest[0];
    return largest[0] * largest[1] * largest[2];
}

/* A hash of all that was downloaded: what the op wrote, and what it was given. FNV-1a, 64 bits. */
static uint64_t hash;
static void (*download)(gk_backend *be, void *to, const void *from, size_t bytes);

static void hashing_download(gk_backend *be, void *to, const void *from, size_t bytes)
{
    download(be, to, from, bytes);
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ ((const unsigned char *)to)[i]) * UINT64_C(0x100000001b3);
}

static bool right(int i, gk_backend *be, gk_backend *ref, const char *order)
{
    gk_verify_result result;

    hash = UINT64_C(0xcbf29ce484222325);
    gk_verify(&result, i, be, ref);
    if (!result.problem && result.error <= result.limit) return true;
    print_error("%s %s (%s): error %.3g, limit %.3g: %s: %s\n", order, result.op, result.shape,
                result.error, result.limit, result.problem ? result.problem : "too large an error",
                gk_shim_problem() ? gk_shim_problem() : "no fault");
    return false;
}

static int verify_in_orders(int i, gk_backend *be, gk_backend *ref, int last)
{
    static const char *const name[] = {"forward", "reverse", "random"};
    uint64_t first = 0;
    int wrong = 0;

    for (int order = GK_SHIM_FORWARD; order <= last; order++) {
        gk_shim_set_order(order, (uint64_t)i);
        wrong += !right(i, be, ref, name[order]);
        if (gk_shim_problem()) return 1;
        if (order == GK_SHIM_FORWARD) first = hash;
        if (hash == first) continue;
        print_error("case %d: %s order has other bytes than forward: a race\n", i, name[order]);
        wrong++;
    }
    return wrong;
}

static void open_both(gk_backend *be, gk_backend *ref)
{
    gk_shim_reset();
    OK(gk_backend_open(ref, "ref", NULL));
    OK(gk_backend_open(be, "cuda", NULL));
    download = be->download;
    be->download = hashing_download;
}

/* Of every op some cases must be left. */
static void check_left_out(const bool *ran, int n)
{
    for (int i = 0; i < n; i++) {
        gk_verify_result left_out, other;
        int j = 0;

        gk_verify_name(&left_out, i);
        for (; j < n; j++) {
            gk_verify_name(&other, j);
            if (ran[j] && !strcmp(left_out.op, other.op)) break;
        }
        if (j == n) fail_msg("no case of %s is small enough", left_out.op);
    }
}

static void test_every_op(void **state)
{
    int wrong = 0, left_out = 0, n = gk_verify_cases();
    bool *ran = gk_alloc((size_t)n, sizeof *ran);
    gk_backend be, ref;

    (void)state;
    open_both(&be, &ref);
    for (int i = 0; i < n; i++) {
        gk_verify_result c;
        double longest;

        gk_verify_name(&c, i);
        ran[i] = work_of(&c, &longest) <= MOST_WORK && !(SANITIZED && longest >= LONG);
        if (!ran[i]) {
            print_message("left out, more work than %g: %s (%s)\n", MOST_WORK, c.op, c.shape);
            left_out++;
            continue;
        }
        bool all = (longest < LONG && !SANITIZED) || getenv("GROKC_TEST_ORDERS");
        if (verify_in_orders(i, &be, &ref, all ? GK_SHIM_RANDOM : GK_SHIM_FORWARD) == 0) continue;
        wrong++;
        gk_backend_close(&be); /* a fault sticks: the other cases need another device */
        gk_backend_close(&ref);
        open_both(&be, &ref);
    }
    gk_backend_close(&be);
    gk_backend_close(&ref);
    print_message("%d of %d cases left out\n", left_out, n);
    check_left_out(ran, n);
    free(ran);
    assert_int_equal(wrong, 0);
    assert_int_equal(gk_shim_count().bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_op)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
