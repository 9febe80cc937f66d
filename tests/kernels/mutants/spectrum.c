/* Bugs of spectra and of the other ops of measures. */
#include "kernels/mutants/mutants.h"

MUTANT(fft2_turns_the_other_way, fft2)
{
    ref.fft2(be, out, in, R, P, Q, cols);
    for (size_t i = 1; i < (size_t)R * P * (Q / 2 + 1) * cols * 2; i += 2) out[i] = -out[i];
}

MUTANT(fft2_normalises, fft2)
{
    ref.fft2(be, out, in, R, P, Q, cols);
    for (size_t i = 0; i < (size_t)R * P * (Q / 2 + 1) * cols * 2; i++) out[i] /= (gk_real)(P * Q);
}

MUTANT(fft2_swaps_P_and_Q, fft2)
{
    gk_real *most = gk_alloc((size_t)R * P * Q * cols * 4, sizeof *most);

    ref.fft2(be, most, in, R, Q, P, cols);
    memcpy(out, most, (size_t)R * P * (Q / 2 + 1) * cols * 2 * sizeof *out);
    free(most);
}

MUTANT(fft2_forgets_the_last_frequency, fft2) /* Q / 2 of an even Q */
{
    int half = Q / 2 + 1;

    ref.fft2(be, out, in, R, P, Q, cols);
    for (size_t i = 0; i < (size_t)R * P * half * cols * 2; i++)
        if (Q % 2 == 0 && (int)(i / (2 * cols) % half) == Q / 2) out[i] = 0;
}

MUTANT(fft2_loses_digits, fft2)
{
    ref.fft2(be, out, in, R, P, Q, cols);
    for (size_t i = 0; i < (size_t)R * P * (Q / 2 + 1) * cols * 2; i++)
        out[i] *= 1 + (gk_real)gk_verify_limit(64, 1);
}

MUTANT(row_sums_overwrites, row_sums)
{
    (void)beta;
    ref.row_sums(be, sum, moments, in, index, R, B, T, E, cols, 0);
}

MUTANT(row_sums_takes_run_0, row_sums)
{
    for (int r = 0; r < R; r++)
        ref.row_sums(be, sum + (size_t)r * T * E * cols, moments ? moments + 2 * r * cols : NULL,
                     in, index, 1, B, T, E, cols, beta);
}

MUTANT(row_sums_reads_one_index, row_sums)
{
    int32_t *first = copy(index, (size_t)B * T * sizeof *first);

    for (int i = 0; i < B * T; i++) first[i] = index[i / T * T];
    ref.row_sums(be, sum, moments, in, first, R, B, T, E, cols, beta);
    free(first);
}

MUTANT(row_sums_squares_in_single, row_sums)
{
    ref.row_sums(be, sum, moments, in, index, R, B, T, E, cols, beta);
    for (int c = 0; moments && c < cols; c++) moments[cols + c] = (float)moments[cols + c];
}

MUTANT(changed_losses_adds_the_change, changed_losses)
{
    size_t n = (size_t)R * T * M * C;
    gk_real *minus = copy(coef, n * sizeof *minus);

    for (size_t i = 0; i < n; i++) minus[i] = -coef[i];
    ref.changed_losses(be, sum, logits, label, group, index, basis, minus, begin, column, R, B, C,
                       G, V, T, E, W, M, beta);
    free(minus);
}

MUTANT(changed_losses_forgets_a_term, changed_losses)
{
    int32_t *less = copy(column, (size_t)M * sizeof *less);

    less[M - 1] = less[0];
    ref.changed_losses(be, sum, logits, label, group, index, basis, coef, begin, less, R, B, C, G,
                       V, T, E, W, M, beta);
    free(less);
}

MUTANT(changed_losses_clamps_groups, changed_losses)
{
    uint8_t *inside = copy(group, (size_t)R * B);

    for (int i = 0; i < R * B; i++) inside[i] = (uint8_t)(inside[i] < G ? inside[i] : G - 1);
    ref.changed_losses(be, sum, logits, label, inside, index, basis, coef, begin, column, R, B, C,
                       G, V, T, E, W, M, beta);
    free(inside);
}

/* With labels of -1 taken for 0. */
static int32_t *scored(const int32_t *label, int n)
{
    int32_t *all = copy(label, (size_t)n * sizeof *all);

    for (int i = 0; i < n; i++) all[i] = all[i] < 0 ? 0 : all[i];
    return all;
}

MUTANT(changed_losses_scores_every_row, changed_losses)
{
    int32_t *all = scored(label, R * B);

    ref.changed_losses(be, sum, logits, all, group, index, basis, coef, begin, column, R, B, C, G,
                       V, T, E, W, M, beta);
    free(all);
}

MUTANT(changed_losses_overwrites, changed_losses)
{
    (void)beta;
    ref.changed_losses(be, sum, logits, label, group, index, basis, coef, begin, column, R, B, C, G,
                       V, T, E, W, M, 0);
}

/* Exponentials of the far ones are lost. */
MUTANT(changed_losses_cuts_logits, changed_losses)
{
    size_t n = (size_t)R * B * C;
    gk_real *near = logits ? copy(logits, n * sizeof *near) : NULL;

    for (size_t i = 0; near && i < n; i++) near[i] = near[i] < -60 ? -60 : near[i];
    ref.changed_losses(be, sum, near, label, group, index, basis, coef, begin, column, R, B, C, G,
                       V, T, E, W, M, beta);
    free(near);
}

MUTANT(rounding_counts_all_groups, rounding)
{
    uint8_t *zero = gk_alloc((size_t)R * B, 1);

    (void)group;
    ref.rounding(be, sum, logits, dlogits, label, zero, R, B, C, beta);
    free(zero);
}

MUTANT(rounding_counts_hits, rounding)
{
    ref.rounding(be, sum, logits, dlogits, label, group, R, B, C, beta);
    for (int i = 0; i < R * B; i++) {
        double largest = -HUGE_VAL;

        for (int c = 0; c < C; c++) largest = fmax(largest, logits[i * C + c]);
        sum[2 * (i / B)] += group[i] == 0 && label[i] >= 0 && logits[i * C + label[i]] >= largest;
    }
}

MUTANT(rounding_adds_up_signs, rounding)
{
    ref.rounding(be, sum, logits, dlogits, label, group, R, B, C, beta);
    for (int i = 0; i < R * B; i++) {
        double total = 0;

        for (int c = 0; c < C; c++) total += dlogits[i * C + c];
        if (group[i] == 0 && label[i] >= 0 && total < 0) sum[2 * (i / B) + 1] += 2 * total;
    }
}

MUTANT(rounding_scores_every_row, rounding)
{
    int32_t *all = scored(label, R * B);

    ref.rounding(be, sum, logits, dlogits, all, group, R, B, C, beta);
    free(all);
}
