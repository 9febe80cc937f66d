/* The inner loops of our own matrix product (Goto & van de Geijn 2008): a tile of c, ROWS x 2
 * vectors, stays in registers while a row of a strip of b and ROWS numbers of a are multiplied at
 * every step of k. */
#ifndef SIMD
#include "tiles.h"

#include <string.h>

#define ROWS  SIMD(ROWS)
#define STRIP SIMD(STRIP)

#define SIMD_SOURCE "tiles.c"
#include "simd.h"

const cpu_tiles *cpu_tiles_of(gk_backend *be) { return CPU_PICK(be, tiles); }

#else

enum { ROWS = VW == 16 ? 12 : 6, STRIP = 2 * VW };

/* c (rows, cols) (+)= a b: element (i,p) of a is at a[i si + p sp]; b (k, STRIP); all ROWS rows of
 * a are read. */
__attribute__((always_inline)) static inline void SIMD(tile)(gk_real *c, size_t ldc,
                                                             const gk_real *a, size_t si, size_t sp,
                                                             const gk_real *b, int k, int rows,
                                                             int cols, bool add)
{
    vf sum[ROWS][2];

#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++) sum[i][0] = sum[i][1] = v_set(0);
    for (int p = 0; p < k; p++, a += sp, b += STRIP) {
        vf b0 = v_load(b), b1 = v_load(b + VW);

#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++) {
            vf x = v_set(a[i * si]);

            sum[i][0] += x * b0;
            sum[i][1] += x * b1;
        }
    }
    if (rows == ROWS && cols == STRIP) {
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++, c += ldc) {
            if (add) sum[i][0] += v_load(c), sum[i][1] += v_load(c + VW);
            v_store(c, sum[i][0]);
            v_store(c + VW, sum[i][1]);
        }
        return;
    }
    gk_real edge[ROWS][STRIP];

    memcpy(edge, sum, sizeof edge);
    for (int i = 0; i < rows; i++, c += ldc) {
        for (int j = 0; j < cols; j++) c[j] = add ? c[j] + edge[i][j] : edge[i][j];
    }
}

/* Rows of a side by side in memory (a as it is); its columns side by side (a transposed, or
 * packed). */
static void SIMD(tile_rows)(gk_real *c, size_t ldc, const gk_real *a, size_t lda, const gk_real *b,
                            int k, int rows, int cols, bool add)
{
    SIMD(tile)(c, ldc, a, lda, 1, b, k, rows, cols, add);
}

static void SIMD(tile_cols)(gk_real *c, size_t ldc, const gk_real *a, size_t lda, const gk_real *b,
                            int k, int rows, int cols, bool add)
{
    SIMD(tile)(c, ldc, a, 1, lda, b, k, rows, cols, add);
}

/* The last rows of a, fewer than ROWS, as (k, ROWS) with zeros. */
static void SIMD(pack_rows)(gk_real *packed, const gk_real *a, int k, int rows, int ta, int lda)
{
    for (int p = 0; p < k; p++, packed += ROWS) {
        for (int i = 0; i < rows; i++)
            packed[i] = ta ? a[(size_t)p * lda + i] : a[(size_t)i * lda + p];
        for (int i = rows; i < ROWS; i++) packed[i] = 0;
    }
}

static void SIMD(multiply)(const cpu_product *p, const gk_real *packed, size_t stride)
{
    gk_real edge[CPU_DEPTH * ROWS];
    int whole = p->m / ROWS * ROWS, rest = p->m - whole;
    bool add = p->beta != 0;
    size_t step = p->ta ? 1 : p->lda; /* from one row of op(a) to the next */

    if (rest) SIMD(pack_rows)(edge, p->a + whole * step, p->k, rest, p->ta, p->lda);
    for (int j = 0; j < p->n; j += STRIP, packed += stride) {
        int cols = cpu_min(STRIP, p->n - j);
        gk_real *c = p->c + j;

        for (int i = 0; i < whole; i += ROWS, c += (size_t)ROWS * p->ldc) {
            (p->ta ? SIMD(tile_cols) : SIMD(tile_rows))(c, p->ldc, p->a + i * step, p->lda, packed,
                                                        p->k, ROWS, cols, add);
        }
        if (rest) SIMD(tile_cols)(c, p->ldc, edge, ROWS, packed, p->k, rest, cols, add);
    }
}

/* b (n,k) in memory, transposed on the way: 16 steps of k at a time are a line of every row. */
static void SIMD(pack_transposed)(gk_real *to, const gk_real *b, int k, int cols, int ldb)
{
    for (int p = 0; p < k; p += 16) {
        int n = cpu_min(16, k - p);

        for (int j = 0; j < cols; j++) {
            const gk_real *row = b + (size_t)j * ldb + p;

            for (int q = 0; q < n; q++) to[(p + q) * STRIP + j] = row[q];
        }
    }
}

static void SIMD(pack)(gk_real *packed, const gk_real *b, int k, int n, int tb, int ldb)
{
    for (int j = 0; j < n; j += STRIP, packed += (size_t)k * STRIP) {
        int cols = cpu_min(STRIP, n - j);

        if (cols < STRIP) memset(packed, 0, (size_t)k * STRIP * sizeof *packed);
        if (tb) {
            SIMD(pack_transposed)(packed, b + (size_t)j * ldb, k, cols, ldb);
            continue;
        }
        for (int p = 0; p < k; p++) {
            const gk_real *row = b + (size_t)p * ldb + j;
            gk_real *to = packed + (size_t)p * STRIP;

            if (cols == STRIP) {
                v_store(to, v_load(row));
                v_store(to + VW, v_load(row + VW));
            } else {
                memcpy(to, row, cols * sizeof *to);
            }
        }
    }
}

static const cpu_tiles SIMD(tiles) = {STRIP, SIMD(pack), SIMD(multiply)};

#endif
