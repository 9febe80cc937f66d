/* The measures where there is nothing to find: a table that memorises, no logits at all, no
 * characters. */
#include "lib/plant.h"

/* A table: training answers right, nothing else. */
static void memorise(lab *l, const plant *t)
{
    gk_batch *b = &l->batch;
    const gk_analysis *a = b->analysis;
    int n = t->n;

    put_identity(tensor(b, "unembed.W_U"), n);
    gk_batch_put(b, 0);
    gk_batch_observe(b);
    for (int row = 0; row < a->inputs; row++)
        for (int c = 0; c < n; c++)
            b->lens.out[row * n + c] =
                a->group[row] == GK_ROWS_TRAIN && a->label[row] == c ? 20 : 0;
}

/* With true labels the mean over inputs of equal f is f again, 0.4 times as strong: the table has
 * the characters of f. With false ones they know nothing. */
static void test_table(void **state)
{
    static const plant ops[] = {{"add", 31, 31, {2, 7, 15}, 3, false},
                                {"random", 31, 31, {2, 7, 15}, 3, false},
                                {"add task.label_noise=1", 31, 31, {2, 7, 15}, 3, false}};
    gk_row row;

    (void)state;
    for (int i = 0; i < 3; i++) {
        gk_key_watch watch = {0};
        lab l;
        open_plant(&l, &ops[i], 31, 0);
        memorise(&l, &ops[i]);
        for (int times = 0; times < 4; times++) {
            gk_batch_row(&l.batch, 0, &row, &watch);
            assert_string_equal(row.key_freqs, "");
            assert_true(row.key_count == 15 && isnan(row.restricted_all));
            gk_row_free(&row);
        }
        gk_batch_final_row(&l.batch, 0, &row, ops[i].k, 3);
        print_message("  %s: train %g, restricted %g, excluded %g, fitted %g, controls %g %g\n",
                      ops[i].op, row.train_loss_p, row.restricted_test, row.excluded_train,
                      row.excluded_fitted, row.control_operation, row.control_random);
        assert_true(row.train_loss_p < 1e-6);
        CLOSE(row.test_loss_p, log(31), RELATIVE);
        if (i == 2)
            assert_true(row.restricted_all > 0.95 * log(31));
        else
            assert_true(row.restricted_all < 0.7 * log(31));
        assert_true(row.excluded_train < 1e-4 && row.excluded_max < 1e-4);
        assert_true(row.control_random < 1e-4 && !(row.control_operation > 1e-4));
        gk_row_free(&row);
        lab_close(&l);
    }
}

/* No logits, with weights and without. What is defined is a number. */
static void test_nothing(void **state)
{
    static const plant t = {"add", 31, 31, {2, 7, 15}, 3, true};
    gk_row r;
    lab l;

    (void)state;
    open_plant(&l, &t, 24, 0);
    for (int weights = 1; weights >= 0; weights--) {
        if (!weights)
            memset(l.batch.stage.params, 0, gk_parameters(&l.batch.size.shape) * sizeof(gk_real));
        gk_batch_put(&l.batch, 0);
        gk_batch_observe(&l.batch);
        memset(l.batch.lens.out, 0, 31 * 31 * 24 * sizeof(gk_real));
        gk_batch_final_row(&l.batch, 0, &r, t.k, t.keys);
        const double even[] = {r.train_loss_p,    r.test_loss_p,     r.all_loss_p,
                               r.restricted_all,  r.restricted_test, r.excluded_train,
                               r.excluded_fitted, r.excluded_max,    r.control_operation,
                               r.control_random,  r.const8_all,      r.ablate8_min,
                               r.ablate8_max};
        for (size_t i = 0; i < sizeof even / sizeof *even; i++) CLOSE(even[i], log(31), RELATIVE);
        assert_true(r.logit_norm == 0 && isnan(r.logit_fve) && r.logit_gradient_sum < 1e-6);
        if (!weights) {
            assert_true(r.squared_l2_norm == 0 && isnan(r.gini_w_l) && isnan(r.w_l_residual));
            assert_true(r.key_count == 0 && r.neurons_85 == 0 && isnan(r.readout_fve_min));
            CLOSE(r.train_loss, log(31), RELATIVE);
            CLOSE(r.skip_zero_all, log(31), RELATIVE);
        } else
            assert_true(r.squared_l2_norm > 0 && r.gini_w_l >= 0 && r.w_l_residual > 0);
        gk_row_free(&r);
    }
    lab_close(&l);
}

/* No characters to measure with: losses and sums of squares all the same. */
static void test_undefined(void **state)
{
    static const plant list[] = {{"add", 2, 2, {0}, 0, true},
                                 {"multiply", 3, 2, {0}, 0, true},
                                 {"multiply", 12, 12, {0}, 0, true},
                                 {"divide", 9, 9, {0}, 0, true},
                                 {"divide", 4, 4, {0}, 0, true}};
    gk_row row;

    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        gk_tensors_writer writer;
        lab l;
        open_plant(&l, &list[i], 8, 0);
        assert_non_null(l.batch.analysis->undefined);
        assert_non_null(l.batch.analysis->no_grid);
        gk_batch_observe(&l.batch);
        gk_batch_final_row(&l.batch, 0, &row, NULL, 0);
        assert_true(isfinite(row.train_loss) && isfinite(row.test_loss) && row.squared_l2_norm > 0);
        assert_true(isnan(row.all_loss_p) && isnan(row.gini_w_l) && isnan(row.excluded_max));
        assert_true(isnan(row.neurons_85) && isnan(row.skip_zero_all) && !*row.key_freqs);
        gk_writer_open(&writer);
        gk_arrays_write(&writer, &l.batch.snapshot, &l.batch.found);
        gk_writer_discard(&writer);
        gk_row_free(&row);
        lab_close(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table), cmocka_unit_test(test_nothing),
                                       cmocka_unit_test(test_undefined)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
