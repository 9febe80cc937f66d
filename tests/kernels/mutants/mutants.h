/* Backends with one bug each, for test_verify.c: an op that calls ref's with something wrong. */
#ifndef GK_TEST_MUTANTS_H
#define GK_TEST_MUTANTS_H

#include "lib/tolerance.h"

#include <stdlib.h>
#include <string.h>

static gk_backend ref;

/* MUTANT(name, op, parameters) { body }: the body stands where the op should. */
#define MUTANT(name, op, ...)                                                                      \
    static void name(gk_backend *be, __VA_ARGS__);                                                 \
    static void plant_##name(gk_backend *be) { be->op = name; }                                    \
    static void name(gk_backend *be, __VA_ARGS__)

#define MATMUL                                                                                     \
    gk_real *c, const gk_real *a, const gk_real *b, int R, int m, int n, int k, int ta, int tb,    \
        int lda, int ldb, int ldc, size_t sa, size_t sb, size_t sc, gk_real beta
#define EMBED_BACK                                                                                 \
    gk_real *d_w_e, gk_real *d_w_pos, const gk_real *dx, const int32_t *token, int R, int B,       \
        int T, int D, int V, gk_real beta
#define ATTENTION                                                                                  \
    gk_real *z, gk_real *prob, const gk_real *q, const gk_real *k, const gk_real *v, int R, int B, \
        int Q, int T, int H, int K
#define ATTENTION_BACK                                                                             \
    gk_real *dq, gk_real *dk, gk_real *dv, const gk_real *dz, const gk_real *prob,                 \
        const gk_real *q, const gk_real *k, const gk_real *v, int R, int B, int Q, int T, int H,   \
        int K
#define ADD_ROWS                                                                                   \
    gk_real *out, const gk_real *in, int R, int rows, int cols, int ldo, int ldi, size_t so,       \
        size_t si, gk_real beta
#define BIAS_ACT gk_real *h, gk_real *pre, const gk_real *bias, int R, int rows, int F, int act
#define BIAS_ACT_BACK                                                                              \
    gk_real *dpre, gk_real *d_bias, const gk_real *dh, const gk_real *pre, int R, int rows, int F, \
        int act, gk_real beta
#define LOG_SOFTMAX                                                                                \
    double *row_loss, uint8_t *row_hit, gk_real *dlogits, const gk_real *logits,                   \
        const int32_t *label, int R, int B, int C, int form, double scale
#define GROUP_SUMS                                                                                 \
    double *sum, const double *row_loss, const uint8_t *row_hit, const uint8_t *group, int R,      \
        int B, int G, int beta
#define ADAMW                                                                                      \
    gk_real *param, gk_real *m, gk_real *v, const gk_real *grad, const gk_real *anchor,            \
        const gk_slot *slot, const gk_tensor_span *tensor, int n, int R

/* A copy of n elements that a mutant may spoil. */
static void *copy(const void *from, size_t bytes)
{
    void *to = gk_alloc(bytes, 1);

    return memcpy(to, from, bytes);
}

MUTANT(matmul_forgets_beta, matmul, MATMUL)
{
    (void)beta;
    ref.matmul(be, c, a, b, R, m, n, k, ta, tb, lda, ldb, ldc, sa, sb, sc, 0);
}

MUTANT(matmul_adds_to_nan, matmul, MATMUL)
{
    for (int r = 0; r < R && beta == 0; r++) {
        for (int i = 0; i < m * n; i++) c[r * sc + (size_t)(i / n) * ldc + i % n] *= beta;
    }
    ref.matmul(be, c, a, b, R, m, n, k, ta, tb, lda, ldb, ldc, sa, sb, sc, 1);
}

MUTANT(matmul_fails_at_both_transposed, matmul, MATMUL)
{
    if (ta && tb && k > 1) k--;
    ref.matmul(be, c, a, b, R, m, n, k, ta, tb, lda, ldb, ldc, sa, sb, sc, beta);
}

MUTANT(matmul_ignores_lda, matmul, MATMUL)
{
    lda = ta ? m : k;
    ref.matmul(be, c, a, b, R, m, n, k, ta, tb, lda, ldb, ldc, sa, sb, sc, beta);
}

MUTANT(matmul_shares_b, matmul, MATMUL)
{
    ref.matmul(be, c, a, b, R, m, n, k, ta, tb, lda, ldb, ldc, sa, 0, sc, beta);
    (void)sb;
}

MUTANT(matmul_writes_gaps, matmul, MATMUL)
{
    ref.matmul(be, c, a, b, R, m, n, k, ta, tb, lda, ldb, ldc, sa, sb, sc, beta);
    for (int i = 0; i < m; i++) {
        for (int j = n; j < ldc; j++) c[(size_t)i * ldc + j] = 0;
    }
}

MUTANT(matmul_writes_one_more, matmul, MATMUL)
{
    ref.matmul(be, c, a, b, R, m, n, k, ta, tb, lda, ldb, ldc, sa, sb, sc, beta);
    c[(R - 1) * sc + (size_t)(m - 1) * ldc + n] = 0;
}

MUTANT(matmul_skips_the_last, matmul, MATMUL)
{
    if (n % 2) n--;
    if (n) ref.matmul(be, c, a, b, R, m, n, k, ta, tb, lda, ldb, ldc, sa, sb, sc, beta);
}

MUTANT(matmul_depends_on_R, matmul, MATMUL) /* by one rounding of one element */
{
    ref.matmul(be, c, a, b, R, m, n, k, ta, tb, lda, ldb, ldc, sa, sb, sc, beta);
    if (R > 1) c[0] *= 1 + 2 * (gk_real)gk_verify_limit(1, 1);
}

MUTANT(matmul_in_half_precision, matmul, MATMUL)
{
    ref.matmul(be, c, a, b, R, m, n, k, ta, tb, lda, ldb, ldc, sa, sb, sc, beta);
    for (int i = 0; i < m; i++) c[(size_t)i * ldc] *= 1 + (gk_real)gk_verify_limit(4096, 1);
}

MUTANT(add_rows_overwrites, add_rows, ADD_ROWS)
{
    (void)beta;
    ref.add_rows(be, out, in, R, rows, cols, ldo, ldi, so, si, 0);
}

MUTANT(embed_forgets_positions, embed, gk_real *x, const gk_real *w_e, const gk_real *w_pos,
       const int32_t *token, int R, int B, int T, int D, int V)
{
    gk_real *zero = gk_alloc((size_t)R * T * D, sizeof *zero);

    (void)w_pos;
    ref.embed(be, x, w_e, zero, token, R, B, T, D, V);
    free(zero);
}

MUTANT(embed_back_keeps_absent_tokens, embed_back, EMBED_BACK)
{
    size_t bytes = (size_t)V * D * sizeof *d_w_e;
    gk_real *before = copy(d_w_e, bytes);

    ref.embed_back(be, d_w_e, d_w_pos, dx, token, R, B, T, D, V, beta);
    for (int i = 0; i < V * D; i++) d_w_e[i] = d_w_e[i] == 0 ? before[i] : d_w_e[i];
    free(before);
}

MUTANT(embed_back_loses_an_example, embed_back, EMBED_BACK)
{
    size_t n = (size_t)R * B * T * D;
    gk_real *less = copy(dx, n * sizeof *less);

    for (int d = 0; d < D; d++) less[n - 1 - d] = 0;
    ref.embed_back(be, d_w_e, d_w_pos, less, token, R, B, T, D, V, beta);
    free(less);
}

MUTANT(attention_scales_twice, attention, ATTENTION)
{
    gk_real *scaled = copy(q, (size_t)R * B * Q * H * K * sizeof *q);

    for (int i = 0; i < R * B * Q * H * K; i++) scaled[i] /= (gk_real)sqrt(K);
    ref.attention(be, z, prob, scaled, k, v, R, B, Q, T, H, K);
    free(scaled);
}

MUTANT(attention_leaves_the_future, attention, ATTENTION)
{
    ref.attention(be, z, prob, q, k, v, R, B, Q, T, H, K);
    for (int i = 0; i < R * B * H * Q * T; i++) prob[i] = prob[i] == 0 ? (gk_real)NAN : prob[i];
}

MUTANT(attention_back_mixes_k_and_v, attention_back, ATTENTION_BACK)
{
    ref.attention_back(be, dq, dv, dk, dz, prob, q, k, v, R, B, Q, T, H, K);
}

MUTANT(bias_act_acts_first, bias_act, BIAS_ACT)
{
    ref.bias_act(be, h, pre, NULL, R, rows, F, act);
    if (bias) ref.bias_add(be, pre, bias, R, rows, F);
}

MUTANT(bias_act_confuses_gelus, bias_act, BIAS_ACT)
{
    ref.bias_act(be, h, pre, bias, R, rows, F, act == GK_GELU ? GK_GELU_ERF : act);
}

MUTANT(relu_slopes_at_zero, bias_act_back, BIAS_ACT_BACK)
{
    gk_real *above = copy(pre, (size_t)R * rows * F * sizeof *pre);

    for (int i = 0; i < R * rows * F; i++) above[i] = above[i] == 0 ? (gk_real)1e-9 : above[i];
    ref.bias_act_back(be, dpre, d_bias, dh, above, R, rows, F, act, beta);
    free(above);
}

MUTANT(bias_act_back_overwrites, bias_act_back, BIAS_ACT_BACK)
{
    (void)beta;
    ref.bias_act_back(be, dpre, d_bias, dh, pre, R, rows, F, act, 0);
}

MUTANT(bias_add_takes_run_0, bias_add, gk_real *x, const gk_real *bias, int R, int rows, int D)
{
    for (int r = 0; r < R; r++) ref.bias_add(be, x + (size_t)r * rows * D, bias, 1, rows, D);
}

MUTANT(bias_add_back_halves, bias_add_back, gk_real *d_bias, const gk_real *dx, int R, int rows,
       int D, gk_real beta)
{
    ref.bias_add_back(be, d_bias, dx, R, rows, D, beta);
    d_bias[0] /= 2;
}

MUTANT(exact_loss_is_not, log_softmax, LOG_SOFTMAX)
{
    if (form == GK_LOSS_EXACT) form = sizeof(gk_real) == 4 ? GK_LOSS_F32 : GK_LOSS_F64;
    ref.log_softmax(be, row_loss, row_hit, dlogits, logits, label, R, B, C, form, scale);
}

MUTANT(f64_loss_is_f32, log_softmax, LOG_SOFTMAX)
{
    if (form == GK_LOSS_F64) form = GK_LOSS_F32;
    ref.log_softmax(be, row_loss, row_hit, dlogits, logits, label, R, B, C, form, scale);
}

MUTANT(ties_are_hits, log_softmax, LOG_SOFTMAX)
{
    gk_real *x = copy(logits, (size_t)R * B * C * sizeof *x); /* dlogits may be logits */

    ref.log_softmax(be, row_loss, row_hit, dlogits, logits, label, R, B, C, form, scale);
    for (int i = 0; i < R * B; i++) {
        row_hit[i] = 1;
        for (int j = 0; j < C; j++) row_hit[i] &= x[i * C + j] <= x[i * C + label[i]];
    }
    free(x);
}

MUTANT(group_sums_clamps_groups, group_sums, GROUP_SUMS)
{
    uint8_t *inside = group ? copy(group, (size_t)R * B) : NULL;

    for (int i = 0; inside && i < R * B; i++)
        inside[i] = (uint8_t)(inside[i] < G ? inside[i] : G - 1);
    ref.group_sums(be, sum, row_loss, row_hit, inside, R, B, G, beta);
    free(inside);
}

MUTANT(tick_advances_the_inactive, tick, gk_slot *slot, const double *sum, int R, double rows)
{
    ref.tick(be, slot, sum, R, rows);
    for (int r = 0; r < R; r++) slot[r].step += !slot[r].active;
}

MUTANT(tick_forgets_nan, tick, gk_slot *slot, const double *sum, int R, double rows)
{
    double before = slot[0].loss_max;

    ref.tick(be, slot, sum, R, rows);
    slot[0].loss_max = fmax(before, slot[0].loss);
}

MUTANT(tick_warms_up_one_early, tick, gk_slot *slot, const double *sum, int R, double rows)
{
    ref.tick(be, slot, sum, R, rows);
    slot[0].lr_now += slot[0].lr_now < slot[0].lr ? slot[0].lr / (double)slot[0].warmup : 0;
}

#include "kernels/mutants/decoder.h"
#include "kernels/mutants/spectrum.h"
#include "kernels/mutants/table.h"
#include "kernels/mutants/update.h"

/* All of them. */
static const struct {
    const char *name, *op;
    void (*plant)(gk_backend *be);
} mutants[] = {
#define M(name, op)                                                                                \
    {                                                                                              \
#name, #op, plant_##name                                                                   \
    }
    M(matmul_forgets_beta, matmul),
    M(matmul_adds_to_nan, matmul),
    M(matmul_fails_at_both_transposed, matmul),
    M(matmul_ignores_lda, matmul),
    M(matmul_shares_b, matmul),
    M(matmul_writes_gaps, matmul),
    M(matmul_writes_one_more, matmul),
    M(matmul_skips_the_last, matmul),
    M(matmul_depends_on_R, matmul),
    M(matmul_in_half_precision, matmul),
    M(add_rows_overwrites, add_rows),
    M(embed_forgets_positions, embed),
    M(embed_back_keeps_absent_tokens, embed_back),
    M(embed_back_loses_an_example, embed_back),
    M(attention_scales_twice, attention),
    M(attention_leaves_the_future, attention),
    M(attention_back_mixes_k_and_v, attention_back),
    M(bias_act_acts_first, bias_act),
    M(bias_act_confuses_gelus, bias_act),
    M(relu_slopes_at_zero, bias_act_back),
    M(bias_act_back_overwrites, bias_act_back),
    M(bias_add_takes_run_0, bias_add),
    M(bias_add_back_halves, bias_add_back),
    M(exact_loss_is_not, log_softmax),
    M(f64_loss_is_f32, log_softmax),
    M(ties_are_hits, log_softmax),
    M(group_sums_clamps_groups, group_sums),
    M(tick_advances_the_inactive, tick),
    M(tick_forgets_nan, tick),
    M(tick_warms_up_one_early, tick),
    M(adamw_moves_the_inactive, adamw),
    M(adamw_decouples_l2, adamw),
    M(adamw_drops_eps, adamw),
    M(adamw_does_not_correct, adamw),
    M(adamw_spoils_gradients, adamw),
    M(adamw_moves_the_frozen, adamw),
    M(layer_norm_swaps_its_numbers, layer_norm),
    M(layer_norm_takes_run_0, layer_norm),
    M(layer_norm_is_unbiased, layer_norm),
    M(layer_norm_rounds_the_mean, layer_norm),
    M(layer_norm_back_overwrites, layer_norm_back),
    M(layer_norm_back_keeps_the_scale, layer_norm_back),
    M(layer_norm_back_spoils_dy, layer_norm_back),
    M(dropout_forgets_the_scale, dropout),
    M(dropout_begins_at_0, dropout),
    M(dropout_drops_alike_everywhere, dropout),
    M(dropout_takes_run_0, dropout),
    M(dropout_forgets_high_steps, dropout),
    M(add_noise_stands_still, add_noise),
    M(add_noise_moves_the_frozen, add_noise),
    M(add_noise_repeats_itself, add_noise),
    M(bag_shares_rows, bag),
    M(bag_takes_the_mean, bag),
    M(bag_back_overwrites, bag_back),
    M(bag_back_keeps_absent_tokens, bag_back),
    M(signs_are_bits, signs),
    M(select_rows_stands_still, select_rows),
    M(select_rows_takes_run_0, select_rows),
    M(fft2_turns_the_other_way, fft2),
    M(fft2_normalises, fft2),
    M(fft2_swaps_P_and_Q, fft2),
    M(fft2_forgets_the_last_frequency, fft2),
    M(fft2_loses_digits, fft2),
    M(row_sums_overwrites, row_sums),
    M(row_sums_takes_run_0, row_sums),
    M(row_sums_reads_one_index, row_sums),
    M(row_sums_squares_in_single, row_sums),
    M(changed_losses_adds_the_change, changed_losses),
    M(changed_losses_forgets_a_term, changed_losses),
    M(changed_losses_clamps_groups, changed_losses),
    M(changed_losses_scores_every_row, changed_losses),
    M(changed_losses_overwrites, changed_losses),
    M(changed_losses_cuts_logits, changed_losses),
    M(rounding_counts_all_groups, rounding),
    M(rounding_counts_hits, rounding),
    M(rounding_adds_up_signs, rounding),
    M(rounding_scores_every_row, rounding),
    M(table_build_forgets_b_out, table_build),
    M(table_build_scores_position_0_twice, table_build),
    M(table_build_takes_run_0, table_build),
    M(table_rows_shifts_only_once, table_rows),
    M(table_rows_attends_to_two, table_rows),
    M(table_pairs_loses_the_last, table_pairs),
    M(table_pairs_forgets_a_mask, table_pairs),
    M(table_pairs_moves_no_third_score, table_pairs),
    M(table_pairs_ignores_the_form, table_pairs),
    M(table_pairs_swaps_shifts, table_pairs),
    M(table_back_forgets_the_residual_path, table_back),
    M(table_back_gives_positions_one_gradient, table_back),
    M(table_back_drops_the_key_scale, table_back),
    M(log_softmax_scores_every_row, log_softmax),
    M(log_softmax_leaves_gradients, log_softmax),
    M(hinge_slopes_at_the_kink, hinge),
    M(hinge_leaves_out_the_label, hinge),
    M(hinge_hits_at_zero, hinge),
    M(squared_error_aims_at_zero, squared_error),
    M(squared_error_halves, squared_error),
    M(adamw_forgets_the_anchor, adamw),
    M(sgd_forgets_the_anchor, sgd),
    M(sgd_forgets_momentum, sgd),
    M(sgd_does_not_warm_up, sgd),
    M(sgd_moves_the_inactive, sgd),
    M(attention_cuts_long_contexts, attention),
    M(attention_back_loses_a_query, attention_back),
#undef M
};

#endif
