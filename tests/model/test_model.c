/* The whole network: gradients against central differences (double), backends against each other, a
 * run alone against the same run in a batch, blocks of the batch against the batch at once. */
#include "lib/differences.h"

#define SMALL                                                                                      \
    "task.p=7", "task.train_fraction=0.6", "model.d_model=6", "model.heads=2", "model.d_head=5",   \
        "model.d_mlp=9", "optim.warmup=2", "optim.lr=0.01"

static void test_gradients_one_layer(void **state)
{
    gk_config c;

    (void)state;
    CONFIG(&c, SMALL, "model.init=philox:3");
    check_gradients(&c);
}

static void test_gradients_three_layers_gelu(void **state)
{
    gk_config c;

    (void)state;
    CONFIG(&c, SMALL, "model.layers=3", "model.activation=gelu", "model.outputs=8");
    check_gradients(&c);
}

static void test_gradients_two_layers_relu(void **state)
{
    gk_config c;

    (void)state;
    CONFIG(&c, SMALL, "model.layers=2", "model.init=philox:5", "task.op=divide");
    check_gradients(&c);
}

static void test_gradients_attention_only(void **state)
{
    gk_config c;

    (void)state;
    CONFIG(&c, SMALL, "model.layers=2", "model.d_mlp=0");
    check_gradients(&c);
}

static void test_gradients_without_biases(void **state)
{
    gk_config c;

    (void)state;
    CONFIG(&c, SMALL, "model.biases=off", "model.activation=gelu_erf", "task.label_noise=0.3");
    check_gradients(&c);
}

/* More rows than GK_BLOCK_ROWS: the mean over all pairs does not care where the batch is cut, up to
 * rounding. Here the rows of a p = 97 grid (5645 train) against the sum of its two blocks. */
static void test_blocks(void **state)
{
    gk_config c;
    lab l;
    double sum[2], parts = 0;

    (void)state;
    CONFIG(&c, "task.p=97", "task.train_fraction=0.6", "model.d_model=8", "model.heads=1",
           "model.d_head=4", "model.d_mlp=6");
    lab_open(&l, &c, 1, "auto", 1);
    assert_int_equal(l.batch.size.rows, GK_BLOCK_ROWS);
    assert_true(l.batch.data.train.B > GK_BLOCK_ROWS && l.batch.data.train.B < 2 * GK_BLOCK_ROWS);
    gk_gradients(&l.batch.plan);
    gk_real *whole = lab_get(&l, &l.batch.model.grads, 0);
    gk_evaluate(&l.batch.plan, &l.batch.data.train, sum);

    /* each block as a set of its own; its gradient is of its own mean */
    size_t n = gk_parameters(&l.batch.size.shape);
    double *total = gk_alloc(n, sizeof *total), largest = 0, worst = 0;
    gk_set all = l.batch.data.train;
    for (int first = 0; first < all.B; first += GK_BLOCK_ROWS) {
        gk_set part = all;
        double part_sum[2];
        part.B = gk_set_block_rows(&all, first, GK_BLOCK_ROWS);
        part.token = all.token + (size_t)first * 3;
        part.label = all.label + first;
        part.group = all.group + first;
        l.batch.data.train = part;
        gk_gradients(&l.batch.plan);
        gk_real *gradient = lab_get(&l, &l.batch.model.grads, 0);
        for (size_t j = 0; j < n; j++) total[j] += (double)gradient[j] * part.B / all.B;
        free(gradient);
        gk_evaluate(&l.batch.plan, &part, part_sum);
        parts += part_sum[0];
    }
    CLOSE(parts, sum[0], 1e-15);
    for (size_t j = 0; j < n; j++) {
        worst = fmax(worst, fabs(total[j] - (double)whole[j]));
        largest = fmax(largest, fabs(total[j]));
    }
    if (!(worst <= (sizeof(gk_real) == 4 ? 1e-6 : 1e-14) * largest))
        fail_msg("%g of %g", worst, largest);
    free(whole);
    free(total);
    lab_close(&l);
}

/* Runs with different seeds, decay and learning rate side by side: each has the bytes of itself
 * alone, for any number of threads. */
static void test_batch_and_threads(void **state)
{
    gk_config c[3];
    lab batch, alone;
    gk_row rows[3], row;

    (void)state;
    CONFIG(&c[0], SMALL, "seed=1");
    CONFIG(&c[1], SMALL, "seed=2", "optim.weight_decay=0.1", "task.op=subtract");
    CONFIG(&c[2], SMALL, "seed=3", "optim.lr=0.003", "optim.warmup=0", "optim.decay=l2");
    lab_open(&batch, c, 3, "auto", 2);
    lab_advance(&batch, 20);
    lab_measure(&batch, rows);
    for (int r = 0; r < 3; r++) {
        lab_open(&alone, &c[r], 1, "auto", 1 + 2 * (r % 2));
        lab_advance(&alone, 20);
        lab_measure(&alone, &row);
        assert_memory_equal(&row, &rows[r], sizeof row);
        const gk_params *one[] = {&alone.batch.model.params, &alone.batch.model.m,
                                  &alone.batch.model.v};
        const gk_params *all[] = {&batch.batch.model.params, &batch.batch.model.m,
                                  &batch.batch.model.v};
        for (int i = 0; i < 3; i++) {
            gk_real *a = lab_get(&alone, one[i], 0), *b = lab_get(&batch, all[i], r);
            assert_memory_equal(a, b, gk_parameters(&alone.batch.size.shape) * sizeof *a);
            free(a);
            free(b);
        }
        lab_close(&alone);
    }
    lab_close(&batch);
}

/* Ten steps on every backend of this build end at the weights of `ref`, up to float's rounding. */
static void test_backends_agree(void **state)
{
    gk_config c;
    const char *help, *name;

    (void)state;
    CONFIG(&c, SMALL, "model.layers=2", "model.activation=gelu");
    for (int i = 0; (name = gk_backend_name(i, &help)); i++) {
        lab ref, other;
        gk_row a, b;
        gk_backend there;
        if (!opens(&there, name)) continue;
        gk_backend_close(&there);
        lab_open(&ref, &c, 1, "ref", 1);
        lab_open(&other, &c, 1, name, 2);
        lab_advance(&ref, 10);
        lab_advance(&other, 10);
        lab_measure(&ref, &a);
        lab_measure(&other, &b);
        CLOSE(b.train_loss, a.train_loss, 2e-6);
        CLOSE(b.test_loss, a.test_loss, 2e-6);
        assert_true(a.train_loss < a.train_loss_max); /* it learned something */
        lab_close(&ref);
        lab_close(&other);
    }
}

/* An inactive slot keeps its weights and its step; frozen biases stay where they are. */
static void test_inactive_and_frozen(void **state)
{
    gk_config c[2];
    lab l;

    (void)state;
    CONFIG(&c[0], SMALL, "seed=1", "model.biases=frozen", "optim.warmup=0");
    CONFIG(&c[1], SMALL, "seed=2", "model.biases=frozen", "optim.warmup=0");
    lab_open(&l, c, 2, "auto", 1);
    gk_real *before = lab_get(&l, &l.batch.model.params, 1),
            *first = lab_get(&l, &l.batch.model.params, 0);
    l.batch.slot[1].active = 0;
    l.be.upload(&l.be, l.batch.model.slot, l.batch.slot, 2 * sizeof *l.batch.slot);
    lab_advance(&l, 3);
    gk_real *after = lab_get(&l, &l.batch.model.params, 1),
            *moved = lab_get(&l, &l.batch.model.params, 0);
    assert_memory_equal(before, after, gk_parameters(&l.batch.size.shape) * sizeof *before);
    assert_int_equal(l.batch.slot[1].step, 0);
    assert_int_equal(l.batch.slot[0].step, 3);
    for (int i = 0; i < l.batch.model.n_tensors; i++) {
        const gk_tensor *t = &l.batch.model.tensor[i];
        int same = !memcmp(first + t->packed, moved + t->packed, t->size * sizeof *first);
        assert_int_equal(same, gk_is_bias(t));
    }
    free(before);
    free(after);
    free(first);
    free(moved);
    lab_close(&l);
}

/* The paper's parameter count, and its layout in the blobs: every tensor begins at a multiple of
 * 256 bytes. */
static void test_layout(void **state)
{
    gk_config c;
    gk_batch_size size;
    lab l;

    (void)state;
    CONFIG(&c, "model.outputs=114");
    OK(gk_batch_size_of(&size, &c, 1));
    assert_int_equal(gk_parameters(&size.shape), 226816);
    assert_int_equal(size.n_train, 3830);
    assert_int_equal(size.n_test, 8939);
    CONFIG(&c, SMALL);
    lab_open(&l, &c, 1, "ref", 1);
    assert_int_equal((uintptr_t)l.batch.model.params.w_u % 256, 0);
    assert_int_equal((uintptr_t)l.batch.model.grads.b_in[0] % 256, 0);
    lab_close(&l);
}

/* What an optimiser is told of every tensor: where its matrices lie, and which they are. */
static void test_spans(void **state)
{
    gk_config c[2];
    gk_tensor_span span[GK_TENSORS_MAX];
    lab l;

    (void)state;
    CONFIG(&c[0], SMALL, "seed=1", "model.biases=frozen");
    CONFIG(&c[1], SMALL, "seed=2", "model.biases=frozen");
    lab_open(&l, c, 2, "auto", 1);
    const gk_model *model = &l.batch.model;
    size_t n = (size_t)model->n_tensors;
    l.be.download(&l.be, span, model->span, n * sizeof *span);
    OK(l.be.sync(&l.be));
    for (size_t i = 0; i < n; i++) {
        const gk_tensor *t = &model->tensor[i];
        assert_string_equal(span[i].name, t->name);
        assert_true(span[i].rows == t->rows && span[i].cols == t->cols);
        assert_true(span[i].size == t->size);
        assert_true(span[i].lr_scale == (gk_is_bias(t) ? 0 : 1) && span[i].decay_scale == 1);
        size_t end = i + 1 < n ? span[i + 1].offset : model->params.elements;
        assert_true(span[i].offset + 2 * span[i].size <= end); /* of two runs */
    }
    assert_ptr_equal(model->params.blob + span[n - 1].offset, model->params.w_u);
    assert_string_equal(span[n - 1].name, "unembed.W_U");
    assert_true(span[n - 1].rows == 6 && span[n - 1].cols == 7);
    lab_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_one_layer),
        cmocka_unit_test(test_gradients_two_layers_relu),
        cmocka_unit_test(test_gradients_three_layers_gelu),
        cmocka_unit_test(test_gradients_attention_only),
        cmocka_unit_test(test_gradients_without_biases),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_batch_and_threads),
        cmocka_unit_test(test_backends_agree),
        cmocka_unit_test(test_inactive_and_frozen),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_spans),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
