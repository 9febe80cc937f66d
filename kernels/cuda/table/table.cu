/* The table plan, weights <-> tables: gk/table.h has the formulas, ref the way back. What goes
 * from "=" through a head is a block's work for each head (matrix times vector, three times one
 * after the other); all else are lists of small products, as in ref, line by line: three
 * launches each way. */
#include "cuda/machine/products.h"
#include "cuda/machine/reduce.h"

#include <math.h>

enum { WARPS = CUDA_BLOCK / CUDA_WARP };

/* out[0..n-1] = factor * sum over i < m of x[i] a[i * ld + 0 .. n-1], by the whole block: warps
 * share the rows, lanes the columns. x, out: shared memory; so is part: CUDA_BLOCK. */
static __device__ void vector_times(float *out, const float *x, const gk_real *a, int ld, int m,
                                    int n, float factor, float *part)
{
    int lane = threadIdx.x % CUDA_WARP, warp = threadIdx.x / CUDA_WARP;

    for (int first = 0; first < n; first += CUDA_WARP) {
        int j = first + lane;
        float sum = 0;

        for (int i = warp; j < n && i < m; i += WARPS) sum += x[i] * a[(size_t)i * ld + j];
        part[threadIdx.x] = sum;
        __syncthreads();
        if (warp == 0 && j < n) {
            for (int y = 1; y < WARPS; y++) sum += part[y * CUDA_WARP + lane];
            out[j] = factor * sum;
        }
        __syncthreads();
    }
}

/* x=, q_h, u_h of head blockIdx.x. Shared: D + K. */
static __global__ void heads_kernel(gk_table t, float scale)
{
    SHARED_DYN(float, x);
    SHARED(float, part, CUDA_BLOCK);
    int D = t.D, K = t.K, HK = t.H * K, h = blockIdx.x, lane = threadIdx.x % CUDA_WARP;
    size_t r = blockIdx.y, N = t.N;
    const gk_real *w_k = t.weight.w_k + r * D * HK + h * K;
    float *q = x + D;

    for (int d = threadIdx.x; d < D; d += CUDA_BLOCK) {
        x[d] = t.weight.w_e[(r * (N + 1) + N) * D + d] + t.weight.w_pos[(r * 3 + 2) * D + d];
        if (h == 0) t.x_eq[r * D + d] = x[d];
    }
    __syncthreads();
    vector_times(q, x, t.weight.w_q + r * D * HK + h * K, HK, D, K, 1, part);
    for (int k = threadIdx.x; k < K; k += CUDA_BLOCK) t.query[r * HK + h * K + k] = q[k];
    for (int d = threadIdx.x / CUDA_WARP; d < D; d += WARPS) {
        float sum = 0;

        for (int k = lane; k < K; k += CUDA_WARP) sum += w_k[(size_t)d * HK + k] * q[k];
        sum = warp_sum(sum);
        if (lane == 0) t.key[(r * t.H + h) * D + d] = scale * sum;
    }
}

/* Matrices and vectors of all runs as operands. */
typedef struct names {
    operand w_e, w_pos, w_q, w_v, w_o, w_in, w_out, b_in, b_out,
        tail; /* tail: S = [ W_in | tail ] */
    operand x_eq, key, value, vp, v2, map, map_rest;
    size_t vectors, maps; /* elements of a run: value, map */
    int HK, W;
} names;

static operand rest_of(operand x, int F)
{
    x.at += F;
    return x;
}

static operand row_of(operand x, int i)
{
    x.at += (size_t)i * x.ld;
    return x;
}

/* The same row for every row */
static operand repeated(operand x)
{
    x.ld = 0;
    return x;
}

static names names_of(const gk_table *t)
{
    const gk_block *w = &t->weight;
    size_t N = (size_t)t->N, D = (size_t)t->D, F = (size_t)t->F, C = (size_t)t->C;
    names n;

    n.HK = t->H * t->K;
    n.W = t->F + t->rest;
    n.vectors = (N + 3) * n.HK;
    n.maps = (size_t)n.HK * n.W;
    n.w_e = in(w->w_e, (N + 1) * D, t->D);
    n.w_pos = in(w->w_pos, 3 * D, t->D);
    n.w_q = in(w->w_q, D * n.HK, n.HK);
    n.w_v = in(w->w_v, D * n.HK, n.HK);
    n.w_o = in(w->w_o, n.HK * D, t->D);
    n.w_in = in(w->w_in, D * F, t->F);
    n.w_out = in(w->w_out, F * D, t->D);
    n.b_in = in(w->b_in, F, t->F);
    n.b_out = in(w->b_out, D, t->D);
    n.tail = t->wide ? in(w->w_u, D * C, t->C) : products_unit;
    n.x_eq = in(t->x_eq, D, t->D);
    n.key = in(t->key, t->H * D, t->D);
    n.value = in(t->value, n.vectors, n.HK);
    n.vp = row_of(n.value, t->N);
    n.v2 = row_of(n.value, t->N + 2);
    n.map = in(t->map, n.maps, n.W);
    n.map_rest = rest_of(n.map, t->F);
    return n;
}

/* From q and u on: values, M, scores, W_L. */
static void build_maps(gk_backend *be, const gk_table *t, const names *n)
{
    const gk_tables *to = &t->table;
    int N = t->N, D = t->D, H = t->H, F = t->F, HK = n->HK, W = n->W;
    operand u = turned(n->key);
    products w = {};

    products_begin(&w, t->value, n->vectors, HK, N, HK);
    products_add(&w, n->w_e, n->w_v, D);
    products_begin(&w, t->value + (size_t)N * HK, n->vectors, HK, 2, HK);
    products_add(&w, n->w_pos, n->w_v, D);
    products_begin(&w, t->value + (size_t)(N + 2) * HK, n->vectors, HK, 1, HK);
    products_add(&w, n->x_eq, n->w_v, D);
    products_begin(&w, t->map, n->maps, W, HK, F);
    products_add(&w, n->w_o, n->w_in, D);
    products_begin(&w, t->map + F, n->maps, W, HK, t->rest);
    products_add(&w, n->w_o, n->tail, D);
    for (int j = 0; j < 2; j++) {
        products_begin(&w, to->score + (size_t)j * N * H, (size_t)2 * N * H, H, N, H);
        products_add(&w, n->w_e, u, D);
        products_add(&w, repeated(row_of(n->w_pos, j)), u, D);
    }
    products_begin(&w, to->score_eq, (size_t)H, H, 1, H);
    products_add(&w, n->x_eq, u, D);
    if (t->wide) {
        products_begin(&w, to->w_l, (size_t)F * t->C, t->C, F, t->C);
        products_add(&w, n->w_out, n->tail, D);
    }
    cuda_products(be, &w, t->R);
}

static void build_rows(gk_backend *be, const gk_table *t, const names *n)
{
    const gk_tables *to = &t->table;
    int N = t->N, D = t->D, H = t->H, K = t->K, F = t->F, HK = n->HK, W = n->W;
    operand map = by_head(n->map, K * W);
    products w = {};
    product *rows = products_begin(&w, to->row, (size_t)N * H * W, H * W, N, W);

    rows->heads = H;
    rows->head = W;
    products_add(&w, by_head(n->value, K), map, K);

    product *shift = products_begin(&w, to->shift, (size_t)2 * H * W, H * W, 2, W);
    shift->heads = H;
    shift->head = W;
    products_add(&w, by_head(n->vp, K), map, K);
    products_add(&w, minus(by_head(repeated(n->v2), K)), map, K);

    products_begin(&w, to->base, (size_t)W, W, 1, F);
    products_add(&w, n->x_eq, n->w_in, D);
    products_add(&w, n->v2, n->map, HK);
    if (n->b_in.at) products_add(&w, products_unit, n->b_in, 1);
    products_begin(&w, to->base + F, (size_t)W, W, 1, t->rest);
    products_add(&w, n->x_eq, n->tail, D);
    products_add(&w, n->v2, n->map_rest, HK);
    if (n->b_out.at) products_add(&w, n->b_out, n->tail, D);
    cuda_products(be, &w, t->R);
}

void cuda_table_build(gk_backend *be, const gk_table *t)
{
    names n = names_of(t);
    size_t smem = ((size_t)t->D + t->K) * sizeof(float);

    LAUNCH(be, heads_kernel, dim3((unsigned)t->H, (unsigned)t->R), CUDA_BLOCK, smem, *t,
           (float)(1 / sqrt((double)t->K)));
    build_maps(be, t, &n);
    build_rows(be, t, &n);
}

/* What the way back keeps between launches; of all runs. */
typedef struct spare {
    gk_real *value;    /* (R,N+3,H*K) in the order of t->value */
    gk_real *map;      /* (R,H*K,W) */
    gk_real *position; /* (R,2,H): sums over tokens of the scores' gradients */
    gk_real *query;    /* (R,H*K) */
} spare;

/* The scores' gradients to dW_K, dW_Q, dq and `position`, for head blockIdx.x. Shared: N + 3
 * weights of the rows that u_h is scored with, then du_h (D), dq_h (K). */
static __global__ void heads_back_kernel(gk_table t, spare to, float scale)
{
    SHARED_DYN(float, weight);
    SHARED(float, part, CUDA_BLOCK);
    SHARED(double, sums, WARPS);
    int N = t.N, D = t.D, H = t.H, K = t.K, HK = H * K, h = blockIdx.x;
    size_t r = blockIdx.y, at = r * D * HK + h * K;
    const gk_real *score = t.d_table.score + r * 2 * N * H + h, *q = t.query + r * HK + h * K;
    float *du = weight + N + 3, *dq = du + D;

    for (int j = 0; j < 2; j++) {
        double sum = 0;

        for (int i = threadIdx.x; i < N; i += CUDA_BLOCK) {
            float x = score[((size_t)j * N + i) * H];

            weight[i] = j ? weight[i] + x : x;
            sum += x;
        }
        sum = block_sum(sum, sums, WARPS);
        if (threadIdx.x == 0) weight[N + j] = to.position[(r * 2 + j) * H + h] = (float)sum;
    }
    if (threadIdx.x == 0) weight[N + 2] = t.d_table.score_eq[r * H + h];
    __syncthreads();
    vector_times(du, weight, t.weight.w_e + r * (N + 1) * D, D, N, D, scale, part);
    for (int d = threadIdx.x; d < D; d += CUDA_BLOCK) {
        const gk_real *pos = t.weight.w_pos + r * 3 * D + d;

        du[d] += scale *
                 (weight[N] * pos[0] + weight[N + 1] * pos[D] + weight[N + 2] * t.x_eq[r * D + d]);
    }
    __syncthreads();
    vector_times(dq, du, t.weight.w_k + at, HK, D, K, 1, part);
    for (int k = threadIdx.x; k < K; k += CUDA_BLOCK) to.query[r * HK + h * K + k] = dq[k];
    for (int i = threadIdx.x; i < D * K; i += CUDA_BLOCK) {
        int d = i / K, k = i % K;

        t.d_weight.w_k[at + (size_t)d * HK + k] = du[d] * q[k];
        t.d_weight.w_q[at + (size_t)d * HK + k] = t.x_eq[r * D + d] * dq[k];
    }
}

/* dM and the gradients of the values */
static void back_rows(gk_backend *be, const gk_table *t, const names *n, const spare *s)
{
    int N = t->N, H = t->H, K = t->K, HK = n->HK, W = n->W;
    operand row = by_head(in(t->d_table.row, (size_t)N * H * W, H * W), W);
    operand shift = by_head(in(t->d_table.shift, (size_t)2 * H * W, H * W), W);
    operand base = in(t->d_table.base, (size_t)W, W), map = turned(by_head(n->map, K * W));
    products w = {};
    product *p = products_begin(&w, s->map, n->maps, W, K, W);

    p->heads = H;
    p->head = K * W;
    products_add(&w, turned(by_head(n->value, K)), row, N);
    products_add(&w, turned(by_head(n->vp, K)), shift, 2);
    products_add(&w, minus(turned(by_head(repeated(n->v2), K))), shift, 2);
    products_add(&w, turned(by_head(n->v2, K)), base, 1);

    /* the last row is dv_2 without what the shifts take off it */
    const operand from[] = {row, shift, base};
    const int first[] = {0, N, N + 2}, rows[] = {N, 2, 1};
    for (int i = 0; i < 3; i++) {
        p = products_begin(&w, s->value + (size_t)first[i] * HK, n->vectors, HK, rows[i], K);
        p->heads = H;
        p->head = K;
        products_add(&w, from[i], map, W);
    }
    cuda_products(be, &w, t->R);
}

/* What S is made of: from dM, dbase and, wide, dW_L */
static void add_back_s(products *w, const gk_table *t, const names *n, const spare *s)
{
    const gk_block *d = &t->d_weight;
    int D = t->D, F = t->F, C = t->C, HK = n->HK, W = n->W;
    operand map = in(s->map, n->maps, W), base = in(t->d_table.base, (size_t)W, W);
    operand w_l = in(t->d_table.w_l, (size_t)F * C, C);

    products_begin(w, d->w_o, (size_t)HK * D, D, HK, D);
    products_add(w, map, turned(n->w_in), F);
    products_add(w, rest_of(map, F), turned(n->tail), t->rest);
    products_begin(w, d->w_in, (size_t)D * F, F, D, F);
    products_add(w, turned(n->w_o), map, HK);
    products_add(w, turned(n->x_eq), base, 1);
    if (d->b_in) {
        products_begin(w, d->b_in, (size_t)F, F, 1, F);
        products_add(w, products_unit, base, 1);
    }
    if (d->b_out) {
        products_begin(w, d->b_out, (size_t)D, D, 1, D);
        products_add(w, rest_of(base, F), turned(n->tail), t->rest);
    }
    if (!t->wide) return;
    products_begin(w, d->w_u, (size_t)D * C, C, D, C);
    products_add(w, turned(n->w_o), rest_of(map, F), HK);
    products_add(w, turned(n->x_eq), rest_of(base, F), 1);
    if (n->b_out.at) products_add(w, turned(n->b_out), rest_of(base, F), 1);
    products_add(w, turned(n->w_out), w_l, F);
    products_begin(w, d->w_out, (size_t)F * D, D, F, D);
    products_add(w, w_l, turned(n->tail), C);
}

/* dW_V, dW_E, dW_pos; dx= into the rows of "=" of both */
static void add_back_embeddings(products *w, const gk_table *t, const names *n, const spare *s)
{
    const gk_block *d = &t->d_weight;
    int N = t->N, D = t->D, H = t->H, F = t->F, HK = n->HK;
    operand value = in(s->value, n->vectors, HK), vp = row_of(value, N), v2 = row_of(value, N + 2);
    operand score = in(t->d_table.score, (size_t)2 * N * H, H), w_v = turned(n->w_v);
    operand base = in(t->d_table.base, (size_t)n->W, n->W);

    products_begin(w, d->w_v, (size_t)D * HK, HK, D, HK);
    products_add(w, turned(n->w_e), value, N);
    products_add(w, turned(n->w_pos), vp, 2);
    products_add(w, turned(n->x_eq), v2, 1);
    products_add(w, minus(turned(repeated(n->x_eq))), vp, 2);
    products_begin(w, d->w_e, (size_t)(N + 1) * D, D, N, D);
    products_add(w, value, w_v, HK);
    products_add(w, score, n->key, H);
    products_add(w, row_of(score, N), n->key, H);
    products_begin(w, d->w_pos, (size_t)3 * D, D, 2, D);
    products_add(w, vp, w_v, HK);
    products_add(w, in(s->position, (size_t)2 * H, H), n->key, H);

    product *eq = products_begin(w, d->w_e + (size_t)N * D, (size_t)(N + 1) * D, D, 1, D);
    eq->copy = d->w_pos + 2 * (size_t)D;
    eq->copy_run = (size_t)3 * D;
    products_add(w, base, turned(n->w_in), F);
    products_add(w, rest_of(base, F), turned(n->tail), t->rest);
    products_add(w, v2, w_v, HK);
    products_add(w, minus(vp), w_v, HK);
    products_add(w, minus(row_of(vp, 1)), w_v, HK);
    products_add(w, in(t->d_table.score_eq, (size_t)H, H), n->key, H);
    products_add(w, in(s->query, (size_t)HK, HK), turned(n->w_q), HK);
}

void cuda_table_back(gk_backend *be, const gk_table *t)
{
    names n = names_of(t);
    size_t R = (size_t)t->R, all = n.vectors + n.maps + 2 * (size_t)t->H + n.HK;
    size_t smem = ((size_t)t->N + 3 + t->D + t->K) * sizeof(float);
    gk_real *memory = (gk_real *)cuda_scratch(be, R * all * sizeof *memory);
    products w = {};

    if (!memory) return;
    spare s = {memory, memory + R * n.vectors, memory + R * (n.vectors + n.maps),
               memory + R * (n.vectors + n.maps + 2 * (size_t)t->H)};

    LAUNCH(be, heads_back_kernel, dim3((unsigned)t->H, (unsigned)t->R), CUDA_BLOCK, smem, *t, s,
           (float)(1 / sqrt((double)t->K)));
    back_rows(be, t, &n, &s);
    add_back_s(&w, t, &n, &s);
    add_back_embeddings(&w, t, &n, &s);
    cuda_products(be, &w, t->R);
}
