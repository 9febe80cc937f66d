/* Power of columns by frequency: what it means is in ref. */
#include "cpu.h"

enum { WIDTH = 16 }; /* columns in a chunk: two lines of complex numbers */

typedef struct terms_job {
    double *power;
    const gk_real *spectrum;
    int P, cols;
} terms_job;

/* square[c] = weight |x_c|^2, added to total[c]. */
static void add_squares(double *restrict square, double *restrict total, const gk_real *restrict x,
                        double weight, int n)
{
    for (int c = 0; c < n; c++) {
        double re = x[2 * c], im = x[2 * c + 1];

        square[c] = weight * (re * re + im * im);
        total[c] += square[c];
    }
}

static void add_terms(const void *job, int i)
{
    const terms_job *w = job;
    int per_run = cpu_pieces(w->cols, WIDTH), P = w->P, half = P / 2 + 1;
    cpu_range cols = cpu_piece(w->cols, WIDTH, i % per_run);
    size_t r = i / per_run, n = w->cols;
    const gk_real *x = w->spectrum + (r * P * half * n + cols.from) * 2;
    double *power = w->power + (r * n + cols.from) * half, scale = 1.0 / ((double)P * P);
    double total[WIDTH] = {0}, square[WIDTH];
    int width = cols.to - cols.from;

    for (int c = 0; c < width * half; c++) power[c] = 0;
    for (int a = 0; a < P; a++) {
        int k = cpu_min(a, P - a); /* frequency of a */

        for (int b = a == 0; b < half; b++) {
            int of = a == 0 ? b : k;

            add_squares(square, total, x + ((size_t)a * half + b) * n * 2,
                        b == 0 || 2 * b == P ? scale : 2 * scale, width);
            if (a == 0 || b == 0 || b == k)
                for (int c = 0; c < width; c++) power[c * half + of] += square[c];
        }
    }
    for (int c = 0; c < width; c++) power[c * half] = total[c];
}

void cpu_spectrum_terms(gk_backend *be, double *power, const gk_real *spectrum, int R, int P,
                        int cols)
{
    terms_job job = {power, spectrum, P, cols};

    cpu_parallel(be, R * cpu_pieces(cols, WIDTH), add_terms, &job);
}
