/* 2-D DFT in one of two ways, which P and Q alone decide.
 *
 * FFTW where they have small prime factors only: there it has vector code. At a prime like 113 it
 * falls back to scalar sums or to convolutions, and two matrix products are faster: a change to the
 * real basis 1, cos 1, sin 1, cos 2, ... along b, and another along a. Of frequency i along a and j
 * along b, with cs = sum over a, b of in[a,b] cos(2 pi i a / P) sin(2 pi j b / Q) and so on,
 *
 *     out[i,j] = cc - ss - i (sc + cs)
 *
 * (512 columns on one core: 113 x 113 takes 35 ms by products and 270 ms by FFTW, 112 x 112 takes
 * 33 ms and 30 ms, 128 x 128 takes 46 ms and 36 ms.) */
#include "cpu/cpu.h"
#include "gk/arith.h"

#include <stdlib.h>

enum { WIDTH = 16 }; /* columns in a chunk of FFTW's */

typedef struct fft_job {
    gk_backend *be;
    gk_real *out;        /* (R,P,Q/2+1,cols,2) */
    const gk_real *in;   /* (R,P,Q,cols) */
    const gk_real *real; /* (P,Q,cols): one run in the real basis */
    int P, Q, cols;
} fft_job;

static void transform_columns(const void *job, int i)
{
    const fft_job *w = job;
    int per_run = cpu_pieces(w->cols, WIDTH);
    cpu_range cols = cpu_piece(w->cols, WIDTH, i % per_run);
    size_t r = i / per_run, P = w->P, Q = w->Q, n = w->cols;

    cpu_fft_columns(w->be, w->out + (r * P * (Q / 2 + 1) * n + cols.from) * 2,
                    w->in + r * P * Q * n + cols.from, w->P, w->Q, w->cols, cols.to - cols.from);
}

/* basis (n,n): row 2k - 1 is the cosine of frequency k, row 2k its sine; n/2 has none. */
static void fill_basis(gk_real *basis, int n)
{
    for (int row = 0; row < n; row++) {
        for (int x = 0; x < n; x++) {
            double sine, cosine;

            gk_sin_cos_turns(&sine, &cosine, (double)((int64_t)((row + 1) / 2) * x % n) / n);
            basis[(size_t)row * n + x] = (gk_real)(row > 0 && row % 2 == 0 ? sine : cosine);
        }
    }
}

/* Rows of the basis for frequency i = 0 .. n - 1, and the sine's sign: 0 where there is none. */
typedef struct pair {
    int cos, sin, sign;
} pair;

static pair pair_of(int i, int n)
{
    int k = cpu_min(i, n - i), cosine = k ? 2 * k - 1 : 0;

    return k == 0 || 2 * k == n ? (pair){cosine, 0, 0} : (pair){cosine, 2 * k, i == k ? 1 : -1};
}

/* out[i,:] from the real basis. */
static void combine(const void *job, int i)
{
    const fft_job *w = job;
    int half = w->Q / 2 + 1;
    pair a = pair_of(i, w->P);
    size_t n = w->cols, row = (size_t)w->Q * n;

    for (int j = 0; j < half; j++) {
        pair b = pair_of(j, w->Q);
        const gk_real *of_cos = w->real + a.cos * row, *of_sin = w->real + a.sin * row;
        const gk_real *cc = of_cos + b.cos * n, *cs = of_cos + b.sin * n;
        const gk_real *sc = of_sin + b.cos * n, *ss = of_sin + b.sin * n;
        gk_real *restrict out = w->out + ((size_t)i * half + j) * n * 2;
        gk_real sign_a = (gk_real)a.sign, sign_b = (gk_real)b.sign, both = sign_a * sign_b;

        for (size_t c = 0; c < n; c++) {
            out[2 * c] = cc[c] - both * ss[c];
            out[2 * c + 1] = -(sign_a * sc[c] + sign_b * cs[c]);
        }
    }
}

static void transform_by_products(gk_backend *be, fft_job w, int R)
{
    int P = w.P, Q = w.Q, cols = w.cols;
    size_t p = P, q = Q, n = cols, points = p * q * n;
    gk_real *basis_p = gk_alloc(p * p + q * q + 2 * points, sizeof *basis_p);
    gk_real *basis_q = basis_p + p * p, *half_way = basis_q + q * q, *real = half_way + points;

    fill_basis(basis_p, P);
    fill_basis(basis_q, Q);
    w.real = real;
    for (int r = 0; r < R; r++) {
        cpu_matmul(be, half_way, basis_q, w.in, P, Q, cols, Q, 0, 0, Q, cols, cols, 0, q * n, q * n,
                   0);
        cpu_matmul(be, real, basis_p, half_way, 1, P, Q * cols, P, 0, 0, P, Q * cols, Q * cols, 0,
                   0, 0, 0);
        cpu_parallel(be, P, combine, &w);
        w.in += points;
        w.out += p * (q / 2 + 1) * n * 2;
    }
    free(basis_p);
}

void cpu_fft2(gk_backend *be, gk_real *out, const gk_real *in, int R, int P, int Q, int cols)
{
    fft_job w = {.be = be, .out = out, .in = in, .P = P, .Q = Q, .cols = cols};

    if (!cpu_fft_suits(P, Q)) {
        transform_by_products(be, w, R);
        return;
    }
    cpu_fft_plan(be, P, Q, cols, cpu_min(WIDTH, cols));
    if (cols % WIDTH) cpu_fft_plan(be, P, Q, cols, cols % WIDTH);
    cpu_parallel(be, R * cpu_pieces(cols, WIDTH), transform_columns, &w);
}
