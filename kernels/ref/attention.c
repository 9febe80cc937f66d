/* Causal attention of the last Q of T positions, one (example, head) at a time. */
#include "kernels.h"

#include <math.h>
#include <stdlib.h>

/* Row x of an array (R,B,rows,H,K) at head h: `example` counts (r, b) together. */
static size_t at(size_t example, int rows, int x, int H, int h, int K)
{
    return ((example * rows + x) * H + h) * K;
}

static double dot(const gk_real *a, const gk_real *b, int K)
{
    double sum = 0;

    for (int i = 0; i < K; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

/* score[0..n-1] becomes its softmax. A NaN among them makes all of them NaN. */
static void softmax(double *score, int n)
{
    double max = score[0], sum = 0;

    for (int t = 1; t < n; t++) max = score[t] > max ? score[t] : max;
    for (int t = 0; t < n; t++) sum += score[t] = exp(score[t] - max);
    for (int t = 0; t < n; t++) score[t] /= sum;
}

void ref_attention(gk_backend *be, gk_real *z, gk_real *prob, const gk_real *q, const gk_real *k,
                   const gk_real *v, int R, int B, int Q, int T, int H, int K)
{
    double *p = gk_alloc(T, sizeof *p), *sum = gk_alloc(K, sizeof *sum);

    (void)be;
    for (size_t n = 0; n < (size_t)R * B * H * Q; n++) { /* n = (r, b, h, i) */
        int i = (int)(n % Q), h = (int)(n / Q % H), seen = T - Q + i + 1;
        size_t example = n / Q / H, qi = at(example, Q, i, H, h, K);

        for (int t = 0; t < seen; t++)
            p[t] = dot(q + qi, k + at(example, T, t, H, h, K), K) / sqrt(K);
        softmax(p, seen);
        for (int c = 0; c < K; c++) sum[c] = 0;
        for (int t = 0; t < seen; t++) {
            const gk_real *vt = v + at(example, T, t, H, h, K);

            for (int c = 0; c < K; c++) sum[c] += p[t] * (double)vt[c];
        }
        for (int t = 0; t < T; t++) prob[n * T + t] = (gk_real)(t < seen ? p[t] : 0);
        for (int c = 0; c < K; c++) z[qi + c] = (gk_real)sum[c];
    }
    free(p);
    free(sum);
}

/* out[0..K-1] = sum over x of weight[x step] in[row x], over rows x of an array (R,B,rows,H,K). */
static void weighted_rows(gk_real *out, const double *weight, int step, const gk_real *in,
                          size_t example, int rows, int H, int h, int K, double *sum)
{
    for (int c = 0; c < K; c++) sum[c] = 0;
    for (int x = 0; x < rows; x++) {
        const gk_real *row = in + at(example, rows, x, H, h, K);

        for (int c = 0; c < K; c++) sum[c] += weight[(size_t)x * step] * (double)row[c];
    }
    for (int c = 0; c < K; c++) out[c] = (gk_real)sum[c];
}

/* With s[i,t] = q[i] . k[t] / sqrt(K), p = softmax of s over t, z[i] = sum over t of p[i,t] v[t]:
 *     dv[t]   = sum over i of p[i,t] dz[i],     dp[i,t] = dz[i] . v[t]
 *     ds[i,t] = p[i,t] (dp[i,t] - sum over u of p[i,u] dp[i,u]),   dp_u / ds_t = p_u ([u=t] - p_t)
 *     dq[i]   = sum over t of ds[i,t] k[t] / sqrt(K)
 *     dk[t]   = sum over i of ds[i,t] q[i] / sqrt(K)
 * p is 0 beyond a query's position, and so is ds: the causal mask needs no further care. */
void ref_attention_back(gk_backend *be, gk_real *dq, gk_real *dk, gk_real *dv, const gk_real *dz,
                        const gk_real *prob, const gk_real *q, const gk_real *k, const gk_real *v,
                        int R, int B, int Q, int T, int H, int K)
{
    size_t n = (size_t)Q * T;
    double *p = gk_alloc(n, sizeof *p), *ds = gk_alloc(n, sizeof *ds);
    double *sum = gk_alloc(K, sizeof *sum);

    (void)be;
    for (size_t eh = 0; eh < (size_t)R * B * H; eh++) { /* eh = (r, b, h) */
        size_t e = eh / H;
        int h = (int)(eh % H);

        for (size_t it = 0; it < n; it++) p[it] = prob[eh * n + it];
        for (int i = 0; i < Q; i++) {
            double mean = 0, *row = ds + (size_t)i * T, *pi = p + (size_t)i * T;

            for (int t = 0; t < T; t++) {
                row[t] = dot(dz + at(e, Q, i, H, h, K), v + at(e, T, t, H, h, K), K);
                mean += pi[t] * row[t];
            }
            for (int t = 0; t < T; t++) row[t] = pi[t] * (row[t] - mean) / sqrt(K);
            weighted_rows(dq + at(e, Q, i, H, h, K), row, 1, k, e, T, H, h, K, sum);
        }
        for (int t = 0; t < T; t++) {
            weighted_rows(dk + at(e, T, t, H, h, K), ds + t, T, q, e, Q, H, h, K, sum);
            weighted_rows(dv + at(e, T, t, H, h, K), p + t, T, dz, e, Q, H, h, K, sum);
        }
    }
    free(p);
    free(ds);
    free(sum);
}
