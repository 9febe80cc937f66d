/* What only a GPU can show, at the size of the published experiment: a run's bytes depend neither
 * on the runs beside it, nor on whether steps are replayed from a graph, nor on the start of the
 * process; and TF32 happens where it is asked for, and only there. Run by on_gpu. */
#include "lib/support.h"

enum { MANY = 64, EPOCHS = 40, TENSOR_SETS = 3 };

/* A plan and a kind of model. */
static const char *const ops[] = {"device.plan=ops", "model.kind=transformer", "task.sequence=ab="},
                         *const table[] = {"device.plan=table", "model.kind=transformer",
                                           "task.sequence=ab="},
                         *const table_mlp[] = {"device.plan=table", "model.kind=mlp",
                                               "task.sequence=ab"};

/* R runs with seeds 0 .. R-1, and different decays, that have done `epochs` updates. */
static void train(lab *l, const char *const plan[3], int R, int first, int epochs, bool tf32)
{
    gk_config *c = gk_alloc((size_t)R, sizeof *c);
    const gk_config **configs = gk_alloc((size_t)R, sizeof *configs);
    gk_device_options options = {.tf32 = tf32};
    char seed[32], decay[48];

    OK(gk_backend_open(&l->be, "cuda", &options));
    for (int r = 0; r < R; r++) {
        snprintf(seed, sizeof seed, "seed=%d", first + r);
        snprintf(decay, sizeof decay, "optim.weight_decay=%g", 0.1 * (first + r));
        CONFIG(&c[r], plan[0], plan[1], plan[2], seed, decay);
        configs[r] = &c[r];
    }
    OK(gk_batch_open(&l->batch, configs, R, &l->be));
    for (int r = 0; r < R; r++) {
        OK(gk_init(l->batch.stage.params, &l->batch.size.shape, &c[r]));
        gk_batch_put(&l->batch, r);
        gk_batch_set_slot(&l->batch, r, &c[r], 0, -1);
    }
    gk_batch_upload_slots(&l->batch);
    lab_advance(l, epochs);
    free(configs);
    free(c);
}

/* Weights and both moments of run `ra` of a and run `rb` of b. */
static void same_bytes(lab *a, int ra, lab *b, int rb)
{
    const gk_params *of_a[TENSOR_SETS] = {&a->batch.model.params, &a->batch.model.m,
                                          &a->batch.model.v};
    const gk_params *of_b[TENSOR_SETS] = {&b->batch.model.params, &b->batch.model.m,
                                          &b->batch.model.v};
    size_t bytes = gk_parameters(&a->batch.size.shape) * sizeof(gk_real);

    for (int i = 0; i < TENSOR_SETS; i++) {
        gk_real *x = lab_get(a, of_a[i], ra), *y = lab_get(b, of_b[i], rb);
        assert_memory_equal(x, y, bytes);
        free(x);
        free(y);
    }
    CLOSE(a->batch.slot[ra].loss, b->batch.slot[rb].loss, 0);
}

static void alone_and_among_many(const char *const plan[3])
{
    static const int chosen[] = {0, 1, 37, MANY - 1};
    lab many, alone;

    train(&many, plan, MANY, 0, EPOCHS, false);
    for (size_t i = 0; i < sizeof chosen / sizeof *chosen; i++) {
        train(&alone, plan, 1, chosen[i], EPOCHS, false);
        same_bytes(&many, chosen[i], &alone, 0);
        lab_close(&alone);
    }
    lab_close(&many);
}

static void test_alone_and_among_many_ops(void **state)
{
    (void)state;
    alone_and_among_many(ops);
}

static void test_alone_and_among_many_table(void **state)
{
    (void)state;
    alone_and_among_many(table);
}

static void test_alone_and_among_many_table_mlp(void **state)
{
    (void)state;
    alone_and_among_many(table_mlp);
}

/* Replayed from a graph, enqueued one by one, and waited for one by one. */
static void test_graphs(void **state)
{
    static const char *const variables[][2] = {{"GROKC_GRAPHS", "0"}, {"GK_SYNC", "1"}};
    lab graphs, plain;

    (void)state;
    for (int i = 0; i < 2; i++) {
        train(&graphs, table, 1, 0, EPOCHS, false);
        setenv(variables[i][0], variables[i][1], 1);
        train(&plain, table, 1, 0, EPOCHS, false);
        unsetenv(variables[i][0]);
        same_bytes(&graphs, 0, &plain, 0);
        lab_close(&plain);
        lab_close(&graphs);
    }
}

/* In pieces of any length, so that graphs are kept, and dropped for the measures between them. */
static void test_pieces(void **state)
{
    lab whole, pieces;
    gk_row row;

    (void)state;
    train(&whole, table, 1, 0, EPOCHS, false);
    train(&pieces, table, 1, 0, 1, false);
    lab_advance(&pieces, 3);
    lab_measure(&pieces, &row);
    lab_advance(&pieces, EPOCHS - 4);
    same_bytes(&whole, 0, &pieces, 0);
    lab_close(&pieces);
    lab_close(&whole);
}

/* After 40 epochs the loss is still near log 113, and 10 bits move it by less than a percent; not a
 * bit of difference would mean that nothing was done in TF32. */
static void test_tf32(void **state)
{
    lab exact, coarse;
    gk_text about = {0};

    (void)state;
    train(&exact, ops, 1, 0, EPOCHS, false);
    train(&coarse, ops, 1, 0, EPOCHS, true);
    coarse.be.describe(&coarse.be, &about);
    if (strstr(about.data, "\"matmul\": \"tf32\"")) {
        double a = exact.batch.slot[0].loss, b = coarse.batch.slot[0].loss;
        assert_true(a != b);
        CLOSE(b, a, 1e-2);
    } else {
        print_message("no TF32 on this device: %s\n", about.data);
        same_bytes(&exact, 0, &coarse, 0);
    }
    gk_text_free(&about);
    lab_close(&coarse);
    lab_close(&exact);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone_and_among_many_ops),
        cmocka_unit_test(test_alone_and_among_many_table),
        cmocka_unit_test(test_alone_and_among_many_table_mlp),
        cmocka_unit_test(test_graphs),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_tf32),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
