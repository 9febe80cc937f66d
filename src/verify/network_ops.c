/* Trials of the ops that make up the network: their arrays, and the call. Sizes: cases.c. */
#include "gk/verify.h"
#include "verify/trial.h"

#include <math.h>
#include <string.h>

static const int32_t *indices(gk_trial *t, gk_trial_layout layout, int below)
{
    gk_trial_array array = {.element = sizeof(int32_t), .layout = layout};

    return gk_trial_add(t, array, gk_fill_int, below);
}

void gk_trial_matmul(gk_trial *t)
{
    const int *s = t->size;
    int m = s[0], n = s[1], k = s[2], ta = s[3], tb = s[4], pad = s[5], shared = s[6], beta = s[7];
    gk_trial_layout la = gk_trial_layout_padded(ta ? k : m, ta ? m : k, pad);
    gk_trial_layout lb = gk_trial_layout_padded(tb ? n : k, tb ? k : n, 2 * pad);
    gk_trial_layout lc = gk_trial_layout_padded(m, n, 3 * pad);

    la.shared = shared & 1;
    lb.shared = shared & 2;
    gk_real *c = gk_trial_out(t, lc, (gk_real)beta, gk_verify_limit(4, k));
    const gk_real *a = gk_trial_in(t, la, 1), *b = gk_trial_in(t, lb, 1);

    while (gk_trial_again(t))
        t->be->matmul(t->be, c, a, b, t->R, m, n, k, ta, tb, la.ld, lb.ld, lc.ld,
                      la.shared ? 0 : la.stride, lb.shared ? 0 : lb.stride, lc.stride,
                      (gk_real)beta);
}

void gk_trial_add_rows(gk_trial *t)
{
    int rows = t->size[0], cols = t->size[1], pad = t->size[2], beta = t->size[3];
    gk_trial_layout lo = gk_trial_layout_padded(rows, cols, pad),
                    li = gk_trial_layout_padded(rows, cols, 2 * pad);
    gk_real *out = gk_trial_out(t, lo, (gk_real)beta, gk_verify_limit(1, 1));
    const gk_real *in = gk_trial_in(t, li, 1);

    while (gk_trial_again(t))
        t->be->add_rows(t->be, out, in, t->R, rows, cols, lo.ld, li.ld, lo.stride, li.stride,
                        (gk_real)beta);
}

void gk_trial_embed(gk_trial *t)
{
    int B = t->size[0], T = t->size[1], D = t->size[2], V = t->size[3];
    gk_real *x = gk_trial_out(t, gk_trial_layout_flat((size_t)B * T * D), 0, gk_verify_limit(1, 1));
    const gk_real *w_e = gk_trial_in(t, gk_trial_layout_flat((size_t)V * D), 1);
    const gk_real *w_pos = gk_trial_in(t, gk_trial_layout_flat((size_t)T * D), 1);
    const int32_t *token = indices(t, gk_trial_layout_flat((size_t)B * T), V);

    while (gk_trial_again(t)) t->be->embed(t->be, x, w_e, w_pos, token, t->R, B, T, D, V);
}

void gk_trial_embed_back(gk_trial *t)
{
    int B = t->size[0], T = t->size[1], D = t->size[2], V = t->size[3];
    gk_real beta = (gk_real)t->size[4];
    double limit = gk_verify_limit(4, (double)B * T);
    gk_real *d_w_e = gk_trial_out(t, gk_trial_layout_flat((size_t)V * D), beta, limit);
    gk_real *d_w_pos = gk_trial_out(t, gk_trial_layout_flat((size_t)T * D), beta, limit);
    const gk_real *dx = gk_trial_in(t, gk_trial_layout_flat((size_t)B * T * D), 1);
    const int32_t *token = indices(t, gk_trial_layout_flat((size_t)B * T), V);

    while (gk_trial_again(t))
        t->be->embed_back(t->be, d_w_e, d_w_pos, dx, token, t->R, B, T, D, V, beta);
}

/* Scores are about sharp^2 sqrt(K) / 3; an error of theirs is a relative one of probabilities. */
void gk_trial_attention(gk_trial *t)
{
    const int *s = t->size;
    int B = s[0], Q = s[1], T = s[2], H = s[3], K = s[4], sharp = s[5];
    double limit = gk_verify_limit(4 * sharp * sharp, (double)K + T);
    gk_trial_layout queries = gk_trial_layout_flat((size_t)B * Q * H * K),
                    keys = gk_trial_layout_flat((size_t)B * T * H * K);
    gk_real *z = gk_trial_out(t, queries, 0, limit);
    gk_real *prob = gk_trial_out(t, gk_trial_layout_flat((size_t)B * H * Q * T), 0, limit);
    const gk_real *q = gk_trial_in(t, queries, sharp), *k = gk_trial_in(t, keys, sharp);
    const gk_real *v = gk_trial_in(t, keys, 1);

    while (gk_trial_again(t)) t->be->attention(t->be, z, prob, q, k, v, t->R, B, Q, T, H, K);
}

/* prob (B,H,Q,T): 0 where the query does not see, else about 1 / T. */
static void fill_prob(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    int Q = t->size[1], T = t->size[2], key = (int)(i % T), query = (int)(i / T % Q);
    gk_real value = (gk_real)(key <= T - Q + query ? 2 * u / x : 0);

    (void)run;
    memcpy(element, &value, sizeof value);
}

void gk_trial_attention_back(gk_trial *t)
{
    const int *s = t->size;
    int B = s[0], Q = s[1], T = s[2], H = s[3], K = s[4];
    double limit = gk_verify_limit(4, (double)K + Q + T);
    gk_trial_layout queries = gk_trial_layout_flat((size_t)B * Q * H * K),
                    keys = gk_trial_layout_flat((size_t)B * T * H * K);
    gk_trial_array probs = {.element = sizeof(gk_real),
                            .layout = gk_trial_layout_flat((size_t)B * H * Q * T)};
    gk_real *dq = gk_trial_out(t, queries, 0, limit), *dk = gk_trial_out(t, keys, 0, limit);
    gk_real *dv = gk_trial_out(t, keys, 0, limit);
    const gk_real *dz = gk_trial_in(t, queries, 1), *prob = gk_trial_add(t, probs, fill_prob, T);
    const gk_real *q = gk_trial_in(t, queries, 1), *k = gk_trial_in(t, keys, 1);
    const gk_real *v = gk_trial_in(t, keys, 1);

    while (gk_trial_again(t))
        t->be->attention_back(t->be, dq, dk, dv, dz, prob, q, k, v, t->R, B, Q, T, H, K);
}

void gk_trial_bias_act(gk_trial *t)
{
    int rows = t->size[0], F = t->size[1], act = t->size[2], biased = t->size[3];
    int in_place = t->size[4];
    double limit = gk_verify_limit(8, 1);
    gk_trial_layout layout = gk_trial_layout_flat((size_t)rows * F);
    gk_real *pre = gk_trial_inout(t, layout, 3, limit);
    gk_real *h = in_place ? pre : gk_trial_out(t, layout, 0, limit);
    const gk_real *bias = biased ? gk_trial_in(t, gk_trial_layout_flat(F), 1) : NULL;

    while (gk_trial_again(t)) t->be->bias_act(t->be, h, pre, bias, t->R, rows, F, act);
}

/* Multiples of 1/4 in -x .. x: the exact zero is among them. */
static void fill_coarse(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    gk_real value = (gk_real)(floor((2 * u - 1) * x * 4 + 0.5) / 4);

    (void)t, (void)run, (void)i;
    memcpy(element, &value, sizeof value);
}

void gk_trial_bias_act_back(gk_trial *t)
{
    int rows = t->size[0], F = t->size[1], act = t->size[2], biased = t->size[3];
    int in_place = t->size[4];
    gk_real beta = (gk_real)t->size[5];
    double limit = gk_verify_limit(8, 1);
    gk_trial_layout layout = gk_trial_layout_flat((size_t)rows * F);
    gk_real *dpre = gk_trial_inout(t, layout, in_place ? 1 : 0, limit);
    gk_real *d_bias =
        biased ? gk_trial_out(t, gk_trial_layout_flat(F), beta, gk_verify_limit(8, rows)) : NULL;
    const gk_real *dh = in_place ? dpre : gk_trial_in(t, layout, 1);
    gk_trial_array inputs = {.element = sizeof(gk_real), .layout = layout};
    const gk_real *pre = gk_trial_add(t, inputs, fill_coarse, 3);

    while (gk_trial_again(t))
        t->be->bias_act_back(t->be, dpre, d_bias, dh, pre, t->R, rows, F, act, beta);
}

void gk_trial_bias_add(gk_trial *t)
{
    int rows = t->size[0], D = t->size[1];
    gk_real *x =
        gk_trial_inout(t, gk_trial_layout_flat((size_t)rows * D), 1, gk_verify_limit(1, 1));
    const gk_real *bias = gk_trial_in(t, gk_trial_layout_flat(D), 1);

    while (gk_trial_again(t)) t->be->bias_add(t->be, x, bias, t->R, rows, D);
}

void gk_trial_bias_add_back(gk_trial *t)
{
    int rows = t->size[0], D = t->size[1];
    gk_real beta = (gk_real)t->size[2];
    gk_real *d_bias = gk_trial_out(t, gk_trial_layout_flat(D), beta, gk_verify_limit(4, rows));
    const gk_real *dx = gk_trial_in(t, gk_trial_layout_flat((size_t)rows * D), 1);

    while (gk_trial_again(t)) t->be->bias_add_back(t->be, d_bias, dx, t->R, rows, D, beta);
}
