/* Bugs of the ops that a transformer is made of. */
#include "kernels/mutants/mutants.h"

MUTANT(matmul_forgets_beta, matmul)
{
    (void)beta;
    ref.matmul(be, c, a, b, R, m, n, k, ta, tb, lda, ldb, ldc, sa, sb, sc, 0);
}

MUTANT(matmul_adds_to_nan, matmul)
{
    for (int r = 0; r < R && beta == 0; r++) {
        for (int i = 0; i < m * n; i++) c[r * sc + (size_t)(i / n) * ldc + i % n] *= beta;
    }
    ref.matmul(be, c, a, b, R, m, n, k, ta, tb, lda, ldb, ldc, sa, sb, sc, 1);
}

MUTANT(matmul_fails_at_both_transposed, matmul)
{
    if (ta && tb && k > 1) k--;
    ref.matmul(be, c, a, b, R, m, n, k, ta, tb, lda, ldb, ldc, sa, sb, sc, beta);
}

MUTANT(matmul_ignores_lda, matmul)
{
    lda = ta ? m : k;
    ref.matmul(be, c, a, b, R, m, n, k, ta, tb, lda, ldb, ldc, sa, sb, sc, beta);
}

MUTANT(matmul_shares_b, matmul)
{
    ref.matmul(be, c, a, b, R, m, n, k, ta, tb, lda, ldb, ldc, sa, 0, sc, beta);
    (void)sb;
}

MUTANT(matmul_writes_gaps, matmul)
{
    ref.matmul(be, c, a, b, R, m, n, k, ta, tb, lda, ldb, ldc, sa, sb, sc, beta);
    for (int i = 0; i < m; i++) {
        for (int j = n; j < ldc; j++) c[(size_t)i * ldc + j] = 0;
    }
}

MUTANT(matmul_writes_one_more, matmul)
{
    ref.matmul(be, c, a, b, R, m, n, k, ta, tb, lda, ldb, ldc, sa, sb, sc, beta);
    c[(R - 1) * sc + (size_t)(m - 1) * ldc + n] = 0;
}

MUTANT(matmul_skips_the_last, matmul)
{
    if (n % 2) n--;
    if (n) ref.matmul(be, c, a, b, R, m, n, k, ta, tb, lda, ldb, ldc, sa, sb, sc, beta);
}

MUTANT(matmul_depends_on_R, matmul) /* by one rounding of one element */
{
    ref.matmul(be, c, a, b, R, m, n, k, ta, tb, lda, ldb, ldc, sa, sb, sc, beta);
    if (R > 1) c[0] *= 1 + 2 * (gk_real)gk_verify_limit(1, 1);
}

MUTANT(matmul_in_half_precision, matmul)
{
    ref.matmul(be, c, a, b, R, m, n, k, ta, tb, lda, ldb, ldc, sa, sb, sc, beta);
    for (int i = 0; i < m; i++) c[(size_t)i * ldc] *= 1 + (gk_real)gk_verify_limit(4096, 1);
}

MUTANT(add_rows_overwrites, add_rows)
{
    (void)beta;
    ref.add_rows(be, out, in, R, rows, cols, ldo, ldi, so, si, 0);
}

MUTANT(embed_forgets_positions, embed)
{
    gk_real *zero = gk_alloc((size_t)R * T * D, sizeof *zero);

    (void)w_pos;
    ref.embed(be, x, w_e, zero, token, R, B, T, D, V);
    free(zero);
}

MUTANT(embed_back_keeps_absent_tokens, embed_back)
{
    size_t bytes = (size_t)V * D * sizeof *d_w_e;
    gk_real *before = copy(d_w_e, bytes);

    ref.embed_back(be, d_w_e, d_w_pos, dx, token, R, B, T, D, V, beta);
    for (int i = 0; i < V * D; i++) d_w_e[i] = d_w_e[i] == 0 ? before[i] : d_w_e[i];
    free(before);
}

MUTANT(embed_back_loses_an_example, embed_back)
{
    size_t n = (size_t)R * B * T * D;
    gk_real *less = copy(dx, n * sizeof *less);

    for (int d = 0; d < D; d++) less[n - 1 - d] = 0;
    ref.embed_back(be, d_w_e, d_w_pos, less, token, R, B, T, D, V, beta);
    free(less);
}

MUTANT(attention_scales_twice, attention)
{
    gk_real *scaled = copy(q, (size_t)R * B * Q * H * K * sizeof *q);

    for (int i = 0; i < R * B * Q * H * K; i++) scaled[i] /= (gk_real)sqrt(K);
    ref.attention(be, z, prob, scaled, k, v, R, B, Q, T, H, K);
    free(scaled);
}

MUTANT(attention_leaves_the_future, attention)
{
    ref.attention(be, z, prob, q, k, v, R, B, Q, T, H, K);
    for (int i = 0; i < R * B * H * Q * T; i++) prob[i] = prob[i] == 0 ? (gk_real)NAN : prob[i];
}

MUTANT(attention_back_mixes_k_and_v, attention_back)
{
    ref.attention_back(be, dq, dv, dk, dz, prob, q, k, v, R, B, Q, T, H, K);
}

MUTANT(bias_act_acts_first, bias_act)
{
    ref.bias_act(be, h, pre, NULL, R, rows, F, act);
    if (bias) ref.bias_add(be, pre, bias, R, rows, F);
}

MUTANT(bias_act_confuses_gelus, bias_act)
{
    ref.bias_act(be, h, pre, bias, R, rows, F, act == GK_GELU ? GK_GELU_ERF : act);
}

MUTANT(relu_slopes_at_zero, bias_act_back)
{
    gk_real *above = copy(pre, (size_t)R * rows * F * sizeof *pre);

    for (int i = 0; i < R * rows * F; i++) above[i] = above[i] == 0 ? (gk_real)1e-9 : above[i];
    ref.bias_act_back(be, dpre, d_bias, dh, above, R, rows, F, act, beta);
    free(above);
}

MUTANT(bias_act_back_overwrites, bias_act_back)
{
    (void)beta;
    ref.bias_act_back(be, dpre, d_bias, dh, pre, R, rows, F, act, 0);
}

MUTANT(bias_add_takes_run_0, bias_add)
{
    for (int r = 0; r < R; r++) ref.bias_add(be, x + (size_t)r * rows * D, bias, 1, rows, D);
}

MUTANT(bias_add_back_halves, bias_add_back)
{
    ref.bias_add_back(be, d_bias, dx, R, rows, D, beta);
    d_bias[0] /= 2;
}

/* The last value of a long context is not there. */
MUTANT(attention_cuts_long_contexts, attention)
{
    gk_real *less = copy(v, (size_t)R * B * T * H * K * sizeof *less);

    for (int i = 0; T > 64 && i < H * K; i++) less[(size_t)(T - 1) * H * K + i] = 0;
    ref.attention(be, z, prob, q, k, less, R, B, Q, T, H, K);
    free(less);
}

/* dk and dv of the first key lose the last query. */
MUTANT(attention_back_loses_a_query, attention_back)
{
    gk_real *less = copy(dz, (size_t)R * B * Q * H * K * sizeof *less);

    for (int i = 0; Q > 64 && i < H * K; i++) less[(size_t)(Q - 1) * H * K + i] = 0;
    ref.attention_back(be, dq, dk, dv, less, prob, q, k, v, R, B, Q, T, H, K);
    free(less);
}
