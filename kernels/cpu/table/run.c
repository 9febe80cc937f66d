/* One run's view of the job, its scratch laid out; tokens of a panel. */
#include "cpu/table/run.h"

static gk_real *take(gk_arena *memory, size_t n)
{
    return gk_arena_take(memory, n, sizeof(gk_real));
}

static table_part take_slice(gk_arena *memory, const table_run *x, const table_shape *s)
{
    size_t rows = (size_t)s->H * s->width;
    const table_layer *last = &x->layer[x->layers - 1];
    table_part p = {.x0 = take(memory, rows),
                    .sum = take(memory, rows),
                    .shift = take(memory, rows),
                    .base = take(memory, s->width)};

    for (int i = 0; i < x->layers; i++)
        p.dw[i] = take(memory, (size_t)x->layer[i].in * x->layer[i].out);
    if (x->layers > 1) p.logits = take(memory, (size_t)TABLE_BLOCK_MAX * last->out);
    if (x->layer[0].out > CPU_DEPTH) p.gate = take(memory, (size_t)TABLE_BLOCK_MAX * s->ld);
    return p;
}

static table_run take_run(const table_job *w, int r, gk_arena *memory)
{
    const table_shape *s = &w->shape;
    const gk_pairs *pairs = w->pairs;
    size_t B = (size_t)pairs->B, rows = B * s->H, i = (size_t)w->first + r;
    table_run x = {.t = gk_table_run(w->t, (int)i), .layers = w->t->wide ? 1 : 2};

    x.pairs = (gk_pairs){.B = pairs->B,
                         .a = pairs->a + i * B,
                         .b = pairs->b + i * B,
                         .label = pairs->label + i * B,
                         .by_b = pairs->by_b + i * B,
                         .first_a = pairs->first_a + i * (s->N + 1),
                         .first_b = pairs->first_b + i * (s->N + 1)};
    if (x.t.wide) {
        x.layer[0] = table_layer_take(memory, w->tiles, x.t.table.w_l, x.t.F, x.t.C);
    } else {
        x.layer[0] = table_layer_take(memory, w->tiles, x.t.weight.w_out, x.t.F, x.t.D);
        x.layer[1] = table_layer_take(memory, w->tiles, x.t.weight.w_u, x.t.D, x.t.C);
    }
    x.x1 = take(memory, (size_t)s->N * s->H * s->width);
    x.base = take(memory, s->width);
    for (int j = 0; j < 3; j++) x.prob.A[j] = take(memory, rows);
    for (int j = 0; j < 2; j++) x.dA[j] = take(memory, rows);
    x.E = take(memory, (size_t)w->rows * s->ld + w->tiles->strip);
    for (int k = 0; k < w->slices; k++) x.slice[k] = take_slice(memory, &x, s);
    x.token_part = take(memory, (size_t)w->tokens * 2 * s->H * s->width);
    return x;
}

table_run table_run_of(const table_job *w, int r)
{
    gk_arena memory = {w->scratch + r * w->run_bytes, w->run_bytes, 0};

    return take_run(w, r, &memory);
}

size_t table_run_bytes(const table_job *w)
{
    gk_arena count = {0};

    take_run(w, 0, &count);
    return (count.used + 255) / 256 * 256;
}

cpu_range table_panel_of(const int32_t *first_a, int N, int B, int panels, int i)
{
    int from = (int)((int64_t)B * i / panels), to = (int)((int64_t)B * (i + 1) / panels);

    return (cpu_range){i == 0 ? 0 : table_cut(first_a, 0, N, from),
                       i == panels - 1 ? N : table_cut(first_a, 0, N, to)};
}
