/* The inner loops of our own matrix product (Goto & van de Geijn 2008): a tile of c, ROWS x 2
 * vectors, stays in registers while a row of a strip of b and ROWS numbers of a are multiplied at
 * every step of k. */
#ifndef SIMD
#include "cpu/machine/tiles.h"

#include <stdlib.h>
#include <string.h>

#define ROWS  SIMD(ROWS)
#define STRIP SIMD(STRIP)

#define SIMD_SOURCE "cpu/machine/tiles.c"
#include "cpu/machine/simd.h"

const cpu_tiles *cpu_tiles_of(gk_backend *be) { return CPU_PICK(be, tiles); }

#else

/* ROWS x 2 vectors of sums, 2 of b and one of a are registers: of 32, or of x86's 16. */
#ifdef __aarch64__
enum { ROWS = 12 };
#else
enum { ROWS = VW == 16 ? 12 : 6 };
#endif
enum { STRIP = 2 * VW };

/* One tile: c (rows, cols) (+)= a b. Element (i,p) of a is at a[i si + p sp]. */
typedef struct SIMD(tile) {
    gk_real *c;
    const gk_real *gate, *a, *b;
    size_t ldc, si, sp, step;
    int k, rows, cols;
    bool add;
} SIMD(tile);

static inline vf SIMD(gated)(const SIMD(tile) * t, size_t at, vf x)
{
    if (t->add) x += v_load(t->c + at);
    return t->gate ? v_if_positive(v_load(t->gate + at), x) : x;
}

static inline vf SIMD(gated_part)(const SIMD(tile) * t, size_t at, vf x, int n)
{
    if (t->add) x += v_load_part(t->c + at, n, 0);
    return t->gate ? v_if_positive(v_load_part(t->gate + at, n, 0), x) : x;
}

/* `height` rows of a are read, `rows` of them count; `width` vectors of b likewise. */
__attribute__((always_inline)) static inline void
SIMD(multiply_tile)(const SIMD(tile) * t, size_t si, size_t sp, int height, int width)
{
    vf sum[ROWS][2];
    const gk_real *a[4], *b = t->b; /* a: every third row, the next two are one register away */
    size_t step = t->step;

    for (int i = 0; i < 4; i++) a[i] = t->a + (3 * i < height ? 3 * i : 0) * si;
#pragma GCC unroll 16
    for (int i = 0; i < height; i++) sum[i][0] = sum[i][1] = v_set(0);
    for (int p = t->k; p > 0; p--, b += step) {
        vf b0 = v_load(b), b1 = width > 1 ? v_load(b + VW) : b0;

#pragma GCC unroll 16
        for (int i = 0; i < height; i++) {
            vf x = v_set(a[i / 3][i % 3 * si]);

            sum[i][0] = v_fma(x, b0, sum[i][0]);
            if (width > 1) sum[i][1] = v_fma(x, b1, sum[i][1]);
        }
        for (int i = 0; i < 4; i++) a[i] += sp;
    }
    if (t->rows == height && t->cols == width * VW) {
#pragma GCC unroll 16
        for (int i = 0; i < height; i++) {
            size_t at = i * t->ldc;

            v_store(t->c + at, SIMD(gated)(t, at, sum[i][0]));
            if (width > 1) v_store(t->c + at + VW, SIMD(gated)(t, at + VW, sum[i][1]));
        }
        return;
    }
    gk_real edge[ROWS][STRIP];

    memcpy(edge, sum, sizeof edge);
    for (int i = 0; i < t->rows; i++) {
        for (int j = 0; j < t->cols; j += VW) {
            size_t at = i * t->ldc + j;
            int n = cpu_min(VW, t->cols - j);

            v_store_part(t->c + at, SIMD(gated_part)(t, at, v_load(edge[i] + j), n), n);
        }
    }
}

/* Rows of a side by side in memory (a as it is), */
static void SIMD(tile_rows)(const SIMD(tile) * t)
{
    if (t->cols > VW)
        SIMD(multiply_tile)(t, t->si, 1, ROWS, 2);
    else
        SIMD(multiply_tile)(t, t->si, 1, ROWS, 1);
}

/* or its columns (a transposed, or packed). */
static void SIMD(tile_cols)(const SIMD(tile) * t)
{
    if (t->rows > ROWS / 2 && t->cols > VW)
        SIMD(multiply_tile)(t, 1, t->sp, ROWS, 2);
    else if (t->rows > ROWS / 2)
        SIMD(multiply_tile)(t, 1, t->sp, ROWS, 1);
    else if (t->cols > VW)
        SIMD(multiply_tile)(t, 1, t->sp, ROWS / 2, 2);
    else
        SIMD(multiply_tile)(t, 1, t->sp, ROWS / 2, 1);
}

/* to (cols, rows) from (rows, cols) */
static void SIMD(transpose)(gk_real *to, size_t ldt, const gk_real *from, size_t ldf, int rows,
                            int cols)
{
    int i = 0;

#ifdef __x86_64__
    for (; i + 4 <= rows; i += 4) {
        const gk_real *at = from + i * ldf;
        int j = 0;

        for (; j + 4 <= cols; j += 4) {
            __m128 a = _mm_loadu_ps(at + j), b = _mm_loadu_ps(at + ldf + j),
                   c = _mm_loadu_ps(at + 2 * ldf + j), d = _mm_loadu_ps(at + 3 * ldf + j);
            gk_real *out = to + j * ldt + i;

            _MM_TRANSPOSE4_PS(a, b, c, d);
            _mm_storeu_ps(out, a);
            _mm_storeu_ps(out + ldt, b);
            _mm_storeu_ps(out + 2 * ldt, c);
            _mm_storeu_ps(out + 3 * ldt, d);
        }
        for (; j < cols; j++) {
            for (int r = 0; r < 4; r++) to[j * ldt + i + r] = at[r * ldf + j];
        }
    }
#endif
    for (; i < rows; i++) {
        for (int j = 0; j < cols; j++) to[j * ldt + i] = from[i * ldf + j];
    }
}

/* The last rows of a, fewer than ROWS, as (k, height) with zeros; writes up to a vector more. */
static void SIMD(pack_rows)(gk_real *packed, const gk_real *a, int k, int rows, int height, int ta,
                            int lda)
{
    if (!ta) SIMD(transpose)(packed, height, a, lda, rows, k);
    for (int p = 0; p < k; p++, packed += height) {
        for (int i = 0; ta && i < height; i += VW) {
            int n = cpu_max(0, cpu_min(VW, rows - i));
            v_store(packed + i, n ? v_load_part(a + (size_t)p * lda + i, n, 0) : v_set(0));
        }
        for (int i = rows; !ta && i < height; i++) packed[i] = 0;
    }
}

static void SIMD(multiply_strips)(const cpu_product *p, cpu_strips b, const gk_real *gate)
{
    gk_real shallow[CPU_DEPTH * ROWS + VW], *deep = NULL, *edge = shallow;
    int whole = p->m / ROWS * ROWS, rest = p->m - whole;
    int height = rest > ROWS / 2 ? ROWS : ROWS / 2; /* of a tile for the rest */
    size_t next = p->ta ? 1 : p->lda;               /* from one row of op(a) to the next */
    SIMD(tile) t = {.ldc = p->ldc, .step = b.step, .k = p->k, .add = p->beta != 0};

    if (rest && p->k > CPU_DEPTH) /* attention's, one chain however long */
        edge = deep = gk_alloc((size_t)p->k * ROWS + VW, sizeof *deep);
    if (rest) SIMD(pack_rows)(edge, p->a + whole * next, p->k, rest, height, p->ta, p->lda);
    for (int j = 0; j < p->n; j += STRIP, b.b += b.strip) {
        t.b = b.b;
        t.cols = cpu_min(STRIP, p->n - j);
        t.rows = ROWS;
        t.si = t.sp = p->lda;
        for (int i = 0; i < p->m; i += ROWS) {
            t.c = p->c + (size_t)i * p->ldc + j;
            t.gate = gate ? gate + (size_t)i * p->ldc + j : NULL;
            t.a = p->a + i * next;
            if (i == whole) t.a = edge, t.rows = rest, t.sp = height;
            (p->ta || i == whole ? SIMD(tile_cols) : SIMD(tile_rows))(&t);
        }
    }
    free(deep);
}

static void SIMD(multiply)(const cpu_product *p, const gk_real *packed, size_t stride)
{
    SIMD(multiply_strips)(p, (cpu_strips){packed, stride, STRIP}, NULL);
}

/* c (height, width) += a b^T */
__attribute__((always_inline)) static inline void SIMD(dots)(const cpu_product *p, int row,
                                                             int height, int width)
{
    const gk_real *a = p->a + (size_t)row * p->lda;
    gk_real *c = p->c + (size_t)row * p->ldc;
    vf sum[4][CPU_FEW][WIDE];

    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < CPU_FEW; j++) {
            for (int v = 0; v < WIDE; v++) sum[i][j][v] = v_set(0);
        }
    }
    for (int k = 0; k < p->k; k += LANES) {
#pragma GCC unroll 4
        for (int v = 0; v < WIDE; v++) {
            int at = k + v * VW, left = p->k - at;
            vf y[CPU_FEW];

#pragma GCC unroll 4
            for (int j = 0; j < width; j++)
                y[j] = v_load_up_to(p->b + (size_t)j * p->ldb + at, left, 0);
#pragma GCC unroll 4
            for (int i = 0; i < height; i++) {
                vf x = v_load_up_to(a + (size_t)i * p->lda + at, left, 0);

#pragma GCC unroll 4
                for (int j = 0; j < width; j++) sum[i][j][v] = v_fma(x, y[j], sum[i][j][v]);
            }
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < height; i++) {
#pragma GCC unroll 4
        for (int j = 0; j < width; j++) c[(size_t)i * p->ldc + j] += v_total(sum[i][j]);
    }
}

__attribute__((always_inline)) static inline void SIMD(few)(const cpu_product *p, int width)
{
    int i = 0;

    for (; i + 4 <= p->m; i += 4) SIMD(dots)(p, i, 4, width);
    for (; i < p->m; i++) SIMD(dots)(p, i, 1, width);
}

static void SIMD(multiply_few)(const cpu_product *p)
{
    switch (p->n) {
    case 1: SIMD(few)(p, 1); break;
    case 2: SIMD(few)(p, 2); break;
    case 3: SIMD(few)(p, 3); break;
    case 4: SIMD(few)(p, 4); break;
    }
}

static void SIMD(pack)(gk_real *packed, const gk_real *b, int k, int n, int tb, int ldb)
{
    for (int j = 0; j < n; j += STRIP, packed += (size_t)k * STRIP) {
        int cols = cpu_min(STRIP, n - j);

        if (cols < STRIP) memset(packed, 0, (size_t)k * STRIP * sizeof *packed);
        if (tb) {
            SIMD(transpose)(packed, STRIP, b + (size_t)j * ldb, ldb, cols, k);
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

static const cpu_tiles SIMD(tiles) = {VW,
                                      STRIP,
                                      SIMD(pack),
                                      SIMD(multiply),
                                      SIMD(multiply_strips),
                                      SIMD(multiply_few),
                                      SIMD(transpose)};

#endif
