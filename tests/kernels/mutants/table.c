/* Bugs of the table plan. */
#include "kernels/mutants/mutants.h"

MUTANT(table_build_forgets_b_out, table_build)
{
    gk_table x = *t;

    x.weight.b_out = NULL;
    ref.table_build(be, &x);
}

MUTANT(table_build_scores_position_0_twice, table_build)
{
    size_t half = (size_t)t->N * t->H;

    ref.table_build(be, t);
    for (int r = 0; r < t->R; r++) {
        gk_real *score = t->table.score + 2 * r * half;
        memcpy(score + half, score, half * sizeof *score);
    }
}

MUTANT(table_build_takes_run_0, table_build)
{
    ref.table_build(be, t);
    for (size_t r = 1, n = (size_t)t->F + t->rest; r < (size_t)t->R; r++)
        memcpy(t->table.base + r * n, t->table.base, n * sizeof *t->table.base);
}

MUTANT(table_rows_shifts_only_once, table_rows)
{
    size_t half = (size_t)t->H * (t->F + t->rest), n = 2 * half * t->R;
    gk_table x = *t;

    x.table.shift = copy(t->table.shift, n * sizeof *pre);
    for (size_t i = 0; i < n; i++)
        if (i / half % 2) x.table.shift[i] = 0;
    ref.table_rows(be, pre, rest, prob, &x, token, B);
    free(x.table.shift);
}

MUTANT(table_rows_attends_to_two, table_rows)
{
    gk_table x = *t;

    x.table.score_eq = gk_alloc((size_t)t->R * t->H, sizeof *pre);
    for (int i = 0; i < t->R * t->H; i++) x.table.score_eq[i] = -100;
    ref.table_rows(be, pre, rest, prob, &x, token, B);
    free(x.table.score_eq);
}

MUTANT(table_pairs_loses_the_last, table_pairs)
{
    gk_pairs x = *pairs;

    x.label = copy(pairs->label, (size_t)t->R * pairs->B * sizeof *x.label);
    for (int r = 0; r < t->R; r++) {
        int32_t *last = (int32_t *)x.label + (size_t)(r + 1) * pairs->B - 1;
        *last = (*last + 1) % t->C;
    }
    ref.table_pairs(be, row_loss, row_hit, t, &x, form, scale);
    free((void *)x.label);
}

/* The first hidden unit of each run passes its gradient on whether it is on or not. */
MUTANT(table_pairs_forgets_a_mask, table_pairs)
{
    size_t W = (size_t)t->F + t->rest, n = t->R * W;
    gk_table x = *t;
    gk_real *d_base = gk_alloc(n, sizeof *d_base);

    x.table.base = copy(t->table.base, n * sizeof *x.table.base);
    for (size_t i = 0; i < n; i += W) x.table.base[i] += 100;
    ref.table_pairs(be, row_loss, row_hit, &x, pairs, form, scale);
    memcpy(d_base, t->d_table.base, n * sizeof *d_base);
    ref.table_pairs(be, row_loss, row_hit, t, pairs, form, scale);
    for (size_t i = 0; i < n; i += W) t->d_table.base[i] = d_base[i];
    free(x.table.base);
    free(d_base);
}

MUTANT(table_pairs_moves_no_third_score, table_pairs)
{
    ref.table_pairs(be, row_loss, row_hit, t, pairs, form, scale);
    for (int i = 0; i < t->R * t->H; i++) t->d_table.score_eq[i] = 0;
}

MUTANT(table_pairs_ignores_the_form, table_pairs)
{
    (void)form;
    ref.table_pairs(be, row_loss, row_hit, t, pairs, GK_LOSS_F32, scale);
}

MUTANT(table_pairs_swaps_shifts, table_pairs)
{
    size_t half = (size_t)t->H * (t->F + t->rest), bytes = half * sizeof(gk_real);

    ref.table_pairs(be, row_loss, row_hit, t, pairs, form, scale);
    for (int r = 0; r < t->R; r++) {
        gk_real *shift = t->d_table.shift + 2 * r * half, *first = copy(shift, bytes);
        memcpy(shift, shift + half, bytes);
        memcpy(shift + half, first, bytes);
        free(first);
    }
}

MUTANT(table_back_forgets_the_residual_path, table_back)
{
    gk_table x = *t;

    x.x_eq = gk_alloc((size_t)t->R * t->D, sizeof *x.x_eq);
    ref.table_back(be, &x);
    free(x.x_eq);
}

MUTANT(table_back_gives_positions_one_gradient, table_back)
{
    ref.table_back(be, t);
    for (int r = 0; r < t->R; r++) {
        gk_real *d = t->d_weight.w_pos + (size_t)3 * r * t->D;
        memcpy(d, d + t->D, (size_t)t->D * sizeof *d);
    }
}

MUTANT(table_back_drops_the_key_scale, table_back)
{
    ref.table_back(be, t);
    for (int i = 0; i < t->R * t->D * t->H * t->K; i++)
        t->d_weight.w_k[i] *= (gk_real)(1 + gk_verify_limit(4096, 1));
}
