/* Causal attention of the last Q of T positions, for few queries: a row of K floats is a few lines
 * of 128 bytes, which a warp reads, and a head of an example is small enough for one owner.
 *
 * Forward: a warp per query (r, b, h, i). Back: per (r, b, h) one warp where there is one query,
 * else a block, whose warps take turns at queries (ds and dq), then at keys (dk and dv): each
 * row of dk and dv has one owner that walks the queries in order, without atomics. In dot
 * products lanes share the columns; scores live in registers, that of key t in lane t % 32. */
#include "cuda/attention.h"
#include "cuda/machine/reduce.h"

#include <math.h>

enum {
    WARPS = CUDA_BLOCK / CUDA_WARP,
    MOST_QUERIES = 15,
    MOST_KEYS = 512,
    SHARED_MOST = 32 << 10 /* bytes of ds in shared memory */
};

/* One number for each key, CHUNKS >= T / 32 to a lane. */
template <int CHUNKS> struct keys {
    float of[CHUNKS];

    static __device__ int key(int m) { return m * CUDA_WARP + threadIdx.x % CUDA_WARP; }

    /* of[t] = a . row t of b for t < n; rows are H K apart */
    __device__ void dots(const gk_real *a, const gk_real *b, int n, const attention_sizes *s)
    {
        for (int m = 0; m < CHUNKS; m++) {
            of[m] = 0;
            for (int u = 0, t = m * CUDA_WARP; u < CUDA_WARP && t < n; u++, t++) {
                const gk_real *row = b + (size_t)t * s->H * s->K;
                float sum = 0;

                for (int c = threadIdx.x % CUDA_WARP; c < s->K; c += CUDA_WARP)
                    sum += a[c] * row[c];
                sum = warp_sum(sum);
                if (threadIdx.x % CUDA_WARP == u) of[m] = sum;
            }
        }
    }

    /* out[0..K-1] = sum over t < n of of[t] row t of b */
    __device__ void weighted(gk_real *out, const gk_real *b, int n, const attention_sizes *s) const
    {
        for (int first = 0; first < s->K; first += CUDA_WARP) {
            int c = first + threadIdx.x % CUDA_WARP;
            float sum = 0;

            for (int m = 0; m < CHUNKS; m++) {
                for (int u = 0, t = m * CUDA_WARP; u < CUDA_WARP && t < n; u++, t++) {
                    float weight = __shfl_sync(whole_warp, of[m], u);

                    if (c < s->K) sum += weight * b[(size_t)t * s->H * s->K + c];
                }
            }
            if (c < s->K) out[c] = sum;
        }
    }

    /* The softmax over t < n, 0 beyond. A NaN among them makes all of them NaN. */
    __device__ void softmax(int n, float scale)
    {
        float max = -HUGE_VALF;
        double sum = 0;

        for (int m = 0; m < CHUNKS; m++) {
            of[m] *= scale;
            if (key(m) < n && of[m] > max) max = of[m];
        }
        max = warp_max(max);
        for (int m = 0; m < CHUNKS; m++) {
            of[m] = key(m) < n ? expf(of[m] - max) : 0;
            sum += of[m];
        }
        float factor = (float)(1 / warp_sum(sum));

        for (int m = 0; m < CHUNKS; m++)
            if (key(m) < n) of[m] *= factor;
    }
};

template <int CHUNKS>
static __global__ void attention_kernel(gk_real *z, gk_real *prob, const gk_real *q,
                                        const gk_real *k, const gk_real *v, attention_sizes s)
{
    size_t n = (size_t)blockIdx.x * WARPS + threadIdx.x / CUDA_WARP, eh = n / s.Q;
    int i = (int)(n % s.Q), seen = s.T - s.Q + i + 1;
    keys<CHUNKS> p;

    if (eh >= s.E * s.H) return; /* the whole warp */
    size_t query = attention_head(eh, s.Q, &s) + (size_t)i * s.H * s.K,
           key = attention_head(eh, s.T, &s);

    p.dots(q + query, k + key, seen, &s);
    p.softmax(seen, s.scale);
    for (int m = 0; m < CHUNKS; m++)
        if (p.key(m) < s.T) prob[n * s.T + p.key(m)] = p.of[m];
    p.weighted(z + query, v + key, seen, &s);
}

/* Query i of a head: dq and its row of ds; pointers are the head's. */
template <int CHUNKS>
static __device__ void query_back(gk_real *dq, float *ds, const gk_real *dz, const gk_real *prob,
                                  const gk_real *k, const gk_real *v, int i,
                                  const attention_sizes *s)
{
    size_t at = (size_t)i * s->H * s->K;
    int seen = s->T - s->Q + i + 1;
    keys<CHUNKS> d;
    float p[CHUNKS], mean = 0;

    d.dots(dz + at, v, seen, s);
    for (int m = 0; m < CHUNKS; m++) {
        p[m] = d.key(m) < seen ? prob[(size_t)i * s->T + d.key(m)] : 0;
        mean += p[m] * d.of[m];
    }
    mean = warp_sum(mean);
    for (int m = 0; m < CHUNKS; m++) {
        d.of[m] = p[m] * (d.of[m] - mean) * s->scale;
        if (d.key(m) < s->T) ds[(size_t)i * s->T + d.key(m)] = d.of[m];
    }
    d.weighted(dq + at, k, seen, s);
}

/* out[0..K-1] = sum over the queries that see key t of weight[i,t] row i of in */
static __device__ void key_back(gk_real *out, const float *weight, const gk_real *in, int t,
                                const attention_sizes *s)
{
    int first = t > s->T - s->Q ? t - (s->T - s->Q) : 0;

    for (int c = threadIdx.x % CUDA_WARP; c < s->K; c += CUDA_WARP) {
        float sum = 0;

        for (int i = first; i < s->Q; i++)
            sum += weight[(size_t)i * s->T + t] * in[(size_t)i * s->H * s->K + c];
        out[c] = sum;
    }
}

/* `warps` warps to a head. */
template <int CHUNKS>
static __global__ void attention_back_kernel(gk_real *dq, gk_real *dk, gk_real *dv,
                                             const gk_real *dz, const gk_real *prob,
                                             const gk_real *q, const gk_real *k, const gk_real *v,
                                             int warps, attention_sizes s)
{
    SHARED_DYN(float, shared);
    int warp = threadIdx.x / CUDA_WARP, own = warp / warps, turn = warp % warps;
    size_t eh = (size_t)blockIdx.x * (WARPS / warps) + own, n = (size_t)s.Q * s.T;
    size_t query = attention_head(eh, s.Q, &s), key = attention_head(eh, s.T, &s),
           next = (size_t)s.H * s.K;
    bool there = eh < s.E * s.H;

    float *ds = shared + own * n;

    prob += eh * n;
    for (int i = turn; there && i < s.Q; i += warps)
        query_back<CHUNKS>(dq + query, ds, dz + query, prob, k + key, v + key, i, &s);
    __syncthreads();
    for (int t = turn; there && t < s.T; t += warps) {
        key_back(dk + key + t * next, ds, q + query, t, &s);
        key_back(dv + key + t * next, prob, dz + query, t, &s);
    }
}

/* Warps to a head on the way back; bytes of ds of a block. */
static int warps_of(int Q) { return Q == 1 ? 1 : WARPS; }
static size_t shared_of(int Q, int T) { return WARPS / warps_of(Q) * sizeof(float) * Q * T; }

static bool is_long(int Q, int T)
{
    return Q > MOST_QUERIES || T > MOST_KEYS || shared_of(Q, T) > SHARED_MOST;
}

/* Launches kernel<CHUNKS> for T keys. */
#define FOR_KEYS(T, be, kernel, ...)                                                               \
    do {                                                                                           \
        if (T <= CUDA_WARP)                                                                        \
            LAUNCH(be, kernel<1>, __VA_ARGS__);                                                    \
        else if (T <= 4 * CUDA_WARP)                                                               \
            LAUNCH(be, kernel<4>, __VA_ARGS__);                                                    \
        else                                                                                       \
            LAUNCH(be, kernel<MOST_KEYS / CUDA_WARP>, __VA_ARGS__);                                \
    } while (0)

void cuda_attention(gk_backend *be, gk_real *z, gk_real *prob, const gk_real *q, const gk_real *k,
                    const gk_real *v, int R, int B, int Q, int T, int H, int K)
{
    attention_sizes s = {(size_t)R * B, Q, T, H, K, (float)(1 / sqrt((double)K))};

    if (is_long(Q, T))
        cuda_attention_long(be, z, prob, q, k, v, s);
    else
        FOR_KEYS(T, be, attention_kernel, cuda_blocks(s.E * H * Q, WARPS), CUDA_BLOCK, 0, z, prob,
                 q, k, v, s);
}

void cuda_attention_back(gk_backend *be, gk_real *dq, gk_real *dk, gk_real *dv, const gk_real *dz,
                         const gk_real *prob, const gk_real *q, const gk_real *k, const gk_real *v,
                         int R, int B, int Q, int T, int H, int K)
{
    attention_sizes s = {(size_t)R * B, Q, T, H, K, (float)(1 / sqrt((double)K))};
    int warps = warps_of(Q);

    if (is_long(Q, T))
        cuda_attention_long_back(be, dq, dk, dv, dz, prob, q, k, v, s);
    else
        FOR_KEYS(T, be, attention_back_kernel, cuda_blocks(s.E * H, WARPS / warps), CUDA_BLOCK,
                 shared_of(Q, T), dq, dk, dv, dz, prob, q, k, v, warps, s);
}
