/* Trials of the ops that take spectra: their arrays, and the call. Sizes: cases.c. */
#include "gk/verify.h"
#include "trial.h"

#include <float.h>
#include <math.h>

/* As plain sums, a value is a sum of length Q and then one of length P, whose roundings add up like
 * independent ones: c eps sqrt(P + Q) of the largest. An FFT does better: c eps sqrt(log2 PQ). */
void gk_trial_fft2(gk_trial *t)
{
    int P = t->size[0], Q = t->size[1], cols = t->size[2];
    gk_layout half = gk_layout_flat((size_t)P * (Q / 2 + 1) * cols * 2);
    gk_real *out = gk_trial_out(t, half, 0, gk_verify_limit(2, P + Q));
    const gk_real *in = gk_trial_in(t, gk_layout_flat((size_t)P * Q * cols), 1);

    while (gk_trial_again(t)) t->be->fft2(t->be, out, in, t->R, P, Q, cols);
}

/* All that is added is positive: no sum is less accurate than its parts. */
void gk_trial_spectrum_terms(gk_trial *t)
{
    int P = t->size[0], cols = t->size[1], half = P / 2 + 1;
    gk_trial_array powers = {.element = sizeof(double),
                             .layout = gk_layout_flat((size_t)cols * half),
                             .compare = GK_EACH,
                             .limit = 4 * DBL_EPSILON * sqrt((double)P * half)};
    double *power = gk_trial_add(t, powers, NULL, 0);
    const gk_real *spectrum = gk_trial_in(t, gk_layout_flat((size_t)P * half * cols * 2), 1);

    while (gk_trial_again(t)) t->be->spectrum_terms(t->be, power, spectrum, t->R, P, cols);
}

void gk_trial_row_squares(gk_trial *t)
{
    int rows = t->size[0], cols = t->size[1], beta = t->size[2];
    gk_trial_array sums = {.element = sizeof(double),
                           .layout = gk_layout_flat(rows),
                           .compare = GK_NORM,
                           .limit = 4 * DBL_EPSILON * sqrt(cols)};
    double *out = gk_trial_add(t, sums, beta ? gk_fill_double : NULL, 1);
    const gk_real *in = gk_trial_in(t, gk_layout_flat((size_t)rows * cols), 1);

    while (gk_trial_again(t)) t->be->row_squares(t->be, out, in, t->R, rows, cols, beta);
}
