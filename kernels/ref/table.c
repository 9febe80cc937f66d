/* The table plan, weights <-> tables; what happens to pairs in between is table_pairs.c.
 * gk/table.h has the way there: with W_L = W_out W_U, M_h = W_O[h] S and so on. The way back is
 * the same list of products read upwards, d for "gradient of the loss with respect to":
 *
 *     T_h = V_h M_h,  c_hj = (vp_hj - v_h2) M_h,
 *     base = x= S + sum_h v_h2 M_h + [ b_in | b_out tail ]
 *         dM_h  = V_h^T dT_h + sum_j (vp_hj - v_h2)^T dc_hj + v_h2^T dbase
 *         dV_h  = dT_h M_h^T;   dvp_hj = dc_hj M_h^T;   dv_h2 = dbase M_h^T - sum_j dvp_hj
 *     M_h = W_O[h] S,  S = [ W_in | tail ]
 *         dW_O[h] = dM_h S^T;   dS = sum_h W_O[h]^T dM_h + x=^T dbase;
 *         dW_in = dS[:F];   db_in = dbase[:F]
 *         wide:    db_out = W_U dbase[F:];   dW_U = dS[F:] + b_out^T dbase[F:] + W_out^T dW_L;
 *                  dW_out = dW_L W_U^T
 *         narrow:  db_out = dbase[F:]
 *     V = W_E W_V,  vp_j = W_pos[j] W_V,  v_2 = x= W_V
 *         dW_V = W_E^T dV + sum_j W_pos[j]^T dvp_j + x=^T dv_2
 *     s_hj(t) = (W_E[t] + W_pos[j]) . u_h,  s_h2 = x= . u_h,
 *     u_h = W_K[h] q_h / sqrt K,  q = x= W_Q
 *         du_h = sum_jt ds_hj(t) (W_E[t] + W_pos[j]) + ds_h2 x=
 *         dW_K[h] = du_h^T q_h / sqrt K;   dq_h = du_h W_K[h] / sqrt K;   dW_Q = x=^T dq
 *         dW_E[t] = dV[t] W_V^T + sum_h (ds_h0(t) + ds_h1(t)) u_h
 *         dW_pos[j] = dvp_j W_V^T + sum_h (sum_t ds_hj(t)) u_h,  j = 0, 1
 *         dx= = S dbase + dv_2 W_V^T + sum_h ds_h2 u_h + W_Q dq: dW_E["="] and dW_pos[2] */
#include "kernels.h"

#include <math.h>
#include <stdlib.h>

/* c (m,n) = op(a) op(b) + beta c, all of one run */
static void product(gk_real *c, int ldc, const gk_real *a, int lda, int ta, const gk_real *b,
                    int ldb, int tb, int m, int n, int k, gk_real beta)
{
    ref_matmul(NULL, c, a, b, 1, m, n, k, ta, tb, lda, ldb, ldc, 0, 0, 0, beta);
}

/* out (rows, F+rest) = x (rows,D) S */
static void through_s(gk_real *out, const gk_real *x, const gk_table *t, int rows)
{
    int D = t->D, F = t->F, W = F + t->rest;

    product(out, W, x, D, 0, t->weight.w_in, F, 0, rows, F, D, 0);
    if (t->wide)
        product(out + F, W, x, D, 0, t->weight.w_u, t->C, 0, rows, t->C, D, 0);
    else
        ref_add_rows(NULL, out + F, x, 1, rows, D, W, D, 0, 0, 0);
}

/* out (rows,D) = x (rows, F+rest) S^T */
static void back_through_s(gk_real *out, const gk_real *x, const gk_table *t, int rows)
{
    int D = t->D, F = t->F, W = F + t->rest;

    product(out, D, x, W, 0, t->weight.w_in, F, 1, rows, D, F, 0);
    if (t->wide)
        product(out, D, x + F, W, 0, t->weight.w_u, t->C, 1, rows, D, t->C, 1);
    else
        ref_add_rows(NULL, out, x + F, 1, rows, D, D, W, 0, 0, 1);
}

/* x=, q, u and the scores */
static void build_scores(const gk_table *t)
{
    int N = t->N, D = t->D, H = t->H, K = t->K, HK = H * K;
    const gk_block *w = &t->weight;
    double scale = 1 / sqrt(K);

    for (int d = 0; d < D; d++) t->x_eq[d] = w->w_e[N * D + d] + w->w_pos[2 * D + d];
    product(t->query, HK, t->x_eq, D, 0, w->w_q, HK, 0, 1, HK, D, 0);
    for (int h = 0; h < H; h++)
        for (int d = 0; d < D; d++) {
            double sum = 0;
            for (int k = 0; k < K; k++)
                sum += (double)w->w_k[d * HK + h * K + k] * (double)t->query[h * K + k];
            t->key[h * D + d] = (gk_real)(scale * sum);
        }
    for (int h = 0; h < H; h++) {
        const gk_real *u = t->key + h * D;
        for (int j = 0; j < 2; j++)
            for (int token = 0; token < N; token++) {
                double sum = 0;
                for (int d = 0; d < D; d++)
                    sum += ((double)w->w_e[token * D + d] + (double)w->w_pos[j * D + d]) *
                           (double)u[d];
                t->table.score[(j * N + token) * H + h] = (gk_real)sum;
            }
        double sum = 0;
        for (int d = 0; d < D; d++) sum += (double)t->x_eq[d] * (double)u[d];
        t->table.score_eq[h] = (gk_real)sum;
    }
}

/* vp_hj - v_h2 (2,H*K); caller frees */
static gk_real *position_values(const gk_table *t)
{
    int HK = t->H * t->K;
    const gk_real *v = t->value + (size_t)t->N * HK;
    gk_real *x = gk_alloc(2 * (size_t)HK, sizeof *x);

    for (int i = 0; i < 2 * HK; i++) x[i] = v[i] - v[2 * HK + i % HK];
    return x;
}

static void build_rows(const gk_table *t)
{
    int N = t->N, D = t->D, H = t->H, K = t->K, HK = H * K, F = t->F, W = F + t->rest;
    const gk_block *w = &t->weight;
    gk_real *base = t->table.base;

    product(t->value, HK, w->w_e, D, 0, w->w_v, HK, 0, N, HK, D, 0);
    product(t->value + N * HK, HK, w->w_pos, D, 0, w->w_v, HK, 0, 2, HK, D, 0);
    product(t->value + (N + 2) * HK, HK, t->x_eq, D, 0, w->w_v, HK, 0, 1, HK, D, 0);
    through_s(t->map, w->w_o, t, HK);

    gk_real *position = position_values(t);
    for (int h = 0; h < H; h++) {
        const gk_real *map = t->map + (size_t)h * K * W;
        product(t->table.row + h * W, H * W, t->value + h * K, HK, 0, map, W, 0, N, W, K, 0);
        product(t->table.shift + h * W, H * W, position + h * K, HK, 0, map, W, 0, 2, W, K, 0);
    }
    free(position);

    through_s(base, t->x_eq, t, 1);
    product(base, W, t->value + (N + 2) * HK, HK, 0, t->map, W, 0, 1, W, HK, 1);
    for (int f = 0; w->b_in && f < F; f++) base[f] += w->b_in[f];
    for (int d = 0; w->b_out && !t->wide && d < D; d++) base[F + d] += w->b_out[d];
    if (w->b_out && t->wide) product(base + F, W, w->b_out, D, 0, w->w_u, t->C, 0, 1, t->C, D, 1);
}

void ref_table_build(gk_backend *be, const gk_table *all)
{
    (void)be;
    for (int r = 0; r < all->R; r++) {
        gk_table t = gk_table_run(all, r);

        build_scores(&t);
        build_rows(&t);
        if (t.wide)
            product(t.table.w_l, t.C, t.weight.w_out, t.D, 0, t.weight.w_u, t.C, 0, t.F, t.C, t.D,
                    0);
    }
}

/* dV (N+3,H*K) in the order of t->value, dM (H*K, F+rest) */
static void back_rows(gk_real *d_value, gk_real *d_map, const gk_table *t)
{
    int N = t->N, H = t->H, K = t->K, HK = H * K, W = t->F + t->rest;
    const gk_tables *d = &t->d_table;
    gk_real *position = position_values(t), *d_eq = d_value + (N + 2) * HK;

    for (int h = 0; h < H; h++) {
        const gk_real *map = t->map + (size_t)h * K * W, *value = t->value + h * K;
        gk_real *to = d_map + (size_t)h * K * W;

        product(to, W, value, HK, 1, d->row + h * W, H * W, 0, K, W, N, 0);
        product(to, W, position + h * K, HK, 1, d->shift + h * W, H * W, 0, K, W, 2, 1);
        product(to, W, value + (N + 2) * HK, HK, 1, d->base, W, 0, K, W, 1, 1);
        product(d_value + h * K, HK, d->row + h * W, H * W, 0, map, W, 1, N, K, W, 0);
        product(d_value + N * HK + h * K, HK, d->shift + h * W, H * W, 0, map, W, 1, 2, K, W, 0);
        product(d_eq + h * K, HK, d->base, W, 0, map, W, 1, 1, K, W, 0);
    }
    for (int i = 0; i < HK; i++) d_eq[i] -= d_value[N * HK + i] + d_value[(N + 1) * HK + i];
    free(position);
}

/* Everything that S is made of, and the residual path into base */
static void back_s(const gk_real *d_map, const gk_table *t)
{
    int D = t->D, F = t->F, C = t->C, HK = t->H * t->K, W = F + t->rest;
    const gk_block *w = &t->weight, *d = &t->d_weight;
    const gk_real *base = t->d_table.base;

    back_through_s(d->w_o, d_map, t, HK);
    product(d->w_in, F, w->w_o, D, 1, d_map, W, 0, D, F, HK, 0);
    product(d->w_in, F, t->x_eq, D, 1, base, W, 0, D, F, 1, 1);
    for (int f = 0; d->b_in && f < F; f++) d->b_in[f] = base[f];
    if (!t->wide) {
        for (int i = 0; d->b_out && i < D; i++) d->b_out[i] = base[F + i];
        return;
    }
    product(d->w_u, C, w->w_o, D, 1, d_map + F, W, 0, D, C, HK, 0);
    product(d->w_u, C, t->x_eq, D, 1, base + F, W, 0, D, C, 1, 1);
    if (w->b_out) product(d->w_u, C, w->b_out, D, 1, base + F, W, 0, D, C, 1, 1);
    product(d->w_u, C, w->w_out, D, 1, t->d_table.w_l, C, 0, D, C, F, 1);
    product(d->w_out, D, t->d_table.w_l, C, 0, w->w_u, C, 1, F, D, C, 0);
    if (d->b_out) product(d->b_out, D, base + F, W, 0, w->w_u, C, 1, 1, D, C, 0);
}

/* dW_V; the values' part of dW_E (N rows), dW_pos (2 rows) and dx= */
static void back_values(gk_real *d_eq, const gk_real *d_value, const gk_table *t)
{
    int N = t->N, D = t->D, HK = t->H * t->K;
    const gk_block *w = &t->weight, *d = &t->d_weight;

    product(d->w_v, HK, w->w_e, D, 1, d_value, HK, 0, D, HK, N, 0);
    product(d->w_v, HK, w->w_pos, D, 1, d_value + N * HK, HK, 0, D, HK, 2, 1);
    product(d->w_v, HK, t->x_eq, D, 1, d_value + (N + 2) * HK, HK, 0, D, HK, 1, 1);
    product(d->w_e, D, d_value, HK, 0, w->w_v, HK, 1, N, D, HK, 0);
    product(d->w_pos, D, d_value + N * HK, HK, 0, w->w_v, HK, 1, 2, D, HK, 0);
    product(d_eq, D, d_value + (N + 2) * HK, HK, 0, w->w_v, HK, 1, 1, D, HK, 1);
}

/* From the gradients of the scores: dW_K, dW_Q and what they add to dW_E, dW_pos and dx=. du
 * (H,D), dq (H*K) are scratch. */
static void back_scores(gk_real *d_eq, gk_real *du, gk_real *dq, const gk_table *t)
{
    int N = t->N, D = t->D, H = t->H, K = t->K, HK = H * K;
    const gk_block *w = &t->weight, *d = &t->d_weight;
    const gk_real *s0 = t->d_table.score, *s1 = s0 + N * H, *s2 = t->d_table.score_eq;
    gk_real *sum = gk_alloc((size_t)(N + 2) * H, sizeof *sum), *position = sum + N * H;
    gk_real scale = (gk_real)(1 / sqrt(K));

    for (int i = 0; i < N * H; i++) sum[i] = s0[i] + s1[i];
    for (int h = 0; h < H; h++)
        for (int j = 0; j < 2; j++) {
            double total = 0;
            for (int token = 0; token < N; token++) total += (double)s0[(j * N + token) * H + h];
            position[j * H + h] = (gk_real)total;
        }
    product(du, D, sum, H, 1, w->w_e, D, 0, H, D, N, 0);
    product(du, D, position, H, 1, w->w_pos, D, 0, H, D, 2, 1);
    product(du, D, s2, H, 1, t->x_eq, D, 0, H, D, 1, 1);
    product(d->w_e, D, sum, H, 0, t->key, D, 0, N, D, H, 1);
    product(d->w_pos, D, position, H, 0, t->key, D, 0, 2, D, H, 1);
    product(d_eq, D, s2, H, 0, t->key, D, 0, 1, D, H, 1);
    free(sum);

    for (int i = 0; i < H * D; i++) du[i] *= scale;
    for (int h = 0; h < H; h++) {
        product(d->w_k + h * K, HK, du + h * D, D, 1, t->query + h * K, K, 0, D, K, 1, 0);
        product(dq + h * K, K, du + h * D, D, 0, w->w_k + h * K, HK, 0, 1, K, D, 0);
    }
    product(d->w_q, HK, t->x_eq, D, 1, dq, HK, 0, D, HK, 1, 0);
    product(d_eq, D, dq, HK, 0, w->w_q, HK, 1, 1, D, HK, 1);
}

void ref_table_back(gk_backend *be, const gk_table *all)
{
    size_t D = (size_t)all->D, HK = (size_t)all->H * (size_t)all->K;
    size_t values = ((size_t)all->N + 3) * HK, maps = HK * (size_t)(all->F + all->rest);
    gk_real *d_value = gk_alloc(values, sizeof *d_value), *d_map = gk_alloc(maps, sizeof *d_map);
    gk_real *du = gk_alloc((size_t)all->H * D + HK, sizeof *du), *d_eq = gk_alloc(D, sizeof *d_eq);

    (void)be;
    for (int r = 0; r < all->R; r++) {
        gk_table t = gk_table_run(all, r);
        const gk_block *d = &t.d_weight;

        back_rows(d_value, d_map, &t);
        back_s(d_map, &t);
        back_through_s(d_eq, t.d_table.base, &t, 1);
        back_values(d_eq, d_value, &t);
        back_scores(d_eq, du, du + (size_t)all->H * D, &t);
        ref_add_rows(NULL, d->w_e + (size_t)t.N * D, d_eq, 1, 1, t.D, t.D, t.D, 0, 0, 0);
        ref_add_rows(NULL, d->w_pos + 2 * D, d_eq, 1, 1, t.D, t.D, t.D, 0, 0, 0);
    }
    free(d_value);
    free(d_map);
    free(du);
    free(d_eq);
}
