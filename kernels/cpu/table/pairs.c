/* The op table_pairs, in four jobs:
 *
 * - weights are packed, and X_h1 of every token written out;
 * - slices (slices.c): all pairs of some tokens a, in blocks that stay in the second cache:
 *   E, logits, loss, dE in the place of E, and what goes back to a's rows. What all pairs share, a
 *   slice adds up for itself;
 * - tokens b (sums.c): dE of their pairs is read again, so that each row of the table has one
 *   owner and threads decide no order of additions;
 * - sums over slices.
 *
 * Slices are cut by the pairs of one run alone. A large batch goes through the second and third job
 * in panels, so that dE stays small. */
#include "cpu/table/pairs.h"

#include <string.h>

enum {
    /* slices that keep all threads busy: runs then go one by one, for the sake of the caches */
    ENOUGH = 12,
    PANEL_ROWS = 8192,
    SLICE_ROWS = 240,
    TOKEN_CHUNK = 16 /* tokens that X_h1 is written of */
};

static int prepare_chunks(const table_job *w)
{
    return cpu_pieces(w->shape.N, TOKEN_CHUNK) + (w->t->wide ? 2 : 4);
}

static void prepare(const void *job, int i)
{
    const table_job *w = job;
    const table_shape *s = &w->shape;
    int chunks = prepare_chunks(w), pieces = cpu_pieces(s->N, TOKEN_CHUNK);
    table_run x = table_run_of(w, i / chunks);
    size_t H = (size_t)s->H, W = (size_t)s->F + s->rest;

    i %= chunks;
    if (i >= pieces) {
        i -= pieces;
        (i % 2 ? table_layer_pack_back : table_layer_pack_forward)(&x.layer[i / 2]);
        return;
    }
    cpu_range range = cpu_piece(s->N, TOKEN_CHUNK, i);
    for (int b = range.from; b < range.to; b++) {
        table_shifted(w->kernels, s, x.x1 + b * H * s->width, x.t.table.row + b * H * W,
                      x.t.table.shift + H * W);
        if (w->panels > 1) memset(x.t.d_table.row + b * H * W, 0, H * W * sizeof(gk_real));
    }
    if (i == 0) table_widen(s, x.base, x.t.table.base);
}

/* Rows of the largest panel of any run. */
static int panel_rows(const gk_pairs *pairs, int R, int N, int panels)
{
    int rows = 0;

    for (int r = 0; r < R; r++) {
        const int32_t *first = pairs->first_a + (size_t)r * (N + 1);

        for (int i = 0; i < panels; i++) {
            cpu_range panel = table_panel_of(first, N, pairs->B, panels, i);
            rows = cpu_max(rows, first[panel.to] - first[panel.from]);
        }
    }
    return rows;
}

void cpu_table_pairs(gk_backend *be, double *row_loss, uint8_t *row_hit, const gk_table *t,
                     const gk_pairs *pairs, int form, double scale)
{
    int panels = cpu_pieces(pairs->B, PANEL_ROWS);

    GK_CHECK(form == GK_LOSS_EXACT || form == GK_LOSS_F64 || form == GK_LOSS_F32);
    table_job w = {
        .be = be,
        .kernels = table_kernels_of(be),
        .tiles = cpu_tiles_of(be),
        .t = t,
        .pairs = pairs,
        .loss = {.row_loss = row_loss,
                 .row_hit = row_hit,
                 .label = pairs->label,
                 .C = t->C,
                 .form = form,
                 .scale = scale},
        .shape = table_shape_of(t),
        .panels = panels,
        .rows = panel_rows(pairs, t->R, t->N, panels),
        .slices = cpu_min(TABLE_SLICES_MAX, cpu_pieces(cpu_pieces(pairs->B, panels), SLICE_ROWS)),
        .tokens = cpu_pieces(t->N, TABLE_TOKENS)};

    w.run_bytes = table_run_bytes(&w);
    w.runs = w.slices < ENOUGH ? cpu_group(t->R, w.run_bytes) : 1;
    w.scratch = cpu_scratch(be, w.runs * w.run_bytes);
    for (; w.first < t->R; w.first += w.runs) {
        w.runs = cpu_min(w.runs, t->R - w.first);
        cpu_parallel(be, w.runs * prepare_chunks(&w), prepare, &w);
        for (w.panel = 0; w.panel < panels; w.panel++) {
            cpu_parallel(be, w.runs * w.slices, table_slice_chunk, &w);
            cpu_parallel(be, w.runs * w.tokens, table_token_chunk, &w);
        }
        cpu_parallel(be, w.runs * table_sum_chunks(&w), table_sum_chunk, &w);
    }
}
