/* The one-block network on pairs and its gradients, written out in double from the weights'
 * definition and nothing of the program's: what the plans are held to. Three positions, the last
 * one read; exact loss; sums in double. */
#ifndef GK_TEST_DIRECT_H
#define GK_TEST_DIRECT_H

#include "lib/support.h"

typedef struct direct {
    const gk_shape *s;
    double *w, *g; /* packed weights, gradients */
    size_t w_e, w_pos, w_q, w_k, w_v, w_o, w_in, b_in, w_out, b_out, w_u; /* where they begin */
    double *k, *v, *dk, *dv; /* (2,N,H*K), then "=" (H*K): keys and values by position and token */
    double *q, *dq;          /* (H*K) of "=" */
} direct;

/* out (n) += x (m) w (m,n) */
static inline void times(double *out, const double *x, const double *w, int m, int n)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) out[j] += x[i] * w[(size_t)i * n + j];
}

/* dx (m) += dy (n) w^T;   dw (m,n) += x^T dy */
static inline void times_back(double *dx, double *dw, const double *dy, const double *x,
                              const double *w, int m, int n)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            dx[i] += dy[j] * w[(size_t)i * n + j];
            dw[(size_t)i * n + j] += x[i] * dy[j];
        }
}

static inline size_t direct_tokens(const gk_shape *s) { return 2 * (size_t)(s->V - 1) + 1; }

/* Row i of k and v: token i % N at position i / N; the last row is "=". */
static inline void direct_input(double *x, const direct *d, size_t i)
{
    size_t N = (size_t)d->s->V - 1, D = (size_t)d->s->D, position = i / N, token = i % N;

    if (i == 2 * N) position = 2, token = N;
    for (size_t j = 0; j < D; j++)
        x[j] = d->w[d->w_e + token * D + j] + d->w[d->w_pos + position * D + j];
}

static inline void direct_open(direct *d, const gk_shape *s, const gk_real *packed)
{
    gk_tensor list[GK_TENSORS_MAX];
    int n = gk_tensors(list, s);
    size_t total = gk_parameters(s), HK = (size_t)s->H * (size_t)s->K, rows = direct_tokens(s);

    assert_true(n == 11 && s->L == 1 && s->T == 3 && s->biases && s->activation == GK_RELU);
    *d = (direct){.s = s};
    size_t *begin[] = {&d->w_e,  &d->w_pos, &d->w_q,   &d->w_k,   &d->w_v, &d->w_o,
                       &d->w_in, &d->b_in,  &d->w_out, &d->b_out, &d->w_u};
    for (int i = 0; i < n; i++) *begin[i] = list[i].packed;
    d->w = gk_alloc(2 * total + 4 * rows * HK + 2 * HK, sizeof *d->w);
    d->g = d->w + total;
    d->k = d->g + total;
    d->v = d->k + rows * HK;
    d->dk = d->v + rows * HK;
    d->dv = d->dk + rows * HK;
    d->q = d->dv + rows * HK;
    d->dq = d->q + HK;
    for (size_t i = 0; i < total; i++) d->w[i] = packed[i];
    double *x = gk_alloc((size_t)s->D, sizeof *x);
    for (size_t i = 0; i < rows; i++) {
        direct_input(x, d, i);
        times(d->k + i * HK, x, d->w + d->w_k, s->D, (int)HK);
        times(d->v + i * HK, x, d->w + d->w_v, s->D, (int)HK);
    }
    times(d->q, x, d->w + d->w_q, s->D, (int)HK); /* of "=", the last */
    free(x);
}

static inline void direct_close(direct *d) { free(d->w); }

/* One pair: activations in `a`; returns the smallest |pre|. */
typedef struct direct_pair {
    size_t row[3];
    double *A, *z, *mid, *pre, *h, *out, *logits, *d; /* d: scratch of the largest size */
} direct_pair;

static inline double direct_forward(direct_pair *a, const direct *d, int x, int y)
{
    const gk_shape *s = d->s;
    size_t N = (size_t)s->V - 1, K = (size_t)s->K, HK = (size_t)s->H * K, D = (size_t)s->D;
    double nearest = HUGE_VAL;

    a->row[0] = (size_t)x;
    a->row[1] = N + (size_t)y;
    a->row[2] = 2 * N;
    for (size_t h = 0; h < (size_t)s->H; h++) {
        double sum = 0, *A = a->A + 3 * h;
        for (int t = 0; t < 3; t++) {
            A[t] = 0;
            for (size_t i = h * K; i < (h + 1) * K; i++) A[t] += d->q[i] * d->k[a->row[t] * HK + i];
            sum += A[t] = exp(A[t] / sqrt((double)K));
        }
        for (int t = 0; t < 3; t++) A[t] /= sum;
        for (size_t i = h * K; i < (h + 1) * K; i++)
            a->z[i] = A[0] * d->v[a->row[0] * HK + i] + A[1] * d->v[a->row[1] * HK + i] +
                      A[2] * d->v[a->row[2] * HK + i];
    }
    direct_input(a->mid, d, 2 * N);
    times(a->mid, a->z, d->w + d->w_o, (int)HK, s->D);
    memcpy(a->pre, d->w + d->b_in, (size_t)s->F * sizeof *a->pre);
    times(a->pre, a->mid, d->w + d->w_in, s->D, s->F);
    for (int f = 0; f < s->F; f++) {
        a->h[f] = a->pre[f] > 0 ? a->pre[f] : 0;
        nearest = fmin(nearest, fabs(a->pre[f]));
    }
    for (size_t j = 0; j < D; j++) a->out[j] = a->mid[j] + d->w[d->b_out + j];
    times(a->out, a->h, d->w + d->w_out, s->F, s->D);
    memset(a->logits, 0, (size_t)s->C * sizeof *a->logits);
    times(a->logits, a->out, d->w + d->w_u, s->D, s->C);
    return nearest;
}

/* The pair's gradient, times `scale`, from the logits that forward left. */
static inline void direct_backward(direct_pair *a, direct *d, int label, double scale)
{
    const gk_shape *s = d->s;
    size_t D = (size_t)s->D, F = (size_t)s->F, C = (size_t)s->C, K = (size_t)s->K,
           HK = (size_t)s->H * K;
    double *G = a->d, *dout = G + C, *dpre = dout + D, *dmid = dpre + F, *dz = dmid + D, rest = 0,
           xt = a->logits[label], *g = d->g;

    memset(G, 0, (C + 2 * D + F + HK) * sizeof *G);
    for (size_t c = 0; c < C; c++) rest += (int)c == label ? 0 : exp(a->logits[c] - xt);
    for (size_t c = 0; c < C; c++)
        G[c] = scale * ((int)c == label ? -rest : exp(a->logits[c] - xt)) / (1 + rest);
    times_back(dout, g + d->w_u, G, a->out, d->w + d->w_u, s->D, s->C);
    times_back(dpre, g + d->w_out, dout, a->h, d->w + d->w_out, s->F, s->D);
    for (size_t f = 0; f < F; f++) dpre[f] = a->pre[f] > 0 ? dpre[f] : 0;
    memcpy(dmid, dout, D * sizeof *dmid);
    times_back(dmid, g + d->w_in, dpre, a->mid, d->w + d->w_in, s->D, s->F);
    times_back(dz, g + d->w_o, dmid, a->z, d->w + d->w_o, (int)HK, s->D);
    for (size_t f = 0; f < F; f++) g[d->b_in + f] += dpre[f];
    for (size_t j = 0; j < D; j++) {
        g[d->b_out + j] += dout[j];
        g[d->w_e + (size_t)(s->V - 1) * D + j] += dmid[j]; /* the residual stream is x= */
        g[d->w_pos + 2 * D + j] += dmid[j];
    }
    for (size_t h = 0; h < (size_t)s->H; h++) {
        double dA[3] = {0}, m = 0, *A = a->A + 3 * h;
        for (int t = 0; t < 3; t++) {
            for (size_t i = h * K; i < (h + 1) * K; i++) {
                dA[t] += dz[i] * d->v[a->row[t] * HK + i];
                d->dv[a->row[t] * HK + i] += A[t] * dz[i];
            }
            m += A[t] * dA[t];
        }
        for (int t = 0; t < 3; t++)
            for (size_t i = h * K; i < (h + 1) * K; i++) {
                double ds = A[t] * (dA[t] - m) / sqrt((double)K);
                d->dq[i] += ds * d->k[a->row[t] * HK + i];
                d->dk[a->row[t] * HK + i] += ds * d->q[i];
            }
    }
}

/* After all pairs: from keys, values and the query to the weights. */
static inline void direct_finish(direct *d)
{
    const gk_shape *s = d->s;
    size_t N = (size_t)s->V - 1, D = (size_t)s->D, rows = direct_tokens(s);
    int HK = s->H * s->K;
    double *x = gk_alloc(2 * D, sizeof *x), *dx = x + D;

    for (size_t i = 0; i < rows; i++) {
        size_t position = i == 2 * N ? 2 : i / N, token = i == 2 * N ? N : i % N;
        direct_input(x, d, i);
        memset(dx, 0, D * sizeof *dx);
        times_back(dx, d->g + d->w_k, d->dk + i * (size_t)HK, x, d->w + d->w_k, s->D, HK);
        times_back(dx, d->g + d->w_v, d->dv + i * (size_t)HK, x, d->w + d->w_v, s->D, HK);
        if (i == 2 * N) times_back(dx, d->g + d->w_q, d->dq, x, d->w + d->w_q, s->D, HK);
        for (size_t j = 0; j < D; j++) {
            d->g[d->w_e + token * D + j] += dx[j];
            d->g[d->w_pos + position * D + j] += dx[j];
        }
    }
    free(x);
}

static inline void direct_pair_open(direct_pair *a, const gk_shape *s)
{
    size_t D = (size_t)s->D, F = (size_t)s->F, C = (size_t)s->C, HK = (size_t)s->H * (size_t)s->K;

    a->A = gk_alloc(3 * (size_t)s->H + 2 * HK + 4 * D + 3 * F + 2 * C, sizeof *a->A);
    a->z = a->A + 3 * s->H;
    a->mid = a->z + HK;
    a->pre = a->mid + D;
    a->h = a->pre + F;
    a->out = a->h + F;
    a->logits = a->out + D;
    a->d = a->logits + C; /* C + 2 D + F + HK */
}

#endif
