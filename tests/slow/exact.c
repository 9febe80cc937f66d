/* Two hundred epochs of seed 0 in double: losses to 1e-12 through 60 and 1e-9 through 200, weights
 * and moments after 100 to 1e-9. */
#include "lib/exact.h"

static void test_two_hundred_epochs(void **state)
{
    gk_config c;
    lab l;

    (void)state;
    paper_config(&c);
    double *curve = read_npy(oracle("seed0/losses_f64.npy"), 2 * CURVE);
    lab_open(&l, &c, 1, "ref", 1);
    for (int epoch = 0; epoch <= 200; epoch++) {
        if (epoch % 10 == 0) compare_row(&l, curve, epoch);
        if (epoch == 100) {
            const char *stored = oracle("seed0/params_after_100_f64.safetensors");
            compare_tensors(&l, &l.batch.model.params, stored, "", 1e-9);
            compare_tensors(&l, &l.batch.model.m, stored, "adam_m.", 1e-9);
            compare_tensors(&l, &l.batch.model.v, stored, "adam_v.", 1e-9);
        }
        lab_advance(&l, 1);
        CLOSE(l.batch.slot[0].loss, curve[epoch], epoch <= 60 ? 1e-12 : 1e-9);
    }
    lab_close(&l);
    free(curve);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_two_hundred_epochs)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
