/* The table plan, from pairs to the loss and back to the tables; ref has the formulas. Pairs are
 * gathered to E, the products are cuda_matmul's, and dE is scattered, token by token.
 *
 * A large batch goes through in panels of the same number of pairs, whose sums are added in order.
 * Panels and sums depend on the sizes of one run alone; of many runs as many are taken at a time as
 * scratch memory holds. */
#include "cuda/log_softmax.h"
#include "cuda/machine/slices.h"
#include "cuda/table/pairs.h"

enum { PANEL = 32768 /* pairs at most */ };

/* From E to the logits' gradient, and back to dE and the last layers' weights. */
static void layers(gk_backend *be, const panel *p, const loss_rows *loss, int form, double scale)
{
    const gk_table *t = &p->t;
    const gk_block *w = &t->weight, *d = &t->d_weight;
    int R = t->R, n = p->rows, D = t->D, F = t->F, C = t->C, ld = p->ld;
    size_t e = (size_t)p->room * ld, f = (size_t)p->room * F, c = (size_t)p->room * C;
    size_t fd = (size_t)F * D, dc = (size_t)D * C, fc = (size_t)F * C;
    gk_real *h = p->e, *rest = p->e + F, beta = p->from > 0;

    if (t->wide) {
        cuda_matmul(be, rest, h, t->table.w_l, R, n, C, F, 0, 0, ld, C, ld, e, fc, e, 1);
        cuda_loss_rows(be, loss, R, form, scale);
        cuda_matmul(be, t->d_table.w_l, h, rest, R, F, C, n, 1, 0, ld, ld, C, e, e, fc, beta);
        cuda_matmul(be, p->dh, rest, t->table.w_l, R, n, F, C, 0, 1, ld, C, F, e, fc, f, 0);
        return;
    }
    cuda_matmul(be, rest, h, w->w_out, R, n, D, F, 0, 0, ld, D, ld, e, fd, e, 1);
    cuda_matmul(be, p->logits, rest, w->w_u, R, n, C, D, 0, 0, ld, C, C, e, dc, c, 0);
    cuda_loss_rows(be, loss, R, form, scale);
    cuda_matmul(be, d->w_u, rest, p->logits, R, D, C, n, 1, 0, ld, C, C, e, c, dc, beta);
    cuda_matmul(be, rest, p->logits, w->w_u, R, n, D, C, 0, 1, C, C, ld, c, dc, e, 0);
    cuda_matmul(be, d->w_out, h, rest, R, F, D, n, 1, 0, ld, ld, D, e, e, fd, beta);
    cuda_matmul(be, p->dh, rest, w->w_out, R, n, F, D, 0, 1, ld, D, F, e, fd, f, 0);
}

static void gather(gk_backend *be, const panel *p)
{
    gathering g;

    g.t = p->t;
    g.pre = p->e;
    g.rest = p->e + p->t.F;
    g.prob = p->prob;
    g.a = p->pairs.a + p->from;
    g.b = p->pairs.b + p->from;
    g.pre_ld = g.rest_ld = p->ld;
    g.rows = p->rows;
    g.room = p->room;
    g.tokens = p->pairs.B;
    g.step = 1;
    g.relu = true;
    cuda_gather(be, &g, p->t.R);
}

/* All panels of the runs of p.t. loss: of the first row of the first of these runs. */
static void all_pairs(gk_backend *be, panel p, loss_rows loss, int form, double scale)
{
    for (p.from = 0; p.from < p.pairs.B; p.from += p.room) {
        p.rows = p.pairs.B - p.from < p.room ? p.pairs.B - p.from : p.room;
        loss.rows = p.rows;
        gather(be, &p);
        layers(be, &p, &loss, form, scale);
        cuda_scatter(be, &p);
        loss.loss += p.rows;
        loss.hit += p.rows;
        loss.label += p.rows;
    }
    cuda_scatter_finish(be, &p);
}

enum { ARRAYS = 7 };

/* Elements of a run of each array of a panel, in the order of its pointers; doubles count twice. */
static void array_sizes(size_t *size, const panel *p)
{
    const gk_table *t = &p->t;
    size_t room = (size_t)p->room, N = (size_t)t->N, H = (size_t)t->H;

    size[0] = 2 * 3 * N * H;
    size[1] = room * p->ld;
    size[2] = room * t->F;
    size[3] = room * H * 3;
    size[4] = 2 * p->strips * room * H;
    size[5] = t->wide ? 0 : room * t->C;
    size[6] = N * (2 * H + 1) * (t->F + t->rest);
}

/* Arrays begin at 256 bytes, whatever R is: what products compute may depend on alignment. */
static size_t rounded(size_t elements) { return (elements + 63) / 64 * 64; }

/* The arrays of R runs from `memory` on */
static void lay_out(panel *p, gk_real *memory, const size_t *size, size_t R)
{
    gk_real **to[] = {&p->e, &p->dh, &p->prob, &p->dots, &p->logits, &p->part};

    p->score = (double *)memory;
    memory += rounded(R * size[0]);
    for (int i = 1; i < ARRAYS; i++) {
        *to[i - 1] = memory;
        memory += rounded(R * size[i]);
    }
}

/* The pairs of run r and those after it */
static gk_pairs pairs_from(const gk_pairs *pairs, int N, int r)
{
    size_t at = (size_t)r * pairs->B, firsts = (size_t)r * (N + 1);
    gk_pairs some = *pairs;

    some.a += at;
    some.b += at;
    some.label += at;
    some.by_b += at;
    some.first_a += firsts;
    some.first_b += firsts;
    return some;
}

void cuda_table_pairs(gk_backend *be, double *row_loss, uint8_t *row_hit, const gk_table *t,
                      const gk_pairs *pairs, int form, double scale)
{
    size_t size[ARRAYS], run = 0;
    int B = pairs->B, W = t->F + t->rest;
    panel p = {};

    p.t = *t;
    p.room = slices_of(B, 1, (B + PANEL - 1) / PANEL).rows;
    p.ld = (W + 3) / 4 * 4; /* rows begin at 16 bytes */
    p.strips = cuda_scatter_strips(W);
    array_sizes(size, &p);
    for (int i = 0; i < ARRAYS; i++) run += rounded(size[i]) * sizeof(gk_real);
    int group = slices_group(t->R, run);
    gk_real *memory = (gk_real *)cuda_scratch(be, group * run);

    if (!memory) return;
    lay_out(&p, memory, size, (size_t)group);
    for (int r = 0; r < t->R; r += group) {
        size_t at = (size_t)r * B;
        loss_rows loss = {row_loss + at, row_hit + at, NULL, NULL, pairs->label + at, 0, B, t->C};

        p.t = gk_table_run(t, r);
        p.t.R = t->R - r < group ? t->R - r : group;
        p.pairs = pairs_from(pairs, t->N, r);
        loss.x = loss.d = t->wide ? p.e + t->F : p.logits;
        loss.ld = t->wide ? p.ld : t->C;
        loss.run = (size_t)p.room * loss.ld;
        all_pairs(be, p, loss, form, scale);
    }
}
