/* The network of one block on pairs of tokens, as tables. Only the last of the three positions is
 * read, and its token is always "=": so there is one query per head, and everything that depends
 * on one token is a row of a small table.
 *
 * With x= = W_E["="] + W_pos[2] and S = [ W_in | tail ] (tail: W_U, or the identity), for each
 * head h:
 *
 *     q_h = x= W_Q[h];   u_h = W_K[h] q_h / sqrt K                  query; keys are scored with u
 *     s_hj(t) = (W_E[t] + W_pos[j]) . u_h,  j = 0, 1;   s_h2 = x= . u_h        score, score_eq
 *     (A0, A1, A2) = softmax(s_h0(a), s_h1(b), s_h2)                A2 = 1 - A0 - A1: eliminated
 *     V_h[t] = W_E[t] W_V[h];   vp_hj = W_pos[j] W_V[h];   v_h2 = x= W_V[h]
 *     M_h = W_O[h] S;   T_h[t] = V_h[t] M_h;   c_hj = (vp_hj - v_h2) M_h        row; shift
 *     base = (x= + sum_h v_h2 W_O[h]) S + [ b_in | b_out tail ]
 *     E(a,b) = base + sum_h A0 (T_h[a] + c_h0) + A1 (T_h[b] + c_h1)            F + rest columns
 *     H = relu(E[:F])
 *     wide,   rest = C, tail = W_U:   logits = H W_L + E[F:],   W_L = W_out W_U
 *     narrow, rest = D, tail = 1:     logits = (H W_out + E[F:]) W_U
 *
 * Exact algebra: nothing is approximated. kernels/ref/table.c derives the way back. */
#ifndef GK_TABLE_H
#define GK_TABLE_H

#include "gk/base.h"

/* The weights of a one-block model, or their gradients: shapes as in params.def with R in front.
 * The vocabulary has N + 1 tokens, the last one is "="; three positions. b_in and b_out are NULL
 * where there are none. */
typedef struct gk_block {
    gk_real *w_e, *w_pos, *w_q, *w_k, *w_v, *w_o, *w_in, *b_in, *w_out, *b_out, *w_u;
} gk_block;

/* What pairs see of the weights, or the gradient with respect to it. */
typedef struct gk_tables {
    gk_real *row;      /* (R,N,H,F+rest)  T_h[t]  */
    gk_real *shift;    /* (R,2,H,F+rest)  c_hj    */
    gk_real *base;     /* (R,F+rest)              */
    gk_real *score;    /* (R,2,N,H)       s_hj(t) */
    gk_real *score_eq; /* (R,H)           s_h2    */
    gk_real *w_l;      /* (R,F,C) wide; NULL narrow: pairs read w_out and w_u themselves */
} gk_tables;

typedef struct gk_table {
    int R, N, D, H, K, F, C;
    int rest; /* C: wide;  D: narrow */
    bool wide;
    gk_block weight, d_weight;
    gk_tables table, d_table;
    /* on the way from weights to tables, for the way back */
    gk_real *query; /* (R,H,K)        q_h */
    gk_real *key;   /* (R,H,D)        u_h */
    gk_real *value; /* (R,N+3,H*K)    V_h[t]; then vp_h0, vp_h1 and v_h2 */
    gk_real *map;   /* (R,H*K,F+rest) M_h */
    gk_real *x_eq;  /* (R,D)          x=  */
} gk_table;

static inline gk_real *gk_run_part(gk_real *array, int run, size_t size)
{
    return array ? array + (size_t)run * size : NULL;
}

static inline gk_block gk_block_run(const gk_block *b, const gk_table *t, int run)
{
    size_t D = (size_t)t->D, HK = (size_t)t->H * (size_t)t->K, F = (size_t)t->F;
    gk_block one;

    one.w_e = gk_run_part(b->w_e, run, ((size_t)t->N + 1) * D);
    one.w_pos = gk_run_part(b->w_pos, run, 3 * D);
    one.w_q = gk_run_part(b->w_q, run, D * HK);
    one.w_k = gk_run_part(b->w_k, run, D * HK);
    one.w_v = gk_run_part(b->w_v, run, D * HK);
    one.w_o = gk_run_part(b->w_o, run, HK * D);
    one.w_in = gk_run_part(b->w_in, run, D * F);
    one.b_in = gk_run_part(b->b_in, run, F);
    one.w_out = gk_run_part(b->w_out, run, F * D);
    one.b_out = gk_run_part(b->b_out, run, D);
    one.w_u = gk_run_part(b->w_u, run, D * (size_t)t->C);
    return one;
}

static inline gk_tables gk_tables_run(const gk_tables *b, const gk_table *t, int run)
{
    size_t N = (size_t)t->N, H = (size_t)t->H, F = (size_t)t->F, W = F + (size_t)t->rest;
    gk_tables one;

    one.row = gk_run_part(b->row, run, N * H * W);
    one.shift = gk_run_part(b->shift, run, 2 * H * W);
    one.base = gk_run_part(b->base, run, W);
    one.score = gk_run_part(b->score, run, 2 * N * H);
    one.score_eq = gk_run_part(b->score_eq, run, H);
    one.w_l = gk_run_part(b->w_l, run, F * (size_t)t->C);
    return one;
}

/* Run r alone: the same struct with R = 1. */
static inline gk_table gk_table_run(const gk_table *t, int r)
{
    size_t D = (size_t)t->D, H = (size_t)t->H, HK = H * (size_t)t->K;
    gk_table one = *t;

    one.R = 1;
    one.weight = gk_block_run(&t->weight, t, r);
    one.d_weight = gk_block_run(&t->d_weight, t, r);
    one.table = gk_tables_run(&t->table, t, r);
    one.d_table = gk_tables_run(&t->d_table, t, r);
    one.query = gk_run_part(t->query, r, HK);
    one.key = gk_run_part(t->key, r, H * D);
    one.value = gk_run_part(t->value, r, ((size_t)t->N + 3) * HK);
    one.map = gk_run_part(t->map, r, HK * (size_t)(t->F + t->rest));
    one.x_eq = gk_run_part(t->x_eq, r, D);
    return one;
}

/* The pairs that are trained on, sorted by (a, b). */
typedef struct gk_pairs {
    int B;
    const int32_t *a, *b, *label; /* (R,B): tokens 0 .. N-1, class */
    const int32_t *by_b;          /* (R,B): rows in the order of (b, a) */
    const int32_t *first_a,
        *first_b; /* (R,N+1): a's rows are first_a[a] .. first_a[a+1] - 1; b's places in by_b */
} gk_pairs;

#endif
