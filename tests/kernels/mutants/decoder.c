/* Bugs of the ops of decoders and MLPs. */
#include "kernels/mutants/mutants.h"

MUTANT(layer_norm_swaps_its_numbers, layer_norm)
{
    ref.layer_norm(be, y, stat, x, w, b, R, rows, D);
    for (int i = 0; i < R * rows; i++) {
        gk_real mean = stat[2 * i];

        stat[2 * i] = stat[2 * i + 1];
        stat[2 * i + 1] = mean;
    }
}

MUTANT(layer_norm_takes_run_0, layer_norm)
{
    for (size_t r = 0; r < (size_t)R; r++)
        ref.layer_norm(be, y + r * rows * D, stat + 2 * r * rows, x + r * rows * D, w, b, 1, rows,
                       D);
}

MUTANT(layer_norm_is_unbiased, layer_norm)
{
    ref.layer_norm(be, y, stat, x, w, b, R, rows, D);
    for (int i = 0; i < R * rows * D && D > 1; i++) {
        gk_real shift = b[i / (rows * D) * D + i % D];

        y[i] = shift + (y[i] - shift) * (gk_real)sqrt((D - 1.0) / D);
    }
}

MUTANT(layer_norm_rounds_the_mean, layer_norm)
{
    ref.layer_norm(be, y, stat, x, w, b, R, rows, D);
    for (int i = 0; i < R * rows * D; i++) {
        int row = i / D, at = row / rows * D + i % D;

        y[i] = (x[i] - (float)stat[2 * row]) * stat[2 * row + 1] * w[at] + b[at];
    }
}

MUTANT(layer_norm_back_overwrites, layer_norm_back)
{
    (void)beta;
    ref.layer_norm_back(be, dx, dw, db, dy, x, stat, w, R, rows, D, 0);
}

/* As if the scale did not depend on x. */
MUTANT(layer_norm_back_keeps_the_scale, layer_norm_back)
{
    gk_real *before = copy(dy, (size_t)R * rows * D * sizeof *before);

    ref.layer_norm_back(be, dx, dw, db, dy, x, stat, w, R, rows, D, beta);
    for (int i = 0; i < R * rows; i++) {
        const gk_real *wi = w + i / rows * D;
        double mean = 0;

        for (int d = 0; d < D; d++) mean += (double)before[i * D + d] * wi[d] / D;
        for (int d = 0; d < D; d++)
            dx[i * D + d] = (gk_real)(stat[2 * i + 1] * (before[i * D + d] * wi[d] - mean));
    }
    free(before);
}

MUTANT(layer_norm_back_spoils_dy, layer_norm_back) /* before the columns are summed */
{
    gk_real *none = gk_alloc(2 * (size_t)R * D, sizeof *none);

    ref.layer_norm_back(be, dx, none, none + R * D, dy, x, stat, w, R, rows, D, 0);
    free(none);
    none = gk_alloc((size_t)R * rows * D, sizeof *none);
    ref.layer_norm_back(be, none, dw, db, dy, x, stat, w, R, rows, D, beta);
    free(none);
}

MUTANT(dropout_forgets_the_scale, dropout)
{
    ref.dropout(be, x, slot, R, n, first, site, rate);
    for (size_t i = 0; i < R * n; i++) x[i] *= (gk_real)(1 - rate);
}

MUTANT(dropout_begins_at_0, dropout)
{
    (void)first;
    ref.dropout(be, x, slot, R, n, 0, site, rate);
}

MUTANT(dropout_drops_alike_everywhere, dropout)
{
    (void)site;
    ref.dropout(be, x, slot, R, n, first, 0, rate);
}

MUTANT(dropout_takes_run_0, dropout)
{
    for (size_t r = 0; r < (size_t)R; r++)
        ref.dropout(be, x + r * n, slot, 1, n, first, site, rate);
}

MUTANT(dropout_forgets_high_steps, dropout)
{
    gk_slot *low = copy(slot, R * sizeof *low);

    for (int r = 0; r < R; r++) low[r].step &= 0xffffffff;
    ref.dropout(be, x, low, R, n, first, site, rate);
    free(low);
}

MUTANT(add_noise_stands_still, add_noise)
{
    gk_slot *still = copy(slot, R * sizeof *still);

    for (int r = 0; r < R; r++) still[r].step = 0;
    ref.add_noise(be, out, param, still, tensor, n, R);
    free(still);
}

MUTANT(add_noise_moves_the_frozen, add_noise)
{
    gk_tensor_span *all = copy(tensor, n * sizeof *tensor);

    for (int i = 0; i < n; i++) all[i].lr_scale = 1;
    ref.add_noise(be, out, param, slot, all, n, R);
    free(all);
}

MUTANT(add_noise_repeats_itself, add_noise) /* in every tensor */
{
    for (int i = 0; i < n; i++) ref.add_noise(be, out, param, slot, tensor + i, 1, R);
}

MUTANT(bag_shares_rows, bag)
{
    (void)apart;
    ref.bag(be, x, w, token, R, B, T, D, V, 0);
}

MUTANT(bag_takes_the_mean, bag)
{
    ref.bag(be, x, w, token, R, B, T, D, V, apart);
    for (int i = 0; i < R * B * D; i++) x[i] /= (gk_real)T;
}

MUTANT(bag_back_overwrites, bag_back)
{
    (void)beta;
    ref.bag_back(be, d_w, dx, token, R, B, T, D, V, apart, 0);
}

MUTANT(bag_back_keeps_absent_tokens, bag_back)
{
    size_t size = (size_t)R * (apart ? T : 1) * V * D;
    gk_real *before = copy(d_w, size * sizeof *d_w);

    ref.bag_back(be, d_w, dx, token, R, B, T, D, V, apart, beta);
    for (size_t i = 0; i < size; i++) d_w[i] = d_w[i] == 0 ? before[i] : d_w[i];
    free(before);
}

MUTANT(signs_are_bits, signs)
{
    ref.signs(be, x, token, R, B, T);
    for (int i = 0; i < R * B * T; i++) x[i] = (gk_real)token[i];
}

MUTANT(select_rows_stands_still, select_rows)
{
    gk_slot *still = copy(slot, R * sizeof *still);

    for (int r = 0; r < R; r++) still[r].step = 0;
    ref.select_rows(be, out, pool, index, still, R, B, N, cols, ring);
    free(still);
}

MUTANT(select_rows_takes_run_0, select_rows)
{
    for (size_t r = 0; r < (size_t)R; r++)
        ref.select_rows(be, out + r * B * cols, pool, index + r * ring * B, slot + r, 1, B, N, cols,
                        ring);
}
