/* Training on the cuda backend over the host shim, on both plans: against ref, replayed from a
 * graph against enqueued step by step, alone against in a batch, in all orders of threads and
 * blocks. The host may not touch device memory meanwhile. */
#include "control.h"
#include "lib/support.h"

enum { STEPS = 10, RUNS = 3, SETS = 3 /* of tensors: weights, both moments */ };

/* What is trained: a plan and a kind of model. */
static const char *const plans[][3] = {
    {"device.plan=ops", "model.kind=transformer", "task.sequence=ab="},
    {"device.plan=table", "model.kind=transformer", "task.sequence=ab="},
    {"device.plan=table", "model.kind=mlp", "task.sequence=ab"},
};
enum { PLANS = sizeof plans / sizeof *plans };

static void config_of(gk_config *c, const char *const plan[3], int r)
{
    static const char *const own[RUNS][2] = {{"optim.weight_decay=1", "optim.lr=0.01"},
                                             {"optim.weight_decay=0.1", "task.op=subtract"},
                                             {"optim.decay=l2", "optim.lr=0.003"}};
    char seed[32];

    snprintf(seed, sizeof seed, "seed=%d", r + 1);
    CONFIG(c, "task.p=7", "task.train_fraction=0.6", "model.d_model=6", "model.heads=2",
           "model.d_head=5", "model.d_mlp=9", "optim.warmup=2", plan[0], plan[1], plan[2], seed,
           own[r][0], own[r][1]);
}

/* Runs first .. first + R - 1 after STEPS updates, and their rows. */
static void train(lab *l, gk_row *row, const char *device, const char *const plan[3], int first,
                  int R)
{
    gk_config c[RUNS];

    gk_shim_reset();
    for (int r = 0; r < R; r++) config_of(&c[r], plan, first + r);
    lab_open(l, c, R, device, 1);
    gk_shim_guard_memory(1);
    lab_advance(l, STEPS);
    lab_measure(l, row);
    gk_shim_guard_memory(0);
}

static void same_bytes(lab *a, const gk_row *row_a, int ra, lab *b, const gk_row *row_b, int rb)
{
    const gk_params *of_a[SETS] = {&a->batch.model.params, &a->batch.model.m, &a->batch.model.v};
    const gk_params *of_b[SETS] = {&b->batch.model.params, &b->batch.model.m, &b->batch.model.v};
    size_t bytes = gk_parameters(&a->batch.size.shape) * sizeof(gk_real);

    assert_memory_equal(&row_a[ra], &row_b[rb], sizeof *row_a);
    assert_memory_equal(&a->batch.slot[ra], &b->batch.slot[rb], sizeof *a->batch.slot);
    for (int i = 0; i < SETS; i++) {
        gk_real *x = lab_get(a, of_a[i], ra), *y = lab_get(b, of_b[i], rb);

        assert_memory_equal(x, y, bytes);
        free(x);
        free(y);
    }
}

/* The limits of test_model.c, where ref meets the other backends. */
static void test_like_ref(void **state)
{
    (void)state;
    for (int p = 0; p < PLANS; p++) {
        lab ref, cuda;
        gk_row a, b;

        train(&ref, &a, "ref", plans[p], 0, 1);
        train(&cuda, &b, "cuda", plans[p], 0, 1);
        CLOSE(b.train_loss, a.train_loss, 2e-6);
        CLOSE(b.test_loss, a.test_loss, 2e-6);
        assert_true(a.train_loss < a.train_loss_max); /* it learned something */
        lab_close(&ref);
        lab_close(&cuda);
    }
}

/* Step by step and waited for, enqueued only, replayed: the same bytes. */
static void test_graphs(void **state)
{
    static const char *const ways[] = {"GK_SYNC=1", "GROKC_GRAPHS=0"};

    (void)state;
    for (int p = 0; p < PLANS; p++) {
        lab replayed, other;
        gk_row a, b;
        int64_t before = gk_shim_count().replays;

        train(&replayed, &a, "cuda", plans[p], 0, 1);
        assert_true(gk_shim_count().replays >= before + STEPS - 2);
        before = gk_shim_count().replays;
        for (int w = 0; w < 2; w++) {
            char name[32];

            snprintf(name, sizeof name, "%.*s", (int)strcspn(ways[w], "="), ways[w]);
            setenv(name, strchr(ways[w], '=') + 1, 1);
            train(&other, &b, "cuda", plans[p], 0, 1);
            unsetenv(name);
            assert_int_equal(gk_shim_count().replays, before);
            same_bytes(&replayed, &a, 0, &other, &b, 0);
            lab_close(&other);
        }
        lab_close(&replayed);
    }
}

static void test_alone_and_in_a_batch(void **state)
{
    (void)state;
    for (int p = 0; p < PLANS; p++) {
        lab batch, alone;
        gk_row rows[RUNS], row;

        train(&batch, rows, "cuda", plans[p], 0, RUNS);
        for (int r = 0; r < RUNS; r++) {
            train(&alone, &row, "cuda", plans[p], r, 1);
            same_bytes(&batch, rows, r, &alone, &row, 0);
            lab_close(&alone);
        }
        lab_close(&batch);
    }
}

static void test_orders(void **state)
{
    (void)state;
    for (int p = 0; p < PLANS; p++) {
        lab forward, other;
        gk_row rows[RUNS], rows_other[RUNS];

        train(&forward, rows, "cuda", plans[p], 0, RUNS);
        for (int order = GK_SHIM_REVERSE; order <= GK_SHIM_RANDOM; order++) {
            gk_shim_set_order(order, 11);
            train(&other, rows_other, "cuda", plans[p], 0, RUNS);
            gk_shim_set_order(GK_SHIM_FORWARD, 0);
            for (int r = 0; r < RUNS; r++) same_bytes(&forward, rows, r, &other, rows_other, r);
            lab_close(&other);
        }
        lab_close(&forward);
    }
}

/* What a profiler hears: ranges that are closed again, and none unless asked for. */
static void test_ranges(void **state)
{
    (void)state;
    for (int asked = 0; asked < 2; asked++) {
        gk_shim_counts before = gk_shim_count(), after;
        const gk_config *configs[1];
        gk_config c;
        gk_batch batch;
        gk_backend be;
        int64_t done;

        gk_shim_reset();
        config_of(&c, plans[asked], 0);
        configs[0] = &c;
        OK(gk_backend_open(&be, "cuda", &(gk_device_options){.nvtx = asked}));
        OK(gk_batch_open(&batch, configs, 1, &be));
        be.profile(&be, true);
        gk_batch_advance(&batch, STEPS, &done);
        be.profile(&be, false);
        OK(be.sync(&be));
        gk_batch_close(&batch);
        gk_backend_close(&be);
        after = gk_shim_count();
        assert_int_equal(after.profiles, before.profiles + 1);
        assert_int_equal(after.open_profiles, before.open_profiles);
        assert_int_equal(after.open_ranges, before.open_ranges);
        assert_true(asked ? after.ranges > before.ranges : after.ranges == before.ranges);
    }
}

/* Nothing is left when all is closed. */
static void test_nothing_is_left(void **state)
{
    gk_shim_counts left = gk_shim_count();

    (void)state;
    assert_int_equal(left.allocations, 0);
    assert_int_equal(left.bytes, 0);
    assert_int_equal(left.streams, 0);
    assert_int_equal(left.events, 0);
    assert_int_equal(left.graphs, 0);
    assert_int_equal(left.handles, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_like_ref),
        cmocka_unit_test(test_graphs),
        cmocka_unit_test(test_alone_and_in_a_batch),
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_nothing_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
