/* Rules 23 and 24 of docs/arithmetic.md. */
#include "law/law.h"

#include <stdlib.h>

/* One head of one example: rows `step` apart. */
typedef struct law_head {
    int Q, T, K;
    size_t step;
    float scale;
} law_head;

static law_head head_of(int Q, int T, int H, int K)
{
    return (law_head){Q, T, K, (size_t)H * K, (float)(1 / sqrt((double)K))};
}

/* Where head h of example e starts in an array (R,B,rows,H,K); eh = (e, h) */
static size_t head_at(size_t eh, int rows, int H, int K)
{
    return (eh / H * rows * H + eh % H) * K;
}

static law_row along(const float *at) { return (law_row){at, 1}; }

static void softmax(float *p, int seen, int T)
{
    float M = -HUGE_VALF;

    for (int t = 0; t < seen; t++) M = p[t] > M ? p[t] : M;
    for (int t = 0; t < seen; t++) p[t] = float_exp(p[t] - M, 0);
    float f = (float)(1 / law_row_sum(p, seen));

    for (int t = 0; t < seen; t++) p[t] = p[t] * f;
    for (int t = seen; t < T; t++) p[t] = 0;
}

/* Query i */
static void query(const law_head *w, int i, float *z, float *p, const float *q, const float *k,
                  const float *v)
{
    int seen = w->T - w->Q + i + 1;

    for (int t = 0; t < seen; t++)
        p[t] = law_chain(along(q), along(k + t * w->step), w->K) * w->scale;
    softmax(p, seen, w->T);
    for (int c = 0; c < w->K; c++) z[c] = law_chain(along(p), (law_row){v + c, w->step}, seen);
}

void law_attention(gk_backend *be, gk_real *z, gk_real *prob, const gk_real *q, const gk_real *k,
                   const gk_real *v, int R, int B, int Q, int T, int H, int K)
{
    law_head w = head_of(Q, T, H, K);

    (void)be;
    for (size_t eh = 0; eh < (size_t)R * B * H; eh++) {
        size_t at = head_at(eh, Q, H, K), key = head_at(eh, T, H, K);

        for (int i = 0; i < Q; i++)
            query(&w, i, z + at + i * w.step, prob + (eh * Q + i) * T, q + at + i * w.step, k + key,
                  v + key);
    }
}

/* ds (T) of query i */
static void score_gradients(const law_head *w, int i, float *ds, const float *p, const float *dz,
                            const float *v)
{
    int seen = w->T - w->Q + i + 1;
    law_sums sum = {{0}};

    for (int t = 0; t < seen; t++) {
        ds[t] = law_chain(along(dz), along(v + t * w->step), w->K);
        law_sum_term(&sum, t, p[t] * ds[t]);
    }
    float mean = (float)law_sum_total(&sum);

    for (int t = 0; t < w->T; t++) ds[t] = t < seen ? p[t] * (ds[t] - mean) * w->scale : 0;
}

/* out (K) of key t = sum over its queries of x (Q,T) times their rows */
static void gather(const law_head *w, int t, float *out, const float *x, const float *rows)
{
    int first = law_larger(0, t - (w->T - w->Q));
    law_row weight = {x + (size_t)first * w->T + t, (size_t)w->T};

    for (int c = 0; c < w->K; c++)
        out[c] = law_chain(weight, (law_row){rows + first * w->step + c, w->step}, w->Q - first);
}

void law_attention_back(gk_backend *be, gk_real *dq, gk_real *dk, gk_real *dv, const gk_real *dz,
                        const gk_real *prob, const gk_real *q, const gk_real *k, const gk_real *v,
                        int R, int B, int Q, int T, int H, int K)
{
    law_head w = head_of(Q, T, H, K);
    float *ds = gk_alloc((size_t)Q * T, sizeof *ds);

    (void)be;
    for (size_t eh = 0; eh < (size_t)R * B * H; eh++) {
        size_t at = head_at(eh, Q, H, K), key = head_at(eh, T, H, K);
        const float *p = prob + eh * Q * T;

        for (int i = 0; i < Q; i++) {
            size_t qi = at + i * w.step, pi = (size_t)i * T;

            score_gradients(&w, i, ds + pi, p + pi, dz + qi, v + key);
            for (int c = 0; c < K; c++)
                dq[qi + c] =
                    law_chain(along(ds + pi), (law_row){k + key + c, w.step}, T - Q + i + 1);
        }
        for (int t = 0; t < T; t++) {
            gather(&w, t, dk + key + t * w.step, ds, q + at);
            gather(&w, t, dv + key + t * w.step, p, dz + at);
        }
    }
    free(ds);
}
