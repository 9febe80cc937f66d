/* Rule 22 of docs/arithmetic.md: long sums in slices of k. */
#include "law/law.h"

#include <stdlib.h>
#include <string.h>

/* Product of the terms [from, from + s.k) of the whole one. */
static void multiply(float *c, int ldc, law_matrix a, law_matrix b, int from, law_sizes s)
{
    a.at += from * a.column;
    b.at += from * b.row;
    law_product(c, (size_t)ldc, a, b, s);
}

static void add_slices(float *c, int ldc, law_matrix a, law_matrix b, law_sizes whole, int slice)
{
    float *q = gk_alloc((size_t)whole.m * whole.n, sizeof *q);
    law_sizes s = {.m = whole.m, .n = whole.n, .most = whole.most};

    for (int from = 0; from < whole.k; from += slice) {
        s.k = law_smaller(slice, whole.k - from);
        multiply(q, s.n, a, b, from, s);
        for (int i = 0; i < s.m; i++) {
            for (int j = 0; j < s.n; j++) {
                float *to = &c[(size_t)i * ldc + j], x = q[(size_t)i * s.n + j];
                *to = from > 0 || whole.add ? *to + x : x;
            }
        }
    }
    free(q);
}

void law_matmul(gk_backend *be, gk_real *c, const gk_real *a, const gk_real *b, int R, int m, int n,
                int k, int ta, int tb, int lda, int ldb, int ldc, size_t sa, size_t sb, size_t sc,
                gk_real beta)
{
    int slice = k >= 4 * m ? law_larger(256, law_pieces(k, 8)) : k;
    law_sizes s = {m, n, k, LAW_MOST, beta != 0};

    (void)be;
    for (int r = 0; r < R; r++, a += sa, b += sb, c += sc) {
        law_matrix x = ta ? law_columns(a, (size_t)lda) : law_rows(a, (size_t)lda);
        law_matrix y = tb ? law_columns(b, (size_t)ldb) : law_rows(b, (size_t)ldb);

        if (slice < k)
            add_slices(c, ldc, x, y, s, slice);
        else
            law_product(c, (size_t)ldc, x, y, s);
    }
}
