/* fft2, and the 8 products of a frequency by way of row_sums, of each backend without an oracle:
 * definitions, theorems, other ways. */
#include "lib/tolerance.h"

#include "gk/changes.h"
#include "gk/fit.h"

#include <stdlib.h>
#include <string.h>

enum { COLS = 3, LARGEST = 113 * 113 * COLS };

static gk_backend be;
static gk_real x[LARGEST], y[LARGEST]; /* (P,Q,COLS) */

/* Of frequency k at a point, without whole turns: these would cost digits. */
static double angle_of(int k, int at, int n) { return 2 * M_PI * (double)(k * at % n) / n; }
static double limit_of(int P, int Q) { return gk_verify_limit(4, P + Q); }
static size_t half_of(int P, int Q) { return (size_t)P * (Q / 2 + 1) * COLS * 2; }

/* The transform of a copy in the backend's memory; caller frees. */
static gk_real *transform(const gk_real *in, int P, int Q)
{
    size_t points = (size_t)P * Q * COLS, half = half_of(P, Q);
    gk_real *from = be.alloc(&be, points * sizeof *in), *to = be.alloc(&be, half * sizeof *to);
    gk_real *out = gk_alloc(half, sizeof *out);

    be.upload(&be, from, in, points * sizeof *in);
    be.fft2(&be, to, from, 1, P, Q, COLS);
    be.download(&be, out, to, half * sizeof *out);
    assert_int_equal(be.sync(&be), GK_OK);
    be.release(&be, from);
    be.release(&be, to);
    return out;
}

/* An impulse of column 1 at (a,b) is a wave there, and nothing in the other columns. */
static void check_impulse(int P, int Q)
{
    int a = P / 3, b = Q / 2;

    memset(x, 0, sizeof x);
    x[((size_t)a * Q + b) * COLS + 1] = 1;
    gk_real *out = transform(x, P, Q), *at = out;
    for (int i = 0; i < P; i++) {
        for (int j = 0; j <= Q / 2; j++, at += 2 * COLS) {
            double angle = angle_of(i, a, P) + angle_of(j, b, Q);

            assert_true(at[0] == 0 && at[1] == 0 && at[4] == 0 && at[5] == 0);
            assert_true(fabs(at[2] - cos(angle)) <= limit_of(P, Q));
            assert_true(fabs(at[3] + sin(angle)) <= limit_of(P, Q));
        }
    }
    free(out);
}

static void check_linearity(int P, int Q)
{
    size_t points = (size_t)P * Q * COLS, half = half_of(P, Q);

    fill(x, points, 1, 1);
    fill(y, points, 1, 2);
    gk_real *of_x = transform(x, P, Q), *of_y = transform(y, P, Q);
    for (size_t i = 0; i < points; i++) x[i] += 2 * y[i];
    gk_real *of_both = transform(x, P, Q);
    for (size_t i = 0; i < half; i++) of_x[i] += 2 * of_y[i];
    assert_error(error_of(of_both, of_x, half), limit_of(P, Q));
    free(of_x), free(of_y), free(of_both);
}

/* y[a,b] = x[a-1,b-2] turns coefficient (i,j) by i / P + 2 j / Q. */
static void check_shift(int P, int Q)
{
    size_t half = half_of(P, Q), n = COLS;

    fill(x, (size_t)P * Q * n, 1, 3);
    for (int a = 0; a < P; a++) {
        for (int b = 0; b < Q; b++)
            memcpy(y + ((size_t)((a + 1) % P) * Q + (b + 2) % Q) * n, x + ((size_t)a * Q + b) * n,
                   n * sizeof *x);
    }
    gk_real *of_x = transform(x, P, Q), *of_y = transform(y, P, Q);
    for (size_t at = 0; at < half; at += 2) {
        int j = (int)(at / (2 * n)) % (Q / 2 + 1), i = (int)(at / (2 * n)) / (Q / 2 + 1);
        double angle = -angle_of(i, 1, P) - angle_of(j, 2, Q);
        double re = of_x[at], im = of_x[at + 1];

        of_x[at] = (gk_real)(re * cos(angle) - im * sin(angle));
        of_x[at + 1] = (gk_real)(re * sin(angle) + im * cos(angle));
    }
    assert_error(error_of(of_y, of_x, half), limit_of(P, Q));
    free(of_x), free(of_y);
}

/* The squares of all coefficients, those that are not stored too: P Q times those of the points. */
static void check_parseval(int P, int Q)
{
    size_t points = (size_t)P * Q * COLS, half = half_of(P, Q);
    double before = 0, after = 0;

    fill(x, points, 1, 4);
    gk_real *out = transform(x, P, Q);
    for (size_t i = 0; i < points; i++) before += (double)x[i] * x[i];
    for (size_t i = 0; i < half; i++) {
        size_t j = i / (2 * COLS) % (Q / 2 + 1);

        after += (double)out[i] * out[i] * (j == 0 || 2 * (int)j == Q ? 1 : 2);
    }
    assert_near(after, before * P * Q, limit_of(P, Q));
    free(out);
}

/* The double sum of the definition, at some of the frequencies. */
static void check_definition(int P, int Q)
{
    double scale = sqrt((double)P * Q); /* of a coefficient */

    fill(x, (size_t)P * Q * COLS, 1, 5);
    gk_real *out = transform(x, P, Q);
    for (int i = 0; i < P; i += 1 + P / 9) {
        for (int j = Q / 2; j >= 0; j -= 1 + Q / 9) {
            double re = 0, im = 0;

            for (int a = 0; a < P; a++) {
                for (int b = 0; b < Q; b++) {
                    double angle = angle_of(i, a, P) + angle_of(j, b, Q);
                    re += x[((size_t)a * Q + b) * COLS + 2] * cos(angle);
                    im -= x[((size_t)a * Q + b) * COLS + 2] * sin(angle);
                }
            }
            const gk_real *at = out + (((size_t)i * (Q / 2 + 1) + j) * COLS + 2) * 2;
            assert_true(fabs(at[0] - re) <= limit_of(P, Q) * scale);
            assert_true(fabs(at[1] - im) <= limit_of(P, Q) * scale);
        }
    }
    free(out);
}

/* value (p) of 1, cos or sin of frequency k, of unit norm; false: there is no such sine */
static bool wave(double *value, int part, int k, int P)
{
    double square = 0;

    if (part == 2 && 2 * k == P) return false;
    for (int a = 0; a < P; a++) {
        value[a] = part == 0 ? 1 : part == 1 ? cos(angle_of(k, a, P)) : sin(angle_of(k, a, P));
        square += value[a] * value[a];
    }
    for (int a = 0; a < P; a++) value[a] /= sqrt(square);
    return true;
}

/* Squares of the projections of column c on the products of {1, cos, sin}(k a), {1, cos, sin}(k b)
 * without 1 x 1. */
static double projected(int c, int k, int P)
{
    double u[113], v[113], power = 0;

    for (int product = 1; product < 9; product++) {
        double dot = 0;

        if (!wave(u, product / 3, k, P) || !wave(v, product % 3, k, P)) continue;
        for (int a = 0; a < P; a++) {
            for (int b = 0; b < P; b++) dot += x[((size_t)a * P + b) * COLS + c] * u[a] * v[b];
        }
        power += dot * dot;
    }
    return power;
}

/* hat (4,W,COLS) of x, and its moments. */
static void sum_up(double *hat, double *moments, int P, int W)
{
    int points = P * P, E = P, entries = 4 * P * COLS;
    gk_real *in = be.alloc(&be, (size_t)points * COLS * sizeof *in), host[4 * 113 * COLS];
    gk_real *sum = be.alloc(&be, (size_t)entries * sizeof *sum);
    double *both = be.alloc(&be, 2 * COLS * sizeof *both), *basis = gk_alloc(P * W, sizeof *basis);
    int32_t *torus = gk_alloc(4 * (size_t)points, sizeof *torus);
    int32_t *index = be.alloc(&be, 4 * (size_t)points * sizeof *index);

    for (int i = 0; i < points; i++) {
        int u = i / P, v = i % P, at[] = {u, v, (u + v) % P, (u - v + P) % P};
        for (int t = 0; t < 4; t++) torus[4 * i + t] = at[t];
    }
    be.upload(&be, in, x, (size_t)points * COLS * sizeof *in);
    be.upload(&be, index, torus, 4 * (size_t)points * sizeof *index);
    be.row_sums(&be, sum, both, in, index, 1, points, 4, E, COLS, 0);
    be.download(&be, host, sum, (size_t)entries * sizeof *host);
    be.download(&be, moments, both, 2 * COLS * sizeof *moments);
    gk_characters(basis, P);
    for (int i = 0; i < 4 * W * COLS; i++) hat[i] = 0;
    for (int i = 0; i < entries; i++) {
        int c = i % COLS, at = i / COLS % P, t = i / COLS / P;
        for (int j = 0; j < W; j++)
            hat[(t * W + j) * COLS + c] += host[i] * (j < W - 1 ? basis[at * (W - 1) + j] : 1);
    }
    be.release(&be, in), be.release(&be, sum), be.release(&be, both), be.release(&be, index);
    free(torus), free(basis);
}

/* Of each frequency: the power of the fit by cos and sin of k u, k v, k (u + v), k (u - v) is that
 * of the projections on the products. */
static void check_terms(int P)
{
    gk_lens lens = {.P = P, .W = P / 2 * 2 + 1};
    int W = lens.W;
    double hat[4 * 113 * COLS], moments[2 * COLS];
    gk_polynomial p;

    fill(x, (size_t)P * P * COLS, 1, 6);
    sum_up(hat, moments, P, W);
    for (int k = 1; k <= P / 2; k++) {
        gk_polynomial_fit(&p, &lens, hat, &k, 1, COLS);
        assert_int_equal(p.m, 3);
        for (int c = 0; c < COLS; c++) {
            double power = 0, centred = moments[COLS + c] - moments[c] * moments[c] / P / P;

            for (int i = 0; i < 12; i++) {
                double coef = p.coef[i * COLS + c];
                power += coef * hat[(i / 3 * W + p.column[i % 3]) * COLS + c];
                if (i % 3 == 2) assert_true(coef == 0); /* the constant is the caller's */
            }
            assert_true(fabs(power - projected(c, k, P)) <= 2 * limit_of(P, P) * centred);
        }
        gk_polynomial_free(&p);
    }
}

static void test_backend(void **state)
{
    static const int size[][2] = {{7, 7}, {12, 12}, {97, 97}, {113, 113}, {1, 5}, {9, 4}, {4, 17}};

    (void)state;
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        int P = size[i][0], Q = size[i][1];

        print_message("%s: %d x %d\n", be.name, P, Q);
        check_impulse(P, Q);
        check_linearity(P, Q);
        check_shift(P, Q);
        check_parseval(P, Q);
        check_definition(P, Q);
        if (P == Q) check_terms(P);
    }
    check_terms(2);
    check_terms(3);
}

/* What stands in one column does not reach another, however large it is. */
static void test_columns_are_apart(void **state)
{
    (void)state;
    for (int P = 12; P <= 13; P++) {
        size_t points = (size_t)P * P;

        fill(x, points * COLS, 1, 7);
        for (size_t i = 0; i < points; i++) x[i * COLS + 1] = 0;
        gk_real *out = transform(x, P, P);
        for (size_t i = 2; i < half_of(P, P); i += 2 * COLS)
            assert_true(out[i] == 0 && out[i + 1] == 0);
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backend),
        cmocka_unit_test(test_columns_are_apart),
    };
    int failed = 0;

    for (int i = 0; gk_backend_name(i, NULL); i++) {
        const char *name = gk_backend_name(i, NULL);

        if (gk_backend_open(&be, name, NULL) != GK_OK) {
            print_message("skipped: %s: %s\n", name, gk_message());
            continue;
        }
        failed += cmocka_run_group_tests_name(name, tests, NULL, NULL);
        gk_backend_close(&be);
    }
    return failed;
}
