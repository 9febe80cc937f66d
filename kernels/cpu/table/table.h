/* What the files of the table plan share; gk/table.h says what the tables are, kernels/ref how the
 * way back goes. */
#ifndef GK_CPU_TABLE_H
#define GK_CPU_TABLE_H

#include "cpu/machine/tiles.h"

/* A row of F + rest columns as the loops over pairs keep it: the rest begins on a line of its own,
 * zeros are behind F and behind the rest. An odd number of lines from one row to the next: the
 * lines of a column of tiles then spread over all sets of the first cache. */
typedef struct table_shape {
    int N, H, F, rest;
    int rest_at, width, ld;
} table_shape;

table_shape table_shape_of(const gk_table *t);

/* That form of F + rest columns side by side. */
void table_widen(const table_shape *s, gk_real *wide, const gk_real *row);

/* Pairs in a row; element i of a and b is at i step. */
typedef struct table_tokens {
    const int32_t *a, *b;
    int step, n;
} table_tokens;

/* A0, A1, A2 of pairs and heads: three arrays (pairs,H). */
typedef struct table_prob {
    gk_real *A[3];
} table_prob;

/* Some rows of E: row[0 .. n-1] less `first`; row NULL: the first n. */
typedef struct table_list {
    const int32_t *row;
    int first, n;
} table_list;

typedef struct table_kernels {
    /* to = x + y, n elements; to may be x */
    void (*add)(gk_real *to, const gk_real *x, const gk_real *y, size_t n);
    /* A0, A1, A2 = softmax(s_h0(a), s_h1(b), s_h2) */
    void (*attend)(table_prob prob, const gk_tables *t, int N, int H, table_tokens pairs);
    /* E = base + sum_h A0 x0[h] + A1 x1[b][h] for pairs with one a; x0 (H,width), x1 (N,H,width),
     * base (width). relu: of the first F columns. */
    void (*mix)(gk_real *E, const table_shape *s, const gk_real *base, const gk_real *x0,
                const gk_real *x1, table_prob prob, table_tokens pairs, bool relu);
    /* For the pairs of a token: dA[row][h] = dE[row] . x[h] */
    void (*dots)(gk_real *dA, const table_shape *s, const gk_real *dE, const gk_real *x,
                 table_list list);
    /* sum[h] = sum of A[row][h] dE[row], (H,width); base (width, NULL: not wanted) += dE[row] */
    void (*collect)(gk_real *sum, gk_real *base, const table_shape *s, const gk_real *dE,
                    const gk_real *A, table_list list);
} table_kernels;

const table_kernels *table_kernels_of(gk_backend *be);

/* F + rest columns side by side: row (+)= wide. */
void table_narrow(const table_kernels *kernels, const table_shape *s, gk_real *row,
                  const gk_real *wide, bool add);

/* X_hj of one token, wide: rows (H,F+rest) plus shifts (H,F+rest), as (H,width). */
void table_shifted(const table_kernels *kernels, const table_shape *s, gk_real *wide,
                   const gk_real *row, const gk_real *shift);

/* A matrix w (in,out) that rows of pairs are multiplied with, packed for both ways. The last `few`
 * columns of the way forward are dot products. */
typedef struct table_layer {
    const cpu_tiles *tiles;
    const gk_real *w;
    int in, out, few;
    gk_real *forward, *last, *back;
} table_layer;

/* Takes memory for a layer; with an arena that only counts it stays NULL. */
table_layer table_layer_take(gk_arena *memory, const cpu_tiles *tiles, const gk_real *w, int in,
                             int out);
void table_layer_pack_forward(const table_layer *layer);
void table_layer_pack_back(const table_layer *layer);

/* m rows with their leading dimension */
typedef struct table_matrix {
    gk_real *x;
    int ld;
} table_matrix;

/* y (m,out) = x (m,in) w + beta y */
void table_layer_forward(const table_layer *layer, table_matrix y, table_matrix x, int m,
                         gk_real beta);
/* dx (m,in) = g (m,out) w^T, then 0 where gate <= 0. The gate (NULL: none) is laid out as dx, and
 * may be dx where out <= CPU_DEPTH. */
void table_layer_back(const table_layer *layer, table_matrix dx, table_matrix g, int m,
                      const gk_real *gate);
/* dw (out,in), transposed, = g^T x + beta dw. Reads whole strips of x's columns. */
void table_layer_weights(const table_layer *layer, gk_real *dw, table_matrix g, table_matrix x,
                         int m, gk_real beta);

enum { TABLE_STRIP_MAX = 32 }; /* tiles->strip at most */

/* c (m,n) = op(a) (m,k) op(b) (k,n) + beta c, one of several with the same b. */
typedef struct table_factor {
    gk_real *c;
    const gk_real *a;
    int m, lda, ldc, ta;
    gk_real beta;
} table_factor;

/* n <= tiles->strip; b is packed once for all. c is added up in pieces of at most `most` terms, at
 * most CPU_DEPTH of them: the fewer, the smaller the error. */
void table_multiply(const cpu_tiles *tiles, int most, int n, int k, const gk_real *b, int ldb,
                    int tb, const table_factor *factor, int factors);
/* out[i] (+)= a[i] . x for the m rows of a (m,k) */
void table_apply(const cpu_tiles *tiles, gk_real *out, const gk_real *a, int lda, const gk_real *x,
                 int m, int k, bool add);

/* Columns of a matrix in strips: strip i of n columns. */
static inline cpu_range table_strip(const cpu_tiles *tiles, int n, int i)
{
    return cpu_piece(n, tiles->strip, i);
}

static inline int table_strips(const cpu_tiles *tiles, int n)
{
    return cpu_pieces(n, tiles->strip);
}

#endif
