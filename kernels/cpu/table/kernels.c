/* What is done for each pair outside of matrix products: softmax, E from rows of tables, and dE
 * back to them. */
#ifndef SIMD
#include "cpu/table/table.h"

enum { HEADS = 4 /* at a time */ };

#define SIMD_SOURCE "cpu/table/kernels.c"
#include "cpu/machine/simd.h"

const table_kernels *table_kernels_of(gk_backend *be) { return CPU_PICK(be, table); }

#else

/* The softmax of three numbers for n of them, in place. */
static void SIMD(softmax3)(gk_real *x0, gk_real *x1, gk_real *x2, int n)
{
    for (int i = 0; i < n; i += VW) {
        int part = cpu_min(VW, n - i);
        vf a = v_load_part(x0 + i, part, 0), b = v_load_part(x1 + i, part, 0),
           c = v_load_part(x2 + i, part, 0), max = v_max(v_max(a, b), c);

        a = v_exp(a - max);
        b = v_exp(b - max);
        c = v_exp(c - max);
        vf scale = v_set(1) / (a + b + c);

        v_store_part(x0 + i, a * scale, part);
        v_store_part(x1 + i, b * scale, part);
        v_store_part(x2 + i, c * scale, part);
    }
}

static void SIMD(attend)(table_prob prob, const gk_tables *t, int N, int H, table_tokens pairs)
{
    gk_real *x0 = prob.A[0], *x1 = prob.A[1], *x2 = prob.A[2];
    const gk_real *second = t->score + (size_t)N * H;

    for (int i = 0; i < pairs.n; i++, x0 += H, x1 += H, x2 += H) {
        const gk_real *s0 = t->score + (size_t)pairs.a[i * pairs.step] * H;
        const gk_real *s1 = second + (size_t)pairs.b[i * pairs.step] * H;

        for (int h = 0; h < H; h++) x0[h] = s0[h], x1[h] = s1[h], x2[h] = t->score_eq[h];
    }
    SIMD(softmax3)(prob.A[0], prob.A[1], prob.A[2], pairs.n * H);
}

/* Columns [from, to) of `height` pairs and `heads` heads: E = (start or E) + ... */
typedef struct SIMD(mixing) {
    gk_real *E[2];
    const gk_real *start, *x0, *x1[2], *A0[2], *A1[2];
    size_t width;
} SIMD(mixing);

__attribute__((always_inline)) static inline void
SIMD(mix_columns)(const SIMD(mixing) * m, int from, int to, int height, int heads, bool relu)
{
    vf A0[2][HEADS], A1[2][HEADS];

#pragma GCC unroll 2
    for (int p = 0; p < height; p++) {
#pragma GCC unroll 4
        for (int h = 0; h < heads; h++)
            A0[p][h] = v_set(m->A0[p][h]), A1[p][h] = v_set(m->A1[p][h]);
    }
    for (size_t w = from; w < (size_t)to; w += VW) {
        vf e[2];

#pragma GCC unroll 2
        for (int p = 0; p < height; p++) e[p] = v_load((m->start ? m->start : m->E[p]) + w);
#pragma GCC unroll 4
        for (int h = 0; h < heads; h++) {
            vf x = v_load(m->x0 + h * m->width + w);

#pragma GCC unroll 2
            for (int p = 0; p < height; p++) {
                e[p] = v_fma(A0[p][h], x, e[p]);
                e[p] = v_fma(A1[p][h], v_load(m->x1[p] + h * m->width + w), e[p]);
            }
        }
#pragma GCC unroll 2
        for (int p = 0; p < height; p++)
            v_store(m->E[p] + w, relu ? v_if_positive(e[p], e[p]) : e[p]);
    }
}

/* All columns of some heads; rectified: how many of the columns. */
__attribute__((always_inline)) static inline void
SIMD(mix_heads)(const SIMD(mixing) * m, int rectified, int width, int height, int heads)
{
    SIMD(mix_columns)(m, 0, rectified, height, heads, true);
    SIMD(mix_columns)(m, rectified, width, height, heads, false);
}

__attribute__((always_inline)) static inline void SIMD(mix_pairs)(SIMD(mixing) m, int rectified,
                                                                  const table_shape *s, int height)
{
    for (int h = 0; h < s->H; h += HEADS) {
        int last = h + HEADS >= s->H ? rectified : 0;

        switch (cpu_min(HEADS, s->H - h)) {
        case 1: SIMD(mix_heads)(&m, last, s->width, height, 1); break;
        case 2: SIMD(mix_heads)(&m, last, s->width, height, 2); break;
        case 3: SIMD(mix_heads)(&m, last, s->width, height, 3); break;
        case 4: SIMD(mix_heads)(&m, last, s->width, height, 4); break;
        }
        m.start = NULL;
        m.x0 += HEADS * m.width;
        for (int p = 0; p < height; p++) {
            m.x1[p] += HEADS * m.width;
            m.A0[p] += HEADS;
            m.A1[p] += HEADS;
        }
    }
}

static void SIMD(mix)(gk_real *E, const table_shape *s, const gk_real *base, const gk_real *x0,
                      const gk_real *x1, table_prob prob, table_tokens pairs, bool relu)
{
    const int together = VW == 16 ? 2 : 1, rectified = relu ? s->rest_at : 0;
    const size_t token = (size_t)s->H * s->width;

    for (int i = 0, n; i < pairs.n; i += n) {
        SIMD(mixing) m = {.start = base, .x0 = x0, .width = s->width};

        n = cpu_min(together, pairs.n - i);
        for (int p = 0; p < n; p++) {
            m.E[p] = E + (size_t)(i + p) * s->ld;
            m.x1[p] = x1 + pairs.b[(i + p) * pairs.step] * token;
            m.A0[p] = prob.A[0] + (size_t)(i + p) * s->H;
            m.A1[p] = prob.A[1] + (size_t)(i + p) * s->H;
        }
        if (n == 2)
            SIMD(mix_pairs)(m, rectified, s, 2);
        else
            SIMD(mix_pairs)(m, rectified, s, 1);
    }
}

static inline size_t SIMD(row_at)(table_list list, int i)
{
    return list.row ? (size_t)(list.row[i] - list.first) : (size_t)i;
}

/* dots of `height` rows from `first` on with `heads` rows of x */
__attribute__((always_inline)) static inline void SIMD(dot_rows)(gk_real *dA, const table_shape *s,
                                                                 const gk_real *dE,
                                                                 const gk_real *x, table_list list,
                                                                 int first, int height, int heads)
{
    vf sum[4][HEADS][WIDE];
    const gk_real *row[4],
        *next[4]; /* rows of a token lie far apart: the next ones are asked for */

#pragma GCC unroll 4
    for (int i = 0; i < height; i++) {
        row[i] = dE + SIMD(row_at)(list, first + i) * s->ld;
        next[i] = dE + SIMD(row_at)(list, cpu_min(first + height + i, list.n - 1)) * s->ld;
#pragma GCC unroll 4
        for (int h = 0; h < heads; h++) {
#pragma GCC unroll 4
            for (int v = 0; v < WIDE; v++) sum[i][h][v] = v_set(0);
        }
    }
    for (int w = 0; w < s->width; w += LANES) {
#pragma GCC unroll 4
        for (int i = 0; i < height; i++) __builtin_prefetch(next[i] + w);
#pragma GCC unroll 4
        for (int v = 0; v < WIDE; v++) {
            vf y[HEADS];

#pragma GCC unroll 4
            for (int h = 0; h < heads; h++) y[h] = v_load(x + (size_t)h * s->width + w + v * VW);
#pragma GCC unroll 4
            for (int i = 0; i < height; i++) {
                vf e = v_load(row[i] + w + v * VW);

#pragma GCC unroll 4
                for (int h = 0; h < heads; h++) sum[i][h][v] = v_fma(e, y[h], sum[i][h][v]);
            }
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < height; i++) {
#pragma GCC unroll 4
        for (int h = 0; h < heads; h++)
            dA[SIMD(row_at)(list, first + i) * s->H + h] = v_total(sum[i][h]);
    }
}

__attribute__((always_inline)) static inline void SIMD(dot_heads)(gk_real *dA, const table_shape *s,
                                                                  const gk_real *dE,
                                                                  const gk_real *x, table_list list,
                                                                  int heads)
{
    enum { TOGETHER = VW == 16 ? 4 : 1 };
    int i = 0;

    for (; i + TOGETHER <= list.n; i += TOGETHER)
        SIMD(dot_rows)(dA, s, dE, x, list, i, TOGETHER, heads);
    for (; i < list.n; i++) SIMD(dot_rows)(dA, s, dE, x, list, i, 1, heads);
}

static void SIMD(dots)(gk_real *dA, const table_shape *s, const gk_real *dE, const gk_real *x,
                       table_list list)
{
    for (int h = 0; h < s->H; h += HEADS, dA += HEADS, x += HEADS * (size_t)s->width) {
        switch (cpu_min(HEADS, s->H - h)) {
        case 1: SIMD(dot_heads)(dA, s, dE, x, list, 1); break;
        case 2: SIMD(dot_heads)(dA, s, dE, x, list, 2); break;
        case 3: SIMD(dot_heads)(dA, s, dE, x, list, 3); break;
        case 4: SIMD(dot_heads)(dA, s, dE, x, list, 4); break;
        }
    }
}

/* `vectors` vectors of columns from dE on, for `heads` heads */
__attribute__((always_inline)) static inline void
SIMD(collect_columns)(gk_real *sum, gk_real *base, const table_shape *s, const gk_real *dE,
                      const gk_real *A, table_list list, int heads, int vectors)
{
    vf total[HEADS][4], plain[4];

#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
        plain[v] = v_set(0);
#pragma GCC unroll 4
        for (int h = 0; h < heads; h++) total[h][v] = v_set(0);
    }
    for (int i = 0; i < list.n; i++) {
        size_t at = SIMD(row_at)(list, i);
        vf e[4];

#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            e[v] = v_load(dE + at * s->ld + v * VW);
            plain[v] += e[v];
        }
#pragma GCC unroll 4
        for (int h = 0; h < heads; h++) {
            vf x = v_set(A[at * s->H + h]);

#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) total[h][v] = v_fma(x, e[v], total[h][v]);
        }
    }
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
        if (base) v_store(base + v * VW, v_load(base + v * VW) + plain[v]);
#pragma GCC unroll 4
        for (int h = 0; h < heads; h++) v_store(sum + (size_t)h * s->width + v * VW, total[h][v]);
    }
}

__attribute__((always_inline)) static inline void
SIMD(collect_heads)(gk_real *sum, gk_real *base, const table_shape *s, const gk_real *dE,
                    const gk_real *A, table_list list, int heads)
{
    enum { TOGETHER = VW == 16 ? 4 : 2 };
    int w = 0;

    for (; w + TOGETHER * VW <= s->width; w += TOGETHER * VW)
        SIMD(collect_columns)(sum + w, base ? base + w : NULL, s, dE + w, A, list, heads, TOGETHER);
    for (; w < s->width; w += VW)
        SIMD(collect_columns)(sum + w, base ? base + w : NULL, s, dE + w, A, list, heads, 1);
}

static void SIMD(collect)(gk_real *sum, gk_real *base, const table_shape *s, const gk_real *dE,
                          const gk_real *A, table_list list)
{
    for (int h = 0; h < s->H; h += HEADS, A += HEADS, sum += HEADS * (size_t)s->width) {
        switch (cpu_min(HEADS, s->H - h)) {
        case 1: SIMD(collect_heads)(sum, base, s, dE, A, list, 1); break;
        case 2: SIMD(collect_heads)(sum, base, s, dE, A, list, 2); break;
        case 3: SIMD(collect_heads)(sum, base, s, dE, A, list, 3); break;
        case 4: SIMD(collect_heads)(sum, base, s, dE, A, list, 4); break;
        }
        base = NULL;
    }
}

static void SIMD(add)(gk_real *to, const gk_real *x, const gk_real *y, size_t n)
{
    size_t i = 0;

    for (; i + VW <= n; i += VW) v_store(to + i, v_load(x + i) + v_load(y + i));
    for (; i < n; i++) to[i] = x[i] + y[i];
}

static const table_kernels SIMD(table) = {SIMD(add), SIMD(attend), SIMD(mix), SIMD(dots),
                                          SIMD(collect)};

#endif
