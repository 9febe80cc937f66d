/* Sums of squares of rows: of pieces of a row, then of the pieces in their order. */
#include "cpu.h"

enum { PIECE = 16384, LANES = 8 };

typedef struct squares_job {
    double *part; /* (R * rows, pieces) */
    const gk_real *in;
    int cols;
} squares_job;

static void sum_piece(const void *job, int i)
{
    const squares_job *w = job;
    int pieces = cpu_pieces(w->cols, PIECE), j = 0;
    cpu_range range = cpu_piece(w->cols, PIECE, i % pieces);
    const gk_real *x = w->in + (size_t)(i / pieces) * w->cols + range.from;
    int n = range.to - range.from;
    double lane[LANES] = {0}, sum = 0;

    for (; j + LANES <= n; j += LANES) {
        for (int k = 0; k < LANES; k++) lane[k] += (double)x[j + k] * (double)x[j + k];
    }
    for (; j < n; j++) sum += (double)x[j] * (double)x[j];
    for (int k = 0; k < LANES; k++) sum += lane[k];
    w->part[i] = sum;
}

void cpu_row_squares(gk_backend *be, double *out, const gk_real *in, int R, int rows, int cols,
                     int beta)
{
    int pieces = cpu_pieces(cols, PIECE), n = R * rows;
    squares_job job = {cpu_scratch(be, (size_t)n * pieces * sizeof(double)), in, cols};

    cpu_parallel(be, n * pieces, sum_piece, &job);
    for (int i = 0; i < n; i++) {
        double sum = 0;

        for (int p = 0; p < pieces; p++) sum += job.part[(size_t)i * pieces + p];
        out[i] = (beta ? out[i] : 0) + sum;
    }
}
