/* Matrix products by our own loops (tiles.c), cut for threads by m, n and k alone, in one of two
 * ways:
 *
 * - into blocks of c: activations, thousands of rows times a small matrix, which is packed once for
 *   all blocks;
 * - into slices of k, whose products are added in the order of the slices: gradients of weights,
 *   where c is small and k is the number of rows of the batch. */
#include "cpu/machine/tiles.h"

enum {
    BLOCK_ROWS = 96,  /* 96 x CPU_DEPTH floats of a stay in the second cache */
    BLOCK_COLS = 128, /* where there are few rows; and columns of b packed at a time in a slice */
    FEW_BLOCKS = 8,
    SLICES = 8
};

typedef struct matmul_job {
    cpu_product p; /* of run 0 */
    size_t sa, sb, sc;
    const cpu_tiles *tiles;
    gk_real *packed;   /* (R or 1, strips, k, strip): op(b) */
    size_t packed_run; /* elements from one run to the next, 0: shared */
    gk_real *part;     /* (R, slices, m, n) */
    int rows, cols;    /* of a block */
    int slice, slices;
} matmul_job;

static cpu_product product_of(const matmul_job *w, int r)
{
    cpu_product p = w->p;

    p.a += r * w->sa;
    p.b += r * w->sb;
    p.c += r * w->sc;
    return p;
}

static const gk_real *row_of_a(const cpu_product *p, int i)
{
    return p->a + (size_t)i * (p->ta ? 1 : p->lda);
}

static const gk_real *step_of_a(const cpu_product *p, int k)
{
    return p->a + (size_t)k * (p->ta ? p->lda : 1);
}

static const gk_real *column_of_b(const cpu_product *p, int j)
{
    return p->b + (size_t)j * (p->tb ? p->ldb : 1);
}

static const gk_real *step_of_b(const cpu_product *p, int k)
{
    return p->b + (size_t)k * (p->tb ? 1 : p->ldb);
}

/* Equal pieces of at most `size` of n things. */
static int even(int n, int size) { return cpu_pieces(n, cpu_pieces(n, size)); }

/* ---- blocks of c */

static void pack_strip(const void *job, int i)
{
    const matmul_job *w = job;
    int strip = w->tiles->strip, strips = cpu_pieces(w->p.n, strip), r = i / strips;
    cpu_range cols = cpu_piece(w->p.n, strip, i % strips);
    cpu_product p = product_of(w, r);

    w->tiles->pack(w->packed + (size_t)i * p.k * strip, column_of_b(&p, cols.from), p.k,
                   cols.to - cols.from, p.tb, p.ldb);
}

static void multiply_block(const void *job, int i)
{
    const matmul_job *w = job;
    int across = cpu_pieces(w->p.n, w->cols), per_run = cpu_pieces(w->p.m, w->rows) * across;
    cpu_range rows = cpu_piece(w->p.m, w->rows, i % per_run / across);
    cpu_range cols = cpu_piece(w->p.n, w->cols, i % across);
    cpu_product p = product_of(w, i / per_run);

    p.a = row_of_a(&p, rows.from);
    p.b = column_of_b(&p, cols.from);
    p.c += (size_t)rows.from * p.ldc + cols.from;
    p.m = rows.to - rows.from;
    p.n = cols.to - cols.from;
    int k = p.k, depth = even(k, CPU_DEPTH);
    const gk_real *packed =
        w->packed + i / per_run * w->packed_run + (size_t)cols.from * k; /* whole strips */

    for (int from = 0; from < k; from += depth) {
        cpu_product block = p;

        block.a = step_of_a(&p, from);
        block.k = cpu_min(depth, k - from);
        if (from > 0) block.beta = 1;
        w->tiles->multiply(&block, packed + (size_t)from * w->tiles->strip,
                           (size_t)k * w->tiles->strip);
    }
}

static void multiply_blocks(gk_backend *be, matmul_job *w, int R)
{
    int blocks = cpu_pieces(w->p.m, BLOCK_ROWS), packs = w->sb ? R : 1;
    int strips = cpu_pieces(w->p.n, w->tiles->strip);
    size_t packed = (size_t)strips * w->tiles->strip * w->p.k;

    w->rows = BLOCK_ROWS;
    w->cols = blocks < FEW_BLOCKS ? BLOCK_COLS : w->p.n;
    w->packed = cpu_scratch(be, packs * packed * sizeof *w->packed);
    w->packed_run = w->sb ? packed : 0;
    cpu_parallel(be, packs * strips, pack_strip, w);
    cpu_parallel(be, R * blocks * cpu_pieces(w->p.n, w->cols), multiply_block, w);
}

/* ---- slices of k */

/* A product of any depth into c, packing b as it goes. */
static void multiply_deep(const cpu_tiles *tiles, const cpu_product *p)
{
    _Alignas(CPU_LINE) gk_real packed[CPU_DEPTH * BLOCK_COLS];
    int depth = even(p->k, CPU_DEPTH), rows = 2 * BLOCK_ROWS;

    for (int k = 0; k < p->k; k += depth) {
        for (int j = 0; j < p->n; j += BLOCK_COLS) {
            cpu_product block = *p;

            block.k = cpu_min(depth, p->k - k);
            block.n = cpu_min(BLOCK_COLS, p->n - j);
            if (k > 0) block.beta = 1;
            block.b = column_of_b(p, j);
            block.b = step_of_b(&block, k);
            tiles->pack(packed, block.b, block.k, block.n, p->tb, p->ldb);
            for (int i = 0; i < p->m; i += rows) {
                cpu_product part = block;

                part.a = row_of_a(p, i);
                part.a = step_of_a(&part, k);
                part.c = p->c + (size_t)i * p->ldc + j;
                part.m = cpu_min(rows, p->m - i);
                tiles->multiply(&part, packed, (size_t)block.k * tiles->strip);
            }
        }
    }
}

static void multiply_slice(const void *job, int i)
{
    const matmul_job *w = job;
    cpu_range range = cpu_piece(w->p.k, w->slice, i % w->slices);
    cpu_product p = product_of(w, i / w->slices);

    p.a = step_of_a(&p, range.from);
    p.b = step_of_b(&p, range.from);
    p.k = range.to - range.from;
    p.c = w->part + (size_t)i * p.m * p.n;
    p.ldc = p.n;
    p.beta = 0;
    multiply_deep(w->tiles, &p);
}

static void add_slices(const void *job, int i)
{
    const matmul_job *w = job;
    int per_run = cpu_pieces(w->p.m, w->rows), r = i / per_run, n = w->p.n;
    cpu_range rows = cpu_piece(w->p.m, w->rows, i % per_run);
    size_t slice = (size_t)w->p.m * n;

    for (int row = rows.from; row < rows.to; row++) {
        gk_real *restrict c = w->p.c + r * w->sc + (size_t)row * w->p.ldc;
        const gk_real *restrict part = w->part + r * w->slices * slice + (size_t)row * n;

        for (int j = 0; j < n; j++) c[j] = w->p.beta != 0 ? c[j] + part[j] : part[j];
        for (int s = 1; s < w->slices; s++) {
            for (int j = 0; j < n; j++) c[j] += part[s * slice + j];
        }
    }
}

static void multiply_slices(gk_backend *be, matmul_job *w, int R)
{
    w->part = cpu_scratch(be, (size_t)R * w->slices * w->p.m * w->p.n * sizeof *w->part);
    w->rows = cpu_chunk_rows(w->p.n);
    cpu_parallel(be, R * w->slices, multiply_slice, w);
    cpu_parallel(be, R * cpu_pieces(w->p.m, w->rows), add_slices, w);
}

void cpu_matmul(gk_backend *be, gk_real *c, const gk_real *a, const gk_real *b, int R, int m, int n,
                int k, int ta, int tb, int lda, int ldb, int ldc, size_t sa, size_t sb, size_t sc,
                gk_real beta)
{
    matmul_job w = {.p = {c, a, b, m, n, k, ta, tb, lda, ldb, ldc, beta},
                    .sa = sa,
                    .sb = sb,
                    .sc = sc,
                    .tiles = cpu_tiles_of(be),
                    .slice = k >= 4 * m ? cpu_max(CPU_DEPTH, cpu_pieces(k, SLICES)) : k};

    w.slices = cpu_pieces(k, w.slice);
    size_t floats = w.slices > 1 ? (size_t)w.slices * m * n : (size_t)(n + BLOCK_COLS) * k;
    int group = cpu_group(R, floats * sizeof(gk_real));

    for (int r = 0; r < R; r += group) {
        w.p.a = a + r * sa;
        w.p.b = b + r * sb;
        w.p.c = c + r * sc;
        (w.slices > 1 ? multiply_slices : multiply_blocks)(be, &w, cpu_min(group, R - r));
    }
}
