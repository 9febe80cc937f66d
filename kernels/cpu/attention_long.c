/* Causal attention for many keys: matrix products of the (queries, keys) of a head, by the tiles
 * of tiles.c, a block of queries (or keys) at a time, which leaves out most of what the mask
 * hides. A head of an example is computed by itself: bits depend neither on chunks nor on R. */
#ifndef SIMD
#include "cpu/attention.h"

#include <math.h>

enum { FEW_KEYS = 8, BLOCK = 48 /* whole tiles of every variant */, MOST_CHUNKS = 128 };

/* op(b), packed: k steps of all its strips */
typedef struct packed {
    gk_real *at;
    int k;
} packed;

static size_t packed_floats(const attention_job *w, int k, int n)
{
    return (size_t)cpu_pieces(n, w->tiles->strip) * w->tiles->strip * k;
}

/* Packs rows (k,n), or (n,k) transposed, that are HK apart. */
static packed pack(const attention_job *w, gk_real *to, const gk_real *rows, int k, int n,
                   int transposed)
{
    w->tiles->pack(to, rows, k, n, transposed, w->H * w->K);
    return (packed){to, k};
}

/* p.c = op(p.a) times p.k steps from `first` on of b: one chain, however long. */
static void multiply(const attention_job *w, cpu_product p, packed b, int first)
{
    w->tiles->multiply(&p, b.at + (size_t)first * w->tiles->strip, (size_t)b.k * w->tiles->strip);
}

/* Heads of all examples, (r, b, h), in chunks; results do not depend on how many. */
static cpu_range heads_of(const attention_job *w, int chunk)
{
    return cpu_piece(w->R * w->B * w->H, w->chunk, chunk);
}

/* Where head eh starts in an array (R,B,rows,H,K). */
static size_t head_at(const attention_job *w, int eh, int rows)
{
    return ((size_t)(eh / w->H) * rows * w->H + eh % w->H) * w->K;
}

/* out (rows of p.m queries, `keys` of T columns) = rows of a times packed b */
static cpu_product scores_of(const attention_job *w, gk_real *out, const gk_real *a,
                             cpu_range block, int keys)
{
    const int HK = w->H * w->K;

    return (cpu_product){.c = out + (size_t)block.from * w->T,
                         .a = a + (size_t)block.from * HK,
                         .m = block.to - block.from,
                         .n = keys,
                         .k = w->K,
                         .lda = HK,
                         .ldc = w->T};
}

/* out (rows of queries, K) = p (queries, `keys` of T) times packed b */
static cpu_product mixture_of(const attention_job *w, gk_real *out, const gk_real *p,
                              cpu_range block, int keys)
{
    const int HK = w->H * w->K;

    return (cpu_product){.c = out + (size_t)block.from * HK,
                         .a = p + (size_t)block.from * w->T,
                         .m = block.to - block.from,
                         .n = w->K,
                         .k = keys,
                         .lda = w->T,
                         .ldc = HK};
}

/* out (rows of keys, K) = p^T times packed rows of queries from `first` on, the first that sees any
 * of the keys */
static cpu_product gathered_of(const attention_job *w, gk_real *out, const gk_real *p,
                               cpu_range block, int first)
{
    const int HK = w->H * w->K;

    return (cpu_product){.c = out + (size_t)block.from * HK,
                         .a = p + (size_t)first * w->T + block.from,
                         .m = block.to - block.from,
                         .n = w->K,
                         .k = w->Q - first,
                         .ta = 1,
                         .lda = w->T,
                         .ldc = HK};
}

#define SIMD_SOURCE "cpu/attention_long.c"
#include "cpu/machine/simd.h"

bool cpu_attention_is_long(int T) { return T > FEW_KEYS; }

static void run(gk_backend *be, attention_job *w, cpu_chunk *heads, size_t room)
{
    int n = w->R * w->B * w->H;

    w->chunk = cpu_pieces(n, MOST_CHUNKS);
    w->room = room;
    w->scratch = cpu_scratch(be, (size_t)cpu_pieces(n, w->chunk) * room * sizeof *w->scratch);
    cpu_parallel(be, cpu_pieces(n, w->chunk), heads, w);
}

void cpu_attention_long(gk_backend *be, attention_job *w)
{
    w->tiles = cpu_tiles_of(be);
    run(be, w, CPU_PICK(be, heads), packed_floats(w, w->K, w->T) + packed_floats(w, w->T, w->K));
}

void cpu_attention_long_back(gk_backend *be, attention_job *w)
{
    w->tiles = cpu_tiles_of(be);
    run(be, w, CPU_PICK(be, heads_back),
        (size_t)w->Q * w->T + packed_floats(w, w->K, w->T) +
            packed_floats(w, w->T, w->K)); /* of T >= Q rows */
}

#else

/* x[0 .. n-1] times `factor`; the largest of them, leaving out NaN */
static inline float SIMD(scale_and_max)(gk_real *x, int n, float factor)
{
    vf max = v_set(-HUGE_VALF);
    int t = 0;

    for (; t + VW <= n; t += VW) {
        vf y = v_load(x + t) * v_set(factor);

        v_store(x + t, y);
        max = v_max(y, max);
    }
    if (t < n) {
        vf y = v_load_part(x + t, n - t, -HUGE_VALF) * v_set(factor);

        v_store_part(x + t, y, n - t);
        max = v_max(y, max);
    }
    return v_largest(max);
}

/* x = exp(x - max); their sum */
static inline double SIMD(exponentials)(gk_real *x, int n, float max)
{
    vd sum[2 * WIDE];

    d_clear(sum);
    for (int t = 0; t < n; t += LANES) {
#pragma GCC unroll 4
        for (int v = 0; v < WIDE; v++) {
            int at = t + v * VW;
            vf y = v_exp(v_load_up_to(x + at, n - at, -HUGE_VALF) - v_set(max));

            v_store_up_to(x + at, y, n - at);
            d_add(sum, v, y);
        }
    }
    return d_total(sum);
}

/* The first `seen` of T products become probabilities, the rest 0. A NaN makes all of them NaN. */
static void SIMD(softmax)(gk_real *p, int seen, int T, float scale)
{
    float max = SIMD(scale_and_max)(p, seen, scale);
    float factor = (float)(1 / SIMD(exponentials)(p, seen, max));

    for (int t = 0; t < seen; t++) p[t] *= factor;
    memset(p + seen, 0, (T - seen) * sizeof *p);
}

/* Heads one after the other: scores, softmax, mixture. */
static void SIMD(heads)(const void *job, int chunk)
{
    const attention_job *w = job;
    const int Q = w->Q, T = w->T, K = w->K;
    gk_real *scratch = w->scratch + chunk * w->room;

    for (cpu_range x = heads_of(w, chunk); x.from < x.to; x.from++) {
        size_t query = head_at(w, x.from, Q), key = head_at(w, x.from, T);
        gk_real *prob = w->prob + (size_t)x.from * Q * T;
        packed k = pack(w, scratch, w->k + key, K, T, 1);
        packed v = pack(w, scratch + packed_floats(w, K, T), w->v + key, T, K, 0);

        for (int i = 0; i < Q; i += BLOCK) {
            cpu_range block = {i, cpu_min(Q, i + BLOCK)};
            int keys = T - Q + block.to;

            multiply(w, scores_of(w, prob, w->q + query, block, keys), k, 0);
            for (int row = block.from; row < block.to; row++)
                SIMD(softmax)(prob + (size_t)row * T, T - Q + row + 1, T, w->scale);
            multiply(w, mixture_of(w, w->z + query, prob, block, keys), v, 0);
        }
    }
}

/* dp becomes ds = p (dp - sum of p dp) / sqrt(K), 0 beyond the `seen` keys. */
static void SIMD(softmax_back)(gk_real *ds, const gk_real *p, int seen, int T, float scale)
{
    float mean = (float)d_sum_of_products(p, ds, seen);

    for (int t = 0; t < seen; t++) ds[t] = p[t] * (ds[t] - mean) * scale;
    memset(ds + seen, 0, (T - seen) * sizeof *ds);
}

/* dk or dv of a head: p^T times rows of queries */
static void SIMD(gather)(const attention_job *w, gk_real *out, const gk_real *p, packed b)
{
    for (int t = 0; t < w->T; t += BLOCK) {
        cpu_range block = {t, cpu_min(w->T, t + BLOCK)};
        int first = cpu_max(0, t - (w->T - w->Q));

        multiply(w, gathered_of(w, out, p, block, first), b, first);
    }
}

/* Formulas as in ref, as products: dp = dz v^T, dq = ds k, dk = ds^T q, dv = p^T dz. */
static void SIMD(heads_back)(const void *job, int chunk)
{
    const attention_job *w = job;
    const int Q = w->Q, T = w->T, K = w->K;
    gk_real *ds = w->scratch + chunk * w->room, *first = ds + (size_t)Q * T;
    gk_real *second = first + packed_floats(w, K, T);

    for (cpu_range x = heads_of(w, chunk); x.from < x.to; x.from++) {
        size_t query = head_at(w, x.from, Q), key = head_at(w, x.from, T);
        const gk_real *p = w->p + (size_t)x.from * Q * T;
        packed v = pack(w, first, w->v + key, K, T, 1);
        packed k = pack(w, second, w->k + key, T, K, 0);

        for (int i = 0; i < Q; i += BLOCK) {
            cpu_range block = {i, cpu_min(Q, i + BLOCK)};
            int keys = T - Q + block.to;

            multiply(w, scores_of(w, ds, w->dz + query, block, keys), v, 0);
            for (int row = block.from; row < block.to; row++) SIMD(softmax_back)
            (ds + (size_t)row * T, p + (size_t)row * T, T - Q + row + 1, T, w->scale);
            multiply(w, mixture_of(w, w->dq + query, ds, block, keys), k, 0);
        }
        SIMD(gather)(w, w->dk + key, ds, pack(w, second, w->q + query, Q, K, 0));
        SIMD(gather)(w, w->dv + key, p, pack(w, second, w->dz + query, Q, K, 0));
    }
}

#endif
