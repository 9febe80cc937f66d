/* The three forms of the loss, in ref, against long double and against each other. */
#include "lib/tolerance.h"

#include <stdlib.h>
#include <string.h>

enum { C = 114, ROWS = 64 };

static gk_backend be;
static gk_real x[ROWS * C], d[ROWS * C];
static int32_t label[ROWS];
static double loss[ROWS];
static uint8_t hit[ROWS];

/* Rows of C logits in -spread .. spread; labels spread over the classes. */
static void fill_rows(double spread)
{
    fill(x, ROWS * C, spread, 9);
    for (int i = 0; i < ROWS; i++) label[i] = i * 37 % C;
}

static void run(int form, double scale)
{
    be.log_softmax(&be, loss, hit, d, x, label, 1, ROWS, C, form, scale);
}

/* log(1 + sum over j != t of exp(x_j - x_t)): no overflow in long double below a gap of 11,000. */
static long double exact_loss(int row, long double *others)
{
    long double S = 0, xt = x[row * C + label[row]];

    for (int j = 0; j < C; j++) {
        if (j != label[row]) S += expl((long double)x[row * C + j] - xt);
    }
    *others = S;
    return log1pl(S);
}

/* Every loss and every single gradient to a relative error, and their sum 0, at any gap. */
static void check_exact(void)
{
    double eps = gk_verify_limit(8, 1);

    run(GK_LOSS_EXACT, 0.5);
    for (int i = 0; i < ROWS; i++) {
        long double S, expected = exact_loss(i, &S);
        double sum = 0, largest = 0;

        assert_near(loss[i], (double)expected, 1e-13);
        for (int j = 0; j < C; j++) {
            long double e = expl((long double)x[i * C + j] - x[i * C + label[i]]) / (1 + S);
            double dj = d[i * C + j];

            if (j == label[i]) e = -S / (1 + S);
            if (e < 1e-30L && e > -1e-30L)
                assert_true(fabs(dj) <= 1.1e-30);
            else
                assert_near(dj, (double)(0.5L * e), eps);
            sum += dj;
            largest = fmax(largest, fabs(dj));
        }
        assert_true(fabs(sum) <= gk_verify_limit(1, C) * largest);
    }
}

static void test_exact_form(void **state)
{
    static const double spreads[] = {1e-3, 1, 10, 200, 1000};

    (void)state;
    for (size_t k = 0; k < sizeof spreads / sizeof *spreads; k++) {
        fill_rows(spreads[k]);
        check_exact();
    }
}

/* The label's logit is above (below) all others by a gap: S near 1e-9 at 25, 1e-85 at 200. */
static void test_exact_form_at_gaps(void **state)
{
    static const double gaps[] = {8, 20.7, 25, 37, 60, 200, 1000, -8, -90, -200, -1000};

    (void)state;
    for (size_t k = 0; k < sizeof gaps / sizeof *gaps; k++) {
        fill_rows(1);
        for (int i = 0; i < ROWS; i++) x[i * C + label[i]] = (gk_real)gaps[k];
        check_exact();
        for (int i = 0; i < ROWS; i++) {
            assert_true(hit[i] == (gaps[k] > 0));
            assert_true(isfinite(loss[i]) && loss[i] >= 0);
        }
    }
}

/* Two columns: loss = log(1 + exp(-gap)), to the digits of a table. */
static void test_known_values(void **state)
{
    static const struct {
        double gap, loss;
    } known[] = {{0, 0.69314718055994530942},
                 {20, 2.0611536203143807e-9},
                 {-20, 20.000000002061153620},
                 {200, 1.3838965267367376e-87},
                 {-200, 200},
                 {21, 7.5825604250371456e-10}};

    (void)state;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        gk_real two[2] = {(gk_real)known[k].gap, 0}, gradient[2];
        int32_t first = 0;

        be.log_softmax(&be, loss, hit, gradient, two, &first, 1, 1, 2, GK_LOSS_EXACT, 1);
        assert_near(loss[0], known[k].loss, 1e-14);
        assert_true(gradient[0] == -gradient[1]);
        assert_near(gradient[1], (gk_real)-expm1(-known[k].loss), FEW_ROUNDINGS);
    }
}

/* The usual forms are as good as their arithmetic: absolutely. */
static void test_forms_agree(void **state)
{
    static gk_real exact[ROWS * C];
    double expected[ROWS];

    (void)state;
    fill_rows(10);
    run(GK_LOSS_EXACT, 1);
    memcpy(exact, d, sizeof d);
    memcpy(expected, loss, sizeof loss);
    run(GK_LOSS_F64, 1);
    assert_error(error_of(d, exact, ROWS * C), 2 * FEW_ROUNDINGS);
    for (int i = 0; i < ROWS; i++) assert_true(fabs(loss[i] - expected[i]) <= 1e-14);
    run(GK_LOSS_F32, 1);
    assert_error(error_of(d, exact, ROWS * C), 40 * (double)FLT_EPSILON);
    for (int i = 0; i < ROWS; i++)
        assert_true(fabs(loss[i] - expected[i]) <= 40 * (double)FLT_EPSILON);
}

/* What the float form is there to reproduce: its arithmetic is float in every build, and an example
 * with a loss below 6e-8 is absorbed: no loss, no pull on the label, but a push on the others. */
static void test_f32_absorbs(void **state)
{
    (void)state;
    fill_rows(1);
    for (int i = 0; i < ROWS; i++) x[i * C + label[i]] = 26;
    run(GK_LOSS_F32, 1.0 / 3830);
    for (int i = 0; i < ROWS; i++) {
        assert_true(loss[i] == 0 && d[i * C + label[i]] == 0);
        assert_true(d[i * C + (label[i] + 1) % C] > 0);
    }
    run(GK_LOSS_F64, 1.0 / 3830);
    for (int i = 0; i < ROWS; i++) assert_true(loss[i] > 1e-10 && d[i * C + label[i]] < 0);
    fill_rows(5);
    run(GK_LOSS_F32, 1.0 / 3830);
    for (int i = 0; i < ROWS; i++) assert_true(loss[i] == (double)(float)loss[i]);
    for (int i = 0; i < ROWS * C; i++) assert_true(d[i] == (gk_real)(float)d[i]);
}

/* Adding one number to all logits of a row (exactly, in both precisions) changes nothing. */
static void test_shift(void **state)
{
    (void)state;
    for (int form = GK_LOSS_EXACT; form <= GK_LOSS_F32; form++) {
        double before[ROWS];

        fill_rows(1);
        for (int i = 0; i < ROWS * C; i++) x[i] = (gk_real)(floor(x[i] * 1024) / 64);
        run(form, 1);
        memcpy(before, loss, sizeof loss);
        for (int i = 0; i < ROWS * C; i++) x[i] += (gk_real)(i / C * 16 - 512);
        run(form, 1);
        assert_memory_equal(before, loss, sizeof loss);
    }
}

/* The first among equals hits, the last does not; a NaN anywhere: no hit, and a NaN loss. */
static void test_hits(void **state)
{
    enum { N = 5 };
    const gk_real inf = (gk_real)INFINITY, nan = (gk_real)NAN;
    const gk_real rows[][N] = {{0, 1, 2, 3, 4},      {4, 1, 4, 3, 4},   {1, 4, 4, 0, 0},
                               {2, 2, 2, 2, 2},      {0, 0, 9, nan, 0}, {0, 0, nan, 0, 0},
                               {-inf, 0, 1, -inf, 0}};
    const int labels[] = {4, 0, 2, 0, 2, 2, 2}, expected[] = {1, 1, 0, 1, 0, 0, 1};

    (void)state;
    for (int form = GK_LOSS_EXACT; form <= GK_LOSS_F32; form++) {
        for (int i = 0; i < 7; i++) {
            int32_t t = labels[i];

            be.log_softmax(&be, loss, hit, NULL, rows[i], &t, 1, 1, N, form, 1);
            assert_int_equal(hit[0], expected[i]);
            assert_true(isnan(loss[0]) == (i == 4 || i == 5));
            if (i == 3) assert_near(loss[0], log(N), (double)FLT_EPSILON);
        }
    }
}

/* One class: no loss. Gradient in place of the logits, or none: the same bytes otherwise. */
static void test_places(void **state)
{
    static gk_real separate[ROWS * C];
    double with[ROWS];

    (void)state;
    for (int form = GK_LOSS_EXACT; form <= GK_LOSS_F32; form++) {
        gk_real one = 3, gradient;
        int32_t zero = 0;

        be.log_softmax(&be, loss, hit, &gradient, &one, &zero, 1, 1, 1, form, 1);
        assert_true(loss[0] == 0 && hit[0] == 1 && gradient == 0);
        fill_rows(5);
        run(form, 0.1);
        memcpy(separate, d, sizeof d);
        memcpy(with, loss, sizeof loss);
        be.log_softmax(&be, loss, hit, NULL, x, label, 1, ROWS, C, form, 0.1);
        assert_memory_equal(loss, with, sizeof loss);
        be.log_softmax(&be, loss, hit, x, x, label, 1, ROWS, C, form, 0.1);
        assert_memory_equal(loss, with, sizeof loss);
        assert_memory_equal(x, separate, sizeof x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_form),   cmocka_unit_test(test_exact_form_at_gaps),
        cmocka_unit_test(test_known_values), cmocka_unit_test(test_forms_agree),
        cmocka_unit_test(test_f32_absorbs),  cmocka_unit_test(test_shift),
        cmocka_unit_test(test_hits),         cmocka_unit_test(test_places),
    };

    be = open_ref();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
