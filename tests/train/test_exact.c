/* Exactness, proved in double: seed 0's first ten epochs against PyTorch's float64. */
#include "lib/exact.h"

static void test_gradients_at_the_start(void **state)
{
    gk_config c;
    lab l;

    (void)state;
    paper_config(&c);
    lab_open(&l, &c, 1, "ref", 1);
    gk_gradients(&l.batch.plan);
    compare_tensors(&l, &l.batch.model.grads, oracle("seed0/grads_epoch0_f64.safetensors"), "",
                    1e-12);
    lab_close(&l);
}

static void test_ten_epochs(void **state)
{
    gk_config c;
    lab l;

    (void)state;
    paper_config(&c);
    double *curve = read_npy(oracle("seed0/losses_f64.npy"), 2 * CURVE);
    lab_open(&l, &c, 1, "ref", 1);
    for (int epoch = 0; epoch < 10; epoch++) {
        if (epoch % 5 == 0) compare_row(&l, curve, epoch); /* a row costs as much as a step */
        lab_advance(&l, 1);
        CLOSE(l.batch.slot[0].loss, curve[epoch], 1e-12);
    }
    compare_row(&l, curve, 10);
    const char *stored = oracle("seed0/params_after_10_f64.safetensors");
    compare_tensors(&l, &l.batch.model.params, stored, "", 1e-12);
    compare_tensors(&l, &l.batch.model.m, stored, "adam_m.", 1e-12);
    compare_tensors(&l, &l.batch.model.v, stored, "adam_v.", 1e-12);
    lab_close(&l);
    free(curve);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_at_the_start),
        cmocka_unit_test(test_ten_epochs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
