/* The table plan, from pairs to the loss and back to the tables. For each pair (a, b), head h,
 * with the scores s_h0(a), s_h1(b), s_h2 and the rows X_h0 = T_h[a] + c_h0, X_h1 = T_h[b] + c_h1
 * (gk/table.h):
 *
 *     (A0, A1, A2) = softmax(s_h0, s_h1, s_h2);
 *     E = base + sum_h A0 X_h0 + A1 X_h1;          H = relu(E[:F])
 *     wide:    logits = H W_L + E[F:];             G = dlogits
 *         dW_L += H^T G;    dH = G W_L^T;          dE = [ dH (H > 0) | G ]
 *     narrow:  y = H W_out + E[F:];  logits = y W_U
 *         dW_U += y^T G;    dy = G W_U^T;
 *         dW_out += H^T dy; dH = dy W_out^T;       dE = [ dH (H > 0) | dy ]
 *     dbase += dE;   dT_h[a] += A0 dE;   dc_h0 += A0 dE;   dT_h[b] += A1 dE;   dc_h1 += A1 dE
 *     dA_j = dE . X_hj, j = 0, 1 (A2 has been eliminated: dA_2 = 0);   m = A0 dA_0 + A1 dA_1
 *     ds_h0(a) += A0 (dA_0 - m);   ds_h1(b) += A1 (dA_1 - m);   ds_h2 -= A2 m */
#include "kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A (H,3) of one pair */
static void attend(double *A, const gk_table *t, int a, int b)
{
    const gk_real *s0 = t->table.score + (size_t)a * t->H;
    const gk_real *s1 = t->table.score + ((size_t)t->N + b) * t->H;

    for (int h = 0; h < t->H; h++, A += 3) {
        double s[3] = {s0[h], s1[h], t->table.score_eq[h]}, max = s[0], sum = 0;

        for (int j = 1; j < 3; j++) max = s[j] > max ? s[j] : max;
        for (int j = 0; j < 3; j++) sum += A[j] = exp(s[j] - max);
        for (int j = 0; j < 3; j++) A[j] /= sum;
    }
}

/* X_hj, element w */
static double row_at(const gk_table *t, int token, int h, int j, int w)
{
    int W = t->F + t->rest;

    return (double)t->table.row[((size_t)token * t->H + h) * W + w] +
           (double)t->table.shift[((size_t)j * t->H + h) * W + w];
}

/* E (F+rest) of one pair */
static void mix(gk_real *E, const double *A, const gk_table *t, int a, int b)
{
    for (int w = 0; w < t->F + t->rest; w++) {
        double sum = t->table.base[w];

        for (int h = 0; h < t->H; h++)
            sum += A[3 * h] * row_at(t, a, h, 0, w) + A[3 * h + 1] * row_at(t, b, h, 1, w);
        E[w] = (gk_real)sum;
    }
}

void ref_table_rows(gk_backend *be, gk_real *pre, gk_real *rest, gk_real *prob, const gk_table *all,
                    const int32_t *token, int B)
{
    size_t F = (size_t)all->F, more = (size_t)all->rest, H = (size_t)all->H;
    double *A = gk_alloc(3 * H, sizeof *A);
    gk_real *E = gk_alloc(F + more, sizeof *E);

    (void)be;
    for (int r = 0; r < all->R; r++) {
        gk_table t = gk_table_run(all, r);
        for (size_t i = (size_t)r * B; i < (size_t)(r + 1) * B; i++) {
            attend(A, &t, token[3 * i], token[3 * i + 1]);
            mix(E, A, &t, token[3 * i], token[3 * i + 1]);
            memcpy(pre + i * F, E, F * sizeof *E);
            memcpy(rest + i * more, E + F, more * sizeof *E);
            for (size_t k = 0; k < 3 * H; k++) prob[i * 3 * H + k] = (gk_real)A[k];
        }
    }
    free(A);
    free(E);
}

/* Sums over pairs in double; scratch for one pair. */
typedef struct sums {
    double *row, *shift, *base, *score, *score_eq, *w_l, *w_out, *w_u;
    double *A, *dE;
    gk_real *E, *y, *logits;
} sums;

static double *zeros(size_t n) { return gk_alloc(n, sizeof(double)); }

static sums open_sums(const gk_table *t)
{
    size_t N = (size_t)t->N, D = (size_t)t->D, H = (size_t)t->H, F = (size_t)t->F, C = (size_t)t->C,
           W = F + (size_t)t->rest;

    return (sums){.row = zeros(N * H * W),
                  .shift = zeros(2 * H * W),
                  .base = zeros(W),
                  .score = zeros(2 * N * H),
                  .score_eq = zeros(H),
                  .w_l = zeros(F * C),
                  .w_out = zeros(F * D),
                  .w_u = zeros(D * C),
                  .A = zeros(3 * H),
                  .dE = zeros(W),
                  .E = gk_alloc(W, sizeof(gk_real)),
                  .y = gk_alloc(D, sizeof(gk_real)),
                  .logits = gk_alloc(C, sizeof(gk_real))};
}

static void close_sums(sums *s)
{
    void *owned[] = {s->row, s->shift, s->base, s->score, s->score_eq, s->w_l,   s->w_out,
                     s->w_u, s->A,     s->dE,   s->E,     s->y,        s->logits};

    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
}

static void store(gk_real *to, const double *from, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] = (gk_real)from[i];
}

/* out (n) = x (m) w (m,n) + plus (n) */
static void forward(gk_real *out, const gk_real *x, const gk_real *w, const gk_real *plus, int m,
                    int n)
{
    for (int j = 0; j < n; j++) {
        double sum = plus ? (double)plus[j] : 0;

        for (int i = 0; i < m; i++) sum += (double)x[i] * (double)w[(size_t)i * n + j];
        out[j] = (gk_real)sum;
    }
}

/* dx (m) = g (n) w^T; dw (m,n) += x^T g */
static void backward(double *dx, double *dw, const double *g, const gk_real *x, const gk_real *w,
                     int m, int n)
{
    for (int i = 0; i < m; i++) {
        double sum = 0;

        for (int j = 0; j < n; j++) {
            sum += g[j] * (double)w[(size_t)i * n + j];
            dw[(size_t)i * n + j] += (double)x[i] * g[j];
        }
        dx[i] = sum;
    }
}

/* From E (relu done) to the logits. */
static void to_logits(sums *s, const gk_table *t)
{
    const gk_block *w = &t->weight;

    if (t->wide) {
        forward(s->logits, s->E, t->table.w_l, s->E + t->F, t->F, t->C);
    } else {
        forward(s->y, s->E, w->w_out, s->E + t->F, t->F, t->D);
        forward(s->logits, s->y, w->w_u, NULL, t->D, t->C);
    }
}

/* From the logits' gradient, which log_softmax left in their place, to dE. */
static void from_logits(sums *s, const gk_table *t)
{
    int F = t->F, C = t->C;
    double *G = zeros((size_t)C), *rest = s->dE + F;

    for (int c = 0; c < C; c++) G[c] = s->logits[c];
    if (t->wide) {
        memcpy(rest, G, (size_t)C * sizeof *G);
        backward(s->dE, s->w_l, G, s->E, t->table.w_l, F, C);
    } else {
        backward(rest, s->w_u, G, s->y, t->weight.w_u, t->D, C);
        backward(s->dE, s->w_out, rest, s->E, t->weight.w_out, F, t->D);
    }
    for (int f = 0; f < F; f++)
        if (s->E[f] <= 0) s->dE[f] = 0; /* as in bias_act_back */
    free(G);
}

static void scatter(sums *s, const gk_table *t, int a, int b)
{
    int N = t->N, H = t->H, W = t->F + t->rest, token[2] = {a, b};

    for (int w = 0; w < W; w++) s->base[w] += s->dE[w];
    for (int h = 0; h < H; h++) {
        const double *A = s->A + 3 * h;
        double dA[2] = {0, 0};

        for (int j = 0; j < 2; j++) {
            double *row = s->row + ((size_t)token[j] * H + h) * W;
            double *shift = s->shift + ((size_t)j * H + h) * W;
            for (int w = 0; w < W; w++) {
                row[w] += A[j] * s->dE[w];
                shift[w] += A[j] * s->dE[w];
                dA[j] += s->dE[w] * row_at(t, token[j], h, j, w);
            }
        }
        double m = A[0] * dA[0] + A[1] * dA[1];
        for (int j = 0; j < 2; j++)
            s->score[((size_t)j * N + token[j]) * H + h] += A[j] * (dA[j] - m);
        s->score_eq[h] -= A[2] * m;
    }
}

static void store_sums(const sums *s, const gk_table *t)
{
    size_t N = (size_t)t->N, D = (size_t)t->D, H = (size_t)t->H, F = (size_t)t->F, C = (size_t)t->C,
           W = F + (size_t)t->rest;

    store(t->d_table.row, s->row, N * H * W);
    store(t->d_table.shift, s->shift, 2 * H * W);
    store(t->d_table.base, s->base, W);
    store(t->d_table.score, s->score, 2 * N * H);
    store(t->d_table.score_eq, s->score_eq, H);
    if (t->wide) {
        store(t->d_table.w_l, s->w_l, F * C);
    } else {
        store(t->d_weight.w_out, s->w_out, F * D);
        store(t->d_weight.w_u, s->w_u, D * C);
    }
}

void ref_table_pairs(gk_backend *be, double *row_loss, uint8_t *row_hit, const gk_table *all,
                     const gk_pairs *pairs, int form, double scale)
{
    for (int r = 0; r < all->R; r++) {
        gk_table t = gk_table_run(all, r);
        sums s = open_sums(&t);

        for (size_t i = (size_t)r * pairs->B; i < (size_t)(r + 1) * pairs->B; i++) {
            int a = pairs->a[i], b = pairs->b[i];
            attend(s.A, &t, a, b);
            mix(s.E, s.A, &t, a, b);
            for (int f = 0; f < t.F; f++)
                if (s.E[f] <= 0) s.E[f] = 0; /* NaN stays */
            to_logits(&s, &t);
            ref_log_softmax(be, row_loss + i, row_hit + i, s.logits, s.logits, pairs->label + i, 1,
                            1, t.C, form, scale);
            from_logits(&s, &t);
            scatter(&s, &t, a, b);
        }
        store_sums(&s, &t);
        close_sums(&s);
    }
}
