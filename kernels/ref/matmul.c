/* Matrix product, in tiles of C that are summed in double. Every element is one sum over k in
 * rising order (four at a time), whatever its tile, the other sizes and R. */
#include "kernels.h"

enum { ROWS = 32, COLS = 64, DEPTH = 64, UNROLL = 4 };

typedef struct tile {
    double a[ROWS][DEPTH], b[DEPTH][COLS], c[ROWS][COLS]; /* op(a), op(b), their product */
    int rows, cols, depth;                                /* as far as they are used     */
} tile;

/* One product: what ref_matmul gets, without the runs. */
typedef struct product {
    gk_real *c;
    const gk_real *a, *b;
    int m, n, k, ta, tb, lda, ldb, ldc;
    gk_real beta;
} product;

static int smaller(int a, int b) { return a < b ? a : b; }

static void load_a(tile *t, const product *p, int i0, int k0)
{
    for (int i = 0; i < t->rows; i++) {
        for (int k = 0; k < t->depth; k++) {
            size_t row = i0 + i, col = k0 + k;

            t->a[i][k] = p->ta ? p->a[col * p->lda + row] : p->a[row * p->lda + col];
        }
        for (int k = t->depth; k % UNROLL; k++) t->a[i][k] = 0;
    }
}

static void load_b(tile *t, const product *p, int k0, int j0)
{
    for (int k = 0; k < t->depth; k++) {
        for (int j = 0; j < t->cols; j++) {
            size_t row = k0 + k, col = j0 + j;

            t->b[k][j] = p->tb ? p->b[col * p->ldb + row] : p->b[row * p->ldb + col];
        }
    }
    for (int k = t->depth; k % UNROLL; k++) {
        for (int j = 0; j < t->cols; j++) t->b[k][j] = 0;
    }
}

/* The turns of the loop over j do not depend on each other: it is what the compiler vectorises. */
static void multiply_add(tile *t)
{
    for (int i = 0; i < t->rows; i++) {
        double *restrict c = t->c[i];

        for (int k = 0; k < t->depth; k += UNROLL) {
            const double *a = &t->a[i][k];
            const double *restrict b0 = t->b[k], *restrict b1 = t->b[k + 1];
            const double *restrict b2 = t->b[k + 2], *restrict b3 = t->b[k + 3];
            double a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3];

            for (int j = 0; j < t->cols; j++)
                c[j] += a0 * b0[j] + a1 * b1[j] + a2 * b2[j] + a3 * b3[j];
        }
    }
}

static void multiply_tile(tile *t, const product *p, int i0, int j0)
{
    t->rows = smaller(ROWS, p->m - i0);
    t->cols = smaller(COLS, p->n - j0);
    for (int i = 0; i < t->rows; i++) {
        for (int j = 0; j < t->cols; j++) t->c[i][j] = 0;
    }
    for (int k0 = 0; k0 < p->k; k0 += DEPTH) {
        t->depth = smaller(DEPTH, p->k - k0);
        load_a(t, p, i0, k0);
        load_b(t, p, k0, j0);
        multiply_add(t);
    }
    for (int i = 0; i < t->rows; i++) {
        gk_real *c = p->c + (size_t)(i0 + i) * p->ldc + j0;

        for (int j = 0; j < t->cols; j++)
            c[j] = (gk_real)(p->beta != 0 ? p->beta * (double)c[j] + t->c[i][j] : t->c[i][j]);
    }
}

void ref_matmul(gk_backend *be, gk_real *c, const gk_real *a, const gk_real *b, int R, int m, int n,
                int k, int ta, int tb, int lda, int ldb, int ldc, size_t sa, size_t sb, size_t sc,
                gk_real beta)
{
    tile t;

    (void)be;
    for (int r = 0; r < R; r++) {
        product p = {c + r * sc, a + r * sa, b + r * sb, m, n, k, ta, tb, lda, ldb, ldc, beta};

        for (int i = 0; i < m; i += ROWS) {
            for (int j = 0; j < n; j += COLS) multiply_tile(&t, &p, i, j);
        }
    }
}
