/* Copies and additions of rows between arrays with leading dimensions. */
#include "cpu/cpu.h"

#include <string.h>

typedef struct add_rows_job {
    gk_real *out;
    const gk_real *in;
    int rows, cols, ldo, ldi, chunk;
    size_t so, si;
    gk_real beta;
} add_rows_job;

static void add_rows(const void *job, int i)
{
    const add_rows_job *w = job;
    int per_run = cpu_pieces(w->rows, w->chunk), r = i / per_run;
    cpu_range rows = cpu_piece(w->rows, w->chunk, i % per_run);

    for (int row = rows.from; row < rows.to; row++) {
        gk_real *restrict out = w->out + r * w->so + (size_t)row * w->ldo;
        const gk_real *restrict in = w->in + r * w->si + (size_t)row * w->ldi;

        if (w->beta == 0) {
            memcpy(out, in, (size_t)w->cols * sizeof *out);
            continue;
        }
        for (int j = 0; j < w->cols; j++) out[j] += in[j];
    }
}

void cpu_add_rows(gk_backend *be, gk_real *out, const gk_real *in, int R, int rows, int cols,
                  int ldo, int ldi, size_t so, size_t si, gk_real beta)
{
    add_rows_job job = {out, in, rows, cols, ldo, ldi, cpu_chunk_rows(cols), so, si, beta};

    cpu_parallel(be, R * cpu_pieces(rows, job.chunk), add_rows, &job);
}
