/* The hinge loss: ref's loop over rows, which threads share. */
#include "cpu/cpu.h"

typedef struct loss_job {
    gk_backend *be;
    cpu_row_loss *rows;
    cpu_loss loss;
    int B, chunk;
} loss_job;

/* Some rows of one run. */
static void loss_chunk(const void *job, int i)
{
    const loss_job *j = job;
    const cpu_loss *w = &j->loss;
    int per_run = cpu_pieces(j->B, j->chunk);
    cpu_range range = cpu_piece(j->B, j->chunk, i % per_run);
    size_t row = (size_t)(i / per_run) * j->B + range.from, at = row * w->C;

    j->rows(j->be, w->row_loss + row, w->row_hit + row, w->dlogits ? w->dlogits + at : NULL,
            w->logits + at, w->label + row, 1, range.to - range.from, w->C, w->scale);
}

void cpu_share_rows(gk_backend *be, cpu_row_loss *rows, double *row_loss, uint8_t *row_hit,
                    gk_real *dlogits, const gk_real *logits, const int32_t *label, int R, int B,
                    int C, double scale)
{
    loss_job job = {.be = be,
                    .rows = rows,
                    .loss = {.row_loss = row_loss,
                             .row_hit = row_hit,
                             .dlogits = dlogits,
                             .logits = logits,
                             .label = label,
                             .C = C,
                             .scale = scale},
                    .B = B,
                    .chunk = cpu_chunk_rows(C)};

    cpu_parallel(be, R * cpu_pieces(B, job.chunk), loss_chunk, &job);
}

void cpu_hinge(gk_backend *be, double *row_loss, uint8_t *row_hit, gk_real *dlogits,
               const gk_real *logits, const int32_t *label, int R, int B, int C, double scale)
{
    cpu_share_rows(be, ref_hinge, row_loss, row_hit, dlogits, logits, label, R, B, C, scale);
}
