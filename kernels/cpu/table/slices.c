/* A slice of the batch through the network and back, block by block. */
#include "cpu/table/pairs.h"

#include <string.h>

enum { BLOCK_ROWS = 120, TILE_ROWS = 12 };

/* Tokens a of slice i of a panel. */
static cpu_range slice_of(const int32_t *first_a, cpu_range panel, int slices, int i)
{
    int row = first_a[panel.from], rows = first_a[panel.to] - row;
    int from = row + (int)((int64_t)rows * i / slices);
    int to = row + (int)((int64_t)rows * (i + 1) / slices);

    return (cpu_range){i == 0 ? panel.from : table_cut(first_a, panel.from, panel.to, from),
                       i == slices - 1 ? panel.to : table_cut(first_a, panel.from, panel.to, to)};
}

/* Pairs [from, to) of a slice, into the panel's rows of E. */
static void mix(const table_job *w, const table_run *x, const table_part *p, int from, int to,
                gk_real *E)
{
    const table_shape *s = &w->shape;
    const gk_pairs *pairs = &x->pairs;
    size_t H = (size_t)s->H, W = (size_t)s->F + s->rest;

    for (int next; from < to; from = next) {
        int a = pairs->a[from];
        size_t at = from * H;
        table_prob prob = {{x->prob.A[0] + at, x->prob.A[1] + at}};

        next = cpu_min(to, pairs->first_a[a + 1]);
        table_shifted(w->kernels, s, p->x0, x->t.table.row + a * H * W, x->t.table.shift);
        w->kernels->mix(E, s, x->base, p->x0, x->x1, prob,
                        (table_tokens){NULL, pairs->b + from, 1, next - from}, true);
        E += (size_t)(next - from) * s->ld;
    }
}

/* Loss of the m rows from `row` of the run on, whose logits become their gradient. */
static void take_loss(const table_job *w, const table_run *x, int r, table_matrix logits, int row,
                      int m)
{
    size_t at = (size_t)(w->first + r) * x->pairs.B + row;
    cpu_loss loss = w->loss;

    loss.row_loss += at;
    loss.row_hit += at;
    loss.label += at;
    loss.logits = loss.dlogits = logits.x;
    loss.ld = logits.ld;
    cpu_loss_rows(w->be, &loss, 0, m);
}

/* From E to dE of m rows, in place; weight gradients into the slice's (beta as in ops.def). */
static void through_network(const table_job *w, const table_run *x, int r, const table_part *p,
                            gk_real *E, int row, int m, gk_real beta)
{
    const table_shape *s = &w->shape;
    const table_layer *one = &x->layer[0], *two = &x->layer[1];
    table_matrix h = {E, s->ld}, rest = {E + s->rest_at, s->ld}, logits = {p->logits, x->t.C};
    const gk_real *gate = E;

    table_layer_forward(one, rest, h, m, 1);
    if (x->t.wide) {
        take_loss(w, x, r, rest, row, m);
    } else {
        table_layer_forward(two, logits, rest, m, 0);
        take_loss(w, x, r, logits, row, m);
        table_layer_weights(two, p->dw[1], logits, rest, m, beta);
        table_layer_back(two, rest, logits, m, NULL);
    }
    table_layer_weights(one, p->dw[0], rest, h, m, beta);
    if (p->gate) gate = memcpy(p->gate, E, (size_t)m * s->ld * sizeof *E);
    table_layer_back(one, h, rest, m, gate);
}

/* Back to the rows of token a, whose pairs' dE is complete. */
static void collect_a(const table_job *w, const table_run *x, const table_part *p, int a,
                      const gk_real *dE)
{
    const table_shape *s = &w->shape;
    size_t H = (size_t)s->H, W = (size_t)s->F + s->rest, at = x->pairs.first_a[a] * H;
    table_list list = {.n = x->pairs.first_a[a + 1] - x->pairs.first_a[a]};

    table_shifted(w->kernels, s, p->x0, x->t.table.row + a * H * W, x->t.table.shift);
    w->kernels->dots(x->dA[0] + at, s, dE, p->x0, list);
    w->kernels->collect(p->sum, p->base, s, dE, x->prob.A[0] + at, list);
    for (size_t h = 0; h < H; h++)
        table_narrow(w->kernels, s, x->t.d_table.row + (a * H + h) * W, p->sum + h * s->width,
                     w->panels > 1);
    w->kernels->add(p->shift, p->shift, p->sum, H * s->width);
}

/* Sums begin. Those of weights begin with the first of some rows. */
static void zero_part(const table_part *p, const table_layer *layer, const table_shape *s,
                      bool rows)
{
    memset(p->shift, 0, (size_t)s->H * s->width * sizeof(gk_real));
    memset(p->base, 0, (size_t)s->width * sizeof(gk_real));
    for (int i = 0; i < 2 && p->dw[i] && !rows; i++)
        memset(p->dw[i], 0, (size_t)layer[i].in * layer[i].out * sizeof(gk_real));
}

/* Rows of a block: as equal as whole tiles allow. */
static int block_rows(int n)
{
    int blocks = cpu_max(1, (n + BLOCK_ROWS / 2) / BLOCK_ROWS), rows = cpu_pieces(n, blocks);

    return cpu_pieces(rows, TILE_ROWS) * TILE_ROWS;
}

void table_slice_chunk(const void *job, int i)
{
    const table_job *w = job;
    const table_shape *s = &w->shape;
    int r = i / w->slices;
    table_run x = table_run_of(w, r);
    table_part p = x.slice[i % w->slices];
    const int32_t *first = x.pairs.first_a;
    cpu_range panel = table_panel_of(first, s->N, x.pairs.B, w->panels, w->panel);
    cpu_range tokens = slice_of(first, panel, w->slices, i % w->slices);
    int from = first[tokens.from], to = first[tokens.to], a = tokens.from;
    size_t at = (size_t)from * s->H;
    gk_real *E = x.E + (size_t)(from - first[panel.from]) * s->ld;

    if (w->panel == 0) zero_part(&p, x.layer, s, from < to);
    if (from < to)
        w->kernels->attend((table_prob){{x.prob.A[0] + at, x.prob.A[1] + at, x.prob.A[2] + at}},
                           &x.t.table, s->N, s->H,
                           (table_tokens){x.pairs.a + from, x.pairs.b + from, 1, to - from});
    for (int row = from, m = block_rows(to - from); row < to; row += m) {
        gk_real *block = E + (size_t)(row - from) * s->ld;
        int n = cpu_min(m, to - row);

        mix(w, &x, &p, row, row + n, block);
        through_network(w, &x, r, &p, block, row, n, w->panel > 0 || row > from);
        for (; a < tokens.to && first[a + 1] <= row + n; a++)
            collect_a(w, &x, &p, a, E + (size_t)(first[a] - from) * s->ld);
    }
    for (; a < tokens.to; a++) collect_a(w, &x, &p, a, E);
}
