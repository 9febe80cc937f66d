/* Causal attention of the last Q of T positions, for few keys, an example at a time: all that it
 * needs stays in the first cache. The bits are those of attention_long.c. */
#ifndef SIMD
#include "cpu/attention.h"

#include <math.h>

/* Examples [first, end), counted through all runs. */
typedef struct attention_chunk {
    size_t first, end;
} attention_chunk;

static attention_chunk chunk_of(const attention_job *w, int chunk)
{
    int per_run = cpu_pieces(w->B, w->chunk);
    cpu_range range = cpu_piece(w->B, w->chunk, chunk % per_run);
    size_t run = (size_t)(chunk / per_run) * w->B;

    return (attention_chunk){run + range.from, run + range.to};
}

#define SIMD_SOURCE "cpu/attention.c"
#include "cpu/machine/simd.h"

static int examples_per_chunk(int Q, int T, int H, int K)
{
    return cpu_chunk_rows((Q + T) * H * K);
}

void cpu_attention(gk_backend *be, gk_real *z, gk_real *prob, const gk_real *q, const gk_real *k,
                   const gk_real *v, int R, int B, int Q, int T, int H, int K)
{
    attention_job job = {.z = z,
                         .prob = prob,
                         .q = q,
                         .k = k,
                         .v = v,
                         .R = R,
                         .B = B,
                         .Q = Q,
                         .T = T,
                         .H = H,
                         .K = K,
                         .chunk = examples_per_chunk(Q, T, H, K),
                         .scale = (float)(1 / sqrt(K))};

    if (cpu_attention_is_long(T))
        cpu_attention_long(be, &job);
    else
        cpu_parallel(be, R * cpu_pieces(B, job.chunk), CPU_PICK(be, examples), &job);
}

void cpu_attention_back(gk_backend *be, gk_real *dq, gk_real *dk, gk_real *dv, const gk_real *dz,
                        const gk_real *prob, const gk_real *q, const gk_real *k, const gk_real *v,
                        int R, int B, int Q, int T, int H, int K)
{
    attention_job job = {.dq = dq,
                         .dk = dk,
                         .dv = dv,
                         .p = prob,
                         .dz = dz,
                         .q = q,
                         .k = k,
                         .v = v,
                         .R = R,
                         .B = B,
                         .Q = Q,
                         .T = T,
                         .H = H,
                         .K = K,
                         .chunk = examples_per_chunk(Q, T, H, K),
                         .scale = (float)(1 / sqrt(K))};
    int chunks = R * cpu_pieces(B, job.chunk);

    if (cpu_attention_is_long(T)) {
        cpu_attention_long_back(be, &job);
        return;
    }
    job.scratch = cpu_scratch(be, (size_t)chunks * T * sizeof *job.scratch);
    cpu_parallel(be, chunks, CPU_PICK(be, examples_back), &job);
}

#else

/* s[t] = x . (row t), rows `stride` apart: chains over K, as the products of attention_long.c */
__attribute__((always_inline)) static inline void
SIMD(chains)(gk_real *s, const gk_real *x, const gk_real *rows, size_t stride, int n, int K)
{
    float sum[4] = {0};

    for (int c = 0; c < K; c++) {
#pragma GCC unroll 4
        for (int t = 0; t < n; t++) sum[t] = v_fma_one(x[c], rows[t * stride + c], sum[t]);
    }
    for (int t = 0; t < n; t++) s[t] = sum[t];
}

static inline void SIMD(dots)(gk_real *s, const gk_real *x, const gk_real *rows, size_t stride,
                              int n, int K)
{
    for (; n > 4; n -= 4, s += 4, rows += 4 * stride) SIMD(chains)(s, x, rows, stride, 4, K);
    switch (n) {
    case 1: SIMD(chains)(s, x, rows, stride, 1, K); break;
    case 2: SIMD(chains)(s, x, rows, stride, 2, K); break;
    case 3: SIMD(chains)(s, x, rows, stride, 3, K); break;
    default: SIMD(chains)(s, x, rows, stride, 4, K);
    }
}

/* prob[t] = score of key t minus the largest; beyond the `seen` keys -inf. A NaN stays one. */
static inline void SIMD(scores)(gk_real *prob, const gk_real *q, const gk_real *k, size_t stride,
                                int seen, int T, int K, float scale)
{
    float max = -HUGE_VALF;

    SIMD(dots)(prob, q, k, stride, seen, K);
    for (int t = 0; t < seen; t++) {
        prob[t] *= scale;
        max = prob[t] > max ? prob[t] : max;
    }
    for (int t = 0; t < seen; t++) prob[t] -= max;
    for (int t = seen; t < T; t++) prob[t] = -HUGE_VALF;
}

static inline void SIMD(exponentials)(gk_real *x, size_t n)
{
    size_t i = 0;

    for (; i + VW <= n; i += VW) v_store(x + i, v_exp(v_load(x + i)));
    if (i < n) v_store_part(x + i, v_exp(v_load_part(x + i, (int)(n - i), 0)), (int)(n - i));
}

static inline void SIMD(normalise)(gk_real *prob, int n)
{
    float factor = (float)(1 / d_sum_of(prob, n));

    for (int t = 0; t < n; t++) prob[t] *= factor;
}

/* out[0..K-1] = sum over t < n of weight[t] in[t stride], a vector of columns at a time */
static inline void SIMD(weighted)(gk_real *out, const gk_real *weight, const gk_real *in,
                                  size_t stride, int n, int K)
{
    int c = 0;

    for (; c + VW <= K; c += VW) {
        vf sum = v_set(0);

        for (int t = 0; t < n; t++) sum = v_fma(v_set(weight[t]), v_load(in + t * stride + c), sum);
        v_store(out + c, sum);
    }
    if (c == K) return;
    vf sum = v_set(0);

    for (int t = 0; t < n; t++)
        sum = v_fma(v_set(weight[t]), v_load_part(in + t * stride + c, K - c, 0), sum);
    v_store_part(out + c, sum, K - c);
}

/* Query i of head h of the examples of a chunk; exp is taken of all their scores at once. */
static void SIMD(examples)(const void *job, int chunk)
{
    const attention_job *w = job;
    const int Q = w->Q, T = w->T, H = w->H, K = w->K;
    const size_t HK = (size_t)H * K;
    attention_chunk c = chunk_of(w, chunk);
    gk_real *prob = w->prob + c.first * H * Q * T;

    for (size_t e = c.first; e < c.end; e++) {
        for (int h = 0; h < H; h++) {
            const gk_real *q = w->q + e * Q * HK + (size_t)h * K;
            const gk_real *k = w->k + e * T * HK + (size_t)h * K;

            for (int i = 0; i < Q; i++, prob += T)
                SIMD(scores)(prob, q + i * HK, k, HK, T - Q + i + 1, T, K, w->scale);
        }
    }
    prob = w->prob + c.first * H * Q * T;
    SIMD(exponentials)(prob, (c.end - c.first) * H * Q * T);
    for (size_t e = c.first; e < c.end; e++) {
        for (int h = 0; h < H; h++) {
            const gk_real *v = w->v + e * T * HK + (size_t)h * K;
            gk_real *z = w->z + e * Q * HK + (size_t)h * K;

            for (int i = 0; i < Q; i++, prob += T) {
                SIMD(normalise)(prob, T - Q + i + 1);
                SIMD(weighted)(z + i * HK, prob, v, HK, T - Q + i + 1, K);
            }
        }
    }
}

/* out (+)= factor in */
static inline void SIMD(add_scaled)(gk_real *out, float factor, const gk_real *in, int K, bool add)
{
    int c = 0;

    for (; c + VW <= K; c += VW) {
        vf y = add ? v_load(out + c) : v_set(0);

        v_store(out + c, v_fma(v_set(factor), v_load(in + c), y));
    }
    if (c == K) return;
    vf y = add ? v_load_part(out + c, K - c, 0) : v_set(0);

    v_store_part(out + c, v_fma(v_set(factor), v_load_part(in + c, K - c, 0), y), K - c);
}

/* One query: ds[t] = p[t] (dz . v[t] - mean) / sqrt(K), formulas as in ref. */
static inline void SIMD(score_gradients)(gk_real *ds, const gk_real *p, const gk_real *dz,
                                         const gk_real *v, size_t stride, int seen, int K,
                                         float scale)
{
    SIMD(dots)(ds, dz, v, stride, seen, K);
    float mean = (float)d_sum_of_products(p, ds, seen);

    for (int t = 0; t < seen; t++) ds[t] = p[t] * (ds[t] - mean) * scale;
}

/* Query i is the first that sees key T - Q + i, and query 0 the first of all before. */
static void SIMD(examples_back)(const void *job, int chunk)
{
    const attention_job *w = job;
    const int Q = w->Q, T = w->T, H = w->H, K = w->K;
    const size_t HK = (size_t)H * K;
    attention_chunk c = chunk_of(w, chunk);
    const gk_real *p = w->p + c.first * H * Q * T;
    gk_real *ds = w->scratch + (size_t)chunk * T;

    for (size_t eh = c.first * H; eh < c.end * H; eh++) {
        size_t query = eh / H * Q * HK + eh % H * K, key = eh / H * T * HK + eh % H * K;

        for (int i = 0; i < Q; i++, query += HK, p += T) {
            int seen = T - Q + i + 1;

            SIMD(score_gradients)(ds, p, w->dz + query, w->v + key, HK, seen, K, w->scale);
            SIMD(weighted)(w->dq + query, ds, w->k + key, HK, seen, K);
            for (int t = 0; t < seen; t++) {
                bool add = i > 0 && t < seen - 1;

                SIMD(add_scaled)(w->dk + key + t * HK, ds[t], w->q + query, K, add);
                SIMD(add_scaled)(w->dv + key + t * HK, p[t], w->dz + query, K, add);
            }
        }
    }
}

#endif
