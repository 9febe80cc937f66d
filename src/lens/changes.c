/* Changes of the logits of inputs, and means of the losses of what is left. */
#include "gk/changes.h"

/* Over all inputs and over the test inputs, from sums by group of rows. */
static void means(const gk_snapshot *s, const double sum[GK_ROW_GROUPS], double *all, double *test)
{
    const double *rows = s->inside;
    double test_sum = sum[GK_ROWS_COMMUTED] + sum[GK_ROWS_UNCOMMUTED];
    double test_rows = rows[GK_ROWS_COMMUTED] + rows[GK_ROWS_UNCOMMUTED];

    if (all) *all = (sum[GK_ROWS_TRAIN] + test_sum) / (rows[GK_ROWS_TRAIN] + test_rows);
    if (test) *test = test_rows > 0 ? test_sum / test_rows : GK_NULL;
}

gk_changes gk_changes_take(gk_lens *l)
{
    size_t runs = (size_t)l->together;
    gk_changes x = {.coef = gk_scratch_reals(l, 4 * (size_t)l->W * (size_t)l->n)};

    x.column = gk_scratch(l, runs * (size_t)l->W, sizeof *x.column);
    x.begin = gk_scratch(l, runs * (GK_CHANGES_MAX + 1), sizeof *x.begin);
    x.sum = gk_scratch(l, runs * GK_CHANGES_MAX * GK_ROW_GROUPS, sizeof *x.sum);
    return x;
}

/* Changes of one run. */
static int changes_of(const gk_changes *x, int r) { return x->by_frequency ? x->p[r].m / 2 : 1; }

static void put(const gk_changes *x, const gk_snapshot *s, int r)
{
    const gk_lens *l = s->lens;
    const gk_polynomial *p = &x->p[r];
    size_t W = (size_t)l->W, n = (size_t)l->n, m = (size_t)p->m, run = (size_t)r;
    int32_t begin[GK_CHANGES_MAX + 1];
    int changes = changes_of(x, r);

    GK_CHECK(changes <= GK_CHANGES_MAX && m <= W);
    for (int i = 0; i <= changes; i++) begin[i] = x->by_frequency ? 2 * i : i * p->m;
    gk_upload_reals(s->be, x->coef + run * 4 * W * n, p->coef, 4 * m * n);
    s->be->upload(s->be, x->column + run * W, p->column, m * sizeof *p->column);
    s->be->upload(s->be, x->begin + run * (GK_CHANGES_MAX + 1), begin,
                  ((size_t)changes + 1) * sizeof *begin);
}

void gk_changes_put(gk_changes *x, const gk_snapshot *s, int R, const gk_polynomial *p,
                    bool by_frequency)
{
    x->p = p;
    x->by_frequency = by_frequency;
    for (int r = 0; r < R; r++)
        if (p[r].m) put(x, s, r);
}

static double *sum_of(const gk_changes *x, int r)
{
    return x->sum + (size_t)r * GK_CHANGES_MAX * GK_ROW_GROUPS;
}

void gk_changes_add(const gk_changes *x, const gk_snapshot *s, int R, const gk_real *logits,
                    gk_row_block b)
{
    const gk_lens *l = s->lens;
    size_t W = (size_t)l->W, n = (size_t)l->n, rows = (size_t)b.rows;

    for (size_t r = 0; r < (size_t)R; r++) {
        size_t at = (size_t)s[r].slot * (size_t)l->inputs + (size_t)b.first;
        if (!x->p[r].m) continue;
        s->be->changed_losses(
            s->be, sum_of(x, (int)r), logits ? logits + r * rows * n : NULL, l->label + at,
            l->group + at, l->torus + 4 * (size_t)b.first, l->characters, x->coef + r * 4 * W * n,
            x->begin + r * (GK_CHANGES_MAX + 1), x->column + r * W, 1, b.rows, l->n, GK_ROW_GROUPS,
            changes_of(x, (int)r), 4, l->n + 1, l->W, x->p[r].m, b.first > 0);
    }
}

void gk_changes_mean(const gk_changes *x, const gk_snapshot *s, int r, int change, double *all,
                     double *test)
{
    double sum[GK_ROW_GROUPS];

    s->be->download(s->be, sum, sum_of(x, r) + change * GK_ROW_GROUPS, sizeof sum);
    means(s, sum, all, test);
}

gk_losses gk_losses_take(gk_lens *l, int results)
{
    size_t sums = (size_t)l->together * (size_t)results * GK_ROW_GROUPS * 2;
    gk_losses x = {.results = results, .sum = gk_scratch(l, sums, sizeof *x.sum)};

    x.row_loss = gk_scratch(l, (size_t)l->rows, sizeof *x.row_loss);
    x.row_hit = gk_scratch(l, (size_t)l->rows, sizeof *x.row_hit);
    return x;
}

static double *result_of(const gk_losses *x, int r, int result)
{
    return x->sum + (size_t)(r * x->results + result) * GK_ROW_GROUPS * 2;
}

void gk_losses_add(const gk_losses *x, const gk_snapshot *s, int R, const gk_real *logits,
                   int result, gk_row_block b)
{
    const gk_lens *l = s->lens;
    size_t part = (size_t)b.rows * (size_t)l->n;

    GK_CHECK(result < x->results);
    for (int r = 0; r < R; r++) {
        size_t at = (size_t)s[r].slot * (size_t)l->inputs + (size_t)b.first;
        s->be->log_softmax(s->be, x->row_loss, x->row_hit, NULL, logits + (size_t)r * part,
                           l->label + at, 1, b.rows, l->n, GK_LOSS_EXACT, 1);
        s->be->group_sums(s->be, result_of(x, r, result), x->row_loss, x->row_hit, l->group + at, 1,
                          b.rows, GK_ROW_GROUPS, b.first > 0);
    }
}

void gk_losses_mean(const gk_losses *x, const gk_snapshot *s, int r, int result, double *all,
                    double *test)
{
    double both[GK_ROW_GROUPS][2], sum[GK_ROW_GROUPS];

    s->be->download(s->be, both, result_of(x, r, result), sizeof both);
    for (int g = 0; g < GK_ROW_GROUPS; g++) sum[g] = both[g][0];
    means(s, sum, all, test);
}
