/* The batch through the table plan, in four jobs:
 *
 * - weights are packed, and X_h1 of every token written out;
 * - slices: whole rows of the torus (all pairs of some a), some 240 pairs, in blocks that stay in the
 *   second cache: E, logits, loss, dE in the place of E, and what goes back to a's rows. A slice has
 *   its own sums for what all pairs share;
 * - tokens b: dE of their pairs is read again, so that each row of the table has one owner;
 * - sums over slices.
 *
 * Slices are cut by the pairs of one run alone. A large batch goes through the second and third job
 * in panels, so that dE stays small. */
#include "table.h"

#include <string.h>

enum {
    PANEL_ROWS = 8192,
    SLICE_ROWS = 240,
    SLICES_MAX = 16,
    BLOCK_ROWS = 120,
    BLOCK_MAX = 192, /* where a slice has fewer than two */
    TILE_ROWS = 12,
    TOKENS = 8,  /* b's of a chunk */
    CLASSES = 16 /* of weights, when sums are added */
};

_Static_assert((int)BLOCK_MAX <= (int)CPU_DEPTH, "a block's rows are the depth of a product");

/* What a slice (or some b's) has for itself; sums over all panels. */
typedef struct part {
    gk_real *x0, *sum; /* (H,width) scratch */
    gk_real *shift;    /* (H,width) */
    gk_real *base;     /* (width) */
    gk_real *dw[2];    /* (out,in) of each layer */
    gk_real *logits;   /* (BLOCK_MAX,C) narrow */
    gk_real *gate;     /* (BLOCK_MAX,ld) where the layer is deep */
} part;

typedef struct pairs_job {
    gk_backend *be;
    const table_kernels *kernels;
    const cpu_tiles *tiles;
    const gk_table *t;
    const gk_pairs *pairs;
    cpu_loss loss; /* of all runs */
    table_shape shape;
    int first, runs;         /* at a time */
    int panels, panel, rows; /* rows: of the largest */
    int slices, tokens;      /* parts of a panel; of b's */
    char *scratch;
    size_t run_bytes;
} pairs_job;

/* One run's view of everything. */
typedef struct run {
    gk_table t;
    gk_pairs pairs;
    int layers;
    table_layer layer[2];
    gk_real *x1, *base; /* (N,H,width), (width) */
    table_prob prob;    /* (B,H) */
    gk_real *dA[2];     /* (B,H) */
    gk_real *E;         /* (rows,ld) of a panel */
    part slice[SLICES_MAX];
    gk_real *token_part; /* (tokens,2,H,width): shift, and scratch */
} run;

static gk_real *take(gk_arena *memory, size_t n)
{
    return gk_arena_take(memory, n, sizeof(gk_real));
}

static part take_slice(gk_arena *memory, const run *x, const table_shape *s)
{
    size_t rows = (size_t)s->H * s->width;
    const table_layer *last = &x->layer[x->layers - 1];
    part p = {.x0 = take(memory, rows),
              .sum = take(memory, rows),
              .shift = take(memory, rows),
              .base = take(memory, s->width)};

    for (int i = 0; i < x->layers; i++)
        p.dw[i] = take(memory, (size_t)x->layer[i].in * x->layer[i].out);
    if (x->layers > 1) p.logits = take(memory, (size_t)BLOCK_MAX * last->out);
    if (x->layer[0].out > CPU_DEPTH) p.gate = take(memory, (size_t)BLOCK_MAX * s->ld);
    return p;
}

static run take_run(const pairs_job *w, int r, gk_arena *memory)
{
    const table_shape *s = &w->shape;
    const gk_pairs *pairs = w->pairs;
    size_t B = (size_t)pairs->B, rows = B * s->H, i = (size_t)w->first + r;
    run x = {.t = gk_table_run(w->t, (int)i), .layers = w->t->wide ? 1 : 2};

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

static run run_of(const pairs_job *w, int r)
{
    gk_arena memory = {w->scratch + r * w->run_bytes, w->run_bytes, 0};

    return take_run(w, r, &memory);
}

/* The first token of [from, to) before whose rows there are `rows` or more. */
static int cut(const int32_t *first, int from, int to, int rows)
{
    while (from < to && first[from] < rows) from++;
    return from;
}

/* Tokens a of panel i. */
static cpu_range panel_of(const int32_t *first_a, int N, int B, int panels, int i)
{
    int from = (int)((int64_t)B * i / panels), to = (int)((int64_t)B * (i + 1) / panels);

    return (cpu_range){i == 0 ? 0 : cut(first_a, 0, N, from),
                       i == panels - 1 ? N : cut(first_a, 0, N, to)};
}

/* Tokens a of slice i of a panel. */
static cpu_range slice_of(const int32_t *first_a, cpu_range panel, int slices, int i)
{
    int row = first_a[panel.from], rows = first_a[panel.to] - row;
    int from = row + (int)((int64_t)rows * i / slices);
    int to = row + (int)((int64_t)rows * (i + 1) / slices);

    return (cpu_range){i == 0 ? panel.from : cut(first_a, panel.from, panel.to, from),
                       i == slices - 1 ? panel.to : cut(first_a, panel.from, panel.to, to)};
}

/* ---- weights and tables */

enum { TOKEN_CHUNK = 16 };

static int prepare_chunks(const pairs_job *w)
{
    return cpu_pieces(w->shape.N, TOKEN_CHUNK) + (w->t->wide ? 2 : 4);
}

static void prepare(const void *job, int i)
{
    const pairs_job *w = job;
    const table_shape *s = &w->shape;
    int chunks = prepare_chunks(w), pieces = cpu_pieces(s->N, TOKEN_CHUNK);
    run x = run_of(w, i / chunks);
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

/* ---- slices */

/* Pairs [from, to) of a slice, into the panel's rows of E. */
static void mix(const pairs_job *w, const run *x, const part *p, int from, int to, gk_real *E)
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
static void lose(const pairs_job *w, const run *x, int r, table_matrix logits, int row, int m)
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
static void through_network(const pairs_job *w, const run *x, int r, const part *p, gk_real *E,
                            int row, int m, gk_real beta)
{
    const table_shape *s = &w->shape;
    const table_layer *one = &x->layer[0], *two = &x->layer[1];
    table_matrix h = {E, s->ld}, rest = {E + s->rest_at, s->ld}, logits = {p->logits, x->t.C};
    const gk_real *gate = E;

    table_layer_forward(one, rest, h, m, 1);
    if (x->t.wide) {
        lose(w, x, r, rest, row, m);
    } else {
        table_layer_forward(two, logits, rest, m, 0);
        lose(w, x, r, logits, row, m);
        table_layer_weights(two, p->dw[1], logits, rest, m, beta);
        table_layer_back(two, rest, logits, m, NULL);
    }
    table_layer_weights(one, p->dw[0], rest, h, m, beta);
    if (p->gate) gate = memcpy(p->gate, E, (size_t)m * s->ld * sizeof *E);
    table_layer_back(one, h, rest, m, gate);
}

/* Back to the rows of token a, whose pairs' dE is complete. */
static void collect_a(const pairs_job *w, const run *x, const part *p, int a, const gk_real *dE)
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
static void zero_part(const part *p, const table_layer *layer, const table_shape *s, bool rows)
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

static void slice_chunk(const void *job, int i)
{
    const pairs_job *w = job;
    const table_shape *s = &w->shape;
    int r = i / w->slices;
    run x = run_of(w, r);
    part p = x.slice[i % w->slices];
    const int32_t *first = x.pairs.first_a;
    cpu_range panel = panel_of(first, s->N, x.pairs.B, w->panels, w->panel);
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

/* ---- tokens b */

/* The pairs of token b that are in rows [from, to). */
static table_list list_of(const gk_pairs *pairs, int b, int from, int to)
{
    int i = pairs->first_b[b], end = pairs->first_b[b + 1];

    while (i < end && pairs->by_b[i] < from) i++;
    table_list list = {.row = pairs->by_b + i, .first = from};
    while (i < end && pairs->by_b[i] < to) i++, list.n++;
    return list;
}

static void token_chunk(const void *job, int i)
{
    const pairs_job *w = job;
    const table_shape *s = &w->shape;
    run x = run_of(w, i / w->tokens);
    size_t H = (size_t)s->H, W = (size_t)s->F + s->rest, rows = H * s->width;
    cpu_range panel = panel_of(x.pairs.first_a, s->N, x.pairs.B, w->panels, w->panel);
    int from = x.pairs.first_a[panel.from], to = x.pairs.first_a[panel.to];
    size_t at = from * H;
    cpu_range tokens = cpu_piece(s->N, TOKENS, i % w->tokens);
    gk_real *shift = x.token_part + (size_t)(i % w->tokens) * 2 * rows, *sum = shift + rows;

    if (w->panel == 0) memset(shift, 0, rows * sizeof *shift);
    for (int b = tokens.from; b < tokens.to; b++) {
        table_list list = list_of(&x.pairs, b, from, to);

        if (list.n == 0) continue;
        w->kernels->dots(x.dA[1] + at, s, x.E, x.x1 + b * rows, list);
        w->kernels->collect(sum, NULL, s, x.E, x.prob.A[1] + at, list);
        for (size_t h = 0; h < H; h++)
            table_narrow(w->kernels, s, x.t.d_table.row + (b * H + h) * W, sum + h * s->width,
                         true);
        w->kernels->add(shift, shift, sum, rows);
    }
}

/* ---- sums */

/* dw (in,out) from the slices' (out,in): CLASSES of `out`, summed in slice 0 */
static void add_weights(const pairs_job *w, gk_real *dw, const run *x, int layer, int i)
{
    int in = x->layer[layer].in, out = x->layer[layer].out;
    cpu_range range = cpu_piece(out, CLASSES, i);
    size_t at = (size_t)range.from * in, n = (size_t)(range.to - range.from) * in;
    gk_real *sum = x->slice[0].dw[layer] + at;

    for (int k = 1; k < w->slices; k++) w->kernels->add(sum, sum, x->slice[k].dw[layer] + at, n);
    w->tiles->transpose(dw + range.from, out, sum, in, range.to - range.from, in);
}

static void add_shifts(const run *x, const pairs_job *w)
{
    const table_shape *s = &w->shape;
    size_t rows = (size_t)s->H * s->width, W = (size_t)s->F + s->rest;
    gk_real *sum = x->slice[0].sum; /* no longer used */
    const gk_tables *d = &x->t.d_table;

    for (int j = 0; j < 2; j++) {
        for (size_t i = 0; i < rows; i++) {
            double total = 0;

            for (int k = 0; k < (j ? w->tokens : w->slices); k++)
                total += (double)(j ? x->token_part + 2 * k * rows : x->slice[k].shift)[i];
            sum[i] = (gk_real)total;
        }
        for (int h = 0; h < s->H; h++)
            table_narrow(w->kernels, s, d->shift + ((size_t)j * s->H + h) * W,
                         sum + (size_t)h * s->width, false);
    }
    for (int i = 0; i < s->width; i++) {
        double total = 0;

        for (int k = 0; k < w->slices; k++) total += (double)x->slice[k].base[i];
        sum[i] = (gk_real)total;
    }
    table_narrow(w->kernels, s, d->base, sum, false);
}

/* A0 dA_0 + A1 dA_1 of element i of those arrays */
static double mean_at(const run *x, size_t i)
{
    return (double)x->prob.A[0][i] * (double)x->dA[0][i] +
           (double)x->prob.A[1][i] * (double)x->dA[1][i];
}

/* ds_hj(token) from the pairs of each token */
static void add_scores(const run *x, int j)
{
    int N = x->t.N, H = x->t.H;
    const int32_t *first = j ? x->pairs.first_b : x->pairs.first_a;
    gk_real *ds = x->t.d_table.score + (size_t)j * N * H;

    for (int token = 0; token < N; token++) {
        for (int h = 0; h < H; h++) {
            double sum = 0;

            for (int k = first[token]; k < first[token + 1]; k++) {
                size_t i = (size_t)(j ? x->pairs.by_b[k] : k) * H + h;
                sum += (double)x->prob.A[j][i] * ((double)x->dA[j][i] - mean_at(x, i));
            }
            ds[(size_t)token * H + h] = (gk_real)sum;
        }
    }
}

static void add_score_eq(const run *x)
{
    int H = x->t.H;

    for (int h = 0; h < H; h++) {
        double sum = 0;

        for (size_t i = h; i < (size_t)x->pairs.B * H; i += H)
            sum -= (double)x->prob.A[2][i] * mean_at(x, i);
        x->t.d_table.score_eq[h] = (gk_real)sum;
    }
}

enum { OTHER_SUMS = 4 }; /* chunks beside the weights' */

static int finish_chunks(const pairs_job *w)
{
    const gk_table *t = w->t;

    return OTHER_SUMS + cpu_pieces(t->C, CLASSES) + (t->wide ? 0 : cpu_pieces(t->D, CLASSES));
}

static void finish(const void *job, int i)
{
    const pairs_job *w = job;
    int chunks = finish_chunks(w), classes = cpu_pieces(w->t->C, CLASSES);
    run x = run_of(w, i / chunks);
    gk_real *w_u = x.t.wide ? x.t.d_table.w_l : x.t.d_weight.w_u;

    i = i % chunks - OTHER_SUMS;
    switch (i) {
    case -4: add_shifts(&x, w); break;
    case -3: add_scores(&x, 0); break;
    case -2: add_scores(&x, 1); break;
    case -1: add_score_eq(&x); break;
    default:
        if (i < classes)
            add_weights(w, w_u, &x, x.layers - 1, i);
        else
            add_weights(w, x.t.d_weight.w_out, &x, 0, i - classes);
    }
}

/* Rows of the largest panel of any run. */
static int panel_rows(const gk_pairs *pairs, int R, int N, int panels)
{
    int rows = 0;

    for (int r = 0; r < R; r++) {
        const int32_t *first = pairs->first_a + (size_t)r * (N + 1);

        for (int i = 0; i < panels; i++) {
            cpu_range panel = panel_of(first, N, pairs->B, panels, i);
            rows = cpu_max(rows, first[panel.to] - first[panel.from]);
        }
    }
    return rows;
}

void cpu_table_pairs(gk_backend *be, double *row_loss, uint8_t *row_hit, const gk_table *t,
                     const gk_pairs *pairs, int form, double scale)
{
    int panels = cpu_pieces(pairs->B, PANEL_ROWS);
    pairs_job w = {.be = be,
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
                   .slices =
                       cpu_min(SLICES_MAX, cpu_pieces(cpu_pieces(pairs->B, panels), SLICE_ROWS)),
                   .tokens = cpu_pieces(t->N, TOKENS)};
    gk_arena count = {0};

    take_run(&w, 0, &count);
    w.run_bytes = (count.used + 255) / 256 * 256;
    w.runs = cpu_group(t->R, w.run_bytes);
    w.scratch = cpu_scratch(be, w.runs * w.run_bytes);
    for (; w.first < t->R; w.first += w.runs) {
        w.runs = cpu_min(w.runs, t->R - w.first);
        cpu_parallel(be, w.runs * prepare_chunks(&w), prepare, &w);
        for (w.panel = 0; w.panel < panels; w.panel++) {
            cpu_parallel(be, w.runs * w.slices, slice_chunk, &w);
            cpu_parallel(be, w.runs * w.tokens, token_chunk, &w);
        }
        cpu_parallel(be, w.runs * finish_chunks(&w), finish, &w);
    }
}
