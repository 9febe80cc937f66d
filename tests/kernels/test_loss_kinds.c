/* The hinge loss and the squared error of ref against PyTorch's numbers; hits, kinks, NaN, places;
 * rows without a label, for every loss. */
#include "lib/tolerance.h"

#include "golden/ops.h"

#include <string.h>

enum { HINGE, SQUARED_ERROR, LOG_SOFTMAX, KINDS };

static gk_backend be;

static void run(int kind, double *loss, uint8_t *hit, gk_real *d, const gk_real *x,
                const int32_t *label, int B, int C, double scale)
{
    if (kind == LOG_SOFTMAX)
        be.log_softmax(&be, loss, hit, d, x, label, 1, B, C, GK_LOSS_EXACT, scale);
    else
        (kind == HINGE ? be.hinge : be.squared_error)(&be, loss, hit, d, x, label, 1, B, C, scale);
}

static void test_golden(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof golden_loss / sizeof *golden_loss; k++) {
        int C = golden_loss[k].C, kind = golden_loss[k].hinge ? HINGE : SQUARED_ERROR, first = 0;
        int32_t label = golden_loss[k].label;
        gk_real x[5], d[5];
        double loss, scale = 0.25;
        uint8_t hit;

        for (int j = 0; j < C; j++) x[j] = (gk_real)golden_loss[k].x[j];
        run(kind, &loss, &hit, d, x, &label, 1, C, scale);
        assert_near(loss, golden_loss[k].loss, 1e-15);
        for (int j = 0; j < C; j++) assert_near(d[j], scale * golden_loss[k].d[j], FEW_ROUNDINGS);
        for (int j = 1; j < C; j++) first = x[j] > x[first] ? j : first;
        assert_int_equal(hit, C == 1 ? (label ? x[0] > 0 : x[0] < 0) : first == label);
    }
}

/* A margin of exactly 0 has no loss and no slope; a logit of 0 is no hit, nor is a tie that another
 * class wins. */
static void test_edges(void **state)
{
    static const struct {
        gk_real x[3];
        int C, label, hit;
        double loss, d[3];
    } rows[] = {
        {{1}, 1, 1, 1, 0, {0}},
        {{-1}, 1, 0, 1, 0, {0}},
        {{0}, 1, 1, 0, 1, {-1}},
        {{0}, 1, 0, 0, 1, {1}},
        {{2, 1, -5}, 3, 0, 1, 0, {0, 0, 0}},
        {{2, 2, -5}, 3, 0, 1, 1 / 3.0, {-1 / 3.0, 1 / 3.0, 0}},
        {{2, 2, -5}, 3, 1, 0, 1 / 3.0, {1 / 3.0, -1 / 3.0, 0}},
        {{1, 1.5, (gk_real)-INFINITY}, 3, 1, 1, 0.5 / 3, {1 / 3.0, -1 / 3.0, 0}},
    };

    (void)state;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        int32_t label = rows[k].label;
        gk_real d[3];
        double loss;
        uint8_t hit;

        run(HINGE, &loss, &hit, d, rows[k].x, &label, 1, rows[k].C, 1);
        assert_near(loss, rows[k].loss, 1e-15);
        assert_int_equal(hit, rows[k].hit);
        for (int j = 0; j < rows[k].C; j++) assert_near(d[j], rows[k].d[j], FEW_ROUNDINGS);
    }
}

/* A NaN is a result: of the loss and of the gradient, and no hit. */
static void test_nan(void **state)
{
    const gk_real nan = (gk_real)NAN, x[2][3] = {{0, nan, 1}, {1, 2, nan}};

    (void)state;
    for (int kind = 0; kind < LOG_SOFTMAX; kind++) {
        for (int C = 1; C <= 3; C += 2) {
            const int32_t label[2] = {1, 1};
            double loss[2];
            uint8_t hit[2];
            gk_real d[2][3] = {{0}};

            run(kind, loss, hit, d[0], C == 1 ? &x[0][1] : x[0], label, C == 1 ? 1 : 2, C, 1);
            assert_true(isnan(loss[0]) && !hit[0] && isnan(d[0][C == 1 ? 0 : 1]));
            if (C > 1) assert_true(isnan(loss[1]) && !hit[1] && isnan(d[1][2]));
        }
    }
}

/* A label of -1: no loss, hit or gradient, whatever the logits are; other rows do not notice. */
static void test_unscored(void **state)
{
    enum { B = 4, MOST = 5 };
    gk_real x[B * MOST], d[B * MOST], all[B * MOST];

    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        for (int C = 1; C <= MOST; C += 2) {
            const int32_t some[B] = {0, -1, 1 % C, -1}, every[B] = {0, 0, 1 % C, 0};
            double loss[B], expected[B];
            uint8_t hit[B], hits[B];

            fill(x, B * MOST, 2, 5);
            run(kind, expected, hits, all, x, every, B, C, 0.5);
            x[C] = (gk_real)NAN;
            run(kind, loss, hit, d, x, some, B, C, 0.5);
            for (int i = 0; i < B; i++) {
                bool scored = some[i] >= 0;

                assert_true(loss[i] == (scored ? expected[i] : 0));
                assert_int_equal(hit[i], scored ? hits[i] : 0);
                for (int j = i * C; j < (i + 1) * C; j++)
                    assert_true(d[j] == (scored ? all[j] : 0));
            }
        }
    }
}

/* Gradient in place of the logits, or none: the same otherwise. */
static void test_places(void **state)
{
    enum { B = 7, MOST = 9 };
    gk_real x[B * MOST], d[B * MOST];
    int32_t label[B];

    (void)state;
    for (int kind = 0; kind < LOG_SOFTMAX; kind++) {
        for (int C = 1; C <= MOST; C += 4) {
            double loss[B], again[B];
            uint8_t hit[B], hits[B];

            fill(x, B * MOST, 2, 6);
            for (int i = 0; i < B; i++) label[i] = i % (C == 1 ? 2 : C);
            run(kind, loss, hit, d, x, label, B, C, 0.5);
            run(kind, again, hits, NULL, x, label, B, C, 0.5);
            assert_memory_equal(again, loss, sizeof loss);
            run(kind, again, hits, x, x, label, B, C, 0.5);
            assert_memory_equal(again, loss, sizeof loss);
            assert_memory_equal(hits, hit, sizeof hit);
            assert_memory_equal(x, d, (size_t)B * C * sizeof *x);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),   cmocka_unit_test(test_edges),  cmocka_unit_test(test_nan),
        cmocka_unit_test(test_unscored), cmocka_unit_test(test_places),
    };

    be = open_ref();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
