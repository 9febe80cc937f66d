/* The cuda backend's ops as nvcc compiles them: the table of op x shape against ref, with the PTX
 * of every kernel interpreted and checked (ptx.h), warps and blocks in three orders, which must
 * give the same bytes. By default the small cases in one order.
 *
 *     test_ptx_ops FOLDER                  a folder of .ptx files
 *     test_ptx_ops FOLDER all              every case, three orders
 *     test_ptx_ops FOLDER all OP           of one op */
#include "lib/support.h"

#include "cases.h"

/* The product of a case's sizes, by default. */
static const double MOST_WORK = SANITIZED ? 1e3 : 1e5;

static const char *only; /* op; NULL: all */
static bool every;

/* A hash of all that was downloaded. FNV-1a, 64 bits. */
static uint64_t hash;
static void (*download)(gk_backend *be, void *to, const void *from, size_t bytes);

static void hashing_download(gk_backend *be, void *to, const void *from, size_t bytes)
{
    download(be, to, from, bytes);
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ ((const unsigned char *)to)[i]) * UINT64_C(0x100000001b3);
}

static void open_both(gk_backend *be, gk_backend *ref)
{
    cases_open(be, ref);
    download = be->download;
    be->download = hashing_download;
}

static bool right(int i, gk_backend *be, gk_backend *ref, const char *order)
{
    gk_verify_result result;

    hash = UINT64_C(0xcbf29ce484222325);
    if (case_right(i, be, ref, &result)) return true;
    print_error("%s %s (%s): error %.3g, limit %.3g: %s: %s\n", order, result.op, result.shape,
                result.error, result.limit, result.problem ? result.problem : "too large an error",
                gk_shim_problem() ? gk_shim_problem() : "no fault");
    return false;
}

static bool right_in_all_orders(int i, gk_backend *be, gk_backend *ref)
{
    static const char *const name[] = {"forward", "reverse", "random"};
    uint64_t first = 0;
    int last = every ? GK_SHIM_RANDOM : GK_SHIM_FORWARD;

    for (int order = GK_SHIM_FORWARD; order <= last; order++) {
        gk_shim_set_order(order, (uint64_t)i);
        if (!right(i, be, ref, name[order])) return false;
        if (order == GK_SHIM_FORWARD) first = hash;
        if (hash == first) continue;
        print_error("case %d: %s order has other bytes than forward: a race\n", i, name[order]);
        return false;
    }
    return true;
}

static void test_every_op(void **state)
{
    int wrong = 0, done = 0;
    gk_backend be, ref;

    (void)state;
    open_both(&be, &ref);
    for (int i = 0; i < gk_verify_cases(); i++) {
        gk_verify_result c;

        gk_verify_name(&c, i);
        if ((only && strcmp(only, c.op)) || (!every && case_work(i) > MOST_WORK)) continue;
        done++;
        if (right_in_all_orders(i, &be, &ref)) continue;
        wrong++;
        cases_close(&be, &ref); /* a fault sticks: the other cases need another device */
        open_both(&be, &ref);
    }
    cases_close(&be, &ref);
    print_message("%d of %d cases, %d wrong\n", done, gk_verify_cases(), wrong);
    assert_true(done > 0);
    assert_int_equal(wrong, 0);
    assert_int_equal(gk_shim_count().bytes, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_op)};

    if (argc < 2 || gk_ptx_open(argv[1]) < 1) {
        fprintf(stderr, "usage: test_ptx_ops FOLDER [all [OP]]: a folder of .ptx files\n");
        return 2;
    }
    setenv("GROKC_MATMUL", "own", 1); /* there is no PTX of cuBLASLt */
    every = argc > 2;
    only = argc > 3 ? argv[3] : NULL;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
