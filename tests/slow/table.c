/* The table plan along a run, and over many: its gradients while the network memorises, and when
 * 64 seeds grok, beside the ops plan's. Trajectories of the two part after some hundred epochs, as
 * any two orders of rounding do; their statistics must not. */
#include "lib/tables.h"

static void test_memorising(void **state)
{
    static const int epochs[] = {200, 1000, 3000};
    char name[32];

    (void)state;
    if (sizeof(gk_real) == sizeof(double)) skip(); /* hours with ref */
    for (int i = 0; i < 3; i++) {
        gk_real *weights = trained(epochs[i]);
        snprintf(name, sizeof name, "epoch %d", epochs[i]);
        compare_plans(name, weights);
        free(weights);
    }
}

enum { SEEDS = 64, AT_ONCE = 16, EPOCHS = 4000, EVERY = 20, STAY = 300 };

/* The first measured epoch from which the test loss stays below 0.1; EPOCHS: none. Ends when it
 * has stayed for a while in all runs. */
static void grok_epochs(double *epoch, const char *plan, int first)
{
    static gk_config config[AT_ONCE];
    double sum[AT_ONCE][GK_ROW_GROUPS][2];
    lab l;

    for (int r = 0; r < AT_ONCE; r++) {
        char seed[32], set[48];
        snprintf(seed, sizeof seed, "seed=%d", first + r);
        snprintf(set, sizeof set, "device.plan=%s", plan);
        CONFIG(&config[r], seed, set, "task.p=59", "task.train_fraction=0.5", "model.d_model=64",
               "model.d_head=16", "model.d_mlp=256", "optim.lr=2e-3");
        epoch[r] = EPOCHS;
    }
    lab_open(&l, config, AT_ONCE, "auto", 0);
    for (int e = 0; e < EPOCHS; e += EVERY) {
        double last = 0;

        gk_evaluate(&l.batch.plan, &l.batch.data.grid, &sum[0][0][0]);
        OK(l.be.sync(&l.be));
        for (int r = 0; r < AT_ONCE; r++) {
            double loss =
                (sum[r][GK_ROWS_COMMUTED][0] + sum[r][GK_ROWS_UNCOMMUTED][0]) / l.batch.size.n_test;
            if (!(loss < 0.1))
                epoch[r] = EPOCHS;
            else if (epoch[r] == EPOCHS)
                epoch[r] = e;
            last = fmax(last, epoch[r]);
        }
        if (last + STAY <= e) break;
        lab_advance(&l, EVERY);
    }
    lab_close(&l);
}

/* Two-sample Kolmogorov-Smirnov distance of two sorted samples, and its asymptotic probability
 * (Press et al., Numerical Recipes, 14.3). */
static double same_distribution(const double *x, const double *y, int n, double *distance)
{
    double p = 0, size = sqrt(n / 2.0);

    *distance = 0;
    for (int i = 0, j = 0; i < n && j < n;) {
        double next = fmin(x[i], y[j]);
        while (i < n && x[i] <= next) i++;
        while (j < n && y[j] <= next) j++;
        *distance = fmax(*distance, fabs((double)(i - j) / n));
    }
    double lambda = (size + 0.12 + 0.11 / size) * *distance;
    if (lambda < 0.2) return 1;
    for (int k = 1; k < 100; k++) p += (k % 2 ? 2 : -2) * exp(-2.0 * k * k * lambda * lambda);
    return p;
}

static void test_when_they_grok(void **state)
{
    static const char *const plan[] = {"ops", "table"};
    static double epoch[2][SEEDS];
    double median[2], distance;

    (void)state;
    if (sizeof(gk_real) == sizeof(double)) skip(); /* hours with ref */
    for (int i = 0; i < 2; i++) {
        int grokked = 0;
        for (int first = 0; first < SEEDS; first += AT_ONCE)
            grok_epochs(epoch[i] + first, plan[i], first);
        for (int s = 0; s < SEEDS; s++) grokked += epoch[i][s] < EPOCHS;
        qsort(epoch[i], SEEDS, sizeof *epoch[i], gk_ascending_reals);
        median[i] = (epoch[i][SEEDS / 2 - 1] + epoch[i][SEEDS / 2]) / 2;
        print_message("%s: %d of %d grok; epochs %g (first), %g (median), %g (last)\n", plan[i],
                      grokked, SEEDS, epoch[i][0], median[i], epoch[i][SEEDS - 1]);
        assert_true(grokked > SEEDS / 2);
    }
    double p = same_distribution(epoch[0], epoch[1], SEEDS, &distance);
    print_message("Kolmogorov-Smirnov distance %.3f, p = %.3f\n", distance, p);
    if (!(p > 0.01)) fail_msg("the two plans grok at different times: p = %g", p);
    CLOSE(median[1], median[0], 0.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memorising),
        cmocka_unit_test(test_when_they_grok),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
