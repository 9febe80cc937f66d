/* Small products, a list at a time. A block owns a tile of one c of one run and head. The terms
 * of a product, one after the other, are cut into panels of DEPTH; four groups of 64 threads
 * take turns at them, each summing the whole tile, 4 x 4 elements to a thread, while its next
 * panel is on the way; then the groups' sums are added in order. So even a thin, deep product
 * has four panels under way at once, and the order depends on the shapes alone. */
#include "cuda/machine/products.h"

enum {
    TILE = 32,
    DEPTH = 16,
    GROUPS = 4,
    THREADS = CUDA_BLOCK / GROUPS, /* of a group */
    EACH = TILE * DEPTH / THREADS, /* elements of a panel that a thread fetches */
    QUADS = TILE / 4,              /* to a row */
    ROW = QUADS + 1,               /* in shared memory, against bank conflicts */
    PANEL = DEPTH * ROW
};

typedef struct alignas(16) quad {
    float x[4];
} quad;

/* Where a group is: panel k of a term, `end` being beyond the last term */
typedef struct place {
    int term, k, end;
} place;

static __host__ __device__ int panels_of(const products &w, int term)
{
    return (w.term[term].k + DEPTH - 1) / DEPTH;
}

static __device__ void skip(place *p, const products &w, int panels)
{
    p->k += panels;
    while (p->term < p->end && p->k >= panels_of(w, p->term)) p->k -= panels_of(w, p->term++);
}

/* Element `e` of this thread's share of a panel: which row (or column) of the tile, at which
 * depth. Neighbouring threads read neighbouring elements: `deep` where these lie along the
 * depth. */
static __device__ void share_of(int e, bool deep, int *across, int *depth)
{
    int i = threadIdx.x % THREADS + e * THREADS;

    *across = deep ? i / DEPTH : i % TILE;
    *depth = deep ? i % DEPTH : i / TILE;
}

/* This thread's share of a panel of an operand, 0 beyond its edges: tile rows from `first` of
 * `most`, depths from k0 of k. */
static __device__ void fetch(float *share, const operand &x, bool left, size_t shift, int first,
                             int most, int k0, int k)
{
    bool deep = left != x.turned;

    for (int e = 0; e < EACH; e++) {
        int across, depth;

        share_of(e, deep, &across, &depth);
        size_t i = (size_t)first + across, d = (size_t)k0 + depth;

        share[e] = 0;
        if (i >= (size_t)most || d >= (size_t)k) continue;
        if (x.at)
            share[e] = x.sign * x.at[shift + (deep ? i * x.ld + d : d * x.ld + i)];
        else
            share[e] = left || i == d ? 1 : 0;
    }
}

static __device__ void put(quad *panel, const float *share, bool deep)
{
    for (int e = 0; e < EACH; e++) {
        int across, depth;

        share_of(e, deep, &across, &depth);
        panel[depth * ROW + across / 4].x[across % 4] = share[e];
    }
}

/* The share of a whole step; nothing once the terms are through. deep: of a, of b. */
static __device__ void fetch_both(float *a, float *b, bool *deep, const products &w,
                                  const product &p, const place &at, int head, int row, int col)
{
    for (int e = 0; e < EACH; e++) a[e] = b[e] = 0;
    if (at.term == at.end) return;
    const products_term &t = w.term[at.term];
    size_t r = blockIdx.y;

    deep[0] = !t.a.turned;
    deep[1] = t.b.turned;
    fetch(a, t.a, true, r * t.a.run + (size_t)head * t.a.head, row, p.m, at.k * DEPTH, t.k);
    fetch(b, t.b, false, r * t.b.run + (size_t)head * t.b.head, col, p.n, at.k * DEPTH, t.k);
}

static __device__ void multiply(float sum[4][4], const quad *a, const quad *b)
{
    int thread = threadIdx.x % THREADS;

    for (int d = 0; d < DEPTH; d++) {
        quad x = a[d * ROW + thread / QUADS], y = b[d * ROW + thread % QUADS];

        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) sum[i][j] += x.x[i] * y.x[j];
    }
}

/* Adds the groups' tiles and writes what lies within c. tiles: GROUPS * TILE * QUADS */
static __device__ void finish(quad *tiles, const float sum[4][4], const product &p, int head,
                              int row, int col)
{
    int thread = threadIdx.x % THREADS, group = threadIdx.x / THREADS;
    size_t shift = blockIdx.y * p.run + (size_t)head * p.head;

    for (int i = 0; i < 4; i++) {
        quad *to = tiles + (group * TILE + thread / QUADS * 4 + i) * QUADS + thread % QUADS;

        for (int j = 0; j < 4; j++) to->x[j] = sum[i][j];
    }
    __syncthreads();
    for (int at = threadIdx.x; at < TILE * TILE; at += CUDA_BLOCK) {
        int i = row + at / TILE, j = col + at % TILE;
        float total = 0;

        if (i >= p.m || j >= p.n) continue;
        for (int g = 0; g < GROUPS; g++) total += tiles[(g * TILE * TILE + at) / 4].x[at % 4];
        p.c[shift + (size_t)i * p.ld + j] = total;
        if (p.copy) p.copy[blockIdx.y * p.copy_run + j] = total;
    }
}

static __global__ void __launch_bounds__(CUDA_BLOCK) products_kernel(const products w)
{
    SHARED(quad, tiles, 2 * GROUPS * PANEL);
    int i = 0, group = threadIdx.x / THREADS;

    while (i + 1 < w.n && (int)blockIdx.x >= w.of[i + 1].block) i++;
    const product &p = w.of[i];
    int across = (p.n + TILE - 1) / TILE, down = (p.m + TILE - 1) / TILE;
    int tile = blockIdx.x - p.block, head = tile / (across * down);
    int row = tile / across % down * TILE, col = tile % across * TILE, panels = 0;
    quad *a = tiles + 2 * group * PANEL, *b = a + PANEL;
    place at = {p.term, 0, p.term + p.terms};
    float sum[4][4] = {}, next_a[EACH], next_b[EACH];
    bool deep[2] = {};

    for (int t = at.term; t < at.end; t++) panels += panels_of(w, t);
    skip(&at, w, group);
    fetch_both(next_a, next_b, deep, w, p, at, head, row, col);
    for (; panels > 0; panels -= GROUPS) {
        put(a, next_a, deep[0]);
        put(b, next_b, deep[1]);
        __syncthreads();
        skip(&at, w, GROUPS);
        fetch_both(next_a, next_b, deep, w, p, at, head, row, col);
        multiply(sum, a, b);
        __syncthreads();
    }
    finish(tiles, sum, p, head, row, col);
}

product *products_begin(products *w, gk_real *c, size_t run, int ld, int m, int n)
{
    GK_CHECK(w->n < PRODUCTS_MOST);
    product *p = &w->of[w->n++];

    *p = {};
    p->c = c;
    p->run = run;
    p->ld = ld;
    p->m = m;
    p->n = n;
    p->heads = 1;
    p->term = w->terms;
    return p;
}

void products_add(products *w, operand a, operand b, int k)
{
    GK_CHECK(w->terms < TERMS_MOST && w->n > 0);
    w->term[w->terms++] = {a, b, k};
    w->of[w->n - 1].terms++;
}

void cuda_products(gk_backend *be, products *w, int R)
{
    w->blocks = 0;
    for (int i = 0; i < w->n; i++) {
        product *p = &w->of[i];

        p->block = w->blocks;
        w->blocks += p->heads * ((p->m + TILE - 1) / TILE) * ((p->n + TILE - 1) / TILE);
    }
    LAUNCH(be, products_kernel, dim3((unsigned)w->blocks, (unsigned)R), CUDA_BLOCK, 0, *w);
}
