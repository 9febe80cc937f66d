/* Trials of the ops that measures are made of: their arrays, and the call. Sizes: cases.c. */
#include "gk/verify.h"
#include "verify/trial.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* As plain sums, a value is a sum of length Q and then one of length P, whose roundings add up like
 * independent ones: c eps sqrt(P + Q) of the largest. An FFT does better: c eps sqrt(log2 PQ). */
void gk_trial_fft2(gk_trial *t)
{
    int P = t->size[0], Q = t->size[1], cols = t->size[2];
    gk_trial_layout half = gk_trial_layout_flat((size_t)P * (Q / 2 + 1) * cols * 2);
    gk_real *out = gk_trial_out(t, half, 0, gk_verify_limit(2, P + Q));
    const gk_real *in = gk_trial_in(t, gk_trial_layout_flat((size_t)P * Q * cols), 1);

    while (gk_trial_again(t)) t->be->fft2(t->be, out, in, t->R, P, Q, cols);
}

static const int32_t *ints(gk_trial *t, size_t n, bool shared, gk_fill *fill, double x)
{
    gk_trial_array array = {.element = sizeof(int32_t), .layout = gk_trial_layout_flat(n)};

    array.layout.shared = shared;
    return gk_trial_add(t, array, fill, x);
}

/* 0 .. x - 1, but every seventh is -1: a row that is not scored. */
static void fill_label(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    int32_t label = i % 7 == 4 ? -1 : (int32_t)(u * x);

    (void)t, (void)run;
    memcpy(element, &label, sizeof label);
}

static const uint8_t *groups(gk_trial *t, size_t n, int below)
{
    gk_trial_array array = {.element = 1, .layout = gk_trial_layout_flat(n)};

    return gk_trial_add(t, array, gk_fill_byte, below);
}

/* Doubles that are sums of positive numbers, or of numbers of which few cancel. */
static double *doubles(gk_trial *t, size_t n, int beta, double limit)
{
    gk_trial_array array = {.element = sizeof(double),
                            .layout = gk_trial_layout_flat(n),
                            .compare = GK_COMPARE_NORM,
                            .limit = limit};

    return gk_trial_add(t, array, beta ? gk_fill_double : NULL, 1);
}

void gk_trial_row_sums(gk_trial *t)
{
    int B = t->size[0], T = t->size[1], E = t->size[2], cols = t->size[3], beta = t->size[5];
    size_t n = (size_t)cols;
    gk_real *sum = gk_trial_out(t, gk_trial_layout_flat((size_t)T * E * n), (gk_real)beta,
                                gk_verify_limit(2, 1));
    double *moments = t->size[4] ? doubles(t, 2 * n, beta, 4 * DBL_EPSILON * sqrt(B)) : NULL;
    const gk_real *in = gk_trial_in(t, gk_trial_layout_flat((size_t)B * n), 1);
    const int32_t *index = ints(t, (size_t)B * T, true, gk_fill_int, E);

    while (gk_trial_again(t))
        t->be->row_sums(t->be, sum, moments, in, index, t->R, B, T, E, cols, (gk_real)beta);
}

/* Multiples of x: as many terms to each change. */
static void fill_begin(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    int32_t value = (int32_t)((double)i * x);

    (void)t, (void)run, (void)u;
    memcpy(element, &value, sizeof value);
}

/* Logits and coefficients are up to `spread`, so changed logits up to X = spread (1 + T terms), and
 * rounded by eps X in each of their T terms + 1 additions and in exponents: a relative error of
 * every exponential, so of every loss. Sums of C exponentials in float add eps sqrt(C). */
void gk_trial_changed_losses(gk_trial *t)
{
    const int *s = t->size;
    int B = s[0], C = s[1], G = s[2], V = s[3], T = s[4], E = s[5], terms = s[6], spread = s[7];
    int zeros = s[8] == 2, beta = s[8] == 1, W = terms + 2, M = V * terms;
    double X = spread * (1.0 + T * terms);
    double limit = gk_verify_limit(4 * X, T * terms + 2) + gk_verify_limit(4, C);
    gk_trial_array sums = {.element = sizeof(double),
                           .layout = gk_trial_layout_flat((size_t)V * G),
                           .compare = GK_EACH,
                           .limit = limit,
                           .floor = DBL_MIN};
    double *sum = gk_trial_add(t, sums, beta ? gk_fill_double : NULL, 1);
    const gk_real *logits =
        zeros ? NULL : gk_trial_in(t, gk_trial_layout_flat((size_t)B * C), spread);
    const int32_t *label = ints(t, (size_t)B, false, fill_label, C);
    const uint8_t *group = groups(t, (size_t)B, G + 1);
    const int32_t *index = ints(t, (size_t)B * T, false, gk_fill_int, E);
    gk_trial_layout of_basis = gk_trial_layout_flat((size_t)E * W);
    of_basis.shared = true;
    const gk_real *basis = gk_trial_in(t, of_basis, 1);
    const gk_real *coef = gk_trial_in(t, gk_trial_layout_flat((size_t)T * M * C), spread);
    const int32_t *begin = ints(t, (size_t)V + 1, true, fill_begin, terms);
    const int32_t *column = ints(t, (size_t)M, true, gk_fill_int, W);

    while (gk_trial_again(t))
        t->be->changed_losses(t->be, sum, logits, label, group, index, basis, coef, begin, column,
                              t->R, B, C, G, V, T, E, W, M, beta);
}

/* The first is a whole number, the second a sum of what C numbers up to 1 leave. */
void gk_trial_rounding(gk_trial *t)
{
    int B = t->size[0], C = t->size[1], spread = t->size[2], beta = t->size[3];
    gk_trial_array sums = {.element = sizeof(double),
                           .layout = gk_trial_layout_flat(2),
                           .compare = GK_EACH,
                           .limit = 4 * DBL_EPSILON * C,
                           .floor = 1};
    double *sum = gk_trial_add(t, sums, beta ? gk_fill_double : NULL, 1);
    const gk_real *logits = gk_trial_in(t, gk_trial_layout_flat((size_t)B * C), spread);
    const gk_real *dlogits = gk_trial_in(t, gk_trial_layout_flat((size_t)B * C), 1);
    const int32_t *label = ints(t, (size_t)B, false, fill_label, C);
    const uint8_t *group = groups(t, (size_t)B, 2);

    while (gk_trial_again(t))
        t->be->rounding(t->be, sum, logits, dlogits, label, group, t->R, B, C, beta);
}
